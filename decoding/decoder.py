"""A model with its cache, and the two things the product asks of it: rank a set of names, write ghost text.

One thread owns a `Decoder`. Analysis is asked while the prompt is prefilled; what both cost is in the timings.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, replace

import torch

from ..monitors.analysis import Document
from ..monitors.edits import Chunk
from ..monitors.monitor import Monitor, Start
from . import stops
from .best_first import Search
from .engine import Engine, engine_for, warm_up
from .ghost import Writer
from .grove import Branch, Grove
from .model import Model, load
from .offer import Limits, Offer
from .particles import particles
from .place import Place, prepare
from .rank import Ranking, rank
from .speculation import Drafts
from .vocabulary import Vocabulary


@dataclass(frozen=True)
class Timings:
    """Milliseconds. `analysis` is what was waited for beyond the prefill it ran beside."""

    analysis: float = 0.0
    prefill: float = 0.0
    decode: float = 0.0
    total: float = 0.0


@dataclass(frozen=True)
class Written:
    """What came of a request for ghost text: offers, best first; `reason` says in words why there are none."""

    offers: tuple[Offer, ...]
    start: Start | None
    timings: Timings
    reason: str = ""


@dataclass(frozen=True)
class Ways:
    """How different texts for one place are found: by best-first search, or with more than one particle by sampling.

    `temperature` (above 0), `ess_threshold` (a share of the particles) and `seed` are those of the sampling.
    """

    particles: int = 1
    temperature: float = 0.8
    ess_threshold: float = 0.5
    seed: int = 1


class Decoder:
    """One model on one device; not thread-safe, and meant to be used by one thread only."""

    def __init__(self, model: Model, engine: Engine, vocabulary: Vocabulary) -> None:
        self.model, self.engine, self.vocabulary = model, engine, vocabulary
        self.context: Callable[[Document], str] = lambda document: ""
        """Text of other files that helps in this one; it should change rarely. Called for every prompt."""
        self.recent: Callable[[Document], Sequence[Chunk]] = lambda document: ()
        """What was edited lately in other places, the latest last; the same rule."""
        self.drafts = Drafts()
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="fairlead-ask")

    @classmethod
    def of(
        cls, model: str = "", device: str = "auto", threads: int = 0, context_tokens: int = 0, graphs: bool = True
    ) -> Decoder:
        """Load a model (see `model.load`). `threads` 0 leaves one core to analysis, on machines that have two; `graphs`
        as in `engine_for`.

        Raises the `ModelError`s of `load`.
        """
        # More threads than free cores is a collapse, not a slowdown: 3 ms a token became 50 and more (docs/log.md).
        torch.set_num_threads(threads if threads > 0 else max(1, usable_cores() - 1))
        loaded = load(model, device)
        if context_tokens > 0:
            loaded = replace(loaded, context_tokens=min(context_tokens, loaded.context_tokens))
        engine = engine_for(loaded, graphs)
        vocabulary = Vocabulary.of(
            loaded.tokenizer, engine.vocab_size, sorted(loaded.eos_ids), sorted(loaded.special_ids)
        )
        return cls(loaded, engine, vocabulary)

    def warm_up(self) -> None:
        """Build what the first request would otherwise wait for."""
        warm_up(self.engine)
        _ = (self.vocabulary.starts_word, self.vocabulary.across_end, self.vocabulary.non_word_ids)
        text = "import os\n\n\ndef main():\n    return os."
        document = Document("warm-up", text)
        place = prepare(self.model, self.vocabulary, self.engine, document, len(text), heal_at(text, len(text)))
        if place is not None:
            rank(self.engine, self.vocabulary, place.ready, ".", ["path", "getcwd", "environ"])
            Writer(self.model, self.vocabulary, self.engine, place, Limits(max_tokens=4)).write()
        self.engine.crop(0)

    def remember(self, texts: Mapping[str, str], stop: Callable[[], bool]) -> None:
        """The open documents by name: drafts are looked for in them. Does something when other ones are open only."""
        self.drafts.remember(texts, self.vocabulary, stop)

    def place(
        self, document: Document, offset: int, stop: Callable[[], bool] | None = None, reserve: int = 96,
        name_at: int | None = None,
    ) -> Place | None:  # fmt: skip
        """The engine made ready at a cursor; None when `stop` said so. What begins at `name_at` is generated anew."""
        at = min(heal_at(document.text, offset), offset if name_at is None else name_at)
        return prepare(
            self.model, self.vocabulary, self.engine, document, offset, at, reserve=reserve, stop=stop,
            context=self.context(document), chunks=self.recent(document),
        )  # fmt: skip

    def rank(
        self, document: Document, start: Start, names: Sequence[str], *, typed: str = "", limits: Limits | None = None,
        enough: int | None = None,
    ) -> tuple[Ranking | None, Timings]:
        """The exact distribution over `names` at a monitor's start; None when stopped before anything was known.

        `typed` keeps to the names that begin with it; with `enough`, only so many of the best are sure to be exact.
        """
        limits = limits or Limits()
        begun = time.monotonic()
        offset = start.offset + len(typed)
        place = self.place(document, offset, limits.stop, name_at=start.offset)
        prefilled = time.monotonic()
        if place is None:
            return None, Timings(prefill=(prefilled - begun) * 1000, total=(prefilled - begun) * 1000)
        stem = place.prompt.stem(typed)
        scored = rank(
            self.engine, self.vocabulary, place.ready, stem, names, typed=typed, enough=enough,
            until=None if limits.until == float("inf") else limits.until,
            stop=limits.stop,
        )  # fmt: skip
        self.engine.crop(len(place.prompt.tokens))
        end = time.monotonic()
        return scored.ranking, Timings(
            prefill=(prefilled - begun) * 1000, decode=(end - prefilled) * 1000, total=(end - begun) * 1000
        )

    def write(
        self, document: Document, offset: int, guide: Monitor | None, limits: Limits, *,
        alternatives: int = 1, ways: Ways = Ways(), automatic: bool = True,
    ) -> Written:  # fmt: skip
        """Ghost text at `offset`: one greedy text, and up to `alternatives - 1` different ones, found as `ways` says.

        Cancelled (`limits.stop`): no offers and the reason "cancelled".
        """
        begun = time.monotonic()
        reason = stops.refusal(document.text, offset, automatic=automatic)
        if reason:
            return Written((), None, Timings(total=(time.monotonic() - begun) * 1000), reason)
        asked: Future[Start | None] | None = None
        if guide is not None:
            left_ms = None if limits.until == float("inf") else max(1.0, (limits.until - begun) * 1000)
            asked = self._beside.submit(guide.start, document, offset, left_ms)
        place = self.place(document, offset, limits.stop, reserve=limits.max_tokens + 32)
        prefilled = time.monotonic()
        start: Start | None = None
        if asked is not None and place is not None:
            try:
                left_s = None if limits.until == float("inf") else max(0.0, limits.until - prefilled) + 0.05
                start = asked.result(left_s)
            except FutureTimeout:
                place = None
                reason = "analysis did not answer within the budget"
        if start is not None and start.closed and place is not None and start.offset < place.prompt.cut:
            # What is half typed is no name (a string): more of it must be written again than was thought.
            place = self.place(document, offset, limits.stop, limits.max_tokens + 32, start.offset)
        answered = time.monotonic()
        offers: list[Offer] = []
        if place is not None:
            offers, reason = self._alternatives(place, limits, guide, start, alternatives, ways)
        end = time.monotonic()
        timings = Timings(
            analysis=(answered - prefilled) * 1000, prefill=(prefilled - begun) * 1000,
            decode=(end - answered) * 1000, total=(end - begun) * 1000,
        )  # fmt: skip
        if limits.stop():
            return Written((), start, timings, "cancelled")
        return Written(tuple(offers), start, timings, "" if offers else reason)

    def _alternatives(
        self, place: Place, limits: Limits, guide: Monitor | None, start: Start | None, count: int, ways: Ways
    ) -> tuple[list[Offer], str]:
        if limits.draft:
            self.drafts.read(place.prompt.tokens)
        writer = Writer(self.model, self.vocabulary, self.engine, place, limits, guide, start, self.drafts)
        first = writer.write()
        if first is None:
            return [], "cancelled"
        reason = "" if first.text else _why_nothing(first, start)
        # Where nothing is left of a text that came to names the model does not believe in, another way is taken: what
        # it wrote before is not to be forced on. At the cursor itself there is no other way.
        another_way = writer.gave_up and not first.text and bool(writer.written)
        if (count <= 1 and not another_way) or limits.over or (start is not None and start.members.silence):
            return [first] if first.text else [], reason
        grove = Grove(self.model, self.vocabulary, self.engine, place, limits, guide, start, writer.answers)
        found: list[Offer] = []
        for branch in self._others(grove, writer.written, count, ways):
            offer = grove.offer(branch)
            if offer.text and offer.text not in {known.text for known in (first, *found)}:
                found.append(offer)
            if len(found) >= max(1, count - 1):
                break
        if limits.stop():
            return [], "cancelled"
        # The greedy text is the one that automatic ghost text shows: it stays where it is.
        found.sort(key=lambda offer: -offer.confidence)
        return [first, *found] if first.text else found, reason

    @staticmethod
    def _others(grove: Grove, written: Sequence[int], count: int, ways: Ways) -> Iterator[Branch]:
        if ways.particles > 1:
            random = torch.Generator().manual_seed(ways.seed)
            swarm = particles(
                grove, ways.particles, random, temperature=ways.temperature, ess_threshold=ways.ess_threshold
            )
            yield from sorted(swarm, key=lambda branch: -branch.log_weight)
        else:
            # Some turn out to be shown alike: what is behind a cut is not seen.
            yield from Search(grove, width=count).run(written, 2 * count)


def usable_cores() -> int:
    """Cores this process may use, which a container may have made fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def heal_at(text: str, offset: int) -> int:
    """The first character to be generated anew: the dot before a half-typed name, the name itself, or the cursor."""
    begin = offset
    while begin > 0 and stops.lengthens_name(text[begin - 1]):
        begin -= 1
    dot = begin
    while dot > 0 and text[dot - 1] in " \t":
        dot -= 1
    if dot > 0 and text[dot - 1] == ".":
        return dot - 1
    return begin


def _why_nothing(offer: Offer, start: Start | None) -> str:
    """In words, why a text came out empty."""
    if offer.stopped == "confidence":
        if start is not None and start.closed and start.state.closed and offer.tokens == 0:
            names = start.members.names
            if start.typed and not any(name.startswith(start.typed) for name in names):
                return f"nothing that exists begins with {start.typed!r} ({start.reason})"
            return "the model believes in none of the names that exist here"
        return "the model is not sure enough"
    return {
        "budget": "the time budget ended before anything was ready",
        "unverified": "analysis did not answer in time for the first attribute",
        "end_of_text": "the model thinks that nothing is missing here",
        "end_of_line": "the model thinks that the line is complete",
        "end_of_block": "the model thinks that the block is complete",
        "length": "nothing presentable was written",
    }[offer.stopped]
