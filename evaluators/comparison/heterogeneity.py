"""Do subgroups differ? Tests from counts, from independent values, and from estimates with standard errors.

Units are independent here; `subgroups` has the tests and differences that know which rows belong to one
subject. A large p value does not show that subgroups are alike: such tests have little power, and the
subgroups' own intervals say more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from .. import checks
from ..intervals import successes_and_units
from ..metric import CannotComputeError, Citation, FloatArray
from .results import HypothesisTest

COCHRAN = Citation(
    "cochran1954",
    "Cochran WG. The combination of estimates from different experiments. Biometrics 1954;10:101-129.",
)
HIGGINS = Citation(
    "higgins2002",
    "Higgins JPT, Thompson SG. Quantifying heterogeneity in a meta-analysis. Stat Med 2002;21:1539-1558.",
)
PEARSON = Citation(
    "pearson1900",
    "Pearson K. On the criterion that a given system of deviations from the probable in the case of a "
    "correlated system of variables is such that it can be reasonably supposed to have arisen from random "
    "sampling. Philos Mag 1900;50:157-175.",
)
WILKS = Citation(
    "wilks1938",
    "Wilks SS. The large-sample distribution of the likelihood ratio for testing composite hypotheses. "
    "Ann Math Stat 1938;9:60-62.",
)
FREEMAN = Citation(
    "freeman1951",
    "Freeman GH, Halton JH. Note on an exact treatment of contingency, goodness of fit and other problems of "
    "significance. Biometrika 1951;38:141-149.",
)
FISHER = Citation("fisher1925", "Fisher RA. Statistical Methods for Research Workers. Oliver & Boyd 1925.")
WELCH = Citation(
    "welch1951", "Welch BL. On the comparison of several mean values. Biometrika 1951;38:330-336."
)
KRUSKAL = Citation(
    "kruskal1952",
    "Kruskal WH, Wallis WA. Use of ranks in one-criterion variance analysis. "
    "J Am Stat Assoc 1952;47:583-621.",
)
BARTLETT = Citation(
    "bartlett1937",
    "Bartlett MS. Properties of sufficiency and statistical tests. Proc R Soc A 1937;160:268-282.",
)
BROWN_FORSYTHE = Citation(
    "brown1974",
    "Brown MB, Forsythe AB. Robust tests for the equality of variances. J Am Stat Assoc 1974;69:364-367.",
)

_MOST_TABLES = 3_000_000
_TIE = 1e-7  # probabilities that differ by less, relatively, are the same number
_EXPECTED = 5.0
_ROUNDING = 1e-13  # of the largest value: differences up to this are none


class TooManyTablesError(CannotComputeError):
    """An exact test over so many tables is not attempted."""


def homogeneity_of_proportions(
    x: ArrayLike, n: ArrayLike, *, method: Literal["pearson", "likelihood_ratio", "exact"] = "pearson"
) -> HypothesisTest:
    """Test that a proportion is the same in all subgroups of independent units.

    - `pearson` (default): chi-square without continuity correction.
    - `likelihood_ratio`: G, twice the log likelihood ratio.
    - `exact`: Fisher's test in its form for several groups (Freeman & Halton 1951): the probability of all
      tables with these margins that are no likelier than this one.

    Args:
        x: Events of each subgroup.
        n: Units of each.
        method: Which test.

    Returns:
        The test; a warning where an expected count is below 5.

    Raises:
        CannotComputeError: Fewer than two subgroups; all units are events or none is; too many tables.
        ValueError: An x outside 0 to n, a fraction of a unit with `exact`, or an unknown method.

    Example:
        Sensitivity in three age groups; `chisq.test` in R.

        >>> result = homogeneity_of_proportions([4, 10, 12], [11, 16, 14])
        >>> round(result.statistic, 4), round(result.p_value, 4)
        (6.476, 0.0392)
    """
    events, units = _groups(x, n)
    shares = events / units
    pooled = events.sum() / units.sum()
    if not 0 < pooled < 1:
        raise CannotComputeError(
            f"{'Every' if pooled else 'No'} unit is an event; the subgroups cannot be told apart."
        )
    expected = np.stack([units * pooled, units * (1 - pooled)])
    observed = np.stack([events, units - events])
    df = len(units) - 1
    if method == "pearson":
        statistic = float(np.square((observed - expected) / np.sqrt(expected)).sum())
    elif method == "likelihood_ratio":
        # equal proportions leave a sum of about -1e-16, which no distribution knows
        statistic = max(float(2 * special.xlogy(observed, observed / expected).sum()), 0.0)
    elif method == "exact":
        if np.any(observed != np.floor(observed)):
            raise ValueError("The exact test needs whole numbers in `x` and `n`.")
        statistic = None
    else:
        raise ValueError(f"`method` must be pearson, likelihood_ratio or exact, not {method!r}.")
    small = float(expected.min())
    title, source = {
        "pearson": ("Pearson's chi-square", PEARSON),
        "likelihood_ratio": ("Likelihood ratio", WILKS),
        "exact": ("Fisher-Freeman-Halton, exact", FREEMAN),
    }[method]
    note = f"An expected count is {small:.3g}, below 5: the chi-square distribution is rough; see `exact`."
    return HypothesisTest(
        test=f"Homogeneity of proportions, {title}",
        hypothesis="the proportion is the same in all subgroups",
        p_value=_exact_p(events, units) if statistic is None else float(special.chdtrc(df, statistic)),
        statistic=statistic,
        distribution="hypergeometric" if statistic is None else f"chi-square, {df} df",
        n=int(units.sum()),
        counted="units",
        details={
            "proportions": tuple(float(share) for share in shares),
            "smallest expected count": small,
            "df": df,
        },
        warning=note if statistic is not None and small < _EXPECTED else None,
        citations=(source,),
    )


def cochran_q(estimates: ArrayLike, standard_errors: ArrayLike) -> HypothesisTest:
    """Cochran's Q: do independent estimates differ by more than their standard errors let expect?

    Q = sum(w (estimate - pooled)^2) with w = 1 / SE^2, chi-square with k - 1 df for standard errors that are
    known well. `details` hold the pooled estimate and I^2 = max(0, 1 - df / Q), the share of the variation
    that is not chance (Higgins & Thompson 2002).

    Args:
        estimates: (k,) estimates of independent subgroups, sites or studies.
        standard_errors: (k,) above 0.

    Raises:
        CannotComputeError: Fewer than two estimates, or a standard error of 0.
        ValueError: Lengths differ, or a value is missing.

    Example:
        >>> result = cochran_q([0.3, 0.05, 0.42], [0.1, 0.12, 0.2])
        >>> round(result.statistic, 4), round(result.p_value, 4), round(result.details["I2"], 4)
        (3.6396, 0.1621, 0.4505)
    """
    values = checks.measurements("estimates", estimates)
    errors = checks.measurements("standard_errors", standard_errors)
    if len(values) != len(errors):
        raise ValueError(f"`standard_errors` has {len(errors)} values for {len(values)} estimates.")
    if len(values) < 2:
        raise CannotComputeError("At least two estimates are needed.")
    if np.any(errors <= 0):
        raise CannotComputeError("A standard error is not above 0; that estimate would count for everything.")
    weights = (errors.min() / errors) ** 2  # only their ratios matter, and 1 / SE^2 may overflow
    pooled = float((weights * values).sum() / weights.sum())
    q, df = float(np.square((values - pooled) / errors).sum()), len(values) - 1
    return HypothesisTest(
        test="Cochran's Q",
        hypothesis="all estimates are of the same value",
        p_value=float(special.chdtrc(df, q)),
        statistic=q,
        distribution=f"chi-square, {df} df",
        n=len(values),
        counted="estimates",
        details={"pooled": pooled, "I2": max(0.0, 1 - df / q) if q > 0 else 0.0, "df": df},
        citations=(COCHRAN, HIGGINS),
    )


def homogeneity_of_means(
    values: ArrayLike,
    group: Sequence[object] | NDArray[np.generic],
    *,
    method: Literal["welch", "anova", "kruskal", "bartlett", "brown_forsythe"] = "welch",
) -> HypothesisTest:
    """Test that independent values (one a subject) are alike in all subgroups.

    - `welch` (default): means, without assuming equal variances (Welch 1951).
    - `anova`: means, equal variances assumed (Fisher 1925).
    - `kruskal`: ranks, corrected for ties (Kruskal & Wallis 1952).
    - `bartlett`: variances, of normal values (Bartlett 1937).
    - `brown_forsythe`: spread about the medians (Brown & Forsythe 1974).

    Args:
        values: (n,) values.
        group: (n,) labels of subgroups, compared as text.
        method: Which test.

    Raises:
        CannotComputeError: Fewer than two subgroups; a subgroup with one value, or without spread, where the
            test needs it.
        ValueError: Lengths differ, a value is missing, or an unknown method.

    Example:
        >>> result = homogeneity_of_means([1, 2, 3, 2, 4, 6, 5, 6, 10], list("aaabbbccc"), method="anova")
        >>> round(result.statistic, 4), round(result.p_value, 4)
        (4.75, 0.058)
    """
    parts = list(_split(values, group).values())
    if method not in _MEAN_TESTS:
        raise ValueError(f"`method` must be one of {', '.join(_MEAN_TESTS)}, not {method!r}.")
    total = sum(len(part) for part in parts)
    size = float(np.abs(np.concatenate(parts)).max())
    k = len(parts)
    if total <= k:
        raise CannotComputeError("No subgroup has two values.")
    if method not in ("anova", "kruskal") and min(len(part) for part in parts) < 2:
        raise CannotComputeError("A subgroup has one value; its spread cannot be seen.")
    if method == "brown_forsythe":
        parts = [np.abs(part - np.median(part)) for part in parts]
    flat = [_is_flat(part, size) for part in parts]
    if (method in ("welch", "bartlett") and any(flat)) or (method != "kruskal" and all(flat)):
        what = "distances from the median" if method == "brown_forsythe" else "values"
        raise CannotComputeError(f"The {what} do not vary within subgroups; the test has no value.")
    if method == "kruskal" and np.ptp(np.concatenate(parts)) == 0:
        raise CannotComputeError("All values are equal; the test has no value.")
    statistic, p, df = _RUN[method](parts)
    title, source, hypothesis = _MEAN_TESTS[method]
    return HypothesisTest(
        test=f"Homogeneity across subgroups, {title}",
        hypothesis=hypothesis,
        p_value=p,
        statistic=statistic,
        distribution=f"chi-square, {df[0]:g} df" if len(df) == 1 else f_words(*df),
        n=total,
        counted="values",
        details={"subgroups": k, **dict(zip(("df", "df_within"), df, strict=False))},
        citations=(source,),
    )


_MEAN_TESTS = {
    "welch": ("Welch", WELCH, "the mean is the same in all subgroups"),
    "anova": ("analysis of variance", FISHER, "the mean is the same in all subgroups"),
    "kruskal": ("Kruskal-Wallis", KRUSKAL, "the distribution is the same in all subgroups"),
    "bartlett": ("Bartlett", BARTLETT, "the variance is the same in all subgroups"),
    "brown_forsythe": ("Brown-Forsythe", BROWN_FORSYTHE, "the spread is the same in all subgroups"),
}


def interaction_of_means(
    values: ArrayLike,
    first: Sequence[object] | NDArray[np.generic],
    second: Sequence[object] | NDArray[np.generic],
) -> HypothesisTest:
    """F test that two factors act on a mean independently of each other (two-way analysis of variance).

    The model with all combinations against the additive one, by least squares; values are independent, and
    numbers a combination may differ. `anova(lm(y ~ a + b), lm(y ~ a * b))` in R.

    Args:
        values: (n,) values.
        first: (n,) labels of the first factor, such as an age group.
        second: (n,) labels of the second.

    Raises:
        CannotComputeError: A factor has one level, no degrees of freedom are left, or the values do not vary
            within combinations.
        ValueError: Lengths differ, or a value is missing.
    """
    y = checks.measurements("values", values)
    codes = []
    for name, labels in (("first", first), ("second", second)):
        if len(labels) != len(y):
            raise ValueError(f"`{name}` has {len(labels)} labels for {len(y)} values.")
        keys, code = checks.subject_labels(labels, len(y))
        if len(keys) < 2:
            raise CannotComputeError(f"`{name}` has fewer than two levels.")
        codes.append(np.eye(len(keys))[code][:, 1:])
    additive = np.column_stack([np.ones(len(y)), *codes])
    product = (codes[0][:, :, None] * codes[1][:, None, :]).reshape(len(y), -1)
    small, rank_small = _residual(y, additive)
    large, rank_large = _residual(y, np.column_stack([additive, product]))
    df1, df2 = rank_large - rank_small, len(y) - rank_large
    if df1 < 1 or df2 < 1:
        raise CannotComputeError("There are too few values, or combinations, to see an interaction.")
    if large <= 1e-14 * float(np.square(y - y.mean()).sum()):
        raise CannotComputeError("The values do not vary within combinations; the test has no value.")
    # the larger model fits no worse; rounding may say so where the two factors add up exactly
    statistic = max(float((small - large) / df1 / (large / df2)), 0.0)
    return HypothesisTest(
        test="Interaction of two factors, F",
        hypothesis="the difference between levels of one factor is the same at all levels of the other",
        p_value=float(special.fdtrc(df1, df2, statistic)),
        statistic=statistic,
        distribution=f_words(df1, df2),
        n=len(y),
        counted="values",
        details={"df": df1, "df_within": df2},
        citations=(FISHER,),
    )


def _residual(y: FloatArray, design: FloatArray) -> tuple[float, int]:
    """Residual sum of squares and rank of a least-squares fit."""
    found, _, rank, _ = np.linalg.lstsq(design, y, rcond=None)
    return float(np.square(y - design @ found).sum()), int(rank)


def _is_flat(values: FloatArray, size: float) -> bool:
    """Values that differ by the rounding of numbers of that size only."""
    return float(np.ptp(values)) <= _ROUNDING * size


Found = tuple[float, float, tuple[float, ...]]
"""Statistic, p, and degrees of freedom: one of chi-square, two of F."""


def _anova(parts: list[FloatArray]) -> Found:
    """From sums of squares about means, which no rounding makes negative."""
    k, total = len(parts), sum(len(part) for part in parts)
    centre = np.concatenate(parts).mean()
    between = sum(len(part) * (part.mean() - centre) ** 2 for part in parts)
    within = sum(float(np.square(part - part.mean()).sum()) for part in parts)
    statistic = float(between / (k - 1) / (within / (total - k)))
    return statistic, float(special.fdtrc(k - 1, total - k, statistic)), (k - 1, total - k)


def _kruskal(parts: list[FloatArray]) -> Found:
    """The variance between mean ranks over that of all ranks, ties included."""
    k, total = len(parts), sum(len(part) for part in parts)
    ranks = np.split(stats.rankdata(np.concatenate(parts)), np.cumsum([len(part) for part in parts])[:-1])
    centre = (total + 1) / 2
    between = sum(len(part) * (part.mean() - centre) ** 2 for part in ranks)
    whole = sum(float(np.square(part - centre).sum()) for part in ranks)
    statistic = float((total - 1) * between / whole)
    return statistic, float(special.chdtrc(k - 1, statistic)), (k - 1,)


def _bartlett(parts: list[FloatArray]) -> Found:
    k = len(parts)
    freedom = np.array([len(part) - 1.0 for part in parts])
    variances = np.array([part.var(ddof=1) for part in parts])
    pooled = (freedom * variances).sum() / freedom.sum()
    slack = 1 + ((1 / freedom).sum() - 1 / freedom.sum()) / (3 * (k - 1))
    statistic = max(float(-(freedom * np.log(variances / pooled)).sum() / slack), 0.0)
    return statistic, float(special.chdtrc(k - 1, statistic)), (k - 1,)


def _welch(parts: list[FloatArray]) -> Found:
    sizes = np.array([len(part) for part in parts], dtype=np.float64)
    means = np.array([part.mean() for part in parts])
    return welch_f(means, np.array([part.var(ddof=1) for part in parts]) / sizes, sizes)


def welch_f(estimates: FloatArray, variances: FloatArray, sizes: FloatArray) -> Found:
    """Welch's F that independent estimates are of one value, its p and its degrees of freedom (Welch 1951).

    Args:
        estimates: (k,) of independent samples.
        variances: (k,) their variances, each estimated from its own sample, above 0.
        sizes: (k,) independent units of the samples, at least 2.
    """
    k = len(estimates)
    weights = 1 / variances
    total = weights.sum()
    centre = (weights * estimates).sum() / total
    slack = float(((1 - weights / total) ** 2 / (sizes - 1)).sum()) / (k * k - 1)
    statistic = float((weights * (estimates - centre) ** 2).sum() / (k - 1) / (1 + 2 * (k - 2) * slack))
    df = 1 / (3 * slack)
    return statistic, float(special.fdtrc(k - 1, df, statistic)), (k - 1, df)


def f_words(df1: float, df2: float) -> str:
    """Words for an F distribution.

    Example:
        >>> f_words(2, 61.48890853)
        'F, 2 and 61.489 df'
    """
    return f"F, {df1:g} and {int(df2) if df2 == int(df2) else format(df2, '.5g')} df"


_RUN: dict[str, Callable[[list[FloatArray]], Found]] = {
    "welch": _welch,
    "anova": _anova,
    "kruskal": _kruskal,
    "bartlett": _bartlett,
    "brown_forsythe": _anova,  # of the distances from the medians
}


def _split(values: ArrayLike, group: Sequence[object] | NDArray[np.generic]) -> dict[str, FloatArray]:
    """Values by subgroup, in the order of the labels as text."""
    numbers = checks.measurements("values", values)
    if len(group) != len(numbers):
        raise ValueError(f"`group` has {len(group)} labels for {len(numbers)} values.")
    keys, code = checks.subject_labels(group, len(numbers))
    if len(keys) < 2:
        raise CannotComputeError("At least two subgroups are needed.")
    return {key: numbers[code == i] for i, key in enumerate(keys)}


def _groups(x: ArrayLike, n: ArrayLike) -> tuple[FloatArray, FloatArray]:
    events, units = successes_and_units(x, n)
    if events.ndim != 1 or len(events) < 2:
        raise CannotComputeError("At least two subgroups are needed.")
    return events, units


def _exact_p(events: FloatArray, units: FloatArray) -> float:
    """Probability of the tables that are no likelier, over all ways to spread what is rarer."""
    order = np.argsort(units, kind="stable")  # the largest subgroup follows from the others
    events, units = events[order], units[order]
    if events.sum() > units.sum() / 2:  # the same tables, and far fewer ways to look at where there are few
        events = units - events
    total, size = int(events.sum()), int(units.sum())
    spread, logs = np.zeros(1), np.zeros(1)
    for n in units[:-1]:
        counts = np.arange(min(n, total) + 1)
        if len(spread) * len(counts) > _MOST_TABLES:
            raise TooManyTablesError("There are too many tables for the exact test; use `pearson`.")
        spread = (spread[:, None] + counts[None, :]).ravel()
        logs = (logs[:, None] + _log_choose(n, counts)[None, :]).ravel()
        keep = spread <= total
        spread, logs = spread[keep], logs[keep]
    last = total - spread
    keep = last <= units[-1]
    logs = logs[keep] + _log_choose(units[-1], last[keep]) - _log_choose(size, np.array([total]))
    observed = _log_choose(units, events).sum() - _log_choose(size, np.array([total]))[0]
    return float(min(1.0, np.exp(logs[logs <= observed + np.log1p(_TIE)]).sum()))


def _log_choose(n: FloatArray | float, k: FloatArray) -> FloatArray:
    return np.asarray(special.gammaln(n + 1.0) - special.gammaln(k + 1.0) - special.gammaln(n - k + 1.0))
