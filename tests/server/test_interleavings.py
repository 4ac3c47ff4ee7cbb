"""No stale answer, and exactly one to each request, in whatever order things happen (interleaving.py).

A failure names its seed: `play(range(seed, seed + 1))` plays it again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fairlead.server.documents import Documents
from fairlead.server.offers import Offers, Shown
from fairlead.server.rpc import RpcProtocol


def test_every_request_gets_one_answer_and_none_for_another_text(
    interleaving: Any, form: Callable[..., int], figure: Callable[[str, str], None]
) -> None:
    count = form(400, 10_000, 200_000)
    faults, seen = interleaving.play(range(count))
    assert faults == []
    # They do reach what they are about: each kind of answer was seen, and cancelled and empty ones.
    assert {"completion", "inline", "invoked", "hover", "cancelled", "nothing"} <= {
        what for what, times in seen.items() if times > count / 20
    }
    figure("T6", f"{count:,} interleavings, {sum(seen.values()):,} answers ({seen['cancelled']:,} cancelled): "
                 "0 stale, 0 missing, 0 twice, nothing left over at rest")  # fmt: skip


def test_the_same_seed_gives_the_same_order(interleaving: Any) -> None:
    assert interleaving.play(range(7, 27)) == interleaving.play(range(7, 27))


def always(_self: Documents, *_about: object) -> bool:
    return True


def the_latest_offer_of_any_text(self: Offers, document: Any, offset: int) -> tuple[Shown, str] | None:
    for shown in reversed(self._shown.values()):
        if shown.path == document.path:
            return shown, shown.offer.text
    return None


def silent_when_cancelled(self: Any, future: Any, msg_id: Any, method: str) -> None:
    if not future.cancelled():
        answer(self, future, msg_id, method)


answer = RpcProtocol._answer


def kept_for_ever(self: Any, msg_id: Any, handler: Any, callback: Any, *arguments: Any) -> None:
    super(RpcProtocol, self)._execute_handler(msg_id, handler, callback, *arguments)


def answered_twice(self: Any, future: Any, msg_id: Any, method: str) -> None:
    answer(self, future, msg_id, method)
    if not future.cancelled():
        answer(self, future, msg_id, method)


@pytest.mark.parametrize(
    ("owner", "method", "instead", "noticed"),
    [
        (Documents, "is_current", always, "of another text is shown"),
        (Documents, "is_typed_on", always, "list of another text is shown|of a closed document"),
        (Offers, "typed_through", the_latest_offer_of_any_text, "ghost text of another text is shown"),
        (RpcProtocol, "_answer", silent_when_cancelled, "never answered"),
        (RpcProtocol, "_answer", answered_twice, "a second answer"),
        (RpcProtocol, "_execute_handler", kept_for_ever, "left over at rest"),
    ],
)
def test_a_server_that_forgets_to_look_is_noticed(
    interleaving: Any, monkeypatch: pytest.MonkeyPatch, owner: type, method: str, instead: Any, noticed: str
) -> None:
    monkeypatch.setattr(owner, method, instead)
    faults, _ = interleaving.play(range(200))
    with pytest.raises(AssertionError, match=noticed):
        assert not faults, faults
