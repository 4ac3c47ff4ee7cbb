"""Types in a real server, asked as editors ask: where hints stand, what they say, and the text after each edit."""

from __future__ import annotations

import asyncio
import copy
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from fairlead.monitors.analysis import Document
from fairlead.monitors.inline import InlineAnalysis

if TYPE_CHECKING:
    from tests.server.client import Client

pytestmark = pytest.mark.asyncio(loop_scope="module")

SERVER = [sys.executable, "-E", "-P", str(Path(__file__).parents[1] / "typed_server.py")]
WHOLE = {"start": {"line": 0, "character": 0}, "end": {"line": 10_000, "character": 0}}
OPTIONS = {"types.idle_ms": 200, "analysis.budget_ms": 20_000, "types.python": "3.12"}

CAPABILITIES: dict[str, Any] = {
    "general": {"positionEncodings": ["utf-16"]},
    "workspace": {
        "configuration": True, "inlayHint": {"refreshSupport": True},
        "workspaceEdit": {"documentChanges": True, "changeAnnotationSupport": {"groupsOnLabel": True}},
    },
    "textDocument": {
        "hover": {"contentFormat": ["markdown"]},
        "completion": {"completionItem": {"documentationFormat": ["markdown"]}},
        "inlineCompletion": {"dynamicRegistration": False},
        "inlayHint": {"resolveSupport": {"properties": ["tooltip", "textEdits"]}},
        "codeAction": {
            "codeActionLiteralSupport": {"codeActionKind": {"valueSet": ["refactor.rewrite"]}},
            "resolveSupport": {"properties": ["edit"]}, "dataSupport": True, "tagSupport": {"valueSet": [1]},
        },
    },
}  # fmt: skip
"""An editor that asks for details later, as VS Code does."""

PLAIN = copy.deepcopy(CAPABILITIES)
PLAIN["workspace"] = {"configuration": True}
PLAIN["textDocument"]["hover"] = {"contentFormat": ["plaintext"]}
del PLAIN["textDocument"]["inlayHint"]["resolveSupport"]
del PLAIN["textDocument"]["codeAction"]["resolveSupport"]
del PLAIN["textDocument"]["codeAction"]["tagSupport"]
"""One that wants everything at once and cannot be told later."""

CODE = '''\
"""Doc 😀."""

import os


def handle(request, path="ab", *, count=1, flag, unsure):
    total = request
    return path.read_text()


def nothing(maybe): pass
'''


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("typed")
    (folder / "shop").mkdir()
    (folder / "shop" / "web.py").write_text("class Request: ...\nclass Response: ...\n")
    (folder / "shop" / "circle.py").write_text("x = 1\n")
    return folder


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(
    start_client: Callable[..., AbstractAsyncContextManager[Client]], project: Path
) -> AsyncIterator[Client]:
    async with start_client(SERVER, roots=[project.as_uri()], options=OPTIONS, capabilities=CAPABILITIES) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plain(
    start_client: Callable[..., AbstractAsyncContextManager[Client]], project: Path
) -> AsyncIterator[Client]:
    async with start_client(SERVER, roots=[project.as_uri()], options=OPTIONS, capabilities=PLAIN) as made:
        yield made


def edited(text: str, edits: list[dict[str, Any]]) -> str:
    """The text after a client has made LSP edits in utf-16."""
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def offset(place: dict[str, int]) -> int:
        line = text[starts[place["line"]]:].split("\n")[0]
        return starts[place["line"]] + len(line.encode("utf-16-le")[:2 * place["character"]].decode("utf-16-le"))

    for edit in sorted(edits, key=lambda edit: offset(edit["range"]["start"]), reverse=True):
        start, end = offset(edit["range"]["start"]), offset(edit["range"]["end"])
        text = text[:start] + edit["newText"] + text[end:]
    return text


async def opened(client: Client, project: Path, text: str, name: str) -> str:
    uri = (project / name).as_uri()
    client.open(uri, text)
    return uri


async def hints(client: Client, uri: str, least: int = 1) -> list[dict[str, Any]]:
    """The hints of a document once there are that many."""
    for _ in range(200):
        found: list[dict[str, Any]] | None = await client.request(
            "textDocument/inlayHint", {"textDocument": {"uri": uri}, "range": WHOLE})
        if len(found or []) >= least:
            return found or []
        await asyncio.sleep(0.05)
    raise AssertionError(f"there are not {least} hints")


def shown(found: list[dict[str, Any]]) -> list[tuple[int, int, str]]:
    return sorted((hint["position"]["line"], hint["position"]["character"], hint["label"]) for hint in found)


async def actions(
    client: Client, uri: str, line: int, character: int, only: list[str] | None = None
) -> dict[str, dict[str, Any]]:
    place = {"line": line, "character": character}
    context: dict[str, Any] = {"diagnostics": []} | ({"only": only} if only is not None else {})
    found = await client.request(
        "textDocument/codeAction", {"textDocument": {"uri": uri}, "range": {"start": place, "end": place}, "context": context})
    return {action["title"]: action for action in found or []}


async def resolved_text(client: Client, text: str, action: dict[str, Any]) -> str:
    """The text after an action that is resolved first."""
    whole = await client.request("codeAction/resolve", action)
    (change,) = whole["edit"]["documentChanges"]
    assert change["textDocument"]["version"] == 1
    return edited(text, change["edits"])


async def test_hints_stand_where_the_annotations_would(client: Client, project: Path) -> None:
    """Nothing for `count=1`, which tells its type, nor for `unsure`, which is below the threshold."""
    uri = await opened(client, project, CODE, "places.py")
    assert shown(await hints(client, uri, 7)) == [
        (5, 18, ": Request?"), (5, 24, ": Path?"), (5, 47, ": bool"), (5, 56, "-> Response?"), (6, 9, ": int"),
        (10, 17, ": Path | None?"), (10, 18, "-> None"),
    ]  # fmt: skip


async def test_a_range_has_its_own_hints_only(client: Client, project: Path) -> None:
    uri = await opened(client, project, CODE, "range.py")
    await hints(client, uri, 7)
    lines = {"start": {"line": 6, "character": 0}, "end": {"line": 8, "character": 0}}
    found = await client.request("textDocument/inlayHint", {"textDocument": {"uri": uri}, "range": lines})
    assert shown(found) == [(6, 9, ": int")]


async def test_accepting_a_hint_writes_what_it_shows_and_its_import(client: Client, project: Path) -> None:
    uri = await opened(client, project, CODE, "accept.py")
    for hint in await hints(client, uri, 7):
        assert "textEdits" not in hint
        assert "tooltip" not in hint
        whole = await client.request("inlayHint/resolve", hint)
        after = edited(CODE, whole["textEdits"])
        compile(after, "accepted", "exec")
        written = hint["label"].removesuffix("?")
        assert any(f"{name}{' ' if written.startswith('->') else ''}{written}" in after for name in (
            "request", "path", "flag", "total", "maybe", "unsure)", "maybe)"))  # fmt: skip
        assert ("from pathlib import Path\n" in after) == ("Path" in written)
        assert ("from shop.web import " in after) == ("Re" in written)


async def test_the_tooltip_says_how_sure_and_why(client: Client, project: Path) -> None:
    uri = await opened(client, project, CODE, "tooltip.py")
    hint = next(hint for hint in await hints(client, uri, 7) if "Request" in hint["label"])
    tooltip = (await client.request("inlayHint/resolve", hint))["tooltip"]["value"]
    assert tooltip == (
        "```text\npredicted: Request 90 % [87–93] · HTTPConnection 6 % · other 4 %\n"
        "the name request is in the table (line 6)\n```"
    )


async def test_a_client_that_does_not_resolve_gets_the_edits_at_once(plain: Client, project: Path) -> None:
    uri = await opened(plain, project, CODE, "at_once.py")
    found = await hints(plain, uri, 7)
    after = edited(CODE, next(hint for hint in found if hint["label"] == ": Path?")["textEdits"])
    expected = CODE.replace('path="ab"', 'path: Path = "ab"')
    assert after == expected.replace("import os\n", "import os\nfrom pathlib import Path\n")


async def test_a_long_type_is_cut_and_not_written_by_a_hint(client: Client, project: Path) -> None:
    """And there is no hint of a type that cannot be written."""
    uri = await opened(client, project, "def f(long, broken): pass\n", "long.py")
    (cut,) = await hints(client, uri)
    assert cut["label"] == ": dict[str, dict[str, list[tuple[int, in…"[:39] + "…"
    assert (await client.request("inlayHint/resolve", cut)).get("textEdits") is None


NO_HINTS = [
    "f = lambda path: path\n",
    "for path in x: pass\n",
    "path, y = x\n",
    "path = y = x\n",
    "(path := 1)\n",
    "z = [path for path in x]\n",
    "*path, y = x\n",
    "with x as path: pass\n",
    "def f(path: str): pass\n",
    "def f(path: str):\n    path = 1\n",
    "def test_f(path): pass\n",
    "from typing import overload\n@overload\ndef f(path): ...\n",
    "def f(path\n",
    "flag = True\ncount = 1\ntotal = int('1')\n",
    "class A:\n    def __len__(self): pass\n",
    "'path = 1'  # path = 1\n",
]


async def test_there_is_no_hint_where_none_is_legal_or_needed(client: Client, project: Path) -> None:
    for number, text in enumerate(NO_HINTS):
        broken = "(path\n" in text
        code = text if broken else f"{text}\n\ndef behind(maybe): pass\n"
        uri = await opened(client, project, code, f"no{number}.py")
        if broken:
            await asyncio.sleep(0.5)
            assert not await client.request("textDocument/inlayHint", {"textDocument": {"uri": uri}, "range": WHOLE})
            continue
        assert [hint["label"] for hint in await hints(client, uri)] == [": Path | None?"], text


async def test_hints_stay_while_other_lines_are_typed(client: Client, project: Path) -> None:
    """What is known of a function is known as long as its text is, wherever it has moved to."""
    uri = await opened(client, project, CODE, "moved.py")
    await hints(client, uri, 7)
    client.change(uri, ((2, 0), (2, 0), "import re\n\n\nx = (\n"))
    found = await client.request("textDocument/inlayHint", {"textDocument": {"uri": uri}, "range": WHOLE})
    assert (9, 18, ": Request?") in [(line, column, label) for line, column, label in shown(found)]
    tooltip = (await client.request("inlayHint/resolve", found[0]))["tooltip"]["value"]
    assert "(line 10)" in tooltip
    for hint in found:
        assert (await client.request("inlayHint/resolve", hint)).get("textEdits") is None, "it does not parse"


async def test_new_code_gets_its_hints_when_nobody_types(client: Client, project: Path) -> None:
    uri = await opened(client, project, CODE, "idle.py")
    await hints(client, uri, 7)
    client.forget("workspace/inlayHint/refresh")
    client.change(uri, ((10, 0), (10, 0), "def new(path): pass\n\n\n"))
    await client.notification("workspace/inlayHint/refresh")
    assert (10, 12, ": Path?") in shown(await hints(client, uri, 8))


async def test_hover_keeps_what_is_predicted_apart(client: Client, project: Path) -> None:
    uri = await opened(client, project, CODE, "hover.py")
    await hints(client, uri, 7)
    for line, character in ((5, 13), (6, 14)):
        answer = await client.request("textDocument/hover", client.at(uri, line, character))
        # Analysis knows its name alone, which is not said.
        assert answer["contents"]["value"].startswith(
            "```text\npredicted: Request 90 % [87–93] · HTTPConnection 6 % · other 4 %\n")  # fmt: skip
    answer = await client.request("textDocument/hover", client.at(uri, 7, 13))
    static, predicted, *_ = answer["contents"]["value"].split("\n\n---\n\n")
    assert static.startswith("```python\n")
    assert "predicted" not in static
    assert predicted.startswith("```text\npredicted: Path 99 %")
    answer = await client.request("textDocument/hover", client.at(uri, 3, 8))
    assert answer is None or "predicted" not in answer["contents"]["value"]


async def test_hover_in_plain_text(plain: Client, project: Path) -> None:
    uri = await opened(plain, project, CODE, "hover_plain.py")
    await hints(plain, uri, 7)
    answer = await plain.request("textDocument/hover", plain.at(uri, 5, 50))
    assert "predicted: int 50 % [47–53] · str 30 % · other 20 %\nthe name unsure" in answer["contents"]["value"]
    assert "```" not in answer["contents"]["value"]


async def test_actions_at_a_parameter(client: Client, project: Path) -> None:
    uri = await opened(client, project, CODE, "actions.py")
    await hints(client, uri, 7)
    found = await actions(client, uri, 5, 13)
    assert list(found) == [
        "Annotate request: Request (90 %)", "Annotate request: HTTPConnection (6 %)",
        "Annotate the signature of handle", "Annotate this file (4 types)",
    ]  # fmt: skip
    assert all(action["kind"] == "refactor.rewrite.fairlead" for action in found.values())
    assert all(action["tags"] == [1] for action in found.values())
    other = await resolved_text(client, CODE, found["Annotate request: HTTPConnection (6 %)"])
    assert other == CODE.replace("(request,", "(request: HTTPConnection,").replace(
        "import os\n", "import os\nfrom http.client import HTTPConnection\n")
    signature = await resolved_text(client, CODE, found["Annotate the signature of handle"])
    assert 'def handle(request: Request, path: Path = "ab", *, count: int = 1, flag: bool, unsure) -> Response:' in signature
    assert "from shop.web import Request, Response\n" in signature
    whole = await client.request("codeAction/resolve", found["Annotate this file (4 types)"])
    (change,) = whole["edit"]["documentChanges"]
    assert whole["edit"]["changeAnnotations"]["types"]["needsConfirmation"] is True
    assert {edit["annotationId"] for edit in change["edits"]} == {"types"}
    after = edited(CODE, change["edits"])
    assert "def nothing(maybe) -> None: pass" in after, "a guess must be surer than a hint to be written with the rest"
    assert "request, path: Path = " in after
    compile(after, "file", "exec")


async def test_actions_of_a_client_that_does_not_resolve(plain: Client, project: Path) -> None:
    uri = await opened(plain, project, CODE, "actions_plain.py")
    found = await actions(plain, uri, 5, 22)
    action = found["Annotate path: Path (99 %)"]
    assert "tags" not in action
    (edits,) = action["edit"]["changes"].values()
    assert 'path: Path = "ab"' in edited(CODE, edits)


async def test_a_cursor_that_moves_infers_nothing(client: Client, project: Path) -> None:
    """Editors ask for actions by themselves wherever the cursor goes; the edit is proven when it is asked for."""
    uri = await opened(client, project, CODE, "lightbulb.py")
    place = {"line": 5, "character": 13}
    asked = {"textDocument": {"uri": uri}, "range": {"start": place, "end": place},
             "context": {"diagnostics": [], "triggerKind": 2}}  # fmt: skip
    await hints(client, uri, 7)
    found = await client.request("textDocument/codeAction", asked)
    titles = ["Annotate request: Request (90 %)", "Annotate request: HTTPConnection (6 %)"]
    assert [action["title"] for action in found] == titles
    assert "def handle(request: Request," in await resolved_text(client, CODE, found[0])
    client.change(uri, CODE.replace("(request,", "(path_of,") + "x = 1\n")
    assert await client.request("textDocument/codeAction", asked) == []


async def test_no_action_where_the_client_wants_another_kind(client: Client, project: Path) -> None:
    uri = await opened(client, project, CODE, "kinds.py")
    assert await actions(client, uri, 5, 13, ["quickfix"]) == {}
    assert await actions(client, uri, 5, 13, ["source.organizeImports"]) == {}
    assert await actions(client, uri, 5, 13, ["refactor"]) != {}
    assert await actions(client, uri, 5, 13, ["refactor.rewrite"]) != {}


UNWRITABLE = [
    "def f(path): return (\n",
    "print 'x'\ndef f(path): pass\n",
    "%matplotlib inline\ndef f(path): pass\n",
    "f = lambda path: path\n",
    "def f(path):  # type: (str) -> None\n    pass\n",
    "def f(path):\n    yield = 1\n",
]


async def test_no_action_where_the_file_would_not_parse(client: Client, project: Path) -> None:
    for number, text in enumerate(UNWRITABLE):
        uri = await opened(client, project, text, f"unwritable{number}.py")
        at = text.index("path") + 1
        line = text.count("\n", 0, at)
        assert await actions(client, uri, line, at - text.rfind("\n", 0, at) - 1) == {}, text


async def test_an_edit_meanwhile_takes_the_edit_back(client: Client, project: Path) -> None:
    uri = await opened(client, project, CODE, "stale.py")
    hint = (await hints(client, uri, 7))[0]
    found = await actions(client, uri, 5, 13)
    client.change(uri, ((0, 0), (0, 0), "# new\n"))
    assert (await client.request("inlayHint/resolve", hint)).get("textEdits") is None
    assert (await client.request("codeAction/resolve", found["Annotate request: Request (90 %)"])).get("edit") is None
    client.change(uri, ((0, 0), (1, 0), ""))
    assert (await client.request("inlayHint/resolve", hint))["textEdits"], "the text is the same again"
    assert (await client.request("codeAction/resolve", found["Annotate request: Request (90 %)"]))["edit"]


TYPING = [
    ("def f(path:", 11, " Path", 99),
    ("def f(path: ", 12, "Path", 99),
    ("def f(path: Pa", 12, "Path", 99),
    ("def f(path: )", 12, "Path", 99),
    ("def f(path: , b):\n    pass", 12, "Path", 99),
    ("def f(path: =x):\n    pass", 12, "Path", 99),
    ("def handle() -> ", 16, "Response", 90),
    ("def handle() ->:\n    pass", 15, " Response", 90),
    ("path: ", 6, "Path", 99),
    ("path: P = x", 6, "Path", 99),
]


@pytest.mark.parametrize(("line", "begin", "text", "chance"), TYPING)
async def test_types_come_first_where_one_is_written(
    client: Client, project: Path, line: str, begin: int, text: str, chance: int
) -> None:
    name = f"typing{TYPING.index((line, begin, text, chance))}.py"
    code = f"import os\n{line}\n\ny = 1\n"
    uri = await opened(client, project, code, name)
    first = line.split("\n")[0]
    cursor = begin + len(first[begin:]) - len(first[begin:].lstrip("Pa"))
    answer = await client.request("textDocument/completion", client.at(uri, 1, cursor))
    item = answer["items"][0]
    assert item["labelDetails"] == {"description": f"{chance} %"}
    assert item["textEdit"] == {
        "range": {"start": {"line": 1, "character": begin}, "end": {"line": 1, "character": cursor}}, "newText": text,
    }  # fmt: skip
    after = edited(code, [item["textEdit"], *item["additionalTextEdits"]])
    assert text in after[after.index(first[:begin]):]
    assert ("from pathlib import Path\n" in after) == (chance == 99)
    assert ("from shop.web import Response\n" in after) == (chance == 90)
    assert [one["sortText"] for one in answer["items"]] == sorted(one["sortText"] for one in answer["items"])


@pytest.mark.parametrize("line", ["if path:", "x = {path:", "x[path:", "class A:", "y = lambda path:", "x >", "x = 1 "])
async def test_no_list_pops_up_at_other_colons(client: Client, project: Path, line: str) -> None:
    uri = await opened(client, project, line + "\n", f"colon{len(line)}{line[0]}.py")
    context = {"context": {"triggerKind": 2, "triggerCharacter": line[-1]}}
    assert await client.request("textDocument/completion", client.at(uri, 0, len(line), **context)) is None


async def test_nothing_for_cells_other_languages_and_unknown_documents(client: Client, project: Path) -> None:
    uri = (project / "a.txt").as_uri()
    client.open(uri, "def f(path): pass", language="plaintext")
    for known in (uri, (project / "unknown.py").as_uri()):
        asked = {"textDocument": {"uri": known}, "range": WHOLE}
        assert await client.request("textDocument/inlayHint", asked) is None
        assert await actions(client, known, 0, 7) == {}


async def test_a_cell_of_a_notebook_is_hovered_over_and_not_written(client: Client, project: Path) -> None:
    """Its import would belong into another cell; and `%` is no Python."""
    cells = [f"vscode-notebook-cell:/n.ipynb#{number}" for number in (1, 2)]
    texts = ["%matplotlib inline\nimport os\n", "def f(request): return request\n"]
    client.notify("notebookDocument/didOpen", {
        "notebookDocument": {"uri": "file:///n.ipynb", "notebookType": "jupyter-notebook", "version": 1,
                             "cells": [{"kind": 2, "document": cell} for cell in cells]},
        "cellTextDocuments": [
            {"uri": cell, "languageId": "python", "version": 1, "text": text} for cell, text in zip(cells, texts, strict=True)
        ],
    })  # fmt: skip
    answer = await client.request("textDocument/hover", client.at(cells[1], 0, 8))
    assert "predicted: Request 90 %" in answer["contents"]["value"]
    assert await client.request("textDocument/inlayHint", {"textDocument": {"uri": cells[1]}, "range": WHOLE}) is None
    assert await actions(client, cells[1], 0, 8) == {}


async def test_switches(start_client: Callable[..., AbstractAsyncContextManager[Client]], project: Path) -> None:
    options = {**OPTIONS, "hints.returns": False, "hints.variables": False, "hints.min_probability": 0.9}
    async with start_client(SERVER, roots=[project.as_uri()], options=options, capabilities=CAPABILITIES) as made:
        uri = await opened(made, project, CODE, "switches.py")
        assert shown(await hints(made, uri, 2)) == [(5, 24, ": Path?"), (5, 47, ": bool")]
    async with start_client(
        SERVER, roots=[project.as_uri()], options={"types.enabled": False}, capabilities=CAPABILITIES
    ) as made:
        uri = await opened(made, project, CODE, "off.py")
        assert await made.request("textDocument/inlayHint", {"textDocument": {"uri": uri}, "range": WHOLE}) is None
        assert await actions(made, uri, 5, 13) == {}


async def test_an_accepted_type_is_known_at_once(client: Client, project: Path) -> None:
    """It is an annotation then: the list behind the name is closed, and not marked as predicted any more."""
    code = "def told(path):\n    path\n"
    uri = await opened(client, project, code, "known.py")
    (hint,) = await hints(client, uri)
    after = edited(code, (await client.request("inlayHint/resolve", hint))["textEdits"]).replace("    path\n", "    path.\n")
    client.change(uri, after)
    line = after.split("\n").index("    path.")
    answer = await client.request("textDocument/completion", client.at(uri, line, 9))
    items = {item["label"]: item for item in answer["items"]}
    assert "read_text" in items
    assert "predicted" not in str(items)
    analysis = InlineAnalysis()
    members = analysis.members(Document(str(project / "known.py"), after, 1, str(project)), after.index("path.\n") + 5).result()
    assert members.closed
    assert {member.name for member in members.members} >= set(items)


async def test_behind_a_parameter_the_members_of_its_predicted_type_are_listed(client: Client, project: Path) -> None:
    uri = await opened(client, project, "def told(path, other):\n    pass\n", "told.py")
    await hints(client, uri)
    client.change(uri, ((1, 4), (1, 8), "path."))
    answer = await client.request("textDocument/completion", client.at(uri, 1, 9))
    items = {item["label"]: item for item in answer["items"]}
    assert "read_text" in items
    assert "predicted: Path 99 %" in str(items["read_text"])
    client.change(uri, ((1, 4), (1, 9), "other."))
    answer = await client.request("textDocument/completion", client.at(uri, 1, 10))
    assert "read_text" not in [item["label"] for item in (answer or {"items": []})["items"]]
