"""Which interval each statistic of an endpoint gets, and the one matrix of subject weights of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from ..datasets.pairs import PairFrame
from ..evaluators.intervals import METHODS
from ..evaluators.weights import ResamplingWeights
from ..protocols.model import Endpoint, Protocol
from ..protocols.roles import metric_of


def resampling_weights(
    protocol: Protocol,
    endpoints: Mapping[str, Endpoint],
    pairs: Mapping[tuple[str, str], PairFrame],
    *,
    subjects: Sequence[str] | None,
    strata: Mapping[str, str] | None,
) -> ResamplingWeights | None:
    """The one weight matrix of a run; None where no endpoint resamples or there is no subject."""
    if not any(resamples(protocol, endpoint) for endpoint in endpoints.values()):
        return None
    return study_weights(protocol, pairs, subjects=subjects, strata=strata)


def study_weights(
    protocol: Protocol,
    pairs: Mapping[tuple[str, str], PairFrame],
    *,
    subjects: Sequence[str] | None,
    strata: Mapping[str, str] | None,
) -> ResamplingWeights | None:
    """The same, whether an endpoint resamples or not; None where there is no subject."""
    keys = set(subjects or ())
    for frame in pairs.values():
        keys.update(frame.lazy().select(pl.col("subject").unique()).collect().to_series().to_list())
    if not keys:
        return None
    order = sorted(keys)
    labels = None if strata is None else [strata.get(key, "") for key in order]
    return ResamplingWeights(
        order, seed=protocol.seed, replicates=protocol.resampling.replicates, strata=labels
    )


def resamples(protocol: Protocol, endpoint: Endpoint) -> bool:
    """Whether an endpoint asks for anything that the bootstrap gives."""
    if endpoint.disparity is not None:
        return True
    return any(METHODS[method].resampling for method in methods(protocol, endpoint).values())


def methods(protocol: Protocol, endpoint: Endpoint) -> dict[str, str]:
    """Statistic -> interval method, every statistic of the metric that has one."""
    said = endpoint.interval.methods or {}
    found = {}
    for statistic in metric_of(protocol, endpoint).statistics:
        method = said.get(statistic.name)
        if method is None and endpoint.interval.method in statistic.intervals:
            method = endpoint.interval.method
        if method is None and statistic.intervals:
            method = statistic.intervals[0]
        if method is not None:
            found[statistic.name] = method
    return found
