"""Repeatability: how much measurements of the same quantity in the same subject differ among themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from .. import checks
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
    Parameter,
    Sides,
    Statistic,
)
from .intervals import chi_square_bounds
from .one_way import TOTALS, OneWayFormula, OneWayPrepared, center, one_way_totals, squares_within

Of = Literal["test", "reference", "difference"]

_N, _S = 0, 1
_RELATIVE, _LOG, _NOT_POSITIVE, _MEAN_NOT_POSITIVE = range(len(TOTALS), len(TOTALS) + 4)
_NAMES = (
    *TOTALS,
    "within / mean^2",
    "within of logs",
    "rows not above 0",
    "subjects with a mean not above 0",
)
_STATISTICS = ("within_sd", "repeatability_coefficient", "cv_within", "cv_rms", "cv_log")
_BOOTSTRAP = ("bootstrap_bca", "bootstrap_percentile")
_SD = ("cluster_log_t", "chi_square", "cluster_t", *_BOOTSTRAP)
_CV = ("cluster_log_t", "cluster_t", *_BOOTSTRAP)

BLAND1996 = Citation(
    "bland1996",
    "Bland JM, Altman DG. Measurement error. BMJ 1996;313:744; measurement error proportional to the mean. "
    "BMJ 1996;313:106.",
)
BLAND1999 = Citation(
    "bland1999",
    "Bland JM, Altman DG. Measuring agreement in method comparison studies. Stat Methods Med Res "
    "1999;8:135-160 (section 2.1, repeatability).",
)
GLUER = Citation(
    "gluer1995",
    "Gluer CC, Blake G, Lu Y, Blunt BA, Jergas M, Genant HK. Accurate assessment of precision errors: how to "
    "measure the reproducibility of bone densitometry techniques. Osteoporos Int 1995;5:262-270.",
)


@dataclass(frozen=True)
class _RepeatabilityFormula(OneWayFormula):
    """Within-subject standard deviation and what is made of it."""

    multiplier: float

    def __call__(self, totals: NDArray[Any]) -> NDArray[Any]:
        sd = np.sqrt(self.within(totals))
        df = totals[..., _N] - totals[..., _S]
        df = np.where(df.real > 0.5, df, np.nan)
        mean = self.mean(totals)
        by_mean = np.where(totals[..., _MEAN_NOT_POSITIVE].real > 0, np.nan, totals[..., _RELATIVE] / df)
        by_log = np.where(totals[..., _NOT_POSITIVE].real > 0, np.nan, totals[..., _LOG] / df)
        return np.stack(
            [
                sd,
                self.multiplier * np.sqrt(2) * sd,
                100 * sd / np.where(mean.real > 0, mean, np.nan),
                100 * np.sqrt(by_mean),
                100 * (np.exp(np.sqrt(by_log)) - 1),
            ],
            axis=-1,
        )


@dataclass(frozen=True, eq=False)
class RepeatabilityPrepared(OneWayPrepared):
    """Replicates of each subject; see `Prepared`."""

    def reason_undefined(self, statistic: str) -> str:
        """No replicates, or values for which a percentage or a logarithm is not defined."""
        if not np.any(self.active):
            return "There are no rows."
        if self.df_within < 1:
            return "No subject has two rows; within-subject variation cannot be seen."
        if statistic == "cv_log":
            count = round(float(self.total[_NOT_POSITIVE]))
            return f"{count:,} values are not above 0; they have no logarithm."
        if statistic == "cv_rms":
            count = round(float(self.total[_MEAN_NOT_POSITIVE]))
            return f"{count:,} subjects have a mean that is not above 0; a percentage of it is undefined."
        return "The mean is not above 0; a percentage of it is undefined."

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """`chi_square` for the standard deviation and its multiple, beside those of `OneWayPrepared`.

        It counts rows: subjects that differ in how much they vary make it far too narrow.
        """
        if method != "chi_square":
            return super().interval(statistic, method, level, sides)
        if statistic not in ("within_sd", "repeatability_coefficient"):
            raise CannotComputeError(f"`{statistic}` has no `chi_square` interval.")
        value = float(self.estimate()[self.statistics.index(statistic)])
        lower, upper = np.sqrt(chi_square_bounds(value**2, self.df_within, *tail_levels(level, sides)))
        flat = value == 0
        note = "Replicates are taken as independent, and as varying alike in all subjects."
        if flat:
            note = "The replicates do not differ; the interval has no width and says nothing."
        return Interval(
            float(lower), float(upper), level, sides, method, degenerate=flat, independent_rows=True,
            warning=note,
        )  # fmt: skip


class Repeatability(Metric):
    """Within-subject standard deviation, repeatability coefficient and variation coefficients.

    The plain function is `repeatability`.
    """

    name = "repeatability"
    title = "Repeatability"
    summary = "How much replicates of one subject differ: within-subject SD, repeatability coefficient, CV."
    kind = "measurement"
    route = "additive"
    headline = "within_sd"
    statistics = (
        Statistic(
            "within_sd",
            "Within-subject standard deviation",
            "Square root of the mean square within subjects, sum of squares about the subject's own mean "
            "over rows - subjects; also the standard error of measurement of a one-way design.",
            "same",
            "lower",
            _SD,
        ),
        Statistic(
            "repeatability_coefficient",
            "Repeatability coefficient",
            "Normal quantile (1.959964 for 95%) times sqrt(2) times the within-subject standard deviation: "
            "two replicates differ by less in that share of cases; also the smallest detectable change.",
            "same",
            "lower",
            _SD,
        ),
        Statistic(
            "cv_within",
            "Within-subject coefficient of variation (SD over mean)",
            "100 times the within-subject standard deviation over the mean of all rows.",
            "percent",
            "lower",
            _CV,
        ),
        Statistic(
            "cv_rms",
            "Within-subject coefficient of variation (root mean square)",
            "100 times the root of the mean squared coefficient of variation of the subjects, weighted by "
            "their rows - 1.",
            "percent",
            "lower",
            _CV,
        ),
        Statistic(
            "cv_log",
            "Within-subject coefficient of variation (logarithmic)",
            "100 (exp(s) - 1) with s the within-subject standard deviation of natural logarithms.",
            "percent",
            "lower",
            _CV,
        ),
    )
    parameters = (
        Parameter(
            "of",
            "choice",
            "Whose replicates: those of the `test` device, of the `reference`, or the `difference` test - "
            "reference of each row.",
            default="test",
            choices=("test", "reference", "difference"),
        ),
        Parameter(
            "agreement_level",
            "number",
            "Share of pairs of replicates that differ by less than the repeatability coefficient; 0.95 is "
            "the field's convention.",
            default=0.95,
            minimum=0.5,
            maximum=0.9999,
        ),
    )
    citations = (BLAND1996, BLAND1999, GLUER)

    def prepare(
        self, columns: Columns, *, average: Average = "pooled", **parameters: Any
    ) -> RepeatabilityPrepared:
        """Summarise the replicates once; see `Metric.prepare`."""
        if average != "pooled":
            raise ValueError("`repeatability` has the average `pooled` only.")
        if columns.weights is not None:
            raise ValueError("`repeatability` is defined without row weights.")
        given = checks.parameters(self, parameters)
        columns = checks.measurement_columns(columns)
        values = {
            "test": columns.test,
            "reference": columns.reference,
            "difference": columns.test - columns.reference,
        }[given["of"]]
        shift = center(values)
        totals = one_way_totals(values, columns.offsets, shift)
        units = np.diff(columns.offsets)
        mean = shift + totals[:, TOTALS.index("mean")]
        positive = mean > 0
        logs = np.log(np.where(values > 0, values, 1.0))
        starts = np.add.accumulate(np.concatenate([[0], values <= 0]), dtype=np.int64)
        not_positive = starts[columns.offsets[1:]] - starts[columns.offsets[:-1]]
        within = totals[:, TOTALS.index("within")]
        more = [
            within / np.where(positive, mean, 1.0) ** 2,
            squares_within(logs, columns.offsets),
            not_positive,
            (units > 0) & ~positive,
        ]
        return RepeatabilityPrepared(
            totals=np.column_stack([totals, *more]),
            names=_NAMES,
            statistics=_STATISTICS,
            formula=_RepeatabilityFormula(shift, float(special.ndtri((1 + given["agreement_level"]) / 2))),
            units=units,
        )


REPEATABILITY = Repeatability()
METRICS: tuple[Metric, ...] = (REPEATABILITY,)


def repeatability(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    subject: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    of: Of = "test",
    agreement_level: float = 0.95,
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Repeatability of a device: variation of replicates about their subject's mean.

    Rows of one subject are replicates: measurements of the same true value. With x the column asked for, n
    rows of S subjects, m_i rows and mean x_i of subject i, and z the normal quantile of the agreement level:

    - within_sd = s_w = sqrt(sum (x - x_i)^2 / (n - S)); the standard error of measurement
    - repeatability_coefficient = z sqrt(2) s_w; the smallest detectable (minimal detectable) change
    - cv_within = 100 s_w / mean(x)
    - cv_rms = 100 sqrt(sum (m_i - 1) (s_i / x_i)^2 / (n - S)), s_i the subject's own standard deviation
    - cv_log = 100 (exp(s_w of ln x) - 1)

    The three coefficients of variation agree where the spread is small and proportional to the level; where
    it is constant, quote s_w instead. Where the true value changes from row to row, this is no repeatability;
    `of="difference"` then takes the true value out. For two occasions that may differ in level see
    `test_retest`.

    Intervals: `cluster_log_t` (default: linearised, subjects as clusters, on the logarithmic scale);
    `chi_square` with n - S degrees of freedom, exact for normal replicates whose spread is the same in all
    subjects, but of 20 subjects with 10 rows whose standard deviations differ by half it covered 49% instead
    of 95% in simulations, `cluster_log_t` 88%: it takes rows as independent; subject bootstrap.

    Args:
        reference: (n,) reference values.
        test: (n,) values of the device under test.
        subject: (n,) subject labels; without them there are no replicates.
        weights: Not defined here; accepted as None for likeness with other metrics.
        of: Whose replicates: `test`, `reference`, or their `difference`.
        agreement_level: Share of pairs of replicates within the repeatability coefficient.
        ci: Interval method, for all statistics that offer it or by statistic.
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates, where a bootstrap is asked for.
        seed: Seed of the bootstrap.

    Returns:
        `within_sd`, `repeatability_coefficient` in the unit of the measurement; `cv_within`, `cv_rms`,
        `cv_log` in percent.

    Raises:
        NotNumericError: A column does not hold numbers.
        NotFiniteError: A column holds NaN or infinities.
        LengthError: Columns differ in length.
        ParameterError: `of` or `agreement_level` is not acceptable.
        ValueError: Row weights are given, or another argument is not acceptable.

    References:
        Bland JM, Altman DG. BMJ 1996;313:744 and 313:106. Stat Methods Med Res 1999;8:135-160, section 2.1.
        Gluer CC et al. Osteoporos Int 1995;5:262-270.

    Example:
        Two subjects, replicates 10, 12 and 20, 24: s_w^2 = (2 + 8) / 2:

        >>> result = repeatability([10, 10, 20, 20], [10, 12, 20, 24], subject=["a", "a", "b", "b"])
        >>> [round(result[name].value, 3) for name in result]
        [2.236, 6.198, 13.552, 12.856, 13.76]
    """
    columns, keys = measured(reference, test, subject, weights)
    return evaluate(
        REPEATABILITY, columns, keys, average="pooled",
        parameters={"of": of, "agreement_level": agreement_level}, ci=ci, level=level, sides=sides,
        replicates=replicates, seed=seed,
    )  # fmt: skip
