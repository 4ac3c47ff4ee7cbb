"""Which overload an argument meets, and what type variables are solved from: what jedi leaves out of it.

Each function stands in for one of jedi's (`jedi_patches` puts it there) and asks that one first. They only find more
types; whether those are all there can be is judged by `jedi_receiver` as before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import jedi.inference.gradual.annotation as jedi_annotation
from jedi.inference.base_value import ValueSet
from jedi.inference.cache import inference_state_method_cache
from jedi.inference.compiled import builtin_from_name, create_simple_object
from jedi.inference.gradual.base import GenericClass
from jedi.inference.gradual.type_var import TypeVar
from jedi.inference.helpers import get_str_or_none
from jedi.inference.param import ExecutedParamName
from jedi.inference.value.instance import InstanceArguments, TreeInstance
from jedi.inference.value.klass import ClassValue, init_or_new_func

from .jedi_code import subscript_arguments, text_of
from .jedi_parameters import strings_of
from .jedi_values import class_arguments

_ASKED = {
    "SupportsAbs": "__abs__", "SupportsLenAndGetItem": "__getitem__", "SupportsNext": "__next__", "SupportsIter": "__iter__",
    "AbstractContextManager": "__enter__", "_SupportsRound1": "__round__", "_SupportsRound2": "__round__",
}  # fmt: skip
"""Classes of the stubs whose first variable is what this method gives."""

_YIELDING = frozenset({"Iterable", "Iterator", "Generator"})

_matches = ExecutedParamName.matches_signature


def matches_signature(self: Any) -> bool:
    """jedi's, but a `Literal` of strings is met by those strings alone, None meets `X | None`, and a protocol of the stubs
    is met by what has its methods."""
    annotation = self.tree_name.search_ancestor("param").annotation if self.tree_name is not None else None
    if annotation is None or self._is_default:
        return bool(_matches(self))
    strings = strings_of(self.function_value.get_default_param_context(), annotation)
    given = self.infer()
    if strings:
        texts = [get_str_or_none(value) for value in given]
        return bool(texts) and all(text in strings for text in texts)
    if _matches(self):
        return True
    if annotation.type == "expr" and any(part == "None" for part in annotation.children[::2]):
        none = builtin_from_name(self.function_value.inference_state, "None")
        if given and all(value == none for value in given):
            return True
    wanted = self.infer_annotation(execute_annotation=False).gather_annotation_classes()
    return any(_provides(value, protocol) for value in given for protocol in wanted)


def _provides(value: Any, protocol: Any) -> bool:
    """Whether an instance has each method that the body of a protocol class of a stub has."""
    node = getattr(protocol, "tree_node", None)
    if node is None or node.type != "classdef" or not protocol.is_stub() or not _is_instance(value):
        return False
    bases = node.get_super_arglist()
    if bases is None or "Protocol" not in bases.get_code():
        return False
    methods = [function.name.value for function in node.iter_funcdefs()]
    return bool(methods) and all(value.py__getattribute__(method) for method in methods)


_find_unknown = jedi_annotation.find_unknown_type_vars


def find_unknown_type_vars(context: Any, node: Any) -> list[Any]:
    """jedi's, but in `X[T] | Y[T]` and in what is between its brackets too."""
    found: list[Any] = []
    for part in _parts(node):
        found += [one for one in _find_unknown(context, part) if one not in found]
    return found


def _parts(node: Any) -> Iterator[Any]:
    """The members of a union, those in brackets too."""
    if node.type == "expr" and "|" in node.children:
        for part in node.children[::2]:
            yield from _parts(part)
        return
    yield node
    trailer = node.children[-1] if node.type in ("atom_expr", "power") else None
    if trailer is not None and trailer.type == "trailer" and trailer.children[0] == "[":
        for argument in subscript_arguments(trailer):
            if argument.type == "expr" or argument.type in ("atom_expr", "power"):
                yield from _parts(argument)


_infer_type_vars = GenericClass.infer_type_vars


def infer_type_vars(self: Any, value_set: Any) -> dict[str, Any]:
    """jedi's, but from what a generator without annotation yields, from the method that a protocol asks for, and through
    an alias with a variable of its own (`_CoroutineLike[T]`)."""
    alias = self._class_value
    if isinstance(alias, GenericClass):
        variables = [one.py__name__() for found in alias.get_generics() for one in found if isinstance(one, TypeVar)]
        given = dict(zip(dict.fromkeys(variables), self.get_generics(), strict=False))
        return merged(one.infer_type_vars(value_set) for one in alias.define_generics(given))
    solved: dict[str, Any] = _infer_type_vars(self, value_set)
    generics = self.get_generics()
    if solved or not generics:
        return solved
    name = self.py__name__()
    if name in _YIELDING:
        return dict(generics[0].infer_type_vars(value_set.merge_types_of_iterate()))
    method = _ASKED.get(name)
    if method is None:
        return solved
    arguments = [create_simple_object(self.inference_state, 0)] if method == "__getitem__" else []
    given = ValueSet.from_sets(
        value.py__getattribute__(method).execute_with_values(*arguments) for value in value_set if _is_instance(value)
    )
    return dict(generics[0].infer_type_vars(given))


_list_type_vars = ClassValue.list_type_vars


def list_type_vars(self: Any) -> list[Any]:
    """jedi's, but `Generic[T, U]` among the bases says in which order they are given, not the bases before it."""
    found: list[Any] = list(_list_type_vars(self))
    for base in class_arguments(self.tree_node):
        trailer = base.children[-1] if base.type in ("atom_expr", "power") else None
        if trailer is not None and trailer.get_previous_leaf().value in ("Generic", "Protocol"):
            order = [text_of(one) for one in subscript_arguments(trailer)]
            return sorted(found, key=lambda one: order.index(one.py__name__()) if one.py__name__() in order else len(order))
    return found


def merged(found: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """What several places say of type variables, as one."""
    all_of_them: dict[str, Any] = {}
    for solved in found:
        jedi_annotation.merge_type_var_dicts(all_of_them, solved)
    return all_of_them


_annotated_class = TreeInstance._get_annotated_class_object


def get_annotated_class_object(self: Any) -> Any:
    """jedi's, but where `__new__` of a stub says which generic it gives (`zip[tuple[T1, T2]]`), that one."""
    unsolved = self.is_stub() and not isinstance(self.class_value, GenericClass)
    return (_given_by_new(self) if unsolved else None) or _annotated_class(self)


@inference_state_method_cache(default=None)  # type: ignore[untyped-decorator] # jedi is untyped
def _given_by_new(instance: Any) -> Any | None:
    arguments = InstanceArguments(instance, instance._arguments)
    for signature in init_or_new_func(instance.class_value).get_signatures():
        node = signature.value.tree_node
        if node is None or node.type != "funcdef" or node.name.value != "__new__" or node.annotation is None:
            return None
        if not node.annotation.get_code(include_prefix=False).startswith(f"{instance.class_value.py__name__()}["):
            return None
        if signature.matches_signature(arguments):
            for value in jedi_annotation.infer_return_types(signature.value, arguments):
                return value.get_annotated_class_object() if _is_instance(value) else None
    return None


def _is_instance(value: Any) -> bool:
    """jedi has values that do not say: what is added to a list later on."""
    return hasattr(value, "is_instance") and bool(value.is_instance())
