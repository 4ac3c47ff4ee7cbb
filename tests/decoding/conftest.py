"""Tiny models of the architectures people use, made on the spot: random weights, a tokenizer trained on this file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers, trainers
from tokenizers.models import BPE

from fairlead.decoding.engine import Engine
from fairlead.decoding.model import Model, load

SENTINELS = {
    "llama": ("▁<PRE>", "▁<SUF>", "▁<MID>", "▁<EOT>"),
    "qwen2": ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|fim_pad|>"),
    "qwen2_windows": ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|fim_pad|>"),
    "starcoder2": ("<fim_prefix>", "<fim_suffix>", "<fim_middle>", "<fim_pad>"),
    "gpt_bigcode": ("<fim-prefix>", "<fim-suffix>", "<fim-middle>", "<fim-pad>"),
    "codegen": (),
    "bloom": (),
    "mamba": (),
}
TREES = ("llama", "qwen2", "qwen2_windows", "starcoder2", "gpt_bigcode", "codegen")
"""The architectures that hold a tree; bloom (ALiBi) and mamba (recurrent) do not."""

VOCAB_SIZE = 400

# On a machine that is busy with something else, two threads that wait for each other at every product of a tiny model
# take a hundred times as long as one.
torch.set_num_threads(1)


def trained_tokenizer(special: tuple[str, ...]) -> Tokenizer:
    """A byte-level BPE tokenizer of 384 entries at most, trained on the source of this file; end of text is 0."""
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=384,
        special_tokens=[AddedToken(text, special=True) for text in ("<|endoftext|>", *special)],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([Path(__file__).read_text("utf-8")], trainer)
    return tokenizer


def tiny_config(architecture: str) -> Any:
    """A configuration of two or three layers whose weights take some kilobytes."""
    import transformers

    common: dict[str, Any] = {
        "vocab_size": VOCAB_SIZE, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 256, "bos_token_id": None,
        "eos_token_id": 0,
    }  # fmt: skip
    gpt: dict[str, Any] = {
        "vocab_size": VOCAB_SIZE, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256, "bos_token_id": None,
        "eos_token_id": 0,
    }  # fmt: skip
    match architecture:
        case "llama":
            return transformers.LlamaConfig(**common, rope_theta=10000.0)
        case "qwen2":
            return transformers.Qwen2Config(**common, tie_word_embeddings=True)
        case "qwen2_windows":
            types = ["full_attention", "sliding_attention"]
            return transformers.Qwen2Config(**common, use_sliding_window=True, sliding_window=8, layer_types=types)
        case "starcoder2":
            return transformers.Starcoder2Config(**common, sliding_window=8)
        case "gpt_bigcode":
            return transformers.GPTBigCodeConfig(**gpt, multi_query=True)
        case "codegen":
            return transformers.CodeGenConfig(**gpt, n_ctx=256, rotary_dim=4, tie_word_embeddings=False)
        case "bloom":
            return transformers.BloomConfig(vocab_size=VOCAB_SIZE, hidden_size=32, n_layer=2, n_head=4, eos_token_id=0)
        case "mamba":
            return transformers.MambaConfig(vocab_size=VOCAB_SIZE, hidden_size=32, num_hidden_layers=2, state_size=8)
        case _:
            raise ValueError(architecture)


def save_tiny(folder: Path, architecture: str) -> Path:
    """A model folder as the hub would hold it."""
    import transformers

    torch.manual_seed(5)
    module = transformers.AutoModelForCausalLM.from_config(tiny_config(architecture))
    for parameter in module.parameters():
        # Larger than training starts with, so that what a token sees moves the logits.
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    transformers.utils.logging.disable_progress_bar()
    module.save_pretrained(folder)
    trained_tokenizer(SENTINELS[architecture]).save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny model by architecture, made once; do not change what is in it."""
    made: dict[str, Path] = {}

    def folder(architecture: str) -> Path:
        if architecture not in made:
            made[architecture] = save_tiny(tmp_path_factory.mktemp(architecture), architecture)
        return made[architecture]

    return folder


@pytest.fixture(scope="session")
def tiny(tiny_folder: Callable[[str], Path]) -> Callable[[str], Model]:
    """A loaded tiny model by architecture, a module of transformers, in float32 on the CPU."""
    loaded: dict[str, Model] = {}

    def model(architecture: str) -> Model:
        if architecture not in loaded:
            folder = str(tiny_folder(architecture))
            loaded[architecture] = load(folder, device="cpu", dtype="float32", with_transformers=True)
        return loaded[architecture]

    return model


@pytest.fixture(scope="session")
def follow_steps() -> Callable[..., None]:
    """The law of an engine: `follow_steps(engine, fresh, [(verb, seed), …])` fails unless a fresh engine agrees."""
    return _follow_steps


def _follow_steps(engine: Engine, fresh: Callable[[], Engine], steps: list[tuple[str, int]]) -> None:
    """Do `steps` on `engine`; all logits equal those of a fresh engine that is given the same tokens."""
    tree: tuple[list[int], list[int]] = ([], [])
    for verb, seed in steps:
        pick = torch.Generator().manual_seed(seed)

        def number(low: int, high: int, pick: torch.Generator = pick) -> int:
            return int(torch.randint(low, high + 1, (1,), generator=pick))

        ids = [number(5, 370) for _ in range(number(1, 5))]
        tokens = list(engine.tokens)
        if verb == "prefill":
            wanted = tokens[: number(0, len(tokens))] + ids
            _assert_close(engine.prefill(wanted), _at_end(fresh(), wanted))
        elif verb == "step":
            other = fresh()
            rows = engine.step(ids)
            if tokens:
                other.prefill(tokens)
            _assert_close(rows, other.step(ids))
        elif verb == "crop":
            engine.crop(number(0, len(tokens)))
        elif verb == "tree":
            start = len(tree[1])
            parents = [number(-1, start + i - 1) for i in range(len(ids))]
            rows = engine.score_tree(parents, ids)
            tree = tree[0] + parents, tree[1] + ids
            for i, row in enumerate(rows):
                _assert_close(row, _at_end(fresh(), tokens + [tree[1][n] for n in _path_to(start + i, tree[0])]))
        elif tree[1]:
            path = _path_to(number(0, len(tree[1]) - 1), tree[0])
            engine.commit(path)
            assert list(engine.tokens) == tokens + [tree[1][n] for n in path]
        if verb != "tree":
            tree = [], []


def _at_end(engine: Engine, tokens: list[int]) -> torch.Tensor:
    logits = engine.prefill(tokens)
    assert logits is not None
    return logits


def _path_to(node: int, parents: list[int]) -> list[int]:
    return [*(_path_to(parents[node], parents) if parents[node] >= 0 else []), node]


def _assert_close(ours: torch.Tensor | None, theirs: torch.Tensor) -> None:
    assert ours is not None
    torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=1e-5)
