"""The subject bootstrap against R's `boot`: five seeds of 20,000 resamples of subjects, with their spread.

Two runs agree within four Monte-Carlo standard deviations of their difference. R interpolates quantiles on
the normal scale where ours is linear, which is far less.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from oracle import compare

from accordance.evaluators.agreement import bland_altman as agreement
from accordance.evaluators.agreement import measurement_errors
from accordance.evaluators.functions import arrange
from accordance.evaluators.resample import acceleration, bca, percentile
from accordance.evaluators.weights import ResamplingWeights

DATA = ["ox", "cardiac", "sbp_1999"]
STATISTICS = {
    "bias": (agreement.BLAND_ALTMAN, "bias", {"truth": "independent"}),
    "sd_ddof1": (agreement.BLAND_ALTMAN, "sd", {"truth": "independent"}),
    "loa_lower_naive": (agreement.BLAND_ALTMAN, "loa_lower", {"truth": "independent"}),
    "loa_upper_naive": (agreement.BLAND_ALTMAN, "loa_upper", {"truth": "independent"}),
    "rmse_arms": (measurement_errors.RMSE, "rmse", {}),
    "mae": (measurement_errors.MAE, "mae", {}),
    "mape_pct": (measurement_errors.MAPE, "mape", {}),
}
REPLICATES = 20_000


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("name", STATISTICS)
def test_percentile_and_bca_against_boot(oracle: Any, data: str, name: str) -> None:
    """`boot(subjects, f, R = 20000)`, `boot.ci(type = "perc")`, BCa with `empinf(type = "jack")`."""
    entry = f"cluster_boot.{data}.{name}"
    values, rows = oracle.values(entry, trust="monte_carlo"), oracle.rows(entry)
    metric, statistic, parameters = STATISTICS[name]
    columns, keys = arrange(rows.reference, rows.test, rows.subject)
    prepared = metric.prepare(columns, average="pooled", **parameters)
    position = prepared.statistics.index(statistic)
    estimate = prepared.estimate()[position]
    assert estimate == pytest.approx(values["estimate"], rel=1e-8, abs=1e-12)

    jackknife = prepared.jackknife()[:, position]
    expected = values["acceleration_jackknife"]
    compare("subject bootstrap, BCa acceleration", acceleration(estimate, jackknife), expected)

    weights = ResamplingWeights(keys, seed=20_260_101, replicates=REPLICATES)
    replicates = prepared.at(weights.matrix(keys))[:, position]
    spread = values["mc_sd_single_R20000"]
    found = percentile(replicates, 0.95, "two")
    _near([found.lower, found.upper], values["percentile"], spread["percentile"], found.mc_error)
    found = bca(replicates, estimate, jackknife, 0.95, "two")
    _near([found.lower, found.upper], values["bca_jackknife"], spread["bca_jackknife"], found.mc_error)
    spread_of_sd = max(spread["boot_se"], values["boot_se"] / (2 * REPLICATES) ** 0.5)
    assert abs(np.std(replicates, ddof=1) - values["boot_se"]) <= 4 * spread_of_sd * (1 / 5 + 1) ** 0.5


def _near(found: list[float], expected: list[float], spread: list[float], own: Any) -> None:
    """Within 4 Monte-Carlo SDs; R's SD comes from five seeds only, so the larger of it and ours is taken."""
    for ours, theirs, sd, mine in zip(found, expected, spread, own, strict=True):
        allowed = 4 * max(sd, mine) * (1 / 5 + 1) ** 0.5
        compare("subject bootstrap, percentile and BCa (Monte Carlo)", ours, theirs, rel=0, abs=allowed)
