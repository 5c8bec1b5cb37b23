"""Who got worse: subjects ranked by harm, with what is chance in a subject's number taken out.

The subject that looks worst is mostly one with few units. Each subject's improvement is therefore drawn
towards the mean of all, the more so the less is known of it, and carries the posterior probability that the
subject is worse off with the candidate.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special

from .. import checks
from ..metric import Citation, FloatArray, IntArray
from ..result import number
from .unit_variances import SMYTH, Within, subject_variances
from .verdict import checked_margin

MORRIS = Citation(
    "morris1983",
    "Morris CN. Parametric empirical Bayes inference: theory and applications. J Am Stat Assoc "
    "1983;78:47-55.",
)
REML = Citation(
    "viechtbauer2005",
    "Viechtbauer W. Bias and efficiency of meta-analytic variance estimators in the random-effects model. "
    "J Educ Behav Stat 2005;30:261-293.",
)
PAULE_MANDEL = Citation(
    "paule1982",
    "Paule RC, Mandel J. Consensus values and weighting factors. J Res Natl Bur Stand 1982;87:377-385.",
)
LAIRD = Citation(
    "laird1989",
    "Laird NM, Louis TA. Empirical Bayes ranking methods. J Educ Stat 1989;14:29-46.",
)

Between = Literal["reml", "paule_mandel"]

_FEWEST = 4  # with fewer the correction for an estimated spread, (k - 3) / (k - 1), leaves no shrinkage
_FEW = 10
_GRID = 400
_AT_ONCE = 20  # of the grid
_BLOCK = 128  # subjects compared with all others at a time
_SHOWN = 10


@dataclass(frozen=True, eq=False)
class HarmRanking:
    """Subjects with their improvements as measured and as believed, in the order they were given.

    Attributes:
        keys: The subjects.
        improvement: (S,) as measured, positive is better; NaN where a subject has none.
        variance: (S,) of the improvement, within the subject; NaN where it cannot be seen.
        shrinkage: (S,) share of the way to the mean, 0 (none) to 1.
        shrunk: (S,) posterior mean; NaN where `reasons` says why.
        error: (S,) posterior standard deviation.
        lower: (S,) lower end of the posterior interval.
        upper: (S,) upper end.
        p_worse: (S,) posterior probability that the improvement is below 0.
        p_worse_than_margin: (S,) that it is below -margin; None without a margin.
        rank: (S,) 1 for the most harm, by `shrunk`; subjects without one come last, by `improvement`.
        expected_rank: (S,) expected rank among those that have one: close to the middle where subjects can
            hardly be told apart (Laird & Louis 1989).
        mean: Mean improvement that subjects are drawn to.
        between_sd: Standard deviation of true improvements between subjects.
        level: Of the intervals.
        margin: The margin, or None.
        between: How `between_sd` was estimated.
        within: Which variances were used: `moderated`, `pooled` or `own`.
        reasons: (S,) why a subject has no posterior, or None.
        warning: What the reader should know.
        citations: Sources.
    """

    keys: tuple[str, ...]
    improvement: FloatArray
    variance: FloatArray
    shrinkage: FloatArray
    shrunk: FloatArray
    error: FloatArray
    lower: FloatArray
    upper: FloatArray
    p_worse: FloatArray
    p_worse_than_margin: FloatArray | None
    rank: IntArray
    expected_rank: FloatArray
    mean: float
    between_sd: float
    level: float
    margin: float | None
    between: Between
    within: Within
    reasons: tuple[str | None, ...]
    warning: str | None
    citations: tuple[Citation, ...]

    def at(self, level: float, margin: float | None) -> HarmRanking:
        """The same ranking with intervals at another level, and another margin.

        Args:
            level: Of the posterior intervals.
            margin: A loss up to this is acceptable, above 0; None: none is declared.

        Raises:
            ValueError: The level or the margin is not acceptable.
        """
        _check_asked(level, margin)
        reach = special.ndtri((1 + level) / 2) * self.error
        beyond = None if margin is None else special.ndtr((-margin - self.shrunk) / self.error)
        return replace(
            self,
            lower=self.shrunk - reach,
            upper=self.shrunk + reach,
            p_worse_than_margin=beyond,
            level=level,
            margin=margin,
        )

    @property
    def order(self) -> IntArray:
        """(S,) positions of the subjects from the most harm to the least."""
        return np.asarray(np.argsort(self.rank, kind="stable"), dtype=np.int64)

    def __str__(self) -> str:
        known = sum(reason is None for reason in self.reasons)
        lines = [
            f"{known:,} of {len(self.keys):,} subjects; mean improvement {number(self.mean)}, standard "
            f"deviation between subjects {number(self.between_sd)} ({self.between}; {self.within} variances)"
        ]
        for i in self.order[:_SHOWN]:
            why = self.reasons[i]
            words = (
                f"{number(self.shrunk[i])} [{number(self.lower[i])}, {number(self.upper[i])}], worse with "
                f"probability {self.p_worse[i]:.3f}"
                if why is None
                else why
            )
            if why is None and self.p_worse_than_margin is not None:
                words += f", by more than the margin {self.p_worse_than_margin[i]:.3f}"
            lines.append(
                f"{self.rank[i]}. {self.keys[i]}: measured {number(self.improvement[i])}, believed {words}"
            )
        if self.warning:
            lines.append(self.warning)
        return "\n".join([*lines, *(f"Source: {source.text}" for source in self.citations)])


def rank_by_harm(
    improvement: ArrayLike,
    variance: ArrayLike,
    *,
    n_units: ArrayLike | None = None,
    blocks: ArrayLike | None = None,
    subject: Any = None,
    margin: float | None = None,
    level: float = 0.95,
    between: Between = "reml",
    within: Within | None = None,
    most: int | None = None,
) -> HarmRanking:
    """Subjects from the most harm to the least, by empirical Bayes.

    The model: the measured improvement d_i is normal about the subject's true one with variance v_i, the true
    ones are normal about a mean m with variance t^2 between subjects.

    - t^2 by REML (default; Viechtbauer 2005 finds it nearly unbiased and efficient) or by Paule & Mandel
      1982; m is the mean weighted by 1 / (v_i + t^2).
    - A subject is drawn to m by B_i = (k - 3) / (k - 1) v_i / (v_i + t^2), k the number of subjects (Morris
      1983). The factor allows for t^2 being estimated: shrinkage is never complete.
    - The variance of what is believed is v_i (1 - (1 - u_i) B_i) + 2 / (k - 3) B_i^2 (v + t^2) / (v_i + t^2)
      (d_i - m)^2, u_i the subject's share of the weights and v the weighted mean of the v_i: it allows for m
      and t^2 being estimated (Morris 1983). Intervals are normal. With fewer than 4 subjects nothing is
      shrunk.

    Intervals are right for a subject drawn at random, not for the one that is looked at because it is an
    extreme; shrinkage takes out the selection as far as the model holds. What is normal, and what v_i says
    about units of one subject that resemble their neighbours in time, is the caller's to know: a v_i from
    autocorrelated units is too small, and the subject's interval too narrow. Compute v_i from blocks of time
    (nights, hours) where units are seconds, and say how many there are (`blocks`).

    Args:
        improvement: (S,) improvement of each subject, positive is better; NaN where it has none.
        variance: (S,) its variance (squared standard error), within the subject; NaN where it cannot be seen,
            as with one unit.
        n_units: (S,) units of each subject. With them a subject whose variance cannot be seen, or is 0, takes
            it from the others; without them it has no posterior.
        blocks: (S,) blocks of time that each variance comes from, where units follow each other: a variance
            has one degree of freedom less than blocks, and is compared with those of others for the number
            of units. Default: every unit is a block. It needs `n_units`.
        subject: (S,) keys. Default: 1, 2, ...
        margin: A loss up to this is acceptable, above 0.
        level: Of the posterior intervals.
        between: `reml` (default) or `paule_mandel`.
        within: `moderated` (default with `n_units`): a unit's variance in a subject is drawn to that of the
            others (Smyth 2004); `pooled`: one unit's variance is the same in all subjects; `own` (default
            without `n_units`): as given. See `subject_variances`.
        most: Give the expected rank of so many subjects, those most harmed, and NaN of the others: each is
            held against every other, which takes long for many. Default: of all.

    Returns:
        The ranking; it prints the first ten. A subject without a posterior stays in it, with its reason.

    Raises:
        ValueError: Lengths differ, an infinity, a negative variance, units below 1, keys missing or twice, a
            level, margin or method that is not acceptable, or `moderated` and `pooled` without `n_units`; all
            that is wrong with the subjects' numbers is said at once.

    Example:
        Of two subjects with the same loss, the one with many units is believed to have it:

        >>> found = rank_by_harm(
        ...     [-4, -4, 1, 2, 0.5, 1.5], [4, 0.1, 0.2, 0.1, 0.1, 0.2],
        ...     subject=["few", "many", "c", "d", "e", "f"], margin=1,
        ... )
        >>> [found.keys[i] for i in found.order[:2]]
        ['many', 'few']
        >>> found.shrunk[:2].round(2), found.p_worse_than_margin[:2].round(2)
        (array([-3.13, -3.96]), array([0.87, 1.  ]))
    """
    values, spread, units, parts = _numbers(improvement, variance, n_units, blocks)
    keys = _keys(subject, len(values))
    _check_asked(level, margin)
    if between not in _BETWEEN:
        raise ValueError(f"`between` must be one of {', '.join(_BETWEEN)}, not {between!r}.")
    chosen: Within = within or ("own" if units is None else "moderated")
    spread = subject_variances(spread, units, method=chosen, df=None if parts is None else parts - 1)
    reasons = _reasons(values, spread, has_units=units is not None)
    used = np.array([reason is None for reason in reasons], dtype=bool)
    posterior = _posterior(values[used], spread[used], between)
    full = {name: _spread_out(part, used) for name, part in posterior.columns.items()}
    error = np.sqrt(full["variance"])
    ranking = HarmRanking(
        keys=keys,
        improvement=values,
        variance=spread,
        shrinkage=full["shrinkage"],
        shrunk=full["mean"],
        error=error,
        lower=full["mean"],
        upper=full["mean"],
        p_worse=np.asarray(special.ndtr(-full["mean"] / error)),
        p_worse_than_margin=None,
        rank=_ranks(full["mean"], values),
        expected_rank=_spread_out(
            _expected(posterior.columns["mean"], posterior.columns["variance"], most), used
        ),
        mean=posterior.mean,
        between_sd=posterior.between_sd,
        level=level,
        margin=margin,
        between=between,
        within=chosen,
        reasons=tuple(reasons),
        warning=_warning(int(used.sum()), len(values)),
        citations=sources(between, chosen),
    )
    return ranking.at(level, margin)


def _check_asked(level: float, margin: float | None) -> None:
    checked_margin(margin)
    if not 0 < level < 1:
        raise ValueError(f"`level` must lie between 0 and 1, not {level!r}.")


def sources(between: Between, within: Within) -> tuple[Citation, ...]:
    """Where the parts of a ranking come from.

    Args:
        between: How the spread between subjects was estimated.
        within: Which variances were used.
    """
    own = (SMYTH,) if within == "moderated" else ()
    return (MORRIS, REML if between == "reml" else PAULE_MANDEL, LAIRD, *own)


def between_variance(values: ArrayLike, variances: ArrayLike, *, method: Between = "reml") -> float:
    """Variance of true values between subjects, given each one's value and its variance within; at least 0.

    Args:
        values: (k,) values, two or more.
        variances: (k,) above 0.
        method: `reml`: the largest restricted likelihood, searched over the whole range, since it may have
            several peaks; `paule_mandel`: where sum (d - m)^2 / (v + t^2) is k - 1.

    Raises:
        ValueError: Fewer than two values, other lengths, a variance not above 0, or an unknown method.

    Example:
        The eight schools of Rubin 1981 (`rma(yi, sei^2, method = "REML")` and "PM" of metafor give 0):

        >>> effect = [28, 8, -3, 7, -1, 1, 18, 12]
        >>> error = np.array([15, 10, 16, 11, 9, 11, 10, 18])
        >>> between_variance(effect, error**2)
        0.0
        >>> round(between_variance([1.0, 3.0, 5.0], [1.0, 1.0, 1.0]), 6)
        3.0
    """
    found, spread = checks.measurements("values", values), checks.measurements("variances", variances)
    if len(found) != len(spread) or len(found) < 2:
        raise ValueError(
            f"As many `variances` as `values` are needed, at least two; found {len(spread)} and {len(found)}."
        )
    if np.any(spread <= 0):
        raise ValueError("`variances` must be above 0.")
    if method not in _BETWEEN:
        raise ValueError(f"`method` must be one of {', '.join(_BETWEEN)}, not {method!r}.")
    centred = found - found.mean()
    scale = max(float(np.abs(centred).max()), float(np.sqrt(spread.max())))
    return _BETWEEN[method](centred / scale, spread / scale**2) * scale**2


@dataclass(frozen=True, eq=False)
class _Posterior:
    columns: dict[str, FloatArray]  # mean, variance, shrinkage
    mean: float
    between_sd: float


def _posterior(d: FloatArray, v: FloatArray, between: Between) -> _Posterior:
    """Morris's posterior means and variances; what was measured where there are too few to shrink."""
    k = len(d)
    between_v = between_variance(d, v, method=between) if k >= 2 else float("nan")
    weights = 1 / (v + between_v) if k >= 2 else 1 / v
    mean = float((weights * d).sum() / weights.sum()) if k else float("nan")
    if k < _FEWEST:
        own = {"mean": d, "variance": v, "shrinkage": np.zeros(k)}
        return _Posterior(own, mean, float(np.sqrt(between_v)))
    total = weights.sum()
    shrinkage = (k - 3) / (k - 1) * v * weights
    typical = float((weights * v).sum() / total)
    estimated = 2 / (k - 3) * np.square(shrinkage) * (typical + between_v) * weights
    variance = v * (1 - (1 - weights / total) * shrinkage) + estimated * np.square(d - mean)
    columns = {
        "mean": (1 - shrinkage) * d + shrinkage * mean,
        "variance": variance,
        "shrinkage": shrinkage,
    }
    return _Posterior(columns, mean, float(np.sqrt(between_v)))


def _reml(d: FloatArray, v: FloatArray) -> float:
    grid = np.concatenate([[0.0], np.geomspace(1e-10, 10, _GRID)])  # values are scaled: it is below 2
    parts = [_restricted(grid[i : i + _AT_ONCE], d, v) for i in range(0, len(grid), _AT_ONCE)]
    best = int(np.argmax(np.concatenate(parts)))
    low, high = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, len(grid) - 1)])
    ends = _score(low, d, v), _score(high, d, v)
    if ends[0] <= 0 and best <= 1:
        return 0.0
    if ends[0] * ends[1] >= 0:
        return float(grid[best])
    return float(optimize.brentq(_score, low, high, args=(d, v), xtol=1e-16, rtol=1e-14))


def _restricted(t: FloatArray, d: FloatArray, v: FloatArray) -> FloatArray:
    """Restricted log likelihood at each variance, but for a constant."""
    weights = 1 / (v[None, :] + t[:, None])
    total = weights.sum(axis=1)
    mean = weights @ d / total
    squares = (weights * np.square(d[None, :] - mean[:, None])).sum(axis=1)
    return np.asarray((np.log(weights).sum(axis=1) - np.log(total) - squares) / 2)


def _score(t: float, d: FloatArray, v: FloatArray) -> float:
    """Derivative of the restricted log likelihood."""
    weights = 1 / (v + t)
    total, squares = weights.sum(), np.square(weights)
    mean = (weights * d).sum() / total
    return float((squares.sum() / total - total + (squares * np.square(d - mean)).sum()) / 2)


def _paule_mandel(d: FloatArray, v: FloatArray) -> float:
    def excess(t: float) -> float:
        weights = 1 / (v + t)
        mean = (weights * d).sum() / weights.sum()
        return float((weights * np.square(d - mean)).sum()) - (len(d) - 1)

    if excess(0.0) <= 0:
        return 0.0
    most = float(np.square(d).sum())  # there the sum is below 1
    return float(optimize.brentq(excess, 0.0, max(most, 1e-300), xtol=1e-16, rtol=1e-14))


_BETWEEN = {"reml": _reml, "paule_mandel": _paule_mandel}


def _numbers(
    improvement: ArrayLike, variance: ArrayLike, n_units: ArrayLike | None, blocks: ArrayLike | None
) -> tuple[FloatArray, FloatArray, FloatArray | None, FloatArray | None]:
    """The four columns, NaN allowed in the first two.

    Raises:
        ValueError: They are not acceptable; all objections.
    """
    values = np.atleast_1d(np.asarray(improvement, dtype=np.float64))
    spread = np.atleast_1d(np.asarray(variance, dtype=np.float64))
    units, parts = (
        None if one is None else np.atleast_1d(np.asarray(one, dtype=np.float64)) for one in (n_units, blocks)
    )
    if values.ndim != 1 or not len(values):
        raise ValueError(f"`improvement` must hold one number a subject; its shape is {values.shape}.")
    problems = [
        f"`{name}` has the shape {part.shape} for {len(values)} subjects."
        for name, part in (("variance", spread), ("n_units", units), ("blocks", parts))
        if part is not None and part.shape != values.shape
    ]
    problems += [
        f"`{name}` holds an infinite number, first at subject {int(np.flatnonzero(np.isinf(part))[0]) + 1}."
        for name, part in (("improvement", values), ("variance", spread))
        if np.any(np.isinf(part))
    ]
    if np.any(spread < 0):
        first = int(np.flatnonzero(spread < 0)[0])
        problems.append(f"`variance` must not be negative; subject {first + 1} has {spread[first]:g}.")
    for name, counts in (("n_units", units), ("blocks", parts)):
        if counts is not None and np.any(~(counts >= 1)):
            first = int(np.flatnonzero(~(counts >= 1))[0])
            problems.append(f"`{name}` must be 1 or more; subject {first + 1} has {counts[first]:g}.")
    if parts is not None and units is None:
        problems.append("`blocks` needs `n_units`.")
    if problems:
        raise ValueError(" ".join(problems))
    return values, spread, units, parts


def _keys(subject: Any, count: int) -> tuple[str, ...]:
    """One key a subject.

    Raises:
        ValueError: Another number, one missing, or one twice.
    """
    if subject is None:
        return tuple(str(i + 1) for i in range(count))
    found, place = checks.subject_labels(subject, count)
    if len(found) != count:
        raise ValueError(f"`subject` must hold {count} different keys; it holds {len(found)}.")
    return tuple(found[i] for i in place)


def _reasons(values: FloatArray, spread: FloatArray, *, has_units: bool) -> list[str | None]:
    hint = "" if has_units else " Give `n_units` to take it from the other subjects."
    found: list[str | None] = [None] * len(values)
    for place in np.flatnonzero(np.isnan(values) | ~(spread > 0)):
        if np.isnan(values[place]):
            found[place] = "The subject has no value in one of the versions."
        elif np.isnan(spread[place]):
            found[place] = f"How much of the subject's number is chance cannot be seen.{hint}"
        else:
            found[place] = f"The subject's units do not vary, so its chance cannot be seen.{hint}"
    return found


def _spread_out(part: FloatArray, used: NDArray[np.bool_]) -> FloatArray:
    whole = np.full(len(used), np.nan)
    whole[used] = part
    return whole


def _ranks(shrunk: FloatArray, values: FloatArray) -> IntArray:
    """1 for the smallest; NaN last, among them by what was measured."""
    order = np.lexsort((values, shrunk))  # NaN sorts last in either
    ranks = np.empty(len(order), dtype=np.int64)
    ranks[order] = np.arange(1, len(order) + 1)
    return ranks


def _expected(mean: FloatArray, variance: FloatArray, most: int | None) -> FloatArray:
    """1 + the sum over the others of the probability that they are worse off."""
    if most is not None and most < len(mean):
        result = np.full(len(mean), np.nan)
        chosen = np.argsort(mean, kind="stable")[:most]
        error = np.sqrt(variance[chosen, None] + variance)
        result[chosen] = 0.5 + special.ndtr((mean[chosen, None] - mean) / error).sum(axis=1)
        return result  # itself counts as a half
    result = np.ones(len(mean))
    for start in range(0, len(mean), _BLOCK):
        stop = min(start + _BLOCK, len(mean))
        error = np.sqrt(variance[start:stop, None] + variance[None, start:])
        below = special.ndtr((mean[start:stop, None] - mean[None, start:]) / error)
        result[start:stop] += below.sum(axis=1) - 0.5  # itself counts as a half
        # of a pair either is below the other, so those to come need not be compared with these again
        result[stop:] += (stop - start) - below[:, stop - start :].sum(axis=0)
    return result


def _warning(used: int, count: int) -> str | None:
    notes = []
    if used < _FEWEST:
        notes.append(
            f"Only {used} subject{'' if used == 1 else 's'} with a known variance: nothing is shrunk, and "
            "the intervals are those of the subjects alone."
        )
    elif used < _FEW:
        notes.append(f"Only {used} subjects: how much they differ in truth is hardly known.")
    if used < count:
        notes.append(f"{count - used} of {count} subjects have no posterior; their reasons say why.")
    return " ".join(notes) or None
