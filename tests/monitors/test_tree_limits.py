"""parso drops the trees of files not changed lately once it keeps many; jedi then raises KeyError for ever. Not here."""

from __future__ import annotations

import os
import time
from pathlib import Path

import parso.cache
import pytest

from fairlead.monitors import jedi_session
from fairlead.monitors.analysis import Document
from fairlead.monitors.cache import TreeCache
from fairlead.monitors.inline import InlineAnalysis
from fairlead.monitors.jedi_session import Session

FILES = 12


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Modules that were changed long ago, each with a class that inherits from the next one's."""
    hour_ago = time.time() - 3600
    for number in range(FILES):
        base = f"from m{number + 1} import C{number + 1}\n\n\n" if number + 1 < FILES else ""
        name = f"C{number + 1}" if base else "object"
        path = tmp_path / f"m{number}.py"
        path.write_text(f"{base}class C{number}({name}):\n    def method_{number}(self): ...\n")
        os.utime(path, (hour_ago, hour_ago))
    return tmp_path


def asked(analysis: InlineAnalysis, root: Path, number: int) -> frozenset[str]:
    text = f"from m{number} import C{number}\nC{number}()."
    document = Document(str(root / f"use{number}.py"), text, 1, str(root))
    return analysis.members(document, len(text)).result().names


def test_parso_never_drops_a_tree_that_is_in_use() -> None:
    Session(TreeCache(None))
    assert parso.cache._CACHED_SIZE_TRIGGER > 1_000_000


def test_with_the_low_limit_of_parso_jedi_fails(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the change is for: when this passes without failures, it can go."""
    analysis = InlineAnalysis()
    monkeypatch.setattr(parso.cache, "_CACHED_SIZE_TRIGGER", 3)
    monkeypatch.setattr(parso.cache, "parser_cache", {})
    for number in (0, 4, 8):
        asked(analysis, workspace, number)
    assert any("KeyError" in reason for reason in analysis.reasons)


def test_letting_all_trees_go_costs_no_answer(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own limit is kept between questions, where no tree is in use."""
    monkeypatch.setattr(jedi_session, "_TREES_LIMIT", FILES)
    analysis = InlineAnalysis()
    for number in (0, 6, 0):
        assert {f"method_{other}" for other in range(number, FILES)} <= asked(analysis, workspace, number)
    assert not any("KeyError" in reason for reason in analysis.reasons)
