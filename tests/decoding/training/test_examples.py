"""What the model is shown."""

from __future__ import annotations

import random

import pytest
import torch
from tokenizers import Tokenizer

from fairlead.decoding.fakes import byte_tokenizer
from fairlead.decoding.training.corpus import SourceFile
from fairlead.decoding.training.examples import IGNORED, Examples, Layout, Mix
from fairlead.decoding.training.infill import KINDS, LONGEST, Hole, HoleKind, find_holes
from fairlead.decoding.training.outlines import Outlines
from fairlead.decoding.training.tokenizer import SPECIAL, read_tokenizer, save_tokenizer, train_tokenizer
from fairlead.monitors.analysis import Document
from fairlead.monitors.errors import CorpusError
from fairlead.monitors.outline import outline

TEXT = """\
from os import path
import sys


def size(name: str, follow: bool = True) -> int:
    total = path.getsize(name)
    if follow:
        total += 1
    return total
"""


def holes(kind: HoleKind, seeds: int = 60) -> set[str]:
    found = set()
    for seed in range(seeds):
        found |= {TEXT[hole.start : hole.end] for hole in find_holes(TEXT, kind, random.Random(seed))}
    return found


def test_names_after_dots_alone_and_with_the_rest_of_their_line() -> None:
    assert holes("attribute") == {"getsize", "getsize(name)"}


def test_annotations() -> None:
    assert holes("annotation") == {"str", "bool", "int"}


def test_import_lines_whole_and_behind_their_first_word() -> None:
    assert holes("import") == {"from os import path", "os import path", "import sys", "sys"}


def test_blocks_whole_and_begun() -> None:
    found = holes("block")
    assert "total += 1" in found
    body = TEXT[TEXT.index("total = ") :].rstrip("\n")
    assert body in found
    assert body.partition("\n")[2].lstrip() in found


def test_rests_of_lines_end_where_the_line_does() -> None:
    found = holes("rest_of_line")
    assert "total" in found
    assert all("\n" not in text and any(line.endswith(text) for line in TEXT.split("\n")) for text in found)


@pytest.mark.parametrize("kind", list(KINDS))
def test_holes_lie_in_the_text_and_are_not_empty(kind: HoleKind) -> None:
    text = TEXT.replace("total", "größe") * 3
    found = [hole for seed in range(30) for hole in find_holes(text, kind, random.Random(seed), low=50)]
    assert found
    assert all(50 <= hole.start < hole.end <= len(text) and hole.end - hole.start <= LONGEST for hole in found)


def test_offsets_are_code_points() -> None:
    text = "ü = 'ß'\nü.upper\n"
    names = {text[hole.start : hole.end] for hole in find_holes(text, "attribute", random.Random(0))}
    assert names == {"upper"}


@pytest.mark.parametrize("order", ["psm", "spm", "left_to_right"])
def test_a_hole_is_laid_out_as_it_is_served(tokenizer: Tokenizer, order: str) -> None:
    """The prompt ends at the dot, which is written again; prefix, suffix and middle are tokenised by themselves."""
    layout = Layout(tokenizer)
    start = TEXT.index("getsize")
    example = layout.laid_out(TEXT, Hole("attribute", start, start + 7), order, 400)  # type: ignore[arg-type]  # parameters are strings
    assert example is not None
    encode = layout.vocabulary.encode
    before, middle, behind = encode(TEXT[: start - 1]), [*encode(".getsize"), layout.end], encode(TEXT[start + 7 :])
    pre, mid, suf = (tokenizer.token_to_id(f"<|fim_{name}|>") for name in ("prefix", "middle", "suffix"))
    prompts: dict[str, list[int | None]] = {
        "psm": [pre, *before, suf, *behind, mid], "spm": [pre, suf, *behind, mid, *before], "left_to_right": [*before],
    }  # fmt: skip
    assert example.ids == prompts[order] + middle
    assert example.middle == len(prompts[order])


def test_a_layout_keeps_to_its_room(tokenizer: Tokenizer) -> None:
    layout, text = Layout(tokenizer), TEXT * 20
    at = text.index("getsize", len(text) // 2)
    for room in (60, 90, 200, 1_000):
        example = layout.laid_out(text, Hole("attribute", at, at + 7), "spm", room)
        assert example is not None
        assert len(example.ids) <= room
    assert layout.laid_out(text, Hole("span", at, at + 600), "spm", 60) is None


def test_reading_ends_with_the_file_and_only_there(tokenizer: Tokenizer) -> None:
    layout = Layout(tokenizer)
    assert layout.read(TEXT, 0, 10_000).ids == [*layout.vocabulary.encode(TEXT), layout.end]
    assert layout.end not in layout.read(TEXT, 0, 20).ids


def test_a_batch_depends_on_seed_and_number_alone(files: list[SourceFile], tokenizer: Tokenizer) -> None:
    first, again, other = (Examples(files, tokenizer, Mix(), 128, 3, seed) for seed in (1, 1, 2))
    _ = again[7]
    assert torch.equal(first[5].ids, again[5].ids)
    assert not torch.equal(first[5].ids, first[6].ids)
    assert not torch.equal(first[5].ids, other[5].ids)


def test_labels_are_the_next_tokens_and_middles_weigh_more(files: list[SourceFile], tokenizer: Tokenizer) -> None:
    batch = Examples(files, tokenizer, Mix(infilling=1.0, middle_weight=3.0, outline=0), 256, 8, 0)[0]
    assert batch.ids.shape == batch.labels.shape == batch.weights.shape == (8, 256)
    known = batch.labels[:, :-1] != IGNORED
    assert torch.equal(batch.ids[:, 1:][known], batch.labels[:, :-1][known])
    assert set(batch.weights.flatten().tolist()) == {0.0, 1.0, 3.0}
    assert torch.equal(batch.weights == 0, batch.labels == IGNORED)
    ends = batch.labels == tokenizer.token_to_id(SPECIAL[0])
    assert (batch.weights[ends] == 3.0).all()


def test_no_hole_without_its_tokens(files: list[SourceFile]) -> None:
    plain = byte_tokenizer(special=("<|endoftext|>",))
    with pytest.raises(CorpusError, match="no fill-in-the-middle tokens"):
        Examples(files, plain, Mix(), 128, 2, 0)
    assert Examples(files, plain, Mix(infilling=0), 128, 2, 0)[0].ids.shape == (2, 128)
    with pytest.raises(CorpusError, match="endoftext"):
        Examples(files, byte_tokenizer(special=()), Mix(infilling=0), 128, 2, 0)
    with pytest.raises(CorpusError, match="no file"):
        Examples([], plain, Mix(infilling=0), 128, 2, 0)


@pytest.mark.parametrize(
    ("dot", "pieces"), [("glued", ["xs", ".append"]), ("isolated", ["xs", ".", "append"])]
)
def test_the_dot_is_glued_or_stands_alone(dot: str, pieces: list[str]) -> None:
    tokenizer = train_tokenizer(["xs.append(y)\n" * 50], 300, dot)  # type: ignore[arg-type]  # parameters are strings
    assert tokenizer.encode("xs.append").tokens == pieces


@pytest.mark.parametrize("dot", ["glued", "isolated"])
def test_a_trained_tokenizer_gives_text_back(dot: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    tokenizer = train_tokenizer([TEXT], 300, dot)  # type: ignore[arg-type]  # as above
    path = tmp_path_factory.mktemp("made") / "deep" / "tokenizer.json"
    save_tokenizer(tokenizer, path)
    read = read_tokenizer(path)
    text = "π = 3.14...\n\tself.x._y(.5)  # … 1..2 <|endoftext|>\r\n"
    ids = read.encode(text).ids
    assert read.decode(ids, skip_special_tokens=False) == text
    assert [read.token_to_id(special) for special in SPECIAL] == list(range(7))
    assert not set(ids) & set(range(7)), "text that spells a special token is text"
    with pytest.raises(CorpusError, match="is no tokenizer"):
        read_tokenizer(path.parent / "absent.json")
    with pytest.raises(CorpusError, match="needs 263 entries"):
        train_tokenizer([TEXT], 100)


PROJECT = {
    "shop/__init__.py": "from .items import Item\n",
    "shop/items.py": "LIMIT = 3\n\n\nclass Item:\n    def __init__(self, name: str) -> None:\n        self.name = name\n",
    "shop/till.py": "import os\n\nfrom . import Item\nfrom .items import LIMIT, absent\nfrom shop.till import total\n",
    "src/tool.py": "from shop import Item\n",
}


@pytest.fixture
def shop() -> list[SourceFile]:
    return [SourceFile("shop", path, text) for path, text in PROJECT.items()]


def test_an_outline_is_the_one_the_server_makes(shop: list[SourceFile], tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("project")
    for path, text in PROJECT.items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(text)
    outlines = Outlines(shop, 600)
    for number, file in enumerate(shop):
        document = Document(str(root / file.path), file.text, root=str(root))
        assert outlines.of(number) == outline(document, 600), file.path
    assert outlines.of(2) == (
        "# shop/items.py\nclass Item:\n    def __init__(self, name: str) -> None:\n        self.name = name\nLIMIT = 3\n"
    )
    assert Outlines([SourceFile("other", "shop/till.py", PROJECT["shop/till.py"])], 600).of(0) == ""


def test_an_outline_stands_first_and_is_not_learnt(shop: list[SourceFile], tokenizer: Tokenizer) -> None:
    layout, context = Layout(tokenizer), Outlines(shop, 600).of(2)
    ids = layout.vocabulary.encode(context)
    read = layout.read(TEXT, 0, 10_000, context)
    assert (read.ids[: read.context], read.ids[read.context :]) == (ids, layout.read(TEXT, 0, 10_000).ids)
    start = TEXT.index("getsize")
    hole = Hole("attribute", start, start + 7)
    laid_out, plain = layout.laid_out(TEXT, hole, "spm", 1_000, context), layout.laid_out(TEXT, hole, "spm", 1_000)
    assert laid_out is not None
    assert plain is not None
    assert laid_out.ids == ids + plain.ids
    assert laid_out.middle == len(ids) + plain.middle
    assert len(layout.read(TEXT, 0, 40, context).ids) <= 40
    batch = Examples(shop, tokenizer, Mix(infilling=0, outline=1.0), 128, 1, 0)[0]
    assert (batch.weights[0][batch.labels[0] != IGNORED] == 0).any()
