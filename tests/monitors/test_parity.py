"""What is lost by running nothing: member lists beside those of jedi with an environment that it may run."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fairlead.monitors.analysis import Document
from fairlead.monitors.inline import InlineAnalysis

PROBES = (
    "import os\nos.", "import json\njson.", "import math\nmath.", "import itertools\nitertools.", "import zlib\nzlib.",
    "import array\narray.array('i').", "import select\nselect.", "import socket\nsocket.socket().", "import time\ntime.",
    "import datetime\ndatetime.datetime.now().", "import decimal\ndecimal.Decimal().", "import re\nre.compile('').",
    "import collections\ncollections.deque().", "import functools\nfunctools.partial(int).", "import pathlib\npathlib.Path().",
    "import logging\nlogging.getLogger().", "import hashlib\nhashlib.sha1().", "import struct\nstruct.", "import sys\nsys.",
    "import parso\nparso.", "import tokenizers\ntokenizers.", "import tree_sitter\ntree_sitter.", "import psutil\npsutil.",
    "'a'.", "[1].",
)  # fmt: skip


def public(names: set[str]) -> set[str]:
    return {name for name in names if not name.startswith("_")}


def ours(text: str) -> set[str]:
    members = InlineAnalysis().members(Document("/nowhere/a.py", text), len(text)).result(0)
    return public(set(members.names))


def executing(text: str) -> set[str]:
    """As jedi comes: a child of the environment's interpreter imports what is compiled."""
    import jedi

    script = jedi.Script(text)
    return public({completion.name for completion in script.complete(*position(text))})


def position(text: str) -> tuple[int, int]:
    return text.count("\n") + 1, len(text.rpartition("\n")[2])


def compared(probes: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """The probes whose lists are the same, and those of which nothing is left."""
    same, empty = [], []
    for text in probes:
        found, wanted = ours(text), executing(text)
        if found == wanted:
            same.append(text)
        if wanted and not found:
            empty.append(text)
    return same, empty


def test_little_is_lost_by_running_nothing(figure: Callable[[str, str], None]) -> None:
    same, empty = compared(PROBES)
    different = {text for text in PROBES if text not in same}
    figure("S2", f"{len(same)} of {len(PROBES)} member lists the same as jedi's own, {len(empty)} empty; different: "
                 + (", ".join(f"`{text.splitlines()[-1]}`" for text in sorted(different)) or "none"))  # fmt: skip
    assert empty == []
    assert len(same) >= 20, different


def test_lists_that_lose_something_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "ours", lambda text: set())
    assert compared(PROBES[:2]) == ([], list(PROBES[:2]))
