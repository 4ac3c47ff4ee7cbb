"""Cancelled at any point, an engine goes on as if it were new: whatever it holds is what `tokens` says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairlead.decoding.decoder import Decoder
from fairlead.decoding.engine import engine_for
from fairlead.decoding.model import Model
from fairlead.decoding.offer import Limits
from fairlead.decoding.vocabulary import Vocabulary
from fairlead.monitors.analysis import Document
from fairlead.monitors.dereference import Dereference
from fairlead.monitors.fixed import FixedAnalysis

NAMES = ["append", "add", "add_all", "pop", "popitem", "extend", "get_first", "get_last"]
TEXTS = (
    "items = []\nitems.", "items = []\nfor item in items:\n    items.a", "def total(items):\n    return it",
    "from pathlib import Path\n\nitems.append(items.pop())\nitems.",
)  # fmt: skip
FREELY = Limits(max_tokens=12, min_token=0.0, min_legal_mass=0.0, whole=False, multiline=True)

Jobs = st.lists(
    st.tuples(st.sampled_from(["write", "alternatives", "rank", "read"]), st.integers(0, 3), st.integers(0, 25)),
    min_size=1,
    max_size=5,
)


def after(count: int) -> Callable[[], bool]:
    """A `stop` that says yes from its `count`-th call on."""
    left = [count]

    def stop() -> bool:
        left[0] -= 1
        return left[0] < 0

    return stop


def decoder_of(model: Model) -> Decoder:
    engine = engine_for(model)
    engine.pass_rows = 4  # many passes, so that there are many points to stop at
    vocabulary = Vocabulary.of(model.tokenizer, engine.vocab_size, sorted(model.eos_ids), sorted(model.special_ids))
    return Decoder(model, engine, vocabulary)


def run(decoder: Decoder, job: str, text: str, stop: Callable[[], bool]) -> None:
    document, guide = Document("/p/a.py", text), Dereference(FixedAnalysis({"items": NAMES}))
    match job:
        case "rank":
            start = guide.start(document, len(text))
            if start is not None:
                decoder.rank(document, start, NAMES, typed=start.typed, limits=replace(FREELY, stop=stop))
        case "read":
            decoder.place(document, len(text), stop)
        case _:
            decoder.write(
                document, len(text), guide, replace(FREELY, stop=stop), automatic=False,
                alternatives=3 if job == "alternatives" else 1,
            )  # fmt: skip


@pytest.mark.parametrize("architecture", ["llama", "qwen2_windows", "mamba"])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(jobs=Jobs)
def test_cancelled_anywhere_the_cache_is_that_of_a_fresh_engine(
    tiny: Callable[[str], Model], architecture: str, jobs: list[tuple[str, int, int]]
) -> None:
    """The logits behind what is held, and behind a tree upon it, are those of an engine that did nothing before."""
    model = tiny(architecture)
    decoder = decoder_of(model)
    for job, text, count in jobs:
        run(decoder, job, TEXTS[text], after(count))
        held = decoder.engine.tokens
        if not held:
            continue
        decoder.engine.crop(len(held))  # a tree that was left is begun anew
        fresh = engine_for(model)
        fresh.prefill(held)
        parents, ids = [-1, 0, -1], [20, 30, 40]
        ours, theirs = decoder.engine.score_tree(parents, ids), fresh.score_tree(parents, ids)
        torch.testing.assert_close(ours, theirs, atol=5e-5, rtol=1e-4)
        torch.testing.assert_close(decoder.engine.step([7]), fresh.step([7]), atol=5e-5, rtol=1e-4)


def test_a_text_written_after_many_cancelled_ones_is_that_of_a_fresh_decoder(tiny: Callable[[str], Model]) -> None:
    model = tiny("llama")
    decoder = decoder_of(model)
    guide = Dereference(FixedAnalysis({"items": NAMES}))
    for count in range(12):
        for text in TEXTS:
            run(decoder, "write", text, after(count))
    for text in TEXTS:
        document = Document("/p/a.py", text)
        ours, theirs = (
            each.write(document, len(text), guide, FREELY, automatic=False).offers
            for each in (decoder, decoder_of(model))
        )
        assert [offer.text for offer in ours] == [offer.text for offer in theirs]
