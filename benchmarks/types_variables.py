"""Variables in functions and attributes of `self` whose annotation is taken away: what follows, what is predicted.

Apart from the other benchmark: annotations of variables stay where parameters are measured. Part of the page that
types_accuracy.py writes; `python benchmarks/types_variables.py` prints its table alone.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator
from dataclasses import dataclass

import types_dataset
import types_labels

from fairlead.monitors.analysis import Document
from fairlead.monitors.inline import InlineAnalysis
from fairlead.monitors.slot_places import slots
from fairlead.monitors.type_inference import TypeInference

MOST = 12
"""Slots of each kind that are taken from a project."""

_FOLDER = types_dataset.REPOSITORY / "build" / "types-stripped-variables"


@dataclass(frozen=True)
class Answer:
    """What is said at one slot: the static type, the likeliest prediction with the lower end of its interval."""

    kind: str
    label: str
    static: str
    predicted: str
    low: float


def stripped(text: str) -> tuple[str, list[tuple[str, int, str]]]:
    """The text without the annotations of variables and attributes in functions, and (kind, offset, label) of each."""
    lines = types_dataset._Lines(text)
    cuts, found = [], []
    for function in ast.walk(ast.parse(text)):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for node in ast.walk(function):
            if not isinstance(node, ast.AnnAssign) or node.value is None:
                continue
            end = lines.end(node.target)
            if isinstance(node.target, ast.Name) and node.simple:
                kind, offset = "variable", end - len(node.target.id)
            elif isinstance(node.target, ast.Attribute) and isinstance(node.target.value, ast.Name):
                kind, offset = "attribute", end - len(node.target.attr)
            else:
                continue
            if all(cut[0] != end for cut in cuts):
                cuts.append((end, lines.end(node.annotation), ""))
                found.append((kind, offset, lines.code(node.annotation)))
    shorter, moved = types_dataset._cut(text, cuts)
    return shorter, [(kind, moved(offset), label) for kind, offset, label in found if types_labels.is_usable(label)]


def answers(project: str) -> Iterator[Answer]:
    """What is said at some slots of a project of "test"."""
    _, files = types_dataset.write_stripped(types_dataset.PACKAGES / "test" / project)
    root = _FOLDER / project
    every = []
    for file in files:
        text, labels = stripped(file.text)
        path = root / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        every += [(str(path), text, *label) for label in labels]
    inference = TypeInference(InlineAnalysis())
    for wanted in ("attribute", "variable"):
        own = [one for one in every if one[2] == wanted]
        random.Random(project + wanted).shuffle(own)
        for path, text, kind, offset, label in own[:MOST]:
            slot = next((one for one in slots(text) if (one.kind, one.offset) == (kind, offset)), None)
            if slot is not None:
                said = inference.infer(Document(path, text, 1, str(root)), [slot])[0]
                best = said.best
                yield Answer(kind, label, said.static, best.text if best else "", best.low if best else 0.0)


def table(projects: list[str], shown: float) -> list[str]:
    """A row for each kind. `shown` is the lower bound from which a prediction is shown."""
    said = [answer for project in projects for answer in answers(project)]
    lines = [
        "| in functions | slots | static type | right (base) | predicted beyond it | right (base) | shown | right (base) |",
        "|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for kind in ("attribute", "variable"):
        own = [one for one in said if one.kind == kind]
        static = [one for one in own if one.static]
        guessed = [one for one in own if one.predicted and not one.static]
        sure = [one for one in guessed if one.low >= shown]
        lines.append(
            f"| {kind}s | {len(own)} | {_share(len(static), len(own))} | {_right(static, 'static')} "
            f"| {_share(len(guessed), len(own))} | {_right(guessed, 'predicted')} "
            f"| {_share(len(sure), len(own))} | {_right(sure, 'predicted')} |"
        )
    return lines


def _right(own: list[Answer], what: str) -> str:
    return _share(sum(types_labels.base(getattr(one, what)) == types_labels.base(one.label) for one in own), len(own))


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "–"


if __name__ == "__main__":
    types_dataset.install("test")
    print("\n".join(table([one.split("==")[0] for one in types_dataset.section("test")], 0.8)))
