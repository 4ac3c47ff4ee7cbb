"""The instantiation monitor: a class with abstract methods that nothing implements is not called.

Its name alone stays legal, in an annotation or as a base; its concrete subclasses stay legal everywhere.
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from .analysis import Analysis, Document, Signatures
from .call_watch import REMARK, CallState, ask, begun, settled
from .calls import Moment
from .languages import is_read
from .monitor import FREE, Question, Start, State


@dataclass(frozen=True)
class InstantiationState(CallState):
    """Follows calls; refuses those of abstract classes."""

    def asks(self, moment: Moment) -> bool:
        """Not where what is called is named as functions are: nobody writes classes that are abstract in small letters."""
        callee = moment.bracket.callee.lstrip("_")
        return super().asks(moment) and (not callee or not callee[0].islower())

    def judge(self, moment: Moment, signatures: Signatures) -> bool:
        """Whether what is called can be called at all."""
        return moment.what != "opened" or not signatures.abstract


class Instantiation:
    """The monitor. Never raises, and never waits longer than the deadline."""

    name = "instantiation"

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis

    def start(self, document: Document, offset: int, deadline_ms: float | None = None) -> Start | None:
        """An open start in the call of an abstract class, that says why it cannot be called; None anywhere else."""
        if not is_read(document):
            return None
        state = begun(InstantiationState, document, offset)
        top = state.calls.top
        if top is None or not state.calls.code or top.role != "call":
            return None
        state = settled(state, self, document, offset, deadline_ms, REMARK)
        found = state.signatures_of(top)
        if found is None or not found.abstract:
            return None
        typed = top.word if top.phase == "word" and state.calls.lexer.word else ""
        reason = f"{found.name} is abstract: it does not implement {', '.join(found.abstract)}"
        return Start(self.name, False, reason, state, offset - len(typed), typed)

    def watch(self, document: Document, offset: int) -> State:
        """A state that refuses calls of abstract classes. Asks nothing."""
        return begun(InstantiationState, document, offset) if is_read(document) else FREE

    def ask(self, document: Document, offset: int, question: Question) -> Future[Any]:
        """Put a question of a state that began at `offset`."""
        return ask(self._analysis, document, offset, question)
