"""The figures of a run, from its answers: means with intervals, rates, and the lists a person should look at."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dots_check import kind_of
from dots_dataset import Access, Source
from dots_metrics import bootstrap, ranking_scores, score_at, scores
from latency_page import quantile

METRICS = ("NIM", "ISM", "PM", "valid", "parses", "attribute")
"""`attribute`: it parses and names no unknown attribute; so every valid text counts there, and those in `parses`."""

Faults = Mapping[tuple[str, str], dict[str, Any]]
Rows = Mapping[str, dict[str, Any]]


@dataclass(frozen=True)
class Written:
    """The six texts of one access in one variant."""

    access: Access
    source: Source
    order: str
    guided: bool
    texts: Sequence[str]
    tokens: Sequence[int]
    milliseconds: Sequence[float]


def summary(
    accesses: Sequence[Access], written: Sequence[Written], faults: Faults, gates: Rows,
    replays: Sequence[dict[str, Any]], ranks: Mapping[str, Rows], refuted: Sequence[dict[str, Any]],
) -> dict[str, Any]:  # fmt: skip
    """Everything the page shows, as plain values."""
    scored = {(each.order, each.guided, each.access.id): scores_of(each, faults) for each in written}
    orders = list(dict.fromkeys(each.order for each in written))
    closed = [access for access in accesses if gates[access.id]["closed"]]
    return {
        "scores": score_table(accesses, orders, scored),
        "scores_closed": score_table(closed, orders, scored),
        "by_package": package_table(accesses, orders, scored),
        "gate": gate_table(gates),
        "false_masks": [_shown(row) for row in gates.values() if row["refused"]],
        "replays": replay_table(replays),
        "ranking": ranking_table(accesses, gates, ranks),
        "times": time_table(gates, ranks["others"], written),
        "refuted": sorted(refuted, key=lambda row: (not row["closed"], -row["samples"])),
        "fault_kinds": fault_kinds(written, faults),
    }  # fmt: skip


def scores_of(each: Written, faults: Faults) -> list[tuple[float, ...]]:
    """One tuple in the order of `METRICS` for each text."""
    head, true = each.source.head(each.access), each.source.true(each.access)
    found = []
    for text in each.texts:
        fault = faults[each.access.id, text]
        kinds = {kind_of(one) for one in fault["faults"]}
        parses = fault["parses"]
        found.append((
            *scores(head, true, text), float(parses and not kinds), float(parses),
            float(parses and "attribute" not in kinds),
        ))  # fmt: skip
    return found


def score_table(
    accesses: Sequence[Access], orders: Sequence[str], scored: Mapping[tuple[str, bool, str], list[tuple[float, ...]]]
) -> list[dict[str, Any]]:
    """score@1 and score@6 of every metric: unguided, guided and their paired difference; last both orders together."""
    table = []
    for order in [*orders, *(["both"] if len(orders) > 1 else [])]:
        of = orders if order == "both" else [order]
        for k in (1, 6):
            for number, metric in enumerate(METRICS):
                values = {
                    guided: [
                        sum(score_at(k, [text[number] for text in scored[one, guided, access.id]]) for one in of) / len(of)
                        for access in accesses
                    ]
                    for guided in (False, True)
                }  # fmt: skip
                clusters = [access.function for access in accesses]
                difference = [b - a for a, b in zip(values[False], values[True], strict=True)]
                table.append({
                    "order": order, "k": k, "metric": metric, "accesses": len(accesses),
                    "unguided": asdict(bootstrap(values[False], clusters)),
                    "guided": asdict(bootstrap(values[True], clusters)),
                    "difference": asdict(bootstrap(difference, clusters)),
                })  # fmt: skip
    return table


def package_table(
    accesses: Sequence[Access], orders: Sequence[str], scored: Mapping[tuple[str, bool, str], list[tuple[float, ...]]]
) -> list[dict[str, Any]]:
    """For each package the paired difference of NIM and valid at score@1, all orders together."""
    table = []
    packages: dict[str, list[Access]] = defaultdict(list)
    for access in accesses:
        packages[access.package].append(access)
    for package, own in packages.items():
        row: dict[str, Any] = {"package": package, "accesses": len(own)}
        for metric in ("NIM", "valid"):
            number = METRICS.index(metric)
            values = [
                sum(_mean(scored[order, True, access.id], number) - _mean(scored[order, False, access.id], number)
                    for order in orders) / len(orders)
                for access in own
            ]  # fmt: skip
            row[metric] = asdict(bootstrap(values, [access.function for access in own]))
        table.append(row)
    return table


def _mean(texts: Sequence[tuple[float, ...]], number: int) -> float:
    return sum(text[number] for text in texts) / len(texts)


def gate_table(gates: Rows) -> dict[str, Any]:
    """How often the gate closes, how often wrongly, and the same for each of its reasons."""
    closed = [row for row in gates.values() if row["closed"]]
    reasons: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in gates.values():
        reasons[category(row["reason"])].append(row)
    clusters = [row["function"] for row in gates.values()]
    packages = Counter(row["package"] for row in gates.values())
    return {
        "accesses": len(gates), "closed": len(closed),
        "rate": asdict(bootstrap([float(row["closed"]) for row in gates.values()], clusters)),
        "false": sum(row["refused"] for row in closed),
        "false_rate": asdict(bootstrap([float(row["refused"]) for row in closed], [row["function"] for row in closed])),
        "reasons": [
            {"reason": reason, "accesses": len(rows), "closed": sum(row["closed"] for row in rows),
             "false": sum(row["refused"] for row in rows), "listed": sum(row["listed"] for row in rows)}
            for reason, rows in sorted(reasons.items(), key=lambda item: -len(item[1]))
        ],
        "by_package": {
            package: sum(row["closed"] for row in gates.values() if row["package"] == package) / count
            for package, count in packages.items()
        },
    }  # fmt: skip


def replay_table(replays: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """How often each monitor asks and masks in true statements, and what it refuses of them."""
    asked: Counter[str] = Counter()
    known: Counter[str] = Counter()
    closed: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for row in replays:
        asked.update(row["asked"])
        known.update(row["known"])
        closed.update(row["closed"])
        if row["refused"] and not row.get("checker"):
            refused[row["monitor"]] += 1
    wrong = [row for row in replays if row["refused"] and not row.get("checker")]
    names = sorted(set(asked) | set(closed) | set(refused))
    return {
        "statements": len(replays), "refused": len(wrong),
        "rightly": sum(row["refused"] for row in replays) - len(wrong),
        "rate": asdict(bootstrap([float(row in wrong) for row in replays], [row["function"] for row in replays])),
        "monitors": [
            {"monitor": name, "asked": asked[name], "known": known[name], "closed": closed[name],
             "refused": refused[name]} for name in names
        ],
        "list": [
            {key: row.get(key, "") for key in ("path", "line", "monitor", "at", "reason", "checker")}
            for row in replays if row["refused"]
        ],
    }  # fmt: skip


def ranking_table(accesses: Sequence[Access], gates: Rows, ranks: Mapping[str, Rows]) -> dict[str, Any]:
    """R@1, R@5 and MRR where the true name is in our list, which has at least two names; and where it is in jedi's."""
    listed = [access for access in accesses if gates[access.id]["listed"]]
    table: dict[str, Any] = {"accesses": len(accesses), "listed": 0, "orders": {}}
    orders = [name for name in ranks if name != "others"]
    places: dict[str, Callable[[str], int | None]] = {
        **{
            f"{what}, {name}": lambda id, name=name, of=of: ranks[name][id]["places"].get(of)  # type: ignore[misc]
            for what, of in (("model and text", "all"), ("model", "all but the text")) for name in orders
        },
        "text alone": lambda id: ranks[orders[0]][id]["places"].get("all but the model"),
        "jedi's own order": lambda id: ranks["others"][id]["jedi"],
        "by frequency": lambda id: ranks["others"][id]["frequency"],
        "alphabetical": lambda id: ranks["others"][id]["alphabetical"],
    }
    fair = [access for access in listed if ranks[orders[0]][access.id].get("candidates", 0) >= 2]
    table["listed"] = len(fair)
    table["jedi_listed"] = sum(ranks["others"][access.id]["jedi"] is not None for access in accesses)
    for name, place in places.items():
        found = [place(access.id) for access in fair]
        clusters = [access.function for access in fair]
        first, five, reciprocal = ranking_scores(found)
        table["orders"][name] = {
            "R@1": first, "R@5": five, "MRR": reciprocal,
            "R@1 interval": asdict(bootstrap([float(rank == 1) for rank in found], clusters)),
            "MRR interval": asdict(bootstrap([0.0 if rank is None else 1 / rank for rank in found], clusters)),
        }  # fmt: skip
    table["ingredients"] = {name: ingredients_of(fair, ranks[name]) for name in orders}
    return table


def ingredients_of(accesses: Sequence[Access], ranks: Rows) -> dict[str, Any]:
    """What each ingredient of the order is worth: R@1, R@5 and MRR without it, and the paired differences to all of them."""
    found = {id: row["places"] for id, row in ((access.id, ranks[access.id]) for access in accesses)}
    clusters = [access.function for access in accesses]
    table: dict[str, Any] = {}
    for what in next(iter(found.values()), {}):
        places = [found[access.id].get(what) for access in accesses]
        first, five, reciprocal = ranking_scores(places)
        lost = [_reciprocal(place) - _reciprocal(found[access.id].get("all"))
                for place, access in zip(places, accesses, strict=True)]  # fmt: skip
        table[what] = {"R@1": first, "R@5": five, "MRR": reciprocal, "difference": asdict(bootstrap(lost, clusters))}
    return table


def _reciprocal(place: int | None) -> float:
    return 0.0 if place is None else 1 / place


def time_table(gates: Rows, others: Rows, written: Sequence[Written]) -> dict[str, Any]:
    """Milliseconds: p50, p95 and p99 of what an access costs."""
    warm = [row for row in gates.values() if not row["first"]]
    texts: dict[bool, list[tuple[float, int]]] = {False: [], True: []}
    for each in written:
        texts[each.guided] += zip(each.milliseconds, each.tokens, strict=True)
    return {
        "analysis, what stands behind the dot": _quantiles(row["analysis_ms"] for row in warm),
        "the same, first question of a file": _quantiles(
            row["analysis_ms"] for row in gates.values() if row["first"]
        ),
        "monitors, beyond what stands behind the dot": _quantiles(row["monitor_ms"] for row in gates.values()),
        "jedi's own list, same places": _quantiles(row["jedi_ms"] for row in others.values()),
        "a statement, unguided": _quantiles(value for value, _ in texts[False]),
        "a statement, guided, analysis waited for": _quantiles(value for value, _ in texts[True]),
        "tokens": {"unguided": _average(count for _, count in texts[False]),
                   "guided": _average(count for _, count in texts[True])},
    }  # fmt: skip


def _quantiles(values: Iterable[float]) -> dict[str, float]:
    kept = list(values)
    return {name: quantile(kept, share) for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))} | {
        "count": len(kept)
    }


def _average(values: Iterable[float]) -> float:
    kept = list(values)
    return sum(kept) / max(1, len(kept))


def fault_kinds(written: Sequence[Written], faults: Faults) -> dict[str, Any]:
    """Why statements are not valid, as shares of all samples, unguided and guided."""
    table: dict[str, Any] = {}
    for guided in (False, True):
        samples = [(each, text) for each in written if each.guided == guided for text in each.texts]
        counts: Counter[str] = Counter()
        for each, text in samples:
            fault = faults[each.access.id, text]
            if not text:
                counts["nothing written"] += 1
            if not fault["parses"]:
                counts["does not parse"] += 1
            else:
                counts.update({f"unknown {kind_of(one)}" for one in fault["faults"]})
        table["guided" if guided else "unguided"] = {kind: count / len(samples) for kind, count in counts.items()}
    return table


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {key: row[key] for key in ("path", "line", "before", "name", "receiver", "reason")}


def category(reason: str) -> str:
    """A reason without the names in it, to count by."""
    for pattern, general in _CATEGORIES:
        if re.search(pattern, reason):
            return general
    return reason


_CATEGORIES = (
    (r"^all members of .*\|", "closed: all members of a union"),
    (r"^all members of ", "closed: all members of one type"),
    (r"makes up attributes$", "… makes up attributes"),
    (r"stores attributes under computed names$", "… stores attributes under computed names"),
    (r"^the decorator .* may add attributes", "the decorator … may add attributes"),
    (r"^the code reads \.", "the code reads … from it, which analysis does not know"),
    (r" is a function: ", "… is a function: decorators and assignments give it attributes"),
    (r"^the receiver's type is not known$", "the receiver's type is not known"),
    (r" is not known$", "a base class, star import or metaclass is not known"),
    (r" is a parameter without annotation", "… is a parameter without annotation"),
    (r"^(.*) is tested by (\w+)\(\)", "… is tested in a way that is not followed here"),
    (r"^what .* yields is not declared", "what … yields is not declared"),
    (r" is overloaded and gives different types", "… is overloaded and gives different types"),
    (r"^the import of .* leads nowhere", "the import of … leads nowhere"),
    (r"^[\w.]+: ", "a class whose attributes come into being at run time"),
    (r" is tested for ", "… is tested in a way that is not followed here"),
    (r" is bound (again|more than once)", "… is bound more than once"),
    (r"^the elements of .* are not known", "the elements of … are not known"),
    (r" is stored from outside too", "… is stored from outside too"),
    (r" is of a kind the gate does not know", "… is of a kind the gate does not know"),
    (r" may be any ", "… may be any object, class or exception"),
)
