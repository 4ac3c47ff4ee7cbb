"""What a workspace says about types, read file by file: its classes with their members, aliases, imports, annotations.

By syntax alone and in slices: `ProjectIndex.survey` reads for so many seconds and goes on where it stopped. Files that did not
change are not read again. Everything is read through the guarded reader; nothing is imported.
"""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tree_sitter import Node, Query, QueryCursor

from .module_names import module_name
from .reader import read_source
from .slot_places import parameters
from .syntax import PYTHON_GRAMMAR, fresh_tree, text_of
from .uses import passed

_SKIPPED = frozenset({
    "node_modules", "site-packages", "__pycache__", "build", "dist", "venv", "env", "__pypackages__",
})  # fmt: skip
_MOST_FILES = 4000
_LONGEST = 400_000
_CAPITAL = re.compile(rb"(?<![\w.])[A-Z]\w+")
_STORED = re.compile(r"\bself\.(\w+)\s*(?::[^=\n]+)?=(?!=)|\bself\.(\w+)\s*:")
_ALIAS_HEADS = frozenset({"Union", "Optional", "Callable", "Literal", "Dict", "List", "Tuple", "dict", "list", "tuple", "Type"})
_NOT_CLASSES = frozenset({"TYPE_CHECKING", "Any", "Optional", "Union"})
_CALLS = Query(
    PYTHON_GRAMMAR,
    """
    (call function: [(identifier) @callee (attribute attribute: (identifier) @callee)] arguments: (argument_list) @passed)
    """,
)
_MADE = Query(
    PYTHON_GRAMMAR,
    """
    (assignment left: [(identifier) @name (attribute attribute: (identifier) @name)]
      right: [(call function: [(identifier) @made (attribute attribute: (identifier) @made)])
              (await (call function: [(identifier) @made (attribute attribute: (identifier) @made)]))])
    (keyword_argument name: (identifier) @name
      value: (call function: [(identifier) @made (attribute attribute: (identifier) @made)]))
    (with_item (as_pattern (call function: [(identifier) @made (attribute attribute: (identifier) @made)])
      (as_pattern_target (identifier) @name)))
    """,
)
_DECLARED = Query(
    PYTHON_GRAMMAR,
    "(assignment left: [(identifier) @name (attribute attribute: (identifier) @name)] type: (type) @written)",
)
_DEFINITIONS = Query(PYTHON_GRAMMAR, "(function_definition name: (identifier) @name)")
_MOST_CALLS = 40
_MOST_DEFINITIONS = 3
"""A name that more functions have than this says little about any of them."""

_BLOCKS = frozenset({
    "module", "block", "decorated_definition", "if_statement", "else_clause", "elif_clause", "try_statement", "except_clause",
})  # fmt: skip
_AGAIN_S = 20.0
_DEEPEST = 12


@dataclass(frozen=True)
class ProjectClass:
    """One class of the workspace. `is_open` says that instances may have other attributes than `members`."""

    name: str
    module: str
    path: str
    line0: int
    bases: tuple[str, ...]
    members: frozenset[str]
    is_open: bool


@dataclass(frozen=True)
class CallSite:
    """What one call passes: at a position ("0") or by keyword, its shape (see `uses.shape`), and its own name if it has one."""

    where: str
    shape: str
    told: str
    path: str
    line0: int
    start_byte: int = -1
    """Of the argument, in the file as UTF-8."""


@dataclass
class _File:
    stamp: tuple[int, int]
    classes: list[ProjectClass] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)
    imports: list[tuple[str, str]] = field(default_factory=list)
    """(module, name) of what it imports by a capitalised name."""
    mentions: frozenset[str] = frozenset()
    annotated: list[tuple[str, str]] = field(default_factory=list)
    """(name of the parameter, or "name()" of a function; what is written)."""
    module: str = ""
    calls: dict[str, list[CallSite]] = field(default_factory=dict)
    """By the callee's last name."""
    made: list[tuple[str, str]] = field(default_factory=list)
    """(name, class) wherever a name is given what a call of a capitalised name makes."""
    defined: list[str] = field(default_factory=list)
    """The names of its functions and methods."""


class ProjectIndex:
    """The files of one root folder. `complete` once all were read; merged views are made when they are asked for."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.complete = False
        self.version = 0
        """Grows whenever the merged views are made anew."""
        self._files: dict[str, _File] = {}
        self._left: list[str] | None = None
        self._listed_at = 0.0
        self._stale = True
        self.classes: dict[str, list[ProjectClass]] = {}
        self.aliases: dict[str, str] = {}
        """Type aliases and type variables, each with its module."""
        self.library: Counter[tuple[str, str]] = Counter()
        """How many files import a capitalised name from a module that is none of the project's."""
        self.mentions: Counter[str] = Counter()
        self.annotated: dict[str, Counter[str]] = {}
        self._calls: dict[str, list[CallSite]] = {}
        self._defined: Counter[str] = Counter()
        self._subclasses: Counter[str] = Counter()
        self._library_modules: dict[str, str] = {}
        self.made: dict[str, Counter[str]] = {}
        self._paths: dict[str, str] = {}
        self._members: dict[str, tuple[frozenset[str], bool]] = {}
        self._with_attribute: Counter[str] = Counter()

    def survey(self, seconds: float) -> float:
        """Read for about so long; the share of files that are read."""
        until = time.monotonic() + seconds
        if not os.path.isabs(self.root):
            self.complete = True
            return 1.0
        if self._left is None or (self.complete and time.monotonic() - self._listed_at > _AGAIN_S):
            self._left = list(_python_files(self.root))
            self._listed_at = time.monotonic()
            gone = set(self._files) - set(self._left)
            for path in gone:
                del self._files[path]
            self._stale |= bool(gone)
            self._left = [path for path in self._left if not self._is_known(path)]
        while self._left:
            path = self._left.pop()
            self._files[path] = _read(path, self.root)
            self._stale = True
            if time.monotonic() > until:
                break
        self.complete = not self._left
        if self._stale and self.complete:
            self._merge()
        return 1.0 if self.complete else len(self._files) / (len(self._files) + len(self._left))

    def update(self, path: str, text: str) -> None:
        """The buffer counts instead of the file."""
        if not os.path.isabs(path) or len(text) > _LONGEST:
            return
        known = self._files.get(path)
        stamp = (-1, hash(text))
        if known is not None and known.stamp == stamp:
            return
        self._files[path] = _of_text(text, path, self.root, stamp)
        self._merge()

    def _is_known(self, path: str) -> bool:
        known = self._files.get(path)
        return known is not None and known.stamp == _stamp(path)

    def _merge(self) -> None:
        self._stale = False
        self.version += 1
        self._members.clear()
        self._with_attribute.clear()
        self.classes, self.aliases, self.annotated = {}, {}, {}
        self.library, self.mentions = Counter(), Counter()
        self._calls, self._defined, self.made = {}, Counter(), {}
        self._subclasses = Counter()
        modules = {file.module for file in self._files.values()}
        self._paths = {file.module: path for path, file in self._files.items() if file.module}
        tops = {module.split(".")[0] for module in modules}
        for file in self._files.values():
            for one in file.classes:
                self.classes.setdefault(one.name, []).append(one)
                self._subclasses.update(one.bases)
            for alias in file.aliases:
                self.aliases.setdefault(alias, file.module)
            for module, name in file.imports:
                if not module.startswith(".") and module.split(".")[0] not in tops and name not in _NOT_CLASSES:
                    self.library[module, name] += 1
            self.mentions.update(file.mentions)
            self._defined.update(file.defined)
            for name, cls in file.made:
                self.made.setdefault(name, Counter())[cls] += 1
            for name, sites in file.calls.items():
                known = self._calls.setdefault(name, [])
                known.extend(sites[: _MOST_CALLS - len(known)])
            for name, written in file.annotated:
                self.annotated.setdefault(name, Counter())[written] += 1

        # The one imported most comes last, and stays.
        self._library_modules = {name: module for (module, name), _ in reversed(self.library.most_common())}

    def calls(self, function: str) -> list[CallSite]:
        """What is passed where a function is called; nothing where too many functions have the name.

        `function` is a qualified name: of `Widget.__init__`, the calls of `Widget`.
        """
        owner, _, name = function.rpartition(".")
        if name in ("__init__", "__new__"):
            return self._calls.get(owner.rpartition(".")[2], []) if owner else []
        if name.startswith("__") or self._defined[name] > _MOST_DEFINITIONS:
            return []
        return self._calls.get(name, [])

    def path_of(self, module: str) -> str:
        """The file of a module of the project; "" if there is none."""
        return self._paths.get(module, "")

    def stamp_of(self, path: str) -> tuple[int, int]:
        """What tells one version of a file, or of a buffer, from another."""
        known = self._files.get(path)
        return known.stamp if known is not None else (0, -1)

    def members(self, name: str, depth: int = 0) -> tuple[frozenset[str], bool]:
        """The members of the project's class(es) of that name with their bases, and whether there may be others."""
        if name in self._members:
            return self._members[name]
        found: set[str] = set()
        is_open = name not in self.classes or depth > _DEEPEST
        self._members[name] = (frozenset(), True)  # a circle of bases ends here
        for one in self.classes.get(name, ()):
            found |= one.members
            is_open |= one.is_open
            for base in one.bases:
                inherited, unknown = self.members(base, depth + 1) if base not in _KNOWN_BASES else (_KNOWN_BASES[base], False)
                found |= inherited
                is_open |= unknown
        self._members[name] = (frozenset(found), is_open)
        return self._members[name]

    def bases(self, name: str) -> frozenset[str]:
        """All names a class of the project inherits from."""
        found: set[str] = set()
        todo = [name]
        while todo:
            for one in self.classes.get(todo.pop(), ()):
                todo.extend(base for base in one.bases if base not in found)
                found.update(one.bases)
        return frozenset(found)

    def subclasses(self, name: str) -> int:
        """How many classes of the project name it as a base."""
        return self._subclasses[name]

    def library_module(self, name: str) -> str:
        """The module that the project imports a capitalised name from most; "" if it does not."""
        return self._library_modules.get(name, "")

    def share_with(self, attribute: str) -> float:
        """The share of the project's classes that have an attribute, not 0: how little it says."""
        if not self._with_attribute:
            self._with_attribute["\0classes"] = 1
            for name in self.classes:
                self._with_attribute["\0classes"] += 1
                self._with_attribute.update(self.members(name)[0])
        return (self._with_attribute[attribute] + 0.5) / self._with_attribute["\0classes"]


_KNOWN_BASES: dict[str, frozenset[str]] = {
    "object": frozenset(), "Generic": frozenset(), "ABC": frozenset(), "Protocol": frozenset(), "type": frozenset(),
    "NamedTuple": frozenset(dir(tuple)) | {"_replace", "_asdict", "_fields", "_make", "_field_defaults"},
    "Enum": frozenset({"name", "value"}), "str": frozenset(dir(str)), "int": frozenset(dir(int)),
    "dict": frozenset(dir(dict)), "list": frozenset(dir(list)), "tuple": frozenset(dir(tuple)),
    "IntEnum": frozenset(dir(int)) | {"name", "value"}, "StrEnum": frozenset(dir(str)) | {"name", "value"},
    "Exception": frozenset(dir(Exception)), "ValueError": frozenset(dir(ValueError)), "set": frozenset(dir(set)),
    "RuntimeError": frozenset(dir(RuntimeError)), "TypeError": frozenset(dir(TypeError)), "TypedDict": frozenset(dir(dict)),
}  # fmt: skip


def _python_files(root: str) -> Iterator[str]:
    count = 0
    for folder, inner, names in os.walk(root):
        inner[:] = sorted(
            name for name in inner
            if name not in _SKIPPED and not name.startswith(".")
            and not os.path.exists(os.path.join(folder, name, "pyvenv.cfg"))
        )  # fmt: skip
        for name in sorted(names):
            if name.endswith(".py"):
                count += 1
                if count > _MOST_FILES:
                    return
                yield os.path.join(folder, name)


def _stamp(path: str) -> tuple[int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return (0, -1)
    return (found.st_mtime_ns, found.st_size)


def _read(path: str, root: str) -> _File:
    stamp = _stamp(path)
    try:
        data = read_source(path)
    except OSError:
        return _File(stamp)
    if len(data) > _LONGEST:
        return _File(stamp)
    return _of_text(data.decode("utf-8", "replace"), path, root, stamp)


def _of_text(text: str, path: str, root: str, stamp: tuple[int, int]) -> _File:
    module = module_name(path, root) if os.path.isabs(root) else ""
    found = _File(stamp, module=module)
    tree = fresh_tree(text)
    found.mentions = frozenset(word.decode() for word in _CAPITAL.findall(text.encode("utf-8", "replace")))
    cursor = QueryCursor(_CALLS)
    for _, captured in cursor.matches(tree.root_node):
        callee = text_of(captured["callee"][0])
        sites = found.calls.setdefault(callee, [])
        if len(sites) < _MOST_CALLS:
            arguments = captured["passed"][0]
            line0 = arguments.start_point[0]
            sites.extend(CallSite(where, what, told, path, line0, at) for where, what, told, at in passed(arguments))
    for _, captured in QueryCursor(_MADE).matches(tree.root_node):
        cls = text_of(captured["made"][0])
        if cls[:1].isupper():
            found.made.append((text_of(captured["name"][0]), cls))
    for _, captured in QueryCursor(_DECLARED).matches(tree.root_node):
        found.annotated.append((text_of(captured["name"][0]), text_of(captured["written"][0])))
    found.defined = [text_of(node) for node in QueryCursor(_DEFINITIONS).captures(tree.root_node).get("name", ())]
    stack: list[tuple[Node, bool]] = [(tree.root_node, True)]
    while stack:
        node, top = stack.pop()
        kind = node.type
        if kind == "class_definition":
            found.classes.append(_class(node, module, path))
            stack.extend((child, False) for child in _body(node))
        elif kind == "function_definition":
            found.annotated.extend(_annotations(node))
        elif kind in ("import_from_statement", "import_statement"):
            found.imports.extend(_imports(node))
        elif kind == "expression_statement" and top:
            for child in node.named_children:
                if child.type == "assignment":
                    found.aliases.extend(_alias(child))
        elif kind == "type_alias_statement":
            left = node.child_by_field_name("left")
            found.aliases.extend([text_of(left).split("[")[0]] if left is not None else [])
        elif kind in _BLOCKS:
            stack.extend((child, top) for child in node.named_children)
    return found


def _body(node: Node) -> list[Node]:
    body = node.child_by_field_name("body")
    return body.named_children if body is not None else []


def _class(node: Node, module: str, path: str) -> ProjectClass:
    name = node.child_by_field_name("name")
    holder = node.child_by_field_name("superclasses")
    bases = []
    is_open = False
    for child in holder.named_children if holder is not None else ():
        if child.type == "keyword_argument":
            is_open = is_open or "ABCMeta" not in text_of(child)
            continue
        word = text_of(child).split("[")[0].rpartition(".")[2]
        bases.append(word)
    members: set[str] = set()
    for child in _body(node):
        inner = child
        if child.type == "decorated_definition":
            inner = child.child_by_field_name("definition") or child
        if inner.type in ("function_definition", "class_definition"):
            members.add(text_of(inner.child_by_field_name("name") or inner))
        elif child.type == "expression_statement":
            for one in child.named_children:
                left = one.child_by_field_name("left") if one.type == "assignment" else None
                if left is not None and left.type == "identifier":
                    members.add(text_of(left))
    members.update(first or second for first, second in _STORED.findall(text_of(node)))
    is_open = is_open or bool(members & {"__getattr__", "__getattribute__"})
    return ProjectClass(text_of(name), module, path, node.start_point[0], tuple(bases),
                        frozenset(members), is_open)  # fmt: skip


def _imports(node: Node) -> Iterator[tuple[str, str]]:
    module = node.child_by_field_name("module_name")
    if module is None:
        return
    for child in node.children_by_field_name("name"):
        name = text_of(child.child_by_field_name("name") or child)
        if name[:1].isupper():
            yield text_of(module), name


def _alias(node: Node) -> Iterator[str]:
    left, right, annotation = (node.child_by_field_name(part) for part in ("left", "right", "type"))
    if left is None or right is None or left.type != "identifier":
        return
    name = text_of(left)
    if annotation is not None and "TypeAlias" in text_of(annotation):
        yield name
    elif name[:1].isupper() or name.startswith("_"):
        head = text_of(right).split("[")[0].rpartition(".")[2].strip()
        called = text_of(right).split("(")[0].rpartition(".")[2]
        is_alias = right.type == "subscript" and head in _ALIAS_HEADS
        is_alias = is_alias or (right.type == "binary_operator" and "|" in text_of(right))
        if is_alias or called in ("TypeVar", "NewType", "ParamSpec"):
            yield name


def _annotations(node: Node) -> Iterator[tuple[str, str]]:
    for name, annotation, _, _ in parameters(node):
        if annotation is not None:
            yield text_of(name), text_of(annotation)
    returned = node.child_by_field_name("return_type")
    name_node = node.child_by_field_name("name")
    if returned is not None and name_node is not None:
        yield f"{text_of(name_node)}()", text_of(returned)
