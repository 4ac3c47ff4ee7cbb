"""Where strings and comments are, in text that need not be valid."""

from __future__ import annotations

import io
import re
import tokenize
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.monitors.laws import texts
from fairlead.monitors.lexical import Scan, scan
from fairlead.monitors.running import Lexer

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("x▮", "code"),
        ("# x▮", "comment"),
        ("#▮", "comment"),
        ("x  # y\n▮", "code"),
        ("'x▮'", "string"),
        ("'x'▮", "code"),
        ("'x▮", "string"),
        ("'x\n▮", "code"),
        ("'''x\n▮", "string"),
        ("'''x'''▮", "code"),
        ("'''x''▮", "string"),
        ("''▮", "code"),
        ("''''''▮", "code"),
        ("r'\\'▮", "string"),
        ("'\\'▮", "string"),
        ("'a\\\n▮b'", "string"),
        ("f'{x▮}'", "code"),
        ("f'{x}▮'", "string"),
        ("f'{{x▮}}'", "string"),
        ("f'{x!r:>{w▮}}'", "code"),
        ("f'{x:▮}'", "string"),
        ("f'{d[\"a\"]▮}'", "code"),
        ("f'{\"a▮\"}'", "string"),
        ("f'{x▮", "code"),
        ("f'''{\nx▮}'''", "code"),
        ("b'x▮'", "string"),
        ("xf'x▮'", "string"),
        ("3.▮", "number"),
        ("0x1F▮", "number"),
        ("1e5▮", "number"),
        ("1.5j▮", "number"),
        ("x3▮", "code"),
        ("1.5.▮", "code"),
    ],
)
def test_kinds_of_text(text: str, where: str) -> None:
    offset = text.index("▮")
    assert scan(text.replace("▮", "")).where(offset) == where


def python_strings_and_comments(source: str) -> list[tuple[int, int]]:
    """What Python's own tokenizer finds; f-strings joined, as they are one token before 3.12."""
    starts = [0, *(match.end() for match in re.finditer("\n", source))]
    found: list[tuple[int, int]] = []
    open_at: list[int] = []
    for token in tokenize.generate_tokens(io.StringIO(source, newline="").readline):
        start = starts[token.start[0] - 1] + token.start[1]
        end = starts[token.end[0] - 1] + token.end[1]
        name = tokenize.tok_name[token.type]
        if name == "FSTRING_START":
            open_at.append(start)
        elif name == "FSTRING_END":
            start = open_at.pop()
            if not open_at:
                found.append((start, end))
        elif name in ("STRING", "COMMENT") and not open_at:
            found.append((start, end))
    return found


@pytest.mark.parametrize("path", sorted(ROOT.glob("monitors/*.py")), ids=lambda path: path.name)
def test_agrees_with_python_on_valid_files(path: Path) -> None:
    source = path.read_text("utf-8")
    assert [(span.start, span.end) for span in scan(source).spans] == python_strings_and_comments(source)


def fresh(text: str) -> Scan:
    from fairlead.monitors import lexical

    lexical._recent.clear()
    return scan(text)


@settings(max_examples=200, deadline=None)
@given(before=texts, removed=texts, added=texts, after=texts)
def test_an_edit_gives_what_a_fresh_scan_gives(before: str, removed: str, added: str, after: str) -> None:
    scan(before + removed + after)
    edited = scan(before + added + after).spans
    assert edited == fresh(before + added + after).spans


@settings(max_examples=200, deadline=None)
@given(text=st.text(alphabet="ab.'\"\\{}#\n fr0:!()[]", max_size=40))
def test_never_raises_and_spans_are_in_order(text: str) -> None:
    found = scan(text)
    at = 0
    for span in found.spans:
        assert at <= span.start < span.end <= len(text)
        at = span.end
    for offset in range(len(text) + 1):
        found.where(offset)
        found.lexer_at(offset)


@settings(max_examples=150, deadline=None)
@given(a=texts, b=texts)
def test_the_running_lexer_steps(a: str, b: str) -> None:
    assert Lexer().run(a).run(b) == Lexer().run(a + b)


def test_a_keystroke_in_a_large_file_is_cheap() -> None:
    import time

    line = "    value = compute('text', other.name)  # a comment\n"
    large = "def f():\n" + line * 20_000
    scan(large)
    costs_s = []
    for typed in ("x", "xy", "xyz"):  # a busy machine is slow now and then, a walk over the whole text always
        started = time.process_time()
        scan(large + typed)
        costs_s.append(time.process_time() - started)
    assert min(costs_s) < 0.2
