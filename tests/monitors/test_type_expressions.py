"""Types that follow from the code: `#? type` above a function says what it returns, in a project of two modules."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fairlead.monitors import slot_following
from fairlead.monitors.analysis import Document
from fairlead.monitors.project_types import ProjectIndex
from fairlead.monitors.slot_features import position_of, sites_of
from fairlead.monitors.slot_following import Follower
from fairlead.monitors.slot_places import functions, slots
from fairlead.monitors.uses import FunctionUses, uses

LIBRARY = '''\
from enum import Enum


class Color(Enum):
    RED = 1


class Base:
    size: int = 0

    def __init__(self, name):
        self.name = name or "none"
        self.parts = []
        self.left = None

    def copy(self):
        return self

    @property
    def title(self):
        return self.name.upper()

    def __iter__(self):
        yield 1

    def __enter__(self):
        return self

    def __add__(self, other):
        return Base("sum")


class Item(Base):
    def again(self):
        return super().title


def make():
    return Item("a")


def loop(n):
    return loop(n - 1)


LIMIT = 3.5
'''

CASES = '''\
import json
import os.path
import re
import subprocess
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import numpy as np

from . import library
from .library import Base, Color, Item, make


#? str
def formatted(x): return f"{x}"

#? bytes
def encoded(x): return "a".encode()

#? bool
def compared(x): return x > 3

#? bool
def negated(x): return not x

#? list[int]
def listed(x): return [1, 2]

#? list
def empty(x): return []

#? dict[str, int]
def displayed(x): return {"a": 1, "b": 2}

#? tuple[int, str]
def paired(x): return 1, "a"

#? set[str]
def comprehended(x): return {str(one) for one in x}

#? dict[Any | str, Item]
def keyed(x): return {one.name: one for one in [make()]}

#? list[Item]
def mapped(x): return [make() for _ in x]

#? str
def joined(x): return ", ".join(x)

#? str
def percent(x): return "%s" % x

#? list[str]
def split(x): return "a,b".strip().split(",")

#? float
def divided(x): return len(x) / 2

#? None | str
def sometimes(x):
    if x:
        return "a"

#? None | int
def either(x): return 1 if x else None

#? str
def or_else(x): return os.path.basename("a") or "b"

#? Item
def made(x): return Item("a")

#? Item
def elsewhere(x): return make()

#? Item
def through_module(x): return library.make()

#? str
def of_property(x): return make().title

#? Any | str
def of_attribute(x):
    item = make()
    return item.name

#? int
def of_class_variable(x): return Item.size

#? Item
def copied(x): return make().copy()

#? str
def of_super(x): return make().again()

#? Base
def added(x): return Base("a") + Base("b")

#? Color
def of_enum(x): return Color.RED

#? float
def of_global(x): return library.LIMIT

#? list[int]
def appended(x):
    found = []
    for one in range(3):
        found.append(one)
    return found

#? dict[str, Item]
def stored(x):
    found = {}
    found["a"] = make()
    return found

#? Iterator[int]
def generated(x):
    for one in make():
        yield one

#? Iterator[str]
def delegated(x):
    yield from "ab".split()

#? Item
def entered(x):
    with make() as item:
        return item

@contextmanager
def opened(x):
    yield make()

#? Item
def managed(x):
    with opened(x) as item:
        return item

#? AsyncIterator[int]
async def streamed(x):
    yield 1

async def fetched(x): return make()

#? Item
async def awaited(x): return await fetched(x)

#? Path
def below(x): return Path("a") / "b"

#? str
def read(x): return Path("a").read_text()

#? Match[str] | None
def matched(x): return re.match("a", "b")

#? datetime
def now(x): return datetime.now()

#? str
def dumped(x): return json.dumps(x)

#? CompletedProcess[str]
def run(x): return subprocess.run(["a"])

#? int
def walrus(x):
    if (n := len(x)) > 2:
        return n
    return 0

#? int
def item(x): return (1, "a")[0]

#? str
def unpacked(x):
    number, word = 1, "a"
    return word

#? list[tuple[int, str]]
def numbered(x): return list(enumerate(["a"]))

#? ValueError
def caught(x):
    try:
        x()
    except ValueError as error:
        return error
    raise x

#? bool
def default(x, flag=False): return flag

#? int
def annotated(x, count: int): return count

#? None
def nothing(x): print(x)

#? Any
def unknown(x): return x.y

#? Any
def foreign(x): return np.zeros(3)

#? Any
def recursive(x): return library.loop(x)

#? Any
def abstract(x):
    raise NotImplementedError
'''


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What every function of CASES returns."""
    root = tmp_path_factory.mktemp("project")
    package = root / "pkg"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "library.py").write_text(LIBRARY)
    (package / "cases.py").write_text(CASES)
    index = ProjectIndex(str(root))
    while index.survey(1.0) < 1.0:
        pass
    follower = Follower(index)
    document = Document(str(package / "cases.py"), CASES, 1, str(root))
    return {
        slot.name: follower.follow(document, "pkg.cases", slot, FunctionUses()).follows
        for slot in slots(CASES) if slot.kind == "return"
    }  # fmt: skip


@pytest.mark.parametrize(("expected", "name"), re.findall(r"^#\? (.*)\n(?:async )?def (\w+)", CASES, re.M))
def test_what_a_function_returns_follows_from_its_code(followed: dict[str, str], expected: str, name: str) -> None:
    assert followed[name] == expected


def test_what_is_passed_stored_and_given_as_default_is_followed(tmp_path: Path) -> None:
    text = "class A:\n    size: int\n    def __init__(self, size, names, price=0.5):\n        self.size = size\n\nA(3, ['a'])\n"
    (tmp_path / "main.py").write_text(text)
    index = ProjectIndex(str(tmp_path))
    while index.survey(1.0) < 1.0:
        pass
    document = Document(str(tmp_path / "main.py"), text, 1, str(tmp_path))
    node = next(iter(functions(text).values()))
    found = {}
    for slot in slots(text):
        if slot.kind == "parameter":
            sites = sites_of(index, slot, position_of(node, slot.name))
            found[slot.name] = Follower(index).follow(document, "main", slot, uses(node), sites)
    assert (found["size"].follows, found["size"].passed) == ("int", "int")
    assert found["names"].passed == "list[str]"
    assert found["price"].default == "float"


def test_an_edit_is_seen(tmp_path: Path) -> None:
    first, second = "def f():\n    return 1\n", "def f():\n    return 'a'\n"
    path = tmp_path / "main.py"
    path.write_text(first)
    index = ProjectIndex(str(tmp_path))
    while index.survey(1.0) < 1.0:
        pass
    follower, found = Follower(index), []
    for version, text in enumerate((first, second)):
        index.update(str(path), text)
        document = Document(str(path), text, version, str(tmp_path))
        found.append(follower.follow(document, "main", slots(text)[0], FunctionUses()).follows)
    assert found == ["int", "str"]


def test_what_there_was_no_time_for_is_unknown_and_found_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "def f():\n    return g()\n\n\ndef g():\n    return 1\n"
    path = tmp_path / "main.py"
    path.write_text(text)
    index = ProjectIndex(str(tmp_path))
    while index.survey(1.0) < 1.0:
        pass
    follower, document = Follower(index), Document(str(path), text, 1, str(tmp_path))
    slot = slots(text)[0]
    monkeypatch.setattr(slot_following, "_FOLLOW_S", -1.0)
    assert follower.follow(document, "main", slot, FunctionUses()).follows == "Any"
    monkeypatch.setattr(slot_following, "_FOLLOW_S", 60.0)
    assert follower.follow(document, "main", slot, FunctionUses()).follows == "int"
