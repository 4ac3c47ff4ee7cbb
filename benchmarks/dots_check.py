"""Whether a statement holds up in its file: it parses, and basedpyright knows all that it names.

Every variant is written into a copy of its file beside the file, in a copy of the packages, and basedpyright looks at
all copies in one run. What it also says about the true statement does not count against a variant.
"""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
import venv
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from dots_dataset import REPOSITORY, Access, Source

CHECKER = "basedpyright==1.40.2"
ENVIRONMENT = REPOSITORY / "build" / "dots-checker"
"""A virtual environment with the checker in it; analysis and checker both take it for the project's own."""
COPIES = REPOSITORY / "build" / "dots-check"

RULES = (
    "reportAttributeAccessIssue", "reportFunctionMemberAccess", "reportUndefinedVariable", "reportMissingImports",
    "reportCallIssue",
)  # fmt: skip
"""The rules that are asked for. An attribute of something that may be None is not among them."""

Kind = Literal["attribute", "name", "import", "argument"]


@dataclass(frozen=True)
class Variant:
    """A text in the place of the rest of a statement; None: the file as it is."""

    source: Source
    access: Access | None
    text: str = ""

    @property
    def whole(self) -> str:
        if self.access is None:
            return self.source.text
        text = self.source.text
        return text[: self.access.offset] + self.text + text[self.access.end :]


def parses(text: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return True


def kind_of(diagnostic: dict[str, Any]) -> Kind | None:
    """What is unknown; None when something else is wrong (a value of another type than was declared).

    Arguments: unknown, missing and too many ones, no overload that takes them, and calls of what cannot be called.
    """
    rule, message = diagnostic["rule"], diagnostic["message"]
    if "unknown import symbol" in message or rule == "reportMissingImports":
        return "import"
    if rule == "reportUndefinedVariable":
        return "name"
    if rule == "reportCallIssue":
        return "argument"
    return "attribute" if "is unknown" in message or "is not a known attribute" in message else None


def make_environment() -> Path:
    """The checker in an environment of its own; its Python."""
    python = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin") / "python"
    stamp = ENVIRONMENT / ".checker"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != CHECKER:
        print("installing the checker …", file=sys.stderr, flush=True)
        venv.create(ENVIRONMENT, with_pip=True, clear=True, symlinks=os.name != "nt")
        subprocess.run([str(python), "-m", "pip", "install", "-qq", CHECKER], check=True)
        stamp.write_text(CHECKER, encoding="utf-8")
    return python


def check(root: Path, variants: list[Variant]) -> list[list[dict[str, Any]]]:
    """For each variant what basedpyright reports by one of `RULES`, with the line counted from 1; in one run.

    Raises RuntimeError when it gives no report.
    """
    python = make_environment()
    shutil.rmtree(COPIES, ignore_errors=True)
    shutil.copytree(root, COPIES, ignore=shutil.ignore_patterns("__pycache__", "*.dist-info", "bin", ".installed"))
    numbers: dict[str, int] = {}
    for number, variant in enumerate(variants):
        original = COPIES / variant.source.path
        copy = original.with_name(f"{original.stem}__dots_{number}.py")
        copy.write_text(variant.whole, encoding="utf-8", newline="\n")
        numbers[str(copy.resolve())] = number
    settings = {
        "include": ["**/*__dots_*.py"], "typeCheckingMode": "off", "useLibraryCodeForTypes": True,
        "pythonVersion": "{}.{}".format(*sys.version_info[:2]), "failOnWarnings": False,
    } | dict.fromkeys(RULES, "error")  # fmt: skip
    (COPIES / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    command = [str(python), "-m", "basedpyright", "--outputjson", "--pythonpath", str(python), "--project", str(COPIES)]
    environment = os.environ | {"NODE_OPTIONS": "--max-old-space-size=8192"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    try:
        report = json.loads(done.stdout)
    except ValueError:
        raise RuntimeError(f"basedpyright gave no report: {done.stderr[-2000:]}") from None
    if report["summary"]["filesAnalyzed"] != len(variants):
        raise RuntimeError(f"basedpyright looked at {report['summary']['filesAnalyzed']} of {len(variants)} files")
    found: list[list[dict[str, Any]]] = [[] for _ in variants]
    for diagnostic in report["generalDiagnostics"]:
        number = numbers.get(str(Path(diagnostic["file"]).resolve()))
        if number is None or diagnostic.get("rule") not in RULES:
            continue
        begin = diagnostic["range"]["start"]
        message = diagnostic["message"].replace(f"__dots_{number}", "").replace("\xa0", " ")
        found[number].append({
            "rule": diagnostic["rule"], "message": message, "line": begin["line"] + 1, "column": begin["character"] + 1,
        })  # fmt: skip
    return found


def new_faults(
    access: Access, source: Source, text: str, found: Iterable[dict[str, Any]], known: Iterable[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Of what is found in a variant, what concerns its statement and is not said about the true one.

    `known` is what is found in the file as it is. Where the checker refuses even the true name behind the dot, it takes
    the receiver for something else, and what it says of another name there says nothing either.
    """
    first = source.text.count("\n", 0, access.statement) + 1
    last_true = source.text.count("\n", 0, access.end) + 1
    last = source.text.count("\n", 0, access.offset) + 1 + text.count("\n")
    before = {(each["rule"], each["message"]) for each in known if first <= each["line"] <= last_true}
    misread = any(
        (each["line"], each["column"]) == (access.line, access.column) and kind_of(each) == "attribute" for each in known
    )
    return [
        each for each in found
        if first <= each["line"] <= last and (each["rule"], each["message"]) not in before and kind_of(each)
        and not (misread and (each["line"], each["column"]) == (access.line, access.column))
    ]  # fmt: skip
