"""The tests' editor: `start_client(args, …)` is `Client.start` of client.py beside this file."""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.server.client import Client


def _load(name: str) -> Any:
    """A module beside this file: in importlib mode tests cannot import each other by name."""
    full_name = f"fairlead_tests_{name}"
    if full_name not in sys.modules:
        spec = importlib.util.spec_from_file_location(full_name, Path(__file__).with_name(f"{name}.py"))
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[full_name] = module
        spec.loader.exec_module(module)
    return sys.modules[full_name]


@pytest.fixture(scope="session", autouse=True)
def _log_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The servers of the tests do not write into the log of whoever runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session")
def start_client() -> "Callable[..., AbstractAsyncContextManager[Client]]":
    """`async with start_client([sys.executable, …], options={…}) as client:`."""
    start: Any = _load("client").Client.start
    return start  # type: ignore[no-any-return]  # loaded by path, so typed only for readers


@pytest.fixture(scope="session")
def response_error() -> type[Exception]:
    """What `client.request` raises for an error answer; has a `code`."""
    error: type[Exception] = _load("client").ResponseError
    return error


@pytest.fixture(scope="session")
def interleaving() -> Any:
    """The module interleaving.py beside this file."""
    return _load("interleaving")
