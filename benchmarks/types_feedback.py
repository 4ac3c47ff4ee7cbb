"""What telling analysis a predicted type is worth: how often the attribute that is read is offered behind a parameter.

`python benchmarks/types_feedback.py` takes dereferences of parameters whose annotation was stripped, in the packages of "test",
and asks for the list behind the dot three times: as it is, with our prediction told, with the true annotation told.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import sys
from dataclasses import dataclass

import types_dataset
import types_labels
from machine import made_by, write_page

from fairlead.monitors.analysis import Document
from fairlead.monitors.file_names import file_names
from fairlead.monitors.inline import InlineAnalysis
from fairlead.monitors.module_names import module_name
from fairlead.monitors.project_types import ProjectIndex
from fairlead.monitors.shadow import receiver_slot, shadowed, worth_telling
from fairlead.monitors.type_candidates import Surroundings, module_of
from fairlead.monitors.type_inference import TypeInference, written
from fairlead.monitors.types_answer import Scored

LEAST = 0.15
"""The server's own threshold (session.LEAST_TOLD)."""


@dataclass(frozen=True)
class Access:
    """One dereference of a parameter: `dot` is the offset behind the dot in the stripped file."""

    file: int
    dot: int
    attribute: str
    label: types_dataset.Label


def accesses(files: list[types_dataset.Stripped]) -> list[Access]:
    """Every dereference of an annotated parameter, by its name, in its own function."""
    found = []
    for at, file in enumerate(files):
        labels = {label.offset: label for label in file.labels if label.kind == "parameter"}
        lines = types_dataset._Lines(file.text)
        for function in ast.walk(ast.parse(file.text)):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            own = {
                argument.arg: labels[offset] for argument, _ in types_dataset._arguments(function.args)
                if (offset := lines.offset(argument.lineno, argument.col_offset)) in labels
                and argument not in (function.args.vararg, function.args.kwarg)
            }  # fmt: skip
            found += [
                Access(at, lines.end(node) - len(node.attr), node.attr, own[node.value.id])
                for node in ast.walk(function)
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in own
                and isinstance(node.ctx, ast.Load)
            ]  # fmt: skip
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--projects", type=int, default=1000)
    parser.add_argument("--accesses", type=int, default=10)
    arguments = parser.parse_args()
    arms = ("nothing told", "prediction told", "true annotation told")
    offered = dict.fromkeys(arms, 0)
    silent = dict.fromkeys(arms, 0)
    told_count = total = wrong = projects = 0
    for project in types_dataset.install("test")[: arguments.projects]:
        folder, files = types_dataset.write_stripped(project)
        every = accesses(files)
        random.Random(project.name).shuffle(every)
        index = ProjectIndex(str(folder))
        while index.survey(1.0) < 1.0:
            pass
        analysis = InlineAnalysis()
        inference = TypeInference(analysis)
        projects += 1
        for access in every[: arguments.accesses]:
            text = files[access.file].text
            text = text[: access.dot] + text[access.dot + len(access.attribute) :]
            document = Document(os.path.join(folder, files[access.file].path), text, 1, str(folder))
            slot = receiver_slot(document, access.dot)
            if slot is None or slot.offset != access.label.offset:
                continue
            total += 1
            whole = Document(document.path, files[access.file].text, 1, document.root)
            guess, imports, _ = worth_telling(inference.infer(whole, [slot])[0], LEAST)
            told_count += bool(guess)
            module = module_name(document.path, document.root)
            bound = file_names(text, module, document.path.endswith("__init__.py"))
            label = types_labels.without_none(access.label.type)
            own = Scored(label, "class", module_of(label, Surroundings(index, module, bound)), 0.0)
            true, true_imports, _ = written(label, {label: own}, bound, module)
            guessed = [(slot, guess, imports)] if guess else []
            for arm, types in zip(arms, ([], guessed, [(slot, true, true_imports)]), strict=True):
                told, offset = shadowed(document, access.dot, types)
                names = {member.name for member in analysis.members(told, offset).result().members}
                offered[arm] += access.attribute in names
                silent[arm] += not names
                wrong += arm == arms[1] and bool(names) and access.attribute not in names
        print(f"{project.name}: {total} so far, {offered}", file=sys.stderr, flush=True)
    page = [
        "# Predicted types told to analysis", "",
        f"{total} dereferences of parameters whose annotation was stripped, in {projects} packages. Offered is the "
        "attribute that stands there in truth. A prediction is told from a probability of "
        f"{LEAST:.0%}; it ranks and informs, the place stays open.", "",
        "| | offered | nothing listed |", "|---|---|---|",
        *(f"| {arm} | {offered[arm] / total:.1%} | {silent[arm] / total:.1%} |" for arm in arms), "",
        f"**With predictions {offered[arms[1]] / max(1, offered[arms[0]]):.2f} × as often as without.** "
        f"Something was told at {told_count / total:.1%}; a list without the attribute came of it at {wrong / total:.1%}, "
        "where names that are not listed can still be written.", "",
        made_by("python benchmarks/types_feedback.py"),
    ]  # fmt: skip
    write_page("types-feedback", "\n".join(page))


if __name__ == "__main__":
    main()
