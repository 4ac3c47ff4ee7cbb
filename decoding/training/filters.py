"""Which files are worth learning from: source that a person wrote, may be learnt from, and gives nothing away."""

from __future__ import annotations

import ast
import re
import warnings
from pathlib import PurePosixPath

FEWEST_CHARACTERS, MOST_CHARACTERS = 120, 300_000
LONGEST_LINE, LONGEST_MEAN_LINE = 1_000, 100
MOST_DIGITS = 0.25
"""Share of characters that are digits, above which a file is a table."""

_GENERATED = re.compile(
    r"(?i)\b(auto-?\s?generated|generated (by|from|using)|do not (edit|modify)"
    r"|this file (is|was) (auto|generated|created by))\b"
)
_RESTRICTED = re.compile(r"(?i)gnu (lesser |library |affero )?general public licen[sc]e|all rights reserved\W+proprietary")
_SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}|\bxox[abprs]-[A-Za-z0-9-]{10,}"
    r"|\bsk-[A-Za-z0-9]{32,}|\bAIza[0-9A-Za-z_-]{35}\b|\beyJ[\w-]{20,}\.[\w-]{20,}\.[\w-]{10,}"
)
"""Private keys and the tokens whose form says what they are: AWS, GitHub, Slack, OpenAI, Google, JWT."""
_GENERATED_NAMES = ("_pb2.py", "_pb2_grpc.py", "_version.py", "_parsetab.py", "parsetab.py", "lextab.py")


def usable_text(path: str, data: bytes | None) -> tuple[str, str]:
    """The text of a file and "", or "" and the reason it is left out, in one or two words."""
    if data is None:
        return "", "unreadable"
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        return "", "not UTF-8"
    if "\0" in text:
        return "", "binary"
    reason = _reason(path, text)
    return ("", reason) if reason else (text, "")


def _reason(path: str, text: str) -> str:
    if len(text) < FEWEST_CHARACTERS:
        return "too small"
    if len(text) > MOST_CHARACTERS:
        return "too large"
    lengths = [len(line) for line in text.split("\n")]
    if max(lengths) > LONGEST_LINE or len(text) / len(lengths) > LONGEST_MEAN_LINE:
        return "long lines"
    if sum(map(str.isdigit, text)) > MOST_DIGITS * len(text):
        return "a table"
    if PurePosixPath(path).name.endswith(_GENERATED_NAMES) or _GENERATED.search(text[:1_500]):
        return "generated"
    if _RESTRICTED.search(text[:3_000]):
        return "licence in the file"
    if _SECRET.search(text):
        return "a secret"
    return "" if _parses(text) else "no Python"


def _parses(text: str) -> bool:
    """Whether it is Python of this version; it is parsed, never compiled to code or run."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a bad escape in somebody's string
        try:
            ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return True
