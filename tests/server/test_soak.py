"""A person types for a long time: memory, threads, descriptors, children and everything that is kept stay level."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import random
import sys
import textwrap
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

if TYPE_CHECKING:
    from tests.server.client import Client

StartClient = Callable[..., AbstractAsyncContextManager["Client"]]

OPTIONS = {"inline.min_confidence": 0.0, "analysis.budget_ms": 5_000}

WATCHED = """
import sys
from functools import partial
from fairlead.server.app import App
from fairlead.server.cli import main

register = App._register
def registering(self):
    register(self)
    self.server.feature("soak/registries")(partial(registries, self))
App._register = registering

async def registries(app, _params):
    session, protocol = app.session, app.server.protocol
    analysis, documents = session._analysis, app.server.documents
    kept = {
        "futures": protocol._request_futures, "results": protocol._result_types, "tasks": app._tasks,
        "lists": session._lists, "offers": session.offers._shown, "stops": session.model._stops,
        "documents": documents._documents, "notebooks": documents._notebooks, "answers": analysis._answers,
        "asked": analysis._asked, "by key": analysis._by_key, "open": analysis._open, "strikes": analysis._strikes,
        "latencies": [value for values in session.status.latencies.values() for value in values],
    }
    return {name: len(value) for name, value in kept.items()}

if "--leaky" in sys.argv:
    sys.argv.remove("--leaky")
    from fairlead.server.rpc import RpcProtocol
    plain = super(RpcProtocol, RpcProtocol)._execute_handler
    RpcProtocol._execute_handler = lambda self, *arguments, **more: plain(self, *arguments, **more)
sys.exit(main(sys.argv[1:]))
"""
"""The server, asked for the sizes of what it keeps; `--leaky` with the fault of pygls 2.1 put back."""

BOUNDS = {"futures": 4, "results": 4, "tasks": 4, "lists": 8, "offers": 64, "stops": 24, "documents": 20, "notebooks": 0,
          "answers": 512, "asked": 64, "by key": 64, "open": 20, "strikes": 20, "latencies": 2000}  # fmt: skip


def watched(folder: Path, *arguments: str) -> list[str]:
    script = folder / "watched.py"
    script.write_text(WATCHED)
    return [sys.executable, "-E", "-P", str(script), "serve", *arguments]


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Of the least-squares line."""
    n = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


async def notified(client: Client, folder: Path, count: int) -> float:
    """Bytes that the server has grown by for each of so many changes, after as many to warm up as a third of them."""
    process = psutil.Process(client.process.pid)
    uri = (folder / "typed.py").as_uri()
    client.open(uri, "x = 1\n" * 50)
    points: list[tuple[float, float]] = []
    for at in range(count + count // 3):
        client.change(uri, ((at % 50, 0), (at % 50, 1), "xy"[at % 2]))
        if at % 250 == 0:
            assert client.process.stdin is not None
            await client.process.stdin.drain()
            await client.request("fairlead/textHash", {"uri": uri}, timeout_s=60)
            if at >= count // 3:
                points.append((at, process.memory_info().rss))
    return slope(points)


async def test_a_change_of_a_document_leaves_nothing_behind(
    start_client: StartClient, tmp_path: Path, form: Callable[..., int], figure: Callable[[str, str], None]
) -> None:
    count = form(6_000, 40_000, 1_000_000)
    async with start_client(watched(tmp_path, "--no-model"), roots=[tmp_path.as_uri()]) as client:
        grown = await notified(client, tmp_path, count)
        kept = await client.request("soak/registries")
    assert kept["futures"] <= BOUNDS["futures"]
    assert grown <= form(300, 40, 20)
    figure("T12", f"{count:,} changes: the server grows by {max(0.0, grown):.0f} B for each")


async def test_a_server_that_keeps_something_of_each_change_is_noticed(
    start_client: StartClient, tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    async with start_client(watched(tmp_path, "--no-model", "--leaky"), roots=[tmp_path.as_uri()]) as client:
        grown = await notified(client, tmp_path, 6_000)
        kept = await client.request("soak/registries")
    assert kept["futures"] > 6_000
    assert grown > 600
    figure("T12", f"with pygls' own handling put back {grown:,.0f} B")


# A typist.

SOURCE = "\n".join(textwrap.dedent(inspect.getsource(module)) for module in (json.decoder, textwrap))


@dataclass
class Measured:
    """What was seen of the processes, at times in seconds since the beginning."""

    server: list[tuple[float, float]] = field(default_factory=list)
    analysis: list[tuple[float, float]] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)
    children: list[int] = field(default_factory=list)
    latencies_ms: list[tuple[float, float]] = field(default_factory=list)
    keys: int = 0
    questions: int = 0
    kept: dict[str, int] = field(default_factory=dict)

    def look(self, process: psutil.Process, at: float) -> None:
        children = [child for child in process.children() if child.status() != psutil.STATUS_ZOMBIE]
        self.server.append((at, process.memory_info().rss))
        self.analysis.append((at, sum(child.memory_info().rss for child in children)))
        self.threads.append(process.num_threads())
        self.descriptors.append(process.num_fds())
        self.children.append(len(children))

    def growth(self, points: Sequence[tuple[float, float]]) -> float:
        """The share by which the mean of the last fifth is above that of the second fifth."""
        fifth = max(1, len(points) // 5)
        early, late = points[fifth : 2 * fifth] or points[:1], points[-fifth:]
        mean_early, mean_late = sum(y for _, y in early) / len(early), sum(y for _, y in late) / len(late)
        return mean_late / mean_early - 1


async def type_for(client: Client, folder: Path, seconds: float, pause_s: float = 0.0) -> Measured:
    """Type real code into twenty files in turns, asking as editors do; a key every `pause_s`."""
    measured, process, draw = Measured(), psutil.Process(client.process.pid), random.Random(1)
    begun, looked = time.monotonic(), -seconds  # so that it is looked at once, however long the first keys take
    opened: dict[str, str] = {}
    while (now := time.monotonic() - begun) < seconds:
        uri = (folder / f"file{draw.randrange(20)}.py").as_uri()
        if len(opened.get(uri, "")) > 6_000:
            client.close(uri)
            del opened[uri]
        if uri not in opened:
            opened[uri] = "import os, json\n"
            client.open(uri, opened[uri])
        begin = draw.randrange(len(SOURCE) - 60)
        for character in SOURCE[begin : begin + 60]:
            text = opened[uri]
            at = text.count("\n"), len(text.rpartition("\n")[2])
            client.change(uri, (at, at, character))
            opened[uri] = text = text + character
            measured.keys += 1
            if character == "." or measured.keys % 12 == 0:
                place = client.at(uri, text.count("\n"), len(text.rpartition("\n")[2]))
                asked = time.monotonic()
                await client.request("textDocument/completion", place, timeout_s=60)
                await client.request("textDocument/inlineCompletion", {**place, "context": {"triggerKind": 2}}, timeout_s=60)
                measured.latencies_ms.append((now, (time.monotonic() - asked) * 1000))
                measured.questions += 2
            await asyncio.sleep(pause_s)
        if now - looked > seconds / 100:
            looked = now
            measured.look(process, now)
            kept = await client.request("soak/registries", timeout_s=60)
            measured.kept = {name: max(size, measured.kept.get(name, 0)) for name, size in kept.items()}
            client.messages.clear()
            client._taken.clear()
    return measured


@pytest.mark.weights
async def test_a_typist(
    start_client: StartClient, tmp_path: Path, form: Callable[..., float], figure: Callable[[str, str], None]
) -> None:
    seconds, pause_s = form(8.0, 180.0, 8 * 3600.0), form(0.0, 0.0, 0.2)
    if minutes := os.environ.get("FAIRLEAD_SOAK_MIN"):
        seconds = 60 * float(minutes)
    async with start_client(watched(tmp_path), roots=[tmp_path.as_uri()], options=OPTIONS) as client:
        await client.notification("fairlead/status", where=lambda s: s["state"] == "ready", timeout_s=120)
        measured = await type_for(client, tmp_path, seconds, pause_s)
    server, analysis = measured.growth(measured.server), measured.growth(measured.analysis)
    ends = [measured.server[max(0, len(measured.server) * fifth // 5 - 1)][1] for fifth in range(1, 6)]
    sizes = ", ".join(f"{end / 1e6:.0f}" for end in ends)
    length = f"{seconds / 3600:.0f} h" if seconds >= 3600 else f"{seconds / 60:.1f} min"
    figure("T12", f"{length}, {measured.keys:,} keys, {measured.questions:,} questions: server {server:+.1%} ({sizes} MB after "
                  f"each fifth), analysis {analysis:+.1%} from the second fifth to the last; {measured.threads[-1]} threads, "
                  f"{measured.descriptors[-1]} descriptors")  # fmt: skip
    assert {name: size for name, size in measured.kept.items() if size > BOUNDS[name]} == {}
    assert set(measured.children) == {1}
    half = len(measured.threads) // 2
    assert max(measured.threads[half:]) <= max(measured.threads[: half + 1]) + 2
    assert max(measured.descriptors[half:]) <= max(measured.descriptors[: half + 1]) + 3
    # The longer it goes on, the less is left to load, and to fill caches of parsed files and of compiled shapes with.
    limits = {3600: (0.05, 0.05), 600: (0.1, 0.3), 120: (0.2, 0.5), 0: (0.5, 1.0)}
    most_server, most_analysis = next(limit for least_s, limit in limits.items() if seconds >= least_s)
    assert server < most_server
    assert analysis < most_analysis
