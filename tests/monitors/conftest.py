"""With FAIRLEAD_LINE_ENDS=crlf all annotated source is read as if Windows had written it."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from fairlead.monitors import cases

plain = cases.cases


def crlf(path: Path, harmless: Callable[[str], str] = cases.blank) -> Iterator[cases.Case]:
    for case in plain(path, harmless):
        before, behind = (part.replace("\n", "\r\n") for part in (case.before, case.behind))
        yield replace(case, before=before, behind=behind)


# Before the tests import it: what is claimed stays the same.
if os.environ.get("FAIRLEAD_LINE_ENDS") == "crlf":
    cases.cases = crlf
