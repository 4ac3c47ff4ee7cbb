# What can be imported.
import json
#? closed builder dynamic lazy star; not os; refuses nothing | bilder; takes builder | builder as b | builder, lazy | (builder, lazy) | *
from shop import ▮
#? closed Stopped new_builder; refuses nothing | new_builder, nothing | (new_builder, nothing) | new_builder as n, nothing; takes Stopped | new_builder as nothing, Stopped | (\n    Stopped,  # nothing\n    new_builder\n) | _private
from shop.builder import ▮
#? closed builder; not Stopped; refuses nothing | Stopped; takes builder | builder as b, json
import shop.▮
#? closed builder; refuses nothing import x; takes builder import Stopped
from shop.▮
#? lists shop json; takes shop | nothing_at_all | json as j, os.path | shop.builder; refuses shop.nothing | json, shop.nothing; open installed
import ▮
#? takes nothing_at_all import x | shop import builder | shop.builder import Stopped; refuses shop import nothing | shop.builder import nothing; open installed
from ▮
#? open __getattr__; takes anything
from shop.lazy import ▮
#? open missing_module; takes anything
from shop.star import ▮
#? open not known; takes anything
from missing_module import ▮
#? open namespace; takes inner | anything
from space import ▮
#? closed join exists; refuses joined | join, joined; takes join, exists as e | _private | genericpath
from os.path import ▮
#? closed path environ; refuses pth; takes path, environ | fork | add_dll_directory | startfile
from os import ▮
#? closed Any Protocol; refuses Protocl; takes Any, Self | TypedDict as T
from typing import ▮
#? closed path; refuses pth; takes path
import os.▮
#? closed abc deque; refuses dequeue; takes abc | deque | defaultdict, Counter
from collections import ▮
#? closed Mapping; refuses Maping; takes Mapping
from collections.abc import ▮
try:
    #? open caught; takes anything
    from shop.builder import ▮
except ImportError:
    #? open caught; takes anything
    from shop.builder import ▮


def function():
    #? takes import shop.builder | from shop import builder\n    builder.x | import json;from shop import lazy; refuses import shop.bilder | from shop import bilder\n | x = 1;from shop import bilder
    ▮
    #? takes yield from json.x | raise json.y from shop.z | "from shop import nothing" | x = 1  # from shop import nothing
    ▮
