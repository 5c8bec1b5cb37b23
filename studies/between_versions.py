"""Two versions against each other: how far they agree, how their errors moved, and where they disagree.

A comparison says whether a statistic became better. Two versions with the same statistic may still give other
answers on every unit; here their outputs are held against one another, unit by unit, and the reference only
says who was right. Each pair of value columns is looked at once for each population, not once an endpoint;
every analysed unit counts once. What is found of the rows knows no confidence level, and is kept for streams.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..datasets import keys
from ..datasets.pairs import PairFrame
from ..evaluators import registry
from ..evaluators.comparison.error_shift import (
    SHIFT_REPLICATES,
    ErrorQuantiles,
    ErrorShift,
    error_density,
    error_quantiles,
    shift_of,
)
from ..evaluators.metric import CannotComputeError, Columns, FloatArray, IntArray, Prepared
from ..evaluators.weights import ResamplingWeights
from ..protocols.comparison import VersionComparison
from ..protocols.model import Endpoint, Protocol
from . import disagreeing, slices
from .estimating import EMPTY
from .matched_rows import ROW, Rows, match
from .slices import Coding, endpoint_of

NUMBER, CATEGORY = "number", "category"
MOST_PATTERNS = 10
"""Ways in which versions differ that are counted by themselves, the most frequent ones."""
NO_ERROR = "the reference is a class and not a number, so an output has no error to follow"


@dataclass(frozen=True)
class Value:
    """A pair of value columns of which versions are held against each other.

    Attributes:
        endpoint_id: The first endpoint that rests on it, primary ones before others.
        endpoint: That endpoint.
        endpoints: All compared endpoints that do.
    """

    endpoint_id: str
    endpoint: Endpoint
    endpoints: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """What the rows of two versions say of each other, before a confidence level is asked for.

    Attributes:
        facts: Counts, as JSON holds them; `kind` is `number` or `category`.
        subjects: The S subjects that have units, in order.
        agreement: Limits of agreement (numbers) or kappa (categories), prepared; None where it failed.
        shift: The shift function of absolute errors; None for what has no error.
        units: The units that disagree most, columns as in `DISAGREEMENT_COLUMNS`.
        problem: Why there is nothing.
    """

    facts: Mapping[str, Any] = field(default_factory=dict)
    subjects: tuple[str, ...] = ()
    agreement: Prepared | None = None
    shift: ErrorShift | None = None
    units: pl.DataFrame = field(default_factory=disagreeing.empty)
    problem: str | None = None


def values(protocol: Protocol, section: VersionComparison) -> list[Value]:
    """What versions are held against each other in, in the order of the endpoints, primary ones first.

    Endpoints on the same columns of the same population rest on the same values. Coverage and yield do not
    ask for a value.
    """
    ordered = sorted(section.endpoints, key=lambda name: section.endpoints[name].role != "primary")
    found: dict[str, list[str]] = {}
    for name in ordered:
        endpoint = endpoint_of(protocol, name)
        how = slices.coding(protocol, endpoint)
        if not how.reports:
            where = {column: one.model_dump(mode="json") for column, one in (endpoint.where or {}).items()}
            coded = [how.kind, how.reference, how.test, how.positive, how.levels]
            key = json.dumps([endpoint.pairing, endpoint.population, where, coded], sort_keys=True)
            found.setdefault(key, []).append(name)
    return [Value(names[0], endpoint_of(protocol, names[0]), tuple(names)) for names in found.values()]


class Between:
    """Holds every candidate against the baseline, once for each pair of value columns.

    Args:
        protocol: Resolved protocol.
        section: How versions are compared.
        baseline: The version compared with.
        weights: The one matrix of subject weights of the study.
        pairs: (pairing, version) -> rows of pairs.
        kept: Looks up and keeps what was found before: (endpoint, candidate) -> found.
    """

    def __init__(
        self,
        protocol: Protocol,
        section: VersionComparison,
        baseline: str,
        weights: ResamplingWeights | None,
        pairs: Callable[[str, str], PairFrame],
        *,
        kept: Keeping,
    ) -> None:
        self.protocol, self.baseline, self.weights, self.pairs = protocol, baseline, weights, pairs
        self.values = values(protocol, section)
        self.kept = kept
        self.found: dict[tuple[str, str], Found] = {}
        self._alone: dict[str, tuple[pl.DataFrame, tuple[str, ...], ErrorQuantiles]] = {}
        self._aside = ThreadPoolExecutor(1)
        self._running: Future[None] | None = None

    def add(self, group: Mapping[str, Endpoint], candidate: str, rows: Callable[[str], Rows]) -> None:
        """Hold a candidate against the baseline in the values of a group of endpoints.

        Args:
            group: Endpoints that rest on the same rows.
            candidate: The version in question.
            rows: Gives a version's rows; asked only for what was not kept.
        """
        if not all(name in group for name in self._alone):  # rows of a group that is done are let go
            self.wait()
            self._alone = {}
        for value in self.values:
            if value.endpoint_id not in group:
                continue
            known = self.kept.get(value.endpoint, self.baseline, candidate)
            if known is not None:
                self._note(value, candidate, known)
                continue
            self.wait()  # so that the rows of two candidates are held at most
            both = rows(self.baseline), rows(candidate)
            self._running = self._aside.submit(self._hold, value, candidate, both)

    def wait(self) -> None:
        """Until what was begun is found: it is worked out while the next rows are read."""
        if self._running is not None:
            self._running.result()
            self._running = None

    def _hold(self, value: Value, candidate: str, both: tuple[Rows, Rows]) -> None:
        known = self._attempt(value, *both)
        if known.problem is None:
            self.kept.put(value.endpoint, self.baseline, candidate, known)
        self._note(value, candidate, known)

    def _note(self, value: Value, candidate: str, known: Found) -> None:
        """Note what was found; the names are not part of what is kept."""
        named = known.units.with_columns(candidate=pl.lit(candidate), endpoint=pl.lit(value.endpoint_id))
        self.found[value.endpoint_id, candidate] = replace(known, units=named)

    def units(self, candidates: Sequence[str]) -> pl.DataFrame:
        """The units that disagree most, of every candidate and value."""
        self.wait()
        every = [
            self.found[value.endpoint_id, candidate].units
            for value in self.values
            for candidate in candidates
            if (value.endpoint_id, candidate) in self.found
        ]
        return pl.concat([disagreeing.empty(), *every])

    def _attempt(self, value: Value, first: Rows, second: Rows) -> Found:
        """What is found of the rows; what cannot be is a visible entry, not a stopped comparison."""
        try:
            return self._of_rows(value, first, second)
        except CannotComputeError as error:
            return Found(problem=str(error))
        except Exception as error:
            return Found(problem=f"{type(error).__name__}: {error}")

    def _of_rows(self, value: Value, first: Rows, second: Rows) -> Found:
        problem = first.problem or second.problem
        if problem is not None:
            return Found(problem=problem)
        how = slices.coding(self.protocol, value.endpoint, "complete_case")
        coded = [_coded(self.protocol, value.endpoint, how, rows) for rows in (first, second)]
        # an extra event is a version's own: there is nothing to hold it against
        known = [own.filter(pl.col(ROW).fill_null(0) >= 0) for own in coded]
        one, two, _ = match(known[0], known[1], (slices.SUBJECT_NUMBER, ROW), first.subjects)
        if one.is_empty():
            return Found(problem=EMPTY)
        number = one.get_column(slices.SUBJECT_NUMBER).to_numpy().astype(np.int64)
        starts = keys.starts_of(number)
        subjects = tuple(first.subjects[place] for place in number[starts])
        offsets = np.append(starts, len(number)).astype(np.int64)
        unit = one.select(pl.col(slices.SUBJECT_NUMBER).alias("subject"), ROW)
        make = self._categories if how.kind in {"binary", "categorical"} else self._numbers
        found = make(value, how, one, two, offsets=offsets, subjects=subjects, unit=unit)
        pairs = self.pairs(str(value.endpoint.pairing), self.baseline)
        listed = found.units
        if listed.height:
            listed = disagreeing.located(listed, self.protocol, value.endpoint, pairs, first.subjects)
        else:
            listed = disagreeing.empty()
        counted = {"n_units": len(number), "n_subjects": len(subjects), **found.facts}
        return replace(found, facts=counted, subjects=subjects, units=listed)

    def _numbers(
        self,
        value: Value,
        how: Coding,
        one: pl.DataFrame,
        two: pl.DataFrame,
        *,
        offsets: IntArray,
        subjects: tuple[str, ...],
        unit: pl.DataFrame,
    ) -> Found:
        first, second = (frame.get_column("test").to_numpy() for frame in (one, two))
        several = bool(np.any(np.diff(offsets) > 1))
        prepared, problem = _prepared(
            "bland_altman",
            Columns(first, second, offsets),
            **({"truth": "varying", "bias": "pairs"} if several else {"truth": "independent"}),
        )
        facts: dict[str, Any] = {
            "kind": NUMBER,
            "equal": int(np.count_nonzero(first == second)),
            "agreement_error": problem,
        }
        if how.kind == "score":
            listed = disagreeing.of_numbers(None, first, second, unit)
            return Found({**facts, "shift_error": NO_ERROR}, agreement=prepared, units=listed)
        reference = one.get_column("reference").to_numpy()
        own, other = np.abs(first - reference), np.abs(second - reference)
        weights = self.drawn(subjects)
        with ThreadPoolExecutor(1) as aside:  # the longest part, while the rest is done
            ahead = aside.submit(error_quantiles, other, offsets, weights)
            density = error_density(own, other)
            facts |= {
                "nearer": int(np.count_nonzero(other < own)),
                "farther": int(np.count_nonzero(other > own)),
                "density": {"edges": density.edges.tolist(), "counts": density.counts.tolist()},
            }
            alone = self._alone.get(value.endpoint_id)
            if alone is None or alone[0] is not one or alone[1] != subjects:
                alone = (one, subjects, error_quantiles(own, offsets, weights))
                self._alone[value.endpoint_id] = alone
            listed = disagreeing.of_numbers(reference, first, second, unit)
            shift = shift_of(alone[2], ahead.result())
        return Found(facts, agreement=prepared, shift=shift, units=listed)

    def _categories(
        self,
        value: Value,
        how: Coding,
        one: pl.DataFrame,
        two: pl.DataFrame,
        *,
        offsets: IntArray,
        subjects: tuple[str, ...],
        unit: pl.DataFrame,
    ) -> Found:
        del value, subjects
        first, second = (frame.get_column("test").to_numpy() for frame in (one, two))
        reference, k = one.get_column("reference").to_numpy(), len(how.levels)
        prepared, problem = _prepared("cohen_kappa", Columns(first, second, offsets, how.levels))
        apart = first != second
        outcomes = disagreeing.outcome_codes(reference[apart], first[apart], second[apart])
        wrong, right, both = (int(count) for count in np.bincount(outcomes, minlength=3))
        facts = {
            "kind": CATEGORY,
            "equal": int(np.count_nonzero(~apart)),
            "agreement_error": problem,
            "levels": list(how.levels),
            "cross": _table(first, second, k),
            "outcomes": {"baseline_right": wrong, "candidate_right": right, "neither": both},
            "patterns": _patterns(reference[apart], first[apart], second[apart], how.levels),
            "confusion": {"baseline": _table(reference, first, k), "candidate": _table(reference, second, k)},
        }
        listed = disagreeing.of_categories(reference, first, second, unit, how.levels)
        return Found(facts, agreement=prepared, units=listed)

    def drawn(self, subjects: Sequence[str]) -> FloatArray:
        """(B, S) subject weights: the first replicates of the study's one matrix."""
        if self.weights is None:
            return np.ones((1, len(subjects)))
        blocks = []
        for start, block in self.weights.chunks(subjects):
            if start >= SHIFT_REPLICATES:
                break
            blocks.append(block)
        return np.concatenate(blocks)[:SHIFT_REPLICATES]


class Keeping:
    """Keeps nothing; `between_kept.KeptBetween` keeps what was found of pairs that have a name."""

    def get(self, endpoint: Endpoint, baseline: str, candidate: str) -> Found | None:
        """What was found before, if it was kept."""
        del endpoint, baseline, candidate
        return None

    def put(self, endpoint: Endpoint, baseline: str, candidate: str, found: Found) -> None:
        """Keep what was found."""


def _coded(protocol: Protocol, endpoint: Endpoint, how: Coding, rows: Rows) -> pl.DataFrame:
    """Units that have both values, as the metric takes them; without those that are filled in."""
    declared = slices.coding(protocol, endpoint)
    if not declared.completes:
        return rows.coded(declared)
    measured = rows.rows.filter(slices.whole(how))
    return slices.coded(how, measured, slices.view_of(protocol, slices.PRIMARY))


def _prepared(metric: str, columns: Columns, **parameters: Any) -> tuple[Prepared | None, str | None]:
    try:
        return registry.get(metric).prepare(columns, average="pooled", **parameters), None
    except (CannotComputeError, ValueError) as error:
        return None, str(error)


def _patterns(
    reference: NDArray[Any], first: NDArray[Any], second: NDArray[Any], levels: Sequence[str]
) -> list[dict[str, Any]]:
    """The most frequent ways in which versions differ: what reference, baseline and candidate said."""
    k = len(levels)
    code = (reference.astype(np.int64) * k + first.astype(np.int64)) * k + second.astype(np.int64)
    known, units = np.unique(code, return_counts=True)
    order = np.lexsort((known, -units))[:MOST_PATTERNS]
    places = np.column_stack([known[order] // k**2, known[order] // k % k, known[order] % k])
    outcomes = disagreeing.outcome_codes(*places.T)
    return [
        {
            **{
                name: levels[at]
                for name, at in zip(("reference", "baseline", "candidate"), place, strict=True)
            },
            "outcome": disagreeing.OF_CATEGORIES[outcome],
            "units": int(count),
        }
        for place, outcome, count in zip(places, outcomes, units[order], strict=True)
    ]


def _table(rows: NDArray[Any], columns: NDArray[Any], k: int) -> list[list[int]]:
    """(k, k) counts."""
    cells = np.bincount(rows.astype(np.int64) * k + columns.astype(np.int64), minlength=k * k)
    found: list[list[int]] = cells.reshape(k, k).tolist()
    return found
