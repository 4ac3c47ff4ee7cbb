"""A document as a language server counts it: lines, code units, and the edits that turn one text into the next."""

from __future__ import annotations

import re
from typing import Any, Literal

from .lexical import common_prefix, common_suffix

Encoding = Literal["utf-8", "utf-16", "utf-32"]
"""How the server counts characters within a line."""

_UNRULY = re.compile("\r(?!\n)|[\u2028\u2029\0\ud800-\udfff]")


def tame(text: str) -> str:
    """`text` without what servers disagree about, of the same length.

    A lone `\\r`, U+2028 and U+2029 end a line in some and not in others; NUL and lone surrogate halves break a few.
    """
    return _UNRULY.sub(_tamed, text)


def _tamed(match: re.Match[str]) -> str:
    character = match.group()
    return "\n" if character == "\r" else "\ufffd" if character >= "\ud800" else " "


def position(text: str, offset: int, encoding: Encoding) -> dict[str, int]:
    """The LSP position of an offset into a tame text: for `a😀b`, the `b` is at 5 in utf-8, 3 in utf-16, 2 in utf-32."""
    begin = text.rfind("\n", 0, offset) + 1
    head = text[begin:offset]
    if head.isascii() or encoding == "utf-32":
        character = len(head)
    else:
        character = len(head.encode()) if encoding == "utf-8" else len(head.encode("utf-16-le")) // 2
    return {"line": text.count("\n", 0, begin), "character": character}


def change(old: str, new: str, encoding: Encoding) -> dict[str, Any]:
    """The one edit, in LSP's words, that turns `old` into `new`."""
    start = common_prefix(old, new)
    if start and old[start - 1] == "\r":
        start -= 1  # between `\r` and `\n` there is no position
    rest = min(len(old), len(new)) - start
    tail = common_suffix(old, new, rest)
    if tail and old[len(old) - tail] == "\n":
        tail -= 1
    end = len(old) - tail
    lsp_range = {"start": position(old, start, encoding), "end": position(old, end, encoding)}
    return {"range": lsp_range, "text": new[start:len(new) - tail]}
