"""Reading what a language server answers. Anything may be missing, of the wrong type, or untrue; nothing here raises."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from .analysis import Kind, Member, Parameter, ParameterKind
from .languages import Language

_KINDS: dict[int, Kind] = {
    2: "method", 3: "function", 4: "method", 5: "field", 6: "variable", 7: "class", 8: "class", 9: "module",
    10: "property", 12: "constant", 13: "class", 14: "keyword", 20: "enum_member", 21: "constant", 22: "class",
    23: "field", 24: "function", 25: "class",
}  # fmt: skip
_WORD, _KEYWORD, _SNIPPET = 1, 14, 15
_DETAIL = 120
_ACCESSOR = re.compile(r"(?:[?!]?\.|->|::)")
_MAY_FOLLOW = "(<[{!?:;,=$… \t\n"
"""What may stand behind the name in an item's text or label; `a-b` is no name with something behind it."""

_ABSENT = re.compile(
    r"no member|does not exist|cannot access attribute|not a known (?:attribute|member) of module|"
    r"no (?:\w+ )?(?:attribute|field|method|property)|has no |undefined|undeclared|unresolved|"
    r"not (?:found|defined)|can(?:not|'t) (?:find|be resolved)|does not contain a definition",
    re.IGNORECASE,
)
"""How servers say that a name does not exist: clangd, tsserver, pyright, rust-analyzer, gopls, jdtls, OmniSharp."""

_NO_PARAMETER = re.compile(r"no parameter named|unexpected keyword", re.IGNORECASE)
_PARAMETER = re.compile(r"(\*{0,2})(\w*)")
_QUOTED = re.compile(r"'([^'\n]+)'|\"([^\"\n]+)\"|‘([^’\n]+)’|`([^`\n]+)`")
_FENCE = re.compile(r"^```[^\n]*\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
_SPOKEN: dict[str, Kind] = {
    "method": "method", "function": "function", "class": "class", "struct": "class", "interface": "class",
    "property": "property", "field": "field", "variable": "variable", "const": "constant", "constant": "constant",
    "parameter": "parameter", "module": "module", "namespace": "module", "enum": "class", "let": "variable",
}  # fmt: skip


@dataclass(frozen=True)
class Listed:
    """A completion list, as far as it can be believed."""

    members: tuple[Member, ...] = ()
    extra_names: frozenset[str] = frozenset()
    """Keywords: legal (`future.await` in Rust), but nothing to list."""
    complete: bool = False
    words: bool = False
    """There were words of the text in it: the server does not know what the receiver is."""


def listed(result: Any, language: Language) -> Listed:
    """The names of a completion list, in the server's order, each once."""
    items = result.get("items") if isinstance(result, dict) else result
    if not isinstance(items, list):
        return Listed()
    found: dict[str, Member] = {}
    keywords: set[str] = set()
    words = False
    for item in sorted(dicts(items), key=lambda item: string(item.get("sortText")) or string(item.get("label"))):
        kind = item.get("kind")
        if kind == _WORD:
            words = True
            continue
        name = name_of(item, language)
        # What needs another edit (an import, `.` turned into `->`) is not right as it stands.
        if not name or kind == _SNIPPET or item.get("additionalTextEdits"):
            continue
        if kind == _KEYWORD:
            keywords.add(name)
        elif name not in found:
            found[name] = Member(name, _KINDS.get(kind, "text") if isinstance(kind, int) else "text", _detail(item))
    incomplete = isinstance(result, dict) and bool(result.get("isIncomplete"))
    return Listed(tuple(found.values()), frozenset(keywords) - found.keys(), not incomplete, words)


def name_of(item: dict[str, Any], language: Language) -> str:
    """The identifier an item writes; empty if it writes something else.

    Labels are for people: ` push_back(const T &x)`, `•size()`, `drain(…)`, `to_owned() (as ToOwned)`, `name?`. What is
    inserted goes before: `?.name` and `.name` where the accessor is replaced, `["not-a-name"]`, a snippet.
    """
    edit = item.get("textEdit")
    text = string(edit.get("newText")) if isinstance(edit, dict) else ""
    text = text or string(item.get("insertText")) or string(item.get("label"))
    text = text.lstrip(" \t•")
    accessor = _ACCESSOR.match(text)
    text = text[accessor.end():] if accessor else text
    end = 0
    while end < len(text) and language.continues_name(text[end]) and not text.startswith("${", end):
        end += 1
    name = text[:end]
    if not language.is_name(name) or (end < len(text) and text[end] not in _MAY_FOLLOW):
        return ""
    return name


def _detail(item: dict[str, Any]) -> str:
    details = item.get("labelDetails")
    told = string(item.get("detail"))
    if not told and isinstance(details, dict):
        told = string(details.get("description")) or string(details.get("detail"))
    return told.strip().partition("\n")[0][:_DETAIL]


def refutation(diagnostics: Any, name: str, parameter: bool = False) -> str | None:
    """The message of the error that says that `name`, which was made up, does not exist; None if there is none.

    `parameter`: that there is no such parameter.

    Other errors about it do not count: pyright can be told to call it an error that its type is unknown.
    """
    for diagnostic in dicts(diagnostics):
        message = string(diagnostic.get("message"))
        said = _NO_PARAMETER if parameter else _ABSENT
        if diagnostic.get("severity", 1) == 1 and name in message and said.search(message):
            return message
    return None


def receiver_in(message: str, name: str) -> str:
    """The type that a refutation of `name` speaks of, if it quotes one."""
    quoted = ("".join(groups) for groups in _QUOTED.findall(message.partition("\n")[0]))
    return next((text[:_DETAIL] for text in quoted if text != name), "")


def overloads(result: Any) -> tuple[tuple[Parameter, ...], ...]:
    """The parameters of each signature of a signature help, written as Python writes them."""
    found = []
    for signature in dicts(result.get("signatures") if isinstance(result, dict) else None):
        whole = string(signature.get("label"))
        labels = (_parameter_label(parameter.get("label"), whole) for parameter in dicts(signature.get("parameters")))
        found.append(_parameters(labels))
    return tuple(found)


def _parameters(labels: Iterable[str]) -> tuple[Parameter, ...]:
    found: list[Parameter] = []
    kind: ParameterKind = "either"
    for label in labels:
        match = _PARAMETER.match(label)
        stars, name = match.groups() if match is not None else ("", "")
        if label == "/":
            found = [replace(one, kind="positional") if one.kind == "either" else one for one in found]
        elif stars == "**":
            found.append(Parameter(name, "kwargs"))
        elif label == "*":
            kind = "keyword"
        elif stars or label == "...":  # pyright's word for `*args` that it has no room for
            found.append(Parameter(name, "args"))
            kind = "keyword"
        elif name:
            found.append(Parameter(name, kind, required="=" not in label))
    return tuple(found)


def _parameter_label(label: Any, whole: str) -> str:
    """A parameter's text: given as it is, or by its place in the signature's label, in UTF-16 units."""
    if isinstance(label, list) and len(label) == 2 and all(isinstance(one, int) for one in label):
        units = whole.encode("utf-16-le", "replace")
        return units[2 * max(0, label[0]):2 * max(0, label[1])].decode("utf-16-le", "replace")
    return string(label)


def hovered(result: Any) -> tuple[str, str, Kind]:
    """Of a hover: the code in it, the text in it, and what it seems to be about."""
    text = _hover_text(result.get("contents") if isinstance(result, dict) else None).replace("\r\n", "\n")
    code = _FENCE.search(text)
    signature = code.group(1) if code else ""
    rest = text[:code.start()] + text[code.end():] if code else text
    if not code and "\n" not in text.strip():
        signature, rest = text, ""
    lines = [line for line in signature.splitlines() if not line.startswith("// In ")]  # clangd's
    told = [line.rstrip() for line in rest.splitlines() if line.strip() != "---" and not line.startswith("### ")]
    spoken = (word for word in re.findall(r"[a-z]+", text[:80]) if word in _SPOKEN)
    return "\n".join(lines).strip(), "\n".join(told).strip(), _SPOKEN.get(next(spoken, ""), "text")


def item_named(result: Any, name: str, language: Language) -> tuple[str, str]:
    """Signature and documentation of the item of a completion list that writes `name`, as far as the list has them."""
    items = result.get("items") if isinstance(result, dict) else result
    for item in dicts(items):
        if name_of(item, language) == name:
            details = item.get("labelDetails")
            behind = string(details.get("detail")) if isinstance(details, dict) else ""
            label = string(item.get("label")).strip(" •") + behind
            return f"{_detail(item)} {label}".strip(), _hover_text(item.get("documentation")).strip()
    return "", ""


def _hover_text(contents: Any) -> str:
    if isinstance(contents, list):
        return "\n\n".join(_hover_text(part) for part in contents)
    if isinstance(contents, dict):
        value = string(contents.get("value"))
        # A MarkedString: code in a language.
        return f"```\n{value}\n```" if "language" in contents else value
    return string(contents)


def dicts(value: Any) -> Iterator[dict[str, Any]]:
    """The objects of a list; nothing if it is none."""
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))


def string(value: Any) -> str:
    """`value` if it is a string."""
    return value if isinstance(value, str) else ""
