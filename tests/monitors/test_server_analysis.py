"""A language server as analysis: a fake one that behaves, dies, hangs and lies, and (e2e) three real ones."""

from __future__ import annotations

import json
import os
import shlex
import stat
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import psutil
import pytest

from fairlead.monitors.analysis import Document, Members
from fairlead.monitors.conversation import Patience
from fairlead.monitors.dereference import Dereference
from fairlead.monitors.errors import AnalysisDown
from fairlead.monitors.server_analysis import ServerAnalysis

FAKE = Path(__file__).with_name("fake_server.py")
WAIT_S = 30.0
AGAIN = Patience(restart_s=0.05)
"""For servers that die on purpose."""

Start = Callable[..., ServerAnalysis]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def start(log: Path) -> Iterator[Start]:
    """Start analysis by the fake server, in the given modes."""
    started = []

    def begin(*modes: str, patience: Patience | None = None, roots: tuple[str, ...] = (), **more: Any) -> ServerAnalysis:
        # Without site: half the time a Python takes to start.
        command = shlex.join([sys.executable, "-I", "-S", str(FAKE), str(log), *modes])
        started.append(ServerAnalysis(command, roots, patience=patience, **more))
        return started[-1]

    yield begin
    for analysis in started:
        analysis.shutdown()


def received(log: Path, method: str) -> list[Any]:
    """The parameters of every message of that method, as the server read them."""
    messages = [json.loads(line) for line in log.read_text().splitlines()]
    return [message.get("params") for message in messages if message.get("method") == method]


def document(text: str, path: str = "/p/a.cpp", version: int = 1) -> tuple[Document, int]:
    """A text with `|` for the cursor."""
    offset = text.index("|")
    return Document(path, text[:offset] + text[offset + 1 :], version), offset


def members(analysis: ServerAnalysis, text: str, path: str = "/p/a.cpp") -> Members:
    return analysis.members(*document(text, path)).result(WAIT_S)


def names_of(answer: Members) -> list[str]:
    return [member.name for member in answer.members]


def test_a_server_that_refutes_a_made_up_name_closes_the_place(start: Start) -> None:
    answer = members(start(), "x = thing.|\n")
    assert answer.closed
    assert names_of(answer) == ["alpha", "beta", "gamma"]
    assert answer.reason == "fake lists 3 members and calls any other name an error"
    assert answer.receiver == "Thing"
    assert answer.extra_names == {"if"}
    assert (answer.members[0].kind, answer.members[0].detail) == ("method", "int")


def test_where_the_server_accepts_a_made_up_name_the_place_is_open(start: Start) -> None:
    answer = members(start(), "x = other.|\n")
    assert not answer.closed
    assert names_of(answer) == ["known"]
    assert answer.reason == "fake finds nothing wrong with a name that was made up"


@pytest.mark.parametrize(
    ("modes", "closed", "reason"),
    [
        (("pull",), True, "calls any other name an error"),
        (("registers",), True, "calls any other name an error"),
        (("whole",), True, "calls any other name an error"),
        (("no-version",), True, "calls any other name an error"),
        (("first-incomplete",), True, "calls any other name an error"),
        (("words-first",), True, "calls any other name an error"),
        (("asks",), True, "calls any other name an error"),
        (("incomplete",), False, "the list of fake is not complete"),
        (("words",), False, "it does not know what this is"),
        (("mute",), False, "did not say in time"),
        (("warns",), False, "finds nothing wrong"),
        (("unknown-type",), False, "finds nothing wrong"),
        (("null",), False, "knows no members here"),
        (("refuses",), False, "knows no members here"),
    ],
)  # fmt: skip
def test_what_closes_a_place(start: Start, modes: tuple[str, ...], closed: bool, reason: str) -> None:
    patience = Patience(verdict_s=0.3) if "mute" in modes else None
    answer = members(start(*modes, patience=patience), "thing.|")
    assert answer.closed == closed
    assert reason in answer.reason
    assert names_of(answer) == ([] if modes[0] in ("null", "refuses") else ["alpha", "beta", "gamma"])


def test_lies_cost_nothing_but_what_they_are_about(start: Start) -> None:
    """Text on the wrong stream, JSON that is none, ids nobody asked with, lists for objects, ranges from nowhere."""
    analysis = start("lies")
    answer = members(analysis, "thing.|")
    assert answer.closed
    assert set(names_of(answer)) == {"alpha", "beta", "gamma", "x"}
    described = analysis.describe(*document("thing.|alpha")).result(WAIT_S)
    assert described is not None
    assert (described.start, described.end) == (6, 11)
    assert analysis.health() == "ready"


def test_what_a_server_asks_is_answered(start: Start, log: Path) -> None:
    analysis = start("asks", roots=("/p",))
    members(analysis, "thing.|")
    members(analysis, "other.|")
    replies = {}
    for line in log.read_text().splitlines():
        message = json.loads(line)
        if "method" not in message:
            replies[message["id"]] = message.get("result", message.get("error"))
    assert replies["q1"] == [{"autoImportCompletions": False, "diagnosticMode": "openFilesOnly"}, None, None]
    assert replies["q2"] is None
    assert replies["q3"] == {"applied": False}
    assert replies["q4"] == [{"uri": "file:///p", "name": "p"}]
    assert replies["q5"]["code"] == -32601


def test_the_text_is_the_buffer_with_a_made_up_name_and_nothing_typed(start: Start, log: Path) -> None:
    analysis = start()
    members(analysis, "a = 1;\nthing.al|pha(2);\n")
    opened = received(log, "textDocument/didOpen")[0]["textDocument"]
    assert (opened["uri"], opened["languageId"]) == ("file:///p/a.cpp", "cpp")
    first, second, _ = opened["text"].split("\n")
    assert first == "a = 1;"
    assert second.startswith("thing.fairlead")
    assert second.endswith("x(2);")
    asked = received(log, "textDocument/completion")[0]
    assert asked["position"] == {"line": 1, "character": 6}


def test_half_typed_names_are_one_question(start: Start, log: Path) -> None:
    analysis = start()
    for text in ("thing.|", "thing.a|", "thing.al|", "thing.alp|ha"):
        assert members(analysis, text).closed
    assert len(received(log, "textDocument/completion")) == 1


@pytest.mark.parametrize("mode", ["incremental", "whole"])
def test_edits_reach_the_server(start: Start, mode: str) -> None:
    """The fake applies each edit as it is told, in UTF-16 units, and answers from what it then has."""
    analysis = start(mode)
    for text in ("a😀b\r\nthing.|\r\nc", "a😀\r\nother.|\r\nc", "é\n\n😀😀 thing.|", "thing.|", "😀;x;thing.|;"):
        answer = members(analysis, text)
        assert names_of(answer) == (["known"] if "other" in text else ["alpha", "beta", "gamma"])


def test_names_in_scope_are_filtered_and_open(start: Start) -> None:
    answer = start().names(*document("x = thi|")).result(WAIT_S)
    assert names_of(answer) == ["thing", "think"]
    assert not answer.closed
    assert answer.reason == "names in scope, from fake"


def test_a_name_is_described_by_hover(start: Start) -> None:
    analysis = start()
    described = analysis.describe(*document("x; thing.al|pha")).result(WAIT_S)
    assert described is not None
    assert (described.name, described.signature) == ("alpha", "int alpha(int x)")
    assert (described.documentation, described.start, described.end) == ("What `alpha` does.", 9, 14)


def test_a_member_of_a_list_is_described_where_it_would_stand(start: Start, log: Path) -> None:
    analysis = start()
    described = analysis.describe(*document("x; thing.|"), name="beta").result(WAIT_S)
    assert described is not None
    assert described.signature == "int beta(int x)"
    assert received(log, "textDocument/didOpen")[0]["textDocument"]["text"] == "x; thing.beta"


def test_where_hover_is_silent_the_list_describes(start: Start) -> None:
    described = start().describe(*document("thing.|"), name="gamma").result(WAIT_S)
    assert described is not None
    assert described.signature == "int gamma(int x)"


def test_strings_and_comments_are_not_asked_about(start: Start, log: Path) -> None:
    analysis = start()
    assert members(analysis, '"thing.|').reason == "in a string"
    assert members(analysis, "// thing.|").reason == "in a comment"
    assert members(analysis, "thing|").reason == "no attribute access"
    members(analysis, "thing.|")
    assert len(received(log, "textDocument/completion")) == 1


def test_a_server_that_dies_is_started_again_and_asked_again(start: Start) -> None:
    health: list[str] = []
    analysis = start("dies-once", patience=AGAIN, on_health=health.append)
    assert members(analysis, "thing.|").closed
    assert health[:1] == ["ready"]
    assert analysis.health() == "ready"


def test_dying_of_a_question_twice_is_an_answer(start: Start) -> None:
    analysis = start("dies", patience=AGAIN)
    with pytest.raises(AnalysisDown, match="died of this question twice"):
        members(analysis, "thing.|")


def test_a_document_that_kills_is_set_aside(start: Start, log: Path) -> None:
    analysis = start("dies", patience=AGAIN)
    with pytest.raises(AnalysisDown):
        members(analysis, "thing.|")
    with pytest.raises(AnalysisDown):
        members(analysis, "thing.|;")
    assert "set aside" in members(analysis, "thing.|;;").reason


def test_a_server_that_hangs_is_killed_and_its_successor_answers(start: Start) -> None:
    analysis = start("hangs-once", patience=Patience(lifeless_s=0.6, starting_s=0.6, restart_s=0.05))
    begun = time.monotonic()
    assert members(analysis, "thing.|").closed
    assert time.monotonic() - begun < 10


def test_while_it_hangs_nobody_is_blocked(start: Start) -> None:
    analysis = start("hangs")
    begun = time.monotonic()
    asked = [analysis.members(*document(f"{'x;' * i}thing.|")) for i in range(50)]
    assert time.monotonic() - begun < 0.5
    assert any("newer questions" in future.result(0).reason for future in asked if future.done())


def test_a_server_that_does_not_speak_is_given_up(start: Start, log: Path) -> None:
    analysis = start("ends-at-once", patience=AGAIN)
    with pytest.raises(AnalysisDown, match="never answered"):
        members(analysis, "thing.|")
    assert analysis.health().startswith("down: ")
    with pytest.raises(AnalysisDown):
        analysis.describe(*document("thing.|a")).result(0)


@pytest.mark.parametrize("command", ["no-such-program --stdio", "./server --stdio", "", "'"])
def test_a_program_that_is_not_there(command: str) -> None:
    analysis = ServerAnalysis(command)
    with pytest.raises(AnalysisDown):
        members(analysis, "thing.|")
    assert analysis.health().startswith("down: ")
    analysis.shutdown()


def test_a_program_in_the_workspace_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "node_modules" / ".bin"
    folder.mkdir(parents=True)
    planted = folder / "some-server"
    planted.write_text(f"#!/bin/sh\ntouch {shlex.quote(str(tmp_path / 'ran'))}\n")
    planted.chmod(planted.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}.{os.pathsep}{os.environ['PATH']}")
    analysis = ServerAnalysis("some-server", workspace_roots=[str(tmp_path)])
    with pytest.raises(AnalysisDown, match="outside of the workspace"):
        members(analysis, "thing.|")
    analysis.shutdown()
    assert not (tmp_path / "ran").exists()


def test_the_server_sees_little_of_our_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_TOKEN", "secret")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    seen = tmp_path / "seen"
    code = f"import os; open({str(seen)!r}, 'w').write(repr((dict(os.environ), os.getcwd(), os.getpgid(0) == os.getpid())))"
    analysis = ServerAnalysis(shlex.join([sys.executable, "-S", "-c", code]))
    while not seen.exists() or not seen.read_text().endswith(")"):
        time.sleep(0.01)
    analysis.shutdown()
    environment, folder, leads_its_group = eval(seen.read_text())
    assert "A_TOKEN" not in environment
    assert "PYTHONPATH" not in environment
    assert environment["LC_ALL"] == "C.UTF-8"
    assert Path(folder) != Path.cwd()
    assert leads_its_group


def test_the_end_takes_helpers_along(start: Start, log: Path) -> None:
    analysis = start("helper", "stubborn")
    members(analysis, "thing.|")
    helper = psutil.Process(int(log.with_name("log.helper").read_text()))
    begun = time.monotonic()
    analysis.shutdown()
    assert time.monotonic() - begun < 2
    helper.wait(5)
    with pytest.raises(AnalysisDown):
        members(analysis, "thing.alpha + thing.|")


def test_the_end_fails_what_is_still_asked(start: Start) -> None:
    analysis = start("hangs")
    asked: list[Future[Members]] = [analysis.members(*document(f"{'x;' * i}thing.|")) for i in range(3)]
    analysis.shutdown()
    for future in asked:
        with pytest.raises(AnalysisDown):
            future.result(5)


def test_closing_takes_the_document_back(start: Start, log: Path) -> None:
    analysis = start()
    analysis.open(document("thing.alpha|")[0])
    assert members(analysis, "thing.|").closed
    analysis.close("/p/a.cpp")
    assert members(analysis, "other.|", "/p/b.ts").reason != ""
    assert received(log, "textDocument/didClose") == [{"textDocument": {"uri": "file:///p/a.cpp"}}]
    assert received(log, "textDocument/didOpen")[0]["textDocument"]["text"] == "thing.alpha"


def test_a_server_that_never_speaks_of_errors_is_not_waited_for_long(start: Start) -> None:
    analysis = start("mute", patience=Patience(verdict_s=0.3))
    assert [members(analysis, f"{'x;' * number}thing.|").silence for number in range(3)] == ["late", "late", ""]
    begun = time.monotonic()
    for number in range(3, 8):
        assert "did not say" in members(analysis, f"{'x;' * number}thing.|").reason
    assert time.monotonic() - begun < 1.4  # five times 0.3 s would be 1.5


def test_the_dereference_monitor_guides_in_another_language(start: Start) -> None:
    guide = Dereference(start())
    found = guide.start(*document("int f() { return thing.ga|; }"))
    assert found is not None
    assert (found.closed, found.typed, found.state.names()) == (True, "ga", frozenset({"mma"}))
    assert found.state.advance("mma(1)") is not None
    assert found.state.advance("rlic") is None
