"""Confidence intervals: the table of methods, and the analytic ones as plain functions.

Every function takes the confidence `level` as the coverage of the whole interval. With `sides="lower"` a
level of 0.95 is a one-sided 95% lower bound (the lower end of a two-sided 90% interval) and the other end is
open.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from .agreement import methods as limits_methods
from .comparison import methods as comparison_methods
from .interval_method import IntervalMethod
from .metric import CannotComputeError, Citation, FloatArray, Sides
from .proportions import methods as proportion_methods
from .proportions.beta import beta_quantile
from .raters import methods as agreement_methods
from .regression import methods as regression_methods
from .reliability import methods as reliability_methods

Bounds = tuple[Any, Any]
"""(lower, upper): floats for scalar input, arrays for arrays."""


STUDENT = Citation("student1908", "Student. The probable error of a mean. Biometrika 1908;6:1-25.")
BINDER = Citation(
    "binder1983",
    "Binder DA. On the variances of asymptotically normal estimators from complex surveys. "
    "Int Stat Rev 1983;51:279-292.",
)
WILSON = Citation(
    "wilson1927",
    "Wilson EB. Probable inference, the law of succession, and statistical inference. "
    "J Am Stat Assoc 1927;22:209-212.",
)
CLOPPER = Citation(
    "clopper1934",
    "Clopper CJ, Pearson ES. The use of confidence or fiducial limits illustrated in the case of the "
    "binomial. Biometrika 1934;26:404-413.",
)
FLEISS = Citation(
    "fleiss1969",
    "Fleiss JL, Cohen J, Everitt BS. Large sample standard errors of kappa and weighted kappa. "
    "Psychol Bull 1969;72:323-327.",
)
ZOU = Citation(
    "zou2013",
    "Zou GY. Confidence interval estimation for the Bland-Altman limits of agreement with multiple "
    "observations per individual. Stat Methods Med Res 2013;22:630-642.",
)
EFRON = Citation(
    "efron1987", "Efron B. Better bootstrap confidence intervals. J Am Stat Assoc 1987;82:171-185."
)
DAVISON = Citation(
    "davison1997",
    "Davison AC, Hinkley DV. Bootstrap Methods and their Application. Cambridge 1997, ch. 3 and 5.",
)

RUBIN = Citation(
    "rubin1987", "Rubin DB. Multiple Imputation for Nonresponse in Surveys. New York: Wiley; 1987, ch. 3."
)
LOTT = Citation(
    "lott2020",
    "Lott A, Reiter JP. Wilson confidence intervals for binomial proportions with multiple imputation for "
    "missing data. Am Stat 2020;74:109-115.",
)
BARNARD = Citation(
    "barnard1999",
    "Barnard J, Rubin DB. Small-sample degrees of freedom with multiple imputation. "
    "Biometrika 1999;86:948-955.",
)

METHODS: dict[str, IntervalMethod] = {
    method.name: method
    for method in (
        IntervalMethod(
            "t",
            "t",
            "Student's t interval of a mean of independent values, n - 1 degrees of freedom.",
            (STUDENT,),
            resampling=False,
        ),
        IntervalMethod(
            "cluster_t",
            "t, subjects as clusters",
            "Estimate plus and minus Student's t times the linearised standard error with subjects as "
            "clusters, number of subjects - 1 degrees of freedom.",
            (BINDER,),
            resampling=False,
        ),
        IntervalMethod(
            "wilson",
            "Wilson score",
            "Wilson score interval of a proportion, without continuity correction; units are taken as "
            "independent.",
            (WILSON,),
            resampling=False,
        ),
        IntervalMethod(
            "clopper_pearson",
            "Clopper-Pearson exact",
            "Clopper-Pearson exact interval of a proportion; units are taken as independent.",
            (CLOPPER,),
            resampling=False,
        ),
        IntervalMethod(
            "asymptotic",
            "Large sample",
            "Large-sample normal interval with the standard error of the delta method (for kappa that of "
            "Fleiss, Cohen and Everitt); units are taken as independent.",
            (FLEISS,),
            resampling=False,
        ),
        IntervalMethod(
            "mover",
            "MOVER",
            "Method of variance estimates recovery: separate intervals of the bias and of each variance "
            "component, combined into an interval of the limit.",
            (ZOU,),
            resampling=False,
        ),
        IntervalMethod(
            "bootstrap_percentile",
            "Subject bootstrap, percentile",
            "Percentile interval of the subject bootstrap: whole subjects are resampled with replacement; "
            "quantile p of B replicates is interpolated linearly at position (B + 1) p.",
            (DAVISON,),
            resampling=True,
        ),
        IntervalMethod(
            "bootstrap_bca",
            "Subject bootstrap, BCa",
            "Bias-corrected and accelerated interval of the subject bootstrap, acceleration from leaving out "
            "one subject at a time; quantile p of B replicates is interpolated linearly at position "
            "(B + 1) p.",
            (EFRON, DAVISON),
            resampling=True,
        ),
        IntervalMethod(
            "rubin",
            "Rubin's rules",
            "Multiple imputation: Student's t on the pooled estimate, variances within and between completed "
            "data sets added, degrees of freedom of Barnard and Rubin; shares of units by Wilson's interval "
            "with the variance inflated by what is missing.",
            (RUBIN, BARNARD, LOTT),
            resampling=False,
        ),
        *limits_methods.METHODS,
        *agreement_methods.METHODS,
        *comparison_methods.METHODS,
        *regression_methods.METHODS,
        *proportion_methods.METHODS,
        *reliability_methods.METHODS,
    )
}
"""Every interval method by name."""


def tail_levels(level: float, sides: Sides) -> tuple[float, float]:
    """Probabilities of the lower and upper bound; 0 or 1 for an end that is open.

    Raises:
        ValueError: `level` is not between 0.5 and 1, or `sides` is none of two, lower, upper.

    Example:
        >>> tail_levels(0.9, "two"), tail_levels(0.95, "lower")
        ((0.05, 0.95), (0.05, 1.0))
    """
    if not 0.5 < level < 1:
        raise ValueError(f"`level` must lie between 0.5 and 1, for example 0.95, not {level!r}.")
    if sides == "two":
        tail = round((1 - level) / 2, 15)  # 0.05 and not 0.04999999999999999, in messages and in quantiles
        return tail, 1 - tail
    if sides == "lower":
        return round(1 - level, 15), 1.0
    if sides == "upper":
        return 0.0, level
    raise ValueError(f"`sides` must be two, lower or upper, not {sides!r}.")


def t_interval(
    estimate: ArrayLike, standard_error: ArrayLike, df: ArrayLike, level: float, sides: Sides
) -> Bounds:
    """Estimate plus and minus Student's t times a standard error (Student 1908).

    Args:
        estimate: Point estimate.
        standard_error: Its standard error, not negative.
        df: Degrees of freedom, at least 1.
        level: Confidence level.
        sides: `two`, or the one bound wanted; the other end is then infinite.

    Raises:
        CannotComputeError: Fewer than one degree of freedom.

    Example:
        The bias of Bland & Altman 1986, `t.test(test, reference, paired = TRUE)` in R:

        >>> lower, upper = t_interval(2.11764705882353, 9.40192500350999, 16, 0.95, "two")
        >>> round(lower, 4), round(upper, 4)
        (-17.8135, 22.0488)
    """
    freedom = np.asarray(df, dtype=np.float64)
    if (freedom < 1).any():
        raise CannotComputeError("A t interval needs at least two independent values.")
    low, high = tail_levels(level, sides)
    center, spread = np.asarray(estimate, dtype=np.float64), np.asarray(standard_error, dtype=np.float64)
    lower = center + special.stdtrit(freedom, low) * spread if low > 0 else np.full(center.shape, -np.inf)
    upper = center + special.stdtrit(freedom, high) * spread if high < 1 else np.full(center.shape, np.inf)
    return plain(lower), plain(upper)


def wilson(x: ArrayLike, n: ArrayLike, level: float, sides: Sides = "two") -> Bounds:
    """Wilson score interval of x successes in n independent units, no continuity correction (Wilson 1927).

    Args:
        x: Successes, 0 to n; an effective (fractional) count is accepted.
        n: Units, above 0.
        level: Confidence level.
        sides: `two`, or the one bound wanted; the other end is then 0 or 1.

    Raises:
        CannotComputeError: n is not above 0.
        ValueError: x lies outside 0 to n.

    Example:
        `prop.test(81, 263, correct = FALSE)$conf.int` in R:

        >>> lower, upper = wilson(81, 263, 0.95)
        >>> round(lower, 4), round(upper, 4)
        (0.2553, 0.3662)
    """
    successes, units = successes_and_units(x, n)
    low, high = tail_levels(level, sides)
    share = successes / units

    def bound(probability: float) -> FloatArray:
        z = special.ndtri(probability)
        middle = share + z * z / (2 * units)
        reach = z * np.sqrt(share * (1 - share) / units + z * z / (4 * units * units))
        return np.asarray((middle + reach) / (1 + z * z / units))

    # 0 of n and n of n have exact ends; rounding would leave 1e-17 there
    lower = np.where(successes == 0, 0.0, bound(low)) if low > 0 else np.zeros(share.shape)
    upper = np.where(successes == units, 1.0, bound(high)) if high < 1 else np.ones(share.shape)
    return plain(lower), plain(upper)


def clopper_pearson(x: ArrayLike, n: ArrayLike, level: float, sides: Sides = "two") -> Bounds:
    """Exact binomial interval of x successes in n independent units (Clopper & Pearson 1934).

    The lower bound of 0 of n is 0 and the upper bound of n of n is 1; a two-sided interval spends half of the
    error on each side there too, as `binom.test` in R does.

    Args:
        x: Successes, 0 to n.
        n: Units, above 0.
        level: Confidence level.
        sides: `two`, or the one bound wanted; the other end is then 0 or 1.

    Raises:
        CannotComputeError: n is not above 0.
        ValueError: x lies outside 0 to n.

    Example:
        `binom.test(10, 10)$conf.int` in R:

        >>> lower, upper = clopper_pearson(10, 10, 0.95)
        >>> round(lower, 4), upper
        (0.6915, 1.0)
    """
    successes, units = successes_and_units(x, n)
    low, high = tail_levels(level, sides)
    failures = units - successes
    # at the closed ends the beta parameters would be 0; any positive number stands in for them
    lower = np.where(
        successes == 0, 0.0, beta_quantile(np.where(successes == 0, 1, successes), failures + 1, low)
    )
    upper = np.where(
        failures == 0, 1.0, beta_quantile(successes + 1, np.where(failures == 0, 1, failures), high)
    )
    return plain(lower), plain(upper)


@dataclass(frozen=True)
class Component:
    """A variance component of a limit: `factor` times a sample variance with its degrees of freedom."""

    factor: float
    variance: float
    df: float


def mover_variance(components: tuple[Component, ...], low: float, high: float) -> tuple[float, float]:
    """Bounds of a sum of independent variance components at two tail probabilities (Zou 2013).

    For a single component this is the exact chi-square interval. A component without weight adds nothing.
    A probability of 0 or 1 leaves that end open (0 or infinity).
    """
    used = [part for part in components if part.factor > 0]
    total = sum(part.factor * part.variance for part in used)
    below = above = 0.0
    for part in used:
        value = part.factor * part.variance
        # the upper chi-square quantile belongs to the lower bound
        if low > 0:
            below += (value * (1 - part.df / float(special.chdtri(part.df, low)))) ** 2
        if high < 1:
            above += (value * (part.df / float(special.chdtri(part.df, high)) - 1)) ** 2
    lower = max(total - float(np.sqrt(below)), 0.0) if low > 0 else 0.0
    upper = total + float(np.sqrt(above)) if high < 1 else float("inf")
    return lower, upper


def mover_limit(
    *,
    bias: float,
    bias_se: float,
    components: tuple[Component, ...],
    multiplier: float,
    level: float,
    sides: Sides,
) -> tuple[float, float]:
    """MOVER interval of the limit bias + multiplier * sqrt(sum of components) (Zou 2013, eq. 3-7).

    Args:
        bias: The centre.
        bias_se: Its standard error; its own interval uses the normal quantile, as Zou does.
        components: Variance components of the standard deviation.
        multiplier: 1.96 for the upper, -1.96 for the lower 95% limit of agreement.
        level: Confidence level.
        sides: `two`, or the one bound wanted; the other end is then infinite.

    Returns:
        Lower and upper bound.
    """
    low, high = tail_levels(level, sides)
    total = float(np.sqrt(sum(part.factor * part.variance for part in components)))
    limit = bias + multiplier * total
    lower, upper = -float("inf"), float("inf")
    if low > 0:
        # the limit's lower bound moves with the SD's lower bound if the SD is added, with its upper if
        # subtracted
        variance = (
            mover_variance(components, low, 1.0)[0]
            if multiplier > 0
            else mover_variance(components, 0.0, 1 - low)[1]
        )
        lower = limit - _combine(special.ndtri(low) * bias_se, multiplier * (np.sqrt(variance) - total))
    if high < 1:
        variance = (
            mover_variance(components, 0.0, high)[1]
            if multiplier > 0
            else mover_variance(components, 1 - high, 1.0)[0]
        )
        upper = limit + _combine(special.ndtri(high) * bias_se, multiplier * (np.sqrt(variance) - total))
    return lower, upper


def _combine(first: float, second: float) -> float:
    return float(np.hypot(first, second))


def successes_and_units(x: ArrayLike, n: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Events and units as arrays of one shape, refused where they are no fraction."""
    successes, units = np.broadcast_arrays(np.asarray(x, dtype=np.float64), np.asarray(n, dtype=np.float64))
    if np.any(~(units > 0)):
        raise CannotComputeError("A proportion needs at least one unit in its denominator.")
    if np.any(~((successes >= 0) & (successes <= units))):
        raise ValueError("`x` must lie between 0 and `n`.")
    return successes, units


def plain(values: Any) -> Any:
    """A float of what holds one number, the array of what holds several."""
    array = np.asarray(values, dtype=np.float64)
    return float(array) if array.ndim == 0 else array
