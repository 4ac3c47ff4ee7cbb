"""The five verbs, on every architecture: whatever was done before, the logits are those of a single plain forward."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairlead.decoding.engine import GATHER_FROM, Engine, TorchEngine, engine_for, trees_are_right, warm_up
from fairlead.decoding.fakes import UniformEngine
from fairlead.decoding.model import Model
from fairlead.decoding.plain import PlainEngine
from fairlead.monitors.errors import ModelFailed, OutOfMemory

TREES = ("llama", "qwen2", "qwen2_windows", "starcoder2", "gpt_bigcode", "codegen")
ALL = (*TREES, "bloom", "mamba")
TEXT = [17, 40, 99, 310, 22, 8, 251, 60, 61, 62, 130, 7, 300, 18, 19]
"""Longer than the windows of the tiny models, which are 8."""

Tiny = Callable[[str], Model]


def plain(model: Model, tokens: Sequence[int]) -> torch.Tensor:
    """What transformers itself says follows each token, `(len(tokens), V)`: no cache, no mask of ours."""
    with torch.inference_mode():
        logits: torch.Tensor = model.module(input_ids=torch.tensor([list(tokens)]), use_cache=False).logits[0]
    return logits.clone()


def path_to(node: int, parents: list[int]) -> list[int]:
    return [*(path_to(parents[node], parents) if parents[node] >= 0 else []), node]


def assert_close(ours: torch.Tensor | None, theirs: torch.Tensor) -> None:
    assert ours is not None
    assert ours.shape == theirs.shape
    torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize("architecture", TREES)
def test_attention_models_get_the_tree_engine(tiny: Tiny, architecture: str) -> None:
    assert isinstance(engine_for(tiny(architecture)), TorchEngine)


@pytest.mark.parametrize("architecture", ["bloom", "mamba"])
def test_models_that_cannot_hold_a_tree_are_recognised(tiny: Tiny, architecture: str) -> None:
    model = tiny(architecture)
    assert isinstance(engine_for(model), PlainEngine)
    assert not trees_are_right(TorchEngine(model), model.module)


@pytest.mark.parametrize("architecture", ALL)
def test_prefill_and_step_equal_one_plain_forward(tiny: Tiny, architecture: str) -> None:
    model = tiny(architecture)
    engine, expected = engine_for(model), plain(model, TEXT)
    assert_close(engine.prefill(TEXT[:10]), expected[9])
    assert_close(engine.step(TEXT[10:11]), expected[10:11])
    assert_close(engine.step(TEXT[11:]), expected[11:])
    assert engine.tokens == tuple(TEXT)


@pytest.mark.parametrize("architecture", ALL)
def test_a_tree_equals_separate_forwards(tiny: Tiny, architecture: str) -> None:
    """Two calls: the second grows the tree under nodes of the first; siblings never see each other."""
    model = tiny(architecture)
    engine = engine_for(model)
    engine.prefill(TEXT)
    parents, ids = [-1, -1, 0, 0, 1, 3], [50, 51, 52, 53, 54, 55]
    rows = torch.cat([engine.score_tree(parents, ids), engine.score_tree([5, -1, 2, 6], [56, 57, 58, 59])])
    parents, ids = [*parents, 5, -1, 2, 6], [*ids, 56, 57, 58, 59]
    for node in range(len(ids)):
        path = [ids[at] for at in path_to(node, parents)]
        assert_close(rows[node], plain(model, [*TEXT, *path])[-1])
    assert engine.tokens == tuple(TEXT)


@pytest.mark.parametrize("architecture", TREES)
def test_a_wide_tree_looks_only_at_its_own_paths(tiny: Tiny, architecture: str) -> None:
    """So many nodes that a later pass copies the slots on its paths, and leaves the rest where it is."""
    model = tiny(architecture)
    engine = engine_for(model)
    assert isinstance(engine, TorchEngine)
    engine.prefill(TEXT)
    strangers = GATHER_FROM + 10
    engine.score_tree([-1] * strangers, [5 + node for node in range(strangers)])
    parents, ids = [3, 3, strangers, strangers + 2, 7, 104, -1], [200, 201, 202, 203, 204, 205, 206]
    rows = engine.score_tree(parents, ids)
    assert len(engine._seen_nodes(strangers)[0]) < strangers
    for row, path in enumerate([[8, 200], [8, 201], [8, 200, 202], [8, 200, 202, 203], [12, 204], [109, 205], [206]]):
        assert_close(rows[row], plain(model, [*TEXT, *path])[-1])
    engine.commit([3, strangers, strangers + 2, strangers + 3])
    assert_close(engine.step([60]), plain(model, [*TEXT, 8, 200, 202, 203, 60])[-1:])


@pytest.mark.parametrize("architecture", ALL)
def test_a_committed_branch_is_text_like_any_other(tiny: Tiny, architecture: str) -> None:
    model = tiny(architecture)
    engine = engine_for(model)
    engine.prefill(TEXT)
    engine.score_tree([-1, -1, 0, 1, 3], [50, 51, 52, 53, 54])
    engine.commit([1, 3, 4])
    assert engine.tokens == (*TEXT, 51, 53, 54)
    assert_close(engine.step([60]), plain(model, [*TEXT, 51, 53, 54, 60])[-1:])


@pytest.mark.parametrize("architecture", ALL)
def test_crop_takes_back(tiny: Tiny, architecture: str) -> None:
    model = tiny(architecture)
    engine = engine_for(model)
    engine.prefill(TEXT)
    engine.crop(4)
    assert engine.tokens == tuple(TEXT[:4])
    assert_close(engine.step([70, 71]), plain(model, [*TEXT[:4], 70, 71])[-2:])


Steps = st.lists(
    st.tuples(st.sampled_from(["prefill", "step", "tree", "commit", "crop"]), st.integers(0, 2**31)),
    min_size=1,
    max_size=12,
)


@pytest.mark.parametrize("architecture", ["qwen2_windows", "gpt_bigcode"])
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=Steps)
def test_whatever_was_done_before_a_fresh_engine_agrees(
    tiny: Tiny, follow_steps: Callable[..., None], architecture: str, steps: Any
) -> None:
    model = tiny(architecture)
    follow_steps(engine_for(model), lambda: engine_for(model), steps)


def test_prefill_reads_only_what_changed(tiny: Tiny) -> None:
    model = tiny("gpt_bigcode")
    engine = TorchEngine(model)
    read: list[int] = []

    def note(_module: Any, _args: Any, given: dict[str, Any]) -> None:
        read.append(given["input_ids"].shape[1])

    hook = model.module.register_forward_pre_hook(note, with_kwargs=True)
    engine.prefill(TEXT)
    engine.prefill([*TEXT, 5])
    engine.prefill([*TEXT[:8], 9, 10])
    again = engine.prefill([*TEXT[:8], 9, 10])
    engine.prefill(TEXT[:8])
    hook.remove()
    assert read == [15, 1, 2, 1]
    assert_close(again, plain(model, [*TEXT[:8], 9, 10])[-1])


def test_a_long_prompt_is_read_in_chunks_and_can_be_stopped_between_them(tiny: Tiny) -> None:
    model = tiny("qwen2_windows")
    engine = TorchEngine(model)
    engine.pass_rows = 64
    long = [5 + i % 300 for i in range(250)]
    asked = iter([False, True])
    assert engine.prefill(long, lambda: next(asked)) is None
    assert 0 < len(engine.tokens) < len(long)
    assert engine.tokens == tuple(long[: len(engine.tokens)])
    assert_close(engine.prefill(long, lambda: False), plain(model, long)[-1])


def test_the_callers_changes_to_logits_do_not_come_back(tiny: Tiny) -> None:
    engine = TorchEngine(tiny("llama"))
    first = engine.prefill(TEXT)
    assert first is not None
    kept = first.clone()
    first.fill_(0)
    assert_close(engine.prefill(TEXT), kept)


@pytest.mark.parametrize("make", [TorchEngine, PlainEngine])
@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (RuntimeError("shapes do not match"), ModelFailed),
        (torch.OutOfMemoryError("CUDA out of memory"), OutOfMemory),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), OutOfMemory),
        (MemoryError(), OutOfMemory),
    ],
)
def test_after_a_fault_in_the_middle_of_a_pass_the_engine_goes_on(
    tiny: Tiny, make: Callable[[Model], Engine], raised: Exception, expected: type[Exception]
) -> None:
    """The second layer raises: the first has already written its keys."""
    model = tiny("starcoder2")
    engine = make(model)
    engine.prefill(TEXT)
    engine.score_tree([-1], [50])

    def fail(*_: Any) -> None:
        raise raised

    hook = model.module.model.layers[1].register_forward_pre_hook(fail)
    try:
        with pytest.raises(expected):
            engine.score_tree([0, -1], [51, 52])
        with pytest.raises(expected):
            engine.step([53, 54])
        with pytest.raises(expected):
            engine.prefill([*TEXT[:5], 55])
    finally:
        hook.remove()
    assert engine.tokens[:5] == tuple(TEXT[:5])
    assert_close(engine.prefill([*TEXT, 56]), plain(model, [*TEXT, 56])[-1])
    assert_close(engine.score_tree([-1, 0], [57, 58]), plain(model, [*TEXT, 56, 57, 58])[-2:])


def test_numbers_that_are_no_logits_are_a_fault(tiny: Tiny) -> None:
    model = tiny("starcoder2")
    for engine in (TorchEngine(model), PlainEngine(model)):
        engine.prefill(TEXT)

        def spoil(_module: Any, _args: Any, output: torch.Tensor) -> torch.Tensor:
            return output * float("nan")

        hook = model.module.model.norm.register_forward_hook(spoil)
        try:
            with pytest.raises(ModelFailed, match="no logits"):
                engine.step([5])
        finally:
            hook.remove()
        assert engine.tokens == tuple(TEXT)
        assert_close(engine.step([5]), plain(model, [*TEXT, 5])[-1:])


def test_warming_up_leaves_nothing_behind(tiny: Tiny) -> None:
    model = tiny("llama")
    engine = TorchEngine(model)
    warm_up(engine)
    assert engine.tokens == ()
    assert_close(engine.prefill(TEXT), plain(model, TEXT)[-1])
    fake = UniformEngine(10, context_tokens=20)
    asked = iter([False, False, True, *[True] * 20])
    warm_up(fake, lambda: next(asked))
    assert fake.passes == 4


@pytest.mark.parametrize("make", [TorchEngine, PlainEngine])
def test_misuse_is_told_at_once(tiny: Tiny, make: Callable[[Model], Engine]) -> None:
    engine = make(tiny("llama"))
    with pytest.raises(ValueError, match="at least one"):
        engine.prefill([])
    with pytest.raises(ValueError, match="257 positions do not fit the model's 256"):
        engine.prefill([5] * 257)
    engine.prefill([5] * 255)
    engine.score_tree([-1, -1], [6, 7])
    with pytest.raises(ValueError, match="257 positions"):
        engine.score_tree([0], [8])
    with pytest.raises(ValueError, match="cannot have parent"):
        engine.score_tree([7], [8])
    with pytest.raises(ValueError, match="does not follow"):
        engine.commit([0, 1])
    with pytest.raises(ValueError, match="Cannot keep 256 of 255"):
        engine.crop(256)
    engine.commit([1])
    assert engine.tokens == (*[5] * 255, 7)
