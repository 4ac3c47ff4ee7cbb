"""What the settings say about how one ghost text is written."""

from __future__ import annotations

import math
from collections.abc import Callable

from ..decoding.offer import Limits
from .settings import Settings

KEYSTROKES = 1.0
"""What taking a text costs: one that is expected to save no more than that is not worth a look."""


def limits_of(
    settings: Settings, *, invoked: bool = False, until: float = math.inf, stop: Callable[[], bool] = lambda: False
) -> Limits:
    """Limits of an automatic text, or of one that was asked for, which is shown however unsure it is.

    `until` is a monotonic time in seconds.
    """
    least = 0.0 if invoked else settings.inline_min_confidence
    return Limits(
        until=until, stop=stop, multiline=invoked, max_tokens=settings.inline_max_tokens * (4 if invoked else 1),
        min_confidence=least, min_expected=KEYSTROKES if least else 0.0, whole=settings.monitors_syntax,
        draft=settings.inline_draft, run_ahead=settings.inline_run_ahead,
    )  # fmt: skip
