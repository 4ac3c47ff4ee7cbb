"""The store monitor: `obj.x = `, `self.x: T = `. Known attributes rank, since storing makes new ones.

Nothing new can be made where instances have no `__dict__`: of classes with `__slots__` all the way up, and of named
tuples. There a store of any other name is refused, at the `=` that shows that it is one.
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Literal

from .analysis import Analysis, Document, Members
from .answers import answered, members_within
from .dereference import legal_names, normal_form
from .languages import PYTHON, Running, is_read
from .monitor import Answer, Question, Start
from .running import Lexer
from .syntax import TEXT_LIMIT, place

Phase = Literal["name", "behind", "operator", "equals", "stored", "other"]


@dataclass(frozen=True)
class Access:
    """An attribute access in running text: the text up to its dot, its name, and what follows so far."""

    text: str
    name: str = ""
    phase: Phase = "name"

    def step(self, character: str) -> Access:
        """With one more character behind it."""
        if self.phase in ("stored", "other"):
            return self
        if self.phase == "equals":
            return replace(self, phase="other" if character == "=" else "stored")
        if self.phase == "name" and PYTHON.continues_name(character):
            return replace(self, name=self.name + character)
        if character == "=":
            return replace(self, phase="equals")
        if self.phase == "operator":
            return replace(self, phase="operator" if character in "+-*/%&|^@<>" else "other")
        if character in " \t":
            return replace(self, phase="behind")
        # `!=`, `<=` and `>=` are none; `+=` is a store, and so are `//=` and `>>=`.
        return replace(self, phase="operator" if character in "+-*/%&|^@" else "other")


@dataclass(frozen=True)
class StoreState:
    """Accesses whose receivers are not asked about yet, and one answered access whose fate is open."""

    text: str = ""
    lexer: Running = field(default_factory=Lexer)
    pending: tuple[Access, ...] = ()
    answered: Access | None = None
    storable: frozenset[str] = frozenset()
    mask: bool = False
    """The answered name is stored for certain: only what is storable may be written."""
    blind: bool = False

    def advance(self, text: str) -> StoreState | None:
        """The state after `text`, or None if `text` stores what cannot be."""
        if self.blind:
            return replace(self, text=self.text + text)
        lexer, pending, answered, mask = self.lexer, self.pending, self.answered, self.mask
        for index, character in enumerate(text):
            in_field = bool(lexer.frames) if isinstance(lexer, Lexer) else False
            lexer = lexer.step(character)
            if answered is not None:
                answered = replace(answered, phase="other") if in_field else answered.step(character)
                if mask:
                    if answered.phase != "name":
                        if normal_form(answered.name) not in self.storable:
                            return None
                        answered, mask = None, False
                    elif not any(name.startswith(normal_form(answered.name)) for name in self.storable):
                        return None
                elif answered.phase == "stored" and normal_form(answered.name) not in self.storable:
                    return None
                if answered is not None and answered.phase in ("stored", "other"):
                    answered = None
            if pending:
                # `f"{x.y=}"` stores nothing.
                last = pending[-1]
                pending = (*pending[:-1], replace(last, phase="other") if in_field and last.phase != "stored" else
                           last.step(character))
            if lexer.dereference:
                pending = (*pending, Access(self.text + text[:index + 1]))
        return replace(
            self, text=self.text + text, lexer=lexer, pending=pending, answered=answered, mask=mask,
            storable=self.storable if answered is not None else frozenset(),
        )  # fmt: skip

    def names(self) -> frozenset[str] | None:
        """What completes the name that is stored here; None where none is for certain."""
        if not self.mask or self.answered is None:
            return None
        typed = normal_form(self.answered.name)
        return frozenset(name[len(typed):] for name in self.storable if name.startswith(typed))

    @property
    def closed(self) -> bool:
        """Whether `names()` is a mask here."""
        return self.mask

    @property
    def may_end(self) -> bool:
        """Whether the text may stop here."""
        return not self.mask or self.answered is None or normal_form(self.answered.name) in self.storable

    @property
    def questions(self) -> tuple[Question, ...]:
        """The dots whose receivers analysis has not been asked about yet."""
        return tuple(Question(access.text) for access in self.pending)

    def resolve(self, answer: Answer) -> StoreState | None:
        """The state once the first question is answered; None when what was stored behind that dot is refused."""
        if not self.pending or not isinstance(answer, Members):
            return self
        first, rest = self.pending[0], self.pending[1:]
        if not answer.closed or first.phase == "other":
            return replace(self, pending=rest)
        storable = legal_names(answer)
        if first.phase == "stored":
            return None if normal_form(first.name) not in storable else replace(self, pending=rest)
        if rest:
            return replace(self, pending=rest)  # another dot has followed: `a.b.c = ` stores c
        return replace(self, pending=rest, answered=first, storable=storable)


class Store:
    """The monitor. Never raises, and never waits longer than the deadline."""

    name = "store"

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis

    def start(self, document: Document, offset: int, deadline_ms: float | None = None) -> Start | None:
        """The start at an attribute that is stored, or may turn out to be; None anywhere else."""
        if not is_read(document):
            return None
        here = place(document.text, offset)
        if here.where != "code" or here.dot is None or here.context not in ("store", "fresh"):
            return None
        answer = members_within(self._analysis.stores(document, here.dot), deadline_ms)
        begun = self.watch(document, offset)
        begin = offset - len(here.typed)
        if not answer.closed:
            if here.context == "fresh":
                return None
            known = members_within(self._analysis.members(document, here.dot), deadline_ms)
            reason = f"attributes may come into being by being stored ({answer.reason})"
            return Start(self.name, False, reason, begun, begin, here.typed, replace(known, closed=False, reason=reason))
        storable, typed = legal_names(answer), normal_form(here.typed)
        mask = here.context == "store" and any(name.startswith(typed) for name in storable) and bool(answer.members)
        state = replace(begun, answered=Access("", here.typed), storable=storable, mask=mask)
        if here.context == "fresh":
            return None if not answer.members else Start(
                self.name, False, f"if it is stored: {answer.reason}", state, begin, here.typed, answer
            )
        if not mask:
            state = begun
        return Start(self.name, mask, answer.reason, state, begin, here.typed, answer)

    def watch(self, document: Document, offset: int) -> StoreState:
        """A state that watches what the model stores. Asks nothing."""
        lexer = PYTHON.lexer_at(document.text, offset)
        return StoreState(lexer=lexer, blind=not lexer.code)

    def ask(self, document: Document, offset: int, question: Question) -> Future[Members]:
        """Ask what can be stored behind the dot that ends `question.text`, where a statement begins with it."""
        text = document.text[:offset] + question.text + document.text[offset:]
        dot = offset + len(question.text)
        if len(text) <= TEXT_LIMIT:
            here = place(text, dot)
            if here.where == "code" and here.dot is not None and here.context in ("store", "fresh"):
                return self._analysis.stores(replace(document, text=text), dot)
        return answered(Members(reason="nothing is stored here"))
