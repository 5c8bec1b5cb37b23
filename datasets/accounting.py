"""Accounting: where every subject, row and pair went, step by step, so that the sums add up.

The flow of a study's data from what was read to what was analysed, as a participant flow diagram shows it
(Bossuyt et al. 2015, STARD 2015, item 19, doi:10.1136/bmj.h5527).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..protocols.errors import ContractError, IntegrityError
from ..protocols.model import Column, Protocol, Where
from . import conditions, keys
from .pairs import (
    COVERAGE_CODES,
    INDETERMINATE,
    MISSING_VALUE,
    NO_OVERLAP,
    NO_REFERENCE,
    NO_TEST,
    NOT_NEAREST,
    OUTSIDE_TOLERANCE,
    REFERENCE,
    STRUCTURAL,
    TEST,
    VALUE_CODES,
    Pairs,
    precedence,
)

READ = "read"
NO_ROWS = "no_rows"
NOT_IN_POPULATION = "not_in_population"
NOT_IN_ENDPOINT = "not_in_endpoint"
NO_FURTHER = "missing_further"
ANALYSED = "analysed"

COUNTS = ("n_subjects", "n_reference_rows", "n_test_rows", "n_pairs")

View = Literal["classifiable_only", "as_positive", "as_negative"]
_Step = tuple[str, str, NDArray[np.bool_]]
_WHEN_ANY = tuple(code for code in STRUCTURAL if code != INDETERMINATE)
"""Steps that are shown only when they remove something; declared ones are shown always."""
_FILLED = (
    NO_TEST,
    NO_REFERENCE,
    OUTSIDE_TOLERANCE,
    NOT_NEAREST,
    NO_OVERLAP,
    MISSING_VALUE,
    *COVERAGE_CODES,
)
"""Steps that do not remove what an analysis fills in, or counts as not there."""


def accounting(
    pairs: Pairs,
    protocol: Protocol,
    population: str,
    *,
    reference: str | None = None,
    test: str | None = None,
    where: Where | None = None,
    view: View = "classifiable_only",
    completed: pl.Expr | None = None,
    further: pl.Expr | None = None,
) -> pl.DataFrame:
    """Count what each step of the flow removes, in order: first what was read, last what is analysed.

    A row is counted at the first step that removes it: pairing's own reasons, the exclusion codes of the
    population, its `where`, the endpoint's `where`, a missing value, an indeterminate result. A subject is
    counted at the step that removes the last of its rows. So each column adds up: read = removed + analysed.

    Args:
        pairs: The pairs of one pairing and version.
        protocol: Their protocol.
        population: Identifier of a population; one that is not declared is everybody, with every exclusion
            applied.
        reference: Value column of the reference table; with it rows without a value or a result are counted.
        test: Value column of the test table, likewise.
        where: Conditions of an endpoint.
        view: How test results that are no result enter: only `classifiable_only` removes them.
        completed: Rows that stay in although one of their values is missing: the analysis fills it in.
        further: Rows that have what the endpoint's metric needs besides: a condition, a covariate.

    Returns:
        Columns `step` (from 0), `code`, `title`, `n_subjects`, `n_reference_rows`, `n_test_rows`, `n_pairs`.
        Structural reasons and missing subjects appear when there are any, declared ones always.

    Raises:
        ContractError: A condition does not fit the pairs.
        IntegrityError: The counts do not add up; a defect of this program.
    """
    steps = _structural(pairs, protocol, population)
    chosen = protocol.populations.get(population)
    if chosen is not None and chosen.where:
        outside = ~_holds(chosen.where, pairs, f"populations.{population}.where")
        steps.append((NOT_IN_POPULATION, f"Not in the population: {chosen.title}", outside))
    if where:
        steps.append(
            (NOT_IN_ENDPOINT, "Not in the endpoint's rows", ~_holds(where, pairs, "endpoints.where"))
        )
    steps.extend(_values(pairs, protocol, reference, test, view))
    if completed is not None:
        kept = pairs.columns(completed.alias("completed"))["completed"].to_numpy()
        steps = [(c, title, gone & ~kept if c in _FILLED else gone) for c, title, gone in steps]
    if further is not None:
        lacking = ~pairs.columns(further.alias("further"))["further"].to_numpy()
        title = "Without a category or number that the endpoint needs besides the two values"
        steps.append((NO_FURTHER, title, np.broadcast_to(lacking, (pairs.height,))))
    return _flow(pairs, steps)


def no_rows(*, units: bool) -> str:
    """What is said of subjects to whom no row of the pairs belongs; they may have rows that made no unit."""
    return "Subject without any unit of time" if units else "Subject without any row"


def _structural(pairs: Pairs, protocol: Protocol, population: str) -> list[_Step]:
    """Steps of reason codes that rows carry."""
    chosen = protocol.populations.get(population)
    excluding = protocol.exclusions if chosen is None or chosen.exclude is None else chosen.exclude
    reasons = pairs.columns("reasons")["reasons"].to_numpy()
    present = int(np.bitwise_or.reduce(reasons)) if len(reasons) else 0
    if pairs.lone_test is not None:
        present |= pairs.bits(tuple(pairs.lone_test["reason"].unique().to_list()))
    steps: list[_Step] = []
    for code in precedence(pairs.codes):
        place = pairs.codes.index(code)
        if code in VALUE_CODES or (code not in STRUCTURAL and code not in excluding):
            continue
        if code in STRUCTURAL and not present >> place & 1:
            continue
        has = (reasons & np.uint64(1 << place)) != 0
        title = STRUCTURAL[code] if code in STRUCTURAL else protocol.exclusions[code].title
        steps.append((code, title, has))
    return steps


def _values(
    pairs: Pairs, protocol: Protocol, reference: str | None, test: str | None, view: View
) -> list[_Step]:
    """Steps that depend on the value columns of an endpoint."""
    pairing = protocol.pairings[pairs.pairing]
    missing = np.zeros(pairs.height, dtype=bool)
    indeterminate = missing.copy()
    known = False
    for table, prefix, name, counts in (
        (pairing.reference, REFERENCE, reference, True),
        (pairing.test, TEST, test, view == "classifiable_only"),
    ):
        if name is None:
            continue
        values = pairs.columns(prefix + name).to_series()
        spec: Column = protocol.tables[table].columns[name]
        missing |= values.is_null().to_numpy()
        if spec.indeterminate:
            known = True
            if counts:
                indeterminate |= values.is_in(list(spec.indeterminate)).fill_null(value=False).to_numpy()
    steps: list[_Step] = []
    if missing.any():
        steps.append((MISSING_VALUE, STRUCTURAL[MISSING_VALUE], missing))
    if known:
        steps.append((INDETERMINATE, STRUCTURAL[INDETERMINATE], indeterminate))
    return steps


def _holds(where: Where, pairs: Pairs, key: str) -> NDArray[np.bool_]:
    violations = conditions.check(where, pairs.scan().collect_schema(), key=key)
    if violations:
        raise ContractError(violations)
    held: NDArray[np.bool_] = (
        pairs.columns(pl.lit(value=True) & conditions.expression(where)).to_series().to_numpy()
    )
    return np.broadcast_to(held, (pairs.height,))


def _flow(pairs: Pairs, steps: Sequence[_Step]) -> pl.DataFrame:
    """Apply the steps one after the other and count what each removes."""
    frame = pairs.columns("subject", "reference_row", "test_row")
    sides = (
        frame["reference_row"].is_not_null().to_numpy(),
        frame["test_row"].is_not_null().to_numpy(),
    )
    kinds = (*sides, sides[0] & sides[1])
    starts = keys.run_starts(frame["subject"])
    lone = _Lone(pairs, frame["subject"].gather(starts).to_list(), [code for code, _, _ in steps])
    left = np.ones(frame.height, dtype=bool)
    alive = lone.subjects(_alive(left, starts), -1)
    absent = len(pairs.without_rows)
    counts = [int(kind.sum()) for kind in kinds]
    rows = [(READ, "Read", alive + absent, counts[0], counts[1] + pairs.n_lone_test, counts[2])]
    if absent:
        rows.append((NO_ROWS, no_rows(units=pairs.regrid is not None), absent, 0, 0, 0))
    for place, (code, title, removes) in enumerate(steps):
        gone = left & removes
        left &= ~removes
        still = lone.subjects(_alive(left, starts), place)
        further = lone.rows.get(code, 0)
        if code not in _WHEN_ANY or gone.any() or further:
            counts = [int((gone & kind).sum()) for kind in kinds]
            rows.append((code, title, alive - still, counts[0], counts[1] + further, counts[2]))
        alive = still
    counts = [int((left & kind).sum()) for kind in kinds]
    rows.append((ANALYSED, "Analysed", alive, counts[0], counts[1], counts[2]))
    schema = {"code": pl.String, "title": pl.String, **dict.fromkeys(COUNTS, pl.Int64)}
    table = pl.DataFrame(rows, schema=schema, orient="row").with_row_index("step").cast({"step": pl.Int64})
    check_sums(table)
    return table


class _Lone:
    """Test rows that are counted and not told: how many each step removes, and whom they keep in the flow."""

    def __init__(self, pairs: Pairs, subjects: Sequence[str], codes: Sequence[str]) -> None:
        self.rows: dict[str, int] = {}
        self._last = np.full(len(subjects), -1)
        self._others: list[int] = []
        if pairs.lone_test is None:
            return
        places = {subject: place for place, subject in enumerate(subjects)}
        last: dict[str, int] = {}
        for subject, reason, n_rows in pairs.lone_test.select("subject", "reason", "n_rows").iter_rows():
            self.rows[reason] = self.rows.get(reason, 0) + n_rows
            last[subject] = max(codes.index(reason), last.get(subject, -1))
        for subject, step in last.items():
            if subject in places:
                self._last[places[subject]] = step
            else:
                self._others.append(step)

    def subjects(self, alive: NDArray[np.bool_], step: int) -> int:
        """Subjects with a row after a step, those of which only such rows are left among them."""
        return int((alive | (self._last > step)).sum()) + sum(last > step for last in self._others)


def _alive(rows: NDArray[np.bool_], starts: keys.IntArray) -> NDArray[np.bool_]:
    """Which subjects have at least one of these rows; rows are sorted by subject."""
    if not len(starts):
        return np.zeros(0, dtype=bool)
    found: NDArray[np.bool_] = np.logical_or.reduceat(rows, starts)
    return found


def check_sums(table: pl.DataFrame) -> None:
    """Every count read equals the counts removed and analysed.

    Raises:
        IntegrityError: One does not.
    """
    for name in COUNTS:
        counts = table[name].to_list()
        if counts[0] != sum(counts[1:]):
            raise IntegrityError(
                f"accounting: {name} does not add up: {counts[0]:,} read, {sum(counts[1:]):,} told."
            )
