"""What other tools say at the same slots: they reveal it in a copy of the stripped project, or write it there."""

from __future__ import annotations

import ast
import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import types_dataset
import types_labels
from types_slots import Record

from fairlead.monitors import jedi_types
from fairlead.monitors.analysis import Document
from fairlead.monitors.cache import TreeCache
from fairlead.monitors.jedi_session import Session
from fairlead.monitors.slot_places import functions, slots

JEDI = "jedi (calls in the same module)"
PEERS = types_dataset.REPOSITORY / "build" / "types-peers"
REQUIREMENTS = ("basedpyright==1.40.2", "pyrefly==1.4.1", "ty==0.0.104")
COPIES = types_dataset.REPOSITORY / "build" / "types-copies"
KEPT = types_dataset.REPOSITORY / "build" / "types-answers"
_LITERAL = re.compile(r"Literal\[([^\[\]]*)\]")
_REVEALED = re.compile(
    r"(?:\s*(?:INFO|ERROR|WARN)\s+)?([^:\s]+\.py):(\d+):.*?[Rr]evealed type: `?(.*?)`?(?: \[reveal-type\])?$"
)
_PYREFLY = "# its own defaults, not what it makes of a pyproject.toml further up\n"
_TIME_S = 420

Answers = dict[tuple[str, str, int], str]
"""(path, kind, offset) of a slot to a type's code; slots a tool says nothing about are left out."""


@dataclass(frozen=True)
class Reveal:
    """One `reveal_type` in a copy: the line it stands on, from 1, and the slot it is for."""

    path: str
    line: int
    record: Record


def install() -> Path:
    """The peers' programs, in an environment of their own."""
    if not (PEERS / "bin" / "ty").exists():
        subprocess.run([sys.executable, "-m", "venv", str(PEERS)], check=True)
        subprocess.run([str(PEERS / "bin" / "pip"), "install", "-qq", *REQUIREMENTS], check=True)
    return PEERS / "bin"


def revealing(project: str, records: list[Record]) -> tuple[Path, list[Reveal]]:
    """A copy of the stripped project whose functions reveal what the records ask about."""
    source = types_dataset.STRIPPED / project
    copy = COPIES / project
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(source, copy)
    found: list[Reveal] = []
    for path in sorted({record.path for record in records}):
        own = [record for record in records if record.path == path]
        text = (source / path).read_text(encoding="utf-8")
        lines, reveals = _with_reveals(text, own)
        (copy / path).write_text(lines, encoding="utf-8")
        found += [Reveal(path, line, record) for line, record in reveals]
    return copy, found


def _with_reveals(text: str, records: list[Record]) -> tuple[str, list[tuple[int, Record]]]:
    data = text.encode()
    nodes = functions(text)
    names = {}
    for node in nodes.values():
        for slot_name in (node.child_by_field_name("name"),):
            if slot_name is not None:
                names[len(data[: slot_name.start_byte].decode())] = node
    inserts: list[tuple[int, str, Record]] = []
    tail: list[tuple[list[str], int, Record]] = []
    for record in records:
        if record.kind == "return":
            node = names.get(record.offset)
            if node is not None:
                tail += _tail(node, record)
            continue
        start = max((at for at, node in nodes.items() if at <= record.offset
                     and len(data[: node.end_byte].decode()) > record.offset), default=None)  # fmt: skip
        body = nodes[start].child_by_field_name("body") if start is not None else None
        if body is None or body.start_point[0] == nodes[start].start_point[0]:
            continue
        indent = " " * body.start_point[1]
        inserts.append((len(data[: body.start_byte].decode()), f"reveal_type({record.name})\n{indent}", record))
    found: list[tuple[int, Record]] = []
    pieces, at, line = [], 0, 1
    for offset, code, record in sorted(inserts, key=lambda one: one[0]):
        pieces.append(text[at:offset])
        line += text.count("\n", at, offset)
        found.append((line, record))
        pieces.append(code)
        line += 1
        at = offset
    pieces.append(text[at:] + "\n")
    line += text.count("\n", at) + 1
    for code, which, record in tail:
        pieces += [one + "\n" for one in code]
        found.append((line + which, record))
        line += len(code)
    return "".join(pieces), found


def _tail(node: object, record: Record) -> Iterator[tuple[list[str], int, Record]]:
    """Lines for the end of the file that reveal what a function returns; none for a function in a function."""
    from tree_sitter import Node

    assert isinstance(node, Node)
    path, around, decorated = [record.name], node.parent, b""
    while around is not None:
        if around.type == "function_definition":
            return
        if around.type == "class_definition":
            name = around.child_by_field_name("name")
            path.insert(0, (name.text or b"").decode() if name is not None else "")
        if around.type == "decorated_definition" and not decorated and len(path) == 1:
            decorated = around.text or b""
        around = around.parent
    qualified = ".".join(path)
    if re.match(rb"(@[\w.]*(property|\.setter)\b)", decorated) and len(path) > 1:
        yield [f"def _reveal(it: {'.'.join(path[:-1])!r}):", f"    reveal_type(it.{path[-1]})"], 1, record
    else:
        yield [f"reveal_type({qualified})"], 0, record


def answers(tool: str, project: str, records: list[Record]) -> Answers:
    """What a tool says, from the last time if it was asked the same."""
    asked = sorted((record.path, record.kind, record.offset) for record in records)
    key = hashlib.sha256(json.dumps([REQUIREMENTS, tool, project, asked]).encode()).hexdigest()[:16]
    cached = KEPT / f"{tool.split(' (')[0].replace(' ', '-')}-{project}-{key}.json"
    if cached.exists():
        return {(path, kind, offset): text for path, kind, offset, text in json.loads(cached.read_text(encoding="utf-8"))}
    if tool == JEDI:
        found = jedi_guesses(project, records)
    else:
        found = pyrefly_infer(project, records) if tool == "pyrefly infer" else revealed(tool, project, records)
    KEPT.mkdir(parents=True, exist_ok=True)
    cached.write_text(json.dumps([[*slot, text] for slot, text in found.items()]), encoding="utf-8")
    return found


def jedi_guesses(project: str, records: list[Record]) -> Answers:
    """What jedi makes of the slots, call sites in the same module included."""
    session = Session(TreeCache(None))
    found: Answers = {}
    for path in sorted({record.path for record in records}):
        file = types_dataset.STRIPPED / project / path
        document = Document(str(file), file.read_text(encoding="utf-8"), 1, str(types_dataset.STRIPPED / project))
        places = {(slot.kind, slot.offset): slot for slot in slots(document.text)}
        for record in records:
            slot = places.get((record.kind, record.offset)) if record.path == path else None
            if slot is None:
                continue
            try:
                guesses, _ = jedi_types.guesses(session, document, slot)
            except Exception:  # jedi's own, on code it cannot follow
                session.forget(document.path)
                continue
            if guesses:
                found[path, record.kind, record.offset] = " | ".join(guesses)
    return found


def revealed(tool: str, project: str, records: list[Record]) -> Answers:
    """What `basedpyright`, `ty` or `pyrefly` reveals."""
    programs = install()
    folder, reveals = revealing(project, records)
    paths = sorted({reveal.path for reveal in reveals})
    if tool == "basedpyright":
        (folder / "pyrightconfig.json").write_text('{"typeCheckingMode": "off"}')
        command = [str(programs / tool), "--outputjson", *paths]
    elif tool == "ty":
        command = [str(programs / tool), "check", "--output-format", "concise", *paths]
    else:
        (folder / "pyrefly.toml").write_text(_PYREFLY)
        command = [str(programs / tool), "check", "--output-format", "min-text", "--min-severity", "info", *paths]
    try:
        output = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_TIME_S).stdout
    except subprocess.TimeoutExpired:
        return {}
    said = dict(_pyright_lines(output, folder) if tool == "basedpyright" else _text_lines(output))
    found: Answers = {}
    for reveal in reveals:
        type_ = _cleaned(said.get((reveal.path, reveal.line), ""), reveal.record)
        if type_:
            found[reveal.path, reveal.record.kind, reveal.record.offset] = type_
    return found


def _pyright_lines(output: str, folder: Path) -> Iterator[tuple[tuple[str, int], str]]:
    try:
        diagnostics = json.loads(output)["generalDiagnostics"]
    except (ValueError, KeyError):
        return
    for one in diagnostics:
        match = re.match(r'Type of ".*?" is "(.*)"$', one["message"], re.S)
        if match:
            path = str(Path(one["file"]).relative_to(folder))
            yield (path, one["range"]["start"]["line"] + 1), match[1]


def _text_lines(output: str) -> Iterator[tuple[tuple[str, int], str]]:
    for line in output.splitlines():
        match = _REVEALED.match(line)
        if match:
            yield (match[1], int(match[2])), match[3]


def _cleaned(code: str, record: Record) -> str:
    """A revealed type as Python code; "" where it says nothing."""
    if record.kind == "return" and "->" in code:
        code = code.rpartition("->")[2].strip().rstrip(")")
    code = _LITERAL.sub(_class_of_literals, code)
    code = re.sub(r"\b(Unknown|Unannotated|@Todo\(.*?\)|Todo)\b", "Any", code).replace("Self@", "")
    code = re.sub(r"\b\w+@\w+\b", "Any", code)
    wrapped = re.fullmatch(r"(?:CoroutineType|Coroutine)\[[^,]*,[^,]*,\s*(.*)\]", code)
    if wrapped:
        code = wrapped[1]
    members = [one for one in types_labels.normalised(code) if one not in ("Any", "object", "Never")]
    if not members or (members == ["None"] and record.kind == "parameter"):
        return ""
    return " | ".join(members)


def _class_of_literals(match: re.Match[str]) -> str:
    found = set()
    for part in re.split(r",\s*", match[1]):
        if part[:1] in "'\"":
            found.add("str")
        elif part[:2] in ("b'", 'b"'):
            found.add("bytes")
        elif part in ("True", "False"):
            found.add("bool")
        elif re.fullmatch(r"-?\d+", part):
            found.add("int")
        else:
            found.add(part.rpartition(".")[0] or "Any")
    return " | ".join(sorted(found))


def pyrefly_infer(project: str, records: list[Record]) -> Answers:
    """What `pyrefly infer` writes into the files."""
    programs = install()
    copy = COPIES / f"{project}-infer"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(types_dataset.STRIPPED / project, copy)
    paths = sorted({record.path for record in records})
    (copy / "pyrefly.toml").write_text(_PYREFLY)
    try:
        subprocess.run([str(programs / "pyrefly"), "infer", *paths], cwd=copy, capture_output=True, timeout=_TIME_S)
    except subprocess.TimeoutExpired:
        return {}
    found: Answers = {}
    for path in paths:
        before = _signatures((types_dataset.STRIPPED / project / path).read_text(encoding="utf-8"))
        after = _signatures((copy / path).read_text(encoding="utf-8"))
        if before is None or after is None or len(before) != len(after):
            continue
        written = {offset: (kind, code) for (kind, _, offset, _), (_, _, _, code) in zip(before, after, strict=True) if code}
        for record in records:
            kind, code = written.get(record.offset, ("", ""))
            if record.path == path and kind == record.kind and (cleaned := _cleaned(code, record)):
                found[path, record.kind, record.offset] = cleaned
    return found


def _signatures(text: str) -> list[tuple[str, str, int, str]] | None:
    """(kind, name, offset, annotation) of every parameter and function, in one order."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return None
    lines = types_dataset._Lines(text)
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            at = re.compile(r"def\s+").search(text, lines.offset(node.lineno, node.col_offset))
            found.append(("return", node.name, at.end() if at else -1, ast.unparse(node.returns) if node.returns else ""))
            for argument, _ in types_dataset._arguments(node.args):
                code = ast.unparse(argument.annotation) if argument.annotation else ""
                found.append(("parameter", argument.arg, lines.offset(argument.lineno, argument.col_offset), code))
    return found
