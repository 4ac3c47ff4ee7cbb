"""Bare words in running text: which are read, as what, and which bind."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.monitors.laws import texts
from fairlead.monitors.statements import statement_end, statement_start, words_at
from fairlead.monitors.word_runner import run
from fairlead.monitors.words import Words


def read(text: str) -> str:
    """The names read in `text`: r for raise, e for except, t for type, d for deferred, behind a colon."""
    _, uses = run(Words(), text, 0)
    shown = []
    for use in uses:
        marks = {"load": "", "raise": "r", "except": "e", "annotation": "t"}[use.role] + ("d" if use.deferred else "")
        shown.append(f"{use.name}:{marks}" if marks else use.name)
    return " ".join(shown)


def bound(text: str) -> str:
    """The names bound once `text` is over."""
    words, _ = run(Words(), text, 0)
    return " ".join(sorted(words.bound))


@pytest.mark.parametrize(
    ("text", "names", "binds"),
    [
        ("x = foo(bar, b=baz)\n", "foo bar baz", "x"),
        ("a, b = c, d\n", "c d", "a b"),
        ("(a, b) = c\n", "c", "a b"),
        ("[a, *b] = c\n", "c", "a b"),
        ("x = a, b = 1, 2\n", "", "a b x"),
        ("x = (a, b) = c\n", "c", "a b x"),
        ("x = y = z\n", "z", "x y"),
        ("x = x\n", "x", "x"),
        ("x: Foo = bar\n", "Foo:td bar", "x"),
        ("x.y = z\n", "x z", ""),
        ("x[i] = z\n", "x i z", ""),
        ("x += y\n", "x y", ""),
        ("x == y\n", "x y", ""),
        ("if x != y <= z: w\n", "x y z w", ""),
        ("def f(a, b: int=C, *args, **kw) -> Out:\n", "int:td C:d Out:td", "a args b f kw"),
        ("def f(a, /, *, b): a.b\n", "", "a b f"),
        ("class C(Base, metaclass=M): x = D\n", "Base M D", "C x"),
        ("class D[T](B[T]): x = T\n", "B", "D T x"),
        ("type X[T] = list[T]\n", "list", "T X"),
        ("type(x)\n", "x", ""),
        ("match = 3\nmatch.foo\n", "", "match"),
        ("[x.y for x, z in items if x]\n", "items", "x z"),
        ("f(x.y for x in items)\n", "f items:d", "x"),
        ("f(q, x.y)\n", "f q x", ""),
        ("[f(x, y) for x in y for y in z]\n", "f z", "x y"),
        ("{k: v for k, v in d}\n", "d", "k v"),
        ("[(yy, x) for x in z]\n", "yy z", "x"),
        ("x[a:b, c]\n", "x a b c", ""),
        ("{**a, 'k': b}\n", "a b", ""),
        ("for a, (b, c) in zip(d):\n    a.x\n", "zip d", "a b c"),
        ("for x.y in z:\n", "x z", ""),
        ("lambda a, b=c: a + e\n", "c e:d", "a b"),
        ("a = lambda: a\n", "", "a"),
        ("with open(f) as g, h as (i, j):\n", "open f h", "g i j"),
        ("except (A, B) as e:\n", "A:e B:e", "e"),
        ("except* A:\n", "A:e", ""),
        ("raise Foo(x) from y\n", "Foo:r x y", ""),
        ("raise x.y\n", "x:r", ""),
        ("raise\n", "", ""),
        ("match cmd:\n    case P(x=a, y=0) | L(b) if g(c): pass\n", "cmd P L g c", "a b"),
        ("match cmd:\n    case [a, *b] | {'k': c, **d}: pass\n", "cmd", "a b c d"),
        ("match cmd:\n    case Color.RED | -1: pass\n", "cmd Color", ""),
        ("from a.b import c as d, e\n", "", "a c d e"),
        ("from . import (x,\n y)\nz\n", "z", "x y"),
        ("import os.path as p\n", "", "os p"),
        ("global a; nonlocal b; del c\n", "", "a b"),
        ("if (n := f(z)) > 3: n\n", "f z", "n"),
        ("f'{a!r} {b:>{w}} {c=} {d}' + e\n", "a b w c d e", ""),
        ("f'''{a\n}''' + f\"{'x'}{b}\"\n", "a b", ""),
        ("rb'x' + y\n", "y", ""),
        ("x = 3 .real + 1.5e-3 + 0xff + 1_0j\n", "", "x"),
        ("return a, b\n", "a b", ""),
        ("yield from a\n", "a", ""),
        ("async def f(): await g()\n", "g:d", "f"),
        ("x if y else z\n", "x y z", ""),
        ("@deco(x)\n", "deco x", ""),
        ("x: list[Foo] = []\n", "list:td Foo:td", "x"),
        ("x: Annotated[Foo, bar]\n", "Annotated:td Foo bar", "x"),
        ("def g(cb: Callable[[int, Foo], Bar]): ...\n", "Callable:td int:td Foo:td Bar:td", "cb g"),
        ("x = 'a # b' # c\ny\n", "y", "x"),
        ("foo('abc\nbar = q\n", "foo q", "bar"),
        ("a = b \\\n  + c\n", "b c", "a"),
        ("été = naïve\n", "naïve", "été"),
        ("print(*args, **kw)\n", "print args kw", ""),
        ("assert a, b\n", "a b", ""),
        ("x = ... if y else z\n", "y z", "x"),
    ],
)
def test_what_is_read_and_what_binds(text: str, names: str, binds: str) -> None:
    assert (read(text), bound(text)) == (names, binds)


@pytest.mark.parametrize("text", ["x", "x ", "x =", "x:", "(x", "[x.y", "x, y", "f(x", "foo = (a, b)", "lambda: x", "{x"])
def test_what_may_still_be_bound_is_not_read_yet(text: str) -> None:
    _, uses = run(Words(), text, 0)
    assert not [use for use in uses if use.name in ("x", "y", "a", "b")]


@settings(max_examples=300, deadline=None)
@given(a=texts, b=texts)
def test_stepping_twice_is_stepping_once(a: str, b: str) -> None:
    first, early = run(Words(), a, 0)
    twice, late = run(first, b, len(a))
    assert (twice, early + late) == run(Words(), a + b, 0)


@settings(max_examples=300, deadline=None)
@given(text=texts, ends=st.sampled_from(["\n", ")\n", "]\n", " for z in q]\n", "'''\n", "\"\n"]))
def test_uses_come_in_order_once_and_are_there(text: str, ends: str) -> None:
    _, uses = run(Words(), text + ends, 0)
    begins = [use.begin for use in uses]
    assert begins == sorted(set(begins))
    assert all((text + ends)[use.begin:].startswith(use.name) for use in uses)


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("a = 1\nb = ▮", "b = "),
        ("f(a,\n  b,\n  ▮", "f(a,"),
        ("x = '''\nabc\n''' + ▮", "x = '''"),
        ("a = b \\\n  + ▮", "a = b"),
        ("foo(a\ndef f():\n    return ▮", "    return"),
        ("f(\n  # a (\n  ▮", "f("),
        ("▮", ""),
    ],
)
def test_a_statement_begins_where_its_first_line_does(text: str, start: str) -> None:
    whole = text.replace("▮", "")
    found = statement_start(whole, text.index("▮"))
    assert found is not None
    assert whole[found:].startswith(start)
    assert found == 0 or whole[found - 1] == "\n"


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("f(▮,\n  b)\nc\n", "  b)"),
        ("f(▮\nc = 1\ndef g(): pass\n", "f("),
        ("x = ▮\ny\n", "x = "),
        ("x = [▮ for y in z]\nw\n", " for y in z]"),
        ("x = '''▮\n'''\nw\n", "'''"),
    ],
)
def test_a_statement_ends_with_its_brackets(text: str, end: str) -> None:
    whole, offset = text.replace("▮", ""), text.index("▮")
    found = words_at(whole, offset)
    assert found is not None
    stop, _ = statement_end(found[1], whole, offset)
    assert whole[:stop].endswith(end)


def test_a_statement_too_far_up_is_not_followed() -> None:
    text = "f(\n" + "  a,\n" * 2_000
    assert statement_start(text, len(text)) is None
    assert words_at(text, len(text)) is None
