"""From an order to a model folder: the stages joined, and old and new compared."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer

from ...monitors.errors import TrainingError
from ..model import choose_device, choose_dtype
from .card import card
from .corpus import SourceFile, read_sources, read_split
from .evaluation import evaluate, table
from .examples import Mix
from .export import export, read_network
from .heads import HeadedNetwork, hits, save_heads
from .loop import Plan, Progress, Report, read_curve, train
from .network import Network, shape_of_size
from .plot import plot_curve
from .schedule import Budget
from .tokenizer import read_tokenizer, save_tokenizer, train_tokenizer

VOCABULARY = 8_192


@dataclass(frozen=True)
class Order:
    """What `fairlead train model` was asked for; zero and None mean the usual."""

    corpus: Path
    folder: Path
    init: Path | None = None
    tokenizer: Path | None = None
    size: str = "8m"
    context_tokens: int = 1_024
    seconds: float = 0.0
    tokens: int = 0
    rows: int = 8
    micro_rows: int = 4
    length: int = 0
    rate: float = 0.0
    infilling: float = 0.6
    outlines: float = 0.2
    seed: int = 0
    workers: int = 0
    checkpoint_seconds: float = 120.0
    shard_bytes: int = 4_000_000_000
    device: str = "auto"


def make_model(order: Order, report: Report, warn: Callable[[str], None]) -> Path:
    """Train as ordered and write the model folder with its card; the run (checkpoints, curve, plot) lies in `FOLDER.run`.

    Called again, it goes on where it stopped. Raises `TrainingError` and what loading `init` raises.
    """
    files, held_out = read_split(order.corpus, "train"), read_split(order.corpus, "valid")
    run = order.folder.with_name(order.folder.name + ".run")
    network, tokenizer = _start(order, run, files)
    device = choose_device(order.device)
    dtype = choose_dtype("auto", device)
    dtype = torch.bfloat16 if dtype == torch.bfloat16 else torch.float32  # float16 would need its gradients scaled
    network.to(device)
    plan = Plan(
        budget=Budget(order.tokens, order.seconds), rows=order.rows, length=order.length or network.shape.context_tokens,
        micro_rows=order.micro_rows, peak=order.rate or (1e-3 if order.init else 3e-3), seed=order.seed,
        mix=Mix(order.infilling, outline=order.outlines), checkpoint_seconds=order.checkpoint_seconds, workers=order.workers,
    )  # fmt: skip
    last = train(network, tokenizer, files, plan, run, report, warn, dtype)
    curve = read_curve(run)
    if last is None:
        if not curve:
            raise TrainingError(f"{run}: the budget is spent, and no step was made")
        last = Progress(**curve[-1])
    try:
        plot_curve(curve, run / "loss.png")
    except TrainingError as error:
        warn(str(error))
    losses = ""
    if held_out:
        losses = table({order.folder.name: evaluate(network, tokenizer, held_out, windows=16, holes=12, dtype=dtype)})
    text = card(
        order.folder.name, network, plan, last, read_sources(order.corpus), init=order.init.name if order.init else "",
        characters_per_token=characters_per_token(tokenizer, held_out), loss_table=losses,
        machine=f"{device}, {platform.machine()}, torch {torch.__version__}",
    )  # fmt: skip
    return export(network, tokenizer, order.folder, card=text, shard_bytes=order.shard_bytes)


def _start(order: Order, run: Path, files: Sequence[SourceFile]) -> tuple[Network, Tokenizer]:
    """The network before its first step, and its tokenizer (kept in the run, so that resuming finds the same)."""
    if order.init is not None:
        return read_network(order.init), read_tokenizer(order.init)
    kept = run / "tokenizer.json"
    if order.tokenizer is not None:
        tokenizer = read_tokenizer(order.tokenizer)
    elif kept.is_file():
        tokenizer = read_tokenizer(kept)
    else:
        tokenizer = train_tokenizer((file.text for file in files), VOCABULARY)
        save_tokenizer(tokenizer, kept)
    network = Network(shape_of_size(order.size, tokenizer.get_vocab_size(), order.context_tokens))
    network.initialise(order.seed)
    return network, tokenizer


def add_heads(order: Order, report: Report, warn: Callable[[str], None]) -> str:
    """Train heads for the model in `order.folder`, which does not change, and write them there; what they foresee.

    The run lies in `FOLDER.heads.run`. Raises as `make_model`.
    """
    files, held_out = read_split(order.corpus, "train"), read_split(order.corpus, "valid")
    network, tokenizer = read_network(order.folder), read_tokenizer(order.folder)
    device = choose_device(order.device)
    dtype = torch.bfloat16 if choose_dtype("auto", device) == torch.bfloat16 else torch.float32
    headed = HeadedNetwork(network.to(device).requires_grad_(False))
    plan = Plan(
        budget=Budget(order.tokens, order.seconds), rows=order.rows, micro_rows=order.micro_rows, peak=order.rate or 2e-2,
        length=order.length or network.shape.context_tokens, seed=order.seed, workers=order.workers,
        mix=Mix(order.infilling, outline=order.outlines), checkpoint_seconds=order.checkpoint_seconds,
    )  # fmt: skip
    train(headed, tokenizer, files, plan, order.folder.with_name(order.folder.name + ".heads.run"), report, warn, dtype)
    save_heads(headed, order.folder)
    shares = hits(headed, network, tokenizer, held_out or files)
    return "right guesses: next token {:.1%}; heads {}".format(shares[0], ", ".join(f"{share:.1%}" for share in shares[1:]))


def compare(corpus: Path, models: Sequence[Path], holes: int) -> str:
    """Held-out losses of model folders as a table, the same windows and holes for each."""
    held_out = read_split(corpus, "valid")
    if not held_out:
        raise TrainingError(f"{corpus} holds no project out; name one with: fairlead train corpus --held-out")
    dtype = choose_dtype("auto", choose_device("auto"))
    measured = {}
    for folder in models:
        network = read_network(folder).to(choose_device("auto"))
        measured[folder.name] = evaluate(network, read_tokenizer(folder), held_out, holes=holes, dtype=dtype)
    return table(measured)


def characters_per_token(tokenizer: Tokenizer, files: Sequence[SourceFile], most: int = 200) -> float:
    """Of the first `most` files; 0 where there are none."""
    texts = [file.text for file in files[:most]]
    tokens = sum(len(found.ids) for found in tokenizer.encode_batch(texts))
    return sum(map(len, texts)) / tokens if tokens else 0.0


