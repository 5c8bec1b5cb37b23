"""Predictive values and likelihood ratios of two versions on the same units.

The denominators of predictive values (units called positive, or negative) differ between the versions and
overlap, so McNemar's test does not apply. Units are independent here; where they are clustered in subjects,
`compare_versions("ppv", ...)` has the paired difference with subjects resampled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from .. import checks
from ..codes import binary_codes
from ..intervals import tail_levels
from ..metric import CannotComputeError, Citation, FloatArray, Interval, Sides
from .paired_counts import PairedCounts, paired_counts
from .results import ComparedProportions, HypothesisTest

Value = Literal["ppv", "npv"]
Side = Literal["positive", "negative"]

LEISENRING = Citation(
    "leisenring2000",
    "Leisenring W, Alonzo T, Pepe MS. Comparisons of predictive values of binary medical diagnostic tests "
    "for paired designs. Biometrics 2000;56:345-351.",
)
KOSINSKI = Citation(
    "kosinski2013",
    "Kosinski AS. A weighted generalized score statistic for comparison of predictive values of diagnostic "
    "tests. Stat Med 2013;32:964-977.",
)

_NAMES = {"ppv": "positive predictive value", "npv": "negative predictive value"}


@dataclass(frozen=True)
class PairedDiagnosis:
    """Independent units by the reference and the calls of two versions; "success" is a positive call.

    Attributes:
        positives: Reference positives by who calls them positive.
        negatives: Reference negatives by who calls them positive (falsely).
    """

    positives: PairedCounts
    negatives: PairedCounts

    @property
    def n(self) -> int:
        """All units."""
        return self.positives.n + self.negatives.n

    def called(self, value: Value) -> _Called:
        """The units that count for a predictive value, by who makes the call."""
        if value not in _NAMES:
            raise ValueError(f"`value` must be ppv or npv, not {value!r}.")
        right, wrong = self.positives, self.negatives
        if value == "npv":  # a negative call is the right one for a reference negative
            right, wrong = _turned(self.negatives), _turned(self.positives)
        return _Called(
            right=np.array([right.both, right.candidate_only, right.baseline_only], dtype=np.float64),
            wrong=np.array([wrong.both, wrong.candidate_only, wrong.baseline_only], dtype=np.float64),
            words=_NAMES[value],
        )


@dataclass(frozen=True, eq=False)
class _Called:
    """Right and wrong calls: of both versions, of the candidate only, of the baseline only."""

    right: FloatArray
    wrong: FloatArray
    words: str

    def calls(self) -> tuple[float, float]:
        """Number of calls of candidate and baseline, both above 0.

        Raises:
            CannotComputeError: A version never makes the call.
        """
        cells = self.right + self.wrong
        found = float(cells[0] + cells[1]), float(cells[0] + cells[2])
        for name, count in zip(("candidate", "baseline"), found, strict=True):
            if count == 0:
                raise CannotComputeError(f"The {name} has no {self.words}: it never makes that call.")
        return found

    def values(self) -> tuple[float, float]:
        """Predictive values of candidate and baseline."""
        candidate, baseline = self.calls()
        return (
            float(self.right[0] + self.right[1]) / candidate,
            float(self.right[0] + self.right[2]) / baseline,
        )


def paired_diagnosis(
    reference: ArrayLike,
    baseline: ArrayLike,
    candidate: ArrayLike,
    *,
    positive: Any = None,
    subject: Any = None,
) -> PairedDiagnosis:
    """Cells of independent units, from one row a unit.

    Args:
        reference: (n,) values of the reference.
        baseline: (n,) calls of the baseline.
        candidate: (n,) calls of the candidate.
        positive: The value, or values, that count as positive. Default: values are 0 and 1.
        subject: (n,) subject labels. Default: every row is a subject of its own.

    Raises:
        CannotComputeError: A subject has several rows, which are not independent.
        ValueError: Lengths differ, a value is missing, or values need `positive`.

    Example:
        >>> found = paired_diagnosis([1, 1, 0, 0], [1, 0, 1, 0], [1, 1, 0, 0])
        >>> found.positives.both, found.positives.candidate_only, found.negatives.baseline_only
        (1, 1, 1)
    """
    truth = binary_codes("reference", reference, positive)
    first, second = (
        binary_codes("baseline", baseline, positive),
        binary_codes("candidate", candidate, positive),
    )
    checks.same_length(len(truth), {"baseline": first, "candidate": second})
    if subject is not None:
        keys, _ = checks.subject_labels(subject, len(truth))
        if len(keys) < len(truth):
            raise CannotComputeError(
                "Rows are taken for independent, and subjects have several; use `compare_versions`."
            )
    return PairedDiagnosis(
        paired_counts(first[truth == 1], second[truth == 1]),
        paired_counts(first[truth == 0], second[truth == 0]),
    )


def predictive_value_test(
    counts: PairedDiagnosis, *, value: Value = "ppv", method: Literal["weighted", "score"] = "weighted"
) -> HypothesisTest:
    """Test that two versions have the same predictive value on the same units.

    - `weighted` (default): weighted generalised score, (difference)^2 / ((p (1 - p) - 2 C) (1 / n1 + 1 / n2))
      with p pooled over the calls of both versions and C the covariance of units that both call. It is the
      score test with the units' weights right under the null hypothesis, and reduces to the usual score test
      where no unit is called by both (Kosinski 2013).
    - `score`: generalised score of Leisenring, Alonzo & Pepe 2000.

    Both are chi-square with 1 df.

    Args:
        counts: The cells, from `paired_diagnosis` or written down.
        value: `ppv` or `npv`.
        method: Which test.

    Raises:
        CannotComputeError: A version never makes the call; or all calls are right, or all are wrong.
        ValueError: An unknown value or method.

    Example:
        The hypothetical data of `DTComPair` in R (Paired1); test 2 is the candidate.

        >>> positives = PairedCounts(both=319, candidate_only=22, baseline_only=78, neither=32)
        >>> negatives = PairedCounts(both=31, candidate_only=22, baseline_only=53, neither=155)
        >>> result = predictive_value_test(PairedDiagnosis(positives, negatives))
        >>> round(result.statistic, 4), round(result.p_value, 4)
        (5.4659, 0.0194)
    """
    if method not in ("weighted", "score"):
        raise ValueError(f"`method` must be weighted or score, not {method!r}.")
    called = counts.called(value)
    n1, n2 = called.calls()
    candidate, baseline = called.values()
    pooled = (candidate * n1 + baseline * n2) / (n1 + n2)
    if not 0 < pooled < 1:
        state = "right" if pooled else "wrong"
        raise CannotComputeError(f"All calls of both versions are {state}; the test has no variance.")
    if method == "weighted":
        shared = (called.right[0] * (1 - pooled) ** 2 + called.wrong[0] * pooled**2) / (n1 + n2)
        variance = (pooled * (1 - pooled) - 2 * shared) * (1 / n1 + 1 / n2)
        numerator = (candidate - baseline) ** 2
    else:
        share = n1 / (n1 + n2)
        version = np.array([1 - 2 * share, 1 - share, -share])  # by who makes the call
        numerator = float((called.right * version).sum()) ** 2
        variance = float(
            (called.right * ((1 - pooled) * version) ** 2 + called.wrong * (pooled * version) ** 2).sum()
        )
    # rounding leaves about 1e-16 where both versions make the same calls
    if variance <= 1e-14 * (1 / n1 + 1 / n2):
        raise CannotComputeError("Both versions make the same calls; the test has no variance.")
    statistic = float(numerator / variance)
    name = "weighted generalised score" if method == "weighted" else "generalised score"
    return HypothesisTest(
        test=f"Paired {value.upper()}, {name}",
        hypothesis=f"candidate and baseline have the same {called.words}",
        p_value=float(special.chdtrc(1, statistic)),
        statistic=statistic,
        distribution="chi-square, 1 df",
        n=counts.n,
        counted="units",
        details={"candidate": candidate, "baseline": baseline, "difference": candidate - baseline},
        citations=(KOSINSKI if method == "weighted" else LEISENRING,),
    )


def relative_predictive_value(
    counts: PairedDiagnosis, *, value: Value = "ppv", level: float = 0.95, sides: Sides = "two"
) -> ComparedProportions:
    """Ratio of two predictive values on the same units, candidate / baseline (Moskowitz & Pepe 2006).

    The interval is normal on the logarithm, with the variance by the multinomial delta method.

    Args:
        counts: The cells.
        value: `ppv` or `npv`.
        level: Confidence level.
        sides: `two`, or the one bound wanted; the other end is then 0 or infinite.

    Raises:
        CannotComputeError: A version never makes the call, or never makes it rightly.
        ValueError: An unknown value.

    Example:
        >>> positives = PairedCounts(both=319, candidate_only=22, baseline_only=78, neither=32)
        >>> negatives = PairedCounts(both=31, candidate_only=22, baseline_only=53, neither=155)
        >>> found = relative_predictive_value(PairedDiagnosis(positives, negatives))
        >>> round(found.value, 4), round(found.interval.lower, 4), round(found.interval.upper, 4)
        (1.0486, 1.0085, 1.0903)
    """
    called = counts.called(value)
    n1, n2 = called.calls()
    candidate, baseline = called.values()
    if not (candidate and baseline):
        raise CannotComputeError(f"A version has a {called.words} of 0; the ratio has no interval.")
    # derivative of log(candidate / baseline) in the weight of a unit: both, candidate only, baseline only
    calls = np.array([1 / n1 - 1 / n2, 1 / n1, -1 / n2])
    rights = np.array(
        [1 / (candidate * n1) - 1 / (baseline * n2), 1 / (candidate * n1), -1 / (baseline * n2)]
    )
    variance = (called.right * (rights - calls) ** 2 + called.wrong * calls**2).sum()
    return _ratio(
        f"Relative {called.words} (candidate / baseline)",
        candidate, baseline, float(np.sqrt(variance)), counts.n, "moskowitz_pepe", level, sides,
    )  # fmt: skip


def relative_likelihood_ratio(
    counts: PairedDiagnosis, *, side: Side = "positive", level: float = 0.95, sides: Sides = "two"
) -> ComparedProportions:
    """Ratio of two likelihood ratios on the same units, candidate / baseline.

    The variance of its logarithm is the sum of those of the relative true and false positive fractions (of
    the negative fractions, for the negative ratio), which are of different units (Pepe 2003, ch. 3).

    Args:
        counts: The cells.
        side: `positive`: sensitivity / (1 - specificity); `negative`: (1 - sensitivity) / specificity.
        level: Confidence level.
        sides: `two`, or the one bound wanted; the other end is then 0 or infinite.

    Raises:
        CannotComputeError: A fraction of either version is 0.
        ValueError: An unknown side.
    """
    if side not in ("positive", "negative"):
        raise ValueError(f"`side` must be positive or negative, not {side!r}.")
    top, bottom = counts.positives, counts.negatives
    if side == "negative":
        top, bottom = _turned(top), _turned(bottom)
    variance, ratios = 0.0, []
    for cells in (top, bottom):
        first, second = cells.both + cells.candidate_only, cells.both + cells.baseline_only
        if not (first and second):
            raise CannotComputeError(
                f"A version has no {side} calls in one class; the ratio has no interval."
            )
        variance += (cells.candidate_only + cells.baseline_only) / (first * second)
        ratios.append((cells.candidate, cells.baseline))
    (top1, top2), (bottom1, bottom2) = ratios
    return _ratio(
        f"Relative {side} likelihood ratio (candidate / baseline)",
        top1 / bottom1, top2 / bottom2, float(np.sqrt(variance)), counts.n, "log_delta_paired", level, sides,
    )  # fmt: skip


def _turned(counts: PairedCounts) -> PairedCounts:
    """Cells of negative calls from those of positive ones."""
    return PairedCounts(counts.neither, counts.baseline_only, counts.candidate_only, counts.both)


def _ratio(  # noqa: PLR0917
    name: str,
    candidate: float,
    baseline: float,
    error: float,
    n: int,
    method: str,
    level: float,
    sides: Sides,
) -> ComparedProportions:
    low, high = tail_levels(level, sides)
    value = candidate / baseline
    lower = value * float(np.exp(special.ndtri(low) * error)) if low > 0 else 0.0
    upper = value * float(np.exp(special.ndtri(high) * error)) if high < 1 else float("inf")
    flat = error <= 1e-14
    note = "Both versions make the same calls; the interval has no width and says nothing." if flat else None
    interval = Interval(lower, upper, level, sides, method, degenerate=flat, warning=note)
    return ComparedProportions(name, candidate, baseline, value, interval, n, error)
