"""How the value columns of an endpoint become what its metric takes, and how no result enters."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..datasets.pairs import REFERENCE, TEST
from ..evaluators import registry
from ..evaluators.metric import Kind
from ..protocols.errors import UsageError
from ..protocols.model import Column, Endpoint, Protocol, View
from ..protocols.roles import Playing, roles_of
from ..protocols.validity import Handling

PRIMARY = "primary"
VIEWS: tuple[View, ...] = ("classifiable_only", "as_positive", "as_negative")
HANDLINGS: tuple[Handling, ...] = ("complete_case", "worst_case", "best_case", "multiple_imputation")
"""Views named after the way in which units without an output or without a reference enter."""
YIELD = "yield"
COVERAGE = "coverage"
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
        reports_yield: The endpoint asks whether an output was a result, not which.
        reports_coverage: It asks whether a unit of the reference has an output that is one.
        handling: How units without an output or without a reference enter: `complete_case` leaves them out.
        further: The columns that play the metric's further parts.
    """

    kind: Kind
    reference: str
    test: str
    positive: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    reference_indeterminate: tuple[str, ...] = ()
    test_indeterminate: tuple[str, ...] = ()
    reports_yield: bool = False
    reports_coverage: bool = False
    handling: Handling = "complete_case"
    further: tuple[Playing, ...] = ()

    @property
    def further_columns(self) -> tuple[str, ...]:
        """All columns that play a further part."""
        return tuple(name for one in self.further for name in one.columns)

    @property
    def reports(self) -> bool:
        """Whether the endpoint asks if there is a result, not which: what is no result counts, too."""
        return self.reports_yield or self.reports_coverage

    @property
    def completes(self) -> bool:
        """Whether units without an output or a reference are among the rows."""
        return self.handling in {"worst_case", "best_case"}

    @property
    def views(self) -> tuple[str, ...]:
        """The views of this endpoint: `primary`, and for binary metrics the three ways to count no result."""
        several = self.kind == "binary" and self.test_indeterminate and not self.reports
        return (PRIMARY, *VIEWS) if several else (PRIMARY,)


def coding(protocol: Protocol, endpoint: Endpoint, handling: Handling | None = None) -> Coding:
    """How an endpoint's columns are read.

    Args:
        protocol: Resolved protocol.
        endpoint: One of its endpoints.
        handling: How missing units enter. Default: as the protocol says for the analysis that decides.
    """
    declared: Handling = protocol.missing.primary if protocol.missing else "complete_case"
    pairing = protocol.pairings[said(endpoint.pairing)]
    reference_name, test_name = said(endpoint.reference), said(endpoint.test)
    reference = protocol.tables[pairing.reference].columns[reference_name]
    test = protocol.tables[pairing.test].columns[test_name]
    kind = registry.get(endpoint.metric).kind
    reports = endpoint.metric in {YIELD, COVERAGE}
    levels = dict.fromkeys([*determinate(reference), *determinate(test)])
    return Coding(
        kind=kind,
        reference=REFERENCE + reference_name,
        test=TEST + test_name,
        positive=_positive(endpoint, reference if kind == "score" else test),
        levels=tuple(levels) if kind == "categorical" else _NAMES[kind],
        reference_indeterminate=reference.indeterminate,
        test_indeterminate=test.indeterminate,
        reports_yield=endpoint.metric == YIELD,
        reports_coverage=endpoint.metric == COVERAGE,
        handling="complete_case" if reports else handling or declared,
        further=tuple(roles_of(protocol, endpoint)),
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


def handling_of(view: str) -> Handling | None:
    """How missing units enter a view that is named after that; the others (None) follow the protocol."""
    return next((name for name in HANDLINGS if name == view), None)


def view_of(protocol: Protocol, view: str) -> View:
    """The view behind a name: `primary` is the one the protocol declares, else results only."""
    if view == PRIMARY or handling_of(view) is not None:
        return protocol.indeterminate.primary_view if protocol.indeterminate else "classifiable_only"
    for known in VIEWS:
        if known == view:
            return known
    offered = ", ".join((PRIMARY, *VIEWS, *HANDLINGS))
    raise UsageError(f"there is no view `{view}`; there are: {offered}")


def coded(how: Coding, rows: pl.DataFrame, view: View) -> pl.DataFrame:
    """Population rows with `reference` and `test` as the metric takes them, seen in one view.

    Measurements stay float64; binary values become 1 (positive) and 0; categories their index in `levels`;
    a score stays float64 beside a binary reference.
    """
    if how.completes:
        rows = completed(how, rows)
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
    if how.test_indeterminate and not how.reports and _drops(how, view):
        rows = rows.filter(~no_result)
    if how.reports:
        result = (pl.col(how.test).is_not_null() & ~no_result).cast(pl.Int64)
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


def completed(how: Coding, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows in which what is missing is the worst or the best that it could be; measurements have neither.

    Best is what the other side says; worst, for positive and negative, the opposite of it, and for categories
    the one farthest away in declared order (the last of them for the lower half, the first for the others).
    A unit without a reference whose output is no result is left out: there is nothing to hold it against.
    """
    if how.kind not in {"binary", "categorical"}:
        return rows.filter(pl.col(how.reference).is_not_null() & pl.col(how.test).is_not_null())
    known = {how.reference: how.reference_indeterminate, how.test: how.test_indeterminate}
    changed = []
    for own, other in ((how.reference, how.test), (how.test, how.reference)):
        partner = text(other)
        if how.handling == "best_case":
            filled = partner
        elif how.kind == "categorical":
            half = len(how.levels) / 2
            far = {level: how.levels[-1 if place < half else 0] for place, level in enumerate(how.levels)}
            filled = partner.replace_strict(far, default=None, return_dtype=pl.String)
        else:
            positive = among(other, how.positive)
            filled = pl.when(positive).then(pl.lit(_negative(how))).otherwise(pl.lit(how.positive[0]))
        changed.append(pl.when(pl.col(own).is_null()).then(filled).otherwise(text(own)).alias(own))
    without = pl.col(how.reference).is_null() & among(how.test, known[how.test])
    return rows.filter(~without).with_columns(changed)


def _negative(how: Coding) -> str:
    """A name for a value that is not positive; it is compared with the positive levels only."""
    name = "negative"
    while name in how.positive:
        name = f"not {name}"
    return name


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


def has_further(further: Iterable[Playing]) -> pl.Expr:
    """Whether a row has what the metric's further parts need: a declared category, a number.

    A further rater may have left a row out; the others may not.
    """
    found = pl.lit(value=True)
    for one in further:
        for column in one.columns:
            if one.role.kind == "category":
                found &= among(column, one.levels)
            elif one.role.kind == "number":
                found &= pl.col(column).cast(pl.Float64).is_finite().fill_null(value=False)
    return found


def further_values(how: Coding, rows: pl.DataFrame) -> dict[str, NDArray[Any]]:
    """Part -> values as the metric takes them: codes of categories (-1: none), numbers (NaN: none)."""
    found: dict[str, NDArray[Any]] = {}
    for one in how.further:
        values = [_further(how, one, rows.get_column(column)) for column in one.columns]
        found[one.role.name] = np.column_stack(values) if one.role.several else values[0]
    return found


def _further(how: Coding, one: Playing, column: pl.Series) -> NDArray[Any]:
    if one.role.kind == "number":
        return column.cast(pl.Float64).fill_null(math.nan).to_numpy()
    levels = one.levels if one.role.kind == "category" else how.levels
    index = {level: code for code, level in enumerate(levels)}
    return column.cast(pl.String).replace_strict(index, default=-1, return_dtype=pl.Int64).to_numpy()
