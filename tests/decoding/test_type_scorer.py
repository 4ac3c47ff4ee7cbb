"""The model asked for a type: the function shown first, what it thinks without it subtracted."""

from __future__ import annotations

import pytest

from fairlead.decoding.decoder import Decoder
from fairlead.decoding.fakes import ScriptedEngine, UniformEngine, byte_tokenizer, decoder_of
from fairlead.decoding.type_scorer import TypeScorer, hole, repeated
from fairlead.monitors.analysis import Document
from fairlead.monitors.slot_places import slots
from fairlead.monitors.slots import Slot

TEXT = "import os\n\nclass A:\n    def f(self, path, n=1):\n        return path.name\n\nx = 1\n"


def decoder(script: dict[str, str] | None) -> Decoder:
    tokenizer = byte_tokenizer(["def ", "self", "path", "return ", "    "])
    engine = UniformEngine(400) if script is None else ScriptedEngine(tokenizer, script)
    return decoder_of(tokenizer, engine)


def slot(name: str, text: str = TEXT) -> Slot:
    return next(one for one in slots(text) if one.name == name)


def test_the_hole_is_where_the_type_would_stand() -> None:
    text, offset = hole(TEXT, slot("n"))
    assert text[:offset].endswith("def f(self, path, n: ")
    assert text[offset:].startswith("=1):")
    text, offset = hole(TEXT, slot("f"))
    assert text[:offset].endswith("n=1) -> ")


def test_the_function_stands_in_front_of_its_header() -> None:
    shown, header = repeated(TEXT, slot("path"))
    assert header == "    def f(self, path: "
    assert shown == f"    def f(self, path, n=1):\n        return path.name\n\n\n{header}"


def test_what_the_function_makes_likely_wins_over_what_is_likely_anyway() -> None:
    script = {"return path.name\n\n\n    def f(self, path: ": "Path", "def f(self, path: ": "str"}
    found = TypeScorer(decoder(script))(Document("a.py", TEXT), slot("path"), ["Path", "str", "int"])
    assert found is not None
    assert found["Path"] > found["int"] > found["str"]


def test_a_model_that_knows_nothing_says_nothing() -> None:
    found = TypeScorer(decoder(None))(Document("a.py", TEXT), slot("path"), ["Path", "str", "int"])
    assert found is not None
    assert list(found.values()) == pytest.approx([0.0, 0.0, 0.0], abs=1e-4)


def test_nothing_out_of_functions_and_nothing_when_stopped() -> None:
    scorer = TypeScorer(decoder(None))
    document = Document("a.py", TEXT)
    assert scorer(document, slot("x"), ["int"]) is None
    assert scorer(document, slot("path"), ["int"], lambda: True) is None
