"""Statistics that the standards for blood pressure monitors define on repeated pairs of a subject.

`iso81060_3`: for continuous monitors, a one-way analysis of variance of the errors test - reference corrects
the standard deviation for subjects who contribute many pairs, and says how many independent pairs they are
worth. `sd_of_subject_means`: the second criterion for cuff monitors, whose limit depends on the mean error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import checks
from ..additive import AdditivePrepared
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED, Method, evaluate, measured
from ..intervals import tail_levels
from ..metric import (
    Average,
    CannotComputeError,
    Citation,
    Columns,
    Interval,
    Metric,
    MetricResult,
    Sides,
    Statistic,
)
from ..reliability.intervals import chi_square_bounds
from ..reliability.one_way import TOTALS, OneWayFormula, OneWayPrepared, center, one_way_totals
from .limits import differences
from .normal_check import NO_WIDTH, interval_warning, spread_ratio

_N, _S = 0, 1
_BOOTSTRAP = ("bootstrap_bca", "bootstrap_percentile")
_SPREAD = ("cluster_log_t", "cluster_t", *_BOOTSTRAP)

ISO3 = Citation(
    "iso81060-3",
    "ISO 81060-3:2022. Non-invasive sphygmomanometers, part 3: clinical investigation of continuous "
    "automated measurement type (corrected standard deviation, formulas 5, 6 and 9 to 12).",
)
ISO2 = Citation(
    "iso81060-2",
    "ISO 81060-2:2018. Non-invasive sphygmomanometers, part 2: clinical investigation of intermittent "
    "automated measurement type (5.2.4.1.2 b, criterion 2).",
)


@dataclass(frozen=True)
class _ContinuousFormula(OneWayFormula):
    """Bias, corrected standard deviation, intraclass correlation, effective number of pairs."""

    def __call__(self, totals: NDArray[Any]) -> NDArray[Any]:
        between, within = self.between(totals), self.within(totals)
        between = np.where(between.real > 0, between, 0.0 * between)
        whole = between + within
        icc = np.where(whole.real > 0, between / whole, np.nan)
        subjects = totals[..., _S]
        effective = subjects * (1 + (1 - icc) * (totals[..., _N] / subjects - 1))
        return np.stack([self.mean(totals), np.sqrt(whole), icc, effective], axis=-1)


@dataclass(frozen=True, eq=False)
class ContinuousPrepared(OneWayPrepared):
    """Errors of each subject for the statistics of ISO 81060-3; see `Prepared`."""

    def reason_undefined(self, statistic: str) -> str:
        """Too few subjects, or one pair each."""
        subjects = int(np.count_nonzero(self.active))
        if subjects == 0:
            return "There are no pairs."
        if subjects < 2:
            return "A variance between subjects needs at least two subjects; there is 1."
        if self.df_within < 1:
            return (
                "A variance within subjects needs a subject with at least two pairs; every one has a single "
                "pair."
            )
        return "The errors do not vary: there is no variance to share out between and within subjects."

    def warning(self, statistic: str) -> str | None:
        """A variance component that was set to 0."""
        if statistic == "bias" or self.df_within < 1 or np.count_nonzero(self.active) < 2:
            return None
        between = float(self.one_way.between(self.total))
        if between >= 0:
            return None
        return f"The between-subject variance is estimated as {between:.3g} and was set to 0."

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """As `OneWayPrepared`; intervals of the correlation and of the effective number cut at their ends."""
        found = super().interval(statistic, method, level, sides)
        if statistic == "icc":
            ends = (0.0, 1.0)
        elif statistic == "n_effective":
            ends = (float(np.count_nonzero(self.active)), float(self.units.sum()))
        else:
            return found
        return Interval(
            max(found.lower, ends[0]), min(found.upper, ends[1]), level, sides, method,
            degenerate=found.degenerate, warning=found.warning,
        )  # fmt: skip


class Iso81060Continuous(Metric):
    """Statistics of ISO 81060-3 for continuous monitors; the plain function is `iso81060_3`."""

    name = "iso81060_3"
    title = "ISO 81060-3, corrected for repeated pairs"
    summary = (
        "Mean error, standard deviation corrected for repeated pairs of a subject, intraclass correlation of "
        "the errors, and the number of independent pairs they are worth."
    )
    kind = "measurement"
    route = "additive"
    headline = "sd_corrected"
    figure = "bland_altman"
    statistics = (
        Statistic(
            "bias",
            "Mean error",
            "Mean of test - reference over all pairs.",
            "same",
            "near_zero",
            ("cluster_t", *_BOOTSTRAP),
        ),
        Statistic(
            "sd_corrected",
            "Corrected standard deviation",
            "sqrt(max(0, (MSB - MSW) / f) + MSW) with mean squares of the errors between (MSB) and within "
            "(MSW) k subjects, and f = (n^2 - sum m_i^2) / ((k - 1) n) for n pairs, m_i of subject i.",
            "same",
            "lower",
            _SPREAD,
        ),
        Statistic(
            "icc",
            "Intraclass correlation of the errors",
            "Variance between subjects, not below 0, as a share of variance between and within subjects.",
            "none",
            "none",
            ("cluster_t", *_BOOTSTRAP),
        ),
        Statistic(
            "n_effective",
            "Effective number of pairs",
            "k (1 + (1 - ICC) (n/k - 1)) for n pairs of k subjects.",
            "none",
            "higher",
            ("cluster_t", *_BOOTSTRAP),
        ),
    )
    citations = (ISO3,)

    def prepare(
        self, columns: Columns, *, average: Average = "pooled", **parameters: Any
    ) -> ContinuousPrepared:
        """Summarise the errors once; see `Metric.prepare`."""
        checks.parameters(self, parameters)
        columns, shift = _errors(self, columns, average)
        return ContinuousPrepared(
            totals=one_way_totals(differences(columns), columns.offsets, shift),
            names=TOTALS,
            statistics=tuple(one.name for one in self.statistics),
            formula=_ContinuousFormula(shift),
            units=np.diff(columns.offsets),
        )


@dataclass(frozen=True)
class _SubjectMeansFormula(OneWayFormula):
    """Standard deviation of the subjects' mean errors about the mean over all pairs, and that mean."""

    def __call__(self, totals: NDArray[Any]) -> NDArray[Any]:
        spread = np.sqrt(self.about_pooled_mean(totals) / (totals[..., _S] - 1))
        return np.stack([spread, self.mean(totals)], axis=-1)


@dataclass(frozen=True, eq=False)
class SubjectMeansPrepared(OneWayPrepared):
    """Errors of each subject for the second criterion of ISO 81060-2; see `Prepared`."""

    def reason_undefined(self, statistic: str) -> str:
        """Too few subjects."""
        if statistic == "bias":
            return "There are no pairs."
        return f"It needs at least two subjects with pairs; there is {int(np.count_nonzero(self.active))}."

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """`chi_square` for equal numbers of pairs, beside those of `OneWayPrepared`."""
        if method != "chi_square":
            return super().interval(statistic, method, level, sides)
        pairs = self.units[self.active]
        if len(pairs) < 2:
            raise CannotComputeError(self.reason_undefined(statistic))
        if len(np.unique(pairs)) > 1:
            raise CannotComputeError("`chi_square` needs as many pairs of every subject.")
        value = float(self.estimate()[0])
        lower, upper = np.sqrt(chi_square_bounds(value**2, len(pairs) - 1, *tail_levels(level, sides)))
        return Interval(
            float(lower), float(upper), level, sides, method, degenerate=value == 0,
            warning=NO_WIDTH if value == 0 else self._not_normal(value, len(pairs)),
        )  # fmt: skip

    def _not_normal(self, value: float, subjects: int) -> str | None:
        """The standard deviation varies far more between subjects than that of normal mean errors would."""
        linearised = AdditivePrepared.standard_error(self, self.statistics[0])
        by_normal = value / float(np.sqrt(2 * (subjects - 1)))
        found = "The subjects' mean errors are not normal: their standard deviation varies"
        return interval_warning(spread_ratio((linearised,), by_normal), found)


class SdOfSubjectMeans(Metric):
    """Criterion 2 of ISO 81060-2; the plain function is `sd_of_subject_means`."""

    name = "sd_of_subject_means"
    title = "Standard deviation of subjects' mean errors (ISO 81060-2, criterion 2)"
    summary = "Spread of the subjects' mean errors about the mean error over all pairs."
    kind = "measurement"
    route = "additive"
    headline = "sd_of_subject_means"
    figure = "bland_altman"
    statistics = (
        Statistic(
            "sd_of_subject_means",
            "Standard deviation of subjects' mean errors",
            "sqrt(sum over k subjects of (mean error of the subject - mean error over all pairs)^2 / "
            "(k - 1)).",
            "same",
            "lower",
            ("cluster_log_t", "chi_square", "cluster_t", *_BOOTSTRAP),
        ),
        Statistic(
            "bias",
            "Mean error",
            "Mean of test - reference over all pairs; the limit of criterion 2 is read by it.",
            "same",
            "near_zero",
            ("cluster_t", *_BOOTSTRAP),
        ),
    )
    citations = (ISO2,)

    def prepare(
        self, columns: Columns, *, average: Average = "pooled", **parameters: Any
    ) -> SubjectMeansPrepared:
        """Summarise the errors once; see `Metric.prepare`."""
        checks.parameters(self, parameters)
        columns, shift = _errors(self, columns, average)
        return SubjectMeansPrepared(
            totals=one_way_totals(differences(columns), columns.offsets, shift),
            names=TOTALS,
            statistics=tuple(one.name for one in self.statistics),
            formula=_SubjectMeansFormula(shift),
            units=np.diff(columns.offsets),
        )


ISO81060_3 = Iso81060Continuous()
SD_OF_SUBJECT_MEANS = SdOfSubjectMeans()
METRICS: tuple[Metric, ...] = (ISO81060_3, SD_OF_SUBJECT_MEANS)


def _errors(metric: Metric, columns: Columns, average: Average) -> tuple[Columns, float]:
    """Checked columns, and the shift of their errors."""
    if average != "pooled":
        raise ValueError(f"`{metric.name}` has the average `pooled` only.")
    if columns.weights is not None:
        raise ValueError(f"`{metric.name}` is defined without row weights.")
    columns = checks.measurement_columns(columns)
    return columns, center(differences(columns))


def iso81060_3(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    subject: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Accuracy of a continuous blood pressure monitor, with the standard deviation corrected for repeats.

    A one-way analysis of variance of the errors d = test - reference of k subjects with m_i pairs, n in all:

    - bias = mean(d) over all pairs
    - between = max(0, (MSB - MSW) / f), f = (n^2 - sum m_i^2) / ((k - 1) n)
    - sd_corrected = sqrt(between + MSW)
    - icc = between / (between + MSW)
    - n_effective = k (1 + (1 - icc) (r - 1)) with r = n / k pairs a subject on average

    With equal numbers of pairs the corrected standard deviation is that of limits of agreement for a varying
    truth (Bland & Altman 2007). The standard asks for points; intervals here are linearised with subjects as
    clusters (`cluster_log_t` for the standard deviation, `cluster_t`) or by subject bootstrap.

    Args:
        reference: (n,) reference values.
        test: (n,) values of the device under test, in the same unit.
        subject: (n,) subject labels. Without them every row is a subject, and only the bias has a value.
        weights: Not defined here; accepted as None for likeness with other metrics.
        ci: Interval method. Default: the first that each statistic offers.
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates, where a bootstrap is asked for.
        seed: Seed of the bootstrap.

    Returns:
        `bias` and `sd_corrected` in the unit of the measurement, `icc`, `n_effective` in pairs.

    Raises:
        NotNumericError: A column does not hold numbers.
        NotFiniteError: A column holds NaN or infinities.
        LengthError: Columns differ in length.
        ValueError: Row weights are given, or another argument is not acceptable.

    References:
        ISO 81060-3:2022, formulas 5, 6 and 9 to 12.

    Example:
        Two subjects with errors 1, 3 and 5, 7: MSB 16, MSW 2, f 2, between 7:

        >>> result = iso81060_3([80, 80, 90, 90], [81, 83, 95, 97], subject=["a", "a", "b", "b"])
        >>> [round(result[name].value, 4) for name in result]
        [4.0, 3.0, 0.7778, 2.4444]
    """
    columns, keys = measured(reference, test, subject, weights)
    return evaluate(
        ISO81060_3, columns, keys, average="pooled", parameters={}, ci=ci, level=level, sides=sides,
        replicates=replicates, seed=seed,
    )  # fmt: skip


def sd_of_subject_means(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    subject: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Standard deviation of the subjects' mean errors, criterion 2 of ISO 81060-2.

    sqrt(sum over k subjects of (D_i - D)^2 / (k - 1)), D_i the mean of test - reference of subject i and D
    the mean over all pairs. The centre is the pooled mean, as the standard has it; with unequal numbers of
    pairs it is not the mean of the D_i, and the result is then larger than their ordinary standard deviation.

    Args:
        reference: (n,) reference values.
        test: (n,) values of the device under test, in the same unit.
        subject: (n,) subject labels. Default: every row is a subject of its own.
        weights: Not defined here; accepted as None for likeness with other metrics.
        ci: Interval method: `cluster_log_t` (default), `chi_square` for equal numbers of pairs, `cluster_t`,
            subject bootstrap.
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates, where a bootstrap is asked for.
        seed: Seed of the bootstrap.

    Returns:
        `sd_of_subject_means`, in the unit of the measurement.

    Raises:
        NotNumericError: A column does not hold numbers.
        NotFiniteError: A column holds NaN or infinities.
        LengthError: Columns differ in length.
        ValueError: Row weights are given, or another argument is not acceptable.

    References:
        ISO 81060-2:2018, 5.2.4.1.2 b.

    Example:
        Errors 1, 3 of one subject and 6 of another: D = 10/3, D_i = 2 and 6:

        >>> result = sd_of_subject_means([80, 80, 90], [81, 83, 96], subject=["a", "a", "b"])
        >>> round(result["sd_of_subject_means"].value, 4)  # sqrt((4/3)^2 + (8/3)^2)
        2.9814
    """
    columns, keys = measured(reference, test, subject, weights)
    return evaluate(
        SD_OF_SUBJECT_MEANS, columns, keys, average="pooled", parameters={}, ci=ci, level=level, sides=sides,
        replicates=replicates, seed=seed,
    )  # fmt: skip
