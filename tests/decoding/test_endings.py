"""Ghost text ends where it is no longer likely enough to be right: behind a word, and where Python may end."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch

from fairlead.decoding.draft import Draft
from fairlead.decoding.endings import Ending, endings
from fairlead.decoding.fakes import ScriptedEngine, byte_tokenizer, decoder_of
from fairlead.decoding.offer import Limits, Offer, trim
from fairlead.monitors.analysis import Document
from fairlead.monitors.monitor import FREE, Answer, Question, State

WORDS = ["self", ".host", "(arr", ")", "name", "_of", "\n"]


def draft(*tokens: tuple[str, float | None], forced: str = "", state: State = FREE) -> Draft:
    """A draft of tokens, each with its probability; behind `name` a word goes on with 0.4, elsewhere with 0."""
    made = Draft(forced.encode(), state)
    for number, (text, probability) in enumerate(tokens):
        word_mass = 0.4 if number and tokens[number - 1][0].endswith("name") else 0.0
        log_prob = None if probability is None else math.log(probability)
        made.add(number, text.encode(), torch.tensor([word_mass]), state, log_prob)
    return made


def found(made: Draft, text: str, goes_on: float | None = None) -> list[Ending]:
    return list(endings(made, text, goes_on, lambda row: float(row[0])))


def shown(made: Draft, text: str, limits: Limits, *, checked: bool = False) -> Offer:
    """What is shown of the beginning `text` of a draft behind `x = `."""
    return trim(
        made, text, "end_of_line", Document("/p/a.py", "x = \n"), 4, limits, checked=checked,
        word_mass=lambda row: float(row[0]),
    )  # fmt: skip


def test_the_probability_of_an_ending_is_that_of_its_tokens() -> None:
    ends = found(draft(("self", 0.8), (".host", 0.5), ("(arr)", 0.5)), "self.host(arr)")
    assert [end.length for end in ends] == [4, 9, 14]
    assert [end.probability for end in ends] == pytest.approx([0.8, 0.4, 0.2])
    assert ends[2].confidence == pytest.approx(0.2 ** (1 / 3))


def test_a_word_that_may_go_on_may_not_end_here() -> None:
    ends = found(draft(("name", 0.5), (".host", 1.0)), "name.host", goes_on=0.25)
    assert [end.probability for end in ends] == pytest.approx([0.5 * 0.6, 0.5 * 0.75])


@pytest.mark.parametrize(
    ("tokens", "text", "lengths"),
    [
        ([("name", 0.9), ("_of", 0.9), (".x", 0.9)], "name_of.x", [7, 9]),
        ([("self", 0.9), (".na", None), ("me()", 0.9)], "self.name()", [4, 11]),
        ([("x", 0.9), (" = ", 0.9), ("1", 0.9)], "x = 1", [1, 3, 5]),
        ([("name(", 0.9), ("x))", 0.9)], "name(x)", [5, 7]),
        ([("  ", 0.9), ("x", 0.9)], "  x", [3]),
        ([("x", 0.9)], "", []),
    ],
    ids=["inside a word", "inside a drawn name", "blanks at the end", "a text cut inside a token", "blanks alone", "no text"],
)
def test_a_text_ends_behind_whole_tokens_and_words(
    tokens: list[tuple[str, float | None]], text: str, lengths: list[int]
) -> None:
    assert [end.length for end in found(draft(*tokens), text)] == lengths


def test_what_the_document_has_already_is_no_part_of_an_ending() -> None:
    ends = found(draft((".ho", 0.1), ("st", 0.8), ("()", 0.5), forced=".ho"), "st()")
    assert [end.length for end in ends] == [2, 4]
    assert [end.probability for end in ends] == pytest.approx([0.8, 0.4])


CALL = (("self", 0.9), (".host", 0.9), ("(arr", 0.4), (")", 1.0))


@pytest.mark.parametrize(
    ("least", "text", "stopped"),
    [
        (0.0, "self.host(arr)", "end_of_line"),
        (0.3, "self.host(arr)", "end_of_line"),
        (0.5, "self.host", "confidence"),
        (0.85, "self", "confidence"),
        (0.95, "", "confidence"),
    ],
)
def test_the_longest_text_that_is_sure_enough_is_shown(least: float, text: str, stopped: str) -> None:
    offer = shown(draft(*CALL), "self.host(arr)", Limits(min_confidence=least))
    assert (offer.text, offer.stopped) == (text, stopped)
    assert offer.probability >= least or not offer.text


@pytest.mark.parametrize(("probability", "text"), [(0.9, "self"), (0.3, "self"), (0.25, ""), (0.1, "")])
def test_what_saves_nothing_is_not_shown(probability: float, text: str) -> None:
    assert shown(draft(("self", probability)), "self", Limits(min_expected=1.0)).text == text


def test_what_is_sure_enough_must_be_whole_too() -> None:
    """`self.host(arr` is sure, and `self.host(arr)` not: the text ends before the bracket."""
    made = draft(("self", 0.9), (".host", 0.9), ("(arr", 0.9), (")", 0.1))
    assert shown(made, "self.host(arr)", Limits(min_confidence=0.5)).text == "self.host"
    assert shown(made, "self.host(arr)", Limits(min_confidence=0.5, whole=False)).text == "self.host(arr"


@dataclass(frozen=True)
class NeverEnds:
    """A monitor's state that refuses every end."""

    closed: bool = False
    may_end: bool = True
    questions: tuple[Question, ...] = ()

    def advance(self, text: str) -> NeverEnds | None:
        return self

    def names(self) -> frozenset[str] | None:
        return None

    def resolve(self, answer: Answer) -> NeverEnds | None:
        return self

    def finish(self, rest: str) -> NeverEnds | None:
        return None


def test_a_text_is_not_cut_where_a_monitor_refuses_its_end() -> None:
    made = draft(*CALL, state=NeverEnds())
    assert shown(made, "self.host(arr)", Limits(min_confidence=0.5)).text == "self.host"
    assert shown(made, "self.host(arr)", Limits(min_confidence=0.5), checked=True).text == ""


class Doubting(ScriptedEngine):
    """Gives what it wants to write behind an opening bracket a probability of 0.3 only."""

    def logits(self, tokens: tuple[int, ...]) -> torch.Tensor:
        row = super().logits(tokens)
        if b"(arr" not in b"".join(self._bytes[token] for token in tokens):
            return row
        return torch.full_like(row, math.log(0.7 / len(row))).index_fill(0, row.argmax(), math.log(0.3))


def test_nothing_is_written_behind_what_will_be_shown() -> None:
    tokenizer = byte_tokenizer(WORDS)
    passes = []
    for least in (0.0, 0.25):
        engine = Doubting(tokenizer, {"x = ": "self.host(arr)name_of\n"})
        document = Document("/p/a.py", "x = \n")
        written = decoder_of(tokenizer, engine).write(document, 4, None, Limits(min_confidence=least, draft=False, whole=False))
        passes.append(engine.passes)
        assert [offer.text for offer in written.offers] == ["self.host(arr)name_of" if not least else "self.host(arr)"]
    assert passes[1] < passes[0]
