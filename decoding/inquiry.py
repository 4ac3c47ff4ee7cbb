"""What texts at one place ask of the monitors: each question is put once, and waited for as long as it deserves."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Any

from ..monitors.errors import AnalysisError
from ..monitors.monitor import ABOUT_CALLS, FREE, Answer, Monitor, Question, Start, State, unanswered
from . import stops
from .draft import Draft
from .offer import Limits
from .place import Place


@dataclass(frozen=True)
class Patience:
    """How long answers are waited for, in seconds; the budget ends every wait.

    An answer about names that does not come leaves its question open. So does one about a call, unless the text has
    `ended`: then nothing is known of the call.
    """

    names_s: float
    calls_s: float
    ended: bool = False


HURRIED = Patience(0, 0)
"""Take in what has been answered already."""

FOR_NAMES = Patience(math.inf, 0)
FOR_ALL = Patience(math.inf, math.inf)

AT_THE_END = Patience(math.inf, 0.03, ended=True)
"""What an answer about a call would have refused is a mistake, no invention: it is worth a short wait only."""


class Inquiry:
    """The questions of all texts at one place; `guide` None: nobody is asked. For the decode thread only."""

    def __init__(self, place: Place, limits: Limits, guide: Monitor | None, start: Start | None) -> None:
        self._place, self._limits, self._guide, self._start = place, limits, guide, start
        self._asked: dict[Question, Future[Any]] = {}
        self.checks = guide is not None and (start is None or start.members.silence != "down")
        """Whether monitors see to the text; no longer once analysis is down: from there on it is the model's alone."""

    def draft(self, answers: Mapping[Question, Answer] | None = None) -> Draft:
        """A text at its beginning; `answers` are those already known, of the same place."""
        state: State = FREE
        if self._guide is not None and self._start is not None:
            state = self._start.state
        elif self._guide is not None:
            state = self._guide.watch(self._place.document, self._place.offset)
        return Draft(self._place.prompt.forced.encode("utf-8", "replace"), state, answers=dict(answers or {}))

    def settle(self, draft: Draft, patience: Patience) -> Question | None:
        """Ask what a draft raises and take the answers in.

        The question whose answer refuses what was written; None when the draft stands, as far as is known.
        """
        place = self._place
        while self.checks and self._guide is not None and draft.state.questions:
            for question in draft.state.questions:
                if question not in self._asked:
                    self._asked[question] = self._guide.ask(place.document, place.offset, question)
            first = draft.state.questions[0]
            about_call = first.about in ABOUT_CALLS
            answer = self._asked[first]
            self._wait(answer, patience.calls_s if about_call else patience.names_s)
            if not answer.done() and not (about_call and patience.ended):
                return None
            try:
                draft.answers[first] = answer.result() if answer.done() else unanswered(first)
            except AnalysisError:
                self.checks = False
                return None
            if not draft.settle():
                return first
        return None

    def finish(self, draft: Draft) -> Question | None:
        """`settle` a text that ends here, before what the document has behind the cursor on its line."""
        if self.checks:
            draft.finish(stops.line_of(self._place.document.text, self._place.offset)[1])
        return self.settle(draft, AT_THE_END)

    def _wait(self, answer: Future[Any], patience_s: float) -> None:
        until = min(self._limits.until, time.monotonic() + patience_s)
        while not (answer.done() or time.monotonic() >= until or self._limits.stop()):
            wait([answer], timeout=min(0.02, max(0.0, until - time.monotonic())))
