"""Which rows an estimate rests on: population, exclusions, conditions, view, and the parts of a whole.

Evaluation, figures and the app all ask here, so a number and its picture always show the same rows. How
columns become codes is in `coding`, how rows are split in `splits`; their names can be had here too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from ..datasets.conditions import expression
from ..datasets.pairs import (
    COVERAGE_CODES,
    NO_OVERLAP,
    NO_REFERENCE,
    NO_TEST,
    NOT_NEAREST,
    OUTSIDE_TOLERANCE,
    STRUCTURAL,
    TEST,
    VALUE_CODES,
    PairFrame,
    all_codes,
)
from ..evaluators import registry
from ..protocols.automatic import automatic_sources
from ..protocols.errors import UsageError, nearest
from ..protocols.model import DECIDING, Endpoint, Protocol
from ..protocols.validity import Handling
from . import contrasts
from .coding import (
    COVERAGE,
    PRIMARY,
    VIEWS,
    YIELD,
    Coding,
    among,
    coded,
    coding,
    handling_of,
    has_further,
    said,
    view_of,
)
from .schema import NOT_RECORDED
from .splits import (
    MISSING,
    SUBGROUP_YES,
    SUBJECTS,
    WHOLE,
    Part,
    band_label,
    by_part,
    by_text,
    label,
    parts,
)

if TYPE_CHECKING:
    from .results import Results

__all__ = [
    "COVERAGE",
    "MISSING",
    "PRIMARY",
    "SUBGROUP_YES",
    "SUBJECTS",
    "VIEWS",
    "WHOLE",
    "YIELD",
    "Coding",
    "Part",
    "among",
    "automatic_endpoints",
    "automatic_sources",
    "band_label",
    "by_part",
    "by_text",
    "carries",
    "coded",
    "codes",
    "coding",
    "endpoint_of",
    "handling_of",
    "has_further",
    "label",
    "mask",
    "missing_views",
    "parts",
    "population_rows",
    "reason_words",
    "rows",
    "rows_behind",
    "view_of",
]

SUBJECT_NUMBER = "_subject"
"""Column in which an evaluation numbers its subjects."""
WEIGHT = "_weight"
"""Column with the weights of rows, where an endpoint has any."""
LONELY = (NO_TEST, NO_REFERENCE, OUTSIDE_TOLERANCE, NO_OVERLAP, *COVERAGE_CODES)
"""Reasons of rows that found no partner, or none with a value."""
_BOOKKEEPING = ("status", "reason", "reasons")


def codes(protocol: Protocol) -> tuple[str, ...]:
    """All reason codes of a study, in the order of their bits."""
    return all_codes(protocol.exclusions)


def reason_words(protocol: Protocol) -> dict[str, str]:
    """Every reason code with its words."""
    return {**STRUCTURAL, **{code: exclusion.title for code, exclusion in protocol.exclusions.items()}}


def mask(protocol: Protocol, names: Iterable[str]) -> int:
    """The bit mask of reason codes, as `Pairs` holds them."""
    order = codes(protocol)
    return sum(1 << order.index(name) for name in set(names))


def population_rows(
    protocol: Protocol,
    endpoint: Endpoint,
    pairs: PairFrame,
    columns: Sequence[str] | None = None,
    *,
    handling: Handling | None = None,
) -> pl.DataFrame:
    """The pairs that an endpoint's population holds and its conditions keep, results or not.

    Left out are unpaired rows, subjects without an entry, rows with one of the population's exclusion codes,
    rows that its or the endpoint's `where` does not keep, rows without a reference or test value, and rows
    without a category or number that the metric needs besides. Where missing units are completed, those that
    lack one of the two values stay in. An endpoint that asks for coverage has every unit with a reference.

    Args:
        protocol: Resolved protocol.
        endpoint: One of its endpoints.
        pairs: Rows of `Pairs`.
        columns: Columns to carry; default all but the bookkeeping of reasons.
        handling: How missing units enter. Default: as the protocol says for the analysis that decides.
    """
    how = coding(protocol, endpoint, handling)
    if how.reports_coverage:
        keep = has_reference(protocol, endpoint)
    else:
        keep = in_population(protocol, endpoint) & whole(how)
    if how.completes:
        keep |= filled_in(protocol, endpoint)
    keep &= has_further(how.further)
    if how.reference_indeterminate:
        keep &= ~among(how.reference, how.reference_indeterminate)
    if columns is None:
        columns = [name for name in pairs.lazy().collect_schema().names() if name not in _BOOKKEEPING]
    if isinstance(pairs, pl.LazyFrame):
        return pairs.filter(keep).select(columns).collect()
    kept = pairs.select(keep.alias("kept")).get_column("kept")
    return pairs.select(columns) if kept.all() else pairs.select(columns).filter(kept)


def in_population(
    protocol: Protocol, endpoint: Endpoint, *, lacking: bool = False, despite: Iterable[str] = ()
) -> pl.Expr:
    """Whether a row of the pairs belongs to an endpoint's population and conditions, whatever its values.

    Args:
        protocol: Resolved protocol.
        endpoint: One of its endpoints.
        lacking: Units without a partner, too: with pairing by key, rows of either side; with pairing by time,
            reference rows without a test row (a device's further rows are no units of the study).
        despite: Exclusion codes that do not matter here.
    """
    population = protocol.populations[said(endpoint.population)]
    excluding = set(protocol.exclusions if population.exclude is None else population.exclude) - set(despite)
    structural = [code for code in STRUCTURAL if code not in VALUE_CODES and code not in set(despite)]
    keep = pl.col("status") == "paired"
    if lacking:
        by_key = protocol.pairings[said(endpoint.pairing)].method == "key"
        structural = [code for code in structural if code not in LONELY]
        keep |= pl.lit(value=True) if by_key else pl.col("reference_row").is_not_null()
    bits = pl.lit(mask(protocol, [*structural, *excluding]), dtype=pl.UInt64)
    keep &= (pl.col("reasons") & bits) == 0
    for where in (population.where, endpoint.where):
        if where:
            keep &= expression(where)
    return keep


def has_reference(protocol: Protocol, endpoint: Endpoint) -> pl.Expr:
    """Whether a row of the pairs is a unit of an endpoint's population with a reference, output or not.

    What is no result of the reference is left out where rows are chosen (`population_rows`).
    """
    inside = in_population(protocol, endpoint, lacking=True, despite=(NOT_NEAREST,))
    reference = coding(protocol, endpoint).reference
    return inside & pl.col("reference_row").is_not_null() & pl.col(reference).is_not_null()


def carries(protocol: Protocol, code: str) -> pl.Expr:
    """Whether a row of the pairs carries a reason code."""
    return (pl.col("reasons") & pl.lit(mask(protocol, [code]), dtype=pl.UInt64)) != 0


def missing_views(protocol: Protocol, endpoint: Endpoint) -> tuple[str, ...]:
    """Views beside the primary one in which units without an output or a reference enter in another way."""
    policy = protocol.missing
    if policy is None or endpoint.role not in DECIDING or endpoint.metric == COVERAGE:
        return ()  # a unit without an output is what coverage asks for: it is not missing
    wanted = dict.fromkeys(["complete_case", *policy.sensitivity])
    return tuple(name for name in wanted if name not in {policy.primary, "tipping_point"})


def filled_in(protocol: Protocol, endpoint: Endpoint) -> pl.Expr:
    """Whether a row of the pairs lacks one of its values and belongs to the endpoint all the same."""
    return in_population(protocol, endpoint, lacking=True) & lacks_one(coding(protocol, endpoint))


def whole(how: Coding) -> pl.Expr:
    """Whether a row has both values."""
    return pl.col(how.reference).is_not_null() & pl.col(how.test).is_not_null()


def lacks_one(how: Coding) -> pl.Expr:
    """Whether a row has one of the two values, and not the other."""
    return pl.col(how.reference).is_null() != pl.col(how.test).is_null()


def rows(
    protocol: Protocol,
    endpoint_id: str,
    pairs: pl.DataFrame,
    *,
    view: str = PRIMARY,
    by: str | Mapping[str, str] | None = None,
    subgroup: str | None = None,
    level: str | None = None,
    contrast: str | None = NOT_RECORDED,
) -> pl.DataFrame:
    """The exact analysed rows behind an estimate, sorted by subject, then key, then row.

    Args:
        protocol: Resolved protocol.
        endpoint_id: Identifier of one of its endpoints, or of one that is always reported (`yield`,
            `coverage`).
        pairs: Frame of `Pairs` (as `Results.pairs` gives it).
        view: `primary`, one of the three ways to count outputs that are no result, or a way in which units
            without an output or a reference enter (`complete_case`, `worst_case`, `best_case`).
        by: By-levels, as a mapping or as the canonical JSON of a results row.
        subgroup: Identifier of a declared subgroup, with its `level`.
        level: Level of that subgroup.
        contrast: What the part is if not that level (`contrast` of a results row). Default: not said; where a
            level and a contrast have the same name, the level.

    Returns:
        `subject`, `reference`, `test` (float64 measurements; 1 and 0 for binary metrics; index into the
        declared levels for categories), then `reference_row`, `test_row`, and every other column.

    Raises:
        UsageError: No such endpoint, view, subgroup or level; the message says which there are.
    """
    endpoint = endpoint_of(protocol, endpoint_id)
    handling = handling_of(view)
    found = population_rows(protocol, endpoint, pairs, handling=handling)
    chosen = _chosen(protocol, endpoint, found, by=by, subgroup=subgroup, level=level, contrast=contrast)
    if chosen.condition is not None:
        found = found.filter(chosen.condition)
    seen = coded(coding(protocol, endpoint, handling), found, view_of(protocol, view))
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
    contrast: str | None,
) -> Part:
    """The part that by-levels or a subgroup's level name."""
    if by is not None:
        return by_part(json.loads(by) if isinstance(by, str) else by)
    if subgroup is None:
        return WHOLE
    known = dict.fromkeys([*protocol.subgroups, *([protocol.sites.by] if protocol.sites else [])])
    if subgroup not in known:
        raise UsageError(_unknown("subgroup", subgroup, known))
    offered = sorted(
        contrasts.named(protocol, endpoint, subgroup, found), key=lambda part: part.contrast is not None
    )
    for part in offered:
        if part.level == level and contrast in {NOT_RECORDED, part.contrast}:
            return part
    names = dict.fromkeys(str(part.level) for part in offered)
    raise UsageError(_unknown(f"level of subgroup `{subgroup}`", str(level), names))


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    names = list(known)
    hint = nearest(name, names)
    return f"there is no {what} `{name}`; there are: {', '.join(names)}" + (
        f". Did you mean `{hint}`?" if hint else ""
    )


def endpoint_of(protocol: Protocol, endpoint_id: str) -> Endpoint:
    """The endpoint of that identifier, the automatic ones included.

    Raises:
        UsageError: There is none.
    """
    if endpoint_id in protocol.endpoints:
        return protocol.endpoints[endpoint_id]
    automatic = automatic_endpoints(protocol)
    if endpoint_id in automatic:
        return automatic[endpoint_id]
    raise UsageError(_unknown("endpoint", endpoint_id, [*protocol.endpoints, *automatic]))


def automatic_endpoints(protocol: Protocol) -> dict[str, Endpoint]:
    """What is always reported, asked for or not: coverage, and the share of results.

    Coverage for each pairing and test column that an endpoint uses: errors are conditional on being reported.
    The share of results (`yield`) for those test columns that can hold no result. Neither where the protocol
    declares it itself. They follow the population of the first endpoint that uses the column; coverage has
    its levels too, and not its conditions, which may speak of the output.
    """
    return {
        name: _automatic(metric, protocol.endpoints[source], alone=name == metric)
        for name, (metric, source) in automatic_sources(protocol).items()
    }


_TITLES = {
    YIELD: "Share of recordings with a result",
    COVERAGE: "Share of reference units with an output",
}


def _automatic(name: str, source: Endpoint, *, alone: bool) -> Endpoint:
    """A yield or a coverage of an endpoint's population, with the intervals that its metric puts first."""
    metric = registry.get(name)
    interval = source.interval.model_copy(
        update={
            "method": None,
            "methods": {statistic.name: statistic.intervals[0] for statistic in metric.statistics},
            "sides": "two",
        }
    )
    return source.model_copy(
        update={
            "title": _TITLES[name] if alone else f"{_TITLES[name]}: {source.test}",
            "role": "supportive",
            "metric": name,
            "columns": {},
            "disparity": None,
            "parameters": {parameter.name: parameter.default for parameter in metric.parameters},
            "positive": None,
            "average": metric.averages[0],
            "by": (),
            "subgroups": (),
            "interval": interval,
            "criterion": None,
            "criteria": None,
            "hypothesis": None,
            **(_of_reference(source) if name == COVERAGE else {}),
        }
    )


def _of_reference(source: Endpoint) -> dict[str, Any]:
    """What coverage takes over from an endpoint: its levels, as far as units without an output have them."""
    levels = tuple(column for column in source.by if not column.startswith(TEST))
    return {"where": None, "verification": None, "estimand": None, "by": levels}


def rows_behind(results: Results, row: Mapping[str, Any]) -> pl.DataFrame:
    """The exact analysed rows behind one row of results."""
    protocol = results.protocol
    endpoint = endpoint_of(protocol, row["endpoint"])
    frame = results.pairs(said(endpoint.pairing), row["version"])
    return rows(
        protocol,
        row["endpoint"],
        frame,
        view=row["view"],
        by=row["by"],
        subgroup=row["subgroup"],
        level=row["level"],
        contrast=row["contrast"],
    )
