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
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from .engine import Engine
from .stops import lengthens_name
from .trie import Trie, build
from .vocabulary import Vocabulary

FEW_NODES = 16
"""Nodes in one pass when only the best names are wanted: more would mostly be run for nothing."""

LIKELY = 0.15
"""Only nodes at least so likely, compared with the likeliest, are run when the best name is wanted, divided by the
number of names when several are. What is not yet known of a node's children is guessed: half of it, in equal parts."""

UNSTOPPED_ROWS = 256
"""Nodes in one pass when nobody can stop it."""

KEPT_LOGITS = 30_000_000
"""Logits that are kept (four bytes each), so that a name can be continued without another pass."""


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

    `path` holds the engine's tree indices, `ids` their tokens, `rows` the (V,) logits after each of them; None where
    they were not kept and the tokens must be read again.
    """

    path: tuple[int, ...]
    ids: tuple[int, ...]
    rows: tuple[torch.Tensor, ...] | None
    crossing_id: int | None


@dataclass(frozen=True)
class Scored:
    """A ranking together with the tree that is still in the engine, so that the winner can be continued.

    `slots`: the engine's index of each node that was run; `rows`: the logits of the first of them; `best_way`: for each
    name the node and, if it is a crossing token, the id by which it is likeliest written.
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
        rows = tuple(self.rows[v] for v in nodes) if all(v in self.rows for v in nodes) else None
        return Branch(tuple(self.slots[v] for v in nodes), tuple(self.trie.ids[v] for v in nodes), rows, crossing_id)


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

    Best-first by probability, `engine.pass_rows` nodes a forward at most, so that what is cut off by `max_nodes`, by the
    monotonic time `until` or by `stop` is the least likely part; `unseen_mass` bounds it. `typed` restricts the names
    to those starting with it and conditions Z on it. With `enough`, it ends as soon as so many of the best names are
    certain: no other can score higher, since probability only falls along a path. The tree stays in the engine behind
    the committed tokens: commit a branch or crop.
    """
    wanted = sorted({name for name in names if name.startswith(typed)})
    if enough is not None and enough >= len(wanted):
        enough = None
    trie = build(vocabulary, stem, wanted)
    expansion = _Expansion(vocabulary, trie, (stem + typed).encode("utf-8", "replace"))
    expansion.take_in([-1], root_logits.float()[None], {})
    frontier = expansion.frontier
    if enough is not None:
        width = min(FEW_NODES, engine.pass_rows)
    else:
        width = engine.pass_rows if until is not None or stop is not None else max(UNSTOPPED_ROWS, engine.pass_rows)
    slots: dict[int, int] = {}
    rows: dict[int, torch.Tensor] = {}
    while frontier and len(slots) < max_nodes:
        if (until is not None and slots and time.monotonic() >= until) or (stop is not None and stop()):
            break
        if enough is not None and expansion.has(enough):
            break
        room = min(width, max_nodes - len(slots))
        batch: list[int] = [] if enough is None else _promising(frontier, trie, room, LIKELY / enough)
        while enough is None and frontier and len(batch) < room:
            node = heapq.heappop(frontier)[1]
            # Without a deadline the order is free, and nodes of one subtree look at the fewest slots.
            batch += [node] if until is not None else trie.subtree(node, room - len(batch))
        if enough is None:
            # All of the trie is to be run: a pass that is not full takes what lies below, too.
            inside = set(batch)
            for node in batch:
                batch += [child for child in trie.children[node + 1] if child not in inside][: room - len(batch)]
        known = dict(zip(batch, range(len(slots), len(slots) + len(batch)), strict=True))
        slots.update(known)
        logits = engine.score_tree(
            [slots[trie.parents[node]] if trie.parents[node] >= 0 else -1 for node in batch],
            [trie.ids[node] for node in batch],
        )
        if len(rows) * engine.vocab_size < KEPT_LOGITS:
            rows.update(zip(batch, logits, strict=True))
        expansion.take_in(batch, logits, known)
    return Scored(expansion.ranking(slots), trie, slots, rows, expansion.best_way)


def _promising(frontier: list[tuple[float, int]], trie: Trie, room: int, share: float) -> list[int]:
    """At most `room` nodes that the best names probably pass, taken off the frontier or from below what is taken.

    Parents first. A name of several tokens is often read in one pass so, which is fewer than writing it takes.
    """
    most = frontier[0][0] - math.log(share)
    below: list[tuple[float, int]] = []
    taken: list[int] = []
    while len(taken) < room:
        heap = below if below and (not frontier or below[0] < frontier[0]) else frontier
        if not heap or heap[0][0] > most:
            break
        cost, node = heapq.heappop(heap)
        taken.append(node)
        children = trie.children[node + 1]
        for child in children:
            heapq.heappush(below, (cost + math.log(2 * len(children)), child))
    return sorted(taken)


class _Expansion:
    """What is known of a trie while its nodes are run: log-probabilities of nodes, scores of names.

    `frontier`: a heap of the nodes whose parent was run and that were not, as (-log p, node).
    """

    def __init__(self, vocabulary: Vocabulary, trie: Trie, target: bytes) -> None:
        self.frontier: list[tuple[float, int]] = []
        self.best_way: dict[int, tuple[float, int, int | None]] = {}
        self._vocabulary, self._trie, self._target = vocabulary, trie, target
        self._log_prob: dict[int, float] = {-1: 0.0}
        self._scores: dict[int, float] = {}  # log-probability of what is known of each name
        self._done: list[float] = []  # scores of the names whose end was run
        self._stem_mass = 0.0 if target else 1.0
        self._ends_here: dict[int, list[int]] = {}
        for name_index, node in enumerate(trie.ends):
            self._ends_here.setdefault(node, []).append(name_index)

    def take_in(self, nodes: Sequence[int], logits: torch.Tensor, run: Container[int]) -> None:
        """`logits` (len(nodes), V) float32, what follows each node: its children, crossing tokens, the end of a
        name. Parents before children; those in `run` are not put on the frontier."""
        trie, log_prob, frontier = self._trie, self._log_prob, self.frontier
        # log-sum-exp from the largest, which is three times as fast as by itself.
        shares = logits.softmax(1)
        norms = (logits.amax(1) - shares.amax(1).log()).tolist()
        lengthened = (shares @ self._vocabulary.starts_word).tolist()
        below = [(row, child) for row, node in enumerate(nodes) for child in trie.children[node + 1]]
        values = logits[[row for row, _ in below], [trie.ids[child] for _, child in below]].tolist()
        for (row, child), value in zip(below, values, strict=True):
            log_p = log_prob[child] = log_prob[nodes[row]] + value - norms[row]
            if child not in run:
                heapq.heappush(frontier, (-log_p, child))
        for row, node in enumerate(nodes):
            here = log_prob[node]
            for name_index, ids in trie.crossing.get(node, ()):
                crossing = logits[row, torch.from_numpy(ids)] - norms[row]
                likeliest = int(crossing.argmax())
                self._score(name_index, here + float(torch.logsumexp(crossing, 0)))
                self._keep_best(name_index, here + float(crossing[likeliest]), node, int(ids[likeliest]))
            for name_index in self._ends_here.get(node, ()):
                # A name that ends in `=` or a quote ends whatever follows it.
                is_word = lengthens_name(trie.names[name_index][-1])
                value = here + math.log(max(1e-12, 1.0 - lengthened[row])) if is_word else here
                self._score(name_index, value)
                self._keep_best(name_index, value, node, None)
                self._done.append(self._scores[name_index])
            text = trie.texts[node] if node >= 0 else b""
            if len(text) < len(self._target) and self._target.startswith(text):
                ids = self._vocabulary.starting_with(self._target[len(text) :])
                if len(ids):
                    rest = logits[row, torch.from_numpy(ids)] - norms[row]
                    self._stem_mass += math.exp(here) * float(rest.exp().sum())

    def has(self, enough: int) -> bool:
        """Whether the `enough`-th best finished name is as likely as anything unfinished could be."""
        return len(self._done) >= enough and heapq.nlargest(enough, self._done)[-1] >= -self.frontier[0][0]

    def ranking(self, slots: dict[int, int]) -> Ranking:
        """A name whose end was not reached gets the bound of the deepest node known on its way."""
        trie, values = self._trie, [-math.inf] * len(self._trie.names)
        bounded: set[str] = set()
        open_nodes: set[int] = set()
        for name_index, name in enumerate(trie.names):
            values[name_index] = self._scores.get(name_index, -math.inf)
            node = trie.ends[name_index]
            if node not in slots:
                bounded.add(name)
                while trie.parents[node] >= 0 and trie.parents[node] not in slots:
                    node = trie.parents[node]
                values[name_index] = float(np.logaddexp(values[name_index], self._log_prob[node]))
                open_nodes.add(node)
        norm = _log_sum(values)
        order = np.argsort([-value for value in values], kind="stable").tolist()
        exact = [math.exp(values[i]) for i in range(len(values)) if trie.names[i] not in bounded]
        scale = 1.0 / self._stem_mass if self._stem_mass > 0 else 0.0
        return Ranking(
            tuple(trie.names[i] for i in order),
            tuple(values[i] - norm for i in order),
            min(1.0, sum(exact) * scale),
            min(1.0, sum(math.exp(self._log_prob[node]) for node in open_nodes) * scale),
            frozenset(bounded),
        )

    def _score(self, name_index: int, value: float) -> None:
        """Add another way to write a name."""
        known = self._scores.get(name_index)
        self._scores[name_index] = value if known is None else float(np.logaddexp(known, value))

    def _keep_best(self, name_index: int, value: float, node: int, crossing: int | None) -> None:
        if name_index not in self.best_way or value > self.best_way[name_index][0]:
            self.best_way[name_index] = (value, node, crossing)


def _log_sum(values: Sequence[float]) -> float:
    if not values:
        return 0.0
    largest = max(values)
    if largest == -math.inf:
        return -math.inf
    return largest + math.log(sum(math.exp(value - largest) for value in values))
