"""The methods of a protocol's `sample_size`: each asks a formula of `evaluators.sample_size` what it needs.

What the endpoint says (its limit, its statistic, level, sides and method of its interval) is what is asked
for; where no formula exists for the interval that will decide, another stands in and a note says so.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from ..evaluators import registry
from ..evaluators.intervals import METHODS
from ..evaluators.metric import CannotComputeError, Statistic
from ..evaluators.proportions.intervals import BINOMIAL
from ..evaluators.result import number
from ..evaluators.sample_size.design import design_effect, whole_up
from ..evaluators.sample_size.differences import precision_rmse
from ..evaluators.sample_size.goal import MOST, power_performance_goal
from ..evaluators.sample_size.limits import LimitInterval, precision_limits_of_agreement
from ..evaluators.sample_size.proportions import PLANNED, precision_proportion
from ..evaluators.sample_size.results import SampleSize, Step
from ..protocols import describe
from ..protocols.criteria import Criterion
from ..protocols.model import Endpoint
from ..protocols.validity import SampleSize as Wanted

EXACT = "clopper_pearson"
"""Interval of a proportion that stands in for those that know subjects, and what marks a plain proportion."""
_LIMITS: Mapping[str, LimitInterval] = {"t": "bland_altman", "noncentral_t": "noncentral_t"}
"""Interval method of a limit of agreement -> how its precision is planned; all others: `bland_altman`."""
_NO_CONSTANT_LIMITS = frozenset({"bland_altman_ratio", "regression_limits"})
"""Metrics whose limits are ratios, or grow with the size of the measurement."""


@dataclass(frozen=True)
class Answer:
    """What a method found, before the losses of a study are added.

    Attributes:
        statistic: What is planned.
        interval: Name of the interval that was planned with.
        level: Its level, with both sides.
        found: The calculation.
        evaluable: Whole number of evaluable subjects needed.
        stable: The same, from which power never falls below what is wanted again.
        steps: How `evaluable` came about.
        words: The reasoning, in sentences.
        reached: From evaluable subjects to power, or to half-width.
        goal: The limit that is to be exceeded; None for precision.
        notes: What the reader should know.
    """

    statistic: Statistic
    interval: str
    level: float
    found: SampleSize
    evaluable: int
    stable: int
    steps: tuple[Step, ...]
    words: str
    reached: Callable[[int], float]
    goal: float | None = None
    notes: tuple[str, ...] = field(default=())


def performance_goal(one: Wanted, endpoint: Endpoint) -> Answer:
    """Exact binomial power of the endpoint's interval against the limit of its criterion.

    Raises:
        CannotComputeError: The limit is no number yet, or no binomial model holds.
        ParameterError: The expectation does not lie beyond the limit.
    """
    goals = [part for part in endpoint.judged if part.compare == "lower" and part.operator in {">", ">="}]
    criterion = goals[0]
    statistic = _proportion(endpoint, str(criterion.statistic))
    if endpoint.disparity is not None:
        raise CannotComputeError(
            "the criterion speaks of differences between groups, which this formula does not cover"
        )
    if criterion.is_open:
        raise CannotComputeError(_open_words(one, endpoint, criterion))
    if not isinstance(criterion.limit, float | int):
        raise CannotComputeError("the limit is not one number, so there is no goal to plan against")
    goal, expected, spec = float(criterion.limit), float(one.expected or 0.0), endpoint.interval
    ci, notes = _binomial(endpoint, statistic.name, BINOMIAL)

    def asked(n: int | None) -> SampleSize:
        return power_performance_goal(
            goal, expected, power=one.power, n=n, ci=ci, level=spec.level, sides=spec.sides
        )

    found = asked(None)
    per_subject = one.units_per_subject / design_effect(one.units_per_subject, one.icc)

    def reached(subjects: int) -> float:
        independent = min(MOST, int(subjects * per_subject * (1 + 1e-9)))
        return float(asked(independent).power or 0.0) if independent else 0.0

    others = [str(part.statistic) for part in goals[1:]]
    if others:
        notes.append(f"Further goals of this endpoint are not part of this number: {', '.join(others)}.")
    if criterion.applies_to == "each_level":
        notes.append(
            f"The goal has to be met in every {' and '.join(endpoint.by)}: this is the number of one level, "
            "and meeting it in all of them has less power."
        )
    return Answer(
        statistic=statistic,
        interval=ci,
        level=spec.level,
        found=found,
        evaluable=int(whole_up(found.n / per_subject)),
        stable=int(whole_up(found.details["stable_n"] / per_subject)),
        steps=_goal_steps(one, found, ci),
        words=_goal_words(one, endpoint, found, statistic=statistic, goal=goal, ci=ci),
        reached=reached,
        goal=goal,
        notes=(*notes, *_several_units(one, endpoint, statistic.name)),
    )


def proportion_precision(one: Wanted, endpoint: Endpoint) -> Answer:
    """How many subjects make the interval of a proportion narrow enough."""
    statistic = _proportion(endpoint, _leading(endpoint))
    ci, notes = _binomial(endpoint, statistic.name, PLANNED)
    level, expected = _both_sides(endpoint, notes), float(one.expected or 0.0)

    def asked(half_width: float | None, n: int | None) -> SampleSize:
        return precision_proportion(
            expected, half_width=half_width, n=n, ci=ci, level=level,
            width_at="expected" if ci == "wald" else "outcomes",
            rows_per_subject=one.units_per_subject, icc=one.icc,
        )  # fmt: skip

    what = f"{_lower(statistic)}, expected at {number(expected)}"
    notes += _several_units(one, endpoint, statistic.name)
    return _precise(
        one, statistic, asked, what=what, ci=ci, title=METHODS[ci].title, level=level, notes=notes
    )


def limits_precision(one: Wanted, endpoint: Endpoint) -> Answer:
    """How many subjects make the interval of a limit of agreement narrow enough."""
    metric = registry.get(endpoint.metric)
    names = [one.name for one in metric.statistics]
    if "loa_upper" not in names or metric.name in _NO_CONSTANT_LIMITS:
        raise CannotComputeError(
            f"`{metric.name}` gives no limits of agreement as constant differences, so this formula does not "
            "apply"
        )
    method = _method(endpoint, "loa_upper")
    several = one.units_per_subject > 1
    ci: LimitInterval = _LIMITS.get(method, "bland_altman")
    notes = []
    if method not in _LIMITS or (several and ci != "bland_altman"):
        ci = "bland_altman"
        notes.append(_stands_in(method, "the formula of Bland and Altman (1999)"))
    level = _both_sides(endpoint, notes)
    share = float(endpoint.parameters.get("agreement_level", 0.95))
    sd = float(one.sd or 0.0)

    def asked(half_width: float | None, n: int | None) -> SampleSize:
        return precision_limits_of_agreement(
            sd, half_width=half_width, n=n, ci=ci, limits=share, level=level,
            rows_per_subject=one.units_per_subject, icc=one.icc,
        )  # fmt: skip

    what = f"a {100 * share:g}% limit of agreement, differences having a standard deviation of {number(sd)}"
    title = {"bland_altman": "Bland and Altman's", "noncentral_t": "exact (noncentral t)"}[ci]
    notes += _uncorrelated(one)
    return _precise(
        one, metric.statistic("loa_upper"), asked, what=what, ci=ci, title=title, level=level, notes=notes
    )


def rmse_precision(one: Wanted, endpoint: Endpoint) -> Answer:
    """How many subjects make the interval of a root mean square error narrow enough."""
    metric = registry.get(endpoint.metric)
    if "rmse" not in [one.name for one in metric.statistics]:
        raise CannotComputeError(f"`{metric.name}` gives no root mean square error")
    sd, bias = float(one.sd or 0.0), float(one.expected or 0.0)
    expected = float((sd**2 + bias**2) ** 0.5)
    method = _method(endpoint, "rmse")
    notes = [] if method == "cluster_t" else [_stands_in(method, "the t interval with subjects as clusters")]
    level = _both_sides(endpoint, notes)

    def asked(half_width: float | None, n: int | None) -> SampleSize:
        return precision_rmse(
            expected, bias=bias, rows_per_subject=one.units_per_subject, icc=one.icc, half_width=half_width,
            n=n, level=level,
        )  # fmt: skip

    what = (
        f"the root mean square error, expected at {number(expected)} "
        f"(bias {number(bias)}, standard deviation {number(sd)})"
    )
    notes += _uncorrelated(one)
    return _precise(
        one,
        metric.statistic("rmse"),
        asked,
        what=what,
        ci="cluster_t",
        title=METHODS["cluster_t"].title,
        level=level,
        notes=notes,
    )


METHODS_OF_SIZE: Mapping[str, Callable[[Wanted, Endpoint], Answer]] = {
    "performance_goal": performance_goal,
    "proportion_precision": proportion_precision,
    "limits_precision": limits_precision,
    "rmse_precision": rmse_precision,
}
"""`method` of a sample size -> what computes it."""


def _precise(
    one: Wanted,
    statistic: Statistic,
    asked: Callable[[float | None, int | None], SampleSize],
    *,
    what: str,
    ci: str,
    title: str,
    level: float,
    notes: list[str],
) -> Answer:
    """The answer of a formula that gives the number for a half-width, and the half-width of a number."""
    found = asked(one.half_width, None)
    effect = found.details.get("design_effect")
    units = f" with {one.units_per_subject:,} units each" if one.units_per_subject > 1 else ""
    shared = f", design effect {number(effect)}" if units and effect is not None else ""
    half_width = float(found.half_width or 0.0)
    how = f"half-width {number(half_width)}, at most {one.half_width:g} wanted{shared}"
    words = (
        f"Precision of {what}: {found.n:,} evaluable subjects{units} give the {title} interval of level "
        f"{100 * level:g}% an expected half-width of {number(half_width)} ({one.half_width:g} wanted)."
    )
    warnings = [found.warning] if found.warning else []
    return Answer(
        statistic=statistic,
        interval=ci,
        level=level,
        found=found,
        evaluable=found.n,
        stable=found.n,
        steps=(Step(f"evaluable subjects{units}", found.n, how),),
        words=words,
        reached=lambda subjects: float(asked(None, subjects).half_width or 0.0),
        notes=(*notes, *warnings),
    )


def _leading(endpoint: Endpoint) -> str:
    """The statistic that the endpoint is about: that of its criterion, else the metric's own."""
    criterion = next(iter(endpoint.judged), None)
    return str(criterion.statistic) if criterion else registry.get(endpoint.metric).headline


def _proportion(endpoint: Endpoint, name: str) -> Statistic:
    """The statistic, if it is a plain share of units."""
    statistic = registry.get(endpoint.metric).statistic(name)
    if statistic.unit != "proportion" or EXACT not in statistic.intervals:
        raise CannotComputeError(
            f"`{name}` is not a plain share of units, so the binomial distribution does not describe it; "
            "simulate the study instead"
        )
    return statistic


def _method(endpoint: Endpoint, statistic: str) -> str:
    return (endpoint.interval.methods or {}).get(statistic, "")


def _binomial(endpoint: Endpoint, statistic: str, accepted: Collection[str]) -> tuple[str, list[str]]:
    """The endpoint's interval where it can be planned with, else the exact one and a note."""
    method = _method(endpoint, statistic)
    if method in accepted:
        return method, []
    return EXACT, [_stands_in(method, f"the {METHODS[EXACT].title} interval of as many independent units")]


def _stands_in(method: str, instead: str) -> str:
    title = METHODS[method].title if method in METHODS else method
    return f"The endpoint's interval ({title}) has no formula here: planned with {instead}."


def _both_sides(endpoint: Endpoint, notes: list[str]) -> float:
    """The level of the two-sided interval that has the same bound."""
    spec = endpoint.interval
    if spec.sides == "two":
        return spec.level
    level = round(2 * spec.level - 1, 12)
    notes.append(
        f"The interval is one-sided: planned as half of the two-sided {100 * level:g}% interval, which has "
        "the same bound."
    )
    return level


def _several_units(one: Wanted, endpoint: Endpoint, statistic: str) -> list[str]:
    """What several units a subject mean for a plan by the binomial distribution."""
    if one.units_per_subject == 1:
        return []
    notes = _uncorrelated(one)
    method = _method(endpoint, statistic)
    if method in BINOMIAL and endpoint.interval.cluster == "subject":
        notes.append(
            f"{METHODS[method].title} takes units for independent and may not decide with several units a "
            "subject: choose an interval that knows subjects, such as `cluster_t`."
        )
    if one.method == "performance_goal":
        notes.append(
            "With several units a subject the power is that of the effective number of units: approximate."
        )
    return notes


def _uncorrelated(one: Wanted) -> list[str]:
    if one.units_per_subject == 1 or one.icc > 0:
        return []
    return ["`icc` is 0: units of one subject are taken to be no more alike than those of others."]


def _goal_steps(one: Wanted, found: SampleSize, ci: str) -> tuple[Step, ...]:
    how = (
        f"exact power {number(float(found.power or 0.0))}, {one.power:g} wanted; {METHODS[ci].title} interval"
    )
    m = one.units_per_subject
    if m == 1:
        return (Step("evaluable subjects", found.n, how),)
    effect = design_effect(m, one.icc)
    units = found.n * effect
    return (
        Step("independent units", found.n, how),
        Step("design effect", effect, f"1 + ({m:,} - 1) x {one.icc:g}"),
        Step("units", units, "the product"),
        Step(
            f"evaluable subjects with {m:,} units each", whole_up(units / m), f"divided by {m:,}, rounded up"
        ),
    )


def _goal_words(
    one: Wanted, endpoint: Endpoint, found: SampleSize, *, statistic: Statistic, goal: float, ci: str
) -> str:
    details = found.details
    counted = "evaluable subjects" if one.units_per_subject == 1 else "independent units"
    power, expected = number(float(found.power or 0.0)), number(float(one.expected or 0.0))
    return (
        f"To show that {_lower(statistic)} is above {number(goal)} when it is {expected}: the lower bound of "
        f"the {describe.interval(endpoint.interval)} ({METHODS[ci].title}) has to lie above the goal. "
        f"{found.n:,} {counted} have a power of {power} ({one.power:g} wanted); {int(details['critical']):,} "
        "of them have to count as successes. Were the truth the goal itself, that would happen with "
        f"probability {number(float(details['actual_alpha']))}."
    )


def _open_words(one: Wanted, endpoint: Endpoint, criterion: Criterion) -> str:
    """Why there is no number, and which it would be with the protocol's suggestion."""
    reason = "the limit is still to be set by the study (`limit: required`)"
    if not isinstance(criterion.suggestion, float | int):
        return reason
    tried = criterion.model_copy(update={"limit": float(criterion.suggestion), "suggestion": None})
    try:
        answer = performance_goal(one, endpoint.model_copy(update={"criterion": tried, "criteria": None}))
    except ValueError as error:
        return f"{reason}; with the suggestion {criterion.suggestion:g}: {error}"
    return (
        f"{reason}; with the suggestion {criterion.suggestion:g} it would be {answer.evaluable:,} evaluable "
        "subjects"
    )


def _lower(statistic: Statistic) -> str:
    title = statistic.title
    return title if title[1:2].isupper() else title[0].lower() + title[1:]
