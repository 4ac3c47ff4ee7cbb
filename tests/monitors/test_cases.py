"""Annotated source: what may follow the dot at each marker.

Above a line with the cursor `▮` stands `#? closed NAMES; not NAMES` (the set is closed and holds these and none of
those) or `#? open REASON` (it is not, and the reason has these words). The line is read as if the other cursors and
comments were not there; lines in `lexical()` have no annotation, and no attribute either.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from fairlead.monitors.analysis import Document, Members
from fairlead.monitors.cache import TreeCache
from fairlead.monitors.cases import Case, blank, cases
from fairlead.monitors.jedi_members import members
from fairlead.monitors.jedi_session import Session

CASES = Path(__file__).parent / "cases"
ROOT = CASES / "project"


@cache
def session() -> Session:
    return Session(TreeCache(None))


def harmless(line: str) -> str:
    """A line that does not parse would spoil its neighbours; other cursors are completed to a name."""
    unfinished = re.search(r"▮\s*$|▮[^\w]", line) is not None
    return blank(line) if unfinished else line.replace("▮", "")


def answer(text: str) -> Members:
    offset = text.index("▮")
    return members(session(), Document(str(ROOT / "case.py"), text.replace("▮", ""), 0, str(ROOT)), offset)


FILES = ("known.py", "more.py", "open.py", "expected.py", "declared.py", "standard.py", "everyday.py")
ALL = [case for name in FILES for case in cases(CASES / name, harmless)]


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_case(case: Case) -> None:
    found = answer(f"{case.before}▮{case.behind}")
    names = {member.name for member in found.members}
    if not case.claims:
        assert not found.closed
        return
    verdict, _, rest = case.claims.partition(" ")
    wanted, _, unwanted = rest.partition("; not ")
    if verdict == "closed":
        assert found.closed, found.reason
        assert set(wanted.split()) <= found.names
        assert not set(unwanted.split()) & found.names
    else:
        assert not found.closed, f"closed on {found.receiver} with {len(names)} names"
        assert rest in found.reason


def test_there_are_enough_of_them() -> None:
    verdicts = [case.claims.partition(" ")[0] for case in ALL]
    assert verdicts.count("closed") >= 40
    assert verdicts.count("open") >= 40
    assert verdicts.count("") >= 6


FRESH = """
class Known:
    def run(self):
        ▮

class Filled:
    def fill(self, name):
        setattr(self, name, 1)

    def run(self):
        ▯
"""


def test_a_new_attribute_of_self_may_be_stored_and_what_is_read_must_be_known() -> None:
    known = answer(FRESH.replace("▮", "self.▮").replace("▯", "pass"))
    assert (known.closed, known.store_possible, known.reason) == (False, True, "a new attribute may be stored here")
    assert {"run"} <= known.names
    assert not {"fill", "nothing"} & known.names
    filled = answer(FRESH.replace("▮", "pass").replace("▯", "self.▮"))
    assert (filled.closed, filled.store_possible) == (False, False)
    read = answer(FRESH.replace("▮", "x = self.▮").replace("▯", "pass"))
    assert (read.closed, read.store_possible) == (True, False)


@pytest.mark.parametrize("stream", ["sys.stdin", "sys.stdout", "sys.stderr", "sys.stdout.buffer"])
def test_a_standard_stream_lists_what_is_declared(stream: str) -> None:
    found = answer(f"import sys\n\nx = {stream}.▮\n")
    assert {"close", "flush", "isatty"} <= {member.name for member in found.members}
    assert not found.closed
