"""A tiny corpus and tokenizer, made once."""

from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import Tokenizer

from fairlead.decoding.training.corpus import SourceFile
from fairlead.decoding.training.tokenizer import train_tokenizer

MODULE = '''\
"""Shapes number {n}."""

from dataclasses import dataclass
from math import pi, sqrt


@dataclass(frozen=True)
class Circle{n}:
    radius: float

    def area(self) -> float:
        """The area."""
        return pi * self.radius * self.radius

    def scaled(self, factor: float) -> "Circle{n}":
        if factor < {n}:
            raise ValueError("too small")
        return Circle{n}(self.radius * factor)


def largest_{n}(circles: list[Circle{n}]) -> Circle{n}:
    ordered = sorted(circles, key=lambda circle: circle.area())
    for circle in ordered:
        print(circle.radius, sqrt(circle.area()))
    return ordered[-1]
'''


def module_text(number: int) -> str:
    """A module that parses; no two are equal."""
    return MODULE.format(n=number)


@pytest.fixture(scope="session")
def files() -> list[SourceFile]:
    return [SourceFile("shapes", f"shapes/part{number}.py", module_text(number)) for number in range(12)]


@pytest.fixture(scope="session")
def tokenizer(files: list[SourceFile]) -> Tokenizer:
    return train_tokenizer([file.text for file in files], 400)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder of source that says it is under the MIT licence."""
    folder = tmp_path / "shapes"
    folder.mkdir()
    (folder / "pyproject.toml").write_text('[project]\nname = "shapes"\nversion = "1.0"\nlicense = "MIT"\n')
    for number in range(12):
        (folder / f"part{number}.py").write_text(module_text(number))
    return folder
