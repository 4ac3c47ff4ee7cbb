"""The dotted names of files, and of the modules that import statements write."""

from __future__ import annotations

import os
import re

_LEFT_OUT = ("src", "lib", "python")
"""Folders of a project whose own names are no part of a module's."""


def modules_of(path: str, root: str) -> tuple[str, ...]:
    """The dotted names a file may be imported by, the one without a leading `src` last. Empty for what is no file
    below `root`."""
    if not root or not path.endswith((".py", ".pyi")):
        return ()
    relative = os.path.relpath(path, root) if path.startswith(root) else ""
    parts = relative.rpartition(".")[0].split(os.sep)
    if parts[-1] == "__init__":
        parts = parts[:-1]
    if not parts or not all(part.isidentifier() for part in parts):
        return ()
    found = [".".join(parts)]
    if len(parts) > 1 and parts[0] in _LEFT_OUT:
        found.append(".".join(parts[1:]))
    return tuple(found)


def module_name(path: str, root: str) -> str:
    """The dotted name a file is most likely imported by; "" where it has none."""
    return ("", *modules_of(path, root))[-1]


def packages_of(path: str, root: str) -> tuple[str, ...]:
    """The dotted names of the package that relative imports of the file start from."""
    return tuple(package_of(module, is_package(path)) for module in modules_of(path, root))


def package_of(module: str, is_package: bool) -> str:
    """The package that relative imports of a module start from; `is_package` of an `__init__.py`."""
    return module if is_package else module.rpartition(".")[0]


def is_package(path: str) -> bool:
    """Whether a file is that of a package itself."""
    return path.endswith(("__init__.py", "__init__.pyi"))


def absolute(written: str, package: str) -> str:
    """The absolute name of a module as an import statement writes it; "" where a relative one leads out."""
    written = re.sub(r"\s", "", written)
    name = written.lstrip(".")
    level = len(written) - len(name)
    if level == 0:
        return name
    parts = package.split(".") if package else []
    if level > len(parts):
        return ""
    return ".".join([*parts[:len(parts) - level + 1], *filter(None, [name])])
