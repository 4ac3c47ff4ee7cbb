"""The states of the monitors of words, by the laws and by hand, against fixed tables."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

import pytest

from fairlead.monitors.analysis import Document, Member, Members
from fairlead.monitors.annotation import Annotation
from fairlead.monitors.errors import AnalysisDown
from fairlead.monitors.exception import Exceptions
from fairlead.monitors.fixed import FixedAnalysis
from fairlead.monitors.imports import Import, ImportState
from fairlead.monitors.joint import JointState
from fairlead.monitors.laws import StateLaws
from fairlead.monitors.matching import Match, compared_at
from fairlead.monitors.monitor import Question, Start, finished
from fairlead.monitors.name import Name
from fairlead.monitors.roster import joint
from fairlead.monitors.word_watch import WordState

TEXT = "import os\nx = ab = a = 1\ndef append(app):\n    ▮\nlater = 1\n"
TABLE = FixedAnalysis(
    {}, stars=["brought"], imports={"os": ["path", "sep"], "os.": ["path"], ".": ["near"], "..": ["ab"]},
    kinds={"raise": (["Mine"], ["a"]), "raise call": (["Mine"], ["a"]), "except": (["Mine"], ["a"]),
           "annotation": (["int", "Mine"], ["a", "append"])},
    subjects={"color": ["Color.RED", "Color.GREEN"]},
)  # fmt: skip


def at(text: str, monitor: Any) -> tuple[Start | None, Any, Document, int]:
    offset = text.index("▮")
    document = Document("/p/a.py", text.replace("▮", ""), 0, "/p")
    start = monitor.start(document, offset)
    return start, start.state if start is not None else monitor.watch(document, offset), document, offset


def refused(text: str, monitor: Any, written: str, rest: str = "") -> bool:
    """Whether the monitor refuses what is written at the cursor, when the line ends with it."""
    _, state, document, offset = at(text, monitor)
    state = state.advance(written)
    state = None if state is None else finished(state, rest)
    while state is not None and state.questions:
        state = state.resolve(monitor.ask(document, offset, state.questions[0]).result())
    return state is None


class TestNameLaws(StateLaws):
    def states(self) -> Sequence[Any]:
        texts = (TEXT, "x = ▮", "x = a▮", "[▮", "f(a, ▮", "'▮", "def f(▮", "from x import *\ny = ▮", "@▮", "x: ▮")
        return [at(text, Name(TABLE))[1] for text in texts]


class TestOtherLaws(StateLaws):
    def states(self) -> Sequence[Any]:
        return [
            at("raise ▮", Exceptions(TABLE))[1], at("try: pass\nexcept ▮", Exceptions(TABLE))[1],
            at("x: ▮", Annotation(TABLE))[1], at("def f(a: ▮", Annotation(TABLE))[1], WordState("exception"),
        ]  # fmt: skip


class TestImportLaws(StateLaws):
    def states(self) -> Sequence[Any]:
        texts = ("import ▮", "import os.▮", "from os import ▮", "from os import pa▮", "from os import (path,\n ▮", "▮",
                 "from .▮", "x = ▮")  # fmt: skip
        return [at(text, Import(TABLE))[1] for text in texts] + [ImportState(blind=True)]


class TestJointLaws(StateLaws):
    def states(self) -> Sequence[Any]:
        texts = (TEXT, "x = ▮", "from os import ▮", "raise ▮")
        return [at(text, joint(TABLE, ["name", "import", "exception", "annotation", "match"]))[1] for text in texts]


class TestNames:
    def test_while_a_name_is_written_nothing_is_asked(self) -> None:
        _, state, _, _ = at("x = ▮\n", Name(TABLE))
        for text in ("u", "unknow", "unknown", "unknown "):
            after = state.advance(text)
            assert after is not None
            assert after.questions == ()

    @pytest.mark.parametrize(
        ("text", "question"),
        [
            ("x = ▮", Question("", "name")),
            ("x = unk▮", Question("", "name", before=3)),
            ("▮", Question("", "name")),
            ("x = [▮", None),
            ("def f(▮", None),
            ("x = lambda: ▮", Question("", "name:later")),
        ],
    )
    def test_what_follows_it_decides(self, text: str, question: Question | None) -> None:
        _, state, _, _ = at(text, Name(TABLE))
        after = state.advance("nown.x")
        assert after is not None
        assert after.questions == (() if question is None else (question,))

    def test_the_end_of_the_text_decides_too(self) -> None:
        _, state, _, _ = at("x = ▮", Name(TABLE))
        after = state.advance("unknown")
        assert after.questions == ()
        for rest, asked in (("", True), (")", True), (" = 3", False), (":", True)):
            ended = finished(after, rest)
            assert ended is not None
            assert ended.questions == ((Question("", "name"),) if asked else ())

    def test_what_the_document_goes_on_with_is_not_asked_about(self) -> None:
        _, state, _, _ = at("x = f(▮", Name(TABLE))
        after = finished(state.advance("1"), ", undefined.x)")
        assert after is not None
        assert [question.text for question in after.questions] == []

    def test_what_was_written_before_is_the_user_s(self) -> None:
        _, state, _, _ = at("x = undefined.▮", Name(TABLE))
        assert state.advance("x(undefined)\n").questions == (Question("x(", "name"),)

    def test_names_of_the_text_itself_count(self) -> None:
        text = "def f(a):\n    ▮\n"
        assert not refused(text, Name(TABLE), "new = a\n    new.x\n    for n in new: n.y")
        assert refused(text, Name(TABLE), "new = a\n    nwe.x\n")

    def test_a_star_import_brings_names(self) -> None:
        text = "from x import *\ny = ▮\n"
        assert not refused(text, Name(TABLE), "brought(1)")
        assert refused(text, Name(TABLE), "other(1)")
        assert not refused(text, Name(FixedAnalysis({})), "other(1)")

    def test_the_list_is_nearest_first_with_builtins_and_keywords_last(self) -> None:
        start, _, _, _ = at(TEXT, Name(TABLE))
        assert start is not None
        names = [member.name for member in start.members.members]
        assert names[0] == "app"
        assert names.index("os") < names.index("len") < names.index("return")

    @pytest.mark.parametrize("text", ["x = '▮'", "# ▮", "import ▮", "x.▮", "def ▮", "def f(▮", "for ▮", "x ▮", "3▮", "as▮d ▮"])
    def test_where_no_name_is_read_there_is_no_start(self, text: str) -> None:
        head, _, tail = text.rpartition("▮")
        assert at(head.replace("▮", "") + "▮" + tail, Name(TABLE))[0] is None

    def test_a_mask_is_never_made_of_names(self) -> None:
        """`x = new = 1` is Python: what is half typed may still be bound."""
        start, state, _, _ = at("x = ne▮", Name(TABLE))
        assert start is not None
        assert not state.closed
        assert not refused("x = ne▮", Name(TABLE), "w = 1")

    def test_other_languages_and_huge_texts_are_let_be(self) -> None:
        for path, text in (("/p/a.ts", "x = "), ("/p/a.py", "x = " + " " * 2_000_001)):
            document = Document(path, text)
            assert Name(TABLE).start(document, 4) is None
            state = Name(TABLE).watch(document, 4).advance("unknown.x\n")
            assert state is not None
            assert state.questions == ()

    def test_notebooks_and_build_scripts_are_given_names(self) -> None:
        for path in ("/p/a.ipynb#cell", "vscode-notebook-cell:/p/a.ipynb#W0", "/p/build.spec", "/p/SConstruct"):
            start = Name(TABLE).start(Document(path, "x = "), 4)
            assert start is not None
            assert not start.closed

    def test_without_analysis_star_imports_leave_the_place_open(self) -> None:
        class Down(FixedAnalysis):
            def stars(self, document: Document) -> Future[Members]:
                future: Future[Members] = Future()
                future.set_exception(AnalysisDown("killed"))
                return future

        class Late(FixedAnalysis):
            def stars(self, document: Document) -> Future[Members]:
                return Future()

        document = Document("/p/a.py", "from x import *\ny = ")
        for analysis, reason in ((Down({}), "killed"), (Late({}), "20 ms")):
            start = Name(analysis).start(document, len(document.text), 20)
            assert start is not None
            assert not start.closed
            assert reason in start.reason


class TestKinds:
    @pytest.mark.parametrize(
        ("text", "written", "is_refused"),
        [
            ("▮", "raise a", True),
            ("▮", "raise a(1)", True),
            ("▮", "raise a.b(1)", False),
            ("▮", "raise Mine", False),
            ("▮", "raise ValueError", False),
            ("▮", "raise", False),
            ("▮", "try: pass\nexcept a: pass", True),
            ("▮", "try: pass\nexcept (Mine, a): pass", True),
            ("▮", "try: pass\nexcept a(): pass", False),
            ("raise ▮", "a", True),
            ("raise a▮", "", False),
            ("raise ▮", "a ", True),
            ("raise a▮", "b", False),
            ("raise x.▮", "a", False),
        ],
    )
    def test_exceptions(self, text: str, written: str, is_refused: bool) -> None:
        assert refused(text, Exceptions(TABLE), written) is is_refused

    @pytest.mark.parametrize(
        ("text", "written", "is_refused"),
        [
            ("▮", "x: a = 1", True),
            ("▮", "x: Mine = a", False),
            ("▮", "def f(b: a): ...", True),
            ("▮", "def f(b: int = a) -> append: ...", True),
            ("▮", "def f(b: list[a]): ...", True),
            ("▮", "def f(b: Annotated[int, a]): ...", False),
            ("▮", "x = {b: a}", False),
            ("▮", "x[a:a]", False),
            ("▮", "if b: a", False),
            ("▮", "lambda b: a", False),
            ("x: ▮", "a", True),
            ("x: ▮", "a.b", False),
            ("x: ▮", "a()", False),
        ],
    )
    def test_annotations(self, text: str, written: str, is_refused: bool) -> None:
        assert refused(text, Annotation(TABLE), written) is is_refused

    def test_starts_list_what_is_right_and_stay_open(self) -> None:
        types, errors = Annotation(TABLE), Exceptions(TABLE)
        for text, monitor in (("raise ▮", errors), ("x: ▮", types), ("def f() -> M▮", types)):
            start = at(text, monitor)[0]
            assert start is not None
            assert not start.closed
            assert "Mine" in {member.name for member in start.members.members}

    @pytest.mark.parametrize("text", ["raise x.▮", "x = raise_▮", "'raise ▮", "x = ▮", "raise ValueError ▮"])
    def test_elsewhere_there_is_none(self, text: str) -> None:
        assert at(text, Exceptions(TABLE))[0] is None
        assert at(text, Annotation(TABLE))[0] is None


class TestImports:
    def test_questions_are_asked_before_the_name_is_written(self) -> None:
        _, state, _, _ = at("▮", Import(TABLE))
        after = state.advance("from os import ")
        assert after.questions == (Question("from os import ", "import names os"),)
        after = after.resolve(Members((Member("path"), Member("sep")), True))
        assert after.closed
        assert after.names() == {"path", "sep"}
        assert after.advance("pat") is not None
        assert after.advance("nothing") is None
        for legal in ("path as nothing", "(path, ", "(\n  path", "*", "_private", "sep\nnothing", " path", "\\\n path"):
            assert after.advance(legal) is not None, legal

    def test_the_end_of_a_statement_ends_it(self) -> None:
        _, state, _, _ = at("from os import ▮", Import(TABLE))
        assert state.advance("path\nnothing = 1") is not None
        assert state.advance("\nnothing = 1") is not None
        assert state.advance("path; nothing = 1") is not None
        assert state.advance("path, nothing") is not None
        assert refused("from os import ▮", Import(TABLE), "path, nothing")

    def test_import_is_legal_behind_dots(self) -> None:
        assert not refused("from .▮", Import(TABLE), " import near")
        assert not refused("from ▮", Import(TABLE), ". import near")
        assert not refused("from ▮", Import(TABLE), ".. import ab")
        assert refused("from ▮", Import(TABLE), ".far import x")
        start = at("from .▮", Import(TABLE))[0]
        assert start is not None
        assert "import" in {member.name for member in start.members.members}

    @pytest.mark.parametrize(
        "text", ["x = ▮", "import os as ▮", "from os import path as ▮", "'import ▮'", "# import ▮", "importer▮"]
    )
    def test_elsewhere_there_is_no_start(self, text: str) -> None:
        assert at(text, Import(TABLE))[0] is None

    def test_in_a_try_the_import_may_fail(self) -> None:
        for text in ("try:\n    from os import ▮", "try:\n    pass\nexcept ImportError:\n    from os import ▮",
                     "if sys.version_info > (3,):\n    from os import ▮"):  # fmt: skip
            assert not refused(text, Import(TABLE), "nothing")
        assert refused("try:\n    pass\nfinally:\n    pass\nfrom os import ▮", Import(TABLE), "nothing")


class TestMatches:
    @pytest.mark.parametrize(
        ("text", "names"),
        [
            ("if color is ▮", "Color.RED Color.GREEN"),
            ("if color == Col▮", "Color.RED Color.GREEN"),
            ("match color:\n    case ▮", "Color.RED Color.GREEN"),
            ("match color:\n    case Color.RED: pass\n    case ▮", "Color.GREEN Color.RED"),
            ("match color:\n    case ▮\n    case Color.RED: pass\n", "Color.GREEN Color.RED"),
            ("match color:\n    case Color.RED if x: pass\n    case ▮", "Color.RED Color.GREEN"),
            ("match color:\n    case Color.RED: pass\n    case Color.▮", "GREEN RED"),
            ("match color:\n    case Color.GREEN | ▮", "Color.RED Color.GREEN"),
            ("match color:\n    case 1:\n        match x:\n            case ▮", ""),
            ("match (color):\n    case ▮", "Color.RED Color.GREEN"),
            ("match color:\n    case Point(▮", ""),
            ("x = color ▮", ""),
            ("x = 'color is ▮'", ""),
        ],
    )
    def test_members_not_used_yet_come_first(self, text: str, names: str) -> None:
        start = at(text, Match(TABLE))[0]
        assert " ".join(member.name for member in start.members.members if start) == names if start else names == ""

    def test_nothing_is_refused(self) -> None:
        for written in ("_:", "other:", "Color(3):", "Color.RED if x:", "1 | 2:", "anything.at_all"):
            assert not refused("match color:\n    case ▮", Match(TABLE), written)

    def test_the_subject_is_found_above_nested_blocks(self) -> None:
        text = "match a.b(c):\n    case 1:\n        if x:\n            y\n    case "
        found = compared_at(text, len(text))
        assert found is not None
        assert text[:found.end] == "match a.b(c)"


def test_several_decide_together() -> None:
    """One question each, in the order of the text; what any refuses is refused."""
    guide = joint(TABLE, ["name", "exception"])
    _, state, document, offset = at("a = 1\n▮", guide)
    assert isinstance(state, JointState)
    after = state.advance("raise a(unknown)\n")
    assert after is not None
    assert [(question.text, question.monitor) for question in after.questions] == [
        ("raise ", "exception"), ("raise a(", "name"),
    ]  # fmt: skip
    assert after.resolve(guide.ask(document, offset, after.questions[0]).result()) is None
