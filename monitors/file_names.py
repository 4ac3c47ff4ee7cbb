"""The names that a file has for things: what it imports, as what, and the classes it defines."""

from __future__ import annotations

from tree_sitter import Node

from .slot_places import text_of
from .syntax import parse

_BLOCKS = frozenset({
    "module", "block", "if_statement", "else_clause", "elif_clause", "try_statement", "except_clause", "decorated_definition",
})  # fmt: skip


def file_names(text: str, module: str = "", is_package: bool = False) -> dict[str, tuple[str, str]]:
    """Every name bound by an import or class at module level, with (module, name); the name is "" where it is a module.

    Relative modules are made absolute from `module`, the dotted name of the file itself.
    """
    found: dict[str, tuple[str, str]] = {}
    stack = [parse(text).root_node]
    while stack:
        node = stack.pop()
        if node.type == "import_statement":
            for child in node.children_by_field_name("name"):
                original, alias = _alias(child)
                found[alias or original.split(".")[0]] = (original if alias else original.split(".")[0], "")
        elif node.type == "import_from_statement":
            source = node.child_by_field_name("module_name")
            if source is None:
                continue
            where = absolute(text_of(source), module, is_package)
            for child in node.children_by_field_name("name"):
                original, alias = _alias(child)
                found[alias or original] = (where, original)
        elif node.type == "class_definition":
            name = node.child_by_field_name("name")
            if name is not None:
                found[text_of(name)] = (module, text_of(name))
        elif node.type in _BLOCKS:
            stack.extend(reversed(node.named_children))
    return found


def absolute(module: str, inside: str, is_package: bool) -> str:
    """`..a` seen from the module `inside`; what is not relative is given back."""
    dots = len(module) - len(module.lstrip("."))
    if not dots or not inside:
        return module
    parts = inside.split(".")
    kept = parts[: len(parts) - dots + is_package]
    return ".".join([*kept, *filter(None, module[dots:].split("."))])


def _alias(node: Node) -> tuple[str, str]:
    if node.type == "aliased_import":
        name, alias = node.child_by_field_name("name"), node.child_by_field_name("alias")
        return text_of(name) if name is not None else "", text_of(alias) if alias is not None else ""
    return text_of(node), ""
