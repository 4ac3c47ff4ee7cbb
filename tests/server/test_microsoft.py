"""The second oracle of the text: Microsoft's own model of a document, which VS Code's language servers keep theirs with."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fairlead.server.text import Range, Text
from tests.server.test_text import (
    ALPHABETS,
    ENDINGS,
    oracle_apply,
    oracle_lines,
    oracle_units,
    random_position,
    random_text,
)

HERE = Path(__file__).parent
MODEL = HERE.parent.parent / "editors" / "vscode" / "node_modules" / "vscode-languageserver-textdocument"


class LikePython(Text):
    """Splits lines where Python does."""

    def apply(self, lsp_range: Range | None, new: str, encoding: Any) -> Any:
        return super().apply(lsp_range, re.sub("[\v\f\x85\u2028\u2029]", "\n", new), encoding)


def whole(text: str, position: tuple[int, int]) -> tuple[int, int]:
    """The position, moved to where the two models agree, which is all that an editor sends.

    Not in a pair of surrogates, which Microsoft's splits; not in a line past the last one, after which its count of lines
    is wrong (1.0.16).
    """
    line0, character = position
    spans = oracle_lines(text)
    if line0 >= len(spans):
        line0, character = len(spans) - 1, 1_000 + character
    counted = 0
    for one in text[slice(*spans[line0])]:
        if counted >= character:
            return line0, counted
        counted += oracle_units(one, "utf-16")
    return line0, max(counted, character)


def session(seed: int, kind: type[Text]) -> tuple[dict[str, Any], Text]:
    """A text with changes for Microsoft's model, and what ours made of it."""
    rng = random.Random(seed)
    alphabet, ending = rng.choice(list(ALPHABETS.values())), rng.choice(list(ENDINGS.values()))
    text = begun = random_text(rng, alphabet, ending, 60)
    ours, changes = kind(begun), []
    for _ in range(24):
        new, change = random_text(rng, alphabet, ending, 6), {}
        lsp_range = None
        if rng.random() > 0.02:
            start, end = sorted(whole(text, random_position(rng, text, "utf-16")) for _ in range(2))
            lsp_range = start, end
            change["range"] = {
                name: {"line": line0, "character": character} for name, (line0, character) in (("start", start), ("end", end))
            }
        changes.append(change | {"text": new})
        text = oracle_apply(text, lsp_range, new, "utf-16")
        ours.apply(lsp_range, new, "utf-16")
    return {"text": begun, "changes": changes}, ours


def differences(seeds: range, kind: type[Text] = Text) -> list[int]:
    """The seeds whose text is another in Microsoft's model."""
    node = shutil.which("node")
    if node is None or not MODEL.is_dir():
        pytest.skip("needs Node, and the packages of editors/vscode: scripts/vsix installs them")
    sessions = [session(seed, kind) for seed in seeds]
    asked = "".join(json.dumps(one) + "\n" for one, _ in sessions)
    done = subprocess.run([node, HERE / "microsoft.mjs"], input=asked, stdout=subprocess.PIPE, encoding="utf-8", check=True)
    answers = [json.loads(line) for line in done.stdout.split("\n") if line]
    assert len(answers) == len(sessions)
    return [
        seed for seed, (_, ours), theirs in zip(seeds, sessions, answers, strict=True)
        if (ours.joined(), ours.line_count) != (theirs["text"], theirs["lines"])
    ]  # fmt: skip


def test_our_text_is_the_one_of_microsofts_model(form: Callable[..., int], figure: Callable[[str, str], None]) -> None:
    count = form(100, 1_000, 50_000)
    assert differences(range(count)) == []
    figure("T2", f"{count * 24:,} random edits give the same text as Microsoft's own model of a document")


def test_a_text_that_splits_like_python_is_noticed() -> None:
    assert differences(range(40), LikePython) != []
