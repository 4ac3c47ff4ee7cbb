"""The automaton finds what a search through the text finds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fairlead.decoding.suffix import SuffixAutomaton

Tokens = st.lists(st.integers(0, 3), max_size=40)


def first_end(text: list[int], part: list[int]) -> int:
    """Where the first occurrence of `part` ends, -1 where there is none."""
    return next((at + len(part) for at in range(len(text) - len(part) + 1) if text[at : at + len(part)] == part), -1)


@given(Tokens, Tokens)
def test_the_longest_end_and_its_first_occurrence(text: list[int], query: list[int]) -> None:
    automaton = SuffixAutomaton(text)
    length, begin = automaton.longest(query)
    expected = max(size for size in range(len(query) + 1) if first_end(text, query[len(query) - size :]) >= 0)
    assert length == expected
    if length:
        assert begin == first_end(text, query[len(query) - length :])
    assert automaton.following(begin, 5) == text[begin : begin + 5]


@given(Tokens, Tokens, Tokens)
def test_growing_equals_building_anew(text: list[int], more: list[int], query: list[int]) -> None:
    grown = SuffixAutomaton(text)
    grown.longest(query)
    for token in more:
        grown.extend(token)
    assert grown.longest(query) == SuffixAutomaton(text + more).longest(query)
    assert len(grown) == len(text) + len(more)


def test_two_states_a_token_at_most() -> None:
    automaton = SuffixAutomaton([1, *[2] * 50, 3, *[1, 2] * 50])
    assert len(automaton._next) <= 2 * len(automaton)
