"""Which licence a project states, and whether it lets anybody train on it and pass the result on.

What a project says in its metadata is believed, then what its licence file says. Where nothing is found the answer is
the empty string, which is not permissive.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

PERMISSIVE = frozenset(
    {
        "0BSD", "Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "CNRI-Python", "HPND", "ISC", "MIT",
        "MIT-0", "MIT-CMU", "NCSA", "PSF-2.0", "Python-2.0", "Unlicense", "Zlib",
    }
)  # fmt: skip
"""SPDX identifiers, and "BSD" where a project does not say which."""

_CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "Zero-Clause BSD (0BSD)": "0BSD",
    "zlib/libpng License": "Zlib",
}

_FREE_TEXT = (
    (re.compile(r"(?i)\b(a|l)?gpl|gnu (lesser|library|affero|general)|mozilla|\bmpl\b|proprietary|commercial"), "other"),
    (re.compile(r"(?i)^\W*(the )?mit\b"), "MIT"),
    (re.compile(r"(?i)^\W*apache( software)?( license)?,?( version)?[ -]*2"), "Apache-2.0"),
    (re.compile(r"(?i)^\W*(new |modified |revised |simplified )?bsd|3-clause bsd|bsd[ -]3[ -]clause"), "BSD"),
    (re.compile(r"(?i)^\W*isc\b"), "ISC"),
    (re.compile(r"(?i)^\W*(psf|python software foundation)\b"), "PSF-2.0"),
)

_TEXTS = (
    (re.compile(r"(?i)gnu (lesser |library |affero )?general public licen[sc]e|mozilla public licen[sc]e"), "other"),
    (re.compile(r"Permission is hereby granted,\s+free\s+of\s+charge"), "MIT"),
    (re.compile(r"Apache License\s+Version 2\.0"), "Apache-2.0"),
    (re.compile(r"Redistribution\s+and\s+use\s+in\s+source\s+and\s+binary\s+forms,?\s+with\s+or\s+without"), "BSD"),
    (re.compile(r"Permission\s+to\s+use,\s+copy,\s+modify,\s+and(/or)?\s+distribute\s+this\s+software"), "ISC"),
)
"""A sentence that only this licence has."""


def stated_licence(expression: str, classifiers: Iterable[str], field: str, texts: Iterable[str]) -> str:
    """The licence a project states: its SPDX expression, else classifiers, else the old free field, else the files.

    Several classifiers are joined by AND: whether they are a choice or a sum is not said, so each must be permissive.
    """
    if expression.strip():
        return expression.strip()
    names = [line.rpartition(" :: ")[2] for line in classifiers if line.startswith("License ::")]
    known = sorted({_CLASSIFIERS.get(name, "other") for name in names if name != "OSI Approved"})
    if known:
        return " AND ".join(known)
    if field.strip() in PERMISSIVE:
        return field.strip()
    for table, candidates in ((_FREE_TEXT, [field.strip()[:60]]), (_TEXTS, [field, *texts])):
        for text in candidates:
            for pattern, name in table:
                if pattern.search(text):
                    return name
    return ""


def is_permissive(expression: str) -> bool:
    """Whether an SPDX expression allows it: every part of an AND, one part of an OR. Exceptions (WITH) only add rights.

    What cannot be read is not permissive.
    """
    tokens = re.findall(r"[()]|[^\s()]+", expression)
    try:
        answer, rest = _any_of(tokens)
    except IndexError:
        return False
    return answer and not rest


def _any_of(tokens: list[str]) -> tuple[bool, list[str]]:
    answer, tokens = _all_of(tokens)
    while tokens and tokens[0].upper() == "OR":
        more, tokens = _all_of(tokens[1:])
        answer = answer or more
    return answer, tokens


def _all_of(tokens: list[str]) -> tuple[bool, list[str]]:
    answer, tokens = _one(tokens)
    while tokens and tokens[0].upper() == "AND":
        more, tokens = _one(tokens[1:])
        answer = answer and more
    return answer, tokens


def _one(tokens: list[str]) -> tuple[bool, list[str]]:
    if tokens[0] == "(":
        answer, tokens = _any_of(tokens[1:])
        return answer and tokens[0] == ")", tokens[1:]
    answer, tokens = tokens[0] in PERMISSIVE, tokens[1:]
    if tokens and tokens[0].upper() == "WITH":
        tokens = tokens[2:]
    return answer, tokens
