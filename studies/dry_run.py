"""What a run would compute, and why, without computing it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..datasets.read import TableData
from ..datasets.store import Store
from ..protocols.model import Protocol
from . import last_inputs, lock, slices, stream_batches, streams
from .folder import load, store_of, tables
from .kept import Kept
from .questions import groups

WHY: dict[str, str] = {
    "rules": "what the protocol says of the pairing, its tables or exclusions is new, or the subjects are",
    "program": "the program is another one",
    "reference": "files of the reference are new",
    "test": "files of the test table are new",
}
"""Why a batch that was computed before has to be computed again, in order of what is said first."""
NEW, GONE = "not computed yet", "no longer in the cache"


def dry_run(
    path: Path | str, *, workers: int | None = None, memory: int | None = None
) -> dict[str, list[dict[str, Any]]]:
    """What a run of a study would read and compute.

    Tables that are read whole are read to be held against their contract; of streams only files and counts
    are looked at.

    Args:
        path: The study folder.
        workers: As for the run.
        memory: As for the run; batches are smaller with less of it.

    Returns:
        `tables`: `table`, `version`, `how` (`whole` or `stream`), `rows`, `files`. `pairings`: `pairing`,
        `version`, `batches` (null: not made in batches), `found`, `to_compute`, `errors_to_compute` (batches
        whose pairs with an error of the clock have to be computed), `rows_to_read` and of these
        `reference_rows_to_read` (0 where the reference was brought to units of time for another version) and
        `test_rows_to_read`, `why` (words -> batches to compute), `endpoints` (`kept`: what was prepared of
        them is there; `to_compute`).

    Raises:
        UsageError: There is no study there.
        ContractError: Study, protocol or data violate their contract.
        IntegrityError: The lock or the ledger were tampered with.
    """
    study = load(path)
    lock.verify(study.path)
    data = tables(study, memory=memory)
    store, budget = store_of(study), streams.Budget.of(workers, memory)
    read = [
        {
            "table": table.name,
            "version": version,
            "how": "whole" if isinstance(table, TableData) else "stream",
            "rows": table.n_rows,
            "files": len(table.files),
        }
        for version, table in data.every()
    ]
    work = streams.pairings(study.protocol, data, study.deciding_version)
    claimed: set[str] = set()
    found = [_pairing(study.protocol, one, store, budget, claimed) for one in work]
    streamed = {(one.name, one.version) for one in work}
    found += [
        {
            "pairing": name,
            "version": version,
            "batches": None,
            "endpoints": {"kept": [], "to_compute": _endpoints(study.protocol, name)},
        }
        for name in study.protocol.pairings
        for version in study.versions
        if (name, version) not in streamed
    ]
    return {"tables": read, "pairings": found}


def _pairing(
    protocol: Protocol,
    work: streams.StreamPairing,
    store: Store,
    budget: streams.Budget,
    claimed: set[str],
) -> dict[str, Any]:
    planned = work.plan(budget)
    at_work = [batch for batch in planned if stream_batches.lacking(batch, store)]
    rows = stream_batches.rows_to_read(at_work, store, claimed)
    n_reference, n_test = (sum(counts) for counts in zip(*rows, strict=True)) if rows else (0, 0)
    missing = [batch for batch in planned if not store.has(streams.KIND, batch.key)]
    last = last_inputs.remembered(store, work.name, work.version)
    why: dict[str, int] = {}
    for batch in missing:
        words = _why(batch, last)
        why[words] = why.get(words, 0) + 1
    return {
        "pairing": work.name,
        "version": work.version,
        "batches": len(planned),
        "found": len(planned) - len(missing),
        "to_compute": len(missing),
        "errors_to_compute": sum(
            not all(store.has(streams.KIND, key) for key in batch.moved.values()) for batch in planned
        ),
        "rows_to_read": n_reference + n_test,
        "reference_rows_to_read": n_reference,
        "test_rows_to_read": n_test,
        "why": why,
        "endpoints": {"kept": [], "to_compute": _endpoints(protocol, work.name)}
        if missing
        else _kept(protocol, work, store, planned),
    }


def _endpoints(protocol: Protocol, pairing: str) -> list[str]:
    every = {**protocol.endpoints, **slices.automatic_endpoints(protocol)}
    return [name for name, one in every.items() if one.pairing == pairing]


def _kept(
    protocol: Protocol, work: streams.StreamPairing, store: Store, planned: list[streams.Batch]
) -> dict[str, list[str]]:
    """Endpoints of pairs that are all there: those of which all that is asked was kept, and the others."""
    place = (work.name, work.version)
    kept = Kept(store, protocol, {place: stream_batches.whole_key(planned)})
    every = {**protocol.endpoints, **slices.automatic_endpoints(protocol)}
    found: dict[str, list[str]] = {"kept": [], "to_compute": []}
    for group in groups(protocol, every):
        if next(iter(group.values())).pairing == work.name:
            there = kept.answerable(group, work.version) is not None
            found["kept" if there else "to_compute"].extend(group)
    return found


def _why(batch: streams.Batch, last: Mapping[str, Any]) -> str:
    """Why a batch is not there: what differs from the last one of the same subjects."""
    before = last.get(",".join(batch.subjects))
    if before is None:
        return NEW
    differing = [words for name, words in WHY.items() if before.get(name) != batch.inputs[name]]
    return "; ".join(differing) or GONE
