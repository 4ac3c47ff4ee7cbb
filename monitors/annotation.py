"""The annotation monitor: where a type is written, names that stand for types come first."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace

from .analysis import Analysis, Document, Members
from .answers import members_within
from .monitor import Question, Start
from .word_watch import WordState, place_of, watching, word_at

_KNOWN = frozenset({
    "int", "str", "float", "bool", "bytes", "bytearray", "complex", "dict", "frozenset", "list", "object", "set", "tuple",
    "type", "memoryview", "range", "slice", "Exception", "BaseException",
})  # fmt: skip
"""Types that need no question."""


class Annotation:
    """The monitor. It ranks, and refuses what is known to be no type; it never closes a place."""

    name = "annotation"

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis

    def start(self, document: Document, offset: int, deadline_ms: float | None = None) -> Start | None:
        """The start behind the colon of a parameter or variable, behind `->`, and in the brackets of generics."""
        found = word_at(document, offset)
        if found is None or found[1].slot != "annotation":
            return None
        typed, _ = found
        begin = offset - len(typed)
        answer = members_within(self._analysis.kinds(document, begin, "annotation"), deadline_ms)
        state = watching(self.name, document, offset, _KNOWN)
        return Start(self.name, False, answer.reason, state, begin, typed, replace(answer, silence=""))

    def watch(self, document: Document, offset: int) -> WordState:
        """A state that watches the annotations the model writes. Asks nothing."""
        return watching(self.name, document, offset, _KNOWN)

    def ask(self, document: Document, offset: int, question: Question) -> Future[Members]:
        """The types in scope where the name of the question begins, and what is none."""
        written, at = place_of(document, offset, question)
        return self._analysis.kinds(written, at, "annotation", question.about.partition(":")[2])
