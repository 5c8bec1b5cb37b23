"""Correlations of a test device with a reference: Pearson, Spearman, Kendall, and within subjects.

A correlation says how well one orders by the other, not how well they agree: a device that reads twice the
reference correlates perfectly. It also grows with the range of values in the sample. Reports print it because
readers ask; bias and limits of agreement carry the conclusion.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from numpy.typing import ArrayLike

from .. import checks
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED, Method, evaluate, measured
from ..metric import Average, Citation, Columns, Metric, MetricResult, Prepared, Sides, Statistic
from ..regression.methods import BONETT2000, FIELLER1957, FISHER1921
from .intervals import correlation_p
from .pairs import prepare_kendall
from .ranks import prepare_spearman
from .sums import prepare_pearson, prepare_within

__all__ = [
    "KENDALL",
    "METRICS",
    "PEARSON",
    "RMCORR",
    "SPEARMAN",
    "correlation_p",
    "kendall",
    "pearson",
    "rmcorr",
    "spearman",
]

_RESAMPLED = ("bootstrap_bca", "bootstrap_percentile")

PEARSON1896 = Citation(
    "pearson1896",
    "Pearson K. Mathematical contributions to the theory of evolution. III. Regression, heredity, and "
    "panmixia. Philos Trans R Soc A 1896;187:253-318.",
)
SPEARMAN1904 = Citation(
    "spearman1904",
    "Spearman C. The proof and measurement of association between two things. Am J Psychol 1904;15:72-101.",
)
KENDALL1945 = Citation(
    "kendall1945", "Kendall MG. The treatment of ties in ranking problems. Biometrika 1945;33:239-251."
)
BLAND1995 = Citation(
    "bland1995",
    "Bland JM, Altman DG. Calculating correlation coefficients with repeated observations: part 1, "
    "correlation within subjects. BMJ 1995;310:446.",
)
BAKDASH2017 = Citation(
    "bakdash2017", "Bakdash JZ, Marusich LR. Repeated measures correlation. Front Psychol 2017;8:456."
)


class _Correlation(Metric):
    """Base: one correlation of two measurements."""

    kind = "measurement"
    figure = "scatter"

    def prepare(self, columns: Columns, *, average: Average = "pooled", **parameters: Any) -> Prepared:
        """Summarise or order the rows once; see `Metric.prepare`.

        Raises:
            ValueError: A parameter or a column is not acceptable.
        """
        if average != "pooled":
            raise ValueError(f"`{self.name}` has no `average`.")
        checks.parameters(self, parameters)
        return self._prepared(checks.measurement_columns(columns))

    @abstractmethod
    def _prepared(self, columns: Columns) -> Prepared:
        """From checked columns."""


class Pearson(_Correlation):
    """Product-moment correlation; the plain function is `pearson`."""

    name = "pearson"
    title = "Pearson correlation"
    summary = "Linear correlation of test and reference over all rows."
    route = "additive"
    headline = "pearson"
    statistics = (
        Statistic(
            "pearson",
            "Pearson correlation",
            "Sum of products of deviations over the root of the product of their sums of squares, all rows "
            "together.",
            "none",
            "higher",
            ("jackknife_fisher_z", "cluster_fisher_z", *_RESAMPLED, "fisher_z"),
        ),
    )
    citations = (PEARSON1896, FISHER1921)

    def _prepared(self, columns: Columns) -> Prepared:
        return prepare_pearson(columns)


class Spearman(_Correlation):
    """Rank correlation; the plain function is `spearman`."""

    name = "spearman"
    title = "Spearman rank correlation"
    summary = "Correlation of the ranks of test and reference over all rows."
    route = "ordered"
    headline = "spearman"
    statistics = (
        Statistic(
            "spearman",
            "Spearman rank correlation",
            "Pearson correlation of the mid-ranks of test and reference, all rows together.",
            "none",
            "higher",
            (
                "cluster_fisher_z",
                "jackknife_fisher_z",
                *_RESAMPLED,
                "bonett_wright",
                "fieller_z",
                "fisher_z",
            ),
        ),
    )
    citations = (SPEARMAN1904, BONETT2000, FIELLER1957, FISHER1921)

    def _prepared(self, columns: Columns) -> Prepared:
        return prepare_spearman(columns)


class Kendall(_Correlation):
    """Rank correlation by concordant pairs; the plain function is `kendall`."""

    name = "kendall"
    title = "Kendall rank correlation"
    summary = "Share of pairs of rows that both devices order alike, less the share ordered differently."
    route = "ordered"
    headline = "kendall"
    statistics = (
        Statistic(
            "kendall",
            "Kendall rank correlation (tau-b)",
            "Concordant less discordant pairs of rows, over the root of the product of the pairs not tied in "
            "the reference and not tied in the test.",
            "none",
            "higher",
            ("jackknife_fisher_z", "cluster_fisher_z", *_RESAMPLED),
        ),
    )
    citations = (KENDALL1945, FISHER1921)

    def _prepared(self, columns: Columns) -> Prepared:
        return prepare_kendall(columns)


class RepeatedMeasuresCorrelation(_Correlation):
    """Correlation within subjects; the plain function is `rmcorr`."""

    name = "rmcorr"
    title = "Repeated-measures correlation"
    summary = "Correlation of changes within subjects, differences between subjects taken out."
    route = "additive"
    headline = "rmcorr"
    statistics = (
        Statistic(
            "rmcorr",
            "Repeated-measures correlation",
            "Correlation of deviations from the subjects' own means, summed over subjects with two rows or "
            "more.",
            "none",
            "higher",
            ("jackknife_fisher_z", "cluster_fisher_z", *_RESAMPLED, "fisher_z"),
        ),
    )
    citations = (BLAND1995, BAKDASH2017, FISHER1921)

    def _prepared(self, columns: Columns) -> Prepared:
        return prepare_within(columns)


PEARSON = Pearson()
SPEARMAN = Spearman()
KENDALL = Kendall()
RMCORR = RepeatedMeasuresCorrelation()
METRICS: tuple[Metric, ...] = (PEARSON, SPEARMAN, KENDALL, RMCORR)


def pearson(
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
    """Pearson correlation of test and reference, all rows together: r = Sxy / sqrt(Sxx Syy).

    Where subjects have several rows it mixes differences between subjects with changes within them; for the
    latter alone see `rmcorr`.

    Intervals: `jackknife_fisher_z` (default: artanh(r) with the jackknife standard error over subjects, which
    covers better with few subjects than the linearised one), `cluster_fisher_z` (linearised), subject
    bootstrap; `fisher_z` (R: `cor.test`) takes rows for independent and normal.

    Args:
        reference: (n,) reference values.
        test: (n,) values of the device under test.
        subject: (n,) subject labels. Default: every row is a subject of its own.
        weights: (n,) row weights; only ratios matter.
        ci: Interval method. Default: `jackknife_fisher_z`.
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates, where a bootstrap is asked for.
        seed: Seed of the bootstrap.

    Returns:
        `pearson`, from -1 to 1.

    Raises:
        NotNumericError: A column does not hold numbers.
        NotFiniteError: A column holds NaN or infinities.
        LengthError: Columns differ in length.
        ValueError: Any other argument is not acceptable.

    References:
        Pearson K. Philos Trans R Soc A 1896;187:253-318. Interval: Fisher RA. Metron 1921;1(4):3-32.

    Example:
        >>> result = pearson([60, 70, 80, 90, 100], [62, 69, 83, 88, 104], ci="fisher_z")
        >>> interval = result["pearson"].interval
        >>> print(f"{result['pearson'].value:.4f} [{interval.lower:.3f}, {interval.upper:.3f}]")
        0.9880 [0.824, 0.999]
    """
    columns, keys = measured(reference, test, subject, weights)
    return evaluate(
        PEARSON, columns, keys, average="pooled", parameters={}, ci=ci, level=level, sides=sides,
        replicates=replicates, seed=seed,
    )  # fmt: skip


def spearman(
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
    """Spearman rank correlation: Pearson correlation of the ranks, tied rows on their middle rank.

    Intervals: `cluster_fisher_z` (default: artanh(rho) with the linearised standard error of subjects as
    clusters), `jackknife_fisher_z`, subject bootstrap; `bonett_wright`, `fieller_z` and `fisher_z` take rows
    for independent and differ in the variance of artanh(rho), of which Bonett and Wright's holds best for
    strong correlations.

    Args:
        reference: (n,) reference values.
        test: (n,) values of the device under test.
        subject: (n,) subject labels. Default: every row is a subject of its own.
        weights: (n,) row weights; only ratios matter.
        ci: Interval method. Default: `cluster_fisher_z`.
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates, where a bootstrap is asked for.
        seed: Seed of the bootstrap.

    Returns:
        `spearman`, from -1 to 1.

    Raises:
        NotNumericError: A column does not hold numbers.
        NotFiniteError: A column holds NaN or infinities.
        LengthError: Columns differ in length.
        ValueError: Any other argument is not acceptable.

    References:
        Spearman C. Am J Psychol 1904;15:72-101. Intervals: Bonett DG, Wright TA. Psychometrika 2000;65:23-28.
        Fieller EC, Hartley HO, Pearson ES. Biometrika 1957;44:470-481.

    Example:
        >>> result = spearman([60, 70, 80, 90, 100], [62, 69, 83, 80, 104])
        >>> print(f"{result['spearman'].value:.4f}")
        0.9000
    """
    columns, keys = measured(reference, test, subject, weights)
    return evaluate(
        SPEARMAN, columns, keys, average="pooled", parameters={}, ci=ci, level=level, sides=sides,
        replicates=replicates, seed=seed,
    )  # fmt: skip


def kendall(
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
    """Kendall rank correlation, tau-b: do both devices order two rows alike.

    tau-b = (concordant - discordant pairs) / sqrt(pairs not tied in reference * pairs not tied in test), over
    all pairs of rows. All pairs are compared: at most 20,000 rows of 3,000 subjects.

    Intervals: `jackknife_fisher_z` (default: artanh(tau) with the jackknife standard error over subjects),
    `cluster_fisher_z` (linearised), subject bootstrap.

    Args:
        reference: (n,) reference values.
        test: (n,) values of the device under test.
        subject: (n,) subject labels. Default: every row is a subject of its own.
        weights: (n,) row weights; a pair counts by the product of both.
        ci: Interval method. Default: `jackknife_fisher_z`.
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates, where a bootstrap is asked for.
        seed: Seed of the bootstrap.

    Returns:
        `kendall`, from -1 to 1.

    Raises:
        NotNumericError: A column does not hold numbers.
        NotFiniteError: A column holds NaN or infinities.
        LengthError: Columns differ in length.
        ValueError: Any other argument is not acceptable.

    References:
        Kendall MG. Biometrika 1945;33:239-251. Interval: Miller RG. Biometrika 1974;61:1-15.

    Example:
        >>> result = kendall([60, 70, 80, 90, 100], [62, 69, 83, 80, 104])
        >>> print(f"{result['kendall'].value:.4f}")
        0.8000
    """
    columns, keys = measured(reference, test, subject, weights)
    return evaluate(
        KENDALL, columns, keys, average="pooled", parameters={}, ci=ci, level=level, sides=sides,
        replicates=replicates, seed=seed,
    )  # fmt: skip


def rmcorr(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    subject: ArrayLike,
    weights: ArrayLike | None = None,
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Repeated-measures correlation: do both rise and fall together within a subject (Bland & Altman 1995).

    With deviations from each subject's own means, r = Sxy / sqrt(Sxx Syy) summed over subjects; it equals the
    signed root of the share of sum of squares in an analysis of covariance with subjects as factor. Subjects
    with one row say nothing and are not counted. Its p value is `correlation_p(r, rows - subjects - 1)`.

    Intervals: `jackknife_fisher_z` (default: over subjects), `cluster_fisher_z` (linearised), subject
    bootstrap; `fisher_z` (R: `rmcorr::rmcorr`) with standard error 1 / sqrt(df - 1), where df is rows -
    subjects - 1, takes the rows of a subject for independent.

    Args:
        reference: (n,) reference values.
        test: (n,) values of the device under test.
        subject: (n,) subject labels.
        weights: (n,) row weights; only ratios matter.
        ci: Interval method. Default: `jackknife_fisher_z`.
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates, where a bootstrap is asked for.
        seed: Seed of the bootstrap.

    Returns:
        `rmcorr`, from -1 to 1.

    Raises:
        NotNumericError: A column does not hold numbers.
        NotFiniteError: A column holds NaN or infinities.
        LengthError: Columns differ in length.
        ValueError: Any other argument is not acceptable.

    References:
        Bland JM, Altman DG. BMJ 1995;310:446. Bakdash JZ, Marusich LR. Front Psychol 2017;8:456.

    Example:
        Within each subject both rise together, though the subject with the higher reference has the lower
        test:

        >>> reference, test = [60, 62, 64, 80, 82, 84], [75, 76, 77, 65, 66, 67]
        >>> result = rmcorr(reference, test, subject=["a", "a", "a", "b", "b", "b"])
        >>> print(f"{result['rmcorr'].value:.2f}, {pearson(reference, test)['pearson'].value:.2f}")
        1.00, -0.95
    """
    columns, keys = measured(reference, test, subject, weights)
    return evaluate(
        RMCORR, columns, keys, average="pooled", parameters={}, ci=ci, level=level, sides=sides,
        replicates=replicates, seed=seed,
    )  # fmt: skip
