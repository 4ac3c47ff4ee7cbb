"""The stand-ins behave like what they stand for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.decoding.fakes import (
    END_OF_TEXT,
    FakeEngine,
    ScriptedEngine,
    UniformEngine,
    byte_tokenizer,
    token_bytes,
)


class Counted(FakeEngine):
    """What comes next is one more than the sum of what was read, so that every token matters."""

    def logits(self, tokens: tuple[int, ...]) -> torch.Tensor:
        return torch.nn.functional.one_hot(torch.tensor((sum(tokens) + 1) % self.vocab_size), self.vocab_size).float()


@given(st.text())
def test_the_byte_tokenizer_gives_back_every_text(text: str) -> None:
    tokenizer = byte_tokenizer([".append", "import ", "é", "():\n"])
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    assert tokenizer.decode(ids) == text
    assert b"".join(token_bytes(tokenizer)[token] for token in ids) == text.encode()


def test_without_words_a_token_is_a_byte() -> None:
    tokenizer = byte_tokenizer()
    assert tokenizer.encode("aπ\n", add_special_tokens=False).ids == list("aπ\n".encode())
    assert tokenizer.token_to_id(END_OF_TEXT) == 256


def test_a_word_is_one_token_that_swallows_the_dot() -> None:
    tokenizer = byte_tokenizer([".append", ".app"])
    assert tokenizer.encode("x.append(", add_special_tokens=False).tokens == ["x", ".append", "("]
    assert tokenizer.encode("x.apply", add_special_tokens=False).tokens == ["x", ".app", "l", "y"]


def test_text_that_spells_a_special_token_is_text() -> None:
    tokenizer = byte_tokenizer(["ab"])
    prefix = tokenizer.token_to_id("<|fim_prefix|>")
    assert prefix is not None
    assert prefix not in tokenizer.encode("<|fim_prefix|>ab", add_special_tokens=False).ids
    assert token_bytes(tokenizer)[prefix] == b""


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["prefill", "step", "tree", "commit", "crop"]), st.integers(0, 2**31))))
def test_a_fake_engine_keeps_the_promises_of_an_engine(
    follow_steps: Callable[..., None], steps: list[tuple[str, int]]
) -> None:
    follow_steps(Counted(373), lambda: Counted(373), steps)


def test_stopped_before_it_read_anything() -> None:
    engine = UniformEngine(300)
    assert engine.prefill([1, 2, 3], lambda: True) is None
    assert engine.tokens == ()
    logits = engine.prefill([1, 2, 3], lambda: False)
    assert logits is not None
    assert set(logits.tolist()) == {0.0}
    assert (engine.passes, engine.read) == (1, 3)
    engine.prefill([1, 2, 3, 4])
    assert (engine.passes, engine.read) == (2, 4)


def write(engine: ScriptedEngine, tokenizer: Any, text: str, before: Sequence[int] = (), tokens: int = 20) -> str:
    """The greedy continuation of `text`."""
    logits = engine.prefill([*before, *tokenizer.encode(text, add_special_tokens=False).ids])
    assert logits is not None
    written: list[int] = []
    while len(written) < tokens and int(logits.argmax()) != tokenizer.token_to_id(END_OF_TEXT):
        written.append(int(logits.argmax()))
        logits = engine.step(written[-1:])[0]
    return str(tokenizer.decode(written))


@pytest.mark.parametrize("words", [(), (".append", "(item)"), ("items.a", "ppend", ")\n")])
@pytest.mark.parametrize("typed", ["", "a", "appe", "append(item"])
def test_a_script_is_written_however_it_was_begun_and_tokenised(words: tuple[str, ...], typed: str) -> None:
    tokenizer = byte_tokenizer(words)
    engine = ScriptedEngine(tokenizer, {"items.": "append(item)\n", "s.": "wrong"})
    assert write(engine, tokenizer, f"for item in other:\n    items.{typed}") == "append(item)\n"[len(typed) :]


def test_a_plain_script_is_anchored_to_the_start() -> None:
    tokenizer = byte_tokenizer(["import"])
    engine = ScriptedEngine(tokenizer, "import os\n")
    assert write(engine, tokenizer, "im") == "port os\n"
    engine.prefill(tokenizer.encode("x = im").ids)
    assert set(engine.logits(engine.tokens).tolist()) == {0.0}


def test_sentinels_in_the_prompt_do_not_hide_the_text() -> None:
    tokenizer = byte_tokenizer()
    engine = ScriptedEngine(tokenizer, {"x = ": "1\n"})
    assert write(engine, tokenizer, "x = ", before=[256, 257, 259, ord("y"), 258]) == "1\n"


def test_shorter_beginnings_of_the_script_are_likely_too() -> None:
    """A mask that takes the canonical token away still lets the script be written, letter by letter."""
    tokenizer = byte_tokenizer([".append"])
    engine = ScriptedEngine(tokenizer, {"x": ".append("})
    logits = engine.prefill(tokenizer.encode("x").ids)
    assert logits is not None
    ranked = [tokenizer.id_to_token(int(token)) for token in logits.argsort(descending=True)[:4]]
    assert ranked == [".append", ".appen", ".appe", ".app"]
    assert logits[ord("q")] == 0
