"""What kind of place the cursor is at: code or not, behind a dot or not, loading or storing.

Asks `lexical` about strings and comments (a person is half-way through them), tree-sitter about the rest. Offsets are
code points; tree-sitter counts bytes, and that stays in here. Trees may be 20,000 deep: nothing recurses over them.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import tree_sitter_python
from tree_sitter import Language, Node, Parser, Query, QueryCursor, Tree

from .lexical import Scan, Where, common_prefix, common_suffix, line_end, line_start, scan
from .running import NO_OPERAND, continues_name

Context = Literal["load", "store", "del", "fresh", "import"]
"""What is done with the attribute. `fresh`: nothing stands behind it and it begins a statement, so it may become a
store. An augmented assignment loads first, and is a load."""

PLACEHOLDER = "Z"
"""Stands for the name at the cursor in `normalised` text: any name will do, a missing one breaks the tree."""

TEXT_LIMIT = 2_000_000
"""Characters; a larger document is not analysed."""

SCOPES = frozenset({"function_definition", "class_definition", "lambda"})
"""Types of nodes that have a scope of their own."""

PYTHON_GRAMMAR = Language(tree_sitter_python.language())
_PARSER = Parser(PYTHON_GRAMMAR)
_STORES = Query(
    PYTHON_GRAMMAR,
    """
    (assignment left: (attribute attribute: (identifier) @name))
    (augmented_assignment left: (attribute attribute: (identifier) @name))
    (pattern_list (attribute attribute: (identifier) @name))
    (tuple_pattern (attribute attribute: (identifier) @name))
    (list_pattern (attribute attribute: (identifier) @name))
    (list_splat_pattern (attribute attribute: (identifier) @name))
    (for_statement left: (attribute attribute: (identifier) @name))
    (for_in_clause left: (attribute attribute: (identifier) @name))
    (as_pattern_target (attribute attribute: (identifier) @name))
    (call function: (identifier) @setter arguments: (argument_list . (_) . (string (string_content) @name))
      (#any-of? @setter "setattr" "delattr"))
    (call function: (attribute attribute: (identifier) @setter)
      arguments: (argument_list . (_) . (string (string_content) @name))
      (#any-of? @setter "__setattr__" "__delattr__"))
    """,
)
_IMPORT_LINE = re.compile(
    r"(?:^|[;:])[ \t\f]*(?:from(?:[ \t\f]+[\w.]|[ \t\f]*\.)[\w. \t\f]*(?:\bimport\b.*)?|import[ \t\f][\w., \t\f]*)\Z"
)
_BLANKS = " \t\f"
_TARGET_LISTS = frozenset({
    "pattern_list", "tuple_pattern", "list_pattern", "list_splat_pattern", "expression_list", "tuple", "list",
    "parenthesized_expression",
})  # fmt: skip


@dataclass(frozen=True)
class Place:
    """The cursor's surroundings.

    `dot` is the offset behind the dot of an attribute access, None where there is none. `typed` is the identifier part
    before the cursor, and `end` the offset where the identifier it belongs to ends (the cursor or beyond). `self_like`
    is set for `self.` and `cls.`, whose attributes come into being by being stored.
    """

    where: Where
    dot: int | None = None
    typed: str = ""
    end: int = 0
    context: Context = "load"
    self_like: bool = False


def place(text: str, offset: int) -> Place:
    """What kind of place `offset` is. Never raises for any text; an offset outside of it is clamped."""
    offset = max(0, min(offset, len(text)))
    scanned = scan(text)
    start = identifier_start(text, offset)
    end = identifier_end(text, offset)
    typed = text[start:offset]
    where = scanned.where(start if typed and not typed[0].isdigit() else offset)
    if where != "code" or (typed and not typed.isidentifier()):
        return Place(where if where != "code" else "number" if typed[:1].isdigit() else "code", None, typed, end)
    dot = _dot_before(text, start, scanned)
    if dot is None:
        return Place("code", None, typed, end)
    if _imports(text, dot, scanned):
        return Place("code", dot, typed, end, "import")
    context, self_like = _context(text, dot, end, scanned)
    return Place("code", dot, typed, end, context, self_like)


def normalised(text: str, dot: int, end: int) -> str:
    """`text` with a placeholder for what is written between the dot and `end`, so that it parses as it is meant to.

    Two texts that differ only in a half-typed name become equal, and so do the questions about them.
    """
    return f"{text[:dot]}{PLACEHOLDER}{text[end:]}"


def identifier_start(text: str, offset: int) -> int:
    """Where the identifier that ends at `offset` begins; `offset` itself if there is none."""
    start = offset
    while start > 0 and continues_name(text[start - 1]):
        start -= 1
    return start


def identifier_end(text: str, offset: int) -> int:
    """Where the identifier that `offset` is in ends; `offset` itself if it is in none."""
    end = offset
    while end < len(text) and continues_name(text[end]):
        end += 1
    return end


def _dot_before(text: str, start: int, scanned: Scan) -> int | None:
    """The offset behind the dot that a name beginning at `start` would belong to."""
    at = _skip_back(text, start, scanned)
    if at == 0 or text[at - 1] != "." or scanned.where(at) != "code":
        return None
    dot = at
    if dot >= 2 and text[dot - 2] == ".":
        # `...`: the ellipsis has a dot too many to be an attribute, and `..name` is a relative import or a mistake.
        # `1..real` is an attribute of a float.
        if not re.search(r"(?<![\w.])\d[\d_]*\.\.\Z", text[max(0, dot - 40):dot]):
            return dot if _imports(text, dot, scanned) else None
        return dot
    before = _skip_back(text, dot - 1, scanned)
    if before == 0:
        return None
    last = text[before - 1]
    if last in ")]}":
        return dot
    if last in "'\"":
        span = scanned.span_at(before - 1)
        return dot if span is not None and span.kind == "string" and span.closed else None
    if continues_name(last):
        word = text[identifier_start(text, before):before]
        if word in NO_OPERAND:
            return dot if word == "from" and _imports(text, dot, scanned) else None
        return dot
    return None


def _skip_back(text: str, at: int, scanned: Scan) -> int:
    """Over blanks, and inside of brackets over newlines and comments too, to the left."""
    while at > 0:
        character = text[at - 1]
        if character in _BLANKS:
            at -= 1
            continue
        if character not in "\r\n":
            return at
        line_end = at - 1
        if line_end > 0 and text[line_end - 1:at] == "\r\n":
            line_end -= 1
        if line_end > 0 and text[line_end - 1] == "\\":
            at = line_end - 1
            continue
        if not in_brackets(text, at, scanned):
            return at
        span = scanned.span_at(line_end)
        at = span.start if span is not None and span.kind == "comment" else line_end
    return at


def in_brackets(text: str, offset: int, scanned: Scan) -> bool:
    """Whether a bracket is open at `offset`; looks back a hundred lines at most."""
    start = offset
    for _ in range(100):
        start = max(text.rfind("\n", 0, start), text.rfind("\r", 0, start))
        if start < 0:
            start = 0
            break
    code = scanned.code_before(offset, start)
    depth = 0
    for match in reversed(list(re.finditer(r"[()\[\]{}]", code))):
        depth += 1 if match.group() in ")]}" else -1
        if depth < 0:
            return True
    return False


def _imports(text: str, dot: int, scanned: Scan) -> bool:
    """Whether the dot belongs to an import statement."""
    line = line_start(text, dot)
    while line > 1 and text[:line].rstrip("\r\n").endswith("\\") and dot - line < 2000:
        line = line_start(text, line - 1)
    code = scanned.code_before(dot, line).replace("\\\r\n", " ").replace("\\\n", " ")
    return _IMPORT_LINE.search(code) is not None


def receiver_start(text: str, dot: int, scanned: Scan) -> int:
    """Where the expression begins that is dereferenced by the dot that ends at `dot`: `f(x)[0].a` for `f(x)[0].a.`"""
    at = _skip_back(text, dot - 1, scanned)
    while at > 0:
        last = text[at - 1]
        if last in ")]}":
            at = _opening(text, at, scanned)
            before = _skip_back(text, at, scanned)
            if before and (text[before - 1] in ")]}'\"" or continues_name(text[before - 1])):
                word = text[identifier_start(text, before):before]
                if word and word in NO_OPERAND:
                    return at
                at = before
                continue
            return at
        if last in "'\"":
            span = scanned.span_at(at - 1)
            return span.start if span is not None else at
        if not continues_name(last):
            return at
        at = identifier_start(text, at)
        before = _skip_back(text, at, scanned)
        if before == 0 or text[before - 1] != ".":
            return at
        at = _skip_back(text, before - 1, scanned)
    return at


def _opening(text: str, at: int, scanned: Scan) -> int:
    """The offset of the bracket that the one before `at` closes; where that is not found nearby, `at - 1`."""
    start = max(0, at - 20_000)
    depth = 0
    for match in reversed(list(re.finditer(r"[()\[\]{}]", scanned.code_before(at, start)))):
        depth += 1 if match.group() in ")]}" else -1
        if depth == 0:
            return start + match.start()
    return at - 1


def _context(text: str, dot: int, end: int, scanned: Scan) -> tuple[Context, bool]:
    begin = receiver_start(text, dot, scanned)
    self_like = text[begin:dot].rstrip(" .\t") in ("self", "cls", "mcs", "metacls")
    line = line_start(text, begin)
    before = scanned.code_before(begin, line)
    rest = _line_rest(text, end, scanned)
    word = re.search(r"(\w+)\s*\Z", before)
    if not rest and word and word.group(1) in ("for", "as"):
        return "store", self_like
    if scanned.span_at(begin) is None and not in_brackets(text, begin, scanned):
        # Where the rest of the line is broken, the tree is; these two are plain without it.
        assigned = re.match(r"=(?!=)", rest) is not None
        annotated = rest.startswith(":") and not rest.startswith(":=") and not before.strip(_BLANKS)
        if assigned or annotated:
            return "store", self_like
    context = _tree_context(text, dot, end) or "load"
    if context == "load" and not rest and not in_brackets(text, begin, scanned) and _begins_statement(before):
        context = "fresh"
    return context, self_like


def _line_rest(text: str, end: int, scanned: Scan) -> str:
    """What follows on the line, without blanks and comments."""
    return scanned.code_before(line_end(text, end), end).strip(_BLANKS)


def _begins_statement(before: str) -> bool:
    """Whether a statement, or a further target of one (`self.a, self.`), begins behind this part of its line."""
    stripped = before.strip(_BLANKS)
    if not stripped or stripped[-1] == ";":
        return True
    if stripped[-1] == ",":
        return re.fullmatch(r"(?:[\w.*\[\]]+\s*,\s*)+", stripped) is not None
    compound = r"(?:async|if|elif|else|for|while|try|except|finally|with|match|case|def|class)\b.*:"
    return re.fullmatch(compound, stripped) is not None and stripped.count("(") == stripped.count(")")


def _tree_context(text: str, dot: int, end: int) -> Context | None:
    """The context by the tree; None if the tree does not know the place for an attribute."""
    whole = normalised(text, dot, end)
    tree = parse(whole)
    target = byte_of(whole, dot)
    path = list(_path(tree, target))
    for index in range(len(path) - 1, 0, -1):
        kind = path[index][0]
        if kind in ("import_statement", "import_from_statement", "future_import_statement"):
            return "import"
        if kind == "attribute" and path[index + 1:index + 2] and path[index + 1][1] == "attribute":
            return _climb(path, index)
    return None


def _climb(path: list[tuple[str, str | None]], index: int) -> Context:
    """What the nodes above the attribute at `index` do with it."""
    while index > 0:
        field = path[index][1]
        parent = path[index - 1][0]
        if parent == "delete_statement":
            return "del"
        if parent == "as_pattern_target":
            return "store"
        if field == "left":
            return "store" if parent in ("assignment", "for_statement", "for_in_clause") else "load"
        if parent not in _TARGET_LISTS:
            return "load"
        index -= 1
    return "load"


def _path(tree: Tree, byte: int) -> Iterator[tuple[str, str | None]]:
    """(type, field) of every node around the byte, outermost first."""
    cursor = tree.walk()
    while True:
        node = cursor.node
        if node is None:
            return
        yield node.type, cursor.field_name
        if cursor.goto_first_child_for_byte(byte) is None:
            return


def stored_names(text: str) -> frozenset[str]:
    """Every attribute name that the text stores on some object, by assignment, as a target, or through `setattr`.

    What is stored on `self` is left out: it belongs to the class around it, and analysis knows it (jedi does not know
    what is stored on `cls`).
    """
    if _stored and _stored[0][0] == text:
        return _stored[0][1]
    captures = QueryCursor(_STORES).captures(parse(text).root_node)
    names = frozenset(
        (node.text or b"").decode("utf-8", "replace") for node in captures.get("name", ()) if not _on_self(node)
    )
    _stored[:] = [(text, names)]
    return names


_stored: list[tuple[str, frozenset[str]]] = []


def _on_self(name: Node) -> bool:
    """Whether a stored attribute is stored on `self` itself."""
    holder = name.parent.child_by_field_name("object") if name.parent is not None else None
    return holder is not None and holder.text == b"self"


def byte_of(text: str, offset: int) -> int:
    """tree-sitter's offset of a code point offset."""
    return offset if text.isascii() else len(text[:offset].encode("utf-8", "replace"))


def _encode(text: str) -> bytes:
    # tree-sitter takes NUL for the end of the text; a lone half of a surrogate pair has no bytes.
    return text.encode("utf-8", "replace").replace(b"\0", b" ")


@dataclass
class _Parsed:
    text: str
    data: bytes
    tree: Tree


def parse(text: str) -> Tree:
    """The tree of `text`. The last few are kept, and the nearest is edited into the new one. Safe from any thread."""
    with _LOCK:
        for known in _parsed:
            if known.text is text or (len(known.text) == len(text) and known.text == text):
                return known.tree
        data = _encode(text)
        old = None
        if _parsed:
            old = _edited(_parsed[0], text, data)
        tree = _PARSER.parse(data, old) if old is not None else _PARSER.parse(data)
        _parsed.insert(0, _Parsed(text, data, tree))
        del _parsed[4:]
        return tree


def fresh_tree(text: str) -> Tree:
    """The tree of a text that nobody edits: it takes no place among those that are kept."""
    with _LOCK:
        return _PARSER.parse(_encode(text))


def text_of(node: Node | None) -> str:
    """The node's source; "" for none."""
    return "" if node is None or node.text is None else node.text.decode("utf-8", "replace")


def scope_around(node: Node) -> Node | None:
    """The function, class or lambda that a node is in; None where it is in the module's own code."""
    at = node.parent
    while at is not None and at.type not in SCOPES:
        at = at.parent
    return at


_parsed: list[_Parsed] = []
_LOCK = threading.Lock()
"""A tree-sitter parser serves one thread at a time; ours is used by the model's thread and those that ask."""


def _edited(known: _Parsed, text: str, data: bytes) -> Tree | None:
    """A copy of the known tree, told what changed; None when too much did."""
    old = known.data
    start = common_prefix(old, data)
    limit = min(len(old), len(data)) - start
    tail = common_suffix(old, data, limit)
    if len(data) - start - tail > len(data) // 2 + 200:
        return None
    old_end, new_end = len(old) - tail, len(data) - tail
    tree = known.tree.copy()
    tree.edit(start, old_end, new_end, _point(data, start), _point(old, old_end), _point(data, new_end))
    return tree


def _point(data: bytes, at: int) -> tuple[int, int]:
    return data.count(b"\n", 0, at), at - data.rfind(b"\n", 0, at) - 1
