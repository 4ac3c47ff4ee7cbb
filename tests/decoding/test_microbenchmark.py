"""The ten cases of the published micro-benchmark (MGD-MicroBench), in Python, on real analysis.

A scripted model wants to write what is wrong; unguided it does, guided it writes what is right. The letters are those
of the paper: class instantiation, switch over an enumeration, number of arguments, valid dereferences, joint,
typestate, session types.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fairlead.decoding.fakes import SecondThoughts, byte_tokenizer, decoder_of
from fairlead.decoding.offer import Limits, Offer
from fairlead.monitors.analysis import Document
from fairlead.monitors.cache import TreeCache
from fairlead.monitors.inline import InlineAnalysis
from fairlead.monitors.jedi_session import Session
from fairlead.monitors.roster import ROSTER, joint

FILES = {
    "nodes.py": '''
class Node: ...

class Builder:
    def with_ip_port(self, ip: str, port: str) -> "Builder":
        return self

    def build(self) -> Node:
        return Node()
''',
    "people.py": '''
from abc import ABC, abstractmethod

class Person(ABC):
    def __init__(self, name: str, number: int) -> None: ...

    @abstractmethod
    def speak(self) -> str: ...

class Student(Person):
    def speak(self) -> str:
        return "hello"
''',
    "machine.py": '''
from enum import Enum

class AccessSize(Enum):
    Byte = 1
    Word = 2

class Intrinsic(Enum):
    Comisdlt = 1
    Comisdge = 2

class Condition(Enum):
    Below = 1
    Above = 2

def emit(condition: Condition) -> str: ...
''',
    "player.py": '''
class Player:
    def stop(self) -> None: ...
    def reset(self) -> None: ...
    def load(self, path: str) -> None: ...
''',
    "pins.py": '''
class FloatingInput:
    def set_input_high_z(self) -> "FloatingInput": ...
    def is_high(self) -> bool: ...

class Pin:
    def into_floating_input(self) -> FloatingInput: ...
    def into_pull_up(self) -> "PullUp": ...

class PullUp:
    def set_input_pull_up(self) -> "PullUp": ...
''',
    "session.py": '''
class Ended: ...

class Reply:
    def recv(self) -> Ended: ...

class Request:
    def send(self, number: int) -> Reply: ...
''',
    "pyproject.toml": '''
[tool.fairlead.protocols."player.Player"]
start = "stopped"
[tool.fairlead.protocols."player.Player".states]
stopped = {leads = {reset = "idle"}}
idle = {leads = {load = "ready"}}
ready = {leads = {stop = "stopped"}}
''',
}
"""The project that the cases are written in."""

WORDS = [
    ".with", "_ip", ".with_ip", "_ip_port", "_port", "(arr", "arr[0]", "arr[1]", ")", ").", ".host", ".port", ".build",
    "()", "()\n", ")\n", "\n", "return ", "node", " = ", ", ", "(", '"John"', "1001", "Person", "Student", "AccessSize",
    "AccessSize.", "AccessSizes", ".Byte", ".Bite", ":\n", ":", "case ", "Intrinsic", ".Comisd", "gt", "lt", "Condition",
    ".Less", "Than", ".Below", "emit", "player", ".stop", ".reset", ".set_input", "_pull_up", "_high_z", "().", ".recv",
    ".send", "(0)", ".recv()",
]  # fmt: skip

BOLD = Limits(min_token=0.0, min_legal_mass=0.0)
"""For scripts so sure of themselves that everything else is next to impossible."""


@dataclass(frozen=True)
class Case:
    """`script` is what the model wants to write, `second` what it would write instead where that is refused.

    `monitors` are those that it takes; with any one of `alone` some of it stays wrong.
    """

    monitors: str
    text: str
    script: Mapping[str, str]
    wrong: str
    right: str
    second: Mapping[str, str] = field(default_factory=dict)

    @property
    def alone(self) -> list[str]:
        return self.monitors.split() if " " in self.monitors else []


PEOPLE = "from people import Person, Student\n\n\ndef main():\n    "
NODES = "from nodes import Builder\n\n\ndef make(arr: list[str], builder: Builder):\n    "
MACHINE = (
    "from machine import AccessSize, Condition, Intrinsic, emit\n\n\ndef generate(size: AccessSize, what: Intrinsic):\n    "
)

CASES = {
    "CI1: a class that is abstract": Case(
        "instantiation name", f"{PEOPLE}x = ", {"x = ": 'Person("John", 1001)\n', "Student": '("John", 1001)\n'},
        'Person("John", 1001)', 'Student("John", 1001)', {"x = ": "Student"},
    ),
    "SE1: an enumeration that does not exist": Case(
        "name", f"{MACHINE}match size:\n        case ",
        {"case AccessSize": ".Byte:\n", "case ": "AccessSizes.Byte:\n"}, "AccessSizes.Byte:", "AccessSize.Byte:",
        {"case ": "AccessSize"},
    ),
    "SE2: a member that its enumeration does not have": Case(
        "dereference", f"{MACHINE}match what:\n        case ",
        {"case ": "Intrinsic.Comisdgt:\n", ".Comisdlt": ":\n"}, "Intrinsic.Comisdgt:", "Intrinsic.Comisdlt:",
        {"Intrinsic": ".Comisdlt"},
    ),
    "NA1: an argument is missing": Case(
        "arity", f"{NODES}node = ",
        {"node = ": "builder.with_ip_port(arr[0]).build()\n", ", ": "arr[1]).build()\n"},
        "builder.with_ip_port(arr[0]).build()", "builder.with_ip_port(arr[0], arr[1]).build()", {"(arr[0]": ", "},
    ),
    "VD1: a method that does not exist, and one behind it": Case(
        "dereference", f"{NODES}node = builder.",
        {"node = builder": ".host(arr[0], arr[1]).port()\n", ".with_ip_port": "(arr[0], arr[1]).port()\n", ".build": "()\n"},
        "host(arr[0], arr[1]).port()", "with_ip_port(arr[0], arr[1]).build()",
        {"node = builder": ".with_ip_port", "(arr[0], arr[1])": ".build"},
    ),
    "J1: an enumeration and its member": Case(
        "name dereference", f"{MACHINE}match size:\n        case ",
        {"case AccessSize": ".Bite:\n", "case ": "AccessSizes.Bite:\n", ".Byte": ":\n"},
        "AccessSizes.Bite:", "AccessSize.Byte:", {"case ": "AccessSize", "case AccessSize": ".Byte"},
    ),
    "J2: members and the number of arguments": Case(
        "dereference arity", f"{NODES}node = ",
        {"node = ": "builder.with_ip_port(arr[0]).port()\n", ", ": "arr[1]).port()\n", ".build": "()\n"},
        "builder.with_ip_port(arr[0]).port()", "builder.with_ip_port(arr[0], arr[1]).build()",
        {"(arr[0]": ", ", "(arr[0], arr[1])": ".build", "(arr[0])": ".build"},
    ),
    "TS1: a player that has stopped": Case(
        "typestate", "from player import Player\n\n\ndef play():\n    player = Player()\n    ",
        {"Player()\n    ": "player.stop()\n", "player.reset": "()\n"}, "player.stop()", "player.reset()",
        {"Player()\n    player": ".reset"},
    ),
    "TS2: the states of a pin, as types": Case(
        "dereference", "from pins import Pin\n\n\ndef configure(pin: Pin):\n"
        "    floating = pin.into_floating_input()\n    ready = ",
        {"ready = ": "floating.set_input_pull_up()\n", ".set_input_high_z": "()\n"}, "floating.set_input_pull_up()",
        "floating.set_input_high_z()", {"ready = floating": ".set_input_high_z"},
    ),
    "ST1: the steps of a session, as types": Case(
        "dereference", "from session import Request\n\n\ndef ask(request: Request):\n    return ",
        {"return ": "request.recv()\n", ".send": "(0).recv()\n"}, "request.recv()", "request.send(0).recv()",
        {"return request": ".send"},
    ),
}  # fmt: skip


CASES_OF = {name.partition(":")[0]: case for name, case in CASES.items()}


class Late(InlineAnalysis):
    """Answers when the model has written on."""

    def _ask(self, verb: str, document: Document, offset: int, name: str, key: tuple[Any, ...]) -> Future[Any]:
        future: Future[Any] = Future()
        threading.Timer(0.02, future.set_result, [super()._ask(verb, document, offset, name, key).result()]).start()
        return future


@pytest.fixture(scope="module")
def session() -> Session:
    return Session(TreeCache(None))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    for name, text in FILES.items():
        (folder / name).write_text(text, "utf-8")
    return folder


def write(case: Case, root: Path, analysis: InlineAnalysis | None, monitors: str) -> Offer:
    """The first offer under these monitors (no analysis: unguided)."""
    tokenizer = byte_tokenizer(WORDS)
    engine = SecondThoughts(tokenizer, case.script, case.second)
    guide = joint(analysis, monitors.split()) if analysis is not None else None
    document = Document(str(root / "main.py"), case.text, 0, str(root))
    written = decoder_of(tokenizer, engine).write(document, len(case.text), guide, BOLD)
    assert written.offers, written.reason
    return written.offers[0]


@pytest.mark.parametrize("name", CASES)
def test_wrong_unguided(name: str, root: Path) -> None:
    case = CASES[name]
    offer = write(case, root, None, "")
    assert (offer.text, offer.provenance) == (case.wrong, "model")


@pytest.mark.parametrize("analysis", [InlineAnalysis, Late], ids=["at once", "late"])
@pytest.mark.parametrize("name", CASES)
def test_right_when_guided(name: str, analysis: type[InlineAnalysis], root: Path, session: Session) -> None:
    case = CASES[name]
    offer = write(case, root, analysis(session), case.monitors)
    assert (offer.text, offer.provenance) == (case.right, "model, checked")


@pytest.mark.parametrize("name", CASES)
def test_right_with_every_monitor_there_is(name: str, root: Path, session: Session) -> None:
    case = CASES[name]
    offer = write(case, root, InlineAnalysis(session), " ".join(ROSTER))
    assert (offer.text, offer.provenance) == (case.right, "model, checked")


@pytest.mark.parametrize(("name", "monitor"), [(name, one) for name in ("J1", "J2") for one in CASES_OF[name].alone])
def test_one_monitor_leaves_the_error_of_the_other(name: str, monitor: str, root: Path, session: Session) -> None:
    offer = write(CASES_OF[name], root, InlineAnalysis(session), monitor)
    assert offer.text != CASES_OF[name].right


def test_there_are_ten() -> None:
    assert sorted(CASES_OF) == ["CI1", "J1", "J2", "NA1", "SE1", "SE2", "ST1", "TS1", "TS2", "VD1"]
