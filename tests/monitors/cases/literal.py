# Strings where only certain ones are possible.
from dataclasses import dataclass
from typing import Any, Final, Literal, Optional, TypedDict, Union

from missing_module import CONFIG, Unknown

Mode = Literal["read", "write"]
Both = Union[Mode, Literal["append"]]
Open = Union[Mode, str]


class Movie(TypedDict):
    title: str
    year: int


class Sequel(Movie, total=False):
    first: str


def act(mode: Mode, kind: Optional[Literal["a", "b"]] = None, other: str = "", *, which: Both = "read"): ...


def loose(mode: Open, unknown: Unknown, anything: Any): ...


def made() -> Mode: ...


@dataclass
class Job:
    state: Literal["new", "done"]
    name: str = ""

    @property
    def mode(self) -> Mode: ...

    def check(self):
        #? takes "new" | 'done'; refuses "old" | 'ne'
        return self.state == ▮
        #? takes "read"; refuses "new"
        return self.mode != ▮
        #? open; takes "any"
        return self.name == ▮


SIZES = {"small": 1, "large": 2}
CHANGED = {"small": 1}
CHANGED["large"] = 2
ESCAPED = {"small": 1}
print(ESCAPED)
MIXED = {"small": 1, 2: 3}
SPREAD = {"small": 1, **SIZES}
UPDATED = {"small": 1}
UPDATED.update(large=2)
READ = {"small": 1}
for size in READ:
    print(READ[size], READ.get(size), len(READ), size in READ)


def use(mode: Mode, job: Job, movie: Movie, sequel: Sequel, plain: dict, text: str, open_: Open, data: dict[str, int]):
    #? takes "read" | 'write' | x | f"{x}" | b"any"; refuses "rea" | "raed" | 'x'
    act(▮
    #? takes "a" | 'b' | None; refuses "c"
    act(mode, ▮
    #? takes "any"
    act(mode, "a", ▮
    #? takes kind="a" | which="append" | other="any"; refuses kind="c" | which="any" | kind = 'x'
    act(mode, ▮
    #? takes "any"
    loose(▮
    #? takes "any"
    loose("a", ▮
    #? takes "new" | state="done"; refuses "old" | state="old"
    Job(▮
    #? takes "read" | text | made(); refuses "any"
    if mode == ▮
    #? takes "read", "write") | "write",); refuses "any" | "read", "any"
    if mode in (▮
    #? takes "read"; refuses "any"
    if mode not in [▮
    #? takes "done"; refuses "any"
    if job.state == ▮
    #? takes "read"; refuses "any"
    if made() == ▮
    #? open; takes "any"
    if text == ▮
    #? open; takes "any"
    if open_ == ▮
    #? open larger expression; takes "any"
    if text + mode == ▮
    #? open; takes "any"
    if mode.upper() == ▮
    #? takes "title"] | 'year']; refuses "any" | "titel"
    x = movie[▮
    #? takes "title"] | "first"]; refuses "any"
    x = sequel[▮
    #? takes "title"] = 1; refuses "any"
    movie[▮
    #? open; takes "any"]
    x = plain[▮
    #? open; takes "any"]
    x = data[▮
    #? open; takes "any"]
    x = CONFIG[▮
    #? takes "small"] | "large"]; refuses "medium"
    x = SIZES[▮
    #? open; takes "new"] = 1
    SIZES[▮
    #? open; takes "large"] | "any"]
    x = CHANGED[▮
    #? open may be changed; takes "any"]
    x = ESCAPED[▮
    #? open; takes "any"]
    x = MIXED[▮
    #? open; takes "any"]
    x = SPREAD[▮
    #? open may be changed; takes "any"]
    x = UPDATED[▮
    #? takes "small"]; refuses "large"
    x = READ[▮
    #? takes "any" | """any"""
    x = [▮
    local = {"a": 1, "b": 2}
    #? takes "a"] | "b"]; refuses "c"
    return local[▮
