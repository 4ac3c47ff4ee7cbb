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

from dataclasses import dataclass, field
from typing import Protocol, Self

from .analysis import Document, Members


@dataclass(frozen=True)
class Question:
    """What must be asked before the text behind it may be offered: which names may follow the dot that ends `text`.

    `text` is everything written since the start, the dot included, so the place to ask at is
    `document.text[:offset] + text`.
    """

    text: str


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

    def resolve(self, answer: Members) -> Self | None:
        """The state once the first question is answered; None when what was written behind that dot is refused."""


@dataclass(frozen=True)
class Start:
    """Where a monitor has something to say.

    `offset` is where the name begins (after the dot, before what is half typed); `typed` the half-typed part, so
    `offset + len(typed)` is the cursor and `state` is the state *at the cursor*. Only `closed` makes `names()` a mask;
    open places rank. `members` are the complete names, for lists.
    """

    monitor: str
    closed: bool
    reason: str
    state: State
    offset: int
    typed: str = ""
    members: Members = field(default_factory=Members)


class Monitor(Protocol):
    """Decides at one kind of place."""

    name: str

    def start(self, document: Document, offset: int, deadline_ms: float | None = None) -> Start | None:
        """The start at the cursor `offset`, or None when this is no place of this monitor.

        Never raises: when analysis is down or late the place is open and the reason says so. `deadline_ms` bounds the
        wait for analysis (None: as long as it takes).
        """


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

    def resolve(self, answer: Members) -> Free | None:
        return self


FREE = Free()
"""The one value of `Free`."""
