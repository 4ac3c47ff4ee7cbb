"""All that analysis can say about the slots of one function, in the analysis process.

The learned numbers are applied here, where the project's classes are: a candidate leaves the process as a text and a score.
"""

from __future__ import annotations

import math
import os
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from weakref import WeakKeyDictionary, proxy

from tree_sitter import Node

from . import jedi_types, type_rules, type_tables
from .analysis import Document
from .file_names import file_names
from .jedi_session import Session
from .known_types import HOMES
from .project_types import ProjectIndex, module_name
from .slot_features import features, position_of, sites_of
from .slot_places import Columns, slots
from .slots import Slot
from .syntax import parse
from .type_candidates import Candidate, Surroundings, candidates
from .type_candidates import Evidence as Seen
from .type_model import score, score_other
from .types_answer import Scored, SlotEvidence, TypesAnswer
from .uses import FunctionUses, uses

MOST = 24
"""Candidates that leave the process, for each slot."""

_INDEXES = 4
_JEDI_S = 0.3
_SURVEY_S = 0.25


_by_session: WeakKeyDictionary[Session, TypeEvidence] = WeakKeyDictionary()


def of(session: Session) -> TypeEvidence:
    """What is kept for a session of jedi's."""
    if session not in _by_session:
        _by_session[session] = TypeEvidence(session)
    return _by_session[session]


class TypeEvidence:
    """Keeps an index for each root. For one thread."""

    def __init__(self, session: Session) -> None:
        # Not a reference: what is kept for a session goes with it.
        self._session: Session = proxy(session)
        self._indexes: OrderedDict[str, ProjectIndex] = OrderedDict()

    def index(self, root: str) -> ProjectIndex:
        """The index of a root; the one used longest ago is let go."""
        found = self._indexes.pop(root, None) or ProjectIndex(root)
        self._indexes[root] = found
        while len(self._indexes) > _INDEXES:
            self._indexes.popitem(last=False)
        return found

    def clear(self) -> None:
        """Drop all indexes."""
        self._indexes.clear()

    def answer(self, document: Document, offsets: Sequence[int], jedi: bool = True) -> TypesAnswer:
        """Evidence for the slots whose names begin at `offsets` (a return has its function's). First of all the index
        reads on for a quarter of a second; with no offsets, that is all. jedi is asked nothing more after a third."""
        index = self.index(document.root)
        surveyed = index.survey(_SURVEY_S)
        if surveyed < 1.0 or not offsets:
            return TypesAnswer(surveyed)
        index.update(document.path, document.text)
        module = module_name(document.path, document.root) if os.path.isabs(document.root) else ""
        is_package = os.path.basename(document.path) == "__init__.py"
        bound = file_names(document.text, module, is_package)
        here = Surroundings(index, module, bound)
        nodes = _functions(document.text)
        known: dict[int, FunctionUses] = {}
        found = []
        wanted = frozenset(offsets)
        until = time.monotonic() + _JEDI_S
        for slot in slots(document.text):
            if slot.offset not in wanted:
                continue
            node = nodes.get(slot.function_start)
            if node is not None and slot.function_start not in known:
                known[slot.function_start] = uses(node)
            ask_jedi = jedi and time.monotonic() < until
            one = self._slot(document, slot, node, known.get(slot.function_start, FunctionUses()), here, ask_jedi)
            found.append(replace(one, late=jedi and not ask_jedi and one.static_source != "rule"))
        return TypesAnswer(surveyed, tuple(found), tuple((name, *where) for name, where in bound.items()), module)

    def _slot(
        self, document: Document, slot: Slot, node: Node | None, used: FunctionUses, here: Surroundings, ask_jedi: bool
    ) -> SlotEvidence:  # fmt: skip
        static = type_rules.decided(slot, used)
        if static:
            return SlotEvidence(slot.offset, slot.kind, static, "rule", sentences=type_rules.sentences(slot, used, (), ()))
        guesses, hints = self._guesses(document, slot) if ask_jedi else ((), ())
        if slot.kind in ("variable", "attribute"):
            text = " | ".join(hints) if len(hints) <= 3 else ""
            return SlotEvidence(slot.offset, slot.kind, text, "inferred" if text else "",
                                sentences=type_rules.sentences(slot, used, guesses, ()))  # fmt: skip
        sites = sites_of(here.index, slot, position_of(node, slot.name)) if node is not None else []
        seen = self.seen(slot, used, guesses, sites)
        ranked, other, rest = ranked_candidates(seen, here)
        return SlotEvidence(
            slot.offset, slot.kind, candidates=ranked, other=_log_add(other, rest), optional=seen.opinion.optional,
            sentences=type_rules.sentences(slot, used, guesses, sites), agrees=bool(used.attributes(slot.name)),
        )  # fmt: skip

    @staticmethod
    def seen(slot: Slot, used: FunctionUses, guesses: tuple[str, ...], sites: Sequence[object]) -> Seen:
        """What scoring needs of one slot."""
        own = used.returns if slot.kind == "return" else used.parameters.get(slot.name, [])
        opinion = type_tables.load()[slot.kind].opinion(features(slot, own, sites))  # type: ignore[arg-type] # CallSites
        return Seen(slot, used, opinion, guesses, sites)  # type: ignore[arg-type] # CallSites

    def _guesses(self, document: Document, slot: Slot) -> tuple[tuple[str, ...], tuple[str, ...]]:
        try:
            return jedi_types.guesses(self._session, document, slot)
        except MemoryError:
            raise
        except (Exception, RecursionError):  # whatever jedi makes of broken code is no guess
            self._session.forget(document.path)
            return (), ()


def ranked_candidates(seen: Seen, here: Surroundings) -> tuple[tuple[Scored, ...], float, float]:
    """The best candidates by falling score, the score of *other*, and what all further candidates sum to."""
    found, other = candidates(seen, here)
    kind = seen.slot.kind
    scored = sorted(((score(kind, one.vector), one) for one in found), key=lambda pair: -pair[0])
    best = tuple(_scored(value, one) for value, one in scored[:MOST])
    rest = -math.inf
    for value, _ in scored[MOST:]:
        rest = _log_add(rest, value)
    return best, score_other(kind, other), rest


def _scored(value: float, one: Candidate) -> Scored:
    return Scored(one.text, one.kind, one.module or HOMES.get(one.text, ""), value)


def _log_add(a: float, b: float) -> float:
    largest = max(a, b)
    return largest if largest == -math.inf else largest + math.log(math.exp(a - largest) + math.exp(b - largest))


def _functions(text: str) -> dict[int, Node]:
    """Every `def` by its offset."""
    columns = Columns(text)
    found = {}
    stack = [parse(text).root_node]
    while stack:
        node = stack.pop()
        if node.type == "function_definition":
            found[columns.offset(node.start_byte)] = node
        stack.extend(node.named_children)
    return found
