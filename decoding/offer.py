"""What is offered, when writing stops, and what of a draft is fit to be shown."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ..monitors.analysis import Document
from ..monitors.grammar import longest_end
from ..monitors.languages import PYTHON, language_of
from ..monitors.monitor import State, finished
from ..monitors.syntax import place
from . import stops
from .endings import endings

if TYPE_CHECKING:  # the server shows offers without importing torch
    import torch

    from .draft import Draft

Stopped = Literal["end_of_line", "end_of_block", "end_of_text", "confidence", "budget", "unverified", "length"]
Provenance = Literal["analysis", "model", "model, checked"]

_ACCESSOR = re.compile(r"(?:[?!]?\.|->|::)\Z")


@dataclass(frozen=True)
class Limits:
    """When to stop. `until` is a monotonic time in seconds; `stop` is looked at for every token."""

    until: float = math.inf
    max_tokens: int = 64
    min_confidence: float = 0.0
    """Least probability that what is shown is right; the text ends before it falls below this."""
    min_expected: float = 0.0
    """Least number of characters to expect of what is shown: its length times its probability must be more."""
    min_token: float = 0.08
    """When even the likeliest token is less likely, the text ends: what follows is rarely accepted."""
    min_legal_mass: float = 1e-4
    """Below it the model wants none of the names that exist, and nothing is forced upon it."""
    whole: bool = True
    """End only where the lines written into parse with what follows them, or at least leave nothing open."""
    multiline: bool = False
    temperature: float = 0.0
    seed: int = 0
    draft: bool = True
    """Read what will probably be written before it is chosen. Faster, and the same text."""
    run_ahead: bool = True
    """Write on while analysis answers. Faster, and the same text."""
    stop: Callable[[], bool] = lambda: False
    finished: Callable[[str], bool] = lambda text: False
    """Given what is written so far, after every token: whether there is enough of it. For `multiline`."""

    @property
    def log_min_token(self) -> float:
        return math.log(self.min_token) if self.min_token > 0 else -math.inf

    @property
    def log_min_confidence(self) -> float:
        return math.log(self.min_confidence) if self.min_confidence > 0 else -math.inf

    @property
    def over(self) -> bool:
        return time.monotonic() >= self.until


@dataclass(frozen=True)
class Offer:
    """One text to insert at the cursor; empty when there is nothing worth showing, `stopped` says why.

    `probability` is that of exactly this text under the guided model, `confidence` the geometric mean over its tokens.
    """

    text: str
    probability: float
    confidence: float
    provenance: Provenance
    stopped: Stopped
    tokens: int = 0


def trim(
    draft: Draft, text: str, stopped: Stopped, document: Document, offset: int, limits: Limits,
    *, checked: bool, word_mass: Callable[[torch.Tensor], float], goes_on: float | None = None,
) -> Offer:  # fmt: skip
    """The offer made of the first part `text` of a draft: whole words, one block, nothing twice, nothing odd, and no
    more than is likely enough to be right.

    `checked`: monitors saw to it, and nothing is shown behind a dot that was not answered. `goes_on`: the text is
    broken off, and with this probability what comes next lengthens its last word; `word_mass` finds that in logits.
    """
    open_at = draft.state.questions[0].text if checked and draft.state.questions else None
    if open_at is not None and len(open_at) <= len(text):
        text, stopped = without_accessor(open_at), "unverified"
    elif goes_on is not None and _inside_name(text, goes_on):
        text = without_last_word(text)
    if stopped in ("length", "budget"):
        text = stops.without_loop(text)
    before, after = stops.line_of(document.text, offset)
    if limits.multiline and (end := stops.end_of_block(before, text)) is not None:
        text, stopped = text[:end], "end_of_block"
    if (end := stops.end_of_repetition(document.text[:offset], text.rstrip())) is not None:
        text, stopped = text[:end], "confidence" if end == 0 else "end_of_block"
    if "\n" not in text:
        text = stops.without_overlap(text, after)
    text = stops.printable(text.rstrip(), existing=document.text)
    sure = [
        ending for ending in endings(draft, text, goes_on, word_mass)
        if ending.probability >= limits.min_confidence and ending.probability * ending.length > limits.min_expected
        and (ending.length == len(text) or not checked or _stands(draft, ending.state, after))
    ]  # fmt: skip
    if limits.whole and text and language_of(document.path) is PYTHON and place(document.text, offset).where == "code":
        lengths = [ending.length for ending in sure]
        most = longest_end(document.text[:offset], text, document.text[offset:], lengths)
        sure = [ending for ending in sure if ending.length <= most]
    provenance: Provenance = "model, checked" if checked else "model"
    if not sure:
        stopped = "confidence" if text.strip() else stopped
        return Offer("", 0.0, 0.0, provenance, stopped, len(draft.steps))
    shown = sure[-1]
    if shown.length < len(text):
        text, stopped = text[: shown.length], "confidence"
    return Offer(text, shown.probability, shown.confidence, provenance, stopped, len(draft.steps))


def _stands(draft: Draft, state: State, rest: str) -> bool:
    """Whether no monitor is known to refuse that the text ends in this state, before `rest` of its line."""
    ended = finished(state, rest)
    return ended is not None and draft.settled(ended) is not None


def _inside_name(text: str, word_mass: float) -> bool:
    """Whether a text that is broken off ends inside a name, or behind a dot; `word_mass` is the probability that what
    comes next lengthens a name."""
    if stops.lengthens_name(text[-1:]):
        return word_mass > 0.5
    return without_accessor(text) != text


def without_last_word(text: str) -> str:
    """A text that was broken off inside a name, without that name and a dot that then dangles."""
    end = len(text)
    while end > 0 and stops.lengthens_name(text[end - 1]):
        end -= 1
    return without_accessor(text[:end].rstrip()).rstrip(" .")


def without_accessor(text: str) -> str:
    """A text that ends behind a dot, or behind what other languages write for it, without that."""
    return _ACCESSOR.sub("", text)
