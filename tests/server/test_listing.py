"""The order of the list: what the model believes, what the text says, and where neither has a say."""

from __future__ import annotations

import math

import pytest

from fairlead.decoding.rank import Ranking
from fairlead.monitors.analysis import Document, Member, Members
from fairlead.monitors.monitor import FREE, Start
from fairlead.server.listing import entries

TEXT = "log.open()\nlog.write(1)\nlog.close()\nlog.open()\nlog."


def start(text: str, names: str, monitor: str = "dereference", typed: str = "", others: tuple[Start, ...] = ()) -> Start:
    members = Members(tuple(Member(name, "method") for name in names.split()), True)
    return Start(monitor, True, "", FREE, len(text) - len(typed), typed, members, others)


def ranking(**probabilities: float) -> Ranking:
    names = sorted(probabilities, key=lambda name: -probabilities[name])
    return Ranking(tuple(names), tuple(math.log(probabilities[name]) for name in names), 1.0)


def listed(begun: Start, given: Ranking | None, text: str = TEXT, path: str = "a.py") -> list[str]:
    return [entry.member.name for entry in entries(begun, given, Document(path, text))]


def test_without_a_model_the_text_orders() -> None:
    assert listed(start(TEXT, "_x close open write"), None)[0] == "write"


def test_where_the_text_says_nothing_private_names_come_last() -> None:
    assert listed(start("log.", "_x close open"), None, "log.") == ["close", "open", "_x"]


def test_model_and_text_together() -> None:
    unsure = ranking(close=0.4, write=0.3, open=0.2, flush=0.1)
    assert listed(start(TEXT, "close flush open write"), unsure)[0] == "write"
    sure = ranking(flush=0.97, close=0.01, write=0.01, open=0.01)
    assert listed(start("log.", "close flush open write"), sure, "log.")[0] == "flush"


def test_the_probability_shown_is_the_models() -> None:
    given = ranking(close=0.4, write=0.3, open=0.2, flush=0.1)
    found = entries(start(TEXT, "close flush open write"), given, Document("a.py", TEXT))
    assert found[0].member.name == "write"
    assert {entry.member.name: entry.probability for entry in found} == pytest.approx(
        {"close": 0.4, "write": 0.3, "open": 0.2, "flush": 0.1}
    )


def test_what_is_typed_is_kept_to() -> None:
    text = TEXT + "w"
    assert listed(start(text, "close open wait write", typed="w"), None, text) == ["write", "wait"]


@pytest.mark.parametrize("path", ["a.ts", "a.cpp"])
def test_other_languages_go_by_the_model(path: str) -> None:
    given = ranking(close=0.4, write=0.3, open=0.3)
    assert listed(start(TEXT, "close open write"), given, path=path)[0] == "close"
    assert listed(start(TEXT, "close open write"), None, path=path) == ["close", "open", "write"]


def test_bare_names_go_by_the_model() -> None:
    text = "log.write\nlog.write\nx = "
    assert listed(start(text, "close write", monitor="name"), ranking(close=0.6, write=0.4), text) == ["close", "write"]


def test_members_of_an_enumeration_keep_their_order() -> None:
    other = Start("match", False, "", FREE, len(TEXT))
    assert listed(start(TEXT, "close open write", others=(other,)), None) == ["close", "open", "write"]
