"""What a function's own code says against a type in its header, and what says nothing."""

from __future__ import annotations

import pytest

from fairlead.monitors.contradiction import contradiction
from fairlead.monitors.slot_places import slots

AGAINST = [
    ("def f(x=None): pass", "x", "int", "its default is None"),
    ("def f(x='a'): pass", "x", "int", "its default is 'a'"),
    ("def f(x):\n    x = [1]", "x", "bool", "line 2 makes something else of it"),
    ("def f(x=True):\n    x, y = guess()", "x", "bool", "line 2 makes something else of it"),
    ("def f(x):\n    x = x.encode()", "x", "str", "line 2 makes something else of it"),
    ("def f(x):\n    if y:\n        x = None", "x", "str", "line 3 makes something else of it"),
    ("def f(x):\n    x = 1 if y else int(y)", "x", "str", "line 2 makes something else of it"),
    ("def f(x):\n    return x.decode()", "x", "str", "line 2 reads .decode"),
    ("def f(x): return", "f", "str", "line 1 returns None"),
    ("def f(x):\n    if x: return 'a'", "f", "str", "its end can be reached, which returns None"),
    ("def f(x):\n    try:\n        return 1\n    except E:\n        pass", "f", "int",
     "its end can be reached, which returns None"),
    ("def f(x):\n    for y in x:\n        return y", "f", "int", "its end can be reached, which returns None"),
    ("def f(x):\n    yield 1", "f", "int", "it is a generator"),
    ("def f(x):\n    return 'a'", "f", "int", "line 2 returns str"),
    ("def f(x):\n    return str(x)", "f", "int", "line 2 returns str"),
    ("def f(x):\n    return x, 1", "f", "list[int]", "line 2 returns tuple"),
    ("y = x + True", "y", "bool", "its value is something else"),
    ("y = 'a'", "y", "int", "its value is something else"),
]  # fmt: skip

FOR = [
    ("def f(x=None): pass", "x", "int | None"),
    ("def f(x=None): pass", "x", "Optional[int]"),
    ("def f(x=None): pass", "x", "Any"),
    ("def f(x=1): pass", "x", "float"),
    ("def f(x=True): pass", "x", "int"),
    ("def f(x='a'): pass", "x", "Path"),
    ("def f(x=()): pass", "x", "Sequence[int]"),
    ("def f(*x): x = list(x)", "x", "int"),
    ("def f(x):\n    x = x.strip()", "x", "str"),
    ("def f(x):\n    x = load(x)", "x", "str"),
    ("def f(x):\n    x = x or 'a'", "x", "str"),
    ("def f(x):\n    def g():\n        x = 1", "x", "str"),
    ("def f(x):\n    if isinstance(x, bytes):\n        x = x.decode()", "x", "str | bytes"),
    ("def f(x):\n    return x.decode()", "x", "str | bytes"),
    ("def f(x):\n    if hasattr(x, 'name'): return x.name", "x", "str"),
    ("def f(x):\n    if x: return 'a'", "f", "str | None"),
    ("def f(x):\n    while True:\n        pass", "f", "str"),
    ("def f(x):\n    if x:\n        return 1\n    else:\n        raise E", "f", "int"),
    ("def f(x):\n    if x:\n        return 1\n    elif y:\n        return 2\n    else:\n        return 3", "f", "int"),
    ("def f(x):\n    try:\n        return 1\n    except E:\n        sys.exit()", "f", "int"),
    ("def f(x):\n    with x:\n        return 1", "f", "int"),
    ("def f(x): ...", "f", "str"),
    ("@abstractmethod\ndef f(x): pass", "f", "str"),
    ("def f(x):\n    yield 1", "f", "Iterator[int]"),
    ("def f(x):\n    return x", "f", "int"),
    ("x = 1", "x", "float"),
    ("x = y & True", "x", "bool"),
    ("x = y + 1", "x", "str"),
    ("x = y", "x", "str"),
    ("for x in y: pass", "x", "str"),
]


@pytest.mark.parametrize(("code", "name", "text", "why"), AGAINST)
def test_what_speaks_against_a_type_is_told(code: str, name: str, text: str, why: str) -> None:
    (slot,) = [slot for slot in slots(code) if slot.name == name and slot.kind in ("parameter", "return", "variable")]
    assert contradiction(code, slot, text) == why


@pytest.mark.parametrize(("code", "name", "text"), FOR)
def test_what_is_not_sure_speaks_against_nothing(code: str, name: str, text: str) -> None:
    slot = next(slot for slot in slots(code) if slot.name == name)
    assert contradiction(code, slot, text) == ""
