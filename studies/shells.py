"""The coming report's tables without data, from the protocol alone: what a statistical analysis plan shows.

The rows are those that a run will fill: statistics, views, by-levels and subgroups of each endpoint, the flow
of subjects, their characteristics, what the study must be. Levels that only the data know are one
row, "each".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise, product
from typing import Any

import polars as pl

from ..datasets.flow import STAGES, possible_losses
from ..datasets.typed import DTYPES
from ..evaluators import registry
from ..evaluators.intervals import METHODS
from ..evaluators.metric import Metric
from ..protocols import describe, describe_validity
from ..protocols.context import SUBJECT, SUBJECTS, Scope, levels_of, pair_scope
from ..protocols.describe_parts import column as column_words
from ..protocols.describe_parts import number
from ..protocols.model import DECIDING, Column, Endpoint, Protocol
from ..protocols.validity import Requirement
from . import slices
from .demographics import COHORT, RULE
from .judge import criterion_text
from .splits import subgroup_parts

EACH = "each one found"
VIEW_WORDS = {
    "classifiable_only": "no result left out",
    "as_positive": "no result counted as positive",
    "as_negative": "no result counted as negative",
}
_ROLES_FIRST = ("primary", "co_primary", "key_secondary", "secondary", "exploratory", "supportive")


@dataclass(frozen=True)
class Shell:
    """One table without data.

    Attributes:
        id: Identifier within the protocol.
        title: Title.
        columns: Heads of the columns.
        rows: Cells; those that data will fill are empty.
        notes: What stands below it.
    """

    id: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()

    def as_data(self) -> dict[str, Any]:
        """The table as JSON data."""
        return {
            "id": self.id,
            "title": self.title,
            "columns": list(self.columns),
            "rows": [list(row) for row in self.rows],
            "notes": list(self.notes),
        }


def shells(protocol: Protocol) -> list[Shell]:
    """Every table, in the order of a report.

    Args:
        protocol: Resolved protocol.

    Example:
        >>> from accordance.protocols import library
        >>> [one.id for one in shells(library.load("method-comparison"))]
        ['flow-agreement', 'endpoint-agreement', 'endpoint-absolute_error', 'endpoint-coverage']
    """
    endpoints = {**protocol.endpoints, **slices.automatic_endpoints(protocol)}
    ranked = sorted(endpoints, key=lambda name: _ROLES_FIRST.index(endpoints[name].role))
    found = [*_flows(protocol), *_demographics(protocol), *_requirements(protocol)]
    for name in ranked:
        found.append(_results(protocol, name, endpoints[name]))
        found += _disparity(protocol, name, endpoints[name])
    return [*found, *_families(protocol), *_missing(protocol), *_sites(protocol)]


def _table(
    id_: str, title: str, columns: tuple[str, ...], rows: Iterator[tuple[str, ...]], *notes: str
) -> Shell:
    """A table whose rows are filled up with empty cells."""
    filled = tuple((*row, *[""] * (len(columns) - len(row))) for row in rows)
    return Shell(id_, title, columns, filled, notes)


def _flows(protocol: Protocol) -> Iterator[Shell]:
    """The flow of participants of each deciding endpoint; of several once, where it is the same."""
    deciding = [name for name, one in protocol.endpoints.items() if one.role in DECIDING]
    view = slices.view_of(protocol, slices.PRIMARY)
    flows: dict[tuple[tuple[str, ...], ...], list[str]] = {}
    for name in deciding or list(protocol.endpoints)[:1]:
        losses = possible_losses(protocol, protocol.endpoints[name], view=view)
        flows.setdefault(tuple(_flow(losses)), []).append(name)
    for rows, names in flows.items():
        titles = "; ".join(protocol.endpoints[name].title.rstrip(".") for name in names)
        columns = ("Stage", "Subjects", "Units")
        yield _table(f"flow-{names[0]}", f"Flow of participants: {titles}", columns, iter(rows))


def _flow(losses: Sequence[tuple[str, str, str]]) -> Iterator[tuple[str, ...]]:
    for stage, words in STAGES.items():
        for where, code, title in losses:
            if where == stage:
                yield (f"- less: {title} ({code})",)
        yield (words,)


def _demographics(protocol: Protocol) -> Iterator[Shell]:
    table = protocol.tables.get(SUBJECTS)
    if table is None:
        return
    wanted = [COHORT, *protocol.resampling.strata]
    group = next((name for name in wanted if name in table.columns), None)
    groups = [] if group is None else list(levels_of(table.columns[group])) or [f"{group}: {EACH}"]
    heads = ["Characteristic", "All (N = )", *(f"{level} (N = )" for level in groups)]
    intended = protocol.intended_population
    if intended:
        heads.append("Intended users")
    hidden = {table.subject, table.exclusion, *table.key, group}

    def rows() -> Iterator[tuple[str, ...]]:
        for name, column in table.columns.items():
            if name in hidden:
                continue
            for words, level in _characteristics(name, column):
                share = intended.get(name, {}).get(level or "")
                blank = [""] * (len(groups) + 1)
                yield (words, *blank, *([f"{number(round(100 * share, 10))}%"] if share is not None else []))

    yield _table("demographics", "Characteristics of the analysed subjects", tuple(heads), rows(), RULE)


def _characteristics(name: str, column: Column) -> Iterator[tuple[str, str | None]]:
    """The lines of one column of `subjects`, with the level each is about."""
    title = column.title or column_words(name)
    title = title[0].upper() + title[1:]
    if column.type in {"number", "integer"}:
        unit = f" ({column.unit})" if column.unit else ""
        yield f"{title}{unit}: n", None
        yield f"{title}{unit}: mean (SD)", None
        yield f"{title}{unit}: median (minimum to maximum)", None
    elif column.type in {"category", "boolean", "text"}:
        for level in levels_of(column) or (EACH,):
            yield f"{title}: {level}, n (%)", level
    if column.missing == "allowed":
        yield f"{title}: missing", None


def _requirements(protocol: Protocol) -> Iterator[Shell]:
    if not protocol.requirements:
        return

    def rows() -> Iterator[tuple[str, ...]]:
        for name, one in protocol.requirements.items():
            title = one.title or describe_validity.requirement(protocol, name).split(":")[0]
            for group in _requirement_groups(one):
                yield f"{title}, {group}" if group else title, describe_validity.bounds(one)

    columns = ("Requirement", "Demanded", "Found", "Met")
    note = "Where one is not met, the endpoints that rest on it are not evaluable."
    yield _table("requirements", "What the study has to be", columns, rows(), note)


def _requirement_groups(one: Requirement) -> list[str]:
    """The groups that are looked at one by one; one empty name where there are none."""
    if one.each is None:
        return [""]
    name = column_words(one.each)
    if one.each == SUBJECT:
        return ["every subject"]
    if isinstance(one.bands, tuple):
        return [f"{name} {number(low)} to {number(high)}" for low, high in pairwise(one.bands)]
    return [f"{name} {level}" for level in one.levels or ()] or [f"{name}: {EACH}"]


def _results(protocol: Protocol, name: str, endpoint: Endpoint) -> Shell:
    """The results of one endpoint."""
    scope = pair_scope(protocol, protocol.pairings[str(endpoint.pairing)])
    metric = _metric(endpoint, scope)
    judged = [str(one.statistic) for one in endpoint.judged] or [metric.headline]
    limits = {str(one.statistic): criterion_text(one) for one in endpoint.judged}
    extent = _extent(endpoint)
    declared = slices.view_of(protocol, slices.PRIMARY)
    how = slices.coding(protocol, endpoint)
    views = [view for view in how.views if view in {slices.PRIMARY} or view != declared]

    def rows() -> Iterator[tuple[str, ...]]:
        for view in views:
            primary = view == slices.PRIMARY
            named = (VIEW_WORDS[declared if primary else view],) if len(views) > 1 else ()
            for words, kind in _parts(protocol, endpoint, scope):
                if kind == "subgroup" and not primary:
                    continue
                every = primary and kind != "subgroup"
                for statistic in [one.name for one in metric.statistics] if every else judged:
                    goal = limits.get(statistic, "") if primary and kind == extent else ""
                    yield (
                        metric.statistic(statistic).title,
                        words,
                        *named,
                        *[""] * 4,
                        *([goal] if limits else []),
                    )

    interval = describe.interval(endpoint.interval)
    columns = ["Statistic", "Rows", *(["View"] if len(views) > 1 else [])]
    columns += ["Subjects", "n/N" if how.kind == "binary" else "Units", "Estimate", interval.capitalize()]
    columns += ["Criterion", "Decision"] if limits else []
    role = describe.ROLES[endpoint.role]
    title = f"{endpoint.title.rstrip('.')} ({role})"
    return _table(f"endpoint-{name}", title, tuple(columns), rows(), *_notes(protocol, endpoint, metric))


def _extent(endpoint: Endpoint) -> str:
    """The kind of part that the criterion speaks of; with `disparity` none of these."""
    if endpoint.disparity is not None:
        return "pairs"
    return "by" if any(one.applies_to == "each_level" for one in endpoint.judged) else "whole"


def _metric(endpoint: Endpoint, scope: Scope) -> Metric:
    """The metric for the declared levels of its further columns."""
    metric = registry.get(endpoint.metric)
    levels = {
        role.name: levels_of(scope[column])
        for role in metric.columns
        if role.kind == "category"
        and isinstance(column := endpoint.columns.get(role.name), str)
        and column in scope
    }
    return metric.of_levels(levels) if levels else metric


def _parts(protocol: Protocol, endpoint: Endpoint, scope: Scope) -> Iterator[tuple[str, str]]:
    """Each part of the rows in words, and whether it is the `whole`, a `by`-level or a `subgroup`."""
    yield "all analysed", "whole"
    known = [levels_of(scope[name]) or (EACH,) for name in endpoint.by]
    for levels in product(*known) if known else ():
        named = zip(endpoint.by, levels, strict=True)
        yield ", ".join(f"{column_words(name)}: {level}" for name, level in named), "by"
    for name in endpoint.subgroups or ():
        title = protocol.subgroups[name].title or column_words(name)
        for level in _levels(protocol, endpoint, name, scope):
            yield f"{title}: {level}", "subgroup"


def _levels(protocol: Protocol, endpoint: Endpoint, name: str, scope: Scope) -> list[str]:
    """The declared levels of a subgroup, as the results will name them."""
    empty = pl.DataFrame(schema={one: DTYPES[column.type] for one, column in scope.items()})
    parts = subgroup_parts(protocol, endpoint, name, empty)
    return [str(part.level) for part in parts] or [EACH]


def _notes(protocol: Protocol, endpoint: Endpoint, metric: Metric) -> Iterator[str]:
    methods = endpoint.interval.methods or {}
    titles = dict.fromkeys(METHODS[method].title for method in methods.values())
    yield f"Metric: {metric.title}. Interval: {'; '.join(titles) or 'none'}."
    if endpoint.judged:
        yield f"Criterion: {describe.criterion(endpoint)}."
    if protocol.indeterminate and len(slices.coding(protocol, endpoint).views) > 1:
        yield f"The view that decides: {describe.VIEWS[protocol.indeterminate.primary_view]}."


def _disparity(protocol: Protocol, name: str, endpoint: Endpoint) -> Iterator[Shell]:
    one = endpoint.disparity
    if one is None:
        return
    scope = pair_scope(protocol, protocol.pairings[str(endpoint.pairing)])
    groups = _levels(protocol, endpoint, one.between, scope)
    sign = "over" if one.contrast == "ratio" else "minus"
    pairs = [f"{later} {sign} {earlier}" for earlier, later in combinations(groups, 2)] or [EACH]
    goal = "; ".join(criterion_text(part) for part in endpoint.judged)
    rows = ((pair, "", "", "", goal) for pair in pairs)
    columns = ("Groups", "Subjects of each", "Estimate", "Interval", "Criterion", "Decision")
    title = f"{endpoint.title.rstrip('.')}: differences between groups"
    yield _table(f"disparity-{name}", title, columns, iter(rows))


def _families(protocol: Protocol) -> Iterator[Shell]:
    if not protocol.families:
        return
    rows = (
        (family.title or name, protocol.endpoints[endpoint].title, family.procedure.replace("_", " "))
        for name, family in protocol.families.items()
        for endpoint in family.endpoints
    )
    columns = ("Family", "Endpoint", "Procedure", "One-sided alpha used", "p", "Decision")
    yield _table("families", "Families of hypotheses", columns, iter(rows))


def _missing(protocol: Protocol) -> Iterator[Shell]:
    policy = protocol.missing
    if policy is None:
        return
    ways = dict.fromkeys([policy.primary, *policy.sensitivity])
    rows = (
        (endpoint.title, way.replace("_", " ") + (" (decides)" if way == policy.primary else ""))
        for endpoint in protocol.endpoints.values()
        if endpoint.role in DECIDING
        for way in ways
    )
    columns = ("Endpoint", "Missing units", "Units", "Estimate", "Interval", "Decision")
    yield _table("missing", "Missing data: each analysis beside the others", columns, iter(rows))


def _sites(protocol: Protocol) -> Iterator[Shell]:
    one = protocol.sites
    if one is None:
        return
    deciding = [endpoint.title for endpoint in protocol.endpoints.values() if endpoint.role in DECIDING]
    lines = [f"{column_words(one.by)}: {EACH}", "heterogeneity (p)"]
    lines += [f"without each {column_words(one.by)}"] if one.leave_one_out else []
    rows = ((title, line) for title in deciding for line in lines)
    yield _table(
        "sites", "Results by site", ("Endpoint", "Site", "Units", "Estimate", "Interval"), iter(rows)
    )


def as_data(protocol: Protocol) -> list[Mapping[str, Any]]:
    """Every table as JSON data."""
    return [one.as_data() for one in shells(protocol)]
