"""Whether jedi's answer for an expression covers every way the value can come about.

jedi gives what it can: of a variable bound twice, once to something unknown, it gives the other half. For a list that
is help; a mask over half the types forbids the other half's attributes. So the expression is followed here once more,
node by node, and each step must be known: every binding inferred, every function annotated or all its returns known,
no guess from call sites or defaults. Whatever is not understood counts as unknown.

Answers are reasons in words, empty when all is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jedi.inference.syntax_tree import infer_trailer

from .jedi_annotations import Unknown
from .jedi_calls import Calls
from .jedi_code import (
    annotated_elsewhere,
    enclosing_loop,
    is_import,
    is_plain,
    is_setitem,
    scope_of,
    text_of,
    tuple_items,
)
from .jedi_narrowing import narrowed
from .jedi_values import full_name

_PYTHON_2 = frozenset({
    "BaseHTTPServer", "ConfigParser", "Cookie", "HTMLParser", "Queue", "SimpleHTTPServer", "SocketServer", "StringIO",
    "Tkinter", "UserDict", "UserList", "UserString", "__builtin__", "anydbm", "cPickle", "cStringIO", "cookielib",
    "copy_reg", "dummy_thread", "htmlentitydefs", "httplib", "urllib2", "urlparse", "xmlrpclib",
})  # fmt: skip
"""Modules of Python 2 alone: the other branch binds the name."""


def _of_python_2(name: Any) -> bool:
    """Whether the import that binds a name can only succeed in Python 2."""
    definition = name.get_definition(import_name_always=True) if name is not None else None
    if definition is None or definition.type not in ("import_name", "import_from") or definition.level:
        return False
    path = definition.get_path_for_name(name)
    return bool(path) and path[0].value in _PYTHON_2


class Receiver(Calls):
    """Follows one receiver. Made for one question, since it counts its steps."""

    def __init__(self, stored: frozenset[str]) -> None:
        super().__init__()
        self._stored = stored

    def why_unknown(self, context: Any, base: Any, trailers: Sequence[Any]) -> str:
        """Why `base` with `trailers`, in `context`, may be something else than jedi infers."""
        try:
            self._chain(context, base, trailers)
        except Unknown as unknown:
            return str(unknown)
        return ""

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
            name = type(names[0])(names[0].parent_context, found) if is_plain(names[0]) else None
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
            inner = clause.children[1] if clause.type == "atom" else clause
            for one in inner.children[::2] if inner.type == "testlist_comp" else [inner]:
                self._node(context, one)
                if not context.infer_node(one) or not all(value.is_class() for value in context.infer_node(one)):
                    raise Unknown(f"{tree.value} is one of several exceptions")
        else:
            raise Unknown(f"how {tree.value} comes about is not known")

    def _import(self, name: Any) -> None:
        if not name.infer():
            if _of_python_2(name.tree_name):
                return
            raise Unknown(f"the import of {name.string_name} leads nowhere")
        for target in name.goto():
            if target.api_type in ("module", "namespace") and not is_import(target):
                continue
            if target.tree_name is None or target.tree_name is name.tree_name:
                continue
            if target.get_root_context().is_stub() and not is_import(target):
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
            if context.is_stub():
                self._stub_variable(context, tree.value, target.children[1])
            else:
                self._annotation(context, target.children[1])
            if not name.infer():
                raise Unknown(f"the annotation of {tree.value} is not known")
            return
        if tree.parent.type == "trailer" and tree.value in self._stored:
            raise Unknown(f".{tree.value} is stored from outside too")
        annotated = annotated_elsewhere(tree)
        if annotated is not None:
            self._annotation(context, annotated)
            return
        if not name.infer():
            raise Unknown(f"{tree.value} is not known")
        right = statement.get_rhs()
        if is_setitem(tree, statement):
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
        items = tuple_items(right)
        if items is not None and len(indexes) == 1 and isinstance(indexes[0][0], int) and indexes[0][0] < len(items) \
                and not any(item.type == "star_expr" for item in items):  # fmt: skip
            self._node(context, items[indexes[0][0]])
            return
        self._elements(context, right)

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
