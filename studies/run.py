"""Run a study: from its folder to a run folder with every number, its evidence and its provenance."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from ..datasets.handled import Handled
from ..datasets.pairs import Pairs
from ..datasets.read import TableData
from ..datasets.stream import Stream
from ..datasets.unread import Later
from ..protocols.canonical import digest
from . import artefact, handled, ledger, lock, produce, stream_batches, streams
from .analysis import AFTERWARDS, PAIRING_SHARE, Analysis, Material, Progress, analyse, identified
from .clock_tipping import Repair
from .folder import CONFIG_FILE, SECTIONS_FOLDER, Study, Tables, load, store_of, tables
from .manifest import manifest, sha256_file, sha256_text, tool_version
from .results import (
    DOCUMENT_FILE,
    MANIFEST_FILE,
    ROWS_FILE,
    RUNS_FOLDER,
    Results,
    clocks_file,
    lone_file,
    pairs_file,
    units_file,
)
from .writing import PartialFolder, output_errors, run_name

LOG_FILE = "log.jsonl"
PRODUCING_SHARE = 0.5
"""Share of a run's progress that producing outputs takes, where any are: nobody knows how long it will."""


class Log:
    """What happened in a run: events with times, ids and counts, never measurements."""

    def __init__(self) -> None:
        self._entries: list[dict[str, Any]] = []
        self._lock = threading.Lock()

    def __call__(self, event: str, **facts: Any) -> None:
        """Note an event."""
        with self._lock:
            self._entries.append(
                {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **facts}
            )

    def text(self) -> str:
        """One JSON object a line."""
        return "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in self._entries)


def run(
    path: Path | str,
    *,
    workers: int | None = None,
    memory: int | None = None,
    output: Path | None = None,
    progress: Progress | None = None,
) -> Results:
    """Evaluate a study and write a run folder.

    Args:
        path: The study folder.
        workers: Threads; default one a processor, and two more for streams. The numbers do not depend on it.
        memory: Bytes that reading and pairing streams may take, all workers together; default as much as
            full batches take. A table that is read whole and takes more is refused; default what the system
            has. The numbers do not depend on it.
        output: Folder that the run folder is created in. Default: `runs` in the study folder.
        progress: Told what is being done and the share done, 0 to 1.

    Returns:
        The results, read back from what was written.

    Raises:
        UsageError: There is no study there.
        ContractError: Protocol, study or data violate their contract; nothing was computed.
        IntegrityError: The lock or the ledger were tampered with.
        OutputError: A file could not be read or written; no run folder is left.
    """
    started = ledger.utc()
    log = Log()
    tell: Progress = progress or (lambda what, share: None)
    tell("reading the study", 0.0)
    study = load(path)
    locked = lock.verify(study.path)
    made = produce.produce(study, workers=workers, progress=_part(tell, 0.0, PRODUCING_SHARE), log=log)
    tell = _part(tell, PRODUCING_SHARE, 1.0) if made else tell
    data = tables(study, memory=memory)
    for version, table in data.every():
        log("table read", table=table.name, version=version, rows=table.n_rows)
    parent = output if output is not None else study.path / RUNS_FOLDER
    with PartialFolder(parent) as folder:
        budget = streams.Budget.of(workers, memory)
        paired, streamed = pair_streams(study, data, budget, log, tell)
        done = handled.of(data, streamed)
        for one in done:
            log("rule applied on reading", **one)
        ready = replace(
            material(study, data, locked, paired, done),
            produced=[one.facts() for one in made],
            repair=_repairer(study, data, budget, paired, log=log, tell=tell),
        )
        analysis = analyse(ready, workers=workers, progress=tell)
        for (pairing, version), pairs in analysis.pairs.items():
            log("paired", pairing=pairing, version=version, rows=pairs.height)
        log("evaluated", rows=analysis.rows.height, errors=analysis.rows["error"].count())
        tell("writing", 1.0)
        return _write(study, data, analysis, folder, log, started=started, workers=workers)


def _part(tell: Progress, start: float, end: float) -> Progress:
    """Progress of a part of the work, as that of the whole."""
    return lambda what, share: tell(what, start + (end - start) * share)


def pair_streams(
    study: Study, data: Tables, budget: streams.Budget, log: Log, tell: Progress, *, tipping: bool = True
) -> tuple[dict[tuple[str, str], Pairs], handled.Streamed]:
    """Pairs of all tables that are too long to hold, batch after batch; what reading did to their rows.

    Args:
        study: The study.
        data: Its tables.
        budget: What pairing may take of the machine.
        log: Told of batches.
        tell: Told what is being done and the share done.
        tipping: Whether pairs with an error of the clock are made, too, where the protocol asks for them.
    """
    found: dict[tuple[str, str], Pairs] = {}
    streamed: dict[tuple[str, str | None], tuple[Handled, ...]] = {}
    work = streams.pairings(study.protocol, data, study.deciding_version if tipping else None)
    store = store_of(study)
    for place, one in enumerate(work):

        def told(what: str, share: float, place: int = place) -> None:
            tell(what, PAIRING_SHARE * (place + share) / len(work))

        made = stream_batches.make(one, store, budget, told)
        found[one.name, one.version] = made.pairs
        for name, done in made.handled.items():
            streamed[name, None if name in data.shared else one.version] = done
        log("batches", pairing=one.name, version=one.version, **made.counts)
    if work:
        log("store", removed=store.trim())
    return found, streamed


def _repairer(
    study: Study,
    data: Tables,
    budget: streams.Budget,
    paired: Mapping[tuple[str, str], Pairs],
    *,
    log: Log,
    tell: Progress,
) -> Repair:
    """What makes pairs of streams again with an error of the clock, by the clocks as they were estimated."""
    work = {(one.name, one.version): one for one in streams.pairings(study.protocol, data)}

    def repair(name: str, version: str, error: float) -> Pairs:
        clocks = paired[name, version].clocks
        moved = replace(work[name, version], clocks=clocks, clock_error=error)

        def told(what: str, share: float) -> None:
            tell(f"{what}, clock error {error:+g} s", AFTERWARDS)

        made = stream_batches.make(moved, store_of(study), budget, told)
        log("batches", pairing=name, version=version, clock_error=error, **made.counts)
        return made.pairs

    return repair


def material(
    study: Study,
    data: Tables,
    locked: Any,
    paired: Mapping[tuple[str, str], Pairs] | None = None,
    done: Sequence[Mapping[str, Any]] | None = None,
) -> Material:
    """A study's tables and plan, as the analysis takes them."""
    return Material(
        protocol=study.protocol,
        study=study.config.model_dump(mode="json", by_alias=True),
        algorithm=study.config.algorithm.name,
        deciding_version=study.deciding_version,
        shared=_frames(data.shared),
        tests={version: _frames(own) for version, own in data.tests.items()},
        plan=lock.plan(study, data, locked),
        paired=paired or {},
        store=store_of(study) if paired else None,
        handled=handled.of(data, {}) if done is None else done,
        training=data.training,
    )


def _frames(tables_: Mapping[str, TableData | Stream]) -> Mapping[str, pl.DataFrame]:
    """The rows of tables that are read whole, when they are asked for."""
    whole = {name: table for name, table in tables_.items() if isinstance(table, TableData)}
    return Later(whole, lambda table: table.frame)


def _write(
    study: Study,
    data: Tables,
    analysis: Analysis,
    folder: PartialFolder,
    log: Log,
    *,
    started: str,
    workers: int | None,
) -> Results:
    """Write everything, note the run in the ledger, and give the folder its name."""
    for place, pairs in analysis.pairs.items():
        if pairs.file is None:
            folder.write_frame(pairs_file(*place), pairs.data)
        else:
            folder.copy(pairs_file(*place), pairs.file)
        if pairs.regrid is not None:
            folder.write_frame(units_file(*place), pairs.regrid)
        if pairs.clocks is not None:
            folder.write_frame(clocks_file(*place), pairs.clocks)
        if pairs.lone_test is not None:
            folder.write_frame(lone_file(*place), pairs.lone_test)
    hashes = lock.data_hashes(data)
    name = run_name(folder.parent, input_hash(study, hashes)[:8])
    identity = {"id": name, "started": started, "finished": ledger.utc(), "accordance": tool_version()}
    folder.write_json(DOCUMENT_FILE, identified(analysis.document, identity))
    folder.write_frame(ROWS_FILE, analysis.rows)
    with output_errors(folder.path):
        content = manifest(
            run=identity,
            inputs=inputs(data, hashes, analysis.document["handled"]),
            protocol_sha256=digest(study.protocol),
            study_files=study_files(study),
            seed=study.protocol.seed,
            arguments={"workers": workers},
            versions=artefact.described(study, data),
        )
    content["results"] = {file: sha256_file(folder.path / file) for file in (DOCUMENT_FILE, ROWS_FILE)}
    folder.write_json(MANIFEST_FILE, content)
    log("written", run=name)
    folder.write_text(LOG_FILE, log.text())
    details = {
        "run": name,
        "decision": analysis.document["decision"],
        "protocol_sha256": content["protocol_sha256"],
        "manifest_sha256": sha256_file(folder.path / MANIFEST_FILE),
    }
    with output_errors(study.path / ledger.FILE):
        # before the folder gets its name: a look at results that is not in the ledger cannot be
        ledger.append(study.path, "run", details)
    return Results.open(folder.finish(name))


def input_hash(study: Study, data: dict[str, str]) -> str:
    """One hash for the protocol, study.yaml and the content of all tables: equal inputs give equal names."""
    config = study.config.model_dump(mode="json", by_alias=True)
    return sha256_text(json.dumps([digest(study.protocol), config, data], sort_keys=True, ensure_ascii=False))


def inputs(
    data: Tables, hashes: dict[str, str], done: Sequence[Mapping[str, Any]] = ()
) -> list[dict[str, Any]]:
    """One entry a table and version, for the manifest."""
    return [
        {
            "table": table.name,
            "version": version,
            "rows": table.n_rows,
            "content_sha256": hashes[lock.table_id(table.name, version)],
            "files": [
                {"path": record.path_relative, "sha256": record.sha256, "bytes": record.bytes}
                for record in table.files
            ],
            "handled": [
                {key: entry[key] for key in ("rule", "how", "column", "rows")}
                for entry in done
                if (entry["table"], entry["version"]) == (table.name, version)
            ],
        }
        for version, table in data.every()
    ]


def study_files(study: Study) -> dict[str, str]:
    """SHA-256 of study.yaml, the protocol file, the lock and the sections that people wrote."""
    found = [study.path / CONFIG_FILE, study.path / lock.FILE, study.protocol_path]
    found += sorted((study.path / SECTIONS_FOLDER).glob("*.md"))
    return {_name(study, file): sha256_file(file) for file in found if file.is_file()}


def _name(study: Study, file: Path) -> str:
    """A file's name relative to the study; a library protocol by its own name."""
    resolved, base = file.resolve(), study.path.resolve()
    if resolved.is_relative_to(base):
        return resolved.relative_to(base).as_posix()
    return f"protocol:{resolved.name}"
