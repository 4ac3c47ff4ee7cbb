"""Fakes that need no analysis: a monitor that allows a fixed list, and an analysis that is a table."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import TypeVar

from .analysis import Classification, Description, Document, Kind, Member, Members, Signatures
from .answers import answered
from .dereference import DereferenceState, legal_names
from .lexical import scan
from .monitor import Start
from .slot_places import slots as find_slots
from .slots import Evidence, Import, Inferred, Prediction, Slot, set_of
from .syntax import identifier_start, place, receiver_start

T = TypeVar("T")


class FixedMonitor:
    """Allows the same names everywhere, or ranks them if it is not closed."""

    name = "fixed"

    def __init__(self, names: Iterable[str], closed: bool = True) -> None:
        self._members = Members(tuple(Member(name) for name in names), closed, "a fixed list")

    def start(self, document: Document, offset: int, deadline_ms: float | None = None) -> Start | None:
        """A start at any place, with the identifier part before the cursor as what is typed."""
        begin = identifier_start(document.text, offset)
        typed = document.text[begin:offset]
        lexer = scan(document.text).lexer_at(offset)
        closed = self._members.closed and any(name.startswith(typed) for name in self._members.names)
        state = DereferenceState("", lexer, legal_names(self._members), typed, closed)
        return Start(self.name, closed, self._members.reason, state, begin, typed, self._members)


class FixedAnalysis:
    """Answers from a table: the receiver's text to its members. What is not in it is open and unknown.

    Futures are done when they are returned. `asked` records the questions, for assertions.
    """

    def __init__(
        self, members: Mapping[str, Iterable[str]], names: Iterable[str] = (), closed: bool = True,
        signatures: Mapping[str, Signatures] | None = None, literals: Mapping[str, Iterable[str]] | None = None,
        stars: Iterable[str] | None = None, imports: Mapping[str, Iterable[str]] | None = None,
        kinds: Mapping[str, tuple[Iterable[str], Iterable[str]]] | None = None,
        subjects: Mapping[str, Iterable[str]] | None = None,
    ) -> None:  # fmt: skip
        self._members = {receiver: tuple(names) for receiver, names in members.items()}
        self._names = tuple(names)
        self._closed = closed
        self._signatures = dict(signatures or {})
        self._literals = dict(literals or {})
        self._stars = None if stars is None else tuple(stars)
        self._imports = dict(imports or {})
        self._kinds = dict(kinds or {})
        self._subjects = dict(subjects or {})
        self.asked: list[tuple[str, int]] = []
        self.storable: dict[str, tuple[str, ...]] = {}

    def open(self, document: Document) -> None:
        """Nothing to warm."""

    def close(self, path: str) -> None:
        """Nothing to forget."""

    def members(self, document: Document, offset: int) -> Future[Members]:
        """The members listed for the text of the receiver before the dot."""
        self.asked.append((document.text, offset))
        here = place(document.text, offset)
        if here.dot is None:
            return answered(Members(reason="no attribute access"))
        receiver = _before(document.text, here.dot)
        found = self._members.get(receiver)
        if found is None:
            return answered(Members(reason=f"nothing is known of {receiver}", receiver=""))
        return answered(Members(_listed(found), self._closed, "a fixed table", receiver))

    def names(self, document: Document, offset: int) -> Future[Members]:
        """The bare names that begin with what is typed."""
        typed = document.text[identifier_start(document.text, offset):offset]
        return answered(Members(_listed(name for name in self._names if name.startswith(typed))))

    def signatures(self, document: Document, offset: int) -> Future[Signatures]:
        """The signature listed for the name before the bracket."""
        self.asked.append((document.text, offset))
        found = self._signatures.get(_before(document.text, offset))
        return answered(found or Signatures(reason="nothing is known of it"))

    def literals(self, document: Document, offset: int, role: str) -> Future[Classification]:
        """The strings listed for the expression before `offset`."""
        self.asked.append((document.text, offset))
        begin = receiver_start(document.text, offset + 1, scan(document.text))
        found = self._literals.get(document.text[begin:offset].strip())
        if found is None:
            return answered(Classification(reason="nothing is known of it"))
        return answered(Classification(literals=tuple(found), closed=self._closed, reason="a fixed table"))

    def stars(self, document: Document) -> Future[Members]:
        """The names given for all star imports; None: they lead nowhere."""
        if self._stars is None:
            return answered(Members(reason="a star import leads nowhere"))
        return answered(Members(_listed(self._stars), True, "a fixed table"))

    def imports(self, document: Document, module: str, submodules: bool = False) -> Future[Members]:
        """The names listed for the module; submodules are listed under its name and a dot."""
        found = self._imports.get(module + "." if submodules else module)
        if found is None:
            return answered(Members(reason=f"the module {module!r} is not known"))
        return answered(Members(_listed(found), self._closed, "a fixed table"))

    def kinds(self, document: Document, offset: int, about: str, name: str = "") -> Future[Members]:
        """The names listed as right and as wrong for a kind of place."""
        right, wrong = self._kinds.get(about, ((), ()))
        return answered(Members(_listed(right), False, "a fixed table", refused=frozenset(wrong)))

    def subject(self, document: Document, offset: int) -> Future[Members]:
        """The members listed for the expression before `offset`."""
        begin = receiver_start(document.text, offset + 1, scan(document.text))
        return answered(Members(_listed(self._subjects.get(document.text[begin:offset].strip(), ()), "enum_member")))

    def stores(self, document: Document, offset: int) -> Future[Members]:
        """The names listed as storable for the text of the receiver before the dot."""
        here = place(document.text, offset)
        if here.dot is None:
            return answered(Members(reason="no attribute access"))
        receiver = _before(document.text, here.dot)
        found = self.storable.get(receiver)
        if found is None:
            return answered(Members(reason=f"nothing is known of {receiver}"))
        return answered(Members(_listed(found, "field"), True, "a fixed table", receiver))

    def describe(self, document: Document, offset: int, name: str = "") -> Future[Description | None]:
        """A description of just the name."""
        begin = identifier_start(document.text, offset)
        end = begin
        while end < len(document.text) and (document.text[end] == "_" or document.text[end].isalnum()):
            end += 1
        word = name or document.text[begin:end]
        return answered(Description(word, signature=word, start=begin, end=end) if word else None)

    def health(self) -> str:
        """Always ready."""
        return "ready"

    def shutdown(self) -> None:
        """Nothing to end."""


def _listed(names: Iterable[str], kind: Kind = "text") -> tuple[Member, ...]:
    return tuple(Member(name, kind) for name in names)


def _before(text: str, at: int) -> str:
    """The expression before the dot or bracket that ends at `at`."""
    return text[receiver_start(text, at, scan(text)):at].rstrip()[:-1].rstrip()


class FixedInference:
    """The fake: answers by the slot's name from a table of {name: {type text: probability}}.

    A table entry that is a string is a static type. Intervals are three hundredths wide; what the table leaves of 1 is `other`.
    """

    def __init__(self, table: Mapping[str, Mapping[str, float] | str], imports: Mapping[str, Import] | None = None) -> None:
        self._table = dict(table)
        self._imports = dict(imports or {})
        self.asked: list[str] = []

    def infer(
        self,
        document: Document,
        slots: Sequence[Slot] | None = None,
        *,
        until: float | None = None,
        stop: Callable[[], bool] | None = None,
        epsilon: float = 0.1,
    ) -> tuple[Inferred, ...]:
        """The table's entries."""
        self.asked.append(document.path)
        return tuple(self._one(slot, epsilon) for slot in (find_slots(document.text) if slots is None else slots))

    def _one(self, slot: Slot, epsilon: float) -> Inferred:
        entry = self._table.get(slot.name, {})
        if isinstance(entry, str):
            return Inferred(slot, static=entry, static_source="inferred", other=0.0)
        ranked = sorted(entry.items(), key=lambda pair: -pair[1])
        predictions = tuple(
            Prediction(text, share, max(0.0, share - 0.03), min(1.0, share + 0.03), text,
                       (self._imports[text],) if text in self._imports else ())
            for text, share in ranked
        )  # fmt: skip
        kept, total = set_of([share for _, share in ranked], epsilon)
        return Inferred(
            slot, predictions=predictions, predicted_set=tuple(text for text, _ in ranked[:kept]),
            set_has_other=total < 1.0 - epsilon, set_epsilon=epsilon, other=1.0 - math.fsum(entry.values()),
            evidence=(Evidence(f"the name {slot.name} is in the table", slot.line0),) if entry else (),
        )  # fmt: skip
