"""What writing a type takes, for hints, actions and lists: edits in the client's terms, and what was offered, by number.

Edits come from `monitors.annotating`, which makes none that it cannot prove.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import Any

from lsprotocol import types

from ..monitors.analysis import Document
from ..monitors.annotating import Annotated, Wish, annotate, spelled
from ..monitors.slots import Inferred
from ..monitors.spelling import Spelling, Version
from .claims import Claim
from .protocol import FairleadServer
from .python_version import oldest_python
from .session import Session

KEPT = 512
"""Hints and actions whose details can still be asked for."""


@dataclass(frozen=True)
class Offered:
    """What stands behind a hint or an action whose details are asked for later."""

    uri: str
    document: Document
    wishes: tuple[Wish, ...]
    inferred: Inferred | None = None
    preview: bool = False


class TypeWriting:
    """Makes edits for one client, and remembers what was offered to it."""

    def __init__(self, server: FairleadServer, session: Session) -> None:
        self._server = server
        self._session = session
        self._ids = count(1)
        self._offered: OrderedDict[int, Offered] = OrderedDict()

    async def spellings(self, document: Document, wanted: Sequence[Claim]) -> list[Spelling]:
        """How each type would be written, without the proof."""
        wishes = tuple(map(wish, wanted))
        return await self._session.types.run(_spelled_each, document, wishes, self._version(document))

    async def annotated(self, document: Document, wishes: tuple[Wish, ...]) -> Annotated:
        """The proven edits that write the types together."""
        return await self._session.types.run(_annotated, document, wishes, self._version(document))

    async def annotated_each(self, document: Document, wanted: Sequence[Claim]) -> list[Annotated]:
        """The proven edits that write each of the types alone."""
        wishes = tuple(map(wish, wanted))
        return await self._session.types.run(_annotated_each, document, wishes, self._version(document))

    def text_edits(self, uri: str, annotated: Annotated) -> list[types.TextEdit]:
        """The edits in the client's positions."""
        return [types.TextEdit(self._server.lsp_range(uri, one.start, one.end), one.new_text) for one in annotated.edits]

    def workspace_edit(self, uri: str, annotated: Annotated, preview: bool) -> types.WorkspaceEdit:
        """The edits as an edit of the workspace: of this version only, and to be looked at before, if the client can."""
        edits = self.text_edits(uri, annotated)
        opened = self._server.documents.get(uri)
        if not self._server.client_supports("workspace.workspace_edit.document_changes") or opened is None:
            return types.WorkspaceEdit(changes={uri: edits})
        identifier = types.OptionalVersionedTextDocumentIdentifier(uri, opened.version)
        if preview and self._server.client_supports("workspace.workspace_edit.change_annotation_support"):
            marked: list[Any] = [types.AnnotatedTextEdit("types", edit.range, edit.new_text) for edit in edits]
            note = types.ChangeAnnotation("Types that fairlead has inferred", needs_confirmation=True)
            return types.WorkspaceEdit(
                document_changes=[types.TextDocumentEdit(identifier, marked)], change_annotations={"types": note}
            )
        return types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(identifier, list(edits))])

    def offer(self, offered: Offered) -> dict[str, int]:
        """The data by which the client asks for the details of what it is offered."""
        number = next(self._ids)
        self._offered[number] = offered
        while len(self._offered) > KEPT:
            self._offered.popitem(last=False)
        return {"fairlead": number}

    def offered(self, data: object) -> Offered | None:
        """What was offered with such data; None for what is none of ours, or too long ago."""
        number = data.get("fairlead") if isinstance(data, dict) else None
        return self._offered.get(number) if isinstance(number, int) else None

    def stands(self, offered: Offered) -> bool:
        """Whether the document has the text for which it was offered, still or again."""
        now = self._server.documents.snapshot(offered.uri)
        return now is not None and now.text == offered.document.text

    def _version(self, document: Document) -> Version:
        settings = self._session.settings
        return _oldest(document.root, settings.project_python, settings.types_python)


def wish(claim: Claim) -> Wish:
    """The claim's type, to be written at its slot."""
    return Wish(claim.slot, claim.text, claim.imports)


@lru_cache(64)
def _oldest(root: str, project_python: str, setting: str) -> Version:
    return oldest_python(root, project_python, setting)


@lru_cache(32)
def _annotated(document: Document, wishes: tuple[Wish, ...], version: Version) -> Annotated:
    return annotate(document, wishes, version)


def _annotated_each(document: Document, wishes: tuple[Wish, ...], version: Version) -> list[Annotated]:
    return [_annotated(document, (one,), version) for one in wishes]


def _spelled_each(document: Document, wishes: tuple[Wish, ...], version: Version) -> list[Spelling]:
    return [spelled(document, one, version) for one in wishes]
