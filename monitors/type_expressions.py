"""The type of an expression, by following it through the file and its project: literals, calls, attributes, what is stored.

Nothing is inferred from how values are used, and nothing from calls that pass them: a type that comes of this is one that
follows from what is written. Unknown parts are Any. Every question has so many steps; where they end, the rest is unknown.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tree_sitter import Node

from .known_types import head, split_union
from .slot_places import decorators, is_static, parameters
from .syntax import text_of
from .type_bindings import Binding, bindings
from .type_functions import (
    class_node,
    exits,
    falls_through,
    function_around,
    is_async,
    is_stub,
    name_of,
)  # fmt: skip
from .type_names import UNKNOWN, Names
from .type_outlines import ClassOutline, Outline, Outlines, Value
from .type_texts import arguments, exact, joined, known_part, with_arguments
from .type_values import DEEPEST, Values, of_stub, parts_of, without_variables
from .uses import shape

_STEPS = 3000
_NUMBERS = ("bool", "int", "float", "complex")
_PLAIN = {
    "string": "str", "concatenated_string": "str", "integer": "int", "float": "float", "true": "bool", "false": "bool",
    "none": "None", "comparison_operator": "bool", "not_operator": "bool",
}  # fmt: skip
_DUNDERS = {
    "+": "__add__", "-": "__sub__", "*": "__mul__", "/": "__truediv__", "//": "__floordiv__", "%": "__mod__", "|": "__or__",
    "&": "__and__", "^": "__xor__", "@": "__matmul__", "**": "__pow__", "<<": "__lshift__", ">>": "__rshift__",
}  # fmt: skip
_FIRST_ARGUMENT = frozenset({"copy", "deepcopy", "max", "min", "abs"})
_FILLED = {"list": "list", "set": "set", "frozenset": "frozenset", "sorted": "list", "deque": "deque", "iter": "Iterator"}


@dataclass(frozen=True)
class Scope:
    """Where an expression stands: its module, the function around it, and what comprehensions around it bind."""

    outline: Outline
    function: Node | None = None
    local: Mapping[str, str] = field(default_factory=dict)


class Expressions:
    """Types of expressions. For one thread; what was found is kept until `clear`."""

    def __init__(self, outlines: Outlines) -> None:
        self._outlines = outlines
        self._names = Names(outlines)
        self._types = Values(self._names, self._given_back, self._values)
        self._steps = 0
        self._until = math.inf

    def begin(self, seconds: float) -> None:
        """Give the questions that follow so long together; what is not reached is unknown, and asked for anew later."""
        self._until = time.monotonic() + seconds

    def home(self, name: str) -> str:
        """The module of a class that was met on the way and is none of the project's; "" if none was."""
        return self._names.home(name)

    def ask(self, node: Node, scope: Scope) -> str:
        """The type of an expression as one question, with its steps counted anew; "Any" where nothing is known."""
        self._steps = 0
        return self.of(node, scope)

    def ask_returned(self, outline: Outline, function: Node) -> str:
        """What a `def` gives back, as one question: for `async def` what an await gives, for generators an Iterator."""
        self._steps = 0
        return self.returned(outline, function)

    def ask_attribute(self, owner: str, name: str, scope: Scope) -> str:
        """The type of an attribute of a class's instances, as one question."""
        self._steps = 0
        return self._types.read(owner, name, scope.outline, 0)

    def of(self, node: Node | None, scope: Scope, depth: int = 0) -> str:
        """The type of an expression."""
        self._steps += 1
        if time.monotonic() > self._until:
            self._steps = _STEPS + 1
        if node is None or depth > DEEPEST or self._steps > _STEPS:
            return UNKNOWN
        kind = node.type
        if kind in _PLAIN:
            return shape(node) if kind == "string" else _PLAIN[kind]
        rule = getattr(self, f"_{kind}", None)
        found: str = rule(node, scope, depth + 1) if rule is not None else UNKNOWN
        return found

    def _element_of(self, node: Node | None, scope: Scope, depth: int) -> str:
        """What iterating over the value of an expression gives."""
        return self._types.element(self.of(node, scope, depth), scope.outline, depth)

    def _identifier(self, node: Node, scope: Scope, depth: int) -> str:
        return self._named(text_of(node), scope, depth)

    def _parenthesized_expression(self, node: Node, scope: Scope, depth: int) -> str:
        return self.of(node.named_children[0], scope, depth) if node.named_children else UNKNOWN

    def _named_expression(self, node: Node, scope: Scope, depth: int) -> str:
        return self.of(node.child_by_field_name("value"), scope, depth)

    def _conditional_expression(self, node: Node, scope: Scope, depth: int) -> str:
        if len(node.named_children) != 3:
            return UNKNOWN
        return joined(self.of(node.named_children[at], scope, depth) for at in (0, 2))

    def _boolean_operator(self, node: Node, scope: Scope, depth: int) -> str:
        left = self.of(node.child_by_field_name("left"), scope, depth)
        right = self.of(node.child_by_field_name("right"), scope, depth)
        if text_of(node.children[1]) == "or":
            left = " | ".join(part for part in split_union(left) if part != "None")
            return joined([left, right]) if left else right
        return right if left == UNKNOWN else joined([left, right]) if "None" in split_union(left) or left == right else right

    def _unary_operator(self, node: Node, scope: Scope, depth: int) -> str:
        return self.of(node.child_by_field_name("argument"), scope, depth)

    def _binary_operator(self, node: Node, scope: Scope, depth: int) -> str:
        left, right = (self.of(node.child_by_field_name(side), scope, depth) for side in ("left", "right"))
        operator = text_of(node.children[1])
        if operator == "%" and left in ("str", "bytes"):
            return left
        if left in _NUMBERS and right in _NUMBERS:
            if operator == "/":
                return "complex" if "complex" in (left, right) else "float"
            if left == right == "bool" and operator in "&|^":
                return "bool"
            return max(left, right, "int", key=_NUMBERS.index)
        if (left in _NUMBERS and right in ("str", "bytes")) or (head(right) == "list" and left in _NUMBERS):
            return right
        if head(left) in ("list", "set") and operator in "+|-&":
            return joined([left, right]) if head(left) == head(right) and operator in "+|" else left
        if left in ("str", "bytes") or head(left) in ("list", "tuple", "set", "dict"):
            return head(left) if head(left) == "tuple" else left
        found = self._types.called(left, _DUNDERS.get(operator, ""), scope.outline, depth)
        return found if found != UNKNOWN or right not in ("float",) else "float"

    def _await(self, node: Node, scope: Scope, depth: int) -> str:
        text = self.of(node.named_children[0], scope, depth) if node.named_children else UNKNOWN
        inner = arguments(text)
        return inner[-1] if head(text) in ("Coroutine", "Awaitable", "Future", "Task") and inner else UNKNOWN

    def _list(self, node: Node, scope: Scope, depth: int) -> str:
        return with_arguments(node.type, [self._elements(node, scope, depth)])

    _set = _list

    def _tuple(self, node: Node, scope: Scope, depth: int) -> str:
        if any(one.type == "list_splat" for one in node.named_children):
            return "tuple"
        return with_arguments("tuple", [self.of(one, scope, depth) for one in node.named_children])

    _expression_list = _tuple

    def _dictionary(self, node: Node, scope: Scope, depth: int) -> str:
        pairs = [one for one in node.named_children if one.type == "pair"]
        splat = [one for one in node.named_children if one.type == "dictionary_splat"]
        keys = [self.of(one.child_by_field_name("key"), scope, depth) for one in pairs[:8]]
        values = [self.of(one.child_by_field_name("value"), scope, depth) for one in pairs[:8]]
        for one in splat[:2]:
            inner = arguments(self.of(one.named_children[0], scope, depth)) if one.named_children else []
            if len(inner) == 2:
                keys.append(inner[0])
                values.append(inner[1])
        return with_arguments("dict", [_one_of(keys), _one_of(values)]) if keys else "dict"

    def _list_comprehension(self, node: Node, scope: Scope, depth: int) -> str:
        name = {"list_comprehension": "list", "set_comprehension": "set"}.get(node.type, "Iterator")
        inner = self._comprehended(node, scope, depth)
        return with_arguments(name, [self.of(node.child_by_field_name("body"), inner, depth)])

    _set_comprehension = _generator_expression = _list_comprehension

    def _dictionary_comprehension(self, node: Node, scope: Scope, depth: int) -> str:
        inner, pair = self._comprehended(node, scope, depth), node.child_by_field_name("body")
        if pair is None or pair.type != "pair":
            return "dict"
        return with_arguments("dict", [self.of(pair.child_by_field_name(part), inner, depth) for part in ("key", "value")])

    def _comprehended(self, node: Node, scope: Scope, depth: int) -> Scope:
        local = dict(scope.local)
        for clause in node.named_children:
            if clause.type != "for_in_clause":
                continue
            inner = replace(scope, local=local)
            element = self._element_of(clause.child_by_field_name("right"), inner, depth)
            target = clause.child_by_field_name("left")
            if target is None:
                continue
            if target.type == "identifier":
                local = {**local, text_of(target): element}
            else:
                local = local | {
                    text_of(one): self._types.item(element, index, scope.outline, depth)
                    for index, one in enumerate(target.named_children)
                }
        return replace(scope, local=local)

    def _subscript(self, node: Node, scope: Scope, depth: int) -> str:
        value = self.of(node.child_by_field_name("value"), scope, depth)
        index = node.child_by_field_name("subscript")
        if head(value) == "type":
            return value
        if index is not None and index.type == "slice":
            return "tuple" if head(value) == "tuple" and "..." not in value else value
        number = text_of(index)
        return self._types.item(value, int(number) if number.isdigit() else -1, scope.outline, depth)

    def _attribute(self, node: Node, scope: Scope, depth: int) -> str:
        name = text_of(node.child_by_field_name("attribute") or node)
        module = self._module(node.child_by_field_name("object"), scope)
        if module is not None:
            return self._of_module(module, name, scope, depth)
        value = self.of(node.child_by_field_name("object"), scope, depth)
        return joined(self._types.read(part, name, scope.outline, depth) for part in parts_of(value))

    def _call(self, node: Node, scope: Scope, depth: int) -> str:
        callee, holder = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        given = [one for one in holder.named_children if one.type != "comment"] if holder is not None else []
        if callee is None:
            return UNKNOWN
        if callee.type == "attribute":
            name = text_of(callee.child_by_field_name("attribute") or callee)
            if name in _FIRST_ARGUMENT and text_of(callee).startswith("copy.") and given:
                return self.of(given[0], scope, depth)
            module = self._module(callee.child_by_field_name("object"), scope)
            if module is not None:
                return self._called_in(module, name, scope, depth)
            value = self.of(callee.child_by_field_name("object"), scope, depth)
            if head(value) == "dict" and name in ("get", "pop", "setdefault") and len(given) == 2:
                inner = arguments(value)
                return joined([inner[1] if len(inner) == 2 else UNKNOWN, self.of(given[1], scope, depth)])
            return joined(self._types.called(part, name, scope.outline, depth) for part in parts_of(value))
        if callee.type == "identifier":
            name = text_of(callee)
            special = self._special(name, given, scope, depth)
            if special:
                return special
            function = self._function(name, scope)
            if function is not None:
                return self._given_back(*function, depth)
        return self._types.instance(self.of(callee, scope, depth), scope.outline, depth)

    def _special(self, name: str, given: list[Node], scope: Scope, depth: int) -> str:
        """What calls of a few builtins give that their stubs say with type variables; "" for any other."""
        if name == "super":
            return self._parent(scope)
        if not given or self._is_local(name, scope):
            return ""
        first = given[0]
        if name == "cast" and len(given) == 2:
            return exact(text_of(first)) or UNKNOWN
        if name in _FILLED:
            return with_arguments(_FILLED[name], [self._element_of(first, scope, depth)])
        if name == "tuple":
            element = self._element_of(first, scope, depth)
            return f"tuple[{element}, ...]" if element != UNKNOWN else "tuple"
        if name in _FIRST_ARGUMENT:
            text = self.of(first, scope, depth)
            return self._types.element(text, scope.outline, depth) if len(given) == 1 and name in ("max", "min") else text
        if name == "next":
            return self._element_of(first, scope, depth)
        if name == "sum":
            return joined([self._element_of(first, scope, depth), "int"])
        if name == "enumerate":
            return f"Iterator[tuple[int, {self._element_of(first, scope, depth)}]]"
        if name == "zip":
            inner = ", ".join(self._element_of(one, scope, depth) for one in given[:6])
            return f"Iterator[tuple[{inner}]]"
        if name == "reversed":
            return with_arguments("Iterator", [self._element_of(first, scope, depth)])
        if name == "dict":
            inner = self.of(first, scope, depth) if first.type != "keyword_argument" else ""
            return inner if head(inner) == "dict" else "dict"
        if name == "type" and len(given) == 1:
            text = self.of(first, scope, depth)
            return f"type[{text}]" if text != UNKNOWN and "|" not in text else UNKNOWN
        return {"getattr": UNKNOWN, "open": "TextIOWrapper", "round": "int" if len(given) == 1 else "float"}.get(name, "")

    def _parent(self, scope: Scope) -> str:
        own = class_node(scope.function)
        bases = own.child_by_field_name("superclasses") if own is not None else None
        for one in bases.named_children if bases is not None else ():
            if one.type != "keyword_argument":
                return exact(text_of(one)) or UNKNOWN
        return UNKNOWN

    def _elements(self, node: Node, scope: Scope, depth: int) -> str:
        found = []
        for one in node.named_children[:8]:
            if one.type == "list_splat":
                found.append(self._element_of(one.named_children[0], scope, depth))
            elif one.type != "comment":
                found.append(self.of(one, scope, depth))
        return _one_of(found)

    def _is_local(self, name: str, scope: Scope) -> bool:
        return name in scope.local or name in scope.outline.functions or name in scope.outline.classes

    def _named(self, name: str, scope: Scope, depth: int) -> str:
        if name in scope.local:
            return scope.local[name]
        function = scope.function
        while function is not None:
            bound = self._bindings(scope.outline, function).get(name)
            around = replace(scope, function=function, local={})
            written = self._parameter(name, function, around, depth)
            if bound:
                return self._bound_to(bound, written, around, depth)
            if written:
                return written
            function = function_around(function)
        return self._of_module(scope.outline, name, scope, depth)

    def _bindings(self, outline: Outline, function: Node) -> dict[str, list[Binding]]:
        key = ("bindings", function.id)
        if key not in outline.memo:
            outline.memo[key] = bindings(function)
        found: dict[str, list[Binding]] = outline.memo[key]
        return found

    def _parameter(self, name: str, function: Node, scope: Scope, depth: int) -> str:
        """What is known of a parameter: its annotation, its default, the class of `self`; "" if the function has none such."""
        for index, (node, annotation, default, stars) in enumerate(parameters(function)):
            if text_of(node) != name:
                continue
            own = class_node(function)
            if index == 0 and own is not None and not is_static(function) and not stars:
                text = text_of(own.child_by_field_name("name") or own)
                first = {"classmethod", "__init_subclass__", "__new__"} & {*decorators(function), name_of(function)}
                return f"type[{text}]" if first else text
            text = exact(text_of(annotation))
            if not text and default is not None:
                text = known_part(self.of(default, scope, depth)) if default.type != "none" else ""
                text = text if text in ("str", "bool", "int", "float", "bytes") else ""
            text = text or UNKNOWN
            return f"tuple[{text}, ...]" if stars == 1 else f"dict[str, {text}]" if stars == 2 else text
        return ""

    def _bound_to(self, bound: list[Binding], written: str, scope: Scope, depth: int) -> str:
        found = [written] if written else []
        element, key, value = [], [], []
        for one in bound[:10]:
            if one.how == "written":
                return exact(text_of(one.node)) or UNKNOWN
            if one.how == "function":
                return "Callable"
            if one.how == "class":
                return f"type[{name_of(one.node)}]"
            text = self.of(one.node, scope, depth) if one.how != "caught" else self._caught(one.node, scope, depth)
            if one.how == "added":
                element.append(text)
                continue
            if one.how == "extended":
                element.append(self._types.element(text, scope.outline, depth))
                continue
            if one.how == "stored":
                key.append(self.of(one.key, scope, depth))
                value.append(text)
                continue
            if one.how == "element":
                text = self._types.element(text, scope.outline, depth)
            elif one.how == "enter":
                text = self._types.entered(text, scope.outline, depth)
            found.append(self._types.item(text, one.item, scope.outline, depth) if one.item >= 0 else text)
        text = joined(found) if found else UNKNOWN
        parts = split_union(text)
        bare = {"list", "set", "deque"} & set(parts)
        if element and bare:
            text = joined([with_arguments(part, [_one_of(element)]) if part in bare else part for part in parts])
        elif value and {"dict", "defaultdict", "OrderedDict"} & set(parts):
            full = [_one_of(key), _one_of(value)]
            text = joined([with_arguments(part, full) if part.endswith(("dict", "Dict")) else part for part in parts])
        return text

    def _caught(self, node: Node, scope: Scope, depth: int) -> str:
        parts = node.named_children if node.type == "tuple" else [node]
        return joined(self._types.instance(self.of(one, scope, depth), scope.outline, depth) for one in parts)

    def _function(self, name: str, scope: Scope) -> tuple[Outline, Node] | None:
        """The `def` that a bare name means; None where it is no function, or one that is not there to see."""
        function = scope.function
        while function is not None:
            for one in self._bindings(scope.outline, function).get(name, ()):
                return (scope.outline, one.node) if one.how == "function" else None
            function = function_around(function)
        return self._names.function_in(scope.outline, name)

    def _module(self, node: Node | None, scope: Scope) -> Outline | None:
        """The module that an expression means; None where it means anything else."""
        first = text_of(node).split(".")[0]
        return None if first in scope.local else self._names.module(node, scope.outline)

    def _called_in(self, outline: Outline, name: str, scope: Scope, depth: int) -> str:
        function = self._names.function_in(outline, name)
        if function is not None:
            return self._given_back(*function, depth)
        return self._types.instance(self._of_module(outline, name, scope, depth), scope.outline, depth)

    def _of_module(self, outline: Outline, name: str, scope: Scope, depth: int) -> str:
        """The type of a module's name."""
        if name in outline.classes:
            self._names.meet(outline.classes[name])
            return f"type[{name}]"
        if name in outline.functions:
            return "Callable"
        if name in outline.values:
            return self._values(".", name, outline.values[name], outline, depth)
        found = self._names.imported(outline, name)
        if isinstance(found, ClassOutline):
            self._names.meet(found)
            return f"type[{found.name}]"
        if isinstance(found, tuple) and found[0] is not outline:
            return self._of_module(found[0], found[1], scope, depth)
        if found is None and name in outline.bound and name[:1].isupper():
            return f"type[{outline.bound[name][1] or name}]"  # a class of a package that is not there to see
        builtins = self._outlines.of("builtins") if found is None and name not in outline.bound else None
        if builtins is not None and builtins is not outline and depth < DEEPEST:
            return self._of_module(builtins, name, scope, depth + 1)
        return UNKNOWN

    def _values(self, owner: str, name: str, values: list[Value], outline: Outline, depth: int) -> str:
        """The type of a module's or class's name by all that is assigned to it."""
        key, memo = (owner, name), outline.memo
        if key in memo:
            return str(memo[key])
        memo[key] = UNKNOWN  # a circle ends here
        written = next((exact(text_of(one.written)) for one in values if one.written is not None), "")
        text = "" if written in ("Any", "TypeAlias", "Final", "ClassVar", "Literal") else written
        if not text:
            text = joined(self.of(one.value, Scope(outline, one.function), depth) for one in values[:8])
        if outline.is_stub:
            text = of_stub(text)
        if self._steps > _STEPS:
            del memo[key]
        else:
            memo[key] = text
        return text

    def _given_back(self, outline: Outline, function: Node, depth: int) -> str:
        """What calling a `def` gives: what it returns, wrapped where it is `async`."""
        text = self.returned(outline, function, depth)
        if outline.is_stub and class_node(function) is None:
            text = without_variables(text)
        plain = head(text) not in ("AsyncIterator", "AsyncGenerator")
        return f"Coroutine[Any, Any, {text}]" if is_async(function) and plain else text

    def returned(self, outline: Outline, function: Node, depth: int = 0) -> str:
        """What a `def` gives back: what is written, or what its return and yield statements give."""
        written = function.child_by_field_name("return_type")
        if written is not None:
            text = exact(text_of(written)) or UNKNOWN
            return of_stub(text) if outline.is_stub else text
        key, memo = ("returned", function.id), outline.memo
        if key in memo:
            return str(memo[key])
        if outline.is_stub or depth > DEEPEST or self._steps > _STEPS:
            return UNKNOWN
        memo[key] = UNKNOWN  # recursion ends here
        found = self._of_body(function, Scope(outline, function), depth + 1)
        if self._steps > _STEPS:
            del memo[key]
        else:
            memo[key] = found
        return found

    def _of_body(self, function: Node, scope: Scope, depth: int) -> str:
        returns, yields, raises = exits(function)
        if yields:
            parts = []
            for node in yields[:8]:
                text = self.of(node.named_children[0], scope, depth) if node.named_children else "None"
                whole = text_of(node).startswith("yield from")
                parts.append(self._types.element(text, scope.outline, depth) if whole else text)
            return with_arguments("AsyncIterator" if is_async(function) else "Iterator", [joined(parts)])
        # What an operator gives where it does not apply is no part of what it returns.
        returns = [node for node in returns if not node.named_children or text_of(node.named_children[0]) != "NotImplemented"]
        valued = [node for node in returns if node.named_children and node.named_children[0].type != "none"]
        if not valued:
            return "None" if not raises and (returns or not is_stub(function)) else UNKNOWN
        parts = [self.of(node.named_children[0], scope, depth) for node in valued[:12]]
        if len(valued) < len(returns) or falls_through(function.child_by_field_name("body")):
            parts.append("None")
        return joined(parts)


def _one_of(found: list[str]) -> str:
    """What elements have in common: their union where it is short, else nothing."""
    text = joined(found) if found else UNKNOWN
    return text if len(split_union(text)) <= 3 else UNKNOWN
