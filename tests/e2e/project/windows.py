"""A file with the line ends of Windows."""

from inventory import Item


def cheap(items: list[Item], limit: int) -> list[Item]:
    return [item for item in items if item.price_cents < limit]
