"""One failing statistic never stops the others, and is never silent."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from accordance.evaluators.estimate import estimates
from accordance.evaluators.metric import (
    CannotComputeError,
    Columns,
    Counts,
    FloatArray,
    Interval,
    Metric,
    Prepared,
    Statistic,
)

METHODS = ("t", "bootstrap_percentile", "bootstrap_bca")


class OddPrepared(Prepared):
    """Five statistics: one sound, the others each broken in another way."""

    statistics = ("sound", "undefined", "no_interval", "crashing", "sometimes")
    n_subjects = 5
    asked = 0

    def at(self, weights: FloatArray, *, relative: bool = False) -> FloatArray:
        type(self).asked += 1
        mean = weights @ np.array([1.0, 2.0, 3.0, 4.0, 10.0]) / weights.sum(axis=1)
        some = np.where(weights[:, 0] > 0, mean, np.nan)
        return np.column_stack([mean, np.full(len(mean), np.nan), mean, mean, some])

    def counts(self, statistic: str) -> Counts:
        if statistic == "crashing":
            raise KeyError("counts")
        return Counts(5, 5)

    def reason_undefined(self, statistic: str) -> str:
        return "It never has one."

    def standard_error(self, statistic: str) -> float:
        if statistic == "crashing":
            raise ZeroDivisionError("division by zero")
        return float("nan")

    def interval(self, statistic: str, method: str, level: float, sides: Any) -> Interval:
        if statistic == "no_interval":
            raise CannotComputeError("These data do not support it.")
        if statistic == "crashing":
            raise TypeError("a defect")
        return Interval(0.0, 9.0, level, sides, method)


class Odd(Metric):
    name = "odd"
    title = "Odd"
    summary = "For tests."
    kind = "measurement"
    route = "refit"
    headline = "sound"
    statistics = tuple(
        Statistic(name, name, "For tests.", "same", "none", METHODS) for name in OddPrepared.statistics
    )

    def prepare(self, columns: Columns, **parameters: Any) -> Prepared:
        return OddPrepared()


def evaluate(method: str = "t", weights: FloatArray | None = None, **options: Any) -> dict[str, Any]:
    methods = dict.fromkeys(OddPrepared.statistics, method)
    return estimates(
        Odd(),
        OddPrepared(),
        **{"methods": methods, "level": 0.9, "sides": "two", "weights": weights, **options},
    )


WEIGHTS = np.random.default_rng(0).multinomial(5, [0.2] * 5, size=2000).astype(float)


def test_each_failure_is_its_own() -> None:
    found = evaluate()
    assert list(found) == list(OddPrepared.statistics)
    assert (found["sound"].value, found["sound"].interval.upper, found["sound"].error) == (4.0, 9.0, None)
    assert math.isnan(found["undefined"].value)
    assert found["undefined"].error == "It never has one."
    assert found["no_interval"].value == 4.0
    assert found["no_interval"].error == "No interval: These data do not support it."
    assert found["crashing"].value == 4.0
    assert found["crashing"].error == "No interval: TypeError: a defect"
    assert "KeyError" in found["crashing"].warning


def test_a_metric_that_fails_altogether_is_all_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: OddPrepared, weights: FloatArray, *, relative: bool = False) -> FloatArray:
        raise RuntimeError("no convergence")

    monkeypatch.setattr(OddPrepared, "at", fail)
    for estimate in evaluate().values():
        assert math.isnan(estimate.value)
        assert estimate.error == "RuntimeError: no convergence"


def test_replicates_are_computed_once_for_all_statistics() -> None:
    OddPrepared.asked = 0
    found = evaluate("bootstrap_percentile", WEIGHTS)
    assert OddPrepared.asked == 2, "the estimate, and all replicates"
    interval = found["sound"].interval
    assert interval.mc_error is not None
    assert all(error >= 0 for error in interval.mc_error)


def test_undefined_replicates_are_an_error() -> None:
    """A subject is left out of a replicate with probability 0.8^5 = 0.33."""
    found = evaluate("bootstrap_percentile", WEIGHTS)
    assert found["sometimes"].value == 4.0
    assert "more than 1%" in found["sometimes"].error


def test_general_jackknife_leaves_one_out() -> None:
    found = OddPrepared().jackknife()
    assert found[:, 0].tolist() == [(20 - x) / 4 for x in (1, 2, 3, 4, 10)]
    assert np.isnan(found[0, 4])
    assert evaluate("bootstrap_bca", WEIGHTS)["sound"].interval.method == "bootstrap_bca"


def test_standard_error_of_the_bootstrap_where_there_is_no_other() -> None:
    """Variance of a mean of 5 drawn with replacement: population variance / 5 = 10 / 5."""
    found = evaluate("bootstrap_percentile", WEIGHTS)["sound"]
    assert found.standard_error == pytest.approx(2**0.5, rel=0.05)
    assert math.isnan(evaluate("t")["sound"].standard_error)


def test_method_that_is_not_offered_or_has_no_weights() -> None:
    assert "offers t, bootstrap_percentile, bootstrap_bca, not `wilson`" in evaluate("wilson")["sound"].error
    assert "none were given" in evaluate("bootstrap_bca")["sound"].error


def test_methods_default_to_the_first_offered() -> None:
    assert evaluate(methods={})["sound"].interval.method == "t"


def test_chosen_statistics_only() -> None:
    assert list(evaluate(statistics=["no_interval", "sound"])) == ["no_interval", "sound"]
    with pytest.raises(KeyError):
        evaluate(statistics=["nothing"])


def test_bad_level_is_the_callers_error() -> None:
    with pytest.raises(ValueError, match="`level`"):
        evaluate(level=95)
    with pytest.raises(ValueError, match="`sides`"):
        evaluate(sides="both")
