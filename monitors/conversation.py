"""One conversation with one running language server: our documents as it has them, and what it says about them.

Every question may change the document, by a name that nobody would write; the errors that come back are those of its
last version. So questions come one after the other, all from one thread. Where the server dies or takes too long,
`AnalysisDown` is raised, and the conversation is over.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from .analysis import Description, Document, Members, Signatures
from .client import Client
from .errors import AnalysisDown
from .languages import language_of
from .server_answers import Listed, dicts, hovered, item_named, listed, overloads, receiver_in, refutation, string
from .virtual import Encoding, change, position, tame
from .vital_signs import Silence

LOG = logging.getLogger(__name__)

_SILENT = 3
"""So many questions without a word about errors, and nobody waits for them any more."""

_LOOK_EVERY_S = 0.1
"""How often it is looked whether a server that has not answered is alive."""

_MADE_UP = count(1)
"""Every made-up name is made up once: an error about it is about nothing else."""

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
class _Sent:
    """A document as the server has it."""

    uri: str
    text: str
    version: int


@dataclass(frozen=True)
class Patience:
    """How long to wait for a server, in seconds (of `Silence`, where it is about life and death)."""

    lifeless_s: float = 10.0
    """For an answer."""
    starting_s: float = 60.0
    """For the first answer: it may be reading a whole project."""
    verdict_s: float = 2.0
    """For the errors of a text, from a server that sends them when it likes."""
    restart_s: float = 1.0
    """Between two starts."""


class Conversation:
    """`command` is started, or `OSError` raised; `introduce` comes first. `ended` is called when the server is gone."""

    def __init__(
        self, command: list[str], roots: Sequence[str], patience: Patience, ended: Callable[[], None]
    ) -> None:  # fmt: skip
        self._roots, self._patience, self._ended = roots, patience, ended
        self._sent: dict[str, _Sent] = {}
        self._encoding: Encoding = "utf-16"
        self._name = Path(command[0]).name
        self._incremental = self._asks_tsserver = False
        self._heard = threading.Condition()
        self._pulls = False
        self._errors: dict[str, tuple[int | None, Any]] = {}
        self._silent = 0
        self.has_answered = False
        self.client = Client(command, self._notified, self._asked, self._gone)
        self._silence = Silence(self.client.process_id)

    def introduce(self) -> None:
        """Say who we are, and learn what the server can do."""
        asked = self.client.request("initialize", {
            "processId": os.getpid(), "clientInfo": {"name": "fairlead"}, "locale": "en", "capabilities": _CAPABILITIES,
            # With a root of the old kind, typescript-language-server would run the TypeScript that lies in it.
            "rootUri": None, "workspaceFolders": self._folders(), "initializationOptions": _OPTIONS,
        })  # fmt: skip
        answer = self._reply(asked)
        answer = answer if isinstance(answer, dict) else {}
        can = answer.get("capabilities")
        can = can if isinstance(can, dict) else {}
        info = answer.get("serverInfo")
        self._name = (string(info.get("name")) if isinstance(info, dict) else "") or self._name
        encoding = can.get("positionEncoding")
        if encoding in ("utf-8", "utf-16", "utf-32"):
            self._encoding = encoding
        sync = can.get("textDocumentSync")
        self._incremental = (sync.get("change") if isinstance(sync, dict) else sync) == 2
        self._pulls |= isinstance(can.get("diagnosticProvider"), dict)
        commands = can.get("executeCommandProvider")
        known = commands.get("commands") if isinstance(commands, dict) else None
        self._asks_tsserver = isinstance(known, list) and _TSSERVER in known
        self.client.notify("initialized", {})

    def show(self, document: Document) -> None:
        """Let the server read a document."""
        self._show(document.path, tame(document.text))

    def close(self, path: str) -> None:
        """Take a document back."""
        sent = self._sent.pop(path, None)
        if sent is not None:
            self._errors.pop(unquote(sent.uri), None)
            self.client.notify("textDocument/didClose", {"textDocument": {"uri": sent.uri}})

    # Questions. With the answer comes whether it is worth keeping.

    def members(self, document: Document, dot: int) -> tuple[Members, bool]:
        """What may follow the dot that ends at `dot`; closed, if the server says that a made-up name is wrong there."""
        language = language_of(document.path)
        text = tame(document.text)
        end = language.place(text, dot).end
        made_up = f"fairlead{next(_MADE_UP)}x"
        sent = self._show(document.path, text[:dot] + made_up + text[end:])
        asked = self._complete(sent, dot)
        errors = self._pull(sent)
        found = self._listed(document, sent, dot, asked)
        refuted, known = self._refuted(sent, made_up, errors)
        if found.words and known:
            # clangd lists the words of the text until it has read the includes; by now it has.
            found = self._listed(document, sent, dot, self._complete(sent, dot))
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
            if self._silent < _SILENT:  # else it never says, and the place is open for good
                return Members(members, False, reason, receiver, found.extra_names, silence="late"), False
        elif refuted is None:
            reason = f"{self._name} finds nothing wrong with a name that was made up"
        else:
            reason = f"{self._name} lists {len(names)} members and calls any other name an error"
            return Members(members, True, reason, receiver, found.extra_names), True
        return Members(members, False, reason, receiver, found.extra_names), known and not found.words

    def names(self, document: Document, offset: int) -> tuple[Members, bool]:
        """Bare names that may stand at `offset`; open."""
        language = language_of(document.path)
        text = tame(document.text)
        typed = language.place(text, offset).typed
        sent = self._show(document.path, text)
        found = self._listed(document, sent, offset, self._complete(sent, offset))
        names = tuple(member for member in found.members if member.name.startswith(typed))
        return Members(names, False, f"names in scope, from {self._name}"), not found.words

    def signatures(self, document: Document, offset: int) -> tuple[Signatures, bool]:
        """Known, when a made-up keyword argument is called an error. (Of overloads, pyright does not say which.)"""
        text = tame(document.text)
        made_up = f"fairlead{next(_MADE_UP)}x"
        behind = "" if text[offset:].lstrip(" \t")[:1] in ("", ")", "\r", "\n") else ", "
        sent = self._show(document.path, f"{text[:offset]}{made_up}=0{behind}{text[offset:]}")
        asked = self.client.request("textDocument/signatureHelp", self._at(sent, offset))
        errors = self._pull(sent)
        found = overloads(self._reply(asked))
        refuted, known = self._refuted(sent, made_up, errors, parameter=True)
        if not found:
            return Signatures(reason=f"{self._name} knows no signature here"), known
        if refuted is None:
            return Signatures(found, False, f"{self._name} finds nothing wrong with an argument that was made up"), known
        return Signatures(found, True, f"{self._name} calls any other argument an error"), True

    def describe(self, document: Document, offset: int, name: str) -> Description | None:
        """The name at `offset`, or what `name` would be if it were written there."""
        language = language_of(document.path)
        text = tame(document.text)
        here = language.place(text, offset)
        begin = offset - len(here.typed)
        word = name or text[begin:here.end]
        if not word:
            return None
        sent = self._show(document.path, text[:begin] + word + text[here.end:])
        asked = self.client.request("textDocument/hover", self._at(sent, begin))
        signature, documentation, kind = hovered(self._reply(asked))
        if name and not signature:
            # clangd has nothing to say of a method that is not called.
            found = self._reply(self._complete(sent, begin))
            signature, documentation = item_named(found, name, language)
        if not signature and not documentation:
            return None
        return Description(word, kind, signature, documentation, start=begin, end=here.end)

    def _show(self, path: str, text: str) -> _Sent:
        """Make `text` what the server has for this document."""
        sent = self._sent.get(path)
        if sent is None:
            sent = self._sent[path] = _Sent(_uri(path), text, 1)
            self.client.notify("textDocument/didOpen", {"textDocument": {
                "uri": sent.uri, "languageId": language_of(path).id, "version": 1, "text": text,
            }})  # fmt: skip
        elif sent.text != text:
            edit = change(sent.text, text, self._encoding) if self._incremental else {"text": text}
            sent.text, sent.version = text, sent.version + 1
            self.client.notify("textDocument/didChange", {
                "textDocument": {"uri": sent.uri, "version": sent.version}, "contentChanges": [edit],
            })  # fmt: skip
        return sent

    def _at(self, sent: _Sent, offset: int) -> dict[str, Any]:
        return {"textDocument": {"uri": sent.uri}, "position": position(sent.text, offset, self._encoding)}

    def _complete(self, sent: _Sent, offset: int) -> Future[Any]:
        # Asked as one asks for the rest of an incomplete list: pyright calls every other first list incomplete.
        return self.client.request("textDocument/completion", self._at(sent, offset) | {"context": {"triggerKind": 3}})

    def _listed(self, document: Document, sent: _Sent, offset: int, asked: Future[Any]) -> Listed:
        language = language_of(document.path)
        found = listed(self._reply(asked), language)
        for _ in range(2):
            if found.complete or not found.members:
                break
            found = listed(self._reply(self._complete(sent, offset)), language)
        return found

    def _reply(self, asked: Future[Any]) -> Any:
        """What was answered. Raises `AnalysisDown` when the server dies, or takes too long."""
        limit_s = self._patience.lifeless_s if self.has_answered else self._patience.starting_s
        asked_at = time.monotonic()
        while True:
            try:
                result = asked.result(_LOOK_EVERY_S)
                break
            except FutureTimeout:
                if lifeless := self._silence.verdict(asked_at, limit_s):
                    raise AnalysisDown(f"it {lifeless}") from None
        if result is None and not self.client.alive():
            raise AnalysisDown(self.client.epitaph())
        return result

    # Errors: sent by the server when it likes, or asked for where it can be asked

    def _pull(self, sent: _Sent) -> Future[Any] | None:
        if self._pulls:
            return self.client.request("textDocument/diagnostic", {"textDocument": {"uri": sent.uri}})
        if self._asks_tsserver:
            arguments = ["semanticDiagnosticsSync", {"file": sent.uri}]
            return self.client.request("workspace/executeCommand", {"command": _TSSERVER, "arguments": arguments})
        return None

    def _refuted(
        self, sent: _Sent, name: str, asked: Future[Any] | None, parameter: bool = False
    ) -> tuple[str | None, bool]:  # fmt: skip
        """The error that says that `name` does not exist, if there is one; and whether the server has said so at all."""
        if asked is None:
            message, known = self._pushed(sent, name, parameter)
            asked = self._pull(sent) if not known else None
            if asked is None:
                return message, known
        report = self._reply(asked)
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

    def _pushed(self, sent: _Sent, name: str, parameter: bool) -> tuple[str | None, bool]:
        until = time.monotonic() + (self._patience.verdict_s if self._silent < _SILENT else 0.0)
        with self._heard:
            while True:
                version, errors = self._errors.get(unquote(sent.uri), (None, None))
                message = refutation(errors, name, parameter)
                if message is not None or version == sent.version:
                    self._silent = 0
                    return message, True
                left_s = until - time.monotonic()
                if self._pulls or not self.client.alive():
                    return None, False
                if left_s <= 0:
                    self._silent += 1
                    return None, False
                self._heard.wait(left_s)

    # What the server tells and asks us, on the reading thread

    def _notified(self, method: str, params: Any) -> None:
        if method == "textDocument/publishDiagnostics" and isinstance(params, dict):
            version = params.get("version")
            with self._heard:
                key = unquote(string(params.get("uri")))
                self._errors[key] = (version if isinstance(version, int) else None, params.get("diagnostics"))
                self._silent = 0
                self._heard.notify_all()

    def _asked(self, method: str, params: Any) -> Any:
        if method == "workspace/configuration":
            items = params.get("items") if isinstance(params, dict) else None
            return [_setting(string(item.get("section"))) for item in dicts(items)]
        if method == "client/registerCapability":
            registered = params.get("registrations") if isinstance(params, dict) else None
            if any(item.get("method") == "textDocument/diagnostic" for item in dicts(registered)):
                with self._heard:
                    self._pulls = True
                    self._heard.notify_all()
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

    def _folders(self) -> list[dict[str, str]]:
        return [{"uri": _uri(root), "name": Path(root).name} for root in self._roots]

    def _gone(self) -> None:
        with self._heard:
            self._heard.notify_all()
        self._ended()


def _uri(path: str) -> str:
    return Path(path).as_uri() if os.path.isabs(path) else path if ":" in path else f"untitled:{path}"


def _setting(section: str) -> Any:
    """What we have to say about a section of a server's settings, "python.analysis" for one; mostly nothing."""
    value: Any = _SETTINGS
    for part in section.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value
