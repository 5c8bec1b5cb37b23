"""What `check` prints of the versions' outputs and training data, and how it writes a training manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from ..protocols.errors import UsageError, Violation
from ..studies import independence
from . import tables
from .console import Output, shown
from .failures import CONTRACT, KINDS, SOME_FAILED
from .tables import plain_table
from .writing import write_new

if TYPE_CHECKING:
    from ..studies.artefact import Outputs
    from ..studies.check import Checked
    from ..studies.produce import Made

FORMS = {".json": "json", ".csv": "csv", ".yaml": "yaml", ".yml": "yaml"}


def facts(
    outputs: Sequence[Outputs], trained: Sequence[Mapping[str, Any]], made: Sequence[Made] = ()
) -> dict[str, Any]:
    """The JSON answer of `check`, as far as versions, their training data and their production go."""
    return {
        "outputs": [asdict(one) for one in outputs],
        "independence": [dict(one) for one in trained],
        "produced": [one.facts() for one in made],
    }


def answer(
    output: Output,
    study: Path,
    checked: Checked,
    trained: Sequence[Mapping[str, Any]],
    new: Sequence[Made] = (),
) -> int:
    """Answer `check` where everything could be read.

    Args:
        output: Where to.
        study: The study folder, as it was named.
        checked: What was checked.
        trained: Versions with a training manifest, held against their test data.
        new: What was produced just now. Default: what was there.

    Returns:
        The exit code.
    """
    made = new or checked.produced
    outputs, read, protocol = checked.outputs(), checked.summary(), checked.study.protocol
    code = exit_code(trained, made)
    told = facts(outputs, trained, made) | error(trained) | {"exit_code": code}
    output.answer(tables.study_facts(protocol, study, read) | told)
    output.show(tables.study_table(protocol), tables.data_table(read), outputs_table(outputs))
    output.show(*tables.handled(checked.handled()), *tables.trained(trained))
    output.show(*tables.produced(one.facts() for one in made))
    if code == CONTRACT:
        output.text(f"Not independent: {dependence(trained)}")
    else:
        output.text("Protocol and data satisfy their contract.")
    return code


def exit_code(trained: Sequence[Mapping[str, Any]], made: Sequence[Made]) -> int:
    """The exit code of `check` where everything could be read.

    4 where a version knew test subjects, so that nothing can be decided about it; 6 where a program failed on
    some subjects.
    """
    if independence.reasons(trained):
        return CONTRACT
    return SOME_FAILED if any(one.failed for one in made) else 0


def dependence(trained: Sequence[Mapping[str, Any]]) -> str:
    """What follows from versions that knew test subjects; empty where none did."""
    names = ", ".join(independence.reasons(trained))
    return f"nothing can be decided about {names} on these subjects." if names else ""


def error(trained: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The part of the JSON answer that says why the exit code is 4; empty where no version knew anybody."""
    violations = [
        asdict(
            Violation(entry["reason"], file=entry["manifest"], key=f"algorithm.versions.{entry['version']}")
        )
        for entry in trained
        if not entry["independent"]
    ]
    if not violations:
        return {}
    message = dependence(trained)
    told = {"kind": KINDS[CONTRACT], "exit_code": CONTRACT, "message": message, "violations": violations}
    return {"violations": violations, "error": told}


def outputs_table(outputs: Sequence[Outputs]) -> Table:
    """The outputs of each version, by the hash of their content."""
    table = plain_table("Outputs")
    table.add_column("Version", overflow="fold")
    table.add_column("SHA-256 of the content", no_wrap=True)
    table.add_column("", overflow="fold")
    for one in outputs:
        said = [f"the same as {one.same_as}"] if one.same_as else []
        n = len(one.files)
        if n:
            verified = sum(state == "verified" for state in one.files.values())
            said.append(f"{verified:,} of {n:,} model file{'' if n == 1 else 's'} verified")
        said += [run_words(run) for run in one.runs]
        table.add_row(one.id, one.sha256[:16], "; ".join(said))
    return table


def run_words(run: Mapping[str, Any]) -> str:
    """The run that a tracker says outputs come from.

    Example:
        >>> run_words({"tracker": "mlflow", "run": "1f0c", "commit": "4f2c91a"})
        'mlflow run 1f0c, commit 4f2c91a'
    """
    parts = [f"{run['tracker']} run {run['run']}" if run["run"] else f"{run['tracker']}, no run"]
    return ", ".join([*parts, *([f"commit {run['commit']}"] if run["commit"] else [])])


def write_manifest(
    output: Output, study: Path, to: Path | None, subjects: Path | None, salt: str | None
) -> None:
    """Write the training manifest of a list of subjects, or of a study's.

    Raises:
        UsageError: It is not said where to, or the file exists already.
        ContractError: The list or the study do not hold.
        OutputError: A file cannot be read or written.
    """
    from ..studies import check, training_files  # noqa: PLC0415 - heavy; for this alone

    if to is None:
        raise UsageError("--training-subjects and --salt are for --write-training-manifest; add it")
    form = FORMS.get(to.suffix.lower())
    if form is None:
        raise UsageError(f"--write-training-manifest: {to.name} ends in none of {', '.join(FORMS)}")
    made = (
        training_files.subject_list(subjects, salt=salt)
        if subjects is not None
        else check.examine(study).training_manifest(salt)
    )
    write_new(to, made.text(form))
    n = len(made.subjects)
    output.answer({"file": str(to.resolve()), "subjects": n, "duplicates": made.duplicates})
    twice = f" ({made.duplicates:,} of the list repeat others)" if made.duplicates else ""
    output.text(f"{shown(to)}: salted hashes of {n:,} subject{'' if n == 1 else 's'}{twice}; no names.")
