"""Keys and values of every token the model has read, full-length, so that cutting back and trees always work.

Windows of sliding-window models are *not* kept here; they live in the mask. transformers' own caches forget what
leaves the window and can then neither crop nor hold a tree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

FIRST_CAPACITY = 512
"""Slots allocated for a layer when it is first written; doubled whenever they are used up."""


@dataclass(frozen=True)
class Columns:
    """The slots that one pass looks at: the first `base`, then `others`, in the order of a mask's columns."""

    base: int
    others: torch.Tensor
    """(N,) slots, on the device of the cache."""

    def of(self, buffer: torch.Tensor, axis: int) -> torch.Tensor:
        """A copy of the slots of `buffer`, side by side."""
        if axis == -1:
            # Four times as fast on two dimensions as on three.
            others = buffer.view(-1, buffer.shape[-1]).index_select(1, self.others).view(*buffer.shape[:-1], -1)
        else:
            others = buffer.index_select(axis, self.others)
        return torch.cat([buffer.narrow(axis, 0, self.base), others], axis)


class KeyValueCache:
    """One buffer of keys and one of values a layer; the slots `[0, length)` hold what is valid.

    `append` writes behind `length` and does not move it: the caller moves it once *all* layers have written, so a
    forward that fails half-way leaves nothing behind.
    """

    def __init__(self, key_axis: int = -2, fixed: bool = False) -> None:
        """`key_axis`: which axis of keys counts slots; of values it is the last but one. `fixed`: for passes of fixed
        shape (`graphs.py`), which read slots that are not valid, so that buffers begin as zeros."""
        self.length = 0
        self.fixed = fixed
        self.generation = 0
        """How often a buffer was made or replaced: for who keeps hold of them."""
        self._key_axis = key_axis
        self._keys: list[torch.Tensor | None] = []
        self._values: list[torch.Tensor | None] = []

    @property
    def capacity(self) -> int:
        """Slots there is memory for; 0 until something was written."""
        return min((0 if buffer is None else buffer.shape[-2] for buffer in self._values), default=0)

    def append(
        self, layer: int, keys: torch.Tensor, values: torch.Tensor, columns: Columns | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write M slots behind `length`; views of everything up to and with them, or copies of `columns`."""
        while len(self._keys) <= layer:
            self._keys.append(None)
            self._values.append(None)
        all_keys = self._keys[layer] = self._written(self._keys[layer], keys, self._key_axis)
        all_values = self._values[layer] = self._written(self._values[layer], values, -2)
        if columns is not None:
            return columns.of(all_keys, self._key_axis), columns.of(all_values, -2)
        end = self.length + values.shape[-2]
        return all_keys.narrow(self._key_axis, 0, end), all_values.narrow(-2, 0, end)

    def reserve(self, slots: int) -> None:
        """Replace buffers of fewer slots by larger ones."""
        for axis, buffers in ((self._key_axis, self._keys), (-2, self._values)):
            for layer, buffer in enumerate(buffers):
                if buffer is not None:
                    buffers[layer] = self._with_room(buffer, buffer, axis, slots)

    def wipe(self) -> None:
        """Write zeros behind `length`: what stands there is hidden, but zero times NaN is NaN."""
        with torch.inference_mode():
            for axis, buffers in ((self._key_axis, self._keys), (-2, self._values)):
                for buffer in buffers:
                    if buffer is not None:
                        buffer.narrow(axis, self.length, buffer.shape[axis] - self.length).zero_()

    def keep(self, start: int, slots: list[int]) -> None:
        """Move `slots` (rising, all at or behind `start`) to `start`; `length` then ends behind them."""
        if slots and slots != list(range(start, start + len(slots))):
            # The buffers were made in inference mode, and may be written nowhere else.
            with torch.inference_mode():
                for axis, buffers in ((self._key_axis, self._keys), (-2, self._values)):
                    for buffer in buffers:
                        if buffer is not None:
                            kept = buffer.index_select(axis, torch.tensor(slots, device=buffer.device))
                            buffer.narrow(axis, start, len(slots)).copy_(kept)
        self.length = start + len(slots)

    def _written(self, buffer: torch.Tensor | None, new: torch.Tensor, axis: int) -> torch.Tensor:
        """`buffer` with `new` behind `length`, where it is large enough."""
        buffer = self._with_room(buffer, new, axis, self.length + new.shape[axis])
        buffer.narrow(axis, self.length, new.shape[axis]).copy_(new)
        return buffer

    def _with_room(self, buffer: torch.Tensor | None, like: torch.Tensor, axis: int, end: int) -> torch.Tensor:
        """`buffer`, or a copy of twice the size where slots up to `end` do not fit."""
        if buffer is not None and buffer.shape[axis] >= end:
            return buffer
        shape = list(like.shape)
        shape[axis] = max(end, FIRST_CAPACITY if buffer is None else 2 * buffer.shape[axis])
        larger = like.new_zeros(shape) if self.fixed else like.new_empty(shape)
        if buffer is not None:
            larger.narrow(axis, 0, self.length).copy_(buffer.narrow(axis, 0, self.length))
        self.generation += 1
        return larger


class FixedSlots:
    """The face of a `KeyValueCache` that a pass of fixed shape sees: the same memory at every run, whatever `length` is.

    It keeps hold of the buffers, not of the cache, and is of no use once `generation` has changed.
    """

    def __init__(self, cache: KeyValueCache, slots: torch.Tensor, span: int) -> None:
        """`slots` (M,): where the rows of a pass are written, read anew at every run. The first `span` are looked at."""
        self._key_axis, self._slots, self._span = cache._key_axis, slots, span
        self._buffers = list(zip(cache._keys, cache._values, strict=True))

    def append(
        self, layer: int, keys: torch.Tensor, values: torch.Tensor, columns: Columns | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write M slots; views of the first `span`. `columns` are not known here: the mask hides what they leave out."""
        all_keys, all_values = self._buffers[layer]
        assert all_keys is not None
        assert all_values is not None
        all_keys.index_copy_(self._key_axis, self._slots, keys)
        all_values.index_copy_(-2, self._slots, values)
        return all_keys.narrow(self._key_axis, 0, self._span), all_values.narrow(-2, 0, self._span)


class TransformersCache:
    """The face of a `KeyValueCache` that models of transformers see: what they call on their `past_key_values`.

    Not a subclass of theirs, so that this module does not import transformers (seconds) and no method of theirs can cut
    the window off behind our back.
    """

    is_compileable = False
    is_croppable = False
    is_sliding: tuple[bool, ...] = ()

    def __init__(self, cache: KeyValueCache, columns: Columns | None = None) -> None:
        self._cache, self._columns = cache, columns

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, layer_idx: int, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return self._cache.append(layer_idx, key_states, value_states, self._columns)

    def get_seq_length(self, layer_idx: int = 0) -> int:
        return self._cache.length

    def get_query_offset(self, layer_idx: int = 0) -> int:
        return self._cache.length

    def get_mask_sizes(self, query_length: int, layer_idx: int = 0) -> tuple[int, int]:
        return self._cache.length + query_length, 0

    def get_max_length(self, layer_idx: int | None = None) -> int:
        return -1
