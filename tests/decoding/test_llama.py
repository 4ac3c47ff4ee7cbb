"""Our own pass through the Llama family gives what transformers gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.decoding import engine as engine_module
from fairlead.decoding.engine import TorchEngine, engine_for
from fairlead.decoding.forward import TransformersForward
from fairlead.decoding.llama import FEW_ROWS, LlamaForward, is_llama
from fairlead.decoding.model import Model

TEXT = [17, 40, 99, 310, 22, 8, 251, 60, 61, 62, 130, 7, 300, 18, 19]
LONG = [5 + i * 37 % 370 for i in range(2 * FEW_ROWS + 7)]
Tiny = Callable[[str], Model]


def made(kind: str, **settings: Any) -> Any:
    """A tiny module with random weights and biases."""
    import transformers

    torch.manual_seed(3)
    common: dict[str, Any] = {
        "vocab_size": 400, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 256,
    }  # fmt: skip
    config = getattr(transformers, f"{kind}Config")(**common | settings)
    module = getattr(transformers, f"{kind}ForCausalLM")(config).eval().requires_grad_(False)
    for parameter in module.parameters():
        parameter.copy_(torch.randn(parameter.shape) * 0.3 + (parameter.dim() == 1 and parameter.mean() > 0.5))
    return module


def as_model(tiny: Tiny, module: Any) -> Model:
    return replace(tiny("llama"), module=module, dtype=str(module.dtype).removeprefix("torch."))


MODULES: dict[str, Callable[[], Any]] = {
    "llama": lambda: made("Llama"),
    "without groups": lambda: made("Llama", num_key_value_heads=4),
    "one key head": lambda: made("Llama", num_key_value_heads=1),
    "wide heads": lambda: made("Llama", head_dim=16),
    "with biases": lambda: made("Llama", attention_bias=True, mlp_bias=True),
    "tied": lambda: made("Llama", tie_word_embeddings=True),
    "linear positions": lambda: made(
        "Llama", rope_parameters={"rope_type": "linear", "factor": 4.0, "rope_theta": 1e4}
    ),
    "yarn positions": lambda: made(
        "Llama",
        rope_parameters={
            "rope_type": "yarn", "factor": 4.0, "rope_theta": 1e4, "original_max_position_embeddings": 64,
        },
    ),
    "qwen2": lambda: made("Qwen2", rope_parameters={"rope_type": "default", "rope_theta": 1e6}),
    "mistral": lambda: made("Mistral", sliding_window=None),
}  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("as_on_cpu", [True, False], ids=["cpu", "accelerator"])
def test_the_same_logits_as_transformers(tiny: Tiny, name: str, as_on_cpu: bool) -> None:
    """Few rows, many rows, one row and a tree; the code for accelerators runs here on the CPU."""
    module = MODULES[name]()
    assert is_llama(module)
    ours = LlamaForward(module)
    ours._is_cpu = as_on_cpu
    model = as_model(tiny, module)
    engines = TorchEngine(model, ours), TorchEngine(model, TransformersForward(module))
    steps: tuple[Callable[[TorchEngine], torch.Tensor | None], ...] = (
        lambda engine: engine.prefill(LONG),
        lambda engine: engine.step(TEXT),
        lambda engine: engine.step([7]),
        lambda engine: engine.score_tree([-1, -1, 0, 2, 1, 0], [5, 6, 7, 8, 9, 10]),
        lambda engine: engine.score_tree([-1] * 20 + list(range(20)), list(range(100, 140))),
    )
    for step in steps:
        a, b = (step(engine) for engine in engines)
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-4)
    for engine in engines:
        engine.commit([0, 2, 3])
    torch.testing.assert_close(engines[0].step([11, 12]), engines[1].step([11, 12]), atol=1e-4, rtol=1e-4)


def test_what_is_not_that_network_is_left_to_transformers(tiny: Tiny) -> None:
    assert not is_llama(made("Qwen2", use_sliding_window=True, sliding_window=8, max_window_layers=1))
    assert not is_llama(made("Mistral", sliding_window=8))
    assert not is_llama(made("Llama", hidden_act="gelu"))
    assert not is_llama(made("Llama", rope_parameters={"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e4}))
    for architecture in ("qwen2_windows", "starcoder2", "gpt_bigcode", "codegen"):
        assert not is_llama(tiny(architecture).module)


@pytest.mark.parametrize("architecture", ["llama", "qwen2"])
def test_it_is_used_of_itself_and_made_once(tiny: Tiny, architecture: str) -> None:
    first, second = engine_for(tiny(architecture)), engine_for(tiny(architecture))
    assert isinstance(first, TorchEngine)
    assert isinstance(second, TorchEngine)
    assert isinstance(first.forward, LlamaForward)
    assert first.forward is second.forward
    first.prefill(TEXT)
    assert second.tokens == ()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["prefill", "step", "tree", "commit", "crop"]), st.integers(0, 2**31))))
def test_whatever_was_done_before_a_fresh_engine_agrees(
    tiny: Tiny, follow_steps: Callable[..., None], steps: list[tuple[str, int]]
) -> None:
    model = tiny("llama")
    follow_steps(TorchEngine(model), lambda: TorchEngine(model, TransformersForward(model.module)), steps)


def test_bfloat16_is_right_within_its_precision(tiny: Tiny) -> None:
    """Not further from the float32 logits than transformers' own bfloat16 (times two, both being noise)."""
    exact = as_model(tiny, made("Qwen2"))
    rounded = as_model(tiny, made("Qwen2").to(torch.bfloat16))
    truth = TorchEngine(exact).step(LONG)
    ours = TorchEngine(rounded, LlamaForward(rounded.module)).step(LONG)
    theirs = TorchEngine(rounded, TransformersForward(rounded.module)).step(LONG)
    assert (ours - truth).std() < 2 * (theirs - truth).std()
    assert (ours - truth).std() < 0.1 * truth.std()


def test_the_module_shares_joined_matrices(tiny: Tiny) -> None:
    """Joining them costs no memory, and the module still gives the same."""
    module = made("Llama")
    before = module(input_ids=torch.tensor([TEXT])).logits
    LlamaForward(module)
    projections = module.model.layers[0].self_attn
    assert projections.q_proj.weight.untyped_storage().data_ptr() == (
        projections.v_proj.weight.untyped_storage().data_ptr()
    )
    torch.testing.assert_close(module(input_ids=torch.tensor([TEXT])).logits, before)


@pytest.mark.parametrize("tied", [True, False])
def test_a_large_model_is_not_held_twice(tiny: Tiny, monkeypatch: pytest.MonkeyPatch, tied: bool) -> None:
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        pytest.skip("this processor does not multiply bfloat16, so nothing is packed")
    model = as_model(tiny, made("Llama", tie_word_embeddings=tied).to(torch.bfloat16))
    before = engine_for(model).prefill(TEXT)
    held = sum(parameter.numel() for parameter in model.module.parameters())
    monkeypatch.setattr(engine_module, "RELEASED_PARAMETERS", 0)
    after = engine_for(model).prefill(TEXT)
    assert sum(parameter.numel() for parameter in model.module.parameters()) < held / 1.5
    assert before is not None
    assert after is not None
    torch.testing.assert_close(before, after)
    again = engine_for(model).prefill(TEXT)
    assert again is not None
    torch.testing.assert_close(before, again)
