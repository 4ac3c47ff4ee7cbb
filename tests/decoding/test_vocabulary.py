"""The vocabulary looks inside tokens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.decoding import vocabulary as vocabulary_module
from fairlead.decoding.fakes import byte_tokenizer, end_id
from fairlead.decoding.model import find_folder, load_tokenizer
from fairlead.decoding.vocabulary import Vocabulary, continues_identifier, identifier_head


@pytest.fixture(scope="module")
def default_vocabulary() -> Vocabulary:
    """The vocabulary of the packaged model; its weights are not loaded."""
    tokenizer = load_tokenizer(find_folder()[1])
    return Vocabulary.of(tokenizer, tokenizer.get_vocab_size(), [0], [])


def vocabulary(*words: str) -> Vocabulary:
    tokenizer = byte_tokenizer(words)
    end = end_id(tokenizer)
    return Vocabulary.of(tokenizer, tokenizer.get_vocab_size() + 5, [end], [])


def written(found: Vocabulary, ids: object) -> set[str]:
    return {found.texts[token_id].decode("utf-8", "replace") for token_id in list(ids)}  # type: ignore[call-overload]


def test_padding_rows_and_special_tokens_write_nothing() -> None:
    found = vocabulary("name")
    assert found.texts[-5:] == (b"",) * 5
    assert all(not found.texts[token_id] for token_id in found.end_ids)


@pytest.mark.parametrize(
    ("text", "head"),
    [
        ("append(", "append"), ("append", "append"), (").append(x", ").append"), (".", ""), ("(", ""),
        ("__(", "__"), ("é.x", "é"), ("", ""), ("x\n", "x"),
    ],
)  # fmt: skip
def test_identifier_head(text: str, head: str) -> None:
    assert identifier_head(text.encode()) == head.encode()


@pytest.mark.parametrize(
    ("text", "continues"),
    [(b"a", True), (b"_", True), (b"7", True), (b"(", False), (b" a", False), ("é".encode(), True),
     ("…".encode(), False), ("é".encode()[:1], True), (b"\xa9", True)],
)  # fmt: skip
def test_half_a_character_counts_as_continuing_a_name(text: bytes, continues: bool) -> None:
    assert continues_identifier(text) is continues


def test_tokens_across_the_end_of_a_name_are_found_by_the_name() -> None:
    found = vocabulary("append(", ".append(", ".app", "app")
    assert written(found, found.across_end[b"append"]) == {"append("}
    assert written(found, found.across_end[b".append"]) == {".append("}
    assert b".app" not in found.across_end


def test_several_ids_may_write_the_same_text() -> None:
    found = Vocabulary([b"a", b"ab", b"a", b"", b"b"], [3])
    assert found.spelling(b"a").tolist() == [0, 2]
    assert sorted(found.prefixes_of(b"abc")) == [0, 1, 2]
    assert found.starting_with(b"a").tolist() == [0, 2, 1]
    assert sorted(found.starting_with(b"").tolist()) == [0, 1, 2, 4]


@given(st.lists(st.binary(min_size=0, max_size=3), max_size=40), st.binary(max_size=4))
def test_look_ups_equal_a_scan_of_the_whole_vocabulary(texts: list[bytes], text: bytes) -> None:
    found = Vocabulary(texts)
    ids = [i for i, t in enumerate(texts) if t]
    assert sorted(found.starting_with(text).tolist()) == [i for i in ids if texts[i].startswith(text)]
    assert sorted(found.prefixes_of(text)) == [i for i in ids if text.startswith(texts[i])]
    assert sorted(found.spelling(text).tolist()) == [i for i in ids if texts[i] == text]


def test_the_default_tokenizer_glues_the_dot(default_vocabulary: Vocabulary) -> None:
    text = "x = items.app"
    assert text[default_vocabulary.pretoken_start(text, text.index(".")) :] == ".app"
    text = "call(x).app"
    assert text[default_vocabulary.pretoken_start(text, text.index(".")) :] == ").app"
    text = "if x:\n        "
    assert default_vocabulary.pretoken_start(text, len(text) - 1) == len("if x:\n")


def test_encoding_what_stands_before_a_pre_token_never_changes(default_vocabulary: Vocabulary) -> None:
    text = "import os\n\nclass A:\n    def f(self, x):\n        return os.path.join(x, [self.x).app"
    whole = default_vocabulary.encode(text + "end(1)\n")
    for at in range(len(text)):
        start = default_vocabulary.pretoken_start(text, at)
        ids = default_vocabulary.encode(text[:start])
        assert whole[: len(ids)] == ids


def test_what_begins_a_text_is_remembered_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second answer is the first one, and forgetting changes none."""
    monkeypatch.setattr(vocabulary_module, "MOST_KNOWN", 2)
    vocabulary = Vocabulary([b"", b"a", b"ap", b"append", b"x"])
    texts = [b"append", b"apx", b"b", b"x", b"append", b"a"]
    for _ in range(2):
        assert vocabulary.prefixes_of_all(texts) == {1, 2, 3, 4}
        for text in texts:
            assert vocabulary.prefixes_of_all([text]) == set(vocabulary.prefixes_of(text))
    assert len(vocabulary._known) <= 2
