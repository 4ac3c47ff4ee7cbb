"""The token trie of a set of names: the tree whose nodes the model scores in a few forwards.

Names are written canonically, each as the tokenizer writes `stem + name`; the stem is what stands before the name
inside the same pre-token (the dot, often more: `).`). Other tokenisations of the same text are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .vocabulary import Vocabulary


@dataclass(frozen=True)
class Trie:
    """Nodes 0…n-1 in an order where parents come first; -1 stands for the root, the healed prompt.

    `parents`, `ids`: parent node and token of each node. `children[v + 1]`: the nodes under v. `ends[i]`: the node
    where name i ends. `texts[v]`: the bytes from the root to v. `crossing[v]`: for each name that passes v (-1 included) the
    tokens that write the rest of it and go on behind it, as (name, ids).
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    ids: tuple[int, ...]
    children: tuple[tuple[int, ...], ...]
    ends: tuple[int, ...]
    texts: tuple[bytes, ...]
    crossing: dict[int, tuple[tuple[int, np.ndarray], ...]]

    def path(self, node: int) -> list[int]:
        """Nodes from the first below the root down to `node`."""
        nodes: list[int] = []
        while node >= 0:
            nodes.append(node)
            node = self.parents[node]
        return nodes[::-1]

    def subtree(self, node: int, most: int) -> list[int]:
        """`node` and what lies below it, depth first, `most` nodes of it."""
        found: list[int] = []
        waiting = [node]
        while waiting and len(found) < most:
            node = waiting.pop()
            found.append(node)
            waiting += reversed(self.children[node + 1])
        return found


def build(vocabulary: Vocabulary, stem: str, names: Sequence[str]) -> Trie:
    """The trie of `stem + name` for each name; O(total tokens). Names must be distinct and not empty."""
    parents: list[int] = []
    ids: list[int] = []
    texts: list[bytes] = []
    children: list[list[int]] = [[]]
    ends: list[int] = []
    crossing: dict[int, list[tuple[int, np.ndarray]]] = {}
    known: dict[tuple[int, int], int] = {}
    across = vocabulary.across_end
    for name_index, tokens in enumerate(vocabulary.encode_batch([stem + name for name in names])):
        whole = (stem + names[name_index]).encode("utf-8", "replace")
        node, written = -1, 0
        for token_id in tokens:
            others = across.get(whole[written:])
            if others is not None:
                crossing.setdefault(node, []).append((name_index, others))
            child = known.get((node, token_id))
            if child is None:
                child = len(ids)
                known[node, token_id] = child
                parents.append(node)
                ids.append(token_id)
                texts.append(whole[: written + len(vocabulary.texts[token_id])])
                children.append([])
                children[node + 1].append(child)
            node = child
            written += len(vocabulary.texts[token_id])
        ends.append(node)
    return Trie(
        tuple(names), tuple(parents), tuple(ids), tuple(map(tuple, children)), tuple(ends), tuple(texts),
        {node: tuple(found) for node, found in crossing.items()},
    )  # fmt: skip
