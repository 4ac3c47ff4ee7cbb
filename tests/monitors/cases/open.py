# Receivers that may be anything, or have more than analysis can see: the set stays open.
import argparse
import importlib
import json
import threading
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock, Mock

import shop
from missing_module import Unknown, helper
from shop import dynamic, lazy, star

try:
    import no_such_parser as parser
except ImportError:
    import json as parser


def untyped(a, b=3, *rest, c: Any = None, d: Unknown = None, **named):
    #? open type is not known
    x = a.▮
    #? open parameter without annotation
    x = b.▮
    #? open
    x = c.▮
    #? open
    x = d.▮
    #? open
    x = rest[0].▮
    #? open
    x = named["k"].▮
    #? open type is not known
    x = json.loads("a").▮
    #? open type is not known
    x = helper().▮


def unions(either: "str | Unknown", other: str | Any):
    #? open
    x = either.▮
    #? open
    x = other.▮


def rebound(flag):
    value = "x"
    if flag:
        value = helper()
    #? open
    x = value.▮
    thing = None
    for thing in helper():
        pass
    #? open
    x = thing.▮
    node = "x"
    while node:
        #? open
        x = node.▮
        node = helper(node)


def narrowed_otherwise(a: str, b: object, c: "Plain"):
    if hasattr(a, "extra"):
        #? open hasattr
        x = a.▮
    if not isinstance(b, str):
        #? open
        x = b.▮
    if isinstance(c, Unknown):
        #? open
        x = c.▮


class Plain:
    def method(self): ...


class Fresh:
    def __init__(self):
        #? open stored here
        self.▮

    def second(self):
        self.name = 1
        #? open stored here
        self.▮
        #? open stored
        self.▮ = 3
        #? open stored
        self.▮: int = 3
        #? open stored
        self.name, self.▮ = 1, 2
        #? open deleted
        del self.▮


class Magic:
    def __getattr__(self, name): ...

    def known(self): ...


class Inherits(Magic):
    def own(self):
        #? open __getattr__ of Magic
        return self.▮


class Conditional:
    if not False:
        def __getattribute__(self, name): ...

    def own(self):
        #? open __getattribute__
        return self.▮


class Options:
    known = 1

    def __init__(self, **values):
        for name, value in values.items():
            setattr(self, name, value)

    def own(self):
        #? open computed names
        return self.▮


class Updated:
    known = 1

    def __init__(self, values):
        self.__dict__.update(values)

    def own(self):
        #? open computed names
        return self.▮


class Vars:
    known = 1

    def __init__(self, values):
        vars(self).update(values)

    def own(self):
        #? open computed names
        return self.▮


class Metaclass(type):
    def __new__(mcs, name, bases, namespace):
        return super().__new__(mcs, name, bases, {**namespace, "added": 1})


class Made(metaclass=Metaclass):
    known = 1

    def own(self):
        #? open metaclass
        return self.▮


class Sub(Unknown):
    def own(self):
        #? open base class Unknown
        return self.▮


@helper
class Decorated:
    known = 1


class Half:
    def own(self):
        x = self.provided_by_somebody
        #? open reads .provided_by_somebody
        return self.▮


class Singleton:
    known = 1

    def __new__(cls):
        return helper()


def instances():
    #? open __getattr__
    x = Magic().▮
    #? open computed names
    x = Options().▮
    #? open options
    x = argparse.ArgumentParser().parse_args().▮
    #? open takes any attribute
    x = SimpleNamespace(a=1).▮
    #? open mock
    x = Mock().▮
    #? open mock
    x = MagicMock().▮
    #? open
    x = importlib.import_module("os").▮
    #? open
    x = threading.local().▮
    #? open
    x = Decorated().▮
    #? open
    x = Singleton().▮
    #? open
    x = object().▮
    #? open
    x = Plain().method.▮
    #? open
    x = open("x", MODE).▮
    #? open
    x = (lambda: 1).▮


def evidence(value: str):
    y = value.no_such_method()
    #? open reads .no_such_method
    x = value.▮


def modules():
    #? open __getattr__ of shop.lazy
    x = lazy.▮
    #? open computed names
    x = dynamic.▮
    #? open missing_module
    x = star.▮
    #? open
    x = parser.▮
    #? open is a function
    x = shop.builder.Stopped.reset.▮


def containers():
    found = []
    found.append(helper())
    found.append("x")
    for one in found:
        #? open
        x = one.▮
    #? open
    x = found[0].▮


def caught():
    try:
        pass
    except (ValueError, Unknown) as error:
        #? open
        x = error.▮
    try:
        pass
    except Exception as error:
        #? open any exception
        x = error.▮


STATE = None


def start():
    global STATE
    STATE = helper()


def uses():
    #? open
    x = STATE.▮


def versions():
    import os
    import sys

    if sys.version_info >= (3, 99):
        #? open version_info
        x = os.▮
    elif sys.platform == "plan9":
        #? open version_info
        x = os.▮
    #? open os.name
    x = os.here if os.name == "nt" else os.▮
    try:
        #? open tried
        x = os.▮
    except AttributeError:
        pass


def namespaces():
    import space.inner
    #? open namespace package
    x = space.▮


class Enumerations:
    import enum

    made = enum.Enum("made", "ONE TWO")
    #? open
    x = made.▮


def make(kind):
    created = type("Created", (), {"known": 1})
    #? open
    x = created().▮
    #? open
    y = kind().▮


def lexical():
    # a comment about os.▮
    x = 2  # nope.▮
    """A docstring about os.▮"""
    x = "in a string os.▮"
    x = 3.▮
    import os.▮
    from .▮
