"""Whether a function's own code, or a variable's value, says otherwise than a type that would be written there.

By syntax alone: a default, what a parameter is bound to later, the attributes that are read from it, what is returned, and
whether the end can be reached. A type checker would report each of these against the annotation. What is not sure is no
contradiction: only literals, calls of builtin classes and well-known methods count.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from tree_sitter import Node

from . import known_types
from .slot_places import functions
from .slots import Slot
from .syntax import byte_of, parse, text_of
from .type_functions import own_nodes
from .uses import FunctionUses, last_name, shape, uses

_ABOVE = {
    "bool": {"int", "float", "complex"}, "int": {"float", "complex"}, "float": {"complex"},
    "str": {"Sequence", "Iterable", "Collection", "Container", "Reversible", "Sized", "Hashable", "AnyStr"},
    "bytes": {"Sequence", "Iterable", "Collection", "Container", "Reversible", "Sized", "Hashable", "AnyStr", "Buffer"},
    "list": {"Sequence", "MutableSequence", "Iterable", "Collection", "Container", "Reversible", "Sized", "List"},
    "tuple": {"Sequence", "Iterable", "Collection", "Container", "Reversible", "Sized", "Hashable", "Tuple", "NamedTuple"},
    "dict": {"Mapping", "MutableMapping", "Iterable", "Collection", "Container", "Reversible", "Sized", "Dict"},
    "set": {"AbstractSet", "MutableSet", "Iterable", "Collection", "Container", "Sized", "Set"},
}  # fmt: skip
"""What a literal of a builtin class may be given as, beside its class."""

_CALLED = {
    "str": "str", "repr": "str", "int": "int", "len": "int", "float": "float", "bool": "bool", "bytes": "bytes", "list": "list",
    "sorted": "list", "tuple": "tuple", "dict": "dict", "set": "set", "isinstance": "bool", "hasattr": "bool",
}  # fmt: skip
"""Builtins by what they make."""

_STRING_METHODS = {"encode": "bytes", "split": "list", "rsplit": "list", "splitlines": "list", "partition": "tuple"}
_METHODS = {"str": _STRING_METHODS, "bytes": _STRING_METHODS | {"encode": "", "decode": "str"}}
"""What methods of a parameter's own class make of it."""

_KNOWN = frozenset({*_ABOVE, "complex"})
_ANYTHING = frozenset({"Any", "object", "Self", "T", "AnyStr"})
_OPEN = frozenset({"isinstance", "issubclass", "hasattr", "getattr", "type", "callable"})
"""Functions after whose test a value is known better than by its annotation."""

_STEPS = frozenset({"Iterator", "Iterable", "Generator", "AsyncIterator", "AsyncIterable", "AsyncGenerator"})
_LEAVE = frozenset({"exit", "_exit", "abort", "fail", "error", "quit", "skip", "die", "usage", "fatal"})
"""Last names of functions that often do not return."""


def contradiction(text: str, slot: Slot, type_text: str) -> str:
    """What in the function of a slot speaks against a type there, in a few words; "" where nothing does. Never raises."""
    heads = frozenset(known_types.head(part).rpartition(".")[2] for part in known_types.split_union(type_text))
    heads |= {"None"} if type_text.startswith(("Optional[", "typing.Optional[")) else frozenset()
    if heads & _ANYTHING or any(head in ("Union", "Optional", "Literal", "") for head in heads):
        return ""
    if slot.kind in ("variable", "attribute"):
        return _against_value(text, slot, heads)
    node = _functions(text).get(slot.function_start)
    if node is None:
        return ""
    if slot.kind == "parameter":
        return _against_parameter(node, _uses(text, slot.function_start), slot, heads)
    return _against_return(node, _uses(text, slot.function_start), heads)


@lru_cache(4)
def _functions(text: str) -> dict[int, Node]:
    return functions(text)


@lru_cache(512)
def _uses(text: str, start: int) -> FunctionUses:
    """Of the function that begins there; all its slots ask for them."""
    return uses(_functions(text)[start])


def _against_parameter(function: Node, used: FunctionUses, slot: Slot, heads: frozenset[str]) -> str:
    if slot.stars:
        return ""
    if slot.default == "None" and "None" not in heads:
        return "its default is None"
    for use in used.parameters.get(slot.name, ()):
        if use.token.startswith("default:") and not _fits(use.token.partition(":")[2], heads):
            return f"its default is {slot.default[:30]}"
    for line0, bound in _bindings(function, slot.name):
        if not _fits(_made(bound, slot.name, heads), heads):
            return f"line {line0 + 1} makes something else of it"
        if heads == {"bool"} and shape(bound) not in ("bool", "name"):
            return f"line {line0 + 1} makes something else of it"
    return _missing(used, slot, heads)


def _against_value(text: str, slot: Slot, heads: frozenset[str]) -> str:
    """Of a variable, what its first value is by its looks; a sum is no bool, even where analysis knows one part alone."""
    byte = byte_of(text, slot.offset)
    at = parse(text).root_node.descendant_for_byte_range(byte, byte + 1)
    while at is not None and at.type in ("identifier", "attribute"):
        at = at.parent
    value = at.child_by_field_name("right") if at is not None and at.type == "assignment" else None
    if value is None:
        return ""
    arithmetic = value.type == "binary_operator" and text_of(value.children[1]) in ("+", "-", "*", "/", "//", "%", "**")
    if (arithmetic and heads == {"bool"}) or not _fits("" if arithmetic else shape(value), heads):
        return "its value is something else"
    return ""


def _missing(used: FunctionUses, slot: Slot, heads: frozenset[str]) -> str:
    """An attribute that is read and that no value of the type has; only of builtin classes, where nothing narrows it."""
    if not heads <= _KNOWN:
        return ""
    tokens = used.parameters.get(slot.name, ())
    if any(use.detail in _OPEN or use.token.startswith(("isinstance:", "issubclass:", "re:")) for use in tokens):
        return ""
    members = known_types.members(" | ".join(sorted(heads)))
    for name, line0 in used.attributes(slot.name).items():
        if members is not None and name not in members:
            return f"line {line0 + 1} reads .{name}"
    return ""


def _against_return(function: Node, used: FunctionUses, heads: frozenset[str]) -> str:
    body = function.child_by_field_name("body")
    if body is None:
        return ""
    tokens = {use.token: use.line0 for use in reversed(used.returns)}
    if any(token.startswith("yield") for token in tokens):
        return "" if heads & _STEPS else "it is a generator"
    if any(f"@{word}" in tokens for word in ("abstractmethod", "overload", "contextmanager", "asynccontextmanager")):
        return ""
    for token, line0 in tokens.items():
        verb, _, what = token.partition(":")
        what = "None" if what == "bare" else "tuple" if what.startswith("tuple") else what.partition("[")[0]
        what = _CALLED.get(what.removeprefix("call:"), "") if what.startswith("call:") else what
        if verb == "ret" and not _fits(what, heads):
            return f"line {line0 + 1} returns {what}"
    if "None" not in heads and "stub body" not in tokens and not _leaves(body):
        return "its end can be reached, which returns None"
    return ""


def _fits(what: str, heads: frozenset[str]) -> bool:
    """Whether a value of that shape may be given as one of the types; what is not sure may."""
    if what == "None":
        return "None" in heads
    if what not in _ABOVE:
        return True
    if what in heads or heads & _ABOVE[what]:
        return True
    # A class of the project may be a protocol, or an alias of anything; a builtin is what it is.
    return not heads <= _KNOWN | {"None"}


def _made(node: Node, name: str, heads: frozenset[str]) -> str:
    """The shape of what a parameter is bound to, its own methods and builtin calls looked through."""
    if node.type == "call":
        callee = node.child_by_field_name("function")
        if callee is not None and callee.type == "identifier":
            return _CALLED.get(text_of(callee), "")
        holder = callee.child_by_field_name("object") if callee is not None and callee.type == "attribute" else None
        if holder is not None and text_of(holder) == name and len(heads) == 1:
            return _METHODS.get(next(iter(heads)), {}).get(last_name(callee), "")
        return ""
    if node.type == "conditional_expression":
        sides = [_made(side, name, heads) for side in (node.named_children[0], node.named_children[-1])]
        return next((side for side in sides if side and not _fits(side, heads)), "")
    return shape(node)


def _bindings(function: Node, name: str) -> Iterator[tuple[int, Node]]:
    """(line0, value) of every plain assignment to the name in the function itself."""
    for node in own_nodes(function):
        if node.type != "assignment":
            continue
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or right is None:
            continue
        if left.type == "identifier" and text_of(left) == name:
            yield node.start_point[0], right
        elif left.type in ("pattern_list", "tuple_pattern") and name in map(text_of, left.named_children):
            values = right.named_children if right.type in ("expression_list", "tuple") else []
            at = [text_of(child) for child in left.named_children].index(name)
            yield node.start_point[0], values[at] if len(values) == left.named_child_count else right


def _leaves(block: Node) -> bool:
    """Whether the end of a block is perhaps never reached; true where that is not sure."""
    last = next((child for child in reversed(block.named_children) if child.type != "comment"), None)
    if last is None:
        return False
    kind = last.type
    if kind in ("return_statement", "raise_statement", "with_statement", "match_statement", "ERROR"):
        return True
    if kind == "while_statement":
        condition = last.child_by_field_name("condition")
        return condition is not None and text_of(condition) in ("True", "1")
    if kind == "expression_statement":
        call = last.named_children[0] if last.named_children else last
        if call.type == "await" and call.named_children:
            call = call.named_children[0]
        return call.type == "call" and last_name(call.child_by_field_name("function")) in _LEAVE
    if kind == "if_statement":
        others = last.children_by_field_name("alternative")
        if not others or others[-1].type != "else_clause":
            return False
        blocks = [last.child_by_field_name("consequence")]
        blocks += [other.child_by_field_name("consequence") or other.child_by_field_name("body") for other in others]
        return all(inner is not None and _leaves(inner) for inner in blocks)
    if kind == "try_statement":
        return _try_leaves(last)
    if kind in ("for_statement", "assert_statement"):
        # `assert False` is how some say that nobody gets here.
        alternative = last.child_by_field_name("alternative")
        inner = alternative.child_by_field_name("body") if alternative is not None else None
        return kind == "assert_statement" or (inner is not None and _leaves(inner))
    return False


def _try_leaves(node: Node) -> bool:
    """Whether every way through a `try` leaves the function."""
    blocks: list[Node] = []
    body = node.child_by_field_name("body")
    for child in node.named_children:
        inner = next((one for one in child.named_children if one.type == "block"), None)
        if child.type == "finally_clause" and inner is not None and _leaves(inner):
            return True
        if child.type == "else_clause" and inner is not None:
            body = inner
        elif child.type in ("except_clause", "except_group_clause") and inner is not None:
            blocks.append(inner)
    return body is not None and all(_leaves(block) for block in [body, *blocks])
