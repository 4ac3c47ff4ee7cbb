"""Training a byte-level BPE tokenizer, with the dot glued to the name behind it or standing alone."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from tokenizers import AddedToken, Regex, Tokenizer, decoders, pre_tokenizers, trainers
from tokenizers.models import BPE

from ...monitors.errors import CorpusError

END_OF_TEXT = "<|endoftext|>"
SPECIAL = (
    END_OF_TEXT, "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>",
)  # fmt: skip
"""Ids 0 to 6, named as in Qwen2.5-Coder."""

Dot = Literal["glued", "isolated"]
"""`.append` is one piece, or two."""

_REST = r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_PATTERNS: dict[Dot, str] = {
    "glued": r"[^\r\n\p{L}\p{N}]?\p{L}+" + _REST,
    # A dot before a letter stands alone, so that it is always the last token before a name.
    "isolated": (
        r"\.(?=[\p{L}_])|[^\r\n\p{L}\p{N}.]?\p{L}+|\p{N}"
        r"| ?(?:[^\s\p{L}\p{N}.]|\.(?![\p{L}_]))+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    ),
}


def train_tokenizer(texts: Iterable[str], size: int = 8_192, dot: Dot = "glued") -> Tokenizer:
    """A tokenizer of `size` entries, the special ones and all 256 bytes among them; raises `CorpusError`."""
    if size < 256 + len(SPECIAL):
        raise CorpusError(f"A tokenizer needs {256 + len(SPECIAL)} entries for the bytes and special tokens alone, not {size}")
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PATTERNS[dot]), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[AddedToken(text, special=True, normalized=False) for text in SPECIAL],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.encode_special_tokens = True
    return tokenizer


def save_tokenizer(tokenizer: Tokenizer, path: Path) -> None:
    """Write `tokenizer.json`; raises `CorpusError` when it cannot be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = path.with_name(path.name + f".{os.getpid()}.tmp")
    try:
        tokenizer.save(str(whole))
        whole.replace(path)
    except Exception as error:  # the library raises bare `Exception`
        whole.unlink(missing_ok=True)
        raise CorpusError(f"{path} cannot be written: {error}") from error


def read_tokenizer(path: Path) -> Tokenizer:
    """A `tokenizer.json`, or the one in a folder, so set that text which spells a special token is text."""
    file = path / "tokenizer.json" if path.is_dir() else path
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:
        raise CorpusError(f"{file} is no tokenizer: {error}") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    return tokenizer
