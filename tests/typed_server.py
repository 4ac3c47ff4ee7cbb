"""The server as it is, but for what it infers: a table, so that tests know what must appear.

Of the code in tests/server/test_type_features.py and of the project in tests/e2e/project; both editors are driven with it too.
"""

from fairlead.monitors.fixed import FixedInference
from fairlead.monitors.slots import Import
from fairlead.server.app import App
from fairlead.server.protocol import FairleadServer

TABLE: dict[str, dict[str, float] | str] = {
    "path": {"Path": 0.99, "str": 0.01},
    # In tests/server.
    "request": {"Request": 0.9, "HTTPConnection": 0.06},
    "maybe": {"Path | None": 0.92},
    "unsure": {"int": 0.5, "str": 0.3},
    "count": "int",
    "flag": "bool",
    "size": {"int": 0.97},
    "handle": {"Response": 0.9},
    "nothing": "None",
    "long": {"dict[str, dict[str, list[tuple[int, int]]]]": 0.99},
    "broken": {"Unheard": 0.99},
    "total": "int",
    "cache": {"dict[str, int]": 0.93},
    # In tests/e2e/project.
    "item": {"Item": 0.93, "Shelf": 0.04},
    "warehouse": {"Warehouse": 0.88, "Shelf": 0.05},
    "as_row": "list[str]",
    "load": "Warehouse",
    "write": "None",
    "separator": "str",
}
IMPORTS = {
    "Path": Import("pathlib", "Path"),
    "Path | None": Import("pathlib", "Path"),
    "Request": Import("shop.web", "Request", project=True),
    "Response": Import("shop.web", "Response", project=True),
    "HTTPConnection": Import("http.client", "HTTPConnection"),
    "Shelf": Import("inventory.items", "Shelf", project=True),
    "Item": Import("inventory.items", "Item", project=True),
    "Warehouse": Import("inventory.items", "Warehouse", project=True),
}

if __name__ == "__main__":
    app = App(FairleadServer(), with_model=False)
    app.session.infer_with = lambda analysis: FixedInference(TABLE, IMPORTS)
    app.run()
