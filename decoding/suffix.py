"""A suffix automaton over token ids: the longest end of a text that occurs in another one, in constant time a token.

After Blumer and others (1985): states are classes of substrings that end at the same places, a link leads to the
longest suffix in another class. Grows online; about two states and 400 bytes for a token.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class SuffixAutomaton:
    """All substrings of the tokens it was extended with."""

    def __init__(self, tokens: Iterable[int] = ()) -> None:
        self._tokens: list[int] = []
        self._next: list[dict[int, int]] = [{}]  # state -> token -> state
        self._link: list[int] = [-1]
        self._length: list[int] = [0]  # of the longest substring of a state
        self._end: list[int] = [0]  # how many tokens stand before the end of its first occurrence
        self._last = 0
        for token in tokens:
            self.extend(token)

    def __len__(self) -> int:
        return len(self._tokens)

    def extend(self, token: int) -> None:
        """Append one token."""
        self._tokens.append(token)
        transitions, links, lengths = self._next, self._link, self._length
        state, new = self._last, self._state(lengths[self._last] + 1, {}, len(self._tokens))
        while state >= 0 and token not in transitions[state]:
            transitions[state][token] = new
            state = links[state]
        if state < 0:
            links[new] = 0
        else:
            target = transitions[state][token]
            if lengths[target] != lengths[state] + 1:
                # The shorter substrings of the target now end at more places than its longest: they part.
                copy = self._state(lengths[state] + 1, dict(transitions[target]), self._end[target])
                links[copy], links[target] = links[target], copy
                while state >= 0 and transitions[state].get(token) == target:
                    transitions[state][token] = copy
                    state = links[state]
                target = copy
            links[new] = target
        self._last = new

    def longest(self, tokens: Sequence[int]) -> tuple[int, int]:
        """How many of the last of `tokens` occur here in a row, and where what follows their first occurrence
        begins."""
        state = length = 0
        for token in tokens:
            while state and token not in self._next[state]:
                state = self._link[state]
                length = self._length[state]
            if token in self._next[state]:
                state = self._next[state][token]
                length += 1
        return length, self._end[state]

    def following(self, begin: int, count: int) -> list[int]:
        """At most `count` tokens from `begin` on."""
        return self._tokens[begin : begin + count]

    def _state(self, length: int, transitions: dict[int, int], end: int) -> int:
        self._next.append(transitions)
        self._link.append(-1)
        self._length.append(length)
        self._end.append(end)
        return len(self._next) - 1
