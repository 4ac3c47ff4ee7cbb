"""What is said about a type: which one is shown at a slot, whether as a guess, and in which words.

Pure functions from `Inferred` to text. An inlay hint shows exactly what its edit writes, but for the mark of a guess.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Container, Iterable
from dataclasses import dataclass, replace
from pathlib import PurePath

from ..monitors.contradiction import contradiction
from ..monitors.known_types import split_union
from ..monitors.slots import Evidence, Import, Inferred, Prediction, Slot
from .settings import Settings

GUESS = "?"
"""Behind a type that is a guess."""

WORTH_SAYING = 0.15
"""A guess that is less likely than this tells nobody anything."""

WORTH_OFFERING = 0.02
"""A candidate that is less likely than this is none."""

LINES_NAMED = 3
"""Lines named for one sentence of evidence."""

LIST_LENGTH = 3
"""Candidates named in a hover; the rest are part of `other`."""

_EMPTY = frozenset({"", "Any", "typing.Any", "object", "Unknown", "Incomplete", "_typeshed.Incomplete"})
"""Types that tell nobody anything."""

_CONTAINERS = frozenset({"list", "dict", "set", "frozenset", "tuple", "type"})

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


def candidates(inferred: Inferred, text: str) -> list[Claim]:
    """What could be written at a slot, best first, but for what is most unlikely or contradicted by its function."""
    first = claim_of(inferred)
    others = [_predicted(inferred.slot, one) for one in inferred.predictions if one.probability >= WORTH_OFFERING]
    found = list({claim.text: claim for claim in reversed(([first] if first else []) + others)}.values())[::-1]
    return [claim for claim in found if not contradiction(text, claim.slot, claim.text)]


def sure(known: Iterable[Inferred], text: str, least: float, kinds: Container[str]) -> list[Claim]:
    """What may be written at slots of these kinds without asking about each."""
    found = (claim_of(one) for one in known if one.slot.legal and one.slot.kind in kinds)
    return [claim for claim in found if claim is not None and is_sure(claim, least)
            and not contradiction(text, claim.slot, claim.text)]  # fmt: skip


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
    if claim is None or not is_sure(claim, settings.hints_min_probability) or is_obvious(claim, text) or is_vague(claim):
        return None
    return None if contradiction(text, slot, claim.text) else claim


def is_vague(claim: Claim) -> bool:
    """Whether a variable's type says less than its value: one of several, or a container of nobody knows what."""
    if claim.slot.kind not in ("variable", "attribute"):
        return False
    parts = [part for part in split_union(claim.text) if part != "None"]
    return len(parts) > 1 or claim.text in _CONTAINERS


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
    if not shown or shown[0].probability < WORTH_SAYING:
        return ""
    best = shown[0]
    parts = [f"{best.text} {percent(best.probability)}{interval(best.low, best.high)}"]
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
    """The evidence, one sentence a line, with where it can be seen; what is seen on several lines is said once."""
    alike: dict[tuple[str, str], list[Evidence]] = {}
    for one in inferred.evidence:
        alike.setdefault((one.text, one.path), []).append(one)
    return [text + _where(found) for (text, _), found in alike.items()]


def explanation(inferred: Inferred) -> str:
    """What is known and believed, with its evidence; empty where that is nothing."""
    lines = [static_line(inferred), prediction_line(inferred)]
    lines = [line for line in lines if line]
    return "\n".join(lines + evidence_lines(inferred)) if lines else ""


def interval(low: float, high: float) -> str:
    """` [81–87]`; empty where both ends are shown as the same number."""
    return f" [{_number(low)}–{_number(high)}]" if _number(low) != _number(high) else ""


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


def _where(alike: list[Evidence]) -> str:
    """Where sentences that say the same can be seen, in brackets."""
    first = alike[0]
    lines = list(dict.fromkeys(str(one.line0 + 1) for one in alike if one.line0 >= 0))
    if not lines:
        return ""
    shown = ", ".join([*lines[:LINES_NAMED], *(["…"] if len(lines) > LINES_NAMED else [])])
    place = f"{PurePath(first.path).name}:{shown}" if first.path else f"line{'s' if len(lines) > 1 else ''} {shown}"
    return "" if place in first.text else f" ({place})"


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
    if isinstance(node, ast.IfExp):
        return all(_tells(ast.unparse(side), type_text) for side in (node.body, node.orelse))
    if type_text == "str" and _is_made_of_text(node):
        return True
    for display, name in _DISPLAYS:
        if isinstance(node, display):
            return type_text == name
    if isinstance(node, ast.Call) and isinstance(node.func, (ast.Name, ast.Attribute)):
        called = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
        return called == re.split(r"\[", type_text)[0].rpartition(".")[2]
    return isinstance(node, ast.Compare) and type_text == "bool"


def _is_made_of_text(node: ast.expr) -> bool:
    """Whether an expression is a string literal and what is done to it: `"%s" % x`, `", ".join(x)`."""
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, (ast.Mod, ast.Add)) and _is_made_of_text(node.left)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("join", "format"):
        return _is_made_of_text(node.func.value)
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _is_overload(text: str, slot: Slot) -> bool:
    before = text[max(slot.function_start - 200, 0):max(slot.function_start, 0)].rstrip().rpartition("\n")[2]
    return re.match(r"[ \t]*@(?:\w+\.)*overload\b", before) is not None
