"""`fairlead`, as a person or a program calls it: what is printed, and what is said when it cannot be."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from fairlead.monitors.errors import PositionError
from fairlead.server.complete import document_at, parse

SCRIPT = Path(sysconfig.get_path("scripts")) / "fairlead"
MODULE = [sys.executable, "-E", "-P", "-m", "fairlead.server"]

SHOP = """\
from dataclasses import dataclass


@dataclass
class Article:
    name: str
    price: int

    def sell(self, amount: int = 1) -> int:
        return self.price * amount


def total(article: Article) -> int:
    return article.
"""
"""The cursor is wanted at 14:20."""

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def run(*arguments: str, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(SCRIPT), *arguments], cwd=cwd, capture_output=True, text=True, encoding="utf-8", timeout=60, check=False,
        env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("project")
    (made / "pyproject.toml").touch()
    (made / "shop.py").write_text(SHOP)
    (made / "letters.py").write_text("import os\n漢字 = '😀'; os.getcw\n", "utf-8")
    (made / "bom.py").write_bytes("import os\r\nos.getcw\r\n".encode("utf-8-sig"))
    (made / "latin.py").write_bytes("# coding: latin-1\nimport os\nx = 'ÿ'; os.getcw".encode("latin-1"))
    (made / "empty.py").touch()
    (made / "folder.py").mkdir()
    (made / "undecodable.py").write_bytes(b"x = '\xff'\n")
    (made / "no_such_coding.py").write_bytes(b"# coding: nope\nx = 1\n")
    (made / "no_text_coding.py").write_bytes(b"# coding: hex\n00\n")
    (made / "no_model").mkdir()
    os.mkfifo(made / "fifo.py")
    return made


def answers(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


# Answers.

KINDS = {"module", "class", "function", "method", "property", "variable", "field", "parameter", "keyword", "enum_member",
         "constant", "text"}  # fmt: skip
STOPS = {"end_of_line", "end_of_block", "end_of_text", "confidence", "budget", "unverified", "length"}


def assert_schema(answer: dict[str, Any], *, with_model: bool) -> None:
    assert {"position", "monitor", "completions", "inline", "timings_ms"} <= set(answer)
    assert {name: type(value) for name, value in answer["position"].items()} == {"path": str, "line": int, "column": int}
    if answer["monitor"] is not None:
        types = {name: type(value) for name, value in answer["monitor"].items()}
        mass = types.pop("legal_mass")
        assert types == {"name": str, "closed": bool, "reason": str, "legal": int}
        assert mass is (float if with_model else type(None))
    for item in answer["completions"]:
        assert set(item) == {"label", "kind", "probability", "provenance"}
        assert item["kind"] in KINDS
        assert item["provenance"] in ("analysis", "model, checked", "model")
        assert item["probability"] is None or 0 <= item["probability"] <= 1
    for item in answer["inline"]:
        assert set(item) == {"text", "probability", "provenance", "stopped"}
        assert item["text"]
        assert 0 <= item["probability"] <= 1
        assert item["provenance"] in ("analysis", "model, checked", "model")
        assert item["stopped"] in STOPS
    assert list(answer["timings_ms"]) == ["analysis", "prefill", "decode", "total"]
    assert all(isinstance(value, float) and value >= 0 for value in answer["timings_ms"].values())


@pytest.fixture(scope="module")
def guided(folder: Path) -> list[dict[str, Any]]:
    return answers(run("complete", "--json", "shop.py:14:20", "letters.py:2:19", "shop.py:14:5", cwd=folder))


@pytest.mark.weights
def test_each_position_is_answered_in_order_by_one_line_of_the_promised_form(guided: list[dict[str, Any]]) -> None:
    assert [answer["position"] for answer in guided] == [
        {"path": "shop.py", "line": 14, "column": 20},
        {"path": "letters.py", "line": 2, "column": 19},
        {"path": "shop.py", "line": 14, "column": 5},
    ]
    for answer in guided:
        assert_schema(answer, with_model=True)


@pytest.mark.weights
def test_members_are_ranked_and_their_probabilities_sum_to_one(guided: list[dict[str, Any]]) -> None:
    first = guided[0]
    assert first["monitor"]["name"] == "dereference"
    assert first["monitor"]["closed"] is True
    assert first["monitor"]["reason"] == "all members of Article"
    assert first["monitor"]["legal"] >= len(first["completions"])
    assert 0 < first["monitor"]["legal_mass"] <= 1
    chances = [item["probability"] for item in first["completions"]]
    assert sum(chances) == pytest.approx(1, abs=0.01)
    assert {item["label"] for item in first["completions"][:3]} == {"name", "price", "sell"}
    kinds = {item["label"]: item["kind"] for item in first["completions"]}
    assert kinds["sell"] == "method"


@pytest.mark.weights
def test_ghost_text_names_a_member_that_exists(guided: list[dict[str, Any]]) -> None:
    (ghost,) = guided[0]["inline"]
    assert re.match(r"\w*", ghost["text"]).group() in {"name", "price", "sell"}  # type: ignore[union-attr]  # it matches
    assert ghost["provenance"] == "model, checked"


@pytest.mark.weights
def test_columns_count_code_points(guided: list[dict[str, Any]]) -> None:
    assert sorted(item["label"] for item in guided[1]["completions"]) == ["getcwd", "getcwdb"]


@pytest.mark.weights
def test_unguided_asks_the_model_alone(folder: Path, guided: list[dict[str, Any]]) -> None:
    (answer,) = answers(run("complete", "--json", "--unguided", "--device", "cpu", "shop.py:14:20", cwd=folder))
    assert_schema(answer, with_model=True)
    assert answer["monitor"] is None
    assert answer["completions"] == []
    assert [item["provenance"] for item in answer["inline"]] in (["model"], [])
    assert answer["position"] == guided[0]["position"]


def test_without_a_model_analysis_answers_and_torch_is_not_imported(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *MODULE[1:], "complete", "--json", "--no-model", "shop.py:14:20",
         "letters.py:2:19", "bom.py:2:9", "latin.py:3:18", "empty.py:1:1", "shop.py:1:1"],
        cwd=folder, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    names = {name.partition(".")[0] for name in re.findall(r"^import time:.*\| +(\S+)$", done.stderr, re.MULTILINE)}
    assert "fairlead" in names
    assert names & {"torch", "transformers", "tokenizers", "numpy", "jedi"} == set()
    listed = [json.loads(line) for line in done.stdout.splitlines()]
    for answer in listed:
        assert_schema(answer, with_model=False)
        assert answer["inline"] == []
    assert listed[0]["monitor"] == {
        "name": "dereference", "closed": True, "reason": "all members of Article", "legal": listed[0]["monitor"]["legal"],
        "legal_mass": None,
    }  # fmt: skip
    assert [item["label"] for item in listed[0]["completions"]][:3] == ["price", "name", "sell"]  # by what the text says
    for answer in listed[1:4]:
        assert [item["label"] for item in answer["completions"]] == ["getcwd", "getcwdb"]
        assert all(item["probability"] is None for item in answer["completions"])
    for answer in listed[4:]:  # where a statement begins, names rank
        assert (answer["monitor"]["name"], answer["monitor"]["closed"]) == ("name", False)
        assert "print" in [item["label"] for item in answer["completions"]]


def test_the_same_for_a_person(folder: Path) -> None:
    done = run("complete", "--no-model", "shop.py:14:20", cwd=folder, env={"LC_ALL": "C", "PYTHONUTF8": "0"})
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "shop.py:14:20"
    assert re.fullmatch(r"  dereference: closed, \d+ names", lines[1])
    assert lines[2] == "  all members of Article"
    assert [line.split()[0] for line in lines[3:6]] == ["price", "name", "sell"]


def test_a_path_that_is_no_text_is_escaped_as_json_escapes_it(folder: Path) -> None:
    name = os.fsdecode(b"\xff.py")
    (folder / name).write_text("import os\nos.getcw")
    for environ in ({}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}):
        (answer,) = answers(run("complete", "--json", "--no-model", f"{name}:2:9", cwd=folder, env=environ))
        assert answer["position"]["path"] == name
        assert [item["label"] for item in answer["completions"]] == ["getcwd", "getcwdb"]


def test_who_stops_reading_is_no_fault(folder: Path) -> None:
    process = subprocess.Popen(
        [str(SCRIPT), "complete", "--no-model", *["shop.py:14:20"] * 3], cwd=folder, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.close()
    _, stderr = process.communicate(timeout=30)
    assert b"Traceback" not in stderr
    assert process.returncode == 1


# Bad input: (arguments behind `complete`, what is said).

NO_POSITION = "{text!r} is no position; write PATH:LINE:COLUMN, counting from 1"
BAD_POSITIONS = ["shop.py", "shop.py:1", "shop.py:0:1", "shop.py:1:0", "shop.py:-1:1", "shop.py:x:1", "shop.py:1:1:", ":1:1",
                 "", "shop.py:1.5:1", "shop.py:1:9999999999", ":::", "shop.py: 1:1"]  # fmt: skip
BAD_PLACES = {
    "gone.py:1:1": "gone.py: cannot be read ([Errno 2] No such file or directory: 'gone.py')",
    "shop.py/x.py:1:1": "shop.py/x.py: cannot be read ([Errno 20] Not a directory: 'shop.py/x.py')",
    "folder.py:1:1": "folder.py: not a regular file",
    "fifo.py:1:1": "fifo.py: not a regular file",
    "/dev/zero:1:1": "/dev/zero: not a regular file",
    "shop.py:16:1": "shop.py: has 15 lines, there is no line 16",
    "shop.py:14:21": "shop.py:14: has 19 characters, there is no column 21",
    "empty.py:1:2": "empty.py:1: has 0 characters, there is no column 2",
    "letters.py:2:20": "letters.py:2: has 18 characters, there is no column 20",
    "undecodable.py:1:1":
        "undecodable.py: cannot be read (invalid or missing encoding declaration for 'undecodable.py')",
    "no_such_coding.py:1:1": "no_such_coding.py: cannot be read (unknown encoding for 'no_such_coding.py': nope)",
    "no_text_coding.py:1:1": "no_text_coding.py: cannot be read ('hex' is not a text encoding; use codecs.open() to handle "
                             "arbitrary codecs)",
}  # fmt: skip


@pytest.mark.parametrize("text", [*BAD_POSITIONS, f"shop.py:{'1' * 5000}:1"], ids=lambda text: text[:20])
def test_what_is_no_position(text: str) -> None:
    with pytest.raises(PositionError) as caught:
        parse(text)
    assert str(caught.value) == NO_POSITION.format(text=text[-80:])


@pytest.mark.parametrize("text", BAD_PLACES)
def test_places_that_do_not_exist(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(PositionError) as caught:
        document_at(parse(text))
    assert str(caught.value) == BAD_PLACES[text]


BAD: dict[tuple[str, ...], str] = {
    **{(text,): f"fairlead: {BAD_PLACES[text]}\n" for text in ("fifo.py:1:1", "undecodable.py:1:1", "shop.py:14:21")},
    ("shop.py:14:20", "gone.py:1:1"): f"fairlead: {BAD_PLACES['gone.py:1:1']}\n",
    ("shop.py:1",): f"fairlead: {NO_POSITION.format(text='shop.py:1')}\n",
    ("--model", "no_model", "shop.py:14:20"): "fairlead: {folder}/no_model is no model folder: it holds no config.json\n",
    ("--model", "nobody/nothing", "shop.py:14:20"): "fairlead: The model nobody/nothing is not on this machine. "
                                                    "Fetch it with: fairlead model pull nobody/nothing\n",
}  # fmt: skip


@pytest.fixture(scope="module")
def said(folder: Path) -> Iterator[dict[tuple[str, ...], subprocess.CompletedProcess[str]]]:
    """All of them, three at a time: most of the time each takes is Python's own start."""
    with ThreadPoolExecutor(3) as pool:
        def one(arguments: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
            model = [] if "--model" in arguments else ["--no-model"]
            return run("complete", "--json", *model, *arguments[:-1], "--", arguments[-1], cwd=folder)

        yield dict(zip(BAD, pool.map(one, BAD), strict=True))


@pytest.mark.parametrize("arguments", BAD, ids=lambda arguments: " ".join(arguments)[:40])
def test_what_cannot_be_answered_is_one_line_on_stderr(
    said: dict[tuple[str, ...], subprocess.CompletedProcess[str]], folder: Path, arguments: tuple[str, ...]
) -> None:
    done = said[arguments]
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == BAD[arguments].replace("{folder}", str(folder))


@pytest.mark.weights
def test_a_device_that_is_not_there_is_one_line_on_stderr(folder: Path) -> None:
    import torch

    device = "mps" if torch.cuda.is_available() else "cuda"
    done = run("complete", "--json", "--device", device, "shop.py:14:20", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(
        rf"fairlead: The device {device} is not usable on this machine \(usable: [a-z, ]+\); set device to auto\n", done.stderr
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["complete"], "the following arguments are required: PATH:LINE:COLUMN"),
        (["complete", "--device", "abacus", "shop.py:1:1"], "argument --device: invalid choice: 'abacus'"),
        (["model"], "the following arguments are required: ACTION"),
        (["serve", "--tcp"], "unrecognized arguments: --tcp"),
    ],
)
def test_misuse_is_told_with_the_usage(folder: Path, arguments: list[str], said: str) -> None:
    done = run(*arguments, cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: fairlead ")
    assert said in done.stderr


# The other commands.


def test_the_version(folder: Path) -> None:
    assert run("--version", cwd=folder).stdout == f"fairlead {version('fairlead')}\n"


@pytest.mark.weights
def test_the_doctor_finds_everything_in_place(folder: Path) -> None:
    """On a PATH with nothing else on it, so that the editors of this machine are not asked."""
    done = run("doctor", "--root", ".", cwd=folder, env={"PATH": str(SCRIPT.parent)})
    assert done.returncode == 0, done.stdout
    found = dict(line.removeprefix("ok    ").split(": ", 1) for line in done.stdout.splitlines())
    assert list(found) == ["python", "model", "analysis", "project", "protocols", "server on PATH"]
    assert re.match(r"3\.\d+\.\d+ \(/.*\)$", found["python"])
    assert re.match(r"fairlead-python-8m, 8\.5 M parameters, \w+ on \w+, ready in \d+\.\d s", found["model"])
    assert re.match(r"\d+ names behind `os\.path\.` in \d+\.\d s", found["analysis"])
    assert found["server on PATH"] == str(SCRIPT)


def test_the_doctor_says_how_to_mend_what_is_broken(folder: Path) -> None:
    (folder / "bin").mkdir()
    for name, says in (("nvim", "NVIM v0.9.5"), ("code", "1.0")):
        (folder / "bin" / name).write_text(f"#!/bin/sh\necho {says}\n")
        (folder / "bin" / name).chmod(0o755)
    environ = {"PATH": str(folder / "bin"), "HOME": str(folder)}
    done = run("doctor", "--model", "no_model", "--root", ".", cwd=folder, env=environ)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    failed = {line: lines[at + 1].strip() for at, line in enumerate(lines) if line.startswith("FAIL")}
    assert failed == {
        f"FAIL  model: {folder}/no_model is no model folder: it holds no config.json":
            "see the setting fairlead.model; empty is the packaged one",
        "FAIL  server on PATH: there is no `fairlead` on PATH":
            f"add {Path(sys.executable).parent} to PATH, or set fairlead.server.path in the editor",
        "FAIL  neovim: NVIM v0.9.5": "0.11 is needed for lists, 0.12 for ghost text",
        "FAIL  vs code: extension not installed": "install the extension: code --install-extension fairlead.vsix",
    }  # fmt: skip
    assert any(line.startswith("ok    analysis: ") for line in lines)


@pytest.mark.parametrize(
    ("model_id", "environ", "message"),
    [
        ("nobody/nothing", {}, r"nobody/nothing could not be fetched \(.*refused.*\)\. Check the connection .*, and try again"),
        ("nobody/nothing", {"HF_HUB_OFFLINE": "1"}, r"HF_HUB_OFFLINE is set: unset it to fetch nobody/nothing"),
        ("no id!", {}, r"'no id!' is no hub id; one looks like owner/name"),
        ("../../etc", {}, r"'\.\./\.\./etc' is no hub id; one looks like owner/name"),
    ],
)
def test_a_model_that_cannot_be_pulled_is_one_line(
    folder: Path, model_id: str, environ: dict[str, str], message: str
) -> None:
    """The hub is a port on this machine at which nobody listens."""
    alone = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(folder / "hub"), "NO_PROXY": "*", "no_proxy": "*"}
    done = run("model", "pull", model_id, cwd=folder, env={**alone, **environ})
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(f"fairlead: {message}\n", done.stderr), done.stderr


def test_the_script_is_there() -> None:
    assert shutil.which("fairlead", path=str(SCRIPT.parent)) == str(SCRIPT)
