"""A language server that behaves as its arguments say; run as a program. It knows one type and no language.

    fake_server.py LOG [MODE...]

Behind `thing.` are `alpha`, `beta` and `gamma`, and it refutes every other name there; behind `other.` is `known`, and
any name is right. What it receives is appended to LOG, one JSON object a line.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from typing import Any

LOG, MODES = sys.argv[1], set(sys.argv[2:])
IN, OUT = sys.stdin.buffer, sys.stdout.buffer
TEXTS: dict[str, tuple[int, str]] = {}
COMPLETIONS = 0
ANSWERS: dict[Any, Any] = {}


def send(message: dict[str, Any]) -> None:
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    OUT.write(b"Content-Length: %d\r\nContent-Type: application/x; charset=utf-8\r\n\r\n%s" % (len(body), body))
    OUT.flush()


def receive() -> dict[str, Any]:
    length = 0
    while line := IN.readline().strip():
        length = int(line.split(b":")[1])
    if not length:
        sys.exit(0)
    message: dict[str, Any] = json.loads(IN.read(length))
    with open(LOG, "a", encoding="utf-8") as log:
        log.write(json.dumps(message) + "\n")
    return message


def offset(text: str, position: dict[str, int]) -> int:
    lines = text.split("\n")
    head = lines[position["line"]].encode("utf-16-le")[: 2 * position["character"]].decode("utf-16-le")
    return sum(len(line) + 1 for line in lines[: position["line"]]) + len(head)


def changed(uri: str, version: int, changes: list[dict[str, Any]]) -> None:
    text = TEXTS[uri][1]
    for change in changes:
        if "range" in change:
            begin, end = offset(text, change["range"]["start"]), offset(text, change["range"]["end"])
            text = text[:begin] + change["text"] + text[end:]
        else:
            text = change["text"]
    TEXTS[uri] = version, text


def errors(text: str) -> list[dict[str, Any]]:
    found = []
    for match in re.finditer(r"thing\.(\w+)", text):
        if match[1] not in ("alpha", "beta", "gamma"):
            message = f"No member named '{match[1]}' in 'Thing'"
            if "unknown-type" in MODES:
                message = f"Type of '{match[1]}' is unknown"
            found.append({"severity": 2 if "warns" in MODES else 1, "message": message, "range": None})
    return found


def publish(uri: str) -> None:
    if MODES & {"mute", "pull", "registers"}:
        return
    version, text = TEXTS[uri]
    params: dict[str, Any] = {"uri": uri, "diagnostics": errors(text)}
    if "no-version" not in MODES:
        params["version"] = version
    send({"method": "textDocument/publishDiagnostics", "params": params})


def completion(params: dict[str, Any]) -> Any:
    global COMPLETIONS
    COMPLETIONS += 1
    text = TEXTS[params["textDocument"]["uri"]][1]
    before = text[: offset(text, params["position"])]
    names = ["beta", "alpha", "gamma"] if before.endswith("thing.") else ["known"] if before.endswith("other.") else []
    if not before.endswith("."):
        names = ["thing", "other", "think"]
    items: list[Any] = [{"label": f" {name}(int x)", "insertText": name, "kind": 2, "detail": "int"} for name in names]
    items.append({"label": "if", "kind": 14})
    if "words" in MODES or ("words-first" in MODES and COMPLETIONS == 1):
        items.append({"label": "word", "kind": 1})
    if "lies" in MODES:
        items += [None, 7, {"label": 3}, {"label": "x y z", "textEdit": []}, {"kind": "no", "label": "alpha"}, {}]
    incomplete = "incomplete" in MODES or ("first-incomplete" in MODES and COMPLETIONS % 2 == 1)
    return {"isIncomplete": incomplete, "items": items}


def hover(params: dict[str, Any]) -> Any:
    text = TEXTS[params["textDocument"]["uri"]][1]
    begin = offset(text, params["position"])
    name = re.match(r"\w*", text[begin:])
    word = name[0] if name else ""
    if word == "gamma":
        return None
    lie = {"start": {"line": 10**9, "character": -4}, "end": "never"}
    return {"contents": {"kind": "markdown", "value": f"```c\nint {word}(int x)\n```\n---\nWhat `{word}` does."}, "range": lie}


def answer(method: str, params: Any) -> Any:
    if method == "initialize":
        options: dict[str, Any] = {"capabilities": {"textDocumentSync": 1 if "whole" in MODES else {"change": 2}}}
        if "pull" in MODES:
            options["capabilities"]["diagnosticProvider"] = {}
        if "lies" in MODES:
            options |= {"serverInfo": 4}
            options["capabilities"] |= {"positionEncoding": "ebcdic", "executeCommandProvider": {"commands": 3}}
        else:
            options |= {"serverInfo": {"name": "fake"}}
        return options
    if method == "textDocument/completion":
        return completion(params)
    if method == "textDocument/hover":
        return hover(params)
    if method == "textDocument/diagnostic":
        return {"kind": "full", "items": errors(TEXTS[params["textDocument"]["uri"]][1])}
    return None


def once(mode: str) -> bool:
    """Whether to misbehave: always, or the first time only, remembered beside the log."""
    if mode in MODES:
        return True
    mark = f"{LOG}.{mode}"
    if f"{mode}-once" in MODES and not os.path.exists(mark):
        open(mark, "w").close()
        return True
    return False


def lie() -> None:
    OUT.write(b"Warning: something on the wrong stream\n\n")
    OUT.write(b"Content-Length: 9\r\n\r\nnot json!")
    send({"id": 99999, "result": {}})
    send({"id": "text", "result": {}})
    send({"method": 5, "params": []})
    send({"method": "textDocument/publishDiagnostics", "params": [1]})
    send({"method": "textDocument/publishDiagnostics", "params": {"uri": 3, "version": "x", "diagnostics": {"a": 1}}})
    send({"method": "no/such", "id": "a", "params": None})
    send({"method": "workspace/configuration", "id": "b", "params": {"items": "none"}})
    send({"method": "client/registerCapability", "id": "c", "params": [{}]})
    OUT.write(b"Content-Length: 2\r\n\r\n[]")
    OUT.flush()


def main() -> None:
    if "ends-at-once" in MODES:
        sys.exit(3)
    if "helper" in MODES:
        child = subprocess.Popen([sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)"])
        with open(f"{LOG}.helper", "w") as file:
            file.write(str(child.pid))
    while True:
        message = receive()
        method, identity = message.get("method"), message.get("id")
        params: Any = message.get("params")
        if method is None:
            ANSWERS[identity] = message.get("result", message.get("error"))
            continue
        if "lies" in MODES:
            lie()
        if method == "textDocument/completion":
            if once("dies"):
                os._exit(7)
            if once("hangs"):
                time.sleep(600)
            if "null" in MODES:
                send({"id": identity, "result": None})
                continue
            if "refuses" in MODES:
                send({"id": identity, "error": {"code": -32801, "message": "content modified"}})
                continue
        if method == "textDocument/didOpen":
            document = params["textDocument"]
            TEXTS[document["uri"]] = document["version"], document["text"]
            publish(document["uri"])
        elif method == "textDocument/didChange":
            changed(params["textDocument"]["uri"], params["textDocument"]["version"], params["contentChanges"])
            publish(params["textDocument"]["uri"])
        elif method == "initialized" and "registers" in MODES:
            registration = {"id": "1", "method": "textDocument/diagnostic"}
            send({"id": "r", "method": "client/registerCapability", "params": {"registrations": [registration]}})
        elif method == "initialized" and "asks" in MODES:
            items = [{"section": "python.analysis"}, {"section": "nobody"}, {}]
            send({"id": "q1", "method": "workspace/configuration", "params": {"items": items}})
            send({"id": "q2", "method": "window/workDoneProgress/create", "params": {"token": 1}})
            send({"id": "q3", "method": "workspace/applyEdit", "params": {"edit": {}}})
            send({"id": "q4", "method": "workspace/workspaceFolders"})
            send({"id": "q5", "method": "made/up"})
        elif method == "exit" and "stubborn" not in MODES:
            sys.exit(0)
        elif identity is not None:
            send({"id": identity, "result": answer(method, params)})


if __name__ == "__main__":
    main()
