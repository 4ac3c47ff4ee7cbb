"""What a file imports from its own project, as an outline: headers, attributes and constants, for a model to read.

Files are read by the guarded reader and parsed, nothing is run. The order is that of the import statements, so that the
outline stays the same while one types.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from tree_sitter import Node, Parser

from .analysis import Document
from .import_cycles import file_of
from .import_lines import imported
from .reader import read_text
from .syntax import PYTHON_GRAMMAR

SIZE_LIMIT = 400_000
"""Bytes; larger files are generated, mostly."""

LINE_LIMIT = 160
"""Characters; longer constants say more than anybody wants to read."""

ATTRIBUTES = 12
"""Attributes of one class that are shown."""

MAX_IMPORTS = 40
"""Imported names that are looked up."""

REEXPORTS = 3
"""How many modules a name may be passed on through."""


def outline(document: Document, limit: int) -> str:
    """At most `limit` characters, whole definitions only; empty where nothing of the project is imported.

    Never raises for what it reads. Costs a few milliseconds a file the first time; what was read is kept until the
    file changes.
    """
    root = document.root
    if not root or not os.path.isabs(document.path):
        return ""
    found = (_definition(one.target, root, document.path) for one in imported(document.text, document.path, root)[:MAX_IMPORTS])
    return assembled(((os.path.relpath(path, root), text) for path, text in filter(None, found)), limit)


def assembled(definitions: Iterable[tuple[str, str]], limit: int) -> str:
    """Outlines under the paths (relative to the project) of their files, at most `limit` characters, whole ones only."""
    parts: dict[str, list[str]] = {}
    size = 0
    for path, text in definitions:
        head = "# " + path.replace(os.sep, "/")
        if text in parts.get(head, ()):
            continue
        more = len(text) + 1 + (0 if head in parts else len(head) + 1)
        if size + more > limit:
            continue
        size += more
        parts.setdefault(head, []).append(text)
    return "".join(f"{head}\n" + "".join(f"{text}\n" for text in texts) for head, texts in parts.items())


def _definition(target: str, root: str, own_path: str) -> tuple[str, str] | None:
    """The file and the outline of a dotted name of the project; None for modules and for what is not found."""
    for _ in range(REEXPORTS + 1):
        module, _, name = target.rpartition(".")
        path = file_of(module, root) if module else None
        if path is None or os.path.realpath(path) == os.path.realpath(own_path):
            return None
        outlines = _outlines(path)
        if name in outlines:
            return path, outlines[name]
        passed_on = next(
            (one.target for one in imported(read_text(path, SIZE_LIMIT) or "", path, root) if one.expression == name), ""
        )
        if not passed_on or passed_on == target:
            return None
        target = passed_on
    return None


def _outlines(path: str) -> dict[str, str]:
    try:
        status = os.stat(path)
    except OSError:
        return {}
    return _read_outlines(path, status.st_mtime_ns, status.st_size)


@lru_cache(256)
def _read_outlines(path: str, _mtime_ns: int, _size: int) -> dict[str, str]:
    """The outline of every definition at the top of a file, by its name."""
    text = read_text(path, SIZE_LIMIT)
    return outlines_of(text) if text is not None else {}


def outlines_of(text: str) -> dict[str, str]:
    """The outline of every class, function and constant at the top of a module, by its name; the last one wins."""
    tree = Parser(PYTHON_GRAMMAR).parse(text.encode("utf-8", "replace"))
    found: dict[str, str] = {}
    for node in tree.root_node.named_children:
        inner = node.child_by_field_name("definition") if node.type == "decorated_definition" else node
        if inner is None:
            continue
        if inner.type == "class_definition":
            found[_name(inner)] = "\n".join(_class(node, inner, ""))
        elif inner.type == "function_definition":
            found[_name(inner)] = "\n".join(_function(node, inner, ""))
        elif inner.type == "expression_statement":
            found.update(_assigned(inner))
    return found


def _class(outer: Node, node: Node, indent: str) -> Iterator[str]:
    yield from _decorators(outer, indent)
    bases = node.child_by_field_name("superclasses")
    body = node.child_by_field_name("body")
    lines: list[str] = []
    for child in body.named_children if body is not None else ():
        inner = child.child_by_field_name("definition") if child.type == "decorated_definition" else child
        if inner is not None and inner.type == "function_definition":
            if not _name(inner).startswith("_") or _name(inner) == "__init__":
                lines += _function(child, inner, indent + "    ")
        elif child.type == "expression_statement":
            lines += [indent + "    " + line for name, line in _assigned(child) if not name.startswith("_")]
    yield f"{indent}class {_name(node)}{_text(bases) if bases is not None else ''}:" + ("" if lines else " ...")
    yield from lines


def _function(outer: Node, node: Node, indent: str) -> list[str]:
    """The header, and behind that of `__init__` the attributes that it sets."""
    body = node.child_by_field_name("body")
    assert node.text is not None
    size = (body.start_byte if body is not None else node.end_byte) - node.start_byte
    header = re.sub(r"\s*#[^\n]*(?=\n)", "", node.text[:size].decode("utf-8", "replace"))
    header = re.sub(r",\s*\)", ")", re.sub(r"\(\s+", "(", re.sub(r"\s*\n\s*", " ", header))).strip()
    stored = list(_stored(body)) if body is not None and _name(node) == "__init__" else []
    lines = [*_decorators(outer, indent), f"{indent}{header}" + ("" if stored else " ...")]
    return lines + [f"{indent}    {line}" for line in stored]


def _stored(body: Node) -> Iterator[str]:
    """`self.name = …` lines of a method's own level."""
    count = 0
    for child in body.named_children:
        text = _text(child)
        is_short = "\n" not in text and len(text) <= LINE_LIMIT and count < ATTRIBUTES
        if is_short and child.type == "expression_statement" and re.match(r"self\.[^\W_]\w*\s*[:=][^=]", text):
            count += 1
            yield text


def _decorators(outer: Node, indent: str) -> Iterator[str]:
    for child in outer.named_children if outer.type == "decorated_definition" else ():
        if child.type == "decorator" and "\n" not in _text(child):
            yield indent + _text(child)


def _assigned(statement: Node) -> Iterator[tuple[str, str]]:
    """The name and the line of a plain assignment or annotation; what takes long to write is left out."""
    for child in statement.named_children:
        left = child.child_by_field_name("left") if child.type == "assignment" else None
        text = _text(child)
        if left is not None and left.type == "identifier" and "\n" not in text and len(text) <= LINE_LIMIT:
            yield _text(left), text


def _name(node: Node) -> str:
    name = node.child_by_field_name("name")
    return _text(name) if name is not None else ""


def _text(node: Node) -> str:
    return node.text.decode("utf-8", "replace") if node.text is not None else ""
