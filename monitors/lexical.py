"""Which parts of a text are code and which are comments and strings, for text that need not be valid.

tree-sitter takes the inside of an unclosed string for code, and a person who is typing a string has not closed it yet;
so strings and comments are found here, by Python's own lexical rules. A scan resumes where the last one of a
nearly equal text left off: a keystroke in a file of 20,000 lines costs little.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import AnyStr, Literal

from .running import Lexer

Where = Literal["code", "comment", "string", "number"]

_START = re.compile(r"""\#|(?<!\w)[A-Za-z]{1,2}(?=['"])|['"]""")
_PREFIX = re.compile(r"(?i)(?:r|u|b|f|t|br|rb|fr|rf|tr|rt)\Z")
_COMMENT_END = re.compile(r"[\r\n]|\Z")
_CLOSE = {
    "'": re.compile(r"(?:[^'\\\r\n]|\\(?:\r\n|[\s\S]))*"),
    '"': re.compile(r'(?:[^"\\\r\n]|\\(?:\r\n|[\s\S]))*'),
    "'''": re.compile(r"(?:[^'\\]|\\[\s\S]|'(?!''))*"),
    '"""': re.compile(r'(?:[^"\\]|\\[\s\S]|"(?!""))*'),
}


@dataclass(frozen=True)
class Span:
    """A comment or a string, delimiters included. `formatted` strings have code inside."""

    start: int
    end: int
    kind: Literal["comment", "string"]
    formatted: bool = False
    closed: bool = True


@dataclass(frozen=True)
class Scan:
    """The comments and strings of one text, in order."""

    text: str
    spans: tuple[Span, ...]
    starts: tuple[int, ...]

    def span_at(self, offset: int) -> Span | None:
        """The comment or string that the position `offset` is in: text written there would become part of it."""
        index = bisect_right(self.starts, offset) - 1
        if index < 0:
            return None
        span = self.spans[index]
        if span.start == offset:
            return None
        inside = offset < span.end or (offset == span.end and (span.kind == "comment" or not span.closed))
        return span if inside else None

    def lexer_at(self, offset: int) -> Lexer:
        """The running lexer at `offset`, as if it had read the whole text."""
        span = self.span_at(offset)
        if span is not None:
            return Lexer().run(self.text[span.start:offset])
        line = line_start(self.text, offset)
        for _ in range(20):
            if line == 0 or self.text[line:offset].strip():
                break
            # A bracket may be open: what a dot on this line belongs to may stand on the one before.
            line = line_start(self.text, line - 1)
        inside = self.span_at(line)
        if inside is not None:
            # The line begins in a string that spans lines; what follows it is no first word.
            return Lexer(before="string", first=False).run(self.text[inside.end:offset])
        return Lexer().run(self.text[line:offset])

    def where(self, offset: int) -> Where:
        """What kind of text is written at `offset`. A replacement field of an f-string is code."""
        span = self.span_at(offset)
        if span is None:
            return "number" if ends_in_number(self.text, offset) else "code"
        if span.kind == "comment":
            return "comment"
        if span.formatted and self.lexer_at(offset).code:
            return "code"
        return "string"

    def code_before(self, offset: int, start: int) -> str:
        """`text[start:offset]` with comments and the inside of strings blanked out: same length, same lines."""
        pieces: list[str] = []
        at = start
        for index in range(max(0, bisect_right(self.starts, start) - 1), len(self.spans)):
            span = self.spans[index]
            if span.start >= offset:
                break
            if span.end <= at:
                continue
            begin, end = max(span.start, at), min(span.end, offset)
            pieces += [self.text[at:begin], _blank(self.text[begin:end], span.kind)]
            at = end
        return "".join(pieces) + self.text[at:offset]


def line_start(text: str, offset: int) -> int:
    """Where the line of an offset begins; \\n, \\r\\n and a lone \\r end a line."""
    return max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1


def line_end(text: str, offset: int) -> int:
    """Where the line of an offset ends, before its newline; the end of the text where it has none."""
    return min((at for at in (text.find("\n", offset), text.find("\r", offset)) if at >= 0), default=len(text))


_NOT_NEWLINE = re.compile(r"[^\r\n]")


def _blank(text: str, kind: str) -> str:
    return _NOT_NEWLINE.sub(" " if kind == "comment" else '"', text)


def ends_in_number(text: str, offset: int) -> bool:
    """Whether the position is right behind (or in) a numeric literal, `3.` included."""
    start = offset
    while start > 0 and (text[start - 1] in "_." or text[start - 1].isalnum()):
        start -= 1
        if offset - start > 64:
            return False
    word = text[start:offset]
    return bool(re.match(r"(?:\d[\d_]*(?:\.[\d_]*)?|0[xXoObB][\da-fA-F_]*|\.\d[\d_]*)(?:[eE]?\d*[jJ]?)\Z", word))


def scan(text: str) -> Scan:
    """The comments and strings of `text`; the last few are remembered."""
    for known in _recent:
        if known.text is text or (len(known.text) == len(text) and known.text == text):
            return known
    spans: list[Span] = []
    at = 0
    if _recent:
        last = _recent[0]
        common = common_prefix(last.text, text)
        # Three characters of leave: `""` may become `\"""`, and a prefix letter belongs to the quote behind it.
        keep = bisect_right([span.end for span in last.spans[-64:]], common - 3) if len(last.spans) <= 64 else None
        if keep is None:
            low, high = 0, len(last.spans)
            while low < high:
                middle = (low + high) // 2
                if last.spans[middle].end <= common - 3:
                    low = middle + 1
                else:
                    high = middle
            keep = low
        spans = list(last.spans[:keep])
        at = spans[-1].end if spans else 0
    _scan_from(text, at, spans)
    result = Scan(text, tuple(spans), tuple(span.start for span in spans))
    _recent.insert(0, result)
    del _recent[4:]
    return result


_recent: list[Scan] = []


def code_of(text: str) -> str:
    """`text` with comments and the inside of strings blanked out; for parts of a document, which push nothing out of
    what `scan` remembers."""
    spans: list[Span] = []
    _scan_from(text, 0, spans)
    return Scan(text, tuple(spans), tuple(span.start for span in spans)).code_before(len(text), 0)


def common_prefix(a: AnyStr, b: AnyStr) -> int:
    """How many characters (or bytes) `a` and `b` begin with in common; a few comparisons of slices, not one per character."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def common_suffix(a: AnyStr, b: AnyStr, limit: int) -> int:
    """How many of their last `limit` characters (or bytes) are the same; neither may be shorter than `limit`."""
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        if a[len(a) - middle:len(a) - low] == b[len(b) - middle:len(b) - low]:
            low = middle
        else:
            high = middle - 1
    return low


def _scan_from(text: str, at: int, spans: list[Span]) -> None:
    while True:
        match = _START.search(text, at)
        if match is None:
            return
        start, token = match.start(), match.group()
        if token == "#":
            end = _COMMENT_END.search(text, start)
            assert end is not None  # \Z always matches
            spans.append(Span(start, end.start(), "comment"))
            at = end.start()
            continue
        prefix = "" if token in "'\"" else token
        if prefix and not _PREFIX.match(prefix):
            at = match.end()
            continue
        span = _string(text, start, prefix)
        spans.append(span)
        at = span.end


def _string(text: str, start: int, prefix: str) -> Span:
    begin = start + len(prefix)
    quote = text[begin]
    delimiter = quote * 3 if text.startswith(quote * 3, begin) else quote
    if any(letter in "fFtT" for letter in prefix):
        return _formatted(text, start)
    body = _CLOSE[delimiter].match(text, begin + len(delimiter))
    assert body is not None  # may match nothing
    closed = text.startswith(delimiter, body.end())
    return Span(start, body.end() + (len(delimiter) if closed else 0), "string", closed=closed)


def _formatted(text: str, start: int) -> Span:
    """The extent of an f-string, nested quotes of any kind allowed, read by the running lexer."""
    lexer = Lexer()
    entered = False
    for offset in range(start, len(text)):
        lexer = lexer.step(text[offset])
        if lexer.frames:
            entered = True
        elif entered:
            closed = lexer.before == "string"
            return Span(start, offset + 1 if closed else offset, "string", True, closed)
        elif not lexer.opening and lexer.before == "string":
            return Span(start, offset, "string", True, True)  # an empty one: f"" and one more character
    return Span(start, len(text), "string", True, len(lexer.opening) == 2)
