"""Attacks that nobody had thought of when what they attack was written: each broke something once, or might have."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.server.client import Client

StartClient = Callable[..., AbstractAsyncContextManager["Client"]]

SERVER = [sys.executable, "-E", "-P", "-m", "fairlead.server", "serve", "--no-model"]


def nested(depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {"inline": 1}
    for _ in range(depth):
        found = {"a": found}
    return found


SETTINGS = {
    "numbers past the end of every clock": {
        group: {name: 10**30} for group, name in (("inline", "budget_ms"), ("analysis", "budget_ms"), ("types", "idle_ms"))
    },
    "no numbers": {"inline": {"temperature": float("nan")}, "hints": {"min_probability": float("inf")}},
    "a log that no disk can have": {"log": {"file": "\ud800\0"}},
    "a log in the home of nobody": {"log": {"file": "~nobody-of-that-name/fairlead.log"}},
    "nested four hundred deep": nested(400),
    "twenty thousand": {f"k{number}": number for number in range(20_000)},
    "three megabytes": {"device": "x" * 3_000_000},
}


@pytest.mark.parametrize("name", SETTINGS)
async def test_no_setting_of_a_workspace_keeps_the_server_from_serving(
    start_client: StartClient, tmp_path: Path, name: str
) -> None:
    """A time past the end of Python's clocks once failed every list; a NUL in the log's name, the whole session."""
    uri = (tmp_path / "a.py").as_uri()
    async with start_client(SERVER, roots=[tmp_path.as_uri()], options=SETTINGS[name], cwd=tmp_path) as client:
        await client.notification("fairlead/status", where=lambda s: s["analysis"] == "ready", timeout_s=60)
        client.open(uri, "import os\nos.getcw")
        listed: list[str] = []
        for _ in range(50):  # as a person does whose list is not there yet
            answer = await client.request("textDocument/completion", client.at(uri, 1, 8))
            listed = [item["label"] for item in answer["items"]] if answer else []
            if listed:
                break
        assert listed == ["getcwd", "getcwdb"]
        status = await client.status()
        assert len(str(status)) < 10_000
        assert b"Traceback" not in client.stderr
        assert len(client.stderr) < 10_000


async def test_a_docstring_of_ten_megabytes_is_hovered_over(start_client: StartClient, tmp_path: Path) -> None:
    """The module that has it is larger than what is read, so the name alone is known; the one of the document is cut."""
    (tmp_path / "endless.py").write_text(f'def f():\n    """{"`~ " * 3_500_000}"""\n')
    text = f'from endless import f\n\ndef g():\n    """{"`~ " * 300_000}"""\n\nf()\ng()\n'
    uri = (tmp_path / "a.py").as_uri()
    async with start_client(SERVER, roots=[tmp_path.as_uri()]) as client:
        await client.notification("fairlead/status", where=lambda s: s["analysis"] == "ready", timeout_s=60)
        client.open(uri, text)
        for line in (5, 6):
            hover = await client.request("textDocument/hover", client.at(uri, line, 0), timeout_s=60)
            assert hover is None or len(str(hover)) < 50_000
        assert await client.request("fairlead/textHash", {"uri": uri}, timeout_s=60)


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A folder to ask about from the command line."""
    os.mkfifo(tmp_path / "fifo.py")
    (tmp_path / "zero.py").symlink_to("/dev/zero")
    (tmp_path / "self.py").symlink_to("self.py")
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    with (tmp_path / "sparse.py").open("wb") as file:
        file.truncate(1 << 30)
    (tmp_path / "good\nforged.py:1:1  parameter  x  int\x1b[2K.py").write_text("def f(a):\n    return a.upper()\n")
    environment = tmp_path / ".venv"
    (environment / "lib" / "python3.11").mkdir(parents=True)
    (environment / "pyvenv.cfg").symlink_to("/proc/self/environ")
    (environment / "lib" / "python3.11" / "site-packages").symlink_to("/proc/self")
    return tmp_path


def test_the_types_of_a_hostile_folder(hostile: Path) -> None:
    """No file of it stops the others, fills the memory, follows a circle, or writes a line of its own on the terminal."""
    done = subprocess.run(
        [Path(sys.executable).parent / "fairlead", "types", "."], cwd=hostile, capture_output=True, text=True, check=False,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 2
    *rows, summary = done.stdout.splitlines()
    assert rows
    assert [row for row in rows if not row.startswith(r"./good\nforged.py:1:1")] == []
    assert all(r"\x1b[2K.py:1:" in row for row in rows)
    assert "of 2 places" in summary
    told = {line.split(":")[1].strip(): line for line in done.stderr.splitlines()}
    assert set(told) == {"./fifo.py", "./self.py", "./sparse.py", "./zero.py"}
    assert "too many" in told["./sparse.py"]
