"""Differences and ratios of a statistic between groups, every pair with its interval, all of them together.

That the largest of all differences is small cannot be read off the largest estimate, which is biased upward:
every pair's interval has to lie within the margin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Literal

import numpy as np

from ..additive import AdditivePrepared
from ..estimate import estimates_of
from ..intervals import METHODS
from ..inversion import interval_at, p_value
from ..metric import (
    CannotComputeError,
    Counts,
    Estimate,
    FloatArray,
    Prepared,
    Sides,
    Statistic,
)
from .difference import DifferencePrepared, active_subjects
from .logged import logged
from .simultaneous import simultaneous_intervals

Contrast = Literal["difference", "ratio"]
Together = Literal["none", "bonferroni", "max_t"]
Pair = tuple[str, str]
"""Later and earlier group."""

_FEW = 10
_PAIRED = ("cluster_t", "jackknife_t", "bootstrap_bca", "bootstrap_percentile")
NOT_POSITIVE = "A ratio needs values above 0 in both groups."
DEFINITIONS: Mapping[Contrast, str] = {
    "difference": "Difference of two groups, later minus earlier. ",
    "ratio": "Ratio of two groups, later over earlier. ",
}


def group_contrasts(
    statistic: Statistic,
    groups: Mapping[str, Prepared],
    pairs: Sequence[Pair],
    *,
    contrast: Contrast = "difference",
    simultaneous: Together = "max_t",
    weights: FloatArray | None = None,
    method: str | None = None,
    level: float = 0.95,
    sides: Sides = "two",
) -> dict[Pair, Estimate]:
    """A statistic's differences or ratios between groups, with intervals of one joint level.

    - `none`: every pair by itself, at `level`: `cluster_t` of the linearised difference, Welch's degrees of
      freedom where the groups share no subject; or what `method` names. Ratios on the logarithmic scale.
    - `max_t`, `bonferroni`: see `simultaneous_intervals`. Standard errors and degrees of freedom are each
      pair's own (linearised, Welch); of statistics that are no smooth functions of sums, the replicates'
      standard deviation and the subjects of the smaller group less one.

    A pair without a value or a standard error carries its reason, and is not among those whose intervals hold
    together: whoever judges every pair is stopped by it anyway.

    Args:
        statistic: One of the metric's.
        groups: Label -> the metric prepared for the group; all over the same subjects in the same order.
        pairs: (later, earlier) labels.
        contrast: `difference` or `ratio`.
        simultaneous: How the intervals keep their level together.
        weights: (B, S) resampling weights, shared by all groups.
        method: Interval method with `none`; one that a difference does not have gives the default.
        level: Confidence level; of all pairs together, but for `none`.
        sides: `two`, or the one bound wanted of each.

    Returns:
        An estimate a pair, in the order of `pairs`.

    Example:
        >>> from accordance.evaluators import registry, subgroups
        >>> mae = subgroups("mae", [60, 70, 80, 90], [61, 72, 80, 94], ["f", "f", "m", "m"])
        >>> found = group_contrasts(
        ...     registry.get("mae").statistic("mae"), mae.prepared, [("m", "f")], simultaneous="none"
        ... )
        >>> found["m", "f"].value
        0.5
    """
    parts = groups if contrast == "difference" else {label: logged(one) for label, one in groups.items()}
    named = replace(
        statistic,
        definition=DEFINITIONS[contrast] + statistic.definition,
        unit="none" if contrast == "ratio" else statistic.unit,
        intervals=(_method(parts, method),),
    )
    both = {pair: DifferencePrepared(parts[pair[0]], parts[pair[1]]) for pair in pairs}
    found: dict[Pair, Estimate] = {}
    for pair, prepared in both.items():
        one = _alone(named, prepared, level=level, sides=sides, weights=weights)
        if np.isnan(one.value):
            one = replace(one, error=_why(statistic.name, groups, pair, contrast=contrast))
        found[pair] = replace(one, counts=_counts(statistic.name, groups, pair))
    if simultaneous != "none":
        found = _together(found, both, weights, method=simultaneous, level=level, sides=sides)
    notes = {pair: _note(statistic.name, groups, pair, one) for pair, one in found.items()}
    scaled = found if contrast == "difference" else {pair: _exp(one) for pair, one in found.items()}
    return {pair: replace(one, warning=notes[pair]) for pair, one in scaled.items()}


def contrast_p_values(
    statistic: Statistic,
    groups: Mapping[str, Prepared],
    pairs: Sequence[Pair],
    limits: tuple[float, float],
    *,
    contrast: Contrast = "difference",
    simultaneous: Together = "max_t",
    weights: FloatArray | None = None,
    method: str | None = None,
    sides: Sides = "two",
) -> dict[Pair, float | None]:
    """One-sided p values that a pair's true difference or ratio lies outside two limits.

    The larger of the two one-sided p values of a pair (two one-sided tests; Schuirmann 1987), each by
    inverting the interval that `group_contrasts` gives the pair: with `max_t` and `bonferroni` they are
    adjusted for all pairs, as the intervals are. That every pair lies inside is shown at the largest of them
    (intersection-union test; Berger 1982): no pair is chosen, so nothing more has to be adjusted.

    Args:
        statistic: One of the metric's.
        groups: As in `group_contrasts`.
        pairs: (later, earlier) labels.
        limits: (low, high) accepted; an infinite end is not tested.
        contrast: `difference` or `ratio`.
        simultaneous: How the intervals keep their level together.
        weights: (B, S) resampling weights.
        method: Interval method with `none`.
        sides: Sides of the intervals. A limit that a one-sided interval leaves open has no p value.

    Returns:
        A p value a pair; None where the pair has no interval, or the interval leaves a limit open.

    Example:
        >>> from accordance.evaluators import registry, subgroups
        >>> mae = subgroups("mae", [60, 70, 80, 90], [61, 72, 80, 94], ["f", "f", "m", "m"])
        >>> found = contrast_p_values(
        ...     registry.get("mae").statistic("mae"), mae.prepared, [("m", "f")], (-5, 5), simultaneous="none"
        ... )
        >>> round(found["m", "f"], 3)
        0.125
    """
    low, high = limits
    ratio = contrast == "ratio"
    if ratio:  # on the logarithmic scale, where a limit of 0 or less is none
        low, high = (float(np.log(end)) if end > 0 else -np.inf for end in limits)
    parts = groups if not ratio else {label: logged(one) for label, one in groups.items()}
    named = replace(statistic, intervals=(_method(parts, method),))
    both = {pair: DifferencePrepared(parts[pair[0]], parts[pair[1]]) for pair in pairs}
    known = {pair: one for pair, one in both.items() if np.isfinite(_value(one, statistic.name))}
    test = _Tested(named, known, weights, simultaneous, sides)
    found: dict[Pair, float | None] = dict.fromkeys(pairs)
    if (np.isfinite(high) and sides == "lower") or (np.isfinite(low) and sides == "upper"):
        return found
    for pair in test.pairs:
        with suppress(CannotComputeError):
            lower = test.p(pair, "lower", low) if np.isfinite(low) else 0.0
            upper = test.p(pair, "upper", high) if np.isfinite(high) else 0.0
            found[pair] = max(lower, upper)
    return found


class _Tested:
    """Pairs of groups, with what the p values of all of them share."""

    def __init__(
        self,
        named: Statistic,
        both: Mapping[Pair, DifferencePrepared],
        weights: FloatArray | None,
        method: Together,
        sides: Sides,
    ) -> None:
        self.named, self.both, self.weights = named, both, weights
        self.method, self.sides = method, sides
        self.spreads: dict[Pair, tuple[float | None, float]] = {}
        for pair, one in both.items() if method != "none" and weights is not None else ():
            with suppress(CannotComputeError):
                self.spreads[pair] = _spread(named.name, one)
        self.pairs = list(both if method == "none" else self.spreads)
        if self.spreads and weights is not None:
            columns = [_replicates(both[pair], named.name, weights) for pair in self.pairs]
            self.drawn = np.column_stack(columns)
            self.values = np.array([_value(both[pair], named.name) for pair in self.pairs])

    def p(self, pair: Pair, side: Literal["lower", "upper"], limit: float) -> float:
        """One-sided p value that a pair lies beyond a limit."""
        if self.method == "none":
            at = interval_at(self.named, self.both[pair], self.named.intervals[0], self.weights)
            return p_value(at, self.named.intervals[0], side=side, limit=limit)
        errors = [self.spreads[one][0] for one in self.pairs]
        place = self.pairs.index(pair)
        every = simultaneous_intervals(
            self.values - limit, self.drawn - limit, method=self.method, df=self.spreads[pair][1],
            standard_errors=None if any(error is None for error in errors) else np.array(errors, dtype=float),
            sides=self.sides,
        )  # fmt: skip
        own = every.adjusted_p[place]
        if self.sides != "two":
            return own
        beyond = self.values[place] > limit if side == "lower" else self.values[place] < limit
        return own / 2 if beyond else 1 - own / 2


def _value(both: Prepared, statistic: str) -> float:
    return float(both.estimate()[both.statistics.index(statistic)])


def _method(parts: Mapping[str, Prepared], asked: str | None) -> str:
    """The method of a pair by itself."""
    smooth = all(isinstance(one, AdditivePrepared) for one in parts.values())
    if asked in _PAIRED and (smooth or asked != "cluster_t"):
        return str(asked)
    return "cluster_t" if smooth else "bootstrap_percentile"


def _alone(
    named: Statistic, prepared: DifferencePrepared, *, level: float, sides: Sides, weights: FloatArray | None
) -> Estimate:
    resampled = METHODS[named.intervals[0]].resampling
    found = estimates_of(
        (named,), prepared, methods={}, level=level, sides=sides, weights=weights if resampled else None
    )
    return found[named.name]


def _together(
    found: Mapping[Pair, Estimate],
    both: Mapping[Pair, DifferencePrepared],
    weights: FloatArray | None,
    *,
    method: Literal["bonferroni", "max_t"],
    level: float,
    sides: Sides,
) -> dict[Pair, Estimate]:
    """The same estimates with intervals that hold together."""
    result = {pair: replace(one, interval=None) for pair, one in found.items()}
    known: dict[Pair, tuple[float | None, float]] = {}
    for pair, one in found.items():
        if np.isnan(one.value):
            continue
        try:
            known[pair] = _spread(one.statistic.name, both[pair])
        except CannotComputeError as problem:
            result[pair] = replace(result[pair], error=f"No interval: {problem}")
    chosen = list(known)
    if not chosen:
        return result
    if weights is None:
        return {pair: _without(one, "there are no resampling weights") for pair, one in result.items()}
    values = np.array([found[pair].value for pair in chosen])
    drawn = np.column_stack([_replicates(both[pair], found[pair].statistic.name, weights) for pair in chosen])
    errors = [known[pair][0] for pair in chosen]
    given = None if any(error is None for error in errors) else np.array(errors, dtype=np.float64)
    names = [f"{later} and {earlier}" for later, earlier in chosen]
    for place, pair in enumerate(chosen):
        try:
            every = simultaneous_intervals(
                values, drawn, method=method, standard_errors=given, df=known[pair][1], level=level,
                sides=sides, names=names,
            )  # fmt: skip
        except CannotComputeError as problem:
            hint = "strata of the resampling that are these groups, or a larger smallest group, may help"
            return {
                key: _without(one, f"{problem} ({hint})") if key in known else one
                for key, one in result.items()
            }
        result[pair] = replace(
            result[pair],
            standard_error=every.standard_errors[place],
            interval=every.intervals[place],
            error=None,
        )
    return result


def _without(one: Estimate, problem: str) -> Estimate:
    return (
        one
        if one.error is not None and np.isnan(one.value)
        else replace(one, error=f"No interval: {problem}")
    )


def _spread(statistic: str, both: DifferencePrepared) -> tuple[float | None, float]:
    """Standard error and degrees of freedom of a pair; None where only the replicates have one.

    Raises:
        CannotComputeError: A group has fewer than two subjects, or subjects that do not differ.
    """
    parts = (both.candidate, both.baseline)
    if not all(isinstance(part, AdditivePrepared) for part in parts):
        smallest = min(part.counts(statistic).n_subjects for part in parts)
        if smallest < 2:
            raise CannotComputeError("An interval needs at least two subjects in each group.")
        return None, smallest - 1.0
    error, df = both.spread(statistic, "cluster_t")
    if not error > max(both.rounding(statistic), 1e-14):
        raise CannotComputeError("The subjects do not differ; what is uncertain cannot be seen.")
    return error, df


def _replicates(both: DifferencePrepared, statistic: str, weights: FloatArray) -> FloatArray:
    return np.asarray(both.at(weights)[:, both.statistics.index(statistic)])


def _counts(statistic: str, groups: Mapping[str, Prepared], pair: Pair) -> Counts:
    """Subjects of either group, and the units of both."""
    parts = [groups[label] for label in pair]
    own = [part.counts(statistic) for part in parts]
    shared = int(np.count_nonzero(active_subjects(parts[0]) & active_subjects(parts[1])))
    return Counts(sum(one.n_subjects for one in own) - shared, sum(one.n_units for one in own))


def _why(statistic: str, groups: Mapping[str, Prepared], pair: Pair, *, contrast: Contrast) -> str:
    """Why a pair has no value."""
    for label in pair:
        part = groups[label]
        if not np.isfinite(part.estimate()[part.statistics.index(statistic)]):
            return f"Group {label} has no value: {part.reason_undefined(statistic)}"
    return NOT_POSITIVE if contrast == "ratio" else "The difference has no value."


def _note(statistic: str, groups: Mapping[str, Prepared], pair: Pair, one: Estimate) -> str | None:
    """What the reader of a pair should know."""
    notes = [one.interval.warning] if one.interval else []
    for label in pair:
        size = groups[label].counts(statistic).n_subjects
        if one.interval is not None and size < _FEW:
            notes.append(f"Group {label} rests on {size} subjects; the interval is approximate.")
        own = groups[label].warning(statistic)
        notes.append(f"{label}: {own}" if own else None)
    return " ".join(note for note in notes if note) or None


def _exp(one: Estimate) -> Estimate:
    """An estimate of a logarithm as that of a ratio; its standard error by the delta method."""
    value = float(np.exp(one.value))
    interval = one.interval
    if interval is not None:
        low, high = interval.lower, interval.upper
        lower = float(np.exp(low)) if low > -np.inf else low  # an open end stays open
        upper = float(np.exp(high))
        error = interval.mc_error
        interval = replace(
            interval,
            lower=lower,
            upper=upper,
            mc_error=None if error is None else (error[0] * lower, error[1] * upper),
        )
    return replace(one, value=value, standard_error=one.standard_error * value, interval=interval)
