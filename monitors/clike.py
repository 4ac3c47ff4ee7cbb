"""Where the cursor is in languages that look like C, for text that need not be valid.

Rough on purpose: it finds comments, strings and accessors (`.`, `?.`, `->`, `::`) and knows no grammar. What it takes for
an access and is none costs a question; nothing is refused before the language server has refuted an invented name there.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from .lexical import Where, common_prefix
from .running import continues_name
from .syntax import Place

Kind = Literal["", "word", "number", "closer", "string"]
"""What the last operand was; "" where an operand would have to come first."""

_EVERY = 4096
"""Characters between two lexers that are kept."""


@dataclass(frozen=True)
class Style:
    """What one family of languages writes."""

    accessors: tuple[str, ...] = (".",)
    quotes: str = "\"'"
    """Each ends at the end of its line at the latest, a template (`) excepted."""
    regexes: bool = False
    directives: bool = False
    """Lines that begin with # are no code of the language itself."""
    letters: str = ""
    """What may stand in a name besides letters, digits and _."""
    keywords: frozenset[str] = frozenset({
        "return", "case", "new", "delete", "typeof", "void", "in", "of", "throw", "else", "do", "await", "yield",
        "instanceof", "sizeof", "co_await", "co_return", "co_yield",
    })  # fmt: skip
    """After these a dot is no access."""

    def continues_name(self, character: str) -> bool:
        """Whether the character can stand in a name."""
        return continues_name(character) or character in self.letters

    def is_name(self, text: str) -> bool:
        """Whether `text` can be written behind an accessor as it is."""
        return bool(text) and not text[0].isdigit() and all(self.continues_name(character) for character in text)


C = Style(accessors=(".", "->", "::"), directives=True)
SCRIPT = Style(accessors=(".", "?.", "!."), quotes="\"'`", regexes=True, letters="$#")
OTHER = Style(accessors=(".", "?.", "::"), quotes="\"'`")


@dataclass(frozen=True)
class CLexer:
    """Where the running text stands. A value; stepping by `a` then `b` is stepping by `ab`."""

    style: Style
    inside: str = ""
    """What the next character is part of: "//", "/*", "#", a quote, "/" and "/[" (a regex); code if empty."""
    kind: Kind = ""
    word: str = ""
    """The name, keyword or number the text ends in, as far as written."""
    run: str = ""
    """Operators since the last operand, blanks as one."""
    slash: bool = False
    """A slash just written: an operator, a comment or a regex?"""
    tail: str = ""
    """The last character, where an end of two may begin: the star of a comment, the dollar of a template, a backslash."""
    fields: tuple[int, ...] = ()
    """Braces open in each `${` of a template."""
    fresh: bool = True
    """Nothing but blanks on this line yet."""
    dereference: bool = False
    """The character just read ends an accessor."""

    @property
    def code(self) -> bool:
        """Whether the next character is code."""
        return self.inside in ("", "#")

    def step(self, character: str) -> CLexer:
        """The lexer after one character."""
        return self.run_over(character)

    def run_over(self, text: str) -> CLexer:
        """The lexer after `text`."""
        reading = _Reading(self)
        at = 0
        while at < len(text):
            at = reading.inside_something(text, at) if reading.inside else reading.in_code(text, at)
        return reading.lexer()


class _Reading:
    """A `CLexer` on the move: a value for every token of a large file would cost seconds."""

    def __init__(self, lexer: CLexer) -> None:
        self.style, self.inside, self.kind, self.word = lexer.style, lexer.inside, lexer.kind, lexer.word
        self.run, self.slash, self.tail, self.fields = lexer.run, lexer.slash, lexer.tail, lexer.fields
        self.fresh, self.dereference = lexer.fresh, lexer.dereference
        self.tokens = _tokens(lexer.style)

    def lexer(self) -> CLexer:
        return CLexer(
            self.style, self.inside, self.kind, self.word, self.run, self.slash, self.tail, self.fields, self.fresh,
            self.dereference,
        )  # fmt: skip

    def in_code(self, text: str, at: int) -> int:
        """Read one token of code, and say where the next one begins."""
        if self.slash:
            self.slash = False
            if text[at] in "/*":
                self.inside, self.tail = "/" + text[at], ""
                return at + 1
            if self.style.regexes and (self.kind == "" or self.run.strip()):
                self.inside, self.tail = "/", ""
                return at
            self.run = (self.run + "/")[-4:]
        match = self.tokens.match(text, at)
        assert match is not None  # one character matches in any case
        token = match.group()
        self.dereference = False
        if match.lastgroup == "name":
            self.word = word = self.word + token
            self.kind = "number" if word[0].isdigit() else "" if word in self.style.keywords else "word"
            self.run, self.fresh = "", False
        elif match.lastgroup == "blank":
            self.word = ""
            self.fresh = self.fresh or "\n" in token or "\r" in token
            if self.run and self.run[-1] != " ":
                self.run += " "
        else:
            self.sign(token)
        return match.end()

    def sign(self, sign: str) -> None:
        """Read one character that is neither of a name nor blank."""
        word, fresh, self.word, self.fresh = self.word, self.fresh, "", False
        if sign == "/":
            self.slash = True
        elif sign == "#" and self.style.directives and fresh:
            self.inside, self.tail = "#", ""
        elif sign == "'" and word[:1].isdigit():
            self.word = word + sign  # 1'000 of C++
        elif sign in self.style.quotes:
            self.inside, self.tail = sign, ""
        elif sign in ")]}":
            self.kind, self.run = "closer", ""
            if sign == "}" and self.fields:
                *outer, depth = self.fields
                self.fields = (*outer, depth - 1) if depth else tuple(outer)
                if not depth:
                    self.inside, self.tail = "`", ""
        elif sign in "([{,;":
            self.kind, self.run = "", ""
            if sign == "{" and self.fields:
                self.fields = (*self.fields[:-1], self.fields[-1] + 1)
        else:
            self.run = (self.run + sign)[-4:]
            run = self.run.strip()
            if run.endswith("::"):
                run = run.lstrip(">")
            self.dereference = run in self.style.accessors and self.kind not in ("", "number")

    def inside_something(self, text: str, at: int) -> int:
        """Read on in a comment, string, regex or directive up to what may end it."""
        if self.tail == "\\":
            self.tail = "\r" if text[at] == "\r" else ""
            return at + 1
        if self.tail == "\r" and text[at] == "\n":
            self.tail = ""
            return at + 1
        match = _ENDS[self.inside].search(text, at)
        if match is None:
            self.tail = text[-1] if text[-1] in "*$" else ""
            return len(text)
        sign, start, end = match.group(), match.start(), match.end()
        before = text[start - 1] if start > at else self.tail
        self.tail = ""
        if sign == "\\":
            self.tail = "\\"
        elif self.inside == "/*":
            if before == "*":
                self.inside = ""
        elif self.inside == "`" and sign == "{":
            if before == "$":
                self.inside, self.kind, self.run, self.fields = "", "", "", (*self.fields, 0)
        elif sign == "[":
            self.inside = "/["
        elif sign == "]":
            self.inside = "/"
        elif sign in "\r\n":
            # What was not closed on its line is taken as closed. The end of the line is left for code to read.
            if self.inside not in ("//", "#"):
                self.kind, self.run = "string", ""
            self.inside = ""
            return start
        else:
            self.inside, self.kind, self.run = "", "string", ""
        return end


_ENDS = {
    "//": re.compile(r"[\r\n]"),
    "#": re.compile(r"[\r\n\\]"),
    "/*": re.compile(r"/"),
    '"': re.compile(r'["\r\n\\]'),
    "'": re.compile(r"['\r\n\\]"),
    "`": re.compile(r"[`\\{]"),
    "/": re.compile(r"[/\[\r\n\\]"),
    "/[": re.compile(r"[\]\r\n\\]"),
}


@lru_cache
def _tokens(style: Style) -> re.Pattern[str]:
    return re.compile(rf"(?P<name>[\w{re.escape(style.letters)}]+)|(?P<blank>\s+)|.", re.DOTALL)


def place(style: Style, text: str, offset: int) -> Place:
    """What kind of place `offset` is; never raises, and clamps the offset. The context is always "load"."""
    offset = max(0, min(offset, len(text)))
    start = end = offset
    while start > 0 and style.continues_name(text[start - 1]):
        start -= 1
    while end < len(text) and style.continues_name(text[end]):
        end += 1
    typed = text[start:offset]
    lexer = lexer_at(style, text, start)
    if not lexer.code:
        return Place(_where(lexer), None, typed, end)
    if typed[:1].isdigit():
        return Place("number", None, typed, end)
    before = start
    while before > 0 and text[before - 1].isspace():
        before -= 1
    behind = lexer_at(style, text, before)
    if behind.dereference:
        return Place("code", before, typed, end)
    return Place("number" if start == before and behind.kind == "number" and behind.run == "." else "code", None, typed, end)


def _where(lexer: CLexer) -> Where:
    return "comment" if lexer.inside in ("//", "/*") else "string"


@dataclass
class _Read:
    """A text that was read before: the lexer at every `_EVERY`th character, as far as anybody asked."""

    style: Style
    text: str
    lexers: list[CLexer] = field(default_factory=list)


_read: list[_Read] = []
_reading = threading.Lock()


def lexer_at(style: Style, text: str, offset: int) -> CLexer:
    """The lexer at `offset`. A text that is nearly the last one costs what lies behind the difference."""
    with _reading:
        known = next((one for one in _read if one.style is style and one.text == text), None)
        if known is None:
            last = next((one for one in _read if one.style is style), None)
            kept = last.lexers[: common_prefix(last.text, text) // _EVERY + 1] if last is not None else []
            known = _Read(style, text, kept or [CLexer(style)])
            _read.insert(0, known)
            del _read[4:]
        lexers = known.lexers
        while len(lexers) <= offset // _EVERY:
            begin = (len(lexers) - 1) * _EVERY
            lexers.append(lexers[-1].run_over(text[begin:begin + _EVERY]))
        nearest = offset // _EVERY
        return lexers[nearest].run_over(text[nearest * _EVERY:offset])
