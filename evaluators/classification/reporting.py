"""How often a device reports at all: performance figures are conditional on it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..codes import as_column, binary_codes, check_codes, check_request, is_missing
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED
from ..intervals import CLOPPER, WILSON
from ..metric import Average, Columns, Metric, MetricResult, Sides
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


METRICS: tuple[Metric, ...] = (Yield(),)


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
    outputs = as_column(test)
    missing = is_missing(outputs)
    named = np.zeros(len(outputs), dtype=np.int64)
    named[~missing] = binary_codes("test", outputs[~missing], indeterminate)
    return proportion_result(
        Yield(),
        np.zeros(len(np.asarray(reference)), dtype=np.int64),
        np.where(missing, 0, 1 - named),
        subject=subject,
        weights=weights,
        average=average,
        ci=ci,
        level=level,
        sides=sides,
        replicates=replicates,
        seed=seed,
    )
