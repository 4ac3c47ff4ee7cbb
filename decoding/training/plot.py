"""The loss curve as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...monitors.errors import TrainingError


def plot_curve(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Write loss and learning rate over tokens as PNG or SVG, by the name; raises `TrainingError` without matplotlib."""
    try:
        # Imported here: an extra.
        from matplotlib.figure import Figure
    except ImportError as error:
        raise TrainingError("The curve is drawn with matplotlib: pip install 'fairlead[train]'") from error
    millions = [row["tokens"] / 1e6 for row in rows]
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(millions, [row["loss"] for row in rows], linewidth=0.4, alpha=0.5, color="tab:blue")
    axes.plot(millions, smoothed([row["loss"] for row in rows]), color="tab:blue", label="loss")
    axes.set_xlabel("million tokens")
    axes.set_ylabel("nats a token, training mix")
    right = axes.twinx()
    right.plot(millions, [row["rate"] for row in rows], color="tab:gray", linewidth=0.8)
    right.set_ylabel("learning rate")
    try:
        figure.savefig(path, dpi=120)
    except OSError as error:
        raise TrainingError(f"{path} cannot be written: {error.strerror}") from error


def smoothed(values: Sequence[float], keep: float = 0.95) -> list[float]:
    """An exponential mean, started at the first value."""
    out: list[float] = []
    for value in values:
        out.append(value if not out else keep * out[-1] + (1 - keep) * value)
    return out
