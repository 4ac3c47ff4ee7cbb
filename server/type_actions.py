"""Code actions that write types: at a name another candidate, of a function its signature, of a file all that is sure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lsprotocol import types

from ..monitors.analysis import Document
from ..monitors.annotating import Annotated, Wish
from ..monitors.slot_places import slots
from . import claims
from .claims import Claim
from .protocol import FairleadServer
from .session import Session
from .slot_search import function_at, slot_at
from .type_writing import Offered, TypeWriting, wish

KIND = "refactor.rewrite.fairlead"

IN_SIGNATURES = ("parameter", "return")

ALTERNATIVES = 4
"""Candidates offered as actions, the best included."""


class TypeActions:
    """The handlers. `document_of` gives a document that types are for; `beginning` is awaited before settings are used."""

    def __init__(
        self, server: FairleadServer, session: Session, writing: TypeWriting, beginning: Callable[[], Any],
        document_of: Callable[[str], Document | None],
    ) -> None:  # fmt: skip
        self.server = server
        self.session = session
        self._writing = writing
        self._beginning = beginning
        self._document_of = document_of

    def register(self, feature: Callable[..., None]) -> None:
        """Tell the server what can be asked."""
        options = types.CodeActionOptions(code_action_kinds=[KIND], resolve_provider=True)
        feature(types.TEXT_DOCUMENT_CODE_ACTION, self._code_actions, options)
        feature(types.CODE_ACTION_RESOLVE, self._resolve)

    async def _code_actions(self, params: types.CodeActionParams) -> list[types.CodeAction] | None:
        uri, only = params.text_document.uri, params.context.only
        await self._beginning()
        document = self._document_of(uri)
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

    @property
    def _lazy(self) -> bool:
        """Whether the client asks for an edit only when it is chosen."""
        return self.server.client_takes("text_document.code_action.resolve_support.properties", "edit")

    async def _known_actions(self, document: Document, offset: int, uri: str) -> list[types.CodeAction]:
        """The actions for a slot whose type is known. Editors ask so wherever the cursor goes: nothing is inferred for it."""
        if self.session.types.typing or not self._lazy:
            return []
        here = await self.session.types.run(slot_at, document.text, offset)
        one = next((one for one in await self.session.types.known(document) if one.slot == here), None)
        if one is None or not one.slot.legal:
            return []
        offered = (await self.session.types.run(claims.candidates, one, document.text))[:ALTERNATIVES]
        made = await self._writing.spellings(document, offered)
        return [
            self._action(uri, document, _title(claim), (claim,)) for claim, spelling in zip(offered, made, strict=True)
            if not spelling.reason
        ]  # fmt: skip

    async def _actions(self, document: Document, offset: int, uri: str) -> list[types.CodeAction]:
        session, text = self.session, document.text
        least = session.settings.hints_min_probability
        found = await session.types.run(slots, text)
        here = await session.types.run(slot_at, text, offset)
        function = await session.types.run(function_at, text, offset)
        nearby = [slot for slot in found if slot.function_start == function and slot.kind in IN_SIGNATURES]
        wanted = list(dict.fromkeys([*([here] if here else []), *(nearby if function is not None else [])]))
        inferred = {one.slot: one for one in await session.types.of(document, wanted, session.settings.analysis_budget_ms)}
        offers: list[tuple[str, list[Claim]]] = []
        if here is not None and here.legal and here in inferred:
            ranked = await session.types.run(claims.candidates, inferred[here], text)
            offers += [(_title(claim), [claim]) for claim in ranked[:ALTERNATIVES]]
        around = [inferred[slot] for slot in nearby if slot in inferred]
        signature = await session.types.run(claims.sure, around, text, least, IN_SIGNATURES)
        if len(signature) > 1 or (signature and here is None):
            offers.append((f"Annotate the signature of {nearby[0].function.rpartition('.')[2]}", signature))
        all_known, surest = await session.types.known(document), session.settings.types_min_probability
        whole = await session.types.run(claims.sure, all_known, text, surest, IN_SIGNATURES)
        made: list[types.CodeAction] = []
        for number, (title, wanted_claims) in enumerate(offers):
            if self._lazy and number and made and len(wanted_claims) == 1:
                # The slot is proven by the first; another type for it is proven when it is asked for.
                (spelling,) = await self._writing.spellings(document, wanted_claims)
                if not spelling.reason:
                    made.append(self._action(uri, document, title, wanted_claims))
                continue
            annotated = await self._writing.annotated(document, _wishes(wanted_claims))
            if annotated.edits:
                made.append(self._action(uri, document, title, wanted_claims, annotated))
        if len(whole) > 1:
            annotated = await self._writing.annotated(document, _wishes(whole))
            written = len(whole) - len(annotated.refused)
            if annotated.edits:
                title = f"Annotate this file ({written} {'types' if written != 1 else 'type'})"
                made.append(self._action(uri, document, title, whole, annotated, preview=True))
        return made

    def _action(
        self, uri: str, document: Document, title: str, wanted: Sequence[Claim], annotated: Annotated | None = None,
        preview: bool = False,
    ) -> types.CodeAction:  # fmt: skip
        action = types.CodeAction(title, KIND)
        tags = self.server.client_supports("text_document.code_action.tag_support")
        if tags and any(claim.guess for claim in wanted):
            action.tags = [types.CodeActionTag.LlmGenerated]
        if annotated is None or self._lazy:
            action.data = self._writing.offer(Offered(uri, document, _wishes(wanted), preview=preview))
        else:
            action.edit = self._writing.workspace_edit(uri, annotated, preview)
        return action

    async def _resolve(self, action: types.CodeAction) -> types.CodeAction:
        offered = self._writing.offered(action.data)
        if offered is not None:
            made = await self._writing.annotated(offered.document, offered.wishes)
            if made.edits and self._writing.stands(offered):
                action.edit = self._writing.workspace_edit(offered.uri, made, offered.preview)
        return action


def _wishes(wanted: Sequence[Claim]) -> tuple[Wish, ...]:
    return tuple(map(wish, wanted))


def _title(claim: Claim) -> str:
    what = f"the return type of {claim.slot.name}" if claim.slot.kind == "return" else claim.slot.name
    chance = f" ({claims.percent(claim.probability)})" if claim.guess else ""
    return f"Annotate {what}: {claim.text}{chance}"


def _value(kind: types.CodeActionKind | str) -> str:
    return kind.value if isinstance(kind, types.CodeActionKind) else kind
