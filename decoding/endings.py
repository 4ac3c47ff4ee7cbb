"""Where a text could end, and how likely it is that the file would have exactly that text."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..monitors.monitor import State
from .stops import lengthens_name

if TYPE_CHECKING:  # the server shows offers without importing torch
    import torch

    from .draft import Draft, Step


@dataclass(frozen=True)
class Ending:
    """A beginning of a text, `length` characters long, behind a whole word or token."""

    length: int
    probability: float
    """Of its tokens, and of its last word ending there. On code that no model of ours has seen, as good as the share of
    texts that are right (docs/benchmarks/showing.md)."""
    confidence: float
    """The geometric mean of its tokens' probabilities."""
    state: State
    """The monitors' state there; behind the whole token, where `text` ends inside one."""


def endings(draft: Draft, text: str, goes_on: float | None, word_mass: Callable[[torch.Tensor], float]) -> Iterator[Ending]:
    """The endings of `text`, a beginning of the draft's, by rising length; the last one is `text` itself.

    `goes_on` is the probability that what follows the draft lengthens its last word, None where the model ended it;
    `word_mass` finds that in logits.
    """
    steps = [step for step in draft.steps if step.size > len(draft.forced)]
    written = bytes(draft.data[len(draft.forced) :])
    total, count, seen = 0.0, 0, 0
    for at, step in enumerate(steps):
        if step.log_prob is not None:
            total, count = total + step.log_prob, count + 1
        here = written[: step.size - len(draft.forced)].decode("utf-8", "ignore").rstrip()
        last = len(here) >= len(text)
        length = len(text) if last else len(here)
        inside = not last and (step.log_prob is None or (lengthens_name(text[length - 1 :]) and lengthens_name(text[length:])))
        if length > seen and count and text[:length].strip() and not inside:
            mass = _mass_behind(text[:length], steps[at + 1 : at + 2], goes_on, word_mass)
            yield Ending(length, math.exp(total) * (1 - mass), math.exp(total / count), step.state)
            seen = length
        if last:
            break


def _mass_behind(text: str, following: list[Step], goes_on: float | None, word_mass: Callable[[torch.Tensor], float]) -> float:
    if not lengthens_name(text[-1:]):
        return 0.0
    if not following:
        return goes_on or 0.0
    return word_mass(following[0].logits) if len(following[0].logits) else 0.0
