"""What a monitor changed at one step: the likeliest tokens of a model, before and after.

    python docs/masked_step.py            # bars of text
    python docs/masked_step.py step.png   # a picture, where matplotlib is installed

Run it cell by cell in an editor that knows `# %%`, or as a whole.
"""

# %% A model, a text that stops behind a dot, and analysis of it.
from __future__ import annotations

import sys

import torch

from fairlead.decoding import Cursor, MonitorLogitsProcessor
from fairlead.decoding.decoder import Decoder, heal_at
from fairlead.decoding.place import prepare
from fairlead.monitors.analysis import Document
from fairlead.monitors.dereference import Dereference
from fairlead.monitors.process import AnalysisProcess

TEXT = '''from pathlib import Path


def lines(folder: Path) -> int:
    """How many lines the files of a folder have."""
    path = folder / "names.txt"
    if not path.'''
SHOWN = 12


# %% One step: the scores behind the prompt, and the same as the monitor leaves them.
def one_step(text: str) -> list[tuple[str, float, float]]:
    """The likeliest tokens of both, as (token, probability before, probability after)."""
    decoder = Decoder.of()
    analysis = AnalysisProcess()
    try:
        document = Document("step.py", text)
        place = prepare(
            decoder.model, decoder.vocabulary, decoder.engine, document, len(text), heal_at(text, len(text))
        )
        assert place is not None
        cursor = Cursor(document, len(text), place.prompt.forced)
        guide = MonitorLogitsProcessor(decoder.vocabulary, Dereference(analysis), [cursor], 0, budget_ms=20_000)
        nothing_yet = torch.zeros((1, 0), dtype=torch.int64)
        after = torch.softmax(guide(nothing_yet, place.ready[None])[0], -1)
    finally:
        analysis.shutdown()
    before = torch.softmax(place.ready, -1)
    ids = set(before.topk(SHOWN).indices.tolist()) | set(after.topk(SHOWN).indices.tolist())
    order = sorted(ids, key=lambda one: -max(float(before[one]), float(after[one])))
    texts = decoder.vocabulary.texts
    return [(repr(texts[one].decode("utf-8", "replace")), float(before[one]), float(after[one])) for one in order]


# %% Drawn as text, …
def as_text(rows: list[tuple[str, float, float]], width: int = 36) -> str:
    scale = width / max(max(before, after) for _, before, after in rows)
    lines = []
    for token, before, after in rows:
        lines.append(f"{token:>16}  {'░' * round(before * scale):{width}}  {before:6.1%}  before")
        lines.append(f"{'':>16}  {'█' * round(after * scale):{width}}  " + (f"{after:6.1%}  after" if after else "refused"))
    return "\n".join(lines)


# %% … or as a picture.
def as_picture(rows: list[tuple[str, float, float]], path: str) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 0.4 * len(rows) + 1), layout="constrained")
    axes = figure.subplots()
    places = range(len(rows))
    axes.barh([at - 0.2 for at in places], [before for _, before, _ in rows], 0.38, label="the model", color="#b9c4cf")
    axes.barh([at + 0.2 for at in places], [after for _, _, after in rows], 0.38, label="guided", color="#12718a")
    axes.set_yticks(list(places), [token for token, _, _ in rows], family="monospace")
    axes.invert_yaxis()
    axes.set_xlabel("probability of the next token")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    step = one_step(TEXT)
    if len(sys.argv) > 1:
        as_picture(step, sys.argv[1])
    else:
        sys.stdout.write(as_text(step) + "\n")
