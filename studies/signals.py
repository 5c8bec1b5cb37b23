"""What lies behind the pairs of one session: the rows of both devices in time, and the windows made of them.

The app's page of signals asks here. Nothing is estimated: rows come from the study's sources, windows from
the run, and what counts as a disagreement is what the protocol tolerates.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl

from ..datasets import timing
from ..datasets.one_subject import read_subject
from ..datasets.provenance import FileRecord
from ..datasets.units import step
from ..evaluators import tolerance
from ..protocols.errors import UsageError
from ..protocols.model import Endpoint, Pairing, Protocol, Table
from . import slices
from .coding import said
from .folder import Study, declared_codes
from .results import MANIFEST_FILE, Results, pairs_file

Side = Literal["reference", "test"]
SIDES: tuple[Side, ...] = ("reference", "test")

SECOND = 1_000_000
"""Times are whole microseconds here (10^-6 of the unit where it is none of time)."""

UNITS = ("windows", "epochs")
NOT_HERE = "not_here"
"""Code of windows that the pairs hold and the endpoint does not speak of."""


@dataclass(frozen=True)
class Asked:
    """Whose signals: an endpoint, a version, and a session.

    Attributes:
        endpoint: Its identifier.
        version: Algorithm version.
        session: Columns that name the session, `subject` first, with their values as text.
    """

    endpoint: str
    version: str
    session: tuple[tuple[str, str], ...]

    @property
    def subject(self) -> str:
        """The subject's pseudonym."""
        return dict(self.session)["subject"]


@dataclass(frozen=True)
class Clock:
    """How the run found the test device's clock to stand against the reference's in a session.

    Attributes:
        status: `resolved`, or why it is not known.
        reason: The same in words; empty where it is known.
        at: Test time (ticks) at which the offset holds.
        offset: Seconds to add to the test clock, lower and upper bound of its 95% interval behind it.
        drift: Parts in a million, likewise; None where none was estimated.
        applied: Whether the run has paired by corrected times.
    """

    status: str
    reason: str
    at: int
    offset: tuple[float, float | None, float | None] | None
    drift: tuple[float, float | None, float | None] | None
    applied: bool

    def corrected(self, ticks: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Test times by the reference's clock; as they are where the clock is not known.

        Example:
            >>> clock = Clock("resolved", "", 0, (2.0, 1.5, 2.5), (100.0, 90.0, 110.0), applied=True)
            >>> clock.corrected(np.array([0, 10_000 * SECOND])).tolist()
            [2000000, 10003000000]
        """
        if self.offset is None:
            return ticks
        drift = self.drift[0] if self.drift is not None else 0.0
        moved = self.offset[0] * SECOND + drift * 1e-6 * (ticks - self.at)
        return np.asarray(ticks + np.rint(moved).astype(np.int64))


@dataclass(frozen=True)
class Trace:
    """One device's rows of a session.

    Attributes:
        table: Name of the table.
        column: The value column.
        rows: `time` (Int64, see `SECOND`), `value` (Float64, null where there is none), `excluded` (the code
            that the row carries, or null), in order of time.
        changed: Files that are not what the run has read.
    """

    table: str
    column: str
    rows: pl.DataFrame
    changed: tuple[str, ...] = ()


def shown(results: Results) -> list[str]:
    """Endpoints with signals to look at: measurements of two tables that name their time, as they stand."""
    found = []
    for entry in results.document["endpoints"]:
        if not entry.get("row_id"):
            continue
        endpoint = slices.endpoint_of(results.protocol, entry["id"])
        pairing = results.protocol.pairings[said(endpoint.pairing)]
        tables = [results.protocol.tables[name] for name in (pairing.reference, pairing.test)]
        if (
            pairing.method in (*UNITS, "nearest")
            and all(table.time is not None for table in tables)
            and slices.coding(results.protocol, endpoint).kind == "measurement"
        ):
            found.append(str(entry["id"]))
    return found


def clock(results: Results, asked: Asked) -> Clock | None:
    """What the alignment audit says of a session; None where the protocol aligns no clocks."""
    protocol = results.protocol
    pairing = slices.endpoint_of(protocol, asked.endpoint).pairing
    audit = results.clocks(said(pairing), asked.version)
    if audit is None:
        return None
    same = [pl.col(name).cast(pl.String) == value for name, value in asked.session]
    found = audit.filter(*same)
    if found.is_empty():
        return None
    row = found.row(0, named=True)

    def bounded(name: str, value: str) -> tuple[float, float | None, float | None] | None:
        if row[value] is None:
            return None
        return row[value], row[f"{name}_lower"], row[f"{name}_upper"]

    table = protocol.tables[protocol.pairings[said(pairing)].test]
    at = ticks(found["at"], table)[0]
    return Clock(
        str(row["status"]),
        str(row["reason"] or ""),
        0 if at is None else int(at),
        bounded("offset", "offset_s"),
        bounded("drift", "drift_ppm"),
        bool(row["applied"]),
    )


def is_datetime(protocol: Protocol, endpoint: Endpoint) -> bool:
    """Whether the session's times are dates and times, not numbers."""
    table = protocol.tables[protocol.pairings[said(endpoint.pairing)].reference]
    return table.columns[said(table.time)].type == "datetime"


def sessions(results: Results, endpoint: Endpoint, version: str) -> list[dict[str, str]]:
    """The sessions of a pairing in order: the values of the columns that have to be equal in a pair."""
    names = session_columns(results.protocol, endpoint)
    pairs = pairs_of(results, said(endpoint.pairing), version)
    found = pairs.select(pl.col(name).cast(pl.String) for name in names).unique().sort(names).collect()
    return list(found.iter_rows(named=True))


def session_columns(protocol: Protocol, endpoint: Endpoint) -> list[str]:
    """`subject`, and what else has to be equal; the subject column is called so in pairs."""
    pairing = protocol.pairings[said(endpoint.pairing)]
    subject = protocol.tables[pairing.reference].subject
    rest = [name for name in pairing.on or () if name != subject]
    return ["subject", *rest]


def pairs_of(results: Results, pairing: str, version: str) -> pl.LazyFrame:
    """The pairs, unread where they lie in a folder."""
    if results.folder is not None:
        path = results.folder / pairs_file(pairing, version)
        if path.is_file():
            return pl.scan_parquet(path, hive_partitioning=False, glob=False)
    return results.pairs(pairing, version).lazy()


def windows(results: Results, asked: Asked) -> pl.DataFrame:
    """The windows of a session, those left out too.

    A window is what one pair stands for: its unit of time, or with `nearest` the time within the tolerance of
    the reference row.

    Returns:
        In order of time: `start`, `end` (Int64, reference clock), `reference`, `test`, `difference` (test -
        reference), `allowed` (what the protocol tolerates, null where it does not say), `outside` (the
        difference is larger), `used` (the endpoint rests on it), `code` (why not, or null), `why` (in words).
    """
    protocol = results.protocol
    endpoint = slices.endpoint_of(protocol, asked.endpoint)
    how = slices.coding(protocol, endpoint)
    pairing = protocol.pairings[said(endpoint.pairing)]
    same = [pl.col(name).cast(pl.String) == value for name, value in asked.session]
    frame = pairs_of(results, said(endpoint.pairing), asked.version).filter(*same).collect()
    frame = frame.with_row_index("_place")
    used = slices.population_rows(protocol, endpoint, frame, ["_place"])["_place"]
    start, end = span(frame, pairing, protocol)
    reference, test = (frame[name].cast(pl.Float64) for name in (how.reference, how.test))
    limit = allowed(protocol, endpoint, reference.to_numpy())
    words = slices.reason_words(protocol)
    found = frame.select(
        start.alias("start"),
        end.alias("end"),
        reference.alias("reference"),
        test.alias("test"),
        (test - reference).alias("difference"),
        pl.Series("allowed", limit, dtype=pl.Float64).fill_nan(None),
        pl.col("_place").is_in(used.implode()).alias("used"),
        pl.when(pl.col("reason").is_null()).then(pl.lit(NOT_HERE)).otherwise("reason").alias("code"),
    )
    return (
        found.with_columns(
            (pl.col("used") & (pl.col("difference").abs() > pl.col("allowed")))
            .fill_null(value=False)
            .alias("outside"),
            pl.when("used").then(None).otherwise("code").alias("code"),
        )
        .with_columns(
            pl.col("code")
            .replace_strict(
                {**words, NOT_HERE: "This endpoint does not speak of it"},
                default=pl.col("code"),
                return_dtype=pl.String,
            )
            .alias("why")
        )
        .drop_nulls("start")
        .sort("start", maintain_order=True)
    )


def span(frame: pl.DataFrame, pairing: Pairing, protocol: Protocol) -> tuple[pl.Series, pl.Series]:
    """Start and end of what each pair stands for, by the reference's clock; lone test rows by their own."""
    if pairing.method in UNITS and pairing.unit is not None and pairing.unit.length is not None:
        table = protocol.tables[pairing.reference]
        start = ticks(frame[said(table.time)], table)
        length = round(pairing.unit.length.value * step(pairing.unit.length.unit))
        return start, start + length
    times = [
        ticks(frame[f"{side}.{table.time}"], table)
        for side, table in (
            ("reference", protocol.tables[pairing.reference]),
            ("test", protocol.tables[pairing.test]),
        )
    ]
    at = times[0].fill_null(times[1])
    reach = 0 if pairing.tolerance is None else round(pairing.tolerance.value * step(pairing.tolerance.unit))
    return at - reach, at + reach


def ticks(times: pl.Series, table: Table) -> pl.Series:
    """Times of a table in whole microseconds (10^-6 of the unit where it is none of time)."""
    unit = table.columns[said(table.time)].unit
    return timing.steps(times, unit or "us")


def allowed(protocol: Protocol, endpoint: Endpoint, reference: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The largest difference that the protocol tolerates at each reference value; NaN where it says nothing.

    The endpoint's own tolerance; else that of another endpoint of the same values; else a limit that the
    endpoint's criterion sets in the measurement's unit, or in percent of the reference.
    """
    for one in (endpoint, *protocol.endpoints.values()):
        same = (one.pairing, one.reference, one.test) == (endpoint.pairing, endpoint.reference, endpoint.test)
        if same and "tolerance" in one.parameters:
            return np.asarray(tolerance.parse(one.parameters["tolerance"]).at(reference), dtype=np.float64)
    table = protocol.tables[protocol.pairings[said(endpoint.pairing)].reference]
    unit = table.columns[said(endpoint.reference)].unit
    for criterion in endpoint.judged:
        if not isinstance(criterion.limit, (int, float, tuple, list)):
            continue
        limits = criterion.limit if isinstance(criterion.limit, (tuple, list)) else [criterion.limit]
        largest = max(abs(float(limit)) for limit in limits)
        if criterion.unit is not None and criterion.unit == unit:
            return np.full(len(reference), largest)
        if criterion.unit == "%" and endpoint.metric == "mape":
            return np.asarray(np.abs(reference) * largest / 100.0, dtype=np.float64)
    return np.full(len(reference), np.nan)


def allowed_words(protocol: Protocol, endpoint: Endpoint) -> str | None:
    """What `allowed` goes by, in words; None where the protocol tolerates nothing in particular."""
    for one in (endpoint, *protocol.endpoints.values()):
        same = (one.pairing, one.reference, one.test) == (endpoint.pairing, endpoint.reference, endpoint.test)
        if same and "tolerance" in one.parameters:
            return f"{one.parameters['tolerance']} (tolerance of “{one.title}”)"
    probe = allowed(protocol, endpoint, np.array([100.0]))
    if np.isnan(probe).any():
        return None
    return "the limit of the endpoint's criterion"


def disagreements(found: pl.DataFrame, *, largest_first: bool, most: int = 500) -> pl.DataFrame:
    """Windows to look at: by size, or in order of time those outside what is tolerated.

    Where the protocol tolerates nothing in particular, the twenty largest stand for those outside.

    Args:
        found: The windows of a session, see `windows`.
        largest_first: All that are used, the largest difference first; else those outside in order of time.
        most: So many at most, the largest.

    Returns:
        Rows of `found` in the order asked for.
    """
    used = found.filter("used").drop_nulls("difference")
    size = pl.col("difference").abs()
    ordered = used.sort([size, pl.col("start")], descending=[True, False])
    if largest_first:
        return ordered.head(most)
    known = used["allowed"].count() > 0
    return (ordered.filter("outside").head(most) if known else ordered.head(20)).sort("start")


def trace(results: Results, study: Study, asked: Asked, side: Side) -> Trace:
    """The rows of one device in a session, read from the study's sources for that subject alone.

    Args:
        results: The run that is looked at.
        study: The study as it is now.
        asked: Endpoint, whose value column it is, version and session.
        side: Which device.

    Raises:
        UsageError: study.yaml no longer names such a table or version.
        ContractError: The data are not there any more, or violate their contract.
        OutputError: A file cannot be read.
    """
    protocol = results.protocol
    endpoint = slices.endpoint_of(protocol, asked.endpoint)
    version = asked.version
    pairing = protocol.pairings[said(endpoint.pairing)]
    name = pairing.reference if side == "reference" else pairing.test
    column = said(endpoint.reference if side == "reference" else endpoint.test)
    table = protocol.tables[name]
    versions = study.config.algorithm.versions
    if side == "test" and version not in versions:
        raise UsageError(f"study.yaml no longer names version `{version}`")
    sources = study.config.sources if side == "reference" else versions[version].sources
    if name not in sources:
        raise UsageError(f"study.yaml no longer names a source of table `{name}`")
    data = read_subject(
        name,
        table,
        sources[name],
        asked.subject,
        base=study.path,
        roots=study.config.roots,
        stores=study.config.stores,
        conversions=protocol.conversions,
        exclusions=declared_codes(protocol),
    )
    same = [pl.col(key).cast(pl.String) == value for key, value in asked.session if key != "subject"]
    frame = data.frame.filter(*same) if same else data.frame
    excluded = pl.lit(None, dtype=pl.String) if table.exclusion is None else pl.col(table.exclusion)
    rows = (
        frame.select(
            ticks(frame[said(table.time)], table).alias("time"),
            pl.col(column).cast(pl.Float64).alias("value"),
            excluded.alias("excluded"),
        )
        .drop_nulls("time")
        .sort("time", maintain_order=True)
    )
    return Trace(
        name, column, rows, changed(results, name, None if side == "reference" else version, data.files)
    )


def changed(
    results: Results, table: str, version: str | None, records: Sequence[FileRecord]
) -> tuple[str, ...]:
    """Files that the run's manifest does not know, or knows with other content."""
    place = None if results.folder is None else Path(results.folder) / MANIFEST_FILE
    if place is None or not place.is_file():
        return ()
    inputs = json.loads(place.read_text(encoding="utf-8")).get("inputs", [])
    known = {
        file["path"]: file["sha256"]
        for entry in inputs
        if (entry["table"], entry["version"]) == (table, version)
        for file in entry.get("files", [])
    }
    if not known:
        return ()
    return tuple(
        one.path_relative for one in records if one.sha256 and known.get(one.path_relative) != one.sha256
    )
