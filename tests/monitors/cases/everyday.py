# What people write every day and inference left out, or got wrong.
import asyncio
import enum
import functools
import random
import threading
from abc import ABC
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from typing import Generator, Generic, Literal, NamedTuple, TypeVar

T = TypeVar("T")
U = TypeVar("U")


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"

    @property
    def short(self):
        #? closed upper
        x = self.name.▮
        return self.value.upper()

    @classmethod
    def default(cls):
        return cls.RED


def colors(color: Color):
    #? closed upper; not fget
    x = color.short.▮
    #? closed short name value
    x = Color.default().▮
    #? closed RED __members__ _member_map_; not register
    x = Color.▮
    for one in Color:
        #? closed short name value
        x = one.▮


class Pair(NamedTuple):
    left: int
    right: str = ""


def pairs(pair: Pair):
    a, b = pair
    #? closed upper; not bit_length
    x = b.▮
    #? closed upper; not bit_length
    x = pair[1].▮
    #? closed left right count
    x = pair._replace(left=1).▮


def files(path: Path, mode: str):
    #? closed readinto peek raw
    x = open("x", "rb").▮
    #? closed raw detach; not peek
    x = path.open("wb").▮
    #? closed buffer encoding
    x = open("x", mode="r").▮
    #? open another type
    x = path.open(mode).▮
    with open("x") as file:
        for number, line in enumerate(file, 1):
            #? closed strip
            x = line.▮
    with ExitStack() as stack:
        #? closed buffer encoding
        x = stack.enter_context(open("x")).▮


def containers(words: list[str], kind: Literal["a", "b"]):
    #? closed upper
    x = kind.▮
    for word, number in zip(words, [1]):
        #? closed upper; not bit_length
        x = word.▮
    #? closed upper
    x = random.choice(words).▮
    groups = defaultdict(list)
    #? closed append
    x = groups["a"].▮


@functools.lru_cache(maxsize=None)
def cached(n: int) -> list[int]: ...


def calls():
    #? closed append
    x = cached(1).▮
    #? closed cache_clear cache_info
    x = cached.▮
    try:
        pass
    except (ValueError, OSError) as error:
        #? closed args errno
        x = error.▮


async def fetch() -> Path: ...


def generator(steps: Generator[int, None, None]):
    #? closed send gi_code
    x = steps.▮


async def waits():
    task = asyncio.create_task(fetch())
    #? closed exists
    x = (await task).▮
    #? closed exists
    x = (await asyncio.wait_for(fetch(), 3)).▮


class Base:
    def itself(self):
        return self

    def __init_subclass__(cls, **options):
        #? closed mro __name__ itself
        x = cls.▮


class Child(Base):
    def own(self):
        #? closed own itself
        x = super().itself().▮
        #? closed own itself
        x = self.__class__.▮


class Abstract(ABC):
    #? closed register
    x = ABC.▮


class Holds(Generic[T]):
    def held(self) -> T: ...


class Turned(Holds[U], Generic[T, U]): ...


def generics(turned: Turned[int, str]):
    #? closed upper; not bit_length
    x = turned.held().▮


class Worker(threading.Thread):
    def run(self):
        #? closed _target _args name; not _actions
        x = self.▮


# What is read where a class is mixed in comes from its neighbours there.


class Shouts:
    def shout(self):
        #? closed shout loud later
        x = self.▮


class Loud:
    loud = 1

    def __init__(self):
        self.later = 2


class Both(Shouts, Loud): ...


class SpeakMixin:
    def speak(self):
        #? open mixed into
        x = self.▮


class Given:
    #? open parameter without annotation
    first = property(lambda self: self.▮)


class Made(type):
    def make(cls):
        #? open a class with members of its own
        x = cls.▮


class Bag:
    def __init__(self):
        self.items = ["a"]

    def put(self, item):
        self.items.append(item)

    def __iter__(self):
        return iter(self.items)

    def __getitem__(self, index):
        return self.items[index]


def bags(bag: Bag):
    for item in bag:
        #? open what Bag yields
        x = item.▮
    #? open what Bag yields
    x = bag[0].▮


text: set[str] = set()


def patterns(value):
    match value:
        case str() as text if text:
            #? open bound by a pattern
            x = text.▮
