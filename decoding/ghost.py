"""Ghost text: a model writes a line, monitors see to it that every attribute it names exists.

The rule, for waiting and for running ahead alike: the model writes on while analysis answers; a name that turns out
legal is kept; one that is refused is taken back to its dot and drawn from the exact distribution over the legal names.
Text behind a dot that analysis has not answered in time is not offered.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from ..monitors.analysis import Members
from ..monitors.joint import instead_of, refusing
from ..monitors.monitor import FREE, Answer, Monitor, Question, Start, State
from . import stops
from .draft import decoded
from .engine import Engine
from .inquiry import FOR_ALL, HURRIED, Inquiry
from .mask import allowed
from .model import Model
from .offer import Limits, Offer, Stopped, trim, without_accessor
from .place import Place
from .rank import Scored, rank
from .speculation import Drafts, Speculation
from .vocabulary import Vocabulary

MAX_REDRAWS = 8
"""Names taken back in one text before it is ended; the tail of rejections is dead ends."""

MAX_REFUSALS = 16
"""Tokens refused at one step before the text is ended."""


@dataclass(frozen=True)
class _Next:
    """Go on from these (V,) logits; `ends_word`: what comes next may not lengthen the name just drawn."""

    logits: torch.Tensor
    ends_word: bool = False


@dataclass(frozen=True)
class _End:
    """The text ends here, or after its first `size` bytes where that is given.

    `goes_on`: it is broken off, and with this probability its last word would be longer.
    """

    stopped: Stopped
    size: int | None = None
    goes_on: float | None = None


class Writer:
    """Writes one text on an engine that holds the place's prompt; for the decode thread only.

    The engine may hold other text afterwards; the prompt stays its first tokens. `guide` None: unguided.
    """

    def __init__(
        self, model: Model, vocabulary: Vocabulary, engine: Engine, place: Place, limits: Limits,
        guide: Monitor | None = None, start: Start | None = None, drafts: Drafts | None = None,
    ) -> None:  # fmt: skip
        self._model, self._vocabulary, self._engine = model, vocabulary, engine
        self._place, self._limits, self._start = place, limits, start
        self._ahead = Speculation(engine, vocabulary, drafts if limits.draft else None)
        self._inquiry = Inquiry(place, limits, guide, start)
        self._draft = self._inquiry.draft()
        self._random = torch.Generator().manual_seed(limits.seed)
        self._redraws = 0
        self.gave_up = False
        """Whether the text ended because the model believed in none of the names that may stand somewhere."""

    @property
    def written(self) -> tuple[int, ...]:
        """The tokens written so far."""
        return tuple(step.token_id for step in self._draft.steps)

    @property
    def answers(self) -> Mapping[Question, Answer]:
        """What analysis has said so far."""
        return self._draft.answers

    def write(self) -> Offer | None:
        """The offer (its text empty when there is nothing worth showing), or None when the caller stopped it."""
        self._ahead.crop(len(self._place.prompt.tokens))
        limits = self._limits
        # Taking back and writing anew ends by itself; if it ever did not, the budget should not be what ends it.
        left = 4 * limits.max_tokens + 64
        at: _Next | _End = _Next(self._place.ready)
        start = self._start
        if start is not None and start.members.silence == "late":
            at = _End("unverified", 0)  # at an attribute whose members nobody has named yet
        elif start is not None and start.closed and self._inquiry.checks and _in_name(start.state):
            at = self._draw_name(None)
        while True:
            if limits.stop():
                return None
            left -= 1
            if left < 0 and (isinstance(at, _Next) or at.size is None):
                at = _End("length", len(self._draft.data))
            if isinstance(at, _End):
                # What ends at a dot has nothing unverified before it.
                refused = self._inquiry.finish(self._draft) if at.size is None else None
                if refused is None:
                    return self._offer(at)
                at = self._write_anew(refused)
            elif limits.over:
                at = self._break_off(at.logits, "budget")
            elif len(self._draft.steps) >= limits.max_tokens:
                at = self._break_off(at.logits, "length")
            elif self._draft.log_prob < limits.log_min_confidence:
                at = self._break_off(at.logits, "confidence")
            else:
                refused = self._inquiry.settle(self._draft, HURRIED if limits.run_ahead else FOR_ALL)
                at = self._write_token(at) if refused is None else self._write_anew(refused)

    def _write_token(self, at: _Next) -> _Next | _End:
        """Choose one token and take it in."""
        draft, vocabulary, owed = self._draft, self._vocabulary, self._draft.owed
        log_row = torch.log_softmax(self._constrained(at, owed), -1)
        for _ in range(MAX_REFUSALS):
            token_id, log_prob = self._pick(log_row)
            if log_prob == -math.inf:
                return self._break_off(log_row, "confidence")
            text = vocabulary.texts[token_id]
            if len(text) > len(owed) or not text:
                if float(log_row.max()) < self._limits.log_min_token:
                    return self._break_off(log_row, "confidence")
                if token_id in self._model.eos_ids and draft.state.may_end:
                    return _End("end_of_text")
            newline = text.find(b"\n", len(owed)) if not self._limits.multiline else -1
            kept = text if newline < 0 else text[:newline]
            state = draft.after(text) if text else None
            if state is not None:
                if newline >= 0:
                    if kept and (short := draft.after(kept)) is not None:
                        draft.add(token_id, kept, at.logits, short, log_prob)
                    return _End("end_of_line")
                draft.add(token_id, text, at.logits, state, log_prob)
                before = self._place.document.text[: self._place.offset]
                if self._limits.multiline and (
                    stops.block_is_over(before, draft.text) or self._limits.finished(draft.text)
                ):
                    return _End("end_of_block")
                most = self._limits.max_tokens - len(draft.steps) - 1
                return _Next(self._ahead.step(token_id, most, one_line=not self._limits.multiline))
            if not owed and (drawn := self._mend(text)) is not None:
                return drawn
            log_row[token_id] = -math.inf
        return self._break_off(log_row, "confidence")

    def _break_off(self, log_row: torch.Tensor, stopped: Stopped) -> _End:
        """End the text here, noting how likely it is that its last word would go on."""
        return _End(stopped, goes_on=self._vocabulary.word_mass(log_row))

    def _constrained(self, at: _Next, owed: bytes) -> torch.Tensor:
        """(V,) float32 logits with -inf where healing, or the end of a drawn name, forbids a token."""
        logits = at.logits.float()
        if owed:
            # What the monitors say of text beyond the healed part is asked of the token that is picked, not of thousands.
            ids = allowed(self._vocabulary, FREE, owed.decode("utf-8", "replace"))
            if ids is not None and len(ids):
                kept = torch.full_like(logits, -math.inf)
                kept[torch.from_numpy(ids)] = logits[torch.from_numpy(ids)]
                return kept
        if at.ends_word:
            return logits.masked_fill(self._vocabulary.starts_word.bool(), -math.inf)
        return logits

    def _pick(self, log_row: torch.Tensor) -> tuple[int, float]:
        """A token and its log-probability: the likeliest, or a sample from the nucleus (p = 0.95)."""
        if self._limits.temperature <= 0:
            best = log_row.max(0)
            return int(best.indices), float(best.values)
        values, ids = torch.sort(torch.softmax(log_row / self._limits.temperature, -1), descending=True)
        keep = int((values.cumsum(0) < 0.95).sum()) + 1
        token_id = int(ids[int(torch.multinomial(values[:keep], 1, generator=self._random))])
        return token_id, float(log_row[token_id])

    def _write_anew(self, refused: Question) -> _Next | _End:
        """Take back what the answer to a question refuses, and write something else there."""
        if refused.about == "members" and not refused.before:
            return self._redraw(refused)
        if isinstance(self._draft.answers[refused], Members):
            return self._redraw_word(refused)
        return self._rewind()

    def _rewind(self) -> _Next:
        """Take back what an answer refuses, and go on from there as if it had been known all along."""
        draft = self._draft
        keep = draft.accepted()
        logits = draft.steps[keep].logits
        draft.take_back(keep)
        draft.settle()
        self._ahead.crop(len(self._place.prompt.tokens) + keep)
        return _Next(logits)

    def _mend(self, refused: bytes) -> _Next | _End | None:
        """Redraw the name or string that a refused token belongs to, where what may stand there is known.

        None where it is not: then the next best token is tried.
        """
        draft, written = self._draft, self._draft.text
        begin = stops.word_start(written, in_string=_in_string(draft.state))
        size = draft.size_of(written[:begin])
        state = draft.state_at(self._whole_steps(size)[0], size)
        names = instead_of(written[begin:] + decoded(refused), state, draft.settled) if state is not None else None
        if names:
            self._redraws += 1
            give_up = draft.size_of(without_accessor(written[:begin]))
            return _End("confidence", give_up) if self._redraws > MAX_REDRAWS else self._draw_from(names, size, give_up)
        if not any(_in_name(part) for part in refusing(decoded(refused), draft.state, draft.settled)):
            return None
        question = self._last_answered()
        if question is None and (self._start is None or not self._start.closed):
            return None
        return self._redraw(question)

    def _last_answered(self) -> Question | None:
        """The place whose name is being written; None for the one before the cursor."""
        written = self._draft.text
        behind = [q for q in self._draft.answers if not q.before and q.about == "members" and written.startswith(q.text)]
        return max(behind, key=lambda question: len(question.text), default=None)

    def _redraw(self, question: Question | None) -> _Next | _End:
        """Take the text back to a dot and draw the name behind it from the exact distribution."""
        self._redraws += 1
        if self._redraws > MAX_REDRAWS:
            give_up = len(self._draft.data) if question is None else self._draft.size_of(without_accessor(question.text))
            return _End("confidence", give_up)
        return self._draw_name(question)

    def _redraw_word(self, question: Question) -> _Next | _End:
        """Take the text back to where a word begins, and draw one that its answer allows there."""
        self._redraws += 1
        draft, place, answer = self._draft, self._place, self._draft.answers[question]
        assert isinstance(answer, Members)
        names = frozenset(member.name for member in answer.members) - answer.refused
        if self._redraws > MAX_REDRAWS:
            return _End("confidence", draft.size_of("" if question.before else question.text))
        if question.before:
            typed = place.document.text[place.offset - question.before : place.offset]
            rests = frozenset(name[len(typed) :] for name in names if name.startswith(typed))
            return self._draw(0, place.prompt.stem(typed), typed, rests, 0)
        begin = draft.size_of(question.text)
        return self._draw_from(names, begin, begin)

    def _draw_name(self, question: Question | None) -> _Next | _End:
        """Draw a legal name behind the dot of a question, or behind the one before the cursor (None).

        The text ends before the dot when the model believes in none of the names, or time is up.
        """
        draft = self._draft
        if question is None:
            assert self._start is not None
            typed = self._start.typed
            return self._draw(0, self._place.prompt.stem(typed), typed, self._start.state.names(), 0)
        # The place is where the name begins; giving up there takes the dot away too.
        begin, dot = draft.size_of(question.text), draft.size_of(without_accessor(question.text))
        at_dot = draft.state_at(self._whole_steps(begin)[0], begin)
        return self._draw_from(at_dot.names() if at_dot is not None else None, begin, dot)

    def _whole_steps(self, begin: int) -> tuple[int, str]:
        """How many steps stay when what follows the first `begin` bytes is written anew, and what else of those bytes
        must then be written again."""
        draft, place = self._draft, self._place
        base = place.document.text[: place.prompt.cut]
        text = base + decoded(bytes(draft.data[:begin]))
        cut = self._vocabulary.pretoken_start(text, len(text) - 1) if text else 0
        keep = draft.count_at(len(text[len(base) : cut].encode("utf-8", "replace")))
        return keep, decoded(bytes(draft.data[draft.steps[keep - 1].size if keep else 0 : begin]))

    def _draw_from(self, names: frozenset[str] | None, begin: int, give_up: int) -> _Next | _End:
        """Draw one of `names` behind the first `begin` bytes of the draft."""
        keep, stem = self._whole_steps(begin)
        return self._draw(keep, stem, "", names, give_up)

    def _draw(self, keep: int, stem: str, typed: str, rests: frozenset[str] | None, give_up: int) -> _Next | _End:
        """Keep the first steps, write `stem`, then a name that begins with `typed` and ends in one of `rests`."""
        draft, place, vocabulary = self._draft, self._place, self._vocabulary
        logits = draft.steps[keep].logits if keep < len(draft.steps) else place.ready
        self._ahead.crop(len(place.prompt.tokens) + keep)
        scored = rank(
            self._engine, vocabulary, logits, stem, sorted(typed + rest for rest in rests or () if typed + rest),
            typed=typed, enough=1 if self._limits.temperature <= 0 else None, until=self._limits.until,
            stop=self._limits.stop,
        )  # fmt: skip
        name = self._choose(scored)
        branch = scored.branch(name) if name is not None else None
        if name is None or branch is None:
            self.gave_up = not self._limits.over
            return _End("budget" if self._limits.over else "confidence", give_up)
        draft.take_back(keep)
        if branch.rows is not None:
            self._engine.commit(branch.path)
            written = branch.rows
        else:
            written = tuple(self._engine.step(branch.ids)) if branch.ids else ()
        value = scored.ranking.log_prob(name)
        ids = [*branch.ids, *([branch.crossing_id] if branch.crossing_id is not None else [])]
        rows = [logits, *written]
        for position, token_id in enumerate(ids):
            token_text = vocabulary.texts[token_id]
            state = draft.after(token_text)
            if state is None:  # the tokenizer wrote something other than the name: never seen, never offered
                return _End("confidence", give_up)
            draft.add(token_id, token_text, rows[position], state, value if position == len(ids) - 1 else None)
        if branch.crossing_id is not None:
            return _Next(self._ahead.step(branch.crossing_id, 0))
        return _Next(rows[-1], ends_word=stops.lengthens_name(name[-1]))

    def _choose(self, scored: Scored) -> str | None:
        """The name to write: the likeliest, or a sample (nucleus); None when the model believes in none of them."""
        ranking = scored.ranking
        if not ranking.names or ranking.legal_mass + ranking.unseen_mass < self._limits.min_legal_mass:
            return None
        if self._limits.temperature <= 0:
            return next((name for name in ranking.names if name not in ranking.bounded), None)
        weights = torch.tensor([value / self._limits.temperature for value in ranking.log_probs]).softmax(-1)
        keep = int((weights.cumsum(0) < 0.95).sum()) + 1  # the nucleus, as for tokens
        return ranking.names[int(torch.multinomial(weights[:keep], 1, generator=self._random))]

    def _offer(self, end: _End) -> Offer:
        """What of the draft may be shown: nothing behind a dot that was not answered."""
        draft = self._draft
        text = "" if draft.owed else draft.text
        if end.size is not None:
            text = decoded(bytes(draft.data[len(draft.forced) : end.size]))
        return trim(
            draft, text, end.stopped, self._place.document, self._place.offset, self._limits,
            checked=self._inquiry.checks, word_mass=self._vocabulary.word_mass, goes_on=end.goes_on,
        )  # fmt: skip


def _in_string(state: State) -> bool:
    """Whether what is completed ends with a quote."""
    names = state.names() if state.closed else None
    return bool(names) and all(name[-1:] in ("'", '"') for name in names or ())


def _in_name(state: State) -> bool:
    """Whether a name at a closed place is being written."""
    return state.closed and state.names() is not None
