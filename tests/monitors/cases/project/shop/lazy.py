"""A module that makes its attributes up."""

KNOWN = 1


def __getattr__(name): ...
