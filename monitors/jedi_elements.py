"""Whether what a container yields is known: its declaration, or every item that is put into it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jedi.inference.syntax_tree import infer_trailer

from .jedi_annotations import Annotations, Unknown
from .jedi_code import annotated_elsewhere, call_arguments, is_setitem, mutated, nested_self, text_of
from .jedi_values import class_order, full_name


class Elements(Annotations):
    """Follows what iterating or indexing gives. What gives the container itself is followed by `Receiver`."""

    def _node(self, context: Any, node: Any) -> None:
        raise NotImplementedError

    def _chain(self, context: Any, base: Any, trailers: Sequence[Any]) -> Any:
        raise NotImplementedError

    def _definition(self, name: Any) -> None:
        raise NotImplementedError

    def _call(self, context: Any, value: Any, base: Any, trailers: Sequence[Any], trailer: Any) -> None:
        raise NotImplementedError

    def _rebound(self, node: Any, names: Sequence[Any]) -> None:
        raise NotImplementedError

    def _parameter(self, name: Any, parameter: Any) -> None:
        raise NotImplementedError

    def _assignment(self, name: Any, context: Any, tree: Any, statement: Any) -> None:
        raise NotImplementedError

    def _declaring(self, around: Any, call: Any, owner: Any) -> bool:
        raise NotImplementedError

    def _elements(self, context: Any, node: Any) -> None:
        """Everything the expression's value yields when it is iterated or indexed must be known."""
        self._step()
        kind = node.type
        if kind in ("name", "atom_expr", "power"):
            self._yielded(context.infer_node(node), "__iter__")
        if kind == "name":
            self._name_elements(context, node)
        elif kind in ("atom_expr", "power"):
            children = list(node.children)
            if children[0] == "await":
                children.pop(0)
            self._chain_elements(context, children[0], children[1:])
        elif kind in ("testlist_star_expr", "testlist", "testlist_comp"):
            self._display(context, [child for child in node.children if child != ","])
        elif kind == "atom":
            self._atom_elements(context, node)
        elif kind in ("number", "string", "strings", "fstring", "keyword", "lambdef", "comparison", "not_test"):
            return
        elif kind in ("or_test", "and_test"):
            for child in node.children[::2]:
                self._elements(context, child)
        elif kind == "test":
            self._elements(context, node.children[0])
            self._elements(context, node.children[-1])
        elif kind == "argument":
            raise Unknown(f"{text_of(node)} is not known")
        else:
            raise Unknown(f"the elements of {text_of(node)} are not known")

    def _atom_elements(self, context: Any, node: Any) -> None:
        opener, inner = node.children[0], node.children[1]
        if inner in (")", "]", "}"):
            raise Unknown("what an empty container will hold is not known")
        if opener == "(" and inner.type != "testlist_comp":
            self._elements(context, inner)
            return
        children = getattr(inner, "children", [inner])
        if any(child.type in ("sync_comp_for", "comp_for") for child in children):
            loop = next(child for child in children if child.type in ("sync_comp_for", "comp_for"))
            inside = context.create_context(children[0])
            for child in children[:children.index(loop)]:
                if child.type != "operator":
                    self._node(inside, child)
                    if not inside.infer_node(child):
                        raise Unknown(f"{text_of(child)} is not known")
            return
        if inner.type == "dictorsetmaker":
            self._display(context, [child for child in children if child.type != "operator"])
        else:
            self._display(context, [child for child in children if child != ","] if inner.type == "testlist_comp"
                          else [inner])  # fmt: skip

    def _display(self, context: Any, items: Sequence[Any]) -> None:
        if len(items) > 20:
            raise Unknown("the container is too long to follow")
        for item in items:
            if item.type == "star_expr":
                self._elements(context, item.children[1])
                continue
            self._node(context, item)
            if not context.infer_node(item):
                raise Unknown(f"{text_of(item)} is not known")

    def _name_elements(self, context: Any, node: Any) -> None:
        names = context.goto(node, node.start_pos)
        if not names:
            raise Unknown(f"{node.value} is not known")
        self._rebound(node, names)
        for name in names:
            tree = name.tree_name
            if tree is None:
                continue
            definition = tree.get_definition(import_name_always=True, include_setitem=True)
            kind = definition.type if definition is not None else ""
            if kind == "param" and (definition.annotation is not None or not definition.star_count):
                self._parameter(name, definition)
            elif kind == "expr_stmt" and definition.children[1].type == "annassign":
                self._assignment(name, name.parent_context, tree, definition)
            elif kind == "expr_stmt" and not is_setitem(tree, definition) and not (
                hasattr(name, "assignment_indexes") and name.assignment_indexes()
            ):
                if mutated(tree, node):
                    raise Unknown(f"what else {tree.value} holds is not known")
                self._elements(name.parent_context, definition.get_rhs())
            elif kind in ("funcdef", "classdef"):
                continue
            elif kind in ("import_name", "import_from", "with_stmt", "try_stmt"):
                self._definition(name)
            else:
                raise Unknown(f"the elements of {tree.value} are not known")

    def _chain_elements(self, context: Any, base: Any, trailers: Sequence[Any]) -> None:
        """What a chain yields is known if its last step is declared, and what the declaration is solved from."""
        if not trailers:
            self._elements(context, base)
            return
        self._step()
        values = self._chain(context, base, trailers[:-1])
        last = trailers[-1]
        result = infer_trailer(context, values, last)
        if result and all(full_name(value) in ("builtins.str", "builtins.bytes") for value in result):
            return
        if last.children[0] == "(":
            for value in values:
                if value.is_class():
                    self._made(context, value, last)
                    continue
                self._call(context, value, base, trailers[:-1], last)
                self._declared(value)
            return
        if last.children[0] == ".":
            for value in values:
                for name in value.goto(last.children[1]):
                    self._declared_attribute(name, value)
            return
        self._chain_elements(context, base, trailers[:-1])

    def _yielded(self, values: Any, method: str) -> None:
        """What a class of a project yields is known if the method that is asked says so, not by what jedi finds in it."""
        for value in values:
            if not hasattr(value, "is_instance") or not value.is_instance():
                continue
            for cls in class_order(value.py__class__()):
                node = getattr(cls, "tree_node", None)
                if node is None or node.type != "classdef" or cls.get_root_context().is_stub():
                    break
                defined = [function for function in node.iter_funcdefs() if function.name.value == method]
                if any(function.annotation is None for function in defined):
                    raise Unknown(f"what {node.name.value} yields is not declared")
                if defined:
                    break

    def _made(self, context: Any, cls: Any, trailer: Any) -> None:
        if cls.get_root_context().is_builtins_module() or full_name(cls).startswith("collections."):
            arguments = call_arguments(trailer)
            if not arguments:
                raise Unknown("what an empty container will hold is not known")
            for argument in arguments:
                self._node(context, argument)
                self._elements(context, argument)

    def _declared(self, value: Any) -> None:
        candidates = list(value.get_signature_functions()) if hasattr(value, "get_signature_functions") else []
        for candidate in candidates:
            node = getattr(candidate, "tree_node", None)
            if node is None or node.type != "funcdef" or node.annotation is None:
                raise Unknown("what the call yields is not declared")
        if not candidates:
            raise Unknown("what the call yields is not declared")

    def _declared_attribute(self, name: Any, owner: Any) -> None:
        tree = name.tree_name
        definition = tree.get_definition() if tree is not None else None
        if definition is None:
            raise Unknown(f"what .{name.string_name} yields is not declared")
        if definition.type == "funcdef":
            if definition.annotation is None:
                raise Unknown(f"what .{name.string_name} yields is not declared")
            if nested_self(definition.annotation) and not self._declaring(name.parent_context, None, owner):
                raise Unknown(f"{text_of(definition.annotation)} is written in a base class")
            self._annotation(name.parent_context, definition.annotation)
            return
        annotation = None
        if definition.type == "expr_stmt":
            annotation = definition.children[1].children[1] if definition.children[1].type == "annassign" \
                else annotated_elsewhere(tree)  # fmt: skip
        if annotation is None:
            raise Unknown(f"what .{name.string_name} yields is not declared")
        self._annotation(name.parent_context, annotation)
