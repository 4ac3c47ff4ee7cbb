"""Outlines of what the documents import from their project, kept so that a prompt never waits for files."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ..monitors.analysis import Document
from ..monitors.outline import outline

FRESH_S = 2.0
"""So long an outline is not made again."""


@dataclass(frozen=True)
class _Made:
    text: str
    at: float


class Outlines:
    """The last outline of each document, at most `limit` characters. Safe from any thread.

    Where it has changed, the prompt begins differently and is read anew: that is for idle times.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._made: dict[str, _Made] = {}

    def of(self, document: Document) -> str:
        """The last outline made; empty before the first."""
        made = self._made.get(document.path)
        return made.text if made is not None else ""

    def refresh(self, document: Document) -> None:
        """Make the outline, unless it was made just now. Reads files."""
        made = self._made.get(document.path)
        if self._limit and (made is None or time.monotonic() - made.at >= FRESH_S):
            self._made[document.path] = _Made(outline(document, self._limit), time.monotonic())

    def forget(self, path: str) -> None:
        """The document is not edited any more."""
        self._made.pop(path, None)
