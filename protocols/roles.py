"""The further columns of an endpoint's metric: which they are, their levels, and the metric made for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..evaluators import registry
from ..evaluators.metric import ColumnRole, Metric
from .context import determinate, pair_scope
from .model import Endpoint, Protocol


@dataclass(frozen=True)
class Playing:
    """A part of a metric and the columns that play it.

    Attributes:
        role: The part.
        columns: Columns of the pairs.
        levels: Declared categories of a part of kind `category`, in order; empty for the others.
    """

    role: ColumnRole
    columns: tuple[str, ...]
    levels: tuple[str, ...] = ()


def roles_of(protocol: Protocol, endpoint: Endpoint) -> Iterator[Playing]:
    """The parts of an endpoint's metric that columns are named for, in the metric's order."""
    for role in registry.get(endpoint.metric).columns:
        given = endpoint.columns.get(role.name)
        if given is None:
            continue
        columns = (given,) if isinstance(given, str) else given
        levels: tuple[str, ...] = ()
        if role.kind == "category":
            scope = pair_scope(protocol, protocol.pairings[str(endpoint.pairing)])
            levels = determinate(scope[columns[0]])
        yield Playing(role, columns, levels)


def metric_of(protocol: Protocol, endpoint: Endpoint) -> Metric:
    """The metric of a resolved endpoint, for the categories of its further columns."""
    metric = registry.get(endpoint.metric)
    playing = roles_of(protocol, endpoint) if metric.columns else ()
    levels = {one.role.name: one.levels for one in playing if one.role.kind == "category"}
    return metric.of_levels(levels) if levels else metric


def per_unit(unit: str | None, per: float) -> str | None:
    """Unit of a rate: events per unit of exposure.

    Example:
        >>> per_unit("h", 1.0), per_unit("d", 365.25)
        ('per h', 'per 365.25 d')
    """
    if unit is None:
        return None
    return f"per {unit}" if per == 1 else f"per {per:.15g} {unit}"
