"""Heads that draft: their training, their file, and that they change no text."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer

from fairlead.decoding.decoder import Decoder
from fairlead.decoding.engine import TorchEngine, engine_for
from fairlead.decoding.heads import FILE, foreseen_states, read_heads
from fairlead.decoding.model import Model, load
from fairlead.decoding.offer import Limits
from fairlead.decoding.speculation import Drafts, Speculation
from fairlead.decoding.training.corpus import SourceFile
from fairlead.decoding.training.examples import IGNORED
from fairlead.decoding.training.export import export
from fairlead.decoding.training.heads import HeadedNetwork, hits, moved, save_heads
from fairlead.decoding.training.loop import Plan, train
from fairlead.decoding.training.network import Network, shape_of_size
from fairlead.decoding.training.schedule import Budget
from fairlead.decoding.vocabulary import Vocabulary
from fairlead.monitors.analysis import Document
from fairlead.monitors.errors import ModelBroken

PLAN = Plan(Budget(tokens=12 * 192), rows=2, length=96, micro_rows=2, peak=3e-3, checkpoint_seconds=1e9)


@pytest.fixture(scope="module")
def trained(
    files: list[SourceFile], tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Network, HeadedNetwork]:
    """A network that knows a little, and heads on it."""
    network = Network(shape_of_size("tiny", tokenizer.get_vocab_size(), 256))
    network.initialise(0)
    train(network, tokenizer, files, replace(PLAN, budget=Budget(tokens=40 * 192)), tmp_path_factory.mktemp("run"))
    headed = HeadedNetwork(network.requires_grad_(False))
    train(headed, tokenizer, files, PLAN, tmp_path_factory.mktemp("heads"))
    return network, headed


@pytest.fixture
def model(trained: tuple[Network, HeadedNetwork], tokenizer: Tokenizer, tmp_path: Path) -> Model:
    """The two as a folder, loaded in float32."""
    save_heads(trained[1], export(trained[0], tokenizer, tmp_path / "model"))
    return load(str(tmp_path / "model"), "cpu", "float32")


def decoder_of(model: Model) -> Decoder:
    engine = engine_for(model)
    silent = sorted(model.special_ids)
    return Decoder(model, engine, Vocabulary.of(model.tokenizer, engine.vocab_size, sorted(model.eos_ids), silent))


def test_labels_move_and_rows_end() -> None:
    assert moved(torch.tensor([[1, 2, 3], [4, 5, 6]]), 2).tolist() == [[3, IGNORED, IGNORED], [6, IGNORED, IGNORED]]


def test_untrained_heads_foresee_what_the_network_does(trained: tuple[Network, HeadedNetwork]) -> None:
    fresh = HeadedNetwork(trained[0])
    state = torch.randn(5, trained[0].shape.hidden)
    assert all(torch.equal(part, state) for part in foreseen_states(state, fresh.weights))


def test_training_heads_leaves_the_network_as_it_was(
    trained: tuple[Network, HeadedNetwork], files: list[SourceFile], tokenizer: Tokenizer, tmp_path: Path
) -> None:
    network, _ = trained
    before = {name: value.clone() for name, value in network.state_dict().items()}
    again = HeadedNetwork(network)
    train(again, tokenizer, files, replace(PLAN, budget=Budget(tokens=3 * 192)), tmp_path)
    assert all(torch.equal(value, network.state_dict()[name]) for name, value in before.items())
    assert set(again.state_dict()) == {"heads.0.weight", "heads.1.weight", "heads.2.weight"}
    assert all(weight.abs().sum() > 0 for weight in again.weights)


def test_trained_heads_foresee_more_than_untrained_ones(
    trained: tuple[Network, HeadedNetwork], files: list[SourceFile], tokenizer: Tokenizer
) -> None:
    network, headed = trained
    after, before = (hits(one, network, tokenizer, files, batches=4) for one in (headed, HeadedNetwork(network)))
    assert after[0] == before[0]
    assert len(after) == 4
    assert sum(after[1:]) > sum(before[1:])


def test_the_engine_foresees_what_the_heads_say(trained: tuple[Network, HeadedNetwork], model: Model) -> None:
    engine = TorchEngine(model)
    ids = model.tokenizer.encode("def area(self) -> float:\n    return pi").ids
    with torch.inference_mode():
        states = trained[0].hidden(torch.tensor([ids]))[0]
        wanted = trained[0].logits(foreseen_states(states, trained[1].weights)).argmax(-1).T.tolist()
    engine.prefill(ids[:5])
    assert engine.foreseen(5) == wanted[4]
    assert engine.foreseen(4) == [], "of a prompt the last row is kept only"
    engine.step(ids[5:9])
    assert [engine.foreseen(length) for length in (6, 7, 8, 9)] == wanted[5:9]
    engine.crop(7)
    assert engine.foreseen(7) == wanted[6]
    engine.score_tree([-1], [3])
    assert engine.foreseen(7) == [], "the states of a tree are not those of the text"


def test_the_same_text_with_heads_and_without(model: Model) -> None:
    assert len(model.heads) == 3
    limits = Limits(max_tokens=24, min_token=0.0, min_legal_mass=0.0, whole=False, multiline=True)
    written = []
    for one in (model, replace(model, heads=())):
        decoder = decoder_of(one)
        texts = []
        for text in ("def area", "class Circle", "    return pi"):
            found = decoder.write(Document("/p/x.py", text), len(text), None, limits, automatic=False)
            texts.append([offer.text for offer in found.offers])
        written.append(texts)
        tried = {source for source, _ in decoder.drafts._wrong}
        assert ("heads" in tried) == bool(one.heads)
    assert written[0] == written[1]
    assert all(written[0])


def test_heads_that_are_right_are_drafted_from(model: Model) -> None:
    """What is foreseen becomes a draft when nothing matched before, and a run of wrong ones ends it."""
    drafts = Drafts()
    assert drafts.draft([1, 2, 3], 0.07, 8, foreseen=[7, 8, 9]) == ([7, 8, 9], ("heads", 1))
    for _ in range(40):
        drafts.judged(("heads", 1), 3, 0)
    assert drafts.draft([1, 2, 3], 0.2, 8, foreseen=[7, 8, 9])[0] == []
    engine = TorchEngine(model)
    vocabulary = Vocabulary.of(model.tokenizer, engine.vocab_size, sorted(model.eos_ids), [])
    logits = engine.prefill(model.tokenizer.encode("def area(self)").ids)
    assert logits is not None
    speculation, shared = Speculation(engine, vocabulary, fresh := Drafts()), len(engine.tokens)
    for _ in range(12):
        logits = speculation.step(int(logits.argmax()), 20, one_line=False)
    assert fresh.drafted > 0
    assert len(engine.tokens) >= shared + 12


@pytest.mark.parametrize("damage", [b"nothing", b""])
def test_broken_heads_are_said(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / FILE).write_bytes(damage)
    with pytest.raises(ModelBroken, match=r"heads\.safetensors cannot be read"):
        read_heads(tmp_path, 64)
    assert read_heads(tmp_path / "absent", 64) == []


def test_heads_of_another_model_are_refused(trained: tuple[Network, HeadedNetwork], tmp_path: Path) -> None:
    save_heads(trained[1], tmp_path)
    assert len(read_heads(tmp_path, 64)) == 3
    with pytest.raises(ModelBroken, match="not those of a model of hidden size 128"):
        read_heads(tmp_path, 128)
