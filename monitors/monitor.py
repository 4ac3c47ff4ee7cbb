"""The seam between monitors and decoding: text, never tokens.

A monitor decides what may be written next at one kind of place. `start` gives a `Start` or nothing; its `state` is an
immutable value that is stepped with text. Masks, exact distributions, sample-and-check and joint monitors are all
derived from these few methods, in `decoding/`.

The laws (see `laws.py`):
- stepping by `a` then `b` equals stepping by `a + b`;
- a refused prefix stays refused whatever follows;
- every name in `names()` can be written, letter by letter, and then something can follow it;
- `advance` never asks analysis. Where the answer is missing the state holds `questions`.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from .analysis import Classification, Document, Members, Signatures
from .answers import LATE


@dataclass(frozen=True)
class Question:
    """What must be asked before the text behind it may be offered, by default which names may follow `text`.

    `text` is everything written since the start (for an attribute, the dot included), so the place to ask at is behind
    `document.text[:offset] + text`; with `before` it is that many characters before the cursor, in the document itself.
    `about` is what to ask, in the words of the monitor that asks; `monitor` is that monitor, where there are several.
    """

    text: str
    about: str = "members"
    monitor: str = ""
    before: int = 0


Answer = Members | Signatures | Classification
"""What analysis answers a question with."""


ABOUT_CALLS = frozenset({"signatures", "literals"})
"""Questions whose answers are worth a short wait only: what they would have refused is a mistake, no invention."""


def unanswered(question: Question) -> Answer:
    """Stands for an answer about a call that did not come: nothing is known, nothing refused."""
    return Classification(reason=LATE.reason) if question.about == "literals" else LATE


class State(Protocol):
    """What may be written from here on. Equal states have equal futures; hashable."""

    def advance(self, text: str) -> Self | None:
        """The state after `text`, or None if `text` cannot be right. Pure, and never asks analysis."""

    def names(self) -> frozenset[str] | None:
        """What completes the name begun here (only what is still to be written), or None when not finite.

        The empty string is in the set when the name may end here.
        """

    @property
    def closed(self) -> bool:
        """Whether `names()` is a mask here: nothing else can be right. At open places names only rank."""

    @property
    def may_end(self) -> bool:
        """Whether the text may stop here (end-of-text is legal)."""

    @property
    def questions(self) -> tuple[Question, ...]:
        """The dots, in order, whose receivers analysis has not been asked about yet."""

    def resolve(self, answer: Answer) -> Self | None:
        """The state once the first question is answered; None when what was written behind that dot is refused."""


def finished(state: State, rest: str) -> State | None:
    """The state once the text ends and the document goes on with `rest`; states that wait for what follows a word
    have a method `finish`."""
    finish: Callable[[str], State | None] | None = getattr(state, "finish", None)
    return state if finish is None else finish(rest)


@dataclass(frozen=True)
class Start:
    """Where a monitor has something to say. `closed`: no name outside of `members` can be right.

    `offset` is where the name begins (after the dot, before what is half typed); `typed` the half-typed part, so
    `offset + len(typed)` is the cursor and `state` is the state *at the cursor*. Its own `closed` makes `names()` a mask;
    open places rank, and so do names that may still turn out to be bound. `members` are the complete names, for lists.
    """

    monitor: str
    closed: bool
    reason: str
    state: State
    offset: int
    typed: str = ""
    members: Members = field(default_factory=Members)
    others: tuple[Start, ...] = ()
    """What other monitors had to say at this cursor, when several run together."""


class Monitor(Protocol):
    """Decides at one kind of place: at the cursor (`start`), and in what is written behind it (`watch`, `ask`)."""

    @property
    def name(self) -> str:
        """In one word."""

    def start(self, document: Document, offset: int, deadline_ms: float | None = None) -> Start | None:
        """The start at the cursor `offset`, or None when this is no place of this monitor.

        Never raises: when analysis is down or late the place is open and the reason says so. `deadline_ms` bounds the
        wait for analysis (None: as long as it takes).
        """

    def watch(self, document: Document, offset: int) -> State:
        """A state at a cursor where this monitor constrains nothing, which watches for its places. Asks nothing."""

    def ask(self, document: Document, offset: int, question: Question) -> Future[Any]:
        """Put a question of a state that began at `offset`; at once, an `Answer` comes through the future."""


@dataclass(frozen=True)
class Free:
    """The state of nobody: anything may be written, nothing is asked."""

    closed: bool = False
    may_end: bool = True
    questions: tuple[Question, ...] = ()

    def advance(self, text: str) -> Free | None:
        return self

    def names(self) -> frozenset[str] | None:
        return None

    def resolve(self, answer: Answer) -> Free | None:
        return self


FREE = Free()
"""The one value of `Free`."""
