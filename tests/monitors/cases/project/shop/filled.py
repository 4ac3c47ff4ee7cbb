"""A module that a function fills with names."""

KNOWN = 1


def choose(backend):
    space = globals()
    for name in ("a", "b"):
        space[name] = getattr(backend, name)
