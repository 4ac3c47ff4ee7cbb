"""The document text equals what the specification says, for every edit in every encoding."""

import random
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.server import text as text_module
from fairlead.server.text import Encoding, Range, Text, content_length

ENCODINGS: tuple[Encoding, ...] = ("utf-8", "utf-16", "utf-32")
ODD_SEPARATORS = "\v\f\x1c\x1d\x1e\x85\u2028\u2029"
ALPHABETS = {
    "ascii": "ab (x",
    "bmp": "éß漢字ñ",
    "astral": "😀𝒳🐍a",
    "joining": "e\u0301\u200d👩\ufeff\u202e",
    "odd": ODD_SEPARATORS + "a",
}
ENDINGS = {"lf": "\n", "crlf": "\r\n", "cr": "\r", "mixed": "\n\r\n\r"}


# The oracle: the specification and nothing else. It knows text and offsets, no list of lines.


def oracle_lines(text: str) -> list[tuple[int, int]]:
    """Start and end (before the ending) of each line."""
    spans, start = [], 0
    for ending in re.finditer(r"\r\n|\n|\r", text):
        spans.append((start, ending.start()))
        start = ending.end()
    return [*spans, (start, len(text))]


def oracle_units(character: str, encoding: Encoding) -> int:
    code = ord(character)
    if encoding == "utf-8":
        return 1 + (code > 0x7F) + (code > 0x7FF) + (code > 0xFFFF)
    return 1 + (code > 0xFFFF and encoding == "utf-16")


def oracle_offset(text: str, line0: int, character: int, encoding: Encoding) -> int:
    spans = oracle_lines(text)
    if line0 >= len(spans):
        return len(text)
    at, end = spans[line0]
    counted = 0
    while at < end and counted < character:
        counted += oracle_units(text[at], encoding)
        at += 1
    return at


def oracle_apply(text: str, lsp_range: Range | None, new: str, encoding: Encoding) -> str:
    if lsp_range is None:
        return new
    start, end = (oracle_offset(text, line0, character, encoding) for line0, character in sorted(lsp_range))
    return text[:start] + new + text[end:]


# Random edits, for hypothesis and for the mutants.


def random_text(rng: random.Random, alphabet: str, ending: str, longest: int) -> str:
    pieces = []
    for _ in range(rng.randrange(longest)):
        is_ending = rng.random() < 0.25
        pieces.append(rng.choice([ending] if ending == "\r\n" else ending) if is_ending else rng.choice(alphabet))
        if rng.random() < 0.03:
            pieces.append(rng.choice(ODD_SEPARATORS))
    return "".join(pieces)


def random_position(rng: random.Random, text: str, encoding: Encoding) -> tuple[int, int]:
    """In the text, but for one in five, which is past the end of a line or of the text."""
    spans = oracle_lines(text)
    line0 = rng.randrange(len(spans))
    start, end = spans[line0]
    width = sum(oracle_units(c, encoding) for c in text[start:end])
    if rng.random() < 0.8:
        return line0, rng.randint(0, width)
    if rng.random() < 0.5:
        return line0, width + rng.randint(1, 9)
    return len(spans) + rng.randrange(3), rng.randrange(9)


def differences(seed: int, encoding: Encoding, messages: int, kind: type[Text] = Text) -> list[str]:
    """What differs from the oracle after random edits; empty when nothing does."""
    rng = random.Random(seed)
    alphabet, ending = rng.choice(list(ALPHABETS.values())), rng.choice(list(ENDINGS.values()))
    expected = random_text(rng, alphabet, ending, 60)
    ours = kind(expected)
    for message in range(messages):
        for _ in range(rng.randint(1, 4)):
            new = random_text(rng, alphabet, ending, 6)
            lsp_range = None
            if rng.random() > 0.02:
                lsp_range = (random_position(rng, expected, encoding), random_position(rng, expected, encoding))
            expected = oracle_apply(expected, lsp_range, new, encoding)
            ours.apply(lsp_range, new, encoding)
        where = f"seed {seed}, {encoding}, message {message}"
        if ours.joined() != expected:
            return [f"{where}: {ours.joined()!r} is not {expected!r}"]
        spans = oracle_lines(expected)
        if (ours.line_count, len(ours)) != (len(spans), len(expected)):
            return [f"{where}: {ours.line_count} lines, not {len(spans)}"]
        if ours.has_lone_cr != bool(re.search(r"\r(?!\n)", expected)):
            return [f"{where}: has_lone_cr is {ours.has_lone_cr}"]
        for _ in range(3):
            position = random_position(rng, expected, encoding)
            offset = oracle_offset(expected, *position, encoding)
            if ours.offset(*position, encoding) != offset:
                return [f"{where}: offset of {position} is {ours.offset(*position, encoding)}, not {offset}"]
            line0, character = ours.position(offset, encoding)
            start, end = spans[line0]
            if oracle_offset(expected, line0, character, encoding) != offset or not start <= offset <= end:
                return [f"{where}: position of {offset} is {(line0, character)}"]
    return []


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_random_edits_give_the_text_of_the_specification(
    encoding: Encoding, form: Callable[..., int], figure: Callable[[str, str], None]
) -> None:
    count = form(60, 2_500, 40_000)
    assert [found for seed in range(count) for found in differences(seed, encoding, 25)] == []
    figure("T1", f"{encoding}: {count * 25:,} messages of one to five random edits, 0 differences")


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(ENCODINGS), st.integers(1, 8))
def test_random_edits_of_any_seed(seed: int, encoding: Encoding, messages: int) -> None:
    assert differences(seed, encoding, messages) == []


_ANY_TEXT = st.text(st.sampled_from("a😀é\n\r\f\x85\u2028" + "\ufeff"), max_size=12)
_ANY_POSITION = st.tuples(st.integers(0, 6), st.integers(0, 15))


@settings(max_examples=300, deadline=None)
@given(_ANY_TEXT, st.sampled_from(ENCODINGS), st.lists(st.tuples(_ANY_POSITION, _ANY_POSITION, _ANY_TEXT), max_size=5))
def test_small_edits_that_hypothesis_can_shrink(
    text: str, encoding: Encoding, edits: list[tuple[tuple[int, int], tuple[int, int], str]]
) -> None:
    ours, expected = Text(text), text
    for start, end, new in edits:
        ours.apply((start, end), new, encoding)
        expected = oracle_apply(expected, (start, end), new, encoding)
        assert ours.joined() == expected
        assert ours.line_count == len(oracle_lines(expected))
        assert "".join(ours.line(line0) for line0 in range(ours.line_count)) == expected


@settings(max_examples=100, deadline=None)
@given(_ANY_TEXT, st.sampled_from(ENCODINGS))
def test_position_and_offset_are_inverse_outside_endings(text: str, encoding: Encoding) -> None:
    ours = Text(text)
    for start, end in oracle_lines(text):
        for offset in range(start, end + 1):
            assert ours.offset(*ours.position(offset, encoding), encoding) == offset


# The laws bite.


def test_a_text_that_splits_like_python_fails_the_law(monkeypatch: pytest.MonkeyPatch) -> None:
    def split_like_python(text: str) -> list[str]:
        lines = text.splitlines(keepends=True)
        return lines if lines and lines[-1].splitlines()[0] == lines[-1] else [*lines, ""]

    monkeypatch.setattr(text_module, "split_lines", split_like_python)
    assert any(differences(seed, "utf-16", 25) for seed in range(20))


def test_a_text_that_clamps_before_the_last_character_fails_the_law(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_module, "content_length", lambda line: max(0, content_length(line) - 1))
    assert any(differences(seed, "utf-16", 25) for seed in range(20))


def test_a_text_that_splits_a_pair_differently_fails_the_law(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_module, "index_in", lambda line, character, _: min(character, content_length(line)))
    assert any(differences(seed, "utf-16", 25) for seed in range(40))
    assert any(differences(seed, "utf-8", 25) for seed in range(40))


# Cases by hand. U is {"utf-8": …, "utf-16": …, "utf-32": …} where the encodings differ.


def U(utf8: Any, utf16: Any, utf32: Any) -> dict[str, Any]:
    return {"utf-8": utf8, "utf-16": utf16, "utf-32": utf32}


def inserted(text: str, line0: int, character: int, encoding: Encoding, new: str = "X") -> str:
    ours = Text(text)
    ours.apply(((line0, character), (line0, character)), new, encoding)
    return ours.joined()


INSERTIONS: list[tuple[str, str, int, Any, str]] = [
    ("empty file", "", 0, 0, "X"),
    ("past the end of an empty file", "", 7, 7, "X"),
    ("start", "abc", 0, 0, "Xabc"),
    ("end without a newline", "abc", 0, 3, "abcX"),
    ("past the end of the last line", "a\nbcd", 1, 99, "a\nbcdX"),
    ("past the last line", "a\nbcd", 9, 0, "a\nbcdX"),
    ("the line after the last newline", "abc\n", 1, 0, "abc\nX"),
    ("past the end is before \\n", "abc\nz", 0, 99, "abcX\nz"),
    ("past the end is before \\r\\n", "abc\r\nz", 0, 4, "abcX\r\nz"),
    ("far past the end is before \\r\\n", "abc\r\nz", 0, 99, "abcX\r\nz"),
    ("past the end is before a lone \\r", "abc\rz", 0, 99, "abcX\rz"),
    ("a lone \\r ends a line", "abc\rz", 1, 0, "abc\rXz"),
    ("blank lines in crlf", "\r\n\r\n", 1, 5, "\r\nX\r\n"),
    ("form feed is no line", "a\fb\nc", 1, 0, "a\fb\nXc"),
    ("U+2028 is no line", "a\u2028b\nc", 1, 0, "a\u2028b\nXc"),
    ("NEL, VT, FS to RS are no lines", "\x85\v\x1c\x1d\x1e\nc", 1, 1, "\x85\v\x1c\x1d\x1e\ncX"),
    ("BOM is a character", "\ufeffa", 0, U(3, 1, 1), "\ufeffXa"),
    ("after an emoji", "a😀b", 0, U(5, 3, 2), "a😀Xb"),
    ("inside an emoji is after it", "a😀b", 0, U(2, 2, 2), "a😀Xb"),
    ("deep inside an emoji is after it", "a😀b", 0, U(4, 2, 2), "a😀Xb"),
    ("after a CJK identifier", "漢字=1", 0, U(6, 2, 2), "漢字X=1"),
    ("inside a CJK character is after it", "漢字", 0, U(1, 1, 1), "漢X字"),
    ("past the end after an emoji", "😀\r\n", 0, 50, "😀X\r\n"),
]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(("name", "text", "line0", "character", "expected"), INSERTIONS, ids=[c[0] for c in INSERTIONS])
def test_insertion_by_hand(
    name: str, text: str, line0: int, character: Any, expected: str, encoding: Encoding
) -> None:
    at = character[encoding] if isinstance(character, dict) else character
    assert inserted(text, line0, at, encoding) == expected


@pytest.mark.parametrize(
    ("name", "text", "lsp_range", "new", "expected", "lines"),
    [
        ("delete a newline", "a\nb", ((0, 1), (1, 0)), "", "ab", 1),
        ("delete crlf", "a\r\nb", ((0, 1), (1, 0)), "", "ab", 1),
        ("delete everything past both ends", "a\r\nb", ((0, 0), (99, 99)), "", "", 1),
        ("\\n after a lone \\r makes one ending", "a\rb", ((1, 0), (1, 0)), "\n", "a\r\nb", 2),
        ("\\n typed in a text after a lone \\r", "a\r", ((1, 0), (1, 0)), "\nc", "a\r\nc", 2),
        ("text between \\r and \\n removed", "a\rX\nb", ((1, 0), (1, 1)), "", "a\r\nb", 2),
        ("\\r before \\n makes one ending", "a\nb", ((0, 1), (0, 1)), "\r", "a\r\nb", 2),
        ("start and end swapped", "abc", ((0, 2), (0, 1)), "X", "aXc", 1),
        ("several lines at once", "a\nb\nc\n", ((0, 1), (2, 0)), "1\r\n2\n3", "a1\r\n2\n3c\n", 4),
        ("everything by no range", "abc\n", None, "x\r\ny", "x\r\ny", 2),
    ],
)
def test_edit_by_hand(name: str, text: str, lsp_range: Range | None, new: str, expected: str, lines: int) -> None:
    for encoding in ENCODINGS:
        ours = Text(text)
        ours.apply(lsp_range, new, encoding)
        assert ours.joined() == expected
        assert ours.line_count == lines
        assert len(ours) == len(expected)


@pytest.mark.parametrize(
    ("text", "offset", "expected"),
    [
        ("", 0, U((0, 0), (0, 0), (0, 0))),
        ("abc", 3, U((0, 3), (0, 3), (0, 3))),
        ("abc", 99, U((0, 3), (0, 3), (0, 3))),
        ("abc", -1, U((0, 0), (0, 0), (0, 0))),
        ("abc\n", 4, U((1, 0), (1, 0), (1, 0))),
        ("abc\r\nd", 4, U((0, 3), (0, 3), (0, 3))),
        ("abc\r\nd", 5, U((1, 0), (1, 0), (1, 0))),
        ("\ufeffx😀y", 4, U((0, 9), (0, 5), (0, 4))),
        ("x\n漢😀y", 5, U((1, 8), (1, 4), (1, 3))),
    ],
)
def test_position_by_hand(text: str, offset: int, expected: dict[Encoding, tuple[int, int]]) -> None:
    assert {encoding: Text(text).position(offset, encoding) for encoding in ENCODINGS} == expected


def test_halves_of_a_pair_sent_in_two_edits_become_one_character() -> None:
    ours = Text("ab")
    ours.apply(((0, 1), (0, 1)), "\ud83d", "utf-16")
    assert ours.joined() == "a\ud83db"
    assert ours.clean() == "a�b"
    ours.apply(((0, 2), (0, 2)), "\ude00", "utf-16")
    assert ours.joined() == ours.clean() == "a😀b"
    assert (len(ours), ours.offset(0, 3, "utf-16")) == (3, 2)


def test_halves_that_meet_by_a_deletion_become_one_character() -> None:
    ours = Text("\ud83d-\ude00")
    assert ours.clean() == "�-�"
    ours.apply(((0, 1), (0, 2)), "", "utf-16")
    assert ours.joined() == "😀"


def test_clean_text_can_be_encoded_and_keeps_every_offset() -> None:
    ours = Text("a\udc00b\n\ud800\n😀")
    assert len(ours.clean()) == len(ours.joined())
    assert ours.clean().encode() == "a�b\n�\n😀".encode()


def test_repr_shows_no_text() -> None:
    assert "secret" not in repr(Text("secret\n"))
    assert repr(Text("secret\n")) == "<Text of 7 code points on 2 lines>"


def test_first_difference_is_a_line_number() -> None:
    assert Text("a\nb\nc").first_difference(Text("a\nX\nc")) == 1
    assert Text("a\nb").first_difference(Text("a\nb\nc")) == 1
    assert Text("a\n").first_difference(Text("a\nb\nc")) == 1
    assert Text("a").first_difference(Text("a")) == 1
