"""Cutting a stream of bytes into messages, whatever is in the stream."""

import json
import os
import re
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.server import wire
from fairlead.server.wire import Frames, Writer, read_messages


def frame(message: object, *, header: bytes = b"Content-Length: %d\r\n\r\n") -> bytes:
    body = json.dumps(message).encode()
    return header % len(body) + body


def fed(*pieces: bytes) -> tuple[list[object], bytes]:
    """The messages, and what was lost."""
    lost: list[bytes] = []
    frames = Frames(lost.append)
    return [message for piece in pieces for message in frames.feed(piece)], b"".join(lost)


GOOD = frame({"id": 1})

HEADERS = [
    b"Content-Length: %d\r\n\r\n",
    b"content-length: %d\r\n\r\n",
    b"CONTENT-LENGTH:%d\r\n\r\n",
    b"Content-Length:%d\n\n",
    b"Content-Length:   %d  \r\n\r\n",
    b"Content-Length: %d\r\nContent-Type: application/vscode-jsonrpc; charset=utf-8\r\n\r\n",
    b"Content-Type: application/vscode-jsonrpc; charset=utf8\r\nContent-Length: %d\r\n\r\n",
    b"X-Long: " + b"y" * 100_000 + b"\r\nContent-Length: %d\r\nX-Other:\r\n\r\n",
    b"Content-Length: %d\r\n",
    b"\r\n\r\nContent-Length: %d\r\n\r\n",
]


@pytest.mark.parametrize("header", HEADERS, ids=[f"{header[:40]!r}" for header in HEADERS])
def test_headers_that_are_understood(header: bytes) -> None:
    messages, lost = fed(frame({"é": "漢😀"}, header=header) + GOOD)
    assert messages == [{"é": "漢😀"}, {"id": 1}]
    assert b"did" not in lost
    assert len(lost) in (0, *range(90_000, 101_000))


BAD = {
    "garbage": b"hello, is this a language server?\n",
    "garbage without a newline": b"\x00\xff garbage",
    "much garbage": b"\x00garbage\r\n" * 20_000,
    "an HTTP request": b"POST / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n",
    "a header without a length": b"Content-Type: x\r\n\r\n{}",
    "a length that is none": b"Content-Length: many\r\n\r\n{}",
    "a negative length": b"Content-Length: -5\r\n\r\n",
    "a monstrous length": b"Content-Length: 999999999999999\r\n\r\n",
    "an endless length": b"Content-Length: " + b"9" * 1000 + b"\r\n\r\n",
    "no bytes at all": b"Content-Length: 0\r\n\r\n",
    "invalid JSON": b"Content-Length: 5\r\n\r\n{bad}",
    "invalid UTF-8": b'Content-Length: 6\r\n\r\n{"\xff":1}'[:-1],
    "UTF-16": b"Content-Length: 4\r\n\r\n{\0}\0",
    "half a surrogate in UTF-8": b'Content-Length: 9\r\n\r\n{"\xed\xa0\x80":1}',
    "a length that is too short": b'Content-Length: 5\r\n\r\n{"a": "didChange"}',
    "a length that is too long by a little": b'Content-Length: 12\r\n\r\n{"a": 1}',
    "a length that is too long by more": b'Content-Length: 60\r\n\r\n{"a": 1}',
    "very deep JSON": b"Content-Length: 100000\r\n\r\n" + b"[" * 100_000,
    "a number too long for Python": b"Content-Length: 10002\r\n\r\n[" + b"9" * 10_000 + b"]",
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_the_next_message_is_found_after(bad: bytes) -> None:
    """The frame after a bad one may be the price of a wrong length; the one after that never is."""
    stream = bad + GOOD + GOOD
    size = 1 + len(stream) // 500
    for messages, _ in (fed(stream), fed(*(stream[at : at + size] for at in range(0, len(stream), size)))):
        assert messages[-1] == {"id": 1}
        assert all(message == {"id": 1} for message in messages)


def test_frames_that_want_the_header_just_so_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As pygls 2.1 read it: deaf for ever after a header in lower case."""
    monkeypatch.setattr(wire, "_HEADER", re.compile(rb"Content-Length: (\d{1,15})\r\n"))
    deaf = [header for header in HEADERS if fed(frame({"a": 1}, header=header) + GOOD)[0] != [{"a": 1}, {"id": 1}]]
    assert len(deaf) >= 3


def test_what_is_lost_is_reported() -> None:
    messages, lost = fed(b'Content-Length: 5\r\n\r\n{"a": "didChange"}' + GOOD)
    assert messages == [{"id": 1}]
    assert lost == b'{"a": "didChange"}'
    assert fed(GOOD + b"\r\n" + GOOD)[1] == b""


def test_a_header_inside_a_string_is_text() -> None:
    message = {"text": "Content-Length: 3\r\n\r\nabc"}
    assert fed(frame(message) + GOOD) == ([message, {"id": 1}], b"")


@settings(max_examples=150, deadline=None)
@given(st.lists(st.dictionaries(st.text(), st.integers() | st.text()), max_size=5), st.integers(1, 40), st.data())
def test_messages_do_not_depend_on_how_the_bytes_arrive(messages: list[object], size: int, data: st.DataObject) -> None:
    header = data.draw(st.sampled_from(HEADERS[:7]))
    stream = b"".join(frame(message, header=header) for message in messages)
    assert fed(*(stream[at : at + size] for at in range(0, len(stream), size))) == (messages, b"")


_NO_DIGITS = st.binary(max_size=8).filter(lambda new: not any(48 <= byte <= 57 for byte in new))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 400), _NO_DIGITS), max_size=6), st.integers(1, 300))
def test_no_damage_stops_the_stream(changes: list[tuple[int, bytes]], size: int) -> None:
    """Whatever is overwritten, short of a longer length, the next undamaged messages come through."""
    stream = bytearray(frame({"method": "a", "params": {"text": "x" * 50}}) * 3)
    for at, new in changes:
        stream[at % len(stream) : at % len(stream) + len(new)] = new
    stream += b" " * 200 + GOOD + GOOD
    messages, _ = fed(*(bytes(stream[at : at + size]) for at in range(0, len(stream), size)))
    assert messages[-2:] == [{"id": 1}] * 2


def test_frames_from_many_threads_never_interleave() -> None:
    receiving, sending = os.pipe()
    writer = Writer(sending, broken=pytest.fail)
    received: list[object] = []
    ended = threading.Event()
    read_messages(receiving, Frames(lambda lost: pytest.fail(f"{lost!r}")), received.append, lambda _: ended.set())

    def write(thread: int) -> None:
        for number in range(40):
            writer.write(frame([thread, number, "x" * 5_000]))

    threads = [threading.Thread(target=write, args=(thread,)) for thread in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert writer.flush(10)
    os.close(sending)
    assert ended.wait(10)
    os.close(receiving)
    by_thread = [[message[1] for message in received if message[0] == thread] for thread in range(5)]  # type: ignore[index]
    assert by_thread == [list(range(40))] * 5


def test_a_reader_that_is_gone_is_noticed() -> None:
    receiving, sending = os.pipe()
    reasons: list[str] = []
    writer = Writer(sending, reasons.append)
    os.close(receiving)
    writer.write(GOOD)
    assert writer.flush(10)
    assert reasons == ["the client closed its end (Broken pipe)"]
    os.close(sending)


def test_a_reader_that_reads_nothing_blocks_nobody_and_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MAX_UNSENT", 3_000_000)
    receiving, sending = os.pipe()
    reasons: list[str] = []
    writer = Writer(sending, reasons.append)
    began = time.monotonic()
    for _ in range(3):
        writer.write(b"x" * 1_000_000)
    assert reasons == []
    writer.write(b"x")
    assert reasons == ["the client does not read what it is sent"]
    assert not writer.flush(0.05)
    assert time.monotonic() - began < 1
    os.close(receiving)  # Ends the writing thread.
    writer._thread.join(10)
    os.close(sending)
