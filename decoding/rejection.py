"""Sampling under a constraint that can only refuse: adaptive weighted rejection sampling.

Tokens are drawn without replacement, so what was refused once is not asked about again; the first accepted one is an
exact sample from the model restricted to what is legal. Far fewer tokens are checked than a mask would have to check.
The weight is an unbiased estimate of the legal mass (Lipkin et al., "Fast Controlled Generation from Language Models
with Adaptive Weighted Rejection Sampling", 2025; the recursive estimator of genlm-control).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch

T = TypeVar("T")

MAX_CHECKS = 64
"""Tokens asked about before none is believed to be legal; what lies beyond is the model's far tail."""


@dataclass(frozen=True)
class Drawn(Generic[T]):
    """A legal token: `accepted` is what the check made of it, `checks` how many tokens were asked about.

    `log_weight` estimates the log of the legal mass, its exponential without bias.
    """

    token_id: int
    accepted: T
    log_weight: float
    checks: int


def draw(
    log_probs: torch.Tensor, accept: Callable[[int], T | None], random: torch.Generator, max_checks: int = MAX_CHECKS
) -> Drawn[T] | None:
    """A sample from `log_probs` ((V,) float32, -inf where a token is known to be illegal) among what `accept` takes.

    The row need not be normalised: what is missing to one counts as illegal. None when nothing was accepted, which the
    weight zero stands for. One more token is asked about than it takes to find the sample: the coin for the weight.
    """
    uniform = torch.rand(log_probs.shape, generator=random).clamp_min_(1e-20)
    order = torch.topk(log_probs - torch.log(-torch.log(uniform)), min(max_checks, log_probs.numel()))
    return first_accepted(log_probs, order.indices.tolist(), accept)


def first_accepted(log_probs: torch.Tensor, order: Sequence[int], accept: Callable[[int], T | None]) -> Drawn[T] | None:
    """The first token of an order drawn without replacement that is accepted, with its weight."""
    total = float(torch.logsumexp(log_probs, -1))
    shares = [math.exp(float(log_probs[one]) - total) if total > -math.inf else 0.0 for one in order]
    ids = [one for one, share in zip(order, shares, strict=True) if share > 0]
    shares = [share for share in shares if share > 0]
    log_miss, refused = 0.0, 0.0
    for position, (token_id, share) in enumerate(zip(ids, shares, strict=True)):
        share_of_rest = min(1.0, share / max(1.0 - refused, 1e-12))
        accepted = accept(token_id)
        if accepted is None:
            if share_of_rest >= 1.0:
                return None
            log_miss += math.log1p(-share_of_rest)
            refused += share
            continue
        is_last = position + 1 == len(ids)
        if not is_last and accept(ids[position + 1]) is None:
            log_miss += math.log(share_of_rest)
        return Drawn(token_id, accepted, total + log_miss, position + (1 if is_last else 2))
    return None
