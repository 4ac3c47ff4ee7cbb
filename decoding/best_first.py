"""Different texts for one place, the likeliest first: best-first search with greedy ends.

From a text that is there, the likeliest of all turns not taken is taken, and followed greedily to its end; turns seen on
the way wait for theirs. Where two texts come to write the same tokens, the later one takes over the rest of the earlier
and is only scored, in one pass (recombination; Xu et al., "Massive-scale Decoding for Text Generation using Lattices",
2022, merge such texts as well). Every score is the model's exact probability of the text.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count as counter

import torch

from .grove import Branch, Grove

TURNS = 4
"""Tokens considered at one place beside the likeliest."""

MIN_TURN = 0.03
"""Turns that are less likely than this, compared with the likeliest token, are not taken."""

SAME = 4
"""As many equal tokens in a row make two texts go on alike."""

MAX_REFUSALS = 8
"""Tokens refused at one step before a text is ended there."""


@dataclass(order=True)
class _Turn:
    """A token not taken behind a branch; the likeliest text with it comes first."""

    cost: float
    number: int
    branch: Branch = field(compare=False)
    token_id: int = field(compare=False)
    log_prob: float = field(compare=False)


class Search:
    """The texts found so far, and the turns that wait."""

    def __init__(self, grove: Grove, width: int) -> None:
        self._grove, self._width = grove, width
        self._turns: list[_Turn] = []
        self._numbers = counter()
        self._paths: dict[tuple[int, ...], list[int]] = {}
        self._seen: set[str] = set()
        self.recombined = 0

    def run(self, known: Sequence[int], count: int) -> Iterator[Branch]:
        """Up to `count` finished texts that differ from each other and from the one `known` writes."""
        grove = self._grove
        path = grove.follow(grove.root, known)
        for before, token_id in zip([grove.root, *path], known, strict=False):
            if before.ended is None:
                self._note(before, token_id)
        self._remember([branch.token_id for branch in path])
        if path:
            self._seen.add(path[-1].text.strip())
            live = []
        else:
            first = self._greedy(grove.root)
            live = [first] if first is not None else []
        found = 0
        while (live or self._turns) and found < count and not grove.over:
            for branch in self._to_the_end(live):
                text = branch.text.strip()
                if text and text not in self._seen:
                    self._seen.add(text)
                    found += 1
                    yield branch
            live = []
            while self._turns and len(live) < min(self._width, count - found):
                turn = heapq.heappop(self._turns)
                taken = grove.take(turn.branch, turn.token_id, turn.log_prob)
                if taken is not None and not self._leads_to_known(taken):
                    live.append(taken)

    def _leads_to_known(self, branch: Branch) -> bool:
        """Whether a text that was found begins so: other tokens for the same characters are no other text."""
        text = branch.text.strip()
        return bool(text) and any(known.startswith(text) for known in self._seen)

    def _to_the_end(self, taken: list[Branch]) -> Iterator[Branch]:
        """Follow branches greedily, all in one pass for each token."""
        grove = self._grove
        live = grove.grow(taken)
        while live:
            taken, ready = [], []
            for branch in live:
                if branch.ended is not None:
                    self._remember(_ids(branch))
                    yield branch
                elif grove.over or len(branch.draft.steps) >= grove.limits.max_tokens:
                    ended = grove.end(branch, "budget" if grove.limits.over else "length")
                    ready += [ended] if ended is not None else []
                elif (rest := self._rest(branch)) and (followed := grove.follow(branch, rest)):
                    self.recombined += 1
                    ready.append(followed[-1])
                elif (longer := self._greedy(branch)) is not None:
                    taken.append(longer)
            live = ready + grove.grow(taken)

    def _greedy(self, branch: Branch) -> Branch | None:
        """The branch with the likeliest legal token more; the next ones become turns."""
        grove = self._grove
        row = grove.log_probs(branch)
        best = torch.topk(row, min(MAX_REFUSALS, row.numel()))
        if not branch.draft.owed and float(best.values[0]) < grove.limits.log_min_token:
            return grove.end(branch, "confidence")
        for value, token_id in zip(best.values.tolist(), best.indices.tolist(), strict=True):
            if value == -math.inf:
                break
            taken = grove.take(branch, token_id, value)
            if taken is not None:
                self._note(branch, token_id, row)
                return taken
        return grove.end(branch, "confidence")

    def _note(self, branch: Branch, chosen: int, row: torch.Tensor | None = None) -> None:
        """Let the likely tokens that were not chosen behind a branch wait for their turn."""
        row = self._grove.log_probs(branch) if row is None else row
        best = torch.topk(row, min(TURNS + 1, row.numel()))
        least = float(best.values[0]) + math.log(MIN_TURN)
        for value, token_id in zip(best.values.tolist(), best.indices.tolist(), strict=True):
            if token_id != chosen and value >= least and self._grove.goes_beyond(branch, token_id):
                cost = -(branch.log_prob + value)
                heapq.heappush(self._turns, _Turn(cost, next(self._numbers), branch, token_id, value))

    def _remember(self, ids: Sequence[int]) -> None:
        for end in range(SAME, len(ids)):
            self._paths.setdefault(tuple(ids[end - SAME : end]), list(ids[end:]))

    def _rest(self, branch: Branch) -> list[int] | None:
        """How a text went on that wrote the same last tokens; None if none did."""
        return self._paths.get(tuple(_ids(branch)[-SAME:])) if len(branch.draft.steps) >= SAME else None


def _ids(branch: Branch) -> list[int]:
    return [step.token_id for step in branch.draft.steps]
