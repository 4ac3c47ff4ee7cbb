"""jedi's side of exceptions, annotations and enumerations: what the names in scope stand for."""

from __future__ import annotations

import builtins
import time
from collections.abc import Iterable
from typing import Any, Literal

from jedi.inference.helpers import infer_call_of_leaf

from .analysis import Document, Member, Members
from .exception import EXCEPTIONS
from .jedi_members import readable
from .jedi_session import Positions, Session
from .jedi_values import class_arguments, class_order, describe_value, full_name, kind_of
from .scopes import BUILTINS, scope_at
from .syntax import identifier_end, identifier_start

_MOST = 200
_TIME_S = 0.3
_PLAIN = frozenset({"int", "float", "complex", "bool", "bytes", "list", "dict", "set", "frozenset", "bytearray", "range"})
"""Builtin classes whose instances are neither exceptions nor types."""

Verdict = Literal["right", "wrong", "unknown"]


def kinds(session: Session, document: Document, offset: int, about: str, name: str = "") -> Members:
    """The names in scope at `offset` that are right where `about` says, and those known to be wrong.

    With `name` nothing but that one is looked at, unless it is wrong. Stops after a third of a second: what has not been
    looked at by then is neither.
    """
    text, shift = readable(document.text)
    at = offset - shift
    begin, end = identifier_start(text, at), identifier_end(text, at)
    scope = scope_at(text, begin, document.path)
    # A placeholder: what stands there is half written, or wrong.
    whole = f"{text[:begin]}Z{text[end:]}"
    script = session.script(Document(document.path, whole, document.version, document.root))
    script._inference_state.reset_recursion_limitations()
    position = Positions(whole).position(begin)
    leaf = script._module_node.get_leaf_for_position(position, include_prefixes=True)
    module = script._get_module_context()
    context = module.create_context(leaf) if leaf is not None else module
    until = time.monotonic() + _TIME_S
    right: list[Member] = []
    wrong: set[str] = set()
    if name:
        if _verdict(context, name, about) != "wrong":
            return Members(reason=f"nothing is known to be wrong with {name}")
        wrong.add(name)
    candidates = [one for one, kind in scope.names.items() if kind != "parameter" and not one.startswith("__")]
    for candidate in candidates[:_MOST]:
        if time.monotonic() > until:
            break
        verdict = _verdict(context, candidate, about)
        if verdict == "right":
            right.append(Member(candidate, "class"))
        elif verdict == "wrong":
            wrong.add(candidate)
    for candidate in sorted(BUILTINS - scope.names.keys(), key=_plain_types_first if about == "annotation" else None):
        verdict = _judge_builtin(candidate, about)
        if verdict == "right":
            right.append(Member(candidate, "class", "builtins"))
        elif verdict == "wrong":
            wrong.add(candidate)
    what = "types" if about == "annotation" else "exceptions"
    return Members(tuple(right), False, f"the {what} among the names in scope", refused=frozenset(wrong))


def _verdict(context: Any, name: str, about: str) -> Verdict:
    """Whether the name is right where `about` says, with every binding of it seen."""
    bindings = _bindings(context, name)
    if not bindings:
        return "unknown"
    if bindings[0].get_root_context().is_builtins_module():
        return _judge_builtin(name, about)
    found: set[Verdict] = set()
    for binding in bindings:
        values = binding.infer()
        if not values:
            return "unknown"
        found |= {_judge(value, about) for value in values}
        if _decorated(binding):
            return "unknown"
    return found.pop() if len(found) == 1 else "unknown"


def _bindings(context: Any, name: str) -> list[Any]:
    """All bindings of a name in the innermost scope that has one; nothing where `global` is in play."""
    at = context
    first = True
    while at is not None:
        if first or not at.is_class():
            for filter_ in at.get_filters(until_position=None, origin_scope=None):
                found = [one for one in filter_.get(name) if one.string_name == name]
                if found:
                    return found
                break
        first = False
        at = at.parent_context
    for filter_ in context.inference_state.builtins_module.get_filters():
        found = list(filter_.get(name))
        if found:
            return found
    return []


def _decorated(binding: Any) -> bool:
    """Whether a function is wrapped: what a decorator gives may be anything."""
    tree = binding.tree_name
    if tree is None:
        return False
    definition = tree.get_definition()
    return definition is not None and definition.type == "funcdef" and definition.parent.type == "decorated"


def _plain_types_first(name: str) -> tuple[bool, str]:
    return name in EXCEPTIONS, name


def _judge_builtin(name: str, about: str) -> Verdict:
    """Of the builtins, which need no inference."""
    if name in EXCEPTIONS:
        return "right"
    value = getattr(builtins, name, None)
    if value is NotImplemented or value is Ellipsis:
        return "wrong"
    if isinstance(value, type):
        return "right" if about == "annotation" else "wrong"
    if callable(value) and type(value).__name__ == "builtin_function_or_method":
        return "unknown" if about == "raise call" else "wrong"
    return "unknown"


def _judge(value: Any, about: str) -> Verdict:
    kind = kind_of(value)
    if kind in ("module", "namespace"):
        return "wrong"
    if about == "annotation":
        return _judge_type(value, kind)
    if kind == "class":
        return _exception(value)
    if kind == "function":
        return "unknown" if about == "raise call" else "wrong" if getattr(value, "tree_node", None) is not None else "unknown"
    if kind == "instance":
        if about == "raise" and _exception(value.py__class__()) == "right":
            return "right"
        name = full_name(value.py__class__())
        return "wrong" if name.removeprefix("builtins.") in _PLAIN else "unknown"
    return "unknown"


def _judge_type(value: Any, kind: str) -> Verdict:
    if kind == "class":
        return "right"
    if kind == "function":
        node = getattr(value, "tree_node", None)
        return "wrong" if node is not None and node.type == "funcdef" else "unknown"
    if kind == "instance" and full_name(value.py__class__()).removeprefix("builtins.") in _PLAIN:
        return "wrong"
    return "unknown"


def _exception(cls: Any) -> Verdict:
    names = {full_name(ancestor) for ancestor in class_order(cls)}
    if "builtins.BaseException" in names:
        return "right"
    facts = describe_value(cls)
    if facts.unresolved or facts.kind != "class" or "builtins.object" not in names:
        return "unknown"
    node = getattr(cls, "tree_node", None)
    if node is None:
        return "wrong" if cls.is_compiled() else "unknown"
    if node.type != "classdef":
        return "unknown"
    return "unknown" if any(one.type == "argument" for one in class_arguments(node)) else "wrong"


# Enumerations


def subject(session: Session, document: Document, offset: int) -> Members:
    """The members of the enumeration that the expression which ends at `offset` belongs to, as they are written there."""
    text, shift = readable(document.text)
    at = offset - shift
    whole = f"{text[:at]}.Z{text[at:]}"
    script = session.script(Document(document.path, whole, document.version, document.root))
    script._inference_state.reset_recursion_limitations()
    position = Positions(whole).position(at + 1)
    module = script._get_module_context()
    dot = script._module_node.get_leaf_for_position(position, include_prefixes=True)
    leaf = dot.get_previous_leaf() if dot is not None and dot.value == "." else None
    # Behind anything else jedi fails: another dot it takes for an operator between two values.
    if leaf is None or not (leaf.type in ("name", "string", "number", "fstring_end") or leaf.value in (")", "]", "}")):
        return Members(reason="the code before is not understood")
    context = module.create_context(leaf)
    scope = scope_at(text, at, document.path)
    found: list[Member] = []
    receivers: list[str] = []
    for value in infer_call_of_leaf(context, leaf):
        cls = value.py__class__() if kind_of(value) == "instance" else None
        if cls is None or not _is_enum(cls):
            continue
        name = str(cls.py__name__())
        written = _written(context, cls, name, scope.names)
        if written:
            receivers.append(name)
            found += [Member(f"{written}.{member}", "enum_member") for member in enum_members(cls)]
    return Members(tuple(found), False, "members of " + " | ".join(receivers) if found else "no enumeration",
                   " | ".join(receivers))  # fmt: skip


def _written(context: Any, cls: Any, name: str, names: Iterable[str]) -> str:
    """How the class is named here; empty where it is out of reach."""
    if name in names:
        for binding in _bindings(context, name):
            if any(full_name(value) == full_name(cls) for value in binding.infer()):
                return name
    parts = full_name(cls).split(".")
    if len(parts) > 1 and parts[0] in names:
        for binding in _bindings(context, parts[0]):
            if any(kind_of(value) == "module" and str(value.py__name__()) == parts[0] for value in binding.infer()):
                return ".".join(parts)
    return ""


def _is_enum(cls: Any) -> bool:
    return any(full_name(ancestor) == "enum.Enum" for ancestor in class_order(cls))


def enum_members(cls: Any) -> list[str]:
    """The names of an enumeration's members, in the order in which they are defined."""
    found: dict[str, None] = {}
    node = getattr(cls, "tree_node", None)
    if node is None or node.type != "classdef":
        return []
    for statement in node.get_suite().children:
        if statement.type != "simple_stmt":
            continue
        first = statement.children[0]
        if first.type == "expr_stmt" and first.children[0].type == "name" and first.children[1].type != "annassign":
            name = first.children[0].value
            if not name.startswith("_"):
                found[name] = None
    return list(found)
