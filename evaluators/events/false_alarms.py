"""False alarms per time under observation."""

from __future__ import annotations

from typing import Literal

from numpy.typing import ArrayLike

from .. import checks
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED, Method
from ..metric import MetricResult, Sides
from ..rates.event_rates import event_rate

Per = Literal["hour", "day", "user_year"]
HOURS: dict[str, float] = {"hour": 1.0, "day": 24.0, "user_year": 365.25 * 24}
"""Hours of each unit of time; a year has 365.25 days."""


def false_alarm_rate(
    extra: ArrayLike,
    hours: ArrayLike,
    *,
    subject: ArrayLike | None = None,
    per: Per = "day",
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """False alarms (events of the test without one of the reference) per hour, day or year of a user.

    This is `event_rate` with its intervals: exact Poisson where alarms are independent, clustered where one
    subject may have many.

    Args:
        extra: (n,) false alarms of each row, such as the last column of `EventMatches.counts`.
        hours: (n,) hours under observation in which they could have happened.
        subject: (n,) subjects. Default: every row is a subject of its own.
        per: `hour`, `day` or `user_year` (365.25 days).
        ci: Interval method. Default: `cluster_log_t` with `subject`, else `poisson_exact`.
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates, where a bootstrap is asked for.
        seed: Seed of the bootstrap.

    Raises:
        ValueError: Counts that are none, negative time, alarms in no time, or another argument.

    Example:
        Three false alarms in 200 hours; `poisson.test(3, 200 / 24)` in R gives 0.0742 to 1.0521 a day:

        >>> found = false_alarm_rate([2, 1], [120, 80])["rate"]
        >>> print(f"{found.value:.2f} ({found.interval.lower:.4f} to {found.interval.upper:.4f})")
        0.36 (0.0742 to 1.0521)
    """
    if per not in HOURS:
        raise ValueError(f"`per` is `{per}`; accepted: {', '.join(HOURS)}.")
    exposure = checks.measurements("hours", hours)
    return event_rate(
        extra, exposure, subject=subject, per=HOURS[per], ci=ci, level=level, sides=sides,
        replicates=replicates, seed=seed,
    )  # fmt: skip
