"""Model folders of the Hugging Face layout: writing one from a network, and reading one to go on training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from tokenizers import Tokenizer

from ...monitors.errors import ModelBroken, TrainingError
from ..infilling import PromptOrder
from ..weights import is_plain_llama, read_llama
from .checkpoint import write_whole
from .examples import end_id
from .network import Network, Shape
from .tokenizer import SPECIAL

SHARD_BYTES = 4_000_000_000


def export(
    network: Network, tokenizer: Tokenizer, folder: Path, *, card: str = "", order: PromptOrder = "left_to_right",
    shard_bytes: int = SHARD_BYTES,
) -> Path:  # fmt: skip
    """Write a model folder that fairlead and transformers load, weights in bfloat16; the folder.

    No weights file is larger than `shard_bytes`. Raises `TrainingError` when it cannot be written; the files of a
    folder that was there are replaced one by one, the configuration last.
    """
    weights = {
        name: value.detach().to("cpu", torch.bfloat16).contiguous() for name, value in network.state_dict().items()
    }
    end = end_id(tokenizer)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_weights(folder, weights, shard_bytes)
        _write_json(folder / "tokenizer_config.json", _tokenizer_config(tokenizer, network.shape.context_tokens))
        write_whole(folder / "tokenizer.json", tokenizer.to_str(pretty=False).encode())
        _write_json(folder / "generation_config.json", {"bos_token_id": end, "eos_token_id": end, "use_cache": True})
        _write_json(folder / "fairlead.json", {"prompt_order": order})
        if card:
            write_whole(folder / "README.md", card.encode())
        _write_json(folder / "config.json", config_of(network.shape, end, tokenizer.token_to_id("<|fim_pad|>")))
    except OSError as error:
        raise TrainingError(f"The model could not be written to {folder}: {error.strerror}") from error
    return folder


def config_of(shape: Shape, end: int, pad: int | None) -> dict[str, Any]:
    """`config.json` of a network."""
    return {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "dtype": "bfloat16",
        "vocab_size": shape.vocab_size, "hidden_size": shape.hidden, "intermediate_size": shape.inner,
        "num_hidden_layers": shape.layers, "num_attention_heads": shape.heads, "num_key_value_heads": shape.heads,
        "head_dim": shape.head_size, "hidden_act": "silu", "rms_norm_eps": shape.norm_epsilon,
        "rope_parameters": {"rope_theta": shape.rope_theta, "rope_type": "default"},
        "max_position_embeddings": shape.context_tokens, "attention_bias": False, "attention_dropout": 0.0,
        "mlp_bias": False, "tie_word_embeddings": True, "initializer_range": 0.02, "use_cache": True,
        "bos_token_id": end, "eos_token_id": end, "pad_token_id": pad,
    }  # fmt: skip


def read_network(folder: Path) -> Network:
    """The network in a model folder, float32, for training; raises `ModelBroken`, `TrainingError` for other kinds."""
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelBroken(f"{folder} is no model folder: config.json cannot be read ({error})") from error
    heads, hidden = config.get("num_attention_heads"), config.get("hidden_size")
    if (
        not is_plain_llama(config) or config["model_type"] != "llama" or not config["tie_word_embeddings"]
        or config["num_key_value_heads"] != heads or (config.get("head_dim") or hidden // heads) * heads != hidden
        or config.get("attention_bias") or config.get("mlp_bias")
    ):  # fmt: skip
        raise TrainingError(f"{folder}: only plain Llama networks with tied embeddings are trained further")
    shape = Shape(
        config["vocab_size"], config["num_hidden_layers"], hidden, heads, config["intermediate_size"],
        config["max_position_embeddings"], float((config.get("rope_parameters") or config)["rope_theta"]),
        float(config["rms_norm_eps"]),
    )  # fmt: skip
    network = Network(shape)
    read = read_llama(folder, config, "cpu", torch.float32)
    names = set(network.state_dict())
    network.load_state_dict({name: value for name, value in read.state_dict().items() if name in names})
    return network


def _write_weights(folder: Path, weights: dict[str, torch.Tensor], shard_bytes: int) -> None:
    shards: list[dict[str, torch.Tensor]] = [{}]
    room = shard_bytes - 100_000  # for the header
    for name, value in weights.items():
        size = value.numel() * value.element_size()
        if shards[-1] and room < size:
            shards.append({})
            room = shard_bytes - 100_000
        shards[-1][name] = value
        room -= size
    old = {path.name for path in folder.glob("model*.safetensors*")}
    if len(shards) == 1:
        names = ["model.safetensors"]
    else:
        names = [f"model-{i + 1:05d}-of-{len(shards):05d}.safetensors" for i in range(len(shards))]
        index = {name: file for file, shard in zip(names, shards, strict=True) for name in shard}
        _write_json(folder / "model.safetensors.index.json", {"metadata": {}, "weight_map": index})
        names.append("model.safetensors.index.json")
    for name, shard in zip(names, shards, strict=False):
        write_whole(folder / name, save(shard, metadata={"format": "pt"}))
    for name in old - set(names):
        (folder / name).unlink()


def _tokenizer_config(tokenizer: Tokenizer, context_tokens: int) -> dict[str, Any]:
    there = [text for text in SPECIAL if tokenizer.token_to_id(text) is not None]
    return {
        "tokenizer_class": "TokenizersBackend", "backend": "tokenizers", "clean_up_tokenization_spaces": False,
        "model_max_length": context_tokens, "bos_token": SPECIAL[0], "eos_token": SPECIAL[0], "pad_token": "<|fim_pad|>",
        "extra_special_tokens": [text for text in there if text not in (SPECIAL[0], "<|fim_pad|>")],
    }  # fmt: skip


def _write_json(path: Path, value: dict[str, Any]) -> None:
    write_whole(path, (json.dumps(value, indent=2) + "\n").encode())
