"""Sensitivity, pooled and averaged over subjects, and kappa: counts of each subject are drawn directly."""

from __future__ import annotations

from typing import Any

import numpy as np

from accordance.evaluators import registry
from accordance.evaluators.metric import Average, CannotComputeError, Columns
from accordance.evaluators.proportions.clustered import CLUSTERED
from accordance.evaluators.proportions.intervals import BINOMIAL

from . import designs
from .designs import Array, Layout
from .intervals import LEVEL, Tallies, analytic, bootstrap, studies_of, weights

SHARES = {"0.7": 0.7, "0.9": 0.9, "0.97": 0.97}
"""True sensitivities."""

TABLES = {
    "0.4, balanced": (0.35, 0.15, 0.15, 0.35),
    "0.8, balanced": (0.45, 0.05, 0.05, 0.45),
    "0.63, rare": (0.065, 0.03, 0.035, 0.87),
}
"""Probabilities of TP, FP, FN, TN; the name begins with the true kappa."""

MEAN_METHODS = ("cluster_t", "korn_graubard", "rao_scott_wilson", "cluster_logit")
"""Of those that can take the mean of subjects' own shares."""

_SLOW_AND_CLOSE = "blaker"  # each of its bounds is a search; left out beyond so many units:
_SLOW_UNITS = 2000


def kappa_of(table: tuple[float, ...]) -> float:
    """True kappa of a 2 x 2 table of probabilities."""
    tp, fp, fn, tn = table
    chance = (tp + fn) * (tp + fp) + (fp + tn) * (fn + tn)
    return float((tp + tn - chance) / (1 - chance))


def simulate(
    kind: str, case: str, subjects: int, rows: str, icc: float, *, studies: int, replicates: int, seed: int
) -> Tallies:
    """Tallies of one design."""
    cases = tuple(SHARES if kind == "sensitivity" else TABLES)
    identity = [subjects, designs.ROWS.index(rows), designs.ICC.index(icc), cases.index(case)]
    rng = np.random.default_rng([seed, *identity, 2 if kind == "sensitivity" else 3])
    plan = designs.layout(subjects, rows)
    run = _sensitivity if kind == "sensitivity" else _kappa
    truth = SHARES[case] if kind == "sensitivity" else kappa_of(TABLES[case])
    # the expected share of events is the same for all subjects, so their mean has the same true value
    tallies = Tallies({kind: truth, f"{kind}_mean": truth})
    for start in range(0, studies, 250):
        matrix = weights(subjects, replicates, seed + start // 250)
        run(tallies, case, plan, icc, rng, min(250, studies - start), matrix)
    return tallies


def events(share: float, plan: Layout, icc: float, rng: np.random.Generator, count: int) -> Array:
    """(C, S) beta-binomial counts: any two units of a subject have correlation icc."""
    size = (count, len(plan.counts))
    if icc == 0:
        return rng.binomial(plan.counts, share, size).astype(np.float64)
    own = rng.beta(share * (1 - icc) / icc, (1 - share) * (1 - icc) / icc, size)
    return rng.binomial(plan.counts, own).astype(np.float64)


def tables(
    chances: tuple[float, ...], plan: Layout, icc: float, rng: np.random.Generator, count: int
) -> Array:
    """(C, S, 4) Dirichlet-multinomial counts: any two units of a subject have correlation icc."""
    size = (count, len(plan.counts))
    if icc == 0:
        return rng.multinomial(plan.counts, chances, size).astype(np.float64)
    own = rng.standard_gamma(np.array(chances) * (1 - icc) / icc, (*size, 4))
    own = np.maximum(own, 1e-300)  # small shapes underflow; the largest cell then has all
    return rng.multinomial(plan.counts, own / own.sum(axis=-1, keepdims=True)).astype(np.float64)


def proportions(events_of: Array, units: Array) -> list[Any]:
    """Prepared sensitivities of studies with (C, S) events in (S,) units."""
    return studies_of(template("pooled"), _proportion_totals(events_of, units), units.astype(np.int64))


def template(average: Average) -> Any:
    """The product's own preparation of a small example."""
    columns = Columns(np.array([1, 1, 0]), np.array([1, 0, 0]), np.array([0, 2, 3]))
    return registry.get("sensitivity").prepare(columns, average=average)


def _proportion_totals(x: Array, n: Array) -> Array:
    totals = np.zeros((*x.shape, 6))  # tp, fp, fn, tn, events, units
    totals[..., 0], totals[..., 2] = x, n - x
    totals[..., 4], totals[..., 5] = x, n
    return totals


def agreements(cells: Array, counts: Array) -> list[Any]:
    """Prepared kappas of studies with (C, S, 4) counts of TP, FP, FN, TN."""
    columns = Columns(
        np.array([1, 1, 0]), np.array([1, 0, 0]), np.array([0, 2, 3]), levels=("negative", "positive")
    )
    prepared = registry.get("cohen_kappa").prepare(columns)
    return studies_of(prepared, _table_totals(cells), counts)


def _table_totals(cells: Array) -> Array:
    tp, fp, fn, tn = np.moveaxis(cells, -1, 0)
    return np.stack([tn, fp, fn, tp, tp + tn], axis=-1)  # the k x k table row by row, then agreement


def _sensitivity(
    into: Tallies, case: str, plan: Layout, icc: float, rng: np.random.Generator, count: int, matrix: Array
) -> None:
    x, n = events(SHARES[case], plan, icc, rng, count), plan.counts.astype(np.float64)
    studies = proportions(x, n)
    for method in ("cluster_t", *CLUSTERED):
        analytic(into, "sensitivity", method, studies)
    for method, bounds in BINOMIAL.items():
        if method == _SLOW_AND_CLOSE and plan.n_rows > _SLOW_UNITS:
            continue
        found = [_binomial(bounds, one, float(n.sum())) for one in x.sum(axis=1)]
        lower, upper = np.array(found).T
        into.add("sensitivity", method, lower, upper)
    bootstrap(into, {0: "sensitivity"}, studies[0].formula, _proportion_totals(x, n), matrix)
    if plan.n_rows > len(plan.counts):
        _mean_over_subjects(into, x, n, matrix)


def _mean_over_subjects(into: Tallies, x: Array, n: Array, matrix: Array) -> None:
    totals = mean_totals(x, n)
    studies = studies_of(template("subject_mean"), totals, n.astype(np.int64))
    for method in MEAN_METHODS:
        analytic(into, "sensitivity_mean", method, studies, statistic="sensitivity")
    bootstrap(into, {0: "sensitivity_mean"}, studies[0].formula, totals, matrix)


def mean_totals(x: Array, n: Array) -> Array:
    """(C, S, 4) totals of a mean of the subjects' own shares: share, subjects, events, units."""
    share, n = x / n, np.broadcast_to(n, x.shape)
    return np.stack([share, np.ones(x.shape), x, n], axis=-1)


def _binomial(bounds: Any, x: float, n: float) -> tuple[float, float]:
    key = bounds, x, n
    if key not in _known:
        try:
            _known[key] = bounds(x, n, LEVEL, "two")
        except CannotComputeError:
            _known[key] = (np.nan, np.nan)
    return _known[key]


_known: dict[Any, tuple[float, float]] = {}


def _kappa(
    into: Tallies, case: str, plan: Layout, icc: float, rng: np.random.Generator, count: int, matrix: Array
) -> None:
    cells = tables(TABLES[case], plan, icc, rng, count)
    studies = agreements(cells, plan.counts)
    for method in ("asymptotic", "cluster_t"):
        analytic(into, "kappa", method, studies)
    bootstrap(into, {0: "kappa"}, studies[0].formula, _table_totals(cells), matrix)
