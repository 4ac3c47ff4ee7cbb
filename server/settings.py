"""Every setting, once. The VS Code manifest, the Neovim defaults and the README table are generated from here.

A wrong value is reported and replaced by its default (`from_json`); it never stops the server.
"""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from .printable import printable

_LARGEST = 2**31 - 1
"""Of any number: the clocks of Python end at larger ones."""

_NO_NAME = re.compile("[\0\ud800-\udfff]")
"""What no file, folder or program can have in its name."""

_SHOWN, _REPORTED = 80, 20
"""Characters of a wrong value, and wrong values of one message, that are told."""

Scope = Literal["machine", "workspace"]
"""`machine` settings name executables, models, devices or paths to write: a workspace may not set them."""


def setting(default: Any, text: str, *, scope: Scope = "workspace", minimum: float | None = None) -> Any:
    """A setting with its default, its one-line description and who may set it."""
    return field(default=default, metadata={"text": text, "scope": scope, "minimum": minimum})


@dataclass(frozen=True)
class Settings:
    """The settings of one session. Names are the dotted names users write, with `_` for `.`-separated groups."""

    enabled: bool = setting(True, "Whether fairlead offers anything at all.")
    completion_enabled: bool = setting(True, "Offer the member list (textDocument/completion).")
    inline_enabled: bool = setting(True, "Offer ghost text (textDocument/inlineCompletion).")
    hover_enabled: bool = setting(True, "Answer hover. Switch off where another server already does.")
    inline_in_comments: bool = setting(False, "Offer ghost text in comments and strings too.")
    inline_budget_ms: int = setting(
        250, "Hard time budget of automatic ghost text, in milliseconds.", minimum=10)
    inline_invoked_budget_ms: int = setting(
        2000, "Hard time budget of ghost text asked for by a command, in milliseconds.", minimum=10)
    inline_max_tokens: int = setting(64, "Most tokens in one automatic ghost text.", minimum=1)
    inline_min_confidence: float = setting(
        0.25, "Automatic ghost text ends before the probability that all of it is right falls below this; 0 shows all.",
        minimum=0.0)
    inline_particles: int = setting(
        1, "Particles of the sampling that finds the alternatives of an invoked completion; 1: best-first search instead.",
        minimum=1)
    inline_temperature: float = setting(0.8, "Temperature of that sampling.", minimum=0.05)
    inline_ess_threshold: float = setting(
        0.5, "Draw the particles anew when they are worth less than this share of their number.", minimum=0.0)
    inline_prepare_next: bool = setting(
        True, "Write what follows a shown text ahead, so that taking it shows the next one at once.")
    inline_draft: bool = setting(
        True, "Read ahead of the ghost text what was written like this before. Faster, and the same text.")
    inline_run_ahead: bool = setting(
        True, "Write on while analysis answers, and take back what it refuses. Faster, and the same text.")
    inline_alternatives: int = setting(3, "How many alternatives an invoked completion asks for.", minimum=1)
    completion_budget_ms: int = setting(
        300, "Time the model may take to rank a member list, in milliseconds.", minimum=0)
    analysis_budget_ms: int = setting(
        2000, "Time a question to static analysis may take before the answer goes on without it.", minimum=10)
    analysis_command: str = setting(
        "", "Another language server to ask instead of jedi, as a command line; it brings its language with it.",
        scope="machine")
    analysis_memory_mb: int = setting(
        2048, "Memory limit of the analysis process, in MB.", scope="machine", minimum=256)
    monitors_dereference: bool = setting(True, "Hold attribute accesses to the members that exist.")
    monitors_store: bool = setting(True, "Store no new attribute where a class has only its slots.")
    monitors_typestate: bool = setting(True, "Hold files, threads and what you describe to the state they are in.")
    monitors_syntax: bool = setting(True, "End ghost text only where what stands then is Python.")
    monitors_literal: bool = setting(True, "Hold strings to those that a Literal type or a TypedDict allows.")
    monitors_keyword_argument: bool = setting(True, "Hold the names of keyword arguments to parameters that exist.")
    monitors_instantiation: bool = setting(True, "Make no instance of a class that has abstract methods.")
    monitors_import: bool = setting(True, "Import what is there.")
    monitors_name: bool = setting(True, "Read no bare name that nothing binds.")
    monitors_exception: bool = setting(True, "Raise and catch exceptions only.")
    monitors_annotation: bool = setting(True, "Annotate with types only.")
    monitors_match: bool = setting(True, "List the members of the enumeration that is compared or matched.")
    monitors_arity: bool = setting(True, "Give calls the arguments they require, and no more than they take.")
    types_enabled: bool = setting(True, "Infer and predict types where nobody wrote them, while nothing is typed.")
    types_idle_ms: int = setting(
        1000, "Time without an edit after which types are inferred anew, in milliseconds.", minimum=100)
    types_python: str = setting(
        "", "Oldest Python your files run on (\"3.8\"); empty for what the project requires, else its environment's.")
    types_min_probability: float = setting(
        0.95, "Write a guessed type into a whole file or folder at once only when even the lower end of its probability is "
        "this high.", minimum=0.0)
    hints_enabled: bool = setting(True, "Show types as inlay hints (textDocument/inlayHint).")
    hints_parameters: bool = setting(True, "Inlay hints for parameters.")
    hints_returns: bool = setting(True, "Inlay hints for what functions return.")
    hints_variables: bool = setting(True, "Inlay hints for variables and attributes whose type the line does not tell.")
    hints_min_probability: float = setting(
        0.75, "Show a guessed type only when even the lower end of its probability is this high.", minimum=0.0)
    hints_max_length: int = setting(
        40, "Characters of a hint; a longer type is cut, and only a code action writes it.", minimum=8)
    model: str = setting(
        "", "Model: empty for the packaged one, else a folder, or a hub id fetched with `fairlead model pull`.",
        scope="machine")
    device: Literal["auto", "cpu", "cuda", "mps"] = setting("auto", "Where the model runs.", scope="machine")
    cuda_graphs: bool = setting(True, "Replay recorded passes of the model on CUDA (Llama family); off: compute each.")
    context_tokens: int = setting(
        0, "Prompt budget in tokens; 0 uses what the model was trained for, at most 2048.", minimum=0)
    context_outline: int = setting(
        0, "Characters of an outline of what a file imports from its project, put before it in the prompt; 0 leaves it to "
        "the model's folder. It does not help the packaged model.", minimum=0)
    context_recent: int = setting(
        0, "Characters of what you edited lately in other places, put before the file in the prompt; 0 leaves it to the "
        "model's folder. The packaged model is better with 1200 where you call what you edited, worse elsewhere.", minimum=0)
    threads: int = setting(0, "CPU threads of the model; 0 leaves one core to analysis.", scope="machine", minimum=0)
    project_python: str = setting(
        "", "Python environment of your project (a folder with pyvenv.cfg, or its interpreter). Read, never run.")
    log_file: str = setting("", "Where the log is written; empty for the user's state folder.", scope="machine")
    log_level: Literal["debug", "info", "warning", "error"] = setting("info", "How much is logged.", scope="machine")


def monitors_on(settings: Settings) -> list[str]:
    """The names of the monitors that are switched on."""
    prefix = "monitors_"
    return [
        f.name.removeprefix(prefix) for f in fields(settings) if f.name.startswith(prefix) and getattr(settings, f.name)
    ]


def is_guided(settings: Settings) -> bool:
    """Whether any monitor holds ghost text to what exists; that of syntax only ends it."""
    return bool(set(monitors_on(settings)) - {"syntax"})


def switched(settings: Settings, *, guided: bool = True, draft: bool = True, run_ahead: bool = True) -> Settings:
    """The settings with what is False switched off, whatever they say: the switches of the command line."""
    wanted = {"inline_draft": draft, "inline_run_ahead": run_ahead}
    wanted |= {f.name: guided for f in fields(settings) if f.name.startswith("monitors_")}
    off: dict[str, Any] = {name: False for name, is_wanted in wanted.items() if not is_wanted}
    return replace(settings, **off)


def setting_name(field_name: str) -> str:
    """`inline_budget_ms` -> `inline.budget_ms`: the first word is the group, where there is a group."""
    group, _, rest = field_name.partition("_")
    return f"{group}.{rest}" if rest and group in _GROUPS else field_name


_GROUPS = {"completion", "inline", "hover", "analysis", "project", "log", "monitors", "types", "hints"}


def from_json(value: object, *, trusted: bool = True, base: Settings | None = None) -> tuple[Settings, list[str]]:
    """Settings from what a client sent (nested or dotted keys), and what was wrong with it, for the user.

    Unknown keys and bad values are reported and keep the value of `base` (the defaults). With `trusted` false,
    `machine` settings are ignored and reported, since they come from a workspace.
    """
    base = base or Settings()
    if value is None:
        return base, []
    if not isinstance(value, Mapping):
        return base, [f"settings: expected an object, got {type(value).__name__}; using the defaults"]
    flat = _flatten(value)
    hints = get_type_hints(Settings)
    known = {setting_name(f.name): f for f in fields(Settings)} | {f.name: f for f in fields(Settings)}
    chosen: dict[str, Any] = {f.name: getattr(base, f.name) for f in fields(Settings)}
    problems: list[str] = []
    for name, given in flat.items():
        described = known.get(name)
        if described is None:
            problems.append(f"{printable(name, _SHOWN)}: there is no such setting")
            continue
        if not trusted and described.metadata["scope"] == "machine" and given != described.default:
            problems.append(f"{name}: a workspace may not set this; set it in the user settings")
            continue
        problem = _check(given, hints[described.name], described.metadata["minimum"])
        if problem:
            problems.append(f"{name}: {problem}; using {chosen[described.name]!r}")
        else:
            chosen[described.name] = given
    if (left := len(problems) - _REPORTED) > 0:
        problems[_REPORTED:] = [f"and {left:,} more"]
    return Settings(**chosen), problems


def _flatten(value: Mapping[Any, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, item in value.items():
        name = f"{prefix}{key}"
        if isinstance(item, Mapping):
            flat |= _flatten(item, f"{name}.")
        else:
            flat[name] = item
    return flat


def _check(given: object, hint: Any, minimum: float | None) -> str:
    """What is wrong with a value, in words; empty if nothing is."""
    got = printable(repr(given[:_SHOWN] if isinstance(given, str) else given), _SHOWN)
    origin = get_origin(hint)
    if origin is Literal:
        choices = get_args(hint)
        return "" if given in choices else f"expected one of {', '.join(map(str, choices))}, got {got}"
    if origin in (Union, types.UnionType):
        return "" if any(not _check(given, choice, minimum) for choice in get_args(hint)) else f"{got} does not fit"
    if not isinstance(given, (int, float) if hint is float else hint) or (hint is not bool and isinstance(given, bool)):
        return f"expected {hint.__name__}, got {got}"
    if isinstance(given, str) and _NO_NAME.search(given):
        return f"no name has such characters: {got}"
    if isinstance(given, (int, float)) and not abs(given) <= _LARGEST:  # nor is it, if it is no number at all
        return f"must be a number below {_LARGEST:,}, got {got}"
    if minimum is not None and isinstance(given, (int, float)) and given < minimum:
        return f"must be at least {minimum:g}, got {got}"
    return ""
