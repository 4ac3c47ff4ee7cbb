"""The fast ranking equals the definition: every name scored by itself, in float32."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

import pytest
import torch

from fairlead.decoding import rank as rank_module
from fairlead.decoding.engine import Engine, engine_for
from fairlead.decoding.fakes import ScriptedEngine, UniformEngine, byte_tokenizer, end_id
from fairlead.decoding.model import Model
from fairlead.decoding.rank import rank
from fairlead.decoding.vocabulary import Vocabulary, continues_identifier

NAMES = ["append", "add", "add_all", "add_all_of_them", "extend", "x", "pop", "popitem", "_private", "__len__", "été"]
ARCHITECTURES = ["llama", "qwen2", "starcoder2", "gpt_bigcode", "codegen"]


def slowly(engine: Engine, vocabulary: Vocabulary, prefix: Sequence[int], stem: str, names: Sequence[str]) -> dict[str, float]:
    """p(stem + name) · p(the name ends there), one name at a time, tokens that cross the end included."""
    scores: dict[str, float] = {}
    starts_word = vocabulary.starts_word.bool()
    for name in names:
        whole = (stem + name).encode()
        row = engine.prefill(prefix)
        assert row is not None
        here, written, total = 0.0, 0, 0.0
        ids = vocabulary.encode(stem + name)
        for token_id in [*ids, None]:
            log_row = torch.log_softmax(row, -1)
            rest = whole[written:]
            if token_id is None:
                total += math.exp(here) * (1.0 - float(log_row[starts_word].exp().sum()))
                break
            for other, text in enumerate(vocabulary.texts):
                if len(text) > len(rest) and text.startswith(rest) and not continues_identifier(text[len(rest) :]):
                    total += math.exp(here + float(log_row[other]))
            here += float(log_row[token_id])
            written += len(vocabulary.texts[token_id])
            row = engine.step([token_id])[-1]
        scores[name] = total
    return scores


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_tree_equals_one_name_at_a_time(architecture: str, tiny: Callable[[str], Model]) -> None:
    """To 1e-5 total variation, on every architecture; Z is the sum over the mass of the dot."""
    model = tiny(architecture)
    engine = engine_for(model)
    vocabulary = Vocabulary.of(model.tokenizer, engine.vocab_size, sorted(model.eos_ids), sorted(model.special_ids))
    prefix = vocabulary.encode("items = []\nitems")
    expected = slowly(engine, vocabulary, prefix, ".", NAMES)
    ready = engine.prefill(prefix)
    assert ready is not None
    ranking = rank(engine, vocabulary, ready, ".", NAMES).ranking
    whole = sum(expected.values())
    variation = sum(abs(math.exp(ranking.log_prob(name)) - expected[name] / whole) for name in NAMES) / 2
    assert variation < 1e-5
    assert ranking.names == tuple(sorted(NAMES, key=lambda name: -expected[name]))
    assert ranking.unseen_mass == 0.0
    assert not ranking.bounded
    log_row = torch.log_softmax(ready, -1)
    dot = float(log_row[torch.from_numpy(vocabulary.starting_with(b"."))].exp().sum())
    assert ranking.legal_mass == pytest.approx(whole / dot, rel=1e-4)


@pytest.mark.parametrize("pass_rows", [1, 3, 50])
@pytest.mark.parametrize("hurried", [True, False])
def test_how_the_passes_are_cut_changes_nothing(tiny: Callable[[str], Model], pass_rows: int, hurried: bool) -> None:
    """Rows of a pass, and their order with a deadline or without; nor whether the logits were kept."""
    model = tiny("llama")
    engine = engine_for(model)
    vocabulary = Vocabulary.of(model.tokenizer, engine.vocab_size, sorted(model.eos_ids), sorted(model.special_ids))
    names = [f"{stem}_{number}" for stem in ("get", "set", "name_of") for number in range(12)]
    ready = engine.prefill(vocabulary.encode("items"))
    assert ready is not None
    expected = rank(engine, vocabulary, ready, ".", names).ranking
    engine.crop(len(engine.tokens))
    engine.pass_rows = pass_rows
    until = time.monotonic() + 1000 if hurried else None
    ranking = rank(engine, vocabulary, ready, ".", names, until=until, stop=lambda: False).ranking
    assert not ranking.bounded
    for name in names:
        assert ranking.log_prob(name) == pytest.approx(expected.log_prob(name), abs=1e-4)
    assert ranking.legal_mass == pytest.approx(expected.legal_mass, rel=1e-4)


def uniform(*words: str) -> tuple[UniformEngine, Vocabulary]:
    tokenizer = byte_tokenizer(words)
    size = tokenizer.get_vocab_size()
    return UniformEngine(size), Vocabulary.of(tokenizer, size, [end_id(tokenizer)], [])


def test_filtering_by_what_is_typed_equals_scoring_anew() -> None:
    engine, vocabulary = uniform(".app", "append", "add")
    ready = engine.prefill([1])
    assert ready is not None
    everything = rank(engine, vocabulary, ready, ".", NAMES).ranking
    engine.crop(1)
    anew = rank(engine, vocabulary, ready, ".", NAMES, typed="add").ranking
    filtered = everything.starting_with("add")
    assert set(filtered.names) == set(anew.names) == {"add", "add_all", "add_all_of_them"}
    for name in anew.names:
        assert filtered.log_prob(name) == pytest.approx(anew.log_prob(name), abs=1e-5)


def test_a_name_that_begins_another_is_not_favoured_for_being_short() -> None:
    """Without the boundary mass `add` would win over `add_all` by its length alone."""
    engine, vocabulary = uniform()
    ready = engine.prefill([1])
    assert ready is not None
    ranking = rank(engine, vocabulary, ready, ".", ["add", "addx"]).ranking
    word = float(vocabulary.starts_word.sum()) / vocabulary.size
    expected = (1 - word) / ((1 - word) + (1 - word) / vocabulary.size)
    assert math.exp(ranking.log_prob("add")) == pytest.approx(expected, rel=1e-4)


def test_what_time_cuts_off_is_bounded_and_marked() -> None:
    engine, vocabulary = uniform()
    ready = engine.prefill([1])
    assert ready is not None
    names = [f"name_{i:04}" for i in range(300)]
    ranking = rank(engine, vocabulary, ready, ".", names, max_nodes=64).ranking
    assert set(ranking.names) == set(names)
    assert ranking.bounded
    assert ranking.unseen_mass > 0
    hurried = rank(engine, vocabulary, ready, ".", names, until=time.monotonic() - 1).ranking
    assert set(hurried.names) == set(names)


@pytest.mark.parametrize("enough", [1, 3])
def test_the_best_names_are_exact_without_running_the_rest(enough: int, tiny: Callable[[str], Model]) -> None:
    model = tiny("llama")
    engine = engine_for(model)
    vocabulary = Vocabulary.of(model.tokenizer, engine.vocab_size, sorted(model.eos_ids), sorted(model.special_ids))
    names = [f"{stem}_{number}" for stem in ("get", "set", "add", "name_of", "x") for number in range(40)]
    ready = engine.prefill(vocabulary.encode("items"))
    assert ready is not None
    everything = rank(engine, vocabulary, ready, ".", names).ranking
    engine.crop(len(engine.tokens))
    best = rank(engine, vocabulary, ready, ".", names, enough=enough).ranking
    finished = [name for name in best.names if name not in best.bounded]
    assert finished[:enough] == list(everything.names[:enough])
    assert best.legal_mass <= everything.legal_mass + 1e-6
    assert best.legal_mass + best.unseen_mass >= everything.legal_mass - 1e-6


def test_the_best_name_takes_fewer_passes_than_writing_it_token_by_token() -> None:
    tokenizer = byte_tokenizer([".", "wait", "_for"])
    engine = ScriptedEngine(tokenizer, {"lock": ".wait_for()"})
    end = end_id(tokenizer)
    vocabulary = Vocabulary.of(tokenizer, engine.vocab_size, [end], [end])
    ready = engine.prefill(vocabulary.encode("lock"))
    assert ready is not None
    passes, read = engine.passes, engine.read
    names = ["wait_for", *(f"acquire_{number}" for number in range(40))]
    ranking = rank(engine, vocabulary, ready, ".", names, enough=1).ranking
    assert (ranking.names[0], "wait_for" in ranking.bounded) == ("wait_for", False)
    assert engine.passes - passes < len(vocabulary.encode(".wait_for"))
    assert engine.read - read <= 2 * len(vocabulary.encode(".wait_for"))


def test_the_order_of_the_names_changes_nothing() -> None:
    engine, vocabulary = uniform("append(", ".add", "_all")
    ready = engine.prefill([1, 2])
    assert ready is not None
    one = rank(engine, vocabulary, ready, ".", NAMES).ranking
    engine.crop(2)
    other = rank(engine, vocabulary, ready, ".", NAMES[::-1]).ranking
    assert {name: one.log_prob(name) for name in NAMES} == pytest.approx({name: other.log_prob(name) for name in NAMES})


def test_a_branch_can_be_continued() -> None:
    engine, vocabulary = uniform("append(", ".app")
    ready = engine.prefill([1])
    assert ready is not None
    scored = rank(engine, vocabulary, ready, ".", ["append", "pop"])
    branch = scored.branch("pop")
    assert branch is not None
    engine.commit(branch.path)
    assert b"".join(vocabulary.texts[token_id] for token_id in engine.tokens[1:]) in (b".pop", b".po")
    assert branch.rows is not None
    assert len(branch.rows) == len(branch.path)


def test_logits_beyond_the_limit_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, vocabulary = uniform()
    engine.pass_rows = 2
    monkeypatch.setattr(rank_module, "KEPT_LOGITS", engine.vocab_size)
    ready = engine.prefill([1])
    assert ready is not None
    scored = rank(engine, vocabulary, ready, ".", ["append", "pop"], stop=lambda: False)
    assert len(scored.rows) == 2
    branch = scored.branch("pop")
    assert branch is not None
    assert branch.rows is None
    assert b"".join(vocabulary.texts[token_id] for token_id in branch.ids) == b".pop"
