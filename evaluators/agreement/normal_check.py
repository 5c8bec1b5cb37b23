"""Are differences so far from normal that an interval which takes them for normal is too narrow?

A test of normality answers another question: with many rows it finds what does not matter, and it takes the
rows of a subject for independent. What matters is by how much the limits vary from subject to subject, and
that has two estimates: one that takes the differences for normal, on which `mover`, `t`, `z` and the exact
intervals rest, and the linearised one, which knows nothing but the subjects. With skewness g and excess
kurtosis k of independent differences the variances of the limits bias +- z sd are

    (1 + z^2 / 2) sd^2 / n    and    (1 +- z g + z^2 (k + 2) / 4) sd^2 / n.

The larger square root of their ratio over both 95% limits is the `spread_ratio`: 1 for normal differences,
1.7 for Student's t with 5 degrees of freedom, 2.1 for exponential ones. Both estimates are functions of the
totals that the limits have anyway, so the check adds up over subjects, sites and blocks, and it holds for
repeated pairs.
"""

from __future__ import annotations

import numpy as np

LARGEST_RATIO = 1.3
"""A warning is given above. A standard error 1.3 times as large leaves 87% of an interval's 95%.

Simulated (one to 500 rows a subject, correlations 0 to 0.8): of normal differences, 7 to 16% of the studies
of 10 subjects lie above, 5 to 12% of 20, 1 to 7% of 40, at most 4% of 85 and none of 200. Of exponential ones
42 to 95% with 10 subjects, 64 to 99% with 20, 75% or more with 40, 95% or more with 85. Of Student's t with 5
degrees of freedom 21 to 68% with 10, 29 to 76% with 40, 31 to 96% with 200. Where nothing is said, nothing is
proven.
"""


NO_WIDTH = "The estimate is 0; the interval has no width and says nothing."
"""Of an interval that multiplies the estimate."""


def spread_ratio(linearised: tuple[float, ...], modelled: float) -> float:
    """Largest linearised standard error over that of the normal model; 1 where either is nothing.

    Args:
        linearised: Standard errors of the statistics with subjects as clusters.
        modelled: Standard error of each that takes differences for normal.

    Example:
        >>> spread_ratio((2.0, 3.0), 1.5)
        2.0
    """
    largest = max(linearised)
    return float(largest / modelled) if modelled > 0 and np.isfinite(largest) else 1.0


def interval_warning(ratio: float, found: str = "The differences are not normal: limits vary") -> str | None:
    """Words for an interval that takes differences for normal; None where they do not speak against it.

    Args:
        ratio: See `spread_ratio`.
        found: The start of the sentence.

    Example:
        >>> interval_warning(1.2) is None
        True
        >>> print(interval_warning(1.94))
        The differences are not normal: limits vary 1.9 times as much from subject to subject as this interval
        assumes, so it is too narrow. Take an interval with subjects as clusters, or a bootstrap.
    """
    if not ratio > LARGEST_RATIO:
        return None
    return (
        f"{found} {ratio:.2g} times as much from subject to subject as this interval assumes, so it is too "
        f"narrow. Take an interval with subjects as clusters, or a bootstrap."
    )


def statistic_warning(ratio: float, instead: str) -> str | None:
    """Words for a statistic that is itself read from a normal distribution; None likewise.

    Args:
        ratio: See `spread_ratio`.
        instead: What asks the same without a distribution.
    """
    if not ratio > LARGEST_RATIO:
        return None
    return (
        f"The differences are not normal (their limits vary {ratio:.2g} times as much between subjects as "
        f"normal ones would), and this statistic is read from a normal distribution. See {instead}."
    )
