# What may be stored behind a dot: closed where instances have no __dict__, else known attributes rank.
from collections import namedtuple
from dataclasses import dataclass
from typing import NamedTuple


class Slotted:
    __slots__ = ("x", "y")

    def __init__(self):
        #? closed x y; not z
        self.▮ = 1

    def move(self): ...

    @property
    def area(self): ...

    @area.setter
    def area(self, value): ...


class Deeper(Slotted):
    __slots__ = ["z"]


class Dynamic(Slotted):
    pass


class Mixin:
    __slots__ = ()

    def fill(self):
        #? open may have a __dict__
        self.▮ = 1


class WithDict:
    __slots__ = ("a", "__dict__")


class Setting:
    __slots__ = ("a",)

    def __setattr__(self, name, value): ...


class Point(NamedTuple):
    x: int
    y: int = 0


class Tagged(Point):
    pass


@dataclass
class Plain:
    x: int

    def __post_init__(self):
        #? open is decorated
        self.▮ = 1


def stores(s: Slotted, d: Deeper, v: Dynamic, m: WithDict, t: Setting, p: Point, g: Tagged, n: Plain, u, e: ValueError):
    #? closed x y area __class__; not z move
    s.▮ = 1
    #? closed x y z area; not w
    d.▮ = 1
    #? closed x; not w
    d.▮: int = 1
    #? open have a __dict__
    v.▮ = 1
    #? open __dict__ is among its slots
    m.▮ = 1
    #? open defines __setattr__
    t.▮ = 1
    #? none nothing can be stored on Point
    p.▮ = 1
    #? open have a __dict__
    g.▮ = 1
    #? open
    n.▮ = 1
    #? open type is not known
    u.▮ = 1
    #? open may have a __dict__
    e.▮ = 1
    #? open stored on it
    Slotted.▮ = 1
    o = object()
    #? open may be any object
    o.▮ = 1
