"""`fairlead types` with an inference that answers from a table: what is printed, and what is written."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fairlead.monitors.errors import PositionError
from fairlead.monitors.fixed import FixedInference
from fairlead.monitors.slots import Import
from fairlead.server.cli import main
from fairlead.server.settings import Settings
from fairlead.server.types_command import Journal, Mode, Progress, Target, answer, files_of, parse, run, table, write

CODE = "import os\n\n\ndef load(path, size=1, *, unsure):\n    text = path.read_text()\n    return text\n"
WRITTEN = (
    "import os\nfrom pathlib import Path\n\n\ndef load(path: Path, size: int = 1, *, unsure) -> str:\n"
    "    text = path.read_text()\n    return text\n"
)
SETTINGS = Settings(types_python="3.12", types_min_probability=0.8)


@pytest.fixture
def inference() -> FixedInference:
    return FixedInference(
        {"path": {"Path": 0.9, "str": 0.06}, "size": "int", "load": {"str": 0.88}, "unsure": {"int": 0.4}, "text": "str"},
        {"Path": Import("pathlib", "Path")},
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.py", "pkg/b.py", "pkg/.hidden/c.py", "node_modules/d.py", "env/e.py", "notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(CODE)
    (tmp_path / "env/pyvenv.cfg").write_text("")
    (tmp_path / "pyproject.toml").write_text("")
    return tmp_path


def ran(
    inference: FixedInference, mode: Mode, *targets: Path | str, journal: str = "",
    kinds: tuple[str, ...] = ("parameter", "return"),
) -> int:  # fmt: skip
    found = [file for target in targets for file in files_of(parse(str(target)))]
    return run(found, inference, SETTINGS, mode=mode, journal=journal, kinds=kinds)


def test_json_has_the_fields_it_promises(
    folder: Path, inference: FixedInference, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(folder / "a.py")
    assert ran(inference, "json", path) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["name"], one["kind"], one["line"], one["column"]) for one in lines] == [
        ("load", "return", 4, 5), ("path", "parameter", 4, 10), ("size", "parameter", 4, 16), ("unsure", "parameter", 4, 27),
        ("text", "variable", 5, 5),
    ]  # fmt: skip
    assert lines[1] == {
        "path": path, "line": 4, "column": 10, "name": "path", "kind": "parameter", "static": None,
        "predicted": [
            {"type": "Path", "probability": 0.9, "low": 0.87, "high": 0.93},
            {"type": "str", "probability": 0.06, "low": 0.03, "high": 0.09},
        ],
        "set": ["Path"], "evidence": ["the name path is in the table (line 4)"],
    }  # fmt: skip
    assert (lines[2]["static"], lines[2]["predicted"], lines[2]["set"]) == ("int", [], [])
    assert lines[3]["set"] == ["int", "other"]


def test_a_line_and_a_place(folder: Path, inference: FixedInference, capsys: pytest.CaptureFixture[str]) -> None:
    ran(inference, "json", f"{folder / 'a.py'}:5")
    assert [json.loads(line)["name"] for line in capsys.readouterr().out.splitlines()] == ["text"]
    ran(inference, "json", f"{folder / 'a.py'}:5:14")
    assert [json.loads(line)["name"] for line in capsys.readouterr().out.splitlines()] == ["path"], "used there"
    ran(inference, "json", f"{folder / 'a.py'}:2")
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", f"fairlead: {folder / 'a.py'}:2: nothing there that lacks a type\n")


def test_the_table(folder: Path, inference: FixedInference) -> None:
    made = answer(Target(str(folder / "a.py")), inference, SETTINGS)
    lines = table(made.records).splitlines()
    assert lines[1].split("  ")[-1] == "Path? 90 % [87–93] · str 6 %"
    assert lines[2].split()[-1] == "int"
    assert len({line.index("parameter") for line in lines[1:4]}) == 1


def test_of_a_whole_file_only_what_is_known_is_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.py").write_text("def f(path, unheard, unsure): pass\n")
    ran(FixedInference({"path": {"Path": 0.9}, "unsure": {"int": 0.1}}), "table", tmp_path / "a.py")
    *rows, last = capsys.readouterr().out.splitlines()
    assert [row.split()[2] for row in rows] == ["path"]
    assert last == "1 of 4 places without annotation known or predicted"
    ran(FixedInference({}), "table", f"{tmp_path / 'a.py'}:1:7")
    assert capsys.readouterr().out.split()[-2:] == ["not", "known"]


def test_apply_writes_what_diff_shows(folder: Path, inference: FixedInference, capsys: pytest.CaptureFixture[str]) -> None:
    assert ran(inference, "diff", folder / "a.py") == 0
    shown = capsys.readouterr().out
    assert (folder / "a.py").read_text() == CODE
    (folder / "a.py").chmod(0o640)
    assert ran(inference, "apply", folder / "a.py") == 0
    assert capsys.readouterr().out == "3 types written into 1 file\n"
    assert (folder / "a.py").read_text() == WRITTEN
    assert (folder / "a.py").stat().st_mode & 0o777 == 0o640
    added = [line[1:] for line in shown.splitlines() if line.startswith("+") and not line.startswith("+++")]
    assert added == [line for line in WRITTEN.splitlines() if line not in CODE.splitlines()]
    assert sorted(os.listdir(folder)) == ["a.py", "env", "node_modules", "notes.txt", "pkg", "pyproject.toml"]


def test_a_guess_that_is_shown_may_be_too_unsure_to_be_written_unasked(folder: Path, inference: FixedInference) -> None:
    made = answer(Target(str(folder / "a.py")), inference, Settings(types_python="3.12"))
    assert [(one["predicted"][0]["low"], one["name"]) for one in made.records if one["name"] == "path"] == [(0.87, "path")]
    assert made.annotated == CODE.replace("size=1", "size: int = 1")


def test_variables_are_written_when_asked_for(folder: Path, inference: FixedInference) -> None:
    ran(inference, "apply", folder / "a.py", kinds=("variable",))
    assert (folder / "a.py").read_text() == CODE.replace("text =", "text: str =")


def test_a_folder_means_its_own_python_files(folder: Path, inference: FixedInference) -> None:
    assert ran(inference, "apply", folder) == 0
    texts = {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.py")}
    assert {name for name, text in texts.items() if text == WRITTEN} == {"a.py", "pkg/b.py"}


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"def f(path): pass\r\n", b"from pathlib import Path\r\n\r\ndef f(path: Path): pass\r\n"),
        (b"\xef\xbb\xbfdef f(path): pass", b"\xef\xbb\xbffrom pathlib import Path\n\ndef f(path: Path): pass"),
        (b"# coding: latin-1\ndef f(path): '\xe4'\n",
         b"# coding: latin-1\n\nfrom pathlib import Path\n\ndef f(path: Path): '\xe4'\n"),
        (b"def f(path): return (\n", b"def f(path): return (\n"),
        (b"print 'x'\ndef f(path): pass\n", b"print 'x'\ndef f(path): pass\n"),
        (b"", b""),
    ],
)  # fmt: skip
def test_bytes_stay_what_they_were(tmp_path: Path, inference: FixedInference, data: bytes, what: bytes) -> None:
    (tmp_path / "a.py").write_bytes(data)
    assert ran(inference, "apply", tmp_path / "a.py") == 0
    assert (tmp_path / "a.py").read_bytes() == what


def test_a_file_that_changed_meanwhile_is_left_alone(folder: Path, inference: FixedInference) -> None:
    made = answer(Target(str(folder / "a.py")), inference, SETTINGS)
    (folder / "a.py").write_text("# mine\n")
    with pytest.raises(PositionError, match="changed meanwhile"):
        write(made)
    assert (folder / "a.py").read_text() == "# mine\n"


def test_a_link_is_followed_not_replaced(folder: Path, inference: FixedInference) -> None:
    (folder / "link.py").symlink_to(folder / "a.py")
    ran(inference, "apply", folder / "link.py")
    assert (folder / "link.py").is_symlink()
    assert (folder / "a.py").read_text() == WRITTEN


def test_one_bad_file_does_not_spoil_the_rest(
    folder: Path, inference: FixedInference, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "0.py").write_bytes(b"\xff\xfe")
    os.mkfifo(folder / "1.py")
    assert ran(inference, "json", folder) == 2
    printed = capsys.readouterr()
    assert {json.loads(line)["path"] for line in printed.out.splitlines()} == {str(folder / "a.py"), str(folder / "pkg/b.py")}
    assert printed.err.count("fairlead: ") == 2


def test_a_run_that_was_cut_off_goes_on(folder: Path, inference: FixedInference, capsys: pytest.CaptureFixture[str]) -> None:
    journal = str(folder / "done.jsonl")
    ran(inference, "json", folder / "a.py", journal=journal)
    first = capsys.readouterr().out
    with open(journal, "a") as file:
        file.write('{"path": "cut o')
    ran(inference, "json", folder, journal=journal)
    assert inference.asked == [str(folder / "a.py"), str(folder / "pkg/b.py")], "a.py was not inferred twice"
    assert capsys.readouterr().out.startswith(first)
    (folder / "a.py").write_text(CODE + "x = 1\n")
    ran(inference, "json", folder, journal=journal)
    assert inference.asked[2:] == [str(folder / "a.py")], "it is another file now"


def test_writing_goes_on_too(folder: Path, inference: FixedInference, capsys: pytest.CaptureFixture[str]) -> None:
    journal = str(folder / "done.jsonl")
    ran(inference, "json", folder, journal=journal)
    ran(inference, "apply", folder / "a.py", journal=journal)
    del inference.asked[:]
    ran(inference, "apply", folder, journal=journal)
    assert inference.asked == [str(folder / "pkg/b.py")]
    assert capsys.readouterr().out.splitlines()[-1] == "3 types written into 1 file; 1 file was done before"


@pytest.mark.parametrize("text", ["nowhere.py", "nowhere.py:1", ".:3", "", ":1:2", "\0"])
def test_bad_targets(text: str) -> None:
    with pytest.raises(PositionError):
        parse(text)


def test_a_package_without_a_project_is_imported_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "pkg/inner").mkdir(parents=True)
    for name in ("pkg/__init__.py", "pkg/inner/__init__.py"):
        (tmp_path / name).write_text("")
    (tmp_path / "pkg/inner/a.py").write_text("from . import b\n\n\ndef f(thing): pass\n")
    (tmp_path / "pkg/inner/b.py").write_text("class Thing: ...\n")
    inference = FixedInference({"thing": {"Thing": 0.99}}, {"Thing": Import("pkg.inner.b", "Thing", project=True)})
    ran(inference, "apply", tmp_path / "pkg/inner/a.py")
    assert (tmp_path / "pkg/inner/a.py").read_text() == "from . import b\n\n\ndef f(thing: b.Thing): pass\n"


def test_a_line_that_is_not_there(folder: Path, inference: FixedInference) -> None:
    with pytest.raises(PositionError, match="no line 99"):
        answer(parse(f"{folder / 'a.py'}:99"), inference, SETTINGS)


def test_a_file_whose_name_ends_in_a_number(tmp_path: Path) -> None:
    (tmp_path / "a.py:3").write_text("")
    assert parse(str(tmp_path / "a.py:3")) == Target(str(tmp_path / "a.py:3"))
    assert parse(str(tmp_path / "a.py:3") + ":7") == Target(str(tmp_path / "a.py:3"), 7)


def test_the_bar_is_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for stream, expected in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stderr", stream)
        progress = Progress(4)
        progress.at(1, "a.py")
        assert ("1/4  a.py" in stream.getvalue()) == expected
        progress.clear()


def test_misuse_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    # In a process of its own: the command changes the environment it runs in.
    asked = [sys.executable, "-E", "-P", "-m", "fairlead.server", "types", "nowhere.py"]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "there is no such file" in done.stderr
    for wrong in (["--min-probability", "2", "."], ["--kinds", "class", "."], ["--json", "--apply", "."], []):
        with pytest.raises(SystemExit, match="2"):
            main(["types", *wrong])
        assert "usage:" in capsys.readouterr().err


def test_a_journal_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(PositionError, match="cannot be read"):
        Journal(str(tmp_path))
    (tmp_path / "j").write_bytes(b"[1]\nnull\n{}\n")
    assert Journal(str(tmp_path / "j")).done("a.py") is None
