"""Where a text was edited lately, as it is edited on, and what lines around it make a chunk."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.monitors.edits import MOST_LINES, REGIONS, Chunk, Edits, Region, block, changed, shown_path

TEXT = st.text("ab \n", max_size=40)
SCRIPT = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 12), st.text("ab \n", max_size=8)), max_size=8)


def numbered(count: int) -> str:
    return "".join(f"line {number}\n" for number in range(count))


def spans(edits: Edits) -> list[str]:
    """The lines of each region, the latest first."""
    return [edits.text[region.start : region.end] for region in edits.regions]


@given(TEXT, TEXT)
@settings(deadline=None)
def test_what_changed_makes_the_new_text_of_the_old_one(old: str, new: str) -> None:
    start, old_end, new_end = changed(old, new)
    assert old[:start] + new[start:new_end] + old[old_end:] == new
    assert start <= min(old_end, new_end)
    if old != new:  # and it is no more than that
        assert old[start : start + 1] != new[start : start + 1] or start in (old_end, new_end)


@given(TEXT, SCRIPT)
@settings(max_examples=150, deadline=None)
def test_regions_are_whole_lines_apart_from_each_other(text: str, script: list[tuple[int, int, str]]) -> None:
    edits = Edits(text)
    for at, (offset, length, new) in enumerate(script):
        before, text = edits, text[:offset] + new + text[offset + length :]
        edits = edits.after(text, at)
        assert edits.text == text
        if text != before.text:
            start, _, new_end = changed(before.text, text)
            assert edits.regions[0].start <= start
            assert new_end <= edits.regions[0].end
        ordered = sorted(edits.regions, key=lambda region: region.start)
        for region in ordered:
            assert 0 <= region.start <= region.end <= len(text)
            assert region.start == 0 or text[region.start - 1] == "\n"
            assert region.end == len(text) or text[region.end] == "\n"
        for one, other in pairwise(ordered):
            assert one.end < other.start


def test_the_latest_comes_first_and_moves_with_the_text() -> None:
    edits = Edits(numbered(40))
    edits = edits.after(edits.text.replace("line 30\n", "thirty\n"), 1)
    edits = edits.after(edits.text.replace("line 10\n", "ten\nand more\n"), 2)
    assert spans(edits) == ["ten\nand more", "thirty"]
    edits = edits.after("new\n" + edits.text, 3)
    assert spans(edits) == ["new\nline 0", "ten\nand more", "thirty"]
    assert edits.after(edits.text, 4) is edits


def test_edits_of_neighbouring_lines_are_one_region_and_one_place() -> None:
    edits = Edits(numbered(40)).after(numbered(40).replace("line 10\n", "line ten\n"), 1)
    assert edits.places == 1
    edits = edits.after(edits.text.replace("line 13\n", "line thirteen\n"), 2)
    assert spans(edits) == ["line ten\nline 11\nline 12\nline thirteen"]
    assert edits.places == 1
    edits = edits.after(edits.text.replace("line 30\n", "line thirty\n"), 3)
    assert edits.places == 2
    back = edits.after(edits.text.replace("line 11\n", "line eleven\n"), 4)
    assert [span.split("\n")[0] for span in spans(back)] == ["line ten", "line thirty"]
    assert back.places == 3


def test_what_was_deleted_is_no_region_of_its_own() -> None:
    edits = Edits(numbered(20)).after(numbered(20).replace("line 10\n", "line ten\n"), 1)
    edits = edits.after(edits.text.replace("line 8\nline 9\nline ten\nline 11\n", ""), 2)
    assert spans(edits) == ["line 12"]


def test_only_the_latest_regions_are_kept() -> None:
    edits = Edits(numbered(400))
    for number in range(0, 400, 10):
        edits = edits.after(edits.text.replace(f"line {number}\n", f"LINE {number}\n"), number)
    assert len(edits.regions) == REGIONS
    assert spans(edits)[0] == "LINE 390"


def test_what_nobody_typed_is_no_region_and_what_it_left_alone_stays() -> None:
    edits = Edits(numbered(300))
    for at, number in enumerate((5, 150, 250)):
        edits = edits.after(edits.text.replace(f"line {number}\n", f"LINE {number}\n"), at)
    formatted = edits.text.replace("line 6\n", "  line 6\n").replace("LINE 150", "  LINE  150").replace("line 290\n", "\n")
    after = edits.after(formatted, 3)
    assert changed(edits.text, formatted)[1] - changed(edits.text, formatted)[0] > 6 * MOST_LINES
    assert spans(after) == ["LINE 250", "LINE 5"]
    assert after.places == edits.places + 1


SOURCE = '''\
import os


class Shelf:
    """A shelf."""

    def put(self, book):
        for place in self.places:
            if place.free:
                place.book = book
                break

    def take(self, name):
        return self.found(name)


LIMIT = 3
'''


@pytest.mark.parametrize(
    ("line", "most", "first", "last"),
    [
        ("                place.book = book", 600, "class Shelf:", "        return self.found(name)"),
        ("                place.book = book", 145, "    def put(self, book):", "                break"),
        ("                place.book = book", 90, "            if place.free:", "                break"),
        ("                place.book = book", 40, "                place.book = book", "                place.book = book"),
        ("    def take(self, name):", 80, "    def take(self, name):", "        return self.found(name)"),
        ("LIMIT = 3", 600, "LIMIT = 3", "LIMIT = 3"),
        ("import os", 600, "import os", "import os"),
    ],
)
def test_a_chunk_has_the_heads_of_its_blocks_as_far_as_they_fit(line: str, most: int, first: str, last: str) -> None:
    begin = SOURCE.index(line)
    start, end = block(SOURCE, Region(begin, begin + len(line), 1), most)
    lines = SOURCE[start:end].split("\n")
    assert (lines[0], lines[-1]) == (first, last)
    assert end - start <= most


def test_of_a_long_region_the_last_lines_are_taken() -> None:
    text = numbered(30)
    start, end = block(text, Region(0, len(text) - 1, 1), 20)
    assert text[start:end] == "line 28\nline 29"
    assert block("x" * 100, Region(0, 100, 1), 20) == (0, 0)


@given(TEXT, st.integers(0, 40), st.integers(0, 40), st.integers(1, 30))
@settings(deadline=None)
def test_a_chunk_is_whole_lines_and_never_too_long(text: str, offset: int, length: int, most: int) -> None:
    begin = text.rfind("\n", 0, min(offset, len(text))) + 1
    found = text.find("\n", min(offset + length, len(text)))
    region = Region(begin, len(text) if found < 0 else found, 1)
    start, end = block(text, region, most)
    assert end - start <= most
    if (start, end) != (0, 0):
        assert start == 0 or text[start - 1] == "\n"
        assert end == len(text) or text[end] == "\n"


def test_records_show_no_text() -> None:
    edits = Edits("secret = 1\n").after("secret = 12\n", 1)
    assert "secret" not in repr(edits)
    assert "secret" not in repr(Chunk("a.py", "secret = 12"))


def test_a_file_is_named_within_its_project(tmp_path: Path) -> None:
    root = str(tmp_path)
    assert shown_path(str(tmp_path / "shop" / "stock.py"), root) == "shop/stock.py"
    assert shown_path(str(tmp_path.parent / "elsewhere" / "stock.py"), root) == "stock.py"
    assert shown_path("untitled:1", "") == "untitled:1"
