"""Difference of two areas under ROC curves, on the same rows or on different ones (DeLong 1988)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from .. import checks
from ..codes import binary_codes
from ..intervals import t_interval, tail_levels
from ..metric import CannotComputeError, Columns, Interval, Sides
from ..result import interval_label, number
from .area import AUC, AucPrepared, Components, clustered_variance
from .counts import Direction


@dataclass(frozen=True)
class AreaDifference:
    """Two areas and their difference, candidate - baseline.

    Attributes:
        candidate: Area of the score in question.
        baseline: Area of the score it is compared with.
        difference: candidate - baseline.
        standard_error: Of the difference.
        candidate_variance: Variance of the candidate's area.
        baseline_variance: Variance of the baseline's area.
        covariance: Of the two areas; 0 where they come from different subjects.
        statistic: Difference over its standard error; NaN where that is 0.
        df: Degrees of freedom; infinite for a normal statistic.
        p_value: Two-sided p-value of no difference; NaN where the standard error is 0.
        interval: Of the difference.
        n_subjects: Subjects of candidate and baseline.
        n_units: Rows of candidate and baseline.
    """

    candidate: float
    baseline: float
    difference: float
    standard_error: float
    candidate_variance: float
    baseline_variance: float
    covariance: float
    statistic: float
    df: float
    p_value: float
    interval: Interval
    n_subjects: tuple[int, int]
    n_units: tuple[int, int]

    def __str__(self) -> str:
        found = self.interval
        lines = [
            f"Area under the ROC curve: candidate {number(self.candidate)}, baseline {number(self.baseline)}",
            f"difference (candidate - baseline): {number(self.difference)} [{number(found.lower)}, "
            f"{number(found.upper)}] ({interval_label(found)})",
            f"{'z' if np.isinf(self.df) else f't, {number(self.df)} df'} = {number(self.statistic)}, "
            f"p = {number(self.p_value)}",
        ]
        return "\n".join([*lines, *([found.warning] if found.warning else [])])


def compare_auc(
    reference: ArrayLike,
    baseline: ArrayLike,
    candidate: ArrayLike,
    *,
    positive: Any = None,
    direction: Direction = "higher",
    subject: Any = None,
    level: float = 0.95,
    sides: Sides = "two",
) -> AreaDifference:
    """Paired difference of two areas on the same rows, by DeLong's covariance (DeLong 1988).

    With `subject`, rows of a subject are a cluster: Obuchowski's covariance (1997). The bootstrap of the
    paired difference is `compare_versions("auc", ...)`.

    Args:
        reference: (n,) values of the reference.
        baseline: (n,) scores of the version to compare with.
        candidate: (n,) scores of the version in question.
        positive: The reference value, or values, that count as positive. Default: values are 0 and 1.
        direction: `higher` scores (default) or `lower` ones speak for a positive, for both.
        subject: (n,) subject labels, compared as text. Default: every row is a subject of its own.
        level: Confidence level.
        sides: `two`, or the one bound wanted; the other is then -1 or 1.

    Raises:
        CannotComputeError: A class is empty, or has fewer than two rows or subjects.
        ValueError: Lengths differ, a value is missing, the reference needs `positive`, or a parameter is not
            acceptable.

    References:
        DeLong ER, DeLong DM, Clarke-Pearson DL. Biometrics 1988;44:837-845. Obuchowski NA. Biometrics
        1997;53:567-578.

    Example:
        >>> found = compare_auc([0, 0, 0, 1, 1, 1], [1, 3, 4, 2, 5, 6], [1, 2, 3, 3, 5, 6])
        >>> round(found.baseline, 4), round(found.candidate, 4), round(found.difference, 4)
        (0.7778, 0.9444, 0.1667)
    """
    truth = binary_codes("reference", reference, positive)
    first = _prepared(truth, baseline, "baseline", direction, subject)
    second = _prepared(truth, candidate, "candidate", direction, subject)
    parts = first.components(), second.components()
    variances = clustered_variance(parts[0]), clustered_variance(parts[1])
    covariance = clustered_variance(parts[1], parts[0])
    if not np.isfinite(covariance):
        raise CannotComputeError(
            "The variance needs two reference positives and two reference negatives, from at least two "
            "subjects each."
        )
    apart = _apart(*parts)
    error = float(np.sqrt(max(clustered_variance(apart), 0.0)))
    method = "delong" if first.single else "obuchowski"
    return _difference(
        (parts[0], parts[1]), variances, (first, second), difference=apart.value, covariance=covariance,
        error=error, df=np.inf, method=method, level=level, sides=sides,
    )  # fmt: skip


def compare_auc_unpaired(
    reference_baseline: ArrayLike,
    baseline: ArrayLike,
    reference_candidate: ArrayLike,
    candidate: ArrayLike,
    *,
    positive: Any = None,
    direction: Direction = "higher",
    subject_baseline: Any = None,
    subject_candidate: Any = None,
    level: float = 0.95,
    sides: Sides = "two",
) -> AreaDifference:
    """Difference of two areas on different subjects, such as two subgroups.

    The variances add up; the statistic has Student's distribution with the degrees of freedom of
    Satterthwaite, each variance with its number of rows (subjects, with clusters) less one, as `roc.test` of
    R's pROC. Labels that both groups have in common are named in the interval's warning: were they the same
    people, the areas would not be independent.

    Args:
        reference_baseline: (n,) values of the reference in the group to compare with.
        baseline: (n,) scores in that group.
        reference_candidate: (m,) values of the reference in the group in question.
        candidate: (m,) scores in that group.
        positive: The reference value, or values, that count as positive. Default: values are 0 and 1.
        direction: `higher` scores (default) or `lower` ones speak for a positive, in both.
        subject_baseline: (n,) subject labels. Default: every row is a subject of its own.
        subject_candidate: (m,) subject labels.
        level: Confidence level.
        sides: `two`, or the one bound wanted; the other is then -1 or 1.

    Raises:
        CannotComputeError: A class is empty, or has fewer than two rows or subjects.
        ValueError: As for `compare_auc`.

    Example:
        >>> found = compare_auc_unpaired([0, 0, 0, 1, 1], [1, 2, 4, 3, 6], [0, 0, 1, 1, 1], [1, 2, 2, 4, 5])
        >>> round(found.difference, 4), round(found.df, 2)
        (0.0833, 5.88)
    """
    first = _prepared(
        binary_codes("reference", reference_baseline, positive), baseline, "baseline", direction,
        subject_baseline,
    )  # fmt: skip
    second = _prepared(
        binary_codes("reference", reference_candidate, positive), candidate, "candidate", direction,
        subject_candidate,
    )  # fmt: skip
    parts = first.components(), second.components()
    variances = clustered_variance(parts[0]), clustered_variance(parts[1])
    if not np.all(np.isfinite(variances)):
        raise CannotComputeError("Each variance needs two reference positives and two reference negatives.")
    error = float(np.sqrt(sum(variances)))
    sizes = tuple(int(np.count_nonzero(one.units)) for one in (first, second))
    below = sum(v**2 / (n - 1) for v, n in zip(variances, sizes, strict=True))
    df = sum(variances) ** 2 / below if below > 0 else float("inf")
    method = "delong" if first.single and second.single else "obuchowski"
    return _difference(
        (parts[0], parts[1]), variances, (first, second), difference=parts[1].value - parts[0].value,
        covariance=0.0, error=error, df=df, method=method, level=level, sides=sides,
        note=_shared(subject_baseline, subject_candidate),
    )  # fmt: skip


def _apart(first: Components, second: Components) -> Components:
    """The components of the difference, second - first, on the same rows.

    Its variance is V1 + V2 - 2 C, but of two versions that differ in a few of very many rows these three are
    equal to their last digits; the components of unchanged rows cancel exactly.
    """
    beats, beaten = second.beats - first.beats, second.beaten - first.beaten
    value = float(beats.sum() / first.positives.sum())
    return Components(value, first.positives, first.negatives, beats, beaten)


def _shared(first: Any, second: Any) -> str | None:
    """What to say where both groups name the same subjects."""
    if first is None or second is None:
        return None
    count = len(set(map(str, np.asarray(first).tolist())) & set(map(str, np.asarray(second).tolist())))
    return (
        f"{count:,} subject labels occur in both groups; their subjects are taken for different ones."
        if count
        else None
    )


def _prepared(truth: Any, score: ArrayLike, name: str, direction: Direction, subject: Any) -> AucPrepared:
    """Rows in the order of the subjects, which is the same for both scores."""
    numbers = checks.measurements(name, score)
    checks.same_length(len(truth), {name: numbers})
    if subject is None:
        columns = Columns(truth, numbers, np.arange(len(truth) + 1))
    else:
        keys, label = checks.subject_labels(subject, len(truth))
        order = np.argsort(label, kind="stable")
        offsets = np.concatenate([[0], np.cumsum(np.bincount(label, minlength=len(keys)))]).astype(np.int64)
        columns = Columns(truth[order], numbers[order], offsets)
    return AUC.prepare(columns, **checks.parameters(AUC, {"direction": direction}))


def _difference(
    parts: tuple[Components, Components],
    variances: tuple[float, float],
    prepared: tuple[AucPrepared, AucPrepared],
    *,
    difference: float,
    covariance: float,
    error: float,
    df: float,
    method: str,
    level: float,
    sides: Sides,
    note: str | None = None,
) -> AreaDifference:
    degenerate = error <= 1e-14
    if np.isinf(df):
        reach = special.ndtri(np.array(tail_levels(level, sides)))
        lower, upper = (difference + reach * (error if not degenerate else 1.0)).tolist()
    else:
        lower, upper = t_interval(difference, error, df, level, sides)
    bounds = (max(float(lower), -1.0), min(float(upper), 1.0))
    if degenerate:
        bounds = (difference if sides != "upper" else -1.0, difference if sides != "lower" else 1.0)
    statistic = difference / error if not degenerate else float("nan")
    tail = special.ndtr(-abs(statistic)) if np.isinf(df) else special.stdtr(df, -abs(statistic))
    notes = [note] if note else []
    if degenerate:
        notes.append("The variance of the difference is 0; the interval has no width and says nothing.")
    return AreaDifference(
        candidate=parts[1].value,
        baseline=parts[0].value,
        difference=difference,
        standard_error=error,
        candidate_variance=variances[1],
        baseline_variance=variances[0],
        covariance=covariance,
        statistic=statistic,
        df=df,
        p_value=float(2 * tail),
        interval=Interval(
            *bounds, level, sides, method, degenerate=degenerate, warning=" ".join(notes) or None
        ),
        n_subjects=(int(np.count_nonzero(prepared[1].units)), int(np.count_nonzero(prepared[0].units))),
        n_units=(len(prepared[1].columns.reference), len(prepared[0].columns.reference)),
    )
