"""Several texts at one place, grown together: they share the prompt and their beginnings, and one pass moves them all on.

The branches are nodes of one tree behind the prompt. Monitors are asked before a token is taken, and their answers are
waited for: this is for completions somebody asked for, which have the time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from ..monitors.monitor import FREE, Answer, Monitor, Question, Start
from . import stops
from .draft import Draft
from .engine import Engine
from .inquiry import FOR_NAMES, Inquiry
from .mask import allowed
from .model import Model
from .offer import Limits, Offer, Stopped, trim
from .place import Place
from .vocabulary import Vocabulary

_NO_LOGITS = torch.empty(0)
"""Stands in the steps of a branch: nothing is taken back there, so their logits are not kept."""


@dataclass(frozen=True)
class Branch:
    """One text: `draft` is not to be changed, `row` are the (V,) logits behind it, `log_prob` is the text's.

    `node` is its last token in the engine's tree (-1: the prompt's end); of a branch just taken `node` is its parent's,
    and `row` too, until `Grove.grow` has run the model. `log_weight` is for importance sampling.
    """

    node: int
    draft: Draft
    row: torch.Tensor
    log_prob: float = 0.0
    log_weight: float = 0.0
    ended: Stopped | None = None
    token_id: int = -1

    @property
    def text(self) -> str:
        return self.draft.text


class Grove:
    """The texts of one place on an engine that holds its prompt; for the decode thread only.

    Using the engine for anything else ends it. `answers` are those already known, of the same place.
    """

    def __init__(
        self, model: Model, vocabulary: Vocabulary, engine: Engine, place: Place, limits: Limits,
        guide: Monitor | None = None, start: Start | None = None, answers: Mapping[Question, Answer] | None = None,
    ) -> None:  # fmt: skip
        self._model, self._vocabulary, self._engine = model, vocabulary, engine
        self._place = place
        self._inquiry = Inquiry(place, limits, guide, start)
        self.limits = limits
        self._nodes = 0
        self.checks = 0
        """Tokens the monitors were asked about."""
        engine.crop(len(place.prompt.tokens))
        self.root = Branch(-1, self._inquiry.draft(answers), place.ready)

    @property
    def over(self) -> bool:
        """Whether there is no more time, or nobody waits any more."""
        return self.limits.over or self.limits.stop()

    def log_probs(self, branch: Branch) -> torch.Tensor:
        """(V,) log-probabilities over the whole vocabulary; -inf where healing or a finite legal set forbids a token."""
        row = torch.log_softmax(branch.row.float(), -1)
        state, owed = branch.draft.state, branch.draft.owed.decode("utf-8", "replace")
        names = state.names() if state.closed else None
        if not owed and (not names or "" in names):
            return row  # what may follow a whole name is asked of the tokens that are taken, not of half the vocabulary
        ids = allowed(self._vocabulary, state if names else FREE, owed)
        if ids is None or not len(ids):
            return row
        kept = torch.full_like(row, -math.inf)
        kept[torch.from_numpy(ids)] = row[torch.from_numpy(ids)]
        return kept

    def goes_beyond(self, branch: Branch, token_id: int) -> bool:
        """Whether a token writes something new, behind what healing still has to write again."""
        return len(self._vocabulary.texts[token_id]) > len(branch.draft.owed)

    def take(self, branch: Branch, token_id: int, log_prob: float) -> Branch | None:
        """The branch with one token more, or None when it is refused; `grow` makes it ready to go on."""
        self.checks += 1
        draft, limits = branch.draft, self.limits
        text = self._vocabulary.texts[token_id]
        taken = replace(branch, log_prob=branch.log_prob + log_prob, token_id=token_id)
        if token_id in self._model.eos_ids:
            return None if draft.owed or not draft.state.may_end else self.end(taken, "end_of_text")
        if not text or (state := draft.after(text)) is None:
            return None
        newline = text.find(b"\n", len(draft.owed)) if not limits.multiline else -1
        if newline >= 0:
            text = text[:newline]
            short = draft.after(text) if text else draft.state
            if short is None:
                return None
            state = short
        longer = replace(draft, data=bytearray(draft.data), steps=list(draft.steps))
        longer.add(token_id, text, _NO_LOGITS, state, log_prob)
        if self._inquiry.settle(longer, FOR_NAMES) is not None:
            return None
        taken = replace(taken, draft=longer)
        if newline >= 0:
            return self.end(taken, "end_of_line")
        if limits.multiline and (
            stops.block_is_over(self._place.document.text[: self._place.offset], longer.text) or limits.finished(longer.text)
        ):
            return self.end(taken, "end_of_block")
        return taken

    def end(self, branch: Branch, stopped: Stopped) -> Branch | None:
        """The branch as a finished text; None when a monitor refuses that it ends so."""
        draft = replace(branch.draft, data=bytearray(branch.draft.data), steps=list(branch.draft.steps))
        return replace(branch, draft=draft, ended=stopped) if self._inquiry.finish(draft) is None else None

    def grow(self, taken: Sequence[Branch]) -> list[Branch]:
        """Run the model once over the last tokens of branches that were taken; those that have ended stay as they are."""
        live = [branch for branch in taken if branch.ended is None]
        if not live:
            return list(taken)
        rows = self._engine.score_tree([branch.node for branch in live], [branch.token_id for branch in live])
        nodes = range(self._nodes, self._nodes + len(live))
        self._nodes += len(live)
        grown = iter([replace(one, node=node, row=row) for one, node, row in zip(live, nodes, rows, strict=True)])
        return [next(grown) if branch.ended is None else branch for branch in taken]

    def follow(self, branch: Branch, ids: Sequence[int]) -> list[Branch]:
        """The branches along known tokens behind `branch`, in one pass; shorter than `ids` where one is refused."""
        if not ids:
            return []
        first = self._nodes
        rows = self._engine.score_tree([branch.node, *range(first, first + len(ids) - 1)], ids)
        self._nodes += len(ids)
        path: list[Branch] = []
        for number, token_id in enumerate(ids):
            log_prob = float(torch.log_softmax(branch.row.float(), -1)[token_id])
            taken = self.take(branch, token_id, log_prob)
            if taken is None:
                break
            branch = replace(taken, node=first + number, row=rows[number])
            path.append(branch)
            if branch.ended is not None:
                break
        return path

    def offer(self, branch: Branch) -> Offer:
        """What of a branch may be shown."""
        text = "" if branch.draft.owed else branch.text
        stopped = branch.ended or "length"
        broken = stopped in ("length", "confidence", "budget")
        return trim(
            branch.draft, text, stopped, self._place.document, self._place.offset, self.limits,
            checked=self._inquiry.checks, word_mass=self._vocabulary.word_mass,
            goes_on=self._vocabulary.word_mass(branch.row) if broken else None,
        )  # fmt: skip
