"""Which language a document is in, and what the monitors must know of it: where the cursor is, and what a name is.

Python is read by `syntax` and `lexical`; what looks like C by `clike`. Everything else is taken for Python, which is
what untitled documents and notebook cells are here.
"""

from __future__ import annotations

import keyword
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import PurePath
from typing import Protocol, Self

from . import clike, lexical, running, syntax
from .analysis import Document


class Running(Protocol):
    """The running text, as far as a language's lexer knows it. A value."""

    @property
    def code(self) -> bool:
        """Whether the next character is code."""

    @property
    def dereference(self) -> bool:
        """Whether the character just read is the end of an accessor: a name of a member comes next."""

    def step(self, character: str) -> Self:
        """The lexer after one character."""


@dataclass(frozen=True)
class Language:
    """One language. `id` is what LSP calls it."""

    id: str
    place: Callable[[str, int], syntax.Place]
    lexer_at: Callable[[str, int], Running]
    continues_name: Callable[[str], bool]
    """Whether a character can stand in an identifier."""
    is_name: Callable[[str], bool]
    """Whether a text can be written behind a dot as it is."""


PYTHON = Language(
    "python",
    syntax.place,
    lambda text, offset: lexical.scan(text).lexer_at(offset),
    running.continues_name,
    lambda name: name.isidentifier() and not keyword.iskeyword(name),
)


def _clike(language: str, style: clike.Style) -> Language:
    return Language(
        language, partial(clike.place, style), partial(clike.lexer_at, style), style.continues_name, style.is_name
    )


_SUFFIXES = {
    suffix: language
    for language, suffixes in (
        (_clike("typescript", clike.SCRIPT), ".ts .mts .cts"),
        (_clike("typescriptreact", clike.SCRIPT), ".tsx"),
        (_clike("javascript", clike.SCRIPT), ".js .mjs .cjs"),
        (_clike("javascriptreact", clike.SCRIPT), ".jsx"),
        (_clike("c", clike.C), ".c"),
        (_clike("cpp", clike.C), ".cpp .cc .cxx .c++ .h .hh .hpp .hxx .ipp"),
        (_clike("java", clike.OTHER), ".java"),
        (_clike("csharp", clike.OTHER), ".cs"),
        (_clike("go", clike.OTHER), ".go"),
    )
    for suffix in suffixes.split()
}


def language_of(path: str) -> Language:
    """The language of a document by the end of its path or URI."""
    return _SUFFIXES.get(PurePath(path).suffix.lower(), PYTHON)


def is_read(document: Document) -> bool:
    """Whether a document is Python, and small enough to be analysed."""
    return language_of(document.path) is PYTHON and len(document.text) <= syntax.TEXT_LIMIT
