"""The rows behind a mark and behind a subject, as tables. Rows are selected and labelled here, no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from ..protocols.model import Endpoint, Protocol
from ..reports import rows as words
from ..studies import slices
from ..studies.results import Results

ANALYSED = "analysed"
DIFFERENCE = "difference"
WHY = "why not"


def endpoint_columns(results: Results, endpoint: Endpoint) -> tuple[str, str]:
    """The reference and the test value column of an endpoint in the pairs."""
    how = slices.coding(results.protocol, endpoint)
    return how.reference, how.test


def subject_rows(results: Results, row: Mapping[str, Any], subject: str) -> pl.DataFrame:
    """All rows of a subject, those left out too, with the reason why.

    Args:
        results: An opened run.
        row: The results row being looked at.
        subject: Pseudonym.

    Returns:
        The pairs' rows in order: key columns, `reference`, `test`, `difference` (test - reference;
        measurements only), `analysed` (it is among the rows behind the results row), `why not`, all else.
    """
    protocol = results.protocol
    endpoint = slices.endpoint_of(protocol, row["endpoint"])
    reference, test = endpoint_columns(results, endpoint)
    frame = results.pairs(str(endpoint.pairing), row["version"])
    own = frame.filter(pl.col("subject").cast(pl.String) == subject)
    behind = (
        results.slice(row["row_id"])
        .select("reference_row", "test_row")
        .with_columns(pl.lit(value=True).alias(ANALYSED))
    )
    joined = own.join(behind, on=["reference_row", "test_row"], how="left", maintain_order="left")
    measured = slices.coding(protocol, endpoint).kind == "measurement"
    values = [pl.col(reference).alias("reference"), pl.col(test).alias("test")]
    if measured:
        values.append((pl.col(test) - pl.col(reference)).alias(DIFFERENCE))
    why = pl.col("reason").replace_strict(
        slices.reason_words(protocol), default=pl.col("reason"), return_dtype=pl.String
    )
    outside = pl.when(pl.col(ANALYSED).is_null() & pl.col("reason").is_null()).then(
        pl.lit("Not in this part")
    )
    return joined.select(
        *key_columns(protocol, endpoint, frame.columns),
        *values,
        pl.col(ANALYSED).fill_null(value=False),
        pl.when(~pl.col(ANALYSED).fill_null(value=False))
        .then(outside.otherwise(why))
        .otherwise(pl.lit(""))
        .alias(WHY),
        *_carried(frame.columns, reference, test),
    )


def key_columns(protocol: Protocol, endpoint: Endpoint, columns: Sequence[str]) -> list[str]:
    """Columns that name a row: the keys of both tables, as far as the pairs have them, subject first."""
    pairing = protocol.pairings[str(endpoint.pairing)]
    keys = [*protocol.tables[pairing.reference].key, *protocol.tables[pairing.test].key]
    return [name for name in dict.fromkeys(["subject", *keys]) if name in columns]


def _carried(columns: Sequence[str], reference: str, test: str) -> list[str]:
    """What else the tables say of a row."""
    sides = [
        name for name in columns if name.startswith(("reference.", "test.")) and name not in (reference, test)
    ]
    return [*sides, "reference_row", "test_row"]


def cell_rows(results: Results, row: Mapping[str, Any], reference: str, output: str) -> pl.DataFrame:
    """The rows of one cell of the confusion matrix, by subject."""
    protocol = results.protocol
    endpoint = slices.endpoint_of(protocol, row["endpoint"])
    columns = endpoint_columns(results, endpoint)
    frame = results.pairs(str(endpoint.pairing), row["version"])
    found = slices.population_rows(protocol, endpoint, frame)
    if words.slice_words(row):
        part = slices.rows(
            protocol,
            row["endpoint"],
            frame,
            view="as_negative",
            by=row["by"],
            subgroup=row["subgroup"],
            level=row["level"],
        )
        found = found.join(
            part.select("reference_row", "test_row"), on=["reference_row", "test_row"], how="semi"
        )
    for column, level in zip(columns, (reference, output), strict=True):
        found = found.filter(pl.col(column).cast(pl.String) == level)
    return _listing(found, key_columns(protocol, endpoint, frame.columns), columns)


def bin_rows(results: Results, row: Mapping[str, Any], at: Sequence[int]) -> pl.DataFrame:
    """The rows of one bin of a difference plot, by subject."""
    endpoint = slices.endpoint_of(results.protocol, row["endpoint"])
    found = results.slice(row["row_id"])[list(at)]
    keys = key_columns(results.protocol, endpoint, found.columns)
    return found.select(
        *keys, "reference", "test", (pl.col("test") - pl.col("reference")).alias(DIFFERENCE)
    ).sort(keys)


def _listing(found: pl.DataFrame, keys: list[str], columns: tuple[str, str]) -> pl.DataFrame:
    reference, test = columns
    return found.select(*keys, pl.col(reference).alias("reference"), pl.col(test).alias("test")).sort(keys)


def subject_facts(results: Results, row: Mapping[str, Any], subject: str) -> dict[str, str]:
    """What the subjects table says of a subject, in words."""
    protocol = results.protocol
    table = protocol.tables.get(slices.SUBJECTS)
    if table is None:
        return {}
    endpoint = slices.endpoint_of(protocol, row["endpoint"])
    frame = results.pairs(str(endpoint.pairing), row["version"])
    own = frame.filter(pl.col("subject").cast(pl.String) == subject).head(1)
    names = [name for name in table.columns if name in frame.columns and name != "subject"]
    facts = own.select(names).row(0, named=True) if own.height else {}
    return {
        table.columns[name].title or name: str(value) for name, value in facts.items() if value is not None
    }


def excluded_rows(results: Results, pairing: str, version: str, code: str) -> pl.DataFrame:
    """The rows whose first reason is this code."""
    frame = results.pairs(pairing, version).filter(pl.col("reason") == code)
    return frame.drop("reasons")


def subjects(results: Results, row: Mapping[str, Any]) -> list[str]:
    """Every subject of the pairs behind a results row, in order."""
    endpoint = slices.endpoint_of(results.protocol, row["endpoint"])
    frame = results.pairs(str(endpoint.pairing), row["version"])
    found: list[str] = frame.get_column("subject").cast(pl.String).unique().sort().drop_nulls().to_list()
    return found


def reasons(protocol: Protocol, frame: pl.DataFrame) -> dict[str, str]:
    """Reason codes that occur in the pairs, the most frequent first, each with its words and count."""
    titles = slices.reason_words(protocol)
    counted = (
        frame.drop_nulls("reason").group_by("reason").len().sort(["len", "reason"], descending=[True, False])
    )
    return {code: f"{titles.get(code, code)} ({n:,} rows)" for code, n in counted.iter_rows()}
