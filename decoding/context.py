"""What stands before the file in a prompt: an outline of its imports, and what was edited lately in other places."""

from __future__ import annotations

from collections.abc import Sequence

from ..monitors.edits import Chunk
from .vocabulary import Vocabulary


def context_ids(
    vocabulary: Vocabulary, separator: int | None, outline: str, chunks: Sequence[Chunk], path: str, room: int
) -> list[int]:
    """At most `room` tokens: the outline, its end cut off where it is longer, then the last of `chunks` that fit, whole.

    With a `separator` every chunk is a file as such models know it: the separator, the path, the text; then the file of
    the prompt, `path`, begins. Without, the path stands above a chunk as a comment. Line ends are "\n".
    """
    ids = vocabulary.encode(outline)[:room] if outline else []
    own = [] if separator is None else [separator, *vocabulary.encode(f"{path}\n")]
    left, fitting = room - len(ids) - len(own), []
    for chunk in reversed(chunks):
        if separator is None:
            chunk_ids = vocabulary.encode(f"# {chunk.path}\n{chunk.text}\n\n")
        else:
            chunk_ids = [separator, *vocabulary.encode(f"{chunk.path}\n{chunk.text}\n")]
        if len(chunk_ids) <= left:
            left -= len(chunk_ids)
            fitting.append(chunk_ids)
    for chunk_ids in reversed(fitting):
        ids += chunk_ids
    return [*ids, *own] if fitting else ids
