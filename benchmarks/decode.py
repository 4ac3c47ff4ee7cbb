"""Tokens a second and time to the first one: fairlead's engine, transformers' `generate`, llama.cpp where it is installed.

    .venv/bin/python benchmarks/decode.py
    .venv/bin/python benchmarks/decode.py --device cuda

Writes docs/benchmarks/decode.md, or decode-cuda.md, which nobody has made yet. All run the same weights, greedily, from
the same tokens, with as many threads, in turns. `generate` runs in every setting that helps on this machine, and the
fastest counts.
"""

from __future__ import annotations

import argparse
import copy
import gc
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import llama_cpp_peer
import psutil
import torch
from llama_cpp_peer import LlamaCpp, write_gguf
from machine import cpu_seconds, made_by, write_page
from shapes import default_model, engine_and_vocabulary, widened_model

from fairlead.decoding.decoder import usable_cores
from fairlead.decoding.engine import Engine, warm_up
from fairlead.decoding.model import Model
from fairlead.decoding.speculation import Drafts, Speculation
from fairlead.decoding.vocabulary import Vocabulary

LOOKUP = "prompt lookup"
GENERATE: dict[str, dict[str, Any]] = {
    "dynamic cache": {},
    "static cache": {"cache_implementation": "static"},
    LOOKUP: {"prompt_lookup_num_tokens": 10},
}
"""Settings of `generate`. It compiles nothing on a CPU of itself; on a GPU it does with a static cache."""

DRAFTS = "fairlead, drafts"
NO_GRAPHS = "fairlead, no CUDA graphs"
LLAMA_CPP = "llama.cpp, "
BYTES = {"float32": 4.0, "F32": 4.0, "Q8_0": 34 / 32}
"""Bytes of one weight, by the end of a way's name; two where it is not here."""

SPECULATING = (DRAFTS, f"generate, {LOOKUP}")
"""Ways that read several tokens at once."""


@dataclass(frozen=True)
class Run:
    """Milliseconds to the first token, and for each of those behind it."""

    first: float
    each: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dry", action="store_true", help="write no page")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--models", type=int, default=3, help="how many of the models, the smallest first")
    parser.add_argument("--repeats", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(max(1, usable_cores() - 1))
    small = default_model(options.device)
    prompt = small.tokenizer.encode(Path(argparse.__file__).read_text("utf-8")[4000:12000], add_special_tokens=False).ids
    rows: list[str] = []
    said = agreement(small, prompt)
    sizes: list[tuple[str | None, int, int]] = [(None, 384, 64), ("0.5B", 384, 24), ("1.5B", 128, 20)]
    if options.device == "cuda":
        sizes = [(shape, 384, 128) for shape in (None, "0.5B", "1.5B")]
    for shape, prompt_tokens, tokens in sizes[: options.models]:
        rows += table(*measure(small, shape, prompt[:prompt_tokens], tokens, options.repeats), prompt_tokens, tokens)
        gc.collect()
        # Written after each model: the larger ones take minutes.
        text = page(rows, said, options.device)
        print(text) if options.dry else write_page("decode" if options.device == "cpu" else "decode-cuda", text)


def clock() -> float:
    """Seconds, with all work of a GPU done; of this process where it has one thread and no GPU: other work on the
    machine disturbs those least."""
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
        return time.perf_counter()
    return cpu_seconds() if torch.get_num_threads() == 1 else time.perf_counter()


def free_bytes(device: str) -> int:
    """Memory that is left where the model runs."""
    return int(torch.cuda.mem_get_info()[0]) if device == "cuda" else psutil.virtual_memory().available


def made(small: Model, shape: str | None) -> Model:
    return small if shape is None else widened_model(small, 1024, shape)


def measure(
    small: Model, shape: str | None, prompt: Sequence[int], tokens: int, repeats: int
) -> tuple[Model, dict[str, Run]]:
    """The model, and medians by way, in turns where memory allows."""
    taken: dict[str, list[Run]] = {}

    def note(name: str, run: Run) -> None:
        taken.setdefault(name, []).append(run)
        print(shape, name, f"{run.first:.0f} {run.each:.2f}", file=sys.stderr, flush=True)

    model = made(small, shape)
    folder = tempfile.TemporaryDirectory(prefix="fairlead-")
    others = by_llama_cpp(model, Path(folder.name), prompt, tokens, few=shape is not None)
    available = free_bytes(model.device)
    if available > 10 * model.parameters:
        # Our engine takes the weights of a large model from its module, so that each has its own.
        module = copy.deepcopy(model.module)
        peers = by_settings(module, prompt, tokens, wide=available > 20 * model.parameters)
        ours = by_ours(model, prompt, tokens)
        for way in (*ours.values(), *peers.values(), *others.values()):
            way()
        for _ in range(repeats):
            for name, way in (*ours.items(), *peers.items(), *others.items()):
                note(name, way())
    else:
        # Two do not fit: one after the other.
        for ways in (others, by_settings(model.module, prompt, tokens, wide=False), None):
            for name, way in (by_ours(model, prompt, tokens) if ways is None else ways).items():
                way()
                for _ in range(repeats):
                    note(name, way())
    folder.cleanup()
    return model, {
        name: Run(statistics.median(run.first for run in runs), statistics.median(run.each for run in runs))
        for name, runs in taken.items()
    }


def by_settings(module: Any, prompt: Sequence[int], tokens: int, *, wide: bool) -> dict[str, Callable[[], Run]]:
    """Every setting of `generate`; `wide`: in float32 too."""
    ways: dict[str, Callable[[], Run]] = {
        f"generate, {name}": lambda given=given: by_generate(module, prompt, tokens, given)
        for name, given in GENERATE.items()
    }
    if wide:
        # Some processors are slow at products of few rows in bfloat16, so that twice the bytes may take less time.
        module_32 = copy.deepcopy(module).float()
        ways["generate, float32"] = lambda: by_generate(module_32, prompt, tokens, {})
    return ways


def by_ours(model: Model, prompt: Sequence[int], tokens: int) -> dict[str, Callable[[], Run]]:
    engine, vocabulary = engine_and_vocabulary(model)
    warm_up(engine)
    ways: dict[str, Callable[[], Run]] = {
        "fairlead": lambda: by_engine(engine, vocabulary, prompt, tokens, None),
        DRAFTS: lambda: by_engine(engine, vocabulary, prompt, tokens, Drafts()),
    }
    if model.device == "cuda":
        # The same weights: an engine shares the pass of its module, and has a cache of its own.
        each, _ = engine_and_vocabulary(model, graphs=False)
        warm_up(each)
        ways[NO_GRAPHS] = lambda: by_engine(each, vocabulary, prompt, tokens, None)
    return ways


def by_llama_cpp(
    model: Model, folder: Path, prompt: Sequence[int], tokens: int, *, few: bool
) -> dict[str, Callable[[], Run]]:
    """llama.cpp with the same weights in every type, or in bfloat16 and eight bits only; nothing if not installed."""
    ways: dict[str, Callable[[], Run]] = {}
    for kind in ("BF16", "Q8_0") if few else llama_cpp_peer.TYPES:
        if llama_cpp_peer.is_installed() and model.device == "cpu":
            write_gguf(model, folder / kind, kind)
            peer = LlamaCpp(folder / kind, 1024)
            ways[LLAMA_CPP + kind] = lambda peer=peer: by_peer(peer, prompt, tokens)
    return ways


def by_peer(peer: LlamaCpp, prompt: Sequence[int], tokens: int) -> Run:
    begun = clock()
    token = int(peer.read(prompt, anew=True).argmax())
    first = clock()
    for _ in range(tokens - 1):
        token = int(peer.read([token]).argmax())
    return Run((first - begun) * 1000, (clock() - first) * 1000 / (tokens - 1))


def by_engine(
    engine: Engine, vocabulary: Vocabulary, prompt: Sequence[int], tokens: int, drafts: Drafts | None
) -> Run:
    """Read the prompt as the server does, so that it can be stopped, then one greedy token after another."""
    engine.crop(0)
    begun = clock()
    row = engine.prefill(prompt, lambda: False)
    assert row is not None
    if drafts is not None:
        drafts.read(tuple(prompt))
    ahead = Speculation(engine, vocabulary, drafts)
    token = int(row.argmax())
    first = clock()
    for left in range(tokens - 2, -1, -1):
        token = int(ahead.step(token, left, one_line=False).argmax())
    end = clock()
    return Run((first - begun) * 1000, (end - first) * 1000 / (tokens - 1))


def by_generate(module: Any, prompt: Sequence[int], tokens: int, given: dict[str, Any]) -> Run:
    """The time to the first token is that of a text of one token."""
    ids = torch.tensor([list(prompt)], device=module.device)
    common: dict[str, Any] = {
        "attention_mask": torch.ones_like(ids), "do_sample": False, "pad_token_id": 0, "eos_token_id": None,
    }  # fmt: skip
    with torch.inference_mode():
        begun = clock()
        module.generate(ids, max_new_tokens=1, **common)
        first = clock()
        out = module.generate(ids, min_new_tokens=tokens, max_new_tokens=tokens, **common, **given)
        end = clock()
    assert out.shape[1] == len(prompt) + tokens
    return Run((first - begun) * 1000, ((end - first) - (first - begun)) * 1000 / (tokens - 1))


def table(model: Model, found: dict[str, Run], prompt_tokens: int, tokens: int) -> list[str]:
    generated = {name: run for name, run in found.items() if name.startswith("generate")}
    speculating = generated.pop(f"generate, {LOOKUP}")
    best = min(run.each for run in generated.values())
    best_first = min(run.first for run in (*generated.values(), speculating))
    peer = found.get(LLAMA_CPP + "BF16")
    limit_ms = {size: model.parameters * size / bandwidth(model.device) * 1000 for size in set(BYTES.values()) | {2.0}}
    lines = []
    for way, run in found.items():
        size = next((size for kind, size in BYTES.items() if way.endswith(kind)), 2.0)
        lines.append(
            f"| {way} | {run.first:,.0f} | {best_first / run.first:.2f} | {run.each:.2f} | {1000 / run.each:,.1f} | "
            f"{(speculating.each if way in SPECULATING else best) / run.each:.2f} | "
            f"{'–' if peer is None else f'{peer.each / run.each:.2f}'} | {run.each / limit_ms[size]:.2f} |"
        )
    return [
        f"## {model.name}, {model.dtype}: {prompt_tokens} tokens read, {tokens} written\n",
        "| way | ms to the first | best generate ÷ it | ms a token | tokens/s | generate ÷ it | llama.cpp ÷ it | ÷ limit |",
        "|---|--:|--:|--:|--:|--:|--:|--:|", *lines, "",
    ]  # fmt: skip


@cache
def bandwidth(device: str) -> float:
    """Bytes a second that a GPU or so many threads read from memory: the sum of half a gigabyte, the best of five."""
    numbers = torch.ones(1 << 27, device=device)
    times = []
    for _ in range(5):
        begun = clock()
        numbers.sum()
        times.append(clock() - begun)
    return numbers.numel() * 4 / min(times)


def lines_of(prompt: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """Twelve prompts of one file."""
    step = max(1, (len(prompt) - size) // 12)
    for begin in range(0, 12 * step, step):
        yield prompt[begin : begin + size]


def agreement(small: Model, prompt: Sequence[int]) -> str:
    """How many greedy tokens are the same with drafts and without, passes saved, and the time for a token."""
    engine, vocabulary = engine_and_vocabulary(small)
    same = written = passes = 0
    drafts = Drafts()
    times: dict[bool, float] = {True: 0.0, False: 0.0}
    for part in lines_of(prompt, 192):
        texts: dict[bool, list[int]] = {}
        for drafting in (False, True):
            engine.crop(0)
            row = engine.prefill(part)
            assert row is not None
            ahead = Speculation(engine, vocabulary, drafts if drafting else None)
            if drafting:
                drafts.read(tuple(part))
            begun = clock()
            texts[drafting] = [int(row.argmax())]
            for left in range(46, -1, -1):
                texts[drafting].append(int(ahead.step(texts[drafting][-1], left, one_line=False).argmax()))
            times[drafting] += clock() - begun
        written += 48
        same += next((at for at, (a, b) in enumerate(zip(*texts.values(), strict=True)) if a != b), 48)
        passes += 48
    return (
        f"Greedy text of {small.name} in {small.dtype} with drafts and without, behind twelve pieces of one file: "
        f"{same / written:.1%} of the tokens stand before the first difference; {drafts.accepted} of {written} tokens "
        f"came from drafts ({drafts.accepted / max(1, drafts.drafted):.0%} of those drafted were right); "
        f"{times[False] / times[True]:.2f} times as many tokens a second. In float32 the texts are the same (a test)."
    )


def page(rows: Sequence[str], said: str, device: str) -> str:
    installed = "not installed" if not llama_cpp_peer.is_installed() else "built for this processor"
    unit = "CPU time of the process" if torch.get_num_threads() == 1 else "time"
    command, where = ".venv/bin/python benchmarks/decode.py", f"{torch.get_num_threads()} thread(s) each"
    if device == "cuda":
        unit, command, where = "time", f"{command} --device cuda", f"On {torch.cuda.get_device_name()}"
        installed = "not run on a GPU here"
    return f"""# Tokens a second

{made_by(command)} {where}. Milliseconds are {unit},
medians, in turns within one run where two copies of the weights fit into memory.

Greedy text from the same weights and the same prompt. *fairlead*: the engine of the server, one token a pass, the prompt
read so that it could be stopped; *drafts*: with speculation from the prompt and from what was written. *generate*: that of
transformers. *llama.cpp*: through its Python binding, ids fed directly, {installed}. Ratios above 1 say how many times as
fast it is as the fastest `generate` that does the same (one token a pass, or drafts with *prompt lookup*), and as
llama.cpp in bfloat16. *÷ limit*: how many times as long a token takes as reading all weights once, at the
{bandwidth(device) / 1e9:.1f} GB/s at which memory is read there; weights that stay in the processor's caches may be below 1.

The larger models are the packaged one's weights among zeros (`widened_model` in `benchmarks/shapes.py`): its text, at the
speed of their shape, so that drafts are right as often as for the packaged one.

{chr(10).join(rows)}
## Drafts

{said}
"""


if __name__ == "__main__":
    main()
