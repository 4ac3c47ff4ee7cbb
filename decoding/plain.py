"""An engine for models that cannot hold a tree (recurrent, hybrid, ALiBi): right, and slow.

It uses the model's own cache, forward only. Whatever must be taken back is read again.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch

from ..monitors.errors import ModelFailed
from .engine import common_prefix, translated

if TYPE_CHECKING:
    from .model import Model

CHUNK_TOKENS = 64
"""Tokens read between two looks at `stop`."""


class PlainEngine:
    """An `Engine` on a module of transformers and its own cache."""

    def __init__(self, model: Model) -> None:
        self.vocab_size = model.vocab_size
        self.context_tokens = model.context_tokens
        self.pass_rows = CHUNK_TOKENS
        self.row_cost = 1.0
        self._module = model.module
        self._device = next(model.module.parameters()).device
        self._cache: Any = None  # what the model made for `_held`; None: nothing was read yet
        self._held: list[int] = []
        self._committed: list[int] = []
        self._parents: list[int] = []
        self._ids: list[int] = []

    @property
    def tokens(self) -> tuple[int, ...]:
        return tuple(self._committed)

    def prefill(self, tokens: Sequence[int], stop: Callable[[], bool] | None = None) -> torch.Tensor | None:
        wanted = list(tokens)
        if not wanted:
            raise ValueError("prefill needs at least one token")
        self._check_room(len(wanted))
        self.crop(min(common_prefix(self._committed, wanted), len(wanted) - 1))
        self._forget_unless_prefix(self._committed)
        while len(self._held) < len(wanted):
            if stop is not None and stop():
                return None
            logits = self._read(wanted[len(self._held) : len(self._held) + CHUNK_TOKENS])
            self._committed = list(self._held)
        return logits[-1].clone()

    def step(self, ids: Sequence[int]) -> torch.Tensor:
        if not ids:
            raise ValueError("step needs at least one token")
        self._check_room(len(self._committed) + len(ids))
        self.crop(len(self._committed))
        self._catch_up()
        logits = self._read(list(ids))
        self._committed = list(self._held)
        return logits

    def score_tree(self, parents: Sequence[int], ids: Sequence[int]) -> torch.Tensor:
        if not ids or len(parents) != len(ids):
            raise ValueError("A tree needs as many parents as ids, and at least one")
        old = len(self._ids)
        all_parents, all_ids = [*self._parents, *parents], [*self._ids, *ids]
        paths: list[list[int]] = []
        for node, parent in enumerate(all_parents):
            if not -1 <= parent < node:
                raise ValueError(f"Node {node} cannot have parent {parent}")
            paths.append([node] if parent < 0 else [*paths[parent], node])
        self._check_room(len(self._committed) + max(map(len, paths)))
        self._catch_up()
        rows = torch.empty((len(all_ids), self.vocab_size))
        inner = set(all_parents)
        cache, held = self._cache, self._held
        try:
            for leaf in range(len(all_ids)):
                if leaf not in inner and paths[leaf][-1] >= old:
                    self._cache, self._held = copy.deepcopy(cache), list(held)
                    rows[paths[leaf]] = self._read([all_ids[node] for node in paths[leaf]])
        finally:
            self._cache, self._held = cache, held
        self._parents, self._ids = all_parents, all_ids
        return rows[old:].clone()

    def commit(self, path: Sequence[int]) -> None:
        expected = -1
        for node in path:
            if not 0 <= node < len(self._ids) or self._parents[node] != expected:
                raise ValueError(f"Node {node} does not follow node {expected}")
            expected = node
        self._committed += [self._ids[node] for node in path]
        self._parents, self._ids = [], []

    def crop(self, length: int) -> None:
        if not 0 <= length <= len(self._committed):
            raise ValueError(f"Cannot keep {length} of {len(self._committed)} tokens")
        del self._committed[length:]
        self._parents, self._ids = [], []

    def foreseen(self, length: int) -> list[int]:
        return []

    def _catch_up(self) -> None:
        """Read what is committed and not held: after a crop everything, after a commit the path."""
        self._forget_unless_prefix(self._committed)
        while len(self._held) < len(self._committed):
            self._read(self._committed[len(self._held) : len(self._held) + CHUNK_TOKENS])

    def _forget_unless_prefix(self, tokens: list[int]) -> None:
        if self._held != tokens[: len(self._held)]:
            self._cache, self._held = None, []

    def _read(self, ids: list[int]) -> torch.Tensor:
        """`(len(ids), V)` float32 on the CPU; the cache then holds `ids` too."""
        # A model that gives no cache back, or calls it by another name, is asked with everything each time.
        given = {"past_key_values": self._cache} if self._cache is not None else {}
        asked = ids if given else self._held + ids
        try:
            with torch.inference_mode():
                output = self._module(input_ids=torch.tensor([asked], device=self._device), use_cache=True, **given)
                logits = output.logits[0, -len(ids) :]
                is_finite = bool(torch.isfinite(logits.sum()))
            result = torch.empty(logits.shape)
            result.copy_(logits)
        except Exception as error:
            # The model's cache may be half written.
            self._cache, self._held = None, []
            raise translated(error) from error
        if not is_finite:
            self._cache, self._held = None, []
            raise ModelFailed("The model gave numbers that are no logits (NaN or infinite)")
        self._cache = getattr(output, "past_key_values", None)
        self._held = self._held + ids
        return result

    def _check_room(self, positions: int) -> None:
        if positions > self.context_tokens:
            raise ValueError(f"{positions} positions do not fit the model's {self.context_tokens}")
