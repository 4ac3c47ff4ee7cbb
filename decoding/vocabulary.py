"""The vocabulary as bytes: what each token id writes, and fast look-ups by text.

Everything that decides about tokens looks inside them here: `name(` ends an identifier, `.append` starts one, several
ids may write the same bytes, and one token may hold half of a UTF-8 character.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import torch

_METASPACE = "▁"

MOST_KNOWN = 50_000
"""Texts whose beginnings are remembered (10 MB): the same names come again and again."""


class Vocabulary:
    """The tokens of one tokenizer, built once per model and shared by all requests.

    `size` is the number of logits (the embedding may have more rows than the tokenizer has tokens; those rows are never
    allowed). `texts[id]` are the bytes an id writes, empty for special tokens and padding rows. `end_ids` end a text.
    """

    def __init__(self, texts: Sequence[bytes], end_ids: Sequence[int] = (), *, tokenizer: Any = None) -> None:
        self.texts = tuple(texts)
        self.size = len(self.texts)
        self.end_ids = np.array(sorted(set(end_ids)), dtype=np.int64)
        self._tokenizer = tokenizer
        written = [token_id for token_id, text in enumerate(self.texts) if text]
        written.sort(key=self.texts.__getitem__)
        self._sorted_ids = np.array(written, dtype=np.int64)
        self._sorted_texts = [self.texts[token_id] for token_id in written]
        self.longest = max(map(len, self._sorted_texts), default=0)
        self._known: dict[bytes, tuple[int, ...]] = {}  # what begins a text, of texts asked about before

    @classmethod
    def of(cls, tokenizer: Any, size: int, end_ids: Sequence[int], special_ids: Sequence[int]) -> Vocabulary:
        """The vocabulary of a `tokenizers.Tokenizer`; `size` logits rows."""
        silent = frozenset(special_ids) | frozenset(end_ids)
        return cls(token_bytes(tokenizer, size, silent), end_ids, tokenizer=tokenizer)

    def starting_with(self, head: bytes) -> np.ndarray:
        """Ids whose bytes start with `head` (all ids that write something, for an empty head)."""
        low = bisect_left(self._sorted_texts, head)
        high = bisect_left(self._sorted_texts, _after(head)) if head.strip(b"\xff") else len(self._sorted_texts)
        return self._sorted_ids[low:high]

    def spelling(self, text: bytes) -> np.ndarray:
        """Ids that write exactly `text`; often one, sometimes several."""
        low = bisect_left(self._sorted_texts, text)
        high = low
        while high < len(self._sorted_texts) and self._sorted_texts[high] == text:
            high += 1
        return self._sorted_ids[low:high]

    def prefixes_of(self, text: bytes) -> list[int]:
        """Ids whose bytes are a non-empty prefix of `text`, the whole included."""
        found: list[int] = []
        for length in range(1, min(len(text), self.longest) + 1):
            found.extend(self.spelling(text[:length]).tolist())
        return found

    def prefixes_of_all(self, texts: Iterable[bytes]) -> set[int]:
        """Ids whose bytes are a non-empty prefix of any of `texts`; the work hardly depends on the vocabulary's size."""
        known = self._known
        found: set[int] = set()
        for text in texts:
            ids = known.get(text)
            if ids is None:
                if len(known) >= MOST_KNOWN:
                    known.clear()
                ids = known[text] = self._prefixes.of_text(text)
            found.update(ids)
        return found

    @cached_property
    def _prefixes(self) -> _Prefixes:
        return _Prefixes.of(self._sorted_texts, self._sorted_ids.tolist())

    @cached_property
    def ends_name(self) -> np.ndarray:
        """Sorted ids of what can follow a whole name where anything may: no more of the name, and no broken UTF-8."""
        return np.array([i for i in self.non_word_ids if is_text(self.texts[i])], dtype=np.int64)

    @cached_property
    def ends_name_by_first(self) -> dict[str, list[int]]:
        """`ends_name` by the first character."""
        found: dict[str, list[int]] = {}
        for token_id in self.ends_name.tolist():
            found.setdefault(self.texts[token_id].decode("utf-8", "ignore")[0], []).append(token_id)
        return found

    @cached_property
    def starts_word(self) -> torch.Tensor:
        """(V,) float32, 1 where a token begins by continuing an identifier, 0 elsewhere (special tokens: 0)."""
        flags = [1.0 if text and continues_identifier(text) else 0.0 for text in self.texts]
        return torch.tensor(flags, dtype=torch.float32)

    def word_mass(self, logits: torch.Tensor) -> float:
        """The probability, by (V,) logits, that what comes next lengthens the identifier that stands before it."""
        return float(torch.dot(torch.softmax(logits.float(), -1), self.starts_word))

    @cached_property
    def non_word_ids(self) -> list[int]:
        """Ids that write something that does not continue an identifier."""
        return [token_id for token_id, text in enumerate(self.texts) if text and not continues_identifier(text)]

    @cached_property
    def across_end(self) -> dict[bytes, np.ndarray]:
        """Tokens that finish an identifier and go on (`append(`), by the part that belongs to it (`append`).

        The part may begin with the characters before the name (`).append(` is found under `).append`).
        """
        found: dict[bytes, list[int]] = {}
        for token_id, text in enumerate(self.texts):
            head = identifier_head(text)
            if head and len(head) < len(text):
                found.setdefault(head, []).append(token_id)
        return {head: np.array(ids, dtype=np.int64) for head, ids in found.items()}

    def encode(self, text: str) -> list[int]:
        """The canonical tokens of `text` standing by itself, no special tokens added."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """`encode` of each text."""
        return [list(e.ids) for e in self._tokenizer.encode_batch(list(texts), add_special_tokens=False)]

    def pretoken_start(self, text: str, at: int) -> int:
        """Where the pre-token that holds the character `text[at]` begins; tokens never reach across such a place.

        Without a pre-tokenizer that splits (SentencePiece), the start of the identifier that ends there, and one
        character more, is taken: merges across that are possible but rare.
        """
        splitter = getattr(self._tokenizer, "pre_tokenizer", None)
        if splitter is not None:
            # A line and its predecessor are enough: no pre-token reaches further back, but newlines glue to what ends
            # the line before.
            window = text.rfind("\n", 0, max(0, text.rfind("\n", 0, at))) + 1
            window = max(window, at - 400)
            pieces = splitter.pre_tokenize_str(text[window : at + 1])
            if len(pieces) > 1:
                return int(window + pieces[-1][1][0])
        start = at
        while start > 0 and (text[start - 1].isalnum() or text[start - 1] == "_"):
            start -= 1
        return max(0, start - 1)


@dataclass(frozen=True)
class _Prefixes:
    """Which tokens begin which: `tokens` are the different texts in order, `parents[n]` the longest other token that
    begins token n (-1: none), `lines[n]` the ids of all that begin it, itself included, `fences` where the tokens with
    the same first three bytes begin and end.
    """

    tokens: list[bytes]
    parents: list[int]
    lines: list[tuple[int, ...]]
    fences: dict[bytes, tuple[int, int]]

    def of_text(self, text: bytes) -> tuple[int, ...]:
        """Ids whose bytes are a non-empty prefix of `text`."""
        low, high = self.fences.get(text[:3], (0, len(self.tokens)))
        # The last token in order that is not behind the text: every token that begins the text begins this one.
        node = bisect_right(self.tokens, text, low, high) - 1
        while node >= 0:
            if text.startswith(self.tokens[node]):
                return self.lines[node]
            node = self.parents[node]
        return ()

    @classmethod
    def of(cls, texts: Sequence[bytes], ids: Sequence[int]) -> _Prefixes:
        """From texts in order, and the id of each."""
        made = cls([], [], [], {})
        above: list[int] = []  # the tokens that begin the last one, shortest first, itself included
        for text, token_id in zip(texts, ids, strict=True):
            node = len(made.tokens)
            if made.tokens and made.tokens[-1] == text:
                made.lines[-1] = (*made.lines[-1], token_id)
                continue
            while above and not text.startswith(made.tokens[above[-1]]):
                above.pop()
            # A copy lies beside its neighbours in memory, where the search goes.
            made.tokens.append(bytes(memoryview(text)))
            made.parents.append(above[-1] if above else -1)
            made.lines.append((*(made.lines[above[-1]] if above else ()), token_id))
            above.append(node)
            if len(text) >= 3:
                low, _ = made.fences.get(text[:3], (node, node))
                made.fences[text[:3]] = low, node + 1
        return made


def is_text(text: bytes) -> bool:
    """Whether bytes are UTF-8, half a character at their end allowed."""
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.end == len(text) and error.reason == "unexpected end of data"
    return True


def continues_identifier(text: bytes) -> bool:
    """Whether bytes written right after an identifier would continue it. Half a character counts as continuing."""
    first = text[0]
    if first < 0x80:
        return first == 0x5F or chr(first).isalnum()
    length = 2 if first < 0xE0 else 3 if first < 0xF0 else 4
    try:
        return ("a" + text[:length].decode("utf-8")).isidentifier()
    except UnicodeDecodeError:
        return True


def identifier_head(text: bytes) -> bytes:
    """The bytes up to the end of the first identifier in `text`; empty when no identifier ends or begins there.

    `append(` -> `append`, `).append(x` -> `).append`, `(` -> ``.
    """
    try:
        characters = text.decode("utf-8")
    except UnicodeDecodeError as error:
        characters = text[: error.start].decode("utf-8", "ignore")
    begun = False
    for position, character in enumerate(characters):
        word = character == "_" or ("a" + character).isidentifier()
        if begun and not word:
            return characters[:position].encode("utf-8")
        begun = begun or word
    return characters.encode("utf-8") if begun else b""


def token_bytes(tokenizer: Any, size: int, special_ids: frozenset[int]) -> list[bytes]:
    """What each of `size` ids writes. Knows byte-level BPE and SentencePiece with byte fallback; else it decodes."""
    kind = type(tokenizer.decoder).__name__ if tokenizer.decoder is not None else ""
    names = [tokenizer.id_to_token(token_id) for token_id in range(size)]
    added = {token_id for token_id, token in tokenizer.get_added_tokens_decoder().items() if token.special}
    from_letter = {letter: byte for byte, letter in enumerate(byte_letters())}
    texts: list[bytes] = []
    for token_id, name in enumerate(names):
        if name is None or token_id in special_ids or token_id in added:
            texts.append(b"")
        elif kind == "ByteLevel":
            try:
                texts.append(bytes(from_letter[letter] for letter in name))
            except KeyError:  # an added token, written as it stands
                texts.append(name.encode("utf-8", "replace"))
        elif len(name) == 6 and name.startswith("<0x"):
            texts.append(bytes([int(name[3:5], 16)]))
        elif _METASPACE in name:
            texts.append(name.replace(_METASPACE, " ").encode("utf-8", "replace"))
        elif kind == "Sequence":
            texts.append(name.encode("utf-8", "replace"))
        else:
            texts.append(tokenizer.decode([token_id]).encode("utf-8", "replace"))
    return texts


def _after(head: bytes) -> bytes:
    """The smallest bytes greater than everything that starts with `head`."""
    trimmed = head.rstrip(b"\xff")
    return trimmed[:-1] + bytes([trimmed[-1] + 1])


@lru_cache(1)
def byte_letters() -> tuple[str, ...]:
    """The printable letter that byte-level tokenizers (GPT-2's and all after it) write for each byte.

    Printable Latin-1 stands for itself, the rest follows from U+0100 on.
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in set(printable)]
    letters = {byte: chr(byte) for byte in printable} | {byte: chr(256 + i) for i, byte in enumerate(others)}
    return tuple(letters[byte] for byte in range(256))
