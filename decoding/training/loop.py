"""The training loop: resumable at any moment, bounded by tokens or time, one process."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch.utils.data import DataLoader

from ...monitors.errors import CorpusError, TrainingError
from .checkpoint import load_checkpoint, save_checkpoint, write_whole
from .corpus import SourceFile
from .examples import Batch, Examples, Mix
from .heads import HeadedNetwork
from .network import Network
from .optimizer import Optimizers
from .schedule import Budget, learning_rate

CURVE = "curve.jsonl"


@dataclass(frozen=True)
class Plan:
    """Everything a run depends on besides its corpus and first weights."""

    budget: Budget
    rows: int = 8
    """Rows of a batch, of `length` tokens each; `micro_rows` of them go through the network at once."""
    length: int = 1_024
    micro_rows: int = 4
    peak: float = 1e-3
    """Highest learning rate; 3e-3 suits a small network from scratch, a third of it one that was trained before."""
    warm_up: float = 0.03
    weight_decay: float = 0.05
    clip: float = 1.0
    seed: int = 0
    mix: Mix = field(default_factory=Mix)
    checkpoint_seconds: float = 120.0
    workers: int = 0
    """Processes that make batches ahead; none is enough for a CPU, a GPU wants one a core."""

    def __post_init__(self) -> None:
        if min(self.rows, self.micro_rows) < 1 or self.length < 64:
            raise TrainingError("A batch has at least one row, and a row at least 64 tokens (--rows, --micro-rows, --length)")

    def fixed(self) -> dict[str, Any]:
        """What must not change when a run is resumed; budgets may."""
        kept = asdict(self)
        for name in ("budget", "checkpoint_seconds", "workers", "micro_rows"):
            del kept[name]
        return kept


@dataclass(frozen=True)
class Progress:
    """One step. `loss` in nats a token of the weighted mix; `left_s` None until it can be told."""

    step: int
    tokens: int
    elapsed_s: float
    loss: float
    rate: float
    gradient: float
    tokens_per_s: float
    left_s: float | None


Report = Callable[[Progress], None]


def train(
    network: Network | HeadedNetwork, tokenizer: Tokenizer, files: Sequence[SourceFile], plan: Plan, folder: Path,
    report: Report = lambda _: None, warn: Callable[[str], None] = lambda _: None, dtype: torch.dtype = torch.float32,
) -> Progress | None:  # fmt: skip
    """Train `network` in place, checkpoints and `curve.jsonl` in `folder`; goes on where a checkpoint there ends.

    The last step, or None when the budget was spent before. An interrupt saves a checkpoint and goes on up. Raises
    `CorpusError`, `CheckpointBroken`, or `TrainingError` (the disk is full, the loss is not finite, the folder holds
    another run).
    """
    examples = Examples(files, tokenizer, plan.mix, plan.length, plan.rows, plan.seed)
    check_size(examples, tokenizer, files)
    if plan.length > network.shape.context_tokens:
        raise TrainingError(f"Rows of {plan.length} tokens do not fit a context of {network.shape.context_tokens}")
    run = _Run(network, plan, folder, dtype)
    for fault in run.resume():
        warn(f"A checkpoint was passed over: {fault}")
    last = None
    saved_at = time.monotonic()
    try:
        while (spent := plan.budget.spent(run.tokens, run.elapsed_s)) < 1:
            run.batches = run.batches or iter(_batches(examples, run.step, plan.workers))
            last = run.one_step(next(run.batches), spent)
            report(last)
            if time.monotonic() - saved_at >= plan.checkpoint_seconds:
                run.save()
                saved_at = time.monotonic()
    except KeyboardInterrupt:
        run.save()
        raise
    run.save()
    return last


def check_size(examples: Examples, tokenizer: Tokenizer, files: Sequence[SourceFile]) -> None:
    """Raise `CorpusError` when all files together make less than one batch."""
    if examples.characters > 20 * examples.tokens_per_batch:
        return
    tokens = sum(len(tokenizer.encode(file.text).ids) for file in files)
    if tokens < examples.tokens_per_batch:
        raise CorpusError(
            f"The corpus has {tokens:,} tokens, less than one batch of {examples.tokens_per_batch:,}; "
            "give more source, or smaller batches (--rows, --length)"
        )


def _batches(examples: Examples, first: int, workers: int) -> Iterator[Batch]:
    if not workers:
        number = first
        while True:
            yield examples[number]
            number += 1
    loader: DataLoader[Batch] = DataLoader(
        examples,  # type: ignore[arg-type]  # it needs `__getitem__` alone
        batch_size=None, sampler=range(first, first + 10**9), num_workers=workers, prefetch_factor=8,
    )  # fmt: skip
    yield from loader


class _Run:
    """The state of a run: weights, optimisers, counts, and the curve so far."""

    def __init__(self, network: Network | HeadedNetwork, plan: Plan, folder: Path, dtype: torch.dtype) -> None:
        self._network, self._plan, self._folder, self._dtype = network, plan, folder, dtype
        self._optimizers = Optimizers(network, plan.weight_decay)
        self._device = next(network.parameters()).device
        self.step = self.tokens = 0
        self.elapsed_s = 0.0
        self.batches: Iterator[Batch] | None = None

    def resume(self) -> list[str]:
        """Take up the newest whole checkpoint; what was wrong with newer ones."""
        state, faults = load_checkpoint(self._folder)
        if state is not None:
            if state["plan"] != self._plan.fixed() or state["shape"] != self._network.shape.as_dict():
                raise TrainingError(f"{self._folder} holds a run with other settings; give them again, or another folder")
            self._network.load_state_dict(state["network"])
            self._optimizers.load(state["optimizers"])
            self.step, self.tokens, self.elapsed_s = state["step"], state["tokens"], state["elapsed_s"]
        self._cut_curve()
        return faults

    def save(self) -> None:
        save_checkpoint(
            self._folder, self.step,
            {
                "plan": self._plan.fixed(), "shape": self._network.shape.as_dict(), "network": self._network.state_dict(),
                "optimizers": self._optimizers.state(), "step": self.step, "tokens": self.tokens, "elapsed_s": self.elapsed_s,
            },
        )  # fmt: skip

    def one_step(self, batch: Batch, spent: float) -> Progress:
        began = time.monotonic()
        plan = self._plan
        rate = learning_rate(plan.peak, plan.warm_up, spent)
        total = float(batch.weights.sum())
        loss = 0.0
        for start in range(0, plan.rows, plan.micro_rows):
            part = slice(start, start + plan.micro_rows)
            ids, labels, weights = (tensor[part].to(self._device) for tensor in (batch.ids, batch.labels, batch.weights))
            with self._precision():
                share = (self._network.losses(ids, labels, self._dtype) * weights).sum() / total
            share.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            loss += share.item()
        gradient = float(torch.nn.utils.clip_grad_norm_(self._network.parameters(), plan.clip))
        if not (math.isfinite(loss) and math.isfinite(gradient)):
            raise TrainingError(f"The loss is not finite at step {self.step + 1}; resume with a lower learning rate")
        self._optimizers.step(rate)
        self.step += 1
        self.tokens += batch.ids.numel()
        took_s = time.monotonic() - began
        self.elapsed_s += took_s
        left = self._plan.budget.spent(self.tokens, self.elapsed_s)
        progress = Progress(
            self.step, self.tokens, self.elapsed_s, loss, rate, gradient, batch.ids.numel() / max(took_s, 1e-9),
            self.elapsed_s * (1 - left) / left if left > 0 else None,
        )  # fmt: skip
        self._note(progress)
        return progress

    def _precision(self) -> Any:
        return nullcontext() if self._dtype == torch.float32 else torch.autocast(self._device.type, self._dtype)

    def _note(self, progress: Progress) -> None:
        try:
            with (self._folder / CURVE).open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(progress)) + "\n")
        except OSError as error:
            raise TrainingError(f"{self._folder / CURVE} cannot be written: {error.strerror}") from error

    def _cut_curve(self) -> None:
        """Drop what a killed run noted behind its last checkpoint."""
        kept = [row for row in read_curve(self._folder) if row["step"] <= self.step]
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_whole(self._folder / CURVE, "".join(json.dumps(row) + "\n" for row in kept).encode())
        except OSError as error:
            raise TrainingError(f"{self._folder} cannot be written: {error.strerror}") from error


def read_curve(folder: Path) -> list[dict[str, Any]]:
    """The steps noted in a run's folder; a last line that was cut is left out."""
    rows = []
    try:
        lines = (folder / CURVE).read_text("utf-8").splitlines()
    except FileNotFoundError:
        return []
    for line in lines:
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue
    return rows
