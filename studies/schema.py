"""The columns of results.parquet: one row a statistic. Others build on it; change it only on purpose."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal

import polars as pl

SCHEMA_VERSION = 3
"""2 added `otherwise`; rows of version 1 are read with none. 3 added `contrast`; in rows of older versions it
is read as `NOT_RECORDED`."""

NOT_RECORDED = ""
"""A `contrast` of a row that was written before there was such a column: the level's words say what it is."""

Decision = Literal["met", "not_met", "not_evaluable", "informative"]
Evidence = Literal["shown", "open"]

COLUMNS: dict[str, pl.DataType] = {
    "schema_version": pl.Int64(),
    "row_id": pl.String(),
    "endpoint": pl.String(),
    "role": pl.String(),
    "metric": pl.String(),
    "statistic": pl.String(),
    "definition": pl.String(),
    "unit": pl.String(),
    "algorithm": pl.String(),
    "version": pl.String(),
    "comparator": pl.String(),
    "population": pl.String(),
    "view": pl.String(),
    "by": pl.String(),
    "subgroup": pl.String(),
    "level": pl.String(),
    "contrast": pl.String(),
    "estimate": pl.Float64(),
    "se": pl.Float64(),
    "ci_lower": pl.Float64(),
    "ci_upper": pl.Float64(),
    "ci_level": pl.Float64(),
    "ci_sides": pl.String(),
    "ci_method": pl.String(),
    "mc_error": pl.Float64(),
    "p_value": pl.Float64(),
    "family": pl.String(),
    "n_subjects": pl.Int64(),
    "n_units": pl.Int64(),
    "n_events": pl.Int64(),
    "criterion": pl.String(),
    "margin": pl.Float64(),
    "decision": pl.String(),
    "evidence": pl.String(),
    "otherwise": pl.String(),
    "tier": pl.String(),
    "pre_specified": pl.Boolean(),
    "method": pl.String(),
    "reference": pl.String(),
    "warning": pl.String(),
    "error": pl.String(),
}

IDENTIFYING: tuple[str, ...] = (
    "endpoint", "metric", "statistic", "algorithm", "version", "comparator", "population", "view", "by",
    "subgroup", "level",
)  # fmt: skip
"""Columns whose values name a row, with `contrast` where there is one; `row_id` is their hash, stable across
runs."""


def row_id(row: Mapping[str, Any]) -> str:
    """Sixteen hex digits that name a row by what it is, not by its numbers.

    Example:
        >>> row_id({"endpoint": "bias", "metric": "bland_altman", "statistic": "bias"})
        '04c9239be032a833'
    """
    values = [row.get(name) for name in IDENTIFYING]
    if row.get("contrast"):
        values.append(row["contrast"])
    identity = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(identity.encode()).hexdigest()[:16]
