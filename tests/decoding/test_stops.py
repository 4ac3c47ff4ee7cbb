"""Where ghost text ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.decoding.offer import without_last_word
from fairlead.decoding.prompt import window_start
from fairlead.decoding.stops import (
    end_of_block,
    end_of_repetition,
    indentation,
    line_of,
    printable,
    refusal,
    without_loop,
    without_overlap,
    word_start,
)


@pytest.mark.parametrize(
    ("before", "written", "kept"),
    [
        ("    x = ", "1\n    y = 2\nz = 3", "1\n    y = 2"),
        ("    x = ", "1\n    y = 2\n", None),
        ("if x:", "\n    y\nz", "\n    y"),
        ("    if x:", "\n        y\n    z", "\n        y"),
        ("    ", "if x:\n        y\n    else", "if x:\n        y"),
        ("x = ", "1\n\n\n", "1\n"),
        ("\tx = ", "1\n\ty = 2\n  z", "1\n\ty = 2"),
        ("", "def f():\n    return 1\n\n\nx", "def f():\n    return 1\n"),
    ],
)
def test_a_block_ends_with_its_indentation(before: str, written: str, kept: str | None) -> None:
    end = end_of_block(before, written)
    assert (None if end is None else written[:end]) == kept


@pytest.mark.parametrize(
    ("before", "written", "kept"),
    [
        ("x = 1\n", "self.width = 1\nself.width = 1", "self.width = 1"),
        ("self.width = 1\n", "self.width = 1", ""),
        ("self.width = 1\nself.", "width = 1", None),
        ("", "f(\n    first,\n)\ng(\n)", None),
        ("", "one_line = 1\ntwo_lines = 2\none_line = 1\n", "one_line = 1\ntwo_lines = 2"),
    ],
)
def test_a_text_that_repeats_itself_ends_before_it(before: str, written: str, kept: str | None) -> None:
    end = end_of_repetition(before, written)
    assert (None if end is None else written[:end]) == kept


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("logger.log.log.log", "logger.log"),
        ("a.b.a.b.a.b.", "a.b."),
        ("(b, " + "str, " * 19 + "str", "(b, str, str"),
        ("x = 1, 1, 1", "x = 1, 1, 1"),
        ("(((", "((("),
        ("        ", "        "),
        ("abcabc", "abcabc"),
    ],
)
def test_a_text_that_goes_round_in_circles_ends(written: str, kept: str | None) -> None:
    assert without_loop(written) == kept


def test_tabs_are_as_wide_as_python_counts_them() -> None:
    assert [indentation(line) for line in ("x", "  x", "\tx", "   \tx", "\t\tx", "")] == [0, 2, 8, 8, 16, 0]


@pytest.mark.parametrize(
    ("text", "offset", "automatic", "fragment"),
    [
        ("x = foo", 5, True, "inside a name"),
        ("x = foo", 5, False, "inside a name"),
        ("x = y z", 5, True, "code behind the cursor"),
        ("x = y z", 5, False, ""),
        ("f(x)", 3, True, ""),
        ("f(x))]}:", 3, True, ""),
        ("x = ", 4, True, ""),
        ("", 0, True, ""),
        ("x" + " " * 20_001, 20_002, True, "longer"),
    ],
)
def test_where_nothing_belongs_the_reason_says_so(text: str, offset: int, automatic: bool, fragment: str) -> None:
    found = refusal(text, offset, automatic=automatic)
    assert (fragment in found) if fragment else not found


@pytest.mark.parametrize(
    ("written", "after", "left"),
    [("x)", ")", "x"), ("x", ")", "x"), ('x")', '")', "x"), ("f(x))", "))", "f(x"), ("x", "", "x"), ("", ")", "")],
)
def test_nothing_is_written_twice(written: str, after: str, left: str) -> None:
    assert without_overlap(written, after) == left


@pytest.mark.parametrize(
    ("text", "existing", "shown"),
    [
        ("abc\u202edef", "", "abc"), ("a\tb\nc", "", "a\tb\nc"), ("a\x1b[31m", "", "a"), ("a\u200bb", "\u200b", "a\u200bb"),
        ("x\ufffd", "", "x"), ("été 名前", "", "été 名前"), ("a\r", "", "a"),
    ],
)  # fmt: skip
def test_what_cannot_be_seen_is_not_offered(text: str, existing: str, shown: str) -> None:
    assert printable(text, existing) == shown


@pytest.mark.parametrize(
    ("text", "kept"), [("x = foo.ba", "x = foo"), ("x = fo", "x ="), ("x = ", "x ="), ("f(", "f("), ("foo", ""), ("a.", "a")]
)
def test_a_text_broken_off_inside_a_name_loses_it(text: str, kept: str) -> None:
    assert without_last_word(text) == kept


def test_lines_around_the_cursor() -> None:
    assert line_of("a\nbc\r\nd", 3) == ("b", "c")
    assert line_of("a\rbc\rd", 3) == ("b", "c")
    assert line_of("", 0) == ("", "")


@given(st.text(alphabet="ab\n", max_size=400), st.integers(4, 80))
def test_the_window_begins_within_its_length_and_moves_rarely(text: str, length: int) -> None:
    starts = [window_start(text, end, length) for end in range(len(text) + 1)]
    assert all(end - start <= length for end, start in enumerate(starts))
    assert starts == sorted(starts)
    assert len(set(starts)) <= 2 + len(text) // max(1, length // 4)


@pytest.mark.parametrize(
    ("text", "begin"),
    [("f(na", 2), ("f(name=", 2), ("f(name = ", 2), ("f(", 2), ("x.y", 2), ("", 0), ("f(1", 3), ("é", 0), ("f(a, ", 5)],
)
def test_where_a_word_begins(text: str, begin: int) -> None:
    assert word_start(text) == begin


def test_in_a_string_all_of_it_is_the_word() -> None:
    assert word_start("f('utf-", in_string=True) == 3
