"""Limits of agreement: how precise they will be, and the power to show that they lie within an allowance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy import special

from ..agreement.limits_exact import limit_factor
from ..metric import Citation
from .asked import Asked, crossing, smallest_with_half_width, smallest_with_power
from .normal import both_sides_within
from .results import SampleSize

BLAND = Citation(
    "bland1999",
    "Bland JM, Altman DG. Measuring agreement in method comparison studies. Stat Methods Med Res "
    "1999;8:135-160.",
)
BLAND1986 = Citation(
    "bland1986",
    "Bland JM, Altman DG. Statistical methods for assessing agreement between two methods of clinical "
    "measurement. Lancet 1986;327:307-310.",
)
CARKEET = Citation(
    "carkeet2015",
    "Carkeet A. Exact parametric confidence intervals for Bland-Altman limits of agreement. Optom Vis Sci "
    "2015;92:e71-e80.",
)
LU = Citation(
    "lu2016",
    "Lu MJ, Zhong WH, Liu YX, Miao HZ, Li YC, Ji MH. Sample size for assessing agreement between two methods "
    "of measurement by Bland-Altman method. Int J Biostat 2016;12(2):20150039.",
)
CITATIONS = {
    "bland_altman": (BLAND,), "three_over_n": (BLAND1986,), "noncentral_t": (CARKEET,),
}  # fmt: skip

LimitInterval = Literal["bland_altman", "noncentral_t", "three_over_n"]


@dataclass(frozen=True)
class _Design:
    """n subjects with m pairs each; the total variance of a difference is 1.

    The mean has the variance (r + (1 - r) / m) / n, r being the share between subjects. The total variance is
    estimated by that of the subjects' means plus (1 - 1 / m) times that within, which are independent.
    """

    m: int
    icc: float

    def mean_variance(self, n: float) -> float:
        return (self.icc + (1 - self.icc) / self.m) / n

    def df(self, n: float) -> float:
        """Degrees of freedom of the total variance, by Satterthwaite; n - 1 with one pair a subject."""
        means = 2 * (self.icc + (1 - self.icc) / self.m) ** 2 / (n - 1)
        within = 0.0
        if self.m > 1:
            within = 2 * ((1 - 1 / self.m) * (1 - self.icc)) ** 2 / (n * (self.m - 1))
        return 2 / (means + within)

    def error(self, n: float, z: float) -> float:
        """Standard error of a limit: of the mean, and of z times the standard deviation (delta method)."""
        return float(np.sqrt(self.mean_variance(n) + z * z / (2 * self.df(n))))


def precision_limits_of_agreement(
    sd: float,
    *,
    half_width: float | None = None,
    n: int | None = None,
    ci: LimitInterval = "bland_altman",
    limits: float = 0.95,
    level: float = 0.95,
    rows_per_subject: int = 1,
    icc: float = 0.0,
) -> SampleSize:
    """Subjects needed for precise limits of agreement, or the half-width of one limit's interval at a number.

    Args:
        sd: Expected standard deviation of a single difference (between and within subjects together).
        half_width: The half-width wanted of the interval of a limit, in the unit measured.
        n: Number of subjects; give this or `half_width`.
        ci: `bland_altman` (default): t(n - 1) s sqrt(1/n + z^2 / (2 (n - 1))), Bland & Altman 1999, and with
            several pairs a subject the standard error from the variance components. `noncentral_t`: expected
            half-width of the exact interval (Carkeet 2015). `three_over_n`: z sqrt(3 s^2 / n), Bland & Altman
            1986, as R's presize has it; too narrow in small samples.
        limits: Share of differences between the limits.
        level: Confidence level, two-sided.
        rows_per_subject: Pairs of each subject; only `bland_altman` accepts more than one.
        icc: Share of the variance of differences that is between subjects, 0 to 1.

    Raises:
        ParameterError: A parameter is not acceptable.
        CannotComputeError: More than 1,000,000 subjects would be needed.

    Example:
        The rule of thumb 0.34 s for 100 subjects, and what it is exactly:

        >>> round(precision_limits_of_agreement(1, n=100, ci="three_over_n").half_width, 4)
        0.3395
        >>> round(precision_limits_of_agreement(1, n=100, ci="noncentral_t").half_width, 4)
        0.3405
        >>> precision_limits_of_agreement(10, half_width=2, rows_per_subject=3, icc=0.4).n
        142
    """
    asked = Asked()
    asked.number("sd", sd, above=0)
    asked.half_width_or_n(half_width, n)
    design = _checked(
        asked, ci, tuple(CITATIONS), limits=limits, level=level, rows_per_subject=rows_per_subject, icc=icc
    )
    asked.settle()
    z, tail = float(special.ndtri((1 + limits) / 2)), (1 - level) / 2

    def width(subjects: float) -> float:
        if ci == "three_over_n":
            return float(-special.ndtri(tail) * sd * np.sqrt(3 / subjects))
        if ci == "bland_altman":
            return float(-special.stdtrit(subjects - 1, tail) * sd * design.error(subjects, z))
        factors = limit_factor(subjects, 1 - tail, z) - limit_factor(subjects, tail, z)
        return sd * _unbiasing(subjects - 1) * factors / 2

    asked_for = {} if half_width is None else {"half_width": half_width}
    needed = int(n or 0) if half_width is None else smallest_with_half_width(width, half_width)
    return SampleSize(
        title="Precision of a limit of agreement",
        n=needed,
        counted="subjects",
        solved_for="half_width" if half_width is None else "n",
        parameters={
            "sd": sd, **asked_for, "ci": ci, "limits": limits, "level": level,
            "rows_per_subject": rows_per_subject, "icc": icc,
        },
        half_width=width(needed),
        unrounded=None if half_width is None else crossing(width, half_width, needed, 1.0 + 1e-6),
        details=_rows(design, needed),
        citations=CITATIONS[ci],
    )  # fmt: skip


def power_limits_of_agreement(
    bias: float,
    sd: float,
    allowance: float,
    *,
    power: float = 0.8,
    n: int | None = None,
    ci: Literal["bland_altman", "noncentral_t"] = "bland_altman",
    method: Literal["exact", "lu"] = "exact",
    limits: float = 0.95,
    level: float = 0.95,
    rows_per_subject: int = 1,
    icc: float = 0.0,
) -> SampleSize:
    """Subjects needed to show that both limits of agreement lie within an allowance, or a number's power.

    Shown is it where the intervals of both limits lie within -allowance to allowance.

    `exact` integrates over the joint distribution of the mean and the standard deviation of normal
    differences. With several pairs a subject that distribution is approximated: degrees of freedom by
    Satterthwaite. `lu` is the formula of Lu and colleagues (2016), whose noncentral t takes a limit for
    independent of its standard error; with a bias its power is too high, without one a little too low. For
    bias 0.001167, s 0.001129 and allowance 0.004, MedCalc's example, the formula gives 79 and the exact power
    83, the number that MedCalc prints.

    Args:
        bias: Expected mean difference, in the unit measured.
        sd: Expected standard deviation of a single difference.
        allowance: Largest acceptable size of a limit.
        power: Power wanted.
        n: Number of subjects whose power is asked; `power` is then not used.
        ci: Interval of a limit that decides: `bland_altman` (Bland & Altman 1999) or `noncentral_t` (exact).
        method: `exact` (default) or `lu`; `lu` is for `bland_altman` with one pair a subject.
        limits: Share of differences between the limits.
        level: Confidence level of the interval of each limit, two-sided.
        rows_per_subject: Pairs of each subject; only `bland_altman` accepts more than one.
        icc: Share of the variance of differences that is between subjects, 0 to 1.

    Raises:
        ParameterError: A parameter is not acceptable, such as an allowance that the true limits exceed.
        CannotComputeError: More than 1,000,000 subjects would be needed.

    Example:
        >>> power_limits_of_agreement(0.001167, 0.001129, 0.004).n
        83
        >>> power_limits_of_agreement(0.001167, 0.001129, 0.004, method="lu").n
        79
    """
    asked = Asked()
    asked.number("bias", bias)
    asked.number("sd", sd, above=0)
    asked.number("allowance", allowance, above=0)
    asked.power_or_n(power, n)
    design = _checked(
        asked,
        ci,
        ("bland_altman", "noncentral_t"),
        limits=limits,
        level=level,
        rows_per_subject=rows_per_subject,
        icc=icc,
    )
    asked.one_of("method", method, ("exact", "lu"))
    asked.that(
        method != "lu" or (ci == "bland_altman" and rows_per_subject == 1),
        "`lu` is for `bland_altman` and one pair a subject; use `method='exact'`.",
    )
    asked.settle()
    z = float(special.ndtri((1 + limits) / 2))
    worst = abs(bias) + z * sd
    asked.that(
        worst < allowance,
        f"The expected limits reach {worst:.4g}, not within the allowance {allowance:g}, so no number of "
        f"subjects shows it; accepted: an `allowance` above {worst:.4g}, or a smaller `bias` or `sd`.",
    )
    asked.settle()
    power_at = _power(design, bias=bias, sd=sd, allowance=allowance, z=z, level=level, ci=ci, method=method)
    needed = smallest_with_power(power_at, power) if n is None else n
    asked_for = {"power": power} if n is None else {}
    warning = None
    if method == "lu":
        warning = "An approximation; `method='exact'` has the power of the decision itself."
    elif rows_per_subject > 1:
        warning = (
            "With several pairs a subject the power is approximate (Satterthwaite's degrees of freedom)."
        )
    return SampleSize(
        title="Power to show that limits of agreement lie within an allowance",
        n=needed,
        counted="subjects",
        solved_for="n" if n is None else "power",
        parameters={
            "bias": bias, "sd": sd, "allowance": allowance, **asked_for, "ci": ci, "method": method,
            "limits": limits, "level": level, "rows_per_subject": rows_per_subject, "icc": icc,
        },
        power=power_at(needed),
        details={"expected_lower": bias - z * sd, "expected_upper": bias + z * sd, **_rows(design, needed)},
        warning=warning,
        citations=(LU, *CITATIONS[ci]),
    )  # fmt: skip


def _power(
    design: _Design,
    *,
    bias: float,
    sd: float,
    allowance: float,
    z: float,
    level: float,
    ci: str,
    method: str,
) -> Callable[[int], float]:
    tail = (1 - level) / 2

    def power_at(n: int) -> float:
        t = -float(special.stdtrit(n - 1, tail))
        if method == "lu":
            distance = (allowance - z * sd + np.array([bias, -bias])) / (sd * design.error(n, z))
            missed = [float(special.nctdtr(n - 1, one, t)) for one in distance]
            return max(0.0, 1 - missed[0] - missed[1])
        factor = z + t * design.error(n, z) if ci == "bland_altman" else limit_factor(n, 1 - tail, z)
        error = sd * float(np.sqrt(design.mean_variance(n)))
        return both_sides_within(
            mean=bias, error=error, sd=sd, df=design.df(n), factor=factor, limit=allowance
        )

    return power_at


def _checked(
    asked: Asked,
    ci: Any,
    accepted: tuple[str, ...],
    *,
    limits: Any,
    level: Any,
    rows_per_subject: Any,
    icc: Any,
) -> _Design:
    asked.one_of("ci", ci, accepted)
    asked.share("limits", limits)
    asked.level(level)
    asked.whole("rows_per_subject", rows_per_subject, 1)
    asked.number("icc", icc, least=0, most=1)
    asked.that(
        rows_per_subject == 1 or ci == "bland_altman",
        f"`{ci}` is for one pair a subject; use `bland_altman` with several.",
    )
    return _Design(rows_per_subject, icc if rows_per_subject != 1 else 0.0)


def _rows(design: _Design, n: int) -> dict[str, float]:
    return {} if design.m == 1 else {"rows": n * design.m, "df": design.df(n)}


def _unbiasing(df: float) -> float:
    """Expected sample standard deviation over the true one, for normal values."""
    return float(np.sqrt(2 / df) * special.poch(df / 2, 0.5))
