"""The command line."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version

from ..monitors.errors import AnalysisDown, FairleadError
from .printable import printable
from .settings import Settings, switched
from .training import add_train


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 0 when it did what was asked, 2 for misuse and bad input."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except FairleadError as error:
        print(f"fairlead: {printable(str(error), 2_000)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `fairlead complete … | head`
        sys.stderr.close()
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fairlead", description="Code completion that cannot lie: a language server for Python."
    )
    parser.add_argument("--version", action="version", version=f"fairlead {version('fairlead')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="run the language server on standard input and output")
    serve.add_argument("--no-model", action="store_true", help="answer from analysis alone, without torch")
    _switches(serve)
    serve.set_defaults(run=_serve)

    complete = commands.add_parser("complete", help="print the ranked list and the ghost text at positions")
    complete.add_argument("position", nargs="+", metavar="PATH:LINE:COLUMN", help="counted from 1, in code points")
    complete.add_argument("--json", action="store_true", help="one JSON object a line and position")
    complete.add_argument("--no-model", action="store_true", help="answer from analysis alone, without torch")
    complete.add_argument("--root", default="", help="the project's folder; found by pyproject.toml or .git otherwise")
    complete.add_argument("--analysis", default="", metavar="COMMAND", help="another language server to ask, not jedi")
    complete.add_argument("--project-python", default="", help="environment of the project; it is read, never run")
    _switches(complete)
    _model_options(complete)
    complete.set_defaults(run=_complete)

    types = commands.add_parser("types", help="infer and predict the types nobody wrote; write the sure ones if asked to")
    types.add_argument("target", nargs="+", metavar="PATH[:LINE[:COLUMN]]", help="files, places, or folders")
    shape = types.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help="one JSON object a line and place")
    shape.add_argument("--diff", action="store_true", help="show the annotations that --apply would write")
    shape.add_argument("--apply", action="store_true", help="write the annotations that are sure enough")
    types.add_argument("--min-probability", type=_share, default=Settings().types_min_probability, metavar="P",
                       help="how sure: the lower end of the interval of a guess (default: %(default)s)")
    types.add_argument("--kinds", type=_kinds, default=("parameter", "return"), metavar="KIND,…",
                       help="what --diff and --apply write: parameter, return, variable, attribute (default: the first two)")
    types.add_argument("--resume", default="", metavar="FILE", help="note there what is done, and skip what was done")
    types.add_argument("--python", default="", metavar="X.Y", help="oldest Python the files run on; else the project's")
    types.add_argument("--root", default="", help="the project's folder; found by pyproject.toml or .git otherwise")
    types.add_argument("--project-python", default="", help="environment of the project; it is read, never run")
    types.set_defaults(run=_types)

    model = commands.add_parser("model", help="fetch and list models").add_subparsers(required=True, metavar="ACTION")
    pull = model.add_parser("pull", help="download a model from the Hugging Face hub into the local cache")
    pull.add_argument("id", help="for example Qwen/Qwen2.5-Coder-0.5B")
    pull.set_defaults(run=_pull)

    add_train(commands)

    doctor = commands.add_parser("doctor", help="check model, device, analysis and editors, and say how to mend them")
    doctor.add_argument("--root", default=".", help="the project to check the environment of")
    _model_options(doctor)
    doctor.set_defaults(run=_doctor)
    return parser


def _switches(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--unguided", action="store_true", help="switch the monitors off, for comparison")
    parser.add_argument("--no-draft", action="store_true", help="read nothing ahead of the ghost text; same text")
    parser.add_argument("--no-run-ahead", action="store_true", help="wait at every question to analysis; same text")


def _switched(settings: Settings, options: argparse.Namespace) -> Settings:
    return switched(
        settings, guided=not options.unguided, draft=not options.no_draft, run_ahead=not options.no_run_ahead
    )


def _model_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default="", help="a folder, or a hub id that was pulled; the packaged one otherwise")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))


def _serve(options: argparse.Namespace) -> int:
    from .app import serve

    return serve(with_model=not options.no_model, adjust=lambda settings: _switched(settings, options))


def _complete(options: argparse.Namespace) -> int:
    from .complete import as_line, as_text, complete, parse
    from .isolation import prepare

    prepare()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # JSON is UTF-8 whatever the terminal is; a path that is no text is escaped as JSON escapes it.
        sys.stdout.reconfigure(encoding="utf-8" if options.json else None, errors="backslashreplace")
    settings = replace(
        Settings(), model=options.model, device=options.device, project_python=options.project_python,
        analysis_command=options.analysis,
    )
    positions = [parse(text) for text in options.position]
    answers = complete(positions, _switched(settings, options), with_model=not options.no_model, root=options.root)
    for answer in answers:
        print(as_line(answer) if options.json else as_text(answer), flush=True)
    return 0


def _types(options: argparse.Namespace) -> int:
    from . import analysis, types_command
    from .isolation import prepare

    prepare()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8" if options.json else None, errors="backslashreplace")
    settings = replace(
        Settings(), project_python=options.project_python, types_python=options.python,
        types_min_probability=options.min_probability,
    )
    targets = [file for text in options.target for file in types_command.files_of(types_command.parse(text))]
    roots = sorted({types_command.root_for(target, options.root) for target in targets})
    asked = analysis.start(settings, roots)
    try:
        inference = analysis.inference(asked)
        if inference is None:
            raise AnalysisDown("nobody infers types here")
        return types_command.run(
            targets, inference, settings, root=options.root, kinds=options.kinds, journal=options.resume,
            mode="json" if options.json else "diff" if options.diff else "apply" if options.apply else "table",
        )
    finally:
        asked.shutdown()


def _share(text: str) -> float:
    share = float(text)
    if not 0.0 <= share <= 1.0:
        raise argparse.ArgumentTypeError(f"{text} is no share from 0 to 1")
    return share


def _kinds(text: str) -> tuple[str, ...]:
    kinds = tuple(text.split(","))
    if not set(kinds) <= {"parameter", "return", "variable", "attribute"}:
        raise argparse.ArgumentTypeError(f"{text!r}: expected some of parameter, return, variable, attribute")
    return kinds


def _pull(options: argparse.Namespace) -> int:
    from ..decoding.hub import pull

    folder = pull(options.id)
    print(f"{options.id} is in {folder}\nUse it with --model {options.id}, or the setting fairlead.model.")
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from .doctor import examine, report

    findings = examine(replace(Settings(), model=options.model, device=options.device), options.root)
    print(report(findings))
    return 0 if all(finding.good for finding in findings) else 1
