"""Calibrate a protocol: how often its rules decide what where the truth is known, by simulation.

The endpoints, limits, intervals and margins are the protocol's; subjects, numbers of rows, likeness of a
subject's rows and missing outputs are those of the study's latest run.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..protocols.canonical import digest
from ..protocols.errors import UsageError, nearest
from ..protocols.model import Protocol
from . import ledger
from .calibrated import STUDIES, Asked, Progress, Work
from .calibration_folder import CALIBRATION_FILE, CALIBRATIONS_FOLDER, Calibration
from .folder import Study, load
from .manifest import manifest, sha256_file, sha256_text, tool_version
from .results import DOCUMENT_FILE, MANIFEST_FILE, ROWS_FILE, Results
from .run import LOG_FILE, Log, study_files
from .writing import PartialFolder, output_errors, run_name


def calibrate(
    path: Path | str,
    *,
    studies: int = STUDIES,
    replicates: int | None = None,
    endpoints: Sequence[str] | str | None = None,
    truths: Mapping[str, Sequence[float]] | None = None,
    baseline: str | None = None,
    candidates: Sequence[str] | str | None = None,
    workers: int | None = None,
    output: Path | None = None,
    progress: Progress | None = None,
) -> Calibration:
    """Operating characteristics of a study's protocol, by simulation from its latest run.

    Args:
        path: The study folder; its latest run has to follow its protocol as it is now.
        studies: Simulated studies at each truth.
        replicates: Bootstrap replicates within each simulated study. Default: as the protocol says. Fewer are
            quicker, and bounds a little less sure than the study's own.
        endpoints: Which endpoints. Default: all that the protocol declares.
        truths: Endpoint -> further truths to simulate.
        baseline: Where the protocol compares versions: the version to compare with. Default: the one that
            decides.
        candidates: Likewise the versions in question. Default: all others of the run.
        workers: Threads; default one a processor. The numbers do not depend on it.
        output: Folder that the calibration folder is created in. Default: `calibrations` in the study folder.
        progress: Told what is being done and the share done, 0 to 1.

    Returns:
        The calibration, read back from what was written.

    Raises:
        UsageError: There is no study or no run of its protocol there, too few subjects, an unknown endpoint
            or version, a truth that is no number or of an endpoint that is not asked for, or fewer than ten
            studies.
        ContractError: Protocol or study violate their contract.
        OutputError: A file could not be read or written; no folder is left.
    """
    started, log = ledger.utc(), Log()
    tell: Progress = progress or (lambda what, share: None)
    tell("reading the run", 0.0)
    study = load(path)
    results = _run_of(study)
    asked = Asked(
        studies,
        replicates,
        _names(endpoints),
        {name: tuple(values) for name, values in (truths or {}).items()},
        baseline,
        _names(candidates),
    )
    _check(study.protocol, results, asked)
    parent = output if output is not None else study.path / CALIBRATIONS_FOLDER
    with PartialFolder(parent) as folder:
        document = Work(results, asked, workers=workers, tell=tell, log=log).document()
        tell("writing", 1.0)
        return _write(study, results, document, folder, log, started=started, asked=asked)


def _names(given: Sequence[str] | str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys([given] if isinstance(given, str) else given or ()))


def _run_of(study: Study) -> Results:
    """The latest run, if it follows the protocol as it is now."""
    results = Results.latest(study.path)
    if results.document["protocol_sha256"] != digest(study.protocol):
        raise UsageError(
            f"the latest run of {study.path} follows another protocol than the one there now; run it again "
            f"with `accordance run {study.path}`"
        )
    return results


def _check(protocol: Protocol, results: Results, asked: Asked) -> None:
    """Everything that is wrong with what was asked, at once."""
    problems: list[str] = []
    versions = [str(name) for name in results.document["versions"]]
    wanted = dict.fromkeys([*asked.endpoints, *(asked.truths or {})])
    named = dict.fromkeys([*([asked.baseline] if asked.baseline else []), *asked.candidates])
    problems += [_unknown("endpoint", n, protocol.endpoints) for n in wanted if n not in protocol.endpoints]
    problems += [_unknown("version", name, versions) for name in named if name not in versions]
    if (asked.baseline or asked.candidates) and protocol.comparison is None:
        problems.append("versions are compared by the protocol's section `comparison`, and it has none")
    if (asked.baseline or asked.candidates) and asked.endpoints:
        problems.append("versions are compared on all compared endpoints together; name no endpoints, then")
    if asked.baseline is not None and asked.baseline in asked.candidates:
        problems.append(f"`{asked.baseline}` is the baseline and cannot be a candidate, too")
    for name, values in (asked.truths or {}).items():
        if asked.endpoints and name not in asked.endpoints:
            problems.append(f"a truth of `{name}` is stated, and only {', '.join(asked.endpoints)} asked for")
        problems += [
            f"a truth is a number, not {value} (`{name}`)" for value in values if not math.isfinite(value)
        ]
    if asked.studies < 10:
        problems.append(f"at least 10 studies are simulated, not {asked.studies}")
    if asked.replicates is not None and asked.replicates < 100:
        problems.append(f"at least 100 replicates are needed, not {asked.replicates}")
    if problems:
        raise UsageError("; ".join(problems))


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    names = list(known)
    hint = nearest(name, names)
    more = f". Did you mean `{hint}`?" if hint else ""
    return f"there is no {what} `{name}`; there are: {', '.join(names)}{more}"


def _write(
    study: Study,
    results: Results,
    document: Mapping[str, Any],
    folder: PartialFolder,
    log: Log,
    *,
    started: str,
    asked: Asked,
) -> Calibration:
    """Write everything, note it in the ledger, and give the folder its name.

    It looks at no data that a run has not looked at.
    """
    source = results.folder
    files = (
        {}
        if source is None
        else {n: sha256_file(source / n) for n in (DOCUMENT_FILE, ROWS_FILE, MANIFEST_FILE)}
    )
    identity_of = [digest(study.protocol), results.run_id, files, asked.told()]
    name = run_name(folder.parent, sha256_text(json.dumps(identity_of, sort_keys=True))[:8])
    identity = {"id": name, "started": started, "finished": ledger.utc(), "accordance": tool_version()}
    folder.write_json(CALIBRATION_FILE, {"schema": document["schema"], "run": identity, **document})
    with output_errors(folder.path):
        content = manifest(
            run=identity,
            inputs=[{"run": results.run_id, "files": files}],
            protocol_sha256=digest(study.protocol),
            study_files=study_files(study),
            seed=study.protocol.seed,
            arguments=asked.told(),
        )
    content["results"] = {CALIBRATION_FILE: sha256_file(folder.path / CALIBRATION_FILE)}
    folder.write_json(MANIFEST_FILE, content)
    log("written", calibration=name)
    folder.write_text(LOG_FILE, log.text())
    details = {
        "calibration": name,
        "run": results.run_id,
        "protocol_sha256": content["protocol_sha256"],
        "manifest_sha256": sha256_file(folder.path / MANIFEST_FILE),
    }
    with output_errors(study.path / ledger.FILE):
        ledger.append(study.path, "calibrate", details)
    return Calibration.open(folder.finish(name))
