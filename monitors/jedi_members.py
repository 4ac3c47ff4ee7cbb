"""Answers of jedi as plain values: the members behind a dot with the facts for the gate, bare names, descriptions."""

from __future__ import annotations

import contextlib
import keyword
import os
import re
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from jedi.api.completion import complete_trailer, get_user_context
from jedi.inference.base_value import ValueSet
from jedi.inference.helpers import infer_call_of_leaf

from .analysis import Description, Document, Kind, Member, Members
from .gate import Facts, ValueFacts, judge
from .jedi_code import class_of, scope_of
from .jedi_narrowing import code_of, guarded, narrowed
from .jedi_receiver import Receiver
from .jedi_session import Positions, Session
from .jedi_values import class_arguments, describe_value, kind_of, private_names
from .lexical import scan
from .syntax import PLACEHOLDER, identifier_end, identifier_start, normalised, place, stored_names

_KINDS: dict[str, Kind] = {
    "module": "module", "namespace": "module", "class": "class", "function": "function", "property": "property",
    "param": "parameter", "keyword": "keyword", "instance": "variable", "statement": "variable",
}  # fmt: skip
_OBJECT_DUNDERS = frozenset(dir(object)) | {"__dict__", "__module__", "__annotations__", "__slots__", "__weakref__"}
_MODULE_DUNDERS = frozenset({
    "__name__", "__doc__", "__file__", "__path__", "__package__", "__loader__", "__spec__", "__all__", "__version__",
    "__cached__", "__builtins__",
})  # fmt: skip
_CLASS_DUNDERS = frozenset(dir(type)) | {"__wrapped__"}
_UNDECLARED = {
    "builtins.OSError": frozenset({"characters_written"}),
    "re.Pattern": frozenset({"scanner"}),
    "typing.Tuple": frozenset({"count", "index"}),  # named tuples, `time.struct_time`
    "typing.Generator": frozenset({"gi_code", "gi_frame", "gi_running", "gi_suspended", "gi_yieldfrom"}),
}
"""What the standard library has and its stubs, or jedi, do not: all that came of holding eighty of its modules to `dir()`."""
_OF_CLASSES = {
    "abc.ABC": frozenset({"register"}),
    "enum.Enum": frozenset({"__members__", "_member_map_", "_member_names_", "_value2member_map_"}),
}
"""What a metaclass of the standard library gives to classes, not to their instances."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_NAMES_LIMIT = 1000
Stamp = tuple[str, int, int]
"""A file, its time of change in nanoseconds and its size; the size is -1 where there is none."""

_DOTTED = re.compile(r"(?<![\w.)\]\"'])[^\W\d]\w*(?:\.[^\W\d]\w*)+")
_WARM_DOTS = 80
_WARM_FOR_S = 10.0
_KNOWN_LIMIT = 300
_KNOWN_FOR_S = 120.0
"""A class lists what its bases in other files have: those may change without it."""
_PLAIN_VALUES = frozenset({
    "TreeInstance", "AnonymousInstance", "_GenericInstanceWrapper", "ClassValue", "GenericClass", "ModuleValue",
    "StubModuleValue",
})  # fmt: skip


def members(session: Session, document: Document, offset: int) -> Members:
    """What may follow the dot at `offset`, judged. Raises whatever jedi raises."""
    text, shift = readable(document.text)
    here = place(text, offset - shift)
    if here.where != "code" or here.dot is None:
        facts = Facts(here.where, here.dot is not None)
        return Members(reason=judge(facts)[1])
    whole = normalised(text, here.dot, here.end)
    script = session.script(Document(document.path, whole, document.version, document.root))
    positions = Positions(whole)
    if here.context == "import":
        return _import_members(script, positions.position(here.dot))
    leaf, context, values = receiver_of(script, positions.position(here.dot))
    if leaf is None:
        return Members(reason="the code around the dot is not understood")
    base, trailers = chain_of(leaf)
    reason = ""
    tested = narrowed(leaf) if leaf.type == "name" else None
    if tested is not None and not tested.reason:
        instances = [context.infer_node(expression).execute_with_values() for expression in tested.classes]
        if all(instances):
            values = ValueSet.from_sets(instances)
        else:
            reason = "a type it is tested for is not known"
    elif tested is not None:
        reason = tested.reason
    per_value = _names_of_all(script, values, positions.position(here.dot))
    listed, extra = _merged(per_value)
    stored = stored_names(whole)
    facts_of_values = tuple(names.facts for names in per_value)
    if not reason and tested is None and values:
        reason = Receiver(stored).why_unknown(context, base, trailers)
    reason = reason or guarded(leaf)
    if here.self_like:
        extra |= of_subclasses(script, values)
    extra |= stored | _dunders(facts_of_values)
    names = {member.name for member in listed} | extra
    facts = Facts(
        context=here.context, self_like=here.self_like, values=facts_of_values,
        public=sum(not member.name.startswith("_") for member in listed), uncertain=reason,
        missing=() if tested else _missing(whole, leaf, base, positions, here.dot, names),
    )  # fmt: skip
    closed, why = judge(facts)
    receiver = " | ".join(dict.fromkeys(value.name for value in facts_of_values))
    fresh = facts.self_like and facts.context == "fresh" and judge(replace(facts, context="load"))[0]
    return Members(listed, closed, why, receiver, frozenset(extra), store_possible=fresh)


def readable(text: str) -> tuple[str, int]:
    """The text as parso can read it, and how much shorter at its start it is.

    A byte order mark is no column to parso; a lone half of a surrogate pair cannot be encoded.
    """
    text = _SURROGATE.sub("\ufffd", text)
    return (text[1:], 1) if text.startswith("\ufeff") else (text, 0)


def receiver_of(script: Any, position: tuple[int, int]) -> tuple[Any, Any, Any]:
    """The leaf before the dot that ends at `position`, its context, and what the expression may be."""
    script._inference_state.reset_recursion_limitations()
    module = script._get_module_context()
    dot = script._module_node.get_leaf_for_position(position, include_prefixes=True)
    if dot is None or dot.value != ".":
        return None, None, ()
    leaf = dot.get_previous_leaf()
    if leaf is None:
        return None, None, ()
    context = module.create_context(leaf)
    return leaf, context, infer_call_of_leaf(context, leaf)


def chain_of(leaf: Any) -> tuple[Any, list[Any]]:
    """The receiver that ends with `leaf`, as its first part and what is called, read or indexed on it."""
    trailer = leaf.parent
    if trailer.type == "fstring":
        return trailer, []
    if trailer.type != "trailer" or leaf not in (trailer.children[0], trailer.children[-1]):
        return (trailer, []) if trailer.type in ("atom", "strings") else (leaf, [])
    power = trailer.parent
    index = power.children.index(trailer)
    if power.type == "error_node":
        start = index - 1
        while power.children[start].type == "trailer":
            start -= 1
    else:
        start = 0
    if power.children[start] == "await":
        start += 1
    return power.children[start], power.children[start + 1:index + 1]


@dataclass(frozen=True)
class _Names:
    """The names of one value, and its facts; kept for what is defined in another file than the one being edited."""

    listed: tuple[Member, ...]
    extra: frozenset[str]
    facts: ValueFacts
    root: Any = None
    """The tree that the key's identity is of: alive as long as the entry."""
    made_at: float = 0.0
    stamps: tuple[Stamp, ...] = ()
    """Of the files that the names were read from, when they were: parso changes a tree in place."""


_known: OrderedDict[tuple[Any, ...], _Names] = OrderedDict()


def forget_all() -> None:
    """Drop what is kept of other files."""
    _known.clear()


def _names_of_all(script: Any, values: Any, position: tuple[int, int]) -> list[_Names]:
    """The names of each value."""
    user_context = get_user_context(script._get_module_context(), position)
    return [_names_of(script, user_context, value, position) for value in values]


def _merged(per_value: list[_Names]) -> tuple[tuple[Member, ...], set[str]]:
    """The members worth listing, best first, and the double-underscored rest."""
    found: dict[str, Member] = {}
    extra: set[str] = set()
    for names in per_value:
        for member in names.listed:
            found.setdefault(member.name, member)
        extra |= names.extra
    listed = sorted(found.values(), key=lambda member: (member.name.startswith("_"), member.name.lower(), member.name))
    return tuple(listed), extra


def _names_of(script: Any, user_context: Any, value: Any, position: tuple[int, int]) -> _Names:
    """The names of one value, from the last time if its file is the same."""
    key, root = _identity(script, value)
    if key is not None:
        known = _known.get(key)
        if known is not None and time.monotonic() - known.made_at < _KNOWN_FOR_S and _unchanged(known.stamps):
            return known
    listed, extra = _read_names(script, user_context, value, position)
    stamps = _stamps(value) if key is not None else ()
    names = _Names(listed, extra | private_names(value), describe_value(value), root, time.monotonic(), stamps)
    if key is not None:
        _known[key] = names
        _known.move_to_end(key)
        while len(_known) > _KNOWN_LIMIT:
            _known.popitem(last=False)
    return names


def _identity(script: Any, value: Any) -> tuple[tuple[Any, ...] | None, Any]:
    """What tells the value's members apart from another's, and the tree they are read from; None where that is not
    just a class or module of another file."""
    if type(value).__name__ not in _PLAIN_VALUES:
        return None, None
    kind = kind_of(value)
    owner = value.py__class__() if kind == "instance" else value
    node = getattr(owner, "tree_node", None)
    if node is None:
        return None, None
    root = node.get_root_node()
    if root is script._module_node:
        return None, None
    return (kind, id(root), node.start_pos, type(owner).__name__, script._inference_state.project), root


def _stamps(value: Any) -> tuple[Stamp, ...]:
    """The state of each file that the value's members come from: its own, and those of its base classes."""
    owner = value.py__class__() if kind_of(value) == "instance" else value
    sources = owner.py__mro__() if kind_of(owner) == "class" else (owner,)
    paths = {str(path) for source in sources if (path := source.get_root_context().py__file__()) is not None}
    return tuple(_stamp(path) for path in sorted(paths))


def _stamp(path: str) -> Stamp:
    try:
        found = os.stat(path)
    except OSError:
        return path, 0, -1
    return path, found.st_mtime_ns, found.st_size


def _unchanged(stamps: tuple[Stamp, ...]) -> bool:
    return all(_stamp(stamp[0]) == stamp for stamp in stamps)


def _read_names(
    script: Any, user_context: Any, value: Any, position: tuple[int, int]
) -> tuple[tuple[Member, ...], frozenset[str]]:
    owner = _owner(value)
    found: dict[str, Any] = {}
    deleted: set[str] = set()
    for name in complete_trailer(user_context, ValueSet([value])):
        string = name.string_name
        if string in found:
            continue
        tree = name.tree_name
        if tree is not None:
            if string == PLACEHOLDER and tree.start_pos == position and tree.get_root_node() is script._module_node:
                continue
            definition = tree.get_definition()
            if definition is not None and definition.type == "del_stmt":
                deleted.add(string)
                continue
        found[string] = name
    listed, extra = [], deleted - set(found)
    for string, name in found.items():
        if string.startswith("__") and string.endswith("__"):
            extra.add(string)
        elif string.isidentifier() and not keyword.iskeyword(string):
            listed.append(Member(string, kind_of_name(name, owner)))
    return tuple(listed), frozenset(extra)


def _owner(value: Any) -> str:
    """What the names belong to: "module", "enum", "class", "instance"…"""
    owner = str(kind_of(value))
    return "enum" if owner == "class" and any(_is_enum(base) for base in value.py__mro__()) else owner


def _is_enum(cls: Any) -> bool:
    try:
        return bool(cls.py__name__() == "Enum" and cls.get_root_context().py__name__() == "enum")
    except AttributeError:
        return False


def kind_of_name(name: Any, owner: str) -> Kind:
    """The kind of a member, without inferring anything: imports in a module are guessed from how they are written."""
    tree = name.tree_name
    definition = tree.get_definition() if tree is not None else None
    string = name.string_name
    if definition is not None and definition.type == "import_from":
        return "class" if string[:1].isupper() and not string.isupper() else "variable"
    kind = _KINDS.get(name.api_type, "text")
    if kind == "function" and owner in ("instance", "class", "enum"):
        return "method"
    if kind == "variable":
        if owner == "enum" and definition is not None and definition.type == "expr_stmt" \
                and not string.startswith("_"):  # fmt: skip
            return "enum_member"
        if string.isupper():
            return "constant"
        if owner in ("instance", "class"):
            return "field"
    return kind


def _dunders(values: tuple[ValueFacts, ...]) -> frozenset[str]:
    names = _OBJECT_DUNDERS
    if any(value.kind == "module" for value in values):
        names |= _MODULE_DUNDERS
    if any(value.kind == "class" for value in values):
        names |= _CLASS_DUNDERS
    for value in values:
        for ancestor in value.ancestors:
            names |= _UNDECLARED.get(ancestor, frozenset())
            if value.kind == "class":
                names |= _OF_CLASSES.get(ancestor, frozenset())
    return names


def of_subclasses(script: Any, values: Any) -> set[str]:
    """What classes of this document define that inherit from the class of `self`: it may be one of them."""
    owners = {class_of(value).tree_node for value in values if hasattr(class_of(value), "tree_node")}
    wanted = {owner.name.value for owner in owners if owner.type == "classdef"}
    heirs: list[Any] = []
    for candidate in script._module_node.iter_classdefs():
        if any(code_of(base).rpartition(".")[2] in wanted for base in class_arguments(candidate)):
            heirs.append(candidate)
            wanted.add(candidate.name.value)
    found: set[str] = set()
    for heir in heirs:
        if len(class_arguments(heir)) > 1:
            # Its other bases are there too when `self` is one: that is what a mixin counts on.
            own = script._get_module_context().create_context(heir.children[-1]).get_value()
            for value in ValueSet([own]).execute_with_values():
                found |= {name.string_name for listed in value.get_filters() for name in listed.values()}
        for key, occurrences in script._module_node.get_used_names().items():
            for name in occurrences:
                if heir.start_pos < name.start_pos < heir.end_pos and name.is_definition() \
                        and (name.parent.type == "trailer" or scope_of(name) is heir):  # fmt: skip
                    found.add(key)
                    break
    return found


def _missing(whole: str, leaf: Any, base: Any, positions: Positions, dot: int, names: set[str]) -> tuple[str, ...]:
    """Attributes the buffer reads from the same receiver text, in the same function or class, that `names` lacks."""
    begin = positions.offset(base.start_pos)
    receiver = whole[begin:dot - 1].strip()
    if not receiver or len(receiver) > 200 or "\n" in receiver or "\r" in receiver:
        return ()
    start, end = _surroundings(leaf, base, positions)
    code = scan(whole).code_before(end, start)
    pattern = re.compile(rf"(?<![\w.]){re.escape(receiver)}\s*\.\s*([^\W\d]\w*)")
    found: dict[str, None] = {}
    for match in pattern.finditer(code):
        if start + match.start(1) != dot:
            found[match.group(1)] = None
    return tuple(name for name in found if name not in names and not keyword.iskeyword(name))


def _surroundings(leaf: Any, base: Any, positions: Positions) -> tuple[int, int]:
    """The class around for what belongs to `self`, the function for other names, the module for what it binds."""
    scopes = []
    at = leaf.parent
    while at is not None:
        if at.type in ("funcdef", "classdef", "file_input"):
            scopes.append(at)
        at = at.parent
    chosen = scopes[0]
    if base.type == "name" and base.value in ("self", "cls"):
        chosen = next((scope for scope in scopes if scope.type == "classdef"), chosen)
    elif chosen.type == "classdef":
        chosen = scopes[-1]
    return positions.offset(chosen.start_pos), positions.offset(chosen.end_pos)


def _import_members(script: Any, position: tuple[int, int]) -> Members:
    """The modules and names an import statement can name at a dot; never closed."""
    found = tuple(
        Member(completion.name, _KINDS.get(completion._name.api_type, "module"))
        for completion in script.complete(*position)
        if completion.name.isidentifier() and not keyword.iskeyword(completion.name)
    )
    return Members(found, False, "this is an import statement")


def names(session: Session, document: Document, offset: int) -> Members:
    """The bare names that may stand at `offset`, filtered by what is typed of one."""
    text, shift = readable(document.text)
    offset -= shift
    start = identifier_start(text, offset)
    typed = text[start:offset]
    if scan(text).where(start) != "code":
        return Members(reason="no code")
    script = session.script(Document(document.path, text, document.version, document.root))
    found: dict[str, Member] = {}
    for completion in script.complete(*Positions(text).position(offset)):
        name = completion.name
        if name.endswith("="):
            found.setdefault(name, Member(name, "parameter"))
        elif name.startswith(typed) and name.isidentifier():
            kind = "keyword" if keyword.iskeyword(name) else kind_of_name(completion._name, "")
            found.setdefault(name, Member(name, kind))
        if len(found) >= _NAMES_LIMIT:
            break
    return Members(tuple(found.values()), False, "names are not constrained yet")


def describe(session: Session, document: Document, offset: int, name: str = "") -> Description | None:
    """The name at `offset`, or the member called `name` that could be completed there."""
    text, shift = readable(document.text)
    offset -= shift
    start, end = identifier_start(text, offset), identifier_end(text, offset)
    if not name:
        if start == end or text[start].isdigit() or scan(text).where(min(start + 1, end)) != "code":
            return None
        script = session.script(Document(document.path, text, document.version, document.root))
        line, column = Positions(text).position(start)
        found = script.help(line, column) or script.infer(line, column)
        return _description(found, text[start:end], start + shift, end + shift)
    here = place(text, offset)
    if here.dot is None:
        whole, at = text[:start] + name + text[end:], start
    else:
        whole, at = text[:here.dot] + name + text[here.end:], here.dot
    script = session.script(Document(document.path, whole, document.version, document.root))
    line, column = Positions(whole).position(at)
    found = script.help(line, column) or script.infer(line, column)
    return _description(found, name, start + shift, end + shift)


def _description(found: list[Any], name: str, start: int, end: int) -> Description | None:
    if not found:
        return None
    best = found[0]
    if best.type == "keyword":
        return Description(name, "keyword", name, "", "", start, end)
    return Description(
        name, _described_kind(best), signature_of(best, name), best.docstring(raw=True) or "", best.full_name or "",
        start, end,
    )  # fmt: skip


def _described_kind(best: Any) -> Kind:
    kind = _KINDS.get(best.type, "text")
    if kind == "function" and best.parent() is not None and best.parent().type == "class":
        return "method"
    return kind


def signature_of(best: Any, name: str) -> str:
    """The name as Python code: "def join(a: str, *p: str) -> str", "class Path(*args)", "x: int", "import os"."""
    kind = best.type
    if kind == "module":
        return f"import {best.full_name or name}"
    signatures = best.get_signatures() if kind in ("function", "class") else []
    if kind == "class":
        return f"class {signatures[0].to_string()}" if signatures else f"class {name}"
    if kind == "function":
        return "\n".join(f"def {signature.to_string()}" for signature in signatures[:4]) or f"def {name}()"
    types = [found for found in best.infer() if found.type in ("instance", "class", "function", "module")]
    shown = [f"type[{found.name}]" if found.type == "class" else found.name for found in types]
    try:
        hint = best.get_type_hint() if kind in ("statement", "param", "property") else ""
    except TypeError:  # jedi cannot write a list of what it does not know: `x = []`
        hint = ""
    hint = hint or " | ".join(dict.fromkeys(shown))
    return f"{name}: {hint}" if hint else name


def warm(session: Session, document: Document) -> Iterator[None]:
    """Parse the document, infer what it imports and what its dots stand behind, and list those members, so that later
    questions find it done: the first touch of a heavy package takes seconds, and nobody waits for it here.

    Yields after each step: whoever has a question in the meantime stops here and starts again later, when what was
    done is found in the caches.
    """
    until = time.monotonic() + _WARM_FOR_S
    text, _ = readable(document.text)
    script = session.script(Document(document.path, text, document.version, document.root))
    context = script._get_module_context()
    yield
    followed = 0
    for statement in script._module_node.iter_imports():
        for imported in statement.get_defined_names()[:8]:
            with contextlib.suppress(Exception):  # one broken import says nothing about the others
                _names_of_all(script, context.create_name(imported).infer(), imported.end_pos)
            yield
            followed += 1
        if followed > 60:
            break
    positions = Positions(text)
    for dot in _receivers(text):
        if time.monotonic() > until:
            return
        with contextlib.suppress(Exception):
            position = positions.position(dot + 1)
            _, _, values = receiver_of(script, position)
            _names_of_all(script, values, position)
        yield


def _receivers(text: str) -> list[int]:
    """Where the dots stand that are worth looking at ahead: behind each dotted name once."""
    found: dict[str, int] = {}
    for match in _DOTTED.finditer(text):
        for at, character in enumerate(match.group()):
            if character == ".":
                found.setdefault(match.group()[:at], match.start() + at)
        if len(found) > _WARM_DOTS:
            break
    return list(found.values())[:_WARM_DOTS]

