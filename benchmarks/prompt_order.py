"""Which prompt order suits a model: rest-of-line completion on files it was not trained on, in every order it knows.

    .venv/bin/python benchmarks/prompt_order.py [--model FOLDER] [--lines 200]

Prints exact matches and the mean log-probability of the true rest of the line for left-to-right, PSM and SPM prompts at
the same places, and the order to write into the folder's `fairlead.json`.
"""

from __future__ import annotations

import argparse
import random
from dataclasses import replace

import torch
from latency import fetch

from fairlead.decoding.decoder import Decoder
from fairlead.decoding.offer import Limits
from fairlead.monitors.analysis import Document


def places(count: int, seed: int = 1) -> list[tuple[Document, int, str]]:
    """(document, offset, the rest of the line) at random places inside lines of code."""
    files = sorted(path for path in fetch().rglob("*.py") if 2_000 < path.stat().st_size < 60_000)
    chance, found = random.Random(seed), []
    while len(found) < count:
        path = chance.choice(files)
        text = path.read_text("utf-8", "replace")
        lines = text.split("\n")
        number = chance.randrange(10, len(lines)) if len(lines) > 11 else 0
        line = lines[number]
        if len(line.strip()) < 12 or line.strip().startswith(("#", '"', "'")):
            continue
        column = chance.randrange(len(line) - len(line.lstrip()), len(line) - 3)
        offset = sum(len(before) + 1 for before in lines[:number]) + column
        # What is to be found must not stand in the suffix.
        found.append((Document(str(path), text[:offset] + text[offset + len(line) - column :]), offset, line[column:]))
    return found


def log_probability(decoder: Decoder, document: Document, offset: int, rest: str) -> float:
    """Mean natural log-probability of the tokens of the rest of the line, healing included."""
    place = decoder.place(document, offset)
    assert place is not None
    ids = decoder.vocabulary.encode(place.prompt.forced + rest + "\n")
    rows = torch.cat([place.ready[None], decoder.engine.step(ids)])[:-1]
    values = torch.log_softmax(rows.float(), -1)[torch.arange(len(ids)), torch.tensor(ids)]
    return float(values.mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="")
    parser.add_argument("--lines", type=int, default=200)
    options = parser.parse_args()
    decoder = Decoder.of(options.model)
    orders = ["left_to_right"] + (["psm", "spm"] if decoder.model.infilling else [])
    sample = places(options.lines)
    results = {}
    for order in orders:
        decoder.model = replace(decoder.model, prompt_order=order)
        matches, total = 0, 0.0
        for document, offset, rest in sample:
            total += log_probability(decoder, document, offset, rest)
            written = decoder.write(document, offset, None, Limits(min_token=0.0))
            matches += bool(written.offers) and written.offers[0].text.rstrip() == rest.rstrip()
        results[order] = (total / len(sample), matches / len(sample))
        print(f"{order:14} log p {results[order][0]:.3f} a token, exact {results[order][1]:.1%}")
    print("best:", max(results, key=lambda order: results[order]))


if __name__ == "__main__":
    main()
