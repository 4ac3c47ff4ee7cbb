"""What names mean, without the types of values: modules, functions, classes and their members."""

from __future__ import annotations

from tree_sitter import Node

from .known_types import HOMES, head
from .syntax import text_of
from .type_outlines import ClassOutline, Outline, Outlines, Value
from .type_texts import arguments, exact, substituted

UNKNOWN = "Any"
_FURTHEST = 30
"""Classes that are looked through for one member."""


class Names:
    """Looks names up, through imports and bases. For one thread."""

    def __init__(self, outlines: Outlines) -> None:
        self._outlines = outlines
        self._homes: dict[str, str] = {}

    def meet(self, one: ClassOutline) -> None:
        """Remember where a class is from, if it is none of the project's."""
        if one.outline.is_stub:
            self._homes.setdefault(one.name, one.outline.module)

    def home(self, name: str) -> str:
        """The module of a class that was met on the way and is none of the project's; "" if none was."""
        return self._homes.get(name, "")

    def imported(self, outline: Outline, name: str) -> ClassOutline | Outline | tuple[Outline, str] | None:
        """What a module's name is imported from: a class, a module, or (module, name); None where nothing is there to see."""
        if name in outline.bound:
            return self._outlines.imported(*outline.bound[name])
        for star, (module, _) in outline.bound.items():
            if star.startswith("*") and (found := self._outlines.imported(module, name)) is not None:
                return found
        return None

    def function_in(self, outline: Outline, name: str) -> tuple[Outline, Node] | None:
        """(module, `def`) of the function that a module's name means, builtins included; None where it means none."""
        if name in outline.functions:
            return outline, outline.functions[name]
        found = self.imported(outline, name)
        if isinstance(found, tuple) and found[1] in found[0].functions:
            return found[0], found[0].functions[found[1]]
        if found is None and name not in outline.classes and name not in outline.values:
            builtins = self._outlines.of("builtins")
            if builtins is not None and name in builtins.functions:
                return builtins, builtins.functions[name]
        return None

    def module(self, node: Node | None, where: Outline) -> Outline | None:
        """The module that an expression means; None where it means anything else."""
        if node is None or node.type not in ("identifier", "attribute"):
            return None
        parts = text_of(node).split(".")
        if not all(part.isidentifier() for part in parts):
            return None
        found = self.imported(where, parts[0])
        for part in parts[1:]:
            if not isinstance(found, Outline):
                return None
            found = self._outlines.of(f"{found.module}.{part}") or self.imported(found, part)
        return found if isinstance(found, Outline) else None

    def class_of(self, name: str, where: Outline) -> ClassOutline | None:
        """The class that a name in a type means, in the project, in what was met, in builtins and typing."""
        if name in where.classes:
            return where.classes[name]
        found = self._outlines.class_of(name, where.module)
        if found is not None:
            return found
        for module in (self._homes.get(name, ""), HOMES.get(name, ""), "builtins", "typing"):
            there = self._outlines.imported(module, name) if module else None
            if isinstance(there, ClassOutline):
                return there
        return None

    def member(
        self, text: str, name: str, where: Outline
    ) -> tuple[ClassOutline, dict[str, str], Node | list[Value]] | None:
        """(class it is defined in, the type variables there, the method or what is assigned) of an attribute."""
        todo = [(arguments(text) or [""])[0] if head(text) == "type" else text]
        seen: set[str] = set()
        while todo and len(seen) < _FURTHEST:
            current = todo.pop(0)
            one = self.class_of(head(current), where)
            if one is None or f"{one.outline.module}.{one.name}" in seen:
                continue
            seen.add(f"{one.outline.module}.{one.name}")
            types = dict(zip(_variables(one), arguments(current), strict=False))
            if one.outline.is_stub:
                types |= {variable: UNKNOWN for variable in _variables(one) if variable not in types}
            if name in one.methods:
                return one, types, one.methods[name]
            if name in one.values:
                return one, types, one.values[name]
            todo += [substituted(exact(base), types) for base in one.bases if exact(base)]
            where = one.outline
        return None


def _variables(one: ClassOutline) -> list[str]:
    """The type variables of a class, in the order of its arguments."""
    own = one.node.child_by_field_name("type_parameters")
    if own is not None:
        return [text_of(child).split(":")[0].strip() for child in own.named_children]
    generic = next((base for base in one.bases if head(base) in ("Generic", "Protocol") and "[" in base), "")
    found = [part for base in ([generic] if generic else one.bases) for part in arguments(base)]
    return list(dict.fromkeys(part for part in found if part.startswith("_") or len(part) <= 2))
