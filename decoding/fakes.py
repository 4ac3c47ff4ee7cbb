"""Stand-ins for a model and its tokenizer, so that everything above the engine is tested without weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE

from .decoder import Decoder
from .engine import common_prefix
from .model import Model
from .vocabulary import Vocabulary, byte_letters

END_OF_TEXT = "<|endoftext|>"
FILL_IN_THE_MIDDLE = ("<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>")

_CERTAIN = 12.0
"""Logit of the token a script wants next; the others have 0, and tokens that begin it less."""


def byte_tokenizer(words: Sequence[str] = (), special: Sequence[str] = (END_OF_TEXT, *FILL_IN_THE_MIDDLE)) -> Tokenizer:
    """A real byte-level BPE tokenizer: id b is byte b, then one id for each of `words` and its beginnings, then
    `special`.

    Every word is one token wherever it stands (".append" swallows the dot, "():\\n" three signs and a line end), since
    nothing is split beforehand, and text that spells a special token is text, as with `load`; where words overlap, the
    earlier in `words` wins. Words may share beginnings.
    """
    letters = byte_letters()
    vocabulary = {letter: byte for byte, letter in enumerate(letters)}
    merges: list[tuple[str, str]] = []
    for word in words:
        spelled = [letters[byte] for byte in word.encode()]
        for size in range(2, len(spelled) + 1):
            start, whole = "".join(spelled[: size - 1]), "".join(spelled[:size])
            if whole not in vocabulary:
                vocabulary[whole] = len(vocabulary)
                merges.append((start, spelled[size - 1]))
    tokenizer = Tokenizer(BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in special])
    tokenizer.encode_special_tokens = True
    return tokenizer


def end_id(tokenizer: Tokenizer) -> int:
    """The id that ends a text."""
    found = tokenizer.token_to_id(END_OF_TEXT)
    assert found is not None
    return found


class FakeEngine(ABC):
    """An `Engine` without a network: what comes next is a function of the tokens so far.

    `passes` counts the calls that would have run the model, `read` the tokens they would have read.
    """

    def __init__(self, vocab_size: int, context_tokens: int = 1024) -> None:
        self.vocab_size = vocab_size
        self.context_tokens = context_tokens
        self.pass_rows = 64
        self.row_cost = 0.1
        self.passes = self.read = 0
        self._committed: tuple[int, ...] = ()
        self._paths: list[tuple[int, ...]] = []  # ids from the committed end to each node
        self._parents: list[int] = []

    @abstractmethod
    def logits(self, tokens: tuple[int, ...]) -> torch.Tensor:
        """`(V,)`: what follows `tokens`."""

    @property
    def tokens(self) -> tuple[int, ...]:
        return self._committed

    def prefill(self, tokens: Sequence[int], stop: Callable[[], bool] | None = None) -> torch.Tensor | None:
        wanted = tuple(tokens)
        if not wanted:
            raise ValueError("prefill needs at least one token")
        self._check_room(len(wanted))
        common = min(common_prefix(self._committed, wanted), len(wanted) - 1)
        self.crop(common)
        if stop is not None and stop():
            return None
        self._count(len(wanted) - common)
        self._committed = wanted
        return self.logits(wanted)

    def step(self, ids: Sequence[int]) -> torch.Tensor:
        if not ids:
            raise ValueError("step needs at least one token")
        self._check_room(len(self._committed) + len(ids))
        self.crop(len(self._committed))
        self._count(len(ids))
        start = len(self._committed)
        self._committed += tuple(ids)
        return torch.stack([self.logits(self._committed[: start + i + 1]) for i in range(len(ids))])

    def score_tree(self, parents: Sequence[int], ids: Sequence[int]) -> torch.Tensor:
        if not ids or len(parents) != len(ids):
            raise ValueError("A tree needs as many parents as ids, and at least one")
        paths = list(self._paths)
        for parent, token in zip(parents, ids, strict=True):
            if not -1 <= parent < len(paths):
                raise ValueError(f"Node {len(paths)} cannot have parent {parent}")
            paths.append(((*paths[parent], token)) if parent >= 0 else (token,))
        self._check_room(len(self._committed) + max(map(len, paths)))
        self._count(len(ids))
        new = paths[len(self._paths) :]
        self._paths, self._parents = paths, [*self._parents, *parents]
        return torch.stack([self.logits(self._committed + path) for path in new])

    def commit(self, path: Sequence[int]) -> None:
        expected = -1
        for node in path:
            if not 0 <= node < len(self._paths) or self._parents[node] != expected:
                raise ValueError(f"Node {node} does not follow node {expected}")
            expected = node
        self._committed += self._paths[path[-1]] if path else ()
        self._paths, self._parents = [], []

    def crop(self, length: int) -> None:
        if not 0 <= length <= len(self._committed):
            raise ValueError(f"Cannot keep {length} of {len(self._committed)} tokens")
        self._committed = self._committed[:length]
        self._paths, self._parents = [], []

    def foreseen(self, length: int) -> list[int]:
        return []

    def _count(self, tokens: int) -> None:
        self.passes += 1
        self.read += tokens

    def _check_room(self, positions: int) -> None:
        if positions > self.context_tokens:
            raise ValueError(f"{positions} positions do not fit the model's {self.context_tokens}")


class UniformEngine(FakeEngine):
    """Finds every token equally likely."""

    def logits(self, tokens: tuple[int, ...]) -> torch.Tensor:
        return torch.zeros(self.vocab_size)


class ScriptedEngine(FakeEngine):
    """Wants to write a script: where the text ends in a key, and in what was written of its value, the rest is likely.

    `ScriptedEngine(tokenizer, {"items.": "append(1)\\n"})` writes `append(1)` after any text that ends in `items.`,
    goes on after `items.app`, however that was tokenised, and wants the end of the text behind it. The longest match
    wins. A plain string is a script for the text that begins with it. Special tokens in the text are no text.
    Elsewhere every token is equally likely.

    The token that the tokenizer itself would write next is the likeliest, shorter beginnings of the script less so.
    """

    def __init__(self, tokenizer: Tokenizer, script: str | Mapping[str, str], context_tokens: int = 1024) -> None:
        super().__init__(tokenizer.get_vocab_size(with_added_tokens=True), context_tokens)
        self._tokenizer = tokenizer
        scripts = {"": script} if isinstance(script, str) else script
        self._scripts = [(key.encode(), value.encode()) for key, value in scripts.items()]
        self._is_anchored = isinstance(script, str)
        self._bytes = token_bytes(tokenizer)
        self._end = tokenizer.token_to_id(END_OF_TEXT)

    def logits(self, tokens: tuple[int, ...]) -> torch.Tensor:
        row = torch.zeros(self.vocab_size)
        rest = self._rest(b"".join(self._bytes[token] for token in tokens))
        if rest is None:
            return row
        if not rest:
            if self._end is not None:
                row[self._end] = _CERTAIN
            return row
        for token, text in enumerate(self._bytes):
            if text and rest.startswith(text):
                row[token] = _CERTAIN / 2 * len(text) / len(rest)
        canonical = self._tokenizer.encode(rest.decode(errors="ignore"), add_special_tokens=False).ids
        if canonical and rest.startswith(self._bytes[canonical[0]]):
            row[canonical[0]] = _CERTAIN
        return row

    def _rest(self, text: bytes) -> bytes | None:
        """What the best matching script still has to write behind `text`; None when none matches."""
        best: tuple[int, bytes] | None = None
        for key, value in self._scripts:
            for written in range(len(value), -1, -1):
                done = key + value[:written]
                if text == done if self._is_anchored else text.endswith(done):
                    if best is None or len(done) > best[0]:
                        best = len(done), value[written:]
                    break
        return best[1] if best else None


class SecondThoughts(ScriptedEngine):
    """Wants to write the script; of what else it could write, the second script is likeliest, where it applies."""

    def __init__(self, tokenizer: Tokenizer, script: str | Mapping[str, str], second: Mapping[str, str]) -> None:
        super().__init__(tokenizer, script)
        self._second = ScriptedEngine(tokenizer, second)

    def logits(self, tokens: tuple[int, ...]) -> torch.Tensor:
        return super().logits(tokens) + self._second.logits(tokens) / 2


class BabblingEngine(FakeEngine):
    """Writes what looks like `text`, at random: which token follows which was counted there, the rest is dice.

    What follows is a function of `seed` and the last three tokens, so taking back and writing again gives the same.
    """

    def __init__(self, tokenizer: Tokenizer, text: str, seed: int, context_tokens: int = 1024) -> None:
        super().__init__(tokenizer.get_vocab_size(with_added_tokens=True), context_tokens)
        self._seed = seed
        self._end = tokenizer.token_to_id(END_OF_TEXT)
        self._followers: dict[int, list[int]] = {}
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        for before, after in pairwise(ids):
            self._followers.setdefault(before, []).append(after)

    def logits(self, tokens: tuple[int, ...]) -> torch.Tensor:
        dice = torch.Generator().manual_seed(hash((self._seed, tokens[-3:])) & 0x7FFFFFFF)
        row = torch.randn(self.vocab_size, generator=dice)
        followers = self._followers.get(tokens[-1], [])
        row.index_add_(0, torch.tensor(followers, dtype=torch.long), torch.full((len(followers),), 0.5))
        row[list(set(followers))] += 6.0
        if self._end is not None:
            row[self._end] += 1.0
        return row


def decoder_of(tokenizer: Tokenizer, engine: FakeEngine) -> Decoder:
    """A decoder with a stand-in for its engine."""
    end = end_id(tokenizer)
    model = Model(
        "fake", Path(), None, tokenizer, "cpu", "float32", engine.vocab_size, engine.context_tokens, 1,
        eos_ids=frozenset({end}), special_ids=frozenset({end}),
    )  # fmt: skip
    return Decoder(model, engine, Vocabulary.of(tokenizer, engine.vocab_size, [end], [end]))


def token_bytes(tokenizer: Tokenizer) -> list[bytes]:
    """The bytes each id of a byte-level tokenizer writes; nothing for added tokens."""
    byte_of = {letter: byte for byte, letter in enumerate(byte_letters())}
    added = tokenizer.get_added_tokens_decoder()
    texts = [tokenizer.id_to_token(token) or "" for token in range(tokenizer.get_vocab_size(with_added_tokens=True))]
    return [b"" if token in added else bytes(byte_of[letter] for letter in text) for token, text in enumerate(texts)]
