"""Which expressions make an object that a protocol governs, and in which state the object begins."""

from __future__ import annotations

from dataclasses import dataclass

from tree_sitter import Node

from .bindings import resolved
from .protocols import Creation, Protocol, Protocols
from .syntax import text_of


@dataclass(frozen=True)
class Source:
    """The document that is read, with the protocols that hold in it."""

    text: str
    path: str
    root: str
    protocols: Protocols


def made_by(value: Node, source: Source) -> tuple[Protocol, Creation, bool] | None:
    """(protocol, creation, whether guessed from a method's name) of an expression that makes an object; None for any other."""
    value = _bare(value)
    function = value.child_by_field_name("function") if value.type == "call" else None
    if function is None:
        return None
    found, guessed = None, False
    for dotted in sorted(resolved(source.text, source.path, source.root, function)):
        found = found or source.protocols.maker(dotted)
    if found is None and function.type == "attribute":
        method = text_of(function.child_by_field_name("attribute"))
        maker = function.child_by_field_name("object")
        called = maker.child_by_field_name("function") if maker is not None and maker.type == "call" else None
        if called is not None:
            for dotted in sorted(resolved(source.text, source.path, source.root, called)):
                found = found or source.protocols.maker(f"{dotted}().{method}")
        if found is None:
            found = source.protocols.maker(f".{method}")
            guessed = found is not None
    if found is None:
        return None
    if found[0].unless and any(_gives(argument, found[0].unless) for argument in _arguments(value)):
        return None
    return *found, guessed


def begins(value: Node, creation: Creation) -> str:
    """The state in which the object begins that the call `value` makes."""
    if not creation.absent:
        return creation.state
    given: Node | None = None
    for position, argument in enumerate(_arguments(_bare(value))):
        if argument.type in ("list_splat", "dictionary_splat"):
            return creation.state
        if argument.type == "keyword_argument":
            if text_of(argument.child_by_field_name("name")) == creation.keyword:
                given = argument.child_by_field_name("value")
        elif position == creation.position:
            given = argument
    if given is None:
        return creation.absent
    source = text_of(given)
    if given.type != "string" or len(source) < 2 or source[0] not in "'\"" or source[1:2] == source[0] != source[-1:]:
        return creation.state
    return creation.values.get(source[1:-1], creation.state)


def _bare(value: Node) -> Node:
    while value.type == "parenthesized_expression" and len(value.named_children) == 1:
        value = value.named_children[0]
    return value


def _arguments(call: Node) -> list[Node]:
    arguments = call.child_by_field_name("arguments")
    return [] if arguments is None else [child for child in arguments.named_children if child.type != "comment"]


def _gives(argument: Node, names: frozenset[str]) -> bool:
    if argument.type == "dictionary_splat":
        return True
    return argument.type == "keyword_argument" and text_of(argument.child_by_field_name("name")) in names
