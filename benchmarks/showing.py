"""Which ghost text is shown, how far, and how often it is what the file has there.

    .venv/bin/python benchmarks/showing.py

Files of packages that no model of ours has seen are cut where a person would pause, and written on by the server's own
decoder under all monitors, with as much time as they take. A text is taken as it is when the file has exactly it there. At
each value of `inline.min_confidence` the rule (a text ends before it is less likely than that) is compared with another that
shows as many texts: all of the line or nothing, by the mean probability of a token. Writes docs/benchmarks/showing.md.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import dots_dataset
import dots_gate
import numpy as np
from dots_metrics import Interval, bootstrap
from machine import made_by, write_page
from showing_pauses import Pause, is_right, pauses

from fairlead.decoding.decoder import Decoder
from fairlead.monitors.process import AnalysisProcess
from fairlead.server.limits import limits_of
from fairlead.server.settings import Settings

LEAST = (0.1, 0.25, 0.4, 0.6, 0.8)
"""Values of the setting that are tried."""

BINS = 10


@dataclass(frozen=True)
class Text:
    """One text at a pause; empty where nothing was shown."""

    package: str
    text: str
    right: bool
    probability: float
    confidence: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--places", type=int, default=40, help="of each package")
    parser.add_argument("--model", default="", help="a model folder; the packaged one otherwise")
    parser.add_argument("--dry", action="store_true", help="print the page and write nothing")
    options = parser.parse_args()
    root = dots_dataset.install()
    packages = [name.partition("==")[0] for name, _ in dots_dataset.measured(dots_dataset.REQUIREMENTS.read_text("utf-8"))]
    places = [pause for package in packages for pause in pauses(root, package, options.places)]
    decoder = Decoder.of(options.model)
    decoder.warm_up()
    analysis = AnalysisProcess(memory_mb=4096, workspace_roots=[str(root)], lifeless_s=dots_gate.PATIENCE_S)
    try:
        written = write_all(decoder, dots_gate.monitors(analysis), places)
    finally:
        analysis.shutdown()
    made = page(decoder.model.name, written)
    if options.dry:
        print(made)
    else:
        write_page("showing", made)


def write_all(decoder: Decoder, guide: dots_gate.Patient, places: Sequence[Pause]) -> dict[float, list[Text]]:
    """At each value of the setting, 0 (everything is shown) among them, the text at each place."""
    found: dict[float, list[Text]] = {least: [] for least in (0.0, *LEAST)}
    begun = time.monotonic()
    for number, pause in enumerate(places, 1):
        for least, texts in found.items():
            limits = limits_of(replace(Settings(), inline_min_confidence=least))
            offers = decoder.write(pause.document, pause.offset, guide, limits).offers
            if offers:
                right = is_right(offers[0].text, pause.truth)
                texts.append(Text(pause.package, offers[0].text, right, offers[0].probability, offers[0].confidence))
            else:
                texts.append(Text(pause.package, "", False, 0.0, 0.0))
        if number % 100 == 0:
            print(f"{number} of {len(places)} places, {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    return found


def as_many(whole: Sequence[Text], count: int) -> list[Text]:
    """The whole texts, only the `count` most confident of them shown."""
    kept = set(sorted((at for at, text in enumerate(whole) if text.text), key=lambda at: -whole[at].confidence)[:count])
    return [text if at in kept else replace(text, text="", right=False) for at, text in enumerate(whole)]


def taken(texts: Sequence[Text]) -> tuple[Interval, Interval]:
    """The share of the shown texts that are right, and the characters of those for each place."""
    shown = [text for text in texts if text.text]
    share = bootstrap([float(text.right) for text in shown], [text.package for text in shown])
    return share, bootstrap([len(text.text) * float(text.right) for text in texts], [text.package for text in texts])


def reliability(written: dict[float, list[Text]]) -> tuple[list[tuple[int, float, float]], float]:
    """(texts, their mean probability, the share that is right) in bins of a tenth, and the expected calibration error.

    A text counts once for each place where it was written, at whatever value of the setting.
    """
    seen = {(at, text.text): text for texts in written.values() for at, text in enumerate(texts) if text.text}
    chances = np.array([text.probability for text in seen.values()])
    right = np.array([text.right for text in seen.values()], dtype=float)
    bins = np.minimum((chances * BINS).astype(int), BINS - 1)
    rows = [(int((bins == at).sum()), float(chances[bins == at].mean()), float(right[bins == at].mean()))
            for at in range(BINS) if (bins == at).any()]  # fmt: skip
    return rows, sum(count * abs(chance - share) for count, chance, share in rows) / len(seen)


def page(model: str, written: dict[float, list[Text]]) -> str:
    def percent(value: Interval) -> str:
        return f"{value.mean:.0%} ({value.low:.0%}–{value.high:.0%})"

    def characters(value: Interval) -> str:
        return f"{value.mean:.2f} ({value.low:.2f}–{value.high:.2f})"

    whole = written[0.0]
    packages = sorted({text.package for text in whole})
    lines = []
    for least in LEAST:
        count = sum(bool(text.text) for text in written[least])
        (new, new_length), (old, old_length) = taken(written[least]), taken(as_many(whole, count))
        lines.append(
            f"| {least:g} | {count / len(whole):.0%} | {percent(new)} | {percent(old)} | **{new.mean / old.mean:.2f}** "
            f"| {characters(new_length)} | {characters(old_length)} |"
        )
    before = [text if text.confidence >= 0.25 else replace(text, text="", right=False) for text in whole]
    share, length = taken(before)
    bins, error = reliability(written)
    rows = [f"| {chance:.2f} | {right:.2f} | {count} |" for count, chance, right in bins]
    table, bars = "\n".join(lines), "\n".join(rows)
    shown = sum(bool(text.text) for text in before) / len(whole)
    return f"""# Which ghost text is shown, and how far

{len(whole)} cursors in {len(packages)} packages that the model ({model}) has not seen, where a person would pause: at the
start of a line, in a name, in an argument, behind a dot; half of them with the rest of the block still to be written. The
line is written on by the server's own decoder under all monitors. *Taken* is a text that the file has there, to the
letter. {made_by("benchmarks/showing.py")}

The text ends before it is less likely than `inline.min_confidence` to be right. Beside it, *all or nothing*: the whole line,
and as many of them, by the mean probability of a token. In brackets 95 % intervals over packages; characters are those
taken, for each cursor.

| `inline.min_confidence` | shown | taken, of those | all or nothing | ratio | characters | all or nothing |
|---|---|---|---|---|---|---|
{table}

All or nothing at a mean probability of 0.25 shows {shown:.0%}; {percent(share)} of them are taken,
{characters(length)} characters.

How far the probability can be believed (expected calibration error **{error:.3f}**):

| probability | right | texts |
|---|---|---|
{bars}
"""


if __name__ == "__main__":
    main()
