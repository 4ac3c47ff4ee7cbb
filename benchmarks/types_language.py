"""What a language model's opinion at the hole adds to everything else, on the calibration projects.

`python benchmarks/types_language.py [--model FOLDER] [--slots N]` fits two numbers, the weight of the model's log-probability
and of its prior, on half of the projects and judges them on the other half, and the other way round.
"""

from __future__ import annotations

import argparse
import random
import time

import numpy as np
import torch
import types_dataset
import types_weights
from types_slots import Record

from fairlead.decoding.decoder import Decoder
from fairlead.decoding.type_scorer import TypeScorer
from fairlead.monitors import type_model
from fairlead.monitors.analysis import Document
from fairlead.monitors.slot_places import slots

MOST = 24


def gathered(scorer: TypeScorer, records: list[Record]) -> list[tuple[Record, np.ndarray, int]]:
    """(record, (candidates, 3) of our score, the model's, its prior, the index of the truth) where it is among the best."""
    found = []
    for record in records:
        text = (types_dataset.STRIPPED / record.project / record.path).read_text(encoding="utf-8")
        slot = next((one for one in slots(text) if (one.kind, one.offset) == (record.kind, record.offset)), None)
        scores = record.vectors @ np.array(type_model.load()[record.kind]["weights"], dtype=np.float32)
        order = [int(at) for at in np.argsort(-scores)[:MOST]]
        if slot is None or record.truth not in order:
            continue
        texts = [record.texts[at] for at in order]
        pair = scorer.opinions(Document(record.path, text), slot, texts)
        if pair is None:
            continue
        rows = [[float(scores[at]), pair[0].log_prob(one), pair[1].log_prob(one)] for at, one in zip(order, texts, strict=True)]
        found.append((record, np.maximum(np.array(rows), -40.0), order.index(record.truth)))
    return found


def fit(rows: list[tuple[Record, np.ndarray, int]]) -> torch.Tensor:
    """Weights of (ours, model, prior)."""
    weights = torch.tensor([1.0, 0.0, 0.0], requires_grad=True)
    optimiser = torch.optim.Adam([weights], lr=0.03)
    for _ in range(250):
        loss = torch.stack([
            torch.nn.functional.cross_entropy((torch.from_numpy(x).float() @ weights)[None], torch.tensor([truth]))
            for _, x, truth in rows]).mean()  # fmt: skip
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return weights.detach()


def judged(rows: list[tuple[Record, np.ndarray, int]], weights: torch.Tensor) -> tuple[float, float]:
    """(top-1, loss) among the candidates."""
    logits = [torch.from_numpy(x).float() @ weights for _, x, _ in rows]
    hits = [int(logit.argmax()) == truth for logit, (_, _, truth) in zip(logits, rows, strict=True)]
    losses = [float(torch.logsumexp(logit, 0) - logit[truth]) for logit, (_, _, truth) in zip(logits, rows, strict=True)]
    return sum(hits) / len(hits), sum(losses) / len(losses)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="")
    parser.add_argument("--slots", type=int, default=12)
    arguments = parser.parse_args()
    scorer = TypeScorer(Decoder.of(arguments.model, "cpu", 1))
    records = [one for one in types_weights.records("calibration") if one.kind == "parameter"]
    drawn = []
    for project in sorted({one.project for one in records}):
        own = [one for one in records if one.project == project]
        random.Random(project).shuffle(own)
        drawn += own[: arguments.slots]
    begun = time.monotonic()
    rows = gathered(scorer, drawn)
    each_ms = (time.monotonic() - begun) / max(1, len(rows)) * 1000
    projects = sorted({record.project for record, _, _ in rows})
    halves = [[row for row in rows if (projects.index(row[0].project) % 2 == 0) == even] for even in (True, False)]
    alone = judged(rows, torch.tensor([1.0, 0.0, 0.0]))
    model_only = judged(rows, torch.tensor([0.0, 1.0, -1.0]))
    pairs = [(judged(halves[1 - at], fit(halves[at])), len(halves[1 - at]), fit(halves[at]).tolist()) for at in (0, 1)]
    both = [sum(result[at] * count for result, count, _ in pairs) / len(rows) for at in (0, 1)]
    print(f"{len(rows)} parameters whose type is among the best {MOST} candidates, {each_ms:.0f} ms each")
    print(f"without the model:   top-1 {alone[0]:.1%}, loss {alone[1]:.3f}")
    print(f"the model alone:     top-1 {model_only[0]:.1%}, loss {model_only[1]:.3f}")
    print(f"together (held out): top-1 {both[0]:.1%}, loss {both[1]:.3f}; weights {[pair[2] for pair in pairs]}")


if __name__ == "__main__":
    main()
