"""The strings an expression may equal or be indexed with: `Literal` types, TypedDict keys, keys of a constant dict."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from jedi.inference.helpers import infer_call_of_leaf

from .analysis import Classification, Document
from .jedi_code import annotated_elsewhere, scope_of, text_of
from .jedi_members import chain_of, readable
from .jedi_parameters import decorators, followed, string_value, strings_of
from .jedi_receiver import Receiver
from .jedi_session import Positions, Session
from .jedi_values import class_arguments
from .syntax import stored_names

_BINDING = frozenset({
    "(", "[", "{", ",", "=", ":", ":=", "if", "elif", "while", "and", "or", "not", "return", "assert", "in", "else",
    "yield", "lambda", ";", "==", "!=", "for", "match", "case", "print", "raise", "+=",
})  # fmt: skip
"""What may stand before an expression that is compared whole: no operator that binds its end to something else."""

_READERS = frozenset({"get", "keys", "values", "items", "copy", "__contains__", "__getitem__"})
"""Methods of a dict that leave it as it is."""


def literals(session: Session, document: Document, offset: int, role: str) -> Classification:
    """The strings possible for the expression that ends at `offset`, or as its index. Raises whatever jedi raises."""
    text, shift = readable(document.text)
    script = session.script(replace(document, text=text))
    script._inference_state.reset_recursion_limitations()
    position = Positions(text).position(max(0, offset - shift))
    leaf = script._module_node.get_leaf_for_position(position, include_prefixes=True)
    if leaf is None or leaf.type in ("newline", "endmarker"):
        return Classification(reason="the code around the string is not understood")
    context = script._get_module_context().create_context(leaf)
    base, trailers = chain_of(leaf)
    if role in ("index", "store"):
        return _keys(context, base, trailers, leaf, stored_names(text), constants=role == "index")
    before = base.get_previous_leaf()
    if before is not None and before.type != "newline" and before.value not in _BINDING \
            and not (before.type == "operator" and before.value in ("->", "}")):  # fmt: skip
        return Classification(reason=f"{text_of(leaf)} is part of a larger expression")
    return _equals(context, base, trailers, stored_names(text))


def _equals(context: Any, base: Any, trailers: list[Any], stored: frozenset[str]) -> Classification:
    """The strings of the `Literal` type that the expression is declared with."""
    name = text_of(base, trailers)
    found: dict[str, None] = {}
    places = list(_declarations(context, base, trailers))
    if not places:
        return Classification(reason=f"the type of {name} is not declared")
    for around, annotation in places:
        strings = strings_of(around, annotation) if annotation is not None else None
        if strings is None:
            return Classification(reason=f"{name} is not declared as a Literal")
        found.update(dict.fromkeys(strings))
    if not found:
        return Classification(reason=f"{name} is no string")
    # A declaration holds whatever is assigned; whose attribute it is must be known.
    steps = trailers[:-1] if trailers and trailers[-1].children[0] == "(" else trailers
    reason = Receiver(stored).why_unknown(context, base, steps[:-1]) if steps else ""
    return Classification(literals=tuple(found), closed=not reason, reason=reason or f"the strings {name} may be")


def _declarations(context: Any, base: Any, trailers: list[Any]) -> Iterator[tuple[Any, Any]]:
    """(context, annotation) of everything the expression may come from; an annotation is None where there is none."""
    called = bool(trailers) and trailers[-1].children[0] == "("
    steps = trailers[:-1] if called else trailers
    if steps and steps[-1].children[0] == ".":
        owner = steps[-1].get_previous_leaf()
        values = infer_call_of_leaf(context, owner)
        names = [name for value in values for name in value.goto(steps[-1].children[1])]
        if not values:
            yield context, None
    elif not steps and base.type == "name":
        names = [one for name in context.goto(base, base.start_pos) for one in followed(name)]
    else:
        yield context, None
        return
    for name in names:
        yield _declared(name, called)


def _declared(name: Any, called: bool) -> tuple[Any, Any]:
    tree = name.tree_name
    definition = tree.get_definition() if tree is not None else None
    context = name.parent_context
    if definition is None:
        return context, None
    if definition.type == "funcdef":
        is_value = any(word in ("property", "cached_property") for word in decorators(definition))
        return context, definition.annotation if called != is_value else None
    if called:
        return context, None
    if definition.type == "param":
        return context.parent_context or context, definition.annotation if not definition.star_count else None
    if definition.type == "expr_stmt" and definition.children[1].type == "annassign":
        return context, definition.children[1].children[1]
    return context, annotated_elsewhere(tree)


def _keys(
    context: Any, base: Any, trailers: list[Any], leaf: Any, stored: frozenset[str], constants: bool
) -> Classification:
    """The keys of a TypedDict, or of a dict that is written once and never changed."""
    name = text_of(base, trailers)
    if constants and not trailers and base.type == "name":
        constant = _constant(context, base)
        if constant is not None:
            return constant
    values = infer_call_of_leaf(context, leaf)
    if not values:
        return Classification(reason=f"what {name} is is not known")
    keys: dict[str, None] = {}
    for value in values:
        if type(value).__name__ != "TypedDict":
            return Classification(reason=f"the keys of {name} are not declared")
        found = _typed_keys(value._definition_class)
        if found is None:
            return Classification(reason=f"the keys of {name} are not all known")
        keys.update(dict.fromkeys(found))
    reason = Receiver(stored).why_unknown(context, base, trailers)
    return Classification(literals=tuple(keys), closed=not reason, reason=reason or f"the keys of {name}")


def _typed_keys(cls: Any) -> list[str] | None:
    keys = []
    pending = [cls]
    while pending:
        one = pending.pop()
        node = getattr(one, "tree_node", None)
        if node is None or node.type != "classdef":
            continue
        for argument in class_arguments(node):
            if argument.type == "argument":
                continue
            if text_of(argument).split("[")[0].rpartition(".")[2] in ("TypedDict", "Generic"):
                continue
            found = list(one.parent_context.infer_node(argument))
            if len(found) != 1:
                return None
            pending += found
        for name, occurrences in node.get_root_node().get_used_names().items():
            for found_name in occurrences:
                statement = found_name.parent
                if statement.type == "expr_stmt" and statement.children[0] is found_name \
                        and statement.children[1].type == "annassign" and scope_of(found_name) is node:  # fmt: skip
                    keys.append(name)
    return keys


def _constant(context: Any, base: Any) -> Classification | None:
    """The keys of a dict display bound once to a name that is only read; an open answer where that is not so."""
    names = [one for name in context.goto(base, base.start_pos) for one in followed(name)]
    if len(names) != 1:
        return None
    tree = names[0].tree_name
    statement = tree.get_definition()
    if statement is None or statement.type != "expr_stmt":
        return None
    right = statement.get_rhs()
    keys = _display(right)
    if keys is None:
        return None
    name = str(base.value)
    if statement.children[0] is not tree:
        return Classification(literals=tuple(keys), reason=f"{name} has another name too")
    scope = scope_of(tree)
    for found in tree.get_root_node().get_used_names().get(name, ()):
        if found is tree or found is base:
            continue
        if found.parent.type in ("global_stmt", "nonlocal_stmt"):
            return Classification(literals=tuple(keys), reason=f"{name} may be bound elsewhere")
        if found.is_definition() and scope_of(found) is scope:
            return Classification(literals=tuple(keys), reason=f"{name} is bound again")
        if not _only_read(found):
            return Classification(literals=tuple(keys), reason=f"{name} may be changed")
    if tree.get_root_node() is not base.get_root_node() or (scope.type == "classdef"):
        return Classification(literals=tuple(keys), reason=f"{name} can be changed elsewhere")
    return Classification(literals=tuple(keys), closed=True, reason=f"the keys of {name}, which nothing changes")


def _display(node: Any) -> list[str] | None:
    """The keys of a dict display, all of them strings; None for anything else."""
    if node.type != "atom" or node.children[0] != "{" or len(node.children) != 3:
        return None
    inner = node.children[1]
    if inner.type != "dictorsetmaker" or any(child == "**" or child.type in ("comp_for", "sync_comp_for")
                                             for child in inner.children):  # fmt: skip
        return None
    keys = []
    children = list(inner.children)
    while children:
        if len(children) < 3 or children[1] != ":" or children[0].type != "string":
            return None
        value = string_value(children[0])
        if value is None:
            return None
        keys.append(value)
        children = children[4:]
    return keys


def _only_read(name: Any) -> bool:
    """Whether this use of a dict reads from it: an index that is not stored to, `in`, iteration, a reading method."""
    following = name.get_next_leaf()
    before = name.get_previous_leaf()
    if following is None:
        return False
    if following.value == "[" and following.parent.type in ("trailer", "error_leaf", "error_node"):
        return not _stored_to(name)
    if following.value == "[":
        return False
    if following.value == ".":
        method = following.get_next_leaf()
        return method is not None and method.value in _READERS
    if before is not None and before.value in ("in", "**"):
        return True
    return before is not None and before.value == "(" and before.get_previous_leaf() is not None \
        and before.get_previous_leaf().value in ("len", "sorted", "set", "list", "tuple", "any", "all") \
        and following.value == ")"  # fmt: skip


def _stored_to(name: Any) -> bool:
    """Whether what the name begins (`d["k"]`) is assigned to or deleted; where the code is broken, it may be."""
    at = name
    while at.parent is not None and at.parent.type in ("atom_expr", "power", "trailer"):
        at = at.parent
    parent = at.parent
    if parent is None or parent.type in ("del_stmt", "testlist_star_expr", "exprlist", "for_stmt", "with_item"):
        return True
    return bool(parent.type == "expr_stmt" and parent.get_rhs() is not at)
