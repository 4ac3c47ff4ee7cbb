"""What follows from the code about one slot: a return from its return statements, a parameter from its default, from what it is
stored in and what is passed, a variable or attribute from what is assigned to it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tree_sitter import Node

from .analysis import Document
from .known_types import head
from .project_types import CallSite, ProjectIndex
from .slot_places import parameters, slots
from .slots import Slot
from .syntax import byte_of, text_of
from .type_expressions import Expressions, Scope
from .type_functions import class_around
from .type_names import UNKNOWN
from .type_outlines import Outline, Outlines
from .type_texts import exact, joined
from .uses import FunctionUses

_MOST_SITES = 8
_FOLLOW_S = 1.0
"""For one slot; the first of a project may have to read a dozen files."""

_LONGEST_CLASS = 100_000


@dataclass(frozen=True)
class Followed:
    """Types with None; Any for parts that are not known, "" where there was nothing to follow."""

    follows: str = ""
    passed: str = ""
    default: str = ""
    attributes: tuple[str, ...] = ()
    """What a class reads from the attribute that a parameter of its is stored in."""


class Follower:
    """Follows code through one project. For one thread."""

    def __init__(self, index: ProjectIndex) -> None:
        self._index = index
        self._outlines = Outlines(index)
        self._expressions = Expressions(self._outlines)

    def met(self, name: str) -> str:
        """The module of a library's class that was met on the way; "" if none was."""
        return self._expressions.home(name)

    def follow(
        self, document: Document, module: str, slot: Slot, used: FunctionUses, sites: Sequence[CallSite] = ()
    ) -> Followed:
        """What follows about a slot of the document, which the index must have read."""
        self._outlines.refresh()
        self._expressions.begin(_FOLLOW_S)
        outline = self._outlines.of_text(document.path, document.text, module)
        name = _node_at(outline, byte_of(document.text, slot.offset))
        function = _function_of(name)
        if slot.kind == "return":
            return Followed(self._expressions.ask_returned(outline, function)) if function is not None else Followed()
        if slot.kind == "attribute":
            own = class_around(function)
            text = self._expressions.ask_attribute(own, slot.name, Scope(outline, function)) if own else ""
            return Followed(text)
        if slot.kind == "variable":
            return Followed(self._expressions.ask(name, Scope(outline, function)) if name is not None else "")
        if function is None:
            return Followed()
        default = next((value for one, _, value, _ in parameters(function) if text_of(one) == slot.name), None)
        stored, attributes = _stored(outline, function, slot, used)
        given = self._expressions.ask(default, Scope(outline)) if default is not None else ""
        return Followed(stored, self._passed(sites), given, attributes)

    def parameter_of(self, document: Document, module: str, slot: Slot) -> Slot | None:
        """The unannotated parameter whose value an attribute or variable is given, as in `self.x = x`; None for all else."""
        outline = self._outlines.of_text(document.path, document.text, module)
        node = _node_at(outline, byte_of(document.text, slot.offset))
        while node is not None and node.type in ("identifier", "attribute"):
            node = node.parent
        value = node.child_by_field_name("right") if node is not None and node.type == "assignment" else None
        if value is None or value.type != "identifier":
            return None
        name, start = text_of(value), slot.function_start
        own = (one for one in slots(document.text) if one.kind == "parameter" and one.function_start == start)
        return next((one for one in own if one.name == name and not one.stars), None)

    def _passed(self, sites: Sequence[CallSite]) -> str:
        found = []
        for site in sites[:_MOST_SITES]:
            outline = self._outlines.of_path(site.path) if site.start_byte >= 0 else None
            node = _node_at(outline, site.start_byte) if outline is not None else None
            while node is not None and node.parent is not None and node.parent.start_byte == site.start_byte \
                    and node.parent.type not in ("argument_list", "keyword_argument"):  # fmt: skip
                node = node.parent
            if outline is not None and node is not None:
                text = self._expressions.ask(node, Scope(outline, _function_around(node)))
                found.append("Callable" if head(text) == "type" else text)
        return joined(one for one in found if one != UNKNOWN) if any(one != UNKNOWN for one in found) else ""


def _stored(outline: Outline, function: Node, slot: Slot, used: FunctionUses) -> tuple[str, tuple[str, ...]]:
    """Of the attribute that a parameter is stored in: its annotation, and what the class reads from it."""
    own = outline.classes.get(class_around(function))
    names = {use.token.partition(":")[2] for use in used.parameters.get(slot.name, ()) if use.token.startswith("as:")}
    values = [(name, value) for name in sorted(names) for value in (own.values.get(name, ()) if own is not None else ())]
    if own is None or not values:
        return "", ()
    written = next((exact(text_of(value.written)) for _, value in values if value.written is not None), "")
    code = text_of(own.node)[:_LONGEST_CLASS]
    read = [one for name, _ in values for one in re.findall(rf"\bself\.{name}\.([A-Za-z_]\w*)", code)]
    return written, tuple(dict.fromkeys(read))


def _node_at(outline: Outline, byte: int) -> Node | None:
    return outline.tree.root_node.descendant_for_byte_range(byte, byte)


def _function_of(name: Node | None) -> Node | None:
    """The `def` around a name; the one it names."""
    return name if name is None or name.type == "function_definition" else _function_around(name)


def _function_around(node: Node) -> Node | None:
    around = node.parent
    while around is not None and around.type != "function_definition":
        around = around.parent
    return around
