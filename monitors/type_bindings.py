"""What a function binds its local names to, each with the expression that the name's type follows from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tree_sitter import Node

from .syntax import text_of
from .type_functions import own_nodes

How = Literal["value", "written", "element", "enter", "caught", "added", "extended", "stored", "function", "class"]
"""The value of `node`; what an annotation says; an element of it (`for`); what a `with` gives; an instance of the class that is
caught; what is put into a container later: an element, the elements of another, a key and a value; a definition."""

_ADDING = {"append": "added", "add": "added", "appendleft": "added", "insert": "added", "extend": "extended",
           "update": "extended"}  # fmt: skip


@dataclass(frozen=True)
class Binding:
    """One way in which a name gets its type. `item` is its place where a tuple is unpacked into several; -1 for the whole."""

    how: How
    node: Node
    item: int = -1
    key: Node | None = None


def bindings(function: Node) -> dict[str, list[Binding]]:
    """The local names of a `def`, parameters left out; what inner functions bind is none of them."""
    found: dict[str, list[Binding]] = {}
    for node in own_nodes(function):
        kind = node.type
        if kind in ("function_definition", "class_definition"):
            name = node.child_by_field_name("name")
            if name is not None:
                _add(found, name, Binding("function" if kind == "function_definition" else "class", node))
        elif kind == "assignment":
            _assigned(node, found)
        elif kind == "named_expression":
            _bind(found, node.child_by_field_name("name"), "value", node.child_by_field_name("value"))
        elif kind == "for_statement":
            _bind(found, node.child_by_field_name("left"), "element", node.child_by_field_name("right"))
        elif kind == "as_pattern" and len(node.named_children) == 2:
            around = node.parent
            how: How = "caught" if around is not None and around.type.startswith("except") else "enter"
            if around is None or around.type != "case_pattern":
                target = node.named_children[1]
                _bind(found, target.named_children[0] if target.named_children else target, how, node.named_children[0])
        elif kind == "call":
            _put(node, found)
    return found


def _assigned(node: Node, found: dict[str, list[Binding]]) -> None:
    value = node.child_by_field_name("right")
    while value is not None and value.type == "assignment":
        value = value.child_by_field_name("right")
    left, written = node.child_by_field_name("left"), node.child_by_field_name("type")
    if left is None:
        return
    if written is not None:
        _bind(found, left, "written", written)
    elif left.type == "subscript" and value is not None:
        holder, key = left.child_by_field_name("value"), left.child_by_field_name("subscript")
        if holder is not None and holder.type == "identifier" and key is not None and key.type != "slice":
            _add(found, holder, Binding("stored", value, key=key))
    else:
        _bind(found, left, "value", value)


def _bind(found: dict[str, list[Binding]], target: Node | None, how: How, node: Node | None) -> None:
    if target is None or node is None:
        return
    if target.type == "identifier":
        _add(found, target, Binding(how, node))
    elif target.type in ("pattern_list", "tuple_pattern", "tuple", "list_pattern"):
        starred = any(one.type == "list_splat_pattern" for one in target.named_children)
        for index, one in enumerate(target.named_children):
            if one.type == "identifier" and not starred:
                _add(found, one, Binding(how, node, index))


def _put(call: Node, found: dict[str, list[Binding]]) -> None:
    """`name.append(value)` and its like."""
    callee, holder = call.child_by_field_name("function"), call.child_by_field_name("arguments")
    if callee is None or callee.type != "attribute" or holder is None or not holder.named_children:
        return
    receiver, attribute = callee.child_by_field_name("object"), callee.child_by_field_name("attribute")
    how = _ADDING.get(text_of(attribute))
    if how is not None and receiver is not None and receiver.type == "identifier":
        _add(found, receiver, Binding(how, holder.named_children[-1]))  # type: ignore[arg-type] # the values of _ADDING


def _add(found: dict[str, list[Binding]], name: Node, binding: Binding) -> None:
    found.setdefault(text_of(name), []).append(binding)
