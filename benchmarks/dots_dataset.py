"""DotPrompts for Python: attribute accesses of real packages, each with what stands behind its dot in truth.

After the paper: functions of at least seven lines and two statements, at most twenty a package, at most ten accesses
each, spread evenly. The text is cut at the dot and goes on behind the statement. The packages and their versions stand
in dots-packages.txt; none is in the card of a model of ours.
"""

from __future__ import annotations

import ast
import csv
import hashlib
import io
import random
import re
import subprocess
import sys
import tokenize
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
REQUIREMENTS = REPOSITORY / "benchmarks" / "dots-packages.txt"
PACKAGES = REPOSITORY / "build" / "dots-packages"
"""Where they are installed; git ignores it."""

FUNCTIONS = 20
ACCESSES = 10
_SKIPPED_FOLDERS = {"test", "tests", "testing", "vendor", "_vendor", "vendored", "__pyinstaller"}
_SKIPPED = {"prometheus_client/decorator.py"}
"""A copy of `decorator`, which the default model has seen."""


@dataclass(frozen=True)
class Access:
    """One attribute access. Offsets are code points into the file's text; lines and columns count from 1."""

    id: str
    """"path:line:column" of the name behind the dot."""
    package: str
    path: str
    """Relative to the folder of the packages."""
    function: str
    """"path:qualified name", the cluster of the bootstrap."""
    offset: int
    """Behind the dot."""
    statement: int
    """Where the statement begins."""
    end: int
    """Where the statement ends, before its newline."""
    name: str
    """What stands behind the dot."""
    receiver: str
    """What stands before the dot on its line, cut short, for a person."""
    line: int
    column: int


@dataclass(frozen=True)
class Source:
    """A file of a package, as text with "\n" line ends."""

    path: str
    text: str

    def cut(self, access: Access) -> str:
        """The text without the rest of the statement."""
        return self.text[: access.offset] + self.text[access.end :]

    def head(self, access: Access) -> str:
        """The statement up to the cursor."""
        return self.text[access.statement : access.offset]

    def true(self, access: Access) -> str:
        """The rest of the statement."""
        return self.text[access.offset : access.end]


def install(requirements: Path = REQUIREMENTS, folder: Path = PACKAGES) -> Path:
    """The packages, installed without what they depend on; only done when the list has changed."""
    stamp = folder / ".installed"
    wanted = requirements.read_text(encoding="utf-8")
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        print("installing the packages to measure on …", file=sys.stderr, flush=True)
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "-qq", "--no-deps", "--upgrade", "--target", str(folder),
             "--requirement", str(requirements)], check=True,
        )  # fmt: skip
        stamp.write_text(wanted, encoding="utf-8")
    return folder


def measured(requirements: str) -> list[tuple[str, str]]:
    """(name, what it is for) of the packages to measure: those above the line that begins "# dependencies"."""
    found = []
    for line in requirements.partition("# dependencies")[0].splitlines():
        match = re.match(r"([\w.-]+==[\w.]+)\s*(?:#\s*(.*))?", line)
        if match:
            found.append((match[1], match[2] or ""))
    return found


def read(root: Path, path: str) -> Source:
    with tokenize.open(root / path) as file:
        return Source(path, file.read())


def collect(root: Path, draw: str = "", requirements: Path = REQUIREMENTS) -> list[Access]:
    """All accesses of all packages, the same ones every time; another `draw` takes other functions."""
    found: list[Access] = []
    for requirement, _ in measured(requirements.read_text(encoding="utf-8")):
        name = requirement.partition("==")[0]
        functions = [each for path in files_of(root, name) for each in accesses_of(read(root, path), name)]
        random.Random(name + draw).shuffle(functions)
        for accesses in functions[:FUNCTIONS]:
            found += spread(accesses, ACCESSES)
    return found


def sample(accesses: Sequence[Access], count: int) -> list[Access]:
    """`count` of them, as many from each package as there are; a smaller sample is part of a larger one."""
    queues: dict[str, list[Access]] = {}
    for access in sorted(accesses, key=lambda access: hashlib.sha256(access.id.encode()).hexdigest()):
        queues.setdefault(access.package, []).append(access)
    chosen: set[str] = set()
    while len(chosen) < min(count, len(accesses)):
        for package in sorted(queues):
            if queues[package] and len(chosen) < count:
                chosen.add(queues[package].pop(0).id)
    return [access for access in accesses if access.id in chosen]


def spread(accesses: Sequence[Access], most: int) -> list[Access]:
    """At most so many, evenly."""
    if len(accesses) <= most:
        return list(accesses)
    return [accesses[round(i * (len(accesses) - 1) / (most - 1))] for i in range(most)]


def accesses_of(source: Source, package: str) -> Iterator[list[Access]]:
    """For each function of a file that is long enough, its accesses."""
    try:
        module = ast.parse(source.text)
    except SyntaxError:
        return
    if re.search(r"auto-?generated|@generated|do not edit", source.text[:1000], re.IGNORECASE):
        return
    dots = list(_dots(source, package))
    for name, first_line, last_line in _functions(module):
        inside = [access for access in dots if first_line <= access.line <= last_line]
        if inside:
            yield [replace(access, function=f"{source.path}:{name}") for access in inside]


def _functions(module: ast.Module) -> Iterator[tuple[str, int, int]]:
    """(qualified name, first line, last line) of the bodies of functions long enough; not those inside functions."""
    nodes: list[tuple[str, ast.AST]] = [("", module)]
    while nodes:
        prefix, node = nodes.pop()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                body = child.body[1:] if ast.get_docstring(child) is not None else child.body
                if len(body) >= 2 and (child.end_lineno or 0) - child.lineno + 1 >= 7:
                    yield f"{prefix}{child.name}", body[0].lineno, child.end_lineno or 0
            elif isinstance(child, ast.ClassDef):
                nodes.append((f"{prefix}{child.name}.", child))
            elif not isinstance(child, ast.expr):
                nodes.append((prefix, child))


def _dots(source: Source, package: str) -> Iterator[Access]:
    """Every attribute access of a file that stands in code. Those inside of f-strings are left out."""
    starts = [0]
    for line in source.text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)

    def at(position: tuple[int, int]) -> int:
        return starts[position[0] - 1] + position[1]

    statement: list[tokenize.TokenInfo] = []
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        if token.type == tokenize.NEWLINE:
            if statement and statement[0].string not in ("import", "from"):
                yield from _dots_of(source, package, statement, at, at(token.start))
            statement = []
        elif token.type not in (
            tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER
        ):  # fmt: skip
            statement.append(token)


def _dots_of(
    source: Source, package: str, statement: list[tokenize.TokenInfo], at: Callable[[tuple[int, int]], int], end: int
) -> Iterator[Access]:
    depth = 0  # of f-strings, which are single tokens before 3.12
    for (before, dot), name in zip(pairwise(statement), statement[2:], strict=False):
        kind = tokenize.tok_name[before.type]
        depth += (kind == "FSTRING_START") - (kind == "FSTRING_END")
        if depth or dot.string != "." or name.type != tokenize.NAME or name.start < dot.end:
            continue
        offset = at(dot.end)
        line = source.text[source.text.rfind("\n", 0, offset) + 1 : offset]
        yield Access(
            f"{source.path}:{name.start[0]}:{name.start[1] + 1}", package, source.path, "", offset,
            at(statement[0].start), end, name.string, line.strip()[-60:], name.start[0], name.start[1] + 1,
        )  # fmt: skip


def files_of(root: Path, name: str) -> list[str]:
    """The modules of an installed distribution, tests and copies of other projects left out."""
    folder = next(
        folder for folder in sorted(root.glob("*.dist-info"))
        if _canonical(folder.name.partition("-")[0]) == _canonical(name)
    )  # fmt: skip
    with open(folder / "RECORD", encoding="utf-8", newline="") as file:
        paths = [row[0] for row in csv.reader(file)]
    return sorted(
        path for path in paths
        if path.endswith(".py") and not path.startswith(("..", "bin/")) and path not in _SKIPPED
        and not _SKIPPED_FOLDERS & set(path.split("/")[:-1]) and not path.rsplit("/")[-1].startswith("test_")
    )  # fmt: skip


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
