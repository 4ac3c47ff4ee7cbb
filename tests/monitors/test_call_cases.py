"""Annotated source for the monitors of calls: what may be written at each marker, and what is refused.

Above a line with the cursor `▮` stands `#? takes TEXT | TEXT; refuses TEXT | TEXT` (closed: what is refused is named)
or `#? open REASON; takes TEXT` (nothing is refused for lack of knowledge, and analysis says why). What is written
stands at the cursor, with the rest of the line behind it. The file's name is the monitor's.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from fairlead.monitors.analysis import Document
from fairlead.monitors.cache import TreeCache
from fairlead.monitors.inline import InlineAnalysis
from fairlead.monitors.jedi_session import Session
from fairlead.monitors.roster import ROSTER

CASES = Path(__file__).parent / "cases"
ROOT = CASES / "project"
MONITORS = ("keyword_argument", "arity", "instantiation", "literal")


@cache
def session() -> Session:
    return Session(TreeCache(None))


def cases(name: str) -> Iterator[tuple[int, str, str, str]]:
    """(line from 1, annotation, text before the cursor, text behind it) of every cursor in a file of cases."""
    lines = (CASES / f"{name}.py").read_text("utf-8").splitlines(keepends=True)
    for index, line in enumerate(lines):
        if "▮" not in line:
            continue
        above = [one.strip() for one in lines[max(0, index - 3):index]]
        annotation = next((one for one in reversed(above) if one.startswith("#? ")), "")
        assert annotation, f"{name}.py:{index + 1} has no annotation above it"
        others = [one[: len(one) - len(one.lstrip())] + "pass\n" if "▮" in one else one for one in lines]
        others[index] = line
        before, behind = "".join(others).split("▮")
        yield index + 1, annotation.removeprefix("#? "), before, behind


def refusal(name: str, before: str, behind: str, written: str) -> tuple[bool, list[str]]:
    """Whether `written` is refused at the cursor, and the reasons of the answers that were open."""
    analysis = InlineAnalysis(session())
    guide = ROSTER[name](analysis)
    document = Document(str(ROOT / "case.py"), before + behind, 0, str(ROOT))
    start = guide.start(document, len(before))
    state: Any = start.state if start is not None else guide.watch(document, len(before))
    for character in written:
        while state is not None and state.questions:
            state = state.resolve(guide.ask(document, len(before), state.questions[0]).result())
        state = None if state is None else state.advance(character)
    while state is not None and state.questions:
        state = state.resolve(guide.ask(document, len(before), state.questions[0]).result())
    return state is None, analysis.reasons


ALL = [(name, *case) for name in MONITORS for case in cases(name)]


@pytest.mark.parametrize(
    ("name", "annotation", "before", "behind"), [(case[0], *case[2:]) for case in ALL],
    ids=[f"{case[0]}.py:{case[1]}" for case in ALL],
)  # fmt: skip
def test_case(name: str, annotation: str, before: str, behind: str) -> None:
    reasons: list[str] = []
    wanted = ""
    for part in annotation.split("; "):
        verb, _, rest = part.partition(" ")
        if verb == "open":
            wanted = rest
            continue
        for written in rest.split(" | "):
            refused, why = refusal(name, before, behind, written)
            assert refused == (verb == "refuses"), f"{written!r} is {'refused' if refused else 'accepted'}, {why}"
            reasons += why
    if wanted:
        assert any(wanted in reason for reason in reasons), reasons


@pytest.mark.parametrize("name", MONITORS)
def test_there_are_enough_of_them(name: str) -> None:
    annotations = [case[2] for case in ALL if case[0] == name]
    assert len(annotations) >= 12
    assert sum("refuses" in one for one in annotations) >= 5
    assert sum("refuses" not in one for one in annotations) >= 5
