"""The engine: what guided decoding asks of a model, in five verbs, and the verbs on torch.

Tokens are *committed* (the text so far) or *nodes* of a tree behind them (what could come next). One thread at a time
may use an engine; whatever a verb raises, and whenever it is stopped, the cache stays usable and holds what `tokens`
says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol
from weakref import WeakKeyDictionary

import torch

from ..monitors.errors import ModelFailed, OutOfMemory
from .cache import Columns
from .forward import Forward, Keep, Masks, TransformersForward, only_attends
from .graphs import BUCKETS
from .llama import LlamaForward, is_llama
from .weights import LlamaWeights

if TYPE_CHECKING:
    from .model import Model


RELEASED_PARAMETERS = 300_000_000
"""From this size on the weights of a module are given up when our own pass has packed them."""

GATHER_FROM = 96
"""So many slots that no row sees are worth a copy of those that some row does see."""

COLUMN_STEP = 64
"""Copied slots are padded to a multiple: oneDNN takes a millisecond for every new shape."""

_forwards: WeakKeyDictionary[torch.nn.Module, Forward] = WeakKeyDictionary()


class Engine(Protocol):
    """A language model with a cache. Logits are float32 on the CPU, and the caller's to change.

    Every verb that runs the model may raise `ModelFailed` (it raised, or gave numbers that are no logits) or
    `OutOfMemory`; wrong arguments raise `ValueError`. `prefill`, `step` and `crop` drop the tree.
    """

    vocab_size: int
    """Rows of the logits; may be larger than the tokenizer's vocabulary (padding), never smaller."""
    pass_rows: int
    """Rows to give to one pass where there are many: stopping waits for the pass that runs."""
    row_cost: float
    """What each further row adds to a pass, as a share of a pass of one row; 1 where nothing can be taken back."""
    context_tokens: int
    """Positions the model knows: committed tokens plus the depth of a tree never exceed it."""

    @property
    def tokens(self) -> tuple[int, ...]:
        """What is committed. Cheap."""

    def prefill(self, tokens: Sequence[int], stop: Callable[[], bool] | None = None) -> torch.Tensor | None:
        """Commit exactly `tokens`, reusing the longest common prefix; `(V,)` logits behind the last one.

        None when `stop()`, asked before each chunk, said so: what was read until then is kept.
        """

    def step(self, ids: Sequence[int]) -> torch.Tensor:
        """Append `ids` to what is committed; `(len(ids), V)`: row i holds what follows `ids[i]`."""

    def score_tree(self, parents: Sequence[int], ids: Sequence[int]) -> torch.Tensor:
        """Append nodes behind the committed tokens; `(len(ids), V)`: row i holds what follows node i's path.

        `parents[i]` counts all nodes appended since the tree was begun, earlier calls included; -1 is the committed
        end. A parent stands before its children.
        """

    def commit(self, path: Sequence[int]) -> None:
        """Commit the nodes of one path that starts at the committed end, and drop the others."""

    def crop(self, length: int) -> None:
        """Keep the first `length` committed tokens."""

    def foreseen(self, length: int) -> list[int]:
        """What the model's heads expect behind the token that follows the first `length` committed ones.

        Empty without heads, and where the last pass did not end or go by there.
        """


def engine_for(model: Model, graphs: bool = True) -> Engine:
    """The fastest engine that is right for the architecture of `model`; `graphs`: with recorded passes on CUDA.

    A large model on a CPU is not held twice: its module cannot be called any more once our own pass has its weights.
    """
    from .plain import PlainEngine

    if only_attends(model.module):
        engine = TorchEngine(model, graphs=graphs)
        is_ours = isinstance(model.module, LlamaWeights)
        if is_ours or trees_are_right(engine, model.module):
            if is_ours or model.parameters > RELEASED_PARAMETERS:
                engine.forward.release(model.module)
            return engine
    return PlainEngine(model)


def warm_up(engine: Engine, stop: Callable[[], bool] | None = None) -> None:
    """Run passes of the usual numbers of rows, since the first of each is several times slower; drops what was
    committed."""
    for rows in (1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256):
        if rows < engine.context_tokens and not (stop is not None and stop()):
            engine.crop(0)
            engine.prefill([0])
            engine.step([0] * rows)
    engine.crop(0)


def forward_for(module: torch.nn.Module) -> Forward:
    """Our own pass where we have one for this architecture, made once a module, else that of transformers."""
    if not is_llama(module):
        return TransformersForward(module)
    if module not in _forwards:
        _forwards[module] = LlamaForward(module)
    return _forwards[module]


def trees_are_right(engine: Engine, module: torch.nn.Module) -> bool:
    """Whether a tree behind a cache gives what the module gives for the path alone, tried on nine tokens.

    Reading the config cannot tell: some models ignore the positions or a four-dimensional mask (ALiBi), or refuse them.
    """
    prefix, path, strangers = [5, 9, 2], [7, 3], [11, 4, 8, 6]
    if engine.vocab_size <= max(strangers):
        return False
    try:
        if any(weight.numel() == 0 for weight in module.parameters()):
            return True  # Released, so tried before.
        engine.prefill(prefix)
        rows = engine.score_tree([-1, -1, -1, -1, -1, 4], [*strangers, *path])
        engine.crop(0)
        with torch.inference_mode():
            ids = torch.tensor([prefix + path], device=next(module.parameters()).device)
            alone = module(input_ids=ids, use_cache=False).logits[0, -1].float().cpu()
    except (ModelFailed, OutOfMemory):
        return False
    # Rounding of bfloat16 is a hundredth of the spread; a sibling that is seen changes tenths.
    return bool((rows[-1] - alone).std() < 0.1 * alone.std())


def first_logits(module: torch.nn.Module, ids: Sequence[int]) -> torch.Tensor:
    """`(len(ids), V)` of a text read from its start, whatever they are: for a first look at a module."""
    forward = forward_for(module)
    places = torch.arange(len(ids))
    hidden = torch.zeros((len(ids), len(ids))).masked_fill_(places > places[:, None], float("-inf"))
    masks = dict.fromkeys(forward.windows, hidden.to(forward.device, forward.dtype))
    tokens, places = torch.tensor(ids, device=forward.device), places.to(forward.device)
    with torch.inference_mode():
        return forward(tokens, places, masks, forward.new_cache(graphs=False), "all")


class TorchEngine:
    """An `Engine` on torch, for any causal language model made of attention layers."""

    def __init__(self, model: Model, forward: Forward | None = None, graphs: bool = True) -> None:
        self.vocab_size = model.vocab_size
        self.context_tokens = model.context_tokens
        self.forward = forward or forward_for(model.module)
        self.row_cost = _row_cost(self.forward)
        self._cache = self.forward.new_cache(graphs)
        self._committed: list[int] = []
        self._tuple: tuple[int, ...] | None = ()
        self._end_logits: torch.Tensor | None = None  # (V,), what follows the committed tokens, where known
        self._tree = _Tree()
        self._heads = [head.to(self.forward.device, self.forward.dtype) for head in model.heads]
        self._states: tuple[int, torch.Tensor] | None = None  # behind how many tokens the first row stands, the rows
        # Between chunks we can be stopped: about 20 ms on a slow machine, more where fewer rows would cost throughput.
        per_chunk = 2_200_000_000 // max(model.parameters, 1)
        self.pass_rows = max(32, min(per_chunk // 32 * 32, 256)) if self.forward.device.type == "cpu" else 512

    @property
    def tokens(self) -> tuple[int, ...]:
        if self._tuple is None:
            self._tuple = tuple(self._committed)
        return self._tuple

    def prefill(self, tokens: Sequence[int], stop: Callable[[], bool] | None = None) -> torch.Tensor | None:
        wanted = list(tokens)
        if not wanted:
            raise ValueError("prefill needs at least one token")
        self._check_room(len(wanted))
        common = common_prefix(self._committed, wanted)
        if common == len(wanted) == len(self._committed) and self._end_logits is not None:
            self.crop(common)
            return self._end_logits.clone()
        # The last token is read again when it is already there: its logits are not kept.
        self.crop(min(common, len(wanted) - 1))
        while len(self._committed) < len(wanted):
            if stop is not None and stop():
                return None
            start = len(self._committed)
            chunk = wanted[start : start + self.pass_rows]
            is_last = start + len(chunk) == len(wanted)
            logits = self._append(chunk, "last" if is_last else "none")
        self._end_logits = logits[-1]
        return self._end_logits.clone()

    def step(self, ids: Sequence[int]) -> torch.Tensor:
        if not ids:
            raise ValueError("step needs at least one token")
        self.crop(len(self._committed))
        self._check_room(len(self._committed) + len(ids))
        logits = self._append(list(ids), "all")
        self._end_logits = logits[-1].clone()
        return logits

    def score_tree(self, parents: Sequence[int], ids: Sequence[int]) -> torch.Tensor:
        if not ids or len(parents) != len(ids):
            raise ValueError("A tree needs as many parents as ids, and at least one")
        self._states = None
        base, old, tree = len(self._committed), len(self._tree.ids), self._tree
        tree.add(parents, ids)
        try:
            self._check_room(base + max(tree.depths[old:]))
            nodes, seen = self._seen_nodes(old)
            columns = None if len(nodes) == len(tree.ids) else self._columns(base, nodes)
            depths = torch.tensor(tree.depths)
            positions = depths[old:] + (base - 1)
            key_positions = torch.cat([torch.arange(base), depths[torch.tensor(nodes)] + (base - 1)])
            everyone = torch.ones((len(ids), base), dtype=torch.bool)
            masks = self._masks(positions, key_positions, torch.cat([everyone, seen], dim=1))
            logits = self._run(list(ids), positions, masks, "all", columns)
        except BaseException:
            tree.cut(old)
            raise
        self._cache.length += len(ids)
        return logits

    def _seen_nodes(self, old: int) -> tuple[list[int], torch.Tensor]:
        """The nodes that are columns of a pass over those from `old` on, and `(M, columns)`, which row sees which.

        All of them, in order, where leaving some out would not pay, or the pass is one that can be replayed; else those
        on the paths, padded with node 0 unseen.
        """
        paths = self._tree.paths[old:]
        nodes = sorted(set().union(*paths))
        hidden = len(self._tree.ids) - len(nodes)
        gathers = hidden >= GATHER_FROM and not (self._cache.fixed and len(paths) <= BUCKETS[-1])
        if not gathers:
            nodes = list(range(len(self._tree.ids)))
        column_of = {node: column for column, node in enumerate(nodes)}
        rows = [row for row, path in enumerate(paths) for _ in path]
        columns = [column_of[node] for path in paths for node in path]
        if gathers:
            nodes += [0] * (-(len(self._committed) + len(nodes)) % COLUMN_STEP)
        seen = torch.zeros((len(paths), len(nodes)), dtype=torch.bool)
        seen[torch.tensor(rows), torch.tensor(columns)] = True
        return nodes, seen

    def _columns(self, base: int, nodes: list[int]) -> Columns:
        return Columns(base, torch.tensor(nodes, device=self.forward.device) + base)

    def commit(self, path: Sequence[int]) -> None:
        expected = -1
        for node in path:
            if not 0 <= node < len(self._tree.ids) or self._tree.parents[node] != expected:
                raise ValueError(f"Node {node} does not follow node {expected}")
            expected = node
        base = len(self._committed)
        self._cache.keep(base, [base + node for node in path])
        self._committed += [self._tree.ids[node] for node in path]
        if path:
            self._tuple = self._end_logits = None
        self._tree = _Tree()

    def crop(self, length: int) -> None:
        if not 0 <= length <= len(self._committed):
            raise ValueError(f"Cannot keep {length} of {len(self._committed)} tokens")
        if length < len(self._committed):
            del self._committed[length:]
            self._tuple = self._end_logits = None
        self._cache.length = length
        self._tree = _Tree()

    def foreseen(self, length: int) -> list[int]:
        if self._states is None or not isinstance(self.forward, LlamaForward):
            return []
        first, states = self._states
        return self.forward.foresee(states[length - first], self._heads) if 0 <= length - first < len(states) else []

    def _append(self, ids: list[int], keep: Keep) -> torch.Tensor:
        base = len(self._committed)
        self._states = None
        positions = torch.arange(base, base + len(ids))
        masks: Masks | None = None
        if len(ids) > 1 or any(window is not None for window in self.forward.windows.values()):
            keys = torch.arange(base + len(ids))
            masks = self._masks(positions, keys, keys <= positions[:, None])
        logits = self._run(ids, positions, masks, keep)
        self._cache.length += len(ids)
        if self._heads and isinstance(self.forward, LlamaForward) and self.forward.states is not None and keep != "none":
            self._states = base + len(ids) - len(self.forward.states) + 1, self.forward.states
        self._committed += ids
        self._tuple = self._end_logits = None
        return logits

    def _masks(self, positions: torch.Tensor, key_positions: torch.Tensor, seen: torch.Tensor) -> Masks | None:
        """`seen` (M, S) bool, narrowed by the window of each type of layer, as what is added to the scores."""
        distance = positions[:, None] - key_positions
        masks, hides = {}, len(positions) > 1
        for name, window in self.forward.windows.items():
            visible = seen if window is None else seen & (distance < window)
            hides = hides or not bool(visible.all())
            mask = torch.zeros(visible.shape, dtype=self.forward.dtype).masked_fill_(~visible, float("-inf"))
            masks[name] = mask.to(self.forward.device)
        return masks if hides else None

    def _run(
        self, ids: list[int], positions: torch.Tensor, masks: Masks | None, keep: Keep, columns: Columns | None = None
    ) -> torch.Tensor:
        """One pass; `(rows, V)` float32 on the CPU. `cache.length` is not moved."""
        device = self.forward.device
        try:
            with torch.inference_mode():
                tokens = torch.tensor(ids, device=device)
                logits = self.forward(tokens, positions.to(device), masks, self._cache, keep, columns)
                is_finite = bool(torch.isfinite(logits.sum()))
            # Made outside inference mode: the caller may change it in place.
            result = torch.empty(logits.shape, dtype=torch.float32)
            result.copy_(logits)
        except Exception as error:
            raise translated(error) from error
        if not is_finite:
            self._cache.wipe()
            raise ModelFailed("The model gave numbers that are no logits (NaN or infinite)")
        return result

    def _check_room(self, positions: int) -> None:
        if positions > self.context_tokens:
            raise ValueError(f"{positions} positions do not fit the model's {self.context_tokens}")


def translated(error: Exception) -> ModelFailed | OutOfMemory:
    """What a module or a loader raised, in our words: either there was no memory, or the model is at fault."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "allocate memory" in str(error):
        return OutOfMemory("Out of memory in the model: use a smaller model, a shorter context, or another device")
    return ModelFailed(f"The model failed: {type(error).__name__}: {error}")


def _row_cost(forward: Forward) -> float:
    """As measured for 2 to 16 rows: the default model and 0.5 billion parameters on a CPU with bfloat16 products, and
    in float32."""
    if forward.device.type != "cpu":
        return 0.02
    return 0.06 if forward.dtype == torch.bfloat16 else 0.2


def common_prefix(left: Sequence[int], right: Sequence[int]) -> int:
    """How many tokens both begin with."""
    for index, (a, b) in enumerate(zip(left, right, strict=False)):
        if a != b:
            return index
    return min(len(left), len(right))


class _Tree:
    """Nodes behind the committed tokens."""

    def __init__(self) -> None:
        self.parents: list[int] = []
        self.ids: list[int] = []
        self.depths: list[int] = []  # 1 for the nodes right behind the committed end
        self.paths: list[tuple[int, ...]] = []  # the nodes that each node sees, itself last

    def add(self, parents: Sequence[int], ids: Sequence[int]) -> None:
        """Append nodes; nothing is changed when a parent is wrong."""
        old = len(self.ids)
        for node, (parent, token_id) in enumerate(zip(parents, ids, strict=True), old):
            if not -1 <= parent < node:
                self.cut(old)
                raise ValueError(f"Node {node} cannot have parent {parent}")
            self.parents.append(parent)
            self.ids.append(token_id)
            path = (*self.paths[parent], node) if parent >= 0 else (node,)
            self.paths.append(path)
            self.depths.append(len(path))

    def cut(self, size: int) -> None:
        """Keep the first `size` nodes."""
        for part in (self.parents, self.ids, self.depths, self.paths):
            del part[size:]
