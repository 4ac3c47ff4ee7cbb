"""From a text and a cursor to prompt tokens, laid out so that typing only appends to them.

Healing: the model must not be held to the accidental tokenisation of a half-typed text. The prompt ends at the last
place that no continuation can re-tokenise; what was cut off (`forced`) must be written again before anything new.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..monitors.edits import Chunk
from .context import context_ids
from .infilling import prompt_tokens
from .model import Model
from .vocabulary import Vocabulary

CHARACTERS_PER_TOKEN = 3
"""A low guess for code (the default tokenizer: 3.8), to cut a window out of a large file before tokenising it."""

SUFFIX_SHARE = 0.25
"""Share of the budget that the text behind the cursor may take, in fill-in-the-middle orders."""


CONTEXT_SHARE = 0.25
"""Share of the budget that text from other files may take."""


@dataclass(frozen=True)
class Prompt:
    """Tokens to prefill, and what the model must write first.

    `cut` is the offset in the document where generation begins; `forced` is the document's text from there to the
    cursor. Line ends are "\n" for the model, whatever the document has.
    """

    tokens: tuple[int, ...]
    cut: int
    forced: str

    def stem(self, typed: str) -> str:
        """What of `forced` stands before a name of which `typed` is already there."""
        return self.forced[: len(self.forced) - len(typed)]


def lay_out(
    model: Model, vocabulary: Vocabulary, text: str, offset: int, heal_at: int, budget: int, context: str = "",
    chunks: Sequence[Chunk] = (), path: str = "",
) -> Prompt:  # fmt: skip
    """The prompt for a cursor at `offset`, generation beginning at or before `heal_at` (≤ offset).

    `budget` bounds the tokens of the prompt; `context` and what fits of `chunks` stand before everything
    (`context.py`), and `path` names the file to models that know files. The window is moved in large steps, so that
    most keystrokes keep its start and with it the KV cache.
    """
    cut = vocabulary.pretoken_start(text, heal_at - 1 if heal_at == offset else heal_at) if heal_at > 0 else 0
    infills = model.infilling is not None and model.prompt_order != "left_to_right"
    suffix_budget = int(budget * SUFFIX_SHARE) if infills else 0
    suffix_ids: list[int] = []
    if infills:
        behind = unix(text[offset : offset + suffix_budget * CHARACTERS_PER_TOKEN])
        suffix_ids = vocabulary.encode(behind)[:suffix_budget]
    share = int(budget * CONTEXT_SHARE)
    before = context_ids(vocabulary, model.file_separator, unix(context), chunks, path, share)
    room = max(8, budget - len(before) - len(suffix_ids) - 8)
    first = window_start(text, cut, room * CHARACTERS_PER_TOKEN)
    prefix_ids = vocabulary.encode(unix(text[first:cut]))
    if len(prefix_ids) > room:
        step = max(1, room // 4)
        prefix_ids = prefix_ids[-(-(len(prefix_ids) - room) // step) * step :]
    tokens = prompt_tokens(model.infilling if infills else None, model.prompt_order, prefix_ids, suffix_ids, before)
    if model.bos_id is not None and not infills:
        tokens = [model.bos_id, *tokens]
    if not tokens:  # an empty file: the model needs something to start from
        tokens = [model.bos_id if model.bos_id is not None else sorted(model.eos_ids)[0]]
    return Prompt(tuple(tokens), cut, unix(text[cut:offset]))


def unix(text: str) -> str:
    """`text` with every line end written as the model knows it."""
    return text.replace("\r\n", "\n")


def window_start(text: str, end: int, length: int) -> int:
    """Where a window of at most `length` characters before `end` begins: at a line, and stable while `end` grows.

    It moves once per quarter of the window, so typing does not shift the prompt.
    """
    if end <= length:
        return 0
    step = max(1, length // 4)
    first = -(-(end - length) // step) * step
    line = text.find("\n", first, end)
    return line + 1 if 0 <= line < first + step else first
