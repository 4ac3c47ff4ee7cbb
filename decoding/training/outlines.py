"""The outline of what a file of a corpus imports from its own project, as `monitors/outline.py` makes it for the server.

The server reads a project from disk; here its files are in memory already.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...monitors.import_lines import Imported, imported
from ...monitors.outline import MAX_IMPORTS, REEXPORTS, assembled, outlines_of
from .corpus import SourceFile

_ROOT = "/project"
"""Stands for the project's folder; nothing is looked for there."""
_BASES = ("", "src/", "lib/", "python/")

MOST_REMEMBERED = 2_000
"""Modules whose definitions are kept."""


class Outlines:
    """Outlines of the files of a corpus, at most `limit` characters each, by the number of the file."""

    def __init__(self, files: Sequence[SourceFile], limit: int) -> None:
        self._files, self._limit = files, limit
        self._numbers = {(file.project, file.path): number for number, file in enumerate(files)}
        self._made: dict[int, str] = {}
        self._definitions: dict[int, dict[str, str]] = {}

    def of(self, number: int) -> str:
        """Empty where nothing of the project is imported. Made once, then remembered."""
        if number not in self._made:
            if len(self._definitions) > MOST_REMEMBERED:
                self._definitions.clear()
            found = (self._definition(one.target, number) for one in self._imported(number)[:MAX_IMPORTS])
            self._made[number] = assembled(filter(None, found), self._limit)
        return self._made[number]

    def _imported(self, number: int) -> tuple[Imported, ...]:
        return imported(self._files[number].text, f"{_ROOT}/{self._files[number].path}", _ROOT)

    def _definition(self, target: str, own: int) -> tuple[str, str] | None:
        """The path and the outline of a dotted name, passed on by other modules or not."""
        for _ in range(REEXPORTS + 1):
            module, _, name = target.rpartition(".")
            number = self._module(module, self._files[own].project)
            if number is None or number == own:
                return None
            if number not in self._definitions:
                self._definitions[number] = outlines_of(self._files[number].text)
            if name in self._definitions[number]:
                return self._files[number].path, self._definitions[number][name]
            passed_on = next((one.target for one in self._imported(number) if one.expression == name), "")
            if not passed_on or passed_on == target:
                return None
            target = passed_on
        return None

    def _module(self, module: str, project: str) -> int | None:
        stem = module.replace(".", "/")
        paths = (f"{base}{stem}{end}" for base in _BASES for end in (".py", "/__init__.py"))
        return next((self._numbers[project, path] for path in paths if (project, path) in self._numbers), None)
