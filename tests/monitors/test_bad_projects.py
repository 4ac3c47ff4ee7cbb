"""Projects that are broken or odd: what cannot be known is open, nothing raises, and what stands beside it is guided.

Declarations of protocols that cannot be used are in `test_typestate`, language servers that die, hang and lie in
`test_server_analysis`, hostile files in `test_hostile`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from fairlead.monitors.analysis import Document
from fairlead.monitors.cache import TreeCache
from fairlead.monitors.inline import InlineAnalysis
from fairlead.monitors.jedi_session import Session
from fairlead.monitors.monitor import Start
from fairlead.monitors.roster import joint

GOOD = "class Good:\n    def run(self): ...\n\n\n"
"""Stands beside what is broken."""


@cache
def session() -> Session:
    return Session(TreeCache(None))


def start_at(root: Path, files: Mapping[str, str], code: str, *, may_fail: bool = False) -> Start | None:
    """What all monitors together say at `▮`; analysis may be ignorant, but it may not fail."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, "utf-8")
    before, after = (GOOD + code).split("▮")
    analysis = InlineAnalysis(session())
    start = joint(analysis).start(Document(str(root / "main.py"), before + after, 0, str(root)), len(before))
    assert may_fail or not [reason for reason in analysis.reasons if reason.startswith("analysis failed")]
    return start


def names(start: Start | None) -> set[str]:
    return {member.name for member in start.members.members} if start is not None else set()


CYCLES = {
    "itself": "class A(A):\n    def a(self): ...\n",
    "two": "class A(B):\n    def a(self): ...\n\nclass B(A):\n    def b(self): ...\n",
    "three": "class A(C):\n    def a(self): ...\n\nclass B(A): ...\n\nclass C(B): ...\n",
    "generic": "from typing import Generic, TypeVar\nT = TypeVar('T')\nclass A(Generic[T], 'A[int]'):\n    def a(self): ...\n",
    "a value": "A = A\n",
    "a call": "class A(make()):\n    def a(self): ...\n\ndef make():\n    return A\n",
    "a metaclass": "class A(metaclass=A):\n    def a(self): ...\n",
    "a property": "class A:\n    @property\n    def a(self):\n        return self.a\n",
    "order": "class X: ...\nclass Y(X): ...\nclass A(X, Y):\n    def a(self): ...\n",
}
PLACES = ["A().▮", "A.▮", "A(▮", "class D(A, ▮): ...", "raise ▮", "def f(x: ▮): ...", "def f(a: A):\n    a.▮ = 1",
          "def f(a: A):\n    match a:\n        case ▮", "def f(a: A):\n    a.a(▮", "print(▮"]  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("cycle", CYCLES)
def test_cyclic_inheritance(cycle: str, place: str, tmp_path: Path) -> None:
    code = CYCLES[cycle]
    start_at(tmp_path, {}, f"{code}\n{place}\n")
    good = start_at(tmp_path, {}, f"{code}\nGood().▮\n")
    assert good is not None
    assert good.closed
    assert names(good) == {"run"}


@pytest.mark.parametrize("cycle", ["itself", "two", "three", "a call"])
def test_what_a_cycle_has_is_not_closed(cycle: str, tmp_path: Path) -> None:
    start = start_at(tmp_path, {}, f"{CYCLES[cycle]}\nA().▮\n")
    assert start is None or not start.closed


def test_modules_that_import_each_other(tmp_path: Path) -> None:
    files = {
        "one.py": "from two import *\nfrom two import b\na = 1\n",
        "two.py": "from one import *\nfrom one import a\nb = 1\n",
    }
    start = start_at(tmp_path, files, "import one\none.▮")
    assert {"a", "b"} <= names(start)
    assert {"a", "b"} <= names(start_at(tmp_path, files, "from one import ▮"))


MANY = 5_000
PLAIN = "".join(f"name_{number} = {number}\n" for number in range(MANY))
INDENTED = "".join(f"    name_{number} = {number}\n" for number in range(MANY))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (PLAIN, "import many\nmany.▮"),
        (PLAIN, "from many import ▮"),
        (f"class Many:\n{INDENTED}", "from many import Many\nMany().▮"),
        (f"import enum\nclass Many(enum.Enum):\n{INDENTED}", "from many import Many\nMany.▮"),
    ],
    ids=["module", "import", "class", "enumeration"],
)
def test_five_thousand_members_are_all_there(text: str, code: str, tmp_path: Path) -> None:
    start = start_at(tmp_path, {"many.py": text}, code)
    assert start is not None
    assert start.closed, start.reason
    assert {f"name_{number}" for number in range(MANY)} <= names(start)
    assert start.state.advance(f"name_{MANY - 1}") is not None
    assert start.state.advance(f"name_{MANY}") is None


def test_five_thousand_parameters(tmp_path: Path) -> None:
    takes = ", ".join(f"name_{number}=0" for number in range(MANY))
    start = start_at(tmp_path, {"many.py": f"def many({takes}): ...\n"}, "from many import many\nmany(name_49▮")
    assert start is None or "name_4999=" in names(start) or not start.closed


STUBS = {
    "incomplete": "from _typeshed import Incomplete\ndef __getattr__(name: str) -> Incomplete: ...\nknown: Incomplete\n",
    "any": "from typing import Any\ndef __getattr__(name: str) -> Any: ...\nknown: Any\n",
    "a getter": "from typing import Any\nclass Made:\n    def __getattr__(self, name: str) -> Any: ...\nknown: Made\n",
}


@pytest.mark.parametrize("stub", STUBS)
def test_generated_stubs_are_open(stub: str, tmp_path: Path) -> None:
    files = {"made.pyi": STUBS[stub]}
    behind_value = start_at(tmp_path, files, "import made\nmade.known.▮")
    assert behind_value is None or not behind_value.closed
    if "def __getattr__(name" in STUBS[stub]:
        module = start_at(tmp_path, files, "import made\nmade.▮")
        imported = start_at(tmp_path, files, "from made import ▮")
        assert module is None or not module.closed
        assert imported is not None
        assert not imported.closed


def test_a_stub_beside_its_module(tmp_path: Path) -> None:
    """A type checker believes the stub; what the module has at run time is legal all the same."""
    files = {
        "both.py": "class Both:\n    def only_there(self): ...\n    def run(self, x): ...\n\ndef hidden(): ...\n",
        "both.pyi": "class Both:\n    def run(self, x: int) -> str: ...\n    def only_in_stub(self) -> int: ...\n",
    }
    start = start_at(tmp_path, files, "from both import Both\nBoth().▮")
    assert {"run"} <= names(start)
    assert start is not None
    assert start.state.advance("only_there()") is not None
    assert start.state.advance("only_in_stub()") is not None
    imported = start_at(tmp_path, files, "from both import ▮")
    assert imported is not None
    assert imported.state.advance("hidden\n") is not None
    assert imported.state.advance("Both\n") is not None


@pytest.mark.parametrize("stub", ["class Both(\n    def", "\0\0", "def f(x: int) -> \n" * 50, ""])
def test_a_stub_that_is_broken_or_empty_takes_nothing_away(stub: str, tmp_path: Path) -> None:
    files = {"both.py": "class Both:\n    def run(self): ...\n", "both.pyi": stub}
    start = start_at(tmp_path, files, "from both import Both\nBoth().▮")
    assert start is None or start.state.advance("run()") is not None


@pytest.mark.parametrize(
    ("code", "there", "not_there"),
    [
        ("import space.inner\nspace.inner.▮", {"known"}, {"absent"}),
        ("from space.inner import ▮", {"known"}, {"absent"}),
        ("from space import ▮", {"inner", "other"}, set()),
        ("import space.▮", {"inner", "other", "deep"}, set()),
        ("import space.deep.er.leaf as leaf\nleaf.▮", {"value"}, {"absent"}),
    ],
)
def test_namespace_packages(code: str, there: set[str], not_there: set[str], tmp_path: Path) -> None:
    """Folders without `__init__.py`: what lies in other places on the path may be part of them too."""
    files = {"space/inner.py": "known = 1\n", "space/other.py": "", "space/deep/er/leaf.py": "value = 1\n"}
    start = start_at(tmp_path, files, code)
    assert start is not None
    assert there <= names(start)
    for name in there:
        assert start.state.advance(f"{name}\n") is not None
    for name in not_there:
        assert start.state.advance(f"{name}\n") is None


@pytest.mark.parametrize("python", ["nowhere", "main.py", "empty"])
def test_an_environment_that_does_not_exist(python: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "main.py").touch()
    text = "import json\nimport numpy_of_nobody\njson.▮"
    analysis = InlineAnalysis(Session(TreeCache(None), str(tmp_path / python)))
    before = text.partition("▮")[0]
    start = joint(analysis).start(Document(str(tmp_path / "main.py"), before, 0, str(tmp_path)), len(before))
    assert start is not None
    assert start.closed
    assert {"loads", "dumps"} <= names(start)
    before = text.replace("json.▮", "numpy_of_nobody.")
    lost = joint(analysis).start(Document(str(tmp_path / "main.py"), before, 0, str(tmp_path)), len(before))
    assert lost is not None
    assert not lost.closed


@pytest.mark.parametrize(
    "text",
    [
        "(" * 900 + "▮", "x = " + "[" * 200 + "1" + "]" * 200 + ".▮", "a" + ".b" * 900 + ".▮", "if x:\n" * 3 + "        ▮",
        "class C:\n  def f(self):\n\tself.▮", "lambda: " * 300 + "x.▮", "@" * 50 + "▮",
        "match = case = type = 1\nmatch.▮", "f'{f'{x.▮", "x = 1 if ▮ else",
    ],
)  # fmt: skip
def test_texts_that_are_hard_to_read(text: str, tmp_path: Path) -> None:
    """jedi may run out of stack on them."""
    start = start_at(tmp_path, {}, text, may_fail=True)
    assert start is None or not start.state.closed or start.state.may_end or start.state.names()
