"""What is known of a slot by its own text, as a set of strings that the learned tables have weights for."""

from __future__ import annotations

from collections.abc import Iterable

from tree_sitter import Node

from .project_types import CallSite, ProjectIndex
from .slot_places import is_static, parameters
from .slots import Slot
from .syntax import text_of
from .uses import Use, words

LONGEST = 60
"""Strings in one set; a function of a thousand lines says no more than its first uses."""


def features(slot: Slot, uses: Iterable[Use], sites: Iterable[CallSite] = ()) -> tuple[str, ...]:
    """The features of a parameter or return, without duplicates: its name, the words of it, the function, each use, and
    what is passed where it is called."""
    kind = "r" if slot.kind == "return" else "p"
    found = dict.fromkeys([f"{kind}", f"{kind}n:{slot.name}"])
    parts = words(slot.name)
    function = slot.function.rpartition(".")[2]
    if parts:
        found[f"{kind}last:{parts[-1]}"] = None
        found[f"{kind}first:{parts[0]}"] = None
        found.update(dict.fromkeys(f"{kind}w:{part}" for part in parts))
        if parts[-1].endswith("s") and not parts[-1].endswith("ss"):
            found[f"{kind}plural"] = None
    if kind == "p":
        found[f"pf:{function}"] = None
        found.update(dict.fromkeys(f"pfw:{part}" for part in words(function)[:3]))
    owner = slot.function.rpartition(".")[0].rpartition(".")[2]
    if owner and kind == "r":
        found.update(dict.fromkeys(f"rcw:{part}" for part in words(owner)[-1:]))
    for use in uses:
        token = f"{kind}{use.token}"
        if token not in found:
            found[token] = None
            # A name that the value is given stands for the value's own.
            verb, colon, rest = use.token.partition(":")
            if colon and verb in ("as", "kw") and kind == "p":
                found.update(dict.fromkeys(f"pa:{part}" for part in words(rest)[-1:]))
            elif colon and kind == "r" and rest.startswith(("call:", "attr:")):
                found.update(dict.fromkeys(f"rv:{part}" for part in words(rest.partition(":")[2])[-1:]))
            elif rest == "=name":
                found.update(dict.fromkeys(f"rv:{part}" for part in words(use.detail)[-1:]))
        if len(found) >= LONGEST:
            break
    for site in sites:
        found[f"psite:{site.shape}"] = None
        found.update(dict.fromkeys(f"pa:{part}" for part in words(site.told)[-1:]))
        if len(found) >= LONGEST + 10:
            break
    return tuple(found)


def sites_of(index: ProjectIndex, slot: Slot, position: int) -> list[CallSite]:
    """What the project passes to a parameter. `position` counts from 0, `self` left out; -1 for what only has a keyword."""
    if slot.kind != "parameter" or slot.stars:
        return []
    return [site for site in index.calls(slot.function) if site.where in (slot.name, str(position))]


def position_of(function: Node, name: str) -> int:
    """Where a call passes the parameter: its position without `self`; -1 where there is none."""
    in_class = function.parent is not None and _is_method(function)
    position = -1 if in_class and not is_static(function) else 0
    for parameter, _, _, stars in parameters(function):
        if stars:
            return -1
        if text_of(parameter) == name:
            return position
        position += 1
    return -1


def _is_method(function: Node) -> bool:
    around = function.parent
    while around is not None and around.type in ("decorated_definition", "block"):
        around = around.parent
    return around is not None and around.type == "class_definition"
