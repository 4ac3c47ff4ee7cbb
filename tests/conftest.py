"""What every test may use: how long a form it runs in, and a place for the figure that it measures."""

import os
from collections.abc import Callable
from typing import TypeVar

import pytest

T = TypeVar("T")

FORMS = ("short", "ledger", "night")
"""How long a test that has a length runs: in every run of the suite, in `benchmarks/reliability.py`, in `scripts/night`."""


@pytest.fixture(scope="session")
def form() -> Callable[[T, T, T], T]:
    """`form(short, ledger, night)` gives the one that is wanted; FAIRLEAD_FORM says which."""
    wanted = FORMS.index(os.environ.get("FAIRLEAD_FORM", "short"))

    def pick(*choices: T) -> T:
        return choices[wanted]

    return pick


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Callable[[str, str], None]:
    """`figure("T6", "10,000 interleavings, 0 stale")` is shown in the ledger's line T6."""
    return record_property
