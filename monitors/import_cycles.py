"""Whether one more import at run time could fail: read from the project's import lines, nothing is run."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from functools import lru_cache

from .module_names import absolute, modules_of, packages_of
from .reader import read_text

FILES_LIMIT = 300
"""Files read before a circle is assumed: assuming one costs a pair of quotes, missing one breaks the program."""

ImportLine = tuple[str, bool, bool]
"""The module, whether a name of it is needed at once, and whether the line is indented: it may be in a `try`."""

_SIZE_LIMIT = 1 << 20
_LINE = re.compile(
    r"^(?P<indent>[ \t]*)(?:from[ \t]+(?P<module>[.\w][.\w \t]*?)[ \t]+import[ \t]*(?P<names>\([^)]*\)|[^\n#;]*)"
    r"|import[ \t]+(?P<plain>[^\n#;]+)|(?P<head>(?:async[ \t]+)?def\b|class\b|if[ \t]+(?:typing\.)?TYPE_CHECKING\b|\S))",
    re.MULTILINE,
)


def closes_circle(module: str, path: str, root: str) -> bool:
    """Whether importing `module` in the file at `path` may fail for a circle. False for what is not in the project.

    It may if the import leads back to the file, or to a name of a package around it, which is only half there while the
    file is run; and if it leads to a circle of others, which works from one end only and would now be entered anywhere.
    """
    if not root or not path or file_of(module, root) is None:
        return False
    own = set(modules_of(path, root))
    around = {name for module_name in own for name in _packages(module_name)}
    if module in around:
        return True
    todo: list[tuple[str, bool]] = [(module, False)]
    being_read: set[str] = set()
    done: set[str] = set()
    while todo:
        name, leaving = todo.pop()
        if leaving:
            being_read.discard(name)
            done.add(name)
            continue
        if name in own or name in being_read:
            return True
        if name in done or name in around:
            continue
        found = file_of(name, root)
        if found is None:
            done.add(name)
            continue
        if len(done) > FILES_LIMIT:
            return True
        being_read.add(name)
        todo.append((name, True))
        for target, is_name, _ in imports_of(found, root):
            if is_name and target in around:
                return True
            # A package is being read while its own modules are: that is no circle.
            if not (name.startswith(f"{target}.") or (target in being_read and target in _packages(name))):
                todo.append((target, False))
    return any(
        parent not in around and parent not in done and _leads_back(parent, own, around, root) for parent in _packages(module)
    )


def _leads_back(package: str, own: set[str], around: set[str], root: str) -> bool:
    """Whether a package that is imported on the way leads back to the file."""
    todo, seen = [package], set[str]()
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
        if len(seen) > FILES_LIMIT:
            return True
        for target, is_name, _ in imports_of(found, root):
            if is_name and target in around:
                return True
            todo.append(target)
    return False


def brings_strangers(module: str, path: str, root: str) -> bool:
    """Whether importing a module of the project at run time needs packages that the file has done without so far.

    One of them may be an optional dependency, and not there.
    """
    if not root or file_of(module, root) is None:
        return False
    needed = _outside({module}, root, True)
    if not needed:
        return False
    own = {target for target, _, guarded in imports_of(path, root) if not guarded}
    return not needed <= _outside(own, root, False)


def lacks(module: str, name: str, root: str) -> bool:
    """Whether a module of the project has no such name when it runs, whatever a stub beside it or its `__all__` says."""
    if not root or not name:
        return False
    found = file_of(module, root)
    if found is None:
        return True
    if file_of(f"{module}.{name}", root) is not None:
        return False
    code = read_text(found, _SIZE_LIMIT) or ""
    return re.search(rf"(?<![\w.\"']){re.escape(name)}(?![\w\"'])|\bimport[ \t(]*\*", code) is None


def _outside(modules: set[str], root: str, with_guarded: bool) -> set[str]:
    """The packages, neither the project's nor the standard library's, that importing the modules needs (or tries)."""
    todo, seen, found = list(modules), set[str](), set[str]()
    while todo and len(seen) <= FILES_LIMIT:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        path = file_of(name, root)
        if path is not None:
            todo += [target for target, _, guarded in imports_of(path, root) if with_guarded or not guarded]
            todo += _packages(name)
            continue
        first = name.partition(".")[0]
        if first and first not in sys.stdlib_module_names and not any(
            os.path.isdir(os.path.join(root, base, first)) for base in ("", "src", "lib", "python")
        ):
            found.add(first)
    return found


def file_of(module: str, root: str) -> str | None:
    """The file of a module of the project; None where it has none."""
    parts = module.split(".")
    for base in (root, *(os.path.join(root, name) for name in ("src", "lib", "python"))):
        stem = os.path.join(base, *parts)
        for candidate in (stem + ".py", os.path.join(stem, "__init__.py")):
            if os.path.isfile(candidate):
                return candidate
    return None


def imports_of(path: str, root: str) -> tuple[ImportLine, ...]:
    """What a file imports when it is run, its functions' imports left out."""
    try:
        status = os.stat(path)
    except OSError:
        return ()
    return _imports_of(path, root, status.st_mtime_ns, status.st_size)


@lru_cache(2048)
def _imports_of(path: str, root: str, _mtime_ns: int, _size: int) -> tuple[ImportLine, ...]:
    return tuple(dict.fromkeys(_found(read_text(path, _SIZE_LIMIT) or "", path, root)))


def _found(text: str, path: str, root: str) -> Iterator[ImportLine]:
    package = (packages_of(path, root) or ("",))[0]
    skipping = False
    for match in _LINE.finditer(text):
        if not match["indent"]:
            skipping = bool(re.match(r"(?:async\s+)?def\b|class\b|@|if\s+(?:typing\.)?TYPE_CHECKING", match[0]))
        elif skipping:
            continue
        guarded = bool(match["indent"])
        if match["module"]:
            base = absolute(match["module"], package)
            for name in re.findall(r"(?:^|[(,])\s*(\w+|\*)", match["names"]) or ["*"]:
                module = f"{base}.{name}"
                is_module = name != "*" and file_of(module, root) is not None
                yield (module, False, guarded) if is_module else (base, True, guarded)
        elif match["plain"]:
            for dotted in match["plain"].split(","):
                yield dotted.split(" as ")[0].strip(), False, guarded


def _packages(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:size]) for size in range(1, len(parts))]
