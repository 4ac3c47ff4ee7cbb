"""The open brackets at a place, and what stands in them, read at once and followed character by character."""

from __future__ import annotations

import pytest

from fairlead.monitors.calls import Bracket, Calls, Site, calls_at


def followed(text: str) -> Calls:
    calls = Calls()
    for index, character in enumerate(text):
        calls = calls.step(character, Site("", len(text) - index - 1))
    return calls


def top(text: str) -> Bracket:
    found = calls_at(text, len(text)).top
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "positional", "keywords", "phase", "word"),
    [
        ("f(", 0, (), "empty", ""),
        ("f(a, b=", 1, (), "equals", "b"),
        ("f(a, b=1", 1, ("b",), "keyword", "b"),
        ("f(a == b, c", 1, (), "word", "c"),
        ("f(a, b=1, *c, **d, ", 1, ("b",), "empty", ""),
        ("f(lambda a, b=1: a, k", 1, (), "word", "k"),
        ("f(key=lambda a, b: a, k", 0, ("key",), "word", "k"),
        ("f(x for x, y in z", 0, (), "other", "x"),
        ("f(not x, None, -1, x.y, *", 4, (), "star", "*"),
        ("f(g(1, 2), [3, 4], {5: 6, 7: 8}, ", 3, (), "empty", ""),
        ("f('a, b(', \"c, d\", ", 2, (), "empty", ""),
        ("f('''x,\n y(''', ", 1, (), "empty", ""),
        ("f(f'{x(1, 2)}', ", 1, (), "empty", ""),
        ("f(  # a, b\n  a,\n  b, ", 2, (), "empty", ""),
        ("f(x := 1, y", 1, (), "word", "y"),
        ("f(a if b else c, *d", 1, (), "star", ""),
        ("f(1.5, .5, 1e3, x", 3, (), "word", "x"),
    ],
)
def test_arguments_are_counted(text: str, positional: int, keywords: tuple[str, ...], phase: str, word: str) -> None:
    for found in (top(text), followed(text).top):
        assert found is not None
        assert found.role == "call"
        assert (found.positional, found.keywords, found.phase, found.word) == (positional, keywords, phase, word)


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        ("class A(B, metaclass=M", ["class"]),
        ("def f(a, b=g(", ["def", "call"]),
        ("async def f[T: (int, str)](a", ["def"]),
        ("x = [f(", ["other", "call"]),
        ("d[f(", ["index", "call"]),
        ("@deco(", ["call"]),
        ("f(1)(", ["call"]),
        ("a[0](", ["call"]),
        ("'{}'.format(", ["call"]),
        ("return (", ["other"]),
        ("x = y\n(", ["other"]),
        ("case Point(x=", ["other"]),
        ("case = f(", ["call"]),
        ("case(", ["call"]),
        ("match f(", ["call"]),
        ("print(", ["call"]),
        ("f(\n\nreturn g(", ["call"]),
        ("f(\ndef g(a):\n    h(", ["call"]),
        ("f)(", ["call"]),
        ("f(]", []),
        ("f()", []),
        ("x = 1", []),
        ("# f(", []),
        ("'f(", []),
        ("f(1, 'abc", ["call"]),
    ],
)
def test_brackets_have_roles(text: str, roles: list[str]) -> None:
    assert [bracket.role for bracket in calls_at(text, len(text)).stack] == roles


def test_sites_are_right_behind_the_bracket() -> None:
    text = "x = outer(1, inner(2, "
    found = calls_at(text, len(text)).stack
    assert [text[: len(text) - bracket.site.before] for bracket in found] == ["x = outer(", "x = outer(1, inner("]


def test_a_document_is_read_from_the_last_statement_that_is_certain() -> None:
    """What was left open above does not reach into the next function; far above, nothing is looked at."""
    text = "x = f(\n" + "def g():\n    pass\n" * 400 + "y = h(1, "
    assert [bracket.positional for bracket in calls_at(text, len(text)).stack] == [1]
    assert calls_at("f(" + "1, " * 4000, 12002).stack == ()


def test_moments_tell_what_a_character_did() -> None:
    calls = Calls()
    seen = []
    for character in "f(a, b.c, d=1, e)":
        calls = calls.step(character, Site())
        seen += [moment.what for moment in calls.moments]
    assert seen == [
        "opened", "begun", "comma", "begun", "argument", "comma", "begun", "named", "keyword", "comma", "begun", "close",
    ]  # fmt: skip
