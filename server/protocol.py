"""The server as a session with one client: what it announces, which texts are open, what the client can do.

Handlers are registered as in pygls (`@server.feature(method, options)`) and should be `async`: pygls runs plain ones on
the event loop, and a running `@server.thread()` one cannot be cancelled. For methods that are not in the protocol
`params` is the plain JSON value. A handler may return plain JSON too, which spares the conversion of long lists.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from lsprotocol import types
from pygls.capabilities import ServerCapabilitiesBuilder
from pygls.lsp.server import LanguageServer
from pygls.protocol import default_converter, lsp_method

from .documents import Cell, Change, Documents
from .lifetime import Lifetime
from .rpc import RpcProtocol
from .text import Encoding

logger = logging.getLogger(__name__)


class FairleadProtocol(RpcProtocol):
    """The built-in methods: the beginning and the end of a session, and its documents, which are ours, not pygls'."""

    _server: FairleadServer

    def __init__(self, server: FairleadServer, converter: Any) -> None:
        super().__init__(server, converter)
        self.fm.feature_options[types.TEXT_DOCUMENT_DID_SAVE] = types.SaveOptions(include_text=True)

    def change_lost(self) -> None:
        self._server.documents.lose_step("a message from the editor could not be read")

    @lsp_method(types.INITIALIZE)
    def lsp_initialize(self, params: types.InitializeParams) -> Generator[Any, Any, types.InitializeResult]:
        """As in pygls, without its workspace; asking `server.workspace` raises."""
        server = self._server
        server.process_id = params.process_id
        if params.process_id is not None and server.lifetime is not None:
            server.lifetime.watch_parent(params.process_id)
        self.client_capabilities = params.capabilities
        server.documents.encoding = _choose_encoding(params.capabilities)
        for uri in _root_uris(params):
            server.documents.add_root(uri)
        if (handler := self.fm.features.get(types.INITIALIZE)) is not None:
            yield handler, (params,), None
        builder: Any = ServerCapabilitiesBuilder(
            self.client_capabilities,
            {*self.fm.features, *self.fm.builtin_features},
            self.fm.feature_options,
            list(self.fm.commands),
            server._text_document_sync_kind,
            server._notebook_document_sync,
            server.documents.encoding,
        )
        self.server_capabilities = builder.build()
        return types.InitializeResult(capabilities=self.server_capabilities, server_info=self.server_info)

    @lsp_method(types.SHUTDOWN)
    def lsp_shutdown(self, *args: Any) -> Generator[Any, Any, None]:
        """Cancels what is running; from now on only `exit` is obeyed."""
        if (handler := self.fm.features.get(types.SHUTDOWN)) is not None:
            yield handler, args, None
        own_id = self.msg_id
        self._shutdown = True
        for msg_id, future in list(self._request_futures.items()):
            if msg_id != own_id:
                future.cancel()

    @lsp_method(types.EXIT)
    def lsp_exit(self, *args: Any) -> Generator[Any, Any, None]:
        """Ends the process: code 0 after `shutdown`, 1 without."""
        if (handler := self.fm.features.get(types.EXIT)) is not None:
            yield handler, args, None
        if self._server.lifetime is not None:
            self._server.lifetime.end("the client said exit")

    # The documents.

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> Generator[Any, Any, None]:
        self._server.documents.open(*_item(params.text_document))
        yield from self._then(types.TEXT_DOCUMENT_DID_OPEN, params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> Generator[Any, Any, None]:
        document = params.text_document
        self._server.documents.change(document.uri, document.version, _changes(params.content_changes))
        yield from self._then(types.TEXT_DOCUMENT_DID_CHANGE, params)

    @lsp_method(types.TEXT_DOCUMENT_DID_SAVE)
    def lsp_text_document__did_save(self, params: types.DidSaveTextDocumentParams) -> Generator[Any, Any, None]:
        self._server.documents.save(params.text_document.uri, params.text)
        yield from self._then(types.TEXT_DOCUMENT_DID_SAVE, params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> Generator[Any, Any, None]:
        self._server.documents.close(params.text_document.uri)
        yield from self._then(types.TEXT_DOCUMENT_DID_CLOSE, params)

    @lsp_method(types.NOTEBOOK_DOCUMENT_DID_OPEN)
    def lsp_notebook_document__did_open(self, params: types.DidOpenNotebookDocumentParams) -> Generator[Any, Any, None]:
        notebook = params.notebook_document
        self._server.documents.open_notebook(
            notebook.uri, _cells(notebook.cells), [_item(item) for item in params.cell_text_documents]
        )
        yield from self._then(types.NOTEBOOK_DOCUMENT_DID_OPEN, params)

    @lsp_method(types.NOTEBOOK_DOCUMENT_DID_CHANGE)
    def lsp_notebook_document__did_change(
        self, params: types.DidChangeNotebookDocumentParams
    ) -> Generator[Any, Any, None]:
        documents, uri, cells = self._server.documents, params.notebook_document.uri, params.change.cells
        if cells is not None and (structure := cells.structure) is not None:
            array = structure.array
            documents.change_cells(
                uri,
                array.start,
                array.delete_count,
                _cells(array.cells or ()),
                [_item(item) for item in structure.did_open or ()],
                [item.uri for item in structure.did_close or ()],
            )
        for cell in (cells.data or ()) if cells is not None else ():
            documents.change_cell_kind(uri, cell.document, cell.kind == types.NotebookCellKind.Code)
        for change in (cells.text_content or ()) if cells is not None else ():
            documents.change(change.document.uri, change.document.version, _changes(change.changes))
        yield from self._then(types.NOTEBOOK_DOCUMENT_DID_CHANGE, params)

    @lsp_method(types.NOTEBOOK_DOCUMENT_DID_SAVE)
    def lsp_notebook_document__did_save(self, params: types.DidSaveNotebookDocumentParams) -> Generator[Any, Any, None]:
        yield from self._then(types.NOTEBOOK_DOCUMENT_DID_SAVE, params)

    @lsp_method(types.NOTEBOOK_DOCUMENT_DID_CLOSE)
    def lsp_notebook_document__did_close(
        self, params: types.DidCloseNotebookDocumentParams
    ) -> Generator[Any, Any, None]:
        cell_uris = [item.uri for item in params.cell_text_documents]
        self._server.documents.close_notebook(params.notebook_document.uri, cell_uris)
        yield from self._then(types.NOTEBOOK_DOCUMENT_DID_CLOSE, params)

    @lsp_method(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    def lsp_workspace__did_change_workspace_folders(
        self, params: types.DidChangeWorkspaceFoldersParams
    ) -> Generator[Any, Any, None]:
        for folder in params.event.removed:
            self._server.documents.remove_root(folder.uri)
        for folder in params.event.added:
            self._server.documents.add_root(folder.uri)
        yield from self._then(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS, params)

    def _then(self, method: str, params: Any) -> Generator[Any, Any, None]:
        """The user's own handler of a built-in method."""
        if (handler := self.fm.features.get(method)) is not None:
            yield handler, (params,), None


class FairleadServer(LanguageServer):
    """A language server over stdio whose texts are in `documents`; `stdio.serve` runs it.

    `lifetime` is there once it runs: `on_exit` callbacks belong in `server.on_exit`, which may be filled before.
    """

    protocol: FairleadProtocol

    def __init__(self, documents: Documents | None = None, name: str = "fairlead") -> None:
        self.documents = documents or Documents()
        self.lifetime: Lifetime | None = None
        self.on_exit: list[Callable[[], None]] = []
        self.start_warnings: list[str] = []
        super().__init__(
            name,
            _version(),
            notebook_document_sync=types.NotebookDocumentSyncOptions(
                # "*" says nothing, but without it lsprotocol cannot read what it wrote, in clients that use it.
                notebook_selector=[
                    types.NotebookDocumentFilterWithNotebook("*", [types.NotebookCellLanguage(language="python")])
                ],
                save=True,
            ),
            protocol_cls=FairleadProtocol,
            converter_factory=default_converter,
        )

    @property
    def encoding(self) -> Encoding:
        """How the client counts characters."""
        return self.documents.encoding

    def client_supports(self, path: str) -> bool:
        """Whether a client capability is there and not false; nothing is before `initialize`.

        For example `text_document.completion.completion_item.snippet_support`.
        """
        value = self.client_value(path)
        return value is not None and value is not False

    def client_value(self, path: str) -> object:
        """A client capability, for example `text_document.hover.content_format`; None where it is not said."""
        value: object = getattr(self.protocol, "client_capabilities", None)
        for name in path.split("."):
            value = getattr(value, name, None)
        return value

    def client_takes(self, path: str, wanted: str) -> bool:
        """Whether a client capability that is a list has this in it."""
        value = self.client_value(path)
        return isinstance(value, (list, tuple)) and wanted in value

    @property
    def client_has_inline_completion(self) -> bool:
        return self.client_supports("text_document.inline_completion")

    @property
    def client_has_progress(self) -> bool:
        return self.client_supports("window.work_done_progress")

    @property
    def client_has_configuration(self) -> bool:
        return self.client_supports("workspace.configuration")

    @property
    def client_has_snippets(self) -> bool:
        return self.client_supports("text_document.completion.completion_item.snippet_support")

    def offset(self, uri: str, position: types.Position) -> int:
        """The code point offset of a client position in an open document."""
        return self.documents.offset(uri, position.line, position.character)

    def lsp_range(self, uri: str, start: int, end: int) -> types.Range:
        """The client's range of code point offsets in an open document."""
        return types.Range(
            types.Position(*self.documents.position(uri, start)), types.Position(*self.documents.position(uri, end))
        )

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Faults are logged. pygls would show each to the user in a pop-up."""
        logger.error("%s: %s", getattr(source, "__name__", source), type(error).__name__, exc_info=error)


def _choose_encoding(capabilities: types.ClientCapabilities) -> Encoding:
    """The first that the client offers and we know; utf-16 if it offers none, as the protocol says."""
    offered = capabilities.general.position_encodings if capabilities.general is not None else None
    for encoding in offered or ():
        name = encoding.value if isinstance(encoding, types.PositionEncodingKind) else encoding
        if name in ("utf-8", "utf-16", "utf-32"):
            return name  # type: ignore[return-value]  # mypy does not narrow str by a tuple of literals
    return "utf-16"


def _root_uris(params: types.InitializeParams) -> list[str]:
    if params.workspace_folders:
        return [folder.uri for folder in params.workspace_folders]
    if params.root_uri:
        return [params.root_uri]
    return [f"file://{params.root_path.replace('%', '%25')}"] if params.root_path else []


def _item(item: types.TextDocumentItem) -> tuple[str, str, int, str]:
    language = item.language_id.value if isinstance(item.language_id, types.LanguageKind) else item.language_id
    return item.uri, language, item.version, item.text


def _cells(cells: Sequence[types.NotebookCell]) -> list[Cell]:
    return [Cell(cell.document, cell.kind == types.NotebookCellKind.Code) for cell in cells]


def _changes(events: Sequence[types.TextDocumentContentChangeEvent]) -> list[Change]:
    changes: list[Change] = []
    for event in events:
        if isinstance(event, types.TextDocumentContentChangePartial):
            start, end = event.range.start, event.range.end
            changes.append((((start.line, start.character), (end.line, end.character)), event.text))
        else:
            changes.append((None, event.text))
    return changes


def _version() -> str:
    try:
        return version("fairlead")
    except PackageNotFoundError:
        return "0"
