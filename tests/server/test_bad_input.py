"""Whatever text an editor sends: no request fails, every position is right, and the next request is served."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

if TYPE_CHECKING:
    from tests.server.client import Client

pytestmark = pytest.mark.asyncio(loop_scope="module")

SERVER = [sys.executable, "-E", "-P", "-m", "fairlead.server", "serve"]
# Patience: the tests' machine is shared, and what is tested here is what is answered, not how fast.
PATIENT = {"analysis.budget_ms": 20_000, "completion.budget_ms": 20_000, "inline.min_confidence": 0.0}
COMPLETION, INLINE, HOVER = "textDocument/completion", "textDocument/inlineCompletion", "textDocument/hover"
AUTOMATIC = {"context": {"triggerKind": 2}}
ENCODINGS = ("utf-8", "utf-16", "utf-32")

SHOP = '''\
"""A shop."""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Article:
    name: str
    price: float = 0.0
    tags: list[str] = field(default_factory=list)

    @property
    def label(self) -> str:
        return f"{self.name.upper()}: {self.price:.2f} {'€' if self.price else 'free'}"


class Shop:
    def __init__(self) -> None:
        self.articles: OrderedDict[str, Article] = OrderedDict()

    def add(self, name: str, *, price: float = 0.0, **more: list[str]) -> Article:
        article = self.articles[name] = Article(name, price, more.get("tags", []))
        return article

    def total(self) -> float:
        return sum(a.price for a in self.articles.values() if a.name[0] != "x")

    async def save(self, path: str) -> None:
        with open(path, "w") as file:
            match len(self.articles):
                case 0 | 1:
                    json.dump({}, file)
                case n if n > 1:
                    json.dump({k: {"price": v.price} for k, v in self.articles.items()}, file)
        lambda x=1, /, *y, **z: [x, *y, {**z}][::-1]
'''


class Editor:
    """A session, the folder it works in, and positions in its encoding."""

    def __init__(self, client: Client, folder: Path, encoding: str) -> None:
        self.client, self.folder, self.encoding = client, folder, encoding
        self._number = 0

    def uri(self, name: str = "") -> str:
        self._number += 1
        return (self.folder / (name or f"file_{self._number}.py")).as_uri()

    def open(self, text: str, name: str = "") -> str:
        uri = self.uri(name)
        self.client.open(uri, text)
        return uri

    def position(self, text: str, offset: int) -> dict[str, int]:
        """By the protocol's book: lines end in CRLF, LF or CR, and nothing else."""
        before = text[:offset].replace("\r\n", "\n").replace("\r", "\n")
        line = before.rpartition("\n")[2]
        codec, size = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}[self.encoding]
        return {"line": before.count("\n"), "character": len(line.encode(codec, "surrogatepass")) // size}

    def range(self, text: str, start: int, end: int) -> dict[str, dict[str, int]]:
        return {"start": self.position(text, start), "end": self.position(text, end)}

    async def ask(self, method: str, uri: str, text: str, offset: int, **more: Any) -> Any:
        at = {"textDocument": {"uri": uri}, "position": self.position(text, offset)}
        return await self.client.request(method, at | (AUTOMATIC if method == INLINE else {}) | more)

    async def status(self) -> dict[str, Any]:
        return await self.client.status()

    async def reason(self) -> str:
        """Why the last request offered nothing."""
        return str((await self.status())["nothing"]["reason"])


StartClient = Callable[..., AbstractAsyncContextManager["Client"]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def writer(start_client: StartClient, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Editor]:
    """With the packaged model."""
    folder = tmp_path_factory.mktemp("writer")
    options = {**PATIENT, "inline.budget_ms": 100, "inline.max_tokens": 4}
    async with start_client(SERVER, roots=[folder.as_uri()], options=options) as client:
        await client.notification("fairlead/status", where=lambda s: s["model"]["state"] == "ready", timeout_s=60)
        yield Editor(client, folder, "utf-16")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def editors(
    start_client: StartClient, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[dict[str, Editor]]:
    """One for each encoding, without a model."""
    capabilities = {"textDocument": {"hover": {"contentFormat": ["markdown"]}}}
    folder = tmp_path_factory.mktemp("encodings")
    async with (
        start_client([*SERVER, "--no-model"], roots=[folder.as_uri()], options=PATIENT,
                     capabilities={**capabilities, "general": {"positionEncodings": ["utf-8"]}}) as one,
        start_client([*SERVER, "--no-model"], roots=[folder.as_uri()], options=PATIENT,
                     capabilities={**capabilities, "general": {"positionEncodings": ["utf-16"]}}) as two,
        start_client([*SERVER, "--no-model"], roots=[folder.as_uri()], options=PATIENT,
                     capabilities={**capabilities, "general": {"positionEncodings": ["utf-32"]}}) as four,
    ):  # fmt: skip
        made = [Editor(client, folder, name) for client, name in zip((one, two, four), ENCODINGS, strict=True)]
        for editor in made:
            assert editor.client.initialize_result["capabilities"]["positionEncoding"] == editor.encoding
        yield {editor.encoding: editor for editor in made}


@pytest.fixture
def editor(editors: dict[str, Editor]) -> Editor:
    return editors["utf-16"]


def labels(answer: dict[str, Any] | None) -> list[str]:
    return [item["label"] for item in (answer or {"items": []})["items"]]


def cut(marked: str) -> tuple[str, int, int]:
    """A text, where the name in it begins that is being written (⟨), and the cursor (⟩)."""
    begin = marked.index("⟨")
    return marked.replace("⟨", "").replace("⟩", ""), begin, marked.index("⟩") - 1


def file_of(name: str) -> str:
    return f"import os\n{name}"


# Half-typed code.


@pytest.mark.weights
async def test_a_real_file_cut_off_anywhere_is_no_error_anywhere(writer: Editor) -> None:
    """Half of the places with the rest of the file behind the cursor, as while editing, half without, as while writing."""
    uri = writer.open("")
    places = range(1, len(SHOP), 41)
    for number, offset in enumerate(places):
        text = SHOP[:offset] if number % 2 else SHOP[:offset] + SHOP[offset + 7 :]
        writer.client.change(uri, text)
        asked = [writer.ask(method, uri, text, offset) for method in (COMPLETION, INLINE, HOVER)]
        listed, ghosts, hover = await asyncio.gather(*asked)
        at = writer.position(text, offset)
        assert listed["isIncomplete"] is False
        for item in listed["items"]:
            edit = item["textEdit"]["range"]
            assert edit["end"] == at
            typed = text[offset - (at["character"] - edit["start"]["character"]) : offset]
            assert item["label"].startswith(typed)
        for ghost in ghosts or []:
            assert ghost["range"] == {"start": at, "end": at}
            assert ghost["insertText"]
        if hover is not None:
            assert hover["range"]["start"]["line"] == at["line"] == hover["range"]["end"]["line"]
            assert hover["range"]["start"]["character"] <= at["character"] <= hover["range"]["end"]["character"]
    assert (await writer.status())["state"] == "ready"


BROKEN = [
    "", ".", "..", "...", "x.", ".x", "def", "def f(", "class A(", "import", "from", "from . import", "from .", "import os.",
    "@", "@x.", "(", ")", "[[[[[[", "}{", "'", '"""', "'''\nx.", "f'{", "f'{x.", "f'{x!r:{", "rb'\\", "\\", "\\\n", "#", "x = ",
    "x =. y", "lambda", "lambda:", "if", "if x:\n", "else:", "try:\n    x.", "return", "yield from", "async", "await x.",
    "match", "match x:\n    case", "case _:", "with open(", "for x in", "x if y", "1.", "1..", "0x", "0b2", "1e", "1_", "1j.",
    "print 'x'", "exec 'x'", "x <> y", "`x`", "\x00", "x\x00y.", "\ufffd", "\u200b", "\u202ex.", "$", "?", "os?", "%time",
    "!ls", "   x.", "\tx.\n        y.", "if x:\n\ty.\n        z.", "x.\ty", "x. y", "x.\n", "x.\\\n", "x.y.z.", "x().",
    "x[0].", "x[.",
    "x(.", "x,.", "x:.", "*.", "**.", "not.", "None.", "True.", "....", "....x", "self.", "super().", "__", "__.__", "ª.", "¹.",
    "type X[T] = ", "def f[T](x: T, /, *, y: ", "def f() -> ", "x: ", "x: int = ", "class A:\n    x: ",
    "<<<<<<< HEAD\nx.\n=======", "if (x :=", "del x.", "global", "nonlocal x.", "assert", "raise X from", "except* ",
    "# coding: punycode\nx.",     "# -*- coding: no-such -*-\nx.",
    "\ud83d", "\udc00x.", "a" * 3000, "(" * 300, "[" * 90 + "x.", "x." * 200, "-" * 500,
]  # fmt: skip
"""What passes through a buffer on the way to a program, and what never will be one."""


async def test_broken_code_is_answered_and_the_next_request_is_served(editor: Editor) -> None:
    uri = editor.open("")
    for text in BROKEN:
        editor.client.change(uri, text)
        listed = await editor.ask(COMPLETION, uri, text, len(text))
        assert listed is None or listed["isIncomplete"] is False
        await editor.ask(HOVER, uri, text, len(text) // 2)
    text = file_of("os.getcw")
    editor.client.change(uri, text)
    assert labels(await editor.ask(COMPLETION, uri, text, len(text))) == ["getcwd", "getcwdb"]


@pytest.mark.parametrize("where", ["before", "behind"])
@pytest.mark.parametrize(
    "broken", ["def (:", "x = = 1", "class :\n  pass", "    wrong", "if True", "print 'x'", "f(((", "x = {", "import", "@"]
)
async def test_a_syntax_error_elsewhere_costs_no_members(editor: Editor, broken: str, where: str) -> None:
    body = "\n\n\ndef main():\n    os.getcw\n\n\n"
    text = f"import os{body}{broken}\n" if where == "behind" else f"import os\n{broken}{body}"
    begin = text.index("os.getcw")
    uri = editor.open(text)
    answer = await editor.ask(COMPLETION, uri, text, begin + len("os.getcw"))
    assert labels(answer) == ["getcwd", "getcwdb"]
    edits = {json.dumps(item["textEdit"]["range"]) for item in answer["items"]}
    assert edits == {json.dumps(editor.range(text, begin + 3, begin + 8))}


async def test_an_empty_file_offers_names_and_no_error(editor: Editor) -> None:
    uri = editor.open("")
    assert {"print", "len", "import"} <= set(labels(await editor.ask(COMPLETION, uri, "", 0)))
    assert await editor.ask(HOVER, uri, "", 0) is None
    assert await editor.ask(INLINE, uri, "", 0) == []
    assert await editor.reason() == "there is no model"
    far = {"textDocument": {"uri": uri}, "position": {"line": 1000, "character": 1000}}
    assert "print" in labels(await editor.client.request(COMPLETION, far)), "a position past the end is the end"


# Large ones.


@pytest.mark.weights
async def test_a_file_of_twenty_thousand_lines_is_served(writer: Editor) -> None:
    text = "".join(f"def function_{i}(a, b):\n    value = a + b\n    return value\n\n" for i in range(5_000))
    text += "import os\nos.getcw\nfunction_42"
    assert text.count("\n") > 20_000
    uri = writer.open(text)
    dotted, named = text.index("os.getcw") + 8, len(text)
    answer = await writer.ask(COMPLETION, uri, text, dotted)
    assert sorted(labels(answer)) == ["getcwd", "getcwdb"]
    assert answer["items"][0]["textEdit"]["range"] == writer.range(text, dotted - 5, dotted)
    assert {"function_42", "function_420", "function_4200"} <= set(labels(await writer.ask(COMPLETION, uri, text, named)))
    hover = await writer.ask(HOVER, uri, text, text.index("function_4999") + 1)
    assert "function_4999(a, b)" in hover["contents"]["value"]
    assert hover["range"] == {"start": {"line": 19_996, "character": 4}, "end": {"line": 19_996, "character": 17}}
    await writer.ask(INLINE, uri, text, dotted)
    assert (await writer.status())["model"]["state"] == "ready"


@pytest.mark.weights
async def test_a_line_of_a_hundred_thousand_characters_is_served(writer: Editor) -> None:
    numbers = ", ".join(str(number) for number in range(18_000))
    text = f"import os\nnumbers = [{numbers}]; os.getcw\nos.getcw"
    assert len(text.splitlines()[1]) > 100_000
    uri = writer.open(text)
    offset = text.index("os.getcw") + 8
    answer = await writer.ask(COMPLETION, uri, text, offset)
    assert sorted(labels(answer)) == ["getcwd", "getcwdb"]
    assert answer["items"][0]["textEdit"]["range"] == writer.range(text, offset - 5, offset)
    await writer.ask(INLINE, uri, text, offset)
    hover = await writer.ask(HOVER, uri, text, text.index("numbers") + 3)
    assert hover["range"] == writer.range(text, 10, 17)
    assert sorted(labels(await writer.ask(COMPLETION, uri, text, len(text)))) == ["getcwd", "getcwdb"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x = 1\n" * 50_001, "the document is too large: 50,002 lines, at most 50,000 are analysed"),
        ("#" * 2_100_000, "the document is too large: 2,100,000 characters, at most 2,097,152 are analysed"),
        ("x = 1\ry = 2\n", "the document has a carriage return without a line feed, and editors disagree on its lines"),
    ],
    ids=["lines", "characters", "carriage return"],
)
async def test_what_is_not_analysed_is_refused_with_the_reason(editor: Editor, text: str, reason: str) -> None:
    uri = editor.open(text)
    assert await editor.ask(COMPLETION, uri, "", 0) is None
    assert await editor.ask(HOVER, uri, "", 0) is None
    assert await editor.reason() == reason
    editor.client.change(uri, file_of("os.getcw"))
    assert labels(await editor.ask(COMPLETION, uri, file_of("os.getcw"), 18)) == ["getcwd", "getcwdb"]


# Lines, blanks, letters: positions.

CURSORS = {
    "line feeds": ("import os\nos.⟨getcw⟩\nx = 1\n", {"getcwd", "getcwdb"}),
    "CRLF": ("import os\r\n\r\nos.⟨getcw⟩\r\nx = 1\r\n", {"getcwd", "getcwdb"}),
    "CRLF, cursor at the end of the line": ("import os\r\nos.⟨⟩\r\n", {"getcwd", "path"}),
    "both line ends": ("import os\n\r\nx = 1\r\ny = 2\nos.⟨getcw⟩\r\n", {"getcwd", "getcwdb"}),
    "tabs": ("import os\nif os:\n\tif os:\n\t\tos.⟨getcw⟩\n", {"getcwd", "getcwdb"}),
    "a tab in the line": ("import os\nx =\t1;\tos.⟨getcw⟩", {"getcwd", "getcwdb"}),
    "a form feed as a line": ("import os\n\x0c\nos.⟨getcw⟩", {"getcwd", "getcwdb"}),
    "a form feed in the line": ("import os\n\x0cos.⟨getcw⟩", {"getcwd", "getcwdb"}),
    "a form feed in a string": ("import os\nx = 'a\x0cb'; os.⟨getcw⟩", {"getcwd", "getcwdb"}),
    "separators that end no line": ("import os\nx = 'a\u2028b\x85c\x0bd\x1c\x1d\x1ee'\nos.⟨getcw⟩", {"getcwd", "getcwdb"}),
    "the same in the line": ("import os\nx = 'a\u2028b\x85c\x0bd'; os.⟨getcw⟩", {"getcwd", "getcwdb"}),
    "a BOM": ("\ufeffimport os\nos.⟨getcw⟩", {"getcwd", "getcwdb"}),
    "a BOM in the line": ("\ufeffimport os; os.⟨getcw⟩", {"getcwd", "getcwdb"}),
    "an emoji before": ("import os\nx = '😀👨‍👩‍👧'; os.⟨getcw⟩", {"getcwd", "getcwdb"}),
    "an emoji above and behind": ("import os  # 😀\nos.⟨getcw⟩ # 😀", {"getcwd", "getcwdb"}),
    "a CJK variable": ("列表 = []\n列表.⟨appe⟩", {"append"}),
    "a CJK member": ("class 商店:\n    商品名 = 1\n    価格 = 2\n\n商店().⟨商品⟩", {"商品名"}),
    "a CJK name": ("变量一 = 1\nx = ⟨变量⟩", {"变量一"}),
    "Hangul and Cyrillic": ("class Ж:\n    имя = 1\n\n변수 = Ж()\n변수.⟨им⟩", {"имя"}),
    "an accent as a sign of its own": ("class C:\n    caf\xe9s = 1\n\nC().⟨cafe\u0301⟩", {"caf\xe9s"}),
    "letters beyond the first plane": ("class C:\n    𠮷野 = 1\n\nx = C(); x.⟨𠮷⟩", {"𠮷野"}),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("name", CURSORS)
async def test_what_an_item_replaces_is_what_was_typed(editors: dict[str, Editor], encoding: str, name: str) -> None:
    editor = editors[encoding]
    marked, expected = CURSORS[name]
    text, begin, cursor = cut(marked)
    uri = editor.open(text)
    answer = await editor.ask(COMPLETION, uri, text, cursor)
    found = {item["label"]: item["textEdit"] for item in answer["items"]}
    assert expected <= set(found) if begin == cursor else expected == set(found)
    for label, edit in found.items():
        assert edit == {"range": editor.range(text, begin, cursor), "newText": label}


HOVERED = {
    "CRLF": ("import os\r\n\r\nos.⟨getcwd⟩()\r\n", "getcwd"),
    "tabs": ("import os\nif os:\n\tx\t=\tos.⟨getcwd⟩()", "getcwd"),
    "a form feed": ("import os\n\x0c\n\x0cos.⟨getcwd⟩()", "getcwd"),
    "a BOM": ("\ufeffimport os; os.⟨getcwd⟩()", "getcwd"),
    "an emoji": ("import os\nx = '😀' + os.⟨getcwd⟩() + '😀'", "getcwd"),
    "CJK": ("def 計算(値):\n    return 値\n\n計算(1); ⟨計算⟩(2)", "計算"),
    "letters beyond the first plane": ("def 𠮷野(値): ...\nx = '😀'; ⟨𠮷野⟩(2)", "𠮷野"),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("name", HOVERED)
async def test_the_range_of_a_hover_is_the_name(editors: dict[str, Editor], encoding: str, name: str) -> None:
    editor = editors[encoding]
    marked, said = HOVERED[name]
    text, begin, end = cut(marked)
    uri = editor.open(text)
    for offset in (begin, begin + 1):
        hover = await editor.ask(HOVER, uri, text, offset)
        assert said in hover["contents"]["value"]
        assert hover["range"] == editor.range(text, begin, end)


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_edits_among_such_letters_land_where_the_editor_means(editors: dict[str, Editor], encoding: str) -> None:
    editor = editors[encoding]
    text = "\ufeffimport os\r\nx = '😀𠮷\x0c\u2028'\r\n\tos.\n"
    uri = editor.open(text)
    for old, new in (("😀", "漢字"), ("𠮷", ""), ("\tos.", "os.getcw"), ("\r\n", "\n"), ("import os", "import os, sys")):
        start = text.index(old)
        at = editor.range(text, start, start + len(old))
        editor.client.change(uri, ((at["start"]["line"], at["start"]["character"]),
                                   (at["end"]["line"], at["end"]["character"]), new))  # fmt: skip
        text = text[:start] + new + text[start + len(old) :]
    found = await editor.client.request("fairlead/textHash", {"uri": uri})
    assert (found["length"], found["sha1"]) == (len(text), hashlib.sha1(text.encode()).hexdigest())
    offset = text.index("os.getcw") + 8
    answer = await editor.ask(COMPLETION, uri, text, offset)
    assert labels(answer) == ["getcwd", "getcwdb"]
    assert answer["items"][0]["textEdit"]["range"] == editor.range(text, offset - 5, offset)


# Files that change under us.

ARTICLE = "class Article:\n    def __init__(self):\n        self.price = 1\n\n\nArticle().pri"


@pytest.mark.parametrize("what", ["deleted", "renamed", "changed", "made a folder", "made unreadable"])
async def test_what_happens_to_a_file_on_disk_while_it_is_open_changes_nothing(editor: Editor, what: str) -> None:
    path = editor.folder / f"{what.replace(' ', '_')}.py"
    path.write_text(ARTICLE)
    uri = editor.open(ARTICLE, path.name)
    assert labels(await editor.ask(COMPLETION, uri, ARTICLE, len(ARTICLE))) == ["price"]
    match what:
        case "deleted":
            path.unlink()
        case "renamed":
            path.rename(path.with_name("other_name.py"))
        case "changed":
            path.write_text("import os\n")
        case "made a folder":
            path.unlink()
            path.mkdir()
        case "made unreadable":
            path.chmod(0)
    text = ARTICLE.replace("price", "prices")
    editor.client.change(uri, text)
    assert labels(await editor.ask(COMPLETION, uri, text, len(text))) == ["prices"]
    hover = await editor.ask(HOVER, uri, text, 8)
    assert hover["range"] == editor.range(text, 6, 13)


async def test_a_renamed_file_is_opened_under_its_new_name(editor: Editor) -> None:
    old, new = editor.open(ARTICLE, "old_name.py"), editor.uri("new_name.py")
    editor.client.close(old)
    editor.client.open(new, ARTICLE)
    assert labels(await editor.ask(COMPLETION, new, ARTICLE, len(ARTICLE))) == ["price"]
    assert await editor.ask(COMPLETION, old, ARTICLE, len(ARTICLE)) is None
    assert await editor.reason() == "the document is not open"


async def test_an_imported_module_is_read_anew_when_it_changes_and_when_it_is_gone(editor: Editor) -> None:
    module = editor.folder / "stock.py"
    module.write_text("class Stock:\n    first = 1\n")
    text = "from stock import Stock\n\nStock()."
    uri = editor.open(text)
    assert "first" in labels(await editor.ask(COMPLETION, uri, text, len(text)))
    module.write_text("class Stock:\n    second = 1\n    third = 2\n")
    text = "from stock import Stock\n\n\nStock()."
    editor.client.change(uri, text)
    listed = set(labels(await editor.ask(COMPLETION, uri, text, len(text))))
    assert {"second", "third"} <= listed
    assert "first" not in listed
    module.unlink()
    text = "from stock import Stock\n\n\n\nStock()."
    editor.client.change(uri, text)
    answer = await editor.ask(COMPLETION, uri, text, len(text))
    assert [label for label in labels(answer) if not label.startswith("_")] == []


async def test_a_save_that_shows_another_text_heals_ours_and_is_counted(editor: Editor) -> None:
    before = (await editor.status())["drift"]
    uri = editor.open("import os\nsomething else")
    text = file_of("os.getcw")
    editor.client.save(uri, text)
    assert labels(await editor.ask(COMPLETION, uri, text, len(text))) == ["getcwd", "getcwdb"]
    assert (await editor.status())["drift"] == before + 1


# Documents.


async def test_two_documents_asked_at_once_are_answered_each_for_itself(editor: Editor) -> None:
    texts = [f"class C{number}:\n    only_{number} = 1\n\n\nC{number}().only" for number in range(6)]
    uris = [editor.open(text) for text in texts]
    for _ in range(3):
        answers = await asyncio.gather(
            *(editor.ask(COMPLETION, uri, text, len(text)) for uri, text in zip(uris, texts, strict=True))
        )
        assert [labels(answer) for answer in answers] == [[f"only_{number}"] for number in range(6)]


async def test_documents_never_opened_get_nothing_and_do_no_harm(editor: Editor) -> None:
    uri = editor.uri("never.py")
    (editor.folder / "never.py").write_text(file_of("os.getcw"))
    for method in (COMPLETION, INLINE, HOVER):
        assert await editor.ask(method, uri, file_of("os.getcw"), 18) is None
        assert await editor.reason() == "the document is not open"
    editor.client.close(uri)
    editor.client.save(uri, "x = 1\n")
    assert await editor.client.request("fairlead/textHash", {"uri": uri}) is None
    editor.client._versions[uri] = 6
    editor.client.change(uri, ((0, 0), (0, 0), "x"))
    assert await editor.ask(COMPLETION, uri, "", 0) is None
    assert await editor.reason() == (
        "the document is out of step: it was changed without having been opened; save it to mend that"
    )
    editor.client.save(uri, file_of("os.getcw"))
    assert labels(await editor.ask(COMPLETION, uri, file_of("os.getcw"), 18)) == ["getcwd", "getcwdb"]


async def test_an_item_of_a_list_long_gone_is_resolved_to_itself(editor: Editor) -> None:
    for data in (None, {"list": 10**9, "name": "x"}, {"list": "x"}, "x", {"list": 1, "name": 3}):
        item = {"label": "x", "data": data} if data is not None else {"label": "x"}
        assert await editor.client.request("completionItem/resolve", item) == item


async def test_other_languages_get_nothing_and_are_told_why(editor: Editor) -> None:
    uri = (editor.folder / "main.rs").as_uri()
    editor.client.open(uri, "os.", language="rust")
    for method in (COMPLETION, INLINE, HOVER):
        assert await editor.ask(method, uri, "os.", 3) is None
        assert await editor.reason() == "the document is not Python but rust"


@pytest.mark.parametrize(
    "uri", ["", "x", "file:", "file://", "file:///", "file:///%00.py", "file:///%zz.py", "untitled:", "http://[/x.py",
            "file://host/share/x.py", "vscode-remote://ssh+x/y.py", "file:///" + "d/" * 2000 + "x.py", "file:///%FF.py"],
)  # fmt: skip
async def test_any_uri_may_be_opened(editor: Editor, uri: str) -> None:
    editor.client.open(uri, file_of("os.getcw"))
    assert labels(await editor.ask(COMPLETION, uri, file_of("os.getcw"), 18)) == ["getcwd", "getcwdb"]
    editor.client.close(uri)


@pytest.mark.parametrize(
    "position",
    [{"line": 0, "character": 0}, {"line": 1, "character": 10**9}, {"line": 2**31 - 1, "character": 2**31 - 1},
     {"line": 1, "character": 7}],
)  # fmt: skip
async def test_a_position_outside_of_the_text_is_taken_for_the_nearest_inside(
    editor: Editor, position: dict[str, int]
) -> None:
    uri = editor.open(file_of("os.getcw"))
    for method in (COMPLETION, HOVER):
        await editor.client.request(method, {"textDocument": {"uri": uri}, "position": position})
    answer = await editor.client.request(
        COMPLETION, {"textDocument": {"uri": uri}, "position": {"line": 1, "character": 10**9}}
    )
    assert labels(answer) == ["getcwd", "getcwdb"]


@pytest.mark.parametrize("method", [COMPLETION, INLINE, HOVER, "completionItem/resolve", "workspace/executeCommand"])
@pytest.mark.parametrize(
    "params", [None, [], {}, {"textDocument": {}}, {"textDocument": {"uri": 1}, "position": {"line": "a"}},
               {"textDocument": {"uri": "file:///x.py"}, "position": {"line": -1, "character": -1}, "context": 3}],
)  # fmt: skip
async def test_parameters_that_do_not_fit_are_answered_with_an_error_and_nothing_else(
    editor: Editor, response_error: type[Exception], method: str, params: Any
) -> None:
    code = -32602
    try:
        answer = await editor.client.request(method, params)
    except response_error as error:
        code = error.code  # type: ignore[attr-defined]  # ResponseError has a code
    else:
        assert answer is None, "what can be understood is answered: that document is not open"
    assert code == -32602


async def test_commands_that_do_not_exist_are_refused(editor: Editor, response_error: type[Exception]) -> None:
    for command in ("fairlead.no_such", "os.system", "__init__", ""):
        with pytest.raises(response_error):
            await editor.client.request("workspace/executeCommand", {"command": command, "arguments": []})
    for arguments in (None, [], [1], [None], [{"a": 1}], ["x", "y", "z"]):
        done = {"command": "fairlead.accepted", "arguments": arguments}
        assert await editor.client.request("workspace/executeCommand", done) is None
