"""`fairlead train …`: the stages of `decoding/training` as commands."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any


def add_train(commands: Any) -> None:
    """Add `train` and its stages to the parser's commands."""
    train = commands.add_parser("train", help="make a model from folders of source: corpus, tokenizer, model")
    stages = train.add_subparsers(required=True, metavar="STAGE")

    corpus = stages.add_parser("corpus", help="filter, check and deduplicate sources")
    corpus.add_argument("folder", type=Path, help="where the corpus is written")
    corpus.add_argument("source", type=Path, nargs="+", help="a folder, a wheel or an sdist: one project each")
    corpus.add_argument("--held-out", action="append", default=[], metavar="NAME", help="a project to validate on")
    corpus.add_argument("--exclude", type=Path, metavar="FILE", help="names never to take, one a line (name==version will do)")
    corpus.add_argument("--any-licence", action="store_true", help="for sources of your own: do not check licences")
    corpus.add_argument("--exact-only", action="store_true", help="do not look for near-duplicates (needs no datasketch)")
    corpus.add_argument("--most", type=float, default=0, metavar="MB", help="characters to keep of one project, in millions")
    corpus.set_defaults(run=_corpus)

    tokenizer = stages.add_parser("tokenizer", help="train a byte-level BPE tokenizer on a corpus")
    tokenizer.add_argument("corpus", type=Path)
    tokenizer.add_argument("file", type=Path, help="the tokenizer.json to write")
    tokenizer.add_argument("--size", type=int, default=8_192)
    tokenizer.add_argument("--dot", choices=("glued", "isolated"), default="glued", help="whether `.append` is one piece")
    tokenizer.set_defaults(run=_tokenizer)

    model = stages.add_parser("model", help="train a model; the same command again goes on where it stopped")
    model.add_argument("corpus", type=Path)
    model.add_argument("folder", type=Path, help="the model folder to write; the run lies beside it, in FOLDER.run")
    model.add_argument("--init", type=Path, help="a model folder to start from, its tokenizer included")
    model.add_argument("--tokenizer", type=Path, help="a tokenizer.json; trained on the corpus otherwise")
    model.add_argument("--size", default="8m", help="tiny, 8m, 25m or 90m")
    model.add_argument("--context", type=int, default=1_024, help="longest context in tokens")
    model.add_argument("--shard-mb", type=int, default=4_000, help="largest weights file")
    model.set_defaults(run=_model)

    heads = stages.add_parser("heads", help="train heads that draft, for a model that does not change")
    heads.add_argument("corpus", type=Path)
    heads.add_argument("folder", type=Path, help="the model folder to add them to")
    heads.set_defaults(run=_heads, init=None, tokenizer=None, size="", context=0, shard_mb=4_000)
    for stage in (model, heads):
        _run_options(stage)

    evaluate = stages.add_parser("evaluate", help="held-out losses of model folders, by kind")
    evaluate.add_argument("corpus", type=Path)
    evaluate.add_argument("model", type=Path, nargs="+")
    evaluate.add_argument("--holes", type=int, default=60, help="holes of each kind")
    evaluate.set_defaults(run=_evaluate)


def _run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--minutes", type=float, default=0, help="time budget; the learning rate ends with it")
    parser.add_argument("--tokens", type=float, default=0, metavar="M", help="token budget in millions")
    parser.add_argument("--rows", type=int, default=8, help="rows of a batch")
    parser.add_argument("--micro-rows", type=int, default=4, help="rows that go through the network at once")
    parser.add_argument("--length", type=int, default=0, help="tokens of a row; the context otherwise")
    parser.add_argument("--rate", type=float, default=0, help="peak learning rate; chosen by what is trained otherwise")
    parser.add_argument("--infilling", type=float, default=0.6, help="share of examples with a hole")
    parser.add_argument("--outlines", type=float, default=0.2, help="share that begins with an outline of its imports")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=0, help="processes that make batches; one a core with a GPU")
    parser.add_argument("--checkpoint-seconds", type=float, default=120)
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))


def _corpus(options: argparse.Namespace) -> int:
    from ..decoding.training.corpus import build_corpus, read_names, summary

    excluded = read_names(options.exclude) if options.exclude else []
    reports = build_corpus(
        options.folder, options.source, held_out=options.held_out, excluded=excluded,
        any_licence=options.any_licence, nearly=not options.exact_only, most_characters=int(options.most * 1e6),
    )  # fmt: skip
    print(summary(reports))
    return 0


def _tokenizer(options: argparse.Namespace) -> int:
    from ..decoding.training.corpus import read_split
    from ..decoding.training.tokenizer import save_tokenizer, train_tokenizer

    files = read_split(options.corpus, "train")
    save_tokenizer(train_tokenizer((file.text for file in files), options.size, options.dot), options.file)
    print(f"{options.file}: trained on {len(files)} files")
    return 0


def _order(options: argparse.Namespace) -> Any:
    from ..decoding.training.release import Order

    return Order(
        corpus=options.corpus, folder=options.folder, init=options.init, tokenizer=options.tokenizer, size=options.size,
        context_tokens=options.context, seconds=options.minutes * 60, tokens=int(options.tokens * 1e6), rows=options.rows,
        micro_rows=options.micro_rows, length=options.length, rate=options.rate, infilling=options.infilling,
        outlines=options.outlines, seed=options.seed, workers=options.workers,
        checkpoint_seconds=options.checkpoint_seconds, shard_bytes=options.shard_mb * 1_000_000, device=options.device,
    )  # fmt: skip


def _model(options: argparse.Namespace) -> int:
    from ..decoding.training.release import make_model

    folder = make_model(_order(options), _Lines(), _warn)
    print(f"{folder} is ready. Try it: fairlead complete --model {folder} FILE:LINE:COLUMN")
    return 0


def _heads(options: argparse.Namespace) -> int:
    from ..decoding.training.release import add_heads

    print(add_heads(_order(options), _Lines(), _warn))
    return 0


def _warn(text: str) -> None:
    print(f"fairlead: {text}", file=sys.stderr)


def _evaluate(options: argparse.Namespace) -> int:
    from ..decoding.training.release import compare

    print(compare(options.corpus, options.model, options.holes))
    return 0


class _Lines:
    """Prints a line of progress every five seconds."""

    def __init__(self) -> None:
        self._printed_at = float("-inf")

    def __call__(self, progress: Any) -> None:
        if time.monotonic() - self._printed_at < 5:
            return
        self._printed_at = time.monotonic()
        left = "" if progress.left_s is None else f", {progress.left_s / 60:.0f} min left"
        print(
            f"step {progress.step}: loss {progress.loss:.3f}, {progress.tokens / 1e6:.2f} M tokens, "
            f"{progress.tokens_per_s:,.0f} tokens/s, rate {progress.rate:.1e}{left}",
            flush=True,
        )
