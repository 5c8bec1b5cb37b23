"""Are the test data independent of what a version was trained on? Subjects, sites and dates, side by side.

A subject on whom an algorithm was trained and on whom it is tested makes it look better than it is on anybody
else. What is decided about such a version is therefore not evaluable. Sites and dates that both share are no
such fault, but something to look at: they are said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from ..datasets.pairs import PairFrame
from ..datasets.read import TableData
from ..datasets.stream import Stream
from ..protocols.errors import ContractError, UsageError, Violation
from ..protocols.model import Endpoint, Protocol
from . import slices, training_files
from .artefact import readable
from .kept import Kept
from .training_manifest import TrainingManifest

if TYPE_CHECKING:
    from .folder import Study, Tables

SITE = "site"
MOST_SHOWN = 5
"""Most subjects that a sentence names; results.json has all."""
Data = TableData | Stream | pl.DataFrame


@dataclass(frozen=True)
class TestSet:
    """What a version is tested on.

    Attributes:
        subjects: Keys of the subjects, sorted.
        sites: Their sites; None where the subjects table has no such column.
        first: First day of their rows, or None.
        last: Last day of them, or None.
        undated: Tables whose times were not looked at, because they are read some subjects at a time.
    """

    __test__ = False  # its name is no test's

    subjects: tuple[str, ...]
    sites: tuple[str, ...] | None = None
    first: date | None = None
    last: date | None = None
    undated: tuple[str, ...] = ()


def manifests(study: Study) -> tuple[dict[str, TrainingManifest], list[Violation]]:
    """Version -> the training manifest that its artefact names; and what is wrong with others.

    Args:
        study: The study. Manifests lie in its folder or below a declared root.
    """
    found: dict[str, TrainingManifest] = {}
    violations: list[Violation] = []
    for version, spec in study.config.algorithm.versions.items():
        training = spec.artefact.training if spec.artefact is not None else None
        if training is None or training.manifest is None:
            continue
        path = readable(study, training.manifest)
        if path is None:
            message = "lies neither in the study folder nor below a declared root"
            key = f"algorithm.versions.{version}.artefact.training.manifest"
            violations.append(Violation(message, file="study.yaml", key=key, found=training.manifest))
            continue
        try:
            found[version] = training_files.read(path, training.manifest)
        except ContractError as error:
            violations.extend(one for one in error.violations if one not in violations)
    return found, violations


def given(study: Study, written: Sequence[str]) -> dict[str, TrainingManifest]:
    """Version -> manifest, of manifests that a command names: `FILE` for every version, or `VERSION=FILE`.

    Raises:
        UsageError: Two manifests for a version.
        ContractError: Manifests that do not hold; everything that is wrong with all of them is listed.
    """
    found: dict[str, TrainingManifest] = {}
    violations: list[Violation] = []
    for text in written:
        name, _, file = text.partition("=")
        named = file and name in study.versions
        versions, path = ((name,), file) if named else (study.versions, text)
        twice = [version for version in versions if version in found]
        if twice:
            raise UsageError(f"--training-manifest: version {twice[0]} has two; name one, as VERSION=FILE")
        try:
            manifest = training_files.read(Path(path), path)
        except ContractError as error:
            violations.extend(error.violations)
        else:
            found.update(dict.fromkeys(versions, manifest))
    if violations:
        raise ContractError(violations)
    return found


def of_tables(protocol: Protocol, tables: Tables, version: str, *, whole: bool = False) -> TestSet:
    """Whose rows the reference and test tables of a version hold, before anything is paired.

    Args:
        protocol: Resolved protocol.
        tables: The tables of the study.
        version: The version.
        whole: True keeps subjects whom the subjects table excludes from every endpoint by a code.
    """
    every = tables.of(version)
    paired = _paired(protocol)
    subjects = {one for name in every if name in paired for one in _subjects(protocol, every[name])}
    table = every.get(slices.SUBJECTS)
    frame = table.frame if isinstance(table, TableData) else None
    if frame is not None and not whole:
        subjects -= _excluded(protocol, frame)
    return _test_set(protocol, subjects, frame, every)


def analysed(
    protocol: Protocol,
    training: Mapping[str, TrainingManifest],
    pairs: Mapping[tuple[str, str], PairFrame],
    tables: Mapping[str, Mapping[str, pl.DataFrame]],
    kept: Kept,
) -> list[dict[str, Any]]:
    """Every version with a manifest, held against the subjects that its endpoints analyse or count.

    Whoever has no unit that any endpoint analyses can still count as a unit without an output, in coverage
    and where missing units are completed: the version was tested on that subject, too.

    Args:
        protocol: Resolved protocol.
        training: Version -> manifest.
        pairs: (pairing, version) -> frame of `Pairs`.
        tables: Version -> table -> frame, of tables that are held whole.
        kept: What was kept of the pairs.

    Returns:
        One entry a version, as `compared` gives it.
    """
    found = []
    for version, manifest in training.items():
        subjects = kept.fact("subjects that count", version, partial(_analysed, protocol, pairs, version))
        frames = tables[version]
        test = _test_set(protocol, subjects, frames.get(slices.SUBJECTS), frames)
        found.append(compared(manifest, test, version))
    return found


def compared(manifest: TrainingManifest, test: TestSet, version: str) -> dict[str, Any]:
    """Training and test data of a version side by side.

    Returns:
        `version`; `manifest` and `manifest_sha256`; `trained_on` (subjects in it); `subjects` with `tested`,
        `overlap` and the study's own keys of these (`keys`); `sites` with `trained`, `tested`, `overlap`
        (null where one side says nothing); `dates` with `trained`, `tested`, `overlap`; `independent`;
        `reason` (why decisions are not evaluable; null where independent); `notes` (what to look at).
    """
    keys = manifest.overlap(test.subjects)
    sites = None if test.sites is None or not manifest.sites else _sites(manifest, test.sites)
    dates = _dates(manifest, test)
    return {
        "version": version,
        "manifest": manifest.name,
        "manifest_sha256": manifest.sha256,
        "trained_on": len(manifest.subjects),
        "subjects": {"tested": len(test.subjects), "overlap": len(keys), "keys": keys},
        "sites": sites,
        "dates": dates,
        "independent": not keys,
        "reason": _reason(manifest, test, version, keys) if keys else None,
        "notes": [*_spelt(manifest, test), *_notes(manifest, test, sites, dates)],
    }


def reasons(entries: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Version -> why its decisions are not evaluable, of versions that were trained on test subjects."""
    return {entry["version"]: entry["reason"] for entry in entries if not entry["independent"]}


def line(entry: Mapping[str, Any]) -> str:
    """What is said of a version in one sentence.

    Example:
        >>> manifest = TrainingManifest(salt="0123456789abcdef", subjects=frozenset())
        >>> line(compared(manifest, TestSet(("001", "002")), "v2"))
        'v2: none of 2 test subjects is among 0 that it was trained on'
    """
    if entry["reason"]:
        return f"{entry['version']}: {entry['reason']}"
    tested, trained = entry["subjects"]["tested"], entry["trained_on"]
    return f"{entry['version']}: none of {tested:,} test subjects is among {trained:,} that it was trained on"


def _reason(manifest: TrainingManifest, test: TestSet, version: str, keys: Sequence[str]) -> str:
    shown = ", ".join(keys[:MOST_SHOWN])
    more = f" and {len(keys) - MOST_SHOWN:,} more" if len(keys) > MOST_SHOWN else ""
    are = "is" if len(keys) == 1 else "are"
    return (
        f"{len(keys):,} of {len(test.subjects):,} test subjects {are} among those that {version} was "
        f"trained on ({shown}{more}; training manifest {manifest.name or 'given'})"
    )


def _sites(manifest: TrainingManifest, tested: Sequence[str]) -> dict[str, list[str]]:
    trained = {_folded(one) for one in manifest.sites}
    return {
        "trained": list(manifest.sites),
        "tested": list(tested),
        "overlap": [one for one in tested if _folded(one) in trained],
    }


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())


def _dates(manifest: TrainingManifest, test: TestSet) -> dict[str, Any]:
    said = manifest.first is not None or manifest.last is not None
    overlap = None
    if said and test.first is not None and test.last is not None:
        after = manifest.last is not None and test.first > date.fromisoformat(manifest.last)
        before = manifest.first is not None and test.last < date.fromisoformat(manifest.first)
        overlap = not after and not before
    tested = [test.first.isoformat(), test.last.isoformat()] if test.first and test.last else None
    return {
        "trained": [manifest.first, manifest.last] if said else None,
        "tested": tested,
        "overlap": overlap,
        "not_looked_at": list(test.undated),
    }


def _spelt(manifest: TrainingManifest, test: TestSet) -> list[str]:
    """That subjects would be found in the manifest if their keys were written otherwise."""
    keys = manifest.alike(test.subjects)
    if not keys:
        return []
    shown = ", ".join(keys[:MOST_SHOWN])
    more = f" and {len(keys) - MOST_SHOWN:,} more" if len(keys) > MOST_SHOWN else ""
    return [
        f"{len(keys):,} of {len(test.subjects):,} test subjects would be among those that it was trained on "
        f"if their keys were written otherwise (case, hyphens, leading zeros): {shown}{more}"
    ]


def _notes(
    manifest: TrainingManifest,
    test: TestSet,
    sites: Mapping[str, Sequence[str]] | None,
    dates: Mapping[str, Any],
) -> list[str]:
    """What is no fault by itself, and should be looked at."""
    notes = []
    if manifest.duplicates:
        notes.append(
            f"{manifest.duplicates:,} entries of the training manifest repeat others; they count once"
        )
    if sites is not None and sites["overlap"]:
        shared = sites["overlap"]
        notes.append(
            f"{len(shared):,} of {len(sites['tested']):,} test sites are training sites: {', '.join(shared)}"
        )
    if dates["overlap"]:
        first, last = (day or "open" for day in dates["trained"])
        notes.append(
            f"test data from {dates['tested'][0]} to {dates['tested'][1]} were recorded while training data "
            f"were ({first} to {last})"
        )
    if dates["trained"] and test.undated:
        notes.append(f"dates were not compared for what is read as a stream: {', '.join(test.undated)}")
    return notes


def _analysed(protocol: Protocol, pairs: Mapping[tuple[str, str], PairFrame], version: str) -> list[str]:
    """Subjects of whom any endpoint analyses or counts a row, sorted; those always reported included."""
    found: set[str] = set()
    seen = []
    for endpoint in (*protocol.endpoints.values(), *slices.automatic_endpoints(protocol).values()):
        asked = (endpoint.pairing, endpoint.population, endpoint.where, endpoint.reference, endpoint.test)
        if (*asked, endpoint.metric) not in seen:
            seen.append((*asked, endpoint.metric))
            own = pairs[str(endpoint.pairing), version]
            analysed_ = slices.population_rows(protocol, endpoint, own, ["subject"]).get_column("subject")
            counted = own.lazy().filter(_with_reference(protocol, endpoint)).select("subject").collect()
            found.update(str(one) for one in analysed_.unique().to_list())
            found.update(str(one) for one in counted.get_column("subject").unique().to_list())
    return sorted(found)


def _with_reference(protocol: Protocol, endpoint: Endpoint) -> pl.Expr:
    """Whether a row is a unit of an endpoint with a result of the reference, output or not."""
    how = slices.coding(protocol, endpoint)
    keep = slices.has_reference(protocol, endpoint)
    if how.reference_indeterminate:
        keep &= ~slices.among(how.reference, how.reference_indeterminate)
    return keep


def _subjects(protocol: Protocol, data: TableData | Stream) -> set[str]:
    if isinstance(data, Stream):
        return set(data.counts)
    values = data.frame.get_column(protocol.tables[data.name].subject).drop_nulls().unique()
    return {str(one) for one in values.to_list()}


def _excluded(protocol: Protocol, subjects: pl.DataFrame) -> set[str]:
    """Subjects whom the subjects table excludes by a code that no endpoint's population keeps in."""
    table = protocol.tables[slices.SUBJECTS]
    if table.exclusion is None or table.exclusion not in subjects.columns:
        return set()
    codes = set(protocol.exclusions)
    for endpoint in protocol.endpoints.values():
        left_out = protocol.populations[str(endpoint.population)].exclude
        codes &= set(protocol.exclusions if left_out is None else left_out)
    kept = set(protocol.exclusions) - codes  # codes that are not declared leave everybody out
    code = pl.col(table.exclusion).cast(pl.String)
    out = subjects.filter(code.is_not_null() & ~code.is_in(sorted(kept)))
    return {str(one) for one in out.get_column(table.subject).to_list()}


def _test_set(
    protocol: Protocol, subjects: Iterable[str], frame: pl.DataFrame | None, tables: Mapping[str, Data]
) -> TestSet:
    own = sorted(subjects)
    days = [day for name, data in tables.items() for day in _days(protocol, name, data, own)]
    paired = _paired(protocol)
    undated = sorted({*paired} - {name for name, data in tables.items() if not isinstance(data, Stream)})
    return TestSet(
        subjects=tuple(own),
        sites=_sites_of(protocol, frame, own),
        first=min(days, default=None),
        last=max(days, default=None),
        undated=tuple(undated),
    )


def _paired(protocol: Protocol) -> set[str]:
    return {name for rule in protocol.pairings.values() for name in (rule.reference, rule.test)}


def _sites_of(
    protocol: Protocol, frame: pl.DataFrame | None, subjects: Sequence[str]
) -> tuple[str, ...] | None:
    column = protocol.sites.by if protocol.sites is not None else SITE
    if frame is None or column not in frame.columns:
        return None
    key = protocol.tables[slices.SUBJECTS].subject
    own = frame.filter(pl.col(key).cast(pl.String).is_in(list(subjects)))
    return tuple(sorted(own.get_column(column).drop_nulls().cast(pl.String).unique().to_list()))


def _days(protocol: Protocol, name: str, data: Data, subjects: Sequence[str]) -> list[date]:
    """First and last day in the reference and test tables: their `time`, or else every date of theirs."""
    if isinstance(data, Stream) or name not in _paired(protocol):
        return []
    frame = data if isinstance(data, pl.DataFrame) else data.frame
    table = protocol.tables[name]
    dated = [
        one for one in frame.columns if frame.schema[one].is_temporal() and frame.schema[one] != pl.Duration
    ]
    if table.time in dated:
        dated = [str(table.time)]
    own = frame.filter(pl.col(table.subject).cast(pl.String).is_in(list(subjects))) if dated else frame
    found = [end for one in dated for end in (own.get_column(one).min(), own.get_column(one).max())]
    return [one.date() if isinstance(one, datetime) else one for one in found if isinstance(one, date)]
