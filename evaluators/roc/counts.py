"""A score against a binary reference, counted: the sorted rows that every statistic of the ROC curve reads.

Rows are sorted by score once. Equal scores form one step of the curve, so ties are exact. Counts are float64
and int64 throughout: products of class sizes beyond 2**31 do not overflow.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .. import checks
from ..additive import row_weights
from ..codes import check_codes
from ..metric import Columns, FloatArray, IntArray, Parameter

Direction = Literal["higher", "lower"]
"""Which scores speak for a positive. It is never chosen from the data: that makes every AUC at least 0.5."""

DIRECTION = Parameter(
    "direction",
    "choice",
    "Which scores speak for a positive reference: `higher` ones (default) or `lower` ones. It is never taken "
    "from the data, which would hide a score that is upside down.",
    default="higher",
    choices=("higher", "lower"),
)
_CELLS = 8_000_000  # most cells of a table of subjects by steps, or of weights by rows
_PAIRS = 1_000_000  # most pairs of rows that are looked at together
_COLUMNS = 4_096  # blocks of steps that are multiplied together
_SUBJECTS = 3_000  # most subjects whose pairs are tabulated


@dataclass(frozen=True, eq=False)
class ScoreRows:
    """Rows in order of falling score (after turning, where `lower` scores speak for a positive).

    Attributes:
        order: (n,) row of each place.
        positive: (n,) whether it is a reference positive, in order of score.
        starts: (G,) first place of each step; a step is one score.
        values: (G,) the scores of the steps, as given.
        subject: (n,) whose row it is, in order of score; None where every row is a subject of its own.
        weight: (n,) row weights in order of score; None where there are none.
        n_subjects: Number of subjects.
        offsets: (S + 1,) of the rows as given.
    """

    order: IntArray
    positive: NDArray[np.bool_]
    starts: IntArray
    values: FloatArray
    subject: IntArray | None
    weight: FloatArray | None
    n_subjects: int
    offsets: IntArray = field(repr=False)

    @classmethod
    def of(cls, columns: Columns, direction: Direction) -> ScoreRows:
        """Sort the rows.

        Raises:
            ValueError: Codes other than 0 and 1, scores that are no numbers, NaN or infinite.
        """
        check_codes("reference", columns.reference, 2)
        score = checks.measurements("test", columns.test)
        rows, subjects = len(score), columns.n_subjects
        order = np.argsort(score if direction == "lower" else -score, kind="stable")
        ranked = score[order]
        if rows:
            starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
        else:
            starts = np.zeros(0, dtype=np.int64)
        single = subjects == rows and bool(np.all(np.diff(columns.offsets) == 1))
        subject = None if single else np.repeat(np.arange(subjects), np.diff(columns.offsets))[order]
        return cls(
            order=order,
            positive=columns.reference[order] == 1,
            starts=starts,
            values=ranked[starts],
            subject=subject,
            weight=None if columns.weights is None else row_weights(columns)[order],
            n_subjects=subjects,
            offsets=columns.offsets,
        )

    @property
    def n_steps(self) -> int:
        """Number of different scores."""
        return len(self.starts)

    @cached_property
    def steps(self) -> tuple[FloatArray, FloatArray]:
        """(G,) weight of the positives and of the negatives of each step, highest score first."""
        return self._by_step(self._mass(positive=True)), self._by_step(self._mass(positive=False))

    @cached_property
    def credits(self) -> tuple[FloatArray, FloatArray]:
        """(G,) negatives that a positive of the step beats, positives that beat a negative of it.

        Ties count half.
        """
        p, n = self.steps
        above, below = np.cumsum(p) - p / 2, np.cumsum(n) - n / 2
        return np.asarray(n.sum() - below), np.asarray(above)

    @cached_property
    def who(self) -> IntArray:
        """(n,) whose row it is, in order of score."""
        if self.subject is not None:
            return self.subject
        return self.order  # one row a subject: rows and subjects have the same number

    @cached_property
    def classes(self) -> tuple[FloatArray, FloatArray]:
        """(S,) weight of each subject's positives and negatives."""
        return self._by_subject(self._mass(positive=True)), self._by_subject(self._mass(positive=False))

    @cached_property
    def wins(self) -> tuple[FloatArray, FloatArray]:
        """(S,) pairs won by each subject's positives, and pairs in which its negatives are beaten."""
        beats, beaten = (np.repeat(credit, self.sizes) for credit in self.credits)
        return (
            self._by_subject(self._mass(positive=True) * beats),
            self._by_subject(self._mass(positive=False) * beaten),
        )

    @cached_property
    def own(self) -> FloatArray:
        """(S,) pairs of a subject's positives and its own negatives that are in order; ties count half."""
        if self.subject is None:
            return np.zeros(self.n_subjects)
        step = np.repeat(np.arange(self.n_steps), self.sizes)
        order = np.lexsort((step, self.subject))
        subject, step = self.subject[order], step[order]
        p, n = self._mass(positive=True)[order], self._mass(positive=False)[order]
        first = np.flatnonzero(np.diff(subject, prepend=-1) | np.diff(step, prepend=-1))
        tied_p, tied_n = np.add.reduceat(p, first), np.add.reduceat(n, first)
        whose = subject[first]
        before = np.cumsum(tied_p) - tied_p
        start = np.searchsorted(whose, whose, side="left")
        won = (before - before[start] + tied_p / 2) * tied_n
        return np.asarray(np.bincount(whose, weights=won, minlength=self.n_subjects), dtype=np.float64)

    @cached_property
    def sizes(self) -> IntArray:
        """(G,) rows of each step."""
        return np.diff(np.append(self.starts, len(self.order)))

    @property
    def by_pairs_of_subjects(self) -> bool:
        """Whether there are few enough subjects to tabulate the pairs between them."""
        return self.subject is not None and self.n_subjects <= _SUBJECTS

    @cached_property
    def between(self) -> FloatArray:
        """(S, S) pairs won by the positives of one subject (row) against the negatives of another.

        The area at subject weights w is w' U w over (w' positives) (w' negatives). Steps are put into blocks:
        between blocks the pairs are a product of counts, within a block they are looked at one by one.
        """
        size = self.n_subjects
        table = np.zeros((size, size))
        if not len(self.order):
            return table
        p, n, who = self._mass(positive=True), self._mass(positive=False), self.who
        edges, whole = self._blocks()
        block = np.repeat(np.arange(len(whole)), np.diff(edges))
        later = self._by_subject(n)
        for start in range(0, len(whole), _COLUMNS):
            stop = min(start + _COLUMNS, len(whole))
            rows, shape = slice(edges[start], edges[stop]), (size, stop - start)
            cells = who[rows] * shape[1] + block[rows] - start
            own_p = np.bincount(cells, weights=p[rows], minlength=shape[0] * shape[1]).reshape(shape)
            own_n = np.bincount(cells, weights=n[rows], minlength=shape[0] * shape[1]).reshape(shape)
            # negatives of later blocks, and half of those of a block that is one step
            after = later[:, None] - np.cumsum(own_n, axis=1) + np.where(whole[start:stop], own_n / 2, 0.0)
            table += own_p @ after.T
            later = later - own_n.sum(axis=1)
        step = np.repeat(np.arange(self.n_steps), self.sizes)
        for first, last in self._runs(edges, whole):
            table += self._within(first, last, block, step)
        return table

    def _within(self, first: int, last: int, block: IntArray, step: IntArray) -> FloatArray:
        """Pairs of rows of one block each, for the blocks of places `first` to `last`."""
        won = first + np.flatnonzero(self.positive[first:last])
        lost = first + np.flatnonzero(~self.positive[first:last])
        # for each positive the negatives of its block
        low = np.searchsorted(block[lost], block[won], "left")
        many = np.searchsorted(block[lost], block[won], "right") - low
        i = np.repeat(won, many)
        j = lost[np.arange(len(i)) - np.repeat(np.cumsum(many) - many - low, many)]
        credit = (step[i] < step[j]) + 0.5 * (step[i] == step[j])
        if self.weight is not None:
            credit = credit * self.weight[i] * self.weight[j]
        size = self.n_subjects
        pairs = np.bincount(self.who[i] * size + self.who[j], weights=credit, minlength=size * size)
        return np.asarray(pairs, dtype=np.float64).reshape(size, size)

    def _blocks(self) -> tuple[IntArray, NDArray[np.bool_]]:
        """Edges of blocks of whole steps, and which blocks are one step.

        A step is never divided: its rows are ties. Blocks are as large as balances the product between them
        against the pairs within.
        """
        wanted = max(16, self.n_subjects // 5)
        ends = np.append(self.starts[1:], len(self.order))
        large = self.sizes >= wanted
        cut = (np.diff(ends // wanted, prepend=0) > 0) | large
        cut[:-1] |= large[1:]
        cut[-1] = True
        edges = np.concatenate([[0], ends[cut]]).astype(np.int64)
        return edges, np.diff(np.flatnonzero(cut), prepend=-1) == 1

    def _runs(self, edges: IntArray, whole: NDArray[np.bool_]) -> list[tuple[int, int]]:
        """Runs of neighbouring blocks of several steps whose pairs fit into memory together."""
        p = np.diff(np.concatenate([[0], np.cumsum(self.positive)])[edges])
        pairs = p * (np.diff(edges) - p)
        runs: list[tuple[int, int]] = []
        held = _PAIRS + 1
        for i in np.flatnonzero(~whole).tolist():
            if held + pairs[i] > _PAIRS or runs[-1][1] != edges[i]:
                runs.append((int(edges[i]), int(edges[i + 1])))
                held = int(pairs[i])
            else:
                runs[-1] = (runs[-1][0], int(edges[i + 1]))
                held += int(pairs[i])
        return runs

    def steps_at(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(B, G) weight of positives and negatives of each step at every vector of subject weights."""
        cells = self.n_subjects * max(self.n_steps, 1)
        p, n = self._mass(positive=True), self._mass(positive=False)
        if self.subject is not None and cells <= _CELLS:
            where = self.who * self.n_steps + np.repeat(np.arange(self.n_steps), self.sizes)
            shape = (self.n_subjects, self.n_steps)
            return (
                weights @ np.bincount(where, weights=p, minlength=cells)[:cells].reshape(shape),
                weights @ np.bincount(where, weights=n, minlength=cells)[:cells].reshape(shape),
            )
        chosen = weights[:, self.who]
        return self._by_step(chosen * p), self._by_step(chosen * n)

    @property
    def block(self) -> int:
        """How many weight vectors to take at a time; it follows from the rows, so no number depends on it."""
        return max(1, min(512, _CELLS // max(len(self.order), 1)))

    def _mass(self, *, positive: bool) -> FloatArray:
        chosen = self.positive if positive else ~self.positive
        return chosen.astype(np.float64) if self.weight is None else np.where(chosen, self.weight, 0.0)

    def _by_step(self, values: FloatArray) -> FloatArray:
        if self.n_steps == 0:
            return np.zeros((*values.shape[:-1], 0))
        if self.n_steps == values.shape[-1]:
            return values
        return np.asarray(np.add.reduceat(values, self.starts, axis=-1))

    def _by_subject(self, values: FloatArray) -> FloatArray:
        sums = np.bincount(self.who, weights=values, minlength=self.n_subjects)
        return np.asarray(sums, dtype=np.float64)
