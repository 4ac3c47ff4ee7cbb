"""What Neovim paints, kept as a grid of cells (its `ext_linegrid` events) and written down as text or SVG."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from html import escape
from typing import Any

CELL_WIDTH, CELL_HEIGHT = 8.4, 18


@dataclass(frozen=True)
class Style:
    foreground: int | None = None
    background: int | None = None
    bold: bool = False
    italic: bool = False
    reverse: bool = False


class Screen:
    """The grid, and every frame of the lines that a test asked to be watched."""

    def __init__(self) -> None:
        self._cells: list[list[tuple[str, int]]] = []
        self._styles: dict[int, Style] = {0: Style()}
        self._foreground, self._background = 0xE0E2EA, 0x14161B
        self._watched: str | None = None
        self._frames: list[str] = []
        self._lock = threading.Lock()
        self.cursor = (0, 0)

    def update(self, events: list[Any]) -> None:
        with self._lock:
            for name, *calls in events:
                handler = getattr(self, f"_{name}", None)
                if handler is not None:
                    for arguments in calls:
                        handler(*arguments)

    def lines(self) -> list[str]:
        with self._lock:
            return self._text_lines()

    def text(self) -> str:
        return "\n".join(self.lines())

    def watch(self, start: str) -> None:
        """From now on, keep every painted frame of the lines that hold `start`."""
        with self._lock:
            self._watched, self._frames = start, []

    def frames(self) -> list[str]:
        """What was painted since `watch`."""
        with self._lock:
            return list(self._frames)

    def svg(self) -> str:
        """The screen as a picture."""
        with self._lock:
            rows, columns = len(self._cells), len(self._cells[0])
            width, height = columns * CELL_WIDTH, rows * CELL_HEIGHT
            body = [
                part
                for row0, row in enumerate(self._cells)
                for start, end, style in _runs(row)
                for part in self._run(row0, start, row[start:end], style)
            ]
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" '
            f'viewBox="0 0 {width:.0f} {height}">\n<rect width="100%" height="100%" fill="#{self._background:06x}"/>\n'
            '<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14">\n'
            + "\n".join(body)
            + "\n</g>\n</svg>\n"
        )

    def _run(self, row0: int, start: int, cells: list[tuple[str, int]], style_id: int) -> list[str]:
        style = self._styles.get(style_id, Style())
        foreground = self._foreground if style.foreground is None else style.foreground
        background = self._background if style.background is None else style.background
        if style.reverse:
            foreground, background = background, foreground
        x, y, width = start * CELL_WIDTH, row0 * CELL_HEIGHT, len(cells) * CELL_WIDTH
        parts = []
        if background != self._background:
            box = f'x="{x:.1f}" y="{y}" width="{width:.1f}" height="{CELL_HEIGHT}"'
            parts.append(f'<rect {box} fill="#{background:06x}"/>')
        while cells and cells[-1][0] == " ":
            cells = cells[:-1]
        text = "".join(cell for cell, _ in cells).replace(" ", "\u00a0")  # SVG folds plain blanks
        if text:
            look = (' font-weight="bold"' if style.bold else "") + (' font-style="italic"' if style.italic else "")
            size = f'textLength="{len(cells) * CELL_WIDTH:.1f}" fill="#{foreground:06x}"'
            parts.append(f'<text x="{x:.1f}" y="{y + 14}" {size}{look}>{escape(text)}</text>')
        return parts

    def _text_lines(self) -> list[str]:
        return ["".join(cell for cell, _ in row).rstrip() for row in self._cells]

    # Neovim's events, by the names it gives them.

    def _grid_resize(self, _grid: int, width: int, height: int) -> None:
        self._cells = [[(" ", 0)] * width for _ in range(height)]

    def _grid_clear(self, _grid: int) -> None:
        self._cells = [[(" ", 0)] * len(row) for row in self._cells]

    def _grid_line(self, _grid: int, row0: int, column0: int, cells: list[list[Any]], *_wrap: bool) -> None:
        style = 0
        for text, *rest in cells:
            style = rest[0] if rest else style
            for _ in range(rest[1] if len(rest) > 1 else 1):
                self._cells[row0][column0] = (text, style)
                column0 += 1

    def _grid_scroll(self, _grid: int, top: int, bottom: int, left: int, right: int, rows: int, _columns: int) -> None:
        source = [row[left:right] for row in self._cells]
        for row0 in range(top, bottom):
            if top <= row0 + rows < bottom:
                self._cells[row0][left:right] = source[row0 + rows]

    def _grid_cursor_goto(self, _grid: int, row0: int, column0: int) -> None:
        self.cursor = (row0, column0)

    def _hl_attr_define(self, style_id: int, rgb: dict[str, Any], *_rest: Any) -> None:
        self._styles[style_id] = Style(
            rgb.get("foreground"), rgb.get("background"), "bold" in rgb, "italic" in rgb, "reverse" in rgb)

    def _default_colors_set(self, foreground: int, background: int, *_rest: int) -> None:
        self._foreground, self._background = foreground, background

    def _flush(self) -> None:
        if self._watched is not None:
            self._frames.extend(line for line in self._text_lines() if self._watched in line)


def _runs(row: list[tuple[str, int]]) -> list[tuple[int, int, int]]:
    """Stretches of one style: start, end, style."""
    runs: list[tuple[int, int, int]] = []
    for column0, (_, style) in enumerate(row):
        if runs and runs[-1][2] == style:
            runs[-1] = (runs[-1][0], column0 + 1, style)
        else:
            runs.append((column0, column0 + 1, style))
    return runs
