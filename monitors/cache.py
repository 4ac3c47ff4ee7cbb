"""Parsed files kept between runs, in a folder of ours, in a form that cannot run code.

parso pickles its trees into a folder that an environment variable can move into the workspace; unpickling a planted
file there runs it, and a truncated one fails every later question. So the folder is checked, the unpickler knows
parso's classes only, files appear whole or not at all, and any fault on reading means: delete it, and parse.
"""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import stat
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import parso

_FILE_LIMIT = 64 * 1024 * 1024
_FOLDER_LIMIT = 256 * 1024 * 1024
"""Bytes; what was used longest ago goes first."""


def default_cache_folder() -> str:
    """The user's cache folder for fairlead; empty if there is none we could use."""
    if sys.platform == "darwin":
        base = os.path.expanduser("~/Library/Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME", "")
        if not os.path.isabs(base):
            # A relative one would be looked up in whatever folder we are started in.
            base = os.path.expanduser("~/.cache")
    return os.path.join(base, "fairlead") if os.path.isabs(base) else ""


def checked_folder(folder: str, workspaces: Iterable[str] = ()) -> Path | None:
    """`folder`, made if need be with nobody else's rights, or None if it must not be used.

    Refused: relative, a link, not ours, writable by others, inside of a workspace.
    """
    if not folder or not os.path.isabs(folder):
        return None
    real = os.path.realpath(folder)
    for workspace in workspaces:
        if workspace and os.path.isabs(workspace):
            inner = os.path.realpath(workspace)
            if real == inner or real.startswith(inner.rstrip(os.sep) + os.sep):
                return None
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        status = os.lstat(folder)
    except (OSError, ValueError):
        return None
    if not stat.S_ISDIR(status.st_mode):
        return None
    if hasattr(os, "getuid") and status.st_uid != os.getuid():
        return None
    if os.name == "posix" and status.st_mode & 0o022:
        return None
    return Path(folder)


class _ParsoUnpickler(pickle.Unpickler):
    """Knows the classes of parso's trees and nothing else: no function can be named, so none can be called."""

    def find_class(self, module: str, name: str) -> Any:
        if module in ("parso.python.tree", "parso.tree") or (module, name) == ("parso.cache", "_NodeCacheItem"):
            found = super().find_class(module, name)
            if isinstance(found, type) and found.__module__ == module:
                return found
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a syntax tree")


class TreeCache:
    """Loads and saves parso's cache items. Faults are counted in `faults`, never raised."""

    def __init__(self, folder: Path | None) -> None:
        tag = f"parso-{parso.__version__}-{sys.version_info[0]}.{sys.version_info[1]}"
        self.folder = checked_folder(str(folder / tag)) if folder is not None else None
        self.faults = 0
        self._since_pruned = 0

    def load(self, grammar: str, path: str, modified: float) -> Any | None:
        """The item saved for `path` if it is not older than the file (`modified`, seconds), or None."""
        file = self._file(grammar, path)
        if file is None:
            return None
        try:
            status = os.lstat(file)
        except OSError:
            return None
        try:
            if modified > status.st_mtime:
                return None
            if not stat.S_ISREG(status.st_mode) or (hasattr(os, "getuid") and status.st_uid != os.getuid()):
                raise pickle.UnpicklingError("not a file of ours")
            if status.st_size > _FILE_LIMIT:
                raise pickle.UnpicklingError("too large")
            with open(file, "rb") as stream:
                item = _ParsoUnpickler(io.BytesIO(stream.read())).load()
            if not isinstance(item, parso.cache._NodeCacheItem) or not hasattr(item, "lines"):
                raise pickle.UnpicklingError("not a cache item")
            return item
        except Exception:  # whatever a damaged or planted file makes of pickle
            self.faults += 1
            try:
                os.unlink(file)
            except OSError:
                pass
            return None

    def save(self, grammar: str, path: str, item: Any) -> None:
        """Keep an item. A full disk or a folder gone is no error: it is parsed again next time."""
        file = self._file(grammar, path)
        if file is None:
            return
        temporary = ""
        try:
            data = pickle.dumps(item, pickle.HIGHEST_PROTOCOL)
            if len(data) > _FILE_LIMIT:
                return
            descriptor, temporary = tempfile.mkstemp(dir=file.parent, prefix=".new-")
            with open(descriptor, "wb") as stream:
                stream.write(data)
            os.replace(temporary, file)
        except (OSError, RecursionError, pickle.PicklingError, MemoryError):
            self.faults += 1
            if temporary:
                try:
                    os.unlink(temporary)
                except OSError:
                    pass
            return
        self._since_pruned += 1
        if self._since_pruned >= 200:
            self.prune()

    def prune(self, limit: int = _FOLDER_LIMIT) -> None:
        """Delete what was used longest ago until the folder holds at most `limit` bytes."""
        self._since_pruned = 0
        if self.folder is None:
            return
        try:
            found = [(entry.stat().st_atime, entry.stat().st_size, entry.path) for entry in os.scandir(self.folder)]
        except OSError:
            return
        total = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if total <= limit:
                return
            try:
                os.unlink(path)
                total -= size
            except OSError:
                pass

    def _file(self, grammar: str, path: str) -> Path | None:
        if self.folder is None:
            return None
        digest = hashlib.sha256(f"{grammar}\0{path}".encode("utf-8", "surrogatepass")).hexdigest()
        return self.folder / f"{digest}.pickle"
