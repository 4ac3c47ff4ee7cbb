"""Whether arguments fit a signature: pure functions of a bracket's contents and a tuple of parameters."""

from __future__ import annotations

from collections.abc import Iterable

from .analysis import Parameter
from .calls import Bracket

Overload = tuple[Parameter, ...]


def starred(bracket: Bracket) -> bool:
    """Whether arguments come out of something: nobody knows how many, or which names."""
    return bracket.star or bracket.double_star or bracket.phase in ("star", "stars")


def places(overload: Overload) -> list[Parameter]:
    """The parameters that take an argument by position, `*args` aside."""
    return [parameter for parameter in overload if parameter.kind in ("positional", "either")]


def takes(overload: Overload, kind: str) -> bool:
    """Whether there is a parameter of this kind."""
    return any(parameter.kind == kind for parameter in overload)


def fits(overload: Overload, positional: int, keywords: Iterable[str], star: bool = False) -> bool:
    """Whether nothing written so far contradicts the overload; more may follow.

    With `star`, unpacked arguments stand among the positional ones and what they fill is not known.
    """
    slots = places(overload)
    if positional > len(slots) and not takes(overload, "args"):
        return False
    filled = {parameter.name for parameter in slots[:positional] if parameter.kind == "either"}
    named = {parameter.name for parameter in overload if parameter.kind in ("either", "keyword")}
    any_name = takes(overload, "kwargs")
    for keyword in keywords:
        if keyword in named:
            if not star and keyword in filled:
                return False
        elif not any_name:
            return False
    return True


def complete(overload: Overload, positional: int, keywords: Iterable[str]) -> bool:
    """Whether nothing required is missing."""
    given = set(keywords)
    for index, parameter in enumerate(places(overload)):
        if not parameter.required or index < positional:
            continue
        if parameter.kind == "positional" or parameter.name not in given:
            return False
    return all(
        not parameter.required or parameter.name in given for parameter in overload if parameter.kind == "keyword"
    )


def full(overload: Overload, positional: int, keywords: Iterable[str]) -> bool:
    """Whether no further argument can follow, of any kind."""
    if takes(overload, "args") or takes(overload, "kwargs"):
        return False
    given = set(keywords)
    slots = places(overload)
    left = [parameter for parameter in slots[positional:] if parameter.name not in given]
    return not left and all(parameter.name in given for parameter in overload if parameter.kind == "keyword")


def names_left(overloads: Iterable[Overload], positional: int, keywords: Iterable[str], star: bool) -> list[str]:
    """The names that may still be given, in the order of the parameters, required ones first."""
    given = tuple(keywords)
    found: dict[str, bool] = {}
    for overload in overloads:
        if not fits(overload, positional, given, star):
            continue
        slots = places(overload)
        filled = {parameter.name for parameter in slots[:positional]} if not star else set()
        for parameter in overload:
            if parameter.kind in ("either", "keyword") and parameter.name not in filled and parameter.name not in given:
                found[parameter.name] = found.get(parameter.name, False) or parameter.required
    return sorted(found, key=lambda name: not found[name])


def parameters_at(overload: Overload, bracket: Bracket) -> Parameter | None:
    """The parameter that the argument being written goes to; None where that is not certain."""
    if bracket.phase == "keyword":
        named = [one for one in overload if one.name == bracket.word and one.kind in ("either", "keyword")]
        return named[0] if named else None
    slots = places(overload)
    if bracket.star or bracket.keywords or bracket.positional >= len(slots):
        return None
    return slots[bracket.positional]
