"""jedi's side of type inference: what it makes of a parameter, a function's result, a variable, by its own means.

Dynamic parameters are looked for in the edited module only: the search through other files takes seconds, and what the
project passes to a function is known to `ProjectIndex` without inference.
"""

from __future__ import annotations

from typing import Any

import jedi.settings

from .analysis import Document
from .jedi_members import readable
from .jedi_session import Positions, Session
from .slots import Slot

_NOT_TYPES = frozenset({"function", "NoneType", "object", "Any", "CoroutineType", "Coroutine", "AsyncGenerator", "Generator"})


def guesses(session: Session, document: Document, slot: Slot) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(bare class names, hints with their arguments such as "list[str]") of what jedi infers, None and unknowns left out."""
    text, shift = readable(document.text)
    script = session.script(Document(document.path, text, document.version, document.root))
    script._inference_state.reset_recursion_limitations()
    line, column = Positions(text).position(slot.offset - shift)
    whole_search = jedi.settings.dynamic_params_for_other_modules
    jedi.settings.dynamic_params_for_other_modules = False
    try:
        names = script.infer(line, column)
        if slot.kind == "return":
            names = [inner for name in names if name.type == "function" for inner in name.execute()]
        found: dict[str, str] = {}
        for name in names:
            if name.type == "instance" and name.name not in _NOT_TYPES:
                found.setdefault(name.name, _hint(name))
            elif name.type == "class" and slot.kind in ("variable", "attribute"):
                found.setdefault("type", f"type[{name.name}]")
    finally:
        jedi.settings.dynamic_params_for_other_modules = whole_search
    return tuple(found), tuple(found.values())


def _hint(name: Any) -> str:
    try:
        return str(name.get_type_hint() or name.name)
    except (AttributeError, NotImplementedError, TypeError):
        return str(name.name)
