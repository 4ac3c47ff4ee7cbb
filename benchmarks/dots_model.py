"""What a model writes and ranks at an access, guided and not, in each order of the prompt."""

from __future__ import annotations

import time
import zlib
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from dots_dataset import Access, Source
from dots_gate import Jedi, Patient, document, frequency_order, rank_in
from dots_metrics import end_of_statement

from fairlead.decoding.decoder import Decoder
from fairlead.decoding.infilling import PromptOrder
from fairlead.decoding.model import DEFAULT
from fairlead.decoding.offer import Limits

TEMPERATURES = (0.2, 0.4, 0.6, 0.6, 0.8, 0.8)
"""The paper's six samples; the nucleus (0.95) is the decoder's own."""
MAX_TOKENS = 48


def orders(decoder: Decoder, infill: str = "") -> dict[str, PromptOrder]:
    """The orders to measure, by the name they are reported under.

    `infill` names the fill-in-the-middle order; if empty, it is what the model's folder says, else what is known of its
    training. The default model learned both ways and is far better at suffix first (NIM 33 % against none).
    """
    found: dict[str, PromptOrder] = {"left to right": "left_to_right"}
    if decoder.model.infilling is not None:
        own = decoder.model.prompt_order
        known = "spm" if decoder.model.name == DEFAULT else decoder.model.infilling.trained[0]
        chosen = infill or (known if own == "left_to_right" else own)
        found["fill in the middle"] = "spm" if chosen == "spm" else "psm"
    return found


def write(
    decoder: Decoder, order: PromptOrder, root: Path, source: Source, access: Access, guide: Patient | None
) -> dict[str, Any]:
    """Six statements, each up to its end, without the thresholds below which an editor is shown nothing."""
    decoder.model = replace(decoder.model, prompt_order=order)
    text, head = document(root, source, access), source.head(access)
    texts, stopped, tokens, milliseconds = [], [], [], []
    for number, temperature in enumerate(TEMPERATURES):
        limits = Limits(
            until=time.monotonic() + 120, max_tokens=MAX_TOKENS, min_confidence=0, min_token=0, min_legal_mass=0,
            multiline=True, temperature=temperature, seed=zlib.crc32(f"{access.id} {number}".encode()),
            finished=lambda written: end_of_statement(head, written) is not None,
        )  # fmt: skip
        written = decoder.write(text, access.offset, guide, limits, automatic=False)
        made = written.offers[0].text if written.offers else ""
        texts.append(made[: end_of_statement(head, made)].rstrip())
        stopped.append(written.offers[0].stopped if written.offers else written.reason)
        tokens.append(written.offers[0].tokens if written.offers else 0)
        milliseconds.append(round(written.timings.total, 2))
    return {"texts": texts, "stopped": stopped, "tokens": tokens, "ms": milliseconds}


def rank(
    decoder: Decoder, order: PromptOrder, root: Path, source: Source, access: Access, guide: Patient
) -> dict[str, Any]:
    """Where the model puts the true name among the members; nothing where they are not known."""
    decoder.model = replace(decoder.model, prompt_order=order)
    text = document(root, source, access)
    start = guide.start(text, access.offset)
    if start is None or not start.members.members:
        return {"candidates": 0}
    names = [member.name for member in start.members.members]
    ranking, timings = decoder.rank(text, start, names)
    assert ranking is not None
    return {"candidates": len(names), "rank": rank_in(list(ranking.names), access.name),
            "legal_mass": ranking.legal_mass, "ms": round(timings.total, 2)}  # fmt: skip


def other_ranks(
    root: Path, source: Source, access: Access, guide: Patient, peer: Jedi, counts: Counter[str]
) -> dict[str, Any]:
    """Where other orders put the true name: jedi's own list, and our names by alphabet and by frequency."""
    text = document(root, source, access)
    start = guide.start(text, access.offset)
    names = [member.name for member in start.members.members] if start is not None else []
    begun = time.perf_counter()
    theirs = peer.names(text, access.offset)
    milliseconds = (time.perf_counter() - begun) * 1000
    return {
        "jedi": rank_in(theirs, access.name), "jedi_names": len(theirs), "jedi_ms": round(milliseconds, 2),
        "alphabetical": rank_in(sorted(names), access.name),
        "frequency": rank_in(frequency_order(names, counts), access.name),
    }  # fmt: skip
