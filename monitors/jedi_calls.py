"""Whether what an attribute, a call or an index gives is known: declared, or every way to return it followed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jedi.inference.gradual.annotation import infer_annotation

from .jedi_annotations import Unknown
from .jedi_code import (
    call_arguments,
    class_of,
    decorator_words,
    has_type_variable,
    in_known_mode,
    is_open,
    nested_self,
    outer_names,
    same_but_variables,
    scope_of,
    text_of,
    unwrapped,
)  # fmt: skip
from .jedi_elements import Elements
from .jedi_values import class_order, declaration, full_name

_TRANSPARENT = frozenset({
    "staticmethod", "classmethod", "property", "cached_property", "abstractmethod", "override", "final", "wraps",
    "lru_cache", "cache", "overload", "no_type_check", "deprecated", "type_check_only", "contextmanager",
    "asynccontextmanager", "singledispatchmethod", "abstractproperty", "coroutine",
})  # fmt: skip
"""Decorators that jedi sees through."""


class Calls(Elements):
    """Follows attributes, calls and subscripts of known values."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[tuple[int, str]] = set()

    def _attribute(self, value: Any, node: Any) -> bool:
        """Whether the value defines the attribute; if so, what it is must be known."""
        names = value.goto(node)
        self._class_annotation(value, node.value, names)
        for name in names:
            tree = name.tree_name
            if tree is None:
                continue
            definition = tree.get_definition()
            if definition is not None and definition.type == "funcdef":
                self._method(name, definition, value)
                continue
            if name.get_root_context().is_stub():
                if definition is not None and definition.type == "expr_stmt" \
                        and definition.children[1].type == "annassign":  # fmt: skip
                    self._stub_variable(name.parent_context, node.value, definition.children[1].children[1])
                continue
            self._definition(unwrapped(name))
        return bool(names)

    def _class_annotation(self, value: Any, attribute: str, names: Any) -> None:
        """The annotation in a class body counts: jedi takes what some method stores on `self`, also in a base class."""
        found = declaration(value, attribute)
        if found is None or any(name.tree_name is found[1] for name in names):
            return
        around = found[0].as_context()
        declared = infer_annotation(around, found[2]).execute_annotation(around)
        types = {full_name(value) for value in declared} - {"builtins.NoneType", "types.NoneType"}
        if not types:
            raise Unknown(f"the annotation of .{attribute} is not known")
        if not types <= {full_name(value) for name in names for value in name.infer()}:
            raise Unknown(f".{attribute} is declared as {text_of(found[2])}")

    def _method(self, name: Any, funcdef: Any, owner: Any) -> None:
        words = list(decorator_words(funcdef))
        if any(word in ("property", "cached_property", "abstractproperty") for word in words):
            self._function(funcdef, name.parent_context, None, owner)
            return
        for word in words:
            if word not in _TRANSPARENT:
                if not name.infer():
                    raise Unknown(f"the decorator {word} of .{funcdef.name.value} is not known")
                if word in ("setter", "getter", "deleter"):
                    continue
                if any(value.is_instance() and list(value.goto("__get__")) for value in name.infer()):
                    raise Unknown(f".{funcdef.name.value} is what a descriptor gives")

    def _decorated(self, context: Any, base: Any, trailers: Sequence[Any], result: Any) -> bool:
        """A call of a decorated function whose declared return is what jedi finds behind the decorator as well."""
        if trailers or base.type != "name":
            return False
        for name in context.goto(base, base.start_pos):
            tree = name.tree_name
            definition = tree.get_definition() if tree is not None else None
            if definition is None or definition.type != "funcdef" or definition.annotation is None:
                return False
            words = list(decorator_words(definition))
            if not words or all(word in _TRANSPARENT for word in words):
                return False
            declared = name.parent_context.infer_node(definition.annotation)
            declared = declared.execute_annotation(name.parent_context)
            if not declared or {full_name(value) for value in declared} != {full_name(value) for value in result}:
                raise Unknown(f"what {text_of(base)}() gives, decorated, is not known")
            self._annotation(name.parent_context, definition.annotation)
        return True

    def _call(self, context: Any, value: Any, base: Any, trailers: Sequence[Any], trailer: Any) -> None:
        if value.is_class():
            self._new(value)
            return
        if value.is_function() or value.is_bound_method():
            if is_open(value) and not in_known_mode(value, trailer):
                raise Unknown("open() gives another type in this mode")
            self._returns(value, context, base, trailers, trailer)
            return
        if value.is_instance():
            for method in value.goto("__call__"):
                for function in method.infer():
                    self._returns(function, context, base, trailers, trailer)
                    return
        if type(value).__module__.startswith("jedi.plugins") or value.is_compiled():
            raise Unknown(f"what {text_of(base, trailers)}() gives is not declared")
        raise Unknown(f"what {text_of(base, trailers)}() gives is not known")

    def _new(self, cls: Any) -> None:
        for ancestor in class_order(cls):
            node = getattr(ancestor, "tree_node", None)
            if node is None or node.type != "classdef" or ancestor.get_root_context().is_stub():
                continue
            for name in node.get_root_node().get_used_names().get("__new__", ()):
                definition = name.get_definition()
                if definition is None or definition.type != "funcdef" or scope_of(definition.name) is not node:
                    continue
                code = definition.get_code()
                if definition.annotation is None and "__new__(" not in code.partition("__new__")[2]:
                    raise Unknown(f"__new__ of {node.name.value} may give anything")

    def _returns(
        self, function: Any, context: Any, base: Any, trailers: Sequence[Any], trailer: Any | None = None
    ) -> None:
        """Every value the function can return must be known."""
        candidates = list(function.get_signature_functions()) if hasattr(function, "get_signature_functions") else []
        nodes: list[Any] = [getattr(candidate, "tree_node", None) for candidate in candidates]
        if not nodes or None in nodes:
            raise Unknown(f"what {text_of(base, trailers)}() gives is not declared")
        if len(nodes) > 1:
            outer = {frozenset(outer_names(node.annotation)) for node in nodes if node.annotation is not None}
            if len(outer) > 1 and not same_but_variables(outer) and not is_open(function):
                raise Unknown(f"{nodes[0].name.value}() is overloaded and gives different types")
        for candidate, node in zip(candidates, nodes, strict=True):
            around = getattr(candidate, "class_context", None) or candidate.parent_context
            self._function(node, around, (context, base, trailers, trailer), None)

    def _function(self, node: Any, around: Any, call: Any, owner: Any) -> None:
        self._step()
        if node.type == "lambdef":
            raise Unknown("what a lambda gives is not followed")
        if node.annotation is not None:
            self._annotation(around, node.annotation)
            if nested_self(node.annotation) and not self._declaring(around, call, owner):
                raise Unknown(f"{text_of(node.annotation)} is written in a base class")
            if has_type_variable(around, node.annotation):
                self._variables(call)
            return
        if around.is_stub():
            raise Unknown(f"what {node.name.value}() gives is not declared")
        key = (id(node), "function")
        if key in self._seen:
            return
        self._seen.add(key)
        words = list(decorator_words(node))
        if any(word not in _TRANSPARENT for word in words) and call is not None:
            raise Unknown(f"{node.name.value}() is decorated")
        if node.is_generator():
            if call is not None and "contextmanager" in " ".join(words):
                raise Unknown(f"what {node.name.value}() gives is not declared")
            return
        value = around.create_value(node) if scope_of(node.name) is around.tree_node else None
        if value is None:
            raise Unknown(f"what {node.name.value}() gives is not declared")
        inner = value.as_context()
        for statement in node.iter_return_stmts():
            if statement.type == "return_stmt" and len(statement.children) > 1:
                self._node(inner, statement.children[1])
                if not inner.infer_node(statement.children[1]):
                    raise Unknown(f"what {node.name.value}() gives is not known")

    def _declaring(self, around: Any, call: Any, owner: Any) -> bool:
        """Whether the receiver's class is the one that declares the method: `Self` in a generic is solved to that."""
        if not around.is_class():
            return False
        owners = [owner] if owner is not None else []
        if not owners and call is not None and call[2] and call[2][-1].children[0] == ".":
            owners = list(self._chain(call[0], call[1], call[2][:-1]))
        declaring = full_name(around.get_value())
        return bool(owners) and all(full_name(class_of(one)) == declaring for one in owners)

    def _variables(self, call: Any) -> None:
        """A return type with type variables is as well known as what they are solved from."""
        if call is None:
            return
        context, base, trailers, trailer = call
        if trailers and trailers[-1].children[0] == ".":
            self._chain_elements(context, base, trailers[:-1])
        if trailer is None:
            self._chain_elements(context, base, trailers)
            return
        for argument in call_arguments(trailer):
            self._node(context, argument)
            self._elements(context, argument)

    def _item(
        self, context: Any, value: Any, base: Any, trailers: Sequence[Any], trailer: Any, result: Any
    ) -> None:
        if value.is_class():
            return
        if full_name(value) in ("builtins.str", "builtins.bytes"):
            return
        self._yielded([value], "__getitem__")
        index = trailer.children[1]
        sliced = index == ":" or index.type == "subscript"
        if sliced and {full_name(found) for found in result} != {full_name(value)}:
            raise Unknown(f"a slice of {text_of(base, trailers)} is not known")
        self._chain_elements(context, base, trailers)
