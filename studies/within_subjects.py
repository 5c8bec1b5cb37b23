"""How much of a subject's own improvement is chance: from blocks of time, while its rows are at hand.

Each version's metric is prepared over blocks of consecutive units, the same blocks for both, and every
subject's improvement is worked out again without each of them (`evaluators.comparison.time_blocks`). What
comes of it is a variance a subject; it is kept beside the versions' prepared metrics.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..datasets import keys
from ..evaluators import blocks as pieces
from ..evaluators.additive import AdditivePrepared
from ..evaluators.comparison import time_blocks
from ..evaluators.comparison.time_blocks import FEWEST_UNITS, Blocks
from ..evaluators.metric import CannotComputeError, Columns, FloatArray, IntArray, Metric, Prepared
from ..protocols.comparison import ComparedEndpoint
from ..protocols.model import Endpoint, Protocol
from ..protocols.roles import metric_of
from . import slices
from .estimating import columns_over
from .own_values import alone, improved, is_sum
from .slices import Coding

REFIT = "the metric is fitted anew for whatever is left out, which is not done block by block"
NOT_OF_UNITS = "a subject's own value cannot be had from its units without some of them"
_AGREE = 1e-9  # relative: a subject's value from its blocks and from its rows
_NOISE = 1e-12  # of a version's value: a standard error that rounding leaves

Key = tuple[Any, ...]


@dataclass(frozen=True)
class Within:
    """What is chance in the subjects' improvements of one endpoint and candidate.

    Attributes:
        variance: (S,) of each subject's improvement; NaN where it cannot be seen.
        blocks: (S,) blocks of time that it comes from.
        single: Whether every unit is a block, because no subject has more than a few.
        problem: Why there are none.
    """

    variance: FloatArray
    blocks: IntArray
    single: bool = False
    problem: str | None = None

    @classmethod
    def none(cls, problem: str) -> Within:
        """Nothing, and why."""
        return cls(np.zeros(0), np.zeros(0, dtype=np.int64), problem=problem)


@dataclass(frozen=True)
class Matched:
    """Rows of both versions over common units.

    Attributes:
        baseline: The baseline's.
        candidate: The candidate's.
        all_of_baseline: Whether the baseline has no others: the same rows with every candidate.
    """

    baseline: pl.DataFrame
    candidate: pl.DataFrame
    all_of_baseline: bool


@dataclass(frozen=True)
class _Cut:
    """Rows of both versions over the same blocks."""

    sides: tuple[Columns, Columns]
    blocks: Blocks
    single: bool
    shared: bool  # the baseline's blocks are those of every other candidate


@dataclass(frozen=True)
class _Values:
    """Statistics of one version.

    (S, k) of each subject, (N, k) of the subject without each block, and whether the block says nothing of
    them: it has no value of its own (no event in it), and leaving it out changes none.
    """

    statistics: tuple[str, ...]
    whole: FloatArray
    left_out: FloatArray
    silent: NDArray[np.bool_]

    def of(self, statistic: str) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
        place = self.statistics.index(statistic)
        return self.whole[:, place], self.left_out[:, place], self.silent[:, place]


def session_columns(protocol: Protocol, group: Mapping[str, Endpoint]) -> tuple[str, ...]:
    """Key columns that name a session, such as the night: those of the pairing but for subject and unit.

    Units of time, events and rows that are paired by nearest time are told apart by time; of other keys the
    last column tells the units of a session apart.
    """
    rule = protocol.pairings[str(next(iter(group.values())).pairing)]
    own = protocol.tables[rule.reference].subject
    names = tuple(name for name in rule.on or () if name != own)
    return names if rule.method in {"nearest", "windows", "epochs", "events"} else names[:-1]


class WithinSubjects:
    """The variances within subjects of a group of endpoints, one candidate after the other.

    Args:
        protocol: Resolved protocol.
        plans: How endpoints are compared, of those that are asked for.
        group: Endpoints that rest on the same rows.
        on: Columns that name a unit, the subject's number and the reference's row first.
        pool: Threads.
    """

    def __init__(
        self,
        protocol: Protocol,
        plans: Mapping[str, ComparedEndpoint],
        group: Mapping[str, Endpoint],
        on: Sequence[str],
        pool: ThreadPoolExecutor,
    ) -> None:
        self.protocol, self.plans, self.group, self.on, self.pool = protocol, plans, group, list(on), pool
        self.sessions = session_columns(protocol, group)
        self._cuts: dict[tuple[Coding, str], _Cut] = {}
        self._values: dict[tuple[int, Key], _Values | str] = {}
        self._shared: dict[Key, _Values | str] = {}

    def asked(self, name: str) -> list[str] | None:
        """Statistic and scale of an endpoint; None where it is not asked for."""
        plan = self.plans.get(name)
        if plan is None:
            return None
        return [plan.statistic or metric_of(self.protocol, self.group[name]).headline, plan.scale]

    def of(
        self, name: str, candidate: str, both: tuple[Prepared, Prepared], rows: Callable[[], Matched]
    ) -> Within:
        """The variances of one endpoint and candidate.

        Args:
            name: The endpoint, one that is asked for.
            candidate: The version in question.
            both: What its metric made of all common units of baseline and candidate.
            rows: Gives the rows.
        """
        endpoint, plan = self.group[name], self.plans[name]
        metric = metric_of(self.protocol, endpoint)
        if metric.route == "refit":
            return Within.none(REFIT)
        how, statistic = slices.coding(self.protocol, endpoint), str((self.asked(name) or [""])[0])
        cut = self._cut(how, candidate, rows)
        key = self._key(name)
        if (1, key) not in self._values:
            self._evaluate(how, cut)
        found = self._shared[key] if cut.shared else self._values[0, key], self._values[1, key]
        for values, prepared in zip(found, both, strict=True):
            if isinstance(values, str):
                return Within.none(values)
            if not _agree(values.of(statistic)[0], alone(prepared, statistic)):
                return Within.none(NOT_OF_UNITS)
        first, second = (values.of(statistic) for values in found if not isinstance(values, str))
        better = metric.statistic(statistic).better
        whole, left_out = (
            improved(*one, better, plan.scale) for one in zip(first[:2], second[:2], strict=True)
        )
        used = ~(first[2] & second[2])
        variance, blocks = time_blocks.delete_a_block(whole, left_out, used, cut.blocks)
        noise = _NOISE * (1.0 if plan.scale == "ratio" else np.fmax(np.abs(first[0]), np.abs(second[0])))
        return Within(np.where(variance <= np.square(noise), 0.0, variance), blocks, cut.single)

    def _cut(self, how: Coding, candidate: str, rows: Callable[[], Matched]) -> _Cut:
        """The rows of both versions in blocks, made once for all endpoints coded alike."""
        if (how, candidate) not in self._cuts:
            matched = rows()
            same = matched.baseline.select(self.on).equals(matched.candidate.select(self.on), null_equal=True)
            units = matched.baseline if same else self._units(matched)
            number = units.get_column(slices.SUBJECT_NUMBER).to_numpy().astype(np.int64)
            offsets = np.append(keys.starts_of(number), len(number)).astype(np.int64)
            single = bool(np.diff(offsets).max(initial=0) < FEWEST_UNITS)
            blocks = time_blocks.cut(offsets, self._begins(units), single=single)
            block = pl.Series("_block", np.repeat(np.arange(len(blocks.subject)), blocks.units))
            first, second = (
                self._columns(how, rows_, units, block, same=same)
                for rows_ in (matched.baseline, matched.candidate)
            )
            self._cuts = {
                (how, candidate): _Cut((first, second), blocks, single, same and matched.all_of_baseline)
            }
            self._values = {}
        return self._cuts[how, candidate]

    def _units(self, matched: Matched) -> pl.DataFrame:
        """The units of either version: those of the baseline in its order, others after the one before."""
        named = list(dict.fromkeys([*self.on, *self.sessions]))
        place = pl.int_range(pl.len(), dtype=pl.Int64)
        first = matched.baseline.select(*named, place.alias("_place"))
        second = matched.candidate.select(*named, place.alias("_own")).join(
            first.select(*self.on, "_place"), on=self.on, how="left", nulls_equal=True, maintain_order="left"
        )
        after = pl.col("_place").forward_fill().over(slices.SUBJECT_NUMBER).fill_null(-1)
        lone = pl.col("_place").is_null()
        others = second.with_columns(after.alias("_after"), lone.alias("_lone")).filter("_lone")
        both = pl.concat(
            [
                first.select(*named, "_place", pl.lit(-1, dtype=pl.Int64).alias("_own")),
                others.select(*named, pl.col("_after").alias("_place"), "_own"),
            ]
        )
        return both.sort(slices.SUBJECT_NUMBER, "_place", "_own")

    def _begins(self, units: pl.DataFrame) -> NDArray[np.bool_] | None:
        """(n,) where a session starts; subjects need not be marked."""
        if not self.sessions:
            return None
        begins = np.zeros(units.height, dtype=bool)
        for name in self.sessions:
            begins[keys.run_starts(units.get_column(name))] = True
        return begins

    def _columns(
        self, how: Coding, rows: pl.DataFrame, units: pl.DataFrame, block: pl.Series, *, same: bool
    ) -> Columns:
        """One version's rows, each block in the place of a subject."""
        if same:
            coded = rows.with_columns(block.alias(slices.SUBJECT_NUMBER))
        else:
            told = units.select(self.on).with_columns(block)
            joined = rows.join(told, on=self.on, how="left", nulls_equal=True)
            coded = joined.sort("_block", *self.on, nulls_last=True).with_columns(
                pl.col("_block").alias(slices.SUBJECT_NUMBER)
            )
        count = int(block[-1]) + 1 if len(block) else 0
        return columns_over(how, coded, np.arange(count))

    def _key(self, name: str) -> Key:
        """What an endpoint's values depend on, beside its rows: over which subjects it averages is none."""
        endpoint = self.group[name]
        parameters = tuple(sorted((one, repr(value)) for one, value in endpoint.parameters.items()))
        average = _average(metric_of(self.protocol, endpoint), endpoint)
        return endpoint.metric, average, parameters, slices.coding(self.protocol, endpoint)

    def _evaluate(self, how: Coding, cut: _Cut) -> None:
        """Both versions' values, of all endpoints that take the rows coded alike; the baseline's once."""
        wanted = {
            self._key(name): endpoint
            for name, endpoint in self.group.items()
            if name in self.plans
            and slices.coding(self.protocol, endpoint) == how
            and metric_of(self.protocol, endpoint).route != "refit"
        }
        work = [
            (side, key)
            for side in (0, 1)
            for key in wanted
            if side == 1 or not cut.shared or key not in self._shared
        ]
        made = self.pool.map(lambda one: self._of_version(wanted[one[1]], cut, one[0]), work)
        for (side, key), values in zip(work, made, strict=True):
            if side == 0 and cut.shared:
                self._shared[key] = values
            else:
                self._values[side, key] = values

    def _of_version(self, endpoint: Endpoint, cut: _Cut, side: int) -> _Values | str:
        """One version's statistics of each subject and without each block, or why there are none."""
        metric = metric_of(self.protocol, endpoint)
        average = _average(metric, endpoint)

        def made(columns: Columns) -> Prepared:
            return pieces.prepare(metric, columns, average=average, **endpoint.parameters)

        try:
            return _statistics(made, cut.sides[side], cut.blocks)
        except CannotComputeError as error:
            return str(error)
        except Exception as error:  # a plug-in's bug is a visible row, not a stopped comparison
            return f"{type(error).__name__}: {error}"


def _average(metric: Metric, endpoint: Endpoint) -> Any:
    """Of one subject there is nothing to average but its units."""
    return "pooled" if "pooled" in metric.averages else endpoint.average or metric.averages[0]


def _agree(values: FloatArray, known: FloatArray) -> bool:
    """Whether subjects' values from their blocks are those from their rows, where there are any."""
    defined = np.isfinite(known)
    size = float(np.abs(known[defined]).max(initial=0.0))
    return bool(np.allclose(values[defined], known[defined], rtol=_AGREE, atol=_AGREE * size))


def _statistics(made: Callable[[Columns], Prepared], columns: Columns, blocks: Blocks) -> _Values:
    """Each subject's statistics, and those without each block.

    Sums are taken from sums. What reads its rows in order of size is prepared subject by subject, over the
    subject's blocks, and evaluated at weights that leave one out.
    """
    first = np.searchsorted(blocks.subject, np.arange(blocks.n_subjects + 1))
    prepared = made(columns)
    if isinstance(prepared, AdditivePrepared) and is_sum(prepared):
        total = np.add.reduceat(prepared.totals, first[:-1], axis=0)  # every subject has a block
        whole, left_out = prepared.evaluate(total), prepared.evaluate(total[blocks.subject] - prepared.totals)
        silent = np.isnan(prepared.evaluate(prepared.totals)) & time_blocks.unchanged(whole, left_out, blocks)
        return _Values(prepared.statistics, whole, left_out, silent)
    each, without = [], []
    for start, stop in zip(first[:-1].tolist(), first[1:].tolist(), strict=True):
        count = stop - start
        own = made(_some(columns, start, stop))
        found = own.at(np.vstack([np.ones((1, count)), 1.0 - np.eye(count)]))
        each.append(found[:1])
        without.append(found[1:])
    left_out = np.concatenate(without)
    return _Values(prepared.statistics, np.concatenate(each), left_out, np.zeros(left_out.shape, dtype=bool))


def _some(columns: Columns, start: int, stop: int) -> Columns:
    """The rows of some blocks."""
    own = slice(int(columns.offsets[start]), int(columns.offsets[stop]))
    return Columns(
        columns.reference[own],
        columns.test[own],
        columns.offsets[start : stop + 1] - columns.offsets[start],
        columns.levels,
        None if columns.weights is None else columns.weights[own],
        {name: values[own] for name, values in columns.roles.items()},
        columns.role_levels,
    )
