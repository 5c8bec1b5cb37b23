"""Units without an output or without a reference: how many, and when the decision would turn.

The analysis that decides treats them as the protocol says. Beside it, every deciding endpoint is estimated
with them left out, as errors, as correct, and the tipping point is looked for: how many of them would have to
be errors (for a measurement: how far off they would have to be) to change the decision
(Yan et al. 2009, J Biopharm Stat 19:1085; US FDA statistical guidance on diagnostic tests 2007).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import polars as pl

from ..datasets import flow
from ..datasets.pairs import (
    INDETERMINATE,
    LOW_COVERAGE_REFERENCE,
    LOW_COVERAGE_TEST,
    MISSING_VALUE,
    NO_REFERENCE,
    NO_TEST,
    STRUCTURAL,
    PairFrame,
)
from ..evaluators import registry
from ..evaluators.metric import Counts
from ..protocols.context import UNIT_METHODS
from ..protocols.model import DECIDING, Endpoint, Protocol
from ..protocols.validity import Handling
from . import slices
from .decide import outcome
from .evaluation import Answerer
from .imputation import imputed_rows
from .judge import room
from .questions import Batch, Material, Question, material_of
from .rows import Row
from .splits import WHOLE

NO_WORST = "a measurement has no worst value; the tipping point says how far off the missing would have to be"
MOST_POINTS = 101
"""Most points of a tipping curve; the turn itself is found exactly."""
_SHIFTS = 41
_WIDEST = 10.0
"""Shifts are looked at up to this many standard deviations of the differences, both ways."""
_MISSING = "_missing"


def sensitivity_rows(
    answer: Answerer, pairs: Mapping[tuple[str, str], PairFrame], versions: Sequence[str]
) -> list[Row]:
    """Rows of the deciding endpoints with missing units treated in each other declared way.

    Their `view` names the way: `complete_case`, `worst_case`, `best_case` or `multiple_imputation`.
    """
    return [
        row
        for name, endpoint in _deciding(answer.protocol)
        for version in versions
        for number, view in enumerate(slices.missing_views(answer.protocol, endpoint))
        for row in _rows(answer, Question(number, name, endpoint, version, view, WHOLE), pairs)
    ]


def _deciding(protocol: Protocol) -> Iterator[tuple[str, Endpoint]]:
    for name, endpoint in protocol.endpoints.items():
        if endpoint.role in DECIDING and endpoint.metric != slices.COVERAGE:
            yield name, endpoint


def _rows(answer: Answerer, question: Question, pairs: Mapping[tuple[str, str], PairFrame]) -> list[Row]:
    """The rows of one endpoint in one way to treat what is missing."""
    endpoint = question.endpoint
    handling = slices.handling_of(question.view)
    how = slices.coding(answer.protocol, endpoint, handling)
    frame = pairs[str(endpoint.pairing), question.version]
    if how.completes and how.kind not in {"binary", "categorical"}:
        return answer.failed(question, Counts(0, 0), NO_WORST)
    if handling == "multiple_imputation":
        return imputed_rows(answer, question, frame)
    material = material_of(answer.protocol, {question.endpoint_id: endpoint}, frame, handling)
    view = slices.view_of(answer.protocol, question.view)
    return answer(Batch(how, view, WHOLE, (question,)), material)[0][1]


def describe(
    answer: Answerer, pairs: Mapping[tuple[str, str], PairFrame], version: str
) -> list[dict[str, Any]]:
    """What is missing for each deciding endpoint, and where its decision would turn.

    Returns:
        One entry a deciding endpoint: `endpoint`, `version`, `units` (those with at least one of the two
        values, or with neither), `without_output`, `without_reference`, `without_both`,
        `subjects_concerned`, `reference_unavailable` and `output_unavailable` (see `unavailable`; those that
        the protocol excludes for it are among them), and `tipping_point` (null where the protocol does not
        ask for it).
    """
    policy = answer.protocol.missing
    entries = []
    for name, endpoint in _deciding(answer.protocol):
        frame = pairs[str(endpoint.pairing), version]
        found = answer.kept.fact(
            f"missing from {name}", version, partial(_lacking, answer.protocol, endpoint, frame)
        )
        entry: dict[str, Any] = {"endpoint": name, "version": version, **found}
        wanted = policy is not None and "tipping_point" in policy.sensitivity
        entry["tipping_point"] = _tipping(answer, name, endpoint, version, frame) if wanted else None
        entries.append(entry)
    return entries


def _lacking(protocol: Protocol, endpoint: Endpoint, frame: PairFrame) -> dict[str, Any]:
    """What an endpoint's units lack, whatever is made of it."""
    return {
        **counts(protocol, endpoint, frame),
        "reference_unavailable": unavailable(protocol, endpoint, frame, "reference"),
        "output_unavailable": unavailable(protocol, endpoint, frame, "test"),
    }


def counts(protocol: Protocol, endpoint: Endpoint, frame: PairFrame) -> dict[str, int]:
    """Units of an endpoint's population that lack a value."""
    how = slices.coding(protocol, endpoint)
    inside = slices.in_population(protocol, endpoint, lacking=True)
    units = frame.lazy().filter(inside).select("subject", how.reference, how.test).collect()
    reference, test = pl.col(how.reference).is_null(), pl.col(how.test).is_null()
    return {
        "units": units.height,
        "without_output": units.filter(test & ~reference).height,
        "without_reference": units.filter(reference & ~test).height,
        "without_both": units.filter(reference & test).height,
        "subjects_concerned": units.filter(reference | test)["subject"].n_unique(),
    }


def unavailable(
    protocol: Protocol, endpoint: Endpoint, frame: PairFrame, side: Literal["reference", "test"]
) -> dict[str, Any]:
    """How many units of an endpoint have no reference, or no output, and why, exclusions for it included.

    A unit that the protocol excludes because its reference could not be had is missing all the same: it was
    eligible, and nobody knows whether the device was right there. A unit is counted under the first cause
    that applies. Outputs that are no result are not missing; the views deal with them.

    Returns:
        `units` and `subjects` without it, `of_units` and `of_subjects` of the population, `causes` (`code`,
        `title`, `units`, `subjects`), and `words`.
    """
    how, name = slices.coding(protocol, endpoint), {"reference": "reference", "test": "output"}[side]
    population = protocol.populations[str(endpoint.population)]
    excluding = protocol.exclusions if population.exclude is None else population.exclude
    both = [code for code in excluding if flow.stage_of(protocol, code) in {"reference", "test"}]
    column = how.reference if side == "reference" else how.test
    inside = slices.in_population(protocol, endpoint, lacking=True, despite=both)
    units = frame.lazy().filter(inside).select("subject", "reasons", f"{side}_row", column).collect()
    causes: list[tuple[str, str, pl.Expr]] = [
        (code, protocol.exclusions[code].title, slices.carries(protocol, code))
        for code in both
        if flow.stage_of(protocol, code) == side
    ]
    alone = NO_REFERENCE if side == "reference" else NO_TEST
    little = LOW_COVERAGE_REFERENCE if side == "reference" else LOW_COVERAGE_TEST
    if protocol.pairings[str(endpoint.pairing)].method in UNIT_METHODS:
        causes.append((little, STRUCTURAL[little], slices.carries(protocol, little)))
    causes += [
        (alone, f"No row of the {name}", pl.col(f"{side}_row").is_null()),
        (MISSING_VALUE, f"No value of the {name}", pl.col(column).is_null()),
    ]
    if side == "reference" and how.reference_indeterminate:
        none = slices.among(column, how.reference_indeterminate)
        causes.append((INDETERMINATE, "The reference is no result", none))
    found, left, lost = [], units, units.clear()
    for code, title, holds in causes:
        mine = left.filter(holds)
        left, lost = left.filter(~holds), pl.concat([lost, mine])
        if mine.height:
            n = {"units": mine.height, "subjects": mine["subject"].n_unique()}
            found.append({"code": code, "title": title, **n})
    entry = {
        "units": lost.height,
        "subjects": lost["subject"].n_unique(),
        "of_units": units.height,
        "of_subjects": units["subject"].n_unique(),
        "causes": found,
    }
    return {**entry, "words": _unavailable_words(entry, name)}


def _unavailable_words(entry: Mapping[str, Any], name: str) -> str:
    if not entry["units"]:
        return f"Every unit has {'a reference' if name == 'reference' else 'an output'}."
    why = "; ".join(f"{one['units']:,}: {one['title']} (`{one['code']}`)" for one in entry["causes"])
    return (
        f"{entry['units']:,} of {entry['of_units']:,} units, of {entry['subjects']:,} of "
        f"{entry['of_subjects']:,} subjects, have no {name}. {why}."
    )


def _tipping(
    answer: Answerer, name: str, endpoint: Endpoint, version: str, frame: PairFrame
) -> dict[str, Any]:
    """The tipping point of one endpoint, or why there is none; it names the excluded that are not in it."""
    entry = _tipping_point(answer, name, endpoint, version, frame)
    excluded = [
        one
        for side in ("reference", "test")
        for one in unavailable(answer.protocol, endpoint, frame, side)["causes"]
        if one["code"] in answer.protocol.exclusions
    ]
    if excluded:
        told = ", ".join(f"{one['units']:,} as `{one['code']}`" for one in excluded)
        entry["words"] += f" Units that the protocol excludes are not among them: {told}."
    return entry


def _tipping_point(
    answer: Answerer, name: str, endpoint: Endpoint, version: str, frame: PairFrame
) -> dict[str, Any]:
    how = slices.coding(answer.protocol, endpoint)
    found = counts(answer.protocol, endpoint, frame)
    question = Question(0, name, endpoint, version, slices.PRIMARY, WHOLE)
    if found["without_output"] + found["without_reference"] == 0:
        return {"kind": None, "words": "No unit lacks an output or a reference.", "points": [], "turns": []}
    if endpoint.disparity is not None or any(part.applies_to != "whole" for part in endpoint.judged):
        words = "The decision rests on parts of the data; no single tipping point exists."
        return {"kind": None, "words": words, "points": [], "turns": []}
    if how.kind in {"binary", "categorical"}:
        return _count_curve(answer, question, frame)
    if how.kind == "measurement" and registry.get(endpoint.metric).one_unit:
        return _shift_curve(answer, question, frame)
    return {"kind": None, "words": "Not defined for scores and rates.", "points": [], "turns": []}


def _count_curve(answer: Answerer, question: Question, frame: PairFrame) -> dict[str, Any]:
    """How many of the missing units would have to be errors, the others being correct.

    Those whose error moves the judged number most come first, so that no other choice of as many is sooner to
    change the decision where subjects have one unit each: for a sensitivity, a case without an output before
    an output without a reference, and those that cannot touch it last.
    """
    best, worst, missing, material = _both_ends(answer, question, frame)
    total = int(missing.sum())

    def with_errors(places: np.ndarray[Any, np.dtype[np.int64]]) -> list[Row]:
        chosen = np.zeros(len(missing), dtype=bool)
        chosen[places] = True
        picked = pl.Series(chosen)
        rows = best.with_columns(
            pl.when(picked).then(worst[side]).otherwise(best[side]).alias(side)
            for side in ("reference", "test")
        )
        return answer.on(question, rows, material)

    kinds = _kinds(best, worst, missing)
    start = _room(question, with_errors(order_of([])))
    harm = [start - _room(question, with_errors(places[:1])) for places in kinds]
    ranked = sorted(range(len(kinds)), key=lambda kind: -harm[kind])
    order = order_of([kinds[kind][spread(len(kinds[kind]))] for kind in ranked])

    def at(errors: float) -> list[Row]:
        return with_errors(order[: int(errors)])

    step = max(1, -(-total // (MOST_POINTS - 1)))
    grid = tuple(float(k) for k in sorted({*range(0, total + 1, step), total}))
    points = [_point(question, at, k) for k in grid]
    turns = [
        {
            "from": before["decision"],
            "to": after["decision"],
            "at": _first_change(question, at, before, after),
        }
        for before, after in pairwise(points)
        if before["decision"] != after["decision"]
    ]
    return {
        "kind": "errors",
        "total": total,
        "points": points,
        "turns": turns,
        "words": _count_words(points, turns, total),
    }


def order_of(places: Sequence[np.ndarray[Any, np.dtype[np.int64]]]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Places of rows one after another, none of them included."""
    return np.concatenate([np.zeros(0, dtype=np.int64), *places])


def _kinds(
    best: pl.DataFrame, worst: pl.DataFrame, missing: np.ndarray[Any, np.dtype[np.bool_]]
) -> list[np.ndarray[Any, np.dtype[np.int64]]]:
    """Places of the missing units by what they are at their best and at their worst."""
    where = np.flatnonzero(missing)
    values = [frame[side].to_numpy()[where] for frame in (best, worst) for side in ("reference", "test")]
    found: dict[tuple[Any, ...], list[int]] = {}
    for place, *kind in zip(where.tolist(), *values, strict=True):
        found.setdefault(tuple(kind), []).append(place)
    return [np.array(places, dtype=np.int64) for _, places in sorted(found.items())]


def _room(question: Question, rows: Sequence[Row]) -> float:
    """How far the judged number lies inside its limit; 0 where that is not known."""
    parts = {part.statistic: part for part in question.endpoint.judged}
    found = [room(parts[row["statistic"]], row) for row in rows if row["criterion"] is not None]
    return min((one for one in found if np.isfinite(one)), default=0.0)


def spread(total: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """An order of 0 .. total - 1 whose every beginning is spread evenly over the whole (van der Corput).

    Which units are taken for errors matters where subjects have several; taken in this order, they are never
    one subject's only, and the larger set holds the smaller.

    Example:
        >>> spread(5).tolist()
        [0, 4, 2, 1, 3]
    """
    bits = max(1, (max(total, 1) - 1).bit_length())
    places = np.arange(1 << bits)
    reversed_ = np.zeros_like(places)
    for bit in range(bits):
        reversed_ |= ((places >> bit) & 1) << (bits - 1 - bit)
    return reversed_[reversed_ < total].astype(np.int64)


def _both_ends(
    answer: Answerer, question: Question, frame: PairFrame
) -> tuple[pl.DataFrame, pl.DataFrame, np.ndarray[Any, np.dtype[np.bool_]], Material]:
    """Coded rows with the missing units at their best and at their worst, and which rows those are."""
    endpoint, protocol = question.endpoint, answer.protocol
    view = slices.view_of(protocol, slices.PRIMARY)
    ends = []
    material = material_of(protocol, {question.endpoint_id: endpoint}, frame, "best_case")
    handlings: tuple[Handling, Handling] = ("best_case", "worst_case")
    for handling in handlings:
        how = slices.coding(protocol, endpoint, handling)
        rows = material.rows.with_columns(slices.lacks_one(how).alias(_MISSING))
        ends.append(slices.coded(how, rows, view))
    return ends[0], ends[1], ends[0][_MISSING].to_numpy(), material


def _shift_curve(answer: Answerer, question: Question, frame: PairFrame) -> dict[str, Any]:
    """How far the differences of the missing units would have to lie from those observed.

    They get the mean and the spread of the observed differences, and are then moved all alike (delta
    adjustment; Carpenter & Kenward 2013, Multiple Imputation and its Application). All of them at one value
    would make limits of agreement narrower the more units are missing.
    """
    endpoint, protocol = question.endpoint, answer.protocol
    how = slices.coding(protocol, endpoint)
    material = material_of(protocol, {question.endpoint_id: endpoint}, frame, "best_case")
    both = material.rows.filter(slices.whole(how))
    difference = (both[how.test] - both[how.reference]).cast(pl.Float64).to_numpy()
    if len(difference) < 2 or not np.std(difference, ddof=1) > 0:
        words = "The observed differences have no spread to measure a shift by."
        return {"kind": None, "words": words, "points": [], "turns": []}
    mean, sd = float(np.mean(difference)), float(np.std(difference, ddof=1))
    missing = material.rows.select(slices.lacks_one(how)).to_series()
    own = np.zeros(len(missing))
    own[missing.to_numpy()] = like(difference - mean, int(missing.sum()))

    def at(shift: float) -> list[Row]:
        moved = pl.lit(pl.Series(mean + shift * sd + own))
        reference, test = pl.col(how.reference).cast(pl.Float64), pl.col(how.test).cast(pl.Float64)
        coded = material.rows.with_columns(
            reference.fill_null(test - moved).alias("reference"),
            pl.when(pl.lit(missing))
            .then(reference.fill_null(test - moved) + moved)
            .otherwise(test)
            .alias("test"),
        )
        return answer.on(question, coded, material)

    grid = tuple(float(x) for x in np.linspace(-_WIDEST, _WIDEST, _SHIFTS))
    points = [_point(question, at, shift) for shift in grid]
    middle = len(points) // 2
    turns = []
    for side in (points[middle::-1], points[middle:]):
        for before, after in pairwise(side):
            if before["decision"] != after["decision"]:
                turns.append(
                    {
                        "from": before["decision"],
                        "to": after["decision"],
                        "at": _bisect(question, at, before, after),
                    }
                )
                break
    unit = {"mean": mean, "sd": sd, "total": int(missing.sum())}
    return {"kind": "shift", **unit, "points": points, "turns": turns, "words": _shift_words(points, turns)}


def like(deviations: np.ndarray[Any, np.dtype[np.float64]], n: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """N deviations from a mean, with mean 0 and the standard deviation of those observed.

    They are quantiles of the observed ones, in an order that spreads the large and the small over the units.
    The pooled standard deviation of observed and made ones is that of the observed; a single one is 0.

    Example:
        >>> made = like(np.array([-3.0, -1.0, 0.0, 1.0, 3.0]), 4)
        >>> bool(abs(made.mean()) < 1e-12), round(float(np.sqrt(np.mean(made**2))), 4)
        (True, 2.2361)
    """
    if n < 2:
        return np.zeros(n)
    made = np.quantile(deviations, (np.arange(n) + 0.5) / n)
    made -= made.mean()
    if not np.ptp(made) > 0:  # more than half of the observed are the same
        made = np.linspace(-1, 1, n)
    made *= float(np.std(deviations, ddof=1)) / float(np.sqrt(np.mean(made**2)))
    return np.asarray(made[spread(n)], dtype=np.float64)


def _point(question: Question, at: Callable[[float], list[Row]], position: float) -> dict[str, Any]:
    """The decision at one position, with the numbers of the statistic that is judged."""
    rows = at(position)
    judged = next((row for row in rows if row["criterion"] is not None), rows[0])
    return {
        "at": position,
        "estimate": judged["estimate"],
        "lower": judged["ci_lower"],
        "upper": judged["ci_upper"],
        "decision": outcome(question.endpoint, rows, question.version).decision,
    }


def _first_change(
    question: Question, at: Callable[[float], list[Row]], before: Mapping[str, Any], after: Mapping[str, Any]
) -> int:
    """The smallest number of errors, between two numbers, at which the decision is another one."""
    low, high = int(before["at"]), int(after["at"])
    while high - low > 1:
        middle = (low + high) // 2
        if _point(question, at, middle)["decision"] == before["decision"]:
            low = middle
        else:
            high = middle
    return high


def _bisect(
    question: Question, at: Callable[[float], list[Row]], before: Mapping[str, Any], after: Mapping[str, Any]
) -> float:
    """The shift between two shifts at which the decision changes, to a hundredth of a standard deviation."""
    low, high = float(before["at"]), float(after["at"])
    while abs(high - low) > 0.01:
        middle = (low + high) / 2
        if _point(question, at, middle)["decision"] == before["decision"]:
            low = middle
        else:
            high = middle
    return round(high, 2)


def _count_words(points: Sequence[Mapping[str, Any]], turns: Sequence[Mapping[str, Any]], total: int) -> str:
    if not turns:
        told = str(points[0]["decision"]).replace("_", " ")
        return f"The decision is `{told}` whether none or all of the {total:,} missing units are errors."
    first = turns[0]
    before, after = (str(first[key]).replace("_", " ") for key in ("from", "to"))
    return (
        f"The decision is `{before}` while fewer than {first['at']:,} of the {total:,} missing units are "
        f"errors and the others correct, and `{after}` from then on, those first that matter most."
    )


def _shift_words(points: Sequence[Mapping[str, Any]], turns: Sequence[Mapping[str, Any]]) -> str:
    here = str(points[len(points) // 2]["decision"]).replace("_", " ")
    if not turns:
        return (
            f"The decision is `{here}` wherever the differences of the missing units lie, up to {_WIDEST:g} "
            "standard deviations from the observed mean."
        )
    told = " or ".join(
        f"`{str(turn['to']).replace('_', ' ')}` at {turn['at']:+.2f} standard deviations" for turn in turns
    )
    return f"With the missing units like the observed, the decision is `{here}`; it turns to {told}."
