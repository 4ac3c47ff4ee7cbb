"""Stepping `Words` through text: what each word and sign makes of those before it."""

from __future__ import annotations

import keyword
from dataclasses import replace
from functools import lru_cache

from .running import Lexer
from .words import Held, Kind, Level, Role, Slot, Use, Words

_OPENERS, _CLOSERS = "([{", ")]}"
_SOFT = frozenset({"match", "case", "type"})
_BLOCKS = frozenset({"if", "elif", "else", "while", "for", "with", "try", "except", "finally", "def", "class"})
_MAGIC = frozenset({"exec", "globals", "locals", "vars"})
_PREFIXES = frozenset({"r", "u", "b", "f", "t", "br", "rb", "fr", "rf", "tr", "rt"})
_KEYWORDS = frozenset(keyword.kwlist)

GENERICS = frozenset({
    "list", "dict", "set", "frozenset", "tuple", "type", "List", "Dict", "Set", "FrozenSet", "Tuple", "Type", "Optional",
    "Union", "Sequence", "MutableSequence", "Iterable", "Iterator", "Collection", "Container", "Mapping",
    "MutableMapping", "AbstractSet", "MutableSet", "Generator", "AsyncIterator", "AsyncIterable", "AsyncGenerator",
    "Awaitable", "Coroutine", "Deque", "deque", "DefaultDict", "defaultdict", "OrderedDict", "Counter", "ChainMap",
    "ClassVar", "Final", "Callable",
})  # fmt: skip
"""What has only types in its brackets."""

_AFRESH = Lexer()


@lru_cache(8192)
def run(words: Words, text: str, at: int) -> tuple[Words, tuple[Use, ...]]:
    """The words after `text`, which begins `at` characters behind the cursor, and what turned out to be read in it.

    Remembered, for several monitors read the same text.
    """
    runner = _Runner(words)
    for index, character in enumerate(text):
        runner.step(character, at + index)
    uses = runner.release()
    return runner.words(), uses


class _Runner:
    """`Words`, thawed."""

    def __init__(self, words: Words) -> None:
        self.lexer, self.levels, self.held, self.begin = words.lexer, list(words.levels), words.held, words.begin
        self.previous, self.mark, self.bound, self.fresh = words.previous, words.mark, words.bound, words.fresh
        self.defs, self.magic, self.ready = words.defs, words.magic, words.ready

    def words(self) -> Words:
        return Words(
            self.lexer, tuple(self.levels), self.held, self.begin, self.previous, self.mark, self.bound, self.fresh,
            self.defs, self.ready, self.magic,
        )  # fmt: skip

    def release(self) -> tuple[Use, ...]:
        """The uses that no word waits before."""
        if not self.ready:
            return ()
        first = min((use.begin for level in self.levels for use in level.waiting), default=None)
        uses = sorted(self.ready, key=lambda use: use.begin)
        self.ready = () if first is None else tuple(use for use in uses if use.begin > first)
        return tuple(uses[:len(uses) - len(self.ready)])

    def step(self, character: str, at: int) -> None:
        """One character, at this distance from the cursor."""
        before = self.lexer
        after = self.lexer = before.step(character)
        if not before.frames and not before.comment and not before.opening:
            self._code(character, at, before, after)
            return
        newline = character in "\r\n"
        if before.comment:
            if newline:
                self._newline()
            return
        if before.opening and (len(before.opening) == 1 or character == before.opening[0]):
            return
        if newline and before.frames and after == _AFRESH:
            # The string was never closed: Python ends it here.
            self.levels, self.held, self.previous, self.mark = [Level()], None, "", False
            return
        was, now = _fields(before), _fields(after)
        in_code = bool(before.opening) or not (before.frames[-1].quote or before.frames[-1].spec)
        if now < was:
            if in_code:
                self._code(" ", at, before, replace(after, word=""))  # the word before the brace ends
            self._close("}", until="field")
        elif now > was:
            self._push(Level("field", "load", "load", opener="{"))
            self.previous = "{"
            if before.frames[-1].brace:
                self._code(character, at, replace(before, word=""), after)
        elif in_code:
            self._code(character, at, before, after)

    def _code(self, character: str, at: int, before: Lexer, after: Lexer) -> None:
        if after.word:
            if not before.word:
                self.begin = at
                self._word_begins(character)
            return
        if self.mark or (self.held is not None and self.held.mark):
            self._marked(character)
        if before.word:
            if character in "'\"" and after.opening and before.word.lower() in _PREFIXES:
                pass
            else:
                self._word(before.word)
        if character in " \t\f\\#":
            return
        if character in "\r\n":
            if not before.escape:
                self._newline()
            return
        self._sign(character)

    # Words

    def _word_begins(self, character: str) -> None:
        if self.mark or (self.held is not None and self.held.mark):
            self._marked(character)
        held = self.held
        if held is None:
            return
        if held.slot == "soft":
            self._soft(held.name)
            self.held = None
            return
        self._decide(character)

    def _soft(self, name: str) -> None:
        """`match`, `case` or `type` was a keyword after all."""
        slots: dict[str, Slot] = {"match": "load", "case": "pattern", "type": "define"}
        self._change(mode=name, slot=slots[name], base="pattern" if name == "case" else "load")
        self.previous = name

    def _word(self, word: str) -> None:
        level = self.levels[-1]
        if word[0].isdigit():
            self._operand()
        elif self.previous in ("dot", "!"):
            self.previous = "operand"  # an attribute, or the conversion in an f-string
        elif word in _KEYWORDS:
            self._keyword(word)
        elif level.slot == "define":
            self._bind(word)
            self._change(slot="load")
            self.previous = "defined"
        elif level.slot in ("bind", "param"):
            self._bind(word)
            self.previous = "operand"
        elif level.slot == "quiet":
            self.previous = "operand"
        else:
            slot: Slot = level.slot
            if slot == "start" and level.kind == "statement" and self.previous == "" and word in _SOFT:
                slot = "soft"
            role: Role = level.role
            if self.previous in ("raise", "except"):
                role = "raise" if self.previous == "raise" else "except"
            elif slot == "annotation":
                role = "annotation"
            self.held = Held(self.begin, word, slot, role)
            self.previous = "operand"

    def _operand(self) -> None:
        self.previous = "operand"
        if self.levels[-1].slot == "start":
            self._change(slot="load")

    def _keyword(self, word: str) -> None:
        level = self.levels[-1]
        first = level.kind == "statement" and level.slot == "start" and self.previous in ("", "async")
        if word in ("None", "True", "False"):
            self._operand()
            return
        if word == "lambda":
            self._change(lambdas=level.lambdas + 1, slot="param")
        elif word == "async":
            pass
        elif word == "for":
            if level.kind != "statement":
                self._change(loop=True, slot="target")
            else:
                self._change(mode="for", slot="target", base="target")
        elif word == "in":
            self._change(slot="load", base="load" if level.base == "target" else level.base)
        elif word == "as":
            if level.slot not in ("bind", "pattern"):
                self._change(slot="alias")
        elif first and word in ("import", "from"):
            self._change(mode="import", slot="bind", base="bind")
        elif first and word in ("global", "nonlocal"):
            self._change(mode=word, slot="bind", base="bind")
        elif first and word == "del":
            self._change(mode=word, slot="quiet", base="quiet")
        elif first and word in ("def", "class"):
            self._change(mode=word, slot="define", base="load")
            self.defs = self.defs or word == "def"
        elif level.slot in ("bind", "quiet"):
            pass
        elif word == "if" and level.mode == "case" and level.kind == "statement":
            self._change(mode="if", slot="load", base="load")
        elif level.slot == "pattern" and level.kind != "statement":
            pass
        elif first:
            self._change(mode=word, slot="load", base="load")
        elif level.slot != "annotation" or word in ("if", "else", "and", "or", "not"):
            self._change(slot="load")
        self.previous = word

    def _bind(self, name: str) -> None:
        if name not in self.bound:
            self.bound |= {name}

    # Signs

    def _sign(self, character: str) -> None:
        level = self.levels[-1]
        if character == "=":
            self._equals()
        elif character == ":":
            self._colon()
        elif character == ",":
            self._comma()
        elif character in _OPENERS:
            self._open(character)
        elif character in _CLOSERS:
            self._close(character)
        elif character == ";" and level.kind == "statement":
            self._end_statement()
        elif character == ".":
            self._decide(".")
            self.previous = "dot" if self.previous in ("operand", "dot") else "operator"
            if self.previous == "dot" and level.slot == "start":
                self._change(slot="load")
        elif character in "'\"":
            if self.held is not None and self.held.slot == "soft" and self.held.name != "type":
                self._soft(self.held.name)
                self.held = None
            self._decide(character)
            self._operand()
        else:
            self._operator(character)

    def _operator(self, character: str) -> None:
        if self.held is not None and self.held.slot == "soft" and self.held.name == "case" and character in "-*":
            self._soft("case")
            self.held = None
        level = self.levels[-1]
        self._decide(character)
        if character == "*" and level.mode == "import":
            self.magic = True
        elif character == "*" and self.previous == "except":
            return
        elif character == ">" and level.mode == "def" and level.kind == "statement":
            self._change(slot="annotation")
        elif level.slot == "start" and character != "*":
            self._change(slot="load")
            if character == "@" and level.kind == "statement" and level.mode == "":
                self._change(mode="@", base="load")
        starred = character == "*" and self.previous in ("", "star", "operator", ",", "(", "[", "{", "=")
        self.previous = "star" if starred else "!" if character == "!" else "operator"

    def _equals(self) -> None:
        if self.previous == "compared":
            # The second sign of `<=`, `!=`, `+=`.
            return
        if self.held is not None:
            self.held = replace(self.held, mark="=")
        elif self.levels[-1].slot == "param" or self.previous in ("operand", "defined"):
            self.mark = True
        else:
            self.previous = "operator"

    def _marked(self, character: str) -> None:
        """What a `=` or `:` was, now that the next character is there."""
        held = self.held
        if held is not None and held.mark == ":":
            if character == "=":
                self.held, self.previous = None, "compared"
                self._bind(held.name)
                self._change(slot="load")
                return
            self.held = replace(held, mark="")
            self._colon_meant()
            return
        self.mark = False
        if held is not None:
            self.held = replace(held, mark="")
        if character == "=":
            self._decide("==")
            self.previous = "compared"
            if self.levels[-1].slot == "start":
                self._change(slot="load")
            return
        self._assign()

    def _assign(self) -> None:
        level, held = self.levels[-1], self.held
        self.held = None
        self.previous = "="
        if held is not None and held.slot == "annotation":
            self._use(held, "=")
            held = None
        if level.slot == "pattern":
            return
        if level.lambdas and level.slot == "param":
            self._change(slot="load")
            return
        if level.kind == "statement" and level.mode in ("", "=", "soft", "type"):
            names = {use.name for use in level.waiting} | ({held.name} if held is not None else set())
            self.fresh |= names
            self._change(mode="=", slot="load", base="load", waiting=())
        elif level.kind == "field":
            if held is not None:
                self._use(held, "=")
        elif level.kind == "group":
            if held is not None:
                self._bind(held.name)
            self._change(slot="load")
        else:
            self._change(slot="load")

    def _colon(self) -> None:
        held = self.held
        if held is not None and self.levels[-1].kind != "field" and held.slot not in ("pattern", "target", "alias"):
            self.held = replace(held, mark=":")
            return
        self._colon_meant()

    def _colon_meant(self) -> None:
        level = self.levels[-1]
        if level.lambdas:
            self._decide(":")
            self._change(lambdas=level.lambdas - 1, slot="load", body=True)
        elif level.kind in ("params", "types"):
            self._decide(":")
            self._change(slot="annotation")
        elif level.kind == "statement":
            held = self.held
            if level.mode == "" and (held is None or held.slot in ("start", "soft")):
                if held is not None:
                    self._bind(held.name)
                    self.held = None
                self._change(slot="annotation", mode="")
            elif level.mode in _BLOCKS or level.mode in ("match", "case"):
                self._decide(":")
                self._flush()
                self.levels[-1] = Level()
                self.bound, self.fresh = self.bound | self.fresh, frozenset()
                self.previous = ""
                return
            else:
                self._decide(":")
        else:
            self._decide(":")
            self._change(slot="pattern" if level.base == "pattern" else "load")
        self.previous = ":"

    def _comma(self) -> None:
        level = self.levels[-1]
        if level.lambdas:
            self._decide(",")
            self._change(slot="param")
        elif level.slot == "target":
            self._decide(",")
        else:
            held = self.held
            if held is not None and level.kind == "statement" and held.slot in ("start", "load", "soft") \
                    and level.mode in ("", "="):  # fmt: skip
                self.held = None
                self._wait(held, ",")
            else:
                self._decide(",")
            self._change(slot=level.base, body=False)
            if level.kind != "statement" and not level.loop and not level.comma:
                self._change(comma=True)
                if level.base != "start":
                    self._move_up()
        self.previous = ","

    def _open(self, opener: str) -> None:
        held = self.held
        if held is not None and held.slot == "soft":
            self.held = None
            if held.name != "type":
                self._soft(held.name)
        self._decide(opener)
        level, previous = self.levels[-1], self.previous
        if level.kind == "statement" and level.mode in ("def", "class", "type") and previous == "defined":
            kind: Kind = "types" if opener == "[" else "params" if level.mode == "def" else "call"
            slot: Slot = "load" if kind == "call" else "param"
            self._push(Level(kind, slot, slot, opener=opener))
        elif level.slot == "pattern":
            self._push(Level("group", "pattern", "pattern", opener=opener))
        elif level.slot in ("bind", "quiet"):
            self._push(Level("group", level.slot, level.slot, opener=opener))
        elif previous in ("operand", "dot", "match") and opener != "{":
            if level.slot == "start":
                self._change(slot="load")
            if opener == "(":
                self._push(Level("call", "load", "load", opener=opener))
            else:
                slot = "annotation" if level.slot == "annotation" and self._generic(held) else "load"
                self._push(Level("index", slot, slot, opener=opener))
        elif level.slot in ("target", "alias"):
            self._push(Level("group", "target", "target", opener=opener))
        elif level.slot == "annotation":
            self._push(Level("group", "annotation", "annotation", opener=opener))
        else:
            maybe_targets = level.slot == "start" or (
                level.kind == "statement" and level.mode == "=" and previous in ("=", ",", "star")
            )
            slot = "start" if maybe_targets and opener != "{" else "load"
            role: Role = "except" if previous == "except" and opener == "(" else "load"
            self._push(Level("group", slot, slot, role=role, opener=opener))
        self.previous = opener

    def _generic(self, held: Held | None) -> bool:
        """Whether what stands in the brackets of this annotation are types: not so in `Annotated` and `Literal`."""
        return held is not None and held.name in GENERICS

    def _close(self, closer: str, until: str = "") -> None:
        if len(self.levels) == 1:
            self._decide(closer)
            self._operand()
            return
        held = self.held
        if held is not None:
            self.held = None
            if held.slot in ("target", "alias", "pattern"):
                self._bind(held.name)
            elif held.slot == "start" or (self._may_loop() and held.role == "load"):
                self._wait(held, closer)
            else:
                self._use(held, closer)
        if until:
            while len(self.levels) > 1 and self.levels[-1].kind != until:
                self._pop()
        self._pop()
        self.previous = "operand"
        if self.levels[-1].kind == "statement" and self.levels[-1].mode in ("def", "class", "type") and closer == "]":
            self.previous = "defined"

    def _pop(self) -> None:
        if len(self.levels) == 1:
            return
        level = self.levels.pop()
        waiting = level.waiting
        if level.loop and level.opener == "(":
            # A generator's parts run later, but for what its first loop is over.
            waiting = tuple(replace(use, deferred=True) for use in waiting)
        parent = self.levels[-1]
        if level.base == "start" and parent.slot == "start" and parent.kind == "statement":
            self._change(slot="start")
        if not waiting:
            return
        if (level.base == "start" and not level.loop) or self._may_loop():
            self._change(waiting=parent.waiting + waiting)
        else:
            self._emit(waiting)

    def _newline(self) -> None:
        if self.levels[-1].kind == "statement":
            self._end_statement()

    def _end_statement(self) -> None:
        if self.mark or (self.held is not None and self.held.mark):
            self._marked("\n")
        self._decide("\n")
        self._flush()
        self.bound, self.fresh = self.bound | self.fresh, frozenset()
        self.levels[-1] = Level()
        self.previous, self.held, self.mark = "", None, False

    # Decisions

    def _decide(self, follow: str) -> None:
        """The held word is followed by something that is no `=` and no `:=`."""
        held, self.held = self.held, None
        if held is None:
            return
        if held.slot in ("target", "alias"):
            if follow in (".", "[", "("):
                self._use(held, follow)
            else:
                self._bind(held.name)
        elif held.slot == "pattern":
            if follow in (".", "("):
                self._use(held, follow)
            else:
                self._bind(held.name)
        elif held.slot in ("start", "soft") and self.levels[-1].kind != "statement" and follow in (",", ""):
            self._wait(held, follow)
        elif held.slot != "soft" or follow in (".", "["):
            if self._may_loop() and held.role == "load":
                self._wait(held, follow)
            else:
                self._use(held, follow)
        if self.levels[-1].slot == "start" and follow != ",":
            self._change(slot="load")

    def _may_loop(self) -> bool:
        """Whether an open bracket may still become a comprehension, which binds what was read in it."""
        return any(level.kind in ("group", "call") and (level.loop or not level.comma) for level in self.levels)

    def _wait(self, held: Held, follow: str) -> None:
        use = Use(held.begin, held.name, held.role, follow, self._deferred())
        self._change(waiting=(*self.levels[-1].waiting, use))

    def _use(self, held: Held, follow: str) -> None:
        deferred = self._deferred() or held.role == "annotation"
        self._emit((Use(held.begin, held.name, held.role, follow, deferred),))

    def _deferred(self) -> bool:
        return self.defs or any(level.body for level in self.levels)

    def _emit(self, uses: tuple[Use, ...]) -> None:
        for use in uses:
            if use.name in _MAGIC and use.follow == "(":
                self.magic = True
            if use.name not in self.bound and not (use.deferred and use.name in self.fresh):
                self.ready = (*self.ready, use)

    def _flush(self) -> None:
        waiting = self.levels[-1].waiting
        if waiting:
            self._change(waiting=())
            self._emit(waiting)

    def _move_up(self) -> None:
        """This bracket is no comprehension: what waits in it waits for one further out, or is read."""
        waiting = self.levels[-1].waiting
        if not waiting:
            return
        self._change(waiting=())
        for index in range(len(self.levels) - 2, 0, -1):
            outer = self.levels[index]
            if outer.kind in ("group", "call") and (outer.loop or not outer.comma):
                self.levels[index] = replace(outer, waiting=outer.waiting + waiting)
                return
        self._emit(waiting)

    def _push(self, level: Level) -> None:
        self.levels.append(level)

    def _change(self, **changes: object) -> None:
        self.levels[-1] = replace(self.levels[-1], **changes)  # type: ignore[arg-type] # the fields' names are checked where they are written


def _fields(lexer: Lexer) -> int:
    return sum(not frame.quote for frame in lexer.frames)
