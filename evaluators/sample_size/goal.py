"""One proportion against a performance goal: exact power, whatever interval decides.

The goal is met where the confidence bound lies beyond it. Which counts meet it is found for every number of
subjects, and their binomial probabilities are added: nothing is approximated. Because counts are whole, power
is a saw-tooth of the number of subjects: one more subject can lower it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special

from ..intervals import CLOPPER, METHODS
from ..metric import CannotComputeError, Citation, FloatArray, IntArray, Sides
from ..proportions.intervals import BINOMIAL
from .asked import Asked
from .results import PowerCurve, SampleSize

CHERNICK = Citation(
    "chernick2002",
    "Chernick MR, Liu CY. The saw-toothed behavior of power versus sample size and software solutions. "
    "Am Stat 2002;56:149-155.",
)
AHERN = Citation(
    "ahern2001",
    "A'Hern RP. Sample size tables for exact single-stage phase II designs. Stat Med 2001;20:859-866.",
)

MOST = 200_000
"""The largest number of subjects whose power is enumerated."""

_NEAR = 8
"""How far from its normal approximation a critical count usually lies at most."""

_OPEN_AT_ALL = frozenset({"logit", "wald"})
"""Methods without a usable interval where every unit is an event: that outcome does not meet the goal."""


def power_performance_goal(
    goal: float,
    expected: float,
    *,
    power: float = 0.8,
    n: int | None = None,
    better: Literal["higher", "lower"] = "higher",
    ci: str = "clopper_pearson",
    level: float = 0.95,
    sides: Sides = "two",
    choose: Literal["first", "stable"] = "first",
) -> SampleSize:
    """Subjects needed to show that a proportion exceeds a performance goal, or the power of a given number.

    The goal is met where the lower bound of the interval lies above it (`better="lower"`: the upper bound
    below it). With Clopper and Pearson's interval of level 0.95 this is the exact binomial test, one-sided at
    2.5%. Units are independent: subjects with one result each; for several results a subject see
    `precision_proportion` and `design_effect`.

    Two numbers answer the question. `first` is the smallest with enough power; a few subjects more may have
    less. `stable` is the smallest from which power never falls below again, however many more there are: up
    to a number found by the bound P(fewer than critical) <= exp(-n KL), every power is computed; beyond it,
    the bound itself keeps power up.

    Args:
        goal: The performance goal, 0 to 1.
        expected: The proportion that is expected, on the good side of the goal.
        power: Probability wanted to meet the goal if the expectation is true.
        n: Number of subjects whose power is asked; `power` is then not used.
        better: Whether a `higher` proportion is good (sensitivity), or a `lower` one (false alarms).
        ci: The interval that decides, by name, as the protocol has it: `clopper_pearson` (default; its error
            is never above the nominal one), `wilson`, `wilson_cc`, `mid_p`, `jeffreys`, `agresti_coull`,
            `blaker`, `logit`, `wald`. `actual_alpha` shows which of them exceed it.
        level: Confidence level.
        sides: `two` (default: a bound of the two-sided interval decides), or the one bound, `lower` for
            `better="higher"` and `upper` for `better="lower"`.
        choose: Which of the two numbers is `n`; the other is in `details`.

    Returns:
        `n`, `power`, and the power curve; in `details` the critical count (the goal is met from it on; up to
        it for `better="lower"`), the actual alpha, the same for both numbers, and the normal approximation.

    Raises:
        ParameterError: A parameter is not acceptable, such as an expectation not beyond the goal.
        CannotComputeError: More subjects than 200,000 may be needed.

    References:
        A'Hern RP. Stat Med 2001;20:859-866. Chernick MR, Liu CY. Am Stat 2002;56:149-155.

    Example:
        >>> found = power_performance_goal(0.90, 0.95)
        >>> found.n, found.details["critical"], round(found.power, 4)
        (231, 217, 0.8164)
        >>> found.details["stable_n"]
        255
    """
    asked = Asked()
    asked.share("goal", goal)
    asked.share("expected", expected)
    asked.power_or_n(power, n, 1)
    asked.one_of("better", better, ("higher", "lower"))
    asked.one_of("choose", choose, ("first", "stable"))
    _check_bound(asked, ci, level, sides, better)
    asked.settle()
    up = better == "higher"
    asked.that(
        expected > goal if up else expected < goal,
        f"The expected proportion {expected:g} does not lie beyond the goal {goal:g}, so no number of "
        f"subjects shows it; accepted: an `expected` {'above' if up else 'below'} {goal:g}, or a `goal` "
        f"{'below' if up else 'above'} {expected:g}.",
    )
    asked.that(
        n is None or n <= MOST, f"`n` must be at most {MOST:,}; power is enumerated outcome by outcome."
    )
    asked.settle()
    rule = _Rule(goal, ci, level, sides, up)
    parameters: dict[str, Any] = {"goal": goal, "expected": expected}
    if n is not None:
        curve = rule.curve(np.arange(1, n + 1), expected)
        chosen, details, warning = n - 1, _row(curve, n - 1), None
    else:
        parameters["power"] = power
        curve = rule.curve(np.arange(1, rule.enough(expected, power) + 1), expected)
        first, stable = _first_and_stable(curve, power)
        chosen = first if choose == "first" else stable
        details = _row(curve, chosen) | {
            f"{name}_{key}": value
            for name, at in (("first", first), ("stable", stable))
            for key, value in (
                ("n", int(curve.n[at])),
                *_row(curve, at).items(),
                ("power", float(curve.power[at])),
            )
        }
        details["normal_approximation_n"] = rule.normal_approximation(expected, power)
        warning = _saw_tooth(curve, chosen, stable, power)
    parameters |= {"better": better, "ci": ci, "level": level, "sides": sides}
    sources = (CLOPPER,) if ci == "clopper_pearson" else METHODS[ci].citations
    return SampleSize(
        title=f"Performance goal, exact power of a decision by the {METHODS[ci].title} interval",
        n=int(curve.n[chosen]),
        counted="subjects",
        solved_for="n" if n is None else "power",
        parameters=parameters,
        power=float(curve.power[chosen]),
        details=details,
        curve=curve,
        warning=warning,
        citations=(*sources, AHERN, CHERNICK),
    )


def observed_share_for_goal(
    goal: float,
    observed: float,
    *,
    better: Literal["higher", "lower"] = "higher",
    ci: str = "clopper_pearson",
    level: float = 0.95,
    sides: Sides = "two",
) -> SampleSize:
    """The smallest number of subjects at which an observed share would meet a performance goal.

    The count is the share of n rounded to a whole one (halves to the even number). This is no power: a study
    of this size in which the truth is that share meets the goal about every second time; its power is given
    beside it. Use `power_performance_goal` to plan.

    Args:
        goal: The performance goal, 0 to 1.
        observed: The share that would be observed.
        better: Whether a `higher` proportion is good, or a `lower` one.
        ci: The interval that decides, as for `power_performance_goal`.
        level: Confidence level.
        sides: `two`, or the one bound that decides.

    Raises:
        ParameterError: A parameter is not acceptable, such as an observed share not beyond the goal.
        CannotComputeError: More subjects than 200,000 would be needed.

    Example:
        >>> observed_share_for_goal(0.85, 0.92).n, observed_share_for_goal(0.85, 0.92, ci="wilson").n
        (93, 92)
    """
    asked = Asked()
    asked.share("goal", goal)
    asked.share("observed", observed)
    asked.one_of("better", better, ("higher", "lower"))
    _check_bound(asked, ci, level, sides, better)
    asked.settle()
    up = better == "higher"
    asked.that(
        observed > goal if up else observed < goal,
        f"The share {observed:g} does not lie beyond the goal {goal:g}; accepted: an `observed` "
        f"{'above' if up else 'below'} {goal:g}.",
    )
    asked.settle()
    rule = _Rule(goal, ci, level, sides, up)
    start, size = 1, 256
    while start <= MOST:
        n = np.arange(start, min(start + size, MOST + 1))
        counts = np.round(observed * n)
        met = rule.meets(counts, n)
        if met.any():
            at = int(np.argmax(met))
            curve = rule.curve(n[at : at + 1], observed)
            return SampleSize(
                title=f"Observed share that meets a goal, {METHODS[ci].title} interval",
                n=int(n[at]),
                counted="subjects",
                solved_for="n",
                parameters={
                    "goal": goal, "observed": observed, "better": better, "ci": ci, "level": level,
                    "sides": sides,
                },
                power=float(curve.power[0]),
                details={"events": int(counts[at])},
                warning="This is the size at which that share would just do, not one with power for it; "
                "plan with `power_performance_goal`.",
                citations=METHODS[ci].citations,
            )  # fmt: skip
        start, size = start + size, 2 * size
    raise CannotComputeError(
        f"More than {MOST:,} subjects would be needed; accepted is a share further from the goal."
    )


class _Rule:
    """When the goal is met. Fewer events being better is the same rule for the units without one."""

    def __init__(self, goal: float, ci: str, level: float, sides: Sides, up: bool) -> None:
        self.up = up
        self.goal = goal if up else 1 - goal
        self.ci, self.level = ci, level
        self.sides: Sides = "two" if sides == "two" else "lower"
        self._shares: dict[int, float] = {}

    def meets(self, counts: Any, n: Any) -> Any:
        """Whether counts of events meet the goal."""
        good = np.asarray(counts if self.up else n - counts)
        return self._met(good.astype(np.int64), np.asarray(n))

    def curve(self, n: IntArray, expected: float) -> PowerCurve:
        """Critical counts, error and power at numbers of subjects."""
        critical, top = self._critical(n), self._top(n)
        return PowerCurve(
            n=n,
            power=_between(critical, top, n, expected if self.up else 1 - expected),
            critical=critical if self.up else n - critical,
            actual_alpha=_between(critical, top, n, self.goal),
        )

    def enough(self, expected: float, power: float) -> int:
        """A number from which on power is never below what is asked.

        The share of good outcomes that just meets the goal falls with n towards it, because the same share of
        more subjects has a narrower interval. Power is at least 1 - exp(-n KL(that share, expected))
        (Chernoff), which grows with n, less the chance of n of n where that outcome meets no goal.
        """
        truth = expected if self.up else 1 - expected

        def surely(n: int, truth: float) -> float:
            share = self._share(n)
            if share >= truth:
                return 0.0
            apart = special.rel_entr(share, truth) + special.rel_entr(1 - share, 1 - truth)
            lost = truth**n if self.ci in _OPEN_AT_ALL else 0.0
            return float(-np.expm1(-n * apart)) - lost

        if surely(MOST, truth) < power:
            raise CannotComputeError(self._too_near(expected, power, surely))
        below, above = 0, 1
        while surely(above, truth) < power:
            below, above = above, min(2 * above, MOST)
        while above - below > 1:
            middle = (below + above) // 2
            below, above = (below, middle) if surely(middle, truth) >= power else (middle, above)
        return above

    def _too_near(self, expected: float, power: float, surely: Callable[[int, float], float]) -> str:
        words = f"More than {MOST:,} subjects may be needed for {expected:g}; accepted is a lower `power`"
        low, high = self._share(MOST), 1 - 1e-6
        if surely(MOST, high) < power or surely(MOST, low) >= power:
            return words + ", or another `ci`."
        limit = float(optimize.brentq(lambda p: surely(MOST, p) - power, low, high))
        if not self.up:
            limit = 1 - limit
        if self.up != (limit > expected):  # so near to 1 that all units being events decides
            return words + ", or another `ci`."
        return words + f", or an `expected` of {limit:.4g} or {'more' if self.up else 'less'}."

    def normal_approximation(self, expected: float, power: float) -> float:
        """The number by the normal approximation of the test, not rounded."""
        tail = (1 - self.level) / (2 if self.sides == "two" else 1)
        goal, truth = self.goal, expected if self.up else 1 - expected
        spread = -special.ndtri(tail) * np.sqrt(goal * (1 - goal))
        spread += special.ndtri(power) * np.sqrt(truth * (1 - truth))
        return float((spread / (truth - goal)) ** 2)

    def _lower(self, x: ArrayLike, n: ArrayLike, ci: str | None = None) -> FloatArray:
        return np.asarray(BINOMIAL[ci or self.ci](x, n, self.level, self.sides)[0])

    def _met(self, x: IntArray, n: IntArray) -> NDArray[np.bool_]:
        """Whether counts meet the goal; those below 1 or above `_top` do not."""
        usable = (x >= 1) & (x <= self._top(n))
        met = np.zeros(x.shape, dtype=np.bool_)
        met[usable] = self._lower(x[usable], n[usable]) > self.goal
        return met

    def _top(self, n: IntArray) -> IntArray:
        """The largest number of good outcomes that can meet the goal."""
        return n - 1 if self.ci in _OPEN_AT_ALL else n

    def _critical(self, n: IntArray) -> IntArray:
        """The smallest number of good outcomes that meets the goal; `_top` + 1 where none does."""
        top = self._top(n)
        tail = (1 - self.level) / (2 if self.sides == "two" else 1)
        guess = n * self.goal - special.ndtri(tail) * np.sqrt(n * self.goal * (1 - self.goal))
        low = np.clip(guess.astype(np.int64) - _NEAR, 0, top)
        high = np.minimum(low + 2 * _NEAR, top + 1)
        # where the guess is not near enough, everything is searched
        low = np.where(self._met(low, n), 0, low)
        high = np.where(self._met(high, n), high, top + 1)
        while True:
            apart = high - low > 1
            if not apart.any():
                return np.asarray(np.maximum(high, 1))
            middle = (low[apart] + high[apart]) // 2
            met = self._met(middle, n[apart])
            high[apart] = np.where(met, middle, high[apart])
            low[apart] = np.where(met, low[apart], middle)

    def _share(self, n: int) -> float:
        """The share of n above which the goal is met, counts taken for real numbers; 1 if none."""
        if n in self._shares:
            return self._shares[n]
        # these two lie within the interval of Clopper and Pearson, which has an answer, and sooner
        ci = "clopper_pearson" if self.ci in {"blaker", "mid_p"} else self.ci
        low, high = self.goal, 1.0
        for _ in range(60):
            middle = (low + high) / 2
            if middle in (low, high):
                break
            met = self._lower(middle * n, n, ci) > self.goal
            low, high = (low, middle) if met else (middle, high)
        self._shares[n] = high
        return high


def _between(critical: IntArray, top: IntArray, n: IntArray, p: float) -> FloatArray:
    """P(critical <= X <= top) of X events in n."""
    none = critical > top
    first = np.where(none, 1, critical)
    found = special.betainc(first, n - first + 1, p)
    found = found - np.where(top < n, np.power(p, n), 0.0)
    return np.asarray(np.where(none, 0.0, found))


def _first_and_stable(curve: PowerCurve, power: float) -> tuple[int, int]:
    reached = curve.power >= power
    below = np.flatnonzero(~reached)
    return int(np.argmax(reached)), int(below[-1]) + 1 if below.size else 0


def _row(curve: PowerCurve, at: int) -> dict[str, float]:
    return {"critical": int(curve.critical[at]), "actual_alpha": float(curve.actual_alpha[at])}


def _saw_tooth(curve: PowerCurve, chosen: int, stable: int, power: float) -> str | None:
    if chosen >= stable:
        return None
    low = chosen + int(np.argmin(curve.power[chosen : stable + 1]))
    return (
        f"Power is a saw-tooth: with {curve.n[low]:,} subjects it is {curve.power[low]:.4f}, below {power:g}"
        f"; from {curve.n[stable]:,} on it is never again."
    )


def _check_bound(asked: Asked, ci: Any, level: Any, sides: Any, better: Any) -> None:
    asked.one_of("ci", ci, BINOMIAL)
    asked.level(level)
    deciding = "upper" if better == "lower" else "lower"
    asked.one_of("sides", sides, ("two", deciding))
    asked.that(ci != "blaker" or sides == "two", "`blaker` gives two-sided intervals only.")
