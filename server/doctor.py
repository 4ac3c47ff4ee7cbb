"""`fairlead doctor`: is everything in place, and what to do where it is not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..monitors.analysis import Document
from ..monitors.environment import find_environment
from ..monitors.errors import FairleadError
from ..monitors.process import AnalysisProcess
from ..monitors.protocols import protocols_of
from .settings import Settings


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `mend` says what to do where it is not good."""

    name: str
    good: bool
    text: str
    mend: str = ""


def examine(settings: Settings, root: str) -> list[Finding]:
    """Look at everything; takes a few seconds, since the model is loaded and analysis is started."""
    folder = str(Path(root).resolve())
    of_project = [_analysis(settings, folder), _environment(settings, folder), _protocols(folder)]
    return [_python(), _model(settings), *of_project, *_editors()]


def report(findings: list[Finding]) -> str:
    """The findings for a person."""
    lines = []
    for finding in findings:
        lines.append(f"{'ok  ' if finding.good else 'FAIL'}  {finding.name}: {finding.text}")
        if finding.mend:
            lines.append(f"      {finding.mend}")
    return "\n".join(lines)


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info >= (3, 11)
    return Finding("python", good, f"{version} ({sys.executable})", "" if good else "install Python 3.11 or newer")


def _model(settings: Settings) -> Finding:
    from ..decoding.decoder import Decoder  # torch: seconds

    begun = time.monotonic()
    try:
        decoder = Decoder.of(settings.model, settings.device)
        decoder.warm_up()
    except FairleadError as error:
        return Finding("model", False, str(error), "see the setting fairlead.model; empty is the packaged one")
    model = decoder.model
    return Finding(
        "model", True,
        f"{model.name}, {model.parameters / 1e6:.1f} M parameters, {model.dtype} on {model.device}, "
        f"ready in {time.monotonic() - begun:.1f} s",
    )  # fmt: skip


def _analysis(settings: Settings, root: str) -> Finding:
    begun = time.monotonic()
    analysis = AnalysisProcess(memory_mb=settings.analysis_memory_mb, workspace_roots=[root])
    try:
        found = analysis.members(Document(os.path.join(root, "doctor.py"), "import os\nos.path.", 1, root), 18)
        names = found.result(20).names
    except (FairleadError, TimeoutError) as error:
        return Finding("analysis", False, str(error) or "no answer within 20 s", "the log says more")
    finally:
        analysis.shutdown()
    good = "join" in names
    return Finding("analysis", good, f"{len(names)} names behind `os.path.` in {time.monotonic() - begun:.1f} s",
                   "" if good else "reinstall fairlead: jedi does not know the standard library")  # fmt: skip


def _environment(settings: Settings, root: str) -> Finding:
    found = find_environment(root, settings.project_python, os.environ.get("VIRTUAL_ENV", ""))
    good = "not" not in found.note or not settings.project_python
    mend = "" if good else "set fairlead.project.python to a folder with a pyvenv.cfg"
    return Finding("project", good, f"{found.prefix or 'no environment of its own'} {found.note}".strip(), mend)


def _protocols(root: str) -> Finding:
    protocols = protocols_of(root)
    if protocols.problems:
        mend = "see tool.fairlead.protocols in pyproject.toml"
        return Finding("protocols", False, "; ".join(protocols.problems), mend)
    return Finding("protocols", True, f"{len(protocols.by_name)} classes whose states are known")


def _editors() -> Iterator[Finding]:
    server = shutil.which("fairlead")
    yield Finding(
        "server on PATH", server is not None, server or "there is no `fairlead` on PATH",
        "" if server else f"add {Path(sys.executable).parent} to PATH, or set fairlead.server.path in the editor",
    )  # fmt: skip
    nvim = shutil.which("nvim")
    if nvim:
        version = _first_line([nvim, "--version"])
        good = _neovim_version(version) >= (0, 11)
        yield Finding("neovim", good, version, "" if good else "0.11 is needed for lists, 0.12 for ghost text")
    code = shutil.which("code") or shutil.which("codium")
    if code:
        extensions = Path.home() / ".vscode" / "extensions"
        installed = any(extensions.glob("fairlead*")) if extensions.is_dir() else False
        mend = "" if installed else "install the extension: code --install-extension fairlead.vsix"
        yield Finding("vs code", installed, "extension found" if installed else "extension not installed", mend)


def _first_line(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return (done.stdout or done.stderr).partition("\n")[0]


def _neovim_version(line: str) -> tuple[int, ...]:
    digits = line.rpartition("v")[2].split("-")[0].split(".")
    return tuple(int(part) for part in digits if part.isdigit())
