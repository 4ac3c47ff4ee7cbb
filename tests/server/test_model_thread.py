"""The thread that owns the model lives on, whatever a model does on it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
import torch

from fairlead.decoding.decoder import Decoder
from fairlead.decoding.offer import Limits
from fairlead.monitors.analysis import Document
from fairlead.monitors.errors import ModelBroken, ModelFailed, OutOfMemory
from fairlead.server.model_thread import ModelReport, ModelThread


class Panic(BaseException):
    """As tokenizers raises: no Exception."""


@dataclass
class FakeModel:
    name: str = "fake"
    device: str = "cpu"
    dtype: str = "float32"
    parameters: int = 7


class FakeDecoder:
    """What the thread knows of a decoder. `number` counts those that were made."""

    def __init__(self, number: int) -> None:
        self.number, self.model = number, FakeModel()

    def warm_up(self) -> None:
        pass


class Watched:
    """A model's thread, how many decoders it made, and the states it went through."""

    def __init__(self) -> None:
        self.thread = ModelThread(lambda: self.reports.append(self.thread.report))
        self.reports: list[ModelReport] = []
        self.made = 0

    def make(self) -> Any:
        self.made += 1
        return FakeDecoder(self.made)

    @property
    def states(self) -> list[str]:
        return [report.state for report in self.reports]

    async def run(self, job: Callable[[Any, Callable[[], bool]], Any], key: str = "key") -> Any:
        return await asyncio.wait_for(self.thread.run(key, job), 10)

    async def rest(self) -> None:
        """Until what was submitted so far is done."""
        for _ in range(2):
            await asyncio.get_running_loop().run_in_executor(self.thread._executor, int)


@pytest_asyncio.fixture
async def watched() -> AsyncIterator[Watched]:
    made = Watched()
    made.thread.load(made.make)
    await made.rest()
    assert made.states == ["loading", "loading", "ready"]
    assert made.thread.report == ModelReport("ready", "fake", "cpu", "float32", 7)
    made.reports.clear()
    yield made
    made.thread.close()


def number(decoder: Any, stop: Callable[[], bool]) -> int:
    return int(decoder.number)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Panic("Onig: retry-limit-in-match over\nmore"), "Panic: Onig: retry-limit-in-match over"),
        (RuntimeError("CUDA error: device-side assert triggered"), "RuntimeError: CUDA error: device-side assert triggered"),
        (MemoryError(), "MemoryError"),
        (SystemExit(3), "SystemExit: 3"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (ModelFailed("The model gave numbers that are no logits"), "The model gave numbers that are no logits"),
        (OutOfMemory("Out of memory: use a smaller model"), "Out of memory: use a smaller model"),
    ],
)  # fmt: skip
async def test_a_model_that_raises_is_loaded_again_once_and_then_stays_off(
    watched: Watched, error: BaseException, said: str
) -> None:
    def fail(decoder: Any, stop: Callable[[], bool]) -> int:
        raise error

    assert await watched.run(fail) is None
    await watched.rest()
    assert watched.states == ["failed", "loading", "ready"]
    assert watched.reports[0].error == said
    assert watched.thread.report.error == ""
    assert await watched.run(number) == 2, "the next request is served, by a new one"
    assert await watched.run(fail) is None
    await watched.rest()
    assert watched.states == ["failed", "loading", "ready", "failed"]
    assert watched.thread.report.error.startswith(said)
    assert "stays off until its settings change or the server is restarted" in watched.thread.report.error
    assert await watched.run(number) is None
    assert watched.made == 2
    watched.thread.load(watched.make)
    assert await watched.run(number) == 3, "loading it again is a new start"


async def test_what_waits_behind_a_failure_is_answered_and_the_reload_is_not_waited_for(watched: Watched) -> None:
    gate = threading.Event()
    slow = threading.Event()

    def make() -> Any:
        slow.wait(10)
        return watched.make()

    watched.thread._make = make

    def fail(decoder: Any, stop: Callable[[], bool]) -> int:
        gate.wait(10)
        raise Panic

    asked = [asyncio.create_task(watched.thread.run(key, job)) for key, job in (("a", fail), ("b", number))]
    await asyncio.sleep(0)
    gate.set()
    assert await asyncio.gather(*asked) == [None, None]
    assert not watched.thread.ready
    slow.set()
    await watched.rest()
    assert await watched.run(number) == 2


@pytest.mark.parametrize("error", [ModelBroken("it is half"), Panic("tokenizer"), MemoryError(), SystemExit()])
async def test_a_model_that_cannot_be_loaded_is_off_and_another_can_be_loaded(
    watched: Watched, error: BaseException
) -> None:
    def make() -> Any:
        raise error

    watched.thread.load(make)
    await watched.rest()
    assert watched.thread.report.state == "failed"
    assert watched.thread.report.error
    assert await watched.run(number) is None
    watched.thread.load(watched.make)
    assert await watched.run(number) == 2


async def test_of_two_models_asked_for_in_a_row_the_last_one_counts(watched: Watched) -> None:
    gate = threading.Event()

    def late_and_bad() -> Any:
        gate.wait(10)
        raise ModelBroken("too late to matter")

    watched.thread.load(late_and_bad)
    watched.thread.load(watched.make)
    watched.thread.load(watched.make)
    gate.set()
    assert await watched.run(number) == 2, "the one in between is not loaded at all"
    assert "failed" not in watched.states


async def test_a_failure_of_the_model_that_is_being_replaced_does_not_count(watched: Watched) -> None:
    gate = threading.Event()

    def fail(decoder: Any, stop: Callable[[], bool]) -> int:
        gate.wait(10)
        raise Panic

    failing = asyncio.create_task(watched.thread.run("key", fail))
    await asyncio.sleep(0)
    watched.thread.load(watched.make)
    gate.set()
    assert await failing is None
    await watched.rest()
    assert watched.thread.ready
    assert watched.made == 2
    assert "failed" not in watched.states


async def test_the_latest_job_wins_and_a_cancelled_one_is_told(watched: Watched) -> None:
    begun, told = threading.Event(), threading.Event()

    def patient(decoder: Any, stop: Callable[[], bool]) -> str:
        begun.set()
        while not stop():
            told.wait(0.001)
        return "stopped"

    first = asyncio.create_task(watched.run(patient))
    await asyncio.get_running_loop().run_in_executor(None, begun.wait, 10)
    second, third = asyncio.create_task(watched.run(number)), asyncio.create_task(watched.run(number))
    assert await first == "stopped"
    assert list(await asyncio.gather(second, third)) == [None, 1]
    cancelled = asyncio.create_task(watched.run(patient))
    begun.clear()
    await asyncio.get_running_loop().run_in_executor(None, begun.wait, 10)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert await watched.run(number) == 1, "the thread is free again"


async def test_closed_while_it_fails(watched: Watched) -> None:
    begun, gate = threading.Event(), threading.Event()

    def fail(decoder: Any, stop: Callable[[], bool]) -> int:
        begun.set()
        gate.wait(10)
        raise Panic

    failing = asyncio.create_task(watched.thread.run("key", fail))
    await asyncio.get_running_loop().run_in_executor(None, begun.wait, 10)
    watched.thread.close()
    gate.set()
    assert await failing is None
    assert watched.states == ["failed"]
    assert await watched.run(number) is None, "there is nobody to ask any more"


@pytest.mark.weights
async def test_a_real_model_whose_numbers_turn_into_nan_is_loaded_again(watched: Watched) -> None:
    """Weights that rot in memory, as on a bad graphics card."""
    document = Document("rot.py", "import os\n\n\ndef here():\n    return os.")

    def write(decoder: Decoder, stop: Callable[[], bool]) -> list[str]:
        written = decoder.write(document, len(document.text), None, Limits(max_tokens=3, min_confidence=0.0))
        return [offer.text for offer in written.offers]

    def rot(decoder: Decoder, stop: Callable[[], bool]) -> list[str]:
        decoder.engine.crop(0)
        for tensor in tensors_of(decoder.engine):
            tensor.fill_(float("nan"))
        return write(decoder, stop)

    watched.thread.load(Decoder.of)
    before = await asyncio.wait_for(watched.thread.run("key", write), 60)
    assert before
    watched.reports.clear()
    assert await asyncio.wait_for(watched.thread.run("key", rot), 60) is None
    await watched.rest()
    assert watched.states == ["failed", "loading", "ready"]
    assert "NaN" in watched.reports[0].error or "finite" in watched.reports[0].error
    assert await asyncio.wait_for(watched.thread.run("key", write), 60) == before


def tensors_of(value: Any, seen: set[int] | None = None) -> list[torch.Tensor]:
    """Every tensor of weights that an engine holds, wherever."""
    seen = set() if seen is None else seen
    if id(value) in seen:
        return []
    seen.add(id(value))
    if isinstance(value, torch.Tensor):
        return [value.data] if value.is_floating_point() else []
    if isinstance(value, torch.nn.Module):
        return [parameter.data for parameter in value.parameters()]
    if isinstance(value, (list, tuple)):
        parts = list(value)
    elif isinstance(value, dict):
        parts = list(value.values())
    elif type(value).__module__.startswith("fairlead."):
        slots = [getattr(value, name) for name in getattr(type(value), "__slots__", ()) if hasattr(value, name)]
        parts = [*vars(value).values(), *slots] if hasattr(value, "__dict__") else slots
    else:
        return []
    return [tensor for part in parts for tensor in tensors_of(part, seen)]
