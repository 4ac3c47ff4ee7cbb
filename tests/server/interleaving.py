"""The server in one process with everything that happens at the same time put in an order drawn from a seed.

Threads run one at a time, each until it parks at a point that a real one passes at an unknown time: a job begins, analysis
answers, one token is written. What runs next is drawn; the same seed gives the same order. Nothing sleeps.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import random
import re
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from lsprotocol import types

from fairlead.decoding.decoder import Timings, Written
from fairlead.decoding.offer import Offer
from fairlead.decoding.rank import Ranking
from fairlead.monitors.analysis import Description, Document, Member, Members
from fairlead.monitors.monitor import FREE, Start
from fairlead.server.app import App
from fairlead.server.model_thread import ModelReport
from fairlead.server.protocol import FairleadServer
from fairlead.server.settings import Settings

METHODS = {
    "completion": "textDocument/completion", "inline": "textDocument/inlineCompletion",
    "invoked": "textDocument/inlineCompletion", "hover": "textDocument/hover",
}  # fmt: skip
CANCELLED = -32800
TOKENS = 3
"""How often a job of the model looks whether it should stop."""


class Stage:
    """The threads on it; one has the floor at a time."""

    def __init__(self) -> None:
        self.pools: list[Pool] = []
        self._here = threading.local()
        self._floor = threading.Semaphore(0)

    def park(self) -> None:
        """Called on a thread of the stage: wait to be let on."""
        self._floor.release()
        self._here.task.wake.acquire()

    def choices(self) -> list[Callable[[], None]]:
        """What may happen next."""
        return [choice for pool in self.pools for choice in pool.choices()]

    def let_on(self, task: Task) -> None:
        """Run a thread to where it parks next, or ends."""
        task.wake.release()
        self._floor.acquire()

    def enter(self, task: Task) -> None:
        self._here.task = task
        task.wake.acquire()

    def leave(self) -> None:
        self._floor.release()


class Task:
    """One job of a pool."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self.work = work
        self.future: Future[Any] = Future()
        self.wake = threading.Semaphore(0)


class Pool:
    """As much of an executor as the server uses, with `size` threads."""

    def __init__(self, stage: Stage, size: int) -> None:
        self.stage, self.size = stage, size
        self.queue: deque[Task] = deque()
        self.running: list[Task] = []
        stage.pools.append(self)

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        task = Task(lambda: work(*arguments))
        self.queue.append(task)
        return task.future

    def shutdown(self, **_how: Any) -> None:
        pass

    def choices(self) -> list[Callable[[], None]]:
        found: list[Callable[[], None]] = [lambda task=task: self.stage.let_on(task) for task in self.running]  # type: ignore[misc]
        return [*found, self._begin] if self.queue and len(self.running) < self.size else found

    def _begin(self) -> None:
        task = self.queue.popleft()
        if task.future.set_running_or_notify_cancel():
            self.running.append(task)
            threading.Thread(target=self._run, args=(task,), daemon=True).start()
            self.stage.let_on(task)

    def _run(self, task: Task) -> None:
        self.stage.enter(task)
        try:
            result = task.work()
        except BaseException as error:
            self.running.remove(task)
            task.future.set_exception(error)
        else:
            self.running.remove(task)
            task.future.set_result(result)
        self.stage.leave()


def name_for(text: str) -> str:
    """The only name that exists in a text: it says which text it was found in."""
    return "mmmm_" + hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()[:8]


def typed_at_end(text: str) -> str:
    found = re.search(r"[a-z]*\Z", text)
    return found[0] if found is not None else ""


class TellingMonitor:
    """Lists the name of the text that it was asked about, once analysis answers."""

    name = "telling"

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def start(self, document: Document, offset: int, deadline_ms: float | None = None) -> Start:
        self.stage.park()
        typed = typed_at_end(document.text[:offset])
        members = Members((Member(name_for(document.text)),), True, "told")
        return Start(self.name, True, "told", FREE, offset - len(typed), typed, members)


class TellingAnalysis:
    """Describes with the name of the text that it was asked about, when it is let to."""

    def __init__(self) -> None:
        self.open_questions: list[tuple[Future[Description | None], Description]] = []

    def open(self, document: Document) -> None:
        pass

    def close(self, path: str) -> None:
        pass

    def health(self) -> str:
        return "ready"

    def describe(self, document: Document, offset: int, name: str = "") -> Future[Description | None]:
        future: Future[Description | None] = Future()
        told = Description("x", signature=name_for(document.text), start=offset, end=offset)
        self.open_questions.append((future, told))
        return future

    def choices(self) -> list[Callable[[], None]]:
        return [lambda one=one: self._answer(one) for one in self.open_questions]  # type: ignore[misc]

    def _answer(self, one: tuple[Future[Description | None], Description]) -> None:
        self.open_questions.remove(one)
        if one[0].set_running_or_notify_cancel():
            one[0].set_result(one[1])


class TellingDecoder:
    """Offers the name of the text that it was asked about, after a few tokens. `late` counts tokens after a stop."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.late = 0

    def _tokens(self, stop: Callable[[], bool]) -> bool:
        for _ in range(TOKENS):
            self.stage.park()
            if stop():
                return False
        return True

    def place(self, document: Document, offset: int, stop: Callable[[], bool], reserve: int = 0) -> None:
        self._tokens(stop)

    def remember(self, texts: dict[str, str], stop: Callable[[], bool]) -> None:
        self._tokens(stop)

    def rank(self, document: Document, start: Start, names: list[str], **more: Any) -> tuple[Ranking | None, Timings]:
        if not self._tokens(more["limits"].stop):
            return None, Timings()
        return Ranking(tuple(names), tuple(0.0 for _ in names), 1.0), Timings()

    def write(self, document: Document, offset: int, guide: Any, limits: Any, **more: Any) -> Written:
        if not self._tokens(limits.stop):
            return Written((), None, Timings(), "cancelled")
        told = name_for(document.text)[len(typed_at_end(document.text[:offset])) :]
        return Written((Offer(told, 1.0, 1.0, "analysis", "end_of_line"),), None, Timings())


class Editor:
    """Open documents as an editor has them, the cursor always at the end of the text; and what was asked and answered."""

    def __init__(self, seed: int, world: World) -> None:
        self.random, self.world = random.Random(seed), world
        self.texts: dict[str, str] = {}
        self.versions: dict[str, int] = {}
        self.uris = [f"file:///work/{seed}_{number}.py" for number in range(2)]
        self.asked: dict[int, tuple[str, str, str]] = {}
        """Requests without an answer: kind, URI, and the text it was about."""
        self.cancelled: set[int] = set()
        self.faults: list[str] = []
        self.seen: dict[str, int] = {}
        self._known: dict[str, str] = {}
        self._marks = 0

    def choices(self) -> list[Callable[[], None]]:
        """What the editor may do next."""
        found: list[Callable[[], None]] = [self.open]
        if self.texts:
            found += [self.type, self.type, self.edit_elsewhere, self.save, self.ask, self.ask, self.ask]
            if self.random.random() < 0.2:
                found.append(self.close)
        if self.asked:
            found.append(self.cancel)
        return found

    def open(self) -> None:
        closed = [uri for uri in self.uris if uri not in self.texts]
        if closed:
            uri = self.random.choice(closed)
            self.versions[uri] = 1
            self._now(uri, f"# {self._mark()}\nx.")
            item = {"uri": uri, "languageId": "python", "version": 1, "text": self.texts[uri]}
            self.world.tell("textDocument/didOpen", {"textDocument": item})

    def type(self) -> None:
        """One letter of the name that exists, at the cursor; or a line that ends what was typed."""
        uri = self._any()
        typed = typed_at_end(self.texts[uri])
        self._change(uri, "m" if len(typed) < 4 else "()\nx.")

    def edit_elsewhere(self) -> None:
        uri = self._any()
        first, _, rest = self.texts[uri].partition("\n")
        new = f"# {self._mark()}"
        self._now(uri, f"{new}\n{rest}")
        self._send_change(uri, {"range": self._range((0, 0), (0, len(first))), "text": new})

    def save(self) -> None:
        uri = self._any()
        self.world.tell("textDocument/didSave", {"textDocument": {"uri": uri}, "text": self.texts[uri]})

    def close(self) -> None:
        uri = self._any()
        del self.texts[uri]
        self.world.tell("textDocument/didClose", {"textDocument": {"uri": uri}})

    def ask(self) -> None:
        kind, uri = self.random.choice(list(METHODS)), self._any()
        line0, character = self._cursor(self.texts[uri])
        if kind == "hover":
            character -= 1
        params: dict[str, Any] = {"textDocument": {"uri": uri}, "position": {"line": line0, "character": character}}
        if kind in ("inline", "invoked"):
            params["context"] = {"triggerKind": 1 if kind == "invoked" else 2}
        self.asked[self.world.next_id + 1] = kind, uri, self.texts[uri]
        self.world.ask(METHODS[kind], params)

    def cancel(self) -> None:
        message_id = self.random.choice(list(self.asked))
        self.cancelled.add(message_id)
        self.world.tell("$/cancelRequest", {"id": message_id})

    def answered(self, message: dict[str, Any]) -> None:
        """Judges an answer at the moment it is sent."""
        message_id = message["id"]
        if message_id not in self.asked:
            self.faults.append(f"a second answer to {message_id}")
            return
        kind, uri, about = self.asked.pop(message_id)
        error, result = message.get("error"), message.get("result")
        if error is not None:
            self._count("cancelled")
            if error["code"] != CANCELLED or message_id not in self.cancelled:
                self.faults.append(f"{kind} was answered with {error}")
            return
        now = self.texts.get(uri)
        told = self._told(kind, result)
        if told is None:
            self._count("nothing")
            return
        self._count(kind)
        if now is None:
            self.faults.append(f"{kind} of a closed document was answered with {told}")
        elif kind == "hover" and told != name_for(now):
            self.faults.append(f"a hover of another text is shown: {told}")
        elif kind == "completion" and (told != name_for(about) or not self._typed_on(about, now)):
            self.faults.append(f"a list of another text is shown: {told}")
        elif kind in ("inline", "invoked") and not self._continues(now, told):
            self.faults.append(f"ghost text of another text is shown: {told}")

    def _told(self, kind: str, result: Any) -> str | None:
        """The name in an answer."""
        if not result or (kind == "completion" and not result["items"]):
            return None
        if kind == "hover":
            found = re.search(r"mmmm_\w{8}", result["contents"]["value"])
            return found[0] if found is not None else ""
        return str(result["items"][0]["label"] if kind == "completion" else result[0]["insertText"])

    def _typed_on(self, about: str, now: str) -> bool:
        """Whether the line of the cursor still begins as it did, with nothing but letters typed behind it."""
        before, line0 = about.rpartition("\n")[2], about.count("\n")
        line = now.split("\n")[line0]
        return line.startswith(before) and line[len(before) :].strip("m") == ""

    def _continues(self, now: str, told: str) -> bool:
        """Whether `told` is what is left, behind the cursor, of the name that exists in this text or one typed through."""
        typed = typed_at_end(now)
        for size in range(len(typed) + 1):
            about = now[: len(now) - size]
            if about in self._known and self._known[about] == typed + told:
                return True
        return False

    def _change(self, uri: str, text: str) -> None:
        position = self._cursor(self.texts[uri])
        self._now(uri, self.texts[uri] + text)
        self._send_change(uri, {"range": self._range(position, position), "text": text})

    def _send_change(self, uri: str, change: dict[str, Any]) -> None:
        self.versions[uri] += 1
        document = {"uri": uri, "version": self.versions[uri]}
        self.world.tell("textDocument/didChange", {"textDocument": document, "contentChanges": [change]})

    def _now(self, uri: str, text: str) -> None:
        self.texts[uri] = text
        self._known[text] = name_for(text)

    def _mark(self) -> int:
        self._marks += 1
        return self._marks

    def _any(self) -> str:
        return self.random.choice(sorted(self.texts))

    def _count(self, what: str) -> None:
        self.seen[what] = self.seen.get(what, 0) + 1

    @staticmethod
    def _cursor(text: str) -> tuple[int, int]:
        return text.count("\n"), len(text.rpartition("\n")[2])

    @staticmethod
    def _range(start: tuple[int, int], end: tuple[int, int]) -> dict[str, Any]:
        return {
            "start": {"line": start[0], "character": start[1]}, "end": {"line": end[0], "character": end[1]},
        }  # fmt: skip


class World:
    """One server, with stand-ins for analysis and model on a stage, and the editor that talks to it."""

    def __init__(self) -> None:
        self.stage = Stage()
        self.server = FairleadServer()
        self.app = App(self.server)
        self.analysis = TellingAnalysis()
        self.editor: Editor | None = None
        self.next_id = 0
        session = self.app.session
        session.settings = Settings(analysis_budget_ms=600_000, completion_budget_ms=600_000, inline_budget_ms=600_000,
                                    inline_invoked_budget_ms=600_000)  # fmt: skip
        session._analysis, session._guide = self.analysis, TellingMonitor(self.stage)  # type: ignore[assignment]
        session._ask.shutdown()
        session._ask = Pool(self.stage, 3)  # type: ignore[assignment]
        session.model._executor.shutdown()
        session.model._executor = Pool(self.stage, 1)  # type: ignore[assignment]
        session.model._decoder = TellingDecoder(self.stage)  # type: ignore[assignment]
        session.model.report = ModelReport("ready", "telling", "cpu")
        self.app._begun.set()
        self.server.protocol.set_writer(self)

    def write(self, frame: bytes) -> None:
        """What the server sends; part of pygls' writer."""
        message = json.loads(frame.partition(b"\r\n\r\n")[2])
        if "method" not in message and self.editor is not None:
            self.editor.answered(message)

    def close(self) -> None:
        """Part of pygls' writer."""

    def tell(self, method: str, params: Any) -> None:
        self.server.protocol.receive({"jsonrpc": "2.0", "method": method, "params": params})

    def ask(self, method: str, params: Any) -> None:
        self.next_id += 1
        self.server.protocol.receive({"jsonrpc": "2.0", "id": self.next_id, "method": method, "params": params})

    async def begin(self) -> None:
        """The handshake; what `initialized` would start stands ready already."""
        capabilities = {"textDocument": {"inlineCompletion": {}, "hover": {"contentFormat": ["markdown"]}}}
        self.ask(types.INITIALIZE, {"processId": None, "rootUri": "file:///work", "capabilities": capabilities})
        await self.settle()

    async def settle(self) -> None:
        """Let the event loop work through all that is due; one turn more than a chain of its callbacks is long."""
        ready = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]  # the only way to know that it rests
        await asyncio.sleep(0)
        while ready:
            await asyncio.sleep(0)

    async def play(self, seed: int, events: int = 24) -> Editor:
        """One interleaving: `events` things happen in an order drawn from the seed, then all that is left over."""
        editor = self.editor = Editor(seed, self)
        for _ in range(events):
            happenings = [*self.stage.choices(), *self.analysis.choices()]
            # Half of the time the editor acts, half of the time what it asked for goes on.
            if not happenings or editor.random.random() < 0.5:
                happenings = editor.choices()
            editor.random.choice(happenings)()
            await self.settle()
        while happenings := [*self.stage.choices(), *self.analysis.choices()]:
            editor.random.choice(happenings)()
            await self.settle()
        await self.settle()
        if editor.asked:
            editor.faults.append(f"never answered: {editor.asked}")
        left = {
            "requests": len(self.server.protocol._request_futures), "stops": len(self.app.session.model._stops),
            "jobs": sum(len(pool.queue) + len(pool.running) for pool in self.stage.pools),
        }  # fmt: skip
        if left["stops"] <= 1:
            left["stops"] = 0  # the last idle job's, which nobody waits for
        if any(left.values()):
            editor.faults.append(f"left over at rest: {left}")
        for uri in list(editor.texts):
            self.tell("textDocument/didClose", {"textDocument": {"uri": uri}})
        await self.settle()
        self.editor = None
        return editor


@contextmanager
def quiet() -> Any:
    """Without the log lines of a thousand odd sessions."""
    logger = logging.getLogger("fairlead")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


def play(seeds: range, stop_at_fault: bool = True) -> tuple[list[str], dict[str, int]]:
    """The faults of these interleavings, each with its seed, and how often which answer was seen."""

    async def all_of_them() -> tuple[list[str], dict[str, int]]:
        world, faults, seen = World(), list[str](), dict[str, int]()
        await world.begin()
        for seed in seeds:
            editor = await world.play(seed)
            faults += [f"seed {seed}: {fault}" for fault in editor.faults]
            for what, count in editor.seen.items():
                seen[what] = seen.get(what, 0) + count
            if faults and stop_at_fault:
                break
        return faults, seen

    with quiet():
        return asyncio.run(all_of_them())
