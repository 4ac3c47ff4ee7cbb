"""llama.cpp with the weights of a model of transformers: a GGUF file written with `gguf`, token ids fed directly.

Both packages are optional: `pip install gguf llama-cpp-python`, the second built for this processor
(`CMAKE_ARGS=-DGGML_NATIVE=ON`).
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy
import torch

from fairlead.decoding.model import Model

TYPES = ("F32", "BF16", "F16", "Q8_0")
"""The types of weights that llama.cpp multiplies with on a CPU; the last is eight bits and a scale for 32 weights."""

_BLOCK = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
}  # fmt: skip


def is_installed() -> bool:
    return find_spec("gguf") is not None and find_spec("llama_cpp") is not None


def write_gguf(model: Model, path: Path, kind: str) -> None:
    """The weights of a Llama or Qwen2 as llama.cpp reads them, its matrices in one of `TYPES`; no vocabulary.

    A bias of the head is left out: llama.cpp has none, and it changes no time.
    """
    import gguf

    config = model.module.config
    arch = {"llama": "llama", "qwen2": "qwen2"}[config.model_type]
    writer = gguf.GGUFWriter(path, arch)
    heads, kv_heads = config.num_attention_heads, config.num_key_value_heads
    head_size = getattr(config, "head_dim", None) or config.hidden_size // heads
    writer.add_context_length(model.context_tokens)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(head_size)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_vocab_size(model.vocab_size)
    writer.add_tokenizer_model("no_vocab")
    for name, tensor in model.module.state_dict().items():
        if name.startswith("lm_head."):
            continue  # tied
        ours, rows = _named(name), tensor.float()
        if arch == "llama" and ("q_proj" in name or "k_proj" in name):
            # It turns neighbouring dimensions, transformers those half a head apart.
            count = heads if "q_proj" in name else kv_heads
            rows = rows.view(count, 2, head_size // 2, -1).transpose(1, 2).reshape(rows.shape)
        chosen = gguf.GGMLQuantizationType[kind if rows.dim() > 1 else "F32"]
        data = gguf.quants.quantize(rows.numpy(), chosen)
        writer.add_tensor(ours, data, raw_dtype=chosen)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _named(name: str) -> str:
    """`model.layers.3.mlp.up_proj.weight` -> `blk.3.ffn_up.weight`."""
    if not name.startswith("model.layers."):
        return {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight"}[name]
    _, _, layer, rest = name.split(".", 3)
    part, _, kind = rest.rpartition(".")
    return f"blk.{layer}.{_BLOCK[part]}.{kind}"


class LlamaCpp:
    """One model with a cache."""

    def __init__(self, path: Path, context_tokens: int) -> None:
        import llama_cpp

        threads = torch.get_num_threads()
        self._model: Any = llama_cpp.Llama(
            str(path), n_ctx=context_tokens, n_batch=512, n_ubatch=512, n_threads=threads, n_threads_batch=threads,
            verbose=False,
        )  # fmt: skip
        self._api: Any = llama_cpp
        self._size = self._model.n_vocab()

    def read(self, ids: Sequence[int], *, anew: bool = False) -> torch.Tensor:
        """(V,) logits behind `ids`, written behind what was read before, or `anew`."""
        if anew:
            self._model.reset()
        self._model.eval(list(ids))
        pointer = self._api.llama_get_logits_ith(self._model.ctx, -1)
        return torch.from_numpy(numpy.ctypeslib.as_array(pointer, (self._size,)))

