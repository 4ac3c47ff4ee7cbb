"""What helps before the file in a prompt: what was edited lately elsewhere, an outline, or nothing; and a packed pass.

    .venv/bin/python benchmarks/context.py [--model FOLDER] [--statements 300]
    .venv/bin/python benchmarks/context.py --packed

"Edited lately" is a simulation: a function of another file of the same package that the statement calls had a line edited
before, and the chunk is what the server would put into the prompt for that edit (`monitors/edits.py`). The other
conditions are a function of that file which the rest of the file does not name, four functions of which the called one is one,
and an outline. Held-out packages (dots-packages.txt). Printed: the mean log-probability of a true token of statements that call
the function, of the statements behind those, and of others before a call, and the mean difference to no context in pairs, with
its standard error.

`--packed`: what one pass over four chunks with a block-diagonal mask costs and gives, against a causal one.
"""

from __future__ import annotations

import argparse
import ast
import random
import re
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from dots_dataset import REQUIREMENTS, files_of, install, measured, read
from machine import cpu_seconds
from shapes import default_model, engine_and_vocabulary, widened_model

from fairlead.decoding.decoder import Decoder
from fairlead.decoding.engine import TorchEngine, warm_up
from fairlead.decoding.model import Model
from fairlead.decoding.prompt import CONTEXT_SHARE, lay_out
from fairlead.monitors.analysis import Document
from fairlead.monitors.edits import Chunk, Region, block
from fairlead.monitors.import_cycles import file_of
from fairlead.monitors.import_lines import imported
from fairlead.monitors.outline import outline

MOST, FEW = 600, 220
"""Characters of one chunk that stands alone, and of one of four."""

RESERVE = 96
"""Tokens that the server leaves free to write into."""


Kind = Literal["calls it", "follows a call", "stands elsewhere"]


@dataclass(frozen=True)
class Statement:
    """`text[offset:end]` of a file is a statement; `used` is a chunk that holds what was edited, by size."""

    document: Document
    offset: int
    end: int
    package: str
    kind: Kind
    """What it has to do with the edited function: it calls it, it follows one that does, or the file calls it later."""
    used: dict[int, Chunk]
    others: dict[int, tuple[Chunk, ...]]
    """Chunks of functions that the rest of the file does not name."""


def statements(count: int, seed: int = 1) -> list[Statement]:
    """As many from each package as there are, files in any order."""
    root, queues = install(), []
    for requirement, _ in measured(REQUIREMENTS.read_text("utf-8")):
        package = requirement.partition("==")[0]
        queues.append(of_package(root, package, random.Random(f"{seed}:{package}")))
    chosen: list[Statement] = []
    while len(chosen) < count and queues:
        for queue in list(queues):
            one = next(queue, None)
            if one is None:
                queues.remove(queue)
            else:
                chosen.append(one)
    return chosen[:count]


def of_package(root: Path, package: str, chance: random.Random) -> Iterator[Statement]:
    """Statements of all kinds, those of one file together."""
    for path in chance.sample(paths := files_of(root, package), len(paths)):
        found = list(of_file(root, path, package, chance))
        yield from chance.sample(found, len(found))


def of_file(root: Path, path: str, package: str, chance: random.Random) -> Iterator[Statement]:
    """At most two statements of each kind in a file."""
    text = read(root, path).text
    full = str(root / path)
    if not 2_000 < len(text) < 80_000:
        return
    try:
        module = ast.parse(text)
    except SyntaxError:
        return
    functions = called_names(text, full, str(root))
    if not functions:
        return
    offsets = [0]
    for line in text.split("\n"):
        offsets.append(offsets[-1] + len(line) + 1)
    lines = text.split("\n")
    kept: dict[Kind, list[tuple[int, int, str]]] = {"calls it": [], "follows a call": [], "stands elsewhere": []}
    for function in ast.walk(module):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        simple = [
            node for node in ast.walk(function)
            if isinstance(node, ast.Expr | ast.Assign | ast.Return | ast.AugAssign | ast.AnnAssign)
            and node.lineno == node.end_lineno and len(lines[node.lineno - 1].strip()) > 11
            and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        ]  # fmt: skip
        simple.sort(key=lambda node: node.lineno)
        before = ""
        for node in simple:
            line = lines[node.lineno - 1]
            if not line.isascii() or line[: node.col_offset].strip():
                continue
            begin, end = offsets[node.lineno - 1] + node.col_offset, offsets[node.lineno - 1] + node.end_col_offset
            names = [name for name in functions if re.search(rf"\b{name}\(", text[begin:end])]
            if names:
                before = names[0]
                kept["calls it"].append((begin, end, before))
            elif before:
                kept["follows a call"].append((begin, end, before))
                before = ""
            elif later := [name for name in functions if re.search(rf"\b{name}\(", text[end:])]:
                kept["stands elsewhere"].append((begin, end, chance.choice(later)))
    for kind, found in kept.items():
        for begin, end, name in chance.sample(found, min(2, len(found))):
            where, node = functions[name]
            strangers = strange(text[begin:], where, chance)
            if len(strangers) < 3:
                continue
            relative = str(Path(where).relative_to(root))
            source = Path(where).read_text("utf-8", "replace")
            sizes = (MOST, FEW)
            lines_edited = [edited(source, one, chance) for one in (node, *strangers)]
            chunks = {size: [Chunk(relative, cut(source, region, size)) for region in lines_edited] for size in sizes}
            yield Statement(
                Document(full, text, 0, str(root)), begin, end, package, kind,
                {size: chunks[size][0] for size in sizes}, {size: tuple(chunks[size][1:4]) for size in sizes},
            )  # fmt: skip


def called_names(text: str, path: str, root: str) -> dict[str, tuple[str, ast.AST]]:
    """The functions, and methods of classes, that a file imports from other files of its package: file and node."""
    found: dict[str, tuple[str, ast.AST]] = {}
    for one in imported(text, path, root):
        where, name = file_of(one.target.rpartition(".")[0], root), one.target.rpartition(".")[2]
        if where is None or where == path:
            continue
        try:
            module = ast.parse(Path(where).read_text("utf-8"))
        except (SyntaxError, UnicodeError):
            continue
        for node in module.body:
            if isinstance(node, ast.FunctionDef) and node.name == name == one.expression:
                found[name] = where, node
            elif isinstance(node, ast.ClassDef) and node.name == name:
                for method in node.body:
                    if isinstance(method, ast.FunctionDef) and not method.name.startswith("__") and len(method.name) > 4:
                        found.setdefault(method.name, (where, method))
    return found


def strange(rest: str, where: str, chance: random.Random) -> list[ast.AST]:
    """Functions of a file that a text does not name, in any order."""
    module = ast.parse(Path(where).read_text("utf-8", "replace"))
    found = [
        node for node in ast.walk(module)
        if isinstance(node, ast.FunctionDef) and len(node.body) > 1 and not re.search(rf"\b{node.name}\b", rest)
    ]  # fmt: skip
    chance.shuffle(found)
    return found


def edited(source: str, node: Any, chance: random.Random) -> Region:
    """A line of the body of a function, as the server would have noted it."""
    lines = source.split("\n")
    line0 = chance.choice([at for at in range(node.body[0].lineno - 1, node.end_lineno) if lines[at].strip()])
    start = sum(len(line) + 1 for line in lines[:line0])
    return Region(start, start + len(lines[line0]), 1)


def cut(source: str, region: Region, most: int) -> str:
    start, end = block(source, region, most)
    return source[start:end]


def conditions(one: Statement) -> dict[str, tuple[str, tuple[Chunk, ...]]]:
    """By name, the outline and the chunks, the latest last."""
    others = one.others[FEW]
    return {
        "nothing": ("", ()),
        "the edited function": ("", (one.used[MOST],)),
        "another function": ("", (one.others[MOST][0],)),
        "four functions, the edited one last": ("", (*others, one.used[FEW])),
        "outline": (outline(one.document, MOST), ()),
    }


def log_probability(decoder: Decoder, one: Statement) -> tuple[float, int]:
    """Mean of the tokens of the statement, healing included, and how many tokens the prompt has."""
    place = decoder.place(one.document, one.offset, reserve=RESERVE)
    assert place is not None
    ids = decoder.vocabulary.encode(place.prompt.forced + one.document.text[one.offset : one.end] + "\n")[: RESERVE - 1]
    rows = torch.cat([place.ready[None], decoder.engine.step(ids)])[:-1]
    values = torch.log_softmax(rows, -1)[torch.arange(len(ids)), torch.tensor(ids)]
    return float(values.mean()), len(place.prompt.tokens)


def quality(model: str, count: int) -> None:
    decoder = Decoder.of(model, "cpu")
    budget = decoder.engine.context_tokens - RESERVE
    taken: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    separator = decoder.model.file_separator
    begun = cpu_seconds()
    for one in statements(count):
        values: dict[str, float] = {}
        fits = True
        for name, (before, chunks) in conditions(one).items():
            decoder.context, decoder.recent = (lambda _, text=before: text), (lambda _, found=chunks: found)
            values[name], tokens = log_probability(decoder, one)
            if name == "nothing":
                fits = tokens <= budget * (1 - CONTEXT_SHARE)
            if name == "the edited function" and separator is not None:
                decoder.model = replace_separator(decoder.model, None)
                values["the edited function, under a comment"], _ = log_probability(decoder, one)
                decoder.model = replace_separator(decoder.model, separator)
        for name, value in values.items():
            for part in (one.kind, "file fits beside it" if fits else "file gives way"):
                taken[part][name].append(value)
    for part, by_name in taken.items():
        print(f"\n{part}: {len(by_name['nothing'])} statements")
        for name, found in by_name.items():
            pairs = [value - base for value, base in zip(found, by_name["nothing"], strict=True)]
            error = statistics.stdev(pairs) / len(pairs) ** 0.5
            print(f"  {name:40} {statistics.mean(found):.3f}  {statistics.mean(pairs):+.3f} ± {error:.3f}")
    print(f"{cpu_seconds() - begun:.0f} s of processor time")


def replace_separator(model: Model, separator: int | None) -> Model:
    return replace(model, file_separator=separator)


def packed(count: int) -> None:
    """Four chunks read in one pass in which none sees another: what that costs, and what the file behind gives."""
    decoder = Decoder.of("", "cpu")
    engine = decoder.engine
    assert isinstance(engine, TorchEngine)
    ways = {"causal": (False, False), "packed, places of their own": (True, False), "packed, places shared": (True, True)}
    taken: dict[str, list[float]] = defaultdict(list)
    again: dict[str, list[int]] = defaultdict(list)
    for one in statements(count):
        parts = [
            decoder.vocabulary.encode(f"# {chunk.path}\n{chunk.text}\n\n") for chunk in (*one.others[FEW], one.used[FEW])
        ]
        budget = engine.context_tokens - RESERVE - sum(map(len, parts))
        prompt = lay_out(decoder.model, decoder.vocabulary, one.document.text, one.offset, one.offset, budget)
        ids = decoder.vocabulary.encode(prompt.forced + one.document.text[one.offset : one.end] + "\n")[: RESERVE - 1]
        rest = [*prompt.tokens, *ids]
        again["read in all"].append(sum(map(len, parts)) + len(prompt.tokens))
        for at, part in enumerate(parts):
            again["read again when one of four changes, packed"].append(len(part) + len(prompt.tokens))
            again["read again when one of four changes, causal"].append(sum(map(len, parts[at:])) + len(prompt.tokens))
        for name, (is_packed, is_shared) in {"nothing": (False, False), **ways}.items():
            logits = read_at_once(engine, [] if name == "nothing" else parts, rest, is_packed, is_shared)
            rows = logits[-len(ids) - 1 : -1]
            values = torch.log_softmax(rows, -1)[torch.arange(len(ids)), torch.tensor(ids)]
            taken[name].append(float(values.mean()))
    for base in ("nothing", "causal"):
        for name, found in taken.items():
            pairs = [value - other for value, other in zip(found, taken[base], strict=True)]
            error = statistics.stdev(pairs) / len(pairs) ** 0.5 if any(pairs) else 0.0
            print(f"{name:30} {statistics.mean(found):.3f}  to {base} {statistics.mean(pairs):+.3f} ± {error:.3f}")
    for name, tokens in again.items():
        print(f"tokens {name}: {statistics.mean(tokens):.0f}")
    small = default_model()
    for shape in (None, "0.5B"):
        model = small if shape is None else widened_model(small, 1024, shape)
        time_passes(model, [decoder.vocabulary.encode(chunk)[:56] for chunk in [TEXT * 2] * 4])


def read_at_once(
    engine: TorchEngine, parts: Sequence[Sequence[int]], rest: Sequence[int], is_packed: bool, is_shared: bool
) -> torch.Tensor:
    """`(len(parts) + len(rest), V)` in one pass; packed, no part sees another, and the rest sees all; shared, every part
    begins at position 0."""
    ids = [token for part in (*parts, rest) for token in part]
    positions = torch.arange(len(ids))
    seen = positions <= positions[:, None]
    start = 0
    for part in parts if is_packed else ():
        seen[start : start + len(part), :start] = False
        if is_shared:
            positions[start : start + len(part)] -= start
        start += len(part)
    if is_shared:
        positions[start:] -= start - max(map(len, parts))
    engine.crop(0)
    return engine._run(ids, positions, engine._masks(positions, positions, seen), "all")


def time_passes(model: Model, parts: Sequence[Sequence[int]]) -> None:
    """Milliseconds of processor time, medians of five in turns."""
    engine, _ = engine_and_vocabulary(model)
    assert isinstance(engine, TorchEngine)
    warm_up(engine)
    together = [token for part in parts for token in part]
    positions = torch.arange(len(together))
    whose = torch.tensor([at for at, part in enumerate(parts) for _ in part])
    seen = (positions <= positions[:, None]) & (whose == whose[:, None])

    def causal() -> None:
        engine.crop(0)
        engine.prefill(together, lambda: False)

    def at_once() -> None:
        engine.crop(0)
        engine._run(together, positions, engine._masks(positions, positions, seen), "none")

    def one_by_one() -> None:
        for part in parts:
            engine.crop(0)
            engine.prefill(part, lambda: False)

    def alone() -> None:
        engine.crop(0)
        engine.prefill(parts[0], lambda: False)

    ways: dict[str, Callable[[], None]] = {
        "one causal reading": causal, "one packed pass": at_once, "one pass a chunk": one_by_one, "one chunk alone": alone,
    }
    times: dict[str, list[float]] = defaultdict(list)
    for _ in range(6):
        for name, way in ways.items():
            begun = cpu_seconds()
            way()
            times[name].append((cpu_seconds() - begun) * 1000)
    for name, found in times.items():
        print(f"{model.name}: {name} {statistics.median(found[1:]):.1f} ms ({len(together)} tokens, {len(parts)} chunks)")


TEXT = Path(argparse.__file__).read_text("utf-8")[4000:4400]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="")
    parser.add_argument("--statements", type=int, default=300)
    parser.add_argument("--packed", action="store_true", help="what a packed pass costs and gives, instead")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.packed:
        packed(options.statements)
    else:
        quality(options.model, options.statements)


if __name__ == "__main__":
    main()
