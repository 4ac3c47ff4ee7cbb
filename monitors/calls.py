"""The open brackets at a place and in running text: whose they are, and what has been written between them.

The document before the cursor is read once, from the last line that certainly begins a statement; from there on the
text is followed one character at a time, so stepping by `a` then `b` is stepping by `ab`. Nothing is known of what
analysis thinks: a call is a bracket behind a name, a bracket or a string.
"""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal

from .lexical import scan
from .running import Lexer

Role = Literal["call", "class", "def", "index", "other"]
"""Of a bracket: a call, the bases of a class statement, the parameters of a function, a subscript, anything else."""

Phase = Literal["empty", "word", "equals", "keyword", "star", "stars", "other"]
"""How far an argument is: nothing, only a name, a name and one `=` (of two?), behind `name=`, behind `*` or `**`, more."""

_STATEMENTS = frozenset({
    "def", "class", "return", "import", "while", "with", "try", "except", "finally", "raise", "assert", "del", "global",
    "nonlocal", "pass", "break", "continue", "elif",
})  # fmt: skip
"""Keywords that stand in no bracket: where one does, a bracket was left open above."""

_BEGIN = re.compile(rf"^[ \t]*(?:async[ \t]+)?(?:{'|'.join(sorted(_STATEMENTS))})\b|^@", re.M)
_CLOSES = {"(": ")", "[": "]", "{": "}"}
_LOOK_BACK = 6_000
"""Characters read before the cursor at most; a call longer than that is not followed."""


@dataclass(frozen=True)
class Site:
    """The place right behind an opening bracket: `text` written since the start, or `before` the cursor in characters."""

    text: str = ""
    before: int = 0


@dataclass(frozen=True)
class Bracket:
    """One open bracket, and what stands in it so far."""

    opener: str
    role: Role
    site: Site
    callee: str = ""
    """The name right before it; empty where something else is called."""
    positional: int = 0
    """Finished arguments without a name."""
    keywords: tuple[str, ...] = ()
    """Names written with `=`, the argument being written included."""
    star: bool = False
    double_star: bool = False
    """Of the arguments finished."""
    phase: Phase = "empty"
    word: str = ""
    """The name that the argument being written consists of, or is given to."""
    lambdas: int = 0
    """Lambdas whose parameters are being written: their commas and `=` are none of the call's."""
    value: bool = False
    """Something stands behind `name=`."""
    named: Site = Site()
    """The place behind the last `=` that may have made a keyword argument."""
    targets: bool = False
    """Between the `for` and the `in` of a generator: its commas are none of the call's either."""
    lines: bool = False
    """A line has ended in it."""

    def finished(self) -> Bracket:
        """With the argument being written ended, as by a comma."""
        return replace(
            self, positional=self.positional + (self.phase in ("word", "other")), star=self.star or self.phase == "star",
            double_star=self.double_star or self.phase == "stars", phase="empty", word="",
            value=False,
        )  # fmt: skip


@dataclass(frozen=True)
class Moment:
    """Something that happened in a call: the bracket then, before the character that made it happen.

    `opened` its bracket has just been written; `named` a name and an `=` stand where an argument begins; `keyword` what
    follows the `=` shows that a keyword argument is meant; `begun` an argument begins with a name, `argument` it is
    certain to be a positional one; `comma`, `close` the character follows.
    """

    what: Literal["opened", "begun", "named", "keyword", "argument", "comma", "close"]
    bracket: Bracket


@dataclass(frozen=True)
class Calls:
    """Where the running text stands in its brackets, innermost last. `step` gives the next value."""

    lexer: Lexer = field(default_factory=Lexer)
    stack: tuple[Bracket, ...] = ()
    header: Role = "call"
    """What the next bracket opens where a `def` or `class` has just been read."""
    moments: tuple[Moment, ...] = ()
    """What the last character did."""

    @property
    def top(self) -> Bracket | None:
        """The innermost open bracket."""
        return self.stack[-1] if self.stack else None

    @property
    def code(self) -> bool:
        """Whether the next character is code, and not that of an f-string's replacement field."""
        return self.lexer.code and not self.lexer.frames

    def step(self, character: str, site: Site) -> Calls:
        """After one more character; `site` is the place behind it."""
        before, lexer = self.lexer, self.lexer.step(character)
        known = replace(self, lexer=lexer, moments=()) if self.moments else replace(self, lexer=lexer)
        if before.frames or before.comment:
            if not lexer.frames and before.frames and lexer.before != "string":
                return replace(known, stack=(), header="call")  # a string that was never closed: nothing is certain
            return known
        if before.opening and (len(before.opening) == 1 or character == before.opening[0]):
            return known
        return known._code(character, before, site)

    def lengthen(self, letters: str) -> Calls:
        """After letters that go on with the word just begun: what `step` gives for each of them, in one."""
        calls = replace(self, lexer=self.lexer.letters(letters), moments=())
        if calls.stack and calls.stack[-1].phase == "word":
            return calls._with(word=calls.stack[-1].word + letters)
        return calls

    def _code(self, character: str, before: Lexer, site: Site) -> Calls:
        if self.lexer.word and character not in ".":
            return self._letter(character, fresh=not before.word)
        calls = self._word_ended(before, character) if before.word else self
        if character in " \t\f\\":
            return calls._behind_equals() if character != "\\" else calls
        if character in "\r\n":
            calls = calls._behind_equals()
            if not calls.stack:
                return replace(calls, header="call")
            return calls._with(lines=True)
        if character == "#":
            return calls._behind_equals()
        return calls._operator(character, before, site)

    def _with(self, **changes: object) -> Calls:
        """With the innermost bracket changed."""
        return replace(self, stack=(*self.stack[:-1], replace(self.stack[-1], **changes)))  # type: ignore[arg-type] # the fields' names are checked where they are written

    def _letter(self, character: str, fresh: bool) -> Calls:
        calls = self._behind_equals() if fresh else self
        if not calls.stack:
            return calls
        top = calls.stack[-1]
        if top.phase == "empty" and fresh and not character.isdigit():
            calls = replace(calls, moments=(*calls.moments, Moment("begun", top)))
            return calls._with(phase="word", word=character)
        if top.phase == "word" and not fresh:
            return calls._with(word=top.word + character)
        return calls._content() if fresh else calls

    def _word_ended(self, before: Lexer, character: str) -> Calls:
        word = before.word
        if not self.stack and word == "case" and before.first and character in " \t":
            return replace(self, header="other")  # a pattern: `case Point(x=0)` calls nothing
        if not self.stack and word == "if":
            return replace(self, header="call")
        if word in ("def", "class"):
            return replace(self, header="def" if word == "def" else "class", stack=())
        if not self.stack or not keyword.iskeyword(word):
            return self
        if word in _STATEMENTS:
            return replace(self, stack=())
        calls = self._content()
        if word == "lambda":
            return calls._with(lambdas=calls.stack[-1].lambdas + 1)
        if word in ("for", "in"):
            return calls._with(targets=word == "for")
        return calls

    def _content(self) -> Calls:
        """With something in the argument that makes it more than a name."""
        if not self.stack:
            return self
        top = self.stack[-1]
        if top.phase not in ("empty", "word"):
            if top.phase == "keyword":
                return self if top.value else self._with(value=True)
            return self._with(word="") if top.word == "*" else self
        calls = self._with(phase="other")
        return replace(calls, moments=(*calls.moments, Moment("argument", calls.stack[-1])))

    def _behind_equals(self) -> Calls:
        """With `name=` known to be a keyword, if that is what was written: no second `=` has followed."""
        if not self.stack or self.stack[-1].phase != "equals":
            return self
        top = self.stack[-1]
        moment = Moment("keyword", top)
        return replace(
            self._with(phase="keyword", keywords=(*top.keywords, top.word)), moments=(*self.moments, moment)
        )

    def _operator(self, character: str, before: Lexer, site: Site) -> Calls:
        if character == "=" and self.stack and not self.stack[-1].lambdas:
            top = self.stack[-1]
            if top.phase == "word":
                calls = self._with(phase="equals", named=site)
                return replace(calls, moments=(*calls.moments, Moment("named", calls.stack[-1])))
            if top.phase == "equals":
                return self._with(phase="word")._content()
            return self._content()
        calls = self._behind_equals()
        if character in "([{":
            return calls._open(character, before, site)
        if character in ")]}":
            return calls._close(character)
        if not calls.stack:
            return replace(calls, header="call") if character in ":=" else calls
        top = calls.stack[-1]
        if character == ",":
            return calls._comma()
        if character == "*" and (top.phase == "empty" or top.word == "*"):
            return calls._with(phase="star", word="*") if top.phase == "empty" else calls._with(phase="stars", word="")
        if character == ":" and top.lambdas:
            return calls._with(lambdas=top.lambdas - 1)
        return calls._content()

    def _comma(self) -> Calls:
        top = self.stack[-1]
        if top.lambdas or top.targets:
            return self
        calls = replace(self, moments=(*self.moments, Moment("comma", top)))
        return replace(calls, stack=(*self.stack[:-1], top.finished()))

    def _open(self, character: str, before: Lexer, site: Site) -> Calls:
        behind = before.before in ("word", "closer", "string") or bool(before.word and before.before == "word")
        if not self.stack and before.first and not before.word:
            behind = False  # a new statement
        role: Role = "other"
        inside = bool(self.stack) and self.header in ("def", "class")  # `def f[T: (int, str)](`: not yet its parameters
        if character == "(" and behind:
            role = "call" if inside else self.header
        elif character == "[" and behind and self.header == "call":
            role = "index"
        header = "call" if character == "(" and self.header != "other" and not inside else self.header
        calls = self._content()
        bracket = Bracket(character, role, site, before.word)
        moments = (*calls.moments, Moment("opened", bracket)) if role != "other" else calls.moments
        return replace(calls, stack=(*calls.stack, bracket), header=header, moments=moments)

    def _close(self, character: str) -> Calls:
        if not self.stack or _CLOSES[self.stack[-1].opener] != character:
            return replace(self, stack=(), header="call")
        moment = Moment("close", self.stack[-1])
        return replace(self, stack=self.stack[:-1], moments=(*self.moments, moment))


@lru_cache(512)
def follow(calls: Calls, written: str, text: str) -> tuple[Calls, tuple[tuple[int, Moment], ...]]:
    """The calls after `text`, `written` before it, and what happened: the index of the character, and the moment.

    Several monitors follow the same text; the answer is remembered for them.
    """
    moments: list[tuple[int, Moment]] = []
    for piece in _PIECE.finditer(text):
        index, letters = piece.start(), piece.group()
        site = Site(written + text[:index + 1]) if letters in _PLACES else _NOWHERE
        calls = calls.step(letters[0], site)
        moments += [(index, moment) for moment in calls.moments]
        if len(letters) > 1:
            if calls.code and calls.lexer.word:
                calls = calls.lengthen(letters[1:])
                continue
            for further, character in enumerate(letters[1:], index + 1):
                calls = calls.step(character, _NOWHERE)
                moments += [(further, moment) for moment in calls.moments]
    return replace(calls, moments=()) if calls.moments else calls, tuple(moments)


_PIECE = re.compile(r"[A-Za-z0-9_]+|.", re.S)
_PLACES = frozenset("([{=")
_NOWHERE = Site()


@lru_cache(4)
def calls_at(text: str, offset: int) -> Calls:
    """The open brackets at `offset`, read from the text before it. In comments and f-strings none are known."""
    scanned = scan(text)
    lexer = scanned.lexer_at(offset)
    span = scanned.span_at(offset)
    if span is not None and span.kind == "string" and not span.formatted:
        calls = calls_at(text, span.start)
        for character in text[span.start:offset]:
            calls = calls.step(character, Site())
        moved = offset - span.start
        stack = tuple(replace(one, site=Site("", one.site.before + moved)) for one in calls.stack)
        return replace(calls, stack=stack, moments=())
    if not lexer.code or lexer.frames:
        return Calls(lexer)
    low = max(0, offset - _LOOK_BACK)
    code = scanned.code_before(offset, low)
    begin = None
    for match in _BEGIN.finditer(code):
        if match.start() or not low:
            begin = match.start()
    if begin is None:
        if low:
            return Calls(lexer)
        begin = 0
    begin = _line_of(code, begin)
    calls = Calls(Lexer())
    for index, character in enumerate(_shortened(code[begin:])):
        calls = calls.step(character, Site("", len(code) - begin - index - 1))
    return replace(calls, lexer=lexer, moments=())


def _line_of(code: str, begin: int) -> int:
    """Where the last logical line begins, read from `begin`: no bracket is open there."""
    depth = 0
    for match in _NESTING.finditer(code, begin):
        if match.group() in "([{":
            depth += 1
        elif match.group() in ")]}":
            depth = max(0, depth - 1)
        elif depth == 0:
            begin = match.end()
    return begin


_NESTING = re.compile(r"[()\[\]{}]|(?<!\\)[\r\n]")


def _shortened(code: str) -> str:
    """Code whose strings are blanked, with each string as one name-like thing that keeps its length.

    `code_before` writes quotes for all of a string, which is no string any more.
    """
    return re.sub(r'"+', lambda found: '"' + "_" * (len(found.group()) - 2) + '"' if len(found.group()) > 1 else "0",
                  code)  # fmt: skip
