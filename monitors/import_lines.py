"""The import statements of a text: what each binds, and where one more would go.

Offsets are bytes of the text as `syntax.parse` encodes it, unless they are said to be offsets.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from tree_sitter import Node, Query, QueryCursor

from .bindings import scope_of
from .module_names import absolute, packages_of
from .slot_places import Columns
from .slots import Import
from .syntax import PYTHON_GRAMMAR, parse, text_of

LINE_LIMIT = 88
"""Characters; an import line is not made longer than that, a second one is written."""

_STATEMENTS = Query(PYTHON_GRAMMAR, "(import_statement) @s (import_from_statement) @s")
_CODING = re.compile(r"[ \t\f]*#")


@dataclass(frozen=True)
class Edit:
    """`new_text` in the place of what stands between two offsets (code points)."""

    start: int
    end: int
    new_text: str


@dataclass(frozen=True)
class Imported:
    """A name that an import statement of the text binds: `expression` is how what is `module.name` is written.

    `scope` is the first byte of the function or class around it, -1 in the module; `checking` is true where only type
    checkers see it.
    """

    expression: str
    target: str
    start: int
    end: int
    scope: int = -1
    checking: bool = False


def apply(text: str, edits: Sequence[Edit]) -> str:
    """The text with all edits made. They must not overlap; at one offset they are written in their order."""
    parts, at = [], 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        parts += [text[at:edit.start], edit.new_text]
        at = edit.end
    return "".join([*parts, text[at:]])


@lru_cache(32)
def imported(text: str, path: str = "", root: str = "") -> tuple[Imported, ...]:
    """Everything that the text's import statements bind, in order; star imports bind nothing that is known."""
    packages = packages_of(path, root) or ("",)
    found = []
    for statement in _statements(parse(text).root_node):
        scope = scope_of(statement)
        where = -1 if scope is None else scope.start_byte
        checking = is_checking(statement)
        for package in packages:
            for expression, target in _targets(statement, package):
                found.append(
                    Imported(expression, target, statement.start_byte, statement.end_byte, where, checking)
                )
    return tuple(dict.fromkeys(found))


def is_checking(node: Node) -> bool:
    """Whether the node stands in the body of an `if TYPE_CHECKING:`."""
    child, at = node, node.parent
    while at is not None:
        if at.type == "if_statement" and at.child_by_field_name("consequence") == child and _tests_checking(at):
            return True
        child, at = at, at.parent
    return False


def import_edits(
    text: str, path: str, root: str, run_time: Sequence[Import], checking: Sequence[Import] = ()
) -> tuple[Edit, ...]:
    """The edits that import what is asked for: `run_time` at the top, `checking` under `if TYPE_CHECKING:`.

    What the text's module scope imports already is not imported again. Whether the result parses is for the caller to
    check.
    """
    run_time = list(dict.fromkeys(run_time))
    checking = [one for one in dict.fromkeys(checking) if one not in run_time]
    block = _checking_block(text) if checking else None
    ways = {"TYPE_CHECKING", "typing.TYPE_CHECKING"}
    if checking and block is None and not any(one.target in ways and one.scope < 0 for one in imported(text, path, root)):
        run_time.append(Import("typing", "TYPE_CHECKING"))
    layout = _Layout(text, path, root)
    edits = layout.top(run_time)
    if checking:
        edits += layout.in_block(block, checking) if block is not None else layout.new_block(checking)
    return tuple(edits)


def _statements(root: Node) -> list[Node]:
    nodes = QueryCursor(_STATEMENTS).captures(root).get("s", [])
    return sorted(nodes, key=lambda node: node.start_byte)


def _targets(statement: Node, package: str) -> Iterator[tuple[str, str]]:
    module = statement.child_by_field_name("module_name")
    base = None if module is None else absolute(text_of(module), package)
    for name in statement.children_by_field_name("name"):
        aliased = name.type == "aliased_import"
        dotted = text_of(name.child_by_field_name("name")) if aliased else text_of(name)
        bound = text_of(name.child_by_field_name("alias")) if aliased else dotted
        if module is None:
            yield bound, dotted
        elif base:
            yield bound, f"{base}.{dotted}"


def _tests_checking(statement: Node) -> bool:
    condition = statement.child_by_field_name("condition")
    return condition is not None and text_of(condition).rpartition(".")[2] == "TYPE_CHECKING"


def _checking_block(text: str) -> Node | None:
    """The first `if TYPE_CHECKING:` of the module whose body is indented lines."""
    for node in parse(text).root_node.children:
        if node.type == "if_statement" and _tests_checking(node):
            body = node.child_by_field_name("consequence")
            if body is not None and body.named_children and body.start_point[0] > node.start_point[0]:
                return node
    return None


def _alias(one: Import) -> str:
    return f" as {one.alias}" if one.alias and one.alias != one.name else ""


class _Layout:
    """Where imports stand in one text."""

    def __init__(self, text: str, path: str, root: str) -> None:
        self.text = text
        self.packages = packages_of(path, root)
        self._columns = Columns(text)
        self.newline = "\r\n" if "\r\n" in text else "\n"
        self.header: list[Node] = []
        """Comments and the docstring before everything else."""
        self.imports: list[Node] = []
        """Statements of the module itself, before its first class or function."""
        self.relative = False
        first = True
        for node in parse(text).root_node.children:
            if node.type == "comment" and not self.imports and first:
                self.header.append(node)
            elif node.type in ("import_statement", "import_from_statement", "future_import_statement"):
                self.imports.append(node)
                self.relative = self.relative or text_of(node.child_by_field_name("module_name")).startswith(".")
                first = False
            elif node.type in ("function_definition", "class_definition", "decorated_definition"):
                break
            else:
                is_string = node.type == "expression_statement" and [c.type for c in node.children] == ["string"]
                if first and is_string:
                    self.header.append(node)
                first = False

    def top(self, wanted: Sequence[Import]) -> list[Edit]:
        """Imports at the top of the file, each in its group."""
        edits: list[Edit] = []
        lines: list[Import] = []
        for one in sorted(wanted, key=self._key):
            edit = self._into_existing(one)
            if edit is not None and all(edit.start != other.start for other in edits):
                edits.append(edit)
            else:
                lines.append(one)
        grouped: dict[int, list[Import]] = {}
        for one in lines:
            grouped.setdefault(self._line_for(one)[0], []).append(one)
        for offset, together in grouped.items():
            _, before, after = self._line_for(together[0])
            last = self._line_for(together[-1])[2]
            written = self.newline.join(self._written(together))
            lead = self.newline if self._unfinished(offset) else ""
            edits.append(Edit(offset, offset, f"{lead}{before}{written}{self.newline}{last or after}"))
        return edits

    def in_block(self, block: Node, wanted: Sequence[Import]) -> list[Edit]:
        """More lines at the end of the imports of an `if TYPE_CHECKING:`."""
        body = block.child_by_field_name("consequence")
        assert body is not None
        first = body.named_children[0]
        imports = [node for node in body.named_children if node.type.startswith("import")]
        indent = self.text[self._line_start(self._offset(first.start_byte)):self._offset(first.start_byte)]
        offset = self._next_line(self._offset((imports[-1] if imports else first).end_byte))
        lead = self.newline if self._unfinished(offset) else ""
        written = "".join(f"{indent}{line}{self.newline}" for line in self._written(sorted(wanted, key=self._key)))
        return [Edit(offset, offset, lead + written)]

    def new_block(self, wanted: Sequence[Import]) -> list[Edit]:
        """An `if TYPE_CHECKING:` behind the imports."""
        offset = self._next_line(self._offset(self.imports[-1].end_byte)) if self.imports else self._begin()
        lead = self.newline if self._unfinished(offset) else ""
        lines = ["if TYPE_CHECKING:", *("    " + one for one in self._written(sorted(wanted, key=self._key)))]
        blank = "" if re.match(r"[ \t\f]*\r?\n", self.text[offset:]) or not self.text[offset:] else self.newline
        # Where there was no import, the one of TYPE_CHECKING has left a blank line behind it.
        above = self.newline if self.imports else ""
        return [Edit(offset, offset, f"{lead}{above}{self.newline.join(lines)}{self.newline}{blank}")]

    def _written(self, wanted: Sequence[Import]) -> list[str]:
        names: dict[str, list[str]] = {}
        plain = [one.module + _alias(one) for one in wanted if not one.name]
        for one in wanted:
            if one.name:
                names.setdefault(self._module(one.module), []).append(one.name + _alias(one))
        return [f"import {module}" for module in dict.fromkeys(plain)] + [
            f"from {module} import {', '.join(sorted(set(found)))}" for module, found in names.items()
        ]

    def _module(self, module: str) -> str:
        """The module as this file would write it: relative where its own package is imported so."""
        if not self.relative or not self.packages or not self.packages[0]:
            return module
        package = next((p for p in self.packages if p.split(".")[0] == module.split(".")[0]), "")
        if not package:
            return module
        ours, theirs = package.split("."), module.split(".")
        shared = 0
        while shared < min(len(ours), len(theirs)) and ours[shared] == theirs[shared]:
            shared += 1
        return "." * (len(ours) - shared + 1) + ".".join(theirs[shared:])

    def _group(self, module: str) -> int:
        """0 `__future__`, 1 standard library, 2 others, 3 the project's own package."""
        first = module.partition(".")[0]
        if module == "__future__":
            return 0
        if not first or any(first == package.split(".")[0] for package in self.packages if package):
            return 3
        return 1 if first in sys.stdlib_module_names else 2

    def _key(self, one: Import) -> tuple[int, bool, str, str]:
        return self._group(one.module), bool(one.name), one.module.lower(), one.name

    def _key_of(self, statement: Node) -> tuple[int, bool, str, str]:
        if statement.type == "future_import_statement":
            return 0, True, "__future__", ""
        module = statement.child_by_field_name("module_name")
        written = text_of(module or statement.child_by_field_name("name")).partition(" ")[0]
        return self._group(written), module is not None, written.lower(), ""

    def _into_existing(self, one: Import) -> Edit | None:
        if not one.name:
            return None
        for statement in self.imports:
            module = statement.child_by_field_name("module_name")
            names = statement.children_by_field_name("name")
            if module is None or not names or statement.type != "import_from_statement":
                continue
            if text_of(module) not in (one.module, self._module(one.module)):
                continue
            start = self._offset(statement.start_byte)
            end = self._offset(statement.end_byte)
            line = self.text[self._line_start(start):end]
            written = one.name + _alias(one)
            if len(line) + len(written) + 2 > LINE_LIMIT and "\n" not in line:
                continue
            for name in names:
                if text_of(name) > written:
                    at = self._offset(name.start_byte)
                    return Edit(at, at, f"{written}, ")
            at = self._offset(names[-1].end_byte)
            return Edit(at, at, f", {written}")
        return None

    def _line_for(self, one: Import) -> tuple[int, str, str]:
        """Where a new line goes, and the blank lines before and behind it."""
        key = self._key(one)
        before = [node for node in self.imports if self._key_of(node) < key]
        if before:
            offset = self._next_line(self._offset(before[-1].end_byte))
            blank = self.newline if self._key_of(before[-1])[0] != key[0] else ""
            return offset, blank, self._blank_behind(offset, key[0])
        if self.imports:
            offset = self._line_start(self._offset(self.imports[0].start_byte))
            return offset, "", self.newline if self._key_of(self.imports[0])[0] != key[0] else ""
        offset = self._begin()
        before_text = self.text[:offset].rstrip(" \t")
        lead = self.newline if before_text and not before_text.endswith(("\n\n", "\n\r\n")) and self.header else ""
        blank = "" if re.match(r"[ \t\f]*\r?\n|\Z", self.text[offset:]) else self.newline
        return offset, lead, blank

    def _blank_behind(self, offset: int, group: int) -> str:
        following = next((node for node in self.imports if self._offset(node.start_byte) >= offset), None)
        if following is None or self._line_start(self._offset(following.start_byte)) != offset:
            return ""
        return self.newline if self._key_of(following)[0] != group else ""

    def _begin(self) -> int:
        """Behind the docstring, or the comments at the top: where a file without imports gets its first."""
        strings = [node for node in self.header if node.type != "comment"]
        if strings:
            return self._next_line(self._offset(strings[-1].end_byte))
        offset = 1 if self.text.startswith("\ufeff") else 0
        while _CODING.match(self.text, offset) and offset < len(self.text):
            offset = self._next_line(offset)
        return offset

    def _unfinished(self, offset: int) -> bool:
        """Whether the line before the offset has no line end: the last line of the file."""
        return offset > 0 and self.text[offset - 1] not in "\n\ufeff"

    def _offset(self, byte: int) -> int:
        return self._columns.offset(byte)

    def _line_start(self, offset: int) -> int:
        return self.text.rfind("\n", 0, offset) + 1

    def _next_line(self, offset: int) -> int:
        end = self.text.find("\n", offset)
        return len(self.text) if end < 0 else end + 1
