"""Drafts change how many passes a text takes, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairlead.decoding.decoder import Decoder
from fairlead.decoding.engine import Engine, TorchEngine, engine_for
from fairlead.decoding.fakes import ScriptedEngine, UniformEngine, byte_tokenizer, decoder_of, end_id
from fairlead.decoding.model import Model
from fairlead.decoding.offer import Limits, Offer
from fairlead.decoding.plain import PlainEngine
from fairlead.decoding.speculation import MOST_DRAFTED, Drafts, Speculation, draft_length
from fairlead.decoding.vocabulary import Vocabulary
from fairlead.monitors.analysis import Document
from fairlead.monitors.dereference import Dereference
from fairlead.monitors.fixed import FixedAnalysis

Tiny = Callable[[str], Model]
LINE = [20, 30, 40, 50, 60, 70]


def never() -> bool:
    return False


def vocabulary_of(engine: Engine, model: Model) -> Vocabulary:
    return Vocabulary.of(model.tokenizer, engine.vocab_size, sorted(model.eos_ids), sorted(model.special_ids))


def byte_vocabulary() -> Vocabulary:
    tokenizer = byte_tokenizer()
    return Vocabulary.of(tokenizer, tokenizer.get_vocab_size(), [end_id(tokenizer)], [])


def decoder_for(tiny: Tiny, architecture: str = "llama") -> Decoder:
    model = tiny(architecture)
    engine = engine_for(model)
    return Decoder(model, engine, vocabulary_of(engine, model))


TEXTS = (
    "items = []\nitems.append(1)\nitems.append(2)\nitems.", "def total(items):\n    return items\n\n\ndef total(it",
    "from pathlib import Path\n\nfrom path", "    for item in items:\n        items.append(item)\n    for item",
)  # fmt: skip
FREELY = Limits(max_tokens=24, min_token=0.0, min_legal_mass=0.0, whole=False, multiline=True)


@pytest.mark.parametrize("architecture", ["llama", "qwen2", "starcoder2", "gpt_bigcode", "mamba"])
@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_the_same_text_with_drafts_and_without(tiny: Tiny, architecture: str, temperature: float) -> None:
    """In float32, greedy and sampled; each text twice, so that the second time all of it is drafted."""
    decoder = decoder_for(tiny, architecture)
    guide = Dereference(FixedAnalysis({"items": ["append", "add", "pop"]}))
    for text in TEXTS * 2:
        document = Document("/p/a.py", text)
        written = [
            decoder.write(
                document, len(text), guide, replace(FREELY, draft=draft, temperature=temperature), automatic=False,
            ).offers
            for draft in (True, False)
        ]  # fmt: skip
        assert [offer.text for offer in written[0]] == [offer.text for offer in written[1]]
        for ours, theirs in zip(*written, strict=True):
            assert ours.probability == pytest.approx(theirs.probability, rel=1e-3)
    assert (decoder.drafts.accepted > 0) == (architecture != "mamba")


def test_a_text_written_again_takes_fewer_passes() -> None:
    tokenizer = byte_tokenizer()
    engine = ScriptedEngine(tokenizer, {"x = ": "some_function(argument)\n"})
    decoder = decoder_of(tokenizer, engine)

    def write() -> tuple[Offer, int]:
        before = engine.passes
        offers = decoder.write(Document("/p/a.py", "x = "), 4, None, Limits()).offers
        return offers[0], engine.passes - before

    first, plain = write()
    for _ in range(4):
        again, drafted = write()
        assert again == first
    assert first.text == "some_function(argument)"
    assert drafted < plain / 3


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 5), min_size=1, max_size=30), st.integers(0, 2**31))
def test_every_step_gives_the_logits_behind_the_text(tiny: Tiny, choices: list[int], seed: int) -> None:
    """Whatever is drafted, taken and taken back, the rows are those of an engine that only steps."""
    model = tiny("llama")
    drafts = Drafts()
    drafts.go_on(LINE * 3)
    ahead, plain = TorchEngine(model), TorchEngine(model)
    random = torch.Generator().manual_seed(seed)
    prompt = LINE[:3]
    ahead.prefill(prompt)
    plain.prefill(prompt)
    speculation = Speculation(ahead, vocabulary_of(ahead, model), drafts)
    for choice in choices:
        if choice == 5:
            size = int(torch.randint(len(prompt), len(plain.tokens) + 1, (1,), generator=random))
            speculation.crop(size)
            plain.crop(size)
        else:
            at = LINE.index(plain.tokens[-1]) if plain.tokens[-1] in LINE else 0
            token = LINE[(at + 1) % len(LINE)] if choice else int(torch.randint(5, 370, (1,), generator=random))
            row = speculation.step(token, 20, one_line=False)
            torch.testing.assert_close(row, plain.step([token])[0], atol=2e-5, rtol=1e-5)


def test_a_draft_ends_with_the_line_and_the_text_and_its_limit() -> None:
    vocabulary = byte_vocabulary()
    drafts = Drafts()
    drafts.go_on(list(b"abcdefg\nhij"))
    engine = UniformEngine(vocabulary.size)

    def read_with(token: str, most: int, *, one_line: bool = True) -> int:
        engine.prefill(list(b"ab"))
        before = engine.read
        Speculation(engine, vocabulary, drafts).step(ord(token), most, one_line=one_line)
        return engine.read - before

    assert read_with("c", 0) == 1
    assert read_with("c", 2) == 3
    assert read_with("c", 15) == 5  # c and defg
    assert read_with("c", 15, one_line=False) > 5
    engine.context_tokens = 4
    assert read_with("c", 15) == 2
    plain = Speculation(engine, vocabulary, None)
    engine.prefill(list(b"ab"))
    before = engine.read
    plain.step(ord("c"), 1)
    assert engine.read - before == 1


def test_the_open_documents_are_searched_and_never_across_their_ends() -> None:
    vocabulary, drafts = byte_vocabulary(), Drafts()
    drafts.remember({"a.py": "first_name()", "b.py": "second_name()"}, vocabulary, never)
    assert bytes(drafts.draft(b"x = first", 0.01, 15)[0]) == b"_name()"
    assert bytes(drafts.draft(b"x = second_na", 0.01, 2)[0]) == b"me"
    drafts.remember({"b.py": "other"}, vocabulary, lambda: True)
    assert drafts.draft(b"x = first", 0.01, 15)[0]
    drafts.remember({"b.py": "other"}, vocabulary, never)
    assert not drafts.draft(b"x = first", 0.01, 15)[0]


def test_what_was_seen_last_is_drafted() -> None:
    drafts = Drafts()
    drafts.read(tuple(b"self.first\n"))
    drafts.read(tuple(b"self.first\nself.second"))
    assert bytes(drafts.draft(b"self.", 0.01, 15)[0]) == b"second"
    assert bytes(drafts.draft(b"fi", 0.01, 3)[0]) == b"rst"
    drafts.learn(ord("s"))
    assert bytes(drafts.draft(b"second", 0.01, 15)[0]) == b"s"


def test_of_the_latest_places_the_longest_match_counts() -> None:
    drafts = Drafts()
    drafts.go_on(list(b"first(abc) then_second(abc]"))
    assert bytes(drafts.draft(b"first(abc", 0.01, 1)[0]) == b")"
    assert bytes(drafts.draft(b"else(abc", 0.01, 1)[0]) == b"]"


def test_drafts_that_are_wrong_become_short_and_grow_again() -> None:
    drafts = Drafts()
    drafts.go_on(list(range(40)))

    def length() -> int:
        return len(drafts.draft([1, 2, 3], 0.2, MOST_DRAFTED)[0])

    begun = length()
    for _ in range(20):
        drafts.judged(("gram", 3), 5, 0)
    assert length() == 0
    declined = 1
    while length() == 0:
        declined += 1
    assert declined < 50  # now and then it is tried again
    for _ in range(40):
        drafts.judged(("gram", 3), 5, 5)
    assert length() > begun


@pytest.mark.parametrize(("acceptance", "row_cost"), [(0.5, 0.07), (0.9, 0.07), (0.9, 0.3), (0.2, 0.3), (0.6, 0.02)])
def test_no_other_length_gives_more_tokens_for_the_time(acceptance: float, row_cost: float) -> None:
    def gain(count: int) -> float:
        return sum(acceptance**i for i in range(count + 1)) / (1 + row_cost * count)

    assert gain(draft_length(acceptance, row_cost)) == pytest.approx(max(map(gain, range(MOST_DRAFTED + 1))))


def test_engines_that_cannot_take_back_get_no_drafts(tiny: Tiny) -> None:
    model = tiny("mamba")
    engine = engine_for(model)
    assert isinstance(engine, PlainEngine)
    drafts = Drafts()
    drafts.go_on(LINE * 3)
    engine.prefill(LINE[:2])
    Speculation(engine, vocabulary_of(engine, model), drafts).step(LINE[2], 10)
    assert engine.tokens == tuple(LINE[:3])


def test_a_text_that_repeats_itself_is_drafted_beyond_its_end() -> None:
    for period in (b"x", b"ab", b"0, "):
        drafts = Drafts()
        text = b"begin " + period * 5
        drafts.go_on(text[:-1])
        draft = bytes(drafts.draft(text, 0.001, 12)[0])
        assert draft == (period * 12)[:12]
