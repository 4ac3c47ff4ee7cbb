"""One editor session: documents, analysis, the model's thread and the settings, joined. No LSP types in here.

Everything here runs on the event loop; what computes is elsewhere: analysis in its process, the model on its thread,
and the monitors' waiting in a small pool.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from ..monitors.analysis import Analysis, Description, Document, Members
from ..monitors.errors import AnalysisError
from ..monitors.languages import language_of
from ..monitors.monitor import Monitor, Start
from ..monitors.protocols import protocols_of
from ..monitors.roster import joint
from ..monitors.shadow import receiver_slot, shadowed, worth_telling
from ..monitors.slots import Inference
from . import analysis
from .claims import percent
from .inferring import Inferring
from .limits import limits_of
from .listing import Entry, entries, find
from .model_thread import ModelThread
from .offers import Offers, Shown
from .outlines import Outlines
from .preload import preload_torch
from .recent import Recent
from .settings import Settings, is_guided, monitors_on
from .status import Nothing, Status

if TYPE_CHECKING:
    from ..decoding.decoder import Decoder, Written
    from ..decoding.rank import Ranking

log = logging.getLogger(__name__)

LARGE = 200_000
"""Characters; in larger documents nothing is read ahead, since taking a snapshot at every key costs more."""

EXACT = 50
"""Names of a large set whose rank is exact; behind them an upper bound of the probability orders the list."""

LIST_GRACE_S = 0.5
"""How much longer than its budget a list waits for a model that does not keep it."""

GHOST_GRACE_S = 2.0
"""The same for ghost text; a forward pass of a large prompt may take that long on a busy machine."""

LISTS_KEPT = 8
"""Lists whose items can still be resolved."""

LEAST_TOLD = 0.15
"""The probability from which a predicted type is told to analysis, so that the list behind a dot is not empty."""


@dataclass(frozen=True)
class List:
    """A list made at `offset` of a document: names begin at `begin`. `id` finds it again when an item is resolved."""

    id: int
    document: Document
    offset: int
    begin: int
    entries: tuple[Entry, ...]
    monitor: str = ""
    closed: bool = False
    reason: str = ""
    complete: bool = True
    """False when analysis was late: asking again is worth while."""


@dataclass(frozen=True)
class Ghost:
    """One ghost text to show: `text` goes where the cursor is; `shown.id` comes back when it is accepted."""

    text: str
    shown: Shown


def _imports(text: str, offset: int) -> bool:
    """Whether the line of the cursor is an import."""
    line = text[text.rfind("\n", 0, offset) + 1 : offset].lstrip()
    return line.startswith(("import ", "from "))


def _of_the_model(settings: Settings) -> tuple[object, ...]:
    """What the model is loaded again for."""
    return (
        settings.model, settings.device, settings.threads, settings.context_tokens, settings.context_outline,
        settings.context_recent, settings.cuda_graphs,
    )  # fmt: skip


class Session:
    """What the server knows and can do, in the words of this project; `app.py` translates to LSP.

    `on_status` is called, from any thread, whenever the status changes; `on_types`, on the loop, with the path of a
    document of which more is known.
    """

    def __init__(self, on_status: Callable[[], None], on_types: Callable[[str], None] = lambda _path: None) -> None:
        self.settings = Settings()
        self.status = Status()
        self.offers = Offers()
        self.types = Inferring(on_types)
        self.infer_with: Callable[[Analysis], Inference | None] = analysis.inference
        self._on_status = on_status
        self.model = ModelThread(self._changed)
        self._with_model = True
        self._analysis: Analysis | None = None
        self._guide: Monitor | None = None
        self._ask = ThreadPoolExecutor(3, thread_name_prefix="fairlead-ask")
        self._ids = count(1)
        self._outlines = Outlines(0)
        self._recent = Recent()
        self._open: dict[str, str] = {}  # path -> text
        self._lists: OrderedDict[int, List] = OrderedDict()

    # Beginning and end.

    def start(self, settings: Settings, roots: Sequence[str], *, with_model: bool = True) -> None:
        """Start the analysis process and load the model in the background. Call on the main thread."""
        self._with_model = with_model
        self._start_analysis(settings, roots)
        self.settings = settings
        self._load_model()

    def configure(self, settings: Settings, roots: Sequence[str]) -> bool:
        """Take new settings; restarts only what they concern. True if types must be inferred anew."""
        inferred_by = self.types.use_count
        old, self.settings = self.settings, settings
        if (settings.analysis_command, settings.project_python, settings.analysis_memory_mb) != (
            old.analysis_command, old.project_python, old.analysis_memory_mb,
        ):  # fmt: skip
            self._start_analysis(settings, roots)
        elif self._analysis is not None and monitors_on(settings) != monitors_on(old):
            self._guide = joint(self._analysis, monitors_on(settings))
        if settings.types_enabled != old.types_enabled and self._analysis is not None:
            self.types.use(self.infer_with(self._analysis) if settings.types_enabled else None)
        if _of_the_model(settings) != _of_the_model(old):
            self._load_model()
        self._changed()
        return self.types.use_count != inferred_by

    def close(self) -> None:
        """End what runs; bounded to about a second by the analysis process's own bound."""
        self.model.close()
        self.types.close()
        self._ask.shutdown(wait=False, cancel_futures=True)
        if self._analysis is not None:
            self._analysis.shutdown()

    def opened(self, document: Document) -> None:
        """A document is being edited: let analysis warm up."""
        if self._analysis is not None:
            self._analysis.open(document)
        self._ask.submit(self._look_at_protocols, document.root)
        self.typed(document, len(document.text))

    def typed(self, document: Document, offset: int) -> None:
        """Text was typed at `offset`: read it into the cache before anybody asks.

        Editors wait 50 to 200 ms before they ask for ghost text; what is read by then is not waited for. What an import
        brings is looked at while its line is being typed: the first touch of a heavy package takes long.
        """
        if self._analysis is not None and _imports(document.text, offset):
            self._analysis.open(document)
        if not self.settings.inline_enabled or self.status.paused or len(document.text) > LARGE:
            return

        self._recent.typed(document, offset)
        self._open[document.path] = document.text
        texts = dict(reversed(self._open.items()))  # what was opened last comes first

        def read(decoder: Decoder, stop: Callable[[], bool]) -> None:
            self._outlines.refresh(document)
            decoder.place(document, offset, stop, reserve=self.settings.inline_max_tokens + 32)
            if self.settings.inline_draft and not stop():
                decoder.remember(texts, stop)

        self.model.idle(read)

    def closed(self, path: str) -> None:
        """A document is not edited any more."""
        self.offers.forget(path)
        self._outlines.forget(path)
        self._recent.closed(path)
        self.types.closed(path)
        self._open.pop(path, None)
        if self._analysis is not None:
            self._analysis.close(path)

    def pause(self, paused: bool) -> None:
        """Offer nothing until resumed."""
        self.status.paused = paused
        self.status.nothing = None
        self._changed()

    # Features.

    async def list_members(self, document: Document, offset: int) -> List | None:
        """The members or names that may stand at the cursor, ranked; None (and a reason in the status) for nothing."""
        begun = time.monotonic()
        if self.status.paused:
            self._nothing("completion", "paused", document, offset)
            return None
        if self._guide is None or self._analysis is None:
            self._nothing("completion", "analysis is not running", document, offset)
            return None
        self._recent.turned(document, offset)
        loop = asyncio.get_running_loop()
        start = await loop.run_in_executor(
            self._ask, find, self._guide, self._analysis, document, offset, float(self.settings.analysis_budget_ms)
        )
        self._ask.submit(self._look_at_protocols, document.root)
        analysed = time.monotonic()
        if start is None:
            self._nothing("completion", "no names are written here", document, offset)
            return None
        if not start.members.members and not start.closed:
            start = await self._predicted(document, offset, start)
        ranking = await self._ranking(document, start)
        found = await loop.run_in_executor(self._ask, entries, start, ranking, document)
        self._took("completion", begun, analysis=analysed - begun, model=time.monotonic() - analysed)
        if found:
            self._something("completion")
        else:
            self._nothing("completion", start.reason or "nothing is known here", document, offset)
        made = List(
            next(self._ids), document, offset, start.offset, found, start.monitor, start.closed, start.reason,
            not start.members.silence,
        )  # fmt: skip
        self._lists[made.id] = made
        while len(self._lists) > LISTS_KEPT:
            self._lists.popitem(last=False)
        return made

    async def _predicted(self, document: Document, offset: int, start: Start) -> Start:
        """The start with the members of the type that the receiver, a parameter without annotation, probably has.

        They are listed and ranked; the place stays as open as it was.
        """
        if self._analysis is None or not self.types.on:
            return start
        slot = await self.types.run(receiver_slot, document, offset)
        known = self.types.last(document.path, slot) if slot is not None else None
        if slot is None or known is None:
            return start
        written, imports, share = worth_telling(known, LEAST_TOLD)
        if not written:
            return start
        told, moved = shadowed(document, offset, [(slot, written, imports)])
        try:
            asked = asyncio.wrap_future(self._analysis.members(told, moved))
            members = await asyncio.wait_for(asked, self.settings.analysis_budget_ms / 1000)
        except (TimeoutError, AnalysisError):
            return start
        mark = f"predicted: {written} {percent(share)}"
        listed = tuple(replace(member, detail=mark) for member in members.members)
        return replace(start, members=Members(listed, False, mark, written, start.members.extra_names)) if listed else start

    async def resolve(self, list_id: int, name: str) -> Description | None:
        """Signature and documentation of an item of a list; None when the list is too old or nothing is known."""
        made = self._lists.get(list_id)
        if made is None or self._analysis is None:
            return None
        return await self._described(made.document, made.begin, name)

    async def hover(self, document: Document, offset: int) -> Description | None:
        """What analysis knows about the name at `offset`."""
        begun = time.monotonic()
        if self._analysis is None or language_of(document.path).place(document.text, offset).where in (
            "comment", "string",
        ):
            return None
        found = await self._described(document, offset, "")
        self._took("hover", begun)
        if time.monotonic() - begun >= self.settings.analysis_budget_ms / 1000:
            self._nothing("hover", f"analysis did not answer within {self.settings.analysis_budget_ms} ms", document, offset)
        return found

    async def ghost(self, document: Document, offset: int, *, invoked: bool) -> list[Ghost] | None:
        """Ghost texts for the cursor, best first; None when a later request for the document has overtaken this one."""
        begun = time.monotonic()
        reason = self._refusal(document, offset)
        if reason:
            self._nothing("inline", reason, document, offset)
            return []
        self._recent.turned(document, offset)
        if not invoked and (known := self.offers.typed_through(document, offset)) is not None:
            shown, rest = known
            self._sent(shown)
            self._took("inline", begun, cached=time.monotonic() - begun)
            self._something("inline")
            self._prepare_next(document, offset, rest)
            return [Ghost(rest, shown)]
        budget_ms = self.settings.inline_invoked_budget_ms if invoked else self.settings.inline_budget_ms
        write = self._writing(document, offset, invoked=invoked, until=begun + budget_ms / 1000)
        faults = self.model.faults
        try:
            written = await self.model.run(("inline", document.path), write, budget_ms / 1000 + GHOST_GRACE_S)
        except TimeoutError:
            self._nothing("inline", f"the model did not answer within {budget_ms} ms and hangs, or is busy", document, offset)
            return []
        if written is None:
            failed = self.model.faults > faults  # also when another has been loaded already
            reason = f"the model failed: {self.model.fault}" if failed else self._refusal(document, offset)
            if not reason:
                return None
            self._nothing("inline", reason, document, offset)
            return []
        if written.reason == "cancelled":
            return None
        timings = written.timings
        self._took(
            "inline", begun, analysis=timings.analysis / 1000, prefill=timings.prefill / 1000,
            decode=timings.decode / 1000,
        )  # fmt: skip
        if not written.offers:
            self._nothing("inline", written.reason, document, offset)
            return []
        self._something("inline")
        self._prepare_next(document, offset, written.offers[0].text)
        ghosts = [Ghost(offer.text, self.offers.add(document, offset, offer)) for offer in written.offers]
        self._sent(ghosts[0].shown)
        return ghosts

    def accepted(self, offer_id: str) -> None:
        """An offer was taken."""
        if self.offers.accept(offer_id) is not None:
            self.status.accepted = self.offers.accepted
            self._changed()

    def refused(self, uri: str, reason: str) -> None:
        """Nothing can be offered for a document, whatever was asked."""
        self.status.nothing = Nothing("document", reason, uri.rpartition("/")[2], 0)
        self._on_status()

    # Inside.

    def _writing(
        self, document: Document, offset: int, *, invoked: bool, until: float
    ) -> Callable[[Decoder, Callable[[], bool]], Written]:
        """The job that writes ghost text; `until` is a monotonic time in seconds."""
        settings = self.settings
        guide = self._guide if is_guided(settings) else None

        def write(decoder: Decoder, stop: Callable[[], bool]) -> Written:
            from ..decoding.decoder import Ways

            ways = Ways(settings.inline_particles, settings.inline_temperature, settings.inline_ess_threshold)
            limits = limits_of(settings, invoked=invoked, until=until, stop=stop)
            return decoder.write(
                document, offset, guide, limits, automatic=not invoked, ways=ways,
                alternatives=settings.inline_alternatives if invoked else 1,
            )  # fmt: skip

        return write

    def _prepare_next(self, document: Document, offset: int, text: str) -> None:
        """Write what follows a shown text while a person reads it, so that taking it shows the next one at once."""
        if not self.settings.inline_prepare_next or len(document.text) > LARGE:
            return
        taken = replace(document, text=document.text[:offset] + text + document.text[offset:])
        if self.offers.typed_through(taken, offset + len(text)) is not None:
            return
        loop, begun = asyncio.get_running_loop(), time.monotonic()
        until = begun + self.settings.inline_invoked_budget_ms / 1000
        write = self._writing(taken, offset + len(text), invoked=False, until=until)

        def prepare(decoder: Decoder, stop: Callable[[], bool]) -> None:
            written = write(decoder, stop)
            if written.offers and not stop():
                loop.call_soon_threadsafe(self.offers.add, taken, offset + len(text), written.offers[0])

        self.model.idle(prepare)

    def _refusal(self, document: Document, offset: int) -> str:
        """Why no ghost text is made, before any work is done; empty if it is."""
        if self.status.paused:
            return "paused"
        if not self.model.ready:
            report = self.model.report
            return {"loading": "the model is being loaded", "absent": "there is no model"}.get(
                report.state, f"the model is off: {report.error}"
            )
        here = language_of(document.path).place(document.text, offset).where
        if here in ("comment", "string") and not self.settings.inline_in_comments:
            return f"the cursor is in a {here}"
        return ""

    async def _ranking(self, document: Document, start: Start) -> Ranking | None:
        names = [member.name for member in start.members.members]
        budget_ms = self.settings.completion_budget_ms
        if not self.model.ready or not names or budget_ms <= 0:
            return None
        until = time.monotonic() + budget_ms / 1000

        def job(decoder: Decoder, stop: Callable[[], bool]) -> Ranking | None:
            from ..decoding.offer import Limits

            limits = Limits(until=until, stop=stop)
            enough = EXACT if len(names) > 4 * EXACT else None
            return decoder.rank(document, start, names, typed=start.typed, limits=limits, enough=enough)[0]

        try:
            return await self.model.run(("completion", document.path), job, budget_ms / 1000 + LIST_GRACE_S)
        except TimeoutError:
            return None  # the list is wanted now, in analysis's own order

    async def _described(self, document: Document, offset: int, name: str) -> Description | None:
        assert self._analysis is not None
        future = asyncio.wrap_future(self._analysis.describe(document, offset, name))
        try:
            return await asyncio.wait_for(future, self.settings.analysis_budget_ms / 1000)
        except (TimeoutError, AnalysisError):
            return None

    def _start_analysis(self, settings: Settings, roots: Sequence[str]) -> None:
        if self._analysis is not None:
            self._analysis.shutdown()
        self._analysis = analysis.start(settings, roots, on_health=self._health_changed)
        self._guide = joint(self._analysis, monitors_on(settings))
        self.types.use(self.infer_with(self._analysis) if settings.types_enabled else None)

    def _look_at_protocols(self, root: str) -> None:
        """Tell what of a project's protocols cannot be used, and no longer tell it once it is mended. In the pool."""
        problems = protocols_of(root).problems
        if problems != self.status.declared.get(root, ()):
            for problem in problems:
                log.warning("%s", problem)
            self.status.declared[root] = problems
            self._on_status()

    def _load_model(self) -> None:
        if not self._with_model:
            return
        settings = self.settings

        def make() -> Decoder:
            if gc.get_freeze_count():  # there was another model, which may have left itself behind
                gc.unfreeze()
                gc.collect()
            preload_torch()
            from ..decoding.decoder import Decoder  # torch: seconds, and not on the event loop
            from ..decoding.prompt import CHARACTERS_PER_TOKEN

            decoder = Decoder.of(
                settings.model, settings.device, settings.threads, settings.context_tokens, settings.cuda_graphs
            )
            self._outlines = Outlines(settings.context_outline or decoder.model.outline_characters)
            decoder.context = self._outlines.of
            reach = decoder.engine.context_tokens * CHARACTERS_PER_TOKEN
            self._recent.use(settings.context_recent or decoder.model.recent_characters, reach)
            decoder.recent = self._recent.of
            # Torch and the model stay: a full collection that looks at them too holds up a key for 150 ms instead of 20.
            gc.freeze()
            return decoder

        self.model.load(make)

    def _health_changed(self, health: str) -> None:
        self.status.analysis_is(health)
        self._changed()

    def _changed(self) -> None:
        self.status.model = self.model.report
        self.status.analysis = self._analysis.health() if self._analysis is not None else "down: not started"
        self._on_status()

    def _took(self, feature: str, begun: float, **parts_s: float) -> None:
        latency_ms = (time.monotonic() - begun) * 1000
        self.status.took(feature, latency_ms, {name: value * 1000 for name, value in parts_s.items()})
        self._on_status()

    def _sent(self, shown: Shown) -> None:
        """Note that an editor is given an offer, the best one of a request."""
        self.offers.send(shown)
        self.status.shown = self.offers.sent

    def _something(self, feature: str) -> None:
        if self.status.nothing is not None and self.status.nothing.feature == feature:
            self.status.nothing = None
            self._on_status()

    def _nothing(self, feature: str, reason: str, document: Document, offset: int) -> None:
        line = document.text.count("\n", 0, offset) + 1
        self.status.nothing = Nothing(feature, reason, Path(document.path).name, line)
        self._on_status()
