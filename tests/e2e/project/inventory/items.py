"""Things, the shelves they lie on, and the house around them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Item:
    """One kind of thing, and how many there are."""

    name: str
    price_cents: int
    quantity: int = 1
    labels: list[str] = field(default_factory=list)

    def total_cents(self) -> int:
        """What all of them are worth, in cents."""
        return self.price_cents * self.quantity

    def add_label(self, label: str) -> None:
        """Label it, once."""
        if label not in self.labels:
            self.labels.append(label)


class Shelf:
    """Items in the order in which they were put there."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.items: list[Item] = []

    def put(self, item: Item) -> None:
        """Put an item at the end."""
        self.items.append(item)

    def find(self, name: str) -> Item | None:
        """The first item of that name."""
        for item in self.items:
            if item.name == name:
                return item
        return None


class Warehouse:
    """All shelves, by number."""

    def __init__(self) -> None:
        self.shelves: dict[int, Shelf] = {}

    def shelf(self, number: int) -> Shelf:
        """The shelf of that number; made if it is not there yet."""
        if number not in self.shelves:
            self.shelves[number] = Shelf(number)
        return self.shelves[number]

    def total_cents(self) -> int:
        """What everything in the house is worth, in cents."""
        return sum(item.total_cents() for shelf in self.shelves.values() for item in shelf.items)
