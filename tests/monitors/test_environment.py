"""The project's environment, found and read without running it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from fairlead.monitors.environment import find_environment, standard_library


def make_environment(folder: Path, version: str = "3.11.4", *, config: str = "") -> Path:
    """A virtual environment whose interpreter, if anybody ran it, would leave a mark."""
    short = ".".join(version.split(".")[:2])
    site = folder / "lib" / f"python{short}" / "site-packages"
    site.mkdir(parents=True)
    (folder / "bin").mkdir()
    python = folder / "bin" / "python"
    python.write_text(f"#!/bin/sh\ntouch {folder}/EXECUTED\n")
    python.chmod(0o755)
    (folder / "pyvenv.cfg").write_text(f"home = /usr/bin\nversion = {version}\n{config}")
    return site


@pytest.mark.parametrize("name", [".venv", "venv"])
def test_in_the_root(tmp_path: Path, name: str) -> None:
    site = make_environment(tmp_path / name, "3.9.1")
    found = find_environment(str(tmp_path))
    assert found.prefix == str(tmp_path / name)
    assert found.version == (3, 9)
    assert found.sys_path[0] == str(site)
    assert set(standard_library()) <= set(found.sys_path)
    assert "3.9" in found.note
    assert not (tmp_path / name / "EXECUTED").exists()


def test_the_setting_comes_first(tmp_path: Path) -> None:
    make_environment(tmp_path / ".venv")
    site = make_environment(tmp_path / "other")
    for setting in (tmp_path / "other", tmp_path / "other" / "bin" / "python", Path("other"), Path("other/bin/python")):
        found = find_environment(str(tmp_path), str(setting))
        assert found.sys_path[0] == str(site)
        assert "project.python" in found.note
    assert not (tmp_path / "other" / "EXECUTED").exists()


def test_an_active_environment_is_the_last_choice(tmp_path: Path) -> None:
    site = make_environment(tmp_path / "active")
    assert find_environment(str(tmp_path), virtual_env=str(tmp_path / "active")).sys_path[0] == str(site)
    own = make_environment(tmp_path / ".venv")
    assert find_environment(str(tmp_path), virtual_env=str(tmp_path / "active")).sys_path[0] == str(own)


def test_a_setting_that_leads_nowhere_is_said_and_passed_over(tmp_path: Path) -> None:
    site = make_environment(tmp_path / ".venv")
    found = find_environment(str(tmp_path), str(tmp_path / "none"))
    assert found.sys_path[0] == str(site)
    lost = find_environment(str(tmp_path / "empty"), str(tmp_path / "none"))
    assert lost.prefix == ""
    assert "no pyvenv.cfg" in lost.note
    assert lost.version == sys.version_info[:2]


@pytest.mark.parametrize("root", ["", "relative/root", "untitled:"])
def test_without_a_root_nothing_of_the_current_folder_is_taken(
    root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_environment(tmp_path / ".venv")
    monkeypatch.chdir(tmp_path)
    assert find_environment(root).prefix == ""


def test_pth_files(tmp_path: Path) -> None:
    """Folders are followed; code is not run; neither are huge files, links to devices and FIFOs read."""
    site = make_environment(tmp_path / ".venv")
    (tmp_path / "src").mkdir()
    (tmp_path / "beside").mkdir()
    (tmp_path / "archive.zip").write_bytes(b"PK")
    (site / "editable.pth").write_text(f"{tmp_path / 'src'}\n")
    (site / "relative.pth").write_text("# a comment\n\n../../../../beside\nno/such/folder\n")
    (site / "zip.pth").write_text(f"{tmp_path / 'archive.zip'}\n")
    mark = tmp_path / "EXECUTED"
    (site / "hook.pth").write_text(f"import os; open({str(mark)!r}, 'w')\nimport\tos\n")
    (site / "huge.pth").write_text(f"{tmp_path}\n" * 20_000)
    os.mkfifo(site / "fifo.pth")
    (site / "zero.pth").symlink_to("/dev/zero")
    (site / "folder.pth").mkdir()
    (site / "binary.pth").write_bytes(b"\xff\0\xfe\n")
    found = find_environment(str(tmp_path))
    assert list(found.sys_path[:3]) == [str(site), str(tmp_path / "src"), str(tmp_path / "beside")]
    assert str(tmp_path) not in found.sys_path
    assert "2 .pth lines that run code" in found.note
    assert not mark.exists()


@pytest.mark.parametrize("kind", ["fifo", "broken", "huge"])
def test_a_config_that_cannot_be_read(tmp_path: Path, kind: str) -> None:
    site = make_environment(tmp_path / ".venv")
    config = tmp_path / ".venv" / "pyvenv.cfg"
    config.unlink()
    if kind == "fifo":
        os.mkfifo(config)
    elif kind == "broken":
        config.write_bytes(b"\xff\xfeversion\n===\nversion = x.y\n")
    else:
        config.write_text("version = 3.11\n" * 100_000)
    found = find_environment(str(tmp_path))
    assert found.sys_path[0] == str(site)


def test_the_standard_library_is_the_running_one() -> None:
    assert os.path.dirname(os.__file__) in standard_library()
    assert all(os.path.isdir(path) for path in standard_library())
    assert not any("site-packages" in path for path in standard_library())
