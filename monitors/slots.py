"""Types where nobody wrote them: the values between inference and whoever shows, writes or feeds back a type.

The contract, in short:

- `slot_places.slots(text)` finds every place of a document that a person could annotate and did not. It is pure and
  cheap (tree-sitter), and works on any text, broken ones too.
- An `Inference` says what stands there: `infer(document, slots, ...)` gives one `Inferred` for each slot, in the order
  asked. It *blocks*: call it on a thread of your own, never on the event loop and never on a keystroke, with `stop` for
  the next edit. It never raises for what a workspace holds; where nothing is known the lists are empty.
- `type_inference.TypeInference(analysis, scorer=None)` is the real one, `fixed.FixedInference` the fake.

Positions: `offset`s are code points into `Document.text`, `line0`/`column0` count from 0 in code points. A type text is
Python code as it would be written at the slot, with the names this file already has for things (`np.ndarray` where
numpy is imported so); what it still needs is in `imports`. Unions are written with `|`; whoever writes into a file for an
older Python, or has to quote, turns text into `Optional[X]` or quotes itself, and shows what it writes.

A `static` type is what is declared or follows from declarations; predictions never contradict it and are empty
beside it. Probabilities are calibrated shares from 0 to 1, `low` and `high` the Venn-ABERS pair around them. What is
left to types that are not listed is `other`. `predicted_set` holds, with the promise `1 - set_epsilon`, the true type;
where `set_has_other` it may also be anything else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from .analysis import Document

SlotKind = Literal["parameter", "return", "variable", "attribute"]

StaticSource = Literal["", "declared", "rule", "inferred"]
"""Where a static type comes from: an annotation or stub, a rule of the language (`__init__` returns None), or
inference from what is assigned and returned. Guesses from call sites are no static type; they are evidence."""

Provenance = Literal["analysis", "model", "model, checked"]
"""What a claim rests on, for the mark that is shown with it. A prediction is "model" or, where the uses of the value
were there to be checked against and agree, "model, checked"; "model" means the fitted one, with or without a language
model's score in it."""


def set_of(shares: Sequence[float], epsilon: float) -> tuple[int, float]:
    """How many of the falling `shares` are needed to reach `1 - epsilon`, and what they sum to (all, where never)."""
    total = 0.0
    for count, share in enumerate(shares):
        if total >= 1.0 - epsilon:
            return count, total
        total += share
    return len(shares), total


@dataclass(frozen=True)
class Slot:
    """A place where a type could be written and is not.

    `insert_at` is the offset where `prefix + type` would be inserted (`prefix` is ": " or " -> "). Where an annotation
    is illegal there (a lambda's parameter, one of several targets, a loop's variable) `legal` is false, `reason` says
    why, and nothing may be written; a hover may still show the type. `self` and `cls` are no slots.
    """

    kind: SlotKind
    name: str
    """The parameter's, variable's or attribute's name; of a return the function's name."""
    offset: int
    """Where the name begins."""
    line0: int
    column0: int
    insert_at: int
    function: str = ""
    """Qualified name of the function around it ("Widget.draw"); of parameters and returns the function itself."""
    legal: bool = True
    reason: str = ""
    prefix: str = ": "
    stars: int = 0
    """1 for `*args`, 2 for `**kwargs`: the type is that of one argument."""
    default: str = ""
    """The default value's code, of a parameter that has one."""
    function_start: int = -1
    """Where the `def` (or its `async`) of the function begins; -1 outside of functions."""

    @property
    def end(self) -> int:
        """Where the name ends."""
        return self.offset + len(self.name)


@dataclass(frozen=True)
class Import:
    """An import that a type text needs: `from module import name as alias`, or with no `name` `import module as alias`.

    `project` says that the module belongs to the workspace, where a run-time import may close a circle.
    """

    module: str
    name: str = ""
    alias: str = ""
    project: bool = False


@dataclass(frozen=True)
class Evidence:
    """One sentence for a person, and where it can be seen. `path` "" is the document itself."""

    text: str
    line0: int = -1
    path: str = ""


@dataclass(frozen=True)
class Prediction:
    """A type that could stand at a slot. `full_type` has modules in front of every name that is no builtin."""

    text: str
    probability: float
    low: float
    high: float
    full_type: str = ""
    imports: tuple[Import, ...] = ()
    provenance: Provenance = "model"


@dataclass(frozen=True)
class Inferred:
    """What is known and believed about one slot. `complete` is false where time ran out: ask again later."""

    slot: Slot
    static: str = ""
    static_source: StaticSource = ""
    static_imports: tuple[Import, ...] = ()
    predictions: tuple[Prediction, ...] = ()
    """Likeliest first, at most a dozen."""
    predicted_set: tuple[str, ...] = ()
    set_has_other: bool = True
    set_epsilon: float = 0.1
    other: float = 1.0
    evidence: tuple[Evidence, ...] = ()
    complete: bool = True

    @property
    def best(self) -> Prediction | None:
        """The likeliest type, if there is one."""
        return self.predictions[0] if self.predictions else None


class Scorer(Protocol):
    """A language model's opinion at a slot: natural log-probabilities of the texts, in any scale that is the same for all
    of them, the prior without context subtracted. None: nothing to say, or stopped."""

    def __call__(
        self, document: Document, slot: Slot, texts: Sequence[str], stop: Callable[[], bool] | None = None
    ) -> Mapping[str, float] | None: ...


class Inference(Protocol):
    """Infers and predicts types. Safe from any thread; one document at a time is fastest."""

    def infer(
        self,
        document: Document,
        slots: Sequence[Slot] | None = None,
        *,
        until: float | None = None,
        stop: Callable[[], bool] | None = None,
        epsilon: float = 0.1,
    ) -> tuple[Inferred, ...]:
        """What stands at `slots` (None: all of the document), in their order.

        Blocks until done, until the monotonic time `until`, or until `stop()`; what was not reached is there with
        `complete=False`. `epsilon` is what `predicted_set` may miss.
        """
        ...
