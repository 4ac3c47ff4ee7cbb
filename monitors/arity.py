"""The arity monitor: a call gets the arguments that its signature requires, and no more than it takes.

`)` is refused while a required argument is missing, a positional argument where none can go, and a comma behind the
last argument there can be; in a call of several lines such a comma is only a trailing one. Nothing is refused where
arguments are unpacked.
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from .analysis import Analysis, Document, Signatures
from .answers import LATE
from .call_watch import REMARK, CallState, ask, begun, settled
from .calls import Bracket, Moment
from .fit import complete, fits, full, places, starred, takes
from .languages import is_read
from .monitor import FREE, Question, Start, State


@dataclass(frozen=True)
class ArityState(CallState):
    """Follows calls and counts their arguments."""

    def always(self, moment: Moment) -> bool:
        """A positional argument behind a named one is a syntax error, whatever is called."""
        bracket = moment.bracket
        if bracket.role != "call" or moment.what not in ("argument", "comma", "close"):
            return True
        return bracket.phase not in ("word", "other") or not (bracket.keywords or bracket.double_star)

    def judge(self, moment: Moment, signatures: Signatures) -> bool:
        """Whether some overload can be called so, as long as what stands before can be right for one."""
        bracket = moment.bracket
        if not signatures.known or starred(bracket) or moment.what not in ("begun", "argument", "comma", "close"):
            return True
        if bracket.phase in ("equals", "keyword") and not _keyword_fits(bracket, signatures):
            return True  # wrong, but not for its number
        before = [o for o in signatures.overloads if fits(o, bracket.positional, bracket.keywords)]
        if not before:
            return True
        ended = bracket.finished()
        possible = [o for o in before if fits(o, ended.positional, ended.keywords)]
        if moment.what == "close":
            return any(complete(o, ended.positional, ended.keywords) for o in possible)
        if moment.what == "begun" or (moment.what == "comma" and not bracket.lines):
            return any(not full(o, ended.positional, ended.keywords) for o in possible)
        return bool(possible)


def _keyword_fits(bracket: Bracket, signatures: Signatures) -> bool:
    return any(fits(o, bracket.positional, bracket.keywords) for o in signatures.overloads)


def missing(bracket: Bracket, signatures: Signatures) -> list[str]:
    """The names that every overload still requires, in order."""
    common: list[str] | None = None
    for overload in signatures.overloads:
        slots = places(overload)
        left = [
            one.name for one in overload
            if one.required and one.name not in bracket.keywords and one not in slots[:bracket.positional]
        ]  # fmt: skip
        common = left if common is None else [name for name in common if name in left]
    return common or []


def said(bracket: Bracket, signatures: Signatures) -> str:
    """How many arguments there may be, in words."""
    if not signatures.known:
        return signatures.reason
    left = missing(bracket, signatures)
    if left:
        return f"{signatures.name}() still requires {', '.join(left)}"
    most = max((len(places(o)) if not takes(o, "args") else 99 for o in signatures.overloads), default=99)
    return f"{signatures.name}() takes {most} positional arguments at most" if most < 99 else "nothing is required"


class Arity:
    """The monitor. Never raises, and never waits longer than the deadline."""

    name = "arity"

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis

    def start(self, document: Document, offset: int, deadline_ms: float | None = None) -> Start | None:
        """An open start in the arguments of a call; it says what is still required."""
        if not is_read(document):
            return None
        state = begun(ArityState, document, offset)
        top = state.calls.top
        if top is None or not state.calls.code or top.role != "call":
            return None
        state = settled(state, self, document, offset, deadline_ms, REMARK)
        found = state.signatures_of(top) or LATE
        typed = top.word if top.phase == "word" and state.calls.lexer.word else ""
        return Start(self.name, False, said(top, found), state, offset - len(typed), typed)

    def watch(self, document: Document, offset: int) -> State:
        """A state that counts arguments. Asks nothing."""
        return begun(ArityState, document, offset) if is_read(document) else FREE

    def ask(self, document: Document, offset: int, question: Question) -> Future[Any]:
        """Put a question of a state that began at `offset`."""
        return ask(self._analysis, document, offset, question)
