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
from shapes import default_model, engine_and_vocabulary, random_model

from fairlead.decoding.decoder import Decoder, heal_at, usable_cores
from fairlead.decoding.ghost import prepare
from fairlead.decoding.model import Model
from fairlead.decoding.offer import Limits
from fairlead.decoding.processor import Cursor, MonitorLogitsProcessor
from fairlead.monitors.analysis import Document
from fairlead.monitors.dereference import Dereference
from fairlead.monitors.monitor import Monitor
from fairlead.monitors.process import AnalysisProcess

FILES = ("argparse.py", "tarfile.py", "zipfile.py", "subprocess.py", "textwrap.py", "configparser.py")
ACCESS = re.compile(r"^[ ]{4,}.*?[\w)]\.(?=[a-z_]\w*)", re.MULTILINE)
NEVER = 3600.0
"""Seconds: no budget ends here, since both sides must write the same length."""


@dataclass(frozen=True)
class Pair:
    """Milliseconds for each token of one place: unguided and guided, and how many tokens each wrote."""

    unguided: float
    guided: float
    tokens: tuple[int, int]

    @property
    def ratio(self) -> float:
        return self.guided / self.unguided


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--places", type=int, default=24, help="places for the default model (a quarter for the other)")
    parser.add_argument("--tokens", type=int, default=32, help="tokens to write at each place")
    parser.add_argument("--small", action="store_true", help="the default model only")
    parser.add_argument("--dry", action="store_true", help="write no page")
    options = parser.parse_args()
    torch.set_num_threads(max(1, usable_cores() - 1))
    small = default_model()
    rows = rows_of(small, list(places(options.places)), options.tokens)
    # Written after each model: the second takes minutes where the machine is busy.
    for last in (options.small, True):
        text = page(rows, options.tokens)
        print(text) if options.dry else write_page("overhead", text)
        if last:
            break
        rows += rows_of(random_model(small, 256), list(places(max(2, options.places // 4))), options.tokens // 2)


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
    decoder = Decoder(replace(model, prompt_order="left_to_right"), engine, vocabulary)
    analysis = AnalysisProcess(memory_mb=4096)
    guide = Dereference(analysis)
    cold, warm, stepwise = [], [], []
    try:
        for number, (document, offset) in enumerate([where[0], *where]):
            analysis.open(document)
            if number == 0:  # the first passes, and jedi's own start, are nobody's cost
                ahead(decoder, document, offset, guide, 4)
                continue
            first = one_pair(decoder, document, offset, guide, tokens, swap=bool(number % 2))
            cold.append(first)
            warm.append(one_pair(decoder, document, offset, guide, tokens, swap=not number % 2))
            stepwise.append(step_pair(decoder, document, offset, guide, tokens))
            ratios = (first.ratio, warm[-1].ratio, stepwise[-1].ratio)
            print(model.name, document.path, *(f"{ratio:.2f}" for ratio in ratios), file=sys.stderr, flush=True)
    finally:
        analysis.shutdown()
    name = f"{model.name}, {model.parameters / 1e6:,.0f} M, {model.dtype}"
    return [
        row(name, "run ahead, receivers cold", cold), row(name, "run ahead, receivers warm", warm),
        row(name, "masks at every step, receivers warm", stepwise),
    ]  # fmt: skip


def one_pair(
    decoder: Decoder, document: Document, offset: int, guide: Monitor, tokens: int, *, swap: bool
) -> Pair:
    """The writer of the server, from an empty cache, without and with a monitor."""
    guides: list[Monitor | None] = [guide, None] if swap else [None, guide]
    found = {each is not None: ahead(decoder, document, offset, each, tokens) for each in guides}
    (plain_ms, plain), (ms, guided) = found[False], found[True]
    return Pair(plain_ms / max(1, plain), ms / max(1, guided), (plain, guided))


def ahead(
    decoder: Decoder, document: Document, offset: int, guide: Monitor | None, tokens: int
) -> tuple[float, int]:
    """Milliseconds and tokens of one text; the thresholds that end a text early are off."""
    decoder.engine.crop(0)
    limits = Limits(
        until=time.monotonic() + NEVER, max_tokens=tokens, min_token=0, min_legal_mass=0, whole=False, multiline=True,
        draft=False,  # what one side wrote would be drafted for the other
    )  # fmt: skip
    begun = time.perf_counter()
    written = decoder.write(document, offset, guide, limits, automatic=False)
    took_ms = (time.perf_counter() - begun) * 1000
    return took_ms, written.offers[0].tokens if written.offers else 0


def step_pair(decoder: Decoder, document: Document, offset: int, guide: Monitor, tokens: int) -> Pair:
    """One greedy loop over the same engine, without and with the mask of every step; exactly as many tokens."""
    stepped(decoder, document, offset, guide, tokens)  # it writes other receivers, which are to be warm too
    plain = stepped(decoder, document, offset, None, tokens)
    guided = stepped(decoder, document, offset, guide, tokens)
    return Pair(plain / tokens, guided / tokens, (tokens, tokens))


def stepped(decoder: Decoder, document: Document, offset: int, guide: Monitor | None, tokens: int) -> float:
    """Milliseconds for `tokens` tokens, end-of-text left out."""
    engine, vocabulary = decoder.engine, decoder.vocabulary
    engine.crop(0)
    begun = time.perf_counter()
    place = prepare(decoder.model, vocabulary, engine, document, offset, heal_at(document.text, offset), reserve=tokens + 32)
    assert place is not None
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
    return (time.perf_counter() - begun) * 1000


def row(model: str, way: str, pairs: Sequence[Pair]) -> str:
    """Medians over places; the ratio is the median of the ratios, place by place."""
    whole = [pair for pair in pairs if min(pair.tokens) > 0]
    if not whole:
        return f"| {model} | {way} | – | – | – | – | 0 |"
    plain, guided = (statistics.median(getattr(pair, side) for pair in whole) for side in ("unguided", "guided"))
    ratios = sorted(pair.ratio for pair in whole)
    upper = ratios[min(len(ratios) - 1, int(0.9 * len(ratios)))]
    median = statistics.median(ratios)
    return f"| {model} | {way} | {plain:.1f} | {guided:.1f} | **{median:.2f}** | {upper:.2f} | {len(whole)} |"


def page(rows: Sequence[str], tokens: int) -> str:
    return f"""# What guidance costs

{made_by(".venv/bin/python benchmarks/overhead.py")} {torch.get_num_threads()} thread(s) for the model, the rest for
analysis; other work on the same cores makes all of this slower, and ratios noisy.

Text behind a dot in modules of the standard library, from an empty cache: reading the prompt, at most {tokens} tokens
for the default model and half as many, from a shorter prompt, for the other, with the thresholds that end a text early
switched off. *Run ahead* is what the server does: the whole name behind a dot is scored at once, then the model writes
on while analysis answers. *Masks at every step* is what
`MonitorLogitsProcessor` does: analysis is waited for at every dot, and each token's logits are masked; its unguided side
is the same plain loop. *Cold*: the first time analysis is asked about this document's receivers; *warm*: the second.
Drafts are off on both sides. Texts may differ in length where one ended sooner, so that times are for one token.

| model | way | unguided, ms a token | guided, ms a token | ratio, median | ratio, p90 | places |
|---|---|--:|--:|--:|--:|--:|
{chr(10).join(rows)}

The ratio is the median of the ratios place by place. Random weights say nothing about what is written, only what it costs.
"""


if __name__ == "__main__":
    main()
