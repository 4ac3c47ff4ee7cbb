"""Whether one more import at run time would close a circle: read from the project's import lines, nothing is run."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import lru_cache

from .bindings import modules_of
from .import_lines import _absolute, packages_of
from .reader import read_text

FILES_LIMIT = 300
"""Files read before a circle is assumed: assuming one costs a pair of quotes, missing one breaks the program."""

_SIZE_LIMIT = 1 << 20
_LINE = re.compile(
    r"^(?P<indent>[ \t]*)(?:from[ \t]+(?P<module>[.\w][.\w \t]*?)[ \t]+import[ \t]*(?P<names>\([^)]*\)|[^\n#;]*)"
    r"|import[ \t]+(?P<plain>[^\n#;]+)|(?P<head>(?:async[ \t]+)?def\b|class\b|if[ \t]+(?:typing\.)?TYPE_CHECKING\b|\S))",
    re.MULTILINE,
)


def closes_circle(module: str, path: str, root: str) -> bool:
    """Whether importing `module` in the file at `path` leads back to that file. False for what is not in the project.

    Packages around the file itself are being imported already when it runs, and are not followed.
    """
    if not root or not path:
        return False
    own = set(modules_of(path, root))
    around = {name for module_name in own for name in _packages(module_name)}
    todo, seen, read = [module], set(own), 0
    while todo:
        name = todo.pop()
        if name in own:
            return True
        if name in seen or name in around:
            continue
        seen.add(name)
        found = file_of(name, root)
        if found is None:
            continue
        if os.path.realpath(found) == os.path.realpath(path):
            return True
        read += 1
        if read > FILES_LIMIT:
            return True
        todo += _packages(name)
        todo += imports_of(found, root)
    return False


def file_of(module: str, root: str) -> str | None:
    """The file of a module of the project; None where it has none."""
    parts = module.split(".")
    for base in (root, *(os.path.join(root, name) for name in ("src", "lib", "python"))):
        stem = os.path.join(base, *parts)
        for candidate in (stem + ".py", os.path.join(stem, "__init__.py")):
            if os.path.isfile(candidate):
                return candidate
    return None


def imports_of(path: str, root: str) -> tuple[str, ...]:
    """The modules that a file may import when it is run, its functions' imports left out."""
    try:
        status = os.stat(path)
    except OSError:
        return ()
    return _imports_of(path, root, status.st_mtime_ns, status.st_size)


@lru_cache(2048)
def _imports_of(path: str, root: str, _mtime_ns: int, _size: int) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_found(read_text(path, _SIZE_LIMIT) or "", path, root)))


def _found(text: str, path: str, root: str) -> Iterator[str]:
    package = (packages_of(path, root) or ("",))[0]
    skipping = False
    for match in _LINE.finditer(text):
        if not match["indent"]:
            skipping = bool(re.match(r"(?:async\s+)?def\b|class\b|@|if\s+(?:typing\.)?TYPE_CHECKING", match[0]))
        elif skipping:
            continue
        if match["module"]:
            base = _absolute(match["module"], package)
            yield base
            for name in re.findall(r"(?:^|[(,])\s*(\w+)", match["names"]):
                yield f"{base}.{name}"
        elif match["plain"]:
            for dotted in match["plain"].split(","):
                yield dotted.split(" as ")[0].strip()


def _packages(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:size]) for size in range(1, len(parts))]
