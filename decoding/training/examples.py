"""What the model is shown: windows of files read left to right, and holes laid out as the server lays its prompts out.

Every batch is a function of the seed and its number alone, so a run that is resumed sees what it would have seen, and
any number of workers may make batches ahead.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from tokenizers import Tokenizer

from ...monitors.errors import CorpusError
from ..infilling import Infilling, PromptOrder, find_infilling, prompt_tokens
from ..prompt import CONTEXT_SHARE, SUFFIX_SHARE
from ..vocabulary import Vocabulary
from .corpus import SourceFile
from .infill import KINDS, Hole, HoleKind, find_holes
from .outlines import Outlines
from .tokenizer import END_OF_TEXT

IGNORED = -100
"""A label that is not learnt."""

MOST_CHARACTERS_PER_TOKEN = 5
FEWEST_TOKENS = 48
"""A shorter rest of a row is padded."""


@dataclass(frozen=True)
class Mix:
    """Shares of what is shown; the rest is read left to right. `middle_weight`: of a middle's tokens in the loss, where
    all others have 1."""

    infilling: float = 0.6
    psm: float = 0.5
    middle_weight: float = 2.0
    outline: float = 0.2
    """Share of examples that begin with an outline of what their file imports from its project, where there is one."""
    outline_characters: int = 600


@dataclass(frozen=True)
class Example:
    """Token ids, and where the middle begins (its end of text included); `len(ids)` when there is none.

    The first `context` tokens are text of other files, and are not learnt.
    """

    ids: list[int]
    middle: int
    kind: HoleKind | None = None
    context: int = 0


@dataclass(frozen=True)
class Batch:
    """`ids` and `labels` are (rows, length), labels moved by one; `weights` (rows, length) float32."""

    ids: torch.Tensor
    labels: torch.Tensor
    weights: torch.Tensor


class Examples:
    """Draws batches from files. Files are chosen by their size, so that every character is as likely as any other."""

    def __init__(self, files: Sequence[SourceFile], tokenizer: Tokenizer, mix: Mix, length: int, rows: int, seed: int) -> None:
        self._texts = [file.text for file in files]
        self._ends = list(accumulate(len(text) for text in self._texts))
        if not self._ends:
            raise CorpusError("The corpus has no file in this half")
        self._lay_out = Layout(tokenizer)
        self._outlines = Outlines(files, mix.outline_characters)
        self._mix, self._length, self._rows, self._seed = mix, length, rows, seed
        if mix.infilling and self._lay_out.infilling is None:
            raise CorpusError("The tokenizer has no fill-in-the-middle tokens; give --infilling 0")

    @property
    def tokens_per_batch(self) -> int:
        return self._rows * self._length

    @property
    def characters(self) -> int:
        return self._ends[-1]

    def __getitem__(self, number: int) -> Batch:
        """Batch `number`."""
        chance = random.Random(f"{self._seed}:{number}")
        filled = [self._row(chance) for _ in range(self._rows)]
        ids, labels, weights = zip(*filled, strict=True)
        return Batch(torch.tensor(ids), torch.tensor(labels), torch.tensor(weights, dtype=torch.float32))

    def _row(self, chance: random.Random) -> tuple[list[int], list[int], list[float]]:
        ids: list[int] = []
        weights: list[float] = []
        while self._length + 1 - len(ids) >= FEWEST_TOKENS:
            example = self._draw(chance, self._length + 1 - len(ids))
            ids += example.ids
            weights += [0.0] * example.context + [1.0] * (example.middle - example.context)
            weights += [self._mix.middle_weight] * (len(example.ids) - example.middle)
        padding = self._length + 1 - len(ids)
        labels = ids[1:] + [IGNORED] * padding
        return (ids + [self._lay_out.end] * padding)[:-1], labels, (weights[1:] + [0.0] * padding)

    def _draw(self, chance: random.Random, room: int) -> Example:
        for _ in range(20):
            number, at = self._place(chance)
            text = self._texts[number]
            context = self._outlines.of(number) if chance.random() < self._mix.outline else ""
            if chance.random() < self._mix.infilling:
                order: PromptOrder = "psm" if chance.random() < self._mix.psm else "spm"
                kind = chance.choices(list(KINDS), weights=list(KINDS.values()))[0]
                found = self._lay_out.infilled(text, at, kind, order, chance.randint(min(room, 128), room), chance, context)
                if found is None:
                    continue
            else:
                found = self._lay_out.read(text, at, room, context)
            if 1 < len(found.ids) <= room:
                return found
        return self._lay_out.read(self._texts[0], 0, room)

    def _place(self, chance: random.Random) -> tuple[int, int]:
        position = chance.randrange(self._ends[-1])
        number = bisect_right(self._ends, position)
        return number, position - (self._ends[number - 1] if number else 0)


class Layout:
    """Lays texts out for one tokenizer, with the functions the server uses."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.infilling: Infilling | None = find_infilling(tokenizer)
        self.end = end_id(tokenizer)
        self.vocabulary = Vocabulary.of(tokenizer, tokenizer.get_vocab_size(), [self.end], [])

    def context_ids(self, context: str, room: int) -> list[int]:
        """The tokens of an outline, cut to the server's share of the room."""
        return self.vocabulary.encode(context)[: int(room * CONTEXT_SHARE)] if context else []

    def read(self, text: str, at: int, room: int, context: str = "") -> Example:
        """A window from the line that holds `at` on, of at most `room` tokens; the end of text if the file ends in it."""
        before = self.context_ids(context, room)
        room -= len(before)
        first = text.rfind("\n", 0, at) + 1
        window = text[first : first + room * MOST_CHARACTERS_PER_TOKEN]
        ids = self.vocabulary.encode(window)
        if len(ids) < room and first + len(window) == len(text):
            ids.append(self.end)
        ids = before + ids[:room]
        return Example(ids, len(ids), context=len(before))

    def infilled(
        self, text: str, at: int, kind: HoleKind, order: PromptOrder, room: int, chance: random.Random, context: str = ""
    ) -> Example | None:
        """A hole of `kind` near `at` as a prompt and its middle, in at most `room` tokens; None when there is none."""
        if kind == "import":  # most of them stand at the top
            at %= 2_000
        first, last = _window(text, at, room * MOST_CHARACTERS_PER_TOKEN)
        window = text[first:last]
        # What reaches the end of the window may go on behind it.
        holes = [hole for hole in find_holes(window, kind, chance) if hole.end < len(window) or last == len(text)]
        if not holes:
            return None
        return self.laid_out(window, chance.choice(holes), order, room, context)

    def laid_out(self, text: str, hole: Hole, order: PromptOrder, room: int, context: str = "") -> Example | None:
        """One hole, healed as the server heals: the prompt ends at the last place that no typing can re-tokenise.

        The suffix takes at most the server's share of the room. None when the middle leaves no room for a prompt.
        """
        cut = self.vocabulary.pretoken_start(text, hole.start - 1) if hole.start > 0 else 0
        middle = [*self.vocabulary.encode(text[cut : hole.end]), self.end]
        outline = self.context_ids(context, room)
        budget = room - len(middle) - len(outline) - 3
        if budget < FEWEST_TOKENS // 2:
            return None
        suffix_budget = int(budget * SUFFIX_SHARE)
        behind = text[hole.end : hole.end + suffix_budget * MOST_CHARACTERS_PER_TOKEN]
        suffix = self.vocabulary.encode(behind)[:suffix_budget] if order != "left_to_right" else []
        before = budget - len(suffix)
        start = max(0, cut - before * MOST_CHARACTERS_PER_TOKEN)
        start = text.find("\n", start, cut) + 1 if start else 0  # 0 when there is no line end: the whole is then cut below
        prefix = self.vocabulary.encode(text[start:cut])[-before:]
        prompt = prompt_tokens(self.infilling, order, prefix, suffix, outline)
        return Example([*prompt, *middle], len(prompt), hole.kind, len(outline))


def _window(text: str, at: int, size: int) -> tuple[int, int]:
    """About `size` characters around `at`, from a line that begins at the margin where there is one.

    A parser that starts inside a string takes text for code, and code for text; a line at the margin rarely is in one.
    """
    low = max(0, at - size // 2)
    for _ in range(60):
        if low == 0:
            break
        low = text.rfind("\n", 0, low) + 1
        if text.startswith(("def ", "class ", "async ", "@", "import ", "from ", "if "), low) or low == 0:
            break
        low -= 1
    low = max(0, low)
    return low, min(len(text), max(low, at) + size)


def end_id(tokenizer: Tokenizer) -> int:
    """The id that ends a text or a middle; raises `CorpusError`."""
    found = tokenizer.token_to_id(END_OF_TEXT)
    if found is None:
        raise CorpusError(f"The tokenizer has no {END_OF_TEXT}; train one with: fairlead train tokenizer")
    return found
