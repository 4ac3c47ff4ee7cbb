"""Where a text may end so that what stands then is Python: with what follows the cursor, not only with what precedes it.

Half-typed code is broken somewhere almost always. What is asked is whether the lines that were written into are whole now;
what is broken elsewhere, and was before, is not this text's business.
"""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from .lexical import scan
from .syntax import parse

MOST_TRIES = 12
"""Ends that are parsed before the longest balanced one is taken; each costs a fraction of a millisecond, incrementally."""

_CLOSERS = {")": "(", "]": "[", "}": "{"}


def longest_end(before: str, written: str, after: str, ends: list[int]) -> int:
    """The longest of `ends` (lengths of `written`, rising) at which the text may end; 0 where it may at none.

    The first choice is an end at which the lines from the cursor's to the last one written parse with `after`. Where
    there is none (the person has not finished the line either), it is one with no bracket and no quote left open that
    `after` does not close on the same line.
    """
    tries = [end for end in reversed(ends) if end]
    for end in tries[:MOST_TRIES]:
        if parses(before, written[:end], after):
            return end
    closers = after.partition("\n")[0]
    for end in tries:
        if is_balanced(before, written[:end], closers):
            return end
    return 0


def parses(before: str, written: str, after: str) -> bool:
    """Whether the lines that `written` stands on have no error in them, `after` included."""
    text = before + written + after
    first = text.rfind("\n", 0, len(before)) + 1
    last = text.find("\n", len(before) + len(written))
    begin = len(text[:first].encode("utf-8", "replace"))
    end = len(text[: last if last >= 0 else len(text)].encode("utf-8", "replace"))
    return next(_errors(parse(text).root_node, begin, end), None) is None


def is_balanced(before: str, written: str, closers: str) -> bool:
    """Whether `written` leaves nothing open that `closers`, the rest of the line, does not close.

    Brackets that were open before the cursor may stay open. A closing bracket with nothing to close is no balance.
    """
    lexer = scan(before).lexer_at(len(before))
    was_code, depth = lexer.code, len(lexer.frames)
    stack: list[str] = []
    for character in written:
        code = lexer.code
        lexer = lexer.step(character)
        if not code or not lexer.code:
            continue
        if character in "([{":
            stack.append(character)
        elif character in _CLOSERS and stack and stack.pop() != _CLOSERS[character]:
            return False
    if was_code and (not lexer.code or len(lexer.frames) != depth):
        return False
    for character in closers:
        if stack and _CLOSERS.get(character) == stack[-1]:
            stack.pop()
    return not stack


def _errors(root: Node, begin: int, end: int) -> Iterator[Node]:
    """Error and missing nodes that touch the bytes from `begin` to `end`. Without recursion: trees may be very deep."""
    left = [root]
    while left:
        node = left.pop()
        if not node.has_error or node.end_byte < begin or node.start_byte > end:
            continue
        innermost = not any(child.has_error for child in node.children)
        if node.is_missing or (node.is_error and (innermost or node.start_byte >= begin)):
            yield node
        left.extend(node.children)
