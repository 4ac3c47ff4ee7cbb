"""The weights of monitors/evidence.py, fitted on packages that nothing is measured on.

    .venv/bin/python benchmarks/dots_fit.py [--accesses 600]

At accesses of the packages of dots-training.txt the members are listed and ranked by the default model, in both orders
of its prompt; then two log-linear models are fitted to the true names by regularised maximum likelihood: one with the
model's probabilities, one without. Prints the weights, to be copied into the module, and what they are worth on the
packages that a fit has not seen. Answers are kept in benchmarks/results/dots-fit.jsonl; a run broken off goes on.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import dots_check
import dots_dataset
import dots_gate
import torch
from dots_dataset import REPOSITORY
from dots_evidence import probabilities
from dots_metrics import ranking_scores
from dots_rows import Progress, Rows

from fairlead.decoding.decoder import Decoder
from fairlead.monitors import evidence
from fairlead.monitors.analysis import Member
from fairlead.monitors.process import AnalysisProcess

PACKAGES = REPOSITORY / "benchmarks" / "dots-training.txt"
ORDERS = ("left_to_right", "spm")
FOLDS = 6
RIDGE = 2e-3


@dataclass(frozen=True)
class Example:
    """One access: a row for each member, (members, features), and the place of the true one."""

    package: str
    rows: torch.Tensor
    true: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accesses", type=int, default=600)
    options = parser.parse_args()
    torch.set_num_threads(1)
    alone, with_model = examples(options.accesses)
    for title, found in (("ALONE", alone), ("WITH_MODEL, MODEL", with_model)):
        weights = fit(found)
        print(title, [round(float(weight), 2) for weight in weights])
        print("  on packages not seen: R@1 {:.1%}, R@5 {:.1%}, MRR {:.3f}".format(*across(found)))
    print("the model: R@1 {:.1%}, R@5 {:.1%}, MRR {:.3f}".format(
        *ranking_scores([place(one, one.rows[:, -1]) for one in with_model])))  # fmt: skip


def examples(count: int) -> tuple[list[Example], list[Example]]:
    """At so many accesses: what is observed alone, and with log(p + FLOOR) behind it, once for each order."""
    root = dots_dataset.install(PACKAGES, REPOSITORY / "build" / "dots-training")
    dots_check.make_environment()
    accesses = dots_dataset.sample(dots_dataset.collect(root, "", PACKAGES), count)
    accesses.sort(key=lambda access: hashlib.md5(access.id.encode()).hexdigest())
    rows = Rows(REPOSITORY / "benchmarks/results/dots-fit.jsonl")
    analysis = AnalysisProcess(
        memory_mb=4096, project_python=str(dots_check.ENVIRONMENT), workspace_roots=[str(root)],
        lifeless_s=dots_gate.PATIENCE_S,
    )  # fmt: skip
    guide, decoder = dots_gate.monitors(analysis), Decoder.of()
    alone, with_model = [], []
    progress = Progress("accesses", len(accesses))
    for access in accesses:
        source = dots_dataset.read(root, access.path)
        row = rows.find("1", access.id)
        made = row is None
        if row is None:
            row = {"members": []}
            start = guide.start(dots_gate.document(root, source, access), access.offset)
            members = start.members.members if start is not None else ()
            if start is not None and len(members) > 1 and access.name in {member.name for member in members}:
                row = {"members": [[member.name, member.kind] for member in members]}
                for order in ORDERS:
                    row[order] = probabilities(decoder, order, root, source, access, start)
            rows.add("1", [access.id], row)
        progress.step(made=made)
        if not row["members"]:
            continue
        true = [name for name, _ in row["members"]].index(access.name)
        observed = torch.tensor(evidence.observe(
            source.cut(access), access.offset, [Member(*one) for one in row["members"]]
        ))  # fmt: skip
        alone.append(Example(access.package, observed, true))
        for order in ORDERS:
            believed = (torch.tensor(row[order]) + evidence.FLOOR).log()[:, None]
            with_model.append(Example(access.package, torch.cat([observed, believed], 1), true))
    analysis.shutdown()
    return alone, with_model


def fit(found: Sequence[Example]) -> torch.Tensor:
    """The weights of a log-linear model; each is drawn to nothing."""
    everything = torch.cat([one.rows for one in found])
    of = torch.repeat_interleave(torch.arange(len(found)), torch.tensor([len(one.rows) for one in found]))
    begins = torch.cumsum(torch.tensor([0, *(len(one.rows) for one in found[:-1])]), 0)
    true = begins + torch.tensor([one.true for one in found])
    weights = torch.zeros(everything.shape[1], requires_grad=True)
    optimiser = torch.optim.LBFGS([weights], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        value = everything @ weights
        highest = torch.full((len(found),), -1e9).scatter_reduce(0, of, value.detach(), "amax")
        norm = torch.zeros(len(found)).scatter_add(0, of, (value - highest[of]).exp()).log() + highest
        total = (norm - value[true]).mean() + RIDGE * (weights**2).sum()
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimiser.step(loss)  # type: ignore[no-untyped-call, arg-type]
    return weights.detach()


def across(found: Sequence[Example]) -> tuple[float, float, float]:
    """R@1, R@5 and MRR, each package ranked by weights that were fitted on others."""
    names = sorted({one.package for one in found})
    places: list[int | None] = []
    for fold in range(FOLDS):
        held = set(names[fold::FOLDS])
        weights = fit([one for one in found if one.package not in held])
        places += [place(one, one.rows @ weights) for one in found if one.package in held]
    return ranking_scores(places)


def place(one: Example, value: torch.Tensor) -> int:
    """The place of the true name, from 1; of equal ones, that of the list."""
    return 1 + int((value > value[one.true]).sum()) + int((value[: one.true] == value[one.true]).sum())


if __name__ == "__main__":
    main()
