"""When types are inferred, what stops it, and what stays known."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence

import pytest

from fairlead.monitors.analysis import Document
from fairlead.monitors.fixed import FixedInference
from fairlead.monitors.slot_places import slots
from fairlead.monitors.slots import Inferred, Slot
from fairlead.server.inferring import PIECE, Inferring

IDLE_S = 0.05


class Gated:
    """A fake that answers only while its gate is open, and notes what it was asked."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.asked: list[list[str]] = []
        self._fixed = FixedInference({"a": "int", "b": {"str": 0.9}})

    def infer(
        self, document: Document, slots: Sequence[Slot] | None = None, *, until: float | None = None,
        stop: Callable[[], bool] | None = None, epsilon: float = 0.1,
    ) -> tuple[Inferred, ...]:  # fmt: skip
        assert slots is not None
        self.asked.append([slot.name for slot in slots])
        while not self.gate.wait(0.01):
            if stop is not None and stop():
                return tuple(Inferred(slot, complete=False) for slot in slots)
        return self._fixed.infer(document, slots)


def kept(inferring: Inferring) -> Gated:
    inference = Gated()
    inferring.use(inference)
    return inference


def document(text: str, path: str = "a.py") -> Document:
    return Document(path, text)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def statics(inferring: Inferring, text: str) -> dict[str, str]:
    found = await inferring.known(document(text))
    return {one.slot.name: one.static or (one.predictions[0].text if one.predictions else "") for one in found}


async def test_a_document_is_inferred_when_it_is_opened() -> None:
    told: list[str] = []
    inferring = Inferring(told.append)
    kept(inferring)
    text = "def f(a, b): pass\n"
    inferring.opened(document(text))
    assert inferring.busy("a.py")
    await until(lambda: not inferring.busy("a.py"))
    assert await statics(inferring, text) == {"f": "", "a": "int", "b": "str"}
    assert told[-1] == "a.py"
    inferring.close()


async def test_an_edit_elsewhere_asks_about_nothing_again_and_moves_what_is_known() -> None:
    inferring = Inferring(lambda _path: None)
    inference = kept(inferring)
    text = "def f(a): pass\n\n\ndef g(b): pass\n"
    inferring.opened(document(text))
    await until(lambda: not inferring.busy("a.py"))
    assert inference.asked == [["f", "a", "g", "b"]]
    changed = "import os\n" + text + "\n\ndef h(a): pass\n"
    inferring.idle("a.py", IDLE_S, lambda: document(changed))
    found = await inferring.known(document(changed))
    assert [(one.slot.name, one.slot.line0) for one in found] == [("f", 1), ("a", 1), ("g", 4), ("b", 4)]
    await until(lambda: not inferring.busy("a.py"))
    assert inference.asked[1:] == [["h", "a"]]
    inferring.close()


async def test_the_header_of_what_is_called_counts_and_the_body_does_not() -> None:
    inferring = Inferring(lambda _path: None)
    inference = kept(inferring)
    text = "def f(a): return g(a)\n\n\ndef g(b): return 1\n"
    inferring.opened(document(text))
    await until(lambda: not inferring.busy("a.py"))
    for changed, again in ((text.replace("1", "2"), [["g", "b"]]), (text.replace("g(b)", "g(b: int)"), [["f", "a", "g"]])):
        del inference.asked[:]
        inferring.saved(document(changed))
        await until(lambda: not inferring.busy("a.py"))
        assert inference.asked == again
    inferring.close()


async def test_the_next_edit_stops_what_runs_in_any_document() -> None:
    inferring = Inferring(lambda _path: None)
    inference = kept(inferring)
    inference.gate.clear()
    inferring.opened(document("def f(a): pass\n"))
    await until(lambda: len(inference.asked) == 1)
    inferring.idle("b.py", IDLE_S, lambda: None)
    await asyncio.sleep(IDLE_S / 2)
    inference.gate.set()
    await until(lambda: not inferring.busy("a.py"))
    assert inference.asked == [["f", "a"], ["f", "a"]], "it was asked again once nobody typed"
    assert await statics(inferring, "def f(a): pass\n") == {"f": "", "a": "int"}
    inferring.idle("a.py", 60.0, lambda: None)
    assert inferring.busy("a.py")
    inferring.close()
    assert not inferring.busy("a.py")


async def test_whoever_waits_comes_before_the_background() -> None:
    inferring = Inferring(lambda _path: None)
    inference = kept(inferring)
    text = "".join(f"def f{number}(a): pass\n" for number in range(PIECE))
    inference.gate.clear()
    inferring.opened(document(text))
    await until(lambda: len(inference.asked) == 1)
    wanted = [slot for slot in slots(text) if slot.name == "a"][-1]
    answer = asyncio.create_task(inferring.of(document(text), [wanted], 10_000))
    await until(lambda: ["a"] in inference.asked)
    inference.gate.set()
    assert [one.static for one in await answer] == ["int"]
    await until(lambda: not inferring.busy("a.py"))
    assert len(await statics(inferring, text)) == PIECE + 1
    inferring.close()


async def test_what_is_on_the_screen_is_inferred_first() -> None:
    inferring = Inferring(lambda _path: None)
    inference = kept(inferring)
    text = "".join(f"def f{number}(): pass\n" for number in range(30))
    inferring.shown("a.py", text.index("def f20"), text.index("def f22"))
    inferring.opened(document(text))
    await until(lambda: not inferring.busy("a.py"))
    assert inference.asked[0] == ["f20", "f21", "f0", "f1"]
    assert sorted(name for names in inference.asked for name in names) == sorted(f"f{number}" for number in range(30))
    inferring.close()


async def test_what_another_file_may_have_changed_is_inferred_anew_but_stays_known_meanwhile() -> None:
    inferring = Inferring(lambda _path: None)
    inference = kept(inferring)
    text = "def f(a): pass\n"
    inferring.opened(document(text))
    await until(lambda: not inferring.busy("a.py"))
    inferring.saved(document("x = f()\n", "b.py"))
    await until(lambda: not inferring.busy("b.py"))
    inference.gate.clear()
    inferring.saved(document(text))
    await until(lambda: inference.asked[-1] == ["f", "a"] and len(inference.asked) > 2)
    assert await statics(inferring, text) == {"f": "", "a": "int"}
    inference.gate.set()
    await until(lambda: not inferring.busy("a.py"))
    inferring.close()


@pytest.mark.parametrize("text", ["", "def f(a", "\ufeffdef f(a): \0", "class A:\n  def f(self, a): ...\n" * 3])
async def test_any_text_is_taken(text: str) -> None:
    inferring = Inferring(lambda _path: None)
    kept(inferring)
    inferring.opened(document(text))
    await until(lambda: not inferring.busy("a.py"))
    assert len(await inferring.known(document(text))) == len(slots(text))
    inferring.closed("a.py")
    assert await inferring.known(document(text)) == ()
    inferring.close()


async def test_a_fault_of_inference_is_no_fault_of_the_editor() -> None:
    class Broken:
        def infer(self, *_arguments: object, **_options: object) -> tuple[Inferred, ...]:
            raise RuntimeError("broken")

    inferring = Inferring(lambda _path: None)
    inferring.use(Broken())
    text = "def f(a): pass\n"
    inferring.opened(document(text))
    await until(lambda: not inferring.busy("a.py"))
    assert await inferring.of(document(text), slots(text), 100) == ()
    inferring.use(None)
    assert not inferring.on
    inferring.close()
