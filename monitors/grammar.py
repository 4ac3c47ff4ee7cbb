"""Where a text may end so that what stands then is Python: with what follows the cursor, not only with what precedes it.

Half-typed code is broken somewhere almost always. What is asked is whether the lines that were written into are whole now;
what is broken elsewhere, and was before, is not this text's business.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from tree_sitter import Node

from .calls import calls_at
from .lexical import scan
from .syntax import byte_of, parse

MOST_TRIES = 12
"""Ends that are parsed; each costs a fraction of a millisecond, incrementally."""

_CLOSERS = {")": "(", "]": "[", "}": "{"}
_CLOSES = {opener: closer for closer, opener in _CLOSERS.items()}
_GOES_ON = re.compile(
    r"(?:[^\w\s)\]}'\"]|\b(?:and|or|not|in|is|if|else|lambda|await|yield|import|from|as|del|assert|global|nonlocal))\Z"
)
"""What a line ends in that may not end a statement."""
_NO_TUPLE = re.compile(r"(?:import|from|raise|assert|global|nonlocal)\b")
"""Statements that no comma ends."""
_HEADER = re.compile(
    r"[ \t]*(?:async[ \t]+)?(?:if|elif|else|for|while|with|try|except|finally|def|class|match|case)\b", re.ASCII
)


def longest_end(before: str, written: str, after: str, ends: list[int]) -> int:
    """The longest of `ends` (lengths of `written`, rising) at which the text may end; 0 where it may at none.

    The first choice is an end at which the lines from the cursor's to the last one written parse with `after`. Where
    there is none (the person has not finished the line either), it is one that leaves nothing open and after which the
    line can be finished: closing the brackets that were open before, with a colon and a block.
    """
    if not is_indented_right(before, written):
        return 0
    closers = after.partition("\n")[0]
    tries = (end for end in reversed(ends) if end and is_balanced(before, written[:end], closers))
    seen = []
    for end in islice(tries, MOST_TRIES):
        if parses(before, written[:end], after) and ends_its_line(before, written[:end], after):
            return end
        seen.append(end)
    for end in seen:
        if can_be_finished(before, written[:end], after):
            return end
    return 0


def ends_its_line(before: str, written: str, after: str) -> bool:
    """Whether a statement that parses ends with its line: the grammar lets `x =` go on below, Python does not.

    A line that ends inside a bracket, in a colon or with a decorator goes on below.
    """
    rest, line_end, below = after.partition("\n")
    begun = before + written + rest
    first = begun.rfind("\n") + 1
    line = scan(begun).code_before(len(begun), first).strip()
    if line.startswith("@") or calls_at(begun, len(begun)).stack:
        return True
    if line.endswith(":"):
        return _HEADER.match(line) is not None
    if line.endswith(",") and _NO_TUPLE.match(line):
        return False
    if not _GOES_ON.search(line):
        return True
    return parses(before, f"{written}{rest}\n{_indent(begun)}pass", line_end + below)


def is_indented_right(before: str, written: str) -> bool:
    """Whether a first line that begins with `written` stands where a line may begin: no deeper than the line above, if
    that opens no block, and else as deep as a line that it could belong beside."""
    first = before.rfind("\n") + 1
    if before[first:].strip() or not written.strip() or calls_at(before, first).stack:
        return True
    width = _width(before[first:] + written)
    scanned, above, deeper = scan(before), first, False
    while above > 0:
        begin = before.rfind("\n", 0, above - 1) + 1
        code = scanned.code_before(above, begin).rstrip()
        if code.endswith("\\") and above == first:
            return True
        if code and _width(code) > width:
            deeper = True
        elif code and scanned.where(begin) == "code" and not calls_at(before, begin).stack:
            return _width(code) == width or (not deeper and code.endswith(":"))
        above = begin
    return width == 0


def can_be_finished(before: str, written: str, after: str) -> bool:
    """Whether the line that ends with `written` parses once what a person still has to write is there.

    That is the rest of what was begun before the cursor: closing brackets, and the colon of a statement with a block.
    Where the code around is broken whatever stands on the line, the line is judged alone.
    """
    rest, line_end, below = after.partition("\n")
    begun = before + written + rest
    closers = "".join(_CLOSES.get(bracket.opener, "") for bracket in reversed(calls_at(begun, len(begun)).stack))
    indent = _indent(begun)
    tails = [closers] if closers else []
    if _HEADER.match(before, before.rfind("\n") + 1):
        tails += [f"{closers}:", f"{closers}: pass"]
    if begun.rpartition("\n")[2].lstrip().startswith("@"):
        tails.append(f"{closers}\n{indent}def _(): pass")
    for tail in tails:
        finished, left = written + rest + tail, line_end + below
        if parses(before, finished, left) and ends_its_line(before, finished, left):
            return True
    first = before.rfind("\n") + 1
    if closers or any(parses(before[:first], one, line_end + below) for one in (f"{indent}pass", f"{indent}if x:")):
        return False
    alone = "".join(line.removeprefix(indent) for line in begun[first:].splitlines(keepends=True))
    return any(parses("", alone + tail, "") for tail in ("", *tails))


def parses(before: str, written: str, after: str) -> bool:
    """Whether the lines that `written` stands on have no error in them, `after` included."""
    text = before + written + after
    first = text.rfind("\n", 0, len(before)) + 1
    last = text.find("\n", len(before) + len(written))
    begin = byte_of(text, first)
    end = byte_of(text, last if last >= 0 else len(text))
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


def _width(line: str) -> int:
    """How deep a line is; a tab counts to the next multiple of eight."""
    return len(line[: len(line) - len(line.lstrip(" \t"))].expandtabs(8))


def _indent(text: str) -> str:
    """The blanks that the last line begins with."""
    line = text.rpartition("\n")[2]
    return line[: len(line) - len(line.lstrip(" \t"))]


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
