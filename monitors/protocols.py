"""Protocols: the states of a class's objects, what may be called in each, and where that leads.

A protocol is data. Ours are in `standard_protocols`; a user writes more in `pyproject.toml`, under
`[tool.fairlead.protocols]`, or in a TOML file that `tool.fairlead.protocols` names:

    [tool.fairlead.protocols."shop.link.Link"]
    start = "idle"                                  # the state of a new one
    created = {"shop.link.dial" = "live"}           # other functions that give one, and in which state
    called = "link"                                 # how it is spoken of, in place of the class's name
    with_self = true                                # `with Link() as x`: x is the Link
    final = ["closed"]                              # states that nothing leaves, whoever holds the object
    [tool.fairlead.protocols."shop.link.Link".states]
    idle = {leads = {open = "live"}}
    live = {legal = ["send"], leads = {close = "closed", __exit__ = "closed"}}
    closed = {}

A name that some state mentions is refused in the states that do not; names that no state mentions are always legal. A
lead may be a list of states, any of which may follow, or "?": from there on nothing is known.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .reader import read_bytes
from .standard_protocols import STANDARD

UNKNOWN = "?"
SIZE_LIMIT = 512 * 1024
"""Bytes of a user's file; longer ones are not read."""
_MOST = 500
_KEYS = frozenset({"start", "created", "states", "final", "with_self", "types", "unless", "like", "called"})


@dataclass(frozen=True)
class Stage:
    """One state: what may be called without leaving it, and what leads to others."""

    legal: frozenset[str] = frozenset()
    leads: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def names(self) -> frozenset[str]:
        """What the state mentions."""
        return self.legal | frozenset(self.leads)


@dataclass(frozen=True)
class Creation:
    """In which state a call gives an object: always `state`, or depending on the text of one string argument.

    The argument is the one at `position` or named `keyword`; `absent` holds without it, `state` if it is none of
    `values` or no plain string.
    """

    state: str
    position: int = -1
    keyword: str = ""
    absent: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Protocol:
    """The states of one class's objects. `creators` are dotted names; `a.B().name` is a method of an object just made;
    `.name` one of any object, which counts only where analysis says that it gave one of `types`."""

    name: str
    stages: Mapping[str, Stage]
    creators: Mapping[str, Creation]
    final: frozenset[str] = frozenset()
    with_self: bool = False
    types: frozenset[str] = frozenset()
    unless: frozenset[str] = frozenset()
    """Arguments whose presence in the creating call leaves the object unknown."""
    called: str = ""

    @property
    def short(self) -> str:
        """What a person calls such an object."""
        return self.called or self.name.rpartition(".")[2]

    @property
    def mentioned(self) -> frozenset[str]:
        """Every name that some state mentions."""
        return frozenset().union(*(stage.names() for stage in self.stages.values()))

    def refused(self, states: Iterable[str]) -> frozenset[str]:
        """The names that are wrong in every one of these states; empty if a state is not known."""
        stages = [self.stages.get(state) for state in states]
        if not stages or None in stages:
            return frozenset()
        return frozenset.intersection(*(self.mentioned - stage.names() for stage in stages if stage is not None))

    def after(self, state: str, name: str) -> frozenset[str]:
        """The states after calling `name`, which changes nothing where the state does not mention it."""
        stage = self.stages.get(state)
        return frozenset({state}) if stage is None else stage.leads.get(name, frozenset({state}))

    def anywhere(self, state: str) -> frozenset[str]:
        """The states to reckon with once somebody else holds the object too."""
        return frozenset({state}) if state in self.final else frozenset(self.stages)

    def leaves(self, name: str) -> bool:
        """Whether calling `name` changes the state of some object."""
        return any(name in stage.leads for stage in self.stages.values())


@dataclass(frozen=True)
class Protocols:
    """All that are declared. `problems` says, for a person, what of a user's declarations cannot be used."""

    by_name: Mapping[str, Protocol] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        makers: dict[str, tuple[Protocol, Creation]] = {}
        for protocol in self.by_name.values():
            for creator, creation in protocol.creators.items():
                makers.setdefault(creator, (protocol, creation))
        object.__setattr__(self, "_makers", makers)

    def maker(self, creator: str) -> tuple[Protocol, Creation] | None:
        """The protocol of what a call of this dotted name gives."""
        found: tuple[Protocol, Creation] | None = self._makers.get(creator)  # type: ignore[attr-defined] # made above
        return found


def read(declared: object, where: str) -> Protocols:
    """Protocols from plain data, each by itself: one that cannot be used is a problem, and the others are kept."""
    if not isinstance(declared, Mapping):
        return Protocols({}, (f"{where}: protocols must be a table of classes, or the name of a file",))
    found: dict[str, Protocol] = {}
    problems: list[str] = []
    for position, name in enumerate(declared):
        if position >= _MOST:
            problems.append(f"{where}: only the first {_MOST} protocols are read")
            break
        body, problem = _inherited(declared, str(name))
        if not problem:
            made = _protocol(str(name), body)
            if isinstance(made, Protocol):
                found[made.name] = made
                continue
            problem = made
        problems.append(f"{where}: the protocol of {name} is not used: {problem}")
    return Protocols(found, tuple(problems))


def _inherited(declared: Mapping[Any, Any], name: str) -> tuple[Mapping[str, Any], str]:
    """The declaration with what it is `like` filled in, or what is wrong."""
    chain: list[str] = []
    bodies: list[Mapping[str, Any]] = []
    at = name
    while True:
        if at in chain:
            return {}, "it is like itself: " + " → ".join((*chain, at))
        body = declared.get(at, STANDARD.get(at))
        if not isinstance(body, Mapping):
            return {}, f"there is no protocol of {at} to be like" if chain else "it is no table"
        chain.append(at)
        bodies.append(body)
        if "like" not in body:
            break
        if not isinstance(body["like"], str):
            return {}, "like must be the name of a class"
        at = body["like"]
    whole: dict[str, Any] = {}
    for depth, body in reversed(list(enumerate(bodies))):
        # Who makes the other class's objects does not make ours.
        whole |= {key: value for key, value in body.items() if depth == 0 or key not in ("created", "types", "called")}
    whole.pop("like", None)
    return whole, ""


def _protocol(name: str, body: Mapping[str, Any]) -> Protocol | str:
    """A protocol, or what is wrong with it."""
    strange = sorted(str(key) for key in body if key not in _KEYS)
    if strange:
        return f"{strange[0]!r} is none of {', '.join(sorted(_KEYS))}"
    if not _dotted(name):
        return "its name is no dotted name of a class"
    declared = body.get("states")
    if not isinstance(declared, Mapping) or not declared:
        return "it has no states"
    stages: dict[str, Stage] = {}
    for state, content in declared.items():
        stage = _stage(content)
        if isinstance(stage, str):
            return f"state {state!r}: {stage}"
        stages[str(state)] = stage
    for state, stage in stages.items():
        for method, targets in stage.leads.items():
            lost = sorted(targets - set(stages) - {UNKNOWN})
            if lost:
                return f"state {state!r}: {method} leads to {lost[0]!r}, which is no state"
    creators: dict[str, Creation] = {}
    if "start" in body:
        creators[name] = Creation(str(body["start"]))
    created = body.get("created", {})
    if not isinstance(created, Mapping):
        return "created must be a table of functions and states"
    for creator, content in created.items():
        creation = _creation(content)
        if isinstance(creation, str):
            return f"created {creator!r}: {creation}"
        creators[str(creator)] = creation
    if not creators:
        return "neither start nor created says in which state an object begins"
    for creation in creators.values():
        for state in (creation.state, creation.absent or creation.state, *creation.values.values()):
            if state not in stages:
                return f"{state!r} is no state"
    lists = {}
    for key in ("final", "types", "unless"):
        names = _names(body.get(key, []))
        if names is None:
            return f"{key} must be a list of names"
        lists[key] = names
    if lists["final"] - set(stages):
        return f"final: {min(lists['final'] - set(stages))!r} is no state"
    if not isinstance(body.get("called", ""), str):
        return "called must be a word"
    if not isinstance(body.get("with_self", False), bool):
        return "with_self must be true or false"
    for state in lists["final"]:
        if any(targets != {state} for targets in stages[state].leads.values()):
            return f"state {state!r} is final, and something leads out of it"
    return Protocol(
        name, stages, creators, lists["final"], bool(body.get("with_self", False)), lists["types"], lists["unless"],
        str(body.get("called", "")),
    )  # fmt: skip


def _stage(content: object) -> Stage | str:
    if not isinstance(content, Mapping):
        return "it must be a table with legal and leads"
    strange = sorted(str(key) for key in content if key not in ("legal", "leads"))
    if strange:
        return f"{strange[0]!r} is neither legal nor leads"
    legal = _names(content.get("legal", []))
    if legal is None:
        return "legal must be a list of names"
    declared = content.get("leads", {})
    if not isinstance(declared, Mapping):
        return "leads must be a table of methods and states"
    leads = {}
    for method, target in declared.items():
        targets = _names([target] if isinstance(target, str) else target, identifiers=False)
        if not targets or not str(method).isidentifier():
            return f"{method} must be a method that leads to a state, or to one of a list of states"
        leads[str(method)] = targets
    return Stage(legal, leads)


def _creation(content: object) -> Creation | str:
    if isinstance(content, str):
        return Creation(content)
    if not isinstance(content, Mapping):
        return "it must be a state, or a table"
    state, values = content.get("otherwise"), content.get("values")
    absent, keyword, position = content.get("absent"), content.get("keyword", ""), content.get("position", -1)
    if not isinstance(state, str) or not isinstance(absent, str) or not isinstance(values, Mapping):
        return "it must have otherwise, absent and values"
    if not isinstance(keyword, str) or not isinstance(position, int):
        return "keyword must be a name, position a number"
    return Creation(state, position, keyword, absent, {str(key): str(value) for key, value in values.items()})


def _names(content: object, identifiers: bool = True) -> frozenset[str] | None:
    if not isinstance(content, list | tuple) or not all(isinstance(one, str) for one in content):
        return None
    if identifiers and not all(one.replace(" ", "_").isidentifier() for one in content):
        return None
    return frozenset(content)


def _dotted(name: str) -> bool:
    return all(part.isidentifier() for part in name.split("."))


_STANDARD = read(STANDARD, "standard")
_kept: dict[str, tuple[tuple[Any, ...], Protocols]] = {}


def protocols_of(root: str) -> Protocols:
    """The standard protocols and those of the project in the folder `root`; a class declared there is the user's.

    Never raises: what cannot be read or used is among the problems. Costs a look at one or two files, which are read
    again when they have changed.
    """
    if not root:
        return _STANDARD
    path = os.path.join(root, "pyproject.toml")
    stamp: tuple[Any, ...] = (_stamp(path),)
    known = _kept.get(root)
    if known is not None and known[0][:1] == stamp and all(_stamp(named) == seen for named, seen in known[0][1:]):
        return known[1]
    loaded, files = _load(root, path)
    _kept[root] = ((*stamp, *((name, _stamp(name)) for name in files)), loaded)
    return loaded


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns, status.st_size


def _load(root: str, path: str) -> tuple[Protocols, list[str]]:
    if _stamp(path) is None:
        return _STANDARD, []
    table, problem = _toml(path)
    if problem:
        return Protocols(_STANDARD.by_name, (problem,)), []
    tool = table.get("tool")
    section = tool.get("fairlead") if isinstance(tool, Mapping) else None
    declared = section.get("protocols") if isinstance(section, Mapping) else None
    if declared is None:
        return _STANDARD, []
    files: list[str] = []
    where = "pyproject.toml"
    if isinstance(declared, str):
        where, named = declared, os.path.join(root, declared)
        files.append(named)
        declared, problem = _toml(named)
        if problem:
            return Protocols(_STANDARD.by_name, (problem,)), files
        declared = declared.get("protocols", declared)
    users = read(declared, where)
    return Protocols({**users.by_name, **_not_in(users)}, users.problems), files


def _not_in(users: Protocols) -> dict[str, Protocol]:
    return {name: protocol for name, protocol in _STANDARD.by_name.items() if name not in users.by_name}


def _toml(path: str) -> tuple[dict[str, Any], str]:
    """A file's table, or what is wrong with it."""
    name = os.path.basename(path)
    try:
        return tomllib.loads(read_bytes(path, SIZE_LIMIT).decode("utf-8")), ""
    except OSError as error:
        return {}, f"{name}: cannot be read ({error.strerror or error})"
    except (ValueError, RecursionError) as error:
        return {}, f"{name}: is no TOML ({error})"
