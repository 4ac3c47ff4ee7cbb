"""What a user can be told about the server: what is loaded, how fast it was, and why nothing was offered."""

from __future__ import annotations

import os
from collections import deque
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .model_thread import ModelReport

REMEMBERED = 200
"""Latencies kept for each feature."""


@dataclass(frozen=True)
class Nothing:
    """Why the last request offered nothing. `line` counts from 1."""

    feature: str
    reason: str
    path: str
    line: int


@dataclass
class Status:
    """The status of a session; `as_json` is what clients get (docs/protocol.md)."""

    log: str = ""
    paused: bool = False
    model: ModelReport = field(default_factory=ModelReport)
    analysis: str = "starting"
    restarts: int = 0
    """How often analysis was started again after it had ended or was killed, and why the last time."""
    restarted: str = ""
    nothing: Nothing | None = None
    problems: tuple[str, ...] = ()
    """What is wrong with the settings."""
    declared: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By workspace folder, what is wrong with the protocols that are declared in it."""
    drift: int = 0
    shown: int = 0
    """Ghost texts that an editor was given; counted here and told to nobody else, as are those `accepted`."""
    accepted: int = 0
    latencies: dict[str, deque[float]] = field(default_factory=dict)
    timings: dict[str, dict[str, float]] = field(default_factory=dict)
    """The parts of the last latency of a feature, in milliseconds."""

    def analysis_is(self, health: str) -> None:
        """Note a change of what `Analysis.health` says; it may be over before anybody is told."""
        state, _, why = health.partition(": ")
        if state == "restarting":
            self.restarts, self.restarted = self.restarts + 1, why

    def took(self, feature: str, latency_ms: float, parts: dict[str, float] | None = None) -> None:
        """Note how long a request took from its arrival to its answer."""
        self.latencies.setdefault(feature, deque(maxlen=REMEMBERED)).append(latency_ms)
        self.timings[feature] = {name: round(value, 2) for name, value in (parts or {}).items()}

    @property
    def state(self) -> str:
        if self.paused:
            return "paused"
        if self.model.state == "loading":
            return "loading"
        if self.model.state == "failed" or self.analysis.startswith("down"):
            return "error"
        return "ready" if self.model.state == "ready" else "static"

    @property
    def message(self) -> str:
        """One line for a person."""
        if self.paused:
            return "paused"
        parts = {
            "absent": "no model: answers come from analysis alone",
            "loading": "loading the model",
            "ready": f"{self.model.name} on {self.model.device}",
            "failed": f"the model is off: {self.model.error}",
        }[self.model.state]
        return parts if self.analysis == "ready" else f"{parts}; analysis {self.analysis}"

    def as_json(self) -> dict[str, Any]:
        """The status object of docs/protocol.md."""
        return {
            "state": self.state,
            "message": self.message,
            "model": asdict(self.model),
            "analysis": self.analysis,
            "restarts": self.restarts,
            "restarted": self.restarted,
            "log": self.log,
            "latency_ms": {feature: _summary(values) for feature, values in self.latencies.items()},
            "timings_ms": self.timings,
            "nothing": asdict(self.nothing) if self.nothing else None,
            "problems": [*self.problems, *(one for problems in list(self.declared.values()) for one in problems)],
            "drift": self.drift,
            "shown": self.shown,
            "accepted": self.accepted,
        }


def default_log() -> Path:
    """Where the log goes unless the user says otherwise: the state folder of the XDG base directories."""
    base = os.environ.get("XDG_STATE_HOME", "")
    folder = Path(base) if base and Path(base).is_absolute() else Path.home() / ".local" / "state"
    return folder / "fairlead" / "fairlead.log"


def _summary(values: deque[float]) -> dict[str, float | int]:
    ordered = sorted(values)
    return {
        "last": round(values[-1], 2),
        "p50": round(_quantile(ordered, 0.50), 2),
        "p95": round(_quantile(ordered, 0.95), 2),
        "count": len(ordered),
    }


def _quantile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
