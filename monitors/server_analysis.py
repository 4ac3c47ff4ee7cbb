"""Another language server as analysis: how a language other than Python comes in.

Any server that speaks LSP over its standard input and output, named by the user. Our text is its document. What it
lists behind a dot are the members; the set is closed when the server itself calls a made-up name there an error. So
whatever a language knows of open types, dynamic attributes and index signatures is asked of the one who knows, and
nothing is taken from its silence.

Here are the queue, the cache, and the server's life and death; what is said to it is in `conversation`.
"""

from __future__ import annotations

import logging
import math
import os
import shlex
import shutil
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from .analysis import Classification, Description, Document, Members, Signatures
from .answers import answered
from .client import absolute_folders, environment
from .conversation import Conversation, Patience
from .errors import AnalysisDown
from .languages import PYTHON, language_of

T = TypeVar("T")
LOG = logging.getLogger(__name__)

_STARTS = 5
"""So many starts without one answer, and it is not started again."""

_STRIKES = 3
"""So many deaths on one document, and it is set aside."""

_UNASKED = "a language server cannot be asked that"
_WAITING = 32
_CACHED = 512
_CACHED_FOR_S = 60.0


@dataclass
class _Question:
    verb: str
    document: Document
    offset: int = 0
    name: str = ""
    key: tuple[Any, ...] = ()
    futures: list[Future[Any]] = field(default_factory=list)
    again: bool = False
    """It was asked of a server that died; it is not asked a third time."""


class ServerAnalysis:
    """The `Analysis` of any language server. `command` is split as a shell would, and run without one.

    `on_health` is called with `health()` whenever it changes, from a thread of ours. The program is looked for on the
    PATH, the folders of the workspace excepted: what lies in a workspace is not run.
    """

    def __init__(
        self,
        command: str,
        workspace_roots: Iterable[str] = (),
        on_health: Callable[[str], None] | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._command = command
        self._roots = tuple(root for root in workspace_roots if root)
        self._on_health = on_health
        self._patience = patience or Patience()
        self._wake = threading.Condition(threading.RLock())
        self._questions: deque[_Question] = deque()
        self._by_key: dict[tuple[Any, ...], _Question] = {}
        self._answers: OrderedDict[tuple[Any, ...], tuple[float, Any]] = OrderedDict()
        self._open: dict[str, Document] = {}
        self._strikes: dict[str, int] = {}
        self._state = "starting"
        self._ended = False
        self._given_up = ""
        self._starts = 0
        self._started_at = -math.inf
        self._talk: Conversation | None = None
        threading.Thread(target=self._work, name="language server questions", daemon=True).start()

    # The protocol

    def open(self, document: Document) -> None:
        """The document is being edited: the server may read what belongs to it."""
        with self._wake:
            self._open[document.path] = document
            self._questions = deque(q for q in self._questions if q.verb != "open" or q.document.path != document.path)
        self._put(_Question("open", document))

    def close(self, path: str) -> None:
        """The document is not edited any more."""
        with self._wake:
            self._open.pop(path, None)
            self._strikes.pop(path, None)
            for key in [key for key in self._answers if key[1] == path]:
                del self._answers[key]
        self._put(_Question("close", Document(path, "")))

    def members(self, document: Document, offset: int) -> Future[Members]:
        """What may follow the dot that ends at `offset`; closed if the server refutes a made-up name there."""
        here = language_of(document.path).place(document.text, offset)
        if here.where != "code" or here.dot is None:
            return answered(Members(reason=f"in a {here.where}" if here.where != "code" else "no attribute access"))
        key = ("members", document.path, document.root, document.text[:here.dot], document.text[here.end:])
        return self._ask(_Question("members", document, here.dot, key=key))

    def names(self, document: Document, offset: int) -> Future[Members]:
        """Bare names that may stand at `offset`."""
        return self._ask(_Question("names", document, offset, key=("names", document.path, offset, document.text)))

    def signatures(self, document: Document, offset: int) -> Future[Signatures]:
        """How what stands before the "(" that ends at `offset` may be called. Of Python only, as those who ask."""
        if language_of(document.path) is not PYTHON:
            return answered(Signatures(reason="signatures are read in Python only"))
        key = ("signatures", document.path, offset, document.text)
        return self._ask(_Question("signatures", document, offset, key=key))

    # Of these no request of the protocol tells. The monitors that ask are those of Python, and leave their places open.

    def literals(self, document: Document, offset: int, role: str) -> Future[Classification]:
        """Nothing."""
        return answered(Classification(reason=_UNASKED))

    def stars(self, document: Document) -> Future[Members]:
        """Nothing."""
        return answered(Members(reason=_UNASKED))

    def imports(self, document: Document, module: str, submodules: bool = False) -> Future[Members]:
        """Nothing."""
        return answered(Members(reason=_UNASKED))

    def kinds(self, document: Document, offset: int, about: str, name: str = "") -> Future[Members]:
        """Nothing."""
        return answered(Members(reason=_UNASKED))

    def subject(self, document: Document, offset: int) -> Future[Members]:
        """Nothing."""
        return answered(Members(reason=_UNASKED))

    def stores(self, document: Document, offset: int) -> Future[Members]:
        """Nothing."""
        return answered(Members(reason=_UNASKED))

    def describe(self, document: Document, offset: int, name: str = "") -> Future[Description | None]:
        """The name at `offset`, or the member `name` that could be completed there."""
        key = ("describe", document.path, offset, name, document.text)
        return self._ask(_Question("describe", document, offset, name, key))

    def health(self) -> str:
        """"starting", "ready", "restarting" or "down", with a reason after a colon."""
        return self._state

    def shutdown(self) -> None:
        """End the server; at most a second."""
        with self._wake:
            self._ended = True
            talk = self._talk
            asked, self._questions = list(self._questions), deque()
            self._wake.notify_all()
        if talk is not None:
            talk.client.end(0.5)
        for question in asked:
            _fail(question, AnalysisDown("analysis was shut down"))
        self._change("down: shut down")

    # The queue

    def _ask(self, question: _Question) -> Future[Any]:
        future: Future[Any] = Future()
        question.futures.append(future)
        with self._wake:
            cached = self._answers.get(question.key)
            if cached is not None and time.monotonic() - cached[0] < _CACHED_FOR_S:
                self._answers.move_to_end(question.key)
                future.set_result(cached[1])
                return future
            same = self._by_key.get(question.key)
            if same is not None:
                same.futures.append(future)
                return future
            if self._ended or self._given_up:
                future.set_exception(AnalysisDown(self._given_up or "analysis was shut down"))
                return future
            if self._strikes.get(question.document.path, 0) >= _STRIKES:
                reason = "the language server died of this document three times; it is set aside until it is closed"
                future.set_result(_nothing(question, reason, "down"))
                return future
            self._by_key[question.key] = question
        self._put(question)
        return future

    def _put(self, question: _Question) -> None:
        with self._wake:
            if self._ended:
                _fail(question, AnalysisDown("analysis was shut down"))
                return
            self._questions.append(question)
            waiting = [question for question in self._questions if question.futures]
            if len(waiting) > _WAITING:
                self._questions.remove(waiting[0])
                self._finish(waiting[0], _nothing(waiting[0], "newer questions came first", "late"), keep=False)
            self._wake.notify_all()

    def _work(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._ended or self._questions or self._is_gone())
                if self._ended:
                    return
            if self._is_gone():
                self._start()
                if self._is_gone():
                    continue  # what is asked waits until it runs, or is given up
            with self._wake:
                question = self._questions.popleft() if self._questions else None
            if question is not None and (question.verb in ("open", "close") or self._is_wanted(question)):
                self._answer(question)

    def _is_gone(self) -> bool:
        return not self._given_up and (self._talk is None or not self._talk.client.alive())

    def _is_wanted(self, question: _Question) -> bool:
        with self._wake:
            if all(future.cancelled() for future in question.futures):
                self._by_key.pop(question.key, None)
                return False
            return True

    def _answer(self, question: _Question) -> None:
        talk = self._talk
        if talk is None:
            self._fail(question, self._given_up or "the language server is not running")
            return
        try:
            answer, keep = _answered_by(talk, question, question.document.path in self._open)
        except AnalysisDown as error:
            LOG.warning("the language server is ended: %s", error)
            talk.client.end(0)
            self._talk = None
            path = question.document.path
            with self._wake:
                self._strikes[path] = self._strikes.get(path, 0) + 1
                if not question.again and not self._ended and question.futures:
                    question.again = True
                    self._questions.appendleft(question)
                    return
            self._fail(question, f"the language server died of this question twice ({error})")
            return
        if question.futures:
            self._starts, talk.has_answered = 0, True
            with self._wake:
                self._strikes.pop(question.document.path, None)
        self._finish(question, answer, keep)

    def _finish(self, question: _Question, answer: Any, keep: bool) -> None:
        with self._wake:
            self._by_key.pop(question.key, None)
            if keep:
                self._answers[question.key] = (time.monotonic(), answer)
                while len(self._answers) > _CACHED:
                    self._answers.popitem(last=False)
        for future in question.futures:
            if future.set_running_or_notify_cancel():
                future.set_result(answer)

    def _fail(self, question: _Question, reason: str) -> None:
        with self._wake:
            self._by_key.pop(question.key, None)
        _fail(question, AnalysisDown(reason))

    # Life and death

    def _start(self) -> None:
        """Start the server and introduce ourselves; on failure there is no conversation, and we may have given up."""
        dead, self._talk = self._talk, None
        if dead is not None:
            self._change(f"restarting: {dead.client.epitaph()}")
            dead.client.end(0)
        self._starts += 1
        if self._starts > _STARTS:
            self._give_up(f"{self._command.split()[0]} was started {_STARTS} times and never answered")
            return
        with self._wake:
            pause = self._started_at + self._patience.restart_s - time.monotonic()
            if self._wake.wait_for(lambda: self._ended, max(0.0, pause)):
                return
        self._started_at = time.monotonic()
        try:
            talk = Conversation(self._arguments(), self._roots, self._patience, self._woken)
        except (OSError, ValueError, AnalysisDown) as error:
            self._give_up(str(error))
            return
        with self._wake:
            self._talk = talk
            is_late = self._ended
        if is_late:
            talk.client.end(0)
            return
        try:
            talk.introduce()
        except AnalysisDown as error:
            LOG.warning("the language server did not start: %s", error)
            talk.client.end(0)
            self._talk = None
            return
        for document in list(self._open.values()):
            talk.show(document)
        self._change("ready")

    def _arguments(self) -> list[str]:
        """The program and its arguments. Raises `AnalysisDown` when there is no such program, `ValueError` on quotes."""
        arguments = shlex.split(self._command)
        name = os.path.expanduser(arguments[0]) if arguments else ""
        folders = absolute_folders(environment()["PATH"], self._roots)
        if os.path.dirname(name) and not os.path.isabs(name):
            raise AnalysisDown(f"{name}: name the program by an absolute path, or one on the PATH")
        found = shutil.which(name, path=os.pathsep.join(folders))
        if found is None:
            raise AnalysisDown(f"there is no program {name!r} on the PATH outside of the workspace (analysis.command)")
        return [found, *arguments[1:]]

    def _give_up(self, reason: str) -> None:
        LOG.error("analysis by a language server: %s", reason)
        with self._wake:
            self._given_up = reason
        self._change(f"down: {reason}")

    def _woken(self) -> None:
        with self._wake:
            self._wake.notify_all()

    def _change(self, state: str) -> None:
        if self._ended and not state.startswith("down"):
            return
        if state != self._state:
            self._state = state
            if self._on_health is not None:
                self._on_health(state)


def _answered_by(talk: Conversation, question: _Question, is_open: bool) -> tuple[Any, bool]:
    """The answer, and whether it is worth keeping. Raises `AnalysisDown` when the server dies or hangs."""
    document, offset = question.document, question.offset
    match question.verb:
        case "open":
            if is_open:
                talk.show(document)
            return None, False
        case "close":
            talk.close(document.path)
            return None, False
        case "members":
            return talk.members(document, offset)
        case "names":
            return talk.names(document, offset)
        case "signatures":
            return talk.signatures(document, offset)
    return talk.describe(document, offset, question.name), True


def _nothing(question: _Question, reason: str, silence: Literal["late", "down"]) -> Any:
    if question.verb == "describe":
        return None
    return Signatures(reason=reason) if question.verb == "signatures" else Members(reason=reason, silence=silence)


def _fail(question: _Question, error: Exception) -> None:
    for future in question.futures:
        if future.set_running_or_notify_cancel():
            future.set_exception(error)
