"""The rows of versions, and the units that two of them share.

Units are rows of the reference: two versions are held against the same one, so a unit is named by its subject
and the reference's row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..datasets import keys
from ..datasets.pairs import PairFrame
from ..evaluators.metric import Columns
from ..protocols.model import Endpoint, Protocol
from . import slices
from .kept_sides import LeftOut
from .questions import material_of
from .slices import Coding
from .within_subjects import session_columns

ROW = "reference_row"
MOST_SUBJECTS = 3
"""Subjects that a message names."""


@dataclass(frozen=True)
class Sides:
    """The rows of both versions over the same subjects, before a metric is asked.

    Attributes:
        subjects: Subjects in order.
        baseline: The baseline's rows; None where there are none.
        candidate: The candidate's.
        left_out: Units that only one version has.
        problem: Why there are no rows.
    """

    subjects: tuple[str, ...]
    baseline: Columns | None
    candidate: Columns | None
    left_out: LeftOut
    problem: str | None = None


class Rows:
    """The rows of one version that a group of endpoints rests on, subjects numbered through the whole study.

    Args:
        protocol: Resolved protocol.
        group: Endpoints that rest on the same rows (`questions.groups`).
        pairs: The version's pairs.
        subjects: Every subject of the study, sorted.
    """

    def __init__(
        self, protocol: Protocol, group: Mapping[str, Endpoint], pairs: PairFrame, subjects: Sequence[str]
    ) -> None:
        material = material_of(protocol, group, pairs, further=_further(protocol, group))
        self.problem = material.problem or material.uncounted
        places = np.searchsorted(
            np.array(subjects, dtype=np.str_), material.subjects.to_numpy().astype(np.str_)
        )
        numbers = pl.Series(places.astype(np.uint32))
        number = pl.col(slices.SUBJECT_NUMBER)
        rows = material.rows.with_columns(
            numbers.gather(material.rows[slices.SUBJECT_NUMBER]).alias("_number")
        )
        rows = rows.drop(slices.SUBJECT_NUMBER).rename({"_number": slices.SUBJECT_NUMBER})
        self.subjects = tuple(subjects)
        self.rows = (
            rows if rows[slices.SUBJECT_NUMBER].is_sorted() else rows.sort(number, maintain_order=True)
        )
        self._protocol = protocol
        self._coded: dict[tuple[Coding, str], pl.DataFrame] = {}

    def coded(self, how: Coding) -> pl.DataFrame:
        """The rows as the metric takes them, in the view that decides."""
        view = slices.view_of(self._protocol, slices.PRIMARY)
        if (how, view) not in self._coded:
            self._coded[how, view] = slices.coded(how, self.rows, view)
        return self._coded[how, view]


def _further(protocol: Protocol, group: Mapping[str, Endpoint]) -> tuple[str, ...]:
    """Columns beside those that the endpoints ask for: what names a unit, and its session."""
    return ROW, *unit_columns(protocol, group), *session_columns(protocol, group)


def unit_columns(protocol: Protocol, group: Mapping[str, Endpoint]) -> tuple[str, ...]:
    """Key columns that name a unit without a row of the reference, where such units are completed."""
    first = next(iter(group.values()))
    if not slices.coding(protocol, first).completes:
        return ()
    rule = protocol.pairings[str(first.pairing)]
    own = protocol.tables[rule.reference].subject
    return tuple(name for name in rule.on or () if name != own)


def match(
    first: pl.DataFrame, second: pl.DataFrame, on: Sequence[str], subjects: Sequence[str]
) -> tuple[pl.DataFrame, pl.DataFrame, LeftOut]:
    """The rows of baseline and candidate whose units both have, and what was left out on each side.

    Args:
        first: Coded rows of the baseline, numbered subjects and rows of the reference among their columns.
        second: Those of the candidate.
        on: Columns that name a unit.
        subjects: Names of the subjects by number.
    """
    names = list(on)
    if first.select(names).equals(second.select(names), null_equal=True):
        return first, second, LeftOut()
    one, other = first.select(names), second.select(names)
    alone = one.join(other, on=names, how="anti", nulls_equal=True)
    besides = other.join(one, on=names, how="anti", nulls_equal=True)
    number = slices.SUBJECT_NUMBER
    counted = (
        pl.concat([alone.select(number), besides.select(number)])
        .group_by(number)
        .len()
        .sort(["len", number], descending=[True, False])
        .head(MOST_SUBJECTS)
    )
    most = tuple((str(subjects[place]), int(count)) for place, count in counted.iter_rows())
    left = LeftOut(alone.height, besides.height, most)
    if not left.any:  # the same units in another order: by time in one, by row in the other
        return first.sort(names), second.sort(names), left
    kept = [
        rows.join(theirs, on=names, how="semi", nulls_equal=True, maintain_order="left")
        for rows, theirs in ((first, other), (second, one))
    ]
    return kept[0], kept[1], left


def match_outcomes(
    first: pl.DataFrame, second: pl.DataFrame, on: Sequence[str], subjects: Sequence[str]
) -> tuple[pl.DataFrame, pl.DataFrame, LeftOut]:
    """The outcomes of baseline and candidate, and what was left out on each side.

    Of the reference's events those that both versions were held against; of the test's extra ones each
    version's own, which no other has.

    Args:
        first: Coded rows of the baseline; rows of the reference below zero are extra events.
        second: Those of the candidate.
        on: Columns that name an event of the reference.
        subjects: Names of the subjects by number.
    """
    order = "_order"
    numbered = [one.with_row_index(order) for one in (first, second)]
    extra = [one.filter(pl.col(ROW) < 0) for one in numbered]
    one, other = (rows.filter(pl.col(ROW) >= 0) for rows in numbered)
    common, theirs, left = match(one, other, on, subjects)
    both = []
    for side, (known, own) in enumerate(zip((common, theirs), extra, strict=True)):
        named = own.with_columns(pl.col(ROW) * 2 + side)  # extra events of two versions are never one
        whole = pl.concat([known, named]).sort(slices.SUBJECT_NUMBER, order)
        both.append(whole.drop(order))
    return both[0], both[1], left


def rows_of(how: Coding, rows: pl.DataFrame, condition: pl.Expr | None) -> pl.DataFrame:
    """The rows of a part, with the columns that a metric takes."""
    if condition is None:
        return rows
    taken = dict.fromkeys((slices.SUBJECT_NUMBER, "reference", "test", slices.WEIGHT, *how.further_columns))
    return rows.lazy().filter(condition).select(name for name in taken if name in rows.columns).collect()


def present_in(sides: Sequence[pl.DataFrame]) -> NDArray[np.int64]:
    """Numbers of the subjects of either side, whose rows are in their order."""
    heads = []
    for one in sides:
        numbers = one.get_column(slices.SUBJECT_NUMBER).to_numpy().astype(np.int64)
        heads.append(numbers[keys.starts_of(numbers)])
    return np.unique(np.concatenate(heads))
