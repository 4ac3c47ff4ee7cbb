"""The monitors of words through `fairlead complete --json --no-model`: what is listed, in which order, and what is said."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

COLORS = """\
import enum


class Color(enum.Enum):
    RED = 1
    GREEN = 2


class ShopError(Exception): ...


LIMIT = 3
"""
CODE = """\
from shop.colors import Color, ShopError, LIMIT


def paint(color: Color, count):
    total = count + 1
    print(tot)
    match color:
        case Color.GREEN:
            pass
        case Co
    if color is\x20
        raise Sho
    value: Co
    return nothing

from shop.colors import\x20
from shop.lazy import\x20
import shop.
"""
PLACES = {"name": "6:14", "case": "10:16", "is": "11:17", "raise": "12:18", "annotation": "13:14", "unknown": "14:19",
          "import": "16:25", "lazy": "17:23", "module": "18:13", "statement": "15:1", "member": "8:20"}  # fmt: skip


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("words")
    (folder / "pyproject.toml").touch()
    (folder / "shop").mkdir()
    (folder / "shop" / "__init__.py").touch()
    (folder / "shop" / "colors.py").write_text(COLORS)
    (folder / "shop" / "lazy.py").write_text("def __getattr__(name): ...\n\nthing = 1\n")
    (folder / "paint.py").write_text(CODE)
    done = subprocess.run(
        [sys.executable, "-E", "-P", "-m", "fairlead.server", "complete", "--json", "--no-model",
         *(f"paint.py:{place}" for place in PLACES.values())],
        cwd=folder, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return dict(zip(PLACES, map(json.loads, done.stdout.splitlines()), strict=True))


def labels(answer: dict[str, Any]) -> list[str]:
    return [item["label"] for item in answer["completions"]]


def verdict(answer: dict[str, Any]) -> tuple[str, bool]:
    return answer["monitor"]["name"], answer["monitor"]["closed"]


def test_names_in_scope(answers: dict[str, dict[str, Any]]) -> None:
    assert verdict(answers["name"]) == ("name", True)
    assert labels(answers["name"]) == ["total"]
    assert answers["name"]["completions"][0]["kind"] == "variable"


def test_a_name_nobody_binds_is_said_to_be_unknown(answers: dict[str, dict[str, Any]]) -> None:
    assert verdict(answers["unknown"]) == ("name", False)
    assert answers["unknown"]["monitor"]["reason"] == "no known name begins with 'nothing'"


def test_where_a_statement_begins_a_new_name_may_be_bound(answers: dict[str, dict[str, Any]]) -> None:
    assert verdict(answers["statement"]) == ("name", False)
    assert answers["statement"]["monitor"]["reason"] == "a new name may be bound here"
    assert {"Color", "paint", "len", "return", "import"} <= set(labels(answers["statement"]))
    assert "total" not in labels(answers["statement"])


def test_what_enumerations_are_compared_with(answers: dict[str, dict[str, Any]]) -> None:
    """The member that another case has comes last."""
    assert labels(answers["case"])[:2] == ["Color.RED", "Color.GREEN"]
    assert labels(answers["is"])[:2] == ["Color.RED", "Color.GREEN"]
    assert verdict(answers["member"]) == ("dereference", True)
    assert labels(answers["member"])[:2] == ["RED", "GREEN"]


def test_exceptions_come_first_behind_raise(answers: dict[str, dict[str, Any]]) -> None:
    assert labels(answers["raise"])[0] == "ShopError"
    assert [one["name"] for one in answers["raise"]["monitors"]] == ["name", "exception"]


def test_types_come_first_in_annotations(answers: dict[str, dict[str, Any]]) -> None:
    assert labels(answers["annotation"])[0] == "Color"
    assert "annotation" in [one["name"] for one in answers["annotation"]["monitors"]]


def test_imports(answers: dict[str, dict[str, Any]]) -> None:
    assert verdict(answers["import"]) == ("import", True)
    assert labels(answers["import"])[:3] == ["Color", "LIMIT", "ShopError"]
    assert verdict(answers["lazy"]) == ("import", False)
    assert "__getattr__ of shop.lazy" in answers["lazy"]["monitor"]["reason"]
    assert verdict(answers["module"]) == ("import", True)
    assert labels(answers["module"]) == ["colors", "lazy"]
