"""The types that may stand at one slot, each with what speaks for and against it as a vector of numbers.

Candidates are the common types of the tables, the project's classes and aliases, and what the project imports by a
capitalised name. What no candidate covers is *other*, with a vector of its own. Refutation is no rule but a number: a project
class without an attribute that is read loses by what such classes lost in the annotated packages.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from . import known_types
from .slots import Slot
from .type_judging import (
    INDEX,
    Evidence,
    Surroundings,
    annotated_types,
    blank,
    judge,
    put,
    said_classes,
    similarity,
    spelled_out,
)  # fmt: skip
from .type_texts import arguments, known_part, normalised, without_none
from .uses import words

CandidateKind = Literal["known", "class", "alias", "library", "composed"]

OTHER_FEATURES = (
    "always", "generic group", "union group", "class group", "best name", "any agrees", "crowd", "follows", "passed",
)  # fmt: skip
_MOST_CLASSES = 160
_MOST_KNOWN = 60
_LONGEST = 80
"""Characters of a composed type."""


@dataclass(frozen=True)
class Candidate:
    """A type without None, as it is spelled with bare names, and its vector. `module` is where its head comes from, `homes`
    where all names of a composed type do."""

    text: str
    kind: CandidateKind
    module: str
    vector: tuple[float, ...]
    homes: tuple[tuple[str, str], ...] = ()


def candidates(evidence: Evidence, here: Surroundings) -> tuple[list[Candidate], tuple[float, ...]]:
    """The candidates of a slot, and the vector of *other*."""
    found: list[Candidate] = []
    attributes: tuple[str, ...] = ()
    if evidence.slot.kind != "return":
        attributes = tuple(dict.fromkeys([*evidence.uses.attributes(evidence.slot.name), *evidence.attributes]))
    said = said_classes(evidence)
    annotated = annotated_types(evidence.slot, here.index)
    log_probs = evidence.opinion.log_probs
    ranked = sorted(log_probs.items(), key=lambda pair: -pair[1])
    for text, log_prob in ranked[:_MOST_KNOWN]:
        if text.startswith("<") or not _can_stand(text, evidence.slot):
            continue
        home = _home(text, here)
        if home is None:
            continue
        vector = blank()
        vector[INDEX["table"]] = log_prob
        judge(vector, text, evidence, said, annotated, here, attributes)
        put(vector, "imported known", bool(home) and known_types.head(text) in here.bound)
        found.append(Candidate(text, "known", home, tuple(vector)))
    seen = {candidate.text for candidate in found}
    for text in _composed(evidence, said):
        homes = _homes(text, here)
        if text in seen or homes is None or not _can_stand(text, evidence.slot) or _is_named(text, here):
            continue
        seen.add(text)
        head = known_types.head(text)
        alike = [value for known, value in log_probs.items() if known_types.head(known) == head]
        vector = blank()
        put(vector, "composed", 1.0)
        group = "<union>" if " | " in text else "<generic>" if "[" in text else "<class>"
        put(vector, "group of it", log_probs.get(group, -5.0))
        put(vector, "head in tables", math.log(sum(map(math.exp, alike))) if alike else -8.0)
        judge(vector, text, evidence, said, annotated, here, attributes)
        found.append(Candidate(text, "composed", dict(homes).get(head, ""), tuple(vector), homes))
    named = _named(evidence, here, attributes, said, seen)
    of_class = log_probs.get("<class>", -5.0)
    crowd = math.log(1 + len(named))
    best_name = agrees = 0.0
    for name, kind, module in named:
        vector = blank()
        for what, value in (("class group", of_class), (f"is {kind}", 1.0), ("crowd", crowd)):
            put(vector, what, value)
        similarity(vector, evidence.slot, name)
        judge(vector, name, evidence, said, annotated, here, attributes)
        put(vector, "defined here", module == here.module and bool(module))
        put(vector, "imported here", name in here.bound)
        put(vector, "mentioned", math.log(1 + here.index.mentions[name]))
        put(vector, "private", name.startswith("_"))
        put(vector, "subclasses", math.log(1 + here.index.subclasses(name)))
        best_name = max(best_name, vector[INDEX["name is it"]], 0.5 * vector[INDEX["name ends it"]])
        agrees = max(agrees, vector[INDEX["attributes agree"]])
        found.append(Candidate(name, kind, module, tuple(vector)))
    other = (1.0, log_probs.get("<generic>", -5.0), log_probs.get("<union>", -5.0), of_class, best_name, agrees, crowd,
             float(bool(known_part(evidence.follows))), float(bool(known_part(evidence.passed))))  # fmt: skip
    return found, other


def _composed(evidence: Evidence, said: dict[str, set[str]]) -> list[str]:
    """Types that the evidence spells out: what follows from the code, what is passed, what is tested for together."""
    found = []
    for text in (evidence.follows, evidence.passed, evidence.default):
        plain = without_none(known_part(text)) if known_part(text) else ""
        found += [plain, *(normalised(plain) if " | " in plain else ())]
        inner = arguments(plain)
        if known_types.head(plain) == "Iterator" and inner:
            found += [f"Iterable[{inner[0]}]", f"Generator[{inner[0]}, None, None]"]
        elif known_types.head(plain) == "AsyncIterator" and inner:
            found += [f"AsyncIterable[{inner[0]}]", f"AsyncGenerator[{inner[0]}, None]"]
    found += [text for text in evidence.documented if "[" in text]
    tested = sorted(said["tested for"])
    if 1 < len(tested) <= 3:
        found.append(" | ".join(tested))
    return [text for text in dict.fromkeys(found) if text and text != "None" and len(text) <= _LONGEST]


def _is_named(text: str, here: Surroundings) -> bool:
    """Whether a type is a bare name that is a candidate as such."""
    index = here.index
    return text in index.classes or text in index.aliases or (
        text.isidentifier() and text not in known_types.HOMES and (text in here.bound or bool(index.library_module(text))))


def _homes(text: str, here: Surroundings) -> tuple[tuple[str, str], ...] | None:
    """(name, module) of every name of a type that needs an import; None where one of them is nobody's."""
    found = []
    for name in known_types.names(text):
        home = _origin(name, here) or here.met(name)
        if home:
            found.append((name, home))
        elif not known_types.is_builtin(name):
            return None
    return tuple(found)


def _can_stand(text: str, slot: Slot) -> bool:
    """Whether the type can be written at the slot at all: a bare `Literal` says nothing, `Self` belongs into classes."""
    names = known_types.names(text)
    return "Literal" not in names and ("Self" not in names or "." in slot.function)


def _home(text: str, here: Surroundings) -> str | None:
    """The module that the head of a known type is imported from, "" for builtins; None where nobody here could mean it."""
    head = known_types.head(known_types.split_union(text)[0])
    for name in known_types.names(text):
        if known_types.is_builtin(name) or name in known_types.HOMES:
            continue
        if name not in here.index.classes and name not in here.index.aliases and name not in here.bound \
                and not here.index.library_module(name):  # fmt: skip
            return None
    if known_types.is_builtin(head):
        return ""
    return _origin(head, here)


def _origin(name: str, here: Surroundings) -> str:
    """The module a name comes from: as this file has it, else the library's, else the project's.

    A common word (`Connection`) is the project's, where that has a class called so.
    """
    ours = name in here.bound or (name in known_types.COMMON_WORDS and name in here.index.classes)
    return module_of(name, here) if ours else known_types.HOMES.get(name) or module_of(name, here)


def module_of(name: str, here: Surroundings) -> str:
    """Where the project, or this file, has a name from."""
    if name in here.bound:
        return here.bound[name][0]
    classes = here.index.classes.get(name, ())
    if classes:
        package = here.module.rpartition(".")[0]
        nearest = min(
            classes, key=lambda one: (one.module != here.module, not one.module.startswith(package), len(one.module))
        )
        return nearest.module
    return here.index.aliases.get(name) or here.index.library_module(name)


def _named(
    evidence: Evidence, here: Surroundings, attributes: tuple[str, ...], said: dict[str, set[str]], seen: set[str]
) -> list[tuple[str, Literal["class", "alias", "library"], str]]:
    """The project's classes and aliases and the library's classes worth a look: all, or where there are many, those that
    anything speaks for."""
    index = here.index
    found: dict[str, tuple[str, Literal["class", "alias", "library"], str]] = {}
    for name in index.classes:
        found[name] = (name, "class", "")
    for name in index.aliases:
        found.setdefault(name, (name, "alias", ""))
    for _, name in index.library:
        if name not in known_types.HOMES:
            found.setdefault(name, (name, "library", ""))
    for name, (_, original) in here.bound.items():
        if name[:1].isupper() and original == name and name not in known_types.HOMES and not known_types.is_builtin(name):
            found.setdefault(name, (name, "library", ""))
    for name in seen:
        found.pop(name, None)
    if len(found) > _MOST_CLASSES:
        mentioned = {name for names in said.values() for name in names}
        mentioned |= {known_types.head(part) for text in (evidence.follows, evidence.passed) for part in normalised(text)}
        mentioned |= set(index.made.get(evidence.slot.name, ())) | set(annotated_types(evidence.slot, index))
        slot_words = set(spelled_out(evidence.slot.name))

        def worth(name: str) -> float:
            value = math.log(1 + index.mentions[name]) + 2.0 * (name in here.bound)
            value += 8.0 * (name in mentioned) + 6.0 * bool(slot_words & set(words(name)))
            if attributes:
                members, is_open = index.members(name)
                value += 6.0 * all(attribute in members for attribute in attributes) - 2.0 * is_open
            return value

        kept = sorted(found, key=lambda name: -worth(name))[:_MOST_CLASSES]
        found = {name: found[name] for name in kept}
    return [(name, kind, module_of(name, here)) for name, kind, _ in found.values()]


