"""PABAK with the indices that explain kappa: prevalence, bias, positive and negative agreement."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from .. import checks
from ..additive import AdditivePrepared, row_weights, subject_sums
from ..classification.cell_counts import CELLS
from ..codes import binary_codes, check_codes, check_request, weighted_rows
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED, Method, arrange, evaluate
from ..intervals import clopper_pearson, tail_levels, wilson
from ..metric import (
    Average,
    CannotComputeError,
    Citation,
    Columns,
    Counts,
    Interval,
    Metric,
    MetricResult,
    Sides,
    Statistic,
)
from ..proportions.bounds import ProportionData, proportion_interval

BYRT = Citation(
    "byrt1993", "Byrt T, Bishop J, Carlin JB. Bias, prevalence and kappa. J Clin Epidemiol 1993;46:423-429."
)
CICCHETTI = Citation(
    "cicchetti1990",
    "Cicchetti DV, Feinstein AR. High agreement but low kappa: II. Resolving the paradoxes. "
    "J Clin Epidemiol 1990;43:551-558.",
)
_BOOTSTRAP = ("bootstrap_bca", "bootstrap_percentile")
_INDEX = ("cluster_t", "asymptotic", *_BOOTSTRAP)
_EXACT = {"clopper_pearson": clopper_pearson, "wilson": wilson}
_NAMES = ("pabak", "prevalence_index", "bias_index", "positive_agreement", "negative_agreement")


def indices(totals: NDArray[Any]) -> NDArray[Any]:
    """From added-up TP, FP, FN, TN to the five statistics."""
    tp, fp, fn, tn = (totals[..., i] for i in range(4))
    n = tp + fp + fn + tn
    return np.stack(
        [
            (tp + tn - fp - fn) / n,
            (tp - tn) / n,
            (fp - fn) / n,
            2 * tp / (2 * tp + fp + fn),
            2 * tn / (2 * tn + fp + fn),
        ],
        axis=-1,
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class PabakPrepared(AdditivePrepared):
    """The four cells of each subject.

    Attributes:
        counted: (S, 4) the cells without row weights.
        weighted: Row weights were given.
    """

    counted: NDArray[Any]
    weighted: bool

    def counts(self, statistic: str) -> Counts:
        """Subjects with rows, units, and the units on which both agree, or agree on that category."""
        tp, _, _, tn = self.counted.sum(axis=0)
        agreed = {"pabak": tp + tn, "positive_agreement": tp, "negative_agreement": tn}.get(statistic)
        events = None if agreed is None else int(agreed)
        return Counts(int(np.count_nonzero(self.active)), int(self.units.sum()), events)

    def reason_undefined(self, statistic: str) -> str:
        """No rows, or nobody used that category."""
        if np.any(self.active) and statistic.endswith("_agreement"):
            return f"Neither reference nor test is ever {statistic.partition('_')[0]}."
        return super().reason_undefined(statistic)

    def subset(self, chosen: NDArray[Any]) -> PabakPrepared:
        """The chosen subjects only."""
        return replace(super().subset(chosen), counted=self.counted[chosen])

    def concat(self, *others: AdditivePrepared) -> PabakPrepared:
        """These subjects and others."""
        together = super().concat(*others)  # type: ignore[arg-type]
        parts = [self, *(other for other in others if isinstance(other, PabakPrepared))]
        return replace(together, counted=np.concatenate([part.counted for part in parts]))

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """PABAK: that of the share of agreement, 2 p - 1; indices: normal, by the delta method.

        Raises:
            CannotComputeError: No rows, row weights with a method that counts units, or fewer than two
                subjects with `cluster_t`.
        """
        if method == "korn_graubard":
            return self._clustered(level, sides)
        if method not in (*_EXACT, "asymptotic"):
            found = super().interval(statistic, method, level, sides)
            return found if "agreement" not in statistic else replace(found, lower=max(found.lower, 0.0))
        if self.weighted:
            raise CannotComputeError(
                f"`{method}` counts units, and these are weighted; use `cluster_t` or a bootstrap."
            )
        several = bool(np.any(self.units > 1))
        notes = ["Units are taken for independent, and subjects have several."] if several else []
        degenerate = False
        if method in _EXACT:
            n = self.counts(statistic)
            lower, upper = _EXACT[method](n.n_events or 0, n.n_units, level, sides)
            lower, upper = 2 * lower - 1, 2 * upper - 1
        else:
            value, error = self._value_and_error(statistic)
            low, high = tail_levels(level, sides)
            least = 0.0 if statistic.endswith("_agreement") else -1.0
            lower = max(value + special.ndtri(low) * error, least) if low > 0 else least
            upper = min(value + special.ndtri(high) * error, 1.0) if high < 1 else 1.0
            degenerate = error == 0
            if degenerate:
                notes.append("The standard error is 0; the interval has no width and says nothing.")
        return Interval(
            lower=float(lower),
            upper=float(upper),
            level=level,
            sides=sides,
            method=method,
            degenerate=degenerate,
            independent_rows=several,
            warning=" ".join(notes) or None,
        )

    def _clustered(self, level: float, sides: Sides) -> Interval:
        """PABAK by Korn and Graubard's interval of the share of agreement."""
        agreed, units = self.counted[:, [0, 3]].sum(axis=1), self.counted.sum(axis=1)
        share = ProportionData(
            events=agreed,
            units=units,
            value=(float(self.estimate()[0]) + 1) / 2,
            standard_error=self.standard_error("pabak") / 2,
            sizes=self.totals.sum(axis=1),
            weighted=self.weighted,
            by_subject=False,
            empty=self.reason_undefined("pabak"),
        )
        found = proportion_interval(share, "korn_graubard", level, sides)
        return replace(found, lower=2 * found.lower - 1, upper=2 * found.upper - 1)

    def _value_and_error(self, statistic: str) -> tuple[float, float]:
        index = self.statistics.index(statistic)
        cells = self.totals.sum(axis=0)
        with np.errstate(all="ignore"):
            value = float(indices(cells)[index])
            slope = np.imag(indices(cells + 1j * 1e-30 * np.eye(4))[:, index]) / 1e-30
        if not np.isfinite(value):
            raise CannotComputeError(self.reason_undefined(statistic))
        return value, float(np.sqrt((cells * np.square(slope)).sum()))


class Pabak(Metric):
    """Prevalence-adjusted bias-adjusted kappa; the plain function is `pabak`."""

    name = "pabak"
    title = "PABAK with prevalence and bias index"
    summary = "Twice the share of agreement less one, and the indices that explain a low kappa."
    kind = "binary"
    route = "additive"
    headline = "pabak"
    figure = "confusion"
    statistics = (
        Statistic(
            "pabak",
            "Prevalence-adjusted bias-adjusted kappa",
            "2 p_o - 1 with p_o the share of units on which test and reference agree; kappa at a prevalence "
            "of one half and without bias.",
            "none",
            "higher",
            ("korn_graubard", "clopper_pearson", "wilson", "cluster_t", *_BOOTSTRAP),
        ),
        Statistic(
            "prevalence_index",
            "Prevalence index",
            "(TP - TN) / n: share of units positive by both less that negative by both.",
            "none",
            "none",
            _INDEX,
        ),
        Statistic(
            "bias_index",
            "Bias index",
            "(FP - FN) / n: share of units positive by the test less that positive by the reference.",
            "none",
            "near_zero",
            _INDEX,
        ),
        Statistic(
            "positive_agreement",
            "Positive agreement",
            "2 TP / (2 TP + FP + FN): agreement on the positive units.",
            "proportion",
            "higher",
            _INDEX,
        ),
        Statistic(
            "negative_agreement",
            "Negative agreement",
            "2 TN / (2 TN + FP + FN): agreement on the negative units.",
            "proportion",
            "higher",
            _INDEX,
        ),
    )
    citations = (BYRT, CICCHETTI)

    def prepare(self, columns: Columns, *, average: Average = "pooled", **parameters: Any) -> PabakPrepared:
        """Count the cells of each subject.

        Raises:
            ValueError: Codes other than 0 and 1, an unknown average, or any parameter.
        """
        check_request(self, columns, average, parameters)
        check_codes("reference", columns.reference, 2)
        check_codes("test", columns.test, 2)
        columns = weighted_rows(columns)
        truth, call = columns.reference == 1, columns.test == 1
        cells = (truth & call, ~truth & call, truth & ~call, ~(truth | call))
        counted = np.stack([subject_sums(cell, columns.offsets) for cell in cells], axis=1)
        totals = counted
        if columns.weights is not None:
            weights = row_weights(columns)
            totals = np.stack([subject_sums(cell * weights, columns.offsets) for cell in cells], axis=1)
        return PabakPrepared(
            totals=totals,
            names=CELLS,
            statistics=_NAMES,
            formula=indices,
            units=np.diff(columns.offsets),
            bounds=(-1.0, 1.0),
            counted=counted,
            weighted=columns.weights is not None,
        )


PABAK = Pabak()
METRICS: tuple[Metric, ...] = (PABAK,)


def pabak(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    positive: Any = None,
    subject: Any = None,
    weights: ArrayLike | None = None,
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """PABAK, 2 p_o - 1, with prevalence and bias index, positive and negative agreement (Byrt 1993).

    Kappa falls where one category is rare (large prevalence index) and rises with bias; PABAK is what it
    would be without either. It is the share of agreement on another scale and says nothing that the share
    does not. The bias index is test - reference; Byrt's has the order of his raters.

    Args:
        reference: (n,) values of the reference.
        test: (n,) values of the index test.
        positive: The value, or the values, that count as positive. Default: values are 0 and 1.
        subject: (n,) subject labels, compared as text. Default: every row is a subject of its own.
        weights: (n,) row weights, of which only the ratios matter.
        ci: `korn_graubard`, `clopper_pearson` or `wilson` (of the share of agreement, PABAK only),
            `asymptotic` (delta method; indices and agreements), `cluster_t`, `bootstrap_bca`,
            `bootstrap_percentile`. Default: `clopper_pearson` and `asymptotic` where every subject has one
            unit; otherwise `korn_graubard` of PABAK, `cluster_t` of the others.
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates.
        seed: Seed of the bootstrap.

    Raises:
        ValueError: Lengths differ, a value is missing, values need `positive`, or a parameter is not
            acceptable.

    Example:
        `epiR::epi.kappa(matrix(c(118, 2, 5, 0), 2))$pabak` in R gives 0.888 (0.776 to 0.954); kappa is -0.02.

        >>> result = pabak([1] * 123 + [0] * 2, [1] * 118 + [0] * 5 + [1] * 2)
        >>> found = result["pabak"]
        >>> round(found.value, 3), round(found.interval.lower, 3), round(found.interval.upper, 3)
        (0.888, 0.776, 0.954)
        >>> round(result["prevalence_index"].value, 3), round(result["bias_index"].value, 3)
        (0.944, -0.024)
    """
    given = None if weights is None else checks.row_weights(weights)
    columns, keys = arrange(
        binary_codes("reference", reference, positive), binary_codes("test", test, positive), subject, given
    )
    if ci is None and given is None and not np.any(np.diff(columns.offsets) > 1):
        ci = {"pabak": "clopper_pearson", **dict.fromkeys(_NAMES[1:], "asymptotic")}
    return evaluate(
        PABAK, columns, keys, average="pooled", parameters={}, ci=ci, level=level, sides=sides,
        replicates=replicates, seed=seed,
    )  # fmt: skip
