"""Annotated packages with their signatures stripped, and what stood there.

Annotations of parameters and returns are cut out by position, and with them the imports that nothing else uses: the
list of imports would give the answer away. Variables and fields keep theirs, since those change what a program does.
"""

from __future__ import annotations

import ast
import pickle
import re
import subprocess
import sys
import tokenize
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import types_labels

REPOSITORY = Path(__file__).resolve().parent.parent
REQUIREMENTS = REPOSITORY / "benchmarks" / "types-packages.txt"
PACKAGES = REPOSITORY / "build" / "types-packages"
"""Where they are installed, a folder a project; git ignores it."""

STRIPPED = REPOSITORY / "build" / "types-stripped"
_SKIPPED_FOLDERS = {"test", "tests", "testing", "vendor", "_vendor", "vendored", "bin", "__pycache__"}
_LONGEST = 200_000


@dataclass(frozen=True)
class Label:
    """What a person wrote at a slot of a stripped file."""

    kind: str
    """"parameter" or "return"."""
    offset: int
    """Of the parameter's or function's name in the stripped text, in code points."""
    name: str
    type: str
    """As it was written."""
    default: str = ""
    """"", "None", "literal" or "other": what is behind the `=`."""
    trivial: bool = False
    """A return that is None, or of a dunder that the language decides."""


@dataclass(frozen=True)
class Stripped:
    """One file: `path` relative to its project, its text without signatures, and what they said."""

    path: str
    text: str
    labels: tuple[Label, ...]


def section(name: str) -> list[str]:
    """The requirements in one section of the list of packages."""
    text = REQUIREMENTS.read_text(encoding="utf-8")
    part = text.partition(f"\n# {name}\n")[2].partition("\n# ")[0]
    return [line.split("#")[0].strip() for line in part.splitlines() if line.split("#")[0].strip()]


def install(name: str) -> list[Path]:
    """The projects of a section, each installed into a folder of its own without what it depends on."""
    found = []
    for requirement in section(name):
        target = PACKAGES / name / requirement.split("==")[0]
        if not target.exists():
            print(f"installing {requirement} …", file=sys.stderr, flush=True)
            subprocess.run(
                [sys.executable, "-m", "pip", "install", "-qq", "--no-deps", "--target", str(target), requirement],
                check=True,
            )  # fmt: skip
        found.append(target)
    return found


def files(project: Path) -> Iterator[Path]:
    """The sources of a project, tests and vendored code left out."""
    for path in sorted(project.rglob("*.py")):
        parts = path.relative_to(project).parts
        if not _SKIPPED_FOLDERS.intersection(parts) and not any(part.endswith(".dist-info") for part in parts):
            yield path


def stripped_project(project: Path) -> Iterator[Stripped]:
    """Every file of a project that can be read, stripped."""
    for path in files(project):
        try:
            with tokenize.open(path) as stream:
                text = stream.read()
        except (OSError, SyntaxError, UnicodeDecodeError):
            continue
        if len(text) > _LONGEST:
            continue
        found = strip(text, str(path.relative_to(project)))
        if found is not None:
            yield found


def write_stripped(project: Path) -> tuple[Path, list[Stripped]]:
    """The project stripped, in a folder of its own for tools that read files; from the last time if there was one."""
    folder = STRIPPED / project.name
    kept = STRIPPED / f"{project.name}.pickle"
    if kept.exists():
        known: list[Stripped] = pickle.loads(kept.read_bytes())  # written by the lines below
        return folder, known
    found = list(stripped_project(project))
    for one in found:
        target = folder / one.path
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or target.read_text(encoding="utf-8") != one.text:
            target.write_text(one.text, encoding="utf-8")
    kept.write_bytes(pickle.dumps(found))
    return folder, found


def strip(text: str, path: str) -> Stripped | None:
    """A file without its signatures; None where it does not parse, before or after."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None
    lines = _Lines(text)
    cuts: list[tuple[int, int, str]] = []
    raw: list[tuple[str, int, str, str, str, bool]] = []
    annotations: set[int] = set()
    for function in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]:
        overloaded = any("overload" in ast.dump(decorator) for decorator in function.decorator_list)
        for argument, default in _arguments(function.args):
            if argument.annotation is not None:
                start = lines.offset(argument.lineno, argument.col_offset)
                cuts.append((start + len(argument.arg), lines.end_in_brackets(start, argument.annotation), ""))
                code = lines.code(argument.annotation)
                annotations.update(id(node) for node in ast.walk(argument.annotation))
                if not overloaded:
                    raw.append(("parameter", start, argument.arg, code, _default(default), False))
        if function.returns is not None:
            begin = text.rfind("->", 0, lines.offset(function.returns.lineno, function.returns.col_offset))
            end = lines.end_in_brackets(begin, function.returns)
            before = len(text[:begin].rstrip())
            cuts.append((before, end, ""))
            annotations.update(id(node) for node in ast.walk(function.returns))
            code = lines.code(function.returns)
            at = re.compile(r"def\s+").search(text, lines.offset(function.lineno, function.col_offset))
            if not overloaded and at is not None:
                trivial = types_labels.exact(code) in ("None", "NoReturn") or bool(re.fullmatch(r"__\w+__", function.name))
                raw.append(("return", at.end(), function.name, code, "", trivial))
    cuts += _imports(text, tree, lines, annotations, path)
    shorter, moved = _cut(text, cuts)
    try:
        ast.parse(shorter)
    except (SyntaxError, ValueError, RecursionError):
        return None
    labels = [
        Label(kind, moved(offset), name, code, default, trivial)
        for kind, offset, name, code, default, trivial in raw if types_labels.is_usable(code)
    ]  # fmt: skip
    return Stripped(path, shorter, tuple(label for label in labels if shorter.startswith(label.name, label.offset)))


def _arguments(arguments: ast.arguments) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    positional = [*arguments.posonlyargs, *arguments.args]
    missing: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
    yield from zip(positional, [*missing, *arguments.defaults], strict=True)
    yield from zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    for star in (arguments.vararg, arguments.kwarg):
        if star is not None:
            yield star, None


def _default(node: ast.expr | None) -> str:
    if node is None:
        return ""
    if isinstance(node, ast.Constant):
        return "None" if node.value is None else "literal"
    return "other"


def _imports(
    text: str, tree: ast.Module, lines: _Lines, annotations: set[int], path: str
) -> Iterator[tuple[int, int, str]]:
    """Cuts for the imports that only annotations used."""
    if path.endswith("__init__.py"):
        return
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in annotations}
    exported = set(re.findall(r"[\"'](\w+)[\"']", text))
    in_annotations = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) in annotations}
    for node in ast.walk(tree):
        if id(node) in annotations and isinstance(node, ast.Constant) and isinstance(node.value, str):
            in_annotations.update(re.findall(r"\w+", node.value))
            exported -= {node.value}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Import | ast.ImportFrom) or getattr(node, "module", "") == "__future__":
            continue
        kept = [alias for alias in node.names if not _only_annotates(alias, used | exported, in_annotations)]
        if len(kept) == len(node.names):
            continue
        start = lines.offset(node.lineno, node.col_offset)
        if not kept:
            yield start, lines.end(node), "pass"
        elif isinstance(node, ast.ImportFrom):
            yield start, lines.end(node), ast.unparse(ast.ImportFrom(node.module, kept, node.level))
        else:
            yield start, lines.end(node), ast.unparse(ast.Import(kept))


def _only_annotates(alias: ast.alias, used: set[str], in_annotations: set[str]) -> bool:
    name = (alias.asname or alias.name).split(".")[0]
    return name != "*" and name in in_annotations and name not in used


def _cut(text: str, cuts: list[tuple[int, int, str]]) -> tuple[str, _Moved]:
    pieces: list[str] = []
    at = 0
    shifts: list[tuple[int, int]] = [(0, 0)]
    shift = 0
    for start, end, instead in sorted(cuts):
        if start < at:
            continue
        pieces += [text[at:start], instead]
        shift += len(instead) - (end - start)
        shifts.append((end, shift))
        at = end
    pieces.append(text[at:])
    return "".join(pieces), _Moved(shifts)


class _Moved:
    """Where an offset of the whole text is in the shorter one."""

    def __init__(self, shifts: list[tuple[int, int]]) -> None:
        self._shifts = shifts

    def __call__(self, offset: int) -> int:
        index = bisect_right(self._shifts, offset, key=lambda pair: pair[0]) - 1
        return offset + self._shifts[index][1]


class _Lines:
    """`ast`'s positions (line from 1, UTF-8 bytes) as offsets."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lines = text.split("\n")
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line) + 1)

    def offset(self, line: int, column: int) -> int:
        content = self._lines[line - 1]
        if not content.isascii():
            column = len(content.encode()[:column].decode("utf-8", "ignore"))
        return self._starts[line - 1] + column

    def end(self, node: ast.expr | ast.stmt) -> int:
        return self.offset(node.end_lineno or node.lineno, node.end_col_offset or 0)

    def end_in_brackets(self, begin: int, node: ast.expr) -> int:
        """The end of an annotation, and of the brackets around it that were opened since `begin`."""
        end = self.end(node)
        for _ in range(self._text.count("(", begin, self.offset(node.lineno, node.col_offset))):
            end = self._text.find(")", end) + 1 or end
        return end

    def code(self, node: ast.expr) -> str:
        """The node's code. (`ast.get_source_segment` splits the whole text for each.)"""
        return self._text[self.offset(node.lineno, node.col_offset) : self.end(node)]
