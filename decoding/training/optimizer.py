"""Muon for the matrices inside, AdamW for embeddings and norms; both at one learning rate."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


class Optimizers:
    """Both optimisers as one. Muon's steps are scaled to AdamW's size, so that one rate serves both (Liu et al. 2025,
    "Muon is scalable for LLM training")."""

    def __init__(self, network: nn.Module, weight_decay: float) -> None:
        inside = [w for name, w in network.named_parameters() if w.dim() == 2 and "embed" not in name]
        taken = set(map(id, inside))
        others = [weight for weight in network.parameters() if id(weight) not in taken]
        self._all: list[torch.optim.Optimizer] = [
            torch.optim.Muon(inside, lr=0.0, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw")
        ]
        if others:
            self._all.append(torch.optim.AdamW(others, lr=0.0, betas=(0.9, 0.95), weight_decay=0.0))

    def step(self, learning_rate: float) -> None:
        for optimizer in self._all:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    def state(self) -> list[dict[str, Any]]:
        return [optimizer.state_dict() for optimizer in self._all]

    def load(self, states: list[dict[str, Any]]) -> None:
        for optimizer, state in zip(self._all, states, strict=True):
            optimizer.load_state_dict(state)
