"""The list: names that may stand at the cursor, ranked by the model where it has spoken."""

from __future__ import annotations

import math
import time
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..monitors.analysis import Analysis, Document, Member, Members
from ..monitors.dereference import normal_form
from ..monitors.errors import AnalysisError
from ..monitors.languages import language_of
from ..monitors.monitor import FREE, Monitor, Start

if TYPE_CHECKING:
    from ..decoding.rank import Ranking


@dataclass(frozen=True)
class Entry:
    """One line of the list; `probability` is None where no model has ranked."""

    member: Member
    probability: float | None = None


def find(monitor: Monitor, analysis: Analysis, document: Document, offset: int, deadline_ms: float) -> Start | None:
    """What may be listed at the cursor: the monitor's start, or the names in scope where a name is being written.

    None in comments, strings and numbers. The names in scope have no monitor yet (`Start.monitor` is "") and stay open.
    """
    begun = time.monotonic()
    start = monitor.start(document, offset, deadline_ms)
    here = language_of(document.path).place(document.text, offset)
    if start is not None or here.where != "code":
        return start
    begin = offset - len(here.typed)
    left_s = max(0.01, deadline_ms / 1000 - (time.monotonic() - begun))
    try:
        members = analysis.names(document, offset).result(left_s)
    except FutureTimeout:
        members = Members(reason=f"analysis did not answer within {deadline_ms:.0f} ms", silence="late")
    except AnalysisError as error:
        members = Members(reason=f"analysis is down: {error}", silence="down")
    return Start("", False, members.reason, FREE, begin, here.typed, members)


def entries(start: Start, ranking: Ranking | None) -> tuple[Entry, ...]:
    """The members that begin with what is typed, by falling probability; without a ranking in analysis's own order,
    private names last."""
    typed = normal_form(start.typed)
    found = [member for member in start.members.members if normal_form(member.name).startswith(typed)]
    if ranking is None:
        return tuple(Entry(member) for member in sorted(found, key=lambda member: member.name.startswith("_")))
    given = ranking.starting_with(start.typed)
    value = dict(zip(given.names, given.log_probs, strict=True))
    listed = [Entry(member, math.exp(value.get(member.name, -math.inf))) for member in found]
    return tuple(sorted(listed, key=lambda entry: -(entry.probability or 0.0)))
