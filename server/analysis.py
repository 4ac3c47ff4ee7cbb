"""Whom to ask about code: jedi in its own process, or the language server that the user has named."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..monitors.analysis import Analysis
from ..monitors.process import AnalysisProcess
from ..monitors.server_analysis import ServerAnalysis
from ..monitors.slots import Inference
from ..monitors.type_inference import TypeInference
from .settings import Settings


def start(settings: Settings, roots: Sequence[str], on_health: Callable[[str], None] | None = None) -> Analysis:
    """Start analysis as the settings say. Call on the main thread: jedi's process dies with the one that starts it."""
    if settings.analysis_command:
        return ServerAnalysis(settings.analysis_command, workspace_roots=roots, on_health=on_health)
    return AnalysisProcess(
        memory_mb=settings.analysis_memory_mb, project_python=settings.project_python, workspace_roots=roots,
        on_health=on_health,
    )  # fmt: skip


def inference(analysis: Analysis) -> Inference | None:
    """Whom to ask about types; None where analysis is a language server, which cannot be asked for evidence."""
    return TypeInference(analysis) if isinstance(analysis, AnalysisProcess) else None
