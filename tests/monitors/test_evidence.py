"""What the text says about a name behind a dot: each observation, and the order that comes of it."""

from __future__ import annotations

import pytest

from fairlead.monitors.analysis import Member
from fairlead.monitors.evidence import ALONE, FEATURES, FLOOR, LINES, WITH_MODEL, observe, read, scores, words_of

NAMES = ("close", "open", "path", "size", "start_reader", "write")
MEMBERS = tuple(Member(name, "method" if name in ("close", "open", "write") else "field") for name in NAMES)


def observed(text: str, name: str) -> dict[str, float]:
    """The features of `name` at the cursor `▮`."""
    offset = text.index("▮")
    rows = observe(text.replace("▮", ""), offset, MEMBERS)
    return dict(zip(FEATURES, rows[NAMES.index(name)], strict=True))


def best(text: str, probabilities: list[float] | None = None) -> str:
    offset = text.index("▮")
    found = scores(text.replace("▮", ""), offset, MEMBERS, probabilities)
    return NAMES[found.index(max(found))]


@pytest.mark.parametrize(
    ("line", "uses"),
    [
        ("a.b.c", [("a", "b", ""), ("a.b", "c", "")]),
        ("x = f(a.b, c.d)", [("a", "b", "f("), ("c", "d", "f(")]),
        ("return a.b(c).d", [("a", "b", "return"), ("a.b()", "d", "return")]),
        ("if not a[0].b:", [("a[]", "b", "not")]),
        ("    .then(x.y)", [("", "then", ""), ("x", "y", "then(")]),
        ("for a in b.c:", [("b", "c", "in")]),
        ("x = 3.5 + a . b", [("a", "b", "+")]),
        ("))", []),
        ("", []),
    ],
)
def test_uses_of_a_line(line: str, uses: list[tuple[str, str, str]]) -> None:
    assert [(use.receiver, use.name, use.role) for use in read(line).uses] == uses


def test_words_of_a_name() -> None:
    assert words_of("parseHTML_text2") == {"parse", "html", "text"}
    assert words_of("_") == frozenset()


def test_a_name_used_behind_the_same_receiver() -> None:
    found = observed("f.open()\nf.path\nf.open()\nother.size\nx = f.▮\n", "open")
    assert found["same"] == pytest.approx(1.0986, abs=1e-3)
    assert (found["never"], found["recent"]) == (0, 1)
    found = observed("f.open()\nf.path\nf.open()\nother.size\nx = f.▮\n", "size")
    assert (found["same"], found["never"], found["recent"]) == (0, 1, 0)


def test_names_behind_the_cursor_count_but_are_not_recent() -> None:
    found = observed("x = f.▮\nf.path\n", "path")
    assert found["same"] > 0
    assert found["recent"] == 0


def test_what_stands_behind_the_cursor_on_its_line_is_no_use() -> None:
    assert observed("f(f.▮path, 1)\n", "path")["never"] == 1
    assert observed("f(f.pa▮th, 1)\n", "path")["never"] == 1


def test_a_name_used_on_the_same_line() -> None:
    assert observed("f(a.path, a.▮)\n", "path")["again"] == 1
    assert observed("f(a.path)\nf(a.▮)\n", "path")["again"] == 0


def test_the_same_role() -> None:
    text = "if a.size: pass\nlen(a.path)\nif a.▮\n"
    assert observed(text, "size")["role"] > observed(text, "path")["role"] == 0
    assert observed("if b.open: pass\nif a.▮\n", "open")["no_role"] == 0
    assert observed("if b.open: pass\nif a.▮\n", "path")["no_role"] == 1


def test_which_name_follows_which() -> None:
    text = "a.open()\na.write(1)\na.close()\n\na.open()\na.write(2)\na.close()\n\na.open()\na.▮\n"
    assert observed(text, "write")["follows"] > observed(text, "close")["follows"]
    assert best(text) == "write"


def test_the_function_around() -> None:
    text = "class A:\n    def open(self):\n        {}.▮\n"
    assert observed(text.format("self"), "open")["own"] == 1
    assert observed(text.format("self"), "open")["own_super"] == 0
    assert observed(text.format("super()"), "open")["own_super"] == 1
    assert observed(text.format("self"), "close")["own"] == 0


def test_words_in_common() -> None:
    text = "def start():\n    reader = a.▮\n"
    assert observed(text, "start_reader")["shared"] == 1
    assert 0 < observed("reader = a.▮\n", "start_reader")["shared"] < 1
    assert observed(text, "size")["shared"] == 0
    assert best(text) == "start_reader"


def test_strings_and_comments_are_no_uses() -> None:
    assert observed('"""a.path"""  # a.path\nx = a.▮\n', "path")["never"] == 1


def test_a_receiver_over_several_lines() -> None:
    assert observed("x = f(\n    1,\n).path\ny = f(\n    2,\n).▮\n", "path")["follows"] == 0


@pytest.mark.parametrize("text", ["▮", ".▮", "a.▮", "a.\n▮", "ü.é▮", "def f(:\n  ((a.▮", "\x00a.▮\r\nb.path", "a. ▮"])
def test_odd_text(text: str) -> None:
    offset = text.index("▮")
    assert len(scores(text.replace("▮", ""), offset, MEMBERS, None)) == len(MEMBERS)


def test_lines_far_away_are_not_read() -> None:
    gap = "\n" * LINES
    assert observed(f"a.path\n{gap}x = a.▮\n", "path")["never"] == 1


def test_the_model_decides_where_the_text_says_nothing() -> None:
    believed = [0.1, 0.1, 0.1, 0.5, 0.1, 0.1]
    assert best("x = a.▮\n", believed) == "size"


def test_small_probabilities_say_the_same() -> None:
    """Between one in ten thousand and one in a million lies less than what a single earlier use is worth."""
    believed = [1e-6, 1e-4, 1e-6, 1e-4, 1e-6, 1 - 2.03e-4]
    found = dict(zip(NAMES, scores("x = a.▮\n", 6, MEMBERS, believed), strict=True))
    assert abs(found["size"] - found["path"]) < FLOOR


def test_as_many_weights_as_features() -> None:
    assert len(FEATURES) == len(WITH_MODEL) == len(ALONE)
