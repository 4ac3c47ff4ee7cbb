"""The analysis process as its owner sees it: answers, faults, end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import psutil
import pytest

from fairlead.monitors.analysis import Description, Document, Members
from fairlead.monitors.errors import AnalysisDown
from fairlead.monitors.process import AnalysisProcess
from fairlead.monitors.vital_signs import STOPPED_S, Silence

PATIENCE_S = 120

LOOPING_WORKER = """
from fairlead.monitors import worker

answer = worker.answer_of
def looping(session, verb, document, *rest):
    while "loops" in document.path:
        pass
    return answer(session, verb, document, *rest)
worker.answer_of = looping
worker.main()
"""
"""Computes for ever about one document, as a fault of jedi's might."""


@pytest.fixture(scope="module")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def shared(cache_folder: str) -> Iterator[AnalysisProcess]:
    """One process for the tests that leave it as it was."""
    analysis = AnalysisProcess(cache_folder=cache_folder)
    yield analysis
    analysis.shutdown()


@pytest.fixture
def own(cache_folder: str) -> Iterator[AnalysisProcess]:
    """A process to break."""
    analysis = AnalysisProcess(cache_folder=cache_folder)
    yield analysis
    analysis.shutdown()


def at(text: str, path: str = "/nowhere/a.py", version: int = 0) -> tuple[Document, int]:
    return Document(path, text.replace("▮", ""), version), text.index("▮")


def members(analysis: AnalysisProcess, text: str, path: str = "/nowhere/a.py") -> Members:
    return analysis.members(*at(text, path)).result(PATIENCE_S)


def pid(analysis: AnalysisProcess) -> int:
    running = analysis._running
    assert running is not None
    return running._process.pid


def gone(process_id: int, within_s: float) -> bool:
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        try:
            if psutil.Process(process_id).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.01)
    return False


class TestAnswers:
    def test_members(self, shared: AnalysisProcess) -> None:
        found = members(shared, "import os.path\nx = os.path.▮\n")
        assert found.closed
        assert found.receiver == "os.path"
        assert {"join", "exists"} <= {member.name for member in found.members}
        assert {member.name: member.kind for member in found.members}["join"] == "function"
        assert {"__name__", "__doc__"} <= found.names
        assert "__name__" not in {member.name for member in found.members}

    def test_public_names_come_first(self, shared: AnalysisProcess) -> None:
        names = [member.name for member in members(shared, "class A:\n    _b = 1\n    a = 2\n    B = 3\nx = A.▮").members]
        public = [name for name in names if not name.startswith("_")]
        assert names[:len(public)] == sorted(public, key=str.lower)
        assert names[-1] == "_b"

    def test_kinds(self, shared: AnalysisProcess) -> None:
        text = "import enum\nclass C(enum.Enum):\n    RED = 1\n    def go(self): ...\n    @property\n    def p(self): ...\n"
        text += "x = C.▮"
        kinds = {member.name: member.kind for member in members(shared, text).members}
        assert (kinds["RED"], kinds["go"], kinds["p"]) == ("enum_member", "method", "property")

    def test_a_half_typed_name_does_not_filter(self, shared: AnalysisProcess) -> None:
        assert members(shared, "x = 'a'.up▮").names == members(shared, "x = 'a'.▮").names

    def test_the_same_question_is_answered_from_the_cache(self, shared: AnalysisProcess) -> None:
        first = members(shared, "import json\nx = json.▮\n")
        future = shared.members(*at("import json\nx = json.du▮\n"))
        assert future.done()
        assert future.result() is first

    def test_the_same_question_twice_at_once_is_asked_once(self, shared: AnalysisProcess) -> None:
        futures = [shared.members(*at("import string\nx = string.▮\n")) for _ in range(3)]
        answers = [future.result(PATIENCE_S) for future in futures]
        assert answers[0] is answers[1] is answers[2]

    @pytest.mark.parametrize("text", ["# os.▮", "x = 3.▮", "'a.▮", "x▮"])
    def test_what_is_no_place_is_answered_at_once(self, shared: AnalysisProcess, text: str) -> None:
        future = shared.members(*at(text))
        assert future.done()
        assert not future.result().closed

    def test_names(self, shared: AnalysisProcess) -> None:
        found = shared.names(*at("import os\n\n\ndef fortune(): ...\n\n\nfor▮")).result(PATIENCE_S)
        kinds = {member.name: member.kind for member in found.members}
        assert kinds["fortune"] == "function"
        assert kinds["for"] == "keyword"
        assert not found.closed
        assert all(name.startswith("for") for name in kinds)

    def test_describe_the_name_at_the_cursor(self, shared: AnalysisProcess) -> None:
        text = "def join(a: str, *p: int) -> str:\n    '''Puts *them* together.'''\n\n\njo▮in('x')\n"
        start = text.index("jo▮in")
        assert shared.describe(*at(text)).result(PATIENCE_S) == Description(
            "join", "function", "def join(a: str, *p: int) -> str", "Puts *them* together.", "__main__.join", start,
            start + 4,
        )  # fmt: skip

    def test_describe_a_member_not_written_yet(self, shared: AnalysisProcess) -> None:
        found = shared.describe(*at("import os\nx = os.pa▮\n"), "getcwd").result(PATIENCE_S)
        assert found is not None
        assert found.signature == "def getcwd() -> str"
        assert found.full_name == "os.getcwd"

    @pytest.mark.parametrize(
        ("text", "signature"),
        [
            ("x▮ = 1\n", "x: int"),
            ("x▮ = []\n", "x: list"),
            ("x▮ = {'a': nothing}\n", "x: dict"),
            ("def f(x=[nothing()]):\n    return x▮\n", "x: list"),
            ("class Po▮int:\n    def __init__(self, x: int): ...\n", "class Point(x: int)"),
            ("import o▮s\n", "import os"),
            ("def f(a: str):\n    return a▮\n", "a: str"),
        ],
    )
    def test_signatures_are_python(self, shared: AnalysisProcess, text: str, signature: str) -> None:
        found = shared.describe(*at(text)).result(PATIENCE_S)
        assert found is not None
        assert found.signature == signature

    @pytest.mark.parametrize(
        "text", ["if (▮", "return (▮", "x = nothing or (▮", "x = [1 for (▮ in nothing]", "from os import (▮"]
    )
    def test_a_bracket_behind_a_keyword_is_no_call(self, shared: AnalysisProcess, text: str) -> None:
        found = shared.signatures(*at(text)).result(PATIENCE_S)
        assert (found.known, found.reason) == (False, "what is called is not known")

    @pytest.mark.parametrize("text", ["1▮2", "  ▮  ", "# com▮ment", "'str▮ing'", "nothing▮"])
    def test_what_cannot_be_described(self, shared: AnalysisProcess, text: str) -> None:
        assert shared.describe(*at(text)).result(PATIENCE_S) is None

    @pytest.mark.parametrize(
        "text",
        [
            "x = 'a'.▮\r\n", "\ufeffx = 'a'.▮", "\ufeffimport os\nx = 'a'.▮", "s = '😀名'; x = s.▮", "\x0cx = 'a'.▮",
            "x = '\ud800'.▮", "\tx = 'a'.▮\n", "x = 'a'.▮" + "\n" * 1000, "x = ['" + "a" * 100_000 + "'][0]; y = 'a'.▮",
            "def f(:\n  class\nx = 'a'.▮", "x = 'a'. up▮", "x = ('a'\n  .▮\n",
        ],
    )  # fmt: skip
    def test_odd_texts(self, shared: AnalysisProcess, text: str) -> None:
        assert "upper" in members(shared, text).names

    @pytest.mark.parametrize("path", ["untitled:1", "", "vscode-notebook-cell:/a.ipynb#X1", "/nowhere/a\0b.py", "/n/é.pyi"])
    def test_odd_paths(self, shared: AnalysisProcess, path: str) -> None:
        assert members(shared, "x = 'a'.▮", path).closed

    @pytest.mark.parametrize(
        ("text", "reason"),
        [("x = " + "not " * 20_000 + "(1).a.▮", "analysis failed"), ("x = 1\n" * 500_000 + "x.▮", "too large")],
    )
    def test_what_cannot_be_analysed_is_open(self, shared: AnalysisProcess, text: str, reason: str) -> None:
        found = members(shared, text)
        assert not found.closed
        assert reason in found.reason or found.reason == "the receiver's type is not known"
        assert members(shared, "x = 'b'.▮").closed


class TestFaults:
    def test_killed_in_mid_question_it_is_asked_again(self, own: AnalysisProcess) -> None:
        seen: list[str] = []
        own._on_health = seen.append
        members(own, "x = 'a'.▮")
        future = own.members(*at("import logging.handlers\nx = logging.handlers.▮"))
        os.kill(pid(own), signal.SIGKILL)
        assert future.result(PATIENCE_S).closed
        assert own.health() == "ready"
        assert [state.partition(":")[0] for state in seen][-2:] == ["restarting", "ready"]
        assert "signal 9" in seen[-2]

    def test_stopped_it_is_killed_and_asked_again(self, own: AnalysisProcess) -> None:
        members(own, "x = 'a'.▮")
        victim = pid(own)
        own._lifeless_s = 3600.0  # not because it is silent
        os.kill(victim, signal.SIGSTOP)
        future = own.members(*at("x = 'b'.▮"))
        assert gone(victim, PATIENCE_S)
        assert future.result(PATIENCE_S).closed

    def test_stopped_while_idle_it_may_go_on(self, own: AnalysisProcess) -> None:
        members(own, "x = 'a'.▮")
        victim = pid(own)
        os.kill(victim, signal.SIGSTOP)
        assert not gone(victim, 3 * STOPPED_S)
        os.kill(victim, signal.SIGCONT)
        assert members(own, "x = 'b'.▮").closed
        assert pid(own) == victim

    def test_an_owner_that_does_not_look_waits_for_a_stopped_one(self, own: AnalysisProcess) -> None:
        members(own, "x = 'a'.▮")
        own._lifeless_s = 3600.0
        assert own._running is not None
        own._running._silence = Silence(pid(own), lambda number: None)
        os.kill(pid(own), signal.SIGSTOP)
        future = own.members(*at("x = 'b'.▮"))
        with pytest.raises(TimeoutError):
            future.result(10 * STOPPED_S)
        os.kill(pid(own), signal.SIGCONT)
        assert future.result(PATIENCE_S).closed

    def test_computing_for_ever_it_is_killed_and_others_are_answered(
        self, cache_folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        worker = tmp_path / "looping.py"
        worker.write_text(LOOPING_WORKER)
        plain = AnalysisProcess._command
        monkeypatch.setattr(
            AnalysisProcess, "_command", lambda self: [sys.executable, "-E", "-P", str(worker), *plain(self)[5:]]
        )
        analysis = AnalysisProcess(cache_folder=cache_folder, lifeless_s=1.5)
        try:
            members(analysis, "x = 'a'.▮")
            victim, begun = pid(analysis), time.monotonic()
            future = analysis.members(*at("x = 'a'.▮", "/nowhere/loops.py"))
            assert gone(victim, PATIENCE_S)
            assert time.monotonic() - begun >= 1.5
            with pytest.raises(AnalysisDown, match="twice"):
                future.result(PATIENCE_S)
            assert members(analysis, "x = 'b'.▮").closed
        finally:
            analysis.shutdown()

    def test_killed_while_idle_it_comes_back(self, own: AnalysisProcess) -> None:
        members(own, "x = 'a'.▮")
        victim = pid(own)
        os.kill(victim, signal.SIGKILL)
        end = time.monotonic() + PATIENCE_S
        while (own.health() != "ready" or pid(own) == victim) and time.monotonic() < end:
            time.sleep(0.02)
        assert members(own, "x = 'c'.▮").closed

    def test_a_document_it_dies_of_is_set_aside_and_others_work(self, own: AnalysisProcess) -> None:
        slow = "import asyncio, argparse, logging.config, unittest.mock, email.message, http.client\n"
        slow += "x = [asyncio, argparse, logging.config, unittest.mock, email.message, http.client][0].▮"
        members(own, "x = 'a'.▮")
        own._strikes["/nowhere/bad.py"] = 2
        future = own.members(*at(slow, "/nowhere/bad.py"))
        running = own._running
        assert running is not None
        while running.begun is None:
            time.sleep(0.001)
        running.kill()
        with pytest.raises(AnalysisDown):
            future.result(PATIENCE_S)
        assert "set aside" in own.members(*at("x = 'a'.▮", "/nowhere/bad.py")).result(0).reason
        assert members(own, "x = 'b'.▮").closed
        own.close("/nowhere/bad.py")
        assert members(own, "x = 'a'.▮", "/nowhere/bad.py").closed

    def test_closed_and_opened_again_at_once_it_goes_on_listening(self, own: AnalysisProcess) -> None:
        """Both wait behind a question that takes long; a newer version used to look for the version of a close."""
        members(own, "x = 'a'.▮")
        victim = pid(own)
        slow = own.members(*at("import asyncio, unittest.mock\nx = unittest.mock.▮", "/nowhere/slow.py"))
        own.close("/nowhere/a.py")
        futures = [own.members(*at(f"x{version} = 'b'.▮", version=version)) for version in (2, 3)]
        assert slow.result(PATIENCE_S).closed
        assert futures[1].result(PATIENCE_S).closed
        assert futures[0].done()
        assert pid(own) == victim

    def test_a_superseded_question_of_any_kind_is_answered(self, own: AnalysisProcess) -> None:
        """A superseded description used to end the thread that reads the answers."""
        members(own, "x = 'a'.▮")
        slow = own.members(*at("import asyncio, unittest.mock\nx = unittest.mock.▮", "/nowhere/slow.py"))
        asked = [
            ask(*at(f"x{version} = 'b'.▮upper", version=version))
            for version in (2, 3) for ask in (own.describe, own.members, own.signatures, own.subject)
        ]  # fmt: skip
        assert slow.result(PATIENCE_S).closed
        for future in asked:
            future.result(PATIENCE_S)
        assert members(own, "y = 'c'.▮").closed

    def test_it_is_not_restarted_more_than_once_a_second_on_the_average_of_three(self, own: AnalysisProcess) -> None:
        members(own, "x = 'a'.▮")
        started = time.monotonic()
        for _ in range(4):
            victim = pid(own)
            os.kill(victim, signal.SIGKILL)
            while own._running is None or pid(own) == victim:
                time.sleep(0.01)
        assert time.monotonic() - started >= 3

    def test_a_question_that_kills_twice_fails(self, own: AnalysisProcess) -> None:
        members(own, "x = 'a'.▮")
        future: Future[Members] = own.members(*at("import asyncio, unittest.mock\nx = unittest.mock.▮"))
        for _ in range(2):
            victim = pid(own)
            while not future.done() and (own._running is None or own._running.begun is None):
                time.sleep(0.001)
            os.kill(victim, signal.SIGKILL)
            while own._running is None or pid(own) == victim:
                time.sleep(0.01)
        if future.done() and future.exception() is None:
            pytest.skip("answered before it could be killed twice")
        with pytest.raises(AnalysisDown, match="twice"):
            future.result(PATIENCE_S)

    def test_what_a_library_prints_is_no_message(self, own: AnalysisProcess, tmp_path: Path) -> None:
        """Standard output of the worker is standard error: only frames come through the pipe."""
        code = (
            "import os, sys\n"
            "from fairlead.monitors import worker\n"
            "pipe = worker.private_pipe()\n"
            "print('printed'); sys.stdout.flush(); os.write(1, b'raw'); os.system('echo from a child')\n"
            "worker.write_frame(pipe, {'ok': 1})\n"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        assert done.stdout == b'\0\0\0\x08{"ok":1}'
        assert b"printed" in done.stderr
        assert b"from a child" in done.stderr


class TestEnd:
    def test_shutdown_takes_less_than_a_second_and_leaves_nothing(self, cache_folder: str) -> None:
        analysis = AnalysisProcess(cache_folder=cache_folder)
        members(analysis, "x = 'a'.▮")
        victim = pid(analysis)
        asked = analysis.members(*at("import asyncio\nx = asyncio.▮"))
        started = time.monotonic()
        analysis.shutdown()
        assert time.monotonic() - started < 1.0
        assert gone(victim, 1.0)
        assert asked.done()
        with pytest.raises(AnalysisDown):
            analysis.members(*at("x = 'z'.▮")).result(0)
        assert analysis.health().startswith("down")
        analysis.shutdown()

    def test_shutdown_of_a_stopped_process(self, cache_folder: str) -> None:
        analysis = AnalysisProcess(cache_folder=cache_folder)
        members(analysis, "x = 'a'.▮")
        victim = pid(analysis)
        os.kill(victim, signal.SIGSTOP)
        started = time.monotonic()
        analysis.shutdown()
        assert time.monotonic() - started < 1.0
        assert gone(victim, 1.0)

    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
    def test_it_dies_with_its_parent(self, cache_folder: str, number: int) -> None:
        code = (
            "import sys, time\n"
            "from fairlead.monitors.process import AnalysisProcess\n"
            "from fairlead.monitors.analysis import Document\n"
            "a = AnalysisProcess(cache_folder=sys.argv[1])\n"
            "a.members(Document('/nowhere/a.py', 'x = str.', 0), 8).result()  # by now it has asked for its death signal\n"
            "print(a._running._process.pid, flush=True)\n"
            "time.sleep(60)\n"
        )
        with subprocess.Popen([sys.executable, "-c", code, cache_folder], stdout=subprocess.PIPE, text=True) as parent:
            assert parent.stdout is not None
            child = int(parent.stdout.readline())
            parent.send_signal(number)
            assert gone(child, 2.0)
