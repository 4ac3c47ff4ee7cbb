"""An editor for tests: starts a server, speaks to it by hand-made frames, and is strict about its manners."""

import asyncio
import itertools
import json
import os
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self

import psutil
from lsprotocol import converters, types

CAPABILITIES: dict[str, Any] = {
    "general": {"positionEncodings": ["utf-16"]},
    "window": {"workDoneProgress": True},
    "workspace": {"configuration": True, "workspaceFolders": True},
    "textDocument": {
        "completion": {"completionItem": {"snippetSupport": True, "documentationFormat": ["markdown", "plaintext"]}},
        "hover": {"contentFormat": ["markdown", "plaintext"]},
        "inlineCompletion": {"dynamicRegistration": False},
        "synchronization": {"didSave": True},
    },
    "notebookDocument": {"synchronization": {}},
}
"""What the tests' editor can do, unless a test says otherwise."""

PATIENCE_S = 90.0
"""For an answer. A machine with much other work may take long; that is no fault of the server's."""

NEEDED = {
    "workspace/configuration": ("workspace", "configuration"),
    "window/workDoneProgress/create": ("window", "workDoneProgress"),
    "workspace/inlayHint/refresh": ("workspace", "inlayHint", "refreshSupport"),
    "workspace/applyEdit": ("workspace", "applyEdit"),
    "window/showDocument": ("window", "showDocument", "support"),
    "client/registerCapability": ("workspace", "didChangeConfiguration", "dynamicRegistration"),
}
"""Requests that a server may send only where the client announced a capability."""

_CONVERTER = converters.get_converter()


def _lives(process: psutil.Process) -> bool:
    """Not if it has ended and only waits for its new parent to collect it."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


class ResponseError(Exception):
    """The server answered a request with an error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Client:
    """One session. `faults` collects what the server did wrong; the end of the session asserts that it is nothing."""

    def __init__(self, process: asyncio.subprocess.Process, capabilities: Mapping[str, Any]) -> None:
        self.process = process
        self.capabilities = capabilities
        self.configuration: Any = None
        """What `workspace/configuration` is answered with, for every section; `...` for no answer at all."""
        self.initialize_result: Any = None
        self.messages: list[dict[str, Any]] = []
        """Every notification and request of the server, in order."""
        self.faults: list[str] = []
        self.stderr = b""
        self._ids = itertools.count(1)
        self._waiting: dict[int, tuple[str, asyncio.Future[Any]]] = {}
        self._arrived = asyncio.Condition()
        self._taken: set[int] = set()
        self._versions: dict[str, int] = {}
        self._tasks = [asyncio.create_task(self._read_frames()), asyncio.create_task(self._read_stderr())]

    @classmethod
    @asynccontextmanager
    async def start(
        cls,
        args: Sequence[str],
        *,
        capabilities: Mapping[str, Any] | None = None,
        options: Any = None,
        configuration: Any = None,
        roots: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
    ) -> AsyncIterator[Self]:
        """An initialized session with the server `args`, ended and inspected when the block is left.

        `options` are the initializationOptions, `roots` the URIs of the workspace folders.
        """
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *args, stdin=pipe, stdout=pipe, stderr=pipe, env=env, cwd=cwd, limit=1 << 26
        )
        client = cls(process, CAPABILITIES if capabilities is None else capabilities)
        client.configuration = configuration
        try:
            client.initialize_result = await client.request(
                "initialize",
                {
                    "processId": os.getpid(),
                    "rootUri": None,
                    "capabilities": client.capabilities,
                    "initializationOptions": options,
                    "workspaceFolders": [{"uri": uri, "name": uri.rsplit("/", 1)[-1]} for uri in roots] or None,
                },
            )
            client.notify("initialized", {})
            yield client
            await client.end()
        finally:
            await client._clean_up()

    async def request(self, method: str, params: Any = None, *, timeout_s: float = PATIENCE_S) -> Any:
        """The result; raises ResponseError for an error answer and TimeoutError for none."""
        return await asyncio.wait_for(self.send(method, params)[1], timeout_s)

    async def status(self) -> dict[str, Any]:
        """What the server says of itself."""
        found: dict[str, Any] = await self.request("workspace/executeCommand", {"command": "fairlead.status"})
        return found

    def send(self, method: str, params: Any = None) -> tuple[int, asyncio.Future[Any]]:
        """A request that is not waited for yet, and its id (for `cancel`)."""
        message_id = next(self._ids)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[message_id] = (method, future)
        self._write({"jsonrpc": "2.0", "id": message_id, "method": method, "params": params})
        return message_id, future

    def notify(self, method: str, params: Any = None) -> None:
        self._write({"jsonrpc": "2.0", "method": method, "params": params})

    def cancel(self, message_id: int) -> None:
        self.notify("$/cancelRequest", {"id": message_id})

    async def notification(
        self, method: str, *, where: Callable[[Any], bool] = lambda params: True, timeout_s: float = PATIENCE_S
    ) -> Any:
        """The parameters of the first notification or request of this method, not taken yet, that `where` accepts."""

        def found() -> int | None:
            for at, message in enumerate(self.messages):
                if at not in self._taken and message["method"] == method and where(message.get("params")):
                    return at
            return None

        async with self._arrived:
            await asyncio.wait_for(self._arrived.wait_for(lambda: found() is not None), timeout_s)
            at = found()
        assert at is not None
        self._taken.add(at)
        return self.messages[at].get("params")

    def forget(self, method: str) -> None:
        """What has come of this method so far is not what `notification` waits for."""
        self._taken.update(at for at, message in enumerate(self.messages) if message["method"] == method)

    def notifications(self, method: str) -> list[Any]:
        """The parameters of all that came so far."""
        return [message.get("params") for message in self.messages if message["method"] == method]

    # Documents.

    def open(self, uri: str, text: str, *, language: str = "python") -> None:
        self._versions[uri] = 1
        document = {"uri": uri, "languageId": language, "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})

    def change(self, uri: str, *edits: tuple[tuple[int, int], tuple[int, int], str] | str) -> None:
        """Edits as (start, end, text) in client units, one after the other; a plain string replaces the whole text."""
        self._versions[uri] += 1
        changes: list[dict[str, Any]] = []
        for edit in edits:
            if isinstance(edit, str):
                changes.append({"text": edit})
            else:
                (line, character), (end_line, end_character), text = edit
                start, end = {"line": line, "character": character}, {"line": end_line, "character": end_character}
                changes.append({"range": {"start": start, "end": end}, "text": text})
        document = {"uri": uri, "version": self._versions[uri]}
        self.notify("textDocument/didChange", {"textDocument": document, "contentChanges": changes})

    def save(self, uri: str, text: str | None = None) -> None:
        params: dict[str, Any] = {"textDocument": {"uri": uri}}
        self.notify("textDocument/didSave", params if text is None else {**params, "text": text})

    def close(self, uri: str) -> None:
        self.notify("textDocument/didClose", {"textDocument": {"uri": uri}})

    @staticmethod
    def at(uri: str, line: int, character: int, **more: Any) -> dict[str, Any]:
        """The parameters of a request at a position."""
        return {"textDocument": {"uri": uri}, "position": {"line": line, "character": character}, **more}

    # The end.

    async def end(self, *, within_s: float = 2.0) -> None:
        """Say goodbye as an editor does, and assert that the server was a good one to the last."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        await self.request("shutdown")
        self.notify("exit")
        said = time.monotonic()
        try:
            code = await asyncio.wait_for(self.process.wait(), within_s)
        except TimeoutError:
            raise AssertionError(f"the server is alive {within_s} s after exit") from None
        await asyncio.gather(*self._tasks)
        assert code == 0, f"the exit code is {code}"
        while left := [child for child in children if _lives(child)]:
            assert time.monotonic() - said < within_s, f"child processes are left: {left}"
            await asyncio.sleep(0.01)
        assert b"Traceback" not in self.stderr, self.stderr.decode(errors="replace")
        assert self.faults == []

    async def _clean_up(self) -> None:
        try:
            for child in psutil.Process(self.process.pid).children(recursive=True):
                child.kill()
            self.process.kill()
        except (psutil.NoSuchProcess, ProcessLookupError):
            pass  # it has ended
        await self.process.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for _, future in self._waiting.values():
            future.cancel()

    # The wire.

    def _write(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        body = json.dumps(message).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)

    async def _read_stderr(self) -> None:
        assert self.process.stderr is not None
        while data := await self.process.stderr.read(1 << 16):
            self.stderr += data

    async def _read_frames(self) -> None:
        stream = self.process.stdout
        assert stream is not None
        while line := await stream.readline():
            header = re.fullmatch(rb"Content-Length: (\d+)\r\n", line)
            if header is None or await stream.readline() != b"\r\n":
                self.faults.append(f"stdout carried {line + await stream.read()!r} outside frames")
                break
            await self._receive(json.loads(await stream.readexactly(int(header[1]))))
        for method, future in self._waiting.values():
            if not future.done():
                future.set_exception(ConnectionError(f"the server ended before it answered {method}"))
                future.exception()

    async def _receive(self, message: dict[str, Any]) -> None:
        if "method" not in message:
            self._receive_response(message)
            return
        method = message["method"]
        self._conforms(message, types.METHOD_TO_TYPES.get(method, (None,))[0])
        needed: Any = self.capabilities
        for name in NEEDED.get(method, ()):
            needed = (needed or {}).get(name)
        if method in NEEDED and not needed:
            self.faults.append(f"{method} was sent to a client that did not announce it")
        async with self._arrived:
            self.messages.append(message)
            self._arrived.notify_all()
        if "id" in message and not (method == "workspace/configuration" and self.configuration is ...):
            items = (message.get("params") or {}).get("items", [])
            result = [self.configuration for _ in items] if method == "workspace/configuration" else None
            self._write({"jsonrpc": "2.0", "id": message["id"], "result": result})

    def _receive_response(self, message: dict[str, Any]) -> None:
        method, future = self._waiting.pop(message["id"], ("", None))
        if future is None:
            self.faults.append(f"an answer to no request, or a second one: {message}")
        elif "error" in message:
            self._conforms(message, types.ResponseErrorMessage)
            if not future.done():
                future.set_exception(ResponseError(message["error"]["code"], message["error"]["message"]))
        else:
            self._conforms(message, types.METHOD_TO_TYPES.get(method, (None, None))[1])
            if "result" not in message:
                self.faults.append(f"an answer without a result: {message}")
            if not future.done():
                future.set_result(message.get("result"))

    def _conforms(self, message: dict[str, Any], message_type: Any) -> None:
        """Every message of the server is one of the protocol, or of a method of our own."""
        if message_type is not None:
            try:
                _CONVERTER.structure(message, message_type)
            except Exception as error:
                self.faults.append(f"{type(error).__name__}: {error} in {message}")
