"""The server as it is, but for what it infers: a table about the project here, so that the tests know what must appear."""

from fairlead.monitors.fixed import FixedInference
from fairlead.monitors.slots import Import
from fairlead.server.app import App
from fairlead.server.protocol import FairleadServer

TABLE: dict[str, dict[str, float] | str] = {
    "item": {"Item": 0.93, "Shelf": 0.04},
    "warehouse": {"Warehouse": 0.88, "Shelf": 0.05},
    "path": {"Path": 0.9, "str": 0.06},
    "as_row": "list[str]",
    "load": "Warehouse",
    "write": "None",
    "separator": "str",
}
IMPORTS = {
    "Shelf": Import("inventory.items", "Shelf", project=True),
    "Item": Import("inventory.items", "Item", project=True),
    "Warehouse": Import("inventory.items", "Warehouse", project=True),
    "Path": Import("pathlib", "Path"),
}

if __name__ == "__main__":
    app = App(FairleadServer(), with_model=False)
    app.session.infer_with = lambda analysis: FixedInference(TABLE, IMPORTS)
    app.run()
