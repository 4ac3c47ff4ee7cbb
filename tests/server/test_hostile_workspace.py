"""Nothing of a workspace is ever executed, however the server is started in it; all of it can be read.

Every trap writes a marker when it runs. At the end there are none, and the members of the hostile packages were listed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.server.client import Client

FLAGS = [sys.executable, "-E", "-P", "-m", "fairlead.server"]
SCRIPT = Path(sysconfig.get_path("scripts")) / "fairlead"
PATIENT = {"analysis.budget_ms": 20_000, "completion.budget_ms": 20_000, "inline.budget_ms": 20_000,
           "inline.min_confidence": 0.0}  # fmt: skip

PACKAGES = (
    "server", "fairlead", "monitors", "decoding", "jedi", "parso", "lsprotocol", "pygls", "tree_sitter_python", "transformers",
    "safetensors", "numpy",
)  # fmt: skip
MODULES = (
    "torch", "sitecustomize", "usercustomize", "conftest", "setup", "manage", "tokenizers", "tree_sitter", "tqdm", "cattrs",
    "__main__", "antigravity", "noxfile", "tasks", "gunicorn_conf",
)  # fmt: skip
STANDARD = (
    "types", "typing", "json", "logging", "asyncio", "signal", "random", "copy", "pickle", "abc", "re", "readline", "encodings",
    "concurrent", "os", "site", "codecs",
)  # fmt: skip
"""A Python that finds these first does not even start."""

EXTENSION = """
#include <Python.h>
#include <stdio.h>

static void __attribute__((constructor)) loaded(void) {
    FILE *file = fopen("MARKER", "a");
    if (file) { fputs("loaded\\n", file); fclose(file); }
}

static struct PyModuleDef module = { PyModuleDef_HEAD_INIT, "NAME", NULL, -1, NULL };

PyMODINIT_FUNC PyInit_NAME(void) { return PyModule_Create(&module); }
"""


@dataclass(frozen=True)
class Workspace:
    """A folder full of traps, and where their markers would be."""

    folder: Path
    markers: Path

    def sprung(self) -> list[str]:
        return sorted(path.name for path in self.markers.iterdir())


def trap(markers: Path, name: str) -> str:
    """Python code that leaves a marker and is an interesting module otherwise."""
    code = f"import os\nos.close(os.open({str(markers / name)!r}, os.O_CREAT | os.O_WRONLY))\n"
    return code + f"class Thing_{name}:\n    only_here = 1\n    def method(self): ...\nthing = Thing_{name}()\n"


def build(base: Path) -> Workspace:
    folder, markers = base / "workspace", base / "markers"
    folder.mkdir()
    markers.mkdir()
    for name in PACKAGES:
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(trap(markers, name))
        (folder / name / "__main__.py").write_text(trap(markers, f"{name}_main"))
    for name in MODULES:
        (folder / f"{name}.py").write_text(trap(markers, name))
    for part in ("server", "monitors", "decoding"):
        (folder / "fairlead" / part).mkdir()
        for name in ("__init__", "__main__", "worker", "analysis", "app", "cli"):
            (folder / "fairlead" / part / f"{name}.py").write_text(trap(markers, f"fairlead_{part}_{name}"))
    (folder / "pyproject.toml").write_text("[tool.jedi]\n[tool.pytest.ini_options]\npythonpath = ['.']\n")
    (folder / ".env").write_text("PYTHONPATH=.\nPYTHONSTARTUP=sitecustomize.py\n")
    for name in ("planted", "planted_too"):
        plant_extension(folder, markers, name)
    environment(folder / ".venv", markers)
    shutil.copytree(folder / ".venv", folder / "venv", symlinks=True)
    # A compiled module that is newer than its source.
    import py_compile

    (folder / "stale.py").write_text(trap(markers, "compiled"))
    py_compile.compile(str(folder / "stale.py"), doraise=True)
    # Where parso keeps pickles, should somebody point XDG_CACHE_HOME here.
    for cache in (folder / "cache", folder / ".cache"):
        cache.mkdir()
    return Workspace(folder, markers)


def plant_extension(folder: Path, markers: Path, name: str) -> None:
    """A compiled module that leaves a marker when it is loaded; without a compiler one that cannot be loaded."""
    target = folder / f"{name}{sysconfig.get_config_var('EXT_SUFFIX')}"
    compiler = shutil.which("gcc") or shutil.which("cc")
    source = folder / f"{name}.c"
    source.write_text(EXTENSION.replace("MARKER", str(markers / f"{name}_extension")).replace("NAME", name))
    command = [compiler or "", "-shared", "-fPIC", f"-I{sysconfig.get_path('include')}", "-o", str(target), str(source)]
    if compiler is None or subprocess.run(command, capture_output=True, check=False).returncode:
        target.write_bytes(b"\x7fELF no library")


def environment(folder: Path, markers: Path) -> None:
    """A virtual environment whose interpreter, start-up files and packages are all traps."""
    site = folder / "lib" / "python{}.{}".format(*sys.version_info) / "site-packages"
    (folder / "bin").mkdir(parents=True)
    site.mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text(f"home = {folder / 'bin'}\nversion = {'.'.join(map(str, sys.version_info[:3]))}\n")
    for name in ("python", "python3", "python{}.{}".format(*sys.version_info), "pip", "activate"):
        script = folder / "bin" / name
        script.write_text(f"#!/bin/sh\ntouch {markers / f'ran_{name}'}\nexec {sys.executable} \"$@\"\n")
        script.chmod(0o755)
    here = markers / "pth"
    (site / "evil.pth").write_text(f"import os; os.close(os.open({str(here)!r}, os.O_CREAT))\n")
    (site / "distutils-precedence.pth").write_text(f"import os; os.close(os.open({str(here)!r}_too, os.O_CREAT))\n")
    for name in ("sitecustomize", "usercustomize", "installed"):
        (site / f"{name}.py").write_text(trap(markers, f"site_{name}"))
    plant_extension(site, markers, "native")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    made = build(tmp_path_factory.mktemp("hostile"))
    assert_the_traps_work(made)
    for name in STANDARD:
        (made.folder / f"{name}.py").write_text(trap(made.markers, name))
    yield made
    assert made.sprung() == []


def assert_the_traps_work(workspace: Workspace) -> None:
    """A Python that is started carelessly falls into them; then they are set again."""
    careless = {**os.environ, "PYTHONPATH": str(workspace.folder)}
    modules = "torch, server, fairlead, installed"
    code = f"import sys; sys.path.append({str(next(workspace.folder.glob('.venv/lib/*/site-packages')))!r}); import {modules}"
    subprocess.run([sys.executable, "-c", code], env=careless, cwd=workspace.folder, check=True)
    subprocess.run([str(workspace.folder / ".venv" / "bin" / "python"), "-c", ""], check=True)
    sprung = set(workspace.sprung())
    assert {"sitecustomize", "torch", "server", "fairlead", "site_installed", "ran_python"} <= sprung
    if shutil.which("gcc"):
        subprocess.run([sys.executable, "-c", "import planted"], cwd=workspace.folder, check=True)
        assert "planted_extension" in workspace.sprung()
    for marker in workspace.markers.iterdir():
        marker.unlink()
    for cache in workspace.folder.rglob("__pycache__"):
        if cache.parent != workspace.folder:
            shutil.rmtree(cache)


# The ways it is started.


def scrubbed(environ: dict[str, str]) -> dict[str, str]:
    """As the editors start the console script."""
    return {name: value for name, value in environ.items() if name not in ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP")}


def emptied(environ: dict[str, str]) -> dict[str, str]:
    """As Neovim does it: an empty value counts as none."""
    return {**environ, "PYTHONPATH": "", "PYTHONHOME": "", "PYTHONSTARTUP": ""}


def hostile(environ: dict[str, str], workspace: Workspace) -> dict[str, str]:
    """What direnv, a terminal in the project or a dev container would set."""
    folder = str(workspace.folder)
    return {**environ, "PYTHONPATH": folder, "PYTHONSTARTUP": f"{folder}/sitecustomize.py", "PYTHONHOME": "",
            "PYTHONPYCACHEPREFIX": f"{folder}/cache", "VIRTUAL_ENV": f"{folder}/.venv", "CONDA_PREFIX": f"{folder}/.venv",
            "XDG_CACHE_HOME": f"{folder}/cache"}  # fmt: skip


STARTS: dict[str, tuple[list[str], Callable[[dict[str, str], Workspace], dict[str, str]]]] = {
    "python -E -P -m, clean": (FLAGS, lambda environ, _: scrubbed(environ)),
    "python -E -P -m, hostile environment": (FLAGS, hostile),
    "script, scrubbed": ([str(SCRIPT)], lambda environ, workspace: scrubbed(hostile(environ, workspace))),
    "script, emptied, relative cache": (
        [str(SCRIPT)], lambda environ, workspace: {**emptied(hostile(environ, workspace)), "XDG_CACHE_HOME": "cache"}
    ),
}  # fmt: skip

QUESTIONS = {
    "import server\nserver.thing.": {"only_here", "method"},
    "import fairlead\nfairlead.thing.": {"only_here", "method"},
    "import torch\ntorch.thing.": {"only_here", "method"},
    "import jedi\njedi.thing.": {"only_here", "method"},
    "from fairlead.server import app\napp.thing.": {"only_here", "method"},
    "import conftest\nconftest.thing.": {"only_here", "method"},
    "import setup\nsetup.thing.": {"only_here", "method"},
    "import stale\nstale.thing.": {"only_here", "method"},
    "import installed\ninstalled.thing.": {"only_here", "method"},
    "import planted\nplanted.": set(),
    "import native\nnative.": set(),
    "import sitecustomize, usercustomize, manage\nmanage.thing.": {"only_here", "method"},
    "import os\nos.getcw": {"getcwd", "getcwdb"},
}
"""Buffers, and the public members that must be listed at their ends."""


def public(answer: dict[str, Any] | None) -> set[str]:
    return {item["label"] for item in (answer or {"items": []})["items"] if not item["label"].startswith("_")}


@pytest.mark.weights
@pytest.mark.parametrize("start", STARTS)
async def test_a_server_in_a_hostile_folder_runs_nothing_of_it_and_reads_all_of_it(
    start_client: Callable[..., AbstractAsyncContextManager[Client]], workspace: Workspace, start: str
) -> None:
    command, environ = STARTS[start]
    model = [] if start in ("python -E -P -m, hostile environment", "script, scrubbed") else ["--no-model"]
    async with start_client(
        [*command, "serve", *model], cwd=workspace.folder, env=environ(dict(os.environ), workspace), options=PATIENT,
        roots=[workspace.folder.as_uri()],
    ) as client:  # fmt: skip
        await client.notification("fairlead/status", where=lambda s: s["state"] in ("ready", "static"), timeout_s=60)
        for number, (text, expected) in enumerate(QUESTIONS.items()):
            uri = (workspace.folder / f"question_{number}.py").as_uri()
            client.open(uri, text)
            line = text.rpartition("\n")[2]
            at = client.at(uri, 1, len(line))
            listed = await client.request("textDocument/completion", at)
            assert public(listed) == expected
            for item in listed["items"][:2]:
                await client.request("completionItem/resolve", item)
            await client.request("textDocument/hover", client.at(uri, 1, 1))
            await client.request("textDocument/inlineCompletion", {**at, "context": {"triggerKind": 2}})
        client.open((workspace.folder / "conftest.py").as_uri(), (workspace.folder / "conftest.py").read_text())
        found = await client.status()
        assert found["state"] == ("static" if model else "ready")
        assert found["analysis"] == "ready"
        assert "current folder" not in client.stderr.decode()
    assert workspace.sprung() == []


@pytest.mark.weights
@pytest.mark.parametrize("start", ["python -E -P -m, hostile environment", "script, emptied, relative cache"])
def test_the_command_line_in_a_hostile_folder_runs_nothing_of_it(workspace: Workspace, start: str) -> None:
    command, environ = STARTS[start]
    questions = {text: expected for text, expected in QUESTIONS.items() if expected}
    positions = []
    for number, text in enumerate(questions):
        (workspace.folder / f"asked_{number}.py").write_text(text)
        positions.append(f"asked_{number}.py:2:{len(text.rpartition(chr(10))[2]) + 1}")
    done = subprocess.run(
        [*command, "complete", "--json", *([] if "-E" in command else ["--no-model"]), *positions], cwd=workspace.folder,
        env=environ(dict(os.environ), workspace), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    for answer, expected in zip(answers, questions.values(), strict=True):
        assert {item["label"] for item in answer["completions"] if not item["label"].startswith("_")} == expected
    assert workspace.sprung() == []


def test_the_doctor_in_a_hostile_folder_runs_nothing_of_it(workspace: Workspace) -> None:
    """It looks for editors on PATH, and the workspace is not on it."""
    environ = {**hostile(dict(os.environ), workspace), "PATH": f"{SCRIPT.parent}{os.pathsep}{os.defpath}"}
    done = subprocess.run(
        [*FLAGS, "doctor", "--root", "."], cwd=workspace.folder, env=environ, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert f"project: {workspace.folder / '.venv'} .venv: " in done.stdout
    assert ".pth lines that run code are not followed" in done.stdout
    assert workspace.sprung() == []
