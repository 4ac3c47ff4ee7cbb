"""The user's project environment, read without running anything in it.

An environment may be hostile: it is in the workspace, and the workspace may be somebody else's. Its interpreter is
never started, `.pth` files are read for their folders only, and nothing of it is ever put on our own `sys.path`.
"""

from __future__ import annotations

import os
import re
import stat
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .reader import read_text

_PTH_LIMIT = 64 * 1024
_PTH_FILES = 200


@dataclass(frozen=True)
class Environment:
    """Where the project's modules are found. `sys_path` has site-packages and the standard library, not the root.

    `prefix` is empty when no environment of the project was found. `note` says in one line what was chosen and what
    could not be followed.
    """

    prefix: str
    version: tuple[int, int]
    sys_path: tuple[str, ...]
    note: str


def find_environment(root: str = "", project_python: str = "", virtual_env: str = "") -> Environment:
    """The environment of the project at `root`: the setting, else `.venv` or `venv` in the root, else `virtual_env`
    (the caller's VIRTUAL_ENV), else the interpreter that fairlead runs in. Never raises.
    """
    problem = ""
    candidates = []
    if project_python:
        given = os.path.expanduser(project_python)
        if not os.path.isabs(given):
            given = os.path.join(root, given) if root else ""
        candidates.append((given, "project.python"))
    if root and os.path.isabs(root):
        candidates += [(os.path.join(root, name), name) for name in (".venv", "venv")]
    if virtual_env and os.path.isabs(virtual_env):
        candidates.append((virtual_env, "VIRTUAL_ENV"))
    for path, what in candidates:
        prefix = _prefix_of(path)
        if prefix is None:
            if what == "project.python":
                problem = f"project.python: {project_python!r} is no Python environment (no pyvenv.cfg); "
            continue
        return _read_environment(prefix, what)
    version = sys.version_info[:2]
    own = _distinct(_own_site_packages())
    return Environment("", version, own + standard_library(), problem + "using the interpreter fairlead runs in")


def standard_library() -> tuple[str, ...]:
    """The running interpreter's standard library: its own extension modules are the only ones ever imported."""
    stdlib = sysconfig.get_paths()["stdlib"]
    base = os.path.join(sys.base_prefix, sys.platlibdir, "python{}.{}".format(*sys.version_info[:2]))
    found = [stdlib, os.path.join(stdlib, "lib-dynload"), base, os.path.join(base, "lib-dynload")]
    dynload = sysconfig.get_config_var("DESTSHARED")
    return _distinct([*found, dynload] if dynload else found)


def _distinct(paths: Iterable[str]) -> tuple[str, ...]:
    """The folders that exist, each once, whatever links lead to it."""
    return tuple({os.path.realpath(path): path for path in reversed(list(paths)) if os.path.isdir(path)}.values())[::-1]


def _own_site_packages() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    return paths["purelib"], paths["platlib"]


def _prefix_of(path: str) -> str | None:
    """The environment folder that `path` names: itself, or the one whose interpreter it is."""
    for folder in (path, os.path.dirname(os.path.dirname(path))):
        if folder and os.path.isfile(os.path.join(folder, "pyvenv.cfg")):
            return folder
    # A system or conda interpreter has no pyvenv.cfg; its library stands beside it.
    for folder in (path, os.path.dirname(os.path.dirname(path))):
        if folder and folder != os.sep and _library_folders(folder):
            return folder
    return None


def _library_folders(prefix: str) -> list[tuple[tuple[int, int], str]]:
    """(version, site-packages) of every `lib/pythonX.Y/site-packages` below the prefix, newest first."""
    found = []
    for lib in ("lib", "lib64"):
        try:
            names = os.listdir(os.path.join(prefix, lib))
        except OSError:
            continue
        for name in names:
            match = re.fullmatch(r"python(\d)\.(\d{1,3})", name)
            folder = os.path.join(prefix, lib, name, "site-packages")
            if match and os.path.isdir(folder):
                found.append(((int(match[1]), int(match[2])), folder))
    return sorted(found, reverse=True)


def _read_environment(prefix: str, what: str) -> Environment:
    config = dict(_config(os.path.join(prefix, "pyvenv.cfg")))
    running = (sys.version_info[0], sys.version_info[1])
    version = _version(config.get("version", "") or config.get("version_info", ""))
    libraries = _library_folders(prefix)
    if version is None and libraries:
        version = libraries[0][0]
    folders = [folder for at, folder in libraries if version is None or at == version]
    windows = os.path.join(prefix, "Lib", "site-packages")
    if not folders and os.path.isdir(windows):
        folders = [windows]
    notes = [f"{what}: {prefix}"]
    if not folders:
        notes.append("it has no site-packages")
    if version is not None and version != running:
        notes.append("Python {}.{}; the standard library is read from {}.{}".format(*version, *running))
    path: list[str] = []
    unfollowed = 0
    for folder in folders:
        path.append(folder)
        added, skipped = _pth_folders(folder)
        path += added
        unfollowed += skipped
    if config.get("include-system-site-packages", "").lower() == "true":
        path += [folder for folder in _system_site(config.get("home", ""), version or running) if os.path.isdir(folder)]
    if unfollowed:
        notes.append(f"{unfollowed} .pth lines that run code are not followed (editable installs by an import hook)")
    path += standard_library()
    return Environment(prefix, version or running, _distinct(path), "; ".join(notes))


def _system_site(home: str, version: tuple[int, int]) -> Iterator[str]:
    if home and os.path.isabs(home):
        prefix = os.path.dirname(home)
        yield os.path.join(prefix, "lib", "python{}.{}".format(*version), "site-packages")
        yield os.path.join(prefix, "lib", "python3", "dist-packages")


def _config(path: str) -> Iterator[tuple[str, str]]:
    for line in (read_text(path, _PTH_LIMIT) or "").splitlines():
        key, equals, value = line.partition("=")
        if equals:
            yield key.strip().lower(), value.strip()


def _version(text: str) -> tuple[int, int] | None:
    match = re.match(r"(\d)\.(\d{1,3})", text)
    return (int(match[1]), int(match[2])) if match else None


def _pth_folders(site: str) -> tuple[list[str], int]:
    """The folders that the `.pth` files of a site-packages folder add, and how many lines would have run code."""
    added: list[str] = []
    skipped = 0
    try:
        names = sorted(name for name in os.listdir(site) if name.endswith(".pth") and not name.startswith("."))
    except OSError:
        return added, skipped
    for name in names[:_PTH_FILES]:
        for line in (read_text(os.path.join(site, name), _PTH_LIMIT) or "").splitlines():
            line = line.rstrip()
            if not line or line.startswith("#"):
                continue
            if line.startswith(("import ", "import\t")):
                skipped += 1
                continue
            folder = os.path.normpath(os.path.join(site, line))
            if folder not in added and _is_folder(folder):
                added.append(folder)
    return added, skipped


def _is_folder(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False
