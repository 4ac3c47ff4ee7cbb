"""A hostile workspace: everything in it that could be run leaves a mark if it is, and nothing may.

Also the source of the recipe: jedi's convenient calls, each of which runs something of a workspace, are never used.
"""

from __future__ import annotations

import importlib.machinery
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

import fairlead.monitors.process as process_module
from fairlead.monitors.analysis import Document, Members
from fairlead.monitors.process import AnalysisProcess

PATIENCE_S = 120
SUFFIX = importlib.machinery.EXTENSION_SUFFIXES[0]


class Workspace:
    """A folder full of traps. `marks()` says which went off."""

    def __init__(self, root: Path, outside: Path) -> None:
        self.root, self.outside = root, outside
        outside.mkdir()
        root.mkdir()
        self._environment(".venv", script=True)
        self._environment("venv", script=False)
        for name in (
            "sitecustomize", "usercustomize", "setup", "conftest", "gi", "queue", "random", "json", "torch",
            "tree_sitter", "typing_extensions",
        ):  # fmt: skip
            self._python(root / f"{name}.py", name)
        for name in ("fairlead", "jedi", "parso", "server", "monitors"):
            (root / name).mkdir()
            self._python(root / name / "__init__.py", f"package {name}")
            self._python(root / name / "__main__.py", f"main of {name}")
        (root / "fairlead" / "monitors").mkdir()
        for name in ("__init__", "worker", "process"):
            self._python(root / "fairlead" / "monitors" / f"{name}.py", f"fairlead.monitors.{name}")
        (root / "manage.py").write_text("import os\nos.environ['DJANGO_SETTINGS_MODULE'] = 's'\n" + self._trap("manage"))
        self._python(root / "settings.py", "settings")
        self._extension(root / f"planted{SUFFIX}")
        self._extension(root / f"_json{SUFFIX}")
        (root / ".jedi").mkdir()
        (root / ".jedi" / "project.json").write_text(
            f'[1, {{"path": "/", "load_unsafe_extensions": true, "environment_path": "{root}/.venv"}}]'
        )
        (root / "pyproject.toml").write_text('[build-system]\nbuild-backend = "setup"\nbackend-path = ["."]\n')
        (root / "buildout.cfg").write_text("[buildout]\n")
        (root / "bin").mkdir()
        os.mkfifo(root / "bin" / "script")
        self._cache(root / ".cache")

    def _trap(self, what: str) -> str:
        return f"open({str(self.outside / what)!r} + '.mark', 'w').close()\n"

    def _python(self, path: Path, what: str) -> None:
        path.write_text("KNOWN = 1\n" + self._trap(what.replace("/", "-")))

    def _extension(self, path: Path) -> None:
        """A real shared library: being mapped into a process is how it would be seen."""
        source = next(
            Path(folder) / name
            for folder in sys.path if folder.endswith("lib-dynload")
            for name in sorted(os.listdir(folder)) if name.startswith("_")
        )  # fmt: skip
        shutil.copy(source, path)

    def _environment(self, name: str, *, script: bool) -> None:
        folder = self.root / name
        site = folder / "lib" / "python{}.{}".format(*sys.version_info[:2]) / "site-packages"
        site.mkdir(parents=True)
        (folder / "bin").mkdir()
        (folder / "pyvenv.cfg").write_text("home = /usr/bin\nversion = {}.{}.0\n".format(*sys.version_info[:2]))
        for interpreter in ("python", "python3"):
            path = folder / "bin" / interpreter
            if script:
                path.write_text(f"#!/bin/sh\ntouch {self.outside}/interpreter.mark\necho\n")
                path.chmod(0o755)
            else:
                path.symlink_to(os.path.realpath(sys.executable))
        (site / "evil.pth").write_text("import os; " + self._trap("pth"))
        self._python(site / "sitecustomize.py", f"sitecustomize of {name}")
        (site / "installed").mkdir()
        self._python(site / "installed" / "__init__.py", "installed")
        self._extension(site / "installed" / f"native{SUFFIX}")

    def _cache(self, folder: Path) -> None:
        """A planted tree in every place where parso, jedi or we might look for one."""
        for place in ("parso", "jedi", "fairlead"):
            (folder / place).mkdir(parents=True)
            planted = pickle.dumps(Planted(str(self.outside / "pickle.mark")))
            for name in ("x.pickle", "x.pkl"):
                (folder / place / name).write_bytes(planted)

    def marks(self) -> list[str]:
        return sorted(path.name for path in self.outside.iterdir())


class Planted:
    def __init__(self, mark: str) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.mark}",)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace", tmp_path / "marks")


@pytest.fixture(scope="module")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("cache"))


QUESTIONS = [
    ("import planted\nx = planted.▮", None),
    ("import installed\nx = installed.▮", "KNOWN"),
    ("import installed.native\nx = installed.native.▮", None),
    ("import jedi\nx = jedi.▮", "KNOWN"),
    ("import fairlead.monitors.worker\nx = fairlead.monitors.worker.▮", "KNOWN"),
    ("import torch\nx = torch.▮", "KNOWN"),
    ("import gi\nx = gi.▮", "KNOWN"),
    ("import json\nx = json.▮", None),
    ("import os\nx = os.▮", "getcwd"),
    ("import settings\nx = settings.▮", "KNOWN"),
    ("def test_it(tmp_path):\n    x = tmp_path.▮", None),
]


@pytest.mark.parametrize("hostile_environment", [False, True])
def test_nothing_of_a_workspace_is_run(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hostile_environment: bool
) -> None:
    monkeypatch.chdir(workspace.root)
    if hostile_environment:
        monkeypatch.setenv("PYTHONPATH", str(workspace.root))
        monkeypatch.setenv("PYTHONSTARTUP", str(workspace.root / "setup.py"))
        monkeypatch.setenv("PYTHONHOME", str(workspace.root))
        monkeypatch.setenv("VIRTUAL_ENV", str(workspace.root / "venv"))
        monkeypatch.setenv("CONDA_PREFIX", str(workspace.root / "venv"))
        monkeypatch.setenv("XDG_CACHE_HOME", ".cache")
        monkeypatch.setenv("HOME", str(tmp_path))
        cache = None
    else:
        cache = str(workspace.root / ".cache" / "fairlead")
    analysis = AnalysisProcess(cache_folder=cache, workspace_roots=[str(workspace.root)])
    try:
        for text, expected in QUESTIONS:
            source = text.replace("▮", "")
            document = Document(str(workspace.root / "edited.py"), source, 0, str(workspace.root))
            analysis.open(document)
            found = analysis.members(document, len(source)).result(PATIENCE_S)
            assert expected is None or expected in found.names, (text, found.reason)
            analysis.names(document, 0).result(PATIENCE_S)
            analysis.describe(document, 8).result(PATIENCE_S)
        running = analysis._running
        assert running is not None
        mapped = Path(f"/proc/{running._process.pid}/maps").read_text()
        assert str(workspace.root) not in mapped
        assert os.readlink(f"/proc/{running._process.pid}/cwd") != str(workspace.root)
    finally:
        analysis.shutdown()
    assert workspace.marks() == []


def test_the_traps_go_off_when_they_are_run(workspace: Workspace) -> None:
    """Otherwise the test above would prove nothing."""
    subprocess.run([sys.executable, "-c", "import sitecustomize, jedi, installed"], cwd=workspace.root, check=False,
                   env={"PYTHONPATH": f"{workspace.root}"}, capture_output=True)  # fmt: skip
    subprocess.run([workspace.root / ".venv" / "bin" / "python"], check=True, capture_output=True)
    assert {"sitecustomize.mark", "package jedi.mark", "interpreter.mark"} <= set(workspace.marks())


@pytest.mark.parametrize("kind", ["fifo", "/dev/zero", "large", "punycode", "folder", "loop"])
def test_files_that_bite_do_not_hang(tmp_path: Path, cache_folder: str, kind: str) -> None:
    root = tmp_path / "workspace"
    root.mkdir()
    for name in ("conftest.py", "bitten.py", "manage.py"):
        path = root / name
        if kind == "fifo":
            os.mkfifo(path)
        elif kind == "/dev/zero":
            path.symlink_to("/dev/zero")
        elif kind == "large":
            with path.open("wb") as stream:
                stream.truncate(50_000_000)
        elif kind == "punycode":
            path.write_bytes(b"# coding: punycode\n" + b"x = 1\n" * 100_000)
        elif kind == "folder":
            path.mkdir()
        else:
            path.symlink_to(path)
    analysis = AnalysisProcess(cache_folder=cache_folder)
    try:
        warm = "x = 'a'.▮"
        for text in (warm, "import bitten\nx = bitten.▮", "def test_it(fixture):\n    x = fixture.▮"):
            source = text.replace("▮", "")
            document = Document(str(root / "test_edited.py"), source, 0, str(root))
            analysis.members(document, len(source)).result(PATIENCE_S)
        assert analysis._restarts == 0, "a hang is killed"
        assert analysis._running is not None
        assert sum(psutil.Process(analysis._running._process.pid).cpu_times()[:2]) < 8
    finally:
        analysis.shutdown()


@pytest.mark.parametrize("damage", ["truncated", "planted", "empty"])
def test_damaged_caches_are_replaced(tmp_path: Path, damage: str) -> None:
    cache, mark = tmp_path / "cache", tmp_path / "EXECUTED"
    document = Document(str(tmp_path / "a.py"), "import string\nx = string.", 0, str(tmp_path))

    def ask() -> Members:
        analysis = AnalysisProcess(cache_folder=str(cache))
        try:
            return analysis.members(document, len(document.text)).result(PATIENCE_S)
        finally:
            analysis.shutdown()

    first = ask()
    files = list(cache.rglob("*.pickle"))
    assert files
    for file in files:
        data = file.read_bytes()
        file.write_bytes(
            {"truncated": data[: len(data) // 2], "planted": pickle.dumps(Planted(str(mark))), "empty": b""}[damage]
        )
        # Newer than its source, so that it is looked at.
        os.utime(file)
    assert ask() == first
    assert not mark.exists()
    assert {file.stat().st_size > 100 for file in cache.rglob("*.pickle")} == {True}


def test_a_memory_bomb_is_an_open_answer(tmp_path: Path) -> None:
    analysis = AnalysisProcess(cache_folder="", memory_mb=400)
    try:
        text = "x = " + "[" * 20_000 + "1" + "]" * 20_000 + "\ny = x."
        analysis.members(Document(str(tmp_path / "a.py"), text), len(text)).exception(PATIENCE_S)
        text = "x = 'a'."
        assert analysis.members(Document(str(tmp_path / "b.py"), text), len(text)).result(PATIENCE_S).closed
    finally:
        analysis.shutdown()


def test_the_calls_that_run_a_workspace_are_not_used() -> None:
    forbidden = (
        "get_default_project", "create_environment", "find_virtualenvs", "SameEnvironment", "get_default_environment",
        "get_cached_default_environment", "load_unsafe_extensions", "environment_path", "find_system_environments",
    )  # fmt: skip
    folder = Path(process_module.__file__).parent
    for path in folder.glob("*.py"):
        text = path.read_text("utf-8")
        assert not [name for name in forbidden if name in text], path.name
