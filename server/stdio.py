"""The server on stdin and stdout, the only transport: a TCP port obeys any web page."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from lsprotocol import types

from . import isolation
from .lifetime import Lifetime
from .protocol import FairleadServer
from .wire import Frames, Writer, read_messages

logger = logging.getLogger(__name__)

PARENT_POLL_S = 2.0


def serve(server: FairleadServer, *, parent_poll_s: float = PARENT_POLL_S) -> None:
    """Run the server on stdin and stdout until it ends; never returns. Call it from the main thread.

    From here on descriptor 1 is stderr. The process ends by `os._exit` within a second of `exit`, the end of stdin,
    a client that stopped listening, SIGTERM, SIGINT, SIGHUP, or its parent's death; `server.on_exit` is called before.
    """
    logging.getLogger("pygls").setLevel(logging.WARNING)  # At INFO it logs every message, with the user's code.
    wire_in, wire_out = isolation.private_stdin(), isolation.private_stdout()
    server.start_warnings += isolation.prepare()
    for warning in server.start_warnings:
        logger.warning("%s", warning)
    writer = Writer(wire_out, lambda reason: lifetime.end(reason))
    lifetime = Lifetime(lambda: 0 if server.protocol.was_shut_down else 1, writer.flush)
    lifetime.on_exit = server.on_exit
    lifetime.catch_signals()
    lifetime.watch(wire_out, parent_poll_s)
    server.lifetime = lifetime
    server.protocol.set_writer(writer)
    asyncio.run(_run(server, lifetime, wire_in))


async def _run(server: FairleadServer, lifetime: Lifetime, wire_in: int) -> None:
    loop = asyncio.get_running_loop()
    inbox: asyncio.Queue[Callable[[], None]] = asyncio.Queue()

    def soon(work: Callable[..., None], *args: object) -> None:
        loop.call_soon_threadsafe(inbox.put_nowait, partial(work, *args))

    def receive(message: object) -> None:
        soon(server.protocol.receive, message)
        if isinstance(message, dict) and message.get("method") == types.EXIT:
            lifetime.end_soon("the client said exit")

    def ended(reason: str) -> None:
        soon(lifetime.end, reason)
        lifetime.end_soon(reason)

    def lost(dropped: bytes) -> None:
        if b"did" in dropped:
            soon(server.protocol.change_lost)

    read_messages(wire_in, Frames(lost), receive, ended)
    while True:
        work = await inbox.get()
        try:
            work()
        except Exception:
            logger.exception("a message could not be handled")  # A bug; the next message is worth hearing all the same.
        # An async handler begins now, before the next message can change the text that its position is about.
        await asyncio.sleep(0)
