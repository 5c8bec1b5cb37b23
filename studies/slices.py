"""Which rows an estimate rests on: population, exclusions, conditions, view, and the parts of a whole.

Evaluation, figures and the app all ask here, so a number and its picture always show the same rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import polars as pl

from ..datasets.conditions import expression
from ..datasets.pairs import INDETERMINATE, MISSING_VALUE, REFERENCE, STRUCTURAL, TEST
from ..evaluators import registry
from ..evaluators.metric import Kind
from ..protocols.errors import UsageError, nearest
from ..protocols.model import Column, Endpoint, Protocol, Subgroup, View

if TYPE_CHECKING:
    from .results import Results

SUBJECTS = "subjects"
PRIMARY = "primary"
VIEWS: tuple[View, ...] = ("classifiable_only", "as_positive", "as_negative")
YIELD = "yield"
MISSING = "(missing)"
"""Level of the rows whose splitting column is empty."""
SUBGROUP_YES = "yes"
"""Level of a subgroup that a condition defines."""

_BOOKKEEPING = ("status", "reason", "reasons")


@dataclass(frozen=True)
class Coding:
    """How the two value columns of an endpoint become what its metric takes.

    Attributes:
        kind: `measurement`, `binary` or `categorical`.
        reference: Value column in the pairs, such as `reference.rate`.
        test: Likewise, such as `test.rate`.
        positive: Levels that count as positive (binary).
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


@dataclass(frozen=True)
class Part:
    """A part of an endpoint's rows: all of them, a combination of by-levels, or one level of a subgroup."""

    by: str | None = None
    subgroup: str | None = None
    level: str | None = None
    condition: pl.Expr | None = field(default=None, compare=False)


WHOLE = Part()


def codes(protocol: Protocol) -> tuple[str, ...]:
    """All reason codes in order of precedence: those of every study, then the protocol's."""
    return (*STRUCTURAL, *protocol.exclusions)


def mask(protocol: Protocol, names: Iterable[str]) -> int:
    """The bit mask of reason codes, as `Pairs` holds them."""
    order = codes(protocol)
    return sum(1 << order.index(name) for name in set(names))


def coding(protocol: Protocol, endpoint: Endpoint) -> Coding:
    """How an endpoint's columns are read."""
    pairing = protocol.pairings[_said(endpoint.pairing)]
    reference_name, test_name = _said(endpoint.reference), _said(endpoint.test)
    reference = protocol.tables[pairing.reference].columns[reference_name]
    test = protocol.tables[pairing.test].columns[test_name]
    kind = registry.get(endpoint.metric).kind
    reports_yield = endpoint.metric == YIELD
    determinate = dict.fromkeys([*_determinate(reference), *_determinate(test)])
    return Coding(
        kind=kind,
        reference=REFERENCE + reference_name,
        test=TEST + test_name,
        positive=_positive(endpoint, test),
        levels={"measurement": (), "binary": ("negative", "positive")}.get(kind, tuple(determinate)),
        reference_indeterminate=reference.indeterminate,
        test_indeterminate=test.indeterminate,
        reports_yield=reports_yield,
    )


def _said(value: str | None) -> str:
    """A field that a resolved protocol always fills."""
    if value is None:
        raise ValueError("the protocol is not resolved: an endpoint leaves its pairing or a column open")
    return value


def _determinate(column: Column) -> tuple[str, ...]:
    """The levels of a column that are results."""
    levels = ("false", "true") if column.type == "boolean" else column.levels or ()
    return tuple(level for level in levels if level not in column.indeterminate)


def _positive(endpoint: Endpoint, test: Column) -> tuple[str, ...]:
    """The levels that count as positive; for true-or-false columns `true` where nothing is said."""
    if endpoint.positive is not None:
        return endpoint.positive
    return ("true",) if test.type == "boolean" else ()


def view_of(protocol: Protocol, view: str) -> View:
    """The view behind a name: `primary` is the one the protocol declares, else results only."""
    if view == PRIMARY:
        return protocol.indeterminate.primary_view if protocol.indeterminate else "classifiable_only"
    for known in VIEWS:
        if known == view:
            return known
    raise UsageError(f"there is no view `{view}`; there are: {', '.join((PRIMARY, *VIEWS))}")


def population_rows(
    protocol: Protocol, endpoint: Endpoint, pairs: pl.DataFrame, columns: Sequence[str] | None = None
) -> pl.DataFrame:
    """The pairs that an endpoint's population holds and its conditions keep, results or not.

    Left out are unpaired rows, subjects without an entry, rows with one of the population's exclusion codes,
    rows that its or the endpoint's `where` does not keep, and rows without a reference or test value.

    Args:
        protocol: Resolved protocol.
        endpoint: One of its endpoints.
        pairs: Frame of `Pairs`.
        columns: Columns to carry; default all but the bookkeeping of reasons.
    """
    population = protocol.populations[_said(endpoint.population)]
    how = coding(protocol, endpoint)
    excluding = protocol.exclusions if population.exclude is None else population.exclude
    structural = [code for code in STRUCTURAL if code not in (MISSING_VALUE, INDETERMINATE)]
    bits = pl.lit(mask(protocol, [*structural, *excluding]), dtype=pl.UInt64)
    keep = (pl.col("status") == "paired") & ((pl.col("reasons") & bits) == 0)
    keep &= pl.col(how.reference).is_not_null() & pl.col(how.test).is_not_null()
    for where in (population.where, endpoint.where):
        if where:
            keep &= expression(where)
    if how.reference_indeterminate:
        keep &= ~among(how.reference, how.reference_indeterminate)
    carried = [name for name in pairs.columns if name not in _BOOKKEEPING] if columns is None else columns
    kept = pairs.select(keep.alias("kept")).get_column("kept")
    return pairs.select(carried) if kept.all() else pairs.select(carried).filter(kept)


def coded(how: Coding, rows: pl.DataFrame, view: View) -> pl.DataFrame:
    """Population rows with `reference` and `test` as the metric takes them, seen in one view.

    Measurements stay float64; binary values become 1 (positive) and 0; categories their index in `levels`.
    """
    if how.kind == "measurement":
        return rows.with_columns(
            pl.col(how.reference).cast(pl.Float64).alias("reference"),
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
            _text(how.reference).replace_strict(index, return_dtype=pl.Int64).alias("reference"),
            _text(how.test).replace_strict(index, return_dtype=pl.Int64).alias("test"),
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
        found |= _text(column) == level
    return found.fill_null(value=False)


def _text(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.String)


def label(column: str) -> pl.Expr:
    """The level of each row in a splitting column, as text."""
    return _text(column).fill_null(MISSING)


def by_text(by: Mapping[str, str]) -> str:
    """By-levels as canonical JSON, as the results hold them.

    Example:
        >>> by_text({"cohort": "sinus"})
        '{"cohort":"sinus"}'
    """
    return json.dumps(dict(by), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def parts(protocol: Protocol, endpoint: Endpoint, rows: pl.DataFrame) -> list[Part]:
    """Every part of an endpoint's population rows in a fixed order: the whole, by-levels, subgroups.

    A declared level stays even when no row has it: its rows of results then say so.
    """
    found = [WHOLE]
    if endpoint.by:
        combinations = _combinations(protocol, endpoint, rows)
        found += [by_part(dict(zip(endpoint.by, levels, strict=True))) for levels in combinations]
    for name in endpoint.subgroups or ():
        found.extend(_subgroup_parts(protocol, endpoint, name, rows))
    return found


def by_part(levels: Mapping[str, str]) -> Part:
    """The part of the rows with these by-levels."""
    condition = pl.lit(value=True)
    for column, level in levels.items():
        condition &= label(column) == level
    return Part(by=by_text(levels), condition=condition)


def _combinations(protocol: Protocol, endpoint: Endpoint, rows: pl.DataFrame) -> list[tuple[str, ...]]:
    """By-levels: every declared level of one column; the observed combinations of several."""
    ranks = [
        {level: rank for rank, level in enumerate(_levels(protocol, endpoint, c, rows))} for c in endpoint.by
    ]
    if len(ranks) == 1:
        return [(level,) for level in ranks[0]]
    observed = rows.select(label(column).alias(column) for column in endpoint.by).unique().rows()
    return sorted(
        observed, key=lambda levels: [rank[level] for rank, level in zip(ranks, levels, strict=True)]
    )


def _levels(protocol: Protocol, endpoint: Endpoint, column: str, rows: pl.DataFrame) -> list[str]:
    """Declared levels in order, then others found, in order; rows without a value last."""
    contract = _contract(protocol, endpoint, column)
    found = rows.get_column(column).unique().sort()
    observed = [str(value) for value in found.drop_nulls().cast(pl.String).to_list()]
    declared = [] if contract is None else list(_determinate(contract)) + list(contract.indeterminate)
    missing = [MISSING] if found.null_count() else []
    return list(dict.fromkeys([*declared, *observed, *missing]))


def _contract(protocol: Protocol, endpoint: Endpoint, column: str) -> Column | None:
    """The declared column behind a name in the pairs."""
    pairing = protocol.pairings[_said(endpoint.pairing)]
    if column.startswith(REFERENCE):
        tables, name = [pairing.reference], column.removeprefix(REFERENCE)
    elif column.startswith(TEST):
        tables, name = [pairing.test], column.removeprefix(TEST)
    else:
        tables, name = [SUBJECTS, pairing.reference, pairing.test], column
    for table in tables:
        if table in protocol.tables and name in protocol.tables[table].columns:
            return protocol.tables[table].columns[name]
    return None


def _subgroup_parts(protocol: Protocol, endpoint: Endpoint, name: str, rows: pl.DataFrame) -> Iterator[Part]:
    """The levels of one declared subgroup."""
    subgroup = protocol.subgroups[name]
    within = expression(subgroup.where) if subgroup.where else pl.lit(value=True)
    if subgroup.by is None:
        yield Part(subgroup=name, level=SUBGROUP_YES, condition=within)
    elif subgroup.bands is None:
        for level in _levels(protocol, endpoint, subgroup.by, rows.filter(within)):
            yield Part(subgroup=name, level=level, condition=within & (label(subgroup.by) == level))
    else:
        for level, condition in _bands(protocol, endpoint, subgroup, rows.filter(within)):
            yield Part(subgroup=name, level=level, condition=within & condition)


def _bands(
    protocol: Protocol, endpoint: Endpoint, subgroup: Subgroup, rows: pl.DataFrame
) -> list[tuple[str, pl.Expr]]:
    """Half-open bands [a, b) with labels; what lies below, above or nowhere is shown where there is any."""
    column, edges = str(subgroup.by), tuple(subgroup.bands or ())
    contract = _contract(protocol, endpoint, column)
    whole = contract is not None and contract.type == "integer" and all(edge == int(edge) for edge in edges)
    value = pl.col(column)
    inner = [
        (band_label(low, high, whole=whole), (value >= low) & (value < high)) for low, high in pairwise(edges)
    ]
    below = (band_label(None, edges[0], whole=whole), value < edges[0])
    above = (band_label(edges[-1], None, whole=whole), value >= edges[-1])
    missing = (MISSING, value.is_null())
    found = rows.select(
        (value < edges[0]).any().alias("below"),
        (value >= edges[-1]).any().alias("above"),
        value.is_null().any().alias("missing"),
    ).row(0)
    outer = [len(edges) == 1 or found[0], len(edges) == 1 or found[1], found[2]]
    return [
        *([below] if outer[0] else []),
        *inner,
        *([above] if outer[1] else []),
        *([missing] if outer[2] else []),
    ]


def band_label(low: float | None, high: float | None, *, whole: bool) -> str:
    """A half-open band in words; `whole` for columns of whole numbers.

    Example:
        >>> band_label(65, 75, whole=True), band_label(75, None, whole=True), band_label(None, 18, whole=True)
        ('65–74', '75 and over', 'under 18')
        >>> band_label(70.0, 80.0, whole=False)
        '70 to <80'
    """
    if low is None:
        return f"under {high:.15g}"
    if high is None:
        return f"{low:.15g} and over"
    return f"{low:.15g}–{high - 1:.15g}" if whole else f"{low:.15g} to <{high:.15g}"


def rows(
    protocol: Protocol,
    endpoint_id: str,
    pairs: pl.DataFrame,
    *,
    view: str = PRIMARY,
    by: str | Mapping[str, str] | None = None,
    subgroup: str | None = None,
    level: str | None = None,
) -> pl.DataFrame:
    """The exact analysed rows behind an estimate, sorted by subject, then key, then row.

    Args:
        protocol: Resolved protocol.
        endpoint_id: Identifier of one of its endpoints, or `yield` for the share of results, which is always
            reported.
        pairs: Frame of `Pairs` (as `Results.pairs` gives it).
        view: `primary`, or one of the three ways to count outputs that are no result.
        by: By-levels, as a mapping or as the canonical JSON of a results row.
        subgroup: Identifier of a declared subgroup, with its `level`.
        level: Level of that subgroup.

    Returns:
        `subject`, `reference`, `test` (float64 measurements; 1 and 0 for binary metrics; index into the
        declared levels for categories), then `reference_row`, `test_row`, and every other column.

    Raises:
        UsageError: No such endpoint, view, subgroup or level; the message says which there are.
    """
    endpoint = endpoint_of(protocol, endpoint_id)
    found = population_rows(protocol, endpoint, pairs)
    chosen = _chosen(protocol, endpoint, found, by=by, subgroup=subgroup, level=level)
    if chosen.condition is not None:
        found = found.filter(chosen.condition)
    seen = coded(coding(protocol, endpoint), found, view_of(protocol, view))
    first = ["subject", "reference", "test", "reference_row", "test_row"]
    return seen.select(*first, pl.exclude(first))


def _chosen(
    protocol: Protocol,
    endpoint: Endpoint,
    found: pl.DataFrame,
    *,
    by: str | Mapping[str, str] | None,
    subgroup: str | None,
    level: str | None,
) -> Part:
    """The part that by-levels or a subgroup's level name."""
    if by is not None:
        return by_part(json.loads(by) if isinstance(by, str) else by)
    if subgroup is None:
        return WHOLE
    if subgroup not in protocol.subgroups:
        raise UsageError(_unknown("subgroup", subgroup, protocol.subgroups))
    offered = {part.level: part for part in _subgroup_parts(protocol, endpoint, subgroup, found)}
    if level not in offered:
        raise UsageError(
            _unknown(f"level of subgroup `{subgroup}`", str(level), [str(name) for name in offered])
        )
    return offered[level]


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    names = list(known)
    hint = nearest(name, names)
    return f"there is no {what} `{name}`; there are: {', '.join(names)}" + (
        f". Did you mean `{hint}`?" if hint else ""
    )


def endpoint_of(protocol: Protocol, endpoint_id: str) -> Endpoint:
    """The endpoint of that identifier, the automatic yields included.

    Raises:
        UsageError: There is none.
    """
    if endpoint_id in protocol.endpoints:
        return protocol.endpoints[endpoint_id]
    automatic = automatic_yields(protocol)
    if endpoint_id in automatic:
        return automatic[endpoint_id]
    raise UsageError(_unknown("endpoint", endpoint_id, [*protocol.endpoints, *automatic]))


def automatic_yields(protocol: Protocol) -> dict[str, Endpoint]:
    """The share of results, reported without being asked for each test column that can hold no result.

    One endpoint a pairing and test column that a binary or categorical endpoint uses, unless the protocol
    declares a `yield` endpoint there itself. It follows the population of the first endpoint that uses the
    column.
    """
    return {
        name: _yield_endpoint(protocol.endpoints[source]) for name, source in yield_sources(protocol).items()
    }


def yield_sources(protocol: Protocol) -> dict[str, str]:
    """Automatic yield -> the declared endpoint that it follows."""
    declared = {(e.pairing, e.test) for e in protocol.endpoints.values() if e.metric == YIELD}
    sources: dict[tuple[str | None, str | None], str] = {}
    for name, endpoint in protocol.endpoints.items():
        place = (endpoint.pairing, endpoint.test)
        if endpoint.metric != YIELD and place not in declared:
            how = coding(protocol, endpoint)
            if how.kind != "measurement" and how.test_indeterminate:
                sources.setdefault(place, name)
    if len(sources) == 1 and YIELD not in protocol.endpoints:
        return {YIELD: next(iter(sources.values()))}
    return {f"{YIELD}_{pairing}_{test}": name for (pairing, test), name in sources.items()}


def _yield_endpoint(source: Endpoint) -> Endpoint:
    """A yield over the same rows as an endpoint, with the intervals the metric puts first."""
    metric = registry.get(YIELD)
    interval = source.interval.model_copy(
        update={
            "method": None,
            "methods": {statistic.name: statistic.intervals[0] for statistic in metric.statistics},
            "sides": "two",
        }
    )
    return source.model_copy(
        update={
            "title": "Share of recordings with a result",
            "role": "supportive",
            "metric": YIELD,
            "parameters": {parameter.name: parameter.default for parameter in metric.parameters},
            "positive": None,
            "average": metric.averages[0],
            "by": (),
            "subgroups": (),
            "interval": interval,
            "criterion": None,
            "hypothesis": None,
        }
    )


def rows_behind(results: Results, row: Mapping[str, Any]) -> pl.DataFrame:
    """The exact analysed rows behind one row of results."""
    protocol = results.protocol
    endpoint = endpoint_of(protocol, row["endpoint"])
    frame = results.pairs(_said(endpoint.pairing), row["version"])
    return rows(
        protocol,
        row["endpoint"],
        frame,
        view=row["view"],
        by=row["by"],
        subgroup=row["subgroup"],
        level=row["level"],
    )
