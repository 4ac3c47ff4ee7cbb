"""What a key costs the analysis: in a project of 10 files and of 10,000, and at the first touch of a heavy package.

    .venv/bin/python benchmarks/analysis.py

Both projects hold the same file being edited and the same modules it imports; the larger one holds 9,990 modules
more. At each key a line of the file changes. What is timed is what the monitors cost then: a change (the text is edited
and parsed, the watching states are made), and the start of all monitors together at a dot, jedi's process included.
jedi alone is asked for the same completions in the same run, in turns. The heavy package is numpy, in the
environment this runs in. Writes docs/benchmarks/analysis.md.
"""

from __future__ import annotations

import argparse
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import jedi
from machine import made_by, write_page

from fairlead.monitors.analysis import Document
from fairlead.monitors.process import AnalysisProcess
from fairlead.monitors.roster import joint
from fairlead.monitors.syntax import parse
from fairlead.server.text import Text

BUILD = Path(__file__).resolve().parent.parent / "build" / "bench-analysis"
SIZES = (10, 10_000)
MODULE = '''\
"""Part {number} of a generated project."""

from __future__ import annotations

import dataclasses
import os
{imports}


@dataclasses.dataclass
class Record{number}:
    """One thing of part {number}."""

    name: str
    amount: int = 0
    tags: list[str] = dataclasses.field(default_factory=list)

    def total_{number}(self, factor: float = 1.0) -> float:
        return self.amount * factor

    def path_{number}(self) -> str:
        return os.path.join(self.name, *self.tags)


class Store{number}:
    def __init__(self) -> None:
        self.records_{number}: dict[str, Record{number}] = {{}}

    def add_{number}(self, record: Record{number}) -> Record{number}:
        self.records_{number}[record.name] = record
        return record

    def find_{number}(self, name: str) -> Record{number} | None:
        return self.records_{number}.get(name)


def make_{number}(name: str) -> Record{number}:
    return Record{number}(name)
'''
PLACES = ("record.", "record.name.", "store.", "store.records_1.", "make_2('a').", "os.path.", "self.")
"""What stands before the cursor."""
EDITED = 9
"""Modules that the edited file and its imports are made of; both projects have them."""
T = TypeVar("T")
CASES = ("cold", "indexed ahead", "started again")


@dataclass
class Series:
    """Milliseconds."""

    values: list[float] = field(default_factory=list)

    def timed(self, work: Callable[[], T]) -> T:
        begun = time.perf_counter()
        result = work()
        self.values.append((time.perf_counter() - begun) * 1000)
        return result

    def at(self, share: float) -> float:
        ordered = sorted(self.values)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def project(size: int) -> Path:
    """A project of `size` modules in packages of a hundred, each importing three of the first."""
    root = BUILD / f"project-{size}"
    mark = root / "complete"
    if mark.exists():
        return root
    shutil.rmtree(root, ignore_errors=True)
    for number in range(1, size):
        folder = root / (f"part{number // 100}" if number > EDITED else "core")
        if not folder.is_dir():
            folder.mkdir(parents=True)
            (folder / "__init__.py").touch()
        imported = [1 + (number + step) % EDITED for step in (1, 3, 4)] if number > EDITED else [number - 1][: number > 1]
        imports = "\n".join(f"from core.module{one} import Record{one}, Store{one}" for one in imported)
        (folder / f"module{number}.py").write_text(MODULE.format(number=number, imports=imports))
    (root / "pyproject.toml").touch()
    mark.touch()
    return root


def edited(key: int, receiver: str) -> tuple[str, int]:
    """The file at one key of many, and the cursor behind the dot; every key changes another line."""
    imports = "\n".join(f"from core.module{one} import Record{one}, Store{one}, make_{one}" for one in range(1, EDITED))
    functions = "\n".join(
        f"def use_{one}(record: Record{one}, store: Store{one}) -> float:\n    found = store.find_{one}(record.name)\n"
        f"    value = {key if one == key % 8 + 1 else 0}\n    return record.total_{one}(value) if found else 0.0\n\n"
        for one in range(1, EDITED)
    )
    head = (
        f'"""A file being edited."""\n\nimport os\n{imports}\n\n\n{functions}\n'
        "class Main(Store1):\n    def run(self, record: Record1, store: Store1) -> None:\n        "
    )
    return f"{head}{receiver}\n\n    def later(self) -> None:\n        self.value = 1\n", len(head) + len(receiver)


def keys(count: int) -> Iterator[tuple[int, str]]:
    dice = random.Random(3)
    for key in range(count):
        yield key, dice.choice(PLACES)


class Typist:
    """Types the same keys into one project, and times what they cost."""

    def __init__(self, root: Path, cache: str) -> None:
        self._root, self._path = str(root), str(root / "main.py")
        self._alone = jedi.Project(str(root))
        self._analysis = AnalysisProcess(workspace_roots=[str(root)], cache_folder=cache)
        self._guide = joint(self._analysis)
        self.series = {name: Series() for name in ("change", "dot", "jedi")}

    def warm(self) -> None:
        """Each receiver once, as after a minute of work."""
        self._analysis.open(Document(self._path, edited(0, PLACES[0])[0], 0, self._root))
        for receiver in PLACES:
            text, offset = edited(0, receiver)
            self._guide.start(Document(self._path, text, 0, self._root), offset)
            self._jedi(text, offset)

    def key(self, key: int, receiver: str) -> None:
        """One key: the file changes, and a dot is asked about."""
        text, offset = edited(key + 1, receiver)
        document = Document(self._path, text, key + 1, self._root)
        self.series["change"].timed(lambda: _changed(self._guide.watch, document, offset))
        assert self.series["dot"].timed(lambda: self._guide.start(document, offset)) is not None
        self.series["jedi"].timed(lambda: self._jedi(text, offset))

    def close(self) -> None:
        self._analysis.shutdown()

    def _jedi(self, text: str, offset: int) -> None:
        jedi.Script(text, path=self._path, project=self._alone).complete(*_position(text, offset))


def typed(count: int) -> dict[int, dict[str, Series]]:
    """The cost of keys by the size of the project. Every key is typed into all of them before the next one."""
    with tempfile.TemporaryDirectory() as cache:
        typists = {size: Typist(project(size), cache) for size in SIZES}
        try:
            for typist in typists.values():
                typist.warm()
            for key, receiver in keys(count):
                for size in SIZES if key % 2 else reversed(SIZES):
                    typists[size].key(key, receiver)
        finally:
            for typist in typists.values():
                typist.close()
    return {size: typist.series for size, typist in typists.items()}


def _changed(watch: Callable[[Document, int], object], document: Document, offset: int) -> None:
    text = Text(document.text)
    text.apply(((3, 0), (3, 0)), "x", "utf-16")
    parse(document.text)
    watch(document, offset)


def _position(text: str, offset: int) -> tuple[int, int]:
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset) - 1


def first_touch(receiver: str) -> dict[str, float]:
    """Milliseconds until the members of numpy are there: nothing known; document open and idle; second start."""
    found: dict[str, float] = {}
    root = BUILD / "heavy"
    root.mkdir(parents=True, exist_ok=True)
    head = "import numpy as np\nimport numpy.linalg\n\nsize = np.linalg.norm([1])\n"
    with tempfile.TemporaryDirectory() as cache:
        for case in CASES:
            folder = cache if case != "cold" else f"{cache}/cold"
            Path(folder).mkdir(exist_ok=True)
            Path(folder).chmod(0o700)
            analysis = AnalysisProcess(workspace_roots=[str(root)], cache_folder=folder, project_python=sys.prefix)
            try:
                while analysis.health() != "ready":
                    time.sleep(0.02)
                if case != "cold":
                    analysis.open(Document(str(root / "main.py"), head, 0, str(root)))
                if case == "indexed ahead":
                    _until_idle(analysis)
                document = Document(str(root / "main.py"), f"{head}{receiver}", 1, str(root))
                begun = time.perf_counter()
                answer = analysis.members(document, len(document.text)).result(120)
                found[case] = (time.perf_counter() - begun) * 1000
                assert answer.members, answer.reason
            finally:
                analysis.shutdown()
    code = (
        "import jedi, time; t = time.perf_counter(); "
        f"n = len(jedi.Script({head + receiver!r}).complete()); print((time.perf_counter() - t) * 1000)"
    )
    for case in ("jedi, first", "jedi, later process"):
        environ = {"XDG_CACHE_HOME": str(BUILD / "jedi-cache"), "PATH": ""}
        if case == "jedi, first":
            shutil.rmtree(BUILD / "jedi-cache", ignore_errors=True)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environ)
        found[case] = float(done.stdout)
    return found


def _until_idle(analysis: AnalysisProcess) -> None:
    """Until the process has looked at the open document, and has nothing left to do."""
    begun, seen = time.monotonic(), False
    while time.monotonic() - begun < 120:
        running = analysis._running
        assert running is not None
        if seen and not running.warming:
            return
        seen = seen or bool(running.warming)
        time.sleep(0.005)
    raise TimeoutError("the document was not looked at within two minutes")


def page(typing: dict[int, dict[str, Series]], touches: dict[str, dict[str, float]], count: int) -> str:
    small, large = typing[SIZES[0]], typing[SIZES[1]]
    rows = []
    names = {"change": "a change, no dot", "dot": "all monitors at a dot", "jedi": "jedi alone at the dot"}
    for name, words in names.items():
        cells = "".join(f" {one[name].at(share):.1f} |" for one in (small, large) for share in (0.5, 0.95, 0.99))
        rows.append(f"| {words} |{cells} {large[name].at(0.5) / small[name].at(0.5):.2f} |")
    beside = [statistics.median(one["dot"].values) / statistics.median(one["jedi"].values) for one in (small, large)]
    touched = "\n".join(
        f"| `{receiver}` | " + " | ".join(f"{times[case]:,.0f}" for case in (*CASES, "jedi, first", "jedi, later process"))
        + f" | {times['cold'] / times['indexed ahead']:.0f} |"
        for receiver, times in touches.items()
    )
    return f"""# What a key costs the analysis

{made_by(".venv/bin/python benchmarks/analysis.py")}
Other work on the same cores makes all of this slower; ratios are of one run, in turns.

## A project of {SIZES[0]} files and one of {SIZES[1]:,}

The same file of 70 lines is edited in both, importing the same eight modules; every key changes one of its lines, so that no
answer is known from before. {count} keys, each typed into both in turn, milliseconds.

| | p50, {SIZES[0]} files | p95 | p99 | p50, {SIZES[1]:,} files | p95 | p99 | p50 ÷ p50 |
|---|--:|--:|--:|--:|--:|--:|--:|
{chr(10).join(rows)}

All twelve monitors at a dot, the analysis process and its pipe included, take {beside[0]:.2f} ({SIZES[0]} files) and
{beside[1]:.2f} ({SIZES[1]:,} files) times what jedi alone takes to complete there.

## The first touch of a heavy package

Milliseconds until the members of numpy are there. *Cold*: neither the process nor the cache on disk has seen it. *Indexed
ahead*: the file with the import was opened, and analysis had been idle since. *Started again*: asked right after the file was
opened in a new process, with the cache on disk of an earlier one. jedi alone parses and pickles for itself.

| receiver | cold | indexed ahead | started again | jedi alone, first | jedi, next process | cold ÷ indexed ahead |
|---|--:|--:|--:|--:|--:|--:|
{touched}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keys", type=int, default=150, help="keys in each project")
    parser.add_argument("--dry", action="store_true", help="print the page and write nothing")
    options = parser.parse_args()
    BUILD.mkdir(parents=True, exist_ok=True)
    typing = typed(options.keys)
    print("typed", file=sys.stderr, flush=True)
    touches = {receiver: first_touch(receiver) for receiver in ("np.", "np.linalg.")}
    text = page(typing, touches, options.keys)
    if options.dry:
        print(text)
    else:
        write_page("analysis", text)


if __name__ == "__main__":
    main()
