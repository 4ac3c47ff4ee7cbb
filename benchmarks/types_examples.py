"""Examples for learning: the features of every annotated slot of the stripped packages, with its label."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import types_dataset
import types_labels

from fairlead.monitors.project_types import ProjectIndex
from fairlead.monitors.slot_features import features, position_of, sites_of
from fairlead.monitors.slot_places import functions, slots
from fairlead.monitors.slots import Slot
from fairlead.monitors.uses import FunctionUses, uses

CACHE = types_dataset.REPOSITORY / "build" / "types-examples"


@dataclass(frozen=True)
class Example:
    """One annotated slot."""

    project: str
    path: str
    kind: str
    name: str
    offset: int
    features: tuple[str, ...]
    label: str
    """Normalised, without None."""
    optional: bool
    default: str
    trivial: bool


def of_project(project: Path) -> list[Example]:
    """All examples of one project, from the last time if there was one."""
    cached = CACHE / f"{project.parent.name}-{project.name}.pickle"
    if cached.exists():
        with cached.open("rb") as stream:
            found: list[Example] = pickle.load(stream)  # written by the lines below
        return found
    folder, files = types_dataset.write_stripped(project)
    index = ProjectIndex(str(folder))
    while index.survey(1.0) < 1.0:
        pass
    found = [example for one in files for example in _of_file(project.name, one, index)]
    CACHE.mkdir(parents=True, exist_ok=True)
    with cached.open("wb") as stream:
        pickle.dump(found, stream)
    print(f"{project.name}: {len(found)}", file=sys.stderr, flush=True)
    return found


def _of_file(project: str, file: types_dataset.Stripped, index: ProjectIndex) -> Iterator[Example]:
    if not file.labels:
        return
    places: dict[tuple[str, int], Slot] = {(slot.kind, slot.offset): slot for slot in slots(file.text)}
    nodes = functions(file.text)
    known: dict[int, FunctionUses] = {}
    for label in file.labels:
        slot = places.get((label.kind, label.offset))
        if slot is None or slot.function_start not in nodes:
            continue
        if slot.function_start not in known:
            known[slot.function_start] = uses(nodes[slot.function_start])
        found = known[slot.function_start]
        used = found.returns if slot.kind == "return" else found.parameters.get(slot.name, [])
        sites = sites_of(index, slot, position_of(nodes[slot.function_start], slot.name))
        yield Example(
            project, file.path, label.kind, label.name, label.offset, features(slot, used, sites),
            types_labels.without_none(label.type), types_labels.is_optional(label.type), label.default, label.trivial,
        )  # fmt: skip
