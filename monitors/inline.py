"""jedi in this process, answering before the question returns: for tests and benchmarks, where nothing is hostile.

What jedi does here, it does to us: it may take seconds, and it is not thread-safe. A server uses `process`.
"""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from .analysis import Document
from .answers import answered
from .asking import Asking, open_answer
from .cache import TreeCache
from .jedi_answers import answer_of
from .jedi_session import Session
from .languages import PYTHON, language_of


class InlineAnalysis(Asking):
    """An `Analysis` on a session of ours. `reasons` are those of the answers that left a place open."""

    def __init__(self, session: Session | None = None) -> None:
        self.session = session or Session(TreeCache(None))
        self.reasons: list[str] = []

    def open(self, document: Document) -> None:
        """Nothing is done ahead."""

    def close(self, path: str) -> None:
        """What is on disk counts again."""
        self.session.forget(path)

    def health(self) -> str:
        """Always ready."""
        return "ready"

    def shutdown(self) -> None:
        """Nothing to end."""

    def _ask(self, verb: str, document: Document, offset: int, name: str, key: tuple[Any, ...]) -> Future[Any]:
        return answered(self._answer(verb, document, offset, name))

    def _answer(self, verb: str, document: Document, offset: int, name: str) -> Any:
        if language_of(document.path) is not PYTHON:
            return open_answer(verb, "jedi reads Python only")
        try:
            answer = answer_of(self.session, verb, document, offset, name)
        except (Exception, RecursionError) as error:  # as in `worker`: whatever jedi makes of broken code
            self.session.forget(document.path)
            answer = open_answer(verb, f"analysis failed: {type(error).__name__}: {error}")
        if not getattr(answer, "closed", getattr(answer, "known", True)):
            self.reasons.append(answer.reason)
        return answer
