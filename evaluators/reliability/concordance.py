"""Lin's concordance correlation coefficient: correlation, penalised for bias and for unequal spread.

Like every correlation it depends on how much the subjects differ: the same errors look better in a
heterogeneous sample. It does not say whether a difference matters; limits of agreement do.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import checks
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED, Method, evaluate, measured
from ..metric import Average, Columns, Metric, MetricResult, Parameter, Sides, Statistic
from .concordance_moments import ConcordancePrepared, Variance, prepare_concordance
from .methods import LIN1989, LIN2002

_BOOTSTRAP = ("bootstrap_bca", "bootstrap_percentile")


class Concordance(Metric):
    """Lin's concordance correlation coefficient of rows; the plain function is `ccc`."""

    name = "ccc"
    title = "Concordance correlation (Lin)"
    summary = "Correlation of test and reference about the line of identity, over all rows."
    kind = "measurement"
    route = "additive"
    headline = "ccc"
    figure = "scatter"
    statistics = (
        Statistic(
            "ccc",
            "Concordance correlation coefficient",
            "2 s_xy / (s_x^2 + s_y^2 + (mean test - mean reference)^2) over all rows; precision times "
            "accuracy.",
            "none",
            "higher",
            ("cluster_fisher_z", "fisher_z", "lin_normal", "cluster_t", *_BOOTSTRAP),
        ),
        Statistic(
            "precision",
            "Precision (Pearson's r)",
            "Pearson's correlation of test and reference over all rows: how close they are to some line.",
            "none",
            "higher",
            ("cluster_fisher_z", "fisher_z", "cluster_t", *_BOOTSTRAP),
        ),
        Statistic(
            "accuracy",
            "Accuracy (bias correction factor C_b)",
            "2 s_x s_y / (s_x^2 + s_y^2 + (mean test - mean reference)^2): how close that line is to "
            "identity.",
            "none",
            "higher",
            ("cluster_t", *_BOOTSTRAP, "lin_logit"),
        ),
        Statistic(
            "scale_shift",
            "Scale shift",
            "Standard deviation of the test over that of the reference; 1 is best.",
            "none",
            "none",
            ("cluster_t", *_BOOTSTRAP),
        ),
        Statistic(
            "location_shift",
            "Location shift",
            "(mean test - mean reference) / sqrt(s_x s_y).",
            "none",
            "near_zero",
            ("cluster_t", *_BOOTSTRAP),
        ),
    )
    parameters = (
        Parameter(
            "variance",
            "choice",
            "Denominator of variances and covariance: n (`population`, as Lin defines the coefficient) or "
            "n - 1 (`sample`, as some programs do); it matters in small samples with a bias.",
            default="population",
            choices=("population", "sample"),
        ),
    )
    citations = (LIN1989, LIN2002)

    def prepare(
        self, columns: Columns, *, average: Average = "pooled", **parameters: Any
    ) -> ConcordancePrepared:
        """Summarise the rows once; see `Metric.prepare`."""
        if average != "pooled":
            raise ValueError("`ccc` has the average `pooled` only.")
        given = checks.parameters(self, parameters)
        return prepare_concordance(checks.measurement_columns(columns), given["variance"])


CCC = Concordance()
METRICS: tuple[Metric, ...] = (CCC,)


def ccc(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    subject: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    variance: Variance = "population",
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Lin's concordance correlation coefficient of the rows, with its parts.

    With means m, standard deviations s and covariance s_xy over all rows, x the reference and y the test:

    - ccc = 2 s_xy / (s_x^2 + s_y^2 + (m_y - m_x)^2) = precision * accuracy
    - precision = s_xy / (s_x s_y), Pearson's correlation
    - accuracy = C_b = 2 s_x s_y / (s_x^2 + s_y^2 + (m_y - m_x)^2)
    - scale_shift = s_y / s_x, location_shift = (m_y - m_x) / sqrt(s_x s_y)

    Every row counts once. Where subjects have several rows the estimate mixes spread between and within
    subjects; `ccc_replicates` and `ccc_longitudinal` take them apart. Intervals that know the subjects:
    `cluster_fisher_z`, `cluster_t`, subject bootstrap. Those of Lin take rows as independent: `fisher_z`
    (z transformation), `lin_normal`, and `lin_logit` for the accuracy. His standard error is used as
    corrected in 2000; that printed in 1989 is in `concordance_moments.lin_error`.

    Args:
        reference: (n,) reference values.
        test: (n,) values of the device under test, in the same unit.
        subject: (n,) subject labels. Default: every row is a subject of its own.
        weights: (n,) row weights; only ratios matter.
        variance: `population` (n in the denominator, as Lin; the default) or `sample` (n - 1).
        ci: Interval method. Default: `fisher_z` and `lin_logit` where every row is a subject of its own,
            without weights; else the first that each statistic offers.
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates, where a bootstrap is used.
        seed: Seed of the bootstrap.

    Returns:
        `ccc`, `precision`, `accuracy`, `scale_shift`, `location_shift`, without unit.

    Raises:
        NotNumericError: A column does not hold numbers.
        NotFiniteError: A column holds NaN or infinities.
        LengthError: Columns differ in length.
        ParameterError: `variance` is not acceptable.
        ValueError: Any other argument is not acceptable.

    References:
        Lin LI. Biometrics 1989;45:255-268, eq. 2.1; correction 2000;56:324-325. Parts and their intervals:
        Lin L, Hedayat AS, Sinha B, Yang M. J Am Stat Assoc 2002;97:257-270.

    Example:
        Peak flow, large against mini meter (Bland & Altman 1986, Table 1, first readings);
        `epiR::epi.ccc(large, mini)` in R gives 0.9427 (0.8505 to 0.9787):

        >>> large = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
        >>> mini = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]
        >>> result = ccc(large, mini)
        >>> found = result["ccc"]
        >>> print(f"{found.value:.4f} ({found.interval.lower:.4f} to {found.interval.upper:.4f})")
        0.9427 (0.8505 to 0.9787)
        >>> print(f"{result['precision'].value:.4f} x {result['accuracy'].value:.4f}")
        0.9433 x 0.9994
    """
    columns, keys = measured(reference, test, subject, weights)
    if ci is None and weights is None and not np.any(np.diff(columns.offsets) > 1):
        ci = {"ccc": "fisher_z", "precision": "fisher_z", "accuracy": "lin_logit"}
    return evaluate(
        CCC, columns, keys, average="pooled", parameters={"variance": variance}, ci=ci, level=level,
        sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip
