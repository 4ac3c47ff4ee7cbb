"""How soon a large file has its first inlay hints, and what inferring them costs whoever types meanwhile.

    .venv/bin/python benchmarks/hints.py

A file of some 2,500 lines without annotations (two modules of boltons, one behind the other) is opened in a warm
`fairlead serve`; its hints are asked for every 50 ms until there are some, and counted after a minute. While they are
inferred a dot is typed in another file, its list is asked for, and the dot is removed again; the same is done with types
switched off. Writes docs/benchmarks/hints.md.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import Any

from latency import fetch
from machine import made_by, write_page
from wire import Client

PARTS = ["boltons/iterutils.py", "boltons/cacheutils.py"]
PATIENCE_S = 240.0
MINUTE_S = 60.0
POLL_S = 0.05
PAUSE_S = 1.5
"""Between two dots: long enough for inference to have begun again."""
SMALL = "import pathlib\n\n\ndef read(path):\n    file = pathlib.Path(path)\n    file\n"
EVERYTHING = {"start": {"line": 0, "character": 0}, "end": {"line": 100_000, "character": 0}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dots", type=int, default=20, help="lists asked for in each of the two runs")
    parser.add_argument("--dry", action="store_true", help="print the page and write nothing")
    options = parser.parse_args()
    packages = fetch()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        shutil.copytree(packages / "boltons", root / "boltons")
        (root / "pyproject.toml").write_text("[project]\nname = 'boltons'\n")
        text = "\n\n".join((root / part).read_text(encoding="utf-8") for part in PARTS)
        (root / "boltons/joined.py").write_text(text, encoding="utf-8")
        with_types = measure(root, text, options.dots, True)
        without = measure(root, text, options.dots, False)
    made = page(text, with_types, without)
    if options.dry:
        print(made)
    else:
        write_page("hints", made)


def measure(root: Path, text: str, dots: int, types: bool) -> dict[str, Any]:
    """Seconds to the hints, and of each list asked for meanwhile."""
    server = [str(Path(sysconfig.get_path("scripts")) / "fairlead"), "serve"]
    client = Client(server, root, {"types": {"enabled": types}})
    try:
        client.initialize(root)
        small, large = (root / "small.py").as_uri(), (root / "boltons/joined.py").as_uri()
        open_(client, small, SMALL)
        client.wait_told("fairlead/status", lambda status: status["state"] == "ready" and status["analysis"] == "ready")
        asked(client, small)  # what is imported is read now
        begun = time.perf_counter()
        open_(client, large, text)
        first = hints_s(client, large, begun, lambda count: count > 0) if types else 0.0
        lists = [asked(client, small) for _ in range(dots)]
        if types:
            time.sleep(MINUTE_S)
        _, found = client.request("textDocument/inlayHint", {"textDocument": {"uri": large}, "range": EVERYTHING})
        return {"first_s": first, "count": len(found or []), "lists_ms": [1000 * one for one in lists]}
    finally:
        client.close()


def open_(client: Client, uri: str, text: str) -> None:
    document = {"uri": uri, "languageId": "python", "version": 1, "text": text}
    client.notify("textDocument/didOpen", {"textDocument": document})


def asked(client: Client, uri: str) -> float:
    """Seconds from a dot to its list; the dot is removed again."""
    client.edit(uri, 5, 8, 8, ".")
    seconds, answer = client.request(
        "textDocument/completion", {"textDocument": {"uri": uri}, "position": {"line": 5, "character": 9}})
    if not answer or len(answer["items"]) < 50:
        print(f"a list came without its members, after {seconds:.2f} s", file=sys.stderr)
    client.edit(uri, 5, 8, 9, "")
    time.sleep(PAUSE_S)
    return seconds


def hints_s(client: Client, uri: str, begun: float, enough: Any) -> float:
    """Seconds until the hints of a document are enough."""
    while time.perf_counter() - begun < PATIENCE_S:
        _, found = client.request("textDocument/inlayHint", {"textDocument": {"uri": uri}, "range": EVERYTHING})
        if enough(len(found or [])):
            return time.perf_counter() - begun
        time.sleep(POLL_S)
    raise TimeoutError("the hints did not come")


def page(text: str, on: dict[str, Any], off: dict[str, Any]) -> str:
    def row(name: str, values: list[float]) -> str:
        ordered = sorted(values)
        late = ordered[int(0.95 * (len(ordered) - 1))]
        return f"| {name} | {statistics.median(ordered):.0f} | {late:.0f} | {ordered[-1]:.0f} |"

    ratio = statistics.median(on["lists_ms"]) / statistics.median(off["lists_ms"])
    return f"""# Inlay hints: how soon, and at what cost

A file of {text.count(chr(10)):,} lines without annotations, opened in a warm server. {made_by("benchmarks/hints.py")}

| | |
|---|---|
| first hints | {on["first_s"]:.2f} s |
| hints a minute after the last key | {on["count"]} |

Meanwhile a dot is typed in another file, and its list asked for, {len(on["lists_ms"])} times:

| list at a dot, ms | p50 | p95 | slowest |
|---|---|---|---|
{row("while types are inferred", on["lists_ms"])}
{row("types switched off", off["lists_ms"])}

Ratio of the medians: **{ratio:.2f}**.
"""


if __name__ == "__main__":
    main()
