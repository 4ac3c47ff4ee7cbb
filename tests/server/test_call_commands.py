"""The monitors of calls through `fairlead complete --json --no-model`: what is listed, and what is said about the call."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

CODE = """\
import abc
from typing import Literal


class Shape(abc.ABC):
    def __init__(self, name: str, *, size: int = 1): ...

    @abc.abstractmethod
    def area(self): ...


def draw(kind: Literal["circle", "square"], width: int, colour: str = ""): ...


draw("circle", wi)
draw("circle", 1, 2, )
x = Shape()
draw("ci")
draw(kind="", width=1)
x = 1
"""
POSITIONS = {"half a name": "15:18", "full": "16:22", "abstract": "17:11", "string": "18:9", "empty string": "19:12",
             "no call": "20:5"}  # fmt: skip


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("calls")
    (folder / "pyproject.toml").touch()
    (folder / "shapes.py").write_text(CODE)
    done = subprocess.run(
        [sys.executable, "-E", "-P", "-m", "fairlead.server", "complete", "--json", "--no-model",
         *(f"shapes.py:{place}" for place in POSITIONS.values())],
        cwd=folder, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return dict(zip(POSITIONS, map(json.loads, done.stdout.splitlines()), strict=True))


def said(answer: dict[str, Any]) -> dict[str, str]:
    return {monitor["name"]: monitor["reason"] for monitor in answer["monitors"]}


def labels(answer: dict[str, Any]) -> list[str]:
    return [item["label"] for item in answer["completions"]]


def test_names_of_parameters_come_first_and_names_in_scope_behind_them(answers: dict[str, dict[str, Any]]) -> None:
    answer = answers["half a name"]
    assert answer["completions"][0] == {
        "label": "width=", "kind": "parameter", "probability": None, "provenance": "analysis",
    }  # fmt: skip
    assert not answer["monitor"]["closed"]
    assert said(answer)["keyword_argument"] == "an argument may be any expression"
    assert said(answer)["arity"] == "draw() still requires width"


def test_a_call_that_is_full_says_so(answers: dict[str, dict[str, Any]]) -> None:
    answer = answers["full"]
    assert "width=" not in labels(answer)
    assert {"draw", "Shape", "print"} <= set(labels(answer))
    assert said(answer)["arity"] == "draw() takes 3 positional arguments at most"


def test_an_abstract_class_says_what_it_lacks(answers: dict[str, dict[str, Any]]) -> None:
    assert said(answers["abstract"])["instantiation"] == "Shape is abstract: it does not implement area"
    assert labels(answers["abstract"])[:2] == ["name=", "size="]


@pytest.mark.parametrize(("place", "listed"), [("string", ["circle"]), ("empty string", ["circle", "square"])])
def test_strings_of_a_literal_type_are_closed(
    answers: dict[str, dict[str, Any]], place: str, listed: list[str]
) -> None:
    answer = answers[place]
    assert (answer["monitor"]["name"], answer["monitor"]["closed"]) == ("literal", True)
    assert labels(answer) == listed
    assert {item["kind"] for item in answer["completions"]} == {"constant"}


def test_elsewhere_they_have_nothing_to_say(answers: dict[str, dict[str, Any]]) -> None:
    assert not {"keyword_argument", "arity", "instantiation", "literal"} & set(said(answers["no call"]))


def test_each_can_be_switched_off() -> None:
    from fairlead.server.settings import from_json, monitors_on

    for name in ("keyword_argument", "arity", "instantiation", "literal"):
        settings, problems = from_json({"monitors": {name: False}})
        assert not problems
        assert name not in monitors_on(settings)
