"""Binary classification against a reference: sensitivity, specificity, accuracy, prevalence.

Every metric counts true positives (TP), false positives (FP), false negatives (FN) and true negatives (TN) by
subject, and is one fraction of them. Indeterminate outputs are settled before: whoever calls decides whether
they are left out, positive or negative.
"""

from __future__ import annotations

from typing import Any, ClassVar

from numpy.typing import ArrayLike

from ..codes import binary_codes, check_request
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED
from ..intervals import CLOPPER, WILSON
from ..metric import Average, Citation, Columns, Metric, MetricResult, Sides
from ..proportions.proportion import (
    ProportionPrepared,
    Ratio,
    proportion_of,
    proportion_result,
    proportion_statistic,
)
from .cell_counts import CELLS, cell_counts

_TP, _FP, _FN, _TN = range(4)

ALTMAN = Citation(
    "altman1994", "Altman DG, Bland JM. Diagnostic tests 1: sensitivity and specificity. BMJ 1994;308:1552."
)
FDA_DIAGNOSTIC = Citation(
    "fda2007",
    "US Food and Drug Administration. Statistical guidance on reporting results from studies evaluating "
    "diagnostic tests. 2007.",
)


class BinaryProportion(Metric):
    """A fraction of the four cells. Subclasses say which."""

    kind = "binary"
    route = "additive"
    averages = ("pooled", "subject_mean")
    figure = "confusion"
    ratio: ClassVar[Ratio]
    empty: ClassVar[str]

    def prepare(
        self, columns: Columns, *, average: Average = "pooled", **parameters: Any
    ) -> ProportionPrepared:
        """Count the cells of each subject.

        Raises:
            ValueError: Codes other than 0 and 1, an unknown average, or any parameter.
        """
        check_request(self, columns, average, parameters)
        return proportion_of(
            columns,
            cell_counts(columns),
            names=CELLS,
            ratio=self.ratio,
            statistic=self.headline,
            average=average,
            empty=self.empty,
        )


class Sensitivity(BinaryProportion):
    """TP / (TP + FN)."""

    name = "sensitivity"
    title = "Sensitivity"
    summary = "Share of reference positives that the test calls positive."
    headline = "sensitivity"
    statistics = (
        proportion_statistic(
            "sensitivity", "Sensitivity", "True positives over reference positives, TP / (TP + FN).", "higher"
        ),
    )
    ratio = Ratio((_TP,), (_TP, _FN))
    empty = "There are no reference positives."
    citations = (ALTMAN, FDA_DIAGNOSTIC)


class Specificity(BinaryProportion):
    """TN / (TN + FP)."""

    name = "specificity"
    title = "Specificity"
    summary = "Share of reference negatives that the test calls negative."
    headline = "specificity"
    statistics = (
        proportion_statistic(
            "specificity", "Specificity", "True negatives over reference negatives, TN / (TN + FP).", "higher"
        ),
    )
    ratio = Ratio((_TN,), (_TN, _FP))
    empty = "There are no reference negatives."
    citations = (ALTMAN, FDA_DIAGNOSTIC)


class Accuracy(BinaryProportion):
    """(TP + TN) / all."""

    name = "accuracy"
    title = "Accuracy"
    summary = "Share of units on which test and reference agree; depends on the prevalence of this sample."
    headline = "accuracy"
    statistics = (
        proportion_statistic(
            "accuracy",
            "Accuracy",
            "Units on which test and reference agree over all units, (TP + TN) / (TP + FP + FN + TN).",
            "higher",
        ),
    )
    ratio = Ratio((_TP, _TN), (_TP, _FP, _FN, _TN))
    empty = "There are no units."
    citations = (CLOPPER, WILSON)


class Prevalence(BinaryProportion):
    """(TP + FN) / all."""

    name = "prevalence"
    title = "Prevalence"
    summary = "Share of units that are reference positives, in this sample."
    headline = "prevalence"
    statistics = (
        proportion_statistic(
            "prevalence",
            "Prevalence in the sample",
            "Reference positives over all units, (TP + FN) / (TP + FP + FN + TN).",
            "none",
        ),
    )
    ratio = Ratio((_TP, _FN), (_TP, _FP, _FN, _TN))
    empty = "There are no units."
    citations = (CLOPPER, WILSON)


METRICS: tuple[Metric, ...] = (
    Sensitivity(),
    Specificity(),
    Accuracy(),
    Prevalence(),
)


def sensitivity(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    positive: Any = None,
    subject: Any = None,
    weights: ArrayLike | None = None,
    average: Average = "pooled",
    ci: str | None = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Sensitivity: true positives over reference positives, TP / (TP + FN) (Altman & Bland 1994).

    Args:
        reference: (n,) values of the reference.
        test: (n,) values of the index test.
        positive: The value, or the values, that count as positive; all others are negative. Default: values
            are 0 and 1, or false and true.
        subject: (n,) subject labels, compared as text. Default: every row is a subject of its own.
        weights: (n,) row weights, of which only the ratios matter: the share of a stratum in the intended
            population over that in the sample (standardisation), or one over the probability that a row was
            verified. They are taken as known; a row of weight 0 is left out. The intervals that count units
            are then not available.
        average: `pooled` (default: each unit counts once, as in the published fractions) or `subject_mean`.
        ci: Interval method. Units independent: `clopper_pearson`, `wilson`, `wilson_cc`, `mid_p`, `blaker`,
            `jeffreys`, `agresti_coull`, `logit`, `wald`. Subjects as clusters: `cluster_t`, `cluster_logit`,
            `cluster_logit_cr2`, `cluster_arcsine`, `korn_graubard`, `rao_scott_wilson`,
            `rao_scott_clopper_pearson`, `donner_klar`, `gee_independence`, `gee_exchangeable`,
            `bootstrap_bca`, `bootstrap_percentile`. Default: `clopper_pearson` where every subject has one
            unit, otherwise `korn_graubard`, which is the same there. With several units it covered 92%
            with 10 subjects, 93% with 40 and 95% with 200 where 95% were claimed, `cluster_t` 80%,
            89% and 94%.
        level: Confidence level.
        sides: `two`, or the one bound wanted; the other is then 0 or 1.
        replicates: Bootstrap replicates.
        seed: Seed of the bootstrap.

    Raises:
        ValueError: Lengths differ, a value is missing, values need `positive`, or a parameter is not
            acceptable. An empty class is no exception: the estimate has no value, and `error` says why.

    Example:
        Altman & Bland 1994 (BMJ 308:1552), liver scans: 231 of 258 people with disease had an abnormal scan;
        `binom.test(231, 258)$conf.int` in R gives the interval.

        >>> result = sensitivity([1] * 258 + [0] * 86, [1] * 231 + [0] * 27 + [1] * 32 + [0] * 54)
        >>> estimate = result["sensitivity"]
        >>> round(estimate.value, 4), round(estimate.interval.lower, 4), round(estimate.interval.upper, 4)
        (0.8953, 0.8514, 0.9299)
    """
    return proportion_result(
        Sensitivity(),
        binary_codes("reference", reference, positive),
        binary_codes("test", test, positive),
        subject=subject,
        weights=weights,
        average=average,
        ci=ci,
        level=level,
        sides=sides,
        replicates=replicates,
        seed=seed,
    )


def specificity(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    positive: Any = None,
    subject: Any = None,
    weights: ArrayLike | None = None,
    average: Average = "pooled",
    ci: str | None = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Specificity: true negatives over reference negatives, TN / (TN + FP) (Altman & Bland 1994).

    Arguments and errors as for `sensitivity`; source: Altman DG, Bland JM. BMJ 1994;308:1552.

    Example:
        >>> result = specificity(["SR"] * 8, ["SR"] * 7 + ["AF"], positive="AF", ci="wilson")
        >>> estimate = result["specificity"]
        >>> round(estimate.value, 4), round(estimate.interval.lower, 4), round(estimate.interval.upper, 4)
        (0.875, 0.5291, 0.9776)
    """
    return proportion_result(
        Specificity(),
        binary_codes("reference", reference, positive),
        binary_codes("test", test, positive),
        subject=subject,
        weights=weights,
        average=average,
        ci=ci,
        level=level,
        sides=sides,
        replicates=replicates,
        seed=seed,
    )


def accuracy(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    positive: Any = None,
    subject: Any = None,
    weights: ArrayLike | None = None,
    average: Average = "pooled",
    ci: str | None = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Accuracy: units on which test and reference agree over all units.

    It is an average of sensitivity and specificity weighted by the prevalence of this sample.

    Arguments and errors as for `sensitivity`; source: the fraction itself; intervals as their methods cite.

    Example:
        >>> accuracy([1, 1, 0, 0], [1, 1, 1, 0])["accuracy"].value
        0.75
    """
    return proportion_result(
        Accuracy(),
        binary_codes("reference", reference, positive),
        binary_codes("test", test, positive),
        subject=subject,
        weights=weights,
        average=average,
        ci=ci,
        level=level,
        sides=sides,
        replicates=replicates,
        seed=seed,
    )


def prevalence(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    positive: Any = None,
    subject: Any = None,
    weights: ArrayLike | None = None,
    average: Average = "pooled",
    ci: str | None = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Prevalence in the sample: reference positives over all units, whatever the test says.

    Arguments and errors as for `sensitivity`; source: the fraction itself; intervals as their methods cite.

    Example:
        >>> prevalence([1, 1, 0, 0, 0], [1, 1, 1, 0, 0])["prevalence"].value
        0.4
    """
    return proportion_result(
        Prevalence(),
        binary_codes("reference", reference, positive),
        binary_codes("test", test, positive),
        subject=subject,
        weights=weights,
        average=average,
        ci=ci,
        level=level,
        sides=sides,
        replicates=replicates,
        seed=seed,
    )
