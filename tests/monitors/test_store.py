"""What may be stored: annotated source (`closed NAMES; not NAMES`, `open REASON`, `none REASON`), the laws, running text."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from fairlead.monitors.analysis import Document, Members
from fairlead.monitors.cases import Case, cases
from fairlead.monitors.errors import AnalysisDown
from fairlead.monitors.fixed import FixedAnalysis
from fairlead.monitors.inline import InlineAnalysis
from fairlead.monitors.laws import StateLaws
from fairlead.monitors.store import Access, Store, StoreState

CASES = Path(__file__).parent / "cases" / "store.py"


@cache
def here() -> InlineAnalysis:
    return InlineAnalysis()


ALL = list(cases(CASES))


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_case(case: Case) -> None:
    found = Store(here()).start(case.document(Path("/p/case.py")), len(case.before))
    assert found is not None
    verdict, _, rest = case.claims.partition(" ")
    assert found.closed == (verdict == "closed"), found.reason
    if verdict == "closed":
        wanted, _, unwanted = rest.partition("; not ")
        names = found.state.names()
        assert names is not None
        assert set(wanted.split()) <= names
        assert not set(unwanted.split()) & names
    else:
        assert rest in found.reason
        assert found.state.advance("anything = 1") is not None


def test_there_are_enough_of_them() -> None:
    assert len(ALL) >= 12


def table() -> FixedAnalysis:
    analysis = FixedAnalysis({"s": ["x", "move"]})
    analysis.storable = {"s": ("x", "y"), "p": ()}
    return analysis


@pytest.mark.parametrize(
    ("written", "legal"),
    [
        ("s.x = 1\n", True), ("s.y += 1\n", True), ("s.z = 1\n", False), ("s.z += 1\n", False), ("s.z == 1\n", True),
        ("s.z(a=1)\n", True), ("p.x = 1\n", False), ("p.x <= 1\n", True), ("print(f'{p.x=}')\n", True),
        ("x = s.z\n", True), ("s.x.z = 1\n", True), ("q.z = 1\n", True), ("s.z //= 1\n", False), ("s.z != 1\n", True),
    ],
)  # fmt: skip
def test_running_text(written: str, legal: bool) -> None:
    monitor, document = Store(table()), Document("/p/a.py", "")
    state: StoreState | None = monitor.watch(document, 0).advance(written)
    while state is not None and state.questions:
        state = state.resolve(monitor.ask(document, 0, state.questions[0]).result())
    assert (state is not None) == legal


def test_analysis_that_is_down_or_late_leaves_the_place_open() -> None:
    class Down(FixedAnalysis):
        def stores(self, document: Document, offset: int) -> Future[Members]:
            future: Future[Members] = Future()
            future.set_exception(AnalysisDown("killed"))
            return future

    found = Store(Down({})).start(Document("/p/a.py", "s. = 1"), 2)
    assert found is not None
    assert not found.closed
    assert "analysis is down: killed" in found.reason


class TestLaws(StateLaws):
    def states(self) -> Sequence[Any]:
        names = frozenset({"append", "ab"})
        asked = StoreState().advance("x.")
        assert asked is not None
        return [
            StoreState(),
            StoreState(answered=Access("", ""), storable=names, mask=True),
            StoreState(answered=Access("", "a"), storable=names),
            asked,
        ]
