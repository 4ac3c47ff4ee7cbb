"""Heads that foresee tokens beyond the next one, as Medusa-1 has them (Cai et al. 2024): a draft, and nothing more.

Head k reads the state from which the next token is drawn and guesses the k-th token behind that one: a residual block,
and the model's own output matrix. What is drafted is read by the model and judged like any other draft, so the text
stays the model's.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open

from ..monitors.errors import ModelBroken

FILE = "heads.safetensors"
"""In a model's folder: `heads.K.weight` (hidden, hidden) for each head K from 0 on."""


def read_heads(folder: Path, hidden: int) -> list[torch.Tensor]:
    """The weights of the heads in a folder, float32; none where it has none. Raises `ModelBroken`."""
    path = folder / FILE
    if not path.is_file():
        return []
    try:
        with safe_open(path, framework="pt") as file:
            names = sorted(file.keys())
            weights = [file.get_tensor(f"heads.{index}.weight").float() for index in range(len(names))]
    except (OSError, SafetensorError) as error:
        raise ModelBroken(f"{path} cannot be read: {error}. Delete it, or copy it again") from error
    if any(tuple(weight.shape) != (hidden, hidden) for weight in weights):
        raise ModelBroken(f"{path}: its heads are not those of a model of hidden size {hidden}. Delete it")
    return weights


def foreseen_states(state: torch.Tensor, weights: Sequence[torch.Tensor]) -> torch.Tensor:
    """(..., hidden) → (heads, ..., hidden): what the output matrix is multiplied with."""
    return torch.stack([state + F.silu(F.linear(state, weight.to(state.dtype))) for weight in weights])
