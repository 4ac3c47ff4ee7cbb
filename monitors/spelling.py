"""How a type is written at one place of one file: with the file's own names, for its Python, quoted where it must be.

A type text is taken apart as an expression. Each name in it must mean there what it means in the type: a builtin that
the file does not shadow, a name the file binds, or one an import brings. What cannot be said is refused with a reason.
"""

from __future__ import annotations

import ast
import builtins
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from tree_sitter import Node

from . import known_types
from .bindings import binds, import_of, scope_of
from .import_lines import imported, is_checking
from .module_names import modules_of
from .slots import Import, Slot
from .syntax import SCOPES, byte_of, parse, scope_around

Version = tuple[int, int]

_FUTURE = re.compile(r"^from[ \t]+__future__[ \t]+import\b[^\n]*\bannotations\b", re.MULTILINE)
_TYPING = frozenset({
    "Any", "Optional", "Union", "Literal", "ClassVar", "Final", "Protocol", "NamedTuple", "TypedDict", "TextIO",
    "BinaryIO", "IO", "Type", "List", "Dict", "Set", "FrozenSet", "Tuple", "NoReturn", "AnyStr", "SupportsInt",
    "SupportsFloat", "Self", "Never",
})  # fmt: skip
_SINCE: Mapping[str, Version] = {"Self": (3, 11), "Never": (3, 11), "Literal": (3, 8), "TypedDict": (3, 8)}
_COLLECTIONS = frozenset({
    "Callable", "Iterable", "Iterator", "Generator", "AsyncIterable", "AsyncIterator", "AsyncGenerator", "Awaitable",
    "Coroutine", "Sequence", "MutableSequence", "Mapping", "MutableMapping", "Collection", "Container", "Hashable", "Sized",
    "Reversible", "MutableSet", "KeysView", "ValuesView", "ItemsView",
})  # fmt: skip
_CAPITALS = {"list": "List", "dict": "Dict", "set": "Set", "frozenset": "FrozenSet", "tuple": "Tuple", "type": "Type"}
_STRINGS_INSIDE = frozenset({"Literal", "typing.Literal", "typing_extensions.Literal"})


@dataclass(frozen=True)
class Place:
    """Where a type is to be written. `version` is the oldest Python the file must run on."""

    text: str
    slot: Slot
    path: str = ""
    root: str = ""
    version: Version = (3, 11)


@dataclass(frozen=True)
class Spelling:
    """A type as it goes into the file, quotes included, and the imports it still needs.

    `checking` are imports for type checkers only. Where the type cannot be written `reason` says why.
    """

    text: str = ""
    run_time: tuple[Import, ...] = ()
    checking: tuple[Import, ...] = ()
    reason: str = ""


class _Unspeakable(Exception):
    """Why a type cannot be written. Never leaves this file."""


@dataclass(frozen=True)
class _Binding:
    """One binding of a name: `scope` is the first byte of the function or class it belongs to, -1 in the module."""

    start: int
    end: int
    scope: int
    kind: str
    checking: bool = False


@dataclass
class _Needs:
    """What the names of one type need together."""

    quoted: bool = False
    imports: list[Import] = field(default_factory=list)


def spell(place: Place, type_text: str, imports: Iterable[Import] = (), circular: Iterable[str] = ()) -> Spelling:
    """The type as it is written at the place.

    `imports` say where names come from that the file does not have; of those from modules in `circular` a run-time
    import may fail, for a circle or a package that is not there. Never raises.
    """
    try:
        return _Speller(place, tuple(imports), frozenset(circular)).spell(type_text)
    except _Unspeakable as why:
        return Spelling(reason=str(why))


def is_postponed(text: str, version: Version) -> bool:
    """Whether annotations of functions are never evaluated in this text when it runs."""
    return version >= (3, 14) or _has_future(text)


@lru_cache(16)
def _has_future(text: str) -> bool:
    return _FUTURE.search(text) is not None


class _Speller:
    """One type at one place."""

    def __init__(self, place: Place, imports: tuple[Import, ...], circular: frozenset[str]) -> None:
        self.place = place
        self.circular = circular
        self.wanted = {one.alias or one.name or one.module.partition(".")[0]: one for one in imports}
        self.byte = byte_of(place.text, place.slot.offset)
        scope = _scope_at(place)
        self.chain = list(_scopes_from(scope))
        # Annotations of a function's own variables are never evaluated.
        inside = place.slot.kind in ("variable", "attribute") and scope is not None and scope.type == "function_definition"
        self.postponed = is_postponed(place.text, place.version)
        self.evaluated = not self.postponed and not inside
        self.later_is_fine = any(kind == "function_definition" for _, kind in self.chain)
        """The annotation is evaluated when a function runs, and by then the module is complete."""
        self.needs = _Needs()

    def spell(self, type_text: str) -> Spelling:
        try:
            tree = ast.parse(type_text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise _Unspeakable(f"{type_text!r} is no expression") from None
        made = self._fitted(_unquoted(tree))
        before = ast.dump(tree)
        made = self._named(made)
        text = type_text.strip() if ast.dump(made) == before else ast.unparse(made)
        wanted = list(dict.fromkeys(self.needs.imports))
        checking = tuple(one for one in wanted if one.module in self.circular)
        run_time = tuple(one for one in wanted if one.module not in self.circular)
        if self.evaluated and (self.needs.quoted or checking):
            text = _quoted(text)
        return Spelling(text, run_time, checking)

    # For older Pythons.

    def _fitted(self, node: ast.expr) -> ast.expr:
        """The type in the words of the oldest Python: `Optional` for `| None`, `List` for `list`."""
        version = self.place.version
        if self.postponed or version >= (3, 10):
            return node
        if isinstance(node, ast.BinOp):
            parts = [self._fitted(part) for part in _union(node)]
            others = [part for part in parts if not (isinstance(part, ast.Constant) and part.value is None)]
            if not others:
                return parts[0]
            inner = others[0] if len(others) == 1 else _subscript("Union", ast.Tuple(others, ast.Load()))
            return _subscript("Optional", inner) if len(others) < len(parts) else inner
        if isinstance(node, ast.Subscript):
            node = ast.Subscript(node.value, self._fitted(node.slice), ast.Load())
            if version < (3, 9) and isinstance(node.value, ast.Name):
                name = node.value.id
                known = self.wanted.get(name)
                if known is not None and known.module == "collections.abc":
                    self.wanted[name] = replace(known, module="typing")
                elif known is None and name in _CAPITALS and not self._nearest(name):
                    return ast.Subscript(ast.Name(_CAPITALS[name], ast.Load()), node.slice, ast.Load())
            return node
        if isinstance(node, ast.Tuple):
            return ast.Tuple([self._fitted(part) for part in node.elts], ast.Load())
        if isinstance(node, ast.List):
            return ast.List([self._fitted(part) for part in node.elts], ast.Load())
        return node

    # Names.

    def _named(self, node: ast.expr) -> ast.expr:
        """The type with every name as this file writes it."""
        if isinstance(node, ast.Constant):
            if node.value is None or node.value is ... or isinstance(node.value, (str, int, bytes)):
                return node
            raise _Unspeakable(f"{ast.unparse(node)} is no type")
        if isinstance(node, (ast.Name, ast.Attribute)):
            return self._name(node)
        if isinstance(node, ast.Subscript):
            inside = node.slice if ast.unparse(node.value) in _STRINGS_INSIDE else self._named(node.slice)
            if self.evaluated and not self._has_brackets(ast.unparse(node.value)):
                self.needs.quoted = True
            return ast.Subscript(self._named(node.value), inside, ast.Load())
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return ast.BinOp(self._named(node.left), ast.BitOr(), self._named(node.right))
        if isinstance(node, ast.Tuple) and node.elts:
            return ast.Tuple([self._named(part) for part in node.elts], ast.Load())
        if isinstance(node, ast.List):
            return ast.List([self._named(part) for part in node.elts], ast.Load())
        raise _Unspeakable(f"{ast.unparse(node)} is no type")

    def _name(self, node: ast.Name | ast.Attribute) -> ast.expr:
        dotted = ast.unparse(node)
        first, _, rest = dotted.partition(".")
        if not all(part.isidentifier() for part in dotted.split(".")):
            raise _Unspeakable(f"{dotted} is no name")
        wanted = self.wanted.get(first) or self._implied(first)
        if wanted is not None:
            return self._imported(wanted, rest)
        bound = self._nearest(first)
        if bound:
            if hasattr(builtins, first) and not all(one.kind == "class" for one in bound):
                raise _Unspeakable(f"{first} is not the builtin in this file")
            if any(one.kind == "delete" for one in bound) or not any(one.kind != "other" for one in bound):
                raise _Unspeakable(f"{first} may be anything here")
            if not rest and self._is_module(bound):
                if known_types.HOMES.get(first) != first:
                    raise _Unspeakable(f"{first} is a module in this file")
                node = ast.Attribute(node, first, ast.Load())  # `import datetime`, where the type is meant
            self._order(bound)
            return node
        if hasattr(builtins, first):
            return node
        raise _Unspeakable(f"the file has no {first}")

    def _is_module(self, bound: Iterable[_Binding]) -> bool:
        """Whether a name is bound by nothing but `import …`, and so a module."""
        data = parse(self.place.text).root_node.text or b""
        return all(one.kind == "import" and data.startswith(b"import", one.start) for one in bound)

    def _has_brackets(self, dotted: str) -> bool:
        """Whether a class can be subscripted when the program runs; many are generic for type checkers only."""
        first = dotted.partition(".")[0]
        wanted = self.wanted.get(first)
        if wanted is not None:
            modules = {wanted.module}
        elif self._nearest(first):
            modules = {
                one.target for one in imported(self.place.text, self.place.path, self.place.root)
                if one.expression.partition(".")[0] == first
            }  # fmt: skip
        else:
            return True
        return bool(modules) and all(module.partition(".")[0] in sys.stdlib_module_names for module in modules)

    def _implied(self, name: str) -> Import | None:
        """Where a well-known name comes from that nothing in the file binds."""
        if (name not in _TYPING and name not in _COLLECTIONS) or self._nearest(name):
            return None
        if self.place.version < _SINCE.get(name, (3, 0)):
            raise _Unspeakable(f"Python {'.'.join(map(str, self.place.version))} has no {name}")
        old = self.place.version < (3, 9) and not self.postponed
        return Import("typing" if name in _TYPING or old else "collections.abc", name)

    def _imported(self, wanted: Import, rest: str) -> ast.expr:
        """The expression for something an import brings: the file's own name for it, or a new import."""
        target = f"{wanted.module}.{wanted.name}" if wanted.name else wanted.module
        tail = rest if wanted.name or wanted.alias else ""
        if not wanted.name and not wanted.alias:
            # `import a.b` binds a; the text says a.b.C.
            tail = f"{wanted.module.partition('.')[0]}.{rest}".removeprefix(wanted.module).lstrip(".") if rest else ""
        own = modules_of(self.place.path, self.place.root)
        if wanted.module in own and wanted.name:
            bound = self._nearest(wanted.name)
            if not bound:
                raise _Unspeakable(f"the file has no {wanted.name}")
            self._order(bound)
            return _dotted(wanted.name, tail)
        for one in imported(self.place.text, self.place.path, self.place.root):
            if one.scope not in [scope for scope, _ in self.chain]:
                continue
            if one.target == target or one.target == _twin(wanted):
                expression = _dotted(one.expression, tail)
            elif wanted.name and one.target == wanted.module:
                expression = _dotted(f"{one.expression}.{wanted.name}", tail)
            else:
                continue
            bound = self._nearest(one.expression.partition(".")[0])
            if any(other.kind != "import" for other in bound):
                continue
            self._order([_Binding(one.start, one.end, one.scope, "import", one.checking)])
            return expression
        name = wanted.alias or wanted.name
        if wanted.name in known_types.COMMON_WORDS and not wanted.project and not self._has_of(wanted.module):
            raise _Unspeakable(f"{wanted.name} may be another than that of {wanted.module}, of which the file has nothing")
        if name and not self._anywhere(name):
            self.needs.imports.append(wanted)
            return _dotted(name, tail)
        first = wanted.module.partition(".")[0]
        if not self._anywhere(first):
            self.needs.imports.append(Import(wanted.module, project=wanted.project))
            return _dotted(target, tail)
        raise _Unspeakable(f"{name or first} is something else in this file")

    def _has_of(self, module: str) -> bool:
        """Whether the file imports a module, or something of it."""
        found = imported(self.place.text, self.place.path, self.place.root)
        return any(one.target == module or one.target.startswith(f"{module}.") for one in found)

    def _anywhere(self, name: str) -> bool:
        """Whether an import of this name into the module would be in the way of something, or be hidden by it."""
        scopes = {-1, *(scope for scope, _ in self.chain)}
        return hasattr(builtins, name) or any(one.scope in scopes for one in self._bindings(name))

    def _nearest(self, name: str) -> list[_Binding]:
        """The bindings that the name stands for at the place."""
        found = self._bindings(name)
        for scope, _ in self.chain:
            here = [one for one in found if one.scope == scope]
            if here:
                return here
        return []

    def _order(self, bound: Iterable[_Binding]) -> None:
        """Quote the type where a name is not there yet when the annotation is evaluated."""
        if not self.evaluated:
            return
        bound = list(bound)
        # Bound twice it may be None in one of the cases, which is no class.
        ready = len(bound) == 1 and any(not one.checking and one.end <= self.byte for one in bound)
        if not ready and self.later_is_fine:
            ready = len(bound) == 1 and any(not one.checking and one.scope == -1 and one.kind != "class" for one in bound)
        self.needs.quoted = self.needs.quoted or not ready

    def _bindings(self, name: str) -> tuple[_Binding, ...]:
        return _bindings(self.place.text, name)


@lru_cache(1024)
def _bindings(text: str, name: str) -> tuple[_Binding, ...]:
    """Every place that binds the name, in whatever scope."""
    found = []
    root = parse(text).root_node
    data = root.text or b""
    spelled = name.encode("utf-8", "replace")
    for match in re.finditer(rb"(?<![\w])" + re.escape(spelled) + rb"(?!\w)", data):
        identifier = root.descendant_for_byte_range(match.start(), match.end())
        if identifier is None or identifier.type != "identifier" or identifier.text != spelled:
            continue
        statement = import_of(identifier)
        if statement is None and not binds(identifier):
            continue
        scope = scope_of(identifier)
        where = -1 if scope is None else scope.start_byte
        node = statement or identifier
        if statement is not None:
            if not _brings(statement, name):
                continue
            kind = "import"
        else:
            kind, node = _kind(identifier)
        found.append(_Binding(node.start_byte, node.end_byte, where, kind, is_checking(node)))
    return tuple(found)


def _brings(statement: Node, name: str) -> bool:
    for one in statement.children_by_field_name("name"):
        alias = one.child_by_field_name("alias") if one.type == "aliased_import" else None
        shown = (alias or one).text or b""
        bound = shown.decode("utf-8", "replace")
        if name in (bound, bound.partition(".")[0]):
            return True
    return False


def _kind(identifier: Node) -> tuple[str, Node]:
    """What binds the identifier, and the whole of the binding."""
    parent = identifier.parent
    assert parent is not None
    if parent.type == "class_definition":
        return "class", parent
    if parent.type == "assignment":
        return "assignment", parent
    at: Node | None = parent
    while at is not None and at.type in ("pattern_list", "tuple_pattern", "expression_list", "tuple", "list"):
        at = at.parent
    return ("delete" if at is not None and at.type == "delete_statement" else "other"), identifier


def _scope_at(place: Place) -> Node | None:
    """The scope that an annotation at the slot is read in; None for the module."""
    root = parse(place.text).root_node
    byte = byte_of(place.text, place.slot.offset)
    node = root.descendant_for_byte_range(byte, byte)
    at = node if node is None or node.type in SCOPES else scope_around(node)
    return scope_around(at) if place.slot.kind in ("parameter", "return") and at is not None else at


def _scopes_from(scope: Node | None) -> Iterator[tuple[int, str]]:
    """The scopes in which a name is looked up, nearest first; classes count only where the annotation is in their body."""
    nearest = True
    while scope is not None:
        if scope.type != "class_definition" or nearest:
            yield scope.start_byte, scope.type
        nearest = False
        scope = scope_around(scope)
    yield -1, "module"


def _unquoted(node: ast.expr) -> ast.expr:
    """The type with the quotes of its parts taken off; strings of a `Literal` stay."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            return ast.parse(node.value.strip(), mode="eval").body
        except (SyntaxError, ValueError):
            raise _Unspeakable(f"{node.value!r} is no type") from None
    if isinstance(node, ast.Subscript) and ast.unparse(node.value) not in _STRINGS_INSIDE:
        return ast.Subscript(node.value, _unquoted(node.slice), ast.Load())
    if isinstance(node, ast.BinOp):
        return ast.BinOp(_unquoted(node.left), node.op, _unquoted(node.right))
    if isinstance(node, ast.Tuple):
        return ast.Tuple([_unquoted(part) for part in node.elts], ast.Load())
    if isinstance(node, ast.List):
        return ast.List([_unquoted(part) for part in node.elts], ast.Load())
    return node


def _twin(wanted: Import) -> str:
    """`typing.Iterable` and `collections.abc.Iterable` are the same to every checker."""
    if wanted.name in _COLLECTIONS and wanted.module in ("typing", "collections.abc"):
        return f"{'typing' if wanted.module == 'collections.abc' else 'collections.abc'}.{wanted.name}"
    return ""


def _union(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        yield from _union(node.left)
        yield from _union(node.right)
    else:
        yield node


def _subscript(name: str, inner: ast.expr) -> ast.expr:
    return ast.Subscript(ast.Name(name, ast.Load()), inner, ast.Load())


def _dotted(name: str, tail: str) -> ast.expr:
    return ast.parse(f"{name}.{tail}" if tail else name, mode="eval").body


def _quoted(text: str) -> str:
    if '"' not in text:
        return f'"{text}"'
    if "'" not in text:
        return f"'{text}'"
    raise _Unspeakable(f"{text} holds quotes of both kinds")


