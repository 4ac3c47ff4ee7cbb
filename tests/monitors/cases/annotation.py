# What can be written where a type is meant.
import datetime
import typing as t
from typing import Annotated, Any, Callable, Literal, NewType, Optional, TypeVar, Union

from missing_module import Strange

T = TypeVar("T")
Id = NewType("Id", int)
Pair = tuple[int, int]
Either = Union[int, str]
Quoted = "Thing"
COUNT = 3
NAMES = ["a"]


class Thing: ...


class Early(Strange): ...


def make(): ...


def decorate(f): ...


@decorate
def wrapped(): ...


#? lists Thing Early int str; not make datetime COUNT; takes Thing | Optional[Thing] | T | Id | Pair | Either | Quoted | Strange | Any | Early | wrapped | datetime.date | None | "make" | (int) | int | str; refuses make | datetime | COUNT | NAMES | print | any
value: ▮
#? takes int = make() | Thing = COUNT; refuses make = 1
value: ▮
#? takes list[Thing] | dict[str, Thing] | Callable[[Thing], int] | tuple[Thing, ...] | Annotated[int, make] | Literal[COUNT] | t.List[Thing] | Strange[COUNT, make] | "list[make]"; refuses list[make] | dict[str, any] | Callable[[make], int] | Optional[datetime] | tuple[COUNT, ...]
value: ▮
#? lists Thing int; takes Thing): ... | Thing = make()): ... | Thing, other: int, *args: str, **kw: Any) -> Thing: ...; refuses make): ... | Thing, other: make): ... | Thing) -> make: ...
def function(given: ▮
#? lists Thing int; not make; takes Thing: | list[Thing]: | None: | "make":; refuses make: | datetime: | callable:
def other(given) -> ▮
#? takes int | str | Thing | make() | Union[int, make()]; refuses make
def third(given) -> ▮


class Holder:
    #? lists Thing; takes Holder | Thing; refuses make
    field: ▮

    def method(self):
        #? takes Thing = make(); refuses make = Thing() | COUNT = 3
        self.attribute: ▮
        #? takes x = make | x = {COUNT: make} | y[COUNT:make] | lambda q: make | if COUNT: make | f(a=make) | for z in make: make; refuses x: make | def inner(a: make): ...
        ▮


#? takes str]: ... | int]: ...; refuses make]: ...
def fourth(a: list[▮
#? takes Thing|None = None | int|Thing; refuses Thing|make | make|None
a: ▮
#? lists Thing; takes Th
b: Optional[▮
#? takes int if COUNT else make
c: ▮
