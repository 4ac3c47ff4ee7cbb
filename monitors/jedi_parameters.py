"""The parameters of functions as they are written, and the strings that an annotation allows."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Any

from .analysis import Parameter, ParameterKind
from .jedi_code import subscript_arguments, text_of
from .jedi_values import full_name

KEEPING = frozenset({
    "staticmethod", "classmethod", "abstractmethod", "abstractclassmethod", "abstractstaticmethod", "override",
    "final", "lru_cache", "cache", "overload", "no_type_check", "deprecated", "type_check_only", "contextmanager",
    "asynccontextmanager", "coroutine",
})  # fmt: skip
"""Decorators behind which a function takes the arguments it is written with."""

_NO_STRINGS = frozenset({
    "builtins.int", "builtins.bool", "builtins.float", "builtins.bytes", "builtins.complex", "types.NoneType",
    "builtins.NoneType", "builtins.list", "builtins.dict", "builtins.tuple", "builtins.set",
})  # fmt: skip
_BUILTIN = frozenset({"int", "bool", "float", "bytes", "complex", "list", "dict", "tuple", "set"})
_ANY_STRING = frozenset({"str", "object", "Any", "AnyStr", "LiteralString", "StrPath", "Self", "_T", "T"})
"""Names that need not be looked up."""


def decorators(funcdef: Any) -> list[str]:
    """The last name of each decorator, as written."""
    found = []
    for decorator in funcdef.get_decorators():
        code = decorator.children[1].get_code(include_prefix=False).split("(")[0]
        found.append(code.rpartition(".")[2].strip())
    return found


def parameters(node: Any, context: Any, *, bound: bool, stub: bool) -> tuple[Parameter, ...]:
    """The parameters of a `def` or `lambda`, the first left out where it is `bound`."""
    holder = node.children[2] if node.type == "funcdef" else node
    children = list(holder.children)
    slash = next((index for index, child in enumerate(children) if child == "/"), -1)
    only_names = False
    found: list[Parameter] = []
    for index, child in enumerate(children):
        if child == "*":
            only_names = True
        if child.type != "param":
            continue
        name = child.name.value
        if child.star_count == 1:
            only_names = True
        kind: ParameterKind
        if child.star_count:
            kind = "args" if child.star_count == 1 else "kwargs"
        elif only_names:
            kind = "keyword"
        elif index < slash or (stub and name.startswith("__") and not name.endswith("__")):
            kind = "positional"
        else:
            kind = "either"
        required = child.default is None and not child.star_count
        literals: tuple[str, ...] = ()
        if child.annotation is not None and not child.star_count:
            literals = strings_of(context, child.annotation) or ()
        found.append(Parameter(name, kind, required, literals))
    if bound and found and found[0].kind in ("positional", "either"):
        found.pop(0)
    return tuple(found)


def strings_of(context: Any, annotation: Any, depth: int = 0) -> tuple[str, ...] | None:
    """The strings that a value of this type can be; None if it can be others, or it is not known."""
    found: dict[str, None] = {}
    parts = list(_union(annotation))
    if any(part.type == "name" and part.value in _ANY_STRING for part in parts):
        return None
    for part in parts:
        strings = _part(context, part, depth)
        if strings is None:
            return None
        found.update(dict.fromkeys(strings))
    return tuple(found)


def _union(node: Any) -> Iterable[Any]:
    if node.type == "expr" and all(child == "|" for child in node.children[1::2]):
        for child in node.children[::2]:
            yield from _union(child)
    elif node.type in ("atom_expr", "power") and _head(node) in ("Union", "Optional", "Required", "NotRequired",
                                                                 "ReadOnly", "Final", "Annotated", "TypeAlias"):  # fmt: skip
        arguments = subscript_arguments(node.children[-1])
        for child in arguments[:1] if _head(node) == "Annotated" else arguments:
            yield from _union(child)
    else:
        yield node


def _head(node: Any) -> str:
    if node.children[-1].type != "trailer" or node.children[-1].children[0] != "[":
        return ""
    code = "".join(child.get_code(include_prefix=False) for child in node.children[:-1])
    return str(code.rpartition(".")[2].strip())


def _part(context: Any, node: Any, depth: int) -> Iterable[str] | None:
    if node.type in ("atom_expr", "power") and _head(node) == "Literal":
        found = []
        for argument in subscript_arguments(node.children[-1]):
            if argument.type == "string":
                value = string_value(argument)
                if value is None:
                    return None
                found.append(value)
            elif argument.type not in ("number", "keyword") and not _is_member(argument):
                return None
        return found
    if node.type == "keyword" and node.value == "None":
        return ()
    if node.type == "name" and node.value in _BUILTIN:
        return ()
    if node.type == "name" or (node.type in ("atom_expr", "power") and _dotted(node)):
        alias = _alias(context, node, depth)
        if alias is not None:
            return alias
    values = context.infer_node(node)
    if values and all(value.is_class() and full_name(value) in _NO_STRINGS for value in values):
        return ()
    return None


def _is_member(node: Any) -> bool:
    """`-1`, `b"x"`, `Color.RED`: no string, whatever it is exactly."""
    return node.type == "factor" or (node.type in ("atom_expr", "power") and _dotted(node))


def _dotted(node: Any) -> bool:
    return all(child.type == "name" or child.children[0] == "." for child in node.children)


def _alias(context: Any, node: Any, depth: int) -> tuple[str, ...] | None:
    """The strings of a name for a `Literal`."""
    if depth > 3:
        return None
    leaf = node.get_last_leaf()
    found: tuple[str, ...] = ()
    names = list(_definitions(context, leaf))
    if not names:
        return None
    for name in names:
        statement = name.tree_name.get_definition()
        if statement is None or statement.type != "expr_stmt":
            return None
        right = statement.get_rhs()
        if right is statement.children[0] or ("Literal" not in text_of(right) and right.type not in ("name", "expr")):
            return None
        strings = strings_of(name.parent_context, right, depth + 1)
        if strings is None:
            return None
        found += strings
    return found


def _definitions(context: Any, leaf: Any, depth: int = 0) -> Iterable[Any]:
    """Where a name is bound in the end, imports followed."""
    for name in context.goto(leaf, leaf.start_pos) if depth == 0 else leaf.goto():
        yield from followed(name)


def followed(name: Any, depth: int = 0) -> Iterable[Any]:
    """The bindings behind a name, imports followed; those without a place in a file left out."""
    tree = name.tree_name
    if tree is None or depth > 6:
        return
    definition = tree.get_definition(import_name_always=True)
    if definition is not None and definition.type in ("import_name", "import_from"):
        for target in name.goto():
            if target.tree_name is not tree:
                yield from followed(target, depth + 1)
        return
    yield name


def string_value(leaf: Any) -> str | None:
    """What a string literal says; None for bytes and for what cannot be read."""
    try:
        value = ast.literal_eval(leaf.value)
    except (ValueError, SyntaxError):
        return None
    return value if isinstance(value, str) else None
