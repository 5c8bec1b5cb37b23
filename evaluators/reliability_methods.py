"""Interval methods of correlation-like coefficients, variance ratios and variances, by name."""

from __future__ import annotations

import numpy as np
from scipy import special

from .interval_method import IntervalMethod
from .metric import CannotComputeError, Citation, Interval, Sides

FISHER = Citation(
    "fisher1921",
    'Fisher RA. On the "probable error" of a coefficient of correlation deduced from a small sample. '
    "Metron 1921;1:3-32.",
)
LIN1989 = Citation(
    "lin1989",
    "Lin LI. A concordance correlation coefficient to evaluate reproducibility. Biometrics 1989;45:255-268; "
    "corrected in Biometrics 2000;56:324-325.",
)
LIN2002 = Citation(
    "lin2002",
    "Lin L, Hedayat AS, Sinha B, Yang M. Statistical methods in assessing agreement: models, issues, and "
    "tools. J Am Stat Assoc 2002;97:257-270.",
)
SHROUT = Citation(
    "shrout1979",
    "Shrout PE, Fleiss JL. Intraclass correlations: uses in assessing rater reliability. Psychol Bull "
    "1979;86:420-428.",
)
MCGRAW = Citation(
    "mcgraw1996",
    "McGraw KO, Wong SP. Forming inferences about some intraclass correlation coefficients. Psychol Methods "
    "1996;1:30-46; corrected on p. 390.",
)
COCHRAN = Citation(
    "cochran1934",
    "Cochran WG. The distribution of quadratic forms in a normal system. Proc Camb Phil Soc 1934;30:178-191.",
)
BINDER = Citation(
    "binder1983",
    "Binder DA. On the variances of asymptotically normal estimators from complex surveys. Int Stat Rev "
    "1983;51:279-292.",
)

METHODS: tuple[IntervalMethod, ...] = (
    IntervalMethod(
        "fisher_z",
        "Fisher z",
        "Fisher's z transformation of the coefficient with its large-sample standard error and the normal "
        "quantile; rows are taken as independent.",
        (FISHER, LIN1989),
        resampling=False,
    ),
    IntervalMethod(
        "cluster_fisher_z",
        "Fisher z, subjects as clusters",
        "Fisher's z transformation of the coefficient with its linearised standard error, subjects as "
        "clusters, and Student's t with number of subjects - 1 degrees of freedom.",
        (FISHER, BINDER),
        resampling=False,
    ),
    IntervalMethod(
        "lin_normal",
        "Lin, normal",
        "Coefficient plus and minus the normal quantile times the large-sample standard error of Lin; rows "
        "are taken as independent.",
        (LIN1989,),
        resampling=False,
    ),
    IntervalMethod(
        "lin_logit",
        "Lin, logit",
        "Logit transformation of the accuracy coefficient with the large-sample standard error of Lin and "
        "others; rows are taken as independent.",
        (LIN2002,),
        resampling=False,
    ),
    IntervalMethod(
        "mcgraw_wong",
        "F, McGraw & Wong",
        "Interval from the F distribution of mean squares; for agreement of a mean of raters, the degrees of "
        "freedom are approximated for that mean itself (McGraw & Wong 1996, Table 7).",
        (MCGRAW,),
        resampling=False,
    ),
    IntervalMethod(
        "shrout_fleiss",
        "F, Shrout & Fleiss",
        "Interval from the F distribution of mean squares; that of a mean of raters is the single-rater "
        "interval stepped up by the Spearman-Brown formula.",
        (SHROUT,),
        resampling=False,
    ),
    IntervalMethod(
        "chi_square",
        "Chi-square",
        "Interval from the chi-square distribution of a sum of squares of normal values.",
        (COCHRAN,),
        resampling=False,
    ),
)


def z_interval(
    value: float,
    standard_error: float,
    *,
    low: float | None,
    high: float | None,
    level: float,
    sides: Sides,
    method: str,
    independent_rows: bool = False,
) -> Interval:
    """Interval of a coefficient from -1 to 1 through Fisher's z, tanh(atanh(value) + q SE / (1 - value^2)).

    Args:
        value: The coefficient.
        standard_error: On its own scale.
        low: Quantile of the lower bound, negative; None: the bound is open, at -1.
        high: Quantile of the upper bound; None: open, at 1.
        level: Confidence level, for the label.
        sides: Sides, for the label.
        method: Method, for the label.
        independent_rows: The standard error takes rows as independent although subjects have several.

    Raises:
        CannotComputeError: The standard error is undefined.
    """
    if not np.isfinite(standard_error):
        raise CannotComputeError("The standard error is undefined for these data.")
    flat = abs(value) >= 1 or standard_error <= 1e-14
    note = "Rows are taken as independent, and subjects have several." if independent_rows else None
    if flat:
        note = "The coefficient does not vary; the interval has no width and says nothing."
        lower, upper = (value if low is not None else -1.0), (value if high is not None else 1.0)
    else:
        middle, spread = np.arctanh(value), standard_error / (1 - value * value)
        lower = -1.0 if low is None else float(np.tanh(middle + low * spread))
        upper = 1.0 if high is None else float(np.tanh(middle + high * spread))
    return Interval(
        float(lower), float(upper), level, sides, method, degenerate=flat,
        independent_rows=independent_rows, warning=note,
    )  # fmt: skip


def chi_square_bounds(variance: float, df: float, low: float, high: float) -> tuple[float, float]:
    """Bounds of a variance whose estimate has `df` degrees of freedom: df s^2 / chi-square quantiles.

    Args:
        variance: The estimate.
        df: Degrees of freedom, above 0.
        low: Probability of the lower bound; 0 leaves it at 0.
        high: Probability of the upper bound; 1 leaves it at infinity.

    Raises:
        CannotComputeError: No degrees of freedom.

    Example:
        >>> lower, upper = chi_square_bounds(4.0, 20, 0.025, 0.975)
        >>> round(lower, 3), round(upper, 3)
        (2.341, 8.341)
    """
    if not df > 0:
        raise CannotComputeError("A chi-square interval needs at least one degree of freedom.")
    lower = 0.0 if low <= 0 else df * variance / float(special.chdtri(df, low))
    upper = float("inf") if high >= 1 else df * variance / float(special.chdtri(df, high))
    return lower, upper
