"""How the process ends: within a second, whatever is busy, with the exit code the protocol asks for.

Python's own way out waits for executor threads, for ever if need be. This one says goodbye for a bounded time and then
leaves by `os._exit`. A thread that stands ready from the start does it, so neither the event loop nor the main thread
has to be alive.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)

PATIENCE_S = 0.4
"""How long the event loop may take to end in its own way after it was asked to."""

GOODBYE_S = 0.5
"""How long the `on_exit` callbacks, all together, may take."""

_SIGNALS = {int(getattr(signal, name)) for name in ("SIGTERM", "SIGINT", "SIGHUP") if hasattr(signal, name)}


class Lifetime:
    """Ends the process once. Every method may be called from any thread and returns at once.

    `exit_code` is asked at the end. `on_exit` is called in order, in a thread of its own, after what was written to the
    client has been flushed; a callback that raises or hangs does not keep the process.
    """

    def __init__(self, exit_code: Callable[[], int], flush: Callable[[float], object]) -> None:
        self.on_exit: list[Callable[[], None]] = []
        self._exit_code = exit_code
        self._flush = flush
        self._asked = threading.Event()
        self._now = threading.Event()
        self._reason = ""
        self._parent_id: int | None = None
        threading.Thread(target=self._wait_and_end, name="fairlead end", daemon=True).start()

    def end(self, reason: str) -> None:
        """End now."""
        self._reason = self._reason or reason
        self._now.set()
        self._asked.set()

    def end_soon(self, reason: str) -> None:
        """End when the event loop has worked through what came before (it then calls `end`), or loses patience."""
        self._reason = self._reason or reason
        self._asked.set()

    def watch_parent(self, process_id: int) -> None:
        """End when this process is gone. One that we cannot see (another container) is not watched."""
        if os.name == "posix" and _is_alive(process_id):
            self._parent_id = process_id

    def watch(self, wire: int, poll_s: float) -> None:
        """Start the thread that notices a dead parent, and a client that closed the end it reads from."""
        threading.Thread(target=self._watch, args=(wire, poll_s), name="fairlead watch", daemon=True).start()

    def catch_signals(self) -> None:
        """End on SIGTERM, SIGINT and SIGHUP; only the main thread may call this.

        The signal is noticed through its wake-up descriptor, so the main thread may be deep in C code.
        """
        receiving, sending = os.pipe()
        os.set_blocking(sending, False)
        for number in _SIGNALS:
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(sending, warn_on_full_buffer=False)

        def wait() -> None:
            while caught := os.read(receiving, 1):
                if caught[0] in _SIGNALS:
                    self.end(f"received {signal.Signals(caught[0]).name}")

        threading.Thread(target=wait, name="fairlead signals", daemon=True).start()

    def _watch(self, wire: int, poll_s: float) -> None:
        poller = select.poll() if hasattr(select, "poll") else None
        if poller is not None:
            # No events are asked for: errors are always reported, and on a pipe the error is that nobody reads.
            poller.register(wire, 0)
        while True:
            if poller is None:
                time.sleep(poll_s)
            elif poller.poll(poll_s * 1000):
                self.end("the client closed its end")
                return
            if self._parent_id is not None and not _is_alive(self._parent_id):
                self.end("the editor is gone")

    def _wait_and_end(self) -> None:
        self._asked.wait()
        self._now.wait(PATIENCE_S)
        try:
            goodbye = threading.Thread(target=self._say_goodbye, name="fairlead goodbye", daemon=True)
            goodbye.start()
            goodbye.join(GOODBYE_S)
        finally:
            os._exit(self._exit_code())

    def _say_goodbye(self) -> None:
        logger.info("ending: %s", self._reason)
        self._flush(GOODBYE_S / 2)
        for callback in self.on_exit:
            try:
                callback()
            except Exception:
                # The others must be called too: one of them ends the analysis process.
                logger.exception("a callback at the end failed")
        logging.shutdown()
        sys.stderr.flush()


def _is_alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # It exists and is not ours to signal.
    return True
