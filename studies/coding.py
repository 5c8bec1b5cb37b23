"""How the value columns of an endpoint become what its metric takes, and how no result enters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from ..datasets.pairs import REFERENCE, TEST
from ..evaluators import registry
from ..evaluators.metric import Kind
from ..protocols.errors import UsageError
from ..protocols.model import Column, Endpoint, Protocol, View

PRIMARY = "primary"
VIEWS: tuple[View, ...] = ("classifiable_only", "as_positive", "as_negative")
YIELD = "yield"
_NAMES = {"measurement": (), "binary": ("negative", "positive"), "score": ("negative", "positive")}


@dataclass(frozen=True)
class Coding:
    """How the two value columns of an endpoint become what its metric takes.

    Attributes:
        kind: `measurement`, `binary`, `categorical`, or `score` (a number against positive and negative).
        reference: Value column in the pairs, such as `reference.rate`.
        test: Likewise, such as `test.rate`.
        positive: Levels that count as positive (binary and score).
        levels: Determinate categories in declared order (categorical), `("negative", "positive")` (binary).
        reference_indeterminate: Reference levels that are no result.
        test_indeterminate: Test levels that are no result.
        reports_yield: The endpoint asks whether there was a result, not which.
    """

    kind: Kind
    reference: str
    test: str
    positive: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    reference_indeterminate: tuple[str, ...] = ()
    test_indeterminate: tuple[str, ...] = ()
    reports_yield: bool = False

    @property
    def views(self) -> tuple[str, ...]:
        """The views of this endpoint: `primary`, and for binary metrics the three ways to count no result."""
        several = self.kind == "binary" and self.test_indeterminate and not self.reports_yield
        return (PRIMARY, *VIEWS) if several else (PRIMARY,)


def coding(protocol: Protocol, endpoint: Endpoint) -> Coding:
    """How an endpoint's columns are read."""
    pairing = protocol.pairings[said(endpoint.pairing)]
    reference_name, test_name = said(endpoint.reference), said(endpoint.test)
    reference = protocol.tables[pairing.reference].columns[reference_name]
    test = protocol.tables[pairing.test].columns[test_name]
    kind = registry.get(endpoint.metric).kind
    reports_yield = endpoint.metric == YIELD
    levels = dict.fromkeys([*determinate(reference), *determinate(test)])
    return Coding(
        kind=kind,
        reference=REFERENCE + reference_name,
        test=TEST + test_name,
        positive=_positive(endpoint, reference if kind == "score" else test),
        levels=tuple(levels) if kind == "categorical" else _NAMES[kind],
        reference_indeterminate=reference.indeterminate,
        test_indeterminate=test.indeterminate,
        reports_yield=reports_yield,
    )


def said(value: str | None) -> str:
    """A field that a resolved protocol always fills."""
    if value is None:
        raise ValueError("the protocol is not resolved: an endpoint leaves its pairing or a column open")
    return value


def determinate(column: Column) -> tuple[str, ...]:
    """The levels of a column that are results."""
    levels = ("false", "true") if column.type == "boolean" else column.levels or ()
    return tuple(level for level in levels if level not in column.indeterminate)


def _positive(endpoint: Endpoint, column: Column) -> tuple[str, ...]:
    """The levels that count as positive; for true-or-false columns `true` where nothing is said."""
    if endpoint.positive is not None:
        return endpoint.positive
    return ("true",) if column.type == "boolean" else ()


def view_of(protocol: Protocol, view: str) -> View:
    """The view behind a name: `primary` is the one the protocol declares, else results only."""
    if view == PRIMARY:
        return protocol.indeterminate.primary_view if protocol.indeterminate else "classifiable_only"
    for known in VIEWS:
        if known == view:
            return known
    raise UsageError(f"there is no view `{view}`; there are: {', '.join((PRIMARY, *VIEWS))}")


def coded(how: Coding, rows: pl.DataFrame, view: View) -> pl.DataFrame:
    """Population rows with `reference` and `test` as the metric takes them, seen in one view.

    Measurements stay float64; binary values become 1 (positive) and 0; categories their index in `levels`;
    a score stays float64 beside a binary reference.
    """
    if how.kind == "measurement":
        return rows.with_columns(
            pl.col(how.reference).cast(pl.Float64).alias("reference"),
            pl.col(how.test).cast(pl.Float64).alias("test"),
        )
    if how.kind == "score":
        return rows.with_columns(
            among(how.reference, how.positive).cast(pl.Int64).alias("reference"),
            pl.col(how.test).cast(pl.Float64).alias("test"),
        )
    no_result = among(how.test, how.test_indeterminate)
    if how.test_indeterminate and not how.reports_yield and _drops(how, view):
        rows = rows.filter(~no_result)
    if how.reports_yield:
        result = (~no_result).cast(pl.Int64)
        return rows.with_columns(result.alias("test"), pl.lit(1, dtype=pl.Int64).alias("reference"))
    if how.kind == "categorical":
        index = {level: code for code, level in enumerate(how.levels)}
        return rows.with_columns(
            text(how.reference).replace_strict(index, return_dtype=pl.Int64).alias("reference"),
            text(how.test).replace_strict(index, return_dtype=pl.Int64).alias("test"),
        )
    positive = among(how.test, how.positive)
    counts = positive | no_result if view == "as_positive" else positive
    return rows.with_columns(
        among(how.reference, how.positive).cast(pl.Int64).alias("reference"),
        counts.cast(pl.Int64).alias("test"),
    )


def _drops(how: Coding, view: View) -> bool:
    """Whether a view leaves outputs that are no result out. There is no other way for categories."""
    return how.kind == "categorical" or view == "classifiable_only"


def among(column: str, levels: Iterable[str]) -> pl.Expr:
    """Rows whose value is one of these; never null. Comparing with each is quicker than looking up a few."""
    found = pl.lit(value=False)
    for level in levels:
        found |= text(column) == level
    return found.fill_null(value=False)


def text(column: str) -> pl.Expr:
    """A column's values as text."""
    return pl.col(column).cast(pl.String)
