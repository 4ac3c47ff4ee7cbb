"""A predicted type told to analysis: the document with the annotation written into it, never shown and never saved.

The annotation goes behind the parameter, quoted, so that nothing but its own line grows; its imports go to the end of the
file, where they resolve it and move no line. What analysis answers about such a text ranks and informs; it never closes a
place. An accepted type does: it is an annotation of the document then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from .analysis import Document
from .slot_places import slots
from .slots import Import, Inferred, Slot
from .syntax import identifier_start, normalised, place

MOST_TYPES = 3
"""Predictions that are fed back together."""


def shadowed(
    document: Document, offset: int, types: Iterable[tuple[Slot, str, Sequence[Import]]]
) -> tuple[Document, int]:
    """The document with types written at slots, and where `offset` is in it. Slots must be of this very text."""
    text, moved = document.text, offset
    tail: dict[str, None] = {}
    for slot, written, imports in sorted(types, key=lambda one: -one[0].insert_at):
        if not slot.legal or not text.startswith(slot.name, slot.offset):
            continue
        quoted = f'{slot.prefix}"{written}"'
        text = text[: slot.insert_at] + quoted + text[slot.insert_at :]
        if slot.insert_at <= moved:
            moved += len(quoted)
        tail |= dict.fromkeys(_import_line(one) for one in imports)
    if tail:
        text += ("" if text.endswith("\n") else "\n") + "\n".join(tail) + "\n"
    return replace(document, text=text), moved


def receiver_slot(document: Document, offset: int) -> Slot | None:
    """The parameter that is dereferenced by the dot before `offset`; None where it is anything but one name, or that
    name is no unannotated parameter of a function around it."""
    here = place(document.text, offset)
    if here.where != "code" or here.dot is None or here.context == "import":
        return None
    begin = identifier_start(document.text, here.dot - 1)
    name = document.text[begin : here.dot - 1]
    if not name or document.text[:begin].rstrip(" \t")[-1:] == ".":
        return None
    # With a name behind the dot the function parses, half written as it is.
    found = slots(normalised(document.text, here.dot, here.end))
    near = [slot for slot in found if slot.kind == "parameter" and slot.name == name and slot.insert_at < begin]
    if not near:
        return None
    slot = near[-1]
    if _indent(document.text, begin) <= _indent(document.text, slot.function_start):
        return None
    later = [one for one in found if one.function_start > slot.function_start and one.offset < begin]
    # A function that begins between the two, and is not inside of the parameter's own, has ended it.
    return None if any(not one.function.startswith(slot.function + ".") for one in later if one.function) else slot


def worth_telling(inferred: Inferred, least: float) -> tuple[str, tuple[Import, ...], float]:
    """The type to feed back for one slot, a union of its likeliest that reach `least` each, with what they sum to."""
    kept = [one for one in inferred.predictions if one.probability >= least][:MOST_TYPES]
    parts = dict.fromkeys(part for one in kept for part in one.text.split(" | ") if part not in ("None", "Any", "object"))
    imports = dict.fromkeys(one for prediction in kept for one in prediction.imports)
    return " | ".join(parts), tuple(imports), min(1.0, sum(one.probability for one in kept))


def _indent(text: str, offset: int) -> int:
    """How far the line of `offset` is indented; a one-line function counts as inside of itself."""
    line = text[text.rfind("\n", 0, offset) + 1 :]
    return len(line) - len(line.lstrip(" \t")) + (text.rfind("def ", text.rfind("\n", 0, offset) + 1, offset) >= 0)


def _import_line(one: Import) -> str:
    alias = f" as {one.alias}" if one.alias else ""
    return f"from {one.module} import {one.name}{alias}" if one.name else f"import {one.module}{alias}"
