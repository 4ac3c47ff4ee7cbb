"""Models for measuring speed: the packaged one, and its weights among zeros in the shape of larger ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch

from fairlead.decoding.engine import Engine, engine_for
from fairlead.decoding.model import Model, load
from fairlead.decoding.vocabulary import Vocabulary


def default_model(device: str = "cpu") -> Model:
    """The packaged model as a module of transformers, so that their own paths can be measured beside ours."""
    return load(device=device, with_transformers=True)


@dataclass(frozen=True)
class Shape:
    """What of a Qwen2 configuration differs between sizes."""

    name: str
    sizes: dict[str, int]


SHAPES = {
    "0.5B": Shape("Qwen2.5-Coder-0.5B", {
        "hidden_size": 896, "intermediate_size": 4864, "num_hidden_layers": 24, "num_attention_heads": 14,
    }),
    "1.5B": Shape("Qwen2.5-Coder-1.5B", {
        "hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28, "num_attention_heads": 12,
    }),
}  # fmt: skip


VOCABULARY = 151_936
"""Rows of the logits of that family."""


def widened_model(small: Model, context_tokens: int = 1024, shape: str = "0.5B") -> Model:
    """The function of `small` in the shape of a known model: its weights, and zeros around them.

    A product with zeros takes as long as any other, so that speed is that of the shape, and the text is that of `small`.
    Only the key-value heads are more than the known model's: as many as hold those of `small`. Tokens that `small` does
    not have get a logit of -10,000, from a bias of the head.
    """
    import transformers

    inner: Any = small.module.config
    sizes = dict(SHAPES[shape].sizes)
    heads = sizes["num_attention_heads"]
    kv_heads = next(n for n in range(inner.num_key_value_heads, heads + 1) if heads % n == 0)
    config: Any = transformers.LlamaConfig(
        vocab_size=VOCABULARY, num_key_value_heads=kv_heads, max_position_embeddings=2048, tie_word_embeddings=True,
        rope_parameters=inner.rope_parameters, bos_token_id=None, eos_token_id=sorted(small.eos_ids)[0],
        rms_norm_eps=inner.rms_norm_eps * inner.hidden_size / sizes["hidden_size"], **sizes,
    )  # fmt: skip
    module = transformers.AutoModelForCausalLM.from_config(config, dtype=getattr(torch, small.dtype)).eval()
    module.to(small.device).requires_grad_(False)
    for parameter in module.parameters():
        parameter.zero_()
    _embed(small.module, module)
    parameters = sum(parameter.numel() for parameter in module.parameters())
    return replace(
        small, name=f"{small.name} in the shape of {SHAPES[shape].name}", module=module, vocab_size=VOCABULARY,
        context_tokens=context_tokens, parameters=parameters,
    )  # fmt: skip


def _embed(inner: Any, outer: Any) -> None:
    """Write the weights of one Llama into a larger one of zeros, so that it computes the same."""
    size, wide = inner.config.head_dim, outer.config.head_dim
    # Position turns dimension i with i + size / 2; of a wider head every `wide / size`-th pair turns as fast.
    half = torch.arange(size // 2) * (wide // size)
    dimensions = torch.cat([half, half + wide // 2])
    group = inner.config.num_attention_heads // inner.config.num_key_value_heads
    wide_group = outer.config.num_attention_heads // outer.config.num_key_value_heads
    if wide % size or group > wide_group:
        raise ValueError("The heads of the small model do not fit")
    kv_rows = torch.cat([head * wide + dimensions for head in range(inner.config.num_key_value_heads)])
    places = [head // group * wide_group + head % group for head in range(inner.config.num_attention_heads)]
    rows = torch.cat([place * wide + dimensions for place in places])

    def put(theirs: Any, ours: Any, *where: torch.Tensor | None, scale: float = 1.0) -> None:
        """`where`: which rows and columns of `ours`, the first ones where that is None."""
        at = [torch.arange(n) if index is None else index for n, index in zip(theirs.weight.shape, where, strict=True)]
        ours.weight[torch.meshgrid(*at, indexing="ij")] = (theirs.weight * scale).to(ours.weight.dtype)

    # The mean of a norm is over more dimensions, all but the first ones 0.
    norm_scale = (inner.config.hidden_size / outer.config.hidden_size) ** 0.5
    for theirs, ours in zip(inner.model.layers, outer.model.layers, strict=False):
        # Scores are divided by the root of the head's size.
        put(theirs.self_attn.q_proj, ours.self_attn.q_proj, rows, None, scale=(wide / size) ** 0.5)
        put(theirs.self_attn.k_proj, ours.self_attn.k_proj, kv_rows, None)
        put(theirs.self_attn.v_proj, ours.self_attn.v_proj, kv_rows, None)
        put(theirs.self_attn.o_proj, ours.self_attn.o_proj, None, rows)
        for name in ("gate_proj", "up_proj", "down_proj"):
            put(getattr(theirs.mlp, name), getattr(ours.mlp, name), None, None)
        for name in ("input_layernorm", "post_attention_layernorm"):
            put(getattr(theirs, name), getattr(ours, name), None, scale=norm_scale)
    put(inner.model.norm, outer.model.norm, None, scale=norm_scale)
    put(inner.model.embed_tokens, outer.model.embed_tokens, None, None)
    bias = torch.full((outer.config.vocab_size,), -10_000.0)
    bias[: inner.config.vocab_size] = 0
    outer.lm_head.bias = torch.nn.Parameter(bias.to(outer.lm_head.weight), requires_grad=False)


def engine_and_vocabulary(model: Model, graphs: bool = True) -> tuple[Engine, Vocabulary]:
    engine = engine_for(model, graphs)
    return engine, Vocabulary.of(
        model.tokenizer, engine.vocab_size, sorted(model.eos_ids), sorted(model.special_ids)
    )
