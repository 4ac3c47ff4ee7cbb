"""Sequential Monte Carlo: several samples at once from the model restricted to what is legal.

Each particle draws its tokens by adaptive rejection, which restricts every step by itself; the weights correct for what
that does to whole texts (Loula et al., "Syntactic and Semantic Control of Large Language Models via Sequential Monte
Carlo", 2025). All particles move on in one pass.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch

from .grove import Branch, Grove
from .offer import Stopped
from .rejection import draw


def particles(
    grove: Grove, count: int, random: torch.Generator, *, temperature: float = 1.0, ess_threshold: float = 0.5
) -> list[Branch]:
    """`count` weighted texts; those whose beginning no legal token follows have died, and are left out.

    They sample the model at `temperature` (above 0). When the effective sample size falls below `ess_threshold` times
    `count`, the particles are drawn anew from themselves by their weights. Ends when every text has, or time is up.
    """
    swarm = [grove.root] * count
    for _ in range(grove.limits.max_tokens):
        if grove.over or all(branch.ended is not None for branch in swarm):
            break
        moved = [branch if branch.ended is not None else _moved(grove, branch, random, temperature) for branch in swarm]
        alive = [branch for branch in moved if branch is not None]
        if not alive:
            return []
        swarm = grove.grow(alive)
        if effective_size([branch.log_weight for branch in swarm]) < ess_threshold * count:
            swarm = resampled(swarm, count, random)
    if grove.limits.stop():
        return []
    stopped: Stopped = "budget" if grove.limits.over else "length"
    ended = (branch if branch.ended is not None else grove.end(branch, stopped) for branch in swarm)
    return [branch for branch in ended if branch is not None]


def _moved(grove: Grove, branch: Branch, random: torch.Generator, temperature: float) -> Branch | None:
    """A branch with one token more, or ended where the model is not sure of anything; None when it dies."""
    row = grove.log_probs(branch)
    best = float(row.max())
    if not branch.draft.owed and best < grove.limits.log_min_token:
        return grove.end(branch, "confidence")
    tempered = row / temperature
    # Over the whole vocabulary, so that the weight is the legal mass at this temperature.
    tempered = tempered - torch.logsumexp(torch.log_softmax(branch.row.float(), -1) / temperature, -1)
    drawn = draw(tempered, lambda one: grove.take(branch, one, float(row[one])), random)
    if drawn is None:
        return None
    return replace(drawn.accepted, log_weight=branch.log_weight + drawn.log_weight)


def effective_size(log_weights: Sequence[float]) -> float:
    """1 / Σ w̄²: how many equally weighted samples these are worth; 0 for none."""
    weights = torch.tensor(log_weights, dtype=torch.float64)
    if not len(weights) or float(weights.max()) == -math.inf:
        return 0.0
    return float(1 / weights.softmax(-1).square().sum())


def resampled(swarm: Sequence[Branch], count: int, random: torch.Generator) -> list[Branch]:
    """`count` branches drawn by weight, one from each of as many strata; all weigh their common mean then."""
    weights = torch.tensor([branch.log_weight for branch in swarm], dtype=torch.float64)
    mean = float(torch.logsumexp(weights, -1)) - math.log(count)
    points = (torch.arange(count, dtype=torch.float64) + torch.rand(count, generator=random, dtype=torch.float64)) / count
    chosen = torch.searchsorted(weights.softmax(-1).cumsum(-1), points).clamp_max(len(swarm) - 1)
    return [replace(swarm[int(one)], log_weight=mean) for one in chosen]
