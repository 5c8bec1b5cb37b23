"""What a difference of two versions says whatever level or margin is asked for: small enough to keep.

All that touches the subjects' sums (influence, jackknife) is done once, when a contrast is summarised.
Intervals, p values and verdicts follow from the few numbers of the summary; only replicates need the versions
themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property, partial
from typing import Any, TypeVar

import numpy as np

from ..estimate import attempt
from ..intervals import METHODS
from ..metric import CannotComputeError, Counts, FloatArray, Interval, Metric, Prepared, Sides, Statistic
from .difference import Combination, DifferencePrepared, estimate_of, offered, t_contrast
from .scales import Scale, checked_method, scaled

T = TypeVar("T")


@dataclass(frozen=True)
class ContrastSummary:
    """One statistic of the difference (or sum) of two versions.

    Attributes:
        value: At weights of one; NaN where there is none.
        standard_error: Linearised; NaN where the metric is not smooth.
        rounding: Standard errors up to this are what rounding leaves.
        counts: Subjects and units.
        warning: What either version warns of.
        spread: Standard error and degrees of freedom of the t interval; None where it has none.
        subjects: Subjects that both versions were prepared over.
        failures: What has no result (`value`, `counts`, `spread`, ...) -> why.
    """

    value: float
    standard_error: float
    rounding: float
    counts: Counts
    warning: str | None
    spread: tuple[float, float] | None
    subjects: int
    failures: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, both: DifferencePrepared, statistic: str, method: str) -> ContrastSummary:
        """Summarise a difference.

        Args:
            both: The difference.
            statistic: Which statistic.
            method: Interval method that will be asked for.
        """
        place, failures = both.statistics.index(statistic), {}

        def known(what: str, compute: Callable[[], T], otherwise: T) -> T:
            found, why = attempt(compute)
            if why is not None:
                failures[what] = why
            return otherwise if found is None else found

        nan = float("nan")
        value = known("value", lambda: float(both.estimate()[place]), nan)
        spread: tuple[float, float] | None = None
        if not np.isfinite(value):
            failures["reason"] = known("reason", lambda: both.reason_undefined(statistic), "")
        elif not METHODS[method].resampling:
            spread = known("spread", lambda: both.spread(statistic, method), None)
        return cls(
            value=value,
            standard_error=known("standard_error", lambda: float(both.standard_error(statistic)), nan),
            rounding=known("rounding", lambda: both.rounding(statistic), nan),
            counts=known("counts", lambda: both.counts(statistic), Counts(0, 0)),
            warning=known("warning", lambda: both.warning(statistic), None),
            spread=spread,
            subjects=both.n_subjects,
            failures=failures,
        )


@dataclass(frozen=True, eq=False)
class SummarisedContrast(Prepared):
    """A difference of one statistic that answers from its summary, and asks the versions for replicates only.

    Attributes:
        statistic: Its name.
        summary: What is known of it.
        versions: Gives the difference itself.
    """

    statistic: str
    summary: ContrastSummary
    versions: Callable[[], DifferencePrepared]
    statistics: tuple[str, ...] = field(init=False)
    n_subjects: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "statistics", (self.statistic,))
        object.__setattr__(self, "n_subjects", self.summary.subjects)

    @cached_property
    def both(self) -> DifferencePrepared:
        """The difference itself."""
        return self.versions()

    def at(self, weights: FloatArray, *, relative: bool = False) -> FloatArray:
        """(B, 1) differences; see `Prepared.at`."""
        return self._own(self.both.at(weights, relative=relative))

    def jackknife(self) -> FloatArray:
        """(J, 1) differences with one subject left out each."""
        return self._own(self.both.jackknife())

    def _own(self, values: FloatArray) -> FloatArray:
        return np.asarray(values[:, [self.both.statistics.index(self.statistic)]])

    def estimate(self) -> FloatArray:
        """(1,) the difference."""
        self._check("value")
        return np.array([self.summary.value])

    def counts(self, statistic: str) -> Counts:
        """Subjects and units."""
        del statistic
        self._check("counts")
        return self.summary.counts

    def reason_undefined(self, statistic: str) -> str:
        """Why there is no value."""
        del statistic
        return self.summary.failures.get("reason", "")

    def warning(self, statistic: str) -> str | None:
        """What either version warns of."""
        del statistic
        self._check("warning")
        return self.summary.warning

    def standard_error(self, statistic: str) -> float:
        """Linearised."""
        del statistic
        self._check("standard_error")
        return self.summary.standard_error

    def rounding(self) -> float:
        """Standard errors up to this are what rounding leaves."""
        self._check("rounding")
        return self.summary.rounding

    def spread(self) -> tuple[float, float]:
        """Standard error and degrees of freedom of the t interval.

        Raises:
            CannotComputeError: There is none.
        """
        self._check("spread")
        if self.summary.spread is None:
            raise CannotComputeError("The difference has no t interval.")
        return self.summary.spread

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """The t interval; see `DifferencePrepared.spread`.

        Raises:
            CannotComputeError: These data have none.
        """
        del statistic
        offered(method)
        return t_contrast(self.summary.value, self.spread(), method, level, sides, rounding=self.rounding())

    def _check(self, what: str) -> None:
        if what in self.summary.failures:
            raise CannotComputeError(self.summary.failures[what])


@dataclass(frozen=True)
class PairSummary:
    """Two versions in one statistic, whatever level and margin.

    Attributes:
        candidate: The candidate's value.
        baseline: The baseline's.
        average: The average that both were prepared with.
        contrasts: Their difference and, of a statistic that is best near zero, their sum; on the ratio scale
            those of logarithms.
    """

    candidate: float
    baseline: float
    average: str
    contrasts: tuple[ContrastSummary, ...]

    @property
    def facts(self) -> dict[str, Any]:
        """The same as JSON can hold it."""
        return asdict(self)

    @classmethod
    def of_facts(cls, facts: Mapping[str, Any]) -> PairSummary:
        """From what `facts` gave."""
        contrasts = tuple(
            ContrastSummary(
                **{
                    **one,
                    "counts": Counts(**one["counts"]),
                    "spread": None if one["spread"] is None else tuple(one["spread"]),
                }
            )
            for one in facts["contrasts"]
        )
        return cls(facts["candidate"], facts["baseline"], facts["average"], contrasts)


def summary_of(
    metric: Metric,
    *,
    candidate: Prepared,
    baseline: Prepared,
    statistic: str | None = None,
    scale: Scale = "difference",
    ci: str | None = None,
) -> PairSummary:
    """What a comparison needs of two versions whatever its level and margin.

    Args:
        metric: The metric that both were prepared with.
        candidate: The version in question.
        baseline: The version to compare with, the same subjects in the same order.
        statistic: Which statistic. Default: the headline.
        scale: `difference` or `ratio`.
        ci: Interval method; see `compare_versions`.

    Raises:
        KeyError: The statistic is not declared.
        ValueError: The subjects differ in number, the method is not offered, or the statistic has no
            direction that a ratio could follow.
    """
    declared, method = metric.statistic(statistic or metric.headline), checked_method(metric, ci)
    parts = scaled(declared, candidate, baseline, scale)
    place = candidate.statistics.index(declared.name)
    return PairSummary(
        candidate=float(estimate_of(candidate)[place]),
        baseline=float(estimate_of(baseline)[place]),
        average=str(getattr(candidate, "average", "pooled")),
        contrasts=tuple(
            ContrastSummary.of(DifferencePrepared(*parts, kind), declared.name, method)
            for kind in kinds_of(declared)
        ),
    )


def contrasts_of(
    declared: Statistic,
    summary: PairSummary,
    scale: Scale,
    versions: Callable[[], tuple[Prepared, Prepared]],
) -> tuple[SummarisedContrast, ...]:
    """The summarised contrasts, with the way to the versions themselves.

    Args:
        declared: The statistic.
        summary: Of the two versions.
        scale: `difference` or `ratio`.
        versions: Gives candidate and baseline; asked only where something is resampled.
    """

    def both(kind: Combination) -> DifferencePrepared:
        return DifferencePrepared(*scaled(declared, *versions(), scale), kind)

    return tuple(
        SummarisedContrast(declared.name, one, partial(both, kind))
        for kind, one in zip(kinds_of(declared), summary.contrasts, strict=True)
    )


def kinds_of(declared: Statistic) -> tuple[Combination, ...]:
    """Which contrasts of two versions a statistic needs."""
    return ("difference", "sum") if declared.better == "near_zero" else ("difference",)
