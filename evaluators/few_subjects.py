"""Where simulation has shown that no interval of a statistic holds its word with so few subjects."""

from __future__ import annotations

from collections.abc import Mapping

from .metric import Counts

_SMALLEST = 10  # fewer subjects were not simulated

PROPORTIONS = ("sensitivity", "specificity", "ppv", "npv", "accuracy", "prevalence")

FLOORS: Mapping[tuple[str, str], tuple[int, int]] = {
    ("rmse", "rmse"): (40, 85),
    ("mape", "mape"): (10, 40),
    ("cohen_kappa", "kappa"): (40, 85),
    ("auc", "auc"): (10, 85),
    **{(name, name): (10, 85) for name in PROPORTIONS},
}
"""(metric, statistic) -> smallest number of subjects with one unit each, and with several.

Of 10, 20, 40, 85 and 200, the number with which some interval of nominally 95% covered at least 93%: of
measurements with normal errors, of others over their simulated values; on average over
likenesses and numbers of a subject's units. The proportions have the numbers of sensitivity. What is not here
reached 93% with 10 subjects, or was not simulated, as means over subjects were not. The documentation has the
tables, "How often intervals cover", and a test derives these numbers from them.
"""


def few_subjects_warning(metric: str, statistic: str, counts: Counts) -> str | None:
    """Words for an interval that rests on fewer subjects than any interval of that statistic can support.

    Fewer than 10 subjects were not simulated; there the warning is that of 10.

    Args:
        metric: The metric's name.
        statistic: The statistic's name.
        counts: What the statistic rests on.

    Returns:
        The warning, or None.

    Example:
        >>> print(few_subjects_warning("rmse", "rmse", Counts(17, 340)))
        Only 17 subjects: in simulations, no 95% interval of this statistic covered 93% with fewer than 85.
        >>> few_subjects_warning("rmse", "rmse", Counts(85, 1700)) is None
        True
    """
    floors = FLOORS.get((metric, statistic))
    if floors is None:
        return None
    floor = floors[counts.n_units > counts.n_subjects]
    if counts.n_subjects >= floor or floor == _SMALLEST:
        return None
    return (
        f"Only {counts.n_subjects} subjects: in simulations, no 95% interval of this statistic covered 93% "
        f"with fewer than {floor}."
    )
