"""Where source text comes from: a folder, a wheel or an sdist, each one project.

Archives are read as they lie; nothing is unpacked, imported or run, and links are not followed.
"""

from __future__ import annotations

import os
import tarfile
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from ...monitors.errors import CorpusError
from .licences import stated_licence

MOST_BYTES = 1_000_000
"""Larger files are never source that a person wrote."""

_SKIPPED = frozenset(
    {
        "__pycache__", "node_modules", "build", "dist", "_vendor", "vendor", "_vendored", "third_party", "site-packages",
    }
)  # fmt: skip
"""Folders of other people's code, or of none: their licences are not the project's."""


Entries = Iterator[tuple[str, int, Callable[[], bytes]]]
"""Path inside the project, size in bytes, and what reads it."""


@dataclass(frozen=True)
class Project:
    """One source: `licence` as stated ("" where it is not), `python_files` gives paths and bytes when it is called.

    A file that cannot be read comes as None.
    """

    name: str
    version: str
    licence: str
    python_files: Callable[[], Iterator[tuple[str, bytes | None]]]


def open_project(path: Path) -> Project:
    """The project in a folder, a `.whl`, a `.zip` or a `.tar.gz`; raises `CorpusError` when there is none to read."""
    if path.is_dir():
        read: Callable[[], Entries] = partial(_folder_entries, path)
    elif path.suffix in (".whl", ".zip"):
        read = partial(_zip_entries, path)
    elif path.name.endswith((".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")):
        read = partial(_tar_entries, path)
    elif not path.exists():
        raise CorpusError(f"There is no {path}. Give folders of Python source, wheels or sdists")
    else:
        raise CorpusError(f"{path} is neither a folder nor a wheel nor an sdist")
    try:
        name, version, licence = _described(path, read())
    except (OSError, zipfile.BadZipFile, tarfile.TarError, EOFError) as error:
        raise CorpusError(f"{path} cannot be read: {error}") from error
    return Project(name, version, licence, lambda: _python_files(read()))


def _python_files(entries: Entries) -> Iterator[tuple[str, bytes | None]]:
    for name, size, read in entries:
        if not name.endswith(".py") or _SKIPPED & set(PurePosixPath(name).parts[:-1]):
            continue
        try:
            yield name, read() if size <= MOST_BYTES else None
        except (OSError, zipfile.BadZipFile, tarfile.TarError, EOFError, NotImplementedError, RuntimeError, ValueError):
            yield name, None  # one broken member does not spoil the rest (RuntimeError: it is encrypted)


def _folder_entries(folder: Path) -> Entries:
    for place, folders, files in os.walk(folder, onerror=None):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(place, name)
            try:
                if path.is_symlink() or not path.is_file():
                    continue
                size = path.stat().st_size
            except OSError:
                continue
            yield path.relative_to(folder).as_posix(), size, path.read_bytes


def _zip_entries(path: Path) -> Entries:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if not member.is_dir():
                yield member.filename, member.file_size, partial(archive.read, member)


def _tar_entries(path: Path) -> Entries:
    with tarfile.open(path) as archive:
        for member in archive:
            if member.isfile():
                inner = member.name.partition("/")[2] or member.name
                yield inner, member.size, partial(_extracted, archive, member)


def _extracted(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    return b"" if file is None else file.read()


def _described(path: Path, entries: Entries) -> tuple[str, str, str]:
    """Name, version and licence, from the metadata nearest to the top."""
    metadata, project, texts = Message(), {}, []
    for name, size, read in entries:
        parts = PurePosixPath(name).parts
        if size > MOST_BYTES or len(parts) > 4:
            continue
        if parts[-1] in ("METADATA", "PKG-INFO") and not metadata and (len(parts) == 1 or "-info" in parts[-2]):
            metadata = message_from_bytes(read())
        elif name == "pyproject.toml":
            project = _toml_project(read())
        elif parts[-1].upper().startswith(("LICENSE", "LICENCE", "COPYING")) and (len(parts) == 1 or "-info" in name):
            texts.append(read().decode("utf-8", "replace"))
    licence = project.get("license")
    field = str(metadata.get("License") or (licence.get("text", "") if isinstance(licence, dict) else licence) or "")
    classifiers = [str(line) for line in metadata.get_all("Classifier", [])] or list(project.get("classifiers", ()))
    stated = stated_licence(str(metadata.get("License-Expression") or ""), map(str, classifiers), field, texts)
    name = str(metadata.get("Name") or project.get("name") or path.resolve().name)
    return name, str(metadata.get("Version") or project.get("version") or ""), stated


def _toml_project(data: bytes) -> dict[str, Any]:
    try:
        whole = tomllib.loads(data.decode("utf-8", "replace"))
        project = whole.get("project") or whole.get("tool", {}).get("poetry", {})
    except (tomllib.TOMLDecodeError, AttributeError):
        return {}
    return project if isinstance(project, dict) else {}
