"""What an interval of an improvement says: superior, non-inferior, inferior, or nothing yet.

Everything here is oriented so that positive is better for the candidate. The words are:

- `superior`: the whole interval lies above 0.
- `non_inferior`: else, it lies above -margin.
- `inferior`: else, it lies below -margin.
- `inconclusive`: else.
- `not_evaluable`: there is no interval, or one that says nothing.

An interval wholly below 0 is also `worse`, whatever the decision: a candidate can be worse and still be
non-inferior.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special

from ..metric import Better, CannotComputeError, Interval

Decision = Literal["superior", "non_inferior", "inferior", "inconclusive", "not_evaluable"]

NEAR = 2.0
"""Monte-Carlo standard errors within which another seed might decide otherwise."""
CLOSE = "a bound lies within two Monte-Carlo standard errors of a limit; use more replicates."
"""Said where it might."""


@dataclass(frozen=True)
class Verdict:
    """The decision of a comparison.

    Attributes:
        decision: One of the words of this module.
        worse: The whole interval lies below 0.
        margin: The non-inferiority margin, or None where none was declared.
        reason: Why it is not evaluable, or what the reader should know; None if nothing.
    """

    decision: Decision
    worse: bool = False
    margin: float | None = None
    reason: str | None = None

    def __str__(self) -> str:
        words = self.decision.replace("_", "-") if self.decision == "non_inferior" else self.decision
        words = words.replace("_", " ") + (", worse" if self.worse else "")
        return words if self.reason is None else f"{words}: {self.reason}"


def verdict(interval: Interval | None, margin: float | None = None, *, reason: str | None = None) -> Verdict:
    """The decision that an interval of an improvement supports.

    Args:
        interval: Interval of the improvement, positive = better; None where there is none.
        margin: Non-inferiority margin, above 0, in the unit of the improvement. Without one only `superior`
            and `inconclusive` are possible.
        reason: Why there is no interval.

    Raises:
        ValueError: The margin is not a positive number.

    Example:
        >>> def found(lower, upper):
        ...     return str(verdict(Interval(lower, upper, 0.95, "two", "cluster_t"), 0.02))
        >>> found(0.01, 0.05), found(-0.01, 0.03), found(-0.05, -0.03), found(-0.04, 0.01)
        ('superior', 'non-inferior', 'inferior, worse', 'inconclusive')
        >>> found(-0.015, -0.005)
        'non-inferior, worse'
    """
    checked_margin(margin)
    if interval is None:
        return Verdict("not_evaluable", margin=margin, reason=reason or "There is no interval.")
    if np.isnan(interval.lower) or np.isnan(interval.upper):
        return Verdict("not_evaluable", margin=margin, reason="The interval has no bounds.")
    if interval.degenerate or interval.lower == interval.upper:
        return Verdict(
            "not_evaluable",
            margin=margin,
            reason="The interval has no width: the subjects' differences do not vary.",
        )
    worse = interval.upper < 0
    if interval.lower > 0:
        decision: Decision = "superior"
    elif margin is not None and interval.lower > -margin:
        decision = "non_inferior"
    elif margin is not None and interval.upper < -margin:
        decision = "inferior"
    else:
        decision = "inconclusive"
    return Verdict(decision, worse, margin, _near(interval, margin))


def equivalent(interval: Interval, margin: float) -> bool:
    """Whether the whole interval lies within -margin to margin.

    With a two-sided interval of level 1 - 2 alpha this is the two one-sided tests procedure at alpha
    (Schuirmann 1987).

    Example:
        >>> equivalent(Interval(-0.5, 1.2, 0.90, "two", "cluster_t"), 2.0)
        True
    """
    checked_margin(margin)
    wide = not interval.degenerate and interval.lower < interval.upper
    return wide and -margin < interval.lower and interval.upper < margin


def non_inferiority_p(improvement: float, standard_error: float, df: float, margin: float = 0.0) -> float:
    """One-sided p of improvement <= -margin by Student's t; below alpha: non-inferior at that level.

    With a margin of 0 it is the test of superiority. It agrees with the lower bound of a t interval of level
    1 - 2 alpha: p < alpha exactly where that bound lies above -margin.

    Args:
        improvement: Estimate, positive = better.
        standard_error: Its standard error.
        df: Degrees of freedom; infinite for a normal test.
        margin: Non-inferiority margin, 0 or above.

    Raises:
        CannotComputeError: There is no estimate; the standard error is zero or undefined; or there are no
            degrees of freedom.
        ValueError: The margin is negative or not a number.

    Example:
        >>> round(non_inferiority_p(-0.01, 0.02, 39, margin=0.05), 4)
        0.0262
    """
    if not (np.isfinite(margin) and margin >= 0):
        raise ValueError(f"`margin` must be 0 or a positive number, not {margin!r}.")
    if not np.isfinite(improvement):
        raise CannotComputeError("A test needs an estimate, and there is none.")
    if not (np.isfinite(standard_error) and standard_error > 0):
        raise CannotComputeError("A test needs a standard error above 0; the subjects do not differ.")
    if not df > 0:
        raise CannotComputeError("A test needs at least two subjects.")
    t = (improvement + margin) / standard_error
    return float(special.ndtr(-t) if np.isinf(df) else special.stdtr(df, -t))


def equivalence_p(difference: float, standard_error: float, df: float, margin: float) -> float:
    """The p value of two one-sided tests that a difference lies within -margin to margin (Schuirmann 1987).

    The larger of the two one-sided p values. Arguments and errors as for `non_inferiority_p`.

    Example:
        >>> round(equivalence_p(0.4, 0.5, 19, 2.0), 4)
        0.0024
    """
    checked_margin(margin)
    return max(
        non_inferiority_p(difference, standard_error, df, margin),
        non_inferiority_p(-difference, standard_error, df, margin),
    )


def oriented(interval: Interval, better: Better) -> Interval:
    """An interval of candidate - baseline, turned so that positive is better.

    Raises:
        CannotComputeError: The statistic has no direction, or its best value is 0 (see `distance`).

    Example:
        >>> turned = oriented(Interval(-0.3, 0.1, 0.95, "two", "cluster_t"), "lower")
        >>> turned.lower, turned.upper
        (-0.1, 0.3)
    """
    if better == "higher":
        return interval
    if better == "lower":
        return _negative(interval)
    raise CannotComputeError("The sign of this difference does not say which version is better.")


def _negative(interval: Interval) -> Interval:
    errors = None if interval.mc_error is None else (interval.mc_error[1], interval.mc_error[0])
    return Interval(
        lower=-interval.upper,
        upper=-interval.lower,
        level=interval.level,
        sides={"two": "two", "lower": "upper", "upper": "lower"}[interval.sides],  # type: ignore[arg-type]
        method=interval.method,
        mc_error=errors,
        degenerate=interval.degenerate,
        independent_rows=interval.independent_rows,
        undefined_share=interval.undefined_share,
        warning=interval.warning,
    )


def _near(interval: Interval, margin: float | None) -> str | None:
    """Said where a bound lies so close to a limit that another seed might decide otherwise."""
    if interval.mc_error is None:
        return None
    limits = [0.0] if margin is None else [0.0, -margin]
    for bound, error in zip((interval.lower, interval.upper), interval.mc_error, strict=True):
        if np.isfinite(error) and any(abs(bound - limit) <= NEAR * error for limit in limits):
            return CLOSE
    return None


def checked_margin(margin: float | None) -> None:
    """Refuse a margin that is no positive number.

    Raises:
        ValueError: It is not.
    """
    if margin is not None and not (np.isfinite(margin) and margin > 0):
        raise ValueError(f"`margin` must be a positive number, not {margin!r}.")
