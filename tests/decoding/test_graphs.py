"""Passes of fixed shape give what passes of any shape give, also where only the calls of torch are repeated."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from fairlead.decoding import decoder
from fairlead.decoding.engine import Engine, TorchEngine, engine_for
from fairlead.decoding.forward import attention_windows
from fairlead.decoding.graphs import FIRST_SPAN, WARM_UPS, CudaRecorder, Work
from fairlead.decoding.llama import LlamaForward
from fairlead.decoding.model import Model
from fairlead.monitors.errors import ModelFailed
from fairlead.server import complete
from fairlead.server.settings import Settings

TEXT = [17, 40, 99, 310, 22, 8, 251, 60, 61, 62, 130, 7, 300, 18, 19]
Tiny = Callable[[str], Model]

# What makes the host wait, or brings its memory along: a recording of CUDA refuses these.
NOT_RECORDED = {
    torch.ops.aten._local_scalar_dense.default, torch.ops.aten.lift_fresh.default, torch.ops.aten.nonzero.default,
    torch.ops.aten.equal.default, torch.ops.aten.is_nonzero.default,
}  # fmt: skip


class Tape(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves it untyped
    """A recorder as a GPU's: keeps every call with the tensors and numbers it was made with, and makes it again.

    Each result goes into the tensor of the recording, so that nothing of Python runs twice.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._calls: list[tuple[Any, Any, Any, Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in NOT_RECORDED:
            raise RuntimeError(f"{func} is not permitted when a stream is capturing")
        result = func(*args, **kwargs or {})
        self._calls.append((func, args, kwargs or {}, result))
        return result

    def replay(self) -> None:
        for func, args, kwargs, before in self._calls:
            after = func(*args, **kwargs)
            for old, new in zip(tensors(before), tensors(after), strict=True):
                if old.data_ptr() != new.data_ptr():
                    old.copy_(new)


def tensors(values: Any) -> list[torch.Tensor]:
    return [leaf for leaf in tree_leaves(values) if isinstance(leaf, torch.Tensor)]


def tape(work: Work) -> Work:
    kept = Tape()
    with kept:
        result = work()

    def replay() -> torch.Tensor:
        kept.replay()
        return result

    return replay


RECORDERS: dict[str, Callable[[], Any]] = {
    "run again": lambda: lambda work: work,
    "calls repeated": lambda: tape,
    "CUDA": lambda: CudaRecorder(torch.device("cuda")),
}


@pytest.fixture(params=RECORDERS)
def new_recorder(request: pytest.FixtureRequest) -> Callable[[], Any]:
    if request.param == "CUDA" and not torch.cuda.is_available():
        pytest.skip("there is no GPU")
    return RECORDERS[request.param]


def made(kind: str = "Llama", dtype: torch.dtype = torch.float32, **settings: Any) -> Any:
    """A tiny module with random weights, on the device there is."""
    import transformers

    torch.manual_seed(3)
    common: dict[str, Any] = {
        "vocab_size": 400, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 1024,
    }  # fmt: skip
    config = getattr(transformers, f"{kind}Config")(**common | settings)
    module = getattr(transformers, f"{kind}ForCausalLM")(config).eval().requires_grad_(False)
    for parameter in module.parameters():
        parameter.copy_(torch.randn(parameter.shape) * 0.3 + (parameter.dim() == 1 and parameter.mean() > 0.5))
    return module.to("cuda" if torch.cuda.is_available() else "cpu", dtype)


def pair(
    tiny: Tiny, module: Any, new_recorder: Callable[[], Any], as_on_cpu: bool = False
) -> tuple[TorchEngine, TorchEngine, LlamaForward]:
    """An engine with passes of fixed shape, one without, and the forward of the first."""
    model = replace(tiny("llama"), module=module, context_tokens=1024, dtype=str(module.dtype).removeprefix("torch."))
    usual, fixed = LlamaForward(module, as_on_cpu), LlamaForward(module, as_on_cpu)
    usual.new_recorder, fixed.new_recorder = None, new_recorder
    return TorchEngine(model, fixed), TorchEngine(model, usual), fixed


def assert_same(engines: tuple[TorchEngine, TorchEngine], verb: str, *given: Any) -> None:
    ours, usual = (getattr(engine, verb)(*given) for engine in engines)
    torch.testing.assert_close(ours, usual, atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", ["Llama", "Qwen2"])
def test_logits_of_every_bucket_are_those_of_the_usual_pass(
    tiny: Tiny, new_recorder: Callable[[], Any], kind: str
) -> None:
    """Full buckets and partly filled ones, each twice, behind texts of different lengths, and passes too large for one."""
    *engines, forward = pair(tiny, made(kind), new_recorder)
    both = (engines[0], engines[1])
    assert_same(both, "prefill", TEXT)
    for rows in (1, 2, 8, 9, 16, 31, 32, 64, 65, 128, 129, 1, 8, 16, 3, 100):
        ids = [5 + (7 * i + rows) % 370 for i in range(rows)]
        assert_same(both, "step", ids)
        assert_same(both, "crop", len(both[0].tokens) - rows // 2)
        assert_same(both, "step", ids[:3])
    assert forward.new_recorder is not None, "nothing failed"


@pytest.mark.parametrize("as_on_cpu", [False, True], ids=["accelerator", "cpu"])
def test_trees_and_what_follows_them(tiny: Tiny, new_recorder: Callable[[], Any], as_on_cpu: bool) -> None:
    """Nodes that hide others, in several calls, wide ones too; a branch of them is kept, and cut again."""
    *engines, forward = pair(tiny, made(), new_recorder, as_on_cpu)
    both = (engines[0], engines[1])
    wide = [-1] * 60 + list(range(60))
    for round_ in range(3):
        text = TEXT[: 4 + 3 * round_]
        assert_same(both, "prefill", text)
        assert_same(both, "score_tree", [-1, -1, 0, 2, 1, 0], [5, 6, 7, 8, 9, 10])
        assert_same(both, "score_tree", wide, list(range(100, 220)))
        assert_same(both, "score_tree", [0, 70, 70], [30, 31, 32])
        assert_same(both, "commit", [0, 2, 3])
        assert_same(both, "step", [11, 12])
        assert_same(both, "crop", 2)
        assert_same(both, "step", [13])
    assert forward.new_recorder is not None, "nothing failed"


def test_windows_are_in_the_mask(tiny: Tiny, new_recorder: Callable[[], Any]) -> None:
    module = made("Mistral", sliding_window=5)
    *engines, forward = pair(tiny, module, new_recorder)
    both = (engines[0], engines[1])
    assert forward.windows == attention_windows(module.config) == {"sliding_attention": 5}
    for step in ([*TEXT], [7], [8, 9, 10], [11], [12] * 20):
        assert_same(both, "step", step)
    assert_same(both, "score_tree", [-1, 0, 1, 2, 3, 4, -1], [5, 6, 7, 8, 9, 10, 11])


def test_bfloat16_within_its_precision(tiny: Tiny, new_recorder: Callable[[], Any]) -> None:
    """Not further from float32 than the usual pass (times two, both being noise)."""
    *engines, _ = pair(tiny, made(dtype=torch.bfloat16), new_recorder)
    exact = pair(tiny, made(), RECORDERS["run again"])[1]
    for engine in (*engines, exact):
        engine.prefill(TEXT)
    fixed, usual, truth = (engine.step([5 + 11 * i % 370 for i in range(40)]) for engine in (*engines, exact))
    assert (fixed - truth).std() < 2 * (usual - truth).std() < 0.2 * truth.std()


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["prefill", "step", "tree", "commit", "crop"]), st.integers(0, 2**31))))
def test_whatever_was_done_before_a_fresh_engine_agrees(
    tiny: Tiny, follow_steps: Callable[..., None], steps: list[tuple[str, int]]
) -> None:
    module = made()
    fixed, _, _ = pair(tiny, module, RECORDERS["calls repeated"])
    follow_steps(fixed, lambda: pair(tiny, module, RECORDERS["run again"])[1], steps)


class Counting:
    """A recorder that tells how often it was made, and how often it recorded."""

    def __init__(self) -> None:
        self.made = self.recorded = 0

    def __call__(self) -> Any:
        self.made += 1
        return self._record

    def _record(self, work: Work) -> Work:
        self.recorded += 1
        return tape(work)


def test_each_shape_is_recorded_once_until_the_cache_has_other_buffers(tiny: Tiny) -> None:
    count = Counting()
    fixed, usual, _ = pair(tiny, made(), count)
    both = (fixed, usual)
    assert_same(both, "prefill", TEXT)
    assert (count.made, count.recorded) == (0, 0), "the first pass makes the buffers"
    for token in range(20, 40):
        assert_same(both, "step", [token])
        assert_same(both, "step", [token] * 7)
    assert (count.made, count.recorded) == (1, 2)
    long = [5 + i * 37 % 370 for i in range(FIRST_SPAN + 5)]
    assert_same(both, "prefill", long)
    assert_same(both, "step", [7])
    assert_same(both, "crop", 30)
    assert_same(both, "step", [8])
    assert count.made == 2, "larger buffers"
    before = count.recorded
    assert_same(both, "step", [9])
    assert_same(both, "prefill", [*long, 6])
    assert_same(both, "step", [7])
    assert count.recorded == before


def test_two_engines_of_one_model_do_not_disturb_each_other(tiny: Tiny) -> None:
    fixed, usual, forward = pair(tiny, made(), RECORDERS["calls repeated"])
    other = TorchEngine(replace(tiny("llama"), module=made(), context_tokens=1024), forward)
    for engine in (fixed, usual, other):
        engine.prefill(TEXT if engine is not other else TEXT[::-1])
        engine.step([7])
    expected = usual.step([8])
    other.step([9])
    torch.testing.assert_close(fixed.step([8]), expected, atol=2e-5, rtol=1e-5)


def refuse(work: Work) -> Work:
    raise RuntimeError("operation not permitted when stream is capturing\nand more")


def give_zeros(work: Work) -> Work:
    zeros = torch.zeros_like(work())
    return lambda: zeros


@pytest.mark.parametrize(
    ("recorder", "reason"),
    [
        (refuse, "operation not permitted when stream is capturing"),
        (give_zeros, "a replay gave other numbers than the pass it repeats"),
    ],
)
def test_where_recording_fails_passes_are_computed_for_good(
    tiny: Tiny, caplog: pytest.LogCaptureFixture, recorder: Any, reason: str
) -> None:
    count = Counting()
    count._record = recorder  # type: ignore[method-assign]
    fixed, usual, _ = pair(tiny, made(), count)
    both = (fixed, usual)
    with caplog.at_level(logging.WARNING):
        for step in (TEXT, [7], [8, 9], [10]):
            assert_same(both, "step", step)
    assert caplog.messages == [f"passes are not recorded, each is computed call by call: {reason}"]
    assert count.made == 1


def test_without_graphs_nothing_is_recorded(tiny: Tiny) -> None:
    count = Counting()
    *_, forward = pair(tiny, made(), count)
    model = replace(tiny("llama"), module=made(), context_tokens=1024)
    for graphs, recorded in ((False, 0), (True, 1)):
        engine = TorchEngine(model, forward, graphs=graphs)
        engine.prefill(TEXT)
        engine.step([7])
        assert count.recorded == recorded


@pytest.mark.parametrize("graphs", [True, False])
def test_the_setting_reaches_the_engine(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Callable[[str], Path], graphs: bool
) -> None:
    given: list[bool] = []

    def watched(model: Model, graphs: bool = True) -> Engine:
        given.append(graphs)
        return engine_for(model, graphs)

    monkeypatch.setattr(decoder, "engine_for", watched)
    folder = str(tiny_folder("llama"))
    complete._decoder(Settings(model=folder, device="cpu", threads=1, cuda_graphs=graphs))
    assert given == [graphs]


def test_a_bad_pass_leaves_nothing_that_hidden_slots_bring_back(tiny: Tiny) -> None:
    """A token whose embedding is NaN fails, and zero times what it left in the cache would too."""
    module = made()
    fixed, usual, forward = pair(tiny, module, RECORDERS["calls repeated"])
    both = (fixed, usual)
    module.model.embed_tokens.weight[399] = float("nan")
    assert_same(both, "prefill", TEXT)
    assert_same(both, "step", [7])
    for engine in both:
        with pytest.raises(ModelFailed, match="no logits"):
            engine.step([399])
        with pytest.raises(ModelFailed, match="no logits"):
            engine.score_tree([-1, 0, 0], [5, 399, 6])
    assert_same(both, "step", [8])
    assert_same(both, "score_tree", [-1, 0], [9, 10])
    assert forward.new_recorder is not None, "it was not the recording's fault"


class FakeCuda:
    """What `CudaRecorder` needs of `torch.cuda`, telling what was done on which stream."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.done: list[str] = []
        self.current = "main"
        self.fails = False
        patch.setattr(torch.cuda, "Stream", lambda device: self.stream("side"))
        patch.setattr(torch.cuda, "current_stream", lambda device: self.stream(self.current))
        patch.setattr(torch.cuda, "stream", lambda stream: self.on(stream.name))
        patch.setattr(torch.cuda, "graph_pool_handle", lambda: "pool")
        patch.setattr(torch.cuda, "CUDAGraph", self.new_graph)
        signature = inspect.signature(torch.cuda.graph)

        def graph(*args: Any, **kwargs: Any) -> Any:
            return self.capture(signature.bind(*args, **kwargs).arguments)

        patch.setattr(torch.cuda, "graph", graph)

    def stream(self, name: str) -> Any:
        return type("Stream", (), {
            "name": name, "wait_stream": lambda _, other: self.done.append(f"{name} waits for {other.name}"),
        })()  # fmt: skip

    def new_graph(self) -> Any:
        return type("Graph", (), {"replay": lambda _: self.done.append(f"replay on {self.current}")})()

    @contextmanager
    def on(self, name: str) -> Iterator[None]:
        before, self.current = self.current, name
        try:
            yield
        finally:
            self.current = before

    @contextmanager
    def capture(self, given: dict[str, Any]) -> Iterator[None]:
        """As torch's own: when the end of a recording raises, its stream stays the current one."""
        self.current = given["stream"].name
        self.done.append(f"record on {self.current} in the {given['pool']}, {given['capture_error_mode']}")
        yield
        if self.fails:
            raise RuntimeError("invalidated")


def test_a_cuda_graph_is_recorded_on_a_stream_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = FakeCuda(monkeypatch)
    recorder = CudaRecorder(torch.device("cpu"))
    result = torch.ones(3)

    def work() -> torch.Tensor:
        cuda.done.append(f"work on {cuda.current}")
        return result

    assert recorder(work)() is result
    assert cuda.done == [
        "side waits for main", *["work on side"] * WARM_UPS, "record on side in the pool, thread_local", "work on side",
        "main waits for side", "replay on main",
    ]  # fmt: skip
    cuda.fails = True
    with pytest.raises(RuntimeError, match="invalidated"):
        recorder(work)
    assert cuda.current == "main"
