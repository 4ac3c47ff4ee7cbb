"""Where ghost text ends, and what of it is fit to be shown."""

from __future__ import annotations

import re
import unicodedata

from ..monitors.lexical import line_end, line_start

MAX_LINES = 12
"""Longest block offered at once."""

SHORT_LINE = 5
"""Lines up to this length are no repetition."""

_LOOP = re.compile(r"(.{2,40}?)\1\1\Z", re.DOTALL)

MOVED_BRACKETS = ")]}"


def line_of(text: str, offset: int) -> tuple[str, str]:
    """What stands before and behind the cursor on its line; \\n, \\r\\n and a lone \\r end a line."""
    return text[line_start(text, offset):offset], text[offset:line_end(text, offset)]


def lengthens_name(text: str) -> bool:
    """Whether `text`, right behind a name, would lengthen it: whether its first character may stand inside one."""
    return bool(text) and ("a" + text[0]).isidentifier()


def indentation(line: str) -> int:
    """Width of the blanks a line starts with; a tab counts to the next multiple of eight, as Python counts."""
    return len(line[: len(line) - len(line.lstrip(" \t"))].expandtabs(8))


def end_of_block(before: str, written: str) -> int | None:
    """Where the block that `written` belongs to has ended, as an index into `written`; None while it goes on.

    `before` is the cursor's line up to the cursor. A block ends before the first line that is indented less than it
    (not more than its opener, when the first line ends in a colon), before a second blank line, and after `MAX_LINES`.
    Only complete lines are judged.
    """
    lines = written.split("\n")
    if len(lines) == 1:
        return None
    first = before + lines[0]
    base = indentation(first) if first.strip() else indentation(before)
    opener = first.rstrip().endswith(":")
    position, blanks = len(lines[0]), 0
    for number, line in enumerate(lines[1:], 1):
        last = number == len(lines) - 1
        if not line.strip():
            blanks += not last
            if blanks > 1:
                return position
        else:
            width = indentation(line)
            if width < base or (opener and width == base):
                return len("\n".join(lines[:number]).rstrip())
            blanks = 0
        if number >= MAX_LINES:
            return position
        position += 1 + len(line)
    return None


def end_of_repetition(text_before: str, written: str) -> int | None:
    """Where `written` begins to repeat itself, as an index into it; None while it says something new.

    Repeating is a whole line that stands in `written` already, or a first line that is the line before it once more.
    Short lines (`)`, `else:`) may come again.
    """
    before = text_before[text_before.rfind("\n") + 1 :]
    lines = written.split("\n")
    position = len(lines[0])
    first = (before + lines[0]).strip()
    if not before.strip() and len(first) > SHORT_LINE:
        above = text_before[: len(text_before) - len(before)].rstrip().rpartition("\n")[2]
        if above.strip() == first:
            return 0
    seen = {first}
    for line in lines[1:]:
        if line.strip() in seen and len(line.strip()) > SHORT_LINE:
            return position
        seen.add(line.strip())
        position += 1 + len(line)
    return None


def block_is_over(text_before: str, written: str) -> bool:
    """Whether the block that `written` belongs to has ended, or repeats itself, judged by its complete lines."""
    if "\n" not in written:
        return False
    if end_of_block(text_before[text_before.rfind("\n") + 1 :], written) is not None:
        return True
    return end_of_repetition(text_before, written[: written.rindex("\n")]) is not None


def without_loop(written: str) -> str:
    """A text that ends in circles (`x.log.log.log`), up to where it has gone round once.

    A circle is three times the same two to forty characters, a letter among them, at the end of the text.
    """
    while (found := _LOOP.search(written)) is not None and any(map(str.isalpha, found[1])):
        written = written[: found.end(1)]
    return written


def refusal(text: str, offset: int, *, automatic: bool) -> str:
    """Why no ghost text belongs at this cursor, in words; empty if some does.

    Automatic text is offered at the end of a line, or before closing brackets and the like, not in the middle of code.
    """
    before, after = line_of(text, offset)
    if lengthens_name(after):
        return "the cursor is inside a name"
    if before[-1:] and len(before) > 20_000:
        return "the line is longer than 20,000 characters"
    if automatic and after.strip(" \t" + MOVED_BRACKETS + ",:;\"'") != "":
        return "there is code behind the cursor on this line"
    return ""


def without_overlap(written: str, after: str) -> str:
    """Drop from the end of one written line what already stands behind the cursor (`after`)."""
    after = after.strip()
    if not after:
        return written
    for length in range(min(len(written), len(after)), 0, -1):
        if written.endswith(after[:length]):
            return written[:-length]
    return written


def word_start(text: str, *, in_string: bool = False) -> int:
    """Where the name that `text` ends in begins, one with `=` behind it too; with `in_string`, the string's inside."""
    pattern = r"""[^'"\n]*\Z""" if in_string else r"(?:[^\W\d]\w*[ \t]*=?[ \t]*)?\Z"
    found = re.search(pattern, text)
    return found.start() if found is not None else len(text)


def printable(text: str, existing: str = "") -> str:
    """`text` up to the first character that has no business in an offer.

    Control characters except newline and tab, bidirectional controls and zero-width characters end it, unless the file
    already uses them (`research/reliability.md` 3.5).
    """
    for position, character in enumerate(text):
        if character in "\n\t" or character in existing:
            continue
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") or character == "\ufffd":
            return text[:position]
    return text
