"""Relative imports, seen from where the document lies: `from . import`, `from .a import`, `from ..p import`."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from fairlead.monitors.analysis import Document
from fairlead.monitors.cache import TreeCache
from fairlead.monitors.imports import Import
from fairlead.monitors.inline import InlineAnalysis
from fairlead.monitors.jedi_session import Session
from fairlead.monitors.monitor import finished

FILES = {
    "top/__init__.py": "version = 1\n",
    "top/beside.py": "class Beside: ...\nlimit = 3\n",
    "top/inner/__init__.py": "from .near import Near\n",
    "top/inner/near.py": "class Near: ...\n",
    "top/inner/lazy.py": "def __getattr__(name): ...\n",
    "top/bare/leaf.py": "value = 1\n",
}


@cache
def session() -> Session:
    return Session(TreeCache(None))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("relative")
    for path, text in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("path", "text", "closed", "takes", "refuses"),
    [
        ("top/here.py", "from . import ▮", True, "version beside inner bare", "nothing Beside near"),
        ("top/here.py", "from .beside import ▮", True, "Beside limit", "nothing beside"),
        ("top/here.py", "from .inner import ▮", True, "Near near lazy", "nothing Beside"),
        ("top/here.py", "from .inner.near import ▮", True, "Near", "near"),
        ("top/here.py", "from .bare import ▮", False, "leaf anything", ""),
        ("top/here.py", "from .bare.leaf import ▮", True, "value", "valu"),
        ("top/here.py", "from .missing import ▮", False, "anything", ""),
        ("top/here.py", "from .. import ▮", False, "anything", ""),
        ("top/here.py", "from ... import ▮", False, "anything", ""),
        ("top/inner/here.py", "from . import ▮", True, "Near near lazy", "beside nothing"),
        ("top/inner/here.py", "from .. import ▮", True, "version beside inner", "near nothing"),
        ("top/inner/here.py", "from ..beside import ▮", True, "Beside", "Near"),
        ("top/inner/here.py", "from ..inner.near import ▮", True, "Near", "Beside"),
        ("top/inner/here.py", "from .lazy import ▮", False, "anything", ""),
        ("top/inner/__init__.py", "from . import ▮", True, "near lazy", "nothing"),
        ("top/inner/__init__.py", "from .near import ▮", True, "Near", "Beside"),
    ],
)
def test_what_may_be_imported(path: str, text: str, closed: bool, takes: str, refuses: str, root: Path) -> None:
    analysis = InlineAnalysis(session())
    before = text.partition("▮")[0]
    monitor, document = Import(analysis), Document(str(root / path), before, 0, str(root))
    start = monitor.start(document, len(before))
    assert start is not None
    assert start.closed == closed, start.reason
    known = {member.name for member in start.members.members}
    assert {name for name in takes.split() if name != "anything"} <= known
    for names, wanted in ((takes, False), (refuses, True)):
        for name in names.split():
            state: Any = start.state.advance(f"{name}\n")
            while state is not None and state.questions:
                state = state.resolve(monitor.ask(document, len(before), state.questions[0]).result())
            state = None if state is None else finished(state, "")
            assert (state is None) == wanted, name
