"""Import statements as text: what is being imported at a cursor, and which star imports there are."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .lexical import line_start, scan
from .statements import statement_start

_STAR = re.compile(r"^[ \t]*from[ \t]*(\.*[ \t]*[\w.]*)[ \t]+import[ \t]*\(?[ \t]*\*", re.M)
_STATEMENT = re.compile(r"(?:^|[;:])\s*(import|from)(?!\w)")
_MODULE = re.compile(r"\s*((?:[^\W\d]\w*\s*\.\s*)*)([^\W\d]\w*)?\Z")
_FROM = re.compile(r"\s*([.\s]*)((?:[^\W\d]\w*\s*\.\s*)*)([^\W\d]\w*)?\Z")
_NAMES = re.compile(r"\s*([.\s]*)([^\W\d]\w*(?:\s*\.\s*[^\W\d]\w*)*)?\s*\bimport\b\s*\(?(.*)\Z", re.S)
_LAST = re.compile(r"(?:.*,)?\s*([^\W\d]\w*)?\Z", re.S)


@dataclass(frozen=True)
class ImportPlace:
    """Where a module or a name is being imported: from `module` ("a.b", "..p", "" for the top level).

    With `submodules` only modules can be meant. `begin` is where the half-typed name begins.
    """

    module: str
    submodules: bool
    begin: int


def import_place(text: str, offset: int) -> ImportPlace | None:
    """The import at the cursor; None where no name is being imported (behind `as`, or no import statement at all)."""
    start = statement_start(text, offset)
    if start is None:
        return None
    code = re.sub(r"\\\r?\n", "  ", scan(text).code_before(offset, start))
    statements = list(_STATEMENT.finditer(code))
    if not statements:
        return None
    found = statements[-1]
    keyword, rest = found.group(1), code[found.end():]
    if rest[:1] not in (" ", "\t", ".", "\f"):
        return None
    if keyword == "import":
        item = rest.rpartition(",")[2]
        module = _MODULE.fullmatch(item)
        if module is None:
            return None
        return ImportPlace(_dotted(module.group(1)), True, offset - len(module.group(2) or ""))
    names = _NAMES.fullmatch(rest)
    if names is not None and (names.group(1).strip() or names.group(2)):
        last = _LAST.fullmatch(names.group(3))
        if last is None:
            return None
        module_text = _dotted((names.group(1) or "") + (names.group(2) or ""), keep=True)
        return ImportPlace(module_text, False, offset - len(last.group(1) or ""))
    module = _FROM.fullmatch(rest)
    if module is None:
        return None
    dots = "".join(module.group(1).split())
    return ImportPlace(dots + _dotted(module.group(2)), True, offset - len(module.group(3) or ""))


def _dotted(text: str, keep: bool = False) -> str:
    """Without blanks; without the last dot unless it is `keep`."""
    joined = "".join(text.split())
    return joined if keep else joined.rstrip(".")


def star_imports(text: str) -> tuple[str, ...]:
    """The modules of the star imports, as they are written."""
    if "*" not in text or "import" not in text:
        return ()
    return tuple(dict.fromkeys("".join(found.group(1).split()) for found in _STAR.finditer(text)))


_GUARDS = re.compile(
    r"(?:try|except|else|elif)\b|if\b.*(?:version|platform|os\.name|\bPY_?\d|hexversion|win|linux|darwin|HAVE|HAS)", re.I
)


def guarded(text: str, offset: int) -> bool:
    """Whether the import at `offset` may fail by design: in a `try`, for another platform or version of Python.

    Read off the indentation, for the `except` may not be written yet.
    """
    start = statement_start(text, offset)
    if start is None:
        return True
    indent = _width(text[start:offset])
    at = start
    for _ in range(400):
        if indent == 0 or at == 0:
            return re.match(r"[ \t]*(?:try|else|except\b.*)[ \t]*:", text[start:offset]) is not None
        begin = line_start(text, at - 1)
        line, at = text[begin:at], begin
        bare = line.strip()
        if not bare or bare.startswith("#") or _width(line) >= indent:
            continue
        indent = _width(line)
        if _GUARDS.match(bare):
            return True
        if re.match(r"(?:async\s+)?def\b|class\b", bare):
            return False
    return True


def _width(line: str) -> int:
    return len(line[:len(line) - len(line.lstrip(" \t\f"))].expandtabs())
