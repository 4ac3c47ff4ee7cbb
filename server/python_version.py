"""The oldest Python that a project's files must run on: it decides between `X | None` and `Optional[X]`."""

from __future__ import annotations

import os
import re
import tomllib
from configparser import ConfigParser
from configparser import Error as ConfigError

from ..monitors.environment import find_environment
from ..monitors.reader import read_text

Version = tuple[int, int]

_LIMIT = 256 * 1024
_LOWER = re.compile(r"(>=|~=|==|>)\s*(\d+)(?:\.(\d+))?")


def oldest_python(root: str, project_python: str = "", setting: str = "") -> Version:
    """The setting ("3.8"), else what pyproject.toml or setup.cfg requires, else the environment's version.

    Reads two small files, runs nothing, never raises.
    """
    for text in (setting, _required(root) if root else ""):
        found = _lowest(text)
        if found is not None:
            return found
    return find_environment(root, project_python, os.environ.get("VIRTUAL_ENV", "")).version


def _lowest(requirement: str) -> Version | None:
    """The lowest version that a requirement (">=3.8,<4", "3.9") allows."""
    plain = re.fullmatch(r"\s*(\d+)\.(\d+)\s*", requirement)
    if plain:
        return int(plain[1]), int(plain[2])
    found = [(int(major), int(minor or 0) + (sign == ">")) for sign, major, minor in _LOWER.findall(requirement)]
    return max(found) if found else None


def _required(root: str) -> str:
    try:
        project = tomllib.loads(read_text(os.path.join(root, "pyproject.toml"), _LIMIT) or "").get("project")
        required = project.get("requires-python") if isinstance(project, dict) else None
    except tomllib.TOMLDecodeError:
        required = None
    if isinstance(required, str):
        return required
    parser = ConfigParser(interpolation=None)
    try:
        parser.read_string(read_text(os.path.join(root, "setup.cfg"), _LIMIT) or "")
    except ConfigError:
        return ""
    return parser.get("options", "python_requires", fallback="")
