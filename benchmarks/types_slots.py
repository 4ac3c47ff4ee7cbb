"""Slots of stripped projects as the second stage sees them: candidates with their vectors, and the truth."""

from __future__ import annotations

import pickle
import random
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import types_dataset
import types_labels

from fairlead.monitors.analysis import Document
from fairlead.monitors.file_names import file_names
from fairlead.monitors.module_names import module_name
from fairlead.monitors.project_types import ProjectIndex
from fairlead.monitors.slot_evidence import TypeEvidence
from fairlead.monitors.slot_features import position_of, sites_of
from fairlead.monitors.slot_following import Follower
from fairlead.monitors.slot_places import functions, slots
from fairlead.monitors.slots import Slot
from fairlead.monitors.type_candidates import candidates
from fairlead.monitors.type_judging import Surroundings, optional_vector
from fairlead.monitors.type_rules import decided
from fairlead.monitors.uses import uses

CACHE = types_dataset.REPOSITORY / "build" / "types-slots"
MOST = {"parameter": 100, "return": 60}
"""Slots of a project that are looked at."""


@dataclass(frozen=True)
class Record:
    """One slot. `truth` is the index of the candidate that is right, -1 for none of them."""

    project: str
    path: str
    offset: int
    kind: str
    name: str
    label: str
    """As written."""
    default: str
    trivial: bool
    decided: str
    """What a rule says, which then counts alone."""
    texts: tuple[str, ...]
    kinds: tuple[str, ...]
    vectors: np.ndarray
    """(candidates, features) float32."""
    other: tuple[float, ...]
    optional: tuple[float, ...]
    """What speaks for None."""
    follows: str
    truth: int
    attributes: int
    """How many the body uses."""
    milliseconds: float


def of_project(project: Path) -> list[Record]:
    """Records of some slots of each kind, drawn the same way every time; from the last time if nothing changed since."""
    cached = CACHE / f"{project.parent.name}-{project.name}.pickle"
    if cached.exists() and cached.stat().st_mtime > _changed():
        with cached.open("rb") as stream:
            found: list[Record] = pickle.load(stream)  # written by the lines below
        return found
    begun = time.monotonic()
    folder, files = types_dataset.write_stripped(project)
    found = _records(project.name, folder, files)
    CACHE.mkdir(parents=True, exist_ok=True)
    with cached.open("wb") as stream:
        pickle.dump(found, stream)
    print(f"{project.name}: {len(found)} slots, {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    return found


def _changed() -> float:
    """When what records are made of was last written."""
    own = types_dataset.REPOSITORY / "monitors"
    paths = [*own.glob("type_*.py"), *own.glob("slot*.py"), own / "uses.py", own / "project_types.py",
             own / "data" / "type_tables.json.gz"]  # fmt: skip
    return max(path.stat().st_mtime for path in paths)


def draw(name: str, files: list[types_dataset.Stripped], most: dict[str, int] = MOST) -> list[tuple[int, types_dataset.Label]]:
    """(file, label) of the slots that are looked at, by file."""
    found = []
    for kind, count in most.items():
        every = [(at, label) for at, file in enumerate(files) for label in file.labels if label.kind == kind]
        random.Random(name + kind).shuffle(every)
        found += every[:count]
    return sorted(found, key=lambda pair: (pair[0], pair[1].offset))


def _records(name: str, folder: Path, files: list[types_dataset.Stripped]) -> list[Record]:
    index = ProjectIndex(str(folder))
    while index.survey(1.0) < 1.0:
        pass
    follower = Follower(index)
    found = []
    last, places, nodes, bound, document = -1, {}, {}, {}, Document("", "")
    for at, label in draw(name, files):
        file = files[at]
        if at != last:
            last = at
            document = Document(str(folder / file.path), file.text, 1, str(folder))
            places: dict[tuple[str, int], Slot] = {(slot.kind, slot.offset): slot for slot in slots(file.text)}
            nodes = functions(file.text)
            module = module_name(document.path, document.root)
            bound = file_names(file.text, module, file.path.endswith("__init__.py"))
        slot = places.get((label.kind, label.offset))
        if slot is None or slot.function_start not in nodes:
            continue
        begun = time.perf_counter()
        node = nodes[slot.function_start]
        used = uses(node)
        rule = decided(slot, used)
        sites = sites_of(index, slot, position_of(node, slot.name))
        followed = follower.follow(document, module, slot, used, sites)
        seen = TypeEvidence.seen(slot, used, sites, followed)
        every, other = candidates(seen, Surroundings(index, module, bound, follower.met))
        wanted = types_labels.without_none(label.type)
        truth = next((at for at, one in enumerate(every) if one.text == wanted), -1)
        found.append(Record(
            name, file.path, label.offset, label.kind, label.name, label.type, label.default, label.trivial, rule,
            tuple(one.text for one in every), tuple(one.kind for one in every),
            np.array([one.vector for one in every], dtype=np.float32), other, optional_vector(seen), followed.follows, truth,
            len(used.attributes(slot.name)) if slot.kind != "return" else 0, (time.perf_counter() - begun) * 1000,
        ))  # fmt: skip
    return found
