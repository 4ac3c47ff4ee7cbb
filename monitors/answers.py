"""Answers of analysis as futures: one that is there, one that is waited for, one that is made of another.

A question fails in three ways, and each means the same to everybody who waits: nobody answered in time, a newer
question took its place (both *late*: the answer may still come), or analysis is *down*.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import Literal, TypeVar

from .analysis import Members, Signatures
from .errors import AnalysisError

S = TypeVar("S")
T = TypeVar("T")

Nothing = Callable[[str, Literal["late", "down"]], T]
"""Makes the answer that stands for none, of a reason and of whether it is late or analysis is down."""

FAILURES = (TimeoutError, CancelledError, AnalysisError)

LATE = Signatures(reason="analysis did not answer in time")
"""Stands for signatures that did not come."""


def answered(value: T) -> Future[T]:
    """A future that has its answer."""
    future: Future[T] = Future()
    future.set_result(value)
    return future


def within(future: Future[T], deadline_ms: float | None, nothing: Nothing[T]) -> T:
    """The answer if it comes in `deadline_ms` (None: whenever it comes), else `nothing`. Never raises."""
    try:
        return future.result(None if deadline_ms is None else max(0.0, deadline_ms / 1000))
    except FAILURES as error:
        return _instead(error, nothing, deadline_ms)


def members_within(future: Future[Members], deadline_ms: float | None) -> Members:
    """The members if they come in time, else an open answer that says why not."""
    return within(future, deadline_ms, no_members)


def signatures_within(future: Future[Signatures], deadline_ms: float | None) -> Signatures:
    """The signatures if they come in time, else `LATE`, or an answer that says that analysis is down."""
    return within(future, deadline_ms, no_signatures)


def then(future: Future[S], made: Callable[[S], T], nothing: Nothing[S] | None = None) -> Future[T]:
    """What `made` makes of the answer, once it is there. A failure stays one, or with `nothing` counts as that answer."""
    result: Future[T] = Future()

    def finished(one: Future[S]) -> None:
        if not result.set_running_or_notify_cancel():
            return
        try:
            answer = one.result()
        except FAILURES as error:
            if nothing is None:
                result.set_exception(error)
                return
            answer = _instead(error, nothing, None)
        result.set_result(made(answer))

    future.add_done_callback(finished)
    return result


def no_members(reason: str, silence: Literal["late", "down"]) -> Members:
    """Nothing is known of what may stand here."""
    return Members(reason=reason, silence=silence)


def no_signatures(reason: str, silence: Literal["late", "down"]) -> Signatures:
    """Nothing is known of a call."""
    return LATE if silence == "late" else Signatures(reason=reason)


def _instead(error: BaseException, nothing: Nothing[T], deadline_ms: float | None) -> T:
    if isinstance(error, AnalysisError):
        return nothing(f"analysis is down: {error}", "down")
    if isinstance(error, CancelledError) or deadline_ms is None:
        return nothing("the question was superseded", "late")
    return nothing(f"analysis did not answer within {deadline_ms:.0f} ms", "late")
