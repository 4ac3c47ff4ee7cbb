"""Fill-in-the-middle tokens are found, and prompts end with what is being typed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fairlead.decoding.fakes import byte_tokenizer
from fairlead.decoding.infilling import Infilling, PromptOrder, find_infilling, prompt_overhead, prompt_tokens
from fairlead.decoding.model import Model

PREFIX, SUFFIX, CONTEXT = [70, 71], [80, 81, 82], [90]
INSIDE = Infilling(1, 2, 3)
AHEAD = Infilling(1, 2, 3, suffix_first="ahead")
NO_MIDDLE = Infilling(1, 2, None, suffix_first="ahead")


@pytest.mark.parametrize(
    ("sentinels", "orders", "suffix_first"),
    [
        (["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"], ("psm",), "inside"),
        (["<fim_prefix>", "<fim_suffix>", "<fim_middle>"], ("psm", "spm"), "inside"),
        (["<fim-prefix>", "<fim-suffix>", "<fim-middle>"], ("psm", "spm"), "inside"),
        (["▁<PRE>", "▁<SUF>", "▁<MID>"], ("psm", "spm"), "inside"),
        (["<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"], ("psm",), "inside"),
        (["<[fim-prefix]>", "<[fim-suffix]>", "<[fim-middle]>"], ("spm",), "ahead"),
        (["[PREFIX]", "[SUFFIX]"], ("spm",), "ahead"),
    ],
)
def test_every_familys_tokens_are_found(
    sentinels: list[str], orders: tuple[PromptOrder, ...], suffix_first: str
) -> None:
    tokenizer = byte_tokenizer(special=("<|endoftext|>", *sentinels))
    found = find_infilling(tokenizer)
    assert found is not None
    middle = 259 if len(sentinels) == 3 else None
    assert (found.prefix, found.suffix, found.middle) == (257, 258, middle)
    assert (found.trained, found.suffix_first) == (orders, suffix_first)


def test_sentinels_that_are_only_spelled_do_not_count() -> None:
    assert find_infilling(byte_tokenizer(["<fim_prefix"], special=("<|endoftext|>",))) is None
    assert find_infilling(byte_tokenizer(special=("<fim_prefix>", "<fim_middle>"))) is None


def test_what_ends_a_middle_is_found_too() -> None:
    tokenizer = byte_tokenizer(special=("▁<PRE>", "▁<SUF>", "▁<MID>", "▁<EOT>"))
    found = find_infilling(tokenizer)
    assert found is not None
    assert found.ends == (259,)
    assert found.ids == {256, 257, 258, 259}


@pytest.mark.parametrize(
    ("infilling", "order", "expected"),
    [
        (None, "spm", [90, 70, 71]),
        (INSIDE, "left_to_right", [90, 70, 71]),
        (INSIDE, "psm", [90, 1, 70, 71, 2, 80, 81, 82, 3]),
        (INSIDE, "spm", [90, 1, 2, 80, 81, 82, 3, 70, 71]),
        (AHEAD, "spm", [90, 2, 80, 81, 82, 1, 70, 71, 3]),
        (NO_MIDDLE, "spm", [90, 2, 80, 81, 82, 1, 70, 71]),
        (NO_MIDDLE, "psm", [90, 2, 80, 81, 82, 1, 70, 71]),
    ],
)
def test_layouts(infilling: Infilling | None, order: PromptOrder, expected: list[int]) -> None:
    assert prompt_tokens(infilling, order, PREFIX, SUFFIX, CONTEXT) == expected
    assert prompt_tokens(infilling, order, PREFIX, SUFFIX, CONTEXT, bos_id=5) == [5, *expected]
    tokens_of_ours = len(expected) - len(PREFIX + CONTEXT) - (len(SUFFIX) if 80 in expected else 0)
    assert tokens_of_ours <= prompt_overhead(infilling, order)


def test_without_a_suffix_there_is_nothing_to_fill_in() -> None:
    assert prompt_tokens(INSIDE, "psm", PREFIX, [], CONTEXT) == [90, 70, 71]


@pytest.mark.parametrize("infilling", [None, INSIDE, NO_MIDDLE])
@pytest.mark.parametrize("order", ["left_to_right", "spm"])
def test_typing_only_appends(infilling: Infilling | None, order: PromptOrder) -> None:
    before = prompt_tokens(infilling, order, PREFIX, SUFFIX, CONTEXT)
    assert prompt_tokens(infilling, order, [*PREFIX, 72, 73], SUFFIX, CONTEXT) == [*before, 72, 73]


@pytest.mark.parametrize(
    ("architecture", "order"),
    [("llama", "psm"), ("qwen2", "psm"), ("starcoder2", "psm"), ("gpt_bigcode", "psm"), ("codegen", "left_to_right")],
)
def test_a_loaded_model_knows_its_format(tiny: Callable[[str], Model], architecture: str, order: str) -> None:
    model = tiny(architecture)
    assert model.prompt_order == order
    assert (model.infilling is None) == (order == "left_to_right")
    if model.infilling is not None:
        assert model.infilling.ids <= model.special_ids
        assert set(model.infilling.ends) <= model.eos_ids
