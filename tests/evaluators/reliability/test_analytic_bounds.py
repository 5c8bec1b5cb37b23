"""Analytic intervals of reliability, correlation and lines: their sides, and that they hold the estimate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from accordance import evaluators
from accordance.evaluators import MetricResult, registry

NAMES = (
    "ccc", "ccc_replicates", "ccc_longitudinal", "icc", "repeatability", "test_retest", "pearson", "spearman",
    "kendall", "rmcorr", "ordinary_least_squares", "weighted_least_squares", "deming", "weighted_deming",
    "passing_bablok", "passing_bablok_equivariant", "theil_sen",
)  # fmt: skip
CASES = [
    (name, statistic.name, method)
    for name in NAMES
    for statistic in registry.get(name).statistics
    for method in statistic.intervals
    if statistic.name != "bias_at" and not method.startswith("bootstrap")
]


def study(noise: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """12 subjects of 3 pairs."""
    rng = np.random.default_rng(4)
    subject = np.repeat(np.arange(12), 3)
    level = rng.normal(100, 12, 12)[subject] + rng.normal(0, 4, 36)
    x, y = level + rng.normal(0, noise / 3, 36), level + rng.normal(0, noise, 36)
    return np.maximum(x, 1), np.maximum(y, 1), subject


@pytest.mark.parametrize(("name", "statistic", "method"), CASES)
@pytest.mark.parametrize("noise", [1.0, 30.0])
def test_one_sided_bounds_are_ends_of_the_wider_interval(
    name: str, statistic: str, method: str, noise: float
) -> None:
    """A one-sided bound of 95% is that end of the two-sided interval of 90%; the estimate lies within."""
    x, y, subject = study(noise)
    function: Callable[..., MetricResult] = getattr(evaluators, name)

    def asked(**more: Any) -> Any:
        return function(x, y, subject=subject, ci={statistic: method}, **more)[statistic]

    two, lower, upper = asked(level=0.9), asked(level=0.95, sides="lower"), asked(level=0.95, sides="upper")
    if two.interval is None:
        assert two.error and lower.error and upper.error
        return
    assert lower.interval.lower == pytest.approx(two.interval.lower, rel=1e-9)
    assert upper.interval.upper == pytest.approx(two.interval.upper, rel=1e-9)
    assert lower.interval.lower <= two.value <= upper.interval.upper
    wider = asked(level=0.95).interval
    assert wider.lower <= two.interval.lower
    assert two.interval.upper <= wider.upper
