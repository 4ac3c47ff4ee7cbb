"""When a silent process is given up: by what it had of a processor, on Linux; by the clock elsewhere."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from fairlead.monitors.vital_signs import STARVED_S, STOPPED_S, Signs, Silence, signs_of

LIMIT_S, LOOK_S = 10.0, 0.1
PATIENCE_S = 60.0


@dataclass
class Machine:
    """A clock that goes on as it is told, and what one process has of a processor meanwhile."""

    now: float = 1_000.0
    runs: bool = True
    stopped: bool = False
    used_s: float = 7.0
    silent: bool = False
    """Whether it tells nothing of its processes."""

    def signs_of(self, process_id: int) -> Signs | None:
        return None if self.silent else Signs(self.stopped, self.runs, self.used_s)

    def passes(self, seconds: float, share: float = 0.0) -> None:
        self.now += seconds
        self.used_s += share * seconds


def given_up_after(machine: Machine, share: float, limit_s: float = LIMIT_S, most_s: float = 200.0) -> float:
    """Seconds by the clock until a process that says nothing, and has such a share of a processor, is given up."""
    silence = Silence(1, machine.signs_of, lambda: machine.now)
    asked_at = machine.now
    while not silence.verdict(asked_at, limit_s) and machine.now - asked_at < most_s:
        machine.passes(LOOK_S, share)
    return machine.now - asked_at


@pytest.mark.parametrize(
    ("runs", "share", "after_s"),
    [
        (False, 0.0, 10.0),  # it waits for what never comes
        (False, 0.3, 10.0),  # it wakes up again and again
        (True, 1.0, 10.0),  # a loop that never ends
        (True, 0.5, 20.0),
        (True, 0.0, STARVED_S),  # it gets nothing at all
        (True, 0.1, STARVED_S),
        (True, 4.0, 10.0),  # on many processors at once: never before the clock
    ],
)
def test_a_silent_process_is_given_up(runs: bool, share: float, after_s: float) -> None:
    assert given_up_after(Machine(runs=runs), share) == pytest.approx(after_s, abs=0.3)


def test_where_nobody_tells_the_clock_decides() -> None:
    assert given_up_after(Machine(silent=True), share=0.1) == pytest.approx(LIMIT_S, abs=0.3)


def test_a_limit_above_that_of_the_starved_is_kept() -> None:
    assert given_up_after(Machine(), share=0.1, limit_s=120.0) == pytest.approx(120.0, abs=0.3)


def test_what_it_used_before_it_was_asked_does_not_count() -> None:
    machine = Machine()
    silence = Silence(1, machine.signs_of, lambda: machine.now)
    assert not silence.verdict(machine.now, LIMIT_S)
    machine.passes(50.0, share=1.0)
    asked_at = machine.now
    for _ in range(50):
        machine.passes(LOOK_S, share=0.9)
        assert not silence.verdict(asked_at, LIMIT_S)


def test_each_word_begins_a_new_silence() -> None:
    machine = Machine()
    silence = Silence(1, machine.signs_of, lambda: machine.now)
    for _ in range(10):
        heard_at = machine.now
        for _ in range(80):
            machine.passes(LOOK_S, share=1.0)
            assert not silence.verdict(heard_at, LIMIT_S)


def test_a_time_in_which_we_did_not_look_does_not_count() -> None:
    """An editor is held with Ctrl-Z for an hour, and its processes with it."""
    machine = Machine(runs=False)
    silence = Silence(1, machine.signs_of, lambda: machine.now)
    asked_at = machine.now
    assert not silence.verdict(asked_at, LIMIT_S)
    machine.passes(3_600.0)
    assert not silence.verdict(asked_at, LIMIT_S)


def test_held_by_a_signal_it_is_given_up_soon_and_released_it_is_not() -> None:
    machine = Machine(runs=False, stopped=True)
    silence = Silence(1, machine.signs_of, lambda: machine.now)
    asked_at = machine.now
    assert not silence.verdict(asked_at, LIMIT_S)
    machine.passes(STOPPED_S / 2)
    assert not silence.verdict(asked_at, LIMIT_S)
    machine.stopped = False
    assert not silence.verdict(asked_at, LIMIT_S)
    machine.stopped = True
    assert not silence.verdict(asked_at, LIMIT_S)
    machine.passes(STOPPED_S)
    assert silence.verdict(asked_at, LIMIT_S) == "was stopped"


# The real figures

SLEEPS, COMPUTES = "import time; time.sleep(600)", "while True: pass"


@pytest.fixture
def started() -> Iterator[Callable[[str], int]]:
    """Runs a program; gives its process id."""
    running: list[subprocess.Popen[bytes]] = []

    def start(program: str) -> int:
        running.append(subprocess.Popen([sys.executable, "-I", "-c", program]))
        return running[-1].pid

    yield start
    for process in running:
        process.kill()
        process.wait()


def eventually(process_id: int, condition: Callable[[Signs], bool]) -> bool:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        signs = signs_of(process_id)
        if signs is not None and condition(signs):
            return True
        time.sleep(0.01)
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
class TestSigns:
    def test_a_process_that_computes_runs_and_uses_time(self, started: Callable[[str], int]) -> None:
        assert eventually(started(COMPUTES), lambda signs: signs.runs and signs.used_s >= 0.3)

    def test_a_process_that_sleeps_does_not_run(self, started: Callable[[str], int]) -> None:
        child = started(SLEEPS)
        assert eventually(child, lambda signs: not signs.runs)
        os.kill(child, signal.SIGSTOP)
        assert eventually(child, lambda signs: signs.stopped)
        os.kill(child, signal.SIGCONT)
        assert eventually(child, lambda signs: not signs.stopped)

    def test_of_a_process_that_is_gone_nothing_is_known(self) -> None:
        child = subprocess.Popen([sys.executable, "-I", "-c", ""])
        child.wait()
        assert signs_of(child.pid) is None
