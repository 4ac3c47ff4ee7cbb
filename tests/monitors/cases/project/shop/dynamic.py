"""A module that fills itself."""

KNOWN = 1
globals().update({"more": 2})
