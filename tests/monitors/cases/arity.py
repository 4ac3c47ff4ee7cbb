# How many arguments a call takes.
import functools
import os
import re
from collections import namedtuple
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple, overload

import pytest
from missing_module import Unknown, helper


def none(): ...


def two(a, b): ...


def optional(a, b=1, *, c=2): ...


def required(a, *, c): ...


def rest(a, *more): ...


def loose(a, **more): ...


def placed(a, b, /): ...


@overload
def over(a: int) -> int: ...
@overload
def over(a: str, b: int, c: int) -> str: ...
def over(*args): ...


@dataclass
class Point:
    x: int
    y: int
    label: str = ""


class Pair(NamedTuple):
    left: int
    right: int = 0


Old = namedtuple("Old", "x y")


class Plain: ...


class Thing:
    def __init__(self, name): ...

    def method(self, a): ...

    @classmethod
    def made(cls, a): ...

    @staticmethod
    def plain(a): ...

    def inner(self):
        #? takes 1); refuses ) | 1, 2 | self, 1
        self.method(▮
        #? takes self, 1); refuses 1)
        Thing.method(▮
        #? takes 1); refuses ) | 1, 2
        self.plain(▮
        #? takes 1); refuses ) | 1, 2
        self.made(▮
        #? open next is not known; takes ) | 1, 2)
        super().__init__(▮


class Broken(Thing, Unknown): ...


class Failed(ValueError): ...


def use(thing: Thing, unknown, flag):
    #? takes ); refuses 1 | x | "a" | (
    none(▮
    #? takes 1, 2) | 1, b=2) | a=1, b=2) | *x) | **x) | 1, *x) | x, y); refuses ) | 1) | 1, 2, | a=1) | 1, x.y, z
    two(▮
    #? takes 1) | 1, 2, c=3) | a=1) | 1, x, c=y); refuses ) | 1, 2, 3 | b=2) | c=1)
    optional(▮
    #? takes 1, c=2) | c=1, a=2); refuses 1) | 1, 2
    required(▮
    #? takes 1) | 1, 2, 3, 4); refuses )
    rest(▮
    #? takes 1) | 1, b=2); refuses ) | 1, 2
    loose(▮
    #? takes 1, 2); refuses 1) | 1, 2, 3
    placed(▮
    #? takes 1) | 1, 2, 3); refuses ) | 1, 2) | 1, 2, 3, 4
    over(▮
    #? takes 1, 2) | 1, 2, "a") | 1, y=2) | x=1, y=2); refuses ) | 1) | 1, 2, 3, 4
    Point(▮
    #? takes 1) | 1, 2); refuses ) | 1, 2, 3
    Pair(▮
    #? takes 1, 2) | 1)
    Old(▮
    #? takes ); refuses 1 | x
    Plain(▮
    #? takes 1); refuses ) | 1, 2
    Thing(▮
    #? takes 1); refuses ) | 1, 2
    thing.method(▮
    #? takes 1); refuses )
    Thing.made(▮
    #? takes 1); refuses )
    Thing.plain(▮
    #? takes ) | 1, 2, 3)
    Failed(▮
    #? open is not known; takes ) | 1, 2, 3)
    Broken(▮
    #? open is not known; takes ) | 1, 2, 3)
    helper(▮
    #? open is not known; takes ) | 1, 2, 3)
    unknown.method(▮
    #? takes two(1, 2), 3); refuses two(1), 2) | two(1, 2))
    two(▮
    #? takes 2); refuses ) | 2, 3
    two(1, ▮
    #? takes , 2,) | , 2)
    two(
        1▮
    #? takes lambda a, b: a, 2) | [1, 2], 3) | {1: 2, 3: 4}, 5) | f"{a, b}", c); refuses lambda a, b: a)
    two(▮
    #? takes 1); refuses ) | 1, 2
    functools.partial(two, 1)(▮
    #? takes ) | 1, 2)
    functools.partial(two, *unknown)(▮
    #? takes "a", "b"); refuses )
    re.match(▮
    #? takes "a") | "a", "b", "c"); refuses )
    os.path.join(▮
    #? takes ) | "a", "b")
    Path(▮
    #? takes x); refuses ) | x, y
    len(▮
    #? takes 1) | 1, 2) | 1, 2, 3); refuses ) | 1, 2, 3, 4
    range(▮
    #? open expects an exception; takes )
    with pytest.raises(TypeError): two(▮
    #? refuses a=1, 2)
    two(▮
    function = two if flag else optional
    #? takes 1, 2) | 1); refuses ) | 1, 2, 3, 4
    function(▮
    for each in (two, helper):
        #? open; takes )
        each(▮
    # Every class method of the standard library has its own parameters.
    #? takes ) | None); refuses 1, 2
    datetime.now(▮
    #? takes 1) | 1, None); refuses ) | 1, 2, 3
    datetime.fromtimestamp(▮
    #? takes ); refuses 1
    date.today(▮
    #? takes "ab") | "ab", 1); refuses ) | 1, 2, 3
    dict.fromkeys(▮
