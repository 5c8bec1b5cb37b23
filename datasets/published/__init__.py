"""Small published tables for examples, documentation and tests; values as printed in the cited papers."""

from __future__ import annotations

from importlib.resources import files

import polars as pl


def pefr_1986() -> pl.DataFrame:
    """Peak expiratory flow of 17 subjects, twice with each of two meters, litres/min.

    Columns: `subject` and `replicate` (text), `wright` (Wright peak flow meter), `mini` (mini Wright meter).

    Source: Bland JM, Altman DG. Statistical methods for assessing agreement between two methods of clinical
    measurement. Lancet 1986; 327(8476): 307-310, Table 1. The sample was chosen to show a wide range of flow,
    not to represent a defined population.

    Example:
        >>> pefr = pefr_1986()
        >>> first = pefr.filter(pl.col("replicate") == "1")
        >>> difference = first["mini"] - first["wright"]
        >>> round(difference.mean(), 4), round(difference.std(), 4)
        (2.1176, 38.7651)
    """
    table = files(__package__).joinpath("pefr_1986.csv").read_bytes()
    return pl.read_csv(table, schema_overrides={"subject": pl.String, "replicate": pl.String})
