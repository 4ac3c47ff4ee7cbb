"""Held-out loss by kind: text read left to right, and middles and their ends in each prompt order and kind of hole."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from tokenizers import Tokenizer

from ..infilling import PromptOrder
from .corpus import SourceFile
from .examples import IGNORED, Example, Layout
from .infill import KINDS
from .network import Network

ORDERS: tuple[PromptOrder, ...] = ("left_to_right", "psm", "spm")


@dataclass
class Sum:
    """Nats over tokens that write `characters`."""

    nats: float = 0.0
    tokens: int = 0
    characters: int = 0

    def add(self, losses: torch.Tensor, characters: int = 0) -> None:
        self.nats += float(losses.sum())
        self.tokens += losses.numel()
        self.characters += characters

    @property
    def per_token(self) -> float:
        return self.nats / self.tokens if self.tokens else float("nan")

    @property
    def per_character(self) -> float:
        return self.nats / self.characters if self.characters else float("nan")


@dataclass
class Losses:
    """`middles[order][kind]` without their ends; `ends[order]` is the cost of ending where the hole ends; `prefixes` and
    `suffixes` what stands around a hole, PSM prompts."""

    left_to_right: Sum = field(default_factory=Sum)
    middles: dict[str, dict[str, Sum]] = field(default_factory=dict)
    ends: dict[str, Sum] = field(default_factory=dict)
    prefixes: Sum = field(default_factory=Sum)

    def middle(self, order: str) -> Sum:
        """All kinds together, each weighted as the editor asks for it."""
        kinds = self.middles[order]
        share = {kind: KINDS[kind] for kind in KINDS if kinds[kind].tokens}
        total = sum(share.values())
        nats = sum(kinds[kind].per_token * part for kind, part in share.items()) / total if total else float("nan")
        return Sum(nats, 1, 0)


def evaluate(
    network: Network, tokenizer: Tokenizer, files: Sequence[SourceFile], *, windows: int = 48, holes: int = 60,
    room: int = 384, seed: int = 7, dtype: torch.dtype = torch.float32,
) -> Losses:  # fmt: skip
    """Losses on `windows` windows of twice `room` tokens and `holes` holes of each kind; the same for every model of one
    tokenizer, as near as can be for another."""
    layout, losses = Layout(tokenizer), Losses()
    chance = random.Random(seed)
    measure = _Measure(network, layout.end, dtype)
    weights = [len(file.text) for file in files]
    wide = min(2 * room, network.shape.context_tokens)
    room = min(room, network.shape.context_tokens)
    for file in chance.choices(files, weights, k=windows):
        window = layout.read(file.text, chance.randrange(len(file.text)), wide)
        if len(window.ids) > 1:
            losses.left_to_right.add(measure(window), len(tokenizer.decode(window.ids)))
    for order in ORDERS:
        losses.middles[order] = {kind: Sum() for kind in KINDS}
        losses.ends[order] = Sum()
    for kind in KINDS:
        found = 0
        for _ in range(holes * 10):
            if found == holes:
                break
            file = chance.choices(files, weights)[0]
            at, state = chance.randrange(len(file.text)), chance.random()
            laid_out = [
                layout.infilled(file.text, at, kind, order if layout.infilling else "left_to_right", room, random.Random(state))
                for order in ORDERS
            ]
            if any(example is None for example in laid_out):
                continue
            found += 1
            for order, example in zip(ORDERS, laid_out, strict=True):
                assert example is not None
                result = measure(example)
                middle = result[example.middle - 1 :]
                losses.middles[order][kind].add(middle[:-1], len(tokenizer.decode(example.ids[example.middle : -1])))
                losses.ends[order].add(middle[-1:])
                if order == "psm" and layout.infilling is not None and layout.infilling.suffix in example.ids:
                    losses.prefixes.add(result[: example.ids.index(layout.infilling.suffix) - 1])
    return losses


class _Measure:
    def __init__(self, network: Network, end: int, dtype: torch.dtype) -> None:
        self._network, self._end, self._dtype = network, end, dtype
        self._device = next(network.parameters()).device

    @torch.inference_mode()
    def __call__(self, example: Example) -> torch.Tensor:
        """(n - 1,): nats of each token but the first."""
        ids = torch.tensor([example.ids], device=self._device)
        labels = torch.cat((ids[:, 1:], torch.full((1, 1), IGNORED, device=self._device)), dim=1)
        if self._dtype == torch.float32:
            return self._network.losses(ids, labels)[0, :-1]
        with torch.autocast(self._device.type, self._dtype):
            return self._network.losses(ids, labels, self._dtype)[0, :-1]


def table(named: dict[str, Losses]) -> str:
    """Nats a token, a column for each model."""
    names = list(named)
    rows: list[tuple[str, list[float]]] = [
        ("left to right", [losses.left_to_right.per_token for losses in named.values()]),
        ("left to right, nats a character", [losses.left_to_right.per_character for losses in named.values()]),
        ("prefixes of fill-in-the-middle", [losses.prefixes.per_token for losses in named.values()]),
    ]
    for order in ORDERS:
        label = order.replace("_", " ").upper() if order != "left_to_right" else "prefix alone"
        rows.append((f"middles, {label}", [losses.middle(order).per_token for losses in named.values()]))
        rows.append((f"end of a middle, {label}", [losses.ends[order].per_token for losses in named.values()]))
    for kind in KINDS:
        for order in ("left_to_right", "spm"):
            label = "SPM" if order == "spm" else "prefix alone"
            values = [losses.middles[order][kind].per_token for losses in named.values()]
            rows.append((f"{kind.replace('_', ' ')}, {label}", values))
    lines = ["| nats a token, held-out projects | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]
    lines += [f"| {label} | " + " | ".join(f"{value:.3f}" for value in values) + " |" for label, values in rows]
    return "\n".join(lines)
