"""The learned tables: how much each feature of a slot speaks for each common type (benchmarks/types_tables.py makes them)."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True)
class Opinion:
    """Natural log-probabilities of common types without None, of the groups "<class>", "<generic>", "<union>" that stand for
    all others, and the probability that None is allowed as well."""

    log_probs: dict[str, float]
    optional: float


class Tables:
    """The weights of one kind of slot: a softmax over `types`, and a logistic for None."""

    def __init__(self, types: list[str], weights: dict[str, list[int]], step: float) -> None:
        self.types = types
        self._weights = weights
        self._step = step

    def opinion(self, features: Iterable[str]) -> Opinion:
        """What the features say together; what is not in the tables says nothing."""
        sums = [0] * (len(self.types) + 1)
        for feature in features:
            row = self._weights.get(feature)
            if row is not None:
                for at in range(0, len(row), 2):
                    sums[row[at]] += row[at + 1]
        logits = [value * self._step for value in sums]
        optional = 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logits.pop()))))
        largest = max(logits)
        norm = largest + math.log(math.fsum(math.exp(value - largest) for value in logits))
        return Opinion({name: value - norm for name, value in zip(self.types, logits, strict=True)}, optional)


@lru_cache(maxsize=1)
def load() -> dict[str, Tables]:
    """The tables by kind of slot, read once."""
    data: dict[str, Any] = json.loads(gzip.decompress((files(__package__) / "data" / "type_tables.json.gz").read_bytes()))
    return {
        kind: Tables(data[kind]["types"], data[kind]["weights"], data["step"]) for kind in ("parameter", "return")
    }  # fmt: skip
