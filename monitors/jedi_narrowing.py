"""What tests before a use say about a value: `isinstance` and the like.

jedi applies a test only to a name it knows nothing else of, so a parameter annotated with a base class and tested for
a subclass stays the base class for it. Here tests are looked up for every receiver; those in positive form that hold
at the use give the classes, all others leave it unknown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_TESTS = ("isinstance", "issubclass", "hasattr", "callable", "type", "is_dataclass", "getattr")
_PLATFORM = ("version_info", "sys.platform", "os.name", "platform.system", "hexversion", "implementation")
_LEAVING = ("return", "raise", "continue", "break")
_MISSING_ATTRIBUTE = ("AttributeError", "Exception", "BaseException")
"""What a handler must name to catch a read of an attribute that is not there."""
_SUPPRESSING = re.compile(r"\b(?:suppress|raises|assertRaises)\s*\(")
_SCOPES = ("funcdef", "lambdef", "classdef", "file_input")


@dataclass(frozen=True)
class Narrowed:
    """Either the class expressions the value is known to be an instance of, or why it is not known what it is."""

    classes: tuple[Any, ...] = ()
    reason: str = ""


def narrowed(node: Any) -> Narrowed | None:
    """What holds for the expression that ends with the name `node`, at its place; None where nothing tests it."""
    expression = expression_text(node)
    scope = _scope(node)
    root = node.get_root_node()
    if scope is None or not expression:
        return None
    used = root.get_used_names()
    position = node.start_pos
    relevant = []
    for word in _TESTS:
        for name in used.get(word, ()):
            if not scope.start_pos <= name.start_pos < position or not _same_function(name, scope):
                continue
            arguments = _call_arguments(name)
            if arguments and code_of(arguments[0]) == expression and (word != "getattr" or len(arguments) == 3):
                relevant.append((name, arguments))
    relevant.sort(key=lambda found: found[0].start_pos)
    for name, arguments in reversed(relevant):
        if name.value == "isinstance" and len(arguments) == 2 and _holds(name, node):
            return Narrowed(_flat(arguments[1]))
    if relevant:
        return Narrowed(reason=f"{expression} is tested by {relevant[-1][0].value}(), which is not followed here")
    if any(_captures(word, expression.partition(".")[0]) for word in used.get("case", ())
           if scope.start_pos <= word.start_pos < position and _same_function(word, scope)):  # fmt: skip
        return Narrowed(reason=f"{expression.partition('.')[0]} is bound by a pattern")
    for name in used.get("match", ()):
        subject = name.get_next_leaf()
        if subject is not None and scope.start_pos <= name.start_pos < position \
                and expression.startswith(subject.value):  # fmt: skip
            return Narrowed(reason=f"{expression} may be matched by a pattern")
    return None


def _captures(word: Any, name: str) -> bool:
    """Whether what stands behind a `case` binds a name: parso does not know the statement, so by its words."""
    before, leaf = word, word.get_next_leaf()
    while leaf is not None and leaf.type != "newline" and (leaf.value, leaf.start_pos[0]) != ("if", word.start_pos[0]):
        following = leaf.get_next_leaf()
        if leaf.type == "name" and leaf.value == name and before.value != "." and following is not None \
                and following.value not in (".", "(", "="):  # fmt: skip
            return True
        before, leaf = leaf, following
    return False


def guarded(node: Any) -> str:
    """Why the code around the node may be meant for another Python or platform than the one analysed; else empty."""
    at = node
    while at.parent is not None and at.type not in ("funcdef", "classdef"):
        parent = at.parent
        if parent.type in ("if_stmt", "test") and at.type not in ("keyword", "operator"):
            tests = parent.children[1::4] if parent.type == "if_stmt" else [parent.children[2]]
            for test in tests:
                if test is not at and any(word in code_of(test) for word in _PLATFORM):
                    return f"this code is for where {' '.join(code_of(test).split())[:40]} is true or false"
        if parent.type == "try_stmt" and at is parent.children[2] and any(map(_catches, parent.children)):
            return "an attribute that may not be there is tried"
        if parent.type == "with_stmt" and at is parent.children[-1]:
            managers = "".join(code_of(child) for child in parent.children[1:-2])
            if _SUPPRESSING.search(managers) and any(error in managers for error in _MISSING_ATTRIBUTE):
                return "an attribute that may not be there is tried"
        at = parent
    return ""


def _catches(clause: Any) -> bool:
    """Whether a part of a try statement handles a missing attribute."""
    if clause.type == "keyword":
        return bool(clause.value == "except")
    return clause.type == "except_clause" and any(
        re.search(rf"\b{error}\b", code_of(clause.children[1])) for error in _MISSING_ATTRIBUTE
    )


def expression_text(node: Any) -> str:
    """The code that ends with the name: `a.b` for the `b` of `a.b.c()`; empty if it is no chain of names."""
    if node.parent.type == "trailer" and node.parent.children[0] == ".":
        whole = node.parent.parent
        index = whole.children.index(node.parent)
        start = index - 1
        while start > 0 and whole.children[start].type == "trailer":
            if whole.children[start].children[0] != ".":
                return ""
            start -= 1
        parts = whole.children[start:index + 1]
        return "".join(part.get_code(include_prefix=False) for part in parts)
    return str(node.value)


def code_of(node: Any) -> str:
    """The code of a node without the blanks and comments in front."""
    return str(node.get_code(include_prefix=False))


def _same_function(name: Any, scope: Any) -> bool:
    return _scope(name) is scope


def _scope(node: Any) -> Any:
    at = node.parent
    while at is not None and at.type not in _SCOPES:
        at = at.parent
    return at


def _call_arguments(name: Any) -> list[Any]:
    """The arguments of the call of this name."""
    call = name.parent
    if call.type not in ("atom_expr", "power") or call.children[0] is not name or len(call.children) < 2:
        return []
    trailer = call.children[1]
    if trailer.type != "trailer" or trailer.children[0] != "(" or trailer.children[1] == ")":
        return []
    inner = trailer.children[1]
    return [child for child in inner.children if child != ","] if inner.type == "arglist" else [inner]


def _holds(name: Any, use: Any) -> bool:
    """Whether the test, in positive form, is true wherever the use is reached."""
    test = name.parent
    if len(test.children) != 2:
        return False
    while test.parent.type == "and_test" or (test.parent.type == "atom" and test.parent.children[0] == "("):
        parent = test.parent
        if parent.type == "and_test" and _inside(use, parent) and use.start_pos > test.end_pos:
            return True
        test = parent
    parent = test.parent
    negated = parent.type == "not_test"
    if negated:
        test, parent = parent, parent.parent
    if parent.type == "assert_stmt":
        return not negated and parent.children[1] is test and _inside(use, _block(parent))
    if parent.type == "test":  # x if isinstance(…) else y
        return not negated and parent.children[2] is test and _inside(use, parent.children[0])
    if parent.type not in ("if_stmt", "while_stmt"):
        return False
    index = parent.children.index(test)
    suite = parent.children[index + 2]
    if not negated:
        return _inside(use, suite)
    return (
        parent.type == "if_stmt" and len(parent.children) == 4 and _leaves(suite)
        and _inside(use, parent.parent) and use.start_pos > parent.end_pos
    )  # fmt: skip


def _block(statement: Any) -> Any:
    at = statement.parent
    while at.type == "simple_stmt":
        at = at.parent
    return at


def _leaves(suite: Any) -> bool:
    last = suite.children[-1] if suite.type == "suite" else suite
    leaf = last.get_first_leaf()
    return leaf is not None and leaf.value in _LEAVING


def _inside(node: Any, around: Any) -> bool:
    return bool(around.start_pos <= node.start_pos < around.end_pos)


def _flat(node: Any) -> tuple[Any, ...]:
    """The members of `(A, B)` or `A | B`."""
    if node.type == "atom" and node.children[0] == "(" and len(node.children) == 3:
        inner = node.children[1]
        if inner.type == "testlist_comp":
            return tuple(found for child in inner.children if child != "," for found in _flat(child))
        return _flat(inner)
    if node.type == "expr" and "|" in node.children:
        return tuple(found for child in node.children[::2] for found in _flat(child))
    return (node,)
