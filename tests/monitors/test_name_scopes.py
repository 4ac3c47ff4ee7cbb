"""Names that nothing refuses, each with what binds it, and modules in which any name may be bound when they run."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from fairlead.monitors.analysis import Document
from fairlead.monitors.cache import TreeCache
from fairlead.monitors.inline import InlineAnalysis
from fairlead.monitors.jedi_session import Session
from fairlead.monitors.monitor import finished
from fairlead.monitors.name import Name


@cache
def session() -> Session:
    return Session(TreeCache(None))


def refused(code: str, written: str, root: Path) -> bool:
    """Whether the name monitor refuses `written` at `▮`, once the line is over."""
    before, after = code.split("▮")
    monitor = Name(InlineAnalysis(session()))
    document = Document(str(root / "a.py"), before + after, 0, str(root))
    start = monitor.start(document, len(before))
    state: Any = start.state if start is not None else monitor.watch(document, len(before))
    state = state.advance(written)
    for ended in (False, True):
        if ended and state is not None:
            state = finished(state, after.partition("\n")[0])
        while state is not None and state.questions:
            state = state.resolve(monitor.ask(document, len(before), state.questions[0]).result())
    return state is None


OPEN = {
    "exec": "exec('made = 1')\n",
    "a star import of nothing known": "from missing_module import *\n",
    "a star import in try": "try:\n    from missing_module import *\nexcept ImportError:\n    pass\n",
    "globals by key": "globals()['made'] = 1\n",
    "globals updated": "globals().update(made=1)\n",
    "globals handed on": "fill(globals())\n",
    "globals in a function": "def fill():\n    globals()['made'] = 1\n",
    "vars": "vars()['made'] = 1\n",
    "locals of the module": "locals()['made'] = 1\n",
    "the module by its name": "import sys\nsetattr(sys.modules[__name__], 'made', 1)\n",
    "the module's dict": "import sys\nsys.modules[__name__].__dict__.update(made=1)\n",
    "builtins": "import builtins\nbuiltins.made = 1\n",
    "builtins by setattr": "import builtins\nsetattr(builtins, 'made', 1)\n",
    "gettext": "import gettext\ngettext.install('app')\n",
}


@pytest.mark.parametrize("prelude", OPEN)
@pytest.mark.parametrize("place", ["x = ▮\n", "def f():\n    return ▮\n", "class A:\n    x = [▮]\n"])
def test_where_any_name_may_be_bound_none_is_refused(prelude: str, place: str, tmp_path: Path) -> None:
    assert not refused(OPEN[prelude] + place, "_" if prelude == "gettext" else "made", tmp_path)


BOUND = {
    "global": ("def f():\n    global made\n    made = 1\nx = ▮\n", "made"),
    "global of a name never set": ("def f():\n    global made\ndef g():\n    return ▮\n", "made"),
    "nonlocal": ("def f():\n    made = 1\n    def g():\n        nonlocal made\n        return ▮\n", "made"),
    "after a loop": ("for made in range(3): pass\nx = ▮\n", "made"),
    "else of a loop": ("while True:\n    made = 1\n    break\nelse:\n    x = ▮\n", "made"),
    "a walrus in a comprehension": ("def f(a):\n    any((made := b) for b in a)\n    return ▮\n", "made"),
    "a capture": ("match x:\n    case {'a': made, **rest}:\n        y = ▮\n", "made"),
    "a capture of the rest": ("match x:\n    case {'a': made, **rest}:\n        y = ▮\n", "rest"),
    "a starred capture": ("match x:\n    case [_, *rest]:\n        y = ▮\n", "rest"),
    "a capture in a class pattern": ("match x:\n    case A(b=made) | B(made):\n        y = ▮\n", "made"),
    "as in a pattern": ("match x:\n    case int() as made:\n        y = ▮\n", "made"),
    "a type parameter": ("def f[T](x: T) -> list[▮]: ...\n", "T"),
    "a type parameter of a class": ("class A[T]:\n    def f(self, x: ▮): ...\n", "T"),
    "a type alias": ("type Made = int\nx: ▮\n", "Made"),
    "a submodule import": ("import os.path\nx = ▮\n", "os"),
    "a conditional import": ("if x:\n    import json as made\nelse:\n    made = None\ny = ▮\n", "made"),
    "for type checkers": ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from a import Made\nx: ▮\n", "Made"),
    "__class__ in a method": ("class A:\n    def f(self):\n        return ▮\n", "__class__"),
    "__file__": ("x = ▮\n", "__file__"),
    "__builtins__": ("x = ▮\n", "__builtins__"),
    "__annotations__": ("x = ▮\n", "__annotations__"),
    "__qualname__ in a class": ("class A:\n    x = ▮\n", "__qualname__"),
    "__debug__": ("x = ▮\n", "__debug__"),
    "reveal_type": ("x = ▮\n", "reveal_type(1)"),
    "its own name, in a class": ("class A:\n    def f(self):\n        return ▮\n", "A"),
    "a function below": ("def f():\n    return ▮\n\ndef made(): ...\n", "made"),
    "set in a branch below": ("def f():\n    return ▮\n\nif f:\n    made = 1\n", "made"),
    "the class's scope": ("class A:\n    made = 1\n    other = ▮\n", "made"),
    "a class's first iterable": ("class A:\n    made = 1\n    other = [x for x in ▮]\n", "made"),
    "an exception's name": ("try: pass\nexcept E as made:\n    x = ▮\n", "made"),
    "with several": ("with a as (b, [c, *made]):\n    x = ▮\n", "made"),
    "unpacked": ("a, *(b, made) = x\ny = ▮\n", "made"),
    "an annotation alone": ("made: int\nx = ▮\n", "made"),
    "del in a branch": ("made = 1\nif x:\n    del made\ny = ▮\n", "made"),
    "an import in a function": ("def f():\n    import a.b.c as made, d\n    return ▮\n", "d"),
    "a lambda's": ("f = lambda a, *made, b=1: ▮\n", "made"),
    "a comprehension's": ("x = [▮ for made in y]\n", "made"),
    "two comprehensions": ("x = [z for a in y for z in ▮]\n", "a"),
    "a default sees outside": ("made = 1\ndef f(a=▮): ...\n", "made"),
    "a decorator": ("def made(f): ...\n@▮\ndef g(): ...\n", "made"),
    "async": ("async def f(a):\n    async with a as made:\n        return ▮\n", "made"),
    "async for": ("async def f(a):\n    async for made in a:\n        return ▮\n", "made"),
}


@pytest.mark.parametrize("case", BOUND)
def test_what_is_bound_is_not_refused(case: str, tmp_path: Path) -> None:
    code, written = BOUND[case]
    assert not refused(code, written, tmp_path)


UNBOUND = {
    "nothing": ("x = ▮\n", "made"),
    "a method's neighbour": ("class A:\n    made = 1\n    def f(self):\n        return ▮\n", "made"),
    "a comprehension over": ("x = [a for a in y]\nz = ▮\n", "a"),
    "a local elsewhere": ("def f():\n    made = 1\ndef g():\n    return ▮\n", "made"),
    "a parameter elsewhere": ("def f(made): ...\nx = ▮\n", "made"),
    "a lambda's parameter": ("f = lambda made: made\nx = ▮\n", "made"),
    "an attribute": ("a.made = 1\nx = ▮\n", "made"),
    "a submodule": ("import a.made\nx = ▮\n", "made"),
    "a key": ("a = {'made': 1}\nx = ▮\n", "made"),
    "a comment": ("# made = 1\nx = ▮\n", "made"),
    "a string": ("'made = 1'\nx = ▮\n", "made"),
    "a type parameter outside": ("def f[T](x: T): ...\nx = ▮\n", "T"),
}


@pytest.mark.parametrize("case", UNBOUND)
def test_what_nothing_binds_is_refused(case: str, tmp_path: Path) -> None:
    code, written = UNBOUND[case]
    assert refused(code, f"{written}(1)", tmp_path)
