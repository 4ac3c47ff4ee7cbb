"""A cursor whose prompt an engine holds: where ghost text, rankings and alternatives begin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from ..monitors.analysis import Document
from ..monitors.edits import Chunk, shown_path
from .engine import Engine
from .model import Model
from .prompt import Prompt, lay_out
from .vocabulary import Vocabulary


@dataclass(frozen=True)
class Place:
    """A cursor whose prompt an engine holds: `ready` are the (V,) logits behind `prompt`."""

    document: Document
    offset: int
    prompt: Prompt
    ready: torch.Tensor


def prepare(
    model: Model, vocabulary: Vocabulary, engine: Engine, document: Document, offset: int, heal_at: int,
    *, reserve: int = 96, stop: Callable[[], bool] | None = None, context: str = "",
    chunks: Sequence[Chunk] = (),
) -> Place | None:  # fmt: skip
    """Lay the prompt out and prefill it, reusing what the engine holds; `reserve` tokens stay free to write into.

    `heal_at` is the first character that must be generated anew (the dot before a half-typed name, or the cursor);
    `context` is an outline of other files, `chunks` are parts of them.
    None when `stop` said so.
    """
    budget = max(16, engine.context_tokens - reserve)
    name = shown_path(document.path, document.root)
    prompt = lay_out(model, vocabulary, document.text, offset, heal_at, budget, context, chunks, name)
    ready = engine.prefill(prompt.tokens, stop)
    return None if ready is None else Place(document, offset, prompt, ready)
