"""Outlines are made while idle, kept, and put before the file in the prompt."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairlead.decoding.fakes import UniformEngine, byte_tokenizer, decoder_of
from fairlead.monitors.analysis import Document
from fairlead.server import outlines
from fairlead.server.outlines import Outlines


@pytest.fixture
def document(tmp_path: Path) -> Document:
    (tmp_path / "shelf.py").write_text("LIMIT = 10\n")
    return Document(str(tmp_path / "main.py"), "from shelf import LIMIT\n", 0, str(tmp_path))


def test_nothing_is_read_before_a_refresh_and_little_after_it(document: Document, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Outlines(1000)
    assert made.of(document) == ""
    made.refresh(document)
    assert made.of(document) == "# shelf.py\nLIMIT = 10\n"
    (Path(document.root) / "shelf.py").write_text("LIMIT = 100\n")
    made.refresh(document)
    assert made.of(document) == "# shelf.py\nLIMIT = 10\n"
    monkeypatch.setattr(outlines, "FRESH_S", 0.0)
    made.refresh(document)
    assert made.of(document) == "# shelf.py\nLIMIT = 100\n"
    made.forget(document.path)
    assert made.of(document) == ""


def test_without_a_limit_nothing_is_made(document: Document) -> None:
    made = Outlines(0)
    made.refresh(document)
    assert made.of(document) == ""


def test_the_prompt_begins_with_it_and_keeps_to_its_budget(document: Document) -> None:
    tokenizer = byte_tokenizer()
    engine = UniformEngine(tokenizer.get_vocab_size(with_added_tokens=True), 200)
    decoder = decoder_of(tokenizer, engine)
    made = Outlines(1000)
    made.refresh(document)
    decoder.context = made.of
    place = decoder.place(document, len(document.text))
    assert place is not None
    assert bytes(place.prompt.tokens).decode() == ("# shelf.py\nLIMIT = 10\n" + document.text)[: len(place.prompt.tokens)]
    decoder.context = lambda document: "x" * 1000
    place = decoder.place(document, len(document.text))
    assert place is not None
    assert bytes(place.prompt.tokens).decode().count("x") == (200 - 96) // 4
    assert len(place.prompt.tokens) <= 200 - 96
