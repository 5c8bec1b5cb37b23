"""Who was analysed: the subjects of the analysis population, by cohort and version."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import polars as pl

from ..datasets.pairs import PairFrame
from ..protocols.model import DECIDING, Column, Endpoint, Protocol
from . import slices

SMALL_CELL = 5
"""Counts from 1 to 4 are not shown in reports, so that nobody can be picked out; files keep them."""
RULE = f"Counts of 1 to {SMALL_CELL - 1} subjects are shown as <{SMALL_CELL} in reports."
MOST_LEVELS = 30
"""A text column with more values than this names things one by one; it is not summarised."""
COHORT = "cohort"


def shown(count: int) -> str:
    """A count of subjects as a report may show it.

    Example:
        >>> shown(0), shown(3), shown(1204)
        ('0', '<5', '1,204')
    """
    return f"<{SMALL_CELL}" if 0 < count < SMALL_CELL else f"{count:,}"


def demographics(
    protocol: Protocol, subjects: pl.DataFrame | None, pairs: Mapping[tuple[str, str], PairFrame]
) -> list[dict[str, Any]]:
    """A summary of every subject column over the analysed subjects of each version, overall and by cohort.

    Analysed are the subjects with at least one pair in the population of the first deciding endpoint (the
    first endpoint, where nothing decides), whether or not the algorithm gave a result. Cohorts are the levels
    of the column `cohort`, or of the first resampling stratum.

    Returns:
        Entries with `version`, `group_by`, `group` (null: everybody), `n_subjects`, `column`, `title`,
        `unit`, `kind` and, for numbers, `n, missing, mean, sd, median, minimum, maximum` (`sd` of n - 1;
        null where there is none), for categories `levels` with `level, n`. Empty without a subjects table.
    """
    if subjects is None or slices.SUBJECTS not in protocol.tables:
        return []
    endpoint = _leading(protocol)
    group_by = _group_column(protocol)
    entries: list[dict[str, Any]] = []
    for (pairing, version), frame in pairs.items():
        if pairing != endpoint.pairing:
            continue
        own = slices.population_rows(protocol, endpoint, frame, ["subject"]).get_column("subject").unique()
        column = protocol.tables[slices.SUBJECTS].subject
        analysed = subjects.filter(pl.col(column).is_in(own.to_list())).sort(column)
        entries += _summaries(protocol, analysed, {"version": version, "group_by": None, "group": None})
        for level in _levels(protocol, analysed, group_by):
            part = analysed.filter(slices.label(str(group_by)) == level)
            entries += _summaries(protocol, part, {"version": version, "group_by": group_by, "group": level})
    return entries


def analysed_subjects(
    protocol: Protocol, pairs: Mapping[tuple[str, str], PairFrame], version: str
) -> list[str]:
    """Subjects with at least one pair in the population of the endpoint that speaks for the study."""
    endpoint = _leading(protocol)
    frame = pairs[str(endpoint.pairing), version]
    own = slices.population_rows(protocol, endpoint, frame, ["subject"])
    return [str(name) for name in own.get_column("subject").unique().sort().to_list()]


def excluded(
    protocol: Protocol,
    subjects: pl.DataFrame | None,
    pairs: Mapping[tuple[str, str], PairFrame],
    version: str,
) -> list[dict[str, Any]]:
    """The same summaries over the subjects who were not analysed, to be held against the analysed ones."""
    if subjects is None or slices.SUBJECTS not in protocol.tables:
        return []
    column = protocol.tables[slices.SUBJECTS].subject
    analysed = analysed_subjects(protocol, pairs, version)
    left_out = subjects.filter(~pl.col(column).is_in(analysed)).sort(column)
    return _summaries(protocol, left_out, {"version": version, "group_by": None, "group": "excluded"})


def _leading(protocol: Protocol) -> Endpoint:
    """The endpoint whose population speaks for the study."""
    endpoints = list(protocol.endpoints.values())
    return next((endpoint for endpoint in endpoints if endpoint.role in DECIDING), endpoints[0])


def _group_column(protocol: Protocol) -> str | None:
    columns = protocol.tables[slices.SUBJECTS].columns
    wanted = [COHORT, *protocol.resampling.strata]
    return next((name for name in wanted if name in columns), None)


def _levels(protocol: Protocol, rows: pl.DataFrame, column: str | None) -> list[str]:
    """Levels of the cohort column that occur, declared order first."""
    if column is None:
        return []
    found = set(rows.select(slices.label(column)).to_series().to_list())
    declared = protocol.tables[slices.SUBJECTS].columns[column].levels or ()
    return [level for level in declared if level in found] + sorted(found - set(declared))


def _summaries(protocol: Protocol, rows: pl.DataFrame, place: Mapping[str, Any]) -> list[dict[str, Any]]:
    table = protocol.tables[slices.SUBJECTS]
    hidden = {table.subject, table.exclusion, *table.key}
    entries = []
    for name, column in table.columns.items():
        if name in hidden or name == place["group_by"] or name not in rows.columns:
            continue
        summary = _summary(rows.get_column(name), column)
        if summary is not None:
            head = {**place, "n_subjects": rows.height, "column": name, "title": column.title or name}
            entries.append({**head, "unit": column.unit, **summary})
    return entries


def _summary(values: pl.Series, column: Column) -> dict[str, Any] | None:
    if column.type in ("number", "integer"):
        return _numbers(values)
    if column.type in ("category", "boolean", "text"):
        return _counts(values, column)
    return None


def _numbers(values: pl.Series) -> dict[str, Any]:
    known = sorted(float(value) for value in values.drop_nulls().to_list())
    n = len(known)
    mean = math.fsum(known) / n if n else None
    spread = math.fsum((value - mean) ** 2 for value in known) if mean is not None else 0.0
    middle = (known[(n - 1) // 2] + known[n // 2]) / 2 if n else None
    return {
        "kind": "number",
        "n": n,
        "missing": len(values) - n,
        "mean": mean,
        "sd": math.sqrt(spread / (n - 1)) if n > 1 else None,
        "median": middle,
        "minimum": known[0] if n else None,
        "maximum": known[-1] if n else None,
    }


def _counts(values: pl.Series, column: Column) -> dict[str, Any] | None:
    texts = values.cast(pl.String).fill_null(slices.MISSING).to_list()
    found = set(texts)
    declared = list(column.levels or ())
    levels = [*declared, *sorted(found - {*declared, slices.MISSING})]
    if slices.MISSING in found:
        levels.append(slices.MISSING)
    if not column.levels and len(levels) > MOST_LEVELS:
        return None
    return {"kind": "category", "levels": [{"level": level, "n": texts.count(level)} for level in levels]}
