"""Annotated source: what may follow the dot at each marker.

Above a line with the cursor `▮` stands `#? closed NAMES; not NAMES` (the set is closed and holds these and none of
those) or `#? open REASON` (it is not, and the reason has these words). The line is read as if the other cursors and
comments were not there; lines in `lexical()` have no annotation, and no attribute either.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from fairlead.monitors.analysis import Document, Members
from fairlead.monitors.cache import TreeCache
from fairlead.monitors.jedi_members import members
from fairlead.monitors.jedi_session import Session

CASES = Path(__file__).parent / "cases"
ROOT = CASES / "project"


@cache
def session() -> Session:
    return Session(TreeCache(None))


def cases(name: str) -> Iterator[tuple[int, str, str]]:
    """(line from 1, annotation, text with one cursor) of every cursor in a file of cases."""
    lines = (CASES / name).read_text("utf-8").splitlines(keepends=True)
    for index, line in enumerate(lines):
        if "▮" not in line:
            continue
        above = lines[index - 1].strip()
        back = index - 1
        while not above.startswith("#?") and back > index - 4:
            back -= 1
            above = lines[back].strip()
        annotation = above[2:].strip() if above.startswith("#?") else ""
        # A line that does not parse would spoil its neighbours: of the others, cursors are completed to a name.
        text = "".join(
            one if number == index else blank(one) if "▮" in one and unfinished(one) else one.replace("▮", "")
            for number, one in enumerate(lines)
        )
        yield index + 1, annotation, text


def blank(line: str) -> str:
    return line[:len(line) - len(line.lstrip())] + "pass\n"


def unfinished(line: str) -> bool:
    return re.search(r"▮\s*$|▮[^\w]", line) is not None


def answer(text: str) -> Members:
    offset = text.index("▮")
    return members(session(), Document(str(ROOT / "case.py"), text.replace("▮", ""), 0, str(ROOT)), offset)


FILES = ("known.py", "more.py", "open.py", "expected.py", "declared.py", "standard.py")
ALL = [(name, *case) for name in FILES for case in cases(name)]


@pytest.mark.parametrize(
    ("line", "annotation", "text"), [case[1:] for case in ALL], ids=[f"{case[0]}:{case[1]}" for case in ALL]
)
def test_case(line: int, annotation: str, text: str) -> None:
    found = answer(text)
    names = {member.name for member in found.members}
    if not annotation:
        assert not found.closed
        return
    verdict, _, rest = annotation.partition(" ")
    wanted, _, unwanted = rest.partition("; not ")
    if verdict == "closed":
        assert found.closed, found.reason
        assert set(wanted.split()) <= found.names
        assert not set(unwanted.split()) & found.names
    else:
        assert not found.closed, f"closed on {found.receiver} with {len(names)} names"
        assert rest in found.reason


def test_there_are_enough_of_them() -> None:
    verdicts = [case[2].partition(" ")[0] for case in ALL]
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
