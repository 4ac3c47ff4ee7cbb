"""The laws bite: for each, a state that breaks just it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from fairlead.monitors.dereference import DereferenceState
from fairlead.monitors.laws import StateLaws
from fairlead.monitors.monitor import Answer

NAMES = frozenset({"append", "ab"})


class Forgetful(DereferenceState):
    """Looks at each piece of text by itself, and takes short ones."""

    def advance(self, text: str) -> Any:
        return replace(self, text=self.text + text) if len(text) < 4 else None


class Forgiving(DereferenceState):
    """Takes back a refusal when the text goes on."""

    def advance(self, text: str) -> Any:
        return None if len(text) == 1 else self


class Unreachable(DereferenceState):
    """Names what cannot be written."""

    def names(self) -> frozenset[str] | None:
        return frozenset({"a(b"}) if self.legal else None


class Changing:
    """Counts its steps, so stepping changes it."""

    questions = ()
    may_end = True

    def __init__(self) -> None:
        self.steps = 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Changing) and self.steps == other.steps

    def __hash__(self) -> int:
        return self.steps

    def advance(self, text: str) -> Any:
        self.steps += 1
        return self

    def names(self) -> None:
        return None


class Endless(DereferenceState):
    """Asks the same question for ever."""

    def resolve(self, answer: Answer) -> Any:
        return self


class Hasty(DereferenceState):
    """Forgets what was written ahead of the answer."""

    def resolve(self, answer: Answer) -> Any:
        if self.pending and self.pending[0].ended:
            return replace(self, pending=self.pending[1:])
        return super().resolve(answer)


def broken(state: Any) -> StateLaws:
    class Laws(StateLaws):
        def states(self) -> Sequence[Any]:
            return [state() if isinstance(state, type) and state is Changing else state]

    return Laws()


@pytest.mark.parametrize(
    ("law", "state"),
    [
        ("test_stepping_twice_is_stepping_once", Forgetful(legal=NAMES, closed=True)),
        ("test_what_is_refused_stays_refused", Forgiving(legal=NAMES, closed=True)),
        ("test_every_name_can_be_written_and_followed", Unreachable(legal=NAMES, closed=True)),
        ("test_states_are_values", Changing),
        ("test_questions_are_asked_in_order_and_end", Endless().advance("x.")),
        ("test_an_answer_may_come_late", Hasty().advance("x.")),
    ],
)
def test_a_broken_state_breaks_its_law(law: str, state: Any) -> None:
    with pytest.raises(BaseException) as caught:  # noqa: PT011 # hypothesis raises groups, assertions and its own
        getattr(broken(state), law)()
    assert "Flaky" not in type(caught.value).__name__ or law == "test_states_are_values"


def test_the_laws_are_all_shown_to_bite() -> None:
    laws = {name for name in dir(StateLaws) if name.startswith("test_")}
    marks = test_a_broken_state_breaks_its_law.pytestmark
    assert {case[0] for case in marks[0].args[1]} == laws
