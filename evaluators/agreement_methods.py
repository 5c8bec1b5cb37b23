"""Interval methods of agreement beyond chance and of scores, as protocols and reports name them."""

from __future__ import annotations

from .interval_method import IntervalMethod
from .metric import Citation

GWET_VARIANCE = Citation(
    "gwet2014",
    "Gwet KL. Handbook of Inter-Rater Reliability. 4th ed. Advanced Analytics 2014 (variances, missing "
    "ratings).",
)

METHODS: tuple[IntervalMethod, ...] = (
    IntervalMethod(
        "gwet_t",
        "t, Gwet's variance",
        "Estimate plus and minus Student's t times the standard error of Gwet, which takes the share of "
        "units with two ratings as fixed; subjects as clusters, number of subjects - 1 degrees of freedom.",
        (GWET_VARIANCE,),
        resampling=False,
    ),
)
