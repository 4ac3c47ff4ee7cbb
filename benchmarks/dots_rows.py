"""Results as JSON Lines, appended as they come, so that a run that was broken off goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Row = dict[str, Any]


class Rows:
    """All rows of a file by their key. A row counts only with the `code` it was made by: other code, other answers.

    Lines that are no rows (a run killed while it wrote) are passed over.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: dict[tuple[str, ...], Row] = {}
        self.added = 0
        """How many are new in this run."""
        self.reused: set[tuple[str, ...]] = set()
        """Which were there when it began, and were wanted."""
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                try:
                    row = json.loads(line)
                    self._rows[(row["code"], *row["key"])] = row | {"old": True}
                except (ValueError, KeyError, TypeError):
                    continue

    def find(self, code: str, *key: str) -> Row | None:
        """The row of a key made by this code, if it was made."""
        row = self._rows.get((code, *key))
        if row is not None and "old" in row:
            self.reused.add((code, *key))
        return row

    def add(self, code: str, key: Iterable[str], row: Row) -> None:
        """Keep a row, on disk at once."""
        whole = {"code": code, "key": list(key), **row}
        self._rows[(code, *whole["key"])] = whole
        self.added += 1
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(json.dumps(whole, ensure_ascii=False) + "\n")


def fingerprint(*paths: Path) -> str:
    """A short digest of files, and of the Python files in folders."""
    digest = hashlib.sha256()
    for path in paths:
        for file in sorted(path.glob("*.py")) if path.is_dir() else [path]:
            digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()[:12]


class Progress:
    """A bar on stderr: one line that is written over on a terminal, else a line every half minute."""

    def __init__(self, what: str, total: int) -> None:
        self._what, self._total, self._done, self._made = what, total, 0, 0
        self._begun = time.monotonic()
        self._shown = -1e9
        self._terminal = sys.stderr.isatty()

    def step(self, *, made: bool = True) -> None:
        """One more is done; `made` is false when it was there already."""
        self._done += 1
        self._made += made
        now = time.monotonic()
        if self._done < self._total and now - self._shown < (0.2 if self._terminal else 30):
            return
        self._shown = now
        filled = round(30 * self._done / max(1, self._total))
        left = (now - self._begun) / max(1, self._made) * (self._total - self._done)
        line = f"{self._what:<22} [{'#' * filled}{'.' * (30 - filled)}] {self._done}/{self._total}, {left:.0f} s left"
        end = "\n" if not self._terminal or self._done >= self._total else ""
        print(f"\r{line:<90}" if self._terminal else line, end=end, file=sys.stderr, flush=True)
