"""The second stage: from what speaks for each candidate to calibrated probabilities and sets with a promise.

One softmax over candidates and *other* (weights by benchmarks/types_weights.py, on projects of their own), then two
corrections, from calibration projects: Venn-ABERS pairs in bins of one hundredth (Vovk & Petej 2014) turn a share into a
probability with its interval; thresholds from the binomial tail (PAC sets, Khakhar, Mell & Bastani 2023) make sets.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any

BINS = 100


@lru_cache(maxsize=1)
def load() -> dict[str, Any]:
    """The numbers, read once."""
    data: dict[str, Any] = json.loads((files(__package__) / "data" / "type_weights.json").read_bytes())
    return data


def score(kind: str, vector: Sequence[float]) -> float:
    """The score of a candidate."""
    weights = load()[kind]["weights"]
    return math.fsum(weight * value for weight, value in zip(weights, vector, strict=True) if value)


def score_other(kind: str, vector: Sequence[float]) -> float:
    """The score of everything that is no candidate."""
    return math.fsum(weight * value for weight, value in zip(load()[kind]["other"], vector, strict=True))


def optional(kind: str, vector: Sequence[float]) -> float:
    """The probability that None is allowed beside the type."""
    return optional_share(load()[kind]["optional"], vector)


def optional_share(weights: Sequence[float], vector: Sequence[float]) -> float:
    """The same, by weights that are given."""
    value = math.fsum(weight * one for weight, one in zip(weights, vector, strict=True))
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, value))))


def language_weight(kind: str) -> float:
    """What a language model's log-probability counts."""
    return float(load()[kind]["language model"])


def shares(scores: Sequence[float], other: float) -> tuple[list[float], float]:
    """The softmax: a share for each candidate, and what is left to others."""
    largest = max([*scores, other])
    values = [math.exp(value - largest) for value in scores]
    rest = math.exp(other - largest)
    total = math.fsum(values) + rest
    return [value / total for value in values], rest / total


def with_none(ranked: Sequence[tuple[str, float]], optional: float) -> list[tuple[str, float]]:
    """Each type with and without None beside it, by falling share. `optional` is the probability that None is allowed."""
    found: list[tuple[str, float]] = []
    for text, share in ranked:
        if text in ("None", "Any", "object"):
            found.append((text, share))
            continue
        found += [(text, share * (1 - optional)), (f"{text} | None", share * optional)]
    return sorted(found, key=lambda pair: -pair[1])


def calibrated(kind: str, share: float, first: bool = True) -> tuple[float, float, float]:
    """(probability, low, high) that a type with this share is right, to the letter; the `first` one of a slot, or
    another. One number of the pair by minimax log-loss: p1 / (1 - p0 + p1)."""
    bins = load()[kind]["first" if first else "others"]
    low, high = bins[min(BINS, max(0, round(share * BINS)))]
    return high / (1.0 - low + high), low, high


def threshold(kind: str, epsilon: float) -> float | None:
    """The least share that belongs into a set that may miss `epsilon`; None where calibration cannot promise it."""
    table = load()[kind]["thresholds"]
    allowed = [float(key) for key, value in table.items() if float(key) <= epsilon + 1e-9 and value is not None]
    return float(table[f"{max(allowed):g}"]) if allowed else None
