"""How what stands before a bracket may be called, and whether that is all there is to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from jedi.inference.helpers import infer_call_of_leaf

from .analysis import Document, Parameter, Signatures
from .jedi_code import text_of
from .jedi_constructors import abstract_members, constructor, linear, methods
from .jedi_members import chain_of, readable
from .jedi_parameters import KEEPING, decorators, followed, parameters
from .jedi_receiver import Receiver
from .jedi_session import Positions, Session
from .jedi_values import class_arguments, describe_value, full_name
from .syntax import stored_names

_LIMIT = 24
"""Overloads of one callable; more say little."""

_FORGIVING = ("raises", "assertRaises", "assertRaisesRegex", "suppress", "assertWarns")
"""In a block of these, a call may be wrong on purpose."""


@dataclass(frozen=True)
class _Called:
    """One thing that may be called: its overloads, and why they may not be all (empty if they are)."""

    overloads: tuple[tuple[Parameter, ...], ...] = ()
    reason: str = ""
    name: str = ""
    abstract: tuple[str, ...] = ()


def signatures(session: Session, document: Document, offset: int) -> Signatures:
    """How the callable may be called whose bracket ends at `offset`, or a class header written. Raises what jedi does."""
    text, shift = readable(document.text)
    script = session.script(replace(document, text=text))
    script._inference_state.reset_recursion_limitations()
    position = Positions(text).position(offset - shift)
    bracket = script._module_node.get_leaf_for_position(position, include_prefixes=True)
    if bracket is None or bracket.value != "(" or bracket.end_pos != position:
        return Signatures(reason="the code around the bracket is not understood")
    leaf = bracket.get_previous_leaf()
    if leaf is None or leaf.type == "newline":
        return Signatures(reason="nothing is called")
    context = script._get_module_context().create_context(leaf)
    header = bracket.search_ancestor("classdef")
    if header is not None and header.children[2] is bracket:
        return _header(context, header)
    if leaf.parent.type == "funcdef":
        return Signatures(reason="these are the parameters of a function")
    base, trailers = chain_of(leaf)
    values = infer_call_of_leaf(context, leaf)
    if not values:
        return Signatures(reason="what is called is not known", name=text_of(leaf))
    called = [_called(context, value, base, trailers, leaf) for value in values]
    if all(value.is_class() and full_name(value) == "functools.partial" for value in values):
        called = [_applied(context, bracket, text)]
    reason = next((one.reason for one in called if one.reason), "")
    reason = reason or Receiver(stored_names(text)).why_unknown(context, base, trailers) or _forgiven(leaf)
    overloads = tuple(dict.fromkeys(overload for one in called for overload in one.overloads))
    if len(overloads) > _LIMIT:
        reason = reason or "there are too many overloads"
        overloads = overloads[:_LIMIT]
    name = called[0].name or text_of(leaf)
    abstract = called[0].abstract if not reason and all(one.abstract for one in called) else ()
    return Signatures(overloads, not reason, reason or f"the signature of {name}", name, abstract)


def _called(context: Any, value: Any, base: Any, trailers: list[Any], leaf: Any) -> _Called:
    """What jedi's value takes."""
    name = text_of(leaf)
    kind = type(value).__name__
    if kind in ("PartialObject", "PartialMethodObject"):
        return _partial(value, name)
    if value.is_class():
        made = _remembered(value, "class", lambda: _class(value, name))
        reason = made.reason or _inexact(context, base, trailers, leaf, value)
        return replace(made, reason=reason, name=name, abstract=() if reason else made.abstract)
    if value.is_function() or value.is_bound_method():
        kind = "method" if value.is_bound_method() else "function"
        return replace(_remembered(value, kind, lambda: _function(value, name)), name=name)
    if value.is_instance():
        return _behind_decorators(context, leaf, name) or _instance(value, name)
    return _Called(_loose(value), f"{name} is of a kind that is not followed", name)


def _class(value: Any, name: str) -> _Called:
    made = constructor(value)
    return _Called(made.overloads, made.reason, name, () if made.reason else abstract_members(value))


def _remembered(value: Any, kind: str, make: Callable[[], _Called]) -> _Called:
    """What `make` gives, once for everything of the standard library: its stubs do not change.

    Class methods are not remembered: to jedi the name of each of them is `classmethod.__get__`.
    """
    root = value.get_root_context()
    if not root.is_stub() or "typeshed" not in str(root.py__file__()) or type(value).__name__ == "Decoratee":
        return make()
    key = (value.inference_state.environment.version_info[:2], full_name(value), kind)
    if key not in _STANDARD:
        if len(_STANDARD) >= _STANDARD_LIMIT:
            _STANDARD.clear()
        _STANDARD[key] = make()
    return _STANDARD[key]


_STANDARD: dict[tuple[Any, ...], _Called] = {}
_STANDARD_LIMIT = 2_000


def _function(value: Any, name: str) -> _Called:
    found: list[tuple[Parameter, ...]] = []
    reason = ""
    for signature in value.get_signatures():
        function = getattr(signature, "_function_value", None)
        node = getattr(function, "tree_node", None)
        if type(signature).__name__ != "TreeSignature" or node is None or node.type not in ("funcdef", "lambdef"):
            return _Called(_loose(value), f"the signature of {name} is made up when it runs", name)
        words = decorators(node) if node.type == "funcdef" else []
        unknown = next((word for word in words if word not in KEEPING), "")
        if unknown:
            reason = f"the decorator {unknown} may change the signature of {name}"
        elif "overload" in words and len(value.get_signatures()) == 1:
            reason = f"{name} is overloaded"
        assert function is not None  # it has a tree
        around = getattr(function, "class_context", None) or function.parent_context
        stub = bool(around.is_stub())
        # `super().__new__(cls, …)`: of all methods, this one is given its first argument. jedi binds static ones to `self`.
        given = node.type == "funcdef" and (node.name.value == "__new__" or "staticmethod" in words)
        bound = signature.is_bound and not given
        found.append(parameters(node, around, bound=bound, stub=stub))
        if full_name(value) == "builtins.object.__init__":
            reason = "the class that comes next is not known here"
    if not found:
        reason = f"the signature of {name} is not known"
    return _Called(tuple(found), reason, name)


def _behind_decorators(context: Any, leaf: Any, name: str) -> _Called | None:
    """A function whose decorators make something else of it that takes the same: `functools.lru_cache` and its like."""
    found = []
    for one in context.goto(leaf, leaf.start_pos) if leaf.parent.type != "trailer" else ():
        for target in followed(one):
            node = target.tree_name.parent
            if node.type != "funcdef" or any(word not in KEEPING for word in decorators(node)):
                return None
            found.append(parameters(node, target.parent_context, bound=False, stub=target.parent_context.is_stub()))
    return _Called(tuple(found), "", name) if found else None


def _loose(value: Any) -> tuple[tuple[Parameter, ...], ...]:
    """The parameters jedi gives where this module does not look itself: for ranking."""
    found = []
    for signature in value.get_signatures()[:_LIMIT]:
        names = signature.get_param_names(resolve_stars=True)
        found.append(tuple(
            Parameter(one.string_name, "either", False) for one in names if one.star_count == 0
        ))  # fmt: skip
    return tuple(found)


def _instance(value: Any, name: str) -> _Called:
    """An instance is called by its `__call__`."""
    cls = value.py__class__()
    order = linear(cls)
    facts = describe_value(value)
    if order is None or facts.unresolved or facts.getter or facts.decorator:
        return _Called((), f"how {name} is called is not known", name)
    for ancestor in order:
        node = getattr(ancestor, "tree_node", None)
        if node is None or node.type != "classdef":
            continue
        found = methods(ancestor, node, "__call__")
        if found is not None:
            return _Called(found, "", name)
    return _Called((), f"how {name} is called is not known", name)


def _partial(value: Any, name: str) -> _Called:
    """`functools.partial`: what is left of the function's parameters; those given by name may be given again."""
    unpacked = value._arguments.unpack()
    functions = value._get_functions(unpacked)
    if not functions or value._instance is not None:
        return _Called((), f"what {name} stands for is not known", name)
    rest = list(unpacked)
    given = sum(key is None for key, _ in rest)
    keys = {key for key, _ in rest if key is not None}
    found: list[tuple[Parameter, ...]] = []
    reason = ""
    for function in functions:
        if function.is_class():
            made = constructor(function)
            inner = _Called(made.overloads, made.reason)
        elif function.is_function() or function.is_bound_method():
            inner = _function(function, name)
        else:
            return _Called((), f"what {name} stands for is not known", name)
        reason = reason or inner.reason
        found += [_without(overload, given, keys) for overload in inner.overloads]
    # A star in the call of `partial` itself leaves open how much of it is given.
    if any(text_of(argument).startswith("*") for argument in _nodes(value._arguments)):
        reason = reason or f"what {name} is given already is not known"
    return _Called(tuple(found), reason, name)


def _applied(context: Any, bracket: Any, text: str) -> _Called:
    """What stands behind the bracket of `functools.partial(` itself: a function, and arguments of it, none required."""
    leaf, behind = bracket.get_next_leaf(), None
    while leaf is not None and (leaf.type == "name" or leaf.value == "."):
        behind, leaf = leaf, leaf.get_next_leaf()
    function = Parameter("func", "positional", required=True)
    if behind is None or behind.type != "name" or leaf is None or leaf.value not in (",", ")"):
        return _Called(((function, Parameter("args", "args"), Parameter("kwargs", "kwargs")),), "", "partial")
    base, trailers = chain_of(behind)
    values = infer_call_of_leaf(context, behind)
    inner = [_called(context, value, base, trailers, behind) for value in values]
    reason = next((one.reason for one in inner if one.reason), "" if inner else f"{text_of(behind)} is not known")
    reason = reason or Receiver(stored_names(text)).why_unknown(context, base, trailers)
    found = dict.fromkeys(
        (function, *(replace(one, required=False) for one in overload)) for called in inner for overload in called.overloads
    )
    return _Called(tuple(found), reason, f"partial({text_of(behind)})")


def _nodes(arguments: Any) -> Iterator[Any]:
    node = getattr(arguments, "argument_node", None)
    if node is None:
        return
    yield from (child for child in node.children if child != ",") if node.type == "arglist" else (node,)


def _without(overload: tuple[Parameter, ...], given: int, keys: set[str]) -> tuple[Parameter, ...]:
    left: list[Parameter] = []
    by_name = False
    for parameter in overload:
        if parameter.kind in ("positional", "either") and given:
            given -= 1
            continue
        if parameter.name in keys and parameter.kind in ("either", "keyword"):
            by_name = True
            left.append(replace(parameter, kind="keyword", required=False))
        elif by_name and parameter.kind == "either":
            left.append(replace(parameter, kind="keyword"))
        else:
            left.append(parameter)
    return tuple(left)


def _inexact(context: Any, base: Any, trailers: list[Any], leaf: Any, cls: Any) -> str:
    """Why a class that jedi infers may be a subclass of it: only a name of the class itself is exact."""
    name = text_of(leaf)
    if base.type != "name" or any(trailer.children[0] not in (".", "[") for trailer in trailers):
        return f"what {name} stands for is not certain"
    names = [trailer.children[1] for trailer in trailers if trailer.children[0] == "."]
    first = list(context.goto(base, base.start_pos))
    for one in first:
        definition = one.tree_name.get_definition(import_name_always=True) if one.tree_name is not None else None
        if definition is not None and definition.type == "param":
            return f"{base.value} may be a subclass"
    node = getattr(cls, "tree_node", None)
    if not names:
        ends = [target for one in first for target in followed(one)]
        if ends and all(target.tree_name.parent is node for target in ends):
            return ""
        return "" if not ends and node is None else f"what {name} stands for is not certain"
    return "" if node is not None and node.type == "classdef" and node.name.value == names[-1].value \
        else f"what {name} stands for is not certain"  # fmt: skip


def _forgiven(leaf: Any) -> str:
    """Why a wrong call may be meant: a test that it fails."""
    at = leaf.parent
    while at is not None and at.type not in ("funcdef", "lambdef", "classdef", "file_input"):
        if at.type == "with_stmt":
            head = "".join(child.get_code() for child in at.children[:-1])
            if any(word in head for word in _FORGIVING):
                return "the block expects an exception"
        if at.type == "try_stmt":
            heads = [child.get_code() for child in at.children if child.type == "except_clause" or child == "except"]
            if any("TypeError" in head or head.strip() in ("except", "except Exception") for head in heads):
                return "a TypeError is caught here"
        if at.type == "error_node" or (at.parent is not None and at.parent.type == "file_input"):
            code = at.get_code()[:400]
            if any(f"{word}(" in code for word in _FORGIVING):
                return "the block expects an exception"
        at = at.parent
    return ""


# Class headers


def _header(context: Any, node: Any) -> Signatures:
    """The keywords of a class statement: `metaclass`, and what the bases' `__init_subclass__` takes."""
    name = str(node.name.value)
    found = [Parameter("metaclass", "keyword"), Parameter("bases", "args")]
    reason = ""
    for argument in class_arguments(node):
        if argument.type == "argument":
            if argument.children[0].type == "operator":
                reason = reason or "the bases are not known"
            elif argument.children[0].value == "metaclass":
                reason = reason or f"what {text_of(argument.children[2])} takes is not followed"
            continue
        values = context.infer_node(argument)
        if not values:
            reason = reason or f"the base class {text_of(argument)} is not known"
        for value in values:
            if not value.is_class():
                reason = reason or f"the base class {text_of(argument)} is not known"
                continue
            why, more = _accepted(value)
            reason = reason or why
            found += more
    known = tuple(dict.fromkeys(found))
    return Signatures((known,), not reason, reason or f"the keywords of class {name}", name)


def _accepted(cls: Any) -> tuple[str, list[Parameter]]:
    """Why the keywords of a class with this base are not certain, and those that are."""
    order = linear(cls)
    facts = describe_value(cls)
    if order is None or facts.unresolved:
        return f"what {cls.py__name__()} inherits is not known", []
    found: list[Parameter] = []
    for ancestor in order:
        if full_name(ancestor) == "builtins.object":
            continue
        node = getattr(ancestor, "tree_node", None)
        if ancestor.py__name__() in ("Generic", "Protocol"):
            continue
        if node is None or node.type != "classdef":
            return f"{ancestor.py__name__()} is not followed", found
        for argument in class_arguments(node):
            if argument.type == "argument" and argument.children[0].type == "name" \
                    and argument.children[0].value == "metaclass" \
                    and text_of(argument.children[2]).rpartition(".")[2] not in ("ABCMeta", "type"):  # fmt: skip
                return f"the metaclass {text_of(argument.children[2])} may take more", found
        overloads = methods(ancestor, node, "__init_subclass__")
        for overload in overloads or ():
            if any(parameter.kind == "kwargs" for parameter in overload):
                return f"{ancestor.py__name__()}.__init_subclass__ takes anything", [*found, *overload]
            found += [replace(parameter, kind="keyword", required=False) for parameter in overload]
            return "", found
    return "", found
