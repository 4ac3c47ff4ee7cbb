"""What drafts are worth: none, those from the text itself, and those with the model's heads besides.

    .venv/bin/python benchmarks/heads.py MODEL CORPUS [--places 40]

MODEL holds `heads.safetensors` (`fairlead train heads`), CORPUS comes from `fairlead train corpus`; its held-out half is
written on, greedily, several lines at a place. The three take turns at every place. Results go into docs/log.md.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from fairlead.decoding.decoder import Decoder
from fairlead.decoding.engine import TorchEngine
from fairlead.decoding.model import Model, load
from fairlead.decoding.offer import Limits
from fairlead.decoding.training.corpus import SourceFile, read_split
from fairlead.decoding.vocabulary import Vocabulary
from fairlead.monitors.analysis import Document


class CountingEngine(TorchEngine):
    """Counts the passes that write."""

    steps = 0

    def step(self, ids: Sequence[int]) -> torch.Tensor:
        self.steps += 1
        return super().step(ids)


@dataclass
class Sums:
    """Of one way of drafting."""

    decode_ms: float = 0.0
    cpu_s: float = 0.0
    tokens: int = 0
    passes: int = 0


def decoder_of(model: Model) -> tuple[Decoder, CountingEngine]:
    engine = CountingEngine(model)
    silent = sorted(model.special_ids)
    return Decoder(model, engine, Vocabulary.of(model.tokenizer, engine.vocab_size, sorted(model.eos_ids), silent)), engine


def places(files: Sequence[SourceFile], count: int, seed: int = 3) -> list[tuple[Document, int]]:
    chance, found = random.Random(seed), []
    while len(found) < count:
        file = chance.choice(files)
        lines = file.text.split("\n")
        if len(lines) < 60:
            continue
        number = chance.randrange(20, len(lines) - 10)
        if lines[number].strip():
            offset = sum(len(line) + 1 for line in lines[:number]) + len(lines[number]) - len(lines[number].lstrip())
            found.append((Document(f"/corpus/{file.path}", file.text[:offset]), offset))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--places", type=int, default=40)
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = load(options.model, "cpu")
    freely = Limits(max_tokens=48, min_token=0.0, min_legal_mass=0.0, whole=False, multiline=True, until=float("inf"))
    ways = {
        "no drafts": (decoder_of(replace(model, heads=())), replace(freely, draft=False)),
        "from the text": (decoder_of(replace(model, heads=())), freely),
        "and from heads": (decoder_of(model), freely),
    }
    sums = {name: Sums() for name in ways}
    for (decoder, _), _ in ways.values():
        decoder.warm_up()
    same = 0
    for document, offset in places(read_split(options.corpus, "valid"), options.places):
        texts = set()
        for name, ((decoder, engine), limits) in ways.items():
            before, cpu = engine.steps, time.process_time()
            written = decoder.write(document, offset, None, limits, automatic=False)
            part = sums[name]
            part.decode_ms += written.timings.decode
            part.cpu_s += time.process_time() - cpu
            part.passes += engine.steps - before
            text = written.offers[0].text if written.offers else ""
            part.tokens += len(decoder.vocabulary.encode(text))
            texts.add(text)
        same += len(texts) == 1
    plain = sums["no drafts"]
    print("| drafts | decode ms a token | ÷ none | CPU ÷ none, prefill included | tokens a pass |\n|---|---|---|---|---|")
    for name, part in sums.items():
        each = part.decode_ms / max(1, part.tokens)
        print(
            f"| {name} | {each:.2f} | {each / (plain.decode_ms / max(1, plain.tokens)):.2f} | {part.cpu_s / plain.cpu_s:.2f} "
            f"| {part.tokens / max(1, part.passes):.2f} |"
        )
    print(f"\nThe same text all three times at {same} of {options.places} places.")


if __name__ == "__main__":
    main()
