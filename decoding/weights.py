"""Reading a folder of the Llama family without transformers, whose import alone takes seconds at every start.

Only what is certain is read here; a folder with anything unusual in its config is left to transformers.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from safetensors import safe_open

from ..monitors.errors import ModelBroken

_CLASSES = {"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM", "mistral": "MistralForCausalLM"}
_NEEDED = (
    "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "vocab_size",
    "rms_norm_eps", "tie_word_embeddings", "max_position_embeddings",
)  # fmt: skip
_UNUSUAL = ("quantization_config", "partial_rotary_factor", "auto_map")


class LlamaWeights(torch.nn.Module):
    """The weights of one model under the names that transformers gives them; `LlamaForward` computes with them."""

    config: SimpleNamespace
    model: Any
    lm_head: Any

    def get_input_embeddings(self) -> Any:
        return self.model.embed_tokens

    def get_output_embeddings(self) -> Any:
        return self.lm_head


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files that make up the model, as transformers chooses them; empty when there are none."""
    single, index = folder / "model.safetensors", folder / "model.safetensors.index.json"
    if single.is_file() or not index.is_file():
        return [single] if single.is_file() else sorted(folder.glob("*.safetensors"))
    try:
        weight_map = json.loads(index.read_text("utf-8"))["weight_map"]
        return [folder / name for name in sorted(set(weight_map.values()))]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelBroken(f"{index} cannot be read: {error}. Fetch or copy the model again") from error


def is_plain_llama(config: dict[str, Any]) -> bool:
    """Whether a `config.json` says all there is to know, and nothing that `LlamaForward` does not compute."""
    kind = config.get("model_type")
    rotation = config.get("rope_parameters") or {"rope_theta": config.get("rope_theta")}
    types = config.get("layer_types") or ["full_attention"]
    has_windows = config.get("sliding_window") and (kind == "mistral" or config.get("use_sliding_window", True))
    return (
        config.get("architectures") == [_CLASSES.get(str(kind))]
        and all(config.get(name) is not None for name in _NEEDED)
        and not any(config.get(name) for name in _UNUSUAL)
        and config.get("hidden_act", "silu") == "silu"
        and not config.get("rope_scaling")
        and rotation.get("rope_type", "default") == "default"
        and isinstance(rotation.get("rope_theta"), (int, float))
        and set(types) == {"full_attention"}
        and not has_windows
    )


def read_llama(folder: Path, config: dict[str, Any], device: str, dtype: torch.dtype) -> LlamaWeights:
    """The weights in a folder for which `is_plain_llama` holds; raises `ModelBroken` when some are missing or
    misshapen."""
    module = LlamaWeights()
    rotation = config.get("rope_parameters") or {}
    module.config = SimpleNamespace(**{**config, "rope_parameters": {"rope_type": "default", **rotation}})
    module.config.sliding_window = None
    module.config.hidden_act = "silu"
    heads, hidden = config["num_attention_heads"], config["hidden_size"]
    head_size = module.config.head_dim = config.get("head_dim") or hidden // heads
    queries, keys, inner = heads * head_size, config["num_key_value_heads"] * head_size, config["intermediate_size"]
    shapes = {
        "self_attn.q_proj": (queries, hidden), "self_attn.k_proj": (keys, hidden), "self_attn.v_proj": (keys, hidden),
        "self_attn.o_proj": (hidden, queries), "mlp.gate_proj": (inner, hidden), "mlp.up_proj": (inner, hidden),
        "mlp.down_proj": (hidden, inner),
    }  # fmt: skip
    read = _Tensors(folder, device, dtype)
    model: Any = torch.nn.Module()
    module.model = model
    model.embed_tokens = read.part("model.embed_tokens", (config["vocab_size"], hidden))
    layers = []
    for index in range(config["num_hidden_layers"]):
        layer: Any = torch.nn.Module()
        layer.self_attn, layer.mlp = torch.nn.Module(), torch.nn.Module()
        for name, shape in shapes.items():
            block, _, projection = name.partition(".")
            setattr(getattr(layer, block), projection, read.part(f"model.layers.{index}.{name}", shape))
        for name in ("input_layernorm", "post_attention_layernorm"):
            setattr(layer, name, _norm(read, f"model.layers.{index}.{name}", config))
        layers.append(layer)
    model.layers = torch.nn.ModuleList(layers)
    model.norm = _norm(read, "model.norm", config)
    model.rotary_emb = torch.nn.Module()
    steps = torch.arange(0, head_size, 2, dtype=torch.float32, device=device) / head_size
    theta = rotation.get("rope_theta") or config["rope_theta"]
    model.rotary_emb.inv_freq, model.rotary_emb.attention_scaling = 1.0 / (theta**steps), 1.0
    tied = config["tie_word_embeddings"]
    module.lm_head = model.embed_tokens if tied else read.part("lm_head", (config["vocab_size"], hidden))
    return module.eval()


def _norm(read: _Tensors, name: str, config: dict[str, Any]) -> Any:
    norm = read.part(name, (config["hidden_size"],))
    norm.variance_epsilon = float(config["rms_norm_eps"])
    return norm


class _Tensors:
    """The tensors of all safetensors files of a folder, by name, converted as they are read."""

    def __init__(self, folder: Path, device: str, dtype: torch.dtype) -> None:
        self._folder, self._device, self._dtype = folder, device, dtype
        self._file_of: dict[str, Any] = {}
        for path in weight_files(folder):
            file: Any = safe_open(path, framework="pt")
            self._file_of |= dict.fromkeys(file.keys(), file)

    def part(self, name: str, shape: tuple[int, ...]) -> Any:
        """A module that holds `name.weight` of this shape and, where there is one, `name.bias`."""
        part: Any = torch.nn.Module()
        weight = self._tensor(f"{name}.weight", shape)
        if weight is None:
            raise ModelBroken(f"{self._folder}: its weights lack {name}.weight. Fetch the model again")
        part.weight = torch.nn.Parameter(weight, requires_grad=False)
        bias = self._tensor(f"{name}.bias", shape[:1])
        part.bias = None if bias is None else torch.nn.Parameter(bias, requires_grad=False)
        return part

    def _tensor(self, name: str, shape: tuple[int, ...]) -> torch.Tensor | None:
        file = self._file_of.get(name)
        if file is None:
            return None
        tensor: torch.Tensor = file.get_tensor(name)
        if tuple(tensor.shape) != shape:
            raise ModelBroken(f"{self._folder}: {name} is {tuple(tensor.shape)}, its config says {shape}")
        return tensor.to(self._device, self._dtype, copy=True)
