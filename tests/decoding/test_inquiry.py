"""How long the questions of a text are waited for, and that each is put once."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch

from fairlead.decoding.inquiry import AT_THE_END, FOR_ALL, FOR_NAMES, HURRIED, Inquiry, Patience
from fairlead.decoding.offer import Limits
from fairlead.decoding.place import Place
from fairlead.decoding.prompt import Prompt
from fairlead.monitors.analysis import Document
from fairlead.monitors.errors import AnalysisDown
from fairlead.monitors.fixed import FixedAnalysis
from fairlead.monitors.monitor import Monitor, Question
from fairlead.monitors.roster import joint


@dataclass
class Silent:
    """Everything a monitor does, but its answers come only when the test lets them."""

    inner: Monitor
    asked: dict[Question, Future[Any]] = field(default_factory=dict)
    name: str = "silent"

    def start(self, document: Document, offset: int, deadline_ms: float | None = None) -> Any:
        return self.inner.start(document, offset, deadline_ms)

    def watch(self, document: Document, offset: int) -> Any:
        return self.inner.watch(document, offset)

    def ask(self, document: Document, offset: int, question: Question) -> Future[Any]:
        assert question not in self.asked, "the same question twice"
        return self.asked.setdefault(question, Future())


MEMBERS = {"x": ["put"]}


def inquiry(monitor: str, limits: Limits | None = None) -> tuple[Inquiry, Silent]:
    silent = Silent(joint(FixedAnalysis(MEMBERS), (monitor,)))
    place = Place(Document("/p/a.py", "a = "), 4, Prompt((), 4, ""), torch.empty(0))
    return Inquiry(place, limits or Limits(until=0.0), silent, None), silent


def written(asking: Inquiry, text: str) -> Any:
    draft = asking.draft()
    state = draft.after(text.encode())
    assert state is not None
    draft.add(0, text.encode(), torch.empty(0), state, 0.0)
    return draft


@pytest.mark.parametrize("patience", [HURRIED, FOR_NAMES, FOR_ALL, AT_THE_END])
def test_a_name_that_nobody_vouches_for_stays_open(patience: Patience) -> None:
    asking, silent = inquiry("dereference")
    draft = written(asking, "x.get")
    for _ in range(2):
        assert asking.settle(draft, patience) is None
    assert list(silent.asked) == list(draft.state.questions)


def test_an_answer_refuses_what_was_written_or_lets_it_stand() -> None:
    for text, refused in (("x.get(", True), ("x.put(", False)):
        asking, silent = inquiry("dereference")
        draft = written(asking, text)
        assert asking.settle(draft, HURRIED) is None
        (question,) = draft.state.questions
        silent.asked[question].set_result(silent.inner.ask(Document("/p/a.py", "a = "), 4, question).result())
        assert (asking.settle(draft, HURRIED) == question) == refused


def test_when_analysis_is_down_the_text_is_the_models_alone() -> None:
    asking, silent = inquiry("dereference")
    draft = written(asking, "x.get")
    assert asking.settle(draft, HURRIED) is None
    assert asking.checks
    next(iter(silent.asked.values())).set_exception(AnalysisDown("gone"))
    assert asking.settle(draft, HURRIED) is None
    assert not asking.checks


@pytest.mark.parametrize(("patience", "answered"), [(HURRIED, 0), (FOR_NAMES, 0), (FOR_ALL, 0), (AT_THE_END, 1)])
def test_what_nobody_knows_of_a_call_holds_up_no_finished_text(patience: Patience, answered: int) -> None:
    asking, silent = inquiry("arity")
    draft = written(asking, "f(1)")
    assert asking.settle(draft, patience) is None
    assert len(silent.asked) == 1
    assert len(draft.answers) == answered
