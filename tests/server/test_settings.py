"""Settings: one home, wrong values reported and replaced."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from fairlead.server.settings import Settings, from_json, setting_name


def test_nothing_sent_is_the_defaults() -> None:
    assert from_json(None) == (Settings(), [])
    assert from_json({}) == (Settings(), [])


@pytest.mark.parametrize(
    "value",
    [{"inline": {"budget_ms": 100}}, {"inline.budget_ms": 100}, {"inline_budget_ms": 100}],
    ids=["nested", "dotted", "field"],
)
def test_every_way_of_writing_a_name(value: dict[str, Any]) -> None:
    settings, problems = from_json(value)
    assert (settings.inline_budget_ms, problems) == (100, [])


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"inline": {"budget_ms": "fast"}}, "inline.budget_ms: expected int, got 'fast'; using 250"),
        ({"inline": {"budget_ms": 1}}, "inline.budget_ms: must be at least 10, got 1; using 250"),
        ({"inline": {"enabled": 1}}, "inline.enabled: expected bool, got 1; using True"),
        ({"inline": {"budget_ms": True}}, "inline.budget_ms: expected int, got True; using 250"),
        ({"device": "tpu"}, "device: expected one of auto, cpu, cuda, mps, got 'tpu'; using 'auto'"),
        ({"colour": "red"}, "colour: there is no such setting"),
        ({"inline": {"budget_ms": 10**20}}, f"inline.budget_ms: must be a number below 2,147,483,647, got {10**20}; using 250"),
        ({"inline.temperature": float("nan")}, "inline.temperature: must be a number below 2,147,483,647, got nan; using 0.8"),
        ({"log.file": "a\0b"}, "log.file: no name has such characters: 'a\\x00b'; using ''"),
        ({"model": "\ud800"}, "model: no name has such characters: '\\ud800'; using ''"),
        ({"a\x1b[2K\nb": 1}, "a\\x1b[2K\\nb: there is no such setting"),
        ([1], "settings: expected an object, got list; using the defaults"),
    ],
)
def test_what_is_wrong_is_reported_and_replaced(value: object, problem: str) -> None:
    assert from_json(value) == (Settings(), [problem])


def test_what_is_told_of_wrong_settings_is_short() -> None:
    many = {f"k{number}": number for number in range(20_000)}
    _, problems = from_json({"device": "x" * 3_000_000, "y" * 3_000_000: 1} | many)
    assert problems[-1] == "and 19,982 more"
    assert len("; ".join(problems)) < 3_000


def test_one_bad_value_does_not_spoil_the_others() -> None:
    settings, problems = from_json({"device": "tpu", "inline": {"max_tokens": 7}, "hover": {"enabled": False}})
    assert (settings.inline_max_tokens, settings.hover_enabled, len(problems)) == (7, False, 1)


def test_a_whole_number_is_a_number() -> None:
    assert from_json({"inline": {"temperature": 1}})[1] == []


@pytest.mark.parametrize("name", ["model", "device", "log.file", "threads", "analysis.memory_mb"])
def test_an_untrusted_workspace_may_not_choose_models_devices_or_paths(name: str) -> None:
    described = {setting_name(f.name): f for f in fields(Settings)}[name]
    value = {"str": "/evil", "int": 9999, "Literal": "cuda"}["Literal" if name == "device" else described.type.split("[")[0]]
    settings, problems = from_json({name: value}, trusted=False)
    assert settings == Settings()
    assert problems == [f"{name}: a workspace may not set this; set it in the user settings"]


def test_later_settings_keep_what_earlier_ones_said() -> None:
    first, _ = from_json({"inline": {"max_tokens": 7}})
    second, _ = from_json({"hover": {"enabled": False}}, base=first)
    assert (second.inline_max_tokens, second.hover_enabled) == (7, False)
