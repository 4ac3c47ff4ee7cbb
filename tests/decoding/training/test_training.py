"""A tiny model, from a folder of source to a completion, and everything that can go wrong on the way."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer

from fairlead.decoding.model import load
from fairlead.decoding.training.checkpoint import load_checkpoint, save_checkpoint, sealed
from fairlead.decoding.training.corpus import SourceFile, build_corpus
from fairlead.decoding.training.evaluation import evaluate, table
from fairlead.decoding.training.examples import Mix
from fairlead.decoding.training.export import export, read_network
from fairlead.decoding.training.loop import CURVE, Plan, Progress, read_curve, train
from fairlead.decoding.training.network import Network, shape_of_size
from fairlead.decoding.training.plot import plot_curve, smoothed
from fairlead.decoding.training.release import Order, make_model
from fairlead.decoding.training.schedule import Budget, learning_rate
from fairlead.monitors.errors import CheckpointBroken, CorpusError, ModelBroken, TrainingError
from fairlead.server.cli import main

ROWS, LENGTH = 2, 96
PLAN = Plan(Budget(tokens=8 * ROWS * LENGTH), rows=ROWS, length=LENGTH, micro_rows=1, peak=3e-3, checkpoint_seconds=0)


def network(tokenizer: Tokenizer, seed: int = 0) -> Network:
    made = Network(shape_of_size("tiny", tokenizer.get_vocab_size(), 128))
    made.initialise(seed)
    return made


def curve(folder: Path) -> list[tuple[int, int, float, float]]:
    return [(row["step"], row["tokens"], row["loss"], row["rate"]) for row in read_curve(folder)]


@pytest.fixture(scope="module")
def whole(files: list[SourceFile], tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Network]:
    """A run of eight steps that nothing disturbed."""
    folder, trained = tmp_path_factory.mktemp("whole"), network(tokenizer)
    train(trained, tokenizer, files, PLAN, folder)
    return folder, trained


def test_a_run_learns_and_keeps_to_its_budget(whole: tuple[Path, Network]) -> None:
    rows = curve(whole[0])
    assert [row[0] for row in rows] == list(range(1, 9))
    assert rows[-1][1] == PLAN.budget.tokens
    assert rows[-1][2] < rows[0][2] - 0.3
    assert [path.name for path in sealed(whole[0])] == ["step-000000008.pt", "step-000000007.pt"]


class Killed(Exception):
    """Nothing of ours catches it, like a signal that cannot be caught."""


@pytest.mark.parametrize("last_step", [2, 5])
def test_a_run_that_was_killed_goes_on_with_the_same_curve(
    whole: tuple[Path, Network], files: list[SourceFile], tokenizer: Tokenizer, tmp_path: Path, last_step: int
) -> None:
    def kill(progress: Progress) -> None:
        if progress.step == last_step:
            raise Killed

    with pytest.raises(Killed):
        train(network(tokenizer), tokenizer, files, PLAN, tmp_path, report=kill)
    assert len(curve(tmp_path)) == last_step, "the step after the last checkpoint was noted"
    resumed = network(tokenizer, seed=9)
    train(resumed, tokenizer, files, PLAN, tmp_path)
    assert curve(tmp_path) == curve(whole[0])
    for name, value in whole[1].state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_an_interrupt_saves_first(files: list[SourceFile], tokenizer: Tokenizer, tmp_path: Path) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(network(tokenizer), tokenizer, files, replace(PLAN, checkpoint_seconds=1e9), tmp_path, report=interrupt)
    assert [path.name for path in sealed(tmp_path)] == ["step-000000003.pt"]


def test_micro_batches_do_not_change_the_step(files: list[SourceFile], tokenizer: Tokenizer, tmp_path: Path) -> None:
    for rows in (1, 2):
        plan = replace(PLAN, micro_rows=rows, budget=Budget(tokens=3 * ROWS * LENGTH))
        train(network(tokenizer), tokenizer, files, plan, tmp_path / str(rows))
    one, two = (curve(tmp_path / rows) for rows in ("1", "2"))
    assert [row[2] for row in one] == pytest.approx([row[2] for row in two], rel=1e-4)


def test_a_time_budget_ends_a_run(files: list[SourceFile], tokenizer: Tokenizer, tmp_path: Path) -> None:
    last = train(network(tokenizer), tokenizer, files, replace(PLAN, budget=Budget(seconds=0.05)), tmp_path)
    assert last is not None
    assert last.elapsed_s >= 0.05
    before = [row for row in read_curve(tmp_path) if row["step"] < last.step]
    assert all(row["elapsed_s"] < 0.05 for row in before)
    assert train(network(tokenizer), tokenizer, files, replace(PLAN, budget=Budget(seconds=0.05)), tmp_path) is None


def test_workers_bring_the_same_batches(
    whole: tuple[Path, Network], files: list[SourceFile], tokenizer: Tokenizer, tmp_path: Path
) -> None:
    plan = replace(PLAN, workers=2, budget=PLAN.budget)
    train(network(tokenizer), tokenizer, files, plan, tmp_path)
    assert curve(tmp_path) == curve(whole[0])


def test_the_rate_warms_up_and_falls_to_a_hundredth() -> None:
    rates = [learning_rate(1.0, 0.1, spent / 100) for spent in range(101)]
    assert rates[0] == pytest.approx(0.01)
    assert rates[10] == pytest.approx(1.0)
    assert rates[100] == pytest.approx(0.01)
    assert rates[:11] == sorted(rates[:11])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert Budget(tokens=100, seconds=10).spent(50, 2) == 0.5
    assert Budget(seconds=10).spent(10**9, 20) == 1.0
    with pytest.raises(TrainingError, match="--tokens or --minutes"):
        Budget()


def test_a_corpus_smaller_than_a_batch_is_refused(files: list[SourceFile], tokenizer: Tokenizer, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"tokens, less than one batch of 12,800"):
        train(network(tokenizer), tokenizer, files[:1], replace(PLAN, rows=100, length=128), tmp_path)
    with pytest.raises(TrainingError, match="do not fit a context of 128"):
        train(network(tokenizer), tokenizer, files, replace(PLAN, length=129), tmp_path)


def test_a_batch_without_rows_is_refused() -> None:
    for wrong in ({"rows": 0}, {"micro_rows": 0}, {"length": 8}):
        with pytest.raises(TrainingError, match="at least one row"):
            replace(PLAN, **wrong)  # type: ignore[arg-type]  # every value is a whole number


def test_another_run_is_not_overwritten(whole: tuple[Path, Network], files: list[SourceFile], tokenizer: Tokenizer) -> None:
    with pytest.raises(TrainingError, match="other settings"):
        train(network(tokenizer), tokenizer, files, replace(PLAN, seed=5), whole[0])
    with pytest.raises(TrainingError, match="other settings"):
        train(network(tokenizer), tokenizer, files, replace(PLAN, mix=Mix(infilling=0.1)), whole[0])


def test_weights_that_explode_end_the_run_before_they_are_saved(
    files: list[SourceFile], tokenizer: Tokenizer, tmp_path: Path
) -> None:
    broken = network(tokenizer)
    broken.model.norm.weight.data.fill_(float("nan"))
    with pytest.raises(TrainingError, match="not finite at step 1"):
        train(broken, tokenizer, files, PLAN, tmp_path)
    assert sealed(tmp_path) == []


STATE: dict[str, Any] = {"weights": torch.arange(50_000.0), "step": 1}


def test_a_checkpoint_cut_short_is_passed_over(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 1, STATE)
    newest = save_checkpoint(tmp_path, 2, {**STATE, "step": 2})
    newest.write_bytes(newest.read_bytes()[:-1_000])
    state, faults = load_checkpoint(tmp_path)
    assert state is not None
    assert state["step"] == 1
    assert torch.equal(state["weights"], STATE["weights"])
    assert faults == ["step-000000002.pt: it was cut short or changed"]


def test_one_byte_that_changed_is_noticed(tmp_path: Path) -> None:
    path = save_checkpoint(tmp_path, 1, STATE)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(CheckpointBroken, match=r"No checkpoint in .* is whole"):
        load_checkpoint(tmp_path)


def test_without_a_seal_there_is_no_checkpoint(tmp_path: Path) -> None:
    """A kill between the two files leaves weights whose digest nobody wrote down."""
    save_checkpoint(tmp_path, 1, STATE)
    path = save_checkpoint(tmp_path, 2, {**STATE, "step": 2})
    path.with_suffix(".json").unlink()
    state, faults = load_checkpoint(tmp_path)
    assert state is not None
    assert (state["step"], faults) == (1, [])
    assert load_checkpoint(tmp_path / "nothing") == (None, [])


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """The kernel refuses to write more, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)


def test_a_full_disk_leaves_the_last_good_checkpoint(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 1, STATE)
    with file_size_limit(100_000), pytest.raises(TrainingError, match=r"the last good one is step-000000001\.pt"):
        save_checkpoint(tmp_path, 2, {**STATE, "step": 2})
    state, faults = load_checkpoint(tmp_path)
    assert state is not None
    assert (state["step"], faults) == (1, [])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000000001.json", "step-000000001.pt"]


def test_a_full_disk_while_training_is_one_error(files: list[SourceFile], tokenizer: Tokenizer, tmp_path: Path) -> None:
    with file_size_limit(100_000), pytest.raises(TrainingError, match=r"could not be written.*there is none before it"):
        train(network(tokenizer), tokenizer, files, PLAN, tmp_path)


def test_an_exported_model_computes_what_the_network_does(
    whole: tuple[Path, Network], tokenizer: Tokenizer, tmp_path: Path
) -> None:
    """Through our own reader, and through transformers."""
    trained = whole[1]
    folder = export(trained, tokenizer, tmp_path / "model", card="# a card\n")
    again = read_network(folder)
    ids = tokenizer.encode("def area(self) -> float:\n    return pi").ids
    with torch.inference_mode():
        ours = again.logits(again.hidden(torch.tensor([ids])))[0]
        theirs = load(str(folder), "cpu", "float32", with_transformers=True).module(torch.tensor([ids])).logits[0]
        before = trained.logits(trained.hidden(torch.tensor([ids])))[0]
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(ours, before, atol=0.1, rtol=0.1)  # the weights were rounded to bfloat16
    loaded = load(str(folder), "cpu", "float32")
    assert loaded.infilling is not None
    assert (loaded.context_tokens, loaded.eos_ids >= {0}, loaded.prompt_order) == (128, True, "left_to_right")
    assert (folder / "README.md").read_text() == "# a card\n"


def test_weights_in_shards_are_the_same_weights(whole: tuple[Path, Network], tokenizer: Tokenizer, tmp_path: Path) -> None:
    folder = export(whole[1], tokenizer, tmp_path / "model")
    one = read_network(folder).state_dict()
    export(whole[1], tokenizer, folder, shard_bytes=180_000)
    shards = sorted(folder.glob("*.safetensors"))
    assert len(shards) > 1
    assert max(path.stat().st_size for path in shards) <= 180_000
    assert "model.safetensors" not in {path.name for path in shards}, "the weights before are gone"
    many = read_network(folder).state_dict()
    assert all(torch.equal(value, many[name]) for name, value in one.items())
    assert load(str(folder), "cpu").vocab_size == tokenizer.get_vocab_size()


def test_a_model_that_cannot_be_written_is_one_error(whole: tuple[Path, Network], tokenizer: Tokenizer, tmp_path: Path) -> None:
    with file_size_limit(50_000), pytest.raises(TrainingError, match="The model could not be written"):
        export(whole[1], tokenizer, tmp_path / "model")
    assert not (tmp_path / "model" / "config.json").exists(), "a folder without its configuration is no model"
    with pytest.raises(ModelBroken, match="is no model folder"):
        read_network(tmp_path / "model")


def test_only_networks_of_our_kind_are_trained_further(
    whole: tuple[Path, Network], tokenizer: Tokenizer, tmp_path: Path
) -> None:
    folder = export(whole[1], tokenizer, tmp_path)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "tie_word_embeddings": False}))
    with pytest.raises(TrainingError, match="only plain Llama networks with tied embeddings"):
        read_network(folder)


def test_losses_by_kind_fall_with_training(
    whole: tuple[Path, Network], files: list[SourceFile], tokenizer: Tokenizer
) -> None:
    measured = {
        name: evaluate(one, tokenizer, files, windows=6, holes=3, room=120)
        for name, one in {"before": network(tokenizer), "after": whole[1]}.items()
    }
    before, after = measured.values()
    assert after.left_to_right.per_token < before.left_to_right.per_token - 0.5
    assert after.left_to_right.tokens == before.left_to_right.tokens
    assert after.middle("spm").per_token < before.middle("spm").per_token
    lines = table(measured).splitlines()
    assert lines[0] == "| nats a token, held-out projects | before | after |"
    figures = f"{before.left_to_right.per_token:.3f} | {after.left_to_right.per_token:.3f}"
    assert lines[2] == f"| left to right | {figures} |"


def test_the_curve_is_drawn(whole: tuple[Path, Network], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    plot_curve(read_curve(whole[0]), tmp_path / "loss.png")
    assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(TrainingError, match="cannot be written"):
        plot_curve(read_curve(whole[0]), tmp_path / "absent" / "loss.png")
    assert smoothed([1.0, 0.0], keep=0.5) == [1.0, 0.5]


def test_a_curve_whose_last_line_was_cut_is_read(tmp_path: Path) -> None:
    (tmp_path / CURVE).write_text('{"step": 1}\n{"step": 2, "lo')
    assert read_curve(tmp_path) == [{"step": 1}]


def test_an_order_makes_a_model_with_its_card_and_goes_on_later(project: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "pyproject.toml").write_text('[project]\nname = "other"\nversion = "2"\nlicense = "ISC"\n')
    code = "import os\n\n\ndef names(folder: str) -> list[str]:\n    return sorted(os.listdir(folder))\n"
    (other / "code.py").write_text(code * 2)
    build_corpus(tmp_path / "corpus", [project, other], held_out=["other"], nearly=False)
    order = Order(
        tmp_path / "corpus", tmp_path / "mine", size="tiny", context_tokens=128, tokens=2_000, rows=2, micro_rows=2,
        device="cpu",
    )  # fmt: skip
    steps: list[int] = []
    folder = make_model(order, lambda progress: steps.append(progress.step), lambda _: None)
    card = (folder / "README.md").read_text()
    assert card.startswith("# mine\n")
    assert "| shapes | 1.0 | MIT | 12 |" in card
    assert "| other | 2 | ISC | 1 |" in card.partition("Held out")[2]
    assert "| left to right |" in card
    assert load(str(folder), "cpu").parameters == sum(weight.numel() for weight in read_network(folder).parameters())
    make_model(replace(order, tokens=3_000), lambda progress: steps.append(progress.step), lambda _: None)
    assert steps == list(range(1, len(steps) + 1))
    assert max(steps) == -(-3_000 // 256)
    tuned = make_model(
        replace(order, folder=tmp_path / "tuned", init=folder, tokens=256), lambda _: None, lambda _: None
    )
    assert "Its first weights are those of mine" in (tuned / "README.md").read_text()


def test_from_a_folder_to_a_completion_on_the_command_line(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus, model = tmp_path / "corpus", tmp_path / "model"
    assert main(["train", "corpus", str(corpus), str(project), "--exact-only"]) == 0
    assert capsys.readouterr().out == "12 files, 0.0 M characters of 1 projects\n"
    sizes = ["--size", "tiny", "--context", "256", "--rows", "2", "--tokens", "0.003", "--device", "cpu"]
    assert main(["train", "model", str(corpus), str(model), *sizes]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("step 1: loss ")
    assert lines[-1].startswith(f"{model} is ready.")
    (project / "use.py").write_text("from part1 import Circle1\n\nCircle1(2.0).")
    command = [sys.executable, "-E", "-P", "-m", "fairlead.server", "complete", "--json", "--model", str(model)]
    completed = subprocess.run(
        [*command, "--device", "cpu", str(project / "use.py:3:14")], capture_output=True, text=True, check=True
    )
    labels = {item["label"] for item in json.loads(completed.stdout)["completions"]}
    assert {"area", "radius", "scaled"} <= labels


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("corpus", "CORPUS", "absent"), "There is no absent"),
        (("model", "absent", "MODEL", "--minutes", "1"), "absent is no corpus"),
        (("tokenizer", "absent", "tokenizer.json"), "absent is no corpus"),
        (("evaluate", "absent", "MODEL"), "absent is no corpus"),
    ],
)
def test_bad_input_is_one_line_on_stderr(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *arguments]) == 2
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err.startswith("fairlead: ")
    assert message in written.err
    assert written.err.count("\n") == 1
