"""What the language and its customs decide about a slot without any model, and sentences about what is seen."""

from __future__ import annotations

from collections.abc import Sequence

from .project_types import CallSite
from .slots import Evidence, Slot
from .uses import FunctionUses, Use

_DUNDERS = {
    "__init__": "None", "__repr__": "str", "__str__": "str", "__len__": "int", "__bool__": "bool", "__hash__": "int",
    "__contains__": "bool", "__del__": "None", "__bytes__": "bytes", "__format__": "str", "__setattr__": "None",
    "__delattr__": "None", "__setitem__": "None", "__delitem__": "None", "__set__": "None", "__delete__": "None",
    "__init_subclass__": "None", "__post_init__": "None", "__set_name__": "None", "__sizeof__": "int", "__fspath__": "str",
    "__index__": "int", "__int__": "int", "__float__": "float", "__dir__": "list[str]", "__instancecheck__": "bool",
    "__subclasscheck__": "bool", "__length_hint__": "int", "__complex__": "complex", "__bool__ ": "bool",
}  # fmt: skip
_OPAQUE = frozenset({"abstractmethod", "overload", "contextmanager", "asynccontextmanager", "fixture", "hookimpl"})


def decided(slot: Slot, uses: FunctionUses) -> str:
    """The type that a rule gives the slot; "" where none applies.

    A bool default means bool (97 % of 46,000 annotated parameters). A function without a value to return returns
    None, unless its body is a stub for others to fill.
    """
    if slot.kind == "parameter":
        return "bool" if slot.default in ("True", "False") and not slot.stars else ""
    if slot.kind != "return":
        return ""
    tokens = {use.token for use in uses.returns}
    if slot.name in _DUNDERS and "stub body" not in tokens:
        return _DUNDERS[slot.name]
    opaque = any(f"@{word}" in tokens for word in _OPAQUE)
    if "nothing returned" in tokens and not opaque and "stub body" not in tokens and "raises" not in tokens:
        return "None"
    plain = {token for token in tokens if token.startswith(("ret:", "yield"))}
    if plain and plain <= {"ret:bare", "ret:None"} and not opaque:
        return "None"
    return ""


def sentences(slot: Slot, uses: FunctionUses, guesses: Sequence[str], sites: Sequence[CallSite]) -> tuple[Evidence, ...]:
    """What is seen of the value, for a person: at most six sentences, the strongest first."""
    used = uses.returns if slot.kind == "return" else uses.parameters.get(slot.name, [])
    found: list[Evidence] = []
    for use in used:
        if use.token.startswith(("isinstance:", "issubclass:")):
            found.append(Evidence(f"tested with isinstance for {use.detail}", use.line0))
        elif use.token.startswith("doc:"):
            found.append(Evidence(f"the docstring says {use.detail}", use.line0))
    attributes = uses.attributes(slot.name) if slot.kind != "return" else {}
    if attributes:
        shown = ", ".join(f".{name}" for name in list(attributes)[:4]) + (", …" if len(attributes) > 4 else "")
        found.append(Evidence(f"{shown} {'is' if len(attributes) == 1 else 'are'} used", min(attributes.values())))
    if guesses:
        found.append(Evidence(f"analysis sees {' or '.join(guesses[:3])}"))
    for site in list({site.shape: site for site in sites if not site.shape.startswith(("name", "attr", "?"))}.values())[:2]:
        what = site.told + "(…)" if site.shape.startswith("call:") else site.shape
        found.append(Evidence(f"called with {what}", site.line0, site.path))
    if slot.default:
        found.append(Evidence(f"the default is {slot.default[:30]}", slot.line0))
    found += [Evidence(said, use.line0) for use in used if (said := _plainly(use))]
    return tuple(dict.fromkeys(found))[:6]


def _plainly(use: Use) -> str:
    verb, _, rest = use.token.partition(":")
    if verb == "getitem":
        return f"indexed with {_article(rest)}" if rest in ("str", "int", "slice") else ""
    if verb.startswith("iter"):
        return "iterated over"
    if use.token == "call()":
        return "called"
    if use.token == "await":
        return "awaited"
    if verb == "arg" and use.detail:
        return f"passed to {use.detail}()"
    if verb == "ret" and rest and not rest.startswith(("=", "?", "name")):
        return f"returns {rest.replace('call:', 'what is made by ').replace('attr:', 'the attribute ')}"
    return ""


def _article(kind: str) -> str:
    return {"int": "an int", "str": "a str"}.get(kind, f"a {kind}")
