"""Scores of a written statement against the true one, and intervals for their means.

NIM, ISM and PM as in the paper on monitor-guided decoding, with Python's tokenizer as the lexer and the end of the
*statement* (its logical line) as the end. A statement is given in two parts: `head`, from its first character to the
cursor, and the text behind the cursor, which alone is scored; the head only says which brackets are open.
"""

from __future__ import annotations

import io
import keyword
import math
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_BLANK = frozenset({
    tokenize.NEWLINE, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.COMMENT, tokenize.ENDMARKER,
})  # fmt: skip


@dataclass(frozen=True)
class Lexeme:
    """One token that is no blank; `start` counts from the beginning of the statement."""

    text: str
    start: int
    identifier: bool


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float


def read(head: str, text: str) -> tuple[list[Lexeme], int | None]:
    """The tokens of `text`, and the index in it where the statement ends; None when it does not.

    Whatever the tokenizer stumbles over ends the tokens there.
    """
    statement = head + text
    starts = [0]
    for line in statement.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found: list[Lexeme] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(statement).readline):
            start = starts[token.start[0] - 1] + token.start[1] if token.start[0] <= len(starts) else len(statement)
            if token.type == tokenize.NEWLINE and start >= len(head):
                return found, start - len(head) if token.string else None
            if token.type not in _BLANK and token.string.strip() and start >= len(head):
                name = token.type == tokenize.NAME and not keyword.iskeyword(token.string)
                found.append(Lexeme(token.string, start, name))
    except (tokenize.TokenError, SyntaxError):
        pass  # half a statement is what there is to score
    return found, None


def end_of_statement(head: str, text: str) -> int | None:
    """The index in `text` where the statement that begins with `head` ends, before its newline; None if it goes on."""
    if "\n" not in text:
        return None
    return read(head, text)[1]


def scores(head: str, true: str, written: str) -> tuple[float, float, float]:
    """(NIM, ISM, PM) of what was written behind the cursor against what stands there in truth.

    NIM: whether the first tokens are equal. ISM: the common prefix of the identifier sequences, as a share of the true
    one. PM: the same for all tokens.
    """
    wanted, made = read(head, true)[0], read(head, written)[0]
    next_match = bool(wanted and made and wanted[0].text == made[0].text)
    names = ([token.text for token in tokens if token.identifier] for tokens in (wanted, made))
    return float(next_match), prefix_share(*names), prefix_share([t.text for t in wanted], [t.text for t in made])


def prefix_share(true: Sequence[str], written: Sequence[str]) -> float:
    """The length of the common prefix over the length of the true sequence; 1 when nothing was to be written."""
    if not true:
        return 1.0
    common = 0
    for a, b in zip(true, written, strict=False):
        if a != b:
            break
        common += 1
    return common / len(true)


def score_at(k: int, values: Sequence[float]) -> float:
    """The expected best of `k` of the values, drawn without putting back. k = 1: their mean; k = n: the best."""
    n = len(values)
    ordered = sorted(values, reverse=True)
    return sum(math.comb(n - i, k - 1) * ordered[i - 1] for i in range(1, n - k + 2)) / math.comb(n, k)


def bootstrap(values: Sequence[float], clusters: Sequence[str], draws: int = 4000, seed: int = 1) -> Interval:
    """The mean with the 2.5 and 97.5 percentiles over resampled clusters.

    Accesses of one function are not independent; whole functions are drawn.
    """
    if not values:
        return Interval(math.nan, math.nan, math.nan)
    _, inverse = np.unique(np.asarray(clusters), return_inverse=True)
    sums: NDArray[np.float64] = np.bincount(inverse, weights=np.asarray(values, dtype=float))
    counts: NDArray[np.float64] = np.bincount(inverse).astype(float)
    random = np.random.default_rng(seed)
    drawn = random.multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=draws)  # (draws, clusters)
    means = (drawn @ sums) / (drawn @ counts)
    low, high = np.quantile(means, (0.025, 0.975))
    return Interval(float(sums.sum() / counts.sum()), float(low), float(high))


def ranking_scores(ranks: Sequence[int | None]) -> tuple[float, float, float]:
    """(R@1, R@5, MRR) of ranks that count from 1; None: not in the list."""
    if not ranks:
        return math.nan, math.nan, math.nan
    first = sum(rank == 1 for rank in ranks) / len(ranks)
    five = sum(rank is not None and rank <= 5 for rank in ranks) / len(ranks)
    reciprocal = sum(1 / rank for rank in ranks if rank is not None) / len(ranks)
    return first, five, reciprocal
