"""In which words a type is claimed, and when it is too obvious to be."""

from __future__ import annotations

import pytest

from fairlead.monitors.slot_places import slots
from fairlead.monitors.slots import Evidence, Inferred, Prediction
from fairlead.server import claims
from fairlead.server.claims import Claim
from fairlead.server.python_version import oldest_python
from fairlead.server.settings import Settings

SLOT = slots("def f(request): pass\n")[1]


def predicted(*shares: tuple[str, float]) -> tuple[Prediction, ...]:
    return tuple(Prediction(text, share, max(0.0, share - 0.03), min(1.0, share + 0.03)) for text, share in shares)


def test_the_line_of_a_prediction() -> None:
    one = Inferred(SLOT, predictions=predicted(("Request", 0.84), ("HTTPConnection", 0.09)), other=0.07)
    assert claims.prediction_line(one) == "predicted: Request 84 % [81–87] · HTTPConnection 9 % · other 7 %"


def test_more_candidates_than_are_shown_count_as_other() -> None:
    one = Inferred(SLOT, predictions=predicted(("A", 0.4), ("B", 0.3), ("C", 0.1), ("D", 0.1)), other=0.1)
    assert claims.prediction_line(one).endswith("C 10 % · other 20 %")


def test_nothing_uncertain_is_shown_as_certain() -> None:
    assert [claims.percent(share) for share in (0.999, 0.001, 1.0, 0.5)] == ["99 %", "1 %", "100 %", "50 %"]


def test_what_follows_from_the_code_comes_before_what_is_predicted() -> None:
    one = Inferred(SLOT, static="int", static_source="rule", predictions=predicted(("str", 0.9)))
    assert claims.claim_of(one) == Claim(SLOT, "int", False)
    assert [claim.text for claim in claims.candidates(one, "")] == ["int", "str"]
    assert claims.explanation(one).startswith("by rule: int\npredicted: str 90 %")


def test_what_is_written_in_the_code_is_not_said_again() -> None:
    assert claims.explanation(Inferred(SLOT, static="int", static_source="declared")) == ""


@pytest.mark.parametrize("text", ["Any", "object", ""])
def test_types_that_tell_nothing_are_no_claims(text: str) -> None:
    assert claims.claim_of(Inferred(SLOT, static=text)) is None
    assert not claims.is_sure(Claim(SLOT, text, True, 0.99, 0.99), 0.8)


def test_evidence_names_its_place_once() -> None:
    away = "/p/app.py"
    found = (Evidence("called with a Request", 30, away), Evidence("read in app.py:31", 30, away), Evidence("read", 4))
    assert claims.evidence_lines(Inferred(SLOT, evidence=found)) == [
        "called with a Request (app.py:31)", "read in app.py:31", "read (line 5)",
    ]  # fmt: skip


def test_what_is_seen_on_several_lines_is_said_once() -> None:
    found = [Evidence("returns what is made by f", line0) for line0 in (3, 5, 5, 7, 9)]
    found += [Evidence("indexed", 2), Evidence("seen")]
    assert claims.evidence_lines(Inferred(SLOT, evidence=tuple(found))) == [
        "returns what is made by f (lines 4, 6, 8, …)", "indexed (line 3)", "seen",
    ]  # fmt: skip


def test_a_guess_that_tells_nothing_is_not_said() -> None:
    one = Inferred(SLOT, predictions=predicted(("Parser", 0.09)), evidence=(Evidence("used"),))
    assert claims.explanation(one) == ""


def test_an_interval_without_width_is_left_out() -> None:
    one = Inferred(SLOT, predictions=(Prediction("str", 0.82, 0.818, 0.822),), other=0.18)
    assert claims.prediction_line(one) == "predicted: str 82 % · other 18 %"


OBVIOUS = [
    ("x = 1\n", "int"), ("x = 'a'\n", "str"), ("x = f'{y}'\n", "str"), ("x = Thing()\n", "Thing"),
    ("x = m.Thing(1,\n  2)\n", "Thing"),
    ("x = []\n", "list"), ("x = {}\n", "dict"), ("x = a < b\n", "bool"), ("x = dict(a=1)\n", "dict[str, int]"),
    ("x = 'a' if y else 'b'\n", "str"), ("x = ', '.join(y)\n", "str"), ("x = '%s' % y\n", "str"), ("x = f'{y}' + z\n", "str"),
    ("def test_f(x): pass\n", "int"), ("def f(x=1): pass\n", "int"), ("@typing.overload\ndef f(x): ...\n", "int"),
]  # fmt: skip
TELLING = [
    ("x = 1\n", "float"), ("x = f()\n", "int"), ("x = []\n", "list[int]"), ("x = Thing\n", "type[Thing]"),
    ("def f(x=None): pass\n", "int | None"), ("x = 'a' if y else z\n", "str"), ("x = y.join(z)\n", "str"),
    ("x = (\n    1)\n", "int"), ("@overloaded\ndef f(x): ...\n", "int"), ("def f(x): pass\n", "int"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "type_text", "obvious"), [(*one, True) for one in OBVIOUS] + [(*one, False) for one in TELLING]
)
def test_what_the_line_tells(text: str, type_text: str, obvious: bool) -> None:
    slot = next(slot for slot in slots(text) if slot.name == "x")
    assert claims.is_obvious(Claim(slot, type_text, True), text) == obvious


@pytest.mark.parametrize(
    ("text", "type_text", "shown"),
    [
        ("x = f()\n", "int", True), ("x = f()\n", "int | None", True), ("x = f()\n", "str | list[str]", False),
        ("x = f()\n", "list", False), ("x = f()\n", "list[int]", True), ("x = y + True\n", "bool", False),
        ("def f(x): pass\n", "str | bytes", True), ("def f(x): pass\n", "list", True),
    ],
)
def test_a_variable_has_a_hint_only_where_it_says_more_than_its_value(text: str, type_text: str, shown: bool) -> None:
    slot = next(slot for slot in slots(text) if slot.name == "x")
    one = Inferred(slot, static=type_text, static_source="inferred")
    assert (claims.hinted(one, Settings(), text) is not None) == shown


def test_a_hint_is_for_what_is_legal_wanted_and_sure() -> None:
    text = "def f(_x, y): pass\nf = lambda z: z\n"
    by_name = {slot.name: slot for slot in slots(text)}
    sure, unsure = predicted(("int", 0.9)), predicted(("int", 0.82))
    strict = Settings(hints_min_probability=0.8)
    shown = [claims.hinted(Inferred(by_name["y"], predictions=one), strict, text) is not None for one in (sure, unsure)]
    assert shown == [True, False], "0.82 is 0.79 at its lower end"
    assert claims.hinted(Inferred(by_name["_x"], predictions=sure), Settings(), text) is None
    assert claims.hinted(Inferred(by_name["y"], predictions=sure), Settings(hints_parameters=False), text) is None
    illegal = [slot for slot in slots(text) if not slot.legal]
    assert all(claims.hinted(Inferred(slot, predictions=sure), Settings(), text) is None for slot in illegal)


@pytest.mark.parametrize(
    ("files", "setting", "version"),
    [
        ({"pyproject.toml": '[project]\nrequires-python = ">=3.8,<4"\n'}, "", (3, 8)),
        ({"pyproject.toml": '[project]\nrequires-python = "~=3.9"\n'}, "", (3, 9)),
        ({"pyproject.toml": '[project]\nrequires-python = ">3.9"\n'}, "", (3, 10)),
        ({"setup.cfg": "[options]\npython_requires = >=3.7\n"}, "", (3, 7)),
        ({"pyproject.toml": '[project]\nrequires-python = ">=3.8"\n'}, "3.12", (3, 12)),
        ({"pyproject.toml": "nonsense", "setup.cfg": "nonsense", ".venv/pyvenv.cfg": "version = 3.9.7\n"}, "", (3, 9)),
        ({"pyproject.toml": "project = 1\n", ".venv/pyvenv.cfg": "version = 3.9.7\n"}, "?", (3, 9)),
    ],
)
def test_the_oldest_python(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, str], setting: str, version: tuple[int, int]
) -> None:
    root = tmp_path_factory.mktemp("root")
    for name, text in files.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    assert oldest_python(str(root), setting=setting) == version
