"""How a function uses its parameters and what it returns, as short tokens that say something about types.

These are usage slices in the sense of JoernTI, by syntax alone: attributes read and called, operators, subscripts,
iteration, tests, what the value is passed to, and what docstrings say. A token is text ("attr:append", "cmp:is None"); the
learned tables know what each is worth, rules and sentences for a person are made of some of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from tree_sitter import Node

from .known_types import head
from .slot_places import decorators, parameters
from .syntax import SCOPES, text_of
from .type_texts import exact

_LITERALS = {
    "string": "str", "concatenated_string": "str", "integer": "int", "float": "float", "true": "bool", "false": "bool",
    "none": "None", "list": "list", "list_comprehension": "list", "dictionary": "dict", "dictionary_comprehension": "dict",
    "set": "set", "set_comprehension": "set", "tuple": "tuple", "expression_list": "tuple", "comparison_operator": "bool",
    "not_operator": "bool", "generator_expression": "generator", "lambda": "lambda", "await": "await", "subscript": "item",
    "ellipsis": "...",
}  # fmt: skip
_INNER = frozenset({"parenthesized_expression", "type"})
_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_DEEP = 6


@dataclass(frozen=True)
class Use:
    """One use. `line0` counts from 0; `detail` is a class named in a test or a docstring, or the callee."""

    token: str
    line0: int
    detail: str = ""


@dataclass
class FunctionUses:
    """What one function does with its parameters, and what it returns."""

    parameters: dict[str, list[Use]] = field(default_factory=dict)
    returns: list[Use] = field(default_factory=list)

    def attributes(self, name: str) -> dict[str, int]:
        """The attributes read or called on a parameter, each with the line0 where it is first."""
        found: dict[str, int] = {}
        for use in self.parameters.get(name, ()):
            if use.token.startswith(("attr:", "call:")):
                found.setdefault(use.token.partition(":")[2], use.line0)
        return found


def words(name: str) -> list[str]:
    """The words of an identifier in lower case: `fromHTTPResponse` is from, http, response."""
    return [word.lower() for word in _WORDS.findall(name)]


def uses(function: Node) -> FunctionUses:
    """The uses in one `def`. Inner functions count: they see the parameters too."""
    found = FunctionUses({text_of(name): [] for name, *_ in parameters(function)})
    body = function.child_by_field_name("body")
    if body is None:
        return found
    locals_: dict[str, Node] = {}
    stack: list[tuple[Node, bool]] = [(body, True)]
    while stack:
        node, own = stack.pop()
        kind = node.type
        if kind == "identifier":
            name = text_of(node)
            if name in found.parameters:
                found.parameters[name].extend(_use(node, name))
            continue
        if kind == "string" and not node.named_child_count:
            continue
        if own and kind in ("return_statement", "yield"):
            found.returns.extend(_returned(node, locals_))
        elif kind == "assignment" and own:
            left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
            if left is not None and left.type == "identifier" and right is not None:
                locals_[text_of(left)] = right
        elif kind == "raise_statement" and own:
            found.returns.append(Use("raises", node.start_point[0]))
        inner = own and kind not in SCOPES
        stack.extend((child, inner) for child in reversed(node.named_children))
    _documented(function, body, found)
    _header(function, body, found)
    return found


def shape(node: Node | None, depth: int = 0) -> str:
    """What an expression is by its looks: a builtin's name, "call:X", "attr:x", "name"."""
    if node is None or depth > _DEEP:
        return "?"
    kind = node.type
    if kind == "string":
        head = text_of(node)[:3].lower().split("'")[0].split('"')[0]
        return "bytes" if "b" in head else "str"
    if kind in _LITERALS:
        return _LITERALS[kind]
    if kind == "call":
        return "call:" + last_name(node.child_by_field_name("function"))
    if kind == "attribute":
        return "attr:" + text_of(node.child_by_field_name("attribute") or node)
    if kind == "identifier":
        return "name"
    if kind in _INNER and node.named_children:
        return shape(node.named_children[0], depth + 1)
    if kind == "unary_operator":
        return shape(node.child_by_field_name("argument"), depth + 1)
    if kind == "boolean_operator":
        right = shape(node.child_by_field_name("right"), depth + 1)
        return right if right != "name" else shape(node.child_by_field_name("left"), depth + 1)
    if kind == "binary_operator":
        sides = [shape(node.child_by_field_name(side), depth + 1) for side in ("left", "right")]
        plain = [side for side in sides if side in ("str", "bytes", "int", "float", "list", "tuple", "dict", "set")]
        return ("float" if text_of(node.children[1]) == "/" and "str" not in plain else plain[0]) if plain else "op"
    if kind == "conditional_expression" and len(node.named_children) == 3:
        first, _, last = node.named_children
        one = shape(first, depth + 1)
        return one if one != "None" else shape(last, depth + 1)
    return "?"


def last_name(node: Node | None) -> str:
    """The last identifier of a dotted expression."""
    if node is None:
        return ""
    if node.type == "attribute":
        return text_of(node.child_by_field_name("attribute") or node)
    return text_of(node) if node.type == "identifier" else ""


def passed(arguments: Node) -> Iterator[tuple[str, str, str, int]]:
    """(position or keyword, shape, name, start byte) of what a call passes; nothing behind a star."""
    for index, child in enumerate(arguments.named_children):
        if child.type in ("list_splat", "dictionary_splat", "comment"):
            return
        where, value = str(index), child
        if child.type == "keyword_argument":
            where = text_of(child.child_by_field_name("name") or child)
            value = child.child_by_field_name("value") or child
        what = shape(value)
        yield where, what.partition(":")[0] if what.startswith("attr:") else what, _told(value), value.start_byte


def _told(value: Node) -> str:
    """The last name in an expression, which names what it is."""
    if value.type == "identifier" or value.type == "attribute":
        return last_name(value)
    return last_name(value.child_by_field_name("function")) if value.type == "call" else ""


def _use(node: Node, name: str) -> Iterator[Use]:
    """The tokens of one occurrence of a parameter."""
    line0 = node.start_point[0]
    parent = node.parent
    while parent is not None and parent.type == "parenthesized_expression":
        node, parent = parent, parent.parent
    if parent is None:
        return
    kind = parent.type
    if kind == "attribute":
        if parent.child_by_field_name("object") == node:
            yield _attribute(parent, line0)
    elif kind == "subscript":
        yield _subscript(parent, node, line0)
    elif kind == "call":
        yield Use("call()", line0)
    elif kind == "argument_list":
        yield from _argument(parent, node, line0)
    elif kind == "keyword_argument":
        if parent.child_by_field_name("value") == node:
            keyword = text_of(parent.child_by_field_name("name") or parent)
            holder = parent.parent.parent if parent.parent is not None else None
            callee = last_name(holder.child_by_field_name("function")) if holder is not None else ""
            yield Use(f"kw:{keyword}", line0, callee)
    elif kind in ("for_statement", "for_in_clause"):
        if parent.child_by_field_name("right") == node:
            left = parent.child_by_field_name("left")
            pair = left is not None and left.type in ("pattern_list", "tuple_pattern")
            yield Use(f"iter{len(left.named_children) if pair and left is not None else ''}", line0)
    elif kind == "comparison_operator":
        yield from _comparison(parent, node, line0)
    elif kind == "binary_operator":
        other = parent.child_by_field_name("right" if parent.child_by_field_name("left") == node else "left")
        side = "l" if parent.child_by_field_name("left") == node else "r"
        yield Use(f"op{side}:{text_of(parent.children[1])}:{shape(other)}", line0)
    elif kind == "augmented_assignment":
        yield Use(f"aug:{text_of(parent.children[1])}:{shape(parent.child_by_field_name('right'))}", line0)
    elif kind == "unary_operator":
        yield Use("unary", line0)
    elif kind == "boolean_operator":
        if parent.child_by_field_name("left") == node and text_of(parent.children[1]) == "or":
            yield Use(f"or:{shape(parent.child_by_field_name('right'))}", line0)
        else:
            yield Use("bool", line0)
    elif kind in ("not_operator", "if_statement", "elif_clause", "while_statement", "assert_statement"):
        yield Use("bool", line0)
    elif kind == "conditional_expression":
        yield Use("bool" if len(parent.named_children) == 3 and parent.named_children[1] == node else "value", line0)
    elif kind == "interpolation":
        yield Use("fstr", line0)
    elif kind == "await":
        yield Use("await", line0)
    elif kind in ("list_splat", "dictionary_splat"):
        yield Use("star" if kind == "list_splat" else "dstar", line0)
    elif kind in ("return_statement", "yield"):
        yield Use("returned", line0)
    elif kind == "raise_statement":
        yield Use("raised", line0)
    elif kind == "with_item":
        yield Use("with", line0)
    elif kind == "slice":
        yield Use("slice", line0)
    elif kind == "pair":
        yield Use("key" if parent.child_by_field_name("key") == node else "value", line0)
    elif kind in ("list", "tuple", "set", "expression_list"):
        yield Use(f"in {kind}", line0)
    elif kind == "assignment":
        yield from _assigned(parent, node, name, line0)


def _attribute(parent: Node, line0: int) -> Use:
    attribute = text_of(parent.child_by_field_name("attribute") or parent)
    around = parent.parent
    if around is not None and around.type == "call" and around.child_by_field_name("function") == parent:
        return Use(f"call:{attribute}", line0)
    if around is not None and around.type == "assignment" and around.child_by_field_name("left") == parent:
        return Use(f"store:{attribute}", line0)
    return Use(f"attr:{attribute}", line0)


def _subscript(parent: Node, node: Node, line0: int) -> Use:
    if parent.child_by_field_name("value") != node:
        return Use("index", line0)
    index = parent.child_by_field_name("subscript")
    what = "slice" if index is not None and index.type == "slice" else shape(index)
    around = parent.parent
    stored = around is not None and around.type == "assignment" and around.child_by_field_name("left") == parent
    return Use(f"{'set' if stored else 'get'}item:{what}", line0)


def _argument(parent: Node, node: Node, line0: int) -> Iterator[Use]:
    call = parent.parent
    callee = last_name(call.child_by_field_name("function")) if call is not None and call.type == "call" else ""
    if call is None or not callee:
        return
    position = next((index for index, child in enumerate(parent.named_children) if child == node), 0)
    if callee in ("isinstance", "issubclass") and position == 0 and len(parent.named_children) > 1:
        for tested in _classes(parent.named_children[1]):
            yield Use(f"{callee}:{tested}", line0, tested)
        return
    yield Use(f"arg:{callee}:{position}", line0, callee)


def _classes(node: Node) -> list[str]:
    """The classes named in the second argument of `isinstance`."""
    if node.type in ("tuple", "binary_operator"):
        return [name for child in node.named_children for name in _classes(child)]
    return [last_name(node)] if last_name(node) else []


def _comparison(parent: Node, node: Node, line0: int) -> Iterator[Use]:
    sides = parent.named_children
    operator = " ".join(text_of(child) for child in parent.children if not child.is_named)
    left = bool(sides) and sides[0] == node
    other = sides[-1] if left else sides[0]
    if operator in ("is", "is not"):
        yield Use(f"cmp:is {shape(other)}", line0)
    elif operator in ("in", "not in"):
        yield Use(f"cmp:in:{shape(other)}" if left else f"cmp:contains:{shape(other)}", line0)
    else:
        order = "==" if operator in ("==", "!=") else "<"
        yield Use(f"cmp:{order}:{shape(other)}", line0)


def _assigned(parent: Node, node: Node, name: str, line0: int) -> Iterator[Use]:
    left, right = parent.child_by_field_name("left"), parent.child_by_field_name("right")
    if right == node and left is not None:
        if left.type == "attribute":
            yield Use(f"as:{text_of(left.child_by_field_name('attribute') or left)}", line0)
        elif left.type in ("pattern_list", "tuple_pattern"):
            yield Use(f"unpack{len(left.named_children)}", line0)
        elif left.type == "identifier":
            yield Use(f"as:{text_of(left)}", line0)
    elif left == node:
        yield Use(f"re:{shape(right)}", line0)


def _returned(node: Node, locals_: dict[str, Node]) -> Iterator[Use]:
    """The tokens of one `return` or `yield`."""
    line0 = node.start_point[0]
    verb = "ret" if node.type == "return_statement" else "yield"
    value = node.named_children[0] if node.named_children else None
    if verb == "yield" and text_of(node).startswith("yield from"):
        verb = "yieldfrom"
    if value is None:
        yield Use(f"{verb}:bare", line0)
        return
    while value.type == "parenthesized_expression" and value.named_children:
        value = value.named_children[0]
    values = [value]
    if value.type == "conditional_expression" and len(value.named_children) == 3:
        values = [value.named_children[0], value.named_children[2]]
    for one in values:
        if one.type == "identifier":
            name = text_of(one)
            yield Use(f"{verb}:={'self' if name in ('self', 'cls') else 'name'}", line0, name)
            if name in locals_:
                yield Use(f"{verb}:{_detailed(locals_[name])}", line0, shape(locals_[name]).partition(":")[2])
        else:
            yield Use(f"{verb}:{_detailed(one)}", line0, shape(one).partition(":")[2])


def _detailed(node: Node) -> str:
    """The shape, with the length of a tuple and what awaits or indexes."""
    if node.type in ("tuple", "expression_list"):
        return f"tuple{len(node.named_children)}"
    if node.type == "await" and node.named_children:
        return "await " + shape(node.named_children[0])
    if node.type in ("list", "list_comprehension", "set", "dictionary") and node.named_children:
        inner = node.named_children[-1].child_by_field_name("value") if node.type == "dictionary" else node.named_children[0]
        return f"{shape(node)}[{shape(inner).split(':')[0]}]"
    return shape(node)


def _header(function: Node, body: Node, found: FunctionUses) -> None:
    """What the `def` itself says."""
    line0 = function.start_point[0]
    for name, _, default, stars in parameters(function):
        uses_ = found.parameters[text_of(name)]
        if not uses_:
            uses_.append(Use("unused", line0))
        if stars:
            uses_.append(Use("*" * stars, line0))
        elif default is None:
            uses_.append(Use("no default", line0))
        else:
            what = shape(default)
            uses_.append(Use(f"default:{what}", line0, what.partition(":")[2]))
            if what in ("str", "name"):
                uses_.append(Use(f"default={text_of(default)[:20]}", line0))
    if text_of(function).startswith("async"):
        found.returns.append(Use("async", line0))
    for word in decorators(function):
        found.returns.append(Use(f"@{word}", line0))
    if not any(use.token.startswith(("ret:", "yield")) for use in found.returns):
        found.returns.append(Use("nothing returned", line0))
        last = [child for child in body.named_children if child.type != "comment"]
        if last and last[0].type == "expression_statement" and last[0].named_children[0].type == "string":
            last = last[1:]
        if not last or (len(last) == 1 and last[0].type in ("pass_statement", "expression_statement", "raise_statement")):
            found.returns.append(Use("empty body", line0))
            if not last or last[0].type != "expression_statement" or last[0].named_children[0].type == "ellipsis":
                found.returns.append(Use("stub body", line0))


_FIELD = re.compile(r"^\s*[:@]type\s+(\w+)\s*:\s*(.+?)\s*$|^\s*:param\s+([\w\[\], .|]+?)\s+(\w+)\s*:", re.M)
_GOOGLE = re.compile(r"^\s*\*{0,2}(\w+)\s*\(([^()\n]+(?:\([^()]*\)[^()\n]*)?)\)\s*:", re.M)
_NUMPY = re.compile(r"^\s*(\w+(?:\s*,\s*\w+)*)\s+:\s*([^\n]+?)\s*$", re.M)
_RETURN_FIELD = re.compile(r"^\s*[:@]rtype\s*:\s*(.+?)\s*$", re.M)
_RETURN_SECTION = re.compile(
    r"^\s*(?:Returns|Return|Yields):?\s*\n(?:\s*-+\s*\n)?\s*([\w.\[\], |]+?)\s*(?::|$)", re.M
)


def _documented(function: Node, body: Node, found: FunctionUses) -> None:
    """The types that the docstring names (Sphinx, Google and NumPy style)."""
    first = body.named_children[0] if body.named_children else None
    if first is None or first.type != "expression_statement" or first.named_children[0].type != "string":
        return
    text, line0 = text_of(first.named_children[0])[:6000], first.start_point[0]
    pairs = [(match[1], match[2]) if match[1] else (match[4], match[3]) for match in _FIELD.finditer(text)]
    pairs += [(match[1], match[2]) for match in _GOOGLE.finditer(text)]
    pairs += [(name.strip(), match[2]) for match in _NUMPY.finditer(text) for name in match[1].split(",")]
    for name, written in pairs:
        if name in found.parameters:
            for said in documented_types(written):
                found.parameters[name].append(Use(f"doc:{head(said)}", line0, said))
    for match in [*_RETURN_FIELD.finditer(text), *_RETURN_SECTION.finditer(text)]:
        for said in documented_types(match[1]):
            found.returns.append(Use(f"doc:{head(said)}", line0, said))


def documented_types(written: str) -> list[str]:
    """The types named in a phrase of a docstring: "list of str or None, optional" is list[str], None."""
    written = re.sub(r":\w+:`[~.!]?([^`]+)`", r"\1", written.replace("``", "").replace("*", ""))
    names = re.split(r",\s*(?=optional|default)|\bor\b|\||,(?![^\[]*\])", written)
    found = []
    for name in names[:4]:
        plain = name.strip().removeprefix("a ").removeprefix("an ").strip("`~ .")
        several = re.fullmatch(r"(list|set|sequence|iterable|tuple) of (\w+)", plain, re.I)
        if several:
            element = _SPOKEN.get(several[2], several[2].removesuffix("s") if several[2].endswith("s") else several[2])
            outer = several[1].lower() if several[1].lower() in ("list", "set") else several[1].capitalize()
            found.append(f"{outer}[{_SPOKEN.get(element, element)}]" if outer != "Tuple" else f"tuple[{element}, ...]")
            continue
        match = re.fullmatch(r"[\w.]+(?:\[.*\])?", plain)
        if match and plain not in ("optional", "default"):
            text = exact(plain)
            found.append(_SPOKEN.get(text, text) or head(plain).rpartition(".")[2])
    return found


_SPOKEN = {"string": "str", "strings": "str", "integer": "int", "integers": "int", "boolean": "bool", "strs": "str",
           "ints": "int", "floats": "float", "dicts": "dict"}  # fmt: skip
