"""The flow of participants: enrolled, eligible, reference available, test available, analysed.

By subject and by unit, with every loss under its code, as STARD 2015 asks for (item 19; Bossuyt et al.,
BMJ 2015;351:h5527). Unlike `accounting`, which follows the order of pairing, it follows the order in which a
study loses people.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..protocols.context import EVENTS, UNIT_METHODS, pair_scope
from ..protocols.metrics import COVERAGE
from ..protocols.model import Endpoint, Exclusion, Protocol
from . import conditions, keys
from .accounting import NO_ROWS, NOT_IN_ENDPOINT, NOT_IN_POPULATION, View, no_rows
from .pairs import (
    INDETERMINATE,
    LOW_COVERAGE_REFERENCE,
    LOW_COVERAGE_TEST,
    MISSING_VALUE,
    NO_OVERLAP,
    NO_REFERENCE,
    NO_TEST,
    NOT_NEAREST,
    ORPHAN_SUBJECT,
    OUTSIDE_TOLERANCE,
    PARTIAL_UNIT,
    REFERENCE,
    STRUCTURAL,
    TEST,
    UNIT_CODES,
    UNLISTED,
    Pairs,
    all_codes,
)
from .typed import DTYPES

Mask = NDArray[np.bool_]
STAGES: dict[str, str] = {
    "enrolled": "Enrolled",
    "eligible": "Eligible",
    "reference": "Reference available",
    "test": "Test available",
    "analysed": "Analysed",
}
"""Stages in order, with their words."""
_OF_CODE = {
    ORPHAN_SUBJECT: "eligible",
    UNLISTED: "eligible",
    NO_REFERENCE: "reference",
    NO_TEST: "test",
    OUTSIDE_TOLERANCE: "test",
    NOT_NEAREST: "test",
    NO_OVERLAP: "test",
    PARTIAL_UNIT: "eligible",
}
_TOO_LITTLE = {LOW_COVERAGE_REFERENCE: "reference", LOW_COVERAGE_TEST: "test"}
_OF_STAGE = {"eligibility": "eligible", "reference": "reference", "test": "test", "analysis": "analysed"}


@dataclass(frozen=True)
class Loss:
    """What one code takes at one stage; a subject is lost with the last of its units."""

    code: str
    title: str
    n_subjects: int
    n_units: int


def stage_of(protocol: Protocol, code: str) -> str:
    """The stage at which a declared exclusion code takes effect."""
    one: Exclusion = protocol.exclusions[code]
    if one.stage is not None:
        return _OF_STAGE[one.stage]
    if one.table == "subjects":
        return "eligible"
    sides = {pairing.reference: "reference" for pairing in protocol.pairings.values()}
    sides |= {pairing.test: "test" for pairing in protocol.pairings.values()}
    return sides.get(one.table or "", "analysed")


def flow(pairs: Pairs, protocol: Protocol, endpoint: Endpoint, *, view: View) -> list[dict[str, Any]]:
    """Each stage with the subjects and units that reach it, and what was lost on the way to it.

    A unit is a row of either table, paired or not; with pairing in time, a row (or a unit of time) of the
    reference: a device that reports more often than the reference loses no unit by it. For coverage, a unit
    without an output is analysed, and no loss.

    Args:
        pairs: The pairs of the endpoint's pairing and one version.
        protocol: Their protocol.
        endpoint: The endpoint whose analysis is followed.
        view: How outputs that are no result enter it.

    Returns:
        Entries with `stage`, `title`, `n_subjects`, `n_units`, `losses` (code, title, n_subjects, n_units).
        The sums add up: what reaches a stage is what reached the one before less its losses.
    """
    by_time = protocol.pairings[pairs.pairing].method != "key"
    unit = pl.col("reference_row").is_not_null() if by_time else pl.lit(value=True)
    frame = pairs.scan().filter(unit).select(_needed(protocol, endpoint)).collect()
    starts = keys.run_starts(frame["subject"])
    absent = len(pairs.without_rows)
    left = np.ones(frame.height, dtype=bool)
    alive = _subjects(left, starts)
    stages = [_stage("enrolled", alive + absent, frame.height, [])]
    steps = list(_steps(pairs, protocol, endpoint, frame, view))
    for stage in list(STAGES)[1:]:
        losses = []
        if stage == "reference" and absent:
            losses.append(Loss(NO_ROWS, no_rows(units=pairs.regrid is not None), absent, 0))
        for code, title, removes in (step[1:] for step in steps if step[0] == stage):
            gone = left & removes
            left &= ~removes
            still = _subjects(left, starts)
            if gone.any():
                losses.append(Loss(code, title, alive - still, int(gone.sum())))
            alive = still
        waiting = absent if stage == "eligible" else 0
        stages.append(_stage(stage, alive + waiting, int(left.sum()), losses))
    return stages


def _needed(protocol: Protocol, endpoint: Endpoint) -> list[str]:
    """Columns of the pairs that the steps of an endpoint ask for."""
    population = protocol.populations[str(endpoint.population)]
    asked = [*(population.where or ()), *(endpoint.where or ())]
    values = [f"{REFERENCE}{endpoint.reference}", f"{TEST}{endpoint.test}"]
    return list(dict.fromkeys(["subject", "reasons", "reference_row", *values, *asked]))


def possible_losses(protocol: Protocol, endpoint: Endpoint, *, view: View) -> list[tuple[str, str, str]]:
    """(stage, code, title) of every loss that the flow of an endpoint can show, before there are data.

    Args:
        protocol: Resolved protocol.
        endpoint: One of its endpoints.
        view: How outputs that are no result enter it.
    """
    rule = protocol.pairings[str(endpoint.pairing)]
    scope = pair_scope(protocol, rule)
    columns: dict[str, pl.DataType] = {name: DTYPES[column.type] for name, column in scope.items()}
    columns |= {"reasons": pl.UInt64(), "reference_row": pl.Int64()}
    codes = all_codes(protocol.exclusions)
    nothing = Pairs(str(endpoint.pairing), "", pl.DataFrame(schema=columns), codes, 0, 0)
    impossible = set() if rule.method == "nearest" else {OUTSIDE_TOLERANCE, NOT_NEAREST}
    impossible |= set() if rule.method in UNIT_METHODS else set(UNIT_CODES)
    impossible |= {NO_REFERENCE, NO_TEST} if rule.method == EVENTS else set()
    impossible |= set() if protocol.unknown_exclusions == "deviation" else {UNLISTED}
    found = [step[:3] for step in _steps(nothing, protocol, endpoint, nothing.frame, view)]
    if "subjects" in protocol.tables:
        found.append(("reference", NO_ROWS, no_rows(units=rule.method in UNIT_METHODS)))
    else:
        impossible.add(ORPHAN_SUBJECT)
    return [step for step in found if step[1] not in impossible]


def _stage(stage: str, n_subjects: int, n_units: int, losses: list[Loss]) -> dict[str, Any]:
    return {
        "stage": stage,
        "title": STAGES[stage],
        "n_subjects": n_subjects,
        "n_units": n_units,
        "losses": [asdict(loss) for loss in losses],
    }


def _steps(
    pairs: Pairs, protocol: Protocol, endpoint: Endpoint, frame: pl.DataFrame, view: View
) -> Iterable[tuple[str, str, str, Mask]]:
    """(stage, code, title, rows removed) in order."""
    population = protocol.populations[str(endpoint.population)]
    excluding = protocol.exclusions if population.exclude is None else population.exclude
    reasons = frame["reasons"].to_numpy()

    def carrying(code: str) -> Mask:
        return np.asarray((reasons & np.uint64(1 << pairs.codes.index(code))) != 0)

    silent_is_none = endpoint.metric == COVERAGE
    for code, stage in _OF_CODE.items():
        if not (silent_is_none and stage == "test"):
            yield stage, code, STRUCTURAL[code], carrying(code)
    for code in excluding:
        yield stage_of(protocol, code), code, protocol.exclusions[code].title, carrying(code)
    for code, stage in _TOO_LITTLE.items():
        if not (silent_is_none and stage == "test"):
            yield stage, code, STRUCTURAL[code], carrying(code)
    rule = protocol.pairings[pairs.pairing]
    for stage, prefix, table, name in (
        ("reference", REFERENCE, rule.reference, endpoint.reference),
        ("test", TEST, rule.test, endpoint.test),
    ):
        if silent_is_none and stage == "test":
            continue
        values = frame[f"{prefix}{name}"]
        yield stage, MISSING_VALUE, f"No value of the {stage}", values.is_null().to_numpy()
        none = protocol.tables[table].columns[str(name)].indeterminate
        if none:
            inside = values.is_in(list(none)).fill_null(value=False).to_numpy()
            if stage == "reference":
                yield stage, INDETERMINATE, "The reference is no result", inside
            elif view == "classifiable_only":
                yield "analysed", INDETERMINATE, STRUCTURAL[INDETERMINATE], inside
    for code, title, where in (
        (NOT_IN_POPULATION, f"Not in the population: {population.title}", population.where),
        (NOT_IN_ENDPOINT, "Not in the endpoint's rows", endpoint.where),
    ):
        if where:
            held = frame.select(held=pl.lit(value=True) & conditions.expression(where))["held"].to_numpy()
            yield "analysed", code, title, np.broadcast_to(~held, (frame.height,))


def _subjects(rows: Mask, starts: keys.IntArray) -> int:
    return int(np.logical_or.reduceat(rows, starts).sum()) if len(starts) else 0
