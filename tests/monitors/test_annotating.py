"""What is written into a file when a type is accepted: the text after it, or why nothing is written."""

from __future__ import annotations

import ast
import inspect
import json.decoder
import textwrap
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.monitors.analysis import Document
from fairlead.monitors.annotating import Wish, annotate, insertion, spelled
from fairlead.monitors.import_lines import apply
from fairlead.monitors.slot_places import slots
from fairlead.monitors.slots import Import, Slot

PATH = (Import("pathlib", "Path"),)
NEW, OLD, OLDEST = (3, 12), (3, 9), (3, 8)


def slot(text: str, name: str, kind: str = "parameter") -> Slot:
    """The first slot of that name and kind."""
    return next(found for found in slots(text) if found.name == name and found.kind == kind)


def written(
    text: str, name: str, type_text: str, imports: tuple[Import, ...] = (), *, kind: str = "parameter",
    version: tuple[int, int] = NEW, path: str = "/p/pkg/mod.py", root: str = "/p",
) -> str:  # fmt: skip
    """The text after one annotation; an explanation in brackets where none is made."""
    made = annotate(Document(path, text, 0, root), [Wish(slot(text, name, kind), type_text, imports)], version)
    assert (made.text == text) == bool(made.refused)
    assert apply(text, made.edits) == made.text
    return f"<{made.refused[0][1]}>" if made.refused else made.text


PLACES = [
    ("def f(x): pass\n", "x", "parameter", "def f(x: int): pass\n"),
    ("def f(x=1): pass\n", "x", "parameter", "def f(x: int = 1): pass\n"),
    ("def f(x= 1): pass\n", "x", "parameter", "def f(x: int = 1): pass\n"),
    ("def f(x = 1): pass\n", "x", "parameter", "def f(x: int = 1): pass\n"),
    ("def f(x=\n      1): pass\n", "x", "parameter", "def f(x: int=\n      1): pass\n"),
    ("def f(*x, **y): pass\n", "x", "parameter", "def f(*x: int, **y): pass\n"),
    ("def f(*x, **y): pass\n", "y", "parameter", "def f(*x, **y: int): pass\n"),
    ("def f(): pass\n", "f", "return", "def f() -> int: pass\n"),
    ("async def f(  )  : pass\n", "f", "return", "async def f(  ) -> int  : pass\n"),
    ("x=1\n", "x", "variable", "x: int = 1\n"),
    ("class A:\n    def f(self):\n        self.x=1\n", "x", "attribute",
     "class A:\n    def f(self):\n        self.x: int = 1\n"),
    ("s = '𝒳'; größe = 1\n", "größe", "variable", "s = '𝒳'; größe: int = 1\n"),
    ("def f(a,\r\n      x):\r\n    pass\r\n", "x", "parameter", "def f(a,\r\n      x: int):\r\n    pass\r\n"),
    ("\ufeffdef f(x): pass\n", "x", "parameter", "\ufeffdef f(x: int): pass\n"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "name", "kind", "after"), PLACES)
def test_where_the_annotation_goes(text: str, name: str, kind: str, after: str) -> None:
    assert written(text, name, "int", kind=kind) == after


IMPORTS = [
    # Into an import that is there, in its order.
    ("from pathlib import PurePath\ndef f(x): pass\n", "from pathlib import Path, PurePath\ndef f(x: Path): pass\n"),
    ("from pathlib import (\n    PurePath,\n)\ndef f(x): pass\n",
     "from pathlib import (\n    Path, PurePath,\n)\ndef f(x: Path): pass\n"),
    # Among its kind.
    ("import os\nimport zlib\n\nimport requests\n\n\ndef f(x): pass\n",
     "import os\nimport zlib\nfrom pathlib import Path\n\nimport requests\n\n\ndef f(x: Path): pass\n"),
    ("import requests\n\n\ndef f(x): pass\n",
     "from pathlib import Path\n\nimport requests\n\n\ndef f(x: Path): pass\n"),
    ("from __future__ import division\n\n\ndef f(x): pass\n",
     "from __future__ import division\n\nfrom pathlib import Path\n\n\ndef f(x: Path): pass\n"),
    # Where there is none.
    ("def f(x): pass\n", "from pathlib import Path\n\ndef f(x: Path): pass\n"),
    ('"""Doc."""\n\ndef f(x): pass\n', '"""Doc."""\n\nfrom pathlib import Path\n\ndef f(x: Path): pass\n'),
    ("#!/usr/bin/python\n# -*- coding: utf-8 -*-\ndef f(x): pass\n",
     "#!/usr/bin/python\n# -*- coding: utf-8 -*-\n\nfrom pathlib import Path\n\ndef f(x: Path): pass\n"),
    ("\ufeffdef f(x): pass\n", "\ufefffrom pathlib import Path\n\ndef f(x: Path): pass\n"),
    ("import os\r\ndef f(x): pass\r\n",
     "import os\r\nfrom pathlib import Path\r\ndef f(x: Path): pass\r\n"),
    # The file's own words.
    ("from pathlib import Path as P\ndef f(x): pass\n", "from pathlib import Path as P\ndef f(x: P): pass\n"),
    ("import pathlib\ndef f(x): pass\n", "import pathlib\ndef f(x: pathlib.Path): pass\n"),
    ("import pathlib as pl\ndef f(x): pass\n", "import pathlib as pl\ndef f(x: pl.Path): pass\n"),
    ("try:\n    from pathlib import Path\nexcept ImportError:\n    Path = None\ndef f(x): pass\n",
     "try:\n    from pathlib import Path\nexcept ImportError:\n    Path = None\n"
     "from pathlib import Path\ndef f(x: Path): pass\n"),
    # The name is taken, the module is not.
    ("class Path: pass\ndef f(x): pass\n", "import pathlib\n\nclass Path: pass\ndef f(x: pathlib.Path): pass\n"),
    ("class Path: pass\npathlib = 1\ndef f(x): pass\n", "<Path is something else in this file>"),
    # Known to type checkers only.
    ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from pathlib import Path\ndef f(x): pass\n",
     'from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from pathlib import Path\ndef f(x: "Path"): pass\n'),
    ("from __future__ import annotations\nif TYPE_CHECKING:\n    from pathlib import Path\ndef f(x): pass\n",
     "from __future__ import annotations\nif TYPE_CHECKING:\n    from pathlib import Path\ndef f(x: Path): pass\n"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "after"), IMPORTS)
def test_the_import_that_comes_with_it(text: str, after: str) -> None:
    if text.startswith("try:"):
        # Bound twice, and once not by an import: what it stands for is not known.
        after = "import pathlib\n\n" + text.replace("f(x)", "f(x: pathlib.Path)")
    assert written(text, "x", "Path", PATH) == after


NAMES = [
    # A class that is there when the function is made, and one that is not.
    ("class A: pass\ndef f(x): pass\n", "A", NEW, "class A: pass\ndef f(x: A): pass\n"),
    ("def f(x): pass\nclass A: pass\n", "A | None", NEW, 'def f(x: "A | None"): pass\nclass A: pass\n'),
    ("class A:\n    def f(self, x): pass\n", "A", NEW, 'class A:\n    def f(self, x: "A"): pass\n'),
    ("from __future__ import annotations\nclass A:\n    def f(self, x): pass\n", "A", NEW,
     "from __future__ import annotations\nclass A:\n    def f(self, x: A): pass\n"),
    ("class A:\n    def f(self, x): pass\n", "A", (3, 14), "class A:\n    def f(self, x: A): pass\n"),
    ("def f(x): pass\nclass A: pass\n", "Literal['a']", NEW,
     "from typing import Literal\n\ndef f(x: Literal['a']): pass\nclass A: pass\n"),
    ("class A:\n    class B: pass\n    def f(self, x): pass\n", "A.B", NEW,
     'class A:\n    class B: pass\n    def f(self, x: "A.B"): pass\n'),
    # Shadowed builtins.
    ("class A:\n    def list(self): pass\n    def f(self, x): pass\n", "list[int]", NEW,
     "<list is not the builtin in this file>"),
    ("str = 1\ndef f(x): pass\n", "str", NEW, "<str is not the builtin in this file>"),
    ("from m import str\ndef f(x): pass\n", "str", NEW, "<str is not the builtin in this file>"),
    ("def f(x, str): pass\n", "str", NEW, "def f(x: str, str): pass\n"),
    # What may not bear brackets, or a bar, when the program runs.
    ("class A: pass\ndef f(x): pass\n", "A[int]", NEW, 'class A: pass\ndef f(x: "A[int]"): pass\n'),
    ("import django.db\ndef f(x): pass\n", "django.db.QuerySet[int]", NEW,
     'import django.db\ndef f(x: "django.db.QuerySet[int]"): pass\n'),
    ("import os\ndef f(x): pass\n", "os.PathLike[str]", NEW, "import os\ndef f(x: os.PathLike[str]): pass\n"),
    ("try:\n    class A: pass\nexcept E:\n    A = None\ndef f(x): pass\n", "A | None", NEW,
     'try:\n    class A: pass\nexcept E:\n    A = None\ndef f(x: "A | None"): pass\n'),
    # Older Pythons.
    ("def f(x): pass\n", "int | None", OLD, "from typing import Optional\n\ndef f(x: Optional[int]): pass\n"),
    ("def f(x): pass\n", "int | str | None", OLD,
     "from typing import Optional, Union\n\ndef f(x: Optional[Union[int, str]]): pass\n"),
    ("import typing as t\ndef f(x): pass\n", "list[int | str]", OLD,
     "import typing as t\ndef f(x: list[t.Union[int, str]]): pass\n"),
    ("def f(x): pass\n", "list[int] | None", OLDEST,
     "from typing import List, Optional\n\ndef f(x: Optional[List[int]]): pass\n"),
    ("def f(x): pass\n", "Iterable[int]", OLDEST, "from typing import Iterable\n\ndef f(x: Iterable[int]): pass\n"),
    ("from __future__ import annotations\ndef f(x): pass\n", "list[int] | None", OLDEST,
     "from __future__ import annotations\ndef f(x: list[int] | None): pass\n"),
    ("def f(x): pass\n", "Self", OLD, "<Python 3.9 has no Self>"),
    # A module is no type, but the class in it may have its name.
    ("import datetime\ndef f(x): pass\n", "datetime", NEW, "import datetime\ndef f(x: datetime.datetime): pass\n"),
    ("import socket as s, web\ndef f(x): pass\n", "web", NEW, "<web is a module in this file>"),
    # Names that come from nowhere, and what is no type.
    ("def f(x): pass\n", "Unheard", NEW, "<the file has no Unheard>"),
    ("def f(x): pass\n", "int)", NEW, "<'int)' is no expression>"),
    ("def f(x): pass\n", "print()", NEW, "<print() is no type>"),
    ("def f(x): pass\n", "lambda: 0", NEW, "<lambda: 0 is no type>"),
    ("for A in y: pass\ndef f(x): pass\n", "A", NEW, "<A may be anything here>"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "type_text", "version", "after"), NAMES)
def test_how_the_type_is_written(text: str, type_text: str, version: tuple[int, int], after: str) -> None:
    assert written(text, "x", type_text, version=version) == after


EVENT = (Import("asyncio", "Event"),)


def test_a_common_word_is_imported_only_where_its_module_is_in_use() -> None:
    """`Event` may be a class of the project, which is not known here."""
    assert written("import asyncio\ndef f(x): pass\n", "x", "Event", EVENT) == "import asyncio\ndef f(x: asyncio.Event): pass\n"
    after = "from asyncio import Event, Queue\ndef f(x: Event): pass\n"
    assert written("from asyncio import Queue\ndef f(x): pass\n", "x", "Event", EVENT) == after
    assert written("import os\ndef f(x): pass\n", "x", "Event", EVENT).startswith("<Event may be another")


REFUSED = [
    "def f(x): return (\n",
    "print 'Python 2'\ndef f(x): pass\n",
    "try: pass\nexcept E, e: pass\ndef f(x): pass\n",
    "%matplotlib inline\ndef f(x): pass\n",
    "def f(x):  # type: (int) -> None\n    pass\n",
    "def f(x):\n    # type: (int) -> None\n    pass\n",
    "def f(\n    x,  # type: int\n): pass\n",
    "y = lambda x: x\n",
    "def f(x): pass\0",
]


@pytest.mark.parametrize("text", REFUSED)
def test_nothing_is_written_where_it_would_be_wrong(text: str) -> None:
    places = [found for found in slots(text) if found.name == "x"]
    made = annotate(Document("a.py", text), [Wish(place, "int") for place in places], NEW)
    assert made.text == text
    assert made.edits == ()
    assert len(made.refused) == len(places)


def test_a_global_is_not_annotated() -> None:
    """Python's parser lets it through; its compiler does not."""
    text = "def f():\n    global x\n    y = 1\n    x = 1\n"
    forged = Slot("variable", "x", text.rindex("x"), 3, 4, text.rindex("x") + 1)
    made = annotate(Document("a.py", text), [Wish(forged, "int")], NEW)
    assert made.edits == ()
    assert "global" in made.refused[0][1]


@pytest.mark.parametrize(("at", "prefix"), [(0, ": "), (5, ": "), (9, ": "), (5, " -> ")])
def test_a_slot_in_the_wrong_place_changes_nothing(at: int, prefix: str) -> None:
    text = "x, y = 1, 2\nz = f(a=x)\n"
    made = annotate(Document("a.py", text), [Wish(Slot("variable", "x", at, 0, at, at, prefix=prefix), "int")], NEW)
    assert (made.text, made.edits) == (text, ())


def test_several_types_are_written_together_and_the_bad_ones_left_out() -> None:
    text = "def f(a, b, c=None): pass\n"
    wishes = [Wish(slot(text, "a"), "Path", PATH), Wish(slot(text, "b"), "Unheard"), Wish(slot(text, "c"), "Path | None", PATH)]
    made = annotate(Document("a.py", text), wishes, NEW)
    assert made.text == "from pathlib import Path\n\ndef f(a: Path, b, c: Path | None = None): pass\n"
    assert [(wish.slot.name, why) for wish, why in made.refused] == [("b", "the file has no Unheard")]


CIRCLE = {
    "pkg/__init__.py": "from .mod import f\n",
    "pkg/mod.py": "import os\n\n\ndef f(x): pass\n",
    "pkg/model.py": "from .base import Base\nclass Model(Base): pass\n",
    "pkg/base.py": "from . import mod\nclass Base: pass\n",
    "pkg/inner.py": "from pkg import f\nclass Inner: pass\n",
    "pkg/one.py": "from . import two\nclass One: pass\n",
    "pkg/two.py": "from .one import One\n",
    "pkg/free.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from . import mod\n"
                   "def late():\n    from . import mod\nclass Free: pass\n",
}  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in CIRCLE.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def in_project(project: Path, text: str, type_text: str, module: str) -> str:
    imports = (Import(module, type_text, project=True),)
    return written(text, "x", type_text, imports, path=str(project / "pkg/mod.py"), root=str(project))


def test_an_import_that_would_close_a_circle_is_for_type_checkers_only(project: Path) -> None:
    text = CIRCLE["pkg/mod.py"]
    assert in_project(project, text, "Model", "pkg.model") == (
        "import os\nfrom typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from pkg.model import Model\n\n\n"
        'def f(x: "Model"): pass\n'
    )
    assert in_project(project, "from __future__ import annotations\n" + text, "Model", "pkg.model") == (
        "from __future__ import annotations\nimport os\nfrom typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n"
        "    from pkg.model import Model\n\n\ndef f(x: Model): pass\n"
    )


def test_a_package_that_is_half_there_and_a_circle_of_others_are_not_imported_at_run_time(project: Path) -> None:
    """`pkg` runs this file before it has an `f`; `one` and `two` work only if `one` comes first."""
    for type_text, module in (("f", "pkg"), ("Inner", "pkg.inner"), ("One", "pkg.one")):
        assert f'    from {module} import {type_text}\n\n\ndef g(x: "{type_text}"): pass\n' in in_project(
            project, "import os\n\n\ndef g(x): pass\n", type_text, module)


def test_the_first_import_of_a_file_may_be_for_type_checkers(project: Path) -> None:
    assert in_project(project, "def f(x): pass\n", "Model", "pkg.model") == (
        "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from pkg.model import Model\n\n"
        'def f(x: "Model"): pass\n'
    )


def test_an_import_goes_into_the_block_for_type_checkers_that_is_there(project: Path) -> None:
    text = "import typing\nif typing.TYPE_CHECKING:\n  import os\n\ndef f(x): pass\n"
    assert in_project(project, text, "Model", "pkg.model") == (
        "import typing\nif typing.TYPE_CHECKING:\n  import os\n  from pkg.model import Model\n\n"
        'def f(x: "Model"): pass\n'
    )


def test_a_module_that_needs_another_package_is_not_imported_at_run_time(project: Path) -> None:
    """The package may be an optional one, which this file has done without."""
    (project / "pkg/extra.py").write_text("import cryptography\nclass Extra: pass\n")
    text = "import os\n\n\ndef g(x): pass\n"
    assert 'def g(x: "Extra")' in in_project(project, text, "Extra", "pkg.extra")
    (project / "pkg/mod.py").write_text("import cryptography.x509\n")
    assert "from pkg.extra import Extra\n\n\ndef g(x: Extra)" in in_project(project, text, "Extra", "pkg.extra")


def test_what_only_a_stub_or_all_has_is_not_imported_at_run_time(project: Path) -> None:
    (project / "pkg/liar.py").write_text("__all__ = ['Ghost', 'Real']\nclass Real: pass\n")
    (project / "pkg/liar.pyi").write_text("class Real: ...\nclass Ghost: ...\n")
    (project / "pkg/stub.pyi").write_text("class Stub: ...\n")
    text = "import os\n\n\ndef g(x): pass\n"
    assert "\nfrom pkg.liar import Real\n\n\ndef g(x: Real)" in in_project(project, text, "Real", "pkg.liar")
    for type_text, module in (("Ghost", "pkg.liar"), ("Stub", "pkg.stub")):
        assert f'    from {module} import {type_text}\n\n\ndef g(x: "{type_text}")' in in_project(
            project, text, type_text, module)


def test_an_import_that_closes_no_circle_is_a_plain_one(project: Path) -> None:
    assert in_project(project, "from . import base\n\ndef f(x): pass\n", "Free", "pkg.free") == (
        "from . import base\nfrom .free import Free\n\ndef f(x: Free): pass\n"
    )


@pytest.mark.parametrize("module", [json.decoder, textwrap, ast])
def test_every_slot_of_a_module_can_be_written_at_once(module: ModuleType) -> None:
    text = inspect.getsource(module)
    wishes = [Wish(found, "int | None") for found in slots(text) if found.legal]
    made = annotate(Document("a.py", text), wishes, NEW)
    assert len(made.edits) + len(made.refused) == len(wishes)
    assert len(made.edits) > 0.95 * len(wishes)
    assert len([found for found in slots(made.text) if found.legal]) == len(made.refused)


PIECES = ["def f(", "x", "=1", ")", ":", " pass", "\n", "\n    ", "import os", "class A:", '"""', "self.", " = ", "# type: int",
          "ä", ","]  # fmt: skip


@settings(max_examples=60)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_whatever_is_written_parses(text: str) -> None:
    wishes = [Wish(found, "Path", PATH) for found in slots(text)]
    made = annotate(Document("a.py", text), wishes, NEW)
    if made.edits:
        ast.parse(made.text)
    else:
        assert made.text == text
    for wish in wishes:
        assert insertion(text, wish.slot, "int").start == wish.slot.insert_at
        assert spelled(Document("a.py", text), wish, NEW).text in ("", "Path", "pathlib.Path", "'Path'", '"Path"')
