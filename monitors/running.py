"""A lexer that runs with the text, one character at a time.

It knows enough of Python to say, after every character, whether the next one is code, and whether a dot just written
is an attribute access. It looks at each character once and never ahead, so stepping by `a` then `b` is stepping by
`ab`: the law the monitors' states rest on.
"""

from __future__ import annotations

import keyword
from dataclasses import dataclass, replace
from typing import Literal

Before = Literal["", "word", "keyword", "number", "closer", "string", "dot", "other"]
"""The kind of the last token, blanks and newlines aside."""

_PREFIXES = frozenset({"r", "u", "b", "f", "t", "br", "rb", "fr", "rf", "tr", "rt"})
NO_OPERAND = frozenset(keyword.kwlist) - {"None", "True", "False"}
"""Keywords after which a dot is no attribute access (`return .5`). Soft keywords are names as often."""


def continues_name(character: str) -> bool:
    """Whether the character can stand in an identifier, or a number, of Python."""
    return character == "_" or character.isalnum() or (character > "\x7f" and ("a" + character).isidentifier())


@dataclass(frozen=True)
class Frame:
    """One open string (`quote` is its delimiter), or one replacement field of an f-string (`quote` is empty)."""

    quote: str = ""
    formatted: bool = False
    run: int = 0
    """Quotes just seen, in a triple-quoted string."""
    brace: str = ""
    """A brace just seen in an f-string: doubled, or the start of a field?"""
    depth: int = 0
    """Brackets open in the field."""
    spec: bool = False
    """Behind the colon of the field."""


@dataclass(frozen=True)
class Lexer:
    """Where the running text stands. A value: `step` gives the next one."""

    frames: tuple[Frame, ...] = ()
    comment: bool = False
    escape: bool = False
    opening: str = ""
    """Quotes seen where a string begins ("'" or "''"): one, an empty string, or the start of three?"""
    prefix: str = ""
    word: str = ""
    """The identifier, keyword or number the text ends in, as far as written."""
    before: Before = ""
    first: bool = True
    """The word being written, or else the next one, is the first of its statement."""
    imports: bool = False
    """In an import statement, whose dots are no attribute accesses."""
    dereference: bool = False
    """The character just read is the dot of an attribute access."""

    @property
    def code(self) -> bool:
        """Whether the next character is code. Just behind an opening quote it is not."""
        in_text = bool(self.frames) and (bool(self.frames[-1].quote) or self.frames[-1].spec)
        return not self.comment and not in_text and len(self.opening) != 1

    def step(self, character: str) -> Lexer:
        """The lexer after one character."""
        lexer = replace(self, dereference=False) if self.dereference else self
        if lexer.comment:
            return lexer._newline() if character in "\r\n" else lexer
        if lexer.opening:
            return lexer._open(character)
        if lexer.frames:
            if lexer.frames[-1].spec:
                return lexer._spec(character)
            if lexer.frames[-1].quote:
                return lexer._string(character)
        return lexer._code(character)

    def letters(self, text: str) -> Lexer:
        """The lexer after letters, digits and underscores (ASCII) that lengthen a word: one step for all of them."""
        word = self.word + text
        kind: Before = "number" if word[0].isdigit() else "keyword" if word in NO_OPERAND else "word"
        return replace(self, word=word, before=kind)

    def run(self, text: str) -> Lexer:
        """The lexer after `text`."""
        lexer = self
        for character in text:
            lexer = lexer.step(character)
        return lexer

    def _top(self, frame: Frame) -> Lexer:
        return replace(self, frames=(*self.frames[:-1], frame))

    def _open(self, character: str) -> Lexer:
        quote = self.opening[0]
        if character == quote and len(self.opening) == 1:
            return replace(self, opening=quote * 2)
        if character != quote and len(self.opening) == 2:
            return replace(self, opening="", prefix="", before="string")._code(character)
        delimiter = quote * (3 if character == quote else 1)
        frame = Frame(delimiter, formatted=any(letter in "fFtT" for letter in self.prefix))
        opened = replace(self, frames=(*self.frames, frame), opening="", prefix="")
        return opened if character == quote else opened._string(character)

    def _string(self, character: str) -> Lexer:
        frame = self.frames[-1]
        if self.escape:
            return replace(self, escape=False)
        if frame.brace:
            return self._brace(character)
        if character == "\\":
            return replace(self._top(replace(frame, run=0)), escape=True)
        if character == frame.quote[0]:
            if frame.run + 1 == len(frame.quote):
                return replace(self, frames=self.frames[:-1], before="string", word="")
            return self._top(replace(frame, run=frame.run + 1))
        if character in "\r\n" and len(frame.quote) == 1:
            # Unterminated: Python ends it here, and so does a person's idea of the next line.
            return Lexer()
        if frame.formatted and character in "{}":
            return self._top(replace(frame, run=0, brace=character))
        return self._top(replace(frame, run=0)) if frame.run else self

    def _brace(self, character: str) -> Lexer:
        frame = self.frames[-1]
        calm = self._top(replace(frame, brace=""))
        if character == frame.brace:
            return calm
        if frame.brace == "}":
            return calm._string(character)
        return calm._field()._code(character)

    def _field(self) -> Lexer:
        return replace(self, frames=(*self.frames, Frame()), before="other", word="", first=False, imports=False)

    def _end_field(self) -> Lexer:
        return replace(self, frames=self.frames[:-1], before="other", word="")

    def _spec(self, character: str) -> Lexer:
        if character == "}":
            return self._end_field()
        if character == "{":
            return self._field()
        return Lexer() if character in "\r\n" and self._one_line() else self

    def _one_line(self) -> bool:
        return any(len(frame.quote) == 1 for frame in self.frames)

    def _code(self, character: str) -> Lexer:
        if character in "\r\n":
            return self._newline()
        if continues_name(character):
            word = self.word + character
            kind: Before = "number" if word[0].isdigit() else "keyword" if word in NO_OPERAND else "word"
            return replace(self, word=word, before=kind, escape=False)
        if character in "'\"":
            prefix = self.word if self.word.lower() in _PREFIXES else ""
            return replace(self._end_word(), opening=character, prefix=prefix, before="other", first=False)
        if character == ".":
            return self._dot()
        ended = self._end_word()
        if character == "\\":
            return replace(ended, escape=True)
        if character == "#":
            return replace(ended, comment=True)
        return ended if character.isspace() else ended._operator(character)

    def _end_word(self) -> Lexer:
        if not self.word:
            return replace(self, escape=False) if self.escape else self
        imports = self.imports or (self.first and self.word in ("import", "from"))
        return replace(self, word="", first=False, imports=imports, escape=False)

    def _newline(self) -> Lexer:
        if self.escape:
            # A continued line is the same statement.
            return replace(self, escape=False)
        if self.frames and self._one_line():
            return Lexer()
        # A bracket may be open: what stood before may still be dereferenced from the next line.
        return replace(self._end_word(), comment=False, first=True, imports=False)

    def _dot(self) -> Lexer:
        word, ended = self.word, self._end_word()
        if word.replace("_", "").isdigit() and not ended.imports:
            return replace(ended, word=word + ".", before="number")
        if not ended.imports and self.before in ("word", "closer", "string", "number"):
            return replace(ended, before="dot", first=False, dereference=True)
        return replace(ended, before="dot", first=False)

    def _operator(self, character: str) -> Lexer:
        lexer = self
        if self.frames:
            frame = self.frames[-1]
            if character == "}" and frame.depth == 0:
                return self._end_field()
            if character in "([{":
                lexer = self._top(replace(frame, depth=frame.depth + 1))
            elif character in ")]}":
                lexer = self._top(replace(frame, depth=max(0, frame.depth - 1)))
            elif character == ":" and frame.depth == 0:
                lexer = self._top(replace(frame, spec=True))
        ends = character in ";:" and not self.frames
        before: Before = "closer" if character in ")]}" else "other"
        return replace(lexer, before=before, first=ends, imports=self.imports and not ends)
