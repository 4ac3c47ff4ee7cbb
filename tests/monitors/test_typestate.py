"""What an object's state allows: annotated source, the laws, bad declarations, and the standard protocols held to Python.

In the cases, `#? closed NAMES; not NAMES` and `#? open NAMES; not NAMES` say which members are left and which are
refused, `#? silent` that the monitor has nothing to say. Of the other markers in a file their lines become `pass`.
"""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from fairlead.monitors.analysis import Document, Members
from fairlead.monitors.cases import Case, cases
from fairlead.monitors.dereference import DereferenceState
from fairlead.monitors.errors import AnalysisDown
from fairlead.monitors.fixed import FixedAnalysis
from fairlead.monitors.inline import InlineAnalysis
from fairlead.monitors.laws import StateLaws
from fairlead.monitors.monitor import Question, Start
from fairlead.monitors.protocols import protocols_of, read
from fairlead.monitors.roster import joint
from fairlead.monitors.standard_protocols import STANDARD
from fairlead.monitors.typestate import Typestate, TypestateState

CASES = Path(__file__).parent / "cases"


@cache
def here() -> InlineAnalysis:
    return InlineAnalysis()


def start_at(text: str, analysis: FixedAnalysis | None = None, root: str = "", path: str = "/p/case.py") -> Start | None:
    offset = text.index("▮")
    return Typestate(analysis or here()).start(Document(path, text.replace("▮", ""), 0, root), offset)


ALL = list(cases(CASES / "typestate.py"))


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_case(case: Case) -> None:
    found = start_at(f"{case.before}▮{case.behind}")
    verdict, _, rest = case.claims.partition(" ")
    if verdict == "silent":
        assert found is None
        return
    wanted, _, unwanted = rest.partition("; not ")
    assert found is not None
    assert found.closed == (verdict == "closed"), found.reason
    assert set(wanted.split()) <= found.members.names
    assert set(unwanted.split()) <= found.members.refused
    assert not found.members.refused & found.members.names
    assert "this " in found.reason


def test_there_are_enough_of_them() -> None:
    verdicts = [case.claims.partition(" ")[0] for case in ALL]
    assert verdicts.count("closed") >= 20
    assert verdicts.count("open") >= 3
    assert verdicts.count("silent") >= 20


CLOSED_FILE = "def f(p):\n    f = open(p)\n    f.close()\n    f.▮\n"
FILE = ["read", "readline", "write", "close", "name"]


def test_the_reason_names_the_state() -> None:
    found = start_at(CLOSED_FILE, FixedAnalysis({"f": FILE}))
    assert found is not None
    assert found.reason == "this file is closed"
    assert {member.name for member in found.members.members} == {"close", "name"}


def test_where_analysis_does_not_know_all_members_the_wrong_ones_are_refused() -> None:
    found = start_at(CLOSED_FILE, FixedAnalysis({"f": FILE}, closed=False))
    assert found is not None
    assert not found.closed
    assert found.state.advance("read()") is None
    assert found.state.advance("read").may_end is False  # type: ignore[union-attr] # it is no refusal: readable begins so
    assert found.state.advance("readiness()") is not None
    assert found.state.advance("close()") is not None


class Down(FixedAnalysis):
    """Has died."""

    def members(self, document: Document, offset: int) -> Future[Members]:
        future: Future[Members] = Future()
        future.set_exception(AnalysisDown("killed"))
        return future


def test_without_analysis_the_state_still_refuses() -> None:
    found = start_at(CLOSED_FILE, Down({}))
    assert found is not None
    assert not found.closed
    assert "analysis is down: killed" in found.reason
    assert found.state.advance("read(") is None


def test_late_analysis_leaves_the_monitor_silent() -> None:
    class Late(FixedAnalysis):
        def members(self, document: Document, offset: int) -> Future[Members]:
            return Future()

    text = CLOSED_FILE.replace("▮", "")
    assert Typestate(Late({})).start(Document("/p/a.py", text), CLOSED_FILE.index("▮"), 10) is None


def test_what_a_person_half_typed_is_not_held_against_them() -> None:
    found = start_at(CLOSED_FILE.replace("▮", "read▮"), FixedAnalysis({"f": FILE}))
    assert found is not None
    assert not found.closed
    assert found.state.advance("()") is not None


def test_the_list_of_joint_monitors_has_what_the_state_leaves() -> None:
    text = CLOSED_FILE.replace("▮", "")
    found = joint(FixedAnalysis({"f": FILE})).start(Document("/p/a.py", text), CLOSED_FILE.index("▮"))
    assert found is not None
    assert (found.monitor, found.closed) == ("typestate", True)
    assert {member.name for member in found.members.members} == {"close", "name"}
    assert [other.monitor for other in found.others if other.closed] == ["dereference"]
    assert found.state.names() == frozenset({"close", "name"})


def test_generated_dots_are_followed_too() -> None:
    text = "def f(p):\n    f = open(p)\n    "
    monitor = Typestate(FixedAnalysis({"f": FILE}))
    document = Document("/p/a.py", text)
    state = monitor.watch(document, len(text)).advance("f.close()\n    f.read()\n")
    assert state is not None
    first, second = state.questions
    state = state.resolve(monitor.ask(document, len(text), first).result())
    assert state is not None
    answer = monitor.ask(document, len(text), second).result()
    assert answer.reason == "this file is closed"
    assert state.resolve(answer) is None


class TestLaws(StateLaws):
    def states(self) -> Sequence[Any]:
        left = frozenset({"append", "ab"})
        asked = TypestateState().advance("x.")
        assert asked is not None
        return [
            TypestateState(),
            TypestateState(DereferenceState(legal=left, closed=True), frozenset({"a", "x"})),
            TypestateState(DereferenceState(legal=left), frozenset({"a", "x"})),
            asked.resolve(Members(extra_names=left, refused=frozenset({"x", "a"}))),
        ]


# A user's own protocols

LINK = """
[tool.fairlead.protocols."shop.link.Link"]
start = "idle"
created = {"shop.link.dial" = "live"}
with_self = true
final = ["closed"]
[tool.fairlead.protocols."shop.link.Link".states]
idle = {leads = {open = "live"}}
live = {legal = ["send", "recv"], leads = {close = "closed", __exit__ = "closed"}}
closed = {}
"""
LINK_NAMES = ["open", "send", "recv", "close", "name"]


def project(folder: Path, toml: str) -> str:
    (folder / "pyproject.toml").write_text(toml, "utf-8")
    return str(folder)


def left(root: str, text: str, path: str = "use.py") -> set[str] | None:
    """The members left at the marker; None where the monitor is silent."""
    found = start_at(text, FixedAnalysis({"x": LINK_NAMES, "f": FILE}), root, os.path.join(root, path))
    return None if found is None else {member.name for member in found.members.members}


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("from shop.link import Link\ndef f():\n    x = Link()\n    x.▮", {"open", "name"}),
        ("from shop.link import Link as L\ndef f():\n    x = L()\n    x.open()\n    x.▮", {"send", "recv", "close", "name"}),
        ("import shop.link\ndef f():\n    x = shop.link.dial(1)\n    x.close()\n    x.▮", {"name"}),
        ("import shop.link as k\ndef f():\n    with k.dial(1) as x:\n        x.▮", {"send", "recv", "close", "name"}),
        ("from shop.link import Link\ndef f():\n    x = Link()\n    x.open()\n    x.name\n    x.▮",
         {"send", "recv", "close", "name"}),
        ("from other import Link\ndef f():\n    x = Link()\n    x.▮", None),
        ("def f(Link):\n    x = Link()\n    x.▮", None),
        ("from shop.link import Link\nfrom more import *\nLink = 3\ndef f():\n    x = Link()\n    x.▮", None),
        ("from shop.link import Link\ndef f(x: Link):\n    x.▮", None),
    ],
)  # fmt: skip
def test_a_protocol_of_one_s_own(tmp_path: Path, body: str, names: set[str] | None) -> None:
    assert left(project(tmp_path, LINK), body) == names


def test_the_class_in_its_own_module_and_by_a_relative_import(tmp_path: Path) -> None:
    root = project(tmp_path, LINK)
    own = "class Link: ...\ndef f():\n    x = Link()\n    x.▮"
    assert left(root, own, "shop/link.py") == {"open", "name"}
    assert left(root, own, "src/shop/link.py") == {"open", "name"}
    assert left(root, own, "elsewhere.py") is None
    relative = "from .link import Link\ndef f():\n    x = Link()\n    x.▮"
    assert left(root, relative, "shop/use.py") == {"open", "name"}
    assert left(root, "from ..link import Link\ndef f():\n    x = Link()\n    x.▮", "shop/sub/use.py") == {"open", "name"}
    assert left(root, relative, "other/use.py") is None


def test_protocols_in_a_file_of_their_own_are_read_again_when_it_changes(tmp_path: Path) -> None:
    root = project(tmp_path, '[tool.fairlead]\nprotocols = "states.toml"\n')
    text = "from shop.link import Link\ndef f():\n    x = Link()\n    x.▮"
    assert left(root, text) is None
    assert "states.toml: cannot be read" in protocols_of(root).problems[0]
    (tmp_path / "states.toml").write_text(LINK.replace("tool.fairlead.protocols.", ""), "utf-8")
    assert left(root, text) == {"open", "name"}
    (tmp_path / "states.toml").write_text("", "utf-8")
    assert left(root, text) is None


def test_like_takes_over_the_states(tmp_path: Path) -> None:
    root = project(tmp_path, '[tool.fairlead.protocols."shop.Worker"]\nlike = "threading.Thread"\nstart = "new"\n')
    found = protocols_of(root)
    assert found.problems == ()
    assert found.by_name["shop.Worker"].refused(["new"]) == {"join"}
    assert found.maker("threading.Thread") is not None
    made = found.maker("shop.Worker")
    assert made is not None
    assert made[0].name == "shop.Worker"


BAD = [
    ("[tool.fairlead", "is no TOML"),
    ("[tool]\nfairlead = 3", ""),
    ("[tool.fairlead]\nprotocols = 3", "must be a table of classes"),
    ('[tool.fairlead.protocols]\n"a.B" = 3', "it is no table"),
    ('[tool.fairlead.protocols."a.B"]', "it has no states"),
    ('[tool.fairlead.protocols."a.B"]\nstart = "on"\nstates = 3', "it has no states"),
    ('[tool.fairlead.protocols."a.B"]\nstates = {on = {}}', "neither start nor created"),
    ('[tool.fairlead.protocols."a.B"]\nstart = "off"\nstates = {on = {}}', "'off' is no state"),
    ('[tool.fairlead.protocols."a.B"]\nstart = "on"\nstates = {on = 3}', "state 'on': it must be a table"),
    ('[tool.fairlead.protocols."a.B"]\nstart = "on"\nstates = {on = {leads = {x = "of"}}}', "'of', which is no state"),
    ('[tool.fairlead.protocols."a.B"]\nstart = "on"\nstates = {on = {leads = {x = 3}}}', "x must be a method"),
    ('[tool.fairlead.protocols."a.B"]\nstart = "on"\nstates = {on = {legal = "x"}}', "legal must be a list"),
    ('[tool.fairlead.protocols."a.B"]\nstart = "on"\nstates = {on = {more = []}}', "'more' is neither"),
    ('[tool.fairlead.protocols."a.B"]\nbegin = "on"\nstates = {on = {}}', "'begin' is none of"),
    ('[tool.fairlead.protocols."a b"]\nstart = "on"\nstates = {on = {}}', "no dotted name"),
    ('[tool.fairlead.protocols."a.B"]\nstart = "on"\nfinal = ["no"]\nstates = {on = {}}', "final: 'no' is no state"),
    ('[tool.fairlead.protocols."a.B"]\nstart = "on"\nwith_self = 1\nstates = {on = {}}', "with_self must be"),
    ('[tool.fairlead.protocols."a.B"]\nstart = "on"\nfinal = ["on"]\nstates = {on = {leads = {x = "off"}}, off = {}}',
     "something leads out of it"),
    ('[tool.fairlead.protocols."a.B"]\nlike = "a.B"', "it is like itself: a.B → a.B"),
    ('[tool.fairlead.protocols."a.B"]\nlike = "a.C"\n[tool.fairlead.protocols."a.C"]\nlike = "a.B"', "it is like itself"),
    ('[tool.fairlead.protocols."a.B"]\nlike = "a.C"', "there is no protocol of a.C"),
]  # fmt: skip


@pytest.mark.parametrize(("toml", "problem"), BAD, ids=[str(number) for number in range(len(BAD))])
def test_a_declaration_that_cannot_be_used_costs_its_guidance_and_nothing_else(
    tmp_path: Path, toml: str, problem: str
) -> None:
    root = project(tmp_path, toml)
    problems = protocols_of(root).problems
    assert any(problem in one for one in problems) if problem else not problems
    assert left(root, "from a import B\ndef f():\n    x = B()\n    x.▮") is None
    assert left(root, CLOSED_FILE) == {"close", "name"}


def test_files_that_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pyproject.toml")
    assert "cannot be read" in protocols_of(str(tmp_path)).problems[0]
    (tmp_path / "pyproject.toml").unlink()
    (tmp_path / "pyproject.toml").write_bytes(b"\xff\xfe\0")
    assert "is no TOML" in protocols_of(str(tmp_path)).problems[0]
    (tmp_path / "pyproject.toml").write_text("x = " + "[" * 5000, "utf-8")
    assert "is no TOML" in protocols_of(str(tmp_path)).problems[0]
    (tmp_path / "pyproject.toml").write_text("#" * 600_000, "utf-8")
    assert "too many" in protocols_of(str(tmp_path)).problems[0]


def test_one_bad_protocol_leaves_the_others() -> None:
    found = read({"a.B": {}, "a.C": {"start": "on", "states": {"on": {}, "off": {"legal": ["x"]}}}}, "here")
    assert found.problems == ("here: the protocol of a.B is not used: it has no states",)
    assert found.by_name["a.C"].refused(["on"]) == {"x"}


# What ours refuse raises in Python

ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "write": ("x",), "writelines": (["x"],), "seek": (0,), "bind": (("127.0.0.1", 0),), "connect": (("127.0.0.1", 9),),
    "getsockopt": (socket.SOL_SOCKET, socket.SO_TYPE), "setsockopt": (socket.SOL_SOCKET, socket.SO_REUSEADDR, 1),
    "recv": (1,), "recvfrom": (1,), "recv_into": (bytearray(1),), "recvfrom_into": (bytearray(1),), "send": (b"x",),
    "sendall": (b"x",), "sendto": (b"x", ("127.0.0.1", 9)), "shutdown": (socket.SHUT_RDWR,), "execute": ("select 1",),
    "executemany": ("select ?", [(1,)]), "executescript": ("select 1",), "create_function": ("f", 0, int),
    "create_aggregate": ("f", 0, object), "create_collation": ("c", None), "set_authorizer": (None,),
    "set_progress_handler": (None, 1), "set_trace_callback": (None,),
}  # fmt: skip


def made(kind: str, state: str, folder: Path) -> list[Any]:
    """Objects in the state."""
    file = folder / "a.txt"
    file.write_text("a\nb\n", "utf-8")
    if kind == "io.IOBase":
        modes = {"reading": ["r", "rb"], "writing": ["w", "wb", "a", "x"], "open": ["r+"], "closed": ["r", "rb", "w", "r+b"]}
        files: list[Any] = [open(folder / "x.txt" if "x" in mode else file, mode) for mode in modes[state]]  # noqa: SIM115 # closed by the test
        if "b" in "".join(modes[state]):
            files.append(open(file, modes[state][1], buffering=0))  # noqa: SIM115 # closed by the test
        if state == "closed":
            for one in files:
                one.close()
        return files
    if kind == "socket.socket":
        found = [socket.socket(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)]
        if state == "closed":
            for one in found:
                one.close()
        return found
    if kind == "sqlite3.Connection":
        connection = sqlite3.connect(":memory:")
        if state == "closed":
            connection.close()
        return [connection]
    if kind == "threading.Lock":
        lock = threading.Lock()
        if state == "locked":
            lock.acquire()
        return [lock]
    thread = threading.Thread(target=int)
    if state == "started":
        thread.start()
    return [thread]


REFUSALS = [
    (name, state, method)
    for name, protocol in protocols_of("").by_name.items()
    for state in protocol.stages
    for method in sorted(protocol.refused([state]))
]


@pytest.mark.parametrize(("kind", "state", "method"), REFUSALS)
def test_what_a_standard_protocol_refuses_raises(kind: str, state: str, method: str, tmp_path: Path) -> None:
    for one in made(kind, state, tmp_path):
        try:
            arguments = ARGUMENTS.get(method, ())
            if method in ("write", "writelines") and not hasattr(one, "encoding") and kind == "io.IOBase":
                arguments = (b"x",) if method == "write" else ([b"x"],)
            if method == "backup":
                arguments = (sqlite3.connect(":memory:"),)
            with pytest.raises((ValueError, OSError, RuntimeError, AttributeError, sqlite3.ProgrammingError)):
                getattr(one, method)(*arguments)
        finally:
            for opened in (one, *arguments):
                close: Callable[[], None] | None = getattr(opened, "close", None)
                if close is not None:
                    close()


def test_the_standard_protocols_are_all_used() -> None:
    found = protocols_of("")
    assert found.problems == ()
    assert set(found.by_name) == set(STANDARD)


def test_on_the_command_line(tmp_path: Path) -> None:
    root = Path(project(tmp_path, LINK))
    (root / "shop").mkdir()
    (root / "shop" / "__init__.py").touch()
    (root / "shop" / "link.py").write_text(
        "class Link:\n    def open(self): ...\n    def send(self): ...\n    def recv(self): ...\n    def close(self): ...\n",
        "utf-8",
    )
    text = (
        "from shop.link import Link\n\n\ndef talk():\n    x = Link()\n    x.open()\n    x.\n\n\n"
        "def read():\n    f = open('a')\n    f.close()\n    f.\n"
    )
    (root / "use.py").write_text(text, "utf-8")
    done = subprocess.run(
        [sys.executable, "-E", "-P", "-m", "fairlead.server", "complete", "--json", "--no-model", "use.py:7:7", "use.py:13:7"],
        cwd=root, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    link, file = (json.loads(line) for line in done.stdout.splitlines())
    assert link["monitor"]["name"] == "typestate"
    assert link["monitor"]["closed"]
    assert link["monitor"]["reason"] == "this Link is live"
    assert {item["label"] for item in link["completions"]} == {"send", "recv", "close"}
    assert [one["name"] for one in link["monitors"]][:2] == ["typestate", "dereference"]
    assert file["monitor"]["reason"] == "this file is closed"
    labels = {item["label"] for item in file["completions"]}
    assert {"close", "closed", "name"} <= labels
    assert not {"read", "write", "readline", "seek"} & labels


def test_a_question_about_no_attribute_is_answered_open() -> None:
    monitor = Typestate(FixedAnalysis({}))
    answer = monitor.ask(Document("/p/a.py", "x = 3"), 5, Question("."), ).result()
    assert not answer.closed
    assert not answer.refused


def test_the_declaration_in_the_documentation_does_what_it_says(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "monitors.md").read_text("utf-8")
    (tmp_path / "pyproject.toml").write_text(page.partition("```toml\n")[2].partition("```")[0], "utf-8")
    assert protocols_of(str(tmp_path)).problems == ()
    head = "from shop.link import Link\ndef f():\n    x = Link()\n"
    table = FixedAnalysis({"x": ["open", "send", "close", "name"]})
    new = start_at(f"{head}    x.▮\n", table, str(tmp_path))
    assert new is not None
    assert {member.name for member in new.members.members} == {"open", "name"}
    assert new.reason == "this link is idle"
    opened = start_at(f"{head}    x.open()\n    x.▮\n", table, str(tmp_path))
    assert opened is not None
    assert {member.name for member in opened.members.members} == {"send", "close", "name"}
