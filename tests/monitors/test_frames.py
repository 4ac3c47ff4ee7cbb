"""Messages on the private pipe."""

from __future__ import annotations

import io
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.monitors.frames import Delta, read_frame, write_frame


def test_messages_arrive_whole_and_in_order() -> None:
    stream = io.BytesIO()
    sent: list[dict[str, Any]] = [{"a": "é\ud800😀\0"}, {}, {"b": [1, None, {"c": "x" * 100_000}]}]
    for message in sent:
        write_frame(stream, message)
    stream.seek(0)
    assert [read_frame(stream) for _ in sent] == sent
    assert read_frame(stream) is None


@pytest.mark.parametrize(
    "data", [b"", b"\0\0", struct.pack(">I", 10) + b"{}", struct.pack(">I", 2**31), struct.pack(">I", 3) + b"{x}",
             struct.pack(">I", 2) + b"[]"]
)  # fmt: skip
def test_nonsense_is_the_end(data: bytes) -> None:
    assert read_frame(io.BytesIO(data)) is None


@given(versions=st.lists(st.tuples(st.sampled_from("ab"), st.text(alphabet="xy\né😀\ud800", max_size=12)), max_size=8))
def test_texts_survive_being_sent_as_differences(versions: list[tuple[str, str]]) -> None:
    sender, receiver = Delta(), Delta()
    for path, text in versions:
        assert receiver.decode(path, sender.encode(path, text)) == text


def test_a_keystroke_is_a_few_characters() -> None:
    delta = Delta()
    text = "line of code\n" * 20_000
    delta.encode("a", text)
    assert delta.encode("a", text[:1000] + "x" + text[1000:])[2] == "x"
    assert delta.encode("a", text)[2] == ""


def test_forgotten_texts_are_forgotten_at_both_ends() -> None:
    sender, receiver = Delta(limit=2), Delta(limit=2)
    for path in "abcabca":
        assert receiver.decode(path, sender.encode(path, f"text of {path}")) == f"text of {path}"
