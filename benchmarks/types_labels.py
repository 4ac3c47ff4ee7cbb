"""Written types made comparable: one spelling for each, its head, and whether it allows None.

A superset of what the field does (TypeT5's `normalize_type`): quotes and prefixes off, typing's capitals to builtins,
unions sorted, wrappers dropped, `Literal[...]` as one type, arguments that say nothing dropped.
"""

from __future__ import annotations

import ast
from functools import lru_cache

_CAPITALS = {
    "List": "list", "Dict": "dict", "Set": "set", "FrozenSet": "frozenset", "Tuple": "tuple", "Type": "type", "Text": "str",
    "Deque": "deque", "DefaultDict": "defaultdict",
}  # fmt: skip
_WRAPPERS = frozenset({"Annotated", "Final", "ClassVar", "Required", "NotRequired", "ReadOnly", "Unpack"})
_MANY = 12
"""A union of more is cut: nobody guesses it."""


@lru_cache(maxsize=200_000)
def normalised(code: str) -> tuple[str, ...]:
    """The members of the union that a type's code stands for, sorted; empty where it is no type."""
    try:
        return tuple(sorted(set(_members(ast.parse(code.strip(), mode="eval").body))))[:_MANY]
    except (SyntaxError, ValueError, RecursionError):
        return ()


def exact(code: str) -> str:
    """The one spelling of a type: "None | list[str]"."""
    return " | ".join(normalised(code))


def without_none(code: str) -> str:
    """The type without None; "None" itself stays."""
    return " | ".join(member for member in normalised(code) if member != "None") or exact(code)


def is_optional(code: str) -> bool:
    """Whether None is one of several."""
    members = normalised(code)
    return "None" in members and len(members) > 1


def base(code: str) -> str:
    """Only the heads, None left out: "dict" for `Optional[dict[str, int]]`."""
    return " | ".join(sorted({member.split("[")[0] for member in normalised(without_none(code))}))


def is_usable(code: str) -> bool:
    """Whether a label says anything: not Any, not object."""
    return exact(code) not in ("", "Any", "object", "Incomplete", "...")


def _members(node: ast.expr) -> list[str]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _members(node.left) + _members(node.right)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return _members(ast.parse(node.value.strip(), mode="eval").body)
    if isinstance(node, ast.Constant) and node.value is None:
        return ["None"]
    if isinstance(node, ast.Subscript):
        head = _name(node.value)
        arguments = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if head == "Union":
            return [member for argument in arguments for member in _members(argument)]
        if head == "Optional":
            return [*_members(arguments[0]), "None"]
        if head in _WRAPPERS:
            return _members(arguments[0])
        if head == "Literal":
            return ["Literal"]
        inner = [" | ".join(sorted(set(_members(argument)))) for argument in arguments]
        return [head if all(one in ("Any", "...") for one in inner) else f"{head}[{', '.join(inner)}]"]
    if isinstance(node, ast.List):
        return ["[" + ", ".join(" | ".join(sorted(set(_members(element)))) for element in node.elts) + "]"]
    return [_name(node)]


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return _CAPITALS.get(node.attr, node.attr)
    if isinstance(node, ast.Name):
        return "None" if node.id == "NoneType" else _CAPITALS.get(node.id, node.id)
    if isinstance(node, ast.Constant):
        return "..." if node.value is ... else repr(node.value)
    if isinstance(node, ast.Starred):
        return "*" + _name(node.value)
    raise ValueError("no type")
