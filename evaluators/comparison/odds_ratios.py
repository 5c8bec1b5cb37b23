"""Odds ratios in several subgroups: are they the same, and what is the common one?

A subgroup is a table of TP, FN, FP, TN of independent units; its odds ratio TP TN / (FN FP) is the diagnostic
odds ratio. A subgroup whose odds ratio differs is an interaction on the logit scale.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special

from ..intervals import tail_levels
from ..metric import CannotComputeError, Citation, FloatArray, Sides
from .results import HypothesisTest

WOOLF = Citation(
    "woolf1955",
    "Woolf B. On estimating the relation between blood group and disease. Ann Hum Genet 1955;19:251-253.",
)
BRESLOW_DAY = Citation(
    "breslow1980",
    "Breslow NE, Day NE. Statistical Methods in Cancer Research I: The Analysis of Case-Control Studies. "
    "IARC 1980, s. 4.4.",
)
TARONE = Citation(
    "tarone1985",
    "Tarone RE. On heterogeneity tests based on efficient scores. Biometrika 1985;72:91-95.",
)
MANTEL = Citation(
    "mantel1959",
    "Mantel N, Haenszel W. Statistical aspects of the analysis of data from retrospective studies of "
    "disease. J Natl Cancer Inst 1959;22:719-748.",
)
ROBINS = Citation(
    "robins1986",
    "Robins J, Breslow N, Greenland S. Estimators of the Mantel-Haenszel variance consistent in both sparse "
    "data and large-strata limiting models. Biometrics 1986;42:311-323.",
)

Method = Literal["breslow_day_tarone", "breslow_day", "woolf", "likelihood_ratio"]


def homogeneity_of_odds_ratios(tables: ArrayLike, *, method: Method = "breslow_day_tarone") -> HypothesisTest:
    """Test that the odds ratio is the same in all subgroups: no interaction on the logit scale.

    - `breslow_day_tarone` (default): Breslow & Day at the Mantel-Haenszel odds ratio, with Tarone's
      correction for estimating it.
    - `breslow_day`: without the correction.
    - `woolf`: log odds ratios weighted by the inverse of their variances; needs cells above 0.
    - `likelihood_ratio`: logistic regression with and without the interaction.

    All are chi-square with k - 1 df for large tables.

    Args:
        tables: (k, 4) counts TP, FN, FP, TN, one row a subgroup.
        method: Which test.

    Raises:
        CannotComputeError: Fewer than two subgroups with both margins; a zero cell with `woolf`; a common
            odds ratio of 0 or infinity.
        ValueError: Not four columns, a negative count, or an unknown method.

    Example:
        Two subgroups; `DescTools::BreslowDayTest(correct = TRUE)` in R.

        >>> result = homogeneity_of_odds_ratios([[12, 8, 4, 18], [14, 7, 10, 40]])
        >>> round(result.statistic, 5), round(result.p_value, 4)
        (0.03381, 0.8541)
    """
    if method not in _TESTS:
        raise ValueError(f"`method` must be one of {', '.join(_TESTS)}, not {method!r}.")
    cells = _tables(tables)
    if len(cells) < 2:
        raise CannotComputeError("At least two subgroups with both classes and both calls are needed.")
    compute, title, source = _TESTS[method]
    # all are 0 where the odds ratios are equal, up to a rounding that may fall below it
    statistic, df = max(compute(cells), 0.0), len(cells) - 1
    return HypothesisTest(
        test=f"Homogeneity of odds ratios, {title}",
        hypothesis="the odds ratio is the same in all subgroups",
        p_value=float(special.chdtrc(df, statistic)),
        statistic=statistic,
        distribution=f"chi-square, {df} df",
        n=int(cells.sum()),
        counted="units",
        details={"subgroups": len(cells)},
        citations=(source,),
    )


def mantel_haenszel(
    tables: ArrayLike, *, level: float = 0.95, sides: Sides = "two", continuity: bool = False
) -> HypothesisTest:
    """Common odds ratio of the subgroups (Mantel & Haenszel 1959), with its test against 1.

    `details` hold `odds_ratio`, `lower` and `upper`; the variance of its logarithm is that of Robins, Breslow
    & Greenland 1986. With `continuity` the test takes half a unit off the difference, as `mantelhaen.test` in
    R does unless told otherwise.

    Args:
        tables: (k, 4) counts TP, FN, FP, TN, one row a subgroup.
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        continuity: Correct the test for continuity.

    Raises:
        CannotComputeError: No subgroup with both margins, or a common odds ratio of 0 or infinity.
        ValueError: Not four columns, or a negative count.

    Example:
        >>> result = mantel_haenszel([[12, 8, 4, 18], [14, 7, 10, 40]])
        >>> [round(result.details[name], 3) for name in ("odds_ratio", "lower", "upper")]
        [7.455, 3.07, 18.103]
    """
    cells = _tables(tables)
    if not len(cells):
        raise CannotComputeError("No subgroup has both classes and both calls.")
    common = _common(cells)
    a, b, c, d = cells.T
    n = cells.sum(axis=1)
    agree, differ = (a + d) / n, (b + c) / n
    r, s = a * d / n, b * c / n
    error = float(
        np.sqrt(
            (agree * r).sum() / (2 * r.sum() ** 2)
            + (agree * s + differ * r).sum() / (2 * r.sum() * s.sum())
            + (differ * s).sum() / (2 * s.sum() ** 2)
        )
    )
    low, high = tail_levels(level, sides)
    expected = (a + b) * (a + c) / n
    variance = ((a + b) * (c + d) * (a + c) * (b + d) / (n * n * (n - 1))).sum()
    distance = max(abs(float((a - expected).sum())) - (0.5 if continuity else 0.0), 0.0)
    statistic = float(distance**2 / variance)
    return HypothesisTest(
        test="Mantel-Haenszel",
        hypothesis="the odds ratio is 1 in all subgroups",
        p_value=float(special.chdtrc(1, statistic)),
        statistic=statistic,
        distribution="chi-square, 1 df",
        n=int(cells.sum()),
        counted="units",
        details={
            "odds_ratio": common,
            "lower": float(common * np.exp(special.ndtri(low) * error)) if low > 0 else 0.0,
            "upper": float(common * np.exp(special.ndtri(high) * error)) if high < 1 else float("inf"),
            "standard_error_log": error,
        },
        citations=(MANTEL, ROBINS),
    )


def _tables(tables: ArrayLike) -> FloatArray:
    """Tables with both classes and both calls; the others say nothing about an odds ratio."""
    cells = np.asarray(tables, dtype=np.float64)
    if cells.ndim != 2 or cells.shape[1] != 4:
        raise ValueError(f"`tables` must have four columns, TP, FN, FP, TN; its shape is {cells.shape}.")
    if np.any(~(cells >= 0)):
        raise ValueError("`tables` must hold counts, 0 or above.")
    a, b, c, d = cells.T
    return np.asarray(cells[((a + b) * (c + d) * (a + c) * (b + d)) > 0])


def _common(cells: FloatArray) -> float:
    a, b, c, d = cells.T
    n = cells.sum(axis=1)
    above, below = float((a * d / n).sum()), float((b * c / n).sum())
    if above == 0 or below == 0:
        raise CannotComputeError(f"The common odds ratio is {'0' if above == 0 else 'infinite'}.")
    return above / below


def _expected(cells: FloatArray, odds_ratio: float) -> FloatArray:
    """TP of each table under an odds ratio, its margins kept: a root of a quadratic."""
    a, b, c = cells.T[:3]
    positives, calls, n = a + b, a + c, cells.sum(axis=1)
    if odds_ratio == 1:
        return np.asarray(positives * calls / n)
    q = odds_ratio - 1
    linear = n + (positives + calls) * q
    root = np.sqrt(np.maximum(linear**2 - 4 * odds_ratio * q * positives * calls, 0.0))
    return np.asarray(2 * odds_ratio * positives * calls / (linear + root))


def _filled(cells: FloatArray, tp: FloatArray) -> FloatArray:
    """Tables with these TP and the margins of the given ones."""
    a, b, c, d = cells.T
    return np.stack([tp, a + b - tp, a + c - tp, d - a + tp], axis=1)


def _breslow_day(cells: FloatArray) -> float:
    return _breslow_day_parts(cells)[0]


def _tarone(cells: FloatArray) -> float:
    statistic, correction = _breslow_day_parts(cells)
    return statistic - correction


def _breslow_day_parts(cells: FloatArray) -> tuple[float, float]:
    tp = _expected(cells, _common(cells))
    variance = 1 / (1 / _filled(cells, tp)).sum(axis=1)
    excess = cells[:, 0] - tp
    return float((excess**2 / variance).sum()), float(excess.sum() ** 2 / variance.sum())


def _woolf(cells: FloatArray) -> float:
    if np.any(cells == 0):
        raise CannotComputeError("`woolf` needs cells above 0; use `breslow_day_tarone`.")
    a, b, c, d = cells.T
    logs, weights = np.log(a * d / (b * c)), 1 / (1 / cells).sum(axis=1)
    return float((weights * (logs - (weights * logs).sum() / weights.sum()) ** 2).sum())


def _likelihood_ratio(cells: FloatArray) -> float:
    """The common odds ratio of logistic regression makes the expected TP add up to the observed ones."""
    start = float(np.log(_common(cells)))
    total = float(cells[:, 0].sum())

    def excess(log_ratio: float) -> float:
        return float(_expected(cells, float(np.exp(log_ratio))).sum()) - total

    reach = 1.0
    while excess(start - reach) > 0 or excess(start + reach) < 0:
        reach *= 2
    found = optimize.brentq(excess, start - reach, start + reach, xtol=1e-14, rtol=1e-14)
    fitted = _filled(cells, _expected(cells, float(np.exp(found))))
    return float(2 * special.xlogy(cells, cells / fitted).sum())


_TESTS: dict[str, tuple[Callable[[FloatArray], float], str, Citation]] = {
    "breslow_day_tarone": (_tarone, "Breslow-Day-Tarone", TARONE),
    "breslow_day": (_breslow_day, "Breslow-Day", BRESLOW_DAY),
    "woolf": (_woolf, "Woolf", WOOLF),
    "likelihood_ratio": (_likelihood_ratio, "likelihood ratio", BRESLOW_DAY),
}
