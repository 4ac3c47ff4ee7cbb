# A star import that leads nowhere.
from missing_module import *


def function(a):
    #? open missing_module; takes anything | made( | a
    return ▮
