"""What was edited lately in the open documents, chosen for the prompts of the one that is being written.

It is chosen when another document or another place is turned to, and stays as it is while one place is written: a prompt
that begins differently is read anew. Only memory holds it, and nothing here shows or logs a text.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

from ..monitors.analysis import Document
from ..monitors.edits import Chunk, Edits, Region, block, shown_path

SHARE = 2
"""One chunk takes at most the limit divided by this, so that there is more than one."""


@dataclass(frozen=True)
class _Chosen:
    path: str
    chunk: Chunk
    far: bool
    """Whether the prompts of its own document do not reach it."""


class Recent:
    """The edits of the open documents. `typed`, `turned` and `closed` are called on the event loop, `of` anywhere."""

    def __init__(self) -> None:
        self._limit = self._reach = 0
        self._edits: dict[str, Edits] = {}
        self._names: dict[str, str] = {}
        self._numbers = count(1)
        self._written_in = ""
        self._chosen: tuple[_Chosen, ...] = ()

    def use(self, limit: int, reach: int) -> None:
        """Choose at most `limit` characters from now on (0: nothing); a prompt reaches at most `reach` around a cursor."""
        self._limit, self._reach, self._chosen = limit, reach, ()

    def of(self, document: Document) -> tuple[Chunk, ...]:
        """What a prompt in the document begins with, the latest last."""
        return tuple(one.chunk for one in self._chosen if one.far or one.path != document.path)

    def typed(self, document: Document, offset: int) -> None:
        """The document was opened or changed, last at `offset`."""
        path, old = document.path, self._edits.get(document.path)
        text = document.text.replace("\r\n", "\n")
        new = old.after(text, next(self._numbers)) if old is not None and self._limit else Edits(text)
        self._edits[path], self._names[path] = new, shown_path(path, document.root)
        if path != self._written_in or (old is not None and new.places != old.places):
            self._choose(document, offset)

    def turned(self, document: Document, offset: int) -> None:
        """Something was asked at a place of the document: what was written elsewhere is complete."""
        if document.path != self._written_in:
            self._choose(document, offset)

    def closed(self, path: str) -> None:
        """The document is not edited any more, and nothing of it is kept."""
        self._edits.pop(path, None)
        self._names.pop(path, None)
        self._chosen = tuple(one for one in self._chosen if one.path != path)

    def _choose(self, document: Document, offset: int) -> None:
        written_in = self._written_in = document.path
        if not self._limit:
            return
        offset -= document.text.count("\r\n", 0, offset)
        latest = sorted(
            ((region, path) for path, edits in self._edits.items() for region in edits.regions),
            key=lambda one: -one[0].at,
        )
        chosen: list[_Chosen] = []
        taken: list[tuple[str, int, int]] = []
        left = self._limit
        for region, path in latest:
            far = path == written_in and not _is_near(region, offset, self._reach)
            if path == written_in and not far:
                continue
            text = self._edits[path].text
            start, end = block(text, region, self._limit // SHARE)
            if any(path == other and start < last and first < end for other, first, last in taken):
                continue
            lines = text[start:end]
            if lines.strip() and len(lines) <= left:
                left -= len(lines)
                taken.append((path, start, end))
                chosen.append(_Chosen(path, Chunk(self._names[path], lines), far))
        self._chosen = tuple(reversed(chosen))


def _is_near(region: Region, offset: int, reach: int) -> bool:
    return region.start - reach < offset < region.end + reach
