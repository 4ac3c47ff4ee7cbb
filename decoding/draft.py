"""Text while it is being written: one step for each token, so that any of it can be taken back."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch

from ..monitors.monitor import Answer, Question, State, finished


@dataclass(frozen=True)
class Step:
    """One token. `logits` are those it was drawn from; `size` is the number of bytes written once it is in."""

    token_id: int
    logits: torch.Tensor
    size: int
    state: State
    """After the token; what is half a character is not in it yet."""
    log_prob: float | None
    """None inside a name that was drawn whole: its probability stands at its last token."""


@dataclass
class Draft:
    """What the model has written behind a prompt: first `forced` (bytes the document already has), then new text.

    `start` is the monitors' state at the cursor, `answers` what analysis said so far.
    """

    forced: bytes
    start: State
    data: bytearray = field(default_factory=bytearray)
    steps: list[Step] = field(default_factory=list)
    answers: dict[Question, Answer] = field(default_factory=dict)

    @property
    def state(self) -> State:
        return self.steps[-1].state if self.steps else self.start

    @property
    def owed(self) -> bytes:
        """The part of `forced` that is still to be written."""
        return self.forced[len(self.data) :]

    @property
    def text(self) -> str:
        """What stands behind the cursor now; half a character at the end is left out."""
        return decoded(bytes(self.data[len(self.forced) :]))

    @property
    def log_prob(self) -> float:
        """Of what is written behind the cursor."""
        return sum(step.log_prob or 0.0 for step in self.steps if step.size > len(self.forced))

    def size_of(self, text: str) -> int:
        """Bytes of the draft when `text` stands behind the cursor."""
        return len(self.forced) + len(text.encode("utf-8", "replace"))

    def count_at(self, size: int) -> int:
        """How many whole steps fit into the first `size` bytes."""
        count = 0
        while count < len(self.steps) and self.steps[count].size <= size:
            count += 1
        return count

    def take_back(self, count: int) -> None:
        """Keep the first `count` steps."""
        del self.steps[count:]
        del self.data[self.steps[-1].size if self.steps else 0 :]

    def state_at(self, count: int, size: int) -> State | None:
        """The state once the first `size` bytes stand, `count` steps of them whole; None if an answer refuses them."""
        begin = self.steps[count - 1].size if count else 0
        state = self.steps[count - 1].state if count else self.start
        known = len(decoded(bytes(self.data[len(self.forced) : begin])))
        whole = decoded(bytes(self.data[len(self.forced) : size]))
        after = state.advance(whole[known:]) if len(whole) > known else state
        return None if after is None else self.settled(after)

    def after(self, text: bytes) -> State | None:
        """The state once `text` is written behind the draft; None when it is refused."""
        known = len(self.text)
        whole = decoded((bytes(self.data) + text)[len(self.forced) :])
        state = self.state.advance(whole[known:]) if len(whole) > known else self.state
        return None if state is None else self.settled(state)

    def add(self, token_id: int, text: bytes, logits: torch.Tensor, state: State, log_prob: float | None) -> None:
        """Take one token in."""
        self.data += text
        self.steps.append(Step(token_id, logits, len(self.data), state, log_prob))

    def settle(self) -> bool:
        """Resolve what has been answered in the last state; False when an answer refuses what was written."""
        settled = self.settled(self.state)
        if settled is None:
            return False
        if self.steps:
            self.steps[-1] = replace(self.steps[-1], state=settled)
        else:
            self.start = settled
        return True

    def finish(self, rest: str) -> None:
        """The text ends here and `rest` follows: words whose meaning shows behind them mean what it makes of them."""
        state = finished(self.state, rest)
        if state is None:
            return
        if self.steps:
            self.steps[-1] = replace(self.steps[-1], state=state)
        else:
            self.start = state

    def accepted(self) -> int:
        """How many steps stand, as far as is answered: those before the first that an answer refuses."""
        for count, step in enumerate(self.steps):
            if self.settled(step.state) is None:
                return count
        return len(self.steps)

    def settled(self, state: State) -> State | None:
        """A state with what has been answered taken in; None when that refuses what was written."""
        while (questions := state.questions) and questions[0] in self.answers:
            resolved = state.resolve(self.answers[questions[0]])
            if resolved is None:
                return None
            state = resolved
        return state


def decoded(data: bytes) -> str:
    """UTF-8 bytes as text, without a half character at the end; bytes that are no UTF-8 become U+FFFD."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.end == len(data) and error.reason == "unexpected end of data":
            return data[: error.start].decode("utf-8")
        return data.decode("utf-8", "replace")
