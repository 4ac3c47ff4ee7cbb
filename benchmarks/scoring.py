"""Scoring every name of a set: one token trie, batches of candidates, one candidate after another.

    .venv/bin/python benchmarks/scoring.py

Writes docs/benchmarks/scoring.md. All three share the cache of the prompt and give the same log-probabilities, which
is checked. Slow rows are measured on a sample of the names and scaled; the page marks them.
"""

from __future__ import annotations

import argparse
import copy
import gc
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from machine import cpu_seconds, made_by, write_page
from shapes import default_model, engine_and_vocabulary, widened_model

from fairlead.decoding.decoder import usable_cores
from fairlead.decoding.engine import Engine, warm_up
from fairlead.decoding.model import Model
from fairlead.decoding.rank import rank
from fairlead.decoding.trie import build
from fairlead.decoding.vocabulary import Vocabulary

PROMPT = '''import torch


class Mean(torch.nn.Module):
    """The mean over the last dimension, ignoring what is masked."""

    def forward(self, values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        kept = values.masked_fill(~mask, 0.0)
        total = kept.sum(-1)
        count = mask.sum(-1).clamp(min=1)
        return total / count


def weighted(values: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """The weighted mean of the rows."""
    scaled = values * weights[:, None]
    result = torch'''
SIZES = (10, 60, 250, 1025)
BATCH = 32
"""Candidates in one batch."""


@dataclass(frozen=True)
class Row:
    """Milliseconds for all names of a set; `scaled`: the last two were measured on some of them."""

    names: int
    nodes: int
    trie: float
    top10: float
    batched: float
    one_by_one: float
    scaled: bool


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dry", action="store_true", help="write no page")
    parser.add_argument("--models", type=int, default=3, help="how many of the models, the smallest first")
    options = parser.parse_args()
    torch.set_num_threads(max(1, usable_cores() - 1))
    names = sorted(name for name in dir(torch) if not name.startswith("_"))
    small = default_model()
    sections = []
    for shape in (None, "0.5B", "1.5B")[: options.models]:
        model = small if shape is None else widened_model(small, shape=shape)
        rows = measure(model, names, sample=64 if shape is None else 12, repeats=5 if shape is None else 1)
        sections.append(section(model, rows))
        del model
        gc.collect()
        # Written after each model: the larger ones take minutes.
        text = page(sections, len(names))
        print(text) if options.dry else write_page("scoring", text)


def measure(model: Model, names: Sequence[str], sample: int, repeats: int) -> list[Row]:
    """The rows of one model; `sample` bounds the names that the slow ways are measured on, from 250 names on."""
    # Our engine takes the weights of a large model from its module; transformers needs them, too.
    engine, vocabulary = engine_and_vocabulary(replace(model, module=copy.deepcopy(model.module)))
    warm_up(engine)
    prompt = vocabulary.encode(PROMPT)
    ready = engine.prefill(prompt)
    assert ready is not None
    prefix = read_prefix(model, prompt)
    rows = []
    for size in (*SIZES[:-1], len(names)):
        chosen = list(names) if size >= len(names) else sorted(random.Random(size).sample(list(names), size))
        some = chosen if size <= sample else random.Random(1).sample(chosen, sample)
        agree(engine, vocabulary, model, ready, prompt, prefix, some[:8])
        taken: dict[str, list[float]] = {"trie": [], "top10": [], "batched": [], "one": []}
        for _ in range(repeats if size < 1000 else max(1, repeats - 2)):
            ways: dict[str, Callable[[], object]] = {
                "trie": lambda chosen=chosen: rank(engine, vocabulary, ready, ".", chosen),
                "top10": lambda chosen=chosen: rank(engine, vocabulary, ready, ".", chosen, enough=10),
                "batched": lambda some=some: batched(model, vocabulary, ready, prefix, some),
                "one": lambda some=some: one_by_one(engine, vocabulary, ready, len(prompt), some),
            }
            for name, way in ways.items():
                begun = clock()
                way()
                taken[name].append((clock() - begun) * 1000)
                engine.crop(len(prompt))
        scale = len(chosen) / len(some)
        medians = {name: statistics.median(values) for name, values in taken.items()}
        rows.append(Row(
            len(chosen), len(build(vocabulary, ".", chosen).ids), medians["trie"], medians["top10"],
            medians["batched"] * scale, medians["one"] * scale, scale > 1,
        ))  # fmt: skip
        print(model.name, rows[-1], file=sys.stderr, flush=True)
    return rows


def clock() -> float:
    return cpu_seconds() if torch.get_num_threads() == 1 else time.perf_counter()


def read_prefix(model: Model, prompt: Sequence[int]) -> Any:
    """transformers' own cache behind the prompt."""
    with torch.inference_mode():
        return model.module(input_ids=torch.tensor([list(prompt)]), use_cache=True).past_key_values


def batched(
    model: Model, vocabulary: Vocabulary, ready: torch.Tensor, prefix: Any, names: Sequence[str]
) -> dict[str, float]:
    """log p(name) from transformers: candidates padded to the longest, in batches, behind copies of the cache."""
    scores: dict[str, float] = {}
    first = torch.log_softmax(ready.float(), -1)
    encoded = vocabulary.encode_batch(["." + name for name in names])
    order = sorted(range(len(names)), key=lambda index: len(encoded[index]))
    for start in range(0, len(order), BATCH):
        part = [encoded[index] for index in order[start : start + BATCH]]
        width = max(map(len, part))
        cache = copy.deepcopy(prefix)
        cache.batch_repeat_interleave(len(part))
        with torch.inference_mode():
            ids = torch.tensor([row + [0] * (width - len(row)) for row in part])
            logits = model.module(input_ids=ids, past_key_values=cache, use_cache=True).logits
            log_rows = torch.log_softmax(logits.float(), -1)
        for index, row, log_row in zip(order[start : start + BATCH], part, log_rows, strict=True):
            rest = sum(float(log_row[position, one]) for position, one in enumerate(row[1:]))
            scores[names[index]] = float(first[row[0]]) + rest
    return scores


def one_by_one(
    engine: Engine, vocabulary: Vocabulary, ready: torch.Tensor, size: int, names: Sequence[str]
) -> dict[str, float]:
    """log p(name) from our engine, one pass for each candidate, behind the cache of the prompt."""
    scores: dict[str, float] = {}
    first = torch.log_softmax(ready.float(), -1)
    for name in names:
        ids = vocabulary.encode("." + name)
        log_rows = torch.log_softmax(engine.step(ids), -1)
        scores[name] = float(first[ids[0]]) + sum(float(log_rows[at, one]) for at, one in enumerate(ids[1:]))
        engine.crop(size)
    return scores


def agree(
    engine: Engine, vocabulary: Vocabulary, model: Model, ready: torch.Tensor, prompt: Sequence[int], prefix: Any,
    names: Sequence[str],
) -> None:  # fmt: skip
    """That the ways give the same numbers, as far as the dtype goes; the trie's are compared by tests."""
    ours = one_by_one(engine, vocabulary, ready, len(prompt), names)
    theirs = batched(model, vocabulary, ready, prefix, names)
    worst = max(abs(ours[name] - theirs[name]) / max(1.0, abs(ours[name])) for name in names)
    if worst > 0.05:
        raise SystemExit(f"{model.name}: the ways differ by {worst:.3f}")


def section(model: Model, rows: Sequence[Row]) -> str:
    lines = [
        f"| {row.names:,} | {row.nodes:,} | {row.trie:,.0f} | {row.top10:,.0f} | {row.batched:,.0f}{'*' * row.scaled} | "
        f"{row.one_by_one:,.0f}{'*' * row.scaled} | {row.batched / row.trie:.1f} | {row.one_by_one / row.trie:.1f} | "
        f"{row.one_by_one / row.top10:.0f} |"
        for row in rows
    ]
    return f"""## {model.name}: {model.parameters / 1e6:,.0f} million parameters, {model.dtype}

| names | nodes | trie | best ten | batched | one by one | batched ÷ trie | one by one ÷ trie | ÷ best ten |
|--:|--:|--:|--:|--:|--:|--:|--:|--:|
{chr(10).join(lines)}
"""


def page(sections: Sequence[str], most: int) -> str:
    return f"""# Scoring a set of names

{made_by(".venv/bin/python benchmarks/scoring.py")} {torch.get_num_threads()} thread(s) for the model; where that is
one, milliseconds are processor time of the process, which other work on the same cores makes longer, but not by much.

How long it takes to know how likely a model finds each of the names behind `torch.`, from a prompt that has been read;
sets are drawn from the {most:,} public members of torch. All ways run over the cache of the prompt.

- *trie*: `fairlead.decoding.rank`, every name exactly, with the probability that it ends there and the tokens that go on
  behind it; *best ten*: the same, ended when the ten likeliest names are certain.
- *batched*: transformers, {BATCH} candidates at a time sorted by length, the cache copied for each batch.
- *one by one*: one pass of fairlead's own engine for each candidate (faster than transformers would be).

Milliseconds, medians, in turns within one run. \\* measured on some of the names and scaled to all. The larger models are
the packaged one's weights among zeros (`widened_model` in `benchmarks/shapes.py`). With 0.5 billion parameters a pass over
many nodes is bound by arithmetic, no longer by reading the weights: 2,149 nodes are 2 · 10¹² operations however they are
cut, and a name by itself costs little more than one pass. That bounds the ratio there.

{chr(10).join(sections)}"""


if __name__ == "__main__":
    main()
