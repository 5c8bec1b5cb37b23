"""Precision and power of correlations, concordance and intraclass correlation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from scipy import special

from ..metric import CannotComputeError, Citation, FloatArray
from ..reliability.concordance_moments import lin_error
from .asked import LARGEST, Asked, crossing, smallest_with_half_width, smallest_with_power
from .design import whole_up
from .results import SampleSize

FISHER = Citation(
    "fisher1921",
    "Fisher RA. On the probable error of a coefficient of correlation deduced from a small sample. Metron "
    "1921;1:3-32.",
)
BONETT = Citation(
    "bonett2002",
    "Bonett DG. Sample size requirements for estimating intraclass correlations with desired precision. Stat "
    "Med 2002;21:1331-1335.",
)
LIN = Citation(
    "lin1989",
    "Lin LI. A concordance correlation coefficient to evaluate reproducibility. Biometrics 1989;45:255-268; "
    "correction 2000;56:324-325.",
)
_Ends = Callable[[float], FloatArray]


def precision_correlation(
    correlation: float, *, half_width: float | None = None, n: int | None = None, level: float = 0.95
) -> SampleSize:
    """Pairs needed for a precise Pearson correlation, or half the width of Fisher's interval at a number.

    Args:
        correlation: Expected correlation.
        half_width: The half-width wanted, (upper - lower) / 2.
        n: Number of independent pairs; give this or `half_width`.
        level: Confidence level, two-sided.

    Raises:
        ParameterError: A parameter is not acceptable.
        CannotComputeError: More than 1,000,000 pairs would be needed.

    Example:
        `presize::prec_cor(r = 0.9, conf.width = 0.1)` in R gives 62:

        >>> precision_correlation(0.9, half_width=0.05).n
        62
    """
    asked = Asked()
    asked.number("correlation", correlation, above=-1, below=1)
    asked.half_width_or_n(half_width, n, 4)
    asked.level(level)
    asked.settle()
    z = -float(special.ndtri((1 - level) / 2))

    def ends(pairs: float) -> FloatArray:
        return np.asarray(np.tanh(np.arctanh(correlation) + np.array([-1.0, 1.0]) * z / np.sqrt(pairs - 3)))

    return _precision(
        "Precision of a correlation, Fisher's z", ends, half_width=half_width, n=n, least=4,
        counted="pairs",
        parameters={"correlation": correlation}, level=level, citations=(FISHER,),
    )  # fmt: skip


def power_correlation(
    correlation: float,
    *,
    null: float = 0.0,
    power: float = 0.8,
    n: int | None = None,
    alpha: float = 0.05,
    sides: Literal["two", "one"] = "two",
) -> SampleSize:
    """Pairs needed to tell a Pearson correlation from a value, or the power of a number (Fisher's z).

    Args:
        correlation: Expected correlation.
        null: Correlation that is to be excluded.
        power: Power wanted.
        n: Number of independent pairs whose power is asked; `power` is then not used.
        alpha: Significance level.
        sides: `two` (default), or `one`, in the direction of the expected correlation.

    Raises:
        ParameterError: A parameter is not acceptable, such as a correlation equal to the null value.
        CannotComputeError: More than 1,000,000 pairs would be needed.

    Example:
        >>> power_correlation(0.3).n, power_correlation(0.95, null=0.9).n
        (85, 64)
    """
    asked = Asked()
    asked.number("correlation", correlation, above=-1, below=1)
    asked.number("null", null, above=-1, below=1)
    asked.power_or_n(power, n, 4)
    asked.test(alpha, sides)
    asked.settle()
    asked.that(
        correlation != null,
        "`correlation` and `null` are equal, so no number shows a difference; accepted: two that differ.",
    )
    asked.settle()
    z = -float(special.ndtri(alpha / 2 if sides == "two" else alpha))
    apart = abs(float(np.arctanh(correlation) - np.arctanh(null)))

    def power_at(pairs: float) -> float:
        return float(special.ndtr(apart * np.sqrt(pairs - 3) - z))

    asked_for = {"power": power} if n is None else {}
    needed = smallest_with_power(power_at, power, least=4, counted="pairs") if n is None else n
    return SampleSize(
        title="Power to tell a correlation from a value, Fisher's z",
        n=needed,
        counted="pairs",
        solved_for="n" if n is None else "power",
        parameters={"correlation": correlation, "null": null, **asked_for, "alpha": alpha, "sides": sides},
        power=power_at(needed),
        unrounded=crossing(power_at, power, needed, 3.0) if n is None else None,
        citations=(FISHER,),
    )


def precision_ccc(
    concordance: float,
    *,
    accuracy: float = 1.0,
    half_width: float | None = None,
    n: int | None = None,
    level: float = 0.95,
) -> SampleSize:
    """Pairs needed for a precise concordance correlation, or half the width of Lin's z interval at a number.

    The standard error is Lin's (1989, corrected 2000) of independent pairs, scales being equal: all loss of
    accuracy is then a shift of the mean, which makes the standard error what it is with that accuracy.

    Args:
        concordance: Expected concordance correlation coefficient, above 0.
        accuracy: Expected bias correction factor C_b, from the concordance to 1 (no bias).
        half_width: The half-width wanted, (upper - lower) / 2.
        n: Number of independent pairs; give this or `half_width`.
        level: Confidence level, two-sided.

    Raises:
        ParameterError: A parameter is not acceptable.
        CannotComputeError: More than 1,000,000 pairs would be needed.

    Example:
        >>> precision_ccc(0.9, half_width=0.05).n, precision_ccc(0.9, accuracy=0.95, half_width=0.05).n
        (61, 51)
    """
    asked = Asked()
    asked.share("concordance", concordance)
    asked.number("accuracy", accuracy, above=0, most=1)
    asked.half_width_or_n(half_width, n, 4)
    asked.level(level)
    asked.settle()
    asked.that(
        accuracy > concordance,
        f"`accuracy` must be above the concordance, {concordance:g}: it is that over the correlation.",
    )
    asked.settle()
    z = -float(special.ndtri((1 - level) / 2))
    shift = float(np.sqrt(2 / accuracy - 2))  # C_b = 2 / (1 + 1 + shift^2)

    def ends(pairs: float) -> FloatArray:
        error = lin_error(pairs, concordance / accuracy, accuracy, shift)[0] / (1 - concordance**2)
        return np.asarray(np.tanh(np.arctanh(concordance) + np.array([-1.0, 1.0]) * z * error))

    return _precision(
        "Precision of a concordance correlation, Lin's z", ends, half_width=half_width, n=n, least=4,
        counted="pairs",
        parameters={"concordance": concordance, "accuracy": accuracy}, level=level, citations=(LIN,),
    )  # fmt: skip


def precision_icc(
    correlation: float,
    ratings: int,
    *,
    half_width: float | None = None,
    n: int | None = None,
    level: float = 0.95,
) -> SampleSize:
    """Subjects needed for a precise intraclass correlation, or its half-width at a number (Bonett 2002).

    n = 8 z^2 (1 - r)^2 (1 + (k - 1) r)^2 / (k (k - 1) w^2) + 1 with the whole width w, and 5 r more with two
    ratings and r of at least 0.7, as Bonett advises. It holds for one-way and two-way forms alike.

    Args:
        correlation: Expected intraclass correlation, 0 to below 1.
        ratings: Ratings of each subject, k.
        half_width: The half-width wanted.
        n: Number of subjects; give this or `half_width`.
        level: Confidence level, two-sided.

    Raises:
        ParameterError: A parameter is not acceptable.
        CannotComputeError: More than 1,000,000 subjects would be needed.

    Example:
        Bonett 2002: 0.85 with four raters and a width of 0.2 needs 19.2, rounded up to 20:

        >>> precision_icc(0.85, 4, half_width=0.1).n
        20
    """
    asked = Asked()
    asked.number("correlation", correlation, least=0, below=1)
    asked.whole("ratings", ratings, 2)
    extra = 5 * correlation if ratings == 2 and correlation >= 0.7 else 0.0
    asked.half_width_or_n(half_width, n, 2 + int(np.ceil(extra)))
    asked.level(level)
    asked.settle()
    z = -float(special.ndtri((1 - level) / 2))
    spread = (1 - correlation) * (1 + (ratings - 1) * correlation)
    constant = z * np.sqrt(2 / (ratings * (ratings - 1))) * spread

    def width(subjects: float) -> float:
        return float(constant / np.sqrt(subjects - 1 - extra))

    unrounded = None
    needed = int(n or 0)
    if half_width is not None:
        unrounded = float((constant / half_width) ** 2) + 1 + extra
        if unrounded > LARGEST:
            raise CannotComputeError(
                f"More than {LARGEST:,} subjects would be needed for a half-width of {half_width:g}; "
                f"accepted is {width(LARGEST):.4g} or more."
            )
        needed = max(int(whole_up(unrounded)), 2)
    asked_for = {} if half_width is None else {"half_width": half_width}
    return SampleSize(
        title="Precision of an intraclass correlation",
        n=needed,
        counted="subjects",
        solved_for="half_width" if half_width is None else "n",
        parameters={"correlation": correlation, "ratings": ratings, **asked_for, "level": level},
        half_width=width(needed),
        unrounded=unrounded,
        details={"added_for_two_ratings": extra} if extra else {},
        citations=(BONETT,),
    )


def _precision(
    title: str,
    ends: _Ends,
    *,
    half_width: float | None,
    n: int | None,
    least: int,
    counted: str,
    parameters: dict[str, float],
    level: float,
    citations: tuple[Citation, ...],
) -> SampleSize:
    def width(number: float) -> float:
        lower, upper = ends(number)
        return float(upper - lower) / 2

    needed = int(n or 0)
    if half_width is not None:
        needed = smallest_with_half_width(width, half_width, least=least, counted=counted)
    lower, upper = ends(needed)
    asked_for = {} if half_width is None else {"half_width": half_width}
    return SampleSize(
        title=title,
        n=needed,
        counted=counted,
        solved_for="half_width" if half_width is None else "n",
        parameters={**parameters, **asked_for, "level": level},
        half_width=width(needed),
        unrounded=None if half_width is None else crossing(width, half_width, needed, least - 1 + 1e-6),
        details={"lower": float(lower), "upper": float(upper)},
        citations=citations,
    )
