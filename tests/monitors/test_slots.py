"""Which places could carry a type and do not, and the fake that answers about them."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.monitors.analysis import Document
from fairlead.monitors.fixed import FixedInference
from fairlead.monitors.slot_places import slots
from fairlead.monitors.slots import Import, set_of

CODE = '''\
import os
LIMIT = 3
typed: int = 4
a = b = 0
c, (d, *e) = f()


class Widget(Base):
    size = 1

    def __init__(self, name, parent=None, *args, flag: bool = True, **kwargs):
        self.name = name
        self.size = 2
        self.parent: Base = parent
        other.name = 1

    @staticmethod
    def make(spec, /, *, depth=1) -> "Widget":
        global LIMIT
        LIMIT = 2
        for part in spec:
            with open(part) as stream:
                last = stream
        last = None
        return lambda x: x

    async def draw(self):
        def inner(cell): ...
        return inner
'''


def described(text: str) -> list[tuple[str, str, str, bool]]:
    return [(slot.kind, slot.name, slot.function, slot.legal) for slot in slots(text)]


def test_slots_of_a_class() -> None:
    assert described(CODE) == [
        ("variable", "LIMIT", "", True),
        ("variable", "a", "", False),
        ("variable", "b", "", False),
        ("variable", "c", "", False),
        ("variable", "d", "", False),
        ("variable", "e", "", False),
        ("variable", "size", "", False),
        ("return", "__init__", "Widget.__init__", True),
        ("parameter", "name", "Widget.__init__", True),
        ("parameter", "parent", "Widget.__init__", True),
        ("parameter", "args", "Widget.__init__", True),
        ("parameter", "kwargs", "Widget.__init__", True),
        ("attribute", "name", "Widget.__init__", True),
        ("parameter", "spec", "Widget.make", True),
        ("parameter", "depth", "Widget.make", True),
        ("variable", "part", "Widget.make", False),
        ("variable", "stream", "Widget.make", False),
        ("variable", "last", "Widget.make", True),
        ("return", "draw", "Widget.draw", True),
        ("return", "inner", "Widget.draw.inner", True),
        ("parameter", "cell", "Widget.draw.inner", True),
    ]


def test_positions_are_code_points_and_insertions_parse() -> None:
    text = "# ä𝒳\ndef fünf(größe, b='𝒳', *c):\n    übrig = größe\n    return übrig\n"
    found = slots(text)
    assert [text[slot.offset:slot.end] for slot in found] == [slot.name for slot in found]
    lines = text.split("\n")
    assert all(lines[slot.line0][slot.column0:].startswith(slot.name) for slot in found)
    for slot in sorted(found, key=lambda slot: -slot.insert_at):
        text = text[:slot.insert_at] + slot.prefix + "int" + text[slot.insert_at:]
    assert text == (
        "# ä𝒳\ndef fünf(größe: int, b: int='𝒳', *c: int) -> int:\n    übrig: int = größe\n    return übrig\n"
    )


def test_every_legal_insertion_leaves_the_text_parsing() -> None:
    text = CODE
    for slot in sorted(slots(CODE), key=lambda slot: -slot.insert_at):
        if slot.legal:
            text = text[:slot.insert_at] + slot.prefix + "int" + text[slot.insert_at:]
    ast.parse(text)
    assert "def draw(self) -> int:" in text


@pytest.mark.parametrize("text", [
    "def f(a, b",
    "def f(a, (b, c)):\n  print a\n",
    "def f(a b):\n  pass\n",
    "%matplotlib inline\ndef f(:\n",
    "class\n  def x(self",
    "\ufeffdef f(x): pass",
    "def f(x):\n\treturn x\rdef g(y): pass",
    "def \ud800(x): \0",
])  # fmt: skip
def test_broken_texts_raise_nothing_and_what_is_legal_there_is_where_it_says(text: str) -> None:
    for slot in slots(text):
        assert text[slot.offset:slot.end] == slot.name


def test_a_broken_header_may_not_be_written_into() -> None:
    assert not any(slot.legal for slot in slots("def f(a b):\n  pass\n") if slot.kind != "variable")


PIECES = ["def ", "f", "(", ")", ":", "\n    ", "a", " = ", "ä", "self.", ",", "*", "class ", "for ", " in "]


@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_any_text(text: str) -> None:
    for slot in slots(text):
        assert text[slot.offset:slot.end] == slot.name
        assert 0 <= slot.insert_at <= len(text)


def test_the_fake_answers_from_its_table() -> None:
    inference = FixedInference({"path": {"Path": 0.7, "str": 0.25}, "n": "int"}, {"Path": Import("pathlib", "Path")})
    path, n, back = inference.infer(Document("a.py", "def f(path, n): ...\n"), slots("def f(path, n): ...\n")[1:] + slots(
        "def f(path, n): ...\n")[:1])  # fmt: skip
    assert path.best is not None
    assert path.best.text == "Path"
    assert path.best.imports == (Import("pathlib", "Path"),)
    assert path.predicted_set == ("Path", "str")
    assert not path.set_has_other
    assert path.other == pytest.approx(0.05)
    assert (n.static, n.static_source, n.predictions) == ("int", "inferred", ())
    assert back.best is None
    assert back.set_has_other


def test_set_of_takes_as_few_as_needed() -> None:
    assert [set_of(shares, 0.1)[0] for shares in ([0.7, 0.25, 0.05], [0.5, 0.2], [])] == [2, 2, 0]
    assert set_of([0.5, 0.2], 0.1)[1] == pytest.approx(0.7)
