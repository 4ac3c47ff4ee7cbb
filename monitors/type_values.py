"""What can be had of a value of a type: its attributes and elements, what calling it gives, what a `with` binds.

Types are text here. What is written in files, the types of methods and of what is assigned, is asked of whoever follows
expressions; `depth` counts how far that has gone.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from tree_sitter import Node

from .known_types import head, split_union
from .slot_places import decorators
from .type_functions import returns_self
from .type_names import UNKNOWN, Names
from .type_outlines import ClassOutline, Outline, Value
from .type_texts import arguments, joined, substituted, with_arguments

DEEPEST = 24
"""How far types are followed from one to the next."""

_VARIABLE = re.compile(r"(?<![\w.])_[A-Z]\w{0,12}\b")

GivenBack = Callable[[Outline, Node, int], str]
"""What calling a `def` of a module gives, at a depth."""

Written = Callable[[str, str, list[Value], Outline, int], str]
"""The type of a name by all that is assigned to it: (owner, name, what is assigned, module, depth)."""


class Values:
    """What types give. `where`: the module in which a type's names mean what they mean."""

    def __init__(self, names: Names, given_back: GivenBack, written: Written) -> None:
        self._names = names
        self._given_back = given_back
        self._written = written

    def read(self, text: str, name: str, where: Outline, depth: int) -> str:
        """The type of an attribute that is read."""
        if name == "__class__":
            return f"type[{text}]"
        found = self._names.member(text, name, where)
        if found is None:
            return UNKNOWN
        owner, types, what = found
        if isinstance(what, Node):
            if any("property" in word for word in decorators(what)):
                return self._of_method(owner, what, text, types, depth)
            return "Callable"
        if any(head(base).rpartition(".")[2] in ("Enum", "IntEnum", "StrEnum", "Flag", "IntFlag") for base in owner.bases):
            return owner.name
        value = self._written(f".{owner.name}", name, what, owner.outline, depth)
        return substituted(value, types)

    def called(self, text: str, name: str, where: Outline, depth: int) -> str:
        """What calling a method on a value of the type gives."""
        found = self._names.member(text, name, where) if name else None
        if found is None:
            return UNKNOWN
        owner, types, what = found
        if isinstance(what, Node):
            if any("property" in word for word in decorators(what)):
                return UNKNOWN
            return self._of_method(owner, what, text, types, depth)
        return self.instance(self._written(f".{owner.name}", name, what, owner.outline, depth), where, depth)

    def _of_method(self, owner: ClassOutline, method: Node, text: str, types: dict[str, str], depth: int) -> str:
        given = self._given_back(owner.outline, method, depth)
        own = (arguments(text) or [""])[0] if head(text) == "type" else text
        given = substituted(given, types | {"Self": own})
        if owner.outline.is_stub:
            given = without_variables(given)
        if not owner.outline.is_stub and own and own != owner.name and owner.name in split_union(given) \
                and returns_self(method):  # fmt: skip
            given = substituted(given, {owner.name: own})
        return given

    def instance(self, text: str, where: Outline, depth: int) -> str:
        """What calling a value of the type gives: an instance of a class, what `__call__` gives."""
        found = []
        for part in split_union(text):
            inner = arguments(part)
            if head(part) == "type" and inner:
                found.append("dict" if inner[0] == "dict" else inner[0])
            elif head(part) == "Callable" and len(inner) > 1:
                found.append(inner[-1])
            elif part not in (UNKNOWN, "None", "Callable"):
                found.append(self.called(part, "__call__", where, depth))
            else:
                found.append(UNKNOWN)
        return joined(found)

    def element(self, text: str, where: Outline, depth: int = 0) -> str:
        """What iterating over a value of the type gives."""
        found = []
        for part in parts_of(text):
            name, inner = head(part), arguments(part)
            if name == "tuple" and inner:
                found.append(inner[0] if inner[-1] == "..." else joined(inner))
            elif name in ("str", "bytes", "range"):
                found.append("str" if name == "str" else "int")
            elif name in ("dict", "defaultdict", "OrderedDict", "Mapping", "Counter") or len(inner) == 1:
                found.append(inner[0] if inner else UNKNOWN)
            elif name in ("Generator", "AsyncGenerator", "ItemsView", "dict_items"):
                found.append(inner[0] if name.endswith("Generator") and inner else with_arguments("tuple", inner))
            elif depth < DEEPEST:
                iterated = self.called(part, "__iter__", where, depth + 1)
                found.append(arguments(iterated)[0] if arguments(iterated) else UNKNOWN)
        return joined(found) if found else UNKNOWN

    def item(self, text: str, index: int, where: Outline, depth: int) -> str:
        """What subscribing a value of the type gives; `index` is -1 where it is no literal number."""
        found = []
        for part in parts_of(text):
            name, inner = head(part), arguments(part)
            if name == "tuple" and inner and inner[-1] != "...":
                found.append(inner[index] if 0 <= index < len(inner) else joined(inner))
            elif name in ("tuple", "list", "Sequence", "deque", "str"):
                found.append("str" if name == "str" else inner[0] if inner else UNKNOWN)
            elif name in ("dict", "defaultdict", "OrderedDict", "Mapping", "MutableMapping"):
                found.append(inner[1] if len(inner) == 2 else UNKNOWN)
            elif depth < DEEPEST:
                found.append(self.called(part, "__getitem__", where, depth + 1))
        return joined(found) if found else UNKNOWN

    def entered(self, text: str, where: Outline, depth: int) -> str:
        """What a `with` or `async with` of a value of the type binds."""
        if head(text) in ("Iterator", "Generator", "AsyncIterator", "AsyncGenerator"):  # a @contextmanager
            return (arguments(text) or [UNKNOWN])[0]
        found = self.called(text, "__enter__", where, depth)
        if found == UNKNOWN:
            found = self.called(text, "__aenter__", where, depth)
            return (arguments(found) or [UNKNOWN])[-1] if found != UNKNOWN else text
        return found


def parts_of(text: str) -> list[str]:
    """The members of a union that something can be had of: None and Any left out, or Any alone where that leaves none."""
    return [part for part in split_union(text) if part not in ("None", UNKNOWN, "")] or [UNKNOWN]


def of_stub(text: str) -> str:
    """A type of a stub: names that are typeshed's own say little."""
    return substituted(text, {"LiteralString": "str", "AnyStr": "str", "StrPath": "str", "ReadableBuffer": "bytes",
                              "Literal": "str", "Incomplete": "Any"})  # fmt: skip


def without_variables(text: str) -> str:
    """The type with Any for the type variables of stubs that nothing was put in for."""
    if "_" not in text:
        return text
    return joined(UNKNOWN if _VARIABLE.fullmatch(part) else _VARIABLE.sub(UNKNOWN, part) for part in split_union(text))
