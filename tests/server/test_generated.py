"""What is generated from the settings is up to date, and the check would notice if it were not."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from fairlead.server.settings import from_json

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "generate"
MANIFEST = ROOT / "editors" / "vscode" / "package.json"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    loader = importlib.machinery.SourceFileLoader("fairlead_generate", str(SCRIPT))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[loader.name] = module  # dataclasses look their module up
    keep, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = keep
    return module


@pytest.fixture(scope="module")
def package() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(MANIFEST.read_text(encoding="utf-8"))
    return loaded


def test_nothing_checked_in_is_stale() -> None:
    done = subprocess.run([sys.executable, str(SCRIPT), "--check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), "run .venv/bin/python scripts/generate"


def test_a_changed_default_and_a_dropped_restriction_are_noticed(generate: ModuleType) -> None:
    package = json.loads(MANIFEST.read_text(encoding="utf-8"))
    package["contributes"]["configuration"]["properties"]["fairlead.inline.budget_ms"]["default"] = 1
    package["capabilities"]["untrustedWorkspaces"]["restrictedConfigurations"].remove("fairlead.model")
    mended = json.loads(generate.manifest(json.dumps(package)))
    assert mended == json.loads(MANIFEST.read_text(encoding="utf-8"))


def test_stale_files_are_found_and_named(generate: ModuleType, tmp_path: Path) -> None:
    for name in generate.MADE:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    assert generate.stale(tmp_path) == {}
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{generate.OPEN}\nold\n{generate.CLOSE}\nafter\n", encoding="utf-8")
    (tmp_path / "editors/neovim/lua/fairlead/settings.lua").write_text("return {}\n", encoding="utf-8")
    found = generate.stale(tmp_path)
    assert {path.name for path in found} == {"README.md", "settings.lua"}
    assert "| `inline.budget_ms` | `250` |" in found[readme]
    assert found[readme].startswith("before\n")
    assert found[readme].endswith("after\n")


def test_the_server_accepts_every_default_of_the_manifest(package: dict[str, Any]) -> None:
    properties = package["contributes"]["configuration"]["properties"]
    sent = {
        name.removeprefix("fairlead."): value["default"]
        for name, value in properties.items() if not name.startswith("fairlead.server.")
    }
    settings, problems = from_json(sent)
    assert problems == []
    assert settings == type(settings)()


def test_a_workspace_can_set_nothing_that_names_a_program_a_model_a_device_or_a_path(package: dict[str, Any]) -> None:
    properties = package["contributes"]["configuration"]["properties"]
    machine = {name for name, value in properties.items() if value["scope"] == "machine"}
    assert machine >= {f"fairlead.{name}" for name in ("server.path", "server.python", "model", "device", "log.file")}
    untrusted = package["capabilities"]["untrustedWorkspaces"]
    assert untrusted["supported"] == "limited"
    assert set(untrusted["restrictedConfigurations"]) == machine


def test_the_extension_names_no_registry_and_stands_alone(package: dict[str, Any]) -> None:
    assert not package.get("extensionDependencies")
    lock = json.loads((MANIFEST.parent / "package-lock.json").read_text(encoding="utf-8"))
    assert lock["packages"]
    assert all("resolved" not in entry for entry in lock["packages"].values())


def test_the_packaged_licence_is_ours() -> None:
    assert (MANIFEST.parent / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_commands_do_not_collide_with_the_servers(package: dict[str, Any]) -> None:
    """The language client registers the server's commands itself; a second registration of one would fail its start."""
    contributed = {command["command"] for command in package["contributes"]["commands"]}
    assert contributed.isdisjoint({"fairlead.accepted", "fairlead.status", "fairlead.pause", "fairlead.resume"})
