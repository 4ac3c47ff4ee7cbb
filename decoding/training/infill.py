"""Holes such as an editor's user leaves: where they begin and end in a text, by kind.

A window of source is parsed with tree-sitter, which minds neither the missing rest of the file nor errors.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Literal

import tree_sitter
import tree_sitter_python

HoleKind = Literal["rest_of_line", "attribute", "block", "annotation", "import", "lines", "span"]
KINDS: dict[HoleKind, float] = {
    "rest_of_line": 0.32, "attribute": 0.22, "block": 0.16, "annotation": 0.08, "import": 0.07, "lines": 0.08, "span": 0.07,
}  # fmt: skip
"""Each kind of hole and its share. An editor asks for rests of lines and names after dots most often."""

_WITH_LINES = frozenset(
    {
        "expression_statement", "return_statement", "assert_statement", "raise_statement", "if_statement", "elif_clause",
        "for_statement", "while_statement", "with_statement", "function_definition", "class_definition",
    }
)  # fmt: skip
"""Statements whose first line is written at once."""

LONGEST = 600
"""Characters of the longest hole: about three times what ghost text may write."""


@dataclass(frozen=True)
class Hole:
    """`text[start:end]` is missing; both are code points."""

    kind: HoleKind
    start: int
    end: int


@cache
def _parser() -> tree_sitter.Parser:
    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_python.language()))


def find_holes(text: str, kind: HoleKind, chance: random.Random, low: int = 0) -> list[Hole]:
    """Holes of one kind that begin at or behind `low`. `chance` sets where in a line or span they begin."""
    if kind == "span":
        return list(_spans(text, chance, low))
    data = text.encode("utf-8", "replace")
    ascii_only = len(data) == len(text)

    def characters(byte_offset: int) -> int:
        return byte_offset if ascii_only else len(data[:byte_offset].decode("utf-8", "ignore"))

    found = []
    for start_byte, end_byte in _byte_ranges(_parser().parse(data).root_node, kind):
        start, end = characters(start_byte), characters(end_byte)
        hole = _placed(text, kind, start, end, chance)
        if hole is not None and hole.start >= low and 0 < hole.end - hole.start <= LONGEST:
            found.append(hole)
    return found


def _byte_ranges(root: tree_sitter.Node, kind: HoleKind) -> Iterator[tuple[int, int]]:
    stack = [root]
    while stack:
        node = stack.pop()
        stack.extend(node.children)
        match kind, node.type:
            case "attribute", "attribute":
                name = node.child_by_field_name("attribute")
                if name is not None and not name.is_missing:
                    yield name.start_byte, name.end_byte
            case "annotation", "type":
                yield node.start_byte, node.end_byte
            case "import", "import_statement" | "import_from_statement":
                yield node.start_byte, node.end_byte
            case "block", "block":
                yield node.start_byte, node.end_byte
            case "lines", "block" | "module":
                inner = [child for child in node.named_children if child.type != "comment"]
                for first, last in pairwise(inner):
                    yield first.start_byte, last.end_byte
            case "rest_of_line", statement if statement in _WITH_LINES:
                yield node.start_byte, node.end_byte


def _placed(text: str, kind: HoleKind, start: int, end: int, chance: random.Random) -> Hole | None:
    line_end = text.find("\n", start)
    line_end = len(text) if line_end < 0 else line_end
    if kind == "attribute":
        # Half of them go on to the end of the line: what follows a name is asked for as often as the name.
        return Hole(kind, start, end if chance.random() < 0.5 else max(end, line_end))
    if kind == "import":
        words = text.find(" ", start, end)
        return None if words < 0 else Hole(kind, chance.choice((words + 1, start)), end)
    if kind == "rest_of_line":
        if line_end - start < 4 or text.startswith(('"""', "'''", 'r"""'), start):
            return None
        return Hole(kind, chance.randrange(start, line_end - 1), line_end)
    if kind == "block" and chance.random() < 0.3 and "\n" in text[start:end]:
        # The rest of a block that is begun.
        start = text.find("\n", start, end) + 1
        start += len(text[start:end]) - len(text[start:end].lstrip())
    return Hole(kind, start, end)


def _spans(text: str, chance: random.Random, low: int) -> Iterator[Hole]:
    for _ in range(8):
        if len(text) - low < 8:
            return
        start = chance.randrange(low, len(text) - 2)
        yield Hole("span", start, min(len(text), start + 1 + int(chance.expovariate(1 / 60))))
