"""The page docs/benchmarks/dots.md and its picture, made of what dots.py measured."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from dots_summary import category

ALPHA = "the interval lies above zero"


def percent(value: float) -> str:
    return "–" if value != value else f"{value:.1%}"


def interval(values: dict[str, float], *, signed: bool = False) -> str:
    """A mean with its interval, in percent."""
    if values["mean"] != values["mean"]:
        return "–"
    form = "{:+.1f} [{:+.1f}, {:+.1f}]" if signed else "{:.1f} [{:.1f}, {:.1f}]"
    return form.format(*(100 * values[name] for name in ("mean", "low", "high")))


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def code(text: str) -> str:
    return "`" + text.replace("`", "'").replace("|", "\\|") + "`"


def score_rows(scores: Sequence[dict[str, Any]], k: int) -> Iterable[Sequence[str]]:
    for row in scores:
        if row["k"] == k:
            yield (row["order"], row["metric"], interval(row["unguided"]), interval(row["guided"]),
                   interval(row["difference"], signed=True))  # fmt: skip


def verdicts(result: dict[str, Any]) -> Iterable[Sequence[str]]:
    """What issue 3 asks for, and whether it is so."""
    gate = result["gate"]
    rate = gate["false_rate"]["mean"]
    yield ("false masks, of the closed accesses", "≤ 0.5 %", percent(rate), _kept(rate <= 0.005))
    last = {(row["metric"], row["k"]): row for row in result["scores"]}  # the last order: both together
    for metric in ("NIM", "valid"):
        row = last[metric, 1]["difference"]
        yield (f"guided {metric}, score@1, better than unguided", ALPHA, interval(row, signed=True), _kept(row["low"] > 0))
    worse = [f"{row['package']} ({metric})" for row in result["by_package"] for metric in ("NIM", "valid")
             if row[metric]["high"] < 0]  # fmt: skip
    yield ("packages significantly worse when guided", "none", ", ".join(worse) or "none", _kept(not worse))
    known = [row for row in result["refuted"] if row["closed"]]
    yield ("attributes in guided text that basedpyright refutes where the gate was closed", "0", str(len(known)),
           _kept(not known))  # fmt: skip
    best = max((row for name, row in result["ranking"]["orders"].items() if name.startswith("model")),
               key=lambda row: row["MRR"])  # fmt: skip
    yield ("member ranking, R@1", "≥ 75 %", percent(best["R@1"]), _kept(best["R@1"] >= 0.75))
    yield ("member ranking, MRR", "≥ .85", f"{best['MRR']:.3f}", _kept(best["MRR"] >= 0.85))


def _kept(good: bool) -> str:
    return "reached" if good else "**missed**"


def page(result: dict[str, Any], picture: bool) -> str:
    """The page, as Markdown."""
    facts, model, gate, ranking = result["machine"], result["model"], result["gate"], result["ranking"]
    packages = ", ".join(f"{each['requirement']} ({each['what']})" for each in result["packages"])
    drawn = f"""{result["accesses"]} attribute accesses in {result["functions"]} functions, sampled from {result["all"]} in \
{packages}. None of these packages is in the model's card."""
    command = ".venv/bin/python benchmarks/dots.py" + {"quick": " --quick", "full": " --full"}.get(result["size"], "")
    command += f" --accesses {result['asked']}" if result.get("asked") else ""
    command += f" --draw {result['draw']}" if result["draw"] else ""
    header = ("order", "metric", "unguided", "guided", "difference")
    ranked = [
        (name, interval(row["R@1 interval"]), percent(row["R@5"]), f"{row['MRR']:.3f} "
         f"[{row['MRR interval']['low']:.3f}, {row['MRR interval']['high']:.3f}]")
        for name, row in ranking["orders"].items()
    ]  # fmt: skip
    ingredients = [
        (order, "nothing" if what == "all" else what.removeprefix("all but "), percent(row["R@1"]), percent(row["R@5"]),
         f"{row['MRR']:.3f}", "" if what == "all" else f"{row['difference']['mean']:+.3f} "
         f"[{row['difference']['low']:+.3f}, {row['difference']['high']:+.3f}]")
        for order, table_of in ranking["ingredients"].items() for what, row in table_of.items()
    ]  # fmt: skip
    times = [
        (name, *(f"{row[share]:.1f}" for share in ("p50", "p95", "p99")), str(row["count"]))
        for name, row in result["times"].items() if name != "tokens"
    ]  # fmt: skip
    kinds = result["fault_kinds"]
    lost = [row for row in result["refuted"] if row["closed"]]
    shown = "" if picture else "\n(No picture: that needs matplotlib, which comes with the extra `bench`.)\n"
    orders = ", ".join(f"{name} ({order})" for name, order in model["orders"].items())
    return f"""# DotPrompts for Python

Made by `{command}` on {result["date"]}: {facts["cores"]} cores, {facts["cpu"]}, {facts["system"]}, Python
{facts["python"]}, load average {facts["load"]:.1f}. {_took(result)} Model: {model["name"]}, \
{model["parameters"] / 1e6:.1f} M parameters.

{textwrap.fill(drawn, 120, break_on_hyphens=False)}
The text is cut behind the dot and goes on behind the statement; the
model writes the rest of the statement six times (temperatures 0.2, 0.4, 2 × 0.6, 2 × 0.8, top-p 0.95), at most 48
tokens, with and without monitors. Accesses inside of f-strings are left out. Prompts: {orders}.

NIM: the next identifier is right. ISM, PM: the share of the true statement's identifiers, and of all its tokens, before
the first wrong one. *valid*: the file with the statement in it parses, and {result["checker"]} reports no unknown
attribute, name, import or argument in the statement that it does not report for the true one; *parses* is its first half,
*attribute* means that it parses and names no unknown attribute. Percent, with 95 % bootstrap intervals over functions;
differences are paired. Nothing is held back for low confidence here: an editor shows fewer and better texts than these.
{shown}
## Against what was asked for

{table(("what", "asked for", "measured", ""), verdicts(result))}

## score@1

{table(header, score_rows(result["scores"], 1))}

## score@6: the best of six

{table(header, score_rows(result["scores"], 6))}

## score@1 where the gate closed at the cursor ({result["scores_closed"][0]["accesses"]} accesses)

{table(header, score_rows(result["scores_closed"], 1))}

## Why statements are not valid

{table(("share of all samples", "unguided", "guided"), [
    (kind, percent(kinds["unguided"].get(kind, 0)), percent(kinds["guided"].get(kind, 0)))
    for kind in sorted(set(kinds["unguided"]) | set(kinds["guided"]))
])}

## By package: guided − unguided, score@1, both orders

{table(("package", "accesses", "NIM", "valid", "gate rate"), [
    (row["package"], str(row["accesses"]), interval(row["NIM"], signed=True), interval(row["valid"], signed=True),
     percent(gate["by_package"][row["package"]])) for row in result["by_package"]
])}

## The gate, at {gate["accesses"]} accesses

Gate rate: {interval(gate["rate"])} % of the accesses are closed. False-mask rate: {interval(gate["false_rate"])} % of the
closed ones ({gate["false"]} of {gate["closed"]}) would forbid the truth. *listed*: the true name is among the names shown.

{table(("reason", "accesses", "share", "listed", "false masks"), [
    (row["reason"], str(row["accesses"]), percent(row["accesses"] / gate["accesses"]),
     percent(row["listed"] / row["accesses"]), str(row["false"]) if row["closed"] else "") for row in gate["reasons"]
])}

Every false mask:

{table(("where", "code", "the receiver is taken for"), [
    (f"{row['path']}:{row['line']}", code(row["before"] + row["name"]), code(row["receiver"]))
    for row in result["false_masks"]
]) if result["false_masks"] else "none."}

{_replays(result["replays"])}

## Ranking the members

At the {ranking["listed"]} of {ranking["accesses"]} accesses whose true name is in our list (jedi's own list has it at
{ranking["jedi_listed"]}), of at least two names.

{table(("order", "R@1, %", "R@5", "MRR"), ranked)}

*model and text* is the order of the list that an editor gets: `monitors/evidence.py` weighs what the model believes with
what the text says, and *text alone* is the list without a model. The weights were fitted on other packages
(dots-training.txt). What each ingredient is worth, left out of *model and text*, with the paired difference of the MRR:

{table(("order of the prompt", "left out", "R@1, %", "R@5", "MRR", "difference"), ingredients)}

By frequency: counted in the standard library.

## Attributes that basedpyright refutes in guided text

In {len(result["refuted"])} different texts. In {len(lost)} of them the gate, asked about the finished text, is closed. *not
ours*: the name is not in our set, but the gate was open when it was written (behind `self.` at the beginning of a
statement an attribute may be stored; that a call follows is seen too late). *ours*: analysis and basedpyright disagree.

{table(("where", "written", "samples", "receiver for analysis", "what basedpyright says", ""), merged(lost))
 if lost else "none."}

In the others the gate is open: {_why_open(result["refuted"])}.

## Time

{table(("milliseconds", "p50", "p95", "p99", "count"), times)}

Guided runs wait for every answer here, so that a seed gives the same text on any machine; the editor's runs ahead.
Statements have {result["times"]["tokens"]["unguided"]:.1f} tokens unguided, \
{result["times"]["tokens"]["guided"]:.1f} guided, on average.
{"![Scores by order, unguided and guided](dots.png)" if picture else ""}
"""


def _took(result: dict[str, Any]) -> str:
    text = f"It took {result['seconds'] / 60:.0f} minutes, {result['cpu_seconds'] / 60:.0f} of them on a processor."
    if result["reused"]:
        text += f" {result['reused']} of {result['reused'] + result['added']} answers were there from a run broken off."
    return text


def merged(refuted: Sequence[dict[str, Any]]) -> Iterable[Sequence[str]]:
    """One line for each place and name, however many texts have it there."""
    places: dict[tuple[str, int, str], list[dict[str, Any]]] = {}
    for row in refuted:
        places.setdefault((row["path"], row["line"], row["name"]), []).append(row)
    for (path, line, _), rows in sorted(places.items(), key=lambda item: (not item[1][0]["known"], item[0])):
        row = rows[0]
        yield (f"{path}:{line}", code(row["text"][:80]), str(sum(each["samples"] for each in rows)),
               code(row["receiver"]), code(row["message"].splitlines()[0]), "ours" if row["known"] else "not ours")  # fmt: skip


def _replays(replays: dict[str, Any]) -> str:
    text = f"""Under all monitors together, each true statement written from its beginning: {replays["refused"]} of \
{replays["statements"]} ({interval(replays["rate"])} %) cannot be written to the end. {_rightly(replays["rightly"])}

""" + table(
        ("monitor", "questions", "answers it can refuse by", "tokens behind which it masks", "true statements refused"),
        [(row["monitor"], *(str(row[key]) for key in ("asked", "known", "closed", "refused")))
         for row in replays["monitors"]],
    )  # fmt: skip
    if replays["list"]:
        rows = [
            (f"{row['path']}:{row['line']}", row["monitor"], code(" ".join(row["at"].split())[-70:]), row["reason"],
             code(row["checker"]) if row["checker"] else "")
            for row in replays["list"]
        ]  # fmt: skip
        text += "\n\n" + table(("where", "monitor", "refused at the end of", "reason", "basedpyright agrees"), rows)
    return text


def _rightly(count: int) -> str:
    if not count:
        return ""
    return f"Not counted: {count} more that basedpyright refuses too, at the same place; they are mistakes in the packages."


def _why_open(refuted: Sequence[dict[str, Any]]) -> str:
    counts = Counter(category(row["reason"]) for row in refuted if not row["closed"])
    return "; ".join(f"{reason} ({count})" for reason, count in counts.most_common()) or "there are none"


def plot(result: dict[str, Any], path: Path) -> bool:
    """Draw score@1 of every metric with intervals; False, with nothing drawn, when matplotlib is not installed."""
    try:
        import matplotlib
    except ImportError:
        return False
    matplotlib.use("Agg")
    from matplotlib import pyplot

    orders = [order for order in dict.fromkeys(row["order"] for row in result["scores"]) if order != "both"]
    figure, axes = pyplot.subplots(1, len(orders), figsize=(5.5 * len(orders), 3.6), sharey=True, squeeze=False)
    for axis, order in zip(axes[0], orders, strict=True):
        rows = [row for row in result["scores"] if row["order"] == order and row["k"] == 1]
        for shift, (kind, colour) in enumerate((("unguided", "#b0b7c3"), ("guided", "#2f6f9f"))):
            means = [100 * row[kind]["mean"] for row in rows]
            spans = [[100 * (row[kind]["mean"] - row[kind]["low"]) for row in rows],
                     [100 * (row[kind]["high"] - row[kind]["mean"]) for row in rows]]  # fmt: skip
            places = [number + 0.38 * (shift - 0.5) for number in range(len(rows))]
            axis.bar(places, means, 0.36, yerr=spans, color=colour, label=kind, ecolor="#444", capsize=2)
        axis.set_xticks(range(len(rows)), [row["metric"] for row in rows])
        axis.set_title(order)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0][0].set_ylabel("score@1, percent")
    axes[0][0].legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path, dpi=150)
    pyplot.close(figure)
    return True
