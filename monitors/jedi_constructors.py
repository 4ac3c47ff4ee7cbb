"""How a class is called: which `__init__` or `__new__` counts, dataclasses, named tuples; and what keeps it abstract."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .analysis import Parameter
from .jedi_code import text_of
from .jedi_parameters import KEEPING, decorators, followed, parameters, strings_of
from .jedi_values import class_arguments, defined_in, describe_value, full_name

Overloads = tuple[tuple[Parameter, ...], ...]

_PLAIN = frozenset({
    "dataclass", "final", "total_ordering", "runtime_checkable", "type_check_only", "disjoint_base", "deprecated",
})  # fmt: skip
"""Class decorators that leave the constructor as it is, or as this module knows it."""
_METACLASSES = frozenset({"type", "ABCMeta", "_ProtocolMeta", "GenericMeta"})
_ABSTRACT = frozenset({"abstractmethod", "abstractproperty", "abstractclassmethod", "abstractstaticmethod"})
_ABSTRACT_STUBS = ("typing", "collections.abc", "_collections_abc", "abc", "numbers")
"""Stubs whose abstract methods are abstract when the program runs, too."""
_UNCALLED = frozenset({"builtins.type", "builtins.object", "builtins.super", "builtins.property"})


@dataclass(frozen=True)
class Constructor:
    """`reason` says why the overloads are not certain to be all; empty when they are."""

    overloads: Overloads = ()
    reason: str = ""


def constructor(cls: Any) -> Constructor:
    """How a class may be called."""
    if full_name(cls) in _UNCALLED:
        return Constructor(reason=f"{full_name(cls)} is called in many ways")
    order = linear(cls)
    reason = _peculiar(cls, order)
    named = _named_tuple(order)
    if named is not None:
        return Constructor((named,), reason)
    init, new = _first(order, "__init__"), _first(order, "__new__")
    if isinstance(init, str) or isinstance(new, str):
        return Constructor(reason=init if isinstance(init, str) else str(new))
    if init and new:
        # Both are called with the same arguments; where one takes anything, the other decides.
        if all(_takes_anything(one) for one in new):
            new = ()
        elif all(_takes_anything(one) for one in init):
            init = ()
    if init and new:
        if init == new:
            new = ()
        else:
            return Constructor(init, reason or f"{_name(cls)} has both __init__ and __new__")
    if not init and not new:
        return Constructor(((),), reason)
    return Constructor(init or new, reason)


def linear(cls: Any) -> list[Any] | None:
    """The method resolution order; None where it is not certain."""
    return _linear(cls, 0)


def _linear(cls: Any, depth: int) -> list[Any] | None:
    if depth > 30 or (cls.is_compiled() and full_name(cls) != "builtins.object"):
        return None
    bases = []
    for one in cls.py__bases__() if hasattr(cls, "py__bases__") and not cls.is_compiled() else ():
        found = list(one.infer())
        if len(found) != 1 or not found[0].is_class():
            return None
        bases.append(found[0])
    lists = []
    for base in bases:
        order = _linear(base, depth + 1)
        if order is None:
            return None
        lists.append(order)
    merged = _merge([*lists, list(bases)])
    return None if merged is None else [cls, *merged]


def _merge(lists: list[list[Any]]) -> list[Any] | None:
    """The C3 merge; classes are told apart by where they are defined."""
    result: list[Any] = []
    left = [list(one) for one in lists if one]
    while left:
        for one in left:
            head = _identity(one[0])
            if not any(head in map(_identity, other[1:]) for other in left):
                break
        else:
            return None
        result.append(one[0])
        left = [rest for other in left if (rest := [c for c in other if _identity(c) != head])]
    return result


def _identity(cls: Any) -> Any:
    return getattr(cls, "tree_node", None) or full_name(cls)


def _peculiar(cls: Any, order: list[Any] | None) -> str:
    """Why the class may be called otherwise than its `__init__` says."""
    if order is None:
        return f"what {_name(cls)} inherits is not known"
    facts = describe_value(cls)
    if facts.unresolved:
        return f"{facts.unresolved} is not known"
    for ancestor in order:
        node = getattr(ancestor, "tree_node", None)
        if node is None or node.type != "classdef":
            if ancestor.is_compiled() and full_name(ancestor) != "builtins.object":
                return f"{_name(ancestor)} is compiled"
            continue
        for word in decorators(node):
            if word not in _PLAIN and (ancestor is order[0] or not ancestor.get_root_context().is_stub()):
                return f"the decorator {word} of {_name(ancestor)} may change it"
        for argument in class_arguments(node):
            if argument.type == "argument" and argument.children[0].type == "name":
                last = text_of(argument.children[2]).rpartition(".")[2]
                if argument.children[0].value == "metaclass" and last not in _METACLASSES:
                    return f"the metaclass {text_of(argument.children[2])} may change it"
        if defined_in(node, "__call__") and any(base.py__name__() == "type" for base in order[1:]):
            return f"{_name(ancestor)} is a metaclass"
        if "TypedDict" in [text_of(one).rpartition(".")[2] for one in class_arguments(node)]:
            return f"{_name(ancestor)} is a TypedDict"
    return ""


def _first(order: list[Any] | None, name: str) -> Overloads | str:
    """The first definition of `name` on the way up, `object`'s left out, or why it is not known."""
    for index, ancestor in enumerate(order or ()):
        node = getattr(ancestor, "tree_node", None)
        if node is None or node.type != "classdef" or full_name(ancestor) == "builtins.object":
            continue
        if name == "__init__" and not defined_in(node, name) and _dataclass(ancestor, node) is not None:
            fields = _fields(order or [], index)
            if fields is None:
                return f"what the fields of {_name(ancestor)} are"
            options = _dataclass(ancestor, node)
            if options is not None and options.get("init") != "False":
                return (fields,)
            continue
        if not defined_in(node, name):
            continue
        found = methods(ancestor, node, name)
        return found if found is not None else f"{name} of {_name(ancestor)} is decorated or assigned"
    return ()


def methods(cls: Any, node: Any, name: str) -> Overloads | None:
    """The signatures of the functions of this name in a class body, bound; None if any is not certain."""
    functions = [function for function in node.iter_funcdefs() if function.name.value == name]
    if not functions:
        return None
    overloaded = [function for function in functions if "overload" in decorators(function)]
    if any(word not in KEEPING for function in functions for word in decorators(function)):
        return None
    stub = bool(cls.get_root_context().is_stub())
    context = cls.parent_context
    return tuple(
        parameters(function, context, bound="staticmethod" not in decorators(function) or name == "__new__", stub=stub)
        for function in overloaded or functions
    )


def _takes_anything(overload: tuple[Parameter, ...]) -> bool:
    kinds = [parameter.kind for parameter in overload]
    return kinds in (["args", "kwargs"], ["args"]) or (
        "args" in kinds and "kwargs" in kinds and not any(parameter.required for parameter in overload)
    )


# Dataclasses and named tuples


def _dataclass(cls: Any, node: Any) -> dict[str, str] | None:
    """The options given to `@dataclass`; None if the class is none, or not certainly one of the standard library."""
    for decorator in node.get_decorators():
        expression = decorator.children[1]
        code = text_of(expression).split("(")[0]
        if code.rpartition(".")[2] != "dataclass":
            continue
        leaf = expression if expression.type == "name" else next(
            (child for child in _leaves(expression) if child.type == "name" and child.value == "dataclass"), None)  # fmt: skip
        if leaf is None or not _from_standard_library(cls.parent_context, leaf):
            return None
        options = {}
        following = decorator.children[2:-1]
        if following:
            for argument in _arguments(following):
                if argument.type == "argument" and argument.children[1] == "=":
                    options[argument.children[0].value] = text_of(argument.children[2])
                elif argument.type == "argument":
                    return None
        elif expression.type in ("atom_expr", "power") and expression.children[-1].children[0] == "(":
            inner = expression.children[-1].children[1]
            for argument in _arguments([inner]) if inner != ")" else ():
                if argument.type == "argument" and argument.children[1] == "=":
                    options[argument.children[0].value] = text_of(argument.children[2])
        return options
    return None


def _arguments(nodes: list[Any]) -> Iterator[Any]:
    for node in nodes:
        if node.type == "arglist":
            yield from (child for child in node.children if child != ",")
        elif node.type != "operator":
            yield node


def _leaves(node: Any) -> Iterator[Any]:
    leaf, last = node.get_first_leaf(), node.get_last_leaf()
    while leaf is not None:
        yield leaf
        if leaf is last:
            return
        leaf = leaf.get_next_leaf()


def _from_standard_library(context: Any, leaf: Any) -> bool:
    """Whether a name is `dataclasses`' own."""
    found = list(context.goto(leaf, leaf.start_pos)) if leaf.parent.type != "trailer" else []
    if leaf.parent.type == "trailer" or leaf.parent.type == "dotted_name":
        code = text_of(leaf.parent.parent if leaf.parent.type == "trailer" else leaf.parent)
        first = leaf.parent.get_first_leaf() if leaf.parent.type == "dotted_name" else leaf.parent.parent.get_first_leaf()
        modules = context.infer_node(first) if first.type == "name" else ()
        return code.startswith(f"{first.value}.dataclass") and any(
            value.is_module() and value.py__name__() == "dataclasses" for value in modules
        )
    return any(one.get_root_context().py__name__() == "dataclasses" for name in found for one in followed(name))


def _fields(order: list[Any], index: int) -> tuple[Parameter, ...] | None:
    """The parameters of a generated `__init__`; None where a class body hides some."""
    found: dict[str, Parameter | None] = {}
    for ancestor in reversed(order[index:]):
        node = getattr(ancestor, "tree_node", None)
        if node is None or node.type != "classdef":
            continue
        options = _dataclass(ancestor, node)
        if options is None:
            continue
        only_names = options.get("kw_only") == "True"
        for statement in _statements(node):
            if statement.type in ("if_stmt", "try_stmt", "with_stmt", "for_stmt"):
                return None
            if statement.type != "expr_stmt" or len(statement.children) < 2 or statement.children[1].type != "annassign":
                continue
            target, annotation = statement.children[0], statement.children[1]
            if target.type != "name":
                continue
            kind = text_of(annotation.children[1])
            if "KW_ONLY" in kind:
                only_names = True
                continue
            if "ClassVar" in kind:
                continue
            default = annotation.children[3] if len(annotation.children) > 3 else None
            field = _field(default)
            if field.get("init") == "False":
                found[target.value] = None
                continue
            by_name = only_names if "kw_only" not in field else field["kw_only"] == "True"
            required = default is None or (field != {} and "default" not in field and "default_factory" not in field)
            if default is not None and not _is_field(default):
                required = False
            literals = strings_of(ancestor.as_context(), annotation.children[1]) or ()
            found[target.value] = Parameter(target.value, "keyword" if by_name else "either", required, literals)
    fields = [parameter for parameter in found.values() if parameter is not None]
    return tuple(sorted(fields, key=lambda parameter: parameter.kind == "keyword"))


def _statements(node: Any) -> Iterator[Any]:
    suite = node.children[-1]
    for child in suite.children if suite.type == "suite" else [suite]:
        if child.type == "simple_stmt":
            yield from (one for one in child.children if one.type not in ("newline", "operator"))
        else:
            yield child


def _is_field(node: Any) -> bool:
    return node.type in ("atom_expr", "power") and text_of(node.children[0]) in ("field", "dataclasses") and (
        node.children[-1].children[0] == "("
    )


def _field(node: Any) -> dict[str, str]:
    """The options of `field(...)`; `{"": ""}` where there are none, empty where it is no `field`."""
    if node is None or not _is_field(node):
        return {}
    inner = node.children[-1].children[1]
    options = {"": ""}
    for argument in _arguments([inner]) if inner != ")" else ():
        if argument.type == "argument" and argument.children[1] == "=":
            options[argument.children[0].value] = text_of(argument.children[2])
    return options


def _named_tuple(order: list[Any] | None) -> tuple[Parameter, ...] | None:
    """The fields of a class written as `class P(NamedTuple)`."""
    for ancestor in order or ():
        node = getattr(ancestor, "tree_node", None)
        if node is None or node.type != "classdef" or ancestor.get_root_context().is_stub():
            continue
        if defined_in(node, "__new__") or defined_in(node, "__init__"):
            return None
        bases = [text_of(one).rpartition(".")[2] for one in class_arguments(node) if one.type != "argument"]
        if "NamedTuple" not in bases:
            continue
        found = []
        for statement in _statements(node):
            if statement.type == "expr_stmt" and statement.children[1].type == "annassign":
                annotation = statement.children[1]
                literals = strings_of(ancestor.as_context(), annotation.children[1]) or ()
                found.append(Parameter(statement.children[0].value, "either", len(annotation.children) < 4, literals))
        return tuple(found)
    return None


# Abstract classes


def abstract_members(cls: Any) -> tuple[str, ...]:
    """The abstract methods that keep a class from being called; empty where that is not certain."""
    order = linear(cls)
    if order is None or _peculiar(cls, order):
        return ()
    if not any(_has_abstract_metaclass(ancestor) for ancestor in order):
        return ()
    abstract: dict[str, None] = {}
    for index, ancestor in enumerate(order):
        node = getattr(ancestor, "tree_node", None)
        if node is None or node.type != "classdef":
            continue
        if full_name(ancestor) != "builtins.object" and defined_in(node, "__new__"):
            return ()
        stub = ancestor.get_root_context().is_stub()
        if not stub and (defined_in(node, "__init_subclass__") or _writes(node)):
            return ()
        if stub and full_name(ancestor).rpartition(".")[0] not in _ABSTRACT_STUBS:
            continue
        for function in node.iter_funcdefs():
            name = function.name.value
            if _ABSTRACT & set(decorators(function)) and not _defined(order[:index], name):
                definitions = [one for one in node.iter_funcdefs() if one.name.value == name]
                if all(_ABSTRACT & set(decorators(one)) for one in definitions):
                    abstract[name] = None
    if "dataclass" in decorators(order[0].tree_node) and any(name.startswith("__") for name in abstract):
        return ()
    return tuple(abstract)


def _has_abstract_metaclass(cls: Any) -> bool:
    if full_name(cls) in ("abc.ABC", "typing.Protocol") or cls.py__name__() == "Protocol":
        return True
    node = getattr(cls, "tree_node", None)
    return node is not None and node.type == "classdef" and any(
        argument.type == "argument" and argument.children[0].type == "name"
        and argument.children[0].value == "metaclass" and text_of(argument.children[2]).endswith("ABCMeta")
        for argument in class_arguments(node)
    )


def _defined(classes: list[Any], name: str) -> bool:
    return any(
        node is not None and node.type == "classdef" and defined_in(node, name)
        for node in (getattr(cls, "tree_node", None) for cls in classes)
    )


def _writes(node: Any) -> bool:
    """Whether names are put into the class otherwise than by statements of its body: `locals()`, `vars()`, a loop."""
    used = node.get_root_node().get_used_names()
    return any(
        node.start_pos < found.start_pos < node.end_pos
        for word in ("locals", "vars", "exec") for found in used.get(word, ())
    )


def _name(cls: Any) -> str:
    return str(cls.py__name__())


__all__ = ["Constructor", "abstract_members", "constructor", "linear", "methods"]
