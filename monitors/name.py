"""The name monitor: a bare name that is read must be one that the scope can have."""

from __future__ import annotations

import keyword
from concurrent.futures import Future

from .analysis import Analysis, Document, Kind, Member, Members
from .answers import answered, members_within, then
from .dereference import normal_form
from .monitor import Question, Start
from .scopes import BUILTINS, Scope, scope_at
from .word_watch import WordState, place_of, watching, word_at
from .words import Slot, Words

_EXPRESSION = ("None", "True", "False", "not", "lambda", "await")
_STATEMENT = (
    "if", "for", "while", "return", "def", "class", "with", "try", "import", "from", "raise", "yield", "pass",
    "continue", "break", "assert", "async", "del", "global", "nonlocal", "elif", "else", "except", "finally", "match",
    "case", "type",
)  # fmt: skip
_READ: tuple[Slot, ...] = ("start", "load", "annotation")


class Name:
    """The monitor. Never raises, and never waits longer than the deadline."""

    name = "name"

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis

    def start(self, document: Document, offset: int, deadline_ms: float | None = None) -> Start | None:
        """The start where a bare name may be read; None where none can stand."""
        found = word_at(document, offset)
        if found is None or found[1].slot not in _READ:
            return None
        typed, words = found
        begin = offset - len(typed)
        scope = scope_at(document.text, begin, document.path)
        brought = Members(closed=True)
        if scope.stars and not scope.reason:
            brought = members_within(self._analysis.stars(document), deadline_ms)
        answer = listed(scope, brought, words=words)
        closed, reason = answer.closed, answer.reason
        if closed and words.slot == "start":
            closed, reason = False, "a new name may be bound here"
        elif closed and not any(name.startswith(normal_form(typed)) for name in answer.names):
            closed, reason = False, f"no known name begins with {typed!r}"
        state = watching(self.name, document, offset, known=_known(scope))
        legal = frozenset(normal_form(name) for name in answer.names)
        state = WordState(self.name, words=state.words, known=state.known, legal=legal, typed=typed, blind=state.blind)
        return Start(self.name, closed, reason, state, begin, typed, answer)

    def watch(self, document: Document, offset: int) -> WordState:
        """A state that watches the names the model writes. Asks nothing."""
        state = watching(self.name, document, offset)
        if state.blind:
            return state
        return WordState(self.name, words=state.words, known=_known(scope_at(document.text, offset, document.path)))

    def ask(self, document: Document, offset: int, question: Question) -> Future[Members]:
        """Which names may be read where the name of the question begins."""
        written, at = place_of(document, offset, question)
        scope = scope_at(written.text, at, document.path)
        deferred = question.about.endswith("later")
        if scope.stars and not scope.reason:
            return then(self._analysis.stars(written), lambda brought: listed(scope, brought, deferred))
        return answered(listed(scope, Members(closed=True), deferred))


def _known(scope: Scope) -> frozenset[str]:
    return frozenset(scope.names) | scope.unlisted | BUILTINS


def listed(scope: Scope, brought: Members, deferred: bool = False, words: Words | None = None) -> Members:
    """The names of a scope with what star imports bring, nearest first; closed if nothing else can be read there.

    Where `words` say what stands before, the keywords that may follow are listed too.
    """
    kinds: dict[str, Kind] = dict(scope.names)
    for member in brought.members:
        kinds.setdefault(member.name, member.kind)
    if deferred:
        for name in sorted(scope.later):
            kinds.setdefault(name, "variable")
    members = [Member(name, kind) for name, kind in kinds.items() if not _hidden(name)]
    members.sort(key=lambda member: member.name.startswith("_"))
    builtin = sorted(BUILTINS - kinds.keys())
    members += [Member(name, _builtin_kind(name), "builtins") for name in builtin if not name.startswith("_")]
    if words is not None:
        members += [Member(word, "keyword") for word in _keywords(words)]
    extra = frozenset(kinds) | scope.unlisted | BUILTINS | brought.extra_names
    reason = scope.reason or ("" if brought.closed else brought.reason or "what a star import brings is not known")
    return Members(
        tuple(members), not reason, reason or "every name that can be read here is known",
        extra_names=extra - {member.name for member in members},
    )


def _keywords(words: Words) -> tuple[str, ...]:
    level = words.levels[-1]
    if level.slot == "start" and level.kind == "statement" and words.previous == "":
        return (*_STATEMENT, *_EXPRESSION)
    if level.kind == "statement" and words.previous == "=":
        return (*_EXPRESSION, "yield")
    return _EXPRESSION


def _hidden(name: str) -> bool:
    return (name.startswith("__") and name.endswith("__")) or keyword.iskeyword(name)


def _builtin_kind(name: str) -> Kind:
    if name[:1].isupper():
        return "class" if name not in ("NotImplemented", "Ellipsis") else "constant"
    return "class" if name in _CLASSES else "function"


_CLASSES = frozenset({
    "bool", "bytearray", "bytes", "classmethod", "complex", "dict", "enumerate", "filter", "float", "frozenset", "int",
    "list", "map", "memoryview", "object", "property", "range", "reversed", "set", "slice", "staticmethod", "str",
    "super", "tuple", "type", "zip",
})  # fmt: skip
