"""The difference of two versions as something prepared: both are evaluated at the same subject weights.

With one matrix of weights for both, the pairing of the versions comes for free: in a replicate that draws a
difficult subject twice, it is drawn twice for either. Everything that works on a prepared metric (estimates,
bootstrap, jackknife) then works on the difference.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..additive import AdditivePrepared
from ..intervals import t_interval
from ..metric import CannotComputeError, Counts, FloatArray, Interval, Prepared, Sides

Combination = Literal["difference", "sum"]

_BLOCK = 256  # subjects left out at a time


@dataclass(frozen=True, eq=False)
class DifferencePrepared(Prepared):
    """Candidate - baseline (or their sum) of every statistic; see `Prepared`.

    Attributes:
        candidate: The version in question.
        baseline: The version it is compared with, the same subjects in the same order.
        combination: `difference`, or `sum`, which the distance from zero of two signed statistics needs.
    """

    candidate: Prepared
    baseline: Prepared
    combination: Combination = "difference"
    statistics: tuple[str, ...] = field(init=False)
    n_subjects: int = field(init=False)

    def __post_init__(self) -> None:
        first, second = self.candidate, self.baseline
        if first.n_subjects != second.n_subjects:
            raise ValueError(
                f"`candidate` has {first.n_subjects:,} subjects and `baseline` {second.n_subjects:,}; a "
                "paired difference needs the same subjects in the same order."
            )
        if first.statistics != second.statistics:
            raise ValueError("`candidate` and `baseline` must be prepared with the same metric.")
        object.__setattr__(self, "statistics", first.statistics)
        object.__setattr__(self, "n_subjects", first.n_subjects)

    @property
    def active(self) -> NDArray[np.bool_]:
        """(S,) which subjects have rows in either version, as far as the prepared metrics say."""
        return _active(self.candidate) | _active(self.baseline)

    def at(self, weights: FloatArray, *, relative: bool = False) -> FloatArray:
        """Both versions at the same weights, and their difference; see `Prepared.at`."""
        first = self.candidate.at(weights, relative=relative)
        second = self.baseline.at(weights, relative=relative)
        return first - second if self.combination == "difference" else first + second

    def jackknife(self) -> FloatArray:
        """(J, k) differences with one subject that has rows left out of both versions."""
        if np.array_equal(_active(self.candidate), _active(self.baseline)):
            first, second = self.candidate.jackknife(), self.baseline.jackknife()
            if first.shape == second.shape:
                return first - second if self.combination == "difference" else first + second
        left_out = np.flatnonzero(self.active)
        result = np.empty((len(left_out), len(self.statistics)))
        for start in range(0, len(left_out), _BLOCK):
            chosen = left_out[start : start + _BLOCK]
            weights = np.ones((len(chosen), self.n_subjects))
            weights[np.arange(len(chosen)), chosen] = 0.0
            result[start : start + _BLOCK] = self.at(weights)
        return result

    def influence(self) -> FloatArray:
        """(J, k) derivatives of the differences in each subject's weight, subjects with rows in either.

        Raises:
            CannotComputeError: The metric is no smooth function of sums.
        """
        first, second = influence_of_all(self.candidate), influence_of_all(self.baseline)
        both = first - second if self.combination == "difference" else first + second
        return np.asarray(both[self.active])

    def counts(self, statistic: str) -> Counts:
        """Subjects with rows in either version, and the units of the candidate."""
        return Counts(int(np.count_nonzero(self.active)), self.candidate.counts(statistic).n_units)

    def reason_undefined(self, statistic: str) -> str:
        """Which version has no value, and why."""
        index = self.statistics.index(statistic)
        for name, part in (("candidate", self.candidate), ("baseline", self.baseline)):
            if not np.isfinite(part.estimate()[index]):
                return f"The {name} has no value: {part.reason_undefined(statistic)}"
        return "The difference has no value."

    def warning(self, statistic: str) -> str | None:
        """What either version warns of, and units that only one of them has."""
        notes = [
            f"{name}: {note}"
            for name, part in (("candidate", self.candidate), ("baseline", self.baseline))
            if (note := part.warning(statistic))
        ]
        first, second = self.candidate.counts(statistic), self.baseline.counts(statistic)
        if (first.n_subjects, first.n_units) != (second.n_subjects, second.n_units):
            notes.append(
                f"The candidate rests on {first.n_units:,} units of {first.n_subjects:,} subjects, the "
                f"baseline on {second.n_units:,} of {second.n_subjects:,}."
            )
        return " ".join(notes) or None

    def standard_error(self, statistic: str) -> float:
        """Linearised with subjects as clusters where the metric is smooth; NaN otherwise."""
        try:
            z = self.influence()[:, self.statistics.index(statistic)]
        except CannotComputeError:
            return float("nan")
        if len(z) < 2:
            return float("nan")
        return float(np.sqrt(len(z) / (len(z) - 1) * np.square(z - z.mean()).sum()))

    def jackknife_error(self, statistic: str) -> float:
        """sqrt((n - 1) / n * sum((d_i - mean)^2)) of the leave-one-subject-out differences d_i.

        Raises:
            CannotComputeError: Fewer than two subjects, or a difference without one of them is undefined.
        """
        values = self.jackknife()[:, self.statistics.index(statistic)]
        if len(values) < 2:
            raise CannotComputeError("An interval needs at least two subjects.")
        missing = int(np.count_nonzero(~np.isfinite(values)))
        if missing:
            raise CannotComputeError(
                f"The jackknife is undefined: without one subject the difference has no value ({missing} of "
                f"{len(values)} subjects)."
            )
        n = len(values)
        return float(np.sqrt((n - 1) / n * np.square(values - values.mean()).sum()))

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """`cluster_t` (linearised) and `jackknife_t`, both with subjects - 1 degrees of freedom.

        Raises:
            CannotComputeError: Fewer than two subjects, or the metric does not support the method.
        """
        if method == "cluster_t":
            self.influence()  # says why, where there is none
            error = self.standard_error(statistic)
        elif method == "jackknife_t":
            error = self.jackknife_error(statistic)
        else:
            raise CannotComputeError(f"A paired difference has no `{method}` interval.")
        subjects = int(np.count_nonzero(self.active))
        if subjects < 2:
            raise CannotComputeError("An interval needs at least two subjects.")
        if not np.isfinite(error):
            raise CannotComputeError("The standard error is undefined for these data.")
        index = self.statistics.index(statistic)
        value = float(self.estimate()[index])
        size = max(abs(float(part.estimate()[index])) for part in (self.candidate, self.baseline))
        # rounding leaves about 1e-16 of either version where the subjects' differences do not vary
        degenerate = error <= 1e-14 * max(size, float(np.finfo(float).tiny))
        lower, upper = t_interval(value, error, subjects - 1, level, sides)
        note = "The subjects' differences do not vary; the interval has no width and says nothing."
        return Interval(
            lower, upper, level, sides, method, degenerate=degenerate, warning=note if degenerate else None
        )


def _active(prepared: Prepared) -> NDArray[np.bool_]:
    """(S,) which subjects have rows; all of them where the prepared metric does not say."""
    found = getattr(prepared, "active", None)
    if isinstance(found, np.ndarray) and found.shape == (prepared.n_subjects,):
        return np.asarray(found, dtype=bool)
    return np.ones(prepared.n_subjects, dtype=bool)


def influence_of_all(prepared: Prepared) -> FloatArray:
    """(S, k) derivatives, 0 for subjects without rows."""
    if not isinstance(prepared, AdditivePrepared):
        raise CannotComputeError(
            "A linearised standard error (`cluster_t`) needs a statistic that is a smooth function of sums; "
            "use a bootstrap or, where the statistic is smooth, `jackknife_t`."
        )
    result = np.zeros((prepared.n_subjects, len(prepared.statistics)))
    result[prepared.active] = prepared.influence()
    return result
