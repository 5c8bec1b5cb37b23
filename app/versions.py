"""The verbs for versions of an algorithm: `compare`, `calibrate` and `gate`; `cli` gives them their place.

As there, nothing heavy is imported before a verb needs it.
"""

# ruff: noqa: PLC0415 - see above
from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .console import Output, shown
from .failures import SOME_FAILED
from .options import Json, Memory, Study, Workers, size


def compare(  # noqa: PLR0917 - Typer passes options by name
    study: Study = Path(),
    baseline: Annotated[
        str, typer.Option("--baseline", metavar="VERSION", help="The version to compare with.")
    ] = ...,  # type: ignore[assignment]
    candidates: Annotated[
        list[str] | None,
        typer.Option(
            "--candidate", metavar="VERSION", help="A version in question; repeat. Default: all others."
        ),
    ] = None,
    overlap: Annotated[
        bool,
        typer.Option(
            "--overlap", help="Compare on the units that both versions have, and say what is left out."
        ),
    ] = False,
    level: Annotated[
        float | None, typer.Option(metavar="0.9", help="Confidence level. Default: the protocol's, or 0.95.")
    ] = None,
    pccp: Annotated[
        bool,
        typer.Option(
            "--pccp", help="Hold candidates against the protocol's change control; write the section."
        ),
    ] = False,
    workers: Workers = None,
    memory: Memory = None,
    output_folder: Annotated[
        Path | None,
        typer.Option("--output", metavar="FOLDER", help="Where it is written. Default: STUDY/comparisons."),
    ] = None,
    log_to: Annotated[
        list[str] | None,
        typer.Option("--log-to", metavar="mlflow|wandb", help="Log it to a tracker, too; may repeat."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare versions: which is better, and is it shown?

    Both versions are judged on the same units, subjects resampled or left out
    for both at once. Says superior, non-inferior, inferior, inconclusive or
    not evaluable for each endpoint of the protocol's `comparison`, and for
    each candidate. The exit code is 0 whatever the decision; 6 where outputs
    are produced and a version's program failed on some subjects.

    Examples:
        accordance compare my-study --baseline v1 --candidate v2
        accordance compare my-study --baseline v1          # with all others
        accordance compare my-study --baseline v1 --candidate v2 --overlap
        accordance compare my-study --baseline v1 --json | jq .decisions
        accordance compare my-study --baseline v1 --candidate v2 --pccp
        accordance compare my-study --baseline v1 --log-to mlflow
    """
    from ..studies import comparing as comparisons
    from ..studies import tracking
    from . import comparing as printed

    output = Output(as_json=as_json)
    tracking.refuse(log_to or ())
    with output.progress() as progress:
        found = comparisons.compare(
            study,
            baseline=baseline,
            candidates=candidates,
            overlap=overlap,
            level=level,
            pccp=pccp,
            workers=workers,
            memory=size(memory),
            output=output_folder,
            progress=progress,
        )
    if not (as_json and log_to):  # else one object comes after logging: the answer, or what went wrong
        output.answer(printed.facts(found))
    output.text()
    output.show(*printed.report(found))
    if found.folder is not None:
        output.text(f"\nComparison: {shown(found.folder)}")
        if pccp:
            from ..reports.comparison import change_control

            for path in change_control.write(found):
                output.text(f"Change control: {shown(path)}")
    if log_to:
        printed.log(output, found, log_to)
    if printed.failed(found):
        raise typer.Exit(SOME_FAILED)


def calibrate(  # noqa: PLR0917 - Typer passes options by name
    study: Study = Path(),
    studies: Annotated[
        int, typer.Option("--studies", metavar="N", help="Simulated studies at each truth.")
    ] = 1000,
    replicates: Annotated[
        int | None,
        typer.Option(metavar="N", help="Bootstrap replicates within each. Default: as the protocol says."),
    ] = None,
    endpoints: Annotated[
        list[str] | None,
        typer.Option("--endpoint", metavar="ID", help="An endpoint; repeat. Default: all."),
    ] = None,
    truths: Annotated[
        list[str] | None,
        typer.Option("--truth", metavar="ID=VALUE", help="A further true value of an endpoint; repeat."),
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(metavar="VERSION", help="Version to compare with. Default: the one that decides."),
    ] = None,
    candidates: Annotated[
        list[str] | None,
        typer.Option("--candidate", metavar="VERSION", help="Version in question; repeat. Default: others."),
    ] = None,
    workers: Workers = None,
    output_folder: Annotated[
        Path | None,
        typer.Option("--output", metavar="FOLDER", help="Where it is written. Default: STUDY/calibrations."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Simulate the study: how often would its rules decide what?

    Draws the subjects of the latest run anew, moves the outputs until the true
    value is a stated one (at the limit, half-way, as observed), and counts
    decisions and intervals that cover the truth. At the limit, `met` is the
    error that a protocol must keep small; elsewhere it is power.

    Examples:
        accordance calibrate my-study
        accordance calibrate my-study --endpoint sensitivity --truth sensitivity=0.95
        accordance calibrate my-study --studies 200 --replicates 1000    # a quick look
        accordance calibrate my-study --json | jq '.endpoints[].scenarios'
    """
    from ..studies import calibrating as calibrations
    from . import calibrating as printed

    output = Output(as_json=as_json)
    stated = printed.truths(truths or [])
    with output.progress() as progress:
        found = calibrations.calibrate(
            study,
            studies=studies,
            replicates=replicates,
            endpoints=endpoints,
            truths=stated,
            baseline=baseline,
            candidates=candidates,
            workers=workers,
            output=output_folder,
            progress=progress,
        )
    output.answer(printed.facts(found))
    output.text()
    output.show(*printed.report(found))
    if found.folder is not None:
        output.text(f"\nCalibration: {shown(found.folder)}")


def gate(  # noqa: PLR0917 - Typer passes options by name
    where: Annotated[
        Path,
        typer.Argument(
            metavar="RUN|COMPARISON", help="Run or comparison folder, or study folder for its latest run."
        ),
    ] = Path(),
    comparison: Annotated[
        bool, typer.Option("--comparison", help="Of a study folder, its latest comparison.")
    ] = False,
    require: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ENDPOINT=DECISION",
            help="What an endpoint has to be; of one candidate: CANDIDATE:ENDPOINT=DECISION. May repeat.",
        ),
    ] = None,
    inconclusive: Annotated[
        str | None,
        typer.Option(
            metavar="warn|fail", help="Of a comparison: what an inconclusive endpoint does. Default: fail."
        ),
    ] = None,
    identical: Annotated[
        str | None,
        typer.Option(
            metavar="warn|fail",
            help="Of a comparison: what a candidate does whose outputs are the baseline's. Default: warn.",
        ),
    ] = None,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the answer as JUnit XML.")] = None,
    summary: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the answer as Markdown for a pull request.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Turn the decision of a run or of a comparison into an exit code.

    0 all criteria met, or every candidate superior or non-inferior; 1 not met,
    or inferior; 3 not evaluable, or inconclusive. Files are written before.

    Examples:
        accordance run my-study && accordance gate my-study
        accordance gate my-study --json | jq .exit_code
        accordance gate my-study --comparison --junit junit.xml --summary summary.md
        accordance gate my-study --comparison --require sensitivity=superior
        accordance gate my-study --comparison --inconclusive warn
    """
    from . import gating

    output = Output(as_json=as_json)
    asked = gating.Asked(tuple(require or ()), inconclusive, junit, summary, identical)
    raise typer.Exit(gating.answer(output, where, comparison=comparison, asked=asked))
