"""Concordance of repeated pairs, with the variation between and within subjects taken apart.

`ccc_replicates` takes the pairs of a subject for replicates of one true value, `ccc_longitudinal` for linked
measurements of a value that changes. Both are estimated from variance components by restricted maximum
likelihood. `ccc_u_statistics` needs no model, but a complete table of subjects by times.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from .. import checks
from ..additive import effective
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED, Method, evaluate, labelled, measured
from ..metric import (
    Average,
    CannotComputeError,
    Citation,
    Columns,
    Counts,
    FloatArray,
    IntArray,
    Interval,
    Metric,
    MetricResult,
    Parameter,
    Prepared,
    Sides,
    Statistic,
)
from .concordance_components import (
    Components,
    Errors,
    ccc_gradient,
    covariance,
    longitudinal,
    own_differences_p,
    replicates,
)
from .intervals import tail_quantiles, z_interval
from .methods import CARRASCO
from .one_way_reml import Occasions, occasions

_BOOTSTRAP = ("bootstrap_percentile", "bootstrap_bca")
_SURE = 0.05
"""p value below which subjects are said to have differences of their own."""

_PLACE = {
    "var_subjects": 0,
    "var_subjects_method": 1,
    "var_subjects_time": 2,
    "var_method": 3,
    "var_error": 4,
}

CARRASCO2003 = Citation(
    "carrasco2003",
    "Carrasco JL, Jover L. Estimating the generalized concordance correlation coefficient through variance "
    "components. Biometrics 2003;59:849-858.",
)
CARRASCO2009 = Citation(
    "carrasco2009",
    "Carrasco JL, King TS, Chinchilli VM. The concordance correlation coefficient for repeated measures "
    "estimated by variance components. J Biopharm Stat 2009;19:90-105.",
)


@dataclass(frozen=True, eq=False)
class ComponentsPrepared(Prepared):
    """Sums of each subject's scaled sums and differences; see `Prepared`.

    Attributes:
        total: Scaled sums of reference and test.
        apart: Scaled differences.
        linked: Pairs are linked measurements, not replicates.
        errors: Whose standard error.
        statistics: Names of the statistics.
    """

    total: Occasions
    apart: Occasions
    linked: bool
    errors: Errors
    statistics: tuple[str, ...]
    n_subjects: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_subjects", len(self.total.squares))

    def fit(self, weights: FloatArray) -> Components:
        """The components at one vector of subject weights.

        Raises:
            CannotComputeError: The data do not tell them apart.
        """
        return (longitudinal if self.linked else replicates)(self.total, self.apart, weights)

    @cached_property
    def _found(self) -> Components:
        """The components at weights of one."""
        return self.fit(np.ones(self.n_subjects))

    @cached_property
    def _spread(self) -> FloatArray:
        """Covariance of the components at weights of one."""
        return covariance(self.total, self.apart, self._found, linked=self.linked, errors=self.errors)

    def at(self, weights: FloatArray, *, relative: bool = False) -> FloatArray:
        """Every statistic at every weight vector, fitted again for each; see `Prepared.at`."""
        if relative:
            weights = effective(weights, self.total.rows > 0)
        result = np.full((len(weights), len(self.statistics)), np.nan)
        for i, row in enumerate(weights):
            try:
                found = self.fit(row)
                result[i] = [self._value(found, name) for name in self.statistics]
            except CannotComputeError:
                continue
        return result

    def _value(self, found: Components, statistic: str) -> float:
        return found.ccc if statistic == "ccc" else float(found.values[_PLACE[statistic]])

    def counts(self, statistic: str) -> Counts:
        """Subjects with rows, and rows."""
        del statistic
        rows = self.total.rows
        return Counts(int(np.count_nonzero(rows)), int(rows.sum()))

    def reason_undefined(self, statistic: str) -> str:
        """What keeps the model from being fitted."""
        if not np.any(self.total.rows):
            return "There are no rows."
        try:
            self._value(self._found, statistic)
        except CannotComputeError as problem:
            return str(problem)
        return "The statistic has no value."

    def warning(self, statistic: str) -> str | None:
        """Components set to 0, and what the model of replicates leaves out although the data show it.

        The component between methods, often 0 where there is no bias, is named on its own row only.
        """
        if not np.any(self.total.rows):
            return None
        values = self._found.values
        own = {name: place for name, place in _PLACE.items() if name in self.statistics}
        zero = [name for name, place in own.items() if values[place] == 0 and name != "var_method"]
        if statistic == "var_method" and values[own[statistic]] == 0:
            zero.append(statistic)
        notes = [f"Estimated below 0 and set to 0: {', '.join(zero)}."] if zero else []
        if not self.linked and own_differences_p(self.apart) < _SURE:
            notes.append(
                "The difference between methods varies from subject to subject, which this model leaves out: "
                "it overstates the agreement; `ccc_longitudinal` does not."
            )
        return " ".join(notes) or None

    def standard_error(self, statistic: str) -> float:
        """Large-sample, from the information of the restricted likelihood; NaN at the edge of the model."""
        try:
            return self._error(statistic)[1]
        except CannotComputeError:
            return float("nan")

    def _error(self, statistic: str) -> tuple[float, float]:
        found, spread = self._found, self._spread
        if statistic == "ccc":
            gradient = ccc_gradient(found.values)
            variance = float(gradient @ spread @ gradient)
        else:
            place = _PLACE[statistic]
            variance = float(spread[place, place])
        if not variance > 0:
            raise CannotComputeError("The large-sample variance is not above 0.")
        return self._value(found, statistic), float(np.sqrt(variance))

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """`reml_z` of the coefficient, `reml_log` of a component.

        Raises:
            CannotComputeError: A component is 0, or a method that the statistic does not have.
        """
        low, high = tail_quantiles(level, sides)
        if method == "reml_z" and statistic == "ccc":
            value, error = self._error(statistic)
            return z_interval(value, error, low=low, high=high, level=level, sides=sides, method=method)
        if method == "reml_log" and statistic != "ccc":
            value, error = self._error(statistic)
            if not value > error:
                raise CannotComputeError("The component is smaller than its error: not told from 0.")
            lower = 0.0 if low is None else value * float(np.exp(low * error / value))
            upper = float("inf") if high is None else value * float(np.exp(high * error / value))
            return Interval(lower, upper, level, sides, method)
        raise CannotComputeError(f"`{statistic}` has no `{method}` interval.")


def _component(name: str, title: str, definition: str) -> Statistic:
    return Statistic(name, title, definition, "none", "none", ("reml_log", *_BOOTSTRAP))


_SUBJECTS = _component("var_subjects", "Variance between subjects", "Variance of the subjects' true levels.")
_METHOD = _component(
    "var_method",
    "Variance between methods",
    "Half the mean squared difference between the methods' means, less the part that their errors add; not "
    "below 0.",
)
_ERROR = _component("var_error", "Error variance", "Variance of what the other components leave.")


class _RepeatedConcordance(Metric):
    """Base: concordance from variance components."""

    kind = "measurement"
    route = "refit"
    headline = "ccc"
    figure = "scatter"
    parameters = (
        Parameter(
            "errors",
            "choice",
            "Standard error: `delta` carries the dependence of the method component on the others exactly; "
            "`cccrm` repeats that R package (3.0.5), whose covariance is off by the square of the number of "
            "replicates, to compare with its output.",
            default="delta",
            choices=("delta", "cccrm"),
        ),
    )
    _linked: ClassVar[bool] = False

    def prepare(
        self, columns: Columns, *, average: Average = "pooled", **parameters: Any
    ) -> ComponentsPrepared:
        """Summarise the rows once; see `Metric.prepare`."""
        if average != "pooled":
            raise ValueError(f"`{self.name}` has the average `pooled` only.")
        if columns.weights is not None:
            raise ValueError(f"`{self.name}` is defined without row weights.")
        given = checks.parameters(self, parameters)
        columns = checks.measurement_columns(columns)
        return self.at_occasions(columns, np.zeros(len(columns.test), dtype=np.int64), 1, given["errors"])

    def at_occasions(
        self, columns: Columns, occasion: IntArray, n_occasions: int, errors: Errors
    ) -> ComponentsPrepared:
        """Summarise checked rows, each with the number of its occasion."""
        x, y = columns.reference, columns.test
        center = (float(np.mean(x)) + float(np.mean(y))) / 2 if len(x) else 0.0
        x, y = x - center, y - center
        return ComponentsPrepared(
            total=occasions((x + y) / np.sqrt(2), columns.offsets, occasion, n_occasions),
            apart=occasions((y - x) / np.sqrt(2), columns.offsets, occasion, n_occasions),
            linked=self._linked,
            errors=errors,
            statistics=tuple(one.name for one in self.statistics),
        )


class ReplicatesConcordance(_RepeatedConcordance):
    """Concordance of replicates; the plain function is `ccc_replicates`."""

    name = "ccc_replicates"
    title = "Concordance correlation, replicates"
    summary = "Concordance of replicated pairs of one true value a subject, from variance components."
    statistics = (
        Statistic(
            "ccc",
            "Concordance correlation coefficient (replicates)",
            "Variance between subjects as a share of the variances between subjects, between methods and of "
            "error, by restricted maximum likelihood.",
            "none",
            "higher",
            ("reml_z", *_BOOTSTRAP),
        ),
        _SUBJECTS,
        _METHOD,
        _ERROR,
    )
    citations = (CARRASCO2003, CARRASCO)


class LongitudinalConcordance(_RepeatedConcordance):
    """Concordance of linked pairs; the plain function is `ccc_longitudinal`."""

    name = "ccc_longitudinal"
    title = "Concordance correlation, longitudinal"
    summary = "Concordance of linked pairs of a value that changes within subjects, from variance components."
    statistics = (
        Statistic(
            "ccc",
            "Concordance correlation coefficient (longitudinal)",
            "Variances between subjects and of subject by time as a share of these and of the variances of "
            "subject by method, between methods and of error, by restricted maximum likelihood.",
            "none",
            "higher",
            ("reml_z", *_BOOTSTRAP),
        ),
        _SUBJECTS,
        _component(
            "var_subjects_method",
            "Variance of subject by method",
            "Variance of the subjects' own differences between methods.",
        ),
        _component(
            "var_subjects_time",
            "Variance of subject by time",
            "Variance of what both methods see change within a subject.",
        ),
        _METHOD,
        _ERROR,
    )
    citations = (CARRASCO2009, CARRASCO)
    _linked = True


CCC_REPLICATES = ReplicatesConcordance()
CCC_LONGITUDINAL = LongitudinalConcordance()
METRICS: tuple[Metric, ...] = (CCC_REPLICATES, CCC_LONGITUDINAL)


def ccc_replicates(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    subject: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    errors: Errors = "delta",
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Concordance of replicated pairs of one true value a subject, from variance components.

    Model: y = method + subject + error, by restricted maximum likelihood. With the variances s2 between
    subjects and of error, and for two methods m2 = max(0, (d^2 - Var(d)) / 2) with d the difference of their
    means: ccc = s2_subjects / (s2_subjects + m2 + s2_error). Replicates of a subject are exchangeable; which
    was measured beside which plays no part. With one pair a subject this is close to `ccc`, whose variances
    divide by n.

    It supposes that the methods differ alike in all subjects. Where a device has an offset of its own in each
    subject, that variance is taken for agreement in part: with subjects 9, offsets 1.5 a method and error 1
    it gave 0.82 for 0.77 in simulations, and its 95% interval held the truth 74% of times. A warning says so
    where an F test of the subjects' differences has p < 0.05; `ccc_longitudinal` has a component for it.

    Args:
        reference: (n,) reference values.
        test: (n,) values of the device under test, in the same unit.
        subject: (n,) subject labels. Default: every row is a subject of its own.
        weights: Not defined here; accepted as None for likeness with other metrics.
        errors: Standard error: `delta` (default), or `cccrm` to compare with that R package.
        ci: Interval method: `reml_z` (default; `reml_log` for a variance), or a subject bootstrap, which fits
            again for every replicate.
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates, where a bootstrap is asked for.
        seed: Seed of the bootstrap.

    Returns:
        `ccc`, without unit; `var_subjects`, `var_method`, `var_error` in the squared unit.

    Raises:
        NotNumericError: A column does not hold numbers.
        NotFiniteError: A column holds NaN or infinities.
        LengthError: Columns differ in length.
        ValueError: Row weights are given, or another argument is not acceptable.

    References:
        Carrasco JL, Jover L. Biometrics 2003;59:849-858. Carrasco JL et al. Comput Methods Programs Biomed
        2013;109:293-304.

    Example:
        >>> reference, test = [10, 11, 15, 14, 20, 19, 30, 31], [11, 11, 16, 14, 21, 21, 30, 33]
        >>> result = ccc_replicates(reference, test, subject=list("aabbccdd"))
        >>> [round(result[name].value, 3) for name in result]
        [0.986, 76.973, 0.278, 0.835]
    """
    columns, keys = measured(reference, test, subject, weights)
    return evaluate(
        CCC_REPLICATES, columns, keys, average="pooled", parameters={"errors": errors}, ci=ci, level=level,
        sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip


def ccc_longitudinal(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    subject: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    time: ArrayLike | None = None,
    errors: Errors = "delta",
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Concordance of linked pairs of a value that changes within subjects, from variance components.

    Model: y = method at each time + subject + subject by method + subject by time + error, by restricted
    maximum likelihood; ccc = (s2_subjects + s2_subjects_time) / (these + s2_subjects_method + m2 + s2_error),
    m2 half the mean over times of the squared difference between methods, less what its errors add, not
    below 0. Without `time` there is one difference between methods and the times of a subject are
    exchangeable; that is also what the metric of a protocol does. Subjects may have different times. No
    component is below 0: where one would be, it is 0 and the others are those of the largest likelihood with
    it; a warning names it, and only the bootstrap has an interval then.

    Args:
        reference: (n,) reference values.
        test: (n,) values of the device under test, in the same unit.
        subject: (n,) subject labels; some need several rows.
        weights: Not defined here; accepted as None for likeness with other metrics.
        time: (n,) labels of the times, at which all subjects share a mean; at most one row a subject and
            time.
        errors: Standard error: `delta` (default), or `cccrm` to compare with that R package.
        ci: Interval method: `reml_z` (default; `reml_log` for a variance), or a subject bootstrap, which fits
            again for every replicate.
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates, where a bootstrap is asked for.
        seed: Seed of the bootstrap.

    Returns:
        `ccc`, without unit; `var_subjects`, `var_subjects_method`, `var_subjects_time`, `var_method`,
        `var_error` in the squared unit.

    Raises:
        NotNumericError: A column does not hold numbers.
        NotFiniteError: A column holds NaN or infinities.
        LengthError: Columns differ in length.
        ValueError: Row weights are given, a subject has a time twice, or another argument is not acceptable.

    References:
        Carrasco JL, King TS, Chinchilli VM. J Biopharm Stat 2009;19:90-105. Carrasco JL et al. Comput Methods
        Programs Biomed 2013;109:293-304.

    Example:
        >>> reference, test = [10, 13, 15, 19, 20, 22, 30, 31], [11, 14, 17, 21, 20, 23, 32, 34]
        >>> result = ccc_longitudinal(reference, test, subject=list("aabbccdd"))
        >>> round(result["ccc"].value, 3)
        0.979
    """
    if time is None:
        columns, keys = measured(reference, test, subject, weights)
        prepared = CCC_LONGITUDINAL.prepare(columns, errors=errors)
    else:
        if weights is not None:
            raise ValueError("`ccc_longitudinal` is defined without row weights.")
        columns, keys, occasion, times = paired_at_times(reference, test, subject, time)
        checks.parameters(CCC_LONGITUDINAL, {"errors": errors})
        prepared = CCC_LONGITUDINAL.at_occasions(columns, occasion, times, errors)
    return labelled(
        CCC_LONGITUDINAL, prepared, keys, average="pooled", parameters={"errors": errors}, ci=ci, level=level,
        sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip


def paired_at_times(
    reference: ArrayLike, test: ArrayLike, subject: ArrayLike | None, time: ArrayLike
) -> tuple[Columns, tuple[str, ...], IntArray, int]:
    """Checked columns sorted by subject and time, with the subjects' keys and each row's time."""
    x, y = checks.measurements("reference", reference), checks.measurements("test", test)
    checks.same_length(len(x), {"test": y})
    if subject is None:
        raise ValueError("`time` needs `subject`: without it every row is a subject of its own.")
    keys, label = checks.subject_labels(subject, len(x))
    times, occasion = checks.subject_labels(time, len(x))
    cells = np.bincount(label * len(times) + occasion, minlength=len(keys) * len(times))
    twice = int(np.count_nonzero(cells > 1))
    if twice:
        raise ValueError(f"{twice:,} pairs of subject and time have several rows; one each is needed.")
    order = np.lexsort((occasion, label))
    offsets = np.concatenate([[0], np.cumsum(np.bincount(label, minlength=len(keys)))]).astype(np.int64)
    return Columns(x[order], y[order], offsets), keys, occasion[order], len(times)
