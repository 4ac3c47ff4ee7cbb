"""What writing types into real files brings: annotations, files that still parse and import, reports of a type checker.

    .venv/bin/python benchmarks/annotations.py

Packages that hold no annotations are copied and annotated by `fairlead types --apply`, and in another copy by
`pyrefly infer`. basedpyright looks at the packages before and after. A report is new where its line had none of its rule
before; the page has how many there are for a hundred annotations, by rule. Writes docs/benchmarks/annotations.md.
"""

from __future__ import annotations

import argparse
import ast
import json
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import types_peers
from machine import made_by, write_page

from fairlead.server.settings import Settings

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGES = REPOSITORY / "build" / "annotations-packages"
REQUIREMENTS = {
    "bottle": "bottle==0.13.2", "pymysql": "PyMySQL==1.2.4", "simplejson": "simplejson==4.3.0", "sqlparse": "sqlparse==0.6.1",
    "tabulate": "tabulate==0.9.0",
}  # fmt: skip
"""Module or package, and where it comes from."""

SHOWN = f"fairlead types --apply --min-probability {Settings().hints_min_probability}"
TOOLS = ("fairlead types --apply", SHOWN, "pyrefly infer")
"""What a user gets, what would be written if all that is shown as a hint were, and the peer."""

NEEDED = ('{"typeCheckingMode": "standard", "pythonVersion": "3.11"}', "[project]\nname = 'x'\nrequires-python = '>=3.11'\n")
ABOUT_NAMES = frozenset({
    "reportUndefinedVariable", "reportMissingImports", "reportInvalidTypeForm", "reportGeneralTypeIssues",
    "reportPossiblyUnbound", "reportInvalidTypeArguments", "reportRedeclaration", "syntax",
})  # fmt: skip
"""Rules that say that an annotation is none, whatever it claims."""


@dataclass(frozen=True)
class Outcome:
    """What one tool made of all packages. `new` are (path, line, rule, message)."""

    tool: str
    annotations: int
    files: int
    broken: tuple[str, ...]
    new: tuple[tuple[str, int, str, str], ...]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dry", action="store_true", help="print the page and write nothing")
    parser.add_argument("--reports", action="store_true", help="print every new report")
    parser.add_argument("--only", default="", help="one package")
    options = parser.parse_args()
    fetch()
    with tempfile.TemporaryDirectory() as folder:
        before = copied(Path(folder) / "before", options.only)
        was = reports(before)
        outcomes = [
            outcome(tool, before, copied(Path(folder) / tool.replace(" ", "_"), options.only), was)
            for tool in TOOLS
        ]
        lines = sum(len(path.read_text("utf-8").splitlines()) for path in before.rglob("*.py"))
    for one in outcomes if options.reports else ():
        for path, line, rule, message in one.new:
            print(f"{one.tool}: {path}:{line}: {rule}: {message.splitlines()[0]}", file=sys.stderr)
    made = page(outcomes, lines)
    if options.dry:
        print(made)
    else:
        write_page("annotations", made)


def fetch() -> None:
    """The packages, in a folder that git ignores."""
    if not all((PACKAGES / name).exists() or (PACKAGES / f"{name}.py").exists() for name in REQUIREMENTS):
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(PACKAGES)]
        subprocess.run([*install, *REQUIREMENTS.values()], check=True)


def copied(target: Path, only: str) -> Path:
    """A project that holds the packages; compiled parts and tests stay behind."""
    target.mkdir()
    leave = shutil.ignore_patterns("__pycache__", "*.so", "tests")
    for name in [only] if only else REQUIREMENTS:
        if (PACKAGES / name).is_dir():
            shutil.copytree(PACKAGES / name, target / name, ignore=leave)
        else:
            shutil.copy(PACKAGES / f"{name}.py", target)
    for name, text in zip(("pyrightconfig.json", "pyproject.toml"), NEEDED, strict=True):
        (target / name).write_text(text)
    return target


def outcome(tool: str, before: Path, after: Path, was: list[dict[str, Any]]) -> Outcome:
    """Annotate `after` with a tool, and compare."""
    if tool == "pyrefly infer":
        (after / "pyrefly.toml").write_text(types_peers._PYREFLY)
        command = [str(types_peers.install() / "pyrefly"), "infer", "."]
    else:
        command = [str(Path(sysconfig.get_path("scripts")) / "fairlead"), *tool.split()[1:], "."]
    subprocess.run(command, cwd=after, capture_output=True, check=False)
    changed, count, broken = 0, 0, []
    for path in sorted(before.rglob("*.py")):
        name = str(path.relative_to(before))
        old, new = (file.read_text("utf-8") for file in (path, after / name))
        if old != new:
            changed += 1
            try:
                count += annotations(new) - annotations(old)
            except SyntaxError:
                broken.append(name)
    broken += [f"import {name}" for name in REQUIREMENTS if imports(before, name) and not imports(after, name)]
    return Outcome(tool, count, changed, tuple(broken), tuple(new_reports(before, after, was, reports(after))))


def annotations(text: str) -> int:
    """How many parameters and returns are annotated."""
    tree = ast.parse(text)
    held = [node.annotation for node in ast.walk(tree) if isinstance(node, ast.arg)]
    held += [node.returns for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return sum(one is not None for one in held)


def imports(folder: Path, name: str) -> bool:
    """Whether a package is there and can be imported."""
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); sys.dont_write_bytecode = True; import {name}"
    return subprocess.run([sys.executable, "-I", "-W", "ignore", "-c", code], capture_output=True, check=False).returncode == 0


def reports(folder: Path) -> list[dict[str, Any]]:
    """The errors that basedpyright sees in a folder."""
    program = str(types_peers.install() / "basedpyright")
    output = subprocess.run([program, "--outputjson"], cwd=folder, capture_output=True, text=True, check=False).stdout
    found: list[dict[str, Any]] = json.loads(output)["generalDiagnostics"]
    return [one for one in found if one["severity"] == "error"]


def new_reports(
    before: Path, after: Path, was: list[dict[str, Any]], now: list[dict[str, Any]]
) -> Iterator[tuple[str, int, str, str]]:
    """The reports of the annotated files whose lines had none of their rule before."""
    old = Counter((str(Path(one["file"]).relative_to(before)), line_of(one), rule_of(one)) for one in was)
    origins: dict[str, dict[int, int]] = {}
    for one in now:
        path = str(Path(one["file"]).relative_to(after))
        if path not in origins:
            origins[path] = origin((before / path).read_text("utf-8"), (after / path).read_text("utf-8"))
        place = path, origins[path].get(line_of(one), -1), rule_of(one)
        if old[place]:
            old[place] -= 1
        else:
            yield path, line_of(one) + 1, rule_of(one), one["message"]


def origin(before: str, after: str) -> dict[int, int]:
    """Which line of `before` each line of `after` was, from 0; lines that are new have none."""
    old, new = before.splitlines(), after.splitlines()
    found: dict[int, int] = {}
    for what, begin, end, new_begin, new_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal" or end - begin == new_end - new_begin:
            found |= {new_begin + at: begin + at for at in range(end - begin)}
    return found


def line_of(report: dict[str, Any]) -> int:
    return int(report["range"]["start"]["line"])


def rule_of(report: dict[str, Any]) -> str:
    return str(report.get("rule", "syntax"))


def page(outcomes: list[Outcome], lines: int) -> str:
    def row(one: Outcome) -> str:
        about_names = sum(rule in ABOUT_NAMES for _, _, rule, _ in one.new)
        return (f"| `{one.tool}` | {one.annotations} | {one.files} | {len(one.broken)} | {about_names} | {len(one.new)} "
                f"| {100 * len(one.new) / max(one.annotations, 1):.1f} |")  # fmt: skip

    rules = [Counter(rule for _, _, rule, _ in one.new) for one in outcomes]
    names = sorted(set().union(*rules), key=lambda name: (-rules[0][name], name))
    ours, *_, theirs = (len(one.new) / max(one.annotations, 1) for one in outcomes)
    broken = [f"{one.tool}: {', '.join(one.broken)}" for one in outcomes if one.broken]
    return f"""# Types written into real files: what a type checker says afterwards

{", ".join(REQUIREMENTS.values())}, {lines:,} lines without annotations. {made_by("benchmarks/annotations.py")}

| | annotations | files | broken | no type at all | new reports | of a hundred annotations |
|---|---|---|---|---|---|---|
{chr(10).join(map(row, outcomes))}

Reports are errors of basedpyright in its `standard` mode, new on their line; "no type at all" are those that say that an
annotation is none, "broken" are files that do not parse and packages that cannot be imported any more.{
    " " + "; ".join(broken) + "." if broken else ""}
The second row writes all guesses that would be shown as hints. Ratio of the reports for an annotation, first and last row: **{
    ours / theirs if theirs else 0:.2f}**.

| rule | {" | ".join(f"`{one.tool}`" for one in outcomes)} |
|---|{"---|" * len(outcomes)}
{chr(10).join(f"| {name} | " + " | ".join(str(rule[name]) for rule in rules) + " |" for name in names)}

A report is not always against the annotation: a call of it that passes the wrong thing is reported too, and a result that may
be None is reported where its caller does not look. A checker is not asked before a type is offered; what the function's own
code contradicts is not offered (`monitors/contradiction.py`).
"""


if __name__ == "__main__":
    main()
