"""Guided writing of bare names, imports, exceptions and types with a scripted model and tables for analysis.

Each row is wrong unguided and right when guided; the published cases are in `test_microbenchmark`.
"""

from __future__ import annotations

import time
from concurrent.futures import Future

import pytest

from fairlead.decoding.decoder import Decoder
from fairlead.decoding.fakes import ScriptedEngine, byte_tokenizer, decoder_of
from fairlead.decoding.offer import Limits, Offer
from fairlead.monitors.analysis import Document, Members
from fairlead.monitors.errors import AnalysisDown
from fairlead.monitors.fixed import FixedAnalysis
from fairlead.monitors.roster import joint

WORDS = [
    "AccessSize", "AccessSize.", "AccessSizes", ".Byte", ".Bite", ":\n", "case ", "total", "totals", "item", ")\n", "\n",
    " = ", "Error", "ValueError", "Missing", "raise ", "(", ")", "import ", "builder", "build", "return ", " in ", "for ",
]  # fmt: skip

BOLD = Limits(min_token=0.0, min_legal_mass=0.0)
"""For scripts so sure of themselves that everything else is next to impossible."""

TABLE = FixedAnalysis(
    {"AccessSize": ["Byte", "Word"]}, imports={"shop": ["builder", "lazy"], "shop.": ["builder", "lazy"]},
    kinds={"raise call": (["ValueError", "Known"], ["Thing"]), "annotation": (["Known", "int"], ["Thing"])},
)  # fmt: skip

ENUM = "class AccessSize(Enum):\n    Byte = 1\n    Word = 2\n\nfrom enum import Enum\n\nmatch size:\n    "
THING = "class Known(Exception): ...\n\ndef Thing(): ...\n\n"
MONITORS = ("dereference", "import", "exception", "annotation", "name")


def decoder(script: dict[str, str]) -> Decoder:
    tokenizer = byte_tokenizer(WORDS)
    engine = ScriptedEngine(tokenizer, script)
    return decoder_of(tokenizer, engine)


def write(
    script: dict[str, str], text: str, *, guided: bool = True, suffix: str = "", limits: Limits = BOLD,
    analysis: FixedAnalysis = TABLE,
) -> Offer | None:  # fmt: skip
    """The first offer at the end of `text`."""
    guide = joint(analysis, MONITORS) if guided else None
    written = decoder(script).write(Document("/p/a.py", text + suffix), len(text), guide, limits)
    return written.offers[0] if written.offers else None


@pytest.mark.parametrize(
    ("script", "text", "unguided", "guided"),
    [
        pytest.param(
            {"return total": "(1)\n", "return ": "totals(1)\n"}, "def f(total):\n    return ",
            "totals(1)", "total(1)", id="a name nobody binds, before a bracket",
        ),
        pytest.param(
            {"return total": "\n", "return ": "totals\n"}, "def f(total):\n    return ",
            "totals", "total", id="a name nobody binds, at the end of the line",
        ),
        pytest.param(
            {"return total": ".x\n", "return to": "fu.x\n"}, "def f(total):\n    return to",
            "fu.x", "tal.x", id="a name that was begun by the user",
        ),
        pytest.param(
            {"from shop ": "import build\n", "import builder": "\n"}, "from shop ",
            "import build", "import builder", id="a name that cannot be imported",
        ),
        pytest.param(
            {"from shop import ": "build\n", "import builder": "\n"}, "from shop import ",
            "build", "builder", id="a name that cannot be imported, at the cursor",
        ),
        pytest.param(
            {"raise ": "Thing(1)\n", "raise ValueError": "(1)\n"}, THING + "raise ",
            "Thing(1)", "ValueError(1)", id="what is no exception",
        ),
        pytest.param(
            {"x: ": "Thing = 1\n", "x: int": " = 1\n"}, THING + "x: ",
            "Thing = 1", "int = 1", id="what is no type",
        ),
    ],
)  # fmt: skip
def test_wrong_unguided_and_right_when_guided(script: dict[str, str], text: str, unguided: str, guided: str) -> None:
    free, held = write(script, text, guided=False), write(script, text)
    assert free is not None
    assert held is not None
    assert (free.text, free.provenance) == (unguided, "model")
    assert held.provenance == "model, checked"
    if guided.startswith(("Value", "int")):
        # Whatever is likeliest among what is right; the script has no wish there.
        assert held.text != unguided
        assert not held.text.startswith("Thing")
    else:
        assert held.text == guided


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ({"x = ": "[item.total for item in total]\n"}, "total = []\nx = "),
        ({"\n\n": "totals = total\n"}, "total = []\n\n"),
        ({"\n\n": "for totals in total:\n"}, "total = []\n\n"),
        ({"x = ": "dict(totals=total)\n"}, "total = []\nx = "),
        ({"x = ": "lambda totals: totals\n"}, "total = []\nx = "),
        ({"\n\n": "def totals(item): return item\n"}, "total = []\n\n"),
        ({"\n\n": "import totals; totals.x\n"}, "total = []\n\n"),
        ({"case ": "totals:\n"}, ENUM + "case "),
        ({"x = ": "build = 3\n"}, "x = "),
        ({"x = ": "unknown(1)\n"}, "exec('a = 1')\nx = "),
    ],
)
def test_what_is_python_is_left_as_it_is(script: dict[str, str], text: str) -> None:
    offer = write(script, text)
    assert offer is not None
    assert offer.text == next(iter(script.values())).rstrip("\n")


def test_what_follows_the_cursor_decides_about_the_last_word() -> None:
    script = {"x = f(total": "\n", "x = f(": "totals\n"}
    offer = write(script, "total = f = 1\nx = f(", suffix=")\n")
    assert offer is not None
    assert offer.text == "total"


class Late(FixedAnalysis):
    """Never answers what a star import brings."""

    def stars(self, document: Document) -> Future[Members]:
        return Future()


class Down(FixedAnalysis):
    """Has died."""

    def stars(self, document: Document) -> Future[Members]:
        future: Future[Members] = Future()
        future.set_exception(AnalysisDown("killed"))
        return future


def test_a_name_that_a_star_import_may_bring_waits_for_the_answer() -> None:
    text = "from shop import *\ntotal = 1\nx = total + "
    script = {"total + ": "brought(item)\n"}
    for stars, expected in ((["brought", "item"], "brought(item)"), (None, "brought(item)")):
        offer = write(script, text, analysis=FixedAnalysis({}, stars=stars))
        assert offer is not None
        assert offer.text == expected
    down = write(script, text, analysis=Down({}))
    assert down is not None
    assert (down.text, down.provenance) == ("brought(item)", "model")


def test_without_an_answer_in_time_the_text_ends_before_the_name() -> None:
    limits = Limits(min_token=0.0, min_legal_mass=0.0, until=time.monotonic() + 0.4)
    offer = write({"\n\n": "total = 1 + brought\n"}, "from shop import *\n\n", analysis=Late({}), limits=limits)
    assert offer is None or "brought" not in offer.text
