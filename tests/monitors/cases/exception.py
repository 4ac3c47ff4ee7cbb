# What is raised and caught.
import json
import shop
from json import JSONDecodeError
from missing_module import Strange


class Mine(Exception): ...


class Derived(Mine, ValueError): ...


class Thing: ...


class Odd(Strange): ...


class Meta(type): ...


class Dynamic(metaclass=Meta): ...


ERRORS = (ValueError, Mine)
COUNT = 3
ready = Mine("x")
Alias = Mine


def make(text): ...


def function(given, cls):
    #? lists Mine Derived JSONDecodeError ValueError KeyError; not Thing make COUNT; takes Mine("x") | Derived | ValueError("y") from None | given | make("x") | cls() | Odd() | Dynamic() | ready | Alias | Strange; refuses Thing("x") | json | COUNT | make | Thing | int("3") | print
    raise ▮
    #? takes Mine() if given else Thing() | json.JSONDecodeError("", "", 0) | (Mine()) | ERRORS[1]; refuses json("x") | COUNT from None
    raise ▮
    try:
        pass
    #? lists Mine JSONDecodeError KeyError; not Thing make; takes Mine: | Mine as e: | (Mine, ValueError): | ERRORS: | given: | shop.Thing: | * Mine: | Odd | Strange; refuses Thing: | (Mine, Thing): | json: | make as e: | COUNT: | * Thing:
    except ▮
    #? takes Mine: | KeyError as e:; refuses print: | str as e:
    except ▮
    #? takes return Mine | raise | raise ValueError; refuses raise Thing | raise print
    ▮


#? takes raise Mine from COUNT | raise (Thing if COUNT else Mine) | raise; refuses raise COUNT from Mine
▮
#? takes x = Thing | call(Thing) | except_ = Thing | raised = Thing; refuses try: raise Thing
▮
#? lists Mine; takes M; refuses COUNT
raise ▮
#? takes Exception | BaseException | KeyboardInterrupt() | NotImplementedError; refuses NotImplemented() | len
raise ▮
#? takes StopIteration | ExceptionGroup("", []) | SystemExit(1) | OSError; refuses dict
raise ▮
try: pass
#? takes BlockingIOError: | TimeoutError as t: | (A.b, C.d):; refuses list: | (KeyError, list):
except ▮
try: pass
#? takes (Mine, *ERRORS): | tuple(ERRORS): | ERRORS + (Mine,):; refuses COUNT:
except ▮
