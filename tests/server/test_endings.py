"""The end of the real server: whatever it and its analysis are busy with, nothing is left two seconds later."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

pytestmark = pytest.mark.weights

SERVER = [sys.executable, "-E", "-P", "-m", "fairlead.server", "serve"]


@dataclass
class Server:
    """A process to be ended, and what it said so far."""

    process: subprocess.Popen[bytes]
    heard: bytes = b""

    def send(self, method: str, params: Any = None, message_id: int | None = None) -> None:
        message = {"jsonrpc": "2.0", "method": method, "params": params}
        body = json.dumps(message if message_id is None else message | {"id": message_id}).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def hear(self, wanted: bytes) -> None:
        """Listen until it has said this."""
        assert self.process.stdout is not None
        while wanted not in self.heard:
            piece = os.read(self.process.stdout.fileno(), 1 << 16)
            assert piece, self.heard
            self.heard += piece


def by_shutdown(server: Server) -> None:
    server.send("shutdown", message_id=99)
    server.send("exit")


def by_exit(server: Server) -> None:
    server.send("exit")


def by_closing_stdin(server: Server) -> None:
    assert server.process.stdin is not None
    server.process.stdin.close()


def by_sigterm(server: Server) -> None:
    server.process.send_signal(signal.SIGTERM)


def by_sigkill(server: Server) -> None:
    server.process.kill()


def begun(folder: Path, *arguments: str) -> Server:
    """It has been told to begin."""
    pipe = subprocess.PIPE
    server = Server(subprocess.Popen([*SERVER, *arguments], stdin=pipe, stdout=pipe, stderr=pipe))
    options = {"inline.invoked_budget_ms": 60_000, "inline.max_tokens": 10_000, "inline.min_confidence": 0.0,
               "analysis.budget_ms": 60_000}  # fmt: skip
    server.send("initialize", {
        "capabilities": {}, "processId": os.getpid(), "rootUri": folder.as_uri(), "initializationOptions": options,
    }, 1)  # fmt: skip
    server.send("initialized", {})
    return server


def loading(folder: Path) -> Server:
    """It reads its model."""
    server = begun(folder)
    server.hear(b'"state":"loading"')
    return server


def busy(folder: Path) -> Server:
    """Analysis reads a large file, and the model writes as much as it can."""
    server = begun(folder)
    server.hear(b'"state":"ready"')
    text = "".join(f"def f{i}(a):\n    return [a.b for a in x{i}]\n" for i in range(5_000)) + "import os\nos."
    uri = (folder / "busy.py").as_uri()
    server.send("textDocument/didOpen", {
        "textDocument": {"uri": uri, "languageId": "python", "version": 1, "text": text},
    })  # fmt: skip
    at = {"textDocument": {"uri": uri}, "position": {"line": 10_001, "character": 3}}
    server.send("textDocument/completion", at, 2)
    server.send("textDocument/inlineCompletion", {**at, "context": {"triggerKind": 1}}, 3)
    (child,) = psutil.Process(server.process.pid).children()
    before = child.cpu_times().user
    while child.cpu_times().user < before + 0.1:
        time.sleep(0.01)
    return server


def with_analysis_stopped(folder: Path) -> Server:
    """Analysis can do nothing about its end any more."""
    server = begun(folder, "--no-model")
    server.hear(b'"analysis":"ready"')
    (child,) = psutil.Process(server.process.pid).children()
    child.suspend()
    return server


CASES: dict[tuple[Callable[[Path], Server], Callable[[Server], None]], int] = {
    (loading, by_shutdown): 0,
    (loading, by_exit): 1,
    (busy, by_closing_stdin): 1,
    (busy, by_sigterm): 1,
    (with_analysis_stopped, by_shutdown): 0,
    (with_analysis_stopped, by_sigkill): -9,
}
"""Each with its exit code."""


@dataclass(frozen=True)
class End:
    """How it went: the seconds until the server and until its last child was gone, None for not at all."""

    code: int | None
    server_s: float | None
    children_s: float | None
    children: int
    stderr: bytes


def ended(folder: Path, begin: Callable[[Path], Server], end: Callable[[Server], None]) -> End:
    server = begin(folder)
    children = psutil.Process(server.process.pid).children(recursive=True)
    end(server)
    began = time.monotonic()
    server_s: float | None = None
    children_s: float | None = None
    # Far beyond what is asserted, so that a failure says how long it took.
    while time.monotonic() - began < 5 and (server_s is None or children_s is None):
        now = time.monotonic() - began
        if server_s is None and server.process.poll() is not None:
            server_s = now
        if children_s is None and not any(map(lives, children)):
            children_s = now
        time.sleep(0.005)
    code = server.process.poll()
    for child in children:
        if lives(child):
            child.kill()
    server.process.kill()
    _, stderr = server.process.communicate() if end is not by_closing_stdin else (b"", read_all(server))
    return End(code, server_s, children_s, len(children), stderr)


def read_all(server: Server) -> bytes:
    """`communicate` would flush the standard input that was closed."""
    assert server.process.stderr is not None
    assert server.process.stdout is not None
    with server.process.stdout, server.process.stderr as stderr:
        server.process.wait()
        return stderr.read()


def lives(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[Any, Any], End]]:
    """All of them, three at a time."""
    with ThreadPoolExecutor(3) as pool:
        folder = tmp_path_factory.mktemp("ends")
        yield dict(zip(CASES, pool.map(lambda case: ended(folder, *case), CASES), strict=True))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0].__name__} {case[1].__name__}".replace("_", " "))
def test_nothing_is_left_two_seconds_after_the_end(ends: dict[tuple[Any, Any], End], case: tuple[Any, Any]) -> None:
    end = ends[case]
    assert end.children == 1, "the analysis process, and no other"
    assert end.server_s is not None
    assert end.server_s < 2
    assert end.children_s is not None
    assert end.children_s < 2
    assert end.code == CASES[case]
    assert b"Traceback" not in end.stderr, end.stderr.decode()
