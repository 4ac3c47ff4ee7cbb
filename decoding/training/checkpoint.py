"""Checkpoints that survive: a file is written aside, forced to disk and renamed; the one before stays until then.

A checkpoint is `NAME.pt` and `NAME.json`; the second is written last and holds the digest of the first, so a file that
was cut short is known as such, and the one before is taken.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
from pathlib import Path
from typing import Any

import torch

from ...monitors.errors import CheckpointBroken, TrainingError

KEPT = 2


def save_checkpoint(folder: Path, step: int, state: dict[str, Any]) -> Path:
    """Write the state of step `step` and drop all but the last two; the file.

    Raises `TrainingError` when it cannot be written (a full disk); what was there before is still there then.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    data = buffer.getvalue()
    path = folder / f"step-{step:09d}.pt"
    seal = json.dumps({"sha256": hashlib.sha256(data).hexdigest(), "step": step}).encode()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, data)
        write_whole(path.with_suffix(".json"), seal)
    except OSError as error:
        path.unlink(missing_ok=True)
        before = sealed(folder)
        kept = f"the last good one is {before[0].name}" if before else "there is none before it"
        raise TrainingError(
            f"The checkpoint of step {step} could not be written to {folder} ({error.strerror}); {kept}"
        ) from error
    for old in sealed(folder)[KEPT:]:
        old.with_suffix(".json").unlink(missing_ok=True)
        old.unlink(missing_ok=True)
    return path


def load_checkpoint(folder: Path) -> tuple[dict[str, Any] | None, list[str]]:
    """The state of the newest whole checkpoint (None: there has never been one), and what was wrong with newer ones.

    Raises `CheckpointBroken` when there are some and none is whole.
    """
    faults: list[str] = []
    for path in sealed(folder):
        try:
            data = path.read_bytes()
            if hashlib.sha256(data).hexdigest() != json.loads(path.with_suffix(".json").read_text("utf-8"))["sha256"]:
                raise ValueError("it was cut short or changed")
            state: dict[str, Any] = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        except (OSError, ValueError, KeyError, RuntimeError, EOFError) as error:
            faults.append(f"{path.name}: {error}")
            continue
        return state, faults
    if faults:
        raise CheckpointBroken(f"No checkpoint in {folder} is whole ({'; '.join(faults)}). Delete the folder to start again")
    return None, faults


def sealed(folder: Path) -> list[Path]:
    """The checkpoints in a folder, the newest first."""
    found = [path.with_suffix(".pt") for path in folder.glob("step-*.json") if re.fullmatch(r"step-\d+\.json", path.name)]
    return sorted(found, reverse=True)


def write_whole(path: Path, data: bytes) -> None:
    """Replace a file so that a reader sees the old one or the new one, never a part; raises `OSError`."""
    aside = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
