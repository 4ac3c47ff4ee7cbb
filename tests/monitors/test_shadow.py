"""A predicted type written where only analysis sees it."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairlead.monitors.analysis import Document
from fairlead.monitors.inline import InlineAnalysis
from fairlead.monitors.shadow import receiver_slot, shadowed, worth_telling
from fairlead.monitors.slot_places import slots
from fairlead.monitors.slots import Import, Inferred, Prediction, Slot

TEXT = "def send(ä, request, *args):\n    request.\n"


def slot_of(text: str, name: str) -> Slot:
    return next(slot for slot in slots(text) if slot.name == name)


def test_one_annotation_opens_the_members_of_a_project_class(tmp_path: Path) -> None:
    (tmp_path / "lib.py").write_text("class Request:\n    url = ''\n    def fetch(self): ...\n")
    document = Document(str(tmp_path / "main.py"), TEXT, 1, str(tmp_path))
    offset = TEXT.index("request.\n") + len("request.")
    analysis = InlineAnalysis()
    assert not analysis.members(document, offset).result().members
    told, moved = shadowed(document, offset, [(slot_of(TEXT, "request"), "Request", (Import("lib", "Request"),))])
    assert told.text[:moved].endswith("    request.")
    assert told.text.split("\n")[0] == 'def send(ä, request: "Request", *args):'
    assert told.text.split("\n")[1] == TEXT.split("\n")[1]
    names = {member.name for member in analysis.members(told, moved).result().members}
    assert {"url", "fetch"} <= names


def test_several_slots_at_once_and_one_behind_the_cursor() -> None:
    text = "def a(x):\n    x.\ndef b(y=1): ..."
    told, moved = shadowed(Document("a.py", text), text.index("x.\n") + 2, [
        (slot_of(text, "x"), "int", ()), (slot_of(text, "y"), "str", (Import("p", "q", "r"), Import("m")))])  # fmt: skip
    assert told.text == 'def a(x: "int"):\n    x.\ndef b(y: "str"=1): ...\nfrom p import q as r\nimport m\n'
    assert told.text[:moved].endswith("x.")


@pytest.mark.parametrize(("text", "expected"), [
    ("def f(x):\n    x.|", "x"),
    ("def f(x):\n    x.up|", "x"),
    ("def f(x):\n    y.x.|", None),
    ("def f(x):\n    x().|", None),
    ("def f(x):\n    y.|", None),
    ("def f(x): int\nx.|", None),
    ("def f(x): return x.|", "x"),
    ("class A:\n    def f(self, x):\n        pass\n    x.|", None),
    ("def f(x):\n    def g(z):\n        x.|", "x"),
    ("def f(x):\n    pass\ndef g(z):\n    x.|", None),
    ("def f(x):\n    'x.|'", None),
    ("def f(x: int):\n    x.|", None),
    ("import x.|", None),
])  # fmt: skip
def test_whose_attribute_is_asked_for(text: str, expected: str | None) -> None:
    offset = text.index("|")
    document = Document("a.py", text.replace("|", ""))
    slot = receiver_slot(document, offset)
    assert (slot.name if slot is not None else None) == expected


def predicted(*shares: tuple[str, float], has_other: bool = False, epsilon: float = 0.005) -> Inferred:
    return Inferred(
        slot_of(TEXT, "request"), predictions=tuple(Prediction(text, share, share, share) for text, share in shares),
        predicted_set=tuple(text for text, _ in shares), set_has_other=has_other, set_epsilon=epsilon,
    )  # fmt: skip


def test_the_union_of_what_is_likely_is_told() -> None:
    text, imports, share = worth_telling(predicted(("A | None", 0.5), ("B", 0.2), ("C", 0.1)), 0.15)
    assert (text, imports) == ("A | B", ())
    assert share == pytest.approx(0.7)
    assert worth_telling(predicted(("A", 0.1)), 0.15)[0] == ""
