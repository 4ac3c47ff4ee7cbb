"""Every monitor, closed and open, through `fairlead complete --json` and through the server: the same lists both ways.

The cursor of a row is `▮`. `first` begins the list, `absent` are names that would be there if nobody refused them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from fairlead.monitors.roster import ROSTER

if TYPE_CHECKING:
    from tests.server.client import Client

SERVER = [sys.executable, "-E", "-P", "-m", "fairlead.server"]

SHOP = '''\
import abc
import enum
import functools
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypedDict


class Colour(enum.Enum):
    RED = 1
    GREEN = 2


class ShopError(Exception): ...


class Shape(abc.ABC):
    def __init__(self, name: str, *, size: int = 1): ...

    @abc.abstractmethod
    def area(self) -> float: ...


class Square(Shape):
    def area(self) -> float:
        return 1.0


class Lift:
    def up(self): ...
    def down(self): ...


class Slotted:
    __slots__ = ("width", "height")


class Movie(TypedDict):
    title: str
    year: int


@dataclass
class Article:
    name: str
    price: int = 0


class Pair(NamedTuple):
    left: int
    right: int


def draw(kind: Literal["circle", "square"], width: int, colour: Colour = Colour.RED): ...


def retry(times: int, *, pause: float = 1.0):
    def decorate(function):
        return function
    return decorate


LIMIT = 3
'''
LAZY = "def __getattr__(name): ...\n\nthing = 1\n"
PROTOCOLS = """\
[tool.fairlead.protocols."shop.Lift"]
start = "below"
[tool.fairlead.protocols."shop.Lift".states]
below = {leads = {up = "above"}}
above = {leads = {down = "below"}}
"""


@dataclass(frozen=True)
class Row:
    """`decides` is the monitor that is said to decide, `says` words of the reason of `monitor`."""

    monitor: str
    code: str
    closed: bool
    first: str = ""
    absent: str = ""
    says: str = ""
    decides: str = ""


HEAD = "import functools\nfrom shop import Article, Colour, ShopError\nimport shop\n"
ROWS = {
    "dereference closed": Row("dereference", "def f(a: shop.Article):\n    a.▮", True, "name price", "sell"),
    "dereference open": Row("dereference", "def f(a):\n    a.▮", False, says="not known"),
    "store closed": Row("store", "def f(s: shop.Slotted):\n    s.▮ = 1", True, "height width", "depth"),
    "store open": Row("store", "def f(a: shop.Article):\n    a.▮ = 1", False, "name price"),
    "typestate closed": Row("typestate", "def f():\n    a = shop.Lift()\n    a.▮", True, "up", "down", "this Lift is below"),
    "typestate of a file": Row("typestate", "def f(p):\n    a = open(p)\n    a.close()\n    a.▮", True, "", "read write",
                               "this file is closed"),
    "typestate silent": Row("dereference", "def f(a: shop.Lift):\n    a.▮", True, "down up"),
    "literal closed": Row("literal", "shop.draw(\"▮", True, "circle square"),
    "literal keys": Row("literal", "def f(m: shop.Movie):\n    m[\"▮", True, "title year"),
    "keyword of a function": Row("keyword_argument", "shop.draw(\"circle\", wi▮)", False, "width=", says="any expression"),
    "keyword of a dataclass": Row("keyword_argument", "shop.Article(na▮)", False, "name="),
    "keyword of a NamedTuple": Row("keyword_argument", "shop.Pair(1, ri▮)", False, "right="),
    "keyword of a decorator": Row("keyword_argument", "@shop.retry(3, pa▮)\ndef g(): ...", False, "pause="),
    "keyword of a partial": Row("keyword_argument", "functools.partial(shop.draw, \"circle\", wi▮)", False, "width="),
    "keyword of super": Row(
        "keyword_argument", "class Disc(shop.Shape):\n    def __init__(self):\n        super().__init__(\"a\", si▮)",
        False, "size=",
    ),
    "keyword given twice": Row("keyword_argument", "shop.draw(\"circle\", width=1, ▮)", False, "colour=", "width="),
    "arity missing": Row("arity", "shop.draw(\"circle\", ▮)", False, says="still requires width"),
    "arity full": Row("arity", "shop.draw(\"circle\", 1, shop.Colour.RED, ▮)", False, says="takes 3 positional arguments"),
    "instantiation": Row("instantiation", "x = shop.Shape(▮)", False, says="does not implement area"),
    "import closed": Row("import", "from shop import S▮", True, "Shape ShopError", "Strange"),
    "import open": Row("import", "from lazy import ▮", False, "thing", says="__getattr__ of lazy"),
    "name closed": Row("name", "def f(total):\n    return tot▮", True, "total", decides="name"),
    "name open": Row("name", "def f():\n    return nothing_at_all▮", False, says="no known name"),
    "match": Row("match", "def f(c: Colour):\n    match c:\n        case Colour.RED:\n            pass\n        case ▮", False,
                 "Colour.GREEN Colour.RED"),
    "comparison": Row("match", "def f(c: Colour):\n    if c is ▮", False, "Colour.RED Colour.GREEN"),
    "comparison, by its module": Row(
        "match", "for Colour in []: pass\ndef f(c: shop.Colour):\n    if c is ▮", False, "shop.Colour.RED shop.Colour.GREEN"
    ),
    "exception": Row("exception", "raise Sho▮", False, "ShopError"),
    "annotation": Row("annotation", "def f(a: Art▮): ...", False, "Article"),
}  # fmt: skip


def lines_of(row: Row) -> tuple[str, int, int]:
    """The text without the cursor, and where that stood, counted from 0."""
    before, after = (HEAD + row.code).split("▮")
    return f"{before}{after}\n", before.count("\n"), len(before.rpartition("\n")[2])


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("monitors")
    (folder / "shop.py").write_text(SHOP)
    (folder / "lazy.py").write_text(LAZY)
    (folder / "pyproject.toml").write_text(PROTOCOLS)
    for number, row in enumerate(ROWS.values()):
        (folder / f"row{number}.py").write_text(lines_of(row)[0])
    return folder


@pytest.fixture(scope="module")
def answers(project: Path) -> dict[str, dict[str, Any]]:
    places = [lines_of(row)[1:] for row in ROWS.values()]
    done = subprocess.run(
        [*SERVER, "complete", "--json", "--no-model",
         *(f"row{number}.py:{line + 1}:{column + 1}" for number, (line, column) in enumerate(places))],
        cwd=project, capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    return dict(zip(ROWS, map(json.loads, done.stdout.splitlines()), strict=True))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(
    start_client: Callable[..., AbstractAsyncContextManager[Client]], project: Path
) -> AsyncIterator[Client]:
    async with start_client(
        [*SERVER, "serve", "--no-model"], roots=[project.as_uri()],
        options={"analysis.budget_ms": 30_000, "types.enabled": False},  # inferred types would stand in the list too
    ) as made:
        yield made


@pytest.mark.parametrize("name", ROWS)
def test_through_the_command_line(name: str, answers: dict[str, dict[str, Any]]) -> None:
    row, answer = ROWS[name], answers[name]
    said = {one["name"]: one for one in answer["monitors"]}
    labels = [item["label"] for item in answer["completions"]]
    assert row.monitor in said
    assert said[row.monitor]["closed"] == row.closed, said[row.monitor]["reason"]
    assert row.says in said[row.monitor]["reason"]
    assert labels[: len(row.first.split())] == row.first.split()
    assert not set(row.absent.split()) & set(labels)
    if row.closed or row.decides:
        assert answer["monitor"]["name"] == (row.decides or row.monitor)


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.asyncio(loop_scope="module")
async def test_through_the_server(name: str, client: Client, project: Path, answers: dict[str, dict[str, Any]]) -> None:
    text, line, column = lines_of(ROWS[name])
    uri = (project / f"row{list(ROWS).index(name)}.py").as_uri()
    client.open(uri, text)
    listed = await client.request("textDocument/completion", client.at(uri, line, column), timeout_s=60)
    items = sorted(listed["items"] if listed else [], key=lambda item: item["sortText"])
    assert [item["label"] for item in items] == [item["label"] for item in answers[name]["completions"]]


def test_every_monitor_has_a_row() -> None:
    assert {row.monitor for row in ROWS.values()} == set(ROSTER)


BROKEN = '[tool.fairlead.protocols."shop.Lift"]\nstart = "nowhere"\n'
PROBLEM = "pyproject.toml: the protocol of shop.Lift is not used"


@pytest.mark.asyncio(loop_scope="module")
async def test_what_is_wrong_with_a_protocol_is_in_the_status_until_it_is_mended(
    start_client: Callable[..., AbstractAsyncContextManager[Client]], tmp_path: Path
) -> None:
    (tmp_path / "pyproject.toml").write_text(BROKEN)
    uri, text = (tmp_path / "a.py").as_uri(), "import os\nos."
    options = {"analysis.budget_ms": 30_000}
    async with start_client([*SERVER, "serve", "--no-model"], roots=[tmp_path.as_uri()], options=options) as client:
        client.open(uri, text)
        await client.notification(
            "fairlead/status", where=lambda said: any(PROBLEM in problem for problem in said["problems"])
        )
        listed = await client.request("textDocument/completion", client.at(uri, 1, 3), timeout_s=60)
        assert "getcwd" in [item["label"] for item in listed["items"]]
        (tmp_path / "pyproject.toml").write_text(PROTOCOLS)
        client.forget("fairlead/status")
        await client.request("textDocument/completion", client.at(uri, 1, 3), timeout_s=60)
        await client.notification("fairlead/status", where=lambda said: said["problems"] == [])


def test_the_doctor_says_what_is_wrong_with_a_protocol(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(BROKEN)
    done = subprocess.run(
        [*SERVER, "doctor", "--model", "no_model", "--root", "."], cwd=tmp_path, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    said = next(line for line in done.stdout.splitlines() if "protocols:" in line)
    assert said.startswith("FAIL")
    assert PROBLEM in said
