"""Messages on a pipe: what comes in is cut into frames, what goes out is written by one thread.

Both directions have a thread of their own, so that neither a busy event loop nor a client that stopped reading can keep
the server from noticing that it should end.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import re
import threading
from collections.abc import Callable, Iterator

logger = logging.getLogger(__name__)

MAX_FRAME = 256 * 1024 * 1024
"""Bytes; a frame that claims more is garbage."""

MAX_UNSENT = 64 * 1024 * 1024
"""Bytes a client may leave unread before it counts as gone."""

_HEADER = re.compile(rb"content-length[ \t]*:[ \t]*(\d{1,15})[ \t]*\r?\n", re.IGNORECASE)
# Anchored, lest a long line without a colon be searched once from each of its bytes.
_OTHER_HEADER = re.compile(rb"^[A-Za-z][A-Za-z0-9-]*[ \t]*:[^\r\n]*\r?\n", re.MULTILINE)
_LONGEST_HEADER = 64


class Frames:
    """Cuts a stream of bytes into JSON messages, and finds the next frame again after anything that is none.

    Header names in any case, with or without a blank after the colon, ended by `\\r\\n` or `\\n`. `lost` is called
    with the bytes of whatever could not be read as a message: they may have been a change of a document.
    """

    def __init__(self, lost: Callable[[bytes], None]) -> None:
        self._lost = lost
        self._buffer = bytearray()
        self._body_length: int | None = None
        """None while looking for a header."""

    def feed(self, data: bytes) -> Iterator[object]:
        """The messages that are complete with these bytes."""
        self._buffer += data
        while self._find_body():
            length = self._body_length
            assert length is not None
            if len(self._buffer) < length:
                return
            body = bytes(self._buffer[:length])
            self._body_length = None
            try:
                message = json.loads(body.decode())
            except (ValueError, RecursionError) as error:
                # Its bytes stay: where the length was wrong, the next frame begins inside this one.
                logger.warning("a message of %d bytes could not be read: %s", length, type(error).__name__)
                continue
            del self._buffer[:length]
            yield message

    def _find_body(self) -> bool:
        """Whether the buffer begins with (a part of) a body of known length."""
        while self._body_length is None:
            header = _HEADER.search(self._buffer)
            if header is None:
                # All of it is garbage but a header that may have begun at its end.
                if len(self._buffer) > 2 * _LONGEST_HEADER:
                    self._drop(len(self._buffer) - _LONGEST_HEADER)
                return False
            end = self._end_of_headers(header.end())
            if end is None:
                return False
            length, start = int(header[1]), header.start()
            self._drop(start)
            del self._buffer[: end - start]
            if length <= MAX_FRAME:
                self._body_length = length
            else:
                logger.warning("a frame of %d bytes was announced; it is ignored", length)
        return True

    def _end_of_headers(self, at: int) -> int | None:
        """Where the body begins if a header ends at `at`; None if that is not known yet."""
        buffer = self._buffer
        while True:
            if buffer.startswith(b"\r\n", at):
                return at + 2
            if buffer.startswith((b"\n", b"{", b"["), at):
                # A body without the empty line before it is still unmistakable.
                return at + buffer.startswith(b"\n", at)
            other = _OTHER_HEADER.match(buffer, at)
            if other is None:
                return at if buffer.find(b"\n", at) >= 0 else None
            at = other.end()

    def _drop(self, count: int) -> None:
        """Drop what stands before a Content-Length header: other headers, or garbage."""
        dropped = bytes(self._buffer[:count])
        del self._buffer[:count]
        if _OTHER_HEADER.sub(b"", dropped).strip():
            logger.warning("%d bytes that are no message were ignored", count)
            self._lost(dropped)


class Writer:
    """Sends frames in the order they were handed over, from any thread, without ever blocking who hands them over.

    `broken` is called, once and from the writing thread or the caller's, when nobody reads any more.
    """

    def __init__(self, descriptor: int, broken: Callable[[str], None]) -> None:
        self._descriptor = descriptor
        self._broken = broken
        self._queue: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._unsent = 0
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="fairlead wire out", daemon=True)
        self._thread.start()

    def write(self, data: bytes) -> None:
        """Hand over whole frames."""
        with self._lock:
            self._unsent += len(data)
            overflows = self._unsent > MAX_UNSENT
            if not overflows:
                self._queue.put(data)
        if overflows:
            self._broken("the client does not read what it is sent")

    def close(self) -> None:
        """Nothing more will be written; what was handed over still is."""
        self._queue.put(None)

    def flush(self, timeout_s: float) -> bool:
        """Close, and wait until everything is written; False if that took too long."""
        self.close()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (data := self._queue.get()) is not None:
            view = memoryview(data)
            try:
                while view:
                    view = view[os.write(self._descriptor, view) :]
            except OSError as error:
                self._broken(f"the client closed its end ({error.strerror})")
                return
            with self._lock:
                self._unsent -= len(data)


def read_messages(
    descriptor: int, frames: Frames, receive: Callable[[object], None], ended: Callable[[str], None]
) -> None:
    """Start the thread that reads until the stream ends. `receive` and `ended` are called from it."""

    def run() -> None:
        reason = "reading stdin failed"
        try:
            while data := os.read(descriptor, 1 << 16):
                for message in frames.feed(data):
                    receive(message)
            reason = "stdin was closed"
        except OSError as error:
            reason = f"stdin failed ({error.strerror})"
        finally:
            ended(reason)  # Whatever happened: a server that hears nothing must not stay.

    threading.Thread(target=run, name="fairlead wire in", daemon=True).start()
