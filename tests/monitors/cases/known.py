# Receivers whose members are known: the set is closed.
import asyncio
import enum
import logging
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Optional, Protocol, TypeVar

from shop.builder import Stopped, new_builder

T = TypeVar("T")


def annotated(a: str, items: list[str], maybe: Optional[str], either: str | int):
    #? closed upper lower join; not append nothing
    x = a.▮
    #? closed upper lower
    x = items[0].▮
    #? closed append sort; not upper
    x = items.▮
    #? closed upper
    x = maybe.▮
    #? closed upper bit_length; not append
    x = either.▮
    for item in items:
        #? closed upper
        x = item.▮
    for index, item in enumerate(items):
        #? closed upper
        x = item.▮
        #? closed bit_length
        x = index.▮
    #? closed upper
    x = [item.▮ for item in items]


def narrowed(w, v: object, u: "Base"):
    if isinstance(w, str):
        #? closed upper lower
        x = w.▮
        #? closed upper
        x = w.▮upper()
    if isinstance(v, (str, bytes)) and v:
        #? closed upper hex
        x = v.▮
    if isinstance(u, Derived):
        #? closed base derived
        x = u.▮
    assert isinstance(w, list)
    #? closed append
    x = w.▮


class Base:
    def base(self): ...


class Derived(Base):
    def derived(self): ...


class Box(Generic[T]):
    def get(self) -> T: ...


class Speaks(Protocol):
    def speak(self) -> str: ...


@dataclass
class Point:
    x: int
    label: str = ""

    def moved(self) -> "Point":
        return Point(self.x, self.label)


class Color(enum.Enum):
    RED = 1
    BLUE = 2


def deco(fn):
    def wrapper(*args, **kwargs):
        return fn(*args, **kwargs)

    return wrapper


@deco
def decorated() -> str: ...


async def later() -> str: ...


def literals():
    #? closed upper
    x = "x".▮
    #? closed append
    x = [1].▮
    #? closed keys
    x = {"a": 1}.▮
    #? closed real
    x = 1.5.▮
    #? closed upper
    x = f"{1}".▮
    #? closed upper
    x = f"{'a'.▮}"
    #? closed upper
    x = (
        "x"
        .▮
    )


def types(box: Box[str], speaker: Speaks, point: Point):
    #? closed upper
    x = box.get().▮
    #? closed speak
    x = speaker.▮
    #? closed x label moved
    x = point.▮
    #? closed upper
    x = point.moved().label.▮
    #? closed RED BLUE
    x = Color.▮
    #? closed name value
    x = Color.RED.▮
    #? closed upper
    x = decorated().▮


async def waits():
    #? closed upper
    x = (await later()).▮


def fluent():
    #? closed with_ip with_port build; not reset
    return new_builder().▮
    #? closed with_ip with_port build
    return new_builder().with_ip("a").▮
    #? closed ip port; not build
    return new_builder().with_ip("a").with_port(1).build().▮


def typestate(stopped: Stopped):
    #? closed reset; not prepare start
    stopped.▮
    #? closed prepare; not reset start
    stopped.reset().▮
    #? closed start
    stopped.reset().prepare().▮


def modules():
    #? closed path getcwd; not nothing
    x = os.▮
    #? closed join
    x = os.path.▮
    #? closed join
    x = foo(os.path.join(a, os.path.▮
    #? closed getcwd
    os.▮
    #? closed argv
    x = f"{sys.▮}"
    #? closed match compile
    if re.▮
    #? closed join
    x = (os
        .path
        .▮


def standard():
    #? closed exists read_text
    x = (Path("a") / "b").▮
    for child in Path("a").iterdir():
        #? closed exists read_text
        x = child.▮
    with open("x") as f:
        #? closed read readline write
        x = f.▮
        for line in f:
            #? closed strip
            x = line.▮
    #? closed group start
    x = re.match("a", "b").▮
    #? closed info warning
    x = logging.getLogger(__name__).▮
    #? closed strip
    x = os.environ["HOME"].▮
    #? closed strip
    x = " ".join([]).strip().▮
    #? closed run
    x = asyncio.▮


class Whole:
    """The suffix is seen: attributes stored further down are known here."""

    def first(self):
        #? closed late first second
        return self.▮

    def second(self):
        self.late = 1
        #? closed upper
        return self.named().▮

    def named(self):
        return "x"

    @classmethod
    def made(cls):
        #? closed made first
        return cls.▮

    def parent(self):
        def inner():
            #? closed late first
            return self.▮

        return inner


class Child(Whole):
    def third(self):
        #? closed first late third
        x = self.▮
        #? closed first second
        return super().▮

try:
    pass
except ValueError as error:
    #? closed args with_traceback
    x = error.▮
