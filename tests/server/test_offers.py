"""Typing through an offer asks nobody again."""

from __future__ import annotations

import pytest

from fairlead.decoding.offer import Offer
from fairlead.monitors.analysis import Document
from fairlead.server.offers import KEPT, Offers


def offered(text: str = "append(item)", head: str = "items.", tail: str = "\n") -> Offers:
    offers = Offers()
    offers.add(Document("/a.py", head + tail), len(head), Offer(text, 0.5, 0.8, "model, checked", "end_of_line"))
    return offers


@pytest.mark.parametrize(
    ("typed", "left"),
    [("", "append(item)"), ("app", "end(item)"), ("append(item", ")"), ("append(item)", None), ("x", None)],
)
def test_what_is_left_of_an_offer(typed: str, left: str | None) -> None:
    text = "items." + typed
    found = offered().typed_through(Document("/a.py", text + "\n"), len(text))
    assert (found[1] if found else None) == left


@pytest.mark.parametrize(
    ("path", "text"), [("/b.py", "items.app\n"), ("/a.py", "item.app\n"), ("/a.py", "items.app\nmore")]
)
def test_another_file_or_another_text_is_another_place(path: str, text: str) -> None:
    assert offered().typed_through(Document(path, text), text.index("app") + 3) is None


def test_going_back_before_the_offer_ends_it() -> None:
    assert offered().typed_through(Document("/a.py", "item\n"), 4) is None


def test_accepting_is_counted_once_and_only_for_ids_we_gave() -> None:
    offers = offered()
    shown = offers.typed_through(Document("/a.py", "items.\n"), 6)
    assert shown is not None
    assert offers.accept("guessed") is None
    assert offers.accept(shown[0].id) is shown[0]
    assert offers.accept(shown[0].id) is None
    assert offers.accepted == 1


def test_an_offer_counts_as_shown_once_however_often_it_is_typed_through() -> None:
    offers = offered()
    assert offers.sent == 0
    for typed in ("", "app", "append"):
        found = offers.typed_through(Document("/a.py", f"items.{typed}\n"), 6 + len(typed))
        assert found is not None
        offers.send(found[0])
    assert offers.sent == 1
    offers.send(offers.add(Document("/a.py", "x"), 1, Offer("y", 1, 1, "model", "end_of_line")))
    assert offers.sent == 2


def test_old_offers_and_those_of_closed_documents_are_forgotten() -> None:
    offers = offered()
    for number in range(KEPT):
        offers.add(Document(f"/{number}.py", "x"), 1, Offer("y", 1, 1, "model", "end_of_line"))
    assert offers.typed_through(Document("/a.py", "items.\n"), 6) is None
    assert offers.typed_through(Document("/3.py", "x"), 1) is not None
    offers.forget("/3.py")
    assert offers.typed_through(Document("/3.py", "x"), 1) is None
