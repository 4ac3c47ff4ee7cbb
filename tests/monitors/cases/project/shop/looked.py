"""A module that only looks at its own names."""

KNOWN = 1


def find(name):
    if name in globals():
        return globals()[name]
    return globals().get(name + "_default") == locals()
