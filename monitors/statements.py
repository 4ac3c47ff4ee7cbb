"""The statement at a cursor: where it begins and ends, and what its words are."""

from __future__ import annotations

import re
from functools import lru_cache

from .lexical import Scan, line_end, line_start, scan
from .word_runner import run
from .words import Words

_HARD = frozenset({
    "def", "class", "return", "import", "while", "with", "try", "except", "finally", "raise", "assert", "del", "global",
    "nonlocal", "pass", "break", "continue", "elif",
})  # fmt: skip
"""Keywords that stand in no bracket: where a line begins with one, a bracket was left open above."""

HARD_LINE = re.compile(rf"^[ \t]*(?:(?:async[ \t]+)?(?:{'|'.join(sorted(_HARD))})\b|@)", re.M)
_LOOK_BACK = 4_000
"""Characters read before the cursor at most; a longer statement is not followed."""


def statement_start(text: str, offset: int) -> int | None:
    """Where the line begins that begins the statement at `offset`; None when that is too far up to be followed."""
    scanned = scan(text)
    floor = max(0, offset - _LOOK_BACK)
    at = line_start(text, offset)
    for _ in range(200):
        if at < floor:
            return None
        span = scanned.span_at(at)
        if span is not None:
            at = line_start(text, span.start)
            continue
        if at == 0:
            return 0
        if re.search(r"\\\r?\n\Z", text[max(0, at - 3):at]):
            at = line_start(text, at - 1)
            continue
        opener = _open_bracket(text, at, max(0, at - _LOOK_BACK), scanned)
        if opener is None:
            return at
        at = line_start(text, opener)
    return None


def statement_end(words: Words, text: str, offset: int) -> tuple[int, Words]:
    """Where the statement that `words` are in at `offset` ends, before its newline, and the words there.

    A bracket that the rest of the line leaves open although what follows is another statement was open by mistake.
    """
    line = line_end(text, offset)
    at, here = offset, words
    limit = min(len(text), offset + _LOOK_BACK)
    while at <= limit:
        end = line_end(text, at)
        here, _ = run(here, text[at:end], at - offset)
        if len(here.levels) == 1 and not here.lexer.frames and not here.lexer.escape and not here.lexer.opening:
            return end, here
        if end >= len(text):
            break
        newline = 2 if text.startswith("\r\n", end) else 1
        here, _ = run(here, text[end:end + newline], end - offset)
        at = end + newline
        if not here.lexer.frames and HARD_LINE.match(text, at, line_end(text, at)):
            break
    here, _ = run(words, text[offset:line], 0)
    return line, here


@lru_cache(64)
def words_at(text: str, offset: int) -> tuple[int, Words] | None:
    """Where the statement of a cursor begins, and the words at the cursor; None where that is too far up."""
    start = statement_start(text, offset)
    if start is None:
        return None
    words, _ = run(Words(), text[start:offset], start - offset)
    return start, words


def _open_bracket(text: str, at: int, floor: int, scanned: Scan) -> int | None:
    """The innermost bracket that is open at the beginning of a line, if the statements above leave one open."""
    code = scanned.code_before(at, floor)
    lines = list(HARD_LINE.finditer(code))
    if not lines and floor > 0:
        # A table of data, perhaps: whether its bracket is open shows only above it.
        return _open_bracket(text, at, max(0, floor - 10 * _LOOK_BACK) if at - floor < 400_000 else 0, scanned)
    begin = lines[-1].start() if lines else 0
    depth = 0
    for match in reversed(list(re.finditer(r"[()\[\]{}]", code[begin:]))):
        depth += 1 if match.group() in ")]}" else -1
        if depth < 0:
            return floor + begin + match.start()
    return None
