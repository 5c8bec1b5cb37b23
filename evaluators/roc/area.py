"""Area under the ROC curve: how well a score tells reference positives from negatives, at any threshold."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from .. import checks
from ..codes import binary_codes, check_codes, check_request, weighted_rows
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED, arrange, labelled
from ..intervals import METHODS, t_interval, tail_levels
from ..metric import (
    Average,
    CannotComputeError,
    Citation,
    Columns,
    Counts,
    FloatArray,
    Interval,
    Metric,
    MetricResult,
    Prepared,
    Sides,
    Statistic,
)
from ..raters.methods import DELONG, OBUCHOWSKI
from .counts import DIRECTION, Direction, ScoreRows
from .delong import area_of

HANLEY = Citation(
    "hanley1982",
    "Hanley JA, McNeil BJ. The meaning and use of the area under a receiver operating characteristic (ROC) "
    "curve. Radiology 1982;143:29-36.",
)
INTERVALS = (
    "obuchowski_logit", "obuchowski", "cluster_t", "delong", "delong_logit", "bootstrap_percentile",
    "bootstrap_bca",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class AucPrepared(Prepared):
    """A score against a binary reference; sorted when first needed, in the way that is needed.

    Attributes:
        columns: The checked rows.
        direction: Which scores speak for a positive.
    """

    columns: Columns
    direction: Direction
    statistics: tuple[str, ...] = ("auc",)
    n_subjects: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_subjects", self.columns.n_subjects)

    @cached_property
    def rows(self) -> ScoreRows:
        """The rows in order of score."""
        return ScoreRows.of(self.columns, self.direction)

    @cached_property
    def units(self) -> NDArray[np.int64]:
        """(S,) rows of each subject."""
        return np.diff(self.columns.offsets)

    @cached_property
    def single(self) -> bool:
        """Every subject has one row."""
        return bool(np.all(self.units == 1))

    @cached_property
    def independent(self) -> tuple[float, float]:
        """The area and DeLong's variance, each row for itself.

        Raises:
            CannotComputeError: A class is empty.
        """
        positive = self.columns.reference == 1
        area = area_of(self.columns.test[positive], self.columns.test[~positive])
        return (area.value if self.direction == "higher" else 1 - area.value), area.variance

    def at(self, weights: FloatArray, *, relative: bool = False) -> FloatArray:
        """The area at every weight vector; it depends on their ratios only. See `Prepared.at`.

        Raises:
            ValueError: The weights do not have one column a subject.
        """
        del relative
        if weights.ndim != 2 or weights.shape[1] != self.n_subjects:
            raise ValueError(
                f"`weights` is {weights.shape}; one column for each of {self.n_subjects} subjects is needed."
            )
        rows, result = self.rows, np.full((len(weights), 1), np.nan)
        if rows.by_pairs_of_subjects:
            p, n = rows.classes
            for start in range(0, len(weights), 512):
                block = weights[start : start + 512]
                won = np.einsum("bi,bi->b", block @ rows.between, block)
                result[start : start + 512, 0] = _ratio(won, (block @ p) * (block @ n))
            return result
        for start in range(0, len(weights), rows.block):
            p, n = rows.steps_at(weights[start : start + rows.block])
            below = n.sum(axis=1)[:, None] - np.cumsum(n, axis=1) + n / 2
            won = np.einsum("bg,bg->b", p, below)
            result[start : start + rows.block, 0] = _ratio(won, p.sum(axis=1) * n.sum(axis=1))
        return result

    def estimate(self) -> FloatArray:
        """(1,) the area."""
        if self.columns.weights is None:
            try:
                return np.array([self.independent[0]])
            except CannotComputeError:
                return np.array([np.nan])
        p, n = self.rows.classes
        return _ratio(np.array([self.rows.wins[0].sum()]), np.array([p.sum() * n.sum()]))

    def jackknife(self) -> FloatArray:
        """(J, 1) areas with one of the subjects that have rows left out each, from sums: no row is read."""
        p, n = self.rows.classes
        won, lost = self.rows.wins
        left = won.sum() - won - lost + self.rows.own
        return _ratio(left, (p.sum() - p) * (n.sum() - n))[self.units > 0][:, None]

    def counts(self, statistic: str) -> Counts:
        """Subjects with rows, rows, and reference positives among them."""
        del statistic
        positives = int(np.count_nonzero(self.columns.reference == 1))
        return Counts(int(np.count_nonzero(self.units)), len(self.columns.reference), positives)

    def reason_undefined(self, statistic: str) -> str:
        """Which class is empty."""
        del statistic
        return empty_class(self.columns)

    def standard_error(self, statistic: str) -> float:
        """DeLong's where every subject has one row, Obuchowski's otherwise; linearised with row weights."""
        del statistic
        if self.columns.weights is not None:
            return self.cluster_error()
        variance = self.independent[1] if self.single else self._obuchowski()
        return float(np.sqrt(max(variance, 0.0)))

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """DeLong's, Obuchowski's, each also on the logit scale, or `cluster_t`.

        Raises:
            CannotComputeError: A class is empty or too small, row weights with a method that counts units,
                or fewer than two subjects with one that takes them for clusters.
        """
        value = float(self.estimate()[0])
        if np.isnan(value):
            raise CannotComputeError(self.reason_undefined(statistic))
        if method == "cluster_t":
            return self._cluster_t(value, level, sides)
        if method not in ("delong", "delong_logit", "obuchowski", "obuchowski_logit"):
            raise CannotComputeError(f"`{statistic}` has no `{method}` interval.")
        if self.columns.weights is not None:
            raise CannotComputeError(
                f"`{method}` counts units, and these are weighted; use `cluster_t` or a bootstrap."
            )
        several = not self.single and method.startswith("delong")
        variance = self.independent[1] if several or self.single else self._obuchowski()
        if not np.isfinite(variance):
            raise CannotComputeError(self._too_few())
        error = float(np.sqrt(max(variance, 0.0)))
        found = area_interval(value, error, method, level, sides)
        if not several:
            return found
        note = "Units are taken for independent, and subjects have several."
        return Interval(
            found.lower, found.upper, level, sides, method, degenerate=found.degenerate,
            independent_rows=True, warning=" ".join(filter(None, (note, found.warning))),
        )  # fmt: skip

    def _obuchowski(self) -> float:
        """Variance with subjects as clusters (Obuchowski 1997, eq. 4-6)."""
        return clustered_variance(self.components())

    def components(self) -> Components:
        """What the clustered variance is made of, subject by subject."""
        return Components.of(self.rows)

    def influence(self) -> FloatArray:
        """(J,) derivative of the area in the weight of each subject that has rows."""
        p, n = self.rows.classes
        won, lost = self.rows.wins
        value, pairs = won.sum() / (p.sum() * n.sum()), p.sum() * n.sum()
        return np.asarray(((won + lost) / pairs - value * (p / p.sum() + n / n.sum()))[self.units > 0])

    def _too_few(self) -> str:
        return "The variance needs two reference positives and two reference negatives" + (
            ", from at least two subjects each." if not self.single else "."
        )

    def cluster_error(self) -> float:
        """Linearised standard error, subjects as clusters.

        NaN where a class comes from one subject: how it varies between subjects is then unknown, not 0.
        """
        p, n = self.rows.classes
        if min(np.count_nonzero(p), np.count_nonzero(n)) < 2:
            return float("nan")
        z = self.influence()
        return float(np.sqrt(len(z) / (len(z) - 1) * np.square(z - z.mean()).sum()))

    def _cluster_t(self, value: float, level: float, sides: Sides) -> Interval:
        subjects = int(np.count_nonzero(self.units))
        if subjects < 2:
            raise CannotComputeError("An interval needs at least two subjects.")
        error = self.cluster_error()
        if not np.isfinite(error):
            raise CannotComputeError(self._too_few())
        lower, upper = t_interval(value, error, subjects - 1, level, sides)
        degenerate = error <= 1e-14 * max(value, 1 - value)
        return Interval(
            max(lower, 0.0), min(upper, 1.0), level, sides, "cluster_t", degenerate=degenerate,
            warning=_NO_WIDTH if degenerate else None,
        )  # fmt: skip


_NO_WIDTH = "The variance is 0 (the score separates the classes, or is constant); the interval says nothing."


@dataclass(frozen=True, eq=False)
class Components:
    """Sums by subject behind a clustered variance (Obuchowski 1997).

    Attributes:
        value: The area.
        positives: (S,) positives of each subject.
        negatives: (S,) negatives of each subject.
        beats: (S,) sum over a subject's positives of the share of all negatives that they beat.
        beaten: (S,) sum over a subject's negatives of the share of all positives that beat them.
    """

    value: float
    positives: FloatArray
    negatives: FloatArray
    beats: FloatArray
    beaten: FloatArray

    @classmethod
    def of(cls, rows: ScoreRows) -> Components:
        """From sorted rows.

        Raises:
            CannotComputeError: A class is empty.
        """
        p, n = rows.classes
        if not p.sum() or not n.sum():
            raise CannotComputeError(f"There are no reference {'negatives' if p.sum() else 'positives'}.")
        won, lost = rows.wins
        value = float(won.sum() / (p.sum() * n.sum()))
        return cls(value, p, n, won / n.sum(), lost / p.sum())


def clustered_variance(first: Components, second: Components | None = None) -> float:
    """Variance of an area, or covariance of two on the same rows, with subjects as clusters.

    NaN where a class comes from a single subject.
    """
    other = first if second is None else second
    with_positives = int(np.count_nonzero(first.positives))
    with_negatives = int(np.count_nonzero(first.negatives))
    subjects = int(np.count_nonzero(first.positives + first.negatives))
    if with_positives < 2 or with_negatives < 2:
        return float("nan")
    m, n = first.positives.sum(), first.negatives.sum()
    p1, n1 = first.beats - first.positives * first.value, first.beaten - first.negatives * first.value
    p2, n2 = other.beats - other.positives * other.value, other.beaten - other.negatives * other.value
    s10 = with_positives / ((with_positives - 1) * m) * float(p1 @ p2)
    s01 = with_negatives / ((with_negatives - 1) * n) * float(n1 @ n2)
    s11 = subjects / (subjects - 1) * (float(p1 @ n2) + float(n1 @ p2))
    return float(s10 / m + s01 / n + s11 / (m * n))


def area_interval(value: float, error: float, method: str, level: float, sides: Sides) -> Interval:
    """Normal interval of an area, on its own or the logit scale (methods that end in `_logit`).

    Raises:
        CannotComputeError: The logit is infinite.
    """
    low, high = tail_levels(level, sides)
    reach = np.array(
        [special.ndtri(low) if low > 0 else -np.inf, special.ndtri(high) if high < 1 else np.inf]
    )
    degenerate = error <= 1e-14
    if method.endswith("_logit"):
        if not 0 < value < 1:
            raise CannotComputeError("The logit of an area of 0 or 1 is infinite.")
        scaled = error / (value * (1 - value))
        ends = special.expit(special.logit(value) + reach * scaled) if not degenerate else [value, value]
    else:
        ends = np.clip(value + reach * error, 0.0, 1.0) if not degenerate else [value, value]
    if degenerate:
        ends = [value if low > 0 else 0.0, value if high < 1 else 1.0]
    return Interval(
        float(ends[0]), float(ends[1]), level, sides, method, degenerate=degenerate,
        warning=_NO_WIDTH if degenerate else None,
    )  # fmt: skip


def empty_class(columns: Columns) -> str:
    """Why a statistic of two classes has no value."""
    if not len(columns.reference):
        return "There are no rows."
    positives = int(np.count_nonzero(columns.reference == 1))
    return f"There are no reference {'negatives' if positives else 'positives'}."


def score_columns(metric: Metric, columns: Columns, average: str, parameters: dict[str, Any]) -> Columns:
    """The columns of a metric of a score, checked.

    Raises:
        ValueError: Codes other than 0 and 1, scores that are no finite numbers, an unknown average, or a
            parameter that is not acceptable.
    """
    check_request(metric, columns, average, parameters)
    check_codes("reference", columns.reference, 2)
    score = checks.measurements("test", columns.test)
    weights = None if columns.weights is None else checks.row_weights(columns.weights)
    return weighted_rows(Columns(columns.reference, score, checks.offsets(columns), columns.levels, weights))


def scored(
    reference: ArrayLike, score: ArrayLike, positive: Any, subject: Any, weights: ArrayLike | None
) -> tuple[Columns, tuple[str, ...]]:
    """Checked columns of a score, sorted by subject, with the subjects' keys."""
    return arrange(
        binary_codes("reference", reference, positive),
        checks.measurements("test", score),
        subject,
        None if weights is None else checks.row_weights(weights),
    )


class AreaUnderCurve(Metric):
    """Area under the empirical ROC curve; the plain function is `auc`."""

    name = "auc"
    title = "Area under the ROC curve"
    summary = "Probability that a reference positive scores higher than a reference negative."
    kind = "score"
    route = "ordered"
    headline = "auc"
    parameters = (DIRECTION,)
    statistics = (
        Statistic(
            "auc",
            title,
            "Share of pairs of a reference positive and a reference negative in which the positive's score "
            "speaks more for a positive; ties count half. Empirical, no model.",
            "proportion",
            "higher",
            INTERVALS,
        ),
    )
    citations = (HANLEY, DELONG, OBUCHOWSKI)

    def prepare(self, columns: Columns, *, average: Average = "pooled", **parameters: Any) -> AucPrepared:
        """Check the rows; they are sorted when first needed.

        Raises:
            ValueError: See `score_columns`.
        """
        checked = score_columns(self, columns, average, parameters)
        return AucPrepared(checked, checks.parameters(self, parameters)["direction"])


AUC = AreaUnderCurve()
METRICS: tuple[Metric, ...] = (AUC,)


def auc(
    reference: ArrayLike,
    score: ArrayLike,
    *,
    positive: Any = None,
    direction: Direction = "higher",
    subject: Any = None,
    weights: ArrayLike | None = None,
    ci: str | None = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Area under the empirical ROC curve (AUC, c statistic).

    The share of pairs of a reference positive and a reference negative in which the positive scores higher;
    ties count half. An area below 0.5 means that the score is upside down; it is reported as it is.

    Args:
        reference: (n,) values of the reference.
        score: (n,) numbers of the index test.
        positive: The reference value, or values, that count as positive. Default: values are 0 and 1.
        direction: `higher` scores (default) or `lower` ones speak for a positive. Never chosen from the data.
        subject: (n,) subject labels, compared as text. Default: every row is a subject of its own.
        weights: (n,) row weights, of which only the ratios matter; intervals that count units are then not
            available.
        ci: Units independent: `delong`, `delong_logit`. Subjects as clusters: `obuchowski`,
            `obuchowski_logit`, `cluster_t`, `bootstrap_percentile`, `bootstrap_bca`. Default: `delong_logit`
            where every row is a subject of its own, `obuchowski_logit`, which is the same there, where
            subjects have several, `cluster_t` with row weights. In simulations of 95% intervals
            `obuchowski_logit` covered 88% with 10 subjects of several rows, 93% with 40 and 95% with 200,
            `obuchowski` 84%, 92% and 94%. Where the classes do not overlap there is none on the logit scale.
        level: Confidence level.
        sides: `two`, or the one bound wanted; the other is then 0 or 1.
        replicates: Bootstrap replicates.
        seed: Seed of the bootstrap.

    Returns:
        `auc`, 0 to 1. `standard_error` is that of the default interval.

    Raises:
        ValueError: Lengths differ, a value is missing, the reference needs `positive`, or a parameter is not
            acceptable. An empty class is no exception: the estimate has no value, and `error` says why.

    References:
        Hanley JA, McNeil BJ. Radiology 1982;143:29-36. DeLong ER, DeLong DM, Clarke-Pearson DL. Biometrics
        1988;44:837-845. Clusters: Obuchowski NA. Biometrics 1997;53:567-578.

    Example:
        >>> found = auc([0, 0, 0, 0, 1, 1, 1, 1], [0.1, 0.3, 0.4, 0.4, 0.2, 0.4, 0.8, 0.9])["auc"]
        >>> print(f"{found.value:.3f} ({found.interval.lower:.3f} to {found.interval.upper:.3f})")
        0.750 (0.275 to 0.959)
    """
    truth, numbers = binary_codes("reference", reference, positive), checks.measurements("test", score)
    checks.same_length(len(truth), {"test": numbers})
    chosen = ci or ("delong_logit" if subject is None and weights is None else None)
    keys: tuple[str, ...] = ()
    if chosen in ("delong", "delong_logit") and subject is None and weights is None:
        # counts of pairs depend on no order, so the rows need none
        columns = Columns(truth, numbers, np.arange(len(truth) + 1))
    else:
        columns, keys = scored(truth, numbers, None, subject, weights)
    if chosen is None:
        several = weights is None and bool(np.any(np.diff(columns.offsets) > 1))
        chosen = "obuchowski_logit" if several else "delong_logit" if weights is None else "cluster_t"
    if chosen not in INTERVALS or chosen not in METHODS:
        raise ValueError(f"`ci` is {chosen!r}; `auc` offers {', '.join(sorted(INTERVALS))}.")
    parameters = checks.parameters(AUC, {"direction": direction})
    prepared = AUC.prepare(columns, **parameters)
    return labelled(
        AUC, prepared, keys, average="pooled", parameters=parameters, ci=chosen, level=level, sides=sides,
        replicates=replicates, seed=seed,
    )  # fmt: skip


def _ratio(won: FloatArray, pairs: FloatArray) -> FloatArray:
    return np.asarray(np.divide(won, pairs, out=np.full(np.shape(won), np.nan), where=pairs > 0))
