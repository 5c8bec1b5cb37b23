"""Agreement of several raters on categories: Fleiss' kappa and Gwet's coefficients, ratings may be missing.

A unit (a recording, an epoch) is rated by any number of raters, not always the same ones. What a unit
contributes are a few sums, so subjects may be reweighted as everywhere else.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import checks
from ..additive import AdditivePrepared, row_weights, subject_sums
from ..codes import check_codes, check_request, is_missing, weighted_rows
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED, labelled
from ..metric import (
    Average,
    CannotComputeError,
    Citation,
    ColumnRole,
    Columns,
    Counts,
    FloatArray,
    IntArray,
    Interval,
    Metric,
    MetricResult,
    Sides,
    Statistic,
)
from .category_weights import WEIGHTING, Weighting, disagreement, largest
from .chance_agreement import Chance, Coefficient
from .methods import GWET_BOOK

FLEISS_1971 = Citation(
    "fleiss1971",
    "Fleiss JL. Measuring nominal scale agreement among many raters. Psychol Bull 1971;76:378-382.",
)
INTERVALS = ("cluster_t", "gwet_t", "bootstrap_bca", "bootstrap_percentile")
DISAGREED, COMPARED, RATED, SHARES = 0, 1, 2, 3


@dataclass(frozen=True)
class RatingsFormula:
    """From added-up disagreement, compared and rated units, and shares, to a coefficient."""

    coefficient: Coefficient

    def __call__(self, totals: NDArray[Any]) -> NDArray[Any]:
        """The coefficient; NaN where undefined."""
        shares = totals[..., SHARES:] / totals[..., RATED, None]
        return self.coefficient(totals[..., DISAGREED] / totals[..., COMPARED], shares)[..., None]


@dataclass(frozen=True, eq=False, kw_only=True)
class RatingsPrepared(AdditivePrepared):
    """Sums over the units of each subject.

    Attributes:
        coefficient: Which coefficient.
    """

    coefficient: Coefficient

    def reason_undefined(self, statistic: str) -> str:
        """No ratings, none to compare, or one category only."""
        totals = self.totals.sum(axis=0)
        if np.any(self.active) and totals[COMPARED] == 0:
            return "No unit has two ratings."
        return self.coefficient.undefined if np.any(self.active) else super().reason_undefined(statistic)

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """`cluster_t`, or `gwet_t` with Gwet's variance.

        Raises:
            CannotComputeError: Fewer than two subjects.
        """
        if method != "gwet_t":
            return super().interval(statistic, method, level, sides)
        n = int(np.count_nonzero(self.active))
        if n < 2:
            raise CannotComputeError("An interval needs at least two subjects.")
        z = self.gwet_influence()
        spread = float(np.sqrt(n / (n - 1) * np.square(z).sum()))
        return self.t_around(
            float(self.estimate()[0]), spread, n - 1, method=method, level=level, sides=sides
        )

    def gwet_influence(self) -> FloatArray:
        """(J,) what Gwet's variance squares: the share of units with two ratings is taken as fixed.

        Per unit (n / n') (p_a,i - p_e) / (1 - p_e) - coefficient, for one with two ratings (n' of n units),
        and the change of the coefficient through p_e; all over n.
        """
        totals = self.totals[self.active]
        total = totals.sum(axis=0)
        value = float(self.formula(total)[0])
        expected = self.expected(total)
        credit = totals[:, COMPARED] * expected - totals[:, DISAGREED]
        direct = credit * total[RATED] / total[COMPARED] / expected - value * totals[:, RATED]
        moved = totals.copy()
        moved[:, : COMPARED + 1] = 0.0
        through = np.imag(self.formula(total + 1e-30j * moved)[:, 0]) / 1e-30
        return np.asarray(direct / total[RATED] + through)

    def expected(self, total: FloatArray) -> float:
        """Disagreement expected by chance, from added-up totals."""
        return float(self.coefficient.expected(total[SHARES:] / total[RATED]))

    def counts(self, statistic: str) -> Counts:
        """Subjects and units with ratings."""
        del statistic
        return Counts(int(np.count_nonzero(self.active)), int(self.units.sum()))


class ManyRaters(Metric):
    """Base: one coefficient of several raters: reference, test, and those of the role `raters`."""

    kind = "categorical"
    route = "additive"
    parameters = (WEIGHTING,)
    columns = (
        ColumnRole(
            "raters",
            "rating",
            "Further raters of the same units, beside reference and test, which are two of them; a rating "
            "may be missing.",
            several=True,
            needed=False,
        ),
    )
    figure = "confusion"
    exchangeable: ClassVar[bool] = True
    """The order of the ratings of a unit means nothing."""

    def prepare(
        self, columns: Columns, *, average: Average = "pooled", **parameters: Any
    ) -> AdditivePrepared:
        """Take reference, test and further raters for exchangeable raters of each row.

        Raises:
            ValueError: Codes outside `levels`, an unknown average, or a parameter that is not acceptable.
        """
        check_request(self, columns, average, parameters)
        k = len(columns.levels) or 2
        check_codes("reference", columns.reference, k)
        check_codes("test", columns.test, k)
        columns = weighted_rows(columns)
        further = np.asarray(columns.roles.get("raters", np.empty((len(columns.reference), 0))))
        if np.any((further < -1) | (further >= k)):
            raise ValueError("`raters` holds codes outside the levels.")
        codes = np.column_stack([columns.reference, columns.test, further]).astype(np.int64)
        return self.prepare_ratings(codes, columns, **parameters)

    @abstractmethod
    def prepare_ratings(self, codes: IntArray, columns: Columns, **parameters: Any) -> AdditivePrepared:
        """Add the units of each subject up.

        Args:
            codes: (n, r) category of each rating, -1 where there is none, in the order of the columns' rows.
            columns: Offsets, levels and row weights; the rest is not looked at.
            parameters: See the metric.
        """


class RatingsMetric(ManyRaters):
    """Base: chance follows from the average shares of the categories, or from their number."""

    chance: ClassVar[Chance]

    def prepare_ratings(self, codes: IntArray, columns: Columns, **parameters: Any) -> RatingsPrepared:
        """Add the units of each subject up; see `ManyRaters.prepare_ratings`."""
        weighting: Weighting = checks.parameters(self, parameters)["weighting"]
        k = len(columns.levels) or 2
        coefficient = Coefficient(self.chance, k, weighting)
        sums = unit_sums(codes, k, weighting)
        weights = row_weights(columns)
        used = sums[:, RATED] > 0
        least, most = coefficient.bounds
        if np.any(used & (sums[:, COMPARED] == 0)):  # chance is then taken from more units than agreement
            least = -np.inf if self.chance == "shares" else least
        return RatingsPrepared(
            totals=np.stack([subject_sums(column * weights, columns.offsets) for column in sums.T], axis=1),
            names=("disagreed", "compared", "rated", *(f"share {i}" for i in range(k))),
            statistics=(self.headline,),
            formula=RatingsFormula(coefficient),
            units=subject_sums(used, columns.offsets).astype(np.int64),
            bounds=(least, most),
            weighted=columns.weights is not None,
            coefficient=coefficient,
        )


class FleissKappa(RatingsMetric):
    """Fleiss' kappa; the plain function is `fleiss_kappa`."""

    name = "fleiss_kappa"
    title = "Fleiss' kappa"
    summary = "Agreement of several exchangeable raters beyond chance; of reference and test, Scott's pi."
    headline = "fleiss_kappa"
    statistics = (
        Statistic(
            "fleiss_kappa",
            title,
            "(p_a - p_e) / (1 - p_e): p_a the mean over units of the mean credit of two of their ratings, "
            "p_e the credit of two draws from the average shares of the categories. With two raters it is "
            "Scott's pi (with weights, its weighted form).",
            "none",
            "higher",
            INTERVALS,
        ),
    )
    citations = (FLEISS_1971, GWET_BOOK)
    chance = "shares"


class GwetRaters(RatingsMetric):
    """Gwet's AC1 and AC2 of several raters; the plain function is `gwet_ac_raters`."""

    name = "gwet_ac_raters"
    title = "Gwet's AC1 and AC2 of several raters"
    summary = "Agreement of several raters beyond chance, stable where one category is rare."
    headline = "gwet_ac_raters"
    statistics = (
        Statistic(
            "gwet_ac_raters",
            title,
            "(p_a - p_e) / (1 - p_e): p_a the mean over units of the mean credit of two of their ratings, "
            "p_e = T / (k (k - 1)) times the sum of q (1 - q) over the k categories, q a category's average "
            "share and T the sum of the credits of all pairs of categories.",
            "none",
            "higher",
            INTERVALS,
        ),
    )
    citations = (GWET_BOOK,)
    chance = "gwet"


FLEISS_KAPPA = FleissKappa()
GWET_AC_RATERS = GwetRaters()
METRICS: tuple[Metric, ...] = (FLEISS_KAPPA, GWET_AC_RATERS)


def unit_sums(codes: IntArray, k: int, weighting: Weighting) -> FloatArray:
    """(n, 3 + k) of each unit: mean disagreement of two ratings, has two, has one, shares of categories."""
    counts = np.stack([(codes == category).sum(axis=1) for category in range(k)], axis=1).astype(np.float64)
    given = counts.sum(axis=1)
    pairs = given * (given - 1)
    apart = ((counts @ disagreement(k, weighting)) * counts).sum(axis=1) / largest(k, weighting)
    disagreed = np.divide(apart, pairs, out=np.zeros(len(counts)), where=pairs > 0)
    shares = np.divide(counts, given[:, None], out=np.zeros_like(counts), where=given[:, None] > 0)
    return np.column_stack([disagreed, pairs > 0, given > 0, shares])


def rating_codes(
    ratings: ArrayLike, levels: Iterable[Any] | None, *, ordered: bool
) -> tuple[IntArray, tuple[str, ...]]:
    """A table of ratings as codes, -1 where one is missing (None or NaN), with the levels' names.

    Raises:
        ValueError: Not one row a unit and one column a rater, a value that is none of the levels, or
            `levels` is needed because the order of the categories matters.

    Example:
        >>> rating_codes([["wake", "n1"], ["n1", None]], None, ordered=False)[0].tolist()
        [[1, 0], [0, -1]]
    """
    # a list of words with a NaN among them would become a column of words, "nan" one of them
    table = ratings if isinstance(ratings, np.ndarray) else np.asarray(ratings, dtype=object)
    if table.ndim != 2:
        raise ValueError(
            f"`ratings` must have a row a unit and a column a rater; its shape is {table.shape}."
        )
    if levels is None and ordered:
        raise ValueError("The categories are needed in their order: give `levels`, lowest first.")
    missing = is_missing(table.ravel()).reshape(table.shape)
    text = np.array([_text(value) for value in table.ravel().tolist()], dtype=object).reshape(table.shape)
    found = sorted(set(text[~missing].tolist()))
    names = tuple(_text(level) for level in levels) if levels is not None else tuple(found)
    if len(set(names)) != len(names):
        raise ValueError("`levels` names a level twice.")
    unknown = [value for value in found if value not in names]
    if unknown:
        raise ValueError(
            f"{len(unknown)} values are none of the levels {', '.join(names)}; first {unknown[0]!r}."
        )
    codes = np.full(table.shape, -1, dtype=np.int64)
    for code, name in enumerate(names):
        codes[(text == name) & ~missing] = code
    return codes, names


def fleiss_kappa(
    ratings: ArrayLike,
    *,
    levels: Iterable[Any] | None = None,
    weighting: Weighting = "unweighted",
    subject: Any = None,
    ci: str | None = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Fleiss' kappa of several raters (Fleiss 1971; missing ratings and weights: Gwet 2014).

    (p_a - p_e) / (1 - p_e) with p_a the mean, over units with at least two ratings, of the mean credit of two
    ratings of the unit, and p_e the credit of two draws from the average shares of the categories over all
    rated units. Raters are exchangeable. The standard error printed by Fleiss holds if kappa is zero; it
    belongs to a test and gives no interval, so it is not offered. `gwet_t` is Gwet's variance with n - 1
    degrees of freedom: without missing ratings the same as `cluster_t`.

    Args:
        ratings: (n, r) a row a unit, a column a rater; None or NaN where there is no rating.
        levels: All categories, in order. Default: those found; it has to be given with weights.
        weighting: `unweighted` (default), `linear` or `quadratic`: see `cohen_kappa`.
        subject: (n,) subject labels, compared as text. Default: every unit is a subject of its own.
        ci: `cluster_t` (default), `gwet_t`, `bootstrap_bca` or `bootstrap_percentile`.
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates.
        seed: Seed of the bootstrap.

    Returns:
        `fleiss_kappa`.

    Raises:
        ValueError: `ratings` is no table, a value is none of the levels, `levels` is needed for the
            weighting, or a parameter is not acceptable.

    Example:
        >>> table = [["a", "a", "a"], ["a", "b", "a"], ["b", "b", "b"], ["b", "b", None], ["a", "a", "b"]]
        >>> round(fleiss_kappa(table)["fleiss_kappa"].value, 4)
        0.4643
    """
    return rated(
        FLEISS_KAPPA, ratings, levels=levels, weighting=weighting, subject=subject, ci=ci, level=level,
        sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip


def gwet_ac_raters(
    ratings: ArrayLike,
    *,
    levels: Iterable[Any] | None = None,
    weighting: Weighting = "unweighted",
    subject: Any = None,
    ci: str | None = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Gwet's AC1 (unweighted) and AC2 (weighted) of several raters, ratings may be missing (Gwet 2014).

    As `gwet_ac`, with p_a as in `fleiss_kappa`. Arguments and errors as for `fleiss_kappa`; source: Gwet KL.
    Handbook of Inter-Rater Reliability, 4th ed. 2014.

    Example:
        >>> table = [["a", "a", "a"], ["a", "b", "a"], ["b", "b", "b"], ["b", "b", None], ["a", "a", "b"]]
        >>> round(gwet_ac_raters(table)["gwet_ac_raters"].value, 4)
        0.469
    """
    return rated(
        GWET_AC_RATERS, ratings, levels=levels, weighting=weighting, subject=subject, ci=ci, level=level,
        sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip


def rated(
    metric: ManyRaters,
    ratings: ArrayLike,
    *,
    levels: Iterable[Any] | None,
    weighting: str,
    subject: Any,
    ci: str | None,
    level: float,
    sides: Sides,
    replicates: int,
    seed: int,
) -> MetricResult:
    """A coefficient of a table of ratings, in an order that is none of the rows'.

    Raises:
        ValueError: See `fleiss_kappa`.
    """
    codes, names = rating_codes(ratings, levels, ordered=weighting not in ("unweighted", "nominal"))
    if metric.exchangeable:
        codes = np.sort(codes, axis=1)
    codes = codes[np.lexsort(codes.T[::-1])] if subject is None else codes
    blank = np.zeros(len(codes), dtype=np.int64)
    keys, label = tuple(f"{i:012d}" for i in range(len(codes))), np.arange(len(codes))
    if subject is not None:
        keys, label = checks.subject_labels(subject, len(codes))
    order = np.lexsort((*codes.T[::-1], label))
    offsets = np.concatenate([[0], np.cumsum(np.bincount(label, minlength=len(keys)))]).astype(np.int64)
    columns = Columns(blank, blank, offsets, names)
    parameters = {metric.parameters[0].name: weighting} if metric.parameters else {}
    prepared = metric.prepare_ratings(codes[order], columns, **parameters)
    return labelled(
        metric, prepared, keys, average="pooled", parameters=parameters, ci=ci, level=level, sides=sides,
        replicates=replicates, seed=seed,
    )  # fmt: skip


def _text(value: Any) -> str:
    """A category as text; whole numbers of a float column without their point."""
    whole = isinstance(value, float | np.floating) and float(value).is_integer()
    return str(int(value)) if whole else str(value)
