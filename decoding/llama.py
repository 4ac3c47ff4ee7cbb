"""Our own pass through models of the Llama family: the same numbers as transformers, without its cost per layer.

What is different: projections that read the same input are one matrix; on a CPU bfloat16 matrices are packed once for
oneDNN instead of at every call; keys and values are kept in float32 there, since attention of one row over bfloat16
keys is five times slower; and nothing is looked up, wrapped or dispatched by name. Default model, 384 tokens read,
2 cores with AVX512-bf16, milliseconds for 1, 32 and 128 rows: 1.4, 3.2, 6.9 (transformers 3.5, 4.6, 10.8).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F

from .cache import Columns, FixedSlots, KeyValueCache
from .forward import Keep, Masks, attention_windows
from .graphs import BUCKETS, CudaRecorder, FixedPasses, Recorder, RecordingFailed
from .heads import foreseen_states
from .weights import LlamaWeights

FAMILY = ("LlamaForCausalLM", "Qwen2ForCausalLM", "MistralForCausalLM")
"""The classes of transformers that are the same network up to the biases of their projections."""

CONSTANT_ROTATIONS = ("default", "linear", "llama3", "yarn")
"""Kinds of rotary position whose frequencies do not depend on the length of the text."""

FEW_ROWS = 96
"""Up to here attention on a CPU is done in float32: bfloat16 products cost a millisecond for every new number of
slots."""

log = logging.getLogger(__name__)

Linear = Callable[[torch.Tensor], torch.Tensor]


def is_llama(module: Any) -> bool:
    """Whether `LlamaForward` computes what `module` does: by its class, its rotary positions and what its layers
    see."""
    if isinstance(module, LlamaWeights):
        return True
    config = module.config
    rotation = (getattr(config, "rope_parameters", None) or {}).get("rope_type", "default")
    return (
        type(module).__name__ in FAMILY
        and rotation in CONSTANT_ROTATIONS
        and config.hidden_act == "silu"
        and set(attention_windows(config).values()) == {None}
        and getattr(config, "partial_rotary_factor", 1.0) in (None, 1.0)
    )


class LlamaForward:
    """A `Forward` with the weights of a module of transformers, which is not called.

    Where matrices are joined, the module's own become parts of the joined one; where they are packed, there are two
    copies until `release`.
    """

    def __init__(self, module: Any, as_on_cpu: bool | None = None) -> None:
        """`as_on_cpu` False: what accelerators compute, wherever it is; for tests."""
        config, body = module.config, module.model
        weight = body.embed_tokens.weight
        self.device, self.dtype = weight.device, weight.dtype
        self.windows = attention_windows(config)
        self._is_cpu = self.device.type == "cpu" if as_on_cpu is None else as_on_cpu
        # The stream between the layers: float32 costs nothing on a CPU and rounds less.
        self._stream_dtype = torch.float32 if self._is_cpu else self.dtype
        self._kv_heads: int = config.num_key_value_heads
        self._group: int = config.num_attention_heads // config.num_key_value_heads
        self._head_size: int = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        # Those of the first half count backwards: the sine changes its sign, as rotating halves wants it.
        frequencies = body.rotary_emb.inv_freq.float()
        self._frequencies = torch.cat([-frequencies, frequencies])
        self._nothing = torch.zeros((1, 1, 1), dtype=self._stream_dtype, device=self.device)
        self._rotation_scale: float = body.rotary_emb.attention_scaling
        self._embedding = weight.detach()
        with torch.no_grad():
            self._layers = [_Layer(layer, self._stream_dtype) for layer in body.layers]
            self._end_norm = _Norm(body.norm, self._stream_dtype)
            self._head = _linear(module.lm_head)
        self.states: torch.Tensor | None = None
        """(rows, hidden): what the logits of the last pass were made of."""
        self.new_recorder: Callable[[], Recorder] | None = None
        """What records passes of fixed shape; None where there are none, or recording has failed."""
        if self.device.type == "cuda":
            self.new_recorder = partial(CudaRecorder, self.device)
        self._fixed_passes: WeakKeyDictionary[KeyValueCache, FixedPasses] = WeakKeyDictionary()

    def release(self, module: Any) -> None:
        """Give up the module's copy of every packed matrix; it cannot be called any more."""
        tied = module.lm_head.weight is module.model.embed_tokens.weight
        for name, part in module.named_modules():
            weight = getattr(part, "weight", None)
            is_read = name == "model.embed_tokens" or (tied and name == "lm_head")
            if weight is not None and weight.dim() == 2 and _packs(weight) and not is_read:
                weight.data = weight.data.new_empty(0)

    def new_cache(self, graphs: bool = True) -> KeyValueCache:
        """Keys lie `(H, D, slots)` on a CPU, so that scores need no transposed copy, else `(H, slots, D)`."""
        fixed = graphs and self.new_recorder is not None
        return KeyValueCache(key_axis=-1 if self._is_cpu else -2, fixed=fixed)

    def __call__(
        self, ids: torch.Tensor, positions: torch.Tensor, masks: Masks | None, cache: KeyValueCache, keep: Keep,
        columns: Columns | None = None,
    ) -> torch.Tensor:  # fmt: skip
        mask = None if masks is None else next(iter(masks.values()))
        stream: torch.Tensor | None = None
        if cache.fixed and columns is None and len(ids) <= BUCKETS[-1]:
            stream = self._replayed(ids, positions, mask, cache)
        if stream is None:
            stream = self._compute(ids, positions, mask, cache, columns)
        if keep == "none":
            return stream.new_empty((0, len(self._embedding)))
        if keep == "last":
            stream = stream[-1:]
        self.states = self._end_norm(stream).to(self.dtype)
        logits: torch.Tensor = self._head(self.states)
        return logits

    def _replayed(
        self, ids: torch.Tensor, positions: torch.Tensor, mask: torch.Tensor | None, cache: KeyValueCache
    ) -> torch.Tensor | None:
        """What `_compute` gives, from a recording; None where there is none. One that fails is the last one tried."""
        if self.new_recorder is None:
            return None
        if cache not in self._fixed_passes:
            self._fixed_passes[cache] = FixedPasses(self.new_recorder, self.device, self.dtype)
        try:
            return self._fixed_passes[cache].run(self._compute, ids, positions, mask, cache)
        except RecordingFailed as error:
            log.warning("passes are not recorded, each is computed call by call: %s", error)
            self.new_recorder = None
            self._fixed_passes.clear()
            return None

    def _compute(
        self, ids: torch.Tensor, positions: torch.Tensor, mask: torch.Tensor | None, cache: KeyValueCache | FixedSlots,
        columns: Columns | None = None,
    ) -> torch.Tensor:  # fmt: skip
        """`(M, C)` behind the last layer. Nothing here may depend on numbers that only the host knows, but for shapes."""
        stream: torch.Tensor = self._embedding[ids].to(self._stream_dtype)
        cos, sin = self._rotation(positions)
        if mask is not None:
            # The heads of a group are rows of one product, so that each needs the mask.
            mask = mask.repeat(self._group, 1)
        for index, layer in enumerate(self._layers):
            heads = layer.qkv(layer.attention_norm(stream).to(self.dtype))
            seen = self._attention(index, heads, cos, sin, mask, cache, columns)
            stream += layer.out(seen)
            gate, up = layer.gate_up(layer.mlp_norm(stream).to(self.dtype)).chunk(2, dim=-1)
            stream += layer.down(F.silu(gate).mul_(up))
        return stream

    def foresee(self, state: torch.Tensor, heads: Sequence[torch.Tensor]) -> list[int]:
        """The likeliest token of each head (`heads.py`) at one of `states`."""
        with torch.inference_mode():
            ids: list[int] = self._head(foreseen_states(state, heads)).argmax(-1).tolist()
        return ids

    def _rotation(self, positions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """`(M, D)` cosines and sines; the sine of the first half is negative."""
        angles = positions[:, None] * self._frequencies
        cos, sin = angles.cos(), angles.sin()
        if self._rotation_scale != 1:
            cos, sin = cos * self._rotation_scale, sin * self._rotation_scale
        return cos.to(self._stream_dtype), sin.to(self._stream_dtype)

    def _attention(
        self,
        index: int,
        qkv: torch.Tensor,
        cos: torch.Tensor,
        sin: torch.Tensor,
        mask: torch.Tensor | None,
        cache: KeyValueCache | FixedSlots,
        columns: Columns | None,
    ) -> torch.Tensor:
        """`(M, heads * D)`: what each row takes from the slots it sees. Writes the cache."""
        rows, size, kv_heads, group = len(qkv), self._head_size, self._kv_heads, self._group
        heads = qkv.view(rows, -1, size).transpose(0, 1).to(self._stream_dtype, memory_format=torch.contiguous_format)
        turning, new_values = heads.split_with_sizes((kv_heads * group + kv_heads, kv_heads))
        turned = torch.addcmul(turning * cos, turning.roll(size // 2, -1), sin)
        queries, new_keys = turned.split_with_sizes((kv_heads * group, kv_heads))
        keys, values = cache.append(index, new_keys.transpose(1, 2) if self._is_cpu else new_keys, new_values, columns)
        queries = queries.reshape(kv_heads, group * rows, size)
        if self._is_cpu:
            taken = self._attend(queries, keys, values, mask, rows)
        else:
            taken = F.scaled_dot_product_attention(queries[None], keys[None], values[None], mask)[0]
        taken = taken.view(kv_heads * group, rows, size).transpose(0, 1)
        return taken.to(self.dtype, memory_format=torch.contiguous_format).reshape(rows, -1)

    def _attend(
        self, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, mask: torch.Tensor | None, rows: int
    ) -> torch.Tensor:
        """`(H, R, D)` from `(H, D, S)` keys and `(H, S, D)` values."""
        if rows > FEW_ROWS:
            queries, keys, values = queries.to(self.dtype), keys.to(self.dtype), values.to(self.dtype)
        added = self._nothing if mask is None else mask.to(queries.dtype)
        scores = torch.baddbmm(added, queries, keys, alpha=self._head_size**-0.5)
        return torch.bmm(scores.softmax(-1), values)


class _Layer:
    """The four products and two norms of one layer."""

    def __init__(self, layer: Any, stream_dtype: torch.dtype) -> None:
        attention, mlp = layer.self_attn, layer.mlp
        self.qkv = _linear(attention.q_proj, attention.k_proj, attention.v_proj)
        self.out = _linear(attention.o_proj)
        self.gate_up = _linear(mlp.gate_proj, mlp.up_proj)
        self.down = _linear(mlp.down_proj)
        self.attention_norm = _Norm(layer.input_layernorm, stream_dtype)
        self.mlp_norm = _Norm(layer.post_attention_layernorm, stream_dtype)


class _Norm:
    def __init__(self, norm: Any, dtype: torch.dtype) -> None:
        self._weight: torch.Tensor = norm.weight.detach().to(dtype)
        self._shape = tuple(self._weight.shape)
        self._epsilon: float = norm.variance_epsilon
        self._is_cpu = dtype == torch.float32 and self._weight.device.type == "cpu"
        if self._is_cpu:
            size = self._weight.numel()
            self._weight = self._weight * size**0.5
            self._least = torch.tensor((size * self._epsilon) ** 0.5)

    def __call__(self, stream: torch.Tensor) -> torch.Tensor:
        if not self._is_cpu:
            return F.rms_norm(stream, self._shape, self._weight, self._epsilon)
        # The same in four calls instead of nine: torch has one kernel for it on accelerators only.
        length = torch.linalg.vector_norm(stream, dim=-1, keepdim=True)
        return (stream * self._weight).div_(length.hypot_(self._least))


def _linear(*parts: Any) -> Linear:
    """The product with the weights of `parts`, one below the other."""
    weight = parts[0].weight.detach()
    bias = None if parts[0].bias is None else parts[0].bias.detach()
    if len(parts) > 1:
        weight = torch.cat([part.weight.detach() for part in parts])
        bias = None if bias is None else torch.cat([part.bias.detach() for part in parts])
    if _packs(weight):
        # Twice as fast for few rows: the plain product brings the matrix into oneDNN's layout at every call.
        packed, product = torch.ops.mkldnn._reorder_linear_weight(weight), torch.ops.mkldnn._linear_pointwise
        return lambda rows: product(rows, packed, bias, "none", [], "")
    if len(parts) > 1:
        for part, rows in zip(parts, weight.split([len(part.weight) for part in parts]), strict=True):
            part.weight.data = rows
    return lambda rows: F.linear(rows, weight, bias)


def _packs(weight: torch.Tensor) -> bool:
    return weight.device.type == "cpu" and weight.dtype == torch.bfloat16 and _packing_works()


@cache
def _packing_works() -> bool:
    """Whether this torch has the calls (they are not public), and this processor multiplies bfloat16."""
    try:
        weight, rows = torch.ones((16, 32), dtype=torch.bfloat16), torch.ones((2, 32), dtype=torch.bfloat16)
        packed = torch.ops.mkldnn._reorder_linear_weight(weight)
        product = torch.ops.mkldnn._linear_pointwise(rows, packed, None, "none", [], "")
    except (AttributeError, RuntimeError, TypeError):
        return False
    return bool(torch.equal(product, F.linear(rows, weight)))
