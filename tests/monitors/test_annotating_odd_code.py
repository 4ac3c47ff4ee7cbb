"""Code that is odd, or none at all: every place that can be annotated is, and everything else is left as it was.

`T` is written at every legal place at once; what is expected is the whole text after it.
"""

from __future__ import annotations

import ast

import pytest

from fairlead.monitors.analysis import Document
from fairlead.monitors.annotating import Wish, annotate
from fairlead.monitors.slot_places import slots

TYPE = "int"

CASES = {
    "stars": ("def f(*args, **kwargs): pass", "def f(*args: int, **kwargs: int) -> int: pass"),
    "lambda": ("f = lambda x, *y: x", "f: int = lambda x, *y: x"),
    "star-unpacking": ("a, *b = x\n[c, *d] = x\n*e, = x", "a, *b = x\n[c, *d] = x\n*e, = x"),
    "several targets": ("a = b = 1", "a = b = 1"),
    "walrus": ("if (n := 1): m = n", "if (n := 1): m: int = n"),
    "comprehension": ("x = [y for y in z if (w := y)]", "x: int = [y for y in z if (w := y)]"),
    "loop, with, except": (
        "for x in y: pass\nwith a as b: pass\ntry: pass\nexcept E as e: pass",
        "for x in y: pass\nwith a as b: pass\ntry: pass\nexcept E as e: pass",
    ),
    "del": ("x = 1\ndel x", "x: int = 1\ndel x"),
    "global": ("x = 1\ndef f():\n    global x\n    x = 2", "x: int = 1\ndef f() -> int:\n    global x\n    x = 2"),
    "augmented": ("x = 1\nx += 1\nx = 2", "x: int = 1\nx += 1\nx = 2"),
    "overloads": (
        "@overload\ndef f(x: int): ...\n@overload\ndef f(x): ...\ndef f(x): return x",
        "@overload\ndef f(x: int) -> int: ...\n@overload\ndef f(x: int) -> int: ...\ndef f(x: int) -> int: return x",
    ),
    "decorators": (
        "@property\ndef p(self): pass\n@a.b(c=1)  # why\n@d\nasync def f(x,): pass",
        "@property\ndef p(self: int) -> int: pass\n@a.b(c=1)  # why\n@d\nasync def f(x: int,) -> int: pass",
    ),
    "dataclass": ("@dataclass\nclass A:\n    x = 1", "@dataclass\nclass A:\n    x = 1"),
    "enum": ("class A(Enum):\n    x = 1", "class A(Enum):\n    x = 1"),
    "slots": ("class A:\n    __slots__ = ('x',)", "class A:\n    __slots__ = ('x',)"),
    "positional and keyword only": ("def f(a, /, b, *, c=1): pass", "def f(a: int, /, b: int, *, c: int = 1) -> int: pass"),
    "a header over lines": (
        "def f(\n    a,  # why\n    b=(\n        1),\n):\n    pass",
        "def f(\n    a: int,  # why\n    b: int = (\n        1),\n) -> int:\n    pass",
    ),
    "nested quotes": ("def f(x='->', y=\"):\"): pass", "def f(x: int = '->', y: int = \"):\") -> int: pass"),
    "unicode": ("def ф(имя, 名='é'): pass", "def ф(имя: int, 名: int = 'é') -> int: pass"),
    "type parameters": ("class A:\n    def f[T](self, x): pass", "class A:\n    def f[T](self, x): pass"),
    "match": ("match x:\n    case [a, *b]: c = 1", "match x:\n    case [a, *b]: c: int = 1"),
}
"""The text, and the text after; `def f[T]` does not parse before Python 3.12, and is left alone by an older one."""

NO_PYTHON = {
    "print statement": "print 'x'\ndef f(x): pass",
    "backquotes": "def f(x): return `x`",
    "exec statement": "exec 'x = 1' in y\ndef f(x): pass",
    "unpacked parameter": "def f(x, (y, z)): pass",
    "octal": "def f(x): return 0777",
    "raise with comma": "def f(x): raise E, 'y'",
    "magic": "%time f()\ndef f(x): pass",
    "shell": "!ls\ndef f(x): pass",
    "help": "f?\ndef f(x): pass",
    "half a header": "def f(x, y",
    "a header without its body": "def f(x):",
    "merge conflict": "<<<<<<< HEAD\ndef f(x): pass\n=======\ndef f(y): pass\n>>>>>>> b",
    "null": "def f(x): pass\0",
    "tabs and blanks": "if x:\n\ty = 1\n        z = 2\ndef f(x): pass",
    "lone surrogate": "def f(x): return '\ud800'",
    "too deep": f"x = {'(' * 3000}1{')' * 3000}\ndef f(y): pass",
}


@pytest.mark.parametrize("name", CASES)
def test_what_can_be_annotated_is(name: str) -> None:
    before, after = CASES[name]
    made = annotate(Document("a.py", before), [Wish(slot, TYPE) for slot in slots(before) if slot.legal], (3, 12))
    try:
        ast.parse(before)
    except SyntaxError:
        after = before
    if name == "type parameters" and after != before:
        after = "class A:\n    def f[T](self, x: int) -> int: pass"
    assert made.text == after
    if made.edits:
        ast.parse(made.text)


@pytest.mark.parametrize("name", NO_PYTHON)
def test_what_does_not_parse_is_left_alone(name: str) -> None:
    text = NO_PYTHON[name]
    wishes = [Wish(slot, TYPE) for slot in slots(text)]
    made = annotate(Document("a.py", text), wishes, (3, 12))
    assert (made.text, made.edits) == (text, ())
    assert len(made.refused) == len(wishes)
