"""What jedi's values are made of, as facts for the gate: their classes, bases, and whatever makes attributes up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jedi.inference.base_value import ValueSet
from jedi.inference.gradual.conversion import convert_values

from .gate import ValueFacts, ValueKind

_GETTERS = ("__getattr__", "__getattribute__")
_SETTERS = ("setattr", "__setattr__", "__dict__", "vars")
_HARMLESS_METACLASSES = frozenset({
    "ABCMeta", "type", "EnumMeta", "EnumType", "_ProtocolMeta", "NamedTupleMeta", "_TypedDictMeta", "GenericMeta",
})  # fmt: skip
_HARMLESS_DECORATORS = frozenset({
    "dataclass", "dataclass_transform", "total_ordering", "final", "runtime_checkable", "runtime", "unique", "s",
    "attrs", "define", "frozen", "mutable", "attributes", "type_check_only", "deprecated", "disjoint_base", "skip",
    "skipIf", "skipUnless", "mark", "patch", "usefixtures", "parametrize", "expectedFailure", "verify", "global_enum",
    "register",
})  # fmt: skip
_NEVER_GETTERS = frozenset({"builtins.object", "builtins.type"})
_MODULE_WRITERS = ("globals", "vars", "locals", "setattr", "exec", "modules")
_PLAIN_CLASSES = frozenset({
    "builtins.object", "builtins.str", "builtins.int", "builtins.float", "builtins.bool", "builtins.bytes", "builtins.list",
    "builtins.dict", "builtins.set", "builtins.frozenset", "builtins.tuple", "builtins.type", "types.NoneType",
    "builtins.NoneType", "builtins.BaseException", "builtins.Exception",
})  # fmt: skip
"""They have no private names."""
_READERS = frozenset({"get", "keys", "values", "items", "copy", "__getitem__", "__contains__"})


def describe_value(value: Any) -> ValueFacts:
    """The facts of one inferred value."""
    kind = kind_of(value)
    if kind == "module":
        return _module_facts(value)
    if kind in ("function", "namespace", "unknown"):
        return ValueFacts(kind, _name(value))
    cls = value if kind == "class" else value.py__class__()
    return _class_facts(cls, kind)
    # A metaclass's attributes are the class's too; jedi lists them, the gate must know what they can do.


def kind_of(value: Any) -> ValueKind:
    """What sort of thing a value is."""
    if value.is_namespace():
        return "namespace"
    if value.is_module():
        return "module"
    if value.is_class():
        return "class"
    if value.is_function() or value.is_bound_method() or value.api_type == "function":
        return "function"
    if value.is_instance() or value.api_type == "instance":
        return "instance"
    return "unknown"


def _name(value: Any) -> str:
    try:
        return str(value.py__name__() or "")
    except (AttributeError, NotImplementedError, TypeError):
        return type(value).__name__


def full_name(value: Any) -> str:
    """The value's name with its module in front."""
    try:
        parts = value.get_qualified_names() or (_name(value),)
        module = value.get_root_context().py__name__() or ""
    except (AttributeError, NotImplementedError, TypeError):
        return _name(value)
    return ".".join((module, *parts)) if module else ".".join(parts)


def _class_facts(cls: Any, kind: ValueKind) -> ValueFacts:
    unresolved = getter = writer = decorator = ""
    ancestors: list[str] = []
    for ancestor in class_order(cls):
        name = full_name(ancestor)
        ancestors.append(name)
        if name in _NEVER_GETTERS:
            continue
        if ancestor.is_compiled():
            getter = getter or _compiled_getter(ancestor)
            continue
        node = getattr(ancestor, "tree_node", None)
        if node is None or node.type != "classdef":
            unresolved = unresolved or _unresolved_typing(ancestor)
            continue
        unresolved = unresolved or _unresolved_base(ancestor, node)
        getter = getter or _getter(ancestor, node)
        if not ancestor.get_root_context().is_stub():
            writer = writer or _writer(ancestor, node)
            decorator = decorator or _decorator(node)
    if kind == "instance" and "Mixin" in _name(cls) and not cls.is_stub():
        unresolved = unresolved or f"what {_name(cls)} is mixed into"
    if not ancestors or (ancestors[-1] != "builtins.object" and "builtins.object" not in ancestors):
        unresolved = unresolved or f"what {_name(cls)} inherits"
    return ValueFacts(
        kind, _name(cls), ancestors[0] if ancestors else _name(cls), tuple(ancestors), unresolved, getter, writer,
        decorator,
    )  # fmt: skip


def class_order(cls: Any) -> Iterator[Any]:
    """The class and all it inherits from."""
    try:
        yield from cls.py__mro__()
    except (AttributeError, NotImplementedError):
        yield cls


def _unresolved_typing(ancestor: Any) -> str:
    name = _name(ancestor)
    return name if name == "Any" else ""


def _unresolved_base(ancestor: Any, node: Any) -> str:
    """The first base class or metaclass in the class statement that inference does not find."""
    for argument in class_arguments(node):
        expression = argument
        if argument.type == "argument":
            if argument.children[0].type == "operator":  # *bases, **keywords
                return str(argument.get_code(include_prefix=False))
            if argument.children[0].value != "metaclass":
                continue
            expression = argument.children[2]
            values = ancestor.parent_context.infer_node(expression)
            if not values or any(not _harmless_metaclass(value) for value in values):
                return f"metaclass {expression.get_code(include_prefix=False)}"
            continue
        values = ancestor.parent_context.infer_node(expression)
        if not values or any(not (value.is_class() or _is_typing(value)) or _name(value) == "Any" for value in values):
            return f"base class {expression.get_code(include_prefix=False)}"
    return ""


def _is_typing(value: Any) -> bool:
    return _name(value) in ("Generic", "Protocol", "NamedTuple", "TypedDict", "Tuple", "Callable", "Type")


def _harmless_metaclass(value: Any) -> bool:
    if _name(value) in _HARMLESS_METACLASSES:
        return True
    if not value.is_class():
        return False
    for ancestor in class_order(value):
        if _name(ancestor) in _HARMLESS_METACLASSES:
            continue
        node = getattr(ancestor, "tree_node", None)
        if node is None or node.type != "classdef":
            if _name(ancestor) == "object":
                continue
            return False
        for name in ("__new__", "__init__", "__getattr__", "__getattribute__", "__prepare__", "__call__", "mro"):
            if defined_in(node, name):
                return False
    return True


def class_arguments(node: Any) -> list[Any]:
    """The expressions in the parentheses of a class statement."""
    arguments = node.get_super_arglist()
    if arguments is None:
        return []
    if arguments.type == "arglist":
        return [child for child in arguments.children if child.type != "operator"]
    return [arguments]


def defined_in(scope: Any, name: str) -> bool:
    """Whether a class or module statement defines the name in its own body, under `if` or `try` too."""
    for found in scope.get_root_node().get_used_names().get(name, ()):
        definition = found.get_definition(include_setitem=False)
        if definition is None:
            continue
        # The scope that a function's or class's own name lives in is the one around it.
        at = definition.parent if definition.type in ("funcdef", "classdef") else definition
        while at is not None and at.type not in ("classdef", "funcdef", "lambdef", "file_input"):
            at = at.parent
        if at is scope:
            return True
    return False


def declaration(value: Any, name: str) -> tuple[Any, Any, Any] | None:
    """The annotation that a class body gives an attribute, the first in the order of inheritance: the class it is in,
    the annotated name and the annotation. None where there is none, or where the class that comes first defines the
    attribute without one, or in a stub, which jedi reads right."""
    if kind_of(value) not in ("instance", "class"):
        return None
    for ancestor in class_order(value if value.is_class() else value.py__class__()):
        node = getattr(ancestor, "tree_node", None)
        if node is None or node.type != "classdef" or ancestor.get_root_context().is_stub():
            continue
        for found in node.get_root_node().get_used_names().get(name, ()):
            statement = found.parent
            if statement.type == "expr_stmt" and statement.children[1].type == "annassign" \
                    and statement.children[0] is found and found.search_ancestor("funcdef", "classdef") is node:  # fmt: skip
                return ancestor, found, statement.children[1].children[1]
        if defined_in(node, name):
            return None
    return None


def _getter(ancestor: Any, node: Any) -> str:
    for name in _GETTERS:
        if defined_in(node, name):
            return f"{name} of {_name(ancestor)}"
    return ""


def _compiled_getter(ancestor: Any) -> str:
    for filter_ in ancestor.get_filters(is_instance=False):
        if filter_.get("__getattr__"):
            return f"__getattr__ of {_name(ancestor)}"
        break
    return ""


def _writer(ancestor: Any, node: Any) -> str:
    """What in the class's body stores attributes that no statement names."""
    start, end = node.start_pos, node.end_pos
    used = node.get_root_node().get_used_names()
    for name in _SETTERS:
        for found in used.get(name, ()):
            if start < found.start_pos < end and writes(found):
                return f"{name} in {_name(ancestor)}"
    return ""


def writes(name: Any) -> bool:
    """Whether this use of `setattr`, `vars` or `__dict__` can store an attribute."""
    following = name.get_next_leaf()
    if name.value in ("setattr", "__setattr__"):
        if following is None or following.value != "(":
            return bool(name.value == "setattr")
        return bool(name.parent.type != "funcdef")
    if name.value == "vars":
        while following is not None and following.value != ")":
            following = following.get_next_leaf()
        following = following.get_next_leaf() if following is not None else None
    elif name.get_definition() is not None and name.parent.type != "trailer":
        return False
    if following is None:
        return False
    if following.value == ".":
        method = following.get_next_leaf()
        return bool(method is not None and method.value in ("update", "setdefault", "__setitem__", "__ior__"))
    if following.value == "[":
        after = _after_brackets(following)
        return bool(after is not None and after.value in ("=", "|="))
    return bool(following.value in ("=", "|="))


def _decorator(node: Any) -> str:
    for decorator in node.get_decorators():
        expression = decorator.children[1]
        words = [leaf for leaf in expression.get_code(include_prefix=False).split("(")[0].split(".") if leaf]
        if not any(word.strip() in _HARMLESS_DECORATORS for word in words):
            return str(expression.get_code(include_prefix=False))
    return ""


def _module_facts(value: Any) -> ValueFacts:
    name = _name(value)
    if value.is_compiled():
        return ValueFacts("module", name, name)
    unresolved = getter = writer = ""
    node = value.tree_node
    if defined_in(node, "__getattr__"):
        getter = f"__getattr__ of {name}"
    if not value.is_stub():
        unresolved = _unresolved_star(value)
        used = node.get_used_names()
        for word in _MODULE_WRITERS:
            if any(_module_writes(found) for found in used.get(word, ())):
                writer = f"{word} in {name}"
                break
    return ValueFacts("module", name, name, (), unresolved, getter, writer)


def private_names(value: Any) -> frozenset[str]:
    """The single-underscored names of a module or class with a stub: `sys._getframe`, `Thread._target`. jedi hides what a
    stub calls private, and stubs of classes leave it out.

    Those of the stub itself, and of what is behind it, whether that is source or compiled.
    """
    found: set[str] = set()
    if kind_of(value) in ("instance", "class"):
        return _private_of_class(value if value.is_class() else value.py__class__())
    if not value.is_module() or not value.is_stub():
        return frozenset()
    for module in (value, *getattr(value, "non_stub_value_set", ())):
        node = getattr(module, "tree_node", None)
        if node is None:
            names = [name.string_name for filter_ in module.get_filters() for name in filter_.values()]
            found.update(name for name in names if name.startswith("_"))
            continue
        for name in node.get_used_names():
            if name.startswith("_") and not name.startswith("__") and defined_in(node, name):
                found.add(name)
    return frozenset(found)


def _private_of_class(cls: Any) -> frozenset[str]:
    stub = next((one for one in class_order(cls) if one.is_stub() and full_name(one) not in _PLAIN_CLASSES), None)
    if stub is None:
        return frozenset()
    found: set[str] = set()
    for source in convert_values(ValueSet([getattr(stub, "_class_value", stub)]), only_stubs=False, ignore_compiled=False):
        for made in ValueSet([source]).execute_with_values() if source.is_class() else ():
            found.update(
                name.string_name for listed in made.get_filters() for name in listed.values()
                if name.string_name.startswith("_") and not name.string_name.startswith("__")
            )  # fmt: skip
    return frozenset(found)


def _unresolved_star(value: Any) -> str:
    """A star import of the module that leads nowhere."""
    from jedi.inference.imports import Importer  # jedi's modules import each other in a circle

    for statement in value.tree_node.iter_imports():
        if not statement.is_star_import():
            continue
        found = Importer(
            value.inference_state, statement.get_paths()[-1], value.as_context(), statement.level
        ).follow()
        if not found or any(module.is_namespace() for module in found):
            return f"what {statement.get_code(include_prefix=False).strip()} brings"
    return ""


def _module_writes(name: Any) -> bool:
    """Whether a use of `globals()`, `vars()`, `sys.modules` … at module level puts names into the module."""
    before, following = name.get_previous_leaf(), name.get_next_leaf()
    if name.value == "modules":
        return _code_from(following, 8).startswith("[__name__]")
    if name.value == "setattr":
        return _code_from(following, 8).startswith(("(sys.modules", "(modules"))
    at_module_level = _function_around(name) is None
    if name.value == "exec":
        # In a function, exec writes into names nobody sees.
        return at_module_level and following is not None and following.value == "("
    if _code_from(following, 2) != "()" or (before is not None and before.value in (".", "def", "class")):
        return False
    if name.value != "globals" and not at_module_level:
        return False
    # Whoever gets hold of the dictionary may write into it; only a plain look into it is harmless.
    return not (before is not None and before.value == "in") and not _read_only(following.get_next_leaf())


def _read_only(closing: Any) -> bool:
    """Whether a dictionary that ends with this leaf is only read: `globals()["x"]`, `globals().get("x")`."""
    following = closing.get_next_leaf()
    if following is None or following.value not in (".", "["):
        return False
    if following.value == ".":
        method = following.get_next_leaf()
        return method is not None and method.value in _READERS
    after = _after_brackets(following)
    deleted = closing.search_ancestor("del_stmt") is not None
    return after is not None and not deleted and not (after.value.endswith("=") and after.value != "==")


def _after_brackets(opening: Any) -> Any:
    """The leaf behind the bracket that closes this one; None where the code ends before."""
    leaf, depth = opening, 0
    while leaf is not None:
        depth += {"[": 1, "]": -1}.get(leaf.value, 0)
        if depth == 0:
            return leaf.get_next_leaf()
        leaf = leaf.get_next_leaf()
    return None


def _function_around(name: Any) -> Any:
    """The function or class that a name stands in; None at module level."""
    return name.search_ancestor("funcdef", "lambdef", "classdef")


def _code_from(leaf: Any, count: int) -> str:
    """So many leaves of the line, from `leaf` on, without blanks."""
    found: list[str] = []
    while leaf is not None and leaf.type != "newline" and len(found) < count:
        found.append(leaf.value)
        leaf = leaf.get_next_leaf()
    return "".join(found)
