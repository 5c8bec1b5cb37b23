"""From the evaluable results that a calculation asks for to the subjects that must be enrolled."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from scipy import special

from ..metric import CannotComputeError, Citation
from .asked import LARGEST, Asked
from .results import SampleSize, Step

ELDRIDGE = Citation(
    "eldridge2006",
    "Eldridge SM, Ashby D, Kerry S. Sample size for cluster randomized trials: effect of coefficient of "
    "variation of cluster size and analysis method. Int J Epidemiol 2006;35:1292-1300.",
)
BUDERER = Citation(
    "buderer1996",
    "Buderer NMF. Statistical methodology: I. Incorporating the prevalence of disease into the sample size "
    "calculation for sensitivity and specificity. Acad Emerg Med 1996;3:895-900.",
)

Ceilings = Literal["end", "each"]


def design_effect(rows_per_subject: float, icc: float, *, size_cv: float = 0.0) -> float:
    """Factor by which correlated rows of a subject enlarge a variance, 1 + ((1 + CV^2) m - 1) ICC.

    Args:
        rows_per_subject: Mean number of rows of a subject, m.
        icc: Intraclass correlation of a subject's rows, 0 to 1.
        size_cv: Coefficient of variation of the number of rows; 0 (default) where all have as many. With
            subjects of different size the formula is for estimates that weight each row alike, and is on the
            safe side (Eldridge 2006).

    Raises:
        ParameterError: A parameter is not acceptable.

    Example:
        200 independent rows are worth as much as 390 of 20 a subject:

        >>> round(design_effect(20, 0.05), 2), round(200 * design_effect(20, 0.05), 1)
        (1.95, 390.0)
    """
    asked = Asked()
    asked.number("rows_per_subject", rows_per_subject, least=1)
    asked.number("icc", icc, least=0, most=1)
    asked.number("size_cv", size_cv, least=0)
    asked.settle()
    return 1 + ((1 + size_cv**2) * rows_per_subject - 1) * icc


def inflate_sample_size(
    positives: float,
    negatives: float = 0.0,
    *,
    prevalence: float | None = None,
    inconclusive: float = 0.0,
    drop_out: float = 0.0,
    assurance: float | None = None,
    ceilings: Ceilings = "end",
) -> SampleSize:
    """Subjects to enrol so that enough evaluable ones with, and without, the condition are among them.

    In this order: those needed with the condition are divided by the prevalence, those needed without by
    1 - prevalence, the larger total is taken (Buderer 1996); it is divided by 1 - `inconclusive` and by
    1 - `drop_out`; then it is rounded up. `ceilings="each"` rounds up after every division, too, which
    never gives less.

    Divided by the prevalence, the number needed is there on average, and so in about every second study.
    `assurance` asks for the number that has enough of both with a stated probability instead: the number with
    the condition, and evaluable, is binomial.

    Args:
        positives: Evaluable subjects needed with the condition, from another calculation; need not be whole.
        negatives: Evaluable subjects needed without it; 0 where only sensitivity is planned.
        prevalence: Share of the enrolled with the condition; None (default) where cases and controls are
            enrolled separately, or the condition plays no part: both numbers then add up.
        inconclusive: Share of subjects whose result can not be used, 0 to below 1.
        drop_out: Share of subjects who are lost before there is a result, 0 to below 1.
        assurance: Probability wanted that there are enough of both; needs a prevalence. None: on average.
        ceilings: `end` (default) rounds up once; `each` after every step.

    Returns:
        `n` to enrol, the calculation in `steps`; `details` has the probability that there are enough.

    Raises:
        ParameterError: A parameter is not acceptable.
        CannotComputeError: More than 1,000,000 subjects would be needed.

    Example:
        >>> found = inflate_sample_size(138.29, 195.91, prevalence=0.2, inconclusive=0.17, drop_out=0.1)
        >>> found.n
        926
        >>> for step in found.steps:
        ...     print(f"{step.name}: {step.value:.2f}")
        evaluable with the condition: 138.29
        total for these: 691.45
        evaluable without the condition: 195.91
        total for these: 244.89
        larger total: 691.45
        inconclusive results replaced: 833.07
        drop-outs replaced: 925.64
        subjects to enrol: 926.00
    """
    asked = Asked()
    asked.number("positives", positives, least=0, most=LARGEST)
    asked.number("negatives", negatives, least=0, most=LARGEST)
    if prevalence is not None:
        asked.share("prevalence", prevalence)
    asked.number("inconclusive", inconclusive, least=0, below=1)
    asked.number("drop_out", drop_out, least=0, below=1)
    asked.one_of("ceilings", ceilings, ("end", "each"))
    if assurance is not None:
        asked.share("assurance", assurance)
        asked.that(
            prevalence is not None, "`assurance` needs a `prevalence`: without one nothing is left to chance."
        )
    asked.settle()
    asked.that(positives + negatives > 0, "`positives` and `negatives` are both 0; at least one is above 0.")
    asked.settle()
    steps = _both_groups(float(positives), float(negatives), prevalence, ceilings)
    for name, share, words in (
        ("inconclusive results replaced", inconclusive, "inconclusive"),
        ("drop-outs replaced", drop_out, "drop-out"),
    ):
        if share > 0:
            value = steps[-1].value / (1 - share)
            steps.append(Step(name, _up(value, ceilings), f"divided by 1 - {share:g} ({words})"))
    n = int(whole_up(steps[-1].value))
    if n > LARGEST:
        raise CannotComputeError(_too_many(n))
    details: dict[str, float] = {}
    kept = (1 - inconclusive) * (1 - drop_out)
    if prevalence is not None:
        if assurance is not None:
            n = _assured(
                n,
                positives=positives,
                negatives=negatives,
                prevalence=prevalence,
                kept=kept,
                assurance=assurance,
            )
            steps.append(Step("subjects to enrol", n, f"enough of both with probability {assurance:g}"))
        else:
            steps.append(Step("subjects to enrol", n, "rounded up"))
        details["chance_of_enough"] = _chance(n, positives, negatives, prevalence, kept)
    else:
        steps.append(Step("subjects to enrol", n, "rounded up"))
    parameters: dict[str, Any] = {
        "positives": float(positives), "negatives": float(negatives), "prevalence": prevalence,
        "inconclusive": inconclusive, "drop_out": drop_out, "assurance": assurance, "ceilings": ceilings,
    }  # fmt: skip
    average = prevalence is not None and assurance is None
    return SampleSize(
        title="Subjects to enrol",
        n=n,
        counted="subjects",
        solved_for="n",
        parameters=parameters,
        unrounded=None if assurance is not None else steps[-2].value,
        details=details,
        steps=tuple(steps),
        warning="Enough are there on average only; ask for an `assurance` to be surer." if average else None,
        citations=(BUDERER,) if prevalence is not None else (),
    )


def design_factor(asked: Asked, rows_per_subject: Any, icc: Any) -> float:
    """`design_effect` of equal numbers of rows, its objections added to others; 1 where there are any."""
    asked.whole("rows_per_subject", rows_per_subject, 1)
    asked.number("icc", icc, least=0, most=1)
    try:
        return design_effect(rows_per_subject, icc)
    except ValueError:
        return 1.0


def whole_up(value: float) -> float:
    """Rounded up; what is a whole number but for the last digits of a division stays it."""
    return float(np.ceil(value - 1e-9 * max(1.0, abs(value))))


def _up(value: float, ceilings: Ceilings) -> float:
    return whole_up(value) if ceilings == "each" else value


def _both_groups(
    positives: float, negatives: float, prevalence: float | None, ceilings: Ceilings
) -> list[Step]:
    steps: list[Step] = []
    totals: list[float] = []
    for needed, name, share, words in (
        (positives, "evaluable with the condition", prevalence, "the prevalence"),
        (
            negatives,
            "evaluable without the condition",
            None if prevalence is None else 1 - prevalence,
            "1 - prevalence",
        ),
    ):
        if not needed:
            continue
        steps.append(Step(name, _up(needed, ceilings), "needed"))
        totals.append(steps[-1].value)
        if share is not None:
            totals[-1] = _up(totals[-1] / share, ceilings)
            steps.append(Step("total for these", totals[-1], f"divided by {words}, {share:g}"))
    if len(totals) > 1:
        if prevalence is None:
            steps.append(Step("both together", sum(totals), "the sum: enrolled separately"))
        else:
            steps.append(Step("larger total", max(totals), "it has enough of both"))
    return steps


def _chance(n: int, positives: float, negatives: float, prevalence: float, kept: float) -> float:
    """Probability of enough evaluable subjects of both kinds among n, evaluable ones being binomial."""
    need, other = int(whole_up(positives)), int(whole_up(negatives))
    if not other:
        return _at_least(need, n, prevalence * kept)
    if not need:
        return _at_least(other, n, (1 - prevalence) * kept)
    with_condition = np.arange(need, n + 1)
    chance = np.exp(
        special.gammaln(n + 1) - special.gammaln(with_condition + 1) - special.gammaln(n - with_condition + 1)
        + special.xlogy(with_condition, prevalence * kept)
        + special.xlog1py(n - with_condition, -prevalence * kept)
    )  # fmt: skip
    # of the rest, one is evaluable and without the condition with this probability
    rest = (1 - prevalence) * kept / (1 - prevalence * kept)
    left = n - with_condition
    enough = np.where(left >= other, special.betainc(other, np.maximum(left - other + 1, 1), rest), 0.0)
    return min(1.0, float(chance @ enough))


def _at_least(x: int, n: int, p: float) -> float:
    return float(special.betainc(x, n - x + 1, p)) if x <= n else 0.0


def _assured(
    n: int, *, positives: float, negatives: float, prevalence: float, kept: float, assurance: float
) -> int:
    """The smallest number with enough of both with the probability wanted; it grows with the number."""

    def enough(subjects: int) -> bool:
        return _chance(subjects, positives, negatives, prevalence, kept) >= assurance

    below, above = 0, n
    while not enough(above):
        below, above = above, 2 * above
        if below > LARGEST:
            raise CannotComputeError(_too_many(below))
    while above - below > 1:
        middle = (below + above) // 2
        below, above = (below, middle) if enough(middle) else (middle, above)
    if above > LARGEST:
        raise CannotComputeError(_too_many(above))
    return above


def _too_many(n: int) -> str:
    return (
        f"{n:,} subjects would have to be enrolled, more than {LARGEST:,}; accepted are a higher prevalence, "
        "fewer losses or a smaller number needed."
    )
