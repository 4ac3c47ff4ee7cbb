"""What follows a shown text is written while it is read: taking it shows the next one at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from fairlead.decoding.offer import Offer
from fairlead.monitors.analysis import Document
from fairlead.monitors.fixed import FixedAnalysis
from fairlead.server.model_thread import ModelReport
from fairlead.server.session import Session

TEXTS = {"": "a = 1", "a = 1": "; b = 2", "a = 1; b = 2": ""}


@dataclass
class WrittenByHeart:
    """A decoder that knows what follows, and notes where it was asked."""

    asked: list[str] = field(default_factory=list)

    def write(self, document: Document, offset: int, *_: Any, **__: Any) -> SimpleNamespace:
        head = document.text[:offset]
        self.asked.append(head)
        offer = Offer(TEXTS[head], 0.5, 0.8, "model, checked", "end_of_line")
        timings = SimpleNamespace(analysis=0.0, prefill=0.0, decode=0.0)
        return SimpleNamespace(offers=(offer,) if offer.text else (), timings=timings, reason="")


@dataclass
class ModelByHand:
    """A model's thread whose idle jobs run when the test says so."""

    decoder: WrittenByHeart = field(default_factory=WrittenByHeart)
    waiting: list[Callable[[Any, Callable[[], bool]], object]] = field(default_factory=list)
    report: ModelReport = field(default_factory=lambda: ModelReport("ready"))
    ready: bool = True
    faults: int = 0

    def idle(self, job: Callable[[Any, Callable[[], bool]], object]) -> None:
        self.waiting = [job]

    async def run(self, key: object, job: Callable[[Any, Callable[[], bool]], Any], patience_s: float | None = None) -> Any:
        return job(self.decoder, lambda: False)

    async def rest(self, *, stopped: bool = False) -> None:
        """Do what waits, and let the event loop hear of it."""
        for job in self.waiting:
            job(self.decoder, lambda: stopped)
        self.waiting = []
        await asyncio.sleep(0)


@pytest.fixture
def session() -> Session:
    made = Session(lambda: None)
    made.model = ModelByHand()  # type: ignore[assignment]  # a fake of the thread
    return made


async def texts(session: Session, text: str) -> list[str]:
    answer = await session.ghost(Document("/a.py", text), len(text), invoked=False)
    assert answer is not None
    return [ghost.text for ghost in answer]


async def test_taking_a_text_shows_the_next_without_asking_the_model(session: Session) -> None:
    model: Any = session.model
    assert await texts(session, "") == ["a = 1"]
    await model.rest()
    assert model.decoder.asked == ["", "a = 1"]
    assert await texts(session, "a = 1") == ["; b = 2"]
    assert model.decoder.asked == ["", "a = 1"]


async def test_the_one_behind_a_prepared_text_is_prepared_too_and_nothing_twice(session: Session) -> None:
    model: Any = session.model
    await texts(session, "")
    await model.rest()
    await texts(session, "a =")
    assert model.waiting == []
    await texts(session, "a = 1")
    await model.rest()
    assert model.decoder.asked == ["", "a = 1", "a = 1; b = 2"]


async def test_a_prepared_text_is_shown_nowhere_else(session: Session) -> None:
    model: Any = session.model
    await texts(session, "")
    await model.rest()
    assert await texts(session, "a") == [" = 1"]
    assert await session.ghost(Document("/b.py", "a = 1"), 5, invoked=False) is not None
    assert model.decoder.asked[-1] == "a = 1"


async def test_what_was_stopped_or_came_to_nothing_is_asked_for_again(session: Session) -> None:
    model: Any = session.model
    await texts(session, "")
    await model.rest(stopped=True)
    assert await texts(session, "a = 1") == ["; b = 2"]
    assert model.decoder.asked == ["", "a = 1", "a = 1"]
    await model.rest()
    assert await texts(session, "a = 1; b = 2") == []
    assert model.decoder.asked.count("a = 1; b = 2") == 2


async def test_the_setting_switches_it_off(session: Session) -> None:
    session.settings = replace(session.settings, inline_prepare_next=False)
    model: Any = session.model
    await texts(session, "")
    assert model.waiting == []


class Noting(FixedAnalysis):
    """Notes which texts were to be warmed up."""

    def __init__(self) -> None:
        super().__init__({})
        self.warmed: list[str] = []

    def open(self, document: Document) -> None:
        self.warmed.append(document.text)


@pytest.mark.parametrize(
    ("text", "looked_at"),
    [
        ("import nump", True),
        ("x = 1\n    from numpy import lin", True),
        ("x = 1\n", False),
        ("important = 1", False),
        ("import numpy\nx", False),
    ],
)
def test_what_is_being_imported_is_looked_at_ahead(session: Session, text: str, looked_at: bool) -> None:
    analysis = Noting()
    session._analysis = analysis
    session.typed(Document("/a.py", text), len(text))
    assert analysis.warmed == ([text] if looked_at else [])
