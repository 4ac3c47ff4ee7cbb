"""Ghost texts that were offered: typing one of them asks nobody again, and accepting one is reported back."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass

from ..decoding.offer import Offer
from ..monitors.analysis import Document

KEPT = 64
"""Offers remembered in all; the oldest are forgotten."""


@dataclass(frozen=True)
class Shown:
    """One offer where it was made: `head` is the text before the cursor, `tail` what followed it."""

    id: str
    path: str
    head: str
    tail: str
    offer: Offer


class Offers:
    """The offers of a session, by path; ids are random, so no other program can guess one."""

    def __init__(self) -> None:
        self._shown: OrderedDict[str, Shown] = OrderedDict()
        self._sent: set[str] = set()
        self.sent = 0
        """Offers that an editor was given, each once; others were only prepared."""
        self.accepted = 0

    def add(self, document: Document, offset: int, offer: Offer) -> Shown:
        """Remember an offer made at `offset`."""
        shown = Shown(secrets.token_hex(8), document.path, document.text[:offset], document.text[offset:], offer)
        self._shown[shown.id] = shown
        while len(self._shown) > KEPT:
            self._sent.discard(self._shown.popitem(last=False)[0])
        return shown

    def send(self, shown: Shown) -> None:
        """Note that an editor is given an offer, or what is left of it."""
        self.sent += shown.id not in self._sent
        self._sent.add(shown.id)

    def typed_through(self, document: Document, offset: int) -> tuple[Shown, str] | None:
        """The latest offer whose beginning has been typed since, and what is left of it; None if there is none."""
        text = document.text
        for shown in reversed(self._shown.values()):
            typed = offset - len(shown.head)
            if shown.path != document.path or not 0 <= typed < len(shown.offer.text):
                continue
            if (
                text.startswith(shown.head)
                and shown.offer.text.startswith(text[len(shown.head) : offset])
                and text[offset:] == shown.tail
            ):
                return shown, shown.offer.text[typed:]
        return None

    def accept(self, offer_id: str) -> Shown | None:
        """Note that an offer was taken; None for an id we never gave or have forgotten."""
        shown = self._shown.pop(offer_id, None)
        self._sent.discard(offer_id)
        if shown is not None:
            self.accepted += 1
        return shown

    def forget(self, path: str) -> None:
        """Drop the offers of a document that was closed."""
        for offer_id in [shown.id for shown in self._shown.values() if shown.path == path]:
            del self._shown[offer_id]
            self._sent.discard(offer_id)
