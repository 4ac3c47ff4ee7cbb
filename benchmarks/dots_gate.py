"""What the monitors and other orders say at an access, without a model."""

from __future__ import annotations

import ast
import json
import re
import sys
import sysconfig
import time
from collections import Counter
from concurrent.futures import Future, wait
from pathlib import Path
from typing import Any

import jedi
from dots_dataset import REPOSITORY, Access, Source

from fairlead.monitors.analysis import Analysis, Document
from fairlead.monitors.joint import JointState
from fairlead.monitors.monitor import Monitor, Question, Start, State, finished
from fairlead.monitors.roster import joint

PATIENCE_S = 60.0
"""Nobody is typing: analysis gets the time it takes."""


class Patient:
    """A monitor whose questions are answered before they are asked again: the same seed writes the same text."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self.name = monitor.name

    def start(self, document: Document, offset: int, deadline_ms: float | None = None) -> Start | None:
        return self._monitor.start(document, offset, PATIENCE_S * 1000)

    def watch(self, document: Document, offset: int) -> State:
        return self._monitor.watch(document, offset)

    def ask(self, document: Document, offset: int, question: Question) -> Future[Any]:
        future = self._monitor.ask(document, offset, question)
        wait([future], PATIENCE_S)
        return future


def monitors(analysis: Analysis) -> Patient:
    """All that guides, as one."""
    return Patient(joint(analysis))


def document(root: Path, source: Source, access: Access) -> Document:
    """The buffer a person would have who has typed the dot and nothing behind it."""
    return Document(str(root / source.path), source.cut(access), 1, str(root))


def gate(root: Path, source: Source, access: Access, analysis: Analysis, guide: Patient) -> dict[str, Any]:
    """The verdict at the dot, whether it is right, and how long it took."""
    text = document(root, source, access)
    begun = time.perf_counter()
    analysis.members(text, access.offset).result(PATIENCE_S)
    answered = time.perf_counter()
    start = guide.start(text, access.offset)
    end = time.perf_counter()
    row: dict[str, Any] = {
        "closed": False, "reason": "no monitor has anything to say", "receiver": "", "legal": 0, "refused": False,
        "listed": False, "analysis_ms": (answered - begun) * 1000, "monitor_ms": (end - answered) * 1000,
    }  # fmt: skip
    if start is None:
        return row
    behind = source.true(access)[len(access.name) : len(access.name) + 1] or "\n"
    return row | {
        "closed": start.closed, "reason": start.reason, "receiver": start.members.receiver,
        "legal": len(start.members.names), "listed": access.name in {each.name for each in start.members.members},
        "refused": start.closed and start.state.advance(access.name + behind) is None,
    }  # fmt: skip


def replay(root: Path, source: Source, access: Access, guide: Patient) -> dict[str, Any]:
    """Write the whole statement of an access as it is in truth: does any monitor refuse it, and where?

    `asked` counts the questions of each monitor, `known` the answers it can refuse by, `closed` the tokens behind which
    its state was a mask.
    """
    text = source.text[: access.statement] + source.text[access.end :]
    whole = Document(str(root / source.path), text, 1, str(root))
    true = source.text[access.statement : access.end]
    start = guide.start(whole, access.statement)
    state = start.state if start is not None else guide.watch(whole, access.statement)
    asked: Counter[str] = Counter()
    known: Counter[str] = Counter()
    closed: Counter[str] = Counter()
    reasons: dict[str, str] = {} if start is None else {start.monitor: start.reason}

    def refused(monitors: list[str], at: str) -> dict[str, Any]:
        reason = "; ".join(filter(None, (reasons.get(name, "") for name in monitors)))
        return {"refused": True, "monitor": ", ".join(monitors), "at": at, "reason": reason,
                "asked": dict(asked), "known": dict(known), "closed": dict(closed)}  # fmt: skip

    for match in re.finditer(r"\w+|\s+|.", true):
        after = state.advance(match.group())
        if after is None:
            return refused([name for name, part in parts(state) if part.advance(match.group()) is None], true[: match.end()])
        state = after
        while state.questions:
            question = state.questions[0]
            asked[question.monitor] += 1
            answer = guide.ask(whole, access.statement, question).result(PATIENCE_S)
            reasons[question.monitor] = getattr(answer, "reason", "")
            known[question.monitor] += bool(getattr(answer, "closed", False) or getattr(answer, "known", False))
            after = state.resolve(answer)
            if after is None:
                return refused([question.monitor], true[: match.end()])
            state = after
        closed.update(name for name, part in parts(state) if part.closed)
    if finished(state, text[access.statement :]) is None or not state.may_end:
        wrong = [
            name for name, part in parts(state)
            if finished(part, text[access.statement :]) is None or not part.may_end
        ]  # fmt: skip
        return refused(wrong, true + " (the end)")
    return {"refused": False, "asked": dict(asked), "known": dict(known), "closed": dict(closed)}


def parts(state: State) -> tuple[tuple[str, State], ...]:
    """A joint state taken apart, with the names of the monitors."""
    return state.parts if isinstance(state, JointState) else (("", state),)


class Jedi:
    """jedi as everybody calls it, in this process, for the order of its list."""

    def __init__(self, root: Path, sys_path: list[str]) -> None:
        self._project = jedi.Project(root, sys_path=[str(root), *sys_path], smart_sys_path=False)
        self._environment = jedi.InterpreterEnvironment()

    def names(self, text: Document, offset: int) -> list[str]:
        """The names at the cursor in the order of `Script.complete`; none where jedi fails."""
        line = text.text.count("\n", 0, offset) + 1
        column = offset - (text.text.rfind("\n", 0, offset) + 1)
        try:
            script = jedi.Script(text.text, path=text.path, project=self._project, environment=self._environment)
            return [completion.name for completion in script.complete(line, column)]
        except Exception:  # whatever an internal fault of jedi's raises: it has no list then
            return []


def frequencies() -> Counter[str]:
    """How often each attribute name is read or stored in the standard library of this Python, its tests left out."""
    kept = REPOSITORY / "build" / f"dots-frequency-{sys.version_info[0]}.{sys.version_info[1]}.json"
    if kept.exists():
        return Counter(json.loads(kept.read_text(encoding="utf-8")))
    counts: Counter[str] = Counter()
    library = Path(sysconfig.get_path("stdlib"))
    for path in sorted(library.rglob("*.py")):
        if {"test", "tests", "idle_test", "site-packages", "lib2to3"} & set(path.relative_to(library).parts):
            continue
        try:
            module = ast.parse(path.read_bytes())
        except SyntaxError:
            continue
        counts.update(node.attr for node in ast.walk(module) if isinstance(node, ast.Attribute))
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(json.dumps(counts), encoding="utf-8")
    return counts


def rank_in(names: list[str], true: str) -> int | None:
    """The place of the true name, counting from 1."""
    return names.index(true) + 1 if true in names else None


def frequency_order(names: list[str], counts: Counter[str]) -> list[str]:
    return sorted(names, key=lambda name: (-counts[name], name))
