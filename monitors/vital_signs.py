"""What the kernel tells of a process, and what it costs nothing to ask: Linux only, elsewhere nothing is known."""

from __future__ import annotations

import os


def is_stopped(process_id: int) -> bool:
    """Whether a signal (SIGSTOP, Ctrl-Z) holds the process. One that a debugger holds does not count.

    False where nobody tells, and for a process that is gone.
    """
    try:
        with open(f"/proc/{process_id}/stat", "rb") as stream:
            # The name before it is in brackets, and may hold brackets and blanks itself.
            return stream.read().rpartition(b")")[2].split()[0] == b"T"
    except (OSError, IndexError):
        return False


def resident_mb() -> float:
    """How much memory we hold, in MB; 0 where nobody tells."""
    try:
        with open("/proc/self/statm", "rb") as stream:
            return int(stream.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    except (OSError, ValueError, IndexError):
        return 0.0
