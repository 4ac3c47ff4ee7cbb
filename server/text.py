"""The text of one document: lines, edits, and positions as editors count them.

Lines end at `\\r\\n`, `\\n` or `\\r` and nowhere else: a form feed, U+0085 or U+2028 stays inside its line, as in every
editor and unlike `str.splitlines`. A *position* is (line, character), both from 0; `character` counts code units of the
encoding agreed on with the client, so that for `a😀b` the `b` stands at character 5 in utf-8, 3 in utf-16, 2 in utf-32.
An *offset* counts code points from the start of the text and is what everything behind this module uses.
"""

from __future__ import annotations

import io
import re
from bisect import bisect_right
from typing import Literal

Encoding = Literal["utf-8", "utf-16", "utf-32"]
"""How a client counts characters within a line."""

Position = tuple[int, int]
"""(line, character), both from 0; the character in units of the client's encoding."""

Range = tuple[Position, Position]
"""Start and end, the end exclusive."""

_HALVES = re.compile("[\ud800-\udfff]")


def split_lines(text: str) -> list[str]:
    """The lines of `text` with their endings; the last one has none (and may be empty), so there is always one."""
    lines = io.StringIO(text, newline="").readlines()
    if not lines or lines[-1][-1] in "\r\n":
        lines.append("")
    return lines


def content_length(line: str) -> int:
    """The code points of a line before its ending."""
    if line.endswith("\n"):
        return len(line) - (2 if line.endswith("\r\n") else 1)
    return len(line) - line.endswith("\r")


def index_in(line: str, character: int, encoding: Encoding) -> int:
    """Client units within a line to code points.

    Past the end is the end before the ending; inside the units of one code point is after that code point.
    """
    # A code point is at least one unit, so the first `character` code points hold all that is counted.
    head = line[: max(0, min(character, content_length(line)))]
    if encoding == "utf-32" or head.isascii():
        return len(head)
    if encoding == "utf-16":
        return len(head.encode("utf-16-le", "surrogatepass")[: 2 * character].decode("utf-16-le", "surrogatepass"))
    encoded = head.encode("utf-8", "surrogatepass")
    while character < len(encoded) and encoded[character] & 0xC0 == 0x80:
        character += 1
    return len(encoded[:character].decode("utf-8", "surrogatepass"))


def units(text: str, encoding: Encoding) -> int:
    """The length of `text` in client units."""
    if encoding == "utf-32" or text.isascii():
        return len(text)
    if encoding == "utf-16":
        return len(text.encode("utf-16-le", "surrogatepass")) // 2
    return len(text.encode("utf-8", "surrogatepass"))


def join_halves(text: str) -> str:
    """Make one character of two neighbouring halves of a surrogate pair; a lone half stays.

    JSON can carry halves, and an editor can send a pair in two edits.
    """
    if text.isascii() or not _HALVES.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


class Text:
    """A text that is being edited. Not thread-safe: it belongs to the event loop.

    An edit costs what its lines cost, not what the text costs; `joined` and `offset` are paid by the first call after
    an edit and cached.
    """

    def __init__(self, text: str) -> None:
        self._joined: str | None = None
        self._clean: str | None = None
        self._replace_all(text)

    def __len__(self) -> int:
        """The length in code points."""
        return self._length

    def __repr__(self) -> str:
        """Never the text itself: it may end up in a log."""
        return f"<Text of {self._length} code points on {len(self._lines)} lines>"

    @property
    def line_count(self) -> int:
        """At least 1: what follows the last line ending is a line, empty or not."""
        return len(self._lines)

    @property
    def has_lone_cr(self) -> bool:
        """Whether a line ends with `\\r` alone. Neovim does not count such a line, VS Code does."""
        return self._lone_crs > 0

    def apply(self, lsp_range: Range | None, new_text: str, encoding: Encoding) -> None:
        """Replace a range (None: everything) by `new_text`. Any numbers are valid: positions are clamped."""
        if lsp_range is None:
            self._replace_all(new_text)
            return
        start, end = lsp_range
        if end < start:
            start, end = end, start
        lines = self._lines
        first0, start_index = self._locate(start, encoding)
        last0, end_index = self._locate(end, encoding)
        head = lines[first0][:start_index]
        if not head and first0 and lines[first0 - 1].endswith("\r"):
            # What comes now may begin with the `\n` that makes one ending of the two.
            first0 -= 1
            head = lines[first0]
        chunk = join_halves(head + new_text + lines[last0][end_index:])
        fresh = split_lines(chunk)
        if last0 + 1 < len(lines):
            fresh.pop()  # The chunk ends with the ending of line `last0`; the line after it is already there.
        stale = lines[first0 : last0 + 1]
        lines[first0 : last0 + 1] = fresh
        self._length += len(chunk) - sum(map(len, stale))
        self._lone_crs += _lone_crs(fresh) - _lone_crs(stale)
        del self._starts[first0 + 1 :]
        self._joined = self._clean = None

    def joined(self) -> str:
        """The whole text, lone surrogate halves included."""
        if self._joined is None:
            self._joined = "".join(self._lines)
        return self._joined

    def clean(self) -> str:
        """The whole text for analysis and model: lone halves, which cannot be encoded, become U+FFFD. Same length."""
        if self._clean is None:
            joined = self.joined()
            self._clean = joined if joined.isascii() else _HALVES.sub("�", joined)
        return self._clean

    def offset(self, line0: int, character: int, encoding: Encoding) -> int:
        """Code points before a position.

        Past the end of a line is its end before the ending, past the last line is the end of the text.
        """
        line0, index = self._locate((line0, character), encoding)
        return self._line_start(line0) + index

    def position(self, offset: int, encoding: Encoding) -> Position:
        """The position of an offset, clamped to the text; between `\\r` and `\\n` is before both."""
        offset = max(0, min(offset, self._length))
        while self._starts[-1] < offset and len(self._starts) < len(self._lines):
            self._line_start(min(2 * len(self._starts), len(self._lines) - 1))
        line0 = bisect_right(self._starts, offset) - 1
        line = self._lines[line0]
        return line0, units(line[: min(offset - self._starts[line0], content_length(line))], encoding)

    def line(self, line0: int) -> str:
        """One line with its ending; empty past the end."""
        return self._lines[line0] if 0 <= line0 < len(self._lines) else ""

    def first_difference(self, other: Text) -> int:
        """The first line, from 0, in which two texts differ (where one ends, if nowhere else)."""
        for line0, (ours, theirs) in enumerate(zip(self._lines, other._lines, strict=False)):
            if ours != theirs:
                return line0
        return min(len(self._lines), len(other._lines))

    def _replace_all(self, text: str) -> None:
        text = join_halves(text)
        self._lines = split_lines(text)
        self._length = len(text)
        self._lone_crs = _lone_crs(self._lines) if "\r" in text else 0
        # Offsets at which the first lines start, as far as anybody asked since the last edit.
        self._starts = [0]
        self._joined, self._clean = text, None

    def _locate(self, position: Position, encoding: Encoding) -> tuple[int, int]:
        """A position as line and code points within it."""
        line0, character = position
        if line0 < 0:
            return 0, 0
        if line0 >= len(self._lines):
            return len(self._lines) - 1, len(self._lines[-1])
        return line0, index_in(self._lines[line0], character, encoding)

    def _line_start(self, line0: int) -> int:
        starts = self._starts
        at = starts[-1]
        for line in self._lines[len(starts) - 1 : line0]:
            at += len(line)
            starts.append(at)
        return starts[line0]


def _lone_crs(lines: list[str]) -> int:
    return sum(line.endswith("\r") for line in lines)
