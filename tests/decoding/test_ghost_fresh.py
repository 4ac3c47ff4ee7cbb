"""At the start of a statement `self.` may store a new attribute, but what the model calls must be there."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from fairlead.decoding.fakes import ScriptedEngine, byte_tokenizer, decoder_of
from fairlead.decoding.offer import Limits
from fairlead.monitors.analysis import Document
from fairlead.monitors.dereference import Dereference
from fairlead.monitors.fixed import FixedAnalysis

WORDS = ["self", "self.", "nothing", "run", "stop", "(", "()", " = ", "1", "\n", " "]
BOLD = Limits(min_token=0.0, min_legal_mass=0.0)


def write(script: Mapping[str, str], text: str, guided: bool = True) -> str:
    tokenizer = byte_tokenizer(WORDS)
    engine = ScriptedEngine(tokenizer, script)
    guide = Dereference(FixedAnalysis({"self": ["run", "stop"]})) if guided else None
    offers = decoder_of(tokenizer, engine).write(Document("/p/a.py", text), len(text), guide, BOLD).offers
    return offers[0].text if offers else ""


HEAD = "def f(self):\n    "


@pytest.mark.parametrize("given", ["", "self."])
def test_an_invented_method_becomes_one_that_is_there(given: str) -> None:
    script = {HEAD + given: "self."[len(given):] + "nothing()\n", "self.run": "()\n", "self.stop": "()\n"}
    assert write(script, HEAD + given, guided=False) == "self."[len(given):] + "nothing()"
    assert write(script, HEAD + given) in {"self."[len(given):] + name for name in ("run()", "stop()")}


@pytest.mark.parametrize("given", ["", "self."])
def test_a_new_attribute_is_stored_as_the_model_wrote_it(given: str) -> None:
    assert write({HEAD + given: "self."[len(given):] + "nothing = 1\n"}, HEAD + given) == "self."[len(given):] + "nothing = 1"
