"""Leaving out what was seen before: exactly, and nearly (MinHash over shingles of words, from datasketch)."""

from __future__ import annotations

import hashlib
import re
import zlib
from typing import Any

from ...monitors.errors import CorpusError

SHINGLE_WORDS = 5
PERMUTATIONS = 64
SIMILARITY = 0.75
"""Estimated Jaccard similarity of shingles from which two files count as the same."""

_WORD = re.compile(r"\w+")


class Duplicates:
    """What was seen so far; `is_new` asks and remembers. Without `nearly`, only equal texts (but for white space) count."""

    def __init__(self, nearly: bool = True) -> None:
        self._exact: set[bytes] = set()
        self._index = _Index() if nearly else None

    def is_new(self, text: str) -> bool:
        digest = hashlib.sha256("".join(text.split()).encode("utf-8", "replace")).digest()
        if digest in self._exact:
            return False
        self._exact.add(digest)
        return self._index is None or self._index.is_new(text)


class _Index:
    def __init__(self) -> None:
        try:
            # Imported here: an extra, and it brings scipy.
            from datasketch import MinHash, MinHashLSH
        except ImportError as error:
            raise CorpusError(
                "Near-duplicates are found with datasketch: pip install 'fairlead[train]', or give --exact-only"
            ) from error
        self._min_hash: Any = MinHash
        self._near: Any = MinHashLSH(threshold=SIMILARITY, num_perm=PERMUTATIONS)
        self._count = 0

    def is_new(self, text: str) -> bool:
        found = shingles(text)
        if not found:
            return True
        sketch = self._min_hash(num_perm=PERMUTATIONS, hashfunc=zlib.crc32)
        sketch.update_batch(sorted(found))
        if self._near.query(sketch):
            return False
        self._near.insert(str(self._count), sketch)
        self._count += 1
        return True


def shingles(text: str) -> set[bytes]:
    """Every run of five words; signs and layout do not count."""
    words = _WORD.findall(text)
    return {" ".join(words[i : i + SHINGLE_WORDS]).encode() for i in range(len(words) - SHINGLE_WORDS + 1)}
