"""`fairlead complete`: the ranked list and the ghost text at positions of files, for people and for programs."""

from __future__ import annotations

import json
import os
import stat
import time
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..monitors.analysis import Analysis, Document
from ..monitors.errors import PositionError
from ..monitors.monitor import Start
from ..monitors.outline import outline
from ..monitors.reader import read_bytes
from ..monitors.roster import joint
from . import analysis
from .limits import limits_of
from .listing import Entry, entries, find
from .settings import Settings, is_guided, monitors_on
from .text import Text

if TYPE_CHECKING:
    from ..decoding.decoder import Decoder
    from ..decoding.offer import Offer
    from ..decoding.rank import Ranking

PATIENCE_MS = 30_000.0
"""How long the command line waits for analysis; nobody is typing."""


ROOT_MARKS = (
    "pyproject.toml", "setup.py", "setup.cfg", "package.json", "tsconfig.json", "compile_commands.json", ".git",
)  # fmt: skip
"""What lies in the folder of a project."""


@dataclass(frozen=True)
class Position:
    """A place in a file: `line` and `column` count from 1, columns in code points; the cursor stands before it."""

    path: str
    line: int
    column: int


def parse(text: str) -> Position:
    """`PATH:LINE:COLUMN`. Raises `PositionError` for anything else."""
    path, _, rest = text.rpartition(":")
    path, _, line = path.rpartition(":")
    # Python converts no number of thousands of digits, and no file has so many lines.
    if not path or not all(part.isdecimal() and len(part) < 10 and int(part) > 0 for part in (line, rest)):
        raise PositionError(f"{text[-80:]!r} is no position; write PATH:LINE:COLUMN, counting from 1")
    return Position(path, int(line), int(rest))


def read_document(name: str, root: str = "") -> tuple[Document, str]:
    """A file as it is, and its encoding. Raises `PositionError` where it cannot be read."""
    path = Path(name)
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise PositionError(f"{name}: not a regular file")
        data = read_bytes(path)  # before its first line, which may be all of a gigabyte
        with tokenize.open(name) as file:
            encoding = file.encoding
        text = data.decode(encoding)
    except (OSError, SyntaxError, UnicodeError, LookupError, ValueError) as error:
        raise PositionError(f"{name}: cannot be read ({error})") from error
    folder = str(Path(root).resolve()) if root else root_of(path.resolve())
    return Document(str(path.resolve()), text, 1, folder), encoding


def document_at(position: Position, root: str = "") -> tuple[Document, int]:
    """The file and the offset of a position. Raises `PositionError` where the file or the place does not exist."""
    document, _ = read_document(position.path, root)
    return document, offset_of(document, position)


def offset_of(document: Document, position: Position) -> int:
    """The offset of a position. Raises `PositionError` where there is no such place."""
    lines = Text(document.text)
    if position.line > lines.line_count:
        raise PositionError(f"{position.path}: has {lines.line_count} lines, there is no line {position.line}")
    begin = lines.offset(position.line - 1, 0, "utf-32")
    offset = lines.offset(position.line - 1, position.column - 1, "utf-32")
    if offset - begin < position.column - 1:
        raise PositionError(
            f"{position.path}:{position.line}: has {offset - begin} characters, there is no column {position.column}"
        )
    return offset


def complete(
    positions: Sequence[Position], settings: Settings, *, with_model: bool, root: str = ""
) -> Iterator[dict[str, Any]]:
    """For each position the object that `--json` prints. Raises `PositionError` and `ModelError`s."""
    places = [document_at(position, root) for position in positions]
    decoder = _decoder(settings) if with_model else None
    roots = sorted({document.root for document, _ in places})
    asked = analysis.start(settings, roots)
    try:
        for position, (document, offset) in zip(positions, places, strict=True):
            yield _answer(position, document, offset, settings, asked, decoder)
    finally:
        asked.shutdown()


def _answer(
    position: Position, document: Document, offset: int, settings: Settings, asked: Analysis,
    decoder: Decoder | None,
) -> dict[str, Any]:  # fmt: skip
    begun = time.monotonic()
    guide = joint(asked, monitors_on(settings)) if is_guided(settings) else None
    start = find(guide, asked, document, offset, PATIENCE_MS) if guide is not None else None
    analysed = time.monotonic()
    ranking, ranked = None, None
    inline: Sequence[Offer] = ()
    prefill_ms = decode_ms = 0.0
    if decoder is not None:
        if start is not None and start.members.members:
            names = [member.name for member in start.members.members]
            ranking, ranked = decoder.rank(document, start, names, typed=start.typed)
            prefill_ms, decode_ms = ranked.prefill, ranked.decode
        written = decoder.write(document, offset, guide, limits_of(settings))
        inline = written.offers
        prefill_ms, decode_ms = prefill_ms + written.timings.prefill, decode_ms + written.timings.decode
    listed = entries(start, ranking, document) if start is not None else ()
    return {
        "position": {"path": position.path, "line": position.line, "column": position.column},
        "monitor": None if start is None or not start.monitor else _monitor(start, ranking),
        "monitors": [] if start is None else [_monitor(said) for said in (start, *start.others) if said.monitor],
        "completions": [_entry(entry) for entry in listed],
        "inline": [
            {
                "text": offer.text,
                "probability": offer.probability,
                "provenance": offer.provenance,
                "stopped": offer.stopped,
            }
            for offer in inline
        ],
        "timings_ms": {
            "analysis": round((analysed - begun) * 1000, 2),
            "prefill": round(prefill_ms, 2),
            "decode": round(decode_ms, 2),
            "total": round((time.monotonic() - begun) * 1000, 2),
        },
    }


def as_line(answer: dict[str, Any]) -> str:
    """One answer as one line of JSON."""
    return json.dumps(answer, ensure_ascii=False)


def as_text(answer: dict[str, Any], most: int = 10) -> str:
    """One answer for a person."""
    at, monitor = answer["position"], answer["monitor"]
    lines = [f"{at['path']}:{at['line']}:{at['column']}"]
    if monitor is not None:
        mass = "" if monitor["legal_mass"] is None else f", the model gave them {monitor['legal_mass']:.0%}"
        verdict = "closed" if monitor["closed"] else "open"
        lines.append(f"  {monitor['name']}: {verdict}, {monitor['legal']} names{mass}")
        lines.append(f"  {monitor['reason']}")
    for item in answer["completions"][:most]:
        chance = "      " if item["probability"] is None else f"{item['probability']:6.1%}"
        lines.append(f"  {chance}  {item['label']:<28} {item['kind']}")
    if len(answer["completions"]) > most:
        lines.append(f"          … {len(answer['completions']) - most} more")
    for item in answer["inline"]:
        first, *rest = item["text"].split("\n")
        lines.append(f"  ghost   {first}")
        lines.extend(f"          {line}" for line in rest)
        lines.append(f"          ({item['probability']:.1%}, {item['provenance']}, {item['stopped']})")
    if not answer["inline"] and not answer["completions"]:
        lines.append("  nothing to offer")
    lines.append("  " + "  ".join(f"{name} {value:.0f} ms" for name, value in answer["timings_ms"].items()))
    return "\n".join(lines)


def _monitor(start: Start, ranking: Ranking | None = None) -> dict[str, Any]:
    return {
        "name": start.monitor,
        "closed": start.closed,
        "reason": start.reason,
        "legal": len(start.members.names),
        "legal_mass": None if ranking is None else ranking.legal_mass,
    }


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "label": entry.member.name,
        "kind": entry.member.kind,
        "probability": entry.probability,
        "provenance": "analysis",
    }


def _decoder(settings: Settings) -> Decoder:
    from ..decoding.decoder import Decoder  # torch: not for --no-model

    decoder = Decoder.of(
        settings.model, settings.device, settings.threads, settings.context_tokens, settings.cuda_graphs
    )
    if limit := settings.context_outline or decoder.model.outline_characters:
        decoder.context = lambda document: outline(document, limit)
    return decoder


def root_of(path: Path) -> str:
    """The project a file belongs to: the nearest folder above that says so, else the one around its package."""
    for folder in path.parents:
        if any((folder / mark).exists() for mark in ROOT_MARKS):
            return str(folder)
    return str(next((folder for folder in path.parents if not (folder / "__init__.py").exists()), path.parent))
