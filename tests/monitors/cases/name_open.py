# Modules whose names no text tells.
from missing_module import *

exec("made = 1")


def function(a):
    #? open exec may bind any name; takes anything | made( | a
    return ▮
