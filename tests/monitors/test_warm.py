"""What is looked at ahead is not looked at again when somebody asks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fairlead.monitors import jedi_members
from fairlead.monitors.analysis import Document
from fairlead.monitors.cache import TreeCache
from fairlead.monitors.inline import InlineAnalysis
from fairlead.monitors.jedi_session import Session

PACKAGE = """\
from heavy.deep import Deep

class Heavy:
    deep: Deep
    def make(self) -> Deep: ...
"""
TEXT = "import heavy\nfrom heavy import Heavy\n\nhandle = Heavy()\nprint(heavy.deep.Deep, handle.deep.leaf)\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "heavy").mkdir()
    (tmp_path / "heavy" / "__init__.py").write_text(PACKAGE)
    (tmp_path / "heavy" / "deep.py").write_text("class Deep:\n    leaf = 1\n")
    return tmp_path


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What members were read of."""
    jedi_members.forget_all()
    seen: list[str] = []
    original = jedi_members._read_names

    def reading(script: Any, context: Any, value: Any, position: tuple[int, int]) -> Any:
        seen.append(str(value.py__name__()))
        return original(script, context, value, position)

    monkeypatch.setattr(jedi_members, "_read_names", reading)
    return seen


@pytest.mark.parametrize("receiver", ["heavy", "Heavy", "handle", "heavy.deep", "handle.deep", "Heavy().make()"])
def test_what_a_document_uses_is_read_ahead(receiver: str, root: Path, read: list[str]) -> None:
    session = Session(TreeCache(None))
    for _ in jedi_members.warm(session, Document(str(root / "a.py"), TEXT, 1, str(root))):
        pass
    assert read
    read.clear()
    text = f"{TEXT}{receiver}."
    found = InlineAnalysis(session).members(Document(str(root / "a.py"), text, 2, str(root)), len(text)).result()
    assert found.members
    assert read == []


def test_another_question_does_not_wait_for_all_of_it(root: Path, read: list[str]) -> None:
    """It goes step by step."""
    session = Session(TreeCache(None))
    steps = jedi_members.warm(session, Document(str(root / "a.py"), TEXT, 1, str(root)))
    next(steps)
    before = len(read)
    assert before == 0
    assert len(list(steps)) >= 4
    assert len(read) > before


def test_changed_files_are_read_again(root: Path, read: list[str]) -> None:
    session = Session(TreeCache(None))
    list(jedi_members.warm(session, Document(str(root / "a.py"), TEXT, 1, str(root))))
    (root / "heavy" / "deep.py").write_text("class Deep:\n    leaf = 1\n    added = 2\n")
    text = f"{TEXT}handle.deep."
    found = InlineAnalysis(session).members(Document(str(root / "a.py"), text, 2, str(root)), len(text)).result()
    assert "added" in found.names


@pytest.mark.parametrize(
    "text", ["", "import nothing_at_all\nnothing_at_all.x.y", "x.y.z = (", "import ", "\0.\0", "a.b" * 500]
)
def test_no_text_stops_it(text: str, root: Path) -> None:
    assert list(jedi_members.warm(Session(TreeCache(None)), Document(str(root / "a.py"), text, 1, str(root))))
