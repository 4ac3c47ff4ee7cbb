"""The list: names that may stand at the cursor, ranked by the model where it has spoken."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..monitors.analysis import Analysis, Document, Member, Members
from ..monitors.answers import members_within
from ..monitors.dereference import normal_form
from ..monitors.evidence import scores
from ..monitors.languages import language_of
from ..monitors.monitor import FREE, Monitor, Start
from ..monitors.roster import BESIDE

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
    said = () if start is None else (start, *start.others)
    if here.where != "code" or any(one.closed or one.monitor not in BESIDE for one in said):
        return _merged(said, Members())
    begin = offset - len(here.typed)
    left_ms = max(10.0, deadline_ms - (time.monotonic() - begun) * 1000)
    members = members_within(analysis.names(document, offset), left_ms)
    if said:
        return _merged(said, members)
    return Start("", False, members.reason, FREE, begin, here.typed, members)


def _merged(said: tuple[Start, ...], names: Members) -> Start | None:
    """The deciding start; where it is open, with what the other open ones list at the same place, and `names`."""
    if not said:
        return None
    first = said[0]
    here = [one for one in said if one.offset == first.offset]
    if first.closed and first.monitor != "name":
        # What an enumeration is compared with orders its members: those not used yet come first.
        wanted = [member.name for one in here if one.monitor == "match" for member in one.members.members]
        place_of = {name: place for place, name in enumerate(wanted)}
        ordered = sorted(first.members.members, key=lambda member: place_of.get(member.name, len(wanted)))
        return replace(first, members=replace(first.members, members=tuple(ordered))) if wanted else first
    # What is right at just this kind of place stands before the names in scope.
    here.sort(key=lambda one: one.monitor == "name")
    listed = [one.members for one in here if not one.closed or one.monitor == "name"]
    found = {member.name: member for members in (names, *reversed(listed)) for member in members.members}
    best = {member.name: None for members in (*listed, names) for member in members.members}
    refused = frozenset[str]().union(*(members.refused for members in listed))
    merged = tuple(found[name] for name in best if name not in refused)
    extra = frozenset[str]().union(*(members.extra_names for members in (*listed, names)))
    silence = first.members.silence or names.silence
    return replace(first, members=replace(first.members, members=merged, extra_names=extra, silence=silence))


def entries(start: Start, ranking: Ranking | None, document: Document) -> tuple[Entry, ...]:
    """The members that begin with what is typed, the likeliest first.

    Behind a dot of Python the order weighs the model's probability with what the text itself says (`evidence`), or goes by
    the text alone; elsewhere by the probability, or in analysis's own order. Private names come last among equals. The
    probability of an entry is the model's own, whatever the order.
    """
    typed = normal_form(start.typed)
    found = [member for member in start.members.members if normal_form(member.name).startswith(typed)]
    found.sort(key=lambda member: member.name.startswith("_"))
    probabilities: list[float] | None = None
    if ranking is not None:
        given = ranking.starting_with(start.typed)
        value = dict(zip(given.names, given.log_probs, strict=True))
        probabilities = [math.exp(value.get(member.name, -math.inf)) for member in found]
    order: list[float] | None = probabilities
    if _behind_dot(start, document):
        order = scores(document.text, start.offset, found, probabilities)
    if probabilities is None:
        listed = [Entry(member) for member in found]
    else:
        listed = [Entry(member, probability) for member, probability in zip(found, probabilities, strict=True)]
    if order is None:
        return tuple(listed)
    return tuple(entry for _, entry in sorted(zip(order, listed, strict=True), key=lambda pair: -pair[0]))


def _behind_dot(start: Start, document: Document) -> bool:
    """Whether a member of something comes at the start, in no order of its own: names a match has not used come first."""
    before = document.text[:start.offset].rstrip(" \t")
    return (
        before.endswith(".") and language_of(document.path).id == "python"
        and start.monitor in ("dereference", "typestate", "store") and all(one.monitor != "match" for one in start.others)
    )  # fmt: skip
