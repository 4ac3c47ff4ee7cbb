"""docs/security.md promises nothing that no test holds."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "security.md"
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
PLAIN = ("What is not covered", "Reporting")
"""Parts of the page that promise nothing."""


def unheld(page: str) -> list[str]:
    """The statements of the page that name no test, or one that does not exist."""
    found = []
    for part in re.split(r"^## ", page, flags=re.MULTILINE)[1:]:
        title, _, body = part.partition("\n")
        lines = [line for line in body.split("\n") if line.strip()]
        if title in PLAIN:
            continue
        for line in lines:
            named = TEST.findall(line)
            if not line.startswith("- ") or not named or not all(name in functions(path) for path, name in named):
                found.append(line)
    return found


def functions(path: str) -> set[str]:
    file = ROOT / path
    tree = ast.parse(file.read_text("utf-8")) if file.is_file() else ast.Module([], [])
    return {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}


def test_each_statement_names_a_test_that_exists(figure: Callable[[str, str], None]) -> None:
    page = PAGE.read_text("utf-8")
    assert unheld(page) == []
    figure("S11", f"{len(TEST.findall(page))} statements, each with its test")


def test_statements_that_no_test_holds_are_noticed() -> None:
    page = "# T\n\n## What runs\n\n- Nothing.\n- No. `tests/test_house.py::test_never_written`\n\n## Reporting\n\nWrite.\n"
    assert unheld(page) == ["- Nothing.", "- No. `tests/test_house.py::test_never_written`"]
    assert unheld("## What runs\n\nProse without a test.\n") == ["Prose without a test."]
