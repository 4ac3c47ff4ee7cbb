"""Monitors inside transformers' `generate`: greedy, sampled, beams, batches, drafts; never a row without a token."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer

from fairlead.decoding.model import Model
from fairlead.decoding.processor import Cursor, MonitorLogitsProcessor, guided_generate, prompt_before, vocabulary_of
from fairlead.decoding.vocabulary import Vocabulary
from fairlead.monitors.analysis import Document
from fairlead.monitors.dereference import Dereference
from fairlead.monitors.errors import AnalysisDown
from fairlead.monitors.fixed import FixedAnalysis

NAMES = ["append", "parameters", "save"]
SHORT = {"max_new_tokens": 6, "do_sample": False}


@pytest.fixture(scope="module")
def llama(tiny: Callable[[str], Model]) -> Any:
    return tiny("llama").module


@pytest.fixture(scope="module")
def tokenizer(tiny_folder: Callable[[str], Path]) -> Any:
    import transformers

    backend = Tokenizer.from_file(str(tiny_folder("llama") / "tokenizer.json"))
    return transformers.PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|endoftext|>", pad_token="▁<EOT>")


def monitor(members: dict[str, list[str]] | None = None) -> Dereference:
    return Dereference(FixedAnalysis(members if members is not None else {"x": NAMES}))


def at_end(text: str) -> tuple[Document, int]:
    return Document("a.py", text), len(text)


def names_a_member(text: str, typed: str = "") -> bool:
    """Whether a text written behind `x.` begins with a member, or ends inside one."""
    word = typed + re.match(r"\w*", text)[0]  # type: ignore[index]  # it matches the empty string
    return word in NAMES or (word == typed + text and any(name.startswith(word) for name in NAMES))


@pytest.mark.parametrize(
    "kwargs",
    [
        pytest.param({}, id="greedy"),
        pytest.param({"do_sample": True, "num_return_sequences": 4}, id="four samples"),
        pytest.param({"num_beams": 3, "num_return_sequences": 3}, id="beams"),
        pytest.param({"do_sample": True, "num_beams": 2, "num_return_sequences": 2}, id="sampled beams"),
        pytest.param({"prompt_lookup_num_tokens": 3}, id="drafts from the prompt"),
    ],
)
@pytest.mark.parametrize("typed", ["", "sa"])
def test_only_members_are_written_behind_the_dot(
    llama: Any, tokenizer: Any, kwargs: dict[str, Any], typed: str
) -> None:
    torch.manual_seed(3)
    document, offset = at_end(f"x = make()\nx.{typed}")
    texts = guided_generate(llama, tokenizer, document, offset, monitor(), **{**SHORT, **kwargs})
    assert len(texts) == kwargs.get("num_return_sequences", 1)
    assert all(texts)
    assert all(names_a_member(text, typed) for text in texts), texts


def test_unguided_it_writes_something_else(llama: Any, tokenizer: Any) -> None:
    """The tests above would pass without a monitor otherwise."""
    document, offset = at_end("x = make()\nx.")
    cut, ids = prompt_before(llama, tokenizer, vocabulary_of(llama, tokenizer), document.text, offset)
    assert cut <= offset - 1
    made = llama.generate(torch.tensor([ids]), **SHORT, pad_token_id=0, attention_mask=torch.ones(1, len(ids)))
    assert not names_a_member(tokenizer.decode(made[0, len(ids) :]).lstrip("."))


def test_dots_that_the_model_writes_are_asked_about_and_held_to_the_answer(llama: Any, tokenizer: Any) -> None:
    """With only names and dots to write, every access in the text exists."""
    analysis = FixedAnalysis({"x": ["x"], "x.x": ["append"], "x.x.append": ["save"], "x.x.append.save": ["x"]})
    only = [i for i, text in enumerate(vocabulary_of(llama, tokenizer).texts) if re.fullmatch(rb"[a-z.]+", text)]
    document, offset = at_end("x.")
    texts = guided_generate(
        llama, tokenizer, document, offset, Dereference(analysis), logits_processor=[Only(only)], max_new_tokens=12,
        do_sample=True, num_return_sequences=6,
    )  # fmt: skip
    assert any("." in text for text in texts), texts
    chain = "x.append.save.x"
    assert all(chain.startswith(text) or text.startswith(chain) for text in texts), texts
    assert ("x.x.", 4) in analysis.asked


class Only:
    """A processor of the user's own: nothing but these ids."""

    def __init__(self, ids: list[int]) -> None:
        self._ids = ids

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        kept = torch.full_like(scores, -torch.inf)
        kept[:, self._ids] = scores[:, self._ids]
        return kept


def test_a_batch_of_different_cursors(llama: Any, tokenizer: Any) -> None:
    """Each row is held to its own document; prompts are padded on the left."""
    vocabulary = vocabulary_of(llama, tokenizer)
    places = [at_end("x."), at_end("import os\nother = 1\ny.")]
    prompts = [prompt_before(llama, tokenizer, vocabulary, document.text, offset) for document, offset in places]
    width = max(len(ids) for _, ids in prompts)
    cursors = [
        Cursor(document, offset, document.text[cut:offset])
        for (document, offset), (cut, _) in zip(places, prompts, strict=True)
    ]
    guide = MonitorLogitsProcessor(vocabulary, monitor({"x": ["save"], "y": ["append"]}), cursors, width)
    pad = tokenizer.pad_token_id
    made = llama.generate(
        torch.tensor([[pad] * (width - len(ids)) + ids for _, ids in prompts]),
        attention_mask=torch.tensor([[0] * (width - len(ids)) + [1] * len(ids) for _, ids in prompts]),
        logits_processor=[guide], num_return_sequences=2, do_sample=True, max_new_tokens=8, pad_token_id=pad,
    )  # fmt: skip
    texts = [guide.text(row // 2, sequence[width:].tolist()) for row, sequence in enumerate(made)]
    assert [text[:4] for text in texts] == ["save"[: len(t)] for t in texts[:2]] + ["appe"[: len(t)] for t in texts[2:]]
    assert guide.released == 0


def processor(tokenizer: Any, llama: Any, guide: Dereference, text: str = "x.") -> MonitorLogitsProcessor:
    return MonitorLogitsProcessor(vocabulary_of(llama, tokenizer), guide, [Cursor(*at_end(text))], 1)


def test_a_mask_is_a_function_of_the_prefix(llama: Any, tokenizer: Any) -> None:
    """Beams are reordered and drafts rejected: asking again, in any order, gives the same."""
    vocabulary = vocabulary_of(llama, tokenizer)
    prefixes = [[5, *vocabulary.encode(text)] for text in ("", "a", "save", "save()", "sa")]
    random = torch.Generator().manual_seed(1)
    rows = {tuple(p): torch.randn(1, vocabulary.size, generator=random) for p in prefixes}
    one = processor(tokenizer, llama, monitor())
    forward = [one(torch.tensor([p]), rows[tuple(p)]) for p in prefixes]
    backward = [one(torch.tensor([p]), rows[tuple(p)]) for p in reversed(prefixes)][::-1]
    other = processor(tokenizer, llama, monitor())
    alone = [other(torch.tensor([p]), rows[tuple(p)]) for p in reversed(prefixes)][::-1]
    for a, b, c in zip(forward, backward, alone, strict=True):
        assert torch.equal(a, b)
        assert torch.equal(a, c)
    assert torch.isinf(forward[0]).any()


def test_scores_are_not_changed_in_place(llama: Any, tokenizer: Any) -> None:
    scores = torch.zeros(1, vocabulary_of(llama, tokenizer).size)
    processor(tokenizer, llama, monitor())(torch.tensor([[5]]), scores)
    assert not scores.any()


@pytest.mark.parametrize(
    ("members", "written", "scores_at"),
    [
        pytest.param({"x": ["é"]}, "", [5], id="nothing that is legal has a score left"),
        pytest.param({"x": ["save"]}, "wrong", None, id="what stands was refused"),
    ],
)
def test_a_row_always_keeps_a_token(
    llama: Any, tokenizer: Any, members: dict[str, list[str]], written: str, scores_at: list[int] | None
) -> None:
    vocabulary = vocabulary_of(llama, tokenizer)
    scores = torch.full((1, vocabulary.size), -torch.inf if scores_at else 0.0)
    scores[:, scores_at or []] = 0.0
    one = processor(tokenizer, llama, monitor(members))
    assert torch.equal(one(torch.tensor([[5, *vocabulary.encode(written)]]), scores), scores)
    assert one.released == 1


@pytest.mark.parametrize(
    ("names", "kept"),
    [(["nothing_else"], False), (["save"], True), (["save_all"], True), (["sa"], False)],
)
def test_a_token_that_hides_a_refused_access_is_refused(names: list[str], kept: bool) -> None:
    """`.save` in one token, behind an `x` that the model wrote; a rare one is left out, since `.` is a token too."""
    vocabulary = Vocabulary([b"", b"x", b".", b".save", b"save", b".rare"], [0])
    guide = MonitorLogitsProcessor(vocabulary, monitor({"x": [*names, "rare"]}), [Cursor(*at_end(""))], 1)
    scores = torch.tensor([[0.0, 0.0, 0.0, 3.0, 0.0, -9.0]])
    found = guide(torch.tensor([[0, 1]]), scores)[0].isfinite().tolist()
    assert found == [True, True, True, kept, True, False]


class Down(FixedAnalysis):
    """Answers nothing, in one of two ways."""

    def __init__(self, late: bool) -> None:
        super().__init__({})
        self._late = late

    def members(self, document: Document, offset: int) -> Future[Any]:
        future: Future[Any] = Future()
        if not self._late:
            future.set_exception(AnalysisDown("gone"))
        return future


@pytest.mark.parametrize("late", [True, False])
def test_without_answers_it_writes_what_the_model_wants(llama: Any, tokenizer: Any, late: bool) -> None:
    document, offset = at_end("x = make()\nx.")
    down = guided_generate(llama, tokenizer, document, offset, Dereference(Down(late)), budget_ms=1, **SHORT)
    free = guided_generate(llama, tokenizer, document, offset, monitor({}), **SHORT)
    assert down == free


def test_the_library_is_lazy_and_whole() -> None:
    code = (
        "import sys, fairlead.decoding as d; assert not {'torch', 'transformers'} & set(sys.modules);"
        "print(*[getattr(d, name).__name__ for name in d.__all__])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["Cursor", "MonitorLogitsProcessor", "guided_generate", "vocabulary_of"]
