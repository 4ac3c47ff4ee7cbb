"""Every place of a document that could carry a type and does not: found in the text alone, broken texts included."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from tree_sitter import Node

from .slots import Slot
from .syntax import TEXT_LIMIT, parse, text_of

_NEWLINE = re.compile(r"\r\n|\r|\n")
_BLOCKS = frozenset({
    "module", "block", "if_statement", "elif_clause", "else_clause", "for_statement", "while_statement", "try_statement",
    "except_clause", "except_group_clause", "finally_clause", "with_statement", "match_statement", "case_clause", "ERROR",
    "decorated_definition",
})  # fmt: skip
"""What statements stand in."""

_BROKEN = "the code around it does not parse"
_PLAIN_BASES = frozenset({"object", "Protocol", "ABC", "Generic"})


class Columns:
    """Translates tree-sitter's bytes of one text to code points, and offsets to lines."""

    def __init__(self, text: str) -> None:
        self._ascii = text.isascii()
        self._starts = [0, *(match.end() for match in _NEWLINE.finditer(text))]
        self._bytes: list[int] = []
        if not self._ascii:
            at = 0
            for line in (text[a:b] for a, b in zip(self._starts, [*self._starts[1:], len(text)], strict=True)):
                self._bytes.append(at)
                at += len(line.encode("utf-8", "replace"))
        self._text = text

    def offset(self, byte: int) -> int:
        """The code point offset of a byte offset."""
        if self._ascii:
            return byte
        line0 = bisect_right(self._bytes, byte) - 1
        start = self._starts[line0]
        end = self._starts[line0 + 1] if line0 + 1 < len(self._starts) else len(self._text)
        line = self._text[start:end].encode("utf-8", "replace")
        return start + len(line[: byte - self._bytes[line0]].decode("utf-8", "ignore"))

    def position(self, offset: int) -> tuple[int, int]:
        """(line0, column0) of an offset."""
        line0 = bisect_right(self._starts, offset) - 1
        return line0, offset - self._starts[line0]


@dataclass
class _Scope:
    """One function, class or module while its statements are walked."""

    kind: str
    """"module", "class" or "function"."""
    path: tuple[str, ...] = ()
    function: str = ""
    function_start: int = -1
    owner: _Scope | None = None
    """Of a function, the scope it is written in."""
    self_name: str = ""
    annotatable: str = ""
    """Of a class, why its variables must not be annotated; empty where they may be."""
    bound: set[str] = field(default_factory=set)
    outer: set[str] = field(default_factory=set)
    """Names declared global or nonlocal."""
    attributes: set[str] = field(default_factory=set)
    """Of a class, the attributes stored on `self` or declared that were seen."""


def slots(text: str) -> tuple[Slot, ...]:
    """The slots of a document, in the order of their `offset`. Never raises; nothing for texts past the size limit."""
    if len(text) > TEXT_LIMIT:
        return ()
    columns = Columns(text)
    tree = parse(text)
    found: list[Slot] = []
    stack: list[tuple[Node, _Scope]] = [(tree.root_node, _Scope("module"))]
    while stack:
        node, scope = stack.pop()
        if node.type == "function_definition":
            inner = _function(node, scope, columns, found)
            body = node.child_by_field_name("body")
            if body is not None:
                stack.append((body, inner))
        elif node.type == "class_definition":
            inner = _class(node, scope)
            body = node.child_by_field_name("body")
            if body is not None:
                stack.append((body, inner))
        elif node.type == "expression_statement":
            for child in node.named_children:
                if child.type == "assignment":
                    _assignment(child, scope, columns, found)
        elif node.type in ("global_statement", "nonlocal_statement"):
            scope.outer.update(text_of(child) for child in node.named_children)
        elif node.type in ("import_statement", "import_from_statement"):
            for child in node.named_children:
                scope.bound.add(text_of(child.child_by_field_name("alias") or child).split(".")[0])
        elif node.type in _BLOCKS:
            for target, why in _targets(node):
                _loose(target, why, scope, columns, found)
            stack.extend((child, scope) for child in reversed(node.named_children))
    return tuple(sorted(found, key=lambda slot: (slot.offset, slot.kind == "return")))


def functions(text: str) -> dict[int, Node]:
    """Every `def` (or its `async`) of a text by the offset where it begins."""
    columns = Columns(text)
    found = {}
    stack = [parse(text).root_node]
    while stack:
        node = stack.pop()
        if node.type == "function_definition":
            found[columns.offset(node.start_byte)] = node
        stack.extend(child for child in node.named_children if child.type != "string")
    return found


def function_span(text: str, start: int) -> tuple[int, int]:
    """(begin, end) of the `def` that begins at the offset `start`; (start, start) where none does."""
    node = functions(text).get(start)
    return start, start if node is None else Columns(text).offset(node.end_byte)


def is_static(function: Node) -> bool:
    """Whether a function in a class is a `@staticmethod`."""
    return any(word == "staticmethod" for word in decorators(function))


def decorators(definition: Node) -> list[str]:
    """The last name of each decorator of a definition."""
    parent = definition.parent
    if parent is None or parent.type != "decorated_definition":
        return []
    return [
        text_of(child).lstrip("@ ").split("(")[0].rpartition(".")[2].strip()
        for child in parent.named_children if child.type == "decorator"
    ]  # fmt: skip


def parameters(function: Node) -> Iterator[tuple[Node, Node | None, Node | None, int]]:
    """(name, annotation, default, stars) of every parameter of a `def`; those that Python 2 unpacks are left out."""
    holder = function.child_by_field_name("parameters")
    for child in holder.named_children if holder is not None else ():
        annotation, default = child.child_by_field_name("type"), child.child_by_field_name("value")
        name = child.child_by_field_name("name") if child.type.endswith("default_parameter") else child
        if child.type == "typed_parameter":
            name = child.named_children[0] if child.named_children else None
        stars = 0
        if name is not None and name.type in ("list_splat_pattern", "dictionary_splat_pattern"):
            stars = 1 if name.type == "list_splat_pattern" else 2
            name = name.named_children[0] if name.named_children else None
        if name is not None and name.type == "identifier":
            yield name, annotation, default, stars


def _function(node: Node, scope: _Scope, columns: Columns, found: list[Slot]) -> _Scope:
    name_node, holder = node.child_by_field_name("name"), node.child_by_field_name("parameters")
    name = text_of(name_node)
    scope.bound.add(name)
    path = (*scope.path, name)
    start = columns.offset(node.start_byte)
    inner = _Scope("function", path, ".".join(path), start, scope)
    header_broken = holder is None or holder.has_error or node.child_by_field_name("body") is None
    is_method = scope.kind == "class" and not is_static(node)
    for index, (parameter, annotation, default, stars) in enumerate(parameters(node)):
        inner.bound.add(text_of(parameter))
        if index == 0 and is_method and not stars:
            inner.self_name = text_of(parameter)
            continue
        if annotation is not None:
            continue
        found.append(_slot(
            "parameter", parameter, columns, inner, legal=not header_broken, reason=_BROKEN if header_broken else "",
            stars=stars, default=text_of(default),
        ))  # fmt: skip
    if node.child_by_field_name("return_type") is None and name_node is not None and holder is not None:
        end = columns.offset(holder.end_byte)
        broken = header_broken or not text_of(holder).endswith(")")
        found.append(_slot(
            "return", name_node, columns, inner, legal=not broken, reason=_BROKEN if broken else "",
            insert_at=end, prefix=" -> ",
        ))  # fmt: skip
    return inner


def _class(node: Node, scope: _Scope) -> _Scope:
    name_node, bases = node.child_by_field_name("name"), node.child_by_field_name("superclasses")
    name = text_of(name_node)
    scope.bound.add(name)
    why = ""
    if decorators(node):
        why = "a decorator may read the class's annotations"
    named = [text_of(child).rpartition(".")[2].split("[")[0] for child in bases.named_children] if bases is not None else []
    if any(base not in _PLAIN_BASES for base in named):
        why = "a base class may read the class's annotations"
    return _Scope("class", (*scope.path, name), scope.function, scope.function_start, scope, annotatable=why)


def _assignment(node: Node, scope: _Scope, columns: Columns, found: list[Slot]) -> None:
    """A statement `target = value`, `target: type = value`, or `a = b = value`."""
    chained = False
    inner: Node | None = node
    while inner is not None and inner.type == "assignment":
        left, right = inner.child_by_field_name("left"), inner.child_by_field_name("right")
        chained = chained or (right is not None and right.type == "assignment")
        if left is not None:
            if inner.child_by_field_name("type") is not None:
                _bind(left, scope)
            else:
                why = "one of several targets of one value" if chained else ""
                if left.type not in ("identifier", "attribute"):
                    why = "one of several names that are unpacked into"
                for target in _flat(left):
                    _target(target, why or (_BROKEN if node.has_error else ""), scope, columns, found)
        inner = right


def _loose(target: Node, why: str, scope: _Scope, columns: Columns, found: list[Slot]) -> None:
    for one in _flat(target):
        _target(one, why, scope, columns, found)


def _targets(node: Node) -> Iterator[tuple[Node, str]]:
    """What a compound statement binds, where no annotation can stand, and why not."""
    if node.type == "for_statement":
        left = node.child_by_field_name("left")
        if left is not None:
            yield left, "the variable of a loop"
    elif node.type in ("with_statement", "except_clause", "except_group_clause"):
        stack = [child for child in node.named_children if child.type != "block"]
        while stack:
            child = stack.pop()
            if child.type == "as_pattern_target":
                yield child, "the variable of a with or except clause"
            elif child.type in ("with_clause", "with_item", "as_pattern"):
                stack.extend(child.named_children)


def _flat(target: Node) -> Iterator[Node]:
    """The names and attributes in a target, nested or not."""
    stack = [target]
    while stack:
        node = stack.pop()
        if node.type in ("identifier", "attribute"):
            yield node
        elif node.type not in ("subscript", "call"):
            stack.extend(reversed(node.named_children))


def _bind(target: Node, scope: _Scope) -> bool:
    """Take note of a name or attribute that is bound; whether this is the first time, in its scope or class."""
    name = text_of(target)
    if target.type == "identifier":
        first = name not in scope.bound
        scope.bound.add(name)
        if scope.kind == "class":
            scope.attributes.add(name)
        return first
    owner = _class_of_self(target, scope)
    if owner is None:
        return False
    attribute = text_of(target.child_by_field_name("attribute") or target)
    first = attribute not in owner.attributes
    owner.attributes.add(attribute)
    return first


def _class_of_self(target: Node, scope: _Scope) -> _Scope | None:
    """The class that `self.x` belongs to; None for attributes of anything else."""
    holder = target.child_by_field_name("object")
    if scope.owner is None or scope.owner.kind != "class" or not scope.self_name or holder is None:
        return None
    return scope.owner if holder.type == "identifier" and text_of(holder) == scope.self_name else None


def _target(target: Node, why: str, scope: _Scope, columns: Columns, found: list[Slot]) -> None:
    if target.type == "attribute":
        if _bind(target, scope):
            name = target.child_by_field_name("attribute")
            if name is not None:
                found.append(_slot("attribute", name, columns, scope, legal=not why, reason=why))
        return
    name_text = text_of(target)
    if name_text in scope.outer or not _bind(target, scope):
        return
    if name_text == "_" or (name_text.startswith("__") and name_text.endswith("__")):
        return
    if scope.kind == "class":
        why = why or scope.annotatable
    found.append(_slot("variable", target, columns, scope, legal=not why, reason=why))


def _slot(
    kind: str, name: Node, columns: Columns, scope: _Scope, *, legal: bool, reason: str, insert_at: int = -1,
    prefix: str = ": ", stars: int = 0, default: str = "",
) -> Slot:  # fmt: skip
    offset = columns.offset(name.start_byte)
    line0, column0 = columns.position(offset)
    text = text_of(name)
    return Slot(
        kind, text, offset, line0, column0, insert_at if insert_at >= 0 else offset + len(text),  # type: ignore[arg-type] # given as literals
        scope.function, legal, reason, prefix, stars, default, scope.function_start,
    )  # fmt: skip
