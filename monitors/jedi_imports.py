"""jedi's side of imports: what a module offers, and whether that is all there can be."""

from __future__ import annotations

import keyword
import os
import re
import sys
import time
from typing import Any

from jedi.inference.imports import Importer

from .analysis import Document, Member, Members
from .import_places import star_imports
from .jedi_members import kind_of_name
from .jedi_session import Session
from .jedi_values import describe_value

_TRICKS = re.compile(
    r"\bmeta_path\b|\b__path__\b|\bsys\.modules\s*\[[^\]\n]*\]\s*=[^=]|\bsys\.modules\s*\.\s*(?:update|setdefault)|\bLazyModule\b"
)
"""In the source of a module: names or submodules may come from elsewhere."""

_SUFFIX = re.compile(r"\.(?:py|pyi|pyc|so|pyd|[\w-]+\.so|[\w-]+\.pyd)\Z")
_FOLDERS_FOR_S = 30.0
_folders: dict[str, tuple[float, frozenset[str]]] = {}


def imports(session: Session, document: Document, module: str, submodules: bool) -> Members:
    """What can be imported from `module`, judged. Raises whatever jedi raises."""
    script = session.script(document)
    if not module:
        found = _top_level(script)
        top = sorted(found, key=lambda name: _order(name))
        reason = "modules that are not installed here may be installed elsewhere"
        return Members(tuple(Member(name, "module") for name in top), False, reason)
    values = _modules(script, module)
    if not values:
        return Members(reason=f"the module {module} is not known")
    names: dict[str, Any] = {}
    extra: set[str] = set()
    modules: set[str] = set()
    reason = ""
    standard = any(_is_standard_stub(value) for value in values)
    for value in values:
        if not standard or value.is_stub():
            reason = reason or _why_open(value)
        modules |= _submodules(value)
        if not submodules:
            shown, hidden = _names(value)
            # A stub hides what its module only imports.
            names |= {name: found for name, found in shown.items() if not standard or value.is_stub()}
            extra |= hidden | shown.keys()
    listed = [(_order(name, found), Member(name, kind_of_name(found, "module"))) for name, found in names.items()]
    listed += [(_order(name), Member(name, "module")) for name in modules if name not in names]
    members = [member for _, member in sorted(listed, key=lambda item: item[0]) if _listable(member.name)]
    if not members:
        reason = reason or f"no public name of {module} is known"
    return Members(
        tuple(members), not reason, reason or f"all that {module} {'contains' if submodules else 'has'}", module,
        frozenset((extra | names.keys() | modules) - {member.name for member in members}),
    )  # fmt: skip


def stars(session: Session, document: Document) -> Members:
    """The names that the star imports of the document bring; closed if all of them are known."""
    script = session.script(document)
    found: dict[str, Member] = {}
    extra: set[str] = set()
    reason = ""
    for module in star_imports(document.text):
        values = _modules(script, module)
        if not values:
            reason = reason or f"what the star import of {module} brings is not known"
        for value in values:
            why = _why_open(value)
            reason = reason or (f"{module}: {why}" if why else "")
            shown, hidden = _names(value)
            extra |= hidden
            for name, bound in shown.items():
                if name.startswith("_"):
                    extra.add(name)  # `__all__` may name it
                elif _listable(name):
                    found.setdefault(name, Member(name, kind_of_name(bound, "module")))
            extra |= _submodules(value)
    return Members(tuple(found.values()), not reason, reason or "the star imports are known", "", frozenset(extra))


def _modules(script: Any, module: str) -> list[Any]:
    """What the dotted name stands for, stub and source both."""
    level = len(module) - len(module.lstrip("."))
    path = tuple(part for part in module[level:].split(".") if part)
    state = script._inference_state
    state.reset_recursion_limitations()
    context = script._get_module_context()
    values = []
    for value in Importer(state, path, context, level).follow():
        values.append(value)
        if getattr(value, "is_stub", lambda: False)():
            values += [one for one in getattr(value, "non_stub_value_set", ()) if one.is_module()]
    if level and not _inside_package(script, level):
        return []
    return [value for value in values if value.is_module() or value.is_namespace()]


def _inside_package(script: Any, level: int) -> bool:
    """Whether the document lies deep enough in packages for so many dots."""
    package = script._get_module_context().get_value().py__package__()
    return len(package) >= level


def _why_open(value: Any) -> str:
    if value.is_namespace():
        return "a namespace package may have other parts"
    facts = describe_value(value)
    reason = (
        (facts.unresolved and f"{facts.unresolved} is not known")
        or (facts.getter and f"{facts.getter} makes names up")
        or (facts.writer and f"{facts.writer} binds computed names")
    )
    if reason:
        return reason
    node = getattr(value, "tree_node", None)
    if node is not None and not value.is_compiled() and not value.is_stub():
        found = _TRICKS.search(node.get_code())
        if found is not None:
            return f"{found.group().strip()} in {facts.name} may add to it"
    return ""


def _names(value: Any) -> tuple[dict[str, Any], set[str]]:
    """The names a module shows, and every other one that it binds, whatever the platform or the version."""
    found: dict[str, Any] = {}
    hidden: set[str] = set()
    if value.is_namespace():
        return found, hidden
    for filter_ in value.get_filters():
        for name in filter_.values():
            found.setdefault(name.string_name, name)
        if value.is_stub() and any(not name.startswith("_") for name in found):
            break  # what follows are the names of the source
    if value.is_stub():
        for filter_ in value.get_filters():
            hidden |= {name.string_name for name in filter_.values()}
    node = getattr(value, "tree_node", None)
    if node is not None and not value.is_compiled():
        for string, leaves in node.get_used_names().items():
            if string not in found and any(
                leaf.is_definition(include_setitem=False) and _in_module(leaf) for leaf in leaves
            ):
                hidden.add(string)
    return found, hidden - found.keys()


def _is_standard_stub(value: Any) -> bool:
    """Whether this is a stub of the standard library's: all public names are in it."""
    path = str(value.py__file__() or "") if value.is_stub() else ""
    return "/typeshed/stdlib/" in path.replace("\\", "/")


def _in_module(leaf: Any) -> bool:
    if leaf.parent.type == "trailer":
        return False
    at = leaf.parent
    if at.type in ("funcdef", "classdef") and at.name is leaf:
        at = at.parent
    while at is not None and at.type not in ("funcdef", "classdef", "lambdef", "file_input", "comp_for", "sync_comp_for"):
        at = at.parent
    return at is not None and bool(at.type == "file_input")


def _submodules(value: Any) -> set[str]:
    """The modules in the folders of a package."""
    paths = getattr(value, "py__path__", lambda: None)()
    found: set[str] = set()
    for path in paths or ():
        found |= _in_folder(str(path))
    return found - {"__init__", "__main__"}


def _in_folder(folder: str) -> frozenset[str]:
    known = _folders.get(folder)
    if known is not None and time.monotonic() - known[0] < _FOLDERS_FOR_S:
        return known[1]
    found = set()
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                suffix = _SUFFIX.search(name)
                if suffix is not None:
                    name = name[:suffix.start()].partition(".")[0]
                elif "." in name or not entry.is_dir():
                    continue
                if name.isidentifier():
                    found.add(name)
    except OSError:
        pass
    if len(_folders) > 500:
        _folders.clear()
    _folders[folder] = (time.monotonic(), frozenset(found))
    return _folders[folder][1]


def _top_level(script: Any) -> set[str]:
    found = set(sys.stdlib_module_names)
    for path in script._inference_state.get_sys_path():
        found |= _in_folder(str(path))
    return {name for name in found if _listable(name)} - {"__pycache__"}


def _listable(name: str) -> bool:
    return name.isidentifier() and not keyword.iskeyword(name) and not (name.startswith("__") and name.endswith("__"))


def _order(name: str, found: Any = None) -> tuple[bool, bool, str, str]:
    """Own names before imported ones, private ones last."""
    tree = found.tree_name if found is not None else None
    definition = tree.get_definition(import_name_always=True) if tree is not None else None
    imported = definition is not None and definition.type in ("import_from", "import_name")
    return name.startswith("_"), imported, name.lower(), name
