"""A tokenizer that glues the dot to the name behind it against one that isolates it: text, accesses, legal sets.

    .venv/bin/python benchmarks/dot_tokens.py CORPUS GLUED.json ISOLATED.json

The corpus and both tokenizers come from `fairlead train`. No model is needed; results go into docs/log.md.
"""

from __future__ import annotations

import argparse
import ast
import datetime
import logging
import os
import pathlib
import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import torch
from tokenizers import Tokenizer

from fairlead.decoding.training.corpus import SourceFile, read_split
from fairlead.decoding.training.tokenizer import END_OF_TEXT, read_tokenizer
from fairlead.decoding.trie import build
from fairlead.decoding.vocabulary import Vocabulary

OWNERS = (str, dict, os, pathlib.Path, re, argparse.ArgumentParser, datetime.datetime, logging, torch.Tensor, torch)


def tokens_per_access(tokenizer: Tokenizer, files: Sequence[SourceFile]) -> tuple[float, int]:
    """Tokens that hold some of `.name`, on average, and the number of accesses; files of ASCII only."""
    tokens = accesses = 0
    for file in files:
        if not file.text.isascii():
            continue
        starts = [start for start, _ in tokenizer.encode(file.text).offsets]
        lines = [0, *accumulate(len(line) for line in file.text.splitlines(keepends=True))]
        for node in ast.walk(ast.parse(file.text)):
            if isinstance(node, ast.Attribute) and node.end_lineno and node.end_col_offset:
                end = lines[node.end_lineno - 1] + node.end_col_offset
                dot = end - len(node.attr) - 1
                if file.text[dot] == ".":
                    tokens += bisect_left(starts, end) - bisect_right(starts, dot) + 1
                    accesses += 1
    return tokens / accesses, accesses


def legal_sets(tokenizer: Tokenizer, stem: str) -> tuple[float, float]:
    """Nodes to score for each name, and steps down to a name, over the public members of `OWNERS`."""
    vocabulary = Vocabulary.of(tokenizer, tokenizer.get_vocab_size(), [tokenizer.token_to_id(END_OF_TEXT)], [])
    nodes = steps = count = 0
    for owner in OWNERS:
        names = [name for name in dir(owner) if not name.startswith("_")]
        trie = build(vocabulary, stem, names)
        nodes, count = nodes + len(trie.ids), count + len(names)
        steps += sum(len(trie.path(end)) for end in trie.ends)
    return nodes / count, steps / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("glued", type=Path)
    parser.add_argument("isolated", type=Path)
    options = parser.parse_args()
    files = read_split(options.corpus, "valid")[:250]
    print("| tokenizer | characters a token | tokens of `.name` | nodes a name | steps a name |\n|---|---|---|---|---|")
    for label, path, stem in (
        ("glued", options.glued, "."),
        ("isolated, healed before the dot", options.isolated, "."),
        ("isolated, prompt ends behind the dot", options.isolated, ""),
    ):
        tokenizer = read_tokenizer(path)
        written = sum(len(found.ids) for found in tokenizer.encode_batch([file.text for file in files]))
        access, _ = tokens_per_access(tokenizer, files)
        nodes, steps = legal_sets(tokenizer, stem)
        characters = sum(len(file.text) for file in files)
        print(f"| {label} | {characters / written:.3f} | {access:.2f} | {nodes:.2f} | {steps:.2f} |")


if __name__ == "__main__":
    main()
