"""The server as a process, spoken to in raw bytes: answers, faults, documents, and every way to end."""

import hashlib
import json
import os
import queue
import random
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from lsprotocol import types

from fairlead.server.protocol import FairleadServer
from fairlead.server.text import Text
from fairlead.server.wire import Frames

PROBE = Path(__file__).with_name("probe.py")
COMMAND = [sys.executable, "-E", "-P", str(PROBE)]


class Raw:
    """A server process and the bytes to and from it."""

    def __init__(self, **options: Any) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(COMMAND, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0, **options)
        self.messages: queue.Queue[Any] = queue.Queue()
        self.stderr = b""
        self.stray = b""
        self._next_id = 0
        self._kept: list[Any] = []
        self._held: bytes | None = None
        self._deaf = threading.Event()
        self._threads = [threading.Thread(target=target, daemon=True) for target in (self._read, self._read_stderr)]
        for thread in self._threads:
            thread.start()

    def _read(self) -> None:
        frames = Frames(lambda lost: setattr(self, "stray", self.stray + lost))
        assert self.process.stdout is not None
        descriptor = self.process.stdout.fileno()
        while not self._deaf.is_set():
            if not select.select([descriptor], [], [], 0.02)[0]:
                continue
            if not (data := os.read(descriptor, 1 << 16)):
                return
            for message in frames.feed(data):
                self.messages.put(message)

    def stop_reading(self) -> None:
        self._deaf.set()
        self._threads[0].join()

    def _read_stderr(self) -> None:
        assert self.process.stderr is not None
        while data := os.read(self.process.stderr.fileno(), 1 << 16):
            self.stderr += data

    def write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        view = memoryview(data)
        while view:
            view = view[self.process.stdin.write(view) or 0 :]

    def send(self, message: object) -> None:
        body = json.dumps(message).encode()
        framed = b"Content-Length: %d\r\n\r\n" % len(body) + body
        if self._held is None:
            self.write(framed)
        else:
            self._held += framed

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """What is sent inside arrives in one piece."""
        self._held = b""
        yield
        held, self._held = self._held, None
        self.write(held)

    def notify(self, method: str, params: Any = None) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def ask(self, method: str, params: Any = None) -> int:
        self._next_id += 1
        self.send({"jsonrpc": "2.0", "id": self._next_id, "method": method, "params": params})
        return self._next_id

    def wait_for(self, wanted: Callable[[Any], bool], timeout_s: float = 60) -> Any:
        """The first message that is wanted; the others are kept."""
        for message in self._kept:
            if wanted(message):
                self._kept.remove(message)
                return message
        until = time.monotonic() + timeout_s
        while True:
            message = self.messages.get(timeout=max(0.001, until - time.monotonic()))
            if wanted(message):
                return message
            self._kept.append(message)

    def answer(self, message_id: object, timeout_s: float = 60) -> Any:
        return self.wait_for(lambda message: message.get("id") == message_id and "method" not in message, timeout_s)

    def result(self, method: str, params: Any = None) -> Any:
        answer = self.answer(self.ask(method, params))
        assert "error" not in answer, answer
        return answer["result"]

    def error(self, method: str, params: Any = None) -> tuple[int, str]:
        answer = self.answer(self.ask(method, params))
        return answer["error"]["code"], answer["error"]["message"]

    def initialize(self, capabilities: Any = None, **more: Any) -> Any:
        params = {"processId": None, "rootUri": None, "capabilities": capabilities or {}, **more}
        result = self.result("initialize", params)
        self.notify("initialized", {})
        return result

    def open(self, uri: str, text: str, version: int = 1) -> None:
        document = {"uri": uri, "languageId": "python", "version": version, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})

    def change(self, uri: str, version: int, *changes: Any) -> None:
        document = {"uri": uri, "version": version}
        self.notify("textDocument/didChange", {"textDocument": document, "contentChanges": list(changes)})

    def ended(self, within_s: float = 3.0) -> int:
        """The exit code; everything the process wrote is read."""
        code = self.process.wait(within_s)
        for thread in self._threads:
            thread.join(5)
        return code

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for thread in self._threads:
            thread.join(5)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


@pytest.fixture(scope="module")
def server() -> Iterator[Raw]:
    """One session for all tests that leave it as it was."""
    raw = Raw()
    raw.initialize()
    yield raw
    pop_ups = [message for message in raw._kept if message.get("method") == "window/showMessage"]
    raw.kill()
    assert pop_ups == []
    assert raw.stray == b""


@pytest.fixture
def fresh() -> Iterator[Callable[..., Raw]]:
    """Sessions of a test's own."""
    started: list[Raw] = []

    def start(**options: Any) -> Raw:
        started.append(Raw(**options))
        return started[-1]

    yield start
    for raw in started:
        raw.kill()


HOVER = "textDocument/hover"


def at(uri: str, line: object, character: object) -> Any:
    return {"textDocument": {"uri": uri}, "position": {"line": line, "character": character}}


# Answers.


def test_what_is_announced(fresh: Callable[..., Raw]) -> None:
    raw = fresh()
    result = raw.initialize({"notebookDocument": {"synchronization": {}}, "general": {"positionEncodings": ["utf-8"]}})
    capabilities = result["capabilities"]
    assert result["serverInfo"]["name"] == "fairlead"
    assert capabilities["textDocumentSync"] == {"openClose": True, "change": 2, "save": {"includeText": True}}
    assert capabilities["notebookDocumentSync"] == {
        "notebookSelector": [{"notebook": "*", "cells": [{"language": "python"}]}],
        "save": True,
    }
    assert capabilities["workspace"]["workspaceFolders"] == {"supported": True, "changeNotifications": True}
    assert capabilities["executeCommandProvider"] == {"commands": ["probe.add"]}
    state = raw.result("probe/state")
    assert state["heavy"] == [], "initialize is answered without the heavy libraries"
    assert state["stdin"] == "", "a library that reads stdin meets its end"
    raw.open("file:///a.py", "漢😀x")
    assert raw.result(HOVER, at("file:///a.py", 0, 7))["range"]["end"] == {"line": 0, "character": 8}


@pytest.mark.parametrize(
    ("offered", "encoding"),
    [
        (None, "utf-16"),
        ([], "utf-16"),
        (["utf-8", "utf-16"], "utf-8"),
        (["utf-16", "utf-8"], "utf-16"),
        (["utf-32"], "utf-32"),
        (["utf-7", "utf-32", "utf-8"], "utf-32"),
        (["utf-7"], "utf-16"),
    ],
)
def test_the_first_encoding_that_the_client_offers_and_we_know(offered: Any, encoding: str) -> None:
    server = FairleadServer()
    general = types.GeneralClientCapabilities(position_encodings=offered)
    params = types.InitializeParams(types.ClientCapabilities(general=general if offered is not None else None))
    steps = server.protocol.lsp_initialize(params)
    with pytest.raises(StopIteration) as stop:
        next(steps)
    assert stop.value.value.capabilities.position_encoding == encoding
    assert server.encoding == encoding


def test_what_the_client_can_do_and_where_it_works(fresh: Callable[..., Raw]) -> None:
    raw = fresh()
    raw.initialize(
        {
            "window": {"workDoneProgress": True},
            "workspace": {"configuration": False},
            "textDocument": {
                "completion": {"completionItem": {"snippetSupport": True}},
                "inlineCompletion": {"dynamicRegistration": False},
            },
        },
        workspaceFolders=[{"uri": "file:///work", "name": "work"}, {"uri": "file:///w%23", "name": "w"}],
        rootUri="file:///old",
    )
    state = raw.result("probe/state")
    assert (state["snippets"], state["inline"], state["progress"], state["configuration"]) == (True, True, True, False)
    assert state["roots"] == ["/work", "/w#"]
    event = {"added": [{"uri": "file:///new", "name": "new"}], "removed": [{"uri": "file:///work", "name": "work"}]}
    raw.notify("workspace/didChangeWorkspaceFolders", {"event": event})
    assert raw.result("probe/state")["roots"] == ["/w#", "/new"]


@pytest.mark.parametrize(
    ("method", "params"),
    [
        (HOVER, None),
        (HOVER, {}),
        (HOVER, []),
        (HOVER, "text"),
        (HOVER, at("file:///a.py", -1, 0)),
        (HOVER, at("file:///a.py", 0, "zero")),
        (HOVER, at("file:///a.py", 0, 2**40)),
        (HOVER, {"textDocument": {}, "position": None}),
        ("workspace/executeCommand", {"command": "probe.add", "arguments": [1]}),
        ("workspace/executeCommand", {"command": "probe.unknown"}),
        ("workspace/executeCommand", {}),
    ],
)
def test_bad_parameters_are_answered_with_the_id(server: Raw, method: str, params: Any) -> None:
    code, message = server.error(method, params)
    assert code == -32602
    assert message


def test_a_request_without_parameters_is_answered(server: Raw) -> None:
    server.send({"jsonrpc": "2.0", "id": "no params", "method": HOVER})
    assert server.answer("no params")["error"]["code"] == -32602
    server.send({"jsonrpc": "2.0", "id": "own", "method": "fairlead/unknown"})
    assert server.answer("own")["error"]["code"] == -32601


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"id": "a", "method": "probe/state"}, -32600),
        ({"jsonrpc": "1.0", "id": "b", "method": "probe/state"}, -32600),
        ({"jsonrpc": "2.0", "id": 1.5, "method": "probe/state"}, -32600),
        ({"jsonrpc": "2.0", "id": None, "method": "probe/state"}, None),
        ({"jsonrpc": "2.0", "id": [1], "method": "probe/state"}, None),
        ({"jsonrpc": "2.0", "id": True, "method": "probe/state"}, None),
        ({"jsonrpc": "2.0", "id": "c", "method": 5}, None),
        ({"jsonrpc": "2.0", "id": "nobody asked", "result": None}, None),
        ({"jsonrpc": "2.0", "id": {"a": 1}, "error": 5}, None),
        ({"jsonrpc": "2.0"}, None),
        ({"jsonrpc": "2.0", "method": "$/unknown"}, None),
        ({"jsonrpc": "2.0", "method": "textDocument/didClose"}, None),
        ({"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": 12345}}, None),
        ({"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": []}}, None),
        ([{"jsonrpc": "2.0", "id": "batch", "method": "probe/state"}], None),
        ([], None),
        (None, None),
        (5, None),
        ("text", None),
        ({}, None),
    ],
)
def test_messages_that_are_none_do_no_harm(server: Raw, message: Any, code: int | None) -> None:
    server.send(message)
    if code is not None:
        assert server.answer(message["id"])["error"]["code"] == code
    began = time.monotonic()
    assert server.result("probe/state")["encoding"] == "utf-16"
    assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    "bad",
    [
        b"garbage\r\n\r\n",
        b"Content-Length: 5\r\n\r\n{bad}",
        b'Content-Length: 4\r\n\r\n"\xff\xfe"',
        b"Content-Length: 100000\r\n\r\n" + b"[" * 100_000,
        b"Content-Length: 600000\r\n\r\n" + b'{"a":' * 100_000 + b"1" + b"}" * 99_999,
        b'Content-Length: 3\r\n\r\n{"jsonrpc": "2.0"}',
        b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"X: " + b"x" * 1_000_000 + b"\r\n",
    ],
    ids=["garbage", "JSON", "UTF-8", "depth", "depth of objects", "length", "HTTP", "long header"],
)
def test_bytes_that_are_no_message_do_no_harm(server: Raw, bad: bytes) -> None:
    server.write(bad)
    began = time.monotonic()
    assert server.result("probe/state")["encoding"] == "utf-16"
    assert time.monotonic() - began < 1


def test_any_spelling_of_the_header_is_understood(server: Raw) -> None:
    headers = (b"content-length:%d\r\n\r\n", b"CONTENT-LENGTH: %d\n\n", b"Content-Length: %d\n\n")
    for number, header in enumerate(headers):
        body = json.dumps({"jsonrpc": "2.0", "id": f"header {number}", "method": "probe/state"}).encode()
        server.write(header % len(body) + body)
        assert server.answer(f"header {number}")["result"]["encoding"] == "utf-16"


def test_what_a_handler_prints_is_not_on_the_wire(server: Raw) -> None:
    assert server.result("probe/pollute") == "polluted"
    assert server.result("probe/state")["encoding"] == "utf-16"
    for printed in (b"printed\n", b"os.write\n", b"puts in C\n", b"write in C\n"):
        assert printed in server.stderr
    assert server.stray == b""


@pytest.mark.parametrize("method", ["probe/fail", "probe/failNow"])
def test_a_failing_handler_is_answered_and_logged_and_says_nothing_of_the_text(server: Raw, method: str) -> None:
    assert server.error(method) == (-32603, f"{method} failed (ValueError); see the log")


@pytest.mark.parametrize("what", ["object", "nan", "inf"])
def test_a_result_that_cannot_be_sent_is_answered(server: Raw, what: str) -> None:
    assert server.error("probe/unsendable", what)[0] == -32603


def test_pygls_reads_no_file_for_a_client(server: Raw, tmp_path: Path) -> None:
    path = tmp_path / "fifo.py"
    os.mkfifo(path)
    assert server.error("probe/workspace", {"uri": path.as_uri()})[0] == -32603


def test_a_cancelled_request_is_answered_once(server: Raw) -> None:
    message_id = server.ask("probe/sleep")
    server.notify("$/cancelRequest", {"id": message_id})
    assert server.answer(message_id)["error"]["code"] == -32800
    assert server.result("probe/state")["futures"] == 1


def test_the_server_asks_and_the_client_answers_well_and_badly(server: Raw) -> None:
    for reply, expected in (
        ({"result": [{"inline": {"enabled": False}}]}, {"result": [{"inline": {"enabled": False}}]}),
        ({"result": 5}, -32603),
        ({"error": {"code": -32601, "message": "unknown"}}, -32601),
        ({"error": "nonsense"}, -32603),
    ):
        message_id = server.ask("probe/ask")
        question = server.wait_for(lambda message: message.get("method") == "workspace/configuration")
        server.send({"jsonrpc": "2.0", "id": question["id"], **reply})
        answer = server.answer(message_id)
        if isinstance(expected, dict):
            assert answer["result"] == expected["result"]
        else:
            assert answer["error"]["code"] == expected


def test_commands_take_their_arguments(server: Raw) -> None:
    assert server.result("workspace/executeCommand", {"command": "probe.add", "arguments": [2, 3]}) == 5


def test_nothing_comes_before_initialize_and_nothing_after_shutdown(fresh: Callable[..., Raw]) -> None:
    raw = fresh()
    assert raw.error(HOVER, at("file:///a.py", 0, 0))[0] == -32002
    raw.open("file:///early.py", "x")
    raw.initialize()
    assert raw.error("initialize", {"processId": None, "rootUri": None, "capabilities": {}})[0] == -32600
    assert raw.result("probe/state")["reasons"] == {}
    waiting = raw.ask("probe/sleep")
    assert raw.result("shutdown") is None
    assert raw.answer(waiting)["error"]["code"] == -32800
    assert raw.error("probe/state")[0] == -32600
    raw.notify("exit")
    assert raw.ended() == 0


# Documents.


def test_the_hash_of_the_text_is_the_editors(server: Raw) -> None:
    uri = "file:///hash.py"
    assert server.result("fairlead/textHash", {"uri": uri}) is None
    server.open(uri, "a😀\fb\r\n")
    edit = {"range": {"start": {"line": 0, "character": 3}, "end": {"line": 0, "character": 99}}, "text": "é"}
    server.change(uri, 2, edit)
    text = "a😀é\r\n"
    digest = hashlib.sha1(text.encode()).hexdigest()
    assert server.result("fairlead/textHash", {"uri": uri}) == {"version": 2, "length": 5, "sha1": digest}
    assert server.result(HOVER, at(uri, 0, 3)) == {
        "contents": repr("é\r\n"),
        "range": {"start": {"line": 0, "character": 3}, "end": {"line": 0, "character": 4}},
    }
    server.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    assert server.result(HOVER, at(uri, 0, 3))["contents"] == "the document is not open"


def test_a_request_sees_the_text_that_it_is_about(server: Raw) -> None:
    """Changes that are already on their way when it is handled do not count; its position is not about them."""
    uri = "file:///order.py"
    server.open(uri, "zero")
    asked = []
    with server.at_once():
        for version in range(2, 30):
            server.change(uri, version, {"text": f"{version:05}"})
            asked.append((version, server.ask(HOVER, at(uri, 0, 0))))
    for version, message_id in asked:
        assert server.answer(message_id)["result"]["contents"] == repr(f"{version:05}")
    server.notify("textDocument/didClose", {"textDocument": {"uri": uri}})


def test_random_edits_over_the_wire_end_in_the_same_text(
    fresh: Callable[..., Raw], form: Callable[..., int], figure: Callable[[str, str], None]
) -> None:
    """The text is right again and again, and nothing is kept for any of the changes."""
    raw, rng, uri, count = fresh(), random.Random(7), "file:///edits.py", form(5_000, 100_000, 1_000_000)
    raw.initialize()
    process, sizes = psutil.Process(raw.process.pid), list[int]()
    ours = Text("x = '😀漢'\r\n\fy\n")
    raw.open(uri, ours.joined())
    for version in range(2, count + 2):
        start, end = sorted(((rng.randrange(ours.line_count), rng.randrange(9)), (rng.randrange(2), rng.randrange(9))))
        new = "".join(rng.choices("ab😀é\r\n\f", k=rng.randrange(3)))
        if len(ours) > 5_000:
            start, end = (0, 0), (ours.line_count - 3, 0)
        ours.apply((start, end), new, "utf-16")
        places = [{"line": line, "character": character} for line, character in (start, end)]
        raw.change(uri, version, {"range": {"start": places[0], "end": places[1]}, "text": new})
        if version % 500 == 1:
            digest = hashlib.sha1(ours.joined().encode()).hexdigest()
            expected = {"version": version, "length": len(ours), "sha1": digest}
            assert raw.result("fairlead/textHash", {"uri": uri}) == expected
            sizes.append(process.memory_info().rss)
    state = raw.result("probe/state")
    assert state["futures"] == 1, "the one being answered"
    assert raw.result("probe/state")["threads"] <= state["threads"]
    grown = sizes[-1] - sizes[len(sizes) // 10]
    assert grown < 4_000_000
    figure("T3", f"{count:,} edits over stdio, {len(sizes):,} hashes equal; memory {grown / 1e6:+.1f} MB after the first tenth")


def test_a_lost_change_silences_the_document_until_it_is_saved(fresh: Callable[..., Raw]) -> None:
    raw, uri = fresh(), "file:///lost.py"
    raw.initialize()
    raw.open(uri, "text")
    raw.write(b'Content-Length: 9\r\n\r\n{"method": "textDocument/didChange", \xff}')
    assert "could not be read" in raw.result("probe/state")["reasons"][uri]
    raw.notify("textDocument/didSave", {"textDocument": {"uri": uri}, "text": "text!"})
    state = raw.result("probe/state")
    assert (state["reasons"][uri], state["drift"]) == ("", 1)
    raw.notify("textDocument/didChange", {"textDocument": {"uri": uri}, "contentChanges": [{"text": 5}]})
    assert "could not be read" in raw.result("probe/state")["reasons"][uri]


def test_a_notebook_over_the_wire(fresh: Callable[..., Raw]) -> None:
    raw, uri, cells = fresh(), "file:///work/n.ipynb", ["cell:1", "cell:2", "cell:3"]
    raw.initialize({"notebookDocument": {"synchronization": {}}})

    def cell(uri: str, kind: int = 2) -> Any:
        return {"kind": kind, "document": uri}

    def item(uri: str, text: str) -> Any:
        return {"uri": uri, "languageId": "python", "version": 1, "text": text}

    notebook = {"uri": uri, "notebookType": "jupyter-notebook", "version": 1, "cells": [cell(c) for c in cells[:2]]}
    texts = [item(cells[0], "import os"), item(cells[1], "os.")]
    raw.notify("notebookDocument/didOpen", {"notebookDocument": notebook, "cellTextDocuments": texts})
    assert raw.result("probe/state")["context"] == [["", "import os"], ["import os\n", "os."]]

    def change(version: int, **changes: Any) -> None:
        identifier = {"uri": uri, "version": version}
        raw.notify("notebookDocument/didChange", {"notebookDocument": identifier, "change": {"cells": changes}})

    edit = {"range": {"start": {"line": 0, "character": 3}, "end": {"line": 0, "character": 3}}, "text": "path"}
    change(2, textContent=[{"document": {"uri": cells[1], "version": 2}, "changes": [edit]}])
    array = {"start": 1, "deleteCount": 0, "cells": [cell(cells[2])]}
    change(3, structure={"array": array, "didOpen": [item(cells[2], "x = 1\n")]})
    context = [["", "import os"], ["import os\nx = 1\n", "os.path"], ["import os\n", "x = 1\n"]]
    assert raw.result("probe/state")["context"] == context
    change(4, data=[cell(cells[2], kind=1)])
    assert raw.result("probe/state")["context"][1] == ["import os\n", "os.path"]
    change(5, structure={"array": {"start": 0, "deleteCount": 1}, "didClose": [{"uri": cells[0]}]})
    assert raw.result("probe/state")["context"] == [["", "os.path"], ["", "x = 1\n"]]
    raw.notify("notebookDocument/didSave", {"notebookDocument": {"uri": uri}})
    closed = {"notebookDocument": {"uri": uri}, "cellTextDocuments": [{"uri": cells[1]}]}
    raw.notify("notebookDocument/didClose", closed)
    assert raw.result("probe/state")["context"] == []


# The end.


def end_by_shutdown(raw: Raw) -> None:
    assert raw.result("shutdown") is None
    raw.notify("exit")


def end_by_shutdown_in_one_breath(raw: Raw) -> None:
    raw.ask("shutdown")
    raw.notify("exit")


def end_by_eof(raw: Raw) -> None:
    assert raw.process.stdin is not None
    raw.process.stdin.close()


def end_by_closing_stdout(raw: Raw) -> None:
    raw.stop_reading()
    assert raw.process.stdout is not None
    raw.process.stdout.close()


WAYS: dict[str, tuple[Callable[[Raw], None], int]] = {
    "shutdown and exit": (end_by_shutdown, 0),
    "shutdown and exit in one breath": (end_by_shutdown_in_one_breath, 0),
    "exit": (lambda raw: raw.notify("exit"), 1),
    "eof": (end_by_eof, 1),
    "SIGTERM": (lambda raw: raw.process.send_signal(signal.SIGTERM), 1),
    "SIGINT": (lambda raw: raw.process.send_signal(signal.SIGINT), 1),
    "SIGHUP": (lambda raw: raw.process.send_signal(signal.SIGHUP), 1),
    "stdout closed": (end_by_closing_stdout, 1),
}
IDLE = ("shutdown and exit", "exit", "eof", "SIGTERM", "stdout closed")
BLOCKED = ("exit", "eof", "SIGTERM")
CASES = [(way, "idle") for way in IDLE] + [(way, "busy") for way in WAYS] + [(way, "blocked") for way in BLOCKED]


@dataclass(frozen=True)
class Ending:
    """Exit code (None for alive after six seconds), seconds, and what was said on stderr to the last."""

    code: int | None
    seconds: float
    stderr: bytes


def end_of(case: tuple[str, str]) -> Ending:
    """How a server goes that is ended in one of the ways while it is idle, busy or blocked."""
    way, state = case
    raw = Raw()
    try:
        raw.initialize()
        if state == "busy":
            raw.result("probe/busy")
        elif state == "blocked":
            raw.ask("probe/block")
            raw.wait_for(lambda message: message.get("method") == "probe/blocked")
        began = time.monotonic()
        WAYS[way][0](raw)
        try:
            code, seconds = raw.process.wait(6), time.monotonic() - began
        except subprocess.TimeoutExpired:
            return Ending(None, 6.0, raw.stderr)
        for thread in raw._threads:
            thread.join(5)  # what it said last may still be in the pipe
        return Ending(code, seconds, raw.stderr)
    finally:
        raw.kill()


def how_it_ended(case: tuple[str, str]) -> Ending:
    """The best of three, for the server's patience is in tenths of a second, which a busy machine may not give it.

    One that waits for what it is busy with takes longer than six seconds every time.
    """
    tried: list[Ending] = []
    while len(tried) < 3:
        tried.append(end_of(case))
        if tried[-1].seconds < 1.0 and b"goodbye\n" in tried[-1].stderr:
            break
    return min(tried, key=lambda ending: (b"goodbye\n" not in ending.stderr, ending.seconds))


@pytest.fixture(scope="module")
def endings() -> dict[tuple[str, str], Ending]:
    """Three at once: most of the time is waiting."""
    with ThreadPoolExecutor(3) as pool:
        return dict(zip(CASES, pool.map(how_it_ended, CASES), strict=True))


@pytest.mark.parametrize(("way", "state"), CASES, ids=[f"{way}, {state}" for way, state in CASES])
def test_the_end_comes_within_a_second_and_with_the_right_code(
    endings: dict[tuple[str, str], Ending], way: str, state: str
) -> None:
    ending = endings[way, state]
    assert ending.code == WAYS[way][1]
    assert ending.seconds < 2.0
    assert b"goodbye\n" in ending.stderr, "the callbacks at the end are called, whatever the ones before them do"


def test_the_slowest_of_these_ends(endings: dict[tuple[str, str], Ending], figure: Callable[[str, str], None]) -> None:
    way, state = max(endings, key=lambda case: endings[case].seconds)
    figure("T10", f"{len(endings)} ends of a probe, slowest {endings[way, state].seconds:.2f} s ({way}, {state})")
    assert all(ending.code is not None for ending in endings.values())


def test_an_idle_server_leaves_at_once(endings: Any) -> None:
    assert {way: seconds for way in IDLE if (seconds := endings[way, "idle"].seconds) > 0.9} == {}


def test_a_client_that_reads_nothing_cannot_keep_the_server(fresh: Callable[..., Raw]) -> None:
    raw = fresh()
    raw.initialize()
    raw.stop_reading()
    for _ in range(20):
        raw.ask("probe/large")
    raw.notify("exit")
    assert raw.process.wait(3) == 1


def test_a_socket_for_stdout_is_as_good_as_a_pipe() -> None:
    """Node and libuv give their children sockets, of which they may close one direction."""
    ours, theirs = socket.socketpair()
    pipe, null = subprocess.PIPE, subprocess.DEVNULL
    with ours, subprocess.Popen(COMMAND, stdin=pipe, stdout=theirs.fileno(), stderr=null) as process:
        theirs.close()
        ours.shutdown(socket.SHUT_WR)
        assert process.stdin is not None
        body = b'{"jsonrpc":"2.0","id":1,"method":"probe/state"}'
        process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        process.stdin.flush()
        assert b"-32002" in ours.recv(1000)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)
        ours.close()
        assert process.wait(2) == 1


def test_a_parent_that_is_gone_is_noticed_though_the_pipes_are_held(fresh: Callable[..., Raw]) -> None:
    parent = subprocess.Popen(["sleep", "60"])
    raw = fresh()
    raw.initialize(processId=parent.pid)
    parent.kill()
    parent.wait()
    assert raw.ended() == 1
    assert b"the editor is gone" in raw.stderr


def test_a_parent_that_cannot_be_seen_is_not_watched(fresh: Callable[..., Raw]) -> None:
    """A server in a container gets the number of a process outside."""
    gone = subprocess.Popen(["true"])
    gone.wait()
    raw = fresh()
    raw.initialize(processId=gone.pid)
    time.sleep(0.5)
    assert raw.result("probe/state")["encoding"] == "utf-16"


async def test_the_tests_own_editor_likes_the_probe(start_client: Any, response_error: type[Exception]) -> None:
    async with start_client(COMMAND, roots=["file:///work"], configuration={"enabled": True}) as client:
        client.open("file:///work/a.py", "one\n")
        client.change("file:///work/a.py", ((0, 0), (0, 3), "two"), ((1, 0), (1, 0), "x"))
        hover = await client.request(HOVER, client.at("file:///work/a.py", 0, 0))
        assert hover["contents"] == repr("two\nx")
        assert await client.request("probe/ask") == [{"enabled": True}]
        with pytest.raises(response_error, match="-32601"):
            await client.request("nonsense")
        message_id, future = client.send("probe/sleep")
        client.cancel(message_id)
        with pytest.raises(response_error, match="-32800"):
            await future


async def test_the_tests_own_editor_notices_a_traceback(start_client: Any) -> None:
    async def session() -> None:
        async with start_client(COMMAND) as client:
            with pytest.raises(Exception, match="-32603"):
                await client.request("probe/fail")

    with pytest.raises(AssertionError, match="Traceback"):
        await session()
