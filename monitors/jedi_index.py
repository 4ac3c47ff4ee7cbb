"""An index of a module's definitions by scope, so that listing a class does not look at every name of its module.

To list `str`, jedi looks at each name in builtins.pyi once for each of its seventeen base classes, and once more for
attributes stored on `self`. The index is made once for a parsed file; a list of members takes a third of the time.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from jedi.inference.filters import GlobalNameFilter, _AbstractUsedNamesFilter, _get_definition_names
from jedi.inference.value.instance import SelfAttributeFilter
from jedi.parser_utils import get_cached_parent_scope

_values = _AbstractUsedNamesFilter.values
_global_values = GlobalNameFilter.values


class Index:
    """Definitions of one parsed file, in the order of its table of names."""

    def __init__(self, cache_node: Any, used_names: Any) -> None:
        self.used_names = used_names
        self.in_scope: dict[int, dict[str, list[Any]]] = {}
        """By the scope that a name is bound in."""
        self.on_objects: dict[int, dict[str, list[Any]]] = {}
        """By each class around a stored attribute (`self.x = 1`)."""
        self.global_names: list[str] = []
        for key, occurrences in used_names.items():
            if any(name.parent.type == "global_stmt" for name in occurrences):
                self.global_names.append(key)
            for name in _get_definition_names(cache_node, used_names, key):
                parent = name.parent
                if parent.type == "trailer":
                    around = parent.parent
                    while around is not None:
                        if around.type == "classdef":
                            self.on_objects.setdefault(id(around), {}).setdefault(key, []).append(name)
                        around = around.parent
                else:
                    base = parent if parent.type in ("classdef", "funcdef") else name
                    scope = get_cached_parent_scope(cache_node, base)
                    self.in_scope.setdefault(id(scope), {}).setdefault(key, []).append(name)


_WORTH = 5
_indexes: WeakKeyDictionary[Any, Index | int] = WeakKeyDictionary()
"""By parso's cache item, which is replaced with every parse; nothing in an index keeps it alive. A number counts how
often one without index was listed."""


def index_of(filter_: Any) -> Index | None:
    """The index of the file that the filter looks into; None for what parso does not keep."""
    cache_node = filter_._parso_cache_node
    if cache_node is None:
        return None
    found = _indexes.get(cache_node, 0)
    if isinstance(found, int):
        # The edited document is parsed anew for each question and rarely listed more than twice: no index pays there.
        if found < _WORTH:
            _indexes[cache_node] = found + 1
            return None
        found = _indexes[cache_node] = Index(cache_node, filter_._used_names)
    # The filter may be of an older tree of the same file.
    return found if found.used_names is filter_._used_names else None


def values(self: Any) -> Any:
    """What jedi's `values` gives, from the index."""
    index = index_of(self)
    if index is None:
        return _values(self)
    groups = index.on_objects if isinstance(self, SelfAttributeFilter) else index.in_scope
    found = groups.get(id(self._parser_scope), {})
    return self._convert_names(name for names in found.values() for name in self._filter(names))


def global_values(self: Any) -> Any:
    """What jedi's `values` gives for names bound through `global`, from the index."""
    index = index_of(self)
    if index is None:
        return _global_values(self)
    return [name for key in index.global_names for name in self._convert_names(self._filter(self._used_names[key]))]
