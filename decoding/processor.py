"""Monitors inside transformers' own `generate`: a `LogitsProcessor`, and one call that does all of it.

    text, = guided_generate(model, tokenizer, document, offset, monitor, max_new_tokens=32)

What fairlead's own writer does better: it scores whole names exactly, takes back a name that analysis refuses late, and
never waits. Here a step can only be masked, so analysis is asked at once and waited for, within a budget, and what
`generate` draws is what masking token by token gives (the *local* distribution). A part of the vocabulary is not looked
at: below `CHECKED` a token that writes a name behind a dot of its own is left out, since the dot alone is a token too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from transformers import LogitsProcessor, LogitsProcessorList

from ..monitors.analysis import Classification, Document, Members, Signatures
from ..monitors.errors import AnalysisError
from ..monitors.monitor import FREE, Answer, Monitor, Question, State
from .decoder import heal_at
from .draft import decoded
from .mask import allowed
from .prompt import unix
from .vocabulary import Vocabulary

CHECKED = 1e-3
"""From this probability on a token is tried on the state, and analysis asked about the dots inside it."""

MAX_ROUNDS = 8
"""Tokens are refused, which makes others likely enough to be tried, this many times in one step."""

_ACCESS = re.compile(rb"(?:\.|->|::)\s*[^\W\d]|(?:\.|->|::)\s*[\x80-\xff]")

_vocabularies: WeakKeyDictionary[Any, dict[int, Vocabulary]] = WeakKeyDictionary()


@dataclass(frozen=True)
class Cursor:
    """A place in a document to generate at. `forced` is the end of the text before it that the prompt leaves out, to
    be written by the model first ("" if the prompt ends at the cursor)."""

    document: Document
    offset: int
    forced: str = ""


@dataclass(frozen=True)
class _Written:
    """What some tokens wrote: bytes, and the state behind the cursor; None once nothing is guided any more."""

    data: bytes
    state: State | None


class MonitorLogitsProcessor(LogitsProcessor):  # type: ignore[misc]  # transformers is untyped
    """Keeps what `generate` writes at one or several cursors to what a monitor allows.

    Row r of a batch belongs to cursor `r // (rows / len(cursors))`, which is how `generate` lays out return sequences
    and beams. `prompt_tokens` is the width of the prompt, padding on the left included. What is allowed is a function
    of the tokens written alone, so that beams may be reordered and drafts rejected; each question is put once and
    waited for at most `budget_ms`; what is not answered by then leaves its place open. `released` counts the rows that
    were left alone because nothing fitted, or because what was written had been refused.

    Never raises in a step, and never leaves a row without a possible token. For one call of `generate`.
    """

    def __init__(
        self, vocabulary: Vocabulary, monitor: Monitor, cursors: Sequence[Cursor], prompt_tokens: int,
        *, budget_ms: float = 10_000.0,
    ) -> None:  # fmt: skip
        if not cursors:
            raise ValueError("At least one cursor is needed")
        self._vocabulary, self._monitor, self._cursors = vocabulary, monitor, tuple(cursors)
        self._prompt_tokens, self._budget_ms = prompt_tokens, budget_ms
        self._ends = frozenset(vocabulary.end_ids.tolist())
        self._accesses = _accesses(vocabulary)
        self._answers: dict[tuple[int, Question], Answer] = {}
        self._written: dict[tuple[int, tuple[int, ...]], _Written] = {
            (number, ()): _Written(b"", self._begin(cursor)) for number, cursor in enumerate(self._cursors)
        }
        self.released = 0

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """`input_ids` (B, T), `scores` (B, V); the new scores, -inf where refused."""
        rows, per_cursor = input_ids.shape[0], max(1, input_ids.shape[0] // len(self._cursors))
        kept = scores.clone()
        for row in range(rows):
            number = min(row // per_cursor, len(self._cursors) - 1)
            masked = self._masked(number, tuple(input_ids[row, self._prompt_tokens :].tolist()), scores[row])
            if masked is not None and bool((masked > -torch.inf).any()):
                kept[row] = masked
            elif masked is not None:
                self.released += 1
        return kept

    def text(self, cursor: int, ids: Sequence[int]) -> str:
        """What `ids` write behind a cursor; what the prompt left out is not in it."""
        forced = self._cursors[cursor].forced.encode("utf-8", "replace")
        data = b""
        for token_id in ids:
            if token_id in self._ends:
                break
            data += self._vocabulary.texts[token_id]
        return decoded(data[len(forced) :])

    def _begin(self, cursor: Cursor) -> State | None:
        start = self._monitor.start(cursor.document, cursor.offset, self._budget_ms)
        return start.state if start is not None else self._monitor.watch(cursor.document, cursor.offset)

    def _masked(self, number: int, ids: tuple[int, ...], scores: torch.Tensor) -> torch.Tensor | None:
        """(V,) scores with -inf where the monitor refuses; None where it has nothing to say any more."""
        written = self._after(number, ids)
        if written.state is None:
            self.released += 1
            return None
        if written.state == FREE:
            return None
        forced = self._cursors[number].forced.encode("utf-8", "replace")
        owed = decoded(forced[len(written.data) :])
        legal = allowed(self._vocabulary, written.state, owed)
        accesses = self._accesses
        if owed and legal is not None:
            # A dot that is only written anew is none of the model's.
            size, texts = len(owed.encode("utf-8", "replace")), self._vocabulary.texts
            accesses = torch.tensor([i for i in legal.tolist() if _ACCESS.search(texts[i][size:])], dtype=torch.int64)
        if legal is None:
            kept = scores.clone()
            if not written.state.may_end and self._ends:
                kept[self._vocabulary.end_ids] = -torch.inf
        else:
            index = torch.from_numpy(legal).to(scores.device)
            kept = torch.full_like(scores, -torch.inf)
            kept[index] = scores[index]
        return self._checked(number, written, kept, accesses)

    def _checked(self, number: int, written: _Written, kept: torch.Tensor, accesses: torch.Tensor) -> torch.Tensor:
        """Without the tokens whose inside is refused: those likely are tried, and of those unlikely the `accesses`,
        which name a member in mid-token, are left out."""
        tried: set[int] = set()
        for _ in range(MAX_ROUNDS):
            probabilities = torch.softmax(kept.float(), -1)
            likely = [one for one in torch.nonzero(probabilities >= CHECKED).flatten().tolist() if one not in tried]
            refused = [one for one in likely if self._joined(number, written, one).state is None]
            tried.update(likely)
            if not refused:
                break
            kept[refused] = -torch.inf
        unlikely = accesses[~torch.isin(accesses, torch.tensor(sorted(tried), dtype=torch.int64))]
        before = kept
        kept = kept.index_fill(0, unlikely.to(kept.device), -torch.inf)
        return kept if bool((kept > -torch.inf).any()) else before

    def _after(self, number: int, ids: tuple[int, ...]) -> _Written:
        """What the tokens wrote, from the longest beginning that is known."""
        size = len(ids)
        while (number, ids[:size]) not in self._written:
            size -= 1
        written = self._written[number, ids[:size]]
        for end in range(size + 1, len(ids) + 1):
            written = self._joined(number, written, ids[end - 1])
            self._written[number, ids[:end]] = written
        return written

    def _joined(self, number: int, written: _Written, token_id: int) -> _Written:
        """With one token more."""
        if token_id in self._ends or token_id >= self._vocabulary.size:
            return _Written(written.data, FREE)
        data = written.data + self._vocabulary.texts[token_id]
        if written.state is None:
            return _Written(data, None)
        forced = len(self._cursors[number].forced.encode("utf-8", "replace"))
        known, whole = len(decoded(written.data[forced:])), decoded(data[forced:])
        state = written.state.advance(whole[known:]) if len(whole) > known else written.state
        return _Written(data, None if state is None else self._settled(number, state))

    def _settled(self, number: int, state: State) -> State | None:
        """The state once all that it asks is answered; None if an answer refuses what was written."""
        left = len(state.questions)
        while state.questions:
            after = state.resolve(self._answer(number, state.questions[0]))
            if after is None:
                return None
            state = after
            if len(state.questions) >= left:
                break  # a question that no answer settles is nobody's
            left = len(state.questions)
        return state

    def _answer(self, number: int, question: Question) -> Answer:
        """What analysis says, once for each question; nothing known, where it does not say it in time."""
        if (number, question) not in self._answers:
            cursor = self._cursors[number]
            try:
                answer = self._monitor.ask(cursor.document, cursor.offset, question).result(self._budget_ms / 1000)
            except (AnalysisError, TimeoutError, CancelledError) as error:
                answer = _nothing_known(question, f"analysis gave no answer: {type(error).__name__}")
            self._answers[number, question] = answer
        return self._answers[number, question]


def guided_generate(
    model: Any, tokenizer: Any, document: Document, offset: int, monitor: Monitor, *, budget_ms: float = 10_000.0,
    **generate_kwargs: Any,
) -> list[str]:  # fmt: skip
    """Texts to insert at `offset`, one for each return sequence, from transformers' `generate` under a monitor.

    `model` and `tokenizer` as `AutoModelForCausalLM` and `AutoTokenizer` give them (a fast tokenizer). The model reads
    the text before the cursor only, as much as fits, and from the last whole token on it writes again what is half
    typed. `generate_kwargs` go to `generate`; beams, sampling, several return sequences and prompt lookup all work.
    """
    vocabulary = vocabulary_of(model, tokenizer)
    cut, ids = prompt_before(model, tokenizer, vocabulary, document.text, offset)
    cursor = Cursor(document, offset, unix(document.text[cut:offset]))
    guide = MonitorLogitsProcessor(vocabulary, monitor, [cursor], len(ids), budget_ms=budget_ms)
    processors = LogitsProcessorList([*generate_kwargs.pop("logits_processor", ()), guide])
    prompt = torch.tensor([ids], device=model.device)
    if tokenizer.pad_token_id is not None:
        generate_kwargs.setdefault("pad_token_id", tokenizer.pad_token_id)
    made = model.generate(prompt, attention_mask=torch.ones_like(prompt), logits_processor=processors, **generate_kwargs)
    sequences = made if isinstance(made, torch.Tensor) else made.sequences
    return [guide.text(0, sequence[len(ids) :].tolist()) for sequence in sequences]


def prompt_before(
    model: Any, tokenizer: Any, vocabulary: Vocabulary, text: str, offset: int, reserve: int = 128
) -> tuple[int, list[int]]:
    """Where generation begins (at or before `offset`: half a token is written anew), and the ids before it."""
    at = heal_at(text, offset)
    cut = vocabulary.pretoken_start(text, at - 1 if at == offset else at) if at > 0 else 0
    first = list(tokenizer("")["input_ids"][:1])
    room = max(16, int(getattr(model.config, "max_position_embeddings", 0) or 2048) - reserve)
    ids = first + vocabulary.encode(unix(text[max(0, cut - 8 * room) : cut]))[-(room - len(first)) :]
    if not ids:  # an empty file: the model needs something to start from
        start = next((one for one in (tokenizer.bos_token_id, tokenizer.eos_token_id) if one is not None), 0)
        ids = [start]
    return cut, ids


def vocabulary_of(model: Any, tokenizer: Any) -> Vocabulary:
    """The vocabulary of a model and tokenizer of transformers, built once for a tokenizer (half a second at 150,000)."""
    head = model.get_output_embeddings()
    size = len(head.weight) if head is not None else model.config.vocab_size
    made = _vocabularies.setdefault(tokenizer, {})
    if size not in made:
        ends: set[int] = set()
        for config in (model.config, getattr(model, "generation_config", None), tokenizer):
            found = getattr(config, "eos_token_id", None)
            ends.update([found] if isinstance(found, int) else found or [])
        made[size] = Vocabulary.of(tokenizer.backend_tokenizer, size, sorted(ends), list(tokenizer.all_special_ids))
    return made[size]


def _accesses(vocabulary: Vocabulary) -> torch.Tensor:
    """Sorted ids of tokens that hold an accessor and the beginning of a name behind it, something standing before the
    name inside the token: `.append`, `().x`."""
    return torch.tensor([i for i, text in enumerate(vocabulary.texts) if _ACCESS.search(text)], dtype=torch.int64)


def _nothing_known(question: Question, reason: str) -> Answer:
    """An open answer of the kind that was asked for."""
    if question.about == "members":
        return Members(reason=reason, silence="late")
    return Signatures(reason=reason) if question.about == "signatures" else Classification(reason=reason)
