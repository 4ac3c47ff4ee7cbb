"""`--unguided`, `--no-draft` and `--no-run-ahead`, on `complete` and on `serve`, do what they say and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from fairlead.decoding.decoder import Decoder
from fairlead.decoding.fakes import ScriptedEngine, SecondThoughts, byte_tokenizer, decoder_of
from fairlead.decoding.offer import Limits
from fairlead.monitors.analysis import Document
from fairlead.monitors.fixed import FixedAnalysis
from fairlead.monitors.roster import joint
from fairlead.server import app, cli, complete
from fairlead.server.session import Session
from fairlead.server.settings import Settings, is_guided, monitors_on, switched

SWITCHES = {"--unguided": "guided", "--no-draft": "draft", "--no-run-ahead": "run_ahead"}
TEXT = "items = []\nitems."


def made_unlike_the_default(settings: Settings) -> dict[str, Any]:
    return {name: value for name, value in asdict(settings).items() if value != asdict(Settings())[name]}


@pytest.mark.parametrize(
    ("switch", "changed"),
    [
        pytest.param("--no-draft", {"inline_draft": False}, id="draft"),
        pytest.param("--no-run-ahead", {"inline_run_ahead": False}, id="run ahead"),
        pytest.param("--unguided", dict.fromkeys([f"monitors_{one}" for one in monitors_on(Settings())], False), id="guided"),
        pytest.param("--no-model", {}, id="none of them"),
    ],
)
def test_the_server_takes_the_switches_for_good_whatever_the_client_sets(
    switch: str, changed: dict[str, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[Callable[[Settings], Settings]] = []

    def serve(*, with_model: bool, adjust: Callable[[Settings], Settings]) -> int:
        taken.append(adjust)
        return 0

    monkeypatch.setattr(app, "serve", serve)
    assert cli.main(["serve", switch]) == 0
    assert made_unlike_the_default(taken[0](Settings())) == changed
    of_client = replace(Settings(), inline_draft=False, monitors_name=False, inline_max_tokens=7)
    assert made_unlike_the_default(taken[0](of_client)) == made_unlike_the_default(of_client) | changed


class Noting(Decoder):
    """Remembers what it was asked to write."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__(decoder.model, decoder.engine, decoder.vocabulary)
        self.asked: list[tuple[Any, Limits]] = []

    def write(self, document: Document, offset: int, guide: Any, limits: Limits, **more: Any) -> Any:
        self.asked.append((guide, limits))
        return super().write(document, offset, guide, limits, **more)


@pytest.fixture
def noting(monkeypatch: pytest.MonkeyPatch) -> Noting:
    tokenizer = byte_tokenizer([".append", ".invented", "(1)\n"])
    made = Noting(decoder_of(tokenizer, ScriptedEngine(tokenizer, {"items": ".invented(1)\n"})))
    monkeypatch.setattr(complete, "_decoder", lambda settings: made)
    return made


@pytest.fixture
def position(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "a.py").write_text(TEXT)
    monkeypatch.setattr("fairlead.server.isolation.prepare", lambda: None)  # it is for a process of its own
    return f"{tmp_path / 'a.py'}:2:7"


def completed(*arguments: str) -> dict[str, Any]:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert cli.main(["complete", "--json", *arguments]) == 0
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


def test_the_command_line_writes_as_its_switches_say(noting: Noting, position: str) -> None:
    for switch in ("", *SWITCHES):
        answer = completed(*[switch] * bool(switch), position)
        guide, limits = noting.asked[-1]
        said = {"guided": guide is not None, "draft": limits.draft, "run_ahead": limits.run_ahead}
        assert said == {name: name != SWITCHES.get(switch) for name in said}
        assert (answer["monitor"] is None) == (switch == "--unguided")
        texts = [(item["text"], item["provenance"]) for item in answer["inline"]]
        assert (texts == [("invented(1)", "model")]) == (switch == "--unguided")


@pytest.mark.parametrize("guided", [True, False])
async def test_a_server_without_monitors_writes_what_the_model_wants(guided: bool) -> None:
    session = Session(lambda: None)
    session.settings = replace(switched(Settings(), guided=guided), inline_budget_ms=5000, inline_min_confidence=0)
    session._analysis = FixedAnalysis({"items": ["append"]})
    session._guide = joint(session._analysis, monitors_on(session.settings))
    tokenizer = byte_tokenizer([".append", ".invented", "(1)\n"])
    script = {"items": ".invented(1)\n", "append": "(1)\n"}
    session.model.load(lambda: decoder_of(tokenizer, SecondThoughts(tokenizer, script, {"items": ".append"})))
    try:
        await asyncio.get_running_loop().run_in_executor(session.model._executor, int)  # until it is loaded
        found = await session.ghost(Document("/p/a.py", TEXT), len(TEXT), invoked=False)
        assert found, session.status.nothing
        assert [ghost.text for ghost in found] == (["append(1)"] if guided else ["invented(1)"])
    finally:
        session.model.close()


def test_the_monitor_of_syntax_alone_guides_nothing() -> None:
    nothing = switched(Settings(), guided=False)
    assert not is_guided(nothing)
    assert not is_guided(replace(nothing, monitors_syntax=True))
    assert is_guided(replace(nothing, monitors_name=True))
