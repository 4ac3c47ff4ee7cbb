"""The exception monitor: behind `raise` and `except` stand exceptions."""

from __future__ import annotations

import builtins
from concurrent.futures import Future
from dataclasses import replace

from .analysis import Analysis, Document, Members
from .answers import members_within
from .monitor import Question, Start
from .word_watch import WordState, place_of, watching, word_at

EXCEPTIONS = frozenset(
    name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, BaseException)
) | {"BaseExceptionGroup", "EncodingWarning", "ExceptionGroup", "PythonFinalizationError", "WindowsError"}
"""Those of every version, which need no question."""


class Exceptions:
    """The monitor. It ranks, and refuses what is known to be no exception; it never closes a place."""

    name = "exception"

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis

    def start(self, document: Document, offset: int, deadline_ms: float | None = None) -> Start | None:
        """The start behind `raise` and `except`, and in the brackets behind `except`."""
        found = word_at(document, offset)
        if found is None or found[1].role not in ("raise", "except"):
            return None
        typed, words = found
        begin = offset - len(typed)
        about = "raise call" if words.role == "raise" else "except"
        answer = members_within(self._analysis.kinds(document, begin, about), deadline_ms)
        state = watching(self.name, document, offset, EXCEPTIONS)
        return Start(self.name, False, answer.reason, state, begin, typed, replace(answer, silence=""))

    def watch(self, document: Document, offset: int) -> WordState:
        """A state that watches what the model raises and catches. Asks nothing."""
        return watching(self.name, document, offset, EXCEPTIONS)

    def ask(self, document: Document, offset: int, question: Question) -> Future[Members]:
        """The exceptions in scope where the name of the question begins, and what is none."""
        written, at = place_of(document, offset, question)
        _, about, name = question.about.split(":")
        return self._analysis.kinds(written, at, about, name)
