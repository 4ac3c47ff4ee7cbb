"""One pass through the network, behind one call: the modules of transformers here, our own in `llama.py`."""

from __future__ import annotations

import inspect
from typing import Any, Literal, Protocol

import torch

from .cache import Columns, KeyValueCache, TransformersCache

Keep = Literal["none", "last", "all"]
"""Which rows of logits a pass must give; the others are not computed (the last layer is the dearest of a small
model)."""

Masks = dict[str, torch.Tensor]
"""Layer type -> `(M, S)`, 0 where a row sees a slot and -inf where not, in the dtype of the model."""


class Forward(Protocol):
    """`(M,)` ids at `(M,)` positions, written behind `cache.length` (not moved), give logits of the rows kept."""

    windows: dict[str, int | None]
    """Layer type -> how many positions back its layers see; None: all."""
    device: torch.device
    dtype: torch.dtype

    def new_cache(self, graphs: bool = True) -> KeyValueCache:
        """An empty cache of the layout this forward writes; `graphs`: recorded passes may use it (`graphs.py`)."""

    def release(self, module: torch.nn.Module) -> None:
        """Give up what `module` holds of the weights beside the forward's own copy of them."""

    def __call__(
        self, ids: torch.Tensor, positions: torch.Tensor, masks: Masks | None, cache: KeyValueCache, keep: Keep,
        columns: Columns | None = None,
    ) -> torch.Tensor:  # fmt: skip
        """`masks` is None for a single row that sees every slot; `columns` are the slots of its columns where those
        are not all, in order. Returns `(rows, V)`, rows = 0, 1 or M."""


class TransformersForward:
    """A causal language model of transformers, called directly, with our cache, masks and positions."""

    def __init__(self, module: torch.nn.Module) -> None:
        weight = next(module.parameters())
        self.device, self.dtype = weight.device, weight.dtype
        self.windows = attention_windows(module.config)
        self._module = module
        self._may_drop_rows = "logits_to_keep" in inspect.signature(module.forward).parameters

    def new_cache(self, graphs: bool = True) -> KeyValueCache:
        """Nothing is recorded."""
        return KeyValueCache()

    def release(self, module: torch.nn.Module) -> None:
        """Nothing: the module is what computes."""

    def __call__(
        self, ids: torch.Tensor, positions: torch.Tensor, masks: Masks | None, cache: KeyValueCache, keep: Keep,
        columns: Columns | None = None,
    ) -> torch.Tensor:  # fmt: skip
        rows, slots = len(ids), cache.length + len(ids)
        if masks is None:
            nothing_hidden = torch.zeros((rows, slots), dtype=self.dtype, device=self.device)
            masks = dict.fromkeys(self.windows, nothing_hidden)
        wide = {name: mask.view(1, 1, rows, -1) for name, mask in masks.items()}
        given: dict[str, Any] = {"logits_to_keep": 0 if keep == "all" else 1} if self._may_drop_rows else {}
        logits: torch.Tensor = self._module(
            input_ids=ids.view(1, -1),
            position_ids=positions.view(1, -1),
            # Models whose layers differ take a mask for each type of layer, the others a single one.
            attention_mask=wide if len(wide) > 1 else next(iter(wide.values())),
            past_key_values=TransformersCache(cache, columns),
            use_cache=True,
            **given,
        ).logits[0]
        return {"none": logits[:0], "last": logits[-1:], "all": logits}[keep]


def attention_windows(config: Any) -> dict[str, int | None]:
    """Layer type -> window of the model that `config` describes.

    A model without `layer_types` that has a window (Mistral, StarCoder2) uses it in every layer.
    """
    window = getattr(config, "sliding_window", None)
    types = getattr(config, "layer_types", None)
    if types is None:
        return {"sliding_attention": window} if window else {"full_attention": None}
    return {name: window if name == "sliding_attention" else None for name in dict.fromkeys(types)}


def only_attends(module: torch.nn.Module) -> bool:
    """Whether every layer is plain attention, so that siblings of a tree cannot see each other.

    Recurrent and hybrid layers carry a state from row to row, and a mask does not stop that: a tree would be silently
    wrong.
    """
    config: Any = module.config
    types = getattr(config, "layer_types", None) or ["full_attention"]
    known = {"full_attention", "sliding_attention"}
    return set(types) <= known and not getattr(module, "_is_stateful", False)
