"""Questions about Python code in the words that are sent to jedi: a verb, a document, an offset and a name.

Two documents that differ only in what makes no difference to an answer ask the same: the key says so.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, TypeVar

from .analysis import Classification, Description, Document, Members, Signatures
from .answers import answered
from .import_places import star_imports
from .syntax import TEXT_LIMIT, identifier_end, identifier_start, normalised, place
from .types_answer import TypesAnswer

T = TypeVar("T")


class Asking(ABC):
    """The questions of `Analysis`, each put through `_ask`."""

    def members(self, document: Document, offset: int) -> Future[Members]:
        """What may follow the dot that ends at `offset`, with the gate's verdict."""
        if reason := _too_large(document):
            return answered(Members(reason=reason))
        here = place(document.text, offset)
        if here.where != "code" or here.dot is None:
            return answered(Members(reason=f"in a {here.where}" if here.where != "code" else "no attribute access"))
        text = normalised(document.text, here.dot, here.end)
        key = ("members", document.path, document.root, here.dot, here.context, text)
        # What is typed of the name makes no difference, so it is not sent: while a name is typed, the text stays the same.
        return self._ask("members", replace(document, text=text), here.dot, "", key)

    def names(self, document: Document, offset: int) -> Future[Members]:
        """Bare names that may stand at `offset`."""
        end = identifier_end(document.text, offset)
        key = ("names", document.path, document.root, offset, document.text[:offset], document.text[end:])
        return self._ask("names", document, offset, "", key)

    def signatures(self, document: Document, offset: int) -> Future[Signatures]:
        """How what stands before the bracket that ends at `offset` may be called."""
        if reason := _too_large(document):
            return answered(Signatures(reason=reason))
        key = ("signatures", document.path, document.root, offset, document.text)
        return self._ask("signatures", document, offset, "", key)

    def literals(self, document: Document, offset: int, role: str) -> Future[Classification]:
        """The strings that the expression which ends at `offset` may equal, or be indexed with."""
        if reason := _too_large(document):
            return answered(Classification(reason=reason))
        key = ("literals", document.path, document.root, offset, role, document.text)
        return self._ask("literals", document, offset, role, key)

    def stars(self, document: Document) -> Future[Members]:
        """The names that the star imports of the document bring."""
        found = star_imports(document.text)
        if not found:
            return answered(Members(closed=True, reason="there is no star import"))
        return self._ask("stars", document, 0, "", ("stars", document.path, document.root, found))

    def imports(self, document: Document, module: str, submodules: bool = False) -> Future[Members]:
        """What can be imported from `module`."""
        name = f"{'modules' if submodules else 'names'} {module}"
        return self._ask("imports", document, 0, name, ("imports", document.path, document.root, name))

    def kinds(self, document: Document, offset: int, about: str, name: str = "") -> Future[Members]:
        """The names in scope that are exceptions, or types."""
        if reason := _too_large(document):
            return answered(Members(reason=reason))
        # What is typed of the name makes no difference: while it is typed, the text stays the same.
        begin, end = identifier_start(document.text, offset), identifier_end(document.text, offset)
        text = normalised(document.text, begin, end)
        key = ("kinds", document.path, document.root, begin, about, name, text)
        return self._ask("kinds", replace(document, text=text), begin, f"{about}:{name}", key)

    def subject(self, document: Document, offset: int) -> Future[Members]:
        """The members of the enumeration that the expression which ends at `offset` belongs to."""
        if reason := _too_large(document):
            return answered(Members(reason=reason))
        key = ("subject", document.path, document.root, offset, document.text)
        return self._ask("subject", document, offset, "", key)

    def stores(self, document: Document, offset: int) -> Future[Members]:
        """What can be stored behind the dot that ends at `offset`."""
        if reason := _too_large(document):
            return answered(Members(reason=reason))
        here = place(document.text, offset)
        if here.where != "code" or here.dot is None:
            return answered(Members(reason="no attribute access"))
        text = normalised(document.text, here.dot, here.end)
        key = ("stores", document.path, document.root, here.dot, here.context, text)
        return self._ask("stores", replace(document, text=text), here.dot, "", key)

    def describe(self, document: Document, offset: int, name: str = "") -> Future[Description | None]:
        """The name at `offset`, or the member `name` that could be completed there."""
        key = ("describe", document.path, document.root, offset, name, document.text)
        return self._ask("describe", document, offset, name, key)

    def types(self, document: Document, offsets: Sequence[int]) -> Future[TypesAnswer]:
        """Evidence for the slots whose names begin at `offsets`; with none, the project's files are read a little further."""
        if reason := _too_large(document):
            return answered(TypesAnswer(reason=reason))
        name = ",".join(str(offset) for offset in offsets)
        # How far the project is read is another answer every time.
        turn = 0.0 if offsets else time.monotonic()
        return self._ask("types", document, 0, name, ("types", document.path, document.root, name, document.text, turn))

    @abstractmethod
    def _ask(self, verb: str, document: Document, offset: int, name: str, key: tuple[Any, ...]) -> Future[Any]:
        """Put one question; questions of the same `key` have the same answer."""


def open_answer(verb: str, reason: str) -> Any:
    """An answer that knows nothing."""
    if verb == "describe":
        return None
    known: dict[str, Any] = {"signatures": Signatures, "literals": Classification, "types": TypesAnswer}
    return known.get(verb, Members)(reason=reason)


def _too_large(document: Document) -> str:
    """Why a document is not analysed, where its size is the reason."""
    size = len(document.text)
    return f"the document is too large to analyse ({size} characters)" if size > TEXT_LIMIT else ""
