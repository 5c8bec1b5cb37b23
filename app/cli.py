"""The command line: each verb parses its arguments, calls one function of `studies` or `reports`, and prints.

Nothing heavy is imported before a verb needs it, so that `accordance --help` answers at once.
"""

# ruff: noqa: PLC0415 - see above
from __future__ import annotations

import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from . import protocols, versions
from .console import Output, folded, shown, typed
from .failures import INTERRUPTED, SOME_FAILED, usage
from .failures import report as report_failure
from .options import Json, Memory, Run, Shown, Study, Variant, Workers, size

RESERVED = (
    "verify", "sign", "qualify", "amend", "seal", "unseal", "ledger",
    "bundle", "export", "monitor", "serve",
)  # fmt: skip
"""Verbs that the command line keeps for later, so that nobody's plug-in or alias takes them."""

app = typer.Typer(
    name="accordance",
    rich_markup_mode="rich",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
app.add_typer(protocols.app, name="protocols")


def _version(wanted: bool) -> None:
    if wanted:
        from .. import __version__

        typer.echo(f"accordance {__version__}")
        raise typer.Exit


@app.callback()
def _top(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Clinical validation studies of wearable algorithms.

    From a declared protocol and two devices' data to a decision and a report.

    A first look, with two finished example studies:

        accordance demo                   # run both, and say where to look
        accordance app demo               # the results in the browser

    A study of your own:

        accordance init my-study          # study.yaml, protocol.yaml, sections/
        accordance plan my-study          # how many subjects, and why
        accordance check my-study         # protocol and data as agreed?
        accordance lock my-study --who "A. Author"
        accordance run my-study           # estimates, intervals, decisions
        accordance report my-study        # PDF and HTML
        accordance gate my-study          # the decision as an exit code
        accordance compare my-study --baseline v1 --candidate v2

    Exit codes: 0 completed, 1 gate: not met, 2 usage, 3 gate: not evaluable,
    4 protocol or data violate their contract, 5 integrity, 6 completed, but
    a program failed on some subjects, 70 internal error, 74 input or output,
    130 interrupted.
    """


@app.command()
def init(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder for the study; it may hold data already.")
    ],
    example: Annotated[
        str | None, typer.Option(metavar="ID", help="Begin from a finished example study.")
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help="Begin from a protocol of the library (`accordance protocols list`)."
        ),
    ] = None,
    ci: Annotated[
        str | None,
        typer.Option(
            metavar="github|gitlab", help="Besides, files that let a forge ask the gate on every change."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Begin a study in a folder.

    Writes study.yaml, the protocol, sections for people to write, and a
    .gitignore that keeps data and runs out. Tables that lie in the folder, or
    in its `data` folder, are looked at, and a draft is written for them. --ci
    adds templates; in a folder that holds a study, it writes only these.

    Examples:
        accordance init my-study                     # a draft for the tables there
        accordance init pefr --example pefr-1986     # published data, ready
        accordance init hr --protocol heart-rate     # library protocol, your data
        accordance init my-study --ci github         # a gate for pull requests
    """
    from ..studies import start

    output = Output(as_json=as_json)
    made = start.init(folder, example=example, protocol=protocol, ci=ci)
    output.answer(made)
    there = made["from"] == start.THERE
    output.text(
        f"Written in {shown(folder)}:" if there else f"Study begun in {shown(folder)}, from {made['from']}:"
    )
    for line in folded(made["files"]):
        output.text(f"  {line}")
    if made.get("note"):
        output.text(f"Note: {made['note']}")
    edit = "" if example else f"edit {shown(folder / 'study.yaml')} and the protocol, then "
    steps = "look at their inputs, and commit them" if there else f"{edit}accordance check {typed(folder)}"
    output.text(f"Next: {steps}")


@app.command()
def check(  # noqa: PLR0917 - Typer passes options by name
    study: Study = Path(),
    rehash: Annotated[
        bool, typer.Option("--rehash", help="Hash every file again, whatever is remembered of it.")
    ] = False,
    produce: Annotated[
        bool,
        typer.Option("--produce", help="First run the programs of versions whose outputs are not there."),
    ] = False,
    training_manifest: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="Was a version trained on test subjects? FILE, or VERSION=FILE."),
    ] = None,
    write_training_manifest: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write salted hashes of subjects instead (.yaml, .json, .csv)."),
    ] = None,
    training_subjects: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="With it: subjects to write. Default: those of the study."),
    ] = None,
    salt: Annotated[
        str | None, typer.Option(metavar="TEXT", help="With it: salt of the hashes. Default: a random one.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check protocol and data against their contract.

    Every violation is shown at once, with file, line, what was found and what
    is accepted. No endpoint is computed. Exit code 4 where anything is wrong,
    or a version was trained on subjects it is tested on; 5 where --rehash finds
    files whose bytes changed behind an unchanged time; 6 where outputs are
    produced and the program failed on some subjects.

    Examples:
        accordance check my-study
        accordance check my-study --rehash     # before anything rests on the data
        accordance check my-study --json | jq '.error.violations[].message'
        accordance check my-study --training-manifest v2=training.yaml
        accordance check --training-subjects ids.txt --write-training-manifest m.csv
    """
    from ..studies import check as checks
    from . import artefacts

    output = Output(as_json=as_json)
    if write_training_manifest is not None or training_subjects is not None or salt is not None:
        artefacts.write_manifest(output, study, write_training_manifest, training_subjects, salt)
        return
    with output.progress() as progress:
        progress("checking protocol and data", 0.0)
        if produce:
            checked, new = checks.produce_and_examine(study, progress=progress, rehash=rehash)
        else:
            checked, new = checks.examine(study, rehash=rehash), []
        trained = checked.independence(training_manifest or ())
    code = artefacts.answer(output, study, checked, trained, new)
    if code:
        raise typer.Exit(code)


@app.command()
def sniff(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A recording, an export, or a table.")],
    table: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Look into the tables whose title holds this. Default: the first."),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option("--format", metavar="WORD", help="Its format, where the ending does not tell."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Look into a file, and propose how a study reads it.

    CSV, Parquet, DuckDB, EDF and EDF+, WFDB, SAS, Apple Health, Open mHealth:
    columns with types, units and ranges, the likely time, subject and key, and
    YAML to paste into study.yaml and the protocol. No rows are printed.

    Examples:
        accordance sniff data/night1.edf
        accordance sniff export.zip --table HeartRate
        accordance sniff data/100.atr --format wfdb
        accordance sniff data/hr.csv --json | jq '.tables[].source'
    """
    from ..datasets import sniff as sniffs
    from . import sniff as printed

    output = Output(as_json=as_json)
    with output.progress(lines=False) as progress:
        progress("looking into the file", 0.0)
        found = sniffs.sniff(file, form=form, tables=table)
    output.answer(printed.facts(found))
    for part in printed.report(found):
        if isinstance(part, str):
            output.text(part)
        else:
            output.show(part)


@app.command()
def plan(
    what: Annotated[
        str,
        typer.Argument(metavar="PROTOCOL", help="Study folder, protocol file, or `library:ID`."),
    ] = ".",
    variant: Variant = None,
    shells: Annotated[
        bool, typer.Option("--shells", help="Print the coming report's tables, without data, as Markdown.")
    ] = False,
    output_file: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="With --shells: write them there instead."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compute how many subjects a study needs, and show why.

    From the protocol's `sample_size` alone, before there are data: exact power
    against a performance goal with its saw-tooth, precision of proportions, of
    limits of agreement and of root mean square errors, from evaluable subjects
    to those to enrol, and what the planned number is good for.

    Examples:
        accordance plan my-study
        accordance plan protocol.yaml --json | jq .plan.total
        accordance plan library:afib-ecg
        accordance plan my-study --shells -o tables.md   # for the analysis plan
    """
    from ..protocols.errors import UsageError
    from ..studies import named, planning
    from ..studies import shells as empty
    from . import planning as printed
    from .writing import write_new

    if output_file is not None and not shells:
        raise UsageError("--output is where --shells are written; add --shells")
    output = Output(as_json=as_json)
    found = named.find(what, variant)
    protocol = found.protocol
    facts: dict[str, Any] = {"protocol": _protocol_facts(protocol), "file": None}
    if not shells:
        planned = planning.plan(protocol)
        output.answer({**facts, "plan": planned})
        output.show(*printed.report(protocol, planned))
        return
    tables = empty.shells(protocol)
    text = printed.markdown(protocol, tables)
    if output_file is not None:
        write_new(output_file, text)
        facts["file"] = str(output_file.resolve())
    output.answer({**facts, "shells": [one.as_data() for one in tables]})
    output.text(text.rstrip() if output_file is None else shown(output_file))


@app.command()
def lock(
    study: Study = Path(),
    who: Annotated[
        str, typer.Option("--who", metavar="NAME", help="Who locks: written into the lock and the ledger.")
    ] = ...,  # type: ignore[assignment]
    without_data: Annotated[
        bool, typer.Option("--without-data", help="Lock the protocol alone, before there are data.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Lock the plan before results are looked at.

    Writes study.lock: the hashes of protocol and data, who, and when. Whatever
    differs from it later is stamped post hoc in every result and report.

    Examples:
        accordance lock my-study --who "A. Author, biostatistics"
        accordance lock my-study --who "A. Author" --without-data
    """
    from ..studies import lock as locks

    output = Output(as_json=as_json)
    written = locks.lock(study, who=who, without_data=without_data)
    output.answer({"lock": written})
    output.text(f"Locked by {who}: {shown(study / 'study.lock')}")


@app.command()
def run(  # noqa: PLR0917 - Typer passes options by name
    study: Study = Path(),
    workers: Workers = None,
    memory: Memory = None,
    output_folder: Annotated[
        Path | None,
        typer.Option("--output", metavar="FOLDER", help="Where runs are written. Default: STUDY/runs."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be read and computed, and why. Compute nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Compute estimates, intervals and decisions.

    Writes a run folder below STUDY/runs and prints the decisions. The exit
    code is 0 whatever they are; `accordance gate` turns them into one. 6 where
    outputs are produced and the program failed on some subjects.

    Examples:
        accordance run my-study
        accordance run my-study --workers 4            # the same numbers, sooner
        accordance run my-study --memory 4GB           # streams in smaller batches
        accordance run my-study --dry-run              # what of it has to be computed
        accordance run my-study --json | jq -r .decision
    """
    from ..studies import run as runs
    from . import tables

    output = Output(as_json=as_json)
    if dry_run:
        from ..studies.dry_run import dry_run as look
        from . import planning

        plan = look(study, workers=workers, memory=size(memory))
        output.answer(plan)
        output.show(*planning.run_tables(plan))
        return
    with output.progress() as progress:
        results = runs.run(
            study, workers=workers, memory=size(memory), output=output_folder, progress=progress
        )
    some = any(entry["failed"] for entry in results.document.get("produced", []))
    output.answer(tables.run_facts(results, code=SOME_FAILED if some else 0))
    _show_results(output, results)
    if some:
        raise typer.Exit(SOME_FAILED)


app.command()(versions.compare)
app.command()(versions.calibrate)


@app.command()
def report(
    where: Shown = Path(),
    output_folder: Annotated[
        Path | None,
        typer.Option("--output", metavar="FOLDER", help="Where to write. Default: the run folder."),
    ] = None,
    formats: Annotated[
        str, typer.Option("--format", help="pdf, html, or both with a comma between.")
    ] = "pdf,html",
    attachments: Annotated[
        bool,
        typer.Option(
            help="Attach results, protocol and manifest to the PDF; without, they lie beside it in a zip."
        ),
    ] = True,
    *,
    template: Annotated[
        str | None,
        typer.Option(help="Order of the sections: spa, iso14155 or ich-e3. Default: what study.yaml says."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Render a run or a comparison as a PDF/A and as one self-contained HTML file.

    No number is computed again: the report shows what was found.

    Examples:
        accordance report my-study                     # the latest run
        accordance report my-study/runs/20260301T101500Z_1a2b3c4d
        accordance report my-study --format html --output shared/
        accordance report my-study --no-attachments    # a zip beside the PDF instead
        accordance report my-study --template ich-e3   # in the order of ICH E3
        accordance report my-study/comparisons/20260301T101500Z_1a2b3c4d
    """
    from .. import reports

    output = Output(as_json=as_json)
    folder = where if reports.comparison.is_comparison(where) else _results(where).folder
    with output.progress() as progress:
        progress("rendering the report", 0.0)
        written = reports.report(
            folder,
            output=output_folder,
            formats=_formats(formats),
            attachments=attachments,
            template=template,
        )
    output.answer({"run": folder, "files": [str(path.resolve()) for path in written]})
    for path in written:
        output.text(shown(path))


app.command()(versions.gate)


@app.command()
def explain(
    where: Run,
    what: Annotated[
        str, typer.Argument(metavar="ROW|ENDPOINT", help="Id of a results row, or of an endpoint.")
    ],
    as_json: Json = False,
) -> None:
    """Trace one number to its data, definition, method and source.

    Give an endpoint for the row of it that counts, or the id of any row of
    results.parquet; its first digits are enough.

    Examples:
        accordance explain my-study sensitivity
        accordance explain my-study 04c9239b
    """
    from ..studies import explain as explains

    output = Output(as_json=as_json)
    results = _results(where)
    explanation = explains.explain(results, _row_id(results, what))
    output.answer(explanation)
    output.text(explains.text(explanation))


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the example studies go.")] = Path(
        "demo"
    ),
    as_json: Json = False,
) -> None:
    """Run both example studies, from folder to report.

    A published comparison of two peak flow meters, and a simulated assessment
    of an ECG classifier. A study that is there already is kept and run again.

    Examples:
        accordance demo
        accordance demo first-look && accordance app first-look
    """
    from . import demonstration

    output = Output(as_json=as_json)
    studies = demonstration.demonstrate(folder, output)
    output.answer({"folder": str(folder.resolve()), "studies": studies})


@app.command("app")
def open_app(
    study: Annotated[
        Path, typer.Argument(metavar="STUDY", help="Study folder, or a folder of studies.")
    ] = Path(),
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Default: the first free one from 8501 on.")
    ] = None,
    headless: Annotated[
        bool, typer.Option("--headless", help="Do not open a browser. Default where there is no display.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Open the results in the browser.

    The server listens on this machine only and reports to nobody.

    Examples:
        accordance app my-study
        accordance app demo                            # several studies in a folder
        accordance app my-study --port 9000 --headless
    """
    from . import server

    server.serve(study, port=port, headless=headless, output=Output(as_json=as_json))


def _protocol_facts(protocol: Any) -> dict[str, Any]:
    return {name: getattr(protocol, name) for name in ("id", "version", "variant", "title")}


def _show_results(output: Output, results: Any) -> None:
    from . import tables

    if output.as_json:
        return
    output.text()
    output.show(tables.decision_line(results), tables.pre_specified_line(results), *tables.reasons(results))
    output.text()
    output.show(*tables.decisions(results))
    output.text()
    output.show(tables.estimates(results))
    for views in tables.view_tables(results):
        output.text()
        output.show(views)
    if results.folder is not None:
        output.text(f"\nRun: {shown(results.folder)}")
        for line in tables.files_lines(results.folder):
            output.text(line)


def _row_id(results: Any, what: str) -> str:
    """The row an endpoint's decision rests on, or the row id as given."""
    for entry in results.document["endpoints"]:
        if entry["id"] == what and entry.get("row_id"):
            return str(entry["row_id"])
    if not set(what) <= set("0123456789abcdef"):
        results.endpoint(what)  # not digits either: says which endpoints there are
    return what


def _results(where: Path) -> Any:
    """The results in a run folder, or those of a study's latest run."""
    from ..studies.results import DOCUMENT_FILE, Results

    return Results.open(where) if (where / DOCUMENT_FILE).is_file() else Results.latest(where)


def _formats(text: str) -> tuple[str, ...]:
    from ..protocols.errors import UsageError

    formats = tuple(part.strip() for part in text.split(",") if part.strip())
    unknown = [part for part in formats if part not in ("pdf", "html")]
    if unknown or not formats:
        raise UsageError(f"--format: `{text}` is not one of pdf, html, or both with a comma between")
    return formats


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code. Every failure ends here, in words and the contract's code.

    Args:
        arguments: As typed after `accordance`. Default: those of this process, which is then left.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a sign that a terminal cannot show ends no command
    code = _dispatch(words, Output(as_json="--json" in words))
    if arguments is None:
        sys.exit(code)
    return code


def _dispatch(words: list[str], output: Output) -> int:
    verb = next((word for word in words if not word.startswith("-")), "")
    if verb in RESERVED:
        return usage(
            output, f"`{verb}` is a reserved name; this version of Accordance does not have that verb yet."
        )
    try:
        outcome = app(words, prog_name="accordance", standalone_mode=False)
    except TyperException as error:
        return usage(output, error.format_message(), verb)
    except Exception as error:
        return report_failure(output, error, [Path(word) for word in words if not word.startswith("-")])
    code = outcome if isinstance(outcome, int) else 0
    if code == INTERRUPTED:  # Typer turns an interruption into its exit code
        report_failure(output, KeyboardInterrupt())
    return code
