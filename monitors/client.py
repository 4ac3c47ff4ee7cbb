"""JSON-RPC with a language server that we start: requests as futures, over its standard input and output.

The program at the other end is not ours. It may print what is no message, send what makes no sense, ask us things, stop
reading, or die: each costs the answers it owed, and nothing else.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import IO, Any

LOG = logging.getLogger(__name__)

_LONGEST_MESSAGE = 256 << 20
_METHOD_NOT_FOUND = -32601
_KEPT = (
    "PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "APPDATA", "LOCALAPPDATA",
    "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR",
)  # fmt: skip
"""All that a server sees of our environment: no tokens, nothing that steers an interpreter."""


class Client:
    """One running server. Futures get the `result`; None where the server refused, was cancelled, or is gone.

    `notified(method, params)` and `asked(method, params)` are called from the reading thread; `asked` returns the
    reply, or raises `LookupError` for what it does not know. `ended` is called, from there too, once the server's
    output has ended. Raises `OSError` when the program cannot be started.
    """

    def __init__(
        self,
        command: list[str],
        notified: Callable[[str, Any], None],
        asked: Callable[[str, Any], Any],
        ended: Callable[[], None],
    ) -> None:
        # A folder of ours: a server that looks for its parts in the current folder must not find the workspace.
        self._folder = tempfile.TemporaryDirectory(prefix="fairlead-", ignore_cleanup_errors=True)
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                cwd=self._folder.name, env=environment(), close_fds=True, start_new_session=True,
            )  # fmt: skip
        except OSError:
            self._folder.cleanup()
            raise
        self._notified, self._asked, self._ended = notified, asked, ended
        self._lock = threading.Lock()
        self._owed: dict[int, Future[Any]] = {}
        self._last_id = 0
        self._gone = self._killed = False
        self._outbox: deque[dict[str, Any] | None] = deque()
        self._has_mail = threading.Condition()
        threading.Thread(target=self._read, name="language server reader", daemon=True).start()
        threading.Thread(target=self._write, name="language server writer", daemon=True).start()

    @property
    def process_id(self) -> int:
        return self._process.pid

    def request(self, method: str, params: Any) -> Future[Any]:
        """Ask; never blocks. Cancelling the future tells the server."""
        future: Future[Any] = Future()
        with self._lock:
            self._last_id += 1
            identity = self._last_id
            if self._gone:
                future.set_result(None)
                return future
            self._owed[identity] = future
        self._send({"id": identity, "method": method, "params": params})
        future.add_done_callback(lambda done: self._given_up(identity) if done.cancelled() else None)
        return future

    def notify(self, method: str, params: Any) -> None:
        """Tell; never blocks."""
        self._send({"method": method, "params": params})

    def alive(self) -> bool:
        """Whether the server runs and still has its output open."""
        return not self._gone and self._process.poll() is None

    def epitaph(self) -> str:
        """How it ended, in a few words."""
        code = self._process.poll()
        if code is None:
            return "it stopped answering"
        return f"it was ended by signal {-code}" if code < 0 else f"it ended with code {code}"

    def end(self, patience_s: float) -> None:
        """Ask it to leave, wait for `patience_s`, then kill it and whatever it started."""
        if patience_s > 0 and self.alive():
            self.request("shutdown", None)
            self.notify("exit", None)
        self._post(None)
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            pass
        if not self._killed:
            self._killed = True  # once: later the number may be another's
            try:
                # Its own group: servers start helpers, and those must not outlive it.
                os.killpg(self._process.pid, signal.SIGKILL)
            except (OSError, AttributeError):
                self._process.kill()
        try:
            self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            pass
        self._folder.cleanup()

    # Writing: on a thread, for a full pipe blocks

    def _send(self, message: dict[str, Any]) -> None:
        self._post({"jsonrpc": "2.0", **message})

    def _post(self, message: dict[str, Any] | None) -> None:
        with self._has_mail:
            self._outbox.append(message)
            self._has_mail.notify()

    def _write(self) -> None:
        stream = self._process.stdin
        assert stream is not None  # Popen was given a pipe
        while True:
            with self._has_mail:
                while not self._outbox:
                    self._has_mail.wait()
                message = self._outbox.popleft()
            if message is None:
                break
            body = json.dumps(message).encode()
            try:
                stream.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
                stream.flush()
            except (OSError, ValueError):
                break
        try:
            stream.close()
        except OSError:
            pass

    def _given_up(self, identity: int) -> None:
        with self._lock:
            known = self._owed.pop(identity, None)
        if known is not None:
            self.notify("$/cancelRequest", {"id": identity})

    # Reading

    def _read(self) -> None:
        stream = self._process.stdout
        assert stream is not None  # Popen was given a pipe
        while (body := _next_body(stream)) is not None:
            try:
                message = json.loads(body)
            except (ValueError, RecursionError):
                LOG.debug("the language server sent something that is no JSON")
                continue
            if isinstance(message, dict):
                self._received(message)
        with self._lock:
            self._gone = True
            owed, self._owed = self._owed, {}
        for future in owed.values():
            _give(future, None)
        stream.close()
        self._ended()

    def _received(self, message: dict[str, Any]) -> None:
        method, identity = message.get("method"), message.get("id")
        if not isinstance(method, str):
            with self._lock:
                future = self._owed.pop(identity, None) if isinstance(identity, int) else None
            if "error" in message:
                LOG.debug("the language server refused: %s", message["error"])
            if future is not None:
                _give(future, message.get("result"))
        elif identity is None:
            self._notified(method, message.get("params"))
        else:
            try:
                self._send({"id": identity, "result": self._asked(method, message.get("params"))})
            except LookupError:
                error = {"code": _METHOD_NOT_FOUND, "message": f"{method} is not supported"}
                self._send({"id": identity, "error": error})


def environment() -> dict[str, str]:
    """What a server is started with; English, since its messages are read by programs."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    kept["PATH"] = os.pathsep.join(absolute_folders(kept.get("PATH", os.defpath)))
    return kept | {"LC_ALL": "C.UTF-8", "LANG": "C.UTF-8"}


def absolute_folders(path: str, but_below: Iterable[str] = ()) -> list[str]:
    """The folders of a PATH that do not depend on where we are, without those below one of `but_below`."""
    roots = [os.path.realpath(root) for root in but_below if root]
    kept = []
    for folder in path.split(os.pathsep):
        real = os.path.realpath(folder)
        if os.path.isabs(folder) and not any(real == root or real.startswith(root + os.sep) for root in roots):
            kept.append(folder)
    return kept


def _next_body(stream: IO[bytes]) -> bytes | None:
    """The body of the next message, lines that belong to none skipped; None at the end."""
    length = 0
    while True:
        try:
            line = stream.readline(65536)
        except (OSError, ValueError):
            return None
        if not line:
            return None
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit():
            length = int(value)
            if length > _LONGEST_MESSAGE:
                return None
        elif not line.strip() and length:
            try:
                body = stream.read(length)
            except (OSError, ValueError):
                return None
            return body if len(body) == length else None


def _give(future: Future[Any], result: Any) -> None:
    if future.set_running_or_notify_cancel():
        future.set_result(result)
