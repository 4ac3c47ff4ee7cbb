"""Training the heads of `decoding/heads.py` on a network that does not change."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save
from tokenizers import Tokenizer
from torch import nn

from ...monitors.errors import TrainingError
from ..heads import FILE, foreseen_states
from .checkpoint import write_whole
from .corpus import SourceFile
from .examples import IGNORED, Examples, Mix
from .network import Network

HEADS = 3
DECAY = 0.8
"""Each head weighs so much of the one before it in the loss, as in Medusa-1."""
STRIDE = 4
"""Every fourth place is learnt from: neighbours teach the same, and the output matrix is dear."""


class HeadedNetwork(nn.Module):
    """Heads on a frozen network; its parameters and its state are those of the heads alone."""

    def __init__(self, network: Network, count: int = HEADS) -> None:
        super().__init__()
        self.shape = network.shape
        self._frozen = [network]  # in a list, so that it is no part of this module
        size = network.shape.hidden
        device = next(network.parameters()).device
        self.heads = nn.ModuleList(nn.Linear(size, size, bias=False, device=device) for _ in range(count))
        for head in self.heads:
            nn.init.zeros_(head.weight)  # type: ignore[arg-type]  # it is a tensor

    @property
    def weights(self) -> list[torch.Tensor]:
        return list(self.parameters())

    def losses(self, ids: torch.Tensor, labels: torch.Tensor, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """(rows, length) float32: the weighted nats of all heads where they are learnt, 0 elsewhere."""
        with torch.no_grad():
            states = self._frozen[0].hidden(ids, dtype)
        first = int(ids.sum()) % STRIDE
        states = states[:, first::STRIDE]
        total = torch.zeros(labels.shape, dtype=torch.float32, device=labels.device)
        parts = foreseen_states(states, self.weights)
        for index, part in enumerate(parts):
            targets = moved(labels, index + 1)[:, first::STRIDE]
            logits = self._frozen[0].logits(part).float()
            nats = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none", ignore_index=IGNORED)
            total[:, first::STRIDE] += DECAY**index * nats.view(targets.shape)
        return total


def moved(labels: torch.Tensor, by: int) -> torch.Tensor:
    """(rows, length) labels of `by` places further on, IGNORED where a row has ended."""
    return F.pad(labels[:, by:], (0, by), value=IGNORED)


def save_heads(headed: HeadedNetwork, folder: Path) -> Path:
    """Write the heads into a model's folder, in bfloat16; the file. Raises `TrainingError`."""
    path = folder / FILE
    tensors = {name: value.detach().to("cpu", torch.bfloat16).contiguous() for name, value in headed.state_dict().items()}
    try:
        write_whole(path, save(tensors, metadata={"format": "pt"}))
    except OSError as error:
        raise TrainingError(f"{path} could not be written: {error.strerror}") from error
    return path


@torch.inference_mode()
def hits(
    headed: HeadedNetwork, network: Network, tokenizer: Tokenizer, files: Sequence[SourceFile], *, batches: int = 8,
    seed: int = 7,
) -> list[float]:  # fmt: skip
    """The share of tokens that each head foresees, after the network's own share for the next token; held-out files."""
    examples = Examples(files, tokenizer, Mix(infilling=0, outline=0), min(512, network.shape.context_tokens), 2, seed)
    right, known = [0] * (len(headed.heads) + 1), [0] * (len(headed.heads) + 1)
    device = next(network.parameters()).device
    for number in range(batches):
        batch = examples[number]
        states, labels = network.hidden(batch.ids.to(device)), batch.labels.to(device)
        for index, part in enumerate([states, *foreseen_states(states, headed.weights)]):
            targets = moved(labels, index) if index else labels
            there = targets != IGNORED
            right[index] += int((network.logits(part).argmax(-1) == targets)[there].sum())
            known[index] += int(there.sum())
    return [count / max(1, all_of) for count, all_of in zip(right, known, strict=True)]
