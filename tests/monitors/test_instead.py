"""What may stand where a text is refused: the names of the monitor that refuses it, or for what is called, others."""

from __future__ import annotations

from dataclasses import dataclass

from fairlead.monitors.analysis import Document
from fairlead.monitors.dereference import Dereference
from fairlead.monitors.fixed import FixedAnalysis
from fairlead.monitors.joint import JointState, instead_of, refusing
from fairlead.monitors.monitor import Answer, Free, State


@dataclass(frozen=True)
class Refuses(Free):
    """Refuses one text and all that begins with it."""

    text: str = ""
    known: frozenset[str] | None = None
    written: str = ""

    def advance(self, text: str) -> Refuses | None:
        after = Refuses(text=self.text, known=self.known, written=self.written + text)
        return None if after.written.startswith(self.text) else after

    def names(self) -> frozenset[str] | None:
        return self.known

    def resolve(self, answer: Answer) -> Refuses | None:
        return self


def same(state: State) -> State | None:
    return state


def joint(*parts: State) -> JointState:
    return JointState(tuple((f"m{index}", part) for index, part in enumerate(parts)))


def test_the_one_that_refuses_says_what_may_stand_there() -> None:
    state = joint(Refuses(text="bad=", known=frozenset({"port=", "host="})), Refuses(text="x", known=frozenset({"y"})))
    assert instead_of("bad=1", state, same) == frozenset({"port=", "host="})
    assert len(refusing("bad=1", state, same)) == 1


def test_what_another_refuses_is_left_out() -> None:
    state = joint(Refuses(text="bad", known=frozenset({"port", "host"})), Refuses(text="host"))
    assert instead_of("bad", state, same) == frozenset({"port"})


def test_a_name_refused_because_it_is_called_gives_way_to_other_names() -> None:
    state = joint(Refuses(text="Shape("), Refuses(text="nothing", known=frozenset({"Shape", "Square"})))
    assert instead_of("Shape(1", state, same) == frozenset({"Square"})


def test_a_bracket_or_comma_refused_says_nothing_about_the_name_before_it() -> None:
    state = joint(Refuses(text="f(a)"), Refuses(text="nothing", known=frozenset({"g", "h"})))
    assert instead_of("f(a)", state, same) is None
    assert instead_of("f(a", state, same) is None


def test_a_single_monitor_needs_no_joint() -> None:
    text = "builder."
    start = Dereference(FixedAnalysis({"builder": ["build", "with_ip"]})).start(Document("/p/a.py", text), len(text))
    assert start is not None
    names = instead_of("host(", start.state, same)
    assert names is not None
    assert {"build", "with_ip"} <= names


def test_what_is_answered_counts() -> None:
    """`settle` may refuse a state that has been written already."""
    state = joint(Refuses(text="zzz", known=frozenset({"a"})))
    assert refusing("b", state, lambda after: None) == [state.parts[0][1]]
