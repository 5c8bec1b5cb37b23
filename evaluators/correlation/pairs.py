"""Kendall's correlation at any subject weights: a quadratic form over pairs of subjects, summed up once."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..additive import effective
from ..metric import CannotComputeError, Columns, Counts, FloatArray, Interval, Prepared, Sides
from ..regression.rows import Rows
from .intervals import clipped, clustered_error, fisher_interval, jackknifed_error

MOST_ROWS = 20_000
MOST_SUBJECTS = 3_000
_BLOCK = 256


@dataclass(frozen=True, eq=False)
class KendallPrepared(Prepared):
    """Concordance between all pairs of subjects; see `Prepared`.

    Attributes:
        rows: The pairs of measurements, in order of subjects.
    """

    rows: Rows
    statistics: tuple[str, ...] = ("kendall",)
    n_subjects: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_subjects", len(self.rows.units))

    @property
    def active(self) -> NDArray[np.bool_]:
        """(S,) which subjects have rows."""
        return self.rows.units > 0

    @property
    def _possible(self) -> bool:
        return 0 < len(self.rows.x) <= MOST_ROWS and int(np.count_nonzero(self.active)) <= MOST_SUBJECTS

    @cached_property
    def _forms(self) -> FloatArray:
        """(3, J, J) between subjects with rows: concordant less discordant, not tied in x, not tied in y."""
        rows = self.rows
        which, starts = np.unique(rows.subject, return_index=True)
        place = np.searchsorted(which, rows.subject)
        result = np.zeros((3, len(which), len(which)))
        for i in range(len(rows.x)):
            x, y = np.sign(rows.x - rows.x[i]), np.sign(rows.y - rows.y[i])
            signs = np.stack([x * y, np.abs(x), np.abs(y)])
            if rows.weighted:
                signs *= rows.weight * rows.weight[i]
            result[:, place[i]] += np.add.reduceat(signs, starts, axis=1)
        return result

    def at(self, weights: FloatArray, *, relative: bool = False) -> FloatArray:
        """The correlation at every weight vector; see `Prepared.at`.

        Raises:
            ValueError: The weights do not have one column a subject.
        """
        if weights.ndim != 2 or weights.shape[1] != self.n_subjects:
            raise ValueError(
                f"`weights` is {weights.shape}; one column for each of {self.n_subjects} subjects is needed."
            )
        result = np.full((len(weights), 1), np.nan)
        if not self._possible:
            return result
        used = (effective(weights, self.active) if relative else weights)[:, self.active]
        for start in range(0, len(weights), _BLOCK):
            block = used[start : start + _BLOCK]
            s, x, y = (np.einsum("ij,ij->i", block @ form, block) for form in self._forms)
            with np.errstate(all="ignore"):
                found = clipped(s / np.sqrt(x) / np.sqrt(y))
            result[start : start + _BLOCK, 0] = np.where((x > 0) & (y > 0), found, np.nan)
        return result

    def influence(self) -> FloatArray:
        """(J,) derivative of the correlation in the weight of each subject that has rows."""
        moves = self._forms.sum(axis=2)
        s, x, y = moves.sum(axis=1)
        tau = s / np.sqrt(x * y)
        return np.asarray(2 * moves[0] / np.sqrt(x * y) - tau * (moves[1] / x + moves[2] / y))

    def jackknife(self) -> FloatArray:
        """(J, 1) correlations with one of the subjects that have rows left out each."""
        if not self._possible:
            return np.full((int(np.count_nonzero(self.active)), 1), np.nan)
        own = np.einsum("kii->ki", self._forms)
        s, x, y = self._forms.sum(axis=(1, 2))[:, None] - 2 * self._forms.sum(axis=2) + own
        with np.errstate(all="ignore"):
            found = clipped(s / np.sqrt(x) / np.sqrt(y))
        return np.asarray(np.where((x > 0) & (y > 0), found, np.nan), dtype=np.float64)[:, None]

    def counts(self, statistic: str) -> Counts:
        """Subjects with rows, and rows."""
        del statistic
        return Counts(n_subjects=int(np.count_nonzero(self.active)), n_units=len(self.rows.x))

    def reason_undefined(self, statistic: str) -> str:
        """No rows, too many, or one of the two does not vary."""
        del statistic
        if len(self.rows.x) == 0:
            return "There are no rows."
        if not self._possible:
            return (
                f"Kendall's correlation compares all pairs: at most {MOST_ROWS:,} rows of {MOST_SUBJECTS:,} "
                "subjects are taken. Use `spearman`."
            )
        return "Reference or test does not vary; their correlation is undefined."

    def standard_error(self, statistic: str) -> float:
        """Linearised, subjects as clusters; NaN with one subject."""
        del statistic
        z = self.influence()
        n = len(z)
        return float(np.sqrt(n / (n - 1) * np.square(z - z.mean()).sum())) if n > 1 else float("nan")

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """`jackknife_fisher_z` and `cluster_fisher_z`.

        Raises:
            CannotComputeError: Too few subjects, or a method not offered.
        """
        tau = float(self.estimate()[0])
        if method == "jackknife_fisher_z":
            error = jackknifed_error(self.jackknife()[:, 0], tau)
        elif method == "cluster_fisher_z":
            error = clustered_error(self.influence(), tau)
        else:
            raise CannotComputeError(f"`{statistic}` has no `{method}` interval.")
        df = int(np.count_nonzero(self.active)) - 1
        return fisher_interval(tau, error, method=method, level=level, sides=sides, df=df)


def prepare_kendall(columns: Columns) -> KendallPrepared:
    """Keep the rows that have weight; they are compared when first asked."""
    return KendallPrepared(Rows.of(columns))
