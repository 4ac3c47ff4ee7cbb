"""Types for editors: hover, inlay hints, code actions, and completion where an annotation is written.

What is said comes from `claims`, what is known from `session.types`; edits come from `monitors.annotating`, which
makes none that it cannot prove. Cells of a notebook are only hovered over: an import does not belong into a cell.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from itertools import count
from typing import Any

from lsprotocol import types

from ..monitors.analysis import Document
from ..monitors.annotating import Annotated, Wish, annotate, spelled
from ..monitors.import_lines import Edit
from ..monitors.slot_places import slots
from ..monitors.slots import Inferred, Slot
from ..monitors.spelling import Spelling, Version
from . import claims
from .claims import Claim
from .documents import path_of
from .protocol import FairleadServer
from .python_version import oldest_python
from .render import fenced
from .session import Session
from .slot_search import after_colon, function_at, slot_at

KIND = "refactor.rewrite.fairlead"
REFRESH_INTERVAL_S = 0.5
"""Least time between two requests to ask for hints anew."""

HOVER_PATIENCE_S = 1.0
"""How long a hover waits for a type that is not known yet; the static line is not kept back for it any longer."""

ALTERNATIVES = 4
"""Candidates offered as actions, the best included."""

KEPT = 512
"""Hints and actions whose details can still be asked for."""


class TypeFeatures:
    """The handlers. `beginning` is awaited before the settings are used."""

    def __init__(self, server: FairleadServer, session: Session, beginning: Callable[[], Any]) -> None:
        self.server = server
        self.session = session
        self._beginning = beginning
        self._ids = count(1)
        self._offered: OrderedDict[int, tuple[Document, tuple[Wish, ...], Inferred | None]] = OrderedDict()
        self._refresh: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    def register(self, feature: Callable[..., None]) -> None:
        """Tell the server what can be asked."""
        feature(types.TEXT_DOCUMENT_INLAY_HINT, self._inlay_hints)
        feature(types.INLAY_HINT_RESOLVE, self._resolve_hint)
        options = types.CodeActionOptions(code_action_kinds=[KIND], resolve_provider=True)
        feature(types.TEXT_DOCUMENT_CODE_ACTION, self._code_actions, options)
        feature(types.CODE_ACTION_RESOLVE, self._resolve_action)
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
        if self._refresh is None and self.server.client_supports("workspace.inlay_hint.refresh_support"):
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
        if not self.server.client_supports("workspace.inlay_hint.refresh_support"):
            await self._settled(document)
        known = await self.session.types.known(document)
        if not self.server.documents.is_current(uri, document):
            return None
        wanted = [
            (one, claim) for one in known
            if begin <= one.slot.insert_at <= end and (claim := claims.hinted(one, settings, document.text))
        ]  # fmt: skip
        version = self._version(document)
        made = await self.session.types.run(_spelled_all, document, tuple(claim for _, claim in wanted), version)
        if not self.server.documents.is_current(uri, document):
            return None
        return [
            self._hint(uri, document, one, claim, spelling) for (one, claim), spelling in zip(wanted, made, strict=True)
        ]

    def _hint(self, uri: str, document: Document, one: Inferred, claim: Claim, spelling: Spelling) -> types.InlayHint:
        slot = claim.slot
        text = claims.label(claim, spelling.text or claim.text)
        longest = self.session.settings.hints_max_length
        whole = len(text) <= longest
        wishes = (_wish(claim),) if whole and not spelling.reason else ()
        number = self._offer(document, wishes, one)
        hint = types.InlayHint(
            types.Position(*self.server.documents.position(uri, slot.insert_at)),
            text if whole else text[:longest - 1] + "…",
            types.InlayHintKind.Type,
            padding_left=slot.kind == "return",
            data={"fairlead": number, "uri": uri},
        )
        lazy = self._resolves("text_document.inlay_hint.resolve_support", "textEdits")
        if wishes and not lazy:
            hint.text_edits = self._text_edits(uri, annotate(document, wishes, self._version(document)))
        return hint

    async def _resolve_hint(self, hint: types.InlayHint) -> types.InlayHint:
        offered = self._offered_by(hint.data)
        if offered is None:
            return hint
        uri, document, wishes, inferred = offered
        if inferred is not None:
            text = claims.explanation(inferred)
            if self._markdown("text_document.inlay_hint"):
                hint.tooltip = types.MarkupContent(types.MarkupKind.Markdown, fenced(text, "text"))
            else:
                hint.tooltip = text
        if wishes and hint.text_edits is None and self.server.documents.is_current(uri, document):
            made = await self.session.types.run(annotate, document, wishes, self._version(document))
            if self.server.documents.is_current(uri, document):
                hint.text_edits = self._text_edits(uri, made)
        return hint

    # Code actions.

    async def _code_actions(self, params: types.CodeActionParams) -> list[types.CodeAction] | None:
        uri, only = params.text_document.uri, params.context.only
        await self._beginning()
        document = self._document(uri)
        if document is None or not self.session.settings.enabled or not self.session.types.on:
            return None
        if only is not None and not any(kind == KIND or KIND.startswith(f"{_value(kind)}.") for kind in only):
            return None
        offset = self.server.offset(uri, params.range.start)
        if params.context.trigger_kind == types.CodeActionTriggerKind.Automatic:
            actions = await self._known_actions(document, offset, uri)
        else:
            actions = await self._actions(document, offset, uri)
        return actions if self.server.documents.is_current(uri, document) else None

    async def _known_actions(self, document: Document, offset: int, uri: str) -> list[types.CodeAction]:
        """The actions for a slot whose type is known. Editors ask so wherever the cursor goes: nothing is inferred for it."""
        if self.session.types.typing or not self._resolves("text_document.code_action.resolve_support", "edit"):
            return []
        here = await self.session.types.run(slot_at, document.text, offset)
        one = next((one for one in await self.session.types.known(document) if one.slot == here), None)
        if one is None or not one.slot.legal:
            return []
        offered = [(claim, _wish(claim)) for claim in claims.candidates(one)[:ALTERNATIVES]]
        made = await self.session.types.run(
            _spelled_all, document, tuple(claim for claim, _ in offered), self._version(document)
        )
        return [
            self._action(uri, document, _title(claim), (wish,), None, claim.guess)
            for (claim, wish), spelling in zip(offered, made, strict=True) if not spelling.reason
        ]  # fmt: skip

    async def _actions(self, document: Document, offset: int, uri: str) -> list[types.CodeAction]:
        session, text = self.session, document.text
        least = session.settings.hints_min_probability
        found = await session.types.run(_slots_of, text)
        here = await session.types.run(slot_at, text, offset)
        function = await session.types.run(function_at, text, offset)
        nearby = [slot for slot in found if slot.function_start == function and slot.kind in ("parameter", "return")]
        wanted = list(dict.fromkeys([*([here] if here else []), *(nearby if function is not None else [])]))
        inferred = {one.slot: one for one in await session.types.of(document, wanted, session.settings.analysis_budget_ms)}
        offers: list[tuple[str, tuple[Wish, ...], bool]] = []
        if here is not None and here.legal and here in inferred:
            best = claims.candidates(inferred[here])[:ALTERNATIVES]
            offers += [(_title(claim), (_wish(claim),), claim.guess) for claim in best]
        signature = self._sure([inferred[slot] for slot in nearby if slot in inferred], least)
        if len(signature) > 1 or (signature and here is None):
            name = nearby[0].function.rpartition(".")[2]
            guess = any(claim.guess for claim in signature)
            offers.append((f"Annotate the signature of {name}", tuple(map(_wish, signature)), guess))
        whole = self._sure(await session.types.known(document), least)
        version = self._version(document)
        made: list[types.CodeAction] = []
        lazy = self._resolves("text_document.code_action.resolve_support", "edit")
        for number, (title, wishes, guess) in enumerate(offers):
            if lazy and number and made and len(wishes) == 1:
                # The slot is proven by the first; another type for it is proven when it is asked for.
                spelling = await session.types.run(spelled, document, wishes[0], version)
                if not spelling.reason:
                    made.append(self._action(uri, document, title, wishes, None, guess))
                continue
            annotated = await session.types.run(_annotated, document, wishes, version)
            if annotated.edits:
                made.append(self._action(uri, document, title, wishes, annotated, guess))
        if len(whole) > 1:
            wishes = tuple(map(_wish, whole))
            annotated = await session.types.run(_annotated, document, wishes, version)
            written = len(wishes) - len(annotated.refused)
            if annotated.edits:
                title = f"Annotate this file ({written} {'types' if written != 1 else 'type'})"
                guess = any(claim.guess for claim in whole)
                made.append(self._action(uri, document, title, wishes, annotated, guess, preview=True))
        return made

    def _sure(self, known: Sequence[Inferred], least: float) -> list[Claim]:
        found = (claims.claim_of(one) for one in known if one.slot.legal and one.slot.kind in ("parameter", "return"))
        return [claim for claim in found if claim is not None and claims.is_sure(claim, least)]

    def _action(
        self, uri: str, document: Document, title: str, wishes: tuple[Wish, ...], annotated: Annotated | None,
        guess: bool, preview: bool = False,
    ) -> types.CodeAction:  # fmt: skip
        action = types.CodeAction(title, KIND)
        tags = self.server.client_supports("text_document.code_action.tag_support")
        if guess and tags:
            action.tags = [types.CodeActionTag.LlmGenerated]
        if annotated is None or self._resolves("text_document.code_action.resolve_support", "edit"):
            action.data = {"fairlead": self._offer(document, wishes, None), "uri": uri, "preview": preview}
        else:
            action.edit = self._workspace_edit(uri, annotated, preview)
        return action

    async def _resolve_action(self, action: types.CodeAction) -> types.CodeAction:
        offered = self._offered_by(action.data)
        if offered is not None:
            uri, document, wishes, _ = offered
            made = await self.session.types.run(_annotated, document, wishes, self._version(document))
            if made.edits and self.server.documents.is_current(uri, document):
                preview = isinstance(action.data, dict) and action.data.get("preview") is True
                action.edit = self._workspace_edit(uri, made, preview)
        return action

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
        ranked = claims.candidates(found[0])[:12] if found else []
        version = self._version(document)
        made = await self.session.types.run(_annotated_each, shadow, tuple(map(_wish, ranked)), version)
        uri = next((uri for uri in self.server.documents.uris if path_of(uri) == document.path), "")
        items = []
        space = "" if document.text[begin - 1:begin] in (" ", "\t") else " "
        typed = document.text[begin:offset]
        for rank, (claim, (spelling, annotated)) in enumerate(zip(ranked, made, strict=True)):
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
                item["additionalTextEdits"] = [_edit_json(self.server, uri, edit) for edit in imports]
            items.append(item)
        return items

    # Inside.

    def _document(self, uri: str) -> Document | None:
        """The document, where types are for it: Python, in step, and no cell of a notebook."""
        opened = self.server.documents.get(uri)
        if opened is None or opened.language != "python" or opened.notebook:
            return None
        return self.server.documents.snapshot(uri)

    def _tell(self, listener: Callable[[Document], None], uri: str) -> None:
        document = self._document(uri) if self.session.types.on else None
        if document is not None:
            listener(document)

    def _edited(self, uri: str) -> None:
        if self.session.types.on and self._document_is_python(uri):
            idle_s = self.session.settings.types_idle_ms / 1000
            self.session.types.idle(path_of(uri), idle_s, lambda: self._document(uri))

    def _document_is_python(self, uri: str) -> bool:
        opened = self.server.documents.get(uri)
        return opened is not None and opened.language == "python" and not opened.notebook

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

    def _version(self, document: Document) -> Version:
        settings = self.session.settings
        return _oldest(document.root, settings.project_python, settings.types_python)

    def _offer(self, document: Document, wishes: tuple[Wish, ...], inferred: Inferred | None) -> int:
        number = next(self._ids)
        self._offered[number] = document, wishes, inferred
        while len(self._offered) > KEPT:
            self._offered.popitem(last=False)
        return number

    def _offered_by(self, data: object) -> tuple[str, Document, tuple[Wish, ...], Inferred | None] | None:
        if not isinstance(data, dict) or not isinstance(data.get("uri"), str):
            return None
        number = data.get("fairlead")
        found = self._offered.get(number) if isinstance(number, int) else None
        return None if found is None else (data["uri"], *found)

    def _resolves(self, capability: str, name: str) -> bool:
        """Whether the client asks for this part only when it needs it."""
        value: Any = getattr(self.server.protocol, "client_capabilities", None)
        for part in (*capability.split("."), "properties"):
            value = getattr(value, part, None)
        return isinstance(value, (list, tuple)) and name in value

    def _markdown(self, _capability: str) -> bool:
        """Whether tooltips may be Markdown; a client does not say, and those that show hovers as Markdown take both."""
        value: Any = getattr(self.server.protocol, "client_capabilities", None)
        for part in ("text_document", "hover", "content_format"):
            value = getattr(value, part, None)
        return isinstance(value, (list, tuple)) and types.MarkupKind.Markdown in value

    def _text_edits(self, uri: str, annotated: Annotated) -> list[types.TextEdit] | None:
        edits = [types.TextEdit(self.server.lsp_range(uri, one.start, one.end), one.new_text) for one in annotated.edits]
        return edits or None

    def _workspace_edit(self, uri: str, annotated: Annotated, preview: bool) -> types.WorkspaceEdit:
        edits = self._text_edits(uri, annotated) or []
        opened = self.server.documents.get(uri)
        if not self.server.client_supports("workspace.workspace_edit.document_changes") or opened is None:
            return types.WorkspaceEdit(changes={uri: edits})
        identifier = types.OptionalVersionedTextDocumentIdentifier(uri, opened.version)
        if preview and self.server.client_supports("workspace.workspace_edit.change_annotation_support"):
            marked: list[Any] = [types.AnnotatedTextEdit("types", edit.range, edit.new_text) for edit in edits]
            note = types.ChangeAnnotation("Types that fairlead has inferred", needs_confirmation=True)
            return types.WorkspaceEdit(
                document_changes=[types.TextDocumentEdit(identifier, marked)], change_annotations={"types": note}
            )
        return types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(identifier, list(edits))])


def asks_for_type(character: str | None, before: str) -> bool | None:
    """Whether a list was asked for by typing what may stand before a type; None if it was not such a character."""
    if character not in (":", ">", " "):
        return None
    return re.search(r"(?::|->) ?\Z", before) is not None


def _wish(claim: Claim) -> Wish:
    return Wish(claim.slot, claim.text, claim.imports)


def _title(claim: Claim) -> str:
    what = f"the return type of {claim.slot.name}" if claim.slot.kind == "return" else claim.slot.name
    chance = f" ({claims.percent(claim.probability)})" if claim.guess else ""
    return f"Annotate {what}: {claim.text}{chance}"


def _value(kind: types.CodeActionKind | str) -> str:
    return kind.value if isinstance(kind, types.CodeActionKind) else kind


def _edit_json(server: FairleadServer, uri: str, edit: Edit) -> dict[str, Any]:
    start, end = server.documents.position(uri, edit.start), server.documents.position(uri, edit.end)
    return {
        "range": {
            "start": {"line": start[0], "character": start[1]}, "end": {"line": end[0], "character": end[1]},
        },
        "newText": edit.new_text,
    }  # fmt: skip


def _slots_of(text: str) -> tuple[Slot, ...]:
    return slots(text)


@lru_cache(64)
def _oldest(root: str, project_python: str, setting: str) -> Version:
    return oldest_python(root, project_python, setting)


@lru_cache(32)
def _annotated(document: Document, wishes: tuple[Wish, ...], version: Version) -> Annotated:
    return annotate(document, wishes, version)


def _spelled_all(document: Document, wanted: tuple[Claim, ...], version: Version) -> list[Spelling]:
    return [spelled(document, _wish(claim), version) for claim in wanted]


def _annotated_each(document: Document, wishes: tuple[Wish, ...], version: Version) -> list[tuple[Spelling, Annotated]]:
    return [(spelled(document, wish, version), annotate(document, [wish], version)) for wish in wishes]
