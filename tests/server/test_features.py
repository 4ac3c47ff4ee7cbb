"""The real server with the packaged model, asked as an editor asks: labels, positions, texts, and why there was nothing."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

if TYPE_CHECKING:
    from tests.server.client import Client

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.weights]

SERVER = [sys.executable, "-E", "-P", "-m", "fairlead.server", "serve"]
AUTOMATIC = {"context": {"triggerKind": 2}}
INVOKED = {"context": {"triggerKind": 1}}

SHOP = '''\
from dataclasses import dataclass


@dataclass
class Article:
    """One thing that is sold."""

    name: str
    price: int

    def sell(self, amount: int = 1) -> int:
        """Take it from the shelf."""
        return self.price * amount


'''


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "shop.py").write_text(SHOP)
    return folder


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(
    start_client: Callable[..., AbstractAsyncContextManager[Client]], project: Path
) -> AsyncIterator[Client]:
    # Patience: the tests' machine is shared, and what is tested here is what is answered, not how fast.
    options = {"inline.budget_ms": 20_000, "completion.budget_ms": 20_000, "analysis.budget_ms": 20_000,
               "inline.invoked_budget_ms": 20_000, "inline.min_confidence": 0.0}  # fmt: skip
    async with start_client(SERVER, roots=[project.as_uri()], options=options) as made:
        await made.notification(
            "fairlead/status", where=lambda s: s["model"]["state"] == "ready" and s["analysis"] == "ready", timeout_s=60
        )
        yield made


async def opened(client: Client, project: Path, text: str, name: str = "main.py") -> str:
    uri = (project / name).as_uri()
    client.open(uri, text)
    return uri


def labels(answer: dict[str, Any] | None) -> list[str]:
    return [item["label"] for item in (answer or {"items": []})["items"]]


async def test_the_list_behind_a_dot_holds_exactly_what_exists(client: Client, project: Path) -> None:
    uri = await opened(client, project, "from shop import Article\n\na = Article('x', 1)\na.")
    answer = await client.request("textDocument/completion", client.at(uri, 3, 2))
    public = {label for label in labels(answer) if not label.startswith("_")}
    assert public == {"name", "price", "sell"}
    assert answer["isIncomplete"] is False
    item = next(item for item in answer["items"] if item["label"] == "sell")
    where = {"line": 3, "character": 2}
    assert item["textEdit"] == {"range": {"start": where, "end": where}, "newText": "sell"}
    assert item["kind"] == 2
    assert [item["sortText"] for item in answer["items"]] == sorted(item["sortText"] for item in answer["items"])


async def test_resolve_brings_signature_and_documentation(client: Client, project: Path) -> None:
    uri = await opened(client, project, "from shop import Article\n\na = Article('x', 1)\na.", "resolve.py")
    answer = await client.request("textDocument/completion", client.at(uri, 3, 2))
    item = next(item for item in answer["items"] if item["label"] == "sell")
    full = await client.request("completionItem/resolve", item)
    assert "amount: int" in full["detail"]
    assert "Take it from the shelf." in full["documentation"]["value"]
    assert full["textEdit"] == item["textEdit"]


async def test_a_half_typed_name_is_replaced_from_its_beginning(client: Client, project: Path) -> None:
    uri = await opened(client, project, "import os\n\nos.getc", "half.py")
    answer = await client.request("textDocument/completion", client.at(uri, 2, 7))
    assert set(labels(answer)) >= {"getcwd", "getcwdb"}
    assert all(label.startswith("getc") for label in labels(answer))
    assert answer["items"][0]["textEdit"]["range"] == {
        "start": {"line": 2, "character": 3}, "end": {"line": 2, "character": 7},
    }  # fmt: skip


async def test_positions_are_right_behind_an_emoji(client: Client, project: Path) -> None:
    """In utf-16 the emoji counts two."""
    uri = await opened(client, project, "import os\nx = '😀'; os.getcw", "emoji.py")
    answer = await client.request("textDocument/completion", client.at(uri, 1, 19))
    edit = next(item for item in answer["items"] if item["label"] == "getcwd")["textEdit"]
    assert edit["range"]["start"] == {"line": 1, "character": 13}


async def test_bare_names_are_listed_too(client: Client, project: Path) -> None:
    uri = await opened(client, project, "article_count = 1\narti", "names.py")
    answer = await client.request("textDocument/completion", client.at(uri, 1, 4))
    assert "article_count" in labels(answer)


async def test_ghost_text_names_only_what_exists(client: Client, project: Path) -> None:
    text = "from shop import Article\n\ndef total(a: Article) -> int:\n    return a."
    uri = await opened(client, project, text, "ghost.py")
    answer = await client.request("textDocument/inlineCompletion", {**client.at(uri, 3, 13), **AUTOMATIC})
    assert answer, (await client.status())["nothing"]
    name = answer[0]["insertText"].partition("(")[0].partition(" ")[0].partition(".")[0]
    assert name in {"name", "price", "sell"}
    assert answer[0]["range"] == {"start": {"line": 3, "character": 13}, "end": {"line": 3, "character": 13}}
    assert answer[0]["command"]["command"] == "fairlead.accepted"


async def test_typing_the_offer_asks_nobody_again_and_accepting_is_reported(client: Client, project: Path) -> None:
    text = "from shop import Article\n\ndef total(a: Article) -> int:\n    return a."
    uri = await opened(client, project, text, "through.py")
    first = (await client.request("textDocument/inlineCompletion", {**client.at(uri, 3, 13), **AUTOMATIC}))[0]
    offer = first["insertText"]
    for typed in range(1, len(offer)):
        client.change(uri, ((3, 12 + typed), (3, 12 + typed), offer[typed - 1]))
        again = await client.request("textDocument/inlineCompletion", {**client.at(uri, 3, 13 + typed), **AUTOMATIC})
        assert [item["insertText"] for item in again] == [offer[typed:]]
        assert again[0]["command"]["arguments"] == first["command"]["arguments"]
    assert "cached" in (await client.status())["timings_ms"]["inline"]
    before, shown = (await client.status())["accepted"], (await client.status())["shown"]
    assert shown >= 1
    await client.request("workspace/executeCommand", first["command"])
    assert (await client.status())["accepted"] == before + 1
    assert (await client.status())["shown"] == shown
    await client.request("workspace/executeCommand", {"command": "fairlead.accepted", "arguments": ["made up"]})
    assert (await client.status())["accepted"] == before + 1


async def test_the_chosen_list_item_is_continued(client: Client, project: Path) -> None:
    text = "from shop import Article\n\ndef total(a: Article) -> int:\n    return a.se"
    uri = await opened(client, project, text, "chosen.py")
    edit_range = {"start": {"line": 3, "character": 13}, "end": {"line": 3, "character": 15}}
    context = {"triggerKind": 2, "selectedCompletionInfo": {"range": edit_range, "text": "sell"}}
    answer = await client.request("textDocument/inlineCompletion", {**client.at(uri, 3, 15), "context": context})
    assert answer, (await client.status())["nothing"]
    assert answer[0]["insertText"].startswith("sell")
    assert len(answer[0]["insertText"]) > len("sell")
    assert answer[0]["range"] == edit_range


async def test_invoked_offers_different_texts(client: Client, project: Path) -> None:
    uri = await opened(client, project, "import os\n\ndef names(path):\n    ", "invoked.py")
    answer = await client.request("textDocument/inlineCompletion", {**client.at(uri, 3, 4), **INVOKED}, timeout_s=60)
    texts = [item["insertText"] for item in answer or []]
    assert texts, (await client.status())["nothing"]
    assert len(texts) == len(set(texts))


@pytest.mark.parametrize(
    ("text", "line", "character", "reason"),
    [
        ("# see os.", 0, 9, "the cursor is in a comment"),
        ("x = 'os.", 0, 8, "the cursor is in a string"),
        ("import os\nx =  + y", 1, 4, "there is code behind the cursor on this line"),
        ("xyz", 0, 1, "the cursor is inside a name"),
    ],
)
async def test_when_nothing_is_offered_the_status_says_why(
    client: Client, project: Path, text: str, line: int, character: int, reason: str
) -> None:
    uri = await opened(client, project, text, "why.py")
    answer = await client.request("textDocument/inlineCompletion", {**client.at(uri, line, character), **AUTOMATIC})
    assert answer == []
    nothing = (await client.status())["nothing"]
    assert (nothing["feature"], nothing["reason"], nothing["line"]) == ("inline", reason, line + 1)


async def test_hover_shows_signature_type_and_documentation_with_the_name_s_range(
    client: Client, project: Path
) -> None:
    text = "from shop import Article\n\na = Article('x', 1)\na.sell(2)\n"
    uri = await opened(client, project, text, "hover.py")
    hover = await client.request("textDocument/hover", client.at(uri, 3, 4))
    assert "amount: int" in hover["contents"]["value"]
    assert "Take it from the shelf." in hover["contents"]["value"]
    assert hover["contents"]["value"].startswith("```python\n")
    assert hover["range"] == {"start": {"line": 3, "character": 2}, "end": {"line": 3, "character": 6}}
    assert await client.request("textDocument/hover", client.at(uri, 1, 0)) is None


async def test_paused_offers_nothing_and_resumed_offers_again(client: Client, project: Path) -> None:
    uri = await opened(client, project, "import os\nos.", "paused.py")
    paused = await client.request("workspace/executeCommand", {"command": "fairlead.pause"})
    assert paused["state"] == "paused"
    assert labels(await client.request("textDocument/completion", client.at(uri, 1, 3))) == []
    assert await client.request("textDocument/inlineCompletion", {**client.at(uri, 1, 3), **AUTOMATIC}) == []
    resumed = await client.request("workspace/executeCommand", {"command": "fairlead.resume"})
    assert resumed["state"] == "ready"
    assert "getcwd" in labels(await client.request("textDocument/completion", client.at(uri, 1, 3)))


async def test_the_latest_request_of_a_document_wins_and_all_are_answered(client: Client, project: Path) -> None:
    uri = await opened(client, project, "import os\n\ndef f(path):\n    return os.path.", "latest.py")
    sent = [client.send("textDocument/inlineCompletion", {**client.at(uri, 3, 19), **INVOKED}) for _ in range(6)]
    answers = await asyncio.wait_for(asyncio.gather(*(future for _, future in sent)), 60)
    assert answers[-1], (await client.status())["nothing"]
    assert all(answer is None for answer in answers[:-2])


async def test_a_cancelled_request_is_answered_as_cancelled(
    client: Client, project: Path, response_error: type[Exception]
) -> None:
    uri = await opened(client, project, "import os\n\ndef f(path):\n    y = ", "cancelled.py")
    message_id, future = client.send("textDocument/inlineCompletion", {**client.at(uri, 3, 8), **INVOKED})
    client.cancel(message_id)
    with pytest.raises(response_error) as caught:
        await asyncio.wait_for(future, 20)
    assert caught.value.code == -32800  # type: ignore[attr-defined]


async def test_two_documents_do_not_hinder_each_other(client: Client, project: Path) -> None:
    one = await opened(client, project, "import os\nos.", "one.py")
    other = await opened(client, project, "import sys\nsys.", "other.py")
    first, second = await asyncio.gather(
        client.request("textDocument/completion", client.at(one, 1, 3)),
        client.request("textDocument/completion", client.at(other, 1, 4)),
    )
    assert "getcwd" in labels(first)
    assert "argv" in labels(second)


async def test_untitled_documents_and_notebook_cells_work(client: Client, project: Path) -> None:
    client.open("untitled:Untitled-1", "import os\nos.getcw")
    assert "getcwd" in labels(await client.request("textDocument/completion", client.at("untitled:Untitled-1", 1, 8)))
    notebook = (project / "note.ipynb").as_uri()
    cells = [f"vscode-notebook-cell:{project}/note.ipynb#c{number}" for number in (1, 2)]
    texts = ["%time\nimport os\n", "y = 1\nos.getcw"]
    client.notify("notebookDocument/didOpen", {
        "notebookDocument": {"uri": notebook, "notebookType": "jupyter-notebook", "version": 1,
                             "cells": [{"kind": 2, "document": uri} for uri in cells]},
        "cellTextDocuments": [{"uri": uri, "languageId": "python", "version": 1, "text": text}
                              for uri, text in zip(cells, texts, strict=True)],
    })  # fmt: skip
    answer = await client.request("textDocument/completion", client.at(cells[1], 1, 8))
    item = next(item for item in answer["items"] if item["label"] == "getcwd")
    assert item["textEdit"]["range"] == {"start": {"line": 1, "character": 3}, "end": {"line": 1, "character": 8}}


async def test_documents_never_opened_are_answered_with_nothing(client: Client, project: Path) -> None:
    for method in ("textDocument/completion", "textDocument/hover"):
        assert not (await client.request(method, client.at((project / "shop.py").as_uri(), 0, 0)))
    assert (await client.status())["nothing"]["reason"] == "the document is not open"


async def test_the_text_hash_is_that_of_the_edited_text(client: Client, project: Path) -> None:
    uri = await opened(client, project, "a\r\n😀b\n", "hash.py")
    client.change(uri, ((1, 2), (1, 3), "c"))
    found = await client.request("fairlead/textHash", {"uri": uri})
    assert found == {"version": 2, "length": 6, "sha1": hashlib.sha1("a\r\n😀c\n".encode()).hexdigest()}


async def test_the_status_tells_what_is_loaded_and_how_fast_it_was(client: Client) -> None:
    found = await client.status()
    assert found["model"]["name"] == "fairlead-python-8m"
    assert found["model"]["device"] in ("cpu", "cuda", "mps")
    assert found["state"] == "ready"
    assert Path(found["log"]).name == "fairlead.log"
    assert found["latency_ms"]["completion"]["count"] > 0
    assert found["problems"] == []
