"""Types as text: one spelling for each, and what can be done with it without knowing any class.

The one spelling is a superset of what the field does (TypeT5's `normalize_type`): quotes and prefixes off, typing's capitals
to builtins, unions sorted, wrappers dropped, `Literal[...]` as one type, arguments that say nothing dropped.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from .known_types import head, split_union

_CAPITALS = {
    "List": "list", "Dict": "dict", "Set": "set", "FrozenSet": "frozenset", "Tuple": "tuple", "Type": "type", "Text": "str",
    "Deque": "deque", "DefaultDict": "defaultdict",
}  # fmt: skip
_WRAPPERS = frozenset({"Annotated", "Final", "ClassVar", "Required", "NotRequired", "ReadOnly", "Unpack"})
_SILENT = frozenset({"Any", "..."})
_MANY = 12
"""A union of more is cut: nobody guesses it."""

_WORD = re.compile(r"[A-Za-z_]\w*")


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
    return " | ".join(sorted({head(member) for member in normalised(without_none(code))}))


def arguments(text: str) -> list[str]:
    """What stands in the outermost brackets: ["str", "list[int]"] of `dict[str, list[int]]`."""
    begin = text.find("[")
    if begin < 0 or not text.endswith("]"):
        return []
    found, depth, at = [], 0, begin + 1
    for index in range(at, len(text) - 1):
        character = text[index]
        depth += (character == "[") - (character == "]")
        if character == "," and depth == 0:
            found.append(text[at:index].strip())
            at = index + 1
    return [*found, text[at:-1].strip()]


def with_arguments(name: str, inner: Iterable[str]) -> str:
    """`name[inner]`; only the name where the arguments say nothing."""
    written = [one or "Any" for one in inner]
    return name if all(one in _SILENT for one in written) else f"{name}[{', '.join(written)}]"


def joined(texts: Iterable[str]) -> str:
    """The union of types, sorted. What is unknown ("") becomes Any; a list of nobody knows what goes into one that is known,
    an int into a float."""
    members = dict.fromkeys(part for text in texts for part in split_union(text or "Any") if part != "Never")
    heads = {head(part) for part in members if "[" in part}
    kept = [part for part in members if part not in heads]
    if "float" in kept and "int" in kept:
        kept.remove("int")
    return " | ".join(sorted(kept)[:_MANY])


def known_part(text: str) -> str:
    """The union without Any and object; "" where nothing is left."""
    return " | ".join(part for part in split_union(text) if part not in ("Any", "object", ""))


def substituted(text: str, types: Mapping[str, str]) -> str:
    """The type with names replaced by types, all at once."""
    return _WORD.sub(lambda match: types.get(match[0], match[0]), text) if types else text


def _members(node: ast.expr) -> list[str]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _members(node.left) + _members(node.right)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return _members(ast.parse(node.value.strip(), mode="eval").body)
    if isinstance(node, ast.Constant) and node.value is None:
        return ["None"]
    if isinstance(node, ast.Subscript):
        name = _name(node.value)
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if name == "Union":
            return [member for argument in inner for member in _members(argument)]
        if name == "Optional":
            return [*_members(inner[0]), "None"]
        if name in _WRAPPERS:
            return _members(inner[0])
        if name == "Literal":
            return ["Literal"]
        return [with_arguments(name, [" | ".join(sorted(set(_members(argument)))) for argument in inner])]
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
