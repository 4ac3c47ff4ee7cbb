"""Types written into a file: where the text goes, with its imports, and the proof that nothing else has changed.

An edit is made only if the file parses before and after, and the two programs are the same but for annotations and
imports. Nothing is executed; the files of the project are read to see whether an import would close a circle.
"""

from __future__ import annotations

import ast
import itertools
import re
import symtable
import threading
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from tree_sitter import Node

from .analysis import Document
from .import_cycles import brings_strangers, closes_circle, lacks
from .import_lines import Edit, apply, import_edits
from .slots import Import, Slot
from .spelling import Place, Spelling, Version, spell
from .syntax import byte_of, parse

_TYPE_COMMENT = re.compile(r"#[ \t]*type:(?![ \t]*ignore\b)")
_LOCK = threading.Lock()
"""`warnings.catch_warnings` is not safe in threads."""


@dataclass(frozen=True)
class Wish:
    """A type to be written at a slot. `text` is as in `slots.Prediction`."""

    slot: Slot
    text: str
    imports: tuple[Import, ...] = ()


@dataclass(frozen=True)
class Annotated:
    """What was made of some wishes: the edits, in order, the text after them, and what could not be written, with why."""

    edits: tuple[Edit, ...] = ()
    text: str = ""
    refused: tuple[tuple[Wish, str], ...] = ()


def spelled(document: Document, wish: Wish, version: Version) -> Spelling:
    """How the type would be written, without the proof: cheap enough for every hint on a screen."""
    slot = wish.slot
    reason = "" if slot.legal else slot.reason or "no annotation can stand there"
    reason = reason or _other_annotation(document.text, slot)
    if reason:
        return Spelling(reason=reason)
    path, root = document.path, document.root
    circular = {
        one.module for one in wish.imports
        if one.project and (
            closes_circle(one.module, path, root) or brings_strangers(one.module, path, root)
            or lacks(one.module, one.name, root)
        )
    }  # fmt: skip
    place = Place(document.text, slot, document.path, document.root, version)
    return spell(place, wish.text, wish.imports, circular)


def annotate(document: Document, wishes: Sequence[Wish], version: Version) -> Annotated:
    """The edits that write the types, imports included. Those that cannot be written are left out, with the reason.

    `version` is the oldest Python the file must run on. Takes some 50 ms for a thousand lines: not for the event loop.
    Never raises.
    """
    text = document.text
    before = _program(text)
    if isinstance(before, str):
        return Annotated((), text, tuple((wish, before) for wish in wishes))
    refused: list[tuple[Wish, str]] = []
    kept: list[tuple[Wish, Spelling]] = []
    for wish in wishes:
        made = spelled(document, wish, version)
        if made.reason:
            refused.append((wish, made.reason))
        elif all(wish.slot.insert_at != other.slot.insert_at for other, _ in kept):
            kept.append((wish, made))
    made_together = _joined(document, kept, before)
    if not isinstance(made_together, str):
        return Annotated(*made_together, tuple(refused))
    if len(kept) > 1:
        # One of them is to blame: find out which, and write the others.
        good: list[tuple[Wish, Spelling]] = []
        for wish, made in kept:
            alone = _joined(document, [(wish, made)], before)
            if isinstance(alone, str):
                refused.append((wish, alone))
            else:
                good.append((wish, made))
        made_together = _joined(document, good, before)
        if not isinstance(made_together, str):
            return Annotated(*made_together, tuple(refused))
        kept = good
    refused += [(wish, made_together) for wish, _ in kept]
    return Annotated((), text, tuple(refused))


def insertion(text: str, slot: Slot, type_text: str) -> Edit:
    """The edit that writes a type at its slot, with the blanks around `=` that then belong there."""
    written = slot.prefix + type_text
    blanks = re.compile(r"([ \t]*)=([ \t]*)(?![=\s#\\])").match(text, slot.insert_at)
    if blanks is not None and slot.kind != "return" and (not blanks[1] or not blanks[2]):
        return Edit(slot.insert_at, blanks.end(), f"{written} = ")
    return Edit(slot.insert_at, slot.insert_at, written)


def _joined(
    document: Document, kept: Sequence[tuple[Wish, Spelling]], before: tuple[str, ...]
) -> tuple[tuple[Edit, ...], str] | str:
    """The edits and the text after them; or why they may not be made."""
    if not kept:
        return (), document.text
    text = document.text
    inserted = [insertion(text, wish.slot, made.text) for wish, made in kept]
    run_time = [one for _, made in kept for one in made.run_time]
    checking = [one for _, made in kept for one in made.checking]
    imports = import_edits(text, document.path, document.root, run_time, checking)
    if imports and max(edit.start for edit in imports) > min(edit.start for edit in inserted):
        return "the import would stand behind it"
    edits = [*inserted, *imports]
    edits.sort(key=lambda edit: (edit.start, edit.end))
    if any(one.end > other.start for one, other in itertools.pairwise(edits)):
        return "the edits are in each other's way"
    changed = apply(text, edits)
    after = _program(changed)
    if isinstance(after, str):
        return f"with it, {after}"
    if before[1:] != after[1:]:
        return "it would change more than the annotation"
    if int(after[0]) != int(before[0]) + len(kept):
        return "the annotation would stand in another place"
    return tuple(edits), changed


@lru_cache(4)
def _program(text: str) -> tuple[str, ...] | str:
    """How many annotations a program has, and its statements without annotations and imports; or why it is none."""
    with _LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            source = text.removeprefix("\ufeff")
            tree = ast.parse(source)
            symtable.symtable(source, "file", "exec")  # what the parser does not see: a global that is annotated
            bare = _Bare()
            stripped = bare.visit(tree)
            return str(bare.count), *(ast.dump(statement) for statement in stripped.body)
        except SyntaxError as error:
            return f"the file does not parse (line {error.lineno}: {error.msg})"
        except (ValueError, RecursionError, MemoryError) as error:
            return f"the file cannot be read ({type(error).__name__})"


class _Bare(ast.NodeTransformer):
    """Takes annotations and imports out, and counts the annotations."""

    def __init__(self) -> None:
        self.count = 0

    def visit_arg(self, node: ast.arg) -> ast.arg:
        self.count += node.annotation is not None
        return ast.arg(node.arg)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        self.generic_visit(node)
        self.count += node.returns is not None
        node.returns = None
        return node

    visit_FunctionDef = _function  # the names are ast's
    visit_AsyncFunctionDef = _function

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        self.count += 1
        return ast.Assign([node.target], node.value or ast.Constant(...))

    def visit_Import(self, _node: ast.Import) -> None:
        return None

    def visit_ImportFrom(self, _node: ast.ImportFrom) -> None:
        return None

    def visit_If(self, node: ast.If) -> ast.AST | None:
        self.generic_visit(node)
        return node if node.body or node.orelse else None


def _other_annotation(text: str, slot: Slot) -> str:
    """Why a slot is annotated already in a way that is no annotation: by a type comment."""
    line_end = text.find("\n", slot.insert_at)
    line = text[slot.insert_at:line_end if line_end >= 0 else len(text)]
    if slot.kind in ("variable", "attribute"):
        return "there is a type comment" if _TYPE_COMMENT.search(line) else ""
    header = _header(text, slot)
    return "there is a type comment" if _TYPE_COMMENT.search(header) else ""


def _header(text: str, slot: Slot) -> str:
    """From the function's name to its first statement, comments included."""
    byte = byte_of(text, slot.insert_at)
    at: Node | None = parse(text).root_node.descendant_for_byte_range(max(byte - 1, 0), byte)
    while at is not None and at.type != "function_definition":
        at = at.parent
    body = at.child_by_field_name("body") if at is not None else None
    if at is None or body is None:
        return ""
    data = at.text or b""
    first = body.named_children[0] if body.named_children else body
    return data[:first.start_byte - at.start_byte].decode("utf-8", "replace")
