"""The only way analysis reads a file: regular files, of a sane size, in a known encoding.

A workspace may hold a FIFO named `conftest.py`, a link to /dev/zero, 50 MB of generated code or a file whose declared
codec takes quadratic time; without a guard each of them hangs analysis or eats its memory.
"""

from __future__ import annotations

import os
import re
import stat

SIZE_LIMIT = 4 * 1024 * 1024
"""Bytes; the largest modules people write are a tenth of it."""

_CODING = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_KNOWN = frozenset({
    "ascii", "big5", "cp1250", "cp1251", "cp1252", "cp437", "cp932", "cp949", "euc-jp", "euc-kr", "gb18030",
    "gb2312", "gbk", "iso-8859-1", "iso-8859-15", "iso-8859-2", "iso-8859-9", "iso8859-1", "iso8859-15", "koi8-r",
    "latin-1", "latin1", "mac-roman", "shift-jis", "sjis", "u8", "us-ascii", "utf-8", "utf-8-sig", "utf8",
    "windows-1250", "windows-1251", "windows-1252",
})  # fmt: skip
"""Codecs that read in linear time, with `-` for `_`."""


class UnreadableFile(FileNotFoundError):
    """A file that is there but is no source file we read: for analysis, as good as not there at all.

    jedi survives a missing file everywhere, other faults in some places only.
    """


def read_bytes(path: str | os.PathLike[str], limit: int = SIZE_LIMIT) -> bytes:
    """The file's content.

    Raises OSError (`UnreadableFile` for what is no regular file, or is larger than `limit` bytes). Never blocks on a
    FIFO: it is opened without waiting and looked at before it is read.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)
    except ValueError as error:  # a NUL in the path
        raise UnreadableFile(str(error)) from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableFile(f"{path}: not a regular file")
        if status.st_size > limit:
            raise UnreadableFile(f"{path}: {status.st_size} bytes are too many")
        pieces = []
        left = limit + 1
        while left > 0:
            piece = os.read(descriptor, min(left, 1 << 20))
            if not piece:
                break
            pieces.append(piece)
            left -= len(piece)
        if left <= 0:
            raise UnreadableFile(f"{path}: grew beyond {limit} bytes")
        return b"".join(pieces)
    finally:
        os.close(descriptor)


def read_source(path: str | os.PathLike[str]) -> bytes:
    """The bytes of a Python file. Raises OSError as `read_bytes` does, also for a codec we do not know.

    Decoding is left to the parser, and some codecs take quadratic time or are no text at all (punycode, rot13).
    """
    data = read_bytes(path)
    at = 0
    for _ in range(2):
        end = data.find(b"\n", at)
        match = _CODING.match(data[at:end if end >= 0 else len(data)][:400])
        if match and match[1].decode("ascii", "replace").lower().replace("_", "-") not in _KNOWN:
            raise UnreadableFile(f"{path}: unknown encoding {match[1].decode('ascii', 'replace')}")
        if end < 0:
            break
        at = end + 1
    return data


def read_text(path: str, limit: int) -> str | None:
    """A small text file, or None if it cannot be read."""
    try:
        return read_bytes(path, limit).decode("utf-8", "replace")
    except OSError:
        return None
