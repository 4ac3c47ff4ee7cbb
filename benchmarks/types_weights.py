"""Learns the second stage and calibrates it: writes monitors/data/type_weights.json.

The weights come from the projects that the tables never saw (types_tables.HELD_OUT), the calibration from those of
"calibration". Every project counts the same, whatever its size. Run after types_tables.py.
"""

from __future__ import annotations

import json
import math
from collections import Counter

import numpy as np
import torch
import types_dataset
import types_labels
import types_slots
import types_tables
from types_slots import Record

from fairlead.monitors.type_candidates import FEATURES, OTHER_FEATURES
from fairlead.monitors.type_model import BINS, shares, with_none

WEIGHTS = types_dataset.REPOSITORY / "monitors" / "data" / "type_weights.json"
LEARNED = {"parameter": 260, "return": 160}
CALIBRATED = {"parameter": 120, "return": 80}
EPSILONS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3)
DELTA = 0.05
TOP = 5


def fit(records: list[Record], steps: int = 400) -> tuple[list[float], list[float]]:
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
    optimiser = torch.optim.Adam([w, v], lr=0.05)
    for _ in range(steps):
        logits = torch.cat([x @ w, (other @ v)[:, None]], 1) + mask
        loss = (torch.nn.functional.cross_entropy(logits, truth, reduction="none") * weight).sum()
        loss = loss + 1e-3 * (w.pow(2).sum() + v.pow(2).sum()) / 10
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    print(f"  {len(records)} slots, loss {float(loss.detach()):.3f}")
    return [round(value, 4) for value in w.tolist()], [round(value, 4) for value in v.tolist()]


def ranked(record: Record, weights: list[float], other: list[float]) -> tuple[list[tuple[str, float]], float]:
    """Final texts with their shares, best first, and the share of *other*."""
    scores = (record.vectors @ np.array(weights, dtype=np.float32)).tolist()
    of_other = math.fsum(a * b for a, b in zip(other, record.other, strict=True))
    order = sorted(range(len(scores)), key=lambda at: -scores[at])
    found, rest = shares([scores[at] for at in order], of_other)
    pairs = [(record.texts[at], share) for at, share in zip(order, found, strict=True)]
    kept = with_none(pairs[:24], record.optional)
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


def thresholds(records: list[Record], weights: list[float], other: list[float]) -> dict[str, float | None]:
    """For each promise the largest threshold whose sets miss few enough slots of the calibration projects."""
    worth = []
    for record in records:
        pairs, rest = ranked(record, weights, other)
        worth.append(next((share for text, share in pairs if is_right(text, record.label)), rest))
    worth.sort()
    found: dict[str, float | None] = {}
    for epsilon in EPSILONS:
        misses = allowed_misses(len(worth), epsilon)
        found[f"{epsilon:g}"] = math.floor(worth[misses] * 1e5) / 1e5 if misses >= 0 else None
    return found


def records(section: str, most: dict[str, int], only: frozenset[str] | None = None) -> list[Record]:
    """The records of a section that are not decided by a rule and not trivial."""
    found = [
        record for requirement in types_dataset.section(section)
        if only is None or requirement.split("==")[0] in only
        for record in types_slots.of_project(types_dataset.PACKAGES / section / requirement.split("==")[0], most)
    ]  # fmt: skip
    return [record for record in found if not record.decided and not record.trivial]


def main() -> None:
    learned = records("learning", LEARNED, types_tables.HELD_OUT)
    calibration = records("calibration", CALIBRATED)
    stored: dict[str, object] = {"features": FEATURES, "other features": OTHER_FEATURES}
    for kind in ("parameter", "return"):
        weights, other = fit([record for record in learned if record.kind == kind])
        for name, value in sorted(zip(FEATURES, weights, strict=True), key=lambda pair: -abs(pair[1])):
            print(f"    {name:24} {value:7.3f}")
        print("    other", dict(zip(OTHER_FEATURES, other, strict=True)))
        own = [record for record in calibration if record.kind == kind]
        points, first, three = [], [], []
        for record in own:
            pairs, _ = ranked(record, weights, other)
            right = [is_right(text, record.label) for text, _ in pairs[:TOP]]
            points += [(share, hit) for (_, share), hit in zip(pairs, right, strict=False)]
            first.append(right[0])
            three.append(any(right[:3]))
        print(f"  {kind}: {len(own)} calibration slots, top-1 {np.mean(first):.3f}, top-3 {np.mean(three):.3f}")
        stored[kind] = {
            "weights": weights, "other": other, "language model": 0.0, "calibration": venn_abers(points),
            "thresholds": thresholds(own, weights, other), "slots": len(own),
        }  # fmt: skip
    WEIGHTS.write_text(json.dumps(stored, indent=None, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
