"""The ledger of reliability names tests that exist, and reads what they report."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from .loading import load

ROOT = Path(__file__).resolve().parents[2]


rows = load("reliability_rows")
for helper in ("machine",):
    load(helper)
ledger = load("reliability")


def functions(path: str) -> set[str]:
    """The names of the test functions of a file."""
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    return {
        node.name for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_")
    }  # fmt: skip


def test_every_line_of_the_issue_is_there_once_and_in_order() -> None:
    assert [row.name for row in rows.ROWS] == [*(f"T{n}" for n in range(1, 21)), *(f"S{n}" for n in range(1, 12))]


@pytest.mark.parametrize("row", rows.ROWS, ids=lambda row: row.name)
def test_the_tests_of_a_line_exist(row: rows.Row) -> None:  # type: ignore[name-defined]  # loaded by path
    for test in (*row.tests, *row.bites):
        path, *inner = test.split("::")
        assert (ROOT / path).is_file(), test
        assert not inner or inner[-1] in functions(path), test


REPORT = """<testsuites><testsuite>
<testcase classname="tests.server.test_a" name="test_one[x]">
<properties><property name="T1" value="7 edits"/><property name="T2" value="other"/></properties></testcase>
<testcase classname="tests.server.test_a.TestGroup" name="test_two"><failure message="no"/></testcase>
<testcase classname="tests.server.test_b" name="test_three"><skipped message="not here"/></testcase>
</testsuite></testsuites>"""

STOPPED = """<testsuites><testsuite>
<testcase classname="" name="pytest"><error message="internal error"/></testcase></testsuite></testsuites>"""


def test_a_run_that_was_stopped_is_read_and_has_failed() -> None:
    assert [outcome.failed for outcome in ledger.outcomes(STOPPED).values()] == [["pytest"]]


def test_a_line_shows_the_figures_of_its_tests_and_their_failures() -> None:
    found = ledger.outcomes(REPORT)
    assert ledger.line(rows.Row("T1", "p", ("tests/server/test_a.py::test_one",)), found) == \
        "| **T1** | p | 7 edits | 1 | – |"
    assert "**failed**: test_two; 7 edits" in ledger.line(rows.Row("T1", "p", ("tests/server/test_a.py",)), found)
    assert "1 skipped here" in ledger.line(rows.Row("T3", "p", ("tests/server/test_b.py",)), found)
    assert "*missing*" in ledger.line(rows.Row("T4", "p"), found)
    shorter = ledger.outcomes(REPORT, "short")
    assert "7 edits (short form)" in ledger.line(rows.Row("T1", "p", ("tests/server/test_a.py::test_one",)), shorter)
