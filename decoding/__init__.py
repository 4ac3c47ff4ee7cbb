"""Tokens and tensors: guided decoding. No LSP."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .processor import Cursor, MonitorLogitsProcessor, guided_generate, vocabulary_of

__all__ = ["Cursor", "MonitorLogitsProcessor", "guided_generate", "vocabulary_of"]


def __getattr__(name: str) -> Any:
    """The names above, fetched when they are asked for: torch and transformers take seconds."""
    if name in __all__:
        return getattr(import_module(".processor", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
