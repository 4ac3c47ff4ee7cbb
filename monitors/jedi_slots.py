"""Which attributes can be stored on a receiver: closed only for classes whose instances have no `__dict__`."""

from __future__ import annotations

from typing import Any

from .analysis import Document, Member, Members
from .jedi_code import class_of
from .jedi_members import chain_of, of_subclasses, readable, receiver_of
from .jedi_narrowing import code_of, narrowed
from .jedi_receiver import Receiver
from .jedi_session import Positions, Session
from .jedi_values import class_arguments, class_order, full_name, kind_of
from .syntax import normalised, place, stored_names

_SLOTTED = frozenset({
    "builtins.object", "typing.Generic", "typing.Protocol", "typing_extensions.Protocol", "abc.ABC",
})  # fmt: skip
"""Bases with `__slots__ = ()`."""
_NAMED_TUPLES = ("NamedTuple", "typing.NamedTuple", "namedtuple", "collections.namedtuple")


class _Open(Exception):
    """Why anything may be stored. Never leaves this file."""


def stores(session: Session, document: Document, offset: int) -> Members:
    """The names that can be stored behind the dot at `offset`. Raises whatever jedi raises."""
    text, shift = readable(document.text)
    here = place(text, offset - shift)
    if here.where != "code" or here.dot is None or here.context == "import":
        return Members(reason="no attribute access")
    whole = normalised(text, here.dot, here.end)
    script = session.script(Document(document.path, whole, document.version, document.root))
    leaf, context, values = receiver_of(script, Positions(whole).position(here.dot))
    if leaf is None or not values:
        return Members(reason="the receiver's type is not known")
    base, trailers = chain_of(leaf)
    reason = "it is tested for its type" if leaf.type == "name" and narrowed(leaf) is not None else ""
    reason = reason or Receiver(stored_names(whole)).why_unknown(context, base, trailers)
    if reason:
        return Members(reason=reason)
    found: set[str] = {"__class__"}
    shown: list[str] = []
    try:
        for value in values:
            if kind_of(value) != "instance":
                raise _Open("attributes may be stored on it")
            found |= _storable(class_of(value), here.self_like)
            shown.append(str(value.py__name__()))
    except _Open as why:
        return Members(reason=str(why))
    if here.self_like:
        found |= of_subclasses(script, values)
    listed = tuple(Member(name, "field") for name in sorted(found) if not name.startswith("__"))
    receiver = " | ".join(dict.fromkeys(shown))
    reason = f"{receiver} has __slots__: nothing else can be stored" if listed else f"nothing can be stored on {receiver}"
    return Members(listed, True, reason, receiver, frozenset(found))


def _storable(cls: Any, self_like: bool) -> set[str]:
    """The names that can be stored on an instance of the class."""
    if full_name(cls) in _SLOTTED:
        raise _Open(f"{full_name(cls)} may be any object")
    found: set[str] = set()
    named_tuple = False
    for position, ancestor in enumerate(class_order(cls)):
        name = full_name(ancestor)
        if name in _SLOTTED:
            continue
        if named_tuple:
            continue  # the tuple beneath
        node = getattr(ancestor, "tree_node", None)
        if node is None or node.type != "classdef" or ancestor.is_compiled() or ancestor.get_root_context().is_stub():
            raise _Open(f"{name} may have a __dict__")
        if node.parent.type == "decorated" or any("=" in code_of(one) for one in class_arguments(node)):
            raise _Open(f"{name} is decorated, or has a metaclass")
        bases = [code_of(one) for one in class_arguments(node)]
        named_tuple = any(base.partition("(")[0] in _NAMED_TUPLES for base in bases)
        if named_tuple and len(bases) > 1:
            raise _Open(f"{name} has several bases")
        slots = _slots(node)
        if slots is None and (not named_tuple or "(" in "".join(bases)):
            raise _Open(f"instances of {name} have a __dict__")
        if position == 0 and self_like and not slots:
            raise _Open(f"what inherits from {name} may have a __dict__")
        found |= slots or set()
        found |= _descriptors(node, named_tuple)
    return found


def _body(node: Any) -> list[Any]:
    suite = node.children[-1]
    return list(suite.children) if suite.type == "suite" else [suite]


def _slots(node: Any) -> set[str] | None:
    """The strings of a plain `__slots__ = …` in the class body; None if there is none."""
    for line in _body(node):
        statement = line.children[0] if line.type == "simple_stmt" else line
        if statement.type != "expr_stmt" or code_of(statement.children[0]) != "__slots__":
            continue
        value = statement.children[-1]
        parts = [value] if value.type == "string" else list(value.children) if hasattr(value, "children") else []
        if len(parts) == 3 and parts[1].type in ("testlist_comp", "dictorsetmaker"):
            parts = list(parts[1].children)
        names: set[str] = set()
        for part in parts:
            if part.type == "string":
                names.add(code_of(part).strip("'\""))
            elif part.type != "operator":
                raise _Open("__slots__ is made up")
        if not value.type == "string" and value.type != "atom" and value.type != "testlist_star_expr":
            raise _Open("__slots__ is made up")
        if "__dict__" in names:
            raise _Open("__dict__ is among its slots")
        return names
    return None


def _descriptors(node: Any, named_tuple: bool) -> set[str]:
    """What the class body defines that a store may go through: anything decorated, and (not of a named tuple, whose
    body declares fields) anything assigned."""
    found: set[str] = set()
    for line in _body(node):
        statement = line.children[0] if line.type == "simple_stmt" else line
        if statement.type == "decorated":
            found.add(str(statement.children[-1].name.value))
        elif statement.type == "funcdef":
            if statement.name.value in ("__setattr__", "__getattr__", "__getattribute__"):
                raise _Open(f"{node.name.value} defines {statement.name.value}")
        elif statement.type == "expr_stmt":
            if not named_tuple or "annassign" not in [child.type for child in statement.children]:
                found |= {name.value for name in statement.get_defined_names()}
        elif statement.type not in ("pass_stmt", "simple_stmt", "string", "newline", "keyword", "operator"):
            raise _Open(f"{node.name.value} has more than definitions in its body")
    return found
