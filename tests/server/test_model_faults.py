"""A model that breaks or hangs at any step: nothing is offered, the reason is told, the next request is served."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import psutil
import pytest
import pytest_asyncio
import torch

from fairlead.decoding.decoder import Decoder
from fairlead.decoding.fakes import ScriptedEngine, byte_tokenizer, decoder_of
from fairlead.monitors.analysis import Document
from fairlead.monitors.fixed import FixedAnalysis
from fairlead.monitors.roster import joint
from fairlead.server.model_thread import ModelThread
from fairlead.server.session import Session
from fairlead.server.settings import Settings, monitors_on

MEMBERS = {"node": ["append", "build", "host"]}
TEXT = "item = 1\nx = node."
SETTINGS = Settings(inline_budget_ms=20_000, completion_budget_ms=20_000, inline_min_confidence=0.0, inline_prepare_next=False)


class Panic(BaseException):
    """As tokenizers raises: no Exception."""


class Faulty(ScriptedEngine):
    """Does something else at its `at`th pass, and counts the passes."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.at = -1
        self.fault: Callable[[torch.Tensor], torch.Tensor] = lambda row: row

    def logits(self, tokens: tuple[int, ...]) -> torch.Tensor:
        row = super().logits(tokens)
        self.at -= 1
        return self.fault(row) if self.at == 0 else row

    def warm(self) -> None:
        """Nothing to warm."""


def raising(error: BaseException) -> Callable[[torch.Tensor], torch.Tensor]:
    def fault(row: torch.Tensor) -> torch.Tensor:
        raise error

    return fault


FAULTS: dict[str, tuple[Callable[[torch.Tensor], torch.Tensor], str]] = {
    "an error": (raising(ValueError("odd")), "ValueError: odd"),
    "a panic": (raising(Panic("Onig")), "Panic: Onig"),
    "no memory": (raising(MemoryError()), "MemoryError"),
    "an error of the graphics card": (raising(RuntimeError("CUDA error: assert")), "RuntimeError: CUDA error: assert"),
    "an exit": (raising(SystemExit(1)), "SystemExit: 1"),
}


class Sessions:
    """A session on fakes, and how many models it has loaded."""

    def __init__(self) -> None:
        self.loads = 0
        self.engines: list[Faulty] = []
        self.session = Session(lambda: None)
        analysis = FixedAnalysis(MEMBERS)
        self.session.settings = SETTINGS
        self.session._analysis = analysis
        self.session._guide = joint(analysis, monitors_on(SETTINGS))
        self.load()

    def make(self) -> Decoder:
        self.loads += 1
        tokenizer = byte_tokenizer([".append", "append", "(item)\n", ".host"])
        engine = Faulty(tokenizer, {"node.": "append(item)\n"})
        self.engines.append(engine)
        decoder = decoder_of(tokenizer, engine)
        decoder.warm_up = lambda: None  # type: ignore[method-assign]  # its passes would be counted
        return decoder

    def load(self) -> None:
        self.session.model.load(self.make)

    async def rest(self) -> None:
        for _ in range(2):
            await asyncio.get_running_loop().run_in_executor(self.session.model._executor, int)

    def break_at(self, step: int, fault: Callable[[torch.Tensor], torch.Tensor]) -> None:
        self.engines[-1].at, self.engines[-1].fault = step, fault

    async def ghosts(self, number: int = 0) -> list[str] | None:
        document = Document(f"/p/{number}.py", f"# {number}\n{TEXT}")
        found = await self.session.ghost(document, len(document.text), invoked=False)
        return None if found is None else [ghost.text for ghost in found]

    async def names(self, number: int = 0) -> list[str]:
        document = Document(f"/p/{number}.py", f"# {number}\n{TEXT}")
        found = await self.session.list_members(document, len(document.text))
        return [] if found is None else sorted(entry.member.name for entry in found.entries)

    def nothing(self) -> str:
        return self.session.status.nothing.reason if self.session.status.nothing is not None else ""


@pytest_asyncio.fixture
async def sessions() -> AsyncIterator[Sessions]:
    made = Sessions()
    await made.rest()
    yield made
    made.session.model.close()


async def test_unbroken_it_offers(sessions: Sessions) -> None:
    assert await sessions.ghosts() == ["append(item)"]
    assert await sessions.names() == MEMBERS["node"]


@pytest.mark.parametrize("kind", FAULTS)
async def test_broken_at_any_step_it_offers_nothing_says_why_and_serves_the_next(
    sessions: Sessions, kind: str, figure: Callable[[str, str], None]
) -> None:
    fault, said = FAULTS[kind]
    broken = 0
    for step in range(1, 40):
        sessions.break_at(step, fault)
        engine = sessions.engines[-1]
        found = await sessions.ghosts(step)
        if engine.at > 0:
            assert found == ["append(item)"], "it never came so far"
            break
        broken += 1
        assert found == []
        assert sessions.session.status.nothing is not None
        assert sessions.nothing() == f"the model failed: {said}"
        assert await sessions.names(step) == MEMBERS["node"], "analysis goes on"
        await sessions.rest()
        assert await sessions.ghosts(1000 + step) == ["append(item)"], "the next request is served"
        sessions.load()  # a second failure would leave it off
        await sessions.rest()
    assert broken >= 3
    figure("T15", f"{kind} at each of {broken} steps")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fairlead.server.session.GHOST_GRACE_S", 0.2)
    monkeypatch.setattr("fairlead.server.session.LIST_GRACE_S", 0.1)


@pytest.mark.usefixtures("impatient")
async def test_a_model_that_hangs_keeps_nobody_waiting(sessions: Sessions, figure: Callable[[str, str], None]) -> None:
    session = sessions.session
    session.settings = Settings(inline_budget_ms=50, completion_budget_ms=50, inline_min_confidence=0.0)
    gate, hanging = threading.Event(), threading.Event()

    def hang(row: torch.Tensor) -> torch.Tensor:
        hanging.set()
        gate.wait(60)
        return row

    sessions.break_at(1, hang)
    begun = time.monotonic()
    try:
        assert await asyncio.wait_for(sessions.ghosts(), 20) == []
        assert hanging.is_set()
        assert sessions.nothing() == "the model did not answer within 50 ms and hangs, or is busy"
        for number in range(3):
            assert await asyncio.wait_for(sessions.names(number), 20) == MEMBERS["node"]
        assert await asyncio.wait_for(sessions.ghosts(1), 20) == []
        figure("T15", f"hanging for 60 s: five answers in {time.monotonic() - begun:.1f} s")
    finally:
        gate.set()
    await sessions.rest()
    session.settings = SETTINGS
    assert await sessions.ghosts(2) == ["append(item)"], "when it is over it goes on"
    assert sessions.loads == 1


@pytest.mark.usefixtures("impatient")
async def test_a_server_that_waits_for_a_model_that_hangs_is_noticed(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = ModelThread.run
    monkeypatch.setattr(ModelThread, "run", lambda self, key, job, patience_s=None: plain(self, key, job))
    gate = threading.Event()

    def hang(row: torch.Tensor) -> torch.Tensor:
        gate.wait(60)
        return row

    sessions.break_at(1, hang)
    session = sessions.session
    session.settings = Settings(inline_budget_ms=50, completion_budget_ms=50)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(sessions.ghosts(), 1)
    gate.set()


async def cancelled(sessions: Sessions, count: int, seed: int) -> tuple[int, int, int]:
    """So many requests cancelled at times drawn from a seed: how many were, how many of them while it was writing, and
    the most passes made after a cancel."""
    draw, engine = random.Random(seed), sessions.engines[-1]
    most, stopped, amid = 0, 0, 0
    plain = engine.logits

    def slowly(tokens: tuple[int, ...]) -> torch.Tensor:
        time.sleep(0.005)
        return plain(tokens)

    engine.logits = slowly  # type: ignore[method-assign]
    for number in range(count):
        idle = engine.passes
        task = asyncio.create_task(sessions.ghosts(number))
        for _ in range(draw.randrange(14)):
            await asyncio.sleep(0.002)
        before = engine.passes
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            stopped += 1
            amid += before > idle
        await sessions.rest()
        most = max(most, engine.passes - before)
        assert sessions.session.model._stops == {}
    engine.logits = plain  # type: ignore[method-assign]
    return stopped, amid, most


async def test_cancelled_at_any_time_it_stops_within_a_pass_and_nothing_is_left(
    sessions: Sessions, form: Callable[..., int], figure: Callable[[str, str], None]
) -> None:
    count = form(150, 1_000, 20_000)
    stopped, amid, most = await cancelled(sessions, count, 1)
    assert stopped > count / 4
    assert amid > count / 50
    assert most <= 2, "the pass that ran, and at most the one that had begun meanwhile"
    assert await sessions.ghosts(10**6) == ["append(item)"]
    assert psutil.Process().num_threads() < 100
    figure("T16", f"{stopped:,} of {count:,} requests cancelled in time, {amid:,} of them while writing: at "
                  f"most {most} passes behind a cancel, queue empty")  # fmt: skip


async def test_a_decoder_that_does_not_look_is_noticed(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = ModelThread._run
    monkeypatch.setattr(ModelThread, "_run", lambda self, job, stop: plain(self, job, threading.Event()))
    *_, most = await cancelled(sessions, 20, 1)
    with pytest.raises(AssertionError):
        assert most <= 2
