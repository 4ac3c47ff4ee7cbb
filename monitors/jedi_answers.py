"""jedi's answer to any question, by its verb."""

from __future__ import annotations

from typing import Any

from . import jedi_imports, jedi_kinds, jedi_literals, jedi_members, jedi_signatures, jedi_slots, slot_evidence
from .analysis import Document
from .jedi_session import Session

VERBS = ("members", "names", "describe", "signatures", "literals", "stars", "imports", "kinds", "subject", "stores", "types")


def answer_of(session: Session, verb: str, document: Document, offset: int, name: str) -> Any:
    """The answer to one of `VERBS`. Raises whatever jedi raises of broken code."""
    match verb:
        case "members":
            return jedi_members.members(session, document, offset)
        case "names":
            return jedi_members.names(session, document, offset)
        case "signatures":
            return jedi_signatures.signatures(session, document, offset)
        case "literals":
            return jedi_literals.literals(session, document, offset, name)
        case "stars":
            return jedi_imports.stars(session, document)
        case "imports":
            which, _, module = name.partition(" ")
            return jedi_imports.imports(session, document, module, which == "modules")
        case "kinds":
            about, _, one = name.partition(":")
            return jedi_kinds.kinds(session, document, offset, about, one)
        case "stores":
            return jedi_slots.stores(session, document, offset)
        case "subject":
            return jedi_kinds.subject(session, document, offset)
        case "types":
            offsets = [int(one) for one in name.split(",") if one]
            return slot_evidence.of(session).answer(document, offsets)
        case "describe":
            return jedi_members.describe(session, document, offset, name)
        case _:
            raise ValueError(f"{verb!r} is no question")
