"""Two versions on the same subjects: the paired difference of any metric, with its interval and verdict.

The difference is candidate - baseline everywhere, in the unit of the statistic. The improvement is the same
number turned so that positive is better:

- `higher` is better: the difference itself.
- `lower` is better: its negative.
- `near_zero` is best: |baseline| - |candidate|, how much closer to zero the candidate is.
- `none`: a statistic without a direction has a difference and no verdict.

On the ratio scale the same holds of logarithms: the difference of two logarithms is that of the ratio, 0 is
no difference, and a margin of 1.1 is one of log 1.1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import checks, registry
from ..checks import row_weights
from ..codes import binary_codes, category_codes
from ..estimate import estimates_of, noted
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED, arrange
from ..intervals import METHODS, tail_levels
from ..metric import Average, Columns, Estimate, FloatArray, Interval, Metric, Prepared, Sides, Statistic
from ..result import interval_label, number
from ..weights import ResamplingWeights
from .contrast import PairSummary, SummarisedContrast, contrasts_of, summary_of
from .difference import without_spread
from .scales import Scale, checked_method, scaled_margin
from .verdict import Verdict, oriented, verdict

NOT_POSITIVE = "A ratio needs values above 0 of both versions."


@dataclass(frozen=True)
class Comparison:
    """Candidate against baseline in one statistic.

    Attributes:
        metric: The metric's name.
        statistic: The statistic as declared.
        candidate: Its value for the candidate.
        baseline: Its value for the baseline.
        difference: Candidate - baseline with its interval; `error` says why one is missing. On the ratio
            scale: the natural logarithm of candidate / baseline.
        improvement: The same turned so that positive is better; None where it has no value or no direction.
        interval: Interval of the improvement.
        verdict: What the interval says.
        scale: `difference` or `ratio`.
    """

    metric: str
    statistic: Statistic
    candidate: float
    baseline: float
    difference: Estimate
    improvement: float | None
    interval: Interval | None
    verdict: Verdict
    scale: Scale = "difference"

    def __str__(self) -> str:
        words = "difference (candidate - baseline)"
        if self.scale == "ratio":
            words = "log ratio (log candidate / baseline)"
        lines = [
            f"{self.statistic.title}: candidate {number(self.candidate)}, baseline {number(self.baseline)}",
            _line(words, self.difference.value, self.difference.interval),
        ]
        if self.improvement is not None:
            lines.append(_line("improvement (positive is better)", self.improvement, self.interval))
        margin = "" if self.verdict.margin is None else f" (margin {number(self.verdict.margin)})"
        lines.append(f"verdict{margin}: {self.verdict}")
        lines += [note for note in (self.difference.error, self.difference.warning) if note]
        return "\n".join(lines)


def compare_versions(
    metric: Metric | str,
    reference: ArrayLike,
    baseline: ArrayLike,
    candidate: ArrayLike,
    *,
    statistic: str | None = None,
    margin: float | None = None,
    scale: Scale = "difference",
    subject: Any = None,
    weights: ArrayLike | None = None,
    positive: Any = None,
    average: Average = "pooled",
    parameters: Mapping[str, Any] | None = None,
    ci: str | None = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> Comparison:
    """Paired difference of a metric between two versions that measured the same rows.

    Subjects are resampled, or left out, for both versions at once, so that the interval knows that versions
    are paired and that rows of one subject are not independent.

    Args:
        metric: The metric or its name.
        reference: (n,) values of the reference.
        baseline: (n,) values of the version to compare with.
        candidate: (n,) values of the version in question.
        statistic: Which statistic of the metric. Default: its headline.
        margin: Non-inferiority margin, above 0, in the unit of the statistic; a ratio above 1 with `scale`.
        scale: `difference`, or `ratio` for candidate / baseline of a statistic that is above 0.
        subject: (n,) subject labels, compared as text. Default: every row is a subject of its own.
        weights: (n,) row weights, of which only the ratios matter.
        positive: For a binary metric, the value or values that count as positive.
        average: `pooled` (default) or `subject_mean`, where the metric has both.
        parameters: The metric's own parameters.
        ci: `jackknife_t` (default for smooth statistics), `cluster_t`, `bootstrap_bca` or
            `bootstrap_percentile` (default for the others).
        level: Confidence level. A two-sided 95% interval decides non-inferiority at one-sided 2.5%.
        sides: `two`, or the one bound of the improvement that is wanted.
        replicates: Bootstrap replicates.
        seed: Seed of the bootstrap.

    Returns:
        The comparison; it prints as a few lines.

    Raises:
        KeyError: No metric, or no statistic, of that name.
        ValueError: Lengths differ, a value is missing, a parameter is not acceptable, or the metric needs a
            further column (a condition, a covariate).

    Example:
        >>> reference = [60, 70, 80, 90, 60, 75]
        >>> baseline = [63, 74, 77, 94, 62, 79]
        >>> candidate = [61, 71, 79, 92, 61, 77]
        >>> subject = [1, 1, 2, 2, 3, 3]
        >>> found = compare_versions("mae", reference, baseline, candidate, subject=subject, margin=0.5)
        >>> print(found)
        Mean absolute error: candidate 1.3333, baseline 3.3333
        difference (candidate - baseline): -2 [-3.2421, -0.75793] (95% t, jackknife over subjects)
        improvement (positive is better): 2 [0.75793, 3.2421] (95% t, jackknife over subjects)
        verdict (margin 0.5): superior
        Only 3 subjects: such intervals were simulated with 10 or more, and covered less the fewer there were.
    """
    chosen = registry.get(metric) if isinstance(metric, str) else metric
    if average not in chosen.averages:
        raise ValueError(f"`average` must be one of {', '.join(chosen.averages)}, not {average!r}.")
    checks.no_further_columns(
        chosen,
        "compare_versions",
        "`compare_prepared` takes what such a metric has prepared for each version.",
    )
    given = checks.parameters(chosen, parameters or {})
    row = None if weights is None else row_weights(weights)
    first, second, keys = _columns(chosen, (reference, baseline, candidate), positive, subject, row)
    return compare_prepared(
        chosen,
        candidate=chosen.prepare(second, average=average, **given),
        baseline=chosen.prepare(first, average=average, **given),
        keys=keys,
        statistic=statistic,
        margin=margin,
        scale=scale,
        ci=ci,
        level=level,
        sides=sides,
        replicates=replicates,
        seed=seed,
    )


def compare_prepared(
    metric: Metric,
    *,
    candidate: Prepared,
    baseline: Prepared,
    keys: Sequence[str],
    statistic: str | None = None,
    margin: float | None = None,
    scale: Scale = "difference",
    ci: str | None = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
    weights: FloatArray | None = None,
) -> Comparison:
    """The same from what the metric has prepared for either version, which may have other rows.

    Args:
        metric: The metric that both were prepared with.
        candidate: The version in question.
        baseline: The version to compare with, the same subjects in the same order.
        keys: The subjects' keys in that order.
        statistic: Which statistic. Default: the headline.
        margin: Non-inferiority margin, above 0; on the ratio scale a ratio above 1.
        scale: `difference` or `ratio`.
        ci: Interval method; see `compare_versions`.
        level: Confidence level.
        sides: `two`, or the one bound of the improvement that is wanted.
        replicates: Bootstrap replicates.
        seed: Seed of the bootstrap.
        weights: (B, S) resampling weights of a run that has them already, instead of `replicates`, `seed`.

    Raises:
        KeyError: The statistic is not declared.
        ValueError: The subjects differ in number, the method, level, sides or margin is not acceptable, or
            the statistic has no direction that a ratio could follow.
    """
    method = checked_method(metric, ci)
    if METHODS[method].resampling and weights is None and keys:
        weights = ResamplingWeights(keys, seed=seed, replicates=replicates).matrix(keys)
    scaled_margin(margin, scale)  # refused before anything is computed
    summary = summary_of(
        metric, candidate=candidate, baseline=baseline, statistic=statistic, scale=scale, ci=ci
    )
    return compare_summary(
        metric,
        summary,
        versions=lambda: (candidate, baseline),
        statistic=statistic,
        margin=margin,
        scale=scale,
        ci=ci,
        level=level,
        sides=sides,
        weights=weights,
    )


def compare_summary(
    metric: Metric,
    summary: PairSummary,
    *,
    versions: Callable[[], tuple[Prepared, Prepared]],
    statistic: str | None = None,
    margin: float | None = None,
    scale: Scale = "difference",
    ci: str | None = None,
    level: float = 0.95,
    sides: Sides = "two",
    weights: FloatArray | None = None,
) -> Comparison:
    """The comparison that a summary makes at a level and a margin.

    Args:
        metric: The metric.
        summary: From `summary_of`, with the same statistic, scale and method.
        versions: Gives candidate and baseline, for replicates.
        statistic: Which statistic. Default: the headline.
        margin: Non-inferiority margin, above 0; on the ratio scale a ratio above 1.
        scale: `difference` or `ratio`.
        ci: Interval method.
        level: Confidence level.
        sides: `two`, or the one bound of the improvement that is wanted.
        weights: (B, S) resampling weights, where the method resamples.

    Raises:
        KeyError: The statistic is not declared.
        ValueError: The method, level, sides or margin is not acceptable.
    """
    declared, method = metric.statistic(statistic or metric.headline), checked_method(metric, ci)
    margin = scaled_margin(margin, scale)
    contrasts = contrasts_of(declared, summary, scale, versions)
    named = _difference_of(declared, method, scale)
    flipped: Sides = sides
    if declared.better == "lower":
        flipped = {"two": "two", "lower": "upper", "upper": "lower"}[sides]  # type: ignore[assignment]

    def contrast(level: float, sides: Sides, place: int = 0) -> Estimate:
        found = estimates_of(
            (named,), contrasts[place], methods={}, level=level, sides=sides, weights=weights
        )
        return _checked_spread(found[declared.name], contrasts[place])

    difference = noted(metric.name, contrast(level, flipped), average=summary.average, difference=True)
    values = summary.candidate, summary.baseline
    if scale == "ratio" and min(values) <= 0:
        difference = replace(difference, error=NOT_POSITIVE)
    improvement, interval, reason = None, None, difference.error
    if np.isfinite(difference.value) and declared.better != "none":
        if declared.better == "near_zero":
            improvement = abs(values[1]) - abs(values[0])
            wide = (1 + level) / 2 if sides == "two" else level
            one, two = contrast(wide, "two"), contrast(wide, "two", 1)
            if one.interval is None or two.interval is None:
                reason = one.error or two.error
            else:
                interval, reason = distance(one.interval, two.interval, level=level, sides=sides), None
        else:
            improvement = difference.value if declared.better == "higher" else -difference.value
            interval = difference.interval and oriented(difference.interval, declared.better)
    elif declared.better == "none":
        reason = "The statistic has no direction, so no version of it is better."
    return Comparison(
        metric=metric.name,
        statistic=declared,
        candidate=values[0],
        baseline=values[1],
        difference=difference,
        improvement=improvement,
        interval=interval,
        verdict=verdict(interval, margin, reason=reason),
        scale=scale,
    )


def distance(one: Interval, two: Interval, *, level: float, sides: Sides) -> Interval:
    """Interval of |baseline| - |candidate| from those of candidate - baseline and candidate + baseline.

    |b| - |c| is the larger, over the sign of b, of the smaller, over the sign of c, of four linear contrasts.
    The smaller needs no correction (each bound has to hold, intersection-union; Berger 1982), the larger of
    two is paid for with half the error each. The interval therefore holds at zero too, where the bootstrap of
    an absolute value does not, and is somewhat wide where the sign of the baseline is beyond doubt.

    Args:
        one: Interval of candidate - baseline, two-sided with half the error that is wanted of the result
            where that is two-sided, and as much where it is one-sided.
        two: Likewise of candidate + baseline.
        level: Confidence level of the result.
        sides: Its sides.
    """
    errors = [found.mc_error or (np.nan, np.nan) for found in (one, two)]
    up = {  # lower bounds of the contrasts by the signs of (baseline, candidate), with Monte-Carlo errors
        (1, -1): (-one.upper, errors[0][1]),
        (-1, 1): (one.lower, errors[0][0]),
        (1, 1): (two.lower, errors[1][0]),
        (-1, -1): (-two.upper, errors[1][1]),
    }
    low = max(min(up[1, -1], up[1, 1]), min(up[-1, -1], up[-1, 1]))
    high = max(min(up[-1, 1], up[1, 1]), min(up[-1, -1], up[1, -1]))
    tail_levels(level, sides)
    resampled = one.mc_error is not None
    notes = [found.warning for found in (one, two) if found.warning]
    return Interval(
        lower=low[0] if sides != "upper" else -np.inf,
        upper=-high[0] if sides != "lower" else np.inf,
        level=level,
        sides=sides,
        method=one.method,
        mc_error=(float(low[1]), float(high[1])) if resampled else None,
        degenerate=one.degenerate or two.degenerate,
        undefined_share=max(one.undefined_share, two.undefined_share),
        warning=" ".join(dict.fromkeys(notes)) or None,
    )


def _checked_spread(found: Estimate, both: SummarisedContrast) -> Estimate:
    """A resampled interval whose bounds differ from the estimate by rounding only may not decide."""
    interval = found.interval
    if interval is None or interval.degenerate or interval.mc_error is None:
        return found
    reach = max(abs(end - found.value) for end in (interval.lower, interval.upper) if np.isfinite(end))
    if reach > both.rounding():
        return found
    interval = without_spread(interval)
    notes = (found.warning, interval.warning)
    return replace(found, interval=interval, warning=" ".join(note for note in notes if note))


@lru_cache(maxsize=256)
def _difference_of(declared: Statistic, method: str, scale: Scale) -> Statistic:
    ratio = scale == "ratio"
    what = "Natural logarithm of candidate / baseline" if ratio else "Candidate - baseline"
    lead = "Log ratio of" if ratio else "Difference in"
    return Statistic(
        name=declared.name,
        title=f"{lead} {declared.title[0].lower()}{declared.title[1:]}",
        definition=f"{what}, both at the same subject weights. {declared.definition}",
        unit="none" if ratio else declared.unit,
        better=declared.better if declared.better in ("higher", "lower") else "none",
        intervals=(method,),
    )


def _columns(
    metric: Metric,
    values: tuple[ArrayLike, ArrayLike, ArrayLike],
    positive: Any,
    subject: Any,
    weights: FloatArray | None,
) -> tuple[Columns, Columns, tuple[str, ...]]:
    """Rows of baseline and candidate, each sorted by subject, with the subjects' keys."""
    names = ("reference", "baseline", "candidate")
    levels: tuple[str, ...] = ()
    coded: list[NDArray[Any]]
    if metric.kind == "measurement":
        coded = [checks.measurements(name, column) for name, column in zip(names, values, strict=True)]
    elif metric.kind == "binary":
        coded = [binary_codes(name, column, positive) for name, column in zip(names, values, strict=True)]
    elif metric.kind == "score":
        scores = [
            checks.measurements(name, column) for name, column in zip(names[1:], values[1:], strict=True)
        ]
        coded = [binary_codes("reference", values[0], positive), *scores]
    else:
        joined = np.concatenate([np.asarray(column) for column in values])
        _, _, levels = category_codes(joined, joined)
        coded = [category_codes(column, column, levels)[0] for column in values]
    checks.same_length(len(coded[0]), {"baseline": coded[1], "candidate": coded[2]})
    if subject is None:  # rows are sorted by value within a subject: a row has to stay with its own
        subject = np.arange(len(coded[0]))
    first, keys = arrange(coded[0], coded[1], subject, weights, levels)
    second, _ = arrange(coded[0], coded[2], subject, weights, levels)
    return first, second, keys


def _line(words: str, value: float, interval: Interval | None) -> str:
    if interval is None:
        return f"{words}: {number(value)}, no interval"
    bounds = f"[{number(interval.lower)}, {number(interval.upper)}]"
    return f"{words}: {number(value)} {bounds} ({interval_label(interval)})"
