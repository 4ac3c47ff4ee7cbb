"""Analysis is killed and stopped at every moment of a question: no question is lost, no answer is another's."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from fairlead.monitors.analysis import Document, Members
from fairlead.monitors.errors import AnalysisDown
from fairlead.monitors.process import AnalysisProcess

KILL_EVERY = 10
PATIENCE_S = 120.0
LONG_COMMENT = "# so that the pipe is full before all is written\n" * 8_000


@dataclass
class Report:
    """What became of the questions."""

    lost: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    kills: dict[str, int] = field(default_factory=dict)
    states: list[str] = field(default_factory=list)

    def quantile_s(self, share: float) -> float:
        return sorted(self.seconds)[min(len(self.seconds) - 1, int(share * len(self.seconds)))]


def question(number: int, filler: str = "") -> tuple[Document, int]:
    """What only this question's answer can say."""
    text = f"{filler}class C{number}:\n    attribute_{number} = 1\n    def method_{number}(self): ...\n\nC{number}()."
    return Document(f"/nowhere/{number % 3}.py", text, number), len(text)


def own_names(members: Members) -> set[str]:
    return {name for name in members.names if not name.startswith("_")}


def send(analysis: AnalysisProcess, number: int) -> int:
    """Signal the process; its id, 0 when there is none at the moment."""
    running = analysis._running
    if running is None or not running.alive():
        return 0
    os.kill(running._process.pid, number)
    return int(running._process.pid)


def successor(analysis: AnalysisProcess, of: int) -> None:
    """Wait until another process runs."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        running = analysis._running
        if running is not None and running._process.pid != of and running.alive():
            return
        time.sleep(0.005)


def begins(analysis: AnalysisProcess) -> None:
    """Wait until it has begun with a question."""
    end = time.monotonic() + 2
    while time.monotonic() < end and ((running := analysis._running) is None or running.begun is None):
        time.sleep(0.001)


def before(analysis: AnalysisProcess, ask: Callable[[], None]) -> None:
    send(analysis, signal.SIGKILL)
    ask()


def as_it_is_asked(analysis: AnalysisProcess, ask: Callable[[], None]) -> None:
    ask()
    send(analysis, signal.SIGKILL)


def in_the_middle_of_it(analysis: AnalysisProcess, ask: Callable[[], None]) -> None:
    ask()
    begins(analysis)
    send(analysis, signal.SIGKILL)


def while_it_is_written(analysis: AnalysisProcess, ask: Callable[[], None]) -> None:
    """The text is longer than a pipe holds, and nobody reads."""
    send(analysis, signal.SIGSTOP)
    ask()
    time.sleep(0.05)
    send(analysis, signal.SIGKILL)


def twice_in_a_row(analysis: AnalysisProcess, ask: Callable[[], None]) -> None:
    ask()
    successor(analysis, send(analysis, signal.SIGKILL))
    send(analysis, signal.SIGKILL)


def stopped(analysis: AnalysisProcess, ask: Callable[[], None]) -> None:
    """Its owner sees it, and ends it."""
    send(analysis, signal.SIGSTOP)
    ask()


MOMENTS = (before, as_it_is_asked, in_the_middle_of_it, while_it_is_written, twice_in_a_row, stopped)


def put(analysis: AnalysisProcess, document: Document, offset: int, asked: list[Future[Members]]) -> None:
    asked.append(analysis.members(document, offset))


def disturbed(analysis: AnalysisProcess, count: int, patience_s: float = PATIENCE_S) -> Report:
    """Ask so many questions, and send a signal at one of the moments at every tenth."""
    report = Report()
    analysis._on_health = report.states.append
    for number in range(count):
        moment = MOMENTS[number // KILL_EVERY % len(MOMENTS)] if number % KILL_EVERY == 5 else None
        asked: list[Future[Members]] = []
        document, offset = question(number, LONG_COMMENT if moment is while_it_is_written else "")
        begun = time.monotonic()
        ask = partial(put, analysis, document, offset, asked)
        if moment is None:
            ask()
        else:
            moment(analysis, ask)
            report.kills[moment.__name__] = report.kills.get(moment.__name__, 0) + 1
        try:
            answer = asked[0].result(patience_s)
        except (FutureTimeout, AnalysisDown) as error:
            report.lost.append(f"question {number}, signalled {moment and moment.__name__}: {error or 'no answer'}")
            continue
        report.seconds.append(time.monotonic() - begun)
        if own_names(answer) != {f"attribute_{number}", f"method_{number}"}:
            report.wrong.append(f"question {number}: {own_names(answer)} ({answer.reason})")
    return report


@pytest.fixture
def cache_folder(tmp_path: Any) -> str:
    return str(tmp_path)


@pytest.fixture
def analysis(cache_folder: str) -> Iterator[AnalysisProcess]:
    made = AnalysisProcess(cache_folder=cache_folder)
    yield made
    made.shutdown()


def test_no_question_is_lost_and_no_answer_is_wrong(
    analysis: AnalysisProcess, form: Callable[..., int], figure: Callable[[str, str], None]
) -> None:
    begun = time.monotonic()
    report = disturbed(analysis, form(60, 1_000, 10_000))
    seconds = time.monotonic() - begun
    assert report.lost == []
    assert report.wrong == []
    assert set(report.kills) == {moment.__name__ for moment in MOMENTS}
    assert analysis._restarts <= seconds + 1, "at most one start a second"
    assert "restarting: it was ended by signal 9" in report.states
    figure(
        "T9", f"{len(report.seconds):,} questions, {sum(report.kills.values())} times killed or stopped at {len(MOMENTS)} "
        f"moments: 0 lost, 0 wrong; p50 {report.quantile_s(0.5) * 1000:.0f} ms, p99 {report.quantile_s(0.99):.1f} s",
    )  # fmt: skip


def test_a_document_that_kills_while_it_is_warmed_up_is_not_warmed_up_for_ever(
    analysis: AnalysisProcess, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has asked about it, and the others are served."""
    (tmp_path / "bad.py").write_text("x = 1\n")
    worker = tmp_path / "fragile.py"
    worker.write_text(FRAGILE_WORKER)
    plain = AnalysisProcess._command
    monkeypatch.setattr(
        AnalysisProcess, "_command", lambda self: [sys.executable, "-E", "-P", str(worker), *plain(self)[5:]]
    )
    successor(analysis, send(analysis, signal.SIGKILL))
    analysis.open(Document("/nowhere/kills.py", "import os", 1))
    end = time.monotonic() + PATIENCE_S
    while analysis._warm_strikes.get("/nowhere/kills.py", 0) < 2 and time.monotonic() < end:
        time.sleep(0.02)
    document, offset = question(1)
    assert own_names(analysis.members(document, offset).result(PATIENCE_S)) == {"attribute_1", "method_1"}
    restarts = analysis._restarts
    analysis.open(Document("/nowhere/other.py", "import os", 1))
    document, offset = question(2)
    assert own_names(analysis.members(document, offset).result(PATIENCE_S)) == {"attribute_2", "method_2"}
    assert analysis._restarts == restarts
    analysis.close("/nowhere/kills.py")
    assert analysis._warm_strikes == {}


FRAGILE_WORKER = """
import os, signal
from fairlead.monitors import jedi_members, worker

warm = jedi_members.warm
def fragile(session, document):
    if "kills" in document.path:
        os.kill(os.getpid(), signal.SIGKILL)
    return warm(session, document)
jedi_members.warm = fragile
worker.main()
"""
"""Dies of warming up one document, as of a bug in C."""


class Forgetful(AnalysisProcess):
    """Asks nothing of a successor."""

    def _put(self, question: Any) -> None:
        if not question.asked:
            super()._put(question)


class Careless(AnalysisProcess):
    """Takes questions about one file for the same question."""

    def _ask(self, verb: str, document: Document, offset: int, name: str, key: tuple[Any, ...]) -> Any:
        return super()._ask(verb, document, offset, name, (verb, document.path))


@pytest.mark.parametrize(("kind", "count"), [(Forgetful, 6), (Careless, 8)])
def test_a_process_that_loses_or_mixes_questions_is_noticed(
    cache_folder: str, kind: type[AnalysisProcess], count: int
) -> None:
    made = kind(cache_folder=cache_folder, lifeless_s=3.0)
    try:
        made.members(*question(999)).result(PATIENCE_S)
        report = disturbed(made, count, patience_s=3.0)
    finally:
        made.shutdown()
    assert (report.lost if kind is Forgetful else report.wrong) != []
