"""Listing by the index gives what jedi gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jedi.inference.filters import GlobalNameFilter, ParserTreeFilter

from fairlead.monitors import jedi_index
from fairlead.monitors.analysis import Document
from fairlead.monitors.cache import TreeCache
from fairlead.monitors.jedi_session import Session

SOURCE = """
import os, pathlib, email.message, enum, argparse
class A:
    x = 1
    if x:
        def f(self):
            global G
            G = 1
            self.a = self.b = 2
            def inner():
                self.c = 3
    class Inner:
        def g(self):
            self.d = 4
    def __private(self): ...
class B(A, email.message.Message):
    y: int
v = pathlib.Path()
w = argparse.ArgumentParser()
"""


def listed(value: Any) -> list[list[str]]:
    return [[name.string_name for name in filter_.values()] for filter_ in value.get_filters()]


@pytest.fixture(scope="module")
def values() -> list[Any]:
    session = Session(TreeCache(None))
    script = session.script(Document(str(Path(__file__).parent / "edited.py"), SOURCE))
    context = script._get_module_context()
    found: list[Any] = [context.get_value()]
    for name in ("os", "pathlib", "email", "A", "B", "v", "w"):
        for value in context.py__getattribute__(name):
            found.append(value)
            if value.is_class():
                found += list(value.execute_with_values())
    assert len(found) == 10
    return found


def test_same_names_in_the_same_order(values: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    assert ParserTreeFilter.values is jedi_index.values
    for _ in range(jedi_index._WORTH + 2):
        ours = [listed(value) for value in values]
    used = [index for index in jedi_index._indexes.values() if not isinstance(index, int)]
    assert len(used) >= 4, "the index is used for files that are listed often"
    monkeypatch.setattr(ParserTreeFilter, "values", jedi_index._values)
    monkeypatch.setattr(GlobalNameFilter, "values", jedi_index._global_values)
    assert ours == [listed(value) for value in values]
    names = {name for group in ours[5] for name in group}
    assert {"a", "b", "c", "f", "x"} <= names
    assert "d" not in names
