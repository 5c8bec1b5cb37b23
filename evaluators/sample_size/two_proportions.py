"""Power to compare two proportions: of the same subjects (McNemar), or of different ones."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import special

from ..comparison.independent_proportions import score_statistic
from ..metric import CannotComputeError, Citation, FloatArray
from .asked import LARGEST, Asked
from .design import whole_up
from .proportions import binomial
from .results import SampleSize

CONNOR = Citation(
    "connor1987",
    "Connor RJ. Sample size for testing differences in proportions for the paired-sample design. Biometrics "
    "1987;43:207-211.",
)
MCNEMAR = Citation(
    "mcnemar1947",
    "McNemar Q. Note on the sampling error of the difference between correlated proportions or percentages. "
    "Psychometrika 1947;12:153-157.",
)
CHOW = Citation(
    "chow2008",
    "Chow SC, Shao J, Wang H. Sample Size Calculations in Clinical Research, 2nd ed. Chapman & Hall "
    "2008, s. 4.2.",
)
MOST_PAIRS = 20_000
"""The largest number of pairs whose exact power is computed."""
_CELLS = 40_000
"""As many outcomes of two groups are enumerated at most."""
_REACH = 7.0  # standard deviations of the counts that are enumerated: all but 1e-11


def power_mcnemar(
    p01: float,
    p10: float,
    *,
    power: float = 0.8,
    n: int | None = None,
    method: Literal["exact", "connor"] = "exact",
    alpha: float = 0.05,
    sides: Literal["two", "one"] = "two",
) -> SampleSize:
    """Pairs needed for McNemar's test of two proportions of the same subjects, or the power of a number.

    Args:
        p01: Probability that only the candidate is right.
        p10: Probability that only the baseline is right.
        power: Power wanted.
        n: Number of pairs whose power is asked; `power` is then not used.
        method: `exact` (default): the exact conditional test, averaged over the number of discordant pairs;
            counted is only a rejection in the direction of the larger probability. `connor`: the formula
            (z sqrt(p) + z' sqrt(p - d^2))^2 / d^2 with p = p01 + p10, d = p01 - p10 (Connor 1987), for the
            test without continuity correction; it gives fewer pairs than the exact test needs.
        alpha: Significance level.
        sides: `two` (default), or `one` in the direction of the larger probability.

    Returns:
        Of `exact`, the smallest number with the power; a few more may have a trifle less.

    Raises:
        ParameterError: A parameter is not acceptable, such as two equal probabilities.
        CannotComputeError: More than 20,000 pairs (exact) or 1,000,000 (formula) would be needed.

    Example:
        >>> power_mcnemar(0.45, 0.05, method="connor").n, power_mcnemar(0.45, 0.05).n
        (23, 25)
        >>> round(power_mcnemar(0.15, 0.05, n=100).power, 4)
        0.5444
    """
    asked = Asked()
    asked.number("p01", p01, least=0, below=1)
    asked.number("p10", p10, least=0, below=1)
    asked.power_or_n(power, n, 1)
    asked.one_of("method", method, ("exact", "connor"))
    asked.test(alpha, sides)
    asked.settle()
    asked.that(p01 + p10 <= 1, f"`p01` and `p10` add up to {p01 + p10:g}; accepted: at most 1.")
    asked.that(
        p01 != p10,
        "`p01` and `p10` are equal, so no number of pairs shows a difference; accepted: two that differ.",
    )
    asked.settle()
    discordant, apart = p01 + p10, abs(p01 - p10)
    tail = alpha / 2 if sides == "two" else alpha
    z = -float(special.ndtri(tail))
    rest = float(np.sqrt(max(discordant - apart**2, 0.0)))
    formula = (
        float(((z * np.sqrt(discordant) + special.ndtri(power) * rest) / apart) ** 2) if n is None else 0.0
    )
    large = max(formula, float(n or 0))
    most = MOST_PAIRS if method == "exact" else LARGEST
    if large > most:
        raise CannotComputeError(
            f"{large:,.0f} pairs or more are asked for; accepted are up to {most:,} with `{method}`"
            + (", or `method='connor'`." if method == "exact" else ".")
        )
    unrounded = None
    if method == "connor":
        needed = int(whole_up(formula)) if n is None else n
        unrounded = formula if n is None else None
        reached = (
            float(special.ndtr((apart * np.sqrt(needed) - z * np.sqrt(discordant)) / rest)) if rest else 1.0
        )
    elif n is None:
        needed, reached = _first_exact(discordant, max(p01, p10) / discordant, tail, power, formula)
    else:
        needed, reached = n, _exact(n, discordant, _conditional(n, max(p01, p10) / discordant, tail))
    asked_for = {"power": power} if n is None else {}
    details = {"discordant": discordant, "difference": p01 - p10}
    return SampleSize(
        title=f"Power of McNemar's test, {'exact' if method == 'exact' else 'formula of Connor'}",
        n=needed,
        counted="pairs",
        solved_for="n" if n is None else "power",
        parameters={"p01": p01, "p10": p10, **asked_for, "method": method, "alpha": alpha, "sides": sides},
        power=reached,
        unrounded=unrounded,
        details=details if n is not None else details | {"connor_n": formula},
        citations=(CONNOR, MCNEMAR),
    )


def power_proportion_difference(
    p1: float,
    p2: float,
    *,
    margin: float = 0.0,
    power: float = 0.8,
    n: int | None = None,
    ratio: float = 1.0,
    alpha: float = 0.05,
    sides: Literal["two", "one"] = "two",
) -> SampleSize:
    """Units of two independent groups needed to compare their proportions, or the power of a number.

    The number is that of the formula n2 = (p1 (1 - p1) / k + p2 (1 - p2)) ((z + z') / (p1 - p2 + margin))^2
    with k = n1 / n2 (Chow, Shao & Wang 2008), as R's `epiR::epi.ssninfb` for non-inferiority. It is an
    approximation: `details["exact_power"]` has the power of the score test of `proportion_non_inferiority`
    (Miettinen & Nurminen), outcome by outcome, where the groups are not too large for that.

    Args:
        p1: Expected proportion of the first group, the candidate.
        p2: Expected proportion of the second.
        margin: Non-inferiority margin, 0 or above; above 0 needs `sides="one"`. An event is what is good.
        power: Power wanted.
        n: Number of units of the second group whose power is asked; `power` is then not used.
        ratio: Units of the first group for each of the second, k.
        alpha: Significance level; of one side, where that is one-sided.
        sides: `two` (default) or `one`: first above second, less the margin.

    Returns:
        `n` counts both groups together; `details` has each.

    Raises:
        ParameterError: A parameter is not acceptable, such as a difference that is not beyond -margin.
        CannotComputeError: More than 1,000,000 units would be needed.

    Example:
        `epiR::epi.ssninfb(0.9, 0.9, delta = 0.1, power = 0.8, alpha = 0.05)` in R gives 111.29 a group:

        >>> found = power_proportion_difference(0.9, 0.9, margin=0.1, sides="one")
        >>> found.details["n1"], found.details["n2"], found.n
        (112, 112, 224)
    """
    asked = Asked()
    asked.share("p1", p1)
    asked.share("p2", p2)
    asked.number("margin", margin, least=0, below=1)
    asked.power_or_n(power, n, 1)
    asked.number("ratio", ratio, above=0)
    asked.test(alpha, sides)
    asked.settle()
    asked.that(
        margin == 0 or sides == "one", "Non-inferiority is one-sided: use `sides='one'` with a `margin`."
    )
    apart = p1 - p2 + margin
    asked.that(
        apart > 0 if sides == "one" else apart != 0,
        f"A difference of {p1 - p2:g} is not beyond {0 - margin:g}, so no number shows it; accepted: a `p1` "
        f"{'above' if sides == 'one' else 'other than'} {p2 - margin:g}.",
    )
    asked.settle()
    tail = alpha / 2 if sides == "two" else alpha
    z = -float(special.ndtri(tail))
    spread = p1 * (1 - p1) / ratio + p2 * (1 - p2)
    second = float(spread * ((z + special.ndtri(power)) / apart) ** 2) if n is None else float(n)
    if second * (1 + ratio) > LARGEST:
        raise CannotComputeError(
            f"{second * (1 + ratio):,.0f} units would be needed, more than {LARGEST:,}; accepted is a larger "
            "difference from what is to be excluded, or a lower `power`."
        )
    n2 = int(whole_up(second))
    n1 = int(whole_up(ratio * (second if n is None else n2)))
    error = float(np.sqrt(p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2))
    details: dict[str, float] = {"n1": n1, "n2": n2}
    exact = _exact_score(p1, n1, p2, n2, margin=margin, z=z, sides=sides)
    if exact is not None:
        details["exact_power"] = exact
    asked_for = {"power": power} if n is None else {}
    low = n is None and exact is not None and exact < power
    return SampleSize(
        title="Power to compare two independent proportions" + (", non-inferiority" if margin else ""),
        n=n1 + n2,
        counted="units of both groups",
        solved_for="n" if n is None else "power",
        parameters={
            "p1": p1, "p2": p2, "margin": margin, **asked_for, "ratio": ratio, "alpha": alpha, "sides": sides,
        },
        power=float(special.ndtr(abs(apart) / error - z)),
        unrounded=second * (1 + ratio) if n is None else None,
        details=details,
        warning="The exact power of the score test is below what is asked; take a few more." if low else None,
        citations=(CHOW,),
    )  # fmt: skip


def _conditional(most: int, share: float, tail: float) -> FloatArray:
    """Probability to reject given m discordant pairs, m = 0 to `most`, in the direction of `share`."""
    m = np.arange(most + 1)
    # the smallest count c with P(X >= c | m, 1/2) <= tail
    low, high = np.zeros_like(m), m + 1
    while (high - low > 1).any():
        middle = (low + high) // 2
        rejects = _at_least(np.maximum(middle, 1), m, 0.5) <= tail
        low, high = np.where(rejects, low, middle), np.where(rejects, np.maximum(middle, 1), high)
        low = np.minimum(low, high - 1)
    return _at_least(np.maximum(high, 1), m, share)


def _at_least(x: np.ndarray, m: np.ndarray, p: float) -> FloatArray:
    possible = x <= m
    return np.where(possible, special.betainc(x, np.where(possible, m - x, 0) + 1, p), 0.0)


def _exact(n: int, discordant: float, conditional: FloatArray) -> float:
    spread = 10 * np.sqrt(n * discordant * (1 - discordant)) + 10
    m = np.arange(max(0, int(n * discordant - spread)), min(n, int(n * discordant + spread)) + 1)
    return float(binomial(m, n, discordant) @ conditional[m])


def _first_exact(
    discordant: float, share: float, tail: float, power: float, formula: float
) -> tuple[int, float]:
    # the exact test is conservative: half of what the formula asks is never enough
    n, most = max(1, int(formula / 2)), max(64, int(1.5 * formula) + 64)
    conditional = _conditional(most, share, tail)
    while n <= MOST_PAIRS:
        if n > most:
            most *= 2
            conditional = _conditional(most, share, tail)
        reached = _exact(n, discordant, conditional)
        if reached >= power:
            return n, reached
        n += 1
    raise CannotComputeError(
        f"More than {MOST_PAIRS:,} pairs would be needed; accepted is a lower `power`, or `method='connor'`."
    )


def _exact_score(
    p1: float, n1: int, p2: float, n2: int, *, margin: float, z: float, sides: str
) -> float | None:
    """Power of the score test by enumeration; None where there are too many outcomes."""
    first, second = _likely(n1, p1), _likely(n2, p2)
    if len(first) * len(second) > _CELLS:
        return None
    chance = np.outer(binomial(first, n1, p1), binomial(second, n2, p2))
    statistic = np.array(
        [[score_statistic(float(a), n1, float(b), n2, -margin) for b in second] for a in first]
    )
    rejected = statistic > z
    if sides == "two":
        rejected |= statistic < -z
    return float(chance[rejected].sum())


def _likely(n: int, p: float) -> np.ndarray:
    spread = _REACH * np.sqrt(n * p * (1 - p)) + 5
    return np.arange(max(0, int(n * p - spread)), min(n, int(n * p + spread)) + 1)
