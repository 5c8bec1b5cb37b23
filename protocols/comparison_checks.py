"""Cross-checks and defaults of the comparison of versions: endpoints exist, statistics have a direction."""

from __future__ import annotations

import math

from ..evaluators import registry
from ..evaluators.metric import Metric, Statistic
from .automatic import automatic_sources
from .comparison import ComparedEndpoint, VersionComparison
from .context import Context
from .model import Endpoint, Protocol
from .nodes import Path, dotted
from .roles import metric_of
from .shape import listed

_DIRECTED = ("higher", "lower", "near_zero")
_POSITIVE_UNITS = ("proportion", "percent")
_RATIOS = ("diagnostic_odds_ratio", "lr_positive")
"""Statistics without a unit that are better higher and never negative."""


def resolve_comparison(context: Context, endpoints: dict[str, Endpoint]) -> VersionComparison | None:
    """The section with every statistic written out; `endpoints` are resolved ones."""
    section = context.protocol.comparison
    if section is None:
        return None
    path: Path = ("comparison", "endpoints")
    if not section.endpoints:
        context.report(path, "expected at least one endpoint", at_key=True)
    elif not section.primary:
        message = "no endpoint is `primary`, so nothing would decide; give one of them `role: primary`"
        context.report(path, message, at_key=True)
    resolved = context.protocol.model_copy(update={"endpoints": endpoints})
    automatic = automatic_sources(resolved)
    found: dict[str, ComparedEndpoint] = {}
    for name, one in section.endpoints.items():
        found[name] = one
        place = (*path, name)
        if context.known(place, name, [*endpoints, *automatic], "endpoint", at_key=True):
            metric = _metric(context, resolved, name, automatic)
            if metric is not None:
                found[name] = _endpoint(context, place, one, metric, endpoints.get(name))
    return section.model_copy(update={"endpoints": found})


def _metric(
    context: Context, protocol: Protocol, name: str, automatic: dict[str, tuple[str, str]]
) -> Metric | None:
    """The metric of an endpoint; None where the endpoint itself does not hold."""
    if name in automatic:
        return registry.get(automatic[name][0])
    here = dotted(("endpoints", name))
    if any((one.key or "").startswith(here) for one in context.violations):
        return None
    return metric_of(protocol, protocol.endpoints[name])


def _endpoint(
    context: Context, path: Path, one: ComparedEndpoint, metric: Metric, endpoint: Endpoint | None
) -> ComparedEndpoint:
    """One endpoint with its statistic."""
    statistics = {statistic.name: statistic for statistic in metric.statistics}
    judged = [part.statistic for part in endpoint.judged if part.statistic] if endpoint else []
    name = one.statistic or next(iter(judged), None) or metric.headline
    if not context.known((*path, "statistic"), name, statistics, f"statistic of `{metric.name}`"):
        return one
    statistic = statistics[name]
    if statistic.better not in _DIRECTED:
        offered = [each.name for each in statistics.values() if each.better in _DIRECTED]
        offer = (
            f"name another `statistic`: {listed(offered)}" if offered else "and no statistic of it has one"
        )
        message = f"`{name}` of `{metric.name}` has no direction, so no version of it is better; {offer}"
        context.report((*path, "statistic"), message, one.statistic, at_key=one.statistic is None)
    elif one.scale == "ratio":
        _check_ratio(context, path, one, statistic)
    _check_margin(context, path, one, statistic)
    return one.model_copy(update={"statistic": name})


def _check_ratio(context: Context, path: Path, one: ComparedEndpoint, statistic: Statistic) -> None:
    """A ratio needs a statistic that is never 0 or below by its definition."""
    positive = statistic.better == "lower" or statistic.unit in _POSITIVE_UNITS or statistic.name in _RATIOS
    if statistic.better == "near_zero" or not positive:
        message = f"`{statistic.name}` can be 0 or negative, so a ratio of two of them says nothing"
        context.report((*path, "scale"), message, one.scale, "difference")


def _check_margin(context: Context, path: Path, one: ComparedEndpoint, statistic: Statistic) -> None:
    """A margin is a loss that is still acceptable: above 0, as a ratio above 1, and possible at all."""
    margin, place = one.margin, (*path, "margin")
    if margin is None:
        return
    if not math.isfinite(margin):
        context.report(place, "a margin is a number", f"{margin}")
    elif one.scale == "ratio":
        if not margin > 1:
            message = "on the ratio scale a margin is a ratio above 1: 1.1 accepts a tenth more (or less)"
            meant = f"{1 / margin:.6g}" if 0 < margin < 1 else None
            context.report(place, message, f"{margin:g}", meant)
    elif not margin > 0:
        meant = f"{-margin:g}" if margin < 0 else None
        context.report(place, "a margin is a loss and is written as a number above 0", f"{margin:g}", meant)
    elif statistic.unit == "proportion" and margin >= 1:
        message = f"`{statistic.name}` is a proportion from 0 to 1, and so is a loss of it"
        context.report(place, message, f"{margin:g}", f"{margin / 100:g}" if margin < 100 else None)
