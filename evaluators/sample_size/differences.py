"""Sample sizes for differences of measurements: bias, Arms and root mean square error."""

from __future__ import annotations

import numpy as np
from scipy import special

from ..intervals import BINDER, STUDENT
from ..metric import Citation
from .asked import Asked, crossing, smallest_with_half_width
from .results import SampleSize

MULTIVARIATE = Citation(
    "anderson2003",
    "Anderson TW. An Introduction to Multivariate Statistical Analysis, 3rd ed. Wiley 2003, s. 2.6 (fourth "
    "moments of normal variables).",
)


def precision_mean_difference(
    between_sd: float,
    *,
    within_sd: float = 0.0,
    rows_per_subject: int = 1,
    half_width: float | None = None,
    n: int | None = None,
    level: float = 0.95,
) -> SampleSize:
    """Subjects needed for a precise mean difference (bias), or the half-width of its interval at a number.

    Student's t interval of the subjects' means, n - 1 degrees of freedom: t sqrt((sb^2 + sw^2 / m) / n). With
    one row a subject the two standard deviations can not be told apart: give theirs together as `between_sd`.
    More rows a subject lower only the second part.

    Args:
        between_sd: Standard deviation of the subjects' true mean differences, sb, in the unit measured.
        within_sd: Standard deviation of differences within a subject, sw.
        rows_per_subject: Pairs of each subject, m.
        half_width: The half-width wanted, in the unit measured.
        n: Number of subjects; give this or `half_width`.
        level: Confidence level, two-sided.

    Raises:
        ParameterError: A parameter is not acceptable.
        CannotComputeError: More than 1,000,000 subjects would be needed.

    Example:
        `presize::prec_mean(mean = 0, sd = 3.3, conf.width = 1)` in R gives 169.76:

        >>> precision_mean_difference(3.3, half_width=0.5).n
        170
        >>> round(precision_mean_difference(3, within_sd=4, rows_per_subject=4, n=30).half_width, 3)
        1.346
    """
    asked = Asked()
    asked.number("between_sd", between_sd, least=0)
    asked.number("within_sd", within_sd, least=0)
    asked.whole("rows_per_subject", rows_per_subject, 1)
    asked.half_width_or_n(half_width, n)
    asked.level(level)
    asked.settle()
    asked.that(between_sd + within_sd > 0, "`between_sd` and `within_sd` are both 0; one must be above 0.")
    asked.settle()
    spread = float(np.sqrt(between_sd**2 + within_sd**2 / rows_per_subject))
    return _by_t(
        "Precision of a mean difference, t interval of subjects' means",
        spread,
        {"between_sd": between_sd, "within_sd": within_sd, "rows_per_subject": rows_per_subject},
        half_width=half_width,
        n=n,
        level=level,
        details={"sd_of_subject_means": spread},
        citations=(STUDENT,),
    )


def precision_rmse(
    rmse: float,
    *,
    bias: float = 0.0,
    rows_per_subject: int = 1,
    icc: float = 0.0,
    half_width: float | None = None,
    n: int | None = None,
    level: float = 0.95,
) -> SampleSize:
    """Subjects needed for a precise root mean square error (Arms of a pulse oximeter), or its half-width.

    Differences are normal, bias + subject + rest, with total variance s^2 = rmse^2 - bias^2 and intraclass
    correlation r. The mean square of a subject's m differences then has the variance

        V = (2 s^4 (1 + (m - 1) r^2) + 4 bias^2 s^2 (1 + (m - 1) r)) / m

    from the fourth moments of normal variables, and the half-width is t(n - 1) sqrt(V / n) / (2 rmse), by the
    delta method: the interval `cluster_t` of the metric `rmse`. With no bias, correlation counts by its
    square; a bias makes it count in full.

    Args:
        rmse: Expected root mean square error, in the unit measured.
        bias: Expected mean difference, smaller than `rmse`.
        rows_per_subject: Pairs of each subject, m.
        icc: Intraclass correlation of a subject's differences, r.
        half_width: The half-width wanted, in the unit measured.
        n: Number of subjects; give this or `half_width`.
        level: Confidence level, two-sided.

    Raises:
        ParameterError: A parameter is not acceptable.
        CannotComputeError: More than 1,000,000 subjects would be needed.

    Example:
        Arms of 2.5% with ten subjects and twenty pairs each:

        >>> round(precision_rmse(2.5, bias=0.5, rows_per_subject=20, icc=0.5, n=10).half_width, 3)
        0.699
        >>> precision_rmse(2.5, bias=0.5, rows_per_subject=20, icc=0.5, half_width=0.3).n
        44
    """
    asked = Asked()
    asked.number("rmse", rmse, above=0)
    asked.number("bias", bias)
    asked.whole("rows_per_subject", rows_per_subject, 1)
    asked.number("icc", icc, least=0, most=1)
    asked.half_width_or_n(half_width, n)
    asked.level(level)
    asked.settle()
    asked.that(abs(bias) < rmse, f"`bias` must be smaller than `rmse`, {rmse:g}, not {bias:g}.")
    asked.settle()
    m, variance = rows_per_subject, rmse**2 - bias**2
    squares = 2 * variance**2 * (1 + (m - 1) * icc**2) + 4 * bias**2 * variance * (1 + (m - 1) * icc)
    independent = 2 * variance**2 + 4 * bias**2 * variance
    return _by_t(
        "Precision of a root mean square error, delta method with subjects as clusters",
        float(np.sqrt(squares / m)) / (2 * rmse),
        {"rmse": rmse, "bias": bias, "rows_per_subject": m, "icc": icc},
        half_width=half_width,
        n=n,
        level=level,
        details={"sd": float(np.sqrt(variance)), "design_effect": squares / independent},
        citations=(BINDER, MULTIVARIATE),
    )


def _by_t(
    title: str,
    spread: float,
    parameters: dict[str, float],
    *,
    half_width: float | None,
    n: int | None,
    level: float,
    details: dict[str, float],
    citations: tuple[Citation, ...],
) -> SampleSize:
    """An interval of half-width t(n - 1) spread / sqrt(n)."""

    def width(subjects: float) -> float:
        return float(-special.stdtrit(subjects - 1, (1 - level) / 2) * spread / np.sqrt(subjects))

    asked_for = {} if half_width is None else {"half_width": half_width}
    needed = int(n or 0) if half_width is None else smallest_with_half_width(width, half_width)
    return SampleSize(
        title=title,
        n=needed,
        counted="subjects",
        solved_for="half_width" if half_width is None else "n",
        parameters={**parameters, **asked_for, "level": level},
        half_width=width(needed),
        unrounded=None if half_width is None else crossing(width, half_width, needed, 1.0 + 1e-6),
        details={**details, "rows": needed * parameters["rows_per_subject"]},
        warning="Fewer than ten subjects carry the interval; its level is then approximate."
        if needed < 10
        else None,
        citations=citations,
    )
