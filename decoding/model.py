"""Loading a model folder: everything that can be wrong with it is found here, before the first keystroke, and said
plainly.

Nothing here connects to a network, and nothing in a folder is executed: safetensors only, `trust_remote_code` off, no
chat template.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any, get_args

import torch
from tokenizers import Tokenizer

from ..monitors.errors import DeviceError, ModelBroken, ModelError, ModelNotFound, OutOfMemory
from .engine import first_logits, translated
from .heads import read_heads
from .infilling import Infilling, PromptOrder, find_infilling
from .weights import LlamaWeights, is_plain_llama, read_llama, weight_files

DEFAULT = "fairlead-python-8m"
"""The model inside the package."""

_SAMPLE = "def total(items: list[int]) -> int:\n    return sum(items)  # π ≈ 3\n"
_ENDS = (
    "<|endoftext|>", "</s>", "<|end_of_text|>", "<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<｜end▁of▁sentence｜>",
    "<eos>", "<|end|>", "<|file_sep|>", "<|repo_name|>", "<file_sep>", "<repo_name>", "<|file_separator|>",
    "<reponame>", "<filename>", "<EOT>", "▁<EOT>",
)  # fmt: skip
"""Tokens behind which no model goes on with the same text, where a tokenizer has them."""

_FILE_SEPARATORS = ("<|file_sep|>", "<file_sep>", "<|file_separator|>", "<filename>")
"""Tokens that begin a file, its path first, where a tokenizer has one: Qwen, StarCoder2, CodeGemma, StarCoder."""


@dataclass(frozen=True)
class Model:
    """A loaded model and what its folder says about it."""

    name: str
    """The hub id or the folder's last name."""
    folder: Path
    module: Any
    """A causal language model of transformers, in evaluation mode, or the weights of one that is not called."""
    tokenizer: Tokenizer
    device: str
    dtype: str
    """"float32" or "bfloat16" or "float16"."""
    vocab_size: int
    """Rows of the logits."""
    context_tokens: int
    parameters: int
    eos_ids: frozenset[int]
    """Ids behind which the text does not go on."""
    special_ids: frozenset[int]
    """Ids that are no text: `eos_ids` among them."""
    bos_id: int | None = None
    """The id a prompt must begin with, if the model wants one."""
    infilling: Infilling | None = None
    prompt_order: PromptOrder = "left_to_right"
    heads: tuple[torch.Tensor, ...] = ()
    """Heads that foresee tokens beyond the next one, where the folder has some (`heads.py`)."""
    outline_characters: int = 0
    """How much of an outline of what a file imports the model was found to make use of."""
    recent_characters: int = 0
    """The same of what was edited lately in other places."""
    file_separator: int | None = None
    """The id behind which the path and the text of another file stand, if the model knows one."""


def load(model: str = "", device: str = "auto", dtype: str = "auto", with_transformers: bool = False) -> Model:
    """The model in a folder, or of a hub id that was pulled before; "" is the one inside the package.

    `with_transformers`: in any case as a module of transformers, which can be called and given to its `generate`; else
    the Llama family is read without it, seconds faster. Raises `ModelNotFound`, `ModelBroken`, `ModelFailed`,
    `DeviceError` or `OutOfMemory`, whose messages tell what to do.
    """
    name, folder = find_folder(model)
    config = _read_json(folder / "config.json")
    tokenizer = load_tokenizer(folder)
    weight_bytes = _check_weights(folder)
    chosen_device = choose_device(device)
    chosen_dtype = choose_dtype(dtype, chosen_device)
    _check_memory(weight_bytes, config, chosen_device, chosen_dtype)
    if is_plain_llama(config) and not with_transformers:
        with _blamed_on(folder, "its weights cannot be read"):
            module: Any = read_llama(folder, config, chosen_device, chosen_dtype)
    else:
        module = _load_module(folder, chosen_device, chosen_dtype)
    loaded = _describe(name, folder, module, tokenizer)
    _try_out(loaded)
    return loaded


def find_folder(model: str = "") -> tuple[str, Path]:
    """The name and the folder of a model; raises `ModelNotFound`.

    What looks like a hub id is looked for among the pulled models first: a workspace must not be able to plant a folder
    with a known name in the current directory.
    """
    if not model:
        return DEFAULT, Path(str(resources.files(__package__ or "fairlead.decoding") / "models" / DEFAULT))
    folder = Path(model).expanduser()
    if re.fullmatch(r"[\w.-]+/[\w.-]+", model) and not model.startswith("."):
        pulled = _pulled(model)
        if pulled is not None:
            return model, pulled
        if not folder.is_dir():
            raise ModelNotFound(f"The model {model} is not on this machine. Fetch it with: fairlead model pull {model}")
    if folder.is_file():
        raise ModelBroken(f"{folder} is a file; a model is a folder with config.json, tokenizer.json and *.safetensors")
    if not folder.is_dir():
        raise ModelNotFound(f"There is no folder {folder}. Give a model folder, or a hub id such as owner/name")
    return folder.resolve().name, folder.resolve()


def load_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of a model folder, tried on a short text; raises `ModelBroken`."""
    path = folder / "tokenizer.json"
    with _blamed_on(folder, "its tokenizer cannot be used"):
        tokenizer = Tokenizer.from_file(str(path)) if path.is_file() else _converted_tokenizer(folder)
        tokenizer.no_truncation()
        tokenizer.no_padding()
        # A document that spells "<|fim_middle|>" is text; it must not be able to write sentinels into a prompt.
        tokenizer.encode_special_tokens = True
        started = time.monotonic()
        ids = tokenizer.encode(_SAMPLE, add_special_tokens=False).ids
        text = tokenizer.decode(ids, skip_special_tokens=False)
        took_s = time.monotonic() - started
    if text.strip() != _SAMPLE.strip():
        raise ModelBroken(f"{folder}: its tokenizer does not give back the text it was given: {text[:40]!r}")
    if took_s > 1:
        raise ModelBroken(f"{folder}: its tokenizer took {took_s:.1f} s for one line")
    return tokenizer


def choose_device(device: str = "auto") -> str:
    """"cuda", "mps" or "cpu"; raises `DeviceError` when the one asked for is not there."""
    has = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        return "cuda" if has["cuda"] else "mps" if has["mps"] else "cpu"
    if device not in has:
        raise DeviceError(f"There is no device {device!r}; use auto, cpu, cuda or mps")
    if not has[device]:
        usable = ", ".join(name for name, there in has.items() if there)
        raise DeviceError(f"The device {device} is not usable on this machine (usable: {usable}); set device to auto")
    return device


def choose_dtype(dtype: str, device: str) -> torch.dtype:
    """bfloat16 where the processor multiplies it natively, else float32.

    Measured on the default model, 2 cores with AVX512-bf16, own pass, milliseconds for 1, 32 and 128 rows: bfloat16
    1.4, 3.2, 6.9; float32 3.3, 7.2, 18.5. Without native support bfloat16 is emulated, and slower.
    """
    if dtype == "auto":
        if device == "cpu":
            dtype = "bfloat16" if _cpu_multiplies_bfloat16() else "float32"
        elif device == "cuda":
            dtype = "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"
        else:
            dtype = "float16"
    known = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if dtype not in known:
        raise ModelError(f"There is no dtype {dtype!r}; use auto, {', '.join(known)}")
    return known[dtype]


def _cpu_multiplies_bfloat16() -> bool:
    try:
        flags = Path("/proc/cpuinfo").read_text("ascii", errors="replace")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def _pulled(model: str) -> Path | None:
    """The snapshot of a hub id in the local cache; never connects."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(model, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError):
        return None


def _read_json(path: Path, default: Any = None) -> dict[str, Any]:
    """A JSON object; raises `ModelBroken`. A missing file is `default` where one is given."""
    try:
        value = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        if default is not None:
            return dict(default)
        raise ModelBroken(f"{path.parent} is no model folder: it holds no {path.name}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ModelBroken(f"{path} cannot be read: {error}. Fetch or copy the model again") from error
    if not isinstance(value, dict):
        raise ModelBroken(f"{path} holds no JSON object. Fetch or copy the model again")
    return value


def _check_weights(folder: Path) -> int:
    """Bytes of all weights; raises `ModelBroken` when there are none, or a file is shorter than its header says."""
    paths = weight_files(folder)
    if not paths:
        other = next((path.name for pattern in ("*.bin", "*.pt", "*.gguf") for path in folder.glob(pattern)), None)
        found = f" ({other} is of a kind that fairlead does not read)" if other else ""
        raise ModelBroken(f"{folder} holds no *.safetensors weights{found}")
    total = 0
    for path in paths:
        try:
            size = path.stat().st_size
            with path.open("rb") as file:
                header_bytes = int.from_bytes(file.read(8), "little")
                if header_bytes > min(size, 100_000_000):
                    raise ValueError("its header is longer than the file")
                header = json.loads(file.read(header_bytes))
            ends = [tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"]
            if 8 + header_bytes + max(ends, default=0) != size:
                raise ValueError(f"it is {size} bytes and should be {8 + header_bytes + max(ends, default=0)}")
        except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
            raise ModelBroken(f"{path} is incomplete or damaged: {error}. Fetch or copy the model again") from error
        total += size
    return total


def _check_memory(weight_bytes: int, config: dict[str, Any], device: str, dtype: torch.dtype) -> None:
    """Raises `OutOfMemory` before anything is allocated, where free memory can be asked for."""
    stored = str(config.get("dtype") or config.get("torch_dtype") or "float32")
    stored_bytes = 4 if stored == "float32" else 2
    # While it is converted, a tensor exists twice; half as much again covers the cache and the largest tensor.
    needed = int(weight_bytes / stored_bytes * dtype.itemsize * 1.2)
    free = _free_bytes(device)
    if free is not None and needed > free:
        raise OutOfMemory(
            f"The model needs about {needed / 1e9:.1f} GB and {free / 1e9:.1f} GB are free on {device}: "
            "use a smaller model or another device"
        )


def _free_bytes(device: str) -> int | None:
    if device == "cuda":
        return int(torch.cuda.mem_get_info()[0])
    try:
        meminfo = Path("/proc/meminfo").read_text("ascii")
    except OSError:
        return None
    found = re.search(r"^MemAvailable:\s+(\d+) kB", meminfo, re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def _load_module(folder: Path, device: str, dtype: torch.dtype) -> Any:
    with _blamed_on(folder, "it cannot be loaded as a causal language model"):
        import transformers

        with _quiet(transformers.utils.logging):
            module, info = transformers.AutoModelForCausalLM.from_pretrained(
                folder,
                dtype=dtype,
                trust_remote_code=False,
                use_safetensors=True,
                local_files_only=True,
                output_loading_info=True,
            )
    missing = sorted(info["missing_keys"])
    if missing:
        raise ModelBroken(f"{folder}: its weights lack {len(missing)} tensors ({missing[0]}, …). Fetch the model again")
    with _blamed_on(folder, f"it cannot be moved to {device}"):
        return module.to(device).eval().requires_grad_(False)


def _converted_tokenizer(folder: Path) -> Tokenizer:
    """The fast tokenizer that transformers makes of the older files (vocab.json, merges.txt, tokenizer.model)."""
    import transformers

    with _quiet(transformers.utils.logging):
        slow = transformers.AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    backend = getattr(slow, "backend_tokenizer", None)
    if not isinstance(backend, Tokenizer):
        raise ModelBroken(f"{folder} holds no tokenizer.json, and none can be made of what it holds")
    return backend


@contextmanager
def _quiet(logging: Any) -> Iterator[None]:
    """No progress bars and no advice on stderr, which is our log."""
    level, had_bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if had_bars:
            logging.enable_progress_bar()


@contextmanager
def _blamed_on(folder: Path, what: str) -> Iterator[None]:
    """Whatever a third party raises on a bad folder, as `ModelBroken` (or `OutOfMemory`).

    tokenizers panics with a BaseException, so that is what must be caught.
    """
    try:
        yield
    except (KeyboardInterrupt, SystemExit, GeneratorExit, ModelError):
        raise
    except BaseException as error:
        if isinstance(error, Exception) and isinstance(found := translated(error), OutOfMemory):
            raise found from error
        first_line = (str(error).strip().splitlines() or [""])[0]
        if "trust_remote_code" in str(error):
            first_line = "it needs code of its own, which fairlead never runs"
        raise ModelBroken(f"{folder}: {what}: {type(error).__name__}: {first_line[:300]}") from error


def _describe(name: str, folder: Path, module: Any, tokenizer: Tokenizer) -> Model:
    config = module.config
    weight = next(module.parameters())
    infilling = find_infilling(tokenizer)
    added = {token for token, what in tokenizer.get_added_tokens_decoder().items() if what.special}
    eos = set(infilling.ends if infilling else ()) | _config_ids(getattr(config, "eos_token_id", None))
    eos |= _config_ids(_read_json(folder / "generation_config.json", default={}).get("eos_token_id"))
    eos |= {token for text in _ENDS if (token := tokenizer.token_to_id(text)) is not None}
    head = module.get_output_embeddings()
    vocab_size = len(head.weight) if head is not None else config.vocab_size
    highest = max(tokenizer.get_vocab(with_added_tokens=True).values(), default=-1)
    if highest >= min(vocab_size, len(module.get_input_embeddings().weight)):
        raise ModelBroken(
            f"{folder}: the tokenizer has ids up to {highest}, the model only {vocab_size} rows; "
            "they do not belong together"
        )
    model = Model(
        name=name,
        folder=folder,
        module=module,
        tokenizer=tokenizer,
        device=weight.device.type,
        dtype=str(weight.dtype).removeprefix("torch."),
        vocab_size=vocab_size,
        context_tokens=_context_tokens(config),
        parameters=sum(parameter.numel() for parameter in module.parameters()),
        eos_ids=frozenset(token for token in eos if 0 <= token < vocab_size),
        special_ids=frozenset(added | eos | (infilling.ids if infilling else frozenset())),
        bos_id=_bos_id(tokenizer, _read_json(folder / "tokenizer_config.json", default={})),
        infilling=infilling,
        heads=tuple(read_heads(folder, module.get_input_embeddings().weight.shape[1])),
        prompt_order=infilling.trained[0] if infilling else "left_to_right",
        file_separator=next((token for text in _FILE_SEPARATORS if (token := tokenizer.token_to_id(text)) is not None), None),
    )
    return _with_own_settings(model)


def _with_own_settings(model: Model) -> Model:
    """`fairlead.json` in the folder: what was measured about this model.

    `prompt_order`: one of `PromptOrder`; `suffix_first`: one of `SuffixFirst`; `outline_characters` and
    `recent_characters`: numbers; `separates_files`: whether it was trained with a separator that its tokenizer has.
    """
    path = model.folder / "fairlead.json"
    own = _read_json(path, default={})
    order, suffix_first = own.get("prompt_order", model.prompt_order), own.get("suffix_first")
    if order not in get_args(PromptOrder) or suffix_first not in (None, "inside", "ahead"):
        orders = ", ".join(get_args(PromptOrder))
        raise ModelBroken(f"{path}: prompt_order is one of {orders}; suffix_first is inside or ahead")
    sizes = {name: own.get(name, 0) for name in ("outline_characters", "recent_characters")}
    for name, size in sizes.items():
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise ModelBroken(f"{path}: {name} is a whole number, 0 or more")
    separates = own.get("separates_files", True)
    if not isinstance(separates, bool):
        raise ModelBroken(f"{path}: separates_files is true or false")
    infilling = model.infilling
    if infilling and suffix_first:
        infilling = replace(infilling, suffix_first=suffix_first)
    return replace(
        model, infilling=infilling, prompt_order=order if infilling else "left_to_right",
        file_separator=model.file_separator if separates else None, **sizes,
    )  # fmt: skip


def _config_ids(value: Any) -> set[int]:
    return {value} if isinstance(value, int) else set(value or ())


def _context_tokens(config: Any) -> int:
    for name in ("max_position_embeddings", "n_positions", "n_ctx", "seq_length", "max_seq_len"):
        value = getattr(config, name, None)
        if isinstance(value, int) and value > 0:
            return value
    return 2048


def _bos_id(tokenizer: Tokenizer, tokenizer_config: dict[str, Any]) -> int | None:
    """The id that the tokenizer itself puts before a text, or its config says should be there."""
    ids = tokenizer.encode("x").ids
    if ids and ids[0] != tokenizer.encode("x", add_special_tokens=False).ids[0]:
        return int(ids[0])
    bos = tokenizer_config.get("bos_token")
    text = bos.get("content") if isinstance(bos, dict) else bos
    if tokenizer_config.get("add_bos_token") is True and isinstance(text, str):
        return tokenizer.token_to_id(text)
    return None


def _try_out(model: Model) -> None:
    """One forward of a fixed prompt: raises `ModelBroken` unless it gives finite logits."""
    ids = model.tokenizer.encode(_SAMPLE, add_special_tokens=False).ids[: model.context_tokens]
    with _blamed_on(model.folder, "it fails on a first prompt"):
        if isinstance(model.module, LlamaWeights):
            logits = first_logits(model.module, ids)
        else:
            with torch.inference_mode():
                logits = model.module(input_ids=torch.tensor([ids], device=model.device), use_cache=False).logits
        is_finite, rows = bool(torch.isfinite(logits).all()), logits.shape[-1]
    if not is_finite:
        raise ModelBroken(f"{model.folder}: its logits are not finite; the weights are damaged, or need another dtype")
    if rows != model.vocab_size:
        raise ModelBroken(f"{model.folder}: it gives {rows} logits and its embedding has {model.vocab_size} rows")
