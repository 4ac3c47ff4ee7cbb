"""Learns the tables: how much each string of a slot's features speaks for each common type. One linear softmax.

`python benchmarks/types_tables.py` fits on the packages of "learning" and writes monitors/data/type_tables.json.gz.
What is held out of them is for the weights of the second stage (types_weights.py).
"""

from __future__ import annotations

import gzip
import json
import math
import sys
from collections import Counter, defaultdict

import torch
import types_dataset
import types_examples
from types_examples import Example

HELD_OUT = frozenset({"scrapy", "poetry", "websockets", "click", "cattrs", "tox", "discord.py", "trio", "mkdocs"})
"""Projects of "learning" that the tables never see."""

TYPES = 220
LEAST_PROJECTS = 3
LEAST_COUNT = 4
PENALTY = 3e-5
"""Of the sum of absolute weights, in each batch."""

STEP = 0.02
LEAST_WEIGHT = 0.2
"""Weights are stored as whole multiples of the one; those below the other are dropped."""

TABLES = types_dataset.REPOSITORY / "monitors" / "data" / "type_tables.json.gz"


def learning() -> list[Example]:
    """All examples of "learning"."""
    return [
        example for requirement in types_dataset.section("learning")
        for example in types_examples.of_project(types_dataset.PACKAGES / "learning" / requirement.split("==")[0])
    ]  # fmt: skip


def classes(examples: list[Example], kind: str) -> list[str]:
    """The types common enough to have weights of their own, most frequent first, and the groups of the rest."""
    projects: dict[str, Counter[str]] = defaultdict(Counter)
    for example in examples:
        if example.kind == kind and not example.trivial:
            projects[example.label][example.project] += 1
    # A type's weight is a sum of square roots: one project that says it a thousand times is one opinion.
    weight = {
        label: sum(math.sqrt(count) for count in counts.values())
        for label, counts in projects.items() if len(counts) >= LEAST_PROJECTS
    }  # fmt: skip
    ranked = sorted(weight, key=lambda label: -weight[label])[:TYPES]
    return [*ranked, "<class>", "<generic>", "<union>"]


def group(label: str, known: dict[str, int]) -> int:
    """The index of a label's class."""
    if label in known:
        return known[label]
    if " | " in label and "[" not in label.split(" | ")[0]:
        return known["<union>"]
    return known["<generic>" if "[" in label else "<class>"]


def fit(examples: list[Example], kind: str, epochs: int = 6) -> dict[str, object]:
    """The tables of one kind of slot; prints how well they do on what was held out."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    own = [example for example in examples if example.kind == kind and not example.trivial]
    seen = [example for example in own if example.project not in HELD_OUT]
    held = [example for example in own if example.project in HELD_OUT]
    names = classes(seen, kind)
    known = {name: index for index, name in enumerate(names)}
    projects: dict[str, set[str]] = defaultdict(set)
    counts: Counter[str] = Counter()
    for example in seen:
        for feature in example.features:
            projects[feature].add(example.project)
            counts[feature] += 1
    vocabulary = {
        feature: index for index, feature in enumerate(sorted(
            feature for feature, where in projects.items() if len(where) >= 2 and counts[feature] >= LEAST_COUNT))
    }  # fmt: skip
    sizes = Counter(example.project for example in seen)
    rows = [[vocabulary[one] for one in example.features if one in vocabulary] for example in seen]
    labels = torch.tensor([group(example.label, known) for example in seen])
    optional = torch.tensor([float(example.optional) for example in seen])
    weights = torch.tensor([1.0 / math.sqrt(sizes[example.project]) for example in seen])
    weights /= weights.mean()
    table = torch.nn.EmbeddingBag(len(vocabulary), len(names) + 1, mode="sum")
    torch.nn.init.zeros_(table.weight)
    optimiser = torch.optim.Adagrad(table.parameters(), lr=0.1)
    print(f"{kind}: {len(seen)} examples, {len(vocabulary)} features, {len(names)} types", flush=True)
    for epoch in range(epochs):
        total = 0.0
        order = torch.randperm(len(rows)).tolist()
        for begin in range(0, len(order), 512):
            batch = order[begin : begin + 512]
            logits = table(*bags([rows[index] for index in batch]))
            each = torch.nn.functional.cross_entropy(logits[:, :-1], labels[batch], reduction="none")
            each = each + torch.nn.functional.binary_cross_entropy_with_logits(
                logits[:, -1], optional[batch], reduction="none")  # fmt: skip
            used = table.weight[list({row for index in batch for row in rows[index]})]
            loss = (each * weights[batch]).mean() + PENALTY * used.abs().sum()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += float(loss.detach()) * len(batch)
        print(f"  epoch {epoch}: loss {total / len(rows):.3f}, held out {score(table, held, vocabulary, known)}", flush=True)
    table.weight.data = (table.weight.data / STEP).round() * STEP
    table.weight.data[table.weight.data.abs() < LEAST_WEIGHT] = 0.0
    print(f"  pruned: {score(table, held, vocabulary, known)}, {int((table.weight != 0).sum())} weights", flush=True)
    stored = {}
    for feature, index in vocabulary.items():
        row = (table.weight.data[index] / STEP).round().int().tolist()
        kept = [number for column, value in enumerate(row) if value for number in (column, value)]
        if kept:
            stored[feature] = kept
    return {"types": names, "weights": stored}


def bags(rows: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """(indices, offsets) as `EmbeddingBag` takes them."""
    offsets, at = [], 0
    for row in rows:
        offsets.append(at)
        at += len(row)
    return torch.tensor([index for row in rows for index in row]), torch.tensor(offsets)


@torch.no_grad()
def score(table: torch.nn.EmbeddingBag, held: list[Example], vocabulary: dict[str, int], known: dict[str, int]) -> str:
    """Top-1 and top-5 over the classes, and the loss, of examples never seen."""
    logits = table(*bags([[vocabulary[one] for one in example.features if one in vocabulary] for example in held]))
    labels = torch.tensor([group(example.label, known) for example in held])
    top = logits[:, :-1].topk(5).indices
    first, five = (top[:, 0] == labels).float().mean(), (top == labels[:, None]).any(1).float().mean()
    optional = ((logits[:, -1] > 0) == torch.tensor([example.optional for example in held])).float().mean()
    loss = torch.nn.functional.cross_entropy(logits[:, :-1], labels)
    return f"top-1 {first:.3f}, top-5 {five:.3f}, loss {loss:.3f}, optional {optional:.3f}"


def main() -> None:
    examples = learning()
    found = {"step": STEP, **{kind: fit(examples, kind) for kind in ("parameter", "return")}}
    TABLES.parent.mkdir(exist_ok=True)
    data = json.dumps(found, separators=(",", ":"), ensure_ascii=True).encode()
    # mtime 0: the same tables are the same bytes.
    TABLES.write_bytes(gzip.compress(data, 9, mtime=0))
    print(f"{TABLES.name}: {TABLES.stat().st_size / 1e3:.0f} kB", file=sys.stderr)


if __name__ == "__main__":
    main()
