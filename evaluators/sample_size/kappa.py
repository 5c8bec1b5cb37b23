"""Precision and power of kappa for ratings in two categories."""

from __future__ import annotations

import numpy as np
from scipy import optimize, special

from ..metric import CannotComputeError, Citation, FloatArray
from .asked import LARGEST, Asked, crossing, smallest_with_power
from .design import whole_up
from .results import SampleSize

DONNER = Citation(
    "donner1992",
    "Donner A, Eliasziw M. A goodness-of-fit approach to inference procedures for the kappa statistic: "
    "confidence interval construction, significance-testing and sample size estimation. Stat Med "
    "1992;11:1511-1519.",
)
ROTONDI = Citation(
    "rotondi2012",
    "Rotondi MA, Donner A. A confidence interval approach to sample size estimation for interobserver "
    "agreement studies with multiple raters and outcomes. J Clin Epidemiol 2012;65:778-784.",
)


def precision_kappa(
    kappa: float,
    prevalence: float,
    *,
    raters: int = 2,
    half_width: float | None = None,
    n: int | None = None,
    level: float = 0.95,
) -> SampleSize:
    """Subjects needed for a precise kappa of a binary rating, or the half-width of its interval at a number.

    The interval holds the kappas that a goodness-of-fit test of the expected table does not reject (Donner &
    Eliasziw 1992; Rotondi & Donner 2012 for several raters). It is not symmetric: the half-width is the
    larger of the distances of its ends from kappa.

    Args:
        kappa: Expected kappa, 0 to 1.
        prevalence: Share of positive ratings, the same for all raters.
        raters: Raters of each subject, 2 to 6.
        half_width: The half-width wanted of either side.
        n: Number of subjects; give this or `half_width`.
        level: Confidence level, two-sided.

    Raises:
        ParameterError: A parameter is not acceptable, such as a half-width that reaches 0 or 1.
        CannotComputeError: More than 1,000,000 subjects would be needed, or an end lies outside 0 to 1.

    Example:
        `kappaSize::CIBinary(0.4, 0.3, 0.5, props = 0.3)` in R gives 397:

        >>> precision_kappa(0.4, 0.3, half_width=0.1).n
        397
    """
    asked = _kappa_asked(kappa, prevalence, raters)
    asked.half_width_or_n(half_width, n, 10)
    asked.level(level)
    asked.settle()
    if half_width is not None:
        asked.that(
            kappa - half_width > 0 and kappa + half_width < 1,
            f"`half_width` must leave both ends within 0 to 1: below {min(kappa, 1 - kappa):g}.",
        )
        asked.settle()
    critical = float(special.chdtri(1, 1 - level))

    def misfit(other: float) -> float:
        return _misfit(kappa, other, prevalence, raters)

    unrounded = None
    needed = int(n or 0)
    if half_width is not None:
        unrounded = critical / min(misfit(kappa - half_width), misfit(kappa + half_width))
        if unrounded > LARGEST:
            raise CannotComputeError(
                f"{unrounded:,.0f} subjects would be needed, more than {LARGEST:,}; accepted is a larger "
                "`half_width`."
            )
        needed = int(whole_up(unrounded))
    ends = []
    for edge in (1e-9, 1 - 1e-9):
        if needed * misfit(edge) <= critical:
            raise CannotComputeError(
                f"With {needed:,} subjects the interval reaches beyond 0 or 1; accepted are at least "
                f"{int(whole_up(critical / min(misfit(1e-9), misfit(1 - 1e-9)))):,}."
            )
        ends.append(optimize.brentq(lambda r: needed * misfit(r) - critical, edge, kappa, xtol=1e-14))
    lower, upper = (float(end) for end in ends)
    asked_for = {} if half_width is None else {"half_width": half_width}
    return SampleSize(
        title="Precision of a kappa of binary ratings, goodness of fit",
        n=needed,
        counted="subjects",
        solved_for="half_width" if half_width is None else "n",
        parameters={"kappa": kappa, "prevalence": prevalence, "raters": raters, **asked_for, "level": level},
        half_width=max(kappa - lower, upper - kappa),
        unrounded=unrounded,
        details={"lower": lower, "upper": upper},
        citations=(DONNER, ROTONDI),
    )


def power_kappa(
    kappa: float,
    null: float,
    prevalence: float,
    *,
    raters: int = 2,
    power: float = 0.8,
    n: int | None = None,
    alpha: float = 0.05,
) -> SampleSize:
    """Subjects needed to tell a kappa of a binary rating from a value, or the power (Donner & Eliasziw 1992).

    Goodness-of-fit test with one degree of freedom, two-sided; power from the noncentral chi-square.

    Args:
        kappa: Expected kappa, 0 to 1.
        null: Kappa that is to be excluded, 0 to 1.
        prevalence: Share of positive ratings, the same for all raters.
        raters: Raters of each subject, 2 to 6.
        power: Power wanted.
        n: Number of subjects whose power is asked; `power` is then not used.
        alpha: Significance level.

    Raises:
        ParameterError: A parameter is not acceptable, such as two equal kappas.
        CannotComputeError: More than 1,000,000 subjects would be needed.

    Example:
        `kappaSize::PowerBinary(kappa0 = 0.4, kappa1 = 0.6, props = 0.3, power = 0.8)` in R gives 190.46:

        >>> power_kappa(0.6, 0.4, 0.3).n
        191
    """
    asked = _kappa_asked(kappa, prevalence, raters)
    asked.share("null", null)
    asked.power_or_n(power, n)
    asked.test(alpha, "two")
    asked.settle()
    asked.that(
        kappa != null,
        "`kappa` and `null` are equal, so no number shows a difference; accepted: two that differ.",
    )
    asked.settle()
    critical, each = float(special.chdtri(1, alpha)), _misfit(kappa, null, prevalence, raters)

    def power_at(subjects: float) -> float:
        shift, root = np.sqrt(subjects * each), np.sqrt(critical)  # one degree of freedom: a squared normal
        return float(special.ndtr(shift - root) + special.ndtr(-shift - root))

    asked_for = {"power": power} if n is None else {}
    needed = smallest_with_power(power_at, power) if n is None else n
    return SampleSize(
        title="Power to tell a kappa of binary ratings from a value, goodness of fit",
        n=needed,
        counted="subjects",
        solved_for="n" if n is None else "power",
        parameters={
            "kappa": kappa, "null": null, "prevalence": prevalence, "raters": raters, **asked_for,
            "alpha": alpha,
        },
        power=power_at(needed),
        unrounded=crossing(power_at, power, needed, 0.0) if n is None else None,
        citations=(DONNER,),
    )  # fmt: skip


def _kappa_asked(kappa: float, prevalence: float, raters: int) -> Asked:
    asked = Asked()
    asked.share("kappa", kappa)
    asked.share("prevalence", prevalence)
    asked.that(raters in (2, 3, 4, 5, 6), f"`raters` must be a whole number from 2 to 6, not {raters!r}.")
    return asked


def _table(kappa: float, prevalence: float, raters: int) -> FloatArray:
    """Probabilities of 0 to all raters saying yes, in the common correlation model."""
    yes = np.arange(raters + 1)
    table = (1 - kappa) * special.comb(raters, yes) * prevalence**yes * (1 - prevalence) ** (raters - yes)
    table[0] += kappa * (1 - prevalence)
    table[-1] += kappa * prevalence
    return np.asarray(table)


def _misfit(true: float, tested: float, prevalence: float, raters: int) -> float:
    """Chi-square a subject of the table expected under one kappa, tested against another."""
    found, fitted = _table(true, prevalence, raters), _table(tested, prevalence, raters)
    return float((np.square(found - fitted) / fitted).sum())
