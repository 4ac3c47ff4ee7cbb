"""The types that may stand at one slot, each with what speaks for and against it as a vector of numbers.

Candidates are the common types of the tables, the project's classes and aliases, and what the project imports by a
capitalised name. What no candidate covers is *other*, with a vector of its own. Refutation is no rule but a number: a project
class without an attribute that is read loses by what such classes lost in the annotated packages.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from . import known_types
from .project_types import CallSite, ProjectIndex
from .slots import Slot
from .type_tables import Opinion
from .uses import FunctionUses, words

CandidateKind = Literal["known", "class", "alias", "library"]

FEATURES = (
    "table", "class group", "is alias", "is library", "is class", "name is it", "name ends it", "words shared", "abbreviated",
    "defined here", "imported here", "mentioned", "attributes agree", "attributes agree, open", "attributes refuted",
    "tested for", "documented", "jedi says it", "jedi says a subclass", "jedi says another", "default names it",
    "made by its call", "own class", "annotated so", "annotated so often", "private", "subclasses", "crowd", "imported known",
    "name made so", "name made so often", "last word made so", "language model",
)  # fmt: skip
"""What each number of a candidate's vector is."""

OTHER_FEATURES = ("always", "generic group", "union group", "class group", "best name", "any agrees", "crowd")
_INDEX = {name: at for at, name in enumerate(FEATURES)}
_MAKERS = frozenset({"get", "make", "create", "build", "to", "as", "from", "parse", "new", "load"})
_MOST_CLASSES = 160
_MOST_KNOWN = 60
_ABBREVIATED = {
    "ctx": "context", "cfg": "config", "conf": "config", "req": "request", "resp": "response", "res": "response",
    "conn": "connection", "msg": "message", "db": "database", "env": "environment", "cmd": "command", "opts": "options",
    "arg": "argument", "param": "parameter", "fn": "function", "func": "function", "cls": "class", "elem": "element",
    "doc": "document", "sess": "session", "repo": "repository", "spec": "specification", "stmt": "statement",
    "expr": "expression", "attr": "attribute", "mgr": "manager", "sock": "socket", "loc": "location", "info": "information",
}  # fmt: skip


@dataclass(frozen=True)
class Candidate:
    """A type without None, as it is spelled with bare names, and its vector. `module` is where its head comes from."""

    text: str
    kind: CandidateKind
    module: str
    vector: tuple[float, ...]


@dataclass
class Evidence:
    """What is known of one slot, for scoring: its uses, the learned opinion, jedi's guesses, call sites."""

    slot: Slot
    uses: FunctionUses
    opinion: Opinion
    guesses: tuple[str, ...] = ()
    """jedi's, bare class names; None left out."""
    sites: Sequence[CallSite] = ()


@dataclass
class Surroundings:
    """What a document can name."""

    index: ProjectIndex
    module: str = ""
    bound: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Names the file has, each with (module, name) it stands for; of its own classes its own module."""


def candidates(evidence: Evidence, here: Surroundings) -> tuple[list[Candidate], tuple[float, ...]]:
    """The candidates of a slot, and the vector of *other*."""
    found: list[Candidate] = []
    attributes = tuple(evidence.uses.attributes(evidence.slot.name)) if evidence.slot.kind != "return" else ()
    said = _said(evidence)
    annotated = _annotated(evidence.slot, here.index)
    ranked = sorted(evidence.opinion.log_probs.items(), key=lambda pair: -pair[1])
    for text, log_prob in ranked[:_MOST_KNOWN]:
        if text.startswith("<") or not _can_stand(text, evidence.slot):
            continue
        home = _home(text, here)
        if home is None:
            continue
        vector = _blank()
        vector[_INDEX["table"]] = log_prob
        _judge(vector, text, evidence, said, annotated, here, attributes)
        _set(vector, "imported known", bool(home) and known_types.head(text) in here.bound)
        found.append(Candidate(text, "known", home, tuple(vector)))
    seen = {candidate.text for candidate in found}
    named = _named(evidence, here, attributes, said, seen)
    group = evidence.opinion.log_probs.get("<class>", -5.0)
    crowd = math.log(1 + len(named))
    best_name = agrees = 0.0
    for name, kind, module in named:
        vector = _blank()
        for what, value in (("class group", group), (f"is {kind}", 1.0), ("crowd", crowd)):
            _set(vector, what, value)
        _similarity(vector, evidence.slot, name)
        _judge(vector, name, evidence, said, annotated, here, attributes)
        _set(vector, "defined here", module == here.module and bool(module))
        _set(vector, "imported here", name in here.bound)
        _set(vector, "mentioned", math.log(1 + here.index.mentions[name]))
        _set(vector, "private", name.startswith("_"))
        _set(vector, "subclasses", math.log(1 + here.index.subclasses(name)))
        best_name = max(best_name, vector[_INDEX["name is it"]], 0.5 * vector[_INDEX["name ends it"]])
        agrees = max(agrees, vector[_INDEX["attributes agree"]])
        found.append(Candidate(name, kind, module, tuple(vector)))
    log_probs = evidence.opinion.log_probs
    other = (1.0, log_probs.get("<generic>", -5.0), log_probs.get("<union>", -5.0), group, best_name, agrees, crowd)
    return found, other


def _can_stand(text: str, slot: Slot) -> bool:
    """Whether the type can be written at the slot at all: a bare `Literal` says nothing, `Self` belongs into classes."""
    names = known_types.names(text)
    return "Literal" not in names and ("Self" not in names or "." in slot.function)


def _blank() -> list[float]:
    return [0.0] * len(FEATURES)


def _set(vector: list[float], name: str, value: float) -> None:
    vector[_INDEX[name]] = float(value)


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
    return known_types.HOMES.get(head) or module_of(head, here)


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


def _said(evidence: Evidence) -> dict[str, set[str]]:
    """Class names that tests, docstrings, defaults, and calls name."""
    found: dict[str, set[str]] = {
        name: set() for name in ("tested for", "documented", "default names it", "made by its call")
    }  # fmt: skip
    slot = evidence.slot
    used = evidence.uses.returns if slot.kind == "return" else evidence.uses.parameters.get(slot.name, [])
    for use in used:
        verb = use.token.partition(":")[0]
        if verb in ("isinstance", "issubclass"):
            found["tested for"].add(use.detail)
        elif verb == "doc":
            found["documented"].add(use.detail)
        elif verb in ("ret", "yield") and use.detail:
            found["made by its call"].add(use.detail)
        elif verb in ("default", "re", "or") and ":call:" in use.token:
            found["default names it"].add(use.token.rpartition(":")[2])
    if slot.default[:1].isupper() and "." in slot.default:
        found["default names it"].add(slot.default.split(".")[0])
    found["made by its call"].update(site.told for site in evidence.sites if site.shape.startswith("call:"))
    return found


def _annotated(slot: Slot, index: ProjectIndex) -> dict[str, float]:
    """How often the project annotates the same name so, by the outermost name."""
    counts = index.annotated.get(slot.name if slot.kind == "parameter" else f"{slot.name}()")
    if counts is None and slot.name.startswith("_"):
        counts = index.annotated.get(slot.name.lstrip("_"))
    found: dict[str, float] = {}
    for written, count in counts.items() if counts is not None else ():
        for part in known_types.split_union(written.strip("\"'").replace("Optional[", "").rstrip("]")):
            plain = known_types.head(part).rpartition(".")[2]
            found[plain] = found.get(plain, 0.0) + count
    return found


def _judge(
    vector: list[float], text: str, evidence: Evidence, said: dict[str, set[str]], annotated: dict[str, float],
    here: Surroundings, attributes: tuple[str, ...],
) -> None:  # fmt: skip
    heads = {known_types.head(part) for part in known_types.split_union(text)}
    for what, names in said.items():
        _set(vector, what, bool(heads & names))
    _set(vector, "own class", evidence.slot.function.rpartition(".")[0].rpartition(".")[2] in heads)
    if evidence.guesses:
        if heads & set(evidence.guesses):
            _set(vector, "jedi says it", 1.0)
        elif any(heads & here.index.bases(guess) for guess in evidence.guesses):
            _set(vector, "jedi says a subclass", 1.0)
        else:
            _set(vector, "jedi says another", 1.0)
    made = here.index.made.get(evidence.slot.name)
    if made is not None:
        total_made = sum(made.values())
        own_made = sum(made[head] for head in heads)
        _set(vector, "name made so", own_made / total_made)
        _set(vector, "name made so often", own_made / total_made * math.log(1 + total_made))
    else:
        last = here.index.made.get((words(evidence.slot.name) or [""])[-1])
        if last is not None:
            _set(vector, "last word made so", sum(last[head] for head in heads) / sum(last.values()))
    total = sum(annotated.values())
    if total:
        own = sum(annotated.get(head, 0.0) for head in heads)
        _set(vector, "annotated so", own / total)
        _set(vector, "annotated so often", own / total * math.log(1 + total))
    if not attributes:
        return
    members, is_open = members_of(text, here.index)
    missing = sum(attribute not in members for attribute in attributes)
    if missing and not is_open:
        _set(vector, "attributes refuted", missing / len(attributes) + 0.5)
    elif not missing:
        weight = min(10.0, sum(-math.log(here.index.share_with(attribute)) for attribute in attributes)) / 3
        _set(vector, "attributes agree, open" if is_open else "attributes agree", weight)


def members_of(text: str, index: ProjectIndex) -> tuple[frozenset[str], bool]:
    """The attributes of a type's values, and whether there may be more."""
    found: frozenset[str] = frozenset()
    is_open = False
    for part in known_types.split_union(text):
        name = known_types.head(part)
        known = known_types.members(name)
        if known is not None:
            found |= known
        else:
            members, unknown = index.members(name)
            found |= members | frozenset(dir(object))
            is_open |= unknown
    return found, is_open


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
        mentioned = {name for names in said.values() for name in names} | set(evidence.guesses)
        mentioned |= set(index.made.get(evidence.slot.name, ())) | set(_annotated(evidence.slot, index))
        slot_words = set(_spelled_out(evidence.slot.name))

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


def _spelled_out(name: str) -> list[str]:
    return [_ABBREVIATED.get(word, word) for word in words(name)]


def _similarity(vector: list[float], slot: Slot, name: str) -> None:
    """How alike the slot's name and the class's are."""
    own, theirs = words(slot.name), words(name)
    if slot.kind == "return" and len(own) > 1 and own[0] in _MAKERS:
        own = own[1:]
    if not own or not theirs:
        return
    _set(vector, "name is it", own == theirs)
    _set(vector, "name ends it", own != theirs and (theirs[-len(own):] == own or own[-1:] == theirs[-1:]))
    shared = len(set(own) & set(theirs))
    _set(vector, "words shared", shared / len(set(own) | set(theirs)))
    spelled = [_ABBREVIATED.get(word, word) for word in own]
    joined = "".join(own)
    initials = "".join(word[0] for word in theirs)
    short = (spelled != own and spelled[-1] == theirs[-1]) or (len(joined) > 1 and joined == initials)
    short = short or (len(joined) > 2 and theirs[-1].startswith(joined) and theirs[-1] != joined)
    _set(vector, "abbreviated", short)
