"""Whether jedi's answer for an expression covers every way the value can come about.

jedi gives what it can: of a variable bound twice, once to something unknown, it gives the other half. For a list that
is help; a mask over half the types forbids the other half's attributes. So the expression is followed here once more,
node by node, and each step must be known: every binding inferred, every function annotated or all its returns known,
no guess from call sites or defaults. Whatever is not understood counts as unknown.

Answers are reasons in words, empty when all is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from jedi.inference.syntax_tree import infer_trailer

from .jedi_narrowing import narrowed
from .jedi_values import class_order, full_name

_STEPS = 160
"""How many nodes one question may follow."""

_TRANSPARENT = frozenset({
    "staticmethod", "classmethod", "property", "cached_property", "abstractmethod", "override", "final", "wraps",
    "lru_cache", "cache", "overload", "no_type_check", "deprecated", "type_check_only", "contextmanager",
    "asynccontextmanager", "singledispatchmethod", "abstractproperty", "coroutine",
})  # fmt: skip
"""Decorators that jedi sees through."""

_MUTATORS = frozenset({"append", "extend", "insert", "add", "update", "setdefault", "appendleft", "extendleft"})


class Unknown(Exception):
    """Carries the reason up to `why_unknown`; never leaves this module."""


class Receiver:
    """Follows one receiver. Made for one question, since it counts its steps."""

    def __init__(self, stored: frozenset[str]) -> None:
        self._stored = stored
        self._steps = 0
        self._seen: set[tuple[int, str]] = set()

    def why_unknown(self, context: Any, base: Any, trailers: Sequence[Any]) -> str:
        """Why `base` with `trailers`, in `context`, may be something else than jedi infers."""
        try:
            self._chain(context, base, trailers)
        except Unknown as unknown:
            return str(unknown)
        return ""

    def _step(self) -> None:
        self._steps += 1
        if self._steps > _STEPS:
            raise Unknown("where the value comes from is too long to follow")

    # Expressions

    def _node(self, context: Any, node: Any) -> None:
        """Every way the expression's value comes about must be known."""
        self._step()
        kind = node.type
        if kind == "name":
            self._name(context, node)
        elif kind in ("atom_expr", "power"):
            children = list(node.children)
            if children[0] == "await":
                children.pop(0)
            if "**" in children:
                raise Unknown(f"{text_of(node)} is arithmetic")
            self._chain(context, children[0], children[1:])
        elif kind == "atom":
            if node.children[0] == "(" and len(node.children) == 3 and node.children[1].type not in (
                "testlist_comp", "yield_expr",
            ):  # fmt: skip
                self._node(context, node.children[1])
        elif kind == "test":
            self._node(context, node.children[0])
            self._node(context, node.children[-1])
        elif kind in ("or_test", "and_test"):
            for child in node.children[::2]:
                self._node(context, child)
        elif kind in ("arith_expr", "term", "shift_expr", "and_expr", "xor_expr", "expr"):
            for child in node.children[::2]:
                self._node(context, child)
            if not context.infer_node(node):
                raise Unknown(f"{text_of(node)} is not known")
        elif kind == "factor":
            self._node(context, node.children[-1])
        elif kind == "comparison":
            for child in node.children[::2]:
                self._node(context, child)
        elif kind == "namedexpr_test":
            self._node(context, node.children[2])
        elif kind in (
            "number", "string", "strings", "fstring", "not_test", "lambdef", "testlist_star_expr", "testlist",
            "testlist_comp", "operator",
        ) or (kind == "keyword" and node.value in ("None", "True", "False")):  # fmt: skip
            return
        else:
            raise Unknown(f"{text_of(node)} is not known")

    def _chain(self, context: Any, base: Any, trailers: Sequence[Any]) -> Any:
        """The values of `base` with its trailers, each step known."""
        self._node(context, base)
        values = context.infer_node(base)
        if not values:
            raise Unknown(f"{text_of(base)} is not known")
        for index, trailer in enumerate(trailers):
            self._step()
            operator = trailer.children[0]
            following = infer_trailer(context, values, trailer)
            if not following:
                raise Unknown(f"{text_of(base, trailers[:index + 1])} is not known")
            if operator == ".":
                if not self._tested(context, trailer.children[1], following):
                    # A member of the union without the attribute raises; it gives nothing that could be missed.
                    defined = [self._attribute(value, trailer.children[1]) for value in values]
                    if not any(defined):
                        raise Unknown(f".{trailer.children[1].value} is made up by its receiver")
            elif operator == "(":
                if not self._decorated(context, base, trailers[:index], following):
                    for value in values:
                        self._call(context, value, base, trailers[:index], trailer)
            else:
                for value in values:
                    self._item(context, value, base, trailers[:index], trailer, following)
            values = following
        return values

    # Names

    def _name(self, context: Any, node: Any) -> None:
        if self._tested(context, node, context.infer_node(node)):
            return
        statement = node.search_ancestor("expr_stmt", "lambdef", "if_stmt") or node
        if statement.type == "if_stmt":
            if not any(test.start_pos <= node.start_pos < test.end_pos for test in statement.get_test_nodes()):
                statement = node
        elif statement.type == "lambdef":
            statement = node
        names = context.goto(node, statement.start_pos)
        if not names:
            raise Unknown(f"{node.value} is not known")
        self._rebound(node, names)
        for name in names:
            self._definition(name)

    def _tested(self, context: Any, node: Any, values: Any) -> bool:
        """Whether a test before the use says what the value is; it must agree with what jedi makes of it."""
        found = narrowed(node)
        if found is None:
            return False
        if found.reason:
            raise Unknown(found.reason)
        classes: set[str] = set()
        for expression in found.classes:
            inferred = context.infer_node(expression)
            if not inferred:
                raise Unknown(f"{text_of(expression)} is not known")
            classes |= {full_name(value) for value in inferred}
        if {full_name(value) for value in values} != classes:
            raise Unknown(f"{node.value} is tested for {', '.join(sorted(classes))}")
        return True

    def _rebound(self, node: Any, names: Sequence[Any]) -> None:
        """Bindings that jedi passes over: later in a loop, in another function through `global`, around a closure."""
        tree = names[0].tree_name
        if tree is None:
            return
        root = tree.get_root_node()
        occurrences = root.get_used_names().get(tree.value, ())
        if any(found.parent.type in ("global_stmt", "nonlocal_stmt") for found in occurrences):
            raise Unknown(f"{tree.value} is bound again through global or nonlocal")
        if root is not node.get_root_node():
            return
        scope, here = scope_of(tree), scope_of(node)
        known = {name.tree_name for name in names}
        for found in occurrences:
            if found in known or not found.is_definition() or found.parent.type == "trailer":
                continue
            definition = found.get_definition()
            if definition is None or definition.type == "del_stmt" or scope_of(found) is not scope:
                continue
            loop = enclosing_loop(found, node)
            if scope is here and loop is None:
                continue
            if found.start_pos < node.start_pos and scope is here:
                continue
            name = type(names[0])(names[0].parent_context, found) if _plain(names[0]) else None
            if name is None:
                raise Unknown(f"{tree.value} is bound more than once")
            types = {full_name(value) for value in name.infer()}
            have = {full_name(value) for other in names for value in other.infer()}
            if not types or not types <= have | {"builtins.NoneType", "types.NoneType"}:
                raise Unknown(f"{tree.value} is bound again to something else")
            self._definition(name)

    def _definition(self, name: Any) -> None:
        """One binding of a name must be known."""
        self._step()
        tree = name.tree_name
        if tree is None:
            if not name.infer():
                raise Unknown(f"{name.string_name} is not known")
            return
        key = (id(tree), type(name).__name__)
        if key in self._seen:
            return
        self._seen.add(key)
        definition = tree.get_definition(import_name_always=True, include_setitem=True)
        kind = definition.type if definition is not None else ""
        context = name.parent_context
        if kind in ("import_name", "import_from"):
            self._import(name)
        elif kind == "param":
            self._parameter(name, definition)
        elif kind in ("funcdef", "classdef"):
            if not name.infer():
                raise Unknown(f"{tree.value} is decorated by something unknown")
        elif kind == "expr_stmt":
            self._assignment(name, context, tree, definition)
        elif kind in ("for_stmt", "sync_comp_for", "comp_for"):
            source = definition.children[3]
            if not name.infer():
                raise Unknown(f"what {text_of(source)} yields is not known")
            self._elements(context, source)
        elif kind == "with_stmt":
            self._with(name, context, tree, definition)
        elif kind == "namedexpr_test":
            self._node(context, definition.children[2])
        elif kind == "try_stmt":
            clause = tree.get_previous_sibling().get_previous_sibling()
            self._node(context, clause)
            if clause.type == "atom" or not name.infer():
                raise Unknown(f"{tree.value} is one of several exceptions")
        else:
            raise Unknown(f"how {tree.value} comes about is not known")

    def _import(self, name: Any) -> None:
        if not name.infer():
            raise Unknown(f"the import of {name.string_name} leads nowhere")
        for target in name.goto():
            if target.api_type in ("module", "namespace") and not _is_import(target):
                continue
            if target.tree_name is None or target.tree_name is name.tree_name:
                continue
            if target.get_root_context().is_stub() and not _is_import(target):
                # A stub says what it says once.
                definition = target.tree_name.get_definition()
                if definition is not None and definition.type == "expr_stmt":
                    self._assignment(target, target.parent_context, target.tree_name, definition)
                continue
            self._definition(target)

    def _parameter(self, name: Any, parameter: Any) -> None:
        function = parameter.search_ancestor("funcdef", "lambdef")
        if parameter.annotation is not None:
            if not name.infer():
                raise Unknown(f"the annotation of {name.string_name} is not known")
            if not parameter.star_count:
                self._annotation(name.parent_context.parent_context or name.parent_context, parameter.annotation)
            return
        if parameter.star_count:
            return
        scope = function.parent if function is not None else None
        while scope is not None and scope.type not in ("classdef", "funcdef", "lambdef", "file_input"):
            scope = scope.parent
        method = function is not None and function.type == "funcdef" and scope is not None and scope.type == "classdef"
        if method and parameter.position_index == 0:
            if any(text_of(decorator.children[1]) == "staticmethod" for decorator in function.get_decorators()):
                raise Unknown(f"{name.string_name} is a parameter without annotation")
            return
        raise Unknown(f"{name.string_name} is a parameter without annotation")

    def _assignment(self, name: Any, context: Any, tree: Any, statement: Any) -> None:
        target = statement.children[1]
        if target.type == "annassign":
            self._annotation(context, target.children[1])
            if not name.infer():
                raise Unknown(f"the annotation of {tree.value} is not known")
            return
        if tree.parent.type == "trailer" and tree.value in self._stored:
            raise Unknown(f".{tree.value} is stored from outside too")
        annotated = self._annotated_elsewhere(tree)
        if annotated is not None:
            self._annotation(context, annotated)
            return
        if not name.infer():
            raise Unknown(f"{tree.value} is not known")
        right = statement.get_rhs()
        if _is_setitem(tree, statement):
            for earlier in context.goto(tree, statement.start_pos):
                self._definition(earlier)
            return
        operator = next(statement.yield_operators(), None)
        if operator is not None and operator.value != "=":
            self._node(context, right)
            for earlier in context.goto(tree, statement.start_pos):
                self._definition(earlier)
            return
        indexes = name.assignment_indexes() if hasattr(name, "assignment_indexes") else []
        if not indexes:
            self._node(context, right)
            return
        items = _tuple_items(right)
        if items is not None and len(indexes) == 1 and isinstance(indexes[0][0], int) and indexes[0][0] < len(items) \
                and not any(item.type == "star_expr" for item in items):  # fmt: skip
            self._node(context, items[indexes[0][0]])
            return
        self._elements(context, right)

    def _annotated_elsewhere(self, tree: Any) -> Any | None:
        """The annotation that another statement of the same scope gives the name: it counts for all."""
        for found in tree.get_root_node().get_used_names().get(tree.value, ()):
            statement = found.parent
            if statement.type == "expr_stmt" and statement.children[1].type == "annassign" \
                    and scope_of(found) is scope_of(tree):  # fmt: skip
                return statement.children[1].children[1]
        return None

    def _with(self, name: Any, context: Any, tree: Any, statement: Any) -> None:
        if not name.infer():
            raise Unknown(f"what the with statement gives {tree.value} is not known")
        manager = statement.get_test_node_from_name(tree)
        self._node(context, manager)
        enter = "__aenter__" if statement.parent.type == "async_stmt" else "__enter__"
        for value in context.infer_node(manager):
            for method in value.goto(enter):
                for function in method.infer():
                    self._returns(function, context, manager, ())

    # Attributes, calls, items

    def _attribute(self, value: Any, node: Any) -> bool:
        """Whether the value defines the attribute; if so, what it is must be known."""
        names = value.goto(node)
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
                    self._annotation(name.parent_context, definition.children[1].children[1], value)
                continue
            self._definition(_unwrapped(name))
        return bool(names)

    def _method(self, name: Any, funcdef: Any, owner: Any) -> None:
        words = list(decorator_words(funcdef))
        if any(word in ("property", "cached_property", "abstractproperty") for word in words):
            self._function(funcdef, name.parent_context, None, (), owner)
            return
        for word in words:
            if word not in _TRANSPARENT:
                if not name.infer():
                    raise Unknown(f"the decorator {word} of .{funcdef.name.value} is not known")
                if word in ("setter", "getter", "deleter"):
                    continue

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
            if _is_open(value) and not _text_mode(trailer):
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
            if len(outer) > 1 and not _same_but_variables(outer) and not _is_open(function):
                raise Unknown(f"{nodes[0].name.value}() is overloaded and gives different types")
        for candidate, node in zip(candidates, nodes, strict=True):
            around = getattr(candidate, "class_context", None) or candidate.parent_context
            self._function(node, around, (context, base, trailers, trailer), nodes, None)

    def _function(self, node: Any, around: Any, call: Any, nodes: Sequence[Any], owner: Any) -> None:
        self._step()
        if node.type == "lambdef":
            raise Unknown("what a lambda gives is not followed")
        if node.annotation is not None:
            self._annotation(around, node.annotation)
            if nested_self(node.annotation) and not self._declaring(around, call, owner):
                raise Unknown(f"{text_of(node.annotation)} is written in a base class")
            if has_type_variable(around, node.annotation):
                self._variables(call, node)
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

    def _variables(self, call: Any, node: Any) -> None:
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
        index = trailer.children[1]
        sliced = index == ":" or index.type == "subscript"
        if sliced and {full_name(found) for found in result} != {full_name(value)}:
            raise Unknown(f"a slice of {text_of(base, trailers)} is not known")
        self._chain_elements(context, base, trailers)

    # Elements of containers

    def _elements(self, context: Any, node: Any) -> None:
        """Everything the expression's value yields when it is iterated or indexed must be known."""
        self._step()
        kind = node.type
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
            elif kind == "expr_stmt" and not _is_setitem(tree, definition) and not (
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
            self._annotation(name.parent_context, definition.annotation, owner)
            return
        annotation = None
        if definition.type == "expr_stmt":
            annotation = definition.children[1].children[1] if definition.children[1].type == "annassign" \
                else self._annotated_elsewhere(tree)  # fmt: skip
        if annotation is None:
            raise Unknown(f"what .{name.string_name} yields is not declared")
        self._annotation(name.parent_context, annotation, owner)

    # Annotations

    def _annotation(self, context: Any, node: Any, owner: Any = None, nested: bool = False) -> None:
        """A union must be known whole: jedi leaves out of it what it does not find."""
        self._step()
        kind = node.type
        if kind == "string":
            self._quoted(node)
        elif kind == "expr" and "|" in node.children:
            for part in node.children[::2]:
                self._part(context, part)
        elif kind in ("atom_expr", "power"):
            name = text_of(node.children[0]).rpartition(".")[2]
            if len(node.children) > 2 and node.children[1].children[0] == ".":
                name = text_of(node.children[-2]).lstrip(".").strip()
            trailer = node.children[-1]
            if trailer.children[0] != "[":
                self._alias(context, node)
                return
            arguments = subscript_arguments(trailer)
            if name in ("Optional", "Union"):
                for part in arguments:
                    self._part(context, part)
            elif name == "Annotated":
                self._annotation(context, arguments[0])
            elif name not in ("Literal", "Callable"):
                for part in arguments:
                    self._annotation(context, part, nested=True)
        elif kind == "name" and not nested:
            self._alias(context, node)

    def _part(self, context: Any, node: Any) -> None:
        """A member of a union."""
        code = text_of(node)
        if code in ("None", '"None"'):
            return
        if node.type == "string":
            self._quoted(node)
            return
        last = code.split("[")[0].rpartition(".")[2]
        if last in ("Any", "Incomplete", "object"):
            if context.is_stub():
                # `str | Any` in a stub says: usually a str, and None when something is off.
                return
            raise Unknown(f"{code} in a union is anything")
        if last == "MaybeNone":
            return
        head = node.children[0] if node.type in ("atom_expr", "power") and last in ("Optional", "Union") else node
        if not context.infer_node(head):
            raise Unknown(f"{code} in a union is not known")
        self._annotation(context, node)

    def _quoted(self, node: Any) -> None:
        inner = node._get_payload() if hasattr(node, "_get_payload") else ""
        parts = [part.strip() for part in inner.split("|")]
        parts = [part for part in parts if part != "None"]
        if len(parts) > 1 or any(word in inner for word in ("Union", "Any")):
            raise Unknown(f"the union in {text_of(node)} is not followed")

    def _alias(self, context: Any, node: Any) -> None:
        """A name for a union is a union."""
        values = context.infer_node(node)
        if any(getattr(value, "py__name__", lambda: "")() == "Any" for value in values):
            raise Unknown("Any is anything")
        if node.type != "name":
            return
        for name in context.goto(node, None):
            self._aliased(name, 0)

    def _aliased(self, name: Any, depth: int) -> None:
        tree = name.tree_name
        definition = tree.get_definition(import_name_always=True) if tree is not None else None
        if definition is None or depth > 4:
            return
        if definition.type in ("import_name", "import_from"):
            for target in name.goto():
                if target.tree_name is not tree:
                    self._aliased(target, depth + 1)
        elif definition.type == "expr_stmt":
            right = definition.get_rhs()
            code = text_of(right)
            if "Union[" in code or "Optional[" in code or "|" in code:
                self._annotation(name.parent_context, right)


# Syntax


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


def _same_but_variables(outer: set[frozenset[str]]) -> bool:
    """Whether overloads differ in type variables only (`_T`, `_VT | _D`)."""
    names = {name for group in outer for name in group}
    return all(re.fullmatch(r"_?[A-Z]{1,3}\d?(_co|_contra)?|AnyStr", name) for name in names)


def nested_self(node: Any) -> bool:
    """Whether an annotation mentions `Self` inside of something else."""
    code = node.get_code(include_prefix=False)
    return "Self" in code and re.fullmatch(r"""["']?(typing\.)?Self["']?""", code) is None


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
        if leaf.value == "[" and _is_setitem(found, found.search_ancestor("expr_stmt")):
            return True
        if leaf.value in ("+=", "|=") or (found is not use and leaf.value in (",", ")") and _is_argument(found)):
            return True
    return False


def _is_argument(name: Any) -> bool:
    parent = name.parent
    if parent.type == "trailer":
        return bool(parent.children[0] == "(")
    return parent.type in ("arglist", "argument")


def _is_setitem(tree: Any, statement: Any) -> bool:
    if statement is None or statement.type != "expr_stmt":
        return False
    target = statement.children[0]
    return (
        target.type in ("atom_expr", "power")
        and target.children[-1].type == "trailer"
        and target.children[-1].children[0] == "["
        and target.start_pos <= tree.start_pos < target.end_pos
    )


def _tuple_items(node: Any) -> list[Any] | None:
    if node.type == "atom" and node.children[0] in ("(", "[") and len(node.children) == 3:
        node = node.children[1]
    if node.type in ("testlist_star_expr", "testlist", "testlist_comp"):
        items = [child for child in node.children if child != ","]
        return None if any(item.type in ("sync_comp_for", "comp_for") for item in items) else items
    return None


def _is_import(name: Any) -> bool:
    return name.tree_name is not None and name.is_import()


def _plain(name: Any) -> bool:
    return type(name).__name__ == "TreeNameDefinition"


def _unwrapped(name: Any) -> Any:
    """The name in the class body behind what jedi wraps around it for an instance."""
    while hasattr(name, "_wrapped_name"):
        name = name._wrapped_name
    return name


def _is_open(value: Any) -> bool:
    return full_name(value) in ("builtins.open", "io.open", "codecs.open", "pathlib.Path.open") or (
        full_name(value).endswith("Path.open")
    )


def _text_mode(trailer: Any) -> bool:
    """Whether a call of `open` is in text mode for certain."""
    inner = trailer.children[1]
    arguments = [] if inner == ")" else \
        [child for child in inner.children if child != ","] if inner.type == "arglist" else [inner]  # fmt: skip
    for argument in arguments:
        if argument.type == "argument":
            if argument.children[0] in ("*", "**"):
                return False
            if argument.children[0].value in ("mode", "buffering"):
                return argument.children[0].value == "mode" and _is_text(argument.children[2])
        elif argument.type == "string" and not _is_text(argument) and argument is not arguments[0]:
            return False
    positional = [argument for argument in arguments if argument.type != "argument"]
    return len(positional) < 2 or _is_text(positional[1])


def _is_text(node: Any) -> bool:
    return node.type == "string" and "b" not in node._get_payload()
