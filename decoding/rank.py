"""The exact distribution of a model over a finite set of names, over the shared KV cache.

Three quantities are kept apart, h being the healed prompt and stem the text before the name:

- *global*  π(s) ∝ p(stem + s | h) · β(s), with β(s) the probability that the name ends there. What we rank by.
- *local*   what step-by-step masking would sample from. Not computed here.
- *mass*    Z = Σ p(stem + s | h) · β(s) / p(stem | h): how much the model itself gave to the legal names. With
  canonical tokenisations only it is a lower bound.

Tokens that end a name and go on (`append(`) count for the name. Probabilities are normalised over the full vocabulary.
"""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from .engine import Engine
from .trie import Trie, build
from .vocabulary import Vocabulary

NODES_PER_FORWARD = 64
"""Tree nodes in one forward; a bucket that costs little more than one token where bf16 is fast."""

_NOTHING = -math.inf


@dataclass(frozen=True)
class Ranking:
    """Names by falling probability. `log_probs` are natural logarithms, normalised over these names.

    `legal_mass` is Z. `unseen_mass` bounds (same scale as Z) what was not expanded when time or nodes ran out: 0 means
    that every number is exact; else names marked in `bounded` hold an upper bound instead of their score.
    """

    names: tuple[str, ...]
    log_probs: tuple[float, ...]
    legal_mass: float
    unseen_mass: float = 0.0
    bounded: frozenset[str] = frozenset()

    def starting_with(self, typed: str) -> Ranking:
        """The distribution given that the name starts with `typed`. No model needed; Z stays that of all names."""
        kept = [(name, value) for name, value in zip(self.names, self.log_probs, strict=True) if name.startswith(typed)]
        norm = _log_sum([value for _, value in kept])
        return Ranking(
            tuple(name for name, _ in kept), tuple(value - norm for _, value in kept), self.legal_mass,
            self.unseen_mass, self.bounded,
        )  # fmt: skip

    def log_prob(self, name: str) -> float:
        """log π(name), -inf if it is not among the names."""
        return self.log_probs[self.names.index(name)] if name in self.names else -math.inf


@dataclass(frozen=True)
class Branch:
    """How to write one name: nodes to commit, then one token more if it is written together with what follows it.

    `path` holds the engine's tree indices, `ids` their tokens, `rows` the (V,) logits after each of them.
    """

    path: tuple[int, ...]
    ids: tuple[int, ...]
    rows: tuple[torch.Tensor, ...]
    crossing_id: int | None


@dataclass(frozen=True)
class Scored:
    """A ranking together with the tree that is still in the engine, so that the winner can be continued.

    `slots`: the engine's index of each node that was run; `rows`: its logits; `best_way`: for each name the node and,
    if it is a crossing token, the id by which it is likeliest written.
    """

    ranking: Ranking
    trie: Trie
    slots: dict[int, int]
    rows: dict[int, torch.Tensor]
    best_way: dict[int, tuple[float, int, int | None]]

    def branch(self, name: str) -> Branch | None:
        """The likeliest way to write `name`; None if time ended before it was run."""
        way = self.best_way.get(self.trie.names.index(name))
        if way is None:
            return None
        _, node, crossing_id = way
        nodes = self.trie.path(node)
        return Branch(
            tuple(self.slots[v] for v in nodes), tuple(self.trie.ids[v] for v in nodes),
            tuple(self.rows[v] for v in nodes), crossing_id,
        )  # fmt: skip


def rank(
    engine: Engine,
    vocabulary: Vocabulary,
    root_logits: torch.Tensor,
    stem: str,
    names: Sequence[str],
    *,
    typed: str = "",
    enough: int | None = None,
    max_nodes: int = 4096,
    until: float | None = None,
    stop: Callable[[], bool] | None = None,
) -> Scored:
    """Score `names` written behind `stem`, the engine standing at the healed prompt whose next logits are given.

    Best-first by probability, `NODES_PER_FORWARD` nodes a forward, so that what is cut off by `max_nodes`, by the
    monotonic time `until` or by `stop` is the least likely part; `unseen_mass` bounds it. `typed` restricts the names
    to those starting with it and conditions Z on it. With `enough`, it ends as soon as so many of the best names are
    certain: no other can score higher, since probability only falls along a path. The tree stays in the engine behind
    the committed tokens: commit a branch or crop.
    """
    wanted = sorted({name for name in names if name.startswith(typed)})
    trie = build(vocabulary, stem, wanted)
    target = (stem + typed).encode("utf-8", "replace")
    log_prob: dict[int, float] = {-1: 0.0}
    slots: dict[int, int] = {}
    rows: dict[int, torch.Tensor] = {}
    scores: dict[int, list[float]] = {}
    best_way: dict[int, tuple[float, int, int | None]] = {}
    ends_here: dict[int, list[int]] = {}
    for name_index, node in enumerate(trie.ends):
        ends_here.setdefault(node, []).append(name_index)
    stem_mass = 0.0
    frontier: list[tuple[float, int]] = []
    done: list[float] = []  # scores of the names whose end was run

    def expand(node: int, log_row: torch.Tensor) -> None:
        """Take in the log-probabilities after `node`: its children, crossing tokens, the end of a name."""
        nonlocal stem_mass
        here = log_prob[node]
        text = trie.texts[node] if node >= 0 else b""
        children = trie.children[node + 1]
        if children:
            below = log_row[[trie.ids[child] for child in children]].tolist()
            for child, value in zip(children, below, strict=True):
                log_prob[child] = here + value
                heapq.heappush(frontier, (-log_prob[child], child))
        for name_index, ids in trie.crossing.get(node, ()):
            values = log_row[torch.from_numpy(ids)]
            scores.setdefault(name_index, []).append(here + float(torch.logsumexp(values, 0)))
            likeliest = int(values.argmax())
            _keep_best(best_way, name_index, here + float(values[likeliest]), node, int(ids[likeliest]))
        for name_index in ends_here.get(node, ()):
            # A name that ends in `=` or a quote ends whatever follows it.
            is_word = ("a" + trie.names[name_index][-1]).isidentifier()
            continues = float(torch.dot(log_row.exp(), vocabulary.starts_word)) if is_word else 0.0
            value = here + math.log(max(1e-12, 1.0 - continues))
            scores.setdefault(name_index, []).append(value)
            _keep_best(best_way, name_index, value, node, None)
            done.append(_log_sum(scores[name_index]))
        if len(text) < len(target) and target.startswith(text):
            ids = vocabulary.starting_with(target[len(text) :])
            if len(ids):
                stem_mass += math.exp(here) * float(log_row[torch.from_numpy(ids)].exp().sum())

    def is_enough() -> bool:
        """Whether the `enough`-th best finished name is as likely as anything unfinished could be."""
        if enough is None or len(done) < enough:
            return False
        return heapq.nlargest(enough, done)[-1] >= -frontier[0][0]

    expand(-1, torch.log_softmax(root_logits.float(), -1))
    if not target:
        stem_mass = 1.0
    seen = 0
    while frontier and seen < max_nodes:
        if (until is not None and seen and time.monotonic() >= until) or (stop is not None and stop()) or is_enough():
            break
        width = NODES_PER_FORWARD if enough is None else NODES_PER_FORWARD // 4
        batch = [heapq.heappop(frontier)[1] for _ in range(min(width, len(frontier), max_nodes - seen))]
        logits = engine.score_tree(
            [slots[trie.parents[node]] if trie.parents[node] >= 0 else -1 for node in batch],
            [trie.ids[node] for node in batch],
        )
        log_rows = torch.log_softmax(logits.float(), -1)
        for position, node in enumerate(batch):
            slots[node] = seen + position
            rows[node] = logits[position]
            expand(node, log_rows[position])
        seen += len(batch)
    return Scored(_ranking(trie, scores, log_prob, slots, stem_mass), trie, slots, rows, best_way)


def _keep_best(
    best_way: dict[int, tuple[float, int, int | None]], name_index: int, value: float, node: int, crossing: int | None
) -> None:
    if name_index not in best_way or value > best_way[name_index][0]:
        best_way[name_index] = (value, node, crossing)


def _ranking(
    trie: Trie, scores: dict[int, list[float]], log_prob: dict[int, float], slots: dict[int, int], stem_mass: float
) -> Ranking:
    """Collect the scores; a name whose end was not reached gets the bound of the deepest node known on its way."""
    values: list[float] = []
    bounded: set[str] = set()
    open_nodes: set[int] = set()
    for name_index, name in enumerate(trie.names):
        parts = list(scores.get(name_index, ()))
        node = trie.ends[name_index]
        if node not in slots:
            bounded.add(name)
            while trie.parents[node] >= 0 and trie.parents[node] not in slots:
                node = trie.parents[node]
            parts.append(log_prob[node])
            open_nodes.add(node)
        values.append(_log_sum(parts))
    norm = _log_sum(values)
    order = np.argsort([-value for value in values], kind="stable").tolist()
    exact = [math.exp(values[i]) for i in range(len(values)) if trie.names[i] not in bounded]
    scale = 1.0 / stem_mass if stem_mass > 0 else 0.0
    return Ranking(
        tuple(trie.names[i] for i in order),
        tuple(values[i] - norm for i in order),
        min(1.0, sum(exact) * scale),
        min(1.0, sum(math.exp(log_prob[node]) for node in open_nodes) * scale),
        frozenset(bounded),
    )


def _log_sum(values: Sequence[float]) -> float:
    if not values:
        return 0.0
    largest = max(values)
    if largest == _NOTHING:
        return _NOTHING
    return largest + math.log(sum(math.exp(value - largest) for value in values))
