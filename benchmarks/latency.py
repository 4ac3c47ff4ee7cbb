"""How long ghost text and lists take, typed through a real `fairlead serve` on real files, beside jedi-language-server.

    .venv/bin/python benchmarks/latency.py

Lines of packages that the default model was not trained on are removed and typed again, key by key. After every key
ghost text is asked for and waited for, as after a pause in typing; at every dot that is an attribute access the list is
asked for first, and jedi-language-server gets the same text and the same question just before or after. Writes
docs/benchmarks/latency.md, and every sample to benchmarks/results/latency.json.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import sysconfig
import time
import tokenize
from collections import defaultdict
from datetime import date
from pathlib import Path
from typing import Any

import psutil
from latency_page import page
from wire import Client

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGES = ["boltons==25.0.0", "humanize==4.12.3", "marshmallow==3.26.1", "structlog==25.4.0"]
"""Pure Python, permissive, and not among the sources of the default model (see its card)."""
FILES = [
    "boltons/cacheutils.py", "boltons/iterutils.py", "humanize/time.py",
    "marshmallow/schema.py", "structlog/stdlib.py", "structlog/dev.py",
]  # fmt: skip
SCRIPTS = Path(sysconfig.get_path("scripts"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=4, help="lines typed in each file")
    parser.add_argument("--files", type=int, default=len(FILES), help="how many files")
    parser.add_argument("--dry", action="store_true", help="print the table and write nothing")
    options = parser.parse_args()

    root = fetch()
    samples: list[dict[str, Any]] = []
    memory: list[dict[str, float]] = []
    for path in FILES[: options.files]:
        print(f"{path} …", file=sys.stderr, flush=True)
        typed = replay(root, root / path, options.lines)
        samples += typed["samples"]
        memory.append(typed["memory_mb"])
    result = {"date": date.today().isoformat(), "machine": machine(), "start": start_up(root), "memory_mb": memory,
              "samples": samples}  # fmt: skip
    text = page(result, PACKAGES)
    print(text)
    if not options.dry:
        (REPOSITORY / "benchmarks/results").mkdir(exist_ok=True)
        (REPOSITORY / "benchmarks/results/latency.json").write_text(json.dumps(result, indent=1))
        (REPOSITORY / "docs/benchmarks").mkdir(exist_ok=True)
        (REPOSITORY / "docs/benchmarks/latency.md").write_text(text)


def fetch() -> Path:
    """The packages, unpacked in a folder that git ignores."""
    target = REPOSITORY / "build" / "bench-packages"
    if not all((target / path).exists() for path in FILES):
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--upgrade", "--target", str(target)]
        subprocess.run([*install, *PACKAGES], check=True)
    return target


def replay(root: Path, path: Path, count: int) -> dict[str, Any]:
    """Type some lines of a file through both servers, started for it."""
    text = path.read_text(encoding="utf-8")
    uri = path.as_uri()
    ours = Client([str(SCRIPTS / "fairlead"), "serve"], root)
    theirs = Client([str(SCRIPTS / "jedi-language-server")], root)
    try:
        for client in (ours, theirs):
            client.initialize(root)
            client.notify("textDocument/didOpen", {
                "textDocument": {"uri": uri, "languageId": "python", "version": 1, "text": text}})  # fmt: skip
        ours.wait_told("fairlead/status", lambda status: status["state"] in ("ready", "static", "error"))
        time.sleep(1)  # a person looks at the file before typing into it
        samples: list[dict[str, Any]] = []
        for line0, dots in chosen(text, count):
            samples += type_line(ours, theirs, uri, text, line0, dots, first=not samples)
        own = psutil.Process(ours.process.pid)
        memory = {"server": own.memory_info().rss / 1e6,
                  "analysis": sum(child.memory_info().rss for child in own.children(recursive=True)) / 1e6,
                  "jedi-language-server": sum(
                      process.memory_info().rss for process in
                      [psutil.Process(theirs.process.pid), *psutil.Process(theirs.process.pid).children(recursive=True)]
                  ) / 1e6}  # fmt: skip
    finally:
        ours.close()
        theirs.close()
    return {"samples": samples, "memory_mb": memory}


def chosen(text: str, count: int) -> list[tuple[int, set[int]]]:
    """Lines to type, counted from 0, each with the columns of its attribute accesses; the same ones every time."""
    tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    dots: dict[int, set[int]] = defaultdict(set)
    for before, dot, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if dot.string == "." and before.string not in ("from", "import", ".") and after.type == tokenize.NAME:
            dots[dot.start[0] - 1].add(dot.start[1])
    lines = text.split("\n")
    good = [
        line0 for line0 in dots
        if lines[line0].isascii() and 20 <= len(lines[line0].strip()) <= 70
        and not lines[line0].lstrip().startswith(("from ", "import ", ">>>", "#"))
    ]  # fmt: skip
    return [(line0, dots[line0]) for line0 in sorted(random.Random(len(text)).sample(good, min(count, len(good))))]


def type_line(
    ours: Client, theirs: Client, uri: str, text: str, line0: int, dots: set[int], *, first: bool
) -> list[dict[str, Any]]:
    """Remove a line, type it again, and put the file back. `first` marks the first questions of a fresh server."""
    line = text.split("\n")[line0]
    column = len(line) - len(line.lstrip())
    cold = {"inline": first, "completion": first}
    for client in (ours, theirs):
        client.edit(uri, line0, column, len(line), "")
    samples: list[dict[str, Any]] = []
    for letter in line[column:]:
        for client in (ours, theirs):
            client.edit(uri, line0, column, column, letter)
        is_dot = letter == "." and column in dots
        column += 1
        place = {"textDocument": {"uri": uri}, "position": {"line": line0, "character": column}}
        if is_dot:
            question = place | {"context": {"triggerKind": 2, "triggerCharacter": "."}}
            sample: dict[str, Any] = {"cold": cold["completion"]}
            # Each goes first half of the time: whoever does finds the files of an import cold.
            for client in (ours, theirs) if len(samples) % 2 else (theirs, ours):
                if client is ours:
                    sample |= ask(ours, "textDocument/completion", "completion", question)
                else:
                    seconds, answer = theirs.request("textDocument/completion", question)
                    sample |= {"theirs_ms": seconds * 1000, "theirs_items": count_items(answer)}
            cold["completion"] = False
            samples.append(sample)
        sample = ask(ours, "textDocument/inlineCompletion", "inline", place | {"context": {"triggerKind": 2}})
        samples.append(sample | {"cold": cold["inline"]})
        cold["inline"] = False
    for sample in samples:
        sample["file"], sample["line"] = Path(uri).name, line0 + 1
    return samples


def ask(client: Client, method: str, feature: str, params: dict[str, Any]) -> dict[str, Any]:
    """One question: how long the client waited, and what the server says about it afterwards."""
    before = (told(client)["latency_ms"].get(feature) or {}).get("count", 0)
    seconds, answer = client.request(method, params)
    status = told(client)
    latency = status["latency_ms"].get(feature) or {}
    sample: dict[str, Any] = {"feature": feature, "client_ms": seconds * 1000, "items": count_items(answer)}
    if latency.get("count", 0) != before or before >= 200:
        sample |= {"server_ms": latency["last"], "parts": (status.get("timings_ms") or {}).get(feature) or {}}
    if not sample["items"] and status.get("nothing"):
        sample["nothing"] = status["nothing"]["reason"]
    return sample


def told(client: Client) -> dict[str, Any]:
    status = client.request("workspace/executeCommand", {"command": "fairlead.status", "arguments": []})[1]
    assert isinstance(status, dict)
    return status


def count_items(answer: Any) -> int:
    items = answer.get("items", []) if isinstance(answer, dict) else answer
    return len(items or [])


def start_up(root: Path, runs: int = 5) -> dict[str, float]:
    """Medians in milliseconds: `initialize` answered after the start of the process, and what importing pygls costs."""
    answered, imported = [], []
    for _ in range(runs):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import pygls.lsp.server"], check=True)
        imported.append((time.perf_counter() - begun) * 1000)
        client = Client([str(SCRIPTS / "fairlead"), "serve"], root)
        answered.append(client.initialize(root) * 1000)
        client.close()
    return {"initialize_ms": statistics.median(answered), "import_pygls_ms": statistics.median(imported)}


def machine() -> dict[str, Any]:
    name = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            name = next(line.partition(":")[2].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return {"cpu": name, "cores": os.cpu_count(), "load": os.getloadavg()[0], "python": platform.python_version(),
            "system": platform.system()}  # fmt: skip


if __name__ == "__main__":
    main()
