"""The dereference monitor's state and start, against a fixed table of members."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace

import pytest

from fairlead.monitors.analysis import Document, Member, Members
from fairlead.monitors.dereference import Dereference, DereferenceState, ask
from fairlead.monitors.errors import AnalysisDown
from fairlead.monitors.fixed import FixedAnalysis, FixedMonitor
from fairlead.monitors.laws import StateLaws
from fairlead.monitors.lexical import scan
from fairlead.monitors.monitor import Question, Start


def closed_members(*names: str) -> Members:
    return Members(tuple(Member(name) for name in names), True, "test")


def state_at(prefix: str, *names: str, closed: bool = True, typed: str = "") -> DereferenceState:
    return DereferenceState(
        lexer=scan(prefix).lexer_at(len(prefix)), legal=frozenset(names), typed=typed, closed=closed
    )


def start(text: str, table: dict[str, list[str]], **options: object) -> Start | None:
    offset = text.index("▮")
    monitor = Dereference(FixedAnalysis(table, **options))  # type: ignore[arg-type] # test options
    return monitor.start(Document("a.py", text.replace("▮", "")), offset)


class TestDereferenceLaws(StateLaws):
    def states(self) -> Sequence[DereferenceState]:
        names = ("append", "ab", "a", "x", "é", "find", "名")
        return [
            state_at("x.", *names),
            state_at("x.a", *names, typed="a"),
            state_at("x.", *names, closed=False),
            state_at("f'{x.", *names),
            replace(state_at("self.", *names, closed=False), fresh="name"),
            replace(state_at("self.ap", *names, closed=False, typed="ap"), fresh="name"),
            DereferenceState(fresh="behind"),
            DereferenceState(fresh="="),
            DereferenceState(),
            DereferenceState(lexer=scan("f'{a").lexer_at(4)),
            DereferenceState(lexer=scan("'abc").lexer_at(4), blind=True),
        ]


class TestFixedMonitorLaws(StateLaws):
    def states(self) -> Sequence[object]:
        document = Document("a.py", "x.ap")
        found = [FixedMonitor(["append", "apply", "x"], closed).start(document, 4) for closed in (True, False)]
        return [one.state for one in found if one is not None]


class TestNames:
    """What may be written inside of a name whose members are known."""

    @pytest.mark.parametrize(
        ("text", "accepted"),
        [
            ("", True),
            ("get", True),
            ("get(", True),
            ("get_all", True),
            ("get_all(x)", True),
            ("ge", True),
            ("get_all\n", True),
            ("get ", True),
            ("ge(", False),
            ("getx", False),
            ("x", False),
            (" get", False),
            ("\nget", False),
            ("(", False),
            (".", False),
            ("get_allx", False),
            ("1", False),
        ],
    )
    def test_a_name_is_written_whole_or_refused(self, text: str, accepted: bool) -> None:
        assert (state_at("x.", "get", "get_all").advance(text) is not None) is accepted

    def test_a_name_that_is_the_start_of_another_may_go_on_or_end(self) -> None:
        state = state_at("x.", "get", "get_all").advance("get")
        assert state is not None
        assert state.names() == frozenset({"", "_all"})
        assert state.may_end

    def test_inside_a_name_the_text_may_not_end(self) -> None:
        state = state_at("x.", "get").advance("ge")
        assert state is not None
        assert not state.may_end
        assert state.names() == frozenset({"t"})

    def test_behind_the_name_anything_goes(self) -> None:
        state = state_at("x.", "get").advance("get(whatever, 3) + nonsense")
        assert state is not None
        assert state.names() is None
        assert state.may_end
        assert not state.closed

    def test_an_open_place_refuses_nothing_and_still_names(self) -> None:
        state = state_at("x.", "get", closed=False)
        assert state.names() == frozenset({"get"})
        assert state.advance("brand_new = 3") is not None

    def test_names_are_compared_as_python_does(self) -> None:
        """An identifier is normalised by NFKC: the ligature `ﬁ` is `fi`."""
        state = state_at("x.", "find").advance("ﬁ")
        assert state is not None
        assert state.names() == frozenset({"nd"})
        assert state_at("x.", "café").advance("café()") is not None

    def test_what_is_typed_counts(self) -> None:
        assert state_at("x.g", "get", "put", typed="g").names() == frozenset({"et"})


class TestDots:
    """The dots that the model itself writes."""

    @pytest.mark.parametrize(
        ("prefix", "written", "questions"),
        [
            ("x = ", "os.", ["os."]),
            ("x = ", "os.path.join(a, b)", ["os.", "os.path."]),
            ("x = ", "f().x", ["f()."]),
            ("x = ", "a[0].x + {}.y + 'a'.z", ["a[0].", "a[0].x + {}.", "a[0].x + {}.y + 'a'."]),
            ("x = os", ".path", ["."]),
            ("x = f(a)", ".b", ["."]),
            ("x = (os\n  ", ".path", ["."]),
            ("x = ", "3.14", []),
            ("x = ", "1.", []),
            ("x = ", "1_000.5", []),
            ("x = ", "1.5.real", ["1.5."]),
            ("x = ", "3 .real", ["3 ."]),
            ("x = ", "x3.y", ["x3."]),
            ("return ", ".5", []),
            ("x = ", "a if b else .5", []),
            ("x = ", "...", []),
            ("", "import os.path", []),
            ("", "from .a.b import c", []),
            ("im", "port os.path", []),
            ("x = ", "'a.b'", []),
            ("x = ", "\"\"\"a.b\n c.d\"\"\".e", ['"""a.b\n c.d""".']),
            ("x = ", "f'{a.b} c.d {{e.f}}'", ["f'{a."]),
            ("x = ", "a  # b.c\nd.e", ["a  # b.c\nd."]),
            ("x = ", "a; import b.c; d.e", ["a; import b.c; d."]),
            ("yield from ", "a.b", ["a."]),
            ("x = ", "''.join", ["''."]),
            ("x = ", "r'\\'.y'.z", ["r'\\'.y'."]),
        ],
    )
    def test_dots_of_attributes_are_asked_about(self, prefix: str, written: str, questions: list[str]) -> None:
        state = Dereference(FixedAnalysis({})).watch(Document("a.py", prefix), len(prefix))
        after = state.advance(written)
        assert after is not None
        assert [question.text for question in after.questions] == questions

    @pytest.mark.parametrize("prefix", ["x = 'a", "# a", '"""a\n', "f'a"])
    def test_in_strings_and_comments_nothing_is_watched(self, prefix: str) -> None:
        state = Dereference(FixedAnalysis({})).watch(Document("a.py", prefix), len(prefix)).advance("see a.b' + c.d")
        assert state is not None
        assert state.questions == ()

    @pytest.mark.parametrize("pieces", [["x", ".", "up", "per()"], ["x.up", "per()"], ["x.upper()"], list("x.upper()")])
    def test_a_dot_in_the_middle_of_a_token_is_a_dot(self, pieces: list[str]) -> None:
        state: DereferenceState | None = DereferenceState()
        for piece in pieces:
            assert state is not None
            state = state.advance(piece)
        assert state is not None
        assert state.questions == (Question("x."),)
        assert state.resolve(closed_members("upper")) is not None
        assert state.resolve(closed_members("lower")) is None

    def test_an_unfinished_name_is_judged_by_its_beginning(self) -> None:
        state = DereferenceState().advance("x.up")
        assert state is not None
        resolved = state.resolve(closed_members("upper", "lower"))
        assert resolved is not None
        assert resolved.closed
        assert resolved.names() == frozenset({"per"})
        assert state.resolve(closed_members("lower")) is None

    def test_a_finished_name_must_be_whole(self) -> None:
        state = DereferenceState().advance("x.up(")
        assert state is not None
        assert state.resolve(closed_members("upper")) is None

    def test_a_blank_behind_a_known_dot_is_refused(self) -> None:
        state = DereferenceState().advance("x. upper")
        assert state is not None
        assert state.resolve(closed_members("upper")) is None

    def test_questions_are_answered_one_by_one(self) -> None:
        state = DereferenceState().advance("a.b.c.d")
        assert state is not None
        assert [question.text for question in state.questions] == ["a.", "a.b.", "a.b.c."]
        for members, left in ((closed_members("b"), 2), (Members(reason="unknown"), 1)):
            state = state.resolve(members)
            assert state is not None
            assert len(state.questions) == left
        assert state.resolve(closed_members("x")) is None

    def test_a_constrained_name_may_be_followed_by_a_dot(self) -> None:
        state = state_at("x.", "path").advance("path.join")
        assert state is not None
        assert state.questions == (Question("path."),)

    def test_an_empty_closed_answer_constrains_nothing(self) -> None:
        """A mask is never empty."""
        state = DereferenceState().advance("x.")
        assert state is not None
        resolved = state.resolve(Members(closed=True))
        assert resolved is not None
        assert not resolved.closed

    def test_text_just_behind_a_dot_may_not_end(self) -> None:
        state = DereferenceState().advance("x.")
        assert state is not None
        assert not state.may_end


class TestStart:
    def test_behind_a_dot(self) -> None:
        found = start("x = thing.▮\n", {"thing": ["get", "put"]})
        assert found is not None
        assert found.closed
        assert found.offset == 10
        assert found.typed == ""
        assert found.state.names() == frozenset({"get", "put"})

    def test_in_a_half_typed_name(self) -> None:
        found = start("x = thing.ge▮\n", {"thing": ["get", "put"]})
        assert found is not None
        assert (found.offset, found.typed) == (10, "ge")
        assert found.state.names() == frozenset({"t"})
        assert [member.name for member in found.members.members] == ["get", "put"]

    @pytest.mark.parametrize("text", ["x▮", "# thing.▮", "'thing.▮'", "x = 3.▮", "import thing.▮", "▮", "from .▮"])
    def test_where_there_is_no_attribute_there_is_no_start(self, text: str) -> None:
        assert start(text, {"thing": ["get"]}) is None

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("thing.▮ = 3", "stored"),
            ("del thing.▮", "deleted"),
            ("self.▮\n", "stored here"),
            ("for thing.▮ in y: pass", "stored"),
            ("thing.zzz▮", "no known name begins with 'zzz'"),
            ("other.▮x", "nothing is known of other"),
        ],
    )
    def test_open_starts_say_why(self, text: str, reason: str) -> None:
        found = start(text, {"thing": ["get"], "self": ["get"]})
        assert found is not None
        assert not found.closed
        assert reason in found.reason
        assert found.state.advance("anything = 3") is not None

    def test_a_receiver_with_a_suffix_behind_the_cursor(self) -> None:
        found = start("foo(a.b[0].▮, c.d)\n", {"a.b[0]": ["get"]})
        assert found is not None
        assert found.closed

    def test_late_analysis_leaves_the_place_open(self) -> None:
        class Late(FixedAnalysis):
            def members(self, document: Document, offset: int) -> Future[Members]:
                return Future()

        found = Dereference(Late({})).start(Document("a.py", "y = x."), 6, deadline_ms=20)
        assert found is not None
        assert not found.closed
        assert "20 ms" in found.reason

    def test_dead_analysis_leaves_the_place_open(self) -> None:
        class Dead(FixedAnalysis):
            def members(self, document: Document, offset: int) -> Future[Members]:
                future: Future[Members] = Future()
                future.set_exception(AnalysisDown("it was killed"))
                return future

        found = Dereference(Dead({})).start(Document("a.py", "y = x."), 6)
        assert found is not None
        assert not found.closed
        assert "it was killed" in found.reason


class TestAsk:
    def test_the_generated_text_is_seen_with_what_surrounds_it(self) -> None:
        analysis = FixedAnalysis({"thing": ["get"]})
        answer = ask(analysis, Document("a.py", "x = \ny = 1\n"), 4, Question("thing."))
        assert answer.result().closed
        assert analysis.asked == [("x = thing.\ny = 1\n", 10)]

    @pytest.mark.parametrize(
        ("text", "question", "reason"),
        [
            ("x = '▮", "a.", "in a string"),
            ("x = 1  # ▮", "a.", "in a comment"),
            ("▮", "import os.", "import"),
            ("▮ = 3", "a.", "stored"),
        ],
    )
    def test_what_is_no_attribute_access_is_not_asked(self, text: str, question: str, reason: str) -> None:
        analysis = FixedAnalysis({"a": ["b"], "self": ["b"]})
        answer = ask(analysis, Document("a.py", text.replace("▮", "")), text.index("▮"), Question(question)).result()
        assert not answer.closed
        assert reason in answer.reason
        assert not analysis.asked


@pytest.mark.parametrize("way", ["at the cursor", "resolved", "late"])
@pytest.mark.parametrize(
    ("written", "accepted"),
    [
        ("get(", True), ("get + 1", True), ("new = 1", True), ("new=1", True), ("new: int = 1", True), ("new", True),
        ("new, self.other = 1, 2", True), ("new\n", True), ("new  # a comment", True), ("new ; x", True), ("ge = 1", True),
        ("new(", False), ("new (", False), ("new[0] = 1", False), ("new.x = 1", False), ("new == 1", False),
        ("new += 1", False), ("new -= 1", False), ("new and x", False), ("new in x", False), ("new != 1", False),
        ("ge(", False), ("new >>= 1", False),
    ],
)  # fmt: skip
def test_where_a_name_may_be_stored_one_that_is_read_must_be_there(written: str, accepted: bool, way: str) -> None:
    answer = Members((Member("get"),), False, "new", store_possible=True)
    if way == "at the cursor":
        found = start("def f(self):\n    self.▮", {"self": ["get"]})
        assert found is not None
        assert not found.closed
        after = found.state.advance(written)
    else:
        state = DereferenceState().advance("self.")
        assert state is not None
        if way == "resolved":
            resolved = state.resolve(answer)
            after = None if resolved is None else resolved.advance(written)
        else:
            ahead = state.advance(written)
            assert ahead is not None
            after = ahead.resolve(answer)
    assert (after is not None) is accepted


def test_a_generated_self_at_the_start_of_a_statement_is_asked_about() -> None:
    document = Document("a.py", "def f(self):\n    ")
    answer = ask(FixedAnalysis({"self": ["get"]}), document, len(document.text), Question("self.")).result()
    assert (answer.closed, answer.store_possible, answer.names) == (False, True, frozenset({"get"}))
