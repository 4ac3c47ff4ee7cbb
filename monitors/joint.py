"""Several monitors at once: the product of their states. What any of them refuses is refused."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any

from .analysis import Document
from .languages import PYTHON, language_of
from .monitor import Answer, Monitor, Question, Start, State, finished

IN_EVERY_LANGUAGE = frozenset({"dereference"})
"""The monitors that read more than Python; the others are silent in other languages."""


@dataclass(frozen=True)
class JointState:
    """The states of several monitors at one place in the text, each with its monitor's name."""

    parts: tuple[tuple[str, State], ...]

    def advance(self, text: str) -> JointState | None:
        """Every part advanced, or None as soon as one refuses."""
        parts = []
        for name, state in self.parts:
            after = state.advance(text)
            if after is None:
                return None
            parts.append((name, after))
        return JointState(tuple(parts))

    def names(self) -> frozenset[str] | None:
        """What all closed parts allow; where none is closed, what the first open part knows."""
        finite = [(state.closed, names) for _, state in self.parts if (names := state.names()) is not None]
        closed = [names for is_closed, names in finite if is_closed]
        if closed:
            return frozenset.intersection(*closed)
        return finite[0][1] if finite else None

    @property
    def closed(self) -> bool:
        return any(state.closed and state.names() is not None for _, state in self.parts)

    @property
    def may_end(self) -> bool:
        return all(state.may_end for _, state in self.parts)

    @property
    def questions(self) -> tuple[Question, ...]:
        """Of all parts, in the order in which their places stand in the text."""
        found = [
            (len(question.text) - question.before, position, replace(question, monitor=name))
            for position, (name, state) in enumerate(self.parts)
            for question in state.questions
        ]
        return tuple(question for _, _, question in sorted(found, key=lambda item: item[:2]))

    def finish(self, rest: str) -> JointState | None:
        """Every part finished."""
        parts = []
        for name, state in self.parts:
            after = finished(state, rest)
            if after is None:
                return None
            parts.append((name, after))
        return JointState(tuple(parts))

    def resolve(self, answer: Answer) -> JointState | None:
        """The state once the first question is answered, by the part that asked it."""
        questions = self.questions
        if not questions:
            return self
        parts = []
        for name, state in self.parts:
            after = state.resolve(answer) if name == questions[0].monitor else state
            if after is None:
                return None
            parts.append((name, after))
        return JointState(tuple(parts))


def instead_of(tried: str, state: State, settle: Callable[[State], State | None]) -> frozenset[str] | None:
    """What may stand at a place where `tried` is refused, as far as the monitors that refuse it know; None if they don't.

    `settle` tells a state what analysis has answered already. A name that is refused because it is called is replaced
    by the other names that are known here.
    """
    names = next((found for part in refusing(tried, state, settle) if (found := part.names())), None)
    called = _CALLED.match(tried)
    if names is None and called is not None and refusing(called.group(), state, settle):
        names = frozenset(state.names() or ()) - {called.group(1)}
    if not names:
        return None
    if len(names) > _FILTERED:
        return names
    return frozenset(name for name in names if (after := state.advance(name)) is not None and settle(after) is not None)


def refusing(text: str, state: State, settle: Callable[[State], State | None]) -> list[State]:
    """The parts of a state that refuse a text."""
    found = []
    for name, part in state.parts if isinstance(state, JointState) else (("", state),):
        after = (JointState(((name, part),)) if name else part).advance(text)
        if after is None or settle(after) is None:
            found.append(part)
    return found


_CALLED = re.compile(r"([^\W\d]\w*)[ \t]*\(")
_FILTERED = 256
"""Of more names than this, those that another monitor refuses are found out when they are written."""


class Joint:
    """A monitor made of monitors, which are asked in the given order; names of monitors are distinct.

    The first closed start decides, else the first open one; the others stand in `Start.others`.
    """

    name = "joint"

    def __init__(self, monitors: Sequence[Monitor]) -> None:
        self._monitors = {monitor.name: monitor for monitor in monitors}

    def start(self, document: Document, offset: int, deadline_ms: float | None = None) -> Start | None:
        """What holds at the cursor: the deciding start, with the joint state of all monitors."""
        until = None if deadline_ms is None else time.monotonic() + deadline_ms / 1000
        found: dict[str, Start] = {}
        monitors = self._reading(document)
        for name, monitor in monitors.items():
            left_ms = None if until is None else max(0.0, (until - time.monotonic()) * 1000)
            start = monitor.start(document, offset, left_ms)
            if start is not None:
                found[name] = start
        if not found:
            return None
        deciding = next((start for start in found.values() if start.closed), next(iter(found.values())))
        parts = tuple(
            (name, found[name].state if name in found else monitor.watch(document, offset))
            for name, monitor in monitors.items()
        )
        others = tuple(start for start in found.values() if start is not deciding)
        return replace(deciding, state=JointState(parts), others=others)

    def watch(self, document: Document, offset: int) -> JointState:
        """Every monitor's watching state."""
        monitors = self._reading(document)
        return JointState(tuple((name, monitor.watch(document, offset)) for name, monitor in monitors.items()))

    def ask(self, document: Document, offset: int, question: Question) -> Future[Any]:
        """Ask through the monitor whose question it is."""
        return self._monitors[question.monitor].ask(document, offset, question)

    def _reading(self, document: Document) -> dict[str, Monitor]:
        """The monitors that can read this document."""
        if language_of(document.path) is PYTHON:
            return self._monitors
        return {name: monitor for name, monitor in self._monitors.items() if name in IN_EVERY_LANGUAGE}
