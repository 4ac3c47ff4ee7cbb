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
from .known_types import HOMES, names, split_union
from .module_names import module_name
from .project_types import CallSite, ProjectIndex
from .slot_features import features, position_of, sites_of
from .slot_following import Followed, Follower
from .slot_places import functions, slots
from .slots import Slot
from .type_candidates import Candidate, candidates
from .type_judging import Evidence as Seen
from .type_judging import Surroundings, optional_vector
from .type_model import optional, score, score_other
from .type_texts import known_part
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
        self._indexes: OrderedDict[str, tuple[ProjectIndex, Follower]] = OrderedDict()

    def index(self, root: str) -> ProjectIndex:
        """The index of a root; the one used longest ago is let go."""
        return self._project(root)[0]

    def _project(self, root: str) -> tuple[ProjectIndex, Follower]:
        found = self._indexes.pop(root, None)
        if found is None:
            index = ProjectIndex(root)
            found = index, Follower(index)
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
        index, follower = self._project(document.root)
        surveyed = index.survey(_SURVEY_S)
        if surveyed < 1.0 or not offsets:
            return TypesAnswer(surveyed)
        index.update(document.path, document.text)
        module = module_name(document.path, document.root) if os.path.isabs(document.root) else ""
        is_package = os.path.basename(document.path) == "__init__.py"
        bound = file_names(document.text, module, is_package)
        here = Surroundings(index, module, bound, follower.met)
        nodes = functions(document.text)
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
            one = self._slot(document, slot, node, known.get(slot.function_start, FunctionUses()), here, follower, ask_jedi)
            found.append(replace(one, late=jedi and not ask_jedi and slot.kind in ("variable", "attribute")))
        return TypesAnswer(surveyed, tuple(found), tuple((name, *where) for name, where in bound.items()), module)

    def _slot(
        self, document: Document, slot: Slot, node: Node | None, used: FunctionUses, here: Surroundings, follower: Follower,
        ask_jedi: bool,
    ) -> SlotEvidence:  # fmt: skip
        static = type_rules.decided(slot, used)
        if static:
            return SlotEvidence(slot.offset, slot.kind, static, "rule", sentences=type_rules.sentences(slot, used, (), ()))
        if slot.kind in ("variable", "attribute"):
            guesses, hints = self._guesses(document, slot) if ask_jedi else ((), ())
            text = " | ".join(hints) if len(hints) <= 3 else ""
            text = text or _whole(follower.follow(document, here.module, slot, used).follows)
            source = follower.parameter_of(document, here.module, slot) if not text else None
            if source is not None:
                # What is given a parameter's value has its type.
                own = self._slot(document, source, node, used, here, follower, ask_jedi)
                return replace(own, offset=slot.offset, kind=slot.kind, like=source.kind)
            return SlotEvidence(slot.offset, slot.kind, text, "inferred" if text else "",
                                sentences=type_rules.sentences(slot, used, guesses, ()))  # fmt: skip
        sites = sites_of(here.index, slot, position_of(node, slot.name)) if node is not None else []
        followed = follower.follow(document, here.module, slot, used, sites)
        seen = self.seen(slot, used, sites, followed)
        ranked, other, rest = ranked_candidates(seen, here)
        return SlotEvidence(
            slot.offset, slot.kind, candidates=ranked, other=_log_add(other, rest),
            optional=optional(slot.kind, optional_vector(seen)),
            sentences=type_rules.sentences(slot, used, _shown(followed), sites), agrees=bool(used.attributes(slot.name)),
        )  # fmt: skip

    @staticmethod
    def seen(slot: Slot, used: FunctionUses, sites: Sequence[CallSite], followed: Followed) -> Seen:
        """What scoring needs of one slot."""
        own = used.returns if slot.kind == "return" else used.parameters.get(slot.name, [])
        opinion = type_tables.load()[slot.kind].opinion(features(slot, own, sites))
        return Seen(slot, used, opinion, sites, followed.follows, followed.passed, followed.default,
                    followed.attributes)  # fmt: skip

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
    return Scored(one.text, one.kind, one.module or HOMES.get(one.text, ""), value, one.homes)


def _shown(followed: Followed) -> tuple[str, ...]:
    """The types that were followed, for a person."""
    text = known_part(followed.follows) or known_part(followed.passed)
    return tuple(part for part in split_union(text) if part and part != "None")


def _whole(text: str) -> str:
    """A followed type that is known in all its parts and says something."""
    return "" if text in ("None", "Callable") or "Any" in names(text) else text


def _log_add(a: float, b: float) -> float:
    largest = max(a, b)
    return largest if largest == -math.inf else largest + math.log(math.exp(a - largest) + math.exp(b - largest))
