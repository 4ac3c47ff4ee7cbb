"""Analysis in a process of its own: asked with futures, watched, and started again when it dies.

jedi is not thread-safe, can take seconds and can crash on hostile code. None of that reaches the server: a question
nobody waits for any more is answered into a cache, a process without life is killed, and its successor is told the
open documents. Construct `AnalysisProcess` on the main thread: on Linux the kernel ends the child when the thread that
started it ends.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from . import types_answer
from .analysis import Classification, Description, Document, Member, Members, Parameter, Signatures
from .answers import answered
from .asking import Asking, open_answer
from .cache import checked_folder, default_cache_folder
from .errors import AnalysisDown
from .frames import Delta, read_frame, write_frame
from .languages import PYTHON, language_of
from .vital_signs import Silence

LOG = logging.getLogger(__name__)

LIFELESS_S = 10.0
"""A process that has not said a word for so long, with a question open, is killed; `Silence` says how that is counted."""

_LOOK_EVERY_S = 0.1
"""How often that is looked at."""

_RESTART_EVERY_S = 1.0
"""On the average of three starts, so that a process that dies by accident is followed at once."""

_STRIKES = 3
"""So many deaths on one document, and it is set aside."""

_WARM_STRIKES = 2
"""So many deaths while a document was warmed up, and it is not warmed up any more."""

_PATIENT_FOR = 5
"""So many deaths that a question is not to blame for, and it fails all the same."""

_CACHED = 512
_CACHED_FOR_S = 60.0
"""Answers grow stale with the files they are drawn from, which nobody tells us about."""


@dataclass
class _Question:
    verb: str
    document: Document
    offset: int
    name: str
    future: Future[Any]
    key: tuple[Any, ...]
    asked: int = 0
    """How many processes have died while it waited."""
    blamed: int = 0
    """How many of them died of it; it is not asked a third time."""
    waiting: list[Future[Any]] = field(default_factory=list)


class AnalysisProcess(Asking):
    """The `Analysis` of a server: jedi behind a pipe.

    `on_health` is called with `health()` whenever it changes, from a thread of ours.
    """

    def __init__(
        self,
        memory_mb: int = 2048,
        project_python: str = "",
        cache_folder: str | None = None,
        on_health: Callable[[str], None] | None = None,
        workspace_roots: Iterable[str] = (),
        lifeless_s: float = LIFELESS_S,
    ) -> None:
        self._memory_mb = memory_mb
        self._project_python = project_python
        self._roots = tuple(workspace_roots)
        self._cache_folder = default_cache_folder() if cache_folder is None else cache_folder
        self._virtual_env = os.environ.get("VIRTUAL_ENV", "")
        self._on_health = on_health
        self._lifeless_s = lifeless_s
        self._lock = threading.RLock()
        self._open: dict[str, Document] = {}
        self._asked: dict[int, _Question] = {}
        self._by_key: dict[tuple[Any, ...], int] = {}
        self._answers: OrderedDict[tuple[Any, ...], tuple[float, Any]] = OrderedDict()
        self._strikes: dict[str, int] = {}
        self._warm_strikes: dict[str, int] = {}
        self._next_id = 0
        self._state = "starting"
        self._running: _Running | None = None
        self._ended = False
        self._restarts = 0
        self._starts: deque[float] = deque(maxlen=3)
        self._wake = threading.Event()
        self._start()
        # Restarts happen on this thread, which lives as long as we do: the child dies with the thread that starts it.
        self._watcher = threading.Thread(target=self._watch, name="analysis watchdog", daemon=True)
        self._watcher.start()

    # The protocol

    def open(self, document: Document) -> None:
        """The document is being edited: warm up its imports in the background."""
        with self._lock:
            self._open[document.path] = document
            self._warm(document)

    def close(self, path: str) -> None:
        """The document is not edited any more."""
        with self._lock:
            self._open.pop(path, None)
            self._strikes.pop(path, None)
            self._warm_strikes.pop(path, None)
            for key in [key for key in self._answers if key[1] == path]:
                del self._answers[key]
            if self._running is not None:
                self._running.send({"verb": "close", "path": path})

    def health(self) -> str:
        """"starting", "ready", "restarting" or "down", with a reason after a colon."""
        return self._state

    def shutdown(self) -> None:
        """End the process; at most a second."""
        with self._lock:
            if self._ended:
                return
            self._ended = True
            running, self._running = self._running, None
            asked, self._asked = list(self._asked.values()), {}
            self._by_key.clear()
        self._wake.set()
        if running is not None:
            running.end(0.3)  # less than what the server gives its goodbyes (server/lifetime.py)
        for question in asked:
            _fail(question, AnalysisDown("analysis was shut down"))
        self._change("down: shut down")

    # Asking

    def _ask(self, verb: str, document: Document, offset: int, name: str, key: tuple[Any, ...]) -> Future[Any]:
        if language_of(document.path) is not PYTHON:
            return answered(open_answer(verb, "jedi reads Python only"))
        future: Future[Any] = Future()
        with self._lock:
            if self._ended:
                future.set_exception(AnalysisDown("analysis was shut down"))
                return future
            cached = self._answers.get(key)
            if cached is not None and time.monotonic() - cached[0] < _CACHED_FOR_S:
                self._answers.move_to_end(key)
                future.set_result(cached[1])
                return future
            if self._strikes.get(document.path, 0) >= _STRIKES:
                reason = "analysis died of this document three times; it is set aside until it is closed"
                future.set_result(open_answer(verb, reason))
                return future
            same = self._by_key.get(key)
            if same is not None and same in self._asked:
                self._asked[same].waiting.append(future)
                return future
            self._put(_Question(verb, document, offset, name, future, key))
        return future

    def _put(self, question: _Question) -> None:
        identity = self._identity()
        self._asked[identity] = question
        self._by_key[question.key] = identity
        self._send(question.document, {
            "verb": question.verb, "id": identity, "offset": question.offset, "name": question.name,
        })  # fmt: skip
        self._wake.set()

    def _identity(self) -> int:
        self._next_id += 1
        return self._next_id

    def _send(self, document: Document, message: dict[str, Any]) -> None:
        running = self._running
        if running is not None:
            message |= {"path": document.path, "root": document.root, "version": document.version}
            running.send(message, document.text)

    def _received(self, running: _Running, message: dict[str, Any]) -> None:
        if "ready" in message:
            running.was_ready = True
            self._change("ready")
            return
        if "answer" not in message:
            return
        with self._lock:
            question = self._asked.pop(message["id"], None)
            if question is None or self._running is not running:
                return
            self._by_key.pop(question.key, None)
            # A superseded question is answered in one way, whatever it asked.
            superseded = message.get("superseded")
            answer = open_answer(question.verb, "superseded by a newer version of the document") if superseded else \
                _decoded(question.verb, message["answer"])
            if not message.get("superseded") and not message.get("fault"):
                self._answers[question.key] = (time.monotonic(), answer)
                while len(self._answers) > _CACHED:
                    self._answers.popitem(last=False)
            if not message.get("superseded"):
                self._strikes.pop(question.document.path, None)
        for future in (question.future, *question.waiting):
            if future.set_running_or_notify_cancel():
                future.set_result(answer)

    # Life and death

    def _start(self) -> None:
        self._starts.append(time.monotonic())
        try:
            running = _Running(self._command(), _scrubbed_environment(), self._received, self._wake.set)
        except OSError as error:
            LOG.error("analysis cannot be started: %s", error)
            self._running = None
            self._change(f"down: {error}")
            return
        self._running = running

    def _command(self) -> list[str]:
        command = [
            sys.executable, "-E", "-P", "-m", "fairlead.monitors.worker",
            "--parent", str(os.getpid()), "--memory-mb", str(self._memory_mb),
        ]  # fmt: skip
        if self._cache_folder and checked_folder(self._cache_folder, self._roots) is not None:
            command += ["--cache-folder", self._cache_folder]
        if self._project_python:
            command += [f"--project-python={self._project_python}"]
        if self._virtual_env:
            command += [f"--virtual-env={self._virtual_env}"]
        for root in self._roots:
            command += [f"--workspace={root}"]
        return command

    def _watch(self) -> None:
        waiting = False
        while True:
            self._wake.wait(_LOOK_EVERY_S if waiting else 1.0)
            self._wake.clear()
            with self._lock:
                if self._ended:
                    return
                running = self._running
                waiting = bool(self._asked)
            if running is not None and waiting and (lifeless := running.lifeless(self._lifeless_s)):
                LOG.warning("analysis %s; it is killed", lifeless)
                running.kill()
            if running is None or not running.alive():
                self._restart(running)

    def _restart(self, dead: _Running | None) -> None:
        pause = 0.0
        if len(self._starts) == 3:
            pause = self._starts[0] + 3 * _RESTART_EVERY_S - time.monotonic()
        reason = f"restarting: {dead.epitaph()}" if dead is not None else "restarting"
        LOG.warning("analysis is %s", reason)
        self._change(reason)
        if pause > 0:
            time.sleep(pause)
        with self._lock:
            if self._ended:
                return
            self._restarts += 1
            asked, self._asked = self._asked, {}
            self._by_key.clear()
            does_not_start = dead is not None and dead.failed and not dead.was_ready
            guilty = asked.get(dead.begun) if dead is not None and dead.begun is not None else None
            if guilty is not None:
                path = guilty.document.path
                self._strikes[path] = self._strikes.get(path, 0) + 1
            elif dead is not None and dead.warming:
                self._warm_strikes[dead.warming] = self._warm_strikes.get(dead.warming, 0) + 1
            if dead is not None:
                dead.end(0)
            self._start()
            for document in self._open.values():
                self._warm(document)
            failed = []
            for question in asked.values():
                question.asked += 1
                # The others in the queue are not to blame for a death, but they do not wait for ever either.
                question.blamed += question is guilty or does_not_start
                struck = self._strikes.get(question.document.path, 0) >= _STRIKES
                if struck or question.blamed > 1 or question.asked > _PATIENT_FOR:
                    failed.append(question)
                else:
                    self._put(question)
        why = "analysis died of this question twice"
        if does_not_start and dead is not None:
            why = f"analysis does not start: {dead.epitaph()}"
        for question in failed:
            _fail(question, AnalysisDown(why))

    def _warm(self, document: Document) -> None:
        """Let the process read what a document imports, unless reading that has killed it twice."""
        if self._warm_strikes.get(document.path, 0) < _WARM_STRIKES:
            self._send(document, {"verb": "open", "id": self._identity()})

    def _change(self, state: str) -> None:
        if self._ended and not state.startswith("down"):
            return
        if state != self._state:
            self._state = state
            if self._on_health is not None:
                self._on_health(state)


class _Running:
    """One process, the thread that reads from it, and the thread that writes to it."""

    def __init__(
        self,
        command: list[str],
        environment: dict[str, str],
        received: Callable[[_Running, dict[str, Any]], None],
        changed: Callable[[], None],
    ) -> None:
        # A folder of ours: the workspace must not be the current folder of anything that imports.
        self._folder = tempfile.TemporaryDirectory(prefix="fairlead-", ignore_cleanup_errors=True)
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            cwd=self._folder.name, env=environment, close_fds=True,
        )  # fmt: skip
        self._delta = Delta()
        self._received = received
        self._changed = changed
        self._heard_at = time.monotonic()
        """When it last said anything, or was asked while idle."""
        self._silence = Silence(self._process.pid)
        self._outbox: list[dict[str, Any]] = []
        self._ready_to_write = threading.Condition()
        self._closing = False
        self.was_ready = False
        self.begun: int | None = None
        """The question it is at."""
        self.warming = ""
        """The path of the document that it is warming up, if that is what it does."""
        threading.Thread(target=self._read, name="analysis reader", daemon=True).start()
        threading.Thread(target=self._write, name="analysis writer", daemon=True).start()

    def send(self, message: dict[str, Any], text: str | None = None) -> None:
        """Queue a message: a full pipe blocks a thread of ours, never the caller."""
        with self._ready_to_write:
            if text is not None:
                message["text"] = text
            if not self._outbox and self.begun is None:
                self._heard_at = time.monotonic()
            self._outbox.append(message)
            self._ready_to_write.notify()

    def _write(self) -> None:
        stream = self._process.stdin
        assert stream is not None  # Popen was given a pipe
        while True:
            with self._ready_to_write:
                while not self._outbox and not self._closing:
                    self._ready_to_write.wait()
                if self._closing:
                    break
                message = self._outbox.pop(0)
            if "text" in message:
                message["delta"] = self._delta.encode(message["path"], message.pop("text"))
            try:
                write_frame(stream, message)
            except (OSError, ValueError):
                break
        try:
            stream.close()
        except OSError:
            pass

    def _read(self) -> None:
        stream = self._process.stdout
        assert stream is not None  # Popen was given a pipe
        while True:
            try:
                message = read_frame(stream)
            except (OSError, ValueError):
                message = None
            if message is None:
                break
            self._heard_at = time.monotonic()
            if "begun" in message:
                self.begun, self.warming = message["id"], ""
            elif "warming" in message:
                self.warming = message["warming"]
            elif "warm" in message:
                self.warming = ""
            elif "answer" in message:
                self.begun = None
            self._received(self, message)
        stream.close()
        if self._process.poll() is None:
            try:
                self._process.wait(1.0)
            except subprocess.TimeoutExpired:
                # It closed its pipe and lives on: no use to anybody.
                self._process.kill()
        self._changed()

    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def lifeless(self, limit_s: float) -> str:
        """What is wrong with it when it has been silent for so long with a question open, or is held by a signal; or ""."""
        return self._silence.verdict(self._heard_at, limit_s) if self.alive() else ""

    @property
    def failed(self) -> bool:
        """Whether it ended by itself with an error, and was not killed."""
        return (self._process.poll() or 0) > 0

    def epitaph(self) -> str:
        """How it ended, in a few words."""
        code = self._process.poll()
        if code is None:
            return "it stopped answering"
        return f"it was ended by signal {-code}" if code < 0 else f"it ended with code {code}"

    def kill(self) -> None:
        """End it at once. SIGKILL also ends a stopped process."""
        self._process.kill()
        try:
            self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            pass

    def end(self, patience_s: float) -> None:
        """Close the pipe and wait for `patience_s`, then kill."""
        with self._ready_to_write:
            self._closing = True
            self._ready_to_write.notify()
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.kill()
        self._folder.cleanup()


def _scrubbed_environment() -> dict[str, str]:
    """Our environment without what steers a Python or names one."""
    kept = {
        name: value for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "CONDA")) and name not in ("VIRTUAL_ENV", "__PYVENV_LAUNCHER__")
    }  # fmt: skip
    if not os.path.isabs(kept.get("XDG_CACHE_HOME", os.sep)):
        kept.pop("XDG_CACHE_HOME")
    return kept


def _decoded(verb: str, answer: Any) -> Any:
    if answer is None:
        return None
    if verb == "describe":
        return Description(**answer)
    if verb == "types":
        return types_answer.decoded(answer)
    if "extra_names" not in answer:
        return _decoded_call(verb, answer)
    listed = tuple(Member(**member) for member in answer.pop("members"))
    extra, refused = frozenset(answer.pop("extra_names")), frozenset(answer.pop("refused"))
    if verb in ("signatures", "literals"):
        return open_answer(verb, answer["reason"])  # superseded, or failed
    return Members(members=listed, extra_names=extra, refused=refused, **answer)


def _decoded_call(verb: str, answer: Any) -> Any:
    if verb == "literals":
        return Classification(**(answer | {"literals": tuple(answer["literals"])}))
    overloads = tuple(
        tuple(Parameter(**(one | {"literals": tuple(one["literals"])})) for one in overload)
        for overload in answer.pop("overloads")
    )
    return Signatures(overloads, abstract=tuple(answer.pop("abstract")), **answer)


def _fail(question: _Question, error: Exception) -> None:
    for future in (question.future, *question.waiting):
        if future.set_running_or_notify_cancel():
            future.set_exception(error)
