"""Places in languages that look like C, as annotated source: `|` is the cursor."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.monitors import clike
from fairlead.monitors.clike import SCRIPT, C, CLexer, Style
from fairlead.monitors.languages import PYTHON, language_of
from fairlead.monitors.syntax import Place

STYLES = {"c": C, "ts": SCRIPT}


def place(style: str, marked: str) -> tuple[Place, int]:
    offset = marked.index("|")
    return clike.place(STYLES[style], marked[:offset] + marked[offset + 1 :], offset), offset


ACCESSES = [
    ("c", "a.|"), ("c", "p->|"), ("c", "std::|"), ("c", "std::vector<int>::|"), ("c", "f(x)[0].|"), ("c", "a\n  .|"),
    ("c", "a /* b. */ .|"), ("c", "a // b\n.|"), ("c", '"x"; a.|'), ("c", "#include <a.h>\na.|"), ("c", "1'000; a.|"),
    ("c", "#define X \\\n 'y\nz.|"), ("c", "'\\'' + a.|"), ("c", "this->|"), ("c", "x = y ? a.| : b"),
    ("ts", "a.|"), ("ts", "a?.|"), ("ts", "a!.|"), ("ts", "`${a.|}`"), ("ts", "`${a}`.|"), ("ts", "`${ {b: 1}.|"),
    ("ts", "/a'b/.|"), ("ts", "x / y.|"), ("ts", "f(/[/']/g, a.|"), ("ts", "this.|"), ("ts", "a.b.c.|"), ("ts", "[1].|"),
    ("ts", "'unclosed\na.|"), ("ts", "// it's\r\na.|"), ("ts", "$el.|"), ("ts", "été.|"), ("ts", "a. |"), ("ts", "}.|"),
]  # fmt: skip
NONE = [
    ("c", "1.|"), ("c", "0x1F.|"), ("c", ".|"), ("c", "return .|"), ("c", "auto f() - > |"), ("c", "#include <a.|h>"),
    ("c", "a -|"), ("c", "a:|"), ("c", "x ? a : .|"), ("c", "a|"), ("c", "::|"), ("c", "f(a, ...|"),
    ("ts", "[...|"), ("ts", "f(a, ...|"), ("ts", "a ? .|5 : 1"), ("ts", "3.14.|"), ("ts", "case .|"), ("ts", "a - .|"),
]  # fmt: skip
ELSEWHERE = [
    ("c", "// a.|", "comment"), ("c", "/* a.\n b.|", "comment"), ("c", '"a.|', "string"), ("c", "'a.|", "string"),
    ("c", "/* a */ \"b\\\"c.|", "string"), ("ts", "`a\n b.|", "string"), ("ts", "`${a}.|", "string"),
    ("ts", "x = /a.|", "string"), ("ts", "x = 3.|", "number"), ("ts", "x = 3|", "number"),
]  # fmt: skip


@pytest.mark.parametrize(("style", "marked"), ACCESSES)
def test_an_access(style: str, marked: str) -> None:
    found, offset = place(style, marked)
    assert found.where == "code"
    assert found.dot == offset - marked[:offset].endswith(" ")


@pytest.mark.parametrize(("style", "marked"), NONE)
def test_no_access(style: str, marked: str) -> None:
    assert place(style, marked)[0].dot is None


@pytest.mark.parametrize(("style", "marked", "where"), ELSEWHERE)
def test_not_code(style: str, marked: str, where: str) -> None:
    found, _ = place(style, marked)
    assert (found.where, found.dot) == (where, None)


def test_what_is_typed_and_where_it_ends() -> None:
    found, offset = place("ts", "a.$fo|o1(x)")
    assert (found.typed, found.end, found.dot) == ("$fo", offset + 2, 2)


@given(st.text(alphabet="ab1.?!:-><\"'`/*\\${}[]()#\r\n ,", max_size=40), st.integers(0, 40), st.sampled_from([C, SCRIPT]))
def test_stepping_by_parts_is_stepping_by_the_whole(text: str, cut: int, style: Style) -> None:
    whole = CLexer(style).run_over(text)
    assert CLexer(style).run_over(text[:cut]).run_over(text[cut:]) == whole
    one_by_one = CLexer(style)
    for character in text:
        one_by_one = one_by_one.step(character)
    assert one_by_one == whole


def test_a_lexer_found_by_marks_is_the_one_that_read_everything() -> None:
    pieces = ["a.b();\n", "/* c */ ", "`t${x}`", "'s'", "// d\n", "{ [ ( ) ] }", "/r/ "]
    chance = random.Random(7)
    text = "".join(chance.choice(pieces) for _ in range(4000))
    for _ in range(20):
        at = chance.randrange(len(text))
        text = text[:at] + chance.choice(["`", "x", "\n", ""]) + text[at + 1 :]
        offset = chance.randrange(len(text))
        assert clike.lexer_at(SCRIPT, text, offset) == CLexer(SCRIPT).run_over(text[:offset])


def test_a_keystroke_in_a_large_file_is_cheap() -> None:
    text = "const value = other.member(1, 'two');  // three\n" * 20_000
    clike.place(SCRIPT, text, len(text))
    middle = len(text) // 2
    edited = text[:middle] + "a." + text[middle:]
    begun = time.perf_counter()
    clike.place(SCRIPT, edited, middle + 2)
    assert time.perf_counter() - begun < 0.1


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("/p/a.py", "python"), ("untitled:1", "python"), ("", "python"), ("/p/a.unknown", "python"), ("/p/a.ts", "typescript"),
        ("/p/A.TSX", "typescriptreact"), ("/p/a.h", "cpp"), ("/p/a.c", "c"), ("vscode-notebook-cell:/p/a.ipynb#W1", "python"),
    ],
)  # fmt: skip
def test_languages_by_their_files(path: str, language: str) -> None:
    assert language_of(path).id == language
    assert (language_of(path) is PYTHON) == (language == "python")


def test_names_of_other_languages() -> None:
    """What is a keyword in Python is a member in TypeScript, and names may hold other characters."""
    assert language_of("a.ts").is_name("from")
    assert language_of("a.ts").is_name("$el")
    assert not PYTHON.is_name("from")
    assert not language_of("a.cpp").is_name("$el")
    assert not language_of("a.ts").is_name("a-b")
