"""What the text says about the name that comes behind a dot, beside what a model believes: names are used again.

A small model sees a part of the file and copies what it saw last. The whole file tells more: which names follow this
receiver, after which other name, in the same role (an argument of `len`, say), and whose words the line, the
function's name and the comments around it share. These observations are weighted by a log-linear model; its weights
were fitted by benchmarks/dots_fit.py on packages that nothing is measured on (benchmarks/dots-training.txt).

Nothing here is a probability, and nothing is refused: it orders a list.
"""

from __future__ import annotations

import keyword
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from .analysis import Member
from .lexical import Scan, scan
from .syntax import identifier_start, receiver_start

LINES = 2_000
"""So many lines around the cursor are read; the others say little and cost time."""
FLOOR = 0.01
"""Added to the model's probabilities: a small model that gives a name 0.0001 or 0.0000001 says the same by it."""

FEATURES = (
    "same", "never", "recent", "again", "role", "no_role", "follows", "own", "own_super", "shared",
)  # fmt: skip
"""What is observed of a name, in the order of `observe`:

- same: log(1 + uses behind the same receiver text); never: there is none
- recent: 1 / rank by how lately it was used there, upwards from the cursor; again: used there on this very line
- role: log(1 + uses there in the same role); no_role: none, behind no receiver
- follows: log(1 + how often it comes after the last name used behind the receiver, or before the next one)
- own: the function around is called so; own_super: so it is, and the receiver is `super()`
- shared: share of its words, the rare ones counting more, that stand before it in the statement or name the function
"""

WITH_MODEL = (-0.56, -1.31, -0.85, -1.95, 0.73, -1.36, 1.10, -2.00, 0.81, 2.25)
MODEL = 0.54
"""The weight of log(p + FLOOR), p being the model's probability of the name among all members."""
ALONE = (-0.37, -1.31, 0.48, -2.08, 0.67, -1.81, 1.24, -2.03, 0.95, 2.73)
"""The weights where no model has spoken."""

_TOKEN = re.compile(r"\w+|[.()\[\]{}]|[=!<>+\-*/%&|^:@]+|\S")
_DEFINITION = re.compile(r"(\s*)(?:async\s+)?(def|class)\s+(\w+)")
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|\d+")


class Use(NamedTuple):
    """A name behind a dot. `receiver` is written without arguments (`self.a().b`), "" where it begins on another line.

    `role` is what the expression is for: the keyword or operator before it, or "f(" for an argument of f.
    """

    column: int
    receiver: str
    name: str
    role: str


class Line(NamedTuple):
    """What one line of code holds."""

    uses: tuple[Use, ...]
    indent: int
    defines: str
    """The function or class whose statement begins here."""
    is_function: bool


@dataclass(frozen=True)
class _Here:
    """The place of the cursor."""

    receiver: str
    role: str
    before: str
    """The code of the line before the receiver."""
    line0: int
    column: int
    function: str
    """The name of the function around, "" outside of functions."""


def scores(text: str, offset: int, members: Sequence[Member], probabilities: Sequence[float] | None) -> list[float]:
    """A number for each member behind the dot before `offset`, the higher the likelier; Python only.

    `probabilities` are the model's, None if it has not spoken. The scale is that of log odds.
    """
    rows = observe(text, offset, members)
    if probabilities is None:
        return [math.fsum(a * b for a, b in zip(row, ALONE, strict=True)) for row in rows]
    return [
        MODEL * math.log(p + FLOOR) + math.fsum(a * b for a, b in zip(row, WITH_MODEL, strict=True))
        for p, row in zip(probabilities, rows, strict=True)
    ]


def observe(text: str, offset: int, members: Sequence[Member]) -> list[tuple[float, ...]]:
    """The `FEATURES` of each member, written behind the dot before `offset`; a half-typed name is passed over."""
    scanned = scan(text)
    dot = identifier_start(text, offset)
    line0 = text.count("\n", 0, dot)
    code = scanned.code_before(len(text), 0).split("\n")
    low, high = max(0, line0 - LINES // 2), min(len(code), line0 + LINES // 2)
    lines = [read(line) for line in code[low:high]]
    here = _place(text, dot, scanned, lines, line0 - low)
    return _Observer(lines, here).rows(members)


@lru_cache(40_000)
def read(line: str) -> Line:
    """One line of code, strings and comments blanked out. Brackets of other lines are not known here."""
    uses: list[Use] = []
    open_brackets: list[tuple[str, str, str]] = []  # what stands before each, the bracket, the role of what stands before
    chain = role = before = ""
    behind_dot = False
    for match in _TOKEN.finditer(line):
        token = match.group()
        if token == ".":
            behind_dot, before = True, token
            continue
        if token[0].isalpha() or token[0] == "_":
            if behind_dot:
                uses.append(Use(match.start(), chain, token, role))
                chain = f"{chain or '?'}.{token}"
            elif keyword.iskeyword(token):
                chain = ""
            else:
                role = _role(before, open_brackets)
                chain = token
        elif token in "([{":
            open_brackets.append((chain if token != "{" else "", token, role))
            chain = ""
        elif token in ")]}":
            called, _, role = open_brackets.pop() if open_brackets else ("", "", "")
            chain = called + ("()" if token == ")" else "[]") if called else ""
        else:
            chain = ""
        behind_dot, before = False, token
    definition = _DEFINITION.match(line)
    return Line(
        tuple(uses), len(line) - len(line.lstrip()), definition[3] if definition else "",
        definition is not None and definition[2] == "def",
    )  # fmt: skip


def _role(before: str, open_brackets: Sequence[tuple[str, str, str]]) -> str:
    if before in ("(", ",", "[", "{", "") and open_brackets:
        called, bracket, _ = open_brackets[-1]
        return called.rpartition(".")[2] + bracket
    return before


@lru_cache(40_000)
def words_of(name: str) -> frozenset[str]:
    """The words a name is made of, in lower case: `parseHTML_text` is of parse, html and text."""
    return frozenset(word.lower() for word in _WORDS.findall(name) if len(word) > 1)


def _place(text: str, dot: int, scanned: Scan, lines: Sequence[Line], at: int) -> _Here:
    begin = receiver_start(text, dot, scanned)
    start = text.rfind("\n", 0, dot) + 1
    code = scanned.code_before(dot, min(begin, start)).replace("\n", " ")
    uses = read(code + "Z").uses
    receiver, role = (uses[-1].receiver, uses[-1].role) if uses and uses[-1].name == "Z" else ("", "")
    function = ""
    for line0 in range(at - 1, -1, -1):
        line = lines[line0]
        if line.is_function and line.indent < lines[at].indent:
            function = line.defines
            break
    before = scanned.code_before(begin, start) if begin >= start else ""
    return _Here(receiver, role, before, at, dot - start, function)


class _Observer:
    """All that is counted once, so that each name costs little."""

    def __init__(self, lines: Sequence[Line], here: _Here) -> None:
        self._here = here
        self._same: Counter[str] = Counter()
        self._role: Counter[str] = Counter()
        self._on_line: set[str] = set()
        self._other_role: set[str] = set()
        above: list[str] = []
        below: list[str] = []
        for line0, line in enumerate(lines):
            self._count(line, line0, above, below)
        self._recent = {name: rank for rank, name in enumerate(dict.fromkeys(reversed(above)))}
        self._last, self._next = (above or [""])[-1], (below or [""])[0]
        self._pairs = Counter(pairwise(above)) + Counter(pairwise(below))

    def _count(self, line: Line, line0: int, above: list[str], below: list[str]) -> None:
        here = self._here
        for use in line.uses:
            if line0 == here.line0 and use.column >= here.column:
                continue
            if use.receiver == here.receiver and here.receiver:
                self._same[use.name] += 1
                (above if line0 <= here.line0 else below).append(use.name)
                if line0 == here.line0:
                    self._on_line.add(use.name)
                self._role[use.name] += use.role == here.role
            elif use.role == here.role:
                self._other_role.add(use.name)

    def rows(self, members: Sequence[Member]) -> list[tuple[float, ...]]:
        here = self._here
        spread = Counter(word for member in members for word in words_of(member.name))
        around = frozenset[str]().union(words_of(here.function), *map(words_of, re.findall(r"\w+", here.before)))
        rows: list[tuple[float, ...]] = []
        for member in members:
            name = member.name
            words, same = words_of(name), self._same[name]
            own = name == here.function
            rare = {word: math.log(1 + len(members) / spread[word]) for word in words}
            pairs = self._pairs[self._last, name] + self._pairs[name, self._next]
            rows.append((
                math.log1p(same), float(not same), 1 / (1 + self._recent[name]) if name in self._recent else 0.0,
                float(name in self._on_line), math.log1p(self._role[name]),
                float(not self._role[name] and name not in self._other_role), math.log1p(pairs),
                float(own), float(own and here.receiver == "super()"),
                sum(rare[word] for word in words & around) / max(1e-9, sum(rare.values())) if words else 0.0,
            ))  # fmt: skip
        return rows
