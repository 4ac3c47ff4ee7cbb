"""Types of slots, from analysis and the learned numbers, with a language model's opinion where there is one.

Analysis is asked for one function at a time, so that a keystroke's question never waits for a whole file; the project's
files are read in slices before. Blocks its caller, and looks up between two questions whether it should stop.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Protocol

from . import known_types, type_model
from .analysis import Document
from .errors import AnalysisError
from .slot_places import slots as slots_of
from .slots import Import, Inferred, Prediction, Scorer, Slot
from .types_answer import Scored, SlotEvidence, TypesAnswer

SHOWN = 12
"""Predictions of one slot."""

LEAST_SHARE = 0.004
_LOOK_UP_S = 0.05
_GIVE_UP_S = 30.0
_TYPING = frozenset({"typing", "typing_extensions", "collections.abc", "collections"})


class TypeAnalysis(Protocol):
    """The part of analysis that is asked here."""

    def types(self, document: Document, offsets: Sequence[int]) -> Future[TypesAnswer]:
        """Evidence for the slots whose names begin at `offsets`; with none, the project is read a little further."""


class TypeInference:
    """The `Inference` of a server. Safe from any thread: one document is inferred at a time."""

    def __init__(self, analysis: TypeAnalysis, scorer: Scorer | None = None) -> None:
        self._analysis = analysis
        self._scorer = scorer
        self._lock = threading.Lock()

    def infer(
        self,
        document: Document,
        slots: Sequence[Slot] | None = None,
        *,
        until: float | None = None,
        stop: Callable[[], bool] | None = None,
        epsilon: float = 0.1,
    ) -> tuple[Inferred, ...]:
        """What stands at `slots`; see `slots.Inference`."""
        wanted = slots_of(document.text) if slots is None else tuple(slots)
        if not wanted:
            return ()

        def ended() -> bool:
            return (stop is not None and stop()) or (until is not None and time.monotonic() >= until)

        found: dict[tuple[str, int], Inferred] = {}
        with self._lock:
            if self._surveyed(document, ended):
                groups = deque(_by_function(wanted))
                while groups and not ended():
                    group = groups.popleft()
                    answer = self._wait(self._analysis.types(document, [slot.offset for slot in group]), ended)
                    if answer is None or answer.reason:
                        break
                    late = {(one.kind, one.offset) for one in answer.slots if one.late}
                    again = [slot for slot in group if (slot.kind, slot.offset) in late]
                    if again and len(again) < len(group):
                        groups.append(again)
                    found |= self._of_answer(document, group, answer, ended, epsilon)
        return tuple(
            found.get((slot.kind, slot.offset)) or Inferred(slot, set_epsilon=epsilon, complete=False) for slot in wanted
        )

    def _surveyed(self, document: Document, ended: Callable[[], bool]) -> bool:
        """Whether the project's files are read; reads them."""
        while not ended():
            answer = self._wait(self._analysis.types(document, ()), ended)
            if answer is None or answer.reason:
                return False
            if answer.surveyed >= 1.0:
                return True
        return False

    @staticmethod
    def _wait(future: Future[TypesAnswer], ended: Callable[[], bool]) -> TypesAnswer | None:
        give_up = time.monotonic() + _GIVE_UP_S
        while True:
            try:
                return future.result(_LOOK_UP_S)
            except FutureTimeout:
                if ended() or time.monotonic() > give_up:
                    return None
            except AnalysisError:
                return None

    def _of_answer(
        self, document: Document, group: Sequence[Slot], answer: TypesAnswer, ended: Callable[[], bool], epsilon: float
    ) -> dict[tuple[str, int], Inferred]:
        bound = {name: (module, original) for name, module, original in answer.bound}
        by_place = {(one.kind, one.offset): one for one in answer.slots}
        found: dict[tuple[str, int], Inferred] = {}
        for slot in group:
            evidence = by_place.get((slot.kind, slot.offset))
            if evidence is not None:
                scores = self._asked(document, slot, evidence, ended)
                found[slot.kind, slot.offset] = inferred(slot, evidence, scores, bound, answer.module, epsilon)
        return found

    def _asked(
        self, document: Document, slot: Slot, evidence: SlotEvidence, ended: Callable[[], bool]
    ) -> dict[str, float]:
        """The language model's part of the scores; empty where it says nothing or is not believed."""
        weight = type_model.language_weight(slot.kind) if slot.kind in ("parameter", "return") else 0.0
        if self._scorer is None or not weight or len(evidence.candidates) < 2:
            return {}
        texts = [one.text for one in evidence.candidates]
        values = self._scorer(document, slot, texts, ended)
        if not values:
            return {}
        # Only what the candidates differ in counts: what the model thinks of *other* is not known.
        mean = sum(values.values()) / len(values)
        return {text: weight * (value - mean) for text, value in values.items()}


def _by_function(slots: Sequence[Slot]) -> list[list[Slot]]:
    """The slots of each function together, in the order of the first of each."""
    found: dict[int, list[Slot]] = {}
    for slot in slots:
        found.setdefault(slot.function_start, []).append(slot)
    return list(found.values())


def inferred(
    slot: Slot, evidence: SlotEvidence, added: dict[str, float], bound: dict[str, tuple[str, str]], module: str,
    epsilon: float,
) -> Inferred:  # fmt: skip
    """What the evidence comes to. `added` are scores on top of the candidates' own."""
    if evidence.static:
        text, imports, _ = written(evidence.static, {}, bound, module)
        source = "rule" if evidence.static_source == "rule" else "inferred"
        return Inferred(slot, text, source, imports, (), (text,), False, epsilon, 0.0, evidence.sentences)  # type: ignore[arg-type] # a literal
    if not evidence.candidates:
        return Inferred(slot, set_epsilon=epsilon, evidence=evidence.sentences)
    kind = evidence.like or slot.kind
    shares, other = type_model.shares([one.score + added.get(one.text, 0.0) for one in evidence.candidates], evidence.other)
    ranked = sorted(zip([one.text for one in evidence.candidates], shares, strict=True), key=lambda pair: -pair[1])
    final = type_model.with_none(ranked, evidence.optional)
    modules = {one.text: one for one in evidence.candidates}
    predictions: list[Prediction] = []
    above = (1.0, 1.0, 1.0)
    left = 1.0
    for text, share in final[:SHOWN]:
        if share < LEAST_SHARE:
            break
        probability, low, high = type_model.calibrated(kind, share, first=not predictions)
        if predictions:
            # None is likelier than what was ranked before it.
            probability, low, high = (min(a, b) for a, b in zip((probability, low, high), above, strict=True))
        # The first and the others are calibrated apart: together they are no more than certain.
        probability, low = min(probability, left), min(low, left)
        left -= probability
        above = probability, low, high
        shown, imports, full = written(text, modules, bound, module)
        predictions.append(Prediction(
            shown, round(probability, 4), low, high, full, imports, "model, checked" if evidence.agrees else "model",
        ))  # fmt: skip
    least = type_model.threshold(kind, epsilon)
    members = [text for text, share in final if least is not None and share >= least]
    return Inferred(
        slot, predictions=tuple(predictions),
        predicted_set=tuple(written(text, modules, bound, module)[0] for text in members),
        set_has_other=least is None or other >= least, set_epsilon=epsilon, other=round(other, 4),
        evidence=evidence.sentences,
    )  # fmt: skip


def written(
    text: str, modules: dict[str, Scored], bound: dict[str, tuple[str, str]], module: str
) -> tuple[str, tuple[Import, ...], str]:
    """(the text in the names of this file, the imports it lacks, the text with modules in front)."""
    imports: list[Import] = []
    full = text
    top = module.split(".")[0]
    own = modules.get(text.removesuffix(" | None"))
    for name in known_types.names(text):
        home = ""
        if own is not None:
            home = own.module if known_types.head(own.text) == name else dict(own.homes).get(name, "")
        home = home or known_types.HOMES.get(name, "")
        if known_types.is_builtin(name) and name not in bound and (own is None or own.kind == "known"):
            continue
        if not home and name in bound:
            home = bound[name][0]
        if not home:
            continue
        full = known_types.replaced(full, name, f"{home}.{name}")
        if name in bound and (bound[name][0] == home or own is not None or {home, bound[name][0]} <= _TYPING):
            continue
        alias = next((alias for alias, (where, what) in bound.items() if what == name and where == home), "")
        parent = next((alias for alias, (where, what) in bound.items() if what == "" and where == home), "")
        if alias or parent:
            text = known_types.replaced(text, name, alias or f"{parent}.{name}")
        elif home != module:
            imports.append(Import(home, name, project=bool(top) and home.split(".")[0] == top))
    return text, tuple(imports), full
