# Bare names that are read: what the scope can have.
import os
import os.path as osp
from collections import OrderedDict as Ordered, deque
from shop.builder import *

LIMIT = 3
first, (second, *others) = 1, (2, 3)


def outer(given, *rest, flag=False, **options):
    local = given
    #? closed given rest flag options local LIMIT os len; not later undefined; refuses undefined( | undefined. | locl; takes local | given. | options[0]
    x = ▮

    def inner(own):
        #? closed own local given later outer inner; refuses flagg | own2.x; takes later( | own.x | __name__ | __file__
        return ▮

    later = 1
    #? takes new = 1 | new: int = 2 | new, other = given | (a, b) = rest | [a, b] = rest | for item in rest:; refuses new += 1 | new( | new.x = 1
    ▮
    for index, item in enumerate(rest):
        #? closed index item; not value; refuses itme) | itme, 1)
        print(▮
        if index:
            early = soon
        #? lists soon
        y = ▮
        soon = 1
    #? takes [value.x for value in rest] | {k: v for k, v in rest} | (a + b for a, b in rest) | [f(a) for f in rest for a in f]; refuses [value.x for other in rest] | [value, other]
    z = ▮
    #? takes lambda a, b=1: a + b + later | (total := 1) + total | f"{local} {given!r:>{flag}}"; refuses lambda a: b | f"{locl}" | f"{given:{locl}}"
    z = ▮
    #? takes outer(flag=local, other=1) | dict(new=1, **options); refuses outer(flag=locl) | outer(*locl)
    z = ▮
    with open(given) as stream, open(osp.join("a")) as (left, right):
        #? closed stream left right; takes stream.read()
        w = ▮
    try:
        pass
    except (OSError, ValueError) as error:
        #? closed error
        raise ▮
    #? closed given; not error; refuses error.args
    w = ▮
    temporary = 1
    del temporary
    #? closed given; not temporary; refuses temporary
    w = ▮
    match given:
        case {"k": captured, **remaining} if captured:
            #? closed captured remaining
            w = ▮
        case Ordered(a=part) | deque(part):
            #? closed part; not a
            w = ▮
        #? takes Ordered(a=1) | fresh | [fresh, *more] | os.name | _ | (fresh, other) | {"k": fresh} | str() as text; refuses Nowhere(a=1) | nowhere.name
        case ▮
    #? takes first if flag else local; refuses first if flag else locl | locl if flag else first | not locl
    w = ▮
    global made
    made = 1


class Plain:
    attribute = 1
    #? closed attribute outer made; not method; refuses method
    other = ▮

    def method(self, size=attribute) -> "Plain":
        #? closed self size Plain made; not attribute other; refuses attribute | other; takes self.attribute | __class__ | super().x
        return ▮

    #? takes def fresh(self, a=attribute, *b, c: Plain = 1): | class New(deque, metaclass=type):; refuses def fresh(self, a=attribut): | class New(Plane): | class New(Plain):
    ▮


def generic[T, *Ts](value: T):
    #? closed T Ts value
    return ▮


#? refuses undecided | later_on; takes lambda: later_on | first | others
module = ▮
later_on = 1
#? takes new_builder() | Builder; refuses new_bilder()
built = ▮
#? takes import json;json.loads("1") | a = 1;a + 1 | def f(q): return q + f | from os import sep as s;s; refuses import json;jsn.loads("1") | def f(q): return p
▮
#? takes fresh = LIMIT | print(LIMIT, end="") | x: int = 1; refuses fresh = LIMT | print(LIMIT, nd) | x: int = LIMT
▮
try:
    #? open an unknown name is caught here; takes unicode
    text = ▮
except NameError:
    text = str
if os.version_info < (3,):
    #? open another version; takes xrange
    text = ▮
