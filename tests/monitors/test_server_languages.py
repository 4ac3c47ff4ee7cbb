"""The dereference monitor in three languages, by three real servers and a scripted model; `scripts/servers` fetches them.

The model writes what does not exist. Unguided it stands; guided it is replaced by what the server knows.
"""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from fairlead.decoding.fakes import ScriptedEngine, byte_tokenizer, decoder_of
from fairlead.decoding.offer import Limits
from fairlead.monitors.analysis import Document, Members
from fairlead.monitors.roster import joint
from fairlead.monitors.server_analysis import ServerAnalysis

pytestmark = pytest.mark.e2e

WAIT_S = 60.0
CACHE = Path(os.environ.get("FAIRLEAD_E2E_CACHE") or Path.home() / ".cache" / "fairlead-e2e")
WORDS = [
    ".host", ".run", "->host", "->run", "?.run", "(1)", ").", "()", "();", ";\n", "const ", "auto ", " = ", "builder",
    "with_ip", "withIp", "build", "start", "return ", "\n",
]  # fmt: skip
BOLD = Limits(min_token=0.0, min_legal_mass=0.0, max_tokens=40)
"""The script is sure of what does not exist, so what exists is next to impossible."""


def command(language: str) -> str:
    """How the server of a language is started."""
    if language == "cpp":
        return "clangd --limit-results=0"
    found = sorted(CACHE.glob({"python": "basedpyright-[0-9.]*", "typescript": "typescript-[0-9.]*"}[language]))
    folders = [folder for folder in found if ".partial" not in folder.name]
    if not folders:
        pytest.fail(f"there is no server for {language} in {CACHE}: run scripts/servers")
    if language == "python":
        folder = folders[-1] / "bin"
        return shlex.join([str(folder / "python"), str(folder / "basedpyright-langserver"), "--stdio"])
    assert shutil.which("node"), "typescript-language-server needs node"
    return shlex.join([str(folders[-1] / "node_modules/.bin/typescript-language-server"), "--stdio"])


@dataclass(frozen=True)
class Program:
    """A program in one language; `|` is the cursor, `SOURCE` in a line stands for what a test writes there."""

    file: str
    text: str

    def document(self, folder: Path, source: str) -> tuple[Document, int]:
        text = self.text.replace("SOURCE", source)
        offset = text.index("|")
        text = text[:offset] + text[offset + 1 :]
        return Document(str(folder / self.file), text, 1, str(folder)), offset


PROGRAMS = {
    "python": Program("a.py", '''\
class Server:
    def start(self) -> None: ...

class Builder:
    def with_ip(self, ip: int) -> "Builder": ...
    def build(self) -> Server: ...

class Open:
    known = 1
    def __getattr__(self, name: str) -> int: ...

def main(builder: Builder, anything, open_one: Open):
    text = "é😀"; SOURCE
    return text
'''),
    "typescript": Program("a.ts", '''\
class Server { start(): void {} }
class Builder {
  private hidden = 1;
  withIp(ip: number): Builder { return this; }
  build(): Server { return new Server(); }
}
interface Open { known: number; [name: string]: number }
function main(builder: Builder, anything: any, open_one: Open, maybe?: Builder) {
  const text = "é😀"; SOURCE
  return text;
}
'''),
    "cpp": Program("a.cpp", '''\
struct Server { void start(); };
class Builder {
  int hidden;
public:
  Builder& withIp(int ip);
  Server* build();
};
template <class T> void open(T open_one) {
  SOURCE0
}
int main() {
  Builder builder; Builder* pointer = &builder; const char* text = "é😀"; SOURCE
  return 0;
}
'''),
}  # fmt: skip


@pytest.fixture(scope="module", params=["python", "typescript", "cpp"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def analysis(language: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerAnalysis]:
    started = ServerAnalysis(command(language), [str(tmp_path_factory.getbasetemp())])
    yield started
    started.shutdown()


def asked(analysis: ServerAnalysis, language: str, folder: Path, source: str) -> Members:
    """The members at `|` in the source, written into the language's program."""
    program = PROGRAMS[language]
    if "SOURCE0" in program.text:
        inside, source = (source, "") if "open_one" in source else ("", source)
        program = Program(program.file, program.text.replace("SOURCE0", inside))
    return analysis.members(*program.document(folder, source)).result(WAIT_S)


def written(
    analysis: ServerAnalysis, language: str, folder: Path, source: str, script: Mapping[str, str], guided: bool
) -> tuple[str, str]:
    """What the scripted model writes at `|`, and its provenance."""
    tokenizer = byte_tokenizer(WORDS)
    engine = ScriptedEngine(tokenizer, script)
    decoder = decoder_of(tokenizer, engine)
    program = PROGRAMS[language]
    document, offset = Program(program.file, program.text.replace("SOURCE0", "")).document(folder, source)
    made = decoder.write(document, offset, joint(analysis) if guided else None, BOLD)
    assert made.offers, made.reason
    return made.offers[0].text, made.offers[0].provenance


ENDS = {"python": "", "typescript": ";", "cpp": ";"}
WITH = {"python": "with_ip", "typescript": "withIp", "cpp": "withIp"}


def test_members_are_those_that_exist(analysis: ServerAnalysis, language: str, tmp_path: Path) -> None:
    answer = asked(analysis, language, tmp_path, f"builder.|{ENDS[language]}")
    assert answer.closed, answer.reason
    listed = {member.name for member in answer.members if not member.name.startswith("__")}
    assert {WITH[language], "build"} <= listed
    assert listed <= {WITH[language], "build", "Builder", "operator"}
    assert answer.receiver == "Builder"


def test_what_follows_a_call_is_known(analysis: ServerAnalysis, language: str, tmp_path: Path) -> None:
    accessor = "->" if language == "cpp" else "."
    answer = asked(analysis, language, tmp_path, f"builder.build(){accessor}|{ENDS[language]}")
    assert answer.closed, answer.reason
    assert "start" in answer.names
    assert "build" not in answer.names


def test_what_is_dynamic_is_open(analysis: ServerAnalysis, language: str, tmp_path: Path) -> None:
    """`__getattr__`, an index signature, a type parameter: every name is right there."""
    answer = asked(analysis, language, tmp_path, f"open_one.|{ENDS[language]}")
    assert not answer.closed, answer.reason
    if language != "cpp":
        assert "known" in answer.names
        assert not asked(analysis, language, tmp_path, "anything.|").closed


def test_an_invented_member_is_replaced_by_one_that_exists(
    analysis: ServerAnalysis, language: str, tmp_path: Path
) -> None:
    name, end = WITH[language], ENDS[language]
    script = {"x = builder": f".host(1){end}\n", name: f"(1){end}\n", "build": f"(){end}\n"}
    source = {"python": "x = builder.|", "typescript": "const x = builder.|", "cpp": "auto x = builder.|"}[language]
    assert written(analysis, language, tmp_path, source, script, guided=False) == (f"host(1){end}", "model")
    text, provenance = written(analysis, language, tmp_path, source, script, guided=True)
    assert text in (f"{name}(1){end}", f"build(){end}")
    assert provenance == "model, checked"


def test_a_dot_that_the_model_writes_itself_is_checked(
    analysis: ServerAnalysis, language: str, tmp_path: Path
) -> None:
    """The receiver stands in the generated text only; its invented member is taken back and drawn again."""
    name, end, accessor = WITH[language], ENDS[language], "->" if language == "cpp" else "."
    script = {
        "x = ": f"builder.{name}(1).build(){accessor}run(1){end}\n", "build()": f"{accessor}run(1){end}\n",
        f"{accessor}start": f"(){end}\n",
    }  # fmt: skip
    source = {"python": "x = |", "typescript": "const x = |", "cpp": "auto x = |"}[language]
    unguided, _ = written(analysis, language, tmp_path, source, script, guided=False)
    assert unguided == f"builder.{name}(1).build(){accessor}run(1){end}"
    guided, provenance = written(analysis, language, tmp_path, source, script, guided=True)
    assert guided.startswith(f"builder.{name}(1).build(){accessor}")
    assert "run" not in guided
    assert provenance == "model, checked"


@pytest.mark.parametrize("number", range(3))
def test_answers_come_within_the_budget_of_a_list(
    analysis: ServerAnalysis, language: str, tmp_path: Path, number: int
) -> None:
    """Two seconds (`analysis.budget_ms`), once the server is warm; the figures are in docs/analysis.md."""
    asked(analysis, language, tmp_path, f"builder.build(); builder.|{ENDS[language]}")
    program = PROGRAMS[language]
    document, offset = Program(program.file, program.text.replace("SOURCE0", "")).document(
        tmp_path, f"{'builder.build(); ' * (number + 2)}builder.|{ENDS[language]}"
    )
    assert analysis.members(document, offset).result(2.0).closed


def test_a_member_is_described(analysis: ServerAnalysis, language: str, tmp_path: Path) -> None:
    program = PROGRAMS[language]
    document, offset = Program(program.file, program.text.replace("SOURCE0", "")).document(
        tmp_path, f"builder.|{ENDS[language]}"
    )
    described = analysis.describe(document, offset, WITH[language]).result(WAIT_S)
    assert described is not None
    assert f"{WITH[language]}(" in described.signature
    assert "Builder" in described.signature
