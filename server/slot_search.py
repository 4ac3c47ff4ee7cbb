"""Which slot a place in a document belongs to: the name under the cursor, or the annotation that is being written."""

from __future__ import annotations

import re

from tree_sitter import Node

from ..monitors.slot_places import Columns, slots
from ..monitors.slots import Slot
from ..monitors.syntax import byte_of, identifier_end, identifier_start, parse, place

_BEHIND_COLON = re.compile(r"(:|->)([ \t]*)\Z")


def slot_at(text: str, offset: int) -> Slot | None:
    """The slot of the name at an offset: where it is bound, or the nearest around it that a use means."""
    start, end = identifier_start(text, offset), identifier_end(text, offset)
    name = text[start:end]
    if not name.isidentifier() or place(text, start).where != "code":
        return None
    found = slots(text)
    for slot in found:
        if slot.offset == start and slot.end == end:
            return slot
    attribute = re.search(r"\b(\w+)\.\Z", text[:start])
    around = _functions_around(text, start)
    if attribute is not None:
        if attribute[1] not in ("self", "cls"):
            return None
        owner = _class_of(found, around)
        return next((s for s in found if s.kind == "attribute" and s.name == name and _prefix(s.function) == owner), None)
    for function_start in [*around, -1]:
        for slot in found:
            if slot.name == name and slot.function_start == function_start and slot.kind in ("parameter", "variable"):
                return slot
    return None


def function_at(text: str, offset: int) -> int | None:
    """Where the function begins whose header the offset is in; None where it is in none."""
    columns = Columns(text)
    byte = byte_of(text, offset)
    at: Node | None = parse(text).root_node.descendant_for_byte_range(byte, byte)
    while at is not None:
        if at.type == "function_definition":
            body = at.child_by_field_name("body")
            inside = body is None or byte <= body.start_byte
            return columns.offset(at.start_byte) if inside else None
        if at.type in ("block", "class_definition"):
            return None
        at = at.parent
    return None


def after_colon(text: str, offset: int) -> tuple[str, Slot, int] | None:
    """Where an annotation is being written: the text without it, its slot there, and where the type begins.

    None where the cursor is not behind the `:` or `->` of an annotation.
    """
    begin = offset
    while begin > 0 and (text[begin - 1].isalnum() or text[begin - 1] in "_."):
        begin -= 1
    line = text.rfind("\n", 0, begin) + 1
    match = _BEHIND_COLON.search(text, line, begin)
    if match is None or place(text, begin).where != "code":
        return None
    at = len(text[:match.start()].rstrip(" \t")) if match[1] == "->" else match.start()
    # A colon that ends a line begins a block far more often than a type.
    rest = text[offset:text.find("\n", offset) if "\n" in text[offset:] else len(text)].strip()
    wholes = [text[:at] + text[offset:]]
    if not rest:
        # Brackets that are not closed yet, a header without its colon, a variable without its value.
        closing = "):" if match[1] == ":" else ":"
        wholes += [text[:at] + closing + " ..." + text[offset:], text[:at] + " = ..." + text[offset:]]
    elif match[1] == "->" or rest in (")", ") -> None"):
        wholes.append(text[:at] + rest.rstrip(":") + ": ..." + text[offset + len(text[offset:].split("\n")[0]):])
    for whole in wholes:
        for slot in slots(whole):
            if slot.insert_at == at and slot.legal and slot.prefix.strip() == match[1]:
                return whole, slot, begin
    return None


def _functions_around(text: str, offset: int) -> list[int]:
    """Where the functions around an offset begin, innermost first."""
    columns = Columns(text)
    byte = byte_of(text, offset)
    at: Node | None = parse(text).root_node.descendant_for_byte_range(byte, byte)
    found = []
    while at is not None:
        if at.type == "function_definition":
            found.append(columns.offset(at.start_byte))
        at = at.parent
    return found


def _class_of(found: tuple[Slot, ...], around: list[int]) -> str:
    names = {slot.function_start: slot.function for slot in found}
    return next((_prefix(names[start]) for start in reversed(around) if start in names), "")


def _prefix(function: str) -> str:
    return function.rpartition(".")[0]
