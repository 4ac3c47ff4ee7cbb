"""A small project to type into: what lies where, and what it is worth."""

from .items import Item, Shelf, Warehouse

__all__ = ["Item", "Shelf", "Warehouse"]
