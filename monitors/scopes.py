"""Which bare names can be right at a place, by the language's own rules, with the reason where that is not certain.

Python decides by text alone which names a function, class or module binds, and in which of them a name is looked up;
no analysis is asked. The statement at the place is taken out of the tree (it is half written) and read by `words`
instead; what is broken elsewhere counts as binding every name in it. A name is legal if it can be bound when the place
is reached: bound in this scope before it (or later, in a loop around it), or in a scope around it at any time, since
functions run later. `del` and the end of an `except … as e` unbind. What only a person could know (`exec`, a star
import, a `globals()[…] =`) leaves the place open.
"""

from __future__ import annotations

import builtins
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from tree_sitter import Node, QueryCursor

from .analysis import Kind
from .lexical import code_of
from .scope_queries import BINDINGS, MAGIC, STARS
from .statements import statement_end, words_at
from .syntax import SCOPES, byte_of, identifier_end, identifier_start, parse

BUILTINS = frozenset(dir(builtins)) | {
    "BaseExceptionGroup", "EncodingWarning", "ExceptionGroup", "PythonFinalizationError", "WindowsError", "aiter",
    "anext", "copyright", "credits", "exit", "license", "quit", "reveal_type", "reveal_locals",
}  # fmt: skip
"""Of every version: the project's Python may be younger than ours."""

MODULE_NAMES = frozenset({
    "__name__", "__file__", "__doc__", "__package__", "__spec__", "__loader__", "__path__", "__builtins__",
    "__cached__", "__annotations__", "__dict__", "__debug__", "__version__", "_",
})  # fmt: skip
"""What every module has; `_` is what `gettext.install` leaves in the builtins."""

_CLASS_NAMES = frozenset({"__module__", "__qualname__", "__class__", "__annotations__", "__firstlineno__"})
_GUARD = re.compile(r"\bPY_?[23]\b|version_info|\bpy[23]k?\b|hexversion")
_REPLACED = re.compile(r"sys\.modules\[__name__\](?:\s*=[^=]|\.__dict__|\.\w+\s*=[^=])|=\s*sys\.modules\[__name__\]")
_INTO_BUILTINS = re.compile(r"\bbuiltins\.\w+\s*=[^=]|\b__builtins__\b|\bbuiltins\.__dict__|\bsetattr\(\s*builtins")
_NAME = re.compile(r"(?<![\w.])[^\W\d]\w*")
_HERE = "__here__"
"""Stands for the statement at the place."""

_COMPREHENSIONS = frozenset({
    "list_comprehension", "set_comprehension", "dictionary_comprehension", "generator_expression",
})  # fmt: skip
_LOOPS = frozenset({"for_statement", "while_statement"})


@dataclass(frozen=True)
class Scope:
    """What can be read at a place.

    `names` are legal now, nearest first; `later` only in code that runs later (a lambda, a function begun here). `stars`
    are the offsets behind the module names of star imports. `reason` says why other names may be right too; empty if
    none can be, but for what the star imports bring.
    """

    names: Mapping[str, Kind] = field(default_factory=dict)
    later: frozenset[str] = frozenset()
    unlisted: frozenset[str] = frozenset()
    """Legal, and not worth listing: what modules and classes have by themselves, names the text uses unexplained."""
    stars: bool = False
    reason: str = ""


def scope_at(text: str, offset: int, path: str = "") -> Scope:
    """The names at `offset`; the identifier there, if any, does not count. Never raises for any text."""
    begin, end = identifier_start(text, offset), identifier_end(text, offset)
    found = words_at(text, begin)
    if found is None:
        return Scope(reason="the statement is too long to follow")
    start, words = found
    stop, whole = statement_end(words, text, end)
    blanked, at = _without(text, start, stop)
    base = _outer(blanked, at, path.endswith(".pyi"))
    names: dict[str, Kind] = dict.fromkeys(sorted(whole.bound), "variable")
    for name, kind in base.names.items():
        names.setdefault(name, kind)
    reason = base.reason or _foreign(path)
    if whole.magic:
        reason = reason or "this statement makes names up"
    return Scope(names, base.later | whole.fresh, base.unlisted, base.stars, reason)


def _foreign(path: str) -> str:
    """Why a file of this kind may be given names by whoever runs it."""
    lower = path.lower()
    if ".ipynb" in lower or lower.startswith(("vscode-notebook", "notebook")):
        return "other cells of the notebook may bind names"
    name = re.split(r"[/\\]", lower)[-1]
    if "." in name and not name.endswith((".py", ".pyi", ".pyw")) and ":" not in name:
        return "who runs this file may give it names"
    if name in ("sconstruct", "sconscript", "wscript", "snakefile"):
        return "who runs this file may give it names"
    return ""


def _without(text: str, start: int, stop: int) -> tuple[str, int]:
    """The text with the statement between the offsets made harmless, and where it stands now."""
    line = text[start:stop]
    indent = line[:len(line) - len(line.lstrip(" \t\f"))]
    word = re.match(r"(?:async[ \t]+)?([a-z]*)", line[len(indent):])
    first = word.group(1) if word else ""
    after = re.compile(r"(?:[ \t]*(?:#[^\r\n]*)?(?:\r\n|\r|\n))*([ \t]*)(?=[^\s#])").match(text, stop)
    deeper = after is not None and len(after.group(1).expandtabs()) > len(indent.expandtabs())
    heads = {word: f"{word} {_HERE}:" for word in ("except", "case", "match", "elif", "class")}
    heads |= {"else": "else:", "try": "try:", "finally": "finally:", "def": f"def {_HERE}():"}
    if deeper:
        made = heads.get(first, f"if {_HERE}:")
    elif first in heads and first != "match":
        made = heads[first] + " pass"
    else:
        made = _HERE
    return f"{text[:start]}{indent}{made}{text[stop:]}", start + len(indent)


# The tree


@dataclass(frozen=True)
class _Part:
    """One statement of the module: what it binds there, and what can be known of it without its surroundings."""

    binds: tuple[tuple[str, Kind], ...] = ()
    """In order; the kind "text" unbinds."""
    shared: tuple[str, ...] = ()
    """Bound in the module by functions, through `global`."""
    everything: frozenset[str] = frozenset()
    """Bound anywhere in it, in whatever scope."""
    used: frozenset[str] = frozenset()
    magic: str = ""
    star: bool = False
    broken: bool = False


@dataclass(frozen=True)
class _Event:
    """A name bound (or unbound: `kind` "text") at a byte; `until` ends the region where it counts, 0 for all."""

    start: int
    name: str
    kind: Kind
    owner: int
    since: int = 0
    until: int = 0


@dataclass(frozen=True)
class _Span:
    """A scope's bytes; `body` is where its own code begins, `outer` the index of the scope around it."""

    start: int
    end: int
    type: str
    body: int
    outer: int


@lru_cache(24)
def _outer(text: str, at: int, stub: bool) -> Scope:
    tree = parse(text)
    byte = byte_of(text, at)
    names: dict[str, Kind] = {}
    later: set[str] = set()
    unlisted: set[str] = set(MODULE_NAMES)
    reason = ""
    stars = False
    before: dict[str, Kind] = {}
    behind: dict[str, Kind] = {}
    shared: set[str] = set()
    everything: set[str] = set()
    used: set[str] = set()
    here: Node | None = None
    deferred = False
    for child in tree.root_node.children:
        part = _part(child)
        everything |= part.everything
        used |= part.used
        shared.update(part.shared)
        stars = stars or part.star
        reason = reason or part.magic
        if part.broken:
            unlisted |= part.used | part.everything
        if child.start_byte <= byte < child.end_byte and child.type != "comment":
            here = child
            continue
        into = behind if child.start_byte > byte else before
        for name, kind in part.binds:
            if kind == "text":
                into.pop(name, None)
            else:
                into[name] = kind
    if here is not None:
        found = _inside(here, byte)
        reason = reason or found.reason
        names.update(found.names)
        later |= found.later
        unlisted |= found.unlisted
        deferred = found.deferred
        before |= found.module
        before = {name: kind for name, kind in before.items() if name not in found.deleted}
    for name, kind in {**behind, **before}.items() if deferred or stub else before.items():
        names.setdefault(name, kind)
    later |= behind.keys() - names.keys()
    for name in shared:
        names.setdefault(name, "variable")
    names.pop(_HERE, None)
    unlisted |= used - everything - {_HERE}
    return Scope(names, frozenset(later - names.keys()), frozenset(unlisted), stars, reason)


@dataclass
class _Inside:
    names: dict[str, Kind] = field(default_factory=dict)
    later: set[str] = field(default_factory=set)
    unlisted: set[str] = field(default_factory=set)
    module: dict[str, Kind] = field(default_factory=dict)
    """What the statement binds in the module, as far as that can be read at the place."""
    deleted: set[str] = field(default_factory=set)
    deferred: bool = False
    reason: str = ""


def _inside(node: Node, byte: int) -> _Inside:
    """What the module's statement around the place adds."""
    spans, events = _events(node)
    found = _Inside()
    around = [
        index for index, span in enumerate(spans)
        if span.type in ("function_definition", "class_definition") and span.body <= byte < span.end
    ]  # fmt: skip
    path = [-1, *sorted(around, key=lambda index: spans[index].start)]
    loops, found.reason = _statements_around(node, byte, spans, path)
    by_owner: dict[int, list[_Event]] = {}
    for event in events:
        by_owner.setdefault(event.owner, []).append(event)
    for position in range(len(path) - 1, -1, -1):
        owner = path[position]
        kind = spans[owner].type if owner >= 0 else "module"
        if kind == "class_definition":
            found.unlisted |= _CLASS_NAMES
            if found.deferred:
                # Functions do not see the names of the class around them, but its type parameters they do.
                for event in by_owner.get(owner, ()):
                    if event.start < spans[owner].body and event.kind == "variable":
                        found.names.setdefault(event.name, event.kind)
                continue
        known, late, deleted = _bound(by_owner.get(owner, ()), byte, found.deferred, loops)
        if owner < 0:
            found.module = known
            found.deleted = deleted
        else:
            for name, name_kind in known.items():
                found.names.setdefault(name, name_kind)
        found.later |= late
        if kind == "function_definition":
            found.deferred = True
    return found


def _bound(
    events: list[_Event] | tuple[_Event, ...], byte: int, deferred: bool, loop_end: int
) -> tuple[dict[str, Kind], set[str], set[str]]:
    """Of one scope: what can be read at the place, what is bound only later, and what was deleted before."""
    known: dict[str, Kind] = {}
    late: set[str] = set()
    deleted: set[str] = set()
    for event in events:
        reached = event.start < byte or event.start < loop_end
        if event.kind == "text":
            if not deferred and event.start < byte and event.since <= byte < event.until:
                known.pop(event.name, None)
                deleted.add(event.name)
        elif event.until and not event.since <= byte < event.until:
            continue
        elif deferred or reached:
            known[event.name] = event.kind
            deleted.discard(event.name)
        else:
            late.add(event.name)
    return known, late - known.keys(), deleted


def _statements_around(node: Node, byte: int, spans: list[_Span], path: list[int]) -> tuple[int, str]:
    """Where the outermost loop of the innermost function ends (0: no loop), and a reason to leave the place open."""
    floor = max((spans[index].body for index in path if index >= 0 and spans[index].type == "function_definition"),
                default=-1)  # fmt: skip
    loop_end, reason = 0, ""
    cursor = node.walk()
    while True:
        at = cursor.node
        if at is None:
            break
        if at.type in _LOOPS and at.start_byte >= floor:
            loop_end = max(loop_end, at.end_byte)
        elif at.type == "try_statement" and not reason:
            body = at.child_by_field_name("body")
            if body is not None and body.start_byte <= byte < body.end_byte and _catches_names(at):
                reason = "an unknown name is caught here"
        elif at.type in ("if_statement", "elif_clause", "else_clause", "conditional_expression") and not reason:
            top = at.parent if at.type != "if_statement" and at.parent is not None else at
            condition = top.child_by_field_name("condition")
            if condition is not None and _GUARD.search((condition.text or b"").decode("utf-8", "replace")):
                reason = "this may be for another version of Python"
        if cursor.goto_first_child_for_byte(byte) is None:
            break
    return loop_end, reason


def _catches_names(statement: Node) -> bool:
    for child in statement.children:
        if child.type == "except_clause":
            value = child.child_by_field_name("value") or (child.named_children[0] if child.named_children else None)
            if value is None or value.type == "block" or b"NameError" in (value.text or b""):
                return True
    return False


# What statements bind


_parts: dict[bytes, _Part] = {}
_PARTS_LIMIT = 20_000


def _part(node: Node) -> _Part:
    """What a statement of the module contributes; remembered by its text."""
    data = node.text or b""
    found = _parts.get(data)
    if found is None:
        if len(_parts) >= _PARTS_LIMIT:
            _parts.clear()
        found = _parts[data] = _read_part(node, data)
    return found


def _read_part(node: Node, data: bytes) -> _Part:
    if node.type == "comment":
        return _Part()
    _, events = _events(node)
    binds = tuple((event.name, event.kind) for event in events if event.owner == -1 and not event.until)
    ending = {event.name for event in events if event.owner == -1 and event.until and event.kind != "text"}
    unbinds = tuple(
        (event.name, event.kind) for event in events
        if event.owner == -1 and event.kind == "text" and node.type == "delete_statement"
    )  # fmt: skip
    if not unbinds:
        binds = tuple((name, kind) for name, kind in binds if kind != "text")
    code = data.decode("utf-8", "replace")
    plain = code_of(code) if len(code) < 200_000 else code
    used = frozenset(_NAME.findall(plain))
    everything = frozenset(event.name for event in events) | frozenset(ending)
    return _Part(
        binds + unbinds, _shared(node), everything, used, _magic(node, plain),
        bool(QueryCursor(STARS).captures(node)), node.has_error,
    )  # fmt: skip


def _shared(node: Node) -> tuple[str, ...]:
    captures = QueryCursor(BINDINGS).captures(node)
    return tuple(_text(found) for found in captures.get("global", ()))


def _magic(node: Node, code: str) -> str:
    """How the statement binds names that it does not spell; empty if it does not."""
    if "sys.modules[__name__]" in code and ("setattr" in code or _REPLACED.search(code)):
        return "names are put into the module through sys.modules"
    if _INTO_BUILTINS.search(code):
        return "names are put into the builtins"
    if not re.search(r"\b(?:exec|globals|locals|vars)\s*\(", code):
        return ""
    for call in QueryCursor(MAGIC).captures(node).get("call", ()):
        function = call.child_by_field_name("function")
        name = _text(function) if function is not None else ""
        if name == "exec":
            return "exec may bind any name"
        if _writes(call, name):
            return f"{name}() may be written to"
    return ""


def _writes(call: Node, name: str) -> bool:
    """Whether what `globals()`, `locals()` or `vars()` gives can be stored into."""
    arguments = call.child_by_field_name("arguments")
    if arguments is not None and arguments.named_child_count:
        return False  # vars(thing)
    parent = call.parent
    if parent is None:
        return False
    if parent.type == "subscript":
        outer = parent.parent
        return outer is not None and outer.type in (
            "assignment", "augmented_assignment", "pattern_list", "tuple_pattern", "for_statement", "delete_statement",
        )  # fmt: skip
    if parent.type == "attribute":
        method = parent.child_by_field_name("attribute")
        return method is not None and _text(method) in ("update", "setdefault", "__setitem__", "__ior__", "pop")
    # Handed to somebody or kept under a name; a read-only view of locals is what formatting takes.
    return name == "globals" and parent.type in ("argument_list", "assignment", "keyword_argument", "pair",
                                                 "default_parameter", "return_statement")  # fmt: skip


def _events(node: Node) -> tuple[list[_Span], list[_Event]]:
    """The scopes below a node and every binding in it; the owner -1 is whatever is around the node."""
    captures = QueryCursor(BINDINGS).captures(node)
    spans = _spans(captures.get("scope", ()))
    starts = [span.start for span in spans]
    kinds: dict[int, tuple[str, Node]] = {}
    for capture in ("bind", "walrus", "import", "parameter", "class", "function", "typevar", "except", "global", "del"):
        for found in captures.get(capture, ()):
            kinds[found.start_byte] = (capture, found)
    events = []
    for start in sorted(kinds):
        capture, found = kinds[start]
        name = _text(found)
        owner = _owner(spans, starts, start)
        if capture in ("class", "function"):
            owner = spans[owner].outer if owner >= 0 else -1
        while owner >= 0 and capture == "walrus" and spans[owner].type in _COMPREHENSIONS:
            owner = spans[owner].outer
        since, until = 0, 0
        if capture == "class" and found.parent is not None:
            start = found.parent.end_byte  # the class's own body does not see it
        elif capture == "except":
            clause = _ancestor(found, "except_clause")
            if clause is not None:
                since, until = clause.start_byte, clause.end_byte
        elif capture == "del":
            statement = _ancestor(found, "delete_statement")
            block = statement.parent if statement is not None else None
            if block is not None:
                since, until = start, block.end_byte
        events.append(_Event(start, name, _kind_of(capture, name), owner, since, until))
    events.sort(key=lambda event: event.start)
    return spans, events


def _spans(nodes: list[Node] | tuple[Node, ...]) -> list[_Span]:
    spans: list[_Span] = []
    stack: list[int] = []
    for node in sorted(nodes, key=lambda one: (one.start_byte, -one.end_byte)):
        while stack and spans[stack[-1]].end <= node.start_byte:
            stack.pop()
        body = node.child_by_field_name("body")
        begin = body.start_byte if body is not None and node.type in SCOPES else node.start_byte
        spans.append(_Span(node.start_byte, node.end_byte, node.type, begin, stack[-1] if stack else -1))
        stack.append(len(spans) - 1)
    return spans


def _owner(spans: list[_Span], starts: list[int], byte: int) -> int:
    """The innermost scope around a byte."""
    index = bisect_right(starts, byte) - 1
    while index >= 0 and spans[index].end <= byte:
        index = spans[index].outer
    return index


def _ancestor(node: Node, kind: str) -> Node | None:
    at: Node | None = node
    for _ in range(12):
        if at is None or at.type == kind:
            return at
        at = at.parent
    return None


def _kind_of(capture: str, name: str) -> Kind:
    if capture == "del":
        return "text"
    if capture in ("class", "function"):
        return "class" if capture == "class" else "function"
    if capture == "import":
        return "class" if name[:1].isupper() and not name.isupper() else "module"
    if capture == "parameter":
        return "parameter"
    return "constant" if name.isupper() and len(name) > 1 else "variable"


def _text(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")


def chain(scope: Scope) -> Iterator[str]:
    """Every name that may be listed, nearest first, builtins last."""
    yield from scope.names
    yield from sorted(BUILTINS - scope.names.keys())
