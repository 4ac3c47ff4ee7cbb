"""What modules define, for whoever follows a name to what it stands for: the project's files and typeshed's stubs.

By syntax alone. A module is read when it is asked for, a file through the guarded reader; its tree is kept with it, for the
last few.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jedi
from tree_sitter import Node, Tree

from .file_names import names_of
from .module_names import is_package, module_name
from .project_types import ProjectIndex
from .reader import read_source
from .slot_places import decorators
from .syntax import fresh_tree, text_of
from .type_functions import name_of

_STUBS = Path(jedi.__file__).parent / "third_party" / "typeshed" / "stdlib"
_KEPT = 96
_LONGEST = 400_000
_BLOCKS = frozenset({
    "module", "block", "if_statement", "else_clause", "elif_clause", "try_statement", "except_clause", "decorated_definition",
    "expression_statement", "with_statement",
})  # fmt: skip


@dataclass(frozen=True)
class Value:
    """Something assigned: to a module's variable, a class's, or an instance's. One of the nodes may be missing."""

    written: Node | None
    """Its annotation."""
    value: Node | None
    function: Node | None = None
    """The method whose `self` it was stored on."""


@dataclass
class ClassOutline:
    """One class: methods by name (the first of several), values by name, bases as they are written."""

    name: str
    outline: Outline
    node: Node
    bases: list[str] = field(default_factory=list)
    methods: dict[str, Node] = field(default_factory=dict)
    values: dict[str, list[Value]] = field(default_factory=dict)


@dataclass
class Outline:
    """One module."""

    module: str
    is_stub: bool
    tree: Tree
    functions: dict[str, Node] = field(default_factory=dict)
    classes: dict[str, ClassOutline] = field(default_factory=dict)
    values: dict[str, list[Value]] = field(default_factory=dict)
    bound: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Names of imports, each with (module, name); the name is "" where it is a module."""
    memo: dict[tuple[str, object], Any] = field(default_factory=dict)
    """What was found out about its nodes and names, for whoever asks again; empty when anything in the project changes."""


class Outlines:
    """Modules by their dotted names: the project's first, then the standard library's. For one thread."""

    def __init__(self, index: ProjectIndex) -> None:
        self._index = index
        self._kept: OrderedDict[str, tuple[object, Outline | None]] = OrderedDict()
        self._version = index.version

    def refresh(self) -> None:
        """Take note of what changed in the project."""
        if self._version != self._index.version:
            self._version = self._index.version
            for _, one in self._kept.values():
                if one is not None:
                    one.memo.clear()

    def of(self, module: str) -> Outline | None:
        """The module's outline; None where it is neither of the project nor of the standard library, or unreadable."""
        path = self._index.path_of(module)
        if path:
            return self.of_path(path)
        stub = _stub(module)
        return self._remembered(str(stub), 0, lambda: _outline_of_file(stub, module)) if stub is not None else None

    def of_path(self, path: str) -> Outline | None:
        """The outline of a file of the project."""
        return self._remembered(path, self._index.stamp_of(path), lambda: _read(path, self._index.root))

    def of_text(self, path: str, text: str, module: str) -> Outline:
        """The outline of a document that is being edited."""
        stamp = self._index.stamp_of(path)
        found = self._remembered(path, stamp, lambda: outline(text, module, False, is_package(path)))
        assert found is not None
        return found

    def class_of(self, name: str, near: str) -> ClassOutline | None:
        """The class of the project that a bare name means in the module `near`: its own, an imported one, or any."""
        here = self.of(near) if near else None
        if here is not None and name in here.classes:
            return here.classes[name]
        if here is not None and name in here.bound:
            found = self.imported(*here.bound[name])
            if isinstance(found, ClassOutline):
                return found
        for one in self._index.classes.get(name, ())[:1]:
            there = self.of(one.module)
            if there is not None and name in there.classes:
                return there.classes[name]
        return None

    def imported(self, module: str, name: str, depth: int = 0) -> ClassOutline | Outline | tuple[Outline, str] | None:
        """What `from module import name` brings: a class, a module, or a module with the name of a function or value in it."""
        there = self.of(module)
        if not name:
            return there
        if there is not None:
            if name in there.classes:
                return there.classes[name]
            if name in there.functions or name in there.values:
                return there, name
            if name in there.bound and depth < 8 and there.bound[name] != (module, name):
                return self.imported(*there.bound[name], depth + 1)
            for star, what in there.bound.items():
                if star.startswith("*") and depth < 8 and (found := self.imported(what[0], name, depth + 1)) is not None:
                    return found
        return self.of(f"{module}.{name}")

    def _remembered(self, key: str, stamp: object, make: object) -> Outline | None:
        known = self._kept.pop(key, None)
        if known is None or known[0] != stamp:
            known = (stamp, make())  # type: ignore[operator] # one of the lambdas above
        self._kept[key] = known
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return known[1]


def outline(text: str, module: str, is_stub: bool, package: bool) -> Outline:
    """The outline of a module's text. Never raises."""
    tree = fresh_tree(text)
    found = Outline(module, is_stub, tree, bound=names_of(tree.root_node, module, package, classes=False))
    for node in _statements(tree.root_node):
        if node.type == "function_definition":
            found.functions.setdefault(name_of(node), node)
        elif node.type == "class_definition":
            found.classes.setdefault(name_of(node), _class(node, found))
        elif node.type == "assignment":
            _assigned(node, found.values)
    return found


def _read(path: str, root: str) -> Outline | None:
    try:
        data = read_source(path)
    except OSError:
        return None
    if len(data) > _LONGEST:
        return None
    return outline(data.decode("utf-8", "replace"), module_name(path, root), False, is_package(path))


def _stub(module: str) -> Path | None:
    parts = module.split(".")
    if not module or not all(part.isidentifier() for part in parts):
        return None
    for found in (_STUBS.joinpath(*parts).with_suffix(".pyi"), _STUBS.joinpath(*parts, "__init__.pyi")):
        if found.is_file():
            return found
    return None


def _outline_of_file(path: Path, module: str) -> Outline:
    return outline(path.read_text(encoding="utf-8"), module, True, is_package(path.name))


def _statements(node: Node) -> Iterator[Node]:
    """The statements of a module or class, those in branches too, in their order; not what is in functions and classes."""
    stack = list(reversed(node.named_children))
    while stack:
        one = stack.pop()
        if one.type in _BLOCKS:
            stack.extend(reversed(one.named_children))
        else:
            yield one


def _assigned(node: Node, values: dict[str, list[Value]]) -> None:
    left = node.child_by_field_name("left")
    if left is not None and left.type == "identifier":
        values.setdefault(text_of(left), []).append(Value(node.child_by_field_name("type"), _value(node)))


def _value(node: Node) -> Node | None:
    """The value of `a = b = value`."""
    right = node.child_by_field_name("right")
    while right is not None and right.type == "assignment":
        right = right.child_by_field_name("right")
    return right


def _class(node: Node, where: Outline) -> ClassOutline:
    found = ClassOutline(name_of(node), where, node)
    holder = node.child_by_field_name("superclasses")
    if holder is not None:
        found.bases = [text_of(one) for one in holder.named_children if one.type != "keyword_argument"]
    body = node.child_by_field_name("body")
    for one in _statements(body) if body is not None else ():
        if one.type == "function_definition":
            found.methods.setdefault(name_of(one), one)
            if not where.is_stub:
                _stored(one, found)
        elif one.type == "assignment":
            _assigned(one, found.values)
    return found


def _stored(method: Node, found: ClassOutline) -> None:
    """What a method stores on `self`."""
    holder = method.child_by_field_name("parameters")
    first = holder.named_children[0] if holder is not None and holder.named_children else None
    if first is None or first.type != "identifier" or "staticmethod" in decorators(method):
        return
    own = text_of(first)
    stack = [method.child_by_field_name("body")]
    while stack:
        node = stack.pop()
        if node is None or node.type in ("class_definition", "lambda"):
            continue
        if node.type == "assignment":
            left = node.child_by_field_name("left")
            inner: Node | None = node
            while inner is not None and inner.type == "assignment":
                left = inner.child_by_field_name("left")
                if left is not None and left.type == "attribute" and text_of(left.child_by_field_name("object") or left) == own:
                    attribute = text_of(left.child_by_field_name("attribute") or left)
                    value = Value(inner.child_by_field_name("type"), _value(inner), method)
                    found.values.setdefault(attribute, []).append(value)
                inner = inner.child_by_field_name("right")
            continue
        if node.type not in ("expression_list", "call", "binary_operator"):
            stack.extend(reversed(node.named_children))
