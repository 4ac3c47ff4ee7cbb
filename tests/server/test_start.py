"""The beginning of a session: quick, useful before the model is there, and honest about settings."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.server.client import Client

SERVER = [sys.executable, "-E", "-P", "-m", "fairlead.server", "serve"]
NO_MODEL = [*SERVER, "--no-model"]
HEAVY = {"torch", "transformers", "tokenizers", "safetensors", "huggingface_hub", "jedi", "numpy"}
PLAIN: dict[str, Any] = {"general": {"positionEncodings": ["utf-16"]}}
"""A client that announces nothing."""

GATED = """
import sys, time
from pathlib import Path
from fairlead.decoding.decoder import Decoder
from fairlead.server.cli import main

load, gate = Decoder.of, Path(sys.argv[1])
def of(*arguments):
    while not gate.exists():
        time.sleep(0.01)
    return load(*arguments)
Decoder.of = of
sys.exit(main(["serve"]))
"""
"""The server, with a model that is not loaded before a file is there."""

StartClient = Callable[..., AbstractAsyncContextManager["Client"]]


def labels(answer: dict[str, Any] | None) -> list[str]:
    return sorted(item["label"] for item in (answer or {"items": []})["items"])


async def settled(client: Client) -> dict[str, Any]:
    """The status once the session has begun."""
    found: dict[str, Any] = await client.notification("fairlead/status", where=lambda s: s["analysis"] == "ready")
    return found


def imported(stderr: str) -> set[str]:
    """The top-level packages that `-X importtime` told of."""
    return {name.partition(".")[0] for name in re.findall(r"^import time:[ \d]+\|[ \d]+\| +(\S+)$", stderr, re.MULTILINE)}


# Before the model.


def test_initialize_is_answered_without_importing_what_is_heavy(tmp_path: Path) -> None:
    """All that was imported before the answer stands on stderr when the answer is there."""
    with (tmp_path / "stderr").open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-X", "importtime", *SERVER[1:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr
        )
    assert process.stdin is not None
    assert process.stdout is not None
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"capabilities": {}, "processId": None}})
    process.stdin.write(f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
    process.stdin.flush()
    head = process.stdout.readline()
    process.stdout.readline()
    answer = json.loads(process.stdout.read(int(head.split()[1])))
    before = imported((tmp_path / "stderr").read_text())
    process.stdin.close()
    assert process.wait(5) == 1
    process.stdout.close()
    assert answer["result"]["serverInfo"]["name"] == "fairlead"
    assert {"fairlead", "pygls", "lsprotocol"} <= before
    assert before & HEAVY == set()


async def test_without_a_model_nothing_heavy_is_ever_imported(start_client: StartClient, tmp_path: Path) -> None:
    """jedi lives in a process of its own."""
    command = [sys.executable, "-X", "importtime", *NO_MODEL[1:]]
    async with start_client(command, roots=[tmp_path.as_uri()], options={"analysis.budget_ms": 20_000}) as client:
        uri = (tmp_path / "main.py").as_uri()
        client.open(uri, "import os\nos.getcw")
        assert labels(await client.request("textDocument/completion", client.at(uri, 1, 8))) == ["getcwd", "getcwdb"]
        at = client.at(uri, 1, 8, context={"triggerKind": 1})
        assert await client.request("textDocument/inlineCompletion", at) == []
        assert (await client.status())["nothing"]["reason"] == "there is no model"
        assert (await client.status())["state"] == "static"
    names = imported(client.stderr.decode())
    assert "fairlead" in names
    assert names & HEAVY == set()


async def test_the_first_request_right_behind_the_beginning_is_answered_in_full(
    start_client: StartClient, tmp_path: Path
) -> None:
    async with start_client(NO_MODEL, roots=[tmp_path.as_uri()], options={"analysis.budget_ms": 20_000}) as client:
        uri = (tmp_path / "main.py").as_uri()
        client.open(uri, "import os\nos.getcw")
        listed, hover = await asyncio.gather(
            client.request("textDocument/completion", client.at(uri, 1, 8)),
            client.request("textDocument/hover", client.at(uri, 0, 8)),
        )
        assert labels(listed) == ["getcwd", "getcwdb"]
        assert hover["range"] == {"start": {"line": 0, "character": 7}, "end": {"line": 0, "character": 9}}


@pytest.mark.weights
async def test_static_answers_before_the_model_is_ready_and_progress_from_begin_to_end(
    start_client: StartClient, tmp_path: Path
) -> None:
    script, gate = tmp_path / "gated.py", tmp_path / "gate"
    script.write_text(GATED)
    command = [sys.executable, "-E", "-P", str(script), str(gate)]
    options = {"analysis.budget_ms": 20_000, "completion.budget_ms": 20_000}
    async with start_client(command, roots=[tmp_path.as_uri()], options=options) as client:
        found = await settled(client)
        assert (found["state"], found["model"]["state"], found["message"]) == ("loading", "loading", "loading the model")
        uri = (tmp_path / "main.py").as_uri()
        client.open(uri, "import os\nos.getcw")
        assert labels(await client.request("textDocument/completion", client.at(uri, 1, 8))) == ["getcwd", "getcwdb"]
        hover = await client.request("textDocument/hover", client.at(uri, 0, 8))
        assert "os" in hover["contents"]["value"]
        at = client.at(uri, 1, 8, context={"triggerKind": 1})
        assert await client.request("textDocument/inlineCompletion", at) == []
        nothing = (await client.status())["nothing"]
        assert (nothing["feature"], nothing["reason"]) == ("inline", "the model is being loaded")
        begin = await client.notification("$/progress")
        assert begin["value"] == {"kind": "begin", "title": "fairlead", "message": "loading the model", "cancellable": False}
        assert len(client.notifications("$/progress")) == 1
        gate.touch()
        found = await client.notification("fairlead/status", where=lambda s: s["state"] == "ready", timeout_s=60)
        end = await client.notification("$/progress")
        assert end["token"] == begin["token"]
        assert end["value"]["kind"] == "end"
        assert end["value"]["message"].startswith("fairlead-python-8m on ")
        assert client.notifications("window/workDoneProgress/create") == [{"token": begin["token"]}]
        assert labels(await client.request("textDocument/completion", client.at(uri, 1, 8))) == ["getcwd", "getcwdb"]


# What the client did not announce.


async def test_a_client_that_announces_nothing_is_sent_nothing_but_the_status(
    start_client: StartClient, tmp_path: Path
) -> None:
    options = {"analysis.budget_ms": 20_000}
    async with start_client(NO_MODEL, capabilities=PLAIN, roots=[tmp_path.as_uri()], options=options) as client:
        await settled(client)
        uri = (tmp_path / "main.py").as_uri()
        client.open(uri, "import os\nos.getcwd")
        item = {"label": "x", "data": {"list": 1, "name": "x"}}
        await client.request("completionItem/resolve", item)
        hover = await client.request("textDocument/hover", client.at(uri, 1, 4))
        assert hover["contents"]["kind"] == "plaintext"
        assert "```" not in hover["contents"]["value"]
        client.notify("workspace/didChangeConfiguration", {"settings": {"fairlead": {"hover.enabled": False}}})
        assert await client.request("textDocument/hover", client.at(uri, 1, 4)) is None
        assert {message["method"] for message in client.messages} == {"fairlead/status"}


@pytest.mark.weights
async def test_no_progress_for_a_client_without_it(start_client: StartClient, tmp_path: Path) -> None:
    async with start_client(SERVER, capabilities=PLAIN, roots=[tmp_path.as_uri()]) as client:
        await client.notification("fairlead/status", where=lambda s: s["state"] == "ready", timeout_s=60)
        assert {message["method"] for message in client.messages} == {"fairlead/status"}


async def test_changes_of_the_settings_are_watched_where_the_client_can_register_that(
    start_client: StartClient, tmp_path: Path
) -> None:
    workspace = {"configuration": True, "didChangeConfiguration": {"dynamicRegistration": True}}
    async with start_client(
        NO_MODEL, capabilities={**PLAIN, "workspace": workspace}, roots=[tmp_path.as_uri()], configuration={}
    ) as client:
        registered = await client.notification("client/registerCapability")
        assert [(one["method"], one["registerOptions"]) for one in registered["registrations"]] == [
            ("workspace/didChangeConfiguration", {"section": "fairlead"})
        ]
        await settled(client)
        client.configuration = {"completion": {"enabled": False}}
        client.notify("workspace/didChangeConfiguration", {"settings": None})
        uri = (tmp_path / "main.py").as_uri()
        client.open(uri, "import os\nos.getcw")
        while await client.request("textDocument/completion", client.at(uri, 1, 8)) is not None:
            await asyncio.sleep(0.01)
        assert len(client.notifications("client/registerCapability")) == 1


# Settings.


async def test_wrong_settings_are_told_once_and_replaced_by_their_defaults(
    start_client: StartClient, tmp_path: Path
) -> None:
    options = {"inline.budget_ms": "x", "completion": {"budget_ms": -1, "enabled": 1}, "no.such": 1, "device": "abacus",
               "hover.enabled": False}  # fmt: skip
    problems = [
        "inline.budget_ms: expected int, got 'x'; using 250",
        "completion.budget_ms: must be at least 0, got -1; using 300",
        "completion.enabled: expected bool, got 1; using True",
        "no.such: there is no such setting",
        "device: expected one of auto, cpu, cuda, mps, got 'abacus'; using 'auto'",
    ]
    async with start_client(
        NO_MODEL, options=options, configuration={"analysis.budget_ms": 20_000}, roots=[tmp_path.as_uri()]
    ) as client:
        assert (await settled(client))["problems"] == problems
        shown = client.notifications("window/showMessage")
        assert shown == [{"type": 2, "message": "fairlead settings: " + "; ".join(problems)}]
        uri = (tmp_path / "main.py").as_uri()
        client.open(uri, "import os\nos.getcw")
        assert labels(await client.request("textDocument/completion", client.at(uri, 1, 8))) == ["getcwd", "getcwdb"]
        assert await client.request("textDocument/hover", client.at(uri, 0, 8)) is None, "what is right counts"
        client.notify("workspace/didChangeConfiguration", {"settings": None})
        await client.status()
        await client.request("textDocument/completion", client.at(uri, 1, 8))
        assert len(client.notifications("window/showMessage")) == 1, "the same problems are not told again"


@pytest.mark.parametrize("options", ["settings", {"untrusted": "yes", "fairlead": None, "": {"": {}}}])
async def test_initialization_options_may_be_anything(start_client: StartClient, tmp_path: Path, options: Any) -> None:
    async with start_client(NO_MODEL, options=options, capabilities=PLAIN, roots=[tmp_path.as_uri()]) as client:
        found = await settled(client)
        assert found["state"] == "static"


@pytest.mark.parametrize("answer", ["x", {"a": {"b": [None]}}])
async def test_a_client_may_answer_anything_when_asked_for_settings(
    start_client: StartClient, tmp_path: Path, answer: Any
) -> None:
    async with start_client(NO_MODEL, configuration=answer, roots=[tmp_path.as_uri()]) as client:
        found = await settled(client)
        assert found["state"] == "static"
        assert len(found["problems"]) == 1
        assert len(client.notifications("window/showMessage")) == 1


async def test_a_client_that_never_tells_its_settings_is_served_without(start_client: StartClient, tmp_path: Path) -> None:
    options = {"analysis.budget_ms": 20_000, "hover.enabled": False}
    async with start_client(NO_MODEL, configuration=..., options=options, roots=[tmp_path.as_uri()]) as client:
        uri = (tmp_path / "main.py").as_uri()
        client.open(uri, "import os\nos.getcw")
        assert labels(await client.request("textDocument/completion", client.at(uri, 1, 8))) == ["getcwd", "getcwdb"]
        assert await client.request("textDocument/hover", client.at(uri, 0, 8)) is None, "the options count"
        assert len(client.notifications("workspace/configuration")) == 1


MACHINE = {"model": "/no/such/model", "device": "cuda", "threads": 3, "analysis.memory_mb": 300, "log.file": "LOG",
           "log.level": "debug"}  # fmt: skip


@pytest.mark.parametrize("untrusted", [True, None])
async def test_an_untrusted_workspace_sets_nothing_of_the_machine(
    start_client: StartClient, tmp_path: Path, untrusted: object
) -> None:
    """By neither way; and what is no answer to the question of trust counts as a no."""
    log = tmp_path / "log"
    machine = {**MACHINE, "log.file": str(log)}
    async with start_client(
        NO_MODEL, options={**machine, "untrusted": untrusted, "hover.enabled": False}, configuration=machine,
        roots=[tmp_path.as_uri()],
    ) as client:  # fmt: skip
        found = await settled(client)
        expected = [f"{name}: a workspace may not set this; set it in the user settings" for name in machine]
        assert sorted(set(found["problems"])) == sorted(expected)
        assert found["log"] == str(Path(os.environ["XDG_STATE_HOME"]) / "fairlead" / "fairlead.log")
        assert not log.exists()
        uri = (tmp_path / "main.py").as_uri()
        client.open(uri, "import os\nos.getcw")
        assert await client.request("textDocument/hover", client.at(uri, 0, 8)) is None, "settings of the workspace count"


async def test_a_trusted_workspace_sets_them(start_client: StartClient, tmp_path: Path) -> None:
    log = tmp_path / "folder" / "log"
    options = {"untrusted": False, "log.file": str(log), "analysis.memory_mb": 1024}
    async with start_client(NO_MODEL, options=options, roots=[tmp_path.as_uri()]) as client:
        found = await settled(client)
        assert found["problems"] == []
        assert found["log"] == str(log)
    assert "ending: the client said exit" in log.read_text()


async def test_a_log_that_cannot_be_written_is_no_reason_not_to_serve(start_client: StartClient, tmp_path: Path) -> None:
    options = {"log.file": str(tmp_path)}
    async with start_client(NO_MODEL, options=options, roots=[tmp_path.as_uri()]) as client:
        found = await settled(client)
        assert found["log"] == ""
        assert "no log can be written to" in client.stderr.decode()


async def test_roots_that_do_not_exist_or_are_no_folders_do_no_harm(start_client: StartClient, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    roots = [(tmp_path / "gone").as_uri(), (tmp_path / "file").as_uri(), "untitled:x", "", "vscode-remote://ssh+host/x"]
    async with start_client(NO_MODEL, roots=roots, options={"analysis.budget_ms": 20_000}) as client:
        uri = (tmp_path / "gone" / "main.py").as_uri()
        client.open(uri, "import os\nos.getcw")
        assert labels(await client.request("textDocument/completion", client.at(uri, 1, 8))) == ["getcwd", "getcwdb"]
