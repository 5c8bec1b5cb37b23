"""The units on which two versions disagree most: what each said, who was nearer, and when it was.

A few hundred units a candidate, chosen from all of them; the app opens their signals. What the file holds are
values of single units, so it stays in the comparison's folder and travels with no report.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..datasets.pairs import REFERENCE, TEST, PairFrame
from ..protocols.model import Endpoint, Protocol
from . import signals
from .coding import said

DISAGREEMENTS_FILE = "disagreements.parquet"
MOST_UNITS = 200
"""Units of one value and candidate that are listed."""
ROW = "reference_row"

DISAGREEMENT_COLUMNS: dict[str, pl.DataType] = {
    "candidate": pl.String(),
    "endpoint": pl.String(),
    "pairing": pl.String(),
    "subject": pl.String(),
    "session": pl.String(),
    "reference_row": pl.Int64(),
    "start": pl.Int64(),
    "end": pl.Int64(),
    "reference_value": pl.Float64(),
    "baseline_value": pl.Float64(),
    "candidate_value": pl.Float64(),
    "reference_category": pl.String(),
    "baseline_category": pl.String(),
    "candidate_category": pl.String(),
    "difference": pl.Float64(),
    "error_baseline": pl.Float64(),
    "error_candidate": pl.Float64(),
    "outcome": pl.String(),
}
"""Columns of disagreements.parquet, most important unit first within candidate and endpoint. `start` and
`end` are whole microseconds by the reference's clock (of 1970 where it tells dates), null where units have no
time; values of measurements and those of categories have columns of their own."""

NEWLY_WRONG, NEWLY_RIGHT, BOTH_WRONG = "newly_wrong", "newly_right", "both_wrong"
OF_CATEGORIES = (NEWLY_WRONG, NEWLY_RIGHT, BOTH_WRONG)
WORSE, BETTER, AS_FAR = "worse", "better", "as_far"
OUTCOMES = {
    NEWLY_WRONG: "newly wrong",
    NEWLY_RIGHT: "newly right",
    BOTH_WRONG: "both wrong",
    WORSE: "worse",
    BETTER: "better",
    AS_FAR: "as far off",
}
"""What a disagreement means, with its words. Of categories the first three, in the order they are listed; of
measurements whether the candidate is farther from the reference, nearer, or as far on its other side."""

IntArray = NDArray[np.int64]


def empty() -> pl.DataFrame:
    """No units."""
    return pl.DataFrame(schema=DISAGREEMENT_COLUMNS)


def of_numbers(
    reference: NDArray[Any] | None, baseline: NDArray[Any], candidate: NDArray[Any], unit: pl.DataFrame
) -> pl.DataFrame:
    """The units with the largest difference, the largest first; ties by subject, then by row.

    Args:
        reference: (n,) values of the reference; None where it is none of the same kind.
        baseline: (n,) values of the baseline.
        candidate: (n,) of the candidate.
        unit: (n,) `subject` (number) and `reference_row` of each.
    """
    size = np.abs(candidate - baseline)
    chosen = np.flatnonzero(size > 0)
    if len(chosen) > MOST_UNITS:
        least = np.partition(size[chosen], -MOST_UNITS)[-MOST_UNITS]
        chosen = chosen[size[chosen] >= least]
    picked = unit[chosen]
    order = np.lexsort((picked[ROW].to_numpy(), picked["subject"].to_numpy(), -size[chosen]))[:MOST_UNITS]
    at = chosen[order]
    found: dict[str, Any] = {
        "baseline_value": baseline[at],
        "candidate_value": candidate[at],
        "difference": candidate[at] - baseline[at],
    }
    if reference is not None:
        first, second = np.abs(baseline[at] - reference[at]), np.abs(candidate[at] - reference[at])
        outcome = np.where(second > first, WORSE, np.where(second < first, BETTER, AS_FAR))
        found |= {"reference_value": reference[at], "error_baseline": first, "error_candidate": second}
        found["outcome"] = outcome.tolist()
    return unit[at].with_columns(**{name: pl.Series(values) for name, values in found.items()})


def of_categories(
    reference: IntArray, baseline: IntArray, candidate: IntArray, unit: pl.DataFrame, levels: Sequence[str]
) -> pl.DataFrame:
    """The units on which versions differ: the newly wrong ones first, then newly right, then both wrong.

    Within each by subject, then by row.
    """
    apart = np.flatnonzero(baseline != candidate)
    rank = outcome_codes(reference[apart], baseline[apart], candidate[apart])
    picked = unit[apart]
    order = np.lexsort((picked[ROW].to_numpy(), picked["subject"].to_numpy(), rank))[:MOST_UNITS]
    at = apart[order]
    names, outcomes = np.array(levels, dtype=object), np.array(OF_CATEGORIES)
    found = {
        "reference_category": names[reference[at]],
        "baseline_category": names[baseline[at]],
        "candidate_category": names[candidate[at]],
        "outcome": outcomes[rank[order]],
    }
    columns = {name: pl.Series(values.tolist(), dtype=pl.String) for name, values in found.items()}
    return unit[at].with_columns(**columns)


def outcome_codes(reference: IntArray, baseline: IntArray, candidate: IntArray) -> IntArray:
    """(n,) 0: the candidate is newly wrong; 1: newly right; 2: both are wrong. Of units that differ.

    Example:
        >>> outcome_codes(np.array([1, 1, 2]), np.array([1, 0, 0]), np.array([0, 1, 1])).tolist()
        [0, 1, 2]
    """
    return np.where(baseline == reference, 0, np.where(candidate == reference, 1, 2)).astype(np.int64)


def located(
    units: pl.DataFrame, protocol: Protocol, endpoint: Endpoint, pairs: PairFrame, names: Sequence[str]
) -> pl.DataFrame:
    """Units with the names of their subjects, and with session and times where the pairs tell them.

    Args:
        units: `subject` (number), `reference_row`, and what was found of each unit.
        protocol: Resolved protocol.
        endpoint: The endpoint.
        pairs: Pairs of one version; only these units are read of them.
        names: Subject of each number.
    """
    label = pl.Series("subject", [names[number] for number in units["subject"]], dtype=pl.String)
    found = units.with_columns(label, pl.col(ROW).cast(pl.Int64)).with_row_index("_rank")
    found = found.join(_places(found, protocol, endpoint, pairs), on=["subject", ROW], how="left")
    found = found.sort("_rank").with_columns(pairing=pl.lit(said(endpoint.pairing)))
    missing = [
        pl.lit(None, dtype=kind).alias(name)
        for name, kind in DISAGREEMENT_COLUMNS.items()
        if name not in found.columns
    ]
    return found.with_columns(missing).select(
        pl.col(name).cast(kind) for name, kind in DISAGREEMENT_COLUMNS.items()
    )


def _places(units: pl.DataFrame, protocol: Protocol, endpoint: Endpoint, pairs: PairFrame) -> pl.DataFrame:
    """Subject, row, session, start and end of each of these units."""
    rule = protocol.pairings[said(endpoint.pairing)]
    tables = protocol.tables[rule.reference], protocol.tables[rule.test]
    times = {column for table in tables for column in (table.time,) if column is not None}
    session = signals.session_columns(protocol, endpoint)[1:]
    known = pairs.lazy().collect_schema().names()
    timed = {name for time in times for name in (time, REFERENCE + time, TEST + time)} & set(known)
    asked = list(dict.fromkeys(["subject", ROW, *session, *sorted(timed)]))
    wanted = units[ROW].unique().implode()
    rows = (
        pairs.lazy()
        .select(asked)
        .filter(pl.col(ROW).cast(pl.Int64).is_in(wanted))
        .unique(["subject", ROW], maintain_order=True)
        .collect()
    )
    words = pl.concat_str([pl.col(name).cast(pl.String) for name in session], separator=SESSION)
    columns = [
        pl.col("subject").cast(pl.String),
        pl.col(ROW).cast(pl.Int64),
        (words if session else pl.lit(None, dtype=pl.String)).alias("session"),
    ]
    if all(table.time is not None for table in tables) and rule.method in (*signals.UNITS, "nearest"):
        start, end = signals.span(rows, rule, protocol)
        columns += [pl.lit(start).cast(pl.Int64).alias("start"), pl.lit(end).cast(pl.Int64).alias("end")]
    return rows.select(columns)


SESSION = " \N{MIDDLE DOT} "
"""Between the names of a session, as the app's page of signals writes them."""
