"""Which tokens a monitor's state allows next, as sparse ids: no work depends on the size of the vocabulary.

The legal texts are `forced` (what is already on the screen but was taken back for healing) followed by what the state
allows. A token is allowed if it is a prefix of a legal text, or goes beyond it in a way the state accepts. The slow
definition, one `advance` for each token, is `allowed_slowly`; both give the same ids (a test and a property say so).
"""

from __future__ import annotations

import numpy as np

from ..monitors.dereference import DereferenceState
from ..monitors.joint import JointState
from ..monitors.languages import PYTHON
from ..monitors.monitor import FREE, State
from .vocabulary import Vocabulary, continues_identifier, identifier_head, is_text


def allowed(vocabulary: Vocabulary, state: State, forced: str = "") -> np.ndarray | None:
    """Sorted ids that may come next, or None when every token may. Not to be written to.

    Never raises; an empty answer means that no token of this vocabulary fits, and the caller lets go of the constraint.
    End-of-text ids are in it where the text may end. Inside a name it costs about a microsecond a name; where the text
    may go on behind a name, monitors that may refuse what follows are asked about every token that could.
    """
    names = state.names() if state.closed else None
    head = forced.encode("utf-8", "replace")
    if names is None:
        return _behind(vocabulary, state, head) if head else None
    texts = [name.encode("utf-8", "replace") for name in names]
    if head:
        texts = [head + text for text in texts]
    found = vocabulary.prefixes_of_all(texts)
    open_end = not head and "" in names
    if ("a" + "".join(names)).isidentifier() and identifier_head(head + b"a") == head + b"a":
        across = vocabulary.across_end
        crossing = [one for text in texts if text in across for one in across[text].tolist()]
        if head and "" in names:
            crossing += _beyond(vocabulary, head)
    else:
        crossing = [one for text in texts if text for one in _beyond(vocabulary, text)]
    found.update(one for one in crossing if _accepts(state, vocabulary.texts[one][len(head) :]))
    if not head and state.may_end:
        found.update(vocabulary.end_ids.tolist())
    ids = np.fromiter(found, np.int64, len(found))
    ids.sort()
    if not open_end:
        return ids
    ends = _ends(vocabulary, state)
    if not len(ids):
        return ends
    at = np.searchsorted(ends, ids)
    return np.insert(ends, at, ids)


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


def _behind(vocabulary: Vocabulary, state: State, head: bytes) -> np.ndarray:
    """The tokens that write `head`, or part of it, and go on as a state without names accepts."""
    found = vocabulary.prefixes_of_all([head])
    takes_all = _refuses_nothing(state)
    for token_id in vocabulary.starting_with(head).tolist():
        rest = vocabulary.texts[token_id][len(head) :]
        if rest and (is_text(rest) if takes_all else _accepts(state, rest)):
            found.add(token_id)
    return np.array(sorted(found), dtype=np.int64)


def _beyond(vocabulary: Vocabulary, text: bytes) -> list[int]:
    """Tokens that write `text` and something behind it; behind a word, something that is not more of the word."""
    is_word = continues_identifier(text[-1:])
    rests = [(token_id, vocabulary.texts[token_id][len(text) :]) for token_id in vocabulary.starting_with(text).tolist()]
    return [token_id for token_id, rest in rests if rest and not (is_word and continues_identifier(rest))]


def _ends(vocabulary: Vocabulary, state: State) -> np.ndarray:
    """The tokens that may follow a name that is complete; half the vocabulary, so they are not looked at one by one.

    What refuses a first character refuses all that begins with it, and what refuses nothing any more takes it all.
    """
    if _is_free_behind_the_name(state):
        return vocabulary.ends_name
    found: list[int] = []
    for first, ids in vocabulary.ends_name_by_first.items():
        after = state.advance(first)
        if after is None:
            continue
        size = len(first.encode())
        if _refuses_nothing(after):
            found.extend(ids)
        else:
            found.extend(one for one in ids if _accepts(after, vocabulary.texts[one][size:]))
    return np.array(sorted(found), dtype=np.int64)


def _refuses_nothing(state: State) -> bool:
    """Whether a state is known to accept any text, until an answer comes in."""
    if state == FREE:
        return True
    match state:
        case DereferenceState():
            return not state.closed and not state.fresh
        case JointState():
            return all(_refuses_nothing(part) for _, part in state.parts)
        case _:
            return False


def _is_free_behind_the_name(state: State) -> bool:
    """Whether a state is known to accept any text that does not lengthen the name written now."""
    match state:
        case DereferenceState(language=language) if state.closed:
            # Other languages have other names (`$` goes on in one): first characters are tried one by one.
            return language is PYTHON and state.may_end
        case JointState():
            return all(_is_free_behind_the_name(part) for _, part in state.parts)
        case _:
            return _refuses_nothing(state)


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
