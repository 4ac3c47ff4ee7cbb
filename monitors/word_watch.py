"""What the monitors of bare words have in common: a state that hands a word to analysis once it is certain to be read.

While a name is being written nobody knows whether it will be bound, so nothing is refused inside of it; behind it,
where it turns out to be read, it becomes a question. The answer is about the place where the name begins, and says
which names it refuses; what to write there instead can be drawn from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from .analysis import Document, Members
from .dereference import normal_form
from .languages import is_read
from .lexical import scan
from .monitor import Answer, Question
from .running import continues_name
from .statements import words_at
from .syntax import identifier_start, place
from .word_runner import run
from .words import Use, Words


@dataclass(frozen=True)
class WordState:
    """Watches running text for words of one kind: `about` says which. Never a mask."""

    about: str
    text: str = ""
    """Everything written since the start."""
    words: Words = field(default_factory=Words)
    known: frozenset[str] = frozenset()
    """Names that need no question."""
    legal: frozenset[str] | None = None
    """The names that rank where the first word is still being written; None behind it."""
    typed: str = ""
    pending: tuple[Use, ...] = ()
    blind: bool = False
    """The start was in a string or comment, or too deep to follow: nothing is watched."""

    def advance(self, text: str) -> WordState | None:
        """The state after `text`; nothing is refused before it was asked about."""
        if self.blind:
            return replace(self, text=self.text + text)
        words, uses = run(self.words, text, len(self.text))
        wanted = tuple(use for use in uses if self._wants(use))
        legal = self.legal if self.legal is None or all(map(continues_name, text)) else None
        return replace(self, text=self.text + text, words=words, legal=legal, pending=self.pending + wanted)

    def _wants(self, use: Use) -> bool:
        if use.begin + len(use.name) <= 0 or self.words.magic:
            return False  # written by the user, or by whatever was called
        return ASKS[self.about](use) and normal_form(use.name) not in self.known

    def names(self) -> frozenset[str] | None:
        """What completes the word at the cursor, while it is being written."""
        if self.legal is None:
            return None
        begun = normal_form(self.typed + self.text)
        return frozenset(name[len(begun):] for name in self.legal if name.startswith(begun))

    @property
    def closed(self) -> bool:
        """Never: a word may turn out to be bound."""
        return False

    @property
    def may_end(self) -> bool:
        """Always; `finish` says what the end makes of the last word."""
        return True

    @property
    def questions(self) -> tuple[Question, ...]:
        """The words, in order, that analysis has not been asked about."""
        return tuple(self._question(use) for use in self.pending)

    def _question(self, use: Use) -> Question:
        about = ":".join((self.about, *_manner(self.about, use)))
        if use.begin < 0:
            return Question("", about, before=-use.begin)
        return Question(self.text[:use.begin], about)

    def resolve(self, answer: Answer) -> WordState | None:
        """The state once the first word is answered; None when it is refused."""
        if not self.pending or not isinstance(answer, Members):
            return self if not self.pending else replace(self, pending=self.pending[1:])
        name = normal_form(self.pending[0].name)
        if name in answer.refused or (answer.closed and answer.names and name not in answer.names):
            return None
        return replace(self, pending=self.pending[1:])

    def finish(self, rest: str) -> WordState | None:
        """The state when `rest` (what the document goes on with, to the end of the line) follows the text."""
        if self.blind:
            return self
        words, uses = run(self.words, rest + "\n", len(self.text))
        wanted = tuple(use for use in uses if use.begin < len(self.text) and self._wants(use))
        return replace(self, words=words, legal=None, pending=self.pending + wanted)


def _manner(about: str, use: Use) -> tuple[str, ...]:
    """What the question must say beyond its kind."""
    if about == "name":
        return ("later",) if use.deferred else ()
    if about == "exception":
        return f"{use.role} call" if use.follow == "(" else use.role, use.name
    return (use.name,)


ASKS: dict[str, Callable[[Use], bool]] = {
    "name": lambda use: True,
    "exception": lambda use: use.follow != "." and (use.role == "raise" or (use.role == "except" and use.follow != "(")),
    "annotation": lambda use: use.role == "annotation" and use.follow not in (".", "("),
}
"""Which uses a state of each kind asks about."""


def watching(about: str, document: Document, offset: int, known: frozenset[str] = frozenset()) -> WordState:
    """A state at a cursor that watches what is written from there on. Asks nothing."""
    if not is_read(document) or not scan(document.text).lexer_at(offset).code:
        return WordState(about, blind=True)
    found = words_at(document.text, offset)
    if found is None:
        return WordState(about, blind=True)
    # What was read before the cursor is the user's own.
    words = replace(found[1], ready=())
    return WordState(about, words=words, known=known)


def word_at(document: Document, offset: int) -> tuple[str, Words] | None:
    """The part of a word before the cursor, and the words where it begins; None where no word can stand."""
    if not is_read(document) or place(document.text, offset).where != "code":
        return None
    begin = identifier_start(document.text, offset)
    typed = document.text[begin:offset]
    if typed and not typed.isidentifier():
        return None
    found = words_at(document.text, begin)
    if found is None:
        return None
    words = found[1]
    if words.previous in ("operand", "dot", "defined", "!") or not words.lexer.code:
        return None
    return typed, words


def place_of(document: Document, offset: int, question: Question) -> tuple[Document, int]:
    """The document with what was written, and where the name of a question begins in it."""
    text = document.text[:offset] + question.text + document.text[offset:]
    return replace(document, text=text), offset + len(question.text) - question.before
