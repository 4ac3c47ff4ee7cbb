"""Annotated source as test cases: above a line whose cursor is `▮` stands `#? ` and what is claimed of that place.

What a claim says is up to the test. Nothing but tests imports this module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from .analysis import Document
from .monitor import Monitor, State, finished

CURSOR = "▮"

_ABOVE = 3
"""Lines above a cursor in which its claims may stand, unless another cursor stands between."""


@dataclass(frozen=True)
class Case:
    """One cursor of a file. `claims` is what stands behind `#? `; "" where nothing is claimed."""

    name: str
    """`file.py:LINE`, the line from 1."""
    claims: str
    before: str
    behind: str

    def document(self, path: Path, root: Path | str = "") -> Document:
        """The text without its cursor, as if it were the file at `path`."""
        return Document(str(path), self.before + self.behind, 0, str(root))


def blank(line: str) -> str:
    """A line with another cursor, made harmless where it stands."""
    indent = line[:len(line) - len(line.lstrip())]
    if line.lstrip().startswith("case"):
        return indent + "case 0: pass\n"
    if line.lstrip().startswith("except"):
        return indent + "except LookupError: pass\n"
    return indent + "pass\n"


def cases(path: Path, harmless: Callable[[str], str] = blank) -> Iterator[Case]:
    """Every cursor of a file, in the text of the whole file; lines with another cursor are what `harmless` makes of them."""
    lines = path.read_text("utf-8").splitlines(keepends=True)
    others = [harmless(line) if CURSOR in line else line for line in lines]
    for index, line in enumerate(lines):
        if CURSOR not in line:
            continue
        above = takewhile(lambda one: CURSOR not in one, reversed(lines[max(0, index - _ABOVE):index]))
        claims = next((one.strip() for one in above if one.lstrip().startswith("#? ")), "")
        before, behind = "".join([*others[:index], line, *others[index + 1:]]).split(CURSOR)
        yield Case(f"{path.name}:{index + 1}", claims.removeprefix("#? "), before, behind)


def after(monitor: Monitor, document: Document, offset: int, text: str, rest: str | None = None) -> State | None:
    """The state once `text` was written at the cursor and everything it asks is answered; None where it is refused.

    With `rest`, what the line goes on with, the text is over: what only its end shows counts too.
    """
    start = monitor.start(document, offset)
    state = start.state if start is not None else monitor.watch(document, offset)
    settled = _settled(monitor, document, offset, state)
    for character in text:
        settled = None if settled is None else _settled(monitor, document, offset, settled.advance(character))
    if settled is None or rest is None:
        return settled
    return _settled(monitor, document, offset, finished(settled, rest))


def _settled(monitor: Monitor, document: Document, offset: int, state: State | None) -> State | None:
    while state is not None and state.questions:
        state = state.resolve(monitor.ask(document, offset, state.questions[0]).result())
    return state
