"""Every change made to jedi and parso, in one place, each with its reason.

They are tied to the version ranges in pyproject.toml; the tests of what each is for fail when one no longer takes.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import jedi
import jedi.api.project
import jedi.inference.compiled.subprocess.functions as jedi_functions
import jedi.inference.finder
import jedi.inference.gradual.annotation as jedi_annotation
import jedi.inference.gradual.typeshed as jedi_typeshed
import jedi.inference.syntax_tree as jedi_syntax_tree
import jedi.inference.sys_path
import jedi.inference.value.instance as jedi_instance
import parso.cache
import parso.file_io
from jedi.inference.base_value import ValueSet
from jedi.inference.compiled import builtin_from_name
from jedi.inference.filters import GlobalNameFilter, ParserTreeFilter
from jedi.inference.gradual.base import BaseTypingValue, GenericClass
from jedi.inference.gradual.stub_value import StubFilter
from jedi.inference.gradual.typing import SelfClass
from jedi.inference.param import ExecutedParamName
from jedi.inference.value.instance import InstanceClassFilter, SelfAttributeFilter, TreeInstance, _BaseTreeInstance
from jedi.inference.value.klass import ClassFilter, ClassMixin, ClassValue
from jedi.plugins.stdlib import SuperInstance

from . import jedi_enumerations, jedi_index, jedi_solving
from .cache import TreeCache
from .reader import read_source


def patch(trees: TreeCache) -> None:
    """Make jedi and parso read files, keep trees and find modules our way. Idempotent but for the cache given."""
    jedi.settings.case_insensitive_completion = False
    # These would be imported, whoever wrote them.
    jedi.settings.auto_import_modules = []
    # Past 600 trees parso drops those of files not changed in ten minutes, also ones in use: KeyError for ever.
    parso.cache._CACHED_SIZE_TRIGGER = 10**9
    # jedi warns about modules it cannot import, with a traceback each.
    warnings.filterwarnings("ignore", module=r"jedi\.")

    set_item: Any = parso.cache._set_cache_item

    def read(self: Any) -> bytes:
        return read_source(self.path)

    def get_source(loader: Any, fullname: str) -> bytes:
        try:
            return read_source(loader.get_filename(fullname))
        except OSError as error:
            raise ImportError(str(error), name=fullname) from None

    def load(hashed_grammar: str, path: Any, p_time: float, cache_path: Any = None) -> Any:
        item = trees.load(hashed_grammar, str(path), p_time)
        if item is None:
            return None
        set_item(hashed_grammar, path, item)
        return item.node

    def save(hashed_grammar: str, path: Any, item: Any, cache_path: Any = None) -> None:
        trees.save(hashed_grammar, str(path), item)

    setattr(parso.file_io.FileIO, "read", read)  # noqa: B010 # a method, which mypy lets nobody assign
    jedi_functions._get_source = get_source
    parso.cache._load_from_file_system = load
    parso.cache._save_to_file_system = save
    parso.cache._remove_cache_and_update_lock = lambda cache_path=None: None
    # Reads every file in `bin/` of a buildout; our projects have an explicit path.
    jedi.inference.sys_path.discover_buildout_paths = lambda *_: ()
    jedi.api.project.discover_buildout_paths = lambda *_: ()
    jedi.inference.finder._get_call_string = call_string
    # Its stub is there, and `class socket(_socket.socket)` would be its own base: no `recv`, no `connect`.
    jedi_typeshed._IMPORT_MAP.pop("_socket", None)
    jedi_syntax_tree.infer_atom = infer_atom
    jedi_syntax_tree._infer_node = infer_node
    jedi_syntax_tree._infer_comparison = infer_comparison
    StubFilter.get = stub_get
    ParserTreeFilter.values = jedi_index.values
    GlobalNameFilter.values = jedi_index.global_values
    StubFilter._is_name_reachable = stub_name_reachable
    jedi_annotation.infer_return_types = infer_return_types
    jedi_annotation.find_unknown_type_vars = jedi_solving.find_unknown_type_vars
    ClassValue.get_metaclass_filters = jedi_enumerations.get_metaclass_filters
    ClassMixin.py__iter__ = jedi_enumerations.class_iter
    TreeInstance.py__iter__ = jedi_enumerations.instance_iter
    TreeInstance.py__simple_getitem__ = jedi_enumerations.instance_getitem
    SuperInstance.get_filters = super_filters
    jedi_instance.function_is_classmethod = function_is_classmethod
    ExecutedParamName.matches_signature = jedi_solving.matches_signature
    ClassValue.list_type_vars = jedi_solving.list_type_vars
    GenericClass.infer_type_vars = jedi_solving.infer_type_vars
    TreeInstance._get_annotated_class_object = jedi_solving.get_annotated_class_object


_VALUES = ("None", "True", "False", "yield")
_infer_atom = jedi_syntax_tree.infer_atom
_infer_node = jedi_syntax_tree._infer_node
_infer_return_types = jedi_annotation.infer_return_types


def infer_node(context: Any, element: Any) -> Any:
    """jedi's, but what is no expression has no value: half-written code holds such leaves, and jedi raises at them.

    `Literal["a"]` is str, and `except (A, B)` catches both.
    """
    if element.type == "error_leaf" or (element.type == "operator" and element.value != "..."):
        return ValueSet(())
    if element.type == "atom" and element.parent.type == "except_clause" and element.children[0] == "(":
        # jedi would make an instance of the tuple.
        inner = element.children[1]
        return ValueSet.from_sets(
            context.infer_node(part) for part in getattr(inner, "children", [inner])[::2] if inner != ")"
        )
    literals = jedi_enumerations.literal_classes(context, element)
    return literals if literals is not None else _infer_node(context, element)


def infer_atom(context: Any, atom: Any) -> Any:
    """jedi's, but `Self` inside of a generic (`Iterator[Self]`) is the class it is written in, and `LiteralString` is str.

    jedi takes whatever class is around when the generic is solved: of an `Iterator[Self]`, the iterator. Of
    `LiteralString` (`sys.platform`) it knows nothing. At a keyword that is no value (`if (`) it raises; here it has none.
    """
    if atom.type == "keyword" and atom.value not in _VALUES:
        return ValueSet(())
    if atom.type == "name" and atom.value == "LiteralString" and context.is_stub():
        return ValueSet([builtin_from_name(context.inference_state, "str")])
    values = _infer_atom(context, atom)
    if atom.type == "name" and atom.value == "Self" and any(isinstance(value, SelfClass) for value in values):
        around = context
        while around is not None and not around.is_class():
            around = around.parent_context
        if around is not None:
            return ValueSet([around.get_value()])
    return values


_infer_comparison = jedi_syntax_tree._infer_comparison


def infer_comparison(context: Any, left: Any, operator: Any, right: Any) -> Any:
    """jedi's, but `X | Any` in a stub gives X: of the union with Any, jedi gives nothing (`sys.stderr`)."""
    if left and right and context.is_stub() and str(getattr(operator, "value", operator)) == "|":
        known = [value for value in (*left, *right) if not _is_any(value)]
        if len(known) < len(left) + len(right) and all(value.is_class() or value.is_compiled() for value in known):
            return ValueSet(known)
    return _infer_comparison(context, left, operator, right)


def _is_any(value: Any) -> bool:
    return isinstance(value, BaseTypingValue) and value.py__name__() == "Any"


_CLASS_METHODS = frozenset({"__new__", "__init_subclass__", "__class_getitem__"})
_function_is_classmethod = jedi_instance.function_is_classmethod


def function_is_classmethod(funcdef: Any) -> Any:
    """jedi's, but methods that are given the class without a decorator saying so are such too."""
    return (funcdef.type == "funcdef" and funcdef.name.value in _CLASS_METHODS) or _function_is_classmethod(funcdef)


_super_filters = SuperInstance.get_filters


def super_filters(self: Any, origin_scope: Any = None) -> Iterator[Any]:
    """jedi's, but what is found in a base class is bound to the object itself: `super().copy()` may give `self`."""
    instance = self._instance
    if not isinstance(instance, _BaseTreeInstance):
        yield from _super_filters(self, origin_scope)
        return
    for lazy in self._get_bases():
        for base in lazy.infer():
            if not base.is_class() or base.is_compiled():
                continue
            for cls in base.py__mro__():
                if not cls.is_compiled():
                    yield SelfAttributeFilter(instance, base, cls.as_context(), origin_scope)
            for found in base.get_filters(origin_scope=origin_scope, is_instance=True):
                yield InstanceClassFilter(instance, found) if isinstance(found, ClassFilter) else found


_stub_name_reachable = StubFilter._is_name_reachable


def stub_get(self: Any, name: str) -> Any:
    """jedi's, but a private name that another stub asks for by name is found.

    jedi hides it from everybody, so `class TextIOBase(_TextIOBase)` in io.pyi, imported from _io.pyi, inherits nothing.
    """
    self._wanted = name
    try:
        return super(StubFilter, self).get(name)
    finally:
        self._wanted = ""


def stub_name_reachable(self: Any, name: Any) -> bool:
    """Whether a stub lets others see a name: jedi's rule, or by its private name in its own class statement."""
    if _stub_name_reachable(self, name):
        return True
    if getattr(self, "_wanted", "") != name.value or not name.value.startswith("_"):
        return False
    definition = name.get_definition()
    return definition is not None and definition.type in ("classdef", "funcdef", "expr_stmt") \
        and super(StubFilter, self)._is_name_reachable(name)  # fmt: skip


def infer_return_types(function: Any, arguments: Any) -> Any:
    """jedi's, but a method declared to return `Self` gives what it is called on.

    jedi gives the class that declares it: `Path("a") / "b"` is a PurePath, without half of its members.
    """
    annotation = function.tree_node.annotation
    code = "" if annotation is None else annotation.get_code(include_prefix=False).strip("'\"")
    if code in ("Self", "typing.Self", "typing_extensions.Self", "type[Self]"):
        first = next(iter(arguments.unpack()), None) if arguments is not None else None
        receiver = first[1].infer() if first is not None else ()
        if receiver and code == "type[Self]":
            return ValueSet(value if value.is_class() else value.py__class__() for value in receiver)
        if receiver:
            return ValueSet.from_sets(
                value.execute_with_values() if value.is_class() else ValueSet([value]) for value in receiver
            )
    return _infer_return_types(function, arguments)


def call_string(node: Any) -> str:
    """The text that an `isinstance` test and a use must share for jedi to apply the one to the other.

    jedi's own takes the whole expression around the use, so `w.upper()` is never the `w` that was tested, only a
    half-typed `w.` is. Here it ends with the name that is looked up.
    """
    begin = node
    if node.type == "name" and node.parent.type == "trailer":
        begin = node.parent.parent
    first, end = begin.get_first_leaf(), node.get_last_leaf().end_pos
    text = ""
    while first is not None and first.start_pos < end:
        text += first.value
        first = first.get_next_leaf()
    return text
