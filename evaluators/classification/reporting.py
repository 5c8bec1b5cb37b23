"""How often a device reports at all: performance figures are conditional on it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import same_length
from ..codes import as_column, binary_codes, check_codes, check_request, is_missing
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED
from ..intervals import CLOPPER, WILSON
from ..metric import Average, Columns, Metric, MetricResult, Prepared, Sides
from ..proportions.proportion import (
    ProportionPrepared,
    Ratio,
    prepare_proportion,
    proportion_result,
    proportion_statistic,
)


class Yield(Metric):
    """Determinate outputs over all units. `test` holds 1 (determinate) or 0; `reference` is not looked at."""

    name = "yield"
    title = "Yield"
    summary = "Share of units for which the algorithm gives a determinate result."
    kind = "binary"
    route = "additive"
    statistics = (
        proportion_statistic(
            "yield",
            "Yield",
            "Units with a determinate output over all units that have an output and a reference.",
            "higher",
        ),
    )
    headline = "yield"
    averages = ("pooled", "subject_mean")
    citations = (CLOPPER, WILSON)

    def prepare(
        self, columns: Columns, *, average: Average = "pooled", **parameters: Any
    ) -> ProportionPrepared:
        """Count determinate and indeterminate units of each subject.

        Raises:
            ValueError: Codes other than 0 and 1 in `test`, an unknown average, or any parameter.
        """
        check_request(self, columns, average, parameters)
        check_codes("test", columns.test, 2)
        determinate = columns.test == 1
        return prepare_proportion(
            columns,
            (determinate, ~determinate),
            names=("determinate", "indeterminate"),
            ratio=Ratio((0,), (0, 1)),
            statistic=self.headline,
            average=average,
            empty="There are no units.",
        )


class Coverage(Metric):
    """Reference units with an output over all of them. `test` holds 1 or 0; `reference` is not looked at."""

    name = "coverage"
    title = "Coverage"
    summary = "Share of reference units for which the device gives an output."
    kind = "binary"
    route = "additive"
    statistics = (
        proportion_statistic(
            "coverage",
            "Coverage",
            "Units with a reference and a determinate output over all units with a reference.",
            "higher",
        ),
    )
    headline = "coverage"
    averages = ("pooled", "subject_mean")
    citations = (CLOPPER, WILSON)

    def prepare(
        self, columns: Columns, *, average: Average = "pooled", **parameters: Any
    ) -> ProportionPrepared:
        """Count units with and without an output of each subject.

        Raises:
            ValueError: Codes other than 0 and 1 in `test`, an unknown average, or any parameter.
        """
        check_request(self, columns, average, parameters)
        check_codes("test", columns.test, 2)
        covered = columns.test == 1
        return prepare_proportion(
            columns,
            (covered, ~covered),
            names=("with output", "without output"),
            ratio=Ratio((0,), (0, 1)),
            statistic=self.headline,
            average=average,
            empty="There are no reference units.",
        )

    def restricted(self, whole: Prepared, chosen: NDArray[np.bool_]) -> Prepared | None:
        """Some subjects alone: units are counted in each; see `Metric.restricted`."""
        counted = isinstance(whole, ProportionPrepared) and not whole.weighted
        return whole.subset(chosen) if counted and isinstance(whole, ProportionPrepared) else None


METRICS: tuple[Metric, ...] = (Yield(), Coverage())


def reported_share(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    indeterminate: Any = (),
    subject: Any = None,
    weights: ArrayLike | None = None,
    average: Average = "pooled",
    ci: str | None = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Yield: share of units for which the algorithm gives a determinate output.

    Report it beside every figure that leaves indeterminate outputs out (US FDA 2007, statistical guidance on
    diagnostic tests).

    Args:
        reference: (n,) values of the reference; only their number is looked at.
        test: (n,) outputs of the algorithm; missing ones (None, NaN) are indeterminate.
        indeterminate: The output, or the outputs, that are no result, such as `("inconclusive", "poor")`.
        subject: As for `sensitivity`, like all that follow.
        weights: See there.
        average: See there.
        ci: See there.
        level: See there.
        sides: See there.
        replicates: See there.
        seed: See there.

    Raises:
        ValueError: Lengths differ, or a parameter is not acceptable.

    Example:
        >>> outputs = ["AF", "SR", "SR", "inconclusive"]
        >>> reported_share(["AF", "SR", "SR", "SR"], outputs, indeterminate="inconclusive")["yield"].value
        0.75
    """
    return proportion_result(
        Yield(),
        np.zeros(len(np.asarray(reference)), dtype=np.int64),
        _determinate(as_column(test), indeterminate),
        subject=subject,
        weights=weights,
        average=average,
        ci=ci,
        level=level,
        sides=sides,
        replicates=replicates,
        seed=seed,
    )


def coverage(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    indeterminate: Any = (),
    subject: Any = None,
    weights: ArrayLike | None = None,
    average: Average = "pooled",
    ci: str | None = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Coverage: share of the units with a reference for which the device gives an output.

    Errors are conditional on being reported: a device that stays silent where it is difficult has small ones.
    Unlike the yield, which is the share of the outputs that are a result, coverage counts the units without
    any row of the device, too.

    Args:
        reference: (n,) values of the reference; units without one (None, NaN) do not count.
        test: (n,) outputs of the device; missing ones (None, NaN) are none.
        indeterminate: The output, or the outputs, that are no result, such as `("inconclusive", "poor")`.
        subject: As for `sensitivity`, like all that follow.
        weights: See there.
        average: See there.
        ci: See there.
        level: See there.
        sides: See there.
        replicates: See there.
        seed: See there.

    Raises:
        ValueError: Lengths differ, or a parameter is not acceptable.

    Example:
        >>> coverage([60, 61, 75, None], [61, None, 74, 80])["coverage"].value
        0.6666666666666666
    """
    truth, outputs = as_column(reference), as_column(test)
    same_length(len(truth), {"test": outputs})
    known = ~is_missing(truth)
    return proportion_result(
        Coverage(),
        np.zeros(int(known.sum()), dtype=np.int64),
        _determinate(outputs, indeterminate)[known],
        subject=None if subject is None else as_column(subject)[known],
        weights=None if weights is None else np.asarray(weights)[known],
        average=average,
        ci=ci,
        level=level,
        sides=sides,
        replicates=replicates,
        seed=seed,
    )


def _determinate(outputs: NDArray[Any], indeterminate: Any) -> NDArray[np.int64]:
    """1 for outputs that are results, 0 for the others."""
    missing = is_missing(outputs)
    named = np.zeros(len(outputs), dtype=np.int64)
    named[~missing] = binary_codes("test", outputs[~missing], indeterminate)
    return np.where(missing, 0, 1 - named)
