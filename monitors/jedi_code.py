"""Questions about parso's trees that need no inference, and names of jedi's that do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from .jedi_values import full_name

_MUTATORS = frozenset({"append", "extend", "insert", "add", "update", "setdefault", "appendleft", "extendleft"})


def text_of(node: Any, trailers: Sequence[Any] = ()) -> str:
    """The code of a node, in one short line."""
    code = node.get_code(include_prefix=False) + "".join(trailer.get_code(include_prefix=False) for trailer in trailers)
    code = " ".join(code.split())
    return code if len(code) <= 40 else code[:37] + "..."


def scope_of(node: Any) -> Any:
    """The function, class or module a name is bound in; of a function's own name, the one around it."""
    at = node.parent
    if at is not None and at.type in ("funcdef", "classdef") and at.name is node:
        at = at.parent
    while at is not None and at.type not in ("funcdef", "lambdef", "classdef", "file_input"):
        at = at.parent
    return at


def annotated_elsewhere(tree: Any) -> Any | None:
    """The annotation that another statement of the same scope gives the name: it counts for all."""
    for found in tree.get_root_node().get_used_names().get(tree.value, ()):
        statement = found.parent
        if statement.type == "expr_stmt" and statement.children[1].type == "annassign" \
                and scope_of(found) is scope_of(tree):  # fmt: skip
            return statement.children[1].children[1]
    return None


def enclosing_loop(*nodes: Any) -> Any | None:
    """The innermost loop statement around all the nodes, in one function."""
    loops: list[list[Any]] = []
    for node in nodes:
        found = []
        at = node.parent
        while at is not None and at.type not in ("funcdef", "lambdef", "classdef", "file_input"):
            if at.type in ("for_stmt", "while_stmt"):
                found.append(at)
            at = at.parent
        loops.append(found)
    return next((loop for loop in loops[0] if all(loop in other for other in loops[1:])), None)


def decorator_words(funcdef: Any) -> Iterator[str]:
    """The last name of each decorator."""
    for decorator in funcdef.get_decorators():
        code = decorator.children[1].get_code(include_prefix=False).split("(")[0]
        yield code.rpartition(".")[2].strip()


def call_arguments(trailer: Any) -> list[Any]:
    """The values of a call's arguments; of keyword arguments, what stands behind the `=`."""
    inner = trailer.children[1]
    if inner == ")":
        return []
    found = [child for child in inner.children if child != ","] if inner.type == "arglist" else [inner]
    return [child.children[-1] if child.type == "argument" and child.children[1] == "=" else child for child in found]


def subscript_arguments(trailer: Any) -> list[Any]:
    """The expressions between the brackets."""
    inner = trailer.children[1]
    if inner.type in ("subscriptlist", "testlist_comp", "testlist", "testlist_star_expr"):
        return [child for child in inner.children if child != ","]
    return [inner]


def outer_names(node: Any) -> Iterator[str]:
    """The types an annotation names, without None and without what is in brackets."""
    if node.type == "expr":
        for part in node.children[::2]:
            yield from outer_names(part)
        return
    code = text_of(node)
    if code != "None":
        yield "str" if code == "LiteralString" else code.split("[")[0]


def same_but_variables(outer: set[frozenset[str]]) -> bool:
    """Whether overloads differ in type variables only (`_T`, `_VT | _D`)."""
    names = {name for group in outer for name in group}
    return all(re.fullmatch(r"_?[A-Z]{1,3}\d?(_co|_contra)?|AnyStr", name) for name in names)


def nested_self(node: Any) -> bool:
    """Whether an annotation mentions `Self` inside of something else."""
    code = node.get_code(include_prefix=False)
    return "Self" in code and re.fullmatch(r"""["']?(typing\.|typing_extensions\.)?Self["']?""", code) is None


def class_of(value: Any) -> Any:
    """The class of an instance; a class itself."""
    return value if value.is_class() else value.py__class__()


def has_type_variable(context: Any, node: Any) -> bool:
    """Whether an annotation mentions a type variable."""
    leaf, end = node.get_first_leaf(), node.get_last_leaf().end_pos
    while leaf is not None and leaf.start_pos < end:
        if leaf.type == "name":
            if leaf.value in ("Self", "AnyStr"):
                pass
            elif any(type(value).__name__ == "TypeVar" for value in context.infer_node(leaf)
                     if leaf.parent.type != "trailer" or leaf.parent.children[0] != "."):  # fmt: skip
                return True
        leaf = leaf.get_next_leaf()
    return False


def mutated(tree: Any, use: Any) -> bool:
    """Whether the container bound to this name is added to anywhere in the name's scope."""
    for found in tree.get_root_node().get_used_names().get(tree.value, ()):
        leaf = found.get_next_leaf()
        if leaf is None:
            continue
        if leaf.value == ".":
            method = leaf.get_next_leaf()
            if method is not None and method.value in _MUTATORS:
                return True
        if leaf.value == "[" and is_setitem(found, found.search_ancestor("expr_stmt")):
            return True
        if leaf.value in ("+=", "|=") or (found is not use and leaf.value in (",", ")") and is_argument(found)):
            return True
    return False


def is_argument(name: Any) -> bool:
    parent = name.parent
    if parent.type == "trailer":
        return bool(parent.children[0] == "(")
    return parent.type in ("arglist", "argument")


def is_setitem(tree: Any, statement: Any) -> bool:
    if statement is None or statement.type != "expr_stmt":
        return False
    target = statement.children[0]
    return (
        target.type in ("atom_expr", "power")
        and target.children[-1].type == "trailer"
        and target.children[-1].children[0] == "["
        and target.start_pos <= tree.start_pos < target.end_pos
    )


def tuple_items(node: Any) -> list[Any] | None:
    if node.type == "atom" and node.children[0] in ("(", "[") and len(node.children) == 3:
        node = node.children[1]
    if node.type in ("testlist_star_expr", "testlist", "testlist_comp"):
        items = [child for child in node.children if child != ","]
        return None if any(item.type in ("sync_comp_for", "comp_for") for item in items) else items
    return None


def is_import(name: Any) -> bool:
    return name.tree_name is not None and name.is_import()


def is_plain(name: Any) -> bool:
    return type(name).__name__ == "TreeNameDefinition"


def unwrapped(name: Any) -> Any:
    """The name in the class body behind what jedi wraps around it for an instance."""
    while hasattr(name, "_wrapped_name"):
        name = name._wrapped_name
    return name


def is_open(value: Any) -> bool:
    return full_name(value) in ("builtins.open", "io.open", "codecs.open", "pathlib.Path.open") or (
        full_name(value).endswith("Path.open")
    )


def in_known_mode(value: Any, trailer: Any) -> bool:
    """Whether a call of `open` says in which mode, or leaves it at text. `path.open("rb")` says it first, `open` second."""
    inner = trailer.children[1]
    arguments = [] if inner == ")" else \
        [child for child in inner.children if child != ","] if inner.type == "arglist" else [inner]  # fmt: skip
    for argument in arguments:
        if argument.type == "argument":
            if argument.children[0] in ("*", "**"):
                return False
            if argument.children[0].value in ("mode", "buffering"):
                return bool(argument.children[0].value == "mode" and argument.children[2].type == "string")
    positional = [argument for argument in arguments if argument.type != "argument"]
    mode = 0 if full_name(value).endswith("Path.open") else 1
    return len(positional) <= mode + 1 and all(argument.type == "string" for argument in positional[mode:])
