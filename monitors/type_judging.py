"""What speaks for and against one type at one slot, as a vector of numbers; the fitted weights say what each is worth."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from . import known_types
from .project_types import CallSite, ProjectIndex
from .slots import Slot
from .type_tables import Opinion
from .type_texts import known_part, without_none
from .uses import FunctionUses, words

FEATURES = (
    "table", "class group", "is alias", "is library", "is class", "name is it", "name ends it", "words shared",
    "abbreviated", "defined here", "imported here", "mentioned", "attributes agree", "attributes agree, open",
    "attributes refuted", "tested for", "documented", "default names it", "made by its call", "own class",
    "annotated so", "annotated so often", "private", "subclasses", "crowd", "imported known", "name made so",
    "name made so often", "last word made so", "language model", "composed", "group of it", "head in tables", "follows",
    "follows in part", "follows, head", "follows, a subclass", "follows another", "follows, kin", "follows, as Self",
    "passed", "passed, head", "passed, a subclass", "passed another", "default is it", "default is another",
)  # fmt: skip
"""What each number of a candidate's vector is."""

OPTIONAL_FEATURES = (
    "always", "table", "follows with None", "follows without None", "follows in part", "passed with None",
    "passed without None", "default is None",
)  # fmt: skip
"""What speaks for None beside the type."""

INDEX = {name: at for at, name in enumerate(FEATURES)}
_MAKERS = frozenset({"get", "make", "create", "build", "to", "as", "from", "parse", "new", "load"})
_ABBREVIATED = {
    "ctx": "context", "cfg": "config", "conf": "config", "req": "request", "resp": "response", "res": "response",
    "conn": "connection", "msg": "message", "db": "database", "env": "environment", "cmd": "command", "opts": "options",
    "arg": "argument", "param": "parameter", "fn": "function", "func": "function", "cls": "class", "elem": "element",
    "doc": "document", "sess": "session", "repo": "repository", "spec": "specification", "stmt": "statement",
    "expr": "expression", "attr": "attribute", "mgr": "manager", "sock": "socket", "loc": "location", "info": "information",
}  # fmt: skip


@dataclass
class Evidence:
    """What is known of one slot, for scoring: its uses, the learned opinion, call sites, what follows from the code."""

    slot: Slot
    uses: FunctionUses
    opinion: Opinion
    sites: Sequence[CallSite] = ()
    follows: str = ""
    """The type that follows from the code, None included (see `type_expressions`); of a parameter, that of what it is
    stored in. Any, or "", where nothing does."""
    passed: str = ""
    """The type of what is passed where the function is called."""
    default: str = ""
    """The type of the default value."""
    attributes: tuple[str, ...] = ()
    """What is read, anywhere in its class, from the attribute that a parameter is stored in."""

    @property
    def documented(self) -> tuple[str, ...]:
        """The types that docstrings name, with their arguments."""
        used = self.uses.returns if self.slot.kind == "return" else self.uses.parameters.get(self.slot.name, [])
        return tuple(use.detail for use in used if use.token.startswith("doc:"))


@dataclass
class Surroundings:
    """What a document can name."""

    index: ProjectIndex
    module: str = ""
    bound: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Names the file has, each with (module, name) it stands for; of its own classes its own module."""
    met: Callable[[str], str] = lambda name: ""
    """The module of a class that was met while following the code; "" if none was."""


def said_classes(evidence: Evidence) -> dict[str, set[str]]:
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
            found["documented"].add(known_types.head(use.detail))
        elif verb in ("ret", "yield") and use.detail:
            found["made by its call"].add(use.detail)
        elif verb in ("default", "re", "or") and ":call:" in use.token:
            found["default names it"].add(use.token.rpartition(":")[2])
    if slot.default[:1].isupper() and "." in slot.default:
        found["default names it"].add(slot.default.split(".")[0])
    found["made by its call"].update(site.told for site in evidence.sites if site.shape.startswith("call:"))
    return found


def annotated_types(slot: Slot, index: ProjectIndex) -> dict[str, float]:
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


def judge(
    vector: list[float], text: str, evidence: Evidence, said: dict[str, set[str]], annotated: dict[str, float],
    here: Surroundings, attributes: tuple[str, ...],
) -> None:  # fmt: skip
    """Write into the vector of the candidate `text` all that depends on the slot; `said` and `annotated` are what
    `said_classes` and `annotated_types` find there, `attributes` what is read from the value."""
    heads = {known_types.head(part) for part in known_types.split_union(text)}
    for what, names in said.items():
        put(vector, what, bool(heads & names))
    put(vector, "own class", evidence.slot.function.rpartition(".")[0].rpartition(".")[2] in heads)
    _agreement(vector, text, heads, evidence, here)
    made = here.index.made.get(evidence.slot.name)
    if made is not None:
        total_made = sum(made.values())
        own_made = sum(made[head] for head in heads)
        put(vector, "name made so", own_made / total_made)
        put(vector, "name made so often", own_made / total_made * math.log(1 + total_made))
    else:
        last = here.index.made.get((words(evidence.slot.name) or [""])[-1])
        if last is not None:
            put(vector, "last word made so", sum(last[head] for head in heads) / sum(last.values()))
    total = sum(annotated.values())
    if total:
        own = sum(annotated.get(head, 0.0) for head in heads)
        put(vector, "annotated so", own / total)
        put(vector, "annotated so often", own / total * math.log(1 + total))
    if not attributes:
        return
    members, is_open = members_of(text, here.index)
    missing = sum(attribute not in members for attribute in attributes)
    if missing and not is_open:
        put(vector, "attributes refuted", missing / len(attributes) + 0.5)
    elif not missing:
        weight = min(10.0, sum(-math.log(here.index.share_with(attribute)) for attribute in attributes)) / 3
        put(vector, "attributes agree, open" if is_open else "attributes agree", weight)


_KIN = {
    "Iterator": frozenset({"Iterable", "Generator"}), "AsyncIterator": frozenset({"AsyncIterable", "AsyncGenerator"}),
    "list": frozenset({"Sequence", "Iterable", "Collection"}), "dict": frozenset({"Mapping", "MutableMapping"}),
    "int": frozenset({"float"}),
}  # fmt: skip
"""Types that people write where another follows."""


def _agreement(vector: list[float], text: str, heads: set[str], evidence: Evidence, here: Surroundings) -> None:
    """How the candidate agrees with the types that were followed."""
    for what, followed in (("follows", evidence.follows), ("passed", evidence.passed)):
        known = known_part(followed)
        plain = without_none(known) if known else ""
        if not plain or plain == "None":
            continue
        own = {known_types.head(part) for part in known_types.split_union(plain)}
        if text == plain:
            put(vector, "follows in part" if what == "follows" and known != followed else what, 1.0)
        elif what == "follows" and text == "Self" and plain == evidence.slot.function.rpartition(".")[0].rpartition(".")[2]:
            put(vector, "follows, as Self", 1.0)
        elif heads == own:
            put(vector, f"{what}, head", 1.0)
        elif what == "follows" and len(own) == 1 and heads <= _KIN.get(next(iter(own)), frozenset()):
            put(vector, "follows, kin", 1.0)
        elif all(heads & here.index.bases(one) or one in heads for one in own):
            put(vector, f"{what}, a subclass", 1.0)
        else:
            put(vector, f"{what} another", 1.0)
    default = known_part(evidence.default)
    if default and default != "None":
        own = {known_types.head(part) for part in known_types.split_union(default)} - {"None"}
        put(vector, "default is it" if own & heads else "default is another", 1.0)


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


def spelled_out(name: str) -> list[str]:
    """The words of a name in lower case, abbreviations written out."""
    return [_ABBREVIATED.get(word, word) for word in words(name)]


def similarity(vector: list[float], slot: Slot, name: str) -> None:
    """How alike the slot's name and the class's are."""
    own, theirs = words(slot.name), words(name)
    if slot.kind == "return" and len(own) > 1 and own[0] in _MAKERS:
        own = own[1:]
    if not own or not theirs:
        return
    put(vector, "name is it", own == theirs)
    put(vector, "name ends it", own != theirs and (theirs[-len(own):] == own or own[-1:] == theirs[-1:]))
    shared = len(set(own) & set(theirs))
    put(vector, "words shared", shared / len(set(own) | set(theirs)))
    spelled = [_ABBREVIATED.get(word, word) for word in own]
    joined = "".join(own)
    initials = "".join(word[0] for word in theirs)
    short = (spelled != own and spelled[-1] == theirs[-1]) or (len(joined) > 1 and joined == initials)
    short = short or (len(joined) > 2 and theirs[-1].startswith(joined) and theirs[-1] != joined)
    put(vector, "abbreviated", short)


def optional_vector(evidence: Evidence) -> tuple[float, ...]:
    """What speaks for None, as numbers in the order of `OPTIONAL_FEATURES`."""
    share = min(1 - 1e-6, max(1e-6, evidence.opinion.optional))
    both = (evidence.follows, evidence.passed)
    follows, passed = (known_types.split_union(text) if known_part(text) else [] for text in both)
    whole = bool(follows) and "Any" not in follows
    return (
        1.0, math.log(share / (1 - share)), float("None" in follows), float(whole and "None" not in follows),
        float(bool(follows) and not whole), float("None" in passed), float(bool(passed) and "None" not in passed),
        float(evidence.slot.default == "None"),
    )  # fmt: skip


def blank() -> list[float]:
    """A vector in the order of `FEATURES` of which nothing is known."""
    return [0.0] * len(FEATURES)


def put(vector: list[float], name: str, value: float) -> None:
    """Write one number of a vector, by its name in `FEATURES`; KeyError for any other name."""
    vector[INDEX[name]] = float(value)


