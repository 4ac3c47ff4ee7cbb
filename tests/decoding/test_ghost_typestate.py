"""A scripted model that uses an object in the wrong state, and stores what cannot be stored, alone and guided."""

from __future__ import annotations

from pathlib import Path

from fairlead.decoding.fakes import ScriptedEngine, byte_tokenizer, decoder_of
from fairlead.decoding.offer import Limits, Offer
from fairlead.monitors.analysis import Document
from fairlead.monitors.fixed import FixedAnalysis
from fairlead.monitors.roster import joint

LINK = """
[tool.fairlead.protocols."shop.Motor"]
start = "stopped"
[tool.fairlead.protocols."shop.Motor".states]
stopped = {leads = {reset = "idle"}}
idle = {leads = {start = "running"}}
running = {leads = {stop = "stopped"}}
"""
TEXT = "from shop import Motor\ndef f():\n    m = Motor()\n    "
WORDS = ["m.", "stop", "reset", "start", "()", "\n", ".stop", ".start", ".reset", "p.", "x", " = ", "1", "z"]
MONITORS = ("typestate", "dereference", "store")


def write(script: dict[str, str], text: str, root: str, *, guided: bool) -> Offer | None:
    tokenizer = byte_tokenizer(WORDS)
    engine = ScriptedEngine(tokenizer, script)
    analysis = FixedAnalysis({"m": ["start", "stop", "reset", "name"]})
    analysis.storable = {"p": ("x",)}
    written = decoder_of(tokenizer, engine).write(
        Document(f"{root}/a.py", text, 0, root), len(text), joint(analysis, MONITORS) if guided else None,
        Limits(min_token=0.0, min_legal_mass=0.0),
    )
    return written.offers[0] if written.offers else None


def test_a_stopped_motor_is_reset_and_not_stopped_again(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(LINK, "utf-8")
    script = {"    m.": "stop()\n", "reset": "()\n"}
    alone = write(script, TEXT + "m.", str(tmp_path), guided=False)
    assert alone is not None
    assert alone.text == "stop()"
    guided = write(script, TEXT + "m.", str(tmp_path), guided=True)
    assert guided is not None
    assert guided.text.startswith(("reset", "name"))
    after = write({"    m.": "reset()\n", "start": "()\n"}, TEXT + "m.reset()\n    m.", str(tmp_path), guided=True)
    assert after is not None
    assert after.text.startswith(("start", "name"))


def test_a_dot_that_the_model_writes_is_followed(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(LINK, "utf-8")
    script = {"Motor()\n    ": "m.stop()\n", "reset": "()\n"}
    guided = write(script, TEXT, str(tmp_path), guided=True)
    assert guided is not None
    assert guided.text.startswith(("m.reset", "m.name"))


def test_what_cannot_be_stored_is_not_offered(tmp_path: Path) -> None:
    script = {"v\n": "p.z = 1\n"}
    alone = write(script, "v\n", str(tmp_path), guided=False)
    assert alone is not None
    assert alone.text == "p.z = 1"
    guided = write(script, "v\n", str(tmp_path), guided=True)
    assert guided is None or "p.z =" not in guided.text
    kept = write({"v\n": "p.x = 1\n"}, "v\n", str(tmp_path), guided=True)
    assert kept is not None
    assert kept.text == "p.x = 1"
