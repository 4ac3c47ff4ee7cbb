"""The threshold and the cost of a keystroke are for automatic texts: who asks for one gets all of it."""

from __future__ import annotations

import pytest

from fairlead.server.limits import KEYSTROKES, limits_of
from fairlead.server.settings import Settings


@pytest.mark.parametrize(
    ("invoked", "least", "min_confidence", "min_expected"),
    [(False, 0.25, 0.25, KEYSTROKES), (False, 0.0, 0.0, 0.0), (True, 0.25, 0.0, 0.0)],
    ids=["automatic", "everything is to be shown", "invoked"],
)
def test_thresholds_are_for_automatic_texts(
    invoked: bool, least: float, min_confidence: float, min_expected: float
) -> None:
    limits = limits_of(Settings(inline_min_confidence=least), invoked=invoked)
    assert (limits.min_confidence, limits.min_expected) == (min_confidence, min_expected)


def test_an_invoked_text_has_more_lines_and_four_times_the_tokens() -> None:
    settings = Settings(inline_max_tokens=16)
    automatic, invoked = limits_of(settings), limits_of(settings, invoked=True)
    assert (automatic.multiline, automatic.max_tokens) == (False, 16)
    assert (invoked.multiline, invoked.max_tokens) == (True, 64)
