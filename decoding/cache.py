"""Keys and values of every token the model has read, full-length, so that cutting back and trees always work.

Windows of sliding-window models are *not* kept here; they live in the mask. transformers' own caches forget what
leaves the window and can then neither crop nor hold a tree.
"""

from __future__ import annotations

from typing import Any

import torch

FIRST_CAPACITY = 512
"""Slots allocated for a layer when it is first written; doubled whenever they are used up."""


class KeyValueCache:
    """One buffer of keys and one of values a layer; the slots `[0, length)` hold what is valid.

    `append` writes behind `length` and does not move it: the caller moves it once *all* layers have written, so a
    forward that fails half-way leaves nothing behind.
    """

    def __init__(self) -> None:
        self.length = 0
        self._keys: list[torch.Tensor | None] = []
        self._values: list[torch.Tensor | None] = []

    def append(self, layer: int, keys: torch.Tensor, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Write `(1, H, M, D)` keys and values behind `length`; views of everything up to and with them."""
        while len(self._keys) <= layer:
            self._keys.append(None)
            self._values.append(None)
        end = self.length + keys.shape[2]
        all_keys = self._keys[layer] = _with_room(self._keys[layer], keys, self.length, end)
        all_values = self._values[layer] = _with_room(self._values[layer], values, self.length, end)
        all_keys[:, :, self.length : end] = keys
        all_values[:, :, self.length : end] = values
        return all_keys[:, :, :end], all_values[:, :, :end]

    def keep(self, start: int, slots: list[int]) -> None:
        """Move `slots` (rising, all at or behind `start`) to `start`; `length` then ends behind them."""
        end = start + len(slots)
        if slots and slots != list(range(start, end)):
            # The buffers were made in inference mode, and may be written nowhere else.
            with torch.inference_mode():
                for buffer in (*self._keys, *self._values):
                    if buffer is not None:
                        index = torch.tensor(slots, device=buffer.device)
                        buffer[:, :, start:end] = buffer.index_select(2, index)
        self.length = end


def _with_room(buffer: torch.Tensor | None, new: torch.Tensor, used: int, needed: int) -> torch.Tensor:
    """`buffer`, or a copy of it of at least twice the size, with `needed` slots."""
    if buffer is not None and buffer.shape[2] >= needed:
        return buffer
    slots = max(needed, FIRST_CAPACITY if buffer is None else 2 * buffer.shape[2])
    larger = new.new_empty((1, new.shape[1], slots, new.shape[3]))
    if buffer is not None:
        larger[:, :, :used] = buffer[:, :, :used]
    return larger


class TransformersCache:
    """The face of a `KeyValueCache` that models of transformers see: what they call on their `past_key_values`.

    Not a subclass of theirs, so that this module does not import transformers (seconds) and no method of theirs can cut
    the window off behind our back.
    """

    is_compileable = False
    is_croppable = False
    is_sliding: tuple[bool, ...] = ()

    def __init__(self, cache: KeyValueCache) -> None:
        self._cache = cache

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, layer_idx: int, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return self._cache.append(layer_idx, key_states, value_states)

    def get_seq_length(self, layer_idx: int = 0) -> int:
        return self._cache.length

    def get_query_offset(self, layer_idx: int = 0) -> int:
        return self._cache.length

    def get_mask_sizes(self, query_length: int, layer_idx: int = 0) -> tuple[int, int]:
        return self._cache.length + query_length, 0

    def get_max_length(self, layer_idx: int | None = None) -> int:
        return -1
