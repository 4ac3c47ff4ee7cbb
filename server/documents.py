"""The open documents of a session, kept equal to what the editor shows. Nothing here reads a disk.

A document is *in step* while every change of it was seen in order. Once one was missed nothing is offered for it until
its full text comes again (opened anew, replaced as a whole, or saved). Every save is compared, and heals.

Everything runs on the event loop. Positions are the client's, in `Documents.encoding`; `snapshot` is the border behind
which only code point offsets exist.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

from ..monitors.analysis import Document
from .text import Encoding, Position, Range, Text

logger = logging.getLogger(__name__)

Change = tuple[Range | None, str]
"""What a range becomes; no range is the whole text."""

MAX_LENGTH = 2 * 1024 * 1024
"""Code points beyond which a document is too large to analyse."""

MAX_LINES = 50_000

_PYTHON_CELL_MAGICS = ("%%time", "%%timeit", "%%capture", "%%prun")
_MAGIC_LINE = re.compile(r"^([ \t]*)(?:%(?=[%a-zA-Z])|!(?!=))", re.MULTILINE)


@dataclass(eq=False)
class OpenDocument:
    """One document as the editor has it. `version` is the client's; `notebook` the URI of a cell's notebook, or ""."""

    uri: str
    language: str
    version: int
    text: Text
    notebook: str = ""
    out_of_step: str = ""
    """Why the text cannot be trusted; empty while it can."""
    edited: int = 0
    """The offset behind the last change: where the user is typing, as far as one can tell."""
    snapshot: Document | None = None
    """Of this very text, or None if nobody asked since it changed."""


@dataclass(eq=False)
class Cell:
    """One cell of a notebook; only code cells are Python."""

    uri: str
    is_code: bool = True


@dataclass(eq=False)
class Notebook:
    """The order of a notebook's cells. Their texts are documents of their own."""

    uri: str
    cells: list[Cell] = field(default_factory=list)


def path_of(uri: str) -> str:
    """The absolute path of a `file:` URI, or the URI itself as an opaque name for everything else.

    `#` and `?` in a `file:` URI belong to the path: clients that do not escape them mean it so.
    """
    scheme, colon, rest = uri.partition(":")
    if not colon or scheme.lower() != "file":
        return uri
    host, path = "", rest
    if rest.startswith("//"):
        host, slash, path = rest[2:].partition("/")
        path = slash + path
    path = unquote(path)
    if os.name == "nt":
        if host not in ("", "localhost"):
            return f"//{host}{path}"
        return re.sub(r"^/([A-Za-z]:)", r"\1", path)
    if host not in ("", "localhost") or not path.startswith("/") or "\0" in path:
        return uri
    return path


class Documents:
    """What is open, in which encoding positions come, and which folders are the workspace.

    `on_open`, `on_change`, `on_close` and `on_save` are called with the URI, after the fact; a cell counts as a
    document. `drift` counts the saves that showed that our text was not the editor's.
    """

    def __init__(self) -> None:
        self.encoding: Encoding = "utf-16"
        self.drift = 0
        self.on_open: list[Callable[[str], None]] = []
        self.on_change: list[Callable[[str], None]] = []
        self.on_close: list[Callable[[str], None]] = []
        self.on_save: list[Callable[[str], None]] = []
        self._documents: dict[str, OpenDocument] = {}
        self._notebooks: dict[str, Notebook] = {}
        self._roots: list[str] = []
        self._revision = 0

    # What the client says.

    def open(self, uri: str, language: str, version: int, text: str) -> None:
        """The document is being edited and this is its text; opening twice replaces the text."""
        self._open(uri, language, version, text, "")

    def change(self, uri: str, version: int, changes: Iterable[Change]) -> None:
        """Apply the changes of one message in order, or lose step if they cannot follow what we have.

        A change of the whole text needs no predecessor, and mends.
        """
        changes = list(changes)
        document = self._documents.get(uri)
        whole = max((at for at, (lsp_range, _) in enumerate(changes) if lsp_range is None), default=None)
        if document is None:
            logger.warning("a change of a document that is not open")
            reason = "it was changed without having been opened"
            document = self._documents[uri] = OpenDocument(uri, "python", version, Text(""), out_of_step=reason)
        elif version <= document.version and changes and whole is None and not document.out_of_step:
            logger.warning("version %d of a document came after version %d", version, document.version)
            document.out_of_step = f"its version went from {document.version} to {version}"
        if whole is not None:
            document.out_of_step = ""
            changes = changes[whole:]
        if not document.out_of_step:
            for lsp_range, new_text in changes:
                document.text.apply(lsp_range, new_text, self.encoding)
                if lsp_range is not None:
                    begin = document.text.offset(*lsp_range[0], self.encoding)
                    document.edited = min(begin + len(new_text), len(document.text))
            document.version = version if changes else max(version, document.version)
        self._touched(document)
        self._tell(self.on_change, uri)

    def save(self, uri: str, text: str | None) -> None:
        """The document was saved; where the client sent the text, ours is compared and replaced if it differs."""
        document = self._documents.get(uri)
        if document is None:
            return
        if text is not None:
            self._heal(document, text)
        self._tell(self.on_save, uri)

    def close(self, uri: str) -> None:
        """The document is not edited any more. Closing what is not open is nothing."""
        if self._documents.pop(uri, None) is not None:
            self._tell(self.on_close, uri)

    def open_notebook(self, uri: str, cells: Sequence[Cell], texts: Iterable[tuple[str, str, int, str]]) -> None:
        """A notebook with its cells in order; `texts` are (URI, language, version, text) of the cells' documents."""
        self._notebooks[uri] = Notebook(uri, list(cells))
        for cell_uri, language, version, text in texts:
            self._open(cell_uri, language, version, text, uri)

    def change_cells(
        self,
        uri: str,
        start: int,
        delete_count: int,
        cells: Sequence[Cell],
        opened: Iterable[tuple[str, str, int, str]] = (),
        closed: Iterable[str] = (),
    ) -> None:
        """Replace cells of a notebook; a cell that only moves is neither in `opened` nor in `closed`."""
        notebook = self._notebooks.setdefault(uri, Notebook(uri))
        notebook.cells[start : start + delete_count] = cells
        for cell_uri, language, version, text in opened:
            self._open(cell_uri, language, version, text, uri)
        for cell_uri in closed:
            self.close(cell_uri)

    def change_cell_kind(self, uri: str, cell_uri: str, is_code: bool) -> None:
        """A cell became code, or stopped being code."""
        for cell in self._cells(uri):
            if cell.uri == cell_uri:
                cell.is_code = is_code

    def close_notebook(self, uri: str, cell_uris: Iterable[str] = ()) -> None:
        """The notebook is closed, and with it every cell, named by the client or not."""
        cells = [cell.uri for cell in self._cells(uri)]
        self._notebooks.pop(uri, None)
        for cell_uri in dict.fromkeys([*cell_uris, *cells]):
            self.close(cell_uri)

    def lose_step(self, reason: str) -> None:
        """A message that may have been a change could not be read: no text can be trusted until it comes again."""
        for document in self._documents.values():
            document.out_of_step = document.out_of_step or reason
            self._touched(document)

    # What the server asks.

    @property
    def uris(self) -> list[str]:
        """Of every open document, cells included."""
        return list(self._documents)

    def get(self, uri: str) -> OpenDocument | None:
        """The open document, in step or not; None if it is not open."""
        return self._documents.get(uri)

    def reason(self, uri: str) -> str:
        """Why nothing can be offered for this document, for a person; empty when something can."""
        document = self._documents.get(uri)
        if document is None:
            return "the document is not open"
        if document.out_of_step:
            return f"the document is out of step: {document.out_of_step}; save it to mend that"
        if len(document.text) > MAX_LENGTH:
            return f"the document is too large: {len(document.text):,} characters, at most {MAX_LENGTH:,} are analysed"
        if document.text.line_count > MAX_LINES:
            return f"the document is too large: {document.text.line_count:,} lines, at most {MAX_LINES:,} are analysed"
        if document.text.has_lone_cr:
            return "the document has a carriage return without a line feed, and editors disagree on its lines"
        return ""

    def snapshot(self, uri: str) -> Document | None:
        """The document for analysis and model, or None where `reason` says why not.

        Offsets into its text are those of `offset` and `position`. The same object is returned until the text changes.
        Its `version` is not the client's but ours: no two texts of a session share one, healed or opened anew.
        """
        document = self._documents.get(uri)
        if document is None or self.reason(uri):
            return None
        if document.snapshot is None:
            self._revision += 1
            document.snapshot = Document(path_of(uri), document.text.clean(), self._revision, self._root_of(document))
        return document.snapshot

    def is_current(self, uri: str, snapshot: Document) -> bool:
        """Whether the document still has the text of the snapshot: ask before an answer is sent."""
        document = self._documents.get(uri)
        return document is not None and document.snapshot is snapshot and not document.out_of_step

    def is_typed_on(self, uri: str, snapshot: Document, offset: int) -> bool:
        """Whether the snapshot's line still stands, with at most a part of a name typed into it at `offset`.

        A list is still right then: editors filter what they get by what was typed meanwhile.
        """
        document = self._documents.get(uri)
        if document is None or document.out_of_step:
            return False
        if document.snapshot is snapshot:
            return True
        begin = snapshot.text.rfind("\n", 0, offset) + 1
        end = snapshot.text.find("\n", offset)
        before, behind = snapshot.text[begin:offset], snapshot.text[offset : len(snapshot.text) if end < 0 else end]
        line = document.text.line(snapshot.text.count("\n", 0, offset)).rstrip("\n")
        typed = line[len(before) : len(line) - len(behind)]
        return line == before + typed + behind and ("a" + typed).isidentifier()

    def offset(self, uri: str, line0: int, character: int) -> int:
        """The offset of a client position in an open document, clamped to it."""
        return self._documents[uri].text.offset(line0, character, self.encoding)

    def position(self, uri: str, offset: int) -> Position:
        """The client position of an offset in an open document, clamped to it."""
        return self._documents[uri].text.position(offset, self.encoding)

    def cell_context(self, uri: str) -> tuple[str, str]:
        """The code before a notebook cell, and the cell's own text; ("", text) for what is no cell.

        The prefix is the code cells above, in the notebook's order (not in the order of execution, which nobody tells
        us), each ending in a newline; the offset of a place in `prefix + text` is `len(prefix)` more than in the cell.
        Lines with IPython magic (`%`, `!`) become comments of the same length and cells in other languages (`%%bash`)
        are left out, since one of them would make the whole prefix a syntax error.
        """
        document = self._documents[uri]
        pieces = []
        for cell in self._cells(document.notebook):
            if cell.uri == uri:
                break
            above = self._documents.get(cell.uri)
            if above is not None and cell.is_code and above.language == "python" and not self.reason(cell.uri):
                pieces.append(_python_of(above.text.clean()))
        return "".join(pieces), document.text.clean()

    # The workspace.

    @property
    def roots(self) -> list[str]:
        """The paths of the workspace folders, in the client's order."""
        return list(self._roots)

    def add_root(self, uri: str) -> None:
        """A folder of the workspace; one that is no file is nothing to us."""
        path = path_of(uri)
        if path != uri and path not in self._roots:
            self._roots.append(path.rstrip("/") or "/")
            self._forget_snapshots()

    def remove_root(self, uri: str) -> None:
        path = path_of(uri).rstrip("/") or "/"
        if path in self._roots:
            self._roots.remove(path)
            self._forget_snapshots()

    def _open(self, uri: str, language: str, version: int, text: str, notebook: str) -> None:
        self._documents[uri] = OpenDocument(uri, language, version, Text(text), notebook)
        self._tell(self.on_open, uri)

    def _heal(self, document: OpenDocument, text: str) -> None:
        saved = Text(text)
        if saved.joined() != document.text.joined():
            self.drift += 1
            logger.warning(
                "drift: version %d has %d characters here and %d in the editor; they differ from line %d on",
                document.version,
                len(document.text),
                len(saved),
                document.text.first_difference(saved) + 1,
            )
            document.text = saved
        elif not document.out_of_step:
            return
        document.out_of_step = ""
        self._touched(document)
        self._tell(self.on_change, document.uri)

    def _touched(self, document: OpenDocument) -> None:
        document.snapshot = None

    def _forget_snapshots(self) -> None:
        for document in self._documents.values():
            self._touched(document)

    def _cells(self, notebook: str) -> list[Cell]:
        return self._notebooks[notebook].cells if notebook in self._notebooks else []

    def _root_of(self, document: OpenDocument) -> str:
        """The longest workspace folder around it. What has no place in the file system (untitled) belongs to the
        only folder, if there is only one."""
        uri = document.notebook or document.uri
        path = path_of(uri)
        if path == uri:
            return self._roots[0] if len(self._roots) == 1 else ""
        around = [root for root in self._roots if path == root or path.startswith(root.rstrip("/") + "/")]
        return max(around, key=len, default="")

    def _tell(self, listeners: list[Callable[[str], None]], uri: str) -> None:
        for listener in list(listeners):
            try:
                listener(uri)
            except Exception:
                # The texts must stay in step whatever a listener does: the rest of the message is still to be applied.
                logger.exception("a listener to document changes failed")


def _python_of(cell_text: str) -> str:
    """A cell's text as plain Python ending in a newline; empty if it is none."""
    first = cell_text.lstrip().split(maxsplit=1)[0:1]
    if first and first[0].startswith("%%") and first[0] not in _PYTHON_CELL_MAGICS:
        return ""
    text = _MAGIC_LINE.sub(r"\1#", cell_text)
    return text if not text or text.endswith(("\n", "\r")) else text + "\n"
