"""How much more: subjects that would settle an inconclusive comparison, and the loss a study could detect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from ..metric import CannotComputeError, Citation, FloatArray, IntArray
from ..result import number
from ..sample_size.asked import Asked

SPIEGELHALTER = Citation(
    "spiegelhalter1986",
    "Spiegelhalter DJ, Freedman LS, Blackburn PR. Monitoring clinical trials: conditional or predictive "
    "power? Control Clin Trials 1986;7:8-17.",
)
PROSCHAN = Citation(
    "proschan1995",
    "Proschan MA, Hunsberger SA. Designed extension of studies based on conditional power. Biometrics "
    "1995;51:1315-1324.",
)

INTERIM = (
    "Extending a study after this look is an unplanned interim analysis: the intervals of the extended study "
    "no longer keep their level (Proschan & Hunsberger 1995); a new study, planned with these numbers, does."
)
"""What stands beside every such number."""

Towards = Literal["superior", "non_inferior", "inferior"]

_GRID = 240
_LARGE_DF = 1e8


@dataclass(frozen=True)
class Further:
    """Further subjects that are expected to settle a comparison.

    Attributes:
        subjects: The number, 0 where it is settled; None where there is none up to `most`.
        lower: Few, if the truth is kinder than the estimate; None where none up to `most` settles it.
        upper: Many, if it is less kind; likewise.
        towards: The decision that the present estimate points to, or None.
        chance: Predictive probability that `subjects` more settle it, either way; None without a number.
        power: Probability that `subjects` have of settling it if estimate and spread are the truth.
        likely: Share of the truths that the data allow which lies from `lower` to `upper`.
        most: The largest number that was looked at.
        reason: Why there is no number, or None.
        words: All of this in sentences, with what an extension would do to the error rates.
        citations: Sources.
    """

    subjects: int | None
    lower: int | None
    upper: int | None
    towards: Towards | None
    chance: float | None
    power: float
    likely: float
    most: int
    reason: str | None
    words: str
    citations: tuple[Citation, ...] = (SPIEGELHALTER, PROSCHAN)

    def __str__(self) -> str:
        return "\n".join([self.words, *(f"Source: {source.text}" for source in self.citations)])


@dataclass(frozen=True)
class _Present:
    """What is known now, and what settles it."""

    estimate: float
    spread: float  # of one subject
    subjects: int
    df: float
    limit: float
    both: bool  # whether an interval below the limit settles it too
    tail: float
    stretch: tuple[float, float]  # the interval's arms over those of Student's t


def further_subjects(
    improvement: float,
    standard_error: float,
    n_subjects: int,
    *,
    margin: float | None = None,
    level: float = 0.95,
    df: float | None = None,
    interval: tuple[float, float] | None = None,
    power: float = 0.8,
    likely: float = 0.8,
    cap: int = 100,
    draws: int = 2000,
    seed: int = 0,
) -> Further:
    """Further subjects that would settle an inconclusive comparison.

    Settled is: the lower bound of the interval of all subjects together, old and new, lies above -margin
    (non-inferior or superior) or the upper one below it (inferior). Without a margin only a lower bound above
    0 settles it.

    - `subjects` is conditional on the present estimate and spread: the smallest m for which the extended
      study settles it with probability `power` if new subjects have that mean and that standard deviation.
      With N = n + m, the final estimate is then normal about the present one with standard deviation
      s sqrt(m) / N, s = standard_error sqrt(n), and the interval has Student's t with df + m degrees of
      freedom.
    - `lower` and `upper` carry what is uncertain of both: the same number for `draws` truths from the
      sampling distribution (a variance s^2 df / chi-square, a mean normal about the estimate with it), of
      which the central share `likely` is reported. A truth beyond the limit is settled the other way.
    - `chance` is the predictive probability (Spiegelhalter 1986), the mean over those truths, that `subjects`
      more settle it either way. It is below `power`, since the present estimate is not the truth, and it is
      what to expect: simulated in docs/version-proofs.md.

    Args:
        improvement: Estimate, positive is better; of a ratio, its logarithm.
        standard_error: Its standard error, above 0.
        n_subjects: Subjects it rests on, 2 or more.
        margin: Non-inferiority margin, above 0; of a ratio, its logarithm.
        level: Of the two-sided interval that decides.
        df: Degrees of freedom of the standard error. Default: n_subjects - 1.
        interval: The interval that decides, where it is not Student's t (resampled, or adjusted for several
            comparisons). Its arms are taken to shrink as those of Student's t do.
        power: Probability of settling it that is wanted.
        likely: Share of the truths that `lower` to `upper` holds.
        cap: Numbers up to `cap` times `n_subjects` are looked at.
        draws: Truths drawn.
        seed: Of the draws.

    Raises:
        ParameterError: A number is not acceptable; all objections.

    Example:
        >>> found = further_subjects(-0.2, 0.5, 60, margin=1)
        >>> found.towards, found.subjects, round(found.chance, 2)
        ('non_inferior', 104, 0.69)
        >>> further_subjects(-1, 0.5, 60, margin=1).reason
        'The estimate lies at the limit: at this estimate no number of subjects settles it.'
    """
    asked = Asked()
    asked.number("improvement", improvement)
    asked.number("standard_error", standard_error, above=0)
    asked.whole("n_subjects", n_subjects, 2)
    if margin is not None:
        asked.number("margin", margin, above=0)
    asked.level(level)
    if df is not None:
        asked.that(df >= 1, f"`df` must be 1 or more, not {df!r}.")
    if interval is not None:
        fits = interval[0] <= improvement <= interval[1]
        asked.that(fits, f"`interval` must hold the estimate {improvement!r}, not be {interval!r}.")
    asked.share("power", power)
    asked.share("likely", likely)
    asked.whole("cap", cap, 1)
    asked.whole("draws", draws, 1)
    asked.settle()
    freedom = n_subjects - 1.0 if df is None else float(df)
    tail = (1 + level) / 2
    arm = float(_quantile(np.array([freedom]), tail)[0]) * standard_error
    low, high = interval or (improvement - arm, improvement + arm)
    now = _Present(
        estimate=improvement, spread=standard_error * float(np.sqrt(n_subjects)), subjects=n_subjects,
        df=freedom,        limit=0.0 if margin is None else -margin, both=margin is not None, tail=tail,
        stretch=((improvement - low) / arm, (high - improvement) / arm),
    )  # fmt: skip
    most = cap * n_subjects
    towards = _towards(now, low, high)
    settled = low > now.limit or (now.both and high < now.limit)
    if settled:
        words = f"It is settled: {_WORDS[towards] if towards else 'decided'}."
        return Further(0, 0, 0, towards, 1.0, power, likely, most, None, words)
    grid = np.unique(np.geomspace(1, most, _GRID).astype(np.int64))
    needed = None if towards is None else _smallest(now, grid, power)
    means, spreads = _truths(now, draws, seed)
    each = _first_on_grid(now, means, spreads, grid, power)
    ends = np.quantile(each, [(1 - likely) / 2, (1 + likely) / 2], method="inverted_cdf")
    lower, upper = (int(end) if np.isfinite(end) else None for end in ends)
    chance = None
    if needed is not None:
        chance = float(_settles(now, means, spreads, np.array([needed])).mean())
    reason = None if needed is not None else _why_never(now, most)
    found = Further(needed, lower, upper, towards, chance, power, likely, most, reason, "")
    return Further(**{**found.__dict__, "words": _words(found)})


def smallest_detectable(
    se: float,
    df: float,
    level: float = 0.95,
    power: float = 0.8,
    margin: float | None = None,
    *,
    critical: float | None = None,
) -> float:
    """The smallest regression that a study would detect with a given probability.

    Detected is a loss whose two-sided interval lies wholly below -margin (`inferior`), or, without a margin,
    below 0 (`worse`). With t the quantile of Student's t and n_p the noncentrality at which a noncentral t
    variable exceeds t with probability `power`, that is margin + n_p se (Student's exact power; Owen 1965).
    The standard error is the present study's: a property of its design and noise, not of its result.

    Args:
        se: Standard error of the difference, above 0.
        df: Its degrees of freedom, 1 or more; infinite for a normal interval.
        level: Of the two-sided interval.
        power: Probability of detecting it.
        margin: Non-inferiority margin, above 0, or None.
        critical: The interval's arm in standard errors where it is not Student's, as with intervals that are
            adjusted for several comparisons.

    Returns:
        The loss, positive, in the unit of the standard error.

    Raises:
        ParameterError: A number is not acceptable; all objections.
        CannotComputeError: The power is too close to 1 to be computed with so few degrees of freedom.

    Example:
        >>> round(smallest_detectable(0.5, 39), 4)
        1.4365
        >>> round(smallest_detectable(0.5, 39, margin=1), 4)
        2.4365
    """
    asked = Asked()
    asked.number("se", se, above=0)
    asked.that(df >= 1, f"`df` must be 1 or more, not {df!r}.")
    asked.level(level)
    asked.share("power", power)
    if margin is not None:
        asked.number("margin", margin, above=0)
    if critical is not None:
        asked.number("critical", critical, above=0)
    asked.settle()
    t = float(_quantile(np.array([df]), (1 + level) / 2)[0]) if critical is None else critical
    return float((margin or 0.0) + _noncentrality(t, df, power) * se)


def _noncentrality(t: float, df: float, power: float) -> float:
    """Where a noncentral t variable exceeds t with a probability; 0 where it does so without any shift."""
    if df >= _LARGE_DF:
        return max(t + float(special.ndtri(power)), 0.0)

    def lacking(shift: float) -> float:
        return float(power - (1 - special.nctdtr(df, shift, t)))

    if lacking(0.0) <= 0:
        return 0.0
    high = t + float(special.ndtri(max(power, 0.5))) + 1
    for _ in range(20):
        if lacking(high) < 0:
            return float(optimize.brentq(lacking, 0.0, high, xtol=1e-13, rtol=1e-13))
        high *= 1.5
    raise CannotComputeError(f"A power of {power:g} with {df:g} degrees of freedom cannot be computed.")


def _quantile(df: FloatArray, tail: float) -> FloatArray:
    return np.where(df >= _LARGE_DF, special.ndtri(tail), special.stdtrit(np.minimum(df, _LARGE_DF), tail))


def _towards(now: _Present, low: float, high: float) -> Towards | None:
    if now.both and (high < now.limit or now.estimate < now.limit):
        return "inferior"
    if now.estimate > now.limit:
        return "superior" if not now.both or low > 0 else "non_inferior"
    return None


def _settles(now: _Present, mean: FloatArray, spread: FloatArray, more: IntArray) -> FloatArray:
    """(truths, numbers) probability that so many more subjects settle it, given the truth about them."""
    total = now.subjects + more
    share = more / total
    centre = now.estimate + (mean[:, None] - now.estimate) * share
    deviation = spread[:, None] * np.sqrt(more) / total
    variance = np.square(now.spread) * (1 - share) + np.square(spread[:, None]) * share
    arm = _quantile(np.asarray(now.df + more, dtype=np.float64), now.tail) * np.sqrt(variance / total)
    found = special.ndtr((centre - now.stretch[0] * arm - now.limit) / deviation)
    if now.both:
        found = found + special.ndtr((now.limit - now.stretch[1] * arm - centre) / deviation)
    return np.asarray(found)


def _smallest(now: _Present, grid: IntArray, power: float) -> int | None:
    """The smallest number that has the power if estimate and spread are the truth."""

    def has(more: IntArray) -> NDArray[np.bool_]:
        found = _settles(now, np.array([now.estimate]), np.array([now.spread]), more)[0]
        return np.asarray(found >= power)

    enough = has(grid)
    if not np.any(enough):
        return None
    first = int(np.argmax(enough))
    between = np.arange(grid[first - 1] + 1 if first else 1, grid[first] + 1)
    return int(between[int(np.argmax(has(between)))])


def _truths(now: _Present, draws: int, seed: int) -> tuple[FloatArray, FloatArray]:
    """Means and standard deviations of subjects that the data allow."""
    rng = np.random.default_rng(seed)
    squares = rng.chisquare(now.df, draws) / now.df if now.df < _LARGE_DF else np.ones(draws)
    spread = now.spread / np.sqrt(np.maximum(squares, np.finfo(float).tiny))
    return now.estimate + rng.standard_normal(draws) * spread / np.sqrt(now.subjects), spread


def _first_on_grid(
    now: _Present, means: FloatArray, spreads: FloatArray, grid: IntArray, power: float
) -> FloatArray:
    """(truths,) the first number of the grid that has the power; infinite where none has."""
    enough = _settles(now, means, spreads, grid) >= power
    first = grid[np.argmax(enough, axis=1)].astype(np.float64)
    return np.where(enough.any(axis=1), first, np.inf)


def _why_never(now: _Present, most: int) -> str:
    if now.estimate == now.limit:
        return "The estimate lies at the limit: at this estimate no number of subjects settles it."
    if not now.both and now.estimate < now.limit:
        return "Without a margin only superiority can be shown, and the estimate points the other way."
    return f"At this estimate more than {most:,} further subjects would be needed."


_WORDS: dict[Towards, str] = {
    "superior": "superior",
    "non_inferior": "non-inferior",
    "inferior": "inferior",
}


def _words(found: Further) -> str:
    low = "none" if found.lower is None else f"{found.lower:,}"
    high = f"more than {found.most:,}" if found.upper is None else f"{found.upper:,}"
    span = f"{low} to {high}" if found.lower is not None else high
    uncertain = f"{span} in {100 * found.likely:.3g}% of the truths that these data allow"
    if found.subjects is None or found.towards is None or found.chance is None:
        return f"{found.reason} Estimate and spread are uncertain: {uncertain}. {INTERIM}"
    return (
        f"About {found.subjects:,} more subjects would settle it as {_WORDS[found.towards]} with probability "
        f"{number(found.power)} if the present estimate and spread were the truth. They are uncertain: "
        f"{uncertain}; that {found.subjects:,} more settle it either way has probability {found.chance:.2f}. "
        f"{INTERIM}"
    )
