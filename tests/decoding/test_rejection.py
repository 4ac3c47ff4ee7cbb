"""Adaptive rejection: exact samples, unbiased weights, few questions. By enumeration, not by luck."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import permutations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.decoding.rejection import MAX_CHECKS, draw, first_accepted


def orders(shares: list[float]) -> Iterator[tuple[tuple[int, ...], float]]:
    """Every order in which tokens can be drawn without replacement, with its probability (Plackett and Luce)."""
    for order in permutations(range(len(shares))):
        probability, left = 1.0, sum(shares)
        for one in order:
            probability *= shares[one] / left
            left -= shares[one]
        yield order, probability


def expected(shares: list[float], legal: set[int]) -> tuple[dict[int, float], dict[int, float]]:
    """For each token: how often it is the sample, and the mean of the weight where it is (0 where nothing is)."""
    log_probs = torch.tensor([math.log(share) for share in shares], dtype=torch.float64)
    often, weight = dict.fromkeys(range(len(shares)), 0.0), dict.fromkeys(range(len(shares)), 0.0)
    for order, probability in orders(shares):
        drawn = first_accepted(log_probs, order, lambda one: one if one in legal else None)
        if drawn is not None:
            often[drawn.token_id] += probability
            weight[drawn.token_id] += probability * math.exp(drawn.log_weight)
    return often, weight


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0.02, 1.0), min_size=2, max_size=5), st.sets(st.integers(0, 4)))
def test_samples_are_exact_and_weights_unbiased(weights: list[float], legal: set[int]) -> None:
    """Over all orders: a token is drawn as often as the restricted model would, and E[w · (token is x)] = p(x)c(x)."""
    shares = [weight / sum(weights) for weight in weights]
    legal &= set(range(len(shares)))
    mass = sum(shares[one] for one in legal)
    often, weight = expected(shares, legal)
    for one, share in enumerate(shares):
        assert often[one] == pytest.approx(share / mass if one in legal else 0.0, abs=1e-9)
        assert weight[one] == pytest.approx(share if one in legal else 0.0, abs=1e-9)


def test_a_weight_that_ignores_the_coin_is_biased_and_noticed() -> None:
    """The law bites: without the second question the weights are too large."""
    shares, legal = [0.6, 0.3, 0.1], {1}
    log_probs = torch.tensor([math.log(share) for share in shares], dtype=torch.float64)
    total = 0.0
    for order, probability in orders(shares):
        drawn = first_accepted(log_probs, order[: order.index(1) + 1], lambda one: one if one in legal else None)
        total += probability * math.exp(drawn.log_weight) if drawn is not None else 0.0
    assert total != pytest.approx(0.3, abs=0.01)


def test_what_is_missing_to_one_counts_as_illegal() -> None:
    """A masked row keeps its mass: here 0.25 of it is left, half of that legal."""
    log_probs = torch.tensor([math.log(0.125), math.log(0.125), -math.inf])
    weights = []
    for order in ((0, 1, 2), (1, 0, 2)):
        drawn = first_accepted(log_probs, order, lambda one: one if one == 0 else None)
        assert drawn is not None
        weights.append(math.exp(drawn.log_weight))
    assert sum(weights) / 2 == pytest.approx(0.125)


def test_far_fewer_tokens_are_asked_about_than_there_are() -> None:
    """A model that is mostly right costs two questions a token, whatever the vocabulary."""
    random = torch.Generator().manual_seed(0)
    row = torch.log_softmax(torch.randn(50_000, generator=random) * 4, -1)
    legal = row > torch.quantile(row[torch.randperm(50_000, generator=random)[:5_000]], 0.5)
    checks = []
    for _ in range(200):
        drawn = draw(row, lambda one: one if legal[one] else None, random)
        assert drawn is not None
        assert legal[drawn.token_id]
        checks.append(drawn.checks)
    assert sum(checks) / len(checks) < 2.5


def test_nothing_legal_is_nothing_drawn() -> None:
    random = torch.Generator().manual_seed(0)
    asked: list[int] = []

    def refuse(token_id: int) -> None:
        asked.append(token_id)

    assert draw(torch.zeros(1000), refuse, random) is None
    assert len(asked) == len(set(asked)) == MAX_CHECKS
    assert draw(torch.full((5,), -math.inf), lambda one: one, random) is None
