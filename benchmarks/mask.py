"""The mask of one step, for sets of names that change at every step, beside llguidance and xgrammar.

    .venv/bin/python benchmarks/mask.py

Writes docs/benchmarks/mask.md. The peers are put in build/bench-peers, not in the environment; where they cannot be
had, their columns say so.
"""

from __future__ import annotations

import argparse
import random
import re
import subprocess
import sys
import sysconfig
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from machine import cpu_seconds, made_by, write_page

from fairlead.decoding.mask import allowed
from fairlead.decoding.model import find_folder, load_tokenizer
from fairlead.decoding.vocabulary import Vocabulary
from fairlead.monitors.dereference import DereferenceState

REPOSITORY = Path(__file__).resolve().parent.parent
PEERS = ["llguidance==1.9.1", "xgrammar==0.2.8", "apache-tvm-ffi==0.1.15.post2"]
NAMES = (10, 60, 1000)
PIECES = re.compile(r"[^\r\n\w]?[^\W\d]+|\d|[^\w\s]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
"""How tokenizers of code models split a text before they merge."""
ATTRIBUTE = re.compile(r"(?<=[\w)\]]\.)[A-Za-z_]\w*")

First = Callable[[tuple[str, ...]], object]


@dataclass(frozen=True)
class Times:
    """Microseconds."""

    p50: float
    p95: float
    p99: float

    def __str__(self) -> str:
        return f"{self.p50:,.0f} / {self.p95:,.0f} / {self.p99:,.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=300, help="sets of names for each row (fewer for slow peers)")
    parser.add_argument("--dry", action="store_true", help="write no page")
    options = parser.parse_args()
    peers = install()
    sources = list(read_sources())
    attributes = sorted({name for text in sources for name in ATTRIBUTE.findall(text) if len(name) > 1})
    rows: list[str] = []
    behind: list[str] = []
    for vocabulary, label in vocabularies(sources):
        built_ms = warmed(vocabulary)
        makers = {name: make(vocabulary) for name, make in (("llguidance", llguidance), ("xgrammar", xgrammar)) if peers}
        for count in NAMES:
            drawn = [tuple(random.Random(seed).sample(attributes, count)) for seed in range(2 * options.steps)]
            sets, others = drawn[: options.steps], drawn[options.steps :]
            rows.append(row(vocabulary, label, count, sets, others, makers))
            print(rows[-1], file=sys.stderr, flush=True)
        behind.append(behind_row(vocabulary, label, attributes, built_ms, options.steps))
    text = page(rows, behind, peers)
    print(text) if options.dry else write_page("mask", text)


def install() -> bool:
    """The peers in a folder of their own; False, with a line that says so, when that fails."""
    target = REPOSITORY / "build" / "bench-peers"
    if not (target / "llguidance").is_dir() or not (target / "xgrammar").is_dir():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), *PEERS]
        if subprocess.run(command, check=False).returncode:
            print("skipped: llguidance and xgrammar could not be installed", file=sys.stderr)
            return False
    sys.path.append(str(target))
    return True


def read_sources() -> Iterator[str]:
    """Some megabytes of the standard library: the same everywhere where Python is the same."""
    folder = Path(sysconfig.get_path("stdlib"))
    files = (path for path in folder.rglob("*.py") if "site-packages" not in path.parts and "test" not in path.parts)
    for path in sorted(files, key=lambda path: path.relative_to(folder).parts):
        yield path.read_text("utf-8", "ignore")


def vocabularies(sources: Iterable[str]) -> Iterator[tuple[Vocabulary, str]]:
    """That of the default model, and two as large as those of larger models, of pieces that the sources hold most."""
    tokenizer = load_tokenizer(find_folder()[1])
    size = tokenizer.get_vocab_size()
    yield Vocabulary.of(tokenizer, size, [0], []), f"{size:,} (the default model's)"
    counts: Counter[str] = Counter()
    for piece, times in Counter(piece for text in sources for piece in PIECES.findall(text)).items():
        for length in range(2, min(len(piece), 24) + 1):
            counts[piece[:length]] += times
            counts[piece[length - 2 :]] += times
    ranked = [piece.encode() for piece, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    for size in (49_152, 151_936):
        texts = [b"", *(bytes([byte]) for byte in range(256)), *ranked][:size]
        yield Vocabulary(texts, [0]), f"{size:,}"


def warmed(vocabulary: Vocabulary) -> float:
    """Milliseconds to build what is built once for a vocabulary."""
    begun = cpu_seconds()
    _ = (vocabulary.across_end, vocabulary.ends_name, vocabulary.ends_name_by_first)
    vocabulary.prefixes_of_all([b"a"])
    return (cpu_seconds() - begun) * 1000


def ours(vocabulary: Vocabulary, forced: str) -> First:
    """From names to sparse ids: a new state and its mask."""
    return lambda names: allowed(vocabulary, DereferenceState(legal=frozenset(names), closed=True), forced)


def llguidance(vocabulary: Vocabulary) -> First:
    """From names to a bitmask: a new grammar, a new matcher and its mask."""
    import llguidance as library  # type: ignore[import-not-found]  # where it could be installed
    import llguidance.numpy as masks  # type: ignore[import-not-found]

    class Tokenizer:
        eos_token_id, bos_token_id, special_token_ids = 0, None, (0,)

        def __init__(self) -> None:
            self.tokens = [text or b"\xff<eos>" for text in vocabulary.texts]

        def __call__(self, text: str | bytes) -> list[int]:
            return [1 + byte for byte in (text.encode() if isinstance(text, str) else text)]

    tokenizer = library.LLTokenizer(library.TokenizerWrapper(Tokenizer()), n_vocab=vocabulary.size)
    bitmask = masks.allocate_token_bitmask(1, vocabulary.size)

    def first(names: tuple[str, ...]) -> object:
        matcher = library.LLMatcher(tokenizer, library.LLMatcher.grammar_from_regex("|".join(names)), log_level=0)
        masks.fill_next_token_bitmask(matcher, bitmask)
        return bitmask

    return first


def xgrammar(vocabulary: Vocabulary) -> First:
    """From names to a bitmask: a new grammar, compiled, a new matcher and its mask."""
    import xgrammar as library  # type: ignore[import-not-found]  # where it could be installed

    info = library.TokenizerInfo(list(vocabulary.texts), vocab_size=vocabulary.size, stop_token_ids=[0])
    compiler = library.GrammarCompiler(info, max_threads=1)
    bitmask = library.allocate_token_bitmask(1, vocabulary.size)

    def first(names: tuple[str, ...]) -> object:
        grammar = "root ::= " + " | ".join(f'"{name}"' for name in names)
        matcher = library.GrammarMatcher(compiler.compile_grammar(grammar))
        matcher.fill_next_token_bitmask(bitmask)
        return bitmask.numpy()

    return first


def row(
    vocabulary: Vocabulary, label: str, count: int, sets: list[tuple[str, ...]], others: list[tuple[str, ...]],
    makers: dict[str, First],
) -> str:  # fmt: skip
    """All three on the same sets, in turns, so that whatever else the machine does meets all alike."""
    contenders = {"healed": ours(vocabulary, "."), "ours": ours(vocabulary, ""), **makers}
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    slow: set[str] = set()
    for number, names in enumerate(sets):
        for name, first in contenders.items():
            if name in slow and number % 10:
                continue
            begun = cpu_seconds()
            mask = first(names)
            taken[name].append((cpu_seconds() - begun) * 1e6)
            if number == 0:
                check(vocabulary, names, name, mask)
            elif taken[name][-1] > 100_000:
                slow.add(name)
    times = {name: quantiles(values[1:]) for name, values in taken.items()}
    alone = []
    for names in others:
        begun = cpu_seconds()
        contenders["ours"](names)
        alone.append((cpu_seconds() - begun) * 1e6)
    cells = [str(quantiles(alone)), str(times["ours"]), str(times["healed"])]
    for peer in ("llguidance", "xgrammar"):
        cells += [str(times[peer]), f"{times[peer].p50 / times['ours'].p50:,.0f}"] if peer in times else ["not installed", "–"]
    return f"| {label} | {count} | " + " | ".join(cells) + " |"


def check(vocabulary: Vocabulary, names: tuple[str, ...], name: str, mask: object) -> None:
    """That a contender allows what it must: every token that begins a name."""
    wanted = {i for i, text in enumerate(vocabulary.texts) if text and any(n.encode().startswith(text) for n in names)}
    assert isinstance(mask, np.ndarray)
    if name in ("ours", "healed"):
        found = set(mask.tolist())
    else:
        bits = np.unpackbits(mask.reshape(-1).view(np.uint8), bitorder="little")[: vocabulary.size]
        found = set(np.flatnonzero(bits).tolist())
    if name != "healed" and not wanted <= found:
        raise SystemExit(f"{name} forbids {len(wanted - found)} tokens that begin a name")


def behind_row(
    vocabulary: Vocabulary, label: str, attributes: list[str], built_ms: float, steps: int
) -> str:
    """Where a name is complete, and may go on or end: half the vocabulary is allowed."""
    picked = random.Random(7).sample(attributes, 60)
    state = DereferenceState(legal=frozenset([*picked, *(name + "_all" for name in picked)]), closed=True)
    taken, sizes = [], []
    for number in range(steps):
        inside = state.advance(picked[number % len(picked)])
        assert inside is not None
        begun = cpu_seconds()
        ids = allowed(vocabulary, inside)
        taken.append((cpu_seconds() - begun) * 1e6)
        assert ids is not None
        sizes.append(len(ids))
    return f"| {label} | {quantiles(taken)} | {int(np.median(sizes)):,} | {built_ms:,.0f} |"


def quantiles(values: list[float]) -> Times:
    return Times(*(float(np.quantile(values, share)) for share in (0.5, 0.95, 0.99)))


def page(rows: list[str], behind: list[str], peers: bool) -> str:
    header = "vocabulary | names | fairlead alone | fairlead | fairlead, dot healed | llguidance | ÷ ours | xgrammar | ÷ ours"
    versions = " and ".join(" ".join(peer.split("==")) for peer in PEERS[:2])
    return f"""# The mask of one step

{made_by(".venv/bin/python benchmarks/mask.py")} One thread each, processor time of the process;
other work on the same cores makes it longer, though not by much.

Which tokens may come next where one of a set of names must be written, the set being a new one at every step, as at
every dot of a program. Microseconds, p50 / p95 / p99, from the names to the mask: {versions if peers else "the peers"}
compile their grammar of alternatives and fill a bitmask as long as the vocabulary; fairlead makes a state and gives
sorted ids. Names are attributes of Python's standard library, drawn anew for every step and the same for all, in turns,
which leaves everybody the caches that the others have emptied; *alone* is other sets with nothing between. Of a name
that came before, in another set, fairlead remembers which tokens begin it (50,000 names at most). The peers are given the
bare alternatives; fairlead also allows the tokens that end a name and go on behind it (`append(`), and, with the dot
healed, those that hold the dot (`.append`). The two larger vocabularies are made of the pieces that the standard library
holds most.

| {header} |
|---|--:|--:|--:|--:|--:|--:|--:|--:|
{chr(10).join(rows)}

Behind a name that is complete, where it may also go on, nearly half of the vocabulary is allowed. The ids of what ends
a name are kept once for a vocabulary, and joined with those that go on:

| vocabulary | µs, p50 / p95 / p99 | ids allowed | built once, ms |
|---|--:|--:|--:|
{chr(10).join(behind)}
"""


if __name__ == "__main__":
    main()
