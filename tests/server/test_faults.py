"""What breaks around the server: models that cannot be used, analysis that dies or hangs, libraries that print.

The server stays up, says what is wrong and what to do about it, and goes on as soon as it can.
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import pytest_asyncio

import fairlead.decoding

if TYPE_CHECKING:
    from tests.server.client import Client

pytestmark = pytest.mark.asyncio(loop_scope="module")

SERVER = [sys.executable, "-E", "-P", "-m", "fairlead.server", "serve"]
AUTOMATIC = {"context": {"triggerKind": 2}}
PACKAGED = Path(fairlead.decoding.__path__[0]) / "models" / "fairlead-python-8m"
TEXT = "import os\nos.getcw"
PATIENT = {"analysis.budget_ms": 20_000, "completion.budget_ms": 20_000, "inline.budget_ms": 20_000,
           "inline.min_confidence": 0.0}  # fmt: skip

StartClient = Callable[..., AbstractAsyncContextManager["Client"]]


def labels(answer: dict[str, Any] | None) -> list[str]:
    return sorted(item["label"] for item in (answer or {"items": []})["items"])


async def eventually(client: Client, wanted: Callable[[dict[str, Any]], bool], timeout_s: float = 60) -> dict[str, Any]:
    """The status as soon as it is wanted."""
    client.forget("fairlead/status")
    if wanted(found := await client.status()):
        return found
    pushed: dict[str, Any] = await client.notification("fairlead/status", where=wanted, timeout_s=timeout_s)
    return pushed


async def assert_static(client: Client, folder: Path) -> None:
    """Lists and hovers are answered, ghost text is not."""
    uri = (folder / "static.py").as_uri()
    client.open(uri, TEXT)
    assert labels(await client.request("textDocument/completion", client.at(uri, 1, 8))) == ["getcwd", "getcwdb"]
    client.change(uri, "import os\nos.getcwd")
    hover = await client.request("textDocument/hover", client.at(uri, 1, 5))
    assert "def getcwd() -> str" in hover["contents"]["value"]
    assert await client.request("textDocument/inlineCompletion", {**client.at(uri, 1, 9), **AUTOMATIC}) == []
    client.close(uri)


# Models.


def packaged(folder: Path) -> Path:
    """The packaged model in a folder of its own, whose files may be replaced one by one."""
    folder.mkdir()
    for path in PACKAGED.iterdir():
        (folder / path.name).symlink_to(path)
    return folder


def replaced(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).unlink(missing_ok=True)
    (folder / name).write_bytes(content)
    return folder


def changed_json(folder: Path, name: str, **values: Any) -> Path:
    value = json.loads((folder / name).read_text())
    return replaced(folder, name, json.dumps(value | values).encode())


def no_such_folder(folder: Path) -> Path:
    return folder / "models" / "mine"


def a_file(folder: Path) -> Path:
    folder.write_text("weights")
    return folder


def an_empty_folder(folder: Path) -> Path:
    folder.mkdir()
    return folder


def a_folder_of_something_else(folder: Path) -> Path:
    folder.mkdir()
    (folder / "README.md").write_text("# Photos")
    return folder


def no_weights(folder: Path) -> Path:
    (packaged(folder) / "model.safetensors").unlink()
    return folder


def pickled_weights_only(folder: Path) -> Path:
    (no_weights(folder) / "pytorch_model.bin").write_bytes(b"pickle")
    return folder


def unreadable(folder: Path) -> Path:
    """For anybody but root, from whom the fixture takes the privilege."""
    replaced(packaged(folder), "config.json", b"{}").joinpath("config.json").chmod(0)
    return folder


def half_written_weights(folder: Path) -> Path:
    content = (packaged(folder) / "model.safetensors").read_bytes()
    return replaced(folder, "model.safetensors", content[: len(content) // 2])


def empty_weights(folder: Path) -> Path:
    return replaced(packaged(folder), "model.safetensors", b"")


def half_written_config(folder: Path) -> Path:
    content = (packaged(folder) / "config.json").read_bytes()
    return replaced(folder, "config.json", content[: len(content) // 2])


def weights_of_another_shape(folder: Path) -> Path:
    return changed_json(packaged(folder), "config.json", intermediate_size=4)


def unknown_architecture(folder: Path) -> Path:
    return changed_json(packaged(folder), "config.json", model_type="abacus", architectures=["AbacusForCausalLM"])


def code_of_its_own(folder: Path) -> Path:
    changed_json(packaged(folder), "config.json", model_type="abacus", architectures=["AbacusForCausalLM"],
                 auto_map={"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"})  # fmt: skip
    (folder / "own.py").write_text(f"open({str(folder / 'EXECUTED')!r}, 'w')\nraise SystemExit('code of a model was run')")
    return folder


def garbage_tokenizer(folder: Path) -> Path:
    return replaced(packaged(folder), "tokenizer.json", b"\x00\xffgarbage")


def tokenizer_of_another_kind(folder: Path) -> Path:
    return replaced(packaged(folder), "tokenizer.json", b'{"model": {"type": "Abacus"}}')


def tokenizer_that_panics(folder: Path) -> Path:
    """A regular expression that takes for ever: the library underneath gives up with something that is no Exception."""
    value = json.loads((packaged(folder) / "tokenizer.json").read_text())
    pattern = {"type": "Split", "pattern": {"Regex": r"((.|\s)+)+\d{9}"}, "behavior": "Isolated", "invert": False}
    return changed_json(folder, "tokenizer.json", **{**value, "pre_tokenizer": pattern})


def larger_than_any_memory(folder: Path) -> Path:
    """A model of four terabytes, as far as its files say; the disk holds none of it."""
    size = 4 * 10**12
    header = json.dumps({"w": {"dtype": "F32", "shape": [size // 4], "data_offsets": [0, size]}}).encode()
    replaced(packaged(folder), "model.safetensors", struct.pack("<Q", len(header)) + header)
    os.truncate(folder / "model.safetensors", 8 + len(header) + size)
    return folder


BAD_MODELS: dict[Callable[[Path], Path], str] = {
    no_such_folder: "There is no folder {model}. Give a model folder, or a hub id such as owner/name",
    a_file: "{model} is a file; a model is a folder with config.json, tokenizer.json and *.safetensors",
    an_empty_folder: "{model} is no model folder: it holds no config.json",
    a_folder_of_something_else: "{model} is no model folder: it holds no config.json",
    no_weights: "{model} holds no *.safetensors weights",
    pickled_weights_only:
        "{model} holds no *.safetensors weights (pytorch_model.bin is of a kind that fairlead does not read)",
    unreadable: "{model}/config.json cannot be read: [Errno 13] Permission denied: '{model}/config.json'. Fetch or copy",
    half_written_weights: "{model}/model.safetensors is incomplete or damaged: it is ",
    empty_weights: "{model}/model.safetensors is incomplete or damaged: ",
    half_written_config: "{model}/config.json cannot be read: ",
    weights_of_another_shape: "{model}: model.layers.0.mlp.gate_proj.weight is ",
    unknown_architecture: "{model}: it cannot be loaded as a causal language model: ",
    code_of_its_own: "{model}: it cannot be loaded as a causal language model: ",
    garbage_tokenizer: "{model}: its tokenizer cannot be used: ",
    tokenizer_of_another_kind: "{model}: its tokenizer cannot be used: ",
    tokenizer_that_panics: "{model}: its tokenizer cannot be used: ",
    larger_than_any_memory: "The model needs about ",
}  # fmt: skip
"""Each with the beginning of what is said about it."""

MENDS = ("Fetch", "Give", "a model is", "holds no", "do not belong", "fairlead never runs", "use a smaller model",
         "its config says", "cannot be loaded", "tokenizer cannot be used", "set device to auto")  # fmt: skip


@functools.lru_cache
def as_anybody() -> list[str]:
    """A command in front of the server that takes from root the privilege to read everything."""
    command = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]
    if os.geteuid() == 0 and shutil.which("setpriv"):
        done = subprocess.run([*command, "true"], capture_output=True, check=False)
        return command if done.returncode == 0 else []
    return []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(start_client: StartClient, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Client]:
    folder = tmp_path_factory.mktemp("workspace")
    command = [*as_anybody(), *SERVER]
    async with start_client(command, roots=[folder.as_uri()], options=PATIENT) as made:
        await made.notification("fairlead/status", where=lambda s: s["model"]["state"] == "ready", timeout_s=60)
        yield made


async def configure(client: Client, **settings: Any) -> None:
    """As an editor does: it says that the settings changed, and is asked for them."""
    client.configuration = {**PATIENT, **settings}
    client.notify("workspace/didChangeConfiguration", {"settings": None})


async def failed(client: Client, **settings: Any) -> dict[str, Any]:
    """The status once the model of these settings could not be loaded."""
    before = (await client.status())["model"]["error"]
    await configure(client, **settings)
    return await eventually(client, lambda s: s["model"]["state"] == "failed" and s["model"]["error"] != before)


async def assert_recovers(client: Client, folder: Path) -> None:
    """Back to the packaged model: ghost text is there again."""
    await configure(client)
    found = await eventually(client, lambda s: s["model"]["state"] == "ready")
    assert (found["state"], found["model"]["name"], found["model"]["error"]) == ("ready", "fairlead-python-8m", "")
    uri = (folder / "recovered.py").as_uri()
    client.open(uri, "import os\n\nprint(os.getcw")
    answer = await client.request("textDocument/inlineCompletion", {**client.at(uri, 2, 14), **AUTOMATIC})
    assert [item["insertText"][:1] for item in answer] == ["d"], (await client.status())["nothing"]
    client.close(uri)


@pytest.mark.weights
@pytest.mark.parametrize("make", BAD_MODELS, ids=lambda make: make.__name__.replace("_", " "))
async def test_a_model_that_cannot_be_used(client: Client, tmp_path: Path, make: Callable[[Path], Path]) -> None:
    if make is unreadable and os.geteuid() == 0 and not as_anybody():
        pytest.skip("root reads everything, and there is no setpriv")
    model = make(tmp_path / "model")
    found = await failed(client, model=str(model))
    error = found["model"]["error"]
    assert error.startswith(BAD_MODELS[make].format(model=model))
    assert any(mend in error for mend in MENDS), error
    assert "\n" not in error
    assert found["state"] == "error"
    assert found["message"].startswith(f"the model is off: {error}")
    await assert_static(client, tmp_path)
    assert (await client.status())["nothing"]["reason"] == f"the model is off: {error}"
    assert not list(tmp_path.rglob("EXECUTED"))


@pytest.mark.weights
async def test_code_of_a_model_runs_where_it_is_trusted(tmp_path: Path) -> None:
    """Otherwise its absence above would prove nothing."""
    model = code_of_its_own(tmp_path / "model")
    code = "import sys, transformers\ntransformers.AutoConfig.from_pretrained(sys.argv[1], trust_remote_code=True)"
    environ = {**os.environ, "HF_HOME": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "1"}
    subprocess.run([sys.executable, "-c", code, str(model)], env=environ, capture_output=True, check=False)
    assert (model / "EXECUTED").exists()


@pytest.mark.weights
async def test_a_hub_id_that_was_never_pulled_says_how_to_pull_it(client: Client, tmp_path: Path) -> None:
    found = await failed(client, model="nobody/no-such-model")
    assert found["model"]["error"] == (
        "The model nobody/no-such-model is not on this machine. Fetch it with: fairlead model pull nobody/no-such-model"
    )
    await assert_recovers(client, tmp_path)


@pytest.mark.weights
async def test_a_device_that_is_not_there(client: Client, tmp_path: Path) -> None:
    import torch

    device = "mps" if torch.cuda.is_available() else "cuda"
    found = await failed(client, device=device)
    assert found["model"]["error"].startswith(f"The device {device} is not usable on this machine (usable: cpu")
    assert found["model"]["error"].endswith("; set device to auto")
    assert found["state"] == "error"
    await assert_static(client, tmp_path)
    await assert_recovers(client, tmp_path)


@pytest.mark.weights
async def test_a_wrong_setting_is_no_reason_to_load_the_model_again(client: Client) -> None:
    sent = len(client.notifications("fairlead/status"))
    await configure(client, device="abacus", threads="many", nonsense=1)
    found = await eventually(client, lambda s: len(s["problems"]) == 3)
    assert found["problems"] == [
        "device: expected one of auto, cpu, cuda, mps, got 'abacus'; using 'auto'",
        "threads: expected int, got 'many'; using 0",
        "nonsense: there is no such setting",
    ]
    states = [message["model"]["state"] for message in client.notifications("fairlead/status")[sent:]]
    assert set(states) <= {"ready"}
    await configure(client)
    await eventually(client, lambda s: s["problems"] == [])


# A machine without memory.


def a_gigabyte(folder: Path) -> Path:
    """A model whose files fit its config, a gigabyte of zeros that the disk does not hold."""
    packaged(folder)
    vocabulary, hidden, inner = 65_536, 2_048, 4_096
    changed_json(folder, "config.json", vocab_size=vocabulary, hidden_size=hidden, intermediate_size=inner,
                 num_hidden_layers=8, num_attention_heads=16, num_key_value_heads=16, head_dim=128)  # fmt: skip
    shapes = {"model.embed_tokens": (vocabulary, hidden), "model.norm": (hidden,), "lm_head": (vocabulary, hidden)}
    for layer in range(8):
        name = f"model.layers.{layer}"
        shapes |= {f"{name}.self_attn.{part}_proj": (hidden, hidden) for part in "qkvo"}
        shapes |= {f"{name}.mlp.gate_proj": (inner, hidden), f"{name}.mlp.up_proj": (inner, hidden)}
        shapes |= {f"{name}.mlp.down_proj": (hidden, inner), f"{name}.input_layernorm": (hidden,)}
        shapes |= {f"{name}.post_attention_layernorm": (hidden,)}
    header, at = {}, 0
    for name, shape in shapes.items():
        size = 2 * shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[f"{name}.weight"] = {"dtype": "BF16", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    head = json.dumps(header).encode()
    replaced(folder, "model.safetensors", struct.pack("<Q", len(head)) + head)
    os.truncate(folder / "model.safetensors", 8 + len(head) + at)
    return folder


@pytest.mark.weights
@pytest.mark.skipif(not hasattr(psutil.Process, "rlimit"), reason="limits of other processes can be set on Linux only")
@pytest.mark.parametrize("room", [300_000_000, 1_300_000_000], ids=["for nothing", "for half of it"])
async def test_memory_that_runs_out_while_a_model_is_loaded(client: Client, tmp_path: Path, room: int) -> None:
    """The limit is real: there is no address space for a gigabyte of weights, or not for it and its conversion."""
    model = a_gigabyte(tmp_path / "model")
    server = psutil.Process(client.process.pid)
    before = server.rlimit(psutil.RLIMIT_AS)
    server.rlimit(psutil.RLIMIT_AS, (server.memory_info().vms + room, before[1]))
    try:
        found = await failed(client, model=str(model))
        assert "memory" in found["model"]["error"]
        assert "use a smaller model" in found["model"]["error"]
        assert found["state"] == "error"
        await assert_static(client, tmp_path)
    finally:
        server.rlimit(psutil.RLIMIT_AS, before)
    await assert_recovers(client, tmp_path)


# Analysis.


IMPATIENT_SERVER = """
import sys, time
from pathlib import Path

HANG = Path(__file__).with_name("hang")

if sys.argv[1:2] == ["analysis"]:
    del sys.argv[1]
    from fairlead.monitors import worker

    answer = worker.answer_of
    def hanging(*arguments):
        while HANG.exists():
            time.sleep(0.01)
        return answer(*arguments)
    worker.answer_of = hanging
    worker.main()
else:
    from fairlead.monitors.process import AnalysisProcess
    from fairlead.server.cli import main

    begin, command = AnalysisProcess.__init__, AnalysisProcess._command
    def patience(self, *arguments, **settings):
        begin(self, *arguments, **settings, lifeless_s=4.0)
    AnalysisProcess.__init__ = patience
    AnalysisProcess._command = lambda self: [
        sys.executable, "-E", "-P", __file__, "analysis", *command(self)[command(self).index("--parent"):]]
    sys.exit(main(["serve", "--no-model"]))
"""
"""The server, which takes analysis for dead after four seconds instead of ten; analysis hangs while there is a file `hang`."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def analysing(start_client: StartClient, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Client]:
    """A server without a model, and with little patience."""
    folder = tmp_path_factory.mktemp("analysing")
    (folder / "impatient.py").write_text(IMPATIENT_SERVER)
    command = [sys.executable, "-E", "-P", str(folder / "impatient.py")]
    async with start_client(command, roots=[folder.as_uri()], options={"analysis.budget_ms": 300}) as made:
        await made.notification("fairlead/status", where=lambda s: s["analysis"] == "ready", timeout_s=60)
        yield made


def analysis_of(client: Client) -> psutil.Process:
    children = psutil.Process(client.process.pid).children()
    (found,) = [child for child in children if child.status() != psutil.STATUS_ZOMBIE]
    assert "--memory-mb" in found.cmdline()
    return found


@pytest_asyncio.fixture(loop_scope="module")
async def hang(analysing: Client) -> AsyncIterator[Path]:
    """Made, it makes analysis hang; not there afterwards."""
    (file,) = [Path(part).with_name("hang") for part in psutil.Process(analysing.process.pid).cmdline() if "impatient" in part]
    yield file
    file.unlink(missing_ok=True)


async def asked_until_full(client: Client, uri: str, character: int) -> dict[str, Any]:
    """What a person does who looks at a list that is not there yet: ask again."""
    for _ in range(200):
        answer = await client.request("textDocument/completion", client.at(uri, 1, character))
        if labels(answer):
            break
        await asyncio.sleep(0.1)
    return dict(answer)


async def test_analysis_killed_in_mid_question_costs_at_most_one_list(analysing: Client, tmp_path: Path) -> None:
    client, uri = analysing, (tmp_path / "killed.py").as_uri()
    for number in range(3):
        client.open(uri, f"import os  # {number}\nos.getcw")
        child = analysis_of(client)
        child.suspend()  # so that it dies of the question, not before it
        _, future = client.send("textDocument/completion", client.at(uri, 1, 8))
        _, hovering = client.send("textDocument/hover", client.at(uri, 1, 1))
        await asyncio.sleep(0.05)
        child.kill()
        first, _ = await asyncio.wait_for(asyncio.gather(future, hovering), 20)
        assert labels(first) in ([], ["getcwd", "getcwdb"])
        if not labels(first):
            assert (await client.status())["nothing"]["reason"].startswith("analysis did not answer within")
        assert labels(await asked_until_full(client, uri, 8)) == ["getcwd", "getcwdb"]
        assert analysis_of(client).pid != child.pid
        found = await eventually(client, lambda s: s["analysis"] == "ready")
        assert (found["restarts"], found["restarted"]) == (number + 1, "it was ended by signal 9")
        assert found["message"] == "no model: answers come from analysis alone"
        assert found["state"] == "static"
        client.close(uri)


async def test_analysis_that_hangs_for_a_moment_costs_one_list_and_its_answer_is_not_lost(
    analysing: Client, hang: Path, tmp_path: Path
) -> None:
    client, uri = analysing, (tmp_path / "hangs.py").as_uri()
    client.open(uri, "import os\nos.getcw")
    assert labels(await asked_until_full(client, uri, 8)) == ["getcwd", "getcwdb"]
    client.change(uri, "import sys\nsys.version_in")
    child = analysis_of(client)
    hang.touch()
    assert await client.request("textDocument/hover", client.at(uri, 0, 8)) is None
    assert labels(await client.request("textDocument/completion", client.at(uri, 1, 14))) == []
    nothing = (await client.status())["nothing"]
    waited = re.fullmatch(r"analysis did not answer within (\d+) ms", nothing["reason"])
    assert waited, nothing["reason"]
    assert int(waited[1]) <= 300, "what the request had left of its budget"
    hang.unlink()
    assert labels(await asked_until_full(client, uri, 14)) == ["version_info"]
    assert (await client.status())["nothing"] is None
    assert analysis_of(client).pid == child.pid, "it was not killed for being slow"


@pytest.mark.parametrize("how", ["hanging", "stopped"])
async def test_analysis_that_never_answers_again_is_replaced(
    analysing: Client, hang: Path, tmp_path: Path, how: str
) -> None:
    """Meanwhile every request is answered."""
    client, uri = analysing, (tmp_path / f"{how}.py").as_uri()
    client.open(uri, "import os\nos.getcw")
    child, before = analysis_of(client), (await client.status())["restarts"]
    if how == "stopped":
        child.suspend()
    else:
        hang.touch()
    client.forget("fairlead/status")
    answer = await client.request("textDocument/completion", client.at(uri, 1, 8))
    assert labels(answer) == []
    await client.notification("fairlead/status", where=lambda s: s["restarts"] > before, timeout_s=30)
    hang.unlink(missing_ok=True)
    assert labels(await asked_until_full(client, uri, 8)) == ["getcwd", "getcwdb"]
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    assert analysis_of(client).pid != child.pid


# Libraries that print.

PRINTING_SERVER = """
import ctypes, os, sys, warnings

def pollute(who):
    print(f"printed by {who}")
    os.write(1, f"written by {who}\\n".encode())
    libc = ctypes.CDLL(None)
    libc.puts(f"put by {who}".encode())
    libc.fflush(None)
    os.system(f"echo a child of {who}")
    warnings.warn(f"warned by {who}")

if __name__ == "__main__" and sys.argv[1] == "server":
    from fairlead.decoding.decoder import Decoder
    from fairlead.monitors.process import AnalysisProcess
    from fairlead.server.cli import main

    load, command, write = Decoder.of, AnalysisProcess._command, Decoder.write
    def of(*arguments):
        pollute("the model")
        return load(*arguments)
    def writing(*arguments, **settings):
        pollute("the decoder")
        return write(*arguments, **settings)
    Decoder.of, Decoder.write = of, writing
    AnalysisProcess._command = lambda self: [
        sys.executable, "-E", "-P", __file__, "analysis", *command(self)[command(self).index("--parent"):]]
    sys.exit(main(["serve"]))
elif __name__ == "__main__":
    del sys.argv[1]
    from fairlead.monitors import jedi_members, worker

    members = jedi_members.members
    def printing(*arguments):
        pollute("analysis")
        return members(*arguments)
    jedi_members.members = printing
    worker.main()
"""


@pytest.mark.weights
async def test_what_libraries_print_does_not_reach_the_wire(start_client: StartClient, tmp_path: Path) -> None:
    """The client's reader accepts nothing but frames, and says so at the end of the session."""
    script = tmp_path / "printing.py"
    script.write_text(PRINTING_SERVER)
    command = [sys.executable, "-E", "-P", str(script), "server"]
    async with start_client(command, options=PATIENT, roots=[tmp_path.as_uri()]) as client:
        await eventually(client, lambda s: s["model"]["state"] == "ready")
        uri = (tmp_path / "main.py").as_uri()
        client.open(uri, TEXT)
        assert labels(await client.request("textDocument/completion", client.at(uri, 1, 8)))[-2:] == ["getcwd", "getcwdb"]
        assert await client.request("textDocument/inlineCompletion", {**client.at(uri, 1, 8), **AUTOMATIC}) is not None
        assert labels(await client.request("textDocument/completion", client.at(uri, 1, 7)))
    for who in ("the model", "the decoder"):
        for how in ("printed by", "written by", "put by", "a child of"):
            assert f"{how} {who}\n".encode() in client.stderr
    assert client.faults == []
