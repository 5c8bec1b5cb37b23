"""Agreement beyond chance by other notions of chance than Cohen's: Fleiss, Gwet, Brennan and Prediger.

All are (p_a - p_e) / (1 - p_e), with p_a the mean credit of two raters of one unit and p_e the credit that
chance would give. They differ in p_e, and that is why they differ so much when one category is rare.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from .. import checks
from ..additive import subject_sums
from ..codes import check_codes, check_request, weighted_rows
from ..metric import Average, Citation, Columns, Metric, Statistic
from .category_weights import WEIGHTING, Weighting, disagreement, largest
from .kappa import KappaPrepared, subject_tables
from .methods import GWET_BOOK

Chance = Literal["shares", "gwet", "uniform", "none"]
"""`shares`: two draws from the average shares of the categories (Scott, Fleiss); `gwet`: AC1 and AC2;
`uniform`: every category as likely (Brennan and Prediger); `none`: no chance, plain agreement."""

GWET = Citation(
    "gwet2008",
    "Gwet KL. Computing inter-rater reliability and its variance in the presence of high agreement. "
    "Br J Math Stat Psychol 2008;61:29-48.",
)
BRENNAN = Citation(
    "brennan1981",
    "Brennan RL, Prediger DJ. Coefficient kappa: some uses, misuses, and alternatives. "
    "Educ Psychol Meas 1981;41:687-699.",
)
INTERVALS = ("cluster_t", "asymptotic", "bootstrap_bca", "bootstrap_percentile")


@dataclass(frozen=True)
class Coefficient:
    """From observed disagreement and the shares of the categories to the coefficient.

    Attributes:
        chance: What is expected by chance.
        k: Number of categories.
        weighting: How much two categories disagree.
    """

    chance: Chance
    k: int
    weighting: Weighting

    def __call__(self, observed: NDArray[Any], shares: NDArray[Any]) -> NDArray[Any]:
        """1 - observed / expected disagreement, both between 0 and 1.

        Args:
            observed: (...,) mean disagreement of two ratings of one unit.
            shares: (..., k) average share of each category.
        """
        expected = self.expected(shares)
        return np.asarray((expected - observed) / expected)

    def expected(self, shares: NDArray[Any]) -> NDArray[Any]:
        """(...,) disagreement expected by chance, 1 - p_e."""
        if self.chance == "shares":
            apart = disagreement(self.k, self.weighting) / largest(self.k, self.weighting)
            return np.asarray(((shares @ apart) * shares).sum(axis=-1))
        if self.chance == "uniform":
            return np.asarray(self.least)
        if self.chance == "none":
            return np.asarray(1.0)
        spread = (shares * (1 - shares)).sum(axis=-1)
        return np.asarray(1 - self.credit / (self.k * (self.k - 1)) * spread if self.k > 1 else spread)

    @property
    def credit(self) -> float:
        """Sum of the credits of all pairs of categories."""
        apart = disagreement(self.k, self.weighting) / largest(self.k, self.weighting)
        return float((1 - apart).sum())

    @property
    def least(self) -> float:
        """Smallest disagreement that `gwet` and `uniform` can expect: all categories equally frequent."""
        return 1 - self.credit / self.k**2

    @property
    def bounds(self) -> tuple[float, float]:
        """Values that the coefficient cannot pass."""
        if self.chance in ("shares", "none"):
            return -1.0 if self.chance == "shares" else 0.0, 1.0
        return (1 - 1 / self.least if self.least > 0 else -np.inf), 1.0

    @property
    def undefined(self) -> str:
        """Why there is no value, where there are rows."""
        if self.k < 2:
            return "There is one category only; name all that could have been chosen."
        return (
            "The coefficient is 0/0: every unit is in the same single category, so agreement by chance is "
            "complete."
        )


@dataclass(frozen=True)
class TableFormula:
    """From added-up cells of the k x k table (row by row) to a coefficient."""

    coefficient: Coefficient

    def __call__(self, totals: NDArray[Any]) -> NDArray[Any]:
        """The coefficient; NaN where undefined."""
        k, weighting = self.coefficient.k, self.coefficient.weighting
        table = totals[..., : k**2].reshape(*totals.shape[:-1], k, k)
        n = table.sum(axis=(-2, -1))
        observed = (table * disagreement(k, weighting)).sum(axis=(-2, -1)) / (n * largest(k, weighting))
        shares = (table.sum(axis=-1) + table.sum(axis=-2)) / (2 * n[..., None])
        return self.coefficient(observed, shares)[..., None]


@dataclass(frozen=True, eq=False, kw_only=True)
class TablePrepared(KappaPrepared):
    """The k x k table of each subject, behind a coefficient that is not Cohen's.

    Attributes:
        coefficient: Which.
    """

    coefficient: Coefficient

    def reason_undefined(self, statistic: str) -> str:
        """No rows, or one category only."""
        return self.coefficient.undefined if np.any(self.active) else super().reason_undefined(statistic)

    def value_and_error(self) -> tuple[float, float]:
        """The coefficient and its large-sample standard error, by the delta method on the cells' counts."""
        cells = self.table.ravel()
        with np.errstate(all="ignore"):
            value = float(self.formula(cells)[0])
            slope = np.imag(self.formula(cells + 1e-30j * np.eye(len(cells)))[:, 0]) / 1e-30
        # slopes add up to nothing over the units, so the variance of one unit is the mean of their squares
        return value, float(np.sqrt((cells * np.square(slope)).sum()))


class ChanceMetric(Metric):
    """Base: two raters, one coefficient; subclasses say which."""

    kind = "categorical"
    route = "additive"
    parameters = (WEIGHTING,)
    figure = "confusion"
    chance: ClassVar[Chance]

    def prepare(self, columns: Columns, *, average: Average = "pooled", **parameters: Any) -> TablePrepared:
        """Count the table of each subject.

        Raises:
            ValueError: Codes outside `levels`, an unknown average, or a parameter that is not acceptable.
        """
        check_request(self, columns, average, parameters)
        weighting = checks.parameters(self, parameters)["weighting"]
        k = len(columns.levels) or 2
        check_codes("reference", columns.reference, k)
        check_codes("test", columns.test, k)
        columns = weighted_rows(columns)
        coefficient = Coefficient(self.chance, k, weighting)
        agreed = subject_sums(columns.reference == columns.test, columns.offsets)
        return TablePrepared(
            totals=np.column_stack([subject_tables(columns, k), agreed]),
            names=(*(f"cell {i},{j}" for i in range(k) for j in range(k)), "agreed counted"),
            statistics=(self.headline,),
            formula=TableFormula(coefficient),
            units=np.diff(columns.offsets),
            bounds=coefficient.bounds,
            k=k,
            weighted=columns.weights is not None,
            weighting=weighting,
            coefficient=coefficient,
        )


class GwetCoefficient(ChanceMetric):
    """Gwet's AC1 (unweighted) and AC2 (weighted); the plain function is `gwet_ac`."""

    name = "gwet_ac"
    title = "Gwet's agreement coefficient (AC1, AC2)"
    summary = "Agreement on categories beyond chance, stable where one category is rare."
    headline = "gwet_ac"
    statistics = (
        Statistic(
            "gwet_ac",
            "Gwet's AC1 (unweighted) or AC2 (weighted)",
            "(p_a - p_e) / (1 - p_e): p_a the mean credit of the units for agreement, p_e = T / (k (k - 1)) "
            "times the sum of q (1 - q) over the k categories, q the average share of a category in both "
            "columns and T the sum of the credits of all pairs of categories (k where unweighted).",
            "none",
            "higher",
            INTERVALS,
        ),
    )
    citations = (GWET, GWET_BOOK)
    chance = "gwet"


class BrennanPrediger(ChanceMetric):
    """Every category expected equally often; the plain function is `brennan_prediger`."""

    name = "brennan_prediger"
    title = "Brennan-Prediger coefficient"
    summary = "Agreement on categories beyond that of categories drawn blindly; PABAK of several categories."
    headline = "brennan_prediger"
    statistics = (
        Statistic(
            "brennan_prediger",
            title,
            "(p_a - p_e) / (1 - p_e): p_a the mean credit of the units for agreement, p_e the mean credit of "
            "all pairs of categories (1 / k where unweighted). With two categories it is PABAK.",
            "none",
            "higher",
            INTERVALS,
        ),
    )
    citations = (BRENNAN, GWET_BOOK)
    chance = "uniform"


GWET_AC = GwetCoefficient()
BRENNAN_PREDIGER = BrennanPrediger()
