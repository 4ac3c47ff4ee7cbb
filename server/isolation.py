"""What keeps the process ours: a private wire, a quiet environment, and nothing of the workspace on the import path.

The editor's command line decides what the interpreter itself runs at start (`-E -P`); what can still be done after that
is done here, before torch, transformers or jedi are imported. Only the standard library is used.
"""

from __future__ import annotations

import os
import site
import sys
from collections.abc import Mapping, MutableMapping
from itertools import repeat

QUIET: Mapping[str, str] = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    # oneDNN keeps compiled code for each shape it has met, 1,024 of them: 130 MB after a thousand questions.
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64",
    # So does torch's layer above it: a megabyte for each length of a prompt.
    "LRU_CACHE_CAPACITY": "64",
    "TOKENIZERS_PARALLELISM": "false",
    "TQDM_DISABLE": "1",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
}
"""Keeps the libraries off the network, off the terminal and out of memory; what the user has set already stays."""

_CHOOSES_CODE = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONUSERBASE", "PYTHONINSPECT", "PYTHONPYCACHEPREFIX")


def prepare(environ: MutableMapping[str, str] | None = None, path: list[str] | None = None) -> list[str]:
    """Quiet and scrub `environ` and clean `path` (ours), and say what was wrong with the start, for the log."""
    environ = os.environ if environ is None else environ
    path = sys.path if path is None else path
    warnings = start_warnings(environ, path, environment_ignored=bool(sys.flags.ignore_environment))
    for name, value in QUIET.items():
        environ.setdefault(name, value)
    # Children would obey them. VIRTUAL_ENV stays: analysis reads it, and runs nothing in it.
    for name in [name for name in environ if name.startswith("PYTHON")]:
        del environ[name]
    path[:] = [entry for entry in path if not _is_here(entry)]
    return warnings


def start_warnings(environ: Mapping[str, str], path: list[str], *, environment_ignored: bool) -> list[str]:
    """How a workspace could have stood in for our code when the interpreter started.

    Judged by the effect, not the flags: the console script needs no `-P`, and in a clean environment no `-E`.
    """
    warnings = []
    if any(_is_here(entry) for entry in path):
        warnings.append(
            "the current folder was on the import path, so files in it could run as part of the server; "
            "start the `fairlead` script, or `python -E -P -m fairlead.server`"
        )
    variables = [name for name in _CHOOSES_CODE if environ.get(name)]
    if variables and not environment_ignored:
        warnings.append(
            f"{', '.join(variables)} chose what the server's interpreter runs; remove it from the server's "
            "environment, or start `python -E -P -m fairlead.server`"
        )
    return warnings


def private_stdout() -> int:
    """The real stdout as a descriptor of our own; from now on descriptor 1 is stderr.

    A `print`, an `os.write(1, …)` or a `printf` in C then lands in the log of the editor instead of on the wire. Call
    it before anything that might print is imported. Children do not inherit the descriptor.
    """
    wire = _copy(1)
    sys.stdout.flush()
    try:
        os.dup2(2, 1)
    except OSError:
        # Started with stderr closed: there is no log to print to.
        _onto_null(1)
        _onto_null(2)
    # Block-buffered, it would lose what was printed when the process ends by `os._exit`.
    sys.stdout = sys.stderr
    return wire


def private_stdin() -> int:
    """The real stdin as a descriptor of our own; whoever else reads stdin (a prompt of a library) meets its end."""
    wire = _copy(0)
    _onto_null(0)
    return wire


def _copy(descriptor: int) -> int:
    """Where stderr is closed, the lowest free number is 2, and a plain `dup` would make the wire everybody's stderr."""
    try:
        import fcntl
    except ImportError:
        return os.dup(descriptor)  # Windows
    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 3)


def _onto_null(descriptor: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    if null != descriptor:
        os.dup2(null, descriptor)
        os.close(null)


def _is_here(entry: str) -> bool:
    """Whether an entry of the import path is the current folder, which is the workspace when an editor starts us.

    So is what is relative to it. Not an entry that is no file at all (the hook of an editable install), and not the
    interpreter's own folders, should somebody work in there.
    """
    try:
        if not os.path.isabs(entry):
            return entry == "" or os.path.exists(entry)
        return os.path.samefile(entry, os.curdir) and not any(map(os.path.samefile, _own_folders(), repeat(entry)))
    except OSError:
        return False


def _own_folders() -> list[str]:
    folders = [os.path.dirname(os.__file__), *site.getsitepackages(), site.getusersitepackages()]
    return [folder for folder in folders if os.path.isdir(folder)]
