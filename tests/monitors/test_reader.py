"""Files that bite."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fairlead.monitors.reader import SIZE_LIMIT, UnreadableFile, read_bytes, read_source, read_text


def test_a_regular_file(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"x = 1\r\n\xff")
    assert read_bytes(tmp_path / "a.py") == b"x = 1\r\n\xff"


@pytest.mark.parametrize("kind", ["fifo", "folder", "link to /dev/zero", "loop", "link to a folder"])
def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.py"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "link to /dev/zero":
        path.symlink_to("/dev/zero")
    elif kind == "loop":
        path.symlink_to(path)
    else:
        path.symlink_to(tmp_path)
    started = time.perf_counter()
    with pytest.raises(OSError, match=r"x\.py"):
        read_bytes(path)
    assert time.perf_counter() - started < 0.5


def test_too_large(tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    with path.open("wb") as stream:
        stream.truncate(SIZE_LIMIT + 1)
    with pytest.raises(UnreadableFile, match="too many"):
        read_source(path)
    with path.open("wb") as stream:
        stream.truncate(SIZE_LIMIT)
    assert len(read_bytes(path)) == SIZE_LIMIT


def test_missing_and_impossible_paths(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_bytes(tmp_path / "none.py")
    with pytest.raises(UnreadableFile):
        read_bytes("a\0b")
    assert read_text(str(tmp_path / "none"), 100) is None


@pytest.mark.parametrize("codec", ["punycode", "rot13", "idna", "no-such-codec", "unicode_escape"])
def test_odd_codecs_are_refused(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "x.py"
    path.write_bytes(f"#!/usr/bin/python\n# -*- coding: {codec} -*-\nx = 1\n".encode())
    with pytest.raises(UnreadableFile, match=codec):
        read_source(path)


@pytest.mark.parametrize("codec", ["utf-8", "latin-1", "cp1252", "UTF8", "iso_8859_1"])
def test_ordinary_codecs_are_left_alone(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "x.py"
    content = f"# coding={codec}\nx = 'caf\xe9'\n".encode("latin-1")
    path.write_bytes(content)
    assert read_source(path) == content


def test_a_plain_read_of_a_file_that_bites_hangs(tmp_path: Path) -> None:
    """Otherwise the tests above would prove nothing."""
    os.mkfifo(tmp_path / "x.py")
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run([sys.executable, "-S", "-c", f"open({str(tmp_path / 'x.py')!r}).read()"], timeout=1.5, check=False)
