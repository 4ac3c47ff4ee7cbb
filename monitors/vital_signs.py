"""What the kernel tells of a process, and whether one that says nothing is dead: Linux, elsewhere the clock alone decides.

A process that computes and one that hangs are equally silent. They differ in what they do with the time: on a machine
with other work a process may have had a second of a processor in a minute, and is not to blame for its silence.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

STOPPED_S = 0.2
"""A process that a signal has held for so long is given up. Resumed with us, it may lag behind."""

STARVED_S = 60.0
"""By the clock, no silence is waited out for longer, whatever the process had of a processor meanwhile."""

_GAP_S = 2.0
"""Of the time between two looks no more counts: beyond it we did not run ourselves, and the process hardly did."""


@dataclass(frozen=True)
class Signs:
    """A process as the kernel sees it."""

    stopped: bool
    """A signal (SIGSTOP, Ctrl-Z) holds it. One that a debugger holds does not count."""
    runs: bool
    """Its main thread has a processor, or waits for one."""
    used_s: float
    """Processor time of all its threads since they began, in steps of 10 ms."""


def signs_of(process_id: int) -> Signs | None:
    """None where nobody tells, and for a process that is gone."""
    try:
        with open(f"/proc/{process_id}/stat", "rb") as stream:
            # The name before it is in brackets, and may hold brackets and blanks itself.
            fields = stream.read().rpartition(b")")[2].split()
        used_s = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None
    return Signs(fields[0] == b"T", fields[0] == b"R", used_s)


class Silence:
    """The silence of one process, in seconds in which it could have spoken.

    The clock counts while the process waits for anything but a processor, and where nobody tells; while it runs, only
    what it had of a processor counts, and never more than the clock. Look often: a look judges the time since the last one.
    """

    def __init__(
        self,
        process_id: int,
        look: Callable[[int], Signs | None] = signs_of,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._process_id, self._look, self._clock = process_id, look, clock
        self._used_s: float | None = None
        """What it had used at the last look, if that is known."""
        self._stopped_at: float | None = None
        """When it was first seen held by a signal."""
        self._since = self._looked_at = clock()
        self._silent_s = self._counted_s = 0.0

    def verdict(self, since: float, limit_s: float) -> str:
        """What is wrong with a process that last spoke, or was asked, at `since` (by the clock); "" while there is hope."""
        now, signs = self._clock(), self._look(self._process_id)
        if since != self._since:
            self._since = self._looked_at = since
            self._silent_s = self._counted_s = 0.0
        passed_s = min(now - self._looked_at, _GAP_S)
        used_s = passed_s
        if signs is not None and signs.runs and self._used_s is not None:
            used_s = min(used_s, signs.used_s - self._used_s)
        self._looked_at, self._used_s = now, None if signs is None else signs.used_s
        self._silent_s += passed_s
        self._counted_s += used_s
        if self._counted_s > limit_s or self._silent_s > max(limit_s, STARVED_S):
            return f"has not answered for {self._silent_s:.0f} s"
        if signs is None or not signs.stopped:
            self._stopped_at = None
        elif self._stopped_at is None:
            self._stopped_at = now
        elif now - self._stopped_at >= STOPPED_S:
            return "was stopped"
        return ""


def resident_mb() -> float:
    """How much memory we hold, in MB; 0 where nobody tells."""
    try:
        with open("/proc/self/statm", "rb") as stream:
            return int(stream.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    except (OSError, ValueError, IndexError):
        return 0.0
