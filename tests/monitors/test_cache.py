"""Parsed files kept between runs: nothing in them runs, and nothing in them breaks."""

from __future__ import annotations

import os
import pickle
import time
from pathlib import Path
from typing import Any

import parso.grammar
import parso.tree
import pytest
from parso.cache import _NodeCacheItem

from fairlead.monitors.cache import TreeCache, checked_folder, default_cache_folder

SOURCE = "import os\n\n\nclass A:\n    def f(self, x: int = 3) -> str:\n        return f'{x!r}' + os.path.join('a')\n@\n"


def item() -> Any:
    module = parso.grammar.load_grammar().parse(SOURCE)
    module.get_used_names()
    return _NodeCacheItem(module, SOURCE.splitlines(keepends=True), time.time())  # type: ignore[no-untyped-call]


@pytest.fixture
def trees(tmp_path: Path) -> TreeCache:
    return TreeCache(checked_folder(str(tmp_path / "cache")))


def only_file(trees: TreeCache) -> Path:
    assert trees.folder is not None
    (found,) = trees.folder.glob("*.pickle")
    return found


def test_what_was_saved_is_loaded(trees: TreeCache) -> None:
    trees.save("g", "/x.py", item())
    loaded = trees.load("g", "/x.py", time.time() - 60)
    assert loaded is not None
    assert loaded.node.get_code() == SOURCE
    assert "".join(loaded.lines) == SOURCE
    assert trees.faults == 0
    assert trees.load("g", "/y.py", 0) is None
    assert trees.load("h", "/x.py", 0) is None


def test_a_changed_file_is_parsed_again(trees: TreeCache) -> None:
    trees.save("g", "/x.py", item())
    assert trees.load("g", "/x.py", time.time() + 60) is None
    assert trees.faults == 0


class Planted:
    """Unpickling this runs a command."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.mark}",)


@pytest.mark.parametrize("kind", ["planted", "inside an item", "truncated", "empty", "text", "other class", "huge list"])
def test_damaged_and_planted_files_are_deleted_and_missed(trees: TreeCache, tmp_path: Path, kind: str) -> None:
    trees.save("g", "/x.py", item())
    file, mark = only_file(trees), tmp_path / "EXECUTED"
    good = file.read_bytes()
    evil = item()
    evil.lines = [Planted(mark)]
    content = {
        "planted": pickle.dumps(Planted(mark)),
        "inside an item": pickle.dumps(evil),
        "truncated": good[: len(good) // 2],
        "empty": b"",
        "text": b"not a pickle at all",
        "other class": pickle.dumps(parso.tree.Leaf("x", (1, 0))),
        "huge list": pickle.dumps([1] * 10),
    }[kind]
    file.write_bytes(content)
    assert trees.load("g", "/x.py", 0) is None
    assert not mark.exists()
    assert not file.exists()
    assert trees.faults == 1
    trees.save("g", "/x.py", item())
    assert trees.load("g", "/x.py", 0) is not None


def test_a_linked_file_is_not_followed(trees: TreeCache, tmp_path: Path) -> None:
    trees.save("g", "/x.py", item())
    file = only_file(trees)
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    assert trees.load("g", "/x.py", 0) is None


def test_folders_that_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert checked_folder("") is None
    assert checked_folder("relative/cache") is None
    assert checked_folder("a\0b") is None
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    assert checked_folder(str(workspace / ".cache"), [str(workspace)]) is None
    assert checked_folder(str(workspace), [str(workspace)]) is None
    assert not (workspace / ".cache").exists()
    outside = tmp_path / "outside"
    assert checked_folder(str(outside), [str(workspace)]) == outside
    assert outside.stat().st_mode & 0o777 == 0o700
    outside.chmod(0o777)
    assert checked_folder(str(outside)) is None
    link = tmp_path / "link"
    target = tmp_path / "target"
    target.mkdir(mode=0o700)
    link.symlink_to(target)
    assert checked_folder(str(link)) is None
    (tmp_path / "file").write_text("")
    assert checked_folder(str(tmp_path / "file")) is None


def test_a_link_into_the_workspace_is_in_the_workspace(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    (workspace / "cache").mkdir(parents=True, mode=0o700)
    (tmp_path / "base").symlink_to(workspace)
    assert checked_folder(str(tmp_path / "base" / "cache"), [str(workspace)]) is None


def test_a_relative_cache_home_is_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", ".cache")
    monkeypatch.setattr("sys.platform", "linux")
    assert default_cache_folder() == str(tmp_path / ".cache" / "fairlead")


def test_no_folder_and_no_room_are_no_errors(tmp_path: Path) -> None:
    nowhere = TreeCache(None)
    nowhere.save("g", "/x.py", item())
    assert nowhere.load("g", "/x.py", 0) is None
    gone = TreeCache(checked_folder(str(tmp_path / "cache")))
    assert gone.folder is not None
    gone.folder.rmdir()
    gone.save("g", "/x.py", item())
    assert gone.faults == 1
    assert gone.load("g", "/x.py", 0) is None


def test_what_was_used_longest_ago_goes_first(trees: TreeCache) -> None:
    for number in range(5):
        trees.save("g", f"/{number}.py", item())
    assert trees.folder is not None
    files = sorted(trees.folder.glob("*.pickle"))
    for age, file in enumerate(files):
        os.utime(file, (1_000_000 + age, time.time()))
    trees.prune(limit=2 * files[0].stat().st_size + 10)
    assert sorted(trees.folder.glob("*.pickle")) == files[3:]
