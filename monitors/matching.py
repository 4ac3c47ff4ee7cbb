"""The match monitor: what an enumeration is compared with, the members not used yet first. It only ranks."""

from __future__ import annotations

import re
from concurrent.futures import Future
from dataclasses import dataclass, replace

from .analysis import Analysis, Document, Member, Members
from .answers import answered, members_within
from .languages import is_read
from .lexical import line_start, scan
from .monitor import FREE, Question, Start, State
from .syntax import identifier_start, place

_COMPARED = re.compile(r"(?:\bis(?:\s+not)?\s+|[=!]=\s*)(?:[^\W\d]\w*\.)*\Z")
_CASE = re.compile(r"(?P<indent>[ \t]*)case[ \t](?P<rest>.*)\Z")
_PLAIN = re.compile(r"(?:[^\W\d][\w.]*\s*\|\s*)*(?:[^\W\d]\w*\.)*\Z")
_MATCH = re.compile(r"(?P<indent>[ \t]*)match\b(?P<subject>.+):\s*(?:#.*)?\Z")


@dataclass(frozen=True)
class Compared:
    """What is compared at a place: `end` is where the expression ends, `used` the members that other cases have."""

    end: int
    used: frozenset[str] = frozenset()


def compared_at(text: str, offset: int) -> Compared | None:
    """What the place compares with: the left side of `is` or `==`, or the subject of the match around a `case`."""
    scanned = scan(text)
    line = line_start(text, offset)
    before = scanned.code_before(offset, line)
    case = _CASE.fullmatch(before)
    if case is not None:
        return _subject(text, line, case.group("indent")) if _PLAIN.fullmatch(case.group("rest")) else None
    found = _COMPARED.search(before)
    if found is None:
        return None
    end = line + len(before[:found.start()].rstrip())
    return Compared(end) if end > line else None


def _subject(text: str, line: int, indent: str) -> Compared | None:
    """The subject of the match statement that the case at `line` belongs to, and what its other cases use."""
    at = line
    used: set[str] = set()
    for _ in range(400):
        if at == 0:
            return None
        begin = line_start(text, at - 1)
        above = text[begin:at].rstrip("\r\n")
        header = _MATCH.fullmatch(above)
        if header is not None and len(header.group("indent").expandtabs()) < len(indent.expandtabs()):
            subject = header.group("subject").rstrip()
            end = begin + header.start("subject") + len(subject)
            if subject.strip().startswith("(") and subject.endswith(")"):
                end -= 1
            return Compared(end, frozenset(used) | _used_below(text, line, indent))
        used |= _used(above, indent)
        at = begin
    return None


def _used_below(text: str, line: int, indent: str) -> frozenset[str]:
    used: set[str] = set()
    for below in text[line:line + 20_000].splitlines()[1:]:
        if below.strip() and len(below) - len(below.lstrip()) < len(indent):
            break
        used |= _used(below, indent)
    return frozenset(used)


def _used(line: str, indent: str) -> set[str]:
    case = _CASE.fullmatch(line)
    if case is None or case.group("indent") != indent or " if " in case.group("rest"):
        return set()
    return set(re.findall(r"[^\W\d]\w*(?:\.[^\W\d]\w*)+", case.group("rest")))


class Match:
    """The monitor. It never refuses anything: captures, `_`, guards and calls are as legal as members."""

    name = "match"

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis

    def start(self, document: Document, offset: int, deadline_ms: float | None = None) -> Start | None:
        """The start where an enumeration is compared; None where nothing is compared, or no enumeration."""
        text = document.text
        if not is_read(document):
            return None
        here = place(text, offset)
        if here.where != "code":
            return None
        begin = identifier_start(text, offset)
        compared = compared_at(text, begin)
        if compared is None:
            return None
        answer = members_within(self._analysis.subject(document, compared.end), deadline_ms)
        fresh = [member for member in answer.members if member.name not in compared.used]
        members = (*fresh, *(member for member in answer.members if member.name in compared.used))
        if here.dot is not None:
            written = re.search(r"[^\W\d][\w.]*\.\Z", text[max(0, begin - 200):begin])
            prefix = written.group() if written is not None else "\0"
            members = tuple(
                Member(member.name[len(prefix):], member.kind) for member in members if member.name.startswith(prefix)
            )
        if not members:
            return None
        listed = replace(answer, members=members, closed=False, silence="")
        return Start(self.name, False, answer.reason, FREE, begin, text[begin:offset], listed)

    def watch(self, document: Document, offset: int) -> State:
        """Nothing is watched."""
        return FREE

    def ask(self, document: Document, offset: int, question: Question) -> Future[Members]:
        """Nothing is ever asked."""
        return answered(Members(reason="the match monitor asks nothing"))
