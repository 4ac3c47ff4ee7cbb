"""What stands where nobody wrote a type: rules, candidates, evidence, sets, on a small project."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import asdict
from pathlib import Path

import pytest

from fairlead.monitors import jedi_types, known_types, slot_evidence, type_model
from fairlead.monitors.analysis import Document
from fairlead.monitors.errors import AnalysisDown
from fairlead.monitors.inline import InlineAnalysis
from fairlead.monitors.process import AnalysisProcess
from fairlead.monitors.project_types import ProjectIndex
from fairlead.monitors.slot_places import slots
from fairlead.monitors.slots import Import, Inferred
from fairlead.monitors.type_inference import TypeInference, written
from fairlead.monitors.types_answer import Scored, SlotEvidence, TypesAnswer, decoded

LIBRARY = '''\
from typing import Union

PathLike = Union[str, bytes]


class Base:
    def close(self): ...


class HttpRequest(Base):
    method: str = "GET"

    def __init__(self, url, headers=None):
        self.url = url
        self.headers = headers

    def fetch(self): ...


class Spinner:
    def spin(self): ...


class Loose:
    def __getattr__(self, name): ...
'''

MAIN = '''\
import pathlib as pl
from pkg.lib import HttpRequest as Req


def send(http_request, folder, verbose=False, label=None):
    http_request.fetch()
    http_request.close()
    print(http_request.url)
    return folder.read_text()


def start(limit=3):
    send(Req("a"), pl.Path("x"))


class Sender:
    def __init__(self, spinner):
        spinner.spin()
        self.count = 3

    async def run(self):
        self.count += 1
'''


@pytest.fixture
def project(tmp_path: Path) -> Path:
    package = tmp_path / "pkg"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "lib.py").write_text(LIBRARY)
    (tmp_path / "main.py").write_text(MAIN)
    return tmp_path


def inferred(project: Path, text: str = MAIN) -> dict[tuple[str, str], Inferred]:
    document = Document(str(project / "main.py"), text, 1, str(project))
    return {(one.slot.kind, one.slot.name): one for one in TypeInference(InlineAnalysis()).infer(document)}


def test_a_project_class_is_found_by_its_uses_and_named_as_the_file_names_it(project: Path) -> None:
    found = inferred(project)["parameter", "http_request"]
    assert found.best is not None
    assert found.best.text == "Req"
    assert found.best.full_type == "pkg.lib.HttpRequest"
    assert found.best.imports == ()
    assert found.best.low <= found.best.probability <= found.best.high
    assert found.best.provenance == "model, checked"
    said = [one.text for one in found.evidence]
    assert ".fetch, .close, .url are used" in said
    assert next(one.line0 for one in found.evidence if one.text.startswith(".fetch")) == 5


def test_a_class_without_a_used_attribute_is_behind_one_that_has_it(project: Path) -> None:
    found = inferred(project)["parameter", "spinner"]
    assert found.best is not None
    assert found.best.text == "Spinner"
    assert found.best.imports == (Import("pkg.lib", "Spinner", project=False),)
    assert "Req" not in [one.text for one in found.predictions[:3]]


def test_what_the_language_decides_is_static(project: Path) -> None:
    found = inferred(project)
    for key, static in {("parameter", "verbose"): "bool", ("return", "start"): "None", ("return", "__init__"): "None",
                        ("return", "run"): "None"}.items():  # fmt: skip
        assert (found[key].static, found[key].static_source, found[key].predictions) == (static, "rule", ())


def test_what_is_assigned_is_inferred(project: Path) -> None:
    found = inferred(project)["attribute", "count"]
    assert (found.static, found.static_source) == ("int", "inferred")


def test_none_as_a_default_means_that_none_is_allowed(project: Path) -> None:
    found = inferred(project)["parameter", "label"]
    assert found.best is not None
    assert found.best.text.endswith(" | None")


def test_a_class_of_the_library_by_what_is_passed(project: Path) -> None:
    found = inferred(project)["parameter", "folder"]
    assert found.best is not None
    assert (found.best.text, found.best.full_type) == ("pl.Path", "pathlib.Path")
    assert any("called with Path(…)" in one.text for one in found.evidence)


def test_probabilities_and_sets_hold_together(project: Path) -> None:
    for one in inferred(project).values():
        shares = [each.probability for each in one.predictions]
        assert shares == sorted(shares, reverse=True)
        assert all(0.0 <= each.low <= each.probability <= each.high <= 1.0 for each in one.predictions)
        assert 0.0 <= one.other <= 1.0
        assert one.complete


def test_a_stricter_promise_makes_no_smaller_set(project: Path) -> None:
    document = Document(str(project / "main.py"), MAIN, 1, str(project))
    inference = TypeInference(InlineAnalysis())
    sizes = []
    for epsilon in (0.3, 0.1, 0.02):
        one = next(one for one in inference.infer(document, epsilon=epsilon) if one.slot.name == "folder")
        sizes.append(len(one.predicted_set) + 100 * one.set_has_other)
    assert sizes == sorted(sizes)


def test_stopping_leaves_slots_incomplete(project: Path) -> None:
    document = Document(str(project / "main.py"), MAIN, 1, str(project))
    found = TypeInference(InlineAnalysis()).infer(document, stop=lambda: True)
    assert found
    assert not any(one.complete for one in found)


class Down:
    """An analysis that has ended."""

    def types(self, document: Document, offsets: Sequence[int]) -> Future[TypesAnswer]:
        future: Future[TypesAnswer] = Future()
        future.set_exception(AnalysisDown("gone"))
        return future


def test_without_analysis_nothing_is_known_and_nothing_raised() -> None:
    found = TypeInference(Down()).infer(Document("a.py", "def f(x): return x\n"))
    assert [(one.complete, one.predictions) for one in found] == [(False, ()), (False, ())]


def test_broken_text_is_survived(project: Path) -> None:
    for text in ("def f(x, y:\n  x.", "def f(a, (b, c)):\n  print a\n", "%m\ndef f(x): return x.y\n", "\ufeffdef f(x): x.y"):
        inferred(project, text)


def test_what_crosses_the_pipe_comes_back_the_same(project: Path) -> None:
    analysis = InlineAnalysis()
    document = Document(str(project / "main.py"), MAIN, 1, str(project))
    while analysis.types(document, ()).result().surveyed < 1.0:
        pass
    answer = analysis.types(document, [MAIN.index("http_request"), MAIN.index("send")]).result()
    assert len(answer.slots) == 2
    assert decoded(json.loads(json.dumps(asdict(answer)))) == answer


def test_the_process_answers_as_one_s_own_does(project: Path) -> None:
    document = Document(str(project / "main.py"), MAIN, 1, str(project))
    analysis = AnalysisProcess(cache_folder="")
    try:
        apart = TypeInference(analysis).infer(document)
    finally:
        analysis.shutdown()
    best = {one.slot.name: one.best.text for one in apart if one.best is not None}
    assert best["http_request"] == "Req"


def test_the_index_knows_members_bases_and_what_is_open(project: Path) -> None:
    index = ProjectIndex(str(project))
    while index.survey(0.2) < 1.0:
        pass
    members, is_open = index.members("HttpRequest")
    assert {"close", "fetch", "url", "headers", "method"} <= members
    assert not is_open
    assert index.members("Loose")[1]
    assert index.aliases == {"PathLike": "pkg.lib"}
    assert [site.shape for site in index.calls("send") if site.where == "0"] == ["call:Req"]
    index.update(str(project / "new.py"), "class Fresh: ...\n")
    assert "Fresh" in index.classes


def test_files_that_went_are_forgotten_and_devices_are_not_read(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "zero.py").symlink_to("/dev/zero")
    index = ProjectIndex(str(project))
    while index.survey(0.2) < 1.0:
        pass
    (project / "pkg" / "lib.py").unlink()
    monkeypatch.setattr("fairlead.monitors.project_types._AGAIN_S", 0.0)
    index.survey(0.2)
    assert "HttpRequest" not in index.classes


def test_types_are_written_in_the_names_of_the_file() -> None:
    own = {"Widget": Scored("Widget", "class", "app.ui", 0.0)}
    assert written("Widget | None", own, {}, "app.main") == (
        "Widget | None", (Import("app.ui", "Widget", project=True),), "app.ui.Widget | None")  # fmt: skip
    assert written("Widget", own, {"W": ("app.ui", "Widget")}, "app.main") == ("W", (), "app.ui.Widget")
    assert written("dict[str, Path]", {}, {"pathlib": ("pathlib", "")}, "") == (
        "dict[str, pathlib.Path]", (), "dict[str, pathlib.Path]")  # fmt: skip
    assert written("Callable", {}, {"Callable": ("typing", "Callable")}, "")[:2] == ("Callable", ())


def test_members_of_types_that_need_no_project() -> None:
    assert "append" in (known_types.members("list[str]") or ())
    assert "read_text" in (known_types.members("Path | str") or ())
    assert known_types.members("Whatever") is None
    assert known_types.split_union("dict[str, int | str] | None") == ["dict[str, int | str]", "None"]


def test_shares_are_a_distribution_and_none_is_split_off() -> None:
    shares, other = type_model.shares([1.0, 0.0], -1.0)
    assert sum(shares) + other == pytest.approx(1.0)
    pairs = type_model.with_none([("int", 0.6), ("Any", 0.2)], 0.25)
    assert pairs == [("int", pytest.approx(0.45)), ("Any", 0.2), ("int | None", pytest.approx(0.15))]


@pytest.mark.parametrize("kind", ["parameter", "return"])
def test_calibration_grows_with_the_share_and_holds_its_number(kind: str) -> None:
    steps = [type_model.calibrated(kind, at / 100) for at in range(101)]
    assert all(low <= number <= high for number, low, high in steps)
    for column in (1, 2):
        values = [step[column] for step in steps]
        assert values == sorted(values)


def test_an_index_that_was_let_go_is_made_again(project: Path) -> None:
    analysis = InlineAnalysis()
    document = Document(str(project / "main.py"), MAIN, 1, str(project))
    inference = TypeInference(analysis)
    first = inference.infer(document)
    slot_evidence.of(analysis.session).clear()
    assert inference.infer(document) == first


class Hurried:
    """An analysis that has time for the first slot of each question only."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def types(self, document: Document, offsets: Sequence[int]) -> Future[TypesAnswer]:
        future: Future[TypesAnswer] = Future()
        if offsets:
            self.asked.append(len(offsets))
        first = [SlotEvidence(one, "attribute", "int", "inferred") for one in offsets[:1]]
        late = [SlotEvidence(one, "attribute", late=True) for one in offsets[1:]]
        future.set_result(TypesAnswer(1.0, (*first, *late)))
        return future


def test_slots_that_there_was_no_time_for_are_asked_about_again() -> None:
    text = "class A:\n    def f(self):\n        self.a = 1\n        self.b = 2\n        self.c = 3\n"
    document, analysis = Document("a.py", text), Hurried()
    wanted = [slot for slot in slots(text) if slot.kind == "attribute"]
    assert [one.static for one in TypeInference(analysis).infer(document, wanted)] == ["int", "int", "int"]
    assert analysis.asked == [3, 2, 1]


def test_an_attribute_that_is_given_a_parameter_has_its_type(project: Path) -> None:
    text = "from pkg.lib import HttpRequest\n\n\nclass A:\n    def __init__(self, http_request):\n"
    text += "        self.kept = http_request\n        http_request.fetch()\n        number = len('a')\n"
    (project / "other.py").write_text(text)
    found = {(one.slot.kind, one.slot.name): one for one in TypeInference(InlineAnalysis()).infer(
        Document(str(project / "other.py"), text, 1, str(project)))}  # fmt: skip
    given, kept = found["parameter", "http_request"], found["attribute", "kept"]
    assert [one.text for one in kept.predictions] == [one.text for one in given.predictions]
    assert kept.predictions[0].text == "HttpRequest"
    assert [one.probability for one in kept.predictions] == [one.probability for one in given.predictions]
    assert found["variable", "number"].static == "int"


def test_jedi_is_asked_nothing_when_its_time_is_over(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slot_evidence, "_JEDI_S", 0.0)
    monkeypatch.setattr(jedi_types, "guesses", lambda *_: pytest.fail("jedi was asked"))
    assert inferred(project)["attribute", "count"].static == "int", "it follows from the assignment alone"


def test_a_common_word_is_the_class_of_the_project_that_has_one(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app/__init__.py").write_text("")
    (tmp_path / "app/db.py").write_text("class Connection:\n    def execute(self, sql): ...\n    def commit(self): ...\n")
    text = "def go(connection):\n    connection.execute('y')\n    connection.commit()\n"
    document = Document(str(tmp_path / "app/other.py"), text, 0, str(tmp_path))
    found, = TypeInference(InlineAnalysis()).infer(document, [slot for slot in slots(text) if slot.name == "connection"])
    best = found.predictions[0]
    assert (best.text, best.imports) == ("Connection", (Import("app.db", "Connection", project=True),))
