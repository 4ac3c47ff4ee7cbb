"""Following one name through a function: in which states of its protocol the object may be when a place is reached.

Statements are run over sets of states, in the tree of the text: branches are joined, loops run until nothing new comes,
whatever may be raised in a `try` leaves the union of all states on the way. The object is *shared* once anybody else may
hold it: passed on, returned, stored, put under a second name, used in a nested function. What is then still known are
states that nothing leaves. Wherever something is not understood, nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tree_sitter import Node

from .bindings import binds, field_of
from .creations import Source, begins, made_by
from .protocols import UNKNOWN
from .syntax import SCOPES, text_of

_COMPREHENSIONS = frozenset({
    "list_comprehension", "set_comprehension", "dictionary_comprehension", "generator_expression",
})  # fmt: skip
_MAYBE = _COMPREHENSIONS | {"boolean_operator", "conditional_expression", "assert_statement"}
"""What stands in one of these may be skipped, or run more than once."""
_FORGIVING = ("raises", "suppress", "assertraises", "warns", "assertwarns", "deprecated_call", "ignoring")
_DEEPEST = 40


@dataclass(frozen=True)
class Held:
    """One way the object may be: its protocol, the state, whether others hold it too, and whether its class is only
    guessed from a method's name."""

    protocol: str
    state: str
    shared: bool = False
    guessed: bool = False


Held_or_unknown = frozenset[Held] | None
"""What the name may hold when a place is reached. None: anything. Empty: the place is not reached."""


@dataclass(frozen=True)
class Standing:
    """What is known at a place; without `held`, `reason` says why."""

    held: frozenset[Held] = frozenset()
    reason: str = ""


def follow(source: Source, receiver: Node) -> Standing:
    """The states of the object that the identifier `receiver` holds where it stands."""
    name = text_of(receiver)
    scope = _scope_of(receiver)
    if scope is None or scope.type not in ("function_definition", "module"):
        return Standing(reason="not in a function")
    if _forgiven(receiver, scope):
        return Standing(reason="what raises here is expected to")
    walk = _Walk(source, name, receiver.start_byte)
    if walk.declared(scope):
        return Standing(reason=f"{name} is shared with other functions")
    body = scope if scope.type == "module" else scope.child_by_field_name("body")
    if body is None:
        return Standing(reason="not in a function")
    walk.block(body, 0)
    if walk.lost or not walk.reached or walk.found is None:
        return Standing(reason=walk.lost or f"the state of {name} is not known")
    if not walk.found:
        return Standing(reason="the place is never reached")
    return Standing(walk.found)


def _scope_of(node: Node) -> Node | None:
    at = node.parent
    while at is not None and at.type not in SCOPES and at.type != "module":
        at = at.parent
    return at


def _forgiven(node: Node, scope: Node) -> bool:
    """Whether an error at the node may be what somebody wants: in a `try` with an `except`, or `pytest.raises`."""
    child, at = node, node.parent
    while at is not None and child != scope:
        if at.type == "call" and field_of(child, at) == "arguments":
            if any(word in text_of(at.child_by_field_name("function")).lower() for word in _FORGIVING):
                return True
        elif at.type == "try_statement" and field_of(child, at) == "body":
            if any(one.type in ("except_clause", "except_group_clause") for one in at.children):
                return True
        elif at.type == "with_statement" and field_of(child, at) == "body":
            clause = next((one for one in at.children if one.type == "with_clause"), None)
            if any(word in text_of(clause).lower() for word in _FORGIVING):
                return True
        child, at = at, at.parent
    return False


def _join(a: Held_or_unknown, b: Held_or_unknown) -> Held_or_unknown:
    return None if a is None or b is None else a | b


@dataclass
class _Event:
    at: int
    kind: str
    name: str = ""
    maybe: bool = False


class _Walk:
    """The state of following: `now` is what the name may hold at the point reached."""

    def __init__(self, source: Source, name: str, cursor: int) -> None:
        self._source = source
        self._name = name
        self._data = name.encode("utf-8", "replace")
        self._cursor = cursor
        self._captured = False
        self._logs: list[Held_or_unknown] = []
        self.now: Held_or_unknown = None
        self.reached = False
        self.found: Held_or_unknown = frozenset()
        self.lost = ""

    def declared(self, scope: Node) -> bool:
        """Whether the name is `global` or `nonlocal` anywhere that matters. Notes whether nested functions use it."""
        for identifier in self._identifiers(scope):
            parent = identifier.parent
            if parent is not None and parent.type in ("global_statement", "nonlocal_statement"):
                return True
            at = parent
            while at is not None and at != scope:
                if at.type in SCOPES:
                    self._captured = True
                    break
                at = at.parent
        return False

    # Statements

    def block(self, node: Node, depth: int) -> None:
        for child in node.named_children:
            if self.now is not None and not self.now and not self._mentions(child):
                continue
            self._statement(child, depth)

    def _statement(self, node: Node, depth: int) -> None:
        kind = node.type
        if kind == "comment":
            return
        if depth > _DEEPEST:
            self.lost = "the code is nested too deeply to follow"
            return
        if not self._mentions(node) and kind not in _ENDINGS and kind not in _BRANCHES:
            return
        if kind == "expression_statement":
            for child in node.named_children:
                if child.type == "assignment":
                    self._assignment(child)
                else:
                    self._expression(child)
        elif kind in _ENDINGS:
            self._expression(node)
            self._set(frozenset())
        elif kind in _BRANCHES:
            _BRANCHES[kind](self, node, depth + 1)
        elif kind == "decorated_definition" or kind in SCOPES:
            self._definition(node)
        else:
            self._expression(node)

    def _assignment(self, node: Node) -> None:
        targets: list[Node] = []
        value: Node | None = node
        while value is not None and value.type == "assignment":
            left = value.child_by_field_name("left")
            if left is not None:
                targets.append(left)
            value = value.child_by_field_name("right")
        ours = [target for target in targets if target.type == "identifier" and text_of(target) == self._name]
        for target in targets:
            if target not in ours:
                self._expression(target)
        if value is None:
            return
        self._expression(value)
        if ours:
            self._set(self._created(value, shared=len(targets) > 1))

    def _definition(self, node: Node) -> None:
        """A nested function or class: what it does to the name happens whenever; `declared` has noticed it."""
        inner = node.child_by_field_name("definition") if node.type == "decorated_definition" else node
        name = inner.child_by_field_name("name") if inner is not None else None
        if text_of(name) == self._name:
            self._set(None)
        elif self._mentions(node):
            self._share()
            if self._cursor in range(node.start_byte, node.end_byte):
                self._record(None)

    def _if(self, node: Node, depth: int) -> None:
        ends: list[Held_or_unknown] = []
        otherwise = False
        parts = [node, *node.children_by_field_name("alternative")]
        for part in parts:
            condition = part.child_by_field_name("condition")
            if condition is not None:
                self._expression(condition)
            before = self.now
            self._body(part, "consequence" if part.type != "else_clause" else "body", depth)
            ends.append(self.now)
            self.now = before
            otherwise = otherwise or part.type == "else_clause"
        if not otherwise:
            ends.append(self.now)
        self._set(_joined(ends))

    def _loop(self, node: Node, depth: int) -> None:
        source = node.child_by_field_name("right")
        if source is not None:
            self._expression(source)
        before = self.now
        for _ in range(8):
            self._logs.append(self.now)
            condition, target = node.child_by_field_name("condition"), node.child_by_field_name("left")
            if condition is not None:
                self._expression(condition)
            if target is not None:
                self._expression(target)
            self._body(node, "body", depth)
            through = self._logs.pop()
            after = _join(before, through)
            if after == before:
                break
            before = after
            self._set(before)
        else:
            self.lost = "the loop is too long to follow"
        self._set(before)
        for part in node.children_by_field_name("alternative"):
            self._body(part, "body", depth)
        # `break` comes past the `else`.
        self._set(_join(self.now, before))

    def _try(self, node: Node, depth: int) -> None:
        self._logs.append(self.now)
        self._body(node, "body", depth)
        through, normal = self._logs.pop(), self.now
        self._logs.append(through)
        for part in node.named_children:
            if part.type == "else_clause":
                self.now = normal
                self._body(part, "body", depth)
                normal = self.now
        ends = [normal]
        for part in node.named_children:
            if part.type in ("except_clause", "except_group_clause"):
                self.now = through
                for child in part.named_children:
                    if child.type == "block":
                        self.block(child, depth)
                    else:
                        self._expression(child)
                ends.append(self.now)
        whole, end = self._logs.pop(), _joined(ends)
        last = next((part for part in node.named_children if part.type == "finally_clause"), None)
        if last is not None:
            for start in (whole, end):
                self._set(start)
                for child in last.named_children:
                    if child.type == "block":
                        self.block(child, depth)
        else:
            self._set(end)

    def _with(self, node: Node, depth: int) -> None:
        clause = next((child for child in node.named_children if child.type == "with_clause"), None)
        bound = swallows = False
        for item in clause.named_children if clause is not None else ():
            value = item.child_by_field_name("value")
            if value is None:
                continue
            target: Node | None = None
            if value.type == "as_pattern" and len(value.named_children) == 2:
                value, alias = value.named_children
                target = alias.named_children[0] if alias.named_children else None
            ours = value.type == "identifier" and text_of(value) == self._name
            if ours:
                self._call("__enter__")
                bound = True
                if target is not None:
                    self._share()
            else:
                self._expression(value)
                swallows = swallows or made_by(value, self._source) is None
            if target is not None and self._mentions(target):
                if target.type == "identifier" and text_of(target) == self._name:
                    self._set(self._entered(value))
                    bound = True
                else:
                    self._expression(target)
        self._logs.append(self.now)
        self._body(node, "body", depth)
        through = self._logs.pop()
        if swallows:
            self._set(_join(self.now, through))
        if bound:
            body = node.child_by_field_name("body")
            if body is not None and any(binds(one) for one in self._identifiers(body)):
                self._set(None)
            else:
                self._call("__exit__")

    def _entered(self, value: Node) -> Held_or_unknown:
        made = made_by(value, self._source)
        return self._created(value) if made is not None and made[0].with_self else None

    def _match(self, node: Node, depth: int) -> None:
        for subject in node.children_by_field_name("subject"):
            self._expression(subject)
        ends = [self.now]
        body = node.child_by_field_name("body")
        for case in body.named_children if body is not None else ():
            before = self.now
            for child in case.named_children:
                if child.type == "block":
                    self.block(child, depth)
                else:
                    self._expression(child)
            ends.append(self.now)
            self.now = _join(before, self.now) if any(binds(one) for one in self._identifiers(case)) else before
        self._set(_joined(ends))

    def _error(self, node: Node, depth: int) -> None:
        if self._mentions(node):
            self._set(None)
            self._expression(node)

    def _body(self, node: Node, field: str, depth: int) -> None:
        body = node.child_by_field_name(field)
        if body is not None:
            self.block(body, depth)

    # Expressions

    def _expression(self, node: Node) -> None:
        """What reading the expression does, in the order in which it happens."""
        if not self._mentions(node):
            return
        events: list[_Event] = []
        for identifier in self._identifiers(node):
            events.extend(self._events(identifier))
        for event in sorted(events, key=lambda one: one.at):
            before = self.now
            if event.kind == "cursor":
                self._record(self.now)
            elif event.kind == "call":
                self._call(event.name)
            elif event.kind == "share":
                self._share()
            else:
                self._set(None)
            if event.maybe:
                self._set(_join(before, self.now))

    def _events(self, identifier: Node) -> Iterator[_Event]:
        parent = identifier.parent
        if parent is None:
            return
        start, end = identifier.start_byte, identifier.end_byte
        around = _around(identifier)
        if start == self._cursor:
            yield _Event(start, "cursor" if not around & _COMPREHENSIONS else "unknown")
            if around & _COMPREHENSIONS:
                yield _Event(start, "cursor")
            return
        field = field_of(identifier, parent)
        if parent.type == "keyword_argument" and field == "name":
            return
        if parent.type == "attribute":
            if field != "object":
                return
            yield from self._attribute(parent, around)
        elif binds(identifier):
            if not around & _COMPREHENSIONS or parent.type == "named_expression":
                yield _Event(end, "unknown")
        elif not _harmless(parent, field):
            # What a generator or a nested function does with it, it does later.
            yield _Event(end, "share")

    def _attribute(self, attribute: Node, around: frozenset[str]) -> Iterator[_Event]:
        name = text_of(attribute.child_by_field_name("attribute"))
        call = attribute.parent
        called = call is not None and call.type == "call" and field_of(attribute, call) == "function"
        known = self._source.protocols.by_name.values()
        if not called or call is None:
            # A bound method, kept for later, is the object under another name.
            if binds(attribute) or name.startswith("__") or any(one.leaves(name) for one in known):
                yield _Event(attribute.end_byte, "share")
            return
        if name.startswith("__"):
            yield _Event(call.end_byte, "unknown")
            return
        if "generator_expression" in around or "lambda" in around:
            yield _Event(call.end_byte, "unknown")
            return
        maybe = bool(around & _MAYBE)
        if around & _COMPREHENSIONS:
            yield _Event(call.start_byte, "call", name, maybe=True)
        yield _Event(call.end_byte, "call", name, maybe)

    def _created(self, value: Node, shared: bool = False) -> Held_or_unknown:
        """What a name holds that the value is assigned to."""
        made = made_by(value, self._source)
        if made is None:
            return None
        protocol, creation, guessed = made
        state = begins(value, creation)
        if self._captured or shared:
            return frozenset(Held(protocol.name, one, True, guessed) for one in protocol.anywhere(state))
        return frozenset({Held(protocol.name, state, False, guessed)})

    def _call(self, name: str) -> None:
        if self.now is None:
            return
        after: set[Held] = set()
        for held in self.now:
            protocol = self._source.protocols.by_name[held.protocol]
            for state in protocol.after(held.state, name):
                if state == UNKNOWN:
                    self._set(None)
                    return
                reckoned = protocol.anywhere(state) if held.shared else frozenset({state})
                after |= {replace(held, state=one) for one in reckoned}
        self._set(frozenset(after))

    def _share(self) -> None:
        if self.now is None:
            return
        after: set[Held] = set()
        for held in self.now:
            for state in self._source.protocols.by_name[held.protocol].anywhere(held.state):
                after.add(replace(held, state=state, shared=True))
        self._set(frozenset(after))

    def _record(self, held: Held_or_unknown) -> None:
        self.found = _join(self.found, held) if self.reached else held
        self.reached = True

    def _set(self, held: Held_or_unknown) -> None:
        self.now = held
        self._logs = [_join(log, held) for log in self._logs]

    def _mentions(self, node: Node) -> bool:
        return node.text is not None and self._data in node.text

    def _identifiers(self, node: Node) -> Iterator[Node]:
        """Every identifier of the name in the node, in the order of the text."""
        left = [node]
        while left:
            at = left.pop()
            if at.type == "identifier":
                if at.text == self._data:
                    yield at
            elif self._mentions(at):
                left.extend(reversed(at.named_children))


_ENDINGS = frozenset({"return_statement", "raise_statement", "break_statement", "continue_statement"})
_BRANCHES = {
    "if_statement": _Walk._if, "while_statement": _Walk._loop, "for_statement": _Walk._loop, "try_statement": _Walk._try,
    "with_statement": _Walk._with, "match_statement": _Walk._match, "ERROR": _Walk._error,
}  # fmt: skip


def _joined(held: list[Held_or_unknown]) -> Held_or_unknown:
    whole: Held_or_unknown = frozenset()
    for one in held:
        whole = _join(whole, one)
    return whole


def _around(node: Node) -> frozenset[str]:
    """The types of the nodes around, up to the statement."""
    found: set[str] = set()
    at = node.parent
    while at is not None and at.type != "block" and at.type not in _BRANCHES and at.type != "module":
        found.add(at.type)
        at = at.parent
    return frozenset(found)


def _harmless(parent: Node, field: str | None) -> bool:
    """Whether reading the name here gives the object to nobody: in a test, or to iterate over it."""
    if parent.type == "not_operator" or (parent.type in ("if_statement", "elif_clause", "while_statement")):
        return True
    if parent.type == "comparison_operator":
        return all(child.type in ("is", "is not") for child in parent.children if not child.is_named)
    return parent.type == "for_statement" and field == "right"
