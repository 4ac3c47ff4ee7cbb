"""Messages on the private pipe between the server and its analysis process: length-prefixed JSON.

Both ends are ours, so there is no negotiation; JSON rather than pickle, since what comes from a process that reads
hostile code must not be able to run any.
"""

from __future__ import annotations

import json
import struct
from typing import IO, Any

from .lexical import common_prefix, common_suffix

LIMIT = 256 * 1024 * 1024
_LENGTH = struct.Struct(">I")


def write_frame(stream: IO[bytes], message: dict[str, Any]) -> None:
    """Write one message and flush. Raises OSError when the other end is gone."""
    data = json.dumps(message, separators=(",", ":")).encode("ascii")  # \\u escapes carry lone surrogates too
    stream.write(_LENGTH.pack(len(data)) + data)
    stream.flush()


def read_frame(stream: IO[bytes]) -> dict[str, Any] | None:
    """The next message, or None at the end of the stream or when it makes no sense any more."""
    head = _read_exactly(stream, _LENGTH.size)
    if head is None:
        return None
    (length,) = _LENGTH.unpack(head)
    if length > LIMIT:
        return None
    data = _read_exactly(stream, length)
    if data is None:
        return None
    try:
        message = json.loads(data)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


def _read_exactly(stream: IO[bytes], count: int) -> bytes | None:
    pieces = []
    while count > 0:
        piece = stream.read(count)
        if not piece:
            return None
        pieces.append(piece)
        count -= len(piece)
    return b"".join(pieces)


class Delta:
    """Sends a text as its difference to the last one of the same path: a keystroke is a few bytes.

    Both ends keep one; the sender's `encode` and the receiver's `decode` must see the same messages in the same order.
    """

    def __init__(self, limit: int = 64) -> None:
        self._texts: dict[str, str] = {}
        self._limit = limit

    def encode(self, path: str, text: str) -> list[Any]:
        """[characters kept in front, characters kept at the end, what is between]."""
        old = self._texts.get(path, "")
        front = common_prefix(old, text)
        limit = min(len(old), len(text)) - front
        back = common_suffix(old, text, limit)
        self._remember(path, text)
        return [front, back, text[front:len(text) - back]]

    def decode(self, path: str, delta: list[Any]) -> str:
        """The text that `encode` was given."""
        front, back, middle = delta
        old = self._texts.get(path, "")
        text = old[:front] + str(middle) + (old[len(old) - back:] if back else "")
        self._remember(path, text)
        return text

    def _remember(self, path: str, text: str) -> None:
        self._texts.pop(path, None)
        self._texts[path] = text
        while len(self._texts) > self._limit:
            self._texts.pop(next(iter(self._texts)))
