"""A good model folder loads and is described rightly; a bad one is refused with a message that says what to do."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer

from fairlead.decoding import hub
from fairlead.decoding import model as model_module
from fairlead.decoding.engine import engine_for
from fairlead.decoding.model import DEFAULT, Model, choose_device, choose_dtype, find_folder, load, load_tokenizer
from fairlead.decoding.weights import LlamaWeights, is_plain_llama
from fairlead.monitors.errors import DeviceError, ModelBroken, ModelError, ModelNotFound, OutOfMemory

ARCHITECTURES = ("llama", "qwen2", "starcoder2", "gpt_bigcode", "codegen")
Tiny = Callable[[str], Model]
Folder = Callable[[str], Path]


@pytest.fixture
def copy_of(tiny_folder: Folder, tmp_path: Path) -> Folder:
    """A folder to spoil."""

    def copy(architecture: str) -> Path:
        return Path(shutil.copytree(tiny_folder(architecture), tmp_path / architecture))

    return copy


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every attempt to connect or to look a host up fails, and is noted."""
    tried: list[Any] = []

    def refuse(*where: Any, **_: Any) -> None:
        tried.append(where)
        raise OSError("no network in tests")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return tried


@pytest.fixture
def empty_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A cache of the hub in which nothing was ever pulled."""
    import huggingface_hub

    real = huggingface_hub.snapshot_download
    cache = tmp_path / "hub"
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *a, **k: real(*a, **{**k, "cache_dir": cache}))
    return cache


def test_the_model_inside_the_package_is_found_and_described() -> None:
    name, folder = find_folder("")
    assert name == DEFAULT == folder.name
    assert json.loads((folder / "fairlead.json").read_text()) == {"prompt_order": "left_to_right"}
    assert load_tokenizer(folder).encode("x.append", add_special_tokens=False).tokens == ["x", ".append"]


@pytest.mark.weights
def test_the_model_inside_the_package_loads_and_knows_python(no_network: list[Any]) -> None:
    model = load("", device="cpu", dtype="float32")
    assert (model.name, model.vocab_size, model.context_tokens) == (DEFAULT, 8192, 1024)
    assert 8_000_000 < model.parameters < 9_000_000
    assert model.prompt_order == "left_to_right"
    assert model.infilling is not None
    assert model.bos_id is None
    assert model.tokenizer.token_to_id("<|endoftext|>") in model.eos_ids
    logits = engine_for(model).prefill(model.tokenizer.encode("import numpy as").ids)
    assert logits is not None
    assert model.tokenizer.decode([int(logits.argmax())]) == " np"
    assert no_network == []


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_each_architecture_loads(tiny: Tiny, architecture: str) -> None:
    model = tiny(architecture)
    assert model.module.config.model_type == architecture
    assert (model.vocab_size, model.context_tokens, model.device, model.dtype) == (400, 256, "cpu", "float32")
    assert not model.module.training
    assert 0 in model.eos_ids <= model.special_ids
    text = "def f(x):\n    return x.name  # π\n"
    assert model.tokenizer.decode(model.tokenizer.encode(text, add_special_tokens=False).ids) == text


def test_dtype_is_chosen(tiny_folder: Folder) -> None:
    model = load(str(tiny_folder("llama")), "cpu", "bfloat16")
    assert model.dtype == "bfloat16"
    assert next(model.module.parameters()).dtype == torch.bfloat16
    with pytest.raises(ModelError, match="float8"):
        choose_dtype("float8", "cpu")


def test_bfloat16_only_where_the_processor_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_module, "_cpu_multiplies_bfloat16", lambda: True)
    assert choose_dtype("auto", "cpu") == torch.bfloat16
    monkeypatch.setattr(model_module, "_cpu_multiplies_bfloat16", lambda: False)
    assert choose_dtype("auto", "cpu") == torch.float32


def test_a_device_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert choose_device("auto") == "cpu"
    with pytest.raises(DeviceError, match=r"cuda is not usable on this machine \(usable: cpu\)"):
        load("", device="cuda")
    with pytest.raises(DeviceError, match="no device 'gpu'"):
        choose_device("gpu")


def test_prompt_order_is_a_property_of_the_folder(copy_of: Folder) -> None:
    folder = copy_of("qwen2")
    (folder / "fairlead.json").write_text('{"prompt_order": "spm", "suffix_first": "ahead"}')
    model = load(str(folder), "cpu")
    assert model.prompt_order == "spm"
    assert model.infilling is not None
    assert model.infilling.suffix_first == "ahead"
    (folder / "fairlead.json").write_text('{"prompt_order": "sideways"}')
    with pytest.raises(ModelBroken, match=r"fairlead\.json: prompt_order is one of left_to_right, psm, spm"):
        load(str(folder), "cpu")


def test_a_folder_says_what_context_its_model_makes_use_of(copy_of: Folder) -> None:
    folder = copy_of("qwen2")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.add_special_tokens(["<|file_sep|>"])
    tokenizer.save(str(folder / "tokenizer.json"))
    model = load(str(folder), "cpu")
    assert model.file_separator == tokenizer.token_to_id("<|file_sep|>") is not None
    assert (model.outline_characters, model.recent_characters) == (0, 0)
    own = '{"outline_characters": 600, "recent_characters": 800, "separates_files": false}'
    (folder / "fairlead.json").write_text(own)
    model = load(str(folder), "cpu")
    assert (model.outline_characters, model.recent_characters, model.file_separator) == (600, 800, None)
    for wrong, message in {
        '{"recent_characters": -1}': "recent_characters is a whole number, 0 or more",
        '{"outline_characters": true}': "outline_characters is a whole number, 0 or more",
        '{"separates_files": 1}': "separates_files is true or false",
    }.items():
        (folder / "fairlead.json").write_text(wrong)
        with pytest.raises(ModelBroken, match=message):
            load(str(folder), "cpu")


def test_a_model_that_wants_a_first_token(copy_of: Folder) -> None:
    """Either the tokenizer itself puts it there, or its config says it should be."""
    folder = copy_of("codegen")
    (folder / "tokenizer_config.json").write_text('{"add_bos_token": true, "bos_token": {"content": "<|endoftext|>"}}')
    assert load(str(folder), "cpu").bos_id == 0
    (folder / "tokenizer_config.json").write_text('{"add_bos_token": false, "bos_token": "<|endoftext|>"}')
    assert load(str(folder), "cpu").bos_id is None
    from tokenizers.processors import TemplateProcessing

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.post_processor = TemplateProcessing(single="<|endoftext|> $A", special_tokens=[("<|endoftext|>", 0)])
    tokenizer.save(str(folder / "tokenizer.json"))
    assert load(str(folder), "cpu").bos_id == 0


@pytest.mark.parametrize("architecture", ["qwen2", "starcoder2", "gpt_bigcode"])
def test_a_document_cannot_write_sentinels_into_a_prompt(tiny: Tiny, architecture: str) -> None:
    model = tiny(architecture)
    assert model.infilling is not None
    for sentinel in map(model.tokenizer.id_to_token, model.special_ids):
        ids = model.tokenizer.encode(f"x = '{sentinel}'", add_special_tokens=False).ids
        assert not model.special_ids & set(ids)
        assert model.tokenizer.decode(ids) == f"x = '{sentinel}'"


def spoil_missing_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def spoil_config_json(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "qwen2", ')


def spoil_config_type(folder: Path) -> None:
    (folder / "config.json").write_text("[1, 2]")


def spoil_model_type(folder: Path) -> None:
    change_config(folder, model_type="no_such_type", architectures=["NoSuch"])


def spoil_needs_code(folder: Path) -> None:
    change_config(folder, model_type="evil", auto_map={"AutoConfig": "evil.C", "AutoModelForCausalLM": "evil.M"})
    (folder / "evil.py").write_text("raise SystemExit('code of the model was run')")


def spoil_no_causal_model(folder: Path) -> None:
    change_config(folder, model_type="vit", architectures=["ViTModel"])


def spoil_other_shape(folder: Path) -> None:
    change_config(folder, intermediate_size=64)


def spoil_more_layers(folder: Path) -> None:
    change_config(folder, num_hidden_layers=3, layer_types=None, max_window_layers=3)


def spoil_no_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def spoil_pickle_only(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def spoil_truncated(folder: Path) -> None:
    weights = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(weights[: len(weights) // 2])


def spoil_header(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes((2**63).to_bytes(8, "little") + b"{}")


def spoil_empty_weights(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"")


def spoil_missing_shard(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    shards = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))


def spoil_index(folder: Path) -> None:
    spoil_missing_shard(folder)
    (folder / "model.safetensors.index.json").write_text('{"weight_map": ')


def spoil_nan(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"].fill_(float("nan"))
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def spoil_no_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


def spoil_tokenizer_json(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{}")


def spoil_tokenizer_regex(folder: Path) -> None:
    """The regex takes exponential time; the engine below tokenizers gives up with a panic, a BaseException."""
    made = json.loads((folder / "tokenizer.json").read_text())
    made["pre_tokenizer"] = {
        "type": "Split", "pattern": {"Regex": r"((.|\s)+)+\d{9}"}, "behavior": "Isolated", "invert": False,
    }  # fmt: skip
    (folder / "tokenizer.json").write_text(json.dumps(made))


def spoil_tokenizer_ids(folder: Path) -> None:
    made = json.loads((folder / "tokenizer.json").read_text())
    made["added_tokens"].append({**made["added_tokens"][0], "id": 4294967295, "content": "<far>"})
    made["model"]["vocab"]["<far>"] = 4294967295
    (folder / "tokenizer.json").write_text(json.dumps(made))


def spoil_tokenizer_loses_text(folder: Path) -> None:
    made = json.loads((folder / "tokenizer.json").read_text())
    made["normalizer"] = {"type": "Lowercase"}
    made["pre_tokenizer"] = {"type": "Whitespace"}
    (folder / "tokenizer.json").write_text(json.dumps(made))


def change_config(folder: Path, **values: Any) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **values}))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_missing_config, "is no model folder: it holds no config.json"),
        (spoil_config_json, "config.json cannot be read: .*copy the model again"),
        (spoil_config_type, "config.json holds no JSON object"),
        (spoil_model_type, "cannot be loaded as a causal language model: .*no_such_type"),
        (spoil_needs_code, "needs code of its own, which fairlead never runs"),
        (spoil_no_causal_model, "cannot be loaded as a causal language model"),
        (spoil_other_shape, "cannot be loaded as a causal language model|its config says"),
        (spoil_more_layers, r"its weights lack (\d+ tensors|model\.layers\.2\.)"),
        (spoil_no_weights, r"holds no \*\.safetensors weights$"),
        (spoil_pickle_only, r"pytorch_model\.bin is of a kind that fairlead does not read"),
        (spoil_truncated, r"model\.safetensors is incomplete or damaged: it is \d+ bytes and should be \d+"),
        (spoil_header, "incomplete or damaged: its header is longer than the file"),
        (spoil_empty_weights, "incomplete or damaged"),
        (spoil_missing_shard, r"model-00002-of-00002\.safetensors is incomplete or damaged"),
        (spoil_index, r"index\.json cannot be read"),
        (spoil_nan, "its logits are not finite"),
        (spoil_no_tokenizer, "tokenizer"),
        (spoil_tokenizer_json, "its tokenizer cannot be used"),
        (spoil_tokenizer_regex, "its tokenizer cannot be used: PanicException"),
        (spoil_tokenizer_ids, "the tokenizer has ids up to 4294967295, the model only 400 rows"),
        (spoil_tokenizer_loses_text, "does not give back the text it was given"),
    ],
    ids=lambda value: value.__name__.removeprefix("spoil_") if callable(value) else "",
)
@pytest.mark.parametrize("architecture", ["qwen2", "starcoder2"])
def test_a_bad_folder_is_refused_with_a_reason(
    copy_of: Folder, architecture: str, spoil: Callable[[Path], None], message: str, no_network: list[Any]
) -> None:
    """The one is read by ourselves, the other by transformers."""
    folder = copy_of(architecture)
    spoil(folder)
    with pytest.raises(ModelBroken, match=message):
        load(str(folder), "cpu", "float32")
    assert no_network == []


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match="There is no folder"):
        load(str(tmp_path / "nothing"))
    file = tmp_path / "model.gguf"
    file.write_bytes(b"GGUF")
    with pytest.raises(ModelBroken, match="is a file; a model is a folder"):
        load(str(file))
    with pytest.raises(ModelBroken, match="it holds no config"):
        load(str(tmp_path))


def test_a_hub_id_that_was_never_pulled(empty_hub: Path, no_network: list[Any]) -> None:
    with pytest.raises(ModelNotFound, match="fairlead model pull owner/some-model"):
        load("owner/some-model")
    assert no_network == []


def test_a_pulled_model_is_found_by_its_id_before_a_folder_of_that_name(
    empty_hub: Path, tiny_folder: Folder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, no_network: list[Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(tiny_folder("codegen"), tmp_path / "owner" / "tiny")
    assert load("owner/tiny", "cpu").module.config.model_type == "codegen"
    stored = empty_hub / "models--owner--tiny"
    (stored / "refs").mkdir(parents=True)
    (stored / "refs" / "main").write_text("a" * 40)
    shutil.copytree(tiny_folder("qwen2"), stored / "snapshots" / ("a" * 40))
    model = load("owner/tiny", "cpu")
    assert (model.name, model.module.config.model_type) == ("owner/tiny", "qwen2")
    assert no_network == []


def test_too_large_for_this_machine(tiny_folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_module, "_free_bytes", lambda _device: 1000)
    with pytest.raises(OutOfMemory, match=r"0\.0 GB are free on cpu: use a smaller model"):
        load(str(tiny_folder("qwen2")), "cpu")


def test_out_of_memory_while_loading(tiny_folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    import transformers

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(transformers.AutoModelForCausalLM, "from_pretrained", fail)
    with pytest.raises(OutOfMemory, match="use a smaller model"):
        load(str(tiny_folder("starcoder2")), "cpu")
    monkeypatch.setattr(model_module, "read_llama", fail)
    with pytest.raises(OutOfMemory, match="use a smaller model"):
        load(str(tiny_folder("qwen2")), "cpu")


@pytest.mark.parametrize("architecture", ["llama", "qwen2"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_reading_it_ourselves_gives_what_transformers_reads(tiny_folder: Folder, architecture: str, dtype: str) -> None:
    folder = str(tiny_folder(architecture))
    ours, theirs = load(folder, "cpu", dtype), load(folder, "cpu", dtype, with_transformers=True)
    assert isinstance(ours.module, LlamaWeights)
    assert not isinstance(theirs.module, LlamaWeights)
    assert replace(ours, module=None, tokenizer=None) == replace(theirs, module=None, tokenizer=None)  # type: ignore[arg-type]
    ids = ours.tokenizer.encode("def f(x):\n    return x.name").ids
    torch.testing.assert_close(engine_for(ours).step(ids), engine_for(theirs).step(ids))


def test_anything_unusual_is_left_to_transformers(tiny_folder: Folder) -> None:
    config = json.loads((tiny_folder("qwen2") / "config.json").read_text())
    assert is_plain_llama(config)
    assert is_plain_llama({**config, "rope_parameters": None, "rope_theta": 1e6})
    for change in (
        {"architectures": ["Qwen2ForSequenceClassification"]},
        {"model_type": "qwen3"},
        {"rope_parameters": {"rope_type": "yarn", "factor": 4.0, "rope_theta": 1e6}},
        {"rope_scaling": {"type": "linear", "factor": 4.0}},
        {"rope_parameters": None, "rope_theta": None},
        {"hidden_act": "gelu"},
        {"use_sliding_window": True, "sliding_window": 8},
        {"layer_types": ["full_attention", "sliding_attention"]},
        {"tie_word_embeddings": None},
        {"quantization_config": {"bits": 4}},
    ):
        assert not is_plain_llama({**config, **change}), change


def test_the_default_model_needs_no_transformers() -> None:
    """Its import takes seconds, and a hundred megabytes."""
    code = (
        "import sys; from fairlead.decoding.model import load; from fairlead.decoding.engine import engine_for; "
        "engine_for(load('', 'cpu')).prefill([7]); "
        "print('transformers' in sys.modules, 'huggingface_hub' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert run.stdout.split() == ["False", "False"]


def test_loading_writes_nothing_to_the_terminal(tiny_folder: Folder, capfd: pytest.CaptureFixture[str]) -> None:
    load(str(tiny_folder("llama")), "cpu")
    assert capfd.readouterr() == ("", "")


def test_pull_fetches_weights_and_configuration_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import huggingface_hub

    asked: dict[str, Any] = {}

    def snapshot(model_id: str, allow_patterns: list[str], tqdm_class: Any) -> str:
        asked.update(model_id=model_id, allow_patterns=allow_patterns)
        (tmp_path / "model.safetensors").write_bytes(b"")
        files = tqdm_class(total=2, desc="files")
        received = tqdm_class(total=0, unit="B", unit_scale=True, name="x")
        received.total += 100
        received.update(60)
        files.update(1)
        received.update(40)
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    seen: list[tuple[int, int]] = []
    assert hub.pull("owner/tiny", lambda done, total: seen.append((done, total))) == tmp_path
    assert asked == {"model_id": "owner/tiny", "allow_patterns": ["*.safetensors", "*.json"]}
    assert seen == [(60, 100), (100, 100)]


def test_pull_says_why_it_could_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, no_network: list[Any]) -> None:
    import huggingface_hub

    with pytest.raises(ModelNotFound, match="'a/b/c' is no hub id"):
        hub.pull("a/b/c")
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *_, **__: str(tmp_path))
    with pytest.raises(ModelBroken, match=r"holds no \*\.safetensors"):
        hub.pull("owner/tiny")

    def fail(*_: Any, **__: Any) -> str:
        raise ConnectionError("no route")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    with pytest.raises(ModelNotFound, match=r"owner/tiny could not be fetched \(no route\)"):
        hub.pull("owner/tiny")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelNotFound, match="HF_HUB_OFFLINE is set"):
        hub.pull("owner/tiny")
    assert no_network == []


def test_no_other_module_can_fetch() -> None:
    """`snapshot_download` without `local_files_only` stands in `hub.py` alone, and nothing else connects."""
    root = Path(hub.__file__).parents[1]
    for path in sorted(root.glob("decoding/*.py")):
        text = path.read_text("utf-8")
        assert not any(f"import {name}" in text for name in ("requests", "urllib", "httpx", "socket")), path
        if path.name not in ("hub.py", "model.py"):
            assert "huggingface_hub" not in text, path
    text = (root / "decoding" / "model.py").read_text("utf-8")
    assert text.count("snapshot_download(") == text.count("snapshot_download(model, local_files_only=True)")
    assert text.count("from_pretrained(") == text.count("local_files_only=True") - 1
