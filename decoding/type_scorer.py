"""A language model's opinion about types: the exact distribution over candidates at the place where one would be written.

A model that fills in the middle sees the hole itself, body and uses behind it. One that only reads left to right is shown the
function first and its header once more, up to the colon: so the uses are in front of the hole for it too. What the
model thinks of the types without having seen the function (the same header alone) is subtracted: `str` is likely
everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from ..monitors.analysis import Document
from ..monitors.slot_places import function_span
from ..monitors.slots import Slot
from .decoder import Decoder
from .rank import Ranking, rank

LONGEST = 6000
"""Characters of a function that are shown; of a longer one the beginning."""


def hole(text: str, slot: Slot) -> tuple[str, int]:
    """The text with an empty annotation at the slot, and the offset where its type begins."""
    at = slot.insert_at + len(slot.prefix)
    return text[: slot.insert_at] + slot.prefix + text[slot.insert_at :], at


def repeated(text: str, slot: Slot) -> tuple[str, str]:
    """For models that read left to right: the function and then its header up to the hole, and that header alone."""
    start, end = function_span(text, slot.function_start)
    line = text.rfind("\n", 0, start) + 1
    header = text[line : slot.insert_at] + slot.prefix
    function = text[line : min(end, line + LONGEST)].rstrip()
    return f"{function}\n\n\n{header}", header


class TypeScorer:
    """A `slots.Scorer` on a decoder. For the thread that owns the decoder, or behind a `run` that takes work there."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder

    def __call__(
        self, document: Document, slot: Slot, texts: Sequence[str], stop: Callable[[], bool] | None = None
    ) -> Mapping[str, float] | None:
        """Log-probability of each text, less what it has without the function; None when stopped or out of a function."""
        pair = self.opinions(document, slot, texts, stop)
        if pair is None:
            return None
        told, prior = pair
        return {text: told.log_prob(text) - prior.log_prob(text) for text in texts}

    def opinions(
        self, document: Document, slot: Slot, texts: Sequence[str], stop: Callable[[], bool] | None = None
    ) -> tuple[Ranking, Ranking] | None:
        """The distribution with the function seen, and without."""
        if slot.function_start < 0 or not slot.legal or slot.kind not in ("parameter", "return"):
            return None
        model = self._decoder.model
        shown, header = repeated(document.text, slot)
        place = (shown, len(shown))
        if model.infilling is not None and model.prompt_order != "left_to_right":
            place = hole(document.text, slot)
        told = self._rank(replace(document, text=place[0]), place[1], texts, stop)
        prior = self._rank(replace(document, text=header), len(header), texts, stop) if told is not None else None
        return None if told is None or prior is None else (told, prior)

    def _rank(
        self, document: Document, offset: int, texts: Sequence[str], stop: Callable[[], bool] | None
    ) -> Ranking | None:
        place = self._decoder.place(document, offset, stop)
        if place is None:
            return None
        scored = rank(
            self._decoder.engine, self._decoder.vocabulary, place.ready, place.prompt.stem(""), texts, stop=stop,
        )  # fmt: skip
        self._decoder.engine.crop(len(place.prompt.tokens))
        return scored.ranking
