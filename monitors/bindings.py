"""What a dotted name in a document stands for, as far as its import statements say: `sqlite3.connect`, `builtins.open`.

Only what can be nothing else is resolved: a name that anything in the document binds in another way, wherever it does,
is not known. Methods and attributes of classes are no such binding, for functions do not see them.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterator
from functools import lru_cache

from tree_sitter import Node

from .module_names import absolute, modules_of, packages_of
from .syntax import parse, scope_around, text_of

_STAR = re.compile(r"\bimport[ \t(]*\*")
_LISTS = frozenset({
    "pattern_list", "tuple_pattern", "list_pattern", "list_splat_pattern", "expression_list", "tuple", "list",
    "parenthesized_expression", "list_splat", "dictionary_splat_pattern",
})  # fmt: skip
_PLACES = frozenset({
    ("assignment", "left"), ("augmented_assignment", "left"), ("for_statement", "left"), ("for_in_clause", "left"),
    ("named_expression", "name"), ("function_definition", "name"), ("class_definition", "name"),
    ("default_parameter", "name"), ("typed_default_parameter", "name"),
})  # fmt: skip
_BINDERS = frozenset({
    "as_pattern_target", "typed_parameter", "parameters", "lambda_parameters", "global_statement", "nonlocal_statement",
    "delete_statement", "import_statement", "import_from_statement", "aliased_import", "case_pattern", "splat_pattern",
    "class_pattern", "keyword_pattern", "as_pattern", "union_pattern", "list_pattern", "tuple_pattern", "dict_pattern",
    "type_parameter",
})  # fmt: skip


def binds(identifier: Node) -> bool:
    """Whether the identifier is bound (or unbound) where it stands, rather than read."""
    node, parent = identifier, identifier.parent
    while parent is not None and parent.type in _LISTS:
        node, parent = parent, parent.parent
    if parent is None:
        return False
    if parent.type == "dotted_name":
        # Read only as the class of a pattern (`case Point(…)`), and behind the first dot of anything.
        return parent.parent is not None and parent.parent.type in _BINDERS
    if parent.type == "as_pattern":
        return parent.children[0] != node
    if parent.type in _BINDERS:
        return True
    return (parent.type, field_of(node, parent)) in _PLACES


def field_of(node: Node, parent: Node) -> str | None:
    """The field of `parent` that `node` is."""
    for index, child in enumerate(parent.children):
        if child == node:
            return parent.field_name_for_child(index)
    return None


@lru_cache(64)
def _bound(text: str, path: str, root: str, name: str) -> frozenset[str]:
    """What a name that functions see may stand for, "" for what is not known; empty if nothing binds it."""
    found: set[str] = set()
    modules = modules_of(path, root)
    package = (*packages_of(path, root), "")[0]
    tree_root = parse(text).root_node
    data = name.encode("utf-8", "replace")
    # Only where the name stands: a walk over every identifier takes a second in the largest files.
    for match in re.finditer(rb"(?<![\w])" + re.escape(data) + rb"(?!\w)", tree_root.text or b""):
        identifier = tree_root.descendant_for_byte_range(match.start(), match.end())
        if identifier is None or identifier.type != "identifier" or identifier.text != data:
            continue
        statement = import_of(identifier)
        if statement is not None:
            found |= {target for bound, target in _imported(statement, package) if bound == name}
        elif binds(identifier):
            holder = scope_of(identifier)
            if holder is not None and holder.type == "class_definition":
                continue
            parent = identifier.parent
            own = parent is not None and parent.type == "class_definition" and holder is None
            found |= {f"{module}.{name}" for module in modules} if own and modules else {""}
    return frozenset(found)


def _imported(statement: Node, package: str) -> Iterator[tuple[str, str]]:
    """(name bound, what it stands for) of an import statement."""
    module = statement.child_by_field_name("module_name")
    base = "" if module is None else absolute(text_of(module), package)
    for name in statement.children_by_field_name("name"):
        if name.type == "aliased_import":
            dotted = text_of(name.child_by_field_name("name"))
            bound = text_of(name.child_by_field_name("alias"))
        else:
            dotted = text_of(name)
            bound = dotted if module is not None else dotted.partition(".")[0]
            dotted = dotted if module is not None else bound
        if module is not None:
            dotted = f"{base}.{dotted}" if base else ""
        yield bound, dotted


def import_of(identifier: Node) -> Node | None:
    """The import statement that the identifier is part of."""
    at: Node | None = identifier.parent
    while at is not None and at.type in ("dotted_name", "aliased_import", "relative_import"):
        at = at.parent
    return at if at is not None and at.type in ("import_statement", "import_from_statement") else None


def scope_of(identifier: Node) -> Node | None:
    """The function, class or lambda whose scope the identifier is bound in; None for the module's."""
    holder = identifier.parent
    if holder is not None and holder.type in ("function_definition", "class_definition"):
        return scope_around(holder)  # its name belongs to the scope around it
    return scope_around(identifier)


def resolved(text: str, path: str, root: str, expression: Node) -> frozenset[str]:
    """The dotted names that an expression stands for, all of which mean the same; empty where that is not certain."""
    parts: list[str] = []
    node = expression
    while node.type == "attribute":
        parts.append(text_of(node.child_by_field_name("attribute")))
        inner = node.child_by_field_name("object")
        if inner is None:
            return frozenset()
        node = inner
    if node.type != "identifier":
        return frozenset()
    first = text_of(node)
    bound = _bound(text, path, root, first)
    if not bound and hasattr(builtins, first) and not _STAR.search(text):
        bound = frozenset({f"builtins.{first}"})
    if "" in bound:
        return frozenset()
    if len(bound) > 1 and len({target.rpartition(".")[2] for target in bound}) > 1:
        return frozenset()
    return frozenset(".".join([target, *reversed(parts)]) for target in bound)
