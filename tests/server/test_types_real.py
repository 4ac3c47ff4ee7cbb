"""Types from the real inference, through the real command and the real server, without a language model."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.server.client import Client

PROJECT = Path(__file__).resolve().parent.parent / "e2e" / "project"
MODULE = [sys.executable, "-E", "-P", "-m", "fairlead.server"]
CAPABILITIES: dict[str, Any] = {
    "general": {"positionEncodings": ["utf-8"]}, "workspace": {"inlayHint": {"refreshSupport": True}},
    "textDocument": {"inlayHint": {"resolveSupport": {"properties": ["textEdits"]}}},
}  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(PROJECT, tmp_path / "project")
    return tmp_path / "project"


def test_the_command_tells_what_the_uses_of_a_parameter_say(project: Path) -> None:
    done = subprocess.run(
        [*MODULE, "types", "--json", "inventory/report.py:9", "inventory/report.py:20"],
        cwd=project, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    found = {(one["line"], one["name"]): one for one in map(json.loads, done.stdout.splitlines())}
    item = found[9, "item"]
    assert (item["column"], item["kind"], item["static"]) == (12, "parameter", None)
    assert item["predicted"][0]["type"] == "Item"
    assert item["evidence"]
    assert found[20, "warehouse"]["predicted"][0]["type"] == "Warehouse"
    assert found[20, "write"]["static"] == "None"
    for one in found.values():
        shares = [prediction["probability"] for prediction in one["predicted"]]
        assert shares == sorted(shares, reverse=True)
        assert sum(shares) <= 1.0 + 1e-3
        assert all(p["low"] <= p["high"] for p in one["predicted"])


def test_what_the_command_writes_is_python_and_says_the_same(project: Path) -> None:
    # As sure as a hint: the guess that `item` is an Item is not sure enough for a whole project.
    told = [*MODULE, "types", "--min-probability", "0.75"]
    done = subprocess.run([*told, "--apply", "."], cwd=project, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    after = (project / "inventory/report.py").read_text()
    compile(after, "report.py", "exec")
    assert "def as_row(item: Item)" in after
    assert ") -> None:" in after
    again = subprocess.run([*told, "--diff", "."], cwd=project, capture_output=True, text=True, timeout=120)
    assert "def as_row" not in again.stdout, "what is written is not asked about again"


async def test_the_server_hints_at_what_it_infers(
    start_client: Callable[..., AbstractAsyncContextManager[Client]], project: Path
) -> None:
    path = project / "inventory/report.py"
    options = {"analysis.budget_ms": 20_000}
    async with start_client(
        [*MODULE, "serve", "--no-model"], roots=[project.as_uri()], options=options, capabilities=CAPABILITIES
    ) as client:
        client.open(path.as_uri(), path.read_text())
        everything = {"start": {"line": 0, "character": 0}, "end": {"line": 99, "character": 0}}
        asked = {"textDocument": {"uri": path.as_uri()}, "range": everything}
        for _ in range(400):
            found = await client.request("textDocument/inlayHint", asked)
            labels = {(hint["position"]["line"], hint["label"]) for hint in found or []}
            if {(8, ": Item?"), (19, "-> None")} <= labels:
                break
            await asyncio.sleep(0.1)
        else:
            raise AssertionError(f"the hints are {labels}")
