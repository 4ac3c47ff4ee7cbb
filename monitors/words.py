"""Bare words in running text: which of them are read, as what, and which bind a name.

The text is followed one character at a time, so stepping by `a` then `b` is stepping by `ab`. What a word is shows only
behind it (`x =`, `x:`, `f(x=`, `for x in`), sometimes much later: an element of a list may be bound by the `for` of a
comprehension that is still to come, and `a, b` may turn into targets. Until then a word waits. Where Python would allow
a word to bind, it is taken to bind; only what can be nothing else than read is handed out as a `Use`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .running import Lexer

Role = Literal["load", "raise", "except", "annotation"]
"""What a name is read for."""

Slot = Literal[
    "start", "load", "annotation", "target", "alias", "param", "define", "pattern", "bind", "quiet", "soft"
]
"""What the next word of a level would be: first of a statement (a target, or read); read; read as a type; a target of
`for`; behind `as`; a parameter; the name of a definition; part of a pattern; bound whatever follows; neither."""

Kind = Literal["statement", "group", "call", "index", "params", "types", "field"]

@dataclass(frozen=True)
class Use:
    """A bare name that is read. `begin` counts from the cursor where reading began; `follow` is what showed it.

    `deferred`: it is read later than the code around it, or never (a lambda, a function just written, an annotation).
    """

    begin: int
    name: str
    role: Role = "load"
    follow: str = ""
    deferred: bool = False


@dataclass(frozen=True)
class Held:
    """A word whose meaning shows behind it."""

    begin: int
    name: str
    slot: Slot
    role: Role = "load"
    mark: str = ""
    """"=" or ":" right behind it, which may be the beginning of `==` or `:=`."""


@dataclass(frozen=True)
class Level:
    """A statement, or an open bracket in it."""

    kind: Kind = "statement"
    slot: Slot = "start"
    base: Slot = "start"
    """The slot behind a comma."""
    mode: str = ""
    """Of a statement, the keyword that leads it; "=" once something was assigned."""
    role: Role = "load"
    lambdas: int = 0
    body: bool = False
    """In the body of a lambda."""
    comma: bool = False
    loop: bool = False
    """A `for` was seen: this is a comprehension."""
    opener: str = ""
    waiting: tuple[Use, ...] = ()


@dataclass(frozen=True)
class Words:
    """Where running text stands. Made by `words_at`, stepped by `run`."""

    lexer: Lexer = field(default_factory=Lexer)
    levels: tuple[Level, ...] = (Level(),)
    held: Held | None = None
    begin: int = 0
    """Where the word being written begins."""
    previous: str = ""
    """What stood before: "", "operand", "operator", "dot", "defined", or a keyword, an opener, "=" or ","."""
    mark: bool = False
    """A single `=` was just read, which may become `==`."""
    bound: frozenset[str] = frozenset()
    fresh: frozenset[str] = frozenset()
    """Bound once the statement is over: `x = x` reads another x."""
    defs: bool = False
    """A function has been begun: what is read in it is read later."""
    ready: tuple[Use, ...] = ()
    """Read for certain, but behind a word that waits: uses are handed out in the order of the text."""
    magic: bool = False
    """A star import or `exec` was written: any name may come of it."""

    @property
    def slot(self) -> Slot:
        """What a word written here would be."""
        return self.levels[-1].slot

    @property
    def role(self) -> Role:
        """What a word written here would be read for."""
        if self.previous in ("raise", "except"):
            return "raise" if self.previous == "raise" else "except"
        level = self.levels[-1]
        return "annotation" if level.slot == "annotation" else level.role
