"""Annotated source for the monitors of calls: what may be written at each marker, and what is refused.

Above a line with the cursor `▮` stands `#? takes TEXT | TEXT; refuses TEXT | TEXT` (closed: what is refused is named)
or `#? open REASON; takes TEXT` (nothing is refused for lack of knowledge, and analysis says why). What is written
stands at the cursor, with the rest of the line behind it. The file's name is the monitor's.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from fairlead.monitors.cache import TreeCache
from fairlead.monitors.cases import Case, after, cases
from fairlead.monitors.inline import InlineAnalysis
from fairlead.monitors.jedi_session import Session
from fairlead.monitors.roster import ROSTER

CASES = Path(__file__).parent / "cases"
ROOT = CASES / "project"
MONITORS = ("keyword_argument", "arity", "instantiation", "literal")


@cache
def session() -> Session:
    return Session(TreeCache(None))


def refusal(name: str, case: Case, written: str) -> tuple[bool, list[str]]:
    """Whether `written` is refused at the cursor, and the reasons of the answers that were open."""
    analysis = InlineAnalysis(session())
    document = case.document(ROOT / "case.py", ROOT)
    state = after(ROSTER[name](analysis), document, len(case.before), written)
    return state is None, analysis.reasons


ALL = [(name, case) for name in MONITORS for case in cases(CASES / f"{name}.py")]


@pytest.mark.parametrize(("name", "case"), ALL, ids=[case.name for _, case in ALL])
def test_case(name: str, case: Case) -> None:
    assert case.claims
    reasons: list[str] = []
    wanted = ""
    for part in case.claims.split("; "):
        verb, _, rest = part.partition(" ")
        if verb == "open":
            wanted = rest
            continue
        for written in rest.split(" | "):
            refused, why = refusal(name, case, written)
            assert refused == (verb == "refuses"), f"{written!r} is {'refused' if refused else 'accepted'}, {why}"
            reasons += why
    if wanted:
        assert any(wanted in reason for reason in reasons), reasons


@pytest.mark.parametrize("name", MONITORS)
def test_there_are_enough_of_them(name: str) -> None:
    annotations = [case.claims for about, case in ALL if about == name]
    assert len(annotations) >= 12
    assert sum("refuses" in one for one in annotations) >= 5
    assert sum("refuses" not in one for one in annotations) >= 5
