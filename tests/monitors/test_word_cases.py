"""Annotated source for the monitors of words: what is listed, what may be written, and what is refused.

Above a line with the cursor `▮` stand claims, divided by `; `: `closed NAMES` (the set is closed and has these),
`open REASON` (nothing is refused, and this is why), `lists NAMES`, `not NAMES` (not listed), `first NAMES` (the list
begins with these), `nothing` (the monitor has nothing to say), `takes TEXT | TEXT` and `refuses TEXT | TEXT` (what is
written at the cursor; the rest of the line stands behind it). The file's name is the monitor's.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from fairlead.monitors import jedi_kinds
from fairlead.monitors.analysis import Document
from fairlead.monitors.cache import TreeCache
from fairlead.monitors.inline import InlineAnalysis
from fairlead.monitors.jedi_session import Session
from fairlead.monitors.monitor import Start, finished
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


def cases(name: str) -> Iterator[tuple[int, str, str, str]]:
    """(line from 1, claims, text before the cursor, text behind it) of every cursor in a file of cases."""
    lines = (CASES / f"{name}.py").read_text("utf-8").splitlines(keepends=True)
    for index, line in enumerate(lines):
        if "▮" not in line:
            continue
        claims = lines[index - 1].strip()
        assert claims.startswith("#? "), f"{name}.py:{index + 1} has no claim above it"
        others = [blank(one) if "▮" in one else one for one in lines]
        others[index] = line
        before, behind = "".join(others).split("▮")
        yield index + 1, claims.removeprefix("#? "), before, behind


def blank(line: str) -> str:
    """A line that is somebody else's case, made harmless."""
    indent = line[: len(line) - len(line.lstrip())]
    if line.lstrip().startswith("case"):
        return indent + "case 0: pass\n"
    if line.lstrip().startswith("except"):
        return indent + "except LookupError: pass\n"
    return indent + "pass\n"


def begin(name: str, before: str, behind: str) -> tuple[Start | None, Any, InlineAnalysis, Document]:
    analysis = InlineAnalysis(session())
    guide = ROSTER[FILES[name]](analysis)
    document = Document(str(ROOT / "case.py"), before + behind, 0, str(ROOT))
    return guide.start(document, len(before)), guide, analysis, document


def refused(name: str, before: str, behind: str, written: str) -> bool:
    """Whether `written` is refused at the cursor, once the line is over."""
    start, guide, _, document = begin(name, before, behind)
    state: Any = start.state if start is not None else guide.watch(document, len(before))

    def settled(state: Any) -> Any:
        while state is not None and state.questions:
            state = state.resolve(guide.ask(document, len(before), state.questions[0]).result())
        return state

    for character in written:
        state = settled(state)
        state = None if state is None else state.advance(character)
    state = settled(state)
    state = None if state is None else finished(state, behind.partition("\n")[0])
    return settled(state) is None


ALL = [(name, *case) for name in FILES for case in cases(name)]


@pytest.mark.parametrize(
    ("name", "claims", "before", "behind"), [(case[0], *case[2:]) for case in ALL],
    ids=[f"{case[0]}.py:{case[1]}" for case in ALL],
)  # fmt: skip
def test_case(name: str, claims: str, before: str, behind: str) -> None:
    start, _, analysis, _ = begin(name, before, behind)
    listed = [member.name for member in start.members.members] if start is not None else []
    for claim in claims.split("; "):
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
                is_refused = refused(name, before, behind, written)
                assert is_refused == (verb == "refuses"), f"{written!r}: {analysis.reasons}"


@pytest.mark.parametrize("monitor", sorted(set(FILES.values())))
def test_there_are_enough_of_them(monitor: str) -> None:
    """Cursors, and of texts that are written there, those that stand and those that do not."""
    claims = [claim for case in ALL if FILES[case[0]] == monitor for claim in case[2].split("; ")]
    counts = {verb: sum(len(one.split(" | ")) for one in claims if one.startswith(verb)) for verb in ("takes", "refuses")}
    assert sum(FILES[case[0]] == monitor for case in ALL) >= 12
    assert counts["takes"] >= (6 if monitor == "match" else 30)
    assert counts["refuses"] >= (0 if monitor == "match" else 20)
