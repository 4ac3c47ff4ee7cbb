"""The setting `analysis.command`: who may set it, and what it does in the command line and in a session."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest

from fairlead.monitors.analysis import Document
from fairlead.server import cli
from fairlead.server.session import Session
from fairlead.server.settings import Settings, from_json

FAKE = Path(__file__).parent.parent / "monitors" / "fake_server.py"


@pytest.fixture
def command(tmp_path: Path) -> str:
    return shlex.join([sys.executable, "-I", "-S", str(FAKE), str(tmp_path / "log")])


def test_a_workspace_may_not_name_a_program() -> None:
    settings, problems = from_json({"analysis": {"command": "evil --stdio"}}, trusted=False)
    assert settings.analysis_command == ""
    assert problems == ["analysis.command: a workspace may not set this; set it in the user settings"]
    assert from_json({"analysis.command": "clangd"})[0].analysis_command == "clangd"


def test_the_command_line_asks_the_server(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.cpp"
    file.write_text("int main() {\n  thing.\n}\n")
    position = f"{file}:2:9"
    assert cli.main(["complete", position, "--analysis", command, "--no-model", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["monitor"]["closed"]
    assert answer["monitor"]["reason"] == "fake lists 3 members and calls any other name an error"
    assert [item["label"] for item in answer["completions"]] == ["alpha", "beta", "gamma"]


async def test_a_session_asks_the_server_and_changes_over(command: str) -> None:
    session = Session(lambda: None)
    session.start(Settings(analysis_command=command), [], with_model=False)
    try:
        document = Document("/p/a.ts", "const x = thing.al")
        made = await session.list_members(document, len(document.text))
        assert made is not None
        assert [entry.member.name for entry in made.entries] == ["alpha"]
        assert made.closed
        described = await session.resolve(made.id, "alpha")
        assert described is not None
        assert described.signature == "int alpha(int x)"
        assert await session.hover(Document("/p/a.ts", "// thing.alpha"), 12) is None
        session.configure(Settings(), [])
        made = await session.list_members(document, len(document.text))
        assert made is not None
        assert (made.entries, made.closed, made.reason) == ((), False, "jedi reads Python only")
    finally:
        session.close()
