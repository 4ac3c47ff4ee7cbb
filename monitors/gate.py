"""The gate: whether the names analysis knows are all there can be, with the reason in words.

Python is open: objects get attributes by assignment, `__getattr__` invents them, half of all parameters could be
anything. A mask over an incomplete set forbids correct code, so a place is closed only if nothing speaks against it.
The rule is a pure function of plain facts; whoever collects them (`jedi_members`) answers with what it knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .lexical import Where
from .syntax import Context

ValueKind = Literal["instance", "class", "module", "function", "namespace", "unknown"]


@dataclass(frozen=True)
class ValueFacts:
    """One thing the receiver may be. The texts are empty when there is nothing to say."""

    kind: ValueKind
    name: str
    """As a person reads it: "str", "Path", "os"."""
    full_name: str = ""
    """With its module: "argparse.Namespace"."""
    ancestors: tuple[str, ...] = ()
    """Full names of the classes it inherits from, itself first (of an instance: its class)."""
    unresolved: str = ""
    """A base class, star import or metaclass that analysis could not find."""
    getter: str = ""
    """Where attributes are made up when read: "__getattr__ of Config"."""
    writer: str = ""
    """Where attributes are stored under computed names: "setattr in Options"."""
    decorator: str = ""
    """A class decorator that may add attributes."""


@dataclass(frozen=True)
class Facts:
    """All the gate looks at."""

    where: Where = "code"
    attribute: bool = True
    context: Context = "load"
    self_like: bool = False
    values: tuple[ValueFacts, ...] = ()
    public: int = 0
    """How many names of the set do not begin with an underscore."""
    uncertain: str = ""
    """Why the receiver may be something else than `values`; empty when every way it comes about is known."""
    missing: tuple[str, ...] = ()
    """Attributes that the buffer reads from the same receiver although the set lacks them."""
    error: str = ""


DYNAMIC = {
    "argparse.Namespace": "its attributes are the program's options",
    "optparse.Values": "its attributes are the program's options",
    "types.SimpleNamespace": "it takes any attribute",
    "types.ModuleType": "a module made or imported at run time",
    "threading.local": "it takes any attribute",
    "_threading_local.local": "it takes any attribute",
    "_thread._local": "it takes any attribute",
    "unittest.mock.NonCallableMock": "a mock has every attribute",
    "unittest.mock.Base": "a mock has every attribute",
    "ctypes.Structure": "its fields are declared at run time",
    "ctypes.Union": "its fields are declared at run time",
    "_ctypes.Structure": "its fields are declared at run time",
    "_ctypes.Union": "its fields are declared at run time",
    "ctypes.CDLL": "its attributes are the library's symbols",
    "typing.Any": "Any is anything",
    "_typeshed.Incomplete": "Any is anything",
}
"""Classes whose instances have attributes that no class body shows."""

EXACTLY = {
    "builtins.object": "any object",
    "builtins.type": "any class",
    "builtins.Exception": "any exception",
    "builtins.BaseException": "any exception",
    "enum.Enum": "an enumeration made by a call",
    "enum.IntEnum": "an enumeration made by a call",
    "enum.StrEnum": "an enumeration made by a call",
    "enum.Flag": "an enumeration made by a call",
    "enum.IntFlag": "an enumeration made by a call",
}
"""Classes that say next to nothing when a value is known to be just that."""


def judge(facts: Facts) -> tuple[bool, str]:
    """(closed, reason). Closed means: a name outside of the set is an error."""
    reason = open_reason(facts)
    if reason:
        return False, reason
    return True, "all members of " + " | ".join(dict.fromkeys(value.name for value in facts.values))


def open_reason(facts: Facts) -> str:
    """Why the place must stay open; empty if it need not."""
    if facts.where != "code":
        return f"in a {facts.where}"
    if facts.context == "import":
        return "this is an import statement"
    if not facts.attribute:
        return "no attribute access"
    if facts.context == "store":
        return "attributes may come into being by being stored"
    if facts.context == "del":
        return "what is deleted need not be known"
    if facts.context == "fresh" and facts.self_like:
        return "a new attribute may be stored here"
    if facts.error:
        return facts.error
    if not facts.values:
        return "the receiver's type is not known"
    for value in facts.values:
        reason = _open_value(value)
        if reason:
            return reason
    if facts.public < 1:
        return "no public member is known"
    if facts.uncertain:
        return facts.uncertain
    if facts.missing:
        return f"the code reads .{facts.missing[0]} from it, which analysis does not know"
    return ""


def _open_value(value: ValueFacts) -> str:
    if value.kind == "function":
        return f"{value.name} is a function: decorators and assignments give it attributes"
    if value.kind == "namespace":
        return f"{value.name} is a namespace package"
    if value.kind == "unknown":
        return f"{value.name} is of a kind the gate does not know"
    if value.kind == "instance" and value.full_name in EXACTLY:
        return f"{value.name} may be {EXACTLY[value.full_name]}"
    if value.kind == "instance" and "builtins.type" in value.ancestors:
        return f"an instance of {value.name} is a class with members of its own"
    for ancestor in value.ancestors:
        if ancestor in DYNAMIC:
            return f"{ancestor}: {DYNAMIC[ancestor]}"
    if value.unresolved:
        return f"{value.unresolved} is not known"
    if value.getter:
        return f"{value.getter} makes up attributes"
    if value.writer:
        return f"{value.writer} stores attributes under computed names"
    if value.decorator:
        return f"the decorator {value.decorator} may add attributes"
    return ""
