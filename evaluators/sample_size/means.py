"""Power of t tests of paired differences: difference, non-inferiority, equivalence."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import special

from ..intervals import STUDENT
from ..metric import Citation
from .asked import Asked, smallest_with_power
from .normal import both_sides_within
from .results import SampleSize

SCHUIRMANN = Citation(
    "schuirmann1987",
    "Schuirmann DJ. A comparison of the two one-sided tests procedure and the power approach for assessing "
    "the equivalence of average bioavailability. J Pharmacokinet Biopharm 1987;15:657-680.",
)
OWEN = Citation(
    "owen1965",
    "Owen DB. A special case of a bivariate non-central t-distribution. Biometrika 1965;52:437-446.",
)


def power_mean_difference(
    difference: float,
    sd: float,
    *,
    margin: float = 0.0,
    power: float = 0.8,
    n: int | None = None,
    alpha: float = 0.05,
    sides: Literal["two", "one"] = "two",
) -> SampleSize:
    """Subjects needed for a paired t test of a mean difference, or the power of a number.

    Exact, from the noncentral t distribution. With a margin it is the one-sided test of non-inferiority,
    that the difference lies above -margin.

    Args:
        difference: Expected mean difference; with a margin or one side, positive is better.
        sd: Standard deviation of the subjects' differences (of their means, with several rows each).
        margin: Non-inferiority margin, 0 or above; above 0 needs `sides="one"`.
        power: Power wanted.
        n: Number of subjects whose power is asked; `power` is then not used.
        alpha: Significance level of the test; of one side, where that is one-sided.
        sides: `two` (default) or `one`.

    Raises:
        ParameterError: A parameter is not acceptable, such as a difference that is not beyond -margin.
        CannotComputeError: More than 1,000,000 subjects would be needed.

    Example:
        `power.t.test(delta = 0.5, sd = 1, power = 0.8, type = "paired")` in R gives 33.37:

        >>> power_mean_difference(0.5, 1).n
        34
    """
    asked = Asked()
    asked.number("difference", difference)
    asked.number("sd", sd, above=0)
    asked.number("margin", margin, least=0)
    asked.power_or_n(power, n)
    asked.test(alpha, sides)
    asked.settle()
    asked.that(
        margin == 0 or sides == "one", "Non-inferiority is one-sided: use `sides='one'` with a `margin`."
    )
    distance = difference + margin
    fits = distance > 0 if sides == "one" else distance != 0
    asked.that(
        fits,
        f"A difference of {difference:g} is not beyond {0 - margin:g}, so no number of subjects shows it; "
        f"accepted: a `difference` {'above' if sides == 'one' else 'other than'} {0 - margin:g}.",
    )
    asked.settle()
    tail = alpha / 2 if sides == "two" else alpha

    def power_at(subjects: int) -> float:
        t, shift = -special.stdtrit(subjects - 1, tail), abs(distance) / sd * np.sqrt(subjects)
        if shift - t > 20:
            return 1.0  # the noncentral t has no digits left there
        found = 1 - special.nctdtr(subjects - 1, shift, t)
        return float(found + (special.nctdtr(subjects - 1, shift, -t) if sides == "two" else 0.0))

    asked_for = {"power": power} if n is None else {}
    needed = smallest_with_power(power_at, power) if n is None else n
    return SampleSize(
        title="Power of a paired t test" + (" of non-inferiority" if margin else ""),
        n=needed,
        counted="subjects",
        solved_for="n" if n is None else "power",
        parameters={
            "difference": difference, "sd": sd, "margin": margin, **asked_for, "alpha": alpha, "sides": sides,
        },
        power=power_at(needed),
        details={"standardised_distance": distance / sd},
        citations=(STUDENT,),
    )  # fmt: skip


def power_equivalence(
    difference: float,
    sd: float,
    margin: float,
    *,
    power: float = 0.8,
    n: int | None = None,
    alpha: float = 0.05,
) -> SampleSize:
    """Subjects needed to show by two one-sided paired t tests that a mean difference lies within a margin.

    Exact: the probability that both tests reject, by integration over the standard deviation (the same as
    with Owen's Q).

    Args:
        difference: Expected mean difference, within the margin.
        sd: Standard deviation of the subjects' differences.
        margin: The mean is to lie within -margin to margin.
        power: Power wanted.
        n: Number of subjects whose power is asked; `power` is then not used.
        alpha: Level of each test; 0.05 corresponds to a 90% interval within the margin.

    Raises:
        ParameterError: A parameter is not acceptable, such as a difference not within the margin.
        CannotComputeError: More than 1,000,000 subjects would be needed.

    Example:
        >>> found = power_equivalence(0, 1, 0.5)
        >>> found.n, round(found.power, 3)
        (36, 0.805)
    """
    asked = Asked()
    asked.number("difference", difference)
    asked.number("sd", sd, above=0)
    asked.number("margin", margin, above=0)
    asked.power_or_n(power, n)
    asked.test(alpha, "one")
    asked.settle()
    asked.that(
        abs(difference) < margin,
        f"A difference of {difference:g} does not lie within the margin, so no number of subjects shows it; "
        f"accepted: a `margin` above {abs(difference):g}, or a smaller `difference`.",
    )
    asked.settle()

    def power_at(subjects: int) -> float:
        root = np.sqrt(subjects)
        factor = -float(special.stdtrit(subjects - 1, alpha)) / root
        return both_sides_within(
            mean=difference, error=sd / root, sd=sd, df=subjects - 1, factor=factor, limit=margin
        )

    asked_for = {"power": power} if n is None else {}
    needed = smallest_with_power(power_at, power) if n is None else n
    return SampleSize(
        title="Power of two one-sided paired t tests",
        n=needed,
        counted="subjects",
        solved_for="n" if n is None else "power",
        parameters={"difference": difference, "sd": sd, "margin": margin, **asked_for, "alpha": alpha},
        power=power_at(needed),
        citations=(SCHUIRMANN, OWEN),
    )
