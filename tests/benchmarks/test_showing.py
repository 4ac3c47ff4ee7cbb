"""What the benchmark of ghost text counts as taken, and where it puts the cursor."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from .loading import load

for name in ("dots_dataset", "dots_gate", "dots_metrics", "machine"):
    load(name)
pauses = load("showing_pauses")
showing = load("showing")


@pytest.mark.parametrize(
    ("written", "truth", "right"),
    [
        ("host", "host", True),
        ("host", "host(arr)", True),
        ("host(", "host(arr)", True),
        ("host", "host_name", False),
        ("hosts", "host(arr)", False),
        ("host(arr)", "host", False),
        (")", "))", True),
        ("x = ", "x = 1", True),
    ],
)
def test_a_text_is_taken_when_the_file_has_it_to_the_letter(written: str, truth: str, right: bool) -> None:
    assert pauses.is_right(written, truth) is right


TEXT = '''\
"""A module."""


class Store:
    def size(self, unit):
        total = sum(self.parts)  # in bytes
        return total.bit_length(unit)

    def clear(self):
        self.parts.clear()
'''


def test_places_are_in_code_by_kind() -> None:
    places = pauses.places_of(pauses.Source("a.py", TEXT))
    behind = {kind: {TEXT[offset:].split("\n")[0] for offset in found} for kind, found in places.items()}
    assert behind["dot"] == {"parts)  # in bytes", "bit_length(unit)", "parts.clear()", "clear()"}
    assert "return total.bit_length(unit)" in behind["line"]
    assert {"self.parts)  # in bytes", "total.bit_length(unit)", "unit)"} <= behind["argument"]
    assert not any(line.startswith(('"""', "#")) for lines in behind.values() for line in lines)


@pytest.mark.parametrize("seed", range(20))
def test_what_stands_behind_the_cursor_is_the_file_or_what_follows_the_block(seed: int) -> None:
    offset = TEXT.index("sum(")
    pause = pauses.cut(Path("/p"), "shop", pauses.Source("a.py", TEXT), offset, random.Random(seed))
    before, behind = pause.document.text[:offset], pause.document.text[offset:]
    assert before == TEXT[:offset]
    assert pause.truth == "sum(self.parts)  # in bytes"
    rest = TEXT[TEXT.index("\n        return") :]
    assert behind in (rest, TEXT[TEXT.index("\n\n    def clear") + 1 :])


def texts(*rows: tuple[str, bool, float, float]) -> list[Any]:
    return [showing.Text("shop", *row) for row in rows]


def test_the_other_rule_shows_as_many_texts_the_most_confident_ones() -> None:
    whole = texts(("a", True, 0.5, 0.7), ("", False, 0.0, 0.0), ("b", True, 0.1, 0.9), ("c", False, 0.2, 0.8))
    assert [text.text for text in showing.as_many(whole, 2)] == ["", "", "b", "c"]
    assert not showing.as_many(whole, 2)[0].right


def test_taken_are_shares_of_what_is_shown_and_characters_of_all_places() -> None:
    share, length = showing.taken(texts(("four", True, 1, 1), ("", False, 0, 0), ("xy", False, 1, 1), ("", False, 0, 0)))
    assert (share.mean, length.mean) == (0.5, 1.0)


def test_the_calibration_error_is_the_distance_of_what_was_said_from_what_was_right() -> None:
    first = texts(("a", True, 0.95, 1), ("b", False, 0.15, 1))
    again = texts(("a", True, 0.95, 1), ("other", True, 0.15, 1))
    rows, error = showing.reliability({0.0: first, 0.5: again})
    assert rows == [(2, pytest.approx(0.15), 0.5), (1, pytest.approx(0.95), 1.0)]
    assert error == pytest.approx((2 * 0.35 + 0.05) / 3)
