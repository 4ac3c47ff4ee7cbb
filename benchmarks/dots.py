"""DotPrompts for Python: what guidance is worth, and what it costs, at attribute accesses of real packages.

    .venv/bin/python benchmarks/dots.py [--quick | --full]

At every access the text is cut behind the dot, and a model writes the rest of the statement: guided and unguided, left
to right and into the middle, six samples each. What was written is scored against the truth and checked by basedpyright
in its file. The monitors' verdicts (how often they constrain, and how often they would forbid the truth) are measured at
all accesses, whatever the size of the run. A run that was broken off goes on where it stopped. Writes
docs/benchmarks/dots.md, dots.json and dots.png; every answer is kept in benchmarks/results/dots.jsonl.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import dots_check
import dots_dataset
import dots_evidence
import dots_gate
import dots_model
from dots_check import Variant
from dots_dataset import REPOSITORY, Access, Source
from dots_page import page, plot
from dots_rows import Progress, Rows, fingerprint
from dots_summary import Written, category, replay_table, summary
from latency import machine

from fairlead.decoding.decoder import Decoder
from fairlead.decoding.model import find_folder
from fairlead.monitors.analysis import Document
from fairlead.monitors.environment import find_environment
from fairlead.monitors.process import AnalysisProcess

SIZES = {"quick": (40, 400, 400), "default": (300, 1_000_000, 600), "full": (1_000_000, 1_000_000, 1_000_000)}
"""At how many accesses a model writes, the gate is asked, and the true statement is written from its beginning."""
EVIDENCE = REPOSITORY / "monitors" / "evidence.py"
MONITORS = [path for path in sorted((REPOSITORY / "monitors").glob("*.py")) if path != EVIDENCE]
"""What a verdict depends on; the evidence only orders lists."""


@dataclass
class Run:
    """What the stages share."""

    root: Path
    rows: Rows
    accesses: list[Access]
    analysis: AnalysisProcess
    guide: dots_gate.Patient
    monitors: str
    """Fingerprint of the monitors."""
    sources: dict[str, Source] = field(default_factory=dict)

    def source(self, access: Access) -> Source:
        if access.path not in self.sources:
            self.sources[access.path] = dots_dataset.read(self.root, access.path)
        return self.sources[access.path]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="40 accesses, a few minutes")
    size.add_argument("--full", action="store_true", help="every access, hours")
    parser.add_argument("--accesses", type=int, default=0, help="let the model write at so many, not 40, 300 or all")
    parser.add_argument("--model", default="", help="a folder or a hub id; the default model if not given")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--infill", default="", choices=["", "psm", "spm"], help="the order of fill-in-the-middle prompts")
    parser.add_argument("--gate-only", action="store_true", help="the monitors' verdicts alone, printed; no model")
    parser.add_argument("--draw", default="", help="any word: takes other functions of the packages, for a second look")
    parser.add_argument("--dry", action="store_true", help="print the page and write nothing in docs/")
    options = parser.parse_args()
    chosen = "quick" if options.quick else "full" if options.full else "default"

    begun = time.monotonic()
    root = dots_dataset.install()
    dots_check.make_environment()
    everything = dots_dataset.collect(root, options.draw)
    written_at, gated_at, replayed_at = (
        dots_dataset.sample(everything, count) for count in (options.accesses or SIZES[chosen][0], *SIZES[chosen][1:])
    )
    packages = dots_dataset.REQUIREMENTS
    environment = str(dots_check.ENVIRONMENT)
    analysis = AnalysisProcess(
        memory_mb=4096, project_python=environment, workspace_roots=[str(root)], lifeless_s=dots_gate.PATIENCE_S
    )
    run = Run(
        root, Rows(REPOSITORY / "benchmarks/results/dots.jsonl"), written_at, analysis, dots_gate.monitors(analysis),
        fingerprint(*MONITORS, packages, Path(dots_gate.__file__)),
    )  # fmt: skip
    try:
        gates = gate_stage(run, gated_at)
        replays = replay_stage(run, gated_at if options.gate_only else replayed_at)
        if options.gate_only:
            print_gates(gates, replays)
            return
        library = find_environment(str(root), environment).sys_path
        written, ranks, model = model_stage(run, options, dots_gate.Jedi(root, list(library)))
        doubted = [row["path"] for row in replays if row["refused"]]
        faults, base = check_stage(run, written, doubted)
        for row in replays:
            row["checker"] = said_of(row, base) if row["refused"] else ""
        refuted = refuted_stage(run, written, faults)
    finally:
        analysis.shutdown()
    folder = REPOSITORY / "docs/benchmarks"
    result = summary(written_at, written, faults, gates, replays, ranks, refuted) | cost(run, begun, folder) | {
        "size": chosen, "asked": options.accesses, "model": model,
        "draw": options.draw, "accesses": len(written_at), "gated": len(gated_at), "all": len(everything),
        "functions": len({access.function for access in written_at}), "checker": dots_check.CHECKER,
        "packages": [{"requirement": name, "what": what} for name, what in
                     dots_dataset.measured(packages.read_text(encoding="utf-8"))],
    }  # fmt: skip
    picture = not options.dry and plot(result, folder / "dots.png")
    text = page(result, picture)
    print(text)
    if not options.dry:
        (folder / "dots.md").write_text(text, encoding="utf-8")
        (folder / "dots.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def cost(run: Run, begun: float, folder: Path) -> dict[str, Any]:
    """When, where and how long; of the run before where this one only made the page anew."""
    now = {"date": date.today().isoformat(), "machine": machine(), "seconds": time.monotonic() - begun,
           "cpu_seconds": sum(os.times()[:4]), "added": run.rows.added, "reused": len(run.rows.reused)}  # fmt: skip
    try:
        before = json.loads((folder / "dots.json").read_text(encoding="utf-8"))
        return now if run.rows.added * 50 > len(run.rows.reused) else {name: before[name] for name in now}
    except (OSError, ValueError, KeyError):
        return now


def gate_stage(run: Run, accesses: Sequence[Access]) -> dict[str, dict[str, Any]]:
    """The verdict at each access, by its id."""
    found: dict[str, dict[str, Any]] = {}
    progress = Progress("gate", len(accesses))
    opened = ""
    for access in accesses:
        row = run.rows.find(run.monitors, "gate", access.id)
        made = row is None
        if row is None:
            source = run.source(access)
            row = dots_gate.gate(run.root, source, access, run.analysis, run.guide)
            row["first"] = opened != access.path
            run.rows.add(run.monitors, ("gate", access.id), row)
            opened = access.path
        found[access.id] = row | {
            "package": access.package, "path": access.path, "line": access.line, "before": access.receiver,
            "name": access.name, "function": access.function,
        }  # fmt: skip
        progress.step(made=made)
    return found


def print_gates(gates: dict[str, dict[str, Any]], replays: Sequence[dict[str, Any]]) -> None:
    """For whoever works on the monitors: the gate's reasons, and everything that forbids the truth."""
    counts = Counter(category(row["reason"]) for row in gates.values())
    for reason, count in counts.most_common():
        print(f"{count:5}  {count / len(gates):6.1%}  {reason}")
    wrong = [row for row in gates.values() if row["refused"]]
    closed = sum(row["closed"] for row in gates.values())
    print(f"closed at {closed} of {len(gates)}, wrongly at {len(wrong)}")
    for row in wrong:
        print(f"{row['path']}:{row['line']}: {row['before']}{row['name']}  [{row['receiver']}] {row['reason']}")
    table = replay_table(replays)
    for row in table["monitors"]:
        print("{monitor:>18}: {asked:6} questions, {known:6} answers to refuse by, {closed:6} masks, {refused} refused"
              .format(**row))  # fmt: skip
    print(f"true statements that cannot be written: {table['refused']} of {table['statements']}")
    for row in table["list"]:
        print(f"{row['path']}:{row['line']}: {row['monitor']} refuses {row['at']!r}: {row['reason']}")


def replay_stage(run: Run, accesses: Sequence[Access]) -> list[dict[str, Any]]:
    """Whether the true statements can be written at all under all monitors; each statement once."""
    found = []
    statements = list({(access.path, access.statement): access for access in accesses}.values())
    progress = Progress("true statements", len(statements))
    for access in statements:
        row = run.rows.find(run.monitors, "replay", access.id)
        made = row is None
        if row is None:
            row = dots_gate.replay(run.root, run.source(access), access, run.guide)
            run.rows.add(run.monitors, ("replay", access.id), row)
        text = run.source(access).text
        found.append(row | {
            "path": access.path, "line": access.line, "function": access.function,
            "lines": [text.count("\n", 0, offset) + 1 for offset in (access.statement, access.end)],
        })  # fmt: skip
        progress.step(made=made)
    return found


def said_of(row: dict[str, Any], base: dict[str, list[dict[str, Any]]]) -> str:
    """What basedpyright says against a true statement; a monitor that refuses it may be right."""
    first, last = row["lines"]
    return "; ".join(
        each["message"].splitlines()[0] for each in base[row["path"]]
        if first <= each["line"] <= last and dots_check.kind_of(each)
    )  # fmt: skip


def model_stage(
    run: Run, options: argparse.Namespace, peer: dots_gate.Jedi
) -> tuple[list[Written], dict[str, dict[str, dict[str, Any]]], dict[str, Any]]:
    """What is written at each access, and the places of the true names in every ranking, by order and access."""
    decoder = Decoder.of(options.model, options.device)
    decoder.warm_up()
    folder = find_folder(options.model)[1]
    weights = [path for path in sorted(folder.iterdir()) if path.suffix in (".safetensors", ".json")]
    plain = fingerprint(REPOSITORY / "decoding", dots_dataset.REQUIREMENTS, Path(dots_model.__file__), *weights)
    guided_code = f"{plain}-{run.monitors}"
    evidence_code = f"{guided_code}-{fingerprint(EVIDENCE, Path(dots_evidence.__file__))}"
    orders = dots_model.orders(decoder, options.infill)
    counts = dots_gate.frequencies()
    written: list[Written] = []
    ranks: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in [*orders, "others"]}
    progress = Progress("the model", len(run.accesses))
    for access in run.accesses:
        source = run.source(access)
        made = False
        other = run.rows.find(run.monitors, "others", access.id)
        if other is None:
            made, other = True, dots_model.other_ranks(run.root, source, access, run.guide, peer, counts)
            run.rows.add(run.monitors, ("others", access.id), other)
        ranks["others"][access.id] = other
        for name, order in orders.items():
            row = run.rows.find(guided_code, "rank", order, access.id)
            if row is None:
                made, row = True, dots_model.rank(decoder, order, run.root, source, access, run.guide)
                run.rows.add(guided_code, ("rank", order, access.id), row)
            places = run.rows.find(evidence_code, "evidence", order, access.id)
            if places is None:
                made, places = True, dots_evidence.ranks(decoder, order, run.root, source, access, run.guide)
                run.rows.add(evidence_code, ("evidence", order, access.id), places)
            ranks[name][access.id] = row | places
            for guided in (False, True):
                code = guided_code if guided else plain
                key = ("text", order, "guided" if guided else "unguided", access.id)
                row = run.rows.find(code, *key)
                if row is None:
                    guide = run.guide if guided else None
                    made, row = True, dots_model.write(decoder, order, run.root, source, access, guide)
                    run.rows.add(code, key, row)
                written.append(Written(access, source, name, guided, row["texts"], row["tokens"], row["ms"]))
        progress.step(made=made)
    facts = {"name": decoder.model.name, "parameters": decoder.model.parameters, "orders": orders,
             "device": decoder.model.device, "dtype": decoder.model.dtype}  # fmt: skip
    return written, ranks, facts


def check_stage(
    run: Run, written: Sequence[Written], paths: Sequence[str]
) -> tuple[dict[tuple[str, str], dict[str, Any]], dict[str, list[dict[str, Any]]]]:
    """For each access and text: whether the file parses, and what basedpyright newly says about the statement.

    And what it says about the files as they are, those of `paths` among them.
    """
    code = hashlib.sha256((dots_check.CHECKER + fingerprint(dots_dataset.REQUIREMENTS)).encode()).hexdigest()[:12]
    wanted = {(each.access.id, text): each for each in written for text in each.texts}
    base = {each.access.path: each.source for each in written}
    base |= {path: dots_dataset.read(run.root, path) for path in paths}
    variants: list[Variant] = []
    keys: list[tuple[str, ...]] = []
    parsed: dict[tuple[str, str], bool] = {}
    for (identity, text), each in wanted.items():
        variant = Variant(each.source, each.access, text)
        parsed[identity, text] = dots_check.parses(variant.whole)
        if parsed[identity, text] and run.rows.find(code, "check", identity, text) is None:
            variants.append(variant)
            keys.append(("check", identity, text))
    for path, source in base.items():
        if run.rows.find(code, "base", path) is None:
            variants.append(Variant(source, None))
            keys.append(("base", path))
    begun = time.monotonic()
    if variants:
        print(f"basedpyright looks at {len(variants)} files …", file=sys.stderr, flush=True)
        for key, found in zip(keys, dots_check.check(run.root, variants), strict=True):
            run.rows.add(code, key, {"found": found})
        print(f"… in {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    faults: dict[tuple[str, str], dict[str, Any]] = {}
    for (identity, text), each in wanted.items():
        new: list[dict[str, Any]] = []
        if parsed[identity, text]:
            found = (run.rows.find(code, "check", identity, text) or {})["found"]
            known = (run.rows.find(code, "base", each.access.path) or {})["found"]
            new = dots_check.new_faults(each.access, each.source, text, found, known)
        faults[identity, text] = {"parses": parsed[identity, text], "faults": new}
    return faults, {path: (run.rows.find(code, "base", path) or {})["found"] for path in base}


def refuted_stage(
    run: Run, written: Sequence[Written], faults: dict[tuple[str, str], dict[str, Any]]
) -> list[dict[str, Any]]:
    """Attribute accesses of guided text that basedpyright refutes, each with what our analysis knows about its dot."""
    found: dict[tuple[str, str, int], dict[str, Any]] = {}
    for each in written:
        for text in each.texts if each.guided else ():
            for fault in faults[each.access.id, text]["faults"]:
                if dots_check.kind_of(fault) != "attribute":
                    continue
                whole = Variant(each.source, each.access, text).whole
                lines = whole.split("\n")
                offset = sum(len(line) + 1 for line in lines[: fault["line"] - 1])
                offset += _code_points(lines[fault["line"] - 1], fault["column"] - 1)
                key = (each.access.id, text, offset)
                if key in found:
                    found[key]["samples"] += 1
                    continue
                seen = Document(str(run.root / each.access.path), whole, 1, str(run.root))
                name = _identifier(whole, offset)
                members = run.analysis.members(seen, offset).result(dots_gate.PATIENCE_S)
                found[key] = {
                    "path": each.access.path, "line": fault["line"], "text": lines[fault["line"] - 1].strip()[:160],
                    "name": name, "message": fault["message"], "closed": members.closed, "reason": members.reason,
                    "receiver": members.receiver, "known": name in members.names, "samples": 1, "order": each.order,
                }  # fmt: skip
    return list(found.values())


def _code_points(line: str, utf16: int) -> int:
    """basedpyright counts UTF-16 units."""
    return len(line.encode("utf-16-le")[: utf16 * 2].decode("utf-16-le", "ignore"))


def _identifier(text: str, offset: int) -> str:
    end = offset
    while end < len(text) and ("a" + text[end]).isidentifier():
        end += 1
    return text[offset:end]


if __name__ == "__main__":
    main()
