"""Classes over time in one session, as pairs hold them: epochs of a night, or events that were matched.

The app's page of signals asks here for endpoints of categories. Nothing is estimated.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ..datasets.units import step
from ..protocols.context import EVENTS
from ..protocols.model import Endpoint, Pairing, Protocol
from . import signals, slices
from .coding import said
from .results import Results

AGREE, OTHER, MISSED, EXTRA = "agree", "other class", "missed", "extra"
"""What becomes of a unit or an event. Units of time only agree or have another class."""
UNUSED = "not used"
STATUS = (AGREE, OTHER, MISSED, EXTRA, UNUSED)
_SLEEP = ("wake", "rem")


def shown(results: Results) -> list[str]:
    """Endpoints of categories in time: units of time of one length, or events."""
    found = []
    for entry in results.document["endpoints"]:
        if not entry.get("row_id"):
            continue
        endpoint = slices.endpoint_of(results.protocol, entry["id"])
        how = slices.coding(results.protocol, endpoint)
        method = results.protocol.pairings[said(endpoint.pairing)].method
        if method in (*signals.UNITS, EVENTS) and how.kind in {"binary", "categorical"} and not how.reports:
            found.append(str(entry["id"]))
    return found


def in_time(results: Results) -> list[str]:
    """Endpoints with something to look at in time: signals of measurements, or classes."""
    return [*signals.shown(results), *shown(results)]


def levels(protocol: Protocol, endpoint: Endpoint) -> tuple[str, ...]:
    """The classes of an endpoint from top to bottom: as declared, but REM right below wake."""
    pairing = protocol.pairings[said(endpoint.pairing)]
    named: dict[str, None] = {}
    for side, table in (("reference", pairing.reference), ("test", pairing.test)):
        column = protocol.tables[table].columns[said(getattr(endpoint, side))]
        own = column.levels or ("true", "false")
        named |= dict.fromkeys(one for one in own if one not in column.indeterminate)
    return _as_hypnogram(tuple(named))


def _as_hypnogram(named: Sequence[str]) -> tuple[str, ...]:
    """Classes of sleep in the order of hypnograms; others as they are.

    Example:
        >>> _as_hypnogram(["wake", "n1", "n2", "n3", "rem"])
        ('wake', 'rem', 'n1', 'n2', 'n3')
        >>> _as_hypnogram(["N", "V"])
        ('N', 'V')
    """
    first = [one for word in _SLEEP for one in named if one.casefold() == word]
    if len(first) < len(_SLEEP):
        return tuple(named)
    return (*first, *(one for one in named if one not in first))


def outcomes(results: Results, asked: signals.Asked) -> pl.DataFrame:
    """The units or events of a session, those left out too.

    Returns:
        In order of time: `start`, `end` (Int64, ticks of the reference's clock; equal for events without an
        extent), `reference`, `test` (the class as text, null where a side has none), `status` (see `STATUS`),
        `outside` (the endpoint rests on it and the classes are not one), `used`, `why` (why it is not).
    """
    protocol = results.protocol
    endpoint = slices.endpoint_of(protocol, asked.endpoint)
    pairing = protocol.pairings[said(endpoint.pairing)]
    same = [pl.col(name).cast(pl.String) == value for name, value in asked.session]
    frame = signals.pairs_of(results, said(endpoint.pairing), asked.version).filter(*same).collect()
    frame = frame.with_row_index("_place")
    used = slices.population_rows(protocol, endpoint, frame, ["_place"])["_place"]
    start, end = _span(frame, pairing, protocol)
    first, second = (
        frame[f"{side}.{said(getattr(endpoint, side))}"].cast(pl.String) for side in signals.SIDES
    )
    words = {**slices.reason_words(protocol), signals.NOT_HERE: "This endpoint does not speak of it"}
    code = pl.when(pl.col("reason").is_null()).then(pl.lit(signals.NOT_HERE)).otherwise("reason")
    none = _none(protocol, endpoint, pairing)
    missed, extra = pl.col("test").is_in(none[1]), pl.col("reference").is_in(none[0])
    found = frame.select(
        start.alias("start"),
        end.alias("end"),
        first.alias("reference"),
        second.alias("test"),
        pl.col("_place").is_in(used.implode()).alias("used"),
        code.alias("code"),
    )
    status = (
        pl.when(~pl.col("used")).then(pl.lit(UNUSED))
        .when(pl.col("reference") == pl.col("test")).then(pl.lit(AGREE))
        .when(extra).then(pl.lit(EXTRA))
        .when(missed).then(pl.lit(MISSED))
        .otherwise(pl.lit(OTHER))
    )  # fmt: skip
    return (
        found.with_columns(
            status.alias("status"),
            pl.when("used")
            .then(None)
            .otherwise(pl.col("code").replace_strict(words, default=pl.col("code"), return_dtype=pl.String))
            .alias("why"),
        )
        .with_columns(pl.col("status").is_in([OTHER, MISSED, EXTRA]).alias("outside"))
        .drop("code")
        .drop_nulls("start")
        .sort("start", maintain_order=True)
    )


def _none(protocol: Protocol, endpoint: Endpoint, pairing: Pairing) -> tuple[list[str], list[str]]:
    """Of either side the classes that stand for no event."""
    found = []
    for side, table in (("reference", pairing.reference), ("test", pairing.test)):
        spec = protocol.tables[table].columns[said(getattr(endpoint, side))].event
        found.append([] if spec is None else [one for one in (spec.none, spec.unreadable) if one])
    return found[0], found[1]


def _span(frame: pl.DataFrame, pairing: Pairing, protocol: Protocol) -> tuple[pl.Series, pl.Series]:
    """Start and end of each unit, or of each event."""
    if pairing.method != EVENTS:
        return signals.span(frame, pairing, protocol)
    table = protocol.tables[pairing.reference]
    start = signals.ticks(frame[said(table.time)], table)
    longest = pl.Series([0]).new_from_index(0, frame.height).cast(pl.Int64)
    for side, name in (("test", pairing.test), ("reference", pairing.reference)):
        own = protocol.tables[name]
        column = f"{side}.{own.duration}"
        if own.duration is not None and column in frame.columns:
            unit = own.columns[own.duration].unit or "us"
            lasts = (frame[column].cast(pl.Float64) * step(unit)).round().cast(pl.Int64)
            longest = lasts.fill_null(longest)
    return start, start + longest


def disagreements(found: pl.DataFrame, status: str | None = None) -> pl.DataFrame:
    """What to look at, in order of time: everything used whose classes are not one.

    Runs of neighbouring units of time with the same two classes are one disagreement.

    Args:
        found: See `outcomes`.
        status: Only these; None: all.
    """
    chosen = found.filter(pl.col("outside") if status is None else pl.col("status") == status)
    if chosen.is_empty():
        return chosen
    begins = (
        (pl.col("start") != pl.col("end").shift())
        | pl.col("reference").ne_missing(pl.col("reference").shift())
        | pl.col("test").ne_missing(pl.col("test").shift())
        | (pl.col("start") == pl.col("end"))
    ).fill_null(value=True)
    return (
        chosen.with_columns(begins.cum_sum().alias("_run"))
        .group_by("_run", maintain_order=True)
        .agg(
            pl.col("start").first(), pl.col("end").last(), pl.col("reference", "test", "status").first(),
            pl.len().alias("n"),
        )
        .drop("_run")
    )  # fmt: skip


def counts(found: pl.DataFrame) -> dict[str, int]:
    """How many there are of each status, in its order."""
    own = dict(found["status"].value_counts().iter_rows())
    return {status: int(own[status]) for status in STATUS if own.get(status)}
