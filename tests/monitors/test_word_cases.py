"""Annotated source for the monitors of words: what is listed, what may be written, and what is refused.

Above a line with the cursor `▮` stand claims, divided by `; `: `closed NAMES` (the set is closed and has these),
`open REASON` (nothing is refused, and this is why), `lists NAMES`, `not NAMES` (not listed), `first NAMES` (the list
begins with these), `nothing` (the monitor has nothing to say), `takes TEXT | TEXT` and `refuses TEXT | TEXT` (what is
written at the cursor; the rest of the line stands behind it). The file's name is the monitor's.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from fairlead.monitors import jedi_kinds
from fairlead.monitors.cache import TreeCache
from fairlead.monitors.cases import Case, after, cases
from fairlead.monitors.inline import InlineAnalysis
from fairlead.monitors.jedi_session import Session
from fairlead.monitors.roster import ROSTER

CASES = Path(__file__).parent / "cases"
ROOT = CASES / "project"
FILES = {"name": "name", "name_open": "name", "name_star": "name", "import": "import", "exception": "exception",
         "annotation": "annotation", "match": "match"}  # fmt: skip


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine is, every name is looked at."""
    monkeypatch.setattr(jedi_kinds, "_TIME_S", 60.0)


@cache
def session() -> Session:
    return Session(TreeCache(None))


def refused(name: str, case: Case, written: str) -> bool:
    """Whether `written` is refused at the cursor, once the line is over."""
    guide, document = ROSTER[FILES[name]](InlineAnalysis(session())), case.document(ROOT / "case.py", ROOT)
    return after(guide, document, len(case.before), written, case.behind.partition("\n")[0]) is None


ALL = [(name, case) for name in FILES for case in cases(CASES / f"{name}.py")]


@pytest.mark.parametrize(("name", "case"), ALL, ids=[case.name for _, case in ALL])
def test_case(name: str, case: Case) -> None:
    assert case.claims
    analysis = InlineAnalysis(session())
    start = ROSTER[FILES[name]](analysis).start(case.document(ROOT / "case.py", ROOT), len(case.before))
    listed = [member.name for member in start.members.members] if start is not None else []
    for claim in case.claims.split("; "):
        verb, _, rest = claim.partition(" ")
        words = rest.split()
        if verb == "nothing":
            assert start is None
        elif verb == "closed":
            assert start is not None
            assert start.closed, start.reason
            assert set(words) <= set(listed)
        elif verb == "open":
            assert start is not None
            assert not start.closed
            assert rest in start.reason
        elif verb == "lists":
            assert set(words) <= set(listed)
        elif verb == "not":
            assert not set(words) & set(listed)
        elif verb == "first":
            assert listed[: len(words)] == words
        else:
            assert verb in ("takes", "refuses")
            for written in rest.split(" | "):
                written = written.replace("\\n", "\n")
                is_refused = refused(name, case, written)
                assert is_refused == (verb == "refuses"), f"{written!r}: {analysis.reasons}"


@pytest.mark.parametrize("monitor", sorted(set(FILES.values())))
def test_there_are_enough_of_them(monitor: str) -> None:
    """Cursors, and of texts that are written there, those that stand and those that do not."""
    claims = [claim for name, case in ALL if FILES[name] == monitor for claim in case.claims.split("; ")]
    counts = {verb: sum(len(one.split(" | ")) for one in claims if one.startswith(verb)) for verb in ("takes", "refuses")}
    assert sum(FILES[name] == monitor for name, _ in ALL) >= 12
    assert counts["takes"] >= (6 if monitor == "match" else 30)
    assert counts["refuses"] >= (0 if monitor == "match" else 20)
