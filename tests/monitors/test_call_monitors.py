"""The monitors of calls on a table of signatures: what is refused, what is not, and the laws of their states."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from fairlead.monitors.analysis import Classification, Document, Parameter, Signatures
from fairlead.monitors.arity import Arity, ArityState
from fairlead.monitors.call_watch import CallState, begun
from fairlead.monitors.errors import AnalysisDown
from fairlead.monitors.fixed import FixedAnalysis
from fairlead.monitors.instantiation import Instantiation, InstantiationState
from fairlead.monitors.keyword_argument import KeywordArgument, KeywordState
from fairlead.monitors.laws import StateLaws, texts
from fairlead.monitors.literal import Literal, LiteralState
from fairlead.monitors.monitor import Monitor


def of(code: str, known: bool = True, abstract: tuple[str, ...] = ()) -> Signatures:
    """A signature as it is written; overloads stand on lines."""
    overloads = []
    for line in code.split("\n"):
        parameters: list[Parameter] = []
        only_names = False
        for part in filter(None, (one.strip() for one in line.split(", "))):
            name, _, default = part.partition("=")
            name, _, strings = name.partition(":")
            if part == "*":
                only_names = True
            elif part == "/":
                parameters = [Parameter(one.name, "positional", one.required) for one in parameters]
            elif part.startswith("**"):
                parameters.append(Parameter(name[2:], "kwargs"))
            elif part.startswith("*"):
                only_names = True
                parameters.append(Parameter(name[1:], "args"))
            else:
                literals = tuple(strings.split("|")) if strings else ()
                parameters.append(
                    Parameter(name, "keyword" if only_names else "either", not default, literals)
                )
        overloads.append(tuple(parameters))
    return Signatures(tuple(overloads), known, "a fixed table", code, abstract)


TABLE = {
    "none": of(""),
    "connect": of("host, port, timeout=1"),
    "named": of("a, *, b, c=1"),
    "anything": of("a, *args, **kwargs"),
    "many": of("a, *rest, sep=1"),
    "placed": of("a, b, /, c=1"),
    "either": of("a\na, b\n*, c"),
    "unknown": of("a, b", known=False),
    "Shape": of("", abstract=("area",)),
    "Square": of("side"),
    "mode": of("mode:read|write|readlines, other=1"),
    "mixed": of("mode:read|write\nmode"),
}
LITERALS = {"kind": ["circle", "square"], "options": ["depth", "width"]}
MONITORS: dict[str, Any] = {
    "keyword_argument": KeywordArgument, "arity": Arity, "instantiation": Instantiation, "literal": Literal,
}  # fmt: skip


def monitor(name: str) -> Monitor:
    made: Monitor = MONITORS[name](FixedAnalysis({}, signatures=TABLE, literals=LITERALS))
    return made


def accepts(name: str, text: str, before: str = "", late: bool = False) -> bool:
    """Whether the monitor accepts `text` behind `before`; questions are answered at once, or all at the end."""
    document = Document("/p/a.py", before)
    guide = monitor(name)
    state: Any = guide.watch(document, len(before))
    for character in text:
        while not late and state is not None and state.questions:
            state = state.resolve(guide.ask(document, len(before), state.questions[0]).result())
        state = None if state is None else state.advance(character)
        if state is None:
            return False
    while state is not None and state.questions:
        state = state.resolve(guide.ask(document, len(before), state.questions[0]).result())
    return state is not None


ACCEPTED = {
    "keyword_argument": [
        "connect(host=1, port=2)", "connect(1, port=2)", "connect(1, host == 2)", "connect(1, other==2)",
        "connect(1, 2, other", "connect(*a, host=1)", "connect(**k, port=1)", "connect(1, x := 2)",
        "named(1, b=2, c=3)", "anything(z=1)", "many(1, 2, sep=3)", "placed(1, 2, c=3)", "either(c=1)",
        "unknown(z=1)", "nobody(z=1)", "connect(lambda bad=1: bad)", "connect(key(bad=1))", "x = {1: bad}",
        "def f(bad=1, bad2=2): pass", "connect(f'{bad=}', port=1)", "case Point(bad=1):", "'connect(bad=1)'",
        "# connect(bad=1)", "connect(host=dict(port=1), port=dict(port=1))", "class A(B, metaclass=M, x=1):",
        "connect(1)\nbad = 2", "mode(mode='a', other=lambda mode=1: mode)",
    ],
    "arity": [
        "none()", "connect(1, 2)", "connect(1, 2, 3)", "connect(1, port=2)", "connect(port=1, host=2)",
        "connect(*a)", "connect(**k)", "connect(1, *a)", "named(1, b=2)", "anything(1, 2, 3)", "many(1, 2, 3)",
        "placed(1, 2)", "either(1)", "either(1, 2)", "either(c=1)", "unknown()", "nobody()",
        "connect(\n    1,\n    2,\n    3,\n)",
        "Square(x for x, y in z)", "connect((1, 2), [3, 4])", "connect(lambda a, b: 1, 2)", "connect(", "connect(1",
        "connect(f(1, 2, 3), 4)", "connect('a, b, c, d', 1)", "def connect(a, b, c, d): pass", "connect(1, 2,)",
        "connect(x if y else z, a == b)", "connect(not x, -1)", "connect(1, 2, wrong=3)", "case connect(1):",
        "connect(bad(wrong=1), 2)", "connect(a[1, 2], {1: 2, 3: 4})", "print(connect(1, 2))", "connect(1, 2)(3, 4, 5)",
    ],
    "instantiation": ["Square(1)", "x: Shape = Square(1)", "class A(Shape):", "Shape.make()", "isinstance(x, Shape)",
                      "def Shape(a): ...", "'Shape('", "# Shape("],
    "literal": [
        "mode('read')", "mode('write'", "mode(\"readlines\")", "mode(mode='read')", "mode(1, 'other')", "mode(x)",
        "mode(f'any{x}')", "mode(b'any')", "mode('''any''')", "mode(other='any', mode='read')", "mixed('any')",
        "connect('any')", "kind == 'circle'", "kind != \"square\"", "kind in ('circle', 'square')", "kind in ['circle']",
        "size == 'any'", "options['depth']", "options['depth'] = 1", "other['any']", "x = ['any']", "mode(g('any'))",
        "mode(*a, 'any')", "kind == x",
    ],
}  # fmt: skip
REFUSED = {
    "keyword_argument": [
        "connect(bad=1", "connect(1, bad= 2", "connect(1, host=2", "connect(host=1, host=2", "named(1, a=2",
        "nobody(a=1, a=2", "anything(1, a=2", "placed(1, b=2", "either(d=1", "many(1, rest=2", "placed(a=1",
        "x = connect(connect(1, bad=1", "connect(\n    1,\n    bad=2", "connect(port='x', bad='y'",
    ],
    "arity": [
        "connect()", "connect(1)", "connect(port=1)", "none(1)", "none(x.y", "connect(1, 2, 3,", "connect(1, 2, 3, 4",
        "named(1)", "placed(1)", "connect(1, 2, 3)\nconnect(1)", "print(connect(1))", "connect(connect(1, 2))", "none(x)",
        "connect(\n    1,\n    2,\n    3,\n    4,", "connect(host=1, 2)", "unknown(host=1, 2)", "connect(f(1, 2))",
        "either()", "either(1, 2, 3)", "connect(x for x in y)",
    ],
    "instantiation": ["Shape(", "x = Shape(1)", "f(Shape(", "[Shape()]"],
    "literal": [
        "mode('any", "mode('rea')", "mode(mode='x", "mode(mode = \"x", "kind == 'triangle'", "kind in ('circle', 'x",
        "options['any']", "x = options[\"d']", "mode('')", "if kind != 'x", "mode(other=1, mode='x",
    ],
}  # fmt: skip


@pytest.mark.parametrize("late", [False, True], ids=["in time", "late"])
@pytest.mark.parametrize(("name", "text"), [(name, text) for name, all_ in ACCEPTED.items() for text in all_])
def test_what_is_legal_is_accepted(name: str, text: str, late: bool) -> None:
    assert accepts(name, text, late=late)


@pytest.mark.parametrize("late", [False, True], ids=["in time", "late"])
@pytest.mark.parametrize(("name", "text"), [(name, text) for name, all_ in REFUSED.items() for text in all_])
def test_what_is_wrong_is_refused(name: str, text: str, late: bool) -> None:
    assert not accepts(name, text, late=late)


@pytest.mark.parametrize(
    ("name", "before", "text", "expected"),
    [
        ("keyword_argument", "connect(", "bad=1", False),
        ("keyword_argument", "connect(", "port=1", True),
        ("keyword_argument", "connect(host=1, ", "host=2", False),
        ("keyword_argument", "connect(ho", "st=1", True),
        ("keyword_argument", "connect(ba", "d=1", False),
        ("keyword_argument", "connect(port=", "1", True),
        ("keyword_argument", "connect(bad=1, ", "port=1", True),
        ("arity", "connect(", "1)", False),
        ("arity", "connect(1, ", "2)", True),
        ("arity", "connect(1, 2, 3, 4, ", "5)", True),
        ("arity", "connect(1, connect(2, ", "3), 4)", True),
        ("arity", "connect(1, connect(2, ", "3))", True),
        ("arity", "connect(connect(2, ", "3))", False),
        ("instantiation", "Shape(", "1)", True),
        ("literal", "mode(", "'any'", False),
        ("literal", "if kind == ", "'any'", False),
        ("literal", "if kind ==", " 'circle'", True),
    ],
)
def test_what_stands_before_the_cursor_counts(name: str, before: str, text: str, expected: bool) -> None:
    """Calls begun in the document are followed; what is wrong there already is nobody's business."""
    assert accepts(name, text, before) is expected


def test_names_of_parameters_are_offered_where_an_argument_begins() -> None:
    text = "connect(1, "
    start = monitor("keyword_argument").start(Document("/p/a.py", text), len(text))
    assert start is not None
    assert not start.closed
    assert [(one.name, one.kind) for one in start.members.members] == [("port=", "parameter"), ("timeout=", "parameter")]
    assert start.state.names() == frozenset({"port=", "timeout="})
    half = monitor("keyword_argument").start(Document("/p/a.py", text + "ti"), len(text) + 2)
    assert half is not None
    assert (half.offset, half.typed) == (len(text), "ti")
    assert half.state.names() == frozenset({"meout="})


@pytest.mark.parametrize("text", ["x = ", "connect(1, a.", "connect(1, 2 ", "connect('", "connect(a=", "[1, ", "# connect("])
def test_no_names_of_parameters_anywhere_else(text: str) -> None:
    assert monitor("keyword_argument").start(Document("/p/a.py", text), len(text)) is None


def test_behind_a_name_that_nothing_takes_only_another_equals_follows() -> None:
    """`connect(bad=` may still become `connect(bad == 1)`, but it may not end so."""
    text = "connect("
    guide = monitor("keyword_argument")
    start = guide.start(Document("/p/a.py", text), len(text))
    assert start is not None
    state: Any = start.state.advance("bad=")
    assert state.closed
    assert state.names() == {"="}
    assert not state.may_end
    assert state.advance("=") is not None
    assert state.advance("1") is None


def test_the_text_may_not_end_where_the_bracket_behind_it_would_close_too_early() -> None:
    before, behind = "x = connect(", ")\n"
    document = Document("/p/a.py", before + behind)
    start = monitor("arity").start(document, len(before))
    assert start is not None
    assert start.reason == "host, port, timeout=1() still requires host, port"
    assert not start.state.may_end
    one: Any = start.state.advance("1")
    assert not one.may_end
    assert one.advance(", 2").may_end


def test_in_a_string_of_a_known_type_the_strings_are_closed() -> None:
    text = "mode('re')"
    start = monitor("literal").start(Document("/p/a.py", text), 8)
    assert start is not None
    assert start.closed
    assert (start.offset, start.typed) == (6, "re")
    assert [member.name for member in start.members.members] == ["read", "readlines", "write"]
    assert start.state.names() == frozenset({"ad'", "adlines'"})
    assert start.state.advance("x") is None
    assert not start.state.may_end


def test_a_string_that_nothing_known_begins_with_is_left_alone() -> None:
    text = "mode('xyz')"
    start = monitor("literal").start(Document("/p/a.py", text), 9)
    assert start is not None
    assert not start.closed
    assert start.reason == "no known string begins with 'xyz'"
    assert start.state.advance("anything") is not None


@pytest.mark.parametrize("text", ["connect('", "x = '", "# mode('", "mode(f'", "mode('''", "mode(b'", "other['"])
def test_other_strings_are_nobody_s_business(text: str) -> None:
    assert monitor("literal").start(Document("/p/a.py", text), len(text)) is None


def test_an_abstract_class_says_what_it_lacks() -> None:
    start = monitor("instantiation").start(Document("/p/a.py", "Shape("), 6)
    assert start is not None
    assert start.reason.endswith("is abstract: it does not implement area")
    assert monitor("instantiation").start(Document("/p/a.py", "Square("), 7) is None


class Down(FixedAnalysis):
    """Has died."""

    def signatures(self, document: Document, offset: int) -> Future[Signatures]:
        future: Future[Signatures] = Future()
        future.set_exception(AnalysisDown("killed"))
        return future


class Late(FixedAnalysis):
    """Never answers."""

    def signatures(self, document: Document, offset: int) -> Future[Signatures]:
        return Future()


@pytest.mark.parametrize(("analysis", "reason"), [(Down, "analysis is down: killed"), (Late, "in time")])
def test_without_an_answer_the_call_is_open(analysis: type[FixedAnalysis], reason: str) -> None:
    for made in (KeywordArgument, Arity):
        start = made(analysis({})).start(Document("/p/a.py", "connect("), 8, 5.0)
        assert start is not None
        assert not start.closed
        assert reason in start.reason
        assert start.state.advance("bad=1)") is not None


def test_a_late_answer_still_counts() -> None:
    """The list goes without it; what is written then is held to it."""
    start = Arity(Late({})).start(Document("/p/a.py", "connect("), 8, 5.0)
    assert start is not None
    state: Any = start.state
    assert [question.about for question in state.questions] == ["signatures"]
    assert state.advance("1)").resolve(TABLE["connect"]) is None


def test_a_call_is_asked_about_once_and_without_its_arguments() -> None:
    """The question stays the same while the arguments are written."""
    asked = []
    for before in ("x = connect(", "x = connect(1, ", "x = connect(1, port=2, y"):
        analysis = FixedAnalysis({}, signatures=TABLE)
        KeywordArgument(analysis).start(Document("/p/a.py", before + ")\nrest = 1\n"), len(before))
        asked += analysis.asked
    assert set(asked) == {("x = connect()\nrest = 1\n", 12)}


def states_of(kind: type[CallState], name: str) -> Sequence[Any]:
    starts: list[Any] = [kind()]
    for text in ("connect(", "connect(1, po", "mode('", "mode('re", "x = ", "kind == ", "f(g(1, ", "Shape", "connect(bad="):
        document = Document("/p/a.py", text + ")\n")
        starts.append(monitor(name).watch(document, len(text)))
        start = monitor(name).start(document, len(text))
        if start is not None:
            starts.append(start.state)
    return starts


class CallLaws(StateLaws):
    """The laws, for states whose questions are about calls."""

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
    @given(a=texts, b=texts)
    def test_questions_are_asked_in_order_and_end(self, a: str, b: str) -> None:
        """Each place is asked about once, in the order of the text; an open answer refuses nothing."""
        for state in self.reached(a):
            questions = state.questions
            places = [len(question.text) - question.before for question in questions]
            assert all(earlier < later for earlier, later in pairwise(places))
            for left in range(len(questions), 0, -1):
                assert len(state.questions) == left
                about = state.questions[0].about
                state = state.resolve((Signatures if about == "signatures" else Classification)(reason="unknown"))
                assert state is not None
            assert not state.questions

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
    @given(a=texts, b=texts)
    def test_an_answer_may_come_late(self, a: str, b: str) -> None:
        """Resolving and then writing equals writing and then resolving."""
        for state in self.reached(a):
            if not state.questions:
                continue
            for answer in ANSWERS[state.questions[0].about]:
                resolved = state.resolve(answer)
                early = None if resolved is None else resolved.advance(b)
                ahead = state.advance(b)
                late = None if ahead is None else ahead.resolve(answer)
                assert early == late


ANSWERS: dict[str, list[Any]] = {
    "signatures": [TABLE["connect"], TABLE["none"], TABLE["Shape"], TABLE["mode"], Signatures(reason="unknown")],
    "literals": [Classification(literals=("a", "ab"), closed=True), Classification(reason="unknown")],
}


class TestKeywordLaws(CallLaws):
    def states(self) -> Sequence[Any]:
        return states_of(KeywordState, "keyword_argument")


class TestArityLaws(CallLaws):
    def states(self) -> Sequence[Any]:
        return states_of(ArityState, "arity")


class TestInstantiationLaws(CallLaws):
    def states(self) -> Sequence[Any]:
        return states_of(InstantiationState, "instantiation")


class TestLiteralLaws(CallLaws):
    def states(self) -> Sequence[Any]:
        return states_of(LiteralState, "literal")


def test_a_text_too_large_is_left_alone() -> None:
    text = "x = 1\n" * 400_000 + "connect("
    for name in MONITORS:
        guide = monitor(name)
        assert guide.watch(Document("/p/a.py", text), len(text)).advance("bad=1)") is not None


def test_the_base_state_refuses_nothing() -> None:
    state = begun(CallState, Document("/p/a.py", "f("), 2)
    assert state.advance("a, b=1)") is not None


def test_other_languages_are_left_alone() -> None:
    """`{bad = 1}` is no call of Python's, nor is `connect(bad = 1)` in TypeScript."""
    for name in MONITORS:
        document = Document("/p/a.ts", "connect(")
        assert monitor(name).start(document, 8) is None
        assert monitor(name).watch(document, 8).advance("bad=1, bad=2)") is not None
