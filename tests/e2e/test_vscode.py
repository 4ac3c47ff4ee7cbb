"""Tests in a real VS Code that the ledger shows: each is a file that `scripts/e2e-vscode` runs, and says what it measured."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

HERE = Path(__file__).parent


def ran(file: str, figure: Callable[[str, str], None]) -> None:
    """Run one file; a line `T4 …` that it says is the figure of T4."""
    cache = Path(os.environ.get("FAIRLEAD_E2E_CACHE", Path.home() / ".cache" / "fairlead-e2e"))
    if not list(cache.glob("code-server-*.*.*")):
        pytest.skip("VS Code is not unpacked; scripts/e2e-vscode does it")
    done = subprocess.run(
        [HERE.parent.parent / "scripts" / "e2e-vscode", f"tests/e2e/vscode/{file}"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    figures = re.findall(r"^\W*([TS]\d+) (.+)$", done.stdout, re.MULTILINE)
    assert figures, done.stdout
    for line, measured in figures:
        figure(line, measured)


def test_server_and_editor_hold_the_same_text(figure: Callable[[str, str], None]) -> None:
    """And a server that misses a change is noticed."""
    ran("drift.test.mjs", figure)


def test_a_hostile_text_that_is_taken_is_in_the_buffer_as_it_was_shown(figure: Callable[[str, str], None]) -> None:
    ran("hostile.test.mjs", figure)
