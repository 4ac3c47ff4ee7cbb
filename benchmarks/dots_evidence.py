"""What each ingredient of monitors/evidence.py does for the order of the members at an access."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dots_dataset import Access, Source
from dots_gate import Patient, document, rank_in

from fairlead.decoding.decoder import Decoder
from fairlead.decoding.infilling import PromptOrder
from fairlead.monitors import evidence
from fairlead.monitors.analysis import Member
from fairlead.monitors.monitor import Start

INGREDIENTS = {
    "uses behind the same receiver": ("same", "never", "recent", "again"),
    "the role": ("role", "no_role"),
    "which name follows which": ("follows",),
    "words in common with line and function": ("shared",),
    "the function's own name": ("own", "own_super"),
}
"""What is left out together, by the name it is reported under."""


def probabilities(
    decoder: Decoder, order: PromptOrder, root: Path, source: Source, access: Access, start: Start
) -> list[float]:
    """What the model believes of each member, in the order of analysis; they add up to one."""
    decoder.model = replace(decoder.model, prompt_order=order)
    names = [member.name for member in start.members.members]
    ranking, _ = decoder.rank(document(root, source, access), start, names)
    assert ranking is not None
    value = dict(zip(ranking.names, ranking.log_probs, strict=True))
    return [math.exp(value[name]) for name in names]


def ranks(
    decoder: Decoder, order: PromptOrder, root: Path, source: Source, access: Access, guide: Patient
) -> dict[str, Any]:
    """Where the true name stands: with all ingredients, with all but one, without the model, by the model alone."""
    start = guide.start(document(root, source, access), access.offset)
    if start is None or not start.members.members:
        return {"places": {}}
    members = start.members.members
    believed = probabilities(decoder, order, root, source, access, start)
    rows = evidence.observe(source.cut(access), access.offset, members)
    full = weigh(rows, evidence.WITH_MODEL, believed)
    places = {
        "all": _place(members, full, access.name),
        "all but the text": _place(members, believed, access.name),
        "all but the model": _place(members, weigh(rows, evidence.ALONE), access.name),
    }
    for ingredient, features in INGREDIENTS.items():
        without = [
            0.0 if name in features else weight
            for name, weight in zip(evidence.FEATURES, evidence.WITH_MODEL, strict=True)
        ]
        places[f"all but {ingredient}"] = _place(members, weigh(rows, without, believed), access.name)
    return {"places": places}


def weigh(
    rows: Sequence[Sequence[float]], weights: Sequence[float], believed: Sequence[float] | None = None
) -> list[float]:
    """The score of each member."""
    return [
        math.fsum(a * b for a, b in zip(row, weights, strict=True))
        + (evidence.MODEL * math.log(believed[number] + evidence.FLOOR) if believed is not None else 0.0)
        for number, row in enumerate(rows)
    ]


def _place(members: Sequence[Member], value: Sequence[float], true: str) -> int | None:
    order = sorted(range(len(members)), key=lambda number: -value[number])
    return rank_in([members[number].name for number in order], true)
