"""What is always reported, asked for or not: coverage, and the share of results."""

from __future__ import annotations

from ..evaluators import registry
from .context import EVENTS
from .model import Endpoint, Protocol

YIELD = "yield"
COVERAGE = "coverage"


def automatic_sources(protocol: Protocol) -> dict[str, tuple[str, str]]:
    """Automatic endpoint -> its metric, and the declared endpoint that it follows.

    Coverage for each pairing and test column that an endpoint uses; the share of results (`yield`) for those
    test columns that can hold no result. Neither where the protocol declares it itself.

    Args:
        protocol: Resolved protocol.
    """
    found: dict[str, tuple[str, str]] = {}
    for metric in (YIELD, COVERAGE):
        declared = {(e.pairing, e.test) for e in protocol.endpoints.values() if e.metric == metric}
        sources: dict[tuple[str | None, str | None], str] = {}
        for name, endpoint in protocol.endpoints.items():
            place = (endpoint.pairing, endpoint.test)
            if endpoint.metric != metric and place not in declared and _reported(protocol, endpoint, metric):
                sources.setdefault(place, name)
        alone = len(sources) == 1 and metric not in protocol.endpoints
        for (pairing, test), name in sources.items():
            found[metric if alone else f"{metric}_{pairing}_{test}"] = (metric, name)
    return found


def _reported(protocol: Protocol, endpoint: Endpoint, metric: str) -> bool:
    """Whether a metric is reported for an endpoint's test column."""
    pairing = protocol.pairings.get(str(endpoint.pairing))
    table = None if pairing is None else protocol.tables.get(pairing.test)
    if table is None or endpoint.test not in table.columns:
        return False  # such a protocol is refused
    if metric == COVERAGE:  # of events there is nothing to cover: an event that is not found is missed
        return pairing is not None and pairing.method != EVENTS
    measured = registry.get(endpoint.metric).kind == "measurement"
    return not measured and bool(table.columns[endpoint.test].indeterminate)
