"""Krippendorff's alpha: agreement of any number of raters, ratings may be missing, on several scales."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import checks
from ..additive import AdditivePrepared, row_weights, subject_sums
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED
from ..metric import (
    CannotComputeError,
    Citation,
    Columns,
    FloatArray,
    IntArray,
    Interval,
    Metric,
    MetricResult,
    Parameter,
    Sides,
    Statistic,
)
from .category_weights import Weighting, disagreement
from .many_raters import INTERVALS, ManyRaters, rated
from .methods import GWET_BOOK

Scale = Literal["nominal", "ordinal", "interval"]

KRIPPENDORFF = Citation(
    "krippendorff2011",
    "Krippendorff K. Computing Krippendorff's alpha-reliability. Annenberg School for Communication, "
    "University of Pennsylvania 2011 (Content Analysis, 4th ed. Sage 2018, ch. 12).",
)
SCALE = Parameter(
    "scale",
    "choice",
    "How much two categories c < k differ. `nominal`: any difference is 1. `ordinal`: the number of ratings "
    "from c to k, those in c and k counted half, squared; it depends on the ratings found. `interval`: "
    "(k - c)^2, categories being equally far apart. The last two assume the declared order.",
    default="nominal",
    choices=get_args(Scale),
)
_FIXED: dict[Scale, Weighting] = {"nominal": "unweighted", "interval": "quadratic"}


@dataclass(frozen=True)
class AlphaFormula:
    """From the added-up coincidences of ratings (k x k, row by row) and paired units to alpha.

    Attributes:
        k: Number of categories.
        scale: How much two categories differ.
        finite: Pairs by chance are drawn without replacement, as alpha has it; otherwise with.
    """

    k: int
    scale: Scale
    finite: bool = True

    def __call__(self, totals: NDArray[Any]) -> NDArray[Any]:
        """1 - observed / expected difference; NaN where undefined."""
        table = totals[..., : self.k**2].reshape(*totals.shape[:-1], self.k, self.k)
        share = table.sum(axis=-1)
        n = share.sum(axis=-1)
        apart = self._differences(share)
        observed = (table * apart).sum(axis=(-2, -1))
        expected = (share[..., :, None] * share[..., None, :] * apart).sum(axis=(-2, -1))
        return np.asarray(1 - (n - 1 if self.finite else n) * observed / expected)[..., None]

    def _differences(self, share: NDArray[Any]) -> NDArray[Any]:
        if self.scale != "ordinal":
            return disagreement(self.k, _FIXED[self.scale])
        place = np.cumsum(share, axis=-1) - share / 2
        return np.asarray((place[..., :, None] - place[..., None, :]) ** 2)


@dataclass(frozen=True, eq=False, kw_only=True)
class AlphaPrepared(AdditivePrepared):
    """Coincidences of ratings, subject by subject."""

    formula: AlphaFormula

    def reason_undefined(self, statistic: str) -> str:
        """No two ratings of a unit, or one category only."""
        del statistic
        if not np.any(self.active):
            return "No unit has two ratings." if self.n_subjects else "There are no rows."
        return "Alpha is 0/0: all ratings are in the same single category."

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
        spread = float(np.sqrt(n / (n - 1) * np.square(self.gwet_influence()).sum()))
        value = float(self.estimate()[0])
        return self.t_around(value, spread, n - 1, method=method, level=level, sides=sides)

    def gwet_influence(self) -> FloatArray:
        """(J,) what Gwet's variance squares: the linearised alpha of drawing with replacement.

        His formula weighs how a unit's number of ratings departs from the mean with alpha's own p_a, which
        adds the last term; it is 0 where no rating is missing.
        """
        totals, formula = self.totals[self.active], replace(self.formula, finite=False)
        total = totals.sum(axis=0)
        z = np.imag(formula(total + 1e-30j * totals)[:, 0]) / 1e-30
        ratings, units = totals[:, :-1].sum(axis=1), totals[:, -1]
        apart = ratings / ratings.sum() - units / units.sum()
        return np.asarray(z - (1 - float(formula(total)[0])) / ratings.sum() * apart)


class KrippendorffAlpha(ManyRaters):
    """Krippendorff's alpha; the plain function is `krippendorff_alpha`."""

    name = "krippendorff_alpha"
    title = "Krippendorff's alpha"
    summary = "Agreement of several exchangeable raters beyond chance, nominal, ordinal or interval."
    headline = "krippendorff_alpha"
    parameters = (SCALE,)
    statistics = (
        Statistic(
            "krippendorff_alpha",
            title,
            "1 - D_o / D_e: D_o the mean difference of two ratings of one unit, a unit of m ratings counting "
            "m times, and D_e that of two ratings drawn without replacement from all ratings of units with "
            "at least two.",
            "none",
            "higher",
            INTERVALS,
        ),
    )
    citations = (KRIPPENDORFF, GWET_BOOK)

    def prepare_ratings(self, codes: IntArray, columns: Columns, **parameters: Any) -> AlphaPrepared:
        """Add the coincidences of each subject up; see `ManyRaters.prepare_ratings`."""
        scale: Scale = checks.parameters(self, parameters)["scale"]
        k = len(columns.levels) or 2
        counts = np.stack([(codes == i).sum(axis=1) for i in range(k)], axis=1).astype(np.float64)
        given = counts.sum(axis=1)
        pairs = counts[:, :, None] * counts[:, None, :]
        pairs[:, np.arange(k), np.arange(k)] -= counts
        paired = given > 1
        weight = np.where(paired, row_weights(columns) / np.where(paired, given - 1, 1.0), 0.0)
        cells = np.column_stack(
            [pairs.reshape(len(codes), k * k) * weight[:, None], paired * row_weights(columns)]
        )
        return AlphaPrepared(
            totals=np.stack([subject_sums(cell, columns.offsets) for cell in cells.T], axis=1),
            names=(*(f"coincidence {i},{j}" for i in range(k) for j in range(k)), "paired units"),
            statistics=("krippendorff_alpha",),
            formula=AlphaFormula(k, scale),
            units=subject_sums(paired, columns.offsets).astype(np.int64),
            bounds=(-1.0, 1.0),
            weighted=columns.weights is not None,
        )


ALPHA = KrippendorffAlpha()
METRICS: tuple[Metric, ...] = (ALPHA,)


def krippendorff_alpha(
    ratings: ArrayLike,
    *,
    levels: Iterable[Any] | None = None,
    scale: Scale = "nominal",
    subject: Any = None,
    ci: str | None = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Krippendorff's alpha of several raters, ratings may be missing (Krippendorff 2011).

    1 - D_o / D_e with D_o the mean difference of two ratings of one unit and D_e that of two ratings drawn
    from all without replacement. Units with one rating do not count. Without missing ratings the nominal
    alpha is Fleiss' kappa but for the drawing without replacement, which adds (1 - kappa) / n for n ratings.
    The ratio scale is not offered: categories have no ratio. For measurements see `icc_raters`.

    Args:
        ratings: (n, r) a row a unit, a column a rater; None or NaN where there is no rating.
        levels: All categories, in order. Default: those found; it has to be given with `ordinal` or
            `interval`. Categories that nobody uses change nothing with `nominal` and `ordinal`.
        scale: `nominal` (default); `ordinal`: the squared number of ratings that lie between; `interval`:
            (i - j)^2 for categories i and j, equally far apart in their order.
        subject: (n,) subject labels, compared as text. Default: every unit is a subject of its own.
        ci: `cluster_t` (default), `gwet_t` (Gwet's variance, that of alpha with replacement),
            `bootstrap_bca` or `bootstrap_percentile`.
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates.
        seed: Seed of the bootstrap.

    Raises:
        ValueError: `ratings` is no table, a value is none of the levels, `levels` is needed for the scale, or
            a parameter is not acceptable.

    Example:
        >>> table = [["a", "a", "a"], ["a", "b", "a"], ["b", "b", "b"], ["b", "b", None], ["a", "a", "b"]]
        >>> round(krippendorff_alpha(table)["krippendorff_alpha"].value, 4)
        0.4694
    """
    return rated(
        ALPHA, ratings, levels=levels, weighting=scale, subject=subject, ci=ci, level=level, sides=sides,
        replicates=replicates, seed=seed,
    )  # fmt: skip
