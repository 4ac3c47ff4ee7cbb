"""Token masks: every case of `name(`, `.append`, `().x`, doubled ids, half characters, end-of-text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.decoding.mask import allowed, allowed_slowly
from fairlead.decoding.model import find_folder, load_tokenizer
from fairlead.decoding.vocabulary import Vocabulary
from fairlead.monitors.analysis import Document, Member, Members
from fairlead.monitors.dereference import Dereference, DereferenceState
from fairlead.monitors.fixed import FixedAnalysis, FixedMonitor
from fairlead.monitors.joint import JointState
from fairlead.monitors.monitor import FREE, Answer, Free, Question, State

TOKENS = [
    "_all", "_a", "_all(", "(", "x", " ", "a", "ap", "app", "append", "append(", ".", ".app", ".append", ".append(",
    ".b", "name", "name(", "name.", "name().foo", "\n", "()", ")", "()\n", "get", "get_all", "getx", "é", "été",
]  # fmt: skip
END = len(TOKENS) + 2


def vocabulary() -> Vocabulary:
    half = "é".encode()
    return Vocabulary([*(token.encode() for token in TOKENS), half[:1], half[1:], b"", b"append"], [END])


def at_dot(names: Iterable[str], typed: str = "", *, closed: bool = True) -> State:
    start = FixedMonitor(names, closed).start(Document("a.py", f"x.{typed}"), 2 + len(typed))
    assert start is not None
    return start.state


def texts(ids: Iterable[int] | None) -> set[str]:
    found = vocabulary()
    assert ids is not None
    return {"<end>" if i == END else found.texts[i].decode("utf-8", "backslashreplace") for i in ids}


@pytest.mark.parametrize(
    ("names", "typed", "forced", "yes", "no"),
    [
        pytest.param(["get", "get_all"], "get", "", {"(", "_a", "_all", "_all(", ")", "\n", ".", ".b", "<end>", " "},
                     {"x", "a", "name", "_all()"}, id="a name that begins another may end or go on"),
        pytest.param(["name"], "", "", {"name", "name(", "name.", "name().foo"}, {"x", "(", "<end>", ".append"},
                     id="a token may straddle the end of the name"),
        pytest.param(["append"], "", ".", {".", ".app", ".append", ".append("}, {".b", "append", "a", "<end>"},
                     id="the dot is healed: tokens that begin with it"),
        pytest.param(["append"], "app", "", set(), {"append", "app", "<end>"}, id="inside a name nothing may end"),
        pytest.param(["append"], "", "", {"a", "ap", "app", "append", "append("}, {"<end>", " ", "\n"},
                     id="any beginning of the name"),
        pytest.param(["été"], "", "", {"é", "été", "\\xc3"}, {"\\xa9", "x"}, id="half a character may begin a name"),
        pytest.param(["get"], "get", "", {"(", "<end>"}, {"é", "été", "\\xc3", "\\xa9"},
                     id="half a character does not end a name"),
    ],
)  # fmt: skip
def test_masks(names: list[str], typed: str, forced: str, yes: set[str], no: set[str]) -> None:
    found = texts(allowed(vocabulary(), at_dot(names, typed), forced))
    assert yes <= found
    assert not no & found


def test_both_ids_of_one_text_are_allowed() -> None:
    ids = allowed(vocabulary(), at_dot(["append"]))
    assert ids is not None
    assert {TOKENS.index("append"), len(TOKENS) + 3} <= set(ids.tolist())


def test_special_tokens_are_refused_everywhere() -> None:
    found = Vocabulary([b"a", b"", b"("], [])
    ids = allowed(found, at_dot(["a"]))
    assert ids is not None
    assert ids.tolist() == [0]


def test_open_places_have_no_mask() -> None:
    assert allowed(vocabulary(), at_dot(["append"], closed=False)) is None
    assert allowed(vocabulary(), FREE) is None


def test_an_inner_dot_that_is_already_answered_is_held_to_its_names() -> None:
    """`name().foo` in one token: where `name()` is known to have no `foo`, the token goes."""
    monitor = Dereference(FixedAnalysis({"x": ["name"]}))
    start = monitor.start(Document("a.py", "x."), 2)
    assert start is not None
    assert isinstance(start.state, DereferenceState)
    after = start.state.advance("name().foo")
    assert after is not None
    assert [question.text for question in after.questions] == ["name()."]
    assert after.resolve(Members((Member("bar"),), closed=True)) is None


@given(
    names=st.sets(st.sampled_from(["append", "app", "get", "get_all", "_all", "name", "été", "a"]), min_size=1),
    typed=st.sampled_from(["", "a", "ge", "get", "_"]),
    forced=st.sampled_from(["", ".", ")", ").", "x."]),
    closed=st.booleans(),
)
def test_fast_masks_equal_slow_masks_and_are_never_empty(
    names: set[str], typed: str, forced: str, closed: bool
) -> None:
    state = at_dot(names, typed, closed=closed)
    forced = "" if typed else forced
    fast = allowed(vocabulary(), state, forced)
    slow = allowed_slowly(vocabulary(), state, forced)
    if fast is None:
        # The second half of a character is for the step behind its first half, which no text can show.
        assert set(slow.tolist()) >= {i for i in vocabulary().starting_with(b"").tolist() if i != len(TOKENS) + 1}
    else:
        assert fast.tolist() == slow.tolist()
    rests = state.names() or frozenset()
    reachable = [rest for rest in rests if not rest or vocabulary().prefixes_of((forced + rest).encode())]
    if reachable and (not forced or vocabulary().prefixes_of(forced.encode())):
        assert fast is None or len(fast)


@dataclass(frozen=True)
class Strings:
    """A state that is made of whole texts, of any characters, behind which anything may follow."""

    left: frozenset[str]
    closed: bool = True
    questions: tuple[Question, ...] = ()

    def advance(self, text: str) -> Strings | None:
        if not self.closed or any(text.startswith(one) for one in self.left):
            return Strings(frozenset(), False) if text else self
        left = frozenset(one[len(text) :] for one in self.left if one.startswith(text))
        return Strings(left) if left else None

    def names(self) -> frozenset[str] | None:
        return self.left if self.closed else None

    @property
    def may_end(self) -> bool:
        return not self.closed

    def resolve(self, answer: Answer) -> Strings:
        return self


@dataclass(frozen=True)
class NoBrackets(Free):
    """An open state that refuses all the same, anywhere in the text."""

    def advance(self, text: str) -> NoBrackets | None:
        return None if "(" in text else self

    def resolve(self, answer: Answer) -> NoBrackets:
        return self


@pytest.fixture(scope="module")
def real() -> Vocabulary:
    """The vocabulary of the default model."""
    tokenizer = load_tokenizer(find_folder()[1])
    return Vocabulary.of(tokenizer, tokenizer.get_vocab_size(), [0], [])


@pytest.mark.parametrize("forced", ["", ".", ").", "x.", "x"])
@pytest.mark.parametrize(
    "state",
    [
        pytest.param(at_dot(["append", "app", "_private", "été", "Δ"]), id="names"),
        pytest.param(at_dot(["get", "get_all", "getx"], "get"), id="a name that may end or go on"),
        pytest.param(JointState((("a", at_dot(["get", "get_all"], "get")), ("b", FREE))), id="joint"),
        pytest.param(JointState((("a", at_dot(["get"], "get")), ("b", NoBrackets()))), id="beside one that refuses"),
        pytest.param(Strings(frozenset({"timeout=", "retries="})), id="keywords, behind which a word may follow"),
        pytest.param(Strings(frozenset({'a-b"', 'a b"', '💡"'})), id="strings"),
        pytest.param(at_dot(["append"], closed=False), id="open"),
    ],
)
def test_fast_masks_equal_slow_masks_on_a_real_vocabulary(real: Vocabulary, state: State, forced: str) -> None:
    fast = allowed(real, state, forced)
    slow = allowed_slowly(real, state, forced)
    if fast is None:
        assert not forced
        assert len(slow) > real.size * 0.9
    else:
        assert fast.tolist() == slow.tolist()


def test_prefixes_are_those_found_one_by_one(real: Vocabulary) -> None:
    names = ["append", "path", "a", "", "zzzzqqqq", "_", "été", "isinstance", "𝒳"]
    one_by_one = {
        token_id for name in names for token_id, text in enumerate(real.texts) if text and name.encode().startswith(text)
    }
    assert real.prefixes_of_all(name.encode() for name in names) == one_by_one


def test_a_name_of_another_language_goes_on_with_its_own_letters() -> None:
    """`$` belongs to a name in JavaScript; behind the whole name `get` it does not end it."""
    found = Vocabulary([b"$", b"(", b"$x", b"get"], [])
    start = Dereference(FixedAnalysis({"x": ["get"]})).start(Document("a.js", "x.get"), 5)
    if start is None or not start.closed:
        pytest.skip("this analysis is silent in JavaScript")
    ids = allowed(found, start.state)
    assert ids is not None
    assert ids.tolist() == [1] == allowed_slowly(found, start.state).tolist()
