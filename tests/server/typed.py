"""The server with an inference that answers from a table, driven by test_type_features.py."""

from fairlead.monitors.fixed import FixedInference
from fairlead.monitors.slots import Import
from fairlead.server.app import App
from fairlead.server.protocol import FairleadServer

TABLE: dict[str, dict[str, float] | str] = {
    "request": {"Request": 0.9, "HTTPConnection": 0.06},
    "path": {"Path": 0.95, "str": 0.03},
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
}
IMPORTS = {
    "Path": Import("pathlib", "Path"),
    "Path | None": Import("pathlib", "Path"),
    "Request": Import("shop.web", "Request", project=True),
    "Response": Import("shop.web", "Response", project=True),
    "HTTPConnection": Import("http.client", "HTTPConnection"),
}

if __name__ == "__main__":
    app = App(FairleadServer(), with_model=False)
    app.session.infer_with = lambda analysis: FixedInference(TABLE, IMPORTS)
    app.run()
