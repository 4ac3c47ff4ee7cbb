"""How often predicted types are right, how honest their probabilities are, and what other tools say at the same slots.

`python benchmarks/types_accuracy.py` installs the packages and the peers and writes docs/benchmarks/types.md. `--projects N`
takes the first N of them, `--no-peers` leaves the others out.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import types_dataset
import types_labels
import types_peers
import types_slots
import types_tables
import types_variables
import types_weights
from machine import made_by, write_page
from types_slots import Record

from fairlead.monitors import type_model
from fairlead.server.settings import Settings

EPSILON = 0.1
SHOWN = Settings().hints_min_probability
"""The lower bound from which a type is shown."""

_BOOTSTRAP = 1000


@dataclass(frozen=True)
class Said:
    """What one tool says at one slot, best first; empty where it is silent."""

    texts: tuple[str, ...] = ()
    probability: float = 0.0
    low: float = 0.0
    in_set: bool = False
    set_size: int = 0
    has_other: bool = False


def ours(record: Record) -> Said:
    """Our answer, from the stored weights: a rule's, or the ranked candidates."""
    if record.decided:
        return Said((record.decided,), 1.0, 1.0, types_weights.is_right(record.decided, record.label), 1)
    numbers = type_model.load()[record.kind]
    pairs, rest = types_weights.ranked(record, numbers)
    probability, low, _ = type_model.calibrated(record.kind, pairs[0][1])
    least = type_model.threshold(record.kind, EPSILON)
    members = [text for text, share in pairs if least is not None and share >= least]
    has_other = least is None or rest >= least
    right = next((text for text, _ in pairs if types_weights.is_right(text, record.label)), "")
    in_set = right in members if right else has_other
    return Said(tuple(text for text, _ in pairs), probability, low, in_set, len(members), has_other)


def frequent() -> Callable[[Record], Said]:
    """The baseline: the most frequent types of annotated packages, for slots with the same kind of default."""
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for example in types_tables.learning():
        if not example.trivial:
            label = f"{example.label} | None" if example.optional else example.label
            counts[example.kind, example.default][label] += 1
    best = {key: tuple(text for text, _ in counter.most_common(5)) for key, counter in counts.items()}
    return lambda record: Said(best.get((record.kind, record.default), ()))


def first_right(said: Said, label: str, count: int, same: Callable[[str], str]) -> bool:
    """Whether one of the first `count` different answers is right, compared by `same`."""
    found = list(dict.fromkeys(same(text) for text in said.texts))[:count]
    return same(label) in found


def share(values: Sequence[bool]) -> float:
    """The share that is true; 0 of nothing."""
    return sum(values) / len(values) if values else 0.0


def interval(records: Sequence[Record], hit: Callable[[Record], bool]) -> tuple[float, float]:
    """95 %, by drawing projects anew: slots of one project are not independent."""
    by_project: dict[str, list[bool]] = defaultdict(list)
    for record in records:
        by_project[record.project].append(hit(record))
    projects = sorted(by_project)
    draw = random.Random(0)
    found = []
    for _ in range(_BOOTSTRAP):
        hits = [value for _ in projects for value in by_project[draw.choice(projects)]]
        found.append(share(hits))
    found.sort()
    return found[int(0.025 * _BOOTSTRAP)], found[int(0.975 * _BOOTSTRAP)]


def calibration_error(pairs: Sequence[tuple[float, bool]], bins: int = 12) -> float:
    """ECE over bins of equal mass. Pairs of one probability, which a bin's edge may part, count with their share of hits."""
    ordered = _evened(pairs)
    total = 0.0
    for at in range(bins):
        part = ordered[at * len(ordered) // bins : (at + 1) * len(ordered) // bins]
        total += abs(sum(p - hit for p, hit in part))
    return total / len(ordered) if ordered else 0.0


def _evened(pairs: Sequence[tuple[float, bool]]) -> list[tuple[float, float]]:
    """The pairs by rising probability, each with the share of hits among those that have the same."""
    hits: dict[float, list[bool]] = defaultdict(list)
    for p, hit in pairs:
        hits[p].append(hit)
    return [(p, share(found)) for p, found in sorted(hits.items()) for _ in found]


def area(pairs: Sequence[tuple[float, bool]]) -> float:
    """How well the probability tells right from wrong (AUROC): what a constant cannot have."""
    ordered = _evened(pairs)
    right = sum(hit for _, hit in pairs)
    wrong = len(ordered) - right
    first: dict[float, list[int]] = defaultdict(list)
    for at, (p, _) in enumerate(ordered, 1):
        first[p].append(at)
    ranks = sum((first[p][0] + first[p][-1]) / 2 for p, hit in pairs if hit)
    return (ranks - right * (right + 1) / 2) / (right * wrong) if right and wrong else 0.5


def origin(record: Record) -> str:
    """Where the true type comes from: "builtin", "library" or "project"."""
    base = types_labels.base(record.label).split(" | ")[0]
    if record.truth >= 0 and record.kinds[record.truth] in ("class", "alias"):
        return "project"
    return "builtin" if hasattr(__import__("builtins"), base) else "library" if record.truth >= 0 else "project or other"


def table(name: str, records: Sequence[Record], tools: dict[str, dict[int, Said]]) -> list[str]:
    """One row a tool."""
    lines = [
        f"### {name}: {len(records)} slots", "",
        "| | says something | top-1 exact | 95 % | top-3 | top-5 | base, top-1 | right where it speaks (base) |",
        "|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for tool, said in tools.items():
        def exactly(record: Record, count: int = 1, said: dict[int, Said] = said) -> bool:
            return first_right(said[id(record)], record.label, count, types_labels.exact)

        speaks = [record for record in records if said[id(record)].texts]
        low, high = interval(records, exactly)
        bases = {id(record): first_right(said[id(record)], record.label, 1, types_labels.base) for record in records}
        many = tool in ("fairlead", "most frequent")
        lines.append(
            f"| {tool} | {len(speaks) / len(records):.1%} | {share([exactly(one) for one in records]):.1%} "
            f"| {low:.1%}–{high:.1%} "
            + "".join(f"| {share([exactly(one, n) for one in records]):.1%} " if many else "| " for n in (3, 5))
            + f"| {share(list(bases.values())):.1%} | {share([bases[id(one)] for one in speaks]):.1%} |"
        )
    return [*lines, ""]


def ratio(records: Sequence[Record], tools: dict[str, dict[int, Said]]) -> tuple[float, str]:
    """Our share of right answers over that of the best tool beside us, and its name."""
    right = {
        name: share([first_right(said[id(one)], one.label, 1, types_labels.base) for one in records])
        for name, said in tools.items()
    }  # fmt: skip
    best = max((name for name in right if name not in ("fairlead", "most frequent")), key=lambda name: right[name])
    return right["fairlead"] / right[best] if right[best] else float("inf"), best


def honesty(records: Sequence[Record], said: dict[int, Said]) -> list[str]:
    """Probabilities, sets, what is shown, by kind."""
    lines = [
        "| | ECE | AUROC | shown | shown and right (base) | shown and right (exact) | sets cover | least, most over projects |"
        " projects at most 3 points below | mean size | with *other* |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for kind in ("parameter", "return"):
        own = [record for record in records if record.kind == kind]
        guessed = [record for record in own if not record.decided]
        pairs = [(said[id(one)].probability, types_weights.is_right(said[id(one)].texts[0], one.label)) for one in guessed]
        shown = [one for one in own if said[id(one)].low >= SHOWN]
        covered: dict[str, list[bool]] = defaultdict(list)
        for one in guessed:
            covered[one.project].append(said[id(one)].in_set)
        each = sorted(share(values) for values in covered.values() if len(values) >= 15)
        lines.append(
            f"| {kind}s | {calibration_error(pairs):.3f} | {area(pairs):.3f} | {len(shown) / len(own):.1%} "
            f"| {share([first_right(said[id(one)], one.label, 1, types_labels.base) for one in shown]):.1%} "
            f"| {share([first_right(said[id(one)], one.label, 1, types_labels.exact) for one in shown]):.1%} "
            f"| {share([said[id(one)].in_set for one in guessed]):.1%} of {1 - EPSILON:.0%} promised "
            f"| {each[0]:.0%}, {each[-1]:.0%} | {share([one >= 1 - EPSILON - 0.03 for one in each]):.0%} of {len(each)} "
            f"| {sum(said[id(one)].set_size for one in guessed) / len(guessed):.1f} "
            f"| {share([said[id(one)].has_other for one in guessed]):.0%} |"
        )
    return [*lines, ""]


def shown_from(records: Sequence[Record], said: dict[int, Said]) -> list[str]:
    """What is shown at other thresholds than the default."""
    lines = [
        "| shown from a lower bound of | parameters shown | right (base) | returns shown | right (base) |",
        "|---|---|---|---|---|",
    ]  # fmt: skip
    for least in types_weights.BOUNDS:
        row = f"| {least:.2f} "
        for kind in ("parameter", "return"):
            own = [record for record in records if record.kind == kind]
            shown = [one for one in own if said[id(one)].low >= least]
            right = share([first_right(said[id(one)], one.label, 1, types_labels.base) for one in shown])
            row += f"| {len(shown) / len(own):.1%} | {right:.1%} "
        lines.append(row + "|")
    return [*lines, ""]


def by_origin(records: Sequence[Record], said: dict[int, Said]) -> list[str]:
    """Ours, by where the true type comes from."""
    lines = ["| parameters whose type is | slots | top-1 exact | top-5 | among the candidates |", "|---|---|---|---|---|"]
    own = [record for record in records if record.kind == "parameter"]
    for where in sorted({origin(one) for one in own}):
        part = [one for one in own if origin(one) == where]
        tops = [share([first_right(said[id(one)], one.label, n, types_labels.exact) for one in part]) for n in (1, 5)]
        known = share([one.truth >= 0 for one in part])
        lines.append(f"| {where} | {len(part)} | {tops[0]:.1%} | {tops[1]:.1%} | {known:.1%} |")
    return [*lines, ""]


def filter_recall(records: Sequence[Record]) -> str:
    """How often a project class that is right survives the attributes that are read from it."""
    at = types_weights.FEATURES.index("attributes refuted")
    used = [one for one in records if one.attributes and one.truth >= 0 and one.kinds[one.truth] == "class"]
    kept = share([not one.vectors[one.truth][at] for one in used])
    left = sorted(
        sum(kind == "class" and not vector[at] for kind, vector in zip(one.kinds, one.vectors, strict=True)) for one in used
    )
    median = left[len(left) // 2] if left else 0
    return (
        f"Usage filter: of {len(used)} parameters that are dereferenced and are a project class, the true class has all "
        f"attributes that are read in {kept:.1%}; {median} project classes are left in the median."
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--projects", type=int, default=1000)
    parser.add_argument("--no-peers", action="store_true")
    arguments = parser.parse_args()
    records = []
    for requirement in types_dataset.section("test")[: arguments.projects]:
        types_dataset.install("test")
        records += types_slots.of_project(types_dataset.PACKAGES / "test" / requirement.split("==")[0])
    trivial = [record for record in records if record.trivial]
    records = [record for record in records if not record.trivial]
    projects = sorted({record.project for record in records})
    baseline = frequent()
    tools: dict[str, dict[int, Said]] = {
        "fairlead": {id(record): ours(record) for record in records},
        "most frequent": {id(record): baseline(record) for record in records},
    }  # fmt: skip
    for tool in () if arguments.no_peers else (types_peers.JEDI, "basedpyright", "pyrefly", "ty", "pyrefly infer"):
        said: dict[int, Said] = {}
        begun = time.monotonic()
        for project in projects:
            own = [record for record in records if record.project == project]
            found = types_peers.answers(tool, project, own)
            for record in own:
                text = found.get((record.path, record.kind, record.offset), "")
                said[id(record)] = Said((text,) if text else ())
        print(f"{tool}: {time.monotonic() - begun:.0f} s", flush=True)
        tools[tool] = said
    us = tools["fairlead"]
    milliseconds = sorted(record.milliseconds for record in records)
    parameters = [record for record in records if record.kind == "parameter"]
    returns = [record for record in records if record.kind == "return"]
    ratios = [ratio(part, tools) for part in (parameters, returns)]
    nothing = [record for record in trivial if types_labels.exact(record.label) == "None"]
    page = [
        "# Types where nobody wrote them", "",
        f"Annotations of {len(projects)} packages are stripped (signatures, and the imports only they used) and predicted "
        "again without a language model. No package was learned from or calibrated on. "
        "Compared are: one spelling for each type, None included (exact), and the outermost name, None left out (base). "
        "`Any`, `object` and returns that are None or a dunder's are left out.", "",
        f"**On parameters {ratios[0][0]:.2f} × the best tool beside us ({ratios[0][1]}), on returns {ratios[1][0]:.2f} × "
        f"({ratios[1][1]}); base, top-1.** Those tools say what follows from the code, and nothing where nothing does.", "",
        *table("Parameters", parameters, tools),
        *table("Returns", returns, tools),
        "## Honesty", "", *honesty(records, us), *shown_from(records, us),
        *types_variables.table(projects, SHOWN), "", *by_origin(records, us), filter_recall(records), "",
        f"Of {len(nothing)} functions that return None the rule says so of "
        f"{share([one.decided == 'None' for one in nothing]):.1%}.",
        f"Time a slot: {milliseconds[len(milliseconds) // 2]:.0f} ms in the median, "
        f"{milliseconds[int(0.9 * len(milliseconds))]:.0f} ms at the 90th percentile (a busy machine).", "",
        "basedpyright, ty and pyrefly are asked by `reveal_type` in a copy, without the packages' dependencies; `pyrefly "
        "infer` writes.",
        "", made_by("python benchmarks/types_accuracy.py"),
    ]  # fmt: skip
    write_page("types", "\n".join(page))


if __name__ == "__main__":
    main()
