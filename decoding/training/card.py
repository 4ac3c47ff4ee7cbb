"""The model card: what a model was made of and how, in the folder beside its weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .infill import KINDS
from .loop import Plan, Progress
from .network import Network

_LIMITS = """## Limits

A small model: it writes short, plain code, and knows little of libraries that are not among its sources. It does not follow
instructions, and knows no language but Python and English. What it writes may be wrong, and may resemble its sources."""


def card(
    name: str, network: Network, plan: Plan, last: Progress, sources: Sequence[dict[str, Any]], *, init: str = "",
    characters_per_token: float = 0.0, machine: str = "", loss_table: str = "", more: str = "",
) -> str:  # fmt: skip
    """The card as Markdown. `sources` are those of the corpus (`sources.json`), `loss_table` from `evaluation.table`."""
    shape = network.shape
    parameters = sum(weight.numel() for weight in network.parameters())
    trained = [source for source in sources if source["split"] == "train" and source["files"]]
    held_out = [source for source in sources if source["split"] == "valid" and source["files"]]
    mix = plan.mix
    first = f"Its first weights are those of {init}; what that was made of is in its card. " if init else ""
    parts = [
        f"# {name}",
        "A causal language model of Python code, made by `fairlead train`.",
        f"- Architecture: `LlamaForCausalLM`, {shape.layers} layers, hidden {shape.hidden}, {shape.heads} heads of "
        f"{shape.head_size}, feed-forward {shape.inner}, "
        f"tied embeddings, RoPE θ {shape.rope_theta:,.0f}, context {shape.context_tokens:,}; "
        f"{parameters / 1e6:.1f} M parameters, bf16.\n"
        f"- Tokenizer: byte-level BPE, {shape.vocab_size:,} entries"
        + (f", {characters_per_token:.2f} characters a token on the held-out projects" if characters_per_token else "")
        + ". Special tokens are named as in Qwen2.5-Coder; `<|endoftext|>` ends a document and a middle.\n"
        f"- Training: {first}{last.tokens / 1e6:.1f} M tokens in {last.step:,} steps of {plan.rows * plan.length:,}, rows of "
        f"{plan.length:,}, {last.elapsed_s / 60:.0f} minutes{' on ' + machine if machine else ''}. Muon for matrices, "
        f"AdamW for the rest, peak rate {plan.peak:g}, "
        f"warm-up over {plan.warm_up:.0%} of the budget, cosine to a hundredth; weight decay "
        f"{plan.weight_decay:g}, gradients clipped at {plan.clip:g}, seed {plan.seed}.\n"
        f"- Fill-in-the-middle: {mix.infilling:.0%} of the examples, PSM {mix.psm:.0%} of them, SPM "
        f"(`prefix suffix S middle P M`) the rest; a middle's tokens count {mix.middle_weight:g} times in the loss. Holes: "
        + ", ".join(f"{kind.replace('_', ' ')} {share:.0%}" for kind, share in KINDS.items())
        + f". {mix.outline:.0%} of the examples begin with an outline of at most {mix.outline_characters} characters of what "
        "their file imports from its project. Prompts are healed and laid out by the code that serves them.\n"
        f"- Last training loss: {last.loss:.2f} nats a token of that mix.",
    ]
    if loss_table:
        parts += ["## Held-out loss", loss_table]
    parts += [more] if more else []
    parts += [_LIMITS, "## Sources", _listed(trained)]
    if held_out:
        parts += ["Held out, for the losses only:", _listed(held_out)]
    return "\n\n".join(parts) + "\n"


def _listed(sources: Sequence[dict[str, Any]]) -> str:
    lines = ["| project | version | licence | files | characters |", "|---|---|---|---|---|"]
    for s in sources:
        licence = s["licence"] or "not checked"
        lines.append(f"| {s['name']} | {s['version']} | {licence} | {s['files']:,} | {s['characters']:,} |")
    return "\n".join(lines)
