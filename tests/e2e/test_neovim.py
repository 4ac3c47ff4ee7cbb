"""fairlead in a real Neovim: type like a person, see the list and the ghost text, take it, look at the buffer."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.e2e.hostile_server import TEXT
from tests.e2e.neovim.editor import Editor, command

pytestmark = pytest.mark.e2e

HERE = Path(__file__).parent
REPOSITORY = HERE.parent.parent
ARTIFACTS = REPOSITORY / "artifacts" / "neovim"
ITEM = {"name", "price_cents", "quantity", "labels", "total_cents", "add_label"}

CRATE = """

class Crate:
def __init__(self, width, height):
self.width = width
self.height = """
"""Typed at the end of a file; Neovim itself indents the lines. Any model of code knows how it goes on."""


@pytest.fixture(scope="module")
def start() -> list[str]:
    cache = Path(os.environ.get("FAIRLEAD_E2E_CACHE", Path.home() / ".cache" / "fairlead-e2e"))
    unpacked = Path(os.environ.get("FAIRLEAD_E2E_NEOVIM", cache / "neovim-0.12.4"))
    if not unpacked.is_dir():
        pytest.skip("Neovim is not unpacked; scripts/e2e-neovim does it")
    return command(unpacked)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("neovim")


@pytest.fixture(scope="module")
def env(home: Path, start: list[str]) -> dict[str, str]:
    """A user's environment, with a trap: whatever Python is started with this PYTHONPATH leaves a file behind."""
    trap = home / "trap"
    trap.mkdir()
    (trap / "sitecustomize.py").write_text(
        f"import sys\nopen({str(home / 'trapped')!r}, 'w').write(repr(sys.orig_argv))\n")
    scripts = os.environ.get("FAIRLEAD_E2E_SCRIPTS", sysconfig.get_path("scripts"))
    runtime = Path(start[-1]).parent.parent / "share/nvim/runtime"
    folders = {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("CONFIG", "DATA", "STATE", "CACHE")}
    return {
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
        "VIMRUNTIME": str(runtime),
        "FAIRLEAD_PLUGIN": str(REPOSITORY / "editors" / "neovim"),
        "PYTHONPATH": str(trap),
        **folders,
    }


@pytest.fixture(scope="module")
def shared(start: list[str], env: dict[str, str], home: Path) -> Iterator[Editor]:
    """One editor, and one server, for the tests that leave both as they were."""
    project = home / "project"
    shutil.copytree(HERE / "project", project)
    editor = Editor(start, project, env)
    yield editor
    editor.close()


@pytest.fixture
def editor(shared: Editor, home: Path) -> Editor:
    """The shared editor with nothing open, in a fresh copy of the project."""
    shared.keys("<C-\\><C-n>")
    # Neovim stumbles over the late details of a list item whose buffer is gone.
    shared.wait("the answers", lambda: shared.lua("""
        return vim.iter(vim.lsp.get_clients()):all(function(client) return vim.tbl_isempty(client.requests) end)
    """))
    shared.lua("vim.cmd('silent! %bwipeout!')")
    shutil.copytree(HERE / "project", home / "project", dirs_exist_ok=True)
    return shared


def client(editor: Editor, key: str) -> Any:
    """A field of the client that serves this buffer."""
    return editor.lua("local c = vim.lsp.get_clients({ name = 'fairlead', bufnr = 0 })[1]; return c and c[...]", key)


def status(editor: Editor) -> dict[str, Any]:
    """What the server last said about itself, unasked."""
    found = editor.lua("""
        local c = vim.lsp.get_clients({ name = 'fairlead' })[1]
        return c and require('fairlead.status').last(c.id) or vim.empty_dict()
    """)
    assert isinstance(found, dict)
    return found


def open_file(editor: Editor, path: str) -> None:
    """Open a file and wait until fairlead serves it with a model (or says that it has none)."""
    editor.lua("vim.cmd.edit(...)", path)
    editor.wait("the server to attach", lambda: client(editor, "initialized"))
    editor.wait("the model", lambda: status(editor).get("state") in {"ready", "static"})


def type_at_end(editor: Editor, text: str) -> None:
    """Type below the last line, from the margin; a newline is the Enter key. Neovim indents what follows."""
    editor.keys("Go")
    editor.wait("insert mode", lambda: editor.request("nvim_get_mode")["mode"] == "i")
    blank_lines = len(text) - len(text.lstrip("\n"))
    editor.keys("<CR>" * blank_lines + "0<C-d>")
    for number, line in enumerate(text[blank_lines:].split("\n")):
        if number:
            editor.keys("<CR>")
        editor.type(line)


def wait_for_ghost(editor: Editor) -> str:
    """The ghost text that appears; a failure tells what the server says about it."""
    try:
        return editor.wait("ghost text", editor.ghost)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{status(editor)}") from None


def answers(editor: Editor) -> int:
    """How many requests for ghost text have been answered since this was first asked."""
    return int(editor.lua("""
        if not answers then
            answers = 0
            vim.api.nvim_create_autocmd('LspRequest', { callback = function(event)
                local request = event.data.request
                if request.type == 'complete' and request.method == 'textDocument/inlineCompletion' then
                    answers = answers + 1
                end
            end })
        end
        return answers
    """))


def float_text(editor: Editor) -> str:
    """The text of the floating window that is open; empty if none is."""
    return str(editor.lua("""
        for _, win in ipairs(vim.api.nvim_list_wins()) do
            if vim.api.nvim_win_get_config(win).relative ~= '' then
                return table.concat(vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(win), 0, -1, true), '\\n')
            end
        end
        return ''
    """))


def keep(editor: Editor, name: str) -> None:
    """Keep the screen, as text and as a picture."""
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    editor.lua("vim.cmd.redraw()")
    (ARTIFACTS / f"{name}.txt").write_text(editor.screen.text() + "\n", encoding="utf-8")
    (ARTIFACTS / f"{name}.svg").write_text(editor.screen.svg(), encoding="utf-8")


def servers(editor: Editor) -> list[psutil.Process]:
    """Everything that runs below the editor: the server and whatever it started."""
    return list(psutil.Process(editor.process.pid).children(recursive=True))


def test_attaches_to_the_project_in_utf_8(editor: Editor, home: Path) -> None:
    open_file(editor, "inventory/items.py")
    assert client(editor, "offset_encoding") == "utf-8"
    assert client(editor, "root_dir") == str(home / "project")
    assert "fairlead" in editor.screen.lines()[-2]


def test_python_variables_of_the_workspace_do_not_reach_the_server(editor: Editor, home: Path) -> None:
    open_file(editor, "inventory/items.py")
    trapped = home / "trapped"
    assert not trapped.exists(), trapped.read_text()


def test_dot_lists_the_members_that_exist_and_one_is_taken(editor: Editor) -> None:
    open_file(editor, "inventory/report.py")
    type_at_end(editor, "\n\ndef value(item: Item):\nreturn item.")
    assert set(editor.wait("the list", lambda: editor.menu())) == ITEM
    editor.wait("the list on the screen", lambda: "total_cents" in editor.screen.text())
    keep(editor, "list")
    editor.type("tot")
    editor.wait("a shorter list", lambda: "add_label" not in editor.screen.text())
    editor.keys("<C-n><C-y>")
    editor.wait("the choice", lambda: not editor.menu())
    assert editor.line() == "    return item.total_cents"
    assert editor.cursor()[1] == len("    return item.total_cents")
    assert editor.buffer().endswith("\n\n\ndef value(item: Item):\n    return item.total_cents\n")


def test_ghost_text_appears_and_is_accepted(editor: Editor) -> None:
    open_file(editor, "inventory/items.py")
    type_at_end(editor, CRATE)
    ghost = wait_for_ghost(editor)
    assert editor.line() == "        self.height = "
    editor.wait("ghost text on the screen", lambda: f"self.height = {ghost}" in editor.screen.text())
    keep(editor, "ghost")
    editor.keys("<Tab>")
    editor.wait("acceptance", lambda: editor.line() != "        self.height = ")
    assert editor.line() == f"        self.height = {ghost}"
    assert editor.cursor()[1] == len(f"        self.height = {ghost}")
    assert editor.buffer().endswith(f"        self.width = width\n        self.height = {ghost}\n")


def test_ghost_text_stays_while_it_is_typed(editor: Editor) -> None:
    open_file(editor, "inventory/items.py")
    type_at_end(editor, CRATE)
    ghost = wait_for_ghost(editor)
    whole = f"self.height = {ghost}"
    editor.wait("ghost text on the screen", lambda: whole in editor.screen.text())
    editor.screen.watch("self.height = ")
    editor.type(ghost[:-1], pause_s=0.15)
    assert editor.line() == f"        {whole[:-1]}"
    frames = editor.screen.frames()
    assert frames
    assert [frame for frame in frames if whole not in frame] == []
    assert editor.ghost() == ghost[-1:]


def test_ghost_text_is_accepted_in_the_pause_before_the_next_request(editor: Editor) -> None:
    """Neovim's own acceptance leaves what was typed in that pause behind the accepted text (neovim #36529)."""
    open_file(editor, "inventory/items.py")
    type_at_end(editor, CRATE)
    ghost = wait_for_ghost(editor)
    editor.keys(ghost[:2] + "<Tab>")
    editor.wait("acceptance", lambda: editor.line() != f"        self.height = {ghost[:2]}")
    assert editor.line() == f"        self.height = {ghost}"


def test_ghost_text_that_the_typed_text_has_left_is_gone_at_once(editor: Editor) -> None:
    open_file(editor, "inventory/items.py")
    type_at_end(editor, CRATE)
    ghost = wait_for_ghost(editor)
    editor.wait("ghost text on the screen", lambda: f"self.height = {ghost}" in editor.screen.text())
    editor.screen.watch("self.height = Q")
    editor.keys("Q")
    frame = editor.wait("the key", editor.screen.frames)[0]
    assert frame.endswith("self.height = Q")


def test_ghost_text_is_taken_word_by_word(editor: Editor) -> None:
    open_file(editor, "inventory/items.py")
    type_at_end(editor, "\n\nclass Crate:\ndef __init__(self, width, height):\nself.width = width\nself.hei")
    ghost = editor.wait("ghost text of two words", lambda: editor.ghost() if " = " in editor.ghost() else "")
    first = ghost.split(" ")[0]
    editor.keys("<M-f>")
    editor.wait("the first word", lambda: editor.line() == f"        self.hei{first}")
    assert editor.wait("the rest", editor.ghost) == ghost[len(first) :]
    editor.keys("<Tab>")
    editor.wait("acceptance", lambda: editor.line() == f"        self.hei{ghost}")


def test_list_and_ghost_text_stand_side_by_side(editor: Editor) -> None:
    open_file(editor, "inventory/items.py")
    typed = "    def remove(self, number: int) -> None:\nif number in self.shelves:\ndel self."
    type_at_end(editor, f"\n{typed}")
    assert {"shelf", "shelves", "total_cents"} <= set(editor.wait("the list", editor.menu))
    ghost = wait_for_ghost(editor)
    editor.wait("both on the screen", lambda: f"del self.{ghost}" in editor.screen.text() and "Method" in editor.screen.text())
    keep(editor, "both")
    editor.keys("<Tab>")
    editor.wait("acceptance", lambda: editor.line() == f"            del self.{ghost}")
    editor.wait("the list to go", lambda: not editor.menu())


def test_invoked_ghost_text_has_alternatives(editor: Editor) -> None:
    open_file(editor, "inventory/items.py")
    type_at_end(editor, "\n\nclass Crate:\ndef __init__(self, width, height):\nself.width = width\nself.height = ")
    first = wait_for_ghost(editor)
    before = answers(editor)
    editor.keys("<M-Space>")
    editor.wait("the alternatives", lambda: answers(editor) > before)
    editor.keys("<M-]>")
    second = editor.wait("the second", lambda: editor.ghost() if "(2/" in editor.ghost() else "").rpartition(" (")[0]
    assert second != first
    editor.keys("<Tab>")
    editor.wait("acceptance", lambda: editor.buffer().endswith(f"        self.height = {second}\n"))


def test_hover_shows_signature_and_documentation(editor: Editor) -> None:
    open_file(editor, "inventory/items.py")
    editor.lua("vim.fn.search('def total_cents'); vim.fn.search('total_cents')")
    editor.keys("K")
    text = editor.wait("hover", lambda: float_text(editor))
    keep(editor, "hover")
    assert "total_cents(self) -> int" in text
    assert "What all of them are worth, in cents." in text


def test_positions_are_right_behind_emoji_and_cjk(editor: Editor) -> None:
    open_file(editor, "unicode_names.py")
    type_at_end(editor, 'あ = ("🎉🎉🎉", 品物.')
    assert set(editor.wait("the list", lambda: editor.menu())) == ITEM
    editor.type("tot")
    editor.keys("<C-n><C-y>")
    editor.wait("the choice", lambda: not editor.menu())
    expected = 'あ = ("🎉🎉🎉", 品物.total_cents'
    assert editor.line() == expected
    assert editor.cursor()[1] == len(expected.encode())
    editor.keys("<Esc>")
    editor.lua("vim.fn.search('両方', 'b'); vim.fn.search('total_cents')")
    editor.keys("K")
    assert "total_cents(" in editor.wait("hover", lambda: float_text(editor))


EDITS = [
    "vim.api.nvim_buf_set_text(0, row, at, row, at, { text })",
    "vim.api.nvim_buf_set_text(0, row, at, row, at, { text, text })",
    "vim.api.nvim_buf_set_text(0, row, 0, row, at, {})",
    "vim.api.nvim_buf_set_text(0, row, at, math.max(row, last), last > row and 0 or at, { text })",
    "vim.cmd(row + 1 .. 'normal! dd')",
    "vim.cmd(row + 1 .. 'normal! yyp')",
    "vim.cmd(row + 1 .. 'normal! gJ')",
    "vim.cmd(row + 1 .. 'move 0')",
    "vim.cmd('silent! ' .. row + 1 .. ',$substitute/e/' .. vim.fn.escape(text, '/\\\\&~') .. '/')",
    "vim.cmd('silent! undo')",
    "vim.cmd('silent! undo')",
    "vim.cmd('silent! redo')",
    "vim.api.nvim_buf_set_lines(0, row, row, true, { text, '', text })",
    "vim.cmd('set fileformat=' .. ({ 'unix', 'dos', 'mac' })[row % 3 + 1])",
]  # fmt: skip
TEXTS = ["x", "self.", "🎉é", "棚\f", "\f", "\u2028\x85", "\t", "def f(a):", ""]


@pytest.mark.parametrize("path", ["inventory/items.py", "windows.py", "unicode_names.py"])
def test_server_and_buffer_hold_the_same_text(
    editor: Editor, path: str, form: Callable[..., int], figure: Callable[[str, str], None]
) -> None:
    open_file(editor, path)
    source, edits = random.Random(path), form(100, 700, 5_000)
    for count in range(edits):
        editor.lua(
            """
            local edit, text, a, b, c = ...
            local lines = vim.api.nvim_buf_line_count(0)
            local row = math.floor(a * lines)
            local last = math.min(row + math.floor(b * 4), lines - 1)
            local line = vim.api.nvim_buf_get_lines(0, row, row + 1, true)[1]
            local at = vim.str_byteindex(line, 'utf-32', math.floor(c * (vim.str_utfindex(line, 'utf-32') + 1)))
            assert(loadstring('local text, row, last, at = ... ' .. edit))(text, row, last, at)
            """,
            source.choice(EDITS), source.choice(TEXTS), source.random(), source.random(), source.random(),
        )  # fmt: skip
        if count % 5 == 0:
            assert told(editor) == of(editor.buffer())
    figure(
        "T4", f"Neovim, {path}: {edits:,} scripted edits, undo, redo and other line ends among them, every fifth hash equal"
    )


def test_line_ends_of_a_buffer_that_is_not_shown_reach_the_server(editor: Editor) -> None:
    open_file(editor, "inventory/items.py")
    before = editor.buffer()
    open_file(editor, "inventory/report.py")
    other = of(editor.buffer())
    editor.lua("vim.bo[vim.fn.bufnr('items.py')].fileformat = 'dos'")
    editor.lua("vim.cmd('setglobal fileformat=dos')")
    assert told(editor) == other
    editor.lua("vim.cmd.buffer('inventory/items.py')")
    dos = before.replace("\n", "\r\n")
    assert told(editor) == of(dos)
    editor.lua("vim.cmd('set noendofline')")
    assert told(editor) == of(dos.removesuffix("\r\n"))


def of(text: str) -> tuple[int, str]:
    return len(text), hashlib.sha1(text.encode()).hexdigest()


def told(editor: Editor) -> tuple[int, str]:
    """The same of the text that the server has for the current buffer."""
    answer = editor.lua("""
        local c = vim.lsp.get_clients({ name = 'fairlead', bufnr = 0 })[1]
        local answer = c:request_sync('fairlead/textHash', { uri = vim.uri_from_bufnr(0) }, 30000,
            vim.api.nvim_get_current_buf()) -- 0 would not send the pending changes first
        return answer.result
    """)
    return answer["length"], answer["sha1"]


def test_status_says_why_nothing_is_offered_in_a_comment(editor: Editor) -> None:
    open_file(editor, "inventory/items.py")
    type_at_end(editor, "# what they are ")
    editor.wait("the reason", lambda: "comment" in ((status(editor).get("nothing") or {}).get("reason", "")))
    assert editor.ghost() == ""
    editor.keys("<Esc>:FairleadStatus<CR>")
    text = editor.wait("the report", lambda: float_text(editor))
    keep(editor, "status")
    assert "inline at items.py:" in text
    assert "comment" in text


def test_pause_and_resume(editor: Editor) -> None:
    open_file(editor, "inventory/items.py")
    editor.keys(":FairleadPause<CR>")
    editor.wait("the pause in the status line", lambda: "fairlead: paused" in editor.screen.lines()[-2])
    before = answers(editor)
    type_at_end(editor, CRATE)
    editor.wait("an answer", lambda: answers(editor) > before)
    assert editor.ghost() == ""
    editor.keys("<Cmd>FairleadResume<CR>")
    editor.wait("the end of the pause", lambda: "paused" not in editor.screen.lines()[-2])
    editor.keys("<BS> ")
    wait_for_ghost(editor)


def test_log_opens(editor: Editor) -> None:
    open_file(editor, "inventory/items.py")
    log = editor.wait("the log's path", lambda: status(editor).get("log"))
    editor.keys(":FairleadLog<CR>")
    editor.wait("the log", lambda: editor.lua("return vim.api.nvim_buf_get_name(0)") == log)
    assert editor.lua("return vim.bo.readonly")
    editor.lua("vim.cmd.tabclose()")


def test_health_check_finds_nothing_wrong(editor: Editor) -> None:
    open_file(editor, "inventory/items.py")
    editor.lua("vim.cmd.checkhealth('fairlead')")
    text = editor.buffer()
    keep(editor, "health")
    assert "Neovim 0.12" in text
    assert "attached to 1 buffer, positions in utf-8" in text
    assert "fairlead: ready" in text
    assert "ERROR" not in text


def test_a_killed_server_is_reported_and_restarted(start: list[str], env: dict[str, str], tmp_path: Path) -> None:
    shutil.copytree(HERE / "project", tmp_path / "project")
    editor = Editor(start, tmp_path / "project", env)
    try:
        open_file(editor, "inventory/items.py")
        for process in psutil.Process(editor.process.pid).children():
            process.kill()
        editor.wait("the report", lambda: "Client fairlead quit" in editor.screen.text())
        editor.keys("<CR>:FairleadStatus<CR>")
        assert "It ended by signal 9. :FairleadRestart" in editor.wait("the status", lambda: float_text(editor))
        editor.keys("<CR>:FairleadRestart<CR>")
        open_file(editor, "inventory/items.py")
        type_at_end(editor, "\n\ndef value(item: Item):\nreturn item.")
        assert set(editor.wait("the list", lambda: editor.menu())) == ITEM
    finally:
        editor.close()


@pytest.mark.parametrize("how", [":qa!", "SIGKILL"])
def test_quitting_leaves_no_process_behind(start: list[str], env: dict[str, str], tmp_path: Path, how: str) -> None:
    shutil.copytree(HERE / "project", tmp_path / "project")
    editor = Editor(start, tmp_path / "project", env)
    try:
        open_file(editor, "inventory/items.py")
        running = servers(editor)
        assert running
        if how == "SIGKILL":
            editor.process.kill()
        else:
            editor.keys("<C-\\><C-n>:qa!<CR>")
        _, alive = psutil.wait_procs(running, timeout=20)
        assert [process.cmdline() for process in alive] == []
    finally:
        editor.close()


# Types: the server answers from a table (typed_server.py), so that what must appear is known.

HINTS = [
    "def as_row(item: Item?) -> list[str]:",
    "def load(path: pathlib.Path?) -> Warehouse:",
    "def write(warehouse: Warehouse?, path: pathlib.Path?, separator=\"\\t\") -> None:",
]


def served_by(server: Path, start: list[str], env: dict[str, str], tmp_path: Path) -> Iterator[Editor]:
    """An editor with the script `server` for its server, with nothing open."""
    shutil.copytree(HERE / "project", tmp_path / "project")
    editor = Editor(start, tmp_path / "project", {**env, "FAIRLEAD_CMD": f"{sys.executable} -E -P {server}"})
    yield editor
    editor.close()


@pytest.fixture
def typed(start: list[str], env: dict[str, str], tmp_path: Path) -> Iterator[Editor]:
    """An editor whose server knows the types of the table."""
    yield from served_by(HERE.parent / "typed_server.py", start, env, tmp_path)


@pytest.fixture
def hostile(start: list[str], env: dict[str, str], tmp_path: Path) -> Iterator[Editor]:
    """An editor whose server offers what an editor might take for its own."""
    yield from served_by(HERE / "hostile_server.py", start, env, tmp_path)


def test_a_hostile_text_that_is_taken_is_in_the_buffer_as_it_was_shown(
    hostile: Editor, figure: Callable[[str, str], None]
) -> None:
    open_file(hostile, "inventory/items.py")
    before = hostile.buffer()
    type_at_end(hostile, "hostile = ")
    assert wait_for_ghost(hostile) == TEXT
    hostile.keys("<Tab>")
    hostile.wait("acceptance", lambda: hostile.line() != "hostile = ")
    assert hostile.buffer() == f"{before}hostile = {TEXT}\n"
    figure("S7", "Neovim: a hostile text that is taken is in the buffer byte for byte as it was shown")


def hints(editor: Editor) -> list[tuple[int, int, str]]:
    """(line, byte column, label) of every hint of the buffer, from 0."""
    found = editor.lua("""
        return vim.tbl_map(function(hint)
            local at = hint.inlay_hint.position
            return { at.line, at.character, hint.inlay_hint.label }
        end, vim.lsp.inlay_hint.get({ bufnr = 0 }))
    """)
    return sorted((line, column, label) for line, column, label in found)


def choose(editor: Editor, title: str) -> None:
    """Take the code action whose title begins so, at the cursor."""
    editor.lua("""
        local title = ...
        chosen = nil
        vim.lsp.buf.code_action({ apply = true, filter = function(action)
            local is_it = vim.startswith(action.title, title)
            if is_it then chosen = title end
            return is_it
        end })
    """, title)
    editor.wait(f"the action {title!r}", lambda: editor.lua("return chosen") == title)


def test_types_are_painted_where_they_would_be_written(typed: Editor) -> None:
    open_file(typed, "inventory/report.py")
    typed.wait("all hints, which come in parts", lambda: len(hints(typed)) == 7)
    typed.wait("the hints on the screen", lambda: all(hint in typed.screen.text() for hint in HINTS))
    keep(typed, "hints")
    assert hints(typed) == [
        (8, 15, ": Item?"), (8, 16, "-> list[str]"), (12, 13, ": pathlib.Path?"), (12, 14, "-> Warehouse"),
        (19, 19, ": Warehouse?"), (19, 25, ": pathlib.Path?"), (19, 42, "-> None"),
    ]  # fmt: skip


def test_hints_come_for_what_is_typed_when_nobody_types(typed: Editor) -> None:
    open_file(typed, "inventory/report.py")
    typed.wait("the hints", lambda: len(hints(typed)) == 7)
    type_at_end(typed, "\n\ndef sort(item):\nreturn item")
    typed.keys("<C-\\><C-n>")
    typed.wait("another hint", lambda: "def sort(item: Item?):" in typed.screen.text())


def test_hover_tells_what_is_predicted_apart_from_what_is_known(typed: Editor) -> None:
    open_file(typed, "inventory/report.py")
    typed.wait("the hints", lambda: len(hints(typed)) == 7)
    typed.lua("vim.api.nvim_win_set_cursor(0, { 10, 13 })")
    typed.lua("vim.lsp.buf.hover()")
    shown = typed.wait("the hover", lambda: float_text(typed))
    keep(typed, "hover-types")
    assert "predicted: Item 93 % [90–96] · Shelf 4 % · other 3 %" in shown
    assert "the name item is in the table (line 9)" in shown


def test_a_code_action_writes_a_type_and_its_import(typed: Editor) -> None:
    open_file(typed, "inventory/report.py")
    before = typed.buffer()
    typed.lua("vim.api.nvim_win_set_cursor(0, { 13, 10 })")
    choose(typed, "Annotate path: Path (99 %)")
    after = before.replace("def load(path)", "def load(path: pathlib.Path)")
    typed.wait("the annotation", lambda: typed.buffer() == after)
    typed.lua("vim.api.nvim_win_set_cursor(0, { 20, 12 })")
    choose(typed, "Annotate warehouse: Shelf (5 %)")
    after = after.replace("import Item, Warehouse", "import Item, Shelf, Warehouse")
    after = after.replace("(warehouse,", "(warehouse: Shelf,")
    typed.wait("the other candidate", lambda: typed.buffer() == after)
    typed.keys("u")
    typed.wait("one step back", lambda: "import Item, Warehouse" in typed.buffer())


def test_what_ships_predicts_a_type_and_once_accepted_it_is_known(editor: Editor) -> None:
    """No table: the numbers that come with fairlead. Before, the list says that it is predicted; after, it does not."""
    open_file(editor, "inventory/report.py")
    editor.wait("the hint", lambda: "def as_row(item: Item?)" in editor.screen.text())
    editor.keys("9Go")
    editor.type("item.")
    assert set(editor.wait("the list", lambda: editor.menu())) >= ITEM
    editor.wait("the mark", lambda: "predicted: Item" in editor.screen.text())
    keep(editor, "list-predicted")
    editor.keys("<C-\\><C-n>u")
    editor.lua("vim.api.nvim_win_set_cursor(0, { 9, 11 })")
    choose(editor, "Annotate item: Item (")
    editor.wait("the annotation", lambda: "def as_row(item: Item):" in editor.buffer())
    editor.keys("9Go")
    editor.type("item.")
    assert set(editor.wait("the list", lambda: editor.menu())) == ITEM
    editor.wait("the list on the screen", lambda: "total_cents" in editor.screen.text())
    assert "predicted" not in editor.screen.text()


def test_a_code_action_writes_the_signatures_of_the_file(typed: Editor) -> None:
    open_file(typed, "inventory/report.py")
    before = typed.buffer()
    typed.wait("the hints", lambda: len(hints(typed)) == 7)
    typed.lua("vim.api.nvim_win_set_cursor(0, { 20, 5 })")
    choose(typed, "Annotate this file (6 types)")
    after = before.replace("def as_row(item)", "def as_row(item) -> list[str]")
    after = after.replace("def load(path)", "def load(path: pathlib.Path) -> Warehouse")
    after = after.replace('(warehouse, path, separator="\\t")', (
        '(warehouse, path: pathlib.Path, separator: str = "\\t") -> None'))
    typed.wait("the annotations", lambda: typed.buffer() == after)
    typed.wait("hints where the guess was less sure", lambda: hints(typed) == [(8, 15, ": Item?"), (19, 19, ": Warehouse?")])


def test_types_are_listed_where_one_is_written(typed: Editor) -> None:
    open_file(typed, "inventory/items.py")
    type_at_end(typed, "\n\ndef sell(warehouse: W")
    # The list may have opened at the colon, where the blank is part of what is written.
    assert typed.wait("the list", lambda: typed.menu())[0].strip() == "Warehouse"
    keep(typed, "list-types")
    typed.keys("<C-n><C-y>")
    typed.wait("the choice", lambda: typed.line() == "def sell(warehouse: Warehouse")
