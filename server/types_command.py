"""`fairlead types`: what is inferred and predicted where nobody wrote a type, and the annotations written if asked for.

Reads files and folders; writes only with `--apply`, and then only what `monitors.annotating` has proven.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..monitors.analysis import Document
from ..monitors.annotating import Wish, annotate
from ..monitors.errors import PositionError
from ..monitors.slot_places import slots
from ..monitors.slots import Inference, Inferred, Slot
from . import claims
from .complete import Position, offset_of, read_document, root_of
from .printable import printable
from .python_version import oldest_python
from .settings import Settings
from .slot_search import slot_at

Mode = Literal["table", "json", "diff", "apply"]
"""What is done with the answers."""

SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages"})
"""Folders that hold nobody's own code; hidden ones and environments are skipped too."""

BAR = 30
"""Characters of the progress bar."""


@dataclass(frozen=True)
class Target:
    """What was asked about: a file or folder, or a line or a place of a file. 0 is none; both count from 1."""

    path: str
    line: int = 0
    column: int = 0


@dataclass(frozen=True)
class Answer:
    """What is known of one file: the records that `--json` prints, and the text with its confident annotations."""

    path: str
    records: tuple[dict[str, Any], ...]
    document: Document | None = None
    encoding: str = "utf-8"
    annotated: str = ""
    written: int = 0
    refused: tuple[str, ...] = ()


def parse(text: str) -> Target:
    """`PATH`, `PATH:LINE` or `PATH:LINE:COLUMN`; a file whose name ends in a number is itself."""
    numbers: list[int] = []
    path = text
    while len(numbers) < 2 and not os.path.exists(path):
        before, colon, last = path.rpartition(":")
        if not colon or not before or not last.isdecimal() or len(last) > 9 or int(last) < 1:
            break
        path = before
        numbers.insert(0, int(last))
    if not os.path.exists(path):
        raise PositionError(f"{text[-80:]!r}: there is no such file; write PATH[:LINE[:COLUMN]], counting from 1")
    if numbers and os.path.isdir(path):
        raise PositionError(f"{path}: a folder has no lines")
    return Target(path, *numbers)


def files_of(target: Target) -> Iterator[Target]:
    """The Python files of a folder, in order; a file is itself."""
    if not os.path.isdir(target.path):
        yield target
        return
    for folder, folders, names in os.walk(target.path):
        folders[:] = sorted(
            name for name in folders
            if name not in SKIPPED and not name.startswith(".")
            and not os.path.isfile(os.path.join(folder, name, "pyvenv.cfg"))
        )  # fmt: skip
        yield from (Target(os.path.join(folder, name)) for name in sorted(names) if name.endswith(".py"))


def answer(
    target: Target, inference: Inference, settings: Settings, *, kinds: Sequence[str] = ("parameter", "return"),
    root: str = "",
) -> Answer:  # fmt: skip
    """What stands at the slots of a file. Raises `PositionError` for a file or place that is not there.

    The annotated text has the types of `kinds` that are sure by `settings.types_min_probability`.
    """
    document, encoding = read_document(target.path, root)
    wanted = _wanted(document, target)
    inferred = inference.infer(document, wanted) if wanted else ()
    records = tuple(record(target.path, one) for one in inferred)
    sure = claims.sure(inferred, document.text, settings.types_min_probability, kinds)
    if not sure:
        return Answer(target.path, records, document, encoding, document.text)
    version = oldest_python(document.root, settings.project_python, settings.types_python)
    made = annotate(document, [Wish(claim.slot, claim.text, claim.imports) for claim in sure], version)
    refused = tuple(f"{target.path}:{wish.slot.line0 + 1}: {wish.slot.name}: {why}" for wish, why in made.refused)
    return Answer(
        target.path, records, document, encoding, made.text, len(sure) - len(made.refused), refused
    )


def record(path: str, one: Inferred) -> dict[str, Any]:
    """One slot as `--json` prints it."""
    return {
        "path": path,
        "line": one.slot.line0 + 1,
        "column": one.slot.column0 + 1,
        "name": one.slot.name,
        "kind": one.slot.kind,
        "static": one.static or None,
        "predicted": [
            {
                "type": prediction.text, "probability": round(prediction.probability, 4), "low": round(prediction.low, 4),
                "high": round(prediction.high, 4),
            }
            for prediction in one.predictions
        ],
        "set": [*one.predicted_set, *(["other"] if one.set_has_other and not one.static else [])],
        "evidence": claims.evidence_lines(one),
    }  # fmt: skip


def table(records: Sequence[dict[str, Any]]) -> str:
    """The records for a person, one a line: what follows from the code, or what is predicted, with the mark of a guess."""
    places = [printable(f"{one['path']}:{one['line']}:{one['column']}") for one in records]
    rows = [(place, one["kind"], one["name"], _said(one)) for place, one in zip(places, records, strict=True)]
    widths = [max((len(row[at]) for row in rows), default=0) for at in range(3)]
    lines = ([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]] for row in rows)
    return "\n".join("  ".join(line) for line in lines)


def is_known(one: dict[str, Any]) -> bool:
    """Whether a record says anything that is worth a person's time."""
    return bool(one["static"]) or any(guess["probability"] >= claims.WORTH_SAYING for guess in one["predicted"][:1])


def _said(one: dict[str, Any]) -> str:
    if not is_known(one):
        return "not known"
    if one["static"]:
        return str(one["static"])
    best, *others = one["predicted"][:claims.LIST_LENGTH]
    chance = claims.percent(best["probability"]) + claims.interval(best["low"], best["high"])
    more = [f" · {guess['type']} {claims.percent(guess['probability'])}" for guess in others]
    return f"{best['type']}{claims.GUESS} {chance}{''.join(more)}"


def counted(number: int, what: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def diff(made: Answer) -> str:
    """What `--apply` would write, as a unified diff; empty for nothing."""
    if made.document is None:
        return ""
    before, after = (text.splitlines(keepends=True) for text in (made.document.text, made.annotated))
    lines = difflib.unified_diff(before, after, made.path, made.path)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def write(made: Answer) -> None:
    """Write the annotated text in the place of the file, whole or not at all.

    Raises `PositionError` where the file is not what was read any more, or cannot hold the text or be written.
    """
    if made.document is None or made.annotated == made.document.text:
        return
    path = os.path.realpath(made.path)
    try:
        data = made.annotated.encode(made.encoding)
        if Path(path).read_bytes().decode(made.encoding) != made.document.text:
            raise PositionError(f"{made.path}: has changed meanwhile, and is left as it is")
        handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".fairlead-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            os.chmod(temporary, os.stat(path).st_mode & 0o7777)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except (OSError, UnicodeError) as error:
        raise PositionError(f"{made.path}: cannot be written ({error})") from error


class Journal:
    """What is done already, in a file of JSON Lines, so that a run that was interrupted goes on where it was.

    A file is done as long as its bytes are those that were read (or written).
    """

    def __init__(self, path: str, mode: Mode = "table") -> None:
        self._path = path
        self._how = "written" if mode == "apply" else "read"
        self._done: dict[str, tuple[str, list[dict[str, Any]]]] = {}
        if not path:
            return
        try:
            with open(path, encoding="utf-8") as file:
                for line in file:
                    try:
                        entry = json.loads(line)
                        if entry["how"] == self._how:
                            self._done[entry["path"]] = (entry["sha1"], entry["types"])
                    except (ValueError, KeyError, TypeError):
                        continue  # the last line of a run that was cut off
        except FileNotFoundError:
            return
        except (OSError, UnicodeError) as error:
            raise PositionError(f"{path}: cannot be read ({error})") from error

    def done(self, path: str) -> tuple[dict[str, Any], ...] | None:
        """The records of a file that is done; None if it is not."""
        digest, records = self._done.get(path, ("", []))
        return tuple(records) if digest and digest == _digest(path) else None

    def note(self, path: str, records: Iterable[dict[str, Any]]) -> None:
        """The file is done, as it is now."""
        if not self._path:
            return
        entry = {"path": path, "how": self._how, "sha1": _digest(path), "types": list(records)}
        line = json.dumps(entry, ensure_ascii=False)
        try:
            with open(self._path, "a", encoding="utf-8") as file:
                file.write("\n" + line + "\n")
        except OSError as error:
            raise PositionError(f"{self._path}: cannot be written ({error})") from error


class Progress:
    """A bar on standard error while several files are read; nothing where nobody watches."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._on = total > 1 and sys.stderr.isatty()

    def at(self, number: int, path: str) -> None:
        """`number` files are done, and this one is being read."""
        if self._on:
            filled = BAR * number // self._total
            name = printable(path if len(path) <= 40 else f"…{path[-39:]}")
            text = f"\r[{'#' * filled}{' ' * (BAR - filled)}] {number}/{self._total}  {name:<40}"
            sys.stderr.write(text)
            sys.stderr.flush()

    def clear(self) -> None:
        if self._on:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def root_for(target: Target, root: str = "") -> str:
    """The folder of the project that a file belongs to."""
    # Not `Path.resolve`, which raises at a link to itself.
    return os.path.realpath(root) if root else root_of(Path(os.path.realpath(target.path)))


def run(
    targets: Sequence[Target], inference: Inference, settings: Settings, *, mode: Mode = "table", root: str = "",
    kinds: Sequence[str] = ("parameter", "return"), journal: str = "",
) -> int:  # fmt: skip
    """Answer for each file in turn, on standard output; what goes wrong with one of several is told and passed over.

    The exit status is 0, or 2 when something could not be read or written.
    """
    notes, progress = Journal(journal, mode), Progress(len(targets))
    status = written = files = known_places = places = before = 0
    for number, target in enumerate(targets):
        progress.at(number, target.path)
        known = None if target.line or mode == "diff" else notes.done(target.path)
        try:
            if known is not None:
                made = Answer(target.path, known)
            else:
                made = answer(target, inference, settings, kinds=kinds, root=root)
                if mode == "apply":
                    write(made)
        except PositionError as error:
            progress.clear()
            print(f"fairlead: {printable(str(error))}", file=sys.stderr)
            status = 2
            continue
        progress.clear()
        _print(made, mode, target)
        before += known is not None
        places, known_places = places + len(made.records), known_places + sum(map(is_known, made.records))
        written, files = written + made.written, files + (made.written > 0)
        if known is None and not target.line and mode != "diff":
            notes.note(target.path, () if mode == "apply" else made.records)
    progress.clear()
    if mode == "apply":
        done = f"; {counted(before, 'file')} {'was' if before == 1 else 'were'} done before" if before else ""
        print(f"{counted(written, 'type')} written into {counted(files, 'file')}{done}")
    elif mode == "table" and any(not target.line for target in targets):
        print(f"{known_places} of {counted(places, 'place')} without annotation known or predicted")
    return status


def _print(made: Answer, mode: Mode, target: Target) -> None:
    if target.line and not made.records:
        where = f"{target.path}:{target.line}" + (f":{target.column}" if target.column else "")
        print(f"fairlead: {printable(where)}: nothing there that lacks a type", file=sys.stderr)
    if mode == "json":
        for one in made.records:
            print(json.dumps(one, ensure_ascii=False), flush=True)
    elif mode == "diff":
        sys.stdout.write(diff(made))
    elif mode == "table":
        # Of a whole file only what is known; who asks about a line is answered.
        shown = made.records if target.line else tuple(filter(is_known, made.records))
        if shown:
            print(table(shown), flush=True)
    if mode in ("diff", "apply"):
        for refused in made.refused:
            print(f"left out: {printable(refused)}", file=sys.stderr)


def _wanted(document: Document, target: Target) -> list[Slot]:
    found = slots(document.text)
    if not target.line:
        return list(found)
    offset = offset_of(document, Position(target.path, target.line, target.column or 1))
    if not target.column:
        return [slot for slot in found if slot.line0 == target.line - 1]
    slot = slot_at(document.text, offset)
    return [] if slot is None else [slot]


def _digest(path: str) -> str:
    try:
        return hashlib.sha1(Path(path).read_bytes(), usedforsecurity=False).hexdigest()
    except OSError:
        return ""
