"""Several texts for one place: by best-first search and by particles, under monitors, in shared passes."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
import torch

from fairlead.decoding.best_first import Search
from fairlead.decoding.decoder import Decoder, Ways, heal_at
from fairlead.decoding.fakes import FakeEngine, byte_tokenizer, decoder_of, end_id, token_bytes
from fairlead.decoding.grove import Branch, Grove
from fairlead.decoding.offer import Limits
from fairlead.decoding.particles import effective_size, particles, resampled
from fairlead.decoding.place import prepare
from fairlead.monitors.analysis import Document
from fairlead.monitors.dereference import Dereference
from fairlead.monitors.fixed import FixedAnalysis

WORDS = [".get", ".put", ".gone", "()", "(a)", "x", " + ", "one", "two", "three", "four", "\n", " x", " one"]
TOKENIZER = byte_tokenizer(WORDS)
END = end_id(TOKENIZER)
LEAST = -20.0


class Likely(FakeEngine):
    """A model given as a table: which words follow a text that ends so, and how likely each is; the end follows the rest."""

    def __init__(self, table: Mapping[str, Mapping[str, float]]) -> None:
        super().__init__(TOKENIZER.get_vocab_size(with_added_tokens=True))
        self._table = {key: {TOKENIZER.encode(word).ids[0]: p for word, p in row.items()} for key, row in table.items()}
        self._bytes = token_bytes(TOKENIZER)

    def logits(self, tokens: tuple[int, ...]) -> torch.Tensor:
        text = b"".join(self._bytes[token] for token in tokens).decode("utf-8", "replace")
        row = torch.full((self.vocab_size,), LEAST)
        key = max((key for key in self._table if text.endswith(key)), key=len, default=None)
        for token, probability in ({END: 1.0} if key is None else self._table[key]).items():
            row[token] = math.log(probability)
        return row


CALLS = {
    "a =": {" x": 1.0}, "x": {".get": 0.5, ".put": 0.3, ".gone": 0.2}, ".get": {"()": 0.9, "(a)": 0.1}, ".put": {"(a)": 1.0},
    ".gone": {"()": 1.0}, ")": {" + ": 0.4, "\n": 0.6}, " + ": {"one": 0.6, "two": 0.4}, "one": {"\n": 1.0},
    "two": {"\n": 1.0},
}  # fmt: skip
TEXT = "a = x."
MEMBERS = {"x": ["get", "put"]}
BOLD = Limits(min_token=0.0, min_legal_mass=0.0, max_tokens=12)


def decoder(table: Mapping[str, Mapping[str, float]] = CALLS) -> Decoder:
    return decoder_of(TOKENIZER, Likely(table))


def grove(table: Mapping[str, Mapping[str, float]] = CALLS, *, text: str = TEXT, guided: bool = True) -> Grove:
    made = decoder(table)
    document = Document("/p/a.py", text)
    guide = Dereference(FixedAnalysis(MEMBERS)) if guided else None
    place = prepare(made.model, made.vocabulary, made.engine, document, len(text), heal_at(text, len(text)))
    assert place is not None
    start = guide.start(document, len(text), None) if guide else None
    return Grove(made.model, made.vocabulary, made.engine, place, BOLD, guide, start)


def found(table: Mapping[str, Mapping[str, float]] = CALLS, *, guided: bool = True, count: int = 9) -> dict[str, float]:
    texts = Search(grove(table, guided=guided), 2).run([], count)
    return {branch.text: math.exp(branch.log_prob) for branch in texts}


def test_every_text_is_found_once_with_its_exact_probability_and_nothing_illegal() -> None:
    """The table's own products; `.gone` is no member of x, and behind a call nothing has members to refuse."""
    assert found() == pytest.approx({
        "get()": 0.5 * 0.9 * 0.6, "get(a)": 0.5 * 0.1 * 0.6, "put(a)": 0.3 * 0.6,
        "get() + one": 0.5 * 0.9 * 0.4 * 0.6, "get() + two": 0.5 * 0.9 * 0.4 * 0.4,
        "get(a) + one": 0.5 * 0.1 * 0.4 * 0.6, "get(a) + two": 0.5 * 0.1 * 0.4 * 0.4,
        "put(a) + one": 0.3 * 0.4 * 0.6, "put(a) + two": 0.3 * 0.4 * 0.4,
    }, rel=1e-3)  # fmt: skip


def test_unguided_the_search_finds_what_does_not_exist() -> None:
    assert any(text.startswith("gone") for text in found(guided=False, count=12))


def test_the_likeliest_come_first() -> None:
    assert list(found(count=2)) == ["get()", "put(a)"]


def test_the_known_text_is_not_found_again() -> None:
    known = [TOKENIZER.encode(word).ids[0] for word in (" x", ".get", "()")] + TOKENIZER.encode("\n").ids
    texts = [branch.text for branch in Search(grove(), 2).run(known, 3)]
    assert "get()" not in texts
    assert len(texts) == 3


LONG = {
    "a =": {" x": 1.0}, "x": {".get": 0.6, ".put": 0.4}, ".get": {"()": 1.0}, ".put": {"()": 1.0}, "()": {" + ": 1.0},
    " + ": {"one": 1.0}, "one": {"two": 1.0}, "two": {"three": 1.0}, "three": {"four": 1.0}, "four": {"(a)": 1.0},
    "(a)": {"\n": 1.0},
}  # fmt: skip


def test_texts_that_go_on_alike_are_joined_and_scored_in_one_pass() -> None:
    trees = grove(LONG)
    search = Search(trees, 1)
    texts = {branch.text: math.exp(branch.log_prob) for branch in search.run([], 2)}
    assert texts == pytest.approx({"get() + onetwothreefour(a)": 0.6, "put() + onetwothreefour(a)": 0.4}, rel=1e-3)
    assert search.recombined == 1


def test_branches_share_passes() -> None:
    trees = grove()
    engine = trees._engine
    assert isinstance(engine, FakeEngine)
    before = engine.passes
    swarm = particles(trees, 8, torch.Generator().manual_seed(1))
    longest = max(len(branch.draft.steps) for branch in swarm)
    assert engine.passes - before <= longest


def mean_weights(temperature: float, rounds: int = 400) -> dict[str, float]:
    """The mean weight of each text over many runs of one particle."""
    sums: dict[str, float] = {}
    random = torch.Generator().manual_seed(7)
    trees = grove()
    for _ in range(rounds):
        for branch in particles(trees, 1, random, temperature=temperature):
            sums[branch.text] = sums.get(branch.text, 0.0) + math.exp(branch.log_weight) / rounds
    return sums


def test_weighted_samples_estimate_the_probability_of_each_legal_text() -> None:
    estimated, exact = mean_weights(1.0), found()
    assert set(estimated) <= set(exact)
    assert sum(estimated.values()) == pytest.approx(0.8, abs=0.05)  # the mass of all that does not begin with .gone
    for text, probability in exact.items():
        assert estimated.get(text, 0.0) == pytest.approx(probability, abs=0.06)


def test_resampling_keeps_the_mean_weight_and_follows_the_weights() -> None:
    base = grove().root
    swarm = [Branch(-1, base.draft, base.row, log_weight=math.log(w)) for w in (0.7, 0.2, 0.1, 1e-9)]
    random = torch.Generator().manual_seed(3)
    drawn = resampled(swarm, 1000, random)
    assert sum(math.exp(branch.log_weight) for branch in drawn) == pytest.approx(1.0)
    assert effective_size([branch.log_weight for branch in drawn]) == pytest.approx(1000)
    assert effective_size([0.0, -math.inf]) == pytest.approx(1)
    assert effective_size([]) == 0


@pytest.mark.parametrize("ways", [Ways(), Ways(particles=16, temperature=1.0)])
def test_an_invoked_completion_has_alternatives_that_exist(ways: Ways) -> None:
    guide = Dereference(FixedAnalysis(MEMBERS))
    written = decoder().write(Document("/p/a.py", TEXT), len(TEXT), guide, BOLD, alternatives=4, ways=ways)
    texts = [offer.text for offer in written.offers]
    assert texts[0] == "get()"
    assert len(texts) == len(set(texts)) == 4
    assert all(text.startswith(("get", "put")) for text in texts)
    assert [offer.provenance for offer in written.offers] == ["model, checked"] * 4
    confidences = [offer.confidence for offer in written.offers[1:]]
    assert confidences == sorted(confidences, reverse=True)


def test_one_text_asked_for_is_one_text() -> None:
    written = decoder().write(Document("/p/a.py", TEXT), len(TEXT), Dereference(FixedAnalysis(MEMBERS)), BOLD)
    assert [offer.text for offer in written.offers] == ["get()"]


def test_cancelled_there_are_no_alternatives() -> None:
    calls = iter(range(1_000_000))
    limits = Limits(min_token=0.0, min_legal_mass=0.0, max_tokens=12, stop=lambda: next(calls) > 12)
    guide = Dereference(FixedAnalysis(MEMBERS))
    written = decoder().write(Document("/p/a.py", TEXT), len(TEXT), guide, limits, alternatives=4)
    assert (written.offers, written.reason) == ((), "cancelled")


INTO_A_DEAD_END = {
    "b =": {" x": 1.0}, "x": {".gone": 0.9, " + ": 0.1}, ".gone": {"\n": 1.0}, " + ": {"one": 1.0}, "one": {"\n": 1.0},
}  # fmt: skip


def test_where_the_model_believes_in_no_name_another_way_is_taken() -> None:
    """What it wants behind x does not exist: instead of forcing `get` on it, the text goes on without a dot."""
    limits = Limits(min_token=0.0, min_legal_mass=1e-4, max_tokens=12)
    document = Document("/p/a.py", "b = x")
    unguided = decoder(INTO_A_DEAD_END).write(document, 5, None, limits)
    guided = decoder(INTO_A_DEAD_END).write(document, 5, Dereference(FixedAnalysis(MEMBERS)), limits)
    assert [offer.text for offer in unguided.offers] == [".gone"]
    assert [offer.text for offer in guided.offers] == [" + one"]
