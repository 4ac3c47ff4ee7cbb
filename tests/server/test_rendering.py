"""What others wrote is shown as it stands: nothing of it is active, and what is inserted is what was shown."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.decoding import stops
from fairlead.decoding.offer import Offer
from fairlead.monitors.analysis import Description, Document
from fairlead.server import render
from fairlead.server.offers import Offers
from fairlead.server.session import Ghost

HOSTILE = (
    "```", "````", "\n```\n", "~~~", "`", "---", "# head", "* item", "> quote", "[x](command:workbench.action.quit)",
    "![i](https://example.invalid/x.png)", "<img src=https://example.invalid/x>", "<script>", "https://example.invalid",
    "$CLIPBOARD", "${1:x}", "${TM_FILENAME}", "\\", "}", "\u202e", "\u2066", "\u200b", "\ufeff", "\x1b[31m", "\x00", "\r",
    "\r\n", "\n", "\t", "    ", "é", "🙂", "a", "|", "&amp;", "\u2028", "\x85", "\x0c",
)  # fmt: skip
texts = st.lists(st.sampled_from(HOSTILE), max_size=14).map("".join)


def outside_fences(markdown: str) -> list[str]:
    """The lines of Markdown that are not in a code fence, by CommonMark's rules; fences themselves are left out."""
    found, fence = [], ""
    for line in re.split(r"\r\n|\n|\r", markdown):
        closing = re.fullmatch(r" {0,3}(`{3,}|~{3,})[ \t]*", line)
        opening = re.fullmatch(r" {0,3}(`{3,})[^`]*|(~{3,}).*", line.removeprefix("   "))
        if fence:
            if closing is not None and closing[1].startswith(fence):
                fence = ""
        elif opening is not None:
            fence = opening[1] or opening[2]
        else:
            found.append(line)
    return found


def is_inert(markdown: str) -> bool:
    """Whether nothing but rules and empty lines is rendered, and nothing reorders or hides what is read."""
    unseen = [
        character for character in markdown
        if unicodedata.bidirectional(character) in ("RLO", "LRO", "RLE", "LRE", "PDF", "RLI", "LRI", "FSI", "PDI")
        or (unicodedata.category(character) == "Cc" and character not in "\n\t")
    ]  # fmt: skip
    return not unseen and all(line in ("", "---") for line in outside_fences(markdown))


@settings(max_examples=400, deadline=None)
@given(signature=texts, documentation=texts, believed=texts)
def test_nothing_that_authors_wrote_is_rendered(signature: str, documentation: str, believed: str) -> None:
    found = Description("x", signature=signature, documentation=documentation)
    assert is_inert(render.markup(found, True, believed).value)


def test_the_lines_outside_of_fences_are_seen() -> None:
    assert outside_fences("a\n```text\n[x](y)\n```\nb") == ["a", "b"]
    assert outside_fences("````\n```\n[x](y)\n````") == []
    assert outside_fences("```\n``` \n[x](y)") == ["[x](y)"]


def three(text: str, language: str) -> str:
    return f"```{language}\n{text}\n```"


def bare(text: str, language: str) -> str:
    return text


@pytest.mark.parametrize(
    ("name", "instead"), [("fenced", three), ("fenced", bare), ("plain", str)], ids=["three ticks", "no fence", "as it is"]
)
def test_a_hover_that_renders_what_authors_wrote_is_noticed(
    monkeypatch: pytest.MonkeyPatch, name: str, instead: Callable[..., str]
) -> None:
    monkeypatch.setattr(render, name, instead)
    documentation = "\u202e\n```\n[x](command:y)\n"
    assert not is_inert(render.markup(Description("x", documentation=documentation), True).value)


@settings(max_examples=300, deadline=None)
@given(text=texts)
def test_a_pop_up_is_one_line_without_links(text: str) -> None:
    said = render.message(text)
    assert "](" not in said
    assert "\n" not in said
    assert len(said) <= 500


def ghost(text: str) -> Ghost:
    document = Document("/p/a.py", "x = ")
    return Ghost(text, Offers().add(document, 4, Offer(text, 1.0, 1.0, "model", "end_of_line")))


EDIT_RANGE = {"start": {"line": 0, "character": 4}, "end": {"line": 0, "character": 4}}


def keys(value: Any) -> set[str]:
    """Every key in nested JSON."""
    if isinstance(value, dict):
        return set(value) | {key for one in value.values() for key in keys(one)}
    return {key for one in value for key in keys(one)} if isinstance(value, list) else set()


@settings(max_examples=300, deadline=None)
@given(text=texts, typed=st.sampled_from(["", "ab"]))
def test_what_is_inserted_is_what_was_shown_byte_for_byte(text: str, typed: str) -> None:
    shown = stops.printable(text)
    inline = render.inline_item(ghost(shown), typed, EDIT_RANGE)
    listed = render.ghost_item(ghost(shown), typed, EDIT_RANGE)
    assert inline["insertText"] == typed + shown
    assert listed["textEdit"]["newText"] == typed + shown
    # Plain text in every client: nothing says that it is a snippet, so `$` and `}` are letters.
    assert "insertTextFormat" not in keys([inline, listed])
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069\ufeff]", shown)


def test_what_the_model_writes_ends_where_it_would_hide_something(figure: Callable[[str, str], None]) -> None:
    assert stops.printable("x\u202ey") == "x"
    assert stops.printable("x\u202ey", existing="# \u202e") == "x\u202ey", "the file has it already"
    assert stops.printable("$CLIPBOARD ${1:x} \\}") == "$CLIPBOARD ${1:x} \\}"
    figure("S7", "1,000 hostile texts drawn by hypothesis: 0 links, images, commands or controls active; inserted = shown")
