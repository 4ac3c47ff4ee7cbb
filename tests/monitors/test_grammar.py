"""An offer never leaves a line that does not parse with what follows it, where there is a way to avoid that."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.monitors.grammar import (
    can_be_finished,
    ends_its_line,
    is_balanced,
    is_indented_right,
    longest_end,
    parses,
)


@pytest.mark.parametrize(
    ("before", "written", "after", "whole"),
    [
        ("x = ", "f(1)", "\ny = 2\n", True),
        ("x = ", "f(1", "\ny = 2\n", False),
        ("x = f(", "1", ")\n", True),
        ("x = f(", "1)", ")\n", False),
        ("if not path.", "exists():", "\n    return []\n", True),
        ("if not path.", "exists()", "\n    return []\n", False),
        ("def broken(:\n    pass\n\nx = ", "1", "\n", True),
        ("x = ", "'abc", "\n", False),
        ("x = ", "a if b else", "\n", False),
        ("@", "dataclass", "\nclass A:\n    pass\n", True),
        ("return ", "x", "", True),
        ("for x in ", "range(3):", "\n    pass\n", True),
        ("try:\n    ", "pass", "\nexcept E:\n    pass\n", True),
        ("x = [\n    ", "1,", "\n]\n", True),
        ("f(a, ", "b=1", ")", True),
        ("😀 = 1\nx = '😀' + ", "y", "\n", True),
    ],
)
def test_whether_the_lines_written_into_parse(before: str, written: str, after: str, whole: bool) -> None:
    assert parses(before, written, after) is whole


@pytest.mark.parametrize(
    ("before", "written", "closers", "balanced"),
    [
        ("x = ", "f(", "", False),
        ("x = ", "f(", ")", True),
        ("x = f(", "a)", "", True),
        ("x = ", "'(", "", False),
        ("x = ", "'('", "", True),
        ("x = ", "f(]", "", False),
        ("x = ", "f'{a}'", "", True),
        ("x = ", "f'{a", "", False),
        ("# ", "f(", "", True),
        ("x = ", "y  # (", "", False),
    ],
)
def test_balance(before: str, written: str, closers: str, balanced: bool) -> None:
    assert is_balanced(before, written, closers) is balanced


@pytest.mark.parametrize(
    ("before", "written", "after", "ends", "kept"),
    [
        ("x = ", "foo(a).bar(", "\n", [3, 4, 5, 6, 10, 11], "foo(a).bar"),
        ("if ", "not path.startswith(\"", "\n    pass\n", [3, 8, 9, 19, 21], "not path.startswith"),
        ("x = f(", "a, b", ")\n", [1, 2, 4], "a, b"),
        ("x = ", "(", "\n", [1], ""),
        ("x = ", "= = a", "\n", [1, 3, 5], ""),
        ("", "x = a +", "\ny\n", [1, 3, 5, 7], "x = a"),
        ("    e", "lse", "\n    x\n", [3], ""),
        ("s = a\nse", "rve[", "\nself.order = order\n", [3, 4], "rve"),
        ("import copy\n", "        if a:", "\nimport inspect\n", [10, 13], ""),
    ],
)
def test_the_longest_end_that_is_whole(before: str, written: str, after: str, ends: list[int], kept: str) -> None:
    assert written[: longest_end(before, written, after, ends)] == kept


@pytest.mark.parametrize(
    ("before", "written", "after", "possible"),
    [
        ("x = foo(", "a", "\ny = 1\n", True),
        ("x = foo(", "a = =", "\ny = 1\n", False),
        ("x = foo(bar(", "a", ")\ny = 1\n", True),
        ("if ", "a.b", "\n    y = 1\n", True),
        ("while a and ", "b", "\n", True),
        ("if ", "a b", "\n    y = 1\n", False),
        ("@", "wraps(f)", "\n", True),
        ("def f(a, ", "b", "\n    pass\n", True),
        ("x = ", "a b", "\n", False),
        ("    ", "return a", "\n        b()\n", False),
        ("x = ]\ny = ", "a", "\nz = )\n", True),
        ("def broken(:\n    pass\nx = ", "a b", "\n", False),
    ],
)
def test_whether_a_person_can_finish_the_line(before: str, written: str, after: str, possible: bool) -> None:
    assert can_be_finished(before, written, after) is possible


@pytest.mark.parametrize(
    ("before", "written", "after", "ends"),
    [
        ("x ", "=", "\ny = 1\n", False),
        ("x = ", "1", "\ny = 1\n", True),
        ("return ", "a and", "\nb\n", False),
        ("return (", "a and", "\nb)\n", True),
        ("if ", "a:", "\n    b\n", True),
        ("@", "a", "\ndef f(): pass\n", True),
        ("x = ", "1 + \\", "\n2\n", False),
        ("er", "r:", "\nif x:\n    pass\n", False),
        ("if ", "x:  # why", "\n    pass\n", True),
        ("import ", "os,", "\n", False),
        ("from typing import ", "Any,", "\n", False),
        ("raise ", "ValueError,", "\n", False),
        ("from typing import (\n    ", "Any,", "\n)\n", True),
        ("del ", "x,", "\n", True),
        ("important = ", "x,", "\n", True),
    ],
)
def test_whether_a_statement_ends_with_its_line(before: str, written: str, after: str, ends: bool) -> None:
    assert ends_its_line(before, written, after) is ends


@pytest.mark.parametrize(
    ("before", "written", "right"),
    [
        ("", "x", True),
        ("", "  x", False),
        ("x = 1\n", "  y", False),
        ("x = 1\n  ", "y", False),
        ("if x:\n", "  y", True),
        ("if x:  # why\n", "  y", True),
        ("if x:\n    y\n", "z", True),
        ("if x:\n    y\n", "    z", True),
        ("if x:\n    y\n", "  z", False),
        ("if x:\n    y\n\n\n", "    z", True),
        ("if x:\n    y\n# note\n", "    z", True),
        ("x = [\n", "        1,", True),
        ("x = [\n    1,\n    2]\n", "y", True),
        ("def f():\n    x = [\n1]\n", "    y", True),
        ("x = \\\n", "        1", True),
        ('def f():\n    """Text\nmore\n    """\n', "    y", True),
        ("class A:\n\tdef f(self):\n\t\tpass\n", "\tdef g(self):", True),
        ("a\r\nif x:\r\n", "    y", True),
    ],
)
def test_how_deep_a_line_may_begin(before: str, written: str, right: bool) -> None:
    assert is_indented_right(before, written) is right


@given(st.text(alphabet="ab()[]{}'\"\n :,.#=😀", max_size=30), st.text(alphabet="a(b)'\n", max_size=12))
def test_no_text_makes_it_raise_and_the_end_is_one_of_those_offered(written: str, after: str) -> None:
    ends = list(range(1, len(written) + 1))
    assert longest_end("x = ", written, after, ends) in [0, *ends]
