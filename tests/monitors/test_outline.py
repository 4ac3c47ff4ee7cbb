"""What a file imports from its project, in outline: exact texts, whole definitions, nothing run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fairlead.monitors.analysis import Document
from fairlead.monitors.outline import outline, outlines_of

SHELF = '''"""Shelves."""
import dataclasses

LIMIT: int = 10
TABLE = {
    "a": 1,
}


@dataclasses.dataclass
class Item:
    """One thing."""

    name: str
    price: float = 0.0
    _hidden: int = 0


class Shelf(list[Item]):
    def __init__(
        self,
        width: int,  # in cm
        *,
        height: int = 10,
    ) -> None:
        """A shelf."""
        self.width = width
        self._height = height
        if height:
            self.tall = True

    @property
    def full(self) -> bool:
        return False

    def put(self, item: Item) -> None:
        self.append(item)

    def _secret(self): ...


async def find(shelf, name="x"):
    return None
'''


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "store").mkdir()
    (tmp_path / "store/__init__.py").write_text("from .shelf import Shelf as Board\n")
    (tmp_path / "store/shelf.py").write_text(SHELF)
    return tmp_path


def outlined(project: Path, text: str, limit: int = 4000) -> str:
    return outline(Document(str(project / "main.py"), text, 0, str(project)), limit)


def test_headers_attributes_and_constants() -> None:
    assert outlines_of(SHELF) == {
        "LIMIT": "LIMIT: int = 10",
        "Item": "@dataclasses.dataclass\nclass Item:\n    name: str\n    price: float = 0.0",
        "Shelf": (
            "class Shelf(list[Item]):\n"
            "    def __init__(self, width: int, *, height: int = 10) -> None:\n"
            "        self.width = width\n"
            "    @property\n"
            "    def full(self) -> bool: ...\n"
            "    def put(self, item: Item) -> None: ..."
        ),
        "find": 'async def find(shelf, name="x"): ...',
    }


def test_what_is_imported_stands_under_its_file_in_the_order_of_the_imports(project: Path) -> None:
    text = "import os\nfrom store.shelf import find, LIMIT\nfrom missing import x\n"
    assert outlined(project, text) == '# store/shelf.py\nasync def find(shelf, name="x"): ...\nLIMIT: int = 10\n'


def test_a_name_that_is_passed_on_is_followed_to_where_it_is_made(project: Path) -> None:
    found = outlined(project, "from store import Board\n")
    assert found.startswith("# store/shelf.py\nclass Shelf(list[Item]):\n")


def test_relative_imports_start_from_the_files_own_package(project: Path) -> None:
    document = Document(str(project / "store/use.py"), "from .shelf import LIMIT\n", 0, str(project))
    assert outline(document, 4000) == "# store/shelf.py\nLIMIT: int = 10\n"


@pytest.mark.parametrize(
    ("limit", "names"), [(0, []), (20, []), (len("# store/shelf.py\nLIMIT: int = 10\n"), ["LIMIT"]), (4000, ["Shelf", "LIMIT"])]
)
def test_definitions_are_whole_or_left_out(project: Path, limit: int, names: list[str]) -> None:
    """The first that does not fit makes place for the next that does."""
    found = outlined(project, "from store.shelf import Shelf, LIMIT\n", limit)
    assert len(found) <= limit
    assert [name for name in ("Shelf", "LIMIT") if name in found] == names


def test_a_change_of_the_file_is_seen(project: Path) -> None:
    text = "from store.shelf import LIMIT\n"
    assert "LIMIT: int = 10" in outlined(project, text)
    path = project / "store/shelf.py"
    path.write_text("LIMIT = 11\n")
    os.utime(path, ns=(1, 1))
    assert outlined(project, text) == "# store/shelf.py\nLIMIT = 11\n"


def test_what_cannot_be_read_or_never_ends_says_nothing(project: Path) -> None:
    (project / "round.py").write_text("from around import x\n")
    (project / "around.py").write_text("from round import x\n")
    os.mkfifo(project / "pipe.py")
    (project / "broken.py").write_bytes(b"class A(\xff\n  def x(:\n")
    text = "from round import x\nfrom pipe import y\nfrom broken import A\nfrom main import z\n"
    assert set(outlined(project, text).splitlines()) <= {"# broken.py", "class A(\ufffd): ...", "class A: ..."}
    assert outline(Document("untitled:1", "from store.shelf import LIMIT\n"), 4000) == ""
