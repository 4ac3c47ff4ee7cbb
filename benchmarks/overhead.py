"""What guidance costs: generation time guided ÷ unguided, at equal length, in turns in one run.

    .venv/bin/python benchmarks/overhead.py

Writes docs/benchmarks/overhead.md. Places are attribute accesses in modules of the standard library; the rest of the
line is taken away and written again.
"""

from __future__ import annotations

import argparse
import random
import re
import statistics
import sys
import sysconfig
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from machine import made_by, write_page
from shapes import default_model, engine_and_vocabulary, widened_model

from fairlead.decoding.decoder import Decoder, heal_at, usable_cores
from fairlead.decoding.engine import warm_up
from fairlead.decoding.model import Model
from fairlead.decoding.offer import Limits
from fairlead.decoding.place import prepare
from fairlead.decoding.processor import Cursor, MonitorLogitsProcessor
from fairlead.monitors.analysis import Document
from fairlead.monitors.dereference import Dereference
from fairlead.monitors.monitor import Monitor
from fairlead.monitors.process import AnalysisProcess

FILES = ("argparse.py", "tarfile.py", "zipfile.py", "subprocess.py", "textwrap.py", "configparser.py")
ACCESS = re.compile(r"^[ ]{4,}.*?[\w)]\.(?=[a-z_]\w*)", re.MULTILINE)
WIDE_CONTEXT = 256
"""Tokens that the larger model may hold, the prompt and what is written."""

NEVER = 3600.0
"""Seconds: no budget ends here, since both sides must write the same length."""


REPEATS = 2
"""Of each run-ahead text; the fastest counts, so that other work on the machine is not taken for a cost."""

FEWEST = 8
"""Tokens that both sides must have written for a place to count."""


@dataclass(frozen=True)
class Took:
    """Milliseconds of one text: all of it, reading the prompt, and processor time of the thread that writes."""

    total: float
    prompt: float
    processor: float
    tokens: int


@dataclass(frozen=True)
class Pair:
    """One place, equally many tokens unguided and guided."""

    unguided: Took
    guided: Took

    @property
    def ratio(self) -> float:
        return self.guided.total / self.unguided.total

    @property
    def ratio_behind_prompt(self) -> float:
        return (self.guided.total - self.guided.prompt) / (self.unguided.total - self.unguided.prompt)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--places", type=int, default=24, help="places for the default model (half of them for the other)")
    parser.add_argument("--tokens", type=int, default=32, help="tokens to write at each place")
    parser.add_argument("--models", choices=["both", "small", "wide"], default="both")
    parser.add_argument("--dry", action="store_true", help="write no page")
    options = parser.parse_args()
    torch.set_num_threads(max(1, usable_cores() - 1))
    small = default_model()
    rows = [] if options.models == "wide" else rows_of(small, list(places(options.places)), options.tokens)
    if options.models != "small":
        wide = widened_model(small, WIDE_CONTEXT)
        rows += rows_of(wide, list(places(options.places // 2)), options.tokens)
    text = page(rows, options.tokens)
    print(text) if options.dry else write_page("overhead", text)


def places(count: int) -> Iterator[tuple[Document, int]]:
    """Documents with a cursor behind a dot, the rest of the line taken away; a few in each file, always the same."""
    folder = Path(sysconfig.get_path("stdlib"))
    for number in range(count):
        name = FILES[number % len(FILES)]
        text = (folder / name if (folder / name).is_file() else folder / "argparse.py").read_text("utf-8")
        found = [match.end() for match in ACCESS.finditer(text) if match.start() > 2000]
        at = random.Random(number).choice(found)
        end = text.find("\n", at)
        yield Document(f"{Path(name).stem}_{number}.py", text[:at] + text[end:]), at


def rows_of(model: Model, where: Sequence[tuple[Document, int]], tokens: int) -> list[str]:
    """The rows of one model: run-ahead with cold and warm receivers, and masks at every step with warm ones."""
    engine, vocabulary = engine_and_vocabulary(model)
    warm_up(engine)
    decoder = Decoder(replace(model, prompt_order="left_to_right"), engine, vocabulary)
    analysis = AnalysisProcess(memory_mb=4096)
    guide = Dereference(analysis)
    cold, warm, stepwise = [], [], []
    try:
        for document, offset in where:
            analysis.open(document)
            fresh = replace(document, path=f"again_{document.path}")
            # How long the texts get at most, and what analysis learns of the receivers.
            longest = min(ahead(decoder, document, offset, each, tokens).tokens for each in (None, guide))
            if longest < FEWEST:
                continue
            analysis.open(fresh)
            first = ahead(decoder, fresh, offset, guide, longest)
            pair = one_pair(decoder, document, offset, guide, longest)
            if pair.guided.tokens != pair.unguided.tokens:
                continue  # a name that was drawn whole reaches beyond the limit
            cold.append(Pair(pair.unguided, first))
            warm.append(pair)
            stepwise.append(step_pair(decoder, document, offset, guide, longest))
            print(
                model.name, document.path, longest, *(f"{pairs[-1].ratio:.2f}" for pairs in (cold, warm, stepwise)),
                file=sys.stderr, flush=True,
            )  # fmt: skip
    finally:
        analysis.shutdown()
    name = f"{model.name}, {model.parameters / 1e6:,.0f} M, {model.dtype}"
    return [
        row(name, "run ahead, receivers cold", cold), row(name, "run ahead, receivers warm", warm),
        row(name, "masks at every step, receivers warm", stepwise),
    ]  # fmt: skip


def one_pair(decoder: Decoder, document: Document, offset: int, guide: Monitor, tokens: int) -> Pair:
    """The writer of the server, from an empty cache, without and with a monitor, in turns; the fastest of each."""
    taken: dict[bool, list[Took]] = {False: [], True: []}
    for number in range(2 * REPEATS):
        guided = bool((number + number // 2) % 2)
        taken[guided].append(ahead(decoder, document, offset, guide if guided else None, tokens))
    return Pair(*(min(runs, key=lambda took: took.total) for runs in taken.values()))


def ahead(decoder: Decoder, document: Document, offset: int, guide: Monitor | None, tokens: int) -> Took:
    """One text of so many tokens at most; the thresholds that end a text early are off."""
    decoder.engine.crop(0)
    limits = Limits(
        until=time.monotonic() + NEVER, max_tokens=tokens, min_token=0, min_legal_mass=0, whole=False, multiline=True,
        draft=False,  # what one side wrote would be drafted for the other
    )  # fmt: skip
    begun = time.thread_time()
    written = decoder.write(document, offset, guide, limits, automatic=False)
    processor_ms = (time.thread_time() - begun) * 1000
    number = written.offers[0].tokens if written.offers else 0
    return Took(written.timings.total, written.timings.prefill, processor_ms, number)


def step_pair(decoder: Decoder, document: Document, offset: int, guide: Monitor, tokens: int) -> Pair:
    """One greedy loop over the same engine, without and with the mask of every step; exactly as many tokens."""
    stepped(decoder, document, offset, guide, tokens)  # it writes other receivers, which are to be warm too
    return Pair(*(stepped(decoder, document, offset, each, tokens) for each in (None, guide)))


def stepped(decoder: Decoder, document: Document, offset: int, guide: Monitor | None, tokens: int) -> Took:
    """`tokens` tokens, end-of-text left out."""
    engine, vocabulary = decoder.engine, decoder.vocabulary
    engine.crop(0)
    begun, begun_processor = time.perf_counter(), time.thread_time()
    place = prepare(decoder.model, vocabulary, engine, document, offset, heal_at(document.text, offset), reserve=tokens + 32)
    assert place is not None
    prompt_ms = (time.perf_counter() - begun) * 1000
    mask = None
    if guide is not None:
        cursor = Cursor(document, offset, place.prompt.forced)
        mask = MonitorLogitsProcessor(vocabulary, guide, [cursor], 0, budget_ms=NEVER * 1000)
    ids: list[int] = []
    row = place.ready
    for _ in range(tokens):
        row[torch.from_numpy(vocabulary.end_ids)] = -torch.inf
        if mask is not None:
            row = mask(torch.tensor([ids], dtype=torch.int64), row[None])[0]
        ids.append(int(row.argmax()))
        row = engine.step(ids[-1:])[-1]
    processor_ms = (time.thread_time() - begun_processor) * 1000
    return Took((time.perf_counter() - begun) * 1000, prompt_ms, processor_ms, tokens)


def row(model: str, way: str, pairs: Sequence[Pair]) -> str:
    """Medians over places; the ratios are the medians of the ratios, place by place."""
    if not pairs:
        return f"| {model} | {way} | – | – | – | – | – | – | 0 |"
    plain, guided = (
        statistics.median(getattr(pair, side).total / pair.guided.tokens for pair in pairs) for side in ("unguided", "guided")
    )
    ratios = sorted(pair.ratio for pair in pairs)
    upper = ratios[min(len(ratios) - 1, int(0.9 * len(ratios)))]
    behind = statistics.median(pair.ratio_behind_prompt for pair in pairs)
    processor = statistics.median(pair.guided.processor / pair.unguided.processor for pair in pairs)
    return (
        f"| {model} | {way} | {plain:.1f} | {guided:.1f} | **{statistics.median(ratios):.2f}** | {upper:.2f} | "
        f"{behind:.2f} | {processor:.2f} | {len(pairs)} |"
    )


def page(rows: Sequence[str], tokens: int) -> str:
    return f"""# What guidance costs

{made_by(".venv/bin/python benchmarks/overhead.py")} {torch.get_num_threads()} thread(s) for the model, the rest for
analysis; other work on the same cores makes all of this slower, and ratios noisy.

Text behind a dot in modules of the standard library, from an empty cache: reading the prompt, then as many tokens on
both sides: {tokens}, or fewer where one side ended its text sooner ({FEWEST} at least), with the thresholds that end a
text early switched off and without drafts. *Run ahead* is what the server does: the whole name behind a dot is scored at
once, then the model writes on while analysis answers. *Masks at every step* is what `MonitorLogitsProcessor` does:
analysis is waited for at every dot, and each token's logits are masked; its unguided side is the same plain loop.
*Warm*: analysis has been asked about the receivers of the text before; the fastest of {REPEATS} on each side, in turns.
*Cold*: the first time it is asked about this document.

| model | way | unguided, ms a token | guided | ratio, median | ratio, p90 | behind the prompt | processor | places |
|---|---|--:|--:|--:|--:|--:|--:|--:|
{chr(10).join(rows)}

The ratios are medians of the ratios place by place; *behind the prompt* leaves out the reading of the prompt, at most
{WIDE_CONTEXT} tokens for the larger model; *processor* is that of the processor time of the thread that writes: what
guidance computes, without what it waits for and without other work on the machine.

The larger model has the weights of the packaged one among zeros (`widened_model` in `benchmarks/shapes.py`; a test holds
that its logits are the same): it writes the packaged model's text at the speed of its shape. Its 151,936 logits are all
computed; those of tokens that the packaged model does not have are -10,000.
"""


if __name__ == "__main__":
    main()
