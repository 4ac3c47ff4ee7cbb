"""In a namespace package."""

KNOWN = 1
