"""Whatever is wrong with the disk, the clock or the home folder, analysis gives the same answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ASK = """
import json, logging, sys
from fairlead.monitors.analysis import Document
from fairlead.monitors.process import AnalysisProcess

logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
analysis = AnalysisProcess(cache_folder=sys.argv[1] if len(sys.argv) > 1 else None)
found = []
for number, text in enumerate(("import json\\njson.", "'a'.")):
    members = analysis.members(Document(f"/nowhere/{number}.py", text, number), len(text)).result(60)
    found.append((sorted(members.names), members.closed))
analysis.shutdown()
print(json.dumps(found))
"""


def answers(cache: Path | None, *before: str, **environ: str) -> tuple[str, str]:
    """The answers of an analysis with this cache folder, as JSON, and what it logged; `before` stands in front of it."""
    command = [*before, sys.executable, "-E", "-P", "-c", ASK, *([str(cache)] if cache is not None else [])]
    kept = {name: value for name, value in os.environ.items() if environ.get(name) != "" and not name.startswith("XDG_")}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env=kept | {k: v for k, v in environ.items() if v}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A cache folder as a healthy session leaves it, and the healthy answers."""
    cache = tmp_path_factory.mktemp("filled")
    found, _ = answers(cache)
    assert len(json.loads(found)[0][0]) > 10
    assert any(path.is_file() for path in cache.rglob("*"))
    return cache, found


def copied(filled: Path, folder: Path) -> Path:
    target = folder / "cache"
    subprocess.run(["cp", "-a", str(filled), str(target)], check=True)
    return target


def truncated(cache: Path) -> None:
    for path in files(cache):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(cache: Path) -> None:
    for path in files(cache):
        path.write_bytes(b"")


def from_the_future(cache: Path) -> None:
    """The clock was put back by ten years."""
    for path in files(cache):
        os.utime(path, (time.time() + 3e8, time.time() + 3e8))


def from_the_past(cache: Path) -> None:
    for path in files(cache):
        os.utime(path, (0, 0))


def replaced_by_folders(cache: Path) -> None:
    for path in files(cache):
        path.unlink()
        path.mkdir()


def gone(cache: Path) -> None:
    subprocess.run(["rm", "-r", str(cache)], check=True)


def a_file(cache: Path) -> None:
    gone(cache)
    cache.write_text("no folder")


def files(cache: Path) -> list[Path]:
    return [path for path in cache.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    "damage", [truncated, emptied, from_the_future, from_the_past, replaced_by_folders, gone, a_file],
    ids=lambda damage: damage.__name__.replace("_", " "),
)  # fmt: skip
def test_a_damaged_cache_changes_no_answer(
    filled: tuple[Path, str], tmp_path: Path, damage: Callable[[Path], None], figure: Callable[[str, str], None]
) -> None:
    cache = copied(filled[0], tmp_path)
    damage(cache)
    found, logged = answers(cache)
    assert found == filled[1]
    assert len(logged.splitlines()) <= 1, logged
    figure("T14", f"cache {damage.__name__.replace('_', ' ')}: same answers")


def test_without_a_home_nothing_changes(filled: tuple[Path, str], figure: Callable[[str, str], None]) -> None:
    found, logged = answers(None, HOME="")
    assert found == filled[1]
    assert len(logged.splitlines()) <= 1, logged
    found, _ = answers(None, HOME="/proc/nowhere")
    assert found == filled[1]
    figure("T14", "no home: same answers")


def test_two_at_once_share_a_cache(filled: tuple[Path, str], tmp_path: Path, figure: Callable[[str, str], None]) -> None:
    cache = tmp_path / "shared"
    cache.mkdir(mode=0o700)
    both = [subprocess.Popen([sys.executable, "-E", "-P", "-c", ASK, str(cache)], stdout=subprocess.PIPE, text=True)
            for _ in range(2)]  # fmt: skip
    assert [one.communicate(timeout=120)[0] for one in both] == [filled[1], filled[1]]
    figure("T14", "two at once: same answers")


def mounted(folder: Path, options: str) -> list[str]:
    """A command in front of another, which sees a file system of its own there; skips where that is not allowed."""
    before = ["unshare", "-rm", "sh", "-c", f'mount -t tmpfs -o {options} none "{folder}" && exec "$@"', "sh"]
    if sys.platform != "linux" or subprocess.run([*before, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no mounts in a namespace of our own here")
    return before


@pytest.mark.parametrize("options", ["size=64k", "ro,size=64k", "size=4k,nr_inodes=3"], ids=["full", "read-only", "no inodes"])
def test_a_disk_that_takes_nothing_changes_no_answer(
    filled: tuple[Path, str], tmp_path: Path, options: str, figure: Callable[[str, str], None]
) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    found, logged = answers(cache, *mounted(cache, options))
    assert found == filled[1]
    assert len(logged.splitlines()) <= 1, logged
    figure("T14", f"disk {options}: same answers")


def test_a_cache_that_is_believed_is_noticed(filled: tuple[Path, str], tmp_path: Path) -> None:
    """With parso's own cache functions, as jedi comes, a truncated file fails every question."""
    code = (
        "import jedi, parso.cache, sys\n"
        "jedi.settings.cache_directory = sys.argv[1]\n"
        "print(len(jedi.Script('import json\\njson.').complete(2, 5)))\n"
    )
    command = [sys.executable, "-E", "-P", "-c", code, str(tmp_path)]
    assert int(subprocess.run(command, capture_output=True, text=True, check=True).stdout) > 5
    truncated(tmp_path)
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0
