"""The language server: LSP in, LSP out. What it knows is in `session`; what is said is in docs/protocol.md."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import logging.handlers
import os
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from lsprotocol import types

from ..monitors.analysis import Document
from . import render, stdio
from .documents import path_of
from .protocol import FairleadServer
from .session import LARGE, Ghost, List, Session
from .settings import Settings, from_json
from .status import default_log
from .text import Encoding, units
from .type_features import TypeFeatures, is_type_mark

logger = logging.getLogger(__name__)

STATUS_INTERVAL_S = 0.25
"""Least time between two status notifications."""

SETTINGS_PATIENCE_S = 2.0
"""How long the client may take to tell its settings, before the session goes on with what it has."""

START_PATIENCE_S = 5.0
"""How long a request that came before the session has begun waits for it."""


def serve(*, with_model: bool = True, adjust: Callable[[Settings], Settings] = lambda settings: settings) -> int:
    """Run the server on stdin and stdout; does not return. `adjust` has the last word about the client's settings."""
    App(FairleadServer(), with_model=with_model, adjust=adjust).run()
    return 0


@dataclass(frozen=True)
class Cursor:
    """A client's position as a place in a text, all of it as it was when the client asked.

    A notebook cell's text has the cells above it in front of it (`shift` characters); `snapshot` is the cell's own
    document, to ask whether it is still current. `line0` and `character` are the position in the client's units.
    """

    uri: str
    snapshot: Document
    document: Document
    offset: int
    shift: int
    line0: int
    character: int
    encoding: Encoding

    def range_from(self, start: int) -> dict[str, Any]:
        """The client's range from `start`, which is on the cursor's line, to the cursor."""
        width = units(self.document.text[start : self.offset], self.encoding)
        return {
            "start": {"line": self.line0, "character": self.character - width},
            "end": {"line": self.line0, "character": self.character},
        }


class App:
    """The handlers, and what they need to remember of the client."""

    def __init__(
        self, server: FairleadServer, *, with_model: bool = True,
        adjust: Callable[[Settings], Settings] = lambda settings: settings,
    ) -> None:  # fmt: skip
        self.server = server
        self.session = Session(self._status_changed, self._types_changed)
        self.types = TypeFeatures(server, self.session, self._beginning)
        self._with_model, self._adjust = with_model, adjust
        self._begun = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._status_due = False
        self._status_sent = 0.0
        self._options: dict[str, Any] = {}
        self._progress: str | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._register()

    def run(self) -> None:
        """Serve until the end of the session."""
        self.server.on_exit.append(self.session.close)
        stdio.serve(self.server)

    def _register(self) -> None:
        def feature(method: str, handler: Callable[..., Any], options: Any = None) -> None:
            self.server.feature(method, options)(partial(handler))

        # pygls writes attributes onto handlers, which bound methods do not allow: hence `partial`.
        feature(types.INITIALIZE, self._initialize)
        feature(types.INITIALIZED, self._initialized)
        feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION, self._configuration_changed)
        list_options = types.CompletionOptions(trigger_characters=[".", ":", ">", " "], resolve_provider=True)
        feature(types.TEXT_DOCUMENT_COMPLETION, self._completion, list_options)
        feature(types.COMPLETION_ITEM_RESOLVE, self._resolve)
        # Without the options object the capability would not be announced.
        feature(types.TEXT_DOCUMENT_INLINE_COMPLETION, self._inline_completion, types.InlineCompletionOptions())
        feature(types.TEXT_DOCUMENT_HOVER, self._hover)
        self.types.register(feature)
        feature("fairlead/textHash", self._text_hash)
        for name, run in {
            "fairlead.accepted": self._accepted, "fairlead.status": self._status,
            "fairlead.pause": self._pause, "fairlead.resume": self._resume,
        }.items():  # fmt: skip
            self.server.command(name)(partial(run))
        documents = self.server.documents
        documents.on_open.append(self._opened)
        documents.on_change.append(self._changed)
        documents.on_close.append(self._closed)
        documents.on_save.append(lambda _uri: self._status_changed())

    # The session's beginning, and its settings.

    def _initialize(self, params: types.InitializeParams) -> None:
        self._loop = asyncio.get_running_loop()
        options = params.initialization_options
        self._options = dict(options) if isinstance(options, dict) else {}

    async def _initialized(self, _params: types.InitializedParams) -> None:
        settings = await self._read_settings()
        _log_to(settings, self.session)
        for warning in self.server.start_warnings:
            logger.warning("%s", warning)
        self.session.start(settings, self.server.documents.roots, with_model=self._with_model)
        for uri in self.server.documents.uris:
            self._opened(uri)
        self.types.open_all()
        self._begun.set()
        if self._with_model:
            self._spawn(self._show_progress())
        if self.server.client_supports("workspace.did_change_configuration.dynamic_registration"):
            self._spawn(self._watch_configuration())

    async def _watch_configuration(self) -> None:
        registration = types.Registration(
            "fairlead-configuration", types.WORKSPACE_DID_CHANGE_CONFIGURATION, {"section": "fairlead"}
        )
        await self.server.client_register_capability_async(types.RegistrationParams([registration]))

    async def _configuration_changed(self, params: types.DidChangeConfigurationParams) -> None:
        await self._beginning()
        settings = await self._read_settings(params.settings)
        _log_to(settings, self.session)
        if self.session.configure(settings, self.server.documents.roots):
            self.types.open_all()

    async def _read_settings(self, pushed: object = None) -> Settings:
        """The settings: initializationOptions, then what was pushed or can be pulled. What is wrong is reported."""
        trusted = self._options.get("untrusted") is False if "untrusted" in self._options else True
        given = {name: value for name, value in self._options.items() if name != "untrusted"}
        if isinstance(given.get("fairlead"), dict):  # Helix sends its whole table
            given |= given.pop("fairlead")
        settings, problems = from_json(given, trusted=trusted)
        later: object = None
        if isinstance(pushed, dict) and isinstance(pushed.get("fairlead"), dict):
            later = pushed["fairlead"]
        elif self.server.client_has_configuration:
            try:
                asked = self.server.workspace_configuration_async(
                    types.ConfigurationParams([types.ConfigurationItem(section="fairlead")])
                )
                answers = await asyncio.wait_for(asked, SETTINGS_PATIENCE_S)
                later = answers[0] if answers else None
            except Exception as error:  # whatever a client answers, the session goes on with what it has
                logger.warning("the client did not tell its settings: %s", error or "no answer")
        if later is not None:
            settings, more = from_json(later, trusted=trusted, base=settings)
            problems += more
        known, self.session.status.problems = self.session.status.problems, tuple(problems)
        if problems and tuple(problems) != known:
            for problem in problems:
                logger.warning("%s", problem)
            self.server.window_show_message(
                types.ShowMessageParams(types.MessageType.Warning, render.message("fairlead settings: " + "; ".join(problems)))
            )
        return self._adjust(settings)

    # Features.

    async def _completion(self, params: types.CompletionParams) -> dict[str, Any] | None:
        cursor = self._cursor(params.text_document.uri, params.position)
        await self._beginning()
        settings = self.session.settings
        if cursor is None or not (settings.enabled and settings.completion_enabled):
            return None
        ghosts: list[Ghost] | None = None
        automatic = not self.server.client_has_inline_completion and settings.inline_enabled
        typed_mark = params.context.trigger_character if params.context is not None else None
        if is_type_mark(typed_mark):
            # Only a type is offered there unasked: a list at every colon would be in the way.
            offered = await self._types_listed(cursor)
            return {"isIncomplete": False, "items": offered} if offered else None
        listing: Awaitable[List | None] = self.session.list_members(cursor.document, cursor.offset)
        if automatic:
            made, ghosts = await asyncio.gather(
                listing, self.session.ghost(cursor.document, cursor.offset, invoked=False)
            )
        else:
            made = await listing
        # A list for a text that has been typed on since is still right: clients filter it by what was typed meanwhile.
        if not self.server.documents.is_typed_on(cursor.uri, cursor.snapshot, cursor.offset - cursor.shift):
            return None
        items: list[dict[str, Any]] = []
        if made is not None:
            edit_range = cursor.range_from(made.begin)
            items = [render.item(made, entry, rank, edit_range) for rank, entry in enumerate(made.entries)]
        if offered := await self._types_listed(cursor):
            labels = {item["label"] for item in offered}
            items = offered + [item for item in items if item["label"] not in labels]
        if ghosts:
            begin = made.begin if made is not None else cursor.offset
            typed = cursor.document.text[begin : cursor.offset]
            items.insert(0, render.ghost_item(ghosts[0], typed, cursor.range_from(begin)))
        return {"isIncomplete": made is not None and not made.complete, "items": items}

    async def _resolve(self, item: types.CompletionItem) -> types.CompletionItem:
        data = item.data if isinstance(item.data, dict) else {}
        list_id, name = data.get("list"), data.get("name")
        if isinstance(list_id, int) and isinstance(name, str):
            found = await self.session.resolve(list_id, name)
            if found is not None:
                item.detail = found.signature or item.detail
                formats = "text_document.completion.completion_item.documentation_format"
                item.documentation = render.markup(found, self.server.client_takes(formats, types.MarkupKind.Markdown))
        return item

    async def _inline_completion(self, params: types.InlineCompletionParams) -> list[dict[str, Any]] | None:
        cursor = self._cursor(params.text_document.uri, params.position)
        await self._beginning()
        settings = self.session.settings
        if cursor is None or not (settings.enabled and settings.inline_enabled):
            return None
        if not self.server.documents.is_current(cursor.uri, cursor.snapshot):
            return None  # what the client chose from its list stands in the new text
        chosen, edit_range = "", cursor.range_from(cursor.offset)
        document, offset = cursor.document, cursor.offset
        selected = params.context.selected_completion_info
        if selected is not None and selected.text:
            begin = cursor.shift + self.server.offset(cursor.uri, selected.range.start)
            end = cursor.shift + self.server.offset(cursor.uri, selected.range.end)
            chosen, edit_range = selected.text, render.plain_range(selected.range)
            document = replace(document, text=document.text[:begin] + chosen + document.text[end:])
            offset = begin + len(chosen)
        invoked = params.context.trigger_kind == types.InlineCompletionTriggerKind.Invoked
        ghosts = await self.session.ghost(document, offset, invoked=invoked)
        # Nothing to show is an empty list: on null Neovim keeps the old text, which is right while a request is overtaken.
        if ghosts is None or not self.server.documents.is_current(cursor.uri, cursor.snapshot):
            return None
        return [render.inline_item(ghost, chosen, edit_range) for ghost in ghosts]

    async def _hover(self, params: types.HoverParams) -> types.Hover | None:
        cursor = self._cursor(params.text_document.uri, params.position)
        await self._beginning()
        settings = self.session.settings
        if cursor is None or not (settings.enabled and settings.hover_enabled):
            return None
        found, believed = await asyncio.gather(
            self.session.hover(cursor.document, cursor.offset), self.types.explain(cursor.document, cursor.offset)
        )
        if not self.server.documents.is_current(cursor.uri, cursor.snapshot):
            return None
        says_nothing = found is None or (found.signature in ("", found.name) and not found.documentation)
        if says_nothing and not believed:
            return None
        if says_nothing and found is not None:
            found = replace(found, signature="")  # a name alone tells nobody anything
        hover_range = None
        if found is not None and found.start >= cursor.shift:
            start, end = found.start - cursor.shift, found.end - cursor.shift
            hover_range = self.server.lsp_range(cursor.uri, start, end)
        markdown = self.server.client_takes("text_document.hover.content_format", types.MarkupKind.Markdown)
        return types.Hover(render.markup(found, markdown, believed), hover_range)

    def _text_hash(self, params: Any) -> dict[str, Any] | None:
        uri = params.get("uri") if isinstance(params, dict) else None
        opened = self.server.documents.get(uri) if isinstance(uri, str) else None
        if opened is None:
            return None
        text = opened.text.joined()
        digest = hashlib.sha1(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()
        return {"version": opened.version, "length": len(text), "sha1": digest}

    def _accepted(self, *arguments: Any) -> None:
        if arguments and isinstance(arguments[0], str):
            self.session.accepted(arguments[0])

    def _status(self, *_arguments: Any) -> dict[str, Any]:
        return self._status_json()

    def _pause(self, *_arguments: Any) -> dict[str, Any]:
        self.session.pause(True)
        return self._status_json()

    def _resume(self, *_arguments: Any) -> dict[str, Any]:
        self.session.pause(False)
        return self._status_json()

    # Inside.

    async def _types_listed(self, cursor: Cursor) -> list[Any] | None:
        """Types for the annotation that is being written, if one is; not in cells, where imports have no place."""
        before = cursor.document.text[max(0, cursor.offset - 200):cursor.offset]
        if cursor.shift or re.search(r"(?::|->)[ \t]*[\w.]*\Z", before) is None:
            return None
        return await self.types.list_types(cursor.document, cursor.offset, cursor.range_from)

    def _types_changed(self, path: str) -> None:
        self.types.types_changed(path)

    async def _beginning(self) -> None:
        """Editors ask as soon as they have said `initialized`: until the settings are known there is nobody to ask."""
        if not self._begun.is_set():
            try:
                await asyncio.wait_for(self._begun.wait(), START_PATIENCE_S)
            except TimeoutError:
                logger.warning("asked by a client that never said `initialized`")

    def _cursor(self, uri: str, position: types.Position) -> Cursor | None:
        """Where the client's cursor is, or None (with the reason in the status) where nothing can be offered."""
        documents = self.server.documents
        opened = documents.get(uri)
        if opened is not None and opened.language != "python":
            self.session.refused(uri, f"the document is not Python but {opened.language}")
            return None
        snapshot = documents.snapshot(uri)
        if snapshot is None:
            self.session.refused(uri, documents.reason(uri))
            return None
        offset = self.server.offset(uri, position)
        prefix = documents.cell_context(uri)[0] if opened is not None and opened.notebook else ""
        document = replace(snapshot, text=prefix + snapshot.text) if prefix else snapshot
        line0, character = documents.position(uri, offset)
        return Cursor(
            uri, snapshot, document, len(prefix) + offset, len(prefix), line0, character, documents.encoding
        )

    def _opened(self, uri: str) -> None:
        opened = self.server.documents.get(uri)
        snapshot = self.server.documents.snapshot(uri)
        if snapshot is not None and opened is not None and opened.language == "python":
            self.session.opened(snapshot)

    def _changed(self, uri: str) -> None:
        opened = self.server.documents.get(uri)
        if opened is None or opened.language != "python" or opened.notebook or not self.session.model.ready:
            return
        if len(opened.text) <= LARGE and (snapshot := self.server.documents.snapshot(uri)) is not None:
            self.session.typed(snapshot, opened.edited)

    def _closed(self, uri: str) -> None:
        self.session.closed(path_of(uri))

    def _status_json(self) -> dict[str, Any]:
        self.session.status.drift = self.server.documents.drift
        return self.session.status.as_json()

    def _status_changed(self) -> None:
        """Push the status soon; may be called from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._schedule_status)

    def _schedule_status(self) -> None:
        if not self._status_due and self._loop is not None:
            self._status_due = True
            # At once if it was quiet: what is over in a quarter of a second is seen too.
            self._loop.call_at(max(self._loop.time(), self._status_sent + STATUS_INTERVAL_S), self._push_status)

    def _push_status(self) -> None:
        self._status_due = False
        if self._loop is not None:
            self._status_sent = self._loop.time()
        self.server.protocol.notify("fairlead/status", self._status_json())

    async def _show_progress(self) -> None:
        """`$/progress` while the model is loaded, for clients that show it."""
        if not self.server.client_has_progress:
            return
        token = "fairlead-model"
        try:
            await self.server.work_done_progress.create_async(token)
        except Exception as error:  # a client that announced progress and refuses it does without
            logger.warning("no progress can be shown: %s", error)
            return
        self.server.work_done_progress.begin(
            token, types.WorkDoneProgressBegin(title="fairlead", message="loading the model", cancellable=False)
        )
        while self.session.model.report.state == "loading":
            await asyncio.sleep(0.1)
        self.server.work_done_progress.end(token, types.WorkDoneProgressEnd(message=self.session.status.message))

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _log_to(settings: Settings, session: Session) -> None:
    """Log into the file of the settings; a log that cannot be written is no reason not to serve."""
    target = Path(os.path.expanduser(settings.log_file)) if settings.log_file else default_log()
    root = logging.getLogger("fairlead")
    root.setLevel(settings.log_level.upper())
    for handler in [handler for handler in root.handlers if isinstance(handler, logging.FileHandler)]:
        root.removeHandler(handler)
        handler.close()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        file = logging.handlers.RotatingFileHandler(target, maxBytes=1_000_000, backupCount=1, encoding="utf-8")
    except OSError as error:
        logger.warning("no log can be written to %s: %s", target, error)
        session.status.log = ""
        return
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root.addHandler(file)
    session.status.log = str(target)

