"""Types of the open documents, inferred in the background and kept by the text of the functions they belong to.

Nothing is inferred while somebody types: a document is inferred when it is opened, saved, or has been left alone for a
while, and the next edit stops it. What is known of a function stays known until its text, or the header of a function
it calls, changes. All methods are called on the event loop; inference runs on a thread of its own.
"""

from __future__ import annotations

import asyncio
import logging
import re
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeVar

from ..monitors.analysis import Document
from ..monitors.slot_places import Columns, functions, slots
from ..monitors.slots import Inference, Inferred, Slot
from ..monitors.syntax import text_of
from .claims import moved

log = logging.getLogger(__name__)
T = TypeVar("T")

PIECE = 12
"""Slots inferred in one go: what is known is shown after each, and an edit stops before the next."""

FIRST_PIECE = 4
"""Slots of the first go: the sooner there is something to see."""

WAIT_S = 0.05
"""How often the background looks whether somebody who waits has been served."""

_NAME = re.compile(r"[^\W\d]\w*")

Key = tuple[str, str, str, int]
"""Kind, name, the text it depends on, and which of several alike it is."""


@dataclass
class _Known:
    """What is known of one document. `saves` is how many other files had been saved when it was inferred."""

    inferred: dict[Key, Inferred] = field(default_factory=dict)
    saves: int = 0


@dataclass
class _Work:
    stop: threading.Event = field(default_factory=threading.Event)
    timer: asyncio.TimerHandle | None = None

    def cancel(self) -> None:
        self.stop.set()
        if self.timer is not None:
            self.timer.cancel()


class Inferring:
    """Keeps the types of open documents. `on_ready` is called, on the loop, with a path whose types have changed."""

    def __init__(self, on_ready: Callable[[str], None]) -> None:
        self._on_ready = on_ready
        self._inference: Inference | None = None
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="fairlead-types")
        self._asked = ThreadPoolExecutor(2, thread_name_prefix="fairlead-asked")
        self._known: dict[str, _Known] = {}
        self._work: dict[str, _Work] = {}
        self._saves = 0
        self._shown: dict[str, tuple[int, int]] = {}
        self._waiting = 0
        """Requests that somebody waits for; the background stands aside."""
        self._quiet_at = 0.0
        """When nobody will have typed, in any document, for long enough."""
        self._closed = False
        self.took_ms: float | None = None
        """How long the last document took, from beginning to end."""
        self.use_count = 0

    def use(self, inference: Inference | None) -> None:
        """Ask this from now on; None for nothing. What was known is forgotten."""
        self._inference = inference
        self.use_count += 1
        self.stop_all()
        self._known.clear()

    @property
    def on(self) -> bool:
        return self._inference is not None and not self._closed

    def opened(self, document: Document) -> None:
        """Infer a document soon."""
        self._schedule(document)

    def saved(self, document: Document) -> None:
        """Infer what is not known of a document; others that are inferred later see what was saved."""
        self._saves += 1
        known = self._known.get(document.path)
        if known is not None and known.saves == self._saves - 1:
            known.saves = self._saves  # only its own save: what its functions say is still true
        self._schedule(document)

    def shown(self, path: str, begin: int, end: int) -> None:
        """This part of the document is on the screen: it is inferred first."""
        self._shown[path] = begin, end

    def edited(self, path: str) -> None:
        """Stop what runs for a document."""
        work = self._work.pop(path, None)
        if work is not None:
            work.cancel()

    def idle(self, path: str, idle_s: float, snapshot: Callable[[], Document | None]) -> None:
        """The document has just been edited: stop, and infer what is new once nobody has typed for `idle_s`."""
        self.edited(path)
        self._quiet_at = time.monotonic() + idle_s
        if not self.on:
            return
        work = self._work[path] = _Work()

        def begin() -> None:
            document = snapshot()
            if document is not None and self._work.get(path) is work:
                self._schedule(document)

        work.timer = asyncio.get_running_loop().call_later(idle_s, begin)

    def closed(self, path: str) -> None:
        """The document is not edited any more."""
        self.edited(path)
        self._known.pop(path, None)
        self._shown.pop(path, None)

    def stop_all(self) -> None:
        for path in list(self._work):
            self.edited(path)

    def close(self) -> None:
        """Stop; does not wait."""
        self._closed = True
        self.stop_all()
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._asked.shutdown(wait=False, cancel_futures=True)

    async def known(self, document: Document) -> tuple[Inferred, ...]:
        """What is known of the slots of this very text, without waiting for inference."""
        found = self._known.get(document.path)
        if found is None:
            return ()
        pairs = ((slot, found.inferred.get(key)) for slot, key in await self.run(_keys, document.text))
        return tuple(_at(one, slot) for slot, one in pairs if one is not None)

    def last(self, path: str, slot: Slot) -> Inferred | None:
        """What was last known of a parameter by its function's name, whatever has been typed there since."""
        known = self._known.get(path)
        for one in reversed(known.inferred.values()) if known is not None else ():
            if (one.slot.kind, one.slot.name, one.slot.function) == (slot.kind, slot.name, slot.function):
                return one
        return None

    def busy(self, path: str) -> bool:
        """Whether more may soon be known of a document."""
        return path in self._work

    async def of(self, document: Document, wanted: Sequence[Slot], budget_ms: float) -> tuple[Inferred, ...]:
        """What stands at these slots of the document, known or inferred now within the budget."""
        found = {one.slot: one for one in await self.known(document)}
        missing = [slot for slot in wanted if slot not in found or not found[slot].complete]
        if missing and self.on:
            stop = threading.Event()
            self._waiting += 1
            try:
                made = await self.run(
                    _infer, self._inference, document, missing, stop.is_set, time.monotonic() + budget_ms / 1000
                )
            finally:
                self._waiting -= 1
                stop.set()
            keys = dict(_keys(document.text))
            kept = self._known.setdefault(document.path, _Known(saves=self._saves)).inferred
            for one in made:
                found[one.slot] = one
                if one.complete and one.slot in keys:
                    kept[keys[one.slot]] = one
        return tuple(found[slot] for slot in wanted if slot in found)

    async def run(self, work: Callable[..., T], *arguments: object) -> T:
        """Work that somebody waits for, off the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._asked, work, *arguments)

    # Inside.

    def _schedule(self, document: Document) -> None:
        self.edited(document.path)
        if not self.on:
            return
        work = self._work[document.path] = _Work()
        _tasks.add(asyncio.get_running_loop().create_task(self._infer_all(document, work)))

    def _stop_of(self, work: _Work, halted: threading.Event) -> Callable[[], bool]:
        """Whether the background must end or stand aside; notes in `halted` that it did."""

        def stop() -> bool:
            if work.stop.is_set() or self._aside:
                halted.set()
            return halted.is_set()

        return stop

    @property
    def typing(self) -> bool:
        """Whether somebody has typed a moment ago, in whatever document."""
        return time.monotonic() < self._quiet_at

    @property
    def _aside(self) -> bool:
        """Whether somebody types, or waits for an answer."""
        return self._waiting > 0 or self.typing

    async def _infer_all(self, document: Document, work: _Work) -> None:
        """Infer what is not known yet, a piece at a time."""
        path, begun = document.path, time.monotonic()
        loop = asyncio.get_running_loop()
        try:
            keyed = await loop.run_in_executor(self._executor, _keys, document.text)
            known = self._known.setdefault(path, _Known(saves=self._saves))
            if known.saves != self._saves:
                known.saves = self._saves
                todo = list(keyed)
            else:
                todo = [(slot, key) for slot, key in keyed if not _is_complete(known.inferred.get(key))]
            size = FIRST_PIECE
            while todo:
                begin, end = self._shown.get(path, (0, 0))
                todo.sort(key=lambda pair: (not begin <= pair[0].offset <= end, pair[0].offset))
                piece, rest, halted = todo[:size], todo[size:], threading.Event()
                stop = self._stop_of(work, halted)
                made = await loop.run_in_executor(
                    self._executor, _infer, self._inference, document, [slot for slot, _ in piece], stop, None
                )
                if work.stop.is_set() or self._known.get(path) is not known:
                    return
                for (_, key), one in zip(piece, made, strict=False):
                    if one.complete or not _is_complete(known.inferred.get(key)):
                        known.inferred[key] = one
                self._on_ready(path)
                todo, size = rest, PIECE
                if halted.is_set():
                    todo = [(slot, key) for slot, key in piece if not _is_complete(known.inferred.get(key))] + rest
                    while self._aside and not work.stop.is_set():
                        await asyncio.sleep(WAIT_S)
            alive = {key for _, key in keyed}
            known.inferred = {key: one for key, one in known.inferred.items() if key in alive}
            self.took_ms = (time.monotonic() - begun) * 1000
        except RuntimeError:
            if not self._closed:  # the executor refuses work once it is shut down
                raise
        finally:
            if self._work.get(path) is work:
                del self._work[path]
                self._on_ready(path)
            task = asyncio.current_task()
            if task is not None:
                _tasks.discard(task)


_tasks: set[asyncio.Task[None]] = set()
"""The loop itself keeps only weak references."""


def _infer(
    inference: Inference | None, document: Document, wanted: Sequence[Slot], stop: Callable[[], bool],
    until: float | None,
) -> tuple[Inferred, ...]:  # fmt: skip
    if inference is None or stop():
        return ()
    try:
        return inference.infer(document, wanted, until=until, stop=stop)
    except Exception:  # whatever inference does, the thread lives on and the editor goes without
        log.exception("inference failed")
        return ()


def _is_complete(inferred: Inferred | None) -> bool:
    return inferred is not None and inferred.complete


def _at(inferred: Inferred, slot: Slot) -> Inferred:
    return inferred if inferred.slot == slot else moved(inferred, slot)


@lru_cache(16)
def _keys(text: str) -> tuple[tuple[Slot, Key], ...]:
    """The slots of a text, each with what decides its type: its function's text and the headers of what that calls."""
    written = _code_of_functions(text)
    headers: dict[str, list[str]] = {}
    for name, header, _ in written.values():
        headers.setdefault(name, []).append(header)
    seen: dict[tuple[str, str, str], int] = {}
    found = []
    depends: dict[tuple[str, str], str] = {}
    for slot in slots(text):
        whole = written[slot.function_start][2] if slot.function_start in written else _line(text, slot.offset)
        if (slot.function, whole) not in depends:
            called = sorted(set(_NAME.findall(whole)) & headers.keys())
            text_of = "\n".join([slot.function, whole, *(header for name in called for header in headers[name])])
            depends[slot.function, whole] = text_of
        base = (slot.kind, slot.name, depends[slot.function, whole])
        seen[base] = seen.get(base, -1) + 1
        found.append((slot, (*base, seen[base])))
    return tuple(found)


def _code_of_functions(text: str) -> dict[int, tuple[str, str, str]]:
    """(name, header, text) of every function, by the offset where it begins."""
    columns = Columns(text)
    found: dict[int, tuple[str, str, str]] = {}
    for start, node in functions(text).items():
        name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
        if name is not None:
            end = columns.offset(node.end_byte)
            head = columns.offset(body.start_byte) if body is not None else end
            found[start] = text_of(name), text[start:head], text[start:end]
    return found


def _line(text: str, offset: int) -> str:
    start = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", offset)
    return text[start:end if end >= 0 else len(text)]


