"""The import monitor: what is imported must be there, where everything that is there is known."""

from __future__ import annotations

import keyword
from concurrent.futures import Future
from dataclasses import dataclass, field, replace

from .analysis import Analysis, Document, Member, Members
from .answers import answered, members_within
from .dereference import normal_form
from .import_places import guarded, import_place
from .languages import is_read
from .lexical import scan
from .monitor import Answer, Question, Start
from .running import Lexer, continues_name
from .statements import statement_start
from .syntax import place

_KEYWORDS = frozenset(keyword.kwlist)


@dataclass(frozen=True)
class Path:
    """Where running text stands in an import statement. `step` gives the next value."""

    stage: str = ""
    """"" (in none), "module" (one is next), "modules" (behind one), "name" (one is next), "names" (behind one), "alias"."""
    plain: bool = False
    """`import a`, not `from a import b`."""
    module: str = ""
    """What is imported from, with the last part that was written."""
    depth: int = 0
    place: str = ""
    """"names" or "modules" when a name may begin behind this character, to be imported from `module`."""

    def step(self, character: str, before: Lexer, after: Lexer) -> Path:
        """After one more character of code, or of a comment."""
        path = replace(self, place="") if self.place else self
        if after.word:
            return path
        if before.word and not before.comment:
            path = path._word(before)
            if path.stage in ("module", "name") and character in " \t\f":
                path = path._here()
        if path.stage == "":
            return path
        if character in "\r\n":
            return path if path.depth or before.escape else Path()
        if before.comment or character in " \t\f\\#":
            return path
        if character == ".":
            if path.stage == "module" and not path.plain:
                return replace(path, module=path.module + ".")._here()
            if path.stage == "modules":
                return replace(path, stage="module", module=path.module + ".")._here()
        elif character == ",":
            if path.stage in ("modules", "alias") and path.plain:
                return replace(path, stage="module", module="")._here()
            if path.stage in ("names", "alias") and not path.plain:
                return replace(path, stage="name")._here()
        elif character == "(" and path.stage == "name":
            return replace(path, depth=1)._here()
        elif character == "*" and path.stage == "name":
            return replace(path, stage="names")
        return Path()

    def _here(self) -> Path:
        return replace(self, place="names" if self.stage == "name" else "modules")

    def _word(self, before: Lexer) -> Path:
        word = before.word
        if self.stage == "":
            begins = before.first and word in ("import", "from") and not before.frames
            return Path("module", plain=word == "import") if begins else self
        if word == "import" and not self.plain and self.stage in ("module", "modules") and self.module:
            return replace(self, stage="name")
        if word == "as":
            return replace(self, stage="alias")
        if word in _KEYWORDS or self.stage in ("modules", "names"):
            return Path()
        if self.stage == "module":
            return replace(self, stage="modules", module=self.module + word)
        return replace(self, stage="names") if self.stage == "name" else self

    @property
    def source(self) -> str:
        """The module of a place: without the dot behind its last part, with those of a relative import."""
        return self.module.rstrip(".") if self.module.strip(".") else self.module


@dataclass(frozen=True)
class Pending:
    """A place that has not been answered yet, and the name written there."""

    text: str
    about: str
    name: str = ""
    ended: bool = False


@dataclass(frozen=True)
class ImportState:
    """Watches running text for imports. At an answered, closed place what is written must be importable."""

    text: str = ""
    lexer: Lexer = field(default_factory=Lexer)
    path: Path = field(default_factory=Path)
    legal: frozenset[str] | None = None
    """What may be named here, when that was answered and the name has not ended."""
    typed: str = ""
    closed: bool = False
    pending: tuple[Pending, ...] = ()
    blind: bool = False

    def advance(self, text: str) -> ImportState | None:
        """The state after `text`, or None if it imports what is not there. Never asks analysis."""
        if self.blind:
            return replace(self, text=self.text + text)
        lexer, path, legal, typed, closed, pending = (
            self.lexer, self.path, self.legal, self.typed, self.closed, self.pending,
        )  # fmt: skip
        for index, character in enumerate(text):
            before, lexer = lexer, lexer.step(character)
            if legal is not None:
                if continues_name(character) and not before.comment:
                    typed += character
                    if closed and not _begins(legal, typed):
                        return None
                elif typed:
                    if closed and not _complete(legal, typed):
                        return None
                    legal, typed, closed = None, "", False
                elif not _may_precede(character, before):
                    legal, closed = None, False
            elif pending and not pending[-1].ended:
                last = pending[-1]
                if continues_name(character) and not before.comment:
                    last = replace(last, name=last.name + character)
                elif last.name or not _may_precede(character, before):
                    last = replace(last, ended=True)
                pending = (*pending[:-1], last)
            if path.stage or before.word in ("import", "from"):
                path = path.step(character, before, lexer)
                if not path.stage:
                    legal, typed, closed = None, "", False
                    if pending and not pending[-1].ended:
                        pending = (*pending[:-1], replace(pending[-1], ended=True))
            if path.place and path.source:
                about = f"import {path.place} {path.source}".rstrip()
                pending = (*pending, Pending(self.text + text[:index + 1], about))
                legal, typed, closed = None, "", False
        return ImportState(self.text + text, lexer, path, legal, typed, closed, pending)

    def names(self) -> frozenset[str] | None:
        """What completes the name begun here; None where nothing answered is being imported."""
        if self.legal is None or not self.lexer.code:
            return None
        typed = normal_form(self.typed)
        return frozenset(name[len(typed):] for name in self.legal if name.startswith(typed))

    @property
    def may_end(self) -> bool:
        """Not in the middle of a closed name, and not where a name must follow."""
        if self.legal is not None and self.closed and self.typed:
            return _complete(self.legal, self.typed)
        return self.path.place == ""

    @property
    def questions(self) -> tuple[Question, ...]:
        """The places, in order, that analysis has not been asked about."""
        return tuple(Question(pending.text, pending.about) for pending in self.pending)

    def resolve(self, answer: Answer) -> ImportState | None:
        """The state once the first place is answered; None when what was named there cannot be imported."""
        if not self.pending:
            return self
        first, rest = self.pending[0], self.pending[1:]
        if not isinstance(answer, Members):
            return replace(self, pending=rest)
        names = importable(answer)
        closed = answer.closed and bool(names)
        if first.name.startswith("_"):
            closed = False
        if first.about.startswith("import modules ."):
            names |= {"import"}
        if closed and first.name and not (
            _complete(names, first.name) if first.ended else _begins(names, first.name)
        ):  # fmt: skip
            return None
        if first.ended or rest:
            return replace(self, pending=rest)
        return replace(self, pending=rest, legal=names, typed=first.name, closed=closed)


def importable(answer: Members) -> frozenset[str]:
    """The names that may be written, in the form Python compares them in."""
    return frozenset(normal_form(name) for name in answer.names if name.isidentifier() and name not in _KEYWORDS)


def _may_precede(character: str, before: Lexer) -> bool:
    """Whether the character can stand before the name: blanks, a bracket, a comment, a continued line, a further dot."""
    return before.comment or character in " \t\f\r\n\\(#."


def _begins(names: frozenset[str], typed: str) -> bool:
    start = normal_form(typed)
    return start.startswith("_") or any(name.startswith(start) for name in names)


def _complete(names: frozenset[str], typed: str) -> bool:
    return typed.startswith("_") or normal_form(typed) in names


class Import:
    """The monitor. Never raises, and never waits longer than the deadline."""

    name = "import"

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis

    def start(self, document: Document, offset: int, deadline_ms: float | None = None) -> Start | None:
        """The start where a module or a name is being imported."""
        text = document.text
        if not is_read(document):
            return None
        if place(text, offset).where != "code":
            return None
        here = import_place(text, offset)
        if here is None:
            return None
        typed = text[here.begin:offset]
        answer = members_within(self._analysis.imports(document, here.module, here.submodules), deadline_ms)
        answer = replace(answer, silence="")
        names = importable(answer)
        closed, reason = answer.closed and bool(names), answer.reason
        if closed and guarded(text, here.begin):
            closed, reason = False, "a failed import is caught here"
        if here.submodules and here.module.endswith("."):
            names |= {"import"}
            answer = replace(answer, members=(*answer.members, Member("import", "keyword")))
        if closed and not _begins(names, typed):
            closed, reason = False, f"no known name begins with {typed!r}"
        lexer = scan(text).lexer_at(offset)
        state = ImportState("", lexer, self._path(document, offset), names, typed, closed)
        return Start(self.name, closed, reason, state, here.begin, typed, replace(answer, closed=closed, reason=reason))

    def watch(self, document: Document, offset: int) -> ImportState:
        """A state that watches the imports the model writes. Asks nothing."""
        text = document.text
        if not is_read(document):
            return ImportState(blind=True)
        lexer = scan(text).lexer_at(offset)
        if not lexer.code:
            return ImportState(blind=True)
        return ImportState(lexer=lexer, path=self._path(document, offset))

    def ask(self, document: Document, offset: int, question: Question) -> Future[Members]:
        """What may be imported at a place that the model wrote."""
        _, which, *rest = question.about.split(" ")
        written = replace(document, text=document.text[:offset] + question.text + document.text[offset:])
        if guarded(written.text, offset + len(question.text)):
            return answered(Members(reason="a failed import is caught here"))
        return self._analysis.imports(written, rest[0] if rest else "", which == "modules")

    def _path(self, document: Document, offset: int) -> Path:
        """Where the text before the cursor stands."""
        start = statement_start(document.text, offset)
        if start is None:
            return Path()
        state = ImportState().advance(document.text[start:offset])
        return Path() if state is None else replace(state.path, place="")
