"""Places: code or not, behind a dot or not, loading or storing."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.monitors import syntax
from fairlead.monitors.laws import texts
from fairlead.monitors.lexical import scan
from fairlead.monitors.syntax import place, receiver_start, stored_names


@pytest.mark.parametrize(
    ("text", "context"),
    [
        ("os.▮", "fresh"),
        ("os.pa▮", "fresh"),
        ("os. pa▮", "fresh"),
        ("os.\\\n  ▮", "fresh"),
        ("x = os.▮", "load"),
        ("x = os.▮\ny = 1", "load"),
        ("os.▮path.join(a)", "load"),
        ("self.▮", "fresh"),
        ("if x: self.▮", "fresh"),
        ("a; self.▮", "fresh"),
        ("self.a, self.▮", "fresh"),
        ("return self.▮", "load"),
        ("lambda: self.▮", "load"),
        ("print(self.▮", "load"),
        ("[x.▮ for x in y]", "load"),
        ("f(x=a.▮, b=1)", "load"),
        ("{a.▮: 1}", "load"),
        ("d[a.▮] = 1", "load"),
        ("a.▮.b = 1", "load"),
        ("a.▮[0] = 1", "load"),
        ("a.▮(b).c = 1", "load"),
        ("f(a.▮)[0] = 1", "load"),
        ("a.▮ += 1", "load"),
        ("a.▮ == 3", "load"),
        ("a.▮ if b else c", "load"),
        ("@a.▮\ndef f(): pass", "load"),
        ("with a.▮ as b: pass", "load"),
        ("for x in a.▮: pass", "load"),
        ("class A(b.▮): pass", "load"),
        ("def f(x: a.▮): pass", "load"),
        ("match x:\n    case Color.▮: pass\n", "load"),
        ("await self.▮", "load"),
        ("raise X from e.▮", "load"),
        ("del a.▮[0]", "load"),
        ("f'{os.▮}'", "load"),
        ("f'{os.▮", "load"),
        ("f'{os.▮=}'", "load"),
        ("x = 'foo'.▮", "load"),
        ("x = 1..▮", "load"),
        ("x = (os\n  .▮", "load"),
        ("x = (os  # comment\n  .▮)", "load"),
        ("a.▮ = 3", "store"),
        ("a.b.▮ = 1", "store"),
        ("a[0].▮ = 1", "store"),
        ("a.▮: int", "store"),
        ("a.▮: int = 3", "store"),
        ("x = a.▮ = 3", "store"),
        ("a.▮, b = 1, 2", "store"),
        ("(a.▮, b) = 1, 2", "store"),
        ("[a.▮, *b] = c", "store"),
        ("for a.▮ in x: pass", "store"),
        ("for x, a.▮ in y: pass", "store"),
        ("for a.▮", "store"),
        ("[1 for a.▮ in x]", "store"),
        ("with f() as a.▮: pass", "store"),
        ("with f() as a.▮", "store"),
        ("a.▮ = yield", "store"),
        ("a.▮ = b.\n", "store"),
        ("a.▮: int = b.\n", "store"),
        ("del a.▮", "del"),
        ("del a.▮, b.c", "del"),
        ("del (a.▮)", "del"),
        ("import os.▮", "import"),
        ("import os.pa▮", "import"),
        ("import a, os.▮", "import"),
        ("if 1: import os.▮", "import"),
        ("from .▮", "import"),
        ("from ..▮", "import"),
        ("from a.▮ import x", "import"),
        ("from a.b▮ import x", "import"),
        ("import \\\n  os.▮", "import"),
        ("import os; os.▮", "fresh"),
        ("case.▮", "fresh"),
        ("match.▮", "fresh"),
    ],
)
def test_attribute_places(text: str, context: str) -> None:
    offset = text.index("▮")
    found = place(text.replace("▮", ""), offset)
    assert found.where == "code"
    assert found.dot is not None
    assert found.context == context
    code = text.replace("▮", "")
    assert code[found.dot - 1] == "."
    assert code[found.dot:offset].strip(" \\\n") == found.typed


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("x▮", "code"),
        ("from . import ▮", "code"),
        ("x = os\n  .▮", "code"),
        ("...▮", "code"),
        ("x = ....▮", "code"),
        ("return .▮", "code"),
        ("x = 3.▮", "number"),
        ("x = a.1▮", "number"),
        ("# foo.▮", "comment"),
        ("y = 2 # nope.▮", "comment"),
        ("'foo.▮", "string"),
        ("'foo.▮'", "string"),
        ("f'a.▮'", "string"),
        ('"""doc.▮\nx = 1\n', "string"),
        ("▮", "code"),
    ],
)
def test_places_without_an_attribute(text: str, where: str) -> None:
    found = place(text.replace("▮", ""), text.index("▮"))
    assert found.where == where
    assert found.dot is None


@pytest.mark.parametrize(
    ("text", "receiver"),
    [
        ("x = os.", "os"),
        ("f(a.b.c.", "a.b.c"),
        ("f(x)[0].a.", "f(x)[0].a"),
        ("x = not f(\n  'a)'\n).", "f(\n  'a)'\n)"),
        ("return (a + b).", "(a + b)"),
        ("x = 'a b'.", "'a b'"),
        ("x = [1, 2].", "[1, 2]"),
        ("a + b.", "b"),
        ("if (a).b().", "(a).b()"),
        ("x = (a\n  .b()\n  .", "a\n  .b()"),
        ("é.", "é"),
    ],
)
def test_receivers(text: str, receiver: str) -> None:
    begin = receiver_start(text, len(text), scan(text))
    assert text[begin:len(text) - 1].rstrip() == receiver


def test_offsets_are_code_points() -> None:
    """An emoji is one character, four bytes in tree-sitter's UTF-8 and two units in UTF-16."""
    text = "s = '😀é'; self.名 = x.\n"
    found = place(text, text.index("x.") + 2)
    assert (found.dot, found.context) == (text.index("x.") + 2, "load")
    assert place(text, text.index("名") + 1).context == "store"


@pytest.mark.parametrize("text", ["\ud800 = a.", "\0a.", "x\0.a.", "\x0cself.a.", "\ufeffa.", "a.\r\n", "\u2028a."])
def test_odd_text(text: str) -> None:
    offset = text.rindex(".") + 1
    assert place(text, offset).dot == offset


@settings(max_examples=300, deadline=None)
@given(text=texts, offset=st.integers(-3, 60))
def test_never_raises(text: str, offset: int) -> None:
    found = place(text, offset)
    if found.dot is not None:
        assert text[found.dot - 1] == "."


@settings(max_examples=100, deadline=None)
@given(before=texts, removed=texts, added=texts, after=texts)
def test_an_edited_tree_is_a_fresh_tree(before: str, removed: str, added: str, after: str) -> None:
    syntax.parse(before + removed + after)
    edited = str(syntax.parse(before + added + after).root_node)
    syntax._parsed.clear()
    assert edited == str(syntax.parse(before + added + after).root_node)


@pytest.mark.parametrize(
    "text", ["x = " + "(" * 20_000 + "a.", "x = " + "[" * 20_000 + "a." + "]" * 20_000, "-" * 20_000 + "a."]
)
def test_deep_trees_are_no_deep_recursion(text: str) -> None:
    started = time.process_time()
    assert place(text, text.index("a.") + 2).dot == text.index("a.") + 2
    assert time.process_time() - started < 2


def test_a_keystroke_in_20_000_lines_is_cheap() -> None:
    text = "class A:\n    def f(self):\n" + "        self.value = compute('text', other.name)  # why\n" * 20_000
    place(text, len(text))
    middle = text.index("other.", len(text) // 2) + 6
    costs_s = []
    for typed in ("na", "ni", "nu"):  # a busy machine is slow now and then, a walk over the whole text always
        started = time.process_time()
        assert place(text[:middle] + typed + text[middle:], middle + 2).typed == typed
        costs_s.append(time.process_time() - started)
    assert min(costs_s) < 0.5


def test_stored_names() -> None:
    text = (
        "a.one = 1\nb.two, (c.three, *d.four) = x\nfor e.five in y: pass\nwith f() as g.six: pass\nh.seven += 1\n"
        "i.eight: int = 3\nsetattr(j, 'nine', 1)\nobject.__setattr__(k, 'ten', 1)\nl.no\nm.neither()\nn[o.nor] = 1\n"
    )
    assert stored_names(text) == frozenset(
        {"one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}
    )
