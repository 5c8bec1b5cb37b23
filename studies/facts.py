"""What a report says of a study beside its endpoints: the flow, readers, deviations, events, intended users.

Counts and shares of what was recorded; agreement of readers by the statistics of `evaluators`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from itertools import pairwise
from typing import Any

import polars as pl

from ..datasets.flow import flow
from ..datasets.pairs import UNLISTED, Pairs
from ..evaluators import fleiss_kappa, gwet_ac_raters
from ..evaluators.metric import MetricResult
from ..protocols.model import DECIDING, Protocol
from ..protocols.validity import Reads
from . import slices

EVENT_TABLES = ("deviations", "adverse_events")
MOST_LEVELS = 30
FREEZES = ("algorithm", "protocol", "reference_reading", "database", "unblinding")
"""What is frozen, in the order in which it has to be."""


def flows(protocol: Protocol, pairs: Mapping[tuple[str, str], Pairs], version: str) -> list[dict[str, Any]]:
    """The flow of participants of each deciding endpoint (of the first endpoint, where nothing decides)."""
    deciding = [name for name, one in protocol.endpoints.items() if one.role in DECIDING]
    entries = []
    for name in deciding or list(protocol.endpoints)[:1]:
        endpoint = protocol.endpoints[name]
        own = pairs[str(endpoint.pairing), version]
        view = slices.view_of(protocol, slices.PRIMARY)
        entries.append(
            {"endpoint": name, "version": version, "stages": flow(own, protocol, endpoint, view=view)}
        )
    return entries


def unlisted(protocol: Protocol, pairs: Mapping[tuple[str, str], Pairs], version: str) -> dict[str, int]:
    """Pairing -> rows that carry an exclusion code which the protocol does not declare."""
    found = {}
    for name in protocol.pairings:
        own = pairs[name, version]
        bit = own.bits((UNLISTED,))
        carrying = (pl.col("reasons") & pl.lit(bit, dtype=pl.UInt64)) != 0
        count = int(own.columns(carrying.sum()).item())
        if count:
            found[name] = count
    return found


def readers(protocol: Protocol, shared: Mapping[str, pl.DataFrame]) -> dict[str, Any] | None:
    """How the readers of the reference agreed; None where the protocol has none or the study no such data.

    Returns:
        `rule`, `n_units`, `n_readers`, `n_readings`, `n_unanimous` (of units with two readings or more),
        `n_repeated` (those units), `n_adjudicated`, and `agreement`: `fleiss_kappa` and `gwet_ac1`, each with
        `estimate`, `lower`, `upper` or `error`. Readings of adjudicators do not enter the agreement.
    """
    reads = protocol.reads
    frame = shared.get(reads.table) if reads is not None else None
    if reads is None or frame is None:
        return None
    own = frame.filter(~_adjudicating(reads)) if reads.adjudicated else frame
    units = (
        own.filter(pl.col(reads.value).is_not_null())
        .group_by(reads.unit, maintain_order=True)
        .agg(pl.col(reads.value).n_unique().alias("values"), pl.len().alias("readings"))
    )
    repeated = units.filter(pl.col("readings") > 1)
    adjudicated = (
        frame.filter(_adjudicating(reads)).select(reads.unit).unique() if reads.adjudicated else None
    )
    return {
        "rule": reads.rule,
        "n_units": units.height,
        "n_readers": own[reads.reader].n_unique(),
        "n_readings": int(units["readings"].sum()),
        "n_repeated": repeated.height,
        "n_unanimous": repeated.filter(pl.col("values") == 1).height,
        "n_adjudicated": None if adjudicated is None else adjudicated.height,
        "agreement": _agreement(protocol, reads, own),
    }


def _adjudicating(reads: Reads) -> pl.Expr:
    return pl.col(str(reads.adjudicated)).fill_null(value=False)


def _agreement(protocol: Protocol, reads: Reads, own: pl.DataFrame) -> dict[str, Any]:
    """Agreement beyond chance of all readers; units are taken as they are, subjects as clusters."""
    wide = own.pivot(on=reads.reader, index=list(reads.unit), values=reads.value, aggregate_function="first")
    names = [name for name in wide.columns if name not in reads.unit]
    subject = protocol.tables[reads.table].subject
    if len(names) < 2:
        return {}
    ratings = wide.select(pl.col(names).cast(pl.String)).to_numpy()
    clusters = wide[subject].to_numpy() if subject in reads.unit else None
    found: dict[str, Any] = {}
    for key, function in (("fleiss_kappa", fleiss_kappa), ("gwet_ac1", gwet_ac_raters)):
        try:
            result: MetricResult = function(ratings, subject=clusters)
            one = next(iter(result.values()))
        except ValueError as problem:
            found[key] = {"estimate": None, "lower": None, "upper": None, "error": str(problem)}
            continue
        ends = (one.interval.lower, one.interval.upper) if one.interval else (None, None)
        value = None if math.isnan(one.value) else one.value
        found[key] = {"estimate": value, "lower": ends[0], "upper": ends[1], "error": one.error}
    return found


def events(protocol: Protocol, shared: Mapping[str, pl.DataFrame]) -> dict[str, Any]:
    """Deviations and adverse events that were recorded: rows, subjects, and counts of every coded column.

    Returns:
        Table -> `recorded` (whether the study has such data), `n_rows`, `n_subjects`, `columns`: name, title
        and levels with their counts.
    """
    found: dict[str, Any] = {}
    for name in EVENT_TABLES:
        if name not in protocol.tables:
            continue
        table, frame = protocol.tables[name], shared.get(name)
        if frame is None:
            found[name] = {"recorded": False, "n_rows": None, "n_subjects": None, "columns": []}
            continue
        columns = []
        for column, spec in table.columns.items():
            if column in {table.subject, *table.key} or spec.type not in {"category", "boolean", "text"}:
                continue
            counts = frame[column].cast(pl.String).fill_null(slices.MISSING).value_counts().sort(column)
            if spec.type != "text" or counts.height <= MOST_LEVELS:
                levels = [{"level": level, "n": count} for level, count in counts.iter_rows()]
                columns.append({"column": column, "title": spec.title or column, "levels": levels})
        found[name] = {
            "recorded": True,
            "n_rows": frame.height,
            "n_subjects": frame[table.subject].n_unique(),
            "columns": columns,
        }
    return found


def intended(protocol: Protocol, subjects: pl.DataFrame | None, analysed: list[str]) -> list[dict[str, Any]]:
    """Analysed subjects against the intended users, level by level.

    Args:
        protocol: Resolved protocol.
        subjects: The subjects table.
        analysed: Subjects that were analysed.
    """
    if subjects is None or not protocol.intended_population:
        return []
    key = protocol.tables[slices.SUBJECTS].subject
    own = subjects.filter(pl.col(key).is_in(analysed))
    entries = []
    for column, shares in protocol.intended_population.items():
        title = protocol.tables[slices.SUBJECTS].columns[column].title or column
        texts = own[column].cast(pl.String)
        levels = [
            {"level": level, "intended": share, "n": int((texts == level).sum()), "of": own.height}
            for level, share in shares.items()
        ]
        entries.append({"column": column, "title": title, "levels": levels})
    return entries


def freeze_problems(freeze: Mapping[str, Any]) -> list[str]:
    """Freeze dates that are out of order, in words."""
    known = [(name, date.fromisoformat(str(freeze[name]))) for name in FREEZES if freeze.get(name)]
    return [
        f"{later.replace('_', ' ')} ({after}) lies before {earlier.replace('_', ' ')} ({before})"
        for (earlier, before), (later, after) in pairwise(known)
        if after < before
    ]
