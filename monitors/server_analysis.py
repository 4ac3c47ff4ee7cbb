"""Another language server as analysis: how a language other than Python comes in.

Any server that speaks LSP over its standard input and output, named by the user. Our text is its document. What it
lists behind a dot are the members; the set is closed when the server itself calls a made-up name there an error. So
whatever a language knows of open types, dynamic attributes and index signatures is asked of the one who knows, and
nothing is taken from its silence.

One thread of ours puts the questions, one after the other: each changes the document, and the errors that come back
are those of its last version.
"""

from __future__ import annotations

import logging
import os
import shlex
import shutil
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote

from .analysis import Classification, Description, Document, Members, Signatures
from .client import Client, absolute_folders, environment
from .errors import AnalysisDown
from .languages import PYTHON, language_of
from .server_answers import Listed, dicts, hovered, item_named, listed, overloads, receiver_in, refutation, string
from .virtual import Encoding, change, position, tame

T = TypeVar("T")
LOG = logging.getLogger(__name__)

LIFELESS_S = 10.0
"""A server that owes an answer for so long is killed."""

STARTING_S = 60.0
"""... until it has answered once: it may be reading a whole project."""

VERDICT_S = 2.0
"""How long to wait for the errors of a text, where the server sends them by itself."""

_RESTART_EVERY_S = 1.0
_STARTS = 5
"""So many starts without one answer, and it is not started again."""

_STRIKES = 3
"""So many deaths on one document, and it is set aside."""

_WAITING = 32
_CACHED = 512
_CACHED_FOR_S = 60.0
_SILENT = 3
"""So many questions without a word about errors, and nobody waits for them any more."""

_CAPABILITIES = {
    "general": {"positionEncodings": ["utf-32", "utf-16", "utf-8"]},
    "workspace": {"configuration": True, "workspaceFolders": True},
    "window": {"workDoneProgress": True},
    "textDocument": {
        "synchronization": {},
        "completion": {
            "completionItem": {
                "snippetSupport": False, "labelDetailsSupport": True, "documentationFormat": ["plaintext"],
            },
            "contextSupport": True,
        },
        "signatureHelp": {"signatureInformation": {"parameterInformation": {"labelOffsetSupport": True}}},
        "hover": {"contentFormat": ["markdown", "plaintext"]},
        "publishDiagnostics": {"versionSupport": True},
        "diagnostic": {"dynamicRegistration": True},
    },
}  # fmt: skip

# Nothing is downloaded, and no name is listed that would have to be imported first.
_OPTIONS = {
    "disableAutomaticTypingAcquisition": True,
    "preferences": {"includeCompletionsForModuleExports": False, "includeCompletionsForImportStatements": False},
}
_SETTINGS: dict[str, Any] = {
    name: {"analysis": {"autoImportCompletions": False, "diagnosticMode": "openFilesOnly"}}
    for name in ("python", "basedpyright")
}
_TSSERVER = "typescript.tsserverRequest"
"""typescript-language-server sends errors 350 ms after a change. Its way to ask tsserver takes 15."""


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


@dataclass
class _Sent:
    """A document as the server has it."""

    uri: str
    text: str
    version: int


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
        lifeless_s: float = LIFELESS_S,
        starting_s: float = STARTING_S,
        verdict_s: float = VERDICT_S,
    ) -> None:
        self._command = command
        self._roots = tuple(root for root in workspace_roots if root)
        self._on_health = on_health
        self._lifeless_s, self._starting_s, self._verdict_s = lifeless_s, starting_s, verdict_s
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
        self._started_at = -_RESTART_EVERY_S
        self._client: Client | None = None
        self._made_up = count(1)
        self._forget()
        threading.Thread(target=self._work, name="language server questions", daemon=True).start()

    def _forget(self) -> None:
        """What was known of the server that is gone."""
        self._sent: dict[str, _Sent] = {}
        self._encoding: Encoding = "utf-16"
        self._name = ""
        self._incremental = self._pulls = self._asks_tsserver = self._answered = False
        self._errors: dict[str, tuple[int | None, Any]] = {}
        self._silent = 0

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
            return _done(Members(reason=f"in a {here.where}" if here.where != "code" else "no attribute access"))
        key = ("members", document.path, document.root, document.text[:here.dot], document.text[here.end:])
        return self._ask(_Question("members", document, here.dot, key=key))

    def names(self, document: Document, offset: int) -> Future[Members]:
        """Bare names that may stand at `offset`."""
        return self._ask(_Question("names", document, offset, key=("names", document.path, offset, document.text)))

    def signatures(self, document: Document, offset: int) -> Future[Signatures]:
        """How what stands before the "(" that ends at `offset` may be called. Of Python only, as those who ask."""
        if language_of(document.path) is not PYTHON:
            return _done(Signatures(reason="signatures are read in Python only"))
        key = ("signatures", document.path, offset, document.text)
        return self._ask(_Question("signatures", document, offset, key=key))

    def literals(self, document: Document, offset: int, role: str) -> Future[Classification]:
        """Nothing: no request of the protocol tells them."""
        return _done(Classification(reason="language servers are not asked about literals"))

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
            client = self._client
            asked, self._questions = list(self._questions), deque()
            self._wake.notify_all()
        if client is not None:
            client.end(0.5)
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
                future.set_result(_nothing(question, reason))
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
                self._finish(waiting[0], _nothing(waiting[0], "newer questions came first"), keep=False)
            self._wake.notify_all()

    def _work(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._ended or self._questions or self._is_gone())
                if self._ended:
                    return
            if self._is_gone():
                self._start()
            with self._wake:
                question = self._questions.popleft() if self._questions else None
            if question is not None and (question.verb in ("open", "close") or self._is_wanted(question)):
                self._answer(question)

    def _is_over(self) -> bool:
        return self._ended

    def _is_gone(self) -> bool:
        return not self._given_up and (self._client is None or not self._client.alive())

    def _is_wanted(self, question: _Question) -> bool:
        with self._wake:
            if all(future.cancelled() for future in question.futures):
                self._by_key.pop(question.key, None)
                return False
            return True

    def _answer(self, question: _Question) -> None:
        client = self._client
        if client is None:
            self._fail(question, self._given_up or "the language server is not running")
            return
        try:
            answer, keep = self._answered_by(client, question)
        except AnalysisDown as error:
            LOG.warning("the language server is ended: %s", error)
            client.end(0)
            self._client = None
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
            self._starts, self._answered = 0, True
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

    # The questions, on our own thread

    def _answered_by(self, client: Client, question: _Question) -> tuple[Any, bool]:
        """The answer, and whether it is worth keeping. Raises `AnalysisDown` when the server dies or hangs."""
        document = question.document
        if question.verb == "open":
            if document.path in self._open:
                self._show(client, document.path, tame(document.text))
            return None, False
        if question.verb == "close":
            sent = self._sent.pop(document.path, None)
            if sent is not None:
                client.notify("textDocument/didClose", {"textDocument": {"uri": sent.uri}})
            return None, False
        if question.verb == "members":
            return self._members(client, document, question.offset)
        if question.verb == "names":
            return self._names(client, document, question.offset)
        if question.verb == "signatures":
            return self._signatures(client, document, question.offset)
        return self._description(client, document, question.offset, question.name), True

    def _members(self, client: Client, document: Document, dot: int) -> tuple[Members, bool]:
        language = language_of(document.path)
        text = tame(document.text)
        end = language.place(text, dot).end
        made_up = f"fairlead{next(self._made_up)}x"
        sent = self._show(client, document.path, text[:dot] + made_up + text[end:])
        asked = self._complete(client, sent, dot)
        errors = self._pull(client, sent)
        found = self._listed(client, document, sent, dot, asked)
        refuted, known = self._refuted(client, sent, made_up, errors)
        if found.words and known:
            # clangd lists the words of the text until it has read the includes; by now it has.
            found = self._listed(client, document, sent, dot, self._complete(client, sent, dot))
        names = frozenset(member.name for member in found.members) - {made_up}
        members = tuple(member for member in found.members if member.name in names)
        receiver = receiver_in(refuted, made_up) if refuted is not None else ""
        if not names:
            reason = f"{self._name} knows no members here"
        elif not found.complete:
            reason = f"the list of {self._name} is not complete"
        elif found.words:
            reason = f"{self._name} lists words of the text: it does not know what this is"
        elif not known:
            reason = f"{self._name} did not say in time whether other names are wrong"
        elif refuted is None:
            reason = f"{self._name} finds nothing wrong with a name that was made up"
        else:
            reason = f"{self._name} lists {len(names)} members and calls any other name an error"
            return Members(members, True, reason, receiver, found.extra_names), True
        return Members(members, False, reason, receiver, found.extra_names), known and not found.words

    def _names(self, client: Client, document: Document, offset: int) -> tuple[Members, bool]:
        language = language_of(document.path)
        text = tame(document.text)
        typed = language.place(text, offset).typed
        sent = self._show(client, document.path, text)
        found = self._listed(client, document, sent, offset, self._complete(client, sent, offset))
        names = tuple(member for member in found.members if member.name.startswith(typed))
        return Members(names, False, f"names in scope, from {self._name}"), not found.words

    def _signatures(self, client: Client, document: Document, offset: int) -> tuple[Signatures, bool]:
        """Known, when a made-up keyword argument is called an error. (Of overloads, pyright does not say which.)"""
        text = tame(document.text)
        made_up = f"fairlead{next(self._made_up)}x"
        behind = "" if text[offset:].lstrip(" \t")[:1] in ("", ")", "\r", "\n") else ", "
        sent = self._show(client, document.path, f"{text[:offset]}{made_up}=0{behind}{text[offset:]}")
        asked = client.request("textDocument/signatureHelp", self._at(sent, offset))
        errors = self._pull(client, sent)
        found = overloads(self._reply(client, asked))
        refuted, known = self._refuted(client, sent, made_up, errors, parameter=True)
        if not found:
            return Signatures(reason=f"{self._name} knows no signature here"), known
        if refuted is None:
            return Signatures(found, False, f"{self._name} finds nothing wrong with an argument that was made up"), known
        return Signatures(found, True, f"{self._name} calls any other argument an error"), True

    def _description(self, client: Client, document: Document, offset: int, name: str) -> Description | None:
        language = language_of(document.path)
        text = tame(document.text)
        here = language.place(text, offset)
        begin = offset - len(here.typed)
        word = name or text[begin:here.end]
        if not word:
            return None
        sent = self._show(client, document.path, text[:begin] + word + text[here.end:])
        asked = client.request("textDocument/hover", self._at(sent, begin))
        signature, documentation, kind = hovered(self._reply(client, asked))
        if name and not signature:
            # clangd has nothing to say of a method that is not called.
            found = self._reply(client, self._complete(client, sent, begin))
            signature, documentation = item_named(found, name, language)
        if not signature and not documentation:
            return None
        return Description(word, kind, signature, documentation, start=begin, end=here.end)

    def _show(self, client: Client, path: str, text: str) -> _Sent:
        """Make `text` what the server has for this document."""
        sent = self._sent.get(path)
        if sent is None:
            sent = self._sent[path] = _Sent(_uri(path), text, 1)
            client.notify("textDocument/didOpen", {"textDocument": {
                "uri": sent.uri, "languageId": language_of(path).id, "version": 1, "text": text,
            }})  # fmt: skip
        elif sent.text != text:
            edit = change(sent.text, text, self._encoding) if self._incremental else {"text": text}
            sent.text, sent.version = text, sent.version + 1
            client.notify("textDocument/didChange", {
                "textDocument": {"uri": sent.uri, "version": sent.version}, "contentChanges": [edit],
            })  # fmt: skip
        return sent

    def _at(self, sent: _Sent, offset: int) -> dict[str, Any]:
        return {"textDocument": {"uri": sent.uri}, "position": position(sent.text, offset, self._encoding)}

    def _complete(self, client: Client, sent: _Sent, offset: int) -> Future[Any]:
        # Asked as one asks for the rest of an incomplete list: pyright calls every other first list incomplete.
        return client.request("textDocument/completion", self._at(sent, offset) | {"context": {"triggerKind": 3}})

    def _listed(
        self, client: Client, document: Document, sent: _Sent, offset: int, asked: Future[Any]
    ) -> Listed:  # fmt: skip
        language = language_of(document.path)
        found = listed(self._reply(client, asked), language)
        for _ in range(2):
            if found.complete or not found.members:
                break
            found = listed(self._reply(client, self._complete(client, sent, offset)), language)
        return found

    def _reply(self, client: Client, asked: Future[Any]) -> Any:
        """What was answered. Raises `AnalysisDown` when the server dies, or takes too long."""
        limit_s = self._lifeless_s if self._answered else self._starting_s
        try:
            result = asked.result(limit_s)
        except FutureTimeout:
            raise AnalysisDown(f"it did not answer within {limit_s:.0f} s") from None
        if result is None and not client.alive():
            raise AnalysisDown(client.epitaph())
        return result

    # Errors: sent by the server when it likes, or asked for where it can be asked

    def _pull(self, client: Client, sent: _Sent) -> Future[Any] | None:
        if self._pulls:
            return client.request("textDocument/diagnostic", {"textDocument": {"uri": sent.uri}})
        if self._asks_tsserver:
            arguments = ["semanticDiagnosticsSync", {"file": sent.uri}]
            return client.request("workspace/executeCommand", {"command": _TSSERVER, "arguments": arguments})
        return None

    def _refuted(
        self, client: Client, sent: _Sent, name: str, asked: Future[Any] | None, parameter: bool = False
    ) -> tuple[str | None, bool]:  # fmt: skip
        """The error that says that `name` does not exist, if there is one; and whether the server has said so at all."""
        if asked is None:
            message, known = self._pushed(client, sent, name, parameter)
            asked = self._pull(client, sent) if not known else None
            if asked is None:
                return message, known
        report = self._reply(client, asked)
        if not isinstance(report, dict):
            return None, False
        if self._pulls:
            return refutation(report.get("items"), name, parameter), isinstance(report.get("items"), list)
        body = [
            # tsserver's own words: `category` and `text` (`message` in some versions).
            {"severity": 1, "message": string(item.get("text")) or string(item.get("message"))}
            for item in dicts(report.get("body")) if item.get("category") == "error"
        ]  # fmt: skip
        return refutation(body, name, parameter), report.get("success") is True

    def _pushed(self, client: Client, sent: _Sent, name: str, parameter: bool) -> tuple[str | None, bool]:
        until = time.monotonic() + (self._verdict_s if self._silent < _SILENT else 0.0)
        with self._wake:
            while True:
                version, errors = self._errors.get(unquote(sent.uri), (None, None))
                message = refutation(errors, name, parameter)
                if message is not None or version == sent.version:
                    self._silent = 0
                    return message, True
                left_s = until - time.monotonic()
                if self._pulls or self._ended or not client.alive():
                    return None, False
                if left_s <= 0:
                    self._silent += 1
                    return None, False
                self._wake.wait(left_s)

    # What the server tells and asks us, on the reading thread

    def _notified(self, method: str, params: Any) -> None:
        if method == "textDocument/publishDiagnostics" and isinstance(params, dict):
            version = params.get("version")
            with self._wake:
                key = unquote(string(params.get("uri")))
                self._errors[key] = (version if isinstance(version, int) else None, params.get("diagnostics"))
                self._silent = 0
                self._wake.notify_all()

    def _asked(self, method: str, params: Any) -> Any:
        if method == "workspace/configuration":
            items = params.get("items") if isinstance(params, dict) else None
            return [_setting(string(item.get("section"))) for item in dicts(items)]
        if method == "client/registerCapability":
            registered = params.get("registrations") if isinstance(params, dict) else None
            if any(item.get("method") == "textDocument/diagnostic" for item in dicts(registered)):
                self._pulls = True
                self._woken()
            return None
        if method == "workspace/workspaceFolders":
            return self._folders()
        if method == "workspace/applyEdit":
            return {"applied": False}
        if method.endswith("/refresh") or method in (
            "client/unregisterCapability", "window/workDoneProgress/create", "window/showMessageRequest",
        ):  # fmt: skip
            return None
        raise LookupError(method)

    # Life and death

    def _start(self) -> None:
        """Start the server and introduce ourselves; on failure `_client` stays None, and we may have given up."""
        dead = self._client
        if dead is not None:
            self._change(f"restarting: {dead.epitaph()}")
            dead.end(0)
        self._client = None
        self._forget()
        self._starts += 1
        if self._starts > _STARTS:
            self._give_up(f"{self._command.split()[0]} was started {_STARTS} times and never answered")
            return
        with self._wake:
            self._wake.wait_for(lambda: self._ended, max(0.0, self._started_at + _RESTART_EVERY_S - time.monotonic()))
            if self._is_over():
                return
        self._started_at = time.monotonic()
        try:
            client = Client(self._arguments(), self._notified, self._asked, self._woken)
        except (OSError, ValueError, AnalysisDown) as error:
            self._give_up(str(error))
            return
        self._client = client
        try:
            self._introduce(client)
        except AnalysisDown as error:
            LOG.warning("the language server did not start: %s", error)
            client.end(0)
            return
        if self._is_over():
            client.end(0)
            return
        for document in list(self._open.values()):
            self._show(client, document.path, tame(document.text))
        self._change("ready")

    def _introduce(self, client: Client) -> None:
        asked = client.request("initialize", {
            "processId": os.getpid(), "clientInfo": {"name": "fairlead"}, "locale": "en", "capabilities": _CAPABILITIES,
            # With a root of the old kind, typescript-language-server would run the TypeScript that lies in it.
            "rootUri": None, "workspaceFolders": self._folders(), "initializationOptions": _OPTIONS,
        })  # fmt: skip
        answer = self._reply(client, asked)
        answer = answer if isinstance(answer, dict) else {}
        can = answer.get("capabilities")
        can = can if isinstance(can, dict) else {}
        info = answer.get("serverInfo")
        self._name = (string(info.get("name")) if isinstance(info, dict) else "") or Path(self._arguments()[0]).name
        encoding = can.get("positionEncoding")
        if encoding in ("utf-8", "utf-16", "utf-32"):
            self._encoding = encoding
        sync = can.get("textDocumentSync")
        self._incremental = (sync.get("change") if isinstance(sync, dict) else sync) == 2
        self._pulls |= isinstance(can.get("diagnosticProvider"), dict)
        commands = can.get("executeCommandProvider")
        known = commands.get("commands") if isinstance(commands, dict) else None
        self._asks_tsserver = isinstance(known, list) and _TSSERVER in known
        client.notify("initialized", {})

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

    def _folders(self) -> list[dict[str, str]]:
        return [{"uri": _uri(root), "name": Path(root).name} for root in self._roots]

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


def _uri(path: str) -> str:
    return Path(path).as_uri() if os.path.isabs(path) else path if ":" in path else f"untitled:{path}"


def _setting(section: str) -> Any:
    """What we have to say about a section of a server's settings, "python.analysis" for one; mostly nothing."""
    value: Any = _SETTINGS
    for part in section.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _nothing(question: _Question, reason: str) -> Any:
    if question.verb == "describe":
        return None
    return Signatures(reason=reason) if question.verb == "signatures" else Members(reason=reason)


def _done(value: T) -> Future[T]:
    future: Future[T] = Future()
    future.set_result(value)
    return future


def _fail(question: _Question, error: Exception) -> None:
    for future in question.futures:
        if future.set_running_or_notify_cancel():
            future.set_exception(error)
