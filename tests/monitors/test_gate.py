"""The gate as a table: facts in, closed or why not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fairlead.monitors.gate import DYNAMIC, EXACTLY, Facts, ValueFacts, judge

STR = ValueFacts("instance", "str", "builtins.str", ("builtins.str", "builtins.object"))
GOOD = Facts(values=(STR,), public=47)


def test_what_nothing_speaks_against_is_closed() -> None:
    assert judge(GOOD) == (True, "all members of str")


@pytest.mark.parametrize(
    "value",
    [
        STR,
        ValueFacts("class", "Color", "app.Color", ("app.Color", "enum.Enum", "builtins.object")),
        ValueFacts("instance", "Color", "app.Color", ("app.Color", "enum.Enum", "builtins.object")),
        ValueFacts("module", "os", "os"),
        ValueFacts("instance", "MyError", "app.MyError", ("app.MyError", "builtins.Exception", "builtins.object")),
    ],
    ids=lambda value: f"{value.kind} {value.name}",
)
def test_values_with_known_members(value: ValueFacts) -> None:
    assert judge(replace(GOOD, values=(value,)))[0]


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (replace(GOOD, where="comment"), "in a comment"),
        (replace(GOOD, where="string"), "in a string"),
        (replace(GOOD, where="number"), "in a number"),
        (replace(GOOD, attribute=False), "no attribute access"),
        (replace(GOOD, context="store"), "stored"),
        (replace(GOOD, context="del"), "deleted"),
        (replace(GOOD, context="import"), "import statement"),
        (replace(GOOD, context="fresh", self_like=True), "may be stored here"),
        (replace(GOOD, values=()), "type is not known"),
        (replace(GOOD, public=0), "no public member"),
        (replace(GOOD, uncertain="x is a parameter without annotation"), "parameter without annotation"),
        (replace(GOOD, missing=("extra",)), ".extra"),
        (replace(GOOD, error="analysis failed"), "analysis failed"),
    ],
)
def test_open_facts(facts: Facts, reason: str) -> None:
    closed, why = judge(facts)
    assert not closed
    assert reason in why


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (replace(STR, kind="function", name="f"), "f is a function"),
        (replace(STR, kind="namespace", name="ns"), "namespace package"),
        (replace(STR, kind="unknown"), "kind the gate does not know"),
        (replace(STR, unresolved="base class Base"), "base class Base is not known"),
        (replace(STR, getter="__getattr__ of A"), "makes up attributes"),
        (replace(STR, writer="setattr in A"), "computed names"),
        (replace(STR, decorator="magic"), "decorator magic"),
    ],
)
def test_open_values(value: ValueFacts, reason: str) -> None:
    closed, why = judge(replace(GOOD, values=(STR, value)))
    assert not closed, "one open value opens the union"
    assert reason in why


@pytest.mark.parametrize("name", sorted(DYNAMIC))
def test_dynamic_classes_and_their_subclasses_are_open(name: str) -> None:
    value = ValueFacts("instance", "Mine", "app.Mine", ("app.Mine", name, "builtins.object"))
    closed, why = judge(replace(GOOD, values=(value,)))
    assert not closed
    assert DYNAMIC[name] in why


@pytest.mark.parametrize("name", sorted(EXACTLY))
def test_the_most_general_classes_say_nothing(name: str) -> None:
    value = ValueFacts("instance", "x", name, (name, "builtins.object"))
    assert not judge(replace(GOOD, values=(value,)))[0]


def test_a_fresh_statement_on_another_object_is_closed() -> None:
    """`self.` may become a store of something new; `os.` becomes a call."""
    assert judge(replace(GOOD, context="fresh"))[0]
