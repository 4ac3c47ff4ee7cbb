# Classes with abstract methods are not called; their concrete subclasses are.
import abc
import collections.abc
from abc import ABC, ABCMeta, abstractmethod
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import pytest
from missing_module import Unknown, deco, fill

T = TypeVar("T")


class Shape(ABC):
    @abstractmethod
    def area(self): ...

    @classmethod
    def made(cls):
        #? takes cls()
        return ▮


class Square(Shape):
    def area(self): ...


class Half(Shape):
    def other(self): ...


class Assigned(Shape):
    area = None


class Named(metaclass=ABCMeta):
    @property
    @abc.abstractmethod
    def name(self): ...


class Speaks(Protocol):
    @abstractmethod
    def speak(self): ...


class Box(ABC, Generic[T]):
    @abstractmethod
    def get(self) -> T: ...


class IntBox(Box[int]):
    def get(self) -> int: ...


class Numbers(collections.abc.Mapping):
    def __getitem__(self, key): ...


class Whole(Numbers):
    def __iter__(self): ...

    def __len__(self): ...


class Mixin:
    def area(self): ...


class Mixed(Mixin, Shape): ...


class Late(Shape, Mixin): ...


class Plain:
    @abstractmethod
    def area(self): ...


class Factory(ABC):
    def __new__(cls, kind): ...

    @abstractmethod
    def area(self): ...


class Lost(Unknown, Shape): ...


@deco
class Filled(Shape): ...


@dataclass
class Data(Shape):
    x: int


class Written(Shape):
    locals()["area"] = 1


class Registering(ABC):
    def __init_subclass__(cls): ...

    @abstractmethod
    def area(self): ...


def use(kind: type[Shape], shape: Shape):
    #? takes Square() | Shape | Shape.made() | isinstance(x, Shape); refuses Shape()
    x = ▮
    #? takes Square(); refuses Half() | [Half()] | f(Half()
    x = ▮
    #? takes Assigned()
    x = ▮
    #? refuses Named()
    x = ▮
    #? refuses Speaks()
    x = ▮
    #? takes IntBox() | Whole(); refuses Box() | Numbers() | Box[int]()
    x = ▮
    #? takes Mixed(); refuses Late()
    x = ▮
    #? takes Plain()
    x = ▮
    #? takes Factory(1)
    x = ▮
    #? open is not known; takes Lost()
    x = ▮
    #? open deco; takes Filled()
    x = ▮
    #? refuses Data(1)
    x = ▮
    #? takes Written()
    x = ▮
    #? takes Registering()
    x = ▮
    #? open; takes kind() | type(shape)() | shape.__class__()
    x = ▮
    #? refuses collections.abc.Mapping() | abc.ABC.Shape(Shape()
    x = ▮
    #? open expects an exception; takes Shape()
    with pytest.raises(TypeError): ▮
    Alias = Shape
    #? open not certain; takes Alias()
    x = ▮
