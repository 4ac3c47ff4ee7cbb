"""The network while it learns: the Llama family in plain PyTorch, under the parameter names of the Hugging Face layout.

What it exports, `decoding/llama.py` and transformers compute alike; a test holds them to that.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from ...monitors.errors import TrainingError


@dataclass(frozen=True)
class Shape:
    """Sizes of a network; embeddings are tied, heads all have keys and values of their own."""

    vocab_size: int
    layers: int
    hidden: int
    heads: int
    inner: int
    context_tokens: int
    rope_theta: float = 10_000.0
    norm_epsilon: float = 1e-6

    @property
    def head_size(self) -> int:
        return self.hidden // self.heads

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


SIZES: dict[str, tuple[int, int, int, int]] = {
    "tiny": (2, 64, 2, 176),
    "8m": (8, 256, 4, 704),
    "25m": (12, 384, 6, 1_024),
    "90m": (16, 640, 10, 1_728),
}
"""Name → layers, hidden, heads, feed-forward. With 8,192 tokens 0.6 M, 8.5 M, 24.4 M and 85 M parameters."""


def shape_of_size(name: str, vocab_size: int, context_tokens: int) -> Shape:
    """One of `SIZES`; raises `TrainingError`."""
    if name not in SIZES:
        raise TrainingError(f"There is no size {name!r}; use {', '.join(SIZES)}")
    layers, hidden, heads, inner = SIZES[name]
    return Shape(vocab_size, layers, hidden, heads, inner, context_tokens)


class Norm(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(shape.hidden))
        self._epsilon = shape.norm_epsilon

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.rms_norm(x, (x.shape[-1],), self.weight.to(x.dtype), self._epsilon)


class Attention(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self._heads, self._head_size = shape.heads, shape.head_size
        self.q_proj = nn.Linear(shape.hidden, shape.hidden, bias=False)
        self.k_proj = nn.Linear(shape.hidden, shape.hidden, bias=False)
        self.v_proj = nn.Linear(shape.hidden, shape.hidden, bias=False)
        self.o_proj = nn.Linear(shape.hidden, shape.hidden, bias=False)

    def forward(self, x: torch.Tensor, turns: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        rows, length, hidden = x.shape
        wide = (rows, length, self._heads, self._head_size)
        q, k, v = (part(x).view(wide).transpose(1, 2) for part in (self.q_proj, self.k_proj, self.v_proj))
        mixed = attend(turned(q, turns), turned(k, turns), v)
        out: torch.Tensor = self.o_proj(mixed.transpose(1, 2).reshape(rows, length, hidden))
        return out


class FeedForward(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(shape.hidden, shape.inner, bias=False)
        self.up_proj = nn.Linear(shape.hidden, shape.inner, bias=False)
        self.down_proj = nn.Linear(shape.inner, shape.hidden, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))
        return out


class Layer(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.input_layernorm, self.post_attention_layernorm = Norm(shape), Norm(shape)
        self.self_attn, self.mlp = Attention(shape), FeedForward(shape)

    def forward(self, x: torch.Tensor, turns: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        x = x + self.self_attn(self.input_layernorm(x), turns)
        out: torch.Tensor = x + self.mlp(self.post_attention_layernorm(x))
        return out


class Backbone(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(shape.vocab_size, shape.hidden)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = Norm(shape)


class Network(nn.Module):
    """`hidden` gives the last layer's states, `logits` multiplies them by the embedding."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.model = Backbone(shape)
        cos, sin = rotation(shape)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def initialise(self, seed: int) -> None:
        """Normal weights of 0.02, less for what adds to the residual stream."""
        generator = torch.Generator().manual_seed(seed)
        for name, weight in self.named_parameters():
            if weight.dim() > 1:
                scale = 0.02 / (2 * self.shape.layers) ** 0.5 if name.endswith(("o_proj.weight", "down_proj.weight")) else 0.02
                weight.data.normal_(0, scale, generator=generator)

    def hidden(self, ids: torch.Tensor, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """(rows, length) ids → (rows, length, hidden), normed."""
        length = ids.shape[1]
        turns = self.cos[:length].to(dtype), self.sin[:length].to(dtype)  # type: ignore[index]  # buffers are tensors
        x = self.model.embed_tokens(ids).to(dtype)
        for layer in self.model.layers:
            x = layer(x, turns)
        out: torch.Tensor = self.model.norm(x)
        return out

    def logits(self, states: torch.Tensor) -> torch.Tensor:
        return F.linear(states, self.model.embed_tokens.weight.to(states.dtype))

    def losses(self, ids: torch.Tensor, labels: torch.Tensor, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """(rows, length) float32 nats, 0 where a label is negative."""
        logits = self.logits(self.hidden(ids, dtype)).float()
        return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none", ignore_index=-100).view(labels.shape)


def rotation(shape: Shape) -> tuple[torch.Tensor, torch.Tensor]:
    """(context, head_size) cosines and sines of the rotary positions."""
    steps = torch.arange(0, shape.head_size, 2, dtype=torch.float32) / shape.head_size
    angles = torch.outer(torch.arange(shape.context_tokens, dtype=torch.float32), 1.0 / (shape.rope_theta**steps))
    both = torch.cat((angles, angles), dim=-1)
    return both.cos(), both.sin()


def turned(x: torch.Tensor, turns: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """Rotate (rows, heads, length, head_size), the halves of a head against each other, as Llama does."""
    cos, sin = turns
    left, right = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-right, left), dim=-1) * sin


_BLOCK = 256
"""Queries that a processor takes at once."""


def attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Causal attention of (rows, heads, length, head_size).

    On a processor in blocks of queries, each with the keys it may see: there torch's own kernel took 113 ms forth and
    back for 4 rows of 1,024 in bfloat16 on one core, the blocks 73 ms (512: 83 and 34 ms).
    """
    if q.device.type != "cpu":
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)
    length, scale = q.shape[2], q.shape[3] ** -0.5
    hidden = torch.full((length, length), float("-inf"), dtype=q.dtype).triu(1)
    parts = []
    for start in range(0, length, _BLOCK):
        end = min(length, start + _BLOCK)
        scores = (q[:, :, start:end] * scale) @ k[:, :, :end].transpose(-1, -2) + hidden[start:end, :end]
        parts.append(torch.softmax(scores, -1) @ v[:, :, :end])
    return torch.cat(parts, 2)
