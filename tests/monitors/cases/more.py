# Attributes that come about in less usual ways, and are known all the same.
from __future__ import annotations

import collections
import functools
import typing
from typing import TYPE_CHECKING, NamedTuple

import space.inner
from shop.builder import Builder as Renamed

if TYPE_CHECKING:
    from shop.builder import Node

try:
    import json
except ImportError:
    json = None


class Slots:
    __slots__ = ("declared", "late")

    def __init__(self):
        self.declared = 1

    def own(self):
        #? closed declared own
        return self.▮


class Deletes:
    def __init__(self):
        self.kept = self.gone = 1

    def forget(self):
        del self.gone
        #? closed kept forget
        return self.▮


class Registry:
    known = 1

    @classmethod
    def register(cls):
        cls.registered = {}
        #? closed known register
        return cls.▮

    @functools.cached_property
    def cached(self) -> str:
        return "x"

    @property
    def plain(self):
        return [1]

    @staticmethod
    def static() -> bytes: ...

    def use(self):
        #? closed upper
        x = self.cached.▮
        #? closed append
        x = self.plain.▮
        #? closed hex
        x = self.static().▮
        with self.opened() as other:
            #? closed known use
            x = other.▮

    def opened(self) -> Registry: ...

    def __enter__(self):
        return self

    def __exit__(self, *_): ...


class Pair(NamedTuple):
    left: str
    right: int


Triple = collections.namedtuple("Triple", "one two three")


def values(node: Node, pair: Pair, both: Renamed, kinds: dict[str, list[Pair]], text: str | None = None):
    #? closed ip port
    x = node.▮
    #? closed left right
    x = pair.▮
    #? closed upper
    x = pair.left.▮
    #? closed one two three
    x = Triple(1, 2, 3).▮
    #? closed build
    x = both.▮
    #? closed left right
    x = kinds["a"][0].▮
    for name, pairs in kinds.items():
        #? closed upper
        x = name.▮
        #? closed append
        x = pairs.▮
    #? closed upper
    x = text.▮
    #? closed upper
    x = (text or "x").▮
    #? closed dumps loads
    x = json.▮
    #? closed KNOWN
    x = space.inner.▮
    #? closed upper
    x = text.split()[0].▮
    first, *rest = text.split()
    #? closed upper
    x = first.▮
    #? closed upper
    x = "%s" % text.▮
    left, right = pair.left, pair.right
    #? closed upper
    x = left.▮
    #? closed bit_length
    x = right.▮
    if (match := text) is not None:
        #? closed upper
        x = match.▮


def stored(pair: Registry):
    pair.anything = 1
    #? closed known
    x = pair.▮


class Abstract:
    def template(self):
        #? closed template code
        return self.▮


class Concrete(Abstract):
    code = 1


async def asynchronous(lines: typing.AsyncIterator[str]):
    async for line in lines:
        #? closed upper
        x = line.▮
