"""Lossless speculation without a second model: tokens that followed the same tokens before are read in one pass.

A draft only decides which logits are there beforehand. Every token is still chosen from the model's logits behind
exactly the tokens before it, by the same rule, so that the text is the same with drafts and without, up to how far the
logits of a pass of several rows differ from those of one row (rounding: 1e-6 in float32; in bfloat16 two tokens that are
nearly equally likely may change places).

Drafts come from a suffix automaton over the open documents, from a table of n-grams that learns every prompt and every
token written, and from the model's heads where it has some. How long they are follows from how often drafts with as
long a match were right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch

from .engine import Engine, common_prefix
from .suffix import SuffixAutomaton
from .vocabulary import Vocabulary

MOST_DRAFTED = 15
"""Tokens of one draft; with the token before them they fill sixteen rows."""

MOST_REMEMBERED = 40_000
"""Tokens of open documents that are searched (16 MB)."""

MOST_CHARACTERS = 200_000
"""Of one document."""

MOST_SEEN = 100_000
"""Tokens of prompts and texts that are searched before that begins anew (30 MB)."""

TRIED = 8
"""Occurrences of the last three tokens that are compared with what stands before them, the latest first."""

_GAP = -1
"""Between tokens that did not follow one another."""

FADE = 0.95
"""What is left of a judgement after another one."""

LOOKED_BACK = 16
"""Tokens before the cursor that are compared; a longer match makes a draft no surer."""

Source = tuple[str, int]
"""Where a draft comes from: "suffix" or "gram", and how many tokens matched; or ("heads", 1)."""


class Drafts:
    """What has been seen, and how far to trust it. Shared by all texts of a decoder; for one thread."""

    def __init__(self) -> None:
        self._names: frozenset[str] = frozenset()
        self._automaton = SuffixAutomaton()
        self._seen: list[int] = []
        self._after: dict[tuple[int, ...], int] = {}  # two or three tokens -> what follows them last, in `_seen`
        self._earlier: list[int] = []  # for what follows three tokens: what followed them the time before, or -1
        self._prompt: tuple[int, ...] = ()
        self._right: dict[Source, float] = {}
        self._wrong: dict[Source, float] = {}
        self.drafted = self.accepted = 0
        """Tokens drafted and tokens that were right, since the beginning."""

    def remember(self, documents: Mapping[str, str], vocabulary: Vocabulary, stop: Callable[[], bool]) -> None:
        """Search the texts of the open documents, by name, from now on.

        Takes 3 µs a token, but nothing while the same documents are open: what is typed since is learned from
        prompts. Stopped, it forgets what it has done.
        """
        names = frozenset(documents)
        if names == self._names:
            return
        automaton = SuffixAutomaton()
        for number, text in enumerate(documents.values(), 1):
            if len(automaton) >= MOST_REMEMBERED or stop():
                break
            tokens = vocabulary.encode(text[:MOST_CHARACTERS])[: MOST_REMEMBERED - len(automaton)]
            for begin in range(0, len(tokens), 1000):
                if stop():
                    return
                for token in tokens[begin : begin + 1000]:
                    automaton.extend(token)
            automaton.extend(-number)  # no token: a match never reaches from one document into the next
        if not stop():
            self._names, self._automaton = names, automaton

    def read(self, prompt: tuple[int, ...]) -> None:
        """Learn what is new in a prompt; what is written now follows it."""
        common = common_prefix(self._prompt, prompt)
        self._prompt = prompt
        self.go_on(prompt[max(0, common - LOOKED_BACK) :])

    def go_on(self, tokens: Sequence[int]) -> None:
        """Learn tokens that do not follow those before."""
        if len(self._seen) > MOST_SEEN:
            self._seen, self._after, self._earlier = [], {}, []
        self._seen.append(_GAP)
        self._earlier.append(-1)
        for token in tokens:
            self.learn(token)

    def learn(self, token: int) -> None:
        """One token more follows."""
        seen, after = self._seen, self._after
        at = len(seen)
        if at > 1:
            after[seen[-2], seen[-1]] = at
        earlier = -1
        if at > 2:
            three = seen[-3], seen[-2], seen[-1]
            earlier = after.get(three, -1)
            after[three] = at
        seen.append(token)
        self._earlier.append(earlier)

    def draft(
        self, tokens: Sequence[int], row_cost: float, most: int, foreseen: Sequence[int] = ()
    ) -> tuple[list[int], Source]:
        """What may follow `tokens`, as long as it is worth its rows, and where it was found; `foreseen` is what the
        model's heads expect."""
        tail = tuple(tokens[-LOOKED_BACK:])
        matched, begin = self._automaton.longest(tail)
        found = [("suffix", matched, begin), ("gram", *self._seen_before(tail))]
        candidates = [one for one in found if one[1] > 1] + ([("heads", 1, 0)] if foreseen else [])
        if not candidates:
            return [], ("none", 0)
        share, (kind, matched, begin) = max((self.acceptance((one[0], one[1])), one) for one in candidates)
        source = (kind, matched)
        count = min(most, draft_length(share, row_cost))
        if count == 0 and source in self._wrong:
            self._wrong[source] *= FADE  # else nothing would ever show that drafts are worth it again
        if kind == "heads":
            return list(foreseen[:count]), source
        ids = self._automaton.following(begin, count) if kind == "suffix" else self._copied(tail, begin, count)
        return ids[: next((at for at, token in enumerate(ids) if token < 0), count)], source

    def _copied(self, tail: tuple[int, ...], begin: int, count: int) -> list[int]:
        """What was seen from `begin` on; where that comes to the end of `tail`, it goes round, as a text does that
        repeats itself."""
        ids = self._seen[begin : begin + count]
        if len(ids) < count and self._seen[-2:] == list(tail[-3:-1]):
            ids.append(tail[-1])
            while len(ids) < count:
                ids.append(ids[begin - len(self._seen) - 1])
        return ids

    def _seen_before(self, tail: tuple[int, ...]) -> tuple[int, int]:
        """The longest of the latest matches: how many tokens of the end of `tail`, and where what follows begins."""
        seen, best = self._seen, (0, 0)
        if (at := self._after.get(tail[-2:], -1)) >= 0:
            best = 2, at
        at = self._after.get(tail[-3:], -1) if len(tail) > 2 else -1
        for _ in range(TRIED):
            if at < 0:
                break
            size = 3
            while size < len(tail) and size < at and seen[at - size - 1] == tail[-size - 1]:
                size += 1
            best = max(best, (size, at))
            at = self._earlier[at]
        return best

    def acceptance(self, source: Source) -> float:
        """The share of drafted tokens that were right, of those whose predecessors were."""
        right, wrong = self._right.get(source, 0.0), self._wrong.get(source, 0.0)
        # As if three had been seen already, and more of them right the longer the match is.
        expected = 1 - 1 / (1 + source[1])
        return (right + 3 * expected) / (right + wrong + 3)

    def judged(self, source: Source, drafted: int, accepted: int) -> None:
        """Of a draft so many tokens were right, and the next one was not, unless all were. Old judgements fade."""
        self.drafted += drafted
        self.accepted += accepted
        self._right[source] = FADE * self._right.get(source, 0.0) + accepted
        self._wrong[source] = FADE * self._wrong.get(source, 0.0) + (accepted < drafted)


def draft_length(acceptance: float, row_cost: float) -> int:
    """The tokens to draft for the most tokens a unit of time, when each is right with `acceptance` if those before it
    are, and each row costs the share `row_cost` of a pass."""
    tokens, cost, reached = 1.0, 1.0, 1.0
    for count in range(MOST_DRAFTED):
        reached *= acceptance
        if reached / row_cost <= tokens / cost:
            return count
        tokens += reached
        cost += row_cost
    return MOST_DRAFTED


class Speculation:
    """Steps of one text on an engine that may be ahead of it by a draft.

    While it is in use, the engine is cropped through it. `drafts` None: plain steps.
    """

    def __init__(self, engine: Engine, vocabulary: Vocabulary, drafts: Drafts | None) -> None:
        self._engine, self._vocabulary = engine, vocabulary
        self._drafts = drafts if engine.row_cost < 1 else None
        self._ahead: list[tuple[int, torch.Tensor]] = []  # what the engine holds beyond the text, rows behind it
        self._drafted = 0
        self._source: Source = ("none", 0)

    def step(self, token_id: int, most: int, *, one_line: bool = True) -> torch.Tensor:
        """Append a token to the text; `(V,)` behind it. `most`: tokens that may still be written behind that one."""
        if self._ahead and self._ahead[0][0] == token_id:
            if self._drafts is not None:
                self._drafts.learn(token_id)
            return self._ahead.pop(0)[1]
        engine = self._engine
        if self._drafts is not None and self._drafted:
            self._drafts.judged(self._source, self._drafted, self._drafted - len(self._ahead))
        engine.crop(len(engine.tokens) - len(self._ahead))
        self._forget()
        draft: list[int] = []
        if self._drafts is not None:
            room = min(most, engine.context_tokens - len(engine.tokens) - 1, MOST_DRAFTED)
            tail = (*engine.tokens[1 - LOOKED_BACK :], token_id)
            foreseen = engine.foreseen(len(engine.tokens))
            draft, self._source = self._drafts.draft(tail, engine.row_cost, max(0, room), foreseen)
            draft = draft[: self._useful(draft, one_line)]
            self._drafts.learn(token_id)
        rows = engine.step([token_id, *draft])
        self._ahead = list(zip(draft, rows[1:], strict=True))
        self._drafted = len(draft)
        return rows[0]

    def crop(self, length: int) -> None:
        """Keep the first `length` tokens the engine has committed; what is ahead of the text is forgotten."""
        self._forget()
        self._engine.crop(length)
        if self._drafts is not None:
            self._drafts.go_on(self._engine.tokens[-LOOKED_BACK:])

    def _forget(self) -> None:
        self._ahead, self._drafted = [], 0

    def _useful(self, draft: Sequence[int], one_line: bool) -> int:
        """How much of a draft may be written: nothing from the end of the line, or of the text, on."""
        for count, token_id in enumerate(draft):
            text = self._vocabulary.texts[token_id] if token_id < self._vocabulary.size else b""
            if not text or (one_line and b"\n" in text):
                return count
        return len(draft)
