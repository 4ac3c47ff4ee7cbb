"""The typestate monitor: behind `f.`, what the state of the object that `f` holds allows.

A closed file cannot be read, a thread not be started twice. The states come from protocols (`protocols`), which state
holds from following the name through its function (`flow`). What is legal there are the members that analysis knows,
but for those that are wrong in every state the object may be in; where analysis does not know all members, only those
are refused. Where the state is not known, the monitor is silent.
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial

from tree_sitter import Node

from .analysis import Analysis, Document, Members
from .answers import answered, members_within, no_members, then
from .calls import calls_at
from .creations import Source
from .dereference import DereferenceState, legal_names, normal_form
from .flow import Standing, follow
from .languages import PYTHON, is_read
from .lexical import line_end
from .monitor import Answer, Question, Start
from .protocols import Protocols, protocols_of
from .syntax import TEXT_LIMIT, Place, byte_of, normalised, parse, place

_CLOSERS = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True)
class TypestateState:
    """A dereference state, with the names behind its answered dot that are refused even where the set is open."""

    inner: DereferenceState = field(default_factory=DereferenceState)
    refused: frozenset[str] = frozenset()

    def advance(self, text: str) -> TypestateState | None:
        """The state after `text`, or None if `text` cannot be right."""
        after = self.inner.advance(text)
        if after is None:
            return None
        refused = self.refused
        if refused and self.inner.legal is not None:
            written = self.inner.typed
            for character in text:
                if not PYTHON.continues_name(character):
                    if normal_form(written) in refused:
                        return None
                    refused = frozenset()
                    break
                written += character
        return TypestateState(after, refused)

    def names(self) -> frozenset[str] | None:
        """What completes the name begun here, or None when no answered dot is being completed."""
        return self.inner.names()

    @property
    def closed(self) -> bool:
        """Whether `names()` is a mask here."""
        return self.inner.closed

    @property
    def may_end(self) -> bool:
        """Whether the text may stop here."""
        if self.inner.legal is not None and normal_form(self.inner.typed) in self.refused:
            return False
        return self.inner.may_end

    @property
    def questions(self) -> tuple[Question, ...]:
        """The dots whose receivers have not been followed yet."""
        return self.inner.questions

    def resolve(self, answer: Answer) -> TypestateState | None:
        """The state once the first question is answered; None when what was written behind that dot is refused."""
        if not self.inner.pending or not isinstance(answer, Members):
            return self
        first = self.inner.pending[0]
        inner = self.inner.resolve(answer)
        if inner is None or (first.ended and normal_form(first.name) in answer.refused):
            return None
        return TypestateState(inner, self.refused if first.ended else answer.refused)


class Typestate:
    """The monitor. Never raises, and never waits longer than the deadline."""

    name = "typestate"

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis

    def start(self, document: Document, offset: int, deadline_ms: float | None = None) -> Start | None:
        """The start behind a dot whose receiver's state refuses something; None anywhere else."""
        if not is_read(document):
            return None
        here = place(document.text, offset)
        if here.dot is None or _elsewhere(here):
            return None
        answer = members_within(self._asked(document, here.dot, here), deadline_ms)
        if not answer.refused:
            return None
        names, refused = legal_names(answer), answer.refused
        closed = answer.closed
        typed = normal_form(here.typed)
        if closed and not any(name.startswith(typed) for name in names):
            closed, refused = False, frozenset()
        if typed in refused:
            refused = frozenset()  # a person wrote it: who knows what for
        lexer = PYTHON.lexer_at(document.text, offset)
        inner = DereferenceState("", lexer, names, here.typed, closed)
        return Start(
            self.name, closed, answer.reason, TypestateState(inner, refused), offset - len(here.typed), here.typed, answer
        )

    def watch(self, document: Document, offset: int) -> TypestateState:
        """A state that watches the dots the model writes. Asks nothing."""
        lexer = PYTHON.lexer_at(document.text, offset)
        return TypestateState(DereferenceState(lexer=lexer, blind=not lexer.code))

    def ask(self, document: Document, offset: int, question: Question) -> Future[Members]:
        """Follow the receiver of the dot that ends `question.text`, and ask for its members where that says anything."""
        text = document.text[:offset] + question.text + document.text[offset:]
        dot = offset + len(question.text)
        here = place(text, dot) if len(text) <= TEXT_LIMIT else Place("code")
        if here.dot is None or _elsewhere(here):
            return answered(Members(reason="no attribute access"))
        return self._asked(replace(document, text=text), dot, here)

    def _asked(self, document: Document, dot: int, here: Place) -> Future[Members]:
        protocols = protocols_of(document.root)
        standing = _standing(document.path, document.root, document.text, dot, here.end, _Known(protocols))
        refused = refused_in(standing, protocols)
        if not refused:
            return answered(Members(reason=standing.reason or "every member is legal in this state"))
        # The state is known without analysis; only what else there is, is not.
        left = partial(restricted, standing=standing, protocols=protocols)
        return then(self._analysis.members(document, dot), left, no_members)


def refused_in(standing: Standing, protocols: Protocols) -> frozenset[str]:
    """The names that are wrong in every state the object may be in."""
    found: list[frozenset[str]] = []
    for name in {held.protocol for held in standing.held}:
        states = [held.state for held in standing.held if held.protocol == name]
        found.append(protocols.by_name[name].refused(states))
    return frozenset.intersection(*found) if found else frozenset()


def restricted(members: Members, standing: Standing, protocols: Protocols) -> Members:
    """The members that the object's state leaves, with a reason that names the state."""
    for held in standing.held:
        protocol = protocols.by_name[held.protocol]
        if held.guessed and not (members.receiver and set(members.receiver.split(" | ")) <= protocol.types):
            return Members(reason=f"it is not certain that this is a {protocol.short}")
    refused = refused_in(standing, protocols)
    states = " or ".join(sorted({held.state for held in standing.held}))
    kinds = " or ".join(sorted({protocols.by_name[held.protocol].short for held in standing.held}))
    reason = f"this {kinds} is {states}"
    if not members.closed:
        reason = f"{reason}: what that forbids is refused, the rest is open ({members.reason})"
    return replace(
        members, members=tuple(one for one in members.members if one.name not in refused), reason=reason,
        extra_names=members.extra_names - refused, refused=refused,
    )  # fmt: skip


def _elsewhere(here: Place) -> bool:
    return here.where != "code" or here.context in ("import", "store", "del")


@dataclass(frozen=True, eq=False)
class _Known:
    """Protocols as a key: the same as long as they are the same object."""

    protocols: Protocols

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Known) and self.protocols is other.protocols

    def __hash__(self) -> int:
        return id(self.protocols)


@lru_cache(8)
def _standing(path: str, root: str, text: str, dot: int, end: int, known: _Known) -> Standing:
    """The states of the receiver of the dot that ends at `dot`; nothing where the code around is not understood."""
    for whole in _readings(text, dot, end):
        receiver = _receiver(whole, dot)
        if receiver is not None:
            return follow(Source(whole, path, root, known.protocols), receiver)
    return Standing(reason="the code around the dot is not understood")


def _readings(text: str, dot: int, end: int) -> list[str]:
    """The text with a name behind the dot; then with the statement ended there, as far as it takes to parse."""
    rest = text[line_end(text, end):]
    closers = "".join(_CLOSERS.get(bracket.opener, "") for bracket in reversed(calls_at(text, dot).stack))
    begun = normalised(text[:dot], dot, dot) + closers
    return [normalised(text, dot, end), begun + rest, f"{begun}: pass{rest}"]


def _receiver(whole: str, dot: int) -> Node | None:
    """The bare name before the dot, if the function around it parses."""
    byte = byte_of(whole, dot)
    node = parse(whole).root_node.descendant_for_byte_range(byte, byte + 1)
    attribute = node.parent if node is not None else None
    if attribute is None or attribute.type != "attribute" or attribute.child_by_field_name("attribute") != node:
        return None
    receiver = attribute.child_by_field_name("object")
    if receiver is None or receiver.type != "identifier":
        return None
    statement: Node = receiver
    scope, looped = receiver.parent, False
    while scope is not None and scope.type not in ("function_definition", "lambda", "class_definition", "module"):
        if scope.type == "ERROR":
            return None
        looped = looped or scope.type in ("for_statement", "while_statement")
        if scope.parent is not None and scope.parent.type in ("block", "module") and statement is receiver:
            statement = scope
        scope = scope.parent
    if scope is None or (scope.has_error and (looped or _error_before(scope, statement.end_byte))):
        return None
    return receiver


def _error_before(scope: Node, byte: int) -> bool:
    """Whether something in the scope that begins before `byte` does not parse."""
    left = [scope]
    while left:
        node = left.pop()
        if node.has_error and node.start_byte < byte:
            if node.is_error or node.is_missing:
                return True
            left.extend(node.children)
    return False
