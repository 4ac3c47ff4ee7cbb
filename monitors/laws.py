"""The laws of a monitor's state, as a test mixin: give it states, it tries to break them.

Needs hypothesis, which is a test extra; nothing but tests imports this module.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .analysis import Members

PIECES = (
    "a", "ab", "append", "app", "x", "_", "é", "e\u0301", "ﬁ", "名", "𝒳", "1", ".", "..", "...", "()", "(", ")", "[0]",
    "{", "}", " ", "  ", "\t", "\n", "\r\n", "\n    ", "=", "==", ":", ";", ",", "#", "# a.b", "'", '"', "'''", '"""',
    "f'", "rb\"", "f\"{x.", "}\"", "{{", "}}", "\\", "\\\n", "self.", "self.x", "foo.bar(", "3.", "1.5.", "import os.",
    "from . import x", "return ", "return .5", "lambda: ", "😀", "\0", "\ud800",
)  # fmt: skip
"""Text that a model may write, whole tokens and halves of them, with what lexers get wrong."""

texts = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)
"""Strategy for running text."""


class StateLaws:
    """Inherit, and override `states`. Each law is one test, so a broken state shows which it breaks."""

    def states(self) -> Sequence[Any]:
        """States to start from; any position that matters to the monitor."""
        raise NotImplementedError

    def reached(self, text: str) -> list[Any]:
        """The states that `text` leads to, and the starts themselves."""
        found = list(self.states())
        return found + [after for state in found if (after := state.advance(text)) is not None]

    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
    @given(a=texts, b=texts)
    def test_stepping_twice_is_stepping_once(self, a: str, b: str) -> None:
        """`a` then `b` equals `ab`."""
        for state in self.states():
            first = state.advance(a)
            twice = None if first is None else first.advance(b)
            assert twice == state.advance(a + b)

    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
    @given(a=texts, b=texts)
    def test_what_is_refused_stays_refused(self, a: str, b: str) -> None:
        """No continuation makes a refused text right."""
        for state in self.states():
            if state.advance(a) is None:
                assert state.advance(a + b) is None

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
    @given(a=texts)
    def test_every_name_can_be_written_and_followed(self, a: str) -> None:
        """Letter by letter, and then something follows and the text may end."""
        for state in self.reached(a):
            for rest in state.names() or ():
                at = state
                for letter in rest:
                    at = at.advance(letter)
                    assert at is not None, f"{rest!r} cannot be written"
                assert at.may_end, f"the text cannot end behind {rest!r}"
                assert "" in (at.names() or {""}), f"the name cannot end behind {rest!r}"
                assert any(at.advance(end) is not None for end in "( \n).,"), f"nothing may follow {rest!r}"

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
    @given(a=texts, b=texts)
    def test_states_are_values(self, a: str, b: str) -> None:
        """Stepping changes nothing, equal states hash equal, and the same steps give equal states."""
        for state in self.reached(a):
            before = copy.copy(state)
            after, again = state.advance(b), state.advance(b)
            state.names()
            assert state == before
            assert after == again
            assert hash(after) == hash(again)

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
    @given(a=texts, b=texts)
    def test_questions_are_asked_in_order_and_end(self, a: str, b: str) -> None:
        """Each place is asked about once by a monitor, with the text up to it; an open answer refuses nothing."""
        for state in self.reached(a):
            questions = state.questions
            for earlier, later in pairwise(questions):
                assert later.text.startswith(earlier.text)
                forward = (len(later.text) - later.before) - (len(earlier.text) - earlier.before)
                assert forward > 0 or (forward == 0 and later.monitor != earlier.monitor)
            assert all(question.text.endswith(".") for question in questions if question.about == "members")
            for left in range(len(questions), 0, -1):
                assert len(state.questions) == left
                state = state.resolve(Members(reason="unknown"))
                assert state is not None
            assert not state.questions

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
    @given(a=texts, b=texts)
    def test_an_answer_may_come_late(self, a: str, b: str) -> None:
        """Resolving and then writing equals writing and then resolving: running ahead gives the same text."""
        for state in self.reached(a):
            if not state.questions:
                continue
            for closed, store_possible in ((True, False), (False, False), (False, True)):
                names = frozenset({"append", "ab", "a", "x"})
                answer = Members(closed=closed, extra_names=names, store_possible=store_possible)
                resolved = state.resolve(answer)
                early = None if resolved is None else resolved.advance(b)
                ahead = state.advance(b)
                late = None if ahead is None else ahead.resolve(answer)
                assert early == late
