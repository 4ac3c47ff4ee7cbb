"""The server with a listener in between, which asks it for the hash of its text after each change.

    teed_server.py LOG [--deaf N] SERVER [ARGUMENT …]

Each answer is a line of LOG: {"uri", "version", "length", "sha1"}. The editor sees none of it. With `--deaf N` every Nth
change is kept from the server, so that its text is another than the editor's: what compares the two must notice.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import IO, Any

CHANGES = ("textDocument/didOpen", "textDocument/didChange")
OURS = "tee-"


def frames(stream: IO[bytes]) -> Iterator[bytes]:
    """The bodies of the messages of a stream."""
    length = 0
    for line in iter(stream.readline, b""):
        if line.strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        else:
            yield stream.read(length)


def send(stream: IO[bytes], body: bytes) -> None:
    stream.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    stream.flush()


def to_server(server: IO[bytes], asked: dict[str, str], deaf: int) -> None:
    """What the editor says, with our questions after what changes a text."""
    changes = 0
    for body in frames(sys.stdin.buffer):
        message: dict[str, Any] = json.loads(body)
        method = message.get("method")
        changes += method == CHANGES[1]
        if not (deaf and method == CHANGES[1] and changes % deaf == 0):
            send(server, body)
        if method in CHANGES:
            uri, identity = message["params"]["textDocument"]["uri"], f"{OURS}{len(asked)}"
            asked[identity] = uri
            question = {"jsonrpc": "2.0", "id": identity, "method": "fairlead/textHash", "params": {"uri": uri}}
            send(server, json.dumps(question).encode())
    server.close()


def main() -> int:
    log, *command = sys.argv[1:]
    deaf = 0
    if command[0] == "--deaf":
        deaf, command = int(command[1]), command[2:]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin is not None  # Popen was given pipes
        assert server.stdout is not None
        asked: dict[str, str] = {}
        threading.Thread(target=to_server, args=(server.stdin, asked, deaf), daemon=True).start()
        with open(log, "a", encoding="utf-8") as lines:
            for body in frames(server.stdout):
                message = json.loads(body)
                identity = message.get("id")
                if isinstance(identity, str) and identity.startswith(OURS):
                    lines.write(json.dumps({"uri": asked[identity], **(message.get("result") or {})}) + "\n")
                    lines.flush()
                else:
                    send(sys.stdout.buffer, body)
        return server.wait()


if __name__ == "__main__":
    sys.exit(main())
