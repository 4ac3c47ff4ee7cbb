"""What is wrong about a call unguided and right when guided; the published cases are in `test_microbenchmark`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import pytest

from fairlead.decoding.fakes import ScriptedEngine, SecondThoughts, byte_tokenizer, decoder_of
from fairlead.decoding.offer import Limits, Offer
from fairlead.monitors.analysis import Classification, Document, Parameter, Signatures
from fairlead.monitors.fixed import FixedAnalysis
from fairlead.monitors.joint import Joint
from fairlead.monitors.roster import ROSTER

WORDS = [
    ".with", "_ip", "(arr", "arr[0]", "arr[1]", ")", ").", ".build", "()", "()\n", ")\n", "\n", "return ", "node", " = ",
    "self", ", ", "=", "==", '"', "'", '")\n', "host", "port", "_port", "Person", "Student", "(", '"John"', "kind",
    "circle", "square", "triangle", " == ", "name", "timeout", "1", "2",
]  # fmt: skip
BOLD = Limits(min_token=0.0, min_legal_mass=0.0)


def takes(*names: str, abstract: tuple[str, ...] = (), literals: Mapping[str, tuple[str, ...]] | None = None) -> Signatures:
    """A signature of required parameters; those with a `?` are optional."""
    parameters = tuple(
        Parameter(name.rstrip("?"), "either", not name.endswith("?"), (literals or {}).get(name.rstrip("?"), ()))
        for name in names
    )
    return Signatures((parameters,), True, "a fixed table", "it", abstract)


TABLE = {
    "with_ip_port": takes("ip", "port"),
    "builder.with_ip_port": takes("ip", "port"),
    "builder.build": takes(),
    "connect": takes("host", "port", "timeout?"),
    "Person": takes("name", abstract=("speak",)),
    "Student": takes("name"),
    "draw": takes("kind", literals={"kind": ("circle", "square")}),
}
MEMBERS = {"builder": ["with_ip_port", "build"], "builder.with_ip_port(arr[0], arr[1])": ["build"]}


class Slow(FixedAnalysis):
    """Answers a moment later, from another thread's point of view: the model has written on."""

    def __init__(self, inner: FixedAnalysis, delay_s: float) -> None:
        super().__init__({})
        self._inner, self._delay_s = inner, delay_s

    def signatures(self, document: Document, offset: int) -> Future[Signatures]:
        return _later(self._inner.signatures(document, offset), self._delay_s)

    def literals(self, document: Document, offset: int, role: str) -> Future[Classification]:
        return _later(self._inner.literals(document, offset, role), self._delay_s)

    def members(self, document: Document, offset: int):  # type: ignore[no-untyped-def] # as in the class above
        return self._inner.members(document, offset)


class _later(Future):  # type: ignore[type-arg] # a future of whatever the inner one holds
    """Done when so much time has passed since it was made."""

    def __init__(self, inner: Future[Signatures] | Future[Classification], delay_s: float) -> None:
        super().__init__()
        self._at, self._value = time.monotonic() + delay_s, inner.result()

    def result(self, timeout: float | None = None) -> Any:
        time.sleep(min(max(0.0, self._at - time.monotonic()), 1e9 if timeout is None else timeout))
        return super().result(0) if self.done() else super().result(0.0)

    def done(self) -> bool:
        if not super().done() and time.monotonic() >= self._at:
            self.set_result(self._value)
        return super().done()


def table(names: tuple[str, ...] = ()) -> FixedAnalysis:
    return FixedAnalysis(
        MEMBERS, names, signatures=TABLE, literals={"kind": ["circle", "square"], "self.kind": ["circle", "square"]}
    )


def write(
    script: Mapping[str, str], text: str, monitors: str, *, second: Mapping[str, str] | None = None,
    analysis: FixedAnalysis | None = None,
) -> Offer | None:  # fmt: skip
    """The first offer at the end of `text`, under these monitors (none: unguided)."""
    tokenizer = byte_tokenizer(WORDS)
    engine = SecondThoughts(tokenizer, script, second or {})
    guide = Joint([ROSTER[one](analysis or table()) for one in monitors.split()]) if monitors else None
    written = decoder_of(tokenizer, engine).write(Document("/p/a.py", text), len(text), guide, BOLD)
    return written.offers[0] if written.offers else None


def text_of(offer: Offer | None) -> str:
    return offer.text if offer is not None else ""


@dataclass(frozen=True)
class Case:
    """`script` is what the model wants; `second` what it would write instead."""

    monitors: str
    text: str
    script: Mapping[str, str]
    wrong: str
    right: str
    second: Mapping[str, str] = field(default_factory=dict)


CASES = {
    "NA2: one argument too many": Case(
        "arity", "x = ", {"x = ": "builder.build(arr[0])\n"}, "builder.build(arr[0])", "builder.build()",
        {"builder.build": "()\n"},
    ),
    "KW1: a keyword that is no parameter": Case(
        "keyword_argument", "connect(host=1, ", {"connect(host=1, ": "name=2)\n", "port=": "2)\n"}, "name=2)", "port=2)",
        {"host=1, ": "port"},
    ),
    "KW2: a keyword given twice": Case(
        "keyword_argument", "connect(host=1, ", {"connect(host=1, ": "host=2)\n", "port=": "2)\n"}, "host=2)", "port=2)",
        {"host=1, ": "port"},
    ),
    "KW3: a keyword in generated text": Case(
        "keyword_argument", "x = ", {"x = ": "connect(host=1, name=2)\n", "port=": "2)\n"}, "connect(host=1, name=2)",
        "connect(host=1, port=2)", {"host=1, ": "port"},
    ),
    "LI1: a string that is none of the literals": Case(
        "literal", "draw(", {"draw(": '"triangle")\n', '"circle"': ")\n", '"square"': ")\n"}, '"triangle")', '"circle")',
        {'draw("': "circle"},
    ),
    "LI2: a comparison with a string that cannot be": Case(
        "literal", "x = ", {"x = ": 'self.kind == "triangle"\n', '"square"': "\n", '"circle"': "\n"},
        'self.kind == "triangle"', 'self.kind == "square"', {'== "': "square"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("delay_s", [0.0, 0.02], ids=["at once", "late"])
@pytest.mark.parametrize("name", CASES)
def test_wrong_unguided_and_right_guided(name: str, delay_s: float) -> None:
    case = CASES[name]
    assert text_of(write(case.script, case.text, "", second=case.second)) == case.wrong
    offer = write(case.script, case.text, case.monitors, second=case.second, analysis=Slow(table(), delay_s))
    assert offer is not None
    assert (offer.text, offer.provenance) == (case.right, "model, checked")


@pytest.mark.parametrize("name", CASES)
def test_right_with_every_monitor_there_is(name: str) -> None:
    """None of the others stands in the way; what a star import brings is not known."""
    case = CASES[name]
    offer = write(case.script, f"from shop import *\n{case.text}", " ".join(ROSTER), second=case.second)
    assert offer is not None
    assert (offer.text, offer.provenance) == (case.right, "model, checked")


def test_a_string_half_typed_is_completed_among_the_literals() -> None:
    """What is typed is no name (`utf-`): it is written again from the quote on."""
    literals = {"encoding": ("utf-8", "utf-16", "latin-1")}
    analysis = FixedAnalysis({}, signatures={"read": takes("encoding", literals=literals)})
    offer = write({'read("': 'utf-7")\n'}, 'read("utf-', "literal", second={'read("': "utf-16"}, analysis=analysis)
    assert offer is not None
    assert offer.text.startswith('16"')


def test_strings_are_ranked_from_the_quote_on() -> None:
    text = 'read("utf-'
    tokenizer = byte_tokenizer(WORDS)
    made = decoder_of(tokenizer, ScriptedEngine(tokenizer, {'read("': "utf-16"}))
    literals = {"encoding": ("utf-8", "utf-16", "latin-1")}
    guide = ROSTER["literal"](FixedAnalysis({}, signatures={"read": takes("encoding", literals=literals)}))
    document = Document("/p/a.py", text)
    start = guide.start(document, len(text))
    assert start is not None
    ranking, _ = made.rank(document, start, ["utf-8", "utf-16", "latin-1"], typed=start.typed)
    assert ranking is not None
    assert ranking.names == ("utf-16", "utf-8")
    assert ranking.log_prob("utf-16") > -0.1
