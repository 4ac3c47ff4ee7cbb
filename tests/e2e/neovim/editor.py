"""A real Neovim, seen and driven as a graphical front end does: keys go in, screen updates come out."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

import msgpack  # type: ignore[import-untyped]  # ships no types

from .screen import Screen

T = TypeVar("T")

PATIENCE_S = 90.0
"""How long anything may take before a test gives up. Generous: a loaded two-core machine loads a model meanwhile."""


def command(unpacked: Path) -> list[str]:
    """How the Neovim unpacked in a folder is started: with the loader and the libraries that lie beside it."""
    (loader,) = unpacked.glob("usr/lib/*/ld-linux-*.so.*")
    return [str(loader), "--argv0", "nvim", "--library-path", str(loader.parent), str(unpacked / "usr/bin/nvim")]


class Editor:
    """One Neovim process with a screen of its own. `close` it.

    Reads of the editor's state go through `lua`; whatever a person would do goes through `keys`.
    """

    def __init__(self, start: list[str], cwd: Path, env: dict[str, str], columns: int = 100, rows: int = 28) -> None:
        self.process = subprocess.Popen(
            [*start, "--embed", "-n", "-u", str(Path(__file__).with_name("init.lua"))],
            cwd=cwd, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.screen = Screen()
        self._waiting: dict[int, Future[Any]] = {}
        self._lock = threading.Lock()
        self._last_id = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.request("nvim_ui_attach", columns, rows, {"rgb": True, "ext_linegrid": True})

    def request(self, method: str, *args: Any, timeout_s: float = PATIENCE_S) -> Any:
        future: Future[Any] = Future()
        with self._lock:
            self._last_id += 1
            message_id = self._last_id
            self._waiting[message_id] = future
            assert self.process.stdin is not None
            self.process.stdin.write(msgpack.packb([0, message_id, method, list(args)]))
            self.process.stdin.flush()
        try:
            return future.result(timeout_s)
        except TimeoutError:
            raise AssertionError(f"Neovim does not answer {method} {args}; the screen:\n{self.screen.text()}") from None

    def lua(self, code: str, *args: Any) -> Any:
        return self.request("nvim_exec_lua", code, list(args))

    def keys(self, keys: str) -> None:
        """Press keys, in Neovim's notation, all at once: for commands, not for typing."""
        self.request("nvim_input", keys)

    def type(self, text: str, pause_s: float = 0.05) -> None:
        """Type text as a person does, a key at a time."""
        for letter in text:
            self.keys("<lt>" if letter == "<" else letter)
            time.sleep(pause_s)

    def wait(self, what: str, condition: Callable[[], T], timeout_s: float = PATIENCE_S) -> T:
        """The first true value of `condition`; fails with what is on the screen."""
        end = time.monotonic() + timeout_s
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > end:
                raise AssertionError(f"waited {timeout_s:.0f} s for {what}; the screen:\n{self.screen.text()}")
            time.sleep(0.03)

    def line(self) -> str:
        """The line under the cursor."""
        return str(self.request("nvim_get_current_line"))

    def cursor(self) -> tuple[int, int]:
        """Line from 1, column in bytes from 0: Neovim's own way of counting."""
        line, column = self.request("nvim_win_get_cursor", 0)
        return line, column

    def buffer(self) -> str:
        """The text of the current buffer as a file would hold it."""
        return str(self.lua("""
            local ending = ({ dos = '\\r\\n', mac = '\\r' })[vim.bo.fileformat] or '\\n'
            local text = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, true), ending)
            return vim.bo.endofline and text .. ending or text
        """))

    def ghost(self) -> str:
        """The ghost text on the screen, all its lines; empty if there is none."""
        return str(self.lua("""
            local space = vim.api.nvim_get_namespaces()['nvim.lsp.inline_completion']
            local marks = space and vim.api.nvim_buf_get_extmarks(0, space, 0, -1, { details = true }) or {}
            local lines = {}
            for _, mark in ipairs(marks) do
                for _, chunks in ipairs({ mark[4].virt_text or {}, unpack(mark[4].virt_lines or {}) }) do
                    lines[#lines + 1] = table.concat(vim.tbl_map(function(chunk) return chunk[1] end, chunks))
                end
            end
            return table.concat(lines, '\\n')
        """))

    def menu(self) -> list[str]:
        """The words of the completion list that is open; empty if none is."""
        words = self.lua("""
            if vim.fn.pumvisible() == 0 then return {} end
            return vim.tbl_map(function(item) return item.word end, vim.fn.complete_info({ 'items' }).items)
        """)
        return [str(word) for word in words]

    def close(self) -> None:
        """End the process, however it is doing."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join(5)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        unpacker = msgpack.Unpacker(raw=False, strict_map_key=False, unicode_errors="replace")
        while data := os.read(self.process.stdout.fileno(), 1 << 16):
            unpacker.feed(data)
            for message in unpacker:
                if message[0] == 1:
                    self._answer(*message[1:])
                elif message[0] == 2 and message[1] == "redraw":
                    self.screen.update(message[2])
        for future in list(self._waiting.values()):
            if not future.done():
                future.set_exception(EOFError("Neovim has ended"))

    def _answer(self, message_id: int, error: Any, result: Any) -> None:
        future = self._waiting.pop(message_id)
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(RuntimeError(error[1] if isinstance(error, list) else error))
