"""Cross-checks and defaults of an endpoint against its metric: parameters, columns, interval, criterion."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ..evaluators import intervals, registry
from ..evaluators.metric import REQUIRED, Metric, Parameter, Statistic
from ..evaluators.tolerance import parse as parse_tolerance
from .context import Context, Scope, determinate, levels_of, unmade
from .errors import nearest
from .model import Column, Criterion, Endpoint, IntervalSpec, Table
from .nodes import Path
from .shape import listed

YIELD = "yield"
COVERAGE = "coverage"
REPORTING = frozenset({YIELD, COVERAGE})
"""Metrics that ask whether there is a result, not which."""
"""The metric that asks whether there was a result, not which."""


def find_metric(context: Context, path: Path, name: str) -> Metric | None:
    """The metric, or None after reporting that there is none of this name."""
    if context.known((*path, "metric"), name, registry.names(), "metric"):
        return registry.get(name)
    return None


class Parametrised(Protocol):
    """What has a name and parameters: a metric, or a measure."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Its options."""


def resolve_parameters(
    context: Context, path: Path, metric: Parametrised, given: Mapping[str, Any]
) -> dict[str, Any]:
    """Every parameter of a metric or measure: what is given, checked, and the defaults of the rest."""
    place = (*path, "parameters")
    names = [parameter.name for parameter in metric.parameters]
    for name in given:
        if name not in names:
            offer = f"accepted: {listed(names)}" if names else "it takes none"
            message = f"`{metric.name}` has no such parameter; {offer}"
            context.report((*place, name), message, name, nearest(name, names), at_key=True)
    values: dict[str, Any] = {}
    for parameter in metric.parameters:
        if parameter.name in given:
            values[parameter.name] = _parameter(
                context, (*place, parameter.name), parameter, given[parameter.name]
            )
        elif parameter.default is REQUIRED:
            message = (
                f"`{metric.name}` needs this parameter; expected {_accepted(parameter)}: {parameter.doc}"
            )
            missed = nearest(parameter.name, [name for name in given if name not in names])
            if missed is None:
                context.report((*place, parameter.name), message, at_key=True)
        else:
            values[parameter.name] = parameter.default
    return values


def _accepted(parameter: Parameter) -> str:
    """What a parameter accepts, in words."""
    low, high = parameter.minimum, parameter.maximum
    limits = " and ".join(
        words for words, bound in ((f"at least {low}", low), (f"at most {high}", high)) if bound is not None
    )
    kinds = {
        "number": "a number",
        "integer": "a whole number",
        "text": "text",
        "choice": f"one of {listed(parameter.choices)}",
        "tolerance": "a tolerance, such as `5` or `max(5, 0.1*ref)`",
    }
    return f"{kinds[parameter.kind]} of {limits}" if limits else kinds[parameter.kind]


def _parameter(context: Context, path: Path, parameter: Parameter, value: Any) -> Any:
    """One parameter in its type; violations are reported."""
    if value is None and parameter.default is None:
        return None
    if parameter.kind in {"number", "integer"}:
        return _number(context, path, parameter, value)
    text = value if isinstance(value, str) else context.written(path, value)
    if parameter.kind == "choice" and text not in parameter.choices:
        context.report(path, f"expected {_accepted(parameter)}", text, nearest(text, parameter.choices))
    if parameter.kind == "tolerance":
        try:
            return str(parse_tolerance(text))
        except ValueError as error:
            context.report(path, f"expected {_accepted(parameter)}: {error}", text)
    return text


def _number(context: Context, path: Path, parameter: Parameter, value: Any) -> Any:
    number = not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(value)
    whole = parameter.kind != "integer" or (number and value == int(value))
    low = parameter.minimum if parameter.minimum is not None else -math.inf
    high = parameter.maximum if parameter.maximum is not None else math.inf
    if not (number and whole and low <= value <= high):
        context.report(path, f"expected {_accepted(parameter)}", value)
        return value
    return int(value) if parameter.kind == "integer" else float(value)


def resolve_average(context: Context, path: Path, metric: Metric, endpoint: Endpoint) -> str | None:
    """How rows of one subject count; mandatory where the metric offers more than one way."""
    if endpoint.average is None and len(metric.averages) > 1:
        message = (
            f"say how rows count, `{metric.name}` offers {listed(metric.averages)}: `pooled` counts each row "
            "once, `subject_mean` each subject"
        )
        context.report((*path, "average"), message, at_key=True)
    elif endpoint.average is not None and endpoint.average not in metric.averages:
        context.report(
            (*path, "average"), f"`{metric.name}` offers {listed(metric.averages)}", endpoint.average
        )
    return endpoint.average or metric.averages[0]


def resolve_column(
    context: Context, place: Path, name: str | None, table_name: str, metric: Metric, *, method: str
) -> str | None:
    """The value column of one side: the one named, or the only one that can serve.

    Args:
        context: Of this pass.
        place: Where the endpoint names it.
        name: What it says.
        table_name: The side's table.
        metric: The endpoint's metric.
        method: How rows are paired: measures belong to units of time, and events to outcomes.
    """
    table = context.protocol.tables[table_name]
    later = unmade(table, method)
    values = [one for one in _value_columns(table) if one not in later]
    accepted = _types(metric, str(place[-1]))
    if name is not None:
        if name in later:
            message = "a measure is one of a unit of time; pair by `windows`, `epochs` or `sessions`"
            if name in table.of_events:
                message = "events are compared once they are matched; pair by `events`"
            context.report(place, message, name)
            return name
        if context.known(place, name, values, f"value column in `{table_name}`"):
            column = table.columns[name]
            if column.type not in accepted:
                message = f"`{metric.name}` needs {_or(accepted)} columns, and this one is `{column.type}`"
                context.report(place, message, name)
            elif not column.required:
                context.report(place, "a column that an endpoint needs cannot be `required: false`", name)
        return name
    fitting = [one for one in values if table.columns[one].type in accepted]
    if len(fitting) == 1:
        return fitting[0]
    offer = f"one of {listed(fitting)}" if fitting else f"and `{table_name}` has none of type {_or(accepted)}"
    context.report(place, f"name the value column of `{table_name}`: {offer}", at_key=True)
    return None


def _or(words: tuple[str, ...]) -> str:
    return " or ".join(f"`{word}`" for word in words)


def _value_columns(table: Table) -> list[str]:
    taken = {*table.key, table.subject, table.time, table.exclusion}
    return [name for name in table.columns if name not in taken]


def _types(metric: Metric, side: str) -> tuple[str, ...]:
    """Types of column that can be the metric's `reference` or `test`."""
    if metric.name == COVERAGE:
        return ("number", "integer", "category", "boolean")
    numbers = metric.kind == "measurement" or (metric.kind == "score" and side == "test")
    return ("number", "integer") if numbers else ("category", "boolean")


def check_columns(context: Context, path: Path, metric: Metric, reference: Column, test: Column) -> None:
    """Both sides speak of the same thing: the same unit, or levels that can be compared."""
    if metric.kind == "measurement":
        if metric.one_unit and reference.unit != test.unit:
            message = (
                f"the reference is in {_unit(reference)} and the test in {_unit(test)}; declare both in "
                "one unit; reading converts the data (`units` of the source, `conversions` of the protocol)"
            )
            context.report((*path, "test"), message, at_key=True)
        return
    if metric.kind == "score" or metric.name == COVERAGE:
        return
    if test.indeterminate and context.protocol.indeterminate is None:
        message = (
            f"the test column has levels that are no result ({listed(test.indeterminate)}); say in "
            "`indeterminate.primary_view` what decides: `classifiable_only`, `as_positive` or `as_negative`"
        )
        context.report((*path, "test"), message, at_key=True)
    if metric.name == YIELD:
        if not test.indeterminate:
            message = (
                "no level of the test column is `indeterminate`, so every output would count as a result"
            )
            context.report((*path, "test"), message, at_key=True)
        return
    if metric.kind == "categorical" and determinate(reference) != determinate(test):
        message = (
            "both columns need the same levels in the same order; the reference has "
            f"{listed(determinate(reference))} and the test {listed(determinate(test))}"
        )
        context.report((*path, "test"), message, at_key=True)


def _unit(column: Column) -> str:
    return f"`{column.unit}`" if column.unit else "no unit"


def resolve_positive(
    context: Context,
    path: Path,
    metric: Metric,
    positive: tuple[str, ...] | None,
    sides: Mapping[str, Column],
) -> tuple[str, ...] | None:
    """The levels that count as positive, each of them and their opposite possible on both sides."""
    place = (*path, "positive")
    if metric.kind == "score":  # a number is neither positive nor negative
        sides = {"reference": sides["reference"]}
    elif metric.kind != "binary" or metric.name in REPORTING:
        if positive is not None:
            context.report(
                place, f"`{metric.name}` does not distinguish positive from negative; remove this key"
            )
        return None
    if positive is None:
        if all(column.type == "boolean" for column in sides.values()):
            return ("true",)
        common = dict.fromkeys(level for column in sides.values() for level in determinate(column))
        context.report(place, f"say which levels count as positive: some of {listed(common)}", at_key=True)
        return None
    known = dict.fromkeys(level for column in sides.values() for level in levels_of(column))
    no_result = {level for column in sides.values() for level in column.indeterminate}
    for index, level in enumerate(positive):
        if context.known((*place, index), level, known, "level in either column") and level in no_result:
            context.report((*place, index), "this level is `indeterminate` and cannot be positive", level)
    for side, column in sides.items():
        results = determinate(column)
        chosen = [level for level in results if level in positive]
        if results and not set(positive).isdisjoint(known) and len(chosen) in {0, len(results)}:
            which = "no" if not chosen else "every"
            message = f"{which} level of the {side} column would be positive; its levels: {listed(results)}"
            context.report(place, message, ", ".join(positive))
    return positive


def resolve_interval(
    context: Context, path: Path, metric: Metric, spec: IntervalSpec, criteria: Sequence[Criterion]
) -> IntervalSpec:
    """The interval with a method written out for every statistic."""
    place = (*path, "interval")
    statistics = {statistic.name: statistic for statistic in metric.statistics}
    named = [one.statistic for one in criteria if one.statistic in statistics]
    main = named[0] if named and named[0] else metric.headline
    chosen = dict(spec.methods or {})
    for name, method in chosen.items():
        if context.known((*place, "methods", name), name, statistics, "statistic", at_key=True):
            _check_method(context, (*place, "methods", name), statistics[name], method, spec)
    if spec.method is not None:
        needed = statistics[main] if criteria else _offering(metric, spec.method) or statistics[main]
        _check_method(context, (*place, "method"), needed, spec.method, spec)
    methods = {
        name: chosen.get(name) or _default_method(statistic, spec)
        for name, statistic in statistics.items()
        if statistic.intervals
    }
    if spec.cluster == "none" and spec.cluster_rationale is None:
        message = "`cluster: none` takes rows for independent; say in `cluster_rationale` why that holds"
        context.report((*place, "cluster"), message, spec.cluster)
    if spec.degenerate == "exact_subject" and metric.kind != "binary":
        message = f"an exact bound exists for proportions only, and `{metric.name}` yields none"
        context.report((*place, "degenerate"), message, spec.degenerate)
    return spec.model_copy(update={"method": methods.get(main), "methods": methods})


def _offering(metric: Metric, method: str) -> Statistic | None:
    return next((statistic for statistic in metric.statistics if method in statistic.intervals), None)


def _check_method(
    context: Context, path: Path, statistic: Statistic, method: str, spec: IntervalSpec
) -> None:
    offered = listed(statistic.intervals) if statistic.intervals else "none"
    if method not in statistic.intervals:
        there_is = "" if method in intervals.METHODS else "there is no such interval method; "
        message = f"{there_is}`{statistic.name}` offers: {offered}"
        context.report(path, message, method, nearest(method, statistic.intervals))
    elif spec.sides != "two" and intervals.METHODS[method].two_sided_only:
        context.report(
            path, f"this method has no one-sided bounds; `{statistic.name}` offers: {offered}", method
        )


def _default_method(statistic: Statistic, spec: IntervalSpec) -> str:
    """The endpoint's method where the statistic offers it, else its first that has the sides asked for."""
    if spec.method in statistic.intervals:
        return str(spec.method)
    fitting = [
        m for m in statistic.intervals if spec.sides == "two" or not intervals.METHODS[m].two_sided_only
    ]
    return (fitting or list(statistic.intervals))[0]


def resolve_roles(context: Context, path: Path, metric: Metric, endpoint: Endpoint, scope: Scope) -> Metric:
    """The metric for the levels of its further columns; they are named, exist and fit their part."""
    roles = {role.name: role for role in metric.columns}
    for name in endpoint.columns:
        context.known(
            (*path, "columns", name), name, roles, f"further column of `{metric.name}`", at_key=True
        )
    levels: dict[str, tuple[str, ...]] = {}
    for name, role in roles.items():
        place = (*path, "columns", name)
        given = endpoint.columns.get(name)
        if given is None:
            if role.needed:
                context.report(place, f"`{metric.name}` needs this column: {role.doc}", at_key=True)
            continue
        columns = (given,) if isinstance(given, str) else given
        if len(columns) != 1 and not role.several:
            context.report(place, "one column plays this part", ", ".join(columns))
        accepted = ("number", "integer") if role.kind == "number" else ("category", "boolean")
        for column in columns:
            if context.known(place, column, scope, "column") and scope[column].type not in accepted:
                message = f"this part needs a {_or(accepted)} column, and this one is `{scope[column].type}`"
                context.report(place, message, column)
            elif column in scope and role.kind == "category":
                levels[name] = determinate(scope[column])
                if len(levels[name]) < 2:
                    message = "this part needs a column that declares two levels or more"
                    context.report(place, message, column)
    return (
        metric.of_levels(levels)
        if len(levels) == sum(r.kind == "category" for r in metric.columns)
        else metric
    )


def check_ratings(
    context: Context,
    path: Path,
    metric: Metric,
    endpoint: Endpoint,
    *,
    reference: Column,
    scope: Scope,
) -> None:
    """Further raters use the categories of the reference, all of them and in its order."""
    for role in metric.columns:
        given = endpoint.columns.get(role.name, ())
        for column in (given,) if isinstance(given, str) else given:
            if role.kind != "rating" or column not in scope:
                continue
            if determinate(scope[column]) != determinate(reference):
                message = (
                    "a rater needs the reference's levels in the same order: "
                    f"{listed(determinate(reference))}; this one has {listed(determinate(scope[column]))}"
                )
                context.report((*path, "columns", role.name), message, column)
