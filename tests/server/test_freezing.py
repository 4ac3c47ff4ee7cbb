"""A loaded model is left out of collections, and what is left of it is collected when the next one is loaded."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from fairlead.decoding.decoder import Decoder
from fairlead.server.session import Session


class Circular:
    """A decoder that only a collection can free."""

    def __init__(self) -> None:
        self.model = SimpleNamespace(outline_characters=0, recent_characters=0)
        self.engine = SimpleNamespace(context_tokens=1024)
        self.itself = self


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Any]]:
    """What a session gives to the model's thread."""
    given: list[Callable[[], Any]] = []
    monkeypatch.setattr(Decoder, "of", lambda *_: Circular())
    session = Session(lambda: None)
    monkeypatch.setattr(session.model, "load", given.append)
    session._load_model()
    yield given[0]
    gc.unfreeze()
    session.close()


def test_a_loaded_model_is_not_looked_at_by_collections_until_the_next_is_loaded(make: Callable[[], Any]) -> None:
    first = weakref.ref(make())
    gc.collect()
    assert first() is not None, "frozen: no collection has seen that nobody holds it"
    make()
    assert first() is None
