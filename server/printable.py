"""Text of others on one line of a log, a message or a terminal."""

from __future__ import annotations


def printable(text: str, longest: int = 500) -> str:
    """The text with escapes for what moves the cursor, starts a line, reorders or hides, cut at `longest` characters.

    A file or a setting may be named `a\\x1b[2Kb`, or like a line of ours.
    """
    cut = text if len(text) <= longest else text[: longest - 2] + " …"
    return cut if cut.isprintable() else "".join(one if one.isprintable() else repr(one)[1:-1] for one in cut)
