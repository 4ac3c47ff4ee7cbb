"""The packaged model among zeros computes what it computes alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from fairlead.decoding.engine import first_logits
from fairlead.decoding.model import load

from .loading import load as load_benchmark

shapes: Any = load_benchmark("shapes")
WORDS = "def total(items):\n    return sum(item.price for item in items)\n"


@pytest.mark.weights
@pytest.mark.parametrize(
    ("hidden", "heads"), [pytest.param(384, 6, id="heads of 64"), pytest.param(512, 4, id="heads of 128")]
)
def test_the_widened_model_is_the_small_one(hidden: int, heads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {"hidden_size": hidden, "intermediate_size": 768, "num_hidden_layers": 9, "num_attention_heads": heads}
    monkeypatch.setitem(shapes.SHAPES, "tiny", shapes.Shape("tiny", sizes))
    monkeypatch.setattr(shapes, "VOCABULARY", 8300)
    small = load(device="cpu", dtype="float32", with_transformers=True)
    wide = shapes.widened_model(small, shape="tiny")
    ids = small.tokenizer.encode(WORDS, add_special_tokens=False).ids
    rows = small.vocab_size
    with torch.inference_mode():
        expected = small.module(torch.tensor([ids])).logits[0]
        found = wide.module(torch.tensor([ids])).logits[0]
    torch.testing.assert_close(found[:, :rows], expected, atol=2e-4, rtol=1e-4)
    assert (found[:, rows:] < expected.min() - 1000).all()
    torch.testing.assert_close(first_logits(wide.module, ids)[:, :rows], expected, atol=2e-4, rtol=1e-4)
