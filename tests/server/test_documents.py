"""What is open, whether it can be trusted, and what analysis is shown of it."""

import logging
from collections.abc import Callable
from typing import Any

import pytest

from fairlead.server.documents import MAX_LENGTH, MAX_LINES, Cell, Documents, path_of

URI = "file:///work/a.py"


def opened(text: str = "a = 1\n", uri: str = URI, version: int = 1) -> Documents:
    documents = Documents()
    documents.open(uri, "python", version, text)
    return documents


def text_of(documents: Documents, uri: str = URI) -> str:
    snapshot = documents.snapshot(uri)
    assert snapshot is not None, documents.reason(uri)
    return snapshot.text


def insert(at: int, text: str) -> tuple[tuple[tuple[int, int], tuple[int, int]], str]:
    return ((0, at), (0, at)), text


def test_changes_of_one_message_apply_in_order() -> None:
    documents = opened("")
    documents.change(URI, 2, [insert(0, "ac"), insert(1, "b"), insert(3, "d")])
    assert text_of(documents) == "abcd"
    document = documents.get(URI)
    assert document is not None
    assert document.version == 2


def test_positions_are_in_the_encoding_of_the_session() -> None:
    documents = opened("x = '😀'.\n")
    assert (documents.offset(URI, 0, 9), documents.position(URI, 8)) == (8, (0, 9))
    documents.encoding = "utf-8"
    assert (documents.offset(URI, 0, 11), documents.position(URI, 8)) == (8, (0, 11))


def test_a_snapshot_is_one_object_until_the_text_changes() -> None:
    documents = opened()
    first = documents.snapshot(URI)
    assert first is not None
    assert first is documents.snapshot(URI)
    assert documents.is_current(URI, first)
    documents.change(URI, 2, [insert(0, "b")])
    assert not documents.is_current(URI, first)
    second = documents.snapshot(URI)
    assert second is not None
    assert second.version > first.version
    assert first.text == "a = 1\n"
    assert documents.is_current(URI, second)


@pytest.mark.parametrize(
    ("change", "typed_on"),
    [
        (((1, 3), (1, 3), "ge"), True),
        (((0, 0), (0, 0), "# elsewhere on another line\n"), False),
        (((0, 0), (0, 0), "# elsewhere "), True),
        (((1, 3), (1, 3), "get("), False),
        (((1, 2), (1, 3), ""), False),
        (((1, 0), (1, 0), "x"), False),
        (((1, 4), (1, 5), "]"), False),
        (((2, 0), (2, 0), "pass"), True),
    ],
)
def test_a_list_outlives_only_what_is_typed_of_a_name(change: tuple[Any, Any, str], typed_on: bool) -> None:
    documents = Documents()
    documents.open("file:///a.py", "python", 1, "import os\nos. )\n")
    snapshot = documents.snapshot("file:///a.py")
    assert snapshot is not None
    assert documents.is_typed_on("file:///a.py", snapshot, 13)
    documents.change("file:///a.py", 2, [((change[0], change[1]), change[2])])
    assert documents.is_typed_on("file:///a.py", snapshot, 13) is typed_on
    documents.close("file:///a.py")
    assert not documents.is_typed_on("file:///a.py", snapshot, 13)


def test_no_two_texts_of_a_session_share_a_version() -> None:
    documents = opened("one", version=1)
    first = documents.snapshot(URI)
    documents.close(URI)
    documents.open(URI, "python", 1, "two")
    second = documents.snapshot(URI)
    documents.save(URI, "three")
    third = documents.snapshot(URI)
    assert first is not None
    assert second is not None
    assert third is not None
    assert first.version < second.version < third.version
    assert not documents.is_current(URI, first)


def test_a_snapshot_has_no_lone_halves() -> None:
    assert text_of(opened("a\ud83db")) == "a�b"


@pytest.mark.parametrize("version", [1, 0, -5], ids=["same", "lower", "negative"])
def test_a_version_that_does_not_increase_loses_step(version: int) -> None:
    documents = opened()
    documents.change(URI, version, [insert(0, "b")])
    assert documents.snapshot(URI) is None
    assert f"its version went from 1 to {version}" in documents.reason(URI)
    documents.change(URI, 2, [insert(0, "c")])
    assert documents.snapshot(URI) is None, "later changes cannot be trusted either"


def open_anew(documents: Documents) -> None:
    documents.close(URI)
    documents.open(URI, "python", 1, "whole!")


HEALERS: list[tuple[str, Callable[[Documents], None]]] = [
    ("full text", lambda documents: documents.change(URI, 1, [insert(0, "lost"), (None, "whole"), insert(5, "!")])),
    ("opened again", lambda documents: documents.open(URI, "python", 9, "whole!")),
    ("saved", lambda documents: documents.save(URI, "whole!")),
    ("closed and opened", open_anew),
]


@pytest.mark.parametrize(("name", "heal"), HEALERS, ids=[name for name, _ in HEALERS])
def test_the_full_text_heals(name: str, heal: Callable[[Documents], None]) -> None:
    documents = opened()
    documents.change(URI, 1, [insert(0, "b")])
    assert documents.snapshot(URI) is None
    heal(documents)
    assert text_of(documents) == "whole!"
    documents.change(URI, 10, [insert(0, "The ")])
    assert text_of(documents) == "The whole!"


def test_a_change_of_a_document_never_opened_offers_nothing_until_its_full_text() -> None:
    documents = Documents()
    documents.change(URI, 4, [insert(0, "b")])
    assert documents.snapshot(URI) is None
    assert "without having been opened" in documents.reason(URI)
    documents.change(URI, 5, [(None, "all of it")])
    assert text_of(documents) == "all of it"


def test_an_empty_change_loses_no_step() -> None:
    documents = opened()
    documents.change(URI, 1, [])
    assert text_of(documents) == "a = 1\n"


def test_a_save_that_differs_heals_and_is_counted_and_never_logged(caplog: pytest.LogCaptureFixture) -> None:
    documents = opened("first\nsecret\n")
    changed: list[str] = []
    documents.on_change.append(changed.append)
    with caplog.at_level(logging.DEBUG):
        documents.save(URI, "first\nhidden\nthird\n")
    assert text_of(documents) == "first\nhidden\nthird\n"
    assert (documents.drift, changed) == (1, [URI])
    assert "version 1 has 13 characters here and 19 in the editor; they differ from line 2 on" in caplog.text
    assert "secret" not in caplog.text
    assert "hidden" not in caplog.text


def test_documents_that_do_not_heal_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def healed(documents: Documents) -> bool:
        documents.change(URI, 2, [insert(0, "ours ")])
        documents.save(URI, "the editor's\n")
        return text_of(documents) == "the editor's\n" and documents.drift == 1

    assert healed(opened())
    monkeypatch.setattr(Documents, "_heal", lambda self, document, text: None)
    assert not healed(opened())


def test_a_save_that_agrees_changes_nothing() -> None:
    documents = opened("a\ud83d")
    changed: list[str] = []
    saved: list[str] = []
    documents.on_change.append(changed.append)
    documents.on_save.append(saved.append)
    snapshot = documents.snapshot(URI)
    documents.save(URI, "a\ud83d")
    documents.save(URI, None)
    assert (documents.drift, changed, saved) == (0, [], [URI, URI])
    assert snapshot is documents.snapshot(URI)


def test_an_unreadable_message_puts_every_document_out_of_step_until_it_is_saved() -> None:
    documents = opened()
    documents.open("untitled:1", "python", 1, "b")
    documents.lose_step("a message could not be read")
    assert "a message could not be read" in documents.reason(URI)
    assert documents.snapshot("untitled:1") is None
    documents.save(URI, "a = 1\n")
    assert (text_of(documents), documents.drift) == ("a = 1\n", 0)
    assert documents.snapshot("untitled:1") is None


def test_closing_and_saving_what_is_not_open_is_nothing() -> None:
    documents = Documents()
    documents.close(URI)
    documents.save(URI, "text")
    assert documents.get(URI) is None
    assert documents.snapshot(URI) is None
    assert documents.reason(URI) == "the document is not open"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x" * MAX_LENGTH, ""),
        ("x" * (MAX_LENGTH + 1), "too large: 2,097,153 characters"),
        ("\n" * (MAX_LINES - 1), ""),
        ("\n" * MAX_LINES, "too large: 50,001 lines"),
        ("a\rb\n", "carriage return without a line feed"),
        ("a\r\nb\r\n", ""),
    ],
    ids=["largest", "too long", "most lines", "too many lines", "lone cr", "crlf"],
)
def test_documents_that_are_not_analysed_say_why(text: str, reason: str) -> None:
    documents = opened(text)
    assert reason in documents.reason(URI)
    assert (documents.snapshot(URI) is None) == bool(reason)
    assert bool(documents.reason(URI)) == bool(reason)


def test_a_reason_goes_when_its_cause_goes() -> None:
    documents = opened("a\rb")
    assert documents.snapshot(URI) is None
    documents.change(URI, 2, [(((0, 1), (1, 0)), "\n")])
    assert text_of(documents) == "a\nb"


def test_listeners_hear_after_the_fact_and_cannot_break_the_text() -> None:
    documents = Documents()
    heard: list[str] = []

    def fails(uri: str) -> None:
        raise ValueError(uri)

    for name in ("open", "change", "save", "close"):
        listeners = getattr(documents, f"on_{name}")
        listeners.append(fails)
        listeners.append(lambda uri, name=name: heard.append(f"{name} {uri} {documents.get(uri) is not None}"))
    documents.open(URI, "python", 1, "a")
    documents.change(URI, 2, [insert(1, "b")])
    assert text_of(documents) == "ab"
    documents.save(URI, None)
    documents.close(URI)
    assert heard == [f"open {URI} True", f"change {URI} True", f"save {URI} True", f"close {URI} False"]


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///work/a.py", "/work/a.py"),
        ("FILE:///work/a.py", "/work/a.py"),
        ("file:/work/a.py", "/work/a.py"),
        ("file://localhost/work/a.py", "/work/a.py"),
        ("file:///work/a%23b.py", "/work/a#b.py"),
        ("file:///work/a#b.py", "/work/a#b.py"),
        ("file:///work/what%3F.py", "/work/what?.py"),
        ("file:///work/100%25.py", "/work/100%.py"),
        ("file:///work/a%20b%2Bc+d.py", "/work/a b+c+d.py"),
        ("file:///work/%E6%BC%A2%F0%9F%98%80.py", "/work/漢😀.py"),
        ("file:///work/漢.py", "/work/漢.py"),
        ("untitled:Untitled-1", "untitled:Untitled-1"),
        ("vscode-notebook-cell:/work/n.ipynb#W0sZ", "vscode-notebook-cell:/work/n.ipynb#W0sZ"),
        ("file://server/share/a.py", "file://server/share/a.py"),
        ("file:a.py", "file:a.py"),
        ("file:///work/a%00.py", "file:///work/a%00.py"),
        ("", ""),
        ("no scheme", "no scheme"),
    ],
)
def test_path_of_a_uri(uri: str, path: str) -> None:
    assert path_of(uri) == path


@pytest.mark.parametrize(
    ("uri", "root"),
    [
        ("file:///work/a.py", "/work"),
        ("file:///work/inner/a.py", "/work/inner"),
        ("file:///work/innermost/a.py", "/work"),
        ("file:///workshop/a.py", ""),
        ("file:///else/a.py", ""),
        ("untitled:1", ""),
    ],
)
def test_the_longest_workspace_folder_wins(uri: str, root: str) -> None:
    documents = Documents()
    for folder in ("file:///work", "file:///work/inner/", "untitled:x"):
        documents.add_root(folder)
    documents.open(uri, "python", 1, "")
    snapshot = documents.snapshot(uri)
    assert snapshot is not None
    assert snapshot.root == root
    assert documents.roots == ["/work", "/work/inner"]


def test_folders_come_and_go_under_open_documents() -> None:
    documents = opened()
    documents.open("untitled:1", "python", 1, "")
    assert [documents.snapshot(uri).root for uri in documents.uris] == ["", ""]  # type: ignore[union-attr]  # both open
    documents.add_root("file:///work")
    assert [documents.snapshot(uri).root for uri in documents.uris] == ["/work", "/work"]  # type: ignore[union-attr]
    documents.remove_root("file:///work/")
    assert [documents.snapshot(uri).root for uri in documents.uris] == ["", ""]  # type: ignore[union-attr]


NOTEBOOK = "file:///work/n.ipynb"


def cell(number: int) -> str:
    return f"vscode-notebook-cell:/work/n.ipynb#{number}"


def notebook(*texts: str) -> Documents:
    documents = Documents()
    documents.add_root("file:///work")
    documents.add_root("file:///else")
    documents.open_notebook(
        NOTEBOOK,
        [Cell(cell(at)) for at in range(len(texts))],
        [(cell(at), "python", 1, text) for at, text in enumerate(texts)],
    )
    return documents


def test_a_cell_is_a_document_of_its_own_in_the_folder_of_its_notebook() -> None:
    documents = notebook("import os", "os.")
    snapshot = documents.snapshot(cell(1))
    assert snapshot is not None
    assert (snapshot.path, snapshot.text, snapshot.root) == (cell(1), "os.", "/work")
    documents.change(cell(1), 2, [insert(3, "pa")])
    assert text_of(documents, cell(1)) == "os.pa"


def test_the_context_of_a_cell_is_the_code_above_it() -> None:
    documents = notebook("import os\n", "x = os.path", "x.", "after")
    assert documents.cell_context(cell(2)) == ("import os\nx = os.path\n", "x.")
    assert documents.cell_context(cell(0)) == ("", "import os\n")


def test_the_context_of_a_plain_document_is_empty() -> None:
    assert opened("a").cell_context(URI) == ("", "a")


MAGIC = "%matplotlib inline\n!ls\ny = 5 \\\n  % x\nz = (x\n!= y)"


def test_the_context_leaves_out_what_is_not_python() -> None:
    documents = notebook("%%bash\nls", "%%time\nx = 1", MAGIC, "# text", "x")
    documents.change_cell_kind(NOTEBOOK, cell(3), False)
    prefix, _ = documents.cell_context(cell(4))
    assert prefix == "#%time\nx = 1\n#matplotlib inline\n#ls\ny = 5 \\\n  % x\nz = (x\n!= y)\n"
    documents.change_cell_kind(NOTEBOOK, cell(3), True)
    assert documents.cell_context(cell(4))[0] == prefix + "# text\n"


def test_the_context_leaves_out_cells_that_are_out_of_step() -> None:
    documents = notebook("a = 1", "b = 2", "c")
    documents.change(cell(0), 1, [insert(0, "?")])
    assert documents.cell_context(cell(2)) == ("b = 2\n", "c")


def test_cells_are_added_moved_and_removed() -> None:
    documents = notebook("a = 0", "b = 1", "c = 2")
    closed: list[str] = []
    documents.on_close.append(closed.append)
    documents.change_cells(NOTEBOOK, 1, 0, [Cell(cell(9))], [(cell(9), "python", 1, "new = 9")])
    assert documents.cell_context(cell(2))[0] == "a = 0\nnew = 9\nb = 1\n"
    documents.change_cells(NOTEBOOK, 0, 1, [])
    documents.change_cells(NOTEBOOK, 1, 0, [Cell(cell(0))])
    assert documents.cell_context(cell(2))[0] == "new = 9\na = 0\nb = 1\n"
    documents.change_cells(NOTEBOOK, 0, 2, [], closed=[cell(9), cell(0)])
    assert documents.cell_context(cell(2))[0] == "b = 1\n"
    assert closed == [cell(9), cell(0)]


def test_closing_a_notebook_closes_its_cells() -> None:
    documents = notebook("a", "b")
    documents.close_notebook(NOTEBOOK, [cell(0)])
    assert documents.uris == []
    documents.close_notebook(NOTEBOOK)
    assert documents.snapshot(cell(1)) is None
