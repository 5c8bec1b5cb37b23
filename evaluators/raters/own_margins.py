"""Kappa of several raters who are not exchangeable: chance from each rater's own shares (Conger, Light).

With two raters and no missing rating both are Cohen's kappa; that is why neither is a metric of reference and
test.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import checks
from ..additive import AdditivePrepared, row_weights, subject_sums
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED
from ..metric import Citation, Columns, FloatArray, IntArray, MetricResult, Sides, Statistic
from .category_weights import Weighting, disagreement, largest
from .chance_agreement import Coefficient
from .kappa import KappaFormula
from .many_raters import (
    COMPARED,
    DISAGREED,
    INTERVALS,
    RATED,
    SHARES,
    ManyRaters,
    RatingsPrepared,
    rated,
    unit_sums,
)
from .methods import GWET_BOOK

CONGER = Citation(
    "conger1980",
    "Conger AJ. Integration and generalization of kappas for multiple raters. Psychol Bull 1980;88:322-328.",
)
LIGHT = Citation(
    "light1971",
    "Light RJ. Measures of response agreement for qualitative data: some generalizations and alternatives. "
    "Psychol Bull 1971;76:365-377.",
)


@dataclass(frozen=True)
class CongerFormula:
    """From added-up disagreement, compared and rated units, and each rater's categories to the kappa."""

    raters: int
    k: int
    weighting: Weighting

    def __call__(self, totals: NDArray[Any]) -> NDArray[Any]:
        """1 - observed / expected disagreement; NaN where undefined."""
        expected = self.expected(totals)
        observed = totals[..., DISAGREED] / totals[..., COMPARED]
        return np.asarray((expected - observed) / expected)[..., None]

    def expected(self, totals: NDArray[Any]) -> NDArray[Any]:
        """Mean over pairs of raters of the disagreement that their own shares would give by chance."""
        counts = totals[..., SHARES:].reshape(*totals.shape[:-1], self.raters, self.k)
        rated_units = counts.sum(axis=-1)
        there = rated_units.real > 0
        shares = counts / np.where(there, rated_units, 1.0)[..., None]
        apart = disagreement(self.k, self.weighting) / largest(self.k, self.weighting)
        everyone = shares.sum(axis=-2)
        all_pairs = ((everyone @ apart) * everyone).sum(axis=-1)
        with_themselves = ((shares @ apart) * shares).sum(axis=(-2, -1))
        raters = there.sum(axis=-1)
        return np.asarray((all_pairs - with_themselves) / (raters * (raters - 1)))


@dataclass(frozen=True, eq=False, kw_only=True)
class CongerPrepared(RatingsPrepared):
    """Sums over the units of each subject, with each rater's categories counted."""

    formula: CongerFormula

    def expected(self, total: FloatArray) -> float:
        """Disagreement expected by chance, from added-up totals."""
        return float(self.formula.expected(total))


class CongerKappa(ManyRaters):
    """Conger's kappa; the plain function is `conger_kappa`."""

    name = "conger_kappa"
    title = "Conger's kappa"
    summary = "Agreement of several raters beyond chance, chance from each rater's own shares."
    headline = "conger_kappa"
    exchangeable = False
    statistics = (
        Statistic(
            "conger_kappa",
            title,
            "(p_a - p_e) / (1 - p_e): p_a the mean over units of the mean credit of two of their ratings, "
            "p_e the mean over pairs of raters of the credit expected from their own shares of categories.",
            "none",
            "higher",
            INTERVALS,
        ),
    )
    citations = (CONGER, GWET_BOOK)

    def prepare_ratings(self, codes: IntArray, columns: Columns, **parameters: Any) -> CongerPrepared:
        """Add the units of each subject up; see `ManyRaters.prepare_ratings`."""
        weighting: Weighting = checks.parameters(self, parameters)["weighting"]
        k, raters = len(columns.levels) or 2, codes.shape[1]
        sums = unit_sums(codes, k, weighting)[:, :SHARES]
        chosen = (codes[:, :, None] == np.arange(k)).reshape(len(codes), raters * k)
        rows = np.column_stack([sums, chosen]) * row_weights(columns)[:, None]
        alone = bool(np.any((sums[:, RATED] > 0) & (sums[:, COMPARED] == 0)))
        return CongerPrepared(
            totals=np.stack([subject_sums(column, columns.offsets) for column in rows.T], axis=1),
            names=(
                "disagreed",
                "compared",
                "rated",
                *(f"rater {g}, {i}" for g in range(raters) for i in range(k)),
            ),
            statistics=(self.headline,),
            formula=CongerFormula(raters, k, weighting),
            units=subject_sums(sums[:, RATED], columns.offsets).astype(np.int64),
            # with single ratings chance is taken from more units than agreement, and there is no least value
            bounds=(-np.inf if alone else -1.0, 1.0),
            coefficient=Coefficient("shares", k, weighting),
        )


@dataclass(frozen=True)
class LightFormula:
    """From the added-up tables of all pairs of raters to the mean of their kappas."""

    pairs: int
    k: int
    weighting: Weighting

    def __call__(self, totals: NDArray[Any]) -> NDArray[Any]:
        """The mean; NaN where a pair has no kappa."""
        return np.asarray(self.kappas(totals).mean(axis=-1, keepdims=True))

    def kappas(self, totals: NDArray[Any]) -> NDArray[Any]:
        """(..., pairs) Cohen's kappa of each pair of raters."""
        tables = totals.reshape(*totals.shape[:-1], self.pairs, self.k**2)
        return KappaFormula(self.k, self.weighting)(tables)[..., 0]


@dataclass(frozen=True, eq=False, kw_only=True)
class LightPrepared(AdditivePrepared):
    """The tables of all pairs of raters, subject by subject.

    Attributes:
        raters: Number of raters.
    """

    formula: LightFormula
    raters: int

    def reason_undefined(self, statistic: str) -> str:
        """No two ratings of a unit, or the first pair of raters without a kappa."""
        del statistic
        if not np.any(self.active):
            return "No unit has two ratings." if self.n_subjects else "There are no rows."
        total = self.totals.sum(axis=0)
        with np.errstate(all="ignore"):
            kappas = self.formula.kappas(total)
        first = int(np.flatnonzero(~np.isfinite(kappas))[0])
        one, other = list(combinations(range(1, self.raters + 1), 2))[first]
        shared = total.reshape(len(kappas), -1)[first].sum() > 0
        why = "put every unit into the same single category" if shared else "have no unit in common"
        return f"Raters {one} and {other} have no kappa: they {why}."


class LightKappa(ManyRaters):
    """Light's kappa; the plain function is `light_kappa`."""

    name = "light_kappa"
    title = "Light's kappa"
    summary = "Mean of Cohen's kappas of all pairs of raters."
    headline = "light_kappa"
    exchangeable = False
    statistics = (
        Statistic(
            "light_kappa",
            title,
            "Mean over pairs of raters of Cohen's kappa, each on the units that both have rated.",
            "none",
            "higher",
            tuple(method for method in INTERVALS if method != "gwet_t"),
        ),
    )
    citations = (LIGHT, CONGER)

    def prepare_ratings(self, codes: IntArray, columns: Columns, **parameters: Any) -> LightPrepared:
        """Add the tables of each subject up; see `ManyRaters.prepare_ratings`."""
        weighting: Weighting = checks.parameters(self, parameters)["weighting"]
        k, raters = len(columns.levels) or 2, codes.shape[1]
        weights, pairs = row_weights(columns), list(combinations(range(raters), 2))
        whose = np.repeat(np.arange(columns.n_subjects), np.diff(columns.offsets))
        size = columns.n_subjects * k * k
        tables = []
        for one, other in pairs:
            both = (codes[:, one] >= 0) & (codes[:, other] >= 0)
            cell = (whose[both] * k + codes[both, one]) * k + codes[both, other]
            counted = np.bincount(cell, weights=weights[both], minlength=size)
            tables.append(counted.astype(np.float64).reshape(columns.n_subjects, k * k))
        paired = (codes >= 0).sum(axis=1) > 1
        return LightPrepared(
            totals=np.hstack([np.empty((columns.n_subjects, 0)), *tables]),
            names=tuple(f"raters {g},{h}: {i},{j}" for g, h in pairs for i in range(k) for j in range(k)),
            statistics=(self.headline,),
            formula=LightFormula(len(pairs), k, weighting),
            units=subject_sums(paired, columns.offsets).astype(np.int64),
            bounds=(-1.0, 1.0),
            raters=raters,
        )


def conger_kappa(
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
    """Conger's kappa of several raters (Conger 1980; missing ratings and weights: Gwet 2014).

    As `fleiss_kappa`, but raters keep their own shares of the categories: p_e is the mean over pairs of
    raters of the credit that two draws from their own shares would have. Where raters use the categories
    differently, Fleiss' kappa counts that as disagreement beyond chance and is smaller. A column has to be
    the same rater throughout. With two raters it is Cohen's kappa. Raters without a rating do not count.

    Arguments and errors as for `fleiss_kappa`.

    Example:
        >>> table = [["a", "a", "a"], ["a", "b", "a"], ["b", "b", "b"], ["b", "b", None], ["a", "a", "b"]]
        >>> round(conger_kappa(table)["conger_kappa"].value, 4)
        0.4737
    """
    return rated(
        CongerKappa(), ratings, levels=levels, weighting=weighting, subject=subject, ci=ci, level=level,
        sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip


def light_kappa(
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
    """Light's kappa: the mean of Cohen's kappas of all pairs of raters (Light 1971).

    Each pair is compared on the units that both have rated. `kappam.light` of R's irr first drops every unit
    that lacks a rating; drop them beforehand to have its number. A pair without a kappa leaves no mean, and
    the reason names it.

    Arguments and errors as for `fleiss_kappa`, without `gwet_t`.

    Example:
        >>> table = [["a", "a", "a"], ["a", "b", "a"], ["b", "b", "b"], ["b", "b", None], ["a", "a", "b"]]
        >>> round(light_kappa(table)["light_kappa"].value, 4)
        0.3718
    """
    return rated(
        LightKappa(), ratings, levels=levels, weighting=weighting, subject=subject, ci=ci, level=level,
        sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip
