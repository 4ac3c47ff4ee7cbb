"""A corpus on disk: two files of JSON Lines (`train`, `valid`), and `sources.json`, which says what it was made of.

Whole projects are held out, so that what is measured was never trained on; they are read first, so that a near-copy in
another project is what gets dropped.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from ...monitors.errors import CorpusError
from .dedup import Duplicates
from .filters import usable_text
from .licences import is_permissive
from .sources import Project, open_project

Split = Literal["train", "valid"]


@dataclass(frozen=True)
class SourceFile:
    """One file of a corpus; `path` is relative to its project."""

    project: str
    path: str
    text: str


@dataclass
class SourceReport:
    """What became of one project."""

    name: str
    version: str
    licence: str
    split: str
    """"train", "valid", or "left out" when its licence is not permissive or its name is excluded."""
    files: int = 0
    characters: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    """Reason → files left out."""


def build_corpus(
    folder: Path, sources: Sequence[Path], *, held_out: Iterable[str] = (), excluded: Iterable[str] = (),
    valid_share: float = 0.05, any_licence: bool = False, nearly: bool = True, most_characters: int = 0,
) -> list[SourceReport]:  # fmt: skip
    """Read `sources` (see `open_project`), keep what is usable and new, and write the corpus to `folder`.

    `held_out` names the projects to validate on; without any, a share of the projects chosen by their names, at least
    one where there are two. `most_characters` of each project are kept (0: all), so that a giant does not drown the
    rest: its files in an order that depends on their names only. Raises `CorpusError` when nothing is left.
    """
    names, banned = {canonical(name) for name in held_out}, {canonical(name) for name in excluded}
    projects = [open_project(path) for path in sources]
    if not projects:
        raise CorpusError("No sources were given: name folders of Python source, wheels or sdists")
    usable = [p for p in projects if canonical(p.name) not in banned and (any_licence or is_permissive(p.licence))]
    unknown = names - {canonical(project.name) for project in usable}
    if unknown:
        raise CorpusError(f"Held out, but not among the usable sources: {', '.join(sorted(unknown))}")
    if not names and len(usable) > 1:
        by_hash = sorted(usable, key=lambda project: _digest(canonical(project.name)))
        names = {canonical(p.name) for p in by_hash[: max(1, round(valid_share * len(by_hash)))]}
    projects.sort(key=lambda project: (canonical(project.name) not in names, canonical(project.name)))
    try:
        reports = _write(folder, projects, {id(project) for project in usable}, names, Duplicates(nearly), most_characters)
    except OSError as error:
        raise CorpusError(f"The corpus could not be written to {folder}: {error.strerror}") from error
    if not any(report.files for report in reports if report.split == "train"):
        raise CorpusError(f"{folder}: nothing is left to train on. {summary(reports)}")
    return reports


def _write(
    folder: Path, projects: Sequence[Project], usable: set[int], held_out: set[str], duplicates: Duplicates, most: int
) -> list[SourceReport]:
    reports = []
    folder.mkdir(parents=True, exist_ok=True)
    with (
        (folder / "train.jsonl").open("w", encoding="utf-8") as train,
        (folder / "valid.jsonl").open("w", encoding="utf-8") as valid,
    ):
        for project in projects:
            split = "left out" if id(project) not in usable else "valid" if canonical(project.name) in held_out else "train"
            report = SourceReport(project.name, project.version, project.licence, split)
            reports.append(report)
            if split != "left out":
                for file in _kept(project, report, duplicates, most):
                    (valid if split == "valid" else train).write(json.dumps(asdict(file)) + "\n")
    (folder / "sources.json").write_text(json.dumps([asdict(report) for report in reports], indent=1) + "\n", "utf-8")
    return reports


def _kept(project: Project, report: SourceReport, duplicates: Duplicates, most_characters: int) -> list[SourceFile]:
    texts: list[SourceFile] = []
    dropped: Counter[str] = Counter()
    for path, data in project.python_files():
        text, reason = usable_text(path, data)
        if reason:
            dropped[reason] += 1
        else:
            texts.append(SourceFile(project.name, path, text))
    kept = []
    for file in sorted(texts, key=lambda file: _digest(file.path)) if most_characters else texts:
        if most_characters and report.characters + len(file.text) > most_characters:
            dropped["over the share of one project"] += 1
        elif not duplicates.is_new(file.text):
            dropped["a duplicate"] += 1
        else:
            report.files += 1
            report.characters += len(file.text)
            kept.append(file)
    report.dropped = dict(dropped)
    return kept


def read_split(folder: Path, split: Split) -> list[SourceFile]:
    """The files of one half of a corpus; raises `CorpusError` when there is no corpus or it is damaged."""
    path = folder / f"{split}.jsonl"
    try:
        with path.open(encoding="utf-8") as lines:
            return [SourceFile(**json.loads(line)) for line in lines]
    except FileNotFoundError:
        raise CorpusError(f"{folder} is no corpus: it holds no {path.name}. Make one with: fairlead train corpus") from None
    except (OSError, ValueError, TypeError) as error:
        raise CorpusError(f"{path} cannot be read: {error}. Make the corpus again") from error


def read_sources(folder: Path) -> list[dict[str, Any]]:
    """`sources.json` of a corpus; raises `CorpusError`."""
    try:
        found = json.loads((folder / "sources.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CorpusError(f"{folder / 'sources.json'} cannot be read: {error}. Make the corpus again") from error
    return list(found)


def read_names(path: Path) -> list[str]:
    """The projects named in a file, one a line; versions (`name==1.0`) and comments (`#`) are passed over. Raises
    `CorpusError`."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"{path} cannot be read: {error}") from error
    return [name for line in lines if (name := line.partition("#")[0].partition("==")[0].strip())]


def summary(reports: Sequence[SourceReport]) -> str:
    """Files, characters and what was left out, in one line."""
    dropped: Counter[str] = Counter()
    for report in reports:
        dropped.update(report.dropped)
    files, characters = sum(r.files for r in reports), sum(r.characters for r in reports)
    out = [report.name for report in reports if report.split == "left out"]
    parts = [f"{files} files, {characters / 1e6:.1f} M characters of {len(reports) - len(out)} projects"]
    parts += [f"left out for their licence or by name: {', '.join(out)}"] if out else []
    parts += ["files left out: " + ", ".join(f"{count} {reason}" for reason, count in dropped.most_common())] if dropped else []
    return "; ".join(parts)


def canonical(name: str) -> str:
    """A project's name as package indexes compare it."""
    return name.lower().replace("_", "-").replace(".", "-")


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()
