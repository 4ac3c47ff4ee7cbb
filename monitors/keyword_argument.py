"""The keyword argument monitor: `name=` in a call or a class header must be a parameter, and be given once.

An argument may be any expression, so that names of parameters rank where an argument begins; a name is refused only
when the text behind its `=` shows that a keyword is meant (`a == b` begins the same).
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from .analysis import Analysis, Document, Member, Members, Signatures
from .answers import LATE, signatures_within
from .call_watch import CallState, ask, begun, settled
from .calls import Bracket, Moment
from .fit import fits, names_left
from .languages import is_read
from .monitor import FREE, Question, Start, State


@dataclass(frozen=True)
class KeywordState(CallState):
    """Follows calls; at the start of an argument it knows the names that may be given."""

    def always(self, moment: Moment) -> bool:
        """A name given twice is a syntax error, whatever is called."""
        return moment.what != "keyword" or moment.bracket.word not in moment.bracket.keywords

    def asks(self, moment: Moment) -> bool:
        """At the bracket of a call; in a class header where a keyword may have been given, its bases being known."""
        return moment.bracket.role == ("call" if moment.what == "opened" else "class")

    def judge(self, moment: Moment, signatures: Signatures) -> bool:
        """Whether some overload takes the name, with what stands before it."""
        return moment.what != "keyword" or not _refuses(moment.bracket, signatures, moment.bracket.word)

    def names(self) -> frozenset[str] | None:
        """What completes a name that may be given here, its `=` included; None where no argument begins.

        Behind `name=` that nothing takes, only another `=` can follow.
        """
        top = self.calls.top
        if top is None or not self.calls.code:
            return None
        if top.phase == "equals":
            return frozenset({"="}) if self._stuck else None
        if top.phase not in ("empty", "word") or top.lambdas or top.role != "call":
            return None
        if top.phase == "word" and not self.calls.lexer.word:
            return None
        found = self.signatures_of(top)
        if found is None:
            return None
        typed = top.word if top.phase == "word" else ""
        return frozenset(f"{name[len(typed):]}=" for name in offered(top, found) if name.startswith(typed)) or None

    @property
    def closed(self) -> bool:
        """Only behind a `name=` that nothing takes."""
        return self._stuck

    @property
    def may_end(self) -> bool:
        """Whether the text may stop here."""
        return not self._stuck and CallState.may_end.fget(self)  # type: ignore[attr-defined] # a property has one

    @property
    def _stuck(self) -> bool:
        top = self.calls.top
        if top is None or top.phase != "equals" or not self.calls.code:
            return False
        if top.word in top.keywords:
            return True
        found = self.signatures_of(top)
        return found is not None and _refuses(top, found, top.word)


def _refuses(bracket: Bracket, signatures: Signatures, name: str) -> bool:
    """Whether `name=` is certainly wrong here, and what stands before it is not."""
    if not signatures.known:
        return False
    before = [o for o in signatures.overloads if fits(o, bracket.positional, bracket.keywords, bracket.star)]
    keywords = (*bracket.keywords, name)
    return bool(before) and not any(fits(o, bracket.positional, keywords, bracket.star) for o in before)


def offered(bracket: Bracket, signatures: Signatures) -> list[str]:
    """The names worth offering where an argument begins, best first."""
    return names_left(signatures.overloads, bracket.positional, bracket.keywords, bracket.star)


class KeywordArgument:
    """The monitor. Never raises, and never waits longer than the deadline."""

    name = "keyword_argument"

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis

    def start(self, document: Document, offset: int, deadline_ms: float | None = None) -> Start | None:
        """An open start where an argument begins in a call or a class header; None anywhere else."""
        if not is_read(document):
            return None
        state = begun(KeywordState, document, offset)
        top = state.calls.top
        if top is None or not state.calls.code or top.role not in ("call", "class") or top.lambdas:
            return None
        if top.phase != "empty" and not (top.phase == "word" and state.calls.lexer.word):
            return None
        typed = top.word if top.phase == "word" else ""
        if top.role == "class":
            future = self.ask(document, offset, Question("", "signatures", before=len(typed)))
            signatures = signatures_within(future, deadline_ms)
        else:
            state = settled(state, self, document, offset, deadline_ms)
            signatures = state.signatures_of(top) or LATE
        members = Members(
            tuple(Member(f"{name}=", "parameter") for name in offered(top, signatures)), False, signatures.reason,
            signatures.name,
        )  # fmt: skip
        reason = "an argument may be any expression" if signatures.known else signatures.reason
        return Start(self.name, False, reason, state, offset - len(typed), typed, members)

    def watch(self, document: Document, offset: int) -> State:
        """A state that refuses names that are no parameters. Asks nothing."""
        return begun(KeywordState, document, offset) if is_read(document) else FREE

    def ask(self, document: Document, offset: int, question: Question) -> Future[Any]:
        """Put a question of a state that began at `offset`."""
        return ask(self._analysis, document, offset, question)
