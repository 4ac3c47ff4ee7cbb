"""What a session asks of the system, as the kernel sees it: no program but ours, no network, no file outside our folders.

And what it leaves behind: a secret typed into a buffer, or set in the environment, is in no file afterwards.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

if TYPE_CHECKING:
    from tests.server.client import Client

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(sys.platform != "linux", reason="strace and unshare are Linux's"),
]

StartClient = Callable[..., AbstractAsyncContextManager["Client"]]

SERVER = [sys.executable, "-E", "-P", "-m", "fairlead.server", "serve"]
OPTIONS = {"analysis.budget_ms": 20_000, "completion.budget_ms": 20_000, "inline.budget_ms": 20_000,
           "inline.min_confidence": 0.0, "log.level": "debug"}  # fmt: skip
CALLS = "execve,execveat,socket,connect,bind,listen,sendto,open,openat,creat,rename,renameat,renameat2,mkdir,mkdirat," \
        "unlink,unlinkat,rmdir,link,linkat,symlink,symlinkat,truncate"  # fmt: skip
SECRET = "hunter2canary"


@dataclass(frozen=True)
class Place:
    """The folders of one session."""

    base: Path

    def folder(self, name: str) -> Path:
        made = self.base / name
        made.mkdir(exist_ok=True)
        return made

    @property
    def workspace(self) -> Path:
        return self.folder("workspace")

    def environ(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "XDG_"))}
        return {
            **kept, "HOME": str(self.folder("home")), "XDG_CACHE_HOME": str(self.folder("cache")),
            "XDG_STATE_HOME": str(self.folder("state")), "TMPDIR": str(self.folder("tmp")), "TOKEN": f"env-{SECRET}",
        }  # fmt: skip

    @property
    def ours(self) -> list[Path]:
        return [self.folder(name) for name in ("home", "cache", "state", "tmp")]


@dataclass(frozen=True)
class Call:
    """One system call as strace writes it down."""

    name: str
    arguments: str
    failed: bool

    @property
    def path(self) -> str:
        found = re.search(r'"((?:[^"\\]|\\.)*)"', self.arguments)
        return found[1] if found is not None else ""


def calls(log: str) -> list[Call]:
    """Reads strace's lines, those that were interrupted put together again."""
    found, begun = [], dict[str, str]()
    for line in log.splitlines():
        process, _, rest = line.partition(" ")
        if rest.endswith("<unfinished ...>"):
            begun[process] = rest.removesuffix("<unfinished ...>")
            continue
        if resumed := re.match(r"\s*<\.\.\. \w+ resumed>(.*)", rest):
            rest = begun.pop(process, "") + resumed[1]
        whole = re.match(r"\s*(\w+)\((.*)\)\s+= (-?\d+)", rest)
        if whole is not None:
            found.append(Call(whole[1], whole[2], int(whole[3]) < 0))
    return found


def objections(made: list[Call], place: Place) -> list[str]:
    """What a server has no business to do."""
    found = []
    for call in made:
        if call.name.startswith("exec"):
            if call.path != sys.executable or not re.search("fairlead|altered", call.arguments):
                found.append(f"ran {call.path}")
        elif call.name in ("bind", "listen"):
            found.append(f"listened: {call.arguments[:60]}")
        elif call.name in ("socket", "connect", "sendto"):
            if "AF_INET" in call.arguments:
                found.append(f"network: {call.name}({call.arguments[:60]})")
        elif not call.failed and not is_allowed(call, place):
            found.append(f"wrote {call.path or call.arguments[:60]}")
    return found


def is_allowed(call: Call, place: Place) -> bool:
    """Whether a call that worked on a file only read it, or wrote where we may."""
    if call.name in ("open", "openat") and not re.search(r"O_WRONLY|O_RDWR|O_CREAT", call.arguments):
        return True
    own = [str(folder) + "/" for folder in place.ours]
    if call.path.startswith(("/dev/null", "/dev/shm/", "/proc/self/", *own)):
        return True
    # Python's own, beside its sources.
    compiled = (sysconfig.get_path("purelib"), sysconfig.get_path("stdlib"), str(Path(__file__).resolve().parents[2]))
    return "__pycache__" in call.path and call.path.startswith(compiled)


QUESTIONS = [
    "import os\nos.", "import json\njson.loads('{}').", "import helper\nhelper.Thing().", "x = [1]\nx.app",
    "class A:\n    def f(self, number):\n        return number.",
]  # fmt: skip


async def use(client: Client, place: Place, *, model: bool) -> dict[str, Any]:
    """Everything a person does in a session; the status at its end."""
    wanted = ("ready",) if model else ("static",)
    await client.notification("fairlead/status", where=lambda s: s["state"] in wanted, timeout_s=120)
    (place.workspace / "helper.py").write_text("class Thing:\n    only_here = 1\n")
    for number, text in enumerate(QUESTIONS):
        uri = (place.workspace / f"q{number}.py").as_uri()
        secret = f"password = '{SECRET}'\n{SECRET}_name = 1\n"
        client.open(uri, secret + text)
        lines = (secret + text).split("\n")
        at = client.at(uri, len(lines) - 1, len(lines[-1]))
        listed = await client.request("textDocument/completion", at, timeout_s=60)
        for item in (listed or {"items": []})["items"][:2]:
            await client.request("completionItem/resolve", item, timeout_s=60)
        await client.request("textDocument/hover", client.at(uri, 1, 2), timeout_s=60)
        await client.request("textDocument/inlineCompletion", {**at, "context": {"triggerKind": 2}}, timeout_s=60)
        client.change(uri, ((0, 0), (0, 0), "# "))
        client.save(uri, f"drifted = '{SECRET}'\n")
    return await client.status()


def traced(command: list[str], log: Path) -> list[str]:
    return ["strace", "-f", "--seccomp-bpf", "-qq", "-s", "4096", "-o", str(log), "-e", f"trace={CALLS}", *command]


@dataclass(frozen=True)
class Session:
    """One that is over."""

    place: Place
    calls: list[Call]
    status: dict[str, Any]
    stderr: str


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def session(start_client: StartClient, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Session]:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    place = Place(tmp_path_factory.mktemp("silence"))
    log = place.base / "strace.log"
    async with start_client(
        traced(SERVER, log), options=OPTIONS, roots=[place.workspace.as_uri()], env=place.environ(), cwd=place.workspace
    ) as client:
        status = await use(client, place, model=True)
    yield Session(place, calls(log.read_text("utf-8", "replace")), status, client.stderr.decode())


@pytest.mark.weights
async def test_the_kernel_sees_no_program_but_ours_no_network_and_no_file_outside_our_folders(
    session: Session, figure: Callable[[str, str], None]
) -> None:
    assert objections(session.calls, session.place) == []
    ran = [call for call in session.calls if call.name.startswith("exec") and not call.failed]
    assert len(ran) == 2, "the server, and its analysis"
    assert len(session.calls) > 500, "it was traced"
    assert not [path for path in session.place.workspace.iterdir() if path.name != "helper.py"]
    figure("S1", f"strace, {len(session.calls):,} calls: 2 programs run (ours), 0 network sockets, "
                 "0 writes outside our folders")  # fmt: skip
    figure("S10", f"strace, {len(session.calls):,} calls: 0 bind, 0 listen")


@pytest.mark.weights
async def test_a_secret_of_a_buffer_or_the_environment_is_in_no_file_afterwards(
    session: Session, figure: Callable[[str, str], None]
) -> None:
    files = [path for folder in session.place.ours for path in folder.rglob("*") if path.is_file()]
    assert any(path.name == "fairlead.log" for path in files)
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []
    assert SECRET not in json.dumps(session.status)
    assert SECRET not in session.stderr
    assert session.status["drift"] == len(QUESTIONS), "also where a text had drifted"
    figure("S8", f"canary in {len(files)} files, the status and stderr: 0 times")


ALTERED = """
import os, socket, subprocess, sys
from fairlead.server.cli import main
from fairlead.server.session import Session

listing = Session.list_members
async def careless(self, document, offset):
    folder = os.path.dirname(document.path)
    open(os.path.join(folder, "left_behind"), "w").close()
    subprocess.run(["/bin/true"])
    probe = socket.socket()
    probe.bind(("127.0.0.1", 0))
    probe.close()
    import logging
    logging.getLogger("fairlead").warning("a list for %s", document.text)
    return await listing(self, document, offset)
Session.list_members = careless
sys.exit(main(["serve", "--no-model"]))
"""


async def test_a_server_that_does_any_of_that_is_noticed(start_client: StartClient, tmp_path: Path) -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    place = Place(tmp_path)
    script, log = tmp_path / "altered.py", tmp_path / "strace.log"
    script.write_text(ALTERED)
    command = [sys.executable, "-E", "-P", str(script)]
    async with start_client(
        traced(command, log), options=OPTIONS, roots=[place.workspace.as_uri()], env=place.environ(), cwd=place.workspace
    ) as client:
        await use(client, place, model=False)
    found = " ".join(objections(calls(log.read_text("utf-8", "replace")), place))
    assert f"wrote {place.workspace}/left_behind" in found
    assert "ran /bin/true" in found
    assert "network: socket(AF_INET" in found
    assert "listened" in found
    logged = [path for path in place.folder("state").rglob("*.log") if SECRET in path.read_text()]
    assert logged != []


@pytest.fixture
def isolated() -> list[str]:
    """A command in front of another that takes the network away."""
    command = ["unshare", "-rn"]
    if subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no user namespaces here")
    return command


@pytest.mark.weights
async def test_without_a_network_everything_works(
    start_client: StartClient, tmp_path: Path, isolated: list[str], figure: Callable[[str, str], None]
) -> None:
    place = Place(tmp_path)
    async with start_client(
        [*isolated, *SERVER], options=OPTIONS, roots=[place.workspace.as_uri()], env=place.environ(), cwd=place.workspace
    ) as client:
        status = await use(client, place, model=True)
    assert status["state"] == "ready"
    assert status["latency_ms"]["inline"]["count"] == len(QUESTIONS)
    figure("S8", "a session with the model under `unshare -rn` is like any other")
