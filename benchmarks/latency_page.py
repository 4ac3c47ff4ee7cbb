"""The page docs/benchmarks/latency.md, made of what latency.py measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any


def quantile(values: Iterable[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def row(name: str, samples: Sequence[dict[str, Any]], key: str = "client_ms") -> str:
    values = [sample[key] for sample in samples if key in sample]
    if not values:
        return f"| {name} | – | – | 0 |"
    return f"| {name} | {quantile(values, 0.5):.0f} | {quantile(values, 0.95):.0f} | {len(values)} |"


def shares(samples: Sequence[dict[str, Any]], names: Sequence[str]) -> str:
    total = sum(sample["server_ms"] for sample in samples if "server_ms" in sample)
    parts = [sum(sample.get("parts", {}).get(name, 0.0) for sample in samples) / (total or 1) for name in names]
    named = [f"{name} {part:.0%}" for name, part in zip(names, parts, strict=True)]
    return ", ".join([*named, f"rest {1 - sum(parts):.0%}"])


def why_not(samples: Sequence[dict[str, Any]]) -> str:
    """What the server said where it offered nothing, most frequent first."""
    reasons = Counter(sample["nothing"] for sample in samples if "nothing" in sample)
    listed = ", ".join(f"{reason} ({count})" for reason, count in reasons.most_common(4))
    return f"; the others were told: {listed}" if listed else ""


def verdict(reached: float, target: float, digits: int = 0) -> str:
    return f"{reached:.{digits}f}" + (" – reached" if reached <= target else " – **missed**")


def page(result: dict[str, Any], packages: Sequence[str]) -> str:
    """The page, as Markdown. `result` is what `latency.py` writes as JSON."""
    samples, start, facts = result["samples"], result["start"], result["machine"]
    inline = [sample for sample in samples if sample["feature"] == "inline"]
    lists = [sample for sample in samples if sample["feature"] == "completion" and sample["theirs_items"]]
    written = [sample for sample in inline if "decode" in sample.get("parts", {})]
    cached = [sample for sample in inline if "cached" in sample.get("parts", {})]
    warm = [sample for sample in written if not sample["cold"]]
    warm_lists = [sample for sample in lists if not sample["cold"]]
    ghost_p50, ghost_p95 = (quantile([s["client_ms"] for s in warm], share) for share in (0.5, 0.95))
    ours, theirs = (quantile([s[key] for s in warm_lists], 0.5) for key in ("client_ms", "theirs_ms"))
    memory = {name: max(each[name] for each in result["memory_mb"]) for name in result["memory_mb"][0]}
    begin = start["initialize_ms"] - start["import_pygls_ms"]
    offered = sum(1 for sample in inline if sample["items"])
    return f"""# Latency

Made by `.venv/bin/python benchmarks/latency.py` on {result["date"]}: {facts["cores"]} cores, {facts["cpu"]},
{facts["system"]}, Python {facts["python"]}, load average {facts["load"]:.1f} (other work on the same cores makes all of
this slower). Default model, default settings.

Lines of {", ".join(packages)}
are removed and typed again, key by key, through a real `fairlead serve`; after every key ghost text is asked for and
waited for. None of these packages is among the sources of the default model. Times are what the client waits, from
writing the request to the last byte of the answer. The editor's own pause comes on top, and is not ours: 50 ms in
VS Code, 200 ms in Neovim.

## Ghost text

| milliseconds | p50 | p95 | requests |
|---|---|---|---|
{row("written by the model, warm", warm)}
{row("… as the server counts it", warm, "server_ms")}
{row("… of these, offered", [s for s in warm if s["items"]])}
{row("first request of a fresh server", [s for s in inline if s["cold"]])}
{row("typed through (the text on screen goes on)", cached)}
{row("all requests", inline)}

Of the time of warm requests: {shares(warm, ("analysis", "prefill", "decode"))}.
{offered} of {len(inline)} requests were offered something{why_not(inline)}.

## The list at a dot, beside jedi-language-server

| milliseconds | p50 | p95 | requests |
|---|---|---|---|
{row("fairlead, ranked, warm", warm_lists)}
{row("jedi-language-server, same places, warm", warm_lists, "theirs_ms")}
{row("fairlead, first list of a fresh server", [s for s in lists if s["cold"]])}
{row("jedi-language-server, first list", [s for s in lists if s["cold"]], "theirs_ms")}

Of the time of warm lists: {shares(warm_lists, ("analysis", "model"))}.
Places where jedi-language-server offers nothing are left out. Analysis has often been asked about a receiver before its
dot is typed, because ghost text had run ahead to it; jedi-language-server is not asked before the dot.

## Start and memory

| | |
|---|---|
| `initialize` answered after the start of the process | {start["initialize_ms"]:.0f} ms |
| of which `python -c "import pygls.lsp.server"` | {start["import_pygls_ms"]:.0f} ms |
| resident memory, server with the default model | {memory["server"]:.0f} MB |
| resident memory, analysis process | {memory["analysis"]:.0f} MB |
| resident memory, jedi-language-server | {memory["jedi-language-server"]:.0f} MB |

## Against the targets

| what | target | measured |
|---|---|---|
| ghost text written by the model, warm, p50 | ≤ 120 ms | {verdict(ghost_p50, 120)} |
| the same, p95 | ≤ 250 ms | {verdict(ghost_p95, 250)} |
| list, warm, ÷ jedi-language-server (medians) | ≤ 1.3 | {verdict(ours / theirs, 1.3, digits=2)} |
| `initialize`, beyond importing pygls | ≤ 300 ms | {verdict(begin, 300)} |
"""
