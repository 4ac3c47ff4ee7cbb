"""How far a run is, and the learning rate there: warm-up, then a cosine to zero at the end of whichever budget is set."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ...monitors.errors import TrainingError


@dataclass(frozen=True)
class Budget:
    """Tokens, seconds, or both (0: not set); the one that is spent first ends the run."""

    tokens: int = 0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if self.tokens <= 0 and self.seconds <= 0:
            raise TrainingError("Give a budget: --tokens or --minutes, more than nothing")

    def spent(self, tokens: int, seconds: float) -> float:
        """Share of the budget that is spent, 0 to 1."""
        share = max(
            tokens / self.tokens if self.tokens > 0 else 0.0,
            seconds / self.seconds if self.seconds > 0 else 0.0,
        )
        return min(1.0, share)


def learning_rate(peak: float, warm_up: float, spent: float) -> float:
    """Linear from zero to `peak` over the share `warm_up` of the budget, then half a cosine to a hundredth of it."""
    if spent < warm_up:
        return peak * max(spent / warm_up, 0.01)
    rest = (spent - warm_up) / max(1e-9, 1 - warm_up)
    return peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, rest))))
