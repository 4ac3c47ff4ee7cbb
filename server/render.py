"""From what we know to what an editor shows: list items, ghost text, hover. Plain JSON where there may be hundreds."""

from __future__ import annotations

import re
from typing import Any

from lsprotocol import types

from ..monitors.analysis import Description
from .listing import Entry
from .session import Ghost, List

_KINDS = {
    "module": types.CompletionItemKind.Module,
    "class": types.CompletionItemKind.Class,
    "function": types.CompletionItemKind.Function,
    "method": types.CompletionItemKind.Method,
    "property": types.CompletionItemKind.Property,
    "variable": types.CompletionItemKind.Variable,
    "field": types.CompletionItemKind.Field,
    "parameter": types.CompletionItemKind.Variable,
    "keyword": types.CompletionItemKind.Keyword,
    "enum_member": types.CompletionItemKind.EnumMember,
    "constant": types.CompletionItemKind.Constant,
    "text": types.CompletionItemKind.Text,
}

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)

LONGEST = 20_000
"""Characters of a signature or of documentation that are shown: nobody scrolls further, and an editor renders all of them."""

PRESELECT = 0.5
"""From this probability on the first item is preselected."""


def item(made: List, entry: Entry, rank: int, edit_range: dict[str, Any]) -> dict[str, Any]:
    """One line of the list. The sort text is the rank, so that every client keeps our order."""
    member = entry.member
    rendered: dict[str, Any] = {
        "label": member.name,
        "kind": int(_KINDS[member.kind]),
        "sortText": f"{rank:05}",
        "filterText": member.name,
        "textEdit": {"range": edit_range, "newText": member.name},
        "data": {"list": made.id, "name": member.name},
    }
    if member.detail:
        rendered["labelDetails"] = {"description": member.detail}
    if rank == 0 and (entry.probability or 0.0) >= PRESELECT:
        rendered["preselect"] = True
    return rendered


def ghost_item(ghost: Ghost, typed: str, edit_range: dict[str, Any]) -> dict[str, Any]:
    """Ghost text as the first item of the list, for clients that cannot show it as ghost text."""
    first, *rest = ghost.text.split("\n")
    return {
        "label": typed + first + (" …" if rest else ""),
        "labelDetails": {"description": "fairlead"},
        "kind": int(types.CompletionItemKind.Text),
        "sortText": "00000!",
        "filterText": typed + first,
        "textEdit": {"range": edit_range, "newText": typed + ghost.text},
        "command": _command(ghost),
    }


def inline_item(ghost: Ghost, chosen: str, edit_range: dict[str, Any]) -> dict[str, Any]:
    """One ghost text; `chosen` is the list item it continues, which stands in `edit_range` once it is taken."""
    return {"insertText": chosen + ghost.text, "range": edit_range, "command": _command(ghost)}


def markup(found: Description | None, markdown: bool, believed: str = "") -> types.MarkupContent:
    """Signature, what is believed of it, and documentation, apart from each other.

    What authors wrote is shown as it stands, never rendered: no links, no images.
    """
    signature, documentation = ("", "") if found is None else (plain(_cut(found.signature)), plain(_cut(found.documentation)))
    believed = plain(believed)
    if not markdown:
        parts = [signature, believed, documentation]
        return types.MarkupContent(types.MarkupKind.PlainText, "\n\n".join(filter(None, parts)))
    parts = []
    if signature:
        parts.append(fenced(signature, "python"))
    if believed:
        parts.append(fenced(believed, "text"))
    if documentation:
        parts.append(fenced(documentation, "text"))
    return types.MarkupContent(types.MarkupKind.Markdown, "\n\n---\n\n".join(parts))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}\n…"


def fenced(text: str, language: str) -> str:
    """`text` in a code fence that nothing in it can close."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def plain(text: str) -> str:
    """What authors wrote, with each character that would reorder, hide or overwrite text as its escape (`\\u202e`)."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text.replace("\r\n", "\n")).strip()


def message(text: str, limit: int = 500) -> str:
    """One line for a pop-up. VS Code makes links of Markdown in them, and `command:` links run commands."""
    line = " ".join(plain(text).replace("](", "] (").split())
    return line if len(line) <= limit else line[: limit - 2] + " …"


def plain_range(lsp_range: types.Range) -> dict[str, Any]:
    """A range as JSON."""
    return {
        "start": {"line": lsp_range.start.line, "character": lsp_range.start.character},
        "end": {"line": lsp_range.end.line, "character": lsp_range.end.character},
    }


def _command(ghost: Ghost) -> dict[str, Any]:
    return {"title": "", "command": "fairlead.accepted", "arguments": [ghost.shown.id]}
