"""Cross-checks and defaults of acceptance criteria: they can be judged, and reward the better device."""

from __future__ import annotations

from ..evaluators.metric import Metric, Statistic
from .context import Context
from .criteria import Criteria, Criterion, TableLimit
from .limit_tables import TABLES
from .model import Column, Endpoint, IntervalSpec
from .nodes import Path
from .roles import per_unit

_UNIT_WORDS = {"percent": "%", "proportion": "proportion"}
_LOWER_BOUND, _UPPER_BOUND = (">", ">="), ("<", "<=")


def resolve_criteria(
    context: Context, path: Path, metric: Metric, endpoint: Endpoint, measured: Column | None
) -> dict[str, Criterion | Criteria | None]:
    """`criterion` and `criteria` of an endpoint, checked and written out.

    Args:
        context: The pass of cross-checks.
        path: Where the endpoint stands.
        metric: Its metric.
        endpoint: The endpoint.
        measured: The column whose unit its statistics have.
    """
    several = endpoint.criteria
    if endpoint.criterion is not None:
        if several is not None:
            context.report((*path, "criteria"), "give `criterion` or `criteria`, not both", at_key=True)
        one = _criterion(
            context, (*path, "criterion"), metric, endpoint, criterion=endpoint.criterion, measured=measured
        )
        return {"criterion": one, "criteria": several}
    if several is None:
        return {"criterion": None, "criteria": None}
    place = (*path, "criteria")
    if (several.all_of is None) == (several.any_of is None):
        context.report(place, "give one of `all_of` and `any_of`", at_key=True)
        return {"criteria": several}
    rule = "all_of" if several.all_of is not None else "any_of"
    if not several.parts:
        context.report((*place, rule), "expected at least one criterion")
    parts = tuple(
        _criterion(context, (*place, rule, index), metric, endpoint, criterion=part, measured=measured)
        for index, part in enumerate(several.parts)
    )
    names = [part.statistic for part in parts]
    for index, name in enumerate(names):
        if name in names[:index]:
            message = "a statistic has one criterion; two limits of one statistic go with `within`"
            context.report((*place, rule, index), message, name)
    return {"criteria": several.model_copy(update={rule: parts})}


def _criterion(
    context: Context,
    place: Path,
    metric: Metric,
    endpoint: Endpoint,
    *,
    criterion: Criterion,
    measured: Column | None,
) -> Criterion:
    """One criterion with statistic and unit written out."""
    statistics = {statistic.name: statistic for statistic in metric.statistics}
    name = criterion.statistic or metric.headline
    _check_comparison(context, place, criterion, endpoint.interval)
    _check_extent(context, place, criterion, endpoint)
    if not context.known((*place, "statistic"), name, statistics, f"statistic of `{metric.name}`"):
        return criterion
    statistic = statistics[name]
    if criterion.compare != "point" and not statistic.intervals:
        message = f"`{name}` has no interval, so there is no bound to compare; use `point`"
        context.report((*place, "compare"), message, criterion.compare)
    if endpoint.disparity is None:  # the limit is one of differences or ratios of groups, whichever way
        _check_direction(context, place, criterion, statistic)
        _check_scale(context, place, criterion, statistic)
    elif isinstance(criterion.limit, TableLimit):
        message = "a table gives a limit for a statistic, not for what groups differ by; state the limit"
        context.report((*place, "limit"), message)
    unit = _unit(statistic, endpoint, measured)
    if criterion.unit is not None and criterion.unit != unit:
        message = f"`{name}` is in `{unit}`" if unit else f"`{name}` has no unit; remove this key"
        context.report((*place, "unit"), message, criterion.unit, unit)
    if isinstance(criterion.limit, TableLimit):
        _check_table(context, place, criterion, criterion.limit, statistics=tuple(statistics), unit=unit)
    return criterion.model_copy(update={"statistic": name, "unit": unit})


def _unit(statistic: Statistic, endpoint: Endpoint, measured: Column | None) -> str | None:
    """The unit of the number that is judged."""
    if endpoint.disparity is not None and endpoint.disparity.contrast == "ratio":
        return None
    if statistic.unit == "per_reference":
        return per_unit(measured.unit if measured else None, endpoint.parameters.get("per", 1.0))
    if statistic.unit == "same":
        return measured.unit if measured else None
    return _UNIT_WORDS.get(statistic.unit)


def _check_table(
    context: Context,
    place: Path,
    criterion: Criterion,
    limit: TableLimit,
    *,
    statistics: tuple[str, ...],
    unit: str | None,
) -> None:
    """The table exists, is read by a statistic there is, and speaks of the criterion's unit."""
    context.known((*place, "limit", "by"), limit.by, statistics, "statistic of this metric")
    if not context.known((*place, "limit", "table"), limit.table, TABLES, "limit table"):
        return
    if criterion.compare != "point" or criterion.operator not in _UPPER_BOUND:
        message = "a table gives the largest accepted value: use `compare: point` with `<=` or `<`"
        context.report((*place, "compare"), message, criterion.compare)
    if unit != TABLES[limit.table].unit:
        message = f"the table is in {TABLES[limit.table].unit}, and the statistic in {unit or 'no unit'}"
        context.report((*place, "limit", "table"), message, limit.table)


def _check_extent(context: Context, path: Path, criterion: Criterion, endpoint: Endpoint) -> None:
    """Levels to be judged exist; what is absolute has an upper limit; a suggestion waits for its number."""
    if criterion.applies_to == "each_level" and not endpoint.by:
        message = "`each_level` speaks of the levels of the endpoint's `by`, and it has none"
        context.report((*path, "applies_to"), message, criterion.applies_to)
    if criterion.applies_to == "each_level" and endpoint.disparity is not None:
        message = "with `disparity`, the criterion speaks of every pair of groups; remove this key"
        context.report((*path, "applies_to"), message, criterion.applies_to)
    if criterion.absolute and (criterion.compare != "point" or criterion.operator not in _UPPER_BOUND):
        message = "an absolute value is compared by its point with `<=` or `<`; bounds go with `within`"
        context.report((*path, "absolute"), message, "true")
    if criterion.suggestion is not None and not criterion.is_open:
        message = "a suggestion goes with `limit: required`; here the limit is set already"
        context.report((*path, "suggestion"), message, at_key=True)
    if endpoint.disparity is not None and criterion.compare == "point":
        message = (
            "the differences of groups are judged by their intervals: compare `lower`, `upper` or `both`"
        )
        context.report((*path, "compare"), message, criterion.compare)


def _check_comparison(context: Context, path: Path, criterion: Criterion, spec: IntervalSpec) -> None:
    """Operator, compared number, limit and sides of the interval belong together."""
    compare, operator, limit = criterion.compare, criterion.operator, criterion.limit
    if operator == "within":
        if not isinstance(limit, tuple) and not criterion.is_open:
            context.report((*path, "limit"), "`within` needs two limits, such as [-5, 5]", limit)
        elif isinstance(limit, tuple) and limit[0] >= limit[1]:
            context.report(
                (*path, "limit"),
                "the lower limit must lie below the upper limit",
                f"{limit[0]:g}, {limit[1]:g}",
            )
        if compare not in {"point", "both"}:
            context.report((*path, "compare"), "`within` compares the `point` or `both` bounds", compare)
    else:
        if isinstance(limit, tuple):
            context.report(
                (*path, "limit"),
                f"`{operator}` needs one limit; two go with `within`",
                f"{limit[0]:g}, {limit[1]:g}",
            )
        if compare == "both":
            context.report((*path, "compare"), "`both` bounds are compared by `within` two limits", compare)
    if compare == "lower" and operator in _UPPER_BOUND:
        message = "a lower bound below a limit proves nothing; compare `upper`, or use `>` or `>=`"
        context.report((*path, "operator"), message, operator)
    if compare == "upper" and operator in _LOWER_BOUND:
        message = "an upper bound above a limit proves nothing; compare `lower`, or use `<` or `<=`"
        context.report((*path, "operator"), message, operator)
    if (compare in {"lower", "upper"} and spec.sides not in {"two", compare}) or (
        compare == "both" and spec.sides != "two"
    ):
        message = f"the interval has `sides: {spec.sides}` only; compare `{spec.sides}`, or use `sides: two`"
        context.report((*path, "compare"), message, compare)


def _check_direction(context: Context, path: Path, criterion: Criterion, statistic: Statistic) -> None:
    """A criterion that rewards the worse device is a slip of the pen."""
    wrong = {"higher": _UPPER_BOUND, "lower": _LOWER_BOUND}.get(statistic.better, ())
    proves_nothing = {"lower": _UPPER_BOUND, "upper": _LOWER_BOUND}.get(criterion.compare, ())
    if criterion.operator in wrong and criterion.operator not in proves_nothing:
        message = f"{statistic.better} `{statistic.name}` is better; this operator rewards the worse device"
        context.report(
            (*path, "operator"), message, criterion.operator, ">" if statistic.better == "higher" else "<"
        )


def _check_scale(context: Context, path: Path, criterion: Criterion, statistic: Statistic) -> None:
    """A limit of 90 for a proportion means 0.90; passed or failed by everything, it would decide nothing."""
    if statistic.unit != "proportion":
        return
    if isinstance(criterion.limit, str | TableLimit):
        return
    limits = criterion.limit if isinstance(criterion.limit, tuple) else (criterion.limit,)
    for index, limit in enumerate(limits):
        if not 0 <= limit <= 1:
            place = (*path, "limit", index) if isinstance(criterion.limit, tuple) else (*path, "limit")
            meant = f"{limit / 100:g}" if 1 < limit <= 100 else None
            context.report(place, f"`{statistic.name}` is a proportion from 0 to 1", f"{limit:g}", meant)
