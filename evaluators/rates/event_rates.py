"""Event rates per person-time: falls a day, false alarms an hour, episodes a patient-year.

Events of one subject come in clusters. The exact Poisson interval ignores that; `dispersion` says how much
it matters, and the clustered and negative binomial intervals allow for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special

from .. import checks
from ..additive import AdditivePrepared, subject_sums
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED, Method, arrange, labelled
from ..intervals import tail_levels
from ..metric import (
    Average,
    CannotComputeError,
    Columns,
    Counts,
    FloatArray,
    IntArray,
    Interval,
    Metric,
    MetricResult,
    Parameter,
    Sides,
    Statistic,
)
from ..reliability.intervals import log_t_interval
from ..reliability.methods import BINDER, COHEN_YANG, GARWOOD

_EVENTS, _EXPOSURE, _SQUARES, _SUBJECTS = range(4)
_ROUNDING = 256 * float(np.finfo(float).eps)
"""A chi-square below this share of the events is rounding, not dispersion."""
_BOOTSTRAP = ("bootstrap_bca", "bootstrap_percentile")
NOT_COUNTS = "`events` holds {count:,} values that are not whole numbers from 0, first at row {first}."
NO_TIME = "`exposure` holds {count:,} values below 0, or 0 beside events in no time, first at row {first}."


def poisson_exact(events: int, level: float, sides: Sides = "two") -> tuple[float, float]:
    """Exact interval of a Poisson mean from one count (Garwood 1936).

    Args:
        events: The count.
        level: Confidence level.
        sides: `two`, or the one bound wanted; the other end is then 0 or infinite.

    Example:
        `poisson.test(10)$conf.int` in R:

        >>> lower, upper = poisson_exact(10, 0.95)
        >>> round(lower, 4), round(upper, 4)
        (4.7954, 18.3904)
    """
    low, high = tail_levels(level, sides)
    lower = 0.0 if low <= 0 or events == 0 else float(special.gammaincinv(events, low))
    upper = float("inf") if high >= 1 else float(special.gammaincinv(events + 1, high))
    return lower, upper


def poisson_mid_p(events: int, level: float, sides: Sides = "two") -> tuple[float, float]:
    """Mid-P interval of a Poisson mean: the observed count weighs half in each tail (Cohen & Yang 1994).

    Args:
        events: The count.
        level: Confidence level.
        sides: `two`, or the one bound wanted; the other end is then 0 or infinite.

    Example:
        >>> lower, upper = poisson_mid_p(10, 0.95)
        >>> round(lower, 3), round(upper, 3)
        (5.08, 17.825)
    """
    low, high = tail_levels(level, sides)

    def below(mean: float) -> float:
        """P(X < events) + P(X = events) / 2."""
        less = float(special.pdtr(events - 1, mean)) if events else 0.0
        return (less + float(special.pdtr(events, mean))) / 2

    exact_low, exact_high = poisson_exact(events, level, sides)
    lower, upper = 0.0, float("inf")
    if low > 0 and events > 0:
        lower = float(optimize.brentq(lambda m: below(m) - (1 - low), exact_low, events, xtol=1e-13))
    if high < 1:
        start = max(float(events), 1e-9)
        upper = float(optimize.brentq(lambda m: below(m) - (1 - high), start, exact_high, xtol=1e-13))
    return lower, upper


@dataclass(frozen=True)
class _RateFormula:
    """Events over exposure, and Pearson's dispersion between subjects."""

    per: float

    def __call__(self, totals: NDArray[Any]) -> NDArray[Any]:
        events, exposure = totals[..., _EVENTS], totals[..., _EXPOSURE]
        pearson = totals[..., _SQUARES] * exposure / events - events
        # subjects with one and the same rate leave rounding, of either sign
        pearson = np.where(pearson.real > _ROUNDING * events.real, pearson, 0.0 * pearson)
        return np.stack([self.per * events / exposure, pearson / (totals[..., _SUBJECTS] - 1)], axis=-1)


@dataclass(frozen=True, eq=False)
class RatePrepared(AdditivePrepared):
    """Events and exposure of each subject; see `Prepared`.

    Attributes:
        per: Units of exposure that a rate refers to.
    """

    per: float = 1.0

    @property
    def active(self) -> NDArray[np.bool_]:
        """(S,) which subjects were under observation; the others add no degrees of freedom."""
        return np.asarray(self.totals[:, _EXPOSURE] > 0)

    def counts(self, statistic: str) -> Counts:
        """Subjects under observation, rows, and events."""
        found = super().counts(statistic)
        return Counts(found.n_subjects, found.n_units, round(float(self.totals[:, _EVENTS].sum())))

    def reason_undefined(self, statistic: str) -> str:
        """No exposure, no events, or one subject."""
        if not float(self.totals[:, _EXPOSURE].sum()) > 0:
            return "There is no exposure."
        if not float(self.totals[:, _EVENTS].sum()) > 0:
            return "There are no events; their dispersion cannot be seen."
        return "Dispersion between subjects needs at least two."

    def warning(self, statistic: str) -> str | None:
        """Events that cluster, where the exact interval would ignore it."""
        if statistic != "rate":
            return None
        dispersion = float(self.estimate()[1])
        if np.isfinite(dispersion) and dispersion > 1.5:
            return f"Events cluster in subjects (dispersion {dispersion:.3g}): Poisson intervals are narrow."
        return None

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """`poisson_exact`, `poisson_mid_p`; `cluster_log_t` and `cluster_t` for subjects.

        Raises:
            CannotComputeError: No events or one subject with the clustered intervals.
        """
        if method in ("poisson_exact", "poisson_mid_p"):
            events = round(float(self.totals[:, _EVENTS].sum()))
            compute = poisson_exact if method == "poisson_exact" else poisson_mid_p
            scale = self.per / float(self.totals[:, _EXPOSURE].sum())
            lower, upper = compute(events, level, sides)
            several = bool(np.any(self.totals[:, _EVENTS] > 1))
            note = "Events are taken as independent, and subjects have several." if several else None
            return Interval(
                lower * scale, upper * scale, level, sides, method, independent_rows=several, warning=note
            )
        if method != "cluster_log_t":
            return super().interval(statistic, method, level, sides)
        value = float(self.estimate()[self.statistics.index(statistic)])
        if value == 0:
            raise CannotComputeError("There are no events; use `poisson_exact`.")
        df = int(np.count_nonzero(self.active)) - 1
        return log_t_interval(
            value, self.standard_error(statistic), df, level=level, sides=sides, method=method
        )


class EventRate(Metric):
    """Events per exposure; the plain function is `event_rate`.

    In a protocol the reference column is the exposure of each row and the test column its events.
    """

    name = "event_rate"
    title = "Event rate"
    summary = (
        "Events (test column) per unit of exposure (reference column, such as hours worn), in each row a "
        "count and the time it was counted in."
    )
    one_unit = False
    kind = "measurement"
    route = "additive"
    headline = "rate"
    statistics = (
        Statistic(
            "rate",
            "Event rate",
            "All events over all exposure, times `per`.",
            "per_reference",
            "none",
            ("cluster_log_t", "poisson_exact", "poisson_mid_p", "cluster_t", *_BOOTSTRAP),
        ),
        Statistic(
            "dispersion",
            "Dispersion",
            "Pearson's chi-square of the subjects' counts about the common rate, over subjects - 1; 1 for "
            "Poisson counts.",
            "none",
            "none",
            ("cluster_log_t", "cluster_t", *_BOOTSTRAP),
        ),
    )
    parameters = (
        Parameter("per", "number", "Units of exposure that a rate refers to.", default=1.0, minimum=1e-12),
    )
    citations = (GARWOOD, COHEN_YANG, BINDER)

    def prepare(self, columns: Columns, *, average: Average = "pooled", **parameters: Any) -> RatePrepared:
        """Sum exposure (`reference`) and events (`test`) up by subject.

        Raises:
            ValueError: Counts that are none, time that is negative, events in no time, or row weights.
        """
        given = checks.parameters(self, parameters)
        events, exposure = subject_totals(self, columns)
        some = exposure > 0
        squares = np.where(some, events**2 / np.where(some, exposure, 1.0), 0.0)
        return RatePrepared(
            totals=np.column_stack([events, exposure, squares, some]),
            names=("events", "exposure", "events^2 / exposure", "subjects"),
            statistics=("rate", "dispersion"),
            formula=_RateFormula(given["per"]),
            units=np.diff(columns.offsets),
            bounds=(0.0, np.inf),
            per=given["per"],
        )


EVENT_RATE = EventRate()
METRICS: tuple[Metric, ...] = (EVENT_RATE,)


def subject_totals(metric: Metric, columns: Columns) -> tuple[FloatArray, FloatArray]:
    """(S,) events (of `test`) and exposure (of `reference`) of each subject, checked.

    Raises:
        ValueError: Counts that are none, time that is negative, events in no time, or row weights.
    """
    columns = checks.measurement_columns(columns)
    if columns.weights is not None:
        raise ValueError(f"`{metric.name}` is defined without row weights; exposure is what rows weigh by.")
    _refuse_uncounted(columns.test, columns.reference)
    return subject_sums(columns.test, columns.offsets), subject_sums(columns.reference, columns.offsets)


def counted(
    events: ArrayLike, exposure: ArrayLike, subject: ArrayLike | None
) -> tuple[Columns, tuple[str, ...]]:
    """Checked exposure (as `reference`) and events (as `test`), sorted by subject, with the subjects' keys.

    Raises:
        ValueError: Counts that are none, time that is negative, or events in no time.
    """
    count, time = checks.measurements("events", events), checks.measurements("exposure", exposure)
    checks.same_length(len(count), {"exposure": time})
    _refuse_uncounted(count, time)
    return arrange(time, count, subject)


def _refuse_uncounted(count: FloatArray, time: FloatArray) -> None:
    """Refuse what is no count, negative time, and events in no time.

    Raises:
        ValueError: One of these; the message has the first row.
    """
    _refuse((count < 0) | (count != np.floor(count)), NOT_COUNTS)
    _refuse((time < 0) | ((time == 0) & (count > 0)), NO_TIME)


def _refuse(bad: NDArray[np.bool_], words: str) -> None:
    where: IntArray = np.flatnonzero(bad)
    if len(where):
        raise ValueError(words.format(count=len(where), first=int(where[0])))


def event_rate(
    events: ArrayLike,
    exposure: ArrayLike,
    *,
    subject: ArrayLike | None = None,
    per: float = 1.0,
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Events per unit of exposure, with intervals that know, or do not know, that events cluster in subjects.

    - rate = per * sum of events / sum of exposure
    - dispersion = sum over subjects of (y_i - r t_i)^2 / (r t_i), over subjects - 1; 1 for Poisson counts

    Intervals: `poisson_exact` and `poisson_mid_p` take events for independent; `cluster_log_t` (linearised
    ratio with subjects as clusters, on the logarithmic scale), `cluster_t` and the subject bootstrap do not.
    With no events only the first two exist. For a rate and dispersion from a model see
    `event_rate_negative_binomial`.

    Args:
        events: (n,) counts, whole numbers from 0.
        exposure: (n,) time under observation of each row, in any unit.
        subject: (n,) subject labels. Default: every row is a subject of its own.
        per: Units of exposure that the rate refers to, such as 365.25 for a year of days.
        ci: Interval method. Default: `cluster_log_t` with `subject`, else `poisson_exact`.
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates, where a bootstrap is asked for.
        seed: Seed of the bootstrap.

    Returns:
        `rate`, events per `per` units of exposure; `dispersion`.

    Raises:
        NotNumericError: A column does not hold numbers.
        NotFiniteError: A column holds NaN or infinities.
        LengthError: Columns differ in length.
        ValueError: Counts that are none, negative exposure, events in no time, or another argument.

    References:
        Garwood F. Biometrika 1936;28:437-442. Cohen GR, Yang SY. Stat Med 1994;13:2189-2203. Clustered ratio:
        Binder DA. Int Stat Rev 1983;51:279-292.

    Example:
        Ten events in 100 days; `poisson.test(10, 100)` in R gives 0.0480 to 0.1839 a day:

        >>> found = event_rate([10], [100])["rate"]
        >>> print(f"{found.value:.2f} ({found.interval.lower:.4f} to {found.interval.upper:.4f})")
        0.10 (0.0480 to 0.1839)
        >>> result = event_rate([0, 1, 0, 7], [30, 30, 28, 12], subject=list("abcd"), per=7)
        >>> round(result["rate"].value, 2), round(result["dispersion"].value, 1)
        (0.56, 14.5)
    """
    columns, keys = counted(events, exposure, subject)
    if ci is None:
        ci = {"rate": "poisson_exact" if subject is None else "cluster_log_t"}
    resolved = checks.parameters(EVENT_RATE, {"per": per})
    return labelled(
        EVENT_RATE, EVENT_RATE.prepare(columns, **resolved), keys, average="pooled", parameters=resolved,
        ci=ci, level=level, sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip
