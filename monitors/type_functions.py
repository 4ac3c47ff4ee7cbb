"""What can be seen of a `def` without knowing a type: where it stands, how it is left."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from .syntax import SCOPES, text_of


def name_of(node: Node) -> str:
    """The name of a definition."""
    return text_of(node.child_by_field_name("name"))


def class_around(function: Node | None) -> str:
    """The name of the class that a method is written in; "" for any other function."""
    node = class_node(function)
    return name_of(node) if node is not None else ""


def class_node(function: Node | None) -> Node | None:
    """The class that a method is written in; None for any other function."""
    node = function.parent if function is not None else None
    while node is not None and node.type in ("block", "decorated_definition", "if_statement", "else_clause"):
        node = node.parent
    return node if node is not None and node.type == "class_definition" else None


def function_around(function: Node) -> Node | None:
    """The function that a function is written in; None in a class or module."""
    node = function.parent
    while node is not None and node.type != "function_definition":
        if node.type == "class_definition":
            return None
        node = node.parent
    return node


def is_async(function: Node) -> bool:
    """Whether it is an `async def`."""
    return bool(function.children) and function.children[0].type == "async"


def own_nodes(function: Node) -> Iterator[Node]:
    """Every node of a function's own body in the order of the text: of what is defined in it the definition, not its inside."""
    body = function.child_by_field_name("body")
    stack = [body] if body is not None else []
    while stack:
        node = stack.pop()
        yield node
        if node.type not in SCOPES:
            stack.extend(reversed(node.named_children))


def exits(function: Node) -> tuple[list[Node], list[Node], bool]:
    """(return statements, yields, whether anything is raised) of a function's own body."""
    returns, yields, raises = [], [], False
    for node in own_nodes(function):
        if node.type == "return_statement":
            returns.append(node)
        elif node.type == "yield":
            yields.append(node)
        raises = raises or node.type == "raise_statement"
    return returns, yields, raises


def returns_self(method: Node) -> bool:
    """Whether a method returns its own object, or one that its own class makes."""
    return any(text_of(node.named_children[0]) in ("self", "cls") or text_of(node.named_children[0]).startswith("cls(")
               for node in exits(method)[0] if node.named_children)  # fmt: skip


def is_stub(function: Node) -> bool:
    """Whether there is nothing in the body but words."""
    body = function.child_by_field_name("body")
    rest = [one for one in body.named_children if one.type != "comment"] if body is not None else []
    return all(one.type in ("pass_statement", "expression_statement") and
               (not one.named_children or one.named_children[0].type in ("string", "ellipsis")) for one in rest)  # fmt: skip


_LEAVING = frozenset({
    "return_statement", "raise_statement", "try_statement", "match_statement", "while_statement", "with_statement",
    "continue_statement",
})  # fmt: skip


def falls_through(block: Node | None) -> bool:
    """Whether the end of a block can be reached; where that is hard to say, no."""
    last = next((one for one in reversed(block.named_children) if one.type != "comment"), None) if block is not None else None
    if last is None:
        return True
    if last.type in _LEAVING:
        return False
    if last.type == "if_statement":
        branches = [last.child_by_field_name("consequence")]
        others = [one for one in last.named_children if one.type in ("elif_clause", "else_clause")]
        if not any(one.type == "else_clause" for one in others):
            return True
        branches += [one.child_by_field_name("consequence") or one.child_by_field_name("body") for one in others]
        return any(falls_through(branch) for branch in branches)
    return True
