"""One calculation of a protocol's `sample_size` as plain data: needed, enrolled step by step, planned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..evaluators.checks import ParameterError
from ..evaluators.intervals import METHODS
from ..evaluators.metric import CannotComputeError
from ..evaluators.result import number
from ..evaluators.sample_size.design import inflate_sample_size
from ..evaluators.sample_size.results import PowerCurve, SampleSize, Step
from ..protocols import describe
from ..protocols.model import Protocol
from ..protocols.validity import SampleSize as Wanted
from .size_methods import METHODS_OF_SIZE, Answer

REACH = 25
"""Numbers on both sides of those that matter, for which the power curve is kept."""
_FAR = 500
"""From here on, what lies between the first and the stable number is not kept."""
_STEP_NAMES = {"total for these": "subjects, so that enough of them count"}
_COMPUTED = (
    "statistic", "statistic_title", "goal", "interval", "n", "stable_n", "counted", "power", "half_width",
    "critical", "stable_critical", "actual_alpha", "lowest", "evaluable", "evaluable_stable", "enrol",
    "enrol_stable", "chance_of_enough", "words",
)  # fmt: skip


def calculate(protocol: Protocol, name: str) -> dict[str, Any]:
    """One entry of `sample_size`, computed.

    Args:
        protocol: Resolved protocol.
        name: Its key in `sample_size`.

    Returns:
        `id, endpoint, title, role, method, expectations, rationale, planned, error`, and what was found:
        `statistic, statistic_title, goal, interval` (`method, title, level, sides`), `n` (units needed, of
        one subject each or independent ones), `stable_n` (from there on power never falls below what is
        wanted), `counted` (what both count), `power, half_width, critical, stable_critical, actual_alpha`,
        `lowest` (`n` and `power` of the deepest dip between both), `evaluable` and `evaluable_stable`
        (subjects), `steps` (`name, value, how`), `enrol` and `enrol_stable`, `chance_of_enough`, `curve`
        (`n, power, critical, actual_alpha` around both numbers), `words, notes, sources`. Where nothing can
        be computed `error` says why and these are null or empty.
    """
    one = protocol.sample_size[name]
    endpoint = protocol.endpoints[one.endpoint]
    facts: dict[str, Any] = {
        "id": name,
        "endpoint": one.endpoint,
        "title": endpoint.title,
        "role": endpoint.role,
        "method": one.method,
        "expectations": one.model_dump(mode="json", exclude={"endpoint", "method", "planned", "rationale"}),
        "rationale": one.rationale,
    }
    try:
        found = _found(protocol, one, METHODS_OF_SIZE[one.method](one, endpoint))
    except (CannotComputeError, ParameterError) as error:
        planned = None if one.planned is None else _planned(one.planned, None)
        nothing: dict[str, Any] = {"steps": [], "curve": [], "notes": [], "sources": [], "planned": planned}
        return {**facts, **dict.fromkeys(_COMPUTED), **nothing, "error": str(error)}
    return {**facts, **found, "error": None}


def _found(protocol: Protocol, one: Wanted, answer: Answer) -> dict[str, Any]:
    found, spec = answer.found, protocol.endpoints[one.endpoint].interval
    enrolled, stable = (_enrolled(one, subjects) for subjects in (answer.evaluable, answer.stable))
    goal, details = answer.goal is not None, found.details
    interval = {
        "method": answer.interval,
        "title": METHODS[answer.interval].title if answer.interval in METHODS else answer.interval,
        "level": answer.level,
        "sides": spec.sides if goal else "two",
    }
    return {
        "statistic": answer.statistic.name,
        "statistic_title": answer.statistic.title,
        "goal": answer.goal,
        "interval": interval,
        "n": found.n,
        "stable_n": int(details["stable_n"]) if goal else found.n,
        "counted": "units" if goal and one.units_per_subject > 1 else "subjects",
        "power": found.power,
        "half_width": found.half_width,
        "critical": int(details["critical"]) if goal else None,
        "stable_critical": int(details["stable_critical"]) if goal else None,
        "actual_alpha": float(details["actual_alpha"]) if goal else None,
        "lowest": _lowest(found),
        "evaluable": answer.evaluable,
        "evaluable_stable": answer.stable,
        "steps": _steps((*answer.steps, *enrolled.steps[1:])),
        "enrol": enrolled.n,
        "enrol_stable": stable.n,
        "chance_of_enough": enrolled.details.get("chance_of_enough"),
        "curve": _curve(found),
        "planned": None
        if one.planned is None
        else _at(one, answer, one.planned, enrolled.n, stable=stable.n),
        "words": answer.words,
        "notes": list(dict.fromkeys((*answer.notes, *_notes(protocol, one)))),
        "sources": [citation.text for citation in found.citations],
    }


def _enrolled(one: Wanted, evaluable: int) -> SampleSize:
    """Evaluable subjects, with those added who do not count, have no result, or are lost."""
    return inflate_sample_size(
        evaluable,
        prevalence=None if one.prevalence == 1 else one.prevalence,
        inconclusive=one.inconclusive,
        drop_out=one.dropout,
    )


def _steps(steps: Sequence[Step]) -> list[dict[str, Any]]:
    return [
        {"name": _STEP_NAMES.get(step.name, step.name), "value": float(step.value), "how": step.how}
        for step in steps
    ]


def _lowest(found: SampleSize) -> dict[str, Any] | None:
    """The deepest dip of power from the first number on; None where there is none."""
    curve = found.curve
    if curve is None or found.details["stable_n"] == found.details["first_n"]:
        return None
    at = _index(curve, found.details["first_n"])
    part = curve.power[at : _index(curve, found.details["stable_n"])]
    at += int(np.argmin(part))
    return {"n": int(curve.n[at]), "power": float(curve.power[at])}


def _index(curve: PowerCurve, n: float) -> int:
    return int(n) - int(curve.n[0])


def _curve(found: SampleSize) -> list[dict[str, Any]]:
    """The saw-tooth around the first and the stable number, and between them unless they lie far apart."""
    curve = found.curve
    if curve is None:
        return []
    first, stable = int(found.details["first_n"]), int(found.details["stable_n"])
    kept = (curve.n >= first - REACH) & (curve.n <= stable + REACH)
    if stable - first > _FAR:
        kept &= (np.abs(curve.n - first) <= REACH) | (np.abs(curve.n - stable) <= REACH)
    return [
        {
            "n": int(curve.n[at]),
            "power": float(curve.power[at]),
            "critical": int(curve.critical[at]),
            "actual_alpha": float(curve.actual_alpha[at]),
        }
        for at in np.flatnonzero(kept)
    ]


def _planned(planned: int, evaluable: int | None) -> dict[str, Any]:
    unknown = dict.fromkeys(("power", "half_width", "enough", "short_by", "words"))
    return {"n": planned, "evaluable": evaluable, **unknown}


def _at(one: Wanted, answer: Answer, planned: int, enrol: int, *, stable: int) -> dict[str, Any]:
    """What the planned number is good for, so many of them being evaluable on average."""
    kept = planned * one.prevalence * (1 - one.inconclusive) * (1 - one.dropout)
    evaluable = int(kept * (1 + 1e-9))
    facts = {**_planned(planned, evaluable), "enough": False, "short_by": max(0, enrol - planned)}
    here = f"{planned:,} subjects, {evaluable:,} of them evaluable on average"
    too_few = f"too few by {enrol - planned:,}"
    try:
        value = answer.reached(evaluable)
    except (CannotComputeError, ParameterError):
        return {**facts, "words": f"{here}: {too_few}; with so few there is no interval"}
    if answer.goal is not None:
        facts["power"], good, what = value, value >= one.power, "power"
    else:
        facts["half_width"], good, what = value, value <= float(one.half_width or 0.0), "half-width"
    here += f": {what} {number(value)}"
    if planned < enrol:
        return {**facts, "words": f"{here}; {too_few}"}
    if good:
        return {**facts, "enough": True, "words": f"{here}; enough"}
    dip = f"in a dip of the saw-tooth below {one.power:g}, which ends for good at {stable:,}"
    return {**facts, "short_by": max(0, stable - planned), "words": f"{here}; {dip}"}


def _notes(protocol: Protocol, one: Wanted) -> list[str]:
    """What the numbers rest on that the reader may not see."""
    endpoint = protocol.endpoints[one.endpoint]
    notes = []
    view = protocol.indeterminate.primary_view if protocol.indeterminate else "classifiable_only"
    if one.inconclusive > 0 and view != "classifiable_only":
        notes.append(
            f"In the view that decides, {describe.VIEWS[view]}: they are not lost, and `expected` has to "
            "count them already."
        )
    if one.prevalence < 1:
        notes.append("Divided by the prevalence, enough subjects are there on average only.")
    for name, family in protocol.families.items():
        if one.method == "performance_goal" and one.endpoint in family.endpoints:
            tail = (1 - endpoint.interval.level) / (2 if endpoint.interval.sides == "two" else 1)
            if family.procedure != "co_primary" or abs(family.alpha - tail) > 1e-9:
                notes.append(
                    f"Family `{name}` ({family.procedure}, one-sided alpha {family.alpha:g}) may test this "
                    f"goal at another level than the interval's, {number(tail)}, for which this is the power."
                )
    return notes
