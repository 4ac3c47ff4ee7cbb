"""What is said about a type: which one is shown at a slot, whether as a guess, and in which words.

Pure functions from `Inferred` to text. An inlay hint shows exactly what its edit writes, but for the mark of a guess.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, replace
from pathlib import PurePath

from ..monitors.slots import Evidence, Import, Inferred, Prediction, Slot
from .settings import Settings

GUESS = "?"
"""Behind a type that is a guess."""

LIST_LENGTH = 3
"""Candidates named in a hover; the rest are part of `other`."""

_EMPTY = frozenset({"", "Any", "typing.Any", "object", "Unknown", "Incomplete", "_typeshed.Incomplete"})
"""Types that tell nobody anything."""

_OBVIOUS_RETURNS = frozenset({
    "__init__", "__init_subclass__", "__del__", "__str__", "__repr__", "__len__", "__bool__", "__hash__", "__bytes__",
    "__contains__", "__format__", "__post_init__", "__set_name__", "__setattr__", "__delattr__", "__setitem__",
    "__delitem__", "__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__dir__", "__sizeof__", "__int__",
    "__float__", "__index__", "__complex__",
})  # fmt: skip
"""Methods whose return type the language decides."""


_DISPLAYS: tuple[tuple[tuple[type[ast.expr], ...], str], ...] = (
    ((ast.List, ast.ListComp), "list"), ((ast.Dict, ast.DictComp), "dict"), ((ast.Set, ast.SetComp), "set"),
    ((ast.Tuple,), "tuple"),
)  # fmt: skip
"""What `[…]`, `{…}` and the like are, when nothing is known of what is in them."""


@dataclass(frozen=True)
class Claim:
    """A type for a slot. A guess is predicted; what is not a guess follows from the code."""

    slot: Slot
    text: str
    guess: bool
    probability: float = 1.0
    low: float = 1.0
    imports: tuple[Import, ...] = ()
    checked: bool = False


def claim_of(inferred: Inferred) -> Claim | None:
    """The best that is known of a slot: what follows from the code, else the likeliest prediction."""
    if inferred.static not in _EMPTY:
        return Claim(inferred.slot, inferred.static, False, imports=inferred.static_imports)
    best = inferred.best
    return None if best is None else _predicted(inferred.slot, best)


def candidates(inferred: Inferred) -> list[Claim]:
    """Everything that could be written at a slot, best first."""
    first = claim_of(inferred)
    others = [_predicted(inferred.slot, prediction) for prediction in inferred.predictions]
    return list({claim.text: claim for claim in reversed(([first] if first else []) + others)}.values())[::-1]


def is_sure(claim: Claim, least: float) -> bool:
    """Whether a claim is sure enough to be shown unasked: guesses by the lower end of their interval."""
    return claim.text not in _EMPTY and (not claim.guess or claim.low >= least)


def hinted(inferred: Inferred, settings: Settings, text: str) -> Claim | None:
    """The claim an inlay hint makes at a slot; None where none is wanted, legal, sure or worth while."""
    slot = inferred.slot
    wanted = {
        "parameter": settings.hints_parameters, "return": settings.hints_returns,
        "variable": settings.hints_variables, "attribute": settings.hints_variables,
    }  # fmt: skip
    if not slot.legal or not wanted[slot.kind] or (slot.name.startswith("_") and not slot.name.startswith("__")):
        return None
    claim = claim_of(inferred)
    if claim is None or not is_sure(claim, settings.hints_min_probability) or is_obvious(claim, text):
        return None
    return claim


def is_obvious(claim: Claim, text: str) -> bool:
    """Whether anybody who reads the line sees the type: a literal, a call of the class, a test, `__len__`."""
    slot = claim.slot
    last = slot.function.rpartition(".")[2]
    if slot.kind in ("parameter", "return") and (last.startswith("test_") or _is_overload(text, slot)):
        return True
    if slot.kind == "return":
        return slot.name in _OBVIOUS_RETURNS
    value = slot.default if slot.kind == "parameter" else _value(text, slot)
    return _tells(value, claim.text)


def label(claim: Claim, written: str) -> str:
    """The hint's text: what would be written, marked if it is a guess."""
    return f"{claim.slot.prefix.strip()} {written}{GUESS if claim.guess else ''}"


def prediction_line(inferred: Inferred) -> str:
    """`predicted: Request 84 % [81–87] · HTTPConnection 9 % · other 4 %`; empty where nothing is predicted."""
    shown = inferred.predictions[:LIST_LENGTH]
    if not shown:
        return ""
    best = shown[0]
    parts = [f"{best.text} {percent(best.probability)} [{_number(best.low)}–{_number(best.high)}]"]
    parts += [f"{one.text} {percent(one.probability)}" for one in shown[1:]]
    rest = inferred.other + sum(one.probability for one in inferred.predictions[LIST_LENGTH:])
    if rest >= 0.005:
        parts.append(f"other {percent(rest)}")
    return "predicted: " + " · ".join(parts)


def static_line(inferred: Inferred) -> str:
    """What follows from the code, in words; empty where nothing does, or where it is written there."""
    if inferred.static in _EMPTY or inferred.static_source in ("", "declared"):
        return ""
    return f"{'by rule' if inferred.static_source == 'rule' else 'inferred'}: {inferred.static}"


def evidence_lines(inferred: Inferred) -> list[str]:
    """The evidence, one sentence a line, with where it can be seen."""
    return [one.text + _where(one) for one in inferred.evidence]


def explanation(inferred: Inferred) -> str:
    """What is known and believed, with its evidence; empty where that is nothing."""
    lines = [static_line(inferred), prediction_line(inferred)]
    lines = [line for line in lines if line]
    return "\n".join(lines + evidence_lines(inferred)) if lines else ""


def percent(share: float) -> str:
    """`84 %`; never 100 % or 0 % for what is not certain."""
    return f"{_number(share)} %"


def moved(inferred: Inferred, slot: Slot) -> Inferred:
    """The same for a slot that an edit has moved, with the lines of its evidence."""
    by = slot.line0 - inferred.slot.line0
    shifted = tuple(
        replace(one, line0=one.line0 + by) if not one.path and one.line0 >= 0 else one for one in inferred.evidence
    )
    return replace(inferred, slot=slot, evidence=shifted)


def _predicted(slot: Slot, prediction: Prediction) -> Claim:
    return Claim(
        slot, prediction.text, True, prediction.probability, prediction.low, prediction.imports,
        prediction.provenance == "model, checked",
    )  # fmt: skip


def _number(share: float) -> int:
    rounded = round(100 * share)
    return min(99, max(1, rounded)) if 0.0 < share < 1.0 else rounded


def _where(evidence: Evidence) -> str:
    if evidence.line0 < 0:
        return ""
    place = f"{PurePath(evidence.path).name}:{evidence.line0 + 1}" if evidence.path else f"line {evidence.line0 + 1}"
    return "" if place in evidence.text else f" ({place})"


def _value(text: str, slot: Slot) -> str:
    """The code that is assigned, as far as it is on the line."""
    end = text.find("\n", slot.end)
    found = re.match(r"[ \t]*=[ \t]*(.*)", text[slot.end:end if end >= 0 else len(text)])
    return found[1] if found else ""


def _tells(value: str, type_text: str) -> bool:
    """Whether the code of a value names its type."""
    try:
        node = ast.parse(value.strip(), mode="eval").body if len(value) < 400 else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        node = None
    if node is None:
        return re.match(rf"[\w.]*\b{re.escape(type_text.rpartition('.')[2])}\(", value) is not None
    if isinstance(node, ast.Constant):
        return type(node.value).__name__ == type_text
    if isinstance(node, ast.JoinedStr):
        return type_text == "str"
    for display, name in _DISPLAYS:
        if isinstance(node, display):
            return type_text == name
    if isinstance(node, ast.Call) and isinstance(node.func, (ast.Name, ast.Attribute)):
        called = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
        return called == re.split(r"\[", type_text)[0].rpartition(".")[2]
    return isinstance(node, ast.Compare) and type_text == "bool"


def _is_overload(text: str, slot: Slot) -> bool:
    before = text[max(slot.function_start - 200, 0):max(slot.function_start, 0)].rstrip().rpartition("\n")[2]
    return re.match(r"[ \t]*@(?:\w+\.)*overload\b", before) is not None
