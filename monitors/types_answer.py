"""What the analysis process says about slots: evidence and scored candidates, as they cross the pipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .slots import Evidence


def decoded(answer: dict[str, Any]) -> TypesAnswer:
    """The answer from its JSON; an answer of another shape (superseded, failed) keeps its reason."""
    if "surveyed" not in answer:
        return TypesAnswer(reason=str(answer.get("reason", "")) or "no answer")
    return TypesAnswer(
        answer["surveyed"], tuple(_slot(one) for one in answer["slots"]), tuple(tuple(one) for one in answer["bound"]),
        answer["module"], answer["reason"],
    )  # fmt: skip


def _slot(one: dict[str, Any]) -> SlotEvidence:
    return SlotEvidence(**(one | {
        "candidates": tuple(
            Scored(**(each | {"homes": tuple(tuple(pair) for pair in each["homes"])})) for each in one["candidates"]
        ),
        "sentences": tuple(Evidence(**each) for each in one["sentences"]),
    }))  # fmt: skip


@dataclass(frozen=True)
class Scored:
    """A candidate with its score before a language model is asked; natural logarithm, of any scale."""

    text: str
    kind: str
    module: str
    score: float
    homes: tuple[tuple[str, str], ...] = ()
    """(name, module) of the names of a composed type."""


@dataclass(frozen=True)
class SlotEvidence:
    """What is known of one slot. `other` is the score of everything that is not among `candidates`."""

    offset: int
    kind: str
    static: str = ""
    static_source: str = ""
    candidates: tuple[Scored, ...] = ()
    other: float = 0.0
    optional: float = 0.0
    """The probability that None is allowed beside the type."""
    sentences: tuple[Evidence, ...] = ()
    agrees: bool = False
    """Whether the uses were there to check candidates against."""
    like: str = ""
    """The kind of slot whose learned numbers count for the candidates; "" for its own."""
    late: bool = False
    """There was no time left to ask jedi; without the slots before it, there will be."""


@dataclass(frozen=True)
class TypesAnswer:
    """The answer to one question: how much of the project is read (0 to 1), the slots asked about, names the file has."""

    surveyed: float = 0.0
    slots: tuple[SlotEvidence, ...] = ()
    bound: tuple[tuple[str, str, str], ...] = ()
    """(name, module, name there) of every import and class of the file."""
    module: str = ""
    reason: str = ""
