"""The ledger of reliability: what fairlead promises, the tests that hold it, and what they measured.

    .venv/bin/python benchmarks/reliability.py                 all lines, in the ledger's form; writes the page
    .venv/bin/python benchmarks/reliability.py T6 T9           some of them; the others stand as they were measured before
    .venv/bin/python benchmarks/reliability.py --form night    as long as scripts/night has time for
    .venv/bin/python benchmarks/reliability.py --no-page T12   on the screen only
    .venv/bin/python benchmarks/reliability.py --soak 10 T12   with a typist who types for ten minutes instead of three

What pytest reports is kept in benchmarks/results, the newest of each test is shown. The lines are those of issue 7 and
stand in reliability_rows.py. A test reports what it measured through the fixture
`figure`; a line whose tests report nothing shows how many passed. The exit status is 1 when a test failed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import dots_dataset
from machine import made_by, write_page
from reliability_rows import ROWS, Row

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "reliability"

HEAD = """# Reliability and security, line by line

{made}

Each line is a promise of issue 7, the tests that hold it, and what they measured. *Bites* counts the broken variants among
them: the test puts an old fault back and fails unless it is noticed. `scripts/night` runs the same lines for hours. Times
are from a machine that others may use as well.

| | promise | measured | tests | bites |
|---|---|---|--:|--:|
"""


@dataclass
class Outcome:
    """What became of one test function, all its parameters together, in the form that it ran in."""

    form: str = ""
    passed: int = 0
    skipped: int = 0
    failed: list[str] = field(default_factory=list)
    figures: list[tuple[str, str]] = field(default_factory=list)


def run(tests: Sequence[str], form: str) -> None:
    """Leaves pytest's report among the results."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    report = RESULTS / f"{time.strftime('%Y%m%d-%H%M%S')}-{form}.xml"
    subprocess.run(
        [sys.executable, "-m", "pytest", "-m", "", "-p", "no:cacheprovider", "-o", "junit_family=xunit1",
         f"--junitxml={report}", *tests],
        cwd=ROOT, env={**os.environ, "FAIRLEAD_FORM": form}, check=False, stdout=sys.stderr,
    )  # fmt: skip


def kept() -> dict[str, Outcome]:
    """The newest outcome of each test, by `path::function`."""
    found: dict[str, Outcome] = {}
    for report in sorted(RESULTS.glob("*.xml")):
        found |= outcomes(report.read_text("utf-8"), report.stem.rpartition("-")[2])
    return found


def outcomes(report: str, form: str = "") -> dict[str, Outcome]:
    """Reads what pytest wrote as JUnit XML."""
    found: dict[str, Outcome] = {}
    for case in ElementTree.fromstring(report).iter("testcase"):
        path, function = _place(case.get("classname", "")), case.get("name", "").partition("[")[0]
        outcome = found.setdefault(f"{path}::{function}", Outcome(form))
        if case.find("failure") is not None or case.find("error") is not None:
            outcome.failed.append(case.get("name", ""))
        elif case.find("skipped") is not None:
            outcome.skipped += 1
        else:
            outcome.passed += 1
        for one in case.iter("property"):
            outcome.figures.append((one.get("name", ""), one.get("value", "")))
    return found


def _place(classname: str) -> str:
    """`tests.server.test_text.TestClass` as a path; classes are left out. ".py" for what is no test: a run that was stopped."""
    parts = classname.split(".")
    last = max((at for at, part in enumerate(parts) if part.startswith("test_")), default=-1)
    return "/".join(parts[: last + 1]) + ".py"


def line(row: Row, found: dict[str, Outcome]) -> str:
    """One line of the table."""
    held, figures = [one for test in row.tests for one in _of(test, found)], []
    bites = [one for test in row.bites for one in _of(test, found)]
    for outcome in [*held, *bites]:
        short = " (short form)" if outcome.form == "short" else ""
        figures += [value + short for name, value in outcome.figures if name == row.name]
    passed, failed = sum(one.passed for one in held), [name for one in [*held, *bites] for name in one.failed]
    said = figures or ([f"{passed} tests pass"] if passed else [])
    if failed:
        said.insert(0, f"**failed**: {', '.join(failed[:3])}{' …' if len(failed) > 3 else ''}")
    if skipped := sum(one.skipped for one in held):
        said.append(f"{skipped} skipped here")
    said += [f"*missing*: {row.missing}"] if row.missing else []
    bitten = str(sum(one.passed for one in bites)) if bites else "–"
    return f"| **{row.name}** | {row.promise} | {'; '.join(dict.fromkeys(said)) or '*missing*'} | {passed} | {bitten} |"


def _of(test: str, found: dict[str, Outcome]) -> Iterable[Outcome]:
    """The outcomes of a whole file, or of one function; the class it may be in is part of its name to pytest only."""
    path, *inner = test.split("::")
    wanted = "::".join([path, *inner[-1:]])
    return [outcome for name, outcome in found.items() if name == wanted or name.startswith(f"{wanted}::")]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("lines", nargs="*", help="T1 … T20, S1 … S11; all of them if none is named")
    parser.add_argument("--form", default="ledger", choices=("short", "ledger", "night"))
    parser.add_argument("--no-page", action="store_true", help="print the page, but do not write it")
    parser.add_argument("--soak", metavar="MINUTES", help="how long the typist of T12 types")
    options = parser.parse_args()
    if options.soak:
        os.environ["FAIRLEAD_SOAK_MIN"] = options.soak
    if options.form == "night":
        os.environ["FAIRLEAD_PACKAGES"] = str(dots_dataset.install())  # every place of twenty packages, for T18
    rows = [row for row in ROWS if not options.lines or row.name in options.lines]
    tests = list(dict.fromkeys(test for row in rows for test in (*row.tests, *row.bites)))
    # A file that is asked for as a whole brings its functions with it.
    wanted = [test for test in tests if test == (path := test.partition("::")[0]) or path not in tests]
    before = set(RESULTS.glob("*.xml"))
    run(wanted, options.form)
    new = [outcomes(report.read_text("utf-8")) for report in set(RESULTS.glob("*.xml")) - before]
    found = kept()
    page = HEAD.format(made=made_by("benchmarks/reliability.py"))
    if options.no_page:
        print(page + "\n".join(line(row, found) for row in rows))
    else:
        page += "\n".join(line(row, found) for row in ROWS) + "\n"
        write_page("reliability", page + "\n" + named(ROWS))
    return 1 if not new or any(outcome.failed for outcome in new[0].values()) else 0


def named(rows: Iterable[Row]) -> str:
    """Which tests stand behind each line."""
    lines = ["## The tests behind each line", ""]
    for row in rows:
        names = ", ".join(f"`{test.removeprefix('tests/')}`" for test in row.tests)
        bites = ", ".join(f"`{test.removeprefix('tests/')}`" for test in row.bites)
        lines.append(f"- **{row.name}**: {names or 'none'}{'; bites: ' + bites if bites else ''}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
