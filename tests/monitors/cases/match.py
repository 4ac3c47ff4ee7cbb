# What an enumeration is compared with.
import enum
from shop.builder import Stopped


class Color(enum.Enum):
    RED = 1
    GREEN = 2
    BLUE = 3

    def method(self): ...


class Level(enum.IntFlag):
    LOW = enum.auto()
    HIGH = enum.auto()


def function(color: Color, level: Level, other: Stopped, unknown):
    #? first Color.RED Color.GREEN Color.BLUE; not Color.method
    if color is ▮
    #? first Color.RED Color.GREEN Color.BLUE
    if color is not ▮
    #? first Color.RED Color.GREEN Color.BLUE
    if color == ▮
    #? first Level.LOW Level.HIGH
    x = level != ▮
    #? first Level.LOW Level.HIGH
    x = level == Le▮
    #? nothing
    x = other == ▮
    #? nothing
    x = unknown is ▮
    #? nothing
    x = color = ▮
    #? nothing
    x = color + ▮
    match color:
        case Color.GREEN:
            pass
        #? first Color.RED Color.BLUE Color.GREEN; takes _ | captured | Color.RED | 1 | Color(2) | str() if x
        case ▮
    match color:
        case Color.RED:
            pass
        case Color.GREEN if level:
            pass
        #? first GREEN BLUE RED
        case Color.▮
    match color:
        case Color.RED | Color.BLUE:
            pass
        #? first Color.GREEN Color.RED Color.BLUE
        case Color.RED | ▮
    match level:
        #? first Level.LOW Level.HIGH
        case ▮
    match unknown:
        #? nothing
        case ▮
    match (color):
        #? first Color.RED
        case ▮
    #? first RED GREEN BLUE
    y = color == Color.▮
