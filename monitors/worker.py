"""The analysis process: `python -E -P -m fairlead.monitors.worker`.

Standard output is its private pipe; what libraries print goes to standard error. A thread reads questions into a
queue, the main thread answers them with jedi, one at a time, the newest document first. The process ends when the pipe
closes, when its parent dies, and on any fault of its own: whoever started it starts another.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import gc
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

from . import jedi_members, slot_evidence
from .analysis import Document, Members
from .cache import TreeCache, checked_folder
from .frames import Delta, read_frame, write_frame
from .jedi_answers import VERBS, answer_of
from .jedi_session import Session, isolate
from .vital_signs import resident_mb

_IDLE_COLLECT_S = 2.0


class Work:
    """What waits to be done: questions before warm-ups, and nothing for a document version that was left behind."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._questions: list[dict[str, Any]] = []
        self._warm: dict[str, dict[str, Any]] = {}
        self._newest: dict[str, int] = {}
        self._closed = False

    def put(self, message: dict[str, Any]) -> list[dict[str, Any]]:
        """Queue a message; gives the questions that it makes pointless."""
        with self._condition:
            path, version = message.get("path", ""), message.get("version", 0)
            dropped: list[dict[str, Any]] = []
            if message["verb"] == "open":
                # A newer version may have come while an older one was put back.
                if self._warm.get(path, message)["version"] <= version:
                    self._warm[path] = message
            elif message["verb"] in VERBS:
                if version > self._newest.get(path, version - 1):
                    dropped = [
                        one for one in self._questions
                        if one["verb"] == message["verb"] and one["path"] == path and one["version"] < version
                    ]  # fmt: skip
                    self._questions = [one for one in self._questions if one not in dropped]
                self._newest[path] = max(version, self._newest.get(path, version))
                self._questions.append(message)
            else:
                if message["verb"] == "close":
                    self._warm.pop(path, None)
                    self._newest.pop(path, None)
                self._questions.append(message)
            self._condition.notify()
            return dropped

    def waiting(self) -> bool:
        """Whether a question waits."""
        with self._condition:
            return bool(self._questions)

    def end(self) -> None:
        """There will be no more."""
        with self._condition:
            self._closed = True
            self._condition.notify()

    def take(self, timeout_s: float) -> dict[str, Any] | None:
        """The next message; {"verb": "idle"} when there is none for `timeout_s`; None at the end."""
        with self._condition:
            if not self._questions and not self._warm and not self._closed:
                self._condition.wait(timeout_s)
            if self._closed:
                return None
            if self._questions:
                return self._questions.pop(0)
            if self._warm:
                return self._warm.pop(next(iter(self._warm)))
            return {"verb": "idle"}


class Worker:
    """Answers messages with a session of jedi's."""

    def __init__(self, session: Session, out: IO[bytes], memory_mb: int) -> None:
        self._memory_mb = memory_mb
        self._session = session
        self._out = out
        self._lock = threading.Lock()
        self._work = Work()
        self._delta = Delta()

    def run(self, source: IO[bytes]) -> None:
        """Answer until the pipe ends."""
        threading.Thread(target=self._read_or_end, args=(source,), daemon=True).start()
        collected = True
        while True:
            message = self._work.take(60.0 if collected else _IDLE_COLLECT_S)
            if message is None:
                return
            if message["verb"] == "idle":
                # Collecting while nobody waits: jedi leaves cycles, and a collection may take a tenth of a second.
                gc.collect()
                if resident_mb() > 0.6 * self._memory_mb:
                    self._let_go()
                collected = True
                continue
            collected = False
            self._answer(message)

    def _let_go(self) -> None:
        """Drop everything kept; what is needed is read again."""
        self._session.clear()
        jedi_members.forget_all()
        slot_evidence.of(self._session).clear()
        gc.collect()

    def _read_or_end(self, source: IO[bytes]) -> None:
        try:
            self._read(source)
        finally:
            os._exit(1)  # deaf, we would be taken for busy: a successor can hear

    def _read(self, source: IO[bytes]) -> None:
        while True:
            message = read_frame(source)
            if message is None:
                self._work.end()
                # The main thread may be in a long question that nobody will read the answer of.
                time.sleep(0.2)
                os._exit(0)
            if "delta" in message:
                message["text"] = self._delta.decode(message["path"], message.pop("delta"))
            if message["verb"] == "ping":
                self._send({"id": message["id"], "pong": True})
                continue
            for one in self._work.put(message):
                answer = Members(reason="superseded by a newer version of the document")
                self._send({"id": one["id"], "superseded": True, "answer": dataclasses.asdict(_jsonable(answer))})

    def _answer(self, message: dict[str, Any]) -> None:
        verb = message["verb"]
        if verb == "close":
            self._session.forget(message["path"])
            return
        document = Document(message["path"], message["text"], message["version"], message["root"])
        started = time.perf_counter()
        if verb == "open":
            self._warm(document, message)
            return
        answer: Any = None
        fault = ""
        self._send({"id": message["id"], "begun": True})
        for attempt in (1, 2):
            try:
                answer = answer_of(self._session, verb, document, message["offset"], message.get("name", ""))
                fault = ""
                break
            except MemoryError:
                fault = "analysis ran out of memory"
                self._let_go()
                break
            except (Exception, RecursionError) as error:  # whatever jedi makes of broken code leaves the place open
                fault = f"analysis failed: {type(error).__name__}" if not isinstance(error, ValueError) else str(error)
                self._session.forget(document.path)
                if attempt == 2 or not isinstance(error, KeyError):
                    break
        if answer is None and verb != "describe":
            answer = Members(reason=fault or "analysis failed")
        reply: dict[str, Any] = {
            "id": message["id"],
            "answer": None if answer is None else dataclasses.asdict(_jsonable(answer)),
            "took_ms": round((time.perf_counter() - started) * 1000, 2),
        }
        if fault:
            reply["fault"] = fault
        self._send(reply)

    def _warm(self, document: Document, message: dict[str, Any]) -> None:
        """Warm a document up, until a question comes; then it waits for its turn again."""
        self._send({"warming": document.path})
        with contextlib.suppress(Exception, RecursionError):
            for _ in jedi_members.warm(self._session, document):
                self._send({"alive": True})
                if self._work.waiting():
                    self._work.put(message)
                    return
        self._send({"id": message["id"], "warm": True})

    def _send(self, message: dict[str, Any]) -> None:
        try:
            with self._lock:
                write_frame(self._out, message)
        except (OSError, ValueError):
            os._exit(0)


def _jsonable(answer: Any) -> Any:
    if isinstance(answer, Members):
        extra, refused = tuple(sorted(answer.extra_names)), tuple(sorted(answer.refused))
        return dataclasses.replace(answer, extra_names=extra, refused=refused)  # type: ignore[arg-type] # JSON has no sets
    return answer


def private_pipe() -> IO[bytes]:
    """Our standard output for ourselves alone: whoever prints, in Python or in C, prints to standard error."""
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return pipe


def die_with_parent(parent: int) -> None:
    """Ask the kernel to kill us when the thread that started us ends (Linux); the pipe's end tells us elsewhere."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def limit_memory(megabytes: int) -> None:
    """A bound on what a hostile file can make us allocate: MemoryError instead of a machine that swaps."""
    try:
        import resource

        size = megabytes * 1024 * 1024
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        if hard != resource.RLIM_INFINITY:
            size = min(size, hard)
        resource.setrlimit(resource.RLIMIT_AS, (size, hard))
    except (ImportError, ValueError, OSError):
        pass  # macOS and Windows do not bound address space


def main() -> None:
    """The process."""
    pipe = private_pipe()
    arguments = _arguments()
    die_with_parent(arguments.parent)
    limit_memory(arguments.memory_mb)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is for the server, which then closes the pipe
    folder = checked_folder(arguments.cache_folder, arguments.workspace) if arguments.cache_folder else None
    session = Session(TreeCache(Path(folder) if folder else None), arguments.project_python, arguments.virtual_env)
    isolate()
    write_frame(pipe, {"ready": os.getpid()})
    Worker(session, pipe, arguments.memory_mb).run(sys.stdin.buffer)
    os._exit(0)  # taking down what jedi holds of a large file would take half a second, and nothing is left to save


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, default=os.getppid())
    parser.add_argument("--memory-mb", type=int, default=2048)
    parser.add_argument("--cache-folder", default="")
    parser.add_argument("--project-python", default="")
    parser.add_argument("--virtual-env", default="")
    parser.add_argument("--workspace", action="append", default=[])
    return parser.parse_args()


if __name__ == "__main__":
    main()
