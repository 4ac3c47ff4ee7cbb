"""Models for measuring speed: the real default one, and random weights in the shape of larger ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch

from fairlead.decoding.engine import Engine, engine_for
from fairlead.decoding.model import Model, load
from fairlead.decoding.vocabulary import Vocabulary


def default_model() -> Model:
    """The packaged model as a module of transformers, so that their own paths can be measured beside ours."""
    return load(device="cpu", with_transformers=True)


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


def random_model(like: Model, context_tokens: int = 2048, shape: str = "0.5B") -> Model:
    """Random weights in the shape of a known model, with the tokenizer of `like`.

    Its 151,936 logits are all computed; names take more tokens than that model's own tokenizer would give them.
    """
    import transformers

    config: Any = transformers.Qwen2Config(
        vocab_size=151_936, num_key_value_heads=2, max_position_embeddings=2048, tie_word_embeddings=True,
        bos_token_id=None, eos_token_id=sorted(like.eos_ids)[0], **SHAPES[shape].sizes,
    )  # fmt: skip
    torch.manual_seed(1)
    module = transformers.AutoModelForCausalLM.from_config(config, dtype=getattr(torch, like.dtype)).eval()
    module.requires_grad_(False)
    parameters = sum(parameter.numel() for parameter in module.parameters())
    return replace(
        like, name=f"random, the shape of {SHAPES[shape].name}", module=module, vocab_size=config.vocab_size,
        context_tokens=context_tokens, parameters=parameters,
    )  # fmt: skip


def engine_and_vocabulary(model: Model) -> tuple[Engine, Vocabulary]:
    engine = engine_for(model)
    return engine, Vocabulary.of(
        model.tokenizer, engine.vocab_size, sorted(model.eos_ids), sorted(model.special_ids)
    )
