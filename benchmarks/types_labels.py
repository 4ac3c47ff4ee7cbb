"""Which annotations of people are labels."""

from __future__ import annotations

from fairlead.monitors.type_texts import base, exact, is_optional, normalised, without_none

__all__ = ["base", "exact", "is_optional", "is_usable", "normalised", "without_none"]


def is_usable(code: str) -> bool:
    """Whether a label says anything: not Any, not object."""
    return exact(code) not in ("", "Any", "object", "Incomplete", "...")
