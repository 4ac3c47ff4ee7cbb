"""Passes of fixed shape: a GPU replays each of them as a whole, instead of being told some twenty calls a layer.

A CUDA graph repeats the calls of its recording on the same addresses and shapes. So all that differs from pass to pass
stands in tensors that are made once: ids, positions, the slots where keys and values go, and the mask, which alone says
how much of the cache is valid. What that costs: a pass has as many rows as the smallest of `BUCKETS` that holds it, and
its attention reads as many slots as the smallest power of two behind its last row (`FIRST_SPAN` at least), so up to twice
as many as are valid. One recording is made for each of these shapes when it is first met, and again when the cache has
grown, which it does at most a few times in its life: about four passes and a wait for the device each.

Rows that only fill a bucket write behind the others, where nothing is valid, and see slot 0. Slots that are hidden are
read all the same, and zero times NaN is NaN: buffers begin as zeros, and the engine wipes what a bad pass has left.

Not measured on a GPU yet. What a recording keeps is tested on a CPU, by a recorder that repeats calls of torch on the
tensors they were made with. In use there, fixed shapes would only cost time.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch

from .cache import FIRST_CAPACITY, FixedSlots, KeyValueCache

BUCKETS = (1, 8, 16, 32, 64, 128)
"""Rows of a recorded pass; larger ones have enough to compute for each call."""

FIRST_SPAN = FIRST_CAPACITY
"""Fewest slots that a recorded pass looks at."""

WARM_UPS = 2
"""Runs before a recording: libraries choose their kernels and take their memory in the first ones."""

Work = Callable[[], torch.Tensor]
"""Computes from tensors of fixed address and shape; without arguments, a wait for the device, or random numbers."""

Recorder = Callable[[Work], Work]
"""Runs some work, and gives what does the same again, into the same tensor, on what then stands in the inputs."""

Pass = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, FixedSlots], torch.Tensor]
"""`(M,)` ids, `(M,)` positions and an `(M, S)` mask, with what takes keys and values, give `(M, hidden)`."""


class RecordingFailed(Exception):
    """A pass of fixed shape cannot be recorded here; nothing is lost, for it can be run as it is."""


class CudaRecorder:
    """Records CUDA graphs that share their memory.

    They may share it whatever their order, since none is replayed before what the last one gave has been used. A pool
    whose graphs are all gone cannot be used again: whoever drops them takes a new recorder.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self._pool = torch.cuda.graph_pool_handle()

    def __call__(self, work: Work) -> Work:
        """Raises RuntimeError where CUDA does not like it; the stream is then the one it was before."""
        graph = torch.cuda.CUDAGraph()
        outside = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(outside)
        # `torch.cuda.graph` keeps its own stream current when the end of a recording raises; this block does not.
        with torch.cuda.stream(self._stream):
            for _ in range(WARM_UPS):
                work()
            # Other threads may allocate meanwhile: only what this one does can spoil the recording.
            with torch.cuda.graph(graph, self._pool, self._stream, capture_error_mode="thread_local"):
                result = work()
        outside.wait_stream(self._stream)

        def replay() -> torch.Tensor:
            graph.replay()
            return result

        return replay


class FixedPasses:
    """The recorded passes over one cache. They are dropped, and made anew, whenever its buffers are replaced."""

    def __init__(self, new_recorder: Callable[[], Recorder], device: torch.device, mask_dtype: torch.dtype) -> None:
        self._new_recorder = new_recorder
        self._device, self._mask_dtype = device, mask_dtype
        self._generation = -1

    def run(
        self, compute: Pass, ids: torch.Tensor, positions: torch.Tensor, mask: torch.Tensor | None, cache: KeyValueCache
    ) -> torch.Tensor | None:
        """`(M, hidden)` of a pass of at most `BUCKETS[-1]` rows, valid until the next one; keys and values are written.

        `mask` (M, slots up to the last row), None where nothing is hidden. None for the first pass over a cache, whose
        buffers must be made by it. Raises `RecordingFailed`.
        """
        rows, end = len(ids), cache.length + len(ids)
        bucket = next(size for size in BUCKETS if size >= rows)
        span = max(FIRST_SPAN, 1 << (cache.length + bucket - 1).bit_length())
        if not cache.capacity:
            return None
        cache.reserve(span)
        if cache.generation != self._generation:
            self._begin(cache)
        # Rows beyond the given ones keep ids and positions of earlier passes, which do as well as any.
        self._ids[:rows].copy_(ids)
        self._positions[:rows].copy_(positions)
        torch.arange(cache.length, cache.length + bucket, out=self._slots[:bucket])
        seen = self._mask[: bucket * span].view(bucket, span).fill_(float("-inf"))
        seen[:, 0] = 0
        seen[:rows, :end] = 0 if mask is None else mask
        if (bucket, span) in self._replays:
            return self._replays[bucket, span]()[:rows]
        slots = FixedSlots(cache, self._slots[:bucket], span)
        work = partial(compute, self._ids[:bucket], self._positions[:bucket], seen, slots)
        try:
            result = work().clone()
            if bool(torch.isfinite(result).all()):
                self._replays[bucket, span] = self._recorded(work, result)
        except RuntimeError as error:
            raise RecordingFailed(str(error).partition("\n")[0]) from error
        return result[:rows]

    def _begin(self, cache: KeyValueCache) -> None:
        """Inputs, and no recordings: those there were write to buffers that the cache has given up."""
        self._replays: dict[tuple[int, int], Work] = {}
        self._recorder: Recorder | None = None
        self._generation = cache.generation
        numbers = torch.zeros((3, BUCKETS[-1]), dtype=torch.int64, device=self._device)
        self._ids, self._positions, self._slots = numbers
        self._mask = torch.empty(BUCKETS[-1] * cache.capacity, dtype=self._mask_dtype, device=self._device)

    def _recorded(self, work: Work, result: torch.Tensor) -> Work:
        """What gives `result` again; raises `RecordingFailed` where its first replay does not."""
        if self._recorder is None:
            self._recorder = self._new_recorder()
        replay = self._recorder(work)
        # As in `trees_are_right`; NaN is never less.
        if not bool((replay() - result).float().std() < 0.1 * result.float().std()):
            raise RecordingFailed("a replay gave other numbers than the pass it repeats")
        return replay
