"""The protocols of the standard library, as the data a user would write. See `protocols` for what the keys mean.

A state refuses only what raises in it, always: tests call each.
"""

from __future__ import annotations

from typing import Any

_READ = ["read", "readline", "readlines"]
_WRITE = ["write", "writelines", "truncate"]
_BOTH = ["flush", "seek", "tell", "isatty", "fileno"]
_ENDS = {"close": "closed", "__exit__": "closed", "detach": "?"}
_MODES = {
    "r": "reading", "rt": "reading", "rb": "reading", "br": "reading",
    "w": "writing", "wt": "writing", "wb": "writing", "bw": "writing",
    "a": "writing", "at": "writing", "ab": "writing", "x": "writing", "xt": "writing", "xb": "writing",
}  # fmt: skip
_OPENED = {"position": 1, "keyword": "mode", "absent": "reading", "values": _MODES, "otherwise": "open"}
_SOCKET = [
    "accept", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen", "recv", "recv_into", "recvfrom",
    "recvfrom_into", "send", "sendall", "sendto", "setsockopt", "shutdown",
]  # fmt: skip
_SQLITE = [
    "backup", "commit", "create_aggregate", "create_collation", "create_function", "cursor", "execute", "executemany",
    "executescript", "rollback", "set_authorizer", "set_progress_handler", "set_trace_callback",
]  # fmt: skip

STANDARD: dict[str, dict[str, Any]] = {
    "io.IOBase": {
        "called": "file",
        "created": {
            "builtins.open": _OPENED, "io.open": _OPENED, "os.fdopen": _OPENED,
            "pathlib.Path().open": {**_OPENED, "position": 0}, ".open": {**_OPENED, "position": 0},
        },
        "types": ["TextIOWrapper", "BufferedReader", "BufferedWriter"],
        "unless": ["opener"],
        "with_self": True,
        "final": ["closed"],
        "states": {
            "open": {"legal": [*_READ, *_WRITE, *_BOTH], "leads": _ENDS},
            "reading": {"legal": [*_READ, *_BOTH], "leads": _ENDS},
            "writing": {"legal": [*_WRITE, *_BOTH], "leads": _ENDS},
            "closed": {"leads": {"close": "closed", "__exit__": "closed"}},
        },
    },
    "socket.socket": {
        "called": "socket",
        "start": "open",
        "created": {"socket.create_connection": "open", "socket.create_server": "open"},
        "with_self": True,
        "states": {
            # A file made of it keeps it open: close() is then none.
            "open": {"legal": _SOCKET, "leads": {
                "close": "closed", "__exit__": "closed", "detach": "closed", "makefile": "?",
            }},
            "closed": {"legal": ["makefile"], "leads": {"close": "closed", "__exit__": "closed", "detach": "closed"}},
        },
        "final": ["closed"],
    },
    "sqlite3.Connection": {
        "called": "connection",
        "created": {"sqlite3.connect": "open", "sqlite3.dbapi2.connect": "open"},
        "unless": ["factory"],
        # `with connection:` ends a transaction, and leaves it open.
        "with_self": True,
        "final": ["closed"],
        "states": {
            "open": {"legal": _SQLITE, "leads": {"close": "closed"}},
            "closed": {"leads": {"close": "closed"}},
        },
    },
    "threading.Lock": {
        "called": "lock",
        "start": "unlocked",
        "states": {
            # acquire() may give up: where it has a timeout, or does not block.
            "unlocked": {"leads": {"acquire": ["locked", "unlocked"], "__enter__": "locked"}},
            "locked": {"legal": ["acquire", "__enter__"], "leads": {"release": "unlocked", "__exit__": "unlocked"}},
        },
    },
    "subprocess.Popen": {
        "called": "process",
        # Nothing raises for certain: kill() after the end is quietly ignored, communicate() depends on the pipes.
        "start": "running",
        "with_self": True,
        "states": {
            "running": {
                "legal": ["poll", "send_signal", "terminate", "kill"],
                "leads": {"wait": "ended", "communicate": "ended", "__exit__": "ended"},
            },
            "ended": {
                "legal": ["poll", "wait", "communicate", "send_signal", "terminate", "kill"],
                "leads": {"__exit__": "ended"},
            },
        },
    },
    "threading.Thread": {
        "called": "thread",
        "start": "new",
        "created": {"threading.Timer": "new"},
        "final": ["started"],
        "states": {
            "new": {"leads": {"start": "started"}},
            "started": {"legal": ["join"]},
        },
    },
}
