"""Which tokens a monitor's state allows next, as sparse ids: no work depends on the size of the vocabulary.

The legal texts are `forced` (what is already on the screen but was taken back for healing) followed by what the state
allows. A token is allowed if it is a prefix of a legal text, or goes beyond it in a way the state accepts. The slow
definition, one `advance` for each token, is `allowed_slowly`; both give the same ids (a test and a property say so).
"""

from __future__ import annotations

import numpy as np

from ..monitors.monitor import State
from .vocabulary import Vocabulary, continues_identifier


def allowed(vocabulary: Vocabulary, state: State, forced: str = "") -> np.ndarray | None:
    """Sorted ids that may come next, or None when every token may.

    Never raises; an empty answer means that no token of this vocabulary fits, and the caller lets go of the constraint.
    End-of-text ids are in it where the text may end.
    """
    names = state.names() if state.closed else None
    head = forced.encode("utf-8", "replace")
    found: list[int] = []
    if names is None:
        if not head:
            return None
        found.extend(vocabulary.prefixes_of(head))
        found.extend(
            token_id
            for token_id in vocabulary.starting_with(head).tolist()
            if len(vocabulary.texts[token_id]) > len(head) and _accepts(state, vocabulary.texts[token_id][len(head) :])
        )
        return np.unique(np.array(found, dtype=np.int64))
    for name in names:
        text = head + name.encode("utf-8", "replace")
        found.extend(vocabulary.prefixes_of(text))
        beyond = _beyond(vocabulary, text)
        found.extend(token_id for token_id in beyond if _accepts(state, vocabulary.texts[token_id][len(head) :]))
    if not head and state.may_end:
        found.extend(vocabulary.end_ids.tolist())
    return np.unique(np.array(found, dtype=np.int64))


def allowed_slowly(vocabulary: Vocabulary, state: State, forced: str = "") -> np.ndarray:
    """The definition: every token, one by one. For tests, and for states nobody wrote a fast mask for."""
    head = forced.encode("utf-8", "replace")
    found = []
    for token_id, text in enumerate(vocabulary.texts):
        if not text:
            continue
        if head.startswith(text) or (text.startswith(head) and _accepts(state, text[len(head) :])):
            found.append(token_id)
    if not head and state.may_end:
        found.extend(vocabulary.end_ids.tolist())
    return np.unique(np.array(found, dtype=np.int64))


def _beyond(vocabulary: Vocabulary, text: bytes) -> list[int]:
    """Tokens that write `text`, a whole name, and something behind it that is not more of the name."""
    if text:
        return [
            token_id
            for token_id in vocabulary.starting_with(text).tolist()
            if len(vocabulary.texts[token_id]) > len(text)
            and not continues_identifier(vocabulary.texts[token_id][len(text) :])
        ]
    return vocabulary.non_word_ids


def _accepts(state: State, text: bytes) -> bool:
    """Whether a state accepts bytes that may end in half a character.

    Half a character is accepted when what stands before it is, and a name could go on with those bytes.
    """
    try:
        whole, rest = text.decode("utf-8"), b""
    except UnicodeDecodeError as error:
        if error.end < len(text) or error.reason != "unexpected end of data":
            return False
        whole, rest = text[: error.start].decode("utf-8"), text[error.start :]
    after = state.advance(whole) if whole else state
    if after is None:
        return False
    if not rest:
        return True
    names = after.names() if after.closed else None
    return names is None or any(name.encode("utf-8").startswith(rest) for name in names)
