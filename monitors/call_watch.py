"""What the monitors of calls have in common: a state that follows the open calls and asks once for each signature.

A monitor says what it refuses by one pure function, `judge`; whether a signature is known before or after the text was
written makes no difference to what is refused.
"""

from __future__ import annotations

import re
import time
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Literal, Self, TypeVar

from .analysis import Analysis, Document, Signatures
from .answers import LATE, signatures_within
from .calls import Bracket, Calls, Moment, Site, calls_at, follow
from .lexical import line_end
from .monitor import Answer, Monitor, Question

S = TypeVar("S", bound="CallState")

MOST_CALLS = 4
"""Calls around a cursor that are followed, the innermost first."""


@dataclass(frozen=True)
class CallState:
    """Follows calls in running text; subclasses say in `judge` what is refused. Constrains nothing by itself."""

    text: str = ""
    """Everything written since the start."""
    calls: Calls = field(default_factory=Calls)
    known: tuple[tuple[Site, Signatures], ...] = ()
    """The signatures of open calls that have been answered."""
    pending: tuple[Site, ...] = ()
    """Calls whose signatures have not been answered, in the order of the text."""
    late: tuple[tuple[Site, Moment], ...] = ()
    """What has happened in those calls."""
    closes: bool = False
    """The text behind the cursor goes on with `)`."""
    depth: int = 0
    """Brackets open at the start."""

    def judge(self, moment: Moment, signatures: Signatures) -> bool:
        """Whether what happened can be right, as far as the signatures are known."""
        return True

    def asks(self, moment: Moment) -> bool:
        """Whether the signature must be asked for now; `moment` is an `opened` or a `named` one."""
        return moment.what == "opened" and moment.bracket.role == "call"

    def always(self, moment: Moment) -> bool:
        """Whether what happened can be right whatever is called."""
        return True

    def advance(self, text: str) -> Self | None:
        """The state after `text`, or None if `text` cannot be right. Pure, and never asks analysis."""
        calls, moments = follow(self.calls, self.text, text)
        pending, late, known = self.pending, self.late, self.known
        for _, moment in moments:
            if not self.always(moment):
                return None
            place = place_of(moment.bracket)
            if moment.what in ("opened", "named") and self.asks(moment):
                pending = (*pending, place)
            found = _lookup(known, place)
            if found is not None:
                if not self.judge(moment, found):
                    return None
            elif place in pending:
                late = (*late, (place, moment))
        if known:
            open_sites = [place_of(bracket) for bracket in calls.stack]
            known = tuple(item for item in known if item[0] in open_sites)
        return replace(self, text=self.text + text, calls=calls, pending=pending, late=late, known=known)

    def names(self) -> frozenset[str] | None:
        """Nothing is completed here."""
        return None

    @property
    def closed(self) -> bool:
        """Never a mask."""
        return False

    @property
    def may_end(self) -> bool:
        """Whether the text may stop here: not where the `)` that follows would be refused."""
        top = self.calls.top
        if not self.closes or top is None or len(self.calls.stack) != self.depth or not self.calls.code:
            return True
        after = self.advance(")")
        return after is not None

    @property
    def questions(self) -> tuple[Question, ...]:
        """The calls, in order, whose signatures analysis has not been asked about yet."""
        return tuple(Question(site.text, "signatures", before=site.before) for site in self.pending)

    def resolve(self, answer: Answer) -> Self | None:
        """The state once the first question is answered; None when what was written in that call is refused."""
        if not self.pending:
            return self
        site, rest = self.pending[0], self.pending[1:]
        signatures = answer if isinstance(answer, Signatures) else Signatures(reason="no answer about a call")
        for where, moment in self.late:
            if where == site and not self.judge(moment, signatures):
                return None
        known = self.known
        if any(place_of(bracket) == site for bracket in self.calls.stack):
            known = (*known, (site, signatures))
        late = tuple(item for item in self.late if item[0] != site)
        return replace(self, pending=rest, known=tuple(sorted(known, key=_by_place)), late=late)

    def signatures_of(self, bracket: Bracket) -> Signatures | None:
        """What is known of an open call."""
        return _lookup(self.known, place_of(bracket))


def place_of(bracket: Bracket) -> Site:
    """Where the signature is asked for: at the bracket, but of a class header behind its bases, at the last `name=`."""
    return bracket.named if bracket.role == "class" else bracket.site


def _lookup(known: tuple[tuple[Site, Signatures], ...], site: Site) -> Signatures | None:
    for where, signatures in known:
        if where == site:
            return signatures
    return None


def place_order(site: Site) -> int:
    """Sites sort by this in the order of the text."""
    return len(site.text) - site.before


def _by_place(item: tuple[Site, Signatures]) -> int:
    return place_order(item[0])


def begun(kind: type[S], document: Document, offset: int) -> S:
    """The state of a monitor at a cursor: the calls around it are still to be asked about."""
    calls = calls_at(document.text, offset)
    state = kind(calls=calls, depth=len(calls.stack), closes=_closes(document.text, offset))
    pending = []
    for bracket in calls.stack:
        what: tuple[Literal["opened", "named"], ...] = ("opened", "named") if bracket.word else ("opened",)
        if any(state.asks(Moment(one, bracket)) for one in what):
            pending.append(place_of(bracket))
    return replace(state, pending=tuple(pending[-MOST_CALLS:]))


def _closes(text: str, offset: int) -> bool:
    rest = text[offset:offset + 200].lstrip(" \t\r\n")
    return rest.startswith(")")


_APPLIED = re.compile(r"\s*([^\W\d]\w*(?:\.[^\W\d]\w*)*)\s*,")
_HEADER = re.compile(r"\bclass[ \t]+\w+[ \t]*(?:\[[^\n]*)?\(\Z")


def ask(analysis: Analysis, document: Document, offset: int, question: Question) -> Future[Signatures]:
    """Put a question of a state that began at `offset`: how what stands before the bracket may be called.

    Of a call's arguments nothing is sent, so that the question stays the same while they are written; of a class
    header, the bases; of `partial`, the function that the document gives it.
    """
    place = offset - question.before if question.before else offset + len(question.text)
    text = document.text[:place] if question.before else document.text[:offset] + question.text
    rest = document.text[line_end(document.text, offset):]
    if text[-1:] != "(" or _HEADER.search(text, max(0, place - 200)):
        top = calls_at(text, place).top
        if top is not None and top.role == "class":
            opened = place - top.site.before
            bases = text[opened:place].rpartition(",")[0]
            return analysis.signatures(replace(document, text=f"{text[:opened]}{bases}):{rest}"), opened)
    applied = _APPLIED.match(document.text, place) if question.before and text.endswith("partial(") else None
    given = applied.group(1) if applied is not None and applied.end() <= offset else ""
    return analysis.signatures(replace(document, text=f"{text}{given}){rest}"), place)


def settled(
    state: S, monitor: Monitor, document: Document, offset: int, deadline_ms: float | None,
    share: float = 0.15, reasons: list[str] | None = None,
) -> S:  # fmt: skip
    """The state with its questions answered, as far as a `share` of the deadline allows: the rest is for writing.

    What is late stays a question of the state. What the answers give as their reasons is added to `reasons`.
    """
    until = None if deadline_ms is None else time.monotonic() + deadline_ms / 1000 * share
    while state.questions:
        left_ms = None if until is None else max(0.0, (until - time.monotonic()) * 1000)
        answer = signatures_within(monitor.ask(document, offset, state.questions[0]), left_ms)
        if reasons is not None:
            reasons.append(answer.reason)
        if answer is LATE:
            break
        resolved = state.resolve(answer)
        assert resolved is not None  # nothing has been written yet that an answer could refuse
        state = resolved
    return state


REMARK = 0.02
"""The share of a monitor that has nothing to list: the one before it has waited for the same answer."""
