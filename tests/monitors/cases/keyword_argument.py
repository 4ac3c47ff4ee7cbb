# Names of keyword arguments: those of parameters that exist.
import functools
import os
import subprocess
from abc import ABCMeta
from contextlib import contextmanager
from dataclasses import KW_ONLY, InitVar, dataclass, field
from enum import Enum
from typing import Any, ClassVar, NamedTuple, Protocol, TypedDict, overload

import pytest
from missing_module import Unknown, deco, helper


def connect(host, port=1, *, timeout=2): ...


def anything(first, **options): ...


def placed(a, /, b): ...


@contextmanager
def opened(path): ...


@functools.lru_cache(maxsize=None)
def remembered(key): ...


@deco
def decorated(key): ...


def wrapping(function):
    @functools.wraps(function)
    def inner(*args, **kwargs):
        return function(*args, **kwargs)

    return inner


@wrapping
def wrapped(key): ...


@overload
def over(a: int) -> int: ...
@overload
def over(b: str, c: int = 0) -> str: ...
def over(*args, **kwargs): ...


@dataclass
class Base:
    x: int
    y: int = 0
    kind: ClassVar[str] = ""
    hidden: int = field(init=False, default=1)
    seed: InitVar[int] = 0


@dataclass(frozen=True)
class Point(Base):
    _: KW_ONLY
    label: str = field(default_factory=str)


@dataclass(init=False)
class Bare:
    x: int


class Pair(NamedTuple):
    left: int
    right: int = 0


class Movie(TypedDict, total=False):
    title: str


class Color(Enum):
    RED = 1


class Named:
    def __init__(self, name, *, size=1): ...

    def resize(self, size): ...

    @classmethod
    def made(cls, name):
        #? open may be a subclass; takes other=1
        return cls(▮

    @staticmethod
    def plain(a): ...


class Child(Named):
    def __init__(self, name, age):
        #? takes name=1 | size=2; refuses age=3
        super().__init__(▮
        #? takes size=1; refuses name=1
        self.resize(▮)


class Tagged:
    def __init_subclass__(cls, /, tag, **more: Any): ...


class Strict:
    def __init_subclass__(cls, *, tag=""): ...


class Meta(type):
    def __call__(cls, *args, **kwargs): ...


class Odd(metaclass=Meta):
    def __init__(self, a): ...


class Lost(Unknown):
    def __init__(self, a): ...


class Made:
    def __new__(cls, a): ...


class Both:
    def __new__(cls, *args, **kwargs): ...

    def __init__(self, a): ...


class Callable:
    def __call__(self, key): ...


def use(named: Named, unknown, either: "Named | Base"):
    #? takes host=1 | port=2 | timeout=3 | host == 1 | bad == 1; refuses bad=1 | tmeout=2
    connect(▮
    #? takes port=1; refuses host=1 | bad = 1
    connect(1, ▮)
    #? takes port=1; refuses timeout=1
    connect(1, timeout=2, ▮)
    #? takes host=1 | bad=f(x=1)
    anything(1, ▮
    #? takes b=1; refuses a=1
    placed(1, ▮
    #? takes path=1; refuses mode=1
    with opened(▮
    #? takes key=1; refuses other=1
    remembered(▮
    #? open deco; takes other=1
    decorated(▮
    #? open wraps; takes other=1
    wrapped(▮
    #? takes a=1 | b=1, c=2; refuses d=1 | a=1, c=1
    over(▮
    #? takes x=1, y=2 | seed=1; refuses kind=1 | hidden=1 | z=1
    Base(▮
    #? takes label=1 | y=2; refuses x=1
    Point(1, ▮
    #? refuses x=1
    Bare(▮
    #? takes left=1, right=2; refuses middle=1
    Pair(▮
    #? open; takes anything=1
    Movie(▮
    #? open; takes value=1
    Color(▮
    #? takes name=1, size=2; refuses age=1
    Named(▮
    #? takes size=1; refuses sizes=1
    named.resize(▮
    #? takes a=1; refuses b=1
    Named.plain(▮
    #? open is not known; takes anything=1
    unknown.resize(▮
    #? open is not known; takes anything=1
    helper(▮
    #? open; takes x=1 | name=1 | z=1
    either(▮
    #? open; takes anything=1
    Odd(▮
    #? open; takes anything=1
    Lost(▮
    #? takes a=1; refuses b=1
    Made(▮
    #? takes a=1; refuses b=1
    Both(▮
    #? takes key=1; refuses other=1
    Callable()(▮
    #? takes timeout=1 | port=2; refuses host=1 | bad=1
    functools.partial(connect, 1, port=3)(▮
    #? takes timeout=1 | port=2; refuses host=1 | bad=1
    functools.partial(connect, 1, ▮
    #? takes size=1; refuses sizes=1
    functools.partial(named.resize, ▮)
    #? takes a=1 | anything=1
    functools.partial(anything, ▮)
    #? open not known; takes bad=1
    functools.partial(helper, ▮)
    #? takes bad=1
    functools.partial(lambda x: x, ▮)
    #? takes exist_ok=True; refuses exists_ok=True
    os.makedirs("x", ▮
    #? takes check=True, cwd="x"; refuses chek=True
    subprocess.run([], ▮
    #? takes key=len, reverse=True; refuses cmp=1
    sorted([], ▮
    #? takes sep=""; refuses seperator=""
    print(1, ▮
    #? takes a=1 | b=2
    dict(▮
    #? open expects an exception; takes bad=1
    with pytest.raises(TypeError): connect(▮
    try:
        #? open TypeError; takes bad=1
        connect(▮
    except TypeError:
        pass
    #? takes host=1; refuses bad=1
    connect(*unknown, ▮
    #? takes key=lambda bad=1: bad
    sorted([], ▮
    choose = connect if unknown else helper
    #? open; takes bad=1
    choose(▮
    #? takes host=named.resize(size=1); refuses host=named.resize(sise=1)
    connect(▮


#? takes metaclass=ABCMeta; refuses tag=1
class A(Named, ▮):
    pass


#? open takes anything; takes tag=1
class B(Tagged, ▮):
    pass


#? takes tag=1; refuses tga=1
class C(Strict, ▮):
    pass


#? open is not known; takes anything=1
class D(Unknown, ▮):
    pass


#? takes metaclass=ABCMeta | total=False
class E(TypedDict, ▮):
    pass


#? refuses anything=1
class F(▮):
    pass


def retry(times, *, pause=1.0):
    return lambda function: function


#? takes times=1 | pause=2; refuses paus=1 | name=1
@retry(▮)
def again(): ...


#? takes frozen=True, slots=True; refuses frosen=True
@dataclass(▮)
class Frozen:
    x: int


#? open; takes anything=1
@deco(▮)
def decorated_again(): ...


class Mixin(Protocol):
    def __init__(self, **kwargs):
        #? open; takes anything=1
        super().__init__(▮
