"""Types that need no project: where their names are imported from, and what members they have.

Members come from our own interpreter's standard library, which is imported for it; nothing else ever is.
"""

from __future__ import annotations

import builtins
import collections.abc
import importlib
import io
import re
from functools import lru_cache

_MODULES = {
    "typing":
        "Any ClassVar Final Generic IO BinaryIO TextIO Literal NamedTuple Never NoReturn Protocol "
        "SupportsFloat SupportsIndex SupportsInt AnyStr Self TypeVar TypeGuard Concatenate Annotated",
    "collections.abc":
        "Callable AsyncGenerator AsyncIterable AsyncIterator Awaitable Collection Container Coroutine "
        "Generator Hashable ItemsView Iterable Iterator KeysView Mapping MutableMapping MutableSequence "
        "MutableSet Reversible Sequence Sized ValuesView Buffer ByteString MappingView Set",
    "collections": "ChainMap Counter OrderedDict defaultdict deque",
    "pathlib": "Path PurePath PosixPath PurePosixPath",
    "datetime": "date datetime time timedelta timezone tzinfo",
    "decimal": "Decimal",
    "fractions": "Fraction",
    "uuid": "UUID",
    "enum": "Enum IntEnum",
    "re": "Pattern Match",
    "types":
        "CodeType FrameType FunctionType MethodType ModuleType TracebackType SimpleNamespace "
        "MappingProxyType",
    "logging": "Logger LogRecord Handler Formatter",
    "argparse": "ArgumentParser Namespace Action",
    "io": "BytesIO StringIO TextIOWrapper BufferedReader",
    "ssl": "SSLContext SSLSocket",
    "socket": "socket",
    "asyncio": "AbstractEventLoop Future Task Event Queue Lock Semaphore StreamReader StreamWriter",
    "threading": "Thread",
    "os": "PathLike stat_result",
    "random": "Random",
    "contextlib": "AbstractContextManager AbstractAsyncContextManager ExitStack",
    "subprocess": "CompletedProcess Popen",
    "ast": "AST",
    "configparser": "ConfigParser",
    "string": "Template",
    "inspect": "Signature Parameter",
    "email.message": "Message",
    "http.client": "HTTPResponse",
    "zipfile": "ZipFile",
    "concurrent.futures": "Executor ThreadPoolExecutor",
    "contextvars": "Context ContextVar",
    "functools": "partial",
    "dataclasses": "Field",
    "ipaddress": "IPv4Address IPv6Address",
    "textwrap": "TextWrapper",
    "tempfile": "TemporaryDirectory",
    "warnings": "WarningMessage",
    "weakref": "ReferenceType WeakSet",
    "array": "array",
    "sqlite3": "Connection Cursor Row",
}  # fmt: skip
HOMES: dict[str, str] = {name: module for module, names in _MODULES.items() for name in names.split()}
"""The module that a name of the standard library is imported from."""

COMMON_WORDS = frozenset({
    "Action", "Connection", "Context", "Cursor", "Event", "Executor", "Field", "Formatter", "Future", "Handler", "Lock",
    "Message", "Parameter", "Process", "Queue", "Row", "Signature", "Task", "Template",
})  # fmt: skip
"""Names of the standard library that many a project has for classes of its own."""

_SHOWN_AS = {
    "IO": io.TextIOWrapper, "TextIO": io.TextIOWrapper, "BinaryIO": io.BufferedReader, "Callable": type(lambda: None),
    "Self": None, "Any": None, "Literal": None, "TypeVar": None, "Hashable": None, "Protocol": None, "type": None,
    "AnyStr": str, "None": type(None), "Never": None, "NoReturn": None, "Generic": None, "Annotated": None,
}  # fmt: skip
"""Classes whose members stand for a type's; None where any attribute may be right."""

_IDENTIFIER = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")


def head(text: str) -> str:
    """The outermost name of a type: "dict" of `dict[str, int]`."""
    return text.split("[")[0].strip()


def names(text: str) -> list[str]:
    """Every name in a type text, outermost first, each once."""
    return list(dict.fromkeys(_IDENTIFIER.findall(re.sub(r"\[\.\.\.|\.\.\.", "", text))))


def replaced(text: str, old: str, new: str) -> str:
    """The type with one name for another."""
    return re.sub(rf"(?<![\w.]){re.escape(old)}(?![\w.])", new.replace("\\", ""), text)


def is_builtin(name: str) -> bool:
    """Whether a name needs no import."""
    return hasattr(builtins, name) or name == "None"


@lru_cache(maxsize=2000)
def members(text: str) -> frozenset[str] | None:
    """The attributes of a value of this type, of a union those of any of it; None where they are not known."""
    found: set[str] = set()
    for part in split_union(text):
        inner = _of_name(head(part))
        if inner is None:
            return None
        found |= inner
    return frozenset(found)


def split_union(text: str) -> list[str]:
    """The parts of a union that stand at its outermost level."""
    parts, depth, begin = [], 0, 0
    for at, character in enumerate(text):
        depth += (character == "[") - (character == "]")
        if character == "|" and depth == 0:
            parts.append(text[begin:at].strip())
            begin = at + 1
    return [*parts, text[begin:].strip()]


def _of_name(name: str) -> frozenset[str] | None:
    if name in _SHOWN_AS:
        shown = _SHOWN_AS[name]
        return frozenset(dir(shown)) if shown is not None else None
    if name == "Exception" or name == "BaseException":
        return None  # subclasses are what is caught
    cls = getattr(builtins, name, None)
    if isinstance(cls, type):
        return frozenset(dir(cls))
    cls = getattr(collections.abc, name, None)
    if cls is None and name in HOMES:
        try:
            cls = getattr(importlib.import_module(HOMES[name]), name, None)
        except ImportError:
            return None
    return frozenset(dir(cls)) if isinstance(cls, type) else None
