"""Reading what servers answer: the traps in their completion lists, errors, hovers and signatures."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.monitors.analysis import Parameter
from fairlead.monitors.languages import PYTHON, language_of
from fairlead.monitors.server_answers import hovered, item_named, listed, name_of, overloads, receiver_in, refutation
from fairlead.monitors.virtual import Encoding, change, position, tame

SCRIPT, C = language_of("a.ts"), language_of("a.cpp")


@pytest.mark.parametrize(
    ("item", "name"),
    [
        ({"label": " push_back(const value_type &__x)", "insertText": "push_back"}, "push_back"),  # clangd
        ({"label": "•size() const"}, "size"),  # clangd, with an insertion
        ({"label": "iter()"}, "iter"),  # rust-analyzer
        ({"label": "drain(…)", "insertText": "drain(${1:range})$0", "insertTextFormat": 2}, "drain"),
        ({"label": "to_owned() (as ToOwned)"}, "to_owned"),
        ({"label": "bar", "filterText": ".bar", "textEdit": {"newText": ".bar"}}, "bar"),  # tsserver
        ({"label": "bar", "textEdit": {"newText": "?.bar"}}, "bar"),
        ({"label": "name?", "insertText": "name"}, "name"),
        ({"label": "a-b", "filterText": '.["a-b"]', "textEdit": {"newText": '["a-b"]'}}, ""),
        ({"label": "a-b"}, ""),
        ({"label": "foo", "textEdit": {"newText": "->foo"}}, "foo"),
        ({"label": "operator=(const A &)"}, "operator"),
        ({"label": "~A()"}, ""),
        ({"label": "été"}, "été"),
        ({"label": 3}, ""),
        ({}, ""),
    ],
)  # fmt: skip
def test_the_name_an_item_writes(item: dict[str, Any], name: str) -> None:
    assert name_of(item, C) == name


def test_names_of_scripts() -> None:
    assert name_of({"label": "$el"}, SCRIPT) == "$el"
    assert name_of({"label": "#secret"}, SCRIPT) == "#secret"
    assert name_of({"label": "log", "insertText": "log(${1})"}, SCRIPT) == "log"


def test_what_is_left_out_of_a_list() -> None:
    items = [
        {"label": "second", "sortText": "2", "kind": 2}, {"label": "first", "sortText": "1", "kind": 5},
        {"label": "first", "sortText": "3", "kind": 5}, {"label": "word", "kind": 1}, {"label": "await", "kind": 14},
        {"label": "dbg", "kind": 15}, {"label": "imported", "additionalTextEdits": [{}]}, None, "text",
    ]  # fmt: skip
    found = listed({"isIncomplete": False, "items": items}, C)
    assert [(member.name, member.kind) for member in found.members] == [("first", "field"), ("second", "method")]
    assert found.extra_names == {"await"}
    assert found.words
    assert found.complete


@pytest.mark.parametrize(
    ("result", "names", "complete"),
    [
        ([{"label": "a"}], ["a"], True), ({"items": [{"label": "a"}], "isIncomplete": True}, ["a"], False),
        (None, [], False), (7, [], False), ({"items": None}, [], False), ({"items": []}, [], True),
    ],
)  # fmt: skip
def test_lists_of_either_kind(result: Any, names: list[str], complete: bool) -> None:
    found = listed(result, PYTHON)
    assert ([member.name for member in found.members], found.complete) == (names, complete)


@pytest.mark.parametrize(
    ("message", "refutes", "receiver"),
    [
        ("No member named 'zq' in 'A'; did you mean 'x'?", True, "A"),
        ("Property 'zq' does not exist on type '{ \"a-b\": number; }'.", True, '{ "a-b": number; }'),
        ('Cannot access attribute "zq" for class "A"\n\xa0\xa0Attribute "zq" is unknown', True, "A"),
        ('"zq" is not a known attribute of module "os"', True, "os"),
        ("no field `zq` on type `Vec<i32>`", True, "Vec<i32>"),
        ("x.zq undefined (type T has no field or method zq)", True, ""),
        ("'A' does not contain a definition for 'zq'", True, "A"),
        ('Type of "zq" is unknown', False, ""),
        ('"zq" is not a known attribute of "None"', False, ""),
        ("No member named 'other' in 'A'", False, ""),
        ("'u' is possibly 'undefined'.", False, ""),
    ],
)
def test_which_errors_refute_a_name(message: str, refutes: bool, receiver: str) -> None:
    found = refutation([None, {"severity": 1, "message": message}], "zq")
    assert (found == message) == refutes
    if refutes:
        assert receiver_in(message, "zq") == receiver


def test_a_warning_refutes_nothing() -> None:
    assert refutation([{"severity": 2, "message": "no member named zq"}], "zq") is None
    assert refutation([{"message": "no member named zq"}], "zq") is not None  # severity may be left out
    assert refutation({"not": "a list"}, "zq") is None


@pytest.mark.parametrize(
    ("contents", "expected"),
    [
        ({"kind": "markdown", "value": "```ts\n(method) A.f(): void\n```\n---\nDoes f."},
         ("(method) A.f(): void", "Does f.", "method")),
        ({"kind": "markdown", "value": "### field `foo`  \n\n---\nType: `int`  \n\n---\n```cpp\n// In A\npublic: int foo\n```"},
         ("public: int foo", "Type: `int`", "field")),
        ([{"language": "c", "value": "int f()"}, "Does f."], ("int f()", "Does f.", "text")),
        ("int f()", ("int f()", "", "text")),
        (None, ("", "", "text")), ([3], ("", "", "text")),
    ],
)  # fmt: skip
def test_hovers_of_every_shape(contents: Any, expected: tuple[str, str, str]) -> None:
    assert hovered({"contents": contents}) == expected


def test_an_item_can_describe_itself() -> None:
    item = {"label": " bar(int x)", "insertText": "bar", "detail": "int", "documentation": {"value": "D"}}
    assert item_named({"items": [item]}, "bar", C) == ("int bar(int x)", "D")
    assert item_named(None, "bar", C) == ("", "")


def test_signatures_by_text_and_by_place() -> None:
    label = "(a: int, /, b: str = '😀', ..., d: int, **k) -> None"
    places = [[1, 7], [9, 10], [12, 25], [27, 30], [32, 38], [40, 43]]
    by_place = {"signatures": [{"label": label, "parameters": [{"label": place} for place in places]}]}
    texts = ["a: int", "/", "b: str = '😀'", "*args", "d: int", "**k"]
    by_text = {"signatures": [{"label": label, "parameters": [{"label": text} for text in texts]}]}
    (placed,), (spelled,) = overloads(by_place), overloads(by_text)
    assert placed == (
        Parameter("a", "positional", True), Parameter("b", "either", False), Parameter("", "args"),
        Parameter("d", "keyword", True), Parameter("k", "kwargs"),
    )  # fmt: skip
    assert spelled == (*placed[:2], Parameter("args", "args"), *placed[3:])
    assert overloads({"signatures": [{"parameters": [{"label": [5]}, 3]}]}) == ((),)
    assert overloads("nothing") == ()


# The text as the server has it


def test_positions_in_three_encodings() -> None:
    text = "x\na😀b"
    offset = text.index("b")
    assert {name: position(text, offset, name)["character"] for name in ("utf-8", "utf-16", "utf-32")} == {
        "utf-8": 5, "utf-16": 3, "utf-32": 2,
    }  # fmt: skip
    assert position(text, offset, "utf-16")["line"] == 1


def test_tame_text_has_one_idea_of_lines() -> None:
    assert tame("a\rb\r\nc\u2028d\0e\ud800") == "a\nb\r\nc d e\ufffd"


def applied(old: str, edit: Any, encoding: str) -> str:
    """What a server makes of an edit: lines by their ends, characters in code units."""
    unit = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}[encoding]
    lines = old.split("\n")

    def offset(place: dict[str, int]) -> int:
        line = lines[place["line"]]
        head = line.encode(unit[0])[: place["character"] * unit[1]].decode(unit[0])
        assert not head.endswith("\r")
        return sum(len(line) + 1 for line in lines[: place["line"]]) + len(head)

    begin, end = offset(edit["range"]["start"]), offset(edit["range"]["end"])
    return f"{old[:begin]}{edit['text']}{old[end:]}"


TEXTS = st.lists(st.sampled_from(["a", "b", "😀", "é", "\r\n", "\n", "."]), max_size=12).map("".join)


@given(TEXTS, TEXTS, st.sampled_from(["utf-8", "utf-16", "utf-32"]))
def test_an_edit_makes_the_new_text_of_the_old(old: str, new: str, encoding: Encoding) -> None:
    assert applied(old, change(old, new, encoding), encoding) == new
