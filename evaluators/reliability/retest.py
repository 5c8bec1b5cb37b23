"""Two occasions of the same subjects: standard error of measurement and minimal detectable change."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from .. import checks
from ..additive import AdditivePrepared, row_weights, subject_sums
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
from .intervals import chi_square_bounds, log_t_interval
from .one_way import center, flushed

_N, _D, _DD = range(3)
_STATISTICS = ("sem_agreement", "sem_consistency", "mdc_agreement", "mdc_consistency")
_METHODS = ("cluster_log_t", "chi_square", "cluster_t", "bootstrap_bca", "bootstrap_percentile")

DEVET = Citation(
    "devet2006",
    "de Vet HCW, Terwee CB, Knol DL, Bouter LM. When to use agreement versus reliability measures. J Clin "
    "Epidemiol 2006;59:1033-1039.",
)
WEIR = Citation(
    "weir2005",
    "Weir JP. Quantifying test-retest reliability using the intraclass correlation coefficient and the SEM. "
    "J Strength Cond Res 2005;19:231-240.",
)


@dataclass(frozen=True)
class _RetestFormula:
    """Standard errors of measurement from differences kept about `shift`."""

    shift: float
    multiplier: float

    def __call__(self, totals: NDArray[Any]) -> NDArray[Any]:
        n, d = totals[..., _N], totals[..., _D]
        squares = flushed(totals[..., _DD], d * d / n)
        mean = self.shift + d / n
        agreement = np.sqrt((squares / n + mean * mean) / 2)
        consistency = np.sqrt(squares / (n - 1) / 2)
        change = self.multiplier * np.sqrt(2)
        return np.stack([agreement, consistency, change * agreement, change * consistency], axis=-1)


@dataclass(frozen=True, eq=False)
class RetestPrepared(AdditivePrepared):
    """Differences of each subject between two occasions; see `Prepared`.

    Attributes:
        weighted: Row weights were given.
    """

    weighted: bool = False

    def reason_undefined(self, statistic: str) -> str:
        """Too few pairs."""
        pairs = int(self.units.sum())
        return f"It needs at least two pairs; there is {pairs}." if pairs else "There are no pairs."

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """`chi_square` for independent pairs; `cluster_log_t`, `cluster_t` for subjects.

        Raises:
            CannotComputeError: Too few pairs or subjects, or row weights with `chi_square`.
        """
        value = float(self.estimate()[_STATISTICS.index(statistic)])
        if method == "cluster_log_t":
            df = int(np.count_nonzero(self.active)) - 1
            return log_t_interval(
                value, self.standard_error(statistic), df, level=level, sides=sides, method=method
            )
        if method != "chi_square":
            return super().interval(statistic, method, level, sides)
        if self.weighted:
            raise CannotComputeError("`chi_square` counts pairs, and these are weighted.")
        pairs = int(self.units.sum())
        df = pairs if statistic.endswith("agreement") else pairs - 1
        lower, upper = np.sqrt(chi_square_bounds(value**2, df, *tail_levels(level, sides)))
        several = bool(np.any(self.units > 1))
        note = "Pairs are taken as independent, and subjects have several." if several else None
        return Interval(
            float(lower), float(upper), level, sides, method, degenerate=value == 0,
            independent_rows=several, warning=note,
        )  # fmt: skip

    def aligned(self, other: AdditivePrepared) -> Self:
        """Self with its differences about the other's shift."""
        here, there = self.formula, other.formula
        if not (isinstance(here, _RetestFormula) and isinstance(there, _RetestFormula)):
            return super().aligned(other)
        delta = here.shift - there.shift
        t = self.totals.copy()
        t[:, _DD] += delta * (2 * self.totals[:, _D] + delta * self.totals[:, _N])
        t[:, _D] += delta * self.totals[:, _N]
        moved = replace(self, totals=t, formula=replace(here, shift=there.shift))
        return super(RetestPrepared, moved).aligned(other)


def _words(consistency: bool) -> str:
    if consistency:
        return "SD of test - reference (n - 1) over sqrt(2); a difference in level is left out."
    return "sqrt(mean((test - reference)^2) / 2); a difference in level between occasions counts as error."


class TestRetest(Metric):
    """Measurement error between two occasions, `reference` the first; the plain function is `test_retest`."""

    __test__ = False  # a metric, whatever its name begins with

    name = "test_retest"
    title = "Test-retest measurement error"
    summary = "Standard error of measurement and minimal detectable change between two occasions."
    kind = "measurement"
    route = "additive"
    headline = "sem_agreement"
    figure = "scatter"
    statistics = (
        Statistic(
            "sem_agreement",
            "Standard error of measurement (agreement)",
            _words(consistency=False),
            "same",
            "lower",
            _METHODS,
        ),
        Statistic(
            "sem_consistency",
            "Standard error of measurement (consistency)",
            _words(consistency=True),
            "same",
            "lower",
            _METHODS,
        ),
        Statistic(
            "mdc_agreement",
            "Minimal detectable change (agreement)",
            "Normal quantile (1.959964 for 95%) times sqrt(2) times the standard error of measurement "
            "(agreement).",
            "same",
            "lower",
            _METHODS,
        ),
        Statistic(
            "mdc_consistency",
            "Minimal detectable change (consistency)",
            "Normal quantile (1.959964 for 95%) times sqrt(2) times the standard error of measurement "
            "(consistency).",
            "same",
            "lower",
            _METHODS,
        ),
    )
    parameters = (
        Parameter(
            "agreement_level",
            "number",
            "Share of stable subjects whose change stays below the minimal detectable one; 0.95 is the "
            "convention, 0.9 is met too.",
            default=0.95,
            minimum=0.5,
            maximum=0.9999,
        ),
    )
    citations = (DEVET, WEIR)

    def prepare(self, columns: Columns, *, average: Average = "pooled", **parameters: Any) -> RetestPrepared:
        """Summarise the differences once; see `Metric.prepare`."""
        if average != "pooled":
            raise ValueError("`test_retest` has the average `pooled` only.")
        given = checks.parameters(self, parameters)
        columns = checks.measurement_columns(columns)
        weights = row_weights(columns)
        difference = columns.test - columns.reference
        shift = center(difference)
        kept = difference - shift
        return RetestPrepared(
            totals=np.column_stack(
                [subject_sums(v, columns.offsets) for v in (weights, weights * kept, weights * kept**2)]
            ),
            names=("n", "d", "dd"),
            statistics=_STATISTICS,
            formula=_RetestFormula(shift, float(special.ndtri((1 + given["agreement_level"]) / 2))),
            units=subject_sums(weights > 0, columns.offsets).astype(np.int64),
            weighted=columns.weights is not None,
        )


TEST_RETEST = TestRetest()
METRICS: tuple[Metric, ...] = (TEST_RETEST,)


def test_retest(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    subject: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    agreement_level: float = 0.95,
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Standard error of measurement and minimal detectable change between two occasions.

    Each row holds one quantity measured twice: `reference` the first time, `test` the second. With
    d = test - reference over n rows and z the normal quantile of the agreement level:

    - sem_agreement = sqrt(mean(d^2) / 2), root of the mean square within rows of a one-way analysis: a
      difference in level between the occasions counts as error
    - sem_consistency = sd(d) / sqrt(2), root of the residual mean square of a two-way analysis: it does not
    - mdc_agreement, mdc_consistency = z sqrt(2) times these

    The same as SD sqrt(1 - ICC) with the variance and the coefficient of the same analysis, ICC(1,1) or
    ICC(C,1) of `icc`. For more than two replicates see `repeatability`.

    Args:
        reference: (n,) values of the first occasion.
        test: (n,) values of the second, in the same unit.
        subject: (n,) subject labels. Default: every row is a subject of its own.
        weights: (n,) row weights; only ratios matter.
        agreement_level: Share of stable subjects whose change stays below the minimal detectable one.
        ci: Interval method: `cluster_log_t` (default; linearised, on the logarithmic scale), `chi_square`
            (n degrees of freedom for agreement, n - 1 for consistency; rows taken as independent and, for
            agreement, occasions without a difference in level), `cluster_t`, subject bootstrap.
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates, where a bootstrap is asked for.
        seed: Seed of the bootstrap.

    Returns:
        `sem_agreement`, `sem_consistency`, `mdc_agreement`, `mdc_consistency`, in its unit.

    Raises:
        NotNumericError: A column does not hold numbers.
        NotFiniteError: A column holds NaN or infinities.
        LengthError: Columns differ in length.
        ParameterError: `agreement_level` is not acceptable.
        ValueError: Any other argument is not acceptable.

    References:
        de Vet HCW et al. J Clin Epidemiol 2006;59:1033-1039. Weir JP. J Strength Cond Res 2005;19:231-240.

    Example:
        Changes of 2, 4 and 0: mean square 20/3, variance 4:

        >>> result = test_retest([60, 70, 80], [62, 74, 80])
        >>> [round(result[name].value, 4) for name in result]
        [1.8257, 1.4142, 5.0606, 3.9199]
    """
    columns, keys = measured(reference, test, subject, weights)
    return evaluate(
        TEST_RETEST, columns, keys, average="pooled", parameters={"agreement_level": agreement_level}, ci=ci,
        level=level, sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip


test_retest.__test__ = False  # type: ignore[attr-defined]
