"""Facts about the house itself: which way imports go, and what importing a part brings along."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAY_IMPORT = {"monitors": {"monitors"}, "decoding": {"decoding", "monitors"}, "server": {"server", "decoding", "monitors"}}
FORBIDDEN = {
    "monitors": {"torch", "transformers", "tokenizers", "numpy", "pygls", "lsprotocol"},
    "decoding": {"pygls", "lsprotocol", "jedi", "parso"},
    "server": {"jedi", "parso", "torch", "transformers"},
}
FILES = sorted(path for part in MAY_IMPORT for path in (ROOT / part).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Top-level modules a file imports; our own parts by their names. Relative imports are resolved."""
    part = path.relative_to(ROOT).parts[0]
    depth = len(path.relative_to(ROOT).parts) - 1
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            if node.level == 0 or node.level > depth:
                found.add((node.module or "").partition(".")[0])
            else:
                found.add(part)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    part = path.relative_to(ROOT).parts[0]
    found = imported(path)
    assert found & set(MAY_IMPORT) <= MAY_IMPORT[part]
    assert not found & FORBIDDEN[part]
    assert "fairlead" not in found, "import relatively across the folders"


def test_every_sub_package_is_in_the_wheel() -> None:
    """A forgotten one works in an editable install and is missing from the wheel."""
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    folders = {path.parent.relative_to(ROOT) for path in FILES}
    assert {"fairlead." + ".".join(folder.parts) for folder in folders} == listed


@pytest.mark.parametrize(
    ("module", "not_brought"),
    [
        ("fairlead.server.cli", {"torch", "transformers", "jedi", "numpy", "tokenizers"}),
        ("fairlead.server.app", {"torch", "transformers", "jedi", "numpy", "tokenizers"}),
        ("fairlead.monitors.process", {"torch", "jedi", "numpy"}),
        ("fairlead.decoding.decoder", {"transformers", "pygls", "jedi"}),
    ],
)
def test_importing_a_part_does_not_bring_the_heavy_ones(module: str, not_brought: set[str]) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-E", "-P", "-c", code], capture_output=True, text=True, check=True)
    assert not not_brought & set(done.stdout.split())


def test_nothing_in_the_tree_executes_what_a_workspace_holds() -> None:
    """jedi's conveniences that run a workspace's interpreter or `.pth` files are never called."""
    words = ("create_environment", "find_virtualenvs", "get_default_project", "SameEnvironment", "load_unsafe_extensions=True")
    calls = [f"{path.name}: {word}" for path in FILES for word in words if f"{word}(" in path.read_text()]
    assert calls == []
    asked = [path.name for path in FILES if "trust_remote_code=True" in path.read_text()]
    assert asked == []


def test_a_warning_is_an_error_in_every_test() -> None:
    with pytest.raises(UserWarning, match="told"):
        warnings.warn("told", UserWarning, stacklevel=1)
