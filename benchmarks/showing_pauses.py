"""Places where a person pauses: files of packages that no model of ours has seen, cut as they were being written.

Behind the cursor stands what a person would have there: all but the rest of the line, or nothing up to the end of the
block, where the code is new; now and then the closing brackets that an editor puts there.
"""

from __future__ import annotations

import io
import random
import re
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dots_dataset import Source, files_of, read

from fairlead.monitors.analysis import Document

FILES = 12
"""Of one package."""

MOST_CHARACTERS = 60_000
KINDS = {"line": 0.3, "name": 0.25, "argument": 0.25, "dot": 0.2}
"""At the start of a line, inside a name, behind a bracket or an operator, behind a dot; and how often."""

_BEFORE_ARGUMENTS = frozenset(["(", "[", "{", ",", "=", "==", "+", "in", "return", "if", "not", "and", "or"])
_SILENT = (tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT)
_CLOSERS = re.compile(r"[)\]}]+:?\Z")


@dataclass(frozen=True)
class Pause:
    """One cursor: `truth` is what the file has there, up to the end of the line or to the closing brackets."""

    package: str
    document: Document
    offset: int
    truth: str


def is_right(written: str, truth: str) -> bool:
    """Whether a person would take `written` as it is: the file has it there, and no name goes on behind it."""
    following = truth[len(written) : len(written) + 1]
    goes_on = bool(following) and ("a" + written[-1:] + following).isidentifier()
    return truth.startswith(written) and not goes_on


def pauses(root: Path, package: str, count: int) -> list[Pause]:
    """About `count` places in the code of a package, the same ones every time."""
    chance = random.Random(package)
    sources = [source for path in files_of(root, package) if _fits(source := read(root, path))]
    sources = chance.sample(sources, min(FILES, len(sources)))
    found: list[Pause] = []
    for number, source in enumerate(sources, 1):
        places = places_of(source)
        for kind in chance.choices(list(KINDS), list(KINDS.values()), k=count * number // len(sources) - len(found)):
            if places[kind]:
                offset = chance.choice(places[kind])
                found.append(cut(root, package, source, offset + (chance.randint(1, 2) if kind == "name" else 0), chance))
    return found


def _fits(source: Source) -> bool:
    lines = source.text.count("\n")
    return lines >= 30 and len(source.text) <= min(MOST_CHARACTERS, 80 * lines)


def places_of(source: Source) -> dict[str, list[int]]:
    """Offsets by kind, in code; a name of three letters at least is given by where it begins."""
    starts = [0]
    for line in source.text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    found: dict[str, list[int]] = {kind: [] for kind in KINDS}
    before: str | None = None  # the token before on the line of code; None at its start
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        if token.type in _SILENT:
            continue
        if token.type in (tokenize.NEWLINE, tokenize.ENDMARKER):
            before = None
            continue
        offset = starts[token.start[0] - 1] + token.start[1]
        if before is None and token.type != tokenize.STRING:
            found["line"].append(offset)
        elif before == ".":
            found["dot"].append(offset)
        elif before in _BEFORE_ARGUMENTS:
            found["argument"].append(offset)
        if token.type == tokenize.NAME and len(token.string) > 2:
            found["name"].append(offset)
        before = token.string
    return found


def cut(root: Path, package: str, source: Source, offset: int, chance: random.Random) -> Pause:
    text = source.text
    end = text.find("\n", offset)
    truth, behind = text[offset:end].rstrip(), text[end:]
    if chance.random() < 0.5:
        behind = behind[_block_end(text[text.rfind("\n", 0, offset) + 1 : end], behind.split("\n")) :]
    closers = _CLOSERS.search(truth)
    if closers is not None and truth.count("(") < truth.count(")") and chance.random() < 0.3:
        truth, behind = truth[: closers.start()], closers[0] + behind
    document = Document(str(root / source.path), text[:offset] + behind, 1, str(root))
    return Pause(package, document, offset, truth)


def _block_end(line: str, behind: Sequence[str]) -> int:
    """How many characters of the lines behind `line` belong to its block: up to the first that is indented less."""
    width, position = len(line) - len(line.lstrip()), 0
    for number, each in enumerate(behind):
        if number and each.strip() and len(each) - len(each.lstrip()) < width:
            break
        position += len(each) + 1
    return position - 1
