"""Every monitor there is, by name, and the joint monitor made of those a user has switched on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from .analysis import Analysis
from .dereference import Dereference
from .joint import Joint
from .monitor import Monitor
from .typestate import Typestate

ROSTER: Mapping[str, Callable[[Analysis], Monitor]] = {
    "typestate": Typestate,
    "dereference": Dereference,
}
"""In the order in which they decide where several have something to say."""


def joint(analysis: Analysis, names: Iterable[str] | None = None) -> Joint:
    """The monitors of these names (all of them by default) as one, on one analysis."""
    wanted = set(ROSTER if names is None else names)
    return Joint([make(analysis) for name, make in ROSTER.items() if name in wanted])
