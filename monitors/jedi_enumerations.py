"""Enumerations, named tuples and literals as jedi's inference should see them; patched in by `jedi_patches`.

jedi takes every `def` of an enumeration for a member of it, knows no loop over its members, and gives the fields of a
named tuple under their names only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jedi.inference.base_value import NO_VALUES, ValueSet
from jedi.inference.compiled import builtin_from_name, create_simple_object
from jedi.inference.filters import DictFilter
from jedi.inference.lazy_value import LazyKnownValues
from jedi.inference.value.instance import TreeInstance
from jedi.inference.value.klass import ClassValue

from .jedi_code import subscript_arguments
from .jedi_parameters import string_value
from .jedi_values import defined_in

_get_metaclass_filters = ClassValue.get_metaclass_filters


def get_metaclass_filters(self: Any, metaclasses: Any, is_instance: bool) -> list[Any]:
    """jedi's, but what an enumeration defines with `def` is no member of it, and every member has a name."""
    filters = list(_get_metaclass_filters(self, metaclasses, is_instance))
    if not filters or not is_enumeration(self):
        return filters
    members = {name.string_name: name for name in filters[0].values() if _is_assigned(name)}
    if is_instance:
        members.setdefault("name", create_simple_object(self.inference_state, "").name)
        kinds = {_right_side(name).type for name in members.values() if _is_assigned(name)}
        if kinds == {"string"} and not defined_in(self.tree_node, "__new__"):
            members.setdefault("value", create_simple_object(self.inference_state, "").name)
    return [DictFilter(members)]


def _is_assigned(name: Any) -> bool:
    definition = name.tree_name.get_definition() if name.tree_name is not None else None
    return definition is not None and definition.type == "expr_stmt"


def _right_side(name: Any) -> Any:
    return name.tree_name.get_definition().get_rhs()


def is_enumeration(cls: Any) -> bool:
    """Whether a class is `enum.Enum`, or inherits from it."""
    return any(one.py__name__() == "Enum" and one.get_root_context().py__name__() == "enum" for one in cls.py__mro__())


def class_iter(self: Any, contextualized_node: Any = None) -> Iterator[Any]:
    """A loop over an enumeration gives its members; over other classes jedi knows none."""
    return iter([LazyKnownValues(self.execute_with_values())] if is_enumeration(self) else [])


# Named tuples

_instance_iter = TreeInstance.py__iter__
_instance_getitem = TreeInstance.py__simple_getitem__


def instance_iter(self: Any, contextualized_node: Any = None) -> Iterator[Any]:
    """jedi's, but a named tuple yields its fields in order."""
    fields = _fields(self)
    if fields:
        return iter([LazyKnownValues(self.py__getattribute__(name)) for name in fields])
    found: Iterator[Any] = _instance_iter(self, contextualized_node)
    return found


def instance_getitem(self: Any, index: Any) -> Any:
    """jedi's, but a named tuple can be indexed by number."""
    fields = _fields(self)
    if not fields:
        return _instance_getitem(self, index)
    return self.py__getattribute__(fields[index]) if isinstance(index, int) and -len(fields) <= index < len(fields) \
        else NO_VALUES  # fmt: skip


def _fields(instance: Any) -> list[str]:
    """The fields of an instance of `class P(NamedTuple)`, in order; none of other instances, and of such that say
    themselves what they yield."""
    for cls in instance.class_value.py__mro__():
        node = getattr(cls, "tree_node", None)
        if node is None or node.type != "classdef" or any(
            function.name.value in ("__iter__", "__getitem__") for function in node.iter_funcdefs()
        ):  # fmt: skip
            return []
        bases = node.get_super_arglist()
        if bases is not None and bases.get_code(include_prefix=False).rpartition(".")[2] == "NamedTuple":
            suite = node.children[-1]
            statements = [part for line in suite.children for part in getattr(line, "children", ())[:1]]
            return [
                one.children[0].value for one in statements
                if one.type == "expr_stmt" and one.children[1].type == "annassign" and one.children[0].type == "name"
            ]  # fmt: skip
    return []


# Literals


def literal_classes(context: Any, element: Any) -> Any | None:
    """The classes of what stands in `Literal[…]`; None for other expressions, and where a class is not known at once."""
    if element.type not in ("atom_expr", "power") or len(element.children) > 3:
        return None
    trailer = element.children[-1]
    if trailer.type != "trailer" or trailer.children[0] != "[" or trailer.get_previous_leaf().value != "Literal":
        return None
    names = []
    for argument in subscript_arguments(trailer):
        if argument.type == "string":
            names.append("str" if string_value(argument) is not None else "bytes")
        elif argument.type == "number":
            names.append("int")
        elif argument.type == "keyword" and argument.value in ("True", "False"):
            names.append("bool")
        elif argument.type == "keyword" and argument.value == "None":
            continue
        else:
            return None
    return ValueSet(builtin_from_name(context.inference_state, name) for name in dict.fromkeys(names)) if names else None
