"""The names that a file has for things: what it imports, as what, and the classes it defines."""

from __future__ import annotations

from tree_sitter import Node

from .module_names import absolute, package_of
from .syntax import parse, text_of

_BLOCKS = frozenset({
    "module", "block", "if_statement", "else_clause", "elif_clause", "try_statement", "except_clause", "decorated_definition",
})  # fmt: skip


def file_names(text: str, module: str = "", is_package: bool = False) -> dict[str, tuple[str, str]]:
    """Every name bound by an import or class at module level, with (module, name); the name is "" where it is a module.

    Relative modules are made absolute from `module`, the dotted name of the file itself.
    """
    return names_of(parse(text).root_node, module, is_package)


def names_of(root: Node, module: str = "", is_package: bool = False, classes: bool = True) -> dict[str, tuple[str, str]]:
    """`file_names` of a tree; without `classes` those of imports alone. What `from m import *` brings is under "*m"."""
    found: dict[str, tuple[str, str]] = {}
    package = package_of(module, is_package)
    stack = [root]
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
            where = absolute(text_of(source), package) or text_of(source)
            for child in node.children_by_field_name("name"):
                original, alias = _alias(child)
                found[alias or original] = (where, original)
            if not classes and any(child.type == "wildcard_import" for child in node.named_children):
                found[f"*{where}"] = (where, "*")
        elif node.type == "class_definition" and classes:
            name = node.child_by_field_name("name")
            if name is not None:
                found[text_of(name)] = (module, text_of(name))
        elif node.type in _BLOCKS:
            stack.extend(reversed(node.named_children))
    return found


def _alias(node: Node) -> tuple[str, str]:
    if node.type == "aliased_import":
        return text_of(node.child_by_field_name("name")), text_of(node.child_by_field_name("alias"))
    return text_of(node), ""
