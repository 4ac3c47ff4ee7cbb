"""A language client of a few lines, so that what is measured is the server."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from queue import Empty, Queue
from typing import Any

PATIENCE_S = 120.0


class Client:
    """A server in a subprocess on stdio. Results are parsed after the clock has stopped."""

    def __init__(self, command: Sequence[str], cwd: Path, settings: dict[str, Any] | None = None) -> None:
        self.started = time.perf_counter()
        self._settings = settings or {}
        self._answers: dict[int, Queue[tuple[float, dict[str, Any]]]] = {}
        self._told: Queue[tuple[str, Any]] = Queue()
        self._last_id = 0
        self._versions: dict[str, int] = {}
        self._writing = threading.Lock()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        self.process = subprocess.Popen(
            command, cwd=cwd, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        threading.Thread(target=self._read, daemon=True).start()

    def initialize(self, root: Path) -> float:
        """The handshake; seconds from the start of the process to the answer."""
        self.request(
            "initialize",
            {
                "processId": os.getpid(),
                "rootUri": root.as_uri(),
                "workspaceFolders": [{"uri": root.as_uri(), "name": root.name}],
                "capabilities": {
                    "general": {"positionEncodings": ["utf-32", "utf-16"]},
                    "workspace": {
                        "configuration": True, "workspaceFolders": True, "inlayHint": {"refreshSupport": True},
                    },
                    "textDocument": {
                        "completion": {"completionItem": {"labelDetailsSupport": True}},
                        "inlineCompletion": {},
                    },
                },
            },
        )
        seconds = time.perf_counter() - self.started
        self.notify("initialized", {})
        return seconds

    def request(self, method: str, params: Any) -> tuple[float, Any]:
        """Seconds from writing the request to reading the last byte of the answer, and the result."""
        self._last_id += 1
        answers: Queue[tuple[float, dict[str, Any]]] = Queue()
        self._answers[self._last_id] = answers
        begun = time.perf_counter()
        self._write({"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": params})
        arrived, message = answers.get(timeout=PATIENCE_S)
        if "error" in message:
            raise RuntimeError(f"{method}: {message['error']}")
        return arrived - begun, message.get("result")

    def notify(self, method: str, params: Any) -> None:
        self._write({"jsonrpc": "2.0", "method": method, "params": params})

    def edit(self, uri: str, line0: int, start: int, end: int, text: str) -> None:
        """Replace a stretch of a line of an open document."""
        self._versions[uri] = self._versions.get(uri, 1) + 1
        stretch = {"start": {"line": line0, "character": start}, "end": {"line": line0, "character": end}}
        document = {"uri": uri, "version": self._versions[uri]}
        changes = [{"range": stretch, "text": text}]
        self.notify("textDocument/didChange", {"textDocument": document, "contentChanges": changes})

    def wait_told(self, method: str, accept: Any) -> Any:
        """The parameters of the first notification that `accept` likes."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            try:
                name, params = self._told.get(timeout=1)
            except Empty:
                continue
            if name == method and accept(params):
                return params
        raise TimeoutError(f"no {method} that would do in {PATIENCE_S:.0f} s")

    def close(self) -> None:
        try:
            self.request("shutdown", None)
            self.notify("exit", None)
            self.process.wait(10)
        except Exception:  # whatever it says, it has to go
            self.process.kill()
            self.process.wait()

    def _write(self, message: dict[str, Any]) -> None:
        body = json.dumps(message).encode()
        assert self.process.stdin is not None
        with self._writing:
            self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
            self.process.stdin.flush()

    def _read(self) -> None:
        stream = self.process.stdout
        assert stream is not None
        while True:
            length = 0
            while header := stream.readline().strip():
                name, _, value = header.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            if not length:
                return
            body = stream.read(length)
            arrived = time.perf_counter()
            message = json.loads(body)
            if "method" not in message:
                self._answers.pop(message["id"]).put((arrived, message))
            elif "id" in message:
                items = message.get("params", {}).get("items", [{}])
                result = [self._settings for _ in items] if message["method"] == "workspace/configuration" else None
                self._write({"jsonrpc": "2.0", "id": message["id"], "result": result})
            else:
                self._told.put((message["method"], message.get("params")))
