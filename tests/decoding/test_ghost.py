"""Guided writing with a scripted model and a table for analysis: what is offered exists."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import replace

import pytest

from fairlead.decoding import rank
from fairlead.decoding.decoder import Decoder, heal_at
from fairlead.decoding.fakes import ScriptedEngine, byte_tokenizer, decoder_of
from fairlead.decoding.offer import Limits, Offer
from fairlead.monitors.analysis import Document, Members
from fairlead.monitors.dereference import Dereference
from fairlead.monitors.errors import AnalysisDown
from fairlead.monitors.fixed import FixedAnalysis

WORDS = [
    ".host", ".with", "_ip", ".with_ip", "(arr", "arr[0]", ")", ").", ".port", "name(", ".name(", ".build", "()", "():\n",
    "()\n", "\n", "    ", "return ", "node", " = ", "self", "self.", "().x", ".x", "append", ".append(", "item", "items",
]  # fmt: skip


def decoder(script: str | Mapping[str, str], words: list[str] | None = None) -> Decoder:
    tokenizer = byte_tokenizer(WORDS if words is None else words)
    engine = ScriptedEngine(tokenizer, script)
    return decoder_of(tokenizer, engine)


def write(
    script: str | Mapping[str, str], text: str, members: Mapping[str, list[str]], *, suffix: str = "",
    words: list[str] | None = None, limits: Limits | None = None, analysis: FixedAnalysis | None = None,
    guided: bool = True,
) -> Offer | None:  # fmt: skip
    """The first offer at the end of `text`."""
    guide = Dereference(analysis or FixedAnalysis(members)) if guided else None
    written = decoder(script, words).write(
        Document("/p/a.py", text + suffix), len(text), guide, limits or Limits()
    )
    return written.offers[0] if written.offers else None


BOLD = Limits(min_token=0.0, min_legal_mass=0.0)
"""For scripts so sure of themselves that everything else is next to impossible."""

BUILDER = {"builder": ["with_ip", "with_port", "build"], "builder.with_ip(arr[0])": ["with_port", "build"]}


def test_unguided_the_scripted_model_invents_a_member() -> None:
    offer = write({"node = builder.": "host(arr[0])\n"}, "node = builder.", BUILDER, guided=False)
    assert offer is not None
    assert (offer.text, offer.provenance) == ("host(arr[0])", "model")


def test_a_text_that_went_round_in_circles_to_its_limit_goes_round_once() -> None:
    offer = write({"node = name": ".host" * 40}, "node = name", {}, limits=Limits(max_tokens=12), guided=False)
    assert offer is not None
    assert (offer.text, offer.stopped) == (".host", "length")


def test_at_a_closed_dot_only_members_are_written() -> None:
    offer = write({"node = builder": ".host(arr[0])\n", "with_ip": "(arr[0])\n"}, "node = builder.", BUILDER, limits=BOLD)
    assert offer is not None
    assert offer.text.startswith(("with_ip", "with_port", "build"))
    assert offer.provenance == "model, checked"


def test_what_is_half_typed_is_completed() -> None:
    script = {"node = builder.with_p": "ort(arr[0])\n"}
    offer = write(script, "node = builder.with_p", BUILDER)
    assert offer is not None
    assert offer.text == "ort(arr[0])"


def test_a_dot_that_the_model_writes_is_checked_and_its_name_drawn_anew() -> None:
    """The name after `)` does not exist: it is taken back and replaced; what follows is the model's again."""
    script = {"x = ": "builder.with_ip(arr[0]).port()\n", "with_port": "(1)\n", ".build": "()\n"}
    offer = write(script, "x = ", BUILDER, limits=BOLD)
    assert offer is not None
    assert offer.text in ("builder.with_ip(arr[0]).with_port(1)", "builder.with_ip(arr[0]).build()")
    assert offer.stopped == "end_of_line"


def test_a_drawn_name_whose_logits_were_not_kept_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    script = {"x = ": "builder.with_ip(arr[0]).port()\n", "with_port": "(1)\n", ".build": "()\n"}
    expected = write(script, "x = ", BUILDER, limits=BOLD)
    monkeypatch.setattr(rank, "KEPT_LOGITS", 0)
    assert write(script, "x = ", BUILDER, limits=BOLD) == expected
    assert expected is not None


def test_a_legal_name_the_model_wrote_is_kept() -> None:
    script = {"x = ": "builder.with_ip(arr[0]).build()\n"}
    offer = write(script, "x = ", BUILDER)
    assert offer is not None
    assert offer.text == "builder.with_ip(arr[0]).build()"


def test_a_second_access_hidden_in_one_token_is_found() -> None:
    """`().x` is one token; `x` is no member of what `build()` gives."""
    script = {"x = ": "builder.build().x\n", ".run": "\n"}
    offer = write(script, "x = ", BUILDER | {"builder.build()": ["run"]}, limits=BOLD)
    assert offer is not None
    assert offer.text == "builder.build().run"


def test_open_places_are_left_to_the_model() -> None:
    offer = write({"x = thing.": "anything(arr[0])\n"}, "x = thing.", {})
    assert offer is not None
    assert offer.text == "anything(arr[0])"


def test_dots_in_strings_and_numbers_are_nobody_s_business() -> None:
    script = {"x = ": '"builder.nothing" + 3.5\n'}
    analysis = FixedAnalysis(BUILDER)
    offer = write(script, "x = ", {}, analysis=analysis)
    assert offer is not None
    assert offer.text == '"builder.nothing" + 3.5'
    assert analysis.asked == []


def test_text_behind_the_cursor_is_not_written_twice() -> None:
    offer = write({"f(": "item)\n"}, "f(", {}, suffix=")\n")
    assert offer is not None
    assert offer.text == "item"


def test_in_the_middle_of_code_nothing_is_offered_by_itself() -> None:
    written = decoder({"x": "y"}).write(Document("/p/a.py", "x =  + 1"), 4, None, Limits())
    assert not written.offers
    assert written.reason == "there is code behind the cursor on this line"


def test_nothing_is_offered_when_the_model_has_no_idea() -> None:
    written = decoder({"never": "reached"}).write(Document("/p/a.py", "x = "), 4, None, Limits())
    assert not written.offers
    assert written.reason == "the model is not sure enough"


def test_a_name_nobody_knows_is_not_forced() -> None:
    """Nothing that exists begins with what is typed: the place opens, and the model alone is not sure."""
    written = decoder({"never": "reached"}).write(
        Document("/p/a.py", "builder.zzz"), 11, Dereference(FixedAnalysis(BUILDER)), Limits()
    )
    assert written.start is not None
    assert not written.start.closed
    assert not written.offers


def test_stopping_at_any_token_leaves_the_decoder_usable() -> None:
    made = decoder({"x = ": "builder.with_ip(arr[0]).build()\n"})
    guide = Dereference(FixedAnalysis(BUILDER))
    document = Document("/p/a.py", "x = ")
    expected = made.write(document, 4, guide, Limits()).offers
    for calls in range(1, 12):
        left = iter(range(calls))
        stopped = made.write(document, 4, guide, Limits(stop=lambda left=left: next(left, None) is None))  # type: ignore[misc]
        assert stopped.reason == "cancelled"
        assert made.write(document, 4, guide, Limits()).offers == expected


def test_a_model_that_wants_none_of_the_names_is_not_forced() -> None:
    written = decoder({"node = builder": ".host(arr[0])\n"}).write(
        Document("/p/a.py", "node = builder."), 15, Dereference(FixedAnalysis(BUILDER)), Limits()
    )
    assert not written.offers
    assert written.reason == "the model believes in none of the names that exist here"


class Late(FixedAnalysis):
    """Never answers."""

    def members(self, document: Document, offset: int) -> Future[Members]:
        return Future()


class Down(FixedAnalysis):
    """Has died."""

    def members(self, document: Document, offset: int) -> Future[Members]:
        future: Future[Members] = Future()
        future.set_exception(AnalysisDown("killed"))
        return future


def test_without_an_answer_in_time_only_the_verified_part_is_offered() -> None:
    limits = Limits(until=time.monotonic() + 0.3)
    offer = write({"x = ": "items.append(arr[0])\n"}, "x = ", {}, analysis=Late({}), limits=limits)
    assert offer is not None
    assert (offer.text, offer.stopped) == ("items", "unverified")


def test_at_a_dot_that_analysis_is_late_for_nothing_is_offered() -> None:
    limits = Limits(until=time.monotonic() + 0.3)
    written = decoder({"items.": "append(arr[0])\n"}).write(
        Document("/p/a.py", "items."), 6, Dereference(Late({})), limits
    )
    assert not written.offers


def test_at_a_dot_with_analysis_down_the_text_is_marked_as_the_model_s() -> None:
    offer = write({"items.": "append(arr[0])\n"}, "items.", {}, analysis=Down({}))
    assert offer is not None
    assert (offer.text, offer.provenance) == ("append(arr[0])", "model")


def test_while_analysis_is_down_the_text_is_marked_as_the_model_s() -> None:
    offer = write({"x = ": "items.append(arr[0])\n"}, "x = ", {}, analysis=Down({}))
    assert offer is not None
    assert (offer.text, offer.provenance) == ("items.append(arr[0])", "model")


def test_an_invoked_block_ends_with_its_indentation() -> None:
    script = {"def f():\n    ": "return item\n\nnode = 1\n"}
    offer = write(script, "def f():\n    ", {}, limits=Limits(multiline=True))
    assert offer is not None
    assert (offer.text, offer.stopped) == ("return item", "end_of_block")


def test_non_ascii_names_come_out_whole() -> None:
    offer = write({"x = ": "obj.été()\n"}, "x = ", {"obj": ["été"]}, limits=BOLD)
    assert offer is not None
    assert offer.text == "obj.été()"


def test_a_name_of_half_characters_is_redrawn_whole() -> None:
    offer = write({"x = ": "obj.ête()\n", "été": "()\n"}, "x = ", {"obj": ["été"]}, limits=BOLD)
    assert offer is not None
    assert offer.text == "obj.été()"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("x.app", 1), ("x. app", 1), ("x.", 1), ("x = na", 4), ("x = ", 4), ("", 0), ("f(x).y", 4)],
)
def test_healing_begins_at_the_dot_or_the_name(text: str, expected: int) -> None:
    assert heal_at(text, len(text)) == expected


def test_crlf_documents_read_the_same_to_the_model() -> None:
    made = decoder({"a\nx = ": "item\n"})
    offers = made.write(Document("/p/a.py", "a\r\nx = "), 7, None, Limits()).offers
    assert offers
    assert offers[0].text == "item"


class LateAnalysis(FixedAnalysis):
    """Each answer comes `delay_s` after the question, while the model writes on."""

    delay_s = 0.004

    def members(self, document: Document, offset: int) -> Future[Members]:
        answer, late = super().members(document, offset).result(), Future[Members]()
        threading.Timer(self.delay_s, late.set_result, [answer]).start()
        return late


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ({"x = ": "builder.with_ip(arr[0]).port()\n", "with_port": "(1)\n", ".build": "()\n"}, "x = "),
        ({"x = ": "builder.with_ip(arr[0]).build()\n"}, "x = "),
        ({"node = builder": ".host(arr[0])\n", "with_ip": "(arr[0])\n"}, "node = builder."),
        ({"x = ": "builder.build().x\n", ".run": "\n"}, "x = "),
        ({"x = ": "thing.anything(builder.nothing)\n", "builder": ".build\n"}, "x = "),
    ],
)
def test_running_ahead_and_waiting_give_the_same_text(script: dict[str, str], text: str) -> None:
    members = BUILDER | {"builder.build()": ["run"]}
    offers = [
        write(script, text, members, limits=replace(BOLD, run_ahead=ahead, draft=draft), analysis=analysis(members))
        for ahead in (True, False)
        for draft in (True, False)
        for analysis in (FixedAnalysis, LateAnalysis)
    ]
    assert offers[0] is not None
    assert all(offer == offers[0] for offer in offers)


def test_who_does_not_run_ahead_writes_nothing_before_the_answer() -> None:
    """The name of an attribute that was refused is never continued, so that fewer passes are made."""
    script = {"x = ": "builder.port_number()\n", "with_port": "(1)\n", ".build": "()\n"}
    passes = []
    for ahead in (True, False):
        made = decoder(script)
        limits = replace(BOLD, run_ahead=ahead, draft=False)
        late = LateAnalysis(BUILDER)
        late.delay_s = 0.5  # the model has time to write ahead on a busy machine too
        assert made.write(Document("/p/a.py", "x = "), 4, Dereference(late), limits).offers
        passes.append(made.engine.passes)  # type: ignore[attr-defined]  # a FakeEngine
    assert passes[1] < passes[0]
