"""Power and precision of the area under the ROC curve."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from scipy import special

from ..metric import Citation
from .asked import LARGEST, Asked, crossing, smallest_with_half_width, smallest_with_power
from .design import whole_up
from .results import SampleSize

OBUCHOWSKI = Citation(
    "obuchowski2004",
    "Obuchowski NA, Lieber ML, Wians FH. ROC curves in clinical chemistry: uses, misuses, and possible "
    "solutions. Clin Chem 2004;50:1118-1125.",
)
OBUCHOWSKI1997 = Citation(
    "obuchowski1997power",
    "Obuchowski NA, McClish DK. Sample size determination for diagnostic accuracy studies involving binormal "
    "ROC curve indices. Stat Med 1997;16:1529-1542.",
)
HANLEY = Citation(
    "hanley1982",
    "Hanley JA, McNeil BJ. The meaning and use of the area under a receiver operating characteristic (ROC) "
    "curve. Radiology 1982;143:29-36.",
)


def power_auc(
    area: float,
    *,
    null: float = 0.5,
    power: float = 0.8,
    n: int | None = None,
    ratio: float = 1.0,
    variance: Literal["obuchowski", "hanley_mcneil"] = "obuchowski",
    alpha: float = 0.05,
    sides: Literal["two", "one"] = "two",
) -> SampleSize:
    """Cases and controls needed to show that an area under the ROC curve exceeds a value, or the power.

    Normal approximation: (z sqrt(V0) + z' sqrt(V1))^2 / (area - null)^2 cases, V being the variance of the
    area times the number of cases, under the null value and under the expected one.

    Args:
        area: Expected area, above `null`.
        null: Area that is to be exceeded; 0.5 (default) is chance.
        power: Power wanted.
        n: Number of cases whose power is asked; `power` is then not used.
        ratio: Controls for each case.
        variance: `obuchowski` (default): binormal scores of equal variance (Obuchowski 2004, formula 3, with
            its constants 0.0099 and 1.414), as R's pROC has it. `hanley_mcneil`: exponential scores
            (Hanley & McNeil 1982), as MedCalc has it; depends on the number itself, which is searched.
        alpha: Significance level.
        sides: `two` (default) or `one`.

    Returns:
        `n` counts cases and controls together; `details` has each.

    Raises:
        ParameterError: A parameter is not acceptable, such as an area not above the null value.
        CannotComputeError: More than 1,000,000 cases would be needed.

    Example:
        `pROC::power.roc.test(auc = 0.8, sig.level = 0.05, power = 0.8)` in R gives 12.74 cases:

        >>> found = power_auc(0.8)
        >>> found.details["cases"], found.details["controls"], round(found.details["unrounded_cases"], 2)
        (13, 13, 12.74)
    """
    asked = Asked()
    asked.number("area", area, above=0.5, below=1)
    asked.number("null", null, least=0.5, below=1)
    asked.power_or_n(power, n)
    asked.number("ratio", ratio, above=0)
    asked.one_of("variance", variance, ("obuchowski", "hanley_mcneil"))
    asked.test(alpha, sides)
    asked.settle()
    asked.that(
        area > null,
        f"The expected area {area:g} does not exceed {null:g}, so no number of cases shows it; accepted: an "
        f"`area` above {null:g}.",
    )
    asked.settle()
    z = -float(special.ndtri(alpha / 2 if sides == "two" else alpha))

    def power_at(cases: float) -> float:
        v0, v1 = (_variance(value, cases, ratio * cases, variance) for value in (null, area))
        return float(special.ndtr((area - null - z * np.sqrt(v0)) / np.sqrt(v1)))

    details: dict[str, float] = {}
    if n is not None:
        cases = n
        details = {"cases": n, "controls": int(whole_up(ratio * n))}
    elif variance == "obuchowski":
        v0, v1 = (_variance(value, 1.0, ratio, variance) for value in (null, area))
        exact = float(((z * np.sqrt(v0) + special.ndtri(power) * np.sqrt(v1)) / (area - null)) ** 2)
        if exact > LARGEST:
            smallest_with_power(power_at, power, counted="cases")  # says what would be accepted
        cases = int(whole_up(exact))
        details = {"cases": cases, "controls": int(whole_up(ratio * exact)), "unrounded_cases": exact}
    else:
        cases = smallest_with_power(power_at, power, counted="cases")
        details = {"cases": cases, "controls": int(whole_up(ratio * cases))}
    asked_for = {"power": power} if n is None else {}
    return SampleSize(
        title="Power to show that an area under the ROC curve exceeds a value",
        n=int(details["cases"] + details["controls"]),
        counted="cases and controls",
        solved_for="n" if n is None else "power",
        parameters={
            "area": area, "null": null, **asked_for, "ratio": ratio, "variance": variance, "alpha": alpha,
            "sides": sides,
        },
        power=power_at(cases),
        details=details,
        warning="With so few cases or controls the normal approximation is poor." if cases < 20 else None,
        citations=(OBUCHOWSKI,) if variance == "obuchowski" else (HANLEY,),
    )  # fmt: skip


def power_auc_difference(
    difference: float,
    variance_first: float,
    variance_second: float,
    covariance: float,
    cases: int,
    *,
    power: float = 0.8,
    n: int | None = None,
    ratio: float = 1.0,
    alpha: float = 0.05,
    sides: Literal["two", "one"] = "two",
) -> SampleSize:
    """Cases needed to tell two areas under ROC curves of the same subjects apart, or the power of a number.

    The variances come from a pilot study (DeLong's, as `compare_auc` has them) and shrink with the number of
    cases, at the pilot's ratio of controls. Under the null hypothesis both areas have the variance of the
    first (Obuchowski & McClish 1997; R's pROC), so that the order of the two matters; variances of binormal
    curves may be given as well, with `cases=1` if they are those of one case.

    Args:
        difference: Expected difference of the areas.
        variance_first: Variance of the area of the first curve in the pilot study.
        variance_second: Variance of the second.
        covariance: Covariance of both.
        cases: Cases of the pilot study.
        power: Power wanted.
        n: Number of cases whose power is asked; `power` is then not used.
        ratio: Controls for each case, as in the pilot study.
        alpha: Significance level.
        sides: `two` (default) or `one`.

    Returns:
        `n` counts cases and controls together; `details` has each.

    Raises:
        ParameterError: A parameter is not acceptable, such as a difference of 0, or variances that are none.
        CannotComputeError: More than 1,000,000 cases would be needed.

    Example:
        >>> found = power_auc_difference(0.05, 0.0015, 0.0020, 0.0010, 41, ratio=72 / 41)
        >>> found.details["cases"], found.details["controls"]
        (147, 258)
    """
    asked = Asked()
    asked.number("difference", difference, above=-1, below=1)
    asked.number("variance_first", variance_first, above=0)
    asked.number("variance_second", variance_second, above=0)
    asked.number("covariance", covariance)
    asked.whole("cases", cases, 1)
    asked.power_or_n(power, n)
    asked.number("ratio", ratio, above=0)
    asked.test(alpha, sides)
    asked.settle()
    none = 2 * (variance_first - covariance)
    some = variance_first + variance_second - 2 * covariance
    asked.that(difference != 0, "`difference` is 0, so no number of cases shows it; accepted: any other.")
    asked.that(
        none > 0 and some > 0,
        "`covariance` is too large for the variances; accepted: below the variance of the first, and "
        "below the mean of both.",
    )
    asked.settle()
    v0, v1 = none * cases, some * cases
    z = -float(special.ndtri(alpha / 2 if sides == "two" else alpha))

    def power_at(number: float) -> float:
        return float(special.ndtr((abs(difference) * np.sqrt(number) - z * np.sqrt(v0)) / np.sqrt(v1)))

    asked_for = {"power": power} if n is None else {}
    details: dict[str, float] = {}
    needed = n
    if needed is None:
        exact = float(((z * np.sqrt(v0) + special.ndtri(power) * np.sqrt(v1)) / difference) ** 2)
        if exact > LARGEST:
            smallest_with_power(power_at, power, counted="cases")  # says what would be accepted
        needed = int(whole_up(exact))
        details = {"unrounded_cases": exact}
    controls = int(whole_up(ratio * details.get("unrounded_cases", needed)))
    return SampleSize(
        title="Power to tell two areas under ROC curves of the same subjects apart",
        n=needed + controls,
        counted="cases and controls",
        solved_for="n" if n is None else "power",
        parameters={
            "difference": difference, "variance_first": variance_first, "variance_second": variance_second,
            "covariance": covariance, "cases": cases, **asked_for, "ratio": ratio, "alpha": alpha,
            "sides": sides,
        },
        power=power_at(needed),
        details={"cases": needed, "controls": controls, **details},
        citations=(OBUCHOWSKI1997,),
    )  # fmt: skip


def precision_auc(
    area: float,
    prevalence: float,
    *,
    half_width: float | None = None,
    n: int | None = None,
    level: float = 0.95,
) -> SampleSize:
    """Subjects needed for a precise area under the ROC curve, or the half-width of its interval at a number.

    Normal interval with the variance of Hanley & McNeil (1982), which rests on exponential scores.

    Args:
        area: Expected area.
        prevalence: Share of subjects who are cases.
        half_width: The half-width wanted.
        n: Number of subjects, cases and controls; give this or `half_width`.
        level: Confidence level, two-sided.

    Raises:
        ParameterError: A parameter is not acceptable.
        CannotComputeError: More than 1,000,000 subjects would be needed.

    Example:
        `presize::prec_auc(0.85, 0.3, conf.width = 0.1)` in R gives 337.69:

        >>> precision_auc(0.85, 0.3, half_width=0.05).n
        338
    """
    asked = Asked()
    asked.number("area", area, above=0.5, below=1)
    asked.share("prevalence", prevalence)
    asked.half_width_or_n(half_width, n)
    asked.level(level)
    asked.settle()
    z = -float(special.ndtri((1 - level) / 2))

    def width(subjects: float) -> float:
        cases = subjects * prevalence
        return float(z * np.sqrt(_variance(area, cases, subjects - cases, "hanley_mcneil")))

    needed = int(n or 0) if half_width is None else smallest_with_half_width(width, half_width)
    reached = width(needed)
    asked_for = {} if half_width is None else {"half_width": half_width}
    return SampleSize(
        title="Precision of an area under the ROC curve",
        n=needed,
        counted="subjects",
        solved_for="half_width" if half_width is None else "n",
        parameters={"area": area, "prevalence": prevalence, **asked_for, "level": level},
        half_width=reached,
        unrounded=None if half_width is None else crossing(width, half_width, needed, 1.0),
        details={
            "cases": needed * prevalence, "controls": needed * (1 - prevalence), "lower": area - reached,
            "upper": area + reached,
        },
        warning="The interval reaches beyond 1: too wide for a normal one." if area + reached > 1 else None,
        citations=(HANLEY,),
    )  # fmt: skip


def _hanley_mcneil(area: float, cases: float, controls: float) -> float:
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    spread = (cases - 1) * (q1 - area**2) + (controls - 1) * (q2 - area**2)
    return (area * (1 - area) + spread) / (cases * controls)


def _obuchowski(area: float, cases: float, controls: float) -> float:
    a = float(special.ndtri(area)) * 1.414
    ratio = controls / cases
    return float(0.0099 * np.exp(-(a**2) / 2) * ((5 * a**2 + 8) + (a**2 + 8) / ratio)) / cases


_VARIANCES: dict[str, Callable[[float, float, float], float]] = {
    "hanley_mcneil": _hanley_mcneil,
    "obuchowski": _obuchowski,
}


def _variance(area: float, cases: float, controls: float, name: str) -> float:
    return _VARIANCES[name](area, cases, controls)
