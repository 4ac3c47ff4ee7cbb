"""What every page of figures says about where and when it was made; nothing that tells one machine from its likes."""

from __future__ import annotations

import os
import platform
import time
from datetime import date
from pathlib import Path


def made_by(command: str) -> str:
    """One paragraph: command, date, cores, processor, load."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = f", load average {os.getloadavg()[0]:.1f} at its end" if hasattr(os, "getloadavg") else ""
    return (
        f"Made by `{command}` on {date.today().isoformat()}: {cores} cores, {processor()}, {platform.system()}, "
        f"Python {platform.python_version()}{load}."
    )


def processor() -> str:
    """The processor's name as the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def cpu_seconds() -> float:
    """The processor time of this process: what one thread takes, while other work on the machine hardly disturbs it."""
    return time.process_time()


def write_page(name: str, text: str) -> None:
    """docs/benchmarks/<name>.md, and the same on the screen."""
    print(text)
    path = Path(__file__).resolve().parent.parent / "docs" / "benchmarks" / f"{name}.md"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text.rstrip() + "\n", "utf-8")
