"""The literal monitor: where only certain strings are possible, only those are written.

A string that begins an argument whose type is a `Literal`, that a value of such a type is compared with, or that
indexes a TypedDict or a constant dict. Known sets are closed, all others rank.
"""

from __future__ import annotations

import re
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any

from .analysis import Analysis, Classification, Document, Member, Members, Signatures
from .answers import answered
from .call_watch import CallState, ask, begun, place_order, settled
from .calls import Bracket, Site
from .fit import fits, parameters_at
from .languages import is_read
from .lexical import line_end, line_start, scan
from .monitor import FREE, Answer, Question, Start, State

_COMPARED = re.compile(r"(?:[=!]=|\bin[ \t]*[(\[{](?:[^()\[\]{}#]*,)?)\s*\Z")
_INDEXED = re.compile(r"[\w\])][ \t]*\[[ \t]*\Z")
_OPERATOR = re.compile(r"\s*(?:[=!]=|(?:\bnot\s+)?\bin[ \t]*[(\[{][^()\[\]{}#]*|\[)\s*\Z")
_TAIL = 200

Legal = tuple[frozenset[str], bool]
"""The strings, and whether there can be no others."""


@dataclass(frozen=True)
class Text:
    """A string being written where only certain ones may be possible, or one that was, not judged yet.

    `site` is where analysis is asked: at the bracket of a call, or behind the quote. `call` is that call.
    """

    site: Site
    quote: str
    call: Bracket | None = None
    said: str = ""
    ended: bool = False
    legal: Legal | None = None

    def allowed(self, legal: Legal) -> bool:
        """Whether what has been written can be right."""
        strings, closed = legal
        if not closed:
            return True
        return self.said in strings if self.ended else any(one.startswith(self.said) for one in strings)


@dataclass(frozen=True)
class LiteralState(CallState):
    """Follows calls and strings; in a string whose set is known it knows what completes it."""

    tail: str = ""
    """Code before the start, strings blanked; enough to see what a string is compared with."""
    now: Text | None = None
    """The string being written."""
    texts: tuple[Text, ...] = ()
    """Strings that ended before their set was known."""
    asked: tuple[Site, ...] = ()
    """Strings whose set must be asked for by itself."""

    def advance(self, text: str) -> LiteralState | None:
        """The state after `text`, or None if `text` cannot be right. Pure, and never asks analysis."""
        if self.now is None and "'" not in text and '"' not in text:
            return CallState.advance(self, text)
        state = self
        for character in text:
            after = state._character(character)
            if after is None:
                return None
            state = after
        return state

    def _character(self, character: str) -> LiteralState | None:
        before = self.calls
        state = CallState.advance(self, character)
        if state is None:
            return None
        if self.now is not None:
            return state._in_string(self.now, character)
        if character in "'\"" and before.code and not before.lexer.opening and not before.lexer.word:
            return state._opened(before.top, character, self)
        return state

    def _opened(self, top: Bracket | None, quote: str, before: LiteralState) -> LiteralState:
        if top is not None and top.role == "call" and not top.lambdas and (
            top.phase == "empty" or (top.phase in ("equals", "keyword") and not top.value)
        ):  # fmt: skip
            # The quote itself shows that `name=` was a keyword.
            call = replace(top, phase="keyword") if top.phase == "equals" else top
            found = self.signatures_of(top)
            legal = strings_at(call, found) if found is not None else None
            if found is not None and legal is None:
                return self
            if found is None and top.site not in self.pending:
                return self
            return replace(self, now=Text(top.site, quote, call, legal=_without(legal, quote)))
        behind = (before.tail + before.text)[-_TAIL:]
        if not _COMPARED.search(behind) and not _INDEXED.search(behind):
            return self
        site = Site(self.text)
        return replace(self, now=Text(site, quote), asked=(*self.asked, site))

    def _in_string(self, now: Text, character: str) -> LiteralState | None:
        if not now.said and now.ended:
            # Two quotes: an empty string, unless a third makes it a long one, which nobody means for a name.
            if character == now.quote:
                return self._forgotten(replace(now, ended=False))
            return self._finished(now)
        if character == now.quote and not now.said:
            return replace(self, now=replace(now, ended=True))
        if character == now.quote:
            return self._finished(replace(now, ended=True))
        if character in "\\\r\n":
            return self._forgotten(now)
        now = replace(now, said=now.said + character)
        if now.legal is not None and not now.allowed(now.legal):
            return None
        return replace(self, now=now)

    def _forgotten(self, now: Text) -> LiteralState:
        """With nothing more asked of the string being written than that it began right."""
        return replace(self, now=None, texts=self.texts if now.legal is not None else (*self.texts, now))

    def _finished(self, now: Text) -> LiteralState | None:
        if now.legal is None:
            return replace(self, now=None, texts=(*self.texts, now))
        return replace(self, now=None) if now.allowed(now.legal) else None

    def names(self) -> frozenset[str] | None:
        """What completes the string being written, its closing quote included."""
        now = self.now
        if now is None or now.legal is None or (now.ended and not now.said):
            return None
        strings, _ = now.legal
        return frozenset(one[len(now.said):] + now.quote for one in strings if one.startswith(now.said))

    @property
    def closed(self) -> bool:
        """In a string of a known type."""
        return self.names() is not None and self.now is not None and self.now.legal is not None and self.now.legal[1]

    @property
    def may_end(self) -> bool:
        """Not inside a string whose set is known."""
        return not self.closed and super().may_end

    @property
    def questions(self) -> tuple[Question, ...]:
        """The calls and the strings that analysis has not been asked about yet."""
        found = [(site, "signatures") for site in self.pending] + [(site, "literals") for site in self.asked]
        return tuple(
            Question(site.text, about, before=site.before)
            for site, about in sorted(found, key=lambda one: place_order(one[0]))
        )

    def resolve(self, answer: Answer) -> LiteralState | None:
        """The state once the first question is answered; None when a string already written is refused."""
        questions = self.questions
        if not questions:
            return self
        first = questions[0]
        site = Site(first.text, first.before)
        state: LiteralState | None = self
        if first.about == "signatures":
            state = CallState.resolve(self, answer)
            assert state is not None  # calls are not judged here
        else:
            state = replace(self, asked=self.asked[1:])
        return state._answered(site, answer)

    def _answered(self, site: Site, answer: Answer) -> LiteralState | None:
        for one in self.texts:
            if one.site == site and (legal := _legal(one, answer)) is not None and not one.allowed(legal):
                return None
        state = replace(self, texts=tuple(one for one in self.texts if one.site != site))
        now = state.now
        if now is None or now.site != site:
            return state
        legal = _legal(now, answer)
        if legal is None:
            return replace(state, now=None)
        if not now.ended and not now.allowed(legal):
            return None
        return replace(state, now=replace(now, legal=legal))


def _legal(text: Text, answer: Answer) -> Legal | None:
    if isinstance(answer, Classification):
        legal = (frozenset(answer.literals), answer.closed) if answer.literals else None
    elif isinstance(answer, Signatures) and text.call is not None:
        legal = strings_at(text.call, answer)
    else:
        legal = None
    return _without(legal, text.quote)


def _without(legal: Legal | None, quote: str) -> Legal | None:
    """The strings that can be written as they are between these quotes; where some cannot, others may be meant."""
    if legal is None:
        return None
    strings, closed = legal
    plain = frozenset(one for one in strings if one.isprintable() and quote not in one and "\\" not in one)
    return (plain, closed and plain == strings) if plain else None


def strings_at(call: Bracket, signatures: Signatures) -> Legal | None:
    """The strings that the argument being written may be, in any overload that what stands before it fits."""
    found: set[str] = set()
    closed = signatures.known and not call.star and not call.double_star
    for overload in signatures.overloads:
        keywords = tuple(name for name in call.keywords if name != call.word)
        if not fits(overload, call.positional, keywords, call.star):
            continue
        parameter = parameters_at(overload, call)
        if parameter is None or not parameter.literals:
            closed = False
        else:
            found.update(parameter.literals)
    return (frozenset(found), closed) if found else None


def ask_literals(analysis: Analysis, document: Document, offset: int, question: Question) -> Future[Classification]:
    """Ask which strings may stand behind the quote that ends `question.text`, written at `offset`."""
    place = offset - question.before if question.before else offset + len(question.text)
    text = document.text[:place] if question.before else document.text[:offset] + question.text
    low = max(0, place - 1 - 2000)
    code = scan(text).code_before(place - 1, low)
    operator = _OPERATOR.search(code)
    if operator is None or not code[:operator.start()].strip():
        return answered(Classification(reason="nothing is compared or indexed here"))
    role = "compare"
    if operator.group().strip() == "[":
        role = "store" if _begins_statement(text[:place]) else "index"
    end = low + len(code[:operator.start()].rstrip())
    rest = document.text[line_end(document.text, offset):]
    return analysis.literals(replace(document, text=text[:end] + rest), end, role)


def _begins_statement(before: str) -> bool:
    """Whether what is indexed begins its statement, so that it may be stored to or deleted."""
    line = before[line_start(before, len(before)):]
    return re.match(r"\s*(?:del\s+)?[\w.]+(?:\[[^\[\]]*\])*\[[^\]]*\Z", line) is not None


def _watching(document: Document, offset: int) -> LiteralState:
    state = begun(LiteralState, document, offset)
    return replace(state, tail=scan(document.text).code_before(offset, max(0, offset - _TAIL)))


class Literal:
    """The monitor. Never raises, and never waits longer than the deadline."""

    name = "literal"

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis

    def start(self, document: Document, offset: int, deadline_ms: float | None = None) -> Start | None:
        """The start in a string whose set is known; None anywhere else."""
        if not is_read(document):
            return None
        span = scan(document.text).span_at(offset)
        if span is None or span.kind == "comment" or span.formatted:
            return None
        quote, typed = document.text[span.start], document.text[span.start + 1:offset]
        if quote not in "'\"" or document.text.startswith(quote * 3, span.start):
            return None
        opened = settled(_watching(document, span.start), self, document, span.start, deadline_ms, 0.5).advance(quote)
        if opened is None or opened.now is None:
            return None
        reasons: list[str] = []
        state = settled(opened, self, document, span.start, deadline_ms, 0.5, reasons)
        if state.now is None or state.now.legal is None:
            return None
        strings, closed = state.now.legal
        reason = reasons[-1] if reasons else "what the parameter may be"
        after = state.advance(typed)
        if after is None:
            closed, reason = False, f"no known string begins with {typed!r}"
            after = _watching(document, offset)
        moved = offset - span.start
        stack = tuple(replace(one, site=Site("", one.site.before + moved)) for one in after.calls.stack)
        if closed or after.now is not None:
            calls = replace(after.calls, stack=stack)
            known = tuple((Site("", site.before + moved), one) for site, one in after.known)
            after = replace(after, text="", calls=calls, known=known, tail=state.tail + state.text + typed)
        members = Members(tuple(Member(one, "constant") for one in sorted(strings)), closed, reason)
        return Start(self.name, closed, reason, after, span.start + 1, typed, members)

    def watch(self, document: Document, offset: int) -> State:
        """A state that constrains nothing and watches the strings the model writes. Asks nothing."""
        return _watching(document, offset) if is_read(document) else FREE

    def ask(self, document: Document, offset: int, question: Question) -> Future[Any]:
        """Put a question of a state that began at `offset`."""
        if question.about == "literals":
            return ask_literals(self._analysis, document, offset, question)
        return ask(self._analysis, document, offset, question)
