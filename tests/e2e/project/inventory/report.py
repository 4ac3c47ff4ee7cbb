"""Reports, without a single annotation."""

import json
import pathlib

from .items import Item, Warehouse


def as_row(item):
    return [item.name, str(item.quantity), f"{item.total_cents() / 100:.2f}"]


def load(path):
    warehouse = Warehouse()
    for row in json.loads(pathlib.Path(path).read_text(encoding="utf-8")):
        warehouse.shelf(row["shelf"]).put(Item(row["name"], row["price_cents"], row["quantity"]))
    return warehouse


def write(warehouse, path, separator="\t"):
    lines = []
    for shelf in warehouse.shelves.values():
        lines.extend(separator.join(as_row(item)) for item in shelf.items)
    pathlib.Path(path).write_text("\n".join(lines), encoding="utf-8")
