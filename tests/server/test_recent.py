"""What was edited lately elsewhere begins the prompt, and stays as it is while one place is written."""

from __future__ import annotations

import logging
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest

from fairlead.decoding.context import context_ids
from fairlead.decoding.decoder import Decoder
from fairlead.decoding.fakes import END_OF_TEXT, UniformEngine, byte_tokenizer, decoder_of
from fairlead.monitors.analysis import Document
from fairlead.monitors.edits import Chunk
from fairlead.monitors.fixed import FixedAnalysis
from fairlead.monitors.roster import joint
from fairlead.server.model_thread import ModelReport
from fairlead.server.recent import Recent
from fairlead.server.session import Session
from fairlead.server.settings import monitors_on

ROOT = "/work"
REACH = 100
STOCK = "import os\n\n\ndef count(items):\n    return len(items)\n"
REPORT = "import stock\n\n\ndef report():\n    pass\n"


def document(name: str, text: str) -> Document:
    return Document(f"{ROOT}/{name}", text, 0, ROOT)


@pytest.fixture
def recent() -> Recent:
    """Two documents are open, and nothing is edited yet."""
    made = Recent()
    made.use(400, REACH)
    for name, text in (("stock.py", STOCK), ("report.py", REPORT)):
        made.typed(document(name, text), len(text))
    return made


def edit(recent: Recent, name: str, text: str, old: str, new: str) -> str:
    """Type `new` in the place of `old`, letter by letter."""
    begin = text.index(old)
    for size in range(1, len(new) + 1):
        current = text[:begin] + new[:size] + text[begin + len(old) :]
        recent.typed(document(name, current), begin + size)
    return current


def shown(recent: Recent, name: str) -> list[tuple[str, str]]:
    return [(chunk.path, chunk.text) for chunk in recent.of(document(name, ""))]


def test_what_was_edited_in_another_document_is_chosen_when_that_is_left(recent: Recent) -> None:
    stock = edit(recent, "stock.py", STOCK, "len(items)", "sum(items)")
    assert shown(recent, "report.py") == []
    edit(recent, "report.py", REPORT, "pass", "x")
    assert shown(recent, "report.py") == [("stock.py", "def count(items):\n    return sum(items)")]
    assert shown(recent, "stock.py") == []
    recent.turned(document("stock.py", stock), 0)
    assert shown(recent, "stock.py") == [("report.py", "def report():\n    x")]


def test_asking_in_another_document_is_turning_to_it(recent: Recent) -> None:
    edit(recent, "stock.py", STOCK, "len(items)", "sum(items)")
    recent.turned(document("report.py", REPORT), 3)
    assert shown(recent, "report.py") == [("stock.py", "def count(items):\n    return sum(items)")]


def test_typing_on_in_one_place_changes_nothing(recent: Recent) -> None:
    edit(recent, "stock.py", STOCK, "len(items)", "sum(items)")
    text = edit(recent, "report.py", REPORT, "pass", "x")
    before = recent.of(document("report.py", text))
    assert before
    text = edit(recent, "report.py", text, "    x\n", "    x = stock.count([1, 2])\n    return x\n")
    assert recent.of(document("report.py", text)) is not before
    assert recent.of(document("report.py", text)) == before


def test_the_prompt_is_only_appended_to_while_one_place_is_written(recent: Recent) -> None:
    """As tokens, through the decoder; and it is another one when the place before is left."""
    tokenizer = byte_tokenizer()
    decoder = decoder_of(tokenizer, UniformEngine(tokenizer.get_vocab_size(with_added_tokens=True), 2000))
    decoder.recent = recent.of
    edit(recent, "stock.py", STOCK, "len(items)", "sum(items)")
    prompts = []
    for typed in ("x", "x = stock", "x = stock.count", "x = stock.count(items"):
        text = REPORT.replace("pass\n", typed)
        recent.typed(document("report.py", text), len(text))
        place = decoder.place(document("report.py", text), len(text))
        assert place is not None
        prompts.append(bytes(place.prompt.tokens).decode())
    assert prompts[0].startswith("# stock.py\ndef count(items):\n    return sum(items)\n\nimport stock\n")
    for one, other in pairwise(prompts):
        assert other.startswith(one)


LONG = "def first():\n    return 1\n" + "\n# nothing here\n" * 40 + "\ndef last():\n    return 9\n"


def test_a_place_of_the_same_document_only_where_no_prompt_reaches_it(recent: Recent) -> None:
    recent.typed(document("long.py", LONG), 0)
    text = edit(recent, "long.py", LONG, "return 1", "return one")
    assert shown(recent, "long.py") == []
    text = edit(recent, "long.py", text, "return 9", "return nine")
    assert shown(recent, "long.py") == [("long.py", "def first():\n    return one")]
    recent.use(400, len(LONG))
    text = edit(recent, "long.py", text, "return one", "return 2")
    assert shown(recent, "long.py") == []


def test_two_edits_of_one_function_are_one_chunk(recent: Recent) -> None:
    text = "def ask():\n" + "".join(f"    step_{number}()\n" for number in range(9))
    recent.typed(document("ask.py", text), 0)
    text = edit(recent, "ask.py", text, "step_1", "go_one")
    text = edit(recent, "ask.py", text, "step_7", "go_seven")
    recent.turned(document("report.py", REPORT), 0)
    assert shown(recent, "report.py") == [("ask.py", text.rstrip())]


def test_line_ends_of_windows_are_line_ends(recent: Recent) -> None:
    stock = edit(recent, "stock.py", STOCK.replace("\n", "\r\n"), "len(items)", "sum(items)")
    recent.turned(document("report.py", REPORT), 0)
    assert "\r\n" in stock
    assert shown(recent, "report.py") == [("stock.py", "def count(items):\n    return sum(items)")]


def test_the_budget_keeps_the_latest_and_puts_it_last(recent: Recent) -> None:
    recent.use(100, REACH)
    for name in ("a.py", "b.py", "c.py"):
        text = f"def of_{name[0]}():\n    return 'about thirty'\n"
        recent.typed(document(name, text), 0)
        edit(recent, name, text, "about", "about all")
    recent.turned(document("report.py", REPORT), 0)
    assert [path for path, _ in shown(recent, "report.py")] == ["b.py", "c.py"]
    recent.use(0, REACH)
    assert shown(recent, "report.py") == []


def test_what_is_closed_is_kept_nowhere(recent: Recent) -> None:
    edit(recent, "stock.py", STOCK, "len(items)", "sum(items)")
    recent.turned(document("report.py", REPORT), 0)
    assert shown(recent, "report.py")
    recent.closed(f"{ROOT}/stock.py")
    assert shown(recent, "report.py") == []
    assert "sum(items)" not in str(vars(recent))


def test_nothing_of_a_text_is_logged_or_shown(recent: Recent, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        edit(recent, "stock.py", STOCK, "len(items)", "the_secret")
        recent.turned(document("report.py", REPORT), 0)
    assert "the_secret" in str(shown(recent, "report.py"))
    assert "the_secret" not in caplog.text + repr(recent) + str(vars(recent))


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Session:
    """A session whose model is loaded when it is asked to, and runs nothing while idle."""
    tokenizer = byte_tokenizer()
    decoder = decoder_of(tokenizer, UniformEngine(tokenizer.get_vocab_size(with_added_tokens=True), 300))
    decoder.model = replace(decoder.model, recent_characters=300)
    monkeypatch.setattr(Decoder, "of", lambda *_: decoder)
    monkeypatch.setattr("fairlead.server.session.preload_torch", lambda: None)
    monkeypatch.setattr("gc.freeze", lambda: None)
    made: Any = Session(lambda: None)

    async def run(_key: object, job: Any, _patience_s: float) -> Any:
        return job(decoder, lambda: False)

    made.model = SimpleNamespace(
        ready=True, report=ModelReport("ready"), load=lambda make: make(), idle=lambda job: None, run=run, faults=0,
        decoder=decoder,
    )  # fmt: skip
    made._load_model()
    made._analysis = FixedAnalysis({})
    made._guide = joint(made._analysis, monitors_on(made.settings))
    return made  # type: ignore[no-any-return]  # Any, to give it the fake


async def test_the_session_tells_what_is_typed_asked_and_closed(session: Session) -> None:
    model: Any = session.model
    stock, report = document("stock.py", STOCK), document("report.py", REPORT)
    for opened in (stock, report):
        session.opened(opened)
    edited = document("stock.py", STOCK.replace("len", "sum"))
    session.typed(edited, len(STOCK) - 8)
    assert model.decoder.recent(report) == ()
    await session.list_members(report, 0)
    assert [chunk.path for chunk in model.decoder.recent(report)] == ["stock.py"]
    session.typed(edited, 0)
    assert model.decoder.recent(report) == ()  # nothing of it is complete
    await session.ghost(report, len(REPORT), invoked=True)
    assert [chunk.path for chunk in model.decoder.recent(report)] == ["stock.py"]
    session.closed(edited.path)
    assert model.decoder.recent(report) == ()
    session.configure(replace(session.settings, context_recent=10), [ROOT])
    session.typed(edited, 0)
    session.typed(stock, 0)
    session.typed(report, 0)
    assert model.decoder.recent(report) == ()  # no line of it fits


CHUNKS = (Chunk("old.py", "old = 1"), Chunk("new.py", "new = 2"))


def laid_out(room: int, outline: str = "", separated: bool = False) -> str:
    tokenizer = byte_tokenizer(special=(END_OF_TEXT, "<|file_sep|>"))
    separator = tokenizer.token_to_id("<|file_sep|>")
    engine = UniformEngine(tokenizer.get_vocab_size(with_added_tokens=True))
    vocabulary = decoder_of(tokenizer, engine).vocabulary
    ids = context_ids(vocabulary, separator if separated else None, outline, CHUNKS, "main.py", room)
    assert len(ids) <= room
    return "".join("|" if token == separator else chr(token) for token in ids)


def test_a_model_that_knows_files_reads_files_and_another_one_comments() -> None:
    assert laid_out(99) == "# old.py\nold = 1\n\n# new.py\nnew = 2\n\n"
    assert laid_out(99, separated=True) == "|old.py\nold = 1\n|new.py\nnew = 2\n|main.py\n"


def test_the_latest_chunk_is_the_last_to_be_left_out_and_none_is_cut() -> None:
    assert laid_out(30) == "# new.py\nnew = 2\n\n"
    assert laid_out(30, separated=True) == "|new.py\nnew = 2\n|main.py\n"
    assert laid_out(10) == laid_out(10, separated=True) == ""
    assert laid_out(30, "# a.py\nA = 1\n") == "# a.py\nA = 1\n"
    assert laid_out(40, "# a.py\nA = 1\n") == "# a.py\nA = 1\n# new.py\nnew = 2\n\n"
    assert laid_out(5, "# a.py\nA = 1\n") == "# a.p"
