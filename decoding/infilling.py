"""Fill-in-the-middle: which tokens a model has for it, and prompts laid out so that typing only appends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tokenizers import Tokenizer

PromptOrder = Literal["left_to_right", "psm", "spm"]
"""What stands before the cursor last, the prefix (`left_to_right`, `spm`) or the suffix (`psm`: prefix, suffix,
middle)."""

SuffixFirst = Literal["inside", "ahead"]
"""How a model writes suffix-prefix-middle: `inside`, PRE SUF suffix MID prefix (most), or `ahead`, SUF suffix PRE
prefix MID."""


@dataclass(frozen=True)
class Infilling:
    """The fill-in-the-middle tokens of one model, as ids.

    `middle` is None where the middle simply follows the prefix (Codestral). `ends` are the ids by which a middle is
    ended, besides the model's own end of text. `trained` are the orders the model is known to have been trained in,
    the better first.
    """

    prefix: int
    suffix: int
    middle: int | None
    ends: tuple[int, ...] = ()
    suffix_first: SuffixFirst = "inside"
    trained: tuple[PromptOrder, ...] = ("psm",)

    @property
    def ids(self) -> frozenset[int]:
        return frozenset({self.prefix, self.suffix, *self.ends} | ({self.middle} if self.middle is not None else set()))


@dataclass(frozen=True)
class _Style:
    prefix: str
    suffix: str
    middle: str
    ends: tuple[str, ...] = ()
    suffix_first: SuffixFirst = "inside"
    trained: tuple[PromptOrder, ...] = ("psm",)


_STYLES = (
    # Qwen2.5-Coder and the default model; CodeGemma (its file separator ends a middle).
    _Style("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", ("<|fim_pad|>", "<|file_sep|>", "<|file_separator|>")),
    # StarCoder, StarCoder2, Granite, StableCode: half of their training was suffix first.
    _Style("<fim_prefix>", "<fim_suffix>", "<fim_middle>", ("<fim_pad>", "<file_sep>"), "inside", ("psm", "spm")),
    _Style("<fim-prefix>", "<fim-suffix>", "<fim-middle>", ("<fim-pad>",), "inside", ("psm", "spm")),  # SantaCoder
    _Style("▁<PRE>", "▁<SUF>", "▁<MID>", ("▁<EOT>",), "inside", ("psm", "spm")),  # CodeLlama
    _Style("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"),  # DeepSeek-Coder
    _Style("<|fim▁begin|>", "<|fim▁hole|>", "<|fim▁end|>"),  # DeepSeek's tokens as some conversions spell them
    _Style("<[fim-prefix]>", "<[fim-suffix]>", "<[fim-middle]>", (), "ahead", ("spm",)),  # Seed-Coder
    _Style("[PREFIX]", "[SUFFIX]", "", (), "ahead", ("spm",)),  # Codestral
    _Style("<|code_prefix|>", "<|code_suffix|>", "<|code_middle|>"),  # GLM-4 code models
)


def find_infilling(tokenizer: Tokenizer) -> Infilling | None:
    """The fill-in-the-middle tokens in a tokenizer's vocabulary, or None.

    Only whole tokens count: text that merely spells a sentinel is never one.
    """
    for style in _STYLES:
        prefix, suffix = tokenizer.token_to_id(style.prefix), tokenizer.token_to_id(style.suffix)
        middle = tokenizer.token_to_id(style.middle) if style.middle else None
        if prefix is None or suffix is None or (style.middle and middle is None):
            continue
        found = (tokenizer.token_to_id(text) for text in style.ends)
        ends = tuple(token for token in found if token is not None)
        return Infilling(prefix, suffix, middle, ends, style.suffix_first, style.trained)
    return None


def prompt_tokens(
    infilling: Infilling | None,
    order: PromptOrder,
    prefix_ids: Sequence[int],
    suffix_ids: Sequence[int] = (),
    context_ids: Sequence[int] = (),
    bos_id: int | None = None,
) -> list[int]:
    """`[bos | context | suffix | prefix]` in the model's own format; what comes next is the middle.

    In every order but `psm` the prefix ends the prompt (a middle token at most stands behind it), so typing only
    appends and the cache is kept. In `psm` the
    suffix and the middle token stand behind the prefix, and are read again at each keystroke. Without
    fill-in-the-middle tokens, or without a suffix, the prompt is left to right.
    """
    start = [*([] if bos_id is None else [bos_id]), *context_ids]
    if infilling is None or order == "left_to_right" or not suffix_ids:
        return [*start, *prefix_ids]
    middle = [] if infilling.middle is None else [infilling.middle]
    if order == "psm" and middle:
        return [*start, infilling.prefix, *prefix_ids, infilling.suffix, *suffix_ids, *middle]
    if infilling.suffix_first == "ahead":
        return [*start, infilling.suffix, *suffix_ids, infilling.prefix, *prefix_ids, *middle]
    return [*start, infilling.prefix, infilling.suffix, *suffix_ids, *middle, *prefix_ids]


def prompt_overhead(infilling: Infilling | None, order: PromptOrder, bos_id: int | None = None) -> int:
    """How many tokens of a prompt are neither context, suffix nor prefix (an upper bound), for budgets."""
    return (bos_id is not None) + (0 if infilling is None or order == "left_to_right" else 3)
