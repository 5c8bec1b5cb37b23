"""Precision of one proportion: how wide its interval will be."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from scipy import special

from ..intervals import METHODS
from ..metric import Citation, FloatArray
from ..proportions.intervals import BINOMIAL
from .asked import Asked, crossing, smallest_with_half_width
from .design import design_factor
from .results import SampleSize

KISH = Citation("kish1965", "Kish L. Survey Sampling. New York: Wiley 1965, s. 5.4 and 8.2.")
SIMEL = Citation(
    "simel1991",
    "Simel DL, Samsa GP, Matchar DB. Likelihood ratios with confidence: sample size estimation for "
    "diagnostic test studies. J Clin Epidemiol 1991;44:763-770.",
)

PLANNED = tuple(name for name in BINOMIAL if name not in ("blaker", "logit"))
"""Intervals that can be planned with: those with an answer at every outcome and at effective numbers."""

_REACH = 12.0  # standard deviations of the count that are enumerated; beyond, probabilities are below 1e-30


def precision_proportion(
    expected: float,
    *,
    half_width: float | None = None,
    n: int | None = None,
    ci: str = "wilson",
    level: float = 0.95,
    width_at: Literal["outcomes", "expected"] = "outcomes",
    rows_per_subject: int = 1,
    icc: float = 0.0,
) -> SampleSize:
    """Subjects needed for an interval of a proportion that is narrow enough, or the half-width at a number.

    Half the width is meant, (upper - lower) / 2; intervals are not symmetric about the estimate. With several
    rows a subject the interval is that of the effective number of rows, rows / (1 + (m - 1) ICC) (Kish 1965).

    Args:
        expected: The proportion that is expected.
        half_width: The half-width wanted.
        n: Number of subjects; give this or `half_width`.
        ci: `wilson` (default), `clopper_pearson`, `wilson_cc`, `mid_p`, `agresti_coull`, `jeffreys`, `wald`.
        level: Confidence level, two-sided.
        width_at: `outcomes` (default): the expected half-width, each outcome with its binomial probability,
            at whole effective numbers (rounded down). `expected`: the half-width were the expected proportion
            observed exactly, as R's presize has it; slightly larger for most, as widths are concave.
        rows_per_subject: Rows of each subject, m.
        icc: Intraclass correlation of a subject's rows, 0 to 1.

    Raises:
        ParameterError: A parameter is not acceptable.
        CannotComputeError: More than 1,000,000 subjects would be needed.

    Example:
        `presize::prec_prop(p = 0.9, conf.width = 0.1, method = "wilson")` in R gives 140.97:

        >>> found = precision_proportion(0.9, half_width=0.05, width_at="expected")
        >>> found.n, round(found.unrounded, 2)
        (141, 140.97)
        >>> precision_proportion(0.9, half_width=0.05).n
        139
    """
    asked = Asked()
    asked.share("expected", expected)
    asked.half_width_or_n(half_width, n, 1)
    asked.one_of("ci", ci, PLANNED)
    asked.level(level)
    asked.one_of("width_at", width_at, ("outcomes", "expected"))
    asked.that(
        (ci, width_at) != ("wald", "outcomes"),
        "`wald` has no width where no unit or every unit is an event, so that small studies would seem "
        "precise; use `width_at='expected'`, or another `ci`.",
    )
    factor = design_factor(asked, rows_per_subject, icc)
    asked.settle()
    rows = rows_per_subject / factor

    def width(subjects: float) -> float:
        if width_at == "expected":
            return float(_width(expected * subjects * rows, subjects * rows, ci, level))
        return _over_outcomes(expected, int(subjects * rows + 1e-9), ci, level)

    unrounded = None
    if half_width is not None:
        needed = smallest_with_half_width(width, half_width, least=1)
        if width_at == "expected":
            unrounded = crossing(width, half_width, needed, 1e-6)
    else:
        needed = int(n or 0)
    lower, upper = BINOMIAL[ci](expected * needed * rows, needed * rows, level)
    details: dict[str, float] = {"lower_if_as_expected": lower, "upper_if_as_expected": upper}
    if rows_per_subject > 1:
        details |= {
            "rows": needed * rows_per_subject, "design_effect": factor, "effective_rows": needed * rows,
        }  # fmt: skip
        if unrounded is not None:
            details["unrounded_rows"] = unrounded * rows_per_subject
    asked_for = {} if half_width is None else {"half_width": half_width}
    return SampleSize(
        title=f"Precision of a proportion, {METHODS[ci].title} interval",
        n=needed,
        counted="subjects",
        solved_for="half_width" if half_width is None else "n",
        parameters={
            "expected": expected, **asked_for, "ci": ci, "level": level, "width_at": width_at,
            "rows_per_subject": rows_per_subject, "icc": icc,
        },
        half_width=width(needed),
        unrounded=unrounded,
        details=details,
        warning=_few(needed) if rows_per_subject > 1 else None,
        citations=(*METHODS[ci].citations, *((KISH,) if rows_per_subject > 1 else ())),
    )  # fmt: skip


def precision_likelihood_ratio(
    sensitivity: float,
    specificity: float,
    prevalence: float,
    *,
    half_width: float | None = None,
    n: int | None = None,
    negative: bool = False,
    level: float = 0.95,
) -> SampleSize:
    """Subjects needed for a precise likelihood ratio, or half the width of its interval at a number.

    The interval is normal on the logarithm, with variance (1 - p1) / (p1 n1) + (1 - p2) / (p2 n2), p1 and p2
    the probabilities of the result with and without the condition (Simel 1991). n1 is `prevalence` of n.

    Args:
        sensitivity: Expected sensitivity.
        specificity: Expected specificity.
        prevalence: Share of subjects with the condition.
        half_width: Half the width wanted, on the scale of the ratio.
        n: Number of subjects; give this or `half_width`.
        negative: The ratio of a negative result, (1 - sensitivity) / specificity, and not of a positive one.
        level: Confidence level, two-sided.

    Raises:
        ParameterError: A parameter is not acceptable.
        CannotComputeError: More than 1,000,000 subjects would be needed.

    Example:
        `presize::prec_lr(prev = 0.3, p1 = 0.9, p2 = 0.1, conf.width = 4)` in R gives 1045.7:

        >>> precision_likelihood_ratio(0.9, 0.9, 0.3, half_width=2).n
        1046
    """
    asked = Asked()
    asked.share("sensitivity", sensitivity)
    asked.share("specificity", specificity)
    asked.share("prevalence", prevalence)
    asked.half_width_or_n(half_width, n)
    asked.level(level)
    asked.settle()
    p1, p2 = (1 - sensitivity, specificity) if negative else (sensitivity, 1 - specificity)
    ratio, z = p1 / p2, -float(special.ndtri((1 - level) / 2))

    def width(subjects: float) -> float:
        spread = (1 - p1) / (p1 * subjects * prevalence) + (1 - p2) / (p2 * subjects * (1 - prevalence))
        return float(ratio * np.sinh(z * np.sqrt(spread)))

    with np.errstate(over="ignore"):
        needed = int(n or 0) if half_width is None else smallest_with_half_width(width, half_width)
        unrounded = None if half_width is None else crossing(width, half_width, needed, 1.0)
        reached = width(needed)
    spread = float(np.arcsinh(reached / ratio))
    asked_for = {} if half_width is None else {"half_width": half_width}
    return SampleSize(
        title=f"Precision of the likelihood ratio of a {'negative' if negative else 'positive'} result",
        n=needed,
        counted="subjects",
        solved_for="half_width" if half_width is None else "n",
        parameters={
            "sensitivity": sensitivity, "specificity": specificity, "prevalence": prevalence, **asked_for,
            "level": level,
        },
        half_width=reached,
        unrounded=unrounded,
        details={
            "likelihood_ratio": ratio, "lower": float(ratio * np.exp(-spread)),
            "upper": float(ratio * np.exp(spread)),
        },
        citations=(SIMEL,),
    )  # fmt: skip


def _width(x: Any, n: Any, ci: str, level: float) -> Any:
    lower, upper = BINOMIAL[ci](x, n, level)
    return (upper - lower) / 2


def _over_outcomes(expected: float, n: int, ci: str, level: float) -> float:
    """Half-width averaged over the outcomes; infinite where there is not one row."""
    if n < 1:
        return float("inf")
    centre, spread = n * expected, np.sqrt(n * expected * (1 - expected)) + 1
    x = np.arange(max(0, int(centre - _REACH * spread)), min(n, int(centre + _REACH * spread)) + 1)
    chance = binomial(x, n, expected)
    return float(chance @ _width(x, n, ci, level) / chance.sum())


def binomial(x: Any, n: Any, p: float) -> FloatArray:
    """P(X = x) of x events in n."""
    logarithm = special.gammaln(n + 1) - special.gammaln(x + 1) - special.gammaln(n - x + 1)
    return np.asarray(np.exp(logarithm + special.xlogy(x, p) + special.xlog1py(n - x, -p)))


def _few(subjects: int) -> str | None:
    if subjects >= 20:
        return None
    return (
        f"With {subjects} subjects the correlation of rows is estimated poorly; an interval that allows for "
        "that is wider than this."
    )
