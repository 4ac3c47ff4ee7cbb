"""Real and generated programs broken at random as typing breaks them: every question is answered, trees stay those of the text.

A failure names its seed; what it shows is kept as a case in tests/monitors/cases or in test_bad_input.py.
"""

from __future__ import annotations

import json
import random
import re
import sysconfig
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pysource_codegen
import pytest

from fairlead.monitors import syntax
from fairlead.monitors.analysis import Document
from fairlead.monitors.inline import InlineAnalysis
from fairlead.monitors.syntax import identifier_end, place

STANDARD = Path(sysconfig.get_path("stdlib"))
FILES = ("json/decoder.py", "textwrap.py", "bisect.py", "heapq.py", "fractions.py", "queue.py", "shlex.py", "sched.py",
         "graphlib.py", "email/header.py", "contextlib.py", "dataclasses.py")  # fmt: skip
TOKEN = re.compile(r"\w+|[^\w\s]|\s+")
INSERTED = ("(", ")", "[", "]", "{", "}", ".", "..", ":", ",", "'", '"""', "f'{", "\\\n", "\n", "    ", "=", "lambda ",
            "\x0c", "é", "🙂", "def ", "class ", "@", "await ", "self.", "*", "->", "#", "\ufeff", "match x:\n  case "
            )  # fmt: skip
ABOUT = ("members", "names", "describe", "signatures", "subject", "stars")


def of_a_file(draw: random.Random) -> str:
    """A piece of a real file."""
    lines = (STANDARD / draw.choice(FILES)).read_text("utf-8").splitlines(keepends=True)
    begin = draw.randrange(max(1, len(lines) - 80))
    return "".join(lines[:20] + lines[begin : begin + 80])


def generated(draw: random.Random) -> str:
    """What nobody would write, with all of the grammar in it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # it compiles what it has made
        return str(pysource_codegen.generate(draw.randrange(1 << 30), node_limit=draw.randrange(20, 250)))


Source = Callable[[random.Random], str]


def program(source: Source, seed: int) -> tuple[str, int]:
    """A program, broken in none to four ways, and a place in it, mostly behind a dot."""
    draw = random.Random(seed)
    tokens = TOKEN.findall(source(draw))
    for _ in range(draw.randrange(source is of_a_file, 5)):
        at = draw.randrange(len(tokens))
        match draw.randrange(5):
            case 0:
                del tokens[at]
            case 1:
                tokens.insert(at, draw.choice(INSERTED))
            case 2:
                tokens[at : at + 2] = reversed(tokens[at : at + 2])
            case 3:
                del tokens[at : at + draw.randrange(1, 30)]
            case _:
                tokens[at] = tokens[at][: draw.randrange(len(tokens[at]) + 1)]
        tokens = tokens or ["x"]
    text = "".join(tokens)
    if draw.random() < 0.3:
        text = text[: draw.randrange(len(text) + 1)]
    dots = [found.end() for found in re.finditer(r"\.", text)]
    return text, draw.choice(dots) if dots and draw.random() < 0.8 else draw.randrange(len(text) + 1)


def ask(analysis: InlineAnalysis, about: str, document: Document, offset: int) -> None:
    match about:
        case "stars":
            analysis.stars(document).result(0)
        case "describe":
            analysis.describe(document, offset).result(0)
        case "members":
            analysis.members(document, offset).result(0)
        case "names":
            analysis.names(document, offset).result(0)
        case "signatures":
            analysis.signatures(document, offset).result(0)
        case _:
            # It is only asked about an expression: behind a name.
            analysis.subject(document, identifier_end(document.text, offset)).result(0)


@pytest.mark.parametrize("source", [of_a_file, generated])
def test_every_question_about_a_broken_program_is_answered(
    source: Source, form: Callable[..., int], figure: Callable[[str, str], None]
) -> None:
    analysis, asked, failed = InlineAnalysis(), 0, Counter[str]()
    slowest = 0.0
    for seed in range(count := form(25, 200, 5_000)):
        text, offset = program(source, seed)
        document = Document(f"/nowhere/{seed % 4}.py", text, seed)
        for about in ABOUT:
            begun = time.process_time()
            ask(analysis, about, document, offset)
            slowest = max(slowest, time.process_time() - begun)
            asked += 1
        for reason in analysis.reasons:
            if reason.startswith("analysis failed"):
                failed[f"{reason} (seed {seed})"] += 1
        analysis.reasons.clear()
    assert sum(failed.values()) <= max(1, asked / 500), failed
    kinds = Counter(reason.split(":")[1].strip() for reason in failed)
    figure("T19", f"{count:,} programs {source.__name__.replace('_', ' ')}, {asked:,} questions: {sum(failed.values())} "
                  f"left open by a fault of jedi's ({', '.join(kinds) or 'none'}), slowest {slowest:.1f} s of processor "
                  "time")  # fmt: skip


@pytest.mark.parametrize(("about", "text"), [("members", "]."), ("signatures", " (")])
def test_what_once_made_jedi_raise(about: str, text: str) -> None:
    """Found in generated programs, made small: what is no expression has no value (`jedi_patches.infer_node`)."""
    analysis = InlineAnalysis()
    ask(analysis, about, Document("/nowhere/a.py", text), len(text))
    assert [reason for reason in analysis.reasons if reason.startswith("analysis failed")] == []


def trees_differ(source: Source, count: int) -> list[int]:
    """The seeds after whose program the kept tree, edited, is not the tree of the text."""
    found = []
    for seed in range(count):
        text, _ = program(source, seed)
        if str(syntax.parse(text).root_node) != str(syntax.fresh_tree(text).root_node):
            found.append(seed)
    return found


@pytest.mark.parametrize("source", [of_a_file, generated])
def test_the_edited_tree_of_a_broken_program_is_a_fresh_one(
    source: Source, form: Callable[..., int], figure: Callable[[str, str], None]
) -> None:
    count = form(60, 500, 5_000) // (1 if source is of_a_file else 4)  # making one takes a tenth of a second
    assert trees_differ(source, count) == []
    figure("T19", f"{count:,} incremental trees of programs {source.__name__.replace('_', ' ')} equal fresh ones")


def test_a_tree_edited_at_the_wrong_place_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = syntax._point
    monkeypatch.setattr(syntax, "_point", lambda data, at: plain(data, max(0, at - 7)))
    monkeypatch.setattr(syntax, "common_prefix", lambda a, b: len(b) // 3)
    monkeypatch.setattr(syntax, "common_suffix", lambda a, b, limit: min(len(b) // 3, limit))
    syntax._parsed.clear()
    try:
        assert trees_differ(of_a_file, 20) != []
    finally:
        syntax._parsed.clear()


# Size.


def seconds_for(text: str) -> float:
    """Of one question about the place at the end of a text that was never seen, the best of three."""
    found = []
    for number in range(3):
        unseen = f"x{number}{random.random()} = 1\n{text}"
        begun = time.process_time()
        place(unseen, len(unseen))
        found.append(time.process_time() - begun)
    return min(found)


SHAPES = {
    "lines": lambda n: "value = compute('text', other.name)  # why\n" * n + "x.",
    "one line": lambda n: "x = [" + "other.name, " * n + "x.",
    "brackets": lambda n: "x = " + "(" * n + "a.",
    "strings": lambda n: "f'{x!r:{y}} {z}'\n" * n + "x.",
    "definitions": lambda n: "def f(a, b):\n    return a.b\n" * n + "x.",
}  # fmt: skip
TIMES = 8


def grows(cost: Callable[[int], float], begin: int = 1_000) -> float:
    """How many times longer eight times as much takes; up to four rounds, since others use the machine too."""
    factor = float("inf")
    for _ in range(4):
        factor = min(factor, cost(TIMES * begin) / max(cost(begin), 1e-4))
        if factor < 3 * TIMES:
            break
    return factor


@pytest.mark.parametrize("shape", SHAPES)
def test_a_place_in_a_large_text_is_found_in_linear_time(shape: str, figure: Callable[[str, str], None]) -> None:
    factor = grows(lambda n: seconds_for(SHAPES[shape](n)))
    assert factor < 3 * TIMES
    figure("T17", f"{shape}: {TIMES}× the text, {factor:.1f}× the time")


def test_what_grows_with_the_square_is_noticed() -> None:
    def quadratic(n: int) -> float:
        begun = time.process_time()
        for _ in range(n // 50):
            json.dumps("x" * (50 * n))
        return time.process_time() - begun

    with pytest.raises(AssertionError):
        assert grows(quadratic) < 3 * TIMES
