"""Every feature at places all over real files, as they are, cut off, and inside out: no error answers."""

from __future__ import annotations

import os
import random
import re
import sys
import sysconfig
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.server.client import Client

StartClient = Callable[..., AbstractAsyncContextManager["Client"]]

SERVER = [sys.executable, "-E", "-P", "-m", "fairlead.server", "serve", "--no-model"]
STANDARD = Path(sysconfig.get_path("stdlib"))
STANDARD_FILES = (
    "textwrap.py", "json/decoder.py", "queue.py", "shlex.py", "graphlib.py", "fractions.py", "sched.py", "netrc.py",
    "email/header.py", "contextlib.py", "string.py", "colorsys.py", "calendar.py", "csv.py", "dis.py", "glob.py",
    "hmac.py", "linecache.py", "numbers.py", "pprint.py",
)  # fmt: skip
BUDGET_MS = 300
LARGEST_BYTES = 1_000_000  # what is larger is not analysed


def files() -> tuple[Path, ...]:
    """Those of the packages that FAIRLEAD_PACKAGES is the folder of, else some of the standard library."""
    if packages := os.environ.get("FAIRLEAD_PACKAGES"):
        found = sorted(Path(packages).rglob("*.py"))
        return tuple(path for path in found if path.stat().st_size < LARGEST_BYTES)
    return tuple(STANDARD / name for name in STANDARD_FILES)


def as_it_is(text: str, offset: int) -> tuple[str, int]:
    return text, offset


def cut_off(text: str, offset: int) -> tuple[str, int]:
    return text[:offset], offset


def inside_out(text: str, offset: int) -> tuple[str, int]:
    """The lines around the cursor first, as if the file were written from there."""
    begin, end = text.rfind("\n", 0, offset) + 1, text.find("\n", offset)
    end = len(text) if end < 0 else end + 1
    return text[begin:end] + text[end:] + text[:begin], offset - begin


VARIANTS = (as_it_is, cut_off, inside_out)


def places(count: int) -> list[tuple[Path, int, Callable[[str, int], tuple[str, int]]]]:
    """Ends of tokens of the files, drawn from all of them, each with one of the variants."""
    draw = random.Random(18)
    found = [
        (path, token.end(), VARIANTS[number % len(VARIANTS)])
        for path in files()
        for number, token in enumerate(re.finditer(r"\w+|[^\w\s]", path.read_text("utf-8")))
    ]
    return sorted(draw.sample(found, min(count, len(found))), key=lambda one: (one[0], one[1]))


async def visited(client: Client, folder: Path, count: int, methods: tuple[str, ...]) -> tuple[int, list[str], list[float]]:
    """Ask everything at so many places: how many questions, what was answered with an error, and milliseconds."""
    faults: list[str] = []
    times: list[float] = []
    uri = (folder / "visited.py").as_uri()
    client.open(uri, "")
    for path, offset, variant in places(count):
        text, at = variant(path.read_text("utf-8"), offset)
        client.change(uri, text)
        line0, begin = text.count("\n", 0, at), text.rfind("\n", 0, at) + 1
        character = len(text[begin:at].encode("utf-16-le", "surrogatepass")) // 2
        here: dict[str, Any] = client.at(uri, line0, character)
        around = {"start": {"line": max(0, line0 - 20), "character": 0}, "end": {"line": line0 + 1, "character": 0}}
        for method in methods:
            params = {**here, "context": {"triggerKind": 2}} if "inlineCompletion" in method else here
            if "inlayHint" in method or "codeAction" in method:
                params = {"textDocument": {"uri": uri}, "range": around, "context": {"diagnostics": []}}
            begun = time.monotonic()
            try:
                await client.request(method, params, timeout_s=60)
            except Exception as error:  # an error answer, or none: each is one fault of the server
                faults.append(f"{method} in {path} at {offset}, {variant.__name__}: {error or type(error).__name__}")
            times.append((time.monotonic() - begun) * 1000)
    return len(times), faults, sorted(times)


METHODS = ("textDocument/completion", "textDocument/hover", "textDocument/inlineCompletion", "textDocument/inlayHint",
           "textDocument/codeAction")  # fmt: skip


async def test_no_place_is_answered_with_an_error(
    start_client: StartClient, tmp_path: Path, form: Callable[..., int], figure: Callable[[str, str], None]
) -> None:
    async with start_client(SERVER, roots=[tmp_path.as_uri()], options={"analysis.budget_ms": BUDGET_MS}) as client:
        await client.notification("fairlead/status", where=lambda s: s["analysis"] == "ready", timeout_s=60)
        count = form(15, 400, 50_000)
        asked, faults, times = await visited(client, tmp_path, count, METHODS)
        status = await client.status()
    assert faults == []
    assert status["analysis"] == "ready"
    late = sum(one > BUDGET_MS * 1.2 for one in times)
    figure("T18", f"{asked:,} questions at {asked // len(METHODS):,} places of {len(files()):,} files: 0 error answers; p50 "
                  f"{times[len(times) // 2]:.0f} ms, {late / len(times):.1%} over budget + 20 % (two cores, busy)")  # fmt: skip


async def test_an_error_answer_is_noticed(start_client: StartClient, tmp_path: Path) -> None:
    async with start_client(SERVER) as client:
        _, faults, _ = await visited(client, tmp_path, 3, ("textDocument/hover", "textDocument/nothing"))
    assert len(faults) == 3
