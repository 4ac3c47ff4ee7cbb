"""The one thread that owns the model. The event loop hands it jobs; the latest job for a key wins.

The event loop never computes. A job gets the decoder and a `stop` function that turns true when the job was
superseded or cancelled; it is looked at for every token.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

from ..monitors.errors import ModelError

if TYPE_CHECKING:
    from ..decoding.decoder import Decoder

T = TypeVar("T")
log = logging.getLogger(__name__)

IDLE = "idle"
"""The key of jobs that nobody waits for."""

ModelState = Literal["absent", "loading", "ready", "failed"]


@dataclass(frozen=True)
class ModelReport:
    """What is loaded, for the status. `error` says what is wrong and what to do about it."""

    state: ModelState = "absent"
    name: str = ""
    device: str = ""
    dtype: str = ""
    parameters: int = 0
    error: str = ""


class ModelThread:
    """Loads a model in the background and runs jobs on it, one at a time.

    A model that fails in a job is loaded again once; a second failure leaves it off until `load` is called.
    `on_change` is called from the model's thread whenever `report` changes.
    """

    def __init__(self, on_change: Callable[[], None]) -> None:
        self.report = ModelReport()
        self._on_change = on_change
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="fairlead-model")
        self._decoder: Decoder | None = None
        self._stops: dict[Hashable, threading.Event] = {}
        self._make: Callable[[], Decoder] | None = None
        self._wanted = 0
        """Counts the calls of `load`: what an earlier one brings is dropped."""
        self._failures = 0
        self._closed = False
        self.faults = 0
        """How many jobs a model has failed in; `fault` says how the last one did."""
        self.fault = ""

    @property
    def ready(self) -> bool:
        return self.report.state == "ready"

    def load(self, make: Callable[[], Decoder]) -> None:
        """Load a model by calling `make` on the thread; returns at once. Jobs wait behind it."""
        self._make = make
        self._wanted += 1
        self._failures = 0
        self._set(ModelReport("loading"))
        self._executor.submit(self._load, make, self._wanted)

    def idle(self, job: Callable[[Decoder, Callable[[], bool]], object]) -> None:
        """Run `job` when nothing else is wanted; a later idle job replaces it, and every other job stops it."""
        if not self.ready:
            return
        self._stop_idle()
        stop = self._stops[IDLE] = threading.Event()
        self._executor.submit(self._run, job, stop)

    def _stop_idle(self) -> None:
        previous = self._stops.pop(IDLE, None)
        if previous is not None:
            previous.set()

    async def run(
        self, key: Hashable, job: Callable[[Decoder, Callable[[], bool]], T], patience_s: float | None = None
    ) -> T | None:
        """The result of `job`, or None when it was superseded by a later job for `key`, or there is no model.

        Cancelling the awaiting task stops the job at its next look at `stop`. A job that keeps its own budget needs no
        `patience_s`; a model that hangs keeps none: TimeoutError then, and the job goes on until it looks at `stop`.
        """
        if self._closed:
            return None
        self._stop_idle()
        previous = self._stops.pop(key, None)
        if previous is not None:
            previous.set()
        stop = threading.Event()
        self._stops[key] = stop
        future = asyncio.get_running_loop().run_in_executor(self._executor, self._run, job, stop)
        try:
            return await asyncio.wait_for(future, patience_s)
        except (asyncio.CancelledError, TimeoutError):
            stop.set()
            raise
        finally:
            if self._stops.get(key) is stop:
                del self._stops[key]

    def close(self) -> None:
        """Stop what runs; does not wait."""
        self._closed = True
        for stop in self._stops.values():
            stop.set()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _run(self, job: Callable[[Decoder, Callable[[], bool]], T], stop: threading.Event) -> T | None:
        decoder = self._decoder
        if decoder is None or stop.is_set():
            return None
        try:
            return job(decoder, stop.is_set)
        # A tokenizer panics with a BaseException; whatever a model does, this thread lives on.
        except BaseException as error:
            self._failed(error)
            return None

    def _failed(self, error: BaseException) -> None:
        log.exception("the model failed", exc_info=error)
        self.faults, self.fault = self.faults + 1, _in_words(error)
        self._decoder = None
        if self.report.state != "ready":
            return  # another model was asked for meanwhile, and is loaded next
        self._failures += 1
        message = _in_words(error)
        if self._failures > 1:
            message += " (it failed twice, and stays off until its settings change or the server is restarted)"
        self._set(ModelReport("failed", self.report.name, error=message))
        if self._failures == 1 and self._make is not None and not self._closed:
            # Behind what waits already: whoever asked is answered now, not when the model is there again.
            self._executor.submit(self._load, self._make, self._wanted)

    def _load(self, make: Callable[[], Decoder], wanted: int) -> None:
        if wanted != self._wanted:
            return
        begun = time.monotonic()
        self._decoder = None
        self._set(ModelReport("loading"))
        try:
            decoder = make()
            decoder.warm_up()
        except BaseException as error:
            message = _in_words(error)
            log.error("the model could not be loaded: %s", message, exc_info=not isinstance(error, ModelError))
            if wanted == self._wanted:
                self._set(ModelReport("failed", error=message))
            return
        if wanted != self._wanted:
            return
        self._decoder = decoder
        model = decoder.model
        log.info("model %s ready in %.1f s", model.name, time.monotonic() - begun)
        dtype = str(model.dtype).removeprefix("torch.")
        self._set(ModelReport("ready", model.name, str(model.device), dtype, model.parameters))

    def _set(self, report: ModelReport) -> None:
        self.report = report
        self._on_change()


def _in_words(error: BaseException) -> str:
    """What happened, in one line for a person."""
    if isinstance(error, ModelError):
        return str(error)
    first_line = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {first_line}" if first_line else type(error).__name__
