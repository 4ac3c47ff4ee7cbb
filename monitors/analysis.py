"""What static analysis can be asked, and the values it answers with.

The interface stands between the monitors and whoever knows the code: jedi in its own process today, another language
server tomorrow, a table in tests. Positions are code point offsets into `Document.text`, lines are counted by nobody here.
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Literal, Protocol

Kind = Literal[
    "module", "class", "function", "method", "property", "variable", "field", "parameter", "keyword", "enum_member",
    "constant", "text",
]  # fmt: skip
"""What a name stands for, in the words editors use; `text` when analysis does not say."""


@dataclass(frozen=True)
class Document:
    """One version of a text that is being edited.

    `path` is an absolute path or an opaque name ("untitled:1", a notebook cell's URI); nothing is ever read from it
    for the document itself: `text` is the truth, whatever is on disk. `root` is the workspace folder it belongs to
    ("" if none).
    """

    path: str
    text: str
    version: int = 0
    root: str = ""


@dataclass(frozen=True)
class Member:
    """A name that is legal at a place."""

    name: str
    kind: Kind = "text"
    detail: str = ""
    """One line, shown at the right of the list (a type, a module); may be empty, resolve fills it in."""


@dataclass(frozen=True)
class Members:
    """The names that may follow a dot, and what the gate needs to know about the receiver.

    `closed` is the gate's verdict: true when nothing but `members` can be right. `reason` says why or why not, for a
    person. Open sets still rank. `names` are `members` and whatever else is legal here but not worth listing (dunder
    names, names the buffer itself stores on objects).
    """

    members: tuple[Member, ...] = ()
    closed: bool = False
    reason: str = ""
    receiver: str = ""
    """The receiver's type(s) as a person reads them: "list", "str | int"; empty if unknown."""
    extra_names: frozenset[str] = field(default_factory=frozenset)
    refused: frozenset[str] = field(default_factory=frozenset)
    """Names that are known, and known to be wrong here, whether or not the set is closed."""
    silence: Literal["", "late", "down"] = ""
    """Why nobody answered, where nobody did: the place is then open for want of knowledge, not because of it."""
    store_possible: bool = False
    """Open only because a name may be stored here (`self.new = 1`): one that is read must be of `names`."""

    @property
    def names(self) -> frozenset[str]:
        return frozenset(member.name for member in self.members) | self.extra_names


ParameterKind = Literal["positional", "either", "keyword", "args", "kwargs"]
"""How an argument reaches a parameter: by position only, either way, by keyword only, `*args`, `**kwargs`."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a callable, the bound `self` left out. `literals` are the strings a `Literal` type allows."""

    name: str
    kind: ParameterKind = "either"
    required: bool = False
    literals: tuple[str, ...] = ()


@dataclass(frozen=True)
class Signatures:
    """How a callable may be called: one tuple of parameters for each overload.

    `known` means that nothing else is possible: inferred, undecorated or decorated in a way that keeps the signature.
    `reason` says why or why not. `abstract` are the methods that keep a class from being instantiated.
    """

    overloads: tuple[tuple[Parameter, ...], ...] = ()
    known: bool = False
    reason: str = ""
    name: str = ""
    abstract: tuple[str, ...] = ()


@dataclass(frozen=True)
class Classification:
    """Which strings (keys, `Literal` values) are right at a place; when `closed`, no other is. `reason` says why or why not."""

    literals: tuple[str, ...] = ()
    closed: bool = False
    reason: str = ""


@dataclass(frozen=True)
class Description:
    """What analysis knows about one name: for hover and for resolving a list item.

    `signature` is Python code ("def join(a: str, *p: str) -> str", "x: int"), `documentation` plain text as written by
    its author (hostile Markdown included: whoever renders it fences it). `start`, `end` are the offsets of the name.
    """

    name: str
    kind: Kind = "text"
    signature: str = ""
    documentation: str = ""
    full_name: str = ""
    start: int = 0
    end: int = 0


class Analysis(Protocol):
    """Every question returns at once with a future; nobody is ever blocked by asking.

    A future fails with `AnalysisDown` when the process died and could not answer; any fault *inside* one question
    (an exception of jedi on broken code) is no failure: the answer is an open, empty one whose reason says so.
    The caller waits with its own budget; an abandoned question is still answered into the cache.
    `offset` is always a code point offset into `document.text`.
    """

    def open(self, document: Document) -> None:
        """The document is being edited: warm up its imports. Costs the caller nothing."""

    def close(self, path: str) -> None:
        """The document is not edited any more."""

    def members(self, document: Document, offset: int) -> Future[Members]:
        """What may follow the dot that ends at `offset` (`document.text[offset - 1]` is "." or blanks after it).

        The text after `offset` (a half-typed name, the suffix) is seen by analysis but does not filter the names.
        """

    def names(self, document: Document, offset: int) -> Future[Members]:
        """Bare names that may stand at `offset`, filtered by the identifier part before it; never closed yet."""

    def signatures(self, document: Document, offset: int) -> Future[Signatures]:
        """How what stands before the "(" that ends at `offset` may be called; of a class header, its keywords."""

    def literals(self, document: Document, offset: int, role: str) -> Future[Classification]:
        """The strings that the expression which ends at `offset` may equal ("compare") or be indexed with ("index")."""

    def stars(self, document: Document) -> Future[Members]:
        """The names that the star imports of the document bring; closed if all of them are known."""

    def imports(self, document: Document, module: str, submodules: bool = False) -> Future[Members]:
        """What can be imported from `module` ("a.b", "..p" seen from the document; "": the top level): names and
        modules, or modules only. Closed if the module is there and nothing in it makes names up."""

    def kinds(self, document: Document, offset: int, about: str, name: str = "") -> Future[Members]:
        """The names in scope at `offset` that are exception classes ("raise", "raise call", "except") or types
        ("annotation"); `refused` are those known to be wrong there. Never closed. With `name` the answer may be empty
        where nothing is wrong with that one."""

    def subject(self, document: Document, offset: int) -> Future[Members]:
        """The members ("Color.RED", as they are written here) of the enumeration that the expression which ends at
        `offset` belongs to; empty where it belongs to none."""

    def stores(self, document: Document, offset: int) -> Future[Members]:
        """What can be stored behind the dot that ends at `offset`. Closed only where instances have no `__dict__`."""

    def describe(self, document: Document, offset: int, name: str = "") -> Future[Description | None]:
        """The name at `offset` or, if `name` is given, the member of that name that could be completed there."""

    def health(self) -> str:
        """One of "starting", "ready", "restarting", "down", with a reason after a colon where there is one."""

    def shutdown(self) -> None:
        """End the process; never blocks longer than a second."""
