"""Every monitor there is, by name, and the joint monitor made of those a user has switched on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from .analysis import Analysis
from .annotation import Annotation
from .arity import Arity
from .dereference import Dereference
from .exception import Exceptions
from .imports import Import
from .instantiation import Instantiation
from .joint import Joint
from .keyword_argument import KeywordArgument
from .literal import Literal
from .matching import Match
from .monitor import Monitor
from .name import Name
from .store import Store
from .typestate import Typestate

ROSTER: Mapping[str, Callable[[Analysis], Monitor]] = {
    "typestate": Typestate,
    "dereference": Dereference,
    "store": Store,
    "literal": Literal,
    "keyword_argument": KeywordArgument,
    "instantiation": Instantiation,
    "arity": Arity,
    "import": Import,
    "match": Match,
    "exception": Exceptions,
    "annotation": Annotation,
    "name": Name,
}
"""In the order in which they decide where several have something to say."""

BESIDE = frozenset({"keyword_argument", "instantiation", "arity", "match", "exception", "annotation"})
"""Monitors whose open starts list only some of what can stand at the cursor, or nothing: names in scope can, too."""


def joint(analysis: Analysis, names: Iterable[str] | None = None) -> Joint:
    """The monitors of these names (all of them by default) as one, on one analysis."""
    wanted = set(ROSTER if names is None else names)
    return Joint([make(analysis) for name, make in ROSTER.items() if name in wanted])
