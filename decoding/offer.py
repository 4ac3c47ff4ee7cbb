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
from ..monitors.syntax import place
from . import stops

if TYPE_CHECKING:  # the server shows offers without importing torch
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
    """Least geometric mean of the token probabilities of what is shown."""
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
    def over(self) -> bool:
        return time.monotonic() >= self.until


@dataclass(frozen=True)
class Offer:
    """One text to insert at the cursor; empty when there is nothing worth showing, `stopped` says why.

    `probability` is that of the whole text under the guided model, `confidence` the geometric mean over its tokens.
    """

    text: str
    probability: float
    confidence: float
    provenance: Provenance
    stopped: Stopped
    tokens: int = 0


def trim(draft: Draft, text: str, stopped: Stopped, document: Document, offset: int, limits: Limits,
         provenance: Provenance) -> Offer:  # fmt: skip
    """The offer made of the first part `text` of a draft: whole words, one block, nothing twice, nothing odd."""
    before, after = stops.line_of(document.text, offset)
    if limits.multiline and (end := stops.end_of_block(before, text)) is not None:
        text, stopped = text[:end], "end_of_block"
    if (end := stops.end_of_repetition(document.text[:offset], text.rstrip())) is not None:
        text, stopped = text[:end], "confidence" if end == 0 else "end_of_block"
    if "\n" not in text:
        text = stops.without_overlap(text, after)
    text = stops.printable(text.rstrip(), existing=document.text)
    if limits.whole and len(kept := _whole(draft, text, document, offset)) < len(text):
        text, stopped = kept.rstrip(), "confidence"
    last = draft.size_of(text)
    values: list[float] = []
    for step in draft.steps:
        if step.log_prob is not None and step.size > len(draft.forced):
            values.append(step.log_prob)
        if step.size >= last:
            break
    total = sum(values)
    confidence = math.exp(total / len(values)) if values else 0.0
    if not text.strip() or confidence < limits.min_confidence:
        text, stopped = "", "confidence" if text.strip() else stopped
    return Offer(text, math.exp(total), confidence, provenance, stopped, len(draft.steps))


def _whole(draft: Draft, text: str, document: Document, offset: int) -> str:
    """The longest beginning of `text`, a prefix of the draft's, with which the lines written into are whole."""
    if not text or language_of(document.path) is not PYTHON or place(document.text, offset).where != "code":
        return text
    written = draft.data[len(draft.forced) :]
    sizes = (max(0, step.size - len(draft.forced)) for step in draft.steps)
    lengths = {len(bytes(written[:size]).decode("utf-8", "ignore")) for size in sizes}
    ends = sorted({length for length in lengths if length < len(text)} | {len(text)})
    return text[: longest_end(document.text[:offset], text, document.text[offset:], ends)]


def without_last_word(text: str) -> str:
    """A text that was broken off inside a name, without that name and a dot that then dangles."""
    end = len(text)
    while end > 0 and ("a" + text[end - 1]).isidentifier():
        end -= 1
    return without_accessor(text[:end].rstrip()).rstrip(" .")


def without_accessor(text: str) -> str:
    """A text that ends behind a dot, or behind what other languages write for it, without that."""
    return _ACCESSOR.sub("", text)
