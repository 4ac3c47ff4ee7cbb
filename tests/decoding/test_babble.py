"""A random model over real files, under every monitor at once: whatever it writes, nothing raises, what may be written
never runs out before the text may end, and what is offered parses.

The suite draws a few places; `FAIRLEAD_BABBLE=500` draws so many.
"""

from __future__ import annotations

import ast
import io
import os
import random
import re
import sysconfig
import tokenize
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from fairlead.decoding.fakes import BabblingEngine, byte_tokenizer, decoder_of, end_id
from fairlead.decoding.mask import allowed, allowed_slowly
from fairlead.decoding.offer import Limits
from fairlead.decoding.vocabulary import Vocabulary
from fairlead.monitors.analysis import Document
from fairlead.monitors.cache import TreeCache
from fairlead.monitors.inline import InlineAnalysis
from fairlead.monitors.jedi_session import Session
from fairlead.monitors.joint import Joint
from fairlead.monitors.roster import joint

PLACES = int(os.environ.get("FAIRLEAD_BABBLE", "5"))
STEPS = 24
CLOSERS = {"(": ")", "[": "]", "{": "}"}
LIBRARY = Path(sysconfig.get_paths()["stdlib"])
REPOSITORY = Path(__file__).parents[2]
FILES = [
    *(LIBRARY / name for name in (
        "argparse.py", "dataclasses.py", "enum.py", "http/client.py", "subprocess.py", "shutil.py", "threading.py",
        "zipfile.py", "json/decoder.py", "logging/__init__.py", "pathlib.py", "typing.py", "sqlite3/dump.py",
    )),
    *(REPOSITORY / name for name in (
        "monitors/dereference.py", "monitors/typestate.py", "monitors/process.py", "server/settings.py",
        "server/documents.py", "decoding/model.py",
    )),
]  # fmt: skip


@dataclass(frozen=True)
class Spot:
    """A cursor in a real file whose line ends there: `document.text` lacks the rest of the statement."""

    document: Document
    offset: int
    seed: int


def spots(count: int) -> Iterator[Spot]:
    """Cursors anywhere in statements that stand on one line of their own, in files that parse."""
    dice = random.Random(7)
    for seed in range(count):
        path = dice.choice(FILES)
        text = path.read_text("utf-8")
        begins = [0]
        for line in text.splitlines(keepends=True):
            begins.append(begins[-1] + len(line))
        lines = text.splitlines()
        simple = [
            node for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Assign | ast.AnnAssign | ast.Return | ast.Expr | ast.Raise | ast.Import | ast.ImportFrom)
            and node.lineno == node.end_lineno and lines[node.lineno - 1][: node.col_offset].strip() == ""
            and node.end_col_offset == len(lines[node.lineno - 1]) and lines[node.lineno - 1].isascii()
        ]  # fmt: skip
        node = dice.choice(simple)
        begin, end = begins[node.lineno - 1], begins[node.lineno - 1] + len(lines[node.lineno - 1])
        offset = dice.randint(begin + node.col_offset, end)
        yield Spot(Document(str(path), text[:offset] + text[end:], 0, str(path.parent)), offset, seed)


SPOTS = list(spots(PLACES))


@cache
def corpus() -> str:
    return "".join(path.read_text("utf-8") for path in FILES)


@cache
def tokenizer() -> Tokenizer:
    """One whose tokens are what these files are made of: words with the dot or blank before them, runs of signs."""
    pieces = Counter(re.findall(r"[ .]?\w+|\n *|[^\w\s]{2,4}|[(\[]\w+", corpus()))
    return byte_tokenizer([piece for piece, _ in pieces.most_common(700) if len(piece) > 1])


@cache
def session() -> Session:
    return Session(TreeCache(None))


@cache
def vocabulary() -> Vocabulary:
    end = end_id(tokenizer())
    return Vocabulary.of(tokenizer(), tokenizer().get_vocab_size(with_added_tokens=True), [end], [end])


def engine(seed: int, text: str = "") -> BabblingEngine:
    return BabblingEngine(tokenizer(), text or corpus(), seed, context_tokens=4096)


def guide() -> Joint:
    return joint(InlineAnalysis(session()))


IDS = [f"{Path(spot.document.path).name}:{spot.offset}" for spot in SPOTS]


@pytest.mark.parametrize("spot", SPOTS, ids=IDS)
def test_something_may_always_be_written_or_the_text_may_end(spot: Spot) -> None:
    """Token by token under the mask; where there is none, tokens are drawn until one is accepted."""
    monitors, model = guide(), engine(spot.seed)
    start = monitors.start(spot.document, spot.offset)
    state = start.state if start is not None else monitors.watch(spot.document, spot.offset)
    before = tokenizer().encode(spot.document.text[:spot.offset][-200:], add_special_tokens=False).ids
    model.prefill([end_id(tokenizer()), *before])
    written: list[int] = []
    for _ in range(STEPS):
        row = model.logits(model.tokens)
        ids = allowed(vocabulary(), state)
        if ids is None:
            ids = row.argsort(descending=True).numpy()
        else:
            assert len(ids), f"nothing may follow {tokenizer().decode(written)!r}"
            ids = ids[row[ids].argsort(descending=True).numpy()]
        for token in ids.tolist():
            text = vocabulary().texts[token].decode("utf-8", "ignore")
            if token == end_id(tokenizer()) and state.may_end:
                return
            after = state.advance(text) if text else None
            while after is not None and after.questions:
                after = after.resolve(monitors.ask(spot.document, spot.offset, after.questions[0]).result())
            if after is not None:
                break
        else:
            assert state.may_end, f"nothing may follow {tokenizer().decode(written)!r}"
            return
        state = after
        written.append(token)
        model.step([token])
    assert len(allowed_slowly(vocabulary(), state)), f"nothing may follow {tokenizer().decode(written)!r}"


def offered(spot: Spot, model_text: str = "") -> str:
    """What is offered there at a high temperature; empty where nothing is."""
    limits = Limits(min_token=0.0, min_legal_mass=0.0, max_tokens=10, temperature=1.2, seed=spot.seed)
    written = decoder_of(tokenizer(), engine(spot.seed, model_text)).write(spot.document, spot.offset, guide(), limits)
    assert all(offer.provenance == "model, checked" for offer in written.offers)
    return written.offers[0].text if written.offers else ""


@pytest.mark.parametrize("spot", SPOTS, ids=IDS)
def test_what_is_offered_parses_with_what_follows(spot: Spot) -> None:
    text = offered(spot)
    assert could_stand(spot.document.text[:spot.offset], text, spot.document.text[spot.offset:]) or not text, text


def test_where_there_is_an_end_something_is_offered() -> None:
    """The test above is not passed by silence."""
    text = "total = 1\nitems = [total]\nx = "
    spot = Spot(Document("/p/a.py", text), len(text), 0)
    assert any(offered(replace(spot, seed=seed), "x = total\n" * 9) for seed in range(4))


def could_stand(before: str, written: str, after: str) -> bool:
    """Whether Python parses it, once the brackets are closed that the cut left open, and with a block behind a colon.

    In a string anything could.
    """
    opened: list[str] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(before.rpartition("\n")[2].strip()).readline):
            if token.type == tokenize.ERRORTOKEN and token.string.strip():
                return True
            if token.string in CLOSERS:
                opened.append(CLOSERS[token.string])
            elif token.string in CLOSERS.values():
                opened.pop()
    except tokenize.TokenError:
        if '"""' in before.rpartition("\n")[2]:
            return True
    closers = ["".join(reversed(opened[:count])) for count in range(len(opened) + 1)]
    blocks = ("", " pass") if written.endswith(":") else ("",)
    return any(is_python(before + written + closer + block + after) for closer in closers for block in blocks)


def is_python(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True
