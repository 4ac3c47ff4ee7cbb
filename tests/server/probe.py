"""A server made of the modules under test and nothing else, driven by test_protocol.py."""

import asyncio
import ctypes
import hashlib
import logging
import os
import sys
import threading
import time
from typing import Any

from lsprotocol import types

from fairlead.server.protocol import FairleadServer
from fairlead.server.stdio import serve

server = FairleadServer()


@server.feature(types.TEXT_DOCUMENT_HOVER)
async def hover(params: types.HoverParams) -> types.Hover | None:
    uri = params.text_document.uri
    if (snapshot := server.documents.snapshot(uri)) is None:
        return types.Hover(contents=server.documents.reason(uri))
    offset = server.offset(uri, params.position)
    contents = repr(snapshot.text[offset : offset + 5])
    return types.Hover(contents, server.lsp_range(uri, offset, offset + 1))


@server.feature("fairlead/textHash")
async def text_hash(params: Any) -> Any:
    document = server.documents.get(params["uri"])
    if document is None:
        return None
    text = document.text.joined()
    digest = hashlib.sha1(text.encode("utf-8", "surrogatepass")).hexdigest()
    return {"version": document.version, "length": len(text), "sha1": digest}


@server.feature("probe/state")
async def state(params: Any) -> Any:
    return {
        "futures": len(server.protocol._request_futures),
        "heavy": sorted({"torch", "transformers", "jedi", "parso", "tree_sitter", "numpy"} & set(sys.modules)),
        "roots": server.documents.roots,
        "encoding": server.encoding,
        "reasons": {uri: server.documents.reason(uri) for uri in server.documents.uris},
        "context": [server.documents.cell_context(uri) for uri in server.documents.uris],
        "drift": server.documents.drift,
        "snippets": server.client_has_snippets,
        "inline": server.client_has_inline_completion,
        "progress": server.client_has_progress,
        "configuration": server.client_has_configuration,
        "stdin": sys.stdin.read(),
        "warnings": server.start_warnings,
        "threads": threading.active_count(),
    }


@server.feature("probe/pollute")
async def pollute(params: Any) -> str:
    print("printed")
    os.write(1, b"os.write\n")
    libc = ctypes.CDLL(None)
    libc.puts(b"puts in C")
    libc.fflush(None)
    libc.write(1, b"write in C\n", 11)
    return "polluted"


@server.feature("probe/fail")
async def fail(params: Any) -> None:
    raise ValueError("secret")


@server.feature("probe/failNow")
def fail_now(params: Any) -> None:
    raise ValueError("secret")


@server.feature("probe/unsendable")
async def unsendable(params: Any) -> Any:
    return {"object": object()} if params == "object" else float(params)


@server.feature("probe/sleep")
async def sleep(params: Any) -> None:
    await asyncio.sleep(60)


@server.feature("probe/large")
async def large(params: Any) -> str:
    return "x" * 300_000


@server.feature("probe/ask")
async def ask(params: Any) -> Any:
    asked = types.ConfigurationParams(items=[types.ConfigurationItem(section="fairlead")])
    return await server.workspace_configuration_async(asked)


@server.feature("probe/workspace")
async def workspace(params: Any) -> Any:
    return server.workspace.get_text_document(params["uri"]).source


@server.feature("probe/busy")
async def busy(params: Any) -> None:
    """Whatever can keep a process alive, all at once."""

    def spin() -> None:
        while time.monotonic() < until:
            pass

    until = time.monotonic() + 20
    asyncio.get_running_loop().run_in_executor(None, time.sleep, 20)
    server.thread_pool.submit(time.sleep, 20)
    threading.Thread(target=spin, daemon=False).start()
    server.on_exit.insert(0, lambda: print(1 / 0))
    server.on_exit.append(lambda: time.sleep(20))


@server.feature("probe/block")
async def block(params: Any) -> None:
    """The one thing that must never happen: the event loop computes."""
    server.protocol.notify("probe/blocked")
    time.sleep(20)


@server.command("probe.add")
async def add(first: int, second: int) -> int:
    return first + second


if __name__ == "__main__":
    logging.basicConfig(level=logging.DEBUG)
    server.on_exit.append(lambda: print("goodbye"))
    serve(server, parent_poll_s=0.2)
