"""The difference of two versions as something prepared: both are evaluated at the same subject weights.

With one matrix of weights for both, the pairing of the versions comes for free: in a replicate that draws a
difficult subject twice, it is drawn twice for either. Everything that works on a prepared metric (estimates,
bootstrap, jackknife) then works on the difference.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from threading import Lock
from typing import Literal
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from ..additive import AdditivePrepared
from ..intervals import t_interval
from ..metric import CannotComputeError, Counts, FloatArray, Interval, Prepared, Sides

Combination = Literal["difference", "sum"]

_BLOCK = 256  # subjects left out at a time
_ROUNDING = 1e-14  # of a version's value
_NO_SPREAD = 1e-10  # of a version's own standard error


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

    @cached_property
    def masks(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """(S,) which subjects have rows in the candidate, and in the baseline."""
        return active_subjects(self.candidate), active_subjects(self.baseline)

    @cached_property
    def active(self) -> NDArray[np.bool_]:
        """(S,) which subjects have rows in either version, as far as the prepared metrics say."""
        return self.masks[0] | self.masks[1]

    def at(self, weights: FloatArray, *, relative: bool = False) -> FloatArray:
        """Both versions at the same weights, and their difference; see `Prepared.at`."""
        first = self.candidate.at(weights, relative=relative)
        second = self.baseline.at(weights, relative=relative)
        return first - second if self.combination == "difference" else first + second

    def estimate(self) -> FloatArray:
        """(k,) differences at weights of one."""
        first, second = estimate_of(self.candidate), estimate_of(self.baseline)
        return first - second if self.combination == "difference" else first + second

    def jackknife(self) -> FloatArray:
        """(J, k) differences with one subject that has rows left out of both versions."""
        if np.array_equal(*self.masks):
            first, second = (
                _once(one, "jackknife", one.jackknife) for one in (self.candidate, self.baseline)
            )
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
            if not np.isfinite(estimate_of(part)[index]):
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
            return self.spread(statistic, "cluster_t")[0]
        except CannotComputeError:
            return float("nan")

    def spread(self, statistic: str, method: str) -> tuple[float, float]:
        """Standard error and degrees of freedom, from the subjects' influence z on the difference.

        - Both versions rest on the same S subjects: S / (S - 1) sum((z - mean)^2), S - 1 degrees of freedom.
        - On other subjects altogether (subgroups of subjects): such a variance of each, added up, with
          Welch's degrees of freedom; for a subgroup of three among forty, S - 1 would be far too many.
          Subjects of one version that do not differ at all (sensitivity 1 in each) give no interval.
        - On some of the same subjects: as on the same ones, S those of either version, but with the degrees
          of freedom of the version with fewer.

        Args:
            statistic: Its name.
            method: `cluster_t`: z is the derivative in the subject's weight; `jackknife_t`: z is
                (n - 1) / n times what leaving out the subject takes away, n the subjects of its version.

        Raises:
            CannotComputeError: A version rests on fewer than two subjects, or on others that do not differ;
                the metric is not smooth; or the difference without one of the subjects is undefined.
        """
        first, second = self.masks
        sizes = [int(np.count_nonzero(mask)) for mask in (first, second)]
        for name, size in zip(("candidate", "baseline"), sizes, strict=True):
            if size < 2:
                raise CannotComputeError(
                    f"An interval needs at least two subjects; the {name} rests on {size or 'none'}."
                )
        index = self.statistics.index(statistic)
        values = self.influence()[:, index] if method == "cluster_t" else self._left_out(index)
        jackknife = method == "jackknife_t"
        if np.any(first & second):
            return float(np.sqrt(_variance(values, jackknife=jackknife))), min(sizes) - 1.0
        z = np.zeros(self.n_subjects)
        z[self.active] = values
        variances = [_variance(z[mask], jackknife=jackknife) for mask in (first, second)]
        for name, part, variance in zip(
            ("candidate", "baseline"), (self.candidate, self.baseline), variances, strict=True
        ):
            if variance <= (_ROUNDING * abs(float(estimate_of(part)[index]))) ** 2:
                raise CannotComputeError(
                    f"The subjects of the {name} do not differ; what is uncertain of it cannot be seen."
                )
        shares = np.array(variances) / sum(variances)
        return float(np.sqrt(sum(variances))), float(1 / (shares**2 / (np.array(sizes) - 1)).sum())

    def _left_out(self, index: int) -> FloatArray:
        """The differences with one subject left out each, all of them defined."""
        values = self.jackknife()[:, index]
        missing = int(np.count_nonzero(~np.isfinite(values)))
        if missing:
            raise CannotComputeError(
                f"The jackknife is undefined: without one subject the difference has no value ({missing} of "
                f"{len(values)} subjects)."
            )
        return values

    def rounding(self, statistic: str) -> float:
        """Standard errors up to this are what rounding leaves where the subjects' differences do not vary.

        Rounding goes with the numbers that either version was computed from, not with their difference: a
        ten-billionth of a version's own standard error, or 1e-14 of its value.
        """
        index = self.statistics.index(statistic)
        parts = (self.candidate, self.baseline)
        errors = [
            float(_once(part, f"error of {statistic}", partial(_error, part, statistic))) for part in parts
        ]
        return max(
            _ROUNDING * max(abs(float(estimate_of(part)[index])) for part in parts),
            _NO_SPREAD * max((error for error in errors if np.isfinite(error)), default=0.0),
            float(np.finfo(float).tiny),
        )

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """`cluster_t` (linearised) and `jackknife_t`; see `spread`.

        Raises:
            CannotComputeError: A version rests on fewer than two subjects, or the metric does not support the
                method.
        """
        offered(method)
        value = float(self.estimate()[self.statistics.index(statistic)])
        spread = self.spread(statistic, method)
        return t_contrast(value, spread, method, level, sides, rounding=self.rounding(statistic))


def offered(method: str) -> None:
    """Refuse an analytic interval that a difference does not have.

    Raises:
        CannotComputeError: It is neither `cluster_t` nor `jackknife_t`.
    """
    if method not in ("cluster_t", "jackknife_t"):
        raise CannotComputeError(f"A paired difference has no `{method}` interval.")


def t_contrast(
    value: float,
    spread: tuple[float, float],
    method: str,
    level: float,
    sides: Sides,
    *,
    rounding: float = 0.0,
) -> Interval:
    """The t interval of a difference; marked where its standard error is what rounding leaves.

    Args:
        value: The difference.
        spread: Its standard error and degrees of freedom.
        method: The method that the spread is of.
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        rounding: Standard errors up to this are rounding.

    Raises:
        CannotComputeError: The standard error is undefined.
    """
    error, df = spread
    if not np.isfinite(error):
        raise CannotComputeError("The standard error is undefined for these data.")
    lower, upper = t_interval(value, error, df, level, sides)
    found = Interval(lower, upper, level, sides, method)
    return without_spread(found) if error <= rounding else found


def without_spread(interval: Interval) -> Interval:
    """The interval, marked as one that may not decide."""
    note = "The subjects' differences do not vary; the interval has no width and says nothing."
    return replace(interval, degenerate=True, warning=note)


def _variance(values: FloatArray, *, jackknife: bool) -> float:
    """Variance of a sum over subjects from their influence, or from values with each of them left out."""
    n = len(values)
    if jackknife:
        values = values * ((n - 1) / n)
    return float(n / (n - 1) * np.square(values - values.mean()).sum())


def active_subjects(prepared: Prepared) -> NDArray[np.bool_]:
    """(S,) which subjects have rows; all of them where the prepared metric does not say."""
    found = getattr(prepared, "active", None)
    if isinstance(found, np.ndarray) and found.shape == (prepared.n_subjects,):
        return np.asarray(found, dtype=bool)
    return np.ones(prepared.n_subjects, dtype=bool)


def estimate_of(prepared: Prepared) -> FloatArray:
    """(k,) values of a version, computed once for all versions that it is compared with."""
    return _once(prepared, "estimate", prepared.estimate)


def influence_of_all(prepared: Prepared) -> FloatArray:
    """(S, k) derivatives, 0 for subjects without rows."""
    if not isinstance(prepared, AdditivePrepared):
        raise CannotComputeError(
            "A linearised standard error (`cluster_t`) needs a statistic that is a smooth function of sums; "
            "use a bootstrap or, where the statistic is smooth, `jackknife_t`."
        )
    return _once(prepared, "influence", partial(_scattered, prepared))


def _scattered(prepared: AdditivePrepared) -> FloatArray:
    result = np.zeros((prepared.n_subjects, len(prepared.statistics)))
    result[prepared.active] = prepared.influence()
    return result


def _error(prepared: Prepared, statistic: str) -> FloatArray:
    return np.array(prepared.standard_error(statistic))


_KNOWN: WeakKeyDictionary[Prepared, dict[str, FloatArray]] = WeakKeyDictionary()
_LOCK = Lock()


def _once(prepared: Prepared, what: str, compute: Callable[[], FloatArray]) -> FloatArray:
    """Something of a version that every difference it takes part in needs, computed once while it lives.

    One baseline stands against many candidates. What was prepared never changes, so neither does this.
    """
    try:
        with _LOCK:
            known = _KNOWN.setdefault(prepared, {})
    except TypeError:  # a plug-in's own class that cannot be referred to weakly
        return compute()
    if what not in known:
        known[what] = compute()
    return known[what]
