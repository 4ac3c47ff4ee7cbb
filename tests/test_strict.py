"""The tests pass in Python's development mode too, and with the line ends of Windows in all annotated source."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent
ANNOTATED = tuple(
    f"tests/monitors/test_{name}.py" for name in ("store", "cases", "call_cases", "word_cases", "typestate")
)  # fmt: skip

LEAKY = """
def test_a_file_is_left_open():
    open(__file__)
"""

UNIX = """
from pathlib import Path
from fairlead.monitors import cases
import tests.monitors.conftest

def test_lines_end_as_they_are_written():
    (case, *_) = cases.cases(Path("tests/monitors/cases/store.py"))
    assert "\\r" not in case.before + case.behind
"""


def strictly(*tests: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """pytest in a process of its own, with our configuration."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-c", "pyproject.toml", "--rootdir=.", "-m", "not e2e"]
    return subprocess.run(
        [*command, *tests], cwd=ROOT, env={**os.environ, "FAIRLEAD_FORM": "short", **environment},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip


def passes(done: subprocess.CompletedProcess[str]) -> str:
    """How many passed; fails unless all did."""
    assert done.returncode == 0, done.stdout[-5_000:]
    rows = re.findall(r"^([.s]+) +\[", done.stdout, re.MULTILINE)
    return f"{sum(row.count('.') for row in rows):,}"


def test_the_suites_pass_in_pythons_development_mode(
    form: Callable[..., tuple[str, ...]], figure: Callable[[str, str], None]
) -> None:
    short = ("tests/monitors/test_frames.py",)
    of_processes = ("tests/monitors/test_process.py", "tests/monitors/test_reader.py", "tests/server/test_wire.py",
                    "tests/server/test_documents.py", "tests/server/test_text.py")  # fmt: skip
    tests = form(short, of_processes, ("tests/monitors", "tests/server"))
    passed = passes(strictly(*tests, PYTHONDEVMODE="1"))
    figure("T20", f"{passed} tests pass under PYTHONDEVMODE=1")


def test_the_suites_pass_with_the_line_ends_of_windows(
    form: Callable[..., tuple[str, ...]], figure: Callable[[str, str], None]
) -> None:
    passed = passes(strictly(*form(ANNOTATED[:1], ANNOTATED, ANNOTATED), FAIRLEAD_LINE_ENDS="crlf"))
    figure("T20", f"{passed} tests pass on annotated source in CRLF")


def test_what_development_mode_finds_is_noticed(tmp_path: Path) -> None:
    leaky = tmp_path / "test_leaky.py"
    leaky.write_text(LEAKY)
    assert strictly(leaky, PYTHONDEVMODE="1").returncode == 1


def test_source_that_does_not_end_its_lines_like_windows_is_noticed(tmp_path: Path) -> None:
    unix = tmp_path / "test_unix.py"
    unix.write_text(UNIX)
    assert strictly(unix).returncode == 0
    assert strictly(unix, FAIRLEAD_LINE_ENDS="crlf").returncode == 1
