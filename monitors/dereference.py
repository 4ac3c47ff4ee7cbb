"""The dereference monitor: what may be written behind a dot, now and at every dot that the model itself writes."""

from __future__ import annotations

import unicodedata
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

from .analysis import Analysis, Document, Members
from .answers import answered, members_within, then
from .languages import PYTHON, Language, Running, language_of
from .monitor import Answer, Question, Start
from .running import Lexer
from .syntax import TEXT_LIMIT, Place

_REFUSED_PLACES = {
    "import": "this is an import statement",
    "store": "attributes may come into being by being stored",
    "del": "what is deleted need not be known",
}


Follow = Literal["", "name", "behind", "=", "load", "store"]
"""What is done with a name, by what follows it: it is still being written, nothing but blanks follow, `=` does (and may
become `==`), it is read, it is stored (or just stands there, as far as anybody can tell)."""

_READS = frozenset("([.+-*/%@&|^<>!")


def follow(so_far: Follow, character: str) -> Follow:
    """What is known once one more character follows a name; the first one may not be part of it."""
    if so_far == "=":
        return "load" if character == "=" else "store"
    if so_far not in ("name", "behind"):
        return so_far
    if character in " \t\f":
        return "behind"
    if character == "=":
        return "="
    # A word behind the name is an operator: `self.x in y`.
    return "load" if character in _READS or character.isalpha() else "store"


@dataclass(frozen=True)
class Pending:
    """A dot whose receiver is not known yet: the text up to it, and the name that was written behind it since."""

    text: str
    name: str = ""
    follows: Follow = "name"

    @property
    def ended(self) -> bool:
        """Something that is no part of a name has followed."""
        return self.follows != "name"

    @property
    def settled(self) -> bool:
        """What follows further says nothing about the name."""
        return self.follows in ("load", "store")

    def followed_by(self, character: str, in_name: bool) -> Pending:
        """With one more character written behind the dot; `in_name` if a name can hold it."""
        if in_name and not self.ended:
            return replace(self, name=self.name + character)
        return replace(self, follows=follow(self.follows, character))


@dataclass(frozen=True)
class DereferenceState:
    """Where the text stands, at or behind a dot, or in free running text that is watched for dots.

    `legal` are the complete names possible here and `typed` the part of one already written; None where no answered
    dot is being completed. Only at `closed` places does `advance` refuse.
    """

    text: str = ""
    """Everything written since the start."""
    lexer: Running = field(default_factory=Lexer)
    legal: frozenset[str] | None = None
    typed: str = ""
    closed: bool = False
    fresh: Follow = ""
    """Where a name may be stored, but not read unless it is legal: what is known of its use. `legal` are the names as
    long as it is being written; behind one of them, and once it is stored, nothing is left to watch."""
    pending: tuple[Pending, ...] = ()
    blind: bool = False
    """The start was in a string or comment: nothing is watched."""
    language: Language = PYTHON

    def advance(self, text: str) -> DereferenceState | None:
        """The state after `text`, or None if `text` cannot be right. Pure, and never asks analysis."""
        if self.blind:
            return replace(self, text=self.text + text)
        # One value at the end, not one a character: this runs for every token that is looked at.
        lexer, legal, typed, closed, pending = self.lexer, self.legal, self.typed, self.closed, self.pending
        fresh = self.fresh
        continues_name = self.language.continues_name
        for index, character in enumerate(text):
            lexer = lexer.step(character)
            if legal is not None:
                if continues_name(character):
                    typed += character
                    if closed and not _begins(legal, typed):
                        return None
                elif closed and not _complete(legal, typed):
                    return None
                else:
                    if fresh and (not typed or _complete(legal, typed)):
                        fresh = ""
                    legal, typed, closed = None, "", False
            elif pending and not pending[-1].settled:
                pending = (*pending[:-1], pending[-1].followed_by(character, continues_name(character)))
            if fresh and legal is None:
                fresh = follow(fresh, character)
                if fresh == "load":
                    return None
                if fresh == "store":
                    fresh = ""
            if lexer.dereference:
                pending = (*pending, Pending(self.text + text[:index + 1]))
        return replace(
            self, text=self.text + text, lexer=lexer, legal=legal, typed=typed, closed=closed, fresh=fresh,
            pending=pending,
        )  # fmt: skip

    def names(self) -> frozenset[str] | None:
        """What completes the name begun here, or None when no answered dot is being completed."""
        if self.legal is None:
            return None
        if not self.typed:
            return self.legal
        typed = normal_form(self.typed)
        return frozenset(name[len(typed):] for name in self.legal if name.startswith(typed))

    @property
    def may_end(self) -> bool:
        """Whether the text may stop here: not in the middle of a closed name, and not just behind a dot."""
        if self.legal is not None and self.closed:
            return _complete(self.legal, self.typed)
        return not self.lexer.dereference

    @property
    def questions(self) -> tuple[Question, ...]:
        """The dots whose receivers analysis has not been asked about yet."""
        return tuple(Question(pending.text) for pending in self.pending)

    def resolve(self, answer: Answer) -> DereferenceState | None:
        """The state once the first question is answered; None when what was written behind that dot is refused."""
        if not self.pending or not isinstance(answer, Members):
            return self
        first, rest = self.pending[0], self.pending[1:]
        names = legal_names(answer, self.language)
        closed = answer.closed and bool(names)
        if closed and not (_complete(names, first.name) if first.ended else _begins(names, first.name)):
            return None
        stores = answer.store_possible and bool(names) and not closed
        if first.ended:
            if not stores or first.follows == "store" or not first.name or _complete(names, first.name):
                return replace(self, pending=rest)
            return None if first.follows == "load" else replace(self, pending=rest, fresh=first.follows)
        return replace(
            self, pending=rest, legal=names, typed=first.name, closed=closed, fresh="name" if stores else ""
        )


def legal_names(answer: Members, language: Language = PYTHON) -> frozenset[str]:
    """The names that may be written, in the form Python compares them in."""
    return frozenset(normal_form(name) for name in answer.names if language.is_name(name))


def normal_form(name: str) -> str:
    """`name` as Python's parser sees it."""
    return name if name.isascii() else unicodedata.normalize("NFKC", name)


def _begins(names: frozenset[str], typed: str) -> bool:
    start = normal_form(typed)
    return any(name.startswith(start) for name in names)


def _complete(names: frozenset[str], typed: str) -> bool:
    return normal_form(typed) in names


class Dereference:
    """The monitor. Never raises, and never waits longer than the deadline."""

    name = "dereference"

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis

    def start(self, document: Document, offset: int, deadline_ms: float | None = None) -> Start | None:
        """The start behind the dot at the cursor, or None if the cursor is at no attribute."""
        if len(document.text) > TEXT_LIMIT:
            return None
        language = language_of(document.path)
        here = language.place(document.text, offset)
        if here.where != "code" or here.dot is None or here.context == "import":
            return None
        answer = storing(members_within(self._analysis.members(document, here.dot), deadline_ms), here)
        names = legal_names(answer, language)
        closed, reason = answer.closed, answer.reason
        refusal = refusal_of(here)
        if closed and refusal:
            closed, reason = False, refusal
        if closed and not _begins(names, here.typed):
            closed, reason = False, f"no known name begins with {here.typed!r}"
        lexer = language.lexer_at(document.text, offset)
        fresh: Follow = "name" if names and not closed and answer.store_possible else ""
        state = DereferenceState("", lexer, names, here.typed, closed, fresh, language=language)
        return Start(self.name, closed, reason, state, offset - len(here.typed), here.typed, answer)

    def watch(self, document: Document, offset: int) -> DereferenceState:
        """A state that constrains nothing and watches the dots the model writes. Asks nothing.

        In a string or comment it watches nothing.
        """
        language = language_of(document.path)
        lexer = language.lexer_at(document.text, offset)
        return DereferenceState(lexer=lexer, blind=not lexer.code, language=language)

    def ask(self, document: Document, offset: int, question: Question) -> Future[Members]:
        """Put a question of a state that began at `offset`; see the function `ask`."""
        return ask(self._analysis, document, offset, question)


def refusal_of(here: Place) -> str:
    """Why a place stays open whatever analysis knows; empty if it need not."""
    if here.context in _REFUSED_PLACES:
        return _REFUSED_PLACES[here.context]
    if here.context == "fresh" and here.self_like:
        return "a new attribute may be stored here"
    return ""


def storing(answer: Members, here: Place) -> Members:
    """An answer as it counts at a place where a new attribute of `self` may be stored."""
    if not answer.closed or here.context != "fresh" or not here.self_like:
        return answer
    return replace(answer, closed=False, reason=refusal_of(here), store_possible=True)


def ask(analysis: Analysis, document: Document, offset: int, question: Question) -> Future[Members]:
    """Put a state's question: what may follow the dot that ends `question.text`, written at the cursor `offset`.

    Analysis sees the whole buffer with the generated text in it. Where the dot is no attribute access after all (in a
    string, a number, an import), the answer is open and nobody is asked.
    """
    text = document.text[:offset] + question.text + document.text[offset:]
    dot = offset + len(question.text)
    here = language_of(document.path).place(text, dot)
    reason = ""
    fresh = here.context == "fresh" and here.self_like
    if here.where != "code":
        reason = f"in a {here.where}"
    elif here.dot is None:
        reason = "no attribute access"
    elif not fresh:
        reason = refusal_of(here)
    if reason:
        return answered(Members(reason=reason))
    asked = analysis.members(replace(document, text=text), dot)
    return then(asked, partial(storing, here=here)) if fresh else asked
