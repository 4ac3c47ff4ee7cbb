"""Learns the second stage and calibrates it: writes monitors/data/type_weights.json.

Both come from the projects that the tables never saw (types_tables.HELD_OUT) and from those of "calibration": a project is
calibrated on with weights learned from others. Every project counts the same in learning, whatever its size. Run after
types_tables.py.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import types_dataset
import types_labels
import types_slots
import types_tables
from types_slots import Record

from fairlead.monitors.type_candidates import OTHER_FEATURES
from fairlead.monitors.type_judging import FEATURES, OPTIONAL_FEATURES
from fairlead.monitors.type_model import BINS, optional_share, shares, with_none

WEIGHTS = types_dataset.REPOSITORY / "monitors" / "data" / "type_weights.json"
EPSILONS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3)
DELTA = 0.05
TOP = 5
BOUNDS = (0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6)
"""Lower bounds from which a type might be shown, of which one is chosen here and not on the projects of "test"."""

FOLDS = 8


def fit(records: list[Record], steps: int = 45) -> tuple[list[float], list[float]]:
    """The weights of candidates and of *other*, by maximum likelihood."""
    torch.set_num_threads(1)
    widest = max(len(record.texts) for record in records)
    x = torch.zeros(len(records), widest, len(FEATURES))
    mask = torch.full((len(records), widest + 1), -math.inf)
    truth = torch.zeros(len(records), dtype=torch.long)
    for row, record in enumerate(records):
        count = len(record.texts)
        x[row, :count] = torch.from_numpy(record.vectors)
        mask[row, :count] = 0.0
        mask[row, widest] = 0.0
        truth[row] = record.truth if record.truth >= 0 else widest
    other = torch.tensor([record.other for record in records])
    sizes = Counter(record.project for record in records)
    weight = torch.tensor([1.0 / sizes[record.project] for record in records])
    weight /= weight.sum()
    w, v = torch.zeros(len(FEATURES)), torch.zeros(len(OTHER_FEATURES))
    w[FEATURES.index("table")] = w[FEATURES.index("class group")] = 1.0
    w[FEATURES.index("crowd")] = -1.0
    v[1] = 1.0
    w.requires_grad_()
    v.requires_grad_()
    optimiser = torch.optim.LBFGS([w, v], max_iter=steps, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        logits = torch.cat([x @ w, (other @ v)[:, None]], 1) + mask
        loss = (torch.nn.functional.cross_entropy(logits, truth, reduction="none") * weight).sum()
        loss = loss + 1e-4 * (w.pow(2).sum() + v.pow(2).sum())
        optimiser.zero_grad()
        loss.backward()
        return loss

    loss = optimiser.step(closure)
    print(f"  {len(records)} slots, loss {float(closure().detach()):.3f} from {float(loss.detach()):.3f}", flush=True)
    return [round(value, 4) for value in w.tolist()], [round(value, 4) for value in v.tolist()]


def fit_optional(records: list[Record]) -> list[float]:
    """The weights of what speaks for None, by maximum likelihood."""
    x = torch.tensor([record.optional for record in records])
    truth = torch.tensor([float(types_labels.is_optional(record.label)) for record in records])
    sizes = Counter(record.project for record in records)
    weight = torch.tensor([1.0 / sizes[record.project] for record in records])
    w = torch.zeros(len(OPTIONAL_FEATURES))
    w[OPTIONAL_FEATURES.index("table")] = 1.0
    w.requires_grad_()
    optimiser = torch.optim.LBFGS([w], max_iter=60, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        loss = torch.nn.functional.binary_cross_entropy_with_logits(x @ w, truth, weight=weight / weight.sum(), reduction="sum")
        loss = loss + 1e-4 * w.pow(2).sum()
        optimiser.zero_grad()
        loss.backward()
        return loss

    optimiser.step(closure)
    right = float(((x @ w > 0) == (truth > 0)).float().mean())
    named = ", ".join(f"{name} {value:.2f}" for name, value in zip(OPTIONAL_FEATURES, w.tolist(), strict=True))
    print(f"  None: {right:.3f} right, {1 - float(truth.mean()):.3f} without any; {named}", flush=True)
    return [round(value, 4) for value in w.tolist()]


def ranked(record: Record, numbers: Mapping[str, Any]) -> tuple[list[tuple[str, float]], float]:
    """Final texts with their shares, best first, and the share of *other*, by the weights of one kind of slot."""
    weights, other = numbers["weights"], numbers["other"]
    scores = (record.vectors @ np.array(weights, dtype=np.float32)).tolist()
    of_other = math.fsum(a * b for a, b in zip(other, record.other, strict=True))
    order = sorted(range(len(scores)), key=lambda at: -scores[at])
    found, rest = shares([scores[at] for at in order], of_other)
    pairs = [(record.texts[at], share) for at, share in zip(order, found, strict=True)]
    kept = with_none(pairs[:24], optional_share(numbers["optional"], record.optional))
    return kept, rest + sum(share for _, share in pairs[24:])


def is_right(text: str, label: str) -> bool:
    """Exact, None included."""
    return types_labels.exact(text) == types_labels.exact(label)


def venn_abers(points: list[tuple[float, bool]]) -> list[tuple[float, float]]:
    """The pair (p0, p1) at each hundredth: isotonic fits with the point itself counted as wrong, as right.

    In closed form (research/types.md 5.1): over the sorted unique scores with cumulated weights W and hits Y,
    p_y = max over i ≤ at of min over j ≥ at of (Y_j - Y_i + y) / (W_j - W_i + 1).
    """
    hits: dict[int, list[float]] = {}
    for share, right in points:
        cell = hits.setdefault(round(share * BINS), [0.0, 0.0])
        cell[0] += 1
        cell[1] += right
    weights = np.array([hits.get(at, [0.0, 0.0])[0] for at in range(BINS + 1)])
    good = np.array([hits.get(at, [0.0, 0.0])[1] for at in range(BINS + 1)])
    w, y = np.concatenate([[0.0], weights.cumsum()]), np.concatenate([[0.0], good.cumsum()])
    found = []
    for at in range(BINS + 1):
        pair = []
        for label in (0.0, 1.0):
            values = (y[at + 1 :][None, :] - y[: at + 1][:, None] + label) / (w[at + 1 :][None, :] - w[: at + 1][:, None] + 1)
            pair.append(float(values.min(1).max()))
        found.append((round(pair[0], 4), round(pair[1], 4)))
    return found


def allowed_misses(count: int, epsilon: float) -> int:
    """The most misses among `count` that still promise `epsilon` with confidence 1 - DELTA; -1 where none would."""
    total, log_term = 0.0, count * math.log1p(-epsilon)
    best = -1
    for misses in range(count + 1):
        total += math.exp(log_term)
        if total > DELTA:
            return best
        best = misses
        log_term += math.log((count - misses) / (misses + 1)) + math.log(epsilon) - math.log1p(-epsilon)
    return best


def thresholds(worth: list[float]) -> dict[str, float | None]:
    """For each promise the largest threshold whose sets miss few enough slots. `worth` are the shares of the truths."""
    ordered = sorted(worth)
    found: dict[str, float | None] = {}
    for epsilon in EPSILONS:
        misses = allowed_misses(len(ordered), epsilon)
        found[f"{epsilon:g}"] = math.floor(ordered[misses] * 1e5) / 1e5 if misses >= 0 else None
    return found


def records(section: str, only: frozenset[str] | None = None) -> list[Record]:
    """The records of a section that are not decided by a rule and not trivial."""
    types_dataset.install(section)
    found = [
        record for requirement in types_dataset.section(section)
        if only is None or requirement.split("==")[0] in only
        for record in types_slots.of_project(types_dataset.PACKAGES / section / requirement.split("==")[0])
    ]  # fmt: skip
    return [record for record in found if not record.decided and not record.trivial]


def learned(own: list[Record]) -> dict[str, Any]:
    """All weights of one kind of slot."""
    weights, other = fit(own)
    return {"weights": weights, "other": other, "optional": fit_optional(own)}


def crossed(own: list[Record]) -> list[tuple[Record, list[tuple[str, float]], float]]:
    """Every record ranked by weights that were learned from other projects than its own, with the share of *other*."""
    projects = sorted({record.project for record in own})
    found = []
    for fold in range(FOLDS):
        held = {project for at, project in enumerate(projects) if at % FOLDS == fold}
        numbers = learned([record for record in own if record.project not in held])
        found += [(record, *ranked(record, numbers)) for record in own if record.project in held]
    return found


def main() -> None:
    pool = records("learning", types_tables.HELD_OUT) + records("calibration")
    stored: dict[str, object] = {"features": FEATURES, "other features": OTHER_FEATURES}
    for kind in ("parameter", "return"):
        own = [record for record in pool if record.kind == kind]
        first: list[tuple[float, bool]] = []
        others: list[tuple[float, bool]] = []
        worth, three, bases = [], [], []
        for record, pairs, rest in crossed(own):
            right = [is_right(text, record.label) for text, _ in pairs]
            first.append((pairs[0][1], right[0]))
            bases.append(types_labels.base(pairs[0][0]) == types_labels.base(record.label))
            others += [(share, hit) for (_, share), hit in zip(pairs[1:TOP], right[1:TOP], strict=False)]
            worth.append(next((share for (_, share), hit in zip(pairs, right, strict=True) if hit), rest))
            three.append(any(right[:3]))
        print(f"  {kind}: {len(own)} slots of {len({record.project for record in own})} projects, judged by others' weights: "
              f"top-1 {np.mean([hit for _, hit in first]):.3f}, top-3 {np.mean(three):.3f}")  # fmt: skip
        bins = venn_abers(first)
        for least in BOUNDS:
            pairs = zip(first, bases, strict=True)
            shown = [(hit, base) for (share, hit), base in pairs if bins[round(share * BINS)][0] >= least]
            print(f"    shown from {least:.2f}: {len(shown) / len(own):.1%}, right {np.mean([hit for hit, _ in shown]):.1%}, "
                  f"base {np.mean([base for _, base in shown]):.1%}")  # fmt: skip
        numbers = learned(own)
        for name, value in sorted(zip(FEATURES, numbers["weights"], strict=True), key=lambda pair: -abs(pair[1])):
            print(f"    {name:24} {value:7.3f}")
        stored[kind] = {
            **numbers, "language model": 0.0, "first": bins,
            "others": venn_abers(others), "thresholds": thresholds(worth), "slots": len(own),
        }  # fmt: skip
    WEIGHTS.write_text(json.dumps(stored, indent=None, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
