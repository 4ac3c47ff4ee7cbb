"""Types for editors: hover, inlay hints, and completion where an annotation is written.

What is said comes from `claims`, what is known from `session.types`, what is written from `type_writing`; code actions
are in `type_actions`. Cells of a notebook are only hovered over: an import does not belong into a cell.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from lsprotocol import types

from ..monitors.analysis import Document
from ..monitors.slots import Inferred
from ..monitors.spelling import Spelling
from . import claims
from .claims import Claim
from .documents import path_of
from .protocol import FairleadServer
from .render import fenced, plain_range
from .session import Session
from .settings import Settings
from .slot_search import after_colon, slot_at
from .type_actions import TypeActions
from .type_writing import Offered, TypeWriting, wish

REFRESH_INTERVAL_S = 0.5
"""Least time between two requests to ask for hints anew."""

HOVER_PATIENCE_S = 1.0
"""How long a hover waits for a type that is not known yet; the static line is not kept back for it any longer."""

LIST_LENGTH = 12
"""Types listed where one is written."""


class TypeFeatures:
    """The handlers. `beginning` is awaited before the settings are used."""

    def __init__(self, server: FairleadServer, session: Session, beginning: Callable[[], Any]) -> None:
        self.server = server
        self.session = session
        self._beginning = beginning
        self._writing = TypeWriting(server, session)
        self._actions = TypeActions(server, session, self._writing, beginning, self._document)
        self._refresh: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    def register(self, feature: Callable[..., None]) -> None:
        """Tell the server what can be asked."""
        feature(types.TEXT_DOCUMENT_INLAY_HINT, self._inlay_hints)
        feature(types.INLAY_HINT_RESOLVE, self._resolve_hint)
        self._actions.register(feature)
        documents = self.server.documents
        documents.on_open.append(partial(self._tell, self.session.types.opened))
        documents.on_save.append(partial(self._tell, self.session.types.saved))
        documents.on_change.append(self._edited)

    def open_all(self) -> None:
        """Infer what is open: the session has begun, or was told to use another analysis."""
        for uri in self.server.documents.uris:
            self._tell(self.session.types.opened, uri)

    def types_changed(self, _path: str) -> None:
        """More is known of a document: let the editor ask anew, soon, and not too often."""
        if self._refresh is None and self._is_told_later:
            self._refresh = asyncio.get_running_loop().call_later(REFRESH_INTERVAL_S, self._send_refresh)

    # Hover.

    async def explain(self, document: Document, offset: int) -> str:
        """What is inferred and predicted of the name at an offset, in plain lines; empty where that is nothing."""
        types_of = self.session.types
        if not types_of.on:
            return ""
        slot = await types_of.run(slot_at, document.text, offset)
        if slot is None:
            return ""
        asked = types_of.of(document, [slot], self.session.settings.analysis_budget_ms)
        try:
            found = await asyncio.wait_for(asked, HOVER_PATIENCE_S)
        except TimeoutError:
            return ""
        return claims.explanation(found[0]) if found else ""

    # Inlay hints.

    async def _inlay_hints(self, params: types.InlayHintParams) -> list[types.InlayHint] | None:
        uri = params.text_document.uri
        await self._beginning()
        settings = self.session.settings
        document = self._document(uri)
        if document is None or not (settings.enabled and settings.hints_enabled and self.session.types.on):
            return None
        begin, end = (self.server.offset(uri, place) for place in (params.range.start, params.range.end))
        self.session.types.shown(document.path, begin, end)
        if not self._is_told_later:
            await self._settled(document)
        known = await self.session.types.known(document)
        if not self.server.documents.is_current(uri, document):
            return None
        near = [one for one in known if begin <= one.slot.insert_at <= end]
        wanted = await self.session.types.run(_hinted, near, settings, document.text)
        made = await self._writing.spellings(document, [claim for _, claim in wanted])
        if not self.server.documents.is_current(uri, document):
            return None
        lazy = self.server.client_takes("text_document.inlay_hint.resolve_support.properties", "textEdits")
        hints = []
        for (one, claim), spelling in zip(wanted, made, strict=True):
            if spelling.reason:
                continue  # a hint is code that could stand there
            hint, offered = self._hint(uri, document, one, claim, spelling)
            if not lazy:
                hint.text_edits = await self._edits_of(offered)
            hints.append(hint)
        return hints

    def _hint(
        self, uri: str, document: Document, one: Inferred, claim: Claim, spelling: Spelling
    ) -> tuple[types.InlayHint, Offered]:
        slot = claim.slot
        text = claims.label(claim, spelling.text)
        longest = self.session.settings.hints_max_length
        whole = len(text) <= longest
        wishes = (wish(claim),) if whole else ()
        offered = Offered(uri, document, wishes, one)
        return types.InlayHint(
            types.Position(*self.server.documents.position(uri, slot.insert_at)),
            text if whole else text[:longest - 1] + "…",
            types.InlayHintKind.Type,
            padding_left=slot.kind == "return",
            data=self._writing.offer(offered),
        ), offered

    async def _resolve_hint(self, hint: types.InlayHint) -> types.InlayHint:
        offered = self._writing.offered(hint.data)
        if offered is None:
            return hint
        if offered.inferred is not None:
            text = claims.explanation(offered.inferred)
            # A client does not say what tooltips may be; those that show hovers as Markdown take both.
            markdown = self.server.client_takes("text_document.hover.content_format", types.MarkupKind.Markdown)
            hint.tooltip = types.MarkupContent(types.MarkupKind.Markdown, fenced(text, "text")) if markdown else text
        if hint.text_edits is None:
            hint.text_edits = await self._edits_of(offered)
        return hint

    async def _edits_of(self, offered: Offered) -> list[types.TextEdit] | None:
        """What accepting a hint writes; None for nothing, or where the text is another by now."""
        if not offered.wishes or not self._writing.stands(offered):
            return None
        made = await self._writing.annotated(offered.document, offered.wishes)
        return (self._writing.text_edits(offered.uri, made) or None) if self._writing.stands(offered) else None

    # Completion.

    async def list_types(
        self, document: Document, offset: int, range_from: Callable[[int], dict[str, Any]]
    ) -> list[Any] | None:
        """The items for a place where a type is being written; None where it is none."""
        if not self.session.types.on:
            return None
        place = await self.session.types.run(after_colon, document.text, offset)
        if place is None:
            return None
        without, slot, begin = place
        shadow = Document(document.path, without, document.version, document.root)
        found = await self.session.types.of(shadow, [slot], self.session.settings.analysis_budget_ms)
        ranked = (await self.session.types.run(claims.candidates, found[0], without))[:LIST_LENGTH] if found else []
        spellings = await self._writing.spellings(shadow, ranked)
        made = await self._writing.annotated_each(shadow, ranked)
        uri = next((uri for uri in self.server.documents.uris if path_of(uri) == document.path), "")
        items = []
        space = "" if document.text[begin - 1:begin] in (" ", "\t") else " "
        typed = document.text[begin:offset]
        for rank, (claim, spelling, annotated) in enumerate(zip(ranked, spellings, made, strict=True)):
            imports = [edit for edit in annotated.edits if edit.end < slot.insert_at and edit.new_text]
            if not annotated.edits or not spelling.text.startswith(typed) or not uri:
                continue
            chance = claims.percent(claim.probability) if claim.guess else "inferred"
            item: dict[str, Any] = {
                "label": spelling.text, "kind": int(types.CompletionItemKind.TypeParameter), "sortText": f"!{rank:02}",
                "filterText": space + spelling.text, "labelDetails": {"description": chance},
                "textEdit": {"range": range_from(begin), "newText": space + spelling.text},
            }  # fmt: skip
            if imports:
                item["additionalTextEdits"] = [
                    {"range": plain_range(self.server.lsp_range(uri, edit.start, edit.end)), "newText": edit.new_text}
                    for edit in imports
                ]
            items.append(item)
        return items

    # Inside.

    def _document(self, uri: str) -> Document | None:
        """The document, where types are for it and it is in step."""
        return self.server.documents.snapshot(uri) if self._is_for_types(uri) else None

    def _is_for_types(self, uri: str) -> bool:
        """Whether a document is Python, and no cell of a notebook."""
        opened = self.server.documents.get(uri)
        return opened is not None and opened.language == "python" and not opened.notebook

    def _tell(self, listener: Callable[[Document], None], uri: str) -> None:
        document = self._document(uri) if self.session.types.on else None
        if document is not None:
            listener(document)

    def _edited(self, uri: str) -> None:
        if self.session.types.on and self._is_for_types(uri):
            idle_s = self.session.settings.types_idle_ms / 1000
            self.session.types.idle(path_of(uri), idle_s, lambda: self._document(uri))

    @property
    def _is_told_later(self) -> bool:
        """Whether the client can be asked to ask for hints anew."""
        return self.server.client_supports("workspace.inlay_hint.refresh_support")

    async def _settled(self, document: Document) -> None:
        """Wait, within the budget, for what is being inferred: a client that cannot be told later is told now."""
        until = asyncio.get_running_loop().time() + self.session.settings.analysis_budget_ms / 1000
        while self.session.types.busy(document.path) and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(0.05)

    def _send_refresh(self) -> None:
        self._refresh = None
        task = asyncio.get_running_loop().create_task(self._ask_refresh())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ask_refresh(self) -> None:
        try:
            await self.server.workspace_inlay_hint_refresh_async(None)
        except Exception:  # a client that refuses asks again when it likes
            return


def _hinted(known: Sequence[Inferred], settings: Settings, text: str) -> list[tuple[Inferred, Claim]]:
    return [(one, claim) for one in known if (claim := claims.hinted(one, settings, text))]


def is_type_mark(character: str | None) -> bool:
    """Whether a list was asked for by typing what may stand before a type."""
    return character in (":", ">", " ")
