"""What the benchmark of types rests on: labels in one spelling, stripping by position, calibration with its promises."""

from __future__ import annotations

import ast
import importlib
import math
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def modules() -> Iterator[tuple[Any, Any, Any]]:
    """(labels, dataset, weights), as the scripts import them."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        names = ("types_labels", "types_dataset", "types_weights")
        labels, dataset, weights = (importlib.import_module(name) for name in names)
        yield labels, dataset, weights
    finally:
        sys.path.remove(str(BENCHMARKS))


def test_one_spelling_for_each_type(modules: tuple[Any, Any, Any]) -> None:
    labels = modules[0]
    same = {
        "Optional[List[str]]": "None | list[str]", "Union[int, 'str', None]": "None | int | str", "t.Any": "Any",
        "Dict[str, Any]": "dict[str, Any]", "Callable[..., Any]": "Callable", "Literal['a', 'b']": "Literal",
        "Annotated[np.ndarray, 3]": "ndarray", "collections.abc.Sequence[Foo]": "Sequence[Foo]", "1 +": "",
    }  # fmt: skip
    assert {code: labels.exact(code) for code in same} == same
    assert labels.base("Optional[Dict[str, int]]") == "dict"
    assert labels.is_optional("int | None")
    assert not labels.is_optional("None")


SOURCE = '''\
from typing import TYPE_CHECKING, Sequence
from lib import Used, OnlyTyped
if TYPE_CHECKING:
    from other import Late

def f(ä: "Late", n: int = 3, *a: (
        OnlyTyped
), k: Used | None = None) -> Sequence[
    str
]:
    x: int = 1
    return Used(x)
'''


def test_signatures_are_cut_out_and_everything_else_stays(modules: tuple[Any, Any, Any]) -> None:
    found = modules[1].strip(SOURCE, "a.py")
    function = ast.parse(found.text).body[-1]
    assert ast.unparse(function) == "def f(ä, n=3, *a, k=None):\n    x: int = 1\n    return Used(x)"
    assert "OnlyTyped" not in found.text
    assert "Late" not in found.text
    assert "Used" in found.text
    assert [(label.name, label.type, label.default) for label in found.labels if label.kind == "parameter"] == [
        ("ä", '"Late"', ""), ("n", "int", "literal"), ("k", "Used | None", "None"), ("a", "OnlyTyped", "")]  # fmt: skip
    assert all(found.text.startswith(label.name, label.offset) for label in found.labels)


def test_misses_that_a_promise_allows(modules: tuple[Any, Any, Any]) -> None:
    """The table of research/types.md 4.1, at a confidence of 95 %."""
    misses = modules[2].allowed_misses
    assert [misses(n, 0.05) for n in (50, 100, 200, 500, 1000, 2000)] == [-1, 1, 4, 16, 38, 83]
    assert [misses(n, 0.1) for n in (50, 100, 500, 2000)] == [1, 4, 38, 177]


def isotonic(points: list[tuple[float, float]]) -> dict[float, float]:
    """Pool adjacent violators, the slow way that everybody trusts."""
    blocks: list[list[Any]] = []
    for share in sorted({share for share, _ in points}):
        labels = [label for other, label in points if other == share]
        blocks.append([[share], sum(labels), len(labels)])
        while len(blocks) > 1 and blocks[-2][1] / blocks[-2][2] >= blocks[-1][1] / blocks[-1][2]:
            shares, total, count = blocks.pop()
            blocks[-1] = [blocks[-1][0] + shares, blocks[-1][1] + total, blocks[-1][2] + count]
    return {share: block[1] / block[2] for block in blocks for share in block[0]}


def test_venn_abers_in_closed_form_is_two_isotonic_fits(modules: tuple[Any, Any, Any]) -> None:
    draw = random.Random(3)
    shares = [draw.randrange(0, 101, 10) / 100 for _ in range(60)]
    points = [(share, draw.random() < share) for share in shares]
    pairs = modules[2].venn_abers(points)
    for at in range(0, 101, 10):
        for label in (0.0, 1.0):
            refit = isotonic([*[(share, float(hit)) for share, hit in points], (at / 100, label)])
            assert math.isclose(pairs[at][int(label)], refit[at / 100], abs_tol=1e-3)


def test_equal_probabilities_are_no_skill_whatever_their_order(modules: tuple[Any, Any, Any]) -> None:
    accuracy = importlib.import_module("types_accuracy")
    tied = [(0.5, at % 2 == 0) for at in range(120)]
    assert accuracy.calibration_error(tied) == pytest.approx(0.0)
    assert accuracy.area(tied) == pytest.approx(0.5)
    assert accuracy.area([(0.1, False), (0.4, True), (0.4, False), (0.9, True)]) == pytest.approx(0.875)
    assert accuracy.calibration_error([(0.9, False)] * 30) == pytest.approx(0.9)
