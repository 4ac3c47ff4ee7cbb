"""A module that takes everything from one that is not there."""

from missing_module import *

KNOWN = 1
