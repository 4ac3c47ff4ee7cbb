"""jedi, set up so that nothing of a workspace is executed and no file of it can hang or break us.

`jedi_*` modules are the only ones that touch jedi's types. jedi is not thread-safe: one thread asks. The recipe is an
environment in our own process, an explicit `sys_path`, and none of the calls that look for environments: each of those
runs something of the workspace.
"""

from __future__ import annotations

import bisect
import importlib.machinery
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

import jedi
import jedi.api.environment
import parso.cache

from .analysis import Document
from .cache import TreeCache
from .environment import Environment, find_environment, standard_library
from .jedi_patches import patch
from .syntax import TEXT_LIMIT

_TREES_LIMIT = 2_500
"""Parsed files kept in memory before all are let go; a file is a quarter of a megabyte on average."""

_NEWLINE = re.compile(r"\r\n|\r|\n")


class InferenceEnvironment(jedi.InterpreterEnvironment):  # type: ignore[misc] # jedi is untyped
    """Our own interpreter, for jedi's purposes of the project's version, importing the standard library only.

    jedi imports extension modules to look at them, from the environment's own path: that must never hold anything of
    the project.
    """

    def __init__(self, version: tuple[int, int]) -> None:
        super().__init__()
        supported = min(max(version, (3, 8)), (3, 14))
        self.version_info = jedi.api.environment._VersionInfo(*supported, 0)

    def get_sys_path(self) -> list[str]:
        """Where compiled modules may be imported from."""
        return list(standard_library())


class Session:
    """Scripts for documents, one project a root. Keeps the last script: its tree changes with the next edit."""

    def __init__(self, trees: TreeCache, project_python: str = "", virtual_env: str = "") -> None:
        self._project_python = project_python
        self._virtual_env = virtual_env
        self._projects: dict[str, tuple[Any, InferenceEnvironment, Environment, float]] = {}
        self._last: tuple[str, str, str, Any] | None = None
        patch(trees)

    def script(self, document: Document) -> Any:
        """A `jedi.Script` for the text. ValueError says why there is none."""
        text = document.text
        if len(text) > TEXT_LIMIT:
            raise ValueError(f"the document is too large to analyse ({len(text)} characters)")
        if self._last is not None and self._last[:3] == (document.path, document.root, text):
            return self._last[3]
        self._last = None
        if sum(len(trees) for trees in parso.cache.parser_cache.values()) > _TREES_LIMIT:
            parso.cache.parser_cache.clear()
        project, environment, _, _ = self._project(document.root)
        path = document.path if os.path.isabs(document.path) and "\0" not in document.path else None
        if path is None:
            # Untitled texts share no path; diffing one against another would save nothing.
            for trees in parso.cache.parser_cache.values():
                trees.pop(None, None)
        try:
            script = jedi.Script(text, path=path, project=project, environment=environment)
        except Exception:
            # The incremental parser's state may be what is broken: once more from nothing.
            self.forget(document.path)
            script = jedi.Script(text, path=path, project=project, environment=environment)
        self._last = (document.path, document.root, text, script)
        return script

    def environment(self, root: str) -> Environment:
        """The environment that answers for documents below `root`."""
        return self._project(root)[2]

    def forget(self, path: str) -> None:
        """Drop what is kept of a document that was closed: what is on disk counts again."""
        self._last = None
        for trees in parso.cache.parser_cache.values():
            trees.pop(Path(path), None)
            trees.pop(None, None)

    def clear(self) -> None:
        """Drop all trees."""
        self._last = None
        parso.cache.parser_cache.clear()

    def _project(self, root: str) -> tuple[Any, InferenceEnvironment, Environment, float]:
        known = self._projects.get(root)
        if known is not None and time.monotonic() - known[3] < 30:
            return known
        found = find_environment(root, self._project_python, self._virtual_env)
        if known is not None and known[2] == found:
            self._projects[root] = (*known[:3], time.monotonic())
            return self._projects[root]
        path = root if os.path.isabs(root) else os.getcwd()
        sys_path = ([root] if os.path.isabs(root) else []) + list(found.sys_path)
        # A `src` layout is on the path of an installed project; of one just cloned it is not.
        source = os.path.join(root, "src")
        if os.path.isabs(root) and os.path.isdir(source) and not os.path.exists(os.path.join(source, "__init__.py")):
            sys_path.insert(1, source)
        project = jedi.Project(path, sys_path=list(dict.fromkeys(sys_path)), smart_sys_path=False)
        self._projects[root] = (project, InferenceEnvironment(found.version), found, time.monotonic())
        return self._projects[root]


class Positions:
    """Translates offsets of one text to jedi's (line from 1, column from 0) and back."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(match.end() for match in _NEWLINE.finditer(text))]
        self._length = len(text)

    def position(self, offset: int) -> tuple[int, int]:
        """jedi's position of an offset."""
        line0 = bisect.bisect_right(self._starts, offset) - 1
        return line0 + 1, offset - self._starts[line0]

    def offset(self, position: tuple[int, int]) -> int:
        """The offset of jedi's position."""
        line0 = min(position[0] - 1, len(self._starts) - 1)
        return min(self._starts[line0] + position[1], self._length)


def isolate() -> None:
    """From here on this process imports nothing but the standard library, whatever jedi is asked to look at.

    Call it when everything of ours is imported. Import hooks of editable installs go too: through them a
    workspace's `import fairlead` would find ours.
    """
    allowed = (
        importlib.machinery.BuiltinImporter, importlib.machinery.FrozenImporter, importlib.machinery.PathFinder,
    )  # fmt: skip
    sys.meta_path[:] = [finder for finder in sys.meta_path if finder in allowed]
    sys.path[:] = list(standard_library())
