"""Whether an annotation says all there is: of a union with an unknown member, jedi gives the known ones."""

from __future__ import annotations

from typing import Any

from .jedi_code import subscript_arguments, text_of

_STEPS = 160
"""How many nodes one question may follow."""


class Unknown(Exception):
    """Carries the reason up to whoever asked; never leaves the modules that follow receivers."""


class Annotations:
    """Follows annotations, and counts the steps of all that is followed for one question."""

    def __init__(self) -> None:
        self._steps = 0

    def _step(self) -> None:
        self._steps += 1
        if self._steps > _STEPS:
            raise Unknown("where the value comes from is too long to follow")

    def _annotation(self, context: Any, node: Any, nested: bool = False) -> None:
        """A union must be known whole: jedi leaves out of it what it does not find."""
        self._step()
        kind = node.type
        if kind == "string":
            self._quoted(node)
        elif kind == "expr" and "|" in node.children:
            for part in node.children[::2]:
                self._part(context, part)
        elif kind in ("atom_expr", "power"):
            name = text_of(node.children[0]).rpartition(".")[2]
            if len(node.children) > 2 and node.children[1].children[0] == ".":
                name = text_of(node.children[-2]).lstrip(".").strip()
            trailer = node.children[-1]
            if trailer.children[0] != "[":
                self._alias(context, node)
                return
            arguments = subscript_arguments(trailer)
            if name in ("Optional", "Union"):
                for part in arguments:
                    self._part(context, part)
            elif name == "Annotated":
                self._annotation(context, arguments[0])
            elif name not in ("Literal", "Callable"):
                for part in arguments:
                    self._annotation(context, part, nested=True)
        elif kind == "name" and not nested:
            self._alias(context, node)

    def _stub_variable(self, context: Any, name: str, node: Any) -> None:
        """The annotation of a variable in a stub. With Any beside a type, that type is a guess: `sys.stdout` is mostly a
        TextIOWrapper, which has more than the declared TextIO."""
        if node.type == "expr" and any(text_of(part) in ("Any", "MaybeNone") for part in node.children[::2]):
            raise Unknown(f".{name} may be something else than is declared")
        self._annotation(context, node)

    def _part(self, context: Any, node: Any) -> None:
        """A member of a union."""
        code = text_of(node)
        if code in ("None", '"None"'):
            return
        if node.type == "string":
            self._quoted(node)
            return
        last = code.split("[")[0].rpartition(".")[2]
        if last in ("Any", "Incomplete", "object"):
            if context.is_stub():
                # `str | Any` in a stub says: usually a str, and None when something is off.
                return
            raise Unknown(f"{code} in a union is anything")
        if last == "MaybeNone":
            return
        head = node.children[0] if node.type in ("atom_expr", "power") and last in ("Optional", "Union") else node
        if not context.infer_node(head):
            raise Unknown(f"{code} in a union is not known")
        self._annotation(context, node)

    def _quoted(self, node: Any) -> None:
        inner = node._get_payload() if hasattr(node, "_get_payload") else ""
        parts = [part.strip() for part in inner.split("|")]
        parts = [part for part in parts if part != "None"]
        if len(parts) > 1 or any(word in inner for word in ("Union", "Any")):
            raise Unknown(f"the union in {text_of(node)} is not followed")

    def _alias(self, context: Any, node: Any) -> None:
        """A name for a union is a union."""
        values = context.infer_node(node)
        if any(getattr(value, "py__name__", lambda: "")() == "Any" for value in values):
            raise Unknown("Any is anything")
        if node.type != "name":
            return
        for name in context.goto(node, None):
            self._aliased(name, 0)

    def _aliased(self, name: Any, depth: int) -> None:
        tree = name.tree_name
        definition = tree.get_definition(import_name_always=True) if tree is not None else None
        if definition is None or depth > 4:
            return
        if definition.type in ("import_name", "import_from"):
            for target in name.goto():
                if target.tree_name is not tree:
                    self._aliased(target, depth + 1)
        elif definition.type == "expr_stmt":
            right = definition.get_rhs()
            code = text_of(right)
            if "Union[" in code or "Optional[" in code or "|" in code:
                self._annotation(name.parent_context, right)
