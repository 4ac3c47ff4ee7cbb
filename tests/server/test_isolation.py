"""The process stays ours: its stdout, its environment, its import path."""

import os
import site
import subprocess
import sys
from pathlib import Path

import pytest

from fairlead.server import isolation
from fairlead.server.isolation import prepare, start_warnings


def run(code: str, *flags: str, before: str = "", **options: object) -> subprocess.CompletedProcess[bytes]:
    """Python code that has imported our module; `before` is shell in front of it."""
    script = f"import os, sys\nfrom fairlead.server import isolation\n{code}"
    command = ["sh", "-c", f'{before} exec "$0" "$@"', sys.executable, *flags, "-c", script]
    return subprocess.run(command, capture_output=True, timeout=30, check=True, **options)  # type: ignore[call-overload,no-any-return]  # options are run's own


def test_libraries_are_quiet_offline_and_what_the_user_set_stays() -> None:
    environ = {"TRANSFORMERS_VERBOSITY": "debug", "HF_HUB_OFFLINE": "0", "PATH": "/bin"}
    assert prepare(environ, []) == []
    assert environ == {
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_OFFLINE": "0",
        "LRU_CACHE_CAPACITY": "64",
        "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64",
        "PATH": "/bin",
        "TOKENIZERS_PARALLELISM": "false",
        "TQDM_DISABLE": "1",
        "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
        "TRANSFORMERS_VERBOSITY": "debug",
    }


def test_children_inherit_nothing_that_chooses_code_for_python() -> None:
    environ = dict.fromkeys(isolation.QUIET, "x") | {"HOME": "/home/me", "VIRTUAL_ENV": "/venv"}
    dirty = environ | dict.fromkeys(["PYTHONPATH", "PYTHONHOME", "PYTHONANYTHING"], "x")
    prepare(dirty, [])
    assert dirty == environ


def test_it_is_the_process_that_is_prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", ".")
    for name in isolation.QUIET:
        monkeypatch.setenv(name, "kept")
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    prepare()
    assert "PYTHONPATH" not in os.environ
    assert os.environ["HF_HUB_OFFLINE"] == "kept"
    assert "" not in sys.path


def test_the_current_folder_leaves_the_import_path_by_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = tmp_path / "workspace"
    (workspace / "src").mkdir(parents=True)
    (tmp_path / "link").symlink_to(workspace)
    monkeypatch.chdir(workspace)
    kept = [str(tmp_path), str(workspace / "src"), "/no/such/folder", "__editable__.fairlead.finder.__path_hook__"]
    path = ["", ".", "src", "../workspace", str(workspace), str(tmp_path / "link"), *kept]
    warnings = prepare({}, path)
    assert path == kept
    assert len(warnings) == 1
    assert "the current folder was on the import path" in warnings[0]
    assert prepare({}, path) == []


def test_who_works_in_site_packages_can_still_import_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = site.getsitepackages()[0]
    monkeypatch.chdir(folder)
    path = ["", folder]
    assert len(prepare({}, path)) == 1
    assert path == [folder]
    assert prepare({}, path) == []


@pytest.mark.parametrize(
    ("environ", "ignored", "warns"),
    [
        ({"PYTHONPATH": "/work"}, False, True),
        ({"PYTHONSTARTUP": "x.py", "PYTHONHOME": "/x"}, False, True),
        ({"PYTHONPATH": "/work"}, True, False),
        ({"PYTHONPATH": ""}, False, False),
        ({"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}, False, False),
        ({}, False, False),
    ],
)
def test_variables_that_choose_what_runs_are_named(environ: dict[str, str], ignored: bool, warns: bool) -> None:
    warnings = start_warnings(environ, [], environment_ignored=ignored)
    assert bool(warnings) == warns
    assert all(name in warnings[0] for name in environ if warns)


@pytest.mark.parametrize(
    ("flags", "environ", "expected"),
    [
        (["-E", "-P"], {"PYTHONPATH": "."}, []),
        (["-I"], {"PYTHONPATH": "."}, []),
        (["-P"], {}, []),
        (["-P"], {"PYTHONPATH": "."}, ["current folder", "PYTHONPATH"]),
        ([], {}, ["current folder"]),
    ],
)
def test_a_start_without_the_flags_is_noticed(
    tmp_path: Path, flags: list[str], environ: dict[str, str], expected: list[str]
) -> None:
    (tmp_path / "torch.py").write_text("raise SystemExit('the workspace was imported')")
    code = """
for warning in isolation.prepare():
    print(warning)
import importlib.util
spec = importlib.util.find_spec("torch")
assert spec is None or not os.path.samefile(os.path.dirname(spec.origin), "."), spec
"""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = run(code, *flags, cwd=tmp_path, env=clean | environ)
    lines = done.stdout.decode().splitlines()
    assert len(lines) == len(expected)
    for line, part in zip(lines, expected, strict=True):
        assert part in line


POLLUTED = """
wire = isolation.private_stdout()
print("print")
os.write(1, b"write\\n")
os.system("echo child")
os.write(wire, b"wire" + str(os.get_inheritable(wire)).encode())
os._exit(0)
"""


def test_only_the_wire_reaches_the_real_stdout() -> None:
    done = run(POLLUTED)
    assert done.stdout == b"wireFalse"
    assert sorted(done.stderr.split()) == [b"child", b"print", b"write"]


def test_the_wire_works_where_stderr_is_closed() -> None:
    assert run(POLLUTED.replace('print("print")', ""), before="exec 2>&-;").stdout == b"wireFalse"


def test_who_else_reads_stdin_meets_its_end() -> None:
    code = """
wire = isolation.private_stdin()
assert sys.stdin.read() == "" == os.popen("cat").read()
print(os.read(wire, 100).decode())
"""
    assert run(code, input=b"message").stdout == b"message\n"
